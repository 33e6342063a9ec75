# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: /ready says so at once, answers go on until nobody asks any more, then the process is gone."""
import signal
import subprocess
import time

from cluster import namespace, service
from harness import COREFILE, DEADLINE_S, rcode_text, running, wait_for

CLUSTER = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20")]}


def test_until_it_is_quiet(tmp_path):
    """A client that goes on asking is answered for as long as it does; when it stops, the process ends."""
    with running(tmp_path / "server", CLUSTER, leave_after="2s") as server:
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
        server.process.send_signal(signal.SIGTERM)
        wait_for("503", lambda: server.http("ready")[0] == 503)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert rcode_text(server.ask("web.shop.svc", timeout=5)) == "NOERROR"
            assert server.http("ready")[0] == 503 and server.http("health")[0] == 200
            time.sleep(0.2)
        assert server.process.poll() is None
        last = time.monotonic()
        assert server.process.wait(DEADLINE_S) == 0
        assert time.monotonic() - last > 1.0


def test_at_once_when_nobody_asks(tmp_path):
    with running(tmp_path / "server", CLUSTER, leave_after="2s") as server:
        time.sleep(3)  # longer than that, without a query
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE_S) == 0
        assert time.monotonic() - began < 2.0


def test_lameduck_is_the_least(tmp_path):
    corefile = COREFILE.replace("health $address:$health", "health $address:$health {\n lameduck 2s\n }")
    with running(tmp_path / "server", CLUSTER, corefile=corefile) as server:
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE_S) == 0
        assert 2.0 <= time.monotonic() - began


def test_a_second_signal(tmp_path):
    with running(tmp_path / "server", CLUSTER, leave_after="60s") as server:
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
        server.process.send_signal(signal.SIGTERM)
        wait_for("503", lambda: server.http("ready")[0] == 503)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE_S) == 130


def test_sighup_while_leaving(tmp_path):
    """Whichever comes first, it leaves in order. (Of two pending signals the lower number is delivered first.)"""
    with running(tmp_path / "server", CLUSTER, leave_after="1s") as server:
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(DEADLINE_S) == 0


def test_duration(tmp_path):
    for text in ("61s", "x", "", "-1s"):
        done = subprocess.run([*_command(), f"--leave-after={text}"], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "no duration" in done.stderr


def _command():
    from harness import BINARY
    return [BINARY, "--check"]

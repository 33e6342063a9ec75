# SPDX-License-Identifier: Apache-2.0
"""--state-dir: a start with a bad configuration runs the last good one, and says so; a good one takes its place again."""
import os
import signal
import subprocess

import pytest

from cluster import namespace, service, write_files
from harness import BINARY, COREFILE, Server, rcode_text, running, wait_for

CLUSTER = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20")]}


@pytest.fixture
def server(tmp_path):
    """Not started."""
    made = Server(tmp_path / "server")
    write_files(made.objects, CLUSTER)
    made.state = tmp_path / "state"
    made.state.mkdir()
    yield made
    if made.process and made.process.returncode is None:
        made.stop()


def start(server):
    server.start("--state-dir", str(server.state))
    server.wait_ready()


def test_bad_at_the_start(server):
    start(server)
    assert server.metric("kaname_config_is_last_good") == 0
    server.stop()
    good = server.corefile.read_text()
    server.write_corefile(COREFILE + "\nnonsense {")
    start(server)
    assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
    assert server.metric("kaname_config_is_last_good") == 1
    assert server.metric("kaname_config_last_reload_successful") == 0
    assert "last good" in server.log() and "Corefile:" in server.log()

    # The file is repaired.
    server.corefile.write_text(good)
    server.process.send_signal(signal.SIGHUP)
    wait_for("the good one", lambda: server.metric("kaname_config_is_last_good") == 0)
    assert server.metric("kaname_config_last_reload_successful") == 1
    assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"


def test_imports_are_kept(server, tmp_path):
    """The copy needs nothing beside it."""
    extra = tmp_path / "extra"
    extra.write_text("bufsize 1000\n")
    server.write_corefile(COREFILE.replace("loadbalance", f"import {extra}"))
    start(server)
    server.stop()
    extra.unlink()
    start(server)
    assert server.metric("kaname_config_is_last_good") == 1


def test_a_reload_is_kept(server):
    start(server)
    kept = (server.state / "Corefile.last-good").read_text()
    server.write_corefile(COREFILE.replace("ttl 30", "ttl 77"))
    server.process.send_signal(signal.SIGHUP)
    wait_for("the new copy", lambda: (server.state / "Corefile.last-good").read_text() != kept)
    assert "77" in (server.state / "Corefile.last-good").read_text()
    server.write_corefile("nonsense {")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the failure", lambda: server.metric("coredns_reload_failed_total") == 1)
    assert "77" in (server.state / "Corefile.last-good").read_text()


def test_nothing_is_kept(server):
    """A bad configuration and no copy: it does not start. A folder that cannot be written is told, no more."""
    server.write_corefile("nonsense {")
    server.start("--state-dir", str(server.state))
    assert server.process.wait(20) == 1
    server.write_corefile(COREFILE)
    server.state = server.state / "nowhere"
    start(server)
    wait_for("the line", lambda: "could not be kept" in server.log())


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("Corefile.elsewhere")])
def test_garbage_in_the_folder(server, make):
    """Under the name of the draft: it is put out of the way, or told."""
    make(server.state / "Corefile.last-good.new")
    start(server)
    if make is os.mkdir:
        wait_for("the line", lambda: "could not be kept" in server.log())
    else:
        assert (server.state / "Corefile.last-good").read_text()
        assert not (server.state / "Corefile.elsewhere").exists()


def test_larger_than_can_be_read(server, tmp_path):
    """The copy of many imports would be more than a Corefile may have: the one before stays."""
    start(server)
    kept = (server.state / "Corefile.last-good").read_text()
    for i in range(3):
        words = "".join(f"block net 2001:0db8:0000:0000:0000:0000:0000:{k:04x}/128\n" for k in range(9000))
        (tmp_path / f"{i}.acl").write_text(f"acl {{\n{words}}}\n")
    server.write_corefile(COREFILE.replace("loadbalance", f"import {tmp_path}/*.acl"))
    server.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: "Reloading complete" in server.log())
    assert "could not be kept" in server.log()
    assert (server.state / "Corefile.last-good").read_text() == kept


def test_check_does_not_use_it(server):
    start(server)
    server.stop()
    server.write_corefile("nonsense {")
    done = subprocess.run([BINARY, "-conf", str(server.corefile), "--check", "--state-dir", str(server.state)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "never closed" in done.stderr

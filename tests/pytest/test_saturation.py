# SPDX-License-Identifier: Apache-2.0
"""kaname_saturation, what autoscalers read: its parts rise with what they are of, fall again, and stay within 0 and 1.

The window is ten seconds, of which each test waits for as few as it can. How high a part rises in a second, or how low it is on an
idle but slow machine, nobody says here.
"""
import re
import signal
import socket
import threading
import time

from cluster import namespace, service
from harness import COREFILE, DEADLINE_S, question, rcode_text, running, wait_for
from upstream import Upstream

CLUSTER = [namespace("shop"), service("web.shop", "10.96.1.1", ports=["http:80"])]
FORWARDING = COREFILE.replace("    loadbalance\n", "    forward . UPSTREAM {\n        max_concurrent LIMIT\n    }\n")
PARTS = ("queue", "slots", "cpu")


def forwarding(upstream, limit):
    return FORWARDING.replace("UPSTREAM", str(upstream)).replace("LIMIT", str(limit))


def parts_of(server):
    """{part: value} of one page, and the whole under None; every one was checked to be one."""
    samples = server.metrics()
    parts = {part: samples[f'kaname_saturation_part{{part="{part}"}}'] for part in PARTS}
    parts[None] = samples["kaname_saturation"]
    assert all(0 <= value <= 1 for value in parts.values()), parts
    assert parts[None] == max(parts[part] for part in PARTS)
    return parts


def wait_until(server, part, condition):
    wait_for(f"{part} is so", lambda: condition(parts_of(server)[part]), deadline_s=60)


class Load:
    """Sends queries that nobody waits for until it ends, `rate` a second."""

    def __init__(self, server, rate, names):
        self.server, self.rate, self.names = server, rate, names
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((self.server.address, self.server.port))
            n = 0
            while not self.is_over.wait(1 / self.rate):
                n += 1
                sock.send(question(self.names.format(n)).to_wire())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


def test_families(serve):
    with serve({"all.json": CLUSTER}) as server:
        page = server.http("metrics")[1]
        for family, kind in (("kaname_saturation", "gauge"), ("kaname_saturation_part", "gauge"), ("kaname_queue_delay_seconds", "histogram")):
            assert re.search(rf"^# HELP {family} \S.+\n# TYPE {family} {kind}\n{family}[ {{_]", page, re.MULTILINE), family
            assert page.count(f"# TYPE {family} ") == 1
        assert re.findall(r'^kaname_saturation_part\{(.*)\}', page, re.MULTILINE) == [f'part="{part}"' for part in PARTS]
        assert parts_of(server)["slots"] == 0


def test_queue_delay_is_counted(serve):
    """Of each family of addresses, and on a wildcard, where the answer has to come from the address that was asked."""
    with serve({"all.json": CLUSTER}, corefile=COREFILE.replace("    bind $address\n", "")) as server:
        for n, address in enumerate(("::1", server.address), 1):
            server.address, kept = address, server.address
            assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
            server.address = kept
            assert server.metric("kaname_queue_delay_seconds_count") >= n
        assert server.metric("kaname_queue_delay_seconds_bucket", le="+Inf") == server.metric("kaname_queue_delay_seconds_count")


def test_slots(serve):
    """Questions that no upstream answers take what max_concurrent allows; a reload that allows more makes it less; then they give up."""
    with Upstream() as upstream:
        upstream.rules = [("*", "drop")]
        with serve({"all.json": CLUSTER}, corefile=forwarding(upstream, 20)) as server:
            assert parts_of(server)["slots"] == 0
            with Load(server, 50, "n{}.example."):
                wait_until(server, "slots", lambda value: value >= 0.3)
                assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
                wait_until(server, "slots", lambda value: value >= 0.9)
                server.write_corefile(forwarding(upstream, 100000))
                server.process.send_signal(signal.SIGHUP)
                wait_until(server, "slots", lambda value: value <= 0.4)
            wait_until(server, "slots", lambda value: value == 0)


def test_connections(serve):
    with serve({"all.json": CLUSTER}) as server:
        connections = [server.connect() for _ in range(100)]
        try:
            wait_until(server, "slots", lambda value: 0 < value < 0.5)
        finally:
            for connection in connections:
                connection.close()
        wait_until(server, "slots", lambda value: value == 0)


def test_queue(serve):
    """A process that hardly runs: queries wait for it."""
    with serve({"all.json": CLUSTER}) as server:
        with Load(server, 100, "web.shop.svc"):
            end = time.monotonic() + 30
            while parts_of(server)["queue"] < 0.5:
                assert time.monotonic() < end, parts_of(server)
                for _ in range(5):
                    server.process.send_signal(signal.SIGSTOP)
                    time.sleep(0.2)  # it is what is tried, not what is waited for
                    server.process.send_signal(signal.SIGCONT)
                    time.sleep(0.02)
        assert server.metric("kaname_queue_delay_seconds_sum") > 1
        wait_until(server, "queue", lambda value: value < 0.3)
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"


def test_one_stall_is_little(serve):
    """A stop of seconds, with queries that waited for all of it, is as many of ten."""
    with serve({"all.json": CLUSTER}) as server:
        wait_until(server, "queue", lambda value: value < 0.05)
        server.process.send_signal(signal.SIGSTOP)
        try:
            with Load(server, 50, "web.shop.svc"):
                time.sleep(3)
        finally:
            server.process.send_signal(signal.SIGCONT)
        wait_for("it was seen", lambda: server.metric("kaname_queue_delay_seconds_sum") > 2)
        most, end = 0, time.monotonic() + 3
        while time.monotonic() < end:
            most = max(most, parts_of(server)["queue"])
        assert 0.05 < most < 0.8


def test_scrapes_change_nothing(serve):
    """Two scrapers in the same second read the same; none of them begins a window of its own."""
    with serve({"all.json": CLUSTER}) as server:
        same = 0
        for _ in range(20):
            same += parts_of(server) == parts_of(server)
        assert same >= 10  # a second may end between two


def test_cpu(serve):
    """Scrapes without a pause: the process takes CPU time, and what it takes falls again."""
    with serve({"all.json": CLUSTER}) as server:
        before = parts_of(server)["cpu"]
        end = time.monotonic() + 60
        while parts_of(server)["cpu"] <= min(before + 0.05, 0.9):
            assert time.monotonic() < end
            server.http("metrics")
        most = parts_of(server)["cpu"]
        wait_until(server, "cpu", lambda value: value < most)


def test_leaving(serve):
    """A process that leaves still tells what is."""
    lameduck = COREFILE.replace("health $address:$health", "health $address:$health {\n        lameduck 3s\n    }")
    with serve({"all.json": CLUSTER}, corefile=lameduck) as server:
        server.process.send_signal(signal.SIGTERM)
        wait_for("it leaves", lambda: server.http("ready")[0] == 503)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert parts_of(server)["slots"] == 0
            assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
        assert server.process.wait(DEADLINE_S) == 0

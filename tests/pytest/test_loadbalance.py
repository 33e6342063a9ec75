# SPDX-License-Identifier: Apache-2.0
"""loadbalance as CoreDNS documents it, against a running server: which address comes first, by weight and by network, and a
weight file that changes, breaks and comes back."""
from collections import Counter

import pytest

from harness import running, wait_for

ADDRESSES = ["100.64.1.1", "100.64.1.2", "100.64.1.3"]
COREFILE = """
.:$port {
    bind $address
    ready $address:$ready
    hosts $folder/none {
        100.64.1.1 www.example.com one.example.com
        100.64.1.2 www.example.com
        100.64.1.3 www.example.com
        fd00::1 www.example.com
        fd01::2 www.example.com
    }
    LOADBALANCE
}
"""
WEIGHTS = "# README's\nwww.example.com\n100.64.1.1 3\n100.64.1.2 1\n100.64.1.3 2\n"


@pytest.fixture
def serve_balanced(tmp_path):
    def start(loadbalance, weights=None):
        folder = tmp_path / "server"
        folder.mkdir()
        if weights is not None:
            (folder / "weights").write_text(weights)
        return running(folder, corefile=COREFILE.replace("LOADBALANCE", loadbalance))
    return start


def order(server, name="www.example.com.", rdtype="A"):
    return [rrset[0].to_text() for rrset in server.ask(name, rdtype).answer]


def firsts(server, n=1200):
    """How often each address is the first; every answer has all of them."""
    counts = Counter()
    for _ in range(n):
        addresses = order(server)
        assert sorted(addresses) == ADDRESSES
        counts[addresses[0]] += 1
    return counts


def test_weighted(serve_balanced):
    """3 : 1 : 2; the bounds are six standard deviations."""
    with serve_balanced("loadbalance weighted $folder/weights", WEIGHTS) as server:
        counts = firsts(server)
        assert 495 < counts["100.64.1.1"] < 705 and 120 < counts["100.64.1.2"] < 280 and 300 < counts["100.64.1.3"] < 500
        assert order(server, "one.example.com.") == ["100.64.1.1"]
        assert sorted(order(server, rdtype="AAAA")) == ["fd00::1", "fd01::2"]


def test_round_robin(serve_balanced):
    with serve_balanced("loadbalance round_robin") as server:
        counts = firsts(server)
        assert all(300 < counts[address] < 500 for address in ADDRESSES)


def test_prefer(serve_balanced):
    with serve_balanced("loadbalance {\n prefer 100.64.1.2/31 fd01::/16\n }") as server:
        seen = set()
        for _ in range(60):
            addresses = order(server)
            assert addresses[2] == "100.64.1.1"
            seen.add(addresses[0])
            assert order(server, rdtype="AAAA") == ["fd01::2", "fd00::1"]
        assert seen == {"100.64.1.2", "100.64.1.3"}


def test_reload(serve_balanced):
    """Missing, there, broken, good again: what was good stays."""
    with serve_balanced("loadbalance weighted $folder/weights {\n reload 100ms\n }") as server:
        weights = server.folder / "weights"

        def heavy(address):
            return firsts(server, 60)[address] > 50
        weights.write_text("www.example.com\n100.64.1.1 255\n")
        wait_for("the file", lambda: heavy("100.64.1.1"))
        weights.write_text("www.example.com\n100.64.1.2 256\n")
        wait_for("a log line", lambda: f'{weights}:2: "256" is not a weight from 1 to 255' in server.log())
        assert heavy("100.64.1.1")
        weights.write_text("www.example.com\n100.64.1.3 255\n")
        wait_for("the new file", lambda: heavy("100.64.1.3"))
        weights.unlink()
        wait_for("a log line", lambda: "what was read of it before stays" in server.log())
        assert heavy("100.64.1.3")

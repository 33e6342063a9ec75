# SPDX-License-Identifier: Apache-2.0
"""The node cache of deploy/overlays/node-local, run as its manifests say (node.py) and asked from a pod."""
import re
import signal
import threading
import time

import dns.exception
import dns.rcode
import dns.rdatatype
import pytest

from harness import DEADLINE_S, question, sanitizers, wait_for
from node import SERVICE, V4, V6, running
from render import render
from test_handover import Connections, ManyFlows, OneFlow
from upstream import addresses_of

UPGRADES = 10
RSS_MAX_KIB = 16 * 1024  # the goal is below 10 MiB
GAP_MAX_S = 10.0
STALE, NOT_READY, UNREACHABLE = 3, 14, (22, 23)  # extended errors
REFRESH_S = 30 + DEADLINE_S  # a refresh that has failed is repeated after 30 s


@pytest.fixture(name="objects", scope="module")
def fixture_objects():
    return render("overlays/node-local")


@pytest.fixture(name="node", scope="module")
def fixture_node(tmp_path_factory, objects):
    """Everything serves; the process of the cache is .cache."""
    with running(tmp_path_factory.mktemp("node"), objects) as node:
        done = node.make_interface()
        assert (done.returncode, done.stderr) == (0, "")
        node.start_service()
        node.cache = node.start()
        wait_for("the cache", node.is_ready)
        yield node
        assert not re.search("Sanitizer|runtime error:|CHECK failed", node.log()), node.log()[-20000:]


# ---- what it answers

EXTERNAL = "www.example.com."
NAMES = [  # (name, type, rcode, records)
    ("web.shop.svc", "A", "NOERROR", ["A 10.96.20.1"]),
    ("web.shop.svc", "AAAA", "NOERROR", ["AAAA fd00:10:96::2001"]),
    ("_http._tcp.web.shop.svc", "SRV", "NOERROR", ["SRV 0 100 80 web.shop.svc.cluster.local."]),
    ("1.20.96.10.in-addr.arpa.", "PTR", "NOERROR", ["PTR web.shop.svc.cluster.local."]),
    ("1.0.0.2" + ".0" * 16 + ".6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa.", "PTR", "NOERROR", ["PTR web.shop.svc.cluster.local."]),
    ("nothing.shop.svc", "A", "NXDOMAIN", []),
    ("shop.svc", "A", "NOERROR", []),
    (EXTERNAL, "A", "NOERROR", [f"A {addresses_of(EXTERNAL)[0]}"]),
    (EXTERNAL, "AAAA", "NOERROR", [f"AAAA {addresses_of(EXTERNAL)[1]}"]),
    (EXTERNAL, "MX", "NOERROR", []),
]


@pytest.mark.parametrize("name, rdtype, rcode, records", NAMES, ids=[" ".join(case[:2]) for case in NAMES])
def test_names(node, name, rdtype, rcode, records):
    for address in (V4, V6):
        for tcp in (False, True):
            assert node.texts(name, rdtype, address=address, tcp=tcp) == (rcode, records), (address, tcp)


def test_service_is_asked_by_tcp_only(node):
    node.texts("web.shop.svc")
    served = [node.metric(node.cluster, f"{SERVICE}:9153", "coredns_dns_requests_total", f'proto="{proto}"')
              for proto in ("udp", "tcp")]
    assert served[0] == 0 and served[1] > 0


def test_metrics_on_every_address(node):
    for where in ("10.244.0.1:9253", "[fd00:244::1]:9253", f"{V4}:9253"):
        assert node.metric(node.pod, where, "coredns_dns_requests_total") > 0, where


def test_one_worker(node):
    """Each has a cache of its own, which the others do not know."""
    assert re.search(r"kaname \S+, 1 worker$", node.log(), re.MULTILINE)


def test_answers_are_kept(node):
    name = "kept.example.com."
    for _ in range(5):
        node.texts(name)
    assert node.upstream.count(name) == 1


# ---- changes

def test_denial_is_short(node):
    """A service that comes into being is found by those who have asked for it too early."""
    message = node.ask("early.shop.svc")
    assert message.rcode() == dns.rcode.NXDOMAIN
    assert [item.ttl for item in message.authority if item.rdtype == dns.rdatatype.SOA] <= [2]
    node.add_service("early", "10.96.20.77")
    wait_for("the new service", lambda: node.texts("early.shop.svc") == ("NOERROR", ["A 10.96.20.77"]))


def test_service_dies_and_comes_back(node):
    known, never_asked = "api.shop.svc", "checkout.shop.svc"
    assert node.texts(known) == ("NOERROR", ["A 10.96.20.2"])
    node.service.kill()
    node.service.wait()
    assert node.texts(known) == ("NOERROR", ["A 10.96.20.2"])  # fresh, or else stale

    def is_stale():
        message = node.ask(known)
        assert (message.rcode(), [str(rdata) for item in message.answer for rdata in item]) == (0, ["10.96.20.2"])
        return STALE in node.codes(message)
    wait_for("its TTL is over", is_stale)
    message = node.ask(never_asked)
    assert message.rcode() == dns.rcode.SERVFAIL  # never NXDOMAIN
    assert set(node.codes(message)) & set(UNREACHABLE)
    assert node.texts("outage.example.com.") == ("NOERROR", [f"A {addresses_of('outage.example.com.')[0]}"])
    assert node.is_ready()

    node.start_service()
    wait_for("names that were not known", lambda: node.texts(never_asked) == ("NOERROR", ["A 10.96.20.3"]))
    wait_for("fresh answers", lambda: not node.codes(node.ask(known)), REFRESH_S)


def test_node_resolv_conf_alone_is_enough(node):
    """Names from elsewhere do not go through the Service."""
    assert node.texts("direct.example.com.")[0] == "NOERROR"
    assert node.upstream.count("direct.example.com.") == 1
    log = (node.folder / "log.service").read_text()
    assert "web.shop.svc" in log and "example.com" not in log


# ---- upgrade and crash

class FromPod:
    """A load whose sockets are the pod's; answers have a TTL that goes down."""
    address = None

    def run(self):
        with self.node.pod.entered():
            super().run()

    def check(self, query, answer):
        is_right = answer is not None and answer[:2] == query[:2] and answer[3] & 0x0f == 0 and self.want in answer
        if not is_right:
            self.wrong.append(f"query {self.asked}: {'lost' if answer is None else answer.hex()}")


def load_from(node, kind):
    wire = question("web.shop.svc").to_wire()
    load = type(f"{kind.__name__}FromPod", (FromPod, kind), {})((V4, 53), wire, bytes([10, 96, 20, 1]))
    load.node = node
    return load


class Probes(threading.Thread):
    """The kubelet's readiness probe, more often; .failed counts."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.n, self.failed = node, 0, 0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(0.02):
            self.failed += not self.node.is_ready()
            self.n += 1

    def stop(self):
        """After one probe at least, however busy the machine is."""
        wait_for("a probe", lambda: self.n)
        self.is_over.set()
        self.join()


def started_s(node):
    """Of the process that answers for metrics."""
    return node.metric(node.node, f"{V4}:9253", "process_start_time_seconds")


def test_upgrade_loses_nothing(node):
    loads = [load_from(node, kind) for kind in (OneFlow, ManyFlows, Connections)]
    for load in loads:
        load.start()
    for _ in range(UPGRADES):
        old, before = node.cache, started_s(node)
        done = node.make_interface()  # the new pod's init container
        assert done.returncode == 0 and "added" not in done.stdout and "taken off" not in done.stdout
        node.cache = node.start()
        wait_for("the new one answers HTTP", lambda: started_s(node) > before)
        wait_for("it is ready", node.is_ready)
        probes = Probes(node)
        probes.start()
        asked = [load.asked for load in loads]
        wait_for("all go on", lambda: all(load.asked > n + 20 or load.wrong for load, n in zip(loads, asked)))
        old.send_signal(signal.SIGTERM)
        assert old.wait(DEADLINE_S) == 0, node.log()[-5000:]
        asked = [load.asked for load in loads]
        wait_for("all go on", lambda: all(load.asked > n + 20 or load.wrong for load, n in zip(loads, asked)))
        probes.stop()
        assert probes.failed == 0  # they mean the new one, whatever the old one says
    print(f"\n{sum(load.asked for load in loads)} queries during {UPGRADES} upgrades")
    for load in loads:
        load.stop()


def test_crash(node):
    """kill -9, and the start that follows: how long is nobody there? Printed; that it comes back is what counts."""
    node.cache.kill()
    node.cache.wait()
    began = time.monotonic()
    node.cache = node.start()

    def is_answered():
        try:
            return node.texts(EXTERNAL, timeout=0.1)[0] == "NOERROR"
        except (dns.exception.Timeout, OSError):
            return False
    wait_for("answers", is_answered, GAP_MAX_S)
    print(f"\nkill -9: answers again {1000 * (time.monotonic() - began):.0f} ms after the start")
    assert node.texts("web.shop.svc") == ("NOERROR", ["A 10.96.20.1"])


def test_memory(node):
    with open(f"/proc/{node.cache.pid}/status", encoding="ascii") as status:
        kib = {name: int(value) for name, value in re.findall(r"(VmRSS|RssAnon):\s+(\d+) kB", status.read())}
    print(f"\nresident: {kib['VmRSS']} KiB, {kib['RssAnon']} of it its own, the rest pages of program files")
    if not sanitizers():
        assert kib["VmRSS"] < RSS_MAX_KIB


# ---- other nodes

def test_node_without_ipv6(tmp_path, objects):
    """The same manifests: it serves IPv4."""
    with running(tmp_path, objects, has_ipv6=False) as node:
        done = node.make_interface()
        assert done.returncode == 0 and "IPv6 is off" in done.stderr
        node.start_service()
        cache = node.start()
        wait_for("the cache", node.is_ready)
        for tcp in (False, True):
            assert node.texts("web.shop.svc", tcp=tcp) == ("NOERROR", ["A 10.96.20.1"])
        cache.send_signal(signal.SIGTERM)
        assert cache.wait(DEADLINE_S) == 0


def test_node_without_interface(tmp_path, objects):
    """Without its init container it ends at once, and says what is missing."""
    with running(tmp_path, objects) as node:
        assert node.start().wait(DEADLINE_S) == 1
        assert '"nodelocaldns" is neither an address nor an interface that has one' in node.log()

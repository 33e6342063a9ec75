# SPDX-License-Identifier: Apache-2.0
"""What an operator sees: health, ready, metrics, log lines, signals, exit codes."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from cluster import endpointslice, namespace, pod, service
from harness import BINARY, COREFILE, DEADLINE_S, Server, ask_wire, framed, question, rcode_text, read_message, running, wait_for

CLUSTER = [namespace("shop"), service("web.shop", "10.96.1.1", ports=["http:80"]), endpointslice("web.shop", "10.244.1.1", ports=["http:80"]),
           pod("web-1.shop", "10.244.1.1")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("ops"), {"all.json": CLUSTER}) as running_server:
        yield running_server


@pytest.mark.parametrize("what, path, method, status, body", [
    ("health", "/health", "GET", 200, "OK"), ("health", "/health", "HEAD", 200, ""),
    ("ready", "/ready", "GET", 200, "OK"), ("metrics", "/metrics", "HEAD", 200, ""),
    ("health", "/", "GET", 404, None), ("ready", "/health", "GET", 404, None), ("metrics", "/ready", "GET", 404, None),
    ("health", "/health", "POST", 405, None), ("metrics", "/metrics", "DELETE", 405, None),
    ("ready", "/" + "x" * 5000, "GET", 404, None),
])
def test_http(server, what, path, method, status, body):
    got = server.http(what, path, method)
    assert got[0] == status
    assert body is None or got[1] == body


def test_http_slow_clients(server):
    """One client's silent and slow connections do not keep others out."""
    silent = [socket.create_connection((server.address, server.ready_port), source_address=("127.9.9.9", 0)) for _ in range(40)]
    try:
        for sock in silent[:10]:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"GET /rea")
        assert server.http("ready")[0] == 200
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
    finally:
        for sock in silent:
            sock.close()


SIZES = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000]

DELAYS = [5e-5, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

# name -> (type, label names, bucket bounds)
FAMILIES = {
    "coredns_dns_requests_total": ("counter", {"server", "zone", "view", "proto", "family", "type"}, None),
    "coredns_dns_responses_total": ("counter", {"server", "zone", "view", "rcode", "plugin"}, None),
    "coredns_dns_do_requests_total": ("counter", {"server", "zone", "view"}, None),
    "coredns_dns_request_duration_seconds": ("histogram", {"server", "zone", "view"}, [0.00025 * 2**n for n in range(16)]),
    "coredns_dns_request_size_bytes": ("histogram", {"server", "zone", "view", "proto"}, SIZES),
    "coredns_dns_response_size_bytes": ("histogram", {"server", "zone", "view", "proto"}, SIZES),
    "coredns_build_info": ("gauge", {"version", "revision", "goversion"}, None),
    "coredns_panics_total": ("counter", set(), None),
    "coredns_kubernetes_dns_programming_duration_seconds": ("histogram", {"service_kind"}, [0.001 * 2**n for n in range(20)]),
    "process_start_time_seconds": ("gauge", set(), None),
    "kaname_node_boot_time_seconds": ("gauge", set(), None),
    "kaname_queue_delay_seconds": ("histogram", set(), DELAYS),
    "kaname_saturation": ("gauge", set(), None),
    "kaname_saturation_part": ("gauge", {"part"}, None),
}


def family_samples(page, family, kind):
    suffix = "(?:_bucket|_sum|_count)" if kind == "histogram" else ""
    return re.findall(rf"^{family}{suffix}(?:\{{(.*)\}})? (\S+)$", page, re.MULTILINE)


@pytest.mark.parametrize("family", FAMILIES)
def test_metric_family(server, family):
    for tcp in (False, True):
        server.ask("web.shop.svc", tcp=tcp, use_edns=0, want_dnssec=True)
    kind, labels, bounds = FAMILIES[family]
    page = server.http("metrics")[1]
    assert f"# TYPE {family} {kind}\n" in page
    assert f"# HELP {family} " in page
    samples = family_samples(page, family, kind)
    for text, value in samples:
        names = set(re.findall(r'(\w+)="', text)) - {"le"}
        assert names == labels
        float(value)
    if family.startswith("coredns_dns_") or not labels:
        assert samples
    if bounds is not None and samples:
        les = [le for le in re.findall(r'le="([^"]+)"', page[page.index(f"# TYPE {family} "):].split("# HELP")[0])]
        assert [float(le) for le in les[:len(bounds)]] == pytest.approx(bounds)
        assert les[len(bounds)] == "+Inf"


def test_metrics_page_is_well_formed(server):
    """Each sample belongs to the family announced above it, no family twice, buckets are cumulative."""
    server.ask("we\\\"b\\\\.\\010\\255.shop.svc")
    page = server.http("metrics")[1]
    seen, family, kind = set(), None, None
    for line in page.splitlines():
        if line.startswith("# TYPE"):
            _, _, family, kind = line.split()
            assert family not in seen, family
            seen.add(family)
        elif not line.startswith("#"):
            assert re.fullmatch(r'[a-zA-Z_:][\w:]*(\{(\w+="([^"\\\n]|\\.)*",?)*\})? (NaN|[+-]?(Inf|[\d.]+(e[+-]?\d+)?))', line), line
            name = line.partition("{")[0].split(" ")[0]
            assert name in ((family,) if kind != "histogram" else (f"{family}_bucket", f"{family}_sum", f"{family}_count")), line
    assert page.endswith("\n")


@pytest.mark.parametrize("name, rdtype, tcp, rcode, plugin", [
    ("web.shop.svc", "A", False, "NOERROR", "kubernetes"), ("web.shop.svc", "AAAA", True, "NOERROR", "kubernetes"),
    ("nothing.shop.svc", "SRV", False, "NXDOMAIN", "kubernetes"), ("www.example.com.", "A", False, "REFUSED", ""),
    ("web.shop.svc", "TYPE65280", True, "NOERROR", "kubernetes"),
])
def test_counted(server, name, rdtype, tcp, rcode, plugin):
    labels = {"server": f"dns://{server.address}:{server.port}", "zone": ".", "view": ""}
    kind = rdtype if rdtype in ("A", "AAAA", "SRV") else "other"
    counters = [
        ("coredns_dns_requests_total", {**labels, "proto": "tcp" if tcp else "udp", "family": "1", "type": kind}),
        ("coredns_dns_responses_total", {**labels, "rcode": rcode, "plugin": plugin}),
        ("coredns_dns_request_duration_seconds_count", labels),
        ("coredns_dns_request_size_bytes_count", {**labels, "proto": "tcp" if tcp else "udp"}),
        ("coredns_dns_response_size_bytes_count", {**labels, "proto": "tcp" if tcp else "udp"}),
    ]
    before = [server.metric(metric, **own) for metric, own in counters]
    server.ask(name, rdtype, tcp)
    wait_for("all are counted once", lambda: [server.metric(metric, **own) - value for (metric, own), value in zip(counters, before)] == [1] * 5)


def test_malformed_is_counted(server):
    before = server.metric("coredns_dns_responses_total", rcode="FORMERR")
    server.send_raw(b"\x12\x34\x01\x00" + bytes(8))
    wait_for("it is counted", lambda: server.metric("coredns_dns_responses_total", rcode="FORMERR") == before + 1)


LOGGED = [
    ("web.shop.svc", "A", False, {}, r'"A IN web\.shop\.svc\.cluster\.local\. udp {size} false 512" NOERROR qr,aa,rd {answer} \d\.\d{{9}}s'),
    ("WEB.shop.svc", "AAAA", True, {}, r'"AAAA IN web\.shop\.svc\.cluster\.local\. tcp {size} false 65535" NOERROR qr,aa,rd {answer} \d\.\d{{9}}s'),
    ("nothing.shop.svc", "SRV", False, {"use_edns": 0, "want_dnssec": True, "payload": 1400},
     r'"SRV IN nothing\.shop\.svc\.cluster\.local\. udp {size} true 1400" NXDOMAIN qr,aa,rd {answer} \d\.\d{{9}}s'),
    ("www.example.com.", "TXT", False, {}, r'"TXT IN www\.example\.com\. udp {size} false 512" REFUSED qr,rd {answer} \d\.\d{{9}}s'),
]


@pytest.mark.parametrize("name, rdtype, tcp, options, pattern", LOGGED, ids=[c[0] for c in LOGGED])
def test_log_line(server, name, rdtype, tcp, options, pattern):
    """CoreDNS's common format: {remote}:{port} - {id} "{type} {class} {name} {proto} {size} {do} {bufsize}" {rcode} {flags} {size} {duration}"""
    query = question(name, rdtype, **options)
    wire = query.to_wire()
    answer = ask_wire(server, wire, tcp)
    pattern = rf"^\[INFO\] 127\.\d+\.\d+\.\d+:\d+ - {query.id} " + pattern.format(size=len(wire), answer=len(answer)) + "$"
    wait_for(pattern, lambda: re.search(pattern, server.log(), re.MULTILINE))


def test_log_cannot_be_forged(server):
    """Control octets and quotes in names do not reach the log as they are."""
    server.ask([b"x\n[INFO] forged\x1b[31m\"", b"shop", b"svc", b"cluster", b"local"])
    wait_for("the line", lambda: "forged" in server.log())
    assert not re.search(r"^\[INFO\] forged", server.log(), re.MULTILINE)
    assert "\x1b" not in server.log()


def test_log_classes_and_names(serve):
    corefile = """
    .:$port {
        bind $address
        ready $address:$ready
        log shop.svc.cluster.local {
            class denial
        }
        kubernetes cluster.local {
            objects $objects
        }
    }
    """
    with serve({"a.json": CLUSTER}, corefile=corefile) as server:
        for name in ("web.shop.svc", "outside.svc", "inside.shop.svc"):
            server.ask(name)
        wait_for("the last is logged", lambda: "inside.shop.svc" in server.log())
        assert "web.shop.svc" not in server.log() and "outside.svc" not in server.log()


def test_no_log(serve):
    with serve({"a.json": CLUSTER}, corefile=COREFILE.replace("    log\n", "")) as server:
        server.ask("web.shop.svc")
        server.ask("web.shop.svc", tcp=True)
    assert "web.shop.svc" not in server.log()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("load", ["idle", "TCP clients", "after queries"])
def test_signal(serve, sig, load):
    """A clean end: exit code 0, within the deadline, also with connections open."""
    with serve({"a.json": CLUSTER}) as server:
        socks = [server.connect() for _ in range(20)] if load == "TCP clients" else []
        for i, sock in enumerate(socks):
            sock.sendall(framed(question("web.shop.svc").to_wire())[:100 if i % 2 else 10])
        if load == "after queries":
            for _ in range(100):
                server.ask("web.shop.svc")
        server.stop(sig)
        for sock in socks:
            sock.close()


def test_lameduck(serve):
    """SIGTERM: not ready at once, healthy and answering until the lameduck time is over."""
    corefile = COREFILE.replace("health $address:$health", "health $address:$health {\n lameduck 3s\n }")
    with serve({"a.json": CLUSTER}, corefile=corefile) as server:
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        wait_for("/ready is 503", lambda: server.http("ready")[0] == 503)
        while time.monotonic() < start + 1.5:
            assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
            assert server.http("health")[0] == 200
        server.process.wait(20)
        assert time.monotonic() - start >= 2.9
        assert server.process.returncode == 0


def test_drain_answers_what_came(serve):
    """Queries sent before the signal are answered, over UDP and TCP."""
    with serve({"a.json": CLUSTER}) as server:
        wire = question("web.shop.svc").to_wire()
        with server.connect() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect((server.address, server.port))
            udp.settimeout(10)
            tcp.sendall(framed(wire))
            assert read_message(tcp) is not None
            tcp.sendall(framed(wire) * 50)
            for _ in range(50):
                udp.send(wire)
            server.process.send_signal(signal.SIGTERM)
            for _ in range(50):
                assert udp.recv(4096)
            for _ in range(50):
                assert read_message(tcp) is not None
        server.process.wait(DEADLINE_S)
        assert server.process.returncode == 0


def test_stopped_reader_of_the_log(serve, tmp_path):
    """Nobody reads the log's pipe: lines are dropped and counted, queries are answered, the end is clean."""
    with serve({"a.json": CLUSTER}) as other:
        pass
    server = Server(tmp_path / "piped")
    server.objects.mkdir()
    (server.objects / "a.json").write_text((other.objects / "a.json").read_text())
    server.log_path.write_text("")
    read_end, write_end = os.pipe()
    server.process = subprocess.Popen([BINARY, "-conf", str(server.corefile)], stdin=subprocess.DEVNULL, stdout=write_end)
    os.close(write_end)
    try:
        server.wait_ready()
        wire = question("web.shop.svc").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((server.address, server.port))
            sock.settimeout(20)
            for _ in range(20000):
                sock.send(wire)
                sock.recv(4096)
        wait_for("drops are counted", lambda: server.metric("kaname_log_lines_dropped_total") > 0)
    finally:
        server.stop()
        os.close(read_end)

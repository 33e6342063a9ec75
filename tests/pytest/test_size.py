# SPDX-License-Identifier: Apache-2.0
"""Every answer fits its client: compression, the UDP limit, truncation by whole records after a fair shuffle, 64 KiB on TCP."""
import ipaddress
from collections import Counter

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.renderer
import pytest

from cluster import alias, endpoint, endpointslice, namespace, service
from harness import ask_wire, parse, question, rcode_text, running

N = 5000
LONG = "s" * 63


def many(n, hostnames=False, base="10.8.0.0"):
    first = int(ipaddress.ip_address(base))
    return [endpoint(str(ipaddress.ip_address(first + i)), hostname=f"h-{i}" if hostnames else None) for i in range(n)]


def slices(path, endpoints, ports=("http:80",), size=1000):
    return [endpointslice(path, *endpoints[i:i + size], ports=ports, suffix=str(i)) for i in range(0, len(endpoints), size)]


CLUSTER = [
    namespace("shop"),
    service("web.shop", "10.96.1.1", "fd00:96::1", ports=["http:80", "https:443", "dns:53/UDP"]),
    service("huge.shop", ports=["http:80"]), *slices("huge.shop", many(N)),
    service("srv.shop", ports=["http:80"]), *slices("srv.shop", many(3000, hostnames=True, base="10.40.0.0")),
    service("six.shop", ports=["http:80"]), *slices("six.shop", many(N, base="fd00::1")),
    *(service(f"h{n}.shop", ports=["http:80"]) for n in (1, 2, 5, 15, 20, 30, 70, 71, 72, 73, 74, 75, 76, 77, 100, 300)),
    *(s for n in (1, 2, 5, 15, 20, 30, 70, 71, 72, 73, 74, 75, 76, 77, 100, 300)
      for s in slices(f"h{n}.shop", many(n, hostnames=True, base="10.50.0.0"))),
    service(f"{LONG}.shop", ports=["http:80"]), *slices(f"{LONG}.shop", many(5, hostnames=True, base="10.60.0.0")),
    alias("pay.shop", "h300.shop.svc.cluster.local"),
    *(alias(f"c{i}.shop", f"c{i + 1}.shop.svc.cluster.local") for i in range(7)), alias("c7.shop", "web.shop.svc.cluster.local"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("size"), {"all.json": CLUSTER}) as running_server:
        yield running_server


# (EDNS size or None, the limit)
LIMITS = [(None, 512), (0, 512), (512, 512), (600, 600), (768, 768), (1232, 1232), (1400, 1232), (4096, 1232), (65535, 1232)]
SETS = ["h1", "h2", "h5", "h15", "h20", "h30", "h70", "h71", "h72", "h73", "h74", "h75", "h76", "h77", "h100", "h300", "huge"]


@pytest.mark.parametrize("size, limit", LIMITS)
@pytest.mark.parametrize("rdtype", ["A", "SRV"])
def test_udp_limit(server, size, limit, rdtype):
    """Never over the limit; TC exactly where something is missing; as many records as fit, whole, with OPT."""
    for name in SETS:
        options = {} if size is None else {"use_edns": 0, "payload": size}
        wire = ask_wire(server, question(f"{name}.shop.svc", rdtype, **options).to_wire(), tcp=False)
        got = parse(wire)
        n_all = N if name == "huge" else int(name[1:])
        assert rcode_text(got) == "NOERROR", name
        assert len(wire) <= limit, name
        assert (got.edns == 0) == (size is not None), name
        assert bool(got.flags & dns.flags.TC) == (len(got.answer) < n_all), name
        if got.flags & dns.flags.TC:
            # Glue takes only what is too little for one more record.
            head = 12 + len(f"{name}.shop.svc.cluster.local") + 6 + (11 if size is not None else 0)
            answer = len(wire) - head - 16 * len(got.additional)
            assert head + answer + answer / len(got.answer) + 3 > limit, f"{name}: {len(wire)} octets of {limit}"


@pytest.mark.parametrize("name, rdtype, n_least", [("huge", "A", 4000), ("six", "AAAA", 2300), ("srv", "SRV", 1000)])
def test_tcp_is_full(server, name, rdtype, n_least):
    """5,000 endpoints: as many as 64 KiB hold; without TC, which Go's resolver took for a failure over TCP, but told in words."""
    wire = ask_wire(server, question(f"{name}.shop.svc", rdtype).to_wire(), tcp=True)
    got = parse(wire)
    values = {str(rdata) for rrset in got.answer for rdata in rrset}
    assert len(got.answer) == len(values) >= n_least
    assert 65535 - 64 < len(wire) <= 65535
    assert not got.flags & dns.flags.TC
    got = parse(ask_wire(server, question(f"{name}.shop.svc", rdtype, use_edns=0).to_wire(), tcp=True))
    assert ["random part" in str(option) for option in got.options] == [True]


@pytest.mark.parametrize("name", ["h300", "h100", "pay"])
def test_tcp_is_whole(server, name):
    got = server.ask(f"{name}.shop.svc", tcp=True)
    assert not got.flags & dns.flags.TC
    assert len([r for r in got.answer if r.rdtype == dns.rdatatype.A]) == (100 if name == "h100" else 300)


def test_alias_truncation_keeps_the_cname_first(server):
    got = server.ask("pay.shop.svc")
    assert got.flags & dns.flags.TC
    assert got.answer[0].rdtype == dns.rdatatype.CNAME
    assert len(got.answer) > 20


def chi_square(counts, n_cells, n_draws):
    expected = n_draws / n_cells
    return sum((counts[cell] - expected) ** 2 / expected for cell in range(n_cells))


def test_window_is_fair(server):
    """The addresses that survive UDP's limit, and the first of them, are uniform over 5,000 endpoints.

    Chi-square over 50 cells of 100 addresses; the bound is the value that chance exceeds once in a million."""
    firsts, survivors, n_survivors = Counter(), Counter(), 0
    base = int(ipaddress.ip_address("10.8.0.0"))
    query = question("huge.shop.svc", use_edns=0, payload=1232)
    n_queries = 3000
    for _ in range(n_queries):
        cells = [(int(ipaddress.ip_address(rrset[0].address)) - base) // 100 for rrset in server.send(query).answer]
        firsts[cells[0]] += 1
        survivors.update(cells)
        n_survivors += len(cells)
    assert n_survivors > 60 * n_queries
    assert chi_square(firsts, 50, n_queries) < 109
    # Drawn without replacement within an answer, which makes the statistic smaller, never larger.
    assert chi_square(survivors, 50, n_survivors) < 109


def test_small_set_is_fair(server):
    """With 15 endpoints each is first equally often (it is not with a rotation followed by truncation)."""
    firsts = Counter()
    base = int(ipaddress.ip_address("10.50.0.0"))
    query = question("h15.shop.svc")
    for _ in range(3000):
        firsts[int(ipaddress.ip_address(server.send(query).answer[0][0].address)) - base] += 1
    assert chi_square(firsts, 15, 3000) < 57


COMPRESSED = [
    ("web.shop.svc", "A"), ("web.shop.svc", "SRV"), ("_http._tcp.web.shop.svc", "SRV"), ("web.shop.svc", "TXT"),
    ("nothing.shop.svc", "A"), ("nothing", "A"), ("", "SOA"), ("", "NS"), ("h15.shop.svc", "A"), ("h30.shop.svc", "A"),
    ("_http._tcp.h5.shop.svc", "SRV"), ("h20.shop.svc", "SRV"), ("_http._tcp.h30.shop.svc", "SRV"), ("pay.shop.svc", "CNAME"),
    ("c0.shop.svc", "A"), ("c0.shop.svc", "TXT"), ("dns-version", "TXT"), (f"{LONG}.shop.svc", "SRV"),
    ("1.1.96.10.in-addr.arpa.", "PTR"), ("0.0.50.10.in-addr.arpa.", "PTR"), ("9.9.9.9.in-addr.arpa.", "PTR"),
]


def compressed_size(message):
    """The message as dnspython writes it, every name compressed, but SRV targets in full (RFC 2782)."""
    size = len(message.to_wire(max_size=65535))
    known = set()
    for section in (message.question, message.answer, message.authority, message.additional):
        for rrset in section:
            known.update(rrset.name.split(depth)[1] for depth in range(2, len(rrset.name) + 1))
            for rdata in rrset:
                if rdata.rdtype == dns.rdatatype.SRV:
                    depth = next((d for d in range(len(rdata.target), 1, -1) if rdata.target.split(d)[1] in known), 1)
                    size += len(rdata.target.split(depth)[1].to_wire()) - 2 if depth > 1 else 0
                    known.update(rdata.target.split(d)[1] for d in range(2, len(rdata.target) + 1))
    return size


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype", COMPRESSED, ids=[f"{c[0][:20]} {c[1]}" for c in COMPRESSED])
def test_compression(server, name, rdtype, tcp):
    """No answer is larger than an independent implementation's compressed one, but for a few octets."""
    query = question(name, rdtype, use_edns=0, payload=1232)
    wire = ask_wire(server, query.to_wire(), tcp)
    got = parse(wire)
    assert len(wire) <= compressed_size(got) + 4


def test_srv_targets_are_not_compressed(server):
    """RFC 2782: each target stands in full in its record."""
    wire = ask_wire(server, question("_http._tcp.h5.shop.svc", "SRV").to_wire(), tcp=True)
    for i in range(5):
        target = dns.name.from_text(f"h-{i}.h5.shop.svc.cluster.local").to_wire()
        assert wire.count(target) == 1, "in its record, and nowhere else"


@pytest.mark.parametrize("name", ["WEB.shop.svc", "wEb.ShOp.SvC.cLuStEr.LoCaL.", "_HTTP._tcp.WEB.shop.SVC", "C0.shop.svc", "NoThing.Shop.svc"])
@pytest.mark.parametrize("rdtype", ["A", "AAAA", "SRV", "TXT"])
def test_case(server, name, rdtype):
    """The question's spelling, octet for octet, in the question and by pointers in its owners."""
    query = question(name, rdtype)
    wire = ask_wire(server, query.to_wire(), tcp=False)
    asked = query.question[0].name.to_wire()
    assert wire[12:12 + len(asked)] == asked
    got = parse(wire)
    for rrset in got.answer[:1]:
        assert rrset.name.labels == query.question[0].name.labels

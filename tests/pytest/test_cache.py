# SPDX-License-Identifier: Apache-2.0
"""The cache and what waits behind it, against an upstream that misbehaves on order (tests/harness/upstream.py)."""
import contextlib
import signal
import socket
import threading

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from cluster import alias, namespace, service
from harness import DEADLINE_S, ZONE, framed, parse, read_message, records, running, wait_for
from upstream import Upstream, addresses_of

OBJECTS = {"cluster.json": [
    namespace("shop"), service("web.shop", "10.96.0.20", ports=["http:80"]),
    alias("out.shop", "www.out.test"), alias("gone.shop", "nx.out.test"), alias("bad.shop", "servfail.out.test"),
    alias("silent.shop", "drop.out.test"), alias("empty.shop", "nodata.out.test"), alias("chain.shop", "out.shop.svc.cluster.local"),
    alias("stub.shop", "www.stub.test"), alias("cname.shop", "cname.out.test"),
]}
RULES = [
    ("drop*", "drop"), ("nx*", "rcode=NXDOMAIN"), ("servfail*", "rcode=SERVFAIL"), ("nodata-bare*", "nodata-bare"), ("nodata*", "nodata"),
    ("cname*", "cname=target.out.test"), ("large*", "large"), ("unknown*", "unknown"), ("options*", "options"), ("bits*", "bits"),
    ("slow*", "delay=400"), ("short*", "ttl=1"), ("zero*", "ttl=0"),
]


def corefile(upstream, cache="cache", options="", more=""):
    return f"""
.:$port {{
    bind $address
    multisocket 1
    errors
    log
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local in-addr.arpa {{
        objects $objects
        fallthrough in-addr.arpa
        ttl 30
    }}
    forward . {upstream} {{
        {options}
    }}
    {cache}
    loadbalance
}}
{more}
"""


@contextlib.contextmanager
def serving(tmp_path, rules=None, **options):
    """(server, upstream)"""
    with Upstream(rules=RULES if rules is None else rules) as upstream:
        with running(tmp_path, OBJECTS, corefile(upstream, **options)) as server:
            yield server, upstream


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cache")) as both:
        yield both


def ede(message):
    return [option.code for option in message.options if option.otype == dns.edns.OptionType.EDE]


def ask(server, name, rdtype="A", **options):
    return server.ask(name + "." if "." in name else name, rdtype, use_edns=0, payload=1232, **options)


# ---- what is answered

@pytest.mark.parametrize("name, rdtype", [
    ("plain", "A"), ("plain", "AAAA"), ("plain", "TXT"), ("plain", "MX"), ("nx", "A"), ("nodata", "AAAA"), ("cname", "A"),
    ("unknown", "TYPE65280"), ("options", "A"), ("bits", "A"),
])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answer_is_the_upstreams(pair, name, rdtype, tcp):
    """Missed, then hit: the records are those that the upstream gives when it is asked itself."""
    server, upstream = pair
    name = f"{name}{int(tcp)}.oracle.test."
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
    want = dns.query.udp(query, upstream.address, port=upstream.port, one_rr_per_rrset=True, timeout=DEADLINE_S,
                         ignore_unexpected=True)
    upstream.forget()
    for _ in range(2):
        got = ask(server, name[:-1], rdtype, tcp=tcp)
        assert got.rcode() == want.rcode()
        assert records(got.answer) == records(want.answer)
        assert records(got.authority) == records(want.authority)
        assert got.flags & dns.flags.RA and not got.flags & (dns.flags.AA | dns.flags.AD)
        assert not got.options and got.question == query.question
    assert upstream.count(name, rdtype.replace("TYPE", "") if rdtype.startswith("TYPE") else None) == 1


def test_spelling_is_the_clients(pair):
    server, _ = pair
    for name in ("SpElLiNg.Case.TEST", "spelling.case.test", "SPELLING.case.test"):
        got = ask(server, name)
        assert got.question[0].name.to_text() == name + "."
        assert got.answer[0].name.to_text() == name + "."


def test_ttl_counts_down(pair):
    server, upstream = pair
    first = ask(server, "down.test").answer[0].ttl
    wait_for("a smaller TTL", lambda: ask(server, "down.test").answer[0].ttl < first)
    assert upstream.count("down.test.") == 1


def test_no_edns_no_opt(pair):
    server, _ = pair
    got = server.ask("noedns.test.")
    assert got.edns == -1 and len(got.answer) == 1


def test_do_and_cd_are_other_questions(pair):
    server, upstream = pair
    for _ in range(2):
        ask(server, "flags.test")
        server.ask("flags.test.", use_edns=0, want_dnssec=True)
        query = dns.message.make_query("flags.test.", "A", use_edns=0)
        query.flags |= dns.flags.CD
        assert server.send(query).flags & dns.flags.CD
    assert sorted((q.has_do, bool(q.flags & 0x10)) for q in upstream.asked if q.name.lower() == "flags.test.") == [
        (False, False), (False, True), (True, False)]


def test_large(pair):
    """64 KiB, fetched once by TCP: whole over TCP, cut to each client's size over UDP."""
    server, upstream = pair
    whole = ask(server, "large.test", "TXT", tcp=True)
    assert len(whole.answer) == 250 and not whole.flags & dns.flags.TC
    for payload, limit in ((512, 512), (1232, 1232), (4096, 1232)):
        got = server.ask("large.test.", "TXT", use_edns=0, payload=payload)
        assert got.flags & dns.flags.TC and 0 < len(got.answer) and len(got.to_wire()) <= limit
    plain = server.ask("large.test.", "TXT")
    assert plain.flags & dns.flags.TC and len(plain.to_wire()) <= 512
    assert upstream.count("large.test.", tcp=True) == 1


@pytest.mark.parametrize("name, wants", [("zero.test", 2), ("nodata-bare.test", 2), ("nodata2.test", 1), ("nx2.test", 1)])
def test_what_is_kept(pair, name, wants):
    server, upstream = pair
    ask(server, name)
    ask(server, name)
    assert upstream.count(name + ".") == wants


def test_failures_say_why(pair):
    server, upstream = pair
    got = ask(server, "servfail.test")
    assert got.rcode() == dns.rcode.SERVFAIL
    asked = upstream.count("servfail.test.")
    assert ask(server, "servfail.test").rcode() == dns.rcode.SERVFAIL  # for 5 s from the cache
    assert upstream.count("servfail.test.") == asked
    got = ask(server, "drop.test")
    assert got.rcode() == dns.rcode.SERVFAIL and ede(got)[0] in (22, 23)
    wait_for("drop.test. A: ", lambda: "drop.test. A: " in server.log())


# ---- many at once

def test_equal_questions_join(pair):
    server, upstream = pair
    query = dns.message.make_query("slow.join.test.", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(DEADLINE_S)
        sock.connect((server.address, server.port))
        for ident in range(60):
            query.id = ident
            sock.send(query.to_wire())
        got = [parse(sock.recv(4096)) for _ in range(60)]
    assert sorted(message.id for message in got) == list(range(60))
    assert {str(message.answer[0][0]) for message in got} == {addresses_of("slow.join.test.")[0]}
    assert upstream.count("slow.join.test.") <= 4  # that question, and again because its reply is late


def test_tcp_answers_as_they_come(pair):
    """A slow one holds up neither the quick nor the cluster's (RFC 7766 6.2.1.1)."""
    server, _ = pair
    names = ["slow.tcp.test.", "quick.tcp.test.", "web.shop.svc.cluster.local."]
    queries = [dns.message.make_query(name, "A") for name in names]
    for ident, query in enumerate(queries):
        query.id = ident
    with server.connect() as sock:
        sock.sendall(b"".join(framed(query.to_wire()) for query in queries))
        sock.shutdown(socket.SHUT_WR)
        got = [parse(read_message(sock)) for _ in names]
        assert read_message(sock) is None
    assert [message.id for message in got] == [2, 1, 0]
    assert all(len(message.answer) == 1 for message in got)


def test_black_hole_does_not_touch_the_cluster(tmp_path):
    """Above max_concurrent REFUSED at once; cluster names go on; what waits is told in time."""
    with serving(tmp_path, options="max_concurrent 50") as (server, _):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(DEADLINE_S)
            sock.connect((server.address, server.port))
            for ident in range(300):
                query = dns.message.make_query(f"drop{ident}.test.", "A", use_edns=0)
                query.id = ident
                sock.send(query.to_wire())
            for _ in range(20):
                assert str(server.ask("web.shop.svc").answer[0][0]) == "10.96.0.20"
            got = [parse(sock.recv(4096)) for _ in range(300)]
        refused = [message for message in got if message.rcode() == dns.rcode.REFUSED]
        failed = [message for message in got if message.rcode() == dns.rcode.SERVFAIL]
        assert (len(refused), len(failed)) == (250, 50)
        assert all(ede(message) == [0] for message in refused) and all(ede(message)[0] in (22, 23) for message in failed)
        assert server.metric("coredns_forward_max_concurrent_rejects_total") == 250
        assert server.metric("kaname_pending_queries") == 0


# ---- ExternalName

@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype, rcode, want", [
    ("out", "A", "NOERROR", ["CNAME www.out.test.", f"www.out.test. A {addresses_of('www.out.test.')[0]}"]),
    ("out", "AAAA", "NOERROR", ["CNAME www.out.test.", f"www.out.test. AAAA {addresses_of('www.out.test.')[1]}"]),
    ("out", "MX", "NOERROR", ["CNAME www.out.test."]),
    ("out", "CNAME", "NOERROR", ["CNAME www.out.test."]),
    ("gone", "A", "NXDOMAIN", ["CNAME nx.out.test."]),
    ("empty", "A", "NOERROR", ["CNAME nodata.out.test."]),
    ("bad", "A", "SERVFAIL", []),
    ("silent", "A", "SERVFAIL", []),
    ("chain", "A", "NOERROR", ["CNAME out.shop.svc", "out.shop.svc CNAME www.out.test.",
                               f"www.out.test. A {addresses_of('www.out.test.')[0]}"]),
    ("cname", "A", "NOERROR", ["CNAME cname.out.test.", "cname.out.test. CNAME target.out.test.",
                               f"target.out.test. A {addresses_of('target.out.test.')[0]}"]),
])
def test_external_name(pair, name, rdtype, rcode, want, tcp):
    server, _ = pair
    for _ in range(1 if name == "silent" else 2):
        got = server.ask(f"{name}.shop.svc", rdtype, tcp=tcp, use_edns=0)
        assert dns.rcode.to_text(got.rcode()) == rcode
        assert records(got.answer, got.question[0].name) == sorted(want)
        has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in got.authority)
        assert has_soa == (name in ("gone", "empty") or rdtype == "MX")
        assert bool(ede(got)) == (rcode == "SERVFAIL")
        assert bool(got.flags & dns.flags.AA) == (rcode != "SERVFAIL")


def test_external_name_goes_to_the_stub_domain(tmp_path):
    with Upstream() as stub:
        more = f"stub.test:$port {{\n bind $address\n forward . {stub}\n cache\n}}\n"
        with serving(tmp_path, more=more) as (server, upstream):
            got = server.ask("stub.shop.svc")
            assert str(got.answer[1][0]) == addresses_of("www.stub.test.")[0]
            assert stub.count("www.stub.test.") == 1 and upstream.count("www.stub.test.") == 0
            assert server.ask("other.stub.test.").rcode() == dns.rcode.NOERROR
            assert stub.count("other.stub.test.") == 1


def test_fallthrough(pair):
    """Reverse names of others go upstream, those of the cluster do not."""
    server, upstream = pair
    assert str(server.ask("20.0.96.10.in-addr.arpa.", "PTR").answer[0][0]) == f"web.shop.svc.{ZONE}"
    server.ask("1.2.0.192.in-addr.arpa.", "PTR")
    assert upstream.count("*.in-addr.arpa.") == upstream.count("1.2.0.192.in-addr.arpa.") == 1


# ---- the policies

def test_serve_stale_verify(tmp_path):
    """The upstream dies: after 1.8 s at most the old answer with TTL 30, and the next at once; then it comes back."""
    with serving(tmp_path, cache="cache {\n serve_stale 1h verify\n }") as (server, upstream):
        assert ask(server, "short.stale.test").answer[0].ttl == 1
        assert ask(server, "nxstale.test").rcode() == dns.rcode.NXDOMAIN
        upstream.rules = [("*", "drop")]

        def is_stale():
            return ede(ask(server, "short.stale.test")) == [3]
        wait_for("the end of the TTL", is_stale)
        got = ask(server, "short.stale.test")
        assert got.answer[0].ttl == 30 and got.rcode() == dns.rcode.NOERROR
        assert server.metric("coredns_cache_served_stale_total") >= 2


def test_serve_stale_immediate(tmp_path):
    """The old answer at once, and behind it the refresh: asked once however many ask."""
    with serving(tmp_path, cache="cache {\n serve_stale\n }") as (server, upstream):
        ask(server, "short.stale.test")
        upstream.rules = []
        wait_for("a stale answer", lambda: ede(ask(server, "short.stale.test")) == [3])
        wait_for("the refresh", lambda: not ede(ask(server, "short.stale.test")))
        assert upstream.count("short.stale.test.") == 2


def test_prefetch(tmp_path):
    """Who asks steadily never waits: each refresh comes before the end, one for each TTL."""
    with serving(tmp_path, [("*", "ttl=3")], cache="cache {\n prefetch 2 1m 50%\n }") as (server, upstream):
        misses = "coredns_cache_misses_total"
        ask(server, "hot.test")
        wait_for("three refreshes", lambda: ask(server, "hot.test") and upstream.count("hot.test.") == 4)
        assert server.metric(misses) == 1
        assert server.metric("coredns_cache_prefetch_total") in (3, 4)


def test_disabled(tmp_path):
    with serving(tmp_path, cache="cache 5 {\n disable success off.test\n disable denial\n }") as (server, upstream):
        for _ in range(2):
            ask(server, "www.off.test")
            ask(server, "nx.on.test")
            assert ask(server, "www.on.test").answer[0].ttl <= 5
        assert upstream.count("www.off.test.") == 2 and upstream.count("nx.on.test.") == 2
        assert upstream.count("www.on.test.") == 1


def test_no_cache(tmp_path):
    with serving(tmp_path, cache="") as (server, upstream):
        for _ in range(2):
            assert ask(server, "www.test").answer[0].ttl == 60
        assert upstream.count("www.test.") == 2


# ---- the operator's side

def test_metrics(pair):
    server, _ = pair
    for _ in range(2):
        ask(server, "metrics.test")
        server.ask("web.shop.svc")
    labels = {"server": f"dns://{server.address}:{server.port}", "zones": "."}
    assert server.metric("coredns_cache_entries", type="success", **labels) > 0
    assert server.metric("coredns_cache_hits_total", type="success", **labels) > 0
    assert server.metric("coredns_cache_requests_total", **labels) > server.metric("coredns_cache_misses_total", **labels) > 0
    assert server.metric("kaname_cache_bytes") > 0
    for kind, result in (("external", "hit"), ("external", "miss"), ("cluster", "hit")):
        assert server.metric("kaname_query_duration_seconds_count", **{"class": kind, "result": result}) > 0
    assert server.metric("coredns_dns_responses_total", plugin="cache") > 0
    assert server.metric("coredns_dns_responses_total", plugin="forward") > 0


def test_end_waits_for_upstreams(tmp_path):
    """SIGTERM while a query waits: it is answered, then the process ends."""
    with serving(tmp_path) as (server, _):
        got = []
        thread = threading.Thread(target=lambda: got.append(ask(server, "slow.end.test")))
        thread.start()
        wait_for("the question", lambda: server.metric("kaname_pending_queries") == 1)
        server.process.send_signal(signal.SIGTERM)
        thread.join(DEADLINE_S)
        assert len(got[0].answer) == 1
        assert server.process.wait(DEADLINE_S) == 0


def test_flood_of_names_is_bounded(tmp_path):
    """More names than the octets hold: what is held stays below the bound."""
    with serving(tmp_path, cache="cache {\n success 500\n }") as (server, _):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(DEADLINE_S)
            sock.connect((server.address, server.port))
            for start in range(0, 2000, 50):
                for ident in range(start, start + 50):
                    query = dns.message.make_query(f"n{ident}.flood.test.", "A")
                    sock.send(query.to_wire())
                for _ in range(50):
                    assert parse(sock.recv(4096)).rcode() == dns.rcode.NOERROR
        assert server.metric("coredns_cache_entries", type="success") == 500
        assert server.metric("coredns_cache_evictions_total", type="success") == 1500

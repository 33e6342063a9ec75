# SPDX-License-Identifier: Apache-2.0
"""What stands before names, against the running server, by the documented behaviour of CoreDNS: a case for each statement of the
READMEs of acl, any, chaos, local and nsid; acl over both transports, cached and not, in any case."""
import socket
import subprocess
import time

import dns.edns
import dns.exception
import dns.query
import dns.rdataclass
import pytest

from cluster import alias, namespace, service
from harness import BINARY, DEADLINE_S, framed, question, rcode_text, read_message, records, running
from upstream import Upstream, addresses_of

OBJECTS = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20", ports=["http:80"]),
                        alias("to-blocked.shop", "a.blocked.test"), alias("to-only.shop", "b.only.test")]}

COREFILE = """
(ends) {{
    bind $address
    errors
    prometheus $address:$metrics
}}
.:$port {{
    import ends
    health $address:$health
    ready $address:$ready
    local
    any
    nsid the edge
    acl blocked.test {{
        block
    }}
    acl {{
        allow type MX net 127.0.0.3
        block type MX TYPE65280
        filter type TXT net 127.0.0.0/8
        drop type NULL net *
        block type SRV net 10.0.0.0/8 fd00::/8
        block type SRV net 127.0.0.2
    }}
    kubernetes cluster.local in-addr.arpa {{
        objects $objects
        fallthrough in-addr.arpa
    }}
    forward . {upstream}
    cache
}}
only.test:$port {{
    import ends
    acl {{
        allow net 127.0.0.3 127.0.1.0/24
        block
    }}
    forward . {upstream}
    cache
}}
bind:$port server:$port {{
    import ends
    chaos Version-1 Ann Bob
    whoami
}}
bare.test:$port {{
    import ends
    nsid
    timeouts {{
        read 1s
        write 2s
        idle 1s
    }}
    whoami
}}
"""


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory, upstream):
    with running(tmp_path_factory.mktemp("gates"), OBJECTS, corefile=COREFILE.format(upstream=upstream)) as started:
        yield started


def ask(server, name, rdtype="A", source="127.0.0.1", tcp=False, **options):
    """The answer to a client at this address."""
    send = dns.query.tcp if tcp else dns.query.udp
    options.setdefault("use_edns", 0)
    return send(question(name, rdtype, **options), server.address, timeout=DEADLINE_S, port=server.port, source=source,
                one_rr_per_rrset=True)


def said(message):
    """The rcode, the extended error if there is one, and the answers."""
    errors = [f"ede={int(option.code)}" for option in message.options if option.otype == dns.edns.OptionType.EDE]
    return " ".join([rcode_text(message), *errors, *records(message.answer, message.question[0].name)])


# ---- acl

ACL_CASES = [  # (name, type, the client's address, what is said)
    ("a.blocked.test.", "A", "127.0.0.1", "REFUSED ede=15"),
    ("blocked.test.", "AAAA", "127.0.0.1", "REFUSED ede=15"),
    ("BLOCKed.TEST.", "A", "127.0.0.1", "REFUSED ede=15"),
    ("a.unblocked.test.", "A", "127.0.0.1", "NOERROR"),
    ("www.example.", "MX", "127.0.0.3", "NOERROR"),
    ("www.example.", "MX", "127.0.0.1", "REFUSED ede=15"),
    ("www.example.", "TYPE65280", "127.0.0.3", "REFUSED ede=15"),
    ("www.example.", "TXT", "127.0.0.1", "NOERROR ede=17"),
    ("www.example.", "SRV", "127.0.0.1", "NOERROR"),
    ("www.example.", "SRV", "127.0.0.2", "REFUSED ede=15"),
    ("web.shop.svc", "TXT", "127.0.0.1", "NOERROR ede=17"),
    ("web.shop.svc", "SRV", "127.0.0.2", "REFUSED ede=15"),
    ("only.test.", "A", "127.0.0.3", "NOERROR"),
    ("only.test.", "A", "127.0.1.200", "NOERROR"),
    ("only.test.", "A", "127.0.2.1", "REFUSED ede=15"),
    ("oNLY.test.", "A", "127.0.0.1", "REFUSED ede=15"),
    # an ExternalName does not lead to what is blocked
    ("to-blocked.shop.svc", "A", "127.0.0.1", "NOERROR ede=15 CNAME a.blocked.test."),
    ("to-blocked.shop.svc", "CNAME", "127.0.0.1", "NOERROR CNAME a.blocked.test."),
    ("to-only.shop.svc", "A", "127.0.0.1", "NOERROR ede=15 CNAME b.only.test."),
    ("to-only.shop.svc", "A", "127.0.0.3", f"NOERROR CNAME b.only.test. b.only.test. A {addresses_of('b.only.test.')[0]}"),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype, source, want", ACL_CASES, ids=[f"{c[0]}{c[1]}-{c[2]}" for c in ACL_CASES])
def test_acl(server, name, rdtype, source, want, tcp):
    got = said(ask(server, name, rdtype, source, tcp))
    assert got == want or (want == "NOERROR" and got.startswith("NOERROR ") and "ede" not in got)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_acl_holds_for_what_is_cached(server, upstream, tcp):
    name = f"cached-{tcp}.only.test."
    for _ in range(20):  # until every worker has it
        assert said(ask(server, name, source="127.0.0.3", tcp=tcp)) == f"NOERROR A {addresses_of(name)[0]}"
    for spelled in (name, name.upper()):
        assert said(ask(server, spelled, source="127.0.0.1", tcp=tcp)) == "REFUSED ede=15"


def test_blocked_asks_no_upstream(server, upstream):
    ask(server, "new.blocked.test.")
    assert upstream.count("new.blocked.test.") == 0


def test_acl_drop(server):
    dropped = server.metric("kaname_dropped_total", reason="acl")
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(question("www.example.", "NULL"), server.address, timeout=0.3, port=server.port)
    assert server.metric("kaname_dropped_total", reason="acl") == dropped + 1
    assert server.metric("coredns_acl_dropped_requests_total", zone=".") >= 1


def test_acl_drop_over_tcp(server):
    """The connection goes on: the next query is answered, and is the first answer."""
    with server.connect() as sock:
        sock.sendall(framed(question("www.example.", "NULL").to_wire()))
        after = question("web.shop.svc")
        sock.sendall(framed(after.to_wire()))
        assert read_message(sock)[:2] == after.to_wire()[:2]


def test_acl_counts(server):
    def counts():
        samples = server.metrics()
        return [samples.get(f'coredns_acl_{what}_requests_total{{server="dns://{server.address}:{server.port}",{labels}}}', 0)
                for what, labels in (("blocked", 'zone=".",view=""'), ("filtered", 'zone=".",view=""'), ("allowed", 'view=""'))]

    before = counts()
    ask(server, "counted.blocked.test.")
    ask(server, "counted.example.", "TXT")
    ask(server, "counted.example.")  # asked of the upstream, which makes it one query still
    ask(server, "only.test.", source="127.0.0.3")
    assert counts() == [before[0] + 1, before[1] + 1, before[2] + 2]


def test_acl_before_any(server):
    assert said(ask(server, "blocked.test.", "ANY")) == "REFUSED ede=15"


# ---- any

@pytest.mark.parametrize("name", ["web.shop.svc", "www.example.", "none.svc"])
def test_any(server, name):
    assert said(ask(server, name, "ANY")) == 'NOERROR HINFO "ANY obsoleted" "See RFC 8482"'
    assert ask(server, name, "ANY").answer[0].ttl == 8482


# ---- chaos

CHAOS_CASES = [
    ("version.bind.", "TXT", 'NOERROR TXT "Version-1"'),
    ("version.server.", "TXT", 'NOERROR TXT "Version-1"'),
    ("VERSION.Bind.", "TXT", 'NOERROR TXT "Version-1"'),
    ("authors.bind.", "TXT", 'NOERROR TXT "Ann" TXT "Bob"'),
    ("hostname.bind.", "TXT", f'NOERROR TXT "{socket.gethostname()}"'),
    ("id.server.", "TXT", f'NOERROR TXT "{socket.gethostname()}"'),
    ("version.bind.", "A", "REFUSED ede=21"),
    ("other.bind.", "TXT", "REFUSED ede=21"),
    ("version.example.", "TXT", "NOERROR ede=17"),  # acl filters TXT of every class
]


@pytest.mark.parametrize("name, rdtype, want", CHAOS_CASES, ids=[c[0] + c[1] for c in CHAOS_CASES])
def test_chaos(server, name, rdtype, want):
    assert said(ask(server, name, rdtype, rdclass=dns.rdataclass.CH)) == want


# ---- nsid

def nsid_of(message):
    return [option.to_wire() for option in message.options if option.otype == dns.edns.OptionType.NSID]


NSID = [dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, want", [("web.shop.svc", b"the edge"), ("nsid.example.", b"the edge"), ("blocked.test.", b"the edge"),
                                        ("localhost.", b"the edge"), ("bare.test.", socket.gethostname().encode()),
                                        ("x.only.test.", None)])
def test_nsid(server, name, want, tcp):
    got = nsid_of(ask(server, name, tcp=tcp, options=NSID))
    assert got == ([want] if want is not None else [])
    assert nsid_of(ask(server, name, tcp=tcp)) == []


# ---- local

SOA = "604800 IN SOA localhost. root.localhost. 1 0 0 0 604800"
LOCAL_CASES = [
    ("localhost.", "A", "NOERROR A 127.0.0.1"),
    ("localhost.", "AAAA", "NOERROR AAAA ::1"),
    ("db.localhost.", "A", "NOERROR A 127.0.0.1"),
    ("localhost.svc.cluster.local.", "A", "NOERROR A 127.0.0.1"),
    ("LocalHost.Example.", "AAAA", "NOERROR AAAA ::1"),
    ("1.0.0.127.in-addr.arpa.", "PTR", "NOERROR PTR localhost."),
    ("2.0.0.127.in-addr.arpa.", "PTR", "NXDOMAIN"),
    ("1.2.3.0.in-addr.arpa.", "PTR", "NXDOMAIN"),
    ("255.255.255.255.in-addr.arpa.", "PTR", "NXDOMAIN"),
    ("127.in-addr.arpa.", "A", "NOERROR"),
    ("localhost.", "SOA", "NOERROR SOA localhost. root.localhost. SERIAL 0 0 0 604800"),
    ("127.in-addr.arpa.", "NS", "NOERROR NS localhost."),
    ("db.localhost.", "HTTPS", "NOERROR"),
]


@pytest.mark.parametrize("name, rdtype, want", LOCAL_CASES, ids=[c[0] + c[1] for c in LOCAL_CASES])
def test_local(server, upstream, name, rdtype, want):
    message = ask(server, name, rdtype)
    assert said(message) == want
    if not message.answer:
        assert SOA in str(message.authority[0])
    assert upstream.count(name) == 0


def test_local_counts_what_is_below(server):
    name = "coredns_local_localhost_requests_total"
    before = server.metric(name)
    ask(server, "localhost.")
    assert server.metric(name) == before
    ask(server, "localhost.shop.svc")
    ask(server, "x.localhost.")
    assert server.metric(name) == before + 2


# ---- timeouts

def test_idle_connection_is_closed(server):
    with server.connect() as sock:
        start = time.monotonic()
        assert read_message(sock) is None
        assert time.monotonic() - start < DEADLINE_S / 2  # 1 s, where 10 s is usual


def test_keepalive_tells_the_time(server):
    option = [dns.edns.GenericOption(11, b"")]
    message = ask(server, "bare.test.", tcp=True, options=option)
    assert [int.from_bytes(o.to_wire(), "big") for o in message.options if o.otype == 11] == [10]


# ---- NodeLocal DNSCache's flags

NODE = ["-localip", "169.254.20.10,10.96.0.10", "-upstreamsvc", "kube-dns-upstream"]
NODE_CASES = [  # (the flags, the exit code, what stderr has, None: nothing)
    ([*NODE, "-skipteardown=true", "-setupinterface=false", "-setupiptables=false"], 0, None),
    ([*NODE, "-health-port", "8080"], 0, "-health-port: no template is filled in"),
    ([*NODE, "-setupiptables"], 0, "-setupiptables: no rules are made"),
    ([*NODE, "-setupinterface=true"], 0, "-setupinterface: no interface is made by the process that serves: `kaname --setup-interface"),
    ([*NODE, "-metrics-listen-address=0.0.0.0:9353"], 0, "-metrics-listen-address: "),
    (["-localip", "169.254.20.10,eth0"], 2, '-localip cannot be "169.254.20.10,eth0"'),
    (["-localip"], 2, "-localip takes a value"),
    (["-setupiptables=maybe"], 2, '-setupiptables cannot be "maybe"'),
    (["-setupiptable"], 2, 'unknown flag "-setupiptable"'),
]


@pytest.mark.parametrize("flags, code, want", NODE_CASES, ids=[" ".join(c[0][-2:]) for c in NODE_CASES])
def test_node_flags(tmp_path, flags, code, want):
    corefile = tmp_path / "Corefile"
    corefile.write_text(".:1053 {\n    whoami\n}\n")
    done = subprocess.run([BINARY, "-conf", corefile, "--check", *flags], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == code
    assert want in done.stderr if want else done.stderr == ""


def test_node_corefile(tmp_path):
    corefile = tmp_path / "elsewhere"
    corefile.write_text(".:1053 {\n    whoami\n}\n")
    assert subprocess.run([BINARY, "-corefile", corefile, "--check"], timeout=DEADLINE_S).returncode == 0

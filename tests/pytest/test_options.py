# SPDX-License-Identifier: Apache-2.0
"""Options of the `kubernetes` block, each in a server block with a zone of its own over the same objects."""
import dns.name
import dns.rdatatype
import dns.reversename
import pytest

from cluster import alias, endpoint, endpointslice, namespace, pod, service
from harness import rcode_text, running

CLUSTER = [
    namespace("shop", labels={"tier": "front", "env": "prod"}), namespace("data", labels={"tier": "back"}), namespace("bare"),
    service("web.shop", "10.96.1.1", ports=["http:80"], labels={"app": "web"}),
    endpointslice("web.shop", endpoint("10.244.1.1", pod="web-abc"), endpoint("10.244.1.2", hostname="named", pod="web-def"),
                  ports=["http:80"], labels={"app": "web"}),
    service("idle.shop", "10.96.1.2", ports=["http:80"], labels={"app": "idle"}),
    endpointslice("idle.shop", endpoint("10.244.1.9", ready=False), ports=["http:80"], labels={"app": "idle"}),
    alias("pay.shop", "web.shop.svc.cluster.local"),
    service("db.data", ports=["pg:5432"], labels={"app": "db"}),
    endpointslice("db.data", endpoint("10.244.2.1", hostname="db-0", pod="db-0"), endpoint("10.244.2.2", pod="x" * 64),
                  ports=["pg:5432"], labels={"app": "db"}),
    pod("web-abc.shop", "10.244.1.1", labels={"app": "web"}),
]

# zone -> the lines in its kubernetes block
ZONES = {
    "plain.test": "",
    "ttl0.test": "ttl 0",
    "ttlmax.test": "ttl 3600",
    "disabled.test": "pods disabled",
    "insecure.test": "pods insecure",
    "verified.test": "pods verified",
    "noendpoints.test": "noendpoints",
    "podnames.test": "endpoint_pod_names",
    "onlydata.test": "namespaces data",
    "two.test": "namespaces data shop",
    "front.test": "namespace_labels tier=front,env in (prod, test)",
    "web.test": "labels app=web",
    "notdb.test": "labels app!=db",
    "ignore.test": "ignore empty_service",
    "through.test": "fallthrough",
    "partly.test": "fallthrough shop.svc.partly.test",
}

# (zone, name below it, type, the rcode and the answers' data)
CASES = [
    ("plain.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("plain.test", "10-244-1-1.shop.pod", "A", "NXDOMAIN"),
    ("plain.test", "idle.shop.svc", "A", "NOERROR 10.96.1.2"),
    ("disabled.test", "10-244-1-1.shop.pod", "A", "NXDOMAIN"),
    ("disabled.test", "shop.pod", "A", "NXDOMAIN"),
    ("disabled.test", "pod", "A", "NOERROR"),
    ("insecure.test", "10-244-1-1.shop.pod", "A", "NOERROR 10.244.1.1"),
    ("insecure.test", "1-2-3-4.bare.pod", "A", "NOERROR 1.2.3.4"),
    ("insecure.test", "1-2-3-4.bare.pod", "AAAA", "NOERROR"),
    ("insecure.test", "2001-db8--1.shop.pod", "AAAA", "NOERROR 2001:db8::1"),
    ("insecure.test", "--1.shop.pod", "AAAA", "NOERROR ::1"),
    ("insecure.test", "1-2-3-4.nothing.pod", "A", "NXDOMAIN"),
    ("insecure.test", "1-2-3.shop.pod", "A", "NXDOMAIN"),
    ("insecure.test", "1-2-3-4-5.shop.pod", "A", "NXDOMAIN"),
    ("insecure.test", "1-2-3-256.shop.pod", "A", "NXDOMAIN"),
    ("insecure.test", "x.1-2-3-4.shop.pod", "A", "NXDOMAIN"),
    ("verified.test", "10-244-1-1.shop.pod", "A", "NOERROR 10.244.1.1"),
    ("verified.test", "10-244-1-1.data.pod", "A", "NXDOMAIN"),
    ("noendpoints.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("noendpoints.test", "_http._tcp.web.shop.svc", "SRV", "NOERROR 0 100 80 web.shop.svc.noendpoints.test."),
    ("noendpoints.test", "named.web.shop.svc", "A", "NXDOMAIN"),
    ("noendpoints.test", "db.data.svc", "A", "NXDOMAIN"),
    ("podnames.test", "web-abc.web.shop.svc", "A", "NOERROR 10.244.1.1"),
    ("podnames.test", "named.web.shop.svc", "A", "NOERROR 10.244.1.2"),
    ("podnames.test", "web-def.web.shop.svc", "A", "NXDOMAIN"),
    ("podnames.test", "10-244-2-2.db.data.svc", "A", "NOERROR 10.244.2.2"),
    ("plain.test", "web-abc.web.shop.svc", "A", "NXDOMAIN"),
    ("onlydata.test", "db.data.svc", "A", "NOERROR 10.244.2.1 10.244.2.2"),
    ("onlydata.test", "web.shop.svc", "A", "NXDOMAIN"),
    ("onlydata.test", "shop.svc", "A", "NXDOMAIN"),
    ("onlydata.test", "data.svc", "A", "NOERROR"),
    ("two.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("two.test", "bare.svc", "A", "NXDOMAIN"),
    ("front.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("front.test", "db.data.svc", "A", "NXDOMAIN"),
    ("front.test", "data.svc", "A", "NXDOMAIN"),
    ("web.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("web.test", "named.web.shop.svc", "A", "NOERROR 10.244.1.2"),
    ("web.test", "db.data.svc", "A", "NXDOMAIN"),
    ("web.test", "idle.shop.svc", "A", "NXDOMAIN"),
    ("notdb.test", "idle.shop.svc", "A", "NOERROR 10.96.1.2"),
    ("notdb.test", "db.data.svc", "A", "NXDOMAIN"),
    ("ignore.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("ignore.test", "idle.shop.svc", "A", "NXDOMAIN"),
    ("ignore.test", "_http._tcp.idle.shop.svc", "SRV", "NXDOMAIN"),
    ("ignore.test", "pay.shop.svc", "CNAME", "NOERROR web.shop.svc.cluster.local."),
    # whoami stands behind: it answers what falls through, with no record in the answer section
    ("through.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("through.test", "web.shop.svc", "AAAA", "NOERROR"),
    ("through.test", "nothing.shop.svc", "A", "whoami"),
    ("partly.test", "nothing.shop.svc", "A", "whoami"),
    ("partly.test", "nothing.data.svc", "A", "NXDOMAIN"),
    ("plain.test", "nothing.shop.svc", "A", "NXDOMAIN"),
    # several zones of one block
    ("one.several.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("two.several.test", "web.shop.svc", "A", "NOERROR 10.96.1.1"),
    ("two.several.test", "_pg._tcp.db.data.svc", "SRV",
     "NOERROR 0 50 5432 10-244-2-2.db.data.svc.two.several.test. 0 50 5432 db-0.db.data.svc.two.several.test."),
]


def block(zone, options):
    return (f"{zone}:$port {{\n bind $address\n errors\n whoami\n kubernetes {zone} {{\n objects $objects\n {options}\n }}\n}}\n")


COREFILE = """
.:$port {
    bind $address
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes one.several.test two.several.test 96.10.in-addr.arpa 244.10.in-addr.arpa {
        objects $objects
    }
}
10.250.0.0/16:$port {
    bind $address
    kubernetes plain.test 10.250.0.0/16 {
        objects $objects
    }
}
""" + "".join(block(zone, options) for zone, options in ZONES.items())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("options"), {"all.json": CLUSTER}, COREFILE) as running_server:
        yield running_server


@pytest.mark.parametrize("zone, name, rdtype, want", CASES, ids=[f"{c[1]}.{c[0]} {c[2]}" for c in CASES])
def test_option(server, zone, name, rdtype, want):
    got = server.ask(f"{name}.{zone}.", rdtype)
    text = " ".join([rcode_text(got), *sorted(str(rdata) for rrset in got.answer for rdata in rrset)])
    if not got.answer and any(rrset.rdtype == dns.rdatatype.SRV for rrset in got.additional):
        text = "whoami"
    assert text == want
    if text.split()[0] == "NXDOMAIN":
        assert [str(rrset.name) for rrset in got.authority] == [f"{zone}."]


@pytest.mark.parametrize("zone, ttl, soa_ttl", [("plain.test", 5, 5), ("ttl0.test", 0, 0), ("ttlmax.test", 3600, 300)])
def test_ttl(server, zone, ttl, soa_ttl):
    assert server.ask(f"web.shop.svc.{zone}.").answer[0].ttl == ttl
    soa = server.ask(f"web.shop.svc.{zone}.", "TXT").authority[0]
    assert (soa.ttl, soa[0].minimum) == (soa_ttl, ttl)
    assert server.ask(f"dns-version.{zone}.", "TXT").answer[0].ttl == 28800


@pytest.mark.parametrize("address, want", [
    ("10.96.1.1", ["web.shop.svc.one.several.test."]),
    ("10.244.2.1", ["db-0.db.data.svc.one.several.test."]),
    ("10.244.9.9", "244.10.in-addr.arpa."),
    ("10.250.9.9", "250.10.in-addr.arpa."),
])
def test_reverse_zone(server, address, want):
    """Targets are in the first forward zone; a denial has the SOA of the part that was configured."""
    got = server.ask(str(dns.reversename.from_address(address)), "PTR")
    if isinstance(want, list):
        assert [str(rdata.target) for rrset in got.answer for rdata in rrset] == want
    else:
        assert rcode_text(got) == "NXDOMAIN"
        assert got.authority[0].name == dns.name.from_text(want)


def test_whoami(server):
    """The client's address and port, TTL 0, in the additional section."""
    for tcp in (False, True):
        got = server.ask("anything.through.test.", "A", tcp)
        assert rcode_text(got) == "NOERROR" and not got.answer
        address, = (rrset for rrset in got.additional if rrset.rdtype == dns.rdatatype.A)
        port, = (rrset for rrset in got.additional if rrset.rdtype == dns.rdatatype.SRV)
        assert address[0].address.startswith("127.") and address.ttl == 0 and address.name == dns.name.from_text("anything.through.test.")
        assert port[0].port > 0 and port.ttl == 0
        assert port.name == dns.name.from_text(f"_{'tcp' if tcp else 'udp'}.anything.through.test.")

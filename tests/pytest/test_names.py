# SPDX-License-Identifier: Apache-2.0
"""The record schema (dns specification 1.1.0): one cluster, one table of questions, each asked over UDP and TCP."""
import re

import dns.flags
import dns.name
import dns.rdatatype
import dns.reversename
import pytest

from cluster import alias, endpoint, endpoints, endpointslice, namespace, pod, service
from harness import ask_text, rcode_text, records, running

TTL = 30
LONG = "a" * 63

CLUSTER = [
    *(namespace(n) for n in ("default", "shop", "data", "empty", "svc", "pod", "local")),
    namespace("leaving", phase="Terminating"),
    service("kubernetes.default", "10.96.0.1", ports=["https:443"]),
    # cluster IP services
    service("web.shop", "10.96.1.1", "fd00:96::1", ports=["http:80", "https:443", "dns:53/UDP"]),
    endpointslice("web.shop", endpoint("10.244.1.1", pod="web-1"), endpoint("10.244.1.2", ready=False),
                  endpoint("10.244.1.3", ready=False, serving=True, terminating=True),
                  {"addresses": ["10.244.1.4"], "conditions": {}}, {"addresses": ["10.244.1.5"]},
                  endpoint("10.244.1.6", hostname="named"), ports=["http:8080", "https:8443", "dns:5353/UDP"]),
    service("bare.shop", "10.96.1.2", ports=[":8080"]),
    service("noports.shop", "10.96.1.3"),
    service("np.shop", "10.96.1.4", type="NodePort", ports=["http:80"]),
    service("lb.shop", "10.96.1.5", type="LoadBalancer", ports=["http:80"], externalIPs=["198.51.100.1"],
            loadBalancerIP="198.51.100.2", status={"loadBalancer": {"ingress": [{"ip": "198.51.100.3"}]}}),
    service("cert-manager.shop", "10.96.1.13", ports=["tcp-prometheus-servicemonitor:9402"]),
    service("sig.shop", "10.96.1.6", ports=["m3ua:2905/SCTP"]),
    service("six.shop", "fd00:96::6", ports=["http:80"]),
    service("1web.shop", "10.96.1.7", ports=["http:80"]),
    service(f"{LONG}.shop", "10.96.1.8", ports=["http:80"]),
    service("shop.shop", "10.96.1.9", ports=["http:80"]),
    service("svc.svc", "10.96.1.10", ports=["http:80"]),
    service("pod.pod", "10.96.1.11", ports=["http:80"]),
    service("local.local", "10.96.1.12", ports=["http:80"]),
    # headless services
    service("db.data", ports=["pg:5432", "metrics:9187"]),
    endpointslice("db.data", endpoint("10.244.2.1", hostname="db-0"), endpoint("10.244.2.2", hostname="db-1"),
                  ports=["pg:5432", "metrics:9187"], suffix="4"),
    endpointslice("db.data", endpoint("fd00:244::2:1", hostname="db-0"), endpoint("fd00:244::2:2", hostname="db-1"),
                  ports=["pg:5432", "metrics:9187"], suffix="6"),
    service("cache.data", ports=["redis:6379"]),
    endpointslice("cache.data", "10.244.3.1", "10.244.3.2", ports=["redis:6379"], suffix="a"),
    endpointslice("cache.data", "10.244.3.2", "10.244.3.3", endpoint("10.244.3.4", ready=False), ports=["redis:6380"], suffix="b"),
    service("v6.data", ports=["http:80"]),
    endpointslice("v6.data", "FD00:0005:0000:0000:0000:0000:0000:0000", "fd00:244:0::0007", ports=["http:80"]),
    service("peers.data", ports=["peer:2380"], publishNotReadyAddresses=True),
    endpointslice("peers.data", endpoint("10.244.4.1", hostname="p-0", ready=True, serving=False),
                  endpoint("10.244.4.2", hostname="p-1", ready=True, serving=False, terminating=True), ports=["peer:2380"]),
    service("none.data", ports=["http:80"]),
    endpointslice("none.data", endpoint("10.244.5.1", hostname="n-0", ready=False), ports=["http:80"]),
    service("noslice.data", ports=["http:80"]),
    service("old.data", ports=["http:80"]),
    endpoints("old.data", {"addresses": [{"ip": "10.250.0.1", "hostname": "main"}, {"ip": "10.250.0.2"}],
                           "notReadyAddresses": [{"ip": "10.250.0.3"}], "ports": [{"name": "http", "port": 80}]}),
    service("portless.data"),
    endpointslice("portless.data", endpoint("10.244.6.1", hostname="x"), ports=[]),
    service("nullports.data"),
    endpointslice("nullports.data", endpoint("10.244.6.2", hostname="x"), ports=None),
    service("unnamed.data", ports=[":7000"]),
    endpointslice("unnamed.data", endpoint("10.244.6.3", hostname="u"), ports=[":7000"]),
    service("share.data", ports=["http:80"]),
    endpointslice("share.data", endpoint("10.244.7.1", hostname="node"), endpoint("10.244.7.2", hostname="node"), ports=["http:80"]),
    service("mixed.data", ports=["http:80"]),
    endpointslice("mixed.data", endpoint("10.244.8.1", hostname="m-0"), ports=["http:80"], suffix="a"),
    endpointslice("mixed.data", endpoint("10.244.8.2", hostname="m-1"), ports=["admin:81"], suffix="b"),
    service("fqdn.data", ports=["http:80"]),
    endpointslice("fqdn.data", "host.example.com", ports=["http:80"], kind="FQDN"),
    # slices that belong to nothing
    endpointslice("db.shop", endpoint("10.244.9.1", hostname="lost"), ports=["http:80"]),
    endpointslice("web.data", "10.244.9.2", ports=["http:80"]),
    endpointslice("db.data", endpoint("10.244.9.3", hostname="nolabel"), owner=False, suffix="c", ports=["http:80"]),
    # one address twice: two services, and a cluster IP that is an endpoint's too
    service("twin-a.data", ports=["http:80"]),
    endpointslice("twin-a.data", endpoint("10.244.10.1", hostname="a"), ports=["http:80"]),
    service("twin-b.data", ports=["http:80"]),
    endpointslice("twin-b.data", endpoint("10.244.10.1", hostname="b"), endpoint("10.96.0.1"), ports=["http:80"]),
    # external names
    alias("pay.shop", "web.shop.svc.cluster.local"), alias("dotted.shop", "web.shop.svc.cluster.local."),
    alias("spelled.shop", "Web.Shop.svc.cluster.local"), alias("out.shop", "www.example.com"),
    alias("outdot.shop", "www.example.com."), alias("ip.shop", "192.0.2.1"), alias("self.shop", "self.shop.svc.cluster.local"),
    alias("loop1.shop", "loop2.shop.svc.cluster.local"), alias("loop2.shop", "loop1.shop.svc.cluster.local"),
    alias("gone.shop", "nothing.shop.svc.cluster.local"), alias("todb.shop", "db-0.db.data.svc.cluster.local"),
    alias("toversion.shop", "dns-version.cluster.local"),
    *(alias(f"hop{i}.shop", f"hop{i + 1}.shop.svc.cluster.local") for i in range(1, 8)),
    alias("hop8.shop", "web.shop.svc.cluster.local"),
    pod("web-1.shop", "10.244.1.1", "fd00:244::1:1"), pod("done.shop", "10.244.99.1", phase="Succeeded"),
    pod("failed.shop", "10.244.99.2", phase="Failed"), pod("proxy.kube-system", "172.18.0.3", hostNetwork=True),
    pod("agent.kube-system", "172.18.0.3", hostNetwork=True),
]

DB_GLUE = ["db-0.db.data.svc A 10.244.2.1", "db-0.db.data.svc AAAA fd00:244::2:1",
           "db-1.db.data.svc A 10.244.2.2", "db-1.db.data.svc AAAA fd00:244::2:2"]
WEB_GLUE = ["A 10.96.1.1", "AAAA fd00:96::1"]

# (name, type, answer, additional): NOERROR. "OWNER TYPE RDATA"; OWNER is left out where it is the question's name.
FOUND = [
    ("kubernetes.default.svc", "A", ["A 10.96.0.1"], []),
    ("dns-version", "TXT", ['TXT "1.1.0"'], []),
    ("web.shop.svc", "A", ["A 10.96.1.1"], []),
    ("web.shop.svc", "AAAA", ["AAAA fd00:96::1"], []),
    ("WEB.Shop.SVC", "A", ["A 10.96.1.1"], []),
    ("_http._tcp.web.shop.svc", "SRV", ["SRV 0 100 80 web.shop.svc"], ["web.shop.svc A 10.96.1.1", "web.shop.svc AAAA fd00:96::1"]),
    ("_HTTP._TCP.web.shop.svc", "SRV", ["SRV 0 100 80 web.shop.svc"], ["web.shop.svc A 10.96.1.1", "web.shop.svc AAAA fd00:96::1"]),
    ("_dns._udp.web.shop.svc", "SRV", ["SRV 0 100 53 web.shop.svc"], ["web.shop.svc A 10.96.1.1", "web.shop.svc AAAA fd00:96::1"]),
    ("web.shop.svc", "SRV", [f"SRV 0 33 {p} web.shop.svc" for p in (443, 53, 80)], WEB_GLUE),
    ("named.web.shop.svc", "A", ["A 10.244.1.6"], []),
    ("10-244-1-1.web.shop.svc", "A", ["A 10.244.1.1"], []),
    ("10-244-1-4.web.shop.svc", "A", ["A 10.244.1.4"], []),
    ("10-244-1-5.web.shop.svc", "A", ["A 10.244.1.5"], []),
    ("bare.shop.svc", "A", ["A 10.96.1.2"], []),
    ("bare.shop.svc", "SRV", ["SRV 0 100 8080 bare.shop.svc"], ["A 10.96.1.2"]),
    ("noports.shop.svc", "A", ["A 10.96.1.3"], []),
    ("np.shop.svc", "A", ["A 10.96.1.4"], []),
    ("_http._tcp.np.shop.svc", "SRV", ["SRV 0 100 80 np.shop.svc"], ["np.shop.svc A 10.96.1.4"]),
    ("lb.shop.svc", "A", ["A 10.96.1.5"], []),
    ("cert-manager.shop.svc", "A", ["A 10.96.1.13"], []),
    ("_tcp-prometheus-servicemonitor._tcp.cert-manager.shop.svc", "SRV", ["SRV 0 100 9402 cert-manager.shop.svc"],
     ["cert-manager.shop.svc A 10.96.1.13"]),
    ("_m3ua._sctp.sig.shop.svc", "SRV", ["SRV 0 100 2905 sig.shop.svc"], ["sig.shop.svc A 10.96.1.6"]),
    ("six.shop.svc", "AAAA", ["AAAA fd00:96::6"], []),
    ("1web.shop.svc", "A", ["A 10.96.1.7"], []),
    (f"{LONG}.shop.svc", "A", ["A 10.96.1.8"], []),
    ("shop.shop.svc", "A", ["A 10.96.1.9"], []),
    ("svc.svc.svc", "A", ["A 10.96.1.10"], []),
    ("pod.pod.svc", "A", ["A 10.96.1.11"], []),
    ("local.local.svc", "A", ["A 10.96.1.12"], []),
    ("db.data.svc", "A", ["A 10.244.2.1", "A 10.244.2.2"], []),
    ("db.data.svc", "AAAA", ["AAAA fd00:244::2:1", "AAAA fd00:244::2:2"], []),
    ("db-0.db.data.svc", "A", ["A 10.244.2.1"], []),
    ("DB-1.db.data.svc", "AAAA", ["AAAA fd00:244::2:2"], []),
    ("_pg._tcp.db.data.svc", "SRV", ["SRV 0 50 5432 db-0.db.data.svc", "SRV 0 50 5432 db-1.db.data.svc"], DB_GLUE),
    ("db.data.svc", "SRV", [f"SRV 0 25 {p} db-{i}.db.data.svc" for p in (5432, 9187) for i in (0, 1)], DB_GLUE),
    ("db-0.db.data.svc", "SRV", [f"SRV 0 50 {p} db-0.db.data.svc" for p in (5432, 9187)], ["A 10.244.2.1", "AAAA fd00:244::2:1"]),
    ("cache.data.svc", "A", ["A 10.244.3.1", "A 10.244.3.2", "A 10.244.3.3"], []),
    ("10-244-3-2.cache.data.svc", "A", ["A 10.244.3.2"], []),
    ("v6.data.svc", "AAAA", ["AAAA fd00:244::7", "AAAA fd00:5::"], []),
    ("fd00-5--0.v6.data.svc", "AAAA", ["AAAA fd00:5::"], []),
    ("fd00-244--7.v6.data.svc", "AAAA", ["AAAA fd00:244::7"], []),
    ("peers.data.svc", "A", ["A 10.244.4.1", "A 10.244.4.2"], []),
    ("p-1.peers.data.svc", "A", ["A 10.244.4.2"], []),
    ("old.data.svc", "A", ["A 10.250.0.1", "A 10.250.0.2"], []),
    ("main.old.data.svc", "A", ["A 10.250.0.1"], []),
    ("10-250-0-2.old.data.svc", "A", ["A 10.250.0.2"], []),
    ("portless.data.svc", "A", ["A 10.244.6.1"], []),
    ("x.nullports.data.svc", "A", ["A 10.244.6.2"], []),
    ("unnamed.data.svc", "SRV", ["SRV 0 100 7000 u.unnamed.data.svc"], ["u.unnamed.data.svc A 10.244.6.3"]),
    ("node.share.data.svc", "A", ["A 10.244.7.1", "A 10.244.7.2"], []),
    ("_http._tcp.share.data.svc", "SRV", ["SRV 0 100 80 node.share.data.svc"],
     ["node.share.data.svc A 10.244.7.1", "node.share.data.svc A 10.244.7.2"]),
    ("_http._tcp.mixed.data.svc", "SRV", ["SRV 0 100 80 m-0.mixed.data.svc"], ["m-0.mixed.data.svc A 10.244.8.1"]),
    ("_admin._tcp.mixed.data.svc", "SRV", ["SRV 0 100 81 m-1.mixed.data.svc"], ["m-1.mixed.data.svc A 10.244.8.2"]),
    ("mixed.data.svc", "A", ["A 10.244.8.1", "A 10.244.8.2"], []),
    # external names
    ("pay.shop.svc", "CNAME", ["CNAME web.shop.svc"], []),
    ("pay.shop.svc", "A", ["CNAME web.shop.svc", "web.shop.svc A 10.96.1.1"], []),
    ("pay.shop.svc", "AAAA", ["CNAME web.shop.svc", "web.shop.svc AAAA fd00:96::1"], []),
    ("dotted.shop.svc", "A", ["CNAME web.shop.svc", "web.shop.svc A 10.96.1.1"], []),
    ("outdot.shop.svc", "CNAME", ["CNAME www.example.com."], []),
    ("out.shop.svc", "CNAME", ["CNAME www.example.com."], []),
    ("self.shop.svc", "CNAME", ["CNAME self.shop.svc"], []),
    ("todb.shop.svc", "A", ["CNAME db-0.db.data.svc", "db-0.db.data.svc A 10.244.2.1"], []),
    ("toversion.shop.svc", "TXT", ["CNAME dns-version", 'dns-version TXT "1.1.0"'], []),
    ("hop1.shop.svc", "A", ["CNAME hop2.shop.svc", *(f"hop{i}.shop.svc CNAME hop{i + 1}.shop.svc" for i in range(2, 8)),
                            "hop8.shop.svc CNAME web.shop.svc", "web.shop.svc A 10.96.1.1"], []),
    # reverse names
    ("10.96.0.1", "PTR", ["PTR kubernetes.default.svc"], []),
    ("10.96.1.1", "PTR", ["PTR web.shop.svc"], []),
    ("fd00:96::1", "PTR", ["PTR web.shop.svc"], []),
    ("10.244.1.1", "PTR", ["PTR 10-244-1-1.web.shop.svc"], []),
    ("10.244.1.6", "PTR", ["PTR named.web.shop.svc"], []),
    ("10.244.2.1", "PTR", ["PTR db-0.db.data.svc"], []),
    ("fd00:244::2:2", "PTR", ["PTR db-1.db.data.svc"], []),
    ("fd00:5::", "PTR", ["PTR fd00-5--0.v6.data.svc"], []),
    ("10.244.10.1", "PTR", ["PTR a.twin-a.data.svc", "PTR b.twin-b.data.svc"], []),
    ("10.250.0.1", "PTR", ["PTR main.old.data.svc"], []),
    # pods
    ("10-244-1-1.shop.pod", "A", ["A 10.244.1.1"], []),
    ("fd00-244--1-1.shop.pod", "AAAA", ["AAAA fd00:244::1:1"], []),
    ("172-18-0-3.kube-system.pod", "A", ["A 172.18.0.3"], []),
]

# (name, types): NOERROR without an answer, SOA in authority.
NODATA = [
    ("web.shop.svc", "TXT MX NS SOA PTR CNAME HTTPS TYPE65280"),
    ("bare.shop.svc", "AAAA"), ("six.shop.svc", "A"), ("noports.shop.svc", "SRV"),
    ("_http._tcp.web.shop.svc", "A AAAA TXT"), ("_tcp.web.shop.svc", "A SRV TXT"), ("_udp.web.shop.svc", "SRV"),
    ("_tcp.db.data.svc", "A SRV"), ("db-0.db.data.svc", "TXT MX"), ("10-244-3-2.cache.data.svc", "AAAA"),
    ("cache.data.svc", "AAAA TXT"), ("portless.data.svc", "SRV"), ("nullports.data.svc", "SRV"),
    ("svc", "A AAAA TXT NS SOA"), ("pod", "A"), ("dns", "A"), ("shop.svc", "A TXT SRV"), ("empty.svc", "A AAAA"),
    ("leaving.svc", "A"), ("svc.svc", "A"), ("pod.svc", "A"), ("shop.pod", "A"), ("empty.pod", "A AAAA"),
    ("dns-version", "A AAAA SRV"), ("", "A AAAA TXT MX"),
    ("10-244-1-1.shop.pod", "AAAA TXT SRV HINFO"), ("fd00-244--1-1.shop.pod", "A"),
    ("1.0.96.10.in-addr.arpa.", "A TXT"), ("96.10.in-addr.arpa.", "A PTR"), ("10.in-addr.arpa.", "PTR"),
    ("in-addr.arpa.", "A PTR"), ("d.f.ip6.arpa.", "PTR"), ("ip6.arpa.", "A"),
]

# (name, types): NXDOMAIN, SOA in authority.
NXDOMAIN = [
    ("nothing.shop.svc", "A AAAA SRV TXT"), ("web.nothing.svc", "A"), ("nothing.svc", "A"), ("nothing", "A"),
    ("none.data.svc", "A AAAA SRV TXT"), ("n-0.none.data.svc", "A"), ("noslice.data.svc", "A SRV"), ("fqdn.data.svc", "A SRV"),
    ("_http._tcp.none.data.svc", "SRV"), ("_tcp.noslice.data.svc", "SRV"),
    ("10-244-1-2.web.shop.svc", "A"), ("10-244-1-3.web.shop.svc", "A"), ("10-244-3-4.cache.data.svc", "A"),
    ("10-250-0-3.old.data.svc", "A"), ("lost.db.data.svc", "A"), ("lost.db.shop.svc", "A"), ("nolabel.db.data.svc", "A"),
    ("10-244-9-2.web.data.svc", "A"), ("10-244-9-2.web.shop.svc", "A"),
    ("_http._udp.web.shop.svc", "SRV"), ("_http._sctp.web.shop.svc", "SRV"), ("_sctp.web.shop.svc", "SRV"),
    ("_8080._tcp.bare.shop.svc", "SRV"), ("_._tcp.bare.shop.svc", "SRV"), ("http.tcp.web.shop.svc", "SRV"),
    ("_nothing._tcp.web.shop.svc", "SRV A"), ("_http.web.shop.svc", "A"), ("_http._tcp.cache.data.svc", "SRV"),
    ("x.named.web.shop.svc", "A"), ("x._http._tcp.web.shop.svc", "SRV"), ("a.b.c.d.e.web.shop.svc", "A"),
    ("_http._tcp.named.web.shop.svc", "SRV"), ("nothing.web.shop.svc", "A"),
    # wrong search suffixes
    ("www.example.com.shop.svc", "A AAAA"), ("web.shop.shop.svc", "A"), ("web.shop.svc.shop.svc", "A"), ("web.shop.svc.svc", "A"),
    ("web.shop", "A"), ("www.example.com", "A AAAA"), ("web.shop.svc.cluster.local", "A"),
    # no wildcards
    ("*.shop.svc", "A"), ("*.*.svc", "A"), ("any.shop.svc", "A"), ("*.web.shop.svc", "A"), ("_*._tcp.web.shop.svc", "SRV"),
    ("*.data.svc", "SRV"),
    # labels of any octets
    ([b"web.shop", b"svc", b"cluster", b"local"], "A"), ([b"web", b"shop.svc", b"cluster", b"local"], "A"),
    ([b"web\x00", b"shop", b"svc", b"cluster", b"local"], "A"), ([b"web", b"shop\x00x", b"svc", b"cluster", b"local"], "A"),
    ([b"10.244.1.1", b"shop", b"pod", b"cluster", b"local"], "A"), ([b"\xff\xfe", b"shop", b"svc", b"cluster", b"local"], "A"),
    # external names
    ("ip.shop.svc", "A CNAME"), ("x.pay.shop.svc", "A"), ("_http._tcp.pay.shop.svc", "SRV"), ("_tcp.pay.shop.svc", "A"),
    # reverse names
    ("10.244.1.2", "PTR"), ("198.51.100.1", "PTR"), ("198.51.100.3", "PTR"), ("10.244.9.1", "PTR"), ("10.244.9.2", "PTR"),
    ("10.244.9.3", "PTR"), ("10.244.99.1", "PTR"), ("172.18.0.3", "PTR"), ("10.250.0.3", "PTR"), ("fd00::1", "PTR"),
    ("01.0.96.10.in-addr.arpa.", "PTR"), ("x.1.0.96.10.in-addr.arpa.", "PTR"), ("256.0.96.10.in-addr.arpa.", "PTR"),
    ("1.0.96.0010.in-addr.arpa.", "PTR"), ("0x1.0.96.10.in-addr.arpa.", "PTR"), ("77.10.in-addr.arpa.", "PTR"),
    ("g.f.ip6.arpa.", "PTR"), ("fd.ip6.arpa.", "PTR"),
    # pods
    ("10-244-99-1.shop.pod", "A"), ("10-244-99-2.shop.pod", "A"), ("10-244-1-1.empty.pod", "A"), ("10-244-1-1.nothing.pod", "A"),
    ("x.10-244-1-1.shop.pod", "A"), ("10-244-1.shop.pod", "A"), ("010-244-1-1.shop.pod", "A"), ("10-244-1-256.shop.pod", "A"),
    ("web-1.shop.pod", "A"), ("10-244-1-1-.shop.pod", "A"), ("nothing.pod", "A"),
    ("x.dns-version", "TXT"),
]

# (name, type, rcode, answer): an external name whose end is not there.
ALIAS_ENDS = [
    ("gone.shop.svc", "A", "NXDOMAIN", ["CNAME nothing.shop.svc"]),
    ("pay.shop.svc", "TXT", "NOERROR", ["CNAME web.shop.svc"]),
    ("todb.shop.svc", "TXT", "NOERROR", ["CNAME db-0.db.data.svc"]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("names"), {"all.json": CLUSTER}) as running_server:
        yield running_server


def qname_of(name):
    """The table's spelling as a name: an address with type PTR is its reverse name."""
    if isinstance(name, str) and re.fullmatch(r"\d+\.\d+\.\d+\.\d+|[\da-f]*:[\da-f:]+", name):
        return str(dns.reversename.from_address(name))
    return name


def ids(cases):
    return [f"{case[0]} {case[1]}" for case in cases]


def each_type(cases):
    return [(name, rdtype) for name, types in cases for rdtype in types.split()]


def check_header(answer, query, is_authoritative=True):
    assert answer.flags & dns.flags.QR
    assert bool(answer.flags & dns.flags.AA) == is_authoritative
    assert bool(answer.flags & dns.flags.RD) == bool(query.flags & dns.flags.RD)
    assert not answer.flags & (dns.flags.TC | dns.flags.RA | dns.flags.AD)
    assert answer.edns == -1


def check_negative(answer, zone):
    assert records(answer.answer) == []
    assert len(answer.authority) == 1
    soa = answer.authority[0]
    assert soa.rdtype == dns.rdatatype.SOA
    assert soa.name == dns.name.from_text(zone)
    assert soa.ttl == TTL
    assert re.fullmatch(rf"\S+ \S+ SERIAL 7200 1800 86400 {TTL}", records([soa])[0].split(" SOA ")[1])
    assert not answer.additional


def zone_of(qname):
    return next((z for z in ("in-addr.arpa.", "ip6.arpa.") if str(qname).lower().endswith(z)), "cluster.local.")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype, answer, additional", FOUND, ids=ids(FOUND))
def test_found(server, name, rdtype, answer, additional, tcp):
    query, got = ask_text(server, qname_of(name), rdtype, tcp)
    qname = query.question[0].name
    assert rcode_text(got) == "NOERROR"
    check_header(got, query)
    assert got.question[0].name.labels == qname.labels, "the question's spelling"
    assert records(got.answer, qname) == sorted(answer)
    assert records(got.additional, qname) == sorted(additional)
    assert not got.authority
    for rrset in got.answer:
        if rrset.name == qname:
            assert rrset.name.labels == qname.labels, "the owner in the question's spelling"
    ttls = {rrset.ttl for rrset in [*got.answer, *got.additional] if rrset.rdtype != dns.rdatatype.TXT}
    assert ttls <= {TTL}


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype", each_type(NODATA), ids=ids(each_type(NODATA)))
def test_nodata(server, name, rdtype, tcp):
    query, got = ask_text(server, qname_of(name), rdtype, tcp)
    assert rcode_text(got) == "NOERROR"
    check_header(got, query)
    check_negative(got, zone_of(query.question[0].name))


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype", each_type(NXDOMAIN), ids=ids(each_type(NXDOMAIN)))
def test_nxdomain(server, name, rdtype, tcp):
    query, got = ask_text(server, qname_of(name), rdtype, tcp)
    assert rcode_text(got) == "NXDOMAIN"
    check_header(got, query)
    check_negative(got, zone_of(query.question[0].name))


@pytest.mark.parametrize("name, rdtype, rcode, answer", ALIAS_ENDS, ids=ids(ALIAS_ENDS))
def test_alias_ends(server, name, rdtype, rcode, answer):
    query, got = ask_text(server, name, rdtype)
    assert rcode_text(got) == rcode
    assert records(got.answer, query.question[0].name) == answer
    assert [rrset.rdtype for rrset in got.authority] == [dns.rdatatype.SOA]


@pytest.mark.parametrize("name", ["self", "loop1", "loop2"])
def test_alias_loop_ends(server, name):
    """No address, no recursion: each name at most once."""
    _, got = ask_text(server, f"{name}.shop.svc", "A")
    assert rcode_text(got) in ("NOERROR", "SERVFAIL")
    owners = [str(rrset.name) for rrset in got.answer]
    assert len(owners) == len(set(owners))
    assert {rrset.rdtype for rrset in got.answer} <= {dns.rdatatype.CNAME}


@pytest.mark.parametrize("name", ["out", "outdot"])
def test_alias_outside(server, name):
    """Nothing is forwarded, so the CNAME is all that can be said; that is no NXDOMAIN."""
    query, got = ask_text(server, f"{name}.shop.svc", "A")
    assert rcode_text(got) != "NXDOMAIN"
    assert records(got.answer, query.question[0].name) == ["CNAME www.example.com."]


def test_alias_keeps_spelling(server):
    """What stands before the suffix that is shared with the question (and is in the question's spelling)."""
    _, got = ask_text(server, "spelled.shop.svc", "A")
    assert str(got.answer[0][0].target).startswith("Web.")
    assert records(got.answer[1:], got.answer[0][0].target) == ["A 10.96.1.1"]


def test_version_ttl(server):
    _, got = ask_text(server, "dns-version", "TXT")
    assert got.answer[0].ttl == 28800


def test_apex_soa(server):
    query, got = ask_text(server, "", "SOA")
    assert records(got.answer, query.question[0].name) == ["SOA ns.dns hostmaster SERIAL 7200 1800 86400 30"]


def test_apex_ns(server):
    query, got = ask_text(server, "", "NS")
    targets = {str(rdata.target) for rrset in got.answer for rdata in rrset}
    assert targets == {"ns.dns.cluster.local."}
    addresses = {rdata.address for rrset in got.additional for rdata in rrset}
    assert addresses
    both = [rdata.address for rdtype in ("A", "AAAA") for rrset in server.ask("ns.dns", rdtype).answer for rdata in rrset]
    assert set(both) == addresses


@pytest.mark.parametrize("zone", ["in-addr.arpa.", "ip6.arpa."])
def test_reverse_apex(server, zone):
    _, got = ask_text(server, zone, "SOA")
    assert rcode_text(got) == "NOERROR"
    assert [(str(rrset.name), rrset.rdtype) for rrset in got.answer] == [(zone, dns.rdatatype.SOA)]


@pytest.mark.parametrize("name", ["web.shop.svc", "db.data.svc", "", "shop.svc", "10.96.0.1"])
def test_any_is_small(server, name):
    """One RRset or HINFO (RFC 8482): no amplifier."""
    query, got = ask_text(server, qname_of(name), "ANY")
    assert rcode_text(got) == "NOERROR"
    assert len({(rrset.name, rrset.rdtype) for rrset in got.answer}) <= 1
    assert len(got.to_wire()) <= 512


@pytest.mark.parametrize("name", ["www.example.com.", "cluster.local.example.com.", "local.", "xcluster.local.", "arpa.", "."])
def test_outside(server, name):
    query, got = ask_text(server, name, "A")
    assert rcode_text(got) == "REFUSED"
    check_header(got, query, is_authoritative=False)
    assert not got.answer and not got.authority


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_transfer_is_refused(server, rdtype, tcp):
    query, got = ask_text(server, "", rdtype, tcp)
    assert rcode_text(got) == "REFUSED"
    assert not got.answer


def test_rd_is_copied(server):
    from harness import question

    query = question("web.shop.svc")
    query.flags = 0
    check_header(server.send(query), query)


def test_pointer_order(server):
    """Explicit host names first, and always the same order."""
    for _ in range(5):
        got = server.ask(str(dns.reversename.from_address("10.244.10.1")), "PTR")
        assert [str(rrset[0].target) for rrset in got.answer] == [
            "a.twin-a.data.svc.cluster.local.", "b.twin-b.data.svc.cluster.local."]


def test_rotation(server):
    """Every address comes first sometimes, and the set is always whole."""
    firsts = set()
    for _ in range(100):
        got = [rrset[0].address for rrset in server.ask("cache.data.svc").answer]
        assert sorted(got) == ["10.244.3.1", "10.244.3.2", "10.244.3.3"]
        firsts.add(got[0])
    assert len(firsts) == 3


def test_counted(server):
    """The table above was not answered by someone else."""
    assert server.metric("coredns_dns_requests_total", server=f"dns://{server.address}:{server.port}") > 100

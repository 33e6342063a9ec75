# SPDX-License-Identifier: Apache-2.0
"""glibc's and musl's resolvers in a namespace whose resolv.conf is a pod's, as the kubelet writes it, against the server on port 53.

What a resolver prints is resolve.c's. Where the two libraries differ, what is expected of musl is written beside it, and why.
`attempts:1` and a timeout near the deadline make a lost or late answer a failure: a second attempt would hide it.
"""
import collections
import functools
import glob
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import endpointslice, namespace, service
from upstream import addresses_of

HERE = Path(__file__).resolve().parent
OBJECTS = HERE.parents[1] / "deploy/demo/objects"
NAMESERVER, NAMESERVER6 = "10.96.0.10", "fd00:10:96::10"
SEARCH = "shop.svc.cluster.local svc.cluster.local cluster.local"
STRICT = "timeout:15 attempts:1"
DEADLINE_S = 14.0

COREFILE = """
.:53 {
    errors
    log
    health :8080 {
        lameduck 0s
    }
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
        objects $objects
    }
    prometheus :9153
    forward . $upstream
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
# Nobody answers at this upstream, and there is no way to it.
unreachable.example:53 {
    errors
    forward . 203.0.113.1
}
"""
WITHOUT_UPSTREAM = """
cluster.local:53 {
    errors
    log
    ready :8181
    kubernetes cluster.local {
        objects $objects
    }
}
"""

RULES = [
    ("intra.corp.example.", ""),  # the node's own search domain, which the kubelet adds to the pods'
    ("*.corp.example.", "rcode=NXDOMAIN"),
    ("missing.example.com.", "rcode=NXDOMAIN"),
    ("failing.example.com.", "rcode=SERVFAIL"),
    ("refusing.example.com.", "rcode=REFUSED"),
    ("empty.example.com.", "nodata"),
    ("bare.example.com.", "nodata-bare"),
    ("v4.example.com. AAAA", "nodata"),
    ("v6.example.com. A", "nodata"),
    ("v4-bare.example.com. AAAA", "nodata-bare"),
    ("half-broken.example.com. AAAA", "rcode=SERVFAIL"),
    ("not-implemented.example.com. AAAA", "rcode=NOTIMP"),
    ("alias.example.com.", "cname=target.example.net."),
    ("alias-v4.example.com. A", "cname=target.example.net."),
    ("alias-v4.example.com. AAAA", "nodata"),
    ("large.example.com.", "truncate"),
    ("*.example.com.", ""),
    ("*.example.net.", ""),
    ("*", "rcode=NXDOMAIN"),
]


def large_set(name, n):
    """A headless service with n addresses, in slices of up to 100."""
    ips = addresses_of_set(name, n)
    return [service(f"{name}.data", ports=["http:80"]),
            *(endpointslice(f"{name}.data", *ips[i:i + 100], ports=["http:80"], suffix=str(i)) for i in range(0, n, 100))]


def addresses_of_set(name, n):
    octet = sum(name.encode()) % 200
    return [f"10.245.{octet}.{i + 1}" for i in range(n)]


def objects():
    files = {path.name: json.loads(path.read_text())["items"] for path in OBJECTS.glob("*.json")}
    sets = [object_ for name, n in (("set20", 20), ("set45", 45), ("set100", 100)) for object_ in large_set(name, n)]
    files["sets.json"] = [*sets, namespace("empty-namespace")]
    return files


@pytest.fixture(scope="module")
def cluster(server):
    """The server with the demo's objects; files of /etc that are a pod's."""
    server.upstream.rules[:] = RULES
    server.netns.write("nsswitch.conf", "hosts: files dns\n")
    server.netns.write("hosts", "127.0.0.1 localhost\n::1 localhost\n")
    server.start(COREFILE, objects())
    yield server
    server.stop()


def resolv_conf(options=STRICT, search=SEARCH, nameserver=NAMESERVER):
    return f"search {search}\nnameserver {nameserver}\noptions ndots:5 {options}\n"


# ---- the clients

def libraries():
    """{name: compiler} of the C libraries that there are here."""
    found = {"glibc": ["cc"], "musl": ["musl-gcc", "-static"]}
    return {name: command for name, command in found.items() if shutil.which(command[0])}


@functools.cache
def musl_version():
    """Of the program's: it is linked with what comes with the loader."""
    loaders = glob.glob("/lib/ld-musl-*.so.1")
    text = subprocess.run(loaders[:1], capture_output=True, text=True, check=False).stderr if loaders else ""
    return tuple(int(number) for number in re.findall(r"Version (\d+)\.(\d+)\.(\d+)", text)[0]) if text else ()


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resolve")
    built = {}
    for name, compiler in libraries().items():
        built[name] = folder / f"resolve-{name}"
        subprocess.run([*compiler, "-D_GNU_SOURCE", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(built[name]),
                        str(HERE / "resolve.c"), *(["-lresolv"] if name == "glibc" else [])], check=True)
    return built


Client = collections.namedtuple("Client", "library options nameserver")
CLIENTS = {
    "glibc-udp": Client("glibc", "", NAMESERVER),
    "glibc-tcp": Client("glibc", "use-vc", NAMESERVER),
    "glibc-udp6": Client("glibc", "", NAMESERVER6),
    "musl-udp": Client("musl", "", NAMESERVER),
    "musl-udp6": Client("musl", "", NAMESERVER6),
}


@pytest.fixture
def resolve(cluster, programs):
    """resolve(library, question) prints; the resolv.conf is that of the test."""

    def run(library, question):
        if library not in programs:
            pytest.skip(f"no {library} here: deploy/packages.sh image")
        done = cluster.netns.run([programs[library], *question.split()], DEADLINE_S)
        assert done.returncode == 0, done
        return done.stdout.splitlines()

    return run


# ---- what they get

MUSL_OLD = bool(musl_version()) and musl_version() < (1, 2, 4)
NODATA = {"glibc": ["EAI_NODATA"], "musl": ["EAI_NONAME" if MUSL_OLD else "EAI_NODATA"]}
NONAME, AGAIN = ["EAI_NONAME"], ["EAI_AGAIN"]
WEB4, WEB6 = ["10.96.20.1"], ["fd00:10:96::2001"]
DB4 = ["10.244.1.50", "10.244.2.50", "10.244.3.50"]
DB6 = ["fd00:10:244:1::50", "fd00:10:244:2::50", "fd00:10:244:3::50"]


def external(name, v4=True, v6=True):
    """The addresses that the upstream has for it."""
    a, aaaa = addresses_of(name)
    return [a] * v4 + [aaaa] * v6


# (what is asked, what both get; or {library: what it gets})
ROWS = [
    # names of services, from short to full
    ("addresses web", WEB4 + WEB6),
    ("inet web", WEB4),
    ("inet6 web", WEB6),
    ("addresses web.shop", WEB4 + WEB6),
    ("addresses web.shop.svc", WEB4 + WEB6),
    ("addresses web.shop.svc.cluster.local", WEB4 + WEB6),
    ("addresses web.shop.svc.cluster.local.", WEB4 + WEB6),
    ("inet WEB", WEB4),
    ("addresses Web.SHOP.Svc.Cluster.LOCAL.", WEB4 + WEB6),
    ("canonical web", ["web.shop.svc.cluster.local"]),
    ("inet kubernetes.default", ["10.96.0.1"]),
    ("inet kubernetes.default.svc", ["10.96.0.1"]),
    ("inet kube-dns.kube-system.svc.cluster.local", ["10.96.0.10"]),
    ("addresses ingress.edge", ["10.96.30.1", "fd00:10:96::3001"]),
    # one family only: what there is, and no waiting for the other
    ("addresses api", ["10.96.20.2"]),
    ("inet6 api", NODATA),
    ("inet6 api.shop.svc.cluster.local.", NODATA),
    ("addresses probe.edge", ["fd00:10:96::3002"]),
    ("inet probe.edge", NODATA),
    # headless, pods, endpoints
    ("addresses db.data", DB4 + DB6),
    ("addresses db-0.db.data", [DB4[0], DB6[0]]),
    ("inet db-2.db.data.svc.cluster.local", [DB4[2]]),
    ("inet mainframe.legacy", ["10.250.0.8"]),
    ("inet quorum.data", ["10.244.1.70", "10.244.2.70"]),
    ("inet 10-244-1-21.shop.pod", ["10.244.1.21"]),
    ("inet 10-244-1-21.shop.pod.cluster.local.", ["10.244.1.21"]),
    ("addresses restore.data", NONAME),
    # aliases within the cluster and out of it
    ("addresses pay", WEB4 + WEB6),
    ("addresses search", external("search.example.com.")),
    ("canonical pay", ["web.shop.svc.cluster.local"]),
    ("canonical search.shop.svc.cluster.local.", ["search.example.com"]),
    # large sets; 100 addresses are below, for they are different in each
    ("inet set20.data", addresses_of_set("set20", 20)),
    ("addresses set20.data.svc.cluster.local.", addresses_of_set("set20", 20)),
    # services' ports; musl's res_search searches nothing
    ("srv _http._tcp.web.shop.svc.cluster.local", ["0 100 80 web.shop.svc.cluster.local"]),
    ("srv _postgres._tcp.db.data.svc.cluster.local",
     [f"0 33 5432 db-{i}.db.data.svc.cluster.local" for i in range(3)]),
    ("srv-search _http._tcp.web", {"glibc": ["0 100 80 web.shop.svc.cluster.local"], "musl": ["HOST_NOT_FOUND"]}),
    ("srv-search _metrics._tcp.web.shop",
     {"glibc": ["0 100 9100 web.shop.svc.cluster.local"], "musl": ["HOST_NOT_FOUND"]}),
    ("srv-search _dns._udp.kube-dns.kube-system.svc.cluster.local.", ["0 100 53 kube-dns.kube-system.svc.cluster.local"]),
    ("srv _nothing._tcp.web.shop.svc.cluster.local", ["HOST_NOT_FOUND"]),
    ("srv web.shop.svc.cluster.local", [f"0 33 {port} web.shop.svc.cluster.local" for port in (80, 443, 9100)]),
    # addresses' names
    ("pointer 10.96.20.1", ["web.shop.svc.cluster.local"]),
    ("pointer fd00:10:96::2001", ["web.shop.svc.cluster.local"]),
    ("pointer 10.244.2.50", ["db-1.db.data.svc.cluster.local"]),
    ("pointer fd00:10:244:1::50", ["db-0.db.data.svc.cluster.local"]),
    # names that are not there: sure of it, so that nobody tries again
    ("addresses nothing", NONAME),
    ("addresses nothing.shop", NONAME),
    ("addresses web.nowhere", NONAME),
    ("addresses nothing.shop.svc.cluster.local.", NONAME),
    ("inet6 nothing.shop.svc.cluster.local.", NONAME),
    ("addresses missing.example.com", NONAME),
    ("addresses missing.example.com.", NONAME),
    # names that are there, of nobody
    ("addresses shop.svc.cluster.local.", NODATA),
    ("addresses empty-namespace.svc.cluster.local.", NODATA),
    # names outside, after all of the search list's
    ("addresses www.example.com", external("www.example.com.")),
    ("addresses WWW.Example.COM", external("www.example.com.")),
    ("addresses www.example.com.", external("www.example.com.")),
    ("inet www.example.com", external("www.example.com.", v6=False)),
    ("inet6 www.example.com", external("www.example.com.", v4=False)),
    ("addresses a.b.c.d.e.example.com", external("a.b.c.d.e.example.com.")),
    ("addresses v4.example.com", external("v4.example.com.", v6=False)),
    ("inet6 v4.example.com", NODATA),
    ("addresses v6.example.com", external("v6.example.com.", v4=False)),
    ("addresses v4-bare.example.com", external("v4-bare.example.com.", v6=False)),
    ("addresses empty.example.com", NODATA),
    ("addresses bare.example.com.", NODATA),
    ("addresses alias.example.com", external("target.example.net.")),
    ("canonical alias.example.com.", ["target.example.net"]),
    ("addresses alias-v4.example.com.", external("target.example.net.", v6=False)),
    ("addresses large.example.com", external("large.example.com.")),
    # an upstream's failure is not "there is no such name"
    ("addresses failing.example.com", AGAIN),
    ("addresses failing.example.com.", AGAIN),
    ("inet refusing.example.com.", AGAIN),
    ("inet unreachable.example.", AGAIN),
    ("addresses www.unreachable.example", AGAIN),
    ("inet half-broken.example.com.", external("half-broken.example.com.", v6=False)),
]


def wanted(want, library):
    return sorted(want[library] if isinstance(want, dict) else want)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("question, want", ROWS, ids=[row[0].replace(" ", "-") for row in ROWS])
def test_resolver(cluster, resolve, client, question, want):
    library, options, nameserver = CLIENTS[client]
    cluster.netns.write("resolv.conf", resolv_conf(f"{STRICT} {options}", nameserver=nameserver))
    assert resolve(library, question) == wanted(want, library)

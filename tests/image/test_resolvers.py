# SPDX-License-Identifier: Apache-2.0
"""glibc's, musl's and Go's resolvers in a namespace whose resolv.conf is a pod's, as the kubelet writes it, against the server on
port 53; and the programs that people look names up with.

What a resolver prints is resolve.c's and resolve.go's. Where they differ, what is expected of one is written beside it, and why.
`attempts:1` and a timeout near the deadline make a lost or late answer a failure: a second attempt would hide it.
"""
import collections
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time
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

LIBRARIES = ["glibc", "musl", "go"]


def build_command(library, program):
    flags = ["-D_GNU_SOURCE", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, HERE / "resolve.c"]
    return {"glibc": ["cc", *flags, "-lresolv"], "musl": ["musl-gcc", "-static", *flags],
            "go": ["go", "build", "-o", program, HERE / "resolve.go"]}[library]


@functools.cache
def musl_version():
    """Of the program's: it is linked with what comes with the loader."""
    loaders = glob.glob("/lib/ld-musl-*.so.1")
    text = subprocess.run(loaders[:1], capture_output=True, text=True, check=False).stderr if loaders else ""
    return tuple(int(number) for number in re.findall(r"Version (\d+)\.(\d+)\.(\d+)", text)[0]) if text else ()


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """{library: program}, of those that there are here."""
    folder = tmp_path_factory.mktemp("resolve")
    built = {}
    for library in LIBRARIES:
        command = build_command(library, folder / f"resolve-{library}")
        if shutil.which(command[0]):
            subprocess.run(command, check=True, env={**os.environ, "CGO_ENABLED": "0"})
            built[library] = folder / f"resolve-{library}"
    return built


Client = collections.namedtuple("Client", "library options nameserver")
CLIENTS = {
    "glibc-udp": Client("glibc", "", NAMESERVER),
    "glibc-tcp": Client("glibc", "use-vc", NAMESERVER),
    "glibc-udp6": Client("glibc", "", NAMESERVER6),
    "musl-udp": Client("musl", "", NAMESERVER),
    "musl-udp6": Client("musl", "", NAMESERVER6),
    "go-udp": Client("go", "", NAMESERVER),
    "go-tcp": Client("go", "use-vc", NAMESERVER),
}


@pytest.fixture
def resolve(cluster, programs):
    """resolve(library, question) prints; the resolv.conf is that of the test."""

    def run(library, question):
        if library not in programs:
            pytest.skip(f"no {library} here: deploy/packages.sh image cluster")
        done = cluster.netns.run([programs[library], *question.split()], DEADLINE_S)
        assert done.returncode == 0, done
        return done.stdout.splitlines()

    return run


# ---- what they get

MUSL_ADDRESSES = 48
MUSL_OLD = bool(musl_version()) and musl_version() < (1, 2, 4)
NODATA = {"glibc": ["EAI_NODATA"], "musl": ["EAI_NONAME" if MUSL_OLD else "EAI_NODATA"], "go": ["EAI_NONAME"]}
REFUSED = {"glibc": ["EAI_AGAIN"], "musl": ["EAI_AGAIN"], "go": ["EAI_FAIL"]}
NONAME, AGAIN = ["EAI_NONAME"], ["EAI_AGAIN"]
WEB4, WEB6 = ["10.96.20.1"], ["fd00:10:96::2001"]
DB4 = ["10.244.1.50", "10.244.2.50", "10.244.3.50"]
DB6 = ["fd00:10:244:1::50", "fd00:10:244:2::50", "fd00:10:244:3::50"]


def external(name, v4=True, v6=True):
    """The addresses that the upstream has for it."""
    a, aaaa = addresses_of(name)
    return [a] * v4 + [aaaa] * v6


# (what is asked, what each gets; or {library: what it gets}, glibc's where it has none of its own)
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
    ("srv _nothing._tcp.web.shop.svc.cluster.local", {"glibc": ["HOST_NOT_FOUND"], "go": NONAME}),
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
    ("inet half-broken.example.com.", external("half-broken.example.com.", v6=False)),
]


def wanted(want, library):
    return sorted(want.get(library, want["glibc"]) if isinstance(want, dict) else want)


def ids(rows):
    return [row[0].replace(" ", "-") for row in rows]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("question, want", ROWS, ids=ids(ROWS))
def test_resolver(cluster, resolve, client, question, want):
    library, options, nameserver = CLIENTS[client]
    cluster.netns.write("resolv.conf", resolv_conf(f"{STRICT} {options}", nameserver=nameserver))
    assert resolve(library, question) == wanted(want, library)


# An upstream's failure is not "there is no such name". By TCP glibc tells the two apart for AF_UNSPEC only, whoever answers;
# musl takes no failure for an answer, and waits until the time is over.
FAILURES = [("addresses failing.example.com", AGAIN), ("addresses www.unreachable.example", AGAIN),
            ("inet refusing.example.com.", REFUSED)]


@pytest.mark.parametrize("library, options", [("glibc", ""), ("glibc", "use-vc"), ("musl", ""), ("go", "")])
@pytest.mark.parametrize("question, want", FAILURES, ids=ids(FAILURES))
def test_failure(cluster, resolve, library, options, question, want):
    if options == "use-vc" and question.startswith("inet "):
        pytest.skip("glibc's own: EAI_NONAME")
    cluster.netns.write("resolv.conf", resolv_conf(f"timeout:1 attempts:1 {options}"))
    assert resolve(library, question) == wanted(want, library)


@pytest.mark.parametrize("question, n", [("inet set45.data", 45), ("addresses set100.data.svc.cluster.local.", 100)])
@pytest.mark.parametrize("client", CLIENTS)
def test_large_set(cluster, resolve, client, question, n):
    """glibc, Go and musl from 1.2.4 on go on by TCP; the older musl takes what fits. No musl gives more than 48."""
    library, options, nameserver = CLIENTS[client]
    cluster.netns.write("resolv.conf", resolv_conf(f"{STRICT} {options}", nameserver=nameserver))
    got = resolve(library, question)
    least = n if library != "musl" else 25 if MUSL_OLD else min(n, MUSL_ADDRESSES)
    assert set(got) <= set(addresses_of_set(f"set{n}", n)) and len(set(got)) == len(got) >= least, got


@pytest.fixture
def no_upstream(cluster):
    """The server as one that knows cluster.local only, and refuses the rest."""
    cluster.stop()
    cluster.start(WITHOUT_UPSTREAM, objects())
    yield cluster
    cluster.stop()
    cluster.start(COREFILE, objects())


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_upstream(no_upstream, resolve, library):
    no_upstream.netns.write("resolv.conf", resolv_conf("timeout:1 attempts:1"))
    assert resolve(library, "addresses web") == WEB4 + WEB6
    assert resolve(library, "inet6 api.shop.svc.cluster.local.") == NODATA[library]
    assert resolve(library, "addresses nothing.shop.svc.cluster.local.") == NONAME
    assert resolve(library, "addresses www.example.com") == REFUSED[library]


# ---- other lines of resolv.conf

OPTIONS = ["", "single-request", "single-request-reopen", "edns0", "trust-ad", "edns0 trust-ad", "use-vc edns0", "rotate",
           "ndots:1", "ndots:2", "ndots:15", "no-aaaa", "inet6", "ip6-bytestring unknown:7"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("options", OPTIONS)
def test_options(cluster, resolve, library, options):
    """Questions that each setting of a resolver asks in its own way; with ndots:1 and 2 web.shop is tried as it is first."""
    cluster.netns.write("resolv.conf", resolv_conf(f"{STRICT} {options}"))
    has_v6 = not ("no-aaaa" in options and library == "glibc" and has_no_aaaa())
    assert resolve(library, "addresses web") == sorted(WEB4 + WEB6 * has_v6)
    assert resolve(library, "addresses api") == ["10.96.20.2"]
    assert resolve(library, "addresses www.example.com") == sorted(external("www.example.com.", v6=has_v6))
    assert resolve(library, "addresses nothing.shop.svc.cluster.local") == NONAME
    assert resolve(library, "pointer 10.244.2.50") == ["db-1.db.data.svc.cluster.local"]
    if library != "musl":
        assert len(resolve(library, "inet set100.data.svc.cluster.local.")) == 100


def has_no_aaaa():
    """glibc from 2.36 on."""
    return tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2])) >= (2, 36)


HOST = f"{SEARCH} corp.example"
LONG = f"{HOST} " + " ".join(f"{'d' * 50}{i}.example" for i in range(8))  # Kubernetes allows 32 domains, 2048 octets
SEARCHES = [
    # (search list, what is asked, what each gets, as above)
    (HOST, "addresses web", WEB4 + WEB6),
    (HOST, "addresses intra", external("intra.corp.example.")),
    (HOST, "addresses www.example.com", external("www.example.com.")),
    (HOST, "addresses nothing", NONAME),
    ("data.svc.cluster.local svc.cluster.local cluster.local", "addresses db", DB4 + DB6),
    ("data.svc.cluster.local svc.cluster.local cluster.local", "addresses db-1.db", [DB4[1], DB6[1]]),
    ("data.svc.cluster.local svc.cluster.local cluster.local", "addresses web", NONAME),
    ("default.svc.cluster.local svc.cluster.local cluster.local", "inet kubernetes", ["10.96.0.1"]),
    # musl reads no line of more than 255 octets, so that it searches nothing
    (LONG, "addresses web", {"glibc": WEB4 + WEB6, "musl": NONAME}),
    (LONG, "addresses intra", {"glibc": external("intra.corp.example."), "musl": NONAME}),
    (LONG, "addresses web.shop.svc.cluster.local", WEB4 + WEB6),
    (LONG, "addresses www.example.com", external("www.example.com.")),
    (LONG, "addresses missing.example.com", NONAME),
    # a node whose own list is the root; musl 1.2.3 makes of it a name that is none, and waits: FORMERR is no answer to it
    (f"{SEARCH} .", "addresses web", WEB4 + WEB6),
    (f"{SEARCH} .", "addresses www.example.com", {"glibc": external("www.example.com."), "musl": None}),
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("search, question, want", SEARCHES)
def test_search(cluster, resolve, library, search, question, want):
    if isinstance(want, dict) and want.get(library, "") is None:
        pytest.skip(f"{library}'s own fault")
    cluster.netns.write("resolv.conf", resolv_conf(search=search))
    assert resolve(library, question) == wanted(want, library)


# ---- what the server is asked

@pytest.mark.parametrize("client", CLIENTS)
def test_transport(cluster, resolve, client):
    """Each client asks as its name says."""
    library, options, nameserver = CLIENTS[client]
    cluster.netns.write("resolv.conf", resolv_conf(f"{STRICT} {options}", nameserver=nameserver))
    before = settled(cluster)
    resolve(library, "inet kubernetes.default.svc.cluster.local.")
    line, = wait_for(lambda: re.findall(r'\[INFO\] (\S+):\d+ - .* IN \S+ (udp|tcp) ', cluster.log()[before:]), 1)
    assert line == ("[fd00:10:96::10]" if nameserver == NAMESERVER6 else "10.96.0.10", "tcp" if options else "udp")


def settled(cluster):
    """The log's length, once it has all that was asked before: its lines come from a thread of their own."""
    page = cluster.http(9153, "/metrics")[1]
    n_asked = sum(int(n) for n in re.findall(r"^coredns_dns_requests_total{.*} (\d+)$", page, re.MULTILINE))
    wait_for(lambda: questions_in(cluster.log()), n_asked)
    return len(cluster.log())


def questions_in(text):
    """[(client's port, type, name)] of the server's log."""
    return re.findall(r"\[INFO\] \S+:(\d+) - \d+ \"(\S+) IN (\S+) ", text)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("question, names", [
    ("addresses api", ["api.shop.svc.cluster.local."]),
    ("addresses db.data", ["db.data.shop.svc.cluster.local.", "db.data.svc.cluster.local."]),
    ("addresses www.example.com", ["www.example.com.shop.svc.cluster.local.", "www.example.com.svc.cluster.local.",
                                   "www.example.com.cluster.local.", "www.example.com."]),
])
def test_asked_once(cluster, resolve, library, question, names):
    """With the kubelet's own options: each name's A and AAAA in parallel, from one socket but by Go, and none of them twice."""
    cluster.netns.write("resolv.conf", resolv_conf(options=""))
    before = settled(cluster)
    assert "EAI_NONAME" not in resolve(library, question)
    asked = wait_for(lambda: questions_in(cluster.log()[before:]), 2 * len(names))
    assert sorted((name, rdtype) for _, rdtype, name in asked) == sorted((name, t) for name in names for t in ("A", "AAAA"))
    for name in names:
        n_sockets = len({port for port, _, asked_name in asked if asked_name == name})
        assert n_sockets == (2 if library == "go" else 1), asked


def wait_for(get, n):
    """What get() gives, once it is n things."""
    end = time.monotonic() + DEADLINE_S
    while len(get()) < n:
        assert time.monotonic() < end, get()
        time.sleep(0.01)
    return get()


# ---- programs that people use

ADDRESSES = """
import socket, sys
for text in sorted({found[4][0] for found in socket.getaddrinfo(sys.argv[1], 80)}): print(text)
"""
PROGRAMS = [
    # (command, lines that it prints, as a regular expression each)
    ("getent ahostsv4 web", [r"10\.96\.20\.1 +STREAM web\.shop\.svc\.cluster\.local"]),
    ("getent ahosts web.shop", [r"10\.96\.20\.1 +STREAM.*", r"fd00:10:96::2001 +STREAM.*"]),
    ("getent ahosts www.example.com", [f"{re.escape(address)} +STREAM.*" for address in external("www.example.com.")]),
    ("getent hosts 10.96.20.1", [r"10\.96\.20\.1 +web\.shop\.svc\.cluster\.local"]),
    ("dig +search +short web A", [r"10\.96\.20\.1"]),
    ("dig +search +short web.shop AAAA", ["fd00:10:96::2001"]),
    ("dig +search +short +tcp kubernetes.default A", [r"10\.96\.0\.1"]),
    ("dig +search +short _http._tcp.web SRV", [r"0 100 80 web\.shop\.svc\.cluster\.local\."]),
    ("dig +search nothing A", [r";; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: \d+"]),
    ("dig +short -x 10.96.20.1", [r"web\.shop\.svc\.cluster\.local\."]),
    ("nslookup web", [r"Name:\tweb\.shop\.svc\.cluster\.local", r"Address: 10\.96\.20\.1", "Address: fd00:10:96::2001"]),
    ("host web.shop", [r"web\.shop\.svc\.cluster\.local has address 10\.96\.20\.1"]),
    ("busybox nslookup web.shop.svc.cluster.local",
     [r"Name:\tweb\.shop\.svc\.cluster\.local", r"Address: 10\.96\.20\.1", "Address: fd00:10:96::2001"]),
    ("busybox nslookup kubernetes.default.svc.cluster.local", [r"Address: 10\.96\.0\.1"]),
    ("busybox nslookup 10.96.20.1", [r"1\.20\.96\.10\.in-addr\.arpa\tname = web\.shop\.svc\.cluster\.local"]),
    ("busybox nslookup www.example.com", [f"Address: {re.escape(address)}" for address in external("www.example.com.")]),
    ("python web", [re.escape(address) for address in WEB4 + WEB6]),
    ("python db.data", [re.escape(address) for address in DB4 + DB6]),
    ("python www.example.com", [re.escape(address) for address in external("www.example.com.")]),
]


@pytest.mark.parametrize("command, lines", PROGRAMS, ids=ids(PROGRAMS))
def test_program(cluster, command, lines):
    words = command.split()
    if words[0] == "python":
        words[:1] = [sys.executable, "-c", ADDRESSES]
    if not shutil.which(words[0]):
        pytest.skip(f"no {words[0]} here: deploy/packages.sh test image")
    cluster.netns.write("resolv.conf", resolv_conf(options=""))
    printed = cluster.netns.run(words, DEADLINE_S).stdout
    for line in lines:
        assert re.search(f"^{line}", printed, re.MULTILINE), printed

# SPDX-License-Identifier: Apache-2.0
"""Objects in files, followed live: what changes is served within a second or so, what does not never stops being served, and what
is broken is named and kept as it was."""
import json
import os
import threading

import dns.edns
import dns.reversename
import pytest

from cluster import alias, endpoint, endpointslice, endpoints, listed, namespace, replace_file, service, write_files
from harness import COREFILE, rcode_text, wait_for

WEB = service("web.shop", "10.96.1.1", ports=["http:80"])


def answer(server, name, rdtype="A"):
    """"RCODE DATA...", the data sorted."""
    got = server.ask(name, rdtype)
    return " ".join([rcode_text(got), *sorted(str(rdata) for rrset in got.answer for rdata in rrset)])


def becomes(server, name, want, rdtype="A"):
    wait_for(f"{name} {rdtype} is {want!r}", lambda: answer(server, name, rdtype) == want, 10)


def test_change_replace_remove(serve):
    with serve({"a.json": [namespace("shop"), WEB]}) as server:
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        write_files(server.objects, {"a.json": [namespace("shop"), service("web.shop", "10.96.1.2", ports=["http:80"])]})
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.2")
        (server.objects / "a.json").write_text(json.dumps(listed([namespace("shop"), WEB])))
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.1")
        write_files(server.objects, {"b.json": [service("new.shop", "10.96.1.9")]})
        becomes(server, "new.shop.svc", "NOERROR 10.96.1.9")
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        (server.objects / "b.json").unlink()
        becomes(server, "new.shop.svc", "NXDOMAIN")
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"


def test_service_changes_kind(serve):
    """An ExternalName becomes a cluster IP, then headless, and back."""
    slices = endpointslice("x.shop", endpoint("10.244.0.1", hostname="h"), ports=["http:80"])
    steps = [
        (alias("x.shop", "www.example.com"), "CNAME", "NOERROR www.example.com."),
        (alias("x.shop", "www.example.org"), "CNAME", "NOERROR www.example.org."),
        (service("x.shop", "10.96.1.1", ports=["http:80"]), "A", "NOERROR 10.96.1.1"),
        (service("x.shop", ports=["http:80"]), "A", "NOERROR 10.244.0.1"),
        (alias("x.shop", "www.example.com"), "CNAME", "NOERROR www.example.com."),
    ]
    with serve({"a.json": [namespace("shop")], "slices.json": [slices]}) as server:
        for x, rdtype, want in steps:
            write_files(server.objects, {"x.json": [x]})
            becomes(server, "x.shop.svc", want, rdtype)


def test_serial_grows(serve):
    def serial():
        return server.ask("", "SOA").answer[0][0].serial

    with serve({"a.json": [namespace("shop"), WEB]}) as server:
        for i in range(5):
            before = serial()
            write_files(server.objects, {"b.json": [service("new.shop", f"10.96.2.{i + 1}")]})
            becomes(server, "new.shop.svc", f"NOERROR 10.96.2.{i + 1}")
            assert serial() > before


def test_pointers_follow(serve):
    pointer = str(dns.reversename.from_address("10.96.1.1"))
    with serve({"a.json": [WEB]}) as server:
        assert answer(server, pointer, "PTR") == "NOERROR web.shop.svc.cluster.local."
        write_files(server.objects, {"a.json": [service("web.shop", "10.96.1.2")]})
        becomes(server, pointer, "NXDOMAIN", "PTR")


def test_endpoints_give_way_to_slices(serve):
    """v1 Endpoints count for a service without slices only."""
    old = endpoints("db.shop", {"addresses": [{"ip": "10.250.0.1"}], "ports": [{"name": "pg", "port": 5432}]})
    with serve({"a.json": [service("db.shop", ports=["pg:5432"]), old]}) as server:
        assert answer(server, "db.shop.svc") == "NOERROR 10.250.0.1"
        write_files(server.objects, {"b.json": [endpointslice("db.shop", "10.244.0.1", ports=["pg:5432"])]})
        becomes(server, "db.shop.svc", "NOERROR 10.244.0.1")
        (server.objects / "b.json").unlink()
        becomes(server, "db.shop.svc", "NOERROR 10.250.0.1")


def steady(server, names, stop, failures, counts):
    """Asks the names over and over; whatever is not the expected answer is kept."""
    while not stop.is_set():
        for name, rdtype, want in names:
            got = answer(server, name, rdtype)
            counts[0] += 1
            if got != want:
                failures.append((name, rdtype, got))
                return


def test_unchanged_names_never_stop(serve):
    """Files are rewritten, renamed, removed and added in a loop; addresses move between slices: no wrong answer to names that
    did not change."""
    stable = [namespace("shop"), WEB, service("db.shop", ports=["pg:5432"])]
    hosts = [endpoint(f"10.244.0.{i}", hostname=f"h{i}") for i in range(1, 9)]
    names = [("web.shop.svc", "A", "NOERROR 10.96.1.1"), ("web.shop.svc", "AAAA", "NOERROR"),
             ("db.shop.svc", "A", "NOERROR " + " ".join(f"10.244.0.{i}" for i in range(1, 9))),
             ("h3.db.shop.svc", "A", "NOERROR 10.244.0.3"),
             (str(dns.reversename.from_address("10.244.0.5")), "PTR", "NOERROR h5.db.shop.svc.cluster.local."),
             ("nothing.shop.svc", "A", "NXDOMAIN")]

    def slices(cut):
        return [endpointslice("db.shop", *hosts[:cut + 1], ports=["pg:5432"], suffix="a"),
                endpointslice("db.shop", *hosts[cut:], ports=["pg:5432"], suffix="b")]

    with serve({"stable.json": stable, "slices.json": slices(4)}) as server:
        stop, failures, counts = threading.Event(), [], [0]
        threads = [threading.Thread(target=steady, args=(server, names, stop, failures, counts)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for i in range(30):
                other = {"other.json": [service(f"other{k}.shop", f"10.97.{i}.{k + 1}") for k in range(1 + i % 5)]}
                write_files(server.objects, {**other, "slices.json": slices(1 + i % 7), "stable.json": [*stable, namespace(f"n{i}")]})
                becomes(server, "other0.shop.svc", f"NOERROR 10.97.{i}.1")
                becomes(server, f"n{i}.svc", "NOERROR")
                if i % 10 == 9:
                    (server.objects / "other.json").unlink()
                    becomes(server, "other0.shop.svc", "NXDOMAIN")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failures
        assert counts[0] > 100


# (name, the new text of the file that held web.shop and api.shop, what the log must say)
BROKEN_FILES = [
    ("cut", json.dumps(listed([WEB]))[:-20], ["a.json"]),
    ("empty", "", ["a.json"]),
    ("no JSON", "services: []\n", ["a.json"]),
    ("binary", "\x00\x01\x02", ["a.json"]),
    ("an array", "[]", ["a.json"]),
    ("an item is a number", json.dumps(listed([7, WEB])), ["a.json"]),
    ("an item is null", json.dumps(listed([None])), ["a.json"]),
    ("a number", "42", ["a.json"]),
    ("items null", '{"apiVersion": "v1", "kind": "List", "items": 7}', ["a.json"]),
    ("trailing garbage", json.dumps(listed([])) + "}", ["a.json"]),
    ("deep", "[" * 100000, ["a.json"]),
    ("deep items", '{"apiVersion":"v1","kind":"List","items":[' + '{"a":' * 5000, ["a.json"]),
]


@pytest.mark.parametrize("name, text, words", BROKEN_FILES, ids=[c[0] for c in BROKEN_FILES])
def test_broken_file(serve, name, text, words):
    """What the file gave before stays, the rest is served and followed, the log says why."""
    with serve({"a.json": [WEB], "b.json": [service("api.shop", "10.96.1.2")]}) as server:
        replace_file(server.objects / "a.json", text)
        wait_for("a line about it", lambda: all(word in line for word in words) if (line := complaint(server)) else False)
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        write_files(server.objects, {"b.json": [service("api.shop", "10.96.1.3")]})
        becomes(server, "api.shop.svc", "NOERROR 10.96.1.3")
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        write_files(server.objects, {"a.json": [service("web.shop", "10.96.1.9")]})
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.9")


def complaint(server):
    """The last warning or error in the log."""
    lines = [line for line in server.log().splitlines() if "[ERROR]" in line or "[WARNING]" in line]
    return lines[-1] if lines else ""


def without(obj, *path):
    part = obj
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return obj


def changed(obj, value, *path):
    part = obj
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return obj


def bad_service():
    return service("bad.shop", "10.96.5.5", ports=["http:80"])


def bad_slice():
    return endpointslice("db.shop", "10.244.5.5", ports=["pg:5432"], suffix="bad")


# (name, the object); each is named in the log, and the objects beside it in the same file are served
BROKEN_OBJECTS = [
    ("no kind", without(bad_service(), "kind")),
    ("kind is a number", changed(bad_service(), 7, "kind")),
    ("no metadata", without(bad_service(), "metadata")),
    ("no name", without(bad_service(), "metadata", "name")),
    ("name is null", changed(bad_service(), None, "metadata", "name")),
    ("name is a list", changed(bad_service(), [], "metadata", "name")),
    ("name is no label", changed(bad_service(), "bad_name.x", "metadata", "name")),
    ("name is too long", changed(bad_service(), "b" * 64, "metadata", "name")),
    ("name is empty", changed(bad_service(), "", "metadata", "name")),
    ("namespace is a number", changed(bad_service(), 1, "metadata", "namespace")),
    ("spec is a list", changed(bad_service(), [], "spec")),
    ("clusterIP is no address", changed(changed(bad_service(), "10.96.5.555", "spec", "clusterIP"), ["10.96.5.555"], "spec", "clusterIPs")),
    ("clusterIPs is text", changed(bad_service(), "10.96.5.5", "spec", "clusterIPs")),
    ("ports is text", changed(bad_service(), "http", "spec", "ports")),
    ("port is text", changed(bad_service(), "80", "spec", "ports", 0, "port")),
    ("port is 0", changed(bad_service(), 0, "spec", "ports", 0, "port")),
    ("port is 65536", changed(bad_service(), 65536, "spec", "ports", 0, "port")),
    ("port is 1.5", changed(bad_service(), 1.5, "spec", "ports", 0, "port")),
    ("port name is no label", changed(bad_service(), "x" * 64, "spec", "ports", 0, "name")),
    ("protocol", changed(bad_service(), "ICMP", "spec", "ports", 0, "protocol")),
    ("external name is no name", alias("bad.shop", "a..b")),
    ("external name is too long", alias("bad.shop", "a" * 64 + ".example.com")),
    ("endpoints is text", changed(bad_slice(), "none", "endpoints")),
    ("address is no address", changed(bad_slice(), ["10.244.5.5/24"], "endpoints", 0, "addresses")),
    ("address of the other family", changed(bad_slice(), "IPv6", "addressType")),
    ("ready is text", changed(bad_slice(), "true", "endpoints", 0, "conditions", "ready")),
    ("hostname is no label", changed(bad_slice(), "UPPER.x", "endpoints", 0, "hostname")),
]


@pytest.fixture(scope="module")
def broken_objects_server(tmp_path_factory):
    from harness import running

    folder = tmp_path_factory.mktemp("broken")
    with running(folder, {"good.json": [service("db.shop", ports=["pg:5432"]), WEB]}) as server:
        yield server


@pytest.mark.parametrize("i", range(len(BROKEN_OBJECTS)), ids=[c[0] for c in BROKEN_OBJECTS])
def test_broken_object(broken_objects_server, i):
    server = broken_objects_server
    name, bad = BROKEN_OBJECTS[i]
    before = len(server.log())
    marker = service(f"beside{i}.shop", f"10.98.0.{i + 1}")
    write_files(server.objects, {"mixed.json": [bad, marker]})
    becomes(server, f"beside{i}.shop.svc", f"NOERROR 10.98.0.{i + 1}")

    def is_reported():
        return [line for line in server.log()[before:].splitlines()
                if ("[ERROR]" in line or "[WARNING]" in line) and "mixed.json" in line]
    wait_for("a line about it", is_reported)
    assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"


def test_broken_object_keeps_its_last_good_self(serve):
    """An object that becomes broken in a file that can be read keeps what it gave before."""
    with serve({"a.json": [WEB]}) as server:
        broken = changed(service("web.shop", "10.96.1.1", ports=["http:80"]), "x", "spec", "ports")
        write_files(server.objects, {"a.json": [broken, service("api.shop", "10.96.1.2")]})
        becomes(server, "api.shop.svc", "NOERROR 10.96.1.2")
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"


def test_null_lists_are_empty(serve):
    """kubectl prints null for empty lists."""
    objects = [changed(bad_service(), None, "spec", "ports"),
               changed(endpointslice("db.shop"), None, "endpoints"),
               changed(endpointslice("db.shop", "10.244.5.5", suffix="b"), None, "endpoints", 0, "addresses"), service("db.shop", ports=["pg:5432"]), WEB]
    with serve({"a.json": objects}) as server:
        assert answer(server, "bad.shop.svc") == "NOERROR 10.96.5.5"
        assert answer(server, "db.shop.svc") == "NXDOMAIN"
        assert not complaint(server)


def test_thousand_ports(serve):
    ports = [f"p{i}:{i}" for i in range(1, 1001)]
    with serve({"a.json": [service("many.shop", "10.96.1.1", ports=ports)]}) as server:
        assert len(server.ask("many.shop.svc", "SRV", tcp=True).answer) == 1000
        assert answer(server, "_p777._tcp.many.shop.svc", "SRV") == "NOERROR 0 100 777 many.shop.svc.cluster.local."


def test_other_kinds_are_no_fault(serve):
    """kubectl get all -A gives more kinds; they are passed over."""
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    with serve({"a.json": [deployment, WEB]}) as server:
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        assert "[ERROR]" not in server.log()


def test_other_files_are_passed_over(serve):
    """A folder means its *.json."""
    files = {"a.json": [WEB], "notes.txt": "no JSON", ".hidden.json.swp": "{", "b.json~": "{"}
    with serve(files) as server:
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        assert not complaint(server)


def test_single_objects_and_files(serve, tmp_path):
    """`objects` takes several paths, files and folders; a file may hold one object without a List."""
    corefile = COREFILE.replace("objects $objects", f"objects {tmp_path}/one.json {tmp_path}/folder")
    (tmp_path / "one.json").write_text(json.dumps(WEB))
    write_files(tmp_path / "folder", {"a.json": [service("api.shop", "10.96.1.2")]})
    with serve(corefile=corefile) as server:
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        assert answer(server, "api.shop.svc") == "NOERROR 10.96.1.2"
        replace_file(tmp_path / "one.json", json.dumps(service("web.shop", "10.96.1.7")))
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.7")


def test_configmap_volume(serve, tmp_path):
    """The kubelet swaps a symbolic link `..data` to a new folder."""
    volume = tmp_path / "volume"
    write_files(volume / "..1", {"a.json": [WEB]})
    write_files(volume / "..2", {"a.json": [service("web.shop", "10.96.1.2")]})
    (volume / "..data").symlink_to("..1")
    (volume / "a.json").symlink_to("..data/a.json")
    with serve(corefile=COREFILE.replace("$objects", str(volume))) as server:
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        (volume / "..data_tmp").symlink_to("..2")
        os.rename(volume / "..data_tmp", volume / "..data")
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.2")


def test_missing_at_start(serve):
    """Not ready, with the reason; SERVFAIL with "not ready" for every name of its zones, never NXDOMAIN; then it is created."""
    with serve(is_ready=False) as server:
        wait_for("/ready tells the path", lambda: str(server.objects) in server.http("ready")[1])
        assert server.http("ready")[0] == 503
        assert server.http("health")[0] == 200
        for name in ("web.shop.svc", "nothing.shop.svc", "1.1.96.10.in-addr.arpa.", "10-244-1-1.shop.pod"):
            got = server.ask(name, use_edns=0)
            assert rcode_text(got) == "SERVFAIL", name
            assert [o.otype for o in got.options] == [dns.edns.OptionType.EDE]
            assert got.options[0].code == 14
        assert rcode_text(server.ask("www.example.com.")) == "REFUSED"
        write_files(server.objects, {"a.json": [WEB]})
        server.wait_ready()
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        assert answer(server, "nothing.shop.svc") == "NXDOMAIN"


def test_unsynced_never_falls_through(serve):
    corefile = COREFILE.replace("ttl 30", "fallthrough").replace("loadbalance", "whoami")
    with serve(corefile=corefile, is_ready=False) as server:
        wait_for("/ready answers", lambda: server.http("ready")[0] == 503)
        assert rcode_text(server.ask("web.shop.svc")) == "SERVFAIL"
        assert rcode_text(server.ask("1.1.96.10.in-addr.arpa.", "PTR")) == "SERVFAIL"


def test_broken_at_start(serve):
    """A file that was never read whole: it is named, the others are served, and it is served once it is whole."""
    with serve({"a.json": "{", "b.json": [service("api.shop", "10.96.1.2")]}, is_ready=False) as server:
        wait_for("it is named", lambda: "a.json" in server.log())
        write_files(server.objects, {"a.json": [WEB]})
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.1")
        becomes(server, "api.shop.svc", "NOERROR 10.96.1.2")
        server.wait_ready()


def test_removed_folder(serve):
    """Everything it held is gone only when the folder is there to say so: a missing folder is a fault, the last data stays."""
    with serve({"a.json": [WEB]}) as server:
        os.rename(server.objects, server.folder / "away")
        wait_for("a line about it", lambda: complaint(server))
        assert answer(server, "web.shop.svc") == "NOERROR 10.96.1.1"
        write_files(server.objects, {"a.json": [service("web.shop", "10.96.1.5")]})
        becomes(server, "web.shop.svc", "NOERROR 10.96.1.5")

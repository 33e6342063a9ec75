# SPDX-License-Identifier: Apache-2.0
"""kaname watches an API server: who it is there, how it lists and follows, in which order changes may come, and what it says."""
import contextlib
import json
import socket
import threading
import time

import pytest

import apifaults
from apiserver import TOKEN, USER, ApiServer
from cluster import alias, endpoint, endpoints, endpointslice, namespace, pod, relabelled, service
from harness import rcode_text, running, wait_for
from watching import (CONVERGENCE_S, STABLE, STABLE_NAMES, Marker, Prober, answer, becomes, corefile, kubeconfig, probed, watching)

RESOURCES = ("services", "endpointslices", "namespaces", "pods")


@pytest.fixture
def api(tmp_path):
    with ApiServer(tmp_path / "api") as server:
        yield server


@pytest.fixture
def start(tmp_path, api):
    """start(*options) in a `with`: a kaname that watches the API server."""
    return lambda *options, **more: watching(tmp_path / "server", api, *options, **more)


def relists(server, resource, reason):
    return server.metric("kaname_kubernetes_watch_relists_total", resource=resource, reason=reason)


# ---- rights

@pytest.mark.parametrize("has_streaming_lists", [True, False])
def test_minimal_rights(tmp_path, has_streaming_lists):
    """kube-dns's ClusterRole: services and endpoints alone."""
    forbidden = {(verb, resource) for verb in ("list", "watch") for resource in ("endpointslices", "namespaces")}
    with ApiServer(tmp_path / "api", has_streaming_lists=has_streaming_lists) as api:
        api.forbidden = forbidden
        api.apply_many([service("web.shop", "10.96.0.1", ports=["http:80"]), service("set.shop", ports=["http:80"]),
                        endpoints("set.shop", {"addresses": [{"ip": "10.244.0.2", "hostname": "set-0"}], "ports": [{"name": "http", "port": 80}]})])
        options = f"kubeconfig {api.kubeconfig()}\n        pods insecure\n        "
        with running(tmp_path / "strict", corefile=corefile(options), is_ready=False) as server:
            wait_for("the missing rule", lambda: 'resources: ["endpointslices"]' in server.http("ready")[1])
            assert answer(server, "web.shop.svc").startswith("SERVFAIL")
        with running(tmp_path / "server", corefile=corefile(options + "minimal_rights")) as server:
            assert answer(server, "web.shop.svc") == "NOERROR 10.96.0.1"
            assert answer(server, "set-0.set.shop.svc") == "NOERROR 10.244.0.2"
            assert answer(server, "shop.svc") == "NOERROR" and answer(server, "other.svc") == "NXDOMAIN"
            assert answer(server, "1-2-3-4.shop.pod") == "NOERROR 1.2.3.4"
            wait_for("the log", lambda: 'resources: ["namespaces"]' in server.log() and "in place of endpointslices" in server.log())
            api.apply_many([endpoints("set.shop", {"addresses": [{"ip": "10.244.0.3"}], "ports": [{"name": "http", "port": 80}]}),
                            service("new.fresh", "10.96.0.9")])
            becomes(server, "set.shop.svc", "NOERROR 10.244.0.3")
            becomes(server, "fresh.svc", "NOERROR")
            assert server.metric("kaname_kubernetes_watch_synced", resource="endpoints") == 1


# ---- where and who

def test_client_certificate(tmp_path, api):
    api.tokens = {}
    api.apply_many(STABLE)
    certificate, key = api.client_certificate("kaname")
    with running(tmp_path / "server", corefile=corefile(f"endpoint {api.url}\n        tls {certificate} {key} {api.ca}")):
        assert {request.peer for request in api.requested()} == {"kaname"}


def test_plain_http(tmp_path):
    with ApiServer(tmp_path / "api", is_tls=False, tokens=None) as api:
        api.apply_many(STABLE)
        with running(tmp_path / "server", corefile=corefile(f"endpoint {api.url}")) as server:
            Prober(server).ask_once()
            assert api.requested()[0].headers["user-agent"].startswith("kaname/")


def test_token_rotates(tmp_path, api):
    """The old token is refused; a request that is refused reads the new one from its file."""
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    api.apply_many(STABLE)
    options = f"kubeconfig {api.kubeconfig(tokenFile=str(token))}\n        pods verified"
    with running(tmp_path / "server", corefile=corefile(options)) as server, Prober(server):
        api.tokens = {"second": USER}
        api.drop_connections()
        wait_for("a refused request", lambda: any(request.status == 401 for request in api.requested()), CONVERGENCE_S)
        marker = Marker(api)
        token.write_text("second\n")
        marker.arrives(server)
        wait_for("HTTP 401 Unauthorized", lambda: "HTTP 401 Unauthorized" in server.log())
        assert api.requested()[-1].headers["authorization"] == "Bearer second"


def test_kubeconfig_is_followed(tmp_path, api):
    """The API server has new certificates of another authority, and the kubeconfig follows."""
    with probed(tmp_path / "server", api) as server:
        api.rotate_authority()
        api.drop_connections()
        wait_for("a complaint", lambda: "certificate" in server.log(), CONVERGENCE_S)
        marker = Marker(api)
        api.kubeconfig()
        marker.arrives(server)


@pytest.mark.parametrize("cluster, is_good", [
    ({"tls-server-name": "kubernetes.default.svc"}, True),
    ({"tls-server-name": "other.example"}, False),
    ({"certificate-authority-data": None}, False),
    ({"certificate-authority-data": None, "insecure-skip-tls-verify": True}, True),
], ids=["name", "other name", "unknown authority", "insecure"])
def test_server_is_verified(tmp_path, api, cluster, is_good):
    options = f"kubeconfig {api.kubeconfig(cluster=cluster)}"
    with running(tmp_path / "server", corefile=corefile(options), is_ready=False) as server:
        if is_good:
            server.wait_ready()
            assert api.requested()[0].headers["host"] == f"127.0.0.1:{api.port}"
            return
        wait_for("the reason", lambda: server.http("ready")[0] == 503 and "certificate" in server.http("ready")[1].lower())
        assert not api.requested()
        assert rcode_text(server.ask("stable.shop.svc")) == "SERVFAIL"


class Proxy(threading.Thread):
    """An HTTP proxy that knows CONNECT."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"
        self.targets = []

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=self.sock.accept()[:1], daemon=True).start()

    def serve(self, sock):
        with sock:
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(4096)
            method, target, _ = head.split(b" ", 2)
            self.targets.append((method.decode(), target.decode()))
            host, _, port = target.decode().rpartition(":")
            with socket.create_connection((host, int(port))) as onward:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self.copy, args=(onward, sock), daemon=True)
                back.start()
                self.copy(sock, onward)
                back.join()

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("no_proxy", ["", "127.0.0.1"])
def test_proxy(tmp_path, api, no_proxy):
    """The kubeconfig's, whatever the environment says of others."""
    proxy = Proxy()
    proxy.start()
    api.apply_many(STABLE)
    options = f"kubeconfig {api.kubeconfig(cluster={'proxy-url': proxy.url})}"
    with running(tmp_path / "server", corefile=corefile(options), env={"NO_PROXY": no_proxy}) as server:
        assert answer(server, "stable.shop.svc") == "NOERROR 10.96.0.1"
    assert set(proxy.targets) == {("CONNECT", f"127.0.0.1:{api.port}")}
    proxy.sock.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_to_loopback(tmp_path, api, host):
    """As with client-go, the environment's proxy is for other machines."""
    proxy = Proxy()
    proxy.start()
    api.apply_many(STABLE)
    cluster = {"server": f"https://{host}:{api.port}", "tls-server-name": api.name}
    options = f"kubeconfig {api.kubeconfig(cluster=cluster)}"
    env = {name: proxy.url for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")}
    with running(tmp_path / "server", corefile=corefile(options), env=env) as server:
        assert answer(server, "stable.shop.svc") == "NOERROR 10.96.0.1"
    assert not proxy.targets
    proxy.sock.close()


@pytest.mark.parametrize("url", ["http://user:s#cret@127.0.0.1:1", "other://user:s#cret@127.0.0.1:1", "http://user:s%23cret@127.0.0.1:1"])
def test_proxy_password_is_not_told(tmp_path, url):
    with running(tmp_path / "server", corefile=corefile("endpoint https://192.0.2.1"), is_ready=False, env={"HTTPS_PROXY": url}) as server:
        wait_for("the reason", lambda: "watch services: " in server.http("ready")[1])
        assert "cret" not in server.http("ready")[1] + server.log()
        assert "proxy" in server.http("ready")[1] or "Failed to connect to 127.0.0.1" in server.http("ready")[1]


def test_two_sources_of_one_server(tmp_path, api):
    """Each sample once, of both together."""
    api.apply_many(STABLE)
    one = kubeconfig(api)
    for line in ("health", "ready", "prometheus"):
        one = "\n".join(part for part in one.split("\n") if not part.strip().startswith(line))
    two = one.replace(".:$port", "other.test:$port").replace(f"{'cluster.local'} in-addr.arpa ip6.arpa", "other.test").replace("pods verified", "")
    with running(tmp_path / "server", corefile=kubeconfig(api) + two) as server:
        assert rcode_text(server.ask("stable.shop.svc.other.test.")) == "NOERROR"
        samples = [line.rsplit(" ", 1)[0] for line in server.http("metrics")[1].splitlines() if not line.startswith("#")]
        assert sorted(set(samples)) == sorted(samples)
        assert server.metric("coredns_kubernetes_rest_client_requests_total", code="200") == len(api.requested()) == 9


# ---- how it lists

def many(n):
    return [service(f"s{i}.shop", f"10.98.{i // 250}.{i % 250 + 1}") for i in range(n)]


def test_streams(api, start):
    api.apply_many(STABLE + many(1200))
    with start() as server:
        assert answer(server, "s1199.shop.svc") == "NOERROR 10.98.4.200"
        for resource in RESOURCES:
            request, = api.requested(resource)  # the list went over into the watch
            assert request.verb == "stream"
            assert (request.query["resourceVersionMatch"], request.query["allowWatchBookmarks"]) == ("NotOlderThan", "true")
            assert "accept-encoding" not in request.headers
        Marker(api).arrives(server)


def test_pages(api, start):
    """The server has no streaming lists: pages, compressed, and a watch from their version."""
    api.has_streaming_lists = False
    api.apply_many(STABLE + many(1200))
    with start() as server:
        assert answer(server, "s1199.shop.svc") == "NOERROR 10.98.4.200"
        pages = [request.query for request in api.requested("services", "list")]
        assert len(pages) == 3 and all(page["limit"] == "500" for page in pages)
        assert ["continue" in page for page in pages] == [False, True, True]
        for resource in RESOURCES:
            wait_for(f"a watch of {resource}", lambda resource=resource: api.watchers(resource), CONVERGENCE_S)
            assert [request.status for request in api.requested(resource, "stream")] == [422]
            assert api.requested(resource, "list")[0].headers["accept-encoding"] == "gzip"
            assert api.requested(resource, "follow")[0].query["resourceVersion"] == str(api.store.version)
        Marker(api).arrives(server)


@pytest.mark.parametrize("versions, path", [
    (("v1", "v1beta1"), "/apis/discovery.k8s.io/v1/endpointslices"), (("v1beta1",), "/apis/discovery.k8s.io/v1beta1/endpointslices"),
    ((), "/api/v1/endpoints")], ids=["v1", "v1beta1", "none"])
@pytest.mark.parametrize("has_streaming_lists", [True, False], ids=["stream", "pages"])
def test_versions_of_slices(api, start, versions, path, has_streaming_lists):
    api.slice_versions, api.has_streaming_lists = versions, has_streaming_lists
    api.apply_many(STABLE)
    api.apply(endpoints("set.shop", {"addresses": [{"ip": "10.244.0.2", "hostname": "set-0"}], "ports": [{"name": "http", "port": 80}]}))
    with start() as server, Prober(server):
        assert {request.path for request in api.requested() if "endpoint" in request.path} == {path}
        api.drop_connections()
        wait_for("it is watched again", lambda: all(api.watchers(path.rpartition("/")[2]) for _ in "x"), CONVERGENCE_S)
        api.apply(namespace("late"))
        becomes(server, "late.svc", "NOERROR")


@pytest.mark.parametrize("before, after", [(("v1beta1",), ("v1",)), (("v1",), ("v1beta1",)), ((), ("v1",))], ids=["up", "down", "from Endpoints"])
def test_other_versions_of_slices(tmp_path, api, before, after):
    """The cluster is brought to another version: the resource that was watched is gone, and its successor has the same."""
    api.slice_versions = before
    api.apply(endpoints("set.shop", {"addresses": [{"ip": "10.244.0.2", "hostname": "set-0"}], "ports": [{"name": "http", "port": 80}]}))
    api.apply(endpoints("stable.shop", {"addresses": [{"ip": "10.244.0.1"}], "ports": [{"name": "http", "port": 80}]}))
    with probed(tmp_path / "server", api) as server:
        api.stop()
        api.slice_versions = after
        if not before:
            for value in api.objects("Endpoints"):
                api.delete("Endpoints", "shop", value["metadata"]["name"])
        api.start(is_new_process=True)
        Marker(api).arrives(server)


@pytest.mark.parametrize("pods, wanted", [("verified", True), ("insecure", False), ("disabled", False)])
def test_pods_where_needed(tmp_path, api, pods, wanted):
    with running(tmp_path / "server", corefile=corefile(f"kubeconfig {api.kubeconfig()}\n        pods {pods}")):
        assert bool(api.requested("pods")) == wanted


def test_selectors(api, start):
    """Are the server's to apply; an object whose labels change comes and goes."""
    api.apply_many([namespace("shop", labels={"team": "shop"}), namespace("bank", labels={"team": "bank"}),
                    service("x.shop", "10.96.0.5", labels={"app": "x"}), service("y.shop", "10.96.0.6", labels={"app": "y"}),
                    service("x.bank", "10.96.0.7", labels={"app": "x"})])
    with start("labels app in (x, z)", "namespace_labels team=shop") as server:
        assert {request.query["labelSelector"] for request in api.requested("services")} == {"app in (x, z)"}
        assert {request.query["labelSelector"] for request in api.requested("namespaces")} == {"team=shop"}
        assert [answer(server, name) for name in ("x.shop.svc", "y.shop.svc", "x.bank.svc")] == ["NOERROR 10.96.0.5", "NXDOMAIN", "NXDOMAIN"]
        api.apply(service("y.shop", "10.96.0.6", labels={"app": "z"}))
        becomes(server, "y.shop.svc", "NOERROR 10.96.0.6")
        api.apply(service("x.shop", "10.96.0.5", labels={"app": "w"}))
        becomes(server, "x.shop.svc", "NXDOMAIN")
        api.apply(namespace("bank", labels={"team": "shop"}))
        becomes(server, "x.bank.svc", "NOERROR 10.96.0.7")
        api.apply(namespace("shop"))
        becomes(server, "y.shop.svc", "NXDOMAIN")


def test_namespaces(api, start):
    api.apply_many([namespace("shop"), namespace("bank"), service("x.shop", "10.96.0.5"), service("x.bank", "10.96.0.7")])
    with start("namespaces shop") as server:
        assert [answer(server, name) for name in ("x.shop.svc", "x.bank.svc")] == ["NOERROR 10.96.0.5", "NXDOMAIN"]


# ---- keeping it

def test_resumes_from_bookmarks(tmp_path, api):
    """What was written elsewhere moves the version on: after a loss nothing is listed again, though the old versions are gone."""
    api.bookmark_interval = 0.1
    with probed(tmp_path / "server", api) as server:
        api.apply_many(many(100))

        def has_all():
            versions = [server.metric("kaname_kubernetes_watch_resource_version", resource=resource) for resource in RESOURCES]
            return versions == [api.store.version] * 4

        wait_for("bookmarks of all", has_all, CONVERGENCE_S)
        api.compact()
        api.drop_connections()
        Marker(api).arrives(server)
        for resource in RESOURCES:
            wait_for("it is followed", lambda resource=resource: api.requested(resource, "follow"), CONVERGENCE_S)
            assert len(api.requested(resource, "stream")) == 1
            assert api.requested(resource, "follow")[-1].query["resourceVersion"] == str(api.store.compacted_version)
            assert server.metric("kaname_kubernetes_watch_relists_total", resource=resource) == 1
            assert server.metric("kaname_kubernetes_watch_reconnects_total", resource=resource) == 1


@pytest.mark.parametrize("has_streaming_lists", [True, False], ids=["stream", "pages"])
def test_relist_sweeps(tmp_path, api, has_streaming_lists):
    """What went while nobody looked is gone after the relist; what stayed never stopped answering."""
    api.has_streaming_lists = has_streaming_lists
    with probed(tmp_path / "server", api) as server:
        gone, kept = Marker(api), Marker(api)
        gone.arrives(server)
        kept.arrives(server)
        api.stop()
        gone.delete()
        new = Marker(api)
        api.compact()
        api.start()
        new.arrives(server)
        gone.left(server)
        kept.arrives(server)
        wait_for("one relist of each", lambda: all(relists(server, resource, "expired") == 1 for resource in RESOURCES), CONVERGENCE_S)


def test_burst(tmp_path, api):
    """Thousands of changes at once are taken in, and asked for meanwhile."""
    with probed(tmp_path / "server", api) as server:
        api.apply_many(many(5000))
        becomes(server, "s4999.shop.svc", "NOERROR 10.98.19.250")
        for i in range(5000):
            api.delete("Service", "shop", f"s{i}")
        becomes(server, "s4999.shop.svc", "NXDOMAIN")
        wait_for("the others are gone", lambda: server.metric("kaname_kubernetes_objects", kind="Service") == 3, CONVERGENCE_S)


# ---- order

X = service("x.shop", ports=["http:80"])
CLUSTER_IP = service("x.shop", "10.96.1.1", ports=["http:80"])
SLICE = endpointslice("x.shop", endpoint("10.244.1.1", hostname="h"), ports=["http:80"])
OTHER = endpointslice("x.shop", endpoint("10.244.1.1", hostname="h"), endpoint("10.244.1.2"), ports=["http:80"], suffix="b")


ORDERS = [  # before, changes (an object, or one to delete in a tuple), {name: answer}
    ("slice and service", [], [SLICE, X], {"x.shop.svc": "NOERROR 10.244.1.1", "h.x.shop.svc": "NOERROR 10.244.1.1"}),
    ("service and slice are deleted", [SLICE, X], [(X,), (SLICE,)], {"x.shop.svc": "NXDOMAIN", "h.x.shop.svc": "NXDOMAIN"}),
    ("service is deleted and made", [SLICE, X], [(X,), CLUSTER_IP], {"x.shop.svc": "NOERROR 10.96.1.1"}),
    ("address in two slices", [X], [SLICE, OTHER], {"x.shop.svc": "NOERROR 10.244.1.1 10.244.1.2", "h.x.shop.svc": "NOERROR 10.244.1.1"}),
    ("address moves between slices", [X, SLICE], [OTHER, (SLICE,)], {"x.shop.svc": "NOERROR 10.244.1.1 10.244.1.2"}),
    ("label moves a slice", [X, SLICE, service("y.shop")], [relabelled(SLICE, "y")],
     {"x.shop.svc": "NXDOMAIN", "y.shop.svc": "NOERROR 10.244.1.1", "h.y.shop.svc": "NOERROR 10.244.1.1", "h.x.shop.svc": "NXDOMAIN"}),
    ("external becomes cluster IP", [alias("x.shop", "www.example.com"), SLICE], [CLUSTER_IP], {"x.shop.svc": "NOERROR 10.96.1.1"}),
    ("external becomes headless", [alias("x.shop", "www.example.com")], [X, SLICE], {"x.shop.svc": "NOERROR 10.244.1.1"}),
    ("cluster IP becomes external", [CLUSTER_IP, SLICE], [alias("x.shop", "www.example.com")],
     {"x.shop.svc": "NOERROR www.example.com.", "h.x.shop.svc": "NXDOMAIN"}),
]


@pytest.fixture(scope="module")
def ordered(tmp_path_factory):
    """An API server and a kaname for all cases of test_order."""
    folder = tmp_path_factory.mktemp("order")
    with ApiServer(folder / "api") as api, probed(folder / "server", api) as server:
        yield api, server


@pytest.mark.parametrize("held", [None, "services", "endpointslices"])
@pytest.mark.parametrize("before, changes, answers", [case[1:] for case in ORDERS], ids=[case[0] for case in ORDERS])
def test_order(ordered, held, before, changes, answers):
    """The outcome is that of the final objects, whichever resource's events come first."""
    api, server = ordered
    for value in before + [service("end.shop", "10.96.9.9")]:
        api.apply(value)
    becomes(server, "end.shop.svc", "NOERROR 10.96.9.9")
    if held:
        api.hold(held)
    for value in changes:
        if isinstance(value, tuple):
            api.delete(value[0]["kind"], "shop", value[0]["metadata"]["name"])
        else:
            api.apply(value)
    marker = Marker(api)
    if held:
        becomes(server, marker.pod_name, f"NOERROR {marker.pod}")  # the others' events are in
        api.release(held)
    marker.arrives(server)
    for name, want in answers.items():
        becomes(server, name, want)
    for kind in ("EndpointSlice", "Service"):
        for value in api.objects(kind):
            if value["metadata"]["namespace"] == "shop" and value["metadata"]["name"].split("-")[0] in ("x", "y", "end"):
                api.delete(kind, "shop", value["metadata"]["name"])
    becomes(server, "end.shop.svc", "NXDOMAIN")


# ---- readiness and honesty

def test_not_ready(api, start):
    """One resource is missing: /ready names it and the rule that is lacking, names get "not ready", and never a false "no such name"."""
    api.apply_many(STABLE)
    api.forbidden = {("list", "endpointslices"), ("watch", "endpointslices")}
    with start(is_ready=False) as server:
        wait_for("the reason", lambda: "forbidden" in server.http("ready")[1])
        body = server.http("ready")[1]
        assert (f'endpointslices.discovery.k8s.io is forbidden: User "{USER}" cannot watch resource "endpointslices"') in body
        assert '{apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"]}' in body
        assert "services" not in body
        assert server.http("health")[0] == 200
        for name, rdtype in STABLE_NAMES + [("nothing.shop.svc", "A"), ("9.9.9.10.in-addr.arpa.", "PTR")]:
            assert answer(server, name, rdtype) == "SERVFAIL/14", name
        assert answer(server, "www.example.com.").startswith("REFUSED")
        assert server.metric("kaname_kubernetes_watch_synced", resource="endpointslices") == 0
        api.forbidden = set()
        server.wait_ready()
        assert [answer(server, name, rdtype).split()[0] for name, rdtype in STABLE_NAMES] == ["NOERROR"] * len(STABLE_NAMES)
        assert answer(server, "nothing.shop.svc") == "NXDOMAIN"


def test_startup_timeout(api, start):
    """The API server is not there: what is missing is said, and what is not the cluster's is served; then it comes."""
    api.apply_many(STABLE)
    api.stop()
    with start("startup_timeout 300ms", is_ready=False) as server:
        wait_for("the line", lambda: server.log().count("startup_timeout is over") == len(RESOURCES))
        assert answer(server, "stable.shop.svc") == "SERVFAIL/14"
        assert answer(server, "www.example.com.").startswith("REFUSED")
        assert "connect" in server.http("ready")[1]
        api.start()
        becomes(server, "stable.shop.svc", "NOERROR 10.96.0.1")
        server.wait_ready()


def test_ready_means_answers(api, start):
    """/ready is not told before the last name is there: of many objects, whose publication takes its time."""
    api.apply_many([namespace("shop"), *(value for i in range(3000) for value in (
        service(f"s{i}.shop", ports=["http:80"]), endpointslice(f"s{i}.shop", f"10.{i // 250}.{i % 250}.1", f"10.{i // 250}.{i % 250}.2")))])
    with start(is_ready=False) as server:
        while server.http("ready")[0] != 200:
            assert server.process.poll() is None
        assert answer(server, "s2999.shop.svc") == "NOERROR 10.11.249.1 10.11.249.2"


def test_loss_keeps_ready(tmp_path, api):
    with probed(tmp_path / "server", api) as server:
        api.stop()
        wait_for("complaints", lambda: server.log().count("the last known data is served") >= len(RESOURCES), CONVERGENCE_S)
        assert server.http("ready")[0] == 200
        assert answer(server, "nothing.shop.svc") == "NXDOMAIN"


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_metrics(tmp_path, api):
    with probed(tmp_path / "server", api) as server:
        Marker(api).arrives(server)
        with api.fault(apifaults.Status(503), "services", times=1):
            api.drop_connections()
            Marker(api).arrives(server)
        slice_ = endpointslice("set.shop", "10.244.5.5", suffix="z")
        slice_["metadata"]["annotations"] = {"endpoints.kubernetes.io/last-change-trigger-time": timestamp(time.time() - 2)}
        api.apply(slice_)
        programming = "coredns_kubernetes_dns_programming_duration_seconds"
        wait_for("it is measured", lambda: server.metric(f"{programming}_count", service_kind="headless_with_selector") == 1, CONVERGENCE_S)
        assert 1 <= server.metric(f"{programming}_sum", service_kind="headless_with_selector") < 60
        assert server.metric("coredns_kubernetes_rest_client_requests_total", code="503", method="GET", host=f"127.0.0.1:{api.port}") == 1
        assert server.metric("coredns_kubernetes_rest_client_requests_total", code="200") >= 9
        assert server.metric("coredns_kubernetes_rest_client_request_duration_seconds_count") >= 10
        for resource in RESOURCES:
            assert server.metric("kaname_kubernetes_watch_synced", resource=resource) == 1
            assert server.metric("kaname_kubernetes_watch_events_total", resource=resource) >= 2
            assert server.metric("kaname_kubernetes_watch_resource_version", resource=resource) > 1000
            assert 0 <= server.metric("kaname_kubernetes_watch_last_event_age_seconds", resource=resource) < 60
            assert relists(server, resource, "first") == 1


def test_broken_objects(tmp_path, api):
    """An object that cannot be decoded is skipped, counted and named; the others of its list and watch are served."""
    def spoil(line):
        event = json.loads(line)
        if event["object"].get("spec", {}).get("clusterIP") == "10.96.3.1":
            event["object"]["spec"] = ["10.96.3.1"]
        return json.dumps(event).encode() + b"\n"

    api.fault(apifaults.Lines(lambda lines: [spoil(line) for line in lines]), "services", "watch")
    api.apply(service("first.shop", "10.96.3.1"))
    with probed(tmp_path / "server", api) as server:
        assert answer(server, "first.shop.svc") == "NXDOMAIN"
        wait_for("first", lambda: "first" in server.log())
        api.apply(service("second.shop", "10.96.3.1"))
        Marker(api).arrives(server)
        wait_for("second", lambda: "second" in server.log())
        assert server.metric("kaname_kubernetes_watch_decode_errors_total", resource="services") == 2
        api.apply(service("second.shop", "10.96.3.2"))
        becomes(server, "second.shop.svc", "NOERROR 10.96.3.2")


def test_two_sources(tmp_path):
    """Zones of two API servers: each its watches, its names and its readiness."""
    with ApiServer(tmp_path / "one") as one, ApiServer(tmp_path / "two") as two:
        one.apply_many([namespace("shop"), service("x.shop", "10.96.0.1")])
        two.apply_many([namespace("shop"), service("x.shop", "10.96.0.2"), pod("p.shop", "10.244.9.9")])
        other = f"""
            other.local:$port {{
                bind $address
                kubernetes other.local {{
                    kubeconfig {two.kubeconfig()}
                }}
            }}
        """
        text = kubeconfig(one) + other
        with running(tmp_path / "server", corefile=text) as server:
            assert answer(server, "x.shop.svc") == "NOERROR 10.96.0.1"
            assert answer(server, "x.shop.svc.other.local.") == "NOERROR 10.96.0.2"
            one.stop()
            two.apply(service("y.shop", "10.96.0.3"))
            becomes(server, "y.shop.svc.other.local.", "NOERROR 10.96.0.3")
            assert answer(server, "x.shop.svc") == "NOERROR 10.96.0.1"


def test_stops_at_once(api, start):
    """With watches open, and with requests that nobody answers."""
    with start() as server:
        server.stop()
    api.accepting = "silent"
    with start(is_ready=False) as server:
        wait_for("/health", lambda: server.http("health")[0] == 200)
        server.stop()


def test_ready_is_told_when_published(tmp_path, api):
    """Publishing the first records takes a while: until then /ready is no 200."""
    hosts = [f"10.{100 + i // 250}.{i % 250}.{j}" for i in range(4_000) for j in range(1, 11)]
    api.load(STABLE + [value for i in range(4_000) for value in (
        service(f"web-{i}.shop"), endpointslice(f"web-{i}.shop", *hosts[10 * i:10 * i + 10]))])
    with watching(tmp_path / "server", api, is_ready=False) as server:
        def is_ready():
            with contextlib.suppress(OSError), socket.create_connection((server.address, server.ready_port)) as tcp:
                tcp.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
                return tcp.recv(64).split()[1:2] == [b"200"]
            return False

        wait_for("/ready", is_ready)
        assert answer(server, "stable.shop.svc") == "NOERROR 10.96.0.1"
        assert answer(server, "web-3999.shop.svc") == "NOERROR " + " ".join(sorted(hosts[-10:]))

# SPDX-License-Identifier: Apache-2.0
"""The fake API server by a plain client: what it claims to do is what kube-apiserver does."""
import contextlib
import gzip
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from urllib.parse import urlencode

import pytest

import apifaults
import cluster
from apihttp import PACE_CREDIT_S, Pace
from apiserver import TOKEN, USER, ApiServer
from harness import ROOT, wait_for

SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
STREAM = {"watch": "1", "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One request at a time, each on a connection of its own."""

    def __init__(self, api, token=TOKEN, ca=None, certificate=None):
        self.api = api
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.context = ssl.create_default_context(cafile=ca or api.ca) if api.is_tls else None
        if self.context:
            self.context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does
        if certificate:
            self.context.load_cert_chain(*certificate)

    def open(self, path, query=None, timeout=10, headers=None):
        connection = (http.client.HTTPSConnection(self.api.address, self.api.port, timeout=timeout, context=self.context)
                      if self.api.is_tls else http.client.HTTPConnection(self.api.address, self.api.port, timeout=timeout))
        connection.request("GET", path + (f"?{urlencode(query)}" if query else ""), headers={**self.headers, **(headers or {})})
        return connection.getresponse()

    def get(self, path, query=None, **options):
        with contextlib.closing(self.open(path, query, **options)) as response:
            return Response(response.status, response.headers, response.read())

    def items(self, path, **query):
        """(names, metadata of the list)"""
        value = self.get(path, query).json
        return [item["metadata"]["name"] for item in value["items"]], value["metadata"]

    @contextlib.contextmanager
    def watch(self, path=SERVICES, **query):
        """Gives next(): the next event, as (type, name, version); None at the end."""
        response = self.open(path, {"watch": "1", **query})
        assert response.status == 200, response.read()
        with contextlib.closing(response):
            yield lambda: brief(response.readline())


def brief(line):
    if not line:
        return None
    event = json.loads(line)
    meta = event["object"]["metadata"]
    if event["type"] == "ERROR":
        return "ERROR", event["object"]["code"], event["object"]["message"]
    return event["type"], meta.get("name"), meta["resourceVersion"]


@pytest.fixture
def api(tmp_path):
    with ApiServer(tmp_path, is_tls=False, too_large_wait_s=0.1, second=0.2) as server:
        yield server


@pytest.fixture
def client(api):
    return Client(api)


def three(api):
    """Versions 1001 to 1003."""
    api.apply_many([cluster.service(f"{name}.shop", "10.96.0.5", labels=labels)
                    for name, labels in (("a", {"app": "x"}), ("b", {"app": "y", "tier": "1"}), ("c", None))])


# ---- who is there

def test_tls_and_tokens(tmp_path):
    with ApiServer(tmp_path, name="kube.example") as api:
        assert Client(api).get("/version").json["major"] == "1"
        assert Client(api, token=None).get(SERVICES).json == {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
            "reason": "Unauthorized", "code": 401}
        api.tokens = {"second": USER}
        assert Client(api).get(SERVICES).status == 401
        assert Client(api, token="second").get(SERVICES).status == 200
        assert Client(api, token=None, certificate=api.client_certificate()).get(SERVICES).status == 200
        sock = Client(api).context.wrap_socket(socket.create_connection((api.address, api.port)), server_hostname="kube.example")
        sock.close()
        old = api.ca
        api.rotate_authority()
        with pytest.raises(ssl.SSLCertVerificationError):
            Client(api, token="second", ca=old).get(SERVICES)
        assert Client(api, token="second").get(SERVICES).status == 200
        api.accepting = "refuse"
        with pytest.raises(ssl.SSLError, match="handshake failure"):
            Client(api).get(SERVICES)


def test_kubeconfig(tmp_path):
    with ApiServer(tmp_path) as api:
        config = json.loads(api.kubeconfig().read_text())
        assert config["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{api.port}"
        assert config["users"][0]["user"] == {"token": TOKEN}


def test_forbidden(api, client):
    api.forbidden = {("list", "services"), ("watch", "endpointslices")}
    assert client.get(SERVICES).json == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": f'services is forbidden: User "{USER}" cannot list resource "services" in API group "" at the cluster scope',
        "details": {"kind": "services"}}
    answer = client.get("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", STREAM).json
    assert answer["message"] == (f'endpointslices.discovery.k8s.io is forbidden: User "{USER}" cannot watch resource "endpointslices" '
                                 'in API group "discovery.k8s.io" in the namespace "shop"')
    assert answer["details"] == {"group": "discovery.k8s.io", "kind": "endpointslices"}


@pytest.mark.parametrize("versions, statuses", [
    (("v1",), (200, 200, 404)), (("v1", "v1beta1"), (200, 200, 200)), (("v1beta1",), (200, 404, 200)), ((), (404, 404, 404))])
def test_discovery(api, client, versions, statuses):
    api.slice_versions = versions
    answers = [client.get(path) for path in ("/apis/discovery.k8s.io", SLICES, SLICES.replace("v1", "v1beta1"))]
    assert tuple(answer.status for answer in answers) == statuses
    if not versions:
        assert answers[0].body == b"404 page not found\n" and answers[0].headers["Content-Type"].startswith("text/plain")
        return
    group = answers[0].json
    assert [entry["version"] for entry in group["versions"]] == list(versions)
    assert group["preferredVersion"]["groupVersion"] == f"discovery.k8s.io/{versions[0]}"
    for answer in answers[1:]:
        if answer.status == 404:
            assert answer.json["message"] == "the server could not find the requested resource"


def test_older_slices(api, client):
    api.slice_versions = ("v1beta1",)
    slice_ = cluster.endpointslice("web.shop", "10.1.0.1")
    slice_["endpoints"][0].update(zone="z", nodeName="n")
    api.apply(slice_)
    value = client.get(SLICES.replace("v1", "v1beta1")).json
    assert value["apiVersion"] == "discovery.k8s.io/v1beta1"
    assert value["items"][0]["endpoints"][0]["topology"] == {"topology.kubernetes.io/zone": "z", "kubernetes.io/hostname": "n"}


# ---- lists

def test_list(api, client):
    three(api)
    value = client.get(SERVICES).json
    assert (value["kind"], value["apiVersion"], value["metadata"]) == ("ServiceList", "v1", {"resourceVersion": "1003"})
    item = value["items"][0]
    assert "kind" not in item and "apiVersion" not in item
    assert set(item["metadata"]) >= {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields"}
    assert (item["metadata"]["resourceVersion"], item["spec"]["clusterIP"]) == ("1001", "10.96.0.5")
    one = client.get("/api/v1/namespaces/shop/services/a").json
    assert (one["kind"], one["metadata"]["uid"]) == ("Service", item["metadata"]["uid"])
    assert client.get("/api/v1/namespaces/shop/services/none").json["message"] == 'services "none" not found'
    assert client.items("/api/v1/namespaces/other/services") == ([], {"resourceVersion": "1003"})


def test_write(api, client):
    """An object that changes nothing is no write; the uid stays with the object."""
    three(api)
    uid = client.get(SERVICES).json["items"][0]["metadata"]["uid"]
    assert api.apply(cluster.service("a.shop", "10.96.0.5", labels={"app": "x"})) == 1003
    assert api.apply(cluster.service("a.shop", "10.96.0.6")) == 1004
    item = client.get(SERVICES).json["items"][0]
    assert (item["metadata"]["uid"], item["metadata"]["resourceVersion"], item["spec"]["clusterIP"]) == (uid, "1004", "10.96.0.6")


@pytest.mark.parametrize("labels, names", [
    ("app=x", "a"), ("app==x", "a"), ("app!=x", "bc"), ("app in (x, y)", "ab"), ("app notin (x)", "bc"), ("app", "ab"), ("!app", "c"),
    ("app,tier=1", "b"), ("app in (x,y),!tier", "a")])
def test_label_selectors(api, client, labels, names):
    three(api)
    assert client.items(SERVICES, labelSelector=labels)[0] == list(names)


def test_field_selectors(api, client):
    three(api)
    assert client.items(SERVICES, fieldSelector="metadata.name=b")[0] == ["b"]
    assert client.items(SERVICES, fieldSelector="metadata.name!=b,metadata.namespace=shop")[0] == ["a", "c"]
    for query in ({"fieldSelector": "spec.x=b"}, {"labelSelector": "a in x"}, {"limit": "x"}, {"resourceVersion": "x"}, {"continue": "x"}):
        assert client.get(SERVICES, query).json["reason"] == "BadRequest"


def test_pages(api, client):
    """They are of one version, whatever is written meanwhile."""
    three(api)
    names, meta = client.items(SERVICES, limit=2)
    assert (names, meta["resourceVersion"], meta["remainingItemCount"]) == (["a", "b"], "1003", 1)
    api.delete("Service", "shop", "c")
    api.apply(cluster.service("d.shop", "10.96.0.9"))
    assert client.items(SERVICES, limit=2, **{"continue": meta["continue"]}) == (["c"], {"resourceVersion": "1003"})
    assert client.items(SERVICES)[0] == ["a", "b", "d"]
    assert client.items(SERVICES, limit=1, resourceVersion="0")[0] == ["a", "b", "d"]
    assert client.items(SERVICES, resourceVersion="1003", resourceVersionMatch="Exact")[0] == ["a", "b", "c"]
    assert client.items(SERVICES, resourceVersion="1003", resourceVersionMatch="NotOlderThan")[1]["resourceVersion"] == "1005"


def test_expired_pages(api, client):
    three(api)
    token = client.items(SERVICES, limit=2)[1]["continue"]
    api.apply(cluster.service("d.shop", "10.96.0.9"))
    api.compact()
    answer = client.get(SERVICES, {"limit": 2, "continue": token})
    assert (answer.status, answer.json["reason"]) == (410, "Expired")
    assert answer.json["message"].startswith("The provided continue parameter is too old to display a consistent list result.")
    names, meta = client.items(SERVICES, limit=2, **{"continue": answer.json["metadata"]["continue"]})
    assert (names, meta["resourceVersion"]) == (["c", "d"], "1004")
    answer = client.get(SERVICES, {"resourceVersion": "1003", "resourceVersionMatch": "Exact"}).json
    assert (answer["code"], answer["message"]) == (410, "The resourceVersion for the provided list is too old.")


def test_too_large_version(api, client):
    three(api)
    answer = client.get(SERVICES, {"resourceVersion": "1009", "resourceVersionMatch": "NotOlderThan"})
    assert (answer.status, answer.headers["Retry-After"]) == (504, "1")
    assert answer.json["message"] == "Timeout: Too large resource version: 1009, current: 1003"
    assert answer.json["details"] == {"retryAfterSeconds": 1, "causes": [
        {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
    api.too_large_wait_s = 60  # not waited for where pages are wanted
    answer = client.get(SERVICES, {"resourceVersion": "1009", "resourceVersionMatch": "NotOlderThan", "limit": 1})
    assert (answer.status, answer.headers["Retry-After"]) == (504, None)


@pytest.mark.parametrize("query, field", [
    ({"sendInitialEvents": "true"}, "sendInitialEvents"), ({"resourceVersionMatch": "Exact"}, "resourceVersionMatch")])
def test_refused_lists(client, query, field):
    answer = client.get(SERVICES, query).json
    assert (answer["code"], answer["reason"], answer["details"]["causes"][0]["field"]) == (422, "Invalid", field)


def test_gzip(api, client):
    api.apply_many([cluster.service(f"s{i}.shop", "10.96.0.5") for i in range(500)])
    answer = client.get(SERVICES, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and len(json.loads(gzip.decompress(answer.body))["items"]) == 500
    for query, headers in (({}, {}), ({"limit": 100}, {"Accept-Encoding": "gzip"})):
        assert client.get(SERVICES, query, headers=headers).headers["Content-Encoding"] is None


# ---- watches

def test_watch(api, client):
    three(api)
    with client.watch(resourceVersion="1002") as event:
        assert event() == ("ADDED", "c", "1003")
        api.apply(cluster.service("a.shop", "10.96.0.7"))
        api.apply(cluster.namespace("shop"))
        api.delete("Service", "shop", "b")
        assert [event(), event()] == [("MODIFIED", "a", "1004"), ("DELETED", "b", "1006")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
def test_watch_from_nowhere(api, client, query):
    three(api)
    with client.watch(**query) as event:
        assert [event()[:2] for _ in range(3)] == [("ADDED", name) for name in "abc"]


def test_watch_with_selector(api, client):
    """What begins or ceases to match is added or deleted for the watcher."""
    three(api)
    with client.watch(labelSelector="app=x", resourceVersion="1003") as event:
        api.apply(cluster.service("c.shop", "10.96.0.5", labels={"app": "x"}))
        api.apply(cluster.service("b.shop", "10.96.0.5", labels={"app": "z"}))
        api.apply(cluster.service("c.shop", "10.96.0.6", labels={"app": "x"}))
        api.apply(cluster.service("c.shop", "10.96.0.6"))
        assert [event() for _ in range(3)] == [("ADDED", "c", "1004"), ("MODIFIED", "c", "1006"), ("DELETED", "c", "1007")]


@pytest.mark.parametrize("how", ["event", "event, open", "status"])
def test_watch_from_compacted(api, client, how):
    api.expired_as = how
    three(api)
    api.compact()
    if how == "status":
        assert client.get(SERVICES, {"watch": "1", "resourceVersion": "1002"}).status == 410
        return
    with client.watch(resourceVersion="1002", timeoutSeconds="1") as event:
        assert event() == ("ERROR", 410, "too old resource version: 1002 (1003)")
        assert event() is None
    with client.watch(resourceVersion="1003") as event:
        api.delete("Service", "shop", "a")
        assert event() == ("DELETED", "a", "1004")


def test_watch_that_falls_behind(tmp_path):
    with ApiServer(tmp_path, is_tls=False, history=10) as api:
        three(api)
        with Client(api).watch(resourceVersion="1003") as event:
            wait_for("the watch", lambda: api.watchers("services"))
            api.apply_many([cluster.service(f"s{i}.shop", "10.96.0.5") for i in range(100)])
            assert event() is None


def test_watch_of_the_future(api, client):
    """200, and not a word: no event, no bookmark."""
    api.bookmark_interval = 0.02
    three(api)
    with client.watch(resourceVersion="1005", allowWatchBookmarks="true", timeoutSeconds="1") as event:
        api.apply(cluster.service("d.shop", "10.96.0.5"))
        assert event() is None


def test_bookmarks(api, client):
    api.bookmark_interval = 0.02
    three(api)
    with client.watch(resourceVersion="1003", allowWatchBookmarks="true") as event:
        assert event() == ("BOOKMARK", None, "1003")
        api.apply(cluster.namespace("shop"))
        wait_for("a bookmark of the other write", lambda: event() == ("BOOKMARK", None, "1004"))
    api.has_progress = False
    with client.watch(resourceVersion="1003", allowWatchBookmarks="true") as event:
        assert [event(), event()] == [("BOOKMARK", None, "1003")] * 2
    with client.watch(resourceVersion="1003", timeoutSeconds="1") as event:
        assert event() is None
    with client.watch(SLICES, resourceVersion="1003", allowWatchBookmarks="true", timeoutSeconds="1") as event:
        assert event() is None  # of which nothing was ever seen


def test_last_bookmark(api, client):
    three(api)
    with client.watch(resourceVersion="1003", allowWatchBookmarks="true", timeoutSeconds="3") as event:
        assert [event(), event()] == [("BOOKMARK", None, "1003"), None]


# ---- streaming lists

def test_streaming_list(api, client):
    three(api)
    with contextlib.closing(client.open(SERVICES, STREAM)) as response:
        lines = [json.loads(response.readline()) for _ in range(4)]
        assert [line["type"] for line in lines] == ["ADDED"] * 3 + ["BOOKMARK"]
        assert lines[0]["object"]["kind"] == "Service" and lines[0]["object"]["apiVersion"] == "v1"
        assert lines[3]["object"]["metadata"] == {"resourceVersion": "1003", "creationTimestamp": None,
                                                  "annotations": {"k8s.io/initial-events-end": "true"}}
        api.delete("Service", "shop", "a")
        assert brief(response.readline()) == ("DELETED", "a", "1004")


def test_no_streaming_lists(api, client):
    three(api)
    api.has_streaming_lists = False
    answer = client.get(SERVICES, STREAM).json
    assert (answer["code"], answer["reason"]) == (422, "Invalid")
    assert answer["message"] == ('ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for '
                                 'watch unless the WatchList feature gate is enabled')
    api.ignores_streaming_lists = True
    with client.watch(**{**STREAM, "timeoutSeconds": "1"}) as event:
        assert [event()[1] for _ in range(3)] == ["a", "b", "c"] and event() is None


@pytest.mark.parametrize("left_out", ["resourceVersionMatch", "allowWatchBookmarks", "sendInitialEvents"])
def test_streaming_list_refused(client, left_out):
    query = {key: value for key, value in STREAM.items() if key != left_out}
    assert client.get(SERVICES, query).json["details"]["causes"][0]["field"] in ("resourceVersionMatch", "allowWatchBookmarks")


# ---- what happens to it

def test_replace_all(api, client):
    three(api)
    uid = client.get(SERVICES).json["items"][0]["metadata"]["uid"]
    api.replace_all([cluster.service("a.shop", "10.96.0.5")], version=200)
    value = client.get(SERVICES).json
    assert value["metadata"]["resourceVersion"] == "201"
    assert [item["metadata"]["name"] for item in value["items"]] == ["a"] and value["items"][0]["metadata"]["uid"] != uid


def test_stop_and_start(api, client):
    three(api)
    with client.watch(resourceVersion="1003") as event:
        api.stop()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            if event() is None:  # a stream without its last chunk
                raise ConnectionError
    with pytest.raises(ConnectionError):
        client.get(SERVICES)
    api.start()
    assert client.get(SERVICES).status == 200
    api.stop()
    api.start(is_new_process=True)
    with client.watch(resourceVersion="1002") as event:
        assert event()[:2] == ("ERROR", 410)


def test_freeze(api, client):
    three(api)
    with client.watch(resourceVersion="1003") as event:
        wait_for("the watch", lambda: api.watchers("services"))
        api.freeze()
        api.apply(cluster.service("d.shop", "10.96.0.5"))
        assert client.items(SERVICES)[0] == ["a", "b", "c", "d"]
        api.thaw()
        assert event() == ("ADDED", "d", "1004")


def test_hold(api, client):
    """Events of one resource wait for those of another."""
    three(api)
    with client.watch(resourceVersion="1003", timeoutSeconds="10") as event, client.watch(SLICES, resourceVersion="1003") as other:
        api.hold("services")
        api.apply(cluster.service("d.shop", "10.96.0.5"))
        api.apply(cluster.endpointslice("d.shop", "10.1.0.1"))
        assert other()[:2] == ("ADDED", "d-a")
        api.release("services")
        assert event()[:2] == ("ADDED", "d")


def test_log_of_requests(api, client):
    client.get(SERVICES, {"limit": "5"}, headers={"User-Agent": "me"})
    client.get(SLICES)
    request, = api.requested("services", "list")
    assert (request.query, request.headers["user-agent"], request.headers["authorization"]) == ({"limit": "5"}, "me", f"Bearer {TOKEN}")
    assert [(r.resource, r.verb, r.status) for r in api.requested()] == [("services", "list", 200), ("endpointslices", "list", 200)]


def test_faults_are_chosen(api, client):
    """By resource and verb, for so many times or until cleared."""
    fault = api.fault(apifaults.Status(503), "services", "list", times=1)
    assert client.get(SLICES).status == 200
    assert client.get(SERVICES, {"watch": "1", "timeoutSeconds": "1"}).status == 200
    assert [client.get(SERVICES).status for _ in range(2)] == [503, 200]
    assert fault.hits == 1
    with api.fault(apifaults.Status(500), verb="watch"):
        assert [client.get(SERVICES, query).status for query in ({"watch": "1"}, STREAM, {})] == [500, 500, 200]
    assert client.get(SERVICES, {"watch": "1", "timeoutSeconds": "1"}).status == 200


@pytest.mark.parametrize("code, reason", [
    (401, "Unauthorized"), (403, "Forbidden"), (410, "Expired"), (429, "TooManyRequests"), (500, "InternalError"),
    (503, "ServiceUnavailable")])
def test_fault_status(api, client, code, reason):
    with api.fault(apifaults.Status(code, retry_after=7)):
        answer = client.get(SERVICES)
    assert (answer.status, answer.headers["Retry-After"], answer.json["reason"]) == (code, "7", reason)
    assert answer.json["details"]["retryAfterSeconds"] == 7


def read_all(response):
    """(what came, how it ended)"""
    data = b""
    try:
        while True:
            part = response.read1(65536)
            if not part:
                return data, "end"
            data += part
    except TimeoutError:
        return data, "silence"
    except (http.client.IncompleteRead, ConnectionError) as error:
        return data + getattr(error, "partial", b""), "cut"


A, B, C = (b'{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"%c"' % name for name in b"abc")


@pytest.mark.parametrize("fault, starts, how", [
    (apifaults.Cut(lines=1, octets=20), [A, B[:20]], "cut"),
    (apifaults.Cut(lines=1, octets=20, then="reset"), [A, B[:20]], "cut"),
    (apifaults.Cut(lines=2, then="silent"), [A, B, b""], "silence"),
    (apifaults.Cut(lines=2, octets=5, then="end"), [A, B, B[:5]], "end"),
    (apifaults.Cut(lines=1, insert=b"{]\n"), [A, b"{]", b""], "cut"),
    (apifaults.Insert(b"hello", after=1), [A, b"hello", B, C], "silence"),
    (apifaults.Duplicate(), [A, A, B, B, C, C], "silence"),
    (apifaults.Lines(lambda lines: lines[::-1]), [C, B, A], "silence"),
    (apifaults.Drip(1), [A, B, C], "silence"),
    (apifaults.Drip(100, 0.01, total=500), [A, B, C], "silence"),
    (apifaults.Body(), [b""], "end"),
    (apifaults.Body(b"{}\n"), [b"{}", b""], "end"),
    (apifaults.HalfOpen(after_head=True), [b""], "silence"),
], ids=lambda value: type(value).__name__ if isinstance(value, apifaults.Fault) else None)
def test_fault_in_a_stream(api, client, fault, starts, how):
    three(api)
    api.bookmark_interval = 60
    with api.fault(fault, "services", "watch"):
        with contextlib.closing(client.open(SERVICES, {"watch": "1"}, timeout=0.2)) as response:
            data, end = read_all(response)
    lines = data.split(b"\n")
    assert end == how
    assert len(lines) >= len(starts) and all(line.startswith(start) for line, start in zip(lines, starts)), lines


@pytest.mark.parametrize("fault, error", [
    (apifaults.HalfOpen(), TimeoutError), (apifaults.Close(), http.client.RemoteDisconnected),
    (apifaults.Close(reset=True), ConnectionResetError), (apifaults.Raw(b"SSH-2.0\r\n"), http.client.BadStatusLine)],
    ids=lambda value: type(value).__name__)
def test_fault_instead_of_an_answer(api, client, fault, error):
    with api.fault(fault), pytest.raises(error):
        client.get(SERVICES, timeout=0.3)
    assert client.get(SERVICES).status == 200


def test_fault_delay(api, client):
    with api.fault(apifaults.Delay(0.3)):
        began = time.monotonic()
        assert client.get(SERVICES).status == 200
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("accepting, error", [("silent", TimeoutError), ("close", OSError)])
def test_no_connections(api, client, accepting, error):
    api.accepting = accepting
    with pytest.raises(error):
        client.get(SERVICES, timeout=0.3)


def test_as_a_process(tmp_path):
    """What the benchmark does."""
    cluster.write_files(tmp_path, {"objects.json": [cluster.service("a.shop", "10.96.0.5"), cluster.namespace("shop")]})
    command = [sys.executable, str(ROOT / "tests/harness/apiserver.py"), "--objects", str(tmp_path / "objects.json"), "--plain",
               "--folder", str(tmp_path / "api")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        where = json.loads(process.stdout.readline())
        port = int(where["url"].rpartition(":")[2])

        def call(name, *args):
            print(json.dumps({"call": name, "args": args}), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        assert call("apply", cluster.service("b.shop", "10.96.0.6"))["result"] == 1003
        assert "error" in call("exec") and "error" in call("apply", {})
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", SERVICES, headers={"Authorization": f"Bearer {where['token']}"})
        items = json.loads(connection.getresponse().read())["items"]
        assert [(item["metadata"]["name"], item["metadata"]["uid"]) for item in items][0] == ("a", "shop-a") and len(items) == 2
        process.stdin.close()
        assert process.wait(10) == 0


# ---- what the benchmark asks of it

def test_pace(api, client):
    """Bodies come no faster than they are to, but for the credit of a sleep."""
    api.apply_many([cluster.service(f"a{i}.shop", "10.96.0.5") for i in range(400)])
    n = len(client.get(SERVICES).body)
    api.pace = Pace(4 * n)
    start = time.monotonic()
    assert len(client.get(SERVICES).body) == n
    assert time.monotonic() - start >= 1 / 4 - PACE_CREDIT_S


def test_on_sent(api, client):
    """It tells which changes were sent on a watch, and when."""
    sent = []
    api.on_sent = lambda watch, changes: sent.extend((change.version, watch.exchange.connection.sent_ns) for change in changes)
    three(api)
    with client.watch(resourceVersion="1003") as following:
        before = time.monotonic_ns()
        api.apply(cluster.service("d.shop", "10.96.0.6"))
        assert following() == ("ADDED", "d", "1004")
        wait_for("it is told", lambda: sent)
    assert [version for version, _ in sent] == [1004] and before <= sent[0][1] <= time.monotonic_ns()

# SPDX-License-Identifier: Apache-2.0
"""The API server misbehaves in every way that we know of, while names that always exist are asked for: no wrong answer, and what was
written meanwhile is served soon after the fault is over."""
import contextlib
import threading
import time

import pytest

import apifaults
from apiserver import ApiServer
from apitls import Authority
from cluster import endpoint, endpointslice, namespace, relabelled, service
from harness import wait_for
from watching import CONVERGENCE_S, STABLE, STABLE_NAMES, Marker, Prober, answer, at_once, becomes, probed, watching

RESOURCES = ("services", "endpointslices", "namespaces", "pods")
UNKNOWN = b'{"type":"RENAMED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"x","resourceVersion":"1"}}}'
BROKEN = b'{"type":"MODIFIED","object":{"kind":"%s","apiVersion":"%s","metadata":{"name":"x","namespace":"shop"},"spec":[],"endpoints":7}}'
NAMELESS = b'{"type":"MODIFIED","object":{"kind":"Service","apiVersion":"v1","metadata":{},"spec":{}}}'
ERROR = b'{"type":"ERROR","object":{"kind":"Status","status":"Failure","message":"etcd is tired","reason":"InternalError","code":500}}'
CUT_JSON = b'{"type":"ADDED","object":{"kind":"Service","apiVer\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def fresh(tmp_path, authority):
    """fresh(name, ...) in a `with`: an API server and a kaname that are asked all the time, for one of several cases at once."""
    @contextlib.contextmanager
    def start(name, **settings):
        folder = tmp_path / name.replace(" ", "-")
        with ApiServer(folder / "api", authority=authority, **settings) as api, probed(folder / "server", api, pause_s=0.03) as server:
            yield api, server

    return start


@pytest.fixture(scope="module")
def pairs(tmp_path_factory, authority):
    """By the way that they list: an API server and a kaname for many tests. In the end no name had a wrong answer."""
    with contextlib.ExitStack() as stack:
        def start(name):
            folder = tmp_path_factory.mktemp(name)
            api = stack.enter_context(ApiServer(folder / "api", authority=authority, has_streaming_lists=name == "stream"))
            return api, stack.enter_context(probed(folder / "server", api))

        yield {name: start(name) for name in ("stream", "pages")}


@pytest.fixture
def pair(request, pairs):
    """Whatever was done to the API server is undone after the test."""
    api, server = pairs[getattr(request, "param", "stream")]
    yield api, server
    api.clear()
    api.accepting, api.expired_as, api.forbidden = "normal", "event", set()
    for marker in Marker.made.copy():
        if marker.api is api:
            marker.delete()
    marker = Marker(api)
    marker.arrives(server)
    marker.delete()


BOTH = pytest.mark.parametrize("pair", ["stream", "pages"], indirect=True)


def lasts(api, server, fault, hits=2):
    """The fault is met a few times; what was written in its time arrives after it."""
    before = Marker(api)
    api.drop_connections()
    if fault is not None:
        wait_for("the fault is met", lambda: fault.hits >= hits, CONVERGENCE_S)
    during = Marker(api)
    api.clear()
    before.arrives(server)
    during.arrives(server)
    during.leaves(server)


# ---- a fault of all requests, until it is over

EVERYWHERE = {
    **{f"status {code}": (lambda code: lambda: apifaults.Status(code))(code) for code in (401, 403, 429, 500, 503, 504)},
    "status without JSON": lambda: apifaults.Status(502, body=b"<html>" + b"x" * 100_000),
    "close": apifaults.Close, "reset": lambda: apifaults.Close(reset=True), "no HTTP": lambda: apifaults.Raw(b"220 mail ready\r\n"),
    "half a head": lambda: apifaults.Raw(b"HTTP/1.1 200 OK\r\nContent-Ty"), "ended at once": apifaults.Body,
    "no JSON": lambda: apifaults.Body(b"<html>proxy login</html>\n"), "other JSON": lambda: apifaults.Body(b'{"a":[1]}\n'),
    "a Status of 200": lambda: apifaults.Body(b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}\n'),
}


def test_everywhere(fresh):
    def run(name):
        with fresh(name) as (api, server):
            lasts(api, server, api.fault(EVERYWHERE[name]()))

    at_once(run, EVERYWHERE)


def test_retry_after(pair):
    """Is waited for: 429 once, and no request in the second that it asks for."""
    api, server = pair
    fault = api.fault(apifaults.Status(429, retry_after=1), "services", times=1)
    api.drop_connections()
    wait_for("the fault is met", lambda: fault.hits == 1, CONVERGENCE_S)
    refused = api.requested("services")[-1]
    marker = Marker(api)
    marker.arrives(server)
    after = next(request for request in api.requested("services") if request.time > refused.time)
    assert after.time - refused.time >= 0.99


@pytest.mark.parametrize("accepting", ["close", "refuse"])
def test_no_connections(pair, accepting):
    api, server = pair
    api.accepting = accepting
    n = api.n_connections
    before = Marker(api)
    api.drop_connections()
    wait_for("it is tried", lambda: api.n_connections > n + 4, CONVERGENCE_S)
    api.accepting = "normal"
    before.arrives(server)


@BOTH
def test_restarts(pair):
    """With what was known before, and as a new process, to which every older version is too old."""
    api, server = pair
    for is_new_process in (False, True, True):
        api.stop(reset=is_new_process)
        during = Marker(api)
        api.start(is_new_process=is_new_process)
        during.arrives(server)


def test_forbidden_for_a_while(pair):
    api, server = pair
    api.forbidden = {(verb, resource) for verb in ("list", "watch") for resource in RESOURCES}
    before = Marker(api)
    api.drop_connections()
    wait_for("a complaint", lambda: 'resources: ["namespaces"]' in server.log(), CONVERGENCE_S)
    api.forbidden = set()
    before.arrives(server)


# ---- faults within a stream

STREAMS = {
    "octet by octet": lambda: apifaults.Drip(1),
    "slow drip": lambda: apifaults.Drip(40, 0.002),
    "late": lambda: apifaults.Delay(0.3),
    "cut in an object": lambda: apifaults.Cut(octets=60),
    "cut between objects": lambda: apifaults.Cut(lines=1),
    "reset in an object": lambda: apifaults.Cut(octets=60, then="reset"),
    "in order, in an object": lambda: apifaults.Cut(octets=60, then="end"),
    "in order, between objects": lambda: apifaults.Cut(lines=1, then="end"),
    "cut JSON on a line": lambda: apifaults.Cut(insert=CUT_JSON),
    "garbage line": lambda: apifaults.Insert(b"\x00\xff garbage"),
    "garbage line later": lambda: apifaults.Insert(b"}", after=2),
    "error event": lambda: apifaults.Insert(ERROR, after=1),
}
HARMLESS = {
    "unknown type": lambda: apifaults.Insert(UNKNOWN),
    "broken service": lambda: apifaults.Insert(BROKEN % (b"Service", b"v1")),
    "broken slice": lambda: apifaults.Insert(BROKEN % (b"EndpointSlice", b"discovery.k8s.io/v1")),
    "nameless object": lambda: apifaults.Insert(NAMELESS),
    "empty lines": lambda: apifaults.Insert(b"\n\n  \n"),
    "duplicates": apifaults.Duplicate,
}


def test_in_a_stream(fresh):
    """Of watches that are taken up again."""
    def run(name):
        with fresh(name) as (api, server):
            lasts(api, server, api.fault(STREAMS[name](), verb="follow"), hits=4)

    at_once(run, STREAMS)


def test_harmless(fresh):
    """What does not concern the objects is passed over; the watch goes on."""
    def run(name):
        with fresh(name) as (api, server):
            fault = api.fault(HARMLESS[name](), verb="follow")
            api.drop_connections()
            wait_for("the fault is met", lambda: fault.hits == 4, CONVERGENCE_S)
            marker = Marker(api)
            marker.arrives(server)
            marker.leaves(server)
            assert fault.hits == 4

    at_once(run, HARMLESS)


PAGES = ["slow drip", "late", "cut in an object", "reset in an object", "in order, in an object", "cut JSON on a line"]


@pytest.mark.parametrize("verb, names", [("stream", STREAMS), ("list", PAGES)], ids=["stream", "pages"])
def test_in_a_relist(fresh, verb, names):
    """The versions are gone, and the list of each resource is broken."""
    def run(name):
        with fresh(name, has_streaming_lists=verb == "stream") as (api, server):
            gone = Marker(api)
            gone.arrives(server)
            fault = api.fault(STREAMS[name](), verb=verb, times=4)
            api.stop()
            gone.delete()
            api.compact()
            api.start()
            wait_for("the fault is met", lambda: fault.hits >= 4, CONVERGENCE_S)
            api.clear()
            Marker(api).arrives(server)
            gone.left(server)

    at_once(run, names)


def test_order_of_resources(pair):
    """Each resource in turn is late by much."""
    api, server = pair
    for held in RESOURCES:
        api.hold(held)
        marker = Marker(api)
        other = service(f"other{marker.n}.shop", "10.96.5.5")
        if held != "services":
            api.apply(other)
            becomes(server, f"other{marker.n}.shop.svc", "NOERROR 10.96.5.5")
        api.release(held)
        marker.arrives(server)


def test_watches_that_freeze(pair):
    """Nothing comes, no end comes; then everything comes."""
    api, server = pair
    api.freeze()
    marker = Marker(api)
    n = len(api.requested())
    time.sleep(0.5)
    assert len(api.requested()) == n
    api.thaw()
    marker.arrives(server)


# ---- versions

@BOTH
@pytest.mark.parametrize("how", ["event", "event, open", "status"])
def test_expired(pair, how):
    api, server = pair
    api.expired_as = how
    before = relists(server, "expired")
    gone = Marker(api)
    gone.arrives(server)
    api.stop()
    gone.delete()
    api.compact()
    api.start()
    Marker(api).arrives(server)
    gone.left(server)
    wait_for("a relist of each", lambda: relists(server, "expired") >= before + len(RESOURCES), CONVERGENCE_S)


@BOTH
def test_endpoint_moves_before_a_relist(pair):
    """It was in one slice and is in another, which comes later in the list, and the list comes slowly: it is never gone."""
    api, server = pair
    anchor, other = endpoint("10.244.7.1", hostname="anchor"), endpoint("10.244.7.2")
    fillers = [endpointslice("other.shop", f"10.244.8.{i + 1}", suffix=f"{i}") for i in range(40)]
    api.apply_many([service("moved.shop"), endpointslice("moved.shop", anchor, suffix="a"), *fillers,
                    relabelled(endpointslice("zmoved.shop", other), "moved")])
    becomes(server, "anchor.moved.shop.svc", "NOERROR 10.244.7.1")
    verb = "stream" if api.has_streaming_lists else "list"
    with Prober(server, [("anchor.moved.shop.svc", "A"), ("moved.shop.svc", "A")], pause_s=0.001):
        api.stop()
        api.apply_many([relabelled(endpointslice("zmoved.shop", anchor, other), "moved"), endpointslice("moved.shop", other, suffix="a")])
        api.compact()
        api.fault(apifaults.Drip(500, 0.01), "endpointslices", verb)
        api.start()
        Marker(api).arrives(server)
    becomes(server, "moved.shop.svc", "NOERROR 10.244.7.1 10.244.7.2")


def relists(server, reason):
    return server.metric("kaname_kubernetes_watch_relists_total", reason=reason)


@pytest.mark.parametrize("version", [10, 1_000_000], ids=["lower", "higher"])
def test_another_etcd(tmp_path, version):
    """It was wiped and filled again: other uids. A lower version is one of the future there; a higher one looks like ours."""
    with ApiServer(tmp_path / "api", too_large_wait_s=0.1, version=5000) as api, probed(tmp_path / "server", api) as server:
        gone = Marker(api)
        gone.arrives(server)
        api.stop()
        api.replace_all(STABLE, version)
        api.start()
        Marker(api).arrives(server)
        gone.left(server)
        wait_for("a relist of each", lambda: sum(relists(server, reason) for reason in ("too_large", "other_cluster", "expired")) >=
                 len(RESOURCES), CONVERGENCE_S)


def test_restored_etcd(tmp_path):
    """A backup: the same namespaces, older data, a version of the past. The old objects are served again, the newer ones are gone."""
    with ApiServer(tmp_path / "api", too_large_wait_s=0.1, version=5000) as api, probed(tmp_path / "server", api) as server:
        api.apply(service("x.shop", "10.96.7.1"))
        becomes(server, "x.shop.svc", "NOERROR 10.96.7.1")
        backup = api.backup()
        api.apply(service("x.shop", "10.96.7.2"))
        newer = Marker(api)
        newer.arrives(server)
        api.stop()
        api.restore(backup)
        api.start()
        becomes(server, "x.shop.svc", "NOERROR 10.96.7.1")
        newer.left(server)
        api.apply(service("x.shop", "10.96.7.3"))
        becomes(server, "x.shop.svc", "NOERROR 10.96.7.3")


def test_pages_expire(tmp_path):
    """Between two pages, twice; then a list in one."""
    with ApiServer(tmp_path / "api", has_streaming_lists=False) as api:
        api.apply_many([service(f"s{i}.shop", f"10.98.{i // 250}.{i % 250 + 1}") for i in range(1200)])
        api.fault(Expire(api), "services", "list")
        with probed(tmp_path / "server", api) as server:
            assert answer(server, "s1199.shop.svc") == "NOERROR 10.98.4.200"
            statuses = [request.status for request in api.requested("services", "list")]
            assert 410 in statuses and statuses[-1] == 200
            Marker(api).arrives(server)


class Expire(apifaults.Fault):
    """The pages behind the first are of a version that is gone."""

    def __init__(self, api):
        super().__init__()
        self.api = api

    def answer(self, exchange):
        if "continue" in exchange.request.query:
            self.api.apply(namespace(f"n{self.api.store.version}"))
            self.api.compact()
        return False


# ---- from the start

STARTS = {
    "401": lambda: apifaults.Status(401), "403": lambda: apifaults.Status(403), "500": lambda: apifaults.Status(500),
    "503": lambda: apifaults.Status(503), "close": apifaults.Close, "ended at once": apifaults.Body,
    "garbage": lambda: apifaults.Body(b"garbage\n"), "cut": lambda: apifaults.Cut(octets=100), "cut later": lambda: apifaults.Cut(lines=1),
    "empty": lambda: apifaults.Body(b"\n"),
}


@pytest.mark.parametrize("resource", [*RESOURCES, "discovery"])
def test_one_resource_is_late(tmp_path, authority, resource):
    """Whatever is wrong with it: until it is whole, every name of the cluster has SERVFAIL and no false "no such name"."""
    names = STABLE_NAMES + [("nothing.shop.svc", "A"), ("4.3.2.1.in-addr.arpa.", "PTR")]

    named = "endpointslices" if resource == "discovery" else resource

    def run(name):
        folder = tmp_path / name.replace(" ", "-")
        with ApiServer(folder / "api", authority=authority) as api:
            api.apply_many(STABLE)
            fault = api.fault(STARTS[name](), *([None, "discover"] if resource == "discovery" else [resource]))
            with watching(folder / "server", api, is_ready=False) as server:
                wait_for("it is met twice", lambda: fault.hits >= 2, CONVERGENCE_S)
                wait_for("it is told", lambda: f"kubernetes: {named}: " in server.http("ready")[1], CONVERGENCE_S)
                assert [answer(server, *question) for question in names] == ["SERVFAIL/14"] * len(names), name
                fault.clear()
                becomes(server, "stable.shop.svc", "NOERROR 10.96.0.1")
                server.wait_ready()
                with Prober(server):
                    becomes(server, "nothing.shop.svc", "NXDOMAIN")

    # Who may not look at the groups takes what every server has.
    at_once(run, [name for name in STARTS if (resource, name) != ("discovery", "403")])


def test_ready_is_no_half_list(tmp_path, authority):
    """The last resource comes while another is listed again, slowly: ready is told when the names are there."""
    with ApiServer(tmp_path / "api", authority=authority) as api:
        api.apply_many(STABLE)
        late = api.fault(apifaults.Status(500), "namespaces")
        with watching(tmp_path / "server", api, is_ready=False) as server:
            wait_for("the services", lambda: server.metric("kaname_kubernetes_watch_synced", resource="services") == 1)
            api.stop()
            api.apply(service("new.shop", "10.96.0.9"))
            api.compact()
            slow = api.fault(apifaults.Drip(40, 0.08), "services", "stream")
            api.start()
            wait_for("a list again", lambda: slow.hits > 0 and server.metric("kaname_kubernetes_watch_events_total", resource="services") > 4)
            late.clear()
            server.wait_ready()
            assert answer(server, "stable.shop.svc") == "NOERROR 10.96.0.1"
            assert answer(server, "new.shop.svc") == "NOERROR 10.96.0.9"


# ---- what is noticed by a deadline only: at once in one test, since each takes its time

SLOW = {
    "no end of the streaming list": lambda api: setattr(api, "ignores_streaming_lists", True),
    "half-open after the head": lambda api: api.fault(apifaults.HalfOpen(after_head=True), verb="stream", times=1),
    "half-open list": lambda api: api.fault(apifaults.HalfOpen(), verb="stream", times=1),
    "half-open in mid-list": lambda api: api.fault(apifaults.Cut(lines=1, octets=50, then="silent"), verb="stream", times=2),
    "half-open in mid-page": lambda api: (setattr(api, "has_streaming_lists", False),
                                          api.fault(apifaults.Cut(octets=300, then="silent"), verb="list", times=2)),
    "no TLS": lambda api: setattr(api, "accepting", "silent"),
}


def test_deadlines(tmp_path, authority):
    """A start that hangs in every way: it is noticed, and tried again or in another way."""
    def run(name):
        folder = tmp_path / name.replace(" ", "-")
        with ApiServer(folder / "api", authority=authority) as api:
            api.apply_many(STABLE)
            SLOW[name](api)
            if api.accepting != "normal":
                threading.Timer(1, lambda: setattr(api, "accepting", "normal")).start()
            with watching(folder / "server", api, is_ready=False) as server:
                wait_for("it is asked", lambda: server.http("ready")[0] == 503)
                assert answer(server, "stable.shop.svc") == "SERVFAIL/14"
                wait_for("/ready", lambda: server.http("ready")[0] == 200, 60)
                with Prober(server):
                    Marker(api).arrives(server)
                if name in ("half-open list", "no TLS"):
                    assert server.metric("coredns_kubernetes_rest_client_requests_total", code="<error>", method="GET") >= 1, name

    at_once(run, SLOW, len(SLOW))

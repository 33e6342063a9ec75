#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fake Kubernetes API server: lists, watches and streaming lists of services, endpointslices, endpoints, namespaces and pods as
kube-apiserver gives them, over TLS with a token, misbehaving on command. In a test:

    with ApiServer(tmp_path) as api:                        # in threads of its own, on a free port of 127.0.0.1
        api.apply(cluster.service("web.shop", "10.96.0.5"))
        ... api.url, api.ca, api.kubeconfig(), api.client_certificate() are what a client needs ...
        api.delete("Service", "shop", "web"); api.compact(); api.drop_connections(); api.stop(); api.start()
        with api.fault(Status(429, retry_after=1), "services", "list", times=2):
            ...
        assert api.requested("services", "follow")[-1].query["resourceVersion"] == "1007"

or as a process, which tells where it is by a line of JSON on its output, and obeys lines of JSON on its input (see Commands):

    python3 apiserver.py --objects objects.json --port 0    # ends with its input

apistore.py keeps the objects, apianswers.py answers, apifaults.py spoils the answers, apihttp.py carries them, apitls.py certifies.
HTTP/1.1 only, and GET only: what is written is written by the test.
"""
import argparse
import base64
import contextlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from apianswers import Answers
from apihttp import Connection, Exchange, Listener
from apistore import PLURALS, Store
from apitls import Authority

USER = "system:serviceaccount:kube-system:coredns"
TOKEN = "first-token"


class ApiServer:
    """What may be changed while it runs:

    tokens                   {token: user} that are taken; None: nobody needs any
    forbidden                {(verb, resource)}, of RBAC's verbs: 403
    slice_versions           of discovery.k8s.io: ("v1",), ("v1", "v1beta1"), ("v1beta1",), () for no such group
    has_streaming_lists      False: sendInitialEvents is refused by 422
    ignores_streaming_lists  True: as servers that do not know the parameter; there is no bookmark at the end of the initial events
    bookmark_interval        seconds; one more comes 2 s before the end that timeoutSeconds sets
    has_progress             bookmarks tell the version of the last write of any resource, not of this one (and none before one)
    expired_as               how a watch from a compacted version ends: "event" in a 200, "event, open" (as without watch cache: the
                             stream stays open), "status" 410
    too_large_wait_s         how long a list waits for a version that is not there yet
    second                   of timeoutSeconds, in seconds
    has_gzip                 False: lists are never compressed
    pace                     Pace(octets per second) of all bodies together; None: as fast as it can
    on_sent                  called with a watch and the Changes that it has just sent, connection.sent_ns being the time; None: nobody
    accepting                what becomes of new connections: "normal", "silent" (accepted, no TLS, no answer), "close", "refuse" (a TLS
                             alert)
    """

    def __init__(self, folder, address="127.0.0.1", port=0, is_tls=True, name="kubernetes.default.svc", authority=None, **settings):
        """authority: another server's, instead of one of its own."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address, self.port, self.is_tls, self.name = address, port, is_tls, name
        self.store = Store(**{key: settings.pop(key) for key in ("version", "history", "seed") if key in settings})
        self.tokens = {TOKEN: USER}
        self.forbidden = set()
        self.slice_versions = ("v1",)
        self.has_streaming_lists, self.ignores_streaming_lists = True, False
        self.bookmark_interval = 60.0
        self.has_progress = True
        self.expired_as = "event"
        self.too_large_wait_s = 3.0
        self.second = 1.0
        self.has_gzip = True
        self.pace = self.on_sent = None
        self.accepting = "normal"
        for key, value in settings.items():
            assert hasattr(self, key), f"no such setting: {key}"
            setattr(self, key, value)
        self.answers = Answers(self)
        self.lock = threading.Lock()
        self.faults, self.requests, self.watches = [], [], []
        self.connections, self.n_connections = set(), 0
        self.listener = self.context = self.authority = None
        self.n_authorities = 0
        if is_tls:
            self.rotate_authority(authority)

    # ---- running

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, is_new_process=False):
        """On the port of the first start. is_new_process: as kube-apiserver, it knows no change from before its own start."""
        assert self.listener is None
        if is_new_process:
            self.store.compact()
            for resource in self.store.resources.values():
                resource.last_version = None
        self.listener = Listener(self, self.address, self.port)
        self.port = self.listener.port
        self.listener.start()

    def stop(self, reset=False):
        """Every connection ends, and none is accepted."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        self.drop_connections(reset)

    def drop_connections(self, reset=False):
        for connection in self.live():
            connection.close(reset)
        for connection in self.live():
            if connection is not threading.current_thread():
                connection.join(5)

    def freeze(self):
        """The connections that there are fall silent: no octet, no FIN. New ones are as `accepting` says."""
        for connection in self.live():
            connection.is_frozen = True

    def thaw(self):
        for connection in self.live():
            connection.is_frozen = False

    def live(self):
        with self.lock:
            return list(self.connections)

    # ---- who is who

    @property
    def url(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}"

    def rotate_authority(self, authority=None):
        """New certificates, of another authority. Connections that there are stay."""
        self.n_authorities += 1
        authority = authority or Authority(self.folder / f"tls{self.n_authorities}")
        self.context = authority.context(*authority.server(self.address, self.name), asks_client=True)
        self.authority = authority

    @property
    def ca(self):
        return self.authority.ca

    def client_certificate(self, user="admin"):
        """(certificate, key): paths."""
        return self.authority.client(user)

    def kubeconfig(self, token=TOKEN, path=None, cluster=None, **user):
        """Writes one; its path. cluster: what it has besides or instead (None: not at all); user: instead of the token."""
        data = base64.b64encode(self.ca.read_bytes()).decode() if self.is_tls else None
        where = {"server": self.url, "certificate-authority-data": data, **(cluster or {})}
        where = {key: value for key, value in where.items() if value is not None}
        path = Path(path or self.folder / "kubeconfig")
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": where}],
            "users": [{"name": "fake", "user": user or ({"token": token} if token else {})}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }, indent=1))
        return path

    def user_of(self, request):
        """None: unknown."""
        if request.peer:
            return request.peer
        if self.tokens is None:
            return "system:anonymous"
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.tokens.get(token) if scheme == "Bearer" else None

    def is_forbidden(self, request):
        verb = "watch" if request.verb in ("stream", "follow") else request.verb
        return (verb, request.resource) in self.forbidden

    def versions_of(self, kind):
        return self.slice_versions if kind.plural == "endpointslices" else kind.versions

    # ---- writing

    def apply(self, value):
        """Creates or replaces an object; one that changes nothing is no write. The version after it."""
        return self.store.apply_many([value])

    def apply_many(self, values):
        return self.store.apply_many(values)

    def delete(self, kind, namespace, name):
        return self.store.delete(kind, namespace, name)

    def replace_all(self, values, version, drops=True):
        """As an etcd that was wiped and filled anew: other uids, no history, a version that may be lower."""
        self.store.replace_all(values, version)
        if drops:
            self.drop_connections()

    def backup(self):
        """For restore()."""
        return self.store.backup()

    def restore(self, backup, drops=True):
        """As an etcd from its backup: what was written since is gone, and so are its versions."""
        self.store.restore(backup)
        if drops:
            self.drop_connections()

    def load(self, values):
        self.store.load(values)

    def compact(self):
        self.store.compact()

    def set_bookmark_interval(self, seconds):
        self.bookmark_interval = seconds

    def hold(self, resource):
        """Its watchers are told nothing until release()."""
        self.store.resources[resource].is_held = True

    def release(self, resource):
        held = self.store.resources[resource]
        with held.changed:
            held.is_held = False
            held.changed.notify_all()

    def objects(self, kind):
        """What there is, in full."""
        resource = self.store.resources[PLURALS[kind]]
        with self.store.lock:
            stored = list(resource.objects.values())
        api_version = resource.kind.api_version(resource.kind.versions[0])
        return [{"kind": kind, "apiVersion": api_version, **one.object()} for one in stored]

    # ---- faults and what was asked

    def fault(self, fault, resource=None, verb=None, times=None):
        """Puts it in force for a resource (None: all) and verb ("list", "watch", and of these "stream" or "follow", "get", "discover";
        None: all), for so many requests or until it is cleared. Also a context manager, which clears it."""
        fault.server, fault.resource, fault.verb, fault.times = self, resource, verb, times
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear(self, *faults):
        """These, or all."""
        with self.lock:
            self.faults = [fault for fault in self.faults if faults and fault not in faults]

    def requested(self, resource=None, verb=None):
        """The requests so far, as they came."""
        with self.lock:
            return [request for request in self.requests
                    if resource in (None, request.resource) and verb in (None, request.verb)]

    def watchers(self, resource=None):
        """How many watches there are at present."""
        with self.lock:
            return sum(resource in (None, watch.request.resource) for watch in self.watches)

    # ---- for the other modules

    def watching(self, watch, n):
        with self.lock:
            if n > 0:
                self.watches.append(watch)
            else:
                self.watches.remove(watch)

    def admit(self, sock):
        with self.lock:
            self.n_connections += 1
            connection = Connection(self, sock, self.n_connections)
            self.connections.add(connection)
            connection.start()  # within the lock: who takes it from the list may join it

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def serve(self, connection, request):
        self.answers.route(request)
        with self.lock:
            self.requests.append(request)
            faults = [fault.take() for fault in self.faults if fault.matches(request)]
        exchange = Exchange(self, connection, request, faults)
        for fault in faults:
            if fault.answer(exchange):
                return
        if self.user_of(request) is None:
            exchange.fail(401)
            return
        self.answers.answer(exchange)


# ---- as a process


class Commands:
    """{"call": name, "args": [...]} on a line; the answer is {"result": ...} or {"error": ...}. The names: apply, apply_many, delete,
    replace_all, compact, set_bookmark_interval, drop_connections, watchers."""

    NAMES = ("apply", "apply_many", "delete", "replace_all", "compact", "set_bookmark_interval", "drop_connections", "watchers")

    def __init__(self, api):
        self.api = api

    def obey(self, line):
        try:
            command = json.loads(line)
            if command["call"] not in self.NAMES:
                return {"error": f"no such command: {command['call']}"}
            return {"result": getattr(self.api, command["call"])(*command.get("args", [])), "time": time.monotonic()}
        except (ValueError, KeyError, TypeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}


def objects_of(path):
    with open(path, "rb") as file:
        value = json.load(file)
    return value["items"] if value.get("kind", "").endswith("List") else [value]


def main():
    parser = argparse.ArgumentParser(description="A fake Kubernetes API server.")
    parser.add_argument("--objects", action="append", default=[], help="a List as kubectl prints it")
    parser.add_argument("--folder", help="for certificates and the kubeconfig; default: a temporary one")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--plain", action="store_true", help="HTTP")
    parser.add_argument("--no-streaming-lists", action="store_true")
    parser.add_argument("--version", type=int, default=1000, help="the first resourceVersion")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="apiserver"))
        api = ApiServer(folder, options.address, options.port, not options.plain, version=options.version, tokens={options.token: USER},
                        has_streaming_lists=not options.no_streaming_lists)
        for path in options.objects:
            api.load([value for value in objects_of(path) if value.get("kind") in PLURALS])
        stack.enter_context(api)
        print(json.dumps({"url": api.url, "ca": str(api.ca) if api.is_tls else None, "token": options.token,
                          "kubeconfig": str(api.kubeconfig(options.token))}), flush=True)
        for line in sys.stdin:
            print(json.dumps(Commands(api).obey(line)), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

# SPDX-License-Identifier: Apache-2.0
"""What the fake API server keeps: the objects of each resource, one resourceVersion for all writes, and a history of events.

An object is encoded once, when it is written; a list is a join of bytes and so is a watch. Everything is under one lock; the
condition of a resource tells its watchers that there is more.
"""
import bisect
import json
import random
import threading
import time
import uuid


class Kind:
    """A resource: what it is called, and where it is served."""

    def __init__(self, plural, kind, group="", versions=("v1",), is_namespaced=True, empty=None):
        self.plural, self.kind, self.group, self.versions = plural, kind, group, versions
        self.is_namespaced = is_namespaced
        self.empty = empty or {}  # what a bookmark's object has besides its metadata

    def api_version(self, version):
        return f"{self.group}/{version}" if self.group else version

    def prefix(self, version):
        return f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"

    @property
    def qualified(self):
        """As messages and details name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


KINDS = {kind.plural: kind for kind in (
    Kind("services", "Service", empty={"spec": {}, "status": {"loadBalancer": {}}}),
    Kind("endpoints", "Endpoints"),
    Kind("namespaces", "Namespace", is_namespaced=False, empty={"spec": {}, "status": {}}),
    Kind("pods", "Pod", empty={"spec": {"containers": None}, "status": {}}),
    Kind("endpointslices", "EndpointSlice", "discovery.k8s.io", ("v1", "v1beta1"),
         empty={"addressType": "", "endpoints": None, "ports": None}),
)}
PLURALS = {kind.kind: kind.plural for kind in KINDS.values()}


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def text_of(version):
    return str(version).encode()


class Stored:
    """An object as it was at one version; never changed."""

    __slots__ = ("key", "name", "namespace", "labels", "uid", "version", "head", "tail", "_beta")

    def __init__(self, meta, rest):
        first = {key: meta[key] for key in ("name", "generateName", "namespace", "uid") if key in meta}
        more = {key: value for key, value in meta.items() if key not in first and key != "resourceVersion"}
        self.name, self.namespace = meta["name"], meta.get("namespace", "")
        self.key = f"{self.namespace}/{self.name}" if self.namespace else self.name
        self.labels = meta.get("labels") or {}
        self.uid = meta["uid"]
        self.version = int(meta["resourceVersion"])
        self.head = b'{"metadata":' + dump(first)[:-1] + b',"resourceVersion":"'
        self.tail = b'"' + (b"," + dump(more)[1:-1] if more else b"") + b"}" + (b"," + dump(rest)[1:] if rest else b"}")
        self._beta = None

    def item(self, version=None):
        """As in a list: without kind and apiVersion. version: another than its own, for its deletion."""
        return self.head + text_of(version or self.version) + self.tail

    def object(self):
        return json.loads(self.item())

    def served(self, api_version):
        """Itself, or as the older API has it."""
        if not api_version.endswith("/v1beta1"):
            return self
        if self._beta is None:
            value = self.object()
            for endpoint in value.get("endpoints") or []:
                zone, node = endpoint.pop("zone", None), endpoint.get("nodeName")
                topology = {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": node}
                endpoint["topology"] = {key: value for key, value in topology.items() if value}
            self._beta = Stored(value.pop("metadata"), value)
        return self._beta


class Change:
    """A write: old is None for a creation, new for a deletion."""

    __slots__ = ("version", "old", "new", "lines")

    def __init__(self, version, old, new):
        self.version, self.old, self.new = version, old, new
        self.lines = {}

    def type_for(self, selector):
        """What a watcher with this selector is told; None: nothing."""
        was = self.old is not None and selector.matches(self.old)
        now = self.new is not None and selector.matches(self.new)
        if now:
            return "MODIFIED" if was else "ADDED"
        return "DELETED" if was else None

    def line(self, kind, api_version, selector):
        """The event, encoded once for all watchers; None: it does not concern this one."""
        kind_of_event = self.type_for(selector)
        if kind_of_event is None:
            return None
        line = self.lines.get((kind_of_event, api_version))
        if line is None:
            stored = self.old if kind_of_event == "DELETED" else self.new
            line = event_line(kind_of_event, kind, api_version, stored, self.version)
            self.lines[kind_of_event, api_version] = line
        return line


def event_line(kind_of_event, kind, api_version, stored, version=None):
    return (b'{"type":"%s","object":{"kind":"%s","apiVersion":"%s",' %
            (kind_of_event.encode(), kind.kind.encode(), api_version.encode()) +
            stored.served(api_version).item(version)[1:] + b"}\n")


def bookmark_line(kind, api_version, version, is_initial_end=False):
    meta = {"resourceVersion": str(version), "creationTimestamp": None}
    if is_initial_end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    return dump({"type": "BOOKMARK", "object": {"kind": kind.kind, "apiVersion": api_version, "metadata": meta, **kind.empty}}) + b"\n"


class Expired(Exception):
    """The version is compacted."""


class Resource:
    """The objects of one kind and the changes that led to them."""

    def __init__(self, kind, first_version, lock):
        self.kind = kind
        self.changed = threading.Condition(lock)
        self.is_held = False  # its watchers are told nothing for the time being
        self.n_dropped = 0  # changes before the first of `changes`
        self.reset(first_version)

    def reset(self, version):
        """Empty."""
        self.objects = {}
        self.changes = []  # since `compacted`
        self.versions = []  # of each of them
        self.compacted = version  # the newest version whose successors are not all known
        self.last_version = None  # of a change that this API server has seen
        self._sorted = (None, [])
        self._initial = {}

    def at(self, version, now):
        """[Stored] in the order of their keys, as it was."""
        if version < self.compacted:
            raise Expired
        if self._sorted[0] != version:
            self._sorted = (version, [obj for _, obj in sorted(self._state_at(version, now).items())])
        return self._sorted[1]

    def _state_at(self, version, now):
        if version >= now:
            return self.objects
        state = dict(self.objects)
        for change in reversed(self.changes[bisect.bisect_right(self.versions, version):]):
            if change.old is None:
                state.pop(change.new.key, None)
            else:
                state[change.old.key] = change.old
        return state

    def position(self, version):
        """Where a watcher that has seen this version begins."""
        if version < self.compacted:
            raise Expired
        return self.n_dropped + bisect.bisect_right(self.versions, version)

    def since(self, position):
        """The changes from there on."""
        if position < self.n_dropped:
            raise Expired
        return self.changes[position - self.n_dropped:]

    def initial(self, version, now, api_version):
        """ADDED of everything, as large pieces; kept for the next who asks at this version."""
        cached = self._initial.get(api_version)
        if cached is None or cached[0] != version:
            lines = [event_line("ADDED", self.kind, api_version, obj) for obj in self.at(version, now)]
            cached = (version, lines)
            self._initial = {**self._initial, api_version: cached}
        return cached[1]

    def add(self, change):
        self.changes.append(change)
        self.versions.append(change.version)
        self.last_version = change.version
        self._sorted = (None, [])
        self._initial = {}

    def forget(self, n):
        """The first n changes."""
        if n > 0:
            self.compacted = max(self.compacted, self.versions[n - 1])
            del self.changes[:n], self.versions[:n]
            self.n_dropped += n


MANAGED = {"apiVersion": "v1", "fieldsType": "FieldsV1",
           "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:ports": {}, "f:type": {}}}}


class Store:
    """An etcd and its watch cache."""

    def __init__(self, version=1000, history=20_000, seed=1):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.random = random.Random(seed)
        self.history = history  # changes that are kept of each resource
        self.version = version
        self.compacted_version = version  # by compact()
        self.has_managed_fields = True
        self.touched = set()  # resources whose watchers are not yet told
        self.epoch = 0  # another etcd: raised by replace_all
        self.resources = {name: Resource(kind, version, self.lock) for name, kind in KINDS.items()}

    def new_uid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _build(self, value, old, version, keeps_uid):
        """A Stored of an object as a test writes it."""
        meta, rest = dict(value["metadata"]), {key: value[key] for key in value if key not in ("kind", "apiVersion", "metadata")}
        if old is not None:
            meta["uid"] = old.uid
        elif not keeps_uid or not meta.get("uid"):
            meta["uid"] = self.new_uid()
        created = meta.get("creationTimestamp") or "2026-03-01T08:00:00Z"
        meta.update(resourceVersion=version, creationTimestamp=created)
        if self.has_managed_fields:
            meta.setdefault("managedFields", [{"manager": "kube-controller-manager", "operation": "Update", "time": created, **MANAGED}])
        return Stored(meta, rest)

    def _apply(self, value, keeps_uid):
        resource = self.resources[PLURALS[value["kind"]]]
        meta = value["metadata"]
        old = resource.objects.get(f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else meta["name"])
        new = self._build(value, old, self.version + 1, keeps_uid)
        if old is not None and old.tail == new.tail:
            return old  # as the real server: no write, no event
        self.version += 1
        resource.objects[new.key] = new
        self._add(resource, Change(self.version, old, new))
        return new

    def _add(self, resource, change):
        resource.add(change)
        self.touched.add(resource)
        if len(resource.changes) > 2 * self.history:
            resource.forget(self.history)

    def tell(self):
        """Wakes the watchers of what has changed."""
        self.changed.notify_all()
        for resource in self.touched:
            resource.changed.notify_all()
        self.touched.clear()

    def apply_many(self, values, keeps_uid=False):
        with self.changed:
            for value in values:
                self._apply(value, keeps_uid)
            self.tell()
            return self.version

    def delete(self, kind, namespace, name):
        with self.changed:
            resource = self.resources[PLURALS.get(kind, kind)]
            old = resource.objects.pop(f"{namespace}/{name}" if namespace else name)
            self.version += 1
            self._add(resource, Change(self.version, old, None))
            self.tell()
            return self.version

    def replace_all(self, values, version):
        """Another etcd: other uids, no history."""
        with self.changed:
            self.version = version
            self.epoch += 1
            for resource in self.resources.values():
                resource.reset(version)
            for value in values:
                self._apply(value, False)
            self.compact()

    def backup(self):
        with self.lock:
            return self.version, {name: dict(resource.objects) for name, resource in self.resources.items()}

    def restore(self, backup):
        """The objects of then, with their uids, and the version."""
        version, objects = backup
        with self.changed:
            self.version = version
            self.epoch += 1
            for name, resource in self.resources.items():
                resource.reset(version)
                resource.objects = dict(objects[name])

    def compact(self):
        """Every version before the present one is gone; the present one can be watched from."""
        with self.changed:
            for resource in self.resources.values():
                resource.forget(len(resource.changes))
                resource.compacted = self.version
            self.compacted_version = self.version

    def load(self, values):
        """What a benchmark serves: uids stay, no history."""
        with self.changed:
            has_managed_fields, self.has_managed_fields = self.has_managed_fields, False
            self.apply_many(values, keeps_uid=True)
            self.has_managed_fields = has_managed_fields
            self.compact()
            for resource in self.resources.values():
                if resource.objects:
                    resource.initial(self.version, self.version, resource.kind.api_version(resource.kind.versions[0]))

    def wait_for_version(self, version, seconds):
        """Was it reached in time?"""
        end = time.monotonic() + seconds
        with self.changed:
            while self.version < version:
                left = end - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    return self.version >= version
            return True

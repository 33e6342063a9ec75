# SPDX-License-Identifier: Apache-2.0
"""What the fake API server answers: discovery, objects, lists, watches, and errors in kube-apiserver's words."""
import base64
import bisect
import gzip
import json
import time

from apiselect import BadSelector, Selector
from apistore import KINDS, Expired, bookmark_line, dump, event_line

GZIP_FROM = 128 * 1024
TIMEOUT_S = 1800
POLL_S = 0.1  # how soon a watch notices that its client has gone
INCONSISTENT = ("The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
                "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with "
                "the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the "
                "first chunk was returned and now may show up in the list.")
FORBIDDEN_FIELDS = {
    "NotOlderThan": ("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    "gate": ("sendInitialEvents", "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"),
    "bookmarks": ("allowWatchBookmarks", "sendInitialEvents requires setting allowWatchBookmarks to true"),
    "watch": ("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
    "list": ("sendInitialEvents", "sendInitialEvents is forbidden for list"),
    "version": ("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    "continue": ("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"),
}
DEFAULTS = {  # reason and message of a code
    401: ("Unauthorized", "Unauthorized"),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    410: ("Expired", "The resourceVersion for the provided list is too old."),
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: etcdserver: request timed out"),
    503: ("ServiceUnavailable", "apiserver is shutting down"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}


def status(code, message=None, reason=None, details=None, meta=None):
    default = DEFAULTS.get(code, (None, None))
    body = {"kind": "Status", "apiVersion": "v1", "metadata": meta or {}, "status": "Failure", "message": message or default[1],
            "reason": reason or default[0], "details": details, "code": code}
    return {key: value for key, value in body.items() if value is not None}


class Refusal(Exception):
    """A request that ends with a Status."""

    def __init__(self, code, message=None, reason=None, details=None, meta=None, retry_after=None):
        super().__init__(message)
        self.code, self.retry_after = code, retry_after
        self.status = status(code, message, reason, details, meta)


def invalid(*names):
    causes = [{"reason": "FieldValueForbidden", "message": f"Forbidden: {FORBIDDEN_FIELDS[name][1]}", "field": FORBIDDEN_FIELDS[name][0]}
              for name in names]
    texts = [f"{cause['field']}: {cause['message']}" for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return Refusal(422, f'ListOptions.meta.k8s.io "" is invalid: {text}', "Invalid",
                   {"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes})


def is_true(query, name):
    return query.get(name, "") in ("1", "true", "t", "T", "True", "TRUE")


def version_of(query):
    text = query.get("resourceVersion") or "0"
    if not text.isascii() or not text.isdigit():
        raise Refusal(400, f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax', "BadRequest")
    return int(text)


def number_of(query, name):
    text = query.get(name) or "0"
    if not text.isascii() or not text.isdigit():
        raise Refusal(400, f'strconv.ParseInt: parsing "{text}": invalid syntax', "BadRequest")
    return int(text)


def token_of(version, key):
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": f"{key}\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(token):
    """(version, the last key that was given)"""
    try:
        value = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(value["rv"]), value["start"].rstrip("\0")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(400, f"continue key is not valid: {error}", "BadRequest") from None


class Answers:
    def __init__(self, server):
        self.server, self.store = server, server.store

    # ---- failing

    def fail(self, exchange, code, message=None, reason=None, retry_after=None, body=None):
        """For faults: 403 in the words that fit the request."""
        details = {}
        if code == 403 and message is None:
            refusal = self.forbidden(exchange.request)
            message, reason, details = refusal.status["message"], "Forbidden", refusal.status["details"]
        if retry_after is not None:
            details = {**details, "retryAfterSeconds": retry_after}
        self.put_status(exchange, code, status(code, message, reason, details or None), retry_after, body)

    @staticmethod
    def put_status(exchange, code, value, retry_after=None, body=None):
        headers = {} if retry_after is None else {"retry_after": retry_after}
        exchange.whole(code, dump(value) + b"\n" if body is None else body, **headers)

    def forbidden(self, request):
        kind = KINDS[request.resource]
        user = self.server.user_of(request)
        scope = f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
        verb = "watch" if request.verb in ("stream", "follow") else request.verb
        details = {"group": kind.group, "kind": kind.plural} if kind.group else {"kind": kind.plural}
        return Refusal(403, f'{kind.qualified} is forbidden: User "{user}" cannot {verb} resource "{kind.plural}" '
                            f'in API group "{kind.group}" {scope}', "Forbidden", details)

    # ---- routing

    def route(self, request):
        """Fills in what is asked for, where it is a resource."""
        parts = request.path.strip("/").split("/")
        base = 2 if parts[0] == "api" else 3 if parts[0] == "apis" else len(parts)
        group = parts[1] if base == 3 and len(parts) > 1 else ""
        version, rest = parts[base - 1:base], parts[base:]
        if len(rest) >= 3 and rest[0] == "namespaces":
            request.namespace, rest = rest[1], rest[2:]
        kind = KINDS.get(rest[0]) if rest else None
        if not kind or len(rest) > 2 or kind.group != group or version[0] not in self.server.versions_of(kind):
            return
        request.resource, request.api_version = kind.plural, kind.api_version(version[0])
        request.name = rest[1] if len(rest) == 2 else None
        request.verb = "get" if request.name else "list"
        if not request.name and is_true(request.query, "watch"):
            request.verb = "stream" if is_true(request.query, "sendInitialEvents") else "follow"

    def answer(self, exchange):
        request = exchange.request
        try:
            if request.method != "GET":
                raise Refusal(405)
            if request.resource is None:
                self.discover(exchange)
            elif self.server.is_forbidden(request):
                raise self.forbidden(request)
            elif request.verb == "get":
                self.get(exchange)
            elif request.verb == "list":
                self.list(exchange)
            else:
                Watch(self.server, exchange).run()
        except BadSelector as error:
            self.put_status(exchange, 400, status(400, f"{error}", "BadRequest"))
        except Refusal as refusal:
            self.put_status(exchange, refusal.code, refusal.status, refusal.retry_after)

    def discover(self, exchange):
        path = exchange.request.path.rstrip("/") or "/"
        if path in ("/healthz", "/readyz", "/livez"):
            exchange.whole(200, b"ok", "text/plain; charset=utf-8")
            return
        document = self.documents().get(path)
        is_known_group = path.startswith("/apis/discovery.k8s.io") and self.server.slice_versions
        if document is not None:
            exchange.whole(200, dump(document) + b"\n")
        elif path.startswith("/api/v1/") or is_known_group:
            raise Refusal(404, details={})
        else:
            exchange.whole(404, b"404 page not found\n", "text/plain; charset=utf-8")

    def documents(self):
        documents = {
            "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.1", "platform": "linux/amd64"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/api/v1": self.resource_list("v1", ""),
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        }
        versions = [{"groupVersion": f"discovery.k8s.io/{version}", "version": version} for version in self.server.slice_versions]
        if not versions:
            return documents
        group = {"name": "discovery.k8s.io", "versions": versions, "preferredVersion": versions[0]}
        documents["/apis"]["groups"].append(group)
        documents["/apis/discovery.k8s.io"] = {"kind": "APIGroup", "apiVersion": "v1", **group}
        for version in versions:
            documents[f"/apis/{version['groupVersion']}"] = self.resource_list(version["groupVersion"], "discovery.k8s.io")
        return documents

    @staticmethod
    def resource_list(group_version, group):
        resources = [{"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.is_namespaced, "kind": kind.kind,
                      "verbs": ["get", "list", "watch"]} for kind in KINDS.values() if kind.group == group]
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}

    def get(self, exchange):
        request = exchange.request
        kind = KINDS[request.resource]
        stored = self.store.resources[kind.plural].objects.get(f"{request.namespace}/{request.name}" if request.namespace else request.name)
        if stored is None:
            raise Refusal(404, f'{kind.qualified} "{request.name}" not found', "NotFound",
                          {"name": request.name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural})
        exchange.whole(200, b'{"kind":"%s","apiVersion":"%s",' % (kind.kind.encode(), request.api_version.encode()) +
                       stored.served(request.api_version).item()[1:] + b"\n")

    # ---- lists

    def list(self, exchange):
        request = exchange.request
        query = request.query
        selector = Selector(query.get("labelSelector", ""), query.get("fieldSelector", ""), request.namespace)
        check_list(query)
        page = self.page(request, selector)
        items = b",".join([stored.served(request.api_version).item() for stored in page["items"]])
        kind = KINDS[request.resource].kind
        body = b'{"kind":"%sList","apiVersion":"%s","metadata":%s,"items":[%s]}\n' % (
            kind.encode(), request.api_version.encode(), dump(page["meta"]), items)
        headers = {}
        if len(body) > GZIP_FROM and self.server.has_gzip and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            headers = {"content_encoding": "gzip", "vary": "Accept-Encoding"}
        exchange.begin(**headers)
        exchange.send(body)
        exchange.end()

    def page(self, request, selector):
        """{"items": [Stored], "meta": {...}}"""
        query = request.query
        limit = number_of(query, "limit")
        if query.get("continue"):
            version, last = read_token(query["continue"])
            return self.cut(request, selector, version, last, limit)
        version, match = version_of(query), query.get("resourceVersionMatch")
        if version == 0:
            limit = 0 if query.get("resourceVersion") == "0" else limit
        elif match == "Exact" or not match and limit:
            if version > self.store.version:
                raise Refusal(500, "etcdserver: mvcc: required revision is a future revision")
            return self.cut(request, selector, version, None, limit)
        else:
            self.await_version(version, limit)
        with self.store.lock:
            return self.cut(request, selector, self.store.version, None, limit)

    def await_version(self, version, limit):
        """Pages come from etcd, which knows at once; the watch cache waits whether the version comes."""
        if self.store.wait_for_version(version, 0 if limit else self.server.too_large_wait_s):
            return
        details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]}
        if not limit:
            details["retryAfterSeconds"] = 1
        raise Refusal(504, f"Timeout: Too large resource version: {version}, current: {self.store.version}", "Timeout", details,
                      retry_after=None if limit else 1)

    def cut(self, request, selector, version, last, limit):
        resource = self.store.resources[request.resource]
        with self.store.lock:
            at = self.store.version if version < 0 else version
            try:
                everything = resource.at(at, self.store.version)
            except Expired:
                if last is None:
                    raise Refusal(410, reason="Expired") from None
                raise Refusal(410, INCONSISTENT, "Expired", meta={"continue": token_of(-1, last)}) from None
        first = bisect.bisect_right(everything, last, key=lambda stored: stored.key) if last else 0
        # Beyond an inconsistent token a list goes on in its own version.
        items, n_left = [], 0
        meta = {"resourceVersion": str(at)}
        for i in range(first, len(everything)):
            if limit and len(items) == limit:
                n_left = len(everything) - i
                break
            if selector.matches(everything[i]):
                items.append(everything[i])
        if n_left:
            meta["continue"] = token_of(at, items[-1].key)
            if selector.is_all:
                meta["remainingItemCount"] = n_left
        return {"items": items, "meta": meta}


def check_list(query):
    if "sendInitialEvents" in query:
        raise invalid("list")
    match = query.get("resourceVersionMatch")
    if not match:
        return
    if not query.get("resourceVersion"):
        raise invalid("version")
    if query.get("continue"):
        raise invalid("continue")
    if match not in ("Exact", "NotOlderThan"):
        raise Refusal(422, f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "{match}": '
                           'supported values: "Exact", "NotOlderThan", ""', "Invalid")


class Watch:
    """A watch, from its request to its end."""

    def __init__(self, server, exchange):
        self.server, self.store, self.exchange = server, server.store, exchange
        self.request = request = exchange.request
        self.query = request.query
        self.kind = KINDS[request.resource]
        self.resource = self.store.resources[request.resource]
        self.selector = Selector(self.query.get("labelSelector", ""), self.query.get("fieldSelector", ""), request.namespace)
        self.has_bookmarks = is_true(self.query, "allowWatchBookmarks")
        self.is_streaming = request.verb == "stream" and not server.ignores_streaming_lists
        self.from_version = version_of(self.query)
        self.timeout_s = (number_of(self.query, "timeoutSeconds") or TIMEOUT_S) * server.second
        self.initial_version = None  # of the objects that are sent first
        self.position = None
        self.epoch = None

    def check(self):
        if self.server.ignores_streaming_lists:
            return
        match = self.query.get("resourceVersionMatch")
        faults = []
        if "sendInitialEvents" in self.query:
            faults += [] if match == "NotOlderThan" else ["NotOlderThan"]
            faults += [] if self.server.has_streaming_lists else ["gate"]
        elif match:
            faults.append("watch")
        if self.is_streaming and not self.has_bookmarks:
            faults.append("bookmarks")
        if faults:
            raise invalid(*faults)

    def run(self):
        self.check()
        if self.is_streaming and self.from_version:
            self.server.answers.await_version(self.from_version, 0)
        try:
            initial = self.start()
        except Expired:
            self.expire()
            return
        self.exchange.begin()
        self.server.watching(self, 1)
        try:
            self.send_initial(initial)
            self.follow()
        finally:
            self.server.watching(self, -1)

    def start(self):
        """The first events: a snapshot, or none."""
        with self.store.lock:
            self.epoch = self.store.epoch
            now = self.store.version
            if not self.is_streaming and self.from_version:
                self.position = self.resource.position(self.from_version)
                return []
            self.position = self.resource.n_dropped + len(self.resource.changes)
            self.initial_version = now
            if self.query.get("sendInitialEvents") == "false":
                return []
            if self.selector.is_all:
                return self.resource.initial(now, now, self.request.api_version)
            return [event_line("ADDED", self.kind, self.request.api_version, stored)
                    for stored in self.resource.at(now, now) if self.selector.matches(stored)]

    def send_initial(self, lines):
        for i in range(0, len(lines), 500):
            self.exchange.emit(lines[i:i + 500])
        if self.is_streaming:
            self.exchange.emit([bookmark_line(self.kind, self.request.api_version, self.initial_version, True)])

    def expire(self):
        message = f"too old resource version: {self.from_version} ({self.resource.compacted})"
        if self.server.expired_as == "status":
            raise Refusal(410, message, "Expired")
        self.exchange.begin()
        self.exchange.emit([dump({"type": "ERROR", "object": status(410, message, "Expired")}) + b"\n"])
        if self.server.expired_as == "event, open":
            self.exchange.connection.wait(self.timeout_s)
        self.exchange.end()

    # ---- following

    def follow(self):
        end = time.monotonic() + self.timeout_s
        last = end - 2 * self.server.second if self.timeout_s > 2 * self.server.second else None  # of the bookmarks
        previous = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= end:
                self.exchange.end()
                return
            due = previous + self.server.bookmark_interval
            is_due = self.has_bookmarks and (now >= due or last is not None and now >= last)
            taken = self.take(0 if is_due else min(POLL_S, end - now), is_due)
            if taken is None:
                self.exchange.end()
                return
            if is_due:
                previous, last = now, None if last is not None and now >= last else last
            changes, lines = taken
            if lines:
                self.exchange.emit(lines)
                if self.server.on_sent:
                    self.server.on_sent(self, changes)
            elif self.exchange.connection.is_closed or self.exchange.connection.is_gone():
                return

    def take(self, wait_s, wants_bookmark):
        """(changes, lines) of what is new, with a bookmark behind it; waits a while for something. None: the watch has fallen behind what is kept."""
        with self.resource.changed:
            if self.epoch != self.store.epoch:
                self.resource.changed.wait(wait_s)
                return [], []  # it watches what is no more
            try:
                changes = self.resource.since(self.position)
                if (not changes or self.resource.is_held) and wait_s > 0:
                    self.resource.changed.wait(wait_s)
                    changes = self.resource.since(self.position) if self.epoch == self.store.epoch else []
            except Expired:
                return None
            if self.resource.is_held:
                return [], []
            self.position += len(changes)
            bookmark_version = self.bookmark_version() if wants_bookmark else None
        # Of the future: nothing until that version is passed.
        lines = [change.line(self.kind, self.request.api_version, self.selector) for change in changes
                 if change.version > self.from_version]
        lines = [line for line in lines if line is not None]
        if bookmark_version is not None:
            lines.append(bookmark_line(self.kind, self.request.api_version, bookmark_version))
        return changes, lines

    def bookmark_version(self):
        version = self.store.version if self.server.has_progress else self.resource.last_version
        return version if version is not None and version >= self.from_version else None

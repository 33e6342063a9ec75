# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API: one connection, objects as the API prints them, an exception for what it refuses."""
import http.client
import json
import ssl

PLURALS = {"Endpoints": "endpoints"}
CLUSTER_WIDE = {"Namespace", "Node", "ClusterRole", "ClusterRoleBinding"}
SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink", "generation")


class Failure(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


def bare(item):
    """What a client says of an object: without its status and what the server fills in."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in SERVERS_OWN}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


class Api:
    """For one thread."""

    def __init__(self, url, ca, token):
        self.host, self.port = url.removeprefix("https://").rsplit(":", 1)
        self.tls = ssl.create_default_context(cafile=str(ca))
        self.token = token
        self.connection = None
        self.slice_version = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, method, path, body=None, content_type="application/json"):
        """The answer's JSON, or its text where it is none. Failure where the status is not 2xx, OSError where there is no answer."""
        text = None if body is None else json.dumps(body)
        try:
            status, answer = self.exchange(method, path, text, content_type)
        except http.client.HTTPException as error:
            self.close()
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        except OSError:
            self.close()
            raise
        if not 200 <= status < 300:
            raise Failure(status, f"{method} {path}: {answer[:1000]}")
        return json.loads(answer) if answer.startswith("{") else answer

    def exchange(self, method, path, text, content_type):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(self.host, int(self.port), context=self.tls, timeout=20)
        self.connection.request(method, path, text, {"Authorization": f"Bearer {self.token}", "Content-Type": content_type})
        with self.connection.getresponse() as response:
            return response.status, response.read().decode()

    # ---- objects

    def api_version(self, item):
        """EndpointSlices are v1 from Kubernetes 1.21 on."""
        if item["kind"] != "EndpointSlice":
            return item.get("apiVersion", "v1")
        if self.slice_version is None:
            group = self.call("GET", "/apis/discovery.k8s.io")
            self.slice_version = group["preferredVersion"]["groupVersion"]
        return self.slice_version

    def collection(self, item):
        version, kind = self.api_version(item), item["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        scope = "" if kind in CLUSTER_WIDE else f"/namespaces/{item['metadata']['namespace']}"
        return f"{root}{scope}/{PLURALS.get(kind, kind.lower() + 's')}"

    def path(self, item):
        return f"{self.collection(item)}/{item['metadata']['name']}"

    def get(self, item):
        """As the server has it, or None."""
        try:
            return self.call("GET", self.path(item))
        except Failure as failure:
            if failure.status != 404:
                raise
            return None

    def apply(self, *items):
        """Makes each, or makes it what is given here (server-side apply)."""
        for item in items:
            body = {**bare(item), "apiVersion": self.api_version(item)}
            self.call("PATCH", f"{self.path(item)}?fieldManager=kaname&force=true", body, "application/apply-patch+yaml")

    def replace(self, item):
        """Quicker than apply. Of a kind that may be replaced unseen, as EndpointSlices are and Services are not."""
        body = {**bare(item), "apiVersion": self.api_version(item)}
        try:
            self.call("PUT", self.path(item), body)
        except Failure as failure:
            if failure.status != 404:
                raise
            self.call("POST", self.collection(item), body)

    def delete(self, *items):
        for item in items:
            self.call("DELETE", self.path(item))

    def set_status(self, item, status):
        """Of an object that is there, as its controller does it."""
        self.call("PATCH", f"{self.path(item)}/status", {"status": status}, "application/merge-patch+json")

    def list(self, kind, version="v1"):
        """Every object of the kind, each with its kind and version, as kubectl prints them."""
        path = self.collection({"kind": kind, "apiVersion": version, "metadata": {"namespace": "x"}}).replace("/namespaces/x", "")
        answer = self.call("GET", path)
        return [{"apiVersion": answer["apiVersion"], "kind": kind, **item} for item in answer["items"]]

# SPDX-License-Identifier: Apache-2.0
"""Kubernetes objects, as kubectl prints them, in a line each; and files of them."""
import json
import os
from pathlib import Path


def metadata(name, namespace=None, labels=None, **more):
    meta = {"name": name, "uid": f"{namespace}-{name}", "resourceVersion": "1", **more}
    if namespace is not None:
        meta["namespace"] = namespace
    if labels is not None:
        meta["labels"] = labels
    return meta


def split(path):
    """("web", "shop") of "web.shop"."""
    name, namespace = path.rsplit(".", 1)
    return name, namespace


def port(text):
    """Of "http:80", "dns:53/UDP", or ":80" without a name."""
    name, _, rest = text.partition(":")
    number, _, proto = rest.partition("/")
    result = {"port": int(number), "protocol": proto or "TCP"}
    if name:
        result["name"] = name
    return result


def namespace(name, labels=None, **status):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, labels=labels), "status": status or {"phase": "Active"}}


def service(path, *ips, ports=(), labels=None, status=None, **spec):
    """service("web.shop", "10.96.0.5", ports=["http:80"]); without addresses it is headless."""
    ips = list(ips) or ["None"]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(*split(path), labels),
            "spec": {"type": "ClusterIP", "clusterIP": ips[0], "clusterIPs": ips, "ports": [port(p) for p in ports], **spec},
            "status": status or {"loadBalancer": {}}}


def alias(path, target):
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(*split(path)),
            "spec": {"type": "ExternalName", "externalName": target}}


def endpoint(*addresses, hostname=None, pod=None, **conditions):
    """conditions: ready, serving, terminating; ready without any."""
    result = {"addresses": list(addresses), "conditions": conditions or {"ready": True}}
    if hostname is not None:
        result["hostname"] = hostname
    if pod is not None:
        result["targetRef"] = {"kind": "Pod", "name": pod, "namespace": "x"}
    return result


def endpointslice(path, *endpoints, ports=(), suffix="a", owner=True, kind=None, labels=None):
    """A slice of the service at this path; a plain text for an endpoint is its address."""
    name, namespace_name = split(path)
    endpoints = [endpoint(e) if isinstance(e, str) else e for e in endpoints]
    if kind is None:
        kind = "IPv6" if endpoints and ":" in endpoints[0]["addresses"][0] else "IPv4"
    labels = {**(labels or {}), **({"kubernetes.io/service-name": name} if owner else {})}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": kind,
            "metadata": metadata(f"{name}-{suffix}", namespace_name, labels), "endpoints": endpoints,
            "ports": None if ports is None else [{"name": "", **port(p)} for p in ports]}


def relabelled(slice_, owner):
    """The slice as another service's."""
    return {**slice_, "metadata": {**slice_["metadata"], "labels": {"kubernetes.io/service-name": owner}}}


def endpoints(path, *subsets):
    """v1 Endpoints; a subset is a dict as in the API."""
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata(*split(path)), "subsets": list(subsets)}


def pod(path, *ips, phase="Running", labels=None, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata(*split(path), labels), "spec": spec,
            "status": {"phase": phase, "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}}


def listed(objects):
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": objects}


def replace_file(path, text):
    """As an editor or a ConfigMap volume does it: a new file is renamed over the old one."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    os.rename(temporary, path)


def write_files(folder, files):
    """{"a.json": [objects] or text}"""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        replace_file(Path(folder, name), content if isinstance(content, str) else json.dumps(listed(content), indent=1))

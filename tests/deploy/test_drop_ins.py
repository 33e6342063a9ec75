# SPDX-License-Identifier: Apache-2.0
"""The drop-ins: of the stock Deployment only what must change does, and all of it is in the pod template, which `kubectl rollout undo`
brings back."""
import pytest

import checks
from render import DEPLOY, find, load, pod_spec, render

ADDED = object()  # stands for "was not there"
IMAGE = f"kaname:{checks.VERSION}"
CHANGES = {
    ("overlays/coredns-drop-in", "coredns"): {
        "terminationGracePeriodSeconds": (ADDED, 75),
        "containers.coredns.image": ("coredns:v1.12.0", IMAGE),
        "containers.coredns.resources.limits.cpu": (ADDED, "2"),
        "containers.coredns.readinessProbe.periodSeconds": (ADDED, 2),
        "containers.coredns.readinessProbe.timeoutSeconds": (ADDED, 2),
        "containers.coredns.readinessProbe.failureThreshold": (ADDED, 1),
    },
    ("overlays/kube-dns-drop-in", "kube-dns"): {
        "terminationGracePeriodSeconds": (ADDED, 75),
        "containers.kubedns.image": ("k8s-dns-kube-dns:1.22.20", IMAGE),
        "containers.kubedns.resources.limits.cpu": (ADDED, "2"),
        "containers.kubedns.readinessProbe.initialDelaySeconds": (3, 0),
        "containers.kubedns.readinessProbe.periodSeconds": (ADDED, 2),
        "containers.kubedns.readinessProbe.timeoutSeconds": (5, 2),
        "containers.kubedns.readinessProbe.failureThreshold": (ADDED, 1),
        "containers.kubedns.ports.dns.containerPort": (ADDED, 53),
        "containers.kubedns.ports.dns.protocol": (ADDED, "UDP"),
        "containers.kubedns.ports.dns.name": (ADDED, "dns"),
        "containers.kubedns.ports.dns-tcp.containerPort": (ADDED, 53),
        "containers.kubedns.ports.dns-tcp.protocol": (ADDED, "TCP"),
        "containers.kubedns.ports.dns-tcp.name": (ADDED, "dns-tcp"),
        "containers.kubedns.ports.metrics-sidecar.containerPort": (ADDED, 10054),
        "containers.kubedns.ports.metrics-sidecar.protocol": (ADDED, "TCP"),
        "containers.kubedns.ports.metrics-sidecar.name": (ADDED, "metrics-sidecar"),
        "containers.kubedns.securityContext.capabilities.drop": (ADDED, ["ALL"]),
        "containers.kubedns.securityContext.capabilities.add": (ADDED, ["NET_BIND_SERVICE"]),
    },
}


def flat(value, path=""):
    """{path: leaf}; elements of a list of objects with names are told apart by these, so that their order does not count."""
    if isinstance(value, dict) and value:
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, f"{path}.{name}" if path else name).items()}
    if isinstance(value, list) and value and all(isinstance(part, dict) and "name" in part for part in value):
        return flat({part["name"]: part for part in value}, path)
    return {path: value}


def stock_and_patched(folder, name):
    stock = find(load((DEPLOY / folder / "deployment.yaml").read_text()), "Deployment", name)
    objects = render(folder)
    assert len(objects) == 1
    return stock, find(objects, "Deployment", name)


@pytest.mark.parametrize("folder, name", CHANGES)
def test_only_what_must(folder, name):
    stock, patched = stock_and_patched(folder, name)
    before, after = flat(pod_spec(stock)), flat(pod_spec(patched))
    gone = {key for key in before if key not in after}
    changed = {key: (before.get(key, ADDED), value) for key, value in after.items() if before.get(key, ADDED) != value}
    assert changed == CHANGES[folder, name]
    removed = ("containers.dnsmasq.", "containers.sidecar.") if name == "kube-dns" else ()
    assert gone == {key for key in before if key.startswith(removed)} if removed else not gone
    for one in (stock, patched):
        one["spec"]["template"]["spec"] = None
    assert stock == patched, "outside the pod template nothing changes"


@pytest.mark.parametrize("folder, name", CHANGES)
def test_patch_alone(folder, name):
    """As `kubectl patch --patch-file` takes it: of this one object, and nothing but its pod template's spec."""
    patch, = load((DEPLOY / folder / "patch.yaml").read_text())
    assert (patch["apiVersion"], checks.name_of(patch), patch["metadata"]) == (
        "apps/v1", f"Deployment {name}", {"name": name, "namespace": checks.NAMESPACE})
    assert set(patch["spec"]) == {"template"} and set(patch["spec"]["template"]) == {"spec"}


@pytest.mark.parametrize("folder, name", CHANGES)
def test_stock_service(folder, name):
    """The pods stay behind the Service that is there, which leads to port 53 by number."""
    _, patched = stock_and_patched(folder, name)
    assert checks.labels_of(patched) == {"k8s-app": "kube-dns"}
    for protocol in ("UDP", "TCP"):
        assert any(checks.has_port(one, 53, protocol) for one in pod_spec(patched)["containers"])

# SPDX-License-Identifier: Apache-2.0
"""An operator's own kustomization beside deploy/, as README tells: another registry, Service address and cluster domain, a port above
1024, and what of base is left out because the cluster has it. What comes of it is as whole as base."""
import subprocess

import pytest

import checks
from harness import BINARY
from render import DEPLOY, container, find, load, render, render_text

OWN = """
resources:
  - ../deploy/base
  - ../deploy/overlays/monitoring
images:
  - name: kaname
    newName: registry.example/kaname
configMapGenerator:
  - name: kaname
    namespace: kube-system
    behavior: replace
    files: [Corefile]
generatorOptions:
  disableNameSuffixHash: true
patches:
  - target: {kind: Service, name: kube-dns}
    patch: |-
      - {op: replace, path: /spec/clusterIP, value: "ADDRESS"}
"""
HIGH_PORT = """
  - target: {kind: Service, name: kube-dns}
    patch: |-
      - {op: replace, path: /spec/ports/0/targetPort, value: 1053}
      - {op: replace, path: /spec/ports/1/targetPort, value: 1053}
  - target: {kind: Deployment, name: kube-dns}
    patch: |-
      - {op: replace, path: /spec/template/spec/containers/0/ports/0/containerPort, value: 1053}
      - {op: replace, path: /spec/template/spec/containers/0/ports/1/containerPort, value: 1053}
      - {op: remove, path: /spec/template/spec/containers/0/securityContext/capabilities/add}
"""
WITHOUT_BUDGET = """
  - target: {kind: PodDisruptionBudget, name: kube-dns}
    patch: |-
      $patch: delete
      apiVersion: policy/v1
      kind: PodDisruptionBudget
      metadata: {name: kube-dns}
"""


@pytest.fixture(name="own")
def fixture_own(tmp_path):
    """own(kustomization, Corefile): the objects."""
    (tmp_path / "deploy").symlink_to(DEPLOY)
    folder = tmp_path / "my-dns"
    folder.mkdir()

    def make(kustomization, corefile):
        (folder / "Corefile").write_text(corefile)
        (folder / "kustomization.yaml").write_text(kustomization)
        done = subprocess.run([BINARY, "-conf", folder / "Corefile", "--check"], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return load(render_text(str(folder)))
    return make


def other_domain():
    corefile = (DEPLOY / "base/Corefile").read_text()
    assert corefile.count("cluster.local") == 3
    return corefile.replace("cluster.local", "k8s.example")


def findings(objects):
    """Of all checks but that of the images, which are the operator's here."""
    for workload in checks.workloads(objects):
        container(workload, "kaname")["image"] = f"kaname:{checks.VERSION}"
    return [finding for check in checks.CHECKS for finding in check(objects)]


def without(objects, *places):
    """{name of an object: it} after these were taken out: (kind, name, key, ...)."""
    for kind, name, *keys, last in places:
        part = find(objects, kind, name)
        for key in keys:
            part = part[key]
        del part[last]
    return {checks.name_of(value): value for value in objects}


@pytest.mark.parametrize("address", ["172.20.0.10", "fd00:172:20::a"])
def test_address_domain_and_registry(own, address):
    """These three differ, and nothing else."""
    objects = own(OWN.replace("ADDRESS", address), other_domain())
    assert find(objects, "Service", "kube-dns")["spec"]["clusterIP"] == address
    assert container(find(objects, "Deployment", "kube-dns"), "kaname")["image"] == f"registry.example/kaname:{checks.VERSION}"
    assert find(objects, "ConfigMap", "kaname")["data"] == {"Corefile": other_domain()}
    assert not findings(objects)
    differ = [("Service", "kube-dns", "spec", "clusterIP"), ("ConfigMap", "kaname", "data")]
    assert without(objects, *differ) == without(render("base") + render("overlays/monitoring"), *differ)


def test_port_above_1024(own):
    """No capability, and clients see port 53."""
    objects = own(OWN.replace("ADDRESS", "10.96.0.10") + HIGH_PORT, other_domain().replace(".:53", ".:1053"))
    assert not findings(objects)
    assert container(find(objects, "Deployment", "kube-dns"), "kaname")["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    ports = find(objects, "Service", "kube-dns")["spec"]["ports"]
    assert [(port["port"], port["targetPort"], port["protocol"]) for port in ports[:2]] == [(53, 1053, "UDP"), (53, 1053, "TCP")]


def test_budget_that_is_there(own):
    """Two for one pod, and no drain goes on: where the cluster has one for all of `k8s-app: kube-dns`, base's is left out."""
    objects = own(OWN.replace("ADDRESS", "10.96.0.10") + WITHOUT_BUDGET, other_domain())
    assert not findings(objects)
    assert set(without(render("base") + render("overlays/monitoring"))) - set(without(objects)) == {"PodDisruptionBudget kube-dns"}

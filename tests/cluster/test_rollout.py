# SPDX-License-Identifier: Apache-2.0
"""The manifests carried out by a real kube-controller-manager, where tests/cluster/apiserver.sh has made one: the pods that come of
them, what the Service's endpoints are meanwhile, and who may leave. No pod runs: see controllers.py.
"""
import copy

import pytest

import stock
from api import Failure
from controllers import NODES, ControllerManager, Kubelet, is_leaving, is_ready
from kubectl import Kubectl
from kubectl import binary as kubectl_binary
from render import DEPLOY, find, folders, load, render

OURS = {"k8s-app": "kube-dns", "app.kubernetes.io/name": "kaname"}
BOTH = {"k8s-app": "kube-dns"}
KUBEADMS_PORTS = {("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")}


@pytest.fixture(scope="module")
def manager(whole_plane, tmp_path_factory):
    binary = whole_plane.assets / "kube-controller-manager"
    if kubectl_binary() is None or not binary.exists():
        pytest.skip("there is no kubectl, or no kube-controller-manager beside kube-apiserver")
    folder = tmp_path_factory.mktemp("manager")
    made = ControllerManager(binary, folder, Kubectl(whole_plane, folder).config, whole_plane.apiserver.version)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def cluster(plane, kubectl, manager):
    assert manager.is_healthy()
    kubelet = Kubelet(plane.admin)
    yield Cluster(plane.admin, kubectl, kubelet)
    kubectl.clean()
    kubelet.end()


class Cluster:
    def __init__(self, admin, kubectl, kubelet):
        self.admin = admin
        self.kubectl = kubectl
        self.kubelet = kubelet

    def ready(self, **labels):
        """Pods that serve."""
        return [pod for pod in self.kubelet.pods(**labels) if is_ready(pod) and not is_leaving(pod)]

    def becomes(self, count, **labels):
        """So many pods serve, and no others are there."""
        def settled():
            pods = self.kubelet.pods(**labels)
            return len(pods) == count == len(self.ready(**labels)) and pods
        return self.kubelet.wait_for(f"{count} pods of {labels}", settled)

    def endpoints(self):
        """{(port's name, its number, its protocol): ready addresses} of the Service, from its slices."""
        found = {}
        version = self.admin.api_version({"kind": "EndpointSlice"})
        for item in self.admin.list("EndpointSlice", version):
            if item["metadata"].get("labels", {}).get("kubernetes.io/service-name") != "kube-dns":
                continue
            for port in item["ports"]:
                addresses = found.setdefault((port["name"], port["port"], port["protocol"]), set())
                for one in item["endpoints"]:
                    addresses |= set(one["addresses"]) if one["conditions"].get("ready") else set()
        return found

    def serve(self, pods):
        """The Service leads to these pods, on both its ports 53."""
        wanted = dict.fromkeys(KUBEADMS_PORTS, {pod["status"]["podIP"] for pod in pods})
        self.kubelet.wait_for("the endpoints", lambda: self.endpoints() == wanted)

    def scale(self, name, replicas):
        self.kubectl.run("scale", "-n", "kube-system", "deployment", name, f"--replicas={replicas}")


def coredns():
    return find(load((DEPLOY / "overlays/coredns-drop-in/deployment.yaml").read_text()), "Deployment", "coredns")


def upgraded(objects, image):
    """The same with another image."""
    objects = copy.deepcopy(objects)
    find(objects, "Deployment", "kube-dns")["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return objects


def test_pods_come(cluster):
    """As many as wanted, before all others, with an own account, and in the Service."""
    objects = render("base")
    cluster.kubectl.apply(objects)
    pods = cluster.becomes(2, **OURS)
    for pod in pods:
        assert pod["spec"]["priority"] == 2000000000
        assert pod["spec"]["serviceAccountName"] == "kaname"
    cluster.serve(pods)


def test_drain_takes_one(cluster):
    """The budget counts our pods: the second may be evicted when another is ready in place of the first."""
    cluster.kubectl.apply(render("base"))
    pods = cluster.becomes(2, **OURS)
    budget = cluster.kubelet.wait_for("the budget", lambda: (
        cluster.kubectl.get("poddisruptionbudget", "kube-dns")["status"].get("currentHealthy") == 2 and
        cluster.kubectl.get("poddisruptionbudget", "kube-dns")["status"]))
    assert (budget["expectedPods"], budget["disruptionsAllowed"]) == (2, 1)
    first, second = (pod["metadata"]["name"] for pod in pods)
    evict(cluster, first)
    with pytest.raises(Failure) as refused:
        evict(cluster, second)
    assert refused.value.status == 429
    cluster.becomes(2, **OURS)
    cluster.kubelet.wait_for("the second may leave", lambda: is_evicted(cluster, second))


def evict(cluster, name):
    body = {"apiVersion": "policy/v1beta1" if cluster.kubectl.version < (1, 22) else "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": "kube-system"}}
    cluster.admin.call("POST", f"/api/v1/namespaces/kube-system/pods/{name}/eviction", body)


def is_evicted(cluster, name):
    try:
        evict(cluster, name)
    except Failure as failure:
        assert failure.status == 429, failure
        return False
    return True


def test_bad_version_takes_none_away(cluster):
    """An upgrade that never becomes ready leaves all that serve; one that does replaces them one by one, and never are there fewer."""
    objects = render("base")
    cluster.kubectl.apply(objects)
    before = cluster.becomes(2, **OURS)
    cluster.kubelet.failing.add("kaname:bad")
    cluster.kubectl.apply(upgraded(objects, "kaname:bad"))
    cluster.kubelet.wait_for("a third pod", lambda: len(cluster.kubelet.pods(**OURS)) == 3)
    cluster.serve(before)

    cluster.kubectl.apply(upgraded(objects, "kaname:good"))

    def is_done():
        assert len(cluster.ready(**OURS)) >= 2
        images = [pod["spec"]["containers"][0]["image"] for pod in cluster.kubelet.pods(**OURS)]
        return images == ["kaname:good"] * 2
    cluster.kubelet.wait_for("the upgrade", is_done)
    cluster.serve(cluster.becomes(2, **OURS))


def test_swap_and_back(cluster):
    """CoreDNS's pods and ours serve side by side under one Service, which never is without a ready pod."""
    cluster.kubectl.create(stock.SERVICE, *stock.COREDNS_RIGHTS, coredns())
    theirs = cluster.becomes(2, **BOTH)
    cluster.serve(theirs)
    cluster.kubectl.apply(render("base"), "--server-side", "--force-conflicts")
    ours = cluster.becomes(2, **OURS)
    cluster.serve(cluster.becomes(4, **BOTH))
    cluster.scale("coredns", 0)
    cluster.serve(cluster.becomes(2, **BOTH))
    assert [pod["metadata"]["uid"] for pod in cluster.becomes(2, **OURS)] == [pod["metadata"]["uid"] for pod in ours]

    cluster.scale("coredns", 2)
    cluster.serve(cluster.becomes(4, **BOTH))
    cluster.kubectl.run("delete", "-n", "kube-system", "deployment", "kube-dns", "--wait=false")
    cluster.serve(cluster.becomes(2, **BOTH))
    assert not cluster.kubelet.pods(**OURS)


def test_drop_in_and_undo(cluster):
    """`kubectl rollout undo` leads back to CoreDNS as it was."""
    cluster.kubectl.create(stock.SERVICE, *stock.COREDNS_RIGHTS, coredns())
    cluster.becomes(2, **BOTH)
    before = cluster.kubectl.get("deployment", "coredns")
    patch = DEPLOY / "overlays/coredns-drop-in/patch.yaml"
    cluster.kubectl.run("patch", "deployment", "coredns", "-n", "kube-system", "--patch-file", patch)
    cluster.kubelet.wait_for("kaname in place of CoreDNS", lambda: images(cluster) == {"kaname:0.1.0"})
    cluster.serve(cluster.becomes(2, **BOTH))
    cluster.kubectl.run("rollout", "undo", "-n", "kube-system", "deployment", "coredns")
    cluster.serve(cluster.becomes(2, **BOTH))
    assert cluster.kubectl.get("deployment", "coredns")["spec"] == before["spec"]


def images(cluster):
    return {pod["spec"]["containers"][0]["image"] for pod in cluster.kubelet.pods(**BOTH)}


def test_two_without_a_metric(cluster):
    """A cluster whose first manifests are those with the HorizontalPodAutoscaler gets its two pods, even where nothing measures."""
    cluster.kubectl.apply(render("overlays/hpa"))
    cluster.serve(cluster.becomes(2, **OURS))


@pytest.mark.skipif("overlays/node-local" not in folders(), reason="there is no node cache")
def test_node_cache_is_everywhere(cluster):
    """On each node, one of a control plane too, beside base; and the Service does not lead to it."""
    cluster.kubectl.apply(render("base"))
    cluster.kubectl.apply(render("overlays/node-local"))
    pods = cluster.becomes(len(NODES), **{"k8s-app": "node-local-dns"})
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == NODES
    assert all(pod["spec"]["hostNetwork"] for pod in pods)
    cluster.serve(cluster.becomes(2, **OURS))

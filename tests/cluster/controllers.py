# SPDX-License-Identifier: Apache-2.0
"""The parts of a cluster that carry manifests out: a real kube-controller-manager, which makes pods of Deployments, endpoints of pods,
and counts what may be disrupted; and in the place of nodes a Kubelet, which runs nothing, but says what kubelets say.
"""
import contextlib
import ssl
import urllib.request
from pathlib import Path

from api import Failure
from control_plane import Daemon
from harness import free_address, free_port, wait_for

CONTROLLERS = "deployment,replicaset,daemonset,endpoint,endpointslice,disruption,horizontalpodautoscaling,garbagecollector"
NODES = [f"node{n}" for n in (1, 2, 3)]
PODS = "/api/v1/namespaces/kube-system/pods"
REPLICA_SETS = "/apis/apps/v1/namespaces/kube-system/replicasets"


class ControllerManager(Daemon):
    def __init__(self, binary, folder, kubeconfig, version):
        super().__init__(binary, folder)
        self.kubeconfig = kubeconfig
        self.address, self.port = free_address(), free_port()
        self.insecure = ["--port=0"] if version < (1, 22) else []
        self.certificates = Path(folder) / "kube-controller-manager"

    def arguments(self):
        return [f"--kubeconfig={self.kubeconfig}", f"--controllers={CONTROLLERS}", "--leader-elect=false", *self.insecure,
                f"--bind-address={self.address}", f"--secure-port={self.port}", f"--cert-dir={self.certificates}",
                "--horizontal-pod-autoscaler-sync-period=1s", "--kube-api-qps=1000", "--kube-api-burst=1000"]

    def is_up(self):
        own = ssl.create_default_context()
        own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"https://{self.address}:{self.port}/healthz", timeout=5, context=own) as response:
                return response.status == 200
        return False


def is_ready(pod):
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", []))


def is_leaving(pod):
    return "deletionTimestamp" in pod["metadata"]


def wanted_node(pod):
    """That of a DaemonSet's pod, which its controller says by affinity; None for others."""
    rules = pod["spec"].get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    names = [field["values"][0] for term in rules.get("nodeSelectorTerms", []) for field in term.get("matchFields", [])]
    return names[0] if names else None


class Kubelet:
    """Of every node. Pods with an image in `failing` never become ready."""

    def __init__(self, admin):
        self.admin = admin
        self.addresses = {}
        self.failing = set()
        for name in NODES:  # the first has the taint of a control plane's
            taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}] if name == NODES[0] else []
            admin.replace({"apiVersion": "v1", "kind": "Node", "spec": {"taints": taints},
                           "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}}})

    def pods(self, **labels):
        """In kube-system, with these labels."""
        return [{"kind": "Pod", **pod} for pod in self.admin.call("GET", PODS)["items"]
                if labels.items() <= pod["metadata"].get("labels", {}).items()]

    def address(self, pod):
        return self.addresses.setdefault(pod["metadata"]["name"], f"10.244.200.{len(self.addresses) + 1}")

    def step(self):
        """Each pod goes on by one step: to a node, to readiness, or away."""
        for pod in self.pods():
            with contextlib.suppress(Failure):  # gone, or changed, meanwhile
                self.move(pod)

    def move(self, pod):
        name = pod["metadata"]["name"]
        if is_leaving(pod):
            self.admin.call("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")
        elif "nodeName" not in pod["spec"]:
            self.admin.call("POST", f"{PODS}/{name}/binding", {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": wanted_node(pod) or NODES[len(self.addresses) % len(NODES)]}})
            self.address(pod)
        elif not is_ready(pod) and not self.failing & {container["image"] for container in pod["spec"]["containers"]}:
            ip = self.address(pod)
            self.admin.set_status(pod, {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
                                        "conditions": [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]})

    def wait_for(self, what, condition):
        """Goes on until it is so; what it gave."""
        def stepped():
            self.step()
            return condition()
        return wait_for(what, stepped)

    def end(self):
        """Nothing runs on, once what makes pods is gone."""
        def is_empty():
            found = [f"{path}/{item['metadata']['name']}" for path in (REPLICA_SETS, PODS) for item in self.admin.call("GET", path)["items"]]
            for path in found:
                with contextlib.suppress(Failure):  # gone meanwhile
                    self.admin.call("DELETE", f"{path}?gracePeriodSeconds=0")
            return not found
        wait_for("no pods", is_empty)
        for name in NODES:
            self.admin.call("DELETE", f"/api/v1/nodes/{name}")

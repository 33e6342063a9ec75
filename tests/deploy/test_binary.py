# SPDX-License-Identifier: Apache-2.0
"""The manifests against the binary: what they say of its arguments, files, ports, probes, metrics and rights is what it does when it runs
as their pods run it (pod.py), and what they give it is what it uses."""
import re
import subprocess

import pytest

import checks
import pod
from harness import BINARY
from render import DEPLOY, container, find, find_all, folders, render

CONFIG_MAP = {"stubDomains": '{"acme.test": ["192.0.2.53"]}', "upstreamNameservers": '["192.0.2.54"]'}
METRICS = [9153, "/metrics"]
KUBEADM = (DEPLOY.parent / "tests/corefiles/accepted/kubeadm-1.33").read_text(encoding="ascii")  # of its ConfigMap `coredns`

# The folder, its Deployment, the container, what the volumes hold, the page of the metrics.
PODS = {
    "base": ("base", "kube-dns", "kaname", lambda objects: {"config": find(objects, "ConfigMap", "kaname")["data"]}, METRICS),
    "coredns": ("overlays/coredns-drop-in", "coredns", "coredns",
                lambda objects: {"config-volume": {"Corefile": KUBEADM}}, METRICS),
    "kube-dns": ("overlays/kube-dns-drop-in", "kube-dns", "kubedns", lambda objects: {"kube-dns-config": CONFIG_MAP},
                 [10054, "/metrics"]),
    "kube-dns without ConfigMap": ("overlays/kube-dns-drop-in", "kube-dns", "kubedns", lambda objects: {}, [10055, "/metrics"]),
}


@pytest.fixture(autouse=True)
def namespaces():
    if not pod.is_possible():
        pytest.skip("no namespaces here")


def run_pod(name, folder, quick=True, **options):
    """(its container, its report). quick: without its lameduck, which only the end of the process has."""
    place, deployment, of, volumes, metrics = PODS[name]
    objects = render(place)
    workload = find(objects, "Deployment", deployment)
    held = volumes(objects)
    if quick:
        held = {volume: {key: re.sub(r"lameduck \d+s", "lameduck 0s", text) for key, text in files.items()} for volume, files in held.items()}
    report = pod.run(workload, of, held, folder, pages=[metrics], **options)
    assert report["code"] == 0, report["log"]
    return container(workload, of), report


@pytest.mark.parametrize("name", PODS)
def test_pod(tmp_path, name):
    """Ready, and as its manifest has it: every port that the container names, and no other but the one that a probe asks; the probes; an
    answer by UDP and TCP on port 53; metrics, with what the HorizontalPodAutoscaler looks for."""
    one, report = run_pod(name, tmp_path)
    named = {(port["protocol"], port["containerPort"]) for port in one["ports"]}
    probed = {("TCP", pod.port_of(one, one[kind]["httpGet"]["port"])) for kind in ("readinessProbe", "livenessProbe")}
    assert {tuple(listener) for listener in report["listeners"]} == named | probed, report["log"]
    assert set(report["http"].values()) == {200}, (report["http"], report["log"])
    assert report["answers"] == {"udp": "NOERROR", "tcp": "NOERROR"}
    page = report["pages"]["".join(map(str, PODS[name][4]))]
    metric = find(render("overlays/hpa"), "HorizontalPodAutoscaler")["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert re.search(rf"^{metric} (0|1|0\.\d+)$", page, re.MULTILINE), "a gauge from 0 to 1, without labels"


def rules_of(role):
    return {(verb, group, resource) for rule in role["rules"] for verb in rule["verbs"] for group in rule["apiGroups"]
            for resource in rule["resources"]}


def test_rights(tmp_path):
    """Every rule of the ClusterRole is used, with or without EndpointSlices and streaming lists, and nothing is asked for that it does not
    allow."""
    rules = rules_of(find(render("base"), "ClusterRole", "system:kaname"))
    asked = {}
    for n, (versions, has_streaming_lists) in enumerate([(["v1"], True), (["v1"], False), (["v1beta1"], False), ([], False)]):
        _, report = run_pod("base", tmp_path / str(n), slice_versions=versions, has_streaming_lists=has_streaming_lists)
        asked[n] = {tuple(request) for request in report["requests"]}
        assert asked[n] and asked[n] <= rules, versions
    assert set().union(*asked.values()) == rules
    assert {resource for _, _, resource in asked[0]} == {"services", "endpointslices", "namespaces"}
    assert {resource for _, _, resource in asked[3]} == {"services", "endpoints", "namespaces"}


def test_stock_rights(tmp_path):
    """What the drop-ins ask for is in kubeadm's ClusterRole system:coredns."""
    _, report = run_pod("coredns", tmp_path)
    kubeadm = {(verb, "", resource) for verb in ("list", "watch") for resource in ("endpoints", "services", "pods", "namespaces")}
    assert {tuple(request) for request in report["requests"]} <= kubeadm | {("list", "discovery.k8s.io", "endpointslices"),
                                                                           ("watch", "discovery.k8s.io", "endpointslices")}


def corefiles():
    """(folder, ConfigMap, key) of every Corefile that is rendered."""
    return [(folder, value["metadata"]["name"], key) for folder in folders() for value in find_all(render(folder), "ConfigMap")
            for key in value.get("data", {}) if key == "Corefile"]


# With the interfaces that the Corefile binds to, in a network of its own.
CHECK = """
set -eu
ip link set lo up
for name in $2; do
    ip link add "$name" up type veth peer name "${name%???}-p"
    ip address add 169.254.20.10/32 dev "$name"
done
exec "$0" -conf "$1" --check
"""


@pytest.mark.parametrize("folder, name, key", corefiles())
def test_corefile(tmp_path, folder, name, key):
    """Fine, and nothing in it does something else here than in CoreDNS."""
    path = tmp_path / key
    text = find(render(folder), "ConfigMap", name)["data"][key]
    path.write_text(text)
    interfaces = sorted(set(re.findall(r"^\s*bind ([a-z][a-z0-9]*)$", text, re.MULTILINE)))
    done = subprocess.run([*pod.UNSHARE, "sh", "-c", CHECK, BINARY, str(path), " ".join(interfaces)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{path}: fine\n")


def words_of(corefile):
    """Of each of its lines, without comments."""
    return [words for words in (line.partition("#")[0].split() for line in corefile.splitlines()) if words]


def test_default_corefile():
    """base's is kubeadm's, but for a longer lameduck and for comments."""
    ours = (DEPLOY / "base/Corefile").read_text(encoding="ascii")
    assert words_of(ours) == words_of(KUBEADM.replace("lameduck 5s", "lameduck 20s"))


def test_arguments():
    """Flags of every container of ours, in every folder, that the binary does not know would end it with 2 and the word."""
    seen = 0
    for folder in folders():
        for workload in checks.workloads(render(folder)):
            for one in checks.pod_spec(workload)["containers"]:
                if not checks.is_ours(one):
                    continue
                done = subprocess.run([BINARY, *one.get("args", []), "--check"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=60)
                assert done.returncode in (0, 1), f"{folder}: {one['args']}: {done.stderr}"
                seen += 1
    assert seen >= 5

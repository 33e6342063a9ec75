# SPDX-License-Identifier: Apache-2.0
"""What the manifests of the node cache say (deploy/overlays/node-local). test_node_cache.py runs them."""
import re

import pytest

from node import corefile_of, init_container
from render import DEPLOY, container, find, pod_spec, render

FOLDER = "overlays/node-local"
V4, V6 = "169.254.20.10", "fd00:169:254:20::10"
SERVICE = "10.96.0.10"


@pytest.fixture(name="objects", scope="module")
def fixture_objects():
    return render(FOLDER)


def localip(objects):
    args = init_container(objects)["args"]
    return args[args.index("-localip") + 1].split(",")


def test_objects(objects):
    kinds = sorted(value["kind"] for value in objects)
    assert kinds == ["ConfigMap", "DaemonSet", "Service", "ServiceAccount"]
    assert {value["metadata"]["name"] for value in objects} == {"node-local-dns"}
    assert {value["metadata"]["namespace"] for value in objects} == {"kube-system"}


def test_upgrade_is_side_by_side(objects):
    daemonset = find(objects, "DaemonSet")
    rolling = daemonset["spec"]["updateStrategy"]
    assert rolling["type"] == "RollingUpdate"
    assert rolling["rollingUpdate"]["maxUnavailable"] == 0 and rolling["rollingUpdate"]["maxSurge"]
    assert daemonset["spec"]["minReadySeconds"] > 0
    spec = pod_spec(daemonset)
    for each in spec["containers"] + spec["initContainers"]:
        assert "ports" not in each  # the node's: the scheduler would not place a second pod beside the first
    assert spec["hostNetwork"] is True and spec["dnsPolicy"] == "Default"
    assert spec["terminationGracePeriodSeconds"] > 60 + 5  # README, "Leaving"


def test_every_node_has_one(objects):
    spec = pod_spec(find(objects, "DaemonSet"))
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["priorityClassName"] == "system-node-critical"
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_rights(objects):
    spec = pod_spec(find(objects, "DaemonSet"))
    account = find(objects, "ServiceAccount")
    assert spec["serviceAccountName"] == account["metadata"]["name"]
    assert spec["automountServiceAccountToken"] is False and account["automountServiceAccountToken"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any("hostPath" in volume for volume in spec["volumes"])
    for each, capability in ((container(find(objects, "DaemonSet"), "kaname"), "NET_BIND_SERVICE"),
                             (init_container(objects), "NET_ADMIN")):
        context = each["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"], "add": [capability]}, each["name"]
        assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
        assert "privileged" not in context
        assert each["resources"]["limits"]["memory"] and each["resources"]["requests"]["cpu"]
    serving = container(find(objects, "DaemonSet"), "kaname")["securityContext"]
    assert serving["runAsNonRoot"] is True and serving["runAsUser"] == serving["runAsGroup"] == 65532


def test_one_image(objects):
    assert container(find(objects, "DaemonSet"), "kaname")["image"] == init_container(objects)["image"]


def test_probes_ask_what_the_corefile_serves(objects):
    kaname = container(find(objects, "DaemonSet"), "kaname")
    corefile = corefile_of(objects)
    for probe, directive, path in (("livenessProbe", "health", "/health"), ("readinessProbe", "ready", "/ready")):
        get = kaname[probe]["httpGet"]
        assert get["path"] == path
        assert re.findall(rf"^\s*{directive} (\S+)$", corefile, re.MULTILINE) == [f"{get['host']}:{get['port']}"]
        assert get["host"] in localip(objects)
    assert (kaname["readinessProbe"]["periodSeconds"], kaname["readinessProbe"]["failureThreshold"]) == (2, 1)


def test_metrics_service(objects):
    service, daemonset = find(objects, "Service"), find(objects, "DaemonSet")
    port, = service["spec"]["ports"]
    assert service["spec"]["clusterIP"] == "None"
    assert set(re.findall(r"^\s*prometheus :(\d+)$", corefile_of(objects), re.MULTILINE)) == {str(port["targetPort"])} == {
        str(port["port"])}
    labels = daemonset["spec"]["template"]["metadata"]["labels"]
    for selector in (service["spec"]["selector"], daemonset["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= labels.items()
    assert labels["k8s-app"] != "kube-dns"  # else the cluster's own Service would lead here


def test_service_address_stands_once(objects):
    assert localip(objects) == [V4, V6]
    assert re.findall(r"^\s*forward \. (\S+)", corefile_of(objects), re.MULTILINE) == [SERVICE, "/etc/resolv.conf"]
    sources = "".join(path.read_text() for path in (DEPLOY / FOLDER).iterdir() if path.name != "kustomization.yaml")
    assert sources.count(SERVICE) == 1


def test_interface_is_the_one_that_is_bound(objects):
    args = init_container(objects)["args"]
    name = args[args.index("-interfacename") + 1]
    assert set(re.findall(r"^\s*bind (.*)$", corefile_of(objects), re.MULTILINE)) == {name}


def test_config_volume(objects):
    kaname, spec = container(find(objects, "DaemonSet"), "kaname"), pod_spec(find(objects, "DaemonSet"))
    mount, = kaname["volumeMounts"]
    volume, = [each for each in spec["volumes"] if each["name"] == mount["name"]]
    assert volume["configMap"]["name"] == "node-local-dns"
    path = volume["configMap"]["items"][0]["path"]
    assert kaname["args"] == ["-conf", f"{mount['mountPath']}/{path}"]

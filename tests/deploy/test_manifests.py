# SPDX-License-Identifier: Apache-2.0
"""The rendered manifests by themselves: every folder by the checks of checks.py, base and the autoscalers in what only they have.
test_binary.py compares them with the binary, test_drop_ins.py with what they take the place of."""
import json
import re

import pytest
import yaml

import checks
from render import DEPLOY, Loader, container, find, find_all, folders, load, pod_spec, render

OURS = {"k8s-app": "kube-dns", "app.kubernetes.io/name": "kaname"}


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("folder", folders())
def test_folder(folder, check):
    assert list(check(render(folder))) == []


def test_all_folders():
    """Nothing below deploy/ that looks like a manifest is left out of a kustomization, but for what its comment says of itself."""
    assert {"base", "overlays/coredns-drop-in", "overlays/kube-dns-drop-in", "overlays/autoscaler", "overlays/hpa"} <= set(folders())
    beside = {"overlays/hpa/prometheus-adapter.yaml", "overlays/hpa/keda.yaml"}
    for folder in folders():
        kustomization, = load((DEPLOY / folder / "kustomization.yaml").read_text())
        named = json.dumps(kustomization)
        for path in (DEPLOY / folder).glob("*.yaml"):
            relative = f"{folder}/{path.name}"
            assert (path.name == "kustomization.yaml" or f'"{path.name}"' in named) != (relative in beside), relative


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yaml")), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_spelling(path):
    """Two spaces of indentation, no tab, no blank at the end of a line, and no registry's host."""
    for n, line in enumerate(path.read_text().splitlines(), 1):
        assert "\t" not in line and line == line.rstrip() and len(line) <= 150, f"line {n}: {line}"
    assert not re.search(r"image: \S+[/@]", path.read_text())


# ---- base

@pytest.fixture(params=["base", "overlays/autoscaler", "overlays/hpa"])
def objects(request):
    return render(request.param)


def test_objects(objects):
    """Those that base is made of, in whatever is built on it."""
    names = {checks.name_of(value) for value in objects}
    assert names >= {"Deployment kube-dns", "Service kube-dns", "PodDisruptionBudget kube-dns", "NetworkPolicy kube-dns",
                     "ServiceAccount kaname", "ConfigMap kaname", "ClusterRole system:kaname", "ClusterRoleBinding system:kaname"}


def test_service(objects):
    service = find(objects, "Service", "kube-dns")
    assert service["metadata"]["labels"] == {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true",
                                             "kubernetes.io/name": "CoreDNS"}
    assert service["metadata"]["annotations"] == {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"}
    spec = service["spec"]
    assert spec["clusterIP"] == "10.96.0.10"
    assert spec["selector"] == {"k8s-app": "kube-dns"}, "CoreDNS's pods serve beside ours in a swap"
    assert [(port["name"], port["port"], port["protocol"]) for port in spec["ports"]] == [
        ("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")]


def test_deployment(objects):
    deployment = find(objects, "Deployment", "kube-dns")
    assert deployment["spec"]["selector"]["matchLabels"] == checks.labels_of(deployment) == OURS
    assert deployment["spec"]["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec = pod_spec(deployment)
    assert spec["automountServiceAccountToken"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 65532
    assert {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"} in spec["tolerations"]
    assert [(one["topologyKey"], one["labelSelector"]["matchLabels"]) for one in spec["topologySpreadConstraints"]] == [
        ("kubernetes.io/hostname", OURS), ("topology.kubernetes.io/zone", OURS)]
    one = container(deployment, "kaname")
    assert one["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert "startupProbe" not in one and "command" not in one


def test_replicas():
    """Two, and none where a number is an autoscaler's."""
    assert find(render("base"), "Deployment", "kube-dns")["spec"]["replicas"] == 2
    for folder in ("overlays/autoscaler", "overlays/hpa"):
        assert "replicas" not in find(render(folder), "Deployment", "kube-dns")["spec"], folder


def test_budget_and_policy(objects):
    budget, policy = find(objects, "PodDisruptionBudget", "kube-dns")["spec"], find(objects, "NetworkPolicy", "kube-dns")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": OURS}}
    assert policy["podSelector"] == {"matchLabels": OURS}
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert not any("from" in rule for rule in policy["ingress"]), "nodes ask and probe, too, and no selector has them"
    egress = {(port["port"], port["protocol"]) for rule in policy["egress"] for port in rule["ports"]}
    assert egress == {(53, "UDP"), (53, "TCP"), (443, "TCP"), (6443, "TCP")}
    assert not any("to" in rule for rule in policy["egress"])


def test_corefile(objects):
    """One ConfigMap, whose name stays, so that its change is a reload and no restart."""
    config = find(objects, "ConfigMap", "kaname")
    assert list(config["data"]) == ["Corefile"]
    assert config["data"]["Corefile"] == (DEPLOY / "base/Corefile").read_text()
    words = config["data"]["Corefile"].split()
    assert "reload" in words and "lameduck" in words


def test_extended():
    """The overlays change of base nothing but the number of replicas."""
    base = {checks.name_of(value): value for value in render("base")}
    del base["Deployment kube-dns"]["spec"]["replicas"]
    for folder in ("overlays/autoscaler", "overlays/hpa"):
        extended = {checks.name_of(value): value for value in render(folder)}
        assert {name: extended[name] for name in base} == base, folder


# ---- the autoscalers

def test_proportional_autoscaler():
    """It may do what it does: see nodes, scale this Deployment, read its ConfigMap."""
    objects = render("overlays/autoscaler")
    options = dict(arg.removeprefix("--").split("=", 1) for arg in container(find(objects, "Deployment", "kube-dns-autoscaler"),
                                                                              "autoscaler")["args"])
    assert set(options) == {"namespace", "configmap", "target", "logtostderr", "v"}
    assert options["namespace"] == checks.NAMESPACE
    kind, _, name = options["target"].partition("/")
    assert find(objects, kind, name)["metadata"]["name"] == "kube-dns"
    data = find(objects, "ConfigMap", options["configmap"])["data"]
    assert {key: json.loads(value) for key, value in data.items()} == {
        "linear": {"coresPerReplica": 256, "nodesPerReplica": 16, "min": 2, "preventSinglePointFailure": True,
                   "includeUnschedulableNodes": True}}
    assert find(objects, "ClusterRole", "system:kube-dns-autoscaler")["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]
    assert find(objects, "Role", "kube-dns-autoscaler")["rules"] == [
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": [name], "verbs": ["get", "update"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [options["configmap"]], "verbs": ["get"]}]


def test_horizontal_autoscaler():
    objects = render("overlays/hpa")
    scaler = find(objects, "HorizontalPodAutoscaler", "kube-dns")
    spec = scaler["spec"]
    assert scaler["apiVersion"] == "autoscaling/v2"
    target = find(objects, spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
    assert target["apiVersion"] == spec["scaleTargetRef"]["apiVersion"] and target["metadata"]["name"] == "kube-dns"
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    assert spec["metrics"] == [{"type": "Pods", "pods": {"metric": {"name": "kaname_saturation"},
                                                         "target": {"type": "AverageValue", "averageValue": "500m"}}}]
    up, down = spec["behavior"]["scaleUp"], spec["behavior"]["scaleDown"]
    assert up["stabilizationWindowSeconds"] == 0 and up["selectPolicy"] == "Max"
    assert down["stabilizationWindowSeconds"] >= 600
    grace = pod_spec(target)["terminationGracePeriodSeconds"]
    assert [(one["type"], one["value"]) for one in down["policies"]] == [("Pods", 1)]
    assert down["policies"][0]["periodSeconds"] > grace, "one has left when the next one goes"


def test_metric_sources():
    """prometheus-adapter's rule gives what the HorizontalPodAutoscaler asks for, and KEDA's object wants the same."""
    spec = find(render("overlays/hpa"), "HorizontalPodAutoscaler")["spec"]
    metric = spec["metrics"][0]["pods"]["metric"]["name"]
    rule, = yaml.load((DEPLOY / "overlays/hpa/prometheus-adapter.yaml").read_text(), Loader)["rules"]
    assert rule["seriesQuery"].startswith(metric + "{") and rule["name"]["as"] == metric
    assert re.fullmatch(rule["name"]["matches"], metric)
    assert {label: one["resource"] for label, one in rule["resources"]["overrides"].items()} == {"namespace": "namespace", "pod": "pod"}
    for placeholder in ("<<.Series>>", "<<.LabelMatchers>>", "<<.GroupBy>>"):
        assert placeholder in rule["metricsQuery"]
    scaled, = load((DEPLOY / "overlays/hpa/keda.yaml").read_text())
    assert scaled["kind"] == "ScaledObject" and scaled["metadata"]["namespace"] == checks.NAMESPACE
    assert scaled["spec"]["scaleTargetRef"] == {"name": spec["scaleTargetRef"]["name"]}
    assert (scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]) == (spec["minReplicas"], spec["maxReplicas"])
    assert scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == spec["behavior"]
    trigger, = scaled["spec"]["triggers"]
    asked = trigger["metadata"]
    monitor = find(render("overlays/monitoring"), "ServiceMonitor", "kube-dns")
    job = find(render("base"), "Service", "kube-dns")["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'{metric}{{namespace="{checks.NAMESPACE}",job="{job}"}}' in asked["query"], "the nodes' caches are not counted"
    assert trigger["metricType"] == "AverageValue" and asked["ignoreNullValues"] == "false"
    assert float(asked["threshold"]) == checks.quantity(spec["metrics"][0]["pods"]["target"]["averageValue"])


# ---- the checks themselves

def deployment_of(objects):
    return find(objects, "Deployment", "kube-dns")


def context_of(objects):
    return container(deployment_of(objects), "kaname")["securityContext"]


def kaname(objects):
    return container(deployment_of(objects), "kaname")


def drop_kind(kind):
    def change(objects):
        objects[:] = [value for value in objects if value["kind"] != kind]
    return change


# check, what is broken of the autoscaler's objects
MUTATIONS = [
    ("identity", lambda o: o.append(o[0])),
    ("identity", lambda o: find(o, "Service")["metadata"].pop("namespace")),
    ("identity", lambda o: find(o, "ClusterRole", "system:kaname")["metadata"].update(namespace="kube-system")),
    ("images", lambda o: kaname(o).update(image="kaname:0.0.9")),
    ("images", lambda o: kaname(o).update(image="kaname:latest")),
    ("images", lambda o: kaname(o).update(image="registry.example/kaname:" + checks.VERSION)),
    ("selection", lambda o: find(o, "Service")["spec"]["selector"].update(app="other")),
    ("selection", lambda o: find(o, "Service")["spec"]["selector"].clear()),
    ("selection", lambda o: find(o, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].update(app="other")),
    ("selection", lambda o: find(o, "NetworkPolicy")["spec"]["podSelector"].clear()),
    ("selection", lambda o: checks.labels_of(deployment_of(o)).pop("app.kubernetes.io/name")),
    ("selection", lambda o: pod_spec(deployment_of(o))["topologySpreadConstraints"][1]["labelSelector"]["matchLabels"].update(a="b")),
    ("accounts", drop_kind("ServiceAccount")),
    ("accounts", lambda o: pod_spec(deployment_of(o)).update(serviceAccountName="other")),
    ("accounts", lambda o: find(o, "ClusterRoleBinding", "system:kaname")["roleRef"].update(name="other")),
    ("accounts", lambda o: find(o, "ClusterRoleBinding", "system:kaname")["roleRef"].update(kind="Role")),
    ("accounts", lambda o: find(o, "ClusterRoleBinding", "system:kaname")["subjects"][0].update(namespace="default")),
    ("roles", drop_kind("RoleBinding")),
    ("roles", lambda o: find(o, "ClusterRole", "system:kaname")["rules"][0]["verbs"].append("*")),
    ("roles", lambda o: find(o, "ClusterRole", "system:kaname")["rules"][0]["resources"].append("secrets")),
    ("volumes", lambda o: find(o, "ConfigMap", "kaname")["metadata"].update(name="kaname-h45h")),
    ("volumes", lambda o: find(o, "ConfigMap", "kaname")["data"].clear()),
    ("volumes", lambda o: kaname(o)["volumeMounts"][0].update(name="other")),
    ("volumes", lambda o: kaname(o)["volumeMounts"][0].update(subPath="Corefile")),
    ("container_ports", lambda o: kaname(o)["ports"].append({"name": "dns", "containerPort": 54, "protocol": "UDP"})),
    ("container_ports", lambda o: kaname(o)["ports"].append({"name": "dns-2", "containerPort": 53, "protocol": "UDP"})),
    ("container_ports", lambda o: kaname(o)["ports"][0].update(name="sixteen-letters-")),
    ("container_ports", lambda o: kaname(o)["readinessProbe"]["httpGet"].update(port="rady")),
    ("service_ports", lambda o: find(o, "Service")["spec"]["ports"][0].update(targetPort="dns-tcp")),
    ("service_ports", lambda o: find(o, "Service")["spec"]["ports"][1].update(targetPort=5353)),
    ("policy_ports", lambda o: find(o, "NetworkPolicy")["spec"]["ingress"].pop()),
    ("policy_ports", lambda o: find(o, "NetworkPolicy")["spec"]["ingress"][0]["ports"][1].update(protocol="UDP")),
    ("policy_ports", lambda o: find(o, "NetworkPolicy")["spec"]["ingress"][0]["ports"].append({"port": 22, "protocol": "TCP"})),
    ("restricted", lambda o: pod_spec(deployment_of(o)).update(hostNetwork=True)),
    ("restricted", lambda o: pod_spec(deployment_of(o))["volumes"].append({"name": "host", "hostPath": {"path": "/"}})),
    ("restricted", lambda o: pod_spec(deployment_of(o))["securityContext"].pop("runAsNonRoot")),
    ("restricted", lambda o: pod_spec(deployment_of(o))["securityContext"].update(runAsUser=0)),
    ("restricted", lambda o: pod_spec(deployment_of(o))["securityContext"].pop("seccompProfile")),
    ("restricted", lambda o: context_of(o).update(privileged=True)),
    ("restricted", lambda o: context_of(o).pop("allowPrivilegeEscalation")),
    ("restricted", lambda o: context_of(o).pop("readOnlyRootFilesystem")),
    ("restricted", lambda o: context_of(o)["capabilities"].pop("drop")),
    ("restricted", lambda o: context_of(o)["capabilities"]["add"].append("SYS_ADMIN")),
    ("restricted", lambda o: kaname(o)["ports"][0].update(hostPort=53)),
    ("resources", lambda o: kaname(o).pop("resources")),
    ("resources", lambda o: kaname(o)["resources"]["limits"].pop("cpu")),
    ("resources", lambda o: kaname(o)["resources"]["limits"].update(memory="32Mi")),
    ("probes", lambda o: kaname(o).pop("readinessProbe")),
    ("probes", lambda o: kaname(o)["readinessProbe"].update(failureThreshold=3)),
    ("probes", lambda o: kaname(o)["livenessProbe"].update(failureThreshold=1)),
    ("leaving", lambda o: pod_spec(deployment_of(o)).pop("terminationGracePeriodSeconds")),
    ("leaving", lambda o: find(o, "ConfigMap", "kaname")["data"].update(Corefile=". {\n health {\n  lameduck 90s\n }\n}")),
    ("placement", lambda o: pod_spec(deployment_of(o)).pop("dnsPolicy")),
    ("placement", lambda o: pod_spec(deployment_of(o)).pop("priorityClassName")),
    ("placement", lambda o: pod_spec(deployment_of(o)).pop("affinity")),
    ("placement", lambda o: pod_spec(deployment_of(o))["tolerations"].clear()),
    ("placement", lambda o: pod_spec(deployment_of(o))["topologySpreadConstraints"][0].update(whenUnsatisfiable="DoNotSchedule")),
]


@pytest.mark.parametrize("check, change", MUTATIONS, ids=[f"{check}-{n}" for n, (check, _) in enumerate(MUTATIONS)])
def test_check_finds(check, change):
    """Each check finds what it is for."""
    objects = render("overlays/autoscaler")
    function = next(one for one in checks.CHECKS if one.__name__ == check)
    assert list(function(objects)) == []
    change(objects)
    assert list(function(objects)) != []


def test_every_check_is_tried():
    assert {check for check, _ in MUTATIONS} == {one.__name__ for one in checks.CHECKS}
    assert len(find_all(render("overlays/autoscaler"), "Deployment")) == 2, "a selector that has too much shows there only"

# SPDX-License-Identifier: Apache-2.0
"""What holds for the objects of every rendering. Each check takes the objects and gives its findings as text: none, where all is well.
test_manifests.py applies them to every folder below deploy/, and breaks the manifests on purpose to see that each is found."""
import re
from pathlib import Path

from render import find_all, pod_spec

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r"^  version: '([^']+)'", (ROOT / "meson.build").read_text(), re.MULTILINE)[1]
LEAVING_MAX_S = int(re.search(r"#define LEAVING_MAX_MS (\d+)", (ROOT / "src/server.c").read_text())[1]) / 1000
DRAINING_S = 5  # README, "Leaving": queries that wait for upstreams are answered within
NAMESPACE = "kube-system"
CLUSTER_KINDS = ("ClusterRole", "ClusterRoleBinding")
# Where the drop-ins go these are there already.
STOCK = {("ServiceAccount", "coredns"), ("ConfigMap", "coredns"), ("ServiceAccount", "kube-dns"), ("ConfigMap", "kube-dns")}


def name_of(value):
    return f"{value['kind']} {value['metadata']['name']}"


def workloads(objects):
    return [value for value in objects if value["kind"] in ("Deployment", "DaemonSet")]


def deployments_of_ours(objects):
    """(Deployment, container) of those that run kaname."""
    return [(workload, one) for workload in find_all(objects, "Deployment") for one in pod_spec(workload)["containers"]
            if is_ours(one)]


def is_ours(container):
    return container["image"].startswith("kaname:")


def labels_of(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector, labels):
    """Whether a label selector has the labels. An empty one has all, as in the API."""
    for term in selector.get("matchExpressions", []):
        assert term["operator"] == "In", f"not understood here: {term}"
        if labels.get(term["key"]) not in term["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


# ---- the objects

def identity(objects):
    """A name of its own for each, and the namespace written out: nothing depends on kubectl's context."""
    seen = set()
    for value in objects:
        key = (value["apiVersion"], name_of(value))
        if key in seen:
            yield f"{name_of(value)}: twice"
        seen.add(key)
        wanted = None if value["kind"] in CLUSTER_KINDS else NAMESPACE
        if value["metadata"].get("namespace") != wanted:
            yield f"{name_of(value)}: namespace {value['metadata'].get('namespace')}, not {wanted}"


def images(objects):
    """No registry, which is the operator's; never a tag that moves; ours is what this source makes."""
    for workload in workloads(objects):
        for one in pod_spec(workload)["containers"]:
            image, _, tag = one["image"].partition(":")
            if not re.fullmatch(r"[a-z0-9-]+", image) or not re.fullmatch(r"v?[0-9]+(\.[0-9]+)+", tag):
                yield f"{name_of(workload)}: image {one['image']}"
            if image == "kaname" and tag != VERSION:
                yield f"{name_of(workload)}: image {one['image']}, but this is {VERSION}"


# ---- who selects whom

def selectors_of(objects):
    """(what it is, label selector) of all that is to select the pods of one workload."""
    for value in objects:
        if value["kind"] == "PodDisruptionBudget":
            yield name_of(value), value["spec"]["selector"]
        elif value["kind"] == "NetworkPolicy":
            yield name_of(value), value["spec"]["podSelector"]
        elif value["kind"] == "Service":
            yield name_of(value), {"matchLabels": value["spec"]["selector"]}
        elif value["kind"] in ("Deployment", "DaemonSet"):
            yield name_of(value), value["spec"]["selector"]
            for constraint in pod_spec(value).get("topologySpreadConstraints", []):
                yield f"{name_of(value)}: spread by {constraint['topologyKey']}", constraint["labelSelector"]
            for term in anti_affinity(value):
                yield f"{name_of(value)}: anti-affinity", term["podAffinityTerm"]["labelSelector"]


def anti_affinity(workload):
    affinity = pod_spec(workload).get("affinity", {}).get("podAntiAffinity", {})
    return affinity.get("preferredDuringSchedulingIgnoredDuringExecution", [])


def selection(objects):
    """Each selects the pods of one workload: not of none, and not an autoscaler's beside the servers'."""
    for what, selector in selectors_of(objects):
        selected = [name_of(workload) for workload in workloads(objects) if selects(selector, labels_of(workload))]
        if len(selected) != 1:
            yield f"{what}: selects {selected}"


def accounts(objects):
    """Pods have an account that is there, and bindings join a role with accounts that are there."""
    there = {(value["kind"], value["metadata"]["name"]) for value in objects} | STOCK
    for workload in workloads(objects):
        account = pod_spec(workload).get("serviceAccountName")
        if ("ServiceAccount", account) not in there:
            yield f"{name_of(workload)}: no ServiceAccount {account}"
    for binding in find_all(objects, "ClusterRoleBinding") + find_all(objects, "RoleBinding"):
        role = binding["roleRef"]
        if (role["kind"], role["name"]) not in there or role["apiGroup"] != "rbac.authorization.k8s.io":
            yield f"{name_of(binding)}: no role {role}"
        for subject in binding["subjects"]:
            if (subject["kind"], subject["name"]) not in there or subject.get("namespace") != NAMESPACE:
                yield f"{name_of(binding)}: no subject {subject}"


def roles(objects):
    """Every role is bound to somebody, none has a wildcard or reads Secrets."""
    bound = {(binding["roleRef"]["kind"], binding["roleRef"]["name"]) for binding in objects if binding["kind"].endswith("RoleBinding")}
    for role in find_all(objects, "ClusterRole") + find_all(objects, "Role"):
        if (role["kind"], role["metadata"]["name"]) not in bound:
            yield f"{name_of(role)}: bound to nobody"
        for rule in role["rules"]:
            words = rule["apiGroups"] + rule["resources"] + rule["verbs"]
            if "*" in words or "secrets" in words:
                yield f"{name_of(role)}: {rule}"


def volumes(objects):
    """What is mounted is there, and what is there is mounted; a ConfigMap and its keys exist."""
    maps = {value["metadata"]["name"]: value for value in find_all(objects, "ConfigMap")}
    for workload in workloads(objects):
        spec = pod_spec(workload)
        mounted = {mount["name"] for one in spec["containers"] for mount in one.get("volumeMounts", [])}
        named = {volume["name"] for volume in spec.get("volumes", [])}
        if mounted != named:
            yield f"{name_of(workload)}: volumes {sorted(named)}, mounted {sorted(mounted)}"
        if any("subPath" in mount for one in spec["containers"] for mount in one.get("volumeMounts", [])):
            yield f"{name_of(workload)}: subPath, which never changes"
        for volume in spec.get("volumes", []):
            source = volume.get("configMap")
            if not source or ("ConfigMap", source["name"]) in STOCK:
                continue
            keys = {item["key"] for item in source.get("items", [])}
            if not keys <= set(maps.get(source["name"], {}).get("data", {})) or source["name"] not in maps:
                yield f"{name_of(workload)}: no ConfigMap {source['name']} with {sorted(keys)}"


# ---- ports

def has_port(container, wanted, protocol):
    return any(wanted in (port["containerPort"], port.get("name")) and port.get("protocol", "TCP") == protocol
               for port in container.get("ports", []))


def container_ports(objects):
    """Names and numbers only once, names as the API takes them; probes ask a port that is there, where it has a name."""
    for workload in workloads(objects):
        for one in pod_spec(workload)["containers"]:
            ports = one.get("ports", [])
            names = [port["name"] for port in ports]
            numbers = [(port["containerPort"], port.get("protocol", "TCP")) for port in ports]
            if len(set(names)) != len(names) or len(set(numbers)) != len(numbers):
                yield f"{name_of(workload)}: a port twice: {names}, {numbers}"
            for name in names:
                if not re.fullmatch(r"(?=.{1,15}$)[a-z0-9]+(-[a-z0-9]+)*", name):
                    yield f"{name_of(workload)}: port name {name}"
            for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
                port = one.get(probe, {}).get("httpGet", {}).get("port")
                if isinstance(port, str) and not has_port(one, port, "TCP"):
                    yield f"{name_of(workload)}: {probe} asks port {port}"


def service_ports(objects):
    """A Service's target is a port of the pods that it selects, of the same protocol."""
    for service in find_all(objects, "Service"):
        for workload in workloads(objects):
            if not selects({"matchLabels": service["spec"]["selector"]}, labels_of(workload)):
                continue
            for port in service["spec"]["ports"]:
                target, protocol = port.get("targetPort", port["port"]), port.get("protocol", "TCP")
                if not any(has_port(one, target, protocol) for one in pod_spec(workload)["containers"]):
                    yield f"{name_of(service)}: {port['name']} leads to {target}/{protocol}, which {name_of(workload)} has not"


def policy_ports(objects):
    """What a NetworkPolicy lets in is what the pods that it selects have: all of it, and nothing else."""
    for policy in find_all(objects, "NetworkPolicy"):
        allowed = [(port["port"], port["protocol"]) for rule in policy["spec"].get("ingress", []) for port in rule["ports"]]
        for workload in workloads(objects):
            if not selects(policy["spec"]["podSelector"], labels_of(workload)):
                continue
            ports = [port for one in pod_spec(workload)["containers"] for port in one["ports"]]
            for port in ports:
                if not {(port["containerPort"], port["protocol"]), (port["name"], port["protocol"])} & set(allowed):
                    yield f"{name_of(policy)}: keeps {port['name']} of {name_of(workload)} out"
            if len(allowed) != len(ports):
                yield f"{name_of(policy)}: lets in {allowed}"


# ---- what a pod may and takes

def restricted(objects):
    """Pod Security Standards, "restricted", each of its controls. Those of nodes (DaemonSets) and the drop-ins' stock are not asked."""
    for workload in find_all(objects, "Deployment"):
        spec, name = pod_spec(workload), name_of(workload)
        if spec["serviceAccountName"] in ("coredns", "kube-dns"):
            continue
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(key):
                yield f"{name}: {key}"
        allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
        for volume in spec.get("volumes", []):
            if not set(volume) - {"name"} <= allowed:
                yield f"{name}: volume {volume}"
        for one in spec["containers"]:
            for finding in restricted_container(spec.get("securityContext", {}), one):
                yield f"{name}: {one['name']}: {finding}"


def restricted_container(pod, container):
    context = {**{key: value for key, value in pod.items() if key in ("runAsNonRoot", "runAsUser", "seccompProfile")},
               **container.get("securityContext", {})}
    if context.get("privileged") or "procMount" in context or pod.get("sysctls"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may be root"
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    if context.get("readOnlyRootFilesystem") is not True:  # ours: the standard does not ask for it
        yield "a root that can be written"
    capabilities = context.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield f"capabilities {capabilities}"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "hostPort"


SUFFIXES = {"": 1, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def quantity(value):
    number, suffix = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(value)).groups()
    return float(number) * SUFFIXES[suffix]


def resources(objects):
    """Everybody says what it needs; a server of ours has limits, too: of memory for its cache, of CPU for the number of its workers."""
    for workload in workloads(objects):
        for one in pod_spec(workload)["containers"]:
            requests, limits = one.get("resources", {}).get("requests", {}), one.get("resources", {}).get("limits", {})
            if not {"cpu", "memory"} <= set(requests) or (is_ours(one) and not {"cpu", "memory"} <= set(limits)):
                yield f"{name_of(workload)}: {one['name']}: requests {requests}, limits {limits}"
            for key in set(requests) & set(limits):
                if quantity(requests[key]) > quantity(limits[key]):
                    yield f"{name_of(workload)}: {one['name']}: more {key} than the limit"


def probes(objects):
    """Not ready within 2 s, and slow to kill."""
    for workload, one in deployments_of_ours(objects):
        ready, live = one.get("readinessProbe", {}), one.get("livenessProbe", {})
        if (ready.get("periodSeconds"), ready.get("timeoutSeconds"), ready.get("failureThreshold"),
                ready.get("initialDelaySeconds", 0)) != (2, 2, 1, 0):
            yield f"{name_of(workload)}: readiness {ready}"
        if live.get("periodSeconds", 10) * live.get("failureThreshold", 3) < 30 or live.get("timeoutSeconds", 1) < 5:
            yield f"{name_of(workload)}: liveness {live}"


def leaving(objects):
    """SIGKILL comes after the end that README promises, with what the Corefile says for `lameduck`."""
    corefiles = [text for value in find_all(objects, "ConfigMap") for text in value.get("data", {}).values()]
    lameduck = max((int(number) for text in corefiles for number in re.findall(r"^\s*lameduck (\d+)s$", text, re.MULTILINE)), default=0)
    most = max(lameduck, LEAVING_MAX_S) + DRAINING_S
    for workload, _ in deployments_of_ours(objects):
        if pod_spec(workload).get("terminationGracePeriodSeconds", 30) <= most:
            yield f"{name_of(workload)}: killed before {most:.0f} s are over"


def placement(objects):
    """DNS runs where anything runs; it never looks for names by itself."""
    for workload, _ in deployments_of_ours(objects):
        spec = pod_spec(workload)
        if spec.get("dnsPolicy") != "Default":
            yield f"{name_of(workload)}: dnsPolicy {spec.get('dnsPolicy')}, which leads back to itself"
        if spec.get("priorityClassName") != "system-cluster-critical" or spec.get("nodeSelector") != {"kubernetes.io/os": "linux"}:
            yield f"{name_of(workload)}: priority {spec.get('priorityClassName')}, nodes {spec.get('nodeSelector')}"
        if "CriticalAddonsOnly" not in [toleration.get("key") for toleration in spec.get("tolerations", [])]:
            yield f"{name_of(workload)}: tolerations"
        if any(constraint["whenUnsatisfiable"] != "ScheduleAnyway" for constraint in spec.get("topologySpreadConstraints", [])):
            yield f"{name_of(workload)}: a spread that must be"
        if not anti_affinity(workload) or "requiredDuringSchedulingIgnoredDuringExecution" in spec["affinity"]["podAntiAffinity"]:
            yield f"{name_of(workload)}: anti-affinity"


CHECKS = [identity, images, selection, accounts, roles, volumes, container_ports, service_ports, policy_ports, restricted, resources,
          probes, leaving, placement]

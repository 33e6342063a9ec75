# SPDX-License-Identifier: Apache-2.0
"""What the accounts of deploy/ may do, asked of a real API server with their own tokens: no more than they need, and enough: kaname
runs with the token and the rights that the manifests give, and with those that CoreDNS and kube-dns have already.
"""
import re

import pytest

import stock
from api import Api, Failure
from cluster import endpoints, service
from harness import wait_for
from render import find, find_all, folders, pod_spec, render
from world import answer, becomes

DNS = {("", "services"), ("", "endpoints"), ("", "namespaces"), ("discovery.k8s.io", "endpointslices")}
DNS_RIGHTS = {(verb, *kind, ()) for kind in DNS for verb in ("list", "watch")}
NODES = {("list", "", "nodes", ()), ("watch", "", "nodes", ())}
SCALE = {(verb, "apps", "deployments/scale", ("kube-dns",)) for verb in ("get", "update")}
KINDS_OF_RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def rights_in(folder):
    """The objects that give rights, and those that get them."""
    return [item for item in render(folder) if item["kind"] in KINDS_OF_RIGHTS]


class Holder:
    """Of an account's token in kube-system."""

    def __init__(self, plane, account):
        self.client = Api(plane.apiserver.url, plane.ca, plane.token(account))

    def rights(self, namespace):
        """{(verb, group, resource, names)} as the API server tells it to the account itself."""
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
        status = self.client.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
        assert not status["incomplete"]
        return {(verb, group, resource, tuple(rule.get("resourceNames", ()))) for rule in status["resourceRules"]
                for verb in rule["verbs"] for group in rule["apiGroups"] for resource in rule["resources"]}

    def is_forbidden(self, method, path, body=None):
        try:
            self.client.call(method, path, body)
        except Failure as failure:
            assert failure.status == 403, failure
            return True
        return False


@pytest.fixture
def anybody(plane, kubectl):
    """Has the rights of every account."""
    kubectl.create(stock.account("anybody"))
    return Holder(plane, "anybody")


def own_rights(holder, anybody, namespace):
    return holder.rights(namespace) - anybody.rights(namespace)


def kubernetes_block(objects):
    """The lines of the rendered Corefile's block: they say what is watched."""
    [block] = re.findall(r"\bkubernetes [^{\n]*\{(.*?)\}", find(objects, "ConfigMap", "kaname")["data"]["Corefile"], re.DOTALL)
    return [line.strip() for line in block.splitlines() if line.strip() and not line.strip().startswith(("#", "ttl"))]


# ---- no more than that

def test_kaname_may_list_and_watch(plane, kubectl, anybody):
    """The four kinds that DNS is made of, and nothing else."""
    kubectl.apply(rights_in("base"))
    kaname = Holder(plane, "kaname")
    for namespace in ("kube-system", "default"):
        assert own_rights(kaname, anybody, namespace) == DNS_RIGHTS
    assert not kaname.is_forbidden("GET", "/api/v1/services")
    kubectl.apply([service("a.default", ports=["http:80"])])
    for method, path in [("GET", "/api/v1/namespaces/default/services/kubernetes"), ("GET", "/api/v1/secrets"), ("GET", "/api/v1/pods"),
                         ("GET", "/api/v1/namespaces/kube-system/configmaps"), ("DELETE", "/api/v1/namespaces/default/services/a")]:
        assert kaname.is_forbidden(method, path), path


def test_other_accounts_have_less(plane, kubectl, anybody):
    """Every account of every overlay: what may be given is said here, and nothing is given besides."""
    known = {"kaname": DNS_RIGHTS, "kube-dns-autoscaler": NODES | SCALE | {("get", "", "configmaps", ("kube-dns-autoscaler",))}}
    accounts = set()
    for folder in folders():
        objects = rights_in(folder)
        if objects:
            kubectl.apply(objects, "--server-side")
        accounts |= {item["metadata"]["name"] for item in find_all(objects, "ServiceAccount")}
    assert accounts >= known.keys()
    for name in accounts:
        assert own_rights(Holder(plane, name), anybody, "kube-system") == known.get(name, set()), name
        assert own_rights(Holder(plane, name), anybody, "default") <= DNS_RIGHTS | NODES, name


def test_autoscaler_scales_kube_dns_only(plane, kubectl, anybody):
    """It counts nodes, reads its parameters, and sets the replicas of this one Deployment."""
    objects = render("overlays/autoscaler")
    pod = pod_spec(find(objects, "Deployment", "kube-dns-autoscaler"))
    assert "--configmap=kube-dns-autoscaler" in pod["containers"][0]["args"]
    kubectl.apply(objects)
    other = find(render("base"), "Deployment", "kube-dns")
    other["metadata"]["name"] = "other"
    kubectl.create(other)
    autoscaler = Holder(plane, pod["serviceAccountName"])

    path = "/apis/apps/v1/namespaces/kube-system/deployments/{}/scale"
    found = autoscaler.client.call("GET", path.format("kube-dns"))
    found["spec"]["replicas"] = 5
    autoscaler.client.call("PUT", path.format("kube-dns"), found)
    assert kubectl.get("deployment", "kube-dns")["spec"]["replicas"] == 5
    assert autoscaler.client.call("GET", "/api/v1/nodes")["kind"] == "NodeList"
    assert "linear" in autoscaler.client.call("GET", "/api/v1/namespaces/kube-system/configmaps/kube-dns-autoscaler")["data"]
    for name in ("other", "kube-dns-autoscaler"):
        assert autoscaler.is_forbidden("GET", path.format(name))
        assert autoscaler.is_forbidden("PUT", path.format(name), found)
    assert autoscaler.is_forbidden("GET", path.format("kube-dns").removesuffix("/scale"))
    assert autoscaler.is_forbidden("GET", "/api/v1/namespaces/kube-system/configmaps/kaname")


# ---- enough

def test_rights_of_base_are_enough(world, kubectl):
    """With the options of the rendered Corefile, from a token to a change that arrives."""
    objects = render("base")
    kubectl.apply(rights_in("base"))
    world.account.rotate(world.plane.token())
    with world.serve(*kubernetes_block(objects)) as server:
        world.changes_arrive(server)
        world.equals_fresh(server, *kubernetes_block(objects))
        assert " 403" not in server.log()


@pytest.mark.parametrize("resource", ["services", "endpointslices", "namespaces"])
def test_each_rule_is_needed(world, kubectl, resource):
    """Without it kaname says which it is, and waits; `kubectl apply` heals it."""
    objects = rights_in("base")
    lame = rights_in("base")
    role = find(lame, "ClusterRole")
    for rule in role["rules"]:
        rule["resources"] = [other for other in rule["resources"] if other != resource]
    role["rules"] = [rule for rule in role["rules"] if rule["resources"]]
    kubectl.apply(lame)
    world.account.rotate(world.plane.token())
    with world.serve(is_ready=False) as server:
        wait_for("the log names it", lambda: any(resource in line and "403" in line for line in server.log().splitlines()))
        assert server.http("ready")[0] == 503
        kubectl.apply(objects)
        world.becomes_ready(server)
        world.changes_arrive(server)


def test_rights_of_coredns_are_enough(world, kubectl):
    """What kubeadm gave it: the drop-in takes over its account."""
    kubectl.create(*stock.COREDNS_RIGHTS)
    world.account.rotate(world.plane.token("coredns"))
    with world.serve("pods verified") as server:
        world.changes_arrive(server)
        assert answer(server, f"10-244-99-99.{world.space}.pod") == "NXDOMAIN"
        assert " 403" not in server.log()


def test_rights_of_kube_dns_are_enough(world, kubectl):
    """The API server itself makes its role, and binds it to the account: services and endpoints."""
    kubectl.create(stock.account("kube-dns"))
    crowd = [{"ip": f"10.244.{world.number}.{n}", "hostname": f"crowd-{n}"} for n in (1, 2, 3)]
    made = endpoints(world.named("crowd"), {"addresses": crowd, "ports": [{"name": "http", "port": 8080}]})
    world.admin.apply(made)
    world.account.rotate(world.plane.token("kube-dns"))
    with world.serve("minimal_rights") as server:
        name = world.named("late")
        late = [service(name, ports=["http:80"]), endpoints(name, {"addresses": crowd[:1], "ports": [{"name": "http", "port": 8080}]})]
        world.admin.apply(*late)
        becomes(server, f"{name}.svc", f"NOERROR {crowd[0]['ip']}")
        world.admin.delete(*late[::-1])  # the API server deletes a Service's Endpoints with it
        becomes(server, f"{name}.svc", "NXDOMAIN")

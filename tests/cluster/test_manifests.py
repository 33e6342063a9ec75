# SPDX-License-Identifier: Apache-2.0
"""What stands in deploy/, given to a real API server by a real kubectl: accepted whole and without a warning, applied twice without
a change, and swapped in for what is there already. Rights are in test_rights.py.
"""
import pytest

import stock
from kubectl import same
from render import DEPLOY, find, folders, load, render

OPTIONS = [pytest.param((), id="client"), pytest.param(("--server-side",), id="server")]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NOT_APPLIED = f"is missing the {LAST_APPLIED} annotation"

def lost(given, got, path=""):
    """Paths of what was given and is not there, or otherwise."""
    if isinstance(given, dict) and isinstance(got, dict):
        return [lack for key, value in given.items() for lack in lost(value, got.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(got, list) and len(given) == len(got):
        return [lack for n, value in enumerate(given) for lack in lost(value, got[n], f"{path}[{n}]")]
    return [] if given == got else [f"{path}: {given!r} is {got!r}"]


def changed(before, after, path=""):
    """Paths of what differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {one for key in before | after for one in changed(before.get(key), after.get(key), f"{path}.{key}")}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return {one for n, value in enumerate(before) for one in changed(value, after[n], f"{path}[{n}]")}
    return set() if before == after else {path}


def versions(items):
    return {(item["kind"], item["metadata"]["name"]): item["metadata"]["resourceVersion"] for item in items}


def kube_dns(kubectl):
    return kubectl.get("deployment", "kube-dns")


# ---- accepted

@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("folder", folders())
def test_is_accepted(kubectl, folder, options):
    """Every field is known and kept as it is written; a second time changes nothing."""
    objects = kubectl.served(render(folder))
    assert objects
    if any(item["apiVersion"].startswith("monitoring.coreos.com/") for item in objects):
        kubectl.create(*stock.OPERATORS_KINDS)
        kubectl.run("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    kubectl.apply(objects, *options)
    stored = kubectl.stored(objects)
    for item in objects:
        [got] = [other for other in stored if same(item, other)]
        assert not lost(item, got)
    said = kubectl.apply(objects, *options)
    if not options and "drop-in" not in folder:  # the stock's spelling is not ours to choose
        assert all(line.endswith(" unchanged") for line in said.splitlines()), said
    assert versions(kubectl.stored(objects)) == versions(stored)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("folder", ["base", "overlays/autoscaler", "overlays/node-local"])
def test_diff(kubectl, folder, options):
    """`kubectl diff` shows what an apply would change, and nothing once it was applied."""
    objects = render(folder)
    before = kubectl.execute("diff", *options, "-f", "-", objects=objects)
    assert before.returncode == 1 and all(f"+  name: {item['metadata']['name']}\n" in before.stdout for item in objects), before.stderr
    kubectl.apply(objects, *options)
    assert kubectl.run("diff", *options, "-f", "-", objects=objects) == ""


def test_what_is_wrong_is_refused(kubectl):
    """That the test above can fail: an unknown field, a wrong type, a value out of range, an address out of the range of services."""
    objects = render("base")
    deployment, service = find(objects, "Deployment", "kube-dns"), find(objects, "Service", "kube-dns")
    spec = deployment["spec"]
    for wrong, reason in [({**deployment, "spec": {**spec, "replica": 2}}, 'unknown field "replica"'),
                          ({**deployment, "spec": {**spec, "replicas": "two"}}, "replicas"),
                          ({**deployment, "spec": {**spec, "replicas": -1}}, "must be greater than or equal to 0"),
                          ({**service, "spec": {**service["spec"], "clusterIP": "10.97.0.10"}}, "not in the valid range")]:
        assert reason in kubectl.refuses("apply", "--validate=true", "-f", "-", objects=[wrong])


def test_address_is_allocated(kubectl):
    objects = render("base")
    kubectl.apply(objects)
    service = kubectl.get("service", "kube-dns")
    assert service["spec"]["clusterIP"] == find(objects, "Service", "kube-dns")["spec"]["clusterIP"] == "10.96.0.10"
    other = {**stock.SERVICE, "metadata": {"name": "other", "namespace": "default"}}
    assert "provided IP is already allocated" in kubectl.refuses("create", "-f", "-", objects=[other])


def test_server_side_after_client_side(kubectl):
    """No conflict, and no other pods: who has begun in one way may go on in the other."""
    objects = render("base")
    kubectl.apply(objects)
    before = kubectl.stored(objects)
    for options in (["--server-side"], []):
        kubectl.apply(objects, *options)
        for was, now in zip(before, kubectl.stored(objects)):
            assert now.get("spec") == was.get("spec")


# ---- in the place of what is there

@pytest.mark.parametrize("options", [pytest.param((), id="client"), pytest.param(("--server-side", "--force-conflicts"), id="server")])
def test_swap_and_back(kubectl, options):
    """Beside kubeadm's objects: the Service stays, with its address and both its ports 53, and CoreDNS is not touched."""
    [coredns] = stock_objects("coredns-drop-in", "Deployment")
    kubectl.create(stock.SERVICE, *stock.COREDNS_RIGHTS, coredns)
    before = [kubectl.get("service", "kube-dns"), kubectl.get("deployment", "coredns")]
    objects = render("base")
    wanted = find(objects, "Service", "kube-dns")
    for warnings in ([] if options else [NOT_APPLIED], []):
        kubectl.apply(objects, *options, warnings=warnings)
        service = kubectl.get("service", "kube-dns")
        assert [{key: port[key] for key in wanted["spec"]["ports"][0]} for port in service["spec"]["ports"]] == wanted["spec"]["ports"]
        assert service["spec"]["selector"] == stock.SERVICE["spec"]["selector"]
        assert stock.SERVICE["metadata"]["annotations"].items() <= service["metadata"]["annotations"].items()
        assert kubectl.get("deployment", "coredns") == before[1]
        found = kubectl.run("get", "deployments", "-n", "kube-system", "-l", "k8s-app=kube-dns", "-o", "name")
        assert found.split() == ["deployment.apps/coredns"], "kubeadm's upgrade refuses more than one"
    kubectl.run("scale", "-n", "kube-system", "deployment", "coredns", "--replicas=0")
    assert kube_dns(kubectl)["spec"]["replicas"] == 2
    kubectl.run("scale", "-n", "kube-system", "deployment", "coredns", "--replicas=2")
    kubectl.run("delete", "-n", "kube-system", "deployment", "kube-dns", "--wait=false")
    after = [kubectl.get("service", "kube-dns"), kubectl.get("deployment", "coredns")]
    for was, now in zip(before, after):
        assert now["metadata"]["uid"] == was["metadata"]["uid"]
        assert not lost(was["spec"], now["spec"])


@pytest.mark.parametrize("options", [pytest.param((), id="client"), pytest.param(("--server-side", "--force-conflicts"), id="server")])
def test_kube_dns_is_not_overwritten(kubectl, options):
    """Its Deployment has the name of ours, and a selector that never changes: base is refused for it, and it goes on as it was."""
    [stocks] = stock_objects("kube-dns-drop-in", "Deployment")
    kubectl.create(stocks)
    before = kube_dns(kubectl)
    assert "field is immutable" in kubectl.refuses("apply", *options, "-f", "-", objects=[find(render("base"), "Deployment", "kube-dns")])
    assert kube_dns(kubectl) == before


def stock_objects(drop_in, *kinds):
    objects = load((DEPLOY / "overlays" / drop_in / "deployment.yaml").read_text())
    return [item for item in objects if not kinds or item["kind"] in kinds]


@pytest.mark.parametrize("drop_in", ["coredns-drop-in", "kube-dns-drop-in"])
def test_drop_in(kubectl, drop_in):
    """`kubectl patch` gives what the overlay renders, which is merged by other code; and only once."""
    [deployment] = stock_objects(drop_in, "Deployment")
    name = deployment["metadata"]["name"]
    patch = ["patch", "deployment", name, "-n", "kube-system", "--patch-file", DEPLOY / "overlays" / drop_in / "patch.yaml"]
    kubectl.create(deployment)
    before = kubectl.get("deployment", name)
    kubectl.run(*patch)
    patched = kubectl.get("deployment", name)
    assert "no change" in kubectl.run(*patch)
    assert patched["metadata"]["uid"] == before["metadata"]["uid"]
    kubectl.run("delete", "-n", "kube-system", "deployment", name, "--wait=false")
    rendered = find(render(f"overlays/{drop_in}"), "Deployment", name)
    kubectl.create(rendered)
    assert not changed(kubectl.get("deployment", name)["spec"], patched["spec"])


def test_drop_in_changes_what_it_says(kubectl):
    """And nothing else; with the old image alone CoreDNS is back, with kaname's grace period and readiness."""
    [deployment] = stock_objects("coredns-drop-in", "Deployment")
    [patch] = load((DEPLOY / "overlays/coredns-drop-in/patch.yaml").read_text())
    kubectl.create(deployment)
    before = kubectl.get("deployment", "coredns")["spec"]
    kubectl.run("patch", "deployment", "coredns", "-n", "kube-system", "--patch-file", DEPLOY / "overlays/coredns-drop-in/patch.yaml")
    image = ".template.spec.containers[0].image"
    differs = changed(before, kubectl.get("deployment", "coredns")["spec"])
    assert image in differs
    assert differs <= leaves(patch["spec"])
    kubectl.run("set", "image", "deployment/coredns", "-n", "kube-system",
                f"coredns={before['template']['spec']['containers'][0]['image']}")
    assert changed(before, kubectl.get("deployment", "coredns")["spec"]) == differs - {image}


def leaves(item, path=""):
    """Paths of all plain values."""
    if isinstance(item, dict):
        return {one for key, value in item.items() for one in leaves(value, f"{path}.{key}")}
    if isinstance(item, list):
        return {one for n, value in enumerate(item) for one in leaves(value, f"{path}[{n}]")}
    return {path}


# ---- how many

@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("folder", ["overlays/autoscaler", "overlays/hpa"])
def test_replicas_stay(kubectl, folder, options):
    """As an autoscaler has set them, whenever the overlay is applied again."""
    objects = render(folder)
    assert "replicas" not in find(objects, "Deployment", "kube-dns")["spec"]
    kubectl.apply(objects, *options)
    kubectl.run("scale", "-n", "kube-system", "deployment", "kube-dns", "--replicas=7")
    find(objects, "Deployment", "kube-dns")["spec"]["template"]["metadata"]["annotations"] = {"an": "upgrade"}
    kubectl.apply(objects, *options)
    found = kube_dns(kubectl)["spec"]
    assert found["replicas"] == 7
    assert found["template"]["metadata"]["annotations"] == {"an": "upgrade"}


def give_away_replicas(kubectl, options):
    """README's step before an autoscaler's overlay is applied over base: else `kubectl apply` takes its own number back, and 1 is left."""
    if options:
        replicas = kube_dns(kubectl)["spec"]["replicas"]
        owned = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "kube-dns", "namespace": "kube-system"},
                 "spec": {"replicas": replicas}}
        kubectl.run("apply", "--server-side", "--validate=false", "--field-manager=autoscaler", "-f", "-", objects=[owned])
        return []
    kubectl.run("annotate", "-n", "kube-system", "deployment", "kube-dns", f"{LAST_APPLIED}-")
    return [NOT_APPLIED]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("folder", ["overlays/autoscaler", "overlays/hpa"])
def test_replicas_stay_at_the_switch(kubectl, folder, options):
    """From base to an autoscaler, which then is the only one that sets them."""
    kubectl.apply(render("base"), *options)
    kubectl.run("scale", "-n", "kube-system", "deployment", "kube-dns", "--replicas=7")
    warnings = give_away_replicas(kubectl, options)
    objects = render(folder)
    kubectl.apply(objects, *options, warnings=warnings)
    assert kube_dns(kubectl)["spec"]["replicas"] == 7
    kubectl.run("scale", "-n", "kube-system", "deployment", "kube-dns", "--replicas=5")
    kubectl.apply(objects, *options)
    assert kube_dns(kubectl)["spec"]["replicas"] == 5


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("first, second", [("overlays/autoscaler", "overlays/hpa"), ("overlays/hpa", "overlays/autoscaler")])
def test_from_one_autoscaler_to_the_other(kubectl, first, second, options):
    """The number stays; the first one's own objects do, too, and have to be deleted."""
    kubectl.apply(render(first), *options)
    kubectl.run("scale", "-n", "kube-system", "deployment", "kube-dns", "--replicas=7")
    own = [item for item in render(first) if not any(same(item, other) for other in render(second))]
    kubectl.run("delete", "--wait=false", "-f", "-", objects=own)
    kubectl.apply(render(second), *options)
    assert kube_dns(kubectl)["spec"]["replicas"] == 7

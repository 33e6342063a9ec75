# SPDX-License-Identifier: Apache-2.0
"""overlays/monitoring: the rules and the dashboard are whole, and ask for series and labels that the binary has.

A real Prometheus scrapes a server with traffic of each kind (names of the cluster that are there and that are not, reverse names,
upstreams' and cached ones, UDP and TCP, an upstream that is down, objects that change), and every query is put to it.
"""
import json
import re
import shutil
import subprocess
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from apiserver import ApiServer
from cluster import endpoint, endpointslice, service
from harness import free_port, running, wait_for
from prometheus import grouped, scraping, selectors
from render import DEPLOY, find, find_all, folders, render
from upstream import Upstream
from watching import STABLE

needs_prometheus = pytest.mark.skipif(not shutil.which("prometheus") or not shutil.which("promtool"),
                                      reason="there is no prometheus or promtool (Debian: prometheus)")
ALERT_TESTS = Path(__file__).with_name("alerts_test.yaml")
PROMTOOL_S = 300
COREFILE = """
.:$port {
    bind $address
    errors
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig KUBECONFIG
        ttl 30
    }
    forward . UPSTREAM DOWN {
        policy sequential
    }
    cache 30
    loop
    reload
    loadbalance
}
"""
NAMES = [("stable.shop.svc", "A"), ("stable.shop.svc", "AAAA"), ("_http._tcp.stable.shop.svc", "SRV"), ("nothing.shop.svc", "A"),
         ("1.0.96.10.in-addr.arpa.", "PTR"), ("cached.example.", "A"), ("bad.example.", "A"), ("gone.example.", "AAAA")]
# What a query's variables are in this test.
VALUES = {"$__rate_interval": "10s", "$job": ".*", "$instance": ".*"}


def rule_groups():
    return {"groups": find(render("overlays/monitoring"), "PrometheusRule")["spec"]["groups"]}


def rules():
    return [rule for group in rule_groups()["groups"] for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def dashboard():
    return json.loads(find(render("overlays/monitoring"), "ConfigMap", "kaname-dashboard")["data"]["kaname.json"])


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """[(panel's title, target)]"""
    return [(panel["title"], target) for panel in panels() for target in panel["targets"]]


# ---- what is written


@pytest.mark.parametrize("name, folder", [("kube-dns", "base"), ("node-local-dns", "overlays/node-local")])
def test_monitors_select_their_service(name, folder):
    """The Service that is scraped has the labels and the port that are asked for, and the namespace."""
    if folder not in folders():
        pytest.skip(f"there is no {folder}")
    monitor = find(render("overlays/monitoring"), "ServiceMonitor", name)
    wanted = monitor["spec"]["selector"]["matchLabels"]
    chosen = [value for value in find_all(render(folder), "Service") if wanted.items() <= value["metadata"]["labels"].items() and
              value["metadata"]["namespace"] == monitor["metadata"]["namespace"]]
    assert [value["metadata"]["name"] for value in chosen] == [name]
    assert chosen[0]["metadata"]["labels"][monitor["spec"]["jobLabel"]] == name
    ports = [port["name"] for port in chosen[0]["spec"]["ports"]]
    assert all(endpoint_["port"] in ports for endpoint_ in monitor["spec"]["endpoints"]), ports


def test_alerts_are_whole():
    names = [rule["alert"] for rule in alerts()]
    assert names and len(names) == len(set(names))
    for rule in alerts():
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]
        assert re.fullmatch(r"deploy/README\.md#[a-z-]+", rule["annotations"]["runbook"]), rule["alert"]


def test_runbooks_are_there():
    readme = DEPLOY / "README.md"
    if not readme.exists():
        pytest.skip("there is no deploy/README.md")
    titles = re.findall(r"^#+ (.*)$", readme.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    missing = {rule["annotations"]["runbook"].partition("#")[2] for rule in alerts()} - anchors
    assert not missing


def test_dashboard_is_found():
    labels = find(render("overlays/monitoring"), "ConfigMap", "kaname-dashboard")["metadata"]["labels"]
    assert labels["grafana_dashboard"] == "1"


def cells(panel):
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_dashboard_layout():
    """Every line is filled, nothing overlaps, and rows stand alone."""
    board = dashboard()["panels"]
    assert len({panel["id"] for panel in board}) == len(board)
    taken = {}
    for panel in board:
        for cell in cells(panel):
            assert cell[0] < 24 and cell not in taken, f"{panel['title']} lies on {taken.get(cell)} at {cell}"
            taken[cell] = panel["title"]
    height = 1 + max(y for _, y in taken)
    assert len(taken) == 24 * height
    assert all(panel["gridPos"]["w"] == 24 and panel["gridPos"]["h"] == 1 for panel in board if panel["type"] == "row")


def test_dashboard_panels():
    board = dashboard()
    known = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__all"}
    assert used <= known and known - used == set(), (used, known)
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))
    for panel in panels():
        assert panel["description"] and panel["fieldConfig"]["defaults"]["unit"] and panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs)), panel["title"]
        for target in panel["targets"]:
            assert target["legendFormat"] and target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for title, target in queries():
        for _, selector in selectors(target["expr"]):
            assert 'job=~"$job",instance=~"$instance"' in selector, f"{title}: {selector}"


# ---- promtool


def promtool(*args, cwd):
    done = subprocess.run(["promtool", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROMTOOL_S, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_prometheus
def test_rules_are_valid(tmp_path):
    (tmp_path / "kaname.yaml").write_text(yaml.safe_dump(rule_groups()))
    assert f"{len(rules())} rules found" in promtool("check", "rules", "kaname.yaml", cwd=tmp_path)


@needs_prometheus
def test_alerts_fire(tmp_path):
    """Each on its fault, alone, and not before."""
    (tmp_path / "kaname.yaml").write_text(yaml.safe_dump(rule_groups()))
    shutil.copy(ALERT_TESTS, tmp_path)
    promtool("test", "rules", ALERT_TESTS.name, cwd=tmp_path)
    fired, is_silent = set(), True
    for test in yaml.safe_load(ALERT_TESTS.read_text(encoding="ascii"))["tests"]:
        wanted = [sample["labels"] for asked in test["promql_expr_test"] for sample in asked["exp_samples"]]
        fired |= {re.fullmatch(r'\{alertname="(\w+)"\}', labels).group(1) for labels in wanted}
        is_silent &= any(not asked["exp_samples"] for asked in test["promql_expr_test"])
    assert fired == {rule["alert"] for rule in alerts()} and is_silent


# ---- a real Prometheus


class Traffic(threading.Thread):
    """Asks for each kind of name, and changes an endpoint, until it is stopped."""

    def __init__(self, server, api):
        super().__init__(daemon=True, name="traffic")
        self.server, self.api = server, api
        self.is_over = threading.Event()
        self.error = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.is_over.set()
        self.join()
        if kind is None and self.error:
            raise self.error

    def change(self, n):
        slice_ = endpointslice("moving.shop", endpoint(f"10.244.9.{1 + n % 200}"), ports=["http:80"])
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        slice_["metadata"]["annotations"] = {"endpoints.kubernetes.io/last-change-trigger-time": now}
        self.api.apply(slice_)

    def run(self):
        n = 0
        try:
            while not self.is_over.wait(0.05):
                for name, rdtype in [*NAMES, (f"n{n}.example.", "A")]:
                    self.server.ask(name, rdtype, tcp=n % 2 == 1)
                self.change(n)
                n += 1
        except Exception as error:  # told where it can be seen
            self.error = error


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitoring")
    with Upstream() as upstream, ApiServer(folder / "api") as api:
        upstream.rules = [("bad.example.", "rcode=SERVFAIL"), ("gone.example.", "rcode=NXDOMAIN")]
        api.apply_many([*STABLE, service("moving.shop", ports=["http:80"])])
        corefile = (COREFILE.replace("KUBECONFIG", str(api.kubeconfig())).replace("UPSTREAM", str(upstream))
                    .replace("DOWN", f"127.0.0.1:{free_port()}"))
        with running(folder / "server", corefile=corefile) as server, Traffic(server, api) as traffic, \
                scraping(folder / "prometheus", f"{server.address}:{server.metrics_port}", rule_groups()) as scraper:
            wait_for("scrapes", lambda: any(value >= 6 for _, value in scraper.ask("count_over_time(up[1m])")), 60)
            yield scraper
            assert traffic.error is None


def answer_of(prometheus, expression):
    """The samples; waited for, since a busy machine may lose a scrape."""
    try:
        return wait_for(expression, lambda: prometheus.ask(expression))
    except AssertionError:
        return []


@needs_prometheus
def test_dashboard_queries(prometheus):
    """None is without a number, and all the labels of the legends are there."""
    faults = []
    for title, target in queries():
        expression = filled(target["expr"])
        samples = answer_of(prometheus, expression)
        labels = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        if not samples:
            faults.append(f"{title}: nothing for {expression}")
        faults += [f"{title}: no {label} in {samples[:5]}" for label in labels if not any(label in have for have, _ in samples)]
        faults += lacking(prometheus, title, expression)
    assert not faults, "\n".join(faults)


def filled(expression):
    for name, value in VALUES.items():
        expression = expression.replace(name, value)
    return expression


def lacking(prometheus, title, expression):
    """The labels of a `by` that no sample of its selector has. (One that is empty, as `plugin` may be, is none for Prometheus.)"""
    return [f"{title}: {selector} has no {label}" for selector, labels in grouped(expression)
            for samples in [answer_of(prometheus, selector)] for label in labels if not any(label in have for have, _ in samples)]


@needs_prometheus
def test_variables(prometheus):
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", filled(variable["query"]["query"])).groups()
            assert all(label in have for have, _ in answer_of(prometheus, selector)) and answer_of(prometheus, selector)


@needs_prometheus
def test_alert_series(prometheus):
    """Every series that an alert or a recording asks for is there, with the labels of its `by` and of its text."""
    faults = []
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        asked = selectors(rule["expr"])
        assert asked, name
        faults += [f"{name}: nothing for {selector}" for _, selector in asked if not answer_of(prometheus, selector)]
        faults += lacking(prometheus, name, rule["expr"])
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule.get("annotations", {}))))
        labels = [set(labels) for _, labels in grouped(rule["expr"])] or [set(have) for have, _ in prometheus.ask(asked[0][1])]
        faults += [f"{name}: its text has {named - have}" for have in labels if not named <= have]
    assert not faults, "\n".join(faults)


@needs_prometheus
def test_rules_are_evaluated(prometheus):
    """Without an error, and the recording rules give something."""
    def states():
        loaded = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        return loaded if all(rule["health"] != "unknown" for rule in loaded) else None
    loaded = wait_for("evaluations", states)
    assert len(loaded) == len(rules())
    assert not [(rule["name"], rule.get("lastError")) for rule in loaded if rule["health"] != "ok"]
    assert all(answer_of(prometheus, rule["record"]) for rule in rules() if "record" in rule)


@needs_prometheus
def test_missing_is_found(prometheus):
    """The checks themselves can fail."""
    assert not prometheus.ask("kaname_nothing_total")
    assert lacking(prometheus, "x", "sum by (nothing, pod) (kaname_saturation)")
    with pytest.raises(AssertionError, match="parse error"):
        prometheus.ask("sum by (")

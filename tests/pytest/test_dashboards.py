# SPDX-License-Identifier: Apache-2.0
"""Every selector of the alerts and dashboards that people have for CoreDNS finds a sample on our page, after traffic of each kind.

selectors/*.txt list them, each file with its source. What they ask for beside these is not ours: `up` (Prometheus'), container_*
(cAdvisor's), kube_* (kube-state-metrics'), and labels that a scrape adds (job, instance, pod, namespace, cluster). Of Go's runtime
(go_memstats_*, go_gc_*) kaname has nothing to tell but its threads.
"""
import re
from pathlib import Path

import pytest

from cluster import endpointslice, namespace, service
from harness import rcode_text, running, wait_for
from upstream import Upstream

COREFILE = """
.:$port {
    bind $address
    errors
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local {
        objects $objects
    }
    forward . UPSTREAM
    cache 30
}
"""
CLUSTER = [namespace("shop"), service("web.shop", "10.96.1.1", ports=["http:80"]), endpointslice("web.shop", "10.244.1.1", ports=["http:80"])]
SELECTORS = sorted(Path(__file__).with_name("selectors").glob("*.txt"))
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


def lines_of(path):
    return [line for line in path.read_text(encoding="ascii").splitlines() if line and not line.startswith("#")]


def samples_of(page):
    """[(name, {label: value})]"""
    samples = []
    for line in page.splitlines():
        if line and not line.startswith("#"):
            name, _, labels = line.rsplit(" ", 1)[0].partition("{")
            samples.append((name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))))
    return samples


def is_selected(labels, matchers):
    for name, operator, value in matchers:
        have = labels.get(name, "")
        is_equal = bool(re.fullmatch(value, have)) if "~" in operator else have == value
        if is_equal == operator.startswith("!"):
            return False
    return True


def missing_from(samples, line):
    """Why the page has nothing for this selector; None where it has."""
    selector, _, by = line.partition(" by ")
    name, _, matchers = selector.partition("{")
    matchers = MATCHER.findall(matchers)
    named = [labels for sample, labels in samples if sample == name]
    if not named:
        return f"{line}: no such metric"
    chosen = [labels for labels in named if is_selected(labels, matchers)]
    if not chosen:
        return f"{line}: none of {named[:5]}"
    lacking = [label for label in by.split() if any(label not in labels for labels in chosen)]
    return f"{line}: no label {lacking}" if lacking else None


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page after traffic of each kind."""
    with Upstream() as upstream:
        upstream.rules = [("bad.example.", "rcode=SERVFAIL"), ("no.example.", "rcode=REFUSED"), ("gone.example.", "rcode=NXDOMAIN")]
        corefile = COREFILE.replace("UPSTREAM", str(upstream))
        with running(tmp_path_factory.mktemp("dashboards"), {"all.json": CLUSTER}, corefile=corefile) as server:
            for name in ("web.shop.svc", "nothing.shop.svc", "a.example.", "a.example.", "bad.example.", "no.example.", "gone.example."):
                for tcp in (False, True):
                    server.ask(name, tcp=tcp, use_edns=0, want_dnssec=True)
                    server.ask(name, "AAAA", tcp=tcp)
            assert rcode_text(server.ask("bad.example.")) == "SERVFAIL"
            wait_for("it asked itself", lambda: server.metric("coredns_health_request_duration_seconds_count") > 0)
            yield server.http("metrics")[1]


@pytest.mark.parametrize("path", SELECTORS, ids=[path.stem for path in SELECTORS])
def test_selectors(page, path):
    samples = samples_of(page)
    lines = lines_of(path)
    assert lines
    missing = [why for why in (missing_from(samples, line) for line in lines) if why]
    assert not missing, "\n".join(missing)


def test_missing_is_found(page):
    """The check itself can fail."""
    samples = samples_of(page)
    assert missing_from(samples, "coredns_nothing_total") == "coredns_nothing_total: no such metric"
    assert "none of" in missing_from(samples, 'coredns_dns_requests_total{proto="quic"}')
    assert "no label ['pod']" in missing_from(samples, "coredns_dns_requests_total by pod")


def test_generations_agree(page):
    """A sum by the names of before 1.7 is the sum by those of today."""
    def total(name, **wanted):
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
                   if line.startswith(name + "{") and all(f'{label}="{value}"' in line for label, value in wanted.items()))
    for old, new, labels in [("coredns_dns_request_count_total", "coredns_dns_requests_total", {"proto": "tcp"}),
                             ("coredns_dns_request_type_count_total", "coredns_dns_requests_total", {"type": "AAAA"}),
                             ("coredns_dns_request_do_count_total", "coredns_dns_do_requests_total", {}),
                             ("coredns_dns_response_rcode_count_total", "coredns_dns_responses_total", {"rcode": "SERVFAIL"}),
                             ("coredns_forward_request_count_total", "coredns_forward_requests_total", {}),
                             ("coredns_forward_response_rcode_count_total", "coredns_forward_responses_total", {"rcode": "REFUSED"})]:
        assert total(old, **labels) == total(new, **labels) > 0, old


def test_failures_begin_with_zero(serve):
    """A rate of SERVFAILs has a beginning: the series is there before the first."""
    with serve({"all.json": CLUSTER}) as server:
        server.ask("web.shop.svc")
        wait_for("the query is counted", lambda: server.metric("coredns_dns_requests_total") == 1)
        values = [value for name, value in server.metrics().items() if name.startswith("coredns_dns_responses_total") and "SERVFAIL" in name]
        assert set(values) == {0.0}

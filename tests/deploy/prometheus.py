# SPDX-License-Identifier: Apache-2.0
"""A Prometheus on a loopback port of its own, that scrapes a server every second into a temporary folder; and what PromQL says.

    with scraping(folder, target, rules) as prometheus:
        prometheus.ask("sum by (job) (up)")     # [(labels, value)]
"""
import contextlib
import json
import math
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

from harness import DEADLINE_S, free_address, free_port, wait_for

# Name, and the matchers with their braces, of what is asked for.
SELECTOR = re.compile(r"(?<![\w:])((?:up|process_\w+|kaname_\w+|coredns_\w+|job\w*:\w+:\w+)\b)(\{[^}]*\})?")
BY = re.compile(r"\bby \(([^)]*)\)")


def selectors(expression):
    """[(where it begins, selector)]"""
    return [(match.start(), match.group()) for match in SELECTOR.finditer(expression)]


def grouped(expression):
    """[(selector, labels)]: what a `by` makes of the selector that it is about."""
    found = []
    for match in BY.finditer(expression):
        selector = next(text for begin, text in selectors(expression) if begin >= match.end())
        found.append((selector, [label.strip() for label in match.group(1).split(",")]))
    return found


class Prometheus:
    def __init__(self, address, port):
        self.url = f"http://{address}:{port}/api/v1/"

    def get(self, path, **options):
        """The data; an error of the query fails the test, with its text."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(options)}", timeout=DEADLINE_S) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{options}: {error.read().decode()}") from None

    def ask(self, expression):
        """[({label: value}, number)], without those that are no number."""
        samples = [(sample["metric"], float(sample["value"][1])) for sample in self.get("query", query=expression)["result"]]
        return [(labels, value) for labels, value in samples if not math.isnan(value)]

    def is_there(self):
        with contextlib.suppress(OSError, AssertionError):
            return self.get("targets")["activeTargets"]


@contextlib.contextmanager
def scraping(folder, target, rules):
    """target: "address:port"; rules: what a rule file has. The labels are those that the ServiceMonitor's targets get."""
    folder.mkdir()
    rule_file = folder / "rules.yaml"
    rule_file.write_text(yaml.safe_dump(rules))
    labels = {"namespace": "kube-system", "service": "kube-dns", "pod": "kube-dns-0", "container": "kaname", "endpoint": "metrics"}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}, "rule_files": [str(rule_file)],
              "scrape_configs": [{"job_name": "kube-dns", "static_configs": [{"targets": [target], "labels": labels}]}]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address, port = free_address(), free_port()
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
                                    f"--web.listen-address={address}:{port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        prometheus = Prometheus(address, port)

        def is_there():
            assert process.poll() is None, f"ended with {process.returncode}:\n{(folder / 'log').read_text()}"
            return prometheus.is_there()
        wait_for("prometheus", is_there)
        yield prometheus
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

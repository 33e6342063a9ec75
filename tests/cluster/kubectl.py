# SPDX-License-Identifier: Apache-2.0
"""A real kubectl against the control plane, as an operator runs it: each command must succeed and say nothing on standard error,
where warnings of kubectl and of the API server come, but those that a test expects.

The kubectl is $KUBECTL, that beside kube-apiserver, or that in PATH. A kube-apiserver older than 1.25, for which the manifests are,
gets them as it knows them: see served().
"""
import json
import os
import shutil
import subprocess
from pathlib import Path

SECONDS = 60
# The same fields under an older version, for a kube-apiserver before the one given.
OLDER = {"policy/v1": ((1, 21), "policy/v1beta1"), "autoscaling/v2": ((1, 23), "autoscaling/v2beta2")}
SURGE_SINCE = (1, 22)  # of DaemonSets
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {{cluster: test, user: admin}}
clusters:
- name: test
  cluster: {{server: "{url}", certificate-authority: "{ca}"}}
users:
- name: admin
  user: {{token: "{token}"}}
"""


def binary():
    """Its path; None without one in PATH, which renders the manifests."""
    beside = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nonexistent")) / "kubectl"
    in_path = shutil.which("kubectl")
    return in_path and (os.environ.get("KUBECTL") or (str(beside) if os.access(beside, os.X_OK) else in_path))


def served(objects, version):
    """The objects as a kube-apiserver of this version can be told them."""
    def told(item):
        since, older = OLDER.get(item["apiVersion"], ((0, 0), None))
        if item["kind"] == "DaemonSet" and version < SURGE_SINCE:
            item = {**item, "spec": {**item["spec"], "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}}
        return {**item, "apiVersion": older} if version < since else item
    return [told(item) for item in objects]


def same(item, other):
    return (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) == \
        (other["kind"], other["metadata"].get("namespace"), other["metadata"]["name"])


class Kubectl:
    """The administrator's."""

    def __init__(self, plane, folder):
        self.folder = Path(folder)
        self.version = plane.apiserver.version
        self.cache = plane.folder / "kubectl"  # of what kinds there are
        self.config = self.folder / "kubectl.config"
        self.config.write_text(KUBECONFIG.format(url=plane.apiserver.url, ca=plane.ca, token=plane.admin.token))
        self.applied = []  # since the last clean()

    def served(self, objects):
        return served(objects, self.version)

    def execute(self, *args, objects=None):
        """The ended process."""
        text = None if objects is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": self.served(objects)})
        command = [binary(), f"--kubeconfig={self.config}", f"--cache-dir={self.cache}", *map(str, args)]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)

    def run(self, *args, objects=None, warnings=()):
        """What it prints. These words, and nothing else, must be in the lines on standard error."""
        done = self.execute(*args, objects=objects)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, args))}: {done.stderr}"
        unexpected = [line for line in done.stderr.splitlines() if not any(word in line for word in warnings)]
        assert not unexpected, f"kubectl {' '.join(map(str, args))} warns: {unexpected}"
        assert all(word in done.stderr for word in warnings), f"no warning of {warnings}: {done.stderr!r}"
        return done.stdout

    def refuses(self, *args, objects=None):
        """Why."""
        done = self.execute(*args, objects=objects)
        assert done.returncode != 0, f"kubectl {' '.join(map(str, args))} is accepted: {done.stdout}"
        return done.stderr

    def create(self, *objects):
        self.applied += objects
        return self.run("create", "-f", "-", objects=objects)

    def apply(self, objects, *options, **expected):
        self.applied += objects
        return self.run("apply", "--validate=true", *options, "-f", "-", objects=objects, **expected)

    def get(self, kind, name, *options):
        """The object in kube-system, or cluster-wide, as the server has it."""
        return json.loads(self.run("get", "-n", "kube-system", "-o", "json", *options, kind, name))

    def stored(self, objects):
        """These, as the server has them."""
        items = json.loads(self.run("get", "-o", "json", "-f", "-", objects=objects))
        return items.get("items", [items])

    def clean(self):
        """All that was applied is gone."""
        unique = {(item["apiVersion"], item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item
                  for item in self.applied}
        kept = [item for item in unique.values() if item["kind"] != "Namespace"]
        if kept:
            self.run("delete", "--ignore-not-found", "--wait=false", "-f", "-", objects=kept[::-1])
        self.applied = []

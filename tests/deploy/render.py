# SPDX-License-Identifier: Apache-2.0
"""The manifests below deploy/, as `kubectl kustomize` gives them to a cluster.

    objects = render("overlays/hpa")                # of deploy/overlays/hpa, in their order
    deployment = find(objects, "Deployment", "kube-dns")
    container(deployment, "kaname")["image"]
"""
import functools
import subprocess
from pathlib import Path

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RENDER_S = 60


class Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a key that stands twice in a mapping is an error."""


def mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    assert len(keys) == len(set(keys)), f"a key stands twice: {sorted(map(str, keys))}, {node.start_mark}"
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def load(text):
    """The objects of a YAML text with several documents; empty documents are left out."""
    return [value for value in yaml.load_all(text, Loader) if value is not None]


def folders():
    """Every folder below deploy/ that can be rendered, relative to it."""
    return sorted(str(path.parent.relative_to(DEPLOY)) for path in DEPLOY.rglob("kustomization.yaml"))


@functools.lru_cache
def render_text(folder):
    """folder: relative to deploy/, or an absolute path."""
    done = subprocess.run(["kubectl", "kustomize", str(DEPLOY / folder)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=RENDER_S)
    assert done.returncode == 0 and not done.stderr, f"{folder}: exit code {done.returncode}\n{done.stderr}"
    return done.stdout


def render(folder):
    """The objects of a folder: fresh ones, which a test may change."""
    return load(render_text(folder))


def find(objects, kind, name=None):
    """The one object of this kind (and name)."""
    found = [value for value in objects if value["kind"] == kind and name in (None, value["metadata"]["name"])]
    there = [f"{value['kind']} {value['metadata']['name']}" for value in objects]
    assert len(found) == 1, f"{len(found)} of {kind} {name or ''} among {there}"
    return found[0]


def find_all(objects, kind):
    return [value for value in objects if value["kind"] == kind]


def pod_spec(workload):
    """Of a Deployment or a DaemonSet."""
    return workload["spec"]["template"]["spec"]


def container(workload, name):
    """The container of this name."""
    found = [value for value in pod_spec(workload)["containers"] if value["name"] == name]
    assert len(found) == 1, f"{len(found)} containers {name} in {workload['metadata']['name']}"
    return found[0]

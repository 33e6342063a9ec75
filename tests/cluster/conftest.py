# SPDX-License-Identifier: Apache-2.0
"""One control plane for the whole run, whole again before each test. See control_plane.py, and world.py for what tests are made of."""
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "pytest"), str(HERE.parent / "deploy")]

from control_plane import ControlPlane  # noqa: E402
from harness import BINARY  # noqa: E402
from kubectl import Kubectl, binary  # noqa: E402
from world import World  # noqa: E402


def pytest_sessionstart(session):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"there is no {BINARY}: build first, or set KANAME_BINARY", 3)
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.exit("KUBEBUILDER_ASSETS must name a folder with etcd and kube-apiserver: see tests/cluster/apiserver.sh", 3)


@pytest.fixture(scope="session")
def whole_plane(tmp_path_factory):
    plane = ControlPlane(os.environ["KUBEBUILDER_ASSETS"], tmp_path_factory.mktemp("plane"))
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def plane(whole_plane):
    """Up, with its own options and kaname's account and rules, whatever the test before has done."""
    if whole_plane.apiserver.options or not whole_plane.apiserver.is_healthy():
        whole_plane.apiserver.options = []
        whole_plane.apiserver.stop()
    for daemon in (whole_plane.etcd, whole_plane.apiserver):
        if not daemon.is_running():
            daemon.start()
    whole_plane.prepare()
    return whole_plane


@pytest.fixture
def world(plane, tmp_path):
    """A namespace of the test's own, with names in it that always exist, and kaname servers that are asked for these all the time."""
    with World(plane, tmp_path) as made:
        yield made


@pytest.fixture
def kubectl(plane, tmp_path):
    """The administrator's, where nothing of kaname's is yet, not even its account."""
    if binary() is None:
        pytest.skip("there is no kubectl")
    plane.forget()
    made = Kubectl(plane, tmp_path)
    yield made
    made.clean()

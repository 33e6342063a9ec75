# SPDX-License-Identifier: Apache-2.0
"""Fixtures. See harness.py for what a server offers and cluster.py for its objects."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harness"))  # upstream.py, the fake API server

from harness import BINARY, running


def pytest_sessionstart(session):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"there is no {BINARY}: build first, or set KANAME_BINARY", 3)


@pytest.fixture
def serve(tmp_path):
    """serve(objects, corefile=...) in a `with`: a server for one test."""
    counter = iter(range(1000))

    def start(objects=None, **options):
        return running(tmp_path / f"server{next(counter)}", objects, **options)

    return start

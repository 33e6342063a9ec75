# SPDX-License-Identifier: Apache-2.0
"""See render.py for the manifests, and tests/pytest/harness.py for a server that runs what they say."""
import os
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "pytest"), str(HERE.parent / "harness")]

from harness import BINARY  # noqa: E402


def pytest_sessionstart(session):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"there is no {BINARY}: build first, or set KANAME_BINARY", 3)
    if not shutil.which("kubectl"):
        pytest.exit("there is no kubectl, which renders the manifests", 3)

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds, and runs every test: meson's (unit, scenario, layer lint, corpus replay), then pytest against the
# running server. The last line is "N passed, N failed"; the exit code is 0 when none failed. From the environment:
#     KANAME_BUILD           the build directory (build)
#     KANAME_MESON_OPTIONS   for meson setup, e.g. "-Db_sanitize=thread -Db_lto=false"
#     KANAME_PYTEST_OPTIONS  for pytest, e.g. "-k names"
#     CC                     the compiler, where the build directory is new
# Results are left in $KANAME_BUILD/meson-logs and $KANAME_BUILD/pytest.xml.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/suite.sh

build_kaname build test || {
	echo "run.sh: it could not be built"
	echo "0 passed, 1 failed"
	exit 1
}
rm -f "$build/meson-logs/testlog.json" # of an earlier run
meson_code=0
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 4 || meson_code=$?
pytest_code=0
KANAME_BINARY=$build/kaname run_pytest 1200 tests/pytest "$build" || pytest_code=$?
tell "$build" $meson_code $pytest_code

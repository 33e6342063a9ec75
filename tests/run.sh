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

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
build=${KANAME_BUILD:-build}
mkdir -p "$build"
build=$(cd "$build" && pwd)
read -ra meson_options <<<"${KANAME_MESON_OPTIONS-}"
read -ra pytest_options <<<"${KANAME_PYTEST_OPTIONS-}"

finish() {
	echo "$1 passed, $2 failed"
	[ "$2" = 0 ] && [ "$1" != 0 ]
	exit
}

# A step that must not fail for the tests to make sense.
must() {
	"$@" || {
		echo "run.sh: failed: $*"
		finish 0 1
	}
}

# A sanitizer's report ends the process with a code of its own; tests/pytest looks for it too.
export ASAN_OPTIONS=exitcode=99:halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=exitcode=99
export UBSAN_OPTIONS=exitcode=99:halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=exitcode=99:halt_on_error=1:second_deadlock_stack=1
if [ -f tests/tsan.supp ]; then
	TSAN_OPTIONS+=:suppressions=$root/tests/tsan.supp
fi

must deploy/packages.sh build test
setup=()
if [ -f "$build/build.ninja" ]; then setup+=(--reconfigure); fi
must meson setup "${setup[@]}" "$build" "${meson_options[@]}"
must ninja -C "$build"

# Results of an earlier run must not be counted for this one's.
rm -f "$build/meson-logs/testlog.json" "$build/pytest.xml"
meson_code=0
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 4 || meson_code=$?
pytest_code=0
KANAME_BINARY=$build/kaname PYTHONDONTWRITEBYTECODE=1 timeout -k 10 1200 /usr/bin/python3 -m pytest -p no:cacheprovider -q \
	--junitxml="$build/pytest.xml" "${pytest_options[@]}" tests/pytest </dev/null || pytest_code=$?

counts=$(/usr/bin/python3 tests/count.py "$build" $meson_code $pytest_code)
# shellcheck disable=SC2086 # two numbers
finish $counts

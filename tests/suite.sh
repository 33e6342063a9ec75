#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the run.sh of each folder of tests shares. Each reads it at the root of the repository, with `set -euo pipefail`. From the
# environment: KANAME_BUILD, KANAME_MESON_OPTIONS and KANAME_PYTEST_OPTIONS, which each run.sh explains.
build=${KANAME_BUILD:-build}
read -ra meson_options <<<"${KANAME_MESON_OPTIONS-}"
read -ra pytest_options <<<"${KANAME_PYTEST_OPTIONS-}"

# A sanitizer's report ends the process with a code of its own; the tests look for it too.
export ASAN_OPTIONS=exitcode=99:halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=exitcode=99
export UBSAN_OPTIONS=exitcode=99:halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=exitcode=99:halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp

# Installs what is missing, and builds: $build is an absolute path then.
build_kaname() { # SET...: of packages
	local setup=()

	deploy/packages.sh "$@" && mkdir -p "$build" && build=$(cd "$build" && pwd) || return
	if [ -f "$build/build.ninja" ]; then setup+=(--reconfigure); fi
	meson setup "${setup[@]}" "$build" "${meson_options[@]}" && ninja -C "$build"
}

# Runs the tests of a folder for SECONDS at the most; returns pytest's code, and leaves pytest.xml in RESULTS. Out of time or
# interrupted they take down what they have set up: `timeout` is behind a terminal's Ctrl-C, which it would never see by itself.
run_pytest() { # SECONDS FOLDER RESULTS
	local pid code=0 signal=

	mkdir -p "$3"
	rm -f "$3/pytest.xml" # of an earlier run
	PYTHONDONTWRITEBYTECODE=1 timeout -s INT -k 60 "$1" /usr/bin/python3 -m pytest -p no:cacheprovider -q \
		--junitxml="$3/pytest.xml" "${pytest_options[@]}" "$2" </dev/null &
	pid=$!
	trap 'signal=INT' INT TERM
	wait "$pid" || code=$?
	if [ -n "$signal" ]; then
		kill -INT "$pid"
		wait "$pid" || true
		exit 130
	fi
	trap - INT TERM
	return "$code"
}

# Prints the last line, "N passed, N failed"; fails where a test has.
tell() { # RESULTS MESON-CODE PYTEST-CODE: as tests/count.py
	local counts

	counts=$(/usr/bin/python3 tests/count.py "$@")
	echo "${counts% *} passed, ${counts#* } failed"
	[ "${counts#* }" = 0 ]
}

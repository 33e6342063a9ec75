#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds, and runs the tests against a real etcd and kube-apiserver, which tests/cluster/apiserver.sh finds or makes (once, in about five
# minutes). The last line is "N passed, N failed"; where there can be no kube-apiserver it says why, and exits with 0. From the environment:
#     KUBEBUILDER_ASSETS     a folder with etcd and kube-apiserver; without kube-controller-manager in it, test_rollout.py is skipped
#     KUBECTL                kubectl, else that in the folder or in PATH; with none in PATH the tests of deploy/ are skipped
#     KANAME_BUILD           the build directory (build)
#     KANAME_MESON_OPTIONS   for meson setup, where the build directory is new
#     KANAME_PYTEST_OPTIONS  for pytest, e.g. "-k wiped"
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${KANAME_BUILD:-build}
read -ra meson_options <<<"${KANAME_MESON_OPTIONS-}"
read -ra pytest_options <<<"${KANAME_PYTEST_OPTIONS-}"

code=0
assets=$(tests/cluster/apiserver.sh | tail -n 1) || code=$?
if [ $code = 77 ]; then
	echo "SKIPPED: no kube-apiserver to test against"
	exit 0
fi
[ $code = 0 ]

deploy/packages.sh build test
[ -f "$build/build.ninja" ] || meson setup "$build" "${meson_options[@]}"
ninja -C "$build"
build=$(cd "$build" && pwd)

mkdir -p "$build/cluster"
rm -f "$build/cluster/pytest.xml"
export ASAN_OPTIONS=exitcode=99:halt_on_error=1:detect_leaks=1 UBSAN_OPTIONS=exitcode=99:halt_on_error=1:print_stacktrace=1
KUBEBUILDER_ASSETS=$assets KANAME_BINARY=$build/kaname PYTHONDONTWRITEBYTECODE=1 timeout -k 10 1200 \
	/usr/bin/python3 -m pytest -p no:cacheprovider -q --junitxml="$build/cluster/pytest.xml" "${pytest_options[@]}" \
	tests/cluster </dev/null || code=$?
counts=$(/usr/bin/python3 tests/count.py "$build/cluster" - $code)
echo "${counts% *} passed, ${counts#* } failed"
[ "${counts#* }" = 0 ]

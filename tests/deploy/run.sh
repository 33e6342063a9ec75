#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds, and checks what is below deploy/ against the binary: every kustomization is rendered with `kubectl kustomize`; no cluster is
# needed or asked. The last line is "N passed, N failed"; without a kubectl whose kustomize is 4 or later it says so, and exits with 0.
# From the environment:
#     KANAME_BUILD           the build directory (build)
#     KANAME_MESON_OPTIONS   for meson setup, where the build directory is new
#     KANAME_PYTEST_OPTIONS  for pytest, e.g. "-k drop_in"
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${KANAME_BUILD:-build}
read -ra meson_options <<<"${KANAME_MESON_OPTIONS-}"
read -ra pytest_options <<<"${KANAME_PYTEST_OPTIONS-}"

# What `kubectl version --client` says of kustomize; nothing, where there is none.
kustomize_version() {
	command -v kubectl >/dev/null || return 0
	kubectl version --client 2>/dev/null | sed -n 's/^Kustomize Version: v\([0-9]*\)\..*/\1/p'
}

version=$(kustomize_version)
if [ -z "$version" ] || [ "$version" -lt 4 ]; then
	echo "SKIPPED: no kubectl with kustomize 4 or later"
	exit 0
fi

deploy/packages.sh build test deploy
[ -f "$build/build.ninja" ] || meson setup "$build" "${meson_options[@]}"
ninja -C "$build"
build=$(cd "$build" && pwd)

mkdir -p "$build/deploy"
rm -f "$build/deploy/pytest.xml"
export ASAN_OPTIONS=exitcode=99:halt_on_error=1:detect_leaks=1 UBSAN_OPTIONS=exitcode=99:halt_on_error=1:print_stacktrace=1
code=0
KANAME_BINARY=$build/kaname PYTHONDONTWRITEBYTECODE=1 timeout -k 10 1200 \
	/usr/bin/python3 -m pytest -p no:cacheprovider -q --junitxml="$build/deploy/pytest.xml" "${pytest_options[@]}" \
	tests/deploy </dev/null || code=$?
counts=$(/usr/bin/python3 tests/count.py "$build/deploy" - $code)
echo "${counts% *} passed, ${counts#* } failed"
[ "${counts#* }" = 0 ]

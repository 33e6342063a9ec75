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
. tests/suite.sh

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

build_kaname build test deploy
code=0
KANAME_BINARY=$build/kaname run_pytest 1200 tests/deploy "$build/deploy" || code=$?
tell "$build/deploy" - $code

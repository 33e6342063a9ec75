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
. tests/suite.sh

code=0
assets=$(tests/cluster/apiserver.sh | tail -n 1) || code=$?
if [ $code = 77 ]; then
	echo "SKIPPED: no kube-apiserver to test against"
	exit 0
fi
[ $code = 0 ]

build_kaname build test
KUBEBUILDER_ASSETS=$assets KANAME_BINARY=$build/kaname run_pytest 1200 tests/cluster "$build/cluster" || code=$?
tell "$build/cluster" - $code

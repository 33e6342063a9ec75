#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the image of the Dockerfile, and runs the tests against it: its content, containers of it as Kubernetes runs them, and resolvers
# that ask one. Needs no registry: the base image is made from this machine's Debian mirror. The last line is "N passed, N failed"; where
# it cannot be done it says why, and exits with 0. From the environment:
#     KANAME_IMAGE_WORK      the folder for the base, buildah's storage and the results (build/image); the first two survive for a day
#     KANAME_PYTEST_OPTIONS  for pytest, e.g. "-k capabilities"
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/suite.sh
work=${KANAME_IMAGE_WORK:-build/image}
suite=trixie
base=docker.io/library/debian:13-slim # what the Dockerfile's `debian:13-slim` means

skip() {
	echo "SKIPPED: $*"
	exit 0
}

[ "$(id -u)" = 0 ] || skip "building and running containers needs root"
deploy/packages.sh build test image || skip "no packages to build and run containers with"
for tool in buildah runc mmdebstrap; do
	command -v $tool >/dev/null || skip "no $tool here"
done
mkdir -p "$work"
work=$(cd "$work" && pwd)

# Its own storage and configuration: whatever images this machine has otherwise are neither seen nor touched.
storage=(--root "$work/storage" --runroot "$work/run" --storage-driver overlay)
export CONTAINERS_REGISTRIES_CONF=$work/registries.conf CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot
printf 'unqualified-search-registries = ["docker.io"]\n' >"$work/registries.conf"
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/storage"\nrunroot = "%s/run"\n' "$work" "$work" >"$work/storage.conf"
printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$work/policy.json"
if ! buildah "${storage[@]}" info >/dev/null 2>&1; then
	storage[5]=vfs
	sed -i 's/"overlay"/"vfs"/' "$work/storage.conf"
fi

builder() { # COMMAND ARGUMENTS...
	buildah "${storage[@]}" "$@"
}

# An interrupted build leaves its containers mounted, and buildah each time a mount of the storage over itself.
leave() {
	builder rm --all >/dev/null 2>&1 || true
	umount "$work/storage/overlay" 2>/dev/null || true
}
trap leave EXIT

# What debian:13-slim is, near enough: the required packages and apt. From yesterday on it is made anew, for its updates.
make_base() {
	local uri container

	if [ -n "$(find "$work/base.tar" -mmin -1440 2>/dev/null)" ] && builder inspect --type image $base >/dev/null 2>&1; then
		return 0
	fi
	uri=$(.ci/mirror $suite) || skip "this machine's apt mirror has no $suite"
	echo "run.sh: makes the base image"
	builder rmi --all --force >/dev/null
	apt-config dump | { grep -iE '^Acquire::(https?::|Check-)' || true; } >"$work/apt-options"
	mmdebstrap --quiet --variant=minbase --aptopt="$work/apt-options" \
		--keyring=/usr/share/keyrings/debian-archive-keyring.gpg $suite "$work/base.tar" "$uri" </dev/null
	container=$(builder from scratch)
	builder add -q "$container" "$work/base.tar" / >/dev/null
	builder commit -q --signature-policy "$work/policy.json" "$container" $base >/dev/null
	builder rm "$container" >/dev/null
}

version=$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

make_base
builder build --layers --pull=never --network=host --signature-policy "$work/policy.json" -t "kaname:$version" \
	--build-arg VERSION="$version" --build-arg REVISION="$revision" . >"$work/build.log" 2>&1 </dev/null || {
	cat "$work/build.log"
	echo "run.sh: the image could not be built"
	echo "0 passed, 1 failed"
	exit 1
}
rm -rf "$work/oci" "$work/image"
builder push -q --signature-policy "$work/policy.json" "localhost/kaname:$version" "oci:$work/oci:kaname"
/usr/bin/python3 tests/image/unpack.py "$work/oci" "$work/image"

code=0
KANAME_IMAGE=$work/image run_pytest 600 tests/image "$work" || code=$?
tell "$work" - $code

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Where a real etcd and kube-apiserver are; makes them first where it has to, and kube-controller-manager with them:
#     tests/cluster/apiserver.sh
# The last line of its output is a folder with them. KUBEBUILDER_ASSETS, where it is set, is that folder. Else, on Debian 12, they are
# made once from Debian's own packages, in a folder under the user's home: etcd is unpacked from its package (nothing is installed, no
# service starts), the others are built from the source package `kubernetes` by Debian's Go, in about five minutes on 2 cores. Needs 2.5 GB
# of disk meanwhile and 230 MB afterwards. Runs at the same time wait for the first; one that fails or is killed leaves nothing that
# a later one would take for whole. Exits with 77 (skipped), and the reason, where it can do neither, and with 1 where it fails.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
	echo "apiserver.sh: $*" >&2
	exit 1
}

skip() {
	echo "apiserver.sh: no kube-apiserver: $*" >&2
	exit 77
}

say() {
	echo "apiserver.sh: $*" >&2
}

has_both() { # FOLDER
	[ -x "$1/etcd" ] && [ -x "$1/kube-apiserver" ]
}

has_all() { # FOLDER
	has_both "$1" && [ -x "$1/kube-controller-manager" ]
}

os_is_debian_12() {
	# shellcheck disable=SC1091 # the machine's own
	(. /etc/os-release && [ "$ID" = debian ] && [ "${VERSION_ID-}" = 12 ]) 2>/dev/null
}

# apt with a configuration of its own: the machine's Debian sources, with the source packages, which they mostly leave out.
private_apt() {
	apt-get -qq -o Dir::Etc::SourceList="$work/apt/sources" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root "$@"
}

fetch_packages() {
	local format key=/usr/share/keyrings/debian-archive-keyring.gpg

	# shellcheck disable=SC2016 # for apt to expand
	format='$(REPO_URI) $(RELEASE) $(COMPONENT)'
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
	apt-get indextargets --format "$format" "Created-By: Packages" "Origin: Debian" | sort -u |
		sed -n "s|.*|deb [signed-by=$key] &\ndeb-src [signed-by=$key] &|p" >"$work/apt/sources"
	[ -s "$work/apt/sources" ] || fail "apt knows no Debian archive: run apt-get update"
	private_apt update || fail "apt-get update failed"
	(cd "$work" && private_apt download etcd-server golang-github-modern-go-reflect2-dev) || fail "cannot download etcd-server"
	(cd "$work" && private_apt source --download-only kubernetes) || fail "cannot download the source package kubernetes"
}

# The vendored reflect2 is older than Debian's Go: with it, lists end in a panic (modern-go/reflect2 1.0.2 is the first for Go 1.18).
replace_reflect2() { # in the source tree
	local path=github.com/modern-go/reflect2

	rm -r "vendor/$path"
	dpkg-deb -x "$work"/golang-github-modern-go-reflect2-dev_*.deb "$work/reflect2"
	mv "$work/reflect2/usr/share/gocode/src/$path" "vendor/$path"
}

# What the API server serves, by the tool in its own tree: the only generated code that the source package leaves out.
generate_openapi() {
	local inputs

	"$go" build -o "$work/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
	inputs=$(grep -rl '+k8s:openapi-gen=' --include='*.go' \
		staging/src/k8s.io/{api,apimachinery,apiextensions-apiserver,kube-aggregator} |
		xargs -n 1 dirname | sort -u | sed 's,^staging/src/,k8s.io/kubernetes/vendor/,' | paste -sd ,)
	"$work/openapi-gen" -i "$inputs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
		-h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/violations" 2>"$work/log" ||
		fail "openapi-gen: $(tail -n 3 "$work/log")"
}

build_kubernetes() { # in the source tree, to $work/out
	local version package=k8s.io/kubernetes/vendor/k8s.io/component-base/version

	version=$(dpkg-parsechangelog -S Version | sed 's/^.*really//; s/-.*//') # 1.20.5+really1.20.2-1.1+deb12u1
	generate_openapi
	"$go" build -trimpath -o "$work/out/" -ldflags \
		"-s -w -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=${version:2:2}" \
		k8s.io/kubernetes/cmd/kube-{apiserver,controller-manager}
}

make_all() {
	local source=$work/go/src/k8s.io/kubernetes name

	say "making etcd, kube-apiserver and kube-controller-manager in $folder, once: about five minutes"
	fetch_packages
	mkdir -p "$work/out" "$work/etcd" "${source%/*}"
	dpkg-deb -x "$work"/etcd-server_*.deb "$work/etcd"
	mv "$work/etcd/usr/bin/etcd" "$work/out/etcd"
	# The archive's signature holds for these files; their maintainer's is by a key that few machines have.
	dpkg-source --no-check -x "$work"/kubernetes_*.dsc "$source" >"$work/log" 2>&1 || fail "dpkg-source: $(tail -n 3 "$work/log")"
	cd "$source"
	export GOPATH=$work/go GOCACHE=$work/go-cache GO111MODULE=off CGO_ENABLED=0
	unset GOROOT GOFLAGS
	replace_reflect2
	build_kubernetes
	cd /
	for name in etcd kube-apiserver kube-controller-manager; do
		"$work/out/$name" --version >"$work/log" || fail "$name does not start"
	done
}

if [ -n "${KUBEBUILDER_ASSETS-}" ]; then
	has_both "$KUBEBUILDER_ASSETS" || fail "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has not both etcd and kube-apiserver"
	cd "$KUBEBUILDER_ASSETS"
	pwd
	exit
fi
os_is_debian_12 || skip "this is not Debian 12, and KUBEBUILDER_ASSETS is not set"
[ -n "${XDG_CACHE_HOME-}${HOME-}" ] || skip "neither HOME nor XDG_CACHE_HOME is set, nor KUBEBUILDER_ASSETS"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/kaname
folder=$cache/kube-apiserver-debian12
go=/usr/lib/go/bin/go # of golang-go, whatever else is in PATH
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if ! has_all "$folder"; then
	"$root/deploy/packages.sh" cluster >&2
	renice -n 10 $$ >/dev/null
	rm -rf "$folder" "$cache"/making.* # of a run that was killed: it no longer has the lock
	work=$(mktemp -d "$cache/making.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	make_all
	mv "$work/out" "$folder"
fi
echo "$folder"

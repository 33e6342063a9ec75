#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages (12 and 13) that kaname's scripts need, those that are missing only:
#     deploy/packages.sh build|test|cluster|deploy|ci|bench ...
# No package's service is started. Asks for root by sudo where it must.
set -euo pipefail

build=(gcc libc6-dev meson ninja-build pkg-config libuv1-dev liburcu-dev libxxhash-dev libcjson-dev
	libmicrohttpd-dev libcurl4-openssl-dev libyaml-dev libc-ares-dev libpcre2-dev)
test=(libcmocka-dev python3 python3-pytest python3-dnspython bind9-dnsutils curl iproute2 openssl)
cluster=(golang-go dpkg-dev) # to make a kube-apiserver
deploy=(python3-yaml prometheus) # kubectl, with its kustomize, is in neither Debian
ci=(clang clang-format clang-tidy llvm shellcheck mmdebstrap debian-archive-keyring valgrind git)
bench=(dnsperf nsd knot unbound dnsdist dnsmasq-base valgrind linux-perf)

fail() {
	echo "packages.sh: $*" >&2
	exit 1
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs as root, without a question and without the start of a service: policy-rc.d's 101 is "not allowed".
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "must install packages: run it as root, or install sudo"
	fi
}

policy=/usr/sbin/policy-rc.d
has_policy=false

forbid_services() {
	[ ! -e $policy ] || return 0
	printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
	has_policy=true
	as_root chmod 755 $policy
}

allow_services() {
	if $has_policy; then as_root rm -f $policy; fi
}

install_missing() {
	local package missing=()

	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || fail "no apt-get here; install by hand: ${missing[*]}"
	echo "packages.sh: installing ${missing[*]}"
	trap allow_services EXIT
	forbid_services
	as_root apt-get -qq -o DPkg::Lock::Timeout=300 update || fail "apt-get update failed"
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install \
		--no-install-recommends -y "${missing[@]}" >/dev/null ||
		fail "apt-get could not install: ${missing[*]}"
}

# The sanitizers' and libFuzzer's runtime belongs to clang's own version: 14 in Debian 12, 19 in Debian 13.
install_clang_runtime() {
	local version

	version=$(dpkg-query -W -f '${Depends}' clang | grep -o 'clang-[0-9]*' | head -n 1)
	install_missing "libclang-rt-${version#clang-}-dev"
}

[ $# -gt 0 ] || fail "say which: build, test, cluster, deploy, ci, bench"
wanted=()
for set in "$@"; do
	case $set in
	build) wanted+=("${build[@]}") ;;
	test) wanted+=("${test[@]}") ;;
	cluster) wanted+=("${cluster[@]}") ;;
	deploy) wanted+=("${deploy[@]}") ;;
	ci) wanted+=("${ci[@]}") ;;
	bench) wanted+=("${bench[@]}") ;;
	*) fail "no such set of packages: $set" ;;
	esac
done
install_missing "${wanted[@]}"
case " $* " in
*" ci "*) install_clang_runtime ;;
esac

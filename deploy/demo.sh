#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kaname in one command: installs what is missing (Debian 12 or 13), builds, serves a sample cluster on 127.0.0.1:1053, asks it
# with dig, checks the answers, and keeps serving until Ctrl-C.
#     deploy/demo.sh [--once]      --once: end after the answers; the exit code tells whether they were right
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
address=127.0.0.1
port=1053
ready=http://127.0.0.1:18181/ready
n_wrong=0
is_once=false
server=

fail() {
	echo "demo.sh: $*" >&2
	exit 1
}

case "$#:${1-}" in
0:) ;;
1:--once) is_once=true ;;
*) fail "usage: deploy/demo.sh [--once]" ;;
esac

log=$(mktemp)
stop() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -f "$log"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

check_ports_free() {
	local p

	for p in $port 18080 18181 19153; do
		if (exec 3<>"/dev/tcp/$address/$p") 2>/dev/null; then
			fail "port $p of $address is in use: is another demo running?"
		fi
	done
}

build() {
	deploy/packages.sh build test
	[ -f build/build.ninja ] || meson setup build >"$log" 2>&1 || {
		cat "$log" >&2
		fail "meson setup failed"
	}
	ninja -C build kaname >"$log" 2>&1 || {
		cat "$log" >&2
		fail "the build failed"
	}
}

start() {
	local i

	build/kaname -conf deploy/demo/Corefile >"$log" 2>&1 &
	server=$!
	for ((i = 0; i < 200; i++)); do
		if curl -fs "$ready" >/dev/null; then return 0; fi
		kill -0 "$server" 2>/dev/null || {
			cat "$log" >&2
			server=
			fail "kaname ended at its start, see above"
		}
		sleep 0.05
	done
	cat "$log" >&2
	fail "kaname was not ready within 10 s: $(curl -s "$ready" || true)"
}

answer_data() {
	awk '/SECTION:/ { in_answer = /ANSWER SECTION:/; next }
		in_answer && NF > 4 {
			data = $5
			for (i = 6; i <= NF; i++) data = data " " $i
			print data
		}' | sort | paste -s -d ';'
}

# ask STATUS ANSWER DIG-ARGUMENTS...: shows the question and what came, and compares the status and the answer section, which is
# the records' data, sorted, with ';' between them.
ask() {
	local want="$1 $2" got text

	shift 2
	echo "\$ dig @$address -p $port $*"
	text=$(dig @$address -p $port +time=2 +tries=2 +nocmd +noquestion +nostats "$@" || true)
	got="$(sed -n 's/.* status: \([A-Z]*\),.*/\1/p' <<<"$text") $(answer_data <<<"$text")"
	sed -nE 's/^;; .* status: ([A-Z]+),.*/    \1/p; t; s/^([^;].*)/    \1/p' <<<"$text"
	if [ "${got% }" != "${want% }" ]; then
		echo "  WRONG: want '$want', got '$got'"
		n_wrong=$((n_wrong + 1))
	fi
	echo
}

z=cluster.local
ask_all() {
	ask NOERROR "10.96.20.1" web.shop.svc.$z A
	ask NOERROR "fd00:10:96::2001" web.shop.svc.$z AAAA
	ask NOERROR "" api.shop.svc.$z AAAA
	ask NOERROR "0 100 80 web.shop.svc.$z." _http._tcp.web.shop.svc.$z SRV
	ask NOERROR "0 100 53 kube-dns.kube-system.svc.$z." _dns._udp.kube-dns.kube-system.svc.$z SRV
	ask NOERROR "10.96.20.4" storefront.shop.svc.$z A
	ask NOERROR "10.244.1.60;10.244.2.60;10.244.3.60" cache.data.svc.$z A
	ask NOERROR "10.244.2.50" db-1.db.data.svc.$z A
	ask NOERROR "fd00:10:244:3::50" db-2.db.data.svc.$z AAAA
	ask NOERROR "0 33 5432 db-0.db.data.svc.$z.;0 33 5432 db-1.db.data.svc.$z.;0 33 5432 db-2.db.data.svc.$z." \
		_postgres._tcp.db.data.svc.$z SRV
	ask NOERROR "10.244.1.70;10.244.2.70" quorum.data.svc.$z A
	ask NXDOMAIN "" restore.data.svc.$z A
	ask NOERROR "10.250.0.8" mainframe.legacy.shop.svc.$z A
	ask NOERROR "10.96.20.1;web.shop.svc.$z." pay.shop.svc.$z A
	ask NOERROR "search.example.com." search.shop.svc.$z CNAME
	ask NOERROR "kubernetes.default.svc.$z." -x 10.96.0.1
	ask NOERROR "db-0.db.data.svc.$z." -x fd00:10:244:1::50
	ask NOERROR "10.244.1.21" 10-244-1-21.shop.pod.$z A
	ask NXDOMAIN "" 10-244-2-99.shop.pod.$z A
	ask NOERROR "" empty.svc.$z A
	ask NXDOMAIN "" www.example.com.shop.svc.$z A
	ask NOERROR '"1.1.0"' dns-version.$z TXT
	ask NOERROR "10.96.0.1" +tcp KUBERNETES.Default.svc.$z A
	ask REFUSED "" www.example.com A
}

check_ports_free
build
start
echo "kaname serves the sample cluster (deploy/demo/objects) on $address port $port."
echo
ask_all
if [ $n_wrong -gt 0 ]; then
	cat "$log" >&2
	fail "$n_wrong answers are not what they should be"
fi
echo "All answers are right."
if $is_once; then
	kill "$server"
	status=0
	wait "$server" || status=$?
	server=
	[ $status = 0 ] || fail "kaname ended with code $status"
	exit 0
fi
echo "Serving until Ctrl-C; the log follows. Try: dig @$address -p $port db.data.svc.$z SRV"
echo "Metrics: http://127.0.0.1:19153/metrics. Objects are followed live: edit a file in deploy/demo/objects."
tail -n 0 -f --pid "$server" "$log" &
wait "$server"

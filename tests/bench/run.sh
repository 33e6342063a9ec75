#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# All figures of README.md here, from nothing: packages, release build, data, tables.
# Twenty minutes.
#     tests/bench/run.sh [BUILD]
# BUILD is a build folder, default build-bench; the data go to BUILD/bench.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build-bench}
data=$build/bench

deploy/packages.sh build test bench
[ -e "$build/build.ninja" ] || meson setup "$build"
ninja -C "$build" kaname tests/bench/asker tests/bench/bare tests/bench/cjson_parse
tests/bench/generate.py "$data"
tests/bench/generate.py --indent 4 "$data/indented"

echo "## CPU per query"
tests/bench/run.py "$build" "$data"
echo "## CPU per query, dnsperf on the servers' CPU"
tests/bench/run.py --client-cpu 0 "$build" "$data"
echo "## What directives cost"
tests/bench/directives.py "$build" "$data"
echo "## Names from elsewhere"
tests/bench/forwarders.py "$build"
echo "## Instructions per query"
tests/bench/instructions.py "$build" "$data"
echo "## Start and memory"
tests/bench/memory_start.py "$build" "$data"
echo "## Start and memory, objects as kubectl indents them"
tests/bench/memory_start.py "$build" "$data/indented"
echo "## The watch"
tests/bench/watch.py "$build" "$data"
echo "## Sizing"
tests/bench/sizing.py "$build"
echo "## Capacity"
tests/bench/capacity.py "$build" "$data"

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long kaname takes from its start to /ready = 200, and how much memory it then has; beside it, in the same rounds, how long parsing
the same file once with cJSON takes. Prints a table in Markdown.
"""
import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from run import dnsperf
from servers import START_MAX_S, Server, describe, end_by_signal, http_status

POLL_S = 0.002


def start_ms(server):
    """From before exec to the first 200 of /ready."""
    start = time.monotonic()
    server.spawn()
    while http_status(server.ports['ready'], '/ready') != 200:
        server.check_alive()
        if time.monotonic() - start > START_MAX_S:
            raise SystemExit(f'{server.name} is not ready after {START_MAX_S} s')
        time.sleep(POLL_S)
    return (time.monotonic() - start) * 1e3


def memory_mib(server):
    """What the kernel says of its memory, in MiB: VmHWM is the peak, Rss = anonymous + file pages."""
    lines = [line.split() for file in ('status', 'smaps_rollup')
             for line in Path(f'/proc/{server.process.pid}/{file}').read_text().splitlines()]
    found = {words[0][:-1]: int(words[1]) / 1024 for words in lines if words[-1] == 'kB'}
    return {key: found[key] for key in ('VmRSS', 'VmHWM', 'RssAnon', 'RssFile', 'Pss')}


def parse_ms(build, data):
    """Wall clock and CPU."""
    output = subprocess.run([build / 'tests/bench/cjson_parse', data / 'objects.json'], capture_output=True, text=True, check=True)
    words = output.stdout.split()
    return float(words[1]), float(words[3])


def run(build, data, work):
    wall_ms, cpu_ms = parse_ms(build, data)
    result = {'cJSON parses the file once, ms': wall_ms, 'cJSON parses the file once, CPU, ms': cpu_ms}
    server = Server('kaname', build, data, work)
    try:
        result['kaname from start to ready, ms'] = start_ms(server)
        result['kaname from start to ready, CPU of all threads, ms'] = server.cpu_ns() / 1e6
        result |= {f'kaname when ready: {key}, MiB': value for key, value in memory_mib(server).items()}
        dnsperf(server, os.cpu_count() - 1, '-n', '1')
        result |= {f'kaname after one pass of queries: {key}, MiB': value for key, value in memory_mib(server).items()
                   if key in ('VmRSS', 'VmHWM')}
    finally:
        server.stop()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--rounds', type=int, default=7)
    options = parser.parse_args()
    end_by_signal()
    print(describe(options.build))
    print(f"- {options.rounds} rounds, {(options.data / 'objects.json').stat().st_size / 1e6:.1f} MB of objects\n")
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        results = [run(options.build.resolve(), options.data.resolve(), Path(work)) for _ in range(options.rounds)]
    print('| | median | min | max |\n|---|--:|--:|--:|')
    for key in results[0]:
        values = [result[key] for result in results]
        print(f'| {key} | {median(values):,.1f} | {min(values):,.1f} | {max(values):,.1f} |')


if __name__ == '__main__':
    main()

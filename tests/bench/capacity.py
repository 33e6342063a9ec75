#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many queries a core is good for, for the sizing in deploy/README.md. Prints two tables in Markdown.

queries     CPU per query of cluster names and of cached ones, over UDP and over TCP connections that are kept, four with 25 queries on their
            way in each, and a hundred with one: kaname, the bare responder (UDP only), NSD, Unbound, and kube-dns's cache, dnsmasq (UDP
            only: it forks for each connection). dnsperf runs on the servers' CPU, so that these always find a full queue, as they do when
            they are at their limit. Rounds and medians are those of run.py. A core's queries per second are 1 / CPU per query.
saturation  kaname with a CPU limit as a container's (a quota in each 100 ms), asked at rates up to more than it has CPU for: how much of
            the quota it used, latencies as dnsperf sees them, what was lost, and kaname_saturation where the metric is. Needs a control
            group of its own, so root.
"""
import argparse
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import run
from forwarders import Forwarder, Names, versions
from servers import Server, describe, end_by_signal

CPU = 0
CACHED_PASSES = 10  # of 5,000 names
SERVERS = {'cluster': ('bare', 'kaname', 'nsd'), 'cached': ('kaname', 'unbound', 'dnsmasq')}
TRANSPORTS = {'UDP': (), 'TCP, 4 connections': ('-m', 'tcp'), 'TCP, 100': ('-m', 'tcp', '-c', '100')}
WITHOUT_TCP = ('bare', 'dnsmasq')

QUOTA_CPUS, PERIOD_US = 0.1, 100_000  # kubelet's period
RATES = (500, 1000, 2000, 4000, 6000, 8000, 12000, 16000, 24000)
STEP_S = 12  # more than the ten seconds that kaname_saturation is of
WINDOW = 200  # more would not fit into a receive buffer of the usual size
METRIC = re.compile(r'^kaname_saturation ([0-9.e+-]+)$', re.MULTILINE)


# ---- queries


def run_queries(rounds, passes, all_servers, bare):
    """{(names, transport, server's name): [{'cpu_us', 'ratio', ...} of each round]}"""
    jobs = [(names, transport, server) for names, servers in all_servers.items() for transport in TRANSPORTS for server in servers
            if transport == 'UDP' or server.name not in WITHOUT_TCP]
    runs = {(names, transport, server.name): [] for names, transport, server in jobs}
    for i in range(rounds + 1):  # the first fills the caches
        n = i % len(jobs)
        floor_us = run.measure(bare, CPU, passes)['cpu_us']
        for names, transport, server in jobs[n:] + jobs[:n]:
            result = run.measure(server, CPU, CACHED_PASSES if names == 'cached' else passes, *TRANSPORTS[transport])
            if i > 0:
                runs[names, transport, server.name].append(result | {'ratio': result['cpu_us'] / floor_us})
    return runs


def print_queries(runs):
    print('| names | over | server | CPU per query, us: median | min | max | ratio to bare over UDP | queries/s of a core |')
    print('|---|---|---|--:|--:|--:|--:|--:|')
    for (names, transport, name), results in runs.items():
        cpu = [result['cpu_us'] for result in results]
        ratio = median(result['ratio'] for result in results)
        print(f'| {names} | {transport} | {name} | {median(cpu):.2f} | {min(cpu):.2f} | {max(cpu):.2f} | {ratio:.2f} | {1e6 / median(cpu):,.0f} |')


def measure_queries(options, work):
    build, pin = options.build.resolve(), ['taskset', '-c', str(CPU)]
    names = Names(work)
    upstream = Forwarder('upstream', build, names.cached, work, ['taskset', '-c', str(os.cpu_count() - 1)])
    servers = {'cluster': [Server(name, build, options.data.resolve(), work / 'cluster', pin) for name in SERVERS['cluster']],
               'cached': [Forwarder(name, build, names.cached, work / 'cached', pin, upstream.ports['dns']) for name in SERVERS['cached']]}
    started = [upstream, *servers['cluster'], *servers['cached']]
    try:
        for server in started:
            server.start()
        runs = run_queries(options.rounds, options.passes, servers, servers['cluster'][0])
    finally:
        for server in reversed(started):
            server.stop()
    print(f'- {versions()}\n- {options.rounds} rounds, {run.WINDOW} queries on their way, dnsperf and servers on CPU {CPU}\n')
    print_queries(runs)


# ---- saturation


@contextmanager
def quota(server):
    """The server in a control group that has QUOTA_CPUS, made for it; and the largest weight, so that what else runs here is no matter."""
    root = Path('/sys/fs/cgroup')
    is_v2 = (root / 'cgroup.controllers').exists()
    group = (root if is_v2 else root / 'cpu') / f'kaname-bench-{os.getpid()}'
    group.mkdir()
    try:
        if is_v2:
            (group / 'cpu.weight').write_text('10000')
            (group / 'cpu.max').write_text(f'{int(QUOTA_CPUS * PERIOD_US)} {PERIOD_US}')
        else:
            (group / 'cpu.shares').write_text('262144')
            (group / 'cpu.cfs_period_us').write_text(str(PERIOD_US))
            (group / 'cpu.cfs_quota_us').write_text(str(int(QUOTA_CPUS * PERIOD_US)))
        server.prefix = ['sh', '-c', f'echo $$ > {group}/cgroup.procs && exec "$@"', 'sh', *server.prefix]
        server.start()
        yield
    finally:
        server.stop()
        group.rmdir()


def saturation(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.ports['metrics']}/metrics", timeout=5) as response:
        found = METRIC.search(response.read().decode())
    return float(found[1]) if found else None


def step(server, per_second):
    """One rate for STEP_S. Lost queries are given up after a second, and are no part of the latencies."""
    command = ['nice', '-n', '-20', 'taskset', '-c', str(os.cpu_count() - 1), 'dnsperf', '-f', 'inet', '-s', '127.0.0.1',
               '-p', str(server.ports['dns']), '-d', str(server.data / 'queries.txt'), '-T', '1', '-c', '4', '-q', str(WINDOW), '-t', '1', '-l', str(STEP_S),
               '-Q', str(per_second), '-v']
    before_ns, start = server.cpu_ns(), time.monotonic()
    with open(server.folder / 'dnsperf', 'w+', encoding='ascii') as file, \
            subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL) as process:
        time.sleep(STEP_S - 0.2)
        share = (server.cpu_ns() - before_ns) / 1e9 / (time.monotonic() - start) / QUOTA_CPUS
        full = saturation(server)
        process.wait()
        file.seek(0)
        output = file.read()
    times = quantiles([float(line.rsplit(' ', 1)[1]) * 1e3 for line in output.splitlines() if line.startswith('> NOERROR ')], n=100)
    sent, lost = (int(re.search(rf'Queries {what}: +(\d+)', output)[1]) for what in ('sent', 'lost'))
    return {'share': share, 'p50': times[49], 'p99': times[98], 'lost': 100 * lost / sent, 'sent': sent / STEP_S, 'full': full}


def measure_saturation(options, work):
    server = Server('kaname', options.build.resolve(), options.data.resolve(), work / 'quota', ['taskset', '-c', str(CPU)])
    results = {rate: [] for rate in RATES}
    with quota(server):
        run.measure(server, CPU, 1)
        for _ in range(options.saturation_rounds):
            for rate in RATES:
                results[rate].append(step(server, rate))
    print(f'\n- a quota of {QUOTA_CPUS} CPUs in each {PERIOD_US // 1000} ms, {options.saturation_rounds} rounds of {STEP_S} s at each rate, '
          f'dnsperf on CPU {os.cpu_count() - 1}, kaname on CPU {CPU}\n')
    print('| asked for/s | answered/s | of the quota used, % | kaname_saturation | p50, ms | p99, ms | lost, % |\n|--:|--:|--:|--:|--:|--:|--:|')
    for rate, rounds in results.items():
        def mid(key, rounds=rounds):
            return median(one[key] for one in rounds)

        full = 'none' if rounds[0]['full'] is None else f"{mid('full'):.2f}"
        print(f"| {rate:,} | {mid('sent'):,.0f} | {100 * mid('share'):.0f} | {full} | {mid('p50'):.2f} | {mid('p99'):.2f} | {mid('lost'):.2f} |")


PARTS = {'queries': measure_queries, 'saturation': measure_saturation}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--parts', nargs='+', default=list(PARTS), choices=PARTS)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--passes', type=int, default=3, help='of the query file in each run')
    parser.add_argument('--saturation-rounds', type=int, default=3)
    options = parser.parse_args()
    end_by_signal()
    print(describe(options.build))
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        for part in options.parts:
            PARTS[part](options, Path(work))


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Server CPU per answered query: kaname, the bare responder, NSD and Knot in turn, on the same names. Prints a table in Markdown.

All servers run from the beginning to the end, each with one query thread, on the first CPU; dnsperf has the last one. In each round every
server gets the same queries, as fast as dnsperf sends them, and then some more at a fixed rate, for the latencies. Rounds begin with another
server each. The ratio to the bare responder is taken within a round; of everything the table shows the median.
"""
import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path
from statistics import median, quantiles

from servers import Server, describe, end_by_signal

NAMES = ['kaname', 'bare', 'nsd', 'knot']
WINDOW = 100  # queries on their way: what a receive buffer of the usual size holds, so that none is lost
LATENCY_QPS = 10_000


def dnsperf(server, client_cpu, *options):
    """Runs dnsperf, gives its output and the number of answers; stops everything where an answer is not NOERROR."""
    command = ['taskset', '-c', str(client_cpu), 'dnsperf', '-f', 'inet', '-s', '127.0.0.1', '-p', str(server.ports['dns']),
               '-d', str(server.data / 'queries.txt'), '-T', '1', '-c', '4', '-q', str(WINDOW), *options]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    completed = int(re.search(r'Queries completed: +(\d+)', output)[1])
    lost = int(re.search(r'Queries lost: +(\d+)', output)[1])
    good = re.search(r'Response codes: +NOERROR (\d+)', output)
    if good is None or int(good[1]) != completed or lost > completed // 200:
        raise SystemExit(f'{server.name}: lost or wrong answers\n' + '\n'.join(output.splitlines()[-30:]))
    return output, completed


def measure(server, client_cpu, passes, *options):
    """One run: microseconds of CPU per answer, the user part of it, and queries per second."""
    cpu_ns, (user, system) = server.cpu_ns(), server.cpu_ticks()
    output, completed = dnsperf(server, client_cpu, '-n', str(passes), *options)
    cpu_us = (server.cpu_ns() - cpu_ns) / 1e3 / completed
    user, system = server.cpu_ticks()[0] - user, server.cpu_ticks()[1] - system
    qps = float(re.search(r'Queries per second: +([\d.]+)', output)[1])
    return {'cpu_us': cpu_us, 'user_us': cpu_us * user / max(1, user + system), 'qps': qps}


def measure_latency(server, client_cpu):
    """Median and 99th percentile in microseconds at a fixed rate, as dnsperf sees them."""
    output, _ = dnsperf(server, client_cpu, '-n', '1', '-Q', str(LATENCY_QPS), '-v')
    percent = quantiles([float(line.rsplit(' ', 1)[1]) * 1e6 for line in output.splitlines() if line.startswith('> ')], n=100)
    return {'p50_us': percent[49], 'p99_us': percent[98]}


def run(servers, client_cpu, rounds, passes, more=lambda server, client_cpu: {}):
    """runs[name] is a list of what measure() and `more` gave, one of each round."""
    runs = {server.name: [] for server in servers}
    for server in servers:
        measure(server, client_cpu, 1)
    for i in range(rounds):
        turn = i % len(servers)
        for server in servers[turn:] + servers[:turn]:
            runs[server.name].append({**measure(server, client_cpu, passes), **more(server, client_cpu)})
    return runs


def print_table(runs):
    print('| server | CPU per query, us: median | min | max | of it user | ratio to bare | queries/s | latency p50, us | p99, us |')
    print('|---|--:|--:|--:|--:|--:|--:|--:|--:|')
    for name, results in runs.items():
        def mid(key, results=results):
            return median(result[key] for result in results)

        cpu = [result['cpu_us'] for result in results]
        ratio = median(mine / bare['cpu_us'] for mine, bare in zip(cpu, runs['bare']))
        print(f"| {name} | {median(cpu):.2f} | {min(cpu):.2f} | {max(cpu):.2f} | {mid('user_us'):.2f} | {ratio:.2f} "
              f"| {mid('qps'):,.0f} | {mid('p50_us'):.0f} | {mid('p99_us'):.0f} |")

    if 'kaname-log' in runs:
        ratios = [logged['cpu_us'] / plain['cpu_us'] for logged, plain in zip(runs['kaname-log'], runs['kaname'])]
        print(f'\nA query that is logged costs {median(ratios):.2f} times one that is not (by round: {min(ratios):.2f} to {max(ratios):.2f}): '
              f'{100 * (1 - 1 / median(ratios)):.0f} % fewer queries per CPU second.')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--servers', nargs='+', default=NAMES, choices=[*NAMES, 'kaname-log'])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--passes', type=int, default=20, help='of the query file in each run')
    parser.add_argument('--client-cpu', type=int, default=os.cpu_count() - 1,
                        help="of dnsperf; 0 is the servers': they then wake up to full queues only")
    options = parser.parse_args()
    if 'kaname-log' in options.servers and 'kaname' not in options.servers:
        parser.error('kaname-log is compared with kaname')
    if 'bare' not in options.servers:
        parser.error('the ratios need bare')
    end_by_signal()
    print(describe(options.build))
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        pin = ['taskset', '-c', '0']
        servers = [Server(name, options.build.resolve(), options.data.resolve(), Path(work), pin) for name in options.servers]
        try:
            for server in servers:
                server.start()
            runs = run(servers, options.client_cpu, options.rounds, options.passes, measure_latency)
        finally:
            for server in servers:
                server.stop()
    n_queries = options.passes * sum(1 for _ in open(options.data / 'queries.txt', encoding='ascii'))
    print(f'- {options.rounds} rounds of {n_queries:,} queries, {WINDOW} on their way, dnsperf on CPU {options.client_cpu}, servers on CPU 0; latencies at {LATENCY_QPS:,} queries/s\n')
    print_table(runs)


if __name__ == '__main__':
    main()

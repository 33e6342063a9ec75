#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Server CPU per answered query of names that come from elsewhere: kaname, Unbound, dnsdist and dnsmasq in turn, with one upstream for all,
Knot with a wildcard zone; and the bare responder, which asks nobody. Prints two tables in Markdown and a third of latencies.

Cached: the same 5,000 names again and again, which every server has. Uncached: names that nobody has asked for before. All servers run from
the beginning to the end, each with one query thread, on the first CPU; dnsperf and the upstream have the last one. Rounds begin with another
server each. Ratios are taken within a round; of everything the tables show the median. Latency: names not asked before at a fixed rate, of
each server and of the upstream itself.
"""
import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import run
from servers import Server, describe, end_by_signal, find_program

NAMES = ['kaname', 'bare', 'unbound', 'dnsdist', 'dnsmasq']
N_CACHED = 5_000
ZONE = 'bench.example'
LATENCY_QPS = 2_000

CONF_KANAME = """\
.:{dns} {{
    bind 127.0.0.1
    multisocket 1
    cache 3600
    forward . 127.0.0.1:{upstream}
}}
"""

CONF_UNBOUND = """\
server:
    interface: 127.0.0.1
    port: {dns}
    num-threads: 1
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    use-syslog: no
    logfile: "{folder}/log"
    verbosity: 0
    module-config: "iterator"
    do-not-query-localhost: no
    access-control: 127.0.0.0/8 allow
    outgoing-range: 4096
    num-queries-per-thread: 4096
    incoming-num-tcp: 200
    so-rcvbuf: 0
    so-sndbuf: 0
    msg-cache-size: 64m
    rrset-cache-size: 128m
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
"""

CONF_DNSDIST = """\
setLocal("127.0.0.1:{dns}")
newServer({{address="127.0.0.1:{upstream}", healthCheckMode="up", sockets=4}})
setSecurityPollSuffix("")
getPool(""):setCache(newPacketCache(600000, {{maxTTL=3600}}))
"""

CONF_DNSMASQ = """\
no-daemon
no-resolv
no-hosts
keep-in-foreground
bind-interfaces
listen-address=127.0.0.1
port={dns}
server=127.0.0.1#{upstream}
cache-size=10000
dns-forward-max=4096
user=root
"""

CONF_KNOT = """\
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{dns}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: "{folder}"
    journal-db-max-size: 1M
    kasp-db-max-size: 5M
    timer-db-max-size: 1M
    catalog-db-max-size: 5M
zone:
  - domain: {zone}
    storage: "{folder}"
    file: zone
    semantic-checks: off
    journal-content: none
    zonefile-sync: -1
"""

ZONE_FILE = f"""\
$ORIGIN {ZONE}.
@ 3600 SOA ns hostmaster 1 7200 1800 86400 3600
@ 3600 NS ns
ns 3600 A 127.0.0.1
* 3600 A 192.0.2.1
"""


class Forwarder(Server):
    """A server that asks the upstream on port `upstream`."""

    def __init__(self, name, build, data, work, prefix=(), upstream=0):
        self.upstream = upstream
        super().__init__(name, build, data, work, prefix)

    def conf(self, file, text):
        (self.folder / file).write_text(text.format(folder=self.folder, upstream=self.upstream, zone=ZONE, **self.ports),
                                        encoding='ascii')
        return str(self.folder / file)

    def command_kaname(self, build):
        return [str(build / 'kaname'), '-conf', self.conf('Corefile', CONF_KANAME)]

    def command_unbound(self, _):
        return [find_program('unbound'), '-d', '-c', self.conf('unbound.conf', CONF_UNBOUND)]

    def command_dnsdist(self, _):
        return [find_program('dnsdist'), '-C', self.conf('dnsdist.conf', CONF_DNSDIST), '--supervised', '--disable-syslog']

    def command_dnsmasq(self, _):
        return [find_program('dnsmasq'), '-C', self.conf('dnsmasq.conf', CONF_DNSMASQ)]

    def command_upstream(self, _):
        self.conf('zone', ZONE_FILE)
        return [find_program('knotd'), '-c', self.conf('knot.conf', CONF_KNOT)]


class Names:
    """Files of queries: the cached ones, and ever new ones."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0
        self.cached = self.write('queries.txt', (f'c{i}' for i in range(N_CACHED)))

    def write(self, file, labels):
        folder = self.folder / file.removesuffix('.txt')
        folder.mkdir(exist_ok=True)
        (folder / 'queries.txt').write_text(''.join(f'{label}.{ZONE} A\n' for label in labels), encoding='ascii')
        return folder

    def fresh(self, n):
        self.n += n
        return self.write('fresh.txt', (f'u{i}' for i in range(self.n - n, self.n)))


def measure(server, folder, client_cpu, passes=1):
    server.data = folder
    return run.measure(server, client_cpu, passes)


def measure_latency(server, folder, client_cpu):
    server.data, run.LATENCY_QPS = folder, LATENCY_QPS
    return run.measure_latency(server, client_cpu)


def in_turn(servers, i):
    turn = i % len(servers)
    return servers[turn:] + servers[:turn]


def run_all(servers, upstream, names, options):
    """{'cached': {name: results}, 'uncached': ..., 'latency': ...}, a result for each round."""
    runs = {what: {server.name: [] for server in [*servers, upstream]} for what in ('cached', 'uncached', 'latency')}
    for server in servers:
        measure(server, names.cached, options.client_cpu, 2)
    for i in range(options.rounds):
        for server in in_turn(servers, i):
            runs['cached'][server.name].append(measure(server, names.cached, options.client_cpu, options.passes))
        for server in in_turn(servers, i):
            runs['uncached'][server.name].append(measure(server, names.fresh(options.uncached), options.client_cpu))
        for server in in_turn([*servers, upstream], i):
            runs['latency'][server.name].append(measure_latency(server, names.fresh(3 * LATENCY_QPS), options.client_cpu))
    return runs


def print_cpu(title, runs, reference):
    print(f'\n**{title}**\n')
    print(f'| server | CPU per query, us: median | min | max | of it user | ratio to {reference} | queries/s |')
    print('|---|--:|--:|--:|--:|--:|--:|')
    for name, results in runs.items():
        if not results:
            continue
        cpu = [result['cpu_us'] for result in results]
        ratio = median(mine / other['cpu_us'] for mine, other in zip(cpu, runs[reference]))
        print(f"| {name} | {median(cpu):.2f} | {min(cpu):.2f} | {max(cpu):.2f} "
              f"| {median(result['user_us'] for result in results):.2f} | {ratio:.2f} "
              f"| {median(result['qps'] for result in results):,.0f} |")


def print_latency(runs):
    print(f'\n**Latency of uncached names at {LATENCY_QPS:,} queries/s**: what is added to asking the upstream directly\n')
    print('| server | p50, us | p99, us | added p50, us | added p99, us |')
    print('|---|--:|--:|--:|--:|')
    for name, results in runs.items():
        if name == 'bare':
            continue
        p50, p99 = (median(result[key] for result in results) for key in ('p50_us', 'p99_us'))
        added = [median(result[key] - direct[key] for result, direct in zip(results, runs['upstream'])) for key in ('p50_us', 'p99_us')]
        print(f'| {name} | {p50:.0f} | {p99:.0f} | {added[0]:.0f} | {added[1]:.0f} |')


def versions():
    """Of the Debian packages of the other servers."""
    packages = ['unbound', 'dnsdist', 'dnsmasq-base']
    output = subprocess.run(['dpkg-query', '-W', '-f', '${Package} ${Version}, ', *packages], capture_output=True, text=True, check=False)
    return output.stdout.rstrip(', ')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('--servers', nargs='+', default=NAMES, choices=NAMES)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--passes', type=int, default=40, help='of the cached names in each run')
    parser.add_argument('--uncached', type=int, default=60_000, help='new names in each run')
    parser.add_argument('--client-cpu', type=int, default=os.cpu_count() - 1, help='of dnsperf and the upstream')
    options = parser.parse_args()
    if not {'bare', 'dnsdist'} <= set(options.servers):
        parser.error('the ratios need bare and dnsdist')
    end_by_signal()
    print(describe(options.build))
    print(f'- {versions()}')
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        work, build = Path(work), options.build.resolve()
        names = Names(work)
        upstream = Forwarder('upstream', build, names.cached, work, ['taskset', '-c', str(options.client_cpu)])
        servers = [Forwarder(name, build, names.cached, work, ['taskset', '-c', '0'], upstream.ports['dns'])
                   for name in options.servers]
        try:
            for server in [upstream, *servers]:
                server.start()
            runs = run_all(servers, upstream, names, options)
        finally:
            for server in [*servers, upstream]:
                server.stop()
    print(f'- {options.rounds} rounds; cached: {options.passes * N_CACHED:,} queries of {N_CACHED:,} names, uncached: '
          f'{options.uncached:,} new names each; {run.WINDOW} on their way; dnsperf and the upstream on CPU {options.client_cpu}, servers on CPU 0')
    print_cpu('Cached', runs['cached'], 'bare')
    print_cpu('Uncached', {name: results for name, results in runs['uncached'].items() if name != 'bare'}, 'dnsdist')
    print_latency(runs['latency'])


if __name__ == '__main__':
    main()

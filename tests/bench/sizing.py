#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory and the time of the start as functions of the cluster's size: a kaname that watches the fake API server (fake_api.py), with clusters
of several shapes, numbers of workers, `pods verified`, a full cache and many changes. Prints a table in Markdown, and what a worker, 1,000
services, endpoints and pods add: the terms of the formula in deploy/README.md.

Each shape has an API server of its own, and in it every kaname starts, is ready, is asked 20,000 queries from 32 ports (so that each worker
has touched its buffers), then loses all watches and lists everything anew. The table shows the median of the rounds.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import namedtuple
from pathlib import Path
from statistics import median

from forwarders import Forwarder, Names
from generate import Cluster
from servers import describe, end_by_signal
from watch import Api, Watcher

SLICE_ENDPOINTS = 100  # as the controller cuts them
SETTLE_S = 1
RELIST_S = 3  # behind the last request for a list
CHURN_CHANGES, CHURN_PER_S = 30_000, 1_000  # ten minutes of 50 a second, in less
CACHE_NAMES = 600_000  # more than 32 MiB have place for
QUERIES = 20_000

COREFILE = """\
.:{dns} {{
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig KUBECONFIG
        pods PODS
        ttl 30
    }}
    health 127.0.0.1:{health}
    ready 127.0.0.1:{ready}
    prometheus 127.0.0.1:{metrics}
    MORE
    loadbalance
    multisocket WORKERS
}}
"""

Shape = namedtuple('Shape', 'services endpoints kind')  # endpoints of each service; kind: see Sized.kind_of()
SHAPES = {
    'nothing': Shape(0, 0, 'mixed'),
    'services alone': Shape(10_000, 0, 'cluster'),
    'cluster': Shape(10_000, 10, 'cluster'),
    'headless': Shape(10_000, 10, 'headless'),
    'hostnames': Shape(10_000, 10, 'hostnames'),
    'few large': Shape(10, 10_000, 'headless'),
    'small': Shape(1_000, 10, 'mixed'),
    'mixed': Shape(10_000, 10, 'mixed'),
    'many': Shape(100_000, 1, 'mixed'),
}
KINDS = {'mixed': 'a tenth headless, half of these with hostnames', 'cluster': 'ClusterIP', 'headless': 'headless',
         'hostnames': 'headless, hostnames'}

Case = namedtuple('Case', 'shape workers pods more', defaults=(1, 'insecure', ''))
CASES = [*(Case(shape) for shape in SHAPES), Case('nothing', 2), Case('nothing', 4), Case('mixed', 2), Case('mixed', 4),
         Case('mixed', 1, 'verified'), Case('mixed', 1, 'insecure', 'cache'), Case('mixed', 1, 'insecure', 'bound'),
         Case('mixed', 4, 'insecure', 'bound'), Case('mixed', 1, 'insecure', 'churn')]
MORE = {'': '', 'cache': '`cache`, full', 'bound': '`cache`, more capacity, full', 'churn': f'{CHURN_CHANGES:,} changes'}
COLUMNS = {'start to ready, ms': 0, 'its CPU, ms': 0, 'VmRSS, ready': 1, 'VmRSS, asked': 1, 'of it RssAnon': 1, 'peak of a relist': 1,
           'VmRSS, then': 1}


class Sized(Cluster):
    """A cluster of a shape, and a pod for each endpoint."""

    def __init__(self, shape):
        self.kind = shape.kind
        super().__init__(1, shape.services, shape.endpoints)
        self.slices = [part for value in self.slices for part in cut(value)]

    def kind_of(self, i):
        return super().kind_of(i) if self.kind == 'mixed' else (self.kind != 'cluster', self.kind == 'hostnames')

    def pods(self):
        for value in self.slices:
            for endpoint in value['endpoints']:
                meta, (address,) = endpoint['targetRef'], endpoint['addresses']
                yield {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': self.metadata(meta['name'], meta['namespace'], value['metadata']['labels']),
                       'spec': {'containers': [{'name': 'app', 'image': 'app:1'}], 'nodeName': endpoint['nodeName']},
                       'status': {'phase': 'Running', 'podIP': address, 'podIPs': [{'ip': address}]}}

    def write(self, folder):
        folder.mkdir()
        objects = self.objects()
        objects['items'] += self.pods()
        (folder / 'objects.json').write_text(json.dumps(objects), encoding='ascii')
        names = self.names or ['kubernetes.default.svc.cluster.local']
        (folder / 'queries.txt').write_text(''.join(f'{self.rng.choice(names)} A\n' for _ in range(QUERIES)), encoding='ascii')


def cut(value):
    """The slices of one that is too large."""
    endpoints = value['endpoints']
    if len(endpoints) <= SLICE_ENDPOINTS:
        return [value]
    return [{**value, 'metadata': {**value['metadata'], 'name': f"{value['metadata']['name']}-{i:06}"}, 'endpoints': endpoints[i:i + SLICE_ENDPOINTS]}
            for i in range(0, len(endpoints), SLICE_ENDPOINTS)]


class SizedWatcher(Watcher):
    def __init__(self, build, data, work, kubeconfig, case, upstream):
        more = {'cache': 'cache 3600\n', 'bound': 'cache 3600 {{\n success 1000000\n }}\n'}.get(case.more, '')
        more += f"    forward . 127.0.0.1:{upstream.ports['dns']}"
        self.text = COREFILE.replace('PODS', case.pods).replace('WORKERS', str(case.workers)).replace('MORE', more)
        super().__init__(build, data, work, kubeconfig)

    def command_kaname(self, build):
        return [str(build / 'kaname'), '-conf', self.conf('Corefile', self.text.replace('KUBECONFIG', self.kubeconfig))]


def ask(server, file):
    """All its queries, once; what is answered is of no interest here."""
    command = ['dnsperf', '-f', 'inet', '-s', '127.0.0.1', '-p', str(server.ports['dns']), '-d', str(file), '-T', '1', '-c', '32', '-q', '100',
               '-n', '1']
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def relist(api, server):
    """VmHWM while everything is listed anew."""
    Path(f'/proc/{server.process.pid}/clear_refs').write_text('5')
    n_listed, seen = len(api.call('listed')), set()
    api.call('expire')
    end = time.monotonic() + 60
    while len(seen) < 3:
        if time.monotonic() > end:
            raise SystemExit('not all was listed anew')
        time.sleep(0.1)
        seen = set(api.call('listed')[n_listed:])
    time.sleep(RELIST_S)
    return server.memory_mib('VmHWM')['VmHWM']


def measure(api, server, case, names):
    result = {'start to ready, ms': server.start_ms(), 'its CPU, ms': server.cpu_ns() / 1e6}
    time.sleep(SETTLE_S)
    result['VmRSS, ready'] = server.memory_mib('VmRSS')['VmRSS']
    ask(server, server.data / 'queries.txt')
    if case.more in ('cache', 'bound'):
        ask(server, names.fresh(CACHE_NAMES) / 'queries.txt')
    if case.more == 'churn':
        api.call('spread')
        api.call('aim_at', 'spread')
        api.call('changes', CHURN_CHANGES, CHURN_PER_S, CHURN_CHANGES)
        time.sleep(SETTLE_S)
    asked = server.memory_mib('VmRSS', 'RssAnon')
    return result | {'VmRSS, asked': asked['VmRSS'], 'of it RssAnon': asked['RssAnon'], 'peak of a relist': relist(api, server),
                     'VmRSS, then': server.memory_mib('VmRSS')['VmRSS']}


def run_shape(name, options, work, upstream, names):
    """{case: median of each column}"""
    data, results = work / name.replace(' ', '-'), {}
    Sized(SHAPES[name]).write(data)
    api = Api(data, work / 'api')
    try:
        for case in (case for case in CASES if case.shape == name):
            rounds = []
            for _ in range(options.rounds):
                server = SizedWatcher(options.build.resolve(), data, work, api.where['kubeconfig'], case, upstream)
                try:
                    rounds.append(measure(api, server, case, names))
                finally:
                    server.stop()
            results[case] = {key: median(one[key] for one in rounds) for key in COLUMNS}
            print_row(case, results[case])
    finally:
        api.stop()
    return results


def print_row(case, values):
    shape = SHAPES[case.shape]
    what = f'{shape.services:,} x {shape.endpoints:,}, {KINDS[shape.kind]}' if shape.services else 'none'
    texts = [f'{values[key]:,.{digits}f}' for key, digits in COLUMNS.items()]
    print(f"| {what} | {case.workers} | {case.pods} | {MORE[case.more]} | {' | '.join(texts)} |", flush=True)


def print_terms(results):
    """What each thing adds, from two cases that differ in nothing else."""
    def of(shape, *more):
        return results[Case(shape, *more)]['VmRSS, asked']

    mixed = of('mixed')
    terms = {
        'nothing, one worker': of('nothing'),
        'a worker more': (of('mixed', 4) - mixed) / 3,
        '1,000 ClusterIP services with a slice each': (of('services alone') - of('nothing')) / 10,
        '1,000 endpoints of ClusterIP services': (of('cluster') - of('services alone')) / 100,
        '1,000 endpoints of headless services': (of('headless') - of('services alone')) / 100,
        '1,000 endpoints of few large headless services': (of('few large') - of('nothing')) / 100,
        '1,000 endpoints with hostnames': (of('hostnames') - of('services alone')) / 100,
        '1,000 pods, `pods verified`': (of('mixed', 1, 'verified') - mixed) / 100,
        'a cache that is full by its capacity of 9,984 answers': of('mixed', 1, 'insecure', 'cache') - mixed,
        'a cache that is full by its octets (32 MiB), one worker': of('mixed', 1, 'insecure', 'bound') - mixed,
        'the same, four workers': of('mixed', 4, 'insecure', 'bound') - of('mixed', 4),
    }
    print('\n| adds | MiB |\n|---|--:|')
    for title, mib in terms.items():
        print(f'| {title} | {mib:.3f} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('--shapes', nargs='+', default=list(SHAPES), choices=SHAPES, help='the terms need all of them')
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    end_by_signal()
    print(describe(options.build))
    print(f"- {options.rounds} rounds\n\n| services x endpoints | workers | pods | besides | {' | '.join(COLUMNS)} |")
    print(f"|---|--:|---|---|{'--:|' * len(COLUMNS)}")
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        work = Path(work)
        names, results = Names(work), {}
        upstream = Forwarder('upstream', options.build.resolve(), names.cached, work, ['taskset', '-c', str(os.cpu_count() - 1)])
        try:
            upstream.start()
            for name in options.shapes:
                results |= run_shape(name, options, work, upstream, names)
        finally:
            upstream.stop()
    if set(options.shapes) == set(SHAPES):
        print_terms(results)


if __name__ == '__main__':
    main()

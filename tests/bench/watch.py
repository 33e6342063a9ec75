#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kaname watches the fake API server, a process of its own (fake_api.py), over TLS and with a token. Prints tables in Markdown of

start    from its start to /ready = 200, beside curl, which downloads the same two streams in parallel
memory   resident, steady and while everything is listed anew after a 410 to all watches
changes  from the moment before an event is sent to the answer that has it, asked for all the while (asker.c); and the CPU of the events
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from statistics import median

from servers import START_MAX_S, Server, describe, end_by_signal

POLL_S = 0.002
SAMPLE_S = 0.003
PACE_S = 0.5  # kube-apiserver 1.36 needs so long to stream this
RELIST_S = 5
ASKER_LEAD_S = 0.5
ASKER_PAUSE_US = 50  # asking without a pause takes one of two CPUs, which the server then lacks
PROBE_IPS = int(IPv4Address('200.0.0.0'))
LISTED = ('/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices')
STREAM = '?watch=1&allowWatchBookmarks=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'

COREFILE = """\
.:{dns} {{
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig KUBECONFIG
        ttl 30
    }}
    health 127.0.0.1:{health}
    ready 127.0.0.1:{ready}
    prometheus 127.0.0.1:{metrics}
    loadbalance
    multisocket 1
}}
"""


# ---- the processes


class Api:
    """fake_api.py: call() has it do something."""

    def __init__(self, data, folder):
        self.process = subprocess.Popen([sys.executable, '-B', Path(__file__).with_name('fake_api.py'), data, folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.where = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit('the fake API server has ended')
        return json.loads(line)

    def call(self, name, *args):
        self.process.stdin.write(json.dumps({'call': name, 'args': args}) + '\n')
        self.process.stdin.flush()
        return self.read()['result']

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Watcher(Server):
    """A kaname that watches it."""

    def __init__(self, build, data, work, kubeconfig):
        self.kubeconfig = kubeconfig
        super().__init__('kaname', build, data, work)

    def command_kaname(self, build):
        return [str(build / 'kaname'), '-conf', self.conf('Corefile', COREFILE.replace('KUBECONFIG', self.kubeconfig))]

    def is_ready(self):
        try:
            with socket.create_connection(('127.0.0.1', self.ports['ready']), 5) as tcp:
                tcp.sendall(b'GET /ready HTTP/1.0\r\n\r\n')
                return tcp.recv(64).split(b' ')[1:2] == [b'200']
        except OSError:
            return False

    def start_ms(self):
        """From before exec to the first 200 of /ready."""
        start = time.monotonic()
        self.spawn()
        while not self.is_ready():
            self.check_alive()
            if time.monotonic() - start > START_MAX_S:
                raise SystemExit(f'{self.name} is not ready after {START_MAX_S} s')
            time.sleep(POLL_S)
        return (time.monotonic() - start) * 1e3

    def thread_ns(self):
        """{thread: CPU time, user and system}"""
        return {task.name: int((task / 'schedstat').read_text().split()[0])
                for task in Path(f'/proc/{self.process.pid}/task').iterdir()}

    def kube_thread(self):
        """The one that has worked most until it was ready."""
        threads = self.thread_ns()
        return max(threads, key=threads.get)

    def memory_mib(self, *keys):
        words = (line.split() for line in Path(f'/proc/{self.process.pid}/status').read_text().splitlines())
        found = {line[0][:-1]: line[1] for line in words if len(line) > 1}
        return {key: int(found[key]) / 1024 for key in keys}


@contextmanager
def started(options, api, work):
    """A kaname that is ready, with how long that took in its `took_ms`."""
    server = Watcher(options.build.resolve(), options.data.resolve(), work, api.where['kubeconfig'])
    try:
        server.took_ms = server.start_ms()
        yield server
    finally:
        server.stop()


def curl_ms(api):
    """(milliseconds, octets) of both streams, to their end."""
    command = ['curl', '--silent', '--show-error', '--fail', '--parallel', '--parallel-immediate', '--cacert', api.where['ca'],
               '--header', f"Authorization: Bearer {api.where['token']}", '--write-out', '%{size_download}\n']
    for path in LISTED:
        command += ['--output', '/dev/null', api.where['url'] + path + STREAM]
    start = time.monotonic()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return (time.monotonic() - start) * 1e3, sum(map(int, output.split()))


# ---- start


def start_round(options, api, work):
    api.call('end_after_list', True)
    plain_ms, n_octets = curl_ms(api)
    api.call('end_after_list', False)
    with started(options, api, work) as server:
        threads = server.thread_ns()
        return n_octets, {
            'curl downloads both streams, ms': plain_ms, 'kaname from start to ready, ms': server.took_ms,
            'ratio': server.took_ms / plain_ms, 'CPU of the kube thread, ms': max(threads.values()) / 1e6,
            'CPU of all threads, ms': sum(threads.values()) / 1e6}


def measure_start(options, api, work):
    n_octets, _ = start_round(options, api, work)
    for pace_s in (None, PACE_S):
        api.call('pace', n_octets / pace_s if pace_s else None)
        results = [start_round(options, api, work)[1] for _ in range(options.rounds)]
        text = f'paced to {pace_s} s' if pace_s else 'as fast as it can'
        print(f'\n{n_octets / 1e6:.1f} MB, {text}:\n\n| | median | min | max |\n|---|--:|--:|--:|')
        for key in results[0]:
            values = [result[key] for result in results]
            digits = 2 if key == 'ratio' else 1
            print(f'| {key} | {median(values):,.{digits}f} | {min(values):,.{digits}f} | {max(values):,.{digits}f} |')
    api.call('pace', None)


# ---- memory


def memory_round(api, server):
    time.sleep(1)
    steady = server.memory_mib('VmRSS', 'VmHWM', 'RssAnon', 'RssFile')
    result = {f'steady, {key}': value for key, value in steady.items()}
    Path(f'/proc/{server.process.pid}/clear_refs').write_text('5')
    n_listed = len(api.call('listed'))
    api.call('expire')
    samples, end = [], time.monotonic() + RELIST_S
    while time.monotonic() < end:
        samples.append(server.memory_mib('VmRSS')['VmRSS'])
        time.sleep(SAMPLE_S)
    if len(set(api.call('listed')[n_listed:])) < 3:
        raise SystemExit('not all was listed anew')
    after = server.memory_mib('VmRSS', 'VmHWM')
    return result | {'relist, peak of the samples of VmRSS': max(samples), 'relist, VmHWM': after['VmHWM'],
                     'more at the peak than steady': after['VmHWM'] - steady['VmRSS'], 'after the relist, VmRSS': after['VmRSS'],
                     'more after it than steady': after['VmRSS'] - steady['VmRSS']}


def measure_memory(options, api, work):
    results = []
    for _ in range(options.memory_rounds):
        with started(options, api, work) as server:
            results.append(memory_round(api, server))
    print('\n| memory, MiB | median | min | max |\n|---|--:|--:|--:|')
    for key in results[0]:
        values = [result[key] for result in results]
        print(f'| {key} | {median(values):.1f} | {min(values):.1f} | {max(values):.1f} |')


# ---- changes


class Asker:
    """asker.c for so long, in a process of its own."""

    def __init__(self, build, server, name, seconds):
        self.process = subprocess.Popen([build / 'tests/bench/asker', str(server.ports['dns']), name, str(seconds), str(ASKER_PAUSE_US)],
                                        stdout=subprocess.PIPE, text=True)
        self.output = None
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        time.sleep(ASKER_LEAD_S)

    def read(self):
        self.output = self.process.stdout.read()

    def result(self):
        """({number of a change: when it was seen}, [answers, p50, p99, max in ms])"""
        self.reader.join()
        if self.process.wait() != 0:
            raise SystemExit('the asker has failed')
        lines = [line.split() for line in self.output.splitlines()]
        seen = {int(line[1]) - PROBE_IPS: int(line[2]) for line in lines if line[0] == 'seen'}
        n, *times = next(line[1:] for line in lines if line[0] == 'asked')
        return seen, [int(n)] + [int(value) / 1e6 for value in times]


def busy_s(*without):
    """CPU time that the machine has spent so far on anything but these processes."""
    words = [int(word) for word in Path('/proc/stat').read_text().splitlines()[0].split()[1:]]
    ticks = sum(words[:8]) - words[3] - words[4]
    for pid in without:
        words = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        ticks -= int(words[11]) + int(words[12])
    return ticks / os.sysconf('SC_CLK_TCK')


def latencies_ms(sent_ns, seen):
    """Of each change of the probe; one that was overtaken by the next is answered with that."""
    result, answered = [], None
    for number in sorted(map(int, sent_ns), reverse=True):
        answered = seen.get(number, answered)
        if answered is None:
            raise SystemExit(f'change {number} was never answered')
        result.append((answered - sent_ns[str(number)]) / 1e6)
    return sorted(result)


COLUMNS = ['per second', 'measured', 'p50, ms', 'p99, ms', 'max, ms', 'an unchanged answer: p50, ms', 'p99, ms', 'max, ms',
           'CPU of the kube thread per 1,000 events, ms', 'CPUs that others had']
CHANGES = {  # what the fake server changes, how: (changes, per second, every which is the probe's)
    'spread, idle': ('spread', (500, 50, 1)),
    'spread': ('spread', (5_000, 1_000, 10)),
    'one service, idle': ('huge', (500, 50, 1)),
    'one service': ('huge', (5_000, 1_000, 10)),
}


def change_round(options, api, server, name, what):
    """The columns."""
    n, per_second, probe_each = what
    asker = Asker(options.build, server, name, ASKER_LEAD_S + n / per_second * 1.1 + 2)
    pids = [server.process.pid, asker.process.pid, api.process.pid]
    cpu_ns, others_s = server.thread_ns()[server.kube_thread_id], busy_s(*pids)
    done = api.call('changes', n, per_second, probe_each)
    others_s = busy_s(*pids) - others_s
    time.sleep(0.2)
    cpu_ns = server.thread_ns()[server.kube_thread_id] - cpu_ns
    seen, (_, *floor) = asker.result()
    times = latencies_ms(done['sent_ns'], seen)
    return [n / done['seconds'], len(times), times[len(times) // 2], times[len(times) * 99 // 100], times[-1], *floor,
            cpu_ns / 1e6 / done['n_sent'] * 1000, others_s / done['seconds']]


def print_changes(title, rounds):
    """The round in which others had the least CPU: their time is in all of these."""
    row = min(rounds, key=lambda row: row[-1])
    texts = [f'{row[0]:,.0f}', f'{row[1]:,}', *(f'{value:.3f}' for value in row[2:8]), f'{row[8]:.1f}', f'{row[9]:.2f}']
    print(f"| {title} | {' | '.join(texts)} |", flush=True)


def measure_changes(options, api, work):
    print(f"\n| changes | {' | '.join(COLUMNS)} |\n|---|{'--:|' * len(COLUMNS)}")
    with started(options, api, work) as server:
        server.kube_thread_id = server.kube_thread()
        names = {aim: api.call(aim) for aim in ('spread', 'huge')}
        time.sleep(1)
        for title in options.changes:
            aim, what = CHANGES[title]
            api.call('aim_at', aim)
            print_changes(title, [change_round(options, api, server, names[aim], what) for _ in range(options.change_rounds)])


PARTS = {'start': measure_start, 'memory': measure_memory, 'changes': measure_changes}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--parts', nargs='+', default=list(PARTS), choices=PARTS)
    parser.add_argument('--rounds', type=int, default=7, help='of the start')
    parser.add_argument('--memory-rounds', type=int, default=3)
    parser.add_argument('--changes', nargs='+', default=list(CHANGES), choices=CHANGES)
    parser.add_argument('--change-rounds', type=int, default=5)
    options = parser.parse_args()
    end_by_signal()
    print(describe(options.build))
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as folder:
        api = Api(options.data, Path(folder) / 'api')
        try:
            for part in options.parts:
                PARTS[part](options, api, Path(folder))
        finally:
            api.stop()


if __name__ == '__main__':
    main()

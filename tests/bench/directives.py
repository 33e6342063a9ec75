#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What directives cost: kaname with several Corefiles, on the same names in turn. Prints a table in Markdown.

Every server runs from the beginning to the end, with one query thread, on the first CPU; dnsperf has the last one. In each round every server
gets the same queries as fast as dnsperf sends them; rounds begin with another server each. CPU is that of all threads of the process, the log's
writer too; the log goes to a pipe that is read to the end, as a container's is. The ratio to `plain` is taken within a round; of everything the
table shows the median.
"""
import argparse
import os
import re
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from statistics import median

from run import WINDOW, run
from servers import COREFILE, Server, describe, end_by_signal

N_RULES, N_HOSTS = 100, 100_000

KUBEADM = """\
.:{dns} {{
    bind 127.0.0.1
    errors
    health 127.0.0.1:{health} {{
       lameduck 5s
    }}
    ready 127.0.0.1:{ready}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
       objects {data}/objects.json
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus 127.0.0.1:{metrics}
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success cluster.local
       disable denial cluster.local
    }}
    loop
    reload
    loadbalance
    multisocket 1
}}
"""

# Lines more in the block of the other benchmarks; none of the rules has the names that are asked for.
RULES = '\n'.join(f'    rewrite name regex ^([a-z0-9-]+)[.]app{i}[.]example[.]com[.]$ {{{{1}}}}.ns{i}.svc.cluster.local answer auto'
                  for i in range(N_RULES))
MORE = {
    'plain': '',
    'log': '    log\n',
    'log json': '    log . {{json}}\n',
    'log errors only': '    log {{\n        class error\n    }}\n',
    'rewrite, 100 regex rules': RULES + '\n',
    'hosts, 100,000 lines': '    hosts {folder}/hosts {{\n        fallthrough\n    }}\n',
    'acl, 100 networks': '    acl {{\n        block net ' + ' '.join(f'192.0.2.{i}' for i in range(100)) + '\n    }}\n',
    'template that does not match': '    template IN A example.com {{\n        match ^ip-(?P<a>[0-9]+)[.]example[.]com[.]$\n'
                                    '        answer "{{{{ .Name }}}} 60 IN A 10.0.0.{{{{ .Group.a }}}}"\n        fallthrough\n    }}\n',
    'minimal': '    minimal\n',
}
NAMES = [*MORE, 'kubeadm']


class Variant(Server):
    """kaname with one Corefile."""

    def __init__(self, name, build, data, work, prefix):
        self.variant = name
        super().__init__('kaname', build, data, work / name.replace(' ', '-').replace(',', ''), prefix)
        self.name = name
        self.reader = None

    def command_kaname(self, build):
        if self.variant == 'kubeadm':
            text = KUBEADM
        else:
            head, brace, tail = COREFILE.partition('{{\n')
            text = head + brace + MORE[self.variant] + tail
        if self.variant.startswith('hosts'):
            with open(self.folder / 'hosts', 'w', encoding='ascii') as file:
                for i in range(N_HOSTS):
                    file.write(f'10.{i >> 16}.{i >> 8 & 255}.{i & 255} host{i}.example.org\n')
        return [str(build / 'kaname'), '-conf', self.conf('Corefile', text)]

    def spawn(self):
        self.process = subprocess.Popen(self.prefix + self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True)
        with open(self.folder / 'output', 'wb') as output:
            self.reader = subprocess.Popen(['taskset', '-c', str(os.cpu_count() - 1), 'sh', '-c', 'head -c 20000; exec cat >/dev/null'],
                                           stdin=self.process.stdout, stdout=output)
        self.process.stdout.close()

    def dropped(self):
        """Log lines that were not written since the pipe was full."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['metrics']}/metrics", timeout=10) as page:
            return int(float(re.search(r'^kaname_log_lines_dropped_total (\S+)', page.read().decode(), re.M)[1]))

    def stop(self):
        super().stop()
        if self.reader is not None:
            self.reader.wait(60)


def print_table(runs):
    print('| Corefile | CPU per query, us: median | min | max | of it user | ratio to plain | queries per CPU second |')
    print('|---|--:|--:|--:|--:|--:|--:|')
    for name, results in runs.items():
        cpu = [result['cpu_us'] for result in results]
        ratio = median(mine / plain['cpu_us'] for mine, plain in zip(cpu, runs['plain']))
        user = median(result['user_us'] for result in results)
        print(f'| {name} | {median(cpu):.2f} | {min(cpu):.2f} | {max(cpu):.2f} | {user:.2f} | {ratio:.2f} | {1e6 / median(cpu):,.0f} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--variants', nargs='+', default=NAMES, choices=NAMES)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--passes', type=int, default=10, help='of the query file in each run')
    parser.add_argument('--client-cpu', type=int, default=os.cpu_count() - 1, help='of dnsperf')
    options = parser.parse_args()
    if 'plain' not in options.variants:
        parser.error('the ratios need plain')
    end_by_signal()
    print(describe(options.build))
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        servers = [Variant(name, options.build.resolve(), options.data.resolve(), Path(work), ['taskset', '-c', '0'])
                   for name in options.variants]
        try:
            for server in servers:
                server.start()
            runs = run(servers, options.client_cpu, options.rounds, options.passes)
            dropped = {server.name: server.dropped() for server in servers}
        finally:
            for server in servers:
                server.stop()
    n_queries = options.passes * sum(1 for _ in open(options.data / 'queries.txt', encoding='ascii'))
    print(f'- {options.rounds} rounds of {n_queries:,} queries, {WINDOW} on their way, dnsperf on CPU {options.client_cpu}, servers on CPU 0\n')
    print_table(runs)
    print('\nlog lines dropped: ' + (', '.join(f'{name} {n:,}' for name, n in dropped.items() if n) or 'none'))


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""User-space instructions per UDP query, counted by callgrind. Prints a table in Markdown.

A server runs once under callgrind. When it has answered the queries once, its counters are dumped (which sets them to zero) after one pass
of the query file more, and again after several; the difference of the two counts over the difference of the two numbers of answers is what one
query costs: neither start nor what runs by the clock is in it. First with many queries on their way, so that they come in batches, then one
by one, which adds the whole cost of waking up to each query.

kaname counts the first queries of a second for /debug/top, then one of 64 by chance. Under valgrind, which is slow, that is a far greater part
of all than in service: what it takes (top_sample with all that it calls) is told on its own, as for a rate of AT_PER_S.
"""
import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from run import WINDOW, dnsperf
from servers import Server, describe, end_by_signal

PASSES = (1, 4)
SINGLE_QUERIES = 1000  # one by one is slow: valgrind's threads wait for each other
AT_PER_S, EXACT_PER_S, SKIP = 100_000, 1_000, 64  # the last two are src/query/top.c's
CALLED = re.compile(r'cfn=\((\d+)\)(?: (.*))?')


class Count:
    """Instructions; those of top_sample, and how often it was called."""

    def __init__(self, total=0, sampled=0, samples=0):
        self.total, self.sampled, self.samples = total, sampled, samples

    def __add__(self, other):
        return Count(self.total + other.total, self.sampled + other.sampled, self.samples + other.samples)

    def __sub__(self, other):
        return Count(self.total - other.total, self.sampled - other.sampled, self.samples - other.samples)


def count_of(file):
    """The Count in a dump: a call is a line of the function, one of how often, one of what it took in all."""
    count, names, called, calls = Count(), {}, '', 0
    for line in open(file, encoding='ascii'):
        match = CALLED.match(line)
        if match:
            called = names.setdefault(match[1], match[2])
        elif line.startswith('calls='):
            calls = int(line[6:].split()[0])
        elif calls:
            if called.split('.')[0] == 'top_sample':
                count += Count(0, int(line.split()[-1]), calls)
            calls = 0
        elif line.startswith('summary:'):
            count.total = int(line.split()[1])
        elif line.startswith('fn='):
            match = CALLED.match('c' + line)
            names.setdefault(match[1], match[2])
    return count


class Counted(Server):
    """A server under callgrind."""

    def __init__(self, name, build, data, work):
        super().__init__(name, build, data, work)
        self.prefix = ['valgrind', '--tool=callgrind', '--quiet', '--trace-children=yes', f'--callgrind-out-file={self.folder}/callgrind.%p']
        self.n_dumps = 0

    def dump(self):
        """What all its processes did since the last dump."""
        self.n_dumps += 1
        total = Count()
        for pid in self.pids():
            subprocess.run(['callgrind_control', '--dump', str(pid)], check=True, capture_output=True)
            total += count_of(self.folder / f'callgrind.{pid}.{self.n_dumps}')
        return total

    def per_query(self, queries, window):
        """(instructions per query without top_sample, with it at AT_PER_S)"""
        counts, answers = [], []
        for passes in PASSES:
            answers.append(dnsperf(self, 0, '-n', str(passes), '-d', str(queries), '-q', str(window))[1])
            counts.append(self.dump())
        count = counts[1] - counts[0]
        plain = (count.total - count.sampled) / (answers[1] - answers[0])
        share = (EXACT_PER_S + (AT_PER_S - EXACT_PER_S) / SKIP) / AT_PER_S
        return plain, plain + share * count.sampled / max(1, count.samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--servers', nargs='+', default=['kaname', 'bare', 'nsd', 'knot'])
    options = parser.parse_args()
    end_by_signal()
    print(describe(options.build))
    print(f'\n| server | instructions per query: in batches | with /debug/top at {AT_PER_S:,}/s | one by one |\n|---|--:|--:|--:|')
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        queries, some = options.data / 'queries.txt', Path(work) / 'some.txt'
        some.write_text(''.join(queries.read_text(encoding='ascii').splitlines(True)[:SINGLE_QUERIES]), encoding='ascii')
        for name in options.servers:
            server = Counted(name, options.build.resolve(), options.data.resolve(), Path(work))
            try:
                server.start()
                dnsperf(server, 0, '-n', '1')
                server.dump()
                plain, counted = server.per_query(queries, WINDOW)
                print(f'| {name} | {plain:,.0f} | {counted:,.0f} | {server.per_query(some, 1)[0]:,.0f} |', flush=True)
            finally:
                server.stop()


if __name__ == '__main__':
    main()

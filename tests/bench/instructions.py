#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""User-space instructions per UDP query, counted by callgrind. Prints a table in Markdown.

A server runs once under callgrind. When it has answered the queries once, its counters are dumped (which sets them to zero) after one pass
of the query file more, and again after several; the difference of the two counts over the difference of the two numbers of answers is what one
query costs: neither start nor what runs by the clock is in it. First with many queries on their way, so that they come in batches, then one
by one, which adds the whole cost of waking up to each query.
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

from run import WINDOW, dnsperf
from servers import Server, describe, end_by_signal

PASSES = (1, 4)
SINGLE_QUERIES = 1000  # one by one is slow: valgrind's threads wait for each other


class Counted(Server):
    """A server under callgrind."""

    def __init__(self, name, build, data, work):
        super().__init__(name, build, data, work)
        self.prefix = ['valgrind', '--tool=callgrind', '--quiet', '--trace-children=yes', f'--callgrind-out-file={self.folder}/callgrind.%p']
        self.n_dumps = 0

    def dump(self):
        """Instructions of all its processes since the last dump."""
        self.n_dumps += 1
        total = 0
        for pid in self.pids():
            subprocess.run(['callgrind_control', '--dump', str(pid)], check=True, capture_output=True)
            file = self.folder / f'callgrind.{pid}.{self.n_dumps}'
            total += next(int(line.split()[1]) for line in open(file, encoding='ascii') if line.startswith('summary:'))
        return total

    def per_query(self, queries, window):
        counts, answers = [], []
        for passes in PASSES:
            answers.append(dnsperf(self, 0, '-n', str(passes), '-d', str(queries), '-q', str(window))[1])
            counts.append(self.dump())
        return (counts[1] - counts[0]) / (answers[1] - answers[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path, help='the build folder')
    parser.add_argument('data', type=Path, help='the folder that generate.py filled')
    parser.add_argument('--servers', nargs='+', default=['kaname', 'bare', 'nsd', 'knot'])
    options = parser.parse_args()
    end_by_signal()
    print(describe(options.build))
    print('\n| server | instructions per query: in batches | one by one |\n|---|--:|--:|')
    with tempfile.TemporaryDirectory(prefix='kaname-bench-') as work:
        queries, some = options.data / 'queries.txt', Path(work) / 'some.txt'
        some.write_text(''.join(queries.read_text(encoding='ascii').splitlines(True)[:SINGLE_QUERIES]), encoding='ascii')
        for name in options.servers:
            server = Counted(name, options.build.resolve(), options.data.resolve(), Path(work))
            try:
                server.start()
                dnsperf(server, 0, '-n', '1')
                server.dump()
                print(f'| {name} | {server.per_query(queries, WINDOW):,.0f} | {server.per_query(some, 1):,.0f} |', flush=True)
            finally:
                server.stop()


if __name__ == '__main__':
    main()

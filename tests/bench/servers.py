# SPDX-License-Identifier: Apache-2.0
"""The four servers of the benchmark: how each is started on loopback and high ports, with one thread for queries and nothing beside it that
a query needs not; and what they used of CPU and memory.

Every server has its own folder below the work folder and is ended by its pid.
"""
import http.client
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

START_MAX_S = 300  # valgrind is slow

COREFILE = """\
.:{dns} {{
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        objects {data}/objects.json
        pods insecure
        ttl 30
    }}
    health 127.0.0.1:{health}
    ready 127.0.0.1:{ready}
    prometheus 127.0.0.1:{metrics}
    loadbalance
    multisocket 1
}}
"""

NSD_CONF = """\
server:
    server-count: 1
    tcp-count: 200
    ip-address: 127.0.0.1@{dns}
    username: ""
    chroot: ""
    database: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    logfile: "{folder}/log"
    minimal-responses: yes
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: cluster.local
    zonefile: "{data}/cluster.local.zone"
"""

KNOT_CONF = """\
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
  - domain: cluster.local
    storage: "{data}"
    file: cluster.local.zone
    semantic-checks: off
    journal-content: none
    zonefile-sync: -1
"""


def free_port():
    """A port of 127.0.0.1 that neither UDP nor TCP uses, below those that the kernel gives to clients: a server's own questions
    would take one before the next server starts."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(('127.0.0.1', random.randrange(10000, 32000)))
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def first_name(data):
    with open(data / 'queries.txt', encoding='ascii') as file:
        return file.readline().split()[0]


def is_answered(port, name):
    """Does a query for the A records of `name` get some?"""
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    query = struct.pack('>6H', 1, 0x0100, 1, 0, 0, 0) + labels + b'\0\0\1\0\1'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(1)
        try:
            udp.connect(('127.0.0.1', port))
            udp.send(query)
            answer = udp.recv(4096)
        except OSError:
            return False
    flags, _, n_answers = struct.unpack('>3H', answer[2:8])
    return flags & 15 == 0 and n_answers > 0


def http_status(port, path):
    """The status of GET `path`, or 0 where nobody listens yet."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
    try:
        connection.request('GET', path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class Server:
    """One server. `prefix` is what its command line starts with: taskset, valgrind."""

    def __init__(self, name, build, data, work, prefix=()):
        self.name, self.data, self.prefix = name, data, list(prefix)
        self.ports = {use: free_port() for use in ('dns', 'health', 'ready', 'metrics')}
        self.folder = work / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.command = getattr(self, 'command_' + name.replace('-', '_'))(build)
        self.process = self.reader = None

    def conf(self, file, text):
        (self.folder / file).write_text(text.format(folder=self.folder, data=self.data, **self.ports), encoding='ascii')
        return str(self.folder / file)

    def command_kaname(self, build):
        return [str(build / 'kaname'), '-conf', self.conf('Corefile', COREFILE)]

    def command_kaname_log(self, build):
        """The same with every query logged."""
        return [str(build / 'kaname'), '-conf', self.conf('Corefile', COREFILE.replace('    errors\n', '    errors\n    log\n'))]

    def command_bare(self, build):
        return [str(build / 'tests/bench/bare'), str(self.ports['dns'])]

    def command_nsd(self, _):
        return [find_program('nsd'), '-d', '-c', self.conf('nsd.conf', NSD_CONF)]

    def command_knot(self, _):
        return [find_program('knotd'), '-c', self.conf('knot.conf', KNOT_CONF)]

    def open_output(self):
        """A file; of a query log a pipe to a reader, as a container's stdout is."""
        if not self.name.endswith('-log'):
            return open(self.folder / 'output', 'wb')
        self.reader = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        return self.reader.stdin

    def spawn(self):
        with self.open_output() as output:
            self.process = subprocess.Popen(self.prefix + self.command, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, cwd=self.folder, start_new_session=True)

    def start(self):
        """Returns when it answers the first name of the queries."""
        self.spawn()
        name, until = first_name(self.data), time.monotonic() + START_MAX_S
        while not is_answered(self.ports['dns'], name):
            self.check_alive()
            if time.monotonic() > until:
                raise SystemExit(f'{self.name} does not answer; see {self.folder}')
            time.sleep(0.05)

    def check_alive(self):
        if self.process.poll() is not None:
            raise SystemExit(f'{self.name} ended with {self.process.returncode}:\n' +
                             (self.folder / 'output').read_text(errors='replace'))

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        if self.reader is not None:
            self.reader.wait()

    def pids(self):
        """The process and all that it has started."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f'/proc/{pid}/task').iterdir():
                found += map(int, (task / 'children').read_text().split())
        return found

    def cpu_ns(self):
        """CPU time, user and system, of all threads of all its processes, to the nanosecond."""
        return sum(int((task / 'schedstat').read_text().split()[0])
                   for pid in self.pids() for task in Path(f'/proc/{pid}/task').iterdir())

    def cpu_ticks(self):
        """User and system time in clock ticks: coarse, only good for their proportion."""
        user = system = 0
        for pid in self.pids():
            fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
            user, system = user + int(fields[11]), system + int(fields[12])
        return user, system


def end_by_signal():
    """SIGTERM ends the script as Ctrl-C does, so that no server outlives it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def find_program(name):
    path = shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin:/sbin')
    if path is None:
        raise SystemExit(f'{name} is not installed; run.sh installs what is needed')
    return path


def describe(build):
    """Where and with what a table was measured, as lines of Markdown."""
    root = Path(__file__).resolve().parents[2]

    def output(*command):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return (result.stdout + result.stderr).strip()

    cpu = next(line.split(':')[1].strip() for line in open('/proc/cpuinfo', encoding='utf8') if 'model name' in line)
    memory_gib = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
    options = output('meson', 'configure', str(build), '--no-pager') if shutil.which('meson') else ''
    wanted = ('optimization', 'debug', 'b_lto', 'b_pie', 'b_sanitize')
    flags = {words[0]: words[1] for words in map(str.split, options.splitlines()) if words and words[0] in wanted}
    compiler = output(os.environ.get('CC', 'cc'), '--version').splitlines()[0]
    commit = output('git', '-C', str(root), 'describe', '--always', '--dirty')
    return '\n'.join([
        f'- commit {commit}, {compiler}, ' + ' '.join(f'{key}={flags[key]}' for key in wanted if key in flags),
        f'- {os.cpu_count()} CPUs {cpu}, {memory_gib:.0f} GiB, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f} before',
        f"- {output(find_program('nsd'), '-v').splitlines()[0]}, Knot {output(find_program('knotd'), '-V').split()[-1]}, "
        f"dnsperf {output('dnsperf', '-H').split('Version ')[1].split()[0]}",
    ])

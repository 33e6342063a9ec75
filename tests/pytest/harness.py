# SPDX-License-Identifier: Apache-2.0
"""A kaname process on an address of its own in 127.0.0.0/8, and ways to ask it.

Nothing here sleeps for a fixed time to wait for something: wait_for polls until a deadline.
"""
import contextlib
import functools
import os
import random
import re
import signal
import socket
import string
import struct
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("KANAME_BINARY", str(ROOT / "build/kaname"))
DEADLINE_S = 20.0  # generous: sanitizers on a busy machine
ZONE = "cluster.local."

COREFILE = """
.:$port {
    bind $address
    errors
    log
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        objects $objects
        pods verified
        ttl 30
    }
    loadbalance
}
"""

REPORTS = re.compile(r"^.*(Sanitizer|runtime error:|CHECK failed|Assertion).*$", re.MULTILINE)


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """Polls until condition() is true; what it gave."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline_s:.0f} s: {what}"
        time.sleep(0.01)


def free_address():
    """Few others use it: a second server on the same port would otherwise share it unnoticed (SO_REUSEPORT)."""
    return f"127.{random.randint(16, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"


def free_port():
    """Free on TCP and UDP of every address, and below the ports that the kernel gives to clients, of which one could take it
    before the server does."""
    for port in random.sample(range(10000, 32000), 100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            with contextlib.suppress(OSError):
                for wanted in (tcp, udp):
                    wanted.bind(("", port))
                return port
    raise AssertionError("no free port")


def fetch(url, method="GET"):
    """(status, body); status 0 when nobody listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=DEADLINE_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return 0, ""


class Server:
    """Made by running(); its folder holds the Corefile, the log and the folder of objects."""

    def __init__(self, folder, corefile=COREFILE, env=None, command=(BINARY,), leave_after="0s"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.objects = self.folder / "objects"
        self.address = free_address()
        ports = set()
        while len(ports) < 4:  # no two of them the same
            ports.add(free_port())
        self.port, self.health_port, self.ready_port, self.metrics_port = ports
        self.env = {**os.environ, **(env or {})}
        self.command = command  # that becomes the server
        self.leave_after = leave_after  # most tests have no client that goes on asking
        self.corefile = self.folder / "Corefile"
        self.write_corefile(corefile)
        self.log_path = self.folder / "log"
        self.process = None

    def fill(self, template):
        """The text with $address, $port and their like filled in."""
        return string.Template(template).substitute(
            address=self.address, port=self.port, health=self.health_port, ready=self.ready_port,
            metrics=self.metrics_port, objects=self.objects, folder=self.folder)

    def write_corefile(self, template):
        """In one step, as a rename."""
        new = self.corefile.with_suffix(".new")
        new.write_text(self.fill(template))
        new.rename(self.corefile)

    def start(self, *args):
        command = [*self.command, "-conf", str(self.corefile), "--leave-after", self.leave_after, *args]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            env=self.env)

    def log(self):
        return self.log_path.read_text(errors="backslashreplace")

    def wait_ready(self):
        def is_ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log()}"
            return self.http("ready")[0] == 200
        try:
            wait_for("/ready", is_ready)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def stop(self, sig=signal.SIGTERM):
        """Ends the server, which must do so cleanly."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "none within the deadline"
        report = REPORTS.search(self.log())
        assert code == 0 and not report, f"exit code {code}\n{self.log()[-20000:]}"

    # ---- HTTP

    def http(self, what, path=None, method="GET"):
        """(status, body) of health, ready or metrics; status 0 when nobody listens."""
        port = {"health": self.health_port, "ready": self.ready_port, "metrics": self.metrics_port}[what]
        return fetch(f"http://{self.address}:{port}{path or '/' + what}", method)

    def metrics(self):
        """{'name{label="value"}': number}, the labels as they are printed."""
        samples = {}
        for line in self.http("metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum of the samples of this name that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(value for sample, value in self.metrics().items()
                   if sample.partition("{")[0] == name and all(label in sample for label in wanted))

    # ---- DNS

    def ask(self, name, rdtype="A", tcp=False, timeout=DEADLINE_S, **options):
        """The answer to a question; a name without a final dot is below cluster.local. options are make_query's."""
        return self.send(question(name, rdtype, **options), tcp, timeout)

    def send(self, message, tcp=False, timeout=DEADLINE_S):
        send = dns.query.tcp if tcp else dns.query.udp
        return send(message, self.address, timeout=timeout, port=self.port, one_rr_per_rrset=True)

    def send_raw(self, *packets, timeout=DEADLINE_S):
        """What comes back first after these UDP packets were sent from one socket, which one worker reads in order."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((self.address, self.port))
            for packet in packets:
                sock.send(packet)
            return sock.recv(65535)

    def connect(self):
        sock = socket.create_connection((self.address, self.port), timeout=DEADLINE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))


def absolute(name):
    """A dns.name.Name of text below cluster.local, of text with a final dot, or of a list of labels as bytes."""
    if isinstance(name, (list, tuple)):
        return dns.name.Name([*name, b""])
    return dns.name.from_text(name, dns.name.from_text(ZONE))


def question(name, rdtype="A", **options):
    return dns.message.make_query(absolute(name), rdtype, **options)


@functools.lru_cache
def sanitizers():
    """Of "asan", "tsan": what the server was built with."""
    binary = Path(BINARY).read_bytes()
    return [name for name in ("asan", "tsan") if f"__{name}_init".encode() in binary]


def memory_slack_kib():
    """What a server's memory may grow under load. Sanitizers keep freed memory for a while."""
    return 512 * 1024 if sanitizers() else 4 * 1024


def ask_text(server, name, rdtype, tcp=False):
    """(query, answer)"""
    query = question(name, rdtype)
    return query, server.send(query, tcp)


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError(f"closed after {len(data)} of {n} octets")
        data += part
    return data


def read_message(sock):
    """The next message on a TCP connection, or None when the server has closed it."""
    try:
        size, = struct.unpack("!H", read_exactly(sock, 2))
        return read_exactly(sock, size)
    except (EOFError, ConnectionResetError):
        return None


def framed(wire):
    return struct.pack("!H", len(wire)) + wire


def ask_wire(server, wire, tcp):
    """The answer's octets to a query's octets."""
    if not tcp:
        return server.send_raw(wire)
    with server.connect() as sock:
        sock.sendall(framed(wire))
        return read_message(sock)


def parse(wire):
    return dns.message.from_wire(wire, one_rr_per_rrset=True)


def records(section, qname=None):
    """A section's records as sorted text "OWNER TYPE RDATA"; cluster.local is left out, so is an owner that is the question's."""
    lines = []
    for rrset in section:
        for rdata in rrset:
            owner = "" if qname is not None and rrset.name == qname else f"{rrset.name} "
            text = f"{owner}{dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
            if rrset.rdtype == dns.rdatatype.SOA:
                text = re.sub(r"(SOA \S+ \S+) \d+", r"\1 SERIAL", text)
            lines.append(re.sub(r"\.cluster\.local\.(?= |$)", "", text))
    return sorted(lines)


def rcode_text(message):
    return dns.rcode.to_text(message.rcode())


@contextlib.contextmanager
def ending(server, is_ready=True):
    """A server that was started, stopped and checked at the end."""
    try:
        if is_ready:
            server.wait_ready()
        yield server
    except BaseException:
        server.process.kill()
        server.process.wait()
        print(server.log()[-20000:])
        raise
    if server.process.returncode is None:
        server.stop()


@contextlib.contextmanager
def running(folder, objects=None, corefile=COREFILE, is_ready=True, **options):
    """A server with the objects ({file name: list of objects}), stopped and checked at the end. options are Server's."""
    from cluster import write_files

    server = Server(folder, corefile, **options)
    if objects is not None:
        write_files(server.objects, objects)
    server.start()
    with ending(server, is_ready):
        yield server

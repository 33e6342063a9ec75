# SPDX-License-Identifier: Apache-2.0
"""A process hands its port over to the next: both serve it for a while (SO_REUSEPORT), then the older one gets SIGTERM. Clients
must not notice: every query has its answer, and the right one."""
import contextlib
import select
import signal
import socket
import string
import struct
import threading
import time

from cluster import service, write_files
from harness import COREFILE, DEADLINE_S, Server, free_address, free_port, framed, question, read_message, wait_for

RESTARTS = 20
SERVICES = 500  # to be read before the server is ready
LOST_S = 4.0


class Load(threading.Thread):
    """Asks for one name until stop(); counts what was asked, lost or answered otherwise than `want`."""

    def __init__(self, address, wire, want):
        super().__init__(daemon=True)
        self.address, self.wire, self.want = address, wire, want
        self.asked = 0
        self.wrong = []
        self.is_over = threading.Event()

    def query(self):
        self.asked += 1
        return struct.pack("!H", self.asked & 0xffff) + self.wire[2:]

    def check(self, query, answer):
        if answer != query[:2] + self.want[2:]:
            self.wrong.append(f"query {self.asked}: {'lost' if answer is None else answer.hex()}")

    def run(self):
        try:
            self.load()
        except OSError as error:
            self.wrong.append(f"query {self.asked}: {error!r}")

    def stop(self):
        self.is_over.set()
        self.join()
        assert not self.wrong, f"{type(self).__name__}: {len(self.wrong)} of {self.asked}: {self.wrong[:5]}"
        assert self.asked > 10 * RESTARTS


class OneFlow(Load):
    """From one port, up to WINDOW queries on their way: who gets them changes with the group of sockets."""
    WINDOW = 16

    def load(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(self.address)
            waiting = {}  # id: (query, when it was sent)
            while not self.is_over.is_set() or waiting:
                while len(waiting) < self.WINDOW and not self.is_over.is_set():
                    query = self.query()
                    sock.send(query)
                    waiting[query[:2]] = query, time.monotonic()
                if select.select([sock], [], [], LOST_S)[0]:
                    answer = sock.recv(65535)
                    query, _ = waiting.pop(answer[:2], (answer[:2], 0))
                    self.check(query, answer)
                end = time.monotonic() - LOST_S
                for lost in [query for query, sent in waiting.values() if sent < end]:
                    del waiting[lost[:2]]
                    self.check(lost, None)
                time.sleep(0.0005)


class ManyFlows(Load):
    """Each query from another port."""

    def load(self):
        while not self.is_over.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.connect(self.address)
                query = self.query()
                sock.send(query)
                self.check(query, sock.recv(65535) if select.select([sock], [], [], LOST_S)[0] else None)
            time.sleep(0.0005)


class Connections(Load):
    """Each two queries by a TCP connection of their own."""

    def load(self):
        while not self.is_over.is_set():
            with socket.create_connection(self.address, timeout=LOST_S) as sock:
                queries = [self.query(), self.query()]
                sock.sendall(b"".join(map(framed, queries)))
                for query in queries:
                    self.check(query, read_message(sock))
            time.sleep(0.005)


def queries_of(server):
    return server.metric("coredns_dns_requests_total")


def test_handover(tmp_path):
    address, port = free_address(), free_port()
    corefile = string.Template(COREFILE.replace("    log\n", "")).safe_substitute(address=address, port=port)
    objects = {"services.json": [service(f"web{i}.shop", f"10.96.{1 + i // 250}.{1 + i % 250}") for i in range(SERVICES)]}

    with contextlib.ExitStack() as stack:
        def begin(number):
            server = Server(tmp_path / f"server{number}", corefile)
            server.address, server.port = address, port
            write_files(server.objects, objects)
            server.start()
            stack.callback(lambda: server.process.poll() is not None or server.process.kill())
            server.wait_ready()
            return server

        server = begin(0)
        wire = question(f"web{SERVICES - 1}.shop.svc").to_wire()
        loads = [kind((address, port), wire, server.send_raw(wire)) for kind in (OneFlow, ManyFlows, Connections)]
        for load in loads:
            load.start()
        for number in range(1, RESTARTS + 1):
            after = begin(number)
            wait_for("both serve", lambda: queries_of(after) > 0)
            before = [load.asked for load in loads]
            wait_for("all clients go on", lambda: all(load.asked > n + 10 or load.wrong
                                                      for load, n in zip(loads, before)))
            server.stop(signal.SIGTERM)
            server = after
        for load in loads:
            load.stop()
        server.stop()

# SPDX-License-Identifier: Apache-2.0
"""A kaname that watches the fake API server, and a prober that asks all the while for names which always exist."""
import concurrent.futures
import contextlib
import itertools
import selectors
import socket
import struct
import threading
import time

import dns.edns
import dns.rcode

from cluster import alias, endpoint, endpointslice, namespace, pod, service
from harness import ZONE, absolute, question, rcode_text, running, sanitizers, wait_for

CONVERGENCE_S = 5.0 * (4 if sanitizers() else 1)  # after what was broken is whole again
COREFILE = f"""
.:$port {{
    bind $address
    errors
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes {ZONE[:-1]} in-addr.arpa ip6.arpa {{
        OPTIONS
        ttl 30
    }}
}}
"""

# What is always there, and the names by which it is asked for.
STABLE = [
    namespace("kube-system"), namespace("shop", labels={"team": "shop"}),
    service("stable.shop", "10.96.0.1", ports=["http:80"]), endpointslice("stable.shop", "10.244.0.1", ports=["http:80"]),
    service("set.shop", ports=["http:80"]), endpointslice("set.shop", endpoint("10.244.0.2", hostname="set-0"), ports=["http:80"]),
    alias("outside.shop", "www.example.com"), pod("stable-0.shop", "10.244.0.1"),
]
STABLE_NAMES = [
    ("stable.shop.svc", "A"), ("_http._tcp.stable.shop.svc", "SRV"), ("set.shop.svc", "A"), ("set-0.set.shop.svc", "A"),
    ("outside.shop.svc", "CNAME"), ("10-244-0-1.shop.pod", "A"), ("1.0.96.10.in-addr.arpa.", "PTR"), ("2.0.244.10.in-addr.arpa.", "PTR"),
]


def corefile(options):
    return COREFILE.replace("OPTIONS", options)


def kubeconfig(api, *options):
    """The Corefile of one who watches by a kubeconfig."""
    return corefile("\n        ".join([f"kubeconfig {api.kubeconfig()}", "pods verified", *options]))


def watching(folder, api, *options, **more):
    """running(), of a kaname that watches."""
    return running(folder, corefile=kubeconfig(api, *options), **more)


def answer(server, name, rdtype="A"):
    """"RCODE DATA...", the data sorted; behind the rcode "/N" for an extended error N."""
    got = server.ask(name, rdtype, use_edns=0)
    codes = [f"/{option.code}" for option in got.options if option.otype == dns.edns.OptionType.EDE]
    return " ".join([rcode_text(got) + "".join(codes), *sorted(str(rdata) for rrset in got.answer for rdata in rrset)])


def becomes(server, name, want, rdtype="A", deadline_s=CONVERGENCE_S):
    """Within the time in which it must."""
    end = time.monotonic() + deadline_s
    while True:
        last = answer(server, name, rdtype)
        if last == want:
            return
        assert time.monotonic() < end, (f"not within {deadline_s:.0f} s: {name} {rdtype} is {want!r}; it is {last!r}\n"
                                        f"{server.log()[-5000:]}")
        time.sleep(0.03)


class Marker:
    """New objects of every kind, each round, and the proof that kaname has them: in time after what was broken is whole again."""

    numbers = itertools.count(1)
    made = []  # and not yet deleted

    def __init__(self, api):
        self.api, self.n = api, next(self.numbers)
        self.namespace = f"ns{self.n}"
        host = f"{self.n // 250}.{1 + self.n % 250}"
        self.address, self.endpoint, self.pod = f"10.97.{host}", f"10.245.{host}", f"10.246.{host}"
        self.pod_name = f"{self.pod.replace('.', '-')}.{self.namespace}.pod"
        self.objects = [
            namespace(self.namespace), service(f"mark.{self.namespace}", self.address),
            service(f"set.{self.namespace}"), endpointslice(f"set.{self.namespace}", self.endpoint),
            pod(f"p.{self.namespace}", self.pod),
        ]
        api.apply_many(self.objects)
        self.made.append(self)

    def arrives(self, server):
        """All of it, within the time."""
        end = time.monotonic() + CONVERGENCE_S
        for name, want in ((f"mark.{self.namespace}.svc", f"NOERROR {self.address}"), (f"set.{self.namespace}.svc", f"NOERROR {self.endpoint}"),
                           (self.pod_name, f"NOERROR {self.pod}"), (f"{self.namespace}.svc", "NOERROR")):
            becomes(server, name, want, deadline_s=end - time.monotonic())

    def delete(self):
        self.made.remove(self)
        for value in reversed(self.objects):
            self.api.delete(value["kind"], value["metadata"].get("namespace", ""), value["metadata"]["name"])

    def leaves(self, server):
        """It is deleted, and not known any more."""
        self.delete()
        self.left(server)

    def left(self, server):
        becomes(server, f"mark.{self.namespace}.svc", "NXDOMAIN")
        becomes(server, f"set.{self.namespace}.svc", "NXDOMAIN")
        becomes(server, self.pod_name, "NXDOMAIN")
        becomes(server, f"{self.namespace}.svc", "NXDOMAIN")


class Prober(threading.Thread):
    """Asks for these names over UDP from several sockets for as long as the `with` lasts, and then says whether each answer was one."""

    def __init__(self, server, names=None, n_sockets=4, pause_s=0.005):
        super().__init__(daemon=True, name="prober")
        self.server, self.pause_s = server, pause_s
        self.questions = [(f"{name} {rdtype}", absolute(name), rdtype) for name, rdtype in names or STABLE_NAMES]
        self.wires = [question(name, rdtype).to_wire()[2:] for name, rdtype in names or STABLE_NAMES]
        self.sockets = []
        for _ in range(n_sockets):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect((server.address, server.port))
            self.sockets.append(sock)
        self.faults = []  # (seconds since the beginning, question, what came)
        self.n_answers = 0
        self.began = time.monotonic()
        self.is_over = threading.Event()
        self.waiting = {}  # socket: (id, index of the question, when)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            wait_for("answers to the prober", lambda: self.n_answers > 20 or self.faults)
        self.is_over.set()
        self.join()
        for sock in self.sockets:
            sock.close()
        if kind is None:
            self.check()

    def check(self):
        assert not self.faults, f"{len(self.faults)} wrong answers of {self.n_answers}: {self.faults[:20]}\n{self.server.log()[-5000:]}"

    def ask_once(self):
        """Each name, here and now."""
        for name, rdtype in STABLE_NAMES:
            if "pod" not in name:
                assert answer(self.server, name, rdtype).split(" ")[0] == "NOERROR", name

    def run(self):
        turn = itertools.cycle(range(len(self.wires)))
        ids = itertools.count()
        with selectors.DefaultSelector() as selector:
            for sock in self.sockets:
                selector.register(sock, selectors.EVENT_READ)
            while not self.is_over.wait(self.pause_s):
                for sock in self.sockets:
                    self.ask(sock, next(turn), next(ids) & 0xFFFF)
                while self.waiting and not self.is_over.is_set():
                    for key, _ in selector.select(0.2):
                        self.take(key.fileobj)
                    self.note_lost()

    def note(self, index, what):
        self.faults.append((round(time.monotonic() - self.began, 3), self.questions[index][0], what))

    def ask(self, sock, index, number):
        self.waiting[sock] = (number, index, time.monotonic())
        sock.send(struct.pack("!H", number) + self.wires[index])

    def take(self, sock):
        try:
            data = sock.recv(4096)
        except OSError as error:
            if sock in self.waiting:
                self.note(self.waiting.pop(sock)[1], str(error))
            return
        number, flags, _, n_answers = struct.unpack("!4H", data[:8])
        expected, index, _ = self.waiting.get(sock, (None, None, None))
        if number != expected:
            return
        del self.waiting[sock]
        self.n_answers += 1
        if flags & 0xF or n_answers == 0:
            self.note(index, f"{dns.rcode.to_text(flags & 0xF)}, {n_answers} records")

    def note_lost(self):
        for sock, (_, index, sent) in list(self.waiting.items()):
            if time.monotonic() - sent > CONVERGENCE_S:
                del self.waiting[sock]
                self.note(index, "no answer")


def ask_many(server, questions, window=64):
    """[(rcode, octets of the answer behind its id; none where there is no record)], by UDP without EDNS: of names with few records.
    What is lost is asked again."""
    wires = [question(name, rdtype).to_wire()[2:] for name, rdtype in questions]
    answers, waiting, following = {}, {}, iter(range(len(wires)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((server.address, server.port))
        sock.settimeout(2)

        def ask(index):
            waiting[index & 0xFFFF] = index
            sock.send(struct.pack("!H", index & 0xFFFF) + wires[index])

        for index in itertools.islice(following, window):
            ask(index)
        while waiting:
            try:
                data = sock.recv(4096)
            except TimeoutError:
                for index in list(waiting.values()):
                    ask(index)
                continue
            number, flags, _, n_answers = struct.unpack("!4H", data[:8])
            if number in waiting:
                answers[waiting.pop(number)] = (flags & 0xF, data[2:] if n_answers else b"")
                for index in itertools.islice(following, 1):
                    ask(index)
    return [answers[index] for index in range(len(wires))]


@contextlib.contextmanager
def probed(folder, api, *options, pause_s=0.005, **more):
    """A kaname with the stable objects, asked for them all the time."""
    api.apply_many(STABLE)
    with watching(folder, api, *options, **more) as server, Prober(server, pause_s=pause_s):
        yield server


def at_once(run, cases, n=6):
    """run(case) of each, n at a time: most of what they do is to wait."""
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        futures = [(case, pool.submit(run, case)) for case in cases]
    failures = [f"{case}: {type(future.exception()).__name__}: {future.exception()}" for case, future in futures if future.exception()]
    assert not failures, "\n".join(failures)

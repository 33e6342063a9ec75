#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An upstream DNS server that does what upstreams should not: for tests, and by hand.

    upstream.py [--address 127.0.0.1] [--port 5353] [RULE...]

A RULE is NAMES:ACTS, the first whose NAMES match the question's name (as a shell matches files, without case) is taken, or
"NAMES TYPE":ACTS, for questions of this type (A, AAAA, TXT and so on) only; ACTS are separated by commas, "" is a plain answer:

    drop, close (TCP: at once), close-middle (TCP: in the middle), delay=MS, duplicate, reorder=N (holds N answers, then sends
    them in reverse), truncate (TC by UDP), rcode=NAME, ttl=SECONDS, nodata, nodata-bare (without SOA), cname=TARGET,
    large (64 KiB of TXT by TCP), unknown (a record of type 65280), options (OPT with COOKIE, ECS and NSID), bits (AA, AD and Z),
    no-edns (FORMERR where the query has OPT), lower (the question in lower case)
    only=FORGERY (in place of the answer) and forge=FORGERY (before it): id, name, type, class, case, query (QR is 0), sender,
    empty (0 octets), short, loop (of compression pointers), counts (65,535 records of each kind), garbage, pointer (past the
    end), rdata (past the end), forward-pointer

A plain answer: A and AAAA made from the name, TXT with the name, else NODATA with SOA. In a program: Upstream(...) is a context
manager; .rules may be changed at any time; .count() says how often a name was asked, .asked lists what was (Question).
"""
import argparse
import collections
import fnmatch
import hashlib
import random
import socket
import struct
import threading
import time

TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 13: "HINFO", 16: "TXT", 28: "AAAA", 65: "HTTPS"}
RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
FORGERIES = ("id", "name", "type", "class", "case", "query", "sender", "empty", "short", "loop", "counts", "garbage",
             "pointer", "rdata", "forward-pointer")
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
ASKED_MAX = 200_000

Question = collections.namedtuple("Question", "name type tcp port id flags has_edns has_do time wire")


def wire_name(text):
    labels = [label for label in text.encode().split(b".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def parse(wire, is_tcp, port):
    """The Question and the end of its question section; None where it is none."""
    if len(wire) < 17 or wire[4:6] != b"\0\1":
        return None
    labels, at = [], 12
    while at < len(wire) and wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    end = at + 5
    if end > len(wire):
        return None
    ident, flags = struct.unpack_from("!HH", wire)
    rdtype, = struct.unpack_from("!H", wire, at + 1)
    has_edns = wire[10:12] != b"\0\0"
    has_do = has_edns and len(wire) >= end + 9 and bool(wire[end + 7] & 0x80)
    name = b".".join(labels).decode("latin-1") + "."
    return Question(name, TYPES.get(rdtype, str(rdtype)), is_tcp, port, ident, flags, has_edns, has_do, time.monotonic(),
                    wire), end


def record(rdtype, rdata, ttl, owner=b"\xc0\x0c"):
    return owner + struct.pack("!HHIH", rdtype, 1, ttl, len(rdata)) + rdata


def soa(ttl):
    rdata = wire_name("ns.example.") + wire_name("hostmaster.example.") + struct.pack("!5I", 1, 7200, 1800, 86400, ttl)
    return record(6, rdata, ttl, wire_name("example."))


def addresses_of(name):
    """The A and AAAA of a name's plain answer."""
    digest = hashlib.sha256(name.lower().encode()).digest()
    return f"198.18.{digest[0]}.{digest[1]}", f"2001:db8::{digest[0]:x}{digest[1]:02x}"


class Answer:
    """A reply to a question, being made as the acts say."""

    def __init__(self, question, end, acts):
        self.question, self.end, self.acts = question, end, acts
        self.ttl = int(acts.get("ttl", 60))
        self.flags, self.rcode = QR | RA | question.flags & (RD | CD), 0
        self.answers, self.authority = [], []
        self.fill()

    def fill(self):
        acts, question = self.acts, self.question
        if "no-edns" in acts and question.has_edns:
            self.rcode = RCODES["FORMERR"]
        elif "rcode" in acts:
            self.rcode = RCODES[acts["rcode"]]
            if self.rcode == RCODES["NXDOMAIN"]:
                self.authority.append(soa(self.ttl))
        elif "nodata" in acts:
            self.authority.append(soa(self.ttl))
        elif "cname" in acts:
            self.answers.append(record(5, wire_name(acts["cname"]), self.ttl))
            self.put_address(acts["cname"], wire_name(acts["cname"]))
        elif "large" in acts:
            self.answers += [record(16, bytes([239]) + b"x" * 239, self.ttl)] * 250
        elif "unknown" in acts:
            self.answers.append(record(65280, b"\0\1\2\xff", self.ttl))
        elif "nodata-bare" not in acts:
            self.put_plain()
        if "truncate" in acts or "large" in acts:
            self.flags |= 0 if question.tcp else TC
            self.answers = self.answers if question.tcp else []
        if "bits" in acts:
            self.flags |= AA | AD | Z

    def put_address(self, name, owner=b"\xc0\x0c"):
        v4, v6 = addresses_of(name if name.endswith(".") else name + ".")
        if self.question.type == "A":
            self.answers.append(record(1, socket.inet_aton(v4), self.ttl, owner))
        if self.question.type == "AAAA":
            self.answers.append(record(28, socket.inet_pton(socket.AF_INET6, v6), self.ttl, owner))

    def put_plain(self):
        self.put_address(self.question.name)
        if self.question.type == "TXT":
            text = self.question.name.lower().encode()[:255]
            self.answers.append(record(16, bytes([len(text)]) + text, self.ttl))
        if not self.answers:
            self.authority.append(soa(self.ttl))

    def wire(self):
        question = self.question.wire[12:self.end]
        if "lower" in self.acts:
            question = question[:-4].lower() + question[-4:]
        extra = b""
        if self.question.has_edns and "no-edns" not in self.acts:
            options = b"\0\x0a\0\x08abcdefgh\0\x08\0\x07\0\1\x18\0\x0a\0\0\0\3\0\2ns" if "options" in self.acts else b""
            extra = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000 if self.question.has_do else 0, len(options)) + options
        return struct.pack("!6H", self.question.id, self.flags | self.rcode, 1, len(self.answers), len(self.authority),
                           bool(extra)) + question + b"".join(self.answers + self.authority) + extra


def forge(kind, good, end):
    """A reply that is wrong in this one way; `end` is that of the question."""
    wire = bytearray(good)
    if kind == "id":
        wire[1] ^= 1
    elif kind == "name":
        wire[13] ^= 3
    elif kind == "type":
        wire[end - 3] ^= 2
    elif kind == "class":
        wire[end - 1] ^= 2
    elif kind == "case":
        wire[12:end - 4] = bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 else c for c in wire[12:end - 4])
    elif kind == "query":
        wire[2] ^= 0x80
    elif kind == "empty":
        wire = bytearray()
    elif kind == "short":
        wire = wire[:11]
    elif kind == "loop":
        wire = wire[:end] + b"\xc0" + bytes([end]) + b"\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"
    elif kind == "counts":
        wire[6:12] = b"\xff" * 6
    elif kind == "garbage":
        wire = wire[:end] + random.Random(1).randbytes(200)
    elif kind == "pointer":
        wire = wire[:end] + b"\xff\xff\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"
    elif kind == "forward-pointer":
        wire = wire[:end] + b"\xc0" + bytes([end + 2]) + b"\1a\0\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"
    elif kind == "rdata":
        wire = wire[:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\xff\xff\1\2\3\4"
    if kind in ("loop", "pointer", "forward-pointer", "rdata", "garbage"):
        wire[6:12] = b"\0\1\0\0\0\0"
    return bytes(wire)


def parse_acts(text):
    """{act: value} of "delay=5,forge=id,forge=name"; the values of forge are a list."""
    acts = {}
    for act in filter(None, text.split(",")):
        name, _, value = act.partition("=")
        if name == "forge":
            acts.setdefault(name, []).append(value)
        else:
            acts[name] = value
    for kind in [*acts.get("forge", []), *([acts["only"]] if "only" in acts else [])]:
        if kind not in FORGERIES:
            raise ValueError(f"no such forgery: {kind}")
    return acts


class Upstream:
    """Answers on one address and port, UDP and TCP, from threads of its own."""

    def __init__(self, address="127.0.0.1", port=0, rules=None, has_udp=True, has_tcp=True):
        self.address, self.port = address, port
        self.rules = rules or []  # (names, acts); the first that matches is taken
        self.asked = collections.deque(maxlen=ASKED_MAX)
        self.n_asked = 0
        self.held = []
        self.lock = threading.Lock()
        self.has_udp, self.has_tcp = has_udp, has_tcp
        self.udp = self.tcp = self.other = None

    def __str__(self):
        return f"{self.address}:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    # ---- what was asked

    def count(self, names="*", rdtype=None, tcp=None):
        """How often a name that matches was asked (of the last ASKED_MAX questions)."""
        with self.lock:
            asked = list(self.asked)
        return sum(fnmatch.fnmatch(question.name.lower(), names) and rdtype in (None, question.type) and
                   tcp in (None, question.tcp) for question in asked)

    def forget(self):
        with self.lock:
            self.asked.clear()
            self.n_asked = 0

    # ---- answering

    def acts_for(self, question):
        for names, acts in self.rules:
            names, _, rdtype = names.partition(" ")
            if rdtype in ("", question.type) and fnmatch.fnmatch(question.name.lower(), names.lower()):
                return parse_acts(acts)
        return {}

    def answer(self, wire, send, is_tcp, port):
        """Calls send(octets, from_elsewhere) for each reply; False: the connection is to be closed."""
        parsed = parse(wire, is_tcp, port)
        if not parsed:
            return True
        question, end = parsed
        with self.lock:
            self.asked.append(question)
            self.n_asked += 1
        acts = self.acts_for(question)
        if "drop" in acts:
            return True
        if "close" in acts and is_tcp:
            return False
        good = Answer(question, end, acts).wire()
        if "delay" in acts:
            self.later(int(acts["delay"]) / 1000, lambda: self.reply(good, send, acts, end))
            return True
        return self.reply(good, send, acts, end)

    def later(self, seconds, call):
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        timer.start()

    def reply(self, good, send, acts, end):
        if "close-middle" in acts:
            send(good, "middle")
            return False
        for kind in acts.get("forge", []):
            send(forge(kind, good, end), kind)
        if "only" in acts:
            send(forge(acts["only"], good, end), acts["only"])
        elif "reorder" in acts:
            self.hold(good, send, int(acts["reorder"]))
        else:
            for _ in range(1 + ("duplicate" in acts)):
                send(good, None)
        return True

    def hold(self, good, send, n):
        with self.lock:
            self.held.append((good, send))
            ready = self.held[::-1] if len(self.held) >= n else []
            if ready:
                self.held = []
        for wire, send_held in ready:
            send_held(wire, None)

    # ---- sockets

    def bind(self):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind((self.address, self.port))
            tcp.bind((self.address, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            return None
        return udp, tcp

    def start(self):
        bound = next(filter(None, (self.bind() for _ in range(50))), None)
        assert bound, f"cannot bind {self}"
        self.udp, self.tcp = bound
        self.port = self.udp.getsockname()[1]
        self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.other.bind((self.address, 0))
        if self.has_udp:
            threading.Thread(target=self.serve_udp, args=(self.udp,), daemon=True).start()
        else:
            self.udp.close()
        if self.has_tcp:
            self.tcp.listen(128)
            threading.Thread(target=self.serve_tcp, args=(self.tcp,), daemon=True).start()
        else:
            self.tcp.close()

    def stop(self):
        """As if it were killed: its port is unreachable."""
        for sock in (self.udp, self.tcp, self.other):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def serve_udp(self, udp):
        while True:
            try:
                wire, client = udp.recvfrom(65535)
            except OSError:
                return
            if not client:  # shut down
                return

            def send(reply, kind, client=client):
                try:
                    (self.other if kind == "sender" else udp).sendto(reply[:65507], client)
                except OSError:
                    pass
            self.answer(wire, send, False, client[1])

    def serve_tcp(self, tcp):
        while True:
            try:
                connection, client = tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection, client), daemon=True).start()

    def serve_connection(self, connection, client):
        lock = threading.Lock()

        def send(reply, kind):
            framed = struct.pack("!H", len(reply)) + reply
            try:
                with lock:
                    connection.sendall(framed[:len(framed) // 2] if kind == "middle" else framed)
            except OSError:
                pass
        with connection, connection.makefile("rb") as stream:
            try:
                while True:
                    prefix = stream.read(2)
                    if len(prefix) < 2:
                        return
                    size, = struct.unpack("!H", prefix)
                    if not self.answer(stream.read(size), send, True, client[1]):
                        connection.shutdown(socket.SHUT_RDWR)
                        return
            except OSError:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5353)
    parser.add_argument("rules", nargs="*", metavar="RULE", help="NAMES:ACTS")
    options = parser.parse_args()
    rules = [tuple(rule.split(":", 1)) for rule in options.rules]
    for _, acts in rules:
        parse_acts(acts)
    with Upstream(options.address, options.port, rules) as upstream:
        print(f"answering on {upstream}", flush=True)
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            print(f"{upstream.n_asked} questions")


if __name__ == "__main__":
    main()

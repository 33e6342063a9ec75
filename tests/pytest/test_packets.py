# SPDX-License-Identifier: Apache-2.0
"""EDNS (RFC 6891, RFC 8906), header bits, opcodes, classes, and packets that are broken or no queries at all."""
import random
import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from cluster import namespace, service
from harness import (COREFILE, DEADLINE_S, ask_wire, framed, memory_slack_kib, parse, question, rcode_text, read_message, records,
                     running, wait_for)

CLUSTER = [namespace("shop"), service("web.shop", "10.96.1.1", ports=["http:80"])]
NAME = b"\3web\4shop\3svc\7cluster\5local\0"
QUESTION = NAME + b"\0\1\0\1"
ID = 0x1234

SMALL = """
small.test:$port {
    bind $address
    bufsize 512
    kubernetes small.test {
        objects $objects
    }
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    corefile = COREFILE + SMALL
    with running(tmp_path_factory.mktemp("packets"), {"all.json": CLUSTER}, corefile) as running_server:
        yield running_server


def header(flags=0x0100, qd=1, an=0, ns=0, ar=0, ident=ID):
    return struct.pack("!6H", ident, flags, qd, an, ns, ar)


def opt(size=1232, ttl=0, options=b"", owner=b"\0", rdlength=None):
    return owner + struct.pack("!HHIH", 41, size, ttl, len(options) if rdlength is None else rdlength) + options


def option(code, data=b"", length=None):
    return struct.pack("!HH", code, len(data) if length is None else length) + data


GOOD = header(ident=0x4321) + QUESTION


DO = 0x8000
# (name, the OPT's size and TTL or None, rcode, flags in the answer's OPT)
EDNS = [
    ("none", None, "NOERROR", 0),
    ("version 0", (1232, 0), "NOERROR", 0),
    ("size 0", (0, 0), "NOERROR", 0),
    ("size 511", (511, 0), "NOERROR", 0),
    ("size 65535", (65535, 0), "NOERROR", 0),
    ("DO", (1232, DO), "NOERROR", DO),
    ("all flags", (1232, 0xFFFF), "NOERROR", DO),
    ("unknown flags", (1232, 0x7F00), "NOERROR", 0),
    ("an extended rcode in a query", (1232, 0xFF000000), "NOERROR", 0),
    ("version 1", (1232, 0x00010000), "BADVERS", 0),
    ("version 255 and DO", (1232, 0x00FF0000 | DO), "BADVERS", DO),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, edns, rcode, flags", EDNS, ids=[c[0] for c in EDNS])
def test_edns(server, name, edns, rcode, flags, tcp):
    got = parse(ask_wire(server, header(ar=0 if edns is None else 1) + QUESTION + (opt(*edns) if edns else b""), tcp))
    assert rcode_text(got) == rcode
    assert got.edns == (-1 if edns is None else 0)
    if edns:
        assert got.ednsflags & 0xFFFF == flags
        assert got.payload >= 512
        assert not got.options
    assert records(got.answer) == ([] if rcode == "BADVERS" else ["web.shop.svc A 10.96.1.1"])


@pytest.mark.parametrize("code", [3, 8, 9, 10, 11, 12, 13, 14, 15, 65001])
def test_unknown_options_are_not_echoed(server, code):
    """NSID, ECS, EXPIRE, COOKIE, keepalive over UDP, padding and others."""
    data = b"\0\1\0\0" if code == 8 else b"" if code == 11 else b"12345678"
    got = server.ask("web.shop.svc", use_edns=0, options=[dns.edns.GenericOption(code, data)])
    assert rcode_text(got) == "NOERROR" and got.edns == 0 and not got.options


def test_large_query(server):
    """Padded beyond 512 octets: still read whole."""
    got = server.ask("web.shop.svc", use_edns=0, payload=4096, options=[dns.edns.GenericOption(12, bytes(2500))])
    assert rcode_text(got) == "NOERROR" and got.answer


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("flags, want", [
    (0x0000, 0x8400), (0x0100, 0x8500), (0x0110, 0x8510), (0x0010, 0x8410),
    (0x0120, 0x8500), (0x0140, 0x8500), (0x0170, 0x8510), (0x0780, 0x8500), (0x010F, 0x8500),
])
def test_flags(server, flags, want, tcp):
    """RD and CD are copied, AA is set, all else is 0."""
    got = ask_wire(server, header(flags) + QUESTION, tcp)
    assert struct.unpack("!HH", got[:4]) == (ID, want)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("opcode", [o for o in range(16) if o != 0])
def test_opcodes(server, opcode, tcp):
    got = ask_wire(server, header(opcode << 11 | 0x0100) + QUESTION, tcp)
    ident, flags = struct.unpack("!HH", got[:4])
    assert ident == ID and flags & 0x8000 and (flags >> 11) & 15 == opcode
    assert flags & 15 in ((4, 5) if opcode in (4, 5) else (4,))
    assert got[6:12] == bytes(6), "no records"


@pytest.mark.parametrize("rdclass", [0, 2, 3, 4, 254, 255, 65280])
def test_classes(server, rdclass):
    got = server.send_raw(header() + NAME + struct.pack("!HH", 1, rdclass))
    assert struct.unpack("!H", got[2:4])[0] & 15 == 5
    assert got[6:8] == b"\0\0"


# ---- broken packets: (name, packet); each gets FORMERR with ID, opcode and RD kept and nothing else
FORMERR = [
    ("header only, QDCOUNT 1", header()),
    ("no question", header(qd=0)),
    ("two questions", header(qd=2) + QUESTION + QUESTION),
    ("65535 questions", header(qd=65535) + QUESTION),
    ("name past the end", header() + NAME[:-3]),
    ("name without end", header() + b"\3web"),
    ("label past the end", header() + b"\77abc"),
    ("no type", header() + NAME),
    ("half a type", header() + NAME + b"\0"),
    ("no class", header() + NAME + b"\0\1"),
    ("half a class", header() + NAME + b"\0\1\0"),
    ("pointer to itself", header() + b"\xc0\x0c\0\1\0\1"),
    ("pointer forward", header() + b"\xc0\x20\0\1\0\1" + bytes(30)),
    ("pointer loop", header() + b"\1a\xc0\x0c\0\1\0\1"),
    ("pointer cut", header() + b"\xc0"),
    ("label type 01", header() + b"\x41a\0\0\1\0\1"),
    ("label type 10", header() + b"\x81a\0\0\1\0\1"),
    ("name of 256 octets", header() + b"\77" + b"a" * 63 + (b"\77" + b"b" * 63) * 2 + b"\76" + b"c" * 62 + b"\0\0\1\0\1"),
    ("name of 128 labels", header() + b"\1a" * 128 + b"\0\0\1\0\1"),
    ("answer missing", header(an=1) + QUESTION),
    ("authority missing", header(ns=1) + QUESTION),
    ("additional missing", header(ar=1) + QUESTION),
    ("counts larger than content", header(an=65535, ns=65535, ar=65535) + QUESTION),
    ("two OPTs", header(ar=2) + QUESTION + opt() + opt()),
    ("OPT with a name", header(ar=1) + QUESTION + opt(owner=b"\1a\0")),
    ("OPT in answer", header(an=1) + QUESTION + opt()),
    ("RDLENGTH past the end", header(ar=1) + QUESTION + opt(rdlength=5)),
    ("option past RDLENGTH", header(ar=1) + QUESTION + opt(options=option(65001, b"abc", length=4))),
    ("half an option", header(ar=1) + QUESTION + opt(options=b"\0\3\0")),
    ("record cut", header(ar=1) + QUESTION + opt()[:-1]),
    ("additional record's pointer forward", header(ar=1) + QUESTION + b"\xc0\xff" + b"\0\1\0\1\0\0\0\0\0\0"),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, packet", FORMERR, ids=[c[0] for c in FORMERR])
def test_formerr(server, name, packet, tcp):
    if tcp:
        with server.connect() as sock:
            sock.sendall(framed(packet) + framed(GOOD))
            got = read_message(sock)
            assert read_message(sock)[:2] == b"\x43\x21", "the connection goes on"
    else:
        got = server.send_raw(packet)
    assert got == struct.pack("!HH", ID, 0x8101) + bytes(8)


# ---- never answered: a good query behind it on the same socket is the next to be answered
DROPPED = [
    ("empty", b""),
    *((f"{n} octets", (header() + QUESTION)[:n]) for n in range(1, 12)),
    ("response", header(0x8180) + QUESTION),
    ("response that is broken", header(0x8180)),
    ("response NOTIFY", header(0xA000) + QUESTION),
    ("FORMERR", header(0x8101, qd=0)),
]


@pytest.mark.parametrize("name, packet", DROPPED, ids=[c[0] for c in DROPPED])
def test_dropped(server, name, packet):
    assert server.send_raw(packet, GOOD)[:2] == b"\x43\x21"


@pytest.mark.parametrize("trailer", [b"\0", b"x" * 100])
def test_trailing_octets(server, trailer):
    """FORMERR or ignored."""
    got = server.send_raw(header() + QUESTION + trailer)
    assert struct.unpack("!H", got[2:4])[0] & 15 in (0, 1)


def test_compressed_question_is_not_misread(server):
    """A pointer in the question cannot lead to a name before it: the header is no name."""
    got = server.send_raw(header() + b"\3web\xc0\x00\0\1\0\1")
    assert struct.unpack("!H", got[2:4])[0] & 15 in (1, 5)


def test_from_port_0(server):
    """A raw UDP packet with source port 0 gets nothing; needs CAP_NET_RAW."""
    packet = header() + QUESTION
    udp = struct.pack("!4H", 0, server.port, 8 + len(packet), 0) + packet
    before = server.metric("kaname_dropped_total")
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("no raw sockets for this user")
    with raw:
        raw.sendto(udp, (server.address, 0))
    wait_for("the drop is counted", lambda: server.metric("kaname_dropped_total") == before + 1)


def test_ede_outside(server):
    """A refusal says why to those who can read it (RFC 8914)."""
    got = server.ask("www.example.com.", use_edns=0)
    assert rcode_text(got) == "REFUSED"
    assert [o.otype for o in got.options] == [dns.edns.OptionType.EDE]
    assert server.ask("www.example.com.").edns == -1


def test_bufsize(server):
    """The block's own limit is below the client's."""
    wire = server.send_raw(question("web.shop.svc.small.test.", use_edns=0, payload=4096).to_wire())
    assert len(wire) <= 512 and parse(wire).answer


def mutate(rng, wire):
    wire = bytearray(wire)
    for _ in range(rng.randint(1, 8)):
        kind = rng.randrange(4)
        if kind == 0 and wire:
            wire[rng.randrange(len(wire))] = rng.randrange(256)
        elif kind == 1 and wire:
            del wire[rng.randrange(len(wire)):]
        elif kind == 2:
            wire[rng.randint(0, len(wire)):0] = rng.randbytes(rng.randint(1, 20))
        else:
            wire += rng.randbytes(rng.choice((1, 40, 1400)))
    return bytes(wire[:9000])


def test_garbage(server):
    """100,000 packets of mutated and random octets: it reads each of them and serves on, in the same memory."""
    rng = random.Random(2)
    full = question("_http._tcp.web.shop.svc", "SRV", use_edns=0, options=[dns.edns.GenericOption(10, b"12345678")]).to_wire()
    mark = question("web.shop.svc").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(DEADLINE_S)
        sock.connect((server.address, server.port))

        def flood(n):
            """After every 100 a question, whose answer comes when they have been read: the kernel's queue overflows at neither end."""
            for i in range(0, n, 100):
                for k in range(i, i + 100):
                    sock.send(rng.randbytes(rng.randint(0, 300)) if k % 4 == 0 else mutate(rng, full))
                sock.send(mark)
                while True:
                    answer = sock.recv(65535)
                    if answer[:2] == mark[:2] and answer[12:len(mark)] == mark[12:]:
                        break
                assert rcode_text(parse(answer)) == "NOERROR"

        flood(20000)
        before = server.rss_kib()
        flood(80000)
    assert server.rss_kib() < before + memory_slack_kib()

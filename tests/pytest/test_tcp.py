# SPDX-License-Identifier: Apache-2.0
"""TCP (RFC 7766, RFC 7828): segmentation, pipelining, half-close, idle and slow clients, limits."""
import resource
import socket
import struct
import time

import dns.edns
import pytest

from cluster import endpointslice, namespace, service
from harness import (COREFILE, framed, memory_slack_kib, parse, question, rcode_text, read_exactly, read_message, running,
                     wait_for)

CLUSTER = [
    namespace("shop"),
    *(service(f"web{i}.shop", f"10.96.2.{i}", ports=["http:80"]) for i in range(200)),
    service("big.shop", ports=["http:80"]),
    *(endpointslice("big.shop", *(f"10.{i}.{j}.{k}" for j in range(4) for k in range(250)), suffix=str(i)) for i in range(1, 5)),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("tcp"), {"all.json": CLUSTER}, COREFILE) as running_server:
        yield running_server


def query(i, **options):
    message = question(f"web{i}.shop.svc", **options)
    message.id = i
    return message.to_wire()


def check(wire, i):
    got = parse(wire)
    assert got.id == i and got.answer[0][0].address == f"10.96.2.{i}"


def test_byte_by_byte(server):
    with server.connect() as sock:
        for octet in framed(query(7)):
            sock.sendall(bytes([octet]))
        check(read_message(sock), 7)


@pytest.mark.parametrize("cut", range(1, 12))
def test_segments(server, cut):
    """Three queries in pieces of each size: prefix and message in any segmentation."""
    stream = b"".join(framed(query(i)) for i in range(3))
    with server.connect() as sock:
        for start in range(0, len(stream), cut):
            sock.sendall(stream[start:start + cut])
        for wire in sorted((read_message(sock) for _ in range(3)), key=lambda wire: wire[:2]):
            check(wire, parse(wire).id)


def test_pipelining(server):
    """200 queries in one segment, the answers in any order."""
    with server.connect() as sock:
        sock.sendall(b"".join(framed(query(i)) for i in range(200)))
        got = {}
        for _ in range(200):
            wire = read_message(sock)
            got[parse(wire).id] = wire
    assert sorted(got) == list(range(200))
    for i, wire in got.items():
        check(wire, i)


@pytest.mark.parametrize("n", [1, 50])
def test_half_close(server, n):
    """What was read is answered after the client has closed its side; then the server closes."""
    with server.connect() as sock:
        sock.sendall(b"".join(framed(query(i)) for i in range(n)))
        sock.shutdown(socket.SHUT_WR)
        assert sorted(parse(read_message(sock)).id for _ in range(n)) == list(range(n))
        assert read_message(sock) is None


def test_half_close_inside_a_message(server):
    with server.connect() as sock:
        sock.sendall(framed(query(1)) + framed(query(2))[:-5])
        sock.shutdown(socket.SHUT_WR)
        check(read_message(sock), 1)
        assert read_message(sock) is None


@pytest.mark.parametrize("packet", [b"", b"x", bytes(11)], ids=["0 octets", "1 octet", "11 octets"])
def test_too_short(server, packet):
    """Closed or skipped; others are served."""
    with server.connect() as sock:
        sock.sendall(framed(packet))
        try:
            sock.sendall(framed(query(5)))
            wire = read_message(sock)
        except (BrokenPipeError, ConnectionResetError):
            wire = None
        if wire is not None:
            check(wire, 5)
    assert rcode_text(server.ask("web5.shop.svc", tcp=True)) == "NOERROR"


def test_largest_query(server):
    """64 KiB, byte by byte at its ends, garbage behind a good question: answered or refused, and the connection goes on."""
    wire = query(3) + bytes(65535 - len(query(3)))
    stream = framed(wire)
    with server.connect() as sock:
        for octet in stream[:64]:
            sock.sendall(bytes([octet]))
        sock.sendall(stream[64:-64])
        for octet in stream[-64:]:
            sock.sendall(bytes([octet]))
        got = read_message(sock)
        assert struct.unpack("!H", got[:2])[0] == 3 and got[3] & 15 in (0, 1)
        sock.sendall(framed(query(4)))
        check(read_message(sock), 4)


def test_largest_query_byte_by_byte(server):
    """The whole 64 KiB in single octets."""
    stream = framed(query(3) + bytes(65535 - len(query(3))))
    with server.connect() as sock:
        for octet in stream:
            sock.sendall(bytes([octet]))
        assert struct.unpack("!H", read_message(sock)[:2])[0] == 3


KEEPALIVE = dns.edns.OptionType(11)


@pytest.mark.parametrize("data, rcode", [(b"", "NOERROR"), (b"\0\0", "FORMERR"), (b"\0", "FORMERR")])
def test_keepalive(server, data, rcode):
    """The timeout in units of 100 ms, only where it was asked for, by an empty option (RFC 7828)."""
    got = server.ask("web1.shop.svc", tcp=True, use_edns=0, options=[dns.edns.GenericOption(11, data)])
    assert rcode_text(got) == rcode
    options = {o.otype: o for o in got.options}
    if rcode == "NOERROR":
        timeout, = struct.unpack("!H", options[KEEPALIVE].to_wire())
        assert 20 <= timeout <= 3000
    else:
        assert not options


def test_keepalive_is_not_volunteered(server):
    assert not server.ask("web1.shop.svc", tcp=True, use_edns=0).options
    assert server.ask("web1.shop.svc", tcp=True).edns == -1


def test_idle_timeout(server):
    """Kept for 2 s at least, closed in the end, as the keepalive option says."""
    got = server.ask("web1.shop.svc", tcp=True, use_edns=0, options=[dns.edns.GenericOption(11, b"")])
    timeout_s = struct.unpack("!H", got.options[0].to_wire())[0] / 10
    with server.connect() as sock:
        sock.sendall(framed(query(1)))
        check(read_message(sock), 1)
        start = time.monotonic()
        sock.settimeout(timeout_s + 20)
        assert sock.recv(1) == b""
        assert time.monotonic() - start >= 1.9


def test_slow_writer_is_cut_off(server):
    """Half a message and then nothing: closed, others are not held up."""
    with server.connect() as slow:
        slow.sendall(framed(query(1))[:10])
        check_others(server)
        slow.settimeout(60)
        assert read_message(slow) is None


def test_reader_that_does_not_read(server):
    """Pipelines large answers and takes none: its connection is bounded in memory, others are served."""
    before = server.rss_kib()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((server.address, server.port))
        sock.setblocking(False)
        big = framed(question("big.shop.svc").to_wire())
        sent = 0
        try:
            while sent < 20000:
                sock.send(big * 10)
                sent += 10
        except (BlockingIOError, ConnectionResetError, BrokenPipeError):
            pass
        check_others(server)
        assert server.rss_kib() < before + 32 * 1024 + memory_slack_kib()


def check_others(server):
    for i in range(20):
        with server.connect() as sock:
            sock.sendall(framed(query(i)))
            check(read_message(sock), i)


def raise_file_limit(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(n, hard), hard))
    return min(max(soft, n), hard)


def test_many_connections(server):
    """10,000 idle connections: bounded memory, UDP unharmed, and a new one still gets its answer."""
    n = min(10000, raise_file_limit(12000) - 1000)
    before = server.rss_kib()
    connections = []
    try:
        for i in range(n):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.bind((f"127.0.{1 + i % 40}.{1 + i // 40 % 250}", 0))
            sock.settimeout(20)
            try:
                sock.connect((server.address, server.port))
            except (ConnectionResetError, TimeoutError):
                pass
            connections.append(sock)
            if i % 1000 == 0:
                assert rcode_text(server.ask("web1.shop.svc")) == "NOERROR"
        check_others(server)
        assert rcode_text(server.ask("web1.shop.svc")) == "NOERROR"
        assert server.metric("kaname_tcp_connections") <= n
        assert server.rss_kib() < before + 32 * 1024 + memory_slack_kib()
    finally:
        for sock in connections:
            sock.close()
    wait_for("the connections are gone", lambda: server.metric("kaname_tcp_connections") <= 1)


def test_many_from_one_client(server):
    """One client cannot take every place: another is served at once."""
    connections = [server.connect() for _ in range(400)]
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            other.bind(("127.9.9.9", 0))
            other.settimeout(20)
            other.connect((server.address, server.port))
            other.sendall(framed(query(9)))
            check(read_message(other), 9)
    finally:
        for sock in connections:
            sock.close()


def test_reset(server):
    """Connections that are reset with answers under way harm nobody."""
    for _ in range(50):
        sock = server.connect()
        sock.sendall(framed(question("big.shop.svc").to_wire()) * 5)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    check_others(server)


def test_large_answer_in_small_reads(server):
    with server.connect() as sock:
        sock.sendall(framed(question("big.shop.svc").to_wire()))
        size, = struct.unpack("!H", read_exactly(sock, 2))
        wire = b"".join(read_exactly(sock, min(1000, size - at)) for at in range(0, size, 1000))
    assert len(wire) == size and size > 60000

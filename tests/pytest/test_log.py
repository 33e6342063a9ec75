# SPDX-License-Identifier: Apache-2.0
"""`log` and `errors`, a case for each statement of the documentation of CoreDNS's, and what kaname has beside; /debug/top."""
import json
import re
import socket

import pytest

from cluster import namespace, service
from harness import DEADLINE_S, framed, memory_slack_kib, question, rcode_text, read_message, wait_for
from upstream import Upstream

CLUSTER = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20", ports=["http:80"])]}
COREFILE = """
.:$port {{
    bind $address
    ready $address:$ready
    prometheus $address:$metrics
    {directives}
    kubernetes cluster.local {{
        objects $objects
    }}
    {forward}
}}
"""


@pytest.fixture
def start(serve):
    """start(directives, forward) in a `with`."""
    return lambda directives, forward="": serve(CLUSTER, corefile=COREFILE.format(directives=directives, forward=forward))


def lines_with(server, text):
    return [line for line in server.log().splitlines() if text in line]


FORMATS = [
    # format, what is logged of an A query for web.shop.svc by UDP; {id}, {port}, {address}, {size}, {answer}
    ("{type} {name} {class} {proto}", "A web.shop.svc.cluster.local. IN udp"),
    ("{remote} {local} {port}", "127.0.0.1 {address} {port}"),
    ("{size} {rcode} {rsize}", "{size} NOERROR {answer}"),
    ("{>id} {>opcode} {>rflags} {>do} {>bufsize}", "{id} 0 qr,aa,rd false 512"),
    ("{duration}", r"0\.\d{{9}}s"),
    ("{/forward/upstream} {/nothing}", "- -"),
    ("{unknown} {>unknown} {}", r"\{{unknown\}} \{{>unknown\}} \{{\}}"),
    ("{ {name} }", r"\{{ web.shop.svc.cluster.local. \}}"),
    ("x {common}", r'x 127.0.0.1:{port} - {id} "A IN web.shop.svc.cluster.local. udp {size} false 512" NOERROR qr,aa,rd {answer} 0\.\d{{9}}s'),
    ("{combined}", r'127.0.0.1:{port} - {id} "A IN web.shop.svc.cluster.local. udp {size} false 512" NOERROR qr,aa,rd {answer} 0\.\d{{9}}s "0"'),
    ("{combined}{type}{type}", r'127.0.0.1:{port} - {id} "A IN web.shop.svc.cluster.local. udp {size} false 512" NOERROR qr,aa,rd {answer} 0\.\d{{9}}s "0"AA'),
]


@pytest.mark.parametrize("form, want", FORMATS, ids=[form for form, _ in FORMATS])
def test_format(start, form, want):
    with start(f'log . "{form}"') as server:
        wire = question("web.shop.svc").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(DEADLINE_S)
            sock.sendto(wire, (server.address, server.port))
            answer = sock.recv(65535)
            port = sock.getsockname()[1]
        pattern = "^\\[INFO\\] " + want.format(id=int.from_bytes(wire[:2], "big"), port=port, address=server.address, size=len(wire), answer=len(answer)) + "$"
        wait_for(pattern, lambda: re.search(pattern, server.log(), re.MULTILINE))


def test_json(start):
    hostile = [b'x"\\\n\xff', b"shop", b"svc", b"cluster", b"local"]
    with start("log . {json}") as server:
        server.ask("web.shop.svc")
        wait_for("its line", lambda: lines_with(server, '"type"'))  # another worker's may be written before it
        server.ask(hostile, "AAAA", tcp=True)
        wait_for("both lines", lambda: len(lines_with(server, '"type"')) == 2)
        first, second = map(json.loads, lines_with(server, '"type"'))
    assert first["name"] == "web.shop.svc.cluster.local." and first["rcode"] == "NOERROR" and first["plugin"] == "kubernetes"
    assert first["proto"] == "udp" and first["local"] == server.address and first["flags"] == "qr,aa,rd"
    assert second["name"] == r'x\"\\\010\255.shop.svc.cluster.local.' and second["type"] == "AAAA"
    assert second["proto"] == "tcp" and second["rcode"] == "NXDOMAIN"


def test_json_tells_why(start):
    with Upstream() as upstream:
        upstream.rules = [("*", "drop")]
        with start("log . {json}", f"forward . {upstream}") as server:
            assert rcode_text(server.ask("a.example.")) == "SERVFAIL"
            wait_for("the line", lambda: lines_with(server, '"type"'))
            line = json.loads(lines_with(server, '"type"')[0])
    assert line["rcode"] == "SERVFAIL" and line["error"] == "no upstream server answered in time" and line["duration_us"] > 1000000


@pytest.mark.parametrize("directives, logged", [
    ("log shop.svc.cluster.local", {"web.shop.svc", "no.shop.svc"}),
    ("log shop.svc.cluster.local {\n class success\n }", {"web.shop.svc"}),
    ("log . {\n class denial\n }", {"no.shop.svc", "no.other.svc"}),
    ("log . {\n class denial\n class success\n }", {"web.shop.svc", "no.shop.svc", "no.other.svc"}),
    ("log . {\n class error\n }", {"www.example.com."}),
    ("log . {\n class all denial\n }", {"web.shop.svc", "no.shop.svc", "no.other.svc", "www.example.com."}),
    # the first line whose names have it decides
    ("log shop.svc.cluster.local {\n class success\n }\n log", {"web.shop.svc", "no.other.svc", "www.example.com."}),
    ("log . {\n class error\n }\n log shop.svc.cluster.local", {"www.example.com."}),
    ("log example.com cluster.local {common}", {"web.shop.svc", "no.shop.svc", "no.other.svc", "www.example.com."}),
    ("log . {\n slow 1s\n }", set()),
    ("log . {\n class error\n minDuration 1s\n }", {"www.example.com."}),
    ("log . {\n class error\n minDuration 1ns\n }", {"web.shop.svc", "no.shop.svc", "no.other.svc", "www.example.com."}),
])
def test_choice(start, directives, logged):
    names = ("web.shop.svc", "no.shop.svc", "no.other.svc", "www.example.com.")
    with start(directives) as server:
        for name in names:
            server.ask(name)
    assert {name for name in names if lines_with(server, f" {name.removesuffix('.')}.")} == logged


def test_slow(start):
    """Only the query that had to wait for its upstream."""
    with Upstream() as upstream:
        upstream.rules = [("slow.example.", "delay=300")]
        with start("log . {\n slow 200ms\n }", f"forward . {upstream}") as server:
            server.ask("quick.example.")
            server.ask("slow.example.")
    assert lines_with(server, "slow.example.") and not lines_with(server, "quick.example.")


def test_sample(start):
    with start("multisocket 1\n log . {\n sample 10\n }") as server:
        for _ in range(40):
            server.ask("web.shop.svc")
    assert len(lines_with(server, "web.shop.svc")) == 4


# ---- errors

def test_errors_name_the_upstream(start):
    with Upstream() as upstream:
        upstream.rules = [("late.example.", "drop"), ("bad.example.", "rcode=SERVFAIL")]
        with start("errors", f"forward . {upstream}") as server:
            server.ask("late.example.")
            server.ask("bad.example.")
            wait_for("both", lambda: len(lines_with(server, "plugin/errors")) == 2)
    assert lines_with(server, "late.example.")[0].endswith(": i/o timeout")
    assert lines_with(server, "late.example.")[0].startswith("[ERROR] plugin/errors: 2 late.example. A: ")
    assert str(upstream) in lines_with(server, "bad.example.")[0]


def test_errors_consolidate(start):
    """One line for the period, at its level; what no pattern matches is written at once."""
    with Upstream() as upstream:
        upstream.rules = [("bad*.example.", "rcode=SERVFAIL"), ("other.example.", "drop")]
        options = 'consolidate 2s ".* said so" warning\n consolidate 1h never'
        with start(f"errors {{\n {options}\n }}", f"forward . {upstream}") as server:
            for i in range(5):
                server.ask(f"bad{i}.example.")
            server.ask("other.example.")
            summary = "[WARNING] plugin/errors: 5 errors like '.* said so' occurred in last 2s"
            wait_for("the line of the period", lambda: summary in server.log().splitlines())
    assert len(lines_with(server, "plugin/errors")) == 2 and not lines_with(server, "bad0.example.")


def test_errors_show_first(start):
    with Upstream() as upstream:
        upstream.rules = [("*", "rcode=SERVFAIL")]
        with start('errors {\n consolidate 1h ".*" info show_first\n }', f"forward . {upstream}") as server:
            for i in range(4):
                server.ask(f"bad{i}.example.")
            wait_for("the first", lambda: lines_with(server, "bad0.example."))
            assert len(lines_with(server, "plugin/errors")) == 1
    assert lines_with(server, "plugin/errors")[1:] == ["[INFO] plugin/errors: 4 errors like '.*' occurred in last 1h0m0s"]  # at its end


# ---- /debug/top

def test_top(start):
    """A heavy hitter among noise is found within seconds, names as text, clients without port."""
    with start("") as server:
        for i in range(300):
            server.ask("heavy.shop.svc" if i % 3 == 0 else f"n{i}.shop.svc")
        server.ask([b"\n\x1b\"x", b"example"])

        def page():
            status, body = server.http("metrics", "/debug/top")
            assert status == 200
            return body if re.search(r"^ +100 +\d\d\.\d%  heavy\.shop\.svc\.cluster\.local\.$", body, re.MULTILINE) else None
        body = wait_for("the page", page)
    assert re.search(r"^clients: 301 queries\n +301 100\.0%  127\.0\.0\.1$", body, re.MULTILINE)
    assert "\x1b" not in body
    assert "names that do not exist (NXDOMAIN): 300 queries" in body
    first = body.partition("names:")[2].splitlines()[1]
    assert "heavy" in first


def test_top_memory(start):
    """Names that come once cost no memory."""
    with start("") as server:
        def burst(mark):
            with server.connect() as sock:
                wires = [question(f"{mark}{i}.shop.svc").to_wire() for i in range(200)]
                sock.sendall(b"".join(map(framed, wires)))
                for _ in wires:
                    assert read_message(sock)
        for mark in "abcde":
            burst(mark)
        before = server.rss_kib()
        for k in range(30):
            burst(f"z{k}-")
        assert server.rss_kib() - before < memory_slack_kib()

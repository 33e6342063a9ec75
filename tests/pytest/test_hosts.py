# SPDX-License-Identifier: Apache-2.0
"""hosts as CoreDNS documents it, against a running server: files, entries in the Corefile, what falls through, and files that
change, break and come back while it runs. What each answer of a line is, is in tests/unit/query/test_hosts.c."""
import dns.flags
import dns.reversename
import pytest

from cluster import namespace, service
from harness import ask_text, question, rcode_text, records, running, sanitizers, wait_for

COREFILE = """
.:$port {
    bind $address
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    errors
    hosts $folder/hosts example.org in-addr.arpa ip6.arpa {
        10.0.0.1 inline.example.org www.example.org
        reload 100ms
        OPTIONS
    }
    whoami
}
"""
EXAMPLE = """
# The following lines are desirable for IPv4 capable hosts
127.0.0.1       localhost
192.168.1.10    example.org            example www.example.org
fdfc:a744:27b5:3b0e::1  example.org example
192.168.2.10    *.apps.example.org
192.168.2.11    a.apps.example.org
"""


@pytest.fixture
def serve_hosts(tmp_path):
    def start(content=EXAMPLE, options="", corefile=COREFILE):
        folder = tmp_path / "server"
        folder.mkdir()
        if content is not None:
            (folder / "hosts").write_text(content)
        return running(folder, corefile=corefile.replace("OPTIONS", options))
    return start


def answers(server, name, rdtype="A", **options):
    answer = server.ask(name, rdtype, **options)
    return rcode_text(answer), records(answer.answer, question(name, rdtype).question[0].name)


def replace(server, content):
    """In one step, as a ConfigMap's volume does."""
    new = server.folder / "new"
    new.write_text(content)
    new.rename(server.folder / "hosts")


def test_answers(serve_hosts):
    with serve_hosts() as server:
        assert answers(server, "example.org.") == ("NOERROR", ["A 192.168.1.10"])
        assert answers(server, "EXAMPLE.org.", "AAAA") == ("NOERROR", ["AAAA fdfc:a744:27b5:3b0e::1"])
        # The file's entries and the Corefile's are one set.
        assert answers(server, "www.example.org.") == ("NOERROR", ["A 10.0.0.1", "A 192.168.1.10"])
        assert answers(server, "example.org.", "MX") == ("NOERROR", [])
        assert answers(server, "inline.example.org.", "AAAA") == ("NOERROR", [])
        assert answers(server, "x.apps.example.org.") == ("NOERROR", ["A 192.168.2.10"])
        assert answers(server, "a.apps.example.org.") == ("NOERROR", ["A 192.168.2.11"])
        assert answers(server, "deep.x.apps.example.org.") == ("SERVFAIL", [])
        # Names outside of its zones are the next step's.
        assert answers(server, "localhost.") == ("NOERROR", [])
        assert not server.ask("localhost.").answer and server.ask("localhost.").additional
        for tcp in (False, True):
            query, answer = ask_text(server, "example.org.", "A", tcp)
            assert answer.flags & dns.flags.AA and answer.answer[0].ttl == 3600
            assert query.is_response(answer)


def test_spelling(serve_hosts):
    with serve_hosts() as server:
        answer = server.ask("ExAmPlE.oRg.")
        assert answer.answer[0].name.to_text() == "ExAmPlE.oRg."


@pytest.mark.parametrize("address, names", [
    ("192.168.1.10", ["example.org.", "www.example.org."]), ("10.0.0.1", ["inline.example.org.", "www.example.org."]),
    ("fdfc:a744:27b5:3b0e::1", ["example.org."]), ("192.168.2.10", None), ("192.168.2.11", ["a.apps.example.org."])])
def test_reverse(serve_hosts, address, names):
    with serve_hosts() as server:
        answer = server.ask(dns.reversename.from_address(address).to_text(), "PTR")
        assert [rdata.to_text() for rrset in answer.answer for rdata in rrset] == (names or [])
        assert bool(answer.additional) == (names is None)  # whoami has the last word


def test_no_reverse(serve_hosts):
    with serve_hosts(options="no_reverse") as server:
        assert not server.ask("1.0.0.10.in-addr.arpa.", "PTR").answer
        assert answers(server, "inline.example.org.")[1] == ["A 10.0.0.1"]


def test_ttl(serve_hosts):
    with serve_hosts(options="ttl 7") as server:
        assert server.ask("example.org.").answer[0].ttl == 7
        assert server.ask("1.0.0.10.in-addr.arpa.", "PTR").answer[0].ttl == 7


def test_without_fallthrough(serve_hosts):
    """There is no SOA to deny by, so it is SERVFAIL, as in CoreDNS; and it says why."""
    with serve_hosts() as server:
        answer = server.ask("none.example.org.", use_edns=0)
        assert rcode_text(answer) == "SERVFAIL" and not answer.flags & dns.flags.AA
        assert "no such name in hosts" in str(answer.options[0])
        wait_for("a log line", lambda: "none.example.org" in server.log())


def test_fallthrough(serve_hosts):
    with serve_hosts(options="fallthrough") as server:
        assert server.ask("none.example.org.").additional
        assert answers(server, "example.org.", "TXT") == ("NOERROR", []) and not server.ask("example.org.", "TXT").additional


def test_fallthrough_of_zones(serve_hosts):
    with serve_hosts(options="fallthrough a.example.org") as server:
        assert server.ask("x.a.example.org.").additional
        assert rcode_text(server.ask("x.b.example.org.")) == "SERVFAIL"


def test_fallthrough_unsupported(serve_hosts):
    with serve_hosts(options="fallthrough example.org\n fallthrough_unsupported") as server:
        assert server.ask("example.org.", "TXT").additional
        assert not server.ask("inline.example.org.", "AAAA").additional


def test_default_file(serve_hosts):
    """Without an argument it is /etc/hosts, for the zones of the server block."""
    with serve_hosts(corefile=".:$port {\n bind $address\n ready $address:$ready\n hosts {\n 10.0.0.1 a.test\n }\n}\n") as server:
        assert answers(server, "a.test.") == ("NOERROR", ["A 10.0.0.1"])
        assert "127.0.0.1" in str(server.ask("localhost.").answer)


def test_changes(serve_hosts):
    with serve_hosts() as server:
        replace(server, "10.9.9.9 new.example.org\n")
        wait_for("the new file", lambda: answers(server, "new.example.org.") == ("NOERROR", ["A 10.9.9.9"]))
        assert rcode_text(server.ask("example.org.")) == "SERVFAIL"
        assert answers(server, "www.example.org.") == ("NOERROR", ["A 10.0.0.1"])
        assert server.ask("9.9.9.10.in-addr.arpa.", "PTR").answer
        # Written to in place, with the same length.
        (server.folder / "hosts").write_text("10.9.9.8 new.example.org\n")
        wait_for("the same file", lambda: answers(server, "new.example.org.") == ("NOERROR", ["A 10.9.9.8"]))


def test_missing_then_there_then_gone(serve_hosts):
    with serve_hosts(content=None) as server:
        assert answers(server, "inline.example.org.") == ("NOERROR", ["A 10.0.0.1"])
        assert rcode_text(server.ask("example.org.")) == "SERVFAIL"
        replace(server, EXAMPLE)
        wait_for("the file", lambda: answers(server, "example.org.") == ("NOERROR", ["A 192.168.1.10"]))
        (server.folder / "hosts").unlink()
        wait_for("a log line", lambda: "what was read of it before stays" in server.log())
        assert answers(server, "example.org.") == ("NOERROR", ["A 192.168.1.10"])
        replace(server, "10.9.9.9 back.example.org\n")
        wait_for("the file", lambda: answers(server, "back.example.org.") == ("NOERROR", ["A 10.9.9.9"]))


def test_broken_lines(serve_hosts):
    """They are skipped, and the first is told by file, line and cause."""
    with serve_hosts() as server:
        replace(server, "10.9.9.9 good.example.org\nnonsense\n10.9.9.9 ..\n10.9.9.9 good2.example.org\n")
        wait_for("the file", lambda: answers(server, "good2.example.org.") == ("NOERROR", ["A 10.9.9.9"]))
        wait_for("a log line",
                 lambda: f'{server.folder}/hosts:2: "nonsense" is not an address; 2 lines were skipped' in server.log())
        assert answers(server, "good.example.org.") == ("NOERROR", ["A 10.9.9.9"])
        (server.folder / "hosts").write_bytes(bytes(range(256)) * 100)
        wait_for("a log line", lambda: "lines were skipped" in server.log().split("2 lines were skipped")[-1])
        assert answers(server, "inline.example.org.") == ("NOERROR", ["A 10.0.0.1"])


def test_100_000_lines(serve_hosts):
    """Of memory they take a few megabytes, also when they are read again and again."""
    n = 100_000
    lines = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255} host-{i}.zone-{i % 100}.example.org" for i in range(n)]
    with serve_hosts(content="\n".join(lines)) as server:
        for i in (0, 4711, n - 1):
            name = f"host-{i}.zone-{i % 100}.example.org."
            assert answers(server, name) == ("NOERROR", [f"A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}"])
        assert server.metric("coredns_hosts_entries", hostsfile=f"{server.folder}/hosts") == 2 * n + 4
        assert server.metric("coredns_hosts_reload_timestamp_seconds") > 1.6e9
        before = server.rss_kib()
        for generation in range(1, 5):
            replace(server, "\n".join([*lines, f"10.255.0.{generation} generation.example.org"]))
            wait_for("the new file", lambda: answers(server, "generation.example.org.")[1] == [f"A 10.255.0.{generation}"])
        assert server.metric("coredns_hosts_entries") == 2 * n + 6
        if not sanitizers():
            assert before < 48 * 1024 and server.rss_kib() < before + 32 * 1024


def test_large_set(serve_hosts):
    """More addresses than a datagram holds: whole records and TC, and all of them over TCP."""
    content = "".join(f"10.1.{i >> 8}.{i & 255} large.example.org\n" for i in range(1000))
    with serve_hosts(content=content) as server:
        answer = server.ask("large.example.org.", use_edns=0, payload=1232)
        assert answer.flags & dns.flags.TC and 70 < len(answer.answer) < 80
        assert len(server.ask("large.example.org.", tcp=True).answer) == 1000


def test_steps_in_order(serve, tmp_path):
    """hosts comes before kubernetes, which gets what falls through."""
    corefile = """
.:$port {
    bind $address
    ready $address:$ready
    hosts $folder/none {
        10.0.0.1 web.shop.svc.cluster.local
        fallthrough
    }
    kubernetes cluster.local {
        objects $objects
    }
}
"""
    objects = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.1", ports=["http:80"]),
                            service("other.shop", "10.96.0.2", ports=["http:80"])]}
    with serve(objects, corefile=corefile) as server:
        assert answers(server, "web.shop.svc")[1] == ["A 10.0.0.1"]
        assert answers(server, "other.shop.svc")[1] == ["A 10.96.0.2"]

# SPDX-License-Identifier: Apache-2.0
"""`forward` against upstreams that fail in every way (tests/harness/upstream.py). Names are new in each test, so that what is
asked goes upstream; no server here has a cache, but where it says so."""
import os
import re
import socket
import struct
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from cluster import namespace, service, write_files
from harness import DEADLINE_S, Server, free_address, memory_slack_kib, rcode_text, wait_for
from upstream import FORGERIES, Upstream, addresses_of

CLUSTER = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20", ports=["http:80"])]}

COREFILE = """
.:$port {{
    bind $address
    errors
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local {{
        objects $objects
    }}
    {extra}
    forward . {to} {{
        {options}
    }}
}}
"""


def corefile(*upstreams, options="policy sequential", extra=""):
    return COREFILE.format(to=" ".join(map(str, upstreams)), options=options, extra=extra)


@pytest.fixture
def start(serve):
    """start(upstreams..., options=..., extra=...) in a `with`: a server that forwards to them."""
    return lambda *upstreams, **options: serve(CLUSTER, corefile=corefile(*upstreams, **options))


@pytest.fixture
def upstreams():
    """Three of them."""
    with Upstream() as a, Upstream() as b, Upstream() as c:
        yield a, b, c


def addresses(message):
    return [rdata.address for rrset in message.answer for rdata in rrset if hasattr(rdata, "address")]


def check_answer(message, name):
    assert rcode_text(message) == "NOERROR" and addresses(message) == [addresses_of(name)[0]], message


def errors(message):
    """The extended errors of an answer: (code, text)."""
    return [(int(option.code), option.text) for option in message.options if option.otype == dns.edns.OptionType.EDE]


def learn(server, n=40):
    """Until the upstreams are known to keep the case of questions, in every worker."""
    for i in range(n):
        check_answer(server.ask(f"learn{i}.example."), f"learn{i}.example.")


# ---- the answer survives

def test_answer(start, upstreams):
    with start(upstreams[0]) as server:
        answer = server.ask("www.example.", use_edns=0)
        check_answer(answer, "www.example.")
        assert answer.flags & dns.flags.RA and not answer.flags & (dns.flags.AA | dns.flags.AD)
        assert answer.answer[0].ttl == 60
        asked, = [question for question in upstreams[0].asked if question.name.lower() == "www.example."]
        assert asked.has_edns and not asked.has_do and asked.flags & dns.flags.RD and not asked.flags & dns.flags.CD


@pytest.mark.parametrize("acts, rdtype, want", [
    ("unknown", "TYPE65280", r"NOERROR \\# 4 000102ff"),
    ("options", "TXT", 'NOERROR "www.example."'),
    ("bits", "TXT", 'NOERROR "www.example."'),
    ("ttl=0", "TXT", 'NOERROR "www.example."'),
    ("lower", "TXT", 'NOERROR "www.example."'),
    ("no-edns", "TXT", 'NOERROR "www.example."'),
    ("duplicate", "TXT", 'NOERROR "www.example."'),
    ("truncate", "TXT", 'NOERROR "www.example."'),
    ("nodata", "TXT", "NOERROR"),
    ("nodata-bare", "TXT", "NOERROR"),
    ("rcode=NXDOMAIN", "TXT", "NXDOMAIN"),
    ("rcode=FORMERR", "TXT", "FORMERR"),
])
def test_act(start, upstreams, acts, rdtype, want):
    upstreams[0].rules = [("*", acts)]
    with start(upstreams[0]) as server:
        answer = server.ask("www.example.", rdtype)
        rdata = [str(rdata) for rrset in answer.answer for rdata in rrset]
        assert re.fullmatch(want, " ".join([rcode_text(answer), *rdata]))
        assert not answer.flags & dns.flags.TC


def test_spelling_is_the_clients(start, upstreams):
    with start(upstreams[0]) as server:
        answer = server.ask("wWw.ExAmPlE.", "TXT")
        assert answer.question[0].name.to_text() == "wWw.ExAmPlE." == answer.answer[0].name.to_text()


@pytest.mark.parametrize("flag", ["CD", "DO", ""])
def test_flags_go_upstream(start, upstreams, flag):
    with start(upstreams[0]) as server:
        message = dns.message.make_query("www.example.", "A", use_edns=0, want_dnssec=flag == "DO")
        if flag == "CD":
            message.flags |= dns.flags.CD
        answer = server.send(message)
        check_answer(answer, "www.example.")
        asked = upstreams[0].asked[-1]
        assert asked.has_do == (flag == "DO") and bool(asked.flags & dns.flags.CD) == (flag == "CD")


def test_the_clients_options_stay_here(start, upstreams):
    options = [dns.edns.ECSOption("192.0.2.0", 24), dns.edns.GenericOption(10, b"12345678")]
    with start(upstreams[0]) as server:
        answer = server.ask("www.example.", use_edns=0, options=options)
        check_answer(answer, "www.example.")
        assert not answer.options
        assert not dns.message.from_wire(upstreams[0].asked[-1].wire).options


def test_64_kib(start, upstreams):
    """Truncated by UDP, fetched by TCP, whole for a client by TCP, cut for one by UDP; and the cache has it whole."""
    upstreams[0].rules = [("*", "large")]
    with start(upstreams[0], extra="cache 30\n    multisocket 1") as server:
        for _ in range(2):
            assert len(server.ask("big.example.", "TXT", tcp=True).answer) == 250
            cut = server.ask("big.example.", "TXT", use_edns=0)
            assert cut.flags & dns.flags.TC and 0 < len(cut.answer) < 10
        assert upstreams[0].count("big.example.", tcp=False) == upstreams[0].count("big.example.", tcp=True) == 1


# ---- doubt

@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_first(start, upstreams, forgery):
    """What does not fit is ignored, and the wait goes on; what fits but is broken is asked for elsewhere."""
    for upstream in upstreams[:2]:
        upstream.rules = [("learn*", ""), ("*", f"forge={forgery}")]
    upstreams[2].rules = [("*", "")]
    with start(*upstreams) as server:
        learn(server)
        for i in range(5):
            check_answer(server.ask(f"www{i}.example."), f"www{i}.example.")
        if forgery in ("id", "type", "class", "case", "query", "empty", "short", "name"):
            assert server.metric("kaname_forward_unfit_replies_total") >= 5
            assert upstreams[1].count("www*") == 0


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_only(start, upstreams, forgery):
    """The first upstream gives nothing but that: the second is asked."""
    upstreams[0].rules = [("learn*", ""), ("*", f"only={forgery}")]
    with start(*upstreams[:2]) as server:
        learn(server)
        for i in range(3):
            check_answer(server.ask(f"www{i}.example."), f"www{i}.example.")
        assert server.process.poll() is None


def test_entropy(start, upstreams):
    """Many ports, any ID, letters of random case."""
    with start(upstreams[0]) as server:
        learn(server, 200)
        asked = list(upstreams[0].asked)
        assert len({question.port for question in asked}) >= 4
        assert len({question.id for question in asked}) >= 190
        assert len({question.id >> 12 for question in asked}) >= 12
        upper = sum(any(c.isupper() for c in question.name) for question in asked)
        assert upper > 180


# ---- failover

@pytest.mark.parametrize("acts", ["rcode=SERVFAIL", "rcode=REFUSED", "rcode=NOTIMP", "drop", "delay=3000"])
def test_failover(start, upstreams, acts):
    upstreams[0].rules = [("*", acts)]
    with start(*upstreams[:2]) as server:
        began = time.monotonic()
        for i in range(10):
            check_answer(server.ask(f"www{i}.example."), f"www{i}.example.")
        assert time.monotonic() - began < 10 * 2  # not a timeout each


def test_all_fail(start, upstreams):
    for upstream in upstreams:
        upstream.rules = [("*", "rcode=SERVFAIL")]
    with start(*upstreams) as server:
        assert rcode_text(server.ask("www.example.")) == "SERVFAIL"
        assert sum(upstream.n_asked for upstream in upstreams) == 3


def test_nobody_listens(start):
    with Upstream() as gone:
        pass
    with start(gone) as server:
        answer = server.ask("www.example.", use_edns=0)
        assert rcode_text(answer) == "SERVFAIL" and errors(answer) == [(23, "upstream servers cannot be reached")]
        assert server.ask("web.shop.svc").answer


def test_silence(start, upstreams):
    """SERVFAIL with extended error 22 before the client's own timeout of 5 s; cluster names go on meanwhile."""
    upstreams[0].rules = [("*", "drop")]
    with start(upstreams[0]) as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(server.ask("www.example.", use_edns=0)))
        thread.start()
        while thread.is_alive():
            assert server.ask("web.shop.svc").answer
            thread.join(0.2)
        assert rcode_text(answers[0]) == "SERVFAIL" and errors(answers[0])[0][0] == 22
        assert upstreams[0].count("www.example.") <= 6


@pytest.mark.parametrize("acts", ["close", "close-middle", "drop"])
def test_tcp(start, upstreams, acts):
    upstreams[0].rules = [("*", acts)]
    with start(*upstreams[:2], options="policy sequential\nforce_tcp") as server:
        for i in range(3):
            check_answer(server.ask(f"www{i}.example."), f"www{i}.example.")
        assert all(question.tcp for upstream in upstreams for question in upstream.asked)


@pytest.mark.parametrize("options", ["force_tcp", "prefer_udp"])
def test_a_path_that_leads_nowhere_is_left(start, upstreams, options):
    """A connection or port on which nothing came back for a second is not used for the next question."""
    upstreams[0].rules = [("*", "drop")]
    with start(upstreams[0], options=options, extra="multisocket 1") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((server.address, server.port))
            sock.send(dns.message.make_query("dead.example.", "A").to_wire())
            wait_for("the question", lambda: upstreams[0].count("dead*") >= 1)
            time.sleep(1.1)  # what is waited for is that nothing comes
            upstreams[0].rules = []
            for i in range(8):
                check_answer(server.ask(f"w{i}.example."), f"w{i}.example.")
        dead = [question.port for question in upstreams[0].asked if question.name.lower().startswith("dead")]
        later = {question.port for question in upstreams[0].asked if question.name.lower().startswith("w")}
        assert upstreams[0].count("w*") == 8 and dead[0] not in later


def test_equal_questions_join(start, upstreams):
    upstreams[0].rules = [("*", "delay=300")]
    with start(upstreams[0], options="") as server:
        results = []
        threads = [threading.Thread(target=lambda: results.append(server.ask("www.example."))) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 40
        for result in results:
            check_answer(result, "www.example.")
        # One question for each worker, and what a late answer costs.
        assert upstreams[0].count("www.example.") < 10


def test_down_and_up_again(start, upstreams):
    options = "policy sequential\nhealth_check 100ms"
    with start(*upstreams[:2], options=options) as server:
        learn(server)
        address, port = upstreams[0].address, upstreams[0].port
        upstreams[0].stop()
        for i in range(20):
            check_answer(server.ask(f"a{i}.example."), f"a{i}.example.")
        wait_for("down", lambda: server.metric("kaname_forward_upstream_up", to=f"{address}:{port}") == 0)
        wait_for("is down", lambda: "is down" in server.log())
        with Upstream(address, port) as again:
            wait_for("up", lambda: server.metric("kaname_forward_upstream_up", to=f"{address}:{port}") == 1)
            for i in range(20):
                check_answer(server.ask(f"b{i}.example."), f"b{i}.example.")
            assert again.count("b*") > 0


def test_stub_domains_and_except(serve, upstreams):
    text = corefile(upstreams[0], options="except internal.example") + """
stub.example:$port {{
    bind $address
    forward . {}
}}
""".format(upstreams[1])
    with serve(CLUSTER, corefile=text) as server:
        check_answer(server.ask("www.stub.example."), "www.stub.example.")
        check_answer(server.ask("www.example."), "www.example.")
        assert rcode_text(server.ask("www.internal.example.")) == "REFUSED"
        assert upstreams[1].count("www.stub.example.") == 1 and upstreams[0].count("www.stub.example.") == 0


def test_slow_answers_of_a_quick_upstream(start, upstreams):
    """Its usual answers take a millisecond; that one takes 600 is no failure of it, and the answer is taken."""
    upstreams[0].rules = [("slow*", "delay=600")]
    with start(upstreams[0], extra="multisocket 1") as server:
        learn(server, 60)
        for i in range(4):
            check_answer(server.ask(f"slow{i}.example."), f"slow{i}.example.")
        assert upstreams[0].count("slow*") <= 4 * 4


def test_max_concurrent(start, upstreams):
    upstreams[0].rules = [("*", "drop")]
    with start(upstreams[0], options="max_concurrent 4") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((server.address, server.port))
            sock.settimeout(DEADLINE_S)
            for i in range(40):
                sock.send(dns.message.make_query(f"w{i}.example.", "A", use_edns=0).to_wire())
            refused = [dns.message.from_wire(sock.recv(4096)) for _ in range(32)]
        assert {rcode_text(answer) for answer in refused} == {"REFUSED"}
        assert server.metric("coredns_forward_max_concurrent_rejects_total") >= 32


# ---- loops

def test_loop(tmp_path, upstreams):
    """A asks B, which asks A: A finds out, asks the other upstream, and serves the cluster's names all the time."""
    a = Server(tmp_path / "a", corefile("PEER", upstreams[0], extra="loop"))
    b = Server(tmp_path / "b", ".:$port {\n bind $address\n ready $address:$ready\n forward . PEER\n}\n")
    for server, peer in ((a, b), (b, a)):
        text = server.corefile.read_text()
        server.corefile.write_text(text.replace("PEER", f"{peer.address}:{peer.port}"))
    write_files(a.objects, CLUSTER)
    try:
        for server in (b, a):
            server.start()
            server.wait_ready()
        wait_for("the loop", lambda: "leads back to this server" in a.log())
        assert a.metric("kaname_forward_upstream_looping", to=f"{b.address}:{b.port}") == 1
        for i in range(20):
            check_answer(a.ask(f"www{i}.example."), f"www{i}.example.")
        assert a.ask("web.shop.svc").answer
        assert upstreams[0].count("www*") == 20
    finally:
        for server in (a, b):
            server.stop()


def test_every_upstream_loops(serve):
    with serve(CLUSTER, corefile=corefile("$address:$port")) as server:
        answer = server.ask("www.example.", use_edns=0)
        assert rcode_text(answer) == "SERVFAIL"
        assert errors(answer) == [(22, "every upstream server leads back to this server")]
        assert server.ask("web.shop.svc").answer


@pytest.mark.skipif(os.geteuid() != 0, reason="nameserver lines have no port: 53 is root's")
def test_resolv_conf(serve, tmp_path):
    """Followed while it changes: another upstream within seconds, no question lost."""
    path = tmp_path / "resolv.conf"
    with Upstream(free_address(), 53) as first, Upstream(free_address(), 53) as second:
        path.write_text(f"search example\nnameserver {first.address}\n")
        with serve(CLUSTER, corefile=corefile(path)) as server:
            check_answer(server.ask("a.example."), "a.example.")
            assert first.count("a.example.") == 1
            path.write_text(f"nameserver {second.address}\n")
            names = iter(f"b{i}.example." for i in range(10000))

            def is_asked():
                name = next(names)
                check_answer(server.ask(name), name)
                return second.count("b*") > 0
            wait_for("the second", is_asked)
            path.unlink()
            wait_for("the log", lambda: "what it said before stays" in server.log())
            check_answer(server.ask("c.example."), "c.example.")


def test_own_address(serve, upstreams):
    """Seen before anything is sent."""
    text = corefile("$address:$port", upstreams[0])
    with serve(CLUSTER, corefile=text) as server:
        check_answer(server.ask("www.example."), "www.example.")
        wait_for("is this server itself", lambda: "is this server itself" in server.log())


# ---- load

class Load:
    """Questions at a steady rate from one socket, until stopped; .rcodes of the answers, .n_lost without one."""

    def __init__(self, server, prefix, rate=400):
        self.server, self.prefix, self.rate = server, prefix, rate
        self.sent, self.latencies, self.rcodes = {}, [], {}
        self.n, self.is_stopped = 0, False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.connect((server.address, server.port))
        self.sock.settimeout(0.2)
        self.threads = [threading.Thread(target=self.send), threading.Thread(target=self.receive)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.is_stopped = True
        for thread in self.threads:
            thread.join()
        self.sock.close()

    def send(self):
        began = time.monotonic()
        while not self.is_stopped and self.n < 60000:
            name = f"{self.prefix}{self.n}.example."
            wire = dns.message.make_query(name, "A", id=self.n).to_wire()
            self.sent[self.n] = time.monotonic()
            self.sock.send(wire)
            self.n += 1
            time.sleep(max(0, began + self.n / self.rate - time.monotonic()))

    def receive(self):
        end = None
        while self.sent or not self.is_stopped:
            if self.is_stopped:
                end = end or time.monotonic() + 7
                if time.monotonic() > end:
                    return
            try:
                wire = self.sock.recv(4096)
            except (socket.timeout, ConnectionError):
                continue
            ident, flags = struct.unpack_from("!HH", wire)
            began = self.sent.pop(ident, None)
            if began:
                self.latencies.append(time.monotonic() - began)
                self.rcodes[flags & 15] = self.rcodes.get(flags & 15, 0) + 1

    def wait(self, n):
        end = self.n + n
        wait_for(f"{n} questions", lambda: self.n >= end, 120)

    @property
    def n_lost(self):
        return len(self.sent)


@pytest.mark.parametrize("policy", ["random", "sequential", "round_robin"])
@pytest.mark.parametrize("how", ["kill", "blackhole", "servfail"])
def test_one_of_three_fails_under_load(start, upstreams, policy, how):
    """No SERVFAIL and nothing lost; and no storm: a tenth more, and the store of the budget."""
    with start(*upstreams, options=f"policy {policy}") as server, Load(server, "w") as load:
        load.wait(300)
        if how == "kill":
            upstreams[0].stop()
        else:
            upstreams[0].rules = [("w*", "drop" if how == "blackhole" else "rcode=SERVFAIL")]
        load.wait(1200)
        load.is_stopped = True
        for thread in load.threads:
            thread.join()
        assert set(load.rcodes) == {0} and load.n_lost == 0, (load.rcodes, load.n_lost)
        n_extra = server.metric("kaname_forward_hedges_total") + server.metric("kaname_forward_retries_total")
        n_workers = int(re.search(r"(\d+) workers?", server.log()).group(1))
        assert n_extra <= 0.1 * load.n + 256 * n_workers


def test_all_blackholed(start, upstreams):
    """A flood of names that nobody answers: cluster names are all answered, what waits is bounded, memory too."""
    for upstream in upstreams:
        upstream.rules = [("*", "drop")]
    with start(*upstreams) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.connect((server.address, server.port))
        before = server.rss_kib()
        wires = [dns.message.make_query(f"f{i}.example.", "A").to_wire() for i in range(2000)]
        for i in range(20000):
            wire = bytearray(wires[i % 2000])
            wire[13:14] = bytes([97 + i // 2000 % 26])  # other names
            try:
                flood.send(wire)
            except ConnectionError:
                pass
            if i % 200 == 0:
                assert server.ask("web.shop.svc").answer
        in_flight = server.metric("kaname_forward_in_flight")
        assert in_flight > 0
        assert server.rss_kib() - before < 64 * 1024 + memory_slack_kib()
        assert sum(upstream.n_asked for upstream in upstreams) <= 1.1 * 20000 + 256 * 8 + 100

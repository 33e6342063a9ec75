# SPDX-License-Identifier: Apache-2.0
"""Another configuration while the server runs: what is the same survives, what is bad changes nothing, nothing is lost."""
import os
import random
import re
import selectors
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

import apifaults
from apiserver import ApiServer
from cluster import namespace, service, write_files
from harness import DEADLINE_S, ask_wire, framed, free_port, memory_slack_kib, parse, question, read_message, rcode_text, sanitizers, wait_for
from upstream import Upstream, addresses_of
from watching import STABLE

CLUSTER = {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20", ports=["http:80"])]}

COREFILE = """
.:$port {{
    bind $address
    errors
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    {reload}
    kubernetes cluster.local in-addr.arpa {{
        {source}
        ttl {ttl}
        fallthrough in-addr.arpa
    }}
    {more}
}}
{blocks}
"""


def corefile(ttl=30, more="", blocks="", reload="reload 30s", source="objects $objects"):
    return COREFILE.format(ttl=ttl, more=more, blocks=blocks, reload=reload, source=source)


def ttl(server, name="web.shop.svc"):
    return server.ask(name).answer[0].ttl


def reloads(server):
    return server.log().count("Reloading complete")


def failures(server):
    return server.metric("coredns_reload_failed_total")


def signalled(server, template=None):
    """The configuration that the file has now, or that is given, after a SIGHUP."""
    if template is not None:
        server.write_corefile(template)
    before = reloads(server)
    server.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: reloads(server) > before)


def refused(server, template):
    server.write_corefile(template)
    before = failures(server)
    server.process.send_signal(signal.SIGHUP)
    wait_for("its failure", lambda: failures(server) > before)


def sockets(server):
    """The inodes of the server's own sockets that are bound to its port."""
    port, inodes = f":{server.port:04X}", set()
    for protocol in ("udp", "tcp"):
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(port) and fields[2].endswith(":0000"):
                inodes.add((protocol, fields[9]))
    return inodes


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_signal(serve, number):
    with serve(CLUSTER, corefile=corefile(reload="")) as server:
        before = sockets(server)
        assert ttl(server) == 30 and before
        server.write_corefile(corefile(77, reload=""))
        server.process.send_signal(number)
        wait_for("the new TTL", lambda: ttl(server) == 77)
        assert sockets(server) == before
        assert server.metric("coredns_reload_failed_total") == 0
        assert server.metric("kaname_config_last_reload_successful") == 1


def test_changed_file(serve):
    """Long before the 30 s are over."""
    with serve(CLUSTER, corefile=corefile()) as server:
        info = [name for name in server.metrics() if name.startswith("coredns_reload_version_info")]
        server.write_corefile(corefile(77))
        wait_for("the new TTL", lambda: ttl(server) == 77)
        wait_for("the new hash", lambda: [name for name in server.metrics() if name.startswith("coredns_reload_version_info")] != info)


def test_without_reload(serve):
    """Nothing is looked at, as in CoreDNS; an unchanged file is not read again either."""
    with serve(CLUSTER, corefile=corefile(reload="")) as server:
        server.write_corefile(corefile(77, reload=""))
        time.sleep(3)
        assert ttl(server) == 30


def test_comments(serve):
    with serve(CLUSTER, corefile=corefile(reload="reload 2s")) as server:
        server.write_corefile("# nothing new\n" + corefile(reload="reload 2s"))
        time.sleep(4)
        assert reloads(server) == 0 and failures(server) == 0


def test_configmap(serve, tmp_path):
    """As kubelet mounts it: files are links through ..data, which is replaced in one step; an imported file, too."""
    def mount(number, value):
        folder = mounted / f"..2026_{number}"
        folder.mkdir()
        (folder / "Corefile").write_text(server.fill(corefile(30, more="import *.override")))
        (folder / "log.override").write_text(f"bufsize {value}\n")
        (mounted / "..data.new").symlink_to(folder.name)
        os.rename(mounted / "..data.new", mounted / "..data")

    mounted = tmp_path / "mounted"
    mounted.mkdir()
    with serve(CLUSTER, corefile=corefile()) as server:
        mount(1, 1000)
        for name in ("Corefile", "log.override"):
            (mounted / name).symlink_to(f"..data/{name}")
        server.stop()
        server.corefile = mounted / "Corefile"
        server.start()
        server.wait_ready()
        mount(2, 600)
        wait_for("the reload", lambda: reloads(server) == 1)
        (mounted / "..data.new").symlink_to("..2026_1")
        os.rename(mounted / "..data.new", mounted / "..data")
        wait_for("the one before it", lambda: reloads(server) == 2)


@pytest.mark.parametrize("more", ["", "import *.override"])
def test_busy_folder(serve, more):
    """Others write to the Corefile's folder all the time, which a pattern even lists."""
    def write():
        while not ended.wait(0.1):
            (server.folder / "busy").touch()
            (server.folder / "busy").unlink()

    ended = threading.Event()
    with serve(CLUSTER, corefile=corefile(reload="reload 2s", more=more)) as server:
        writer = threading.Thread(target=write)
        writer.start()
        try:
            server.write_corefile(corefile(77, reload="reload 2s"))
            wait_for("the new TTL", lambda: ttl(server) == 77)
        finally:
            ended.set()
            writer.join()


@pytest.mark.parametrize("bad, cause", [
    (lambda: "nonsense {", "never closed"),
    (lambda: corefile(more="forwrd . 10.0.0.1"), 'did you mean "forward"'),
    (lambda: corefile(ttl="x"), "ttl"),
    (lambda: corefile(more="import nowhere"), "nowhere"),
    (lambda: "", "empty"),
    (lambda: corefile(blocks="a.test:$port {\n bind 192.0.2.77\n whoami\n}"), "192.0.2.77"),
    (lambda: corefile().replace("$address:$health", "192.0.2.77:80"), "192.0.2.77"),
    (lambda: corefile(source="kubeconfig /nonexistent"), "/nonexistent"),
])
def test_bad(serve, bad, cause):
    with serve(CLUSTER, corefile=corefile()) as server:
        before = sockets(server)
        refused(server, bad())
        wait_for("the cause in the log", lambda: cause in server.log())
        assert server.metric("kaname_config_last_reload_successful") == 0
        assert ttl(server) == 30 and sockets(server) == before and server.http("ready")[0] == 200
        assert reloads(server) == 0
        signalled(server, corefile(77))
        assert ttl(server) == 77
        assert server.metric("kaname_config_last_reload_successful") == 1


def test_addresses(serve):
    """One more port, then back again; HTTP moves, too."""
    with serve(CLUSTER, corefile=corefile()) as server:
        other, old_metrics = free_port(), server.metrics_port
        block = f"who.test:{other} {{\n bind {server.address}\n whoami\n}}"
        signalled(server, corefile(blocks=block))
        server.port, first = other, server.port
        assert rcode_text(server.ask("a.who.test.")) == "NOERROR"
        server.port = first
        assert ttl(server) == 30
        server.metrics_port = free_port()
        signalled(server, corefile())
        server.metrics_port, new_metrics = old_metrics, server.metrics_port
        assert server.http("metrics")[0] == 0
        server.metrics_port = new_metrics
        assert server.http("metrics")[0] == 200 and server.http("health")[0] == 200
        assert ttl(server) == 30
        assert {inode for protocol, inode in sockets(server)}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((server.address, other))
            sock.send(question("a.who.test.").to_wire())
            sock.settimeout(DEADLINE_S)
            with pytest.raises(ConnectionRefusedError):
                sock.recv(100)


def test_cache_and_counters_survive(serve):
    with Upstream() as upstream:
        # One worker: each has a cache of its own.
        forward = f"forward . {upstream}\n cache 300\n multisocket 1\n"
        with serve(CLUSTER, corefile=corefile(more=forward)) as server:
            want = addresses_of("kept.example.")[0]
            assert server.ask("kept.example.").answer[0][0].address == want
            signalled(server, corefile(77, more=forward))
            asked = upstream.count("kept.example.")
            assert server.ask("kept.example.").answer[0][0].address == want
            assert upstream.count("kept.example.") == asked
            assert server.metric("coredns_dns_requests_total", type="A") >= 2
            assert server.metric("coredns_cache_hits_total", type="success") >= 1
            assert server.metric("coredns_forward_requests_total") + server.metric("coredns_proxy_request_duration_seconds_count") >= 1


def test_other_upstream(serve):
    """What was cached from the old one is not given as the new one's."""
    with Upstream() as one, Upstream() as two:
        one.rules, two.rules = [("*", "cname=one.test.")], [("*", "cname=two.test.")]
        with serve(CLUSTER, corefile=corefile(more=f"forward . {one}\n cache 300\n multisocket 1\n")) as server:
            def target():
                return str(server.ask("name.example.", "CNAME").answer[0][0].target)

            assert target() == "one.test." and target() == "one.test."
            signalled(server, corefile(more=f"forward . {two}\n cache 300\n multisocket 1\n"))
            assert target() == "two.test." and one.count("name.example.") == 1
            signalled(server, corefile(more=f"forward . {one}\n cache 300\n multisocket 1\n"))
            assert target() == "one.test."
            signalled(server, corefile(more="multisocket 1"))
            assert rcode_text(server.ask("name.example.")) == "REFUSED"
            signalled(server, corefile(more=f"forward . {two}\n cache 300\n multisocket 1\n"))
            assert target() == "two.test."


def test_waiting_queries(serve):
    """What waits for an upstream that is not asked any more goes to the new one; what waits for one that stays, waits on."""
    with Upstream() as slow, Upstream() as quick:
        slow.rules = [("*", "delay=1500")]
        stays = f"forward stays.test {slow}\n forward . "
        with serve(CLUSTER, corefile=corefile(more=f"{stays} {slow}\n")) as server, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(DEADLINE_S)
            sock.connect((server.address, server.port))
            sock.send(question("goes.test.", id=1).to_wire())
            sock.send(question("a.stays.test.", id=2).to_wire())
            wait_for("both to be asked", lambda: slow.count("goes.test.") and slow.count("a.stays.test."))
            signalled(server, corefile(more=f"{stays} {quick}\n"))
            first, second = (parse(sock.recv(4096)) for _ in range(2))
            assert {first.id, second.id} == {1, 2}
            for message in (first, second):
                assert message.answer[0][0].address == addresses_of(message.question[0].name.to_text())[0]
            assert quick.count("goes.test.") == 1
            assert slow.count("a.stays.test.") >= 1  # once more when it is late, as any question
            assert quick.count("a.stays.test.") == 0


def test_told_again(serve):
    """Whoever reloads by hand is told what is wrong, each time."""
    with serve(CLUSTER, corefile=corefile(reload="")) as server:
        for n in (1, 2):
            refused(server, "nonsense {")
            wait_for("the cause", lambda: server.log().count("never closed") == n)


def test_health_moves(serve):
    """While the workers still leave an address where a query waits: the server does not ask itself at the old port."""
    with Upstream() as slow:
        slow.rules = [("*", "delay=3000")]
        other, block = free_port(), "slow.test:{} {{\n bind $address\n forward . {}\n}}"
        with serve(CLUSTER, corefile=corefile(blocks=block.format(other, slow))) as server, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((server.address, other))
            sock.send(question("a.slow.test.").to_wire())
            wait_for("the question", lambda: slow.count("a.slow.test."))
            server.health_port = free_port()
            signalled(server, corefile())
            assert "health request failed" not in server.log()
            wait_for("a question of its own", lambda: server.metric("coredns_health_request_duration_seconds_count") > 1)
            assert server.metric("coredns_health_request_failures_total") == 0


def test_tcp_connections(serve):
    """A connection lives on, whatever the reload changes for its address; what it has asked is answered."""
    with serve(CLUSTER, corefile=corefile()) as server, server.connect() as sock:
        for value in (77, 78, 79):
            sock.sendall(framed(question("web.shop.svc").to_wire()))
            assert parse(read_message(sock)).answer[0].ttl in (30, value - 1)
            signalled(server, corefile(value, blocks="" if value == 78 else f"a.test:{server.port} {{\n bind {server.address}\n whoami\n}}"))
        sock.sendall(framed(question("web.shop.svc").to_wire()))
        assert parse(read_message(sock)).answer[0].ttl == 79


def test_watch_survives(serve, tmp_path):
    """Nothing is asked again when the source is the same; another source is in before it counts, and then the old one is let go."""
    with ApiServer(tmp_path / "api") as api:
        api.apply_many(STABLE)
        source = f"kubeconfig {api.kubeconfig()}"
        with serve(corefile=corefile(source=source)) as server:
            before = len(api.requested())
            signalled(server, corefile(77, source=source))
            assert ttl(server, "stable.shop.svc") == 77 and len(api.requested()) == before
            with api.fault(apifaults.Delay(1.0)):
                server.write_corefile(corefile(78, source=source + "\n pods verified"))
                server.process.send_signal(signal.SIGHUP)
                seen = {}
                while 78 not in seen:
                    value = ttl(server, "stable.shop.svc")
                    seen[value] = seen.get(value, 0) + 1
                    assert server.http("ready")[0] == 200
            assert set(seen) == {77, 78} and seen[77] > 3
            assert rcode_text(server.ask("10-244-0-1.shop.pod")) == "NOERROR"
            wait_for("the old watches to end", lambda: api.watchers() == 4)


class Load(threading.Thread):
    """Asks all the while from fixed ports, by UDP, and counts what is not answered within the deadline or answered wrongly."""

    def __init__(self, server, names, n_sockets=4, window=8):
        super().__init__(daemon=True)
        self.server, self.names, self.window = server, names, window
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n_sockets)]
        self.asked = self.answered = 0
        self.wrong, self.ended = [], threading.Event()

    def run(self):
        wires = [question(name).to_wire() for name in self.names]
        waiting = {}
        selector = selectors.DefaultSelector()
        for sock in self.sockets:
            sock.connect((self.server.address, self.server.port))
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        deadline = None
        while not self.ended.is_set() or waiting:
            if self.ended.is_set():
                deadline = deadline or time.monotonic() + 5
                if time.monotonic() > deadline:
                    break
            else:
                while len(waiting) < self.window:
                    ident = self.asked % 65536
                    sock = self.sockets[self.asked % len(self.sockets)]
                    wire = wires[self.asked % len(wires)]
                    waiting[sock.fileno(), ident] = time.monotonic()
                    sock.send(ident.to_bytes(2, "big") + wire[2:])
                    self.asked += 1
            for key, _ in selector.select(0.05):
                try:
                    got = key.fileobj.recv(4096)
                except (BlockingIOError, ConnectionRefusedError) as error:
                    if isinstance(error, ConnectionRefusedError):
                        self.wrong.append("refused by the kernel")
                    continue
                if waiting.pop((key.fd, int.from_bytes(got[:2], "big")), None) is not None:
                    self.answered += 1
                if got[3] & 15:
                    self.wrong.append(f"rcode {got[3] & 15}")

    def stop(self):
        self.ended.set()
        self.join()
        for sock in self.sockets:
            sock.close()
        return self.asked - self.answered


def test_a_thousand(serve):
    """Half of them bad: nothing is lost, memory does not grow, the endpoints are always up."""
    n = 1000 if not sanitizers() else 200
    rng = random.Random(5)
    with Upstream() as one, Upstream() as two:
        def template(i):
            if i % 2:
                return rng.choice([corefile(ttl="x"), "nonsense {", corefile(more="import nowhere"), corefile()[:200]])
            blocks = f"x{i % 7}.test:$port {{\n bind $address\n whoami\n}}" if i % 3 else ""
            return corefile(10 + i % 50, more=f"forward . {rng.choice((one, two))}\n cache {60 + i % 3}\n", blocks=blocks)

        with serve(CLUSTER, corefile=template(0)) as server:
            load = Load(server, ["web.shop.svc", "a.example.", "b.example.", "10.0.96.10.in-addr.arpa."][:3])
            load.start()
            rss = None
            for i in range(1, n):
                server.write_corefile(template(i))
                done = reloads(server) if i % 2 == 0 else failures(server)
                server.process.send_signal(signal.SIGHUP)
                if i % 2:
                    wait_for("the failure", lambda: failures(server) > done)
                else:
                    wait_for("the reload", lambda: reloads(server) > done)
                    assert ttl(server) == 10 + i % 50
                if i % 10 == 0:
                    assert server.http("health")[0] == 200 and server.http("ready")[0] == 200 and server.http("metrics")[0] == 200
                if i == n // 5:
                    rss = server.rss_kib()
            lost = load.stop()
            assert lost == 0 and not load.wrong, (lost, load.asked, load.wrong[:10])
            assert load.asked > n
            assert server.rss_kib() < rss + memory_slack_kib()

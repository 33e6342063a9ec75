# SPDX-License-Identifier: Apache-2.0
"""The command line and the Corefile: exit codes, and messages that name file, line and word."""
import re
import subprocess

import pytest

from cluster import namespace, service
from harness import BINARY, COREFILE, DEADLINE_S, Server, rcode_text, wait_for

FINE, WRONG, USAGE, START = 0, 1, 2, 3


def run(*args, cwd=None, env=None):
    """(exit code, what it printed)"""
    done = subprocess.run([BINARY, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=DEADLINE_S, cwd=cwd, env=env)
    return done.returncode, done.stdout.decode(errors="replace")


def check(folder, text, env=None):
    path = folder / "Corefile"
    path.write_text(text)
    return run("-conf", str(path), "--check", cwd=folder, env=env)


def kubernetes(line):
    return f".:53 {{\n  kubernetes cluster.local {{\n    objects x.json\n    {line}\n  }}\n}}\n"


FINE_FILES = [
    ("kubeadm's", ".:53 {\n errors\n health {\n lameduck 5s\n }\n ready\n kubernetes cluster.local in-addr.arpa ip6.arpa {\n objects x.json\n"
     " pods insecure\n fallthrough in-addr.arpa ip6.arpa\n ttl 30\n }\n prometheus :9153\n loadbalance\n}\n"),
    ("forward and cache", ".:53 {\n forward . /etc/resolv.conf {\n max_concurrent 1000\n }\n cache 30 {\n disable denial\n }\n loop\n reload\n}\n"),
    ("in a pod", ".:53 {\n kubernetes cluster.local\n}\n"),
    ("kubeconfig", ".:53 {\n kubernetes cluster.local {\n kubeconfig /etc/kubernetes/admin.conf kind-kind\n startup_timeout 30s\n }\n}\n"),
    ("whoami", ".:53 {\n whoami\n}\n"),
    ("several keys", "a.test:53 b.test, c.test:5353 {\n whoami\n}\n"),
    ("comments", "# first\n.:53 { # block\n whoami # word\n}\n# last"),
    ("quotes", '.:53 {\n whoami\n log "example.org" {\n class "all"\n }\n}\n'),
    ("dns scheme", "dns://.:53 {\n whoami\n}\n"),
    ("without braces", "example.org:53\nwhoami\n"),
    ("snippet", "(common) {\n errors\n log\n}\n.:53 {\n import common\n whoami\n}\n"),
    ("bind", ".:53 {\n bind 127.0.0.1 ::1\n whoami\n}\n"),
    ("multisocket", ".:53 {\n multisocket 2\n whoami\n}\n"),
    ("bufsize", ".:53 {\n bufsize 1232\n whoami\n}\n"),
    ("debug", ".:53 {\n debug\n whoami\n}\n"),
    ("CIDR key", "10.96.0.0/12:53 {\n whoami\n}\n"),
    ("two blocks", "a.test:53 {\n whoami\n}\nb.test:53 {\n whoami\n}\n"),
    ("reverse by CIDR", ".:53 {\n kubernetes cluster.local 10.96.0.0/16 {\n objects x.json\n }\n}\n"),
    *((line.split()[0] + " " + str(i), kubernetes(line)) for i, line in enumerate([
        "ttl 0", "ttl 3600", "pods disabled", "pods insecure", "pods verified", "noendpoints", "endpoint_pod_names",
        "namespaces a b", "labels app=web,tier!=x", "namespace_labels env in (a, b)", "ignore empty_service", "fallthrough",
        "fallthrough in-addr.arpa"])),
]


@pytest.mark.parametrize("name, text", FINE_FILES, ids=[c[0] for c in FINE_FILES])
def test_fine(tmp_path, name, text):
    code, said = check(tmp_path, text)
    assert (code, said) == (FINE, said)


# (name, text, the line, words that must be there)
WRONG_FILES = [
    ("unknown directive", ".:53 {\n  whoamy\n}\n", 2, ["whoamy", "whoami"]),
    ("unknown option", kubernetes("ttll 5"), 4, ["ttll", "ttl"]),
    ("unclosed brace", ".:53 {\n  whoami\n", None, []),
    ("unclosed inner brace", ".:53 {\n  kubernetes cluster.local {\n    ttl 5\n}\n", None, []),
    ("stray brace", ".:53 {\n  whoami\n}\n}\n", 4, []),
    ("unclosed quote", '.:53 {\n  log "example\n}\n', 2, []),
    ("empty", "", None, []),
    ("import of nothing", "import nothing.conf\n", 1, ["nothing.conf"]),
    ("import cycle", ".:53 {\n  whoami\n}\nimport Corefile\n", None, []),
    ("snippet cycle", "(a) {\n import b\n}\n(b) {\n import a\n}\n.:53 {\n import a\n}\n", None, []),
    ("bad port", ".:99999 {\n  whoami\n}\n", 1, ["99999"]),
    ("bad zone", "a..b:53 {\n  whoami\n}\n", 1, ["a..b"]),
    ("same zone twice", ".:53 {\n  whoami\n}\n.:53 {\n  whoami\n}\n", 4, []),
    ("bad bind", ".:53 {\n  bind 300.1.1.1\n  whoami\n}\n", 2, ["300.1.1.1"]),
    ("bad ttl", kubernetes("ttl 3601"), 4, ["3601"]),
    ("ttl no number", kubernetes("ttl five"), 4, ["five"]),
    ("ttl negative", kubernetes("ttl -1"), 4, ["-1"]),
    ("ttl without value", kubernetes("ttl"), 4, ["ttl"]),
    ("pods", kubernetes("pods verifed"), 4, ["verifed", "verified"]),
    ("labels", kubernetes("labels app=(("), 4, []),
    ("ignore", kubernetes("ignore services"), 4, ["services"]),
    ("multicluster", kubernetes("multicluster clusterset.local"), 4, ["multicluster"]),
    ("zonal", kubernetes("zonal"), 4, ["zonal"]),
    ("objects and an API server", kubernetes("kubeconfig /etc/x"), 2, ["objects", "kubeconfig"]),
    ("endpoint", ".:53 {\n  kubernetes cluster.local {\n    endpoint https://fd00::1:6443\n  }\n}\n", 3, ["bracket"]),
    ("transfer", ".:53 {\n  whoami\n  transfer {\n    to *\n  }\n}\n", 3, ["transfer"]),
    ("forward", ".:53 {\n  forward . tls://8.8.8.8\n}\n", 2, ["tls://"]),
    ("cache", ".:53 {\n  cache {\n    serve_stale 1h verfy\n  }\n}\n", 3, ["verfy", "verify"]),
    ("tls scheme", "tls://.:853 {\n  whoami\n}\n", 1, ["tls"]),
    ("multisocket", ".:53 {\n  multisocket 0\n  whoami\n}\n", 2, ["0"]),
    ("bufsize", ".:53 {\n  bufsize 100\n  whoami\n}\n", 2, ["100"]),
    ("lameduck", ".:53 {\n  health {\n    lameduck soon\n  }\n  whoami\n}\n", 3, ["soon"]),
    ("binary", "\x00\x01\xff{", None, []),
]


@pytest.mark.parametrize("name, text, line, words", WRONG_FILES, ids=[c[0] for c in WRONG_FILES])
def test_wrong(tmp_path, name, text, line, words):
    code, said = check(tmp_path, text)
    assert code == WRONG, said
    assert "Corefile" in said
    if line is not None:
        assert re.search(rf"Corefile:{line}: .", said), said
    for word in words:
        assert word in said, said


def test_without_a_corefile(tmp_path):
    """Neither -conf nor ./Corefile: kubeadm's."""
    code, said = run("--check", cwd=tmp_path)
    assert (code, said) == (FINE, "kubeadm's Corefile: fine\n")
    (tmp_path / "Corefile").write_text(".:53 {\n  whoamy\n}\n")
    code, said = run("--check", cwd=tmp_path)
    assert code == WRONG and said.startswith("Corefile:2: ")


def test_all_problems_at_once(tmp_path):
    code, said = check(tmp_path, ".:53 {\n  whoamy\n  bufsize 5\n  kubernetes cluster.local {\n    objects x\n    ttl x\n    podss y\n  }\n}\n")
    assert code == WRONG
    for line in (2, 3, 6, 7):
        assert f"Corefile:{line}: " in said, said


def test_imports(tmp_path):
    """Files by glob, relative to the importing file; a fault in one names that one."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.conf").write_text("a.test:53 {\n  whoami\n}\n")
    (tmp_path / "parts/b.conf").write_text("b.test:53 {\n  whoami\n}\n")
    text = ".:53 {\n  whoami\n}\nimport parts/*.conf\n"
    assert check(tmp_path, text)[0] == FINE
    (tmp_path / "parts/b.conf").write_text("b.test:53 {\n  whoamy\n}\n")
    code, said = check(tmp_path, text)
    assert code == WRONG and "b.conf:2: " in said


def test_environment(tmp_path):
    text = ".:{$KANAME_TEST_PORT} {\n  bind {$KANAME_TEST_ADDRESS}\n  whoami\n}\n"
    assert check(tmp_path, text, {"KANAME_TEST_PORT": "5353", "KANAME_TEST_ADDRESS": "127.0.0.1"})[0] == FINE
    code, said = check(tmp_path, text, {"KANAME_TEST_PORT": "5353x", "KANAME_TEST_ADDRESS": "127.0.0.1"})
    assert code == WRONG and "5353x" in said


@pytest.mark.parametrize("args, code, words", [
    (["--help"], FINE, ["-conf"]), (["-version"], FINE, ["kaname"]), (["-plugins"], FINE, ["kubernetes"]),
    (["--nonsense"], USAGE, ["nonsense"]), (["-conf"], USAGE, []), (["-p", "x", "--check"], USAGE, []), (["-p", "70000", "--check"], USAGE, []),
    (["stray"], USAGE, ["stray"]), (["-conf", "/nonexistent/Corefile"], WRONG, ["/nonexistent/Corefile"]),
    (["-conf", "/nonexistent/Corefile", "--check"], WRONG, ["/nonexistent/Corefile"]), (["-conf", "/", "--check"], WRONG, []),
])
def test_command_line(args, code, words):
    got, said = run(*args)
    assert got == code, said
    for word in words:
        assert word in said


CLUSTER = {"a.json": [namespace("shop"), service("web.shop", "10.96.1.1")]}


@pytest.mark.parametrize("what", ["port", "health", "ready", "metrics"])
def test_port_in_use(tmp_path, what):
    """Says which address, and ends with 3. Another process of the same user could share a UDP port (SO_REUSEPORT); a plain socket
    that does not share stands in for it."""
    import socket

    server = Server(tmp_path / "second")
    port = server.port if what == "port" else getattr(server, f"{what}_port")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind((server.address, port))
        tcp.listen()
        udp.bind((server.address, port))
        code, said = run("-conf", str(server.corefile))
    assert code == START
    assert f"{server.address}:{port}" in said and "in use" in said


def test_address_of_nobody(tmp_path):
    path = tmp_path / "Corefile"
    path.write_text(".:5300 {\n  bind 192.0.2.77\n  whoami\n}\n")
    code, said = run("-conf", str(path))
    assert code == START and "192.0.2.77" in said


def test_default_port(serve):
    """-dns.port is for keys without one."""
    corefile = COREFILE.replace(".:$port {", ". {")
    with serve(CLUSTER, corefile=corefile, is_ready=False) as server:
        # The first start took port 53 or failed to; the second says which port.
        server.process.kill()
        server.process.wait()
        server.start("-dns.port", str(server.port))
        server.wait_ready()
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"


def test_pidfile_and_quiet(serve, tmp_path):
    with serve(CLUSTER) as server:
        server.stop()
        server.log_path.write_text("")
        server.start("-pidfile", str(tmp_path / "pid"), "-quiet")
        server.wait_ready()
        assert (tmp_path / "pid").read_text().strip() == str(server.process.pid)
        assert "kaname 0" not in server.log()


def test_several_workers(serve):
    """multisocket N: that many sockets share the port, and all answer."""
    with serve(CLUSTER, corefile=COREFILE.replace("loadbalance", "multisocket 4")) as server:
        for i in range(100):
            assert rcode_text(server.ask("web.shop.svc", tcp=i % 4 == 0)) == "NOERROR"
        import glob

        assert len(glob.glob(f"/proc/{server.process.pid}/task/*")) >= 5


def test_wildcard_answers_from_the_asked_address(serve):
    """On 0.0.0.0 and :: the answer's source is the address that was asked; IPv6 works."""
    import socket

    from harness import parse, question

    with serve(CLUSTER, corefile=COREFILE.replace("    bind $address\n", "")) as server:
        wire = question("web.shop.svc").to_wire()
        for family, address in ((socket.AF_INET, server.address), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.77.0.1"),
                                (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.settimeout(DEADLINE_S)
                sock.sendto(wire, (address, server.port))
                answer, source = sock.recvfrom(4096)
                assert source[0] == address
                assert parse(answer).answer
            with socket.create_connection((address, server.port), timeout=DEADLINE_S):
                pass
        # ::1 may be asked twice: IPv4 clients of the :: socket would show as ::ffff:127.0.0.1
        wait_for("the log", lambda: "[::1]:" in server.log() and "ffff" not in server.log())


def test_longest_zone_wins(serve):
    """Several blocks on one port: the most specific zone of the name answers, and its labels are its own."""
    corefile = COREFILE + "shop.svc.cluster.local:$port {\n bind $address\n prometheus $address:$metrics\n whoami\n}\n"
    with serve(CLUSTER, corefile=corefile) as server:
        assert rcode_text(server.ask("web.shop.svc")) == "NOERROR"
        assert not server.ask("web.shop.svc").answer
        assert rcode_text(server.ask("web.data.svc")) == "NXDOMAIN"
        assert server.metric("coredns_dns_responses_total", zone="shop.svc.cluster.local.", plugin="whoami") == 2

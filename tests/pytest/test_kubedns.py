# SPDX-License-Identifier: Apache-2.0
"""kaname in the place of kube-dns: its flags, its ConfigMap as a mounted folder, its ports and the paths of its probes."""
import contextlib
import json
import os
import subprocess

import pytest

from apiserver import ApiServer
from cluster import namespace, service
from harness import BINARY, DEADLINE_S, Server, ending, rcode_text, wait_for
from upstream import Upstream

FINE, WRONG, USAGE = 0, 1, 2


def run(*args, env=None):
    """(exit code, what it printed)"""
    done = subprocess.run([BINARY, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=DEADLINE_S, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout.decode(errors="replace")


class ConfigMap:
    """A volume as the kubelet keeps it: the keys are links into ..data, a link to a folder that is exchanged as a whole."""

    def __init__(self, folder, **keys):
        self.folder = folder
        self.folder.mkdir()
        self.version = 0
        self.write(**keys)

    def write(self, **keys):
        self.version += 1
        data = self.folder / f"..version{self.version}"
        data.mkdir()
        for key, value in keys.items():
            (data / key).write_text(value if isinstance(value, str) else json.dumps(value))
            if not (self.folder / key).is_symlink():
                (self.folder / key).symlink_to(f"..data/{key}")
        new = self.folder / "..data_tmp"
        new.symlink_to(data.name)
        new.rename(self.folder / "..data")
        for path in self.folder.iterdir():
            if not path.name.startswith("..") and path.name not in keys:
                path.unlink()


class KubeDns(Server):
    """Started with kube-dns's flags; what is ready and health here is on its ports."""

    def start(self, *args):
        flags = [f"--dns-bind-address={self.address}", f"--healthz-port={self.ready_port}", f"--prometheus-addr={self.address}",
                 f"--prometheus-port={self.metrics_port}", "--v=2", "--logtostderr=true",
                 "--leave-after", self.leave_after]
        # What the manifest gives kube-dns's own metrics: a port by the environment.
        env = {**self.env, "PROMETHEUS_PORT": str(self.health_port), "PROMETHEUS_PATH": "/numbers"}
        if not any(arg.startswith("--dns-port") for arg in args):
            flags.append(f"--dns-port={self.port}")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([BINARY, *flags, *args], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            env=env)


@contextlib.contextmanager
def replacing(folder, *args, is_ready=True, env=None):
    server = KubeDns(folder, env=env)
    server.start(*map(str, args))
    with ending(server, is_ready):
        yield server
    server.stop()  # also where it has ended by itself: in order


@pytest.fixture
def api(tmp_path):
    with ApiServer(tmp_path / "api") as server:
        server.apply_many([namespace("default"), namespace("shop"), service("kubernetes.default", "10.96.0.1", ports=["https:443"]),
                           service("web.shop", "10.96.0.5", ports=["http:80"])])
        yield server


def addresses(message):
    return sorted(rdata.address for rrset in message.answer for rdata in rrset)


def check_probes(server):
    for what, path, status in [
            ("ready", "/readiness", 200), ("ready", "/ready", 200), ("ready", "/cache", 404), ("metrics", "/metrics", 200),
            ("metrics", "/healthcheck/kubedns", 200), ("metrics", "/healthcheck/dnsmasq", 200), ("metrics", "/healthz", 200),
            ("metrics", "/health", 200), ("metrics", "/readiness", 404), ("ready", "/healthcheck/kubedns", 404),
            ("health", "/numbers", 200), ("health", "/metrics", 404)]:
        assert server.http(what, path)[0] == status, (what, path)
    assert "coredns_build_info" in server.http("health", "/numbers")[1]


def test_names_and_probes(tmp_path, api):
    """The longest stub domain wins, also over the cluster's reverse zones; what is in none goes to the upstream."""
    with Upstream() as acme, Upstream() as deep, Upstream() as ten, Upstream() as rest:
        stubs = {"acme.test": [str(acme)], "deep.acme.test": [str(deep)], "10.in-addr.arpa": [str(ten)],
                 "in-addr.arpa": [str(acme)], "local": [str(deep)]}
        config_map = ConfigMap(tmp_path / "cm", stubDomains=stubs, upstreamNameservers=[str(rest)])
        with replacing(tmp_path / "server", f"--kubecfg-file={api.kubeconfig()}", "--domain", "cluster.local.",
                       f"--config-dir={config_map.folder}") as server:
            assert addresses(server.ask("web.shop.svc")) == ["10.96.0.5"]
            assert addresses(server.ask("kubernetes.default.svc")) == ["10.96.0.1"]
            assert rcode_text(server.ask("nothing.shop.svc")) == "NXDOMAIN"
            assert addresses(server.ask("1-2-3-4.shop.pod")) == ["1.2.3.4"]
            for upstream, name, rdtype in [
                    (acme, "www.acme.test.", "A"), (deep, "www.deep.acme.test.", "A"), (deep, "deep.acme.test.", "A"),
                    (rest, "acme.test2.", "A"), (rest, "www.example.com.", "A"), (deep, "printer.local.", "A"),
                    (ten, "1.0.0.10.in-addr.arpa.", "TXT"), (acme, "1.2.0.192.in-addr.arpa.", "TXT")]:
                asked = {other: other.count(name.rstrip(".") + "*") for other in (acme, deep, ten, rest)}
                assert rcode_text(server.ask(name, rdtype)) == "NOERROR"
                now = {other: other.count(name.rstrip(".") + "*") for other in asked}
                assert [other for other in asked if now[other] > asked[other]] == [upstream], name
            assert server.metric("coredns_dns_requests_total", zone="acme.test.") > 0
            check_probes(server)


def test_not_ready(tmp_path, api):
    """Until the API server has answered, /readiness says no, and the probes of liveness say yes."""
    kubeconfig = api.kubeconfig()
    api.stop()
    with replacing(tmp_path / "server", f"--kubecfg-file={kubeconfig}", "--initial-sync-timeout=1s", is_ready=False) as server:
        wait_for("HTTP", lambda: server.http("metrics", "/healthcheck/kubedns")[0] == 200)
        assert server.http("ready", "/readiness")[0] == 503
        assert rcode_text(server.ask("web.shop.svc")) == "SERVFAIL"
        api.start()
        server.wait_ready()
        assert addresses(server.ask("web.shop.svc")) == ["10.96.0.5"]


def test_master_url(tmp_path, api):
    """It takes the place of the kubeconfig's server; and the rights of kube-dns's ClusterRole are enough: services and endpoints."""
    api.forbidden = {(verb, resource) for verb in ("list", "watch") for resource in ("endpointslices", "namespaces", "pods")}
    kubeconfig = api.kubeconfig(cluster={"server": "https://127.0.0.1:1"})
    with replacing(tmp_path / "server", f"--kubecfg-file={kubeconfig}", "--kube-master-url=https://$API",
                   env={"API": f"127.0.0.1:{api.port}"}) as server:
        assert addresses(server.ask("web.shop.svc")) == ["10.96.0.5"]


@pytest.mark.skipif(os.geteuid() != 0, reason="port 53 is for root")
def test_ports_behind_dnsmasq(tmp_path, api):
    """With the manifest's port dnsmasq's is served, too."""
    with replacing(tmp_path / "server", f"--kubecfg-file={api.kubeconfig()}", "--dns-port=10053") as server:
        for server.port in (53, 10053):
            for tcp in (False, True):
                assert addresses(server.ask("web.shop.svc", tcp=tcp)) == ["10.96.0.5"]


def test_bad_map_at_start(tmp_path, api):
    """As kube-dns: it starts without what is in the map, and says so; --check does not."""
    with Upstream() as acme, Upstream() as rest:
        config_map = ConfigMap(tmp_path / "cm", stubDomains={"acme.test": [str(acme)]}, upstreamNameservers=["ns.test"])
        flags = [f"--config-dir={config_map.folder}", f"--nameservers={rest}"]
        code, said = run(*flags, "--check")
        assert code == WRONG
        assert said == (f'{config_map.folder}/upstreamNameservers: [0]: "ns.test": neither an address nor an address with a port; '
                        "a host name cannot stand here\n")
        with replacing(tmp_path / "server", f"--kubecfg-file={api.kubeconfig()}", *flags) as server:
            assert rcode_text(server.ask("www.acme.test.")) == "NOERROR"
            assert (acme.count(), rest.count("www.acme.test*")) == (0, 1)
            assert said in server.log()
            assert f"the ConfigMap in {config_map.folder} is bad" in server.log()


def test_last_good_map(tmp_path, api):
    """A bad ConfigMap at the start: the last good one, but never with flags of before."""
    state = tmp_path / "state"
    state.mkdir()
    with Upstream() as acme:
        config_map = ConfigMap(tmp_path / "cm", stubDomains={"acme.test": [str(acme)]})
        args = f"--kubecfg-file={api.kubeconfig()}", f"--config-dir={config_map.folder}", "--state-dir", state
        with replacing(tmp_path / "server", *args) as server:
            assert rcode_text(server.ask("a.acme.test.")) == "NOERROR"
            server.stop()
            config_map.write(stubDomains="nonsense")
            server.start(*map(str, args))
            server.wait_ready()
            assert rcode_text(server.ask("b.acme.test.")) == "NOERROR"
            assert server.metric("kaname_config_is_last_good") == 1
            server.stop()
            asked = acme.count("c.acme.test.")
            server.start(*map(str, args), "--domain=other.test", "--nameservers=127.0.0.1:9")
            server.wait_ready()
            assert "it was made with other flags" in server.log()
            assert rcode_text(server.ask("kubernetes.default.svc.other.test.")) == "NOERROR"
            assert rcode_text(server.ask("c.acme.test.")) == "SERVFAIL" and acme.count("c.acme.test.") == asked
            config_map.write(stubDomains={"acme.test": [str(acme)]})
            wait_for("the good one", lambda: rcode_text(server.ask("d.acme.test.")) == "NOERROR")
            assert server.metric("kaname_config_is_last_good") == 0


def test_map_changes(tmp_path, api):
    """A good map counts within its period, a bad one leaves what there was, and without keys there are no stub domains."""
    with Upstream() as acme, Upstream() as rest:
        def who(name):
            """Which of the two was asked for a new name."""
            server.ask(name)
            return [upstream for upstream in (acme, rest) if upstream.count(name.rstrip(".") + "*") > 0]

        config_map = ConfigMap(tmp_path / "cm", upstreamNameservers=["ns.test"])
        with replacing(tmp_path / "server", f"--kubecfg-file={api.kubeconfig()}", f"--config-dir={config_map.folder}",
                       f"--nameservers={rest}", "--config-period=1s") as server:
            assert who("a1.acme.test.") == [rest]
            config_map.write(stubDomains={"acme.test": [str(acme)]})
            names = (f"b{n}.acme.test." for n in range(1000))
            wait_for("the stub domain", lambda: who(next(names)) == [acme])
            failed = server.metric("coredns_reload_failed_total")
            config_map.write(stubDomains="{")
            wait_for("the failure", lambda: server.metric("coredns_reload_failed_total") > failed)
            assert who("c1.acme.test.") == [acme]
            assert server.http("ready", "/readiness")[0] == server.http("metrics", "/healthcheck/dnsmasq")[0] == 200
            config_map.write()
            names = (f"d{n}.acme.test." for n in range(1000))
            wait_for("no stub domain", lambda: who(next(names)) == [rest])
            assert server.http("ready", "/readiness")[0] == 200


@pytest.mark.parametrize("args, code, words", [
    (["--domain=cluster.local.", "--dns-port=10053", "--v=2", "--check"], FINE, [".:10053 .:53 {", "kubernetes cluster.local in-addr"]),
    (["--domain", "a.test", "--dns-port", "1053", "--profiling", "--alsologtostderr=false", "--log_dir=/tmp", "--vmodule", "a=1",
      "--stderrthreshold=2", "--log_backtrace_at=:0", "--check"], FINE, [".:1053 {", "kubernetes a.test in-addr", "--profiling"]),
    (["--domain=a.test", "-conf", "x"], USAGE, ["--domain", "-conf"]), (["-dns.port=53", "--config-dir=x"], USAGE, ["--dns-port"]),
    (["--config-map=kube-dns"], USAGE, ["--config-dir"]), (["--config-map", "x"], USAGE, ["--config-dir"]),
    (["--config-map=", "--config-map-namespace=x", "--check"], FINE, []),
    (["-v=2", "-logtostderr", "-configDir=/x", "-restartDnsmasq=true", "--", "-k"], USAGE, ["dnsmasq container"]),
    (["--logtostderr", "--probe=kubedns,127.0.0.1:10053,a.test,5,SRV"], USAGE, ["sidecar container"]),
    (["--dns-port=x"], USAGE, ['"x"']), (["--dns-port=0"], USAGE, ['"0"']), (["--healthz-port"], USAGE, ["--healthz-port"]),
    (["--config-period=x"], USAGE, ["--config-period"]), (["--profiling=maybe"], USAGE, ["maybe"]),
    (["--config-perid=1s"], USAGE, ["config-period"]), (["--domain=A", "--check"], WRONG, ["--domain", '"A"']),
    (["--domain=A"], WRONG, ["--domain"]), (["--config-dir=/nonexistent", "--check"], WRONG, ["/nonexistent"]),
    (["--federations=a=b.test", "--check"], FINE, ["federation"]), (["--domain=a", "--version"], FINE, ["kaname"]),
    (["--initial-sync-timeout=1m30s", "--check"], FINE, ["startup_timeout 90000ms"]),
])
def test_flags(args, code, words):
    got, said = run(*args)
    assert got == code, said
    for word in words:
        assert word in said, said


def test_glog_flags_of_coredns(tmp_path):
    """They are not kube-dns's alone, and choose nothing."""
    (tmp_path / "Corefile").write_text(".:1053 {\n    whoami\n}\n")
    assert run("--v=2", "-logtostderr", "-conf", str(tmp_path / "Corefile"), "--check")[0] == FINE

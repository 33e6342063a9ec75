# SPDX-License-Identifier: Apache-2.0
"""Containers with other capabilities, other commands and API servers; and how they end."""
import contextlib
import signal
from pathlib import Path

import dns.query
import pytest

import netns
from apiserver import TOKEN, ApiServer
from cluster import endpoint, endpointslice, namespace, service
from container import BIND, Container, wait_for
from serving import BIND_ONLY, NOTHING, corefile, demo, serving

ROOT = Path(__file__).resolve().parents[2]
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def asked_on(server, port):
    return [server.ask("web.shop.svc.cluster.local", port=port, by=by) for by in (dns.query.udp, dns.query.tcp)]


def test_ends_when_told(server):
    """As process 1 of its namespace, where a signal that is not handled does nothing."""
    for sig in (signal.SIGTERM, signal.SIGINT):
        with serving(server, corefile(), demo()):
            server.container.kill(sig)
            assert server.container.wait() == 0, server.log()


# ---- other capabilities

OTHERS = {
    "none, above 1024": (1053, {"capabilities": ()}),
    "none, and it may be gained": (1053, {"capabilities": (), "escalates": True}),
    "only to be gained": (53, {"gained": (), "escalates": True}),
    "more than it needs": (53, {"capabilities": (BIND, "CAP_NET_RAW", "CAP_CHOWN")}),
}


@pytest.mark.parametrize("port, options", OTHERS.values(), ids=OTHERS)
def test_capabilities(server, port, options):
    with serving(server, corefile(port), demo(), **options):
        assert asked_on(server, port) == [["10.96.20.1"], ["10.96.20.1"]]
        status = server.container.status()
        assert (status["CapEff"], status["CapPrm"]) == ((BIND_ONLY, BIND_ONLY) if port == 53 else (NOTHING, NOTHING))


@pytest.mark.parametrize("options", [{"capabilities": ()}, {"gained": ()}], ids=["none", "not to be gained"])
def test_port_53_without_the_capability(server, options):
    """It says what to do, and ends with the code of a start that failed."""
    server.start(corefile(), demo(), is_waited_for=False, **options)
    try:
        assert server.container.wait() == 3, server.log()
        assert "CAP_NET_BIND_SERVICE" in server.log()
        assert "targetPort" in server.log()
    finally:
        server.discard()


# ---- other commands

def test_version(server, tmp_path):
    code, output = Container(tmp_path, server.netns, ["--version"]).run()
    assert (code, output) == (0, f"kaname-{server_version()}\n")


def server_version():
    return next(line.split("'")[1] for line in (ROOT / "meson.build").read_text().splitlines() if line.startswith("  version: "))


@pytest.mark.parametrize("path", sorted(ROOT.glob("deploy/*/**/Corefile*")),
                         ids=lambda path: str(path).removeprefix(f"{ROOT}/"))
def test_check(server, tmp_path, path):
    """Of each Corefile that is deployed; that of the node cache binds to its interface."""
    mounts = {"/etc/coredns": Path(path).parent, "/etc/resolv.conf": server.resolv_conf(), "/deploy": ROOT / "deploy"}
    with netns.Namespace([]) as node:
        netns.must(*f"ip -n {node.name} link add nodelocaldns up type veth peer name peer".split())
        netns.must(*f"ip -n {node.name} address add 169.254.20.10/32 dev nodelocaldns".split())
        code, output = Container(tmp_path, node, ["--check", "-conf", f"/etc/coredns/{Path(path).name}"], mounts=mounts).run()
    assert code == 0, output
    assert "fine" in output


# ---- API servers over TLS

@contextlib.contextmanager
def api_server(server, folder, **options):
    with server.netns.entered():
        api = ApiServer(folder, **options)
        api.start()
    try:
        api.load([namespace("default"), namespace("shop"), service("web.shop", "10.96.0.5", ports=["http:80"]),
                  endpointslice("web.shop", endpoint("10.244.0.7"), ports=["http:80"])])
        yield api
    finally:
        api.stop()


def test_api_server_of_the_cluster(server, tmp_path):
    """Found by the environment, authenticated by the ServiceAccount's token, and known by the ServiceAccount's CA."""
    account = tmp_path / "account"
    account.mkdir()
    account.chmod(0o755)
    with api_server(server, tmp_path / "api") as api:
        (account / "token").write_text(TOKEN)
        (account / "namespace").write_text("kube-system")
        (account / "ca.crt").write_bytes(api.ca.read_bytes())
        env = {"KUBERNETES_SERVICE_HOST": api.address, "KUBERNETES_SERVICE_PORT": str(api.port)}
        with serving(server, corefile(source="pods insecure"), env=env, mounts={SERVICE_ACCOUNT: account}):
            assert server.ask("web.shop.svc.cluster.local") == ["10.96.0.5"]
            api.apply(service("new.shop", "10.96.0.6"))
            wait_for("the new service", lambda: server.ask("new.shop.svc.cluster.local") == ["10.96.0.6"], server.container)


def test_api_server_of_a_public_authority(server, tmp_path):
    """A kubeconfig without an authority of its own: those of the image count. And a name, which /etc/hosts has, as hostAliases do."""
    hosts = tmp_path / "hosts"
    with api_server(server, tmp_path / "api", name="api.example.com") as api:
        kubeconfig = api.kubeconfig(cluster={"certificate-authority-data": None, "server": f"https://api.example.com:{api.port}"})
        hosts.write_text(f"127.0.0.1 localhost\n{api.address} api.example.com\n")
        source = "kubeconfig /kubeconfig fake"
        mounts = {"/kubeconfig": kubeconfig, "/etc/hosts": hosts}
        # Not among them: refused, and said so.
        server.start(corefile(source=source), is_waited_for=False, mounts=mounts)
        try:
            wait_for("a word about the certificate", lambda: "certificate" in server.log(), server.container)
            assert not server.is_ready()
        finally:
            server.discard()
        # Put among them.
        public = {"/etc/ssl/certs/ca-certificates.crt": api.ca}
        with serving(server, corefile(source=source), mounts={**mounts, **public}):
            assert server.ask("web.shop.svc.cluster.local") == ["10.96.0.5"]

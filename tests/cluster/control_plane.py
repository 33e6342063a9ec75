# SPDX-License-Identifier: Apache-2.0
"""A control plane of two processes on loopback: a real etcd and a real kube-apiserver, which a test may stop, kill, pause, wipe and restore.

RBAC is on, anonymous requests are refused, the administrator has a static token, kaname's service account the rules of rbac().
No controller runs: tests make the EndpointSlices themselves. Works with kube-apiserver 1.20 and newer.
"""
import base64
import contextlib
import ctypes
import json
import re
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

from api import Api, Failure
from harness import free_address, free_port, wait_for

ADMIN_TOKEN = "administrator"
ACCOUNT = "kaname"
RESOURCES = {"services": "", "endpoints": "", "namespaces": "", "endpointslices": "discovery.k8s.io"}
START_DEADLINE_S = 60
GRACE_S = 3
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Daemon:
    """A process with a log. The arguments are made anew at each start."""

    def __init__(self, binary, folder):
        self.binary = Path(binary)
        self.log_path = Path(folder) / f"{self.binary.name}.log"
        self.process = None

    def arguments(self):
        raise NotImplementedError

    def is_up(self):
        raise NotImplementedError

    def launch(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(self.binary), *self.arguments()], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, preexec_fn=die_with_parent)

    def start(self):
        self.launch()
        wait_for(f"{self.binary.name} serves", self.has_come_up, START_DEADLINE_S)

    def has_come_up(self):
        code = self.process.poll()
        assert code is None, f"{self.binary.name} ended with {code}:\n{self.log_path.read_text()[-5000:]}"
        return self.is_up()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_healthy(self):
        return self.is_running() and self.is_up()

    def send(self, sig):
        self.process.send_signal(sig)

    def stop(self, sig=signal.SIGTERM):
        """A SIGTERM is followed by SIGKILL: kube-apiserver waits a minute for watches to end, which only their clients could."""
        if self.is_running():
            self.process.send_signal(sig)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_S)
        if self.is_running():
            self.process.kill()
            self.process.wait()


class Etcd(Daemon):
    def __init__(self, binary, folder):
        super().__init__(binary, folder)
        self.data = Path(folder) / "etcd"
        self.url, self.peer_url = (f"http://{free_address()}:{free_port()}" for _ in range(2))

    def arguments(self):
        return ["--data-dir", str(self.data), "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                "--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url,
                "--initial-cluster", f"default={self.peer_url}", "--unsafe-no-fsync"]

    def is_up(self):
        with contextlib.suppress(OSError):
            return self.revision() > 0
        return False

    def call(self, what, **request):
        """By the JSON gateway of etcd's v3 API; octets of keys and values are base64 in it."""
        body = {key: base64.b64encode(value).decode() if isinstance(value, bytes) else value for key, value in request.items()}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v3/{what}", json.dumps(body).encode()), timeout=10) as response:
            return json.loads(response.read())

    def revision(self):
        return int(self.call("kv/range", key=b"\0")["header"]["revision"])

    def get(self, key):
        found = self.call("kv/range", key=key.encode()).get("kvs")
        return base64.b64decode(found[0]["value"]) if found else None

    def put(self, key, value):
        self.call("kv/put", key=key.encode(), value=value)

    def delete(self, key):
        self.call("kv/deleterange", key=key.encode())

    def compact(self):
        """Forgets everything but the present."""
        self.call("kv/compaction", revision=self.revision(), physical=True)

    def wipe(self):
        assert not self.is_running()
        shutil.rmtree(self.data)

    def snapshot(self, folder):
        assert not self.is_running()
        shutil.copytree(self.data, folder)

    def restore(self, folder):
        assert not self.is_running()
        shutil.rmtree(self.data)
        shutil.copytree(folder, self.data)


class KubeApiserver(Daemon):
    def __init__(self, binary, folder, etcd_url):
        super().__init__(binary, folder)
        self.folder = Path(folder)
        self.etcd_url = etcd_url
        self.address, self.port = free_address(), free_port()
        self.url = f"https://{self.address}:{self.port}"
        self.options = []  # a test's own
        self.version = tuple(map(int, re.search(r"v(\d+)\.(\d+)", subprocess.check_output(
            [str(self.binary), "--version"], text=True)).groups()))
        make_keys(self.folder, self.address)
        (self.folder / "tokens.csv").write_text(f"{ADMIN_TOKEN},admin,admin,system:masters\n")
        self.admin = Api(self.url, self.folder / "ca.crt", ADMIN_TOKEN)

    def arguments(self):
        keys = self.folder
        gates = ["--feature-gates=IPv6DualStack=true"] if self.version < (1, 21) else []
        return [f"--etcd-servers={self.etcd_url}", f"--bind-address={self.address}", f"--secure-port={self.port}",
                "--advertise-address=192.0.2.1",  # never connected to; a loopback address is refused
                f"--tls-cert-file={keys}/server.crt", f"--tls-private-key-file={keys}/server.key",
                f"--client-ca-file={keys}/ca.crt", f"--token-auth-file={keys}/tokens.csv", "--anonymous-auth=false",
                "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
                f"--service-account-key-file={keys}/account.pub", f"--service-account-signing-key-file={keys}/account.key",
                "--service-account-issuer=https://kubernetes.default.svc", f"--cert-dir={keys}",
                "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112", *gates, *self.options]

    def is_up(self):
        with contextlib.suppress(OSError, Failure):
            self.admin.call("GET", "/readyz")
            return True
        self.admin.close()
        return False


def make_keys(folder, address):
    """A CA, the server's certificate, and the pair of keys that service account tokens are signed with."""
    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=kaname-test-ca", "-days", 2)
    openssl("req", "-new", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=kube-apiserver")
    (Path(folder) / "extensions").write_text(f"subjectAltName=IP:{address},DNS:kubernetes.default.svc")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2,
            "-extfile", "extensions", "-out", "server.crt")
    openssl("genrsa", "-out", "account.key", 2048)
    openssl("rsa", "-in", "account.key", "-pubout", "-out", "account.pub")


def rbac(*resources):
    """A ClusterRole with exactly list and watch of these."""
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ACCOUNT},
            "rules": [{"apiGroups": [RESOURCES.get(resource, "")], "resources": [resource], "verbs": ["list", "watch"]}
                      for resource in resources]}


class ControlPlane:
    def __init__(self, assets, folder):
        self.assets = Path(assets)
        self.folder = Path(folder)
        self.etcd = Etcd(self.assets / "etcd", folder)
        self.apiserver = KubeApiserver(self.assets / "kube-apiserver", folder, self.etcd.url)
        self.admin = self.apiserver.admin
        self.ca = self.folder / "ca.crt"

    def start(self):
        self.etcd.start()
        self.apiserver.start()
        self.prepare()

    def stop(self):
        self.apiserver.stop(signal.SIGKILL)
        self.etcd.stop()

    def restart(self, sig=signal.SIGKILL, while_down=lambda: None):
        self.apiserver.stop(sig)
        while_down()
        self.apiserver.start()

    def prepare(self):
        """What kaname needs to be somebody here; all of it may be there already."""
        self.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
        self.admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": "kube-system"}})
        self.grant()
        self.admin.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": ACCOUNT},
                          "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT},
                          "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "kube-system"}]})

    def grant(self, *resources):
        """kaname may list and watch these, and nothing else; all that it needs, where none is named."""
        self.admin.replace(rbac(*(resources or RESOURCES)))

    def token(self, account=ACCOUNT):
        """A new one of the service account."""
        answer = self.admin.call("POST", f"/api/v1/namespaces/kube-system/serviceaccounts/{account}/token",
                                 {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}})
        return answer["status"]["token"]

    def forget(self):
        """kaname is nobody here, until prepare()."""
        role = rbac()
        self.admin.delete({**role, "kind": "ClusterRoleBinding"}, role,
                          {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": "kube-system"}})

    def revoke_tokens(self):
        """Every token so far: they belong to the account's uid."""
        self.admin.delete({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": "kube-system"}})
        self.prepare()

    def is_accepted(self, token):
        client = Api(self.apiserver.url, self.ca, token)
        try:
            client.call("GET", "/api/v1/services?limit=1")
        except Failure as failure:
            return failure.status != 401
        finally:
            client.close()
        return True

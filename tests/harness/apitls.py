# SPDX-License-Identifier: Apache-2.0
"""A certificate authority in a folder, by the openssl command: certificates of servers and clients, all in PEM files."""
import ssl
import subprocess
import threading
from pathlib import Path


def openssl(*args):
    result = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"openssl {' '.join(args)}:\n{result.stderr}"


class Authority:
    """ca.pem is what a client needs."""

    def __init__(self, folder, name="kubernetes"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock, self.servers = threading.Lock(), {}
        self.ca, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", str(self.key), "-out", str(self.ca))

    def issue(self, name, subject, extensions=(), days=10):
        """(certificate, key): paths named after `name`."""
        certificate, key, request = (self.folder / f"{name}{suffix}" for suffix in (".pem", ".key", ".csr"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                "-keyout", str(key), "-out", str(request))
        config = self.folder / f"{name}.ext"
        config.write_text("\n".join(["basicConstraints=CA:FALSE", "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid",
                                      "keyUsage=digitalSignature", *extensions]) + "\n")
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.key), "-CAcreateserial",
                "-days", str(days), "-extfile", str(config), "-out", str(certificate))
        return certificate, key

    def server(self, address, name):
        """Issued once for all servers of this address and name."""
        with self.lock:
            if (address, name) not in self.servers:
                addresses = dict.fromkeys(["127.0.0.1", "::1", address])
                names = ",".join([f"DNS:{n}" for n in ("localhost", name)] + [f"IP:{a}" for a in addresses])
                self.servers[address, name] = self.issue(f"server{len(self.servers)}", "/CN=kube-apiserver", [
                    f"subjectAltName={names}", "extendedKeyUsage=serverAuth"])
            return self.servers[address, name]

    def client(self, user, group="system:masters"):
        return self.issue(f"client-{user.replace(':', '-')}", f"/O={group}/CN={user}", ["extendedKeyUsage=clientAuth"])

    def context(self, certificate, key, asks_client):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["http/1.1"])
        if asks_client:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.ca)
        return context

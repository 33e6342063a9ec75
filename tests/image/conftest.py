# SPDX-License-Identifier: Apache-2.0
"""A container of the image on 10.96.0.10 port 53 of a network namespace, and an upstream beside it."""
import json
import signal
import string
import sys
from pathlib import Path

import dns.message
import dns.query
import pytest

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "harness"), str(HERE.parent / "pytest")]

import container
import netns
from cluster import listed
from harness import fetch
from upstream import Upstream

DEADLINE_S = 20.0  # generous: other tests may run beside these
ADDRESS, ADDRESS6, UPSTREAM = "10.96.0.10", "fd00:10:96::10", "192.0.2.53"
CONFIG, OBJECTS = "/etc/coredns", "/objects"  # within a container


def pytest_sessionstart(session):
    if container.image() is None:
        pytest.exit("there is no image to test: start tests/image/run.sh", 3)
    if netns.missing():
        pytest.exit(netns.missing(), 3)


class Server:
    """A container on port 53 of every address of a namespace: .netns, .upstream, .address, .address6, .container; start() may be called
    again, after stop()."""

    def __init__(self, folder, namespace, upstream):
        self.folder, self.netns, self.upstream = Path(folder), namespace, upstream
        self.address, self.address6 = ADDRESS, ADDRESS6
        self.container = None

    def start(self, corefile, objects=None, is_waited_for=True, **options):
        """Until it is ready. The Corefile may say $objects, $upstream; objects is {file name: list of objects}; options as Container's."""
        objects_folder = self.write_objects(objects or {})
        mounts = {CONFIG: self.write_config(corefile), OBJECTS: objects_folder, "/etc/resolv.conf": self.resolv_conf(),
                  **options.pop("mounts", {})}
        assert self.container is None, "stop() it first"
        self.container = container.Container(self.folder, self.netns, ["-conf", f"{CONFIG}/Corefile", "--leave-after", "0s"],
                                             mounts=mounts, **options)
        self.container.start()
        if is_waited_for:
            try:
                container.wait_for("/ready", self.is_ready, self.container)
            except AssertionError:
                self.discard()
                raise

    def write_config(self, corefile):
        folder = self.folder / "config"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        (folder / "Corefile").write_text(string.Template(corefile).substitute(objects=OBJECTS, upstream=self.upstream))
        return folder

    def write_objects(self, objects):
        folder = self.folder / "objects"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        for name, content in objects.items():
            (folder / name).write_text(json.dumps(listed(content)))
        return folder

    def resolv_conf(self):
        """As `dnsPolicy: Default` has it: the node's."""
        path = self.folder / "resolv.conf"
        path.write_text(f"nameserver {UPSTREAM}\n")
        return path

    def http(self, port, path):
        """(status, body); status 0 when nobody listens."""
        with self.netns.entered():
            return fetch(f"http://{self.address}:{port}{path}")

    def is_ready(self):
        return self.http(8181, "/ready")[0] == 200

    def ask(self, name, rdtype="A", port=53, by=dns.query.udp, address=None):
        """The answer section's data, as text."""
        with self.netns.entered():
            answer = by(dns.message.make_query(name, rdtype), address or self.address, timeout=DEADLINE_S, port=port)
        return sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)

    def log(self):
        return self.container.log()

    def discard(self):
        """However it is."""
        discarded, self.container = self.container, None
        if discarded is not None:
            discarded.remove()

    def stop(self):
        """Ends it, which it must do cleanly."""
        if self.container is None:
            return
        try:
            if self.container.is_running():
                self.container.kill(signal.SIGTERM)
            code = self.container.wait()
            assert code == 0, f"ended with {code}:\n{self.log()[-20000:]}"
        finally:
            self.discard()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Not started. Its upstream is."""
    with netns.Namespace([f"{ADDRESS}/32", f"{ADDRESS6}/128", f"{UPSTREAM}/32"]) as namespace:
        upstream = Upstream(UPSTREAM, 5353)  # the server has 53 of every address
        with namespace.entered():
            upstream.start()
        server = Server(tmp_path_factory.mktemp("server"), namespace, upstream)
        try:
            yield server
            server.stop()
        finally:
            server.discard()
            upstream.stop()

# SPDX-License-Identifier: Apache-2.0
"""A kaname on 10.96.0.10 port 53 of a network namespace, and an upstream beside it."""
import json
import os
import signal
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path += [str(HERE), str(HERE.parent / "harness"), str(HERE.parent / "pytest")]

import netns
from upstream import Upstream

BINARY = os.environ.get("KANAME_BINARY", str(ROOT / "build/kaname"))
DEADLINE_S = 20.0  # generous: sanitizers on a busy machine
ADDRESS, ADDRESS6, UPSTREAM = "10.96.0.10", "fd00:10:96::10", "192.0.2.53"


class Server:
    """.netns, .upstream, .address, .address6; start() may be called again, after stop()."""

    def __init__(self, folder, namespace, upstream):
        self.folder, self.netns, self.upstream = Path(folder), namespace, upstream
        self.address, self.address6 = ADDRESS, ADDRESS6
        self.log_path = self.folder / "log"
        self.process = None

    def start(self, corefile, objects):
        """Until it is ready. The Corefile may say $objects, $upstream; objects is {file name: list of objects}."""
        from cluster import listed

        folder = self.folder / "objects"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in objects.items():
            (folder / name).write_text(json.dumps(listed(content)))
        path = self.folder / "Corefile"
        path.write_text(string.Template(corefile).substitute(objects=folder, upstream=self.upstream))
        with open(self.log_path, "ab") as log:
            self.process = self.netns.start([BINARY, "-conf", path, "--leave-after", "0s"], stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + DEADLINE_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                self.process = None
                raise AssertionError(f"not ready:\n{self.log()}")
            time.sleep(0.02)

    def is_ready(self):
        with self.netns.entered():
            try:
                with urllib.request.urlopen(f"http://{self.address}:8181/ready", timeout=DEADLINE_S) as response:
                    return response.status == 200
            except (urllib.error.URLError, ConnectionError):
                return False

    def log(self):
        return self.log_path.read_text(errors="backslashreplace")

    def stop(self):
        """Ends it, which it must do cleanly."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0, self.log()[-20000:]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Not started. Its upstream is."""
    why = netns.missing()
    if why:
        pytest.skip(why)
    with netns.Namespace([f"{ADDRESS}/32", f"{ADDRESS6}/128", f"{UPSTREAM}/32"]) as namespace:
        upstream = Upstream(UPSTREAM, 5353)  # the server has 53 of every address
        with namespace.entered():
            upstream.start()
        server = Server(tmp_path_factory.mktemp("server"), namespace, upstream)
        try:
            yield server
            server.stop()
        finally:
            upstream.stop()

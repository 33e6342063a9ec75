# SPDX-License-Identifier: Apache-2.0
"""A server in a container with the demo's objects: what most tests need."""
import contextlib
import json
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "deploy/demo/objects"
BIND_ONLY = f"{1 << 10:016x}"  # as /proc writes a set: CAP_NET_BIND_SERVICE is number 10
NOTHING = f"{0:016x}"

SERVES = """
.:{port} {{
    errors
    health :8080 {{
        lameduck 0s
    }}
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        {source}
        ttl 30
    }}
    prometheus :9153
    forward . $upstream
    cache 30
    loop
    reload
    loadbalance
}}
"""


def corefile(port=53, source="objects $objects"):
    return SERVES.format(port=port, source=source)


def demo():
    return {path.name: json.loads(path.read_text())["items"] for path in DEMO.glob("*.json")}


@contextlib.contextmanager
def serving(server, *args, **options):
    server.start(*args, **options)
    try:
        yield server
        server.stop()
    finally:
        server.discard()

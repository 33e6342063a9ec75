# SPDX-License-Identifier: Apache-2.0
"""The node cache as deploy/overlays/node-local renders it, run in three network namespaces:

    pod (10.244.0.2, fd00:244::2) -- node (the interface, the cache) -- cluster (the Service 10.96.0.10, an upstream 192.0.2.53)

The init container's arguments and the Corefile are the manifests'; each process has only the capability that its container has.
"""
import contextlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import dns.edns
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

import netns
from harness import BINARY, DEADLINE_S, fetch, question, wait_for
from render import DEPLOY, container, find, pod_spec
from upstream import Upstream

V4, V6 = "169.254.20.10", "fd00:169:254:20::10"
SERVICE, UPSTREAM = "10.96.0.10", "192.0.2.53"
DEMO = DEPLOY / "demo" / "objects"

SERVICE_COREFILE = f"""
.:53 {{
    bind {SERVICE}
    errors
    log
    ready {SERVICE}:8181
    prometheus {SERVICE}:9153
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        objects $objects
        ttl 3
    }}
}}
"""


def init_container(objects):
    inits = pod_spec(find(objects, "DaemonSet"))["initContainers"]
    assert len(inits) == 1
    return inits[0]


def corefile_of(objects):
    return find(objects, "ConfigMap", "node-local-dns")["data"]["Corefile"]


def as_container(each):
    """The words that give what is run the capabilities of this container, and no others."""
    added = ",".join(f"+{name.lower()}" for name in each["securityContext"]["capabilities"]["add"])
    return ["setpriv", "--bounding-set", f"-all,{added}", "--inh-caps", "-all"]


def link(near, near_addresses, far, far_addresses, name):
    """A cable between two namespaces."""
    netns.must("ip", "-n", near.name, "link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", far.name)
    for space, device, addresses in ((near, name, near_addresses), (far, "uplink", far_addresses)):
        for address in addresses:
            netns.must("ip", "-n", space.name, "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        netns.must("ip", "-n", space.name, "link", "set", device, "up")


class Node:
    """Three namespaces, the Service and the upstream. start() starts a cache; .address is of the pod's side."""

    def __init__(self, folder, objects, stack, has_ipv6=True):
        self.folder, self.objects = folder, objects
        self.node, self.pod, self.cluster = (stack.enter_context(netns.Namespace(addresses)) for addresses in (
            [], [], [f"{SERVICE}/32", f"{UPSTREAM}/32"]))
        if not has_ipv6:
            self.node.disable_ipv6()
        link(self.node, ["10.244.0.1/24"] + ["fd00:244::1/64"] * has_ipv6, self.pod, ["10.244.0.2/24", "fd00:244::2/64"], "veth0")
        link(self.node, ["10.250.0.1/30"], self.cluster, ["10.250.0.2/30"], "eth0")
        netns.must("ip", "-n", self.pod.name, "route", "add", "default", "via", "10.244.0.1")
        netns.must("ip", "-n", self.pod.name, "-6", "route", "add", "default", "via", "fd00:244::1")
        for address in (SERVICE, UPSTREAM):
            netns.must("ip", "-n", self.node.name, "route", "add", address, "via", "10.250.0.2")
        self.node.write("resolv.conf", f"nameserver {UPSTREAM}\n")
        self.corefile = folder / "Corefile"
        self.corefile.write_text(corefile_of(objects))
        self.served = folder / "objects"
        shutil.copytree(DEMO, self.served)
        self.upstream = Upstream(UPSTREAM, 53)
        with self.cluster.entered():
            self.upstream.start()
        stack.callback(self.upstream.stop)
        self.service = None

    def make_interface(self):
        init = init_container(self.objects)
        return self.node.run([*as_container(init), BINARY, *init["args"]])

    def start(self):
        kaname = container(find(self.objects, "DaemonSet"), "kaname")
        with open(self.folder / "log", "ab") as log:
            return self.node.start([*as_container(kaname), BINARY, "-conf", self.corefile], stdout=log, stderr=log)

    def start_service(self):
        path = self.folder / "Corefile.service"
        path.write_text(SERVICE_COREFILE.replace("$objects", str(self.served)))
        with open(self.folder / "log.service", "ab") as log:
            self.service = self.cluster.start([BINARY, "-conf", path, "--leave-after", "0s"], stdout=log, stderr=log)
        wait_for("the Service", lambda: self.http(self.cluster, f"{SERVICE}:8181/ready")[0] == 200)

    def log(self):
        return (self.folder / "log").read_text(errors="backslashreplace")

    def http(self, space, where):
        with space.entered():
            return fetch(f"http://{where}")

    def is_ready(self):
        """As the kubelet asks."""
        get = container(find(self.objects, "DaemonSet"), "kaname")["readinessProbe"]["httpGet"]
        return self.http(self.node, f"{get['host']}:{get['port']}{get['path']}")[0] == 200

    def metric(self, space, where, name, label=""):
        """The sum over the samples."""
        page = self.http(space, f"{where}/metrics")[1]
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
                   if re.match(rf"{name}[ {{]", line) and label in line)

    def ask(self, name, rdtype="A", address=V4, tcp=False, timeout=DEADLINE_S):
        with self.pod.entered():
            return (dns.query.tcp if tcp else dns.query.udp)(question(name, rdtype, use_edns=0), address, timeout=timeout)

    def texts(self, name, rdtype="A", **options):
        """The rcode, and the records of the answer without TTL, sorted."""
        message = self.ask(name, rdtype, **options)
        return dns.rcode.to_text(message.rcode()), sorted(
            f"{dns.rdatatype.to_text(item.rdtype)} {rdata}" for item in message.answer for rdata in item)

    def codes(self, message):
        """Of extended errors."""
        return [option.code for option in message.options if option.otype == dns.edns.EDE]

    def add_service(self, name, address):
        path = self.served / "services.json"
        listed = json.loads(path.read_text())
        listed["items"].append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
                                "spec": {"clusterIP": address, "clusterIPs": [address], "ports": [{"port": 80}]}})
        new = path.with_suffix(".new")
        new.write_text(json.dumps(listed))
        new.rename(path)


@contextlib.contextmanager
def running(folder, objects, **options):
    why = netns.missing(wants_ipv6=True)
    if why:
        pytest.skip(why)
    with contextlib.ExitStack() as stack:
        try:
            yield Node(folder, objects, stack, **options)
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"{error.cmd}: {error.stderr}") from None

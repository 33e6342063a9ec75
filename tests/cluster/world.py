# SPDX-License-Identifier: Apache-2.0
"""What a test on the control plane is made of: a namespace of its own with names that always exist, kaname's identity, and kaname
servers, each of which is asked for these names all the time that it runs: a wrong answer fails the test, whatever else happens.
"""
import contextlib
import itertools
import os
import threading
import time
from collections import Counter
from pathlib import Path

import dns.exception
import dns.reversename

from api import Failure
from cluster import alias, endpoint, endpointslice, namespace, service
from harness import DEADLINE_S, ask_text, rcode_text, records, running, sanitizers, wait_for

# From the moment that the API server is whole again.
CONVERGED_S = DEADLINE_S if sanitizers() else 5.0

COREFILE = """
.:$port {
    bind $address
    errors
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        SOURCE
        ttl 30
    }
}
"""
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {{cluster: test, user: kaname}}
clusters:
- name: test
  cluster: {{server: "{url}", certificate-authority: ca.crt}}
users:
- name: kaname
  user: {{tokenFile: account/token}}
"""

numbers = itertools.count(1)
worlds = itertools.count(1)  # each has a /24 of the service network, and one of pods


def corefile(*lines):
    """With these lines in the kubernetes block."""
    return COREFILE.replace("SOURCE", "\n        ".join(lines))


class Account:
    """A token as kubelet mounts it: account/token -> ..data/token, ..data -> a folder; and a kubeconfig that says where it is."""

    def __init__(self, plane, folder):
        self.folder = Path(folder) / "account"
        self.folder.mkdir(parents=True)
        self.generation = 0
        self.kubeconfig = Path(folder) / "kubeconfig"
        self.kubeconfig.write_text(KUBECONFIG.format(url=plane.apiserver.url))
        for link in (Path(folder) / "ca.crt", self.folder / "ca.crt"):
            link.symlink_to(plane.ca)
        (self.folder / "token").symlink_to("..data/token")
        self.rotate(plane.token())

    def rotate(self, token):
        self.generation += 1
        new = self.folder / f"..{self.generation}"
        new.mkdir()
        (new / "token").write_text(token + "\n")
        (self.folder / "..data_tmp").symlink_to(new.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")


class Asker(threading.Thread):
    """Asks for names in turn, {(name, type): its data as sorted text, or None for any}, until it is stopped.

    Wrong is everything else, and silence too; but SERVFAIL is right until the first other answer.
    """

    def __init__(self, server, wanted):
        super().__init__(daemon=True)
        self.server = server
        self.wanted = wanted
        self.ending = threading.Event()
        self.counts = Counter()
        self.wrong = []

    def run(self):
        for name, rdtype in itertools.cycle(self.wanted):
            if self.ending.wait(0.001):
                return
            self.ask(name, rdtype)

    def ask(self, name, rdtype):
        try:
            got = self.server.ask(name, rdtype, timeout=3)
        except dns.exception.Timeout:
            self.wrong.append(f"{time.strftime('%T')} {name} {rdtype}: no answer")
            return
        rcode = rcode_text(got)
        if rcode == "SERVFAIL" and set(self.counts) <= {"SERVFAIL"}:
            self.counts[rcode] += 1
            return
        self.counts[rcode] += 1
        data = sorted(str(rdata) for rrset in got.answer for rdata in rrset)
        wanted = self.wanted[name, rdtype]
        if rcode != "NOERROR" or not data or (wanted is not None and data != wanted):
            self.wrong.append(f"{time.strftime('%T')} {name} {rdtype}: {rcode} {data}")

    def stop(self):
        self.ending.set()
        self.join()


class World:
    def __init__(self, plane, folder):
        self.plane = plane
        self.admin = plane.admin
        self.folder = Path(folder)
        self.number = next(worlds)
        self.space = f"space{self.number}"
        self.account = Account(plane, self.folder)
        self.addresses = (f"10.96.{100 + self.number}.{n}" for n in itertools.count(1))

    def __enter__(self):
        self.admin.apply(*self.objects())
        return self

    def __exit__(self, *exception):
        """What stays is asked for by every equals_fresh after this one."""
        with contextlib.suppress(OSError, Failure):
            self.admin.delete(*(item for item in self.all_objects() if item["metadata"].get("namespace") == self.space))

    def named(self, name):
        return f"{name}.{self.space}"

    def address(self):
        """Of a service, not used yet."""
        return next(self.addresses)

    def objects(self):
        """Those behind steady()."""
        ip = f"10.96.{100 + self.number}.250"
        crowd = [endpoint(f"10.244.{self.number}.{n}", hostname=f"crowd-{n}") for n in (1, 2, 3)]
        return [namespace(self.space), service(self.named("steady"), ip, ports=["http:80"]),
                service(self.named("crowd"), ports=["http:80"]), endpointslice(self.named("crowd"), *crowd, ports=["http:8080"]),
                alias(self.named("away"), "www.example.com")]

    def steady(self):
        """{(name, type): data} of names that always exist."""
        zone = f"{self.space}.svc"
        ip = f"10.96.{100 + self.number}.250"
        return {
            (f"steady.{zone}", "A"): [ip],
            (f"_http._tcp.steady.{zone}", "SRV"): [f"0 100 80 steady.{zone}.cluster.local."],
            (dns.reversename.from_address(ip).to_text(), "PTR"): [f"steady.{zone}.cluster.local."],
            (f"crowd.{zone}", "A"): [f"10.244.{self.number}.{n}" for n in (1, 2, 3)],
            (f"crowd-2.crowd.{zone}", "A"): [f"10.244.{self.number}.2"],
            (f"away.{zone}", "CNAME"): ["www.example.com."],
        }

    # ---- servers

    @contextlib.contextmanager
    def serve(self, *lines, is_ready=True, wanted=None, **options):
        """A kaname that watches the plane, asked for what always exists; with these lines in its kubernetes block."""
        text = corefile(f"kubeconfig {self.account.kubeconfig}", *lines)
        with running(self.folder / f"kaname{next(numbers)}", corefile=options.pop("corefile", text), is_ready=is_ready, **options) as server:
            asker = Asker(server, wanted or self.steady())
            wait_for("it serves", lambda: server.http("health")[0] == 200)
            asker.start()
            try:
                yield server
            finally:
                asker.stop()
            assert not asker.wrong, "\n".join([*asker.wrong[:20], f"and {len(asker.wrong)} in all, of {dict(asker.counts)}"])
            assert asker.counts["NOERROR"], "nothing was asked"

    def becomes_ready(self, server):
        wait_for("/ready", lambda: server.http("ready")[0] == 200, CONVERGED_S)

    def changes_arrive(self, server):
        """What is made, changed and deleted now is answered soon."""
        name, slice_name = self.named(f"new{next(numbers)}"), self.named(f"new{next(numbers)}")
        ip = self.address()
        made = service(name, ip, ports=["http:80"])
        sliced = [service(slice_name, ports=["http:80"]), endpointslice(slice_name, "10.244.250.1", ports=["http:80"])]
        self.admin.apply(made, *sliced)
        becomes(server, f"{name}.svc", f"NOERROR {ip}")
        becomes(server, f"{slice_name}.svc", "NOERROR 10.244.250.1")
        self.admin.apply(endpointslice(slice_name, "10.244.250.2", ports=["http:80"]))
        becomes(server, f"{slice_name}.svc", "NOERROR 10.244.250.2")
        self.admin.delete(made, *sliced)
        becomes(server, f"{name}.svc", "NXDOMAIN")
        becomes(server, f"{slice_name}.svc", "NXDOMAIN")

    def all_objects(self, *more):
        """As the API server has them now; `more` kinds beside those that DNS always needs."""
        slices = self.admin.api_version({"kind": "EndpointSlice"})
        return [item for kind in ("Namespace", "Service", *more) for item in self.admin.list(kind)] + \
            self.admin.list("EndpointSlice", slices)

    def equals_fresh(self, server, *lines, more=()):
        """The server answers as one does that has read the same objects from a file, name by name."""
        objects = self.all_objects(*more)
        folder = self.folder / f"fresh{next(numbers)}"
        asked = questions(objects)
        with running(folder, {"all.json": objects}, corefile=corefile("objects $objects", *lines)) as fresh:
            wanted = {question: whole_answer(fresh, *question) for question in asked}

        def differences():
            return [f"{name} {rdtype}:\n  {got}\n  {wanted[name, rdtype]}" for name, rdtype in asked
                    if (got := whole_answer(server, name, rdtype)) != wanted[name, rdtype]]

        with contextlib.suppress(AssertionError):
            wait_for("the same answers", lambda: not differences(), CONVERGED_S)
        different = differences()
        assert not different, "\n".join([f"{len(different)} of {len(asked)} differ:", *different[:20]])
        return len(asked)


def answer(server, name, rdtype="A"):
    """"RCODE DATA...", the data sorted."""
    got = server.ask(name, rdtype)
    return " ".join([rcode_text(got), *sorted(str(rdata) for rrset in got.answer for rdata in rrset)])


def becomes(server, name, want, rdtype="A", deadline_s=CONVERGED_S):
    try:
        wait_for(f"{name} {rdtype} is {want!r}", lambda: answer(server, name, rdtype) == want, deadline_s)
    except AssertionError as error:
        raise AssertionError(f"{error}; but {answer(server, name, rdtype)!r}") from None


def whole_answer(server, name, rdtype):
    query, got = ask_text(server, name, rdtype, tcp=True)
    name = query.question[0].name
    return " | ".join([rcode_text(got), *(" ".join(records(section, name)) for section in (got.answer, got.authority, got.additional))])


def questions(objects):
    """Every name that DNS gives to these objects, with every type that could be there, and names beside them that it does not give."""
    asked = []
    for item in objects:
        if item["kind"] == "Service":
            asked += of_service(item)
        elif item["kind"] == "EndpointSlice":
            asked += of_slice(item)
        elif item["kind"] == "Namespace":
            asked += [(f"{item['metadata']['name']}.svc", "A"), (f"none.{item['metadata']['name']}.svc", "A")]
    return sorted(set(asked))


def of_service(item):
    name = f"{item['metadata']['name']}.{item['metadata']['namespace']}.svc"
    spec = item["spec"]
    asked = [(name, rdtype) for rdtype in ("A", "AAAA", "SRV", "CNAME", "TXT")] + [(f"none.{name}", "A")]
    for port in spec.get("ports") or []:
        if port.get("name"):
            asked.append((f"_{port['name']}._{port['protocol'].lower()}.{name}", "SRV"))
    ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return asked + [(dns.reversename.from_address(ip).to_text(), "PTR") for ip in ips if ip and ip != "None"]


def of_slice(item):
    owner = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
    asked = []
    for one in item.get("endpoints") or []:
        for address in one["addresses"]:
            asked.append((dns.reversename.from_address(address).to_text(), "PTR"))
            host = one.get("hostname") or address.replace(".", "-").replace(":", "-")
            asked += [(f"{host}.{owner}.{item['metadata']['namespace']}.svc", rdtype) for rdtype in ("A", "AAAA")]
    return asked

# SPDX-License-Identifier: Apache-2.0
"""A thousand changes a second to ten thousand endpoints, whose slices are packed anew all the time, while names that always exist are
asked for: none is missing for a moment, and in the end everything is as if it had been listed just now."""
import random
import time

import dns.reversename

from apiserver import ApiServer
from cluster import endpoint, endpointslice, namespace, service
from harness import question, rcode_text, records, running, sanitizers, wait_for
from watching import CONVERGENCE_S, STABLE, STABLE_NAMES, Prober, ask_many, becomes, kubeconfig, probed

SCALE = 5 if sanitizers() else 1
N_SERVICES = 200 // SCALE
N_ENDPOINTS = 50  # of each service
CHANGES_PER_S = 1000 // SCALE
SECONDS = 6
SLICE_MAX = 30  # endpoints
N_ASKED = 20 // SCALE  # services that are asked for; they get half of the changes


class Packing:
    """A headless service whose endpoints are spread over slices. The first endpoint, of hostname "anchor", moves but is never gone:
    between two slices it is in both for a moment, or in neither."""

    def __init__(self, rng, number):
        self.rng, self.number = rng, number
        self.path = f"s{number}.churn"
        self.slices = {}  # suffix: [host number]
        self.n_slices = 0
        self.next_host = N_ENDPOINTS
        hosts = list(range(N_ENDPOINTS))
        for i in range(0, N_ENDPOINTS, SLICE_MAX):
            self.slices[self.new_suffix()] = hosts[i:i + SLICE_MAX]

    def new_suffix(self):
        self.n_slices += 1
        return f"p{self.n_slices}"

    def address(self, host):
        return f"10.{128 + self.number // 200}.{self.number % 200}.{1 + host % 250}"

    def object(self, suffix):
        hosts = [endpoint(self.address(host), hostname="anchor" if host == 0 else f"h{host}") for host in self.slices[suffix]]
        return endpointslice(self.path, *hosts, ports=["http:80"], suffix=suffix, kind="IPv4")

    def objects(self):
        return [service(self.path, ports=["http:80"])] + [self.object(suffix) for suffix in self.slices]

    def change(self):
        """One step as the endpointslice controller's: the slices that are written or deleted, which it does in no certain order."""
        written = self.rng.choice((self.move, self.move, self.roll, self.split, self.merge, self.repack))()
        self.rng.shuffle(written)
        return written

    def move(self):
        """Some endpoints go to another slice."""
        source, target = self.rng.choices(list(self.slices), k=2)
        room = 2 * SLICE_MAX - len(self.slices[target])
        moved = self.rng.sample(self.slices[source], min(room, len(self.slices[source]), self.rng.randrange(1, 6)))
        if source == target or not moved:
            return self.roll()
        self.slices[target] = self.slices[target] + moved
        added = self.object(target)
        self.slices[source] = [host for host in self.slices[source] if host not in moved]
        if self.slices[source]:
            return [added, self.object(source)]
        del self.slices[source]
        return [added, (self.path, source)]

    def roll(self):
        """A pod is replaced: a new address, a new name."""
        suffix = self.rng.choice(list(self.slices))
        hosts = [host for host in self.slices[suffix] if host != 0]
        if not hosts:
            return []
        old, new = self.rng.choice(hosts), self.next_host
        self.next_host += 1
        self.slices[suffix] = [new if host == old else host for host in self.slices[suffix]]
        return [self.object(suffix)]

    def split(self):
        """A new slice takes half of another."""
        source = self.rng.choice(list(self.slices))
        if len(self.slices) >= 6 or len(self.slices[source]) < 4:
            return self.merge()
        hosts = self.rng.sample(self.slices[source], len(self.slices[source]))
        target = self.new_suffix()
        self.slices[target] = hosts[:len(hosts) // 2]
        added = self.object(target)
        self.slices[source] = hosts[len(hosts) // 2:]
        return [added, self.object(source)]

    def repack(self):
        """All endpoints are dealt out anew to the slices that there are."""
        hosts = [host for slice_ in self.slices.values() for host in slice_]
        self.rng.shuffle(hosts)
        size = -(-len(hosts) // len(self.slices))
        for i, suffix in enumerate(self.slices):
            self.slices[suffix] = hosts[i * size:(i + 1) * size]
        return [self.object(suffix) for suffix in self.slices]

    def merge(self):
        """A slice is emptied into another, and deleted."""
        if len(self.slices) < 3:
            return self.roll()
        source, target = self.rng.sample(list(self.slices), 2)
        self.slices[target] = self.slices[target] + self.slices.pop(source)
        return [self.object(target), (self.path, source)]


def churn(api, packings, rng, n_changes, changes_per_s):
    """Writes at that rate, in pieces of 10 ms; the changes that were made."""
    began, done = time.monotonic(), 0
    while done < n_changes:
        for value in rng.choice(packings if rng.random() < 0.5 else packings[:N_ASKED]).change():
            if isinstance(value, tuple):
                name, _, namespace_name = value[0].partition(".")
                api.delete("EndpointSlice", namespace_name, f"{name}-{value[1]}")
            else:
                api.apply(value)
            done += 1
            time.sleep(0.0003)  # so that each is an event of its own, and what is between them can be seen
        ahead = done / changes_per_s - (time.monotonic() - began)
        if ahead > 0.01:
            time.sleep(ahead)
    return done


def everything(server, packings):
    """{(name, type): answer} of every name there is, and of every one and every address that there ever was."""
    many = [(f"{packing.path}.svc", "A") for packing in packings]
    many += [(f"_http._tcp.{packing.path}.svc", "SRV") for packing in packings[::5]]  # which take dnspython long
    few = [(f"anchor.{packing.path}.svc", "A") for packing in packings]
    for packing in packings:
        few += [(f"h{host}.{packing.path}.svc", "A") for host in range(1, packing.next_host)]
        few += [(str(dns.reversename.from_address(packing.address(host))), "PTR") for host in range(min(packing.next_host, 250))]
    answers = dict(zip(few, ask_many(server, few)))
    for name, rdtype in many:
        query = question(name, rdtype)
        got = server.send(query, tcp=True)
        answers[name, rdtype] = [rcode_text(got), *records(got.answer, query.question[0].name)]
    return answers


def difference(some, others):
    """Where they are not equal."""
    return {key: (some.get(key), others.get(key)) for key in some.keys() | others.keys() if some.get(key) != others.get(key)}


def test_churn(tmp_path):
    rng = random.Random(3)
    packings = [Packing(rng, i) for i in range(N_SERVICES)]
    always = STABLE_NAMES + [(name, rdtype) for packing in packings[:N_ASKED] for name, rdtype in (
        (f"{packing.path}.svc", "A"), (f"anchor.{packing.path}.svc", "A"), (f"_http._tcp.{packing.path}.svc", "SRV"),
        (str(dns.reversename.from_address(packing.address(0))), "PTR"))]
    with ApiServer(tmp_path / "api") as api:
        api.apply_many([*STABLE, namespace("churn"), *(value for packing in packings for value in packing.objects())])
        with probed(tmp_path / "server", api) as server:
            with Prober(server, always, n_sockets=16, pause_s=0.001) as prober:
                done = churn(api, packings, rng, CHANGES_PER_S * SECONDS, CHANGES_PER_S)
            api.apply(service("last.churn", "10.99.0.1"))
            becomes(server, "last.churn.svc", "NOERROR 10.99.0.1")
            wait_for("all slices", lambda: server.metric("kaname_kubernetes_watch_resource_version", resource="endpointslices") >=
                     api.store.resources["endpointslices"].last_version, CONVERGENCE_S)
            assert done >= CHANGES_PER_S * SECONDS and prober.n_answers > len(always)
            assert server.metric("kaname_kubernetes_watch_relists_total") == 4  # it kept pace
            with running(tmp_path / "fresh", corefile=kubeconfig(api)) as fresh:
                assert not difference(everything(server, packings), everything(fresh, packings))
                for name in ("kaname_kubernetes_records", "kaname_kubernetes_objects"):
                    assert metrics_of(server, name) == metrics_of(fresh, name)


def metrics_of(server, name):
    return {sample: value for sample, value in server.metrics().items() if sample.startswith(name)}


def test_churn_with_losses(tmp_path):
    """The connections end, and what they told is forgotten, again and again: relists in the midst of changes."""
    rng = random.Random(4)
    packings = [Packing(rng, i) for i in range(N_SERVICES // 4)]
    always = STABLE_NAMES + [(f"{prefix}{packing.path}.svc", "A") for packing in packings[:N_ASKED] for prefix in ("", "anchor.")]
    with ApiServer(tmp_path / "api", history=200) as api:
        api.apply_many([*STABLE, namespace("churn"), *(value for packing in packings for value in packing.objects())])
        with probed(tmp_path / "server", api) as server, Prober(server, always, n_sockets=16, pause_s=0.001):
            for i in range(5):
                api.has_streaming_lists = i % 2 == 0
                churn(api, packings, rng, CHANGES_PER_S // 2, CHANGES_PER_S)
                api.compact()
                api.drop_connections()
            churn(api, packings, rng, CHANGES_PER_S // 2, CHANGES_PER_S)
            api.apply(service("last.churn", "10.99.0.1"))
            becomes(server, "last.churn.svc", "NOERROR 10.99.0.1")
            with running(tmp_path / "fresh", corefile=kubeconfig(api)) as fresh:
                wanted = everything(fresh, packings)
                wait_for("the same answers", lambda: not difference(everything(server, packings), wanted))
            assert server.metric("kaname_kubernetes_watch_relists_total", reason="expired") > 0

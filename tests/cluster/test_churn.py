# SPDX-License-Identifier: Apache-2.0
"""Changes as fast as a real API server takes them, with endpoints that wander between slices, while each name keeps some."""
import random
import threading
import time

import pytest

from api import Api, Failure
from cluster import endpointslice, service
from control_plane import ADMIN_TOKEN
from harness import DEADLINE_S, sanitizers

SERVICES = 20
ENDPOINTS = 40  # of each
SLICES = 4
WRITERS = 2
SECONDS = 8


class Packer(threading.Thread):
    """Moves the endpoints of its services between their slices, as a controller that packs anew does it: an address is written to its
    new slice before it leaves the old one, so that no service ever lacks one that it keeps."""

    def __init__(self, plane, names, seed):
        super().__init__()
        self.client = Api(plane.apiserver.url, plane.ca, ADMIN_TOKEN)
        self.random = random.Random(seed)
        self.packed = {name: [set() for _ in range(SLICES)] for name in names}
        self.n_written = 0
        self.error = None
        self.end = time.monotonic()

    def write(self, name, index):
        """Until it is written: an API server may be gone for a while, and not know its own rules for another."""
        written = endpointslice(name, *sorted(self.packed[name][index]), ports=["http:8080"], suffix=str(index), kind="IPv4")
        while True:
            try:
                self.client.replace(written)
                break
            except (OSError, Failure):
                assert time.monotonic() < self.end + DEADLINE_S
                time.sleep(0.05)
        self.n_written += 1

    def fill(self, first):
        for n, (name, slices) in enumerate(self.packed.items()):
            for i in range(ENDPOINTS):
                slices[i % SLICES].add(f"10.{245 + first}.{n}.{i + 1}")
            for index in range(SLICES):
                self.write(name, index)

    def move(self):
        name = self.random.choice(list(self.packed))
        source, target = self.random.sample(range(SLICES), 2)
        slices = self.packed[name]
        if not slices[source]:
            return
        moved = set(self.random.sample(sorted(slices[source]), self.random.randint(1, len(slices[source]))))
        slices[target] |= moved
        self.write(name, target)
        slices[source] -= moved
        self.write(name, source)

    def run(self):
        try:
            while time.monotonic() < self.end:
                self.move()
        except Exception as error:  # told by the test
            self.error = error


@pytest.mark.parametrize("n_kills", [0, 2], ids=["steady", "killed"])
def test_churn(world, n_kills):
    """No name that keeps endpoints is ever empty or not there, whether its slices are watched or, since the API server is killed in
    between, listed again; what is left equals a fresh load of the same objects.
    """
    names = [world.named(f"churn{n}") for n in range(SERVICES)]
    packers = [Packer(world.plane, names[n::WRITERS], n) for n in range(WRITERS)]
    for name in names:
        world.admin.apply(service(name, ports=["http:80"]))
    for n, packer in enumerate(packers):
        packer.fill(n)
    wanted = {**world.steady(), **{(f"{name}.svc", "A"): None for name in names},
              **{(f"_http._tcp.{name}.svc", "SRV"): None for name in names}}
    with world.serve(wanted=wanted) as server:
        for packer in packers:
            packer.end = time.monotonic() + (SECONDS * 3 if sanitizers() else SECONDS)
            packer.start()
        for _ in range(n_kills):
            world.plane.restart()
        for packer in packers:
            packer.join()
            assert packer.error is None, packer.error
        print(f"{sum(packer.n_written for packer in packers)} slices written")
        assert server.metric("kaname_kubernetes_watch_events_total") > 100
        assert world.equals_fresh(server) > SERVICES * ENDPOINTS

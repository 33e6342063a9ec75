#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fake API server of tests/harness as a process of the benchmark: it serves the objects of generate.py, changes them at a rate, and
knows when each change was handed to the kernel.

    fake_api.py DATA FOLDER     FOLDER: for certificates and the kubeconfig

It tells where it is by a line of JSON, obeys lines of JSON ({"call": NAME, "args": [...]}, see Commands), and ends with its input.
"""
import json
import random
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'harness'))

from apihttp import Pace  # noqa: E402 (the path comes first)
from apiserver import TOKEN, USER, ApiServer, objects_of  # noqa: E402

SWITCH_S = 0.0005  # threads of Python wait so long for each other
PROBE_IPS = int(IPv4Address('200.0.0.0'))  # the address is the number of the change, and higher than others
OTHER_IPS = int(IPv4Address('12.0.0.0'))
HUGE_SLICES, HUGE_ENDPOINTS = 100, 100


def is_headless(value):
    return value['kind'] == 'EndpointSlice' and 'service.kubernetes.io/headless' in value['metadata']['labels']


def huge_service(like):
    """One headless service of 10,000 endpoints in 100 slices, after the likeness of another slice; the first endpoint is a host."""
    meta = like['metadata']
    labels = {**meta['labels'], 'kubernetes.io/service-name': 'huge'}
    slices = []
    for n in range(HUGE_SLICES):
        addresses = [str(IPv4Address(int(IPv4Address('13.0.0.1')) + n * HUGE_ENDPOINTS + i)) for i in range(HUGE_ENDPOINTS)]
        endpoints = [{**{key: item for key, item in like['endpoints'][0].items() if key != 'hostname'}, 'addresses': [address]}
                     for address in addresses]
        slices.append({**like, 'metadata': {**meta, 'name': f'huge-{n:03}', 'labels': labels, 'uid': None}, 'endpoints': endpoints})
    slices[0]['endpoints'][0]['hostname'] = 'probe'
    service = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'huge', 'namespace': meta['namespace']},
               'spec': {'clusterIP': 'None', 'clusterIPs': ['None'], 'ports': [{'name': 'http', 'port': 8080, 'protocol': 'TCP'}]}}
    return service, slices


class Commands:
    """spread() and huge() make slices that aim_at() has change() change, and give the name of the probe; the others say what they do."""

    def __init__(self, api, objects):
        self.api, self.random = api, random.Random(1)
        self.headless = [value for value in objects if is_headless(value)]
        self.targets = {}
        self.slices, self.probe_key = [], None
        self.n_changes = self.n_probed = self.n_sent = self.n_expired = 0
        self.numbers = {}  # resourceVersion of a change of the probe: its number
        self.sent_ns = {}  # resourceVersion: when
        api.on_sent = self.on_sent

    def on_sent(self, watch, changes):
        self.n_sent += len(changes)
        for change in changes:
            if change.new is not None and change.new.key == self.probe_key:
                self.sent_ns[change.version] = watch.exchange.connection.sent_ns

    # ---- how it serves

    def pace(self, octets_per_s):
        """null: as fast as it can."""
        self.api.pace = Pace(octets_per_s) if octets_per_s else None

    def end_after_list(self, ends):
        """Are watches ended as soon as their initial events are sent? That is the time of timeoutSeconds, which is made none."""
        self.api.second = 0.0 if ends else 1.0

    def expire(self):
        """All watches are lost, and their versions too old: 410."""
        self.api.stop()
        self.n_expired += 1
        self.api.apply({'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': 'default', 'labels': {'round': str(self.n_expired)}}})
        self.api.compact()
        self.api.start()

    def listed(self):
        """The resources of which a list was asked for, as often as it was."""
        return [request.resource for request in self.api.requested(verb='stream')]

    # ---- what changes

    def spread(self):
        """The slices of all headless services: 10 endpoints each."""
        return self.add_target('spread', sorted(self.headless, key=lambda value: 'hostname' not in value['endpoints'][0]))

    def huge(self):
        """Those of one."""
        service, slices = huge_service(self.headless[0])
        self.api.apply_many([service, *slices])
        return self.add_target('huge', slices)

    def add_target(self, name, slices):
        """The first endpoint of the first one is the probe: a host."""
        self.targets[name], meta = slices, slices[0]['metadata']
        return f"{slices[0]['endpoints'][0]['hostname']}.{meta['labels']['kubernetes.io/service-name']}.{meta['namespace']}.svc.cluster.local"

    def aim_at(self, name):
        self.slices = self.targets[name]
        meta = self.slices[0]['metadata']
        self.probe_key = f"{meta['namespace']}/{meta['name']}"

    def change(self, is_probe):
        """Another address of an endpoint."""
        self.n_changes += 1
        if is_probe:
            self.n_probed += 1
            self.slices[0]['endpoints'][0]['addresses'] = [str(IPv4Address(PROBE_IPS + self.n_probed))]
            self.numbers[self.api.apply(self.slices[0])] = self.n_probed
            return
        value = self.random.choice(self.slices)
        i = self.random.randrange(1, len(value['endpoints']))
        value['endpoints'][i]['addresses'] = [str(IPv4Address(OTHER_IPS + self.n_changes))]
        self.api.apply(value)

    def changes(self, n, per_second, probe_each):
        """n of them, every so many one of the probe. How long it took, and what of the probe was sent when."""
        n_sent, begin = self.n_sent, time.monotonic()
        self.numbers, self.sent_ns = {}, {}
        for i in range(n):
            left = begin + i / per_second - time.monotonic()
            if left > 0:
                time.sleep(left)
            self.change(i % probe_each == 0)
        seconds = time.monotonic() - begin
        end = time.monotonic() + 10
        while self.n_sent < n_sent + n and time.monotonic() < end:
            time.sleep(0.01)
        sent = {number: self.sent_ns[version] for version, number in self.numbers.items()}
        return {'seconds': seconds, 'n_sent': self.n_sent - n_sent, 'sent_ns': sent}

    def obey(self, line):
        command = json.loads(line)
        return {'result': getattr(self, command['call'])(*command['args'])}


def main():
    data, folder = map(Path, sys.argv[1:])
    sys.setswitchinterval(SWITCH_S)
    objects = objects_of(data / 'objects.json')
    with ApiServer(folder, tokens={TOKEN: USER}) as api:
        api.load(objects)
        commands = Commands(api, objects)
        print(json.dumps({'url': api.url, 'ca': str(api.ca), 'token': TOKEN, 'kubeconfig': str(api.kubeconfig())}), flush=True)
        for line in sys.stdin:
            print(json.dumps(commands.obey(line)), flush=True)


if __name__ == '__main__':
    main()

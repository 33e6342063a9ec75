#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark's cluster, always the same for the same seed, into a folder:

objects.json        Services, EndpointSlices and Namespaces in one List, as `kubectl get svc,endpointslices,ns -A -o json` gives it
cluster.local.zone  the A records of the same names, for NSD and Knot
queries.txt         A queries of random services, for dnsperf

A tenth of the services is headless; half of those are StatefulSets, whose endpoints have hostnames.
"""
import argparse
import json
import random
from ipaddress import IPv4Address
from pathlib import Path

TEAMS = ['payments', 'search', 'catalog', 'identity', 'billing', 'media', 'logistics', 'risk', 'ads', 'data']
STAGES = ['prod', 'staging', 'canary', 'dev', 'qa', 'perf', 'eu', 'us', 'apac', 'tools']
APPS = ['api', 'web', 'worker', 'cache', 'gateway', 'scheduler', 'redis', 'kafka', 'postgres', 'orders-backend']
ZONES = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c']
SUFFIX = 'bcdfghjklmnpqrstvwxz2456789'
SERVICE_IPS = int(IPv4Address('10.96.0.10'))
POD_IPS = int(IPv4Address('10.128.0.2'))
PORTS = [('http', 8080), ('metrics', 9090)]


class Cluster:
    def __init__(self, seed, services, endpoints):
        self.rng = random.Random(seed)
        self.n_services, self.n_endpoints = services, endpoints
        self.namespaces = [f'{team}-{stage}' for team in TEAMS for stage in STAGES]
        self.n_pods = 0
        self.services, self.slices, self.zone, self.names = [], [], [], []
        for i in range(services):
            self.add_service(i)

    def uid(self):
        h = f'{self.rng.getrandbits(128):032x}'
        return f'{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}'

    def suffix(self, n):
        return ''.join(self.rng.choices(SUFFIX, k=n))

    def metadata(self, name, namespace, labels, **more):
        minute = self.rng.randrange(60)
        return {'creationTimestamp': f'2026-03-{1 + self.rng.randrange(28):02}T08:{minute:02}:17Z',
                'labels': labels, 'name': name, 'namespace': namespace,
                'resourceVersion': str(10_000_000 + self.rng.randrange(80_000_000)), 'uid': self.uid(), **more}

    def kind_of(self, i):
        """(is headless, its endpoints have hostnames)"""
        is_headless = (i + i // 100) % 10 == 0  # spread over all namespaces
        return is_headless, is_headless and i // 100 % 2 == 0

    def add_service(self, i):
        namespace = self.namespaces[i % len(self.namespaces)]
        name = f'{APPS[(i // len(self.namespaces)) % len(APPS)]}-{i:05}'
        is_headless, is_stateful = self.kind_of(i)
        ip = 'None' if is_headless else str(IPv4Address(SERVICE_IPS + i))
        labels = {'app.kubernetes.io/instance': name, 'app.kubernetes.io/managed-by': 'Helm',
                  'app.kubernetes.io/name': name.rsplit('-', 1)[0]}
        metadata = self.metadata(name, namespace, labels)
        self.services.append({
            'apiVersion': 'v1', 'kind': 'Service', 'metadata': metadata,
            'spec': {'clusterIP': ip, 'clusterIPs': [ip], 'internalTrafficPolicy': 'Cluster',
                     'ipFamilies': ['IPv4'], 'ipFamilyPolicy': 'SingleStack',
                     'ports': [{'name': port, 'port': number, 'protocol': 'TCP', 'targetPort': port}
                               for port, number in PORTS],
                     'selector': labels, 'sessionAffinity': 'None', 'type': 'ClusterIP'},
            'status': {'loadBalancer': {}}})
        owner = f'{name}.{namespace}.svc'
        self.names.append(owner + '.cluster.local')
        if not is_headless:
            self.zone.append(f'{owner} A {ip}')
        self.add_slice(metadata, labels, is_headless, is_stateful, owner)

    def add_slice(self, service, labels, is_headless, is_stateful, owner):
        name, namespace = service['name'], service['namespace']
        managed = {**labels, 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
                   'kubernetes.io/service-name': name}
        if is_headless:
            managed['service.kubernetes.io/headless'] = ''
        template = self.suffix(10)
        endpoints = []
        for n in range(self.n_endpoints):
            pod = f'{name}-{n}' if is_stateful else f'{name}-{template}-{self.suffix(5)}'
            endpoints.append(self.endpoint(pod, namespace))
            address = endpoints[-1]['addresses'][0]
            if is_stateful:
                endpoints[-1]['hostname'] = pod
            if is_headless:
                host = pod if is_stateful else address.replace('.', '-')
                self.zone += [f'{owner} A {address}', f'{host}.{owner} A {address}']
        metadata = self.metadata(f'{name}-{self.suffix(5)}', namespace, managed, generateName=name + '-', generation=3,
                                 ownerReferences=[{'apiVersion': 'v1', 'blockOwnerDeletion': True, 'controller': True,
                                                   'kind': 'Service', 'name': name, 'uid': service['uid']}])
        self.slices.append({
            'addressType': 'IPv4', 'apiVersion': 'discovery.k8s.io/v1', 'endpoints': endpoints, 'kind': 'EndpointSlice',
            'metadata': metadata,
            'ports': [{'name': port, 'port': number, 'protocol': 'TCP'} for port, number in PORTS]})

    def endpoint(self, pod, namespace):
        address = str(IPv4Address(POD_IPS + self.n_pods))
        self.n_pods += 1
        node = self.rng.randrange(500)
        return {'addresses': [address], 'conditions': {'ready': True, 'serving': True, 'terminating': False},
                'nodeName': f'ip-10-0-{node // 250}-{node % 250}.eu-central-1.compute.internal',
                'targetRef': {'kind': 'Pod', 'name': pod, 'namespace': namespace, 'uid': self.uid()},
                'zone': ZONES[node % 3]}

    def namespace(self, name):
        metadata = self.metadata(name, None, {'kubernetes.io/metadata.name': name})
        del metadata['namespace']
        return {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': metadata,
                'spec': {'finalizers': ['kubernetes']}, 'status': {'phase': 'Active'}}

    def objects(self):
        return {'apiVersion': 'v1', 'items': self.services + self.slices + [self.namespace(n) for n in self.namespaces],
                'kind': 'List', 'metadata': {'resourceVersion': ''}}

    def zone_text(self):
        head = ['$ORIGIN cluster.local.', '$TTL 30',
                '@ SOA ns.dns hostmaster 1 7200 1800 86400 30', '@ NS ns.dns', 'ns.dns A 10.96.0.2']
        return '\n'.join(head + self.zone) + '\n'

    def queries_text(self, n):
        return ''.join(f'{self.rng.choice(self.names)} A\n' for _ in range(n))


def main():
    parser = argparse.ArgumentParser(description='Writes the objects, the zone and the queries of the benchmark.')
    parser.add_argument('folder', type=Path)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--services', type=int, default=10_000)
    parser.add_argument('--endpoints', type=int, default=10, help='of each service')
    parser.add_argument('--queries', type=int, default=20_000)
    parser.add_argument('--indent', type=int, help="4 as kubectl prints; default: none, as the API server sends")
    options = parser.parse_args()
    cluster = Cluster(options.seed, options.services, options.endpoints)
    options.folder.mkdir(parents=True, exist_ok=True)
    separators = None if options.indent else (',', ':')
    with open(options.folder / 'objects.json', 'w', encoding='ascii') as file:
        file.write(json.dumps(cluster.objects(), indent=options.indent, separators=separators, sort_keys=True) + '\n')
    (options.folder / 'cluster.local.zone').write_text(cluster.zone_text(), encoding='ascii')
    (options.folder / 'queries.txt').write_text(cluster.queries_text(options.queries), encoding='ascii')


if __name__ == '__main__':
    main()

# SPDX-License-Identifier: Apache-2.0
"""Every kind of service, made through a real API server, which checks, completes and reorders what it is given: the answers are those
to the same objects from a file."""
import pytest

from api import Failure
from cluster import alias, endpoint, endpointslice, namespace, pod, service
from harness import wait_for
from world import answer, becomes


def everything(world):
    name, ip = world.named, world.address
    return [
        service(name("web"), ip(), ports=["http:80", "https:443", "dns:53/UDP"]),
        endpointslice(name("web"), endpoint("10.244.1.1", pod="web-1"), endpoint("10.244.1.2", ready=False),
                      ports=["http:8080", "https:8443", "dns:5353/UDP"]),
        service(name("bare"), ip(), ports=[":8080"]),
        service(name("np"), ip(), type="NodePort", ports=["http:80"]),
        service(name("lb"), ip(), type="LoadBalancer", ports=["http:80"], externalIPs=["198.51.100.1"]),
        service(name("sig"), ip(), ports=["m3ua:2905/SCTP"]),
        service(name("a" * 63), ip(), ports=["http:80"]),
        service(name("db"), ports=["pg:5432", "metrics:9187"]),
        endpointslice(name("db"), endpoint("10.244.2.1", hostname="db-0"), endpoint("10.244.2.2", hostname="db-1"),
                      ports=["pg:5432", "metrics:9187"], suffix="4"),
        endpointslice(name("db"), endpoint("fd00:244::2:1", hostname="db-0"), endpoint("fd00:244::2:2", hostname="db-1"),
                      ports=["pg:5432", "metrics:9187"], suffix="6"),
        service(name("cache"), ports=["redis:6379"]),
        endpointslice(name("cache"), "10.244.3.1", "10.244.3.2", ports=["redis:6379"], suffix="a"),
        endpointslice(name("cache"), "10.244.3.2", "10.244.3.3", endpoint("10.244.3.4", ready=False), ports=["redis:6380"], suffix="b"),
        service(name("peers"), ports=["peer:2380"], publishNotReadyAddresses=True),
        endpointslice(name("peers"), endpoint("10.244.4.1", hostname="p-0"), ports=["peer:2380"]),
        service(name("none"), ports=["http:80"]),
        endpointslice(name("none"), endpoint("10.244.5.1", hostname="n-0", ready=False), ports=["http:80"]),
        service(name("noslice"), ports=["http:80"]),
        alias(name("ext"), "db.example.com"),
    ]


def test_every_kind_of_service(world):
    objects = everything(world)
    half = len(objects) // 2
    world.admin.apply(*objects[:half])
    with world.serve() as server:  # a half is listed, the other half watched
        world.admin.apply(*objects[half:])
        zone = f"{world.space}.svc"
        wanted = {
            (f"web.{zone}", "A"): f"NOERROR {objects[0]['spec']['clusterIP']}",
            (f"web.{zone}", "AAAA"): "NOERROR",
            (f"_dns._udp.web.{zone}", "SRV"): f"NOERROR 0 100 53 web.{zone}.cluster.local.",
            (f"db.{zone}", "A"): "NOERROR 10.244.2.1 10.244.2.2",
            (f"db.{zone}", "AAAA"): "NOERROR fd00:244::2:1 fd00:244::2:2",
            (f"db-1.db.{zone}", "AAAA"): "NOERROR fd00:244::2:2",
            (f"cache.{zone}", "A"): "NOERROR 10.244.3.1 10.244.3.2 10.244.3.3",
            (f"none.{zone}", "A"): "NXDOMAIN",
            (f"ext.{zone}", "CNAME"): "NOERROR db.example.com.",
            (f"gone.{zone}", "A"): "NXDOMAIN",
            ("kubernetes.default.svc", "A"): "NOERROR 10.96.0.1",
        }
        for (name, rdtype), want in wanted.items():
            becomes(server, name, want, rdtype)
        assert world.equals_fresh(server) > 100
        world.admin.delete(*objects)
        for item in objects:
            if item["kind"] == "Service":
                becomes(server, f"{item['metadata']['name']}.{zone}", "NXDOMAIN")
        world.equals_fresh(server)


def test_dual_stack(world):
    """Addresses of the API server's choice, in the order of the families that were asked for."""
    six = f"fd00:10:96::{world.number:x}06"
    made = [service(world.named("dual"), world.address(), ports=["http:80"], ipFamilyPolicy="RequireDualStack",
                    ipFamilies=["IPv4", "IPv6"]),
            service(world.named("six"), six, ports=["http:80"], ipFamilies=["IPv6"])]
    del made[0]["spec"]["clusterIP"], made[0]["spec"]["clusterIPs"]
    try:
        world.admin.apply(*made)
    except Failure as failure:
        pytest.skip(f"this API server has no dual stack: {failure}")
    ips = world.admin.get(made[0])["spec"]["clusterIPs"]
    assert len(ips) == 2
    with world.serve() as server:
        becomes(server, f"dual.{world.space}.svc", f"NOERROR {ips[0]}")
        becomes(server, f"dual.{world.space}.svc", f"NOERROR {ips[1]}", "AAAA")
        becomes(server, f"six.{world.space}.svc", "NOERROR")
        becomes(server, f"six.{world.space}.svc", f"NOERROR {six}", "AAAA")
        world.equals_fresh(server)


def test_a_service_changes_its_kind(world):
    """An ExternalName becomes a cluster IP and another, then headless, and again an ExternalName, with the slice always there."""
    name, ip, zone = world.named("x"), world.address(), f"{world.space}.svc"
    slices = endpointslice(name, endpoint("10.244.0.1", hostname="h"), ports=["http:80"])
    steps = [
        (alias(name, "www.example.org"), "CNAME", "NOERROR www.example.org."),
        (service(name, ip, ports=["http:80"]), "A", f"NOERROR {ip}"),
        (alias(name, "www.example.com"), "CNAME", "NOERROR www.example.com."),
        (service(name, ports=["http:80"]), "A", "NOERROR 10.244.0.1"),
        (alias(name, "www.example.net"), "CNAME", "NOERROR www.example.net."),
    ]
    world.admin.apply(slices)
    with world.serve() as server:
        for made, rdtype, want in steps:
            if made is steps[-1][0]:
                world.admin.delete(made)  # kube-apiserver 1.20 dies of the change from headless to ExternalName
            world.admin.apply(made)
            becomes(server, f"x.{zone}", want, rdtype)
        world.equals_fresh(server)


def test_a_label_moves_a_slice(world):
    one, two = world.named("one"), world.named("two")
    moved = endpointslice(one, "10.244.6.1", ports=["http:80"])
    world.admin.apply(service(one, ports=["http:80"]), service(two, ports=["http:80"]), moved)
    with world.serve() as server:
        becomes(server, f"{one}.svc", "NOERROR 10.244.6.1")
        becomes(server, f"{two}.svc", "NXDOMAIN")
        moved["metadata"]["labels"]["kubernetes.io/service-name"] = "two"
        world.admin.replace(moved)
        becomes(server, f"{two}.svc", "NOERROR 10.244.6.1")
        becomes(server, f"{one}.svc", "NXDOMAIN")
        becomes(server, "1.6.244.10.in-addr.arpa.", f"NOERROR 10-244-6-1.{two}.svc.cluster.local.", "PTR")
        world.equals_fresh(server)


def test_labels_are_selected(world):
    """By the API server; a label that changes makes an object come and go."""
    web, other = world.named("labelled"), world.named("unlabelled")
    made = [service(web, world.address(), ports=["http:80"], labels={"app": "web"}), service(other, world.address(), ports=["http:80"])]
    world.admin.apply(*made)
    always = {(f"{web}.svc", "A"): None}
    with world.serve("labels app=web", wanted=always) as server:
        assert answer(server, f"{other}.svc") == "NXDOMAIN"
        made[1]["metadata"]["labels"] = {"app": "web"}
        world.admin.apply(made[1])
        becomes(server, f"{other}.svc", f"NOERROR {made[1]['spec']['clusterIP']}")
        made[1]["metadata"]["labels"] = {"app": "other"}
        world.admin.apply(made[1])
        becomes(server, f"{other}.svc", "NXDOMAIN")


def test_one_namespace_is_watched(world):
    """Other namespaces do not exist, and come not into being by a change in them."""
    elsewhere = service(f"far.elsewhere{world.number}", world.address(), ports=["http:80"])
    world.admin.apply(namespace(f"elsewhere{world.number}"), elsewhere)
    with world.serve(f"namespaces {world.space}") as server:
        assert answer(server, f"far.elsewhere{world.number}.svc") == "NXDOMAIN"
        world.admin.apply(service(f"near.elsewhere{world.number}", world.address(), ports=["http:80"]))
        world.changes_arrive(server)
        assert answer(server, f"near.elsewhere{world.number}.svc") == "NXDOMAIN"


def test_pods_verified(world):
    """Pods are watched for this only: without the rule for them the server says so, with it it goes on by itself."""
    one = pod(world.named("one"), "10.244.7.1", containers=[{"name": "c", "image": "i"}])
    world.admin.apply(one)
    world.admin.set_status(one, one["status"])
    with world.serve("pods verified", is_ready=False) as server:
        wait_for("what is missing", lambda: "pods" in server.http("ready")[1])
        assert server.http("ready")[0] == 503
        world.plane.grant("services", "endpoints", "endpointslices", "namespaces", "pods")
        world.becomes_ready(server)
        becomes(server, f"10-244-7-1.{world.space}.pod", "NOERROR 10.244.7.1")
        assert answer(server, f"10-244-7-2.{world.space}.pod") == "NXDOMAIN"
        world.admin.delete(one)
        becomes(server, f"10-244-7-1.{world.space}.pod", "NXDOMAIN")

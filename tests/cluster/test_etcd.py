# SPDX-License-Identifier: Apache-2.0
"""What happens to the data below the API server: compacted, wiped, restored from an older snapshot. The version that kaname holds is
then too old, or from the future, which no watch says.
"""
import pytest

from cluster import alias, endpointslice, service
from harness import wait_for
from world import CONVERGED_S, answer, becomes


@pytest.mark.parametrize("options", [[], ["--watch-cache=false"]], ids=["cached", "uncached"])
def test_compacted(world, options):
    """The version to go on from is forgotten: 410, here as an ERROR event in a stream, and a list from the start."""
    plane = world.plane
    plane.apiserver.options = options
    plane.restart()
    gone, stays = (service(world.named(name), world.address(), ports=["http:80"]) for name in ("gone", "stays"))
    world.admin.apply(gone, stays)

    def forget():
        plane.etcd.delete(f"/registry/services/specs/{world.space}/gone")
        plane.etcd.compact()

    with world.serve() as server:
        world.changes_arrive(server)
        plane.etcd.compact()
        world.changes_arrive(server)  # what is under way is not hurt
        plane.restart(while_down=forget)
        becomes(server, f"gone.{world.space}.svc", "NXDOMAIN")
        wait_for("the reason", lambda: relists(server, "services", "expired") == 1, CONVERGED_S)
        assert answer(server, f"stays.{world.space}.svc") == f"NOERROR {stays['spec']['clusterIP']}"
        world.changes_arrive(server)
        world.equals_fresh(server)


def rebuild(world, overtake):
    """An etcd without a history, and in it what always exists here; its versions are below those of the old one, or above."""
    plane = world.plane
    old = plane.etcd.revision()
    plane.stop()
    plane.etcd.wipe()
    plane.etcd.start()
    while overtake and plane.etcd.revision() < old + 100:
        plane.etcd.put("/elsewhere", b"x")
    plane.apiserver.start()
    plane.prepare()
    world.admin.apply(*world.objects())
    assert (plane.etcd.revision() > old) == overtake
    # The account is another one, though its name is the same: before this, kaname sees nothing of the new objects.
    world.account.rotate(plane.token())


@pytest.mark.parametrize("overtake", [False, True], ids=["behind", "ahead"])
def test_wiped(world, overtake):
    """As `kubeadm reset` and a new start: other objects, other uids. What is gone is known to be gone by a list only."""
    lost = service(world.named("lost"), world.address(), ports=["http:80"])
    world.admin.apply(lost)
    raise_version(world, 600)
    with world.serve() as server:
        assert answer(server, f"lost.{world.space}.svc") == f"NOERROR {lost['spec']['clusterIP']}"
        rebuild(world, overtake)
        becomes(server, f"lost.{world.space}.svc", "NXDOMAIN")
        for (name, rdtype), data in world.steady().items():
            becomes(server, name, f"NOERROR {' '.join(data)}", rdtype)
        world.changes_arrive(server)
        world.equals_fresh(server)
        # Versions tell it only where they are younger; else the uid of kube-system does, and the namespaces' watch tells the others.
        reason = "other_cluster" if overtake else "too_large"
        wait_for("the reason", lambda: relists(server, "namespaces", reason) == 1, CONVERGED_S)


def test_restored_from_a_snapshot(world):
    """Back to what was: a service made since is gone, one deleted since is there again, one changed since has its old address."""
    plane, zone = world.plane, f"{world.space}.svc"
    back, old, new, since = (service(world.named(name), world.address(), ports=["http:80"]) for name in ("back", "x", "x", "since"))
    slices = endpointslice(world.named("s"), "10.244.8.1", ports=["http:80"])
    world.admin.apply(back, old, service(world.named("s"), ports=["http:80"]), slices)
    plane.stop()
    plane.etcd.snapshot(world.folder / "snapshot")
    plane.etcd.start()
    plane.apiserver.start()
    with world.serve() as server:
        world.admin.delete(back, old)
        world.admin.apply(new, since, alias(world.named("since2"), "www.example.com"),
                          endpointslice(world.named("s"), "10.244.8.2", ports=["http:80"]))
        raise_version(world, 300)
        becomes(server, f"since.{zone}", f"NOERROR {since['spec']['clusterIP']}")
        becomes(server, f"s.{zone}", "NOERROR 10.244.8.2")
        before = plane.etcd.revision()
        plane.stop()
        plane.etcd.restore(world.folder / "snapshot")
        plane.etcd.start()
        plane.apiserver.start()
        assert plane.etcd.revision() < before
        becomes(server, f"since.{zone}", "NXDOMAIN")
        becomes(server, f"since2.{zone}", "NXDOMAIN", "CNAME")
        becomes(server, f"back.{zone}", f"NOERROR {back['spec']['clusterIP']}")
        becomes(server, f"x.{zone}", f"NOERROR {old['spec']['clusterIP']}")
        becomes(server, f"s.{zone}", "NOERROR 10.244.8.1")
        assert relists(server, "services", "too_large") == relists(server, "endpointslices", "too_large") == 1
        world.changes_arrive(server)
        world.equals_fresh(server)


def relists(server, resource, reason):
    return server.metric("kaname_kubernetes_watch_relists_total", resource=resource, reason=reason)


def raise_version(world, by):
    """Of objects that DNS sees, so that its watches hold a version that a younger etcd does not reach for a while."""
    name, until = world.named("busy"), world.plane.etcd.revision() + by
    n = 0
    while world.plane.etcd.revision() < until:
        n += 1
        world.admin.replace(endpointslice(name, f"10.244.9.{n % 250 + 1}", ports=["http:80"]))
    world.admin.apply(service(name, ports=["http:80"]))
    wait_for("the version", lambda: world.plane.etcd.revision() >= until)

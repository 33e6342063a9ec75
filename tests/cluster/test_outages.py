# SPDX-License-Identifier: Apache-2.0
"""The API server is restarted, killed, frozen, or not there yet: what was known is answered all the time, and soon after it is back, so
is what has changed."""
import signal

import dns.edns
import pytest

from cluster import service
from harness import rcode_text, wait_for
from world import answer, becomes


def test_stopped_and_started(world):
    with world.serve() as server:
        world.changes_arrive(server)
        world.plane.restart(signal.SIGTERM)
        world.changes_arrive(server)


def test_killed(world):
    with world.serve() as server:
        world.plane.restart()
        world.changes_arrive(server)


def test_a_new_one_beside_the_old(world):
    """The old one says goodbye and goes on to serve its watches for a minute, which the new one listens through."""
    with world.serve() as server:
        old = world.plane.apiserver.process
        old.terminate()
        world.admin.close()
        wait_for("the listener closes", lambda: not world.plane.apiserver.is_up())
        world.plane.apiserver.start()
        world.changes_arrive(server)
        old.kill()
        old.wait()
        world.changes_arrive(server)


def test_frozen_and_thawed(world):
    """A connection that is there and says nothing. What was written before the thaw arrives after it."""
    with world.serve() as server:
        world.plane.apiserver.send(signal.SIGSTOP)
        wait_for("queries of a while", asked_more(server, 500))
        world.plane.apiserver.send(signal.SIGCONT)
        world.changes_arrive(server)


def test_frozen_and_killed(world):
    with world.serve() as server:
        world.plane.apiserver.send(signal.SIGSTOP)
        wait_for("queries of a while", asked_more(server, 500))
        world.plane.restart()
        world.changes_arrive(server)


def test_etcd_is_gone(world):
    """The API server is there and answers lists with errors; watches of its cache go on."""
    with world.serve() as server:
        world.plane.etcd.stop(signal.SIGKILL)
        wait_for("queries of a while", asked_more(server, 300))
        world.plane.etcd.start()
        wait_for("the API server has its etcd again", world.plane.apiserver.is_up)
        world.changes_arrive(server)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL], ids=["stop", "kill"])
def test_changed_while_away(world, sig):
    """Objects that have come, gone and changed while nobody could tell."""
    etcd, zone = world.plane.etcd, f"{world.space}.svc"
    gone, old, new, made = (service(world.named(name), world.address(), ports=["http:80"]) for name in ("gone", "changed", "changed", "made"))
    ip = {name: item["spec"]["clusterIP"] for name, item in {"gone": gone, "old": old, "new": new, "made": made}.items()}
    stored = {}
    for item in (new, made):
        world.admin.apply(item)
        stored[key(item)] = etcd.get(key(item))
        world.admin.delete(item)
    world.admin.apply(gone, old)

    def change():
        etcd.delete(key(gone))
        for path, value in stored.items():
            etcd.put(path, value)

    with world.serve() as server:
        assert answer(server, f"gone.{zone}") == f"NOERROR {ip['gone']}"
        assert answer(server, f"changed.{zone}") == f"NOERROR {ip['old']}"
        assert answer(server, f"made.{zone}") == "NXDOMAIN"
        world.plane.restart(sig, while_down=change)
        becomes(server, f"gone.{zone}", "NXDOMAIN")
        becomes(server, f"changed.{zone}", f"NOERROR {ip['new']}")
        becomes(server, f"made.{zone}", f"NOERROR {ip['made']}")
        world.equals_fresh(server)


def test_not_there_at_the_start(world):
    """Names of the cluster get SERVFAIL with the reason until it is, and nothing has to be started again."""
    world.plane.apiserver.stop(signal.SIGKILL)
    with world.serve(is_ready=False) as server:
        wait_for("a reason", lambda: server.http("ready")[0] == 503 and "services" in server.http("ready")[1])
        for name, rdtype in world.steady():
            got = server.ask(name, rdtype, use_edns=0)
            assert rcode_text(got) == "SERVFAIL"
            assert [option.code for option in got.options] == [dns.edns.EDECode.NOT_READY]
        world.plane.apiserver.start()
        world.becomes_ready(server)
        world.changes_arrive(server)
        world.equals_fresh(server)


def asked_more(server, n):
    """Has the server been asked so often from now on?"""
    begin = server.metric("coredns_dns_requests_total")
    return lambda: server.metric("coredns_dns_requests_total") >= begin + n


def key(item):
    """Where the API server keeps a service in etcd."""
    return f"/registry/services/specs/{item['metadata']['namespace']}/{item['metadata']['name']}"

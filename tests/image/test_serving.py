# SPDX-License-Identifier: Apache-2.0
"""The server in a container as the Deployment has it: read-only, no root, one capability, port 53."""
import dns.query
import pytest

from cluster import service
from container import wait_for
from serving import BIND_ONLY, NOTHING, corefile, demo, serving


@pytest.fixture(scope="module")
def served(server):
    server.upstream.rules[:] = [("*", "")]
    with serving(server, corefile(), demo()):
        yield server


def test_answers_on_port_53(served):
    for address in (served.address, served.address6):
        for by in (dns.query.udp, dns.query.tcp):
            assert served.ask("web.shop.svc.cluster.local", address=address, by=by) == ["10.96.20.1"]
            assert served.ask("web.shop.svc.cluster.local", "AAAA", address=address, by=by) == ["fd00:10:96::2001"]


def test_runs_as_told_and_with_nothing_more(served):
    status = served.container.status()
    uid, gid = served.container.image.user
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["Gid"].split() == [str(gid)] * 4
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
        "CapInh": NOTHING, "CapPrm": BIND_ONLY, "CapEff": BIND_ONLY, "CapBnd": BIND_ONLY, "CapAmb": NOTHING}


def test_is_the_only_process(served):
    assert served.container.status()["NSpid"].split()[-1] == "1"
    (name, state), = served.container.processes()
    assert name == "(kaname)"
    assert state != "Z"


def test_probes(served):
    assert served.http(8080, "/health") == (200, "OK")
    assert served.http(8181, "/ready") == (200, "OK")
    status, page = served.http(9153, "/metrics")
    assert status == 200
    assert "\ncoredns_build_info{" in page
    assert "\nprocess_resident_memory_bytes " in page


def test_log_complains_of_nothing(served):
    """Of no file that it may not write, no limit that it may not set, no file that is not in the image."""
    assert served.ask("db.data.svc.cluster.local")
    for word in ("WARN", "ERROR", "denied", "cannot", "Read-only", "No such file"):
        assert word not in served.log()


def test_follows_its_files(served):
    """A ConfigMap changes while it is mounted."""
    served.write_objects({"more.json": [service("later.shop", "10.96.20.99")]})
    wait_for("the new service", lambda: served.ask("later.shop.svc.cluster.local") == ["10.96.20.99"], served.container)

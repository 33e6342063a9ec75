# SPDX-License-Identifier: Apache-2.0
"""Who kaname is, and what it may: tokens that are rotated and revoked, rules that are missing, granted and taken away."""
import os
import subprocess

import pytest

from cluster import service
from harness import BINARY, rcode_text, wait_for
from world import answer, becomes, corefile

ALL = ("services", "endpointslices", "endpoints", "namespaces")
IN_A_POD = """
set -eu
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""


def missing(server, *words):
    """/ready and the log say the reason, with all of these words."""
    wait_for(f"/ready with {words}", lambda: all(word in server.http("ready")[1] for word in words))
    wait_for(f"a line in the log with {words}", lambda: any(all(word in line for word in words) for line in server.log().splitlines()))
    assert server.http("ready")[0] == 503


def test_token_is_rotated(world):
    """As kubelet does it: the file is another one before the old token is worth nothing."""
    with world.serve() as server:
        old = world.plane.token()
        world.account.rotate(old)
        world.plane.restart()
        world.changes_arrive(server)
        world.plane.revoke_tokens()
        world.account.rotate(world.plane.token())
        world.plane.restart()
        assert not world.plane.is_accepted(old)
        world.changes_arrive(server)


def test_token_is_revoked(world):
    """With a token that is worth nothing the last known data is served, the log says so, and a new one is taken at once."""
    with world.serve() as server:
        world.plane.revoke_tokens()
        world.plane.restart()  # which forgets what it has accepted
        wait_for("the log tells the status", lambda: "401" in server.log())
        unknown = service(world.named("unknown"), world.address(), ports=["http:80"])
        world.admin.apply(unknown)
        assert answer(server, f"unknown.{world.space}.svc") == "NXDOMAIN"
        world.account.rotate(world.plane.token())
        becomes(server, f"unknown.{world.space}.svc", f"NOERROR {unknown['spec']['clusterIP']}")
        world.changes_arrive(server)


def test_token_is_worth_nothing_at_the_start(world):
    world.plane.revoke_tokens()
    wait_for("the old token is refused", lambda: not world.plane.is_accepted(token_of(world)), 30)
    with world.serve(is_ready=False) as server:
        missing(server, "401")
        assert rcode_text(server.ask(f"steady.{world.space}.svc")) == "SERVFAIL"
        world.account.rotate(world.plane.token())
        world.becomes_ready(server)
        world.changes_arrive(server)


@pytest.mark.parametrize("resource", ["services", "endpointslices", "namespaces"])
def test_rule_is_missing(world, resource):
    """The resource, the verb and the status are told, no name of the cluster is denied meanwhile, and the rule alone heals it."""
    world.plane.grant(*(other for other in ALL if other != resource))
    with world.serve(is_ready=False) as server:
        missing(server, resource, "403")
        assert rcode_text(server.ask(f"none.{world.space}.svc")) == "SERVFAIL"
        world.plane.grant()
        world.becomes_ready(server)
        world.changes_arrive(server)
        assert answer(server, f"none.{world.space}.svc") == "NXDOMAIN"


def test_rule_is_taken_away(world):
    """After a new connection it is missed; the last known data stays, the other kinds go on, and the rule alone heals it."""
    with world.serve() as server:
        world.plane.grant("endpointslices", "endpoints", "namespaces")
        world.plane.restart()
        wait_for("the log tells it", lambda: any("services" in line and "403" in line for line in server.log().splitlines()))
        unknown = service(world.named("unknown"), world.address(), ports=["http:80"])
        world.admin.apply(unknown)
        assert answer(server, f"unknown.{world.space}.svc") == "NXDOMAIN"
        world.plane.grant()
        becomes(server, f"unknown.{world.space}.svc", f"NOERROR {unknown['spec']['clusterIP']}")
        world.changes_arrive(server)


def test_in_a_pod(world):
    """Without an option: the variables and the files that every pod has, seen in a mount namespace of its own."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = world.folder / "pod.sh"
    script.write_text(IN_A_POD)
    pod = ["unshare", *as_root, "--mount", "sh", str(script), str(world.account.folder)]
    if subprocess.run([*pod, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespaces here")
    apiserver = world.plane.apiserver
    env = {"KUBERNETES_SERVICE_HOST": apiserver.address, "KUBERNETES_SERVICE_PORT": str(apiserver.port)}
    with world.serve(corefile=corefile("pods insecure"), env=env, command=[*pod, BINARY]) as server:
        world.changes_arrive(server)
        world.plane.revoke_tokens()
        world.account.rotate(world.plane.token())
        world.plane.restart()
        world.changes_arrive(server)


def token_of(world):
    return (world.account.folder / "token").read_text().strip()

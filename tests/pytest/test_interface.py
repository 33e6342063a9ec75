# SPDX-License-Identifier: Apache-2.0
"""--setup-interface and --remove-interface, each in a network namespace of its own."""
import json
import subprocess
from pathlib import Path

import pytest

import netns
from harness import BINARY, DEADLINE_S

V4, V6 = "169.254.20.10", "fd00:169:254:20::10"
NAME = "nodelocaldns"
WITH_CAPS = ["setpriv", "--bounding-set"]


@pytest.fixture(name="node")
def fixture_node():
    why = netns.missing(wants_ipv6=True)
    if why:
        pytest.skip(why)
    try:
        with netns.Namespace([]) as node:
            node.run(["true"]).check_returncode()
            yield node
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace: {error.stderr}")


def make(node, *args, name=NAME, localip=f"{V4},{V6}", caps="-all,+net_admin"):
    """With no more rights than the init container has."""
    done = node.run([*WITH_CAPS, caps, BINARY, "--setup-interface", "-localip", localip, "-interfacename", name, *args],
                    timeout=DEADLINE_S)
    return done.returncode, done.stdout, done.stderr


def links(node):
    """{name: kind}, without lo."""
    shown = json.loads(node.run(["ip", "-details", "-json", "link", "show"]).stdout)
    return {link["ifname"]: link.get("linkinfo", {}).get("info_kind") for link in shown if link["ifname"] != "lo"}


def addresses(node, name=NAME):
    """{(address, length of its prefix)}, and whether any is tentative or failed, without IPv6's own."""
    shown = json.loads(node.run(["ip", "-json", "address", "show", "dev", name]).stdout)
    infos = [info for link in shown for info in link.get("addr_info", []) if not info["local"].startswith("fe80:")]
    assert not any("tentative" in info or "dadfailed" in info for info in infos), infos
    return {(info["local"], info["prefixlen"]) for info in infos}


def state(node):
    """Everything that a second run must leave as it is."""
    return node.run(["ip", "link", "show"]).stdout + "".join(map(str, sorted(addresses(node))))


def test_made(node):
    code, out, err = make(node)
    assert (code, err) == (0, "")
    assert "is up, with 2 of 2 addresses" in out
    assert links(node)[NAME] in ("dummy", "bridge")  # a bridge where the kernel has no dummy
    assert addresses(node) == {(V4, 32), (V6, 128)}
    assert "UP" in json.loads(node.run(["ip", "-json", "link", "show", "dev", NAME]).stdout)[0]["flags"]


def test_again(node):
    assert make(node)[0] == 0
    before = state(node)
    code, out, err = make(node)
    assert (code, out, err) == (0, f"kaname: interface {NAME}: is up, with 2 of 2 addresses\n", "")
    assert state(node) == before


def test_usual_name(node):
    done = node.run([BINARY, "--setup-interface", f"-localip={V4}"])
    assert done.returncode == 0, done.stderr
    assert addresses(node) == {(V4, 32)}


def test_finished_after_a_break(node):
    """An earlier run has made the interface, and no more."""
    node.run(["ip", "link", "add", NAME, "type", "bridge"]).check_returncode()
    code, out, err = make(node)
    assert (code, err) == (0, "")
    assert addresses(node) == {(V4, 32), (V6, 128)}


def test_other_address_is_taken_off(node):
    """NodeLocal DNSCache has left the Service's own: what asks there would get no answer."""
    assert make(node)[0] == 0
    node.run(["ip", "address", "add", "10.96.0.10/32", "dev", NAME]).check_returncode()
    code, out, err = make(node)
    assert (code, err) == (0, "")
    assert "10.96.0.10, which is not in -localip, taken off" in out
    assert addresses(node) == {(V4, 32), (V6, 128)}


def test_other_address_that_is_served_stays(node, tmp_path):
    assert make(node, localip=f"{V4},169.254.20.11")[0] == 0
    corefile = tmp_path / "Corefile"
    corefile.write_text(".:53 {\n    bind 169.254.20.11\n    whoami\n}\n")
    with open(tmp_path / "log", "wb") as log:
        server = node.start([BINARY, "-conf", corefile], stdout=log, stderr=log)
    while "serving ." not in (tmp_path / "log").read_text():
        assert server.poll() is None, (tmp_path / "log").read_text()
    code, out, err = make(node)
    assert code == 0
    assert "169.254.20.11 is not in -localip, but is served: it stays" in err
    assert addresses(node) == {(V4, 32), (V6, 128), ("169.254.20.11", 32)}


def test_without_ipv6(node):
    node.disable_ipv6()
    for _ in range(2):
        code, out, err = make(node)
        assert code == 0
        assert "is up, with 1 of 2 addresses" in out
        assert f"IPv6 is off on this node: it goes without {V6}" in err
    assert addresses(node) == {(V4, 32)}
    code, out, err = make(node, localip=V6, name="other")
    assert code == 3
    assert "it has no address" in err


def test_of_another_kind(node):
    """It is somebody else's: nothing of it changes."""
    node.run(["ip", "link", "add", NAME, "type", "veth", "peer", "name", "peer"]).check_returncode()
    before = state(node)
    for code, out, err in (make(node), remove(node)):
        assert (code, out) == (3, "")
        assert "there is one of that name, but of kind veth: it is not touched" in err
    assert state(node) == before


def test_not_allowed(node):
    code, out, err = make(node, caps="-all")
    assert (code, out) == (3, "")
    assert "Operation not permitted" in err and "NET_ADMIN" in err
    assert NAME not in links(node)


def remove(node, name=NAME):
    done = node.run([*WITH_CAPS, "-all,+net_admin", BINARY, "--remove-interface", "-interfacename", name])
    return done.returncode, done.stdout, done.stderr


def test_removed(node):
    assert make(node)[0] == 0
    assert remove(node) == (0, f"kaname: interface {NAME}: removed\n", "")
    assert NAME not in links(node)
    assert remove(node) == (0, f"kaname: interface {NAME}: there is none\n", "")


USAGE = [  # (what is wrong, the arguments, what stderr says)
    ("no address", ["--setup-interface"], "takes the addresses from -localip"),
    ("no address at all", ["--setup-interface", "-localip", ""], '-localip cannot be ""'),
    ("no address but a name", ["--setup-interface", "-localip", "lo"], '-localip cannot be "lo"'),
    ("loopback", ["--setup-interface", "-localip", f"{V4},127.0.0.1"], '"127.0.0.1" is no address for an interface'),
    ("loopback, IPv6", ["--setup-interface", "-localip", "::1"], '"::1" is no address for an interface'),
    ("wildcard", ["--setup-interface", "-localip", "0.0.0.0"], '"0.0.0.0" is no address for an interface'),
    ("multicast", ["--setup-interface", "-localip", "224.0.0.1"], '"224.0.0.1" is no address for an interface'),
    ("link-local, IPv6", ["--setup-interface", "-localip", "fe80::1"], '"fe80::1" is no address for an interface'),
    ("too many", ["--setup-interface", "-localip", ",".join(f"169.254.20.{i}" for i in range(1, 18))], "more than 16 addresses"),
    ("a long name", ["--setup-interface", "-localip", V4, "-interfacename", "a" * 16], "is no name for an interface"),
    ("a path", ["--remove-interface", "-interfacename", "../lo"], "is no name for an interface"),
    ("an empty name", ["--remove-interface", "-interfacename", ""], "is no name for an interface"),
    ("a value", ["--setup-interface=true", "-localip", V4], "takes no value"),
]


@pytest.mark.parametrize("args, want", [case[1:] for case in USAGE], ids=[case[0] for case in USAGE])
def test_usage(args, want):
    done = subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=DEADLINE_S)
    assert (done.returncode, done.stdout) == (2, "")
    assert want in done.stderr

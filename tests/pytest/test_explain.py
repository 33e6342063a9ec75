# SPDX-License-Identifier: Apache-2.0
"""--explain: which server block and steps would answer, and why; without a server."""
import subprocess

import pytest

from cluster import namespace, service, write_files
from harness import BINARY

COREFILE = """example.org {
    forward . 192.0.2.1 192.0.2.2
}
. {
    kubernetes cluster.local in-addr.arpa {
        objects OBJECTS
        fallthrough in-addr.arpa
    }
    forward . 192.0.2.3
    cache
}
"""


@pytest.fixture
def explain(tmp_path):
    write_files(tmp_path / "objects", {"all.json": [namespace("shop"), service("web.shop", "10.96.0.20")]})
    corefile = tmp_path / "Corefile"
    corefile.write_text(COREFILE.replace("OBJECTS", str(tmp_path / "objects")))

    def run(*args, code=0):
        done = subprocess.run([BINARY, "-conf", str(corefile), "--explain", *args], capture_output=True, text=True, check=False)
        assert done.returncode == code, done
        return (done.stdout if code == 0 else done.stderr).replace(str(corefile), "Corefile")

    run.corefile = corefile
    return run


@pytest.mark.parametrize("args, lines", [
    (["web.shop.svc.cluster.local"], ["server block Corefile:4: zone .", "kubernetes Corefile:5: in zone cluster.local.: answered", "-> NOERROR, 1 record"]),
    (["web.shop.svc.cluster.local", "AAAA"], ["the name exists without such records: NODATA", "-> NOERROR, 0 records"]),
    (["nix.shop.svc.cluster.local", "A"], ["no such name: NXDOMAIN", "-> NXDOMAIN"]),
    (["9.9.9.9.in-addr.arpa", "PTR"], ["in zone in-addr.arpa.: no such name: NXDOMAIN, but falls through",
                                       "forward Corefile:9: to 192.0.2.3, where the cache does not have the reply", "-> the upstream's reply"]),
    (["www.example.org"], ["server block Corefile:1: zone example.org.", "forward Corefile:2: to 192.0.2.1 192.0.2.2, which is not cached"]),
    (["www.example.org", "--from", "fd00::7"], ["www.example.org. A, asked at dns://:53:"]),
])
def test_explain(explain, args, lines):
    text = explain(*args)
    position = 0
    for line in lines:
        assert line in text[position:], text
        position = text.index(line, position)


@pytest.mark.parametrize("args, cause", [
    (["a..b"], '"a..b" is no name'), (["a.b", "NONSENSE"], '"NONSENSE" is no record type'), (["a.b", "--from", "x"], '"x" is no address'),
    ([], "takes a value"),
])
def test_wrong(explain, args, cause):
    assert cause in explain(*args, code=2)


def test_no_objects(explain, tmp_path):
    """The cluster is taken to be empty, and that is said."""
    explain.corefile.write_text(COREFILE.replace("OBJECTS", str(tmp_path / "nowhere")))
    text = explain("web.shop.svc.cluster.local")
    assert "taken to be empty" in text and "nowhere" in text and "-> NXDOMAIN" in text


def test_bad_corefile(explain):
    explain.corefile.write_text(". {\n nonsense\n}\n")
    assert "Corefile:2" in explain("a.b", code=1)

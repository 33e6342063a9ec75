# SPDX-License-Identifier: Apache-2.0
"""What is in the image, and what its configuration says."""
import os
import re
import ssl
import stat
import struct
import subprocess
from pathlib import Path

import pytest

import container

ROOT = Path(__file__).resolve().parents[2]
SIZE_MAX = 25 << 20  # of all files
BESIDE_LIBRARIES = {"kaname", "etc/ssl/certs/ca-certificates.crt"}
# Of struct vfs_cap_data, version 2: not effective; permitted CAP_NET_BIND_SERVICE, which is number 10; inheritable nothing.
FILE_CAPABILITY = struct.pack("<5I", 0x02000000, 1 << 10, 0, 0, 0)


@pytest.fixture(scope="module")
def image():
    return container.image()


def readelf(path, *options):
    return subprocess.run(["readelf", "--wide", *options, path], capture_output=True, text=True, check=True).stdout


def closure(root):
    """{path within the image}: the loader, and every library that the binary needs, or that one of these needs."""
    binary = root / "kaname"
    loader = re.search(r"interpreter: /([^]]+)", readelf(binary, "--program-headers"))[1]
    there = {path.name: path for path in (root / "lib").rglob("*.so*")} | {(root / loader).name: root / loader}
    found, left = {loader}, [binary]
    while left:
        for name in re.findall(r"\(NEEDED\).*\[([^]]+)]", readelf(left.pop(), "--dynamic")):
            assert name in there, f"{name} is needed, and not in the image"
            path = str(there[name].relative_to(root))
            if path not in found:
                found.add(path)
                left.append(there[name])
    return found


def test_nothing_but_the_binary_its_libraries_and_certificates(image):
    assert set(image.files()) == closure(image.root) | BESIDE_LIBRARIES


def test_libraries_are_of_no_certain_processor(image):
    """A library for newer processors only, which the loader prefers on the machine that builds, would not be found on others."""
    assert not [path for path in image.files() if "hwcaps" in path]


def test_files(image):
    for path, status in image.files().items():
        assert stat.S_ISREG(status.st_mode), path
        assert (status.st_uid, status.st_gid) == (0, 0), path
        assert not status.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), path
        assert status.st_mode & stat.S_IROTH, path
        assert status.st_mtime == 0, f"{path} has the time of the build, so that each build gives another image"


def test_binary_is_stripped(image):
    assert ".symtab" not in readelf(image.root / "kaname", "--sections")
    assert ".debug_info" not in readelf(image.root / "kaname", "--sections")


def test_capability_is_permitted_and_not_effective(image):
    assert os.getxattr(image.root / "kaname", "security.capability") == FILE_CAPABILITY
    others = [path for path in image.files() if path != "kaname" and os.listxattr(image.root / path)]
    assert not others


def test_certificates(image):
    path = image.root / "etc/ssl/certs/ca-certificates.crt"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    assert context.cert_store_stats()["x509_ca"] > 50


def test_size(image):
    total = sum(status.st_size for status in image.files().values())
    assert total < SIZE_MAX, f"{total / 2**20:.2f} MiB"


# ---- the configuration

def test_runs_as_a_number(image):
    assert image.settings["User"] == "65532:65532"


def test_entrypoint(image):
    assert image.settings["Entrypoint"] == ["/kaname"]
    assert not image.settings.get("Cmd")
    assert image.settings["WorkingDir"] == "/"


def test_ports(image):
    assert set(image.settings["ExposedPorts"]) == {"53/udp", "53/tcp", "8080/tcp", "8181/tcp", "9153/tcp"}


def test_no_healthcheck_and_no_volumes(image):
    assert not {"Healthcheck", "Volumes", "OnBuild"} & {name for name, value in image.settings.items() if value}


def test_labels(image):
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in image.settings["Labels"].items()}
    version = re.search(r"^  version: '(.*)',$", (ROOT / "meson.build").read_text(), re.MULTILINE)[1]
    assert (labels["title"], labels["licenses"], labels["version"]) == ("kaname", "Apache-2.0", version)
    assert labels["description"]
    assert re.fullmatch("[0-9a-f]{40}|unknown", labels["revision"])


def test_no_name_of_a_machine_in_the_dockerfile():
    assert not re.search(r"amd64|x86|arm64|aarch64|linux-gnu", re.sub(r"(?m)^#.*", "", (ROOT / "Dockerfile").read_text()))

# SPDX-License-Identifier: Apache-2.0
"""A network namespace of our own, as a pod has one: loopback only, with addresses that we choose and files of /etc of its own.

    with Namespace(["10.96.0.10/32"]) as netns:
        netns.write("resolv.conf", "nameserver 10.96.0.10\\n")
        server = netns.start(["kaname", ...])
        print(netns.run(["getent", "ahosts", "web"]).stdout)
        with netns.entered():  # this thread's new sockets are the namespace's
            urllib.request.urlopen("http://10.96.0.10:8181/ready")

Needs root. The files are /etc/netns/NAME/*, which `ip netns exec` mounts over those of /etc for what it runs. At the end,
whatever happened, the processes that were started here are killed, and the namespace and its files are gone.
"""
import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess
from pathlib import Path

DEADLINE_S = 30.0
CLONE_NEWNET = 0x40000000
HOME_NETNS = "/proc/thread-self/ns/net"
LIBC = ctypes.CDLL(None, use_errno=True)


def missing(wants_ipv6=False):
    """Why there can be no namespace here, or ""."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if wants_ipv6 and not Path("/proc/net/if_inet6").exists():
        return "this kernel has no IPv6"
    return "" if shutil.which("ip") else "no ip: install iproute2"


def must(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S)


def switch(file):
    """Moves this thread to the network namespace that was opened."""
    if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), file.name)


class Namespace:
    """addresses are put on lo: "10.96.0.10/32", "fd00:10:96::10/128"."""

    def __init__(self, addresses=("10.96.0.10/32",)):
        self.name = f"kaname-{os.getpid()}-{secrets.token_hex(4)}"
        self.addresses = list(addresses)
        self.etc = Path("/etc/netns", self.name)
        self.path = Path("/run/netns", self.name)
        self.started = []

    def __enter__(self):
        must("ip", "netns", "add", self.name)
        try:
            must("ip", "-n", self.name, "link", "set", "lo", "up")
            for address in self.addresses:
                options = ["nodad"] if ":" in address else []  # usable at once
                must("ip", "-n", self.name, "address", "add", address, "dev", "lo", *options)
            self.etc.mkdir(parents=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        subprocess.run(["ip", "netns", "delete", self.name], check=False, stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
        shutil.rmtree(self.etc, ignore_errors=True)

    def write(self, name, text):
        """/etc/NAME of what is run from now on; there must be such a file in the machine's /etc. What runs already keeps its own:
        it has the old file mounted."""
        new = self.etc / f".{name}.new"
        new.write_text(text)
        new.rename(self.etc / name)

    def disable_ipv6(self):
        """On interfaces that are there, and that are made later."""
        with self.entered():
            for which in ("all", "default"):
                Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1", encoding="ascii")

    def command(self, command):
        """The words that run the command in here; it takes the place of ip, so that signals reach it."""
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, command, timeout=DEADLINE_S, **options):
        """subprocess.run in here: its output is taken as text, its exit code is the caller's to judge."""
        return subprocess.run(self.command(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                              check=False, **options)

    def start(self, command, **options):
        """subprocess.Popen in here, killed at the end."""
        process = subprocess.Popen(self.command(command), stdin=subprocess.DEVNULL, **options)
        self.started.append(process)
        return process

    @contextlib.contextmanager
    def entered(self):
        """The sockets that this thread makes meanwhile, and those that they accept later, are the namespace's."""
        with open(HOME_NETNS, "rb") as home, open(self.path, "rb") as away:
            switch(away)
            try:
                yield
            finally:
                switch(home)

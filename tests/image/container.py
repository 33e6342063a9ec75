# SPDX-License-Identifier: Apache-2.0
"""Containers of the image that tests/image/run.sh built and unpacked, run by runc as containerd has it run a pod's container:

    container = Container(folder, netns, ["-conf", "/etc/coredns/Corefile"], mounts={"/etc/coredns": path})
    with container:                               # at the end it is killed, and nothing of it stays
        container.status()["CapEff"]; container.kill(signal.SIGTERM); container.wait()
    code, output = container.run()                # or until it ends by itself

The root is read-only and a copy of the image's, and no tmpfs is mounted but /dev. The user is the image's; of capabilities there is what
`drop: [ALL], add: [NET_BIND_SERVICE]` leaves, and `allowPrivilegeEscalation: false` forbids to gain others.
"""
import itertools
import json
import os
import signal
import subprocess
import time
from pathlib import Path

DEADLINE_S = 30.0
BIND = "CAP_NET_BIND_SERVICE"
COUNTER = itertools.count()

# The system calls that containerd's default profile refuses, of those that a server or its libraries might try.
REFUSED = ["acct", "add_key", "bpf", "clock_settime", "finit_module", "init_module", "io_uring_enter", "io_uring_register",
           "io_uring_setup", "kexec_load", "keyctl", "mount", "move_mount", "open_by_handle_at", "open_tree", "perf_event_open",
           "pivot_root", "ptrace", "quotactl", "reboot", "request_key", "setns", "sethostname", "swapon", "syslog", "umount2",
           "unshare", "userfaultfd"]

# Where containerd mounts what every container of a pod has.
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
]


class Image:
    """As the registry would have it: .config is the OCI image configuration, .manifest its manifest."""

    def __init__(self, work):
        self.work = Path(work)
        self.root = self.work / "root"
        self.manifest = json.loads((self.work / "manifest.json").read_text())
        self.config = json.loads((self.work / "config.json").read_text())
        self.settings = self.config["config"]

    @property
    def user(self):
        """(uid, gid)"""
        return tuple(int(number) for number in self.settings["User"].split(":"))

    def files(self):
        """{path within the image: os.stat_result}, folders left out."""
        return {str(path.relative_to(self.root)): path.lstat() for path in self.root.rglob("*") if not path.is_dir() or path.is_symlink()}


def image():
    """The image that is tested; None when pytest was not started by run.sh."""
    work = os.environ.get("KANAME_IMAGE")
    return Image(work) if work else None


class Container:
    """capabilities: what is left of them. gained: what of these the process has when it is started, where it is not all: Docker gives
    a user that is not root none, and leaves it to the file's. mounts: {where: file or folder}, read-only."""

    def __init__(self, folder, netns, args, capabilities=(BIND,), gained=None, mounts=None, env=None, escalates=False):
        self.folder = Path(folder)
        self.netns = netns
        self.image = image()
        self.id = f"{netns.name}-{next(COUNTER)}"
        self.log_path = self.folder / f"{self.id}.log"
        self.bundle = self.folder / self.id
        self.bundle.mkdir(parents=True)
        subprocess.run(["cp", "-a", self.image.root, self.bundle / "rootfs"], check=True, timeout=DEADLINE_S)
        config = self.config(args, env or {}, mounts or {})
        process = config["process"]
        process["noNewPrivileges"] = not escalates
        process["capabilities"] = {"bounding": list(capabilities)}
        for name in ("permitted", "effective"):
            process["capabilities"][name] = list(capabilities if gained is None else gained)
        (self.bundle / "config.json").write_text(json.dumps(config, indent=1))
        self.process = None

    def config(self, args, env, mounts):
        settings = self.image.settings
        uid, gid = self.image.user
        binds = [{"destination": where, "type": "bind", "source": str(what), "options": ["rbind", "rprivate", "ro"]}
                 for where, what in mounts.items()]
        return {
            "ociVersion": "1.0.2",
            "hostname": "kaname",
            "process": {
                "user": {"uid": uid, "gid": gid}, "cwd": settings.get("WorkingDir") or "/",
                "args": [*settings["Entrypoint"], *map(str, args)],
                "env": [*settings.get("Env", []), *(f"{name}={value}" for name, value in env.items())],
            },
            "root": {"path": "rootfs", "readonly": True},
            "mounts": [*MOUNTS, *binds],
            "linux": {
                "namespaces": [*({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                               {"type": "network", "path": str(self.netns.path)}],
                "cgroupsPath": f"/{self.id}",
                "resources": {"memory": {"limit": 170 << 20}},
                "seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]},
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        }

    def runc(self, *args, **options):
        return subprocess.run(["runc", "--root", self.folder / "runc", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=DEADLINE_S, **options)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["runc", "--root", self.folder / "runc", "run", "--bundle", self.bundle, self.id],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        """Whatever state it is in."""
        self.runc("delete", "--force", self.id, check=False)
        if self.process is not None:
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        subprocess.run(["rm", "-rf", "--one-file-system", self.bundle], check=True)

    def run(self, deadline_s=DEADLINE_S):
        """(exit code, output) of one that ends by itself."""
        with self:
            return self.process.wait(deadline_s), self.log()

    def kill(self, sig=signal.SIGTERM):
        """To the process 1 in it, as the kubelet does."""
        self.runc("kill", self.id, str(int(sig)), check=True)

    def wait(self):
        """The exit code."""
        return self.process.wait(DEADLINE_S)

    def is_running(self):
        return self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="backslashreplace")

    @property
    def pid(self):
        return json.loads(self.runc("state", self.id, check=True).stdout)["pid"]

    def status(self):
        """/proc/PID/status, {name: text}."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}

    def processes(self):
        """Of all that are in it, the names and states."""
        wanted = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(path / "ns/pid") == wanted:
                    found.append((path / "stat").read_text().split(" ", 3)[1:3])
            except OSError:  # it has just ended
                continue
        return found


def wait_for(what, condition, container):
    """Polls until condition() is true, while the container runs."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert container.is_running(), f"ended with {container.process.returncode}:\n{container.log()}"
        assert time.monotonic() < end, f"not within {DEADLINE_S:.0f} s: {what}\n{container.log()}"
        time.sleep(0.02)

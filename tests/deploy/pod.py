# SPDX-License-Identifier: Apache-2.0
"""A container of a rendered workload as a pod has it, on this machine: its arguments and environment, its volumes, the service account
and /etc/resolv.conf where the kubelet puts them, a network of its own. It asks the fake API server, which is in the same network.

    report = run(workload, "kaname", {"config": {"Corefile": text}}, tmp_path)       # what the volume of this name holds
    report["listeners"]     [[protocol, port]] that the process has opened
    report["http"]          {"8181/ready": status} of its probes and of the pages asked for; report["pages"] has the text
    report["answers"]       {"udp": rcode, "tcp": rcode} of a query for a service, on port 53
    report["requests"]      [[verb, group, resource]] that the API server was asked, of RBAC's verbs
    report["code"], report["log"]       how it ended after SIGTERM, and what it said

The test writes what is needed into a folder, and runs this file as a program in a network namespace: it is the API server, asks, and
starts kaname, which sees the folder's files in a mount namespace.
"""
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "pytest"), str(HERE.parent / "harness")]

RUN_S = 120
SERVICE_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
MOUNT = f"""
set -eu
mount -t tmpfs none /run
mkdir -p {SERVICE_ACCOUNT}
mount --bind "$1/account" {SERVICE_ACCOUNT}
mount --bind "$1/etc" /etc
shift
exec "$@"
"""
UNSHARE = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "--net"]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def is_possible():
    """Whether there may be namespaces here."""
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def run(workload, name, volumes, folder, pages=(), **settings):
    """volumes: {name of a volume: {file: text}}; one that is optional may be left out. pages: [[port, path]]. settings: ApiServer's."""
    from render import container, pod_spec

    one = container(workload, name)
    folder = Path(folder)
    etc = folder / "etc"
    for part in (folder / "account", etc):
        part.mkdir(parents=True)
    (etc / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (folder / "account/namespace").write_text("kube-system")
    args = list(one.get("args", []))
    named = {volume["name"]: volume for volume in pod_spec(workload)["volumes"]}
    for mount in one.get("volumeMounts", []):
        source = named[mount["name"]]["configMap"]
        files = volumes.get(mount["name"], {})
        assert files or source.get("optional"), f"nothing for the volume {mount['name']}"
        place = place_of(mount["mountPath"], folder, args)
        place.mkdir()
        for item in source.get("items") or [{"key": key, "path": key} for key in files]:
            (place / item["path"]).write_text(files[item["key"]])
    probes = [[port_of(one, probe["port"]), probe["path"]]
              for probe in (one[kind]["httpGet"] for kind in ("readinessProbe", "livenessProbe"))]
    order = {"args": args, "env": {value["name"]: value["value"] for value in one.get("env", [])}, "ready": probes[0],
             "probes": probes, "pages": list(pages), "settings": settings}
    (folder / "order.json").write_text(json.dumps(order))
    (folder / "mount.sh").write_text(MOUNT)
    done = subprocess.run([*UNSHARE, sys.executable, __file__, str(folder)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=RUN_S)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-10000:]}{done.stderr[-10000:]}"
    return json.loads((folder / "report.json").read_text())


def place_of(path, folder, args):
    """Where a volume is mounted. A folder of / that is none of this machine's is in the test's, and the arguments with it."""
    if path.startswith("/etc/"):
        return folder / path[1:]
    place = folder / path[1:]
    for i, arg in enumerate(args):
        args[i] = arg.replace(path, str(place))
    return place


def port_of(container, port):
    """The number of a port that has a name."""
    if isinstance(port, int):
        return port
    return next(one["containerPort"] for one in container["ports"] if one["name"] == port)


# ---- within the namespaces

def listeners():
    """Of this network, where but kaname and the API server is nobody: [protocol, port] of every address and 127.0.0.1."""
    found = set()
    for protocol, state in (("tcp", "0A"), ("udp", "07")):
        for suffix in ("", "6"):
            for line in Path(f"/proc/net/{protocol}{suffix}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == state:
                    found.add((protocol.upper(), int(words[1].rsplit(":", 1)[1], 16)))
    return found


def rbac_of(request):
    from apistore import KINDS

    verb = {"stream": "watch", "follow": "watch"}.get(request.verb, request.verb)
    return verb, KINDS[request.resource].group, request.resource


def ask():
    """{"udp": rcode, "tcp": rcode} of port 53."""
    import dns.query

    from harness import question, rcode_text

    query = question("web.shop.svc")
    return {"udp": rcode_text(dns.query.udp(query, "127.0.0.1", timeout=20)),
            "tcp": rcode_text(dns.query.tcp(query, "127.0.0.1", timeout=20))}


def serve(folder, order):
    from apiserver import TOKEN, ApiServer
    from cluster import endpoints, endpointslice, namespace, service
    from harness import BINARY, fetch, wait_for

    with ApiServer(folder / "api", **order["settings"]) as api:
        api.apply_many([namespace("kube-system"), namespace("shop"), service("web.shop", "10.96.0.5", ports=["http:80"]),
                        endpoints("web.shop", {"addresses": [{"ip": "10.244.0.1"}], "ports": [{"name": "http", "port": 80}]}),
                        endpointslice("web.shop", "10.244.0.1", ports=["http:80"])])
        (folder / "account/token").write_text(TOKEN)
        (folder / "account/ca.crt").write_bytes(api.ca.read_bytes())
        before = listeners()
        env = {"PATH": PATH, "KUBERNETES_SERVICE_HOST": api.address, "KUBERNETES_SERVICE_PORT": str(api.port), **order["env"],
               **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}}
        with open(folder / "log", "wb") as log:
            command = ["unshare", "--mount", "sh", str(folder / "mount.sh"), str(folder), BINARY, *order["args"], "--leave-after", "0s"]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=env, cwd="/")
        try:
            here, (port, path) = "http://127.0.0.1", order["ready"]
            with contextlib.suppress(AssertionError):  # the report says it
                wait_for("ready", lambda: process.poll() is not None or fetch(f"{here}:{port}{path}")[0] == 200)
            report = {"listeners": sorted(listeners() - before), "http": {}, "pages": {}, "answers": {}}
            for port, path in order["probes"] + order["pages"]:
                report["http"][f"{port}{path}"], report["pages"][f"{port}{path}"] = fetch(f"{here}:{port}{path}")
            if process.poll() is None:
                report["answers"] = ask()
                process.terminate()
            report["code"] = process.wait(60)
        finally:
            process.kill()
            process.wait()
        report["requests"] = sorted({rbac_of(request) for request in api.requested() if request.resource})
        report["log"] = (folder / "log").read_text(errors="backslashreplace")
    return report


def main():
    folder = Path(sys.argv[1])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, env={"PATH": PATH})
    report = serve(folder, json.loads((folder / "order.json").read_text()))
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 under the fake API server: a listener, a thread for each connection, requests read and responses written."""
import contextlib
import select
import socket
import struct
import threading
import time
from urllib.parse import parse_qsl, urlsplit

PIECE = 1 << 20  # octets of a chunk at most
PACED_PIECE = 64 * 1024
PACE_CREDIT_S = 0.01  # what a sleep that was too long may make up for
ALERT = bytes.fromhex("15030300020228")  # fatal handshake_failure
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           410: "Gone", 422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable", 504: "Gateway Timeout"}


class Gone(Exception):
    """The connection is closed."""


class Pace:
    """All bodies together come at so many octets a second."""

    def __init__(self, octets_per_s):
        self.octets_per_s = octets_per_s
        self.lock = threading.Lock()
        self.due = 0.0

    def wait(self, n):
        """Until these n octets may go."""
        with self.lock:
            now = time.monotonic()
            self.due = max(self.due, now - PACE_CREDIT_S) + n / self.octets_per_s
            left = self.due - now
        if left > 0:
            time.sleep(left)


class Request:
    """path, query (a dict), headers (a dict, lower case), time (monotonic); resource, verb, namespace and name once routed; status of
    the answer. verb: "list", "get", "stream" (a streaming list), "follow" (another watch), "discover"."""

    def __init__(self, line, headers, connection):
        self.method, target, _ = line.split(" ", 2)
        url = urlsplit(target)
        self.path, self.query = url.path, dict(parse_qsl(url.query, keep_blank_values=True))
        self.headers = headers
        self.connection = connection.number
        self.peer = connection.peer
        self.time = time.monotonic()
        self.resource = self.namespace = self.name = None
        self.verb = "discover"
        self.api_version = None
        self.status = None

    def __repr__(self):
        return f"<{self.method} {self.path} {self.query} {self.status}>"


class Connection(threading.Thread):
    def __init__(self, server, sock, number):
        super().__init__(daemon=True, name=f"apiserver connection {number}")
        self.server, self.sock, self.number = server, sock, number
        self.peer = None  # the subject's CN of the client's certificate
        self.is_closed = False
        self.is_frozen = False
        self.input = b""
        self.sent_ns = 0  # CLOCK_MONOTONIC, before the last octets were handed to the kernel

    # ---- what faults and answers use

    def send(self, data):
        while self.is_frozen and not self.wait(0.05):
            pass
        if self.is_closed:
            raise Gone
        try:
            self.sent_ns = time.monotonic_ns()
            self.sock.sendall(data)
        except (OSError, ValueError):
            raise Gone from None

    def wait(self, seconds, is_enough=lambda: False):
        """True as soon as the connection is closed by either side."""
        end = time.monotonic() + seconds
        while not self.is_closed and not self.is_gone():
            left = end - time.monotonic()
            if left <= 0 or is_enough():
                return False
            time.sleep(min(left, 0.02))
        return True

    def is_gone(self):
        """Has the client closed? Nobody sends anything more before the answer is there."""
        try:
            if not select.select([self.sock], [], [], 0)[0]:
                return False
            data = socket.socket.recv(self.sock, 5, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True
        # TLS: application data (a request that came early) is no end, an alert (or its encrypted likeness, which is short) is.
        return not data or self.server.is_tls and (data[0] == 0x15 or len(data) == 5 and data[3:] < b"\0\x30")

    def close(self, reset=False):
        """From any thread."""
        self.is_closed = True
        with contextlib.suppress(OSError):
            if reset:
                # Its own thread wakes up and closes it, which is then an RST.
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                socket.socket.shutdown(self.sock, socket.SHUT_RD)
            else:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    # ---- the thread

    def run(self):
        try:
            self.handshake()
            while not self.is_closed:
                request = self.read_request()
                if request is None:
                    break
                self.server.serve(self, request)
        except (Gone, OSError, ValueError):  # an ssl.SSLError is an OSError
            pass
        finally:
            self.is_closed = True
            with contextlib.suppress(OSError):
                self.sock.close()
            self.server.forget(self)

    def handshake(self):
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.accepting == "silent":
            self.wait(1 << 60)
            raise Gone
        if self.server.accepting == "close":
            raise Gone
        if self.server.accepting == "refuse":
            self.sock.recv(4096)
            self.sock.sendall(ALERT)
            raise Gone
        if self.server.is_tls:
            self.sock.settimeout(10)
            self.sock = self.server.context.wrap_socket(self.sock, server_side=True, suppress_ragged_eofs=True)
            self.sock.settimeout(None)
            for part in (self.sock.getpeercert() or {}).get("subject", ()):
                for key, value in part:
                    self.peer = value if key == "commonName" else self.peer

    def read_request(self):
        while b"\r\n\r\n" not in self.input:
            data = self.sock.recv(65536)
            if not data or len(self.input) > 1 << 20:
                return None
            self.input += data
        head, _, self.input = self.input.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
        return Request(line, headers, self)


class Exchange:
    """A request and its response."""

    def __init__(self, server, connection, request, faults=()):
        self.server, self.connection, self.request = server, connection, request
        self.faults = list(faults)
        self.is_begun = False

    def head(self, status, headers):
        self.request.status = status
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}", "Audit-Id: 5c3f8a2e-fake", "Cache-Control: no-cache, private",
                 *(f"{key}: {value}" for key, value in headers.items()),
                 "X-Kubernetes-Pf-Flowschema-Uid: fake", f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def whole(self, status, body, content_type="application/json", **headers):
        """A small response; of a success the body passes the faults."""
        if status == 200 and self.faults:
            self.begin(**headers)
            self.send(body)
            self.end()
            return
        named = {key.replace("_", "-").title(): value for key, value in headers.items()}
        self.connection.send(self.head(status, {"Content-Type": content_type, **named, "Content-Length": len(body)}) + body)

    def fail(self, code, message=None, reason=None, **options):
        self.server.answers.fail(self, code, message, reason, **options)

    def begin(self, **headers):
        """The head of a 200 whose body comes in chunks."""
        named = {key.replace("_", "-").title(): value for key, value in headers.items()}
        self.connection.send(self.head(200, {"Content-Type": "application/json", **named, "Transfer-Encoding": "chunked"}))
        self.is_begun = True

    def put(self, data):
        """A piece of the body, past all faults."""
        pace = self.server.pace
        size = PACED_PIECE if pace else PIECE
        for i in range(0, len(data), size):
            piece = data[i:i + size]
            if pace:
                pace.wait(len(piece))
            self.connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def send(self, data):
        put = self.put
        for fault in self.faults:
            put = (lambda fault, put: lambda data: fault.send(self, data, put))(fault, put)
        put(data)
        if self.connection.is_closed:
            raise Gone

    def emit(self, lines):
        """Events of a watch."""
        for fault in self.faults:
            lines = fault.lines(lines)
        if lines:
            self.send(b"".join(lines))

    def end(self):
        self.connection.send(b"0\r\n\r\n")


class Listener(threading.Thread):
    def __init__(self, server, address, port):
        super().__init__(daemon=True, name="apiserver listener")
        self.server = server
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.create_server((address, port), family=family, backlog=128)
        self.port = self.sock.getsockname()[1]

    def run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self.server.admit(sock)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.join()

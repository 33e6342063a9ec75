# SPDX-License-Identifier: Apache-2.0
"""How the fake API server misbehaves. One is put in force by ApiServer.fault(), which see.

A fault may answer a request in the server's place (answer), change the events of a watch (lines), or what becomes of a body's bytes
(send). Each request that it takes has a copy of its own, so that positions are counted from the beginning of the response.
"""
import copy

WHOLE = 1 << 60


class Fault:
    def __init__(self):
        self.resource = self.verb = self.times = None
        self.hits = 0
        self.server = None

    def matches(self, request):
        return (self.resource in (None, request.resource) and self.times != 0 and
                self.verb in (None, request.verb, "watch" if request.verb in ("stream", "follow") else None))

    def take(self):
        """The copy for one request."""
        self.hits += 1
        if self.times is not None:
            self.times -= 1
        return copy.copy(self)

    def clear(self):
        self.server.clear(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def answer(self, exchange):
        """True: that was all."""
        return False

    def lines(self, lines):
        return lines

    def send(self, exchange, data, put):
        """put(bytes) writes a chunk."""
        put(data)


class Status(Fault):
    """An error with the server's own words, or others; retry_after in seconds."""

    def __init__(self, code, message=None, reason=None, retry_after=None, body=None):
        super().__init__()
        self.code, self.message, self.reason, self.retry_after, self.body = code, message, reason, retry_after, body

    def answer(self, exchange):
        exchange.fail(self.code, self.message, self.reason, retry_after=self.retry_after, body=self.body)
        return True


class Delay(Fault):
    """The answer comes late."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def answer(self, exchange):
        return exchange.connection.wait(self.seconds)


class HalfOpen(Fault):
    """The request is read, and nothing happens ever after. after_head: the head of a 200 still comes."""

    def __init__(self, after_head=False):
        super().__init__()
        self.after_head = after_head

    def answer(self, exchange):
        if self.after_head:
            exchange.begin()
        exchange.connection.wait(WHOLE)
        return True


class Close(Fault):
    """The connection ends instead of an answer; reset: by RST."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset

    def answer(self, exchange):
        exchange.connection.close(self.reset)
        return True


class Raw(Fault):
    """These bytes instead of an HTTP response, then the end of the connection."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def answer(self, exchange):
        exchange.connection.send(self.data)
        exchange.connection.close()
        return True


class Body(Fault):
    """200 with this body and no more, in order; empty: a stream that is ended at once."""

    def __init__(self, data=b""):
        super().__init__()
        self.data = data

    def answer(self, exchange):
        exchange.begin()
        if self.data:
            exchange.put(self.data)
        exchange.end()
        return True


class Drip(Fault):
    """n octets each `interval` seconds; each piece is a chunk. interval 0 and n 1: chunk boundaries at every octet."""

    def __init__(self, n, interval=0.0, total=WHOLE):
        super().__init__()
        self.n, self.interval, self.total = n, interval, total

    def send(self, exchange, data, put):
        slow, rest = data[:self.total], data[self.total:]
        self.total -= len(slow)
        pieces = [slow[i:i + self.n] for i in range(0, len(slow), self.n)]
        if not self.interval:
            exchange.connection.send(b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces))
            pieces = []
        for piece in pieces:
            put(piece)
            if exchange.connection.wait(self.interval):
                return
        if rest:
            put(rest)


class Cut(Fault):
    """After this many lines and then octets of a body: the connection's end, or one of these in its place.

    then: "close", "reset", "end" (in order, as if that were all), "silent" (never anything more, never a FIN), "go on" (after `insert`).
    insert: bytes that come in there."""

    def __init__(self, lines=0, octets=0, then="close", insert=b""):
        super().__init__()
        self.n_lines, self.n_octets, self.then, self.insert = lines, octets, then, insert
        self.is_over = False

    def split(self, data):
        """Where in these bytes it is, -1: not yet there."""
        position = 0
        while self.n_lines > 0:
            end = data.find(b"\n", position)
            if end < 0:
                return -1
            position = end + 1
            self.n_lines -= 1
        if len(data) - position < self.n_octets:
            self.n_octets -= len(data) - position
            return -1
        return position + self.n_octets

    def send(self, exchange, data, put):
        position = -1 if self.is_over else self.split(data)
        if position < 0:
            put(data)
            return
        self.is_over = True
        before = data[:position] + self.insert
        if before:
            put(before)
        if self.then == "go on":
            if data[position:]:
                put(data[position:])
        elif self.then == "silent":
            exchange.connection.wait(WHOLE)
            exchange.connection.close()
        elif self.then == "end":
            exchange.end()
            exchange.connection.close()
        else:
            exchange.connection.close(self.then == "reset")


class Insert(Cut):
    """A line among the events, after so many of them."""

    def __init__(self, line, after=0):
        super().__init__(lines=after, then="go on", insert=line if line.endswith(b"\n") else line + b"\n")


class Lines(Fault):
    """Anything else with the events of a watch: change([bytes]) gives those that are sent."""

    def __init__(self, change):
        super().__init__()
        self.lines = change


class Duplicate(Lines):
    """Each event comes twice."""

    def __init__(self):
        super().__init__(lambda lines: [line for line in lines for _ in range(2)])

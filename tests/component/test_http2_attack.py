# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/2 from people who mean it no good: what would be another request to the service, floods beside somebody who only wants
an answer, and visitors and services who stand still."""

import contextlib
import fcntl
import json
import signal
import socket
import struct
import termios
import threading
import time

import h2.settings
import pytest
from h2visitor import Http2
from proxyhouse import HOST, Head, Upstream
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)

PROTOCOL_ERROR, REFUSED, CALM = 1, 7, 11


def block(fields):
    """As bytes that nobody has looked at: literals without indexing, no Huffman."""
    def text(s):
        s = s if isinstance(s, bytes) else s.encode("latin-1")
        size = len(s)
        if size < 127:
            return bytes([size]) + s
        head, size = [127], size - 127
        while size >= 128:
            head.append(size % 128 + 128)
            size //= 128
        return bytes([*head, size]) + s
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class Raw(Http2):
    """Says what it likes; what comes back is read as any visitor's."""

    def ask(self, fields, end=True, data=None):
        self.flush()
        stream = self.h2.get_next_available_stream_id()
        # The library has to know the stream, and not what was said on it.
        self.h2.send_headers(stream, self.fields(), end_stream=end and data is None)
        self.h2.data_to_send()
        self.answers[stream] = type(self).answer()
        self.sock.sendall(frame(1, 4 | (1 if end and data is None else 0), stream, block(fields)))
        if data is not None:
            self.sock.sendall(frame(0, 1 if end else 0, stream, data))
        return stream

    @staticmethod
    def answer():
        from h2visitor import Answer
        return Answer()


GET = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
POST = [(":method", "POST"), *GET[1:]]


def path(p):
    return [*GET[:3], (":path", p)]


BAD = [
    # Lines and fields of the service's, in names, values, and what becomes the request line.
    [*GET, ("x", "a\r\nGET /evil HTTP/1.1")], [*GET, ("x", "a\nb: c")], [*GET, ("x", "a\0b")], [*GET, ("x", "a\rb")],
    [*GET, ("x\r\nb", "a")], [*GET, ("x\nb", "a")], [*GET, ("x:b", "a")], [*GET, ("x b", "a")], [*GET, ("", "a")], [*GET, ("X-Upper", "a")],
    [*GET, ("x\0", "a")], [*GET, ("x", " a")], [*GET, ("x", "a\t")], [*GET, ("x\x7f", "a")],
    path("/ HTTP/1.1\r\nX: y"), path("/a b"), path("/a\tb"), path("/a\nb"), path("/a\0"), path(""), path("x"), path("*"), path("http://x/"),
    path("//x\r\n"), path("/#x"),
    [(":method", "GET / HTTP/1.1\r\nX: y\r\n\r\n"), *GET[1:]], [(":method", "GE T"), *GET[1:]], [(":method", ""), *GET[1:]],
    # Framing of their own.
    [*POST, ("transfer-encoding", "chunked")], [*GET, ("transfer-encoding", "chunked")], [*GET, ("connection", "close")],
    [*GET, ("connection", "x-forwarded-for")], [*GET, ("keep-alive", "1")], [*GET, ("proxy-connection", "x")], [*GET, ("upgrade", "websocket")],
    [*GET, ("te", "gzip")], [*GET, ("http2-settings", "x")], [*GET, ("content-length", "5")],
    [*POST, ("content-length", "4"), ("content-length", "4")], [*POST, ("content-length", "+4")], [*POST, ("content-length", "4,4")],
    [*POST, ("content-length", "-1")], [*POST, ("content-length", "0x4")], [*POST, ("content-length", "99999999999999999999")],
    # Whose request it is.
    [*GET, ("host", "evil.example.org")], [*GET, ("host", HOST), ("host", HOST)], [GET[0], GET[1], GET[3]],
    [GET[0], GET[1], (":authority", f"{HOST}\r\nX: y"), GET[3]], [GET[0], GET[1], (":authority", f"a@{HOST}"), GET[3]],
    [GET[0], GET[1], (":authority", f"{HOST}:x"), GET[3]], [GET[0], GET[1], (":authority", ""), GET[3]],
    # Pseudo-header fields: missing, twice, late, unknown.
    GET[1:], [*GET, (":path", "/b")], [*GET, (":method", "GET")], [("x", "y"), *GET], [*GET, (":status", "200")], [*GET, (":x", "y")],
    [GET[0], (":scheme", "http"), *GET[2:]], [GET[0], (":scheme", "https\r\n"), *GET[2:]], GET[:3], [GET[0], *GET[2:]],
]


def test_no_request_is_two(house, parts, service):
    """Nothing of these reaches the service, each is a reset of its own stream, and who asks properly beside them is answered."""
    h = open_house(house, parts, ha=host(service.url))
    for i, fields in enumerate(BAD):
        with Raw(h) as v:
            stream = v.ask(fields, data=b"5\r\nhello" if fields[0][1] == "POST" else None)
            answer = v.finish(stream)
            assert answer.reset == PROTOCOL_ERROR or (answer.status or 0) >= 400, (i, fields, answer.fields, answer.reset)
            assert not v.goaways and v.finish(v.ask(path(f"/proper/{i}"))).status == 200, (i, fields)
    assert [r.target for r in service.requests] == [f"/proper/{i}" for i in range(len(BAD))]
    assert all("hello" not in r.raw.decode("latin-1") and r.get("X") is None for r in service.requests)


@pytest.mark.parametrize(("length", "data"), [("4", b"12345"), ("6", b"12345"), ("0", b"x")])
def test_lengths_that_are_not_kept(house, parts, length, data):
    """What is sent is not what was said: the service hears no whole request."""
    heard = []

    def serve(upstream, s, f):
        head = Head(f)
        body = head.body(f)
        heard.append((head.target, len(body) == int(head.get("Content-Length") or 0)))
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Raw(h) as v:
        answer = v.finish(v.ask([*POST[:3], (":path", "/bad"), ("content-length", length)], data=data))
        # Where no byte was to come, the answer may be through before the first.
        assert answer.reset == PROTOCOL_ERROR or (length == "0" and answer.status == 200)
        assert v.finish(v.ask(path("/proper"))).status == 200
    h.wait(lambda: ("/proper", True) in heard)
    assert ("/bad", True) not in heard or length == "0"


def test_no_request_is_logged(house, parts, service):
    """What is malformed makes an entry, as over HTTP/1.1, and is counted when it happens."""
    h = open_house(house, parts, ha=host(service.url))
    with Raw(h) as v:
        reset = 0
        for fields in BAD:
            answer = v.finish(v.ask(fields))
            reset += answer.reset == PROTOCOL_ERROR
        assert reset > 30
        h.wait(lambda: h.figure("proxy_requests") == len(BAD))
        assert h.figure("proxy_http2_troubles", kind="provoked reset") == reset
        h.wait(lambda: h.proxyd.text().count(f"{HOST}   0, ") == reset)
        assert "evil" not in h.proxyd.text()
    ends = 0
    # What is no HTTP/2 at all, what cannot be unpacked, and what never comes to its end.
    for data in b"GET / HTTP/1.1\r\n\r\n" * 4, frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"), frame(0, 0, 0, b"x"):
        with Raw(h) as v:
            if not data.startswith(b"GET"):
                v.run(lambda: v.settings is not None)
                v.send_raw(data)
                v.run(lambda: v.goaways or v.ended)
            else:
                v.send_raw(frame(77, 0, 0) + data)
                v.run(lambda: v.goaways or v.ended)
        ends += 1
        h.wait(lambda n=ends: h.proxyd.text().count(f"{HOST}   0, no HTTP/2, ") == n)


def test_odd_but_proper(house, parts, service):
    h = open_house(house, parts, ha=host(service.url))
    with Raw(h) as v:
        for fields, target in ((path("//a/../b;c?d=%00"), "//a/../b;c?d=%00"), ([*GET, ("host", HOST)], "/"),
                               ([GET[0], GET[1], GET[3], ("host", HOST)], "/"), ([*GET, ("x", "ä".encode())], "/"),
                               ([*GET, ("cookie", "a"), ("x", "y"), ("cookie", "b")], "/")):
            answer = v.finish(v.ask(fields))
            got = json.loads(answer.body)
            assert answer.status == 200 and got["target"] == target, fields
            assert [value for n, value in got["fields"] if n == "host"] == [HOST]


# --- floods --------------------------------------------------------------------------------------------------


class Flood:
    """Says the same again and again until the proxy has had enough, and reads what comes as fast as it goes: frames alone, for of
    these streams no library knows."""

    def __init__(self, v):
        self.v, self.rest, self.goaways, self.ended, self.resets = v, b"", [], False, 0

    def take(self):
        try:
            data = self.v.sock.recv(65536)
        except OSError:
            data = b""
        self.ended = not data
        self.rest += data
        while len(self.rest) >= 9 and len(self.rest) >= 9 + (size := int.from_bytes(self.rest[:3], "big")):
            kind, payload, self.rest = self.rest[3], self.rest[9:9 + size], self.rest[9 + size:]
            self.resets += kind == 3
            if kind == 7:
                self.goaways.append(int.from_bytes(payload[4:8], "big"))

    @property
    def over(self):
        return self.ended or bool(self.goaways)

    def wait(self, condition=lambda: False, seconds=30):
        end = time.monotonic() + seconds
        while not self.over and not condition():
            assert time.monotonic() < end, "it goes on and on"
            if self.v.readable(0.2):
                self.take()

    def run(self, data, resets=0, seconds=60):
        end, wanted = time.monotonic() + seconds, 0
        while not self.over and time.monotonic() < end:
            try:
                self.v.sock.sendall(data() if callable(data) else data)
            except OSError:
                break
            while not self.over and self.v.readable(0):
                self.take()
            wanted += resets
            self.wait(lambda n=wanted: self.resets >= n)
        self.wait()


class Bystander(threading.Thread):
    """Asks on and on, on a connection of his own."""

    def __init__(self, house):
        super().__init__(daemon=True)
        self.house, self.stop, self.slowest, self.n, self.failed = house, False, 0, 0, None
        self.start()

    def run(self):
        try:
            with Http2(self.house) as v:
                while not self.stop:
                    begin = time.monotonic()
                    assert v.visit(path="/bystander").status == 200
                    self.slowest, self.n = max(self.slowest, time.monotonic() - begin), self.n + 1
                    del v.answers[max(v.answers)]
        except Exception as e:
            self.failed = e

    def end(self):
        self.stop = True
        self.join(60)
        assert not self.failed and self.n > 0, self.failed


def rehearse(house):
    """A hundred requests at once that come to their end, twice, so that what those of a test add is theirs, and not the allocator's first
    size or what a sanitizer notes of each place that allocates."""
    for _ in range(2):
        with Http2(house) as v:
            v.run(lambda: v.settings is not None)
            streams = [v.begin(path="/rehearsal") for _ in range(100)]
            v.run(lambda: all(v.answers[s].over for s in streams))
            assert {v.answers[s].status for s in streams} == {200}
        house.wait(lambda: house.figure("proxy_host_active", host=HOST) <= 1)


class Requests:
    """Heads, each on the next stream, and what follows each."""

    def __init__(self, fields, follow=lambda stream: b"", flags=5, n=20):
        self.stream, self.block, self.follow, self.flags, self.n = 1, block(fields), follow, flags, n

    def __call__(self):
        data = b""
        for _ in range(self.n):
            data += frame(1, self.flags, self.stream, self.block) + self.follow(self.stream)
            self.stream += 2
        return data


def bomb():
    """One entry of the dynamic table, named again and again."""
    return b"\x82\x87\x84\x40\x01x\x7f\xb9\x16" + b"y" * 3000 + b"\xbe" * 10000


FLOODS = {
    "rapid reset": lambda: Requests(GET, lambda s: frame(3, 0, s, (8).to_bytes(4, "big"))),
    # As many as there may be at once, and the next when those are through: time gives credit back, and a machine may be slow.
    "provoked resets": lambda: Requests(GET, lambda s: frame(8, 0, s, b"\x7f\xff\xff\xff"), n=99),
    "malformed requests": lambda: Requests([*GET, ("X", "y")], n=99),
    "ping": lambda: frame(6, 0, 0, bytes(8)) * 100,
    "settings": lambda: frame(4, 0, 0, b"\0\x03\0\0\0\x09") * 100,
    "priority": lambda: frame(2, 0, 1, b"\0\0\0\0\x0f") * 100,
    "priority update": lambda: frame(16, 0, 0, b"\0\0\0\x01u=1") * 100,
    "empty data": lambda: [frame(1, 4, 1, block(POST)), frame(0, 0, 1) * 100],
    "padded empty data": lambda: [frame(1, 4, 1, block(POST)), frame(0, 8, 1, b"\0") * 100],
    # For a stream of which nothing is known any more: unpacked, and seen by nobody.
    "late heads": lambda: [frame(1, 5, 201, block(GET)), frame(1, 5, 1, b"\x40\x01a\x01b" * 100)],
    "hpack bomb": lambda: [frame(1, 5, 1, bomb()), b""],
    "continuation": lambda: [frame(1, 0, 1, block(GET)), frame(9, 0, 1, b"") * 100],
    "header list": lambda: [frame(1, 0, 1, block(GET)), frame(9, 0, 1, block([("x", "y" * 16000)])) * 4],
}


# As what it is counted, and whether it ends for its cost; else nghttp2 calls it a fault.
COUNTED = {"rapid reset": ("reset", 1), "provoked resets": ("provoked reset", 1), "malformed requests": ("provoked reset", 1),
           "ping": ("ping", 1), "settings": ("settings", 1), "priority": ("priority", 1), "priority update": ("priority", 1),
           "empty data": ("empty data", 1), "padded empty data": ("empty data", 1), "late heads": ("late head", 1),
           "hpack bomb": (None, 1)}


@pytest.mark.parametrize("kind", FLOODS)
def test_flood(house, parts, service, kind):
    """The connection that floods ends with a word why, soon; others' requests go on, and memory does not grow."""
    h = open_house(house, parts, main="proxy: { workers = 1; };", ha=host(service.url))
    bystander = Bystander(h)
    try:
        h.wait(lambda: bystander.n > 3 or bystander.failed)
        rehearse(h)
        before = h.rss()
        with Http2(h) as v:
            v.run(lambda: v.settings is not None)
            data = FLOODS[kind]()
            if isinstance(data, list):
                v.send_raw(data[0])
                data = data[1] or frame(6, 0, 0, bytes(8))
            flood = Flood(v)
            flood.run(data, resets=99 if kind in ("provoked resets", "malformed requests") else 0)
            assert flood.goaways in ([CALM], [PROTOCOL_ERROR], []), flood.goaways
        seen = bystander.n
        h.wait(lambda: bystander.n > seen + 3 or bystander.failed)
        assert h.rss() - before < 8192
        h.wait(lambda: h.figure("proxy_connections") == 1)
        trouble, calmed = COUNTED.get(kind, (None, 0))
        assert h.figure("proxy_http2_calmed") == calmed
        assert not trouble or h.figure("proxy_http2_troubles", kind=trouble) >= 64
    finally:
        bystander.end()


def test_windows_of_a_byte(house, parts):
    """One-byte DATA: a visitor who opens his window by a byte at a time, and a service who dribbles."""
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            if head.target == "/bystander":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                continue
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"z" * 3000)
    parts.append(Upstream(serve))
    h = open_house(house, parts, main="proxy: { workers = 1; };", ha=host(parts[-1].url))
    bystander = Bystander(h)
    codes = h2.settings.SettingCodes
    with Http2(h, settings={codes.INITIAL_WINDOW_SIZE: 0}, acknowledge=False) as v:
        streams = [v.begin(path="/x") for _ in range(50)]
        v.run(lambda: all(v.answers[s].fields for s in streams))
        for i in range(200):
            for s in streams:
                v.h2.increment_flow_control_window(1, s)
            v.flush()
            v.run(lambda n=i: all(len(v.answers[s].body) == n + 1 for s in streams))
        for s in streams:
            v.h2.increment_flow_control_window(1 << 20, s)
        v.h2.increment_flow_control_window(1 << 24)
        v.flush()
        v.run(lambda: all(v.answers[s].body == b"z" * 3000 and v.answers[s].ended for s in streams))
    bystander.end()


def unsent(s):
    return struct.unpack("i", fcntl.ioctl(s.fileno(), termios.TIOCOUTQ, bytes(4)))[0]


def test_many_who_say_goodbye_and_are_gone(house, parts, service):
    """Each has used up its turn with its last word, and is reset before it could hear ours: nobody else notices."""
    h = open_house(house, parts, main="proxy: { workers = 1; };", ha=host(service.url))
    crowd = [Http2(h) for _ in range(8)]
    for v in crowd:
        v.h2.ping(bytes(8))
        v.flush()
        v.run(lambda v=v: v.pings)
    # What they say lies there when it is looked at, and so does their end.
    h.proxyd.process.send_signal(signal.SIGSTOP)
    try:
        for v in crowd:
            v.send_raw(frame(8, 0, 0, b"\0\0\0\1") * 2400 + frame(7, 0, 0, bytes(8)))
            h.wait(lambda v=v: unsent(v.sock) == 0)
            v.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            v.close()
    finally:
        h.proxyd.process.send_signal(signal.SIGCONT)
    h.wait(lambda: h.figure("proxy_connections") == 0)
    with Http2(h) as v:
        assert v.visit().status == 200


# --- who stands still ----------------------------------------------------------------------------------------


# With all that a request takes beside its body, and what a sanitizer does with it; test-streams.c counts bytes.
MEBIBYTES_OF_A_HUNDRED = 6


def endless(upstream, s, f):
    while Head(f).target == "/rehearsal":
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
    while True:
        s.sendall(b"x" * 65536)


@pytest.mark.parametrize("window", [0, 1000, 1 << 20])
def test_visitor_who_stands_still(house, parts, window):
    """A hundred answers that he does not take, by his windows or by not reading at all, cost no more than 1 MiB of what they
    carry; and all the time he may ask for something else."""
    parts.append(Upstream(endless))
    h = open_house(house, parts, main="proxy: { workers = 1; };", ha=host(parts[-1].url))
    codes = h2.settings.SettingCodes
    rehearse(h)
    with Http2(h) as first:
        first.run(lambda: first.settings)
        before = h.rss()
        with Http2(h, settings={codes.INITIAL_WINDOW_SIZE: window}, acknowledge=False) as v:
            streams = [v.begin(path=f"/{i}") for i in range(100)]
            if window == 1 << 20:
                # He does not read.
                v.h2.increment_flow_control_window(1 << 30)
                v.flush()
                h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 100)
            else:
                v.run(lambda: all(v.answers[s].fields for s in streams))
            h.wait(lambda: (lambda n: time.sleep(0.5) or h.rss() == n)(h.rss()))
            grown = h.rss() - before
            print("grown", window, grown)
            assert grown < MEBIBYTES_OF_A_HUNDRED * 1024
        h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)


def test_service_that_stands_still(house, parts):
    """A hundred uploads that nobody takes: as much as the windows allow."""
    release = threading.Event()

    def serve(upstream, s, f):
        while Head(f).target == "/rehearsal":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        release.wait(60)
    parts.append(Upstream(serve))
    h = open_house(house, parts, main="proxy: { workers = 1; };", ha=host(parts[-1].url))
    rehearse(h)
    with Http2(h) as first:
        first.run(lambda: first.settings)
        before = h.rss()
        with Http2(h) as v:
            streams = [v.begin("POST", f"/{i}", end=False) for i in range(100)]
            h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 100)
            sent, idle = 0, 0
            while idle < 3:
                some = 0
                for s in streams:
                    room = min(v.h2.local_flow_control_window(s), v.h2.max_outbound_frame_size, 6000)
                    if room > 0:
                        v.h2.send_data(s, b"x" * room)
                        some += room
                v.flush()
                sent += some
                idle = 0 if some else idle + 1
                if v.readable(0.5):
                    v.take()
            grown = h.rss() - before
            print("sent", sent, "grown", grown)
            assert grown < MEBIBYTES_OF_A_HUNDRED * 1024
        release.set()
        h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)


def test_many_who_ask_and_do_nothing_else(house, parts):
    """What their requests are kept in counts as memory that they hold: there is an end to it, and it is theirs."""
    parts.append(Upstream(lambda upstream, s, f: (Head(f), f.read())))
    h = open_house(house, parts, main='proxy: { workers = 1; memory = "128M"; connections = 200; connections_per_address = 0; };',
                   ha=host(parts[-1].url))
    before, crowd = h.rss(), []
    big = block([*GET, ("x", "y" * 4000)])
    try:
        for _ in range(40):
            with contextlib.suppress(OSError, AssertionError):
                crowd.append(Http2(h))
                crowd[-1].run(lambda: crowd[-1].settings)
                crowd[-1].send_raw(b"".join(frame(1, 5, 2 * i + 1, big) for i in range(100)))
        h.wait(lambda: h.figure("proxy_evicted") > 0)
        assert h.rss() - before < 128 * 1024
    finally:
        for v in crowd:
            v.close()
    h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)

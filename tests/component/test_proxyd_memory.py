# SPDX-License-Identifier: LGPL-2.1-or-later
"""What visitors can make hagw-proxyd, and the kernel for it, hold: little for half a word, and no more than there is."""

import contextlib
import re
import select
import socket
import ssl
import subprocess
import threading
import time

import pytest
from proxyhouse import HOST, Head, ProxyHouse, Upstream, listen
from slowline import HERE, SlowLine
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)
from test_proxyd_handshakes import hello

REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def crowd(port, n, text, address="127.0.0.1"):
    sockets = []
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", port), 20, source_address=(address, 0))
        s.sendall(text)
        sockets.append(s)
    return sockets


def close(sockets):
    for s in sockets:
        s.close()


def ended(sockets):
    """Those whose connection the other side has closed."""
    return [s for s in select.select(sockets, [], [], 0)[0] if not s.recv(1)]


@pytest.mark.parametrize("what", ["hello", "head"])
def test_half_a_word_is_little(house, parts, service, what):  # noqa: F811
    h = open_house(house, parts, "proxy: { workers = 1; connections_per_address = 0; };", ha=host(service.url))
    port, text = (h.port, hello()[:200]) if what == "hello" else (h.http_port, REQUEST[:20])
    close(crowd(port, 100, text))
    h.wait(lambda: h.figure("proxy_connections") == 0)
    before = h.rss()
    sockets = crowd(port, 1000, text)
    h.wait(lambda: h.figure("proxy_connections") == 1000)
    assert h.rss() - before < 1000 * 16, "KiB: a small buffer, and what a connection is"
    close(sockets)


LEFT_BY_A_CROWD = 2048  # KiB at most


def test_what_a_crowd_took_is_given_back(house, parts, service):  # noqa: F811
    """Not where a sanitizer has replaced the C library's memory: there the word for it is all that shows."""
    h = open_house(house, parts, "proxy: { workers = 1; connections_per_address = 0; };", ha=host(service.url))
    with open(f"/proc/{h.proxyd.process.pid}/exe", "rb") as f:
        sanitized = re.search(rb"__[at]san_init", f.read())
    before = h.rss()
    sockets = crowd(h.http_port, 1500, REQUEST[:20])
    h.wait(lambda: h.figure("proxy_connections") == 1500)
    assert sanitized or h.rss() - before > 2 * LEFT_BY_A_CROWD
    assert "memory is given back" not in h.proxyd.text()
    close(sockets)
    h.wait(lambda: "memory is given back" in h.proxyd.text())
    if not sanitized:
        h.wait(lambda: h.rss() - before < LEFT_BY_A_CROWD)


def test_a_long_hello_is_read_too(house, parts, service):  # noqa: F811
    """More than the small buffer that a hello begins in, and more than one record."""
    h = open_house(house, parts, ha=host(service.url))
    # An extension of 12 KiB that nobody knows.
    extra = b"\x0a\x0a" + (12000).to_bytes(2, "big") + bytes(12000)
    body = hello()[5 + 4:]
    i = 34 + 1 + body[34]
    i += 2 + int.from_bytes(body[i:i + 2], "big")
    i += 1 + body[i]
    length = int.from_bytes(body[i:i + 2], "big")
    body = body[:i] + (length + len(extra)).to_bytes(2, "big") + extra + body[i + 2:]
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    half = len(message) // 2
    records = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (message[:half], message[half:]))
    with socket.create_connection(("127.0.0.1", h.port), 20) as s:
        s.sendall(records)
        assert s.recv(3) == b"\x16\x03\x03", "a ServerHello"


def test_who_takes_longest_makes_room(house, parts, service):  # noqa: F811
    h = open_house(house, parts, "proxy: { workers = 1; connections = 16; };", ha=host(service.url))
    halves = crowd(h.port, 15, hello()[:50], "127.0.0.2")
    h.wait(lambda: h.figure("proxy_connections") == 15)
    with contextlib.closing(h.visit().connection) as first:
        assert h.figure("proxy_evicted") == 0
        with contextlib.closing(h.visit().connection):
            h.wait(lambda: ended(halves) == halves[:1])
            assert h.figure("proxy_evicted") == 1
        # Who has said all that he wants is not in anybody's way.
        more = crowd(h.port, 30, hello()[:50], "127.0.0.2")
        h.wait(lambda: h.figure("proxy_evicted") >= 16)
        assert h.visit(connection=first).status == 200
        close(more)
    close(halves)


def test_nobody_pushes_others_out(house, parts, service):  # noqa: F811
    """Where a crowd from one address fills the house, its own go, and not whoever happens to be slow."""
    h = open_house(house, parts, "proxy: { workers = 1; connections = 16; };", ha=host(service.url))
    text = hello()
    slow = [*crowd(h.port, 1, text[:50], "127.0.0.2"), *crowd(h.http_port, 1, REQUEST[:20], "127.0.0.3")]
    h.wait(lambda: h.figure("proxy_connections") == 2)
    pushing = crowd(h.port, 60, text[:50])
    h.wait(lambda: h.figure("proxy_accepted") == 62)
    assert h.figure("proxy_evicted") == 62 - 16
    assert not ended(slow)
    slow[0].sendall(text[50:])
    assert slow[0].recv(3) == b"\x16\x03\x03"
    slow[1].sendall(REQUEST[20:])
    assert slow[1].recv(12) == b"HTTP/1.1 308"
    close(slow + pushing)


@pytest.mark.parametrize("what", ["nothing", "nothing more"])
def test_who_says_nothing_makes_room(house, parts, service, what):  # noqa: F811
    """On port 80 that costs no handshake, and lasts for proxy.idle_timeout."""
    h = open_house(house, parts, 'proxy: { workers = 1; connections = 16; idle_timeout = "1h"; head_timeout = "1h"; };',
                   ha=host(service.url))
    silent = crowd(h.http_port, 16, b"" if what == "nothing" else REQUEST)
    h.wait(lambda: h.figure("proxy_connections") == 16)
    if what != "nothing":
        for s in silent:
            assert s.recv(12) == b"HTTP/1.1 308"
    with socket.create_connection(("127.0.0.1", h.port), 20, source_address=("127.0.0.2", 0)) as raw, \
            h.context().wrap_socket(raw, server_hostname=HOST) as tls:
        tls.sendall(REQUEST)
        assert tls.recv(12) == b"HTTP/1.1 200"
        assert h.figure("proxy_evicted") == 1
        # He is between requests now, and they are many.
        more = crowd(h.http_port, 30, b"")
        h.wait(lambda: h.figure("proxy_evicted") == 31)
        tls.sendall(REQUEST)
        while not (text := tls.recv(4096)).startswith(b"HTTP/1.1 200"):
            assert text
        close(more)
    close(silent)


def test_whom_a_balancer_brings_counts_as_himself(house, parts, service):  # noqa: F811
    h = open_house(house, parts, 'proxy: { workers = 1; connections = 16; proxy_protocol_from = ( "127.0.0.9" ); };',
                   ha=host(service.url))

    def bring(address, text):
        pair = socket.inet_aton(address) + socket.inet_aton("192.0.2.1") + b"\x10\x00\x01\xbb"
        return crowd(h.port, 1, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + pair + text, "127.0.0.9")[0]

    text = hello()
    slow = bring("198.51.100.1", text[:50])
    h.wait(lambda: h.figure("proxy_connections") == 1)
    pushing = []
    for i in range(60):
        pushing.append(bring("198.51.100.2", text[:50]))
    h.wait(lambda: h.figure("proxy_accepted") == 61)
    assert not ended([slow])
    slow.sendall(text[50:])
    assert slow.recv(3) == b"\x16\x03\x03"
    close([slow, *pushing])


def test_memory_is_shared_out(house, parts, service):  # noqa: F811
    """Heads that have outgrown the small buffer: with 32 MiB there is room for so many, and the oldest go."""
    h = open_house(house, parts, 'proxy: { workers = 1; memory = "32M"; connections_per_address = 0; };',
                   ha=host(service.url))
    text = REQUEST[:-2] + b"X: " + b"x" * 6000
    heads = crowd(h.http_port, 200, text)
    h.wait(lambda: h.figure("proxy_evicted") > 50)
    h.wait(lambda: h.figure("proxy_connections") == 200 - h.figure("proxy_evicted"))
    gone = {s.fileno() for s in ended(heads)}
    order = [s.fileno() in gone for s in heads]
    assert order == sorted(order, reverse=True), "the oldest first"
    heads[-1].sendall(b"\r\n\r\n")
    assert heads[-1].recv(12) == b"HTTP/1.1 308"
    assert h.visit().status == 200
    close(heads)
    h.wait(lambda: h.figure("proxy_connections") <= 1)
    # The limit of connections follows, too.
    refused = crowd(h.port, 300, hello()[:50])
    h.wait(lambda: h.figure("proxy_connections") == 256)
    close(refused)


def test_who_does_not_read_makes_room(house, parts):  # noqa: F811
    """As many answers from one address, of which nobody reads a byte, as would take all memory there is."""
    def serve(upstream, s, f):
        while True:
            if Head(f).target == "/small":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall")
                continue
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
            while True:
                s.sendall(bytes(1 << 20))

    upstream = Upstream(serve)
    parts.append(upstream)
    h = open_house(house, parts, 'proxy: { workers = 1; memory = "32M"; };', ha=host(upstream.url))
    big = f"GET /big HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

    def come(address, text):
        raw = socket.socket()
        raw.settimeout(20)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.bind((address, 0))
        raw.connect(("127.0.0.1", h.port))
        tls = h.context().wrap_socket(raw, server_hostname=HOST)
        tls.sendall(text)
        assert tls.recv(12) == b"HTTP/1.1 200"
        return tls

    slow = come("127.0.0.2", big)
    crowd = []
    for _ in range(150):
        with contextlib.suppress(OSError, AssertionError):  # where memory is short it is this network that makes room
            crowd.append(come("127.0.0.1", big))
    h.wait(lambda: h.figure("proxy_evicted") > 0)
    assert 150 - len(crowd) <= h.figure("proxy_evicted"), "who found no room made room, and nobody else was turned away"
    for _ in range(20):
        come("127.0.0.3", big.replace(b"/big", b"/small")).close()
    for _ in range(100):
        assert slow.recv(4096), "he reads, and is from another address"
    close([slow, *crowd])


MANY = 24 << 20 # bytes that pass before somebody stands still


def connect(port):
    """From the far end of the line, without looking at certificates: what is measured is the other end."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection((HERE, port), 30), server_hostname=HOST)


def upload(port):
    s = connect(port)
    s.settimeout(4)
    s.sendall(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {1 << 40}\r\n\r\n".encode())
    with contextlib.suppress(OSError):
        while True:
            s.sendall(bytes(65536))


def download(port):
    s, n, times = connect(port), 0, []
    s.sendall(REQUEST)
    while n < MANY:
        n += len(s.recv(65536))
        times.append((time.monotonic(), n))
    time.sleep(4)
    return times


def rate(times):
    (begin, first), (end, last) = times[len(times) // 2], times[-1]
    return f"{(last - first) / (end - begin) / 1e6:.2f} MB/s of 12.5 in the second half"


def kernel(port):
    """The most that the kernel lets those have who speak to that port: received, to be sent."""
    text = subprocess.run(["ss", "-tmnH", "state", "established", "sport", "=", f":{port}"], capture_output=True, text=True,
                          check=True).stdout
    rows = [(int(rb), int(tb)) for rb, tb in re.findall(r"skmem:\(r\d+,rb(\d+),t\d+,tb(\d+)", text)]
    return [max((row[i] for row in rows), default=0) for i in (0, 1)]


@pytest.fixture
def line(parts):  # noqa: F811
    for name in ("rmem", "wmem"):
        with contextlib.suppress(OSError), open(f"/proc/sys/net/ipv4/tcp_{name}", "w") as f:
            f.write("4096 131072 33554432")
    parts.append(SlowLine())
    return parts[-1]


def watch(line, most, sides):
    """Until the far end has done what it was asked."""
    for i, port in enumerate(sides):
        most[i] = max(most[i], kernel(port)[i])
    return line.near.poll(0)


def open_slow(house, parts, serve):  # noqa: F811
    service = Upstream(serve)  # noqa: F811
    parts.append(service)
    h = ProxyHouse(house, ha=host(service.url))
    parts.append(h)
    h.https = listen("0.0.0.0")
    h.port = h.https.getsockname()[1]
    h.certify(HOST)
    h.start()
    h.wait(lambda: len(h.proxyd_certificates()) > 0)
    return h, service


def least_of(measure, tries=3):
    """The kernel lets the buffers grow in steps of what was read in a round trip. On a machine that had no time they are long, and
    the bound, which looks after each, is passed by one of them: so once in a few tries it has to hold."""
    for _ in range(tries):
        most = measure()
        if most <= 4 << 20:
            break
    assert 1 << 20 < most <= 4 << 20, most


def test_kernel_holds_little_of_an_upload(house, parts, line):  # noqa: F811
    """A service that reads for a while, so that the kernel's buffers grow as the line wants it, and then stands still."""
    still, times = threading.Event(), []

    def serve(upstream, s, f):
        Head(f)
        while times[-1][1] < MANY:
            n = len(s.recv(1 << 20))
            times.append((time.monotonic(), times[-1][1] + n))
        still.wait(60)

    h, _ = open_slow(house, parts, serve)

    def measure():
        still.clear()
        times[:] = [(0, 0)]
        line.call(upload, h.port)
        most = [0, 0]
        h.wait(lambda: watch(line, most, [h.port, h.port]), 60)
        line.result()
        still.set()
        print(rate(times), most)
        assert times[-1][1] >= MANY
        return most[0]
    least_of(measure)


def test_kernel_holds_little_of_a_download(house, parts, line):  # noqa: F811
    """A visitor who reads for a while and then stands still."""
    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            s.sendall(bytes(1 << 20))

    h, service = open_slow(house, parts, serve)  # noqa: F811

    def measure():
        line.call(download, h.port)
        most = [0, 0]
        h.wait(lambda: watch(line, most, [service.port, h.port]), 60)
        print(rate(line.result()), most)
        return most[1]
    least_of(measure)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd among people who mean it no good: scanners, smugglers, hostile services, floods. After each test the proxy
still serves, and holds no socket more than before."""

import base64
import json
import os
import re
import socket
import ssl
import struct
import threading
import time

import pytest
from proxyhouse import HOST, Authority, Head, ProxyHouse, Upstream, echo, silent

OTHER = "other.home.example.com"
START = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()


def host(upstream, name=HOST, access='login = "none";', more=""):
    return f'name = "{name}"; upstream = "{upstream}"; access: {{ {access} }}; {more}'


class Home(ProxyHouse):
    """With a service behind it, and what a visitor can do by hand."""

    def __init__(self, house, serve=echo, main="", access='login = "none";', more="", others=None):
        self.service = Upstream(serve)
        hosts = {"ha": host(self.service.url, access=access, more=more), **(others or {})}
        super().__init__(house, main, env={"ASAN_OPTIONS": "quarantine_size_mb=1"}, **hosts)
        self.certify("*.home.example.com")
        self.start()
        self.wait(lambda: len(self.proxyd_certificates()) == len(hosts))
        self.visit_until_served()
        self.fds_before = self.fds()

    def visit_until_served(self):
        """Warms up what is made once; the service may be a hostile one."""
        self.tls().close()
        self.settle()

    def raw(self, timeout=10):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def ask(self, data, name=HOST, pause=0.4):
        """Sends bytes over TLS; returns (everything that came until the end or a pause, whether the end came). The first
        byte may take longer: a busy machine's pause is not the proxy's."""
        with self.tls(name) as s:
            got = b""
            try:
                s.sendall(data)
                s.settimeout(max(pause, 10))
                while chunk := s.recv(65536):
                    got += chunk
                    s.settimeout(pause)
                return got, True
            except TimeoutError:
                return got, False
            except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
                return got, True

    def fds(self):
        return len(os.listdir(f"/proc/{self.proxyd.process.pid}/fd"))

    def settle(self):
        self.wait(lambda: self.figure("proxy_connections") == 0, 20)

    def assert_well(self):
        """No visitor's connection left open, and what upstream connections are pooled stays small."""
        self.settle()
        assert self.proxyd.process.poll() is None
        assert self.fds() <= self.fds_before + 8

    def close(self):
        super().close()
        self.service.close()


@pytest.fixture
def opened():
    parts = []
    yield parts
    for p in reversed(parts):
        p.close()


@pytest.fixture
def make(house, opened):
    def make(*args, **keys):
        opened.append(Home(house, *args, **keys))
        return opened[-1]
    return make


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def count(answers):
    return len(re.findall(rb"HTTP/1\.1 [1-5]\d\d ", answers))


def hello(name=None, **options):
    """The bytes of a ClientHello."""
    c = ssl.create_default_context()
    c.check_hostname = False
    for k, v in options.items():
        setattr(c, k, v)
    out = ssl.MemoryBIO()
    try:
        c.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def in_records(data, size):
    message = data[5:]
    return b"".join(data[:3] + struct.pack(">H", len(message[i:i + size])) + message[i:i + size]
                    for i in range(0, len(message), size))


def test_scanners_get_nothing(make):
    home = make(others={"inside": host("http://127.0.0.1:9", OTHER, 'login = "none"; from = "lan";')},
                main='lan = ( "192.0.2.0/24" ); proxy: { hello_timeout = "2s"; };')
    known = hello(HOST)
    attempts = {
        "http": START + b"\r\n", "http to an address": b"GET / HTTP/1.0\r\n\r\n", "ssh": b"SSH-2.0-x\r\n", "smtp": b"EHLO x\r\n",
        "zeros": b"\0" * 1000, "noise": os.urandom(1000), "rdp": bytes.fromhex("030000130ee000000000000100080003000000"),
        "sslv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + b"\0" * 16,
        "no name": hello(), "an address for a name": hello("127.0.0.1"), "unknown name": hello("www.example.com"),
        "the zone": hello("home.example.com"), "below the wildcard": hello("a.ha.home.example.com"),
        "not from here": hello(OTHER), "two records of nothing": b"\x16\x03\x01\0\0" * 2, "alert": b"\x15\x03\x01\0\x02\x02\x28",
        "half a hello, then http": known[:100] + START, "a record too long": b"\x16\x03\x01\xff\xff" + known[5:],
        "hello without end": b"\x16\x03\x01\x40\0\x01\0\xff\xfe\x03\x03" + b"a" * 70000,
        "server hello": known[:5] + b"\x02" + known[6:], "a name with NUL": known.replace(b"ha.home", b"ha\0home"),
        "a session id too long": known[:43] + b"\xff" + known[44:],
    }
    for what, data in attempts.items():
        with home.raw() as s:
            try:
                s.sendall(data)
            except (ConnectionResetError, BrokenPipeError):
                pass
            assert silent(s), what
    assert home.figure("proxy_handshakes") == 1 and not home.service.requests  # the one of the fixture
    # Closed without a word: nothing, half a hello.
    for data in (b"", known[:3], known[:50]):
        with home.raw() as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            assert silent(s)
    home.assert_well()


def test_hello_in_pieces(make):
    home = make()
    for record, segment in ((1, 500), (7, 3), (100, 1), (16384, 1)):
        context = home.context()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        data = in_records(outgoing.read(), record)
        with home.raw() as s:
            for i in range(0, len(data), segment):
                s.sendall(data[i:i + segment])
            try:
                got = s.recv(5)
            except TimeoutError:
                got = b"nothing"
            assert got[:2] == b"\x16\x03", (record, segment, got)
    with home.tls(HOST.upper()) as s:
        s.sendall(START + b"\r\n")
        assert s.recv(12) == b"HTTP/1.1 200"
    home.assert_well()


POST = f"POST / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

REFUSED = [
    # What could be read in two ways.
    (POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
    (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG", 400),
    (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400),
    (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    (POST + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    (POST + b"Content-Length: +5\r\n\r\nhello", 400),
    (POST + b"Content-Length: 0x5\r\n\r\nhello", 400),
    (POST + b"Content-Length: \r\n\r\n", 400),
    (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    (POST + b"Content-Length : 5\r\n\r\nhello", 400),
    (POST + b"Content\x0b-Length: 5\r\n\r\nhello", 400),
    (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: identity, chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: \x00chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (START + b"X: a\r\n b\r\n\r\n", 400),
    (START + b"X: a\rb\r\n\r\n", 400),
    (START + b"X: a\nY: b\r\n\r\n", 400),
    (START + b"X: a\0\r\n\r\n", 400),
    (START + b"X\r\n\r\n", 400),
    (START + b": a\r\n\r\n", 400),
    (START.replace(b"\r\n", b"\n") + b"\n", 400),
    (START + b"Host: x\r\n\r\n", 400),
    (START + START[16:] + b"\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    (b"GET https://evil.example/ HTTP/1.1\r\n" + START[16:] + b"\r\n", 400),
    (b"GET / HTTP/1.0\r\n" + START[16:] + b"\r\n", 505),
    (b"GET / HTTP/2.0\r\n" + START[16:] + b"\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /\r\n\r\n", 505),
    (b"GET  / HTTP/1.1\r\n" + START[16:] + b"\r\n", 400),
    (b"GET /a b HTTP/1.1\r\n" + START[16:] + b"\r\n", 400),
    (b"G\xc3\xa4T / HTTP/1.1\r\n" + START[16:] + b"\r\n", 400),
    (b"BREW / HTTP/1.1\r\n" + START[16:] + b"\r\n", 501),
    (b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 405),
    (b"TRACE / HTTP/1.1\r\n" + START[16:] + b"\r\n", 405),
    (START + b"Expect: tea\r\n\r\n", 417),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    # Upgrades that are none.
    (POST + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400),
    (START + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nContent-Length: 4\r\n"
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nbody", 400),
    (START + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400),
]


def test_smuggled_requests(make):
    home = make()
    for data, expected in REFUSED:
        got, ended = home.ask(data + SMUGGLED)
        assert status(got) == expected, (data, got)
        assert ended and b"Connection: close\r\n" in got, data
        assert count(got) == 1, (data, got)
    assert not home.service.requests
    home.assert_well()


def test_bodies_are_no_requests(make):
    """What stands in a body stays there, and what follows it is the next request, once."""
    home = make()
    for data in (b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
                 b"Transfer-Encoding: chunked\r\n\r\n%x;a=b\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\nHost: evil\r\n\r\n"):
        home.service.requests.clear()
        got, _ = home.ask(POST + data + START.replace(b"/ ", b"/second ", 1) + b"\r\n")
        assert got.count(b"HTTP/1.1 200") == 2
        assert [h.target for h in home.service.requests] == ["/", "/second"]
        assert not [h for h in home.service.requests if h.get("Host") != HOST]
    # Chunks that are none: the service never sees a whole request, the visitor no second answer.
    for body in (b"g\r\n", b"5\r\nhello0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
                 b"ffffffffffffffffff\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"0\r\n\n", b"5;" + b"x" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
                 b"0\r\n" + b"x" * 10000,
                 # Behind the last chunk there are fields, or nothing.
                 b"0\r\nno field\r\n\r\n", b"0\r\nX : a\r\n\r\n", b"5\r\nhello\r\n0\r\n: a\r\n\r\n", b"0\r\nX\xe4: a\r\n\r\n",
                 b"0\r\nX: a\x01\r\n\r\n", b"0\r\nX: a\r\n b\r\n\r\n", b"0\r\nX: a\n\r\n", b"0\r\n" + START[:-2] + b"\r\n\r\n"):
        home.service.requests.clear()
        got, ended = home.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + SMUGGLED)
        assert ended and count(got) <= 1 and status(got) in (400, None), (body, got)
        assert not home.service.requests
    home.assert_well()


def test_host_of_another(make):
    home = make(others={"other": host("http://127.0.0.1:9", OTHER)})
    for name in (OTHER, "www.example.com", "127.0.0.1", "[::1]", "a." + HOST, HOST[1:], "localhost"):
        got, _ = home.ask(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode(), pause=5)
        assert status(got) == 421, (name, got)
    assert not home.service.requests
    for name in (HOST, HOST.upper(), HOST + ":443", HOST + ".", HOST + f":{home.port}"):
        got, _ = home.ask(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode(), pause=5)
        assert status(got) == 200, (name, got)
        assert home.service.requests[-1].all("Host") == [name]
    home.assert_well()


def test_spoofed_fields(make):
    home = make()
    fields = ["X-Forwarded-For: 192.168.1.2", "x-forwarded-for: 10.0.0.1, 10.0.0.2", "X_Forwarded_For: 10.0.0.1",
              "X-Forwarded_For: 10.0.0.1", "x.forwarded.for: 10.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: evil",
              "X-Forwarded-Server: evil", "X-Forwarded-Port: 1", "X_FORWARDED_HOST: evil", "Forwarded: for=10.0.0.1;host=evil",
              "X-Real-IP: 10.0.0.1", "X_Real_IP: 10.0.0.1", "True-Client-IP: 10.0.0.1", "CF-Connecting-IP: 10.0.0.1",
              "X-Remote-User-Id: admin", "X_Remote_User_Name: admin", "X-Remote-User: admin", "X-Hass-Source: core.ingress",
              "X_Hass_Source: core.ingress", "X-Ingress-Path: /x", "x_ingress_path: /x", "X-Hagw-User: admin", "Remote-User: admin",
              "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "Proxy: http://evil", "Proxy-Authorization: x", "TE: trailers",
              "Keep-Alive: 5", "Content_Length: 5", "Transfer_Encoding: chunked", "X-Mine: 1", "Via: 1.1 x",
              "Connection: x-mine, Host, Cookie, Authorization, X-Forwarded-For, Content-Length", "Authorization: Bearer a", "Cookie: a=b"]
    got, _ = home.ask(START + "".join(f + "\r\n" for f in fields).encode() + b"\r\n")
    assert status(got) == 200
    assert sorted(home.service.requests[-1].fields) == sorted([
        ("Host", HOST), ("Authorization", "Bearer a"), ("Cookie", "a=b"), ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"), ("X-Hagw-Outer", "login=none; depth=2")])
    home.assert_well()


def test_cookies(make):
    home = make()
    big = "b=" + "x" * 20000
    for sent, arrives in (("__Host-hagw=secret", []), ("a=1; __Host-hagw=secret; c=2", ["a=1; c=2"]),
                          ("__Host-hagw=s; __Host-hagw=s; a=1", ["a=1"]), (big + "; __Host-hagw=secret", [big]),
                          ("x__Host-hagw=1", ["x__Host-hagw=1"]), ("__Host-hagw=" + "s" * 20000, [])):
        got, _ = home.ask(START + f"Cookie: {sent}\r\n\r\n".encode())
        assert status(got) == 200 and home.service.requests[-1].all("Cookie") == arrives, sent[:100]
        assert b"secret" not in home.service.requests[-1].raw
    got, ended = home.ask(START + b"Cookie: " + b"x" * 40000 + b"\r\n\r\n")
    assert status(got) in (431, None) and ended
    home.assert_well()


OPEN = 'open_paths = ( "/api/webhook/" );'


def test_open_paths(make):
    home = make(access=OPEN)
    tricks = ["/api/webhook/../states", "/api/webhook/%2e%2e/states", "/api/webhook/.%2E/states", "/api/webhook/..%2fstates",
              "/api/webhook/..%5cstates", "/api/webhook/..\\states", "/api/webhook/..;/states", "/api/webhook/;/../../states",
              "/api/webhook/%252e%252e/states", "/api/webhook//../states", "//api/webhook/x", "/./api/webhook/x", "/api//webhook/x",
              "/api/webhook%2fx", "/api/webhook", "/API/WEBHOOK/x", "/states?/api/webhook/", "/api/webhook/%00", "/api/webhook/%c0%ae%c0%ae/x",
              "/api/webhook/%ef%bc%8e%ef%bc%8e/x", "/api/states", "/", "/api/webhook/..", "/api/webhook/.", "*"]
    for target in tricks:
        for method in ("GET", "POST", "OPTIONS", "PROPFIND"):
            if target == "*" and method != "OPTIONS":
                continue
            got, _ = home.ask(f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode(), pause=5)
            assert status(got) in (400, 401, 303), (target, got)
            assert b"refresh" not in got
    got, _ = home.ask(f"GET https://{HOST}/api/webhook/../states HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert status(got) == 401
    assert not home.service.requests
    # What is open passes byte for byte.
    for target in ("/api/webhook/abc?x=../..", "/api/webhook/a%20b", "/api/%77ebhook/abc"):
        got, _ = home.ask(f"POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nok".encode())
        assert status(got) == 200 and home.service.requests[-1].target == target
    home.assert_well()


def test_login_redirect(make):
    home = make(access=OPEN)
    for target, location in (("/lovelace?a=b&c", "/.hagw/auth/login?return=/lovelace%3Fa%3Db%26c"), ("//evil.example/", "/.hagw/auth/login"),
                             ("/\\evil.example", "/.hagw/auth/login"), ("/" + "x" * 6000, "/.hagw/auth/login")):
        got, _ = home.ask(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\n\r\n".encode())
        assert status(got) == 303 and f"\r\nLocation: {location}\r\n".encode() in got, (target, got)
    got, _ = home.ask(START + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAccept: text/html\r\n"
                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert status(got) == 401
    # A session nobody can check is none: never the service.
    got, _ = home.ask(START + b"Cookie: __Host-hagw=AAAAAAAAAAAAAAAAAAAAAA\r\n\r\n", pause=5)
    assert status(got) in (401, 503)
    assert not home.service.requests
    home.assert_well()


def answers(*texts, close=False):
    """A service that answers each request on a connection with the next of the texts, and then maybe closes."""
    def serve(upstream, s, f):
        for text in texts:
            head = Head(f)
            head.body(f)
            upstream.requests.append(head)
            s.sendall(text)
        if close:
            s.shutdown(socket.SHUT_WR)
        f.read(1)
    return serve


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MALFORMED = [  # and many more in test_odd_answers.py
    b"", b"\r\n\r\n", b"garbage\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 1000 + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
]


def test_malformed_answers(make):
    turn = {}

    def serve(upstream, s, f):
        Head(f)
        s.sendall(turn["text"])
        s.shutdown(socket.SHUT_WR)
        f.read(1)

    home = make(serve)
    for text in MALFORMED:
        turn["text"] = text
        got, _ = home.ask(START + b"Accept: text/html\r\nConnection: close\r\n\r\n", pause=5)
        assert status(got) == 502 and count(got) == 1, (text[:200], got[:300])
        assert b"502 Bad Gateway" in got and got.endswith(b"</html>\n")
    home.assert_well()


@pytest.mark.parametrize("text", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nfffffffffffffffff\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: " + b"y" * 20000,
])
def test_answers_cut_short(make, text):
    """The visitor must be able to tell that something is missing."""
    home = make(answers(text, close=True))
    got, ended = home.ask(START + b"\r\n" + START + b"\r\n", pause=2)
    # Where the head was not yet on its way, it is kept back, and the visitor is told.
    assert status(got) == 502 and count(got) == 2 or status(got) == 200 and count(got) == 1 and ended
    assert not got.endswith(b"0\r\n\r\n") and b"Content-Length: 5\r\n" not in got
    home.assert_well()


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"


@pytest.mark.parametrize("method, answer", [
    ("GET", OK + EVIL), ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n" + EVIL),
    ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + EVIL),
    ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n" + EVIL), ("GET", b"HTTP/1.1 204 No Content\r\n\r\n" + EVIL),
])
def test_answers_nobody_asked_for(make, method, answer):
    """Bytes behind an answer are never the next visitor's."""
    def serve(upstream, s, f):
        while True:
            s.sendall(answer if Head(f).target == "/bad" else OK)

    home = make(serve)
    for _ in range(3):
        bad = f"{method} /bad HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        got, _ = home.ask(bad + START + b"\r\n", pause=0.2)
        assert b"EVIL" not in got
        got, _ = home.ask(START + b"\r\n" + START + b"\r\n", pause=2)
        assert count(got) == 2 and got.count(b"\r\n\r\nok") == 2 and b"EVIL" not in got
    home.assert_well()


def test_late_answer_on_a_pooled_connection(make):
    sent = threading.Event()

    def serve(upstream, s, f):
        Head(f)
        s.sendall(OK)
        if upstream.connections == 1:
            time.sleep(0.3)
            s.sendall(EVIL)
            sent.set()
        while True:
            Head(f)
            s.sendall(OK)

    home = make(serve)
    assert status(home.ask(START + b"\r\n", pause=0.1)[0]) == 200
    assert sent.wait(20)
    time.sleep(0.1)
    for _ in range(3):
        got, _ = home.ask(START + b"\r\n", pause=0.2)
        assert status(got) == 200 and b"EVIL" not in got
    home.assert_well()


def test_tickets_and_answer_together(make, house, opened):
    """An upstream's TLS 1.3 tickets come in front of its answer, often in one segment with it; neither may get stuck."""
    chain, key = Authority(house.root).issue("127.0.0.1")
    (house.root / "up.pem").write_text(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(house.root / "up.pem")
    context.num_tickets = 8

    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    opened.append(Upstream(serve, context=context))
    home = make(others={"other": host(opened[0].url.replace("http:", "https:"), OTHER, more='tls: { verify = "insecure"; };')})
    for _ in range(20):
        got, ended = home.ask(f"GET / HTTP/1.1\r\nHost: {OTHER}\r\nConnection: close\r\n\r\n".encode(), name=OTHER, pause=60)
        assert status(got) == 200 and got.endswith(b"ok") and ended
    home.assert_well()


def test_websocket_refused_by_the_service(make):
    """No 101, no tunnel: what the visitor sends after a refused upgrade is a request, and judged as one."""
    home = make()
    key = base64.b64encode(os.urandom(16))
    upgrade = (START + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
    got, ended = home.ask(upgrade + b"\x81\x05hello\r\n\r\n")
    assert status(got) == 200 and ended
    assert len(home.service.requests) == 1
    # Another protocol is not asked for at all.
    for token in (b"websocket2", b"h2c", b"websocket, h2c", b"TLS/1.0"):
        got, _ = home.ask(START + b"Upgrade: " + token + b"\r\nConnection: Upgrade\r\n\r\n")
        assert status(got) == 200
        assert home.service.requests[-1].get("Upgrade") is None and home.service.requests[-1].get("Connection") is None
    home.assert_well()


def test_visitor_who_goes(make):
    """Half a goodbye counts as one: an endless answer has nobody left to go to, and the service is let go at once."""
    ended = threading.Event()

    def serve(upstream, s, f):
        head = Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nfirst")
        f.read(1)
        upstream.requests.append(head)
        ended.set()

    home = make(serve)
    with home.tls() as s:
        s.sendall(START + b"\r\n")
        got = b""
        while b"first" not in got:
            got += s.recv(65536)
        socket.socket.shutdown(s, socket.SHUT_WR)
        assert ended.wait(30)
    home.assert_well()


def test_head_limits(make):
    home = make(main='proxy: { head_size = "8K"; header_count = 20; head_timeout = "1s"; };')
    assert status(home.ask(START + b"X: " + b"x" * 7000 + b"\r\n\r\n")[0]) == 200
    for data, expected in ((START + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431), (START + b"X: " + b"x" * 9000, 431),
                           (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414), (b"GET /" + b"x" * 9000, 414), (START + b"X: y\r\n" * 20 + b"\r\n", 431),
                           (START + b"X: y\r\n" * 500 + b"\r\n", 431)):
        got, ended = home.ask(data)
        assert status(got) == expected and ended, (data[:60], got)
    assert status(home.ask(START + b"X: y\r\n" * 19 + b"\r\n")[0]) == 200
    home.assert_well()


def test_largest_head(make):
    """REQUIREMENTS 10."""
    home = make()
    target = "/?" + "q" * 24000
    got, _ = home.ask(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert status(got) == 200 and json.loads(got.split(b"\r\n\r\n", 1)[1])["target"] == target
    home.assert_well()


def drip(s, data, seconds):
    """A byte every so often until the other end has enough; returns what it said."""
    deadline = time.monotonic() + seconds
    s.settimeout(0.1)
    got = b""
    for b in data:
        assert time.monotonic() < deadline, "it lets itself be kept waiting"
        try:
            s.send(bytes([b]))
            got += s.recv(65536) or b""
            return got
        except TimeoutError:
            continue
        except OSError:
            return got
    return got


def test_slow_visitors(make):
    home = make(main='proxy: { hello_timeout = "1s"; head_timeout = "1s"; idle_timeout = "1s"; };')
    with home.raw() as s:
        begin = time.monotonic()
        assert silent(s, 8) and time.monotonic() - begin < 8
    with home.raw() as s:
        assert drip(s, hello(HOST), 8) == b""
    with home.tls() as s:
        assert status(drip(s, START + b"X: " + b"y" * 100, 8)) == 408
    with home.tls() as s:
        begin = time.monotonic()
        assert silent(s, 8) and time.monotonic() - begin < 8
    assert not home.service.requests
    home.assert_well()


def test_connection_limit(make):
    home = make(main='proxy: { workers = 1; connections = 16; };')
    held = [home.tls() for _ in range(7)] # fewer than half of the places: they keep them
    more = [socket.create_connection(("127.0.0.1", home.port), 20, source_address=("127.0.0.2", 0)) for _ in range(40)]
    for s in held:
        s.sendall(START + b"\r\n")
        assert s.recv(12) == b"HTTP/1.1 200"
    assert home.figure("proxy_connections") <= 16
    for s in held + more:
        s.close()
    assert status(home.ask(START + b"\r\n", pause=5)[0]) == 200
    home.assert_well()


def test_ticket_of_another_host(make):
    home = make(others={"other": host("http://127.0.0.1:9", OTHER)})
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = home.context(minimum_version=version, maximum_version=version)
        with home.tls(context=context) as s:
            s.sendall(START + b"\r\n")
            s.recv(65536)
            session = s.session
        with home.tls(context=context, session=session) as s:
            assert s.session_reused
        try:
            with home.tls(OTHER, context=context, session=session) as s:
                assert not s.session_reused
        except (ssl.SSLError, ConnectionResetError):
            pass # refusing it is as good
    home.assert_well()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def test_resets_in_every_phase(make):
    def serve(upstream, s, f):
        head = Head(f)
        if head.target == "/reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
            f.close()
        elif head.get("Upgrade"):
            s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            while data := s.recv(65536):
                s.sendall(data)
        elif head.target == "/endless":
            s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                s.sendall(b"x" * 65536)
        else:
            head.body(f)
            time.sleep(0.05)
            s.sendall(OK)

    home = make(serve)
    upgrade = (START + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

    def after(data, read=0):
        s = home.tls()
        s.sendall(data)
        if read:
            s.recv(read)
        reset(s)

    def raw_after(data):
        s = home.raw()
        s.sendall(data)
        reset(s)

    phases = [
        lambda: raw_after(b""), lambda: raw_after(hello(HOST)[:60]), lambda: raw_after(hello(HOST)),
        lambda: after(b""), lambda: after(START), lambda: after(START + b"\r\n"), lambda: after(START + b"\r\n", 10),
        lambda: after(POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 100000),
        lambda: after(POST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nxx"),
        lambda: after(START.replace(b"/ ", b"/endless ", 1) + b"\r\n", 100),
        lambda: after(START.replace(b"/ ", b"/reset ", 1) + b"\r\n", 100),
        lambda: after(upgrade), lambda: after(upgrade, 100), lambda: after(upgrade + b"frames" * 1000, 50),
    ]
    def rounds(n):
        for _ in range(n):
            for phase in phases:
                phase()
        home.settle()

    rounds(20)  # until the allocator, and what AddressSanitizer notes of each place that allocates, have found their size
    before = home.rss()
    rounds(50)
    home.wait(lambda: home.fds() <= home.fds_before + 8)
    assert home.rss() < before + 16 * 1024
    home.assert_well()


def test_ten_thousand_connects(make):
    home = make()
    for i in range(200):
        home.raw().close()
    home.settle()
    before = home.rss()
    for i in range(10000):
        s = home.raw()
        if i % 2:
            reset(s)
        else:
            s.close()
        if i % 1000 == 500:
            assert status(home.ask(START + b"\r\n", pause=3)[0]) == 200
    home.settle()
    assert home.rss() < before + 16 * 1024
    assert status(home.ask(START + b"\r\n")[0]) == 200
    home.assert_well()


def test_noise_after_the_handshake(make):
    """TLS records that are none; the connection ends, nothing else does."""
    home = make()
    with home.tls() as other:
        for _ in range(30):
            s = home.tls()
            fd = s.detach()
            with socket.socket(fileno=fd) as raw:
                raw.sendall(os.urandom(3000))
                raw.settimeout(5)
                try:
                    while raw.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        other.sendall(START + b"\r\n")
        assert other.recv(12) == b"HTTP/1.1 200"
    home.assert_well()


def test_reader_that_does_not_read(make):
    """A stalled visitor stalls the service; nothing piles up here."""
    sent = [0]

    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent[0] += s.send(b"x" * 65536)

    home = make(serve)
    before = home.rss()
    with home.tls() as s:
        s.sendall(START + b"\r\n")
        s.recv(10)
        home.wait(lambda: (n := sent[0], time.sleep(0.5)) and sent[0] == n, 20)
        assert home.rss() < before + 4 * 1024
    home.wait(lambda: home.figure("proxy_connections") == 0)
    home.assert_well()

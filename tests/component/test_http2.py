# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/2 to visitors: requests and answers on one connection, bodies of any size, the end."""

import hashlib
import json
import os
import ssl
import subprocess
import threading

import pytest
from h2visitor import Http2
from proxyhouse import HOST, Head, Upstream
from test_proxyd import home, host, open_house, parts, service  # noqa: F401 (fixtures)


def test_get(home):
    with Http2(home) as v:
        answer = v.visit(path="/a/b%20c?d=e&f", more=[("x-twice", "1"), ("cookie", "a=b"), ("cookie", "c=d")])
        assert answer.status == 200 and answer.ended
        got = json.loads(answer.body)
        fields = [(n.lower(), value) for n, value in got["fields"]]
        assert got["target"] == "/a/b%20c?d=e&f" and ("host", HOST) in fields and ("cookie", "a=b; c=d") in fields
        assert ("x-forwarded-for", "127.0.0.1") in fields and ("x-forwarded-proto", "https") in fields
        assert not {n for n, _ in answer.fields} & {"connection", "transfer-encoding", "keep-alive"}
        for i in range(20):
            assert json.loads(v.visit(path=f"/{i}").body)["target"] == f"/{i}"
    assert home.figure("proxy_handshakes") == 1 and home.figure("proxy_requests") == 21
    home.wait(lambda: home.figure("proxy_host_active", host=HOST) == 0)


def curl(house, *arguments, **keys):
    return subprocess.run(["curl", "-sS", "--http2", "--cacert", str(house.authority.file), "--resolve",
                           f"{HOST}:{house.port}:127.0.0.1", *arguments], capture_output=True, timeout=60, **keys)


def test_curl(home):
    done = curl(home, "-w", "\n%{http_version} %{response_code}", f"https://{HOST}:{home.port}/x", "-H", f"Host: {HOST}")
    assert done.returncode == 0 and done.stdout.endswith(b"\n2 200"), done
    done = curl(home, "-w", "\n%{http_version} %{response_code}", f"https://{HOST}:{home.port}/x", "-H", f"Host: {HOST}",
                "--data-binary", "@-", input=os.urandom(3_000_000))
    assert done.returncode == 0 and done.stdout.endswith(b"\n2 200"), done.stdout[-100:]


def test_nghttp(house, parts, service):
    """It asks for the name that its URI has."""
    h = open_house(house, parts, certificates=(("localhost",),), ha=host(service.url, "localhost"))
    done = subprocess.run(["nghttp", "-v", "-m", "50", f"https://localhost:{h.port}/x"], capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stdout.count(b":status: 200") == 50, done


BLOCK = os.urandom(1 << 20)
BIG = int(os.environ.get("HAGW_BIG_BYTES", 32 << 20))


@pytest.fixture
def mover(parts):
    """Sends what is asked for, and says what it was sent."""
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            if head.method == "POST":
                text = head.digest(f)
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
                continue
            size = int(head.target.split("/")[2])
            chunked = head.target.startswith("/chunked/")
            s.sendall(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size) +
                      b"\r\n\r\n")
            while size:
                part = BLOCK[:min(size, len(BLOCK))]
                s.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                size -= len(part)
            if chunked:
                s.sendall(b"0\r\n\r\n")
    parts.append(Upstream(serve))
    return parts[-1]


def expected(size):
    digest = hashlib.sha256()
    for _ in range(size // len(BLOCK)):
        digest.update(BLOCK)
    digest.update(BLOCK[:size % len(BLOCK)])
    return digest.hexdigest()


@pytest.mark.parametrize("chunked", [False, True])
def test_big_bodies_in_flat_memory(house, parts, mover, chunked):
    h = open_house(house, parts, ha=host(mover.url))
    kind = "chunked" if chunked else "sized"
    with Http2(h) as v:
        v.visit(path=f"/{kind}/1000")
        before = h.rss()
        for size in (1, 16383, 16384, 65535, 65536, 1_000_003, BIG):
            answer = v.visit(path=f"/{kind}/{size}")
            assert answer.status == 200 and len(answer.body) == size and not answer.reset
            assert hashlib.sha256(answer.body).hexdigest() == expected(size)
            answer.body = bytearray()
        for size in (1, 65535, 65536, 1_000_003, BIG // 2):
            body = BLOCK * (size // len(BLOCK)) + BLOCK[:size % len(BLOCK)]
            more = [] if chunked else [("content-length", str(size))]
            assert v.visit("POST", "/", more=more, body=body).body.decode() == f"{size} {expected(size)}"
        assert h.rss() - before < 8192


def test_a_hundred_at_once(house, parts, mover):
    """Each of them moves, none waits for another, and each gets what is its own."""
    h = open_house(house, parts, ha=host(mover.url))
    with Http2(h) as v:
        v.run(lambda: v.settings is not None)
        sizes = {v.begin(path=f"/{'chunked' if i % 2 else 'sized'}/{1000 + i * 1009}"): 1000 + i * 1009 for i in range(100)}
        v.run(lambda: all(v.answers[s].over for s in sizes), 60)
        for stream, size in sizes.items():
            answer = v.answers[stream]
            assert answer.status == 200 and answer.body == BLOCK[:size], (stream, size, answer.reset)
    assert h.figure("proxy_handshakes") == 1
    h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)


def test_no_body_answers(house, parts):
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            status = head.target[1:]
            length = b"Content-Length: 1234\r\n" if head.method == "HEAD" or status == "304" else b""
            s.sendall(b"HTTP/1.1 %s X\r\n%s\r\n" % (status.encode(), length))
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Http2(h) as v:
        for method, status in (("GET", 204), ("GET", 304), ("HEAD", 200), ("HEAD", 404), ("GET", 204)):
            answer = v.visit(method, f"/{status}")
            assert answer.status == status and answer.body == b"" and answer.ended and answer.reset is None
            assert method != "HEAD" or answer.get("content-length") == "1234"


def test_interim_answers_and_early_ones(house, parts):
    early = b"much" * 15000

    def serve(upstream, s, f):
        head = Head(f)
        if head.target == "/continue":
            assert head.get("Expect") == "100-continue"
            s.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
            body = head.body(f)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            return
        f.read(1000)
        s.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(early) + early)
        f.read()  # else the kernel takes back what is not read yet
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Http2(h) as v:
        stream = v.begin("POST", "/continue", more=[("expect", "100-continue"), ("content-length", "5")], end=False)
        v.run(lambda: len(v.answers[stream].interim) == 2)
        assert [dict(i)[":status"] for i in v.answers[stream].interim] == ["103", "100"]
        v.send_body(stream, b"hello")
        assert v.finish(stream).body == b"hello"
        # An answer before the end of the request is heard whole, and then that no more is wanted.
        stream = v.begin("POST", "/big", more=[("content-length", str(1 << 30))], end=False)
        v.send_body(stream, b"x" * 200000, end=False)  # whether all of it goes depends on who is first
        answer = v.finish(stream)
        v.run(lambda: answer.reset is not None)
        assert answer.status == 413 and answer.body == early and answer.ended and answer.reset == 0
        assert v.visit("POST", "/continue", more=[("expect", "100-continue"), ("content-length", "1")], body=b"x").body == b"x"


def test_trailers_are_dropped(house, parts):
    def serve(upstream, s, f):
        head = Head(f)
        assert head.get("Transfer-Encoding") == "chunked" and head.get("Trailer") is None and head.get("TE") is None
        body = head.body(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX-T: 1\r\n\r\n" % (len(body), body))
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Http2(h) as v:
        stream = v.begin("POST", "/", more=[("trailer", "x-sum"), ("te", "trailers")], end=False)
        v.h2.send_data(stream, b"some")
        v.h2.send_headers(stream, [("x-sum", "1")], end_stream=True)
        v.flush()
        answer = v.finish(stream)
        assert answer.status == 200 and answer.body == b"some" and answer.trailers is None and answer.ended


def test_answers_that_break_off(house, parts):
    """The visitor must not take what he has for the whole, and the other answers are none the worse."""
    def serve(upstream, s, f):
        head = Head(f)
        if head.target == "/whole":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        elif head.target == "/short":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        elif head.target == "/chunk":
            s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            go.wait(60)
            s.sendall(b"zz\r\n")
        elif head.target == "/old":
            s.sendall(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n" + b"z" * 100000)
    go = threading.Event()
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Http2(h) as v:
        for path in ("/short", "/chunk"):
            stream = v.begin(path=path)
            v.run(lambda: v.answers[stream].body)
            if path == "/chunk":
                go.set()
            answer = v.finish(stream)
            assert answer.reset == 2 and not answer.ended, path
        assert v.visit(path="/none").status == 502
        assert v.visit(path="/old").body == b"z" * 100000
        assert v.visit(path="/whole").body == b"ok"
        assert not v.goaways
    assert h.figure("proxy_handshakes") == 1


def test_another_host_is_421(house, parts, service):
    other = "b.home.example.com"
    h = open_house(house, parts, certificates=((HOST, other),), ha=host(service.url), b=host(service.url, other))
    with Http2(h) as v:
        assert v.visit(fields=v.fields(authority=other)).status == 421
        assert v.visit(fields=v.fields(authority=f"{HOST}:443")).status == 200
        assert v.visit().status == 200
    with Http2(h, other) as v:
        assert v.visit().status == 200


def test_alpn(house, parts, service):
    h = open_house(house, parts, ha=host(service.url))

    def spoken(*offered, **options):
        context = h.context(**options)
        if offered:
            context.set_alpn_protocols(list(offered))
        with h.tls(context=context) as s:
            return s.selected_alpn_protocol()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        options = {"minimum_version": version, "maximum_version": version}
        assert spoken("h2", "http/1.1", **options) == "h2"
        assert spoken("http/1.1", "h2", **options) == "h2"
        assert spoken("http/1.1", **options) == "http/1.1"
        assert spoken(**options) is None
        with pytest.raises(ssl.SSLError, match="NO_APPLICATION_PROTOCOL"):
            spoken("spdy/3", **options)
    # Whatever is agreed upon, a ticket resumes it.
    context = h.context()
    with Http2(h, context=context) as v:
        assert v.visit().status == 200
        session = v.sock.session
    with Http2(h, context=context, session=session) as v:
        assert v.sock.session_reused and v.visit().status == 200
    context.set_alpn_protocols(["http/1.1"])
    with h.tls(context=context, session=session) as s:
        assert s.session_reused and s.selected_alpn_protocol() == "http/1.1"
    # RFC 9113 section 9.2.2: with TLS 1.2 every suite that there is has an ephemeral key and AEAD.
    suites = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")
    context = h.context(minimum_version=ssl.TLSVersion.TLSv1_2, maximum_version=ssl.TLSVersion.TLSv1_2)
    for suite in suites:
        context.set_ciphers(suite)
        with Http2(h, context=context) as v:
            assert v.sock.cipher()[0] == suite and v.visit().status == 200
    context.set_ciphers("ALL:@SECLEVEL=0:!" + ":!".join(suites))
    with pytest.raises(ssl.SSLError):
        h.tls(context=context)


def test_switched_off(house, parts, service):
    h = open_house(house, parts, main="proxy: { http2 = false; };", ha=host(service.url))
    context = h.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with h.tls(context=context) as s:
        assert s.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="NO_APPLICATION_PROTOCOL"):
        h.tls(context=context)


def test_a_request_is_sent_again(house, parts):
    """A connection to the service that went stale while it waited."""
    def serve(upstream, s, f):
        head = Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(head.target), head.target.encode()))
        Head(f)
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Http2(h) as v:
        for i in range(4):
            assert v.visit(path=f"/{i}", more=[("cookie", "a=b")]).body == f"/{i}".encode()
    assert h.figure("proxy_retries") >= 1


def test_access_log(home, house):
    with Http2(home) as v:
        v.visit(path="/logged/here")
    home.visit(path="/logged/there")
    # Whoever served the second may write before who served the first.
    home.wait(lambda: "/logged/there 200" in home.proxyd.text())
    home.wait(lambda: "/logged/here 200" in home.proxyd.text())


def test_silence_ends_what_is_under_way(house, parts):
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            if head.target == "/half":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf!")
            f.read()
    parts.append(Upstream(serve))
    h = open_house(house, parts, main='proxy: { idle_timeout = "2s"; head_timeout = "2s"; };',
                   ha=host(parts[-1].url, more='timeouts: { idle = "4s"; };'))
    with Http2(h) as v:
        never, half = v.begin(path="/never"), v.begin(path="/half")
        assert v.finish(never).status == 504
        answer = v.finish(half)
        assert answer.body == b"half!" and answer.reset == 2
        # Nothing is asked any more: he is told, and it ends. His PINGs are no requests.
        v.h2.ping(b"12345678")
        v.flush()
        v.run(lambda: v.pings == 1)
        v.run(lambda: v.goaways)
        v.run(lambda: v.ended or not v.readable(0))
    # A head that does not come to its end.
    with Http2(h) as v:
        v.send_raw(bytes.fromhex("000005 01 00 00000001 82 87 84"))
        v.run(lambda: v.goaways)
    with Http2(h) as v:
        v.send_raw(bytes.fromhex("000003 01 00 00000001 82 87 84"))
        v.run(lambda: v.goaways)
    # The first word, which never comes.
    context = h.context()
    context.set_alpn_protocols(["h2"])
    with h.tls(context=context) as s:
        while s.recv(4096):
            pass

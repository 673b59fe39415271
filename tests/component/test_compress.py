# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd compresses what services send plain and is safe to compress: what comes out is what went in, heads say so, and
neither a slow service, nor a stalled visitor, nor one who breaks off in the midst of it, makes it anything else."""

import contextlib
import random
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from answerpeers import free_port
from codings import decode, decoder
from proxyhouse import HOST, Head, Upstream
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)

MODIFIED = "Sat, 01 Jan 2022 00:00:00 GMT"
MINIMUM = 1024
ENCODERS = 16
WORDS = ("function", "return", "const", "this.", "(", ")", "{", "}", ";", "=>", "e", "t", ".prototype", "=", '"use strict"', ",")


def script(size, seed=1):
    """Something like it."""
    r = random.Random(seed)
    block = "".join(r.choice(WORDS) + (str(r.randrange(1 << 30)) if r.random() < 0.1 else "") for _ in range(40000)).encode()
    return (block * (size // len(block) + 1))[:size]


def answer(body, framing="length", kind="text/javascript", fields=f"Last-Modified: {MODIFIED}\r\nETag: \"x\"\r\n"):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{fields}"
    if framing == "chunked":
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5000]), body[i:i + 5000]) for i in range(0, len(body), 5000))
        return (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + pieces + b"0\r\n\r\n"
    if framing == "end":
        return (head + "Connection: close\r\n\r\n").encode() + body
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def serving(text_of):
    """A service that answers each request with the bytes that text_of(head) has for it."""
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            upstream.requests.append(head)
            text = text_of(head)
            s.sendall(text if head.method != "HEAD" else text[:text.index(b"\r\n\r\n") + 4])
            if b"Connection: close\r\n" in text:
                return
    return serve


def open_with(house, parts, serve, main="", more=""):  # noqa: F811
    parts.append(Upstream(serve))
    return open_house(house, parts, main, ha=host(parts[-1].url, more=more))


def ask(h, takes, path="/a.js", method="GET", **keys):
    headers = {"Accept-Encoding": takes} if takes is not None else {}
    return h.visit(method, path, headers={**headers, **keys.pop("headers", {})}, **keys)


# --- what comes out ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("takes", ["gzip", "br"])
@pytest.mark.parametrize("framing", ["length", "chunked", "end"])
def test_what_comes_out_is_what_went_in(house, parts, framing, takes):  # noqa: F811
    sizes = [0, 1, MINIMUM - 1, MINIMUM, (64 << 10) + 1, 1_000_000]
    bodies = {f"/{n}.js": script(n, n) for n in sizes}
    h = open_with(house, parts, serving(lambda head: answer(bodies[head.target], framing)))
    c = h.connect()
    for path, body in bodies.items():
        if framing == "end":
            c = h.connect()
        r = ask(h, takes, path, connection=c)
        small = framing == "length" and len(body) < MINIMUM
        assert r.getheader("Content-Encoding") == (None if small else takes), path
        assert decode(r.getheader("Content-Encoding"), r.body) == body
        assert len(r.body) < max(len(body) / 2, 100) or len(body) <= MINIMUM
        if small:
            assert r.getheader("ETag") == '"x"' and r.getheader("Content-Length") == str(len(body)) and not r.getheader("Vary")
        else:
            assert r.getheader("ETag") == 'W/"x"' and r.getheader("Content-Length") is None
            assert r.getheader("Vary") == "Accept-Encoding"
            assert r.getheader("Transfer-Encoding") == "chunked"
    # The connection went on all the while.
    assert framing == "end" or parts[-2].connections == 1


@pytest.mark.parametrize("takes", ["gzip", "br"])
def test_node_reds_eleven_megabytes(house, parts, takes):  # noqa: F811
    """What a flow editor is in one file, in flat memory."""
    body = script(11_600_000, 7)
    h = open_with(house, parts, serving(lambda head: answer(body)))
    assert ask(h, takes).status == 200
    before = h.rss()
    assert decode(takes, ask(h, takes).body) == body
    assert h.rss() - before < 4096
    assert h.figure("proxy_compressed") == 2
    assert h.figure("proxy_compressed_from_bytes") == 2 * len(body)
    assert 1 < h.figure("proxy_compressed_to_bytes") < len(body)


def test_what_the_visitor_takes(house, parts):  # noqa: F811
    body = script(20000)
    h = open_with(house, parts, serving(lambda head: answer(body)))
    for takes, coding in ((None, None), ("", None), ("identity", None), ("zstd", None), ("gzip, deflate, br, zstd", "br"),
                          ("gzip, deflate", "gzip"), ("br;q=0.1, gzip;q=0.9", "gzip"), ("*;q=0, gzip", "gzip"), ("*", "br")):
        r = ask(h, takes)
        assert r.getheader("Content-Encoding") == coding, takes
        assert decode(coding, r.body) == body
        assert r.getheader("Vary") == "Accept-Encoding"
        assert r.getheader("ETag") == ('W/"x"' if coding else '"x"')
    # The service heard what the visitor takes, and may have something itself.
    assert parts[-2].requests[-1].get("Accept-Encoding") == "*"


REFUSED = {
    "html": {"kind": "text/html"},
    "api": {"kind": "application/json", "path": "/api/states"},
    "data": {"kind": "application/json", "path": "/a.json?x=1"},
    "jsonp": {"path": "/api?callback=x"},
    "cookie": {"fields": f"Last-Modified: {MODIFIED}\r\nSet-Cookie: a=b\r\n"},
    "private": {"fields": f"Last-Modified: {MODIFIED}\r\nCache-Control: private\r\n"},
    "etag alone": {"fields": 'ETag: "x"\r\nCache-Control: max-age=60\r\n'},
    "no-transform": {"fields": f"Last-Modified: {MODIFIED}\r\nCache-Control: no-transform\r\n"},
    "coded": {"fields": f"Last-Modified: {MODIFIED}\r\nContent-Encoding: zstd\r\n"},
    "events": {"kind": "text/event-stream"},
}


def test_nothing_has_an_end(house, parts):  # noqa: F811
    """An empty file for one who takes nothing uncoded: his next request is answered on the same connection."""
    h = open_with(house, parts, serving(lambda head: answer(b"")))
    c = h.connect()
    for i in range(2):
        got = ask(h, "gzip, identity;q=0", path=f"/{i}.js", connection=c)
        assert got.status == 200 and got.body == b"" and got.getheader("Content-Length") == "0"
        assert not got.getheader("Content-Encoding")


def test_what_is_left_alone(house, parts):  # noqa: F811
    """To the byte."""
    body = script(20000)
    rows = list(REFUSED.values())
    h = open_with(house, parts, serving(
        lambda head: answer(body, **{k: v for k, v in rows[int(head.get("X-Row"))].items() if k != "path"})))
    for i, (name, row) in enumerate(REFUSED.items()):
        r = ask(h, "br, gzip", row.get("path", "/a.js"), headers={"X-Row": str(i)})
        assert r.body == body, name
        assert r.getheader("Content-Length") == str(len(body)) and not r.getheader("Vary"), name
        assert (r.getheader("Content-Encoding") or "") == ("zstd" if name == "coded" else ""), name
        assert (r.getheader("ETag") or '"x"') == '"x"', name
    r = h.visit("POST", "/a.js", body=b"x", headers={"Accept-Encoding": "br", "X-Row": "0"})
    assert r.body == body


def test_a_host_may_be_without(house, parts):  # noqa: F811
    body = script(20000)
    h = open_with(house, parts, serving(lambda head: answer(body)), more="compress = false;")
    r = ask(h, "br, gzip")
    assert r.body == body and not r.getheader("Content-Encoding") and not r.getheader("Vary") and r.getheader("ETag") == '"x"'


# --- beside real servers ----------------------------------------------------------------------------------------------------

class Nginx:
    def __init__(self, folder):
        self.port = free_port()
        (folder / "nginx.conf").write_text(f"""daemon off; master_process off; pid {folder}/pid; error_log stderr; user root;
events {{}}
http {{ access_log off; types {{ text/javascript js; application/json json; image/svg+xml svg; text/html html; }}
client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
scgi_temp_path {folder}/s;
server {{ listen 127.0.0.1:{self.port}; root {folder}/www; }} }}""")
        self.process = subprocess.Popen(["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")])

    def close(self):
        self.process.terminate()
        self.process.wait()


class Aiohttp:
    """Home Assistant's own server."""

    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen([sys.executable, "-c", f"""
from aiohttp import web
app = web.Application()
app.router.add_static("/", "{folder}/www")
web.run_app(app, host="127.0.0.1", port={self.port}, print=None)"""])

    close = Nginx.close


@pytest.fixture(params=["nginx", "aiohttp"])
def files(request, tmp_path, parts):  # noqa: F811
    if request.param == "nginx" and not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    www = tmp_path / "www"
    www.mkdir()
    (www / "app.js").write_bytes(script(300000))
    (www / "en.json").write_bytes(b'{"a": "%s"}' % script(3000).replace(b'"', b""))
    (www / "index.html").write_bytes(b"<p>" * 10000)
    parts.append((Nginx if request.param == "nginx" else Aiohttp)(tmp_path))
    return parts[-1]


def open_files(house, parts, files):  # noqa: F811
    h = open_house(house, parts, ha=host(f"http://127.0.0.1:{files.port}"))
    h.wait(lambda: ask(h, None, "/app.js").status == 200)
    return h


def test_a_browser_and_its_cache(house, parts, files, tmp_path):  # noqa: F811
    h = open_files(house, parts, files)
    body = (tmp_path / "www" / "app.js").read_bytes()
    plain = ask(h, None, "/app.js")
    first = ask(h, "gzip, deflate, br, zstd", "/app.js?v=1")
    assert first.getheader("Content-Encoding") == "br" and decode("br", first.body) == body
    assert first.getheader("ETag") == "W/" + plain.getheader("ETag") and not first.getheader("Accept-Ranges")
    assert first.getheader("Last-Modified") == plain.getheader("Last-Modified")
    # What it kept comes back, and is still good, whichever it is.
    for had in (first, plain):
        again = ask(h, "gzip, deflate, br, zstd", "/app.js?v=1", headers={"If-None-Match": had.getheader("ETag")})
        assert again.status == 304 and again.body == b""
        assert again.getheader("ETag") in (None, had.getheader("ETag"))
        if again.getheader("ETag") and had is first:
            assert again.getheader("Vary") == "Accept-Encoding"
        again = ask(h, "br", "/app.js", headers={"If-Modified-Since": had.getheader("Last-Modified")})
        assert again.status == 304
    other = ask(h, "br", "/app.js", headers={"If-None-Match": 'W/"other"'})
    assert other.status == 200 and decode("br", other.body) == body


def test_parts_and_heads(house, parts, files, tmp_path):  # noqa: F811
    h = open_files(house, parts, files)
    body = (tmp_path / "www" / "app.js").read_bytes()
    plain = ask(h, None, "/app.js")
    part = ask(h, "br", "/app.js", headers={"Range": "bytes=1000-1999"})
    assert part.status == 206 and part.body == body[1000:2000] and not part.getheader("Content-Encoding")
    assert part.getheader("ETag") == plain.getheader("ETag") and part.getheader("Vary") == "Accept-Encoding"
    # A part of what it has compressed is none of this: all of it comes.
    part = ask(h, "br", "/app.js", headers={"Range": "bytes=1000-1999", "If-Range": "W/" + plain.getheader("ETag")})
    assert part.body == (body if part.status == 200 else body[1000:2000]) and not part.getheader("Content-Encoding")
    assert part.status == 200 or isinstance(files, Aiohttp), "aiohttp 3.11 knows If-Range with dates alone"
    for takes in ("br", "gzip", None):
        got, head = ask(h, takes, "/app.js"), ask(h, takes, "/app.js", "HEAD")
        assert head.body == b""
        fields = [{(n.lower(), v) for n, v in r.getheaders() if n.lower() not in ("date", "transfer-encoding")} for r in (got, head)]
        assert fields[0] == fields[1], takes
    assert ask(h, "br", "/en.json").getheader("Content-Encoding") == "br"
    page = ask(h, "br", "/index.html")
    assert page.body == (tmp_path / "www" / "index.html").read_bytes() and not page.getheader("Vary")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl(house, parts, files, tmp_path):  # noqa: F811
    h = open_files(house, parts, files)
    for takes in ([], ["-H", "Accept-Encoding: gzip"]):
        out = tmp_path / "out"
        subprocess.run(["curl", "-sSf", "--compressed", *takes, "--cacert", h.authority.file, "--connect-to",
                        f"::127.0.0.1:{h.port}", "-o", out, f"https://{HOST}/app.js"], check=True)
        assert out.read_bytes() == (tmp_path / "www" / "app.js").read_bytes()
    assert h.figure("proxy_compressed") == 2


# --- a service that is slow, or breaks --------------------------------------------------------------------------------------

def read_chunks(f, d, until):
    """Decodes chunks as they come until so many bytes are there."""
    text = b""
    while len(text) < until:
        size = int(f.readline(), 16)
        if size == 0:
            break
        text += d.feed(f.read(size))
        assert f.readline() == b"\r\n"
    return text


@pytest.mark.parametrize("takes", ["gzip", "br"])
def test_a_slow_service_holds_nothing_back(house, parts, takes):  # noqa: F811
    """Each part is there before the next is sent: after each the service waits until the visitor has it."""
    pieces, go = [script(n, n) for n in (1, 100, 5000, 40000)], threading.Semaphore(0)

    def serve(upstream, s, f):
        Head(f)
        s.sendall(answer(b"", "chunked")[:-5])
        for piece in pieces:
            s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            assert go.acquire(timeout=60)
        s.sendall(b"0\r\n\r\n")
    h = open_with(house, parts, serve)
    s = h.tls(timeout=60)
    s.sendall(f"GET /a.js HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: {takes}\r\n\r\n".encode())
    f, d = s.makefile("rb"), decoder(takes)
    assert Head(f).get("Content-Encoding") == takes
    for piece in pieces:
        assert read_chunks(f, d, len(piece)) == piece
        go.release()
    assert read_chunks(f, d, 1) == b"" and d.over


@pytest.mark.parametrize("takes", ["gzip", "br"])
@pytest.mark.parametrize("how", ["length", "chunked", "malformed", "reset"])
@pytest.mark.parametrize("size", [100, 200000])
def test_half_an_answer_never_looks_whole(house, parts, how, size, takes):  # noqa: F811
    def serve(upstream, s, f):
        Head(f)
        text = answer(script(400000), "length" if how == "length" else "chunked")
        s.sendall(text[:text.index(b"\r\n\r\n") + size])
        assert gone.wait(60)
        if how == "malformed":
            s.sendall(b"\r\nnonsense\r\n")
        if how == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    gone = threading.Event()
    h = open_with(house, parts, serve)
    s = h.tls(timeout=60)
    s.sendall(f"GET /a.js HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: {takes}\r\n\r\n".encode())
    f, d = s.makefile("rb"), decoder(takes)
    assert Head(f).get("Content-Encoding") == takes
    got = read_chunks(f, d, 1)
    gone.set()
    with contextlib.suppress(ssl.SSLError, OSError, ValueError):
        while line := f.readline():
            assert int(line, 16) > 0, "its end is said"
            got += d.feed(f.read(int(line, 16)))
            f.readline()
    assert not d.over and script(400000).startswith(got)
    h.wait(lambda: h.figure("proxy_connections") == 0)


def test_a_visitor_goes_in_the_midst_of_it(house, parts):  # noqa: F811
    """What compressed for him is free for others."""
    body = script(20 << 20)
    h = open_with(house, parts, serving(lambda head: answer(body)), "proxy: { workers = 1; };")
    for i in range(2 * ENCODERS):
        s = h.tls()
        s.sendall(f"GET /a.js HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: {('br', 'gzip')[i % 2]}\r\n\r\n".encode())
        assert s.recv(100)
        s.close()
        h.wait(lambda: h.figure("proxy_connections") == 0)
    assert ask(h, "br").getheader("Content-Encoding") == "br"
    assert h.figure("proxy_compress_crowded") == 0 and h.figure("proxy_compressed") == 2 * ENCODERS + 1


# --- a visitor who stands still ---------------------------------------------------------------------------------------------

def endless(sent):
    block = script(1 << 20)

    def serve(upstream, s, f):
        Head(f)
        s.sendall(answer(b"", "chunked")[:-5])
        while True:
            s.sendall(b"%x\r\n%s\r\n" % (len(block), block))
            sent[0] += len(block)
    return serve


def settle(h, sent):
    """The service is not asked for more any longer."""
    last = [-1, 0]

    def still():
        same = sent[0] == last[0]
        last[:] = [sent[0], last[1] + 1 if same else 0]
        time.sleep(0.1)
        return last[1] > 20
    h.wait(still, 60)


def begin(h, takes="br", address="127.0.0.1"):
    raw = socket.create_connection(("127.0.0.1", h.port), 20, source_address=(address, 0))
    s = h.context().wrap_socket(raw, server_hostname=HOST)
    s.sendall(f"GET /a.js HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: {takes}\r\n\r\n".encode())
    return s, Head(s.makefile("rb"))


@pytest.mark.parametrize("takes", ["gzip", "br"])
def test_a_stalled_visitor_costs_little(house, parts, takes):  # noqa: F811
    sent = [0]
    h = open_with(house, parts, endless(sent), "proxy: { workers = 1; };")
    with begin(h, takes)[0]:
        pass
    h.wait(lambda: h.figure("proxy_connections") == 0)
    before, sent[0] = h.rss(), 0
    s = h.tls()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    s.sendall(f"GET /a.js HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: {takes}\r\n\r\n".encode())
    assert s.recv(10)
    settle(h, sent)
    stalled = sent[0]
    assert h.rss() - before < 4096
    # What is in between is the kernel's: on his side, what is compressed.
    got = 0
    while sent[0] <= stalled:
        got += len(s.recv(1 << 20))
    assert got > 0
    s.close()
    h.wait(lambda: h.figure("proxy_connections") == 0)


def test_how_many_at_once(house, parts):  # noqa: F811
    """More than that go as they are, and say that it may be otherwise; with the first who ends there is room again."""
    sent = [0]
    h = open_with(house, parts, endless(sent), "proxy: { workers = 1; };")
    # What the first few make grow is the allocator's, and a sanitizer's.
    for _ in range(3):
        with begin(h)[0]:
            pass
        h.wait(lambda: h.figure("proxy_connections") == 0)
    before = h.rss()

    some = [begin(h, address=f"127.0.0.{10 + i}") for i in range(ENCODERS)]
    assert all(head.get("Content-Encoding") == "br" for _, head in some)
    assert h.figure("proxy_compress_crowded") == 0
    more, head = begin(h)
    assert head.get("Content-Encoding") is None and head.get("Vary") == "Accept-Encoding" and head.get("ETag") == '"x"'
    assert h.figure("proxy_compress_crowded") == 1
    more.close()
    settle(h, sent)
    assert h.rss() - before < (ENCODERS + 8) * 1024
    some[0][0].close()

    def again():
        s, head = begin(h)
        s.close()
        return head.get("Content-Encoding") == "br"
    h.wait(again)
    for s, _ in some[1:]:
        s.close()


def test_one_address_leaves_room(house, parts):  # noqa: F811
    """Half of what the others leave is an address's, however many it asks for: who stands still with it is in nobody's way."""
    h = open_with(house, parts, endless([0]), "proxy: { workers = 1; };")
    some = [begin(h, address="127.0.0.9") for _ in range(ENCODERS)]
    assert [head.get("Content-Encoding") for _, head in some] == ["br"] * (ENCODERS // 2) + [None] * (ENCODERS // 2)
    assert h.figure("proxy_compress_crowded") == ENCODERS // 2
    for address in "127.0.0.1", "127.0.0.2", "127.0.0.3":
        some.append(begin(h, address=address))
        assert some[-1][1].get("Content-Encoding") == "br"
    for s, _ in some:
        s.close()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/2 as Chromium speaks it: a page and all that belongs to it, uploads, and a WebSocket beside them on the same connection."""

import base64
import hashlib
import pathlib
import sys

from proxyhouse import HOST, Head, Upstream
from test_proxyd import host, open_house, parts  # noqa: F401 (fixtures)

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from chromium import chromium  # noqa: E402

N = 120
PAGE = "<!doctype html><title>page</title>" + "".join(f"<script src=/part/{i}.js></script>" for i in range(N))
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VISIT = """
const done = arguments[arguments.length - 1];
const body = new Uint8Array(3000000).map((_, i) => i * 7);
Promise.all([
    fetch("/upload", {method: "POST", body}).then(r => r.text()),
    fetch("/big").then(r => r.arrayBuffer()).then(b => crypto.subtle.digest("SHA-256", b)).then(
        d => Array.from(new Uint8Array(d), x => x.toString(16).padStart(2, "0")).join("")),
    new Promise(resolve => {
        const s = new WebSocket(`wss://${location.host}/socket`);
        s.onopen = () => s.send("hello");
        s.onmessage = m => { resolve(m.data); s.close(); };
        s.onerror = () => resolve("failed");
    }),
]).then(all => done([...all, window.parts, performance.getEntriesByType("resource").map(e => e.nextHopProtocol),
                     performance.getEntriesByType("navigation")[0].nextHopProtocol]), e => done([String(e)]));
"""
BIG = bytes(range(256)) * 20000


def serve(upstream, s, f):
    while True:
        head = Head(f)
        body = head.body(f)
        kind = "text/html"
        if head.target == "/":
            text = PAGE.encode()
        elif head.target.startswith("/part/"):
            kind, text = "text/javascript", b"window.parts = (window.parts || 0) + 1; //" + b"x" * 12000
        elif head.target == "/upload":
            text = f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()
        elif head.target == "/big":
            text = BIG
        elif head.target == "/socket":
            accept = base64.b64encode(hashlib.sha1(head.get("Sec-WebSocket-Key").encode() + GUID).digest())
            s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
                      accept + b"\r\n\r\n")
            f.read(2 + 4 + 5)
            s.sendall(b"\x81\x05heard")
            f.read()
            return
        else:
            text = b""
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind.encode(), len(text)) + text)


def test_a_page_and_what_belongs_to_it(house, parts):
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with chromium("--ignore-certificate-errors", f"--host-resolver-rules=MAP *.home.example.com 127.0.0.1:{h.port}") as driver:
        driver.get(f"https://{HOST}/")
        upload, big, socket, n, protocols, page = driver.execute_async_script(VISIT)
        sent = bytes(i * 7 % 256 for i in range(3000000))
        assert upload == f"{len(sent)} {hashlib.sha256(sent).hexdigest()}" and big == hashlib.sha256(BIG).hexdigest()
        assert socket == "heard" and n == N and page == "h2" and set(protocols) == {"h2"}
        # The WebSocket went the same way: nobody connected for it.
        assert h.figure("proxy_upgrades") == 1 and h.figure("proxy_http2") == h.figure("proxy_handshakes")
    h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)
    assert h.figure("proxy_http2_calmed") == 0

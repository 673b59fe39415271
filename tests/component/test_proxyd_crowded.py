# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nobody is forgotten: when so many are busy at once that each turn of hagw-proxyd's ends in the middle of something,
whatever was sent arrives, without an event that would wake who was left."""

import asyncio
import os
import random
import signal
import ssl

import pytest
from proxyhouse import HOST, Authority, Head, Upstream
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)

AT_ONCE = 90 # each has 64 KiB a turn then
SIZE = 700_000
DATA = os.urandom(SIZE)
CHUNKED = b"".join(b"%x\r\n%s\r\n" % (len(DATA[i:i + 999]), DATA[i:i + 999]) for i in range(0, SIZE, 999)) + b"0\r\n\r\n"


def serve(upstream, s, f):
    """Echoes bodies, with a length or in chunks; for /echo what comes, as WebSockets do."""
    while True:
        head = Head(f)
        if head.get("Upgrade"):
            s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            while data := f.read1(65536):
                s.sendall(data)
            return
        body = head.body(f)
        if head.target == "/chunks":
            s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for i in range(0, len(body), 3001):
                s.sendall(b"%x\r\n%s\r\n" % (len(body[i:i + 3001]), body[i:i + 3001]))
            s.sendall(b"0\r\n\r\n")
        else:
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


async def read_answer(r):
    head = (await r.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    if b"chunked" not in head:
        return await r.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    body = []
    while size := int((await r.readuntil(b"\r\n")), 16):
        body.append(await r.readexactly(size))
        assert await r.readexactly(2) == b"\r\n"
    assert await r.readexactly(2) == b"\r\n"
    return b"".join(body)


async def post(r, w, target, head, body):
    w.write(f"POST {target} HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n\r\n".encode())
    i = 0
    while i < len(body): # in pieces of all sizes, so that records begin and end anywhere
        n = random.choice((1, 100, 5000, 70000, 300000))
        w.write(body[i:i + n])
        i += n
    assert await read_answer(r) == DATA


async def upgrade(r, w):
    w.write(f"GET /echo HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    assert (await r.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    w.write(DATA)
    assert await r.readexactly(SIZE) == DATA


async def pipeline(r, w):
    w.write(f"POST /plain HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n".encode().join([b""] + [DATA[:1000]] * 200))
    for _ in range(200):
        assert await read_answer(r) == DATA[:1000]


KINDS = [
    lambda r, w: post(r, w, "/plain", f"Content-Length: {SIZE}", DATA),
    lambda r, w: post(r, w, "/chunks", "Transfer-Encoding: chunked", CHUNKED),
    lambda r, w: post(r, w, "/plain", "Transfer-Encoding: chunked", CHUNKED),
    lambda r, w: post(r, w, "/chunks", f"Content-Length: {SIZE}", DATA),
    upgrade,
    pipeline,
]


async def halt(process):
    """Now and then it stands still: meanwhile all the others' bytes have come."""
    while True:
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.05)
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.02)


async def visit_all(h):
    context = h.context()
    visits = [await asyncio.open_connection("127.0.0.1", h.port, ssl=context, server_hostname=HOST, limit=1 << 20)
              for _ in range(AT_ONCE)]
    halts = asyncio.create_task(halt(h.proxyd.process))
    try:
        await asyncio.wait_for(asyncio.gather(*(KINDS[i % len(KINDS)](*visits[i]) for i in range(AT_ONCE))), 100)
    finally:
        halts.cancel()
        h.proxyd.process.send_signal(signal.SIGCONT)
    for _, w in visits:
        w.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_everything_arrives(house, parts, scheme):  # noqa: F811
    context, more = None, ""
    if scheme == "https":
        (house.root / "service").mkdir()
        chain, key = Authority(house.root / "service").issue("service.example.com")
        (house.root / "service.pem").write_text(chain + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        more = 'tls: { verify = "insecure"; };'
        context.load_cert_chain(house.root / "service.pem")
    upstream = Upstream(serve, context=context)
    parts.append(upstream)
    url = f"{scheme}://127.0.0.1:{upstream.port}"
    h = open_house(house, parts, "proxy: { workers = 1; };", ha=host(url, more=more))
    asyncio.run(visit_all(h))

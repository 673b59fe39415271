# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd: bodies, events, WebSockets and sessions, with slow readers, early answers and flat memory."""

import base64
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import os
import re
import select
import socket
import ssl
import threading
import time

import pytest
from proxyhouse import HOST, Head, ProxyHouse, Upstream, silent
from test_front_door import CAM
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)

BIG = int(os.environ.get("HAGW_BIG_BYTES", 64 << 20))


def test_download_slow_reader(house, parts):
    """The upstream is not read while the visitor does not read."""
    sent = [0]

    def endless(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            sent[0] += s.send(b"x" * 65536)
    h = open_house(house, parts, ha=host((parts.append(Upstream(endless)), parts[-1])[1].url))
    s = h.tls()
    s.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
    assert s.recv(10)
    h.wait(lambda: (lambda n: time.sleep(0.5) or sent[0] == n)(sent[0]))
    stalled = sent[0]
    assert stalled < 24 << 20
    time.sleep(0.5)
    assert sent[0] == stalled
    got = 0
    while got < stalled + (4 << 20):
        got += len(s.recv(1 << 20))
    assert sent[0] > stalled


@pytest.mark.parametrize("chunked", [False, True])
def test_big_bodies_in_flat_memory(house, parts, chunked):
    block = os.urandom(1 << 20)

    def serve(upstream, s, f):
        head = Head(f)
        if head.method == "POST":
            text = head.digest(f)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
            return
        if chunked:
            s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        for _ in range(BIG >> 20):
            s.sendall((b"%x\r\n" % len(block) + block + b"\r\n") if chunked else block)
        if chunked:
            s.sendall(b"0\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    h.visit("POST", body=b"")
    before = h.rss()
    expected = hashlib.sha256()
    for _ in range(BIG >> 20):
        expected.update(block)

    c = h.connect()
    c.request("GET", "/")
    answer, digest, n = c.getresponse(), hashlib.sha256(), 0
    while data := answer.read(1 << 20):
        digest.update(data)
        n += len(data)
    assert n == BIG and digest.digest() == expected.digest()

    c = h.connect()
    body = (block for _ in range(BIG >> 20))
    if chunked:
        c.request("POST", "/", body=body, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    else:
        c.request("POST", "/", body=body, headers={"Content-Length": str(BIG)})
    assert c.getresponse().read().decode() == f"{BIG} {expected.hexdigest()}"
    assert h.rss() - before < 8192


def test_expect_continue_and_early_413(house, parts):
    def serve(upstream, s, f):
        head = Head(f)
        if head.target == "/continue":
            assert head.get("Expect") == "100-continue"
            s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = head.body(f)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            return
        f.read(1000)
        s.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch")
        f.read()  # else the kernel takes back what is not read yet
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    s = h.tls()
    s.sendall(b"POST /continue HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n" % HOST.encode())
    assert s.recv(100).startswith(b"HTTP/1.1 100")
    s.sendall(b"hello")
    assert b"hello" in s.recv(4096)

    # Read and written in one thread, for OpenSSL's connections are not for two; what is readable shall be bytes, not a ticket of
    # TLS 1.3.
    s = h.tls(context=h.context(maximum_version=ssl.TLSVersion.TLSv1_2))
    s.sendall(b"POST /big HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (HOST.encode(), 1 << 30))
    with contextlib.suppress(OSError):
        for _ in range(1000):
            if select.select([s], [], [], 0)[0]:
                break
            s.sendall(b"x" * 16384)
    assert s.recv(4096).startswith(b"HTTP/1.1 413")


def test_events_come_at_once_and_end_with_the_visitor(house, parts):
    gone = threading.Event()
    go = threading.Event()

    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
        go.wait(60)
        s.sendall(b"8\r\ndata: 2\n\r\n")
        if not s.recv(1):
            gone.set()
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    c = h.connect()
    c.request("GET", "/api/stream")
    answer = c.getresponse()
    begin = time.monotonic()
    assert answer.read(8) == b"data: 1\n" and time.monotonic() - begin < 50
    go.set()
    assert answer.read(8) == b"data: 2\n"
    c.sock.close()
    answer.close()
    assert gone.wait(30)


def test_close_delimited_and_old_upstreams(house, parts):
    def serve(upstream, s, f):
        head = Head(f)
        if head.target == "/cut":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        else:
            s.sendall(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n" + b"z" * 100000)
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    c = h.connect()
    for _ in range(3):
        answer = h.visit(connection=c)
        assert answer.body == b"z" * 100000 and answer.getheader("Transfer-Encoding") == "chunked"
    with pytest.raises((http.client.IncompleteRead, OSError)):
        h.visit(path="/cut")


def test_no_body_answers(house, parts):
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            status = head.target[1:]
            length = b"Content-Length: 1234\r\n" if head.method == "HEAD" or status == "304" else b""
            s.sendall(b"HTTP/1.1 %s X\r\n%s\r\n" % (status.encode(), length))
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    c = h.connect()
    for method, status in (("GET", 204), ("GET", 304), ("HEAD", 200), ("HEAD", 404), ("GET", 204)):
        answer = h.visit(method, f"/{status}", connection=c)
        assert answer.status == status and answer.body == b""
        if method == "HEAD":
            assert answer.getheader("Content-Length") == "1234"


def test_silence_ends_what_is_under_way(house, parts):
    """timeouts.idle: both directions silent for so long. Whatever moves in either keeps it, however slowly."""
    def serve(upstream, s, f):
        while True:
            head = Head(f)
            if head.target == "/never":
                f.read()
            elif head.target == "/half":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf!")
                f.read()
            elif head.target == "/upload":
                head.body(f)
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            elif head.target == "/events":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n")
                for _ in range(14):
                    time.sleep(0.5)
                    s.sendall(b"x")
            elif head.target == "/ws":
                key = hashlib.sha1((head.get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
                s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n")
                received.append(f.read())
                return
    parts.append(Upstream(serve))
    received = []
    idle = 5
    h = open_house(house, parts, ha=host(parts[-1].url, more=f'timeouts: {{ idle = "{idle}s"; }};'))

    def never():
        answer = h.visit(path="/never", headers={"Accept": "text/html"})
        assert answer.status == 504 and b"in time" in answer.body

    def half():
        c = h.connect()
        c.request("GET", "/half")
        with pytest.raises((http.client.IncompleteRead, OSError)) as e:
            c.getresponse().read()
        assert not isinstance(e.value, TimeoutError), "our own patience was at its end"

    def events():
        answer = h.visit(path="/events")
        assert answer.status == 200 and answer.body == b"x" * 14

    def upload():
        def drops():
            for _ in range(14):
                time.sleep(0.5)
                yield b"x"
        assert h.visit("POST", "/upload", body=drops(), headers={"Content-Length": "14"}).status == 200

    def websocket():
        with h.tls(context=h.context(maximum_version=ssl.TLSVersion.TLSv1_2)) as s:
            s.sendall(b"GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % HOST.encode())
            assert s.recv(4096).startswith(b"HTTP/1.1 101")
            for _ in range(14):
                time.sleep(0.5)
                s.sendall(b"x")
            assert silent(s, 60)

    def took(f):
        begin = time.monotonic()
        f()
        return time.monotonic() - begin
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        times = list(pool.map(took, (never, half, events, upload, websocket)))
    assert min(times[:2]) >= idle and min(times[2:4]) >= 7 > idle and times[4] >= 7 + idle
    h.wait(lambda: received == [b"x" * 14])


# --- WebSocket -----------------------------------------------------------------------------------------------


@pytest.fixture
def sockets(parts):
    """A WebSocket echo service, by python3-websockets."""
    from websockets.sync.server import serve

    class Service:
        def __init__(self):
            self.closes = []
            self.server = serve(self.handle, "127.0.0.1", 0, subprotocols=["ha"], max_size=None)
            self.port = self.server.socket.getsockname()[1]
            threading.Thread(target=self.server.serve_forever, daemon=True).start()

        def handle(self, ws):
            try:
                for message in ws:
                    if message == "close":
                        ws.close(4001, "as you like")
                        return
                    ws.send(message)
            finally:
                self.closes.append(ws.close_code)

        def close(self):
            self.server.shutdown()
    parts.append(Service())
    return parts[-1]


def open_websocket(h, cookie=None, name=HOST, **keys):
    """By TLS 1.2, whose tickets are part of the handshake: the library reads in one thread while it writes in another, and
    OpenSSL may lose what is written while it reads a ticket of TLS 1.3."""
    from websockets.sync.client import connect
    return connect(f"wss://{name}/api/websocket", sock=socket.create_connection(("127.0.0.1", h.port)),
                   ssl=h.context(maximum_version=ssl.TLSVersion.TLSv1_2), subprotocols=["ha"],
                   additional_headers={"Cookie": cookie} if cookie else {}, **keys)


def test_websocket(house, parts, sockets):
    from websockets.exceptions import ConnectionClosed
    h = open_house(house, parts, ha=host(f"http://127.0.0.1:{sockets.port}"))
    with open_websocket(h, max_size=None) as ws:
        assert ws.subprotocol == "ha"
        assert any("permessage-deflate" in str(e) or "Deflate" in type(e).__name__ for e in ws.protocol.extensions)
        for message in ("text", b"binary", "x" * 1_000_000, os.urandom(3_000_000), ""):
            ws.send(message)
            assert ws.recv(20) == message
        # A new certificate and a reload change nothing for those inside.
        h.certify(HOST, replace=True)
        h.proxyd.reload()
        ws.send("still here")
        assert ws.recv(20) == "still here"
        ws.send("close")
        with pytest.raises(ConnectionClosed) as e:
            ws.recv(20)
        assert e.value.rcvd.code == 4001 and e.value.rcvd.reason == "as you like"
    with open_websocket(h) as ws:
        ws.close(4002)
    h.wait(lambda: 4002 in sockets.closes)
    h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)


def test_stalled_websocket_stalls_the_service(house, parts):
    sent = [0]

    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: x\r\n\r\n")
        while True:
            sent[0] += s.send(b"x" * 65536)
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    before = h.rss()
    s = h.tls()
    s.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % HOST.encode())
    assert s.recv(20).startswith(b"HTTP/1.1 101")
    h.wait(lambda: (lambda n: time.sleep(0.5) or (sent[0] == n and n > 0))(sent[0]))
    assert sent[0] < 24 << 20 and h.rss() - before < 4096


# --- login ---------------------------------------------------------------------------------------------------


@pytest.fixture
def walled(house, parts, service):
    h = ProxyHouse(house, ha=host(service.url, access='login = "required"; open_paths = ( "/api/webhook/" );'))
    parts.append(h)
    web = socket.socket(socket.AF_UNIX)
    web.bind(str(house.runtime / "web"))
    os.chmod(house.runtime / "web", 0o777)
    web.listen(64)
    h.webd = house.daemon("webd", "io.hagw.Web", sockets={"web": [web]})
    h.webd.call("AddUser", name="anna", password="correct horse battery", hosts=["*"], groups=[])
    h.certify(HOST)
    h.start()
    h.wait(lambda: h.proxyd_certificates())
    return h


def login(h, password="correct horse battery", user="anna"):
    page = h.visit(path="/.hagw/auth/login?return=/a%3Fb%3Dc")
    assert page.status == 200, page.body
    cookies = "; ".join(c.split(";")[0] for c in page.headers.get_all("Set-Cookie", []))
    fields = dict(re.findall(r'name="([^"]+)"[^>]* value="([^"]*)"', page.body.decode()))
    fields.update({"user": user, "name": user, "password": password})
    from urllib.parse import urlencode
    answer = h.visit("POST", "/.hagw/auth/login", body=urlencode(fields), headers={
        "Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies, "Origin": f"https://{HOST}"})
    for c in answer.headers.get_all("Set-Cookie", []):
        if c.startswith("__Host-hagw="):
            return c.split(";")[0]
    return None


def test_login(walled, service):
    h = walled
    answer = h.visit(path="/a?b=c", headers={"Accept": "text/html"})
    assert answer.status in (302, 303) and answer.getheader("Location").startswith("/.hagw/auth/login?return=/a%3Fb%3Dc")
    assert h.visit(path="/api/x").status == 401
    assert h.visit("POST", "/", body=b"x").status == 401
    assert h.visit(path="/", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}).status == 401
    assert h.visit("POST", "/api/webhook/abc", body=b"x").status == 200
    assert h.visit(headers={"Cookie": "__Host-hagw=AAAAAAAAAAAAAAAAAAAAAA"}).status == 401
    assert login(h, "wrong") is None
    cookie = login(h)
    assert cookie
    c = h.connect()
    for _ in range(3):
        answer = h.visit(connection=c, headers={"Cookie": f"a=b; {cookie}; c=d"})
        assert answer.status == 200
        assert dict(json.loads(answer.body)["fields"])["Cookie"] == "a=b; c=d"
    # Revoked: within a moment nobody gets in with it.
    h.webd.call("RevokeSession", user="anna")
    h.wait(lambda: h.visit(connection=None, headers={"Cookie": cookie}).status == 401)


def test_revoked_while_asked(house, parts, service):
    """An answer that was under way when its session was revoked is asked for again, and not remembered."""
    watchers, asked = [], []

    def webd(upstream, s, f):
        def say(to, parameters, **more):
            to.sendall(json.dumps({"parameters": parameters, **more}).encode() + b"\0")
        request = b""
        while (byte := f.read(1)):
            request += byte
            if byte != b"\0":
                continue
            message, request = json.loads(request[:-1]), b""
            if message["method"] == "io.hagw.Web.WatchRevocations":
                watchers.append(s)
                say(s, {"sessionIds": [], "cut": False}, continues=True)
                continue
            asked.append(message)
            if len(asked) > 1:
                say(s, {}, error="io.hagw.Web.NoSuchSession")
                continue
            say(watchers[0], {"sessionIds": ["s1"], "cut": True}, continues=True)
            time.sleep(0.5)
            say(s, {"user": "anna", "sessionId": "s1", "allowed": True, "validUSec": 60000000})
    parts.append(Upstream(webd, path=house.runtime / "io.hagw.Web"))
    h = open_house(house, parts, ha=host(service.url, access='login = "required";'))
    h.wait(lambda: watchers)
    cookie = {"Cookie": "__Host-hagw=AAAAAAAAAAAAAAAAAAAAAA"}
    assert [h.visit(headers=cookie).status for _ in range(2)] == [401, 401]
    assert len(asked) >= 2


def test_webd_away(walled):
    h = walled
    cookie = login(h)
    assert h.visit(headers={"Cookie": cookie}).status == 200
    h.webd.kill()
    # Nobody can say whether the session still holds.
    h.wait(lambda: h.visit(headers={"Cookie": cookie}).status == 503)
    assert h.visit("POST", "/api/webhook/abc", body=b"x").status == 200
    h.webd.start()
    h.wait(lambda: h.visit(headers={"Cookie": cookie}).status == 200)


def works(ws):
    ws.send("hello")
    return ws.recv(20) == "hello"


def test_who_is_thrown_out_loses_what_is_open(house, parts, walled, sockets):
    """A revoked session, a removed user: their WebSocket ends, others' stay, and so does everybody's at a reload."""
    from websockets.exceptions import ConnectionClosed
    h = walled
    house.configure("", ha=host(f"http://127.0.0.1:{sockets.port}", access='login = "required";'))
    h.proxyd.reload()
    h.webd.reload()
    h.webd.call("AddUser", name="ben", password="correct horse battery", hosts=["*"], groups=[])

    with open_websocket(h, login(h)) as anna, open_websocket(h, login(h, user="ben")) as ben:
        assert works(anna) and works(ben)
        h.webd.reload()
        assert works(anna) and works(ben)
        h.webd.call("RevokeSession", user="anna")
        with pytest.raises(ConnectionClosed):
            anna.recv(5)
        assert works(ben)
        h.webd.call("RemoveUser", name="ben")
        with pytest.raises(ConnectionClosed):
            ben.recv(5)


def test_revoked_while_webd_was_away(house, parts, walled, sockets):
    """What hagw-proxyd could not hear of is made up for when hagw-webd is back: a session that was revoked, a right that
    was taken away. Whoever still may, keeps what is open."""
    import signal
    from websockets.exceptions import ConnectionClosed
    h = walled
    url = f"http://127.0.0.1:{sockets.port}"
    house.configure("", ha=host(url, access='login = "required";'), cam=host(url, CAM, access='login = "none";'))
    h.certify("*.home.example.com")
    h.proxyd.reload()
    h.webd.reload()
    h.wait(lambda: h.proxyd_certificates() == {HOST, CAM})
    for name in ("ben", "carl"):
        h.webd.call("AddUser", name=name, password="correct horse battery", hosts=["*"], groups=[])

    with open_websocket(h, login(h)) as anna, open_websocket(h, login(h, user="ben")) as ben, \
            open_websocket(h, login(h, user="carl")) as carl, open_websocket(h, name=CAM) as guest:
        assert all(works(ws) for ws in (anna, ben, carl, guest))
        # Nothing changes, and nobody notices.
        h.webd.kill()
        h.webd.start()
        assert login(h, user="carl")
        time.sleep(0.5)
        assert all(works(ws) for ws in (anna, ben, carl, guest))
        # Between its start and the moment when hagw-proxyd asks, anna's session is revoked; ben loses the right.
        h.proxyd.process.send_signal(signal.SIGSTOP)
        h.webd.kill()
        house.configure("", ha=host(url, access='login = "required"; users = ( "anna", "carl" );'),
                        cam=host(url, CAM, access='login = "none";'))
        try:
            h.webd.start()
            assert h.webd.call("RevokeSession", user="anna") == {"revoked": 1}
        finally:
            h.proxyd.process.send_signal(signal.SIGCONT)
        for ws in (anna, ben):
            with pytest.raises(ConnectionClosed):
                ws.recv(20)
        assert works(carl) and works(guest)


def test_webd_keeps_room_for_others(walled):
    """Idle connections to webd are few: there are only so many, for all the workers together."""
    import signal
    h = walled
    assert h.visit(path="/.hagw/auth/login").status == 200

    def to_webd():
        inodes = {line.split()[6] for line in open("/proc/net/unix") if len(line.split()) > 7 and
                  line.split()[7] == str(h.house.runtime / "web") and line.split()[5] == "03"}
        return len(inodes)

    h.webd.process.send_signal(signal.SIGSTOP)
    visitors = []
    try:
        for _ in range(24):
            visitors.append(h.tls())
            visitors[-1].sendall(f"GET /.hagw/auth/login HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    finally:
        h.webd.process.send_signal(signal.SIGCONT)
    for s in visitors:
        assert s.recv(12) == b"HTTP/1.1 200"
        s.close()
    workers = os.cpu_count()
    h.wait(lambda: to_webd() <= 2 * workers, 5)
    assert to_webd() <= 2 * workers

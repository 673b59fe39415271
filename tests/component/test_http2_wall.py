# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/2 and all that stands between a visitor and a service: the login, the origin rule, sessions that end, WebSockets on
streams, and the end of the process."""

import json
import os
import re
import threading

import pytest
from h2visitor import Http2
from proxyhouse import HOST, Head, Upstream
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)
from test_proxyd_streams import login, sockets, walled  # noqa: F401 (fixtures)


def test_login(walled):
    h = walled
    with Http2(h) as v:
        answer = v.visit(path="/a?b=c", more=[("accept", "text/html")])
        assert answer.status == 303 and answer.get("location").startswith("/.hagw/auth/login?return=/a%3Fb%3Dc")
        assert v.visit(path="/api/x").status == 401
        assert v.visit("POST", "/", body=b"x" * 100000).status == 401
        assert v.visit("POST", "/api/webhook/abc", body=b"x").status == 200
        assert v.visit(more=[("cookie", "__Host-hagw=AAAAAAAAAAAAAAAAAAAAAA")]).status == 401
        page = v.visit(path="/.hagw/auth/login?return=/", more=[("accept", "text/html")])
        assert page.status == 200 and b"<form" in page.body
        cookie = login(h)
        for crumbs in ([("cookie", f"a=b; {cookie}; c=d")], [("cookie", "a=b"), ("cookie", cookie), ("cookie", "c=d")]):
            answer = v.visit(more=crumbs)
            assert answer.status == 200 and dict(json.loads(answer.body)["fields"])["cookie"] == "a=b; c=d"
        h.webd.call("RevokeSession", user="anna")
        h.wait(lambda: v.visit(more=[("cookie", cookie)]).status == 401)
        assert not v.goaways


def test_another_sites_page_has_no_session(walled):
    cookie = login(walled)
    with Http2(walled) as v:
        for site, mode, status in (("same-origin", "cors", 200), ("cross-site", "cors", 401), ("cross-site", "no-cors", 401),
                                   ("none", "navigate", 200)):
            answer = v.visit(more=[("cookie", cookie), ("sec-fetch-site", site), ("sec-fetch-mode", mode)])
            assert answer.status == status, (site, mode)
        assert v.visit("POST", more=[("cookie", cookie), ("origin", "https://evil.example.org")], body=b"x").status == 401


def test_what_a_visitor_says_of_himself_is_not_believed(house, parts, service):
    h = open_house(house, parts, ha=host(service.url))
    with Http2(h) as v:
        answer = v.visit(more=[("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4"), ("x-real-ip", "1.2.3.4"),
                               ("x-hagw-host", "x"), ("remote-user", "anna"), ("x_forwarded_for", "1.2.3.4"), ("via", "x")])
        fields = [(n.lower(), value) for n, value in json.loads(answer.body)["fields"]]
        assert ("x-forwarded-for", "127.0.0.1") in fields and "1.2.3.4" not in str(fields) and "anna" not in str(fields)
        assert len([n for n, _ in fields if n.startswith("x-forwarded-for")]) == 1


def test_who_is_thrown_out_loses_what_is_open(house, parts, walled):
    """At once, and nobody else on the same connection does."""
    release = threading.Event()

    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst")
        release.wait(60)
        s.sendall(b"last")
    parts.append(Upstream(serve))
    h = walled
    house.configure("", ha=host(parts[-1].url, access='login = "required"; open_paths = ( "/open/" );'))
    h.proxyd.reload()
    h.webd.reload()
    h.webd.call("AddUser", name="ben", password="correct horse battery", hosts=["*"], groups=[])
    with Http2(h) as v:
        anna = v.begin(path="/x", more=[("cookie", login(h))])
        ben = v.begin(path="/x", more=[("cookie", login(h, user="ben"))])
        nobody = v.begin(path="/open/x")
        v.run(lambda: all(v.answers[s].body == b"first" for s in (anna, ben, nobody)))
        h.webd.call("RevokeSession", user="anna")
        assert v.finish(anna).reset == 2
        assert not v.answers[ben].over and not v.answers[nobody].over and not v.goaways
        release.set()
        assert v.finish(ben).body == v.finish(nobody).body == b"firstlast"
        assert not v.goaways and v.answers[ben].ended


# --- WebSockets ----------------------------------------------------------------------------------------------


def frame(payload, opcode=2):
    """As a visitor sends it, masked with nothing."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big") if size < 65536 else \
        bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class WebSocket:
    def __init__(self, visitor, path="/api/websocket", more=()):
        self.v, self.taken = visitor, 0
        visitor.run(lambda: visitor.settings is not None)
        self.stream = visitor.begin(fields=[
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", HOST), (":path", path),
            ("sec-websocket-version", "13"), ("sec-websocket-protocol", "ha"), ("origin", f"https://{HOST}"), *more], end=False)
        self.answer = visitor.answers[self.stream]
        visitor.run(lambda: self.answer.fields or self.answer.over)

    def send(self, payload, opcode=2):
        self.v.send_body(self.stream, frame(payload, opcode), end=False)

    def receive(self):
        """The next message, in one frame or several."""
        message = b""
        while True:
            final, opcode, payload = self.receive_frame()
            message += payload
            if final:
                return opcode, message

    def take(self, n):
        self.v.run(lambda: len(self.answer.body) - self.taken >= n or self.answer.over)
        data = bytes(self.answer.body[self.taken:self.taken + n])
        assert len(data) == n, self.answer.reset
        self.taken += n
        return data

    def receive_frame(self):
        first, size = self.take(2)
        if size == 126:
            size = int.from_bytes(self.take(2), "big")
        elif size == 127:
            size = int.from_bytes(self.take(8), "big")
        return bool(first & 0x80), first & 15, self.take(size)


def test_websocket(house, parts, sockets):
    h = open_house(house, parts, ha=host(f"http://127.0.0.1:{sockets.port}"))
    with Http2(h) as v:
        ws, other = WebSocket(v), WebSocket(v)
        assert ws.answer.status == 200 and ws.answer.get("sec-websocket-protocol") == "ha"
        assert not {"sec-websocket-accept", "upgrade", "connection"} & {n for n, _ in ws.answer.fields}
        for payload in (b"binary", b"", b"x" * 1000, os.urandom(300_000)):
            ws.send(payload)
            assert ws.receive() == (2, payload)
        # Neither a reload nor a new certificate is felt, nor what else goes on.
        h.certify(HOST, replace=True)
        h.proxyd.reload()
        other.send(b"other")
        ws.send(b"text", opcode=1)
        assert ws.receive() == (1, b"text") and other.receive() == (2, b"other")
        ws.send(b"close", opcode=1)
        opcode, reason = ws.receive()
        assert opcode == 8 and reason == b"\x0f\xa1as you like"
        ws.send(reason, opcode=8)
        v.finish(ws.stream)
        assert ws.answer.ended
        v.h2.end_stream(ws.stream)
        v.flush()
        other.send(b"still here")
        assert other.receive() == (2, b"still here")
        # A visitor who ends his side, and one who breaks off.
        v.h2.end_stream(other.stream)
        v.flush()
        v.finish(other.stream)
        third = WebSocket(v)
        third.send(b"x")
        assert third.receive() == (2, b"x")
        v.h2.reset_stream(third.stream, 8)
        v.flush()
        h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)
        assert v.settings and h.figure("proxy_upgrades") == 3 and h.figure("proxy_handshakes") == 1


def test_websocket_behind_the_wall(house, parts, walled, sockets):
    h = walled
    house.configure("", ha=host(f"http://127.0.0.1:{sockets.port}", access='login = "required";'))
    h.proxyd.reload()
    cookie = login(h)
    with Http2(h) as v:
        assert WebSocket(v).answer.status == 401
        ws = WebSocket(v, more=[("cookie", cookie)])
        assert ws.answer.status == 200
        ws.send(b"x")
        assert ws.receive() == (2, b"x")
        foreign = WebSocket(v, more=[("cookie", cookie), ("sec-fetch-site", "cross-site")])
        assert foreign.answer.status == 401
        h.webd.call("RevokeSession", user="anna")
        assert v.finish(ws.stream).reset == 2 and not v.goaways


@pytest.mark.parametrize("status", [204, 303, 403, 426])
def test_a_service_says_no_to_a_websocket(house, parts, status):
    """What cannot be taken for a yes goes on as it is."""
    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 %d No\r\nX-Why: me\r\n%s\r\n" % (status, b"" if status == 204 else b"Content-Length: 0\r\n"))
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    with Http2(h) as v:
        answer = WebSocket(v).answer
        assert answer.status == (400 if status == 204 else status)
        assert answer.get("x-why") == (None if status == 204 else "me")


def test_what_is_no_websocket_is_no_upgrade(house, parts, service):
    """A service that has none there says 200 to the GET, which here would be the word that it is open (RFC 8441 section 5), for
    whatever page has asked: that is not passed on. Who asks wrongly is refused."""
    h = open_house(house, parts, ha=host(service.url))
    with Http2(h) as v:
        v.run(lambda: v.settings is not None)
        ws = WebSocket(v, path="/secret")
        assert ws.answer.status == 400 and b"/secret" not in v.finish(ws.stream).body
        head = service.requests[-1]
        assert head.method == "GET" and head.target == "/secret" and head.get("Upgrade") == "websocket"
        assert re.fullmatch(r"[A-Za-z0-9+/]{22}==", head.get("Sec-WebSocket-Key"))
        assert h.figure("proxy_upgrades") == 0
        head = [(":method", "CONNECT"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
        for fields in ([*head, (":protocol", "websocket")],
                       [*head[:1], (":protocol", "connect-udp"), *head[1:], ("sec-websocket-version", "13")],
                       [*head[:1], (":protocol", "websocket"), *head[1:], ("sec-websocket-version", "13"), ("upgrade", "websocket")]):
            answer = v.finish(v.begin(fields=fields, end=False))
            assert answer.reset is not None and not answer.fields, fields
        answer = v.finish(v.begin(fields=[(":method", "CONNECT"), (":authority", f"{HOST}:22")], end=False))
        assert answer.status == 405 or answer.reset is not None
        assert v.visit().status == 200


# --- reload, and the end -------------------------------------------------------------------------------------


def test_reload(house, parts, service):
    other = Upstream(lambda upstream, s, f: (Head(f), s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")))
    parts.append(other)
    h = open_house(house, parts, ha=host(service.url))
    with Http2(h) as v:
        assert v.visit().status == 200
        house.configure("", ha=host(other.url))
        h.proxyd.reload()
        assert v.visit().body == b"other" and not v.goaways
        # The host is no more: he is told to ask elsewhere, and nothing is done for him.
        house.configure("", b=host(other.url, "b.home.example.com"))
        h.proxyd.reload()
        answer = v.visit()
        assert answer.reset == 7 and not answer.fields
        v.run(lambda: v.goaways)
        assert other.connections == 1


def test_drain(house, parts):
    """Who is there is told, and what he has asked for goes on."""
    release = threading.Event()

    def serve(upstream, s, f):
        while True:
            head = Head(f)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst")
            if head.target == "/slow":
                release.wait(60)
            s.sendall(b"last")
    parts.append(Upstream(serve))
    h = open_house(house, parts, 'proxy: { workers = 1; drain = "1h"; };', ha=host(parts[-1].url))
    with Http2(h) as v, Http2(h) as idle:
        slow = v.begin(path="/slow")
        v.run(lambda: v.answers[slow].body == b"first")
        assert idle.visit().body == b"firstlast"
        h.proxyd.process.terminate()
        v.run(lambda: len(v.goaways) == 1)
        assert v.goaways[0] == (0, (1 << 31) - 1)
        v.run(lambda: len(v.goaways) == 2)
        assert v.goaways[1][0] == 0 and v.goaways[1][1] >= slow
        idle.run(lambda: len(idle.goaways) == 2)
        idle.run(lambda: idle.ended)
        assert not v.ended and h.proxyd.process.poll() is None
        release.set()
        assert v.finish(slow).body == b"firstlast" and v.answers[slow].ended
        v.run(lambda: v.ended)
    assert h.proxyd.process.wait(60) == 0

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many requests one address may have under way over HTTP/2, however many of its connections bring them, and what becomes of
those beyond."""

import socket
import threading

import h2.errors
import pytest
from h2visitor import Http2
from proxyhouse import HOST, Head, Upstream
from test_proxyd import host, open_house, parts  # noqa: F401 (fixtures)


class Slow:
    """A service that answers /slow/… when it is let go of, and all else at once."""

    def __init__(self, parts):
        self.lock, self.go, self.now, self.most, self.paths = threading.Lock(), threading.Event(), 0, 0, []
        self.upstream = Upstream(self.serve)
        parts.append(self.upstream)

    def serve(self, upstream, s, f):
        while True:
            head = Head(f)
            slow = head.target.startswith("/slow")
            with self.lock:
                self.paths.append(head.target)
                self.now += slow
                self.most = max(self.most, self.now)
            try:
                if slow and not self.go.wait(60):
                    return
            finally:
                with self.lock:
                    self.now -= slow
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def slow(parts):
    return Slow(parts)


def come(h, address="127.0.0.1"):
    context = h.context()
    context.set_alpn_protocols(["h2"])
    s = socket.create_connection(("127.0.0.1", h.port), 20, source_address=(address, 0))
    return Http2(h, raw=context.wrap_socket(s, server_hostname=HOST))


def ask(v, n, path="/slow"):
    return [v.begin(path=f"{path}/{i}") for i in range(n)]


def all_answered(v, streams):
    v.run(lambda: all(v.answers[s].over for s in streams), 60)
    return [v.answers[s].status for s in streams]


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_of_an_address(house, parts, slow, workers):
    """One for each connection, and as many beside as an address may have connections; the others wait, and come to their end. Another
    address feels nothing of it, with as many of its own."""
    h = open_house(house, parts, f"proxy: {{ workers = {workers}; connections_per_address = 6; }};", ha=host(slow.upstream.url))
    crowd = [come(h) for _ in range(3)]
    asked = [ask(v, 30) for v in crowd]
    h.wait(lambda: slow.now == 9 and h.figure("proxy_http2_waited") == 3)
    bystander = come(h, "127.0.0.2")
    assert all_answered(bystander, ask(bystander, 7, "/quick")) == [200] * 7
    mine = ask(bystander, 7)
    h.wait(lambda: slow.now == 16)
    assert h.figure("proxy_http2_waited") == 3
    slow.go.set()
    assert all_answered(bystander, mine) == [200] * 7
    for v, streams in zip(crowd, asked, strict=True):
        assert all_answered(v, streams) == [200] * 30
    assert slow.most == 16 and h.figure("proxy_http2_crowded") == 0
    for v in [*crowd, bystander]:
        v.close()


def test_who_waits_for_too_long(house, parts, slow):
    """He is told that nothing was done, so that he may ask again; what is under way goes on, and the journal says why."""
    h = open_house(house, parts, 'proxy: { connections_per_address = 1; head_timeout = "2s"; };', ha=host(slow.upstream.url))
    with come(h) as v:
        first, second = ask(v, 2)
        h.wait(lambda: slow.now == 2)
        late = ask(v, 3, "/late?secret=1")
        v.run(lambda: all(v.answers[s].over for s in late))
        assert [v.answers[s].reset for s in late] == [h2.errors.ErrorCodes.REFUSED_STREAM] * 3
        assert h.figure("proxy_http2_waited") == 1 and h.figure("proxy_http2_crowded") == 3
        h.wait(lambda: h.proxyd.text().count("/late") == 3)
        assert "crowded" in h.proxyd.text() and "secret" not in h.proxyd.text()
        slow.go.set()
        assert all_answered(v, [first, second]) == [200] * 2
        assert all_answered(v, ask(v, 20)) == [200] * 20
    assert not any(p.startswith("/late") for p in slow.paths)


def test_places_come_back(house, parts, slow):
    """Of whoever takes his requests back, those that wait among them, or is gone."""
    h = open_house(house, parts, "proxy: { workers = 2; connections_per_address = 3; };", ha=host(slow.upstream.url))
    for end in "reset", "gone", "reset":
        first, second = come(h), come(h)
        held = ask(first, 4)
        h.wait(lambda: slow.now == 4)
        waiting = ask(second, 5)
        h.wait(lambda: slow.now == 5)
        if end == "reset":
            for v, streams in (second, waiting), (first, held):
                for s in streams:
                    v.h2.reset_stream(s, h2.errors.ErrorCodes.CANCEL)
                v.flush()
            h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 0)
            third = ask(first, 4)
            h.wait(lambda: h.figure("proxy_host_active", host=HOST) == 4)
            assert third
        first.close()
        second.close()
        h.wait(lambda: h.figure("proxy_connections") == 0)
        slow.go.set()
        h.wait(lambda: slow.now == 0)
        slow.go.clear()
    assert slow.most <= 9


def test_bodies_go_on_beside_who_waits(house, parts):
    """The connection is read while a request on it waits: what is under way needs the visitor's bytes."""
    parts.append(Upstream(lambda upstream, s, f: [
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") for _ in iter(lambda: Head(f).body(f) is not None, False)]))
    h = open_house(house, parts, "proxy: { connections_per_address = 1; };", ha=host(parts[-1].url))
    with come(h) as v:
        uploads = [v.begin("POST", f"/{i}", more=[("content-length", "300000")], end=False) for i in range(2)]
        waits = v.begin(path="/waits")
        h.wait(lambda: h.figure("proxy_http2_waited") == 1)
        for s in uploads:
            v.send_body(s, bytes(300000))
        assert all_answered(v, [*uploads, waits]) == [200] * 3

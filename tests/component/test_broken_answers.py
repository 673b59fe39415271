# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers that break off: the visitor sees that something is missing, the log and the host's health say so, and what breaks
before anything was passed on is a page with the reason."""

import contextlib
import http.client
import socket
import ssl
import struct
import threading

import pytest
from answerpeers import parse_answer
from proxyhouse import HOST, Head, Upstream
from relayhouse import ZONE, Agent
from test_proxyd_attack import OK, START, host, make, opened, status  # noqa: F401 (fixtures)
from test_relay import House, parts, relay  # noqa: F401 (fixtures)

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
UNTIL_END = HEAD + b"\r\nok"
SHORT = HEAD + b"Content-Length: 5\r\n\r\nok"
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


class Breaking:
    """Sends the text, and ends the connection once the visitor has what it begins with."""

    def __init__(self, text, end, await_visitor=True):
        self.text, self.end, self.await_visitor = text, end, await_visitor
        self.seen, self.heads = threading.Event(), []

    def __call__(self, upstream, s, f):
        self.heads.append(Head(f))
        s.sendall(self.text)
        if self.await_visitor:
            assert self.seen.wait(20)
        f.close()
        if self.end == "reset":
            reset(s)
        elif self.end == "close_notify":
            with contextlib.suppress(OSError):
                s.unwrap()
        elif self.end == "fin":
            s.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                s.recv(1)
        upstream.open.remove(s)
        s.close()


def visit(home, serve, until=b"ok", method="GET"):
    """Everything that came until the end."""
    with home.tls() as s:
        s.sendall(f"{method} /it HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        s.settimeout(20)
        got = b""
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            while chunk := s.recv(65536):
                got += chunk
                if until in got:
                    serve.seen.set()
        return got


def log_line(home):
    home.wait(lambda: "/it" in home.proxyd.text())
    return next(line for line in home.proxyd.text().splitlines() if "/it" in line)


def health(home):
    [h] = home.proxyd.call("ListHosts")["hosts"]
    return h["health"], h.get("error")


CUT = [("until-end-reset", UNTIL_END, "reset"), ("length-reset", SHORT, "reset"), ("chunked-reset", CHUNKED, "reset"),
       ("length-fin", SHORT, "fin"), ("chunked-fin", CHUNKED, "fin"), ("last-chunk-fin", CHUNKED + b"0\r\n", "fin"),
       ("http10-reset", b"HTTP/1.0 200 OK\r\n\r\nok", "reset")]


@pytest.mark.parametrize("text, end", [c[1:] for c in CUT], ids=[c[0] for c in CUT])
def test_cut(make, text, end):  # noqa: F811
    serve = Breaking(text, end)
    home = make(serve)
    got = visit(home, serve)
    assert b"ok" in got and parse_answer(got).kind == "cut" and not got.endswith(b"0\r\n\r\n")
    assert "answer cut short" in log_line(home)
    home.wait(lambda: health(home)[0] == "failing")
    assert "within an answer" in health(home)[1]
    assert len(serve.heads) == 1, "it is not asked again"
    home.assert_well()


def test_malformed_behind_the_first_bytes(make):  # noqa: F811
    """One part is passed on before the next is known to be none."""
    ready, seen = threading.Event(), []

    def serve(upstream, s, f):
        Head(f)
        s.sendall(CHUNKED)
        assert ready.wait(20)
        s.sendall(b"no chunk at all")
        f.read(1)
        seen.append("closed")

    serve.seen = ready
    home = make(serve)
    got = visit(home, serve)
    assert parse_answer(got).kind == "cut" and parse_answer(got).body == b"ok"
    assert "malformed answer" in log_line(home)
    home.wait(lambda: health(home)[0] == "failing" and seen)
    home.assert_well()


TLS = [("until-end", UNTIL_END, "close_notify", "taken"), ("until-end", UNTIL_END, "nothing", "cut"),
       ("length", OK, "nothing", "taken"), ("chunked", CHUNKED + b"0\r\n\r\n", "nothing", "taken"),
       ("chunked", CHUNKED, "close_notify", "cut"), ("length", SHORT, "close_notify", "cut")]


@pytest.mark.parametrize("text, end, kind", [c[1:] for c in TLS], ids=[f"{c[0]}-{c[2]}-{c[3]}" for c in TLS])
def test_end_of_tls(make, house, opened, text, end, kind):  # noqa: F811
    """RFC 9112 section 9.8: where the framing does not tell the end, only close_notify does."""
    serve = Breaking(text, end)
    home = make()
    chain, key = home.authority.issue("127.0.0.1")
    (home.root / "service.pem").write_text(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home.root / "service.pem")
    opened.append(Upstream(serve, context=context))
    house.configure("", ha=host(f"https://127.0.0.1:{opened[-1].port}", more='tls: { verify = "insecure"; };'))
    home.proxyd.reload()
    reading = parse_answer(visit(home, serve))
    assert (reading.kind, reading.body) == (kind, b"ok")
    if kind == "cut":
        assert "answer cut short" in log_line(home)
        home.wait(lambda: health(home)[0] == "failing")
    else:
        assert health(home)[0] == "ok"
    home.assert_well()


@pytest.mark.parametrize("end", ["reset", "fin"])
@pytest.mark.parametrize("text", [b"", HEAD, HEAD + b"Content-Le", INTERIM + HEAD], ids=["nothing", "line", "field", "interim"])
def test_before_the_first_byte(make, text, end):  # noqa: F811
    serve = Breaking(text, end, await_visitor=False)
    home = make(serve)
    got = visit(home, serve)
    final = got.removeprefix(INTERIM)
    assert status(final) == 502 and parse_answer(final).kind == "taken"
    assert b"broke the connection off" in final or b"closed the connection" in final
    assert "/it 502 " in log_line(home)
    home.wait(lambda: health(home)[0] == "failing")
    home.assert_well()


def test_interim_answer_is_a_sign_of_work(make):  # noqa: F811
    """A request that has had an interim answer is under way there: it is not sent a second time, on whatever connection."""
    asked = []

    def serve(upstream, s, f):
        Head(f)
        s.sendall(OK)
        asked.append(Head(f).method)
        s.sendall(INTERIM)
        f.close()
        s.shutdown(socket.SHUT_RDWR)

    serve.seen = threading.Event()
    home = make(serve, main="proxy: { workers = 1; };")
    for n in range(1, 4):
        assert status(home.ask(START + b"Connection: close\r\n\r\n")[0]) == 200
        got = visit(home, serve)
        assert got.startswith(INTERIM) and status(got.removeprefix(INTERIM)) == 502
        assert len(asked) == n
    assert home.figure("proxy_retries") == 0
    home.assert_well()


def test_lost_channel(relay):  # noqa: F811
    """Where the relay opens the visitors' TLS, a channel that is lost within an answer that only its end would end."""
    a = Agent(relay, relay.tenant("anna", terminate=True))
    House(a.open()[0], answer=UNTIL_END)  # ends without close_notify
    c = relay.connect(f"anna.{ZONE}")
    c.request("GET", "/")
    with pytest.raises(http.client.IncompleteRead):
        c.getresponse().read()

    class Hanging(House):
        def run(self):
            with contextlib.suppress(OSError, AssertionError):
                self.keys["times"] = 2  # waits for another request
                super().run()
    Hanging(a.open()[0], answer=UNTIL_END)
    c = relay.connect(f"anna.{ZONE}")
    c.request("GET", "/")
    r = c.getresponse()
    assert r.read(2) == b"ok"
    relay.set("anna", suspended=True)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        r.read()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures are waited for by those who want them, and by nobody else: whatever hagw-keyd does, those who are here are
served, those who resume come in, and a crowd of newcomers delays itself."""

import contextlib
import os
import re
import select
import signal
import socket
import ssl
import threading

import pytest
from proxyhouse import HOST
from test_proxyd import host, open_house, parts, service  # noqa: F401 (fixtures)
from test_proxyd_streams import open_websocket, sockets  # noqa: F401 (fixtures)

KINDS = ["ecdsa", "rsa", "rsa4096"]
HEADER = os.path.join(os.path.dirname(__file__), "../../libhagw/crew/handshake.h")
AT_ONCE = int(re.search(r"HANDSHAKES_AT_ONCE (\d+)U", open(HEADER).read())[1])


@pytest.fixture
def make(house, parts, sockets):  # noqa: F811
    def make(kind="ecdsa", main=""):
        h = open_house(house, parts, main, ha=host(f"http://127.0.0.1:{sockets.port}"))
        h.certify(HOST, kind=kind, replace=True)
        algorithm = "RSA" if kind.startswith("rsa") else "ECDSA"
        h.wait(lambda: served_kind(h) == algorithm)
        return h
    return make


def served_kind(h):
    context = h.context()
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        h.tls(context=context).close()
        return "ECDSA"
    except ssl.SSLError:
        return "RSA"


@contextlib.contextmanager
def stopped(h):
    h.keyd.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        h.keyd.process.send_signal(signal.SIGCONT)


def hello(name=HOST):
    """A ClientHello, to be replayed."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        o.do_handshake()
    return outgoing.read()


def replay(h, n, address="127.0.0.1"):
    """So many who say hello and no more."""
    crowd, text = [], hello()
    for _ in range(n):
        s = socket.create_connection((address, h.port), 20, source_address=(address, 0))
        s.sendall(text)
        crowd.append(s)
    return crowd


def answered(crowd):
    return len(select.select(crowd, [], [], 0)[0])


def come_from(h, address, context=None):
    raw = socket.create_connection(("127.0.0.1", h.port), 20, source_address=(address, 0))
    return (context or h.context()).wrap_socket(raw, server_hostname=HOST)


def ticket(h, context):
    c = h.visit(context=context).connection
    session = c.sock.session
    c.close()
    return session


@pytest.mark.parametrize("kind", KINDS)
def test_keyd_that_stands_still_fails_newcomers_alone(make, kind):
    h = make(kind, "proxy: { workers = 1; handshakes_per_address = 0; };")
    context = h.context()
    session = ticket(h, context)
    with open_websocket(h) as ws:
        with stopped(h):
            crowd = replay(h, 2 * AT_ONCE)
            for i in range(50):
                ws.send(f"{i}")
                assert ws.recv(10) == f"{i}"
            # Nothing is to be signed for who has a ticket, and he says so in his first message.
            with h.tls(context=context, session=session) as s:
                assert s.session_reused
            # Who wants a signature hears that there is none.
            with pytest.raises((ssl.SSLError, OSError)):
                h.tls(timeout=20)
            h.wait(lambda: answered(crowd) == len(crowd))
        for s in crowd:
            s.close()
        h.wait(lambda: tries(h))
        ws.send("after")
        assert ws.recv(10) == "after"


def tries(h):
    try:
        h.tls().close()
        return True
    except OSError:
        return False


def test_keyd_that_has_gone_comes_back(make):
    """What it was asked when it ended is asked again, once."""
    h = make(main="proxy: { workers = 1; };")
    with stopped(h):
        crowd = replay(h, 3)
        h.wait(lambda: h.figure("proxy_handshakes_signing") == 3)
        h.keyd.kill()
        h.keyd.start()
    h.wait(lambda: answered(crowd) == 3)
    assert all(s.recv(3) == b"\x16\x03\x03" for s in crowd), "a ServerHello, and no alert"
    for s in crowd:
        s.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_crowd_delays_itself(make, workers):
    """Four hundred who want a signature come from one address, and then one from another: he does not wait for them."""
    h = make("rsa4096", f"proxy: {{ workers = {workers}; handshakes_per_address = 0; }};")
    served = threading.Event()

    def visit():
        for _ in range(5):  # hagw-keyd stands still for as long as this machine needs for a crowd
            with contextlib.suppress(OSError), come_from(h, "127.0.0.2"):
                served.set()
                return

    with stopped(h):
        crowd = replay(h, 400)
        h.wait(lambda: h.figure("proxy_handshakes_signing") >= AT_ONCE)
        before = h.figure("proxy_accepted")
        threading.Thread(target=visit, daemon=True).start()
        h.wait(lambda: h.figure("proxy_accepted") > before)
    assert served.wait(30)  # in which order: tests/unit/test-handshake.c
    for s in crowd:
        s.close()


def test_rate_of_an_address(make):
    """Four seconds' worth comes at once; those beyond wait. Another address, and who resumes, do not."""
    h = make(main="proxy: { workers = 1; handshakes_per_address = 2; };")
    context = h.context()
    session = ticket(h, context)
    before = h.figure("proxy_handshakes_signed")
    crowd = replay(h, 60)
    h.wait(lambda: h.figure("proxy_handshakes_waiting") > 0)
    with come_from(h, "127.0.0.2"), h.tls(context=context, session=session) as s:
        assert s.session_reused
    waiting = h.figure("proxy_handshakes_waiting")
    signed = h.figure("proxy_handshakes_signed") - before
    assert waiting > 0 and answered(crowd) < 60 and signed < 60, (waiting, signed)
    # They are served in time, or end with their own deadline: nobody is refused for it.
    h.wait(lambda: h.figure("proxy_handshakes_signed") - before > signed)
    for s in crowd:
        s.close()
    h.wait(lambda: h.figure("proxy_handshakes_waiting") == 0)


@pytest.mark.parametrize("state", ["signing", "waiting"])
def test_who_goes_while_he_waits(make, state):
    h = make(main="proxy: { workers = 1; handshakes_per_address = 0; };")
    with stopped(h):
        crowd = replay(h, AT_ONCE + 5)
        h.wait(lambda: h.figure("proxy_handshakes_waiting") == 5)
        for s in crowd[:AT_ONCE] if state == "signing" else crowd[AT_ONCE:]:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
        if state == "waiting":
            h.wait(lambda: h.figure("proxy_handshakes_signing") == AT_ONCE)
    h.wait(lambda: h.figure("proxy_handshakes_waiting") == 0 and h.figure("proxy_handshakes_signing") == 0)
    with h.tls() as s:
        assert s.version()
    for s in crowd:
        s.close()


def test_stop_with_signatures_under_way(make):
    h = make(main="proxy: { workers = 2; handshakes_per_address = 0; drain = \"1s\"; };")
    with stopped(h):
        crowd = replay(h, 200)
        h.wait(lambda: h.figure("proxy_handshakes_signing") >= AT_ONCE)
        h.proxyd.stop()
    for s in crowd:
        s.close()

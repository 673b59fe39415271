# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of an ordinary gateway whose TLS passes unopened, and load balancers in front that say who comes."""

import contextlib
import json
import os
import select
import socket
import ssl
import subprocess

import pytest

from conftest import HOST, ROOT, ZONE, until
from visitor import raw

NAME, PORT = f"opaque.{ZONE}", 9443
HOUSE = "203.0.113.10"


@contextlib.contextmanager
def service(kind):
    with subprocess.Popen([ROOT / "dev/lab", "run", "ha", "python3", "/hagw/tests/ha/opaque.py", "192.168.1.4", str(PORT),
                           kind, NAME], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "listening\n"
        try:
            yield
        finally:
            subprocess.run([ROOT / "dev/lab", "run", "ha", "pkill", "-f", "tests/ha/opaque.py"], check=True)


@contextlib.contextmanager
def host(house, kind):
    house.run("home", "sh", "-c", "cat >/etc/hagw/hosts.d/opaque.conf", text=f"""
        name = "{NAME}"; upstream = "tcp://192.168.1.4:{PORT}"; proxy_protocol = "{kind}"; access: {{ login = "none"; }};""")
    house.ctl("reload")
    try:
        yield
    finally:
        house.ctl("host", "remove", NAME)


@pytest.fixture(params=["none", "v1", "v2"])
def opaque(house, request):
    """The kind of header that the service gets."""
    with service(request.param), host(house, request.param):
        yield request.param


def connect(address, port=None, header=b"", server_name=NAME):
    """TLS with the service itself, whose certificate nobody signed; and the address that we have."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    to = "2001:db8:1::2" if ":" in address else HOUSE
    s = socket.create_connection((to, 443), timeout=15, source_address=(address, 0))
    here = s.getsockname()[:2]
    s.sendall(header)
    return context.wrap_socket(s, server_hostname=server_name), here


@pytest.mark.parametrize("address", ["203.0.113.200", "203.0.113.201", "2001:db8::200"])
def test_tls_passes_unopened_and_the_service_is_told_who_comes(opaque, address):
    tls, here = connect(address)
    with tls:
        shown = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
        said = json.loads(tls.makefile().readline())
    subject = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=shown, capture_output=True, text=True, check=True)
    assert NAME in subject.stdout, "the service's own certificate"
    assert (said["address"], said["port"]) == (here if opaque != "none" else ("192.168.1.2", said["port"]))


def test_many_bytes_pass_both_ways(opaque):
    """In one thread: OpenSSL may lose what is written while another reads a ticket of TLS 1.3."""
    data = os.urandom(1 << 20) * 32
    tls, _ = connect("203.0.113.200")
    with tls:
        assert tls.recv(1000).endswith(b"\n")
        tls.setblocking(False)
        sent, got = 0, bytearray()
        while len(got) < len(data):
            moved = False
            with contextlib.suppress(ssl.SSLWantReadError):
                more = tls.recv(1 << 16)
                assert more, f"ended after {len(got)} bytes"
                got += more
                moved = True
            if sent < len(data):
                with contextlib.suppress(ssl.SSLWantWriteError):
                    sent += tls.send(memoryview(data)[sent:sent + (1 << 16)])
                    moved = True
            if not moved:
                ready = select.select([tls], [tls] if sent < len(data) else [], [], 15)
                assert any(ready), f"nothing moves after {sent} bytes out, {len(got)} in"
        assert got == data


def test_who_has_ended_still_hears_the_other(opaque):
    """TCP's half-close: the service says its last word after the visitor's end."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    with socket.create_connection((HOUSE, 443), timeout=15) as s:
        def until_done(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    s.sendall(outgoing.read())
                    incoming.write(s.recv(65536))
        until_done(tls.do_handshake)
        assert until_done(lambda: tls.read(1000)).startswith(b"{")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        s.sendall(outgoing.read())
        s.shutdown(socket.SHUT_WR)
        while data := s.recv(65536):
            incoming.write(data)
        assert tls.read(1000) == b"bye\n"


def test_a_service_that_is_away_gets_the_visitor_closed(house):
    house.ctl("host", "add", NAME, "tcp://192.168.1.4:9")
    try:
        assert raw(HOUSE, 443, b"", server_name=NAME, tls=True, seconds=15) == b""
        assert house.certificate()
    finally:
        house.ctl("host", "remove", NAME)


# --- PROXY protocol in ---------------------------------------------------------------------------------------

def header(source, port=4321):
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(source) + socket.inet_aton(HOUSE) + \
        port.to_bytes(2, "big") + (443).to_bytes(2, "big")


@pytest.fixture
def balancer(house):
    """203.0.113.200 is one."""
    before = house.run("home", "cat", "/etc/hagw/hagw.conf")
    after = before.replace("#proxy_protocol_from = ( );", 'proxy_protocol_from = ( "203.0.113.200" );')
    assert after != before
    house.run("home", "sh", "-c", "cat >/etc/hagw/hagw.conf", text=after)
    house.ctl("reload")
    try:
        yield
    finally:
        house.run("home", "sh", "-c", "cat >/etc/hagw/hagw.conf", text=before)
        house.ctl("reload")


def test_a_balancer_says_who_comes(house, balancer):
    with service("v2"), host(house, "v2"):
        tls, _ = connect("203.0.113.200", header=header("198.51.100.7"))
        with tls:
            assert json.loads(tls.makefile().readline()) == {"address": "198.51.100.7", "port": 4321}
    tls, _ = connect("203.0.113.200", header=header("198.51.100.8"), server_name=HOST)
    with tls:
        tls.sendall(f"GET /api/webhook/balanced HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        assert tls.recv(4096).startswith(b"HTTP/1.1 ")
    until("the log has it", lambda: house.run("home", "journalctl", "-b", "-n", "1", "-o", "cat", "HAGW_ADDRESS=198.51.100.8"))


def test_nobody_else_is_believed(house, balancer):
    assert raw(HOUSE, 443, header("192.168.1.50"), address="203.0.113.201", seconds=15) == b""

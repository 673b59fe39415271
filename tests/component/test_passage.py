# SPDX-License-Identifier: LGPL-2.1-or-later
"""Visitors whose TLS passes hagw-proxyd unopened to a tcp:// service."""

import contextlib
import os
import select
import socket
import ssl
import time

import pytest
from proxyhouse import HOST, ProxyHouse, Upstream, silent

HEADER_V2 = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.fixture
def parts():
    opened = []
    yield opened
    for p in reversed(opened):
        p.close()


def open_house(house, parts, service, main="", proxy_protocol="none"):
    """The service has the certificate; the proxy has none."""
    h = ProxyHouse(house, main, pass_=f'''name = "{HOST}"; upstream = "tcp://127.0.0.1:{service.port}";
                   proxy_protocol = "{proxy_protocol}"; access: {{ login = "none"; }};''')
    parts.append(h)
    h.acme.set([])
    return h.start()


def server_context(h, tmp_path):
    chain, key = h.authority.issue(HOST)
    (tmp_path / "chain.pem").write_text(chain)
    (tmp_path / "key.pem").write_text(key)
    c = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    c.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    return c


@pytest.fixture
def passing(house, parts, tmp_path):
    """A house before a service that echoes what comes through its own TLS."""
    def serve(service, s, f):
        with service.tls.wrap_socket(s, server_side=True) as t:
            while data := t.recv(65536):
                t.sendall(data)
    parts.append(Upstream(serve))
    h = open_house(house, parts, parts[0])
    parts[0].tls = server_context(h, tmp_path)
    return h


def test_bytes_both_ways(passing):
    """In one thread: OpenSSL's connections are not for two."""
    data = memoryview(os.urandom(8 << 20))
    with passing.tls() as s:
        got, sent = bytearray(), 0
        end = time.monotonic() + 120
        s.setblocking(False)
        while len(got) < len(data) and time.monotonic() < end:
            wants = [s] if sent < len(data) else []
            if not s.pending():
                select.select([s], wants, [], 20)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                got += s.recv(65536)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                sent += s.send(data[sent:sent + 65536]) if wants else 0
        assert got == data


def test_upper_case_name_and_trailing_dot(passing):
    with passing.tls(context=passing.context(check_hostname=False), name=HOST.upper()) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"


def test_half_close(house, parts):
    """The service answers after the visitor's end, and the answer arrives."""
    def serve(service, s, f):
        n = len(f.read())
        s.sendall(b"%d" % n)
    parts.append(Upstream(serve))
    h = open_house(house, parts, parts[0])
    hello = client_hello()
    with socket.create_connection(("127.0.0.1", h.port), 20) as s:
        s.sendall(hello)
        s.shutdown(socket.SHUT_WR)
        assert s.makefile("rb").read() == b"%d" % len(hello)


def client_hello(name=HOST, *protocols):
    out, context = ssl.MemoryBIO(), ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(protocols)
    c = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        c.do_handshake()
    return out.read()


def test_unknown_name_is_silence(passing):
    with socket.create_connection(("127.0.0.1", passing.port), 20) as s:
        s.sendall(client_hello("other.home.example.com"))
        assert silent(s)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_proxy_protocol(house, parts, version):
    parts.append(Upstream(lambda service, s, f: (service.requests.append(f.read(120)), s.sendall(b"x"))))
    h = open_house(house, parts, parts[0], proxy_protocol=version)
    hello = client_hello()
    with socket.create_connection(("127.0.0.1", h.port), 20) as s:
        mine = s.getsockname()[1]
        s.sendall(hello)
        assert s.recv(1) == b"x"
    got = parts[0].requests[0]
    if version == "v1":
        head = f"PROXY TCP4 127.0.0.1 127.0.0.1 {mine} {h.port}\r\n".encode()
    else:
        head = (HEADER_V2 + b"\x21\x11\0\x0c" + bytes([127, 0, 0, 1]) * 2 + mine.to_bytes(2, "big") +
                h.port.to_bytes(2, "big"))
    assert got == (head + hello)[:120]


def test_dead_service_closes(house, parts):
    parts.append(Upstream(lambda *_: None))
    h = open_house(house, parts, parts[0])
    assert h.proxyd.call("ListHosts")["hosts"][0]["health"] == "unknown"
    parts[0].close()
    with socket.create_connection(("127.0.0.1", h.port), 20) as s:
        s.sendall(client_hello())
        assert silent(s)
    h.wait(lambda: h.proxyd.call("ListHosts")["hosts"][0]["health"] == "failing")
    assert "refused" in h.proxyd.call("ListHosts")["hosts"][0]["error"]


def test_probe_connects_and_says_that_nobody_is_meant(house, parts):
    parts.append(Upstream(lambda service, s, f: service.requests.append(f.read())))
    h = open_house(house, parts, parts[0], proxy_protocol="v2")
    found = h.proxyd.call("Probe", name=HOST)
    assert found["host"]["health"] == "ok" and not {"status", "advice"} & found.keys()
    h.wait(lambda: parts[0].requests == [b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"])  # LOCAL
    parts[0].close()
    found = h.proxyd.call("Probe", name=HOST)
    assert "refuses connections from this machine (127.0.0.1)" in found["advice"]
    h.wait(lambda: h.proxyd.call("ListHosts")["hosts"][0]["health"] == "failing")
    assert h.figure("proxy_connections") == 0 and h.figure("proxy_passages_open") == 0


def test_figures_and_log(passing):
    with passing.tls() as s:
        for n in range(1, 4):
            s.sendall(b"x" * 100000)
            got = b""
            while len(got) < 100000:
                got += s.recv(65536)
            # While it lasts.
            passing.wait(lambda n=n: passing.figure("proxy_passage_received_bytes") > n * 100000 and
                         passing.figure("proxy_passage_sent_bytes") > n * 100000)
        assert passing.figure("proxy_passages_open") == 1
        assert passing.figure("proxy_host_active", host=HOST) == 1
    passing.wait(lambda: passing.figure("proxy_passages_open") == 0)
    assert passing.figure("proxy_passages") == 1 and passing.figure("proxy_host_requests", host=HOST) == 1
    received, sent = (int(passing.figure(f"proxy_passage_{n}_bytes")) for n in ("received", "sent"))
    assert 300000 < received < 310000 and 300000 < sent < 310000
    line = f"{HOST} passage, pass, {received} bytes in, {sent} out, "
    passing.wait(lambda: line in passing.proxyd.text())
    passing.wait(lambda: "1 host, 0 with a certificate, 1 passed unopened" in passing.proxyd.status)


def test_opened_connection_does_not_get_there(house, parts):
    """A host becomes a tcp:// service while somebody's TLS has been opened here: what he says in there is not for it."""
    def serve(service, s, f):
        service.requests.append(f.readline())
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
    parts.append(Upstream(serve))
    h = ProxyHouse(house, "", ha=f'name = "{HOST}"; upstream = "{parts[0].url}"; access: {{ login = "none"; }};')
    parts.append(h)
    h.certify("*.home.example.com")
    h.start()
    h.wait(lambda: h.proxyd_certificates())
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with h.tls() as s:
        s.sendall(request)
        assert b"200 OK" in s.recv(4096)
        house.configure("", ha=f'name = "{HOST}"; upstream = "tcp://127.0.0.1:{parts[0].port}"; '
                               'access: { login = "none"; };')
        h.proxyd.reload()
        s.sendall(request)
        assert silent(s)
    assert len(parts[0].requests) == 1


def test_what_would_do_nothing_is_refused(house, parts):
    parts.append(Upstream(lambda service, s, f: s.sendall(b"x")))
    h = open_house(house, parts, parts[0])
    good = house.config / "hosts.d" / "pass_.conf"
    for wrong, word in (('upstream = "tcp://127.0.0.1:1";', 'write access: { login = \"none\"; };'),
                        ('upstream = "tcp://127.0.0.1:1"; access: { login = "none"; open_paths = ( "/a" ); };',
                         "access.open_paths does nothing")):
        good.write_text(f'name = "{HOST}"; {wrong}')
        h.proxyd.reload()
        said = h.proxyd.call("io.hagw.Service.Describe")["configError"]
        assert word.replace('\\"', '"') in said and f"{good}:1:" in said
        with socket.create_connection(("127.0.0.1", h.port), 20) as s:
            s.sendall(client_hello())
            assert s.recv(1) == b"x"  # as before

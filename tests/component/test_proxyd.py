# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd as visitors meet it: TLS with keys in hagw-keyd, routes, requests and answers on their way."""

import json
import os
import socket
import ssl
import threading
import time

import pytest
from proxyhouse import HOST, Head, ProxyHouse, Upstream, echo, silent


def host(upstream, name=HOST, access='login = "none";', more=""):
    return f'name = "{name}"; upstream = "{upstream}"; access: {{ {access} }}; {more}'


@pytest.fixture
def parts():
    """What a test opens is closed behind it."""
    opened = []
    yield opened
    for p in reversed(opened):
        p.close()


@pytest.fixture
def service(parts):
    parts.append(Upstream(echo))
    return parts[-1]


def open_house(house, parts, main="", certificates=((HOST,),), **hosts):
    h = ProxyHouse(house, main, **hosts)
    parts.append(h)
    for names in certificates:
        h.certify(*names)
    h.start()
    h.wait(lambda: len(h.proxyd_certificates()) > 0)
    return h


@pytest.fixture
def home(house, parts, service):
    return open_house(house, parts, ha=host(service.url))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["ecdsa", "p384", "rsa"])
def test_get(house, parts, service, kind, version):
    h = ProxyHouse(house, ha=host(service.url))
    parts.append(h)
    h.certify(HOST, kind=kind)
    h.start()
    h.wait(lambda: h.proxyd_certificates() == {HOST})
    context = h.context(minimum_version=version, maximum_version=version)
    context.set_alpn_protocols(["http/1.1"])
    answer = h.visit(path="/a/b%20c?d=e&f", context=context, headers={"X-Twice": "1", "Cookie": "a=b"})
    assert answer.status == 200
    assert answer.connection.sock.selected_alpn_protocol() == "http/1.1"
    got = json.loads(answer.body)
    assert got["target"] == "/a/b%20c?d=e&f"
    fields = [(n.lower(), v) for n, v in got["fields"]]
    assert ("x-forwarded-for", "127.0.0.1") in fields and ("x-forwarded-proto", "https") in fields
    assert ("host", HOST) in fields and ("x-twice", "1") in fields and ("cookie", "a=b") in fields


def test_keep_alive_on_both_sides(home, service):
    c = home.connect()
    for i in range(20):
        answer = home.visit(path=f"/{i}", connection=c)
        assert answer.status == 200 and json.loads(answer.body)["target"] == f"/{i}"
    assert service.connections == 1
    assert home.figure("proxy_handshakes") == 1 and home.figure("proxy_requests") == 20


def test_pipelined_in_order(home):
    s = home.tls()
    s.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (i, HOST.encode()) for i in range(50)))
    f = s.makefile("rb")
    for i in range(50):
        assert b"200" in f.readline()
        size = 0
        while (line := f.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        assert json.loads(f.read(size))["target"] == f"/{i}"


def test_bodies(home):
    for size in (0, 1, 100, 16384, 70000, 1_000_000):
        body = os.urandom(size)
        assert json.loads(home.visit("POST", "/", body=body).body)["body"].encode("latin-1") == body

        def chunks():
            for i in range(0, size, 10007):
                yield body[i:i + 10007]
        c = home.connect()
        c.request("POST", "/", body=chunks(), headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
        got = json.loads(c.getresponse().read())
        assert got["body"].encode("latin-1") == body
        assert ["Transfer-Encoding", "chunked"] in got["fields"]


def test_silence(home, house):
    # No TLS, no name, an unknown name, garbage, a cut hello: not one byte.
    raw = lambda: socket.create_connection(("127.0.0.1", home.port), 20)
    for data in (b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n", b"\0" * 100, b"\x16\x03\x01\x00\x05hello"):
        s = raw()
        s.sendall(data)
        assert silent(s), data
    context = home.context(check_hostname=False)
    for name in (None, "other.example.com"):
        with pytest.raises((ConnectionResetError, ssl.SSLError, EOFError)) as e:
            context.wrap_socket(raw(), server_hostname=name)
        assert "alert" not in str(e.value).lower()

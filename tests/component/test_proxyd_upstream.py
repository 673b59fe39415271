# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd on its way to the services: connections that waited, names with several addresses, certificates, Host."""

import contextlib
import json
import signal
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from proxyhouse import HOST, Head, ProxyHouse, Upstream, echo, listen
from test_proxyd_attack import EVIL, OK, host, make, opened  # noqa: F401 (fixtures)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_surplus_bytes_behind_the_next_request(make, house, opened, secure):  # noqa: F811
    """A visitor's next request and bytes that nobody asked for reach one sleeping worker, in this order: the request is
    served first, and must not take those for its answer."""
    links = []

    def serve(upstream, s, f):
        links.append(s)
        while True:
            Head(f)
            s.sendall(OK)

    home = make(serve, main="proxy: { workers = 1; };")
    if secure:
        chain, key = home.authority.issue("127.0.0.1")
        (home.root / "service.pem").write_text(chain + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home.root / "service.pem")
        opened.append(Upstream(serve, context=context))
        house.configure("proxy: { workers = 1; };", ha=host(f"https://127.0.0.1:{opened[-1].port}",
                                                            more='tls: { verify = "insecure"; };'))
        home.proxyd.reload()
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with home.tls() as s:
        for i in range(3):
            s.sendall(request)
            got = s.recv(65536)
            assert got.startswith(b"HTTP/1.1 200") and b"EVIL" not in got
            assert len(links) == 1 + i, "the connection that had bytes left over is not used again"
            time.sleep(0.1)
            home.proxyd.process.send_signal(signal.SIGSTOP)
            try:
                s.sendall(request)
                time.sleep(0.1)
                links[-1].sendall(EVIL)
                time.sleep(0.1)
            finally:
                home.proxyd.process.send_signal(signal.SIGCONT)
            got = s.recv(65536)
            assert got.startswith(b"HTTP/1.1 200") and b"EVIL" not in got
    home.assert_well()


def test_an_answer_of_the_service_before_says_nothing_of_the_next(make, house, opened):  # noqa: F811
    """It comes when another stands there: the visitor gets it, and is counted as before; the new one has not answered yet."""
    asked, go_on = threading.Event(), threading.Event()

    def serve(upstream, s, f):
        Head(f)
        asked.set()
        assert go_on.wait(60)
        s.sendall(OK.replace(b"\r\n", b"\r\nX-Hagw-Inner: login=required\r\n", 1))

    def now():
        h, = home.proxyd.call("ListHosts")["hosts"]
        return h["requests"], h["active"], h["health"], h["lastOkUSec"], h.get("innerUSec", 0)
    home = make(serve)
    with home.tls() as s:
        s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert asked.wait(60)
        opened.append(Upstream(echo))
        house.configure("", ha=host(opened[-1].url))
        home.proxyd.reload()
        assert now() == (1, 1, "unknown", 0, 0)
        go_on.set()
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
        home.wait(lambda: now()[1] == 0)
        assert now() == (1, 0, "unknown", 0, 0)
        # His next request goes to the new one.
        s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
        home.wait(lambda: now()[:3] == (2, 0, "ok"))
    home.assert_well()


# --- a name with several addresses ---------------------------------------------------------------------------

def serve_ok(upstream, s, f):
    while True:
        upstream.requests.append(Head(f))
        s.sendall(OK)


@pytest.fixture
def several(house, opened):  # noqa: F811
    """A proxy with one worker, whose service's name stands in hosts(5) with four addresses; the real hagw-netd reads it."""
    (house.root / "resolv.conf").write_text("nameserver 127.0.0.9\noptions attempts:1\n")
    (house.root / "hosts").write_text("".join(f"{a} several.lan\n" for a in ("127.0.0.2", "127.0.0.3", "127.0.0.4", "::1")))
    house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                             "HAGW_HOSTS": str(house.root / "hosts")})
    with listen() as s:
        port = s.getsockname()[1]
    h = ProxyHouse(house, "proxy: { workers = 1; };",
                   ha=host(f"http://several.lan:{port}", more='timeouts: { connect = "60s"; };'))
    opened.append(h)
    h.certify(HOST)
    h.start()
    h.wait(lambda: h.proxyd_certificates())
    h.service_port = port
    return h


def cut(h, service):
    """Its connections end, and the proxy has seen it: its own end has come, with which the service's threads let go of them."""
    for s in service.open:
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)
    h.wait(lambda: all(s.fileno() < 0 for s in service.open))


def visit(h):
    """The answer's status, and how many connections were begun for it."""
    before = h.figure("proxy_upstream_connects")
    answer = h.visit(headers={"Accept": "text/html"})
    answer.connection.close()
    return answer.status, int(h.figure("proxy_upstream_connects") - before)


def test_further_address_when_one_refuses(several):
    h = several
    assert visit(h) == (502, 4), "each was tried once"
    served = None
    for address in ("127.0.0.2", "127.0.0.4", "127.0.0.3", "127.0.0.2"):
        service = Upstream(serve_ok, at=(address, h.service_port))
        got, tried = visit(h)
        assert got == 200 and len(service.requests) == 1
        assert not served or tried > 1, "the one that served last is tried first"
        for _ in range(3):
            cut(h, service)
            assert visit(h) == (200, 1), "and is found at once from then on"
        cut(h, service)
        service.close()
        served = address


def test_further_address_when_one_is_silent(several):
    """A full backlog: the kernel answers no more of them, as a machine that is switched off does not."""
    h, fillers = several, []
    for address in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
        s = listen(address, port=h.service_port)
        s.listen(0)
        fillers.append(s)
        for _ in range(3):
            fillers.append(socket.socket())
            fillers[-1].setblocking(False)
            fillers[-1].connect_ex((address, h.service_port))
    time.sleep(0.2)
    service = Upstream(serve_ok, family=socket.AF_INET6, at=("::1", h.service_port))
    got, tried = visit(h)
    assert got == 200 and len(service.requests) == 1, "the next one's turn comes (RFC 8305), long before a minute is over"
    cut(h, service)
    service.close()
    h.house.configure("proxy: { workers = 1; };",
                      ha=host(f"http://several.lan:{h.service_port}", more='timeouts: { connect = "1s"; };'))
    h.proxyd.reload()
    begin = time.monotonic()
    assert visit(h) in ((502, 4), (504, 4))
    assert time.monotonic() - begin >= 1.5, "a second for the last one, begun half a second later"
    for s in fillers:
        s.close()


def test_a_name_without_an_address(several):
    """Each visitor is told, not only the first; and served as soon as it has one."""
    h = several
    (h.root / "hosts").write_text("")
    h.house.configure("proxy: { workers = 1; };", ha=host(f"http://late.lan:{h.service_port}"))
    h.proxyd.reload()
    for _ in range(3):
        with contextlib.closing(h.visit(headers={"Accept": "text/html"}).connection) as c:
            assert h.visit(headers={"Accept": "text/html"}, connection=c).status == 502
    service = Upstream(serve_ok, at=("127.0.0.1", h.service_port))
    (h.root / "hosts").write_text("127.0.0.1 late.lan\n")
    h.wait(lambda: visit(h)[0] == 200)
    service.close()


# --- connections that may die of old age -----------------------------------------------------------------------

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize("method, body, headers", [
    ("GET", None, {}), ("DELETE", None, {}), ("POST", None, {}), ("POST", b"", {}), ("POST", b"x", {}), ("PATCH", b"x", {}),
    ("PUT", b"x", {}), ("PROPFIND", None, {}), ("GET", None, UPGRADE),
], ids=["get", "delete", "post", "post-empty", "post-body", "patch", "put", "propfind", "websocket"])
def test_connection_that_dies_of_the_next_request(make, method, body, headers):  # noqa: F811
    """A service that gives a waiting connection up just when the next request comes. What may be sent again is; what may not
    has a connection of its own, or one that waited for less than a second."""
    met = []

    def serve(upstream, s, f):
        head = Head(f)
        head.body(f)
        met.append(head.method)
        s.sendall(OK)
        Head(f)  # and the door falls shut
        met.append("died")

    home = make(serve, main="proxy: { workers = 1; };")
    first = home.visit()
    assert first.status == 200
    first.connection.close()
    time.sleep(1.1)  # so long a connection waits at least
    answer = home.visit(method, body=body, headers=headers)
    answer.connection.close()
    assert answer.status == 200
    repeated = method in ("GET", "DELETE") and not headers
    assert met == (["GET", "died", method] if repeated else ["GET", method])
    assert home.figure("proxy_retries") == (1 if repeated else 0)
    home.assert_well()


def test_young_connections_carry_everything(make):  # noqa: F811
    home = make(serve_ok, main="proxy: { workers = 1; };")
    c = home.connect()

    def reused():
        before = home.figure("proxy_upstream_reuses")
        assert home.visit("POST", body=b"x", connection=c).status == 200
        assert home.visit("POST", body=b"x", connection=c).status == 200
        return home.figure("proxy_upstream_reuses") > before

    home.wait(reused)
    c.close()


# --- what a service's certificate must be ----------------------------------------------------------------------

SERVER, CLIENT = x509.ExtendedKeyUsageOID.SERVER_AUTH, x509.ExtendedKeyUsageOID.CLIENT_AUTH


@pytest.mark.parametrize("kind, usage, good", [
    ("ecdsa", None, True), ("rsa", [SERVER], True), ("ecdsa", [CLIENT, SERVER], True), ("ecdsa", [CLIENT], False),
    ("ecdsa", [x509.ExtendedKeyUsageOID.CODE_SIGNING], False), ("weak", [SERVER], False),
], ids=["says-nothing", "server", "both", "client", "code", "weak"])
def test_certificate_of_a_service(make, house, opened, kind, usage, good):  # noqa: F811
    home = make(serve_ok)
    pem = home.root / "service.pem"
    pem.write_text("".join(home.authority.issue("service.lan", kind=kind, usage=usage)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(pem)
    opened.append(Upstream(serve_ok, context=context))
    url = f"https://127.0.0.1:{opened[-1].port}"
    tls = f'verify = "ca"; ca_file = "{home.authority.file}"; server_name = "service.lan";'
    house.configure("", ha=host(url, more=f"tls: {{ {tls} }};"),
                    any=host(url, "any.home.example.com", more='tls: { verify = "insecure"; };'))
    home.proxyd.reload()
    answer = home.visit(headers={"Accept": "text/html"})
    assert answer.status == (200 if good else 502)
    assert good or b"its certificate is refused" in answer.body
    assert home.visit(name="any.home.example.com").status == 200, "who asks for no check gets none"


# --- Host ------------------------------------------------------------------------------------------------------

def test_host_field_of_the_service(make, house, opened):  # noqa: F811
    """upstream_host is what the service finds, for requests, upgrades and probes; webd and everybody else find the
    visitor's."""
    home = make(echo)
    house.configure("", ha=host(home.service.url, more='upstream_host = "localhost:8384";'),
                    other=host(home.service.url, "other.home.example.com"))
    home.proxyd.reload()
    for headers in ({}, UPGRADE):
        fields = json.loads(home.visit(headers=headers).body)["fields"]
        assert [v for n, v in fields if n == "Host"] == ["localhost:8384"]
    assert home.proxyd.call("Probe", name=HOST)["status"] == 200
    assert home.service.requests[-1].all("Host") == ["localhost:8384"]
    fields = json.loads(home.visit(name="other.home.example.com").body)["fields"]
    assert [v for n, v in fields if n == "Host"] == ["other.home.example.com"]


@pytest.mark.parametrize("text, seen", [
    (f"{HOST}:", HOST), (f"{HOST}:443", f"{HOST}:443"), (f"{HOST}:8443", f"{HOST}:8443"), (HOST.upper() + ":", HOST.upper()),
])
def test_ports_in_host(make, text, seen):  # noqa: F811
    home = make(echo)
    for target in ("/", f"https://{text}/", f"https://{HOST}{text[len(HOST):]}/"):
        got, _ = home.ask(f"GET {target} HTTP/1.1\r\nHost: {text}\r\nConnection: close\r\n\r\n".encode())
        assert got.startswith(b"HTTP/1.1 200") and home.service.requests[-1].all("Host") == [seen], got

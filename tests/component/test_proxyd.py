# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd as visitors meet it: TLS with keys in hagw-keyd, routes, requests and answers on their way."""

import contextlib
import json
import os
import signal
import pathlib
import select
import socket
import ssl
import threading
import time

import pytest
from conftest import ROOT
from proxyhouse import HOST, Authority, Head, ProxyHouse, Upstream, echo, silent


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


def test_resumption_is_bound_to_the_name(house, parts, service):
    other = "b.home.example.com"
    h = open_house(house, parts, certificates=((HOST, other),), ha=host(service.url), b=host(service.url, other))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = h.context(minimum_version=version, maximum_version=version)
        first = h.visit(context=context)
        session = first.connection.sock.session
        first.connection.close()
        again = h.tls(context=context, session=session)
        assert again.session_reused
        foreign = h.tls(other, context=context, session=session)
        assert not foreign.session_reused
        foreign.close()
        again.close()


def test_foreign_host_is_421(house, parts, service):
    other = "b.home.example.com"
    h = open_house(house, parts, certificates=((HOST, other),), ha=host(service.url), b=host(service.url, other))
    c = h.connect()
    assert h.visit(headers={"Host": other}, connection=c).status == 421
    assert h.visit(connection=c).status == 200
    assert h.visit(headers={"Host": HOST.upper() + ":8443"}, connection=c).status == 200


def test_wildcard_and_local_hosts(house, parts, service):
    h = open_house(house, parts, 'lan = ( "192.0.2.0/24" );', certificates=(("*.home.example.com",),),
                   all=host(service.url, "*.home.example.com"),
                   local=host(service.url, "local.home.example.com", 'login = "none"; from = "lan";'))
    assert h.visit(name="anything.home.example.com").status == 200
    raw = socket.create_connection(("127.0.0.1", h.port), 20)
    with pytest.raises((ssl.SSLError, ConnectionResetError)) as e:
        h.context().wrap_socket(raw, server_hostname="local.home.example.com")
    assert "alert" not in str(e.value).lower()


def test_upstream_kinds(house, parts):
    h = ProxyHouse(house)
    parts.append(h)
    files = {}
    for name in ("service.lan", "other.lan"):
        chain, key = h.authority.issue(name)
        files[name] = h.root / name
        files[name].write_text(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["service.lan"])
    secure = Upstream(echo, context=context)
    local = Upstream(echo, path=h.root / "service.sock")
    parts += [secure, local]
    url = secure.url.replace("http:", "https:")
    house.configure("", ca=host(url, "ca.x.example", more=f'tls: {{ verify = "ca"; ca_file = "{h.authority.file}"; '
                                                           'server_name = "service.lan"; };'),
                    wrong=host(url, "wrong.x.example", more=f'tls: {{ verify = "ca"; ca_file = "{h.authority.file}"; '
                                                             'server_name = "other.lan"; };'),
                    system=host(url, "system.x.example"),
                    insecure=host(url, "insecure.x.example", more='tls: { verify = "insecure"; };'),
                    unix=host(f"unix:{h.root}/service.sock", "unix.x.example"))
    h.certify("*.x.example")
    h.start()
    h.wait(lambda: h.proxyd_certificates())
    for name, status in (("ca", 200), ("insecure", 200), ("unix", 200), ("wrong", 502), ("system", 502)):
        answer = h.visit(name=f"{name}.x.example", headers={"Accept": "text/html"})
        assert answer.status == status, (name, answer.body)
        if status == 502:
            assert b"certificate" in answer.body
    rows = {r["name"]: r for r in h.proxyd.call("ListHosts")["hosts"]}
    assert rows["ca.x.example"]["health"] == "ok" and rows["wrong.x.example"]["health"] == "failing"
    assert "certificate" in rows["wrong.x.example"]["error"]


def test_dead_upstream_concerns_only_its_host(house, parts, service):
    dead = socket.create_server(("127.0.0.1", 0))
    port = dead.getsockname()[1]
    dead.close()
    patient = 'timeouts: { connect = "60s"; };'
    h = open_house(house, parts, certificates=(("*.home.example.com",),), ha=host(service.url),
                   dead=host(f"http://127.0.0.1:{port}", "dead.home.example.com", more=patient),
                   lost=host("http://nowhere.invalid:80", "lost.home.example.com", more=patient))
    for name in ("dead", "lost"):
        answer = h.visit(name=f"{name}.home.example.com", headers={"Accept": "text/html"})
        assert answer.status == 502, "not what takes longer than a minute"
        assert b"<html" in answer.body
    assert h.visit().status == 200


def test_stale_connection_is_retried(house, parts):
    def once(upstream, s, f):
        head = Head(f)
        head.body(f)
        upstream.requests.append(head)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        # Kept alive, they think; the second request on it finds a closed door.
        Head(f)
    service = Upstream(once)
    parts.append(service)
    h = open_house(house, parts, ha=host(service.url))
    for _ in range(6):
        assert h.visit().status == 200
    assert h.figure("proxy_retries") > 0
    # A body is not sent twice: the connection is looked at first, and what fails is told.
    assert h.visit("POST", body=b"x").status in (200, 502)


def test_port_80(home):
    s = socket.create_connection(("127.0.0.1", home.http_port), 20)
    s.sendall(b"POST /a?b=c HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nContent-Length: 0\r\n\r\n")
    answer = s.recv(4096)
    assert answer.startswith(b"HTTP/1.1 308") and f"https://{HOST}/a?b=c".encode() in answer
    for request in (b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", b"nonsense\r\n\r\n",
                    b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: other.example\r\n\r\n"):
        s = socket.create_connection(("127.0.0.1", home.http_port), 20)
        s.sendall(request)
        assert silent(s), request


def test_reload_keeps_connections(home, house, service):
    c = home.connect()
    assert home.visit(connection=c).status == 200
    house.configure("", ha=host(service.url), b=host(service.url, "b.home.example.com"))
    home.proxyd.reload()
    assert home.visit(connection=c).status == 200
    assert home.figure("proxy_handshakes") == 1
    # Refused as a whole: what was stays.
    house.configure("", ha=host(service.url), b='name = "b"; upstrem = "x";')
    home.proxyd.process.send_signal(signal.SIGHUP)
    home.wait(lambda: home.proxyd.call("io.hagw.Service.Describe").get("configError"))
    assert home.visit(connection=c).status == 200
    # Gone: the next request finds nobody.
    house.configure("", b=host(service.url, "b.home.example.com"))
    home.proxyd.reload()
    with pytest.raises((ConnectionError, OSError, Exception)):
        home.visit(connection=c)


def test_new_certificate(home):
    old = home.tls()
    serial = old.getpeercert()["serialNumber"]
    home.certify(HOST, replace=True)
    home.wait(lambda: home.tls().getpeercert()["serialNumber"] != serial)
    old.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
    assert old.recv(100).startswith(b"HTTP/1.1 200")


def test_keyd_restarts(home):
    assert home.visit().status == 200
    home.keyd.kill()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        home.tls()
    home.keyd.start()
    assert home.visit().status == 200


def test_probe(house, parts, service):
    def untrusting(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 16\r\n\r\n400: Bad Request")
    bad = Upstream(untrusting)
    parts.append(bad)
    h = open_house(house, parts, ha=host(service.url), bad=host(bad.url, "bad.home.example.com"),
                   dead=host("http://127.0.0.1:1", "dead.home.example.com"),
                   wild=host(service.url, "*.w.example.com", 'login = "required";'))
    answer = h.proxyd.call("Probe", name=HOST)
    assert answer["status"] == 200 and answer["host"]["health"] == "ok" and answer.get("advice") is None
    answer = h.proxyd.call("Probe", name="bad.home.example.com")
    assert answer["status"] == 400 and "whoever asks" in answer["advice"]
    answer = h.proxyd.call("Probe", name="dead.home.example.com")
    assert answer.get("status") is None and answer["host"]["health"] == "failing"
    assert h.proxyd.call("Probe", name="*.w.example.com")["status"] == 200
    with pytest.raises(Exception, match="NoSuchHost"):
        h.proxyd.call("Probe", name="x.example.com")


def test_date(house, parts):
    """RFC 9110 section 6.6.1: every answer of ours says when, and so does a service's that forgot to; one that says it
    is believed."""
    from email.utils import parsedate_to_datetime

    def serve(upstream, s, f):
        while True:
            said = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" if Head(f).target == "/says" else b""
            s.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n" + said + b"Content-Length: 0\r\n\r\n")
    parts.append(Upstream(serve))
    h = open_house(house, parts, certificates=(("*.home.example.com",),), ha=host(parts[-1].url),
                   walled=host(parts[-1].url, "walled.home.example.com", 'login = "required";'),
                   dead=host("http://127.0.0.1:9", "dead.home.example.com"))

    def dates(name, path="/", port=None):
        text = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\r\n".encode()
        s = socket.create_connection(("127.0.0.1", port)) if port else h.tls(name)
        with s:
            s.sendall(text)
            got = b""
            while b" 103 " in got.rsplit(b"HTTP/1.1", 1)[-1][:5] or not got.endswith(b"\r\n\r\n") and b"<html" not in got:
                got += s.recv(65536)
        *interim, last = got.split(b"HTTP/1.1 ")[1:]
        assert not any(b"Date:" in i for i in interim)
        return last[:3], [line[6:].decode() for line in last.split(b"\r\n") if line.startswith(b"Date: ")]

    assert dates(HOST, "/says") == (b"200", ["Sun, 06 Nov 1994 08:49:37 GMT"])
    for got, status in ((dates(HOST), b"200"), (dates("walled.home.example.com"), b"303"),
                        (dates("dead.home.example.com"), b"502"), (dates(HOST, port=h.http_port), b"308")):
        assert got[0] == status and len(got[1]) == 1
        assert abs(parsedate_to_datetime(got[1][0]).timestamp() - time.time()) < 10


def test_access_log(home):
    home.visit(path="/a/b?token=geheim")
    home.wait(lambda: "/a/b" in home.proxyd.text())
    assert "geheim" not in home.proxyd.text()


def test_interface(home):
    text = home.proxyd.call("org.varlink.service.GetInterfaceDescription", interface="io.hagw.Proxy")["description"]
    assert text.rstrip() + "\n" == (ROOT / "tests/idl/io.hagw.Proxy.varlink").read_text()


def test_connection_limit(house, parts, service):
    h = open_house(house, parts, "proxy: { workers = 1; connections = 16; };", ha=host(service.url))
    inside = [h.tls() for _ in range(16)]
    for s in inside: # who waits for an answer to it makes room for nobody
        s.sendall(b"POST / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nContent-Length: 1\r\n\r\n")
    h.wait(lambda: h.figure("proxy_requests") == 16)
    waiting = socket.create_connection(("127.0.0.1", h.port), 20)
    time.sleep(0.3)
    assert h.figure("proxy_connections") == 16
    inside[0].close()
    # The one who waited gets in as soon as one is gone.
    tls = h.context().wrap_socket(waiting, server_hostname=HOST)
    tls.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
    assert tls.recv(100).startswith(b"HTTP/1.1 200")


def test_connection_limit_of_an_address(house, parts, service):
    """One address cannot take the places of others, whichever worker serves it."""
    h = open_house(house, parts, "proxy: { workers = 2; connections_per_address = 12; };", ha=host(service.url))

    def come(address="127.0.0.1"):
        s = socket.create_connection(("127.0.0.1", h.port), 20, source_address=(address, 0))
        return h.context().wrap_socket(s, server_hostname=HOST)
    inside = [come() for _ in range(12)]
    for n in range(1, 4):
        assert socket.create_connection(("127.0.0.1", h.port), 20).recv(1) == b""
        assert h.figure("proxy_crowded") == n
    assert h.figure("proxy_connections") == 12
    others = [come("127.0.0.2") for _ in range(12)]
    inside.pop().close()
    h.wait(lambda: h.figure("proxy_connections") == 23)
    inside.append(come())
    assert h.figure("proxy_crowded") == 3 and len(inside + others) == 24


def test_stop_finishes_what_is_under_way(house, parts):
    go = threading.Event()

    def slow(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        go.wait(20)
        s.sendall(b"cd")
    parts.append(Upstream(slow))
    h = open_house(house, parts, ha=host(parts[-1].url))
    s, idle = h.tls(), h.tls()
    s.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
    data = s.recv(4096)
    h.proxyd.process.send_signal(signal.SIGTERM)
    go.set()
    while b"abcd" not in data:
        more = s.recv(4096)
        assert more, data
        data += more
    assert s.recv(1) == b"" and idle.recv(1) == b""
    assert h.proxyd.process.wait(20) == 0


@pytest.fixture
def websockets(house, parts):
    """websockets(drain, n): a house whose hagw-proxyd has just been told to stop, and n of its visitors."""
    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while data := f.read(4):
            s.sendall(data)

    def make(drain, n):
        parts.append(Upstream(serve))
        h = open_house(house, parts, f'proxy: {{ drain = "{drain}"; }};', ha=host(parts[-1].url))
        upgrade = (f"GET / HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n").encode()
        # TLS 1.2 has no tickets on the way, which would be readable as well.
        sockets = [h.tls(context=h.context(maximum_version=ssl.TLSVersion.TLSv1_2)) for _ in range(n)]
        for s in sockets:
            s.sendall(upgrade)
            assert b" 101 " in s.recv(4096)
        h.proxyd.process.send_signal(signal.SIGTERM)
        return h, *sockets
    return make


def test_stop_lets_websockets_go_on(websockets):
    """For as long as bytes pass; one that is quiet is over in a few seconds."""
    h, busy, quiet = websockets("10min", 2)
    assert h.proxyd.stopping.acquire(timeout=30)

    def over():
        busy.sendall(b"ping")
        assert busy.recv(4) == b"ping"
        return select.select([quiet], [], [], 0.2)[0] and quiet.recv(1) == b""
    h.wait(over, 60)
    busy.sendall(b"ping")
    assert busy.recv(4) == b"ping"
    assert h.proxyd.extended > 600  # systemd was told
    busy.close()
    assert h.proxyd.process.wait(60) == 0


def test_stop_lets_websockets_go_on_until_the_drain_is_over(websockets):
    began = time.monotonic()
    h, busy = websockets("2s", 1)
    with contextlib.suppress(OSError):
        while busy.send(b"ping") and busy.recv(4) == b"ping":
            time.sleep(0.01)
    assert time.monotonic() - began >= 2
    assert h.proxyd.process.wait(60) == 0


def test_stop_serves_who_comes_meanwhile(house, parts):
    """A restart is not felt: while an old download goes on, visitors come and are served; it is over when that one is."""
    go = threading.Event()

    def serve(upstream, s, f):
        while True:
            if Head(f).target == "/long":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
                go.wait(20)
                s.sendall(b"cd")
            else:
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    parts.append(Upstream(serve))
    h = open_house(house, parts, ha=host(parts[-1].url))
    c = h.connect()
    c.request("GET", "/long")
    r = c.getresponse()
    assert r.read(2) == b"ab"
    h.proxyd.process.send_signal(signal.SIGTERM)
    h.wait(lambda: "stopping" in h.proxyd.call("io.hagw.Service.Describe")["status"])
    for _ in range(3):
        assert h.visit().body == b"ok"
    go.set()
    assert r.read() == b"cd"
    c.close()
    assert h.proxyd.process.wait(20) == 0


def test_visitors_are_shared_among_workers(house, parts, service):
    """The kernel wakes mostly the same worker; who has more than the other hands the next visitor over."""
    h = open_house(house, parts, "proxy: { workers = 2; };", ha=host(service.url))
    inside = [h.tls() for _ in range(40)]
    assert h.figure("proxy_connections") == 40
    # What each worker's epoll watches; its other descriptors may go while we look.
    watched = []
    for info in pathlib.Path(f"/proc/{h.proxyd.process.pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            watched.append(info.read_text().count("tfd:"))
    watched.sort(reverse=True)
    assert sum(watched[:2]) >= 40
    assert watched[1] >= 15, f"one worker has nearly all of them: {watched}"
    for s in inside:
        s.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")


def test_new_ca_file_is_asked_about_old_connections(house, parts):
    """Neither a connection that waits nor a session that could be resumed survives that its CA is no longer trusted."""
    h = ProxyHouse(house)
    parts.append(h)
    trusted = h.root / "trusted.pem"
    trusted.write_bytes(h.authority.file.read_bytes())
    chain, key = h.authority.issue("service.lan")
    (h.root / "service.pem").write_text(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(h.root / "service.pem")
    secure = Upstream(echo, context=context)
    parts.append(secure)
    house.configure("proxy: { workers = 1; };", ha=host(
        secure.url.replace("http:", "https:"),
        more=f'tls: {{ verify = "ca"; ca_file = "{trusted}"; server_name = "service.lan"; }};'))
    h.certify(HOST)
    h.start()
    h.wait(lambda: h.proxyd_certificates())
    assert [h.visit().status for _ in range(2)] == [200, 200] and secure.connections == 1
    other = h.root / "other"
    other.mkdir()
    trusted.write_bytes(Authority(other).file.read_bytes())
    h.proxyd.reload()
    assert h.visit().status == 502


def test_a_ca_file_that_is_missing_at_start_costs_its_own_host_only(house, parts, service):
    other = "other.home.example.com"
    distrusting = (f'name = "{other}"; upstream = "https://127.0.0.1:{service.port}"; access: {{ login = "none"; }};'
                   'tls: { verify = "ca"; ca_file = "/nowhere/roots.pem"; };')
    h = open_house(house, parts, certificates=((HOST, other),), ha=host(service.url), other=distrusting)
    assert "/nowhere/roots.pem" in h.proxyd.text()
    for name, status in ((HOST, b"200"), (other, b"502")):
        s = h.tls(name)
        s.sendall(b"GET / HTTP/1.1\r\nHost: " + name.encode() + b"\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 " + status), name

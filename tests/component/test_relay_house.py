# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both ends as they are: a relay, a house attached to it, and visitors."""

import base64
import hashlib
import json
import re
import os
import socket
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from ctl_tools import Ctl
from proxyhouse import Head, ProxyHouse, Upstream, echo, silent
from relayhouse import NAME, ZONE, RelayHouse
from test_relay import visitor

HOST = f"ha.anna.{ZONE}"


def pin_of(relay):
    certificate = x509.load_pem_x509_certificate(relay.certificates[0]["chain"].encode())
    key = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + base64.b64encode(hashlib.sha256(key).digest()).decode()


class Pair:
    """A relay and a house of it, whose service echoes."""

    def __init__(self, house, other_house, serve=echo, more="", relay_hosts=None, relay_more="", address=NAME, login="none", **tenant):
        self.relay = RelayHouse(house, relay_more, **(relay_hosts or {})).start()
        token = self.relay.tenantd.call("Add", name="anna", credential="token", **tenant)["tenant"]["credential"]
        self.service = Upstream(serve)
        (other_house.root / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (other_house.root / "hosts").write_text(f"127.0.0.1 {NAME}\n")
        other_house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(other_house.root / "resolv.conf"),
                                                       "HAGW_HOSTS": str(other_house.root / "hosts")})
        self.address = address
        self.host = f'name = "{HOST}"; upstream = "{self.service.url}"; access: {{ login = "{login}"; }};'
        self.home = ProxyHouse(other_house, self.main(more), ha=self.host)
        self.home.keyd.call("ImportToken", token=token)
        self.home.certify(f"anna.{ZONE}", f"*.anna.{ZONE}")
        self.home.start()
        self.home.wait(self.attached)

    def main(self, more=""):
        return f'''relay: {{ address = "{self.address}:{self.relay.port}"; tenant = "anna"; pin = "{pin_of(self.relay)}";
            private = "accept"; {more} }}; lan = ( "192.168.255.0/24" );'''

    def attached(self):
        return self.home.proxyd.call("DescribeRelay")["state"] == "attached" and self.relay.figure("proxy_relay_channels") > 0

    def tls(self, name=HOST, **keys):
        """A visitor's TLS through the relay, that ends in the house."""
        raw = socket.create_connection(("127.0.0.1", self.relay.port), 20)
        return self.home.context().wrap_socket(raw, server_hostname=name, **keys)

    def close(self):
        self.service.close()
        self.home.close()
        self.relay.close()


@pytest.fixture
def make(house, other_house):
    pairs = []

    def make(**keys):
        pairs.append(Pair(house, other_house, **keys))
        return pairs[-1]
    yield make
    for p in pairs:
        p.close()


def test_request(make):
    p = make()
    with p.tls() as s:
        status, body = get_from(s, HOST)
        fields = dict(json.loads(body)["fields"])
        assert status == 200 and fields["X-Forwarded-For"] == "127.0.0.1" and fields["X-Forwarded-Proto"] == "https"
        assert fields["Host"] == HOST


def get_from(s, host):
    s.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    f = s.makefile("rb")
    status, length = int(f.readline().split()[1]), 0
    while (line := f.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, f.read(length)


@pytest.mark.parametrize("opened,word,remedy", [
    ("refuse", "house_refuses", 'opened = "accept"; in the group relay of its hagw.conf'),
    ("accept", "house_no_host", f"The house has no host shop.{ZONE}: there, hagw-ctl host add shop.{ZONE} SERVICE")])
def test_probe_says_that_the_house_refuses(make, opened, word, remedy):
    """And why; a visitor meets with the same, and counts."""
    name = f"shop.{ZONE}"
    p = make(more=f'opened = "{opened}";', relay_hosts={"shop": f'name = "{name}"; upstream = "tenant:anna"; access: {{ login = "none"; }};'})
    host = p.relay.proxyd.call("Probe", name=name)["host"]
    assert host["health"] == "failing" and host["finding"] == word and remedy in host["error"], host
    shown = Ctl(p.relay.house).run("status", "--no-delegation").stdout
    assert {"refuse": "refused by the house", "accept": "no host in the house"}[opened] in shown, shown
    assert f"The service behind {name} fails" in " ".join(shown.partition("Needs attention:")[2].split()), shown
    r = p.relay.visit(name=name, headers={"Accept": "text/html"})
    reason, text = {"refuse": ("house", "does not take visitors"), "accept": ("host", f"knows nothing of the name {name}")}[opened]
    assert r.status == 503 and text in r.body.decode()
    with p.relay.proxyd.varlink() as link:
        [m] = link.stream("io.hagw.Proxy.ListAttachments", tenant="anna")
    assert [(row["reason"], row["count"], row.get("name")) for row in m["refused"]] == [(reason, 1, name if reason == "host" else None)]
    if reason == "host":
        advice = f"The last one asked for {name}: hagw-ctl host add {name} SERVICE"
        said = json.loads(Ctl(p.relay.house).run("--json", "status", "--no-delegation").stdout)["notices"]
        assert any(n.endswith(f"{advice} --force there makes one.") for n in said), said
        assert f"that they ask for ({name})" in Ctl(p.relay.house).ok("tenant", "show", "anna")
        p.home.wait(lambda: any(r.get("name") == name for r in p.home.proxyd.call("DescribeRelay").get("refused", [])), 60)
        said = json.loads(Ctl(p.home.house).run("--json", "status", "--no-delegation").stdout)["notices"]
        # Not one of the house's names: it is led to nothing by the word of a relay.
        assert any(n.endswith("hagw-ctl host add NAME SERVICE here makes one.") for n in said), said
        assert not any(name in n for n in said), said
    # The house takes them from now on.
    p.home.house.configure(p.main('opened = "accept";'), ha=p.host, shop=f'name = "{name}"; upstream = "{p.service.url}"; access: {{ login = "none"; }};')
    p.home.proxyd.reload()
    if reason == "host":
        # The relay hears it before anybody else comes.
        p.home.wait(lambda: "Visitors of the tenant" not in Ctl(p.relay.house).run("status", "--no-delegation").stdout, 60)
    p.home.wait(lambda: p.relay.visit(name=name).status == 200)
    p.home.wait(lambda: "finding" not in p.relay.proxyd.call("Probe", name=name)["host"])


def test_house_hears_which_domains_are_its(make):
    p = make(domains=["ha.example.org", "*.example.net"])
    known = lambda: p.home.proxyd.call("DescribeRelay")["domains"]  # noqa: E731
    assert sorted(known()) == ["*.example.net", "ha.example.org"]
    p.relay.set("anna", domains=["*.example.net"])
    p.home.wait(lambda: known() == ["*.example.net"], seconds=60)
    p.relay.set("anna", domains=[])
    p.home.wait(lambda: known() == [], seconds=60)


def test_relay_known_by_its_address(make):
    """Without a name in the ClientHello, and with a pin."""
    p = make(address="127.0.0.1")
    with p.tls() as s:
        assert get_from(s, HOST)[0] == 200


def test_many_visitors_at_once(make):
    """More than channels that wait: the pool grows, everybody is served."""
    p = make(channels=16)
    results = []

    def visit():
        with p.tls() as s:
            results.append(get_from(s, HOST)[0])
    threads = [threading.Thread(target=visit) for _ in range(14)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert results == [200] * 14
    # It grew, and goes back to half of what the tenant may have when nobody comes.
    p.home.wait(lambda: p.relay.figure("proxy_relay_channels") == 8, seconds=120)


@pytest.mark.parametrize("opened", ["accept", "refuse"])
def test_opened_by_the_relay(make, opened):
    p = make(terminate=True, more=f'opened = "{opened}";')
    p.relay.certify(f"*.anna.{ZONE}")
    p.relay.wait(lambda: p.relay.serves(HOST))
    said = lambda: " ".join(Ctl(p.home.house).run("status", "--no-delegation").stdout.split())  # noqa: E731
    assert "The relay opens visitors' TLS, the last time" not in said()
    r = p.relay.visit(name=HOST)
    if opened == "refuse":
        assert r.status == 503 and p.home.proxyd.call("DescribeRelay")["rejected"] > 0
        assert "The relay opens visitors' TLS, the last time" not in said()
        p.relay.wait(lambda: f"The relay opens visitors' TLS of anna.{ZONE} and leads them to this house, and this machine does not take them." in said())
        return
    told = re.sub(r"the last time \d+ s ago", "the last time just now", said())
    assert "The relay opens visitors' TLS, the last time just now, and can read what passes. Nobody asks for a login at " \
        f"{HOST}, neither the relay nor this house: hagw-ctl host set {HOST} --login required asks here." in told
    fields = dict(json.loads(r.body)["fields"])
    assert r.status == 200 and fields["X-Forwarded-For"] == "127.0.0.1" and fields["Host"] == HOST
    assert p.relay.visit(name=HOST, connection=r.connection).status == 200


def test_names_that_the_relay_cannot_open(make):
    """Without a certificate for them they pass on as before, instead of going dark."""
    p = make(terminate=True, more='opened = "accept";')
    with p.tls() as s:  # the house's certificate
        assert get_from(s, HOST)[0] == 200
    p.relay.certify(f"*.anna.{ZONE}")
    p.relay.wait(lambda: p.relay.serves(HOST))
    assert p.relay.visit(name=HOST).status == 200


@pytest.mark.parametrize("domain,name", [("ha.example.org", "ha.example.org"), ("*.example.net", "ha.example.net")])
def test_domains_that_the_relay_cannot_open(make, domain, name):
    """The same of a tenant's domain elsewhere."""
    p = make(terminate=True, more='opened = "accept";', domains=[domain])
    p.home.house.configure(p.main('opened = "accept";'), ha=p.host,
                           domain=f'name = "{name}"; upstream = "{p.service.url}"; access: {{ login = "none"; }};')
    p.home.certify(domain)
    p.home.proxyd.reload()
    p.home.wait(lambda: name in p.home.proxyd_certificates())
    with p.tls(name) as s:  # the house's certificate
        assert get_from(s, name)[0] == 200
    p.relay.certify(f"*.anna.{ZONE}")  # for its other names
    p.relay.wait(lambda: p.relay.serves(HOST))
    with p.tls(name) as s:
        assert get_from(s, name)[0] == 200
    p.relay.certify(domain)
    p.relay.wait(lambda: p.relay.serves(name))
    assert p.relay.visit(name=name).status == 200


WEBSOCKET = (f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()


@pytest.mark.parametrize("change", [
    lambda p: p.relay.set("anna", terminate=False),
    lambda p: p.relay.tenantd.call("Remove", name="anna"),
    lambda p: (p.home.house.configure(p.main('opened = "refuse";'), ha=p.host), p.home.proxyd.reload()),
    lambda p: (p.home.house.configure('lan = ( "192.168.255.0/24" );', ha=p.host), p.home.proxyd.reload()),
], ids=["terminate", "removed", "opened", "no relay"])
def test_opened_no_more(make, change):
    """What the relay may not open any more, or the house does not believe, ends; the service gets no byte after that."""
    got = []

    def serve(service, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        got.append(s)
        while data := f.read1(100):
            s.sendall(data)
        got.append("ended")
    p = make(terminate=True, more='opened = "accept";', serve=serve)
    p.relay.certify(f"*.anna.{ZONE}")
    p.relay.wait(lambda: p.relay.serves(HOST))
    with p.relay.tls(HOST) as s:
        s.sendall(WEBSOCKET)
        assert s.recv(4096).startswith(b"HTTP/1.1 101")
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        change(p)
        assert silent(s, 20)
        p.relay.wait(lambda: got[1:] == ["ended"])


def test_download_of_a_gigabyte_keeps_memory_flat(make):
    size = int(os.environ.get("HAGW_BIG_BYTES", 1 << 28))
    piece = bytes(1 << 20)

    def serve(service, s, f):
        Head(f)
        s.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(piece)):
            s.sendall(piece)
    p = make(serve=serve)
    with p.tls() as s:
        before = p.relay.rss()
        s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        got, buffer = 0, bytearray(1 << 20)
        while got < size:
            n = s.recv_into(buffer)
            assert n > 0
            got += n
        assert p.relay.rss() - before < 2048


def test_relay_killed_comes_back(make):
    p = make()
    p.relay.proxyd.kill()
    p.relay.proxyd.start()
    p.home.wait(p.attached, seconds=60)
    with p.tls() as s:
        assert get_from(s, HOST)[0] == 200


def test_detached_house_is_silence(make):
    p = make()
    p.home.proxyd.stop()
    with visitor(p.relay, HOST) as v:
        assert silent(v, 30)
    p.home.proxyd.start()
    p.home.wait(p.attached, seconds=60)
    with p.tls() as s:
        assert get_from(s, HOST)[0] == 200


def test_channels_of_an_idle_house(make):
    """RESERVE_MAX: a browser's first connections find theirs."""
    p = make()
    p.relay.wait(lambda: p.relay.figure("proxy_relay_channels") == 12)
    assert p.relay.figure("proxy_relay_attached") == 1 and p.home.figure("proxy_agent_waiting") == 12


def test_the_houses_own_login_is_passed_through(make):
    """At a host that the relay opens and that asks for no login there, /.hagw/ and the session's cookie are the house's."""
    p = make(terminate=True, more='opened = "accept";')
    p.relay.certify(f"*.anna.{ZONE}")
    p.relay.wait(lambda: p.relay.serves(HOST))
    r = p.relay.visit(name=HOST, path="/x", headers={"Cookie": "__Host-hagw=abc; a=b"})
    fields = json.loads(r.body)["fields"]
    assert ["Cookie", "a=b"] in fields  # the house has cut its own out
    r = p.relay.visit(name=HOST, path="/.hagw/auth/login")
    assert r.status == 502 and p.home.figure("proxy_requests") == 2  # the house has no hagw-webd here, and the relay none either


def test_a_new_token_is_not_felt(make):
    """Visitors come and go while the house attaches anew, and whoever is there stays."""
    p = make()
    stays = p.tls()
    results, done = [], threading.Event()

    def visit():
        while not done.is_set():
            try:
                with p.tls() as s:
                    results.append(get_from(s, HOST)[0])
            except OSError as e:
                results.append(e)
    visitors = [threading.Thread(target=visit) for _ in range(3)]
    for v in visitors:
        v.start()
    try:
        for _ in range(5):
            before = len(results)
            token = p.relay.tenantd.call("IssueToken", name="anna")["token"]
            p.home.keyd.call("ImportToken", token=token)
            p.home.proxyd.reload()
            p.home.wait(lambda: p.home.proxyd.call("DescribeRelay").get("attachment", {}).get("tokenId") == token.split("_")[2])
            p.home.wait(lambda: len(results) >= before + 10)
    finally:
        done.set()
        for v in visitors:
            v.join()
    assert set(results) == {200}
    assert get_from(stays, HOST)[0] == 200
    stays.close()

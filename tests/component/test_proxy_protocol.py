# SPDX-License-Identifier: LGPL-2.1-or-later
"""Visitors whom a load balancer brings: a PROXY protocol v2 header says who they are, in place of the balancer's address."""

import ipaddress
import json
import socket
import ssl
import struct
import time

import pytest
from ctl_tools import Ctl
from proxyhouse import HOST, ProxyHouse, Upstream, echo, silent
from test_passage import HEADER_V2, client_hello

BALANCER, STRANGER = "127.0.0.2", "127.0.0.1"
VISITOR = "203.0.113.9"
LOCAL = HEADER_V2 + b"\x20\0\0\0"
INSIDE = "inside.home.example.com"
PASSING = "passing.home.example.com"


def header(source=VISITOR, destination=None, source_port=4711, destination_port=443, tlvs=b""):
    a = ipaddress.ip_address(source)
    b = ipaddress.ip_address(destination or ("198.51.100.1" if a.version == 4 else "2001:db8::1"))
    body = a.packed + b.packed + struct.pack(">HH", source_port, destination_port) + tlvs
    return HEADER_V2 + bytes([0x21, 0x11 if a.version == 4 else 0x21]) + struct.pack(">H", len(body)) + body


class Balanced(ProxyHouse):
    def __init__(self, house, main=""):
        self.service = Upstream(echo)
        self.tcp = Upstream(lambda service, s, f: (service.requests.append(f.read(16 + 36)), s.sendall(b"x")))
        super().__init__(
            # Named singly: before hagw-netd has spoken, no network as a whole is inside.
            house, 'lan = ( "192.168.0.0/16", "192.168.1.9", "127.0.0.0/8" );' + main,
            ha=f'name = "{HOST}"; upstream = "{self.service.url}"; access: {{ login = "none"; }};',
            inside=f'name = "{INSIDE}"; upstream = "{self.service.url}"; access: {{ login = "none"; from = "lan"; }};',
            passing=f'name = "{PASSING}"; upstream = "tcp://127.0.0.1:{self.tcp.port}"; proxy_protocol = "v2"; '
                    'access: { login = "none"; };')
        self.certify("*.home.example.com")
        self.start()
        self.wait(lambda: len(self.proxyd_certificates()) == 3)

    def connect_from(self, source, first=b"", port=None):
        s = socket.create_connection(("127.0.0.1", port or self.port), 10, (source, 0))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(first)
        return s

    def ask(self, s, name=HOST):
        """The header fields of a request as the service got them."""
        with self.context().wrap_socket(s, server_hostname=name) as t:
            t.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: t.recv(65536), b""))
        return dict(json.loads(answer.split(b"\r\n\r\n", 1)[1])["fields"])

    def visitor(self, first, source=BALANCER):
        return self.ask(self.connect_from(source, first))["X-Forwarded-For"]

    def close(self):
        super().close()
        self.service.close()
        self.tcp.close()


@pytest.fixture
def make(house):
    made = []

    def make(more="", sources=f'"{BALANCER}", "::1"'):
        made.append(Balanced(house, f"proxy: {{ proxy_protocol_from = ( {sources} ); {more} }};"))
        return made[-1]
    yield make
    for b in made:
        b.close()


@pytest.mark.parametrize("told,seen", [
    (VISITOR, VISITOR), ("2001:db8::7", "2001:db8::7"), ("::ffff:203.0.113.9", VISITOR)])
def test_visitor_is_who_the_header_says(make, told, seen):
    home = make()
    assert home.visitor(header(told)) == seen
    assert home.visitor(header(told, tlvs=b"\x04\0\x10" + b"n" * 16)) == seen


def test_ipv6_balancer(make):
    home = make()
    s = socket.create_connection(("::1", home.port6), 10)
    s.sendall(header())
    assert home.ask(s)["X-Forwarded-For"] == VISITOR


def test_hello_in_the_same_segment(make):
    """And in the byte after it, and with the header in pieces."""
    home = make()
    data = header("2001:db8::7") + client_hello()
    for cuts in ([], [1], [12], [16], [51], [52], [53], [60], range(1, 60)):
        with home.connect_from(BALANCER) as s:
            at = 0
            for cut in (*cuts, len(data)):
                s.sendall(data[at:cut])
                at = cut
                time.sleep(0.02)
            assert s.recv(1) == b"\x16", cuts  # a ServerHello


def test_who_is_silent(make):
    """What can be told to be wrong is not waited for."""
    home = make("hello_timeout = \"10min\";")
    hello = client_hello()
    outside = header().replace(b"\x21\x11", b"\x21\x00", 1)  # UNSPEC: of whom nothing is known
    for what, source, data in (
            ("no header", BALANCER, hello), ("header of a stranger", STRANGER, header() + hello),
            ("two headers", BALANCER, header() + header() + hello), ("LOCAL, then a header", BALANCER, LOCAL + header() + hello),
            ("version 1", BALANCER, b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n" + hello),
            ("a visitor of no family", BALANCER, outside + hello),
            ("too long", BALANCER, HEADER_V2 + b"\x21\x11\xff\xff" + b"x" * 65535),
            ("shorter than its addresses", BALANCER, HEADER_V2 + b"\x21\x11\0\x0b" + b"x" * 11 + hello),
            ("version 3", BALANCER, HEADER_V2 + b"\x31" + header()[13:] + hello)):
        with home.connect_from(source) as s:
            try:
                s.sendall(data)
            except (ConnectionResetError, BrokenPipeError):
                pass
            assert silent(s, 60), what
    assert home.figure("proxy_handshakes") == 0


def test_who_says_too_little(make):
    home = make("hello_timeout = \"1s\";")
    for data in (header()[:20], b"", header()):
        began = time.monotonic()
        with home.connect_from(BALANCER, data) as s:
            assert silent(s, 60), data
        assert time.monotonic() - began >= 1
    assert home.figure("proxy_handshakes") == 0


def test_version_1_is_told(make):
    """What is to be set where, and not at each visitor."""
    home = make()
    for _ in range(20):
        with home.connect_from(BALANCER, b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n" + client_hello()) as s:
            assert silent(s)
    home.wait(lambda: "sends a PROXY protocol header of version 1" in home.proxyd.text())
    assert f"{BALANCER} is in proxy_protocol_from" in home.proxyd.text()
    assert home.proxyd.text().count("of version 1") < 20
    home.wait(lambda: home.proxyd.call("ListHops")["version1Balancers"])
    r = Ctl(home.house).run("--json", "status", "--no-delegation")
    [said] = [p for p in json.loads(r.stdout)["problems"] if "proxy_protocol_from" in p]
    assert said.startswith(f"{BALANCER}, which is in proxy.proxy_protocol_from, sends a PROXY protocol header of version 1, the last one ")
    assert "send-proxy-v2" in said


def headerless(home):
    said = json.loads(Ctl(home.house).run("--json", "status", "--no-delegation").stdout)
    return [p for p in said["problems"] if "without a PROXY protocol header" in p]


def test_no_header_at_all_is_told(make):
    """Of visitors, who ask for a host; not of a look at the port, at the program behind it, or of somebody else's name."""
    home = make()
    for first in (b"", b"GET / HTTP/1.0\r\n\r\n", client_hello("elsewhere.example.org"), b"\x16\x03\x01\x02\x00\x01", b"\r\n"):
        with home.connect_from(BALANCER, first) as s:
            assert first in (b"", b"\r\n") or silent(s)  # those may be how a header begins
    with home.connect_from(STRANGER, client_hello()) as s:  # not in the list: an ordinary visitor
        assert s.recv(1)
    assert home.figure("proxy_accepted") >= 6 and not home.proxyd.call("ListHops")["headerlessBalancers"] and headerless(home) == []
    for _ in range(20):
        with home.connect_from(BALANCER, client_hello()) as s:
            assert silent(s)
    home.wait(lambda: home.proxyd.call("ListHops")["headerlessBalancers"])
    assert home.proxyd.text().count("sends visitors without a PROXY protocol header") < 20
    [said] = headerless(home)
    assert said.startswith(f"{BALANCER}, which is in proxy.proxy_protocol_from, sends visitors without a PROXY protocol header, the last one ")
    assert "send-proxy-v2" in said
    # It has been set right since.
    assert home.visitor(header()) == VISITOR
    home.wait(lambda: home.proxyd.call("ListHops")["balancers"])
    assert headerless(home) == []


def test_the_balancer_itself(make):
    """LOCAL: its own connection, a health check. It is served as what it is, which may also be nothing at all."""
    home = make()
    assert home.visitor(LOCAL) == BALANCER
    # What follows the head is skipped, addresses too.
    assert home.visitor(header().replace(b"\x21\x11", b"\x20\x11", 1)) == BALANCER
    with home.connect_from(BALANCER, LOCAL) as s:
        s.shutdown(socket.SHUT_WR)
        assert silent(s)


def test_lan_is_judged_by_the_visitor(make):
    home = make()
    assert home.ask(home.connect_from(BALANCER, header("192.168.1.9")), INSIDE)["X-Forwarded-For"] == "192.168.1.9"
    with home.connect_from(BALANCER, header() + client_hello(INSIDE)) as s:
        assert silent(s)


def test_crowd_is_the_visitors(make):
    """The balancer may have as many connections as it likes, each visitor has as many as anybody."""
    home = make("connections_per_address = 2;")
    waiting = [home.connect_from(BALANCER) for _ in range(5)]
    others = [home.connect_from(BALANCER, header(f"203.0.113.{i}")) for i in range(20, 30)]
    two = [home.connect_from(BALANCER, header()) for _ in range(2)]
    home.wait(lambda: home.figure("proxy_connections") == 17)
    with home.connect_from(BALANCER, header()) as s:
        assert silent(s)
    assert home.figure("proxy_crowded") == 1
    two.pop().close()
    home.wait(lambda: home.figure("proxy_connections") == 16)
    assert home.visitor(header()) == VISITOR
    for s in waiting + others + two:
        s.close()
    home.wait(lambda: home.figure("proxy_connections") == 0)
    # Nothing was taken back twice, nor forgotten.
    two = [home.connect_from(BALANCER, header()) for _ in range(2)]
    home.wait(lambda: home.figure("proxy_connections") == 2)
    with home.connect_from(BALANCER, header()) as s:
        assert silent(s)
    for s in two:
        s.close()


def test_port_80(make):
    home = make()
    request = f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    for data in (header() + request, LOCAL + request):
        for cut in (0, 5, 16, len(data) - len(request), len(data) - 3):
            with home.connect_from(BALANCER, data[:cut], home.http_port) as s:
                time.sleep(0.05)
                s.sendall(data[cut:])
                assert s.recv(4096).startswith(b"HTTP/1.1 308 "), cut
    for source, data in ((BALANCER, request), (STRANGER, header() + request), (BALANCER, header() + header() + request)):
        with home.connect_from(source, data, home.http_port) as s:
            assert silent(s), (source, data)
    with home.connect_from(STRANGER, request, home.http_port) as s:
        assert s.recv(4096).startswith(b"HTTP/1.1 308 ")


def test_passed_on(make):
    """A tcp:// service behind us hears what we heard: the visitor, and where he came to."""
    home = make()
    for told in (VISITOR, "2001:db8::7"):
        said = header(told)
        with home.connect_from(BALANCER, said + client_hello(PASSING)) as s:
            assert s.recv(1) == b"x"
        assert home.tcp.requests[-1].startswith(said)
    with home.connect_from(STRANGER, client_hello(PASSING)) as s:
        mine = s.getsockname()[1]
        assert s.recv(1) == b"x"
    assert home.tcp.requests[-1].startswith(header(STRANGER, STRANGER, mine, home.port))


def test_reload_changes_who_is_believed(make, house):
    home = make(sources='"192.0.2.1"')
    with home.connect_from(BALANCER, header() + client_hello()) as s:
        assert silent(s)
    main = house.config / "hagw.conf"
    main.write_text(main.read_text().replace("192.0.2.1", BALANCER))
    home.proxyd.reload()
    assert home.visitor(header()) == VISITOR
    with pytest.raises((ssl.SSLError, OSError)):
        home.visitor(b"")

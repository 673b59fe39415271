# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-dnsd: the overlay, and every limit reached."""

import os
import socket
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import pytest

from conftest import VarlinkError
from dns_tools import CONFIG, IPV4, ZONE, NameServer, rcode, values

CHALLENGE = f"_acme-challenge.{ZONE}"


@pytest.fixture
def ns(house):
    return NameServer(house)


# --- the overlay ---

def texts(ns, name=CHALLENGE, **keys):
    return [t.strip('"') for t in values(ns.ask(name, "TXT", **keys))]


def test_publish(ns):
    serial = ns.ask(ZONE, "SOA").answer[0][0].serial
    first = ns.publish(CHALLENGE, "one")["serial"]
    second = ns.publish(CHALLENGE.upper() + ".", "two", owner="other")["serial"]
    assert serial < first < second == ns.ask(ZONE, "SOA").answer[0][0].serial
    assert texts(ns) == ["one", "two"] and texts(ns, name=CHALLENGE.upper()) == ["one", "two"]
    assert ns.ask(CHALLENGE, "TXT").answer[0].ttl == 1
    assert not ns.ask(CHALLENGE, "A").answer
    assert texts(ns, name=f"x.{CHALLENGE}") == []
    assert [(t["name"], t["value"], t["owner"]) for t in ns.daemon.call("ListText")["overlay"]] == \
        [(CHALLENGE, "one", "test"), (CHALLENGE, "two", "other")]
    assert ns.daemon.call("WithdrawText", name=CHALLENGE, value=None, owner="test") == {"withdrawn": 1}
    assert texts(ns) == ["two"]
    assert ns.daemon.call("WithdrawText", name=CHALLENGE, value="two", owner="test") == {"withdrawn": 0}
    assert ns.daemon.call("WithdrawText", name=CHALLENGE, value="two", owner="other") == {"withdrawn": 1}
    assert texts(ns) == []


def test_publish_twice_moves_the_end(ns):
    ns.publish(CHALLENGE, "one", lifetime=5_000_000)
    before, = ns.daemon.call("ListText")["overlay"]
    ns.publish(CHALLENGE, "one", lifetime=500_000_000)
    after, = ns.daemon.call("ListText")["overlay"]
    assert after["expiresUSec"] > before["expiresUSec"] + 400_000_000
    ns.publish(CHALLENGE, "one", owner="other")
    assert texts(ns) == ["one"], "a record is there once, whoever published it"


def test_overlay_beside_addresses(ns):
    ns.publish(f"ha.{ZONE}", "note")
    assert texts(ns, name=f"ha.{ZONE}") == ["note"] and values(ns.ask(f"ha.{ZONE}")) == [IPV4]
    ns.publish("_acme-challenge.new.only.example.org", "v")
    assert rcode(ns.ask("new.only.example.org")) == "NOERROR", "an empty name above one that exists"
    assert rcode(ns.ask("newer.only.example.org")) == "NXDOMAIN"


def test_expiry(ns):
    ns.publish(CHALLENGE, "short", lifetime=1_000_000)
    ns.publish(CHALLENGE, "long")
    assert texts(ns) == ["long", "short"]
    ns.until(lambda: texts(ns) == ["long"], 5)
    assert [t["value"] for t in ns.daemon.call("ListText")["overlay"]] == ["long"]


@pytest.mark.parametrize("change,error", [
    ({"name": "www.example.net"}, "io.hagw.Dns.NotInZone"),
    ({"name": "a..b"}, "org.varlink.service.InvalidParameter"),
    ({"name": "x" * 64 + f".{ZONE}"}, "org.varlink.service.InvalidParameter"),
    ({"value": ""}, "org.varlink.service.InvalidParameter"),
    ({"value": "x" * 256}, "org.varlink.service.InvalidParameter"),
    ({"value": "line\nbreak"}, "org.varlink.service.InvalidParameter"),
    ({"owner": ""}, "org.varlink.service.InvalidParameter"),
    ({"owner": "x" * 65}, "org.varlink.service.InvalidParameter"),
    ({"lifetimeUSec": 999_999}, "org.varlink.service.InvalidParameter"),
    ({"lifetimeUSec": 7 * 86400_000_000 + 1}, "org.varlink.service.InvalidParameter"),
    ({"lifetimeUSec": -1}, "org.varlink.service.InvalidParameter"),
    ({"value": 7}, "org.varlink.service.InvalidParameter"),
    ({"more": 7}, "org.varlink.service.InvalidParameter"),
])
def test_publish_refused(ns, change, error):
    parameters = {"name": CHALLENGE, "value": "v", "owner": "o", "lifetimeUSec": 60_000_000, **change}
    with pytest.raises(VarlinkError) as e:
        ns.daemon.call("PublishText", **parameters)
    assert e.value.name == error
    assert ns.daemon.call("ListText") == {"overlay": []}


def test_overlay_per_name(ns):
    for i in range(16):
        ns.publish(CHALLENGE, f"value {i} " + "x" * 200)
    with pytest.raises(VarlinkError) as e:
        ns.publish(CHALLENGE, "one more")
    assert (e.value.name, e.value.parameters) == ("io.hagw.Dns.OverlayFull", {"limit": 16})
    assert len(texts(ns, tcp=True)) == 16
    udp = ns.ask(CHALLENGE, "TXT", use_edns=0, payload=1232)
    assert udp.flags & dns.flags.TC and not udp.answer


def test_overlay_total(ns):
    with ns.daemon.varlink() as v:
        for i in range(4096):
            v.call("io.hagw.Dns.PublishText", name=f"n{i}.{ZONE}", value="v", owner="o", lifetimeUSec=60_000_000)
        with pytest.raises(VarlinkError) as e:
            v.call("io.hagw.Dns.PublishText", name=f"n4096.{ZONE}", value="v", owner="o", lifetimeUSec=60_000_000)
    assert (e.value.name, e.value.parameters) == ("io.hagw.Dns.OverlayFull", {"limit": 4096})
    assert texts(ns, name=f"n4095.{ZONE}") == ["v"]


# --- varlink besides ---

def test_lookup(ns):
    ns.publish(CHALLENGE, 'say "hi"')
    for name, rdtype, answer in [(f"x.{ZONE}", "A", ["NOERROR", [IPV4]]), (ZONE, "ns", ["NOERROR", [f"ns.{ZONE}."]]),
                                 (CHALLENGE, "TXT", ["NOERROR", ['"say \\"hi\\""']]), ("x.example.net", "A", ["REFUSED", []]),
                                 ("no.only.example.org", "A", ["NXDOMAIN", []])]:
        assert list(ns.daemon.call("Lookup", name=name, type=rdtype).values()) == answer
    caa = ns.daemon.call("Lookup", name=ZONE, type="CAA")["answers"]
    assert caa == ['0 issue "letsencrypt.org"', '0 issue "pki.example"']
    soa, = ns.daemon.call("Lookup", name=ZONE, type="SOA")["answers"]
    assert soa.startswith(f"ns.{ZONE}. hostmaster.{ZONE}. ")
    with pytest.raises(VarlinkError):
        ns.daemon.call("Lookup", name=ZONE, type="NOTYPE")


def test_list_zones(ns):
    first, second = sorted(ns.daemon.call("ListZones")["zones"], key=lambda z: z["name"])
    assert (first["name"], first["nameServers"], first["ipv4"]) == (ZONE, [f"ns.{ZONE}"], IPV4)
    assert (second["name"], second["nameServers"]) == ("only.example.org", [f"ns.{ZONE}"])


@pytest.mark.parametrize("data", [b"\0", b"{}\0", b"nonsense\0", b'{"method":7}\0', b'{"method":"io.hagw.Dns.Nothing"}\0', pytest.param(os.urandom(5000) + b"\0", id="noise"),
                                  b'{"method":"io.hagw.Dns.ListT'])
def test_varlink_garbage(ns, data):
    with ns.daemon.varlink() as v:
        try:
            v.socket.sendall(data)
            v.socket.shutdown(socket.SHUT_WR)
            while v.socket.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert ns.daemon.call("ListText") == {"overlay": []}


# --- amplification, truncation, cookies ---

def test_amplification(ns):
    """Whatever is asked without a cookie, the answer is at most four times as long."""
    for i in range(16):
        ns.publish(f"t.{ZONE}", f"{i:02}" + "x" * (8 * i))
    for name in (ZONE, f"t.{ZONE}", CHALLENGE, "only.example.org", "no.only.example.org", "a.b.only.example.org", ".", "example.net"):
        for rdtype in ("A", "AAAA", "NS", "SOA", "TXT", "CAA", "ANY", "DS", "AXFR", "HTTPS"):
            for edns in ({}, {"use_edns": 0, "payload": 4096}, {"use_edns": 1}):
                query = dns.message.make_query(name, rdtype, **{"use_edns": False, **edns})
                if rdtype == "AXFR":
                    query.question[0].rdtype = 252
                wire = query.to_wire()
                assert len(ns.raw(wire)) <= 4 * len(wire), (name, rdtype, edns)


def test_truncation(ns):
    for i in range(10):
        ns.publish(f"t.{ZONE}", f"{i:02}" + "x" * 60)
    reply = ns.ask(f"t.{ZONE}", "TXT", use_edns=0, payload=1232)
    assert reply.flags & dns.flags.TC and not reply.answer and reply.question
    assert len(ns.ask(f"t.{ZONE}", "TXT", tcp=True).answer[0]) == 10
    answer, by_tcp = dns.query.udp_with_fallback(dns.message.make_query(f"t.{ZONE}", "TXT"), ns.host, port=ns.port, timeout=5)
    assert by_tcp and len(answer.answer[0]) == 10


def cookie_of(reply):
    return next(bytes(o.client + o.server) for o in reply.options if o.otype == 10)


def with_cookie(data, name=f"ha.{ZONE}", rdtype="A", **keys):
    return dns.message.make_query(name, rdtype, use_edns=0, payload=1232, options=[dns.edns.GenericOption(10, data)], **keys)


def test_cookie(ns):
    reply = ns.send(with_cookie(b"8octets!"))
    cookie = cookie_of(reply)
    assert values(reply) == [IPV4] and cookie[:8] == b"8octets!" and cookie[8:12] == b"\1\0\0\0" and len(cookie) == 24
    assert ns.metric("dns_cookies") == 0
    assert ns.send(with_cookie(cookie)).answer and ns.metric("dns_cookies") == 1
    wrong = cookie[:-1] + bytes([cookie[-1] ^ 1])
    old = cookie[:12] + struct.pack(">I", int(time.time()) - 3700) + cookie[16:]
    for bad in (wrong, old, cookie[:8] + bytes(8), cookie + bytes(8)):
        assert values(ns.send(with_cookie(bad))) == [IPV4]
    assert ns.metric("dns_cookies") == 1
    for size in (0, 1, 7, 9, 15, 41):
        assert rcode(ns.send(with_cookie(bytes(size)))) == "FORMERR"


def test_cookie_lifts_the_cap(ns):
    for i in range(10):
        ns.publish(f"t.{ZONE}", f"{i:02}" + "x" * 60)
    first = ns.send(with_cookie(b"8octets!", f"t.{ZONE}", "TXT"))
    assert first.flags & dns.flags.TC
    assert len(ns.send(with_cookie(cookie_of(first), f"t.{ZONE}", "TXT")).answer[0]) == 10


def test_cookie_only(ns):
    """RFC 7873 section 5.4: no question, just a cookie."""
    wire = b"\x12\x34\0\0\0\0\0\0\0\0\0\1" + b"\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08" + b"8octets!"
    reply = dns.message.from_wire(ns.raw(wire))
    assert rcode(reply) == "NOERROR" and len(cookie_of(reply)) == 24


# --- rate limit ---

def test_rate_limit(house):
    ns = NameServer(house, CONFIG.replace("rate_limit = 0", "rate_limit = 20"))
    cookie = cookie_of(ns.send(with_cookie(b"8octets!")))
    wire = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=False).to_wire()
    replies = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((ns.host, ns.port))
        s.settimeout(2)
        for _ in range(300):
            s.send(wire)
        try:
            while True:
                replies.append(s.recv(512))
        except TimeoutError:
            pass
    full = [r for r in replies if not r[2] & 2]
    short = [r for r in replies if r[2] & 2]
    assert 15 <= len(full) <= 60, len(full)
    assert 100 <= len(short) <= 150 and all(len(r) == len(wire) for r in short)
    assert ns.metric("dns_limited", action="shortened") == len(short)
    assert ns.metric("dns_limited", action="dropped") == 300 - len(replies)
    # Who shows a cookie, or comes by TCP, is not limited.
    for _ in range(50):
        assert values(ns.send(with_cookie(cookie))) == [IPV4]
    assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]


def test_rate_limit_badcookie(house):
    ns = NameServer(house, CONFIG.replace("rate_limit = 0", "rate_limit = 1"))
    wire = with_cookie(b"8octets!").to_wire()
    codes = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((ns.host, ns.port))
        s.settimeout(2)
        for _ in range(20):
            s.send(wire)
        try:
            while True:
                codes.append(rcode(dns.message.from_wire(s.recv(512))))
        except TimeoutError:
            pass
    assert "BADCOOKIE" in codes and codes.count("NOERROR") <= 3


# --- TCP ---

def frame(data):
    return struct.pack(">H", len(data)) + data


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise ConnectionError(f"closed after {len(data)} of {n} octets")
        data += more
    return data


def read_frame(s):
    return read_exactly(s, struct.unpack(">H", read_exactly(s, 2))[0])


def wire(i=0, name=f"ha.{ZONE}", rdtype="A"):
    return struct.pack(">H", i) + dns.message.make_query(name, rdtype, use_edns=False).to_wire()[2:]


def closed(s, seconds):
    s.settimeout(seconds)
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_tcp_pipelining(ns):
    with ns.connect() as s:
        s.sendall(b"".join(frame(wire(i)) for i in range(1000)))
        assert [int.from_bytes(read_frame(s)[:2], "big") for _ in range(1000)] == list(range(1000))


def test_tcp_half_close(ns):
    with ns.connect() as s:
        s.sendall(frame(wire(1)) + frame(wire(2)))
        s.shutdown(socket.SHUT_WR)
        assert read_frame(s)[:2] == b"\0\1" and read_frame(s)[:2] == b"\0\2" and closed(s, 2)


def test_tcp_octet_by_octet(ns):
    with ns.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in frame(wire(7)):
            s.sendall(bytes([octet]))
            time.sleep(0.005)
        assert read_frame(s)[:2] == b"\0\7"


@pytest.mark.parametrize("size", [4097, 30000, 65535])
def test_tcp_long_frame(ns, size):
    with ns.connect() as s:
        s.sendall(frame(wire(9) + bytes(size - len(wire()))) + frame(wire(10)))
        reply = read_frame(s)
        assert reply[:2] == b"\0\x09" and reply[3] & 15 == 1
        assert read_frame(s)[:2] == b"\0\x0a"


@pytest.mark.parametrize("data", [frame(b""), frame(b"x" * 11), b"\0", frame(wire())[:-1], frame(b"\xff" * 100)])
def test_tcp_garbage_times_out(ns, data):
    """No answer, no progress: gone after the idle time, however busily it sends."""
    with ns.connect() as s:
        s.sendall(data)
        started = time.monotonic()
        assert closed(s, 10)
        assert 1 < time.monotonic() - started < 8
    ns.until(lambda: ns.metric("dns_tcp_clients") == 0)
    assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]


def test_tcp_idle(house):
    ns = NameServer(house, CONFIG.replace('tcp_idle = "2s"', 'tcp_idle = "4s"'))
    with ns.connect() as s:
        for i in range(4):
            s.sendall(frame(wire(i)))
            assert read_frame(s)[:2] == bytes([0, i])
            time.sleep(1.5)
        started = time.monotonic()
        assert closed(s, 12) and time.monotonic() - started > 0.5
    assert ns.metric("dns_tcp_ended", reason="idle") == 1


def test_tcp_clients(house):
    """The configured eight; a ninth is served, and the one silent for longest goes."""
    ns = NameServer(house, CONFIG.replace('tcp_idle = "2s"', 'tcp_idle = "60s"'))
    clients = [ns.connect() for _ in range(8)]
    for c in reversed(clients):
        c.sendall(frame(wire(1)))
        assert read_frame(c)
    with ns.connect() as more:
        more.sendall(frame(wire(2)))
        assert read_frame(more)[:2] == b"\0\2"
        assert closed(clients[7], 10) and not closed(clients[0], 0.1)
        assert ns.metric("dns_tcp_clients") == 8 and ns.metric("dns_tcp_ended", reason="full") == 1
    for c in clients:
        c.close()


def test_tcp_one_address_evicts_no_others(house):
    """Beyond the limit somebody of the address that has most goes, however silent the others were."""
    ns = NameServer(house, CONFIG.replace('tcp_idle = "2s"', 'tcp_idle = "60s"'))
    others = [ns.connect(f"127.0.0.{i}") for i in (2, 3, 4)]
    for c in others:
        c.sendall(frame(wire(1)))
        assert read_frame(c)
    many = [ns.connect() for _ in range(30)]
    many[-1].sendall(frame(wire(3)))
    assert read_frame(many[-1])[:2] == b"\0\3", "who has most is still served"
    ns.until(lambda: ns.metric("dns_tcp_ended", reason="full") == 25)
    assert ns.metric("dns_tcp_clients") == 8
    for c in others:
        c.sendall(frame(wire(2)))
        assert read_frame(c)[:2] == b"\0\2"
    assert [closed(c, 0.1) for c in many] == [True] * 25 + [False] * 5
    for c in others + many:
        c.close()


def test_tcp_keepalive(ns):
    """RFC 7828: who asks by TCP hears how long it may be silent; who does not ask, or asks by UDP, hears nothing."""
    ask = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=0, options=[dns.edns.GenericOption(11, b"")])
    assert [(o.otype, o.to_wire()) for o in ns.send(ask, tcp=True).options] == [(11, b"\0\x14")]
    assert not ns.send(ask).options
    assert not ns.ask(f"ha.{ZONE}", tcp=True, use_edns=0).options
    said = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=0, options=[dns.edns.GenericOption(11, b"\0\1")])
    assert values(ns.send(said, tcp=True)) == [IPV4]
    ns.house.configure(ns.config.replace('tcp_idle = "2s"', 'tcp_idle = "1h"'), **ns.hosts)
    ns.daemon.reload()
    assert [o.to_wire() for o in ns.send(ask, tcp=True).options] == [b"\x8c\xa0"]


def test_tcp_slow_reader(ns):
    """Asks and asks and does not read: is not read from either, costs little memory, and is sent away."""
    for i in range(16):
        ns.publish(f"t.{ZONE}", f"{i:02}" + "x" * 240)

    def rss():
        with open(f"/proc/{ns.daemon.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    before = rss()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((ns.host, ns.port))
        s.settimeout(1)
        sent, queries = 0, frame(wire(1, f"t.{ZONE}", "TXT")) * 2000
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(1000):
                sent += s.send(queries)
        assert sent < 500 * len(queries), "it was read from all the time"
        assert rss() - before < 4096
        assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]
        ns.until(lambda: ns.metric("dns_tcp_ended", reason="idle") == 1, 8)


def test_tcp_slow_but_reading(ns):
    """Answers that did not fit at once arrive whole and in order."""
    for i in range(16):
        ns.publish(f"t.{ZONE}", f"{i:02}" + "x" * 240)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((ns.host, ns.port))
        s.settimeout(10)
        n = 600
        s.sendall(b"".join(frame(wire(i, f"t.{ZONE}", "TXT")) for i in range(n)))
        time.sleep(0.3)
        for i in range(n):
            reply = read_frame(s)
            assert int.from_bytes(reply[:2], "big") == i and len(reply) > 4000


def test_tcp_reset(ns):
    for _ in range(20):
        s = ns.connect()
        s.sendall(frame(wire()) * 50)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    ns.until(lambda: ns.metric("dns_tcp_clients") == 0)
    assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]

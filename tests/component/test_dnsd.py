# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-dnsd: what it answers, to real clients (dnspython, knot's kdig)."""

import json
import re
import shutil
import socket
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from dns_tools import CONFIG, HOSTS, IPV4, IPV6, ZONE, NameServer, Nonsense, is_authoritative, rcode, values


@pytest.fixture
def ns(house):
    return NameServer(house)


def kdig(ns, *arguments):
    if not shutil.which("kdig"):
        pytest.skip("kdig is not installed (knot-dnsutils)")
    command = ["kdig", f"@{ns.host}", "-p", str(ns.port), "+timeout=5", "+retry=0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


TRANSPORTS = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])


@TRANSPORTS
@pytest.mark.parametrize("name,rdtype,answer", [
    (f"ha.{ZONE}", "A", [IPV4]),
    (f"ha.{ZONE}", "AAAA", [IPV6]),
    (f"any.thing.at.all.{ZONE}", "A", [IPV4]),
    (f"ns.{ZONE}", "A", [IPV4]),
    (ZONE, "A", [IPV4]),
    (ZONE, "AAAA", [IPV6]),
    (ZONE, "NS", [f"ns.{ZONE}."]),
    (ZONE, "CAA", ['0 issue "letsencrypt.org"', '0 issue "pki.example"']),
    ("ha.only.example.org", "A", [IPV4]),
    ("only.example.org", "NS", [f"ns.{ZONE}."]),
    ("x.apps.only.example.org", "AAAA", [IPV6]),
    ("y.x.apps.only.example.org", "A", [IPV4]),
])
def test_positive(ns, tcp, name, rdtype, answer):
    reply = ns.ask(name, rdtype, tcp)
    assert rcode(reply) == "NOERROR" and is_authoritative(reply)
    assert not reply.flags & (dns.flags.RA | dns.flags.AD | dns.flags.TC)
    assert values(reply) == answer
    assert reply.answer[0].name.to_text() == name + "."


@TRANSPORTS
@pytest.mark.parametrize("name,rdtype,code", [
    (f"ha.{ZONE}", "TXT", "NOERROR"),
    (f"ha.{ZONE}", "MX", "NOERROR"),
    (f"ha.{ZONE}", "HTTPS", "NOERROR"),
    (f"ha.{ZONE}", "NS", "NOERROR"),
    (f"ha.{ZONE}", "SOA", "NOERROR"),
    (f"ha.{ZONE}", "TYPE65280", "NOERROR"),
    (ZONE, "DS", "NOERROR"),
    (f"_acme-challenge.{ZONE}", "A", "NOERROR"),
    (f"_acme-challenge.{ZONE}", "TXT", "NOERROR"),
    ("b.only.example.org", "A", "NOERROR"),      # empty, between a.b and the zone
    ("apps.only.example.org", "A", "NOERROR"),   # empty, below it stands "*"
    ("x.apps.only.example.org", "TXT", "NOERROR"),
    ("_acme-challenge.x.apps.only.example.org", "A", "NOERROR"),
    ("nothing.only.example.org", "A", "NXDOMAIN"),
    ("x.ha.only.example.org", "A", "NXDOMAIN"),
    ("x.b.only.example.org", "A", "NXDOMAIN"),
    ("ns.only.example.org", "A", "NXDOMAIN"),    # its name server is elsewhere
])
def test_negative(ns, tcp, name, rdtype, code):
    reply = ns.ask(name, rdtype, tcp)
    assert (rcode(reply), reply.answer) == (code, []) and is_authoritative(reply)
    soa, = reply.authority
    assert soa.rdtype == dns.rdatatype.SOA
    assert soa.name.to_text() == ("only.example.org." if "only" in name else ZONE + ".")
    assert soa.ttl == (1 if name.startswith("_") else 60)


@TRANSPORTS
@pytest.mark.parametrize("name", ["example.com", "xhome.example.com", "com", ".", "www.example.net"])
def test_refused_outside(ns, tcp, name):
    reply = ns.ask(name, "A", tcp)
    assert rcode(reply) == "REFUSED" and not is_authoritative(reply)
    assert not (reply.answer or reply.authority or reply.additional)


def test_soa(ns):
    soa = ns.ask(ZONE, "SOA").answer[0][0]
    assert soa.mname.to_text() == f"ns.{ZONE}." and soa.rname.to_text() == f"hostmaster.{ZONE}."
    assert abs(soa.serial - time.time()) < 60


def test_glue(ns):
    assert values(ns.ask(ZONE, "NS"), "additional") == [IPV6, IPV4]
    # The name server lies in the other zone, so its name cannot be compressed: more than four times the query.
    assert values(ns.ask("only.example.org", "NS"), "additional") == []
    assert values(ns.ask("only.example.org", "NS", tcp=True), "additional") == [IPV6, IPV4]


def test_a_name_server_that_nobody_asks_over_ipv6(house):
    """Another port than 53 is for routers that translate, and over IPv6 none does: the name server has no such address then, and
    hosts keep theirs."""
    ns = NameServer(house, config=CONFIG.replace("rate_limit = 0;", "rate_limit = 0; ipv4_port = 5300; ipv6_port = 5300;"))
    assert values(ns.ask(ZONE, "NS"), "additional") == [IPV4]
    assert values(ns.ask(f"ns.{ZONE}")) == [IPV4] and values(ns.ask(f"ha.{ZONE}", "AAAA")) == values(ns.ask(ZONE, "AAAA")) == [IPV6]
    reply = ns.ask(f"ns.{ZONE}", "AAAA")
    assert rcode(reply) == "NOERROR" and not reply.answer and reply.authority
    serial = ns.ask(ZONE, "SOA").answer[0][0].serial
    # As a host it is visited at both.
    house.configure(CONFIG.replace("rate_limit = 0;", "rate_limit = 0; ipv6_port = 0;"), **HOSTS,
                    ns=f'name = "ns.{ZONE}"; upstream = "http://127.0.0.1:8123";')
    ns.daemon.reload()
    assert values(ns.ask(f"ns.{ZONE}", "AAAA")) == [IPV6] and values(ns.ask(ZONE, "NS"), "additional") == [IPV4]
    house.configure(CONFIG, **HOSTS)
    ns.daemon.reload()
    assert values(ns.ask(ZONE, "NS"), "additional") == [IPV6, IPV4] and values(ns.ask(f"ns.{ZONE}", "AAAA")) == [IPV6]
    assert ns.ask(ZONE, "SOA").answer[0][0].serial > serial


def test_ttl(ns):
    assert ns.ask(f"ha.{ZONE}").answer[0].ttl == 90
    assert ns.ask("ha.only.example.org").answer[0].ttl == 60


def test_case_is_kept(ns):
    reply = ns.ask("hA.HoMe.eXaMpLe.CoM")
    assert b"\x02hA\x04HoMe\x07eXaMpLe\x03CoM" in reply.to_wire() or reply.question[0].name.to_text() == "hA.HoMe.eXaMpLe.CoM."
    raw = ns.raw(dns.message.make_query("hA.HoMe.eXaMpLe.CoM", "A", use_edns=False).to_wire())
    assert b"\x02hA\x04HoMe\x07eXaMpLe\x03CoM\0" in raw


@pytest.mark.parametrize("tcp", [False, True])
def test_any(ns, tcp):
    reply = ns.ask(f"ha.{ZONE}", "ANY", tcp)
    assert len(reply.answer) == 1 and values(reply) == [IPV4]
    assert rcode(ns.ask("nothing.only.example.org", "ANY", tcp)) == "NXDOMAIN"


@pytest.mark.parametrize("rdtype,code", [("AXFR", "REFUSED"), ("IXFR", "REFUSED"), ("MAILA", "NOTIMP"), ("TSIG", "FORMERR")])
def test_meta_types(ns, rdtype, code):
    query = dns.message.make_query(ZONE, "A", use_edns=False)
    query.question[0].rdtype = dns.rdatatype.from_text(rdtype)
    reply = ns.raw(query.to_wire())
    assert reply[3] & 15 == {"REFUSED": 5, "NOTIMP": 4, "FORMERR": 1}[code]


@pytest.mark.parametrize("rdclass", ["CH", "ANY", "HS", "CLASS700"])
def test_classes(ns, rdclass):
    assert rcode(ns.ask("version.bind", "TXT", rdclass=rdclass)) == "REFUSED"
    assert rcode(ns.ask(ZONE, "A", rdclass=rdclass)) == "REFUSED"


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 15])
def test_opcodes(ns, opcode):
    data = bytearray(dns.message.make_query(ZONE, "SOA", use_edns=False).to_wire())
    data[2] |= opcode << 3
    for query in (bytes(data), bytes(data[:4]) + bytes(8)):
        reply = ns.raw(query)
        assert reply[:2] == query[:2] and reply[2] >> 3 == 0x10 | opcode and reply[3] == 4 and len(reply) == 12


def test_flags(ns):
    query = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=False)
    query.flags |= dns.flags.AD | dns.flags.CD | dns.flags.RD | 0x40
    reply = ns.raw(query.to_wire())
    assert reply[2:4] == bytes([0x85, 0])  # QR AA RD, nothing else


# --- EDNS ---

def test_edns(ns):
    reply = ns.ask(f"ha.{ZONE}", use_edns=0, payload=4096, want_dnssec=True)
    assert (reply.edns, reply.payload) == (0, 1232) and reply.ednsflags & dns.flags.DO
    assert not ns.ask(f"ha.{ZONE}", use_edns=0).ednsflags & dns.flags.DO
    assert ns.ask(f"ha.{ZONE}").edns == -1


def test_edns_version(ns):
    reply = ns.ask(f"ha.{ZONE}", use_edns=1)
    assert rcode(reply) == "BADVERS" and reply.edns == 0 and not reply.answer


def test_edns_unknown_option_and_flags(ns):
    options = [dns.edns.GenericOption(65001, b"xyz"), dns.edns.GenericOption(3, b"")]
    reply = ns.ask(f"ha.{ZONE}", use_edns=0, options=options, ednsflags=0x40)
    assert values(reply) == [IPV4] and not reply.options and not reply.ednsflags & 0x40


# --- messages that are none, or half ---

def question(name=b"\2ha\4home\7example\3com\0", rdtype=b"\0\1", rdclass=b"\0\1"):
    return name + rdtype + rdclass


HEADER = b"\x12\x34\1\0"
OPT = b"\0\0\x29\4\xd0\0\0\0\0\0\0"


@pytest.mark.parametrize("data", [
    HEADER + b"\0\1\0\0\0\0\0\0",                                            # no question behind the header
    HEADER + b"\0\1\0\0\0\0\0\0" + question()[:-1],                          # cut
    HEADER + b"\0\1\0\0\0\0\0\0" + question() + b"x",                        # longer than it says
    HEADER + b"\0\1\0\0\0\0\0\0" + question(b"\xc0\x0c"),                    # a name that points at itself
    HEADER + b"\0\1\0\0\0\0\0\0" + question(b"\2ha\xc0\x0c"),                # a loop
    HEADER + b"\0\1\0\0\0\0\0\0" + question(b"\x40" + b"a" * 64 + b"\0"),    # a label type that is none
    HEADER + b"\0\1\0\0\0\0\0\0" + question((b"\x3f" + b"a" * 63) * 4 + b"\0"),  # 257 octets of name
    HEADER + b"\0\2\0\0\0\0\0\0" + question() * 2,                           # RFC 9619
    HEADER + b"\0\0\0\0\0\0\0\0",                                            # nothing is asked
    HEADER + b"\0\1\0\0\0\0\0\1" + question(),                               # a record is missing
    HEADER + b"\0\1\0\0\0\0\0\2" + question() + OPT * 2,                     # two OPT (RFC 6891 section 6.1.1)
    HEADER + b"\0\1\0\1\0\0\0\0" + question() + OPT,                         # OPT as an answer
    HEADER + b"\0\1\0\0\0\0\0\1" + question() + OPT[:-2] + b"\0\4",          # OPT cut
    HEADER + b"\0\1\0\0\0\0\0\1" + question() + OPT[:-2] + b"\0\4\0\x0a\0\4",  # an option cut
    HEADER + b"\0\1\0\0\0\0\0\1" + question() + b"\1a" + OPT,                # OPT not at the root
    HEADER + b"\0\1\0\0\0\0\0\1" + question() + OPT[:-2] + b"\0\7\0\x0a\0\3abc",  # a cookie of 3 octets
    HEADER + b"\0\1\xff\xff\xff\xff\xff\xff" + question(),
])
def test_formerr(ns, data):
    reply = ns.raw(data)
    assert reply[:2] == b"\x12\x34" and reply[2] & 0xf8 == 0x80 and reply[3] & 15 == 1
    assert len(reply) <= 4 * len(data)
    assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]


@pytest.mark.parametrize("data", [b"", b"\0", bytes(11), b"\x12\x34\x81\0" + bytes(8), b"\x12\x34\x81\0\0\1" + bytes(6) + question()])
def test_silence(ns, data):
    before = ns.metric("dns_ignored")
    assert ns.raw(data, timeout=0.3) is None
    assert ns.metric("dns_ignored") == before + 1


def test_long_datagram(ns):
    padded = HEADER + b"\0\1\0\0\0\0\0\1" + question() + OPT[:-2]
    reply = ns.raw(padded + b"\x0b\xbc\0\x0c\x0b\xb8" + bytes(3000))
    assert values(dns.message.from_wire(reply)) == [IPV4]
    assert ns.raw(padded + b"\x1f\x44\0\x0c\x1f\x40" + bytes(8000), timeout=0.3) is None


# --- addresses ---

def test_address_change(ns):
    serial = ns.ask(ZONE, "SOA").answer[0][0].serial
    ns.configure("198.51.100.7", None)
    ns.netd.reload()
    ns.until(lambda: values(ns.ask(f"ha.{ZONE}")) == ["198.51.100.7"])
    reply = ns.ask(f"ha.{ZONE}", "AAAA")
    assert rcode(reply) == "NOERROR" and not reply.answer
    assert ns.ask(ZONE, "SOA").answer[0][0].serial > serial
    assert ns.status() == f"serving {ZONE} and 1 more, 198.51.100.7"


def test_netd_gone(ns):
    ns.netd.kill()
    time.sleep(0.3)
    assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]
    ns.configure("198.51.100.8")
    ns.netd.start()
    ns.until(lambda: values(ns.ask(f"ha.{ZONE}")) == ["198.51.100.8"])


def test_restart(ns):
    """Without state of its own: netd says the addresses again, and the serial grows."""
    serial = ns.ask(ZONE, "SOA").answer[0][0].serial
    time.sleep(1)
    ns.daemon.kill()
    ns.daemon.start()
    ns.until(lambda: values(ns.ask(f"ha.{ZONE}")) == [IPV4])
    assert ns.ask(ZONE, "SOA").answer[0][0].serial > serial
    assert list((ns.house.root / "state" / "dnsd").iterdir()) == []


@pytest.mark.parametrize("bad", [
    '{"parameters":{},"continues":true}',
    '{"parameters":{"addresses":{}},"continues":true}',
    '{"parameters":{"addresses":[7]},"continues":true}',
    '{"parameters":{"addresses":[{"family":"ipv4","address":"not one"}]},"continues":true}',
    '{"parameters":{"addresses":[{"family":"ipv4","address":"2001:db8::1"}]},"continues":true}',
    '{"parameters":{"addresses":[{"family":"ipv4","address":"198.51.100.1"},{"family":"ipv6","address":7}]},"continues":true}',
    '{"error":"io.hagw.Net.Whatever"}',
    "nonsense",
])
def test_netd_talks_nonsense(house, bad):
    other = Nonsense(house.runtime)
    ns = NameServer(house, netd=False)
    other.wait_client()
    ns.until(lambda: values(ns.ask(f"ha.{ZONE}")) == [IPV4])
    other.send_raw(bad.encode() + b"\0")
    time.sleep(0.2)
    assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]
    other.close()


def test_each_state_of_the_addresses_is_told_once(house):
    """None is none, and not known yet is something else: at a first start both come, and look alike in no log."""
    other = Nonsense(house.runtime)
    other.message = lambda: message("unknown")

    def message(knowledge, **more):
        addresses = [{"family": "ipv4", "source": "resolve:house.dyn.test", "knowledge": knowledge, **more}, {"family": "ipv6", "source": "none", "knowledge": "none"}]
        return json.dumps({"parameters": {"addresses": addresses}, "continues": True}).encode() + b"\0"

    ns = NameServer(house, netd=False)
    other.wait_client()
    for knowledge, text, more in (("unknown", "IPv4 not known yet, IPv6 none", {}), ("none", "IPv4 none, IPv6 none", {}), ("none", "IPv4 none, IPv6 none", {}),
                                  ("known", f"IPv4 {IPV4}, IPv6 none", {"address": IPV4})):
        other.send_raw(message(knowledge, **more))
        ns.until(lambda: f"addresses are now: {text}." in ns.daemon.text())
    told = re.findall("addresses are now: (.*)", ns.daemon.text())
    assert told == ["IPv4 not known yet, IPv6 none.", "IPv4 none, IPv6 none.", f"IPv4 {IPV4}, IPv6 none."]
    other.close()


def test_no_address_yet(house):
    ns = NameServer(house, netd=False)
    reply = ns.ask(f"ha.{ZONE}")
    assert rcode(reply) == "SERVFAIL" and not reply.authority
    assert rcode(ns.ask(ZONE, "SOA")) == "NOERROR"
    assert "waiting for hagw-netd" in ns.status()


def test_hagw_netd_that_says_nothing_is_waited_for_no_longer_than_a_source(house):
    """As with a source that does not answer: a failure, then a no that hardly lasts, which a hagw-netd that starts anew and knows
    nothing yet does not take back, and an address does."""
    ns = NameServer(house, netd=False, env={"HAGW_ANSWER_USEC": "10000000"})
    seen = []

    def told(kind):
        reply = ns.ask(f"ha.{ZONE}", kind)
        return rcode(reply), *(s.ttl for s in reply.authority)
    for kind in ("A", "AAAA"):
        ns.until(lambda k=kind: (seen.append(told(k)) or seen[-1]) == ("NOERROR", 1), 60)
    assert set(seen) == {("SERVFAIL",), ("NOERROR", 1)}
    assert "hagw-netd has told none" in ns.status()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(("127.0.0.1", 0))
        (house.root / "resolv.conf").write_text(f"nameserver [127.0.0.1]:{resolver.getsockname()[1]}\n")
        waiting = 'public_address: { ipv4 = "resolve:house.invalid"; ipv6 = "static:2001:db8::1"; };'
        house.configure(CONFIG + waiting, **HOSTS)
        netd = house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf")})
        ns.until(lambda: values(ns.ask(f"ha.{ZONE}", "AAAA")) == [IPV6])
        assert told("A") == ("NOERROR", 1)
        ns.configure()
        netd.reload()
        ns.until(lambda: values(ns.ask(f"ha.{ZONE}")) == [IPV4])


def test_not_known_yet_is_never_remembered_as_none(house):
    """The source is asked and has not answered: no answer either; then, for its silence, one that hardly lasts; its own no lasts."""
    house.configure(CONFIG + 'public_address: { ipv4 = "resolve:house.invalid"; ipv6 = "static:2001:db8::1"; };', **HOSTS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(("127.0.0.1", 0))
        port = resolver.getsockname()[1]
        (house.root / "resolv.conf").write_text(f"nameserver [127.0.0.1]:{port}\n")
        netd = house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                                        "HAGW_ANSWER_USEC": "10000000"})
        ns = NameServer(house, config=CONFIG + 'public_address: { ipv4 = "resolve:house.invalid"; ipv6 = "static:2001:db8::1"; };#',
                        netd=False)
        ns.until(lambda: values(ns.ask(f"ha.{ZONE}", "AAAA")) == [IPV6])

        def a():
            reply = ns.ask(f"ha.{ZONE}", "A")
            return rcode(reply), *(s.ttl for s in reply.authority)
        seen = []
        ns.until(lambda: (seen.append(a()) or seen[-1]) == ("NOERROR", 1), 60)
        assert set(seen[:-1]) == {("SERVFAIL",)}
        resolver.settimeout(60)
        while a() != ("NOERROR", 60):
            data, peer = resolver.recvfrom(2000)
            reply = dns.message.make_response(dns.message.from_wire(data))
            reply.set_rcode(dns.rcode.NXDOMAIN)
            resolver.sendto(reply.to_wire(), peer)
        # It loses its memory: what works stays here.
        house.configure(CONFIG + 'public_address: { ipv4 = "static:203.0.113.10"; ipv6 = "static:2001:db8::1"; };', **HOSTS)
        netd.reload()
        ns.until(lambda: values(ns.ask(f"ha.{ZONE}")) == [IPV4])
        netd.kill()
        (house.root / "state" / "netd" / "addresses.json").unlink()
        house.configure(CONFIG + 'public_address: { ipv4 = "resolve:house.invalid"; ipv6 = "static:2001:db8::2"; };', **HOSTS)
        netd.start()
        ns.until(lambda: values(ns.ask(f"ha.{ZONE}", "AAAA")) == ["2001:db8::2"])
        assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]


# --- reload ---

def test_reload(ns, house):
    serial = ns.ask(ZONE, "SOA").answer[0][0].serial
    ns.daemon.reload()
    assert ns.ask(ZONE, "SOA").answer[0][0].serial == serial, "nothing changed, and the serial did"
    house.configure(CONFIG.replace('"90s"', '"30s"'), **HOSTS)
    ns.daemon.reload()
    assert ns.ask(f"ha.{ZONE}").answer[0].ttl == 30
    assert ns.ask(ZONE, "SOA").answer[0][0].serial > serial


@pytest.mark.parametrize("bad", ["zones = ( { nam = 1; } );", f'zones = ( {{ name = "{ZONE}"; }}, {{ name = "{ZONE}"; }} );',
                                 f'zones = ( {{ name = "{ZONE}"; contact = "nobody"; }} );'])
def test_reload_refused(ns, house, bad):
    house.configure(bad)
    ns.daemon.reload()
    assert values(ns.ask("ha.only.example.org")) == [IPV4]
    assert ns.daemon.call("io.hagw.Service.Describe")["configError"]


def test_zone_behind_a_relay_is_not_answered(ns, house):
    """Its addresses are the relay's, and the relay's name server gives them; beside it other zones go on."""
    relay = 'relay: { address = "relay.example.com"; tenant = "anna"; };\n'
    zone = '{ name = "anna.relay.example.com"; via = "relay"; }'
    house.configure(CONFIG.replace("zones = ( ", f"zones = ( {zone}, ") + relay, **HOSTS)
    ns.daemon.reload()
    for name in ("anna.relay.example.com", "ha.anna.relay.example.com", "_acme-challenge.anna.relay.example.com"):
        assert rcode(ns.ask(name)) == "REFUSED"
    assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]
    assert len(ns.daemon.call("ListZones")["zones"]) == 2 and f"serving {ZONE} and 1 more" in ns.status()
    house.configure(f"zones = ( {zone} );\n" + relay)
    ns.daemon.reload()
    assert rcode(ns.ask(f"ha.{ZONE}")) == "REFUSED" and ns.daemon.call("ListZones")["zones"] == []
    assert ns.status() == "no zone is answered from here: every query is refused"


# --- where answers leave from ---

@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.77"])
def test_wildcard_socket(house, host):
    """The client is connected: it hears an answer only from the address that it asked."""
    ns = NameServer(house, bind="0.0.0.0")
    ns.host = host
    query = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=False)
    assert ns.raw(query.to_wire())[:2] == query.to_wire()[:2]
    assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]


@pytest.mark.parametrize("bind", ["::", "::1"])
def test_ipv6(house, bind):
    try:
        ns = NameServer(house, bind=bind, family=socket.AF_INET6)
    except OSError as e:
        pytest.skip(f"no IPv6 on the loopback here: {e}")
    assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]
    assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.77", "::1"])
def test_dual_stack(house, host):
    """As the socket units bind: one socket for IPv4 and IPv6, beside a stub resolver at 127.0.0.53."""
    try:
        ns = NameServer(house, bind="::", family=socket.AF_INET6, dual=True)
    except OSError as e:
        pytest.skip(f"no IPv6 here: {e}")
    ns.host = host
    query = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=False).to_wire()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((host, ns.port))
        s.send(query)
        assert s.recv(512)[:2] == query[:2]
    assert values(ns.ask(f"ha.{ZONE}", tcp=True)) == [IPV4]


def test_beside_a_stub_resolver(house):
    """systemd-resolved listens on 127.0.0.53, bound to the loopback: what is sent there stays its own."""
    ns = NameServer(house, bind="0.0.0.0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stub:
        stub.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stub.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        stub.bind(("127.0.0.53", ns.port))
        stub.settimeout(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"for the stub", ("127.0.0.53", ns.port))
            assert stub.recv(100) == b"for the stub"
        assert values(ns.ask(f"ha.{ZONE}")) == [IPV4]


def test_many_at_once(ns):
    """More than a batch: every query gets its own answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((ns.host, ns.port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        wire = dns.message.make_query(f"ha.{ZONE}", "A", use_edns=False).to_wire()
        for i in range(200):
            s.send(i.to_bytes(2, "big") + wire[2:])
        assert {int.from_bytes(s.recv(512)[:2], "big") for _ in range(200)} == set(range(200))


def test_several_sockets(house):
    house.configure(CONFIG, **HOSTS)
    pairs = [NameServer.sockets(socket.AF_INET, a) for a in ("127.0.0.1", "127.0.0.2")]
    house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [p[0] for p in pairs], "dns-tcp": [p[1] for p in pairs]})
    for udp, tcp in pairs:
        query = dns.message.make_query(ZONE, "SOA")
        assert dns.query.udp(query, udp.getsockname()[0], port=udp.getsockname()[1], timeout=5).answer
        assert dns.query.tcp(query, tcp.getsockname()[0], port=tcp.getsockname()[1], timeout=5).answer


# --- knot's client ---

@pytest.mark.parametrize("how", ["+notcp", "+tcp"])
def test_kdig(ns, how):
    out = kdig(ns, how, f"ha.{ZONE}", "A")
    assert "status: NOERROR" in out and "Flags: qr aa rd;" in out and IPV4 in out and "WARNING" not in out
    out = kdig(ns, how, "+cookie", f"ha.{ZONE}", "AAAA")
    assert IPV6 in out and "COOKIE" in out
    assert "status: NXDOMAIN" in kdig(ns, how, "nothing.only.example.org")
    assert "ext-rcode: BADVERS" in kdig(ns, how, "+edns=1", ZONE)
    assert f"ns.{ZONE}." in kdig(ns, how, ZONE, "NS")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-netd in a network namespace of its own, with knot as the DNS server behind its resolv.conf and the kernel's own
addresses and routes."""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

import dns.message
import dns.query
import dns.rcode
import dns.rrset
import dns.update
import pytest

from acme_tools import until
from conftest import ROOT, VarlinkError
from ctl_tools import UNREACHABLE, Ctl, booted  # noqa: F401 (fixture)

NET = "io.hagw.Net"
LABORATORY = "documentation_networks = true;"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture
def net():
    """The test's thread and all it starts live in an empty network namespace with lo and eth0 (a veth pair)."""
    outside = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.unshare(os.CLONE_NEWNET)
    except OSError as e:
        os.close(outside)
        pytest.skip(f"no network namespace: {e}")
    try:
        ip("link", "set", "lo", "up")
        for path in pathlib.Path("/proc/sys/net/ipv6/conf").glob("*/accept_dad"):
            path.write_text("0")
        ip("link", "add", "eth0", "type", "veth", "peer", "name", "far")
        for name in "eth0", "far":
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/accept_ra").write_text("0")
            ip("link", "set", name, "up")
        yield
    finally:
        os.setns(outside, os.CLONE_NEWNET)
        os.close(outside)


class Knot:
    """A real name server for example.org on 127.0.0.1:53 of the namespace, that takes dynamic updates."""

    def __init__(self, root):
        self.root = root
        root.mkdir()
        (root / "example.org.zone").write_text(
            "$ORIGIN example.org.\n$TTL 60\n"
            "@ SOA ns hostmaster 1 3600 600 86400 5\n@ NS ns\nns A 198.51.100.53\n"
            "house 5 A 198.51.100.1\nhouse 5 AAAA 2001:db8:1::1\n"
            "dyn CNAME house\nlite A 192.0.0.2\nbench A 198.18.5.6\nprivate A 192.168.1.4\nnat A 100.64.3.4\nmixed A 10.0.0.1\nmixed A 198.51.100.7\n"
            "slow 86400 A 198.51.100.9\n"
            "records MX 10 mail\nrecords TXT \"a \\\"quoted\\\" one\" \"two\"\nrecords CAA 0 issue \"letsencrypt.org\"\n"
            "records SRV 1 2 443 house\nrecords TYPE65400 \\# 3 010203\n"
            "child NS ns.child\nns.child A 198.51.100.54\n")
        (root / "knot.conf").write_text(
            f"server:\n  rundir: {root}\n  listen: 127.0.0.1@53\n  udp-workers: 1\n  tcp-workers: 1\n"
            "  background-workers: 1\n"
            f"database:\n  storage: {root}\n"
            "acl:\n  - id: all\n    address: 127.0.0.1\n    action: [update, transfer]\n"
            f"zone:\n  - domain: example.org\n    storage: {root}\n    acl: all\n    zonefile-sync: -1\n")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["knotd", "-c", self.root / "knot.conf"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        question = dns.message.make_query("example.org", "SOA")
        for _ in range(100):
            try:
                if dns.query.udp(question, "127.0.0.1", timeout=0.3).answer:
                    return
            except (OSError, dns.exception.Timeout):
                time.sleep(0.05)
        raise AssertionError("knotd did not answer")

    def update(self, name, rdtype, value, ttl=5):
        u = dns.update.UpdateMessage("example.org")
        u.delete(name, rdtype)
        if value:
            u.add(name, ttl, rdtype, value)
        assert dns.query.tcp(u, "127.0.0.1", timeout=5).rcode() == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def knot(net, tmp_path):
    if not shutil.which("knotd"):
        pytest.skip("knotd is not installed")
    k = Knot(tmp_path / "knot")
    yield k
    k.stop()


def start(house, ipv4="none", ipv6="none", resolver="127.0.0.1", env=None):
    house.configure(f'public_address: {{ ipv4 = "{ipv4}"; ipv6 = "{ipv6}"; }}; {LABORATORY}')
    (house.root / "resolv.conf").write_text(f"nameserver {resolver}\noptions attempts:1\n")
    (house.root / "hosts").write_text("192.168.7.7 printer.lan printer\n")
    return house.daemon("netd", NET, env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                          "HAGW_HOSTS": str(house.root / "hosts"), **(env or {})})


def state(message, family):
    return next(a for a in message["addresses"] if a["family"] == family)


def wait_for(stream, family, condition, seconds=20):
    deadline = time.monotonic() + seconds
    seen = []
    while time.monotonic() < deadline:
        seen.append(state(next(stream), family))
        if condition(seen[-1]):
            return seen[-1]
    raise AssertionError(f"it did not come: {seen}")


def has(address):
    return lambda s: s.get("address") == address and s.get("error") is None


def test_static_and_none(house, net):
    before = time.time()
    d = start(house, ipv4="static:203.0.113.4")
    reply = d.call("Watch")
    v4, v6 = state(reply, "ipv4"), state(reply, "ipv6")
    assert v4["address"] == "203.0.113.4" and v4["source"] == "static:203.0.113.4" and v4.get("error") is None
    # The owner's word: nobody has confirmed it.
    assert v4["confirmedUSec"] == 0 and before - 1 < v4["changedUSec"] / 1e6 < time.time() + 1
    assert v6.get("address") is None and v6["source"] == "none" and v6.get("error") is None


def test_resolve_follows_change_and_outage(house, knot):
    d = start(house, ipv4="resolve:dyn.example.org", ipv6="resolve:dyn.example.org")
    with d.varlink() as v:
        stream = v.stream(f"{NET}.Watch")
        wait_for(stream, "ipv4", has("198.51.100.1"))
        # Over a CNAME, within the TTL of 5 s.
        began = time.monotonic()
        knot.update("house", "A", "198.51.100.2")
        wait_for(stream, "ipv4", has("198.51.100.2"))
        assert time.monotonic() - began < 8
        # The resolver goes: the last good one stays, and the error is said.
        knot.stop()
        gone = wait_for(stream, "ipv4", lambda s: s.get("error"), seconds=30)
        assert gone["address"] == "198.51.100.2" and gone["confirmedUSec"] > 0
        knot.start()
        knot.update("house", "A", "198.51.100.3")
        wait_for(stream, "ipv4", has("198.51.100.3"), seconds=30)
    assert state(d.call("Watch"), "ipv6")["address"] == "2001:db8:1::1"


@pytest.mark.parametrize("name, why", [
    ("private.example.org", "192.168.1.4"), ("nat.example.org", "100.64.3.4"), ("lite.example.org", "DS-Lite"),
    ("bench.example.org", "benchmarking"), ("nowhere.example.org", "not found"),
    ("records.example.org", "records.example.org"),
])
def test_resolve_refuses_what_is_no_public_address(house, knot, name, why):
    d = start(house, ipv4=f"resolve:{name}")
    with d.varlink() as v:
        s = wait_for(v.stream(f"{NET}.Watch"), "ipv4", lambda s: s.get("error"))
    assert s.get("address") is None and why in s["error"] and s["confirmedUSec"] == 0


def test_documentation_is_for_laboratories(house, knot):
    """Elsewhere nobody has such an address, and what was saved of one is not published again."""
    d = start(house, ipv4="resolve:house.example.org")
    with d.varlink() as v:
        wait_for(v.stream(f"{NET}.Watch"), "ipv4", has("198.51.100.1"))
    house.configure('public_address: { ipv4 = "resolve:house.example.org"; ipv6 = "none"; };')
    with d.varlink() as v:
        stream = v.stream(f"{NET}.Watch")
        d.reload()
        s = wait_for(stream, "ipv4", lambda s: s.get("error"))
    assert s.get("address") is None and "documentation" in s["error"]
    assert d.stop() == 0
    start_again = house.root / "state" / "netd" / "addresses.json"
    assert "198.51" not in start_again.read_text()


def test_a_mistaken_change_keeps_the_last_good_address(house, knot):
    d = start(house, ipv4="resolve:mixed.example.org")
    with d.varlink() as v:
        stream = v.stream(f"{NET}.Watch")
        wait_for(stream, "ipv4", has("198.51.100.7"))
        knot.update("mixed", "A", "10.0.0.2")
        assert state(d.call("Refresh"), "ipv4")["address"] == "198.51.100.7"
        s = wait_for(stream, "ipv4", lambda s: s.get("error"))
    assert s["address"] == "198.51.100.7" and "10.0.0.2" in s["error"]
    status = d.call("io.hagw.Service.Describe")["status"]
    assert "198.51.100.7 (last good one)" in status


def test_refresh_does_not_wait_for_the_ttl(house, knot):
    d = start(house, ipv4="resolve:slow.example.org")
    with d.varlink() as v:
        wait_for(v.stream(f"{NET}.Watch"), "ipv4", has("198.51.100.9"))
    knot.update("slow", "A", "198.51.100.10", ttl=86400)
    began = time.monotonic()
    assert state(d.call("Refresh"), "ipv4")["address"] == "198.51.100.10"
    assert time.monotonic() - began < 5


def test_last_good_address_survives_kill_and_restart_without_network(house, knot):
    d = start(house, ipv4="resolve:house.example.org")
    with d.varlink() as v:
        good = wait_for(v.stream(f"{NET}.Watch"), "ipv4", has("198.51.100.1"))
    d.kill()
    knot.stop()
    d.start()
    first = state(d.call("Watch"), "ipv4")
    assert first["address"] == "198.51.100.1" and first["changedUSec"] == good["changedUSec"]
    with d.varlink() as v:
        s = wait_for(v.stream(f"{NET}.Watch"), "ipv4", lambda s: s.get("error"), seconds=30)
    assert s["address"] == "198.51.100.1" and 0 < s["confirmedUSec"] <= good["confirmedUSec"] + 10**7


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"addresses":[{"source":"resolve:house.example.org"}]}',
                                     b'{"addresses":[{"source":"x","address":"nonsense","confirmedUSec":1,"changedUSec":1}]}'])
def test_broken_state_is_set_aside(house, net, content):
    folder = house.root / "state" / "netd"
    folder.mkdir(parents=True)
    (folder / "addresses.json").write_bytes(content)
    d = start(house, ipv4="resolve:house.example.org")
    assert state(d.call("Watch"), "ipv4").get("address") is None
    assert (folder / "addresses.json.broken").read_bytes() == content
    assert "addresses.json.broken" in d.text()


@pytest.mark.parametrize("before,after,told", [
    ("resolve:house.example.org", "resolve:huose.example.org", "; it stays 198.51.100.1, the one of resolve:house.example.org."),
    ("static:198.51.100.8", "resolve:huose.example.org", "; it stays 198.51.100.8, the one of static:198.51.100.8."),
    ("none", "resolve:huose.example.org", "; there is no IPv4 address until it does."),
    ("none", "interface:eht0", "; there is no IPv4 address until it does."),
    ("resolve:house.example.org", "resolve:slow.example.org", None), ("resolve:house.example.org", "none", None),
    ("none", "resolve:house.example.org", None), ("resolve:huose.example.org", "static:198.51.100.8", None)])
def test_reload_says_that_a_new_source_has_given_nothing(house, knot, booted, before, after, told):  # noqa: F811
    """Whoever mistypes a name is told at once, and not by whoever does not find the house."""
    d = start(house, ipv4=before)
    with d.varlink() as v:
        wait_for(v.stream(f"{NET}.Watch"), "ipv4", lambda s: s.get("error") or s["knowledge"] != "unknown")
    house.configure(f'zones = ( {{ name = "home.test"; }} ); public_address: {{ ipv4 = "{after}"; ipv6 = "none"; }}; {LABORATORY}')
    said = booted.refused(UNREACHABLE, "reload")  # the others, which this is not about, do not run
    assert booted.words[0] == ["reload", "hagw-netd"]
    given = [line for line in said.splitlines() if "has given no address" in line]
    assert len(given) == bool(told) and all(told in line and f"{after} has given no address: " in line for line in given), said


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
def test_a_working_address_stays_until_the_new_source_has_given_one(house, knot, restart):
    """Whoever mistypes a name does not take the house off the DNS, and is told."""
    d = start(house, ipv4="resolve:house.example.org")

    def change(ipv4):
        house.configure(f'public_address: {{ ipv4 = "{ipv4}"; ipv6 = "none"; }}; {LABORATORY}')
        if restart:
            assert d.stop() == 0
            d.start()
        else:
            d.reload()
    with d.varlink() as v:
        wait_for(v.stream(f"{NET}.Watch"), "ipv4", has("198.51.100.1"))
    change("resolve:huose.example.org")
    s = state(d.call("Refresh"), "ipv4")
    assert (s["address"], s["source"], s["held"], s["knowledge"]) == \
        ("198.51.100.1", "resolve:huose.example.org", "resolve:house.example.org", "known") and "huose" in s["error"]
    assert "The public IPv4 address stays the one of resolve:house.example.org until resolve:huose.example.org gives one." in d.text()
    said = json.loads(Ctl(house).run("--json", "status", "--no-delegation").stdout)
    assert [p for p in said["problems"] if "The public IPv4 address is still 198.51.100.1, the one of resolve:house.example.org: "
            "resolve:huose.example.org has given none: looking up" in p], said
    # Another mistake, and another source that has none: it is still the first one's.
    for source in ("resolve:hosue.example.org", "interface", "resolve:lite.example.org"):
        change(source)
        s = state(d.call("Refresh"), "ipv4")
        assert s["address"] == "198.51.100.1" and s["held"] == "resolve:house.example.org" and s["error"], s
    change("resolve:slow.example.org")
    with d.varlink() as v:
        s = wait_for(v.stream(f"{NET}.Watch"), "ipv4", has("198.51.100.9"))
        assert "held" not in s
    # The owner's own word counts at once.
    change("resolve:huose.example.org")
    assert state(d.call("Refresh"), "ipv4")["held"] == "resolve:slow.example.org"
    change("none")
    s = state(d.call("Watch"), "ipv4")
    assert "address" not in s and "held" not in s and s["knowledge"] == "none"
    change("resolve:house.example.org")
    change("static:198.51.100.77")
    assert has("198.51.100.77")(state(d.call("Watch"), "ipv4")) and "held" not in state(d.call("Watch"), "ipv4")


def test_what_is_held_must_be_public(house, net):
    """What the owner gave by hand may be private; nobody else's word for it counts."""
    d = start(house, ipv4="static:192.168.1.4")
    house.configure('public_address: { ipv4 = "resolve:house.example.org"; ipv6 = "none"; };')
    d.reload()
    assert state(d.call("Watch"), "ipv4").get("address") is None


class Answering(threading.Thread):
    """A resolver at 127.0.0.9: silent, until it is told what to answer."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.9", 53))
        self.answer, self.asked = None, threading.Event()
        self.start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(2000)
            self.asked.set()
            if self.answer is None:
                continue
            reply = dns.message.make_response(dns.message.from_wire(data))
            if self.answer in ("NXDOMAIN", "SERVFAIL"):
                reply.set_rcode(dns.rcode.from_text(self.answer))
            else:
                reply.answer.append(dns.rrset.from_text(reply.question[0].name, 1, "IN", "A", self.answer))
            self.socket.sendto(reply.to_wire(), peer)


@pytest.mark.parametrize("answer,knowledge", [("NXDOMAIN", "none"), ("192.0.0.2", "none"), ("198.18.5.6", "none"),
                                              ("198.51.100.3", "known")])
def test_not_known_yet_is_not_none(house, net, answer, knowledge):
    """A source's own no is an answer, silence is none; whoever is silent for long counts as one without, until he speaks."""
    resolver = Answering()
    d = start(house, ipv4="resolve:house.example.org", resolver="127.0.0.9", env={"HAGW_ANSWER_USEC": "3000000"})
    with d.varlink(timeout=60) as v:
        stream = v.stream(f"{NET}.Watch")
        first = next(stream)
        assert state(first, "ipv4")["knowledge"] == "unknown" and state(first, "ipv6")["knowledge"] == "none"
        assert "resolve:house.example.org  has not answered yet" in Ctl(house).run("status", "--no-delegation").stdout
        wait_for(stream, "ipv4", lambda s: s["knowledge"] == "doubtful", 60)
        resolver.answer = answer
        s = wait_for(stream, "ipv4", lambda s: s["knowledge"] == knowledge, 120)
        assert s.get("address") == (answer if knowledge == "known" else None)


def test_a_servers_trouble_is_no_answer(house, net):
    resolver = Answering()
    resolver.answer = "SERVFAIL"
    d = start(house, ipv4="resolve:house.example.org", resolver="127.0.0.9")
    with d.varlink(timeout=60) as v:
        s = wait_for(v.stream(f"{NET}.Watch"), "ipv4", lambda s: s.get("error"), 60)
        assert s["knowledge"] == "unknown"


def test_an_address_that_is_being_checked_is_not_none(house, net):
    """Duplicate address detection takes a second or two: until then the interface has not answered."""
    pathlib.Path("/proc/sys/net/ipv6/conf/eth0/accept_dad").write_text("1")
    pathlib.Path("/proc/sys/net/ipv6/conf/eth0/dad_transmits").write_text("5")
    ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
    ip("addr", "add", "2001:db8:1::5/64", "dev", "eth0")
    d = start(house, ipv6="interface")
    with d.varlink(timeout=60) as v:
        stream = v.stream(f"{NET}.Watch")
        s = state(next(stream), "ipv6")
        assert s["knowledge"] in ("unknown", "known") and (s["knowledge"] == "known" or "unique" in s["error"])
        s = wait_for(stream, "ipv6", has("2001:db8:1::5"), 60) if s["knowledge"] == "unknown" else s
        assert s["knowledge"] == "known"


def test_reload_changes_a_source_or_nothing(house, net):
    d = start(house, ipv4="static:203.0.113.4", ipv6="static:2001:db8::4")
    with d.varlink() as v:
        stream = v.stream(f"{NET}.Watch")
        before = state(next(stream), "ipv6")
        house.configure('public_address: { ipv4 = "static:203.0.113.5"; ipv6 = "static:2001:db8::4"; };' + LABORATORY)
        d.reload()
        wait_for(stream, "ipv4", has("203.0.113.5"))
        house.configure('public_address: { ipv4 = "static:nonsense"; };')
        d.reload()
    assert has("203.0.113.5")(state(d.call("Watch"), "ipv4"))
    assert state(d.call("Watch"), "ipv6")["changedUSec"] == before["changedUSec"]
    assert "ipv4" in d.call("io.hagw.Service.Describe")["configError"]


def test_interface_takes_the_stable_global_address_and_follows_it(house, net):
    d = start(house, ipv6="interface")
    with d.varlink() as v:
        stream = v.stream(f"{NET}.Watch")
        assert "default route" in state(next(stream), "ipv6")["error"]
        # Private, temporary, deprecated and unique local ones do not count.
        ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
        ip("addr", "add", "fd00::5/64", "dev", "eth0")
        s = wait_for(stream, "ipv6", lambda s: "private or local" in (s.get("error") or ""))
        assert s.get("address") is None and "eth0" in s["error"]
        ip("addr", "add", "2001:db8:1::dead/64", "dev", "eth0", "preferred_lft", "0", "valid_lft", "3600")
        ip("addr", "add", "2001:db8:1::5/64", "dev", "eth0", "preferred_lft", "1800", "valid_lft", "3600")
        wait_for(stream, "ipv6", has("2001:db8:1::5"))
        # A better one that will do for longer is no reason to move while the old one does.
        ip("addr", "add", "2001:db8:2::5/64", "dev", "eth0", "preferred_lft", "2000", "valid_lft", "3600")
        # The provider gives another prefix and the old one is deprecated.
        ip("addr", "change", "2001:db8:1::5/64", "dev", "eth0", "preferred_lft", "0", "valid_lft", "3600")
        wait_for(stream, "ipv6", has("2001:db8:2::5"))
        # The line goes: the last good one stays, with the reason.
        ip("-6", "route", "del", "default", "dev", "eth0")
        s = wait_for(stream, "ipv6", lambda s: s.get("error"))
        assert s["address"] == "2001:db8:2::5" and "default route" in s["error"]


def test_another_way_out_is_told(house, net):
    """For hagw-proxyd in a house behind a relay: what does not concern the way to the world is no news."""
    d = start(house)
    with d.varlink() as v:
        stream = v.stream(f"{NET}.WatchNetwork")
        assert next(stream) == {"changes": 0, "hops": [], "published": [], "complete": True}
        ip("address", "add", "192.168.7.2/24", "dev", "eth0")
        ip("address", "add", "10.99.0.1/24", "dev", "far")
        time.sleep(0.3)
        ip("route", "add", "default", "via", "192.168.7.1")
        assert next(stream) == {"changes": 1, "hops": ["192.168.7.1"], "published": [], "complete": True}
        ip("address", "add", "10.99.0.2/24", "dev", "far")
        ip("link", "set", "far", "alias", "another")
        time.sleep(0.3)
        ip("route", "replace", "default", "via", "192.168.7.254")
        assert next(stream) == {"changes": 2, "hops": ["192.168.7.254"], "published": [], "complete": True}
        ip("address", "add", "192.168.7.3/24", "dev", "eth0")
        assert next(stream)["changes"] == 3
        ip("link", "set", "eth0", "down")
        assert next(stream)["changes"] >= 4


def test_public_addresses_are_told_with_the_network(house, net):
    """For hagw-proxyd, which knows them where a host leads to them."""
    house.configure(f'public_address: {{ ipv4 = "static:203.0.113.1"; ipv6 = "none"; }}; {LABORATORY}')
    d = house.daemon("netd", NET)
    with d.varlink() as v:
        stream = v.stream(f"{NET}.WatchNetwork")
        assert next(stream)["published"] == ["203.0.113.1"]
        house.configure(f'public_address: {{ ipv4 = "static:203.0.113.2"; ipv6 = "static:2001:db8::2"; }}; {LABORATORY}')
        d.reload()
        while (m := next(stream))["published"] != ["203.0.113.2", "2001:db8::2"]:
            pass
        assert m["changes"] == 0


def test_hops(house, net):
    """Whose address may stand for strangers': routers, all of a multipath route, and this machine's own on bridges of
    containers and on TUN devices. A bridge that leads out is the house's network."""
    ip("address", "add", "192.168.7.2/24", "dev", "eth0")
    d = start(house)
    with d.varlink() as v:
        stream = v.stream(f"{NET}.WatchNetwork")

        def told(*hops):
            for m in stream:
                if sorted(m["hops"]) == sorted(hops):
                    assert m["complete"]
                    return True
        assert told()
        ip("link", "add", "docker0", "type", "bridge")
        ip("address", "add", "172.17.0.1/16", "dev", "docker0")
        assert told("172.17.0.1")
        ip("address", "add", "fd00:17::1/64", "dev", "docker0", "nodad")
        assert told("172.17.0.1", "fd00:17::1")
        ip("link", "add", "br0", "type", "bridge")
        ip("link", "set", "br0", "up")
        link_local = subprocess.run(["ip", "-6", "-br", "address", "show", "dev", "br0"], capture_output=True, text=True).stdout
        ip("address", "flush", "dev", "br0")
        ip("address", "add", "192.168.8.2/24", "dev", "br0")
        assert told("172.17.0.1", "fd00:17::1", "192.168.8.2"), link_local
        ip("route", "add", "default", "via", "192.168.8.1")
        assert told("172.17.0.1", "fd00:17::1", "192.168.8.1")
        ip("route", "replace", "default", "nexthop", "via", "192.168.8.1", "nexthop", "via", "192.168.7.1")
        assert told("172.17.0.1", "fd00:17::1", "192.168.8.1", "192.168.7.1")
        ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
        assert told("172.17.0.1", "fd00:17::1", "192.168.8.1", "192.168.7.1", "fe80::1")
        ip("-4", "route", "replace", "default", "via", "inet6", "fe80::2", "dev", "eth0")
        ip("link", "del", "docker0")
        assert told("192.168.8.2", "fe80::1", "fe80::2")
        ip("tuntap", "add", "tap0", "mode", "tap")
        ip("address", "add", "10.0.2.100/24", "dev", "tap0")
        assert told("192.168.8.2", "fe80::1", "fe80::2", "10.0.2.100")


def test_own_addresses(house, net):
    """At which hagw-dnsd may listen: followed live, and where the world cannot come is said."""
    d = start(house)
    loopback = {"127.0.0.1": False, "::1": False}
    with d.varlink() as v:
        stream = v.stream(f"{NET}.WatchLocal")

        def told(**others):
            for m in stream:
                assert m["complete"]
                if {e["address"]: e["world"] for e in m["locals"]} == loopback | {k: w for k, w in others.items()}:
                    return True
        assert told()
        ip("address", "add", "192.168.7.2/24", "dev", "eth0")
        assert told(**{"192.168.7.2": True})
        ip("address", "add", "2001:db8:7::2/64", "dev", "eth0", "nodad")
        assert told(**{"192.168.7.2": True, "2001:db8:7::2": True})
        ip("link", "add", "docker0", "type", "bridge")
        ip("address", "add", "172.17.0.1/16", "dev", "docker0")
        assert told(**{"192.168.7.2": True, "2001:db8:7::2": True, "172.17.0.1": False})
        ip("address", "add", "203.0.113.7/32", "dev", "lo")
        ip("address", "flush", "dev", "eth0")
        assert told(**{"203.0.113.7": True, "172.17.0.1": False})


def test_interface_by_name(house, net):
    d = start(house, ipv4="interface:ppp7", ipv6="interface:eth0")
    with d.varlink() as v:
        stream = v.stream(f"{NET}.Watch")
        first = next(stream)
        assert "ppp7" in state(first, "ipv4")["error"]
        ip("link", "add", "ppp7", "type", "veth", "peer", "name", "ppp8")
        ip("addr", "add", "203.0.113.9/32", "dev", "ppp7")
        ip("link", "set", "ppp7", "up")
        wait_for(stream, "ipv4", has("203.0.113.9"))
        ip("addr", "add", "2001:db8:9::1/64", "dev", "eth0")
        wait_for(stream, "ipv6", has("2001:db8:9::1"))


def test_many_address_changes_lose_nothing(house, net):
    """More notifications than the socket's buffer holds: the end is right nevertheless."""
    d = start(house, ipv6="interface:eth0")
    batch = house.root / "batch"
    batch.write_text("".join(f"addr {verb} 2001:db8:5::{n:x}/64 dev eth0\n" for verb in ("add", "del")
                             for n in range(1, 1500)) + "addr add 2001:db8:6::1/64 dev eth0\n")
    d.process.send_signal(signal.SIGSTOP)
    ip("-b", str(batch))
    d.process.send_signal(signal.SIGCONT)
    with d.varlink() as v:
        wait_for(v.stream(f"{NET}.Watch"), "ipv6", has("2001:db8:6::1"))


def test_resolve(house, knot):
    d = start(house)
    assert d.call("Resolve", name="192.0.2.1")["addresses"] == ["192.0.2.1"]
    assert d.call("Resolve", name="::1")["addresses"] == ["::1"]
    assert d.call("Resolve", name="printer.lan")["addresses"] == ["192.168.7.7"]
    reply = d.call("Resolve", name="DYN.example.org.")
    assert sorted(reply["addresses"]) == ["198.51.100.1", "2001:db8:1::1"]
    assert 0 < reply["ttlUSec"] <= 5_000_000
    # Private ones are what upstreams have.
    assert d.call("Resolve", name="private.example.org")["addresses"] == ["192.168.1.4"]
    with pytest.raises(VarlinkError, match="NoSuchName"):
        d.call("Resolve", name="nowhere.example.org")
    for bad in "", "a b", "-x", "a..b", "x" * 64, "fe80::1%eth0", "ü.example.org", "http://x":
        with pytest.raises(VarlinkError, match="InvalidParameter"):
            d.call("Resolve", name=bad)


def metric(d, name):
    return sum(m["value"] for m in d.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == name)


def test_resolve_caches_for_the_ttl_and_outlives_the_resolver(house, knot):
    d = start(house)
    assert d.call("Resolve", name="private.example.org")["addresses"] == ["192.168.1.4"]
    assert d.call("Resolve", name="house.example.org")
    knot.update("private", "A", "192.168.1.5")
    assert d.call("Resolve", name="private.example.org")["addresses"] == ["192.168.1.4"]
    assert metric(d, "resolver_requests") == 3 and metric(d, "resolver_cached") == 1
    knot.stop()
    # TTL 5 ends and nobody answers: an old answer is better than none.
    until(lambda: d.call("Resolve", name="house.example.org")["addresses"] and metric(d, "resolver_stale") > 0)
    with pytest.raises(VarlinkError, match="ResolverFailed"):
        d.call("Resolve", name="unseen.example.org")


class Resolver(threading.Thread):
    """At 127.0.0.9. What it has no answer for, it does not answer; AAAA only when it is asked the second time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.9", 53))
        self.records, self.seen, self.lossy = {"A": "192.0.2.7", "AAAA": "2001:db8::7"}, set(), False
        self.start()

    def run(self):
        while True:
            data, peer = self.socket.recvfrom(2000)
            query = dns.message.from_wire(data)
            kind = dns.rdatatype.to_text(query.question[0].rdtype)
            if kind not in self.records or (self.lossy and query.id not in self.seen):
                self.seen.add(query.id)
                continue
            answer = dns.message.make_response(query)
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 3600 if self.lossy else 1, "IN", kind, self.records[kind]))
            self.socket.sendto(answer.to_wire(), peer)


def resolved(d, name, addresses):
    """The answer, once what is remembered of before is too old."""
    def ask():
        answer = d.call("Resolve", name=name)
        return set(answer["addresses"]) == addresses and answer

    return until(ask)


def test_half_an_answer_is_not_kept(house, net):
    """Of A and AAAA one was lost on its way: what is known of it stays, and it is asked for again soon."""
    resolver = Resolver()
    d = start(house, resolver="127.0.0.9")
    both = {"192.0.2.7", "2001:db8::7"}
    assert set(d.call("Resolve", name="known.example.org")["addresses"]) == both
    resolver.lossy = True
    resolver.records = {"AAAA": "2001:db8::8"}
    answer = resolved(d, "known.example.org", {"2001:db8::8", "192.0.2.7"})
    assert answer["addresses"] == ["2001:db8::8", "192.0.2.7"] and answer["ttlUSec"] <= 5_000_000
    answer = d.call("Resolve", name="new.example.org")
    assert answer["addresses"] == ["2001:db8::8"] and answer["ttlUSec"] <= 5_000_000
    resolver.records["A"] = "192.0.2.8"
    assert resolved(d, "new.example.org", {"2001:db8::8", "192.0.2.8"})["ttlUSec"] > 5_000_000


def test_one_slow_name_holds_nobody_up(house, knot):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.9", 53))
    d = start(house, resolver="127.0.0.9")
    with d.varlink(timeout=40) as slow:
        slow.send(f"{NET}.Resolve", {"name": "house.example.org"})
        silent.settimeout(10)
        silent.recvfrom(2000)
        began = time.monotonic()
        assert d.call("Resolve", name="printer.lan")["addresses"] == ["192.168.7.7"]
        assert d.call("Watch")
        assert not select.select([slow.socket], [], [], 0)[0], "the slow name is still waited for"
        with pytest.raises(VarlinkError, match="ResolverFailed"):
            slow.receive()
        assert time.monotonic() - began < 25
    silent.close()


def test_query_shows_what_a_server_says(house, knot):
    d = start(house, resolver="127.0.0.77")  # nobody there: the given server is asked
    ask = lambda name, rdtype, server="127.0.0.1": d.call("Query", name=name, type=rdtype, server=server)
    reply = ask("example.org", "SOA")
    assert reply["rcode"] == "NOERROR" and reply["authoritative"]
    assert reply["answers"] == ["ns.example.org. hostmaster.example.org. 1 3600 600 86400 5"]
    assert ask("example.org", "NS", "127.0.0.1:53")["answers"] == ["ns.example.org."]
    assert ask("house.example.org", "aaaa")["answers"] == ["2001:db8:1::1"]
    assert ask("records.example.org", "MX")["answers"] == ["10 mail.example.org."]
    assert ask("records.example.org", "TXT")["answers"] == [r'"a \"quoted\" one" "two"']
    assert ask("records.example.org", "CAA")["answers"] == ['0 issue "letsencrypt.org"']
    assert ask("records.example.org", "SRV")["answers"] == ["1 2 443 house.example.org."]
    assert ask("records.example.org", "TYPE65400")["answers"] == [r"\# 3 010203"]
    assert ask("dyn.example.org", "A")["answers"] == ["house.example.org.", "198.51.100.1"]
    assert ask("nowhere.example.org", "A") == {"rcode": "NXDOMAIN", "authoritative": True, "answers": [], "authority": [],
                                               "glue": []}
    assert ask("house.example.org", "TXT")["answers"] == []
    assert ask("example.com", "A")["rcode"] == "REFUSED"
    # A parent's view of a delegation.
    child = ask("host.child.example.org", "A")
    assert not child["authoritative"] and child["authority"] == ["ns.child.example.org."]
    assert child["glue"] == [{"name": "ns.child.example.org", "address": "198.51.100.54"}]
    with pytest.raises(VarlinkError, match="ResolverFailed"):
        d.call("Query", name="example.org", type="A")
    for bad in {"type": "NONSENSE"}, {"type": "TYPE0"}, {"server": "example.org"}, {"server": "127.0.0.1:0"}, \
            {"server": "127.0.0.1,127.0.0.2"}, {"server": "[::1"}, {"name": "a..b"}:
        with pytest.raises(VarlinkError, match="InvalidParameter"):
            d.call("Query", **{"name": "example.org", "type": "A", "server": "127.0.0.1", **bad})


class Hostile(threading.Thread):
    """Answers each query with what answer(query bytes) returns: a list of datagrams."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.5", 53))
        self.socket.settimeout(0.2)
        self.answer, self.ended = answer, False
        self.start()

    def run(self):
        while not self.ended:
            try:
                data, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            for reply in self.answer(data):
                self.socket.sendto(reply, peer)

    def stop(self):
        self.ended = True
        self.join(5)
        self.socket.close()


def answered(data, *records, **changes):
    m = dns.message.make_response(dns.message.from_wire(data))
    m.answer = [dns.rrset.from_text(*r) for r in records]
    for key, value in changes.items():
        setattr(m, key, value)
    return m.to_wire()


GOOD = ("x.example.org.", 60, "IN", "A", "198.51.100.66")
HOSTILE = {
    "wrong id": lambda q: [answered(q, GOOD, id=dns.message.from_wire(q).id ^ 1)],
    "other question": lambda q: [answered(q, GOOD).replace(b"\1x\7example", b"\1y\7example")],
    "other owner": lambda q: [answered(q, ("y.example.org.", 60, "IN", "A", "198.51.100.66"))],
    "CNAME circle": lambda q: [answered(q, ("x.example.org.", 60, "IN", "CNAME", "y.example.org."),
                                        ("y.example.org.", 60, "IN", "CNAME", "x.example.org."), GOOD)],
    "endless CNAMEs": lambda q: [answered(q, ("x.example.org.", 60, "IN", "CNAME", "c0.example.org."),
                                          *((f"c{i}.example.org.", 60, "IN", "CNAME", f"c{i + 1}.example.org.")
                                            for i in range(40)))],
    "cut short": lambda q: [answered(q, GOOD)[:n] for n in range(0, 50)],
    "not a response": lambda q: [q],
    "pointer to itself": lambda q: [q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:q.index(b"\0\1\0\1", 12) + 5] +
                                    b"\xc0\x1f\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x42"],
    "lying rdlength": lambda q: [answered(q, GOOD).replace(b"\0\4\xc6\x33\x64\x42", b"\xff\xff\xc6\x33\x64\x42")],
    "noise": lambda q: [os.urandom(n) for n in (1, 11, 12, 13, 100, 1400)],
    "noise behind the id": lambda q: [q[:2] + os.urandom(n) for n in (10, 60, 500)],
    "servfail": lambda q: [q[:2] + b"\x81\x82" + q[4:]],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_answers_are_no_address(house, net, kind):
    server = Hostile(HOSTILE[kind])
    try:
        d = start(house, ipv4="resolve:x.example.org", resolver="127.0.0.5")
        with d.varlink(timeout=30) as v:
            s = wait_for(v.stream(f"{NET}.Watch"), "ipv4", lambda s: s.get("error") or s.get("address"), seconds=30)
        assert s.get("address") is None and s["error"]
        assert d.stop() == 0
    finally:
        server.stop()


def test_the_same_server_telling_the_truth(house, net):
    """Shows that the hostile ones above are refused for what is wrong with them."""
    server = Hostile(lambda q: [answered(q, GOOD)])
    try:
        d = start(house, ipv4="resolve:x.example.org", resolver="127.0.0.5")
        with d.varlink() as v:
            wait_for(v.stream(f"{NET}.Watch"), "ipv4", has("198.51.100.66"))
    finally:
        server.stop()


def test_varlink_bad_input(house, net):
    d = start(house)
    for message in b"\0", b"{}\0", b"[1]\0", b"nonsense\0", os.urandom(5000) + b"\0", b'{"method":"io.hagw.Net.Watch"', \
            b"x" * (17 << 20):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(str(d.path))
        try:
            s.sendall(message)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        s.close()
    for parameters in {}, {"name": 1}, {"name": "::1", "more": True}, {"name": None}:
        with pytest.raises(VarlinkError, match="InvalidParameter"):
            d.call("Resolve", **parameters)
    assert d.call("Watch")


def test_interface_text_is_the_golden_one(house, net):
    d = start(house)
    text = d.call("org.varlink.service.GetInterfaceDescription", interface=NET)["description"]
    assert text.rstrip() + "\n" == (ROOT / "tests" / "idl" / f"{NET}.varlink").read_text()


def test_metrics(house, net):
    d = start(house, ipv4="static:203.0.113.4", ipv6="interface")
    by = {(m["name"], (m.get("labels") or {}).get("family")): m for m in
          d.call("io.hagw.Service.GetMetrics")["metrics"]}
    assert by["public_address_known", "ipv4"]["value"] == 1 and by["public_address_known", "ipv6"]["value"] == 0
    assert by["public_address_failing", "ipv6"]["value"] == 1
    assert ("public_address_age_seconds", "ipv4") not in by  # given by hand: never confirmed
    assert ("public_address_age_seconds", "ipv6") not in by
    assert by["resolver_requests", None]["type"] == "counter"

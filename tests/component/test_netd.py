# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-netd in a network namespace of its own, with knot as the DNS server behind its resolv.conf and the kernel's own
addresses and routes."""

import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import dns.message
import dns.query
import dns.rdatatype
import dns.rrset
import dns.update
import pytest

from conftest import ROOT, VarlinkError

NET = "io.hagw.Net"


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
            "dyn CNAME house\nprivate A 192.168.1.4\nnat A 100.64.3.4\nmixed A 10.0.0.1\nmixed A 198.51.100.7\n"
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


def start(house, ipv4="none", ipv6="none", resolver="127.0.0.1"):
    house.configure(f'public_address: {{ ipv4 = "{ipv4}"; ipv6 = "{ipv6}"; }};')
    (house.root / "resolv.conf").write_text(f"nameserver {resolver}\noptions attempts:1\n")
    (house.root / "hosts").write_text("192.168.7.7 printer.lan printer\n")
    return house.daemon("netd", NET, env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                          "HAGW_HOSTS": str(house.root / "hosts")})


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
    d = start(house, ipv4="static:203.0.113.4")
    reply = d.call("Watch")
    v4, v6 = state(reply, "ipv4"), state(reply, "ipv6")
    assert v4["address"] == "203.0.113.4" and v4["source"] == "static:203.0.113.4" and v4.get("error") is None
    assert abs(v4["confirmedUSec"] / 1e6 - time.time()) < 10
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

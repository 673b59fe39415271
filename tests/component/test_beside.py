# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beside a resolver of the house: the real hagw-dnsd, hagw-netd and hagw-bind with the real dnsmasq and unbound on one machine.
Neither gets a question that is meant for the other, over IPv4 or IPv6, UDP or TCP; and whoever is in the way is named."""

import json
import subprocess
import time

import dns.exception
import dns.message
import dns.query
import pytest
from ctl_tools import Ctl
from dns_tools import ZONE
from test_inside import machine as namespace
from test_listen import CONFIG, V4, V6, answers, machine  # noqa: F401 (fixture)
from test_netd import ip, net  # noqa: F401 (fixture)

HOUSE, LAN_NAME, LAN_ADDRESS = "203.0.113.7", "printer.lan", "192.168.7.40"
BESIDE = CONFIG + "dns: { ipv4_port = 5300; ipv6_port = 0; };"
BOTH = CONFIG.replace('ipv6 = "none"', f'ipv6 = "static:{V6}"')
QUESTIONS = 48  # of different ports each: where sockets share a port, the kernel would spread them


class Resolver:
    """A resolver of the house, set up as its package does: at all addresses."""

    def __init__(self, root, kind, *extra):
        self.kind, self.root = kind, root
        if kind == "dnsmasq":
            words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
                     f"--address=/{LAN_NAME}/{LAN_ADDRESS}", *extra]
        else:
            at = "".join(f"  {e}\n" for e in extra or ("interface: 0.0.0.0", "interface: ::0"))
            (root / "unbound.conf").write_text(
                f"server:\n{at}  access-control: 0.0.0.0/0 allow\n  access-control: ::/0 allow\n  chroot: \"\"\n  username: \"\"\n"
                f"  directory: {root}\n  pidfile: {root}/unbound.pid\n  num-threads: 1\n  use-syslog: no\n"
                f"  local-zone: lan. static\n  local-data: \"{LAN_NAME}. A {LAN_ADDRESS}\"\nremote-control:\n  control-enable: no\n")
            words = ["unbound", "-d", "-c", root / "unbound.conf"]
        self.log = open(root / f"{kind}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log)

    def wait(self, *addresses):
        deadline = time.monotonic() + 30
        for address in addresses:
            while not self.answers(address, timeout=1, soft=True):
                assert time.monotonic() < deadline and self.process.poll() is None, self.said()
                time.sleep(0.05)
        return self

    @staticmethod
    def answers(address, tcp=False, timeout=20, soft=False):
        try:
            reply = (dns.query.tcp if tcp else dns.query.udp)(dns.message.make_query(LAN_NAME, "A"), address, timeout=timeout)
        except (OSError, dns.exception.Timeout):
            if soft:
                return False
            raise
        return [r.to_text() for rrset in reply.answer for r in rrset] == [LAN_ADDRESS]

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture(params=["dnsmasq", "unbound"])
def resolver(request, net, tmp_path):  # noqa: F811
    made = []

    def make(*extra):
        made.append(Resolver(tmp_path, request.param, *extra))
        return made[-1]
    make.kind = request.param
    yield make
    for r in made:
        r.close()


@pytest.fixture
def addresses(net):  # noqa: F811
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    ip("address", "add", f"{V6}/64", "dev", "eth0", "nodad")


def problems(m):
    r = Ctl(m.house).run("--json", "status", "--no-delegation")
    said = json.loads(r.stdout)
    row = next(d for d in said["daemons"] if d["name"] == "hagw-dnsd")
    return [p for p in said["problems"] if "hagw-dnsd gets no questions" in p], row.get("shut", False)


def everything_is_the_resolvers(*places):
    for address in places:
        for tcp in (False, True):
            assert all(Resolver.answers(address, tcp) for _ in range(QUESTIONS if not tcp else 4)), (address, tcp)


def test_a_resolver_that_is_there_keeps_everything(addresses, machine, resolver):  # noqa: F811
    """At all addresses of both families; hagw takes nothing, and status names it."""
    resolver().wait(V4, V6)
    m = machine(BOTH)
    m.wait(**{V4: "EADDRINUSE", V6: "EADDRINUSE"})
    everything_is_the_resolvers(V4, V6, "127.0.0.1", "::1")
    found, shut = problems(m)
    assert len(found) == 2 and shut, found
    assert found[0].startswith(f"hagw-dnsd gets no questions at port 53 (UDP and TCP) of {V4}, since {resolver.kind} (process "), found
    assert "dns.ipv4_port = 5300" in found[0] and "port 53, UDP and TCP, to port 5300 of this machine" in found[0]
    assert found[1].startswith(f"hagw-dnsd gets no questions at port 53 (UDP and TCP) of {V6}, since {resolver.kind} (process "), found
    assert "dns.ipv6_port = 0" in found[1]


def test_what_it_stood_beside_is_gone(addresses, machine, tmp_path):  # noqa: F811
    """Nobody remembers why hagw has another port, and the router may still send to the first one."""
    ip("route", "add", "default", "via", V4.rpartition(".")[0] + ".1")

    def told(m):
        said = json.loads(Ctl(m.house).run("--json", "status", "--no-delegation").stdout)
        return [n for n in said["notices"] if "Nobody else has port 53" in n]
    r = Resolver(tmp_path, "dnsmasq").wait(V4)
    m = machine(BESIDE)
    m.wait(f"{V4}#5300")
    assert not told(m)
    r.close()
    notice, = told(m)
    assert notice == ("Nobody else has port 53 of this machine any more, and hagw-dnsd is asked at port 5300 (dns.ipv4_port), where no question has come "
                      "from the internet over IPv4 lately. If the router passes port 53 as it is: hagw-ctl setup takes that back."), notice
    # A question from the internet says that the router knows of it.
    ip("address", "add", "203.0.113.9/32", "dev", "lo")
    assert dns.query.udp(dns.message.make_query(ZONE, "SOA"), V4, port=5300, source="203.0.113.9", timeout=30)
    assert not told(m)


def test_an_address_family_that_is_not_published_is_no_problem(addresses, machine, resolver):  # noqa: F811
    resolver().wait(V4, V6)
    m = machine()
    m.wait(**{V4: "EADDRINUSE", V6: "EADDRINUSE"})
    found, _ = problems(m)
    assert len(found) == 1 and V4 in found[0]


def test_beside_it_with_a_port_of_its_own(addresses, machine, resolver):  # noqa: F811
    """The router sends the internet's questions to port 5300, and the house asks port 53: real packets, real NAT."""
    resolver().wait(V4, V6)
    m = machine(BESIDE)
    m.wait(f"{V4}#5300")
    assert problems(m) == ([], False)
    with namespace() as (router, pid):
        ip("link", "set", "far", "netns", str(pid))

        def run(*words, **keys):
            return subprocess.run([*router, *words], check=True, capture_output=True, text=True, **keys).stdout
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "set", "far", "up")
        run("ip", "address", "add", "192.168.7.1/24", "dev", "far")
        run("ip", "address", "add", "2001:db8:7::1/64", "dev", "far", "nodad")
        run("ip", "route", "add", f"{HOUSE}/32", "dev", "far")
        run("nft", "-f", "-", input="table ip r { chain o { type nat hook output priority -100;\n"
            f"ip daddr {HOUSE} udp dport 53 dnat to {V4}:5300\nip daddr {HOUSE} tcp dport 53 dnat to {V4}:5300\n}}\n}}\n")

        def kdig(server, name, *options):
            return run("kdig", f"@{server}", "+short", "+timeout=10", "+retry=0", *options, name, "A").split()
        for _ in range(8):
            for how in ((), ("+tcp",)):
                assert kdig(HOUSE, f"ha.{ZONE}", *how) == [HOUSE]
                assert kdig(V4, LAN_NAME, *how) == kdig(V6, LAN_NAME, *how) == [LAN_ADDRESS]
        everything_is_the_resolvers(V4, V6)


def test_a_resolver_that_leaves_ipv6_alone(addresses, machine, resolver):  # noqa: F811
    at = ("--bind-dynamic", f"--listen-address={V4},127.0.0.1") if resolver.kind == "dnsmasq" else (f"interface: {V4}", "interface: 127.0.0.1")
    resolver(*at).wait(V4)
    m = machine(BOTH + "dns: { ipv4_port = 5300; };")
    m.wait(f"{V4}#5300", V6)
    for _ in range(QUESTIONS // 4):
        assert answers(V6) and answers(V4, port=5300)
    everything_is_the_resolvers(V4, "127.0.0.1")
    assert problems(m) == ([], False)


def test_a_resolver_that_comes_later_is_refused_aloud(addresses, machine, resolver):  # noqa: F811
    """And shares nothing in silence."""
    m = machine(BOTH)
    m.wait(V4, V6)
    late = resolver()
    assert late.process.wait(30) != 0
    assert "in use" in late.said(), late.said()
    for _ in range(QUESTIONS // 4):
        assert answers(V4, V6)
    assert problems(m) == ([], False)


def test_the_port_is_taken_when_the_resolver_goes(addresses, machine, resolver):  # noqa: F811
    r = resolver().wait(V4)
    m = machine(BOTH)
    m.wait(**{V4: "EADDRINUSE", V6: "EADDRINUSE"})
    r.process.terminate()
    r.process.wait(30)
    m.wait(V4, V6)
    assert answers(V4, V6) and problems(m) == ([], False)


def test_a_resolver_of_virtual_machines_is_not_in_the_way(addresses, machine, tmp_path, resolver):  # noqa: F811
    """libvirt's or podman's, at an address of a bridge; systemd-resolved's, at 127.0.0.53."""
    ip("link", "add", "virbr0", "type", "bridge")
    ip("address", "add", "192.168.122.1/24", "dev", "virbr0")
    at = (["--bind-interfaces", "--except-interface=lo", "--listen-address=192.168.122.1", "--listen-address=127.0.0.53"]
          if resolver.kind == "dnsmasq" else ["interface: 192.168.122.1", "interface: 127.0.0.53"])
    resolver(*at).wait("192.168.122.1")
    m = machine(BOTH)
    m.wait(V4, V6)
    everything_is_the_resolvers("192.168.122.1")
    assert answers(V4, V6) and problems(m) == ([], False)

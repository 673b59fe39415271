# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's relay and the two houses behind NAT: that nobody gets into those, and how the way out looks from outside."""

import contextlib
import socket
import subprocess
import threading

import pytest

from conftest import ROOT, dev_lab

MACHINES = ["relay", "cabin", "flat"]
CARRIER, FLAT4, FLAT6 = "203.0.113.30", "203.0.113.40", "2001:db8:2::2"


@pytest.fixture(autouse=True)
def up(lab):
    lab.need("relay")


def test_parent_zone_delegates_the_relays(lab):
    answer = lab.answer("relay.example.com", "NS", "203.0.113.54", "+norecurse")
    assert "ns.relay.example.com." in answer and "203.0.113.20" in answer and "2001:db8::20" in answer


def reached(address, port=8123):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


@contextlib.contextmanager
def way(machine, network, via):
    """A stranger who knows what lies behind a router sends there: a route that no honest machine has."""
    dev_lab("wire", machine, "ip", "route", "add", network, "via", via)
    try:
        yield
    finally:
        dev_lab("wire", machine, "ip", "route", "del", network)


def test_services_answer_inside(lab):
    for machine, address in (("cabin", "10.1.0.4"), ("flat", "10.2.0.4"), ("flat", "[2001:db8:2::4]")):
        assert dev_lab("wire", machine, "curl", "-s", "-m", "2", "-w", "%{http_code}", "-o", "/dev/null",
                       f"http://{address}:8123/") == "200"


def test_nobody_gets_into_a_house_behind_nat(lab):
    """What test_services_answer_inside reaches is there, and is not reached from outside, whatever the route."""
    assert not [a for a in (CARRIER, FLAT4) for port in (443, 8123) if reached(a, port)]
    assert not reached("2001:db8:2::4"), "the firewall of the flat's router"
    with way("visitor", "10.1.0.0/24", CARRIER), way("visitor", "100.64.0.0/10", CARRIER):
        assert not reached("10.1.0.4") and not reached("100.64.0.2")
    with way("visitor", "10.2.0.0/24", FLAT4):
        assert not reached("10.2.0.4")
    with way("carrier", "10.1.0.0/24", "100.64.0.2"):
        inside = dev_lab("wire", "carrier", "curl", "-s", "-m", "1", "http://10.1.0.4:8123/", check=False)
        assert inside.returncode == 28, "the cabin's own router keeps the carrier out"


def seen_from(machine, address):
    """The peer address with which a machine arrives at the visitor's."""
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        server.settimeout(10)
        dev_lab("run", machine, "bash", "-c", f"exec 3<>/dev/tcp/{address}/{server.getsockname()[1]}")
        return server.accept()[1][0]


def test_way_out_of_the_cabin_passes_two_nats(lab):
    with subprocess.Popen([ROOT / "dev/lab", "wire", "carrier", "tcpdump", "-lnc", "1", "-i", "cgnat",
                           "dst host 203.0.113.200 and tcp[tcpflags] & tcp-syn != 0"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tcpdump:
        assert any("listening on" in line for line in iter(tcpdump.stderr.readline, ""))
        drain = threading.Thread(target=tcpdump.stderr.read)
        drain.start()
        assert seen_from("cabin", "203.0.113.200") == CARRIER
        assert " 100.64.0.2." in tcpdump.stdout.readline()
        drain.join()
    assert "inet6" not in dev_lab("run", "cabin", "ip", "-6", "route", "show", "default")


def test_way_out_of_the_flat_has_its_own_ipv6_and_the_routers_ipv4(lab):
    assert seen_from("flat", "203.0.113.200") == FLAT4
    assert seen_from("flat", "2001:db8::200") == FLAT6


@pytest.mark.parametrize("machine", MACHINES)
def test_machines_resolve_and_have_hagw_installed(lab, machine):
    assert dev_lab("run", machine, "getent", "hosts", "acme.example.com").startswith("203.0.113.55")
    assert dev_lab("run", machine, "dpkg-query", "-W", "-f", "${Status}", "hagw") == "install ok installed"

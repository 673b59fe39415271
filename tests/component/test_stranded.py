# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine gets another address (DHCP): connections to services, whose own end is gone with the old one, hold nobody up."""

import os
import threading

import pytest
from proxyhouse import HOST, ProxyHouse, Upstream, echo
from test_netd import ip, net  # noqa: F401 (fixture)

SERVICE, OLD, NEW = "203.0.113.20", "203.0.113.30", "203.0.113.32"


class Beyond(threading.Thread):
    """A service in a network namespace of its own, at the other end of a cable."""

    def __init__(self, serve):
        super().__init__(daemon=True)
        self.serve, self.unshared, self.there, self.ready = serve, threading.Event(), threading.Event(), threading.Event()
        self.start()
        self.unshared.wait()
        ip("link", "set", "far", "netns", str(self.native_id))
        self.there.set()
        self.ready.wait()

    def run(self):
        os.unshare(os.CLONE_NEWNET)
        self.unshared.set()
        self.there.wait()
        ip("link", "set", "far", "up")
        ip("address", "add", f"{SERVICE}/24", "dev", "far")
        self.upstream = Upstream(self.serve, at=(SERVICE, 8123))
        self.ready.set()


@pytest.fixture
def house_with_address(net, house):  # noqa: F811
    ip("address", "add", f"{OLD}/24", "dev", "eth0")
    house.daemon("netd", "io.hagw.Net")
    opened = []

    def make(serve):
        beyond = Beyond(serve)
        h = ProxyHouse(house, ha=f'name = "{HOST}"; upstream = "http://{SERVICE}:8123"; access: {{ login = "none"; }};')
        h.certify("home.example.com", "*.home.example.com")
        h.start()
        opened.extend([h, beyond.upstream])
        return h, beyond.upstream
    yield make
    for o in opened:
        o.close()


def move():
    ip("address", "del", f"{OLD}/24", "dev", "eth0")
    ip("address", "add", f"{NEW}/24", "dev", "eth0")


def established():
    """To the service, as this machine's kernel has it (proc(5))."""
    rows = [line.split() for line in open("/proc/thread-self/net/tcp", encoding="ascii")][1:]
    return sum(r[2].endswith(f":{8123:04X}") and r[3] == "01" for r in rows)


def test_idle_connections_are_not_used_any_more(house_with_address):
    h, service = house_with_address(echo)
    assert h.visit().status == 200 and service.connections == 1 and established() == 1
    move()
    h.wait(lambda: established() == 0, seconds=60)
    r = h.visit(timeout=30)
    assert r.status == 200 and service.connections == 2


def test_what_is_under_way_ends(house_with_address):
    """Where the answer can no longer come the visitor hears of it soon, and not after minutes."""
    asked = threading.Event()

    def serve(upstream, s, f):
        f.readline()
        asked.set()
        f.read()  # for ever
    h, _ = house_with_address(serve)
    result = []
    t = threading.Thread(target=lambda: result.append(h.visit(method="POST", body=b"x", timeout=60).status))
    t.start()
    assert asked.wait(30)
    move()
    t.join(60)
    assert result == [502]

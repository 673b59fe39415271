# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is inside where something on the way hides visitors' addresses: a router that masquerades, a container's proxy. The
real hagw-proxyd, hagw-netd and hagw-webd in a network of their own."""

import contextlib
import json
import os
import socket
import subprocess
import sys

import pytest
from conftest import BUILD
from proxyhouse import HOST, Upstream, echo, listen
from test_front_door import Door
from test_netd import ip, net  # noqa: F401 (fixture)
from test_passage import client_hello

LAN_ONLY = "lan.home.example.com"
LAN = ('"127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"')


class NetworkDoor(Door):
    """Listens on all addresses; from where a visitor comes the test says."""

    def __init__(self, house, lan=LAN):
        self.service = Upstream(echo)
        super().__init__(house, **self.files(lan))
        self.https.close()
        self.https = listen("0.0.0.0", port=self.port)
        self.https6.close()
        self.https6 = socket.socket(socket.AF_INET6)
        self.https6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.https6.bind(("::", self.port))
        self.https6.listen(64)
        self.certify("*.home.example.com")
        self.open_web()
        self.netd = house.daemon("netd", "io.hagw.Net")
        self.start()
        self.wait(lambda: self.proxyd_certificates() == {HOST, LAN_ONLY})

    def files(self, lan):
        rows = {n: f'name = "{name}"; upstream = "{self.service.url}"; access: {{ login = "none"; from = "{f}"; }};'
                for n, name, f in (("ha", HOST, "anywhere"), ("lan", LAN_ONLY, "lan"))}
        return {"main": f"lan = ( {lan} ); proxy: {{ workers = 2; }};", **rows}

    def set_lan(self, lan):
        self.house.configure(**self.files(lan))
        self.proxyd.reload()

    def look(self, *how, to=None, name=HOST, path="/.hagw/auth/status"):
        """The status that a visitor gets, by curl; 0: no answer."""
        url = f"https://{name}:{self.port}{path}"
        r = subprocess.run([*how, "curl", "-sk", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--resolve",
                            f"{name}:{self.port}:{to}", "-H", f"Host: {name}", url], capture_output=True, text=True)
        return int(r.stdout or 0)

    def is_inside(self, *how, to):
        """Everything that hangs on it says the same."""
        seen = (self.look(*how, to=to) == 200, self.look(*how, to=to, path="/.hagw/metrics") == 200,
                self.look(*how, to=to, name=LAN_ONLY, path="/") == 200)
        assert self.look(*how, to=to, path="/") == 200 and len(set(seen)) == 1, seen
        return seen[0]

    def knows(self, *hops):
        """hagw-netd has told them."""
        with self.netd.varlink() as v:
            for m in v.stream("io.hagw.Net.WatchNetwork"):
                if set(hops) <= set(m["hops"]):
                    return


@contextlib.contextmanager
def machine():
    """Another network namespace; the command that runs something in it."""
    p = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    try:
        ours = os.readlink("/proc/thread-self/ns/net")
        while os.readlink(f"/proc/{p.pid}/ns/net") == ours:
            pass
        yield ("nsenter", "-t", str(p.pid), "-n"), p.pid
    finally:
        p.kill()
        p.wait()


def run(*words, text=None):
    r = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True)
    assert r.returncode == 0, (words, r.stderr)


@pytest.fixture
def lan(house, net):  # noqa: F811
    """The house 192.168.7.2 behind a router 192.168.7.1, which forwards the port to it; 192.168.7.50 and 192.168.7.51 are in
    the house, 203.0.113.9 is anybody."""
    with machine() as (router, router_pid), machine() as (stranger, stranger_pid):
        ip("link", "set", "far", "netns", str(router_pid))
        ip("address", "add", "192.168.7.2/24", "dev", "eth0")
        for words in (("link", "set", "far", "up"), ("address", "add", "192.168.7.1/24", "dev", "far"),
                      ("address", "add", "192.168.7.50/24", "dev", "far"),
                      ("link", "add", "wan", "type", "veth", "peer", "name", "net0", "netns", str(stranger_pid)),
                      ("link", "set", "wan", "up"), ("address", "add", "203.0.113.1/24", "dev", "wan")):
            run(*router, "ip", *words)
        for words in (("link", "set", "net0", "up"), ("address", "add", "203.0.113.9/24", "dev", "net0")):
            run(*stranger, "ip", *words)
        run(*router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        ip("route", "add", "default", "via", "192.168.7.1")
        d = NetworkDoor(house)
        d.router, d.stranger = router, stranger
        d.forward = lambda masquerade: run(*router, "nft", "-f", "-", text=f"""
            flush ruleset
            table ip nat {{
                chain in {{ type nat hook prerouting priority dstnat; iif wan tcp dport {d.port} dnat to 192.168.7.2; }}
                chain out {{ type nat hook postrouting priority srcnat; {"ip saddr 203.0.113.0/24 oif far masquerade;" if masquerade else ""} }}
            }}""")
        yield d
        d.close()
        d.service.close()


def status(d):
    r = subprocess.run([BUILD / "hagw-ctl" / "hagw-ctl", "--config", d.house.config, "status", "--json", "--no-delegation"],
                       env={"HAGW_RUNTIME_DIR": str(d.house.runtime), "PATH": os.environ["PATH"]}, capture_output=True, text=True)
    return json.loads(r.stdout)


def neighbour(d):
    return (*d.router, "sh", "-c", 'exec "$0" --interface 192.168.7.50 "$@"')


def test_masquerade(lan):
    d = lan
    d.forward(masquerade=False)
    d.knows("192.168.7.1")
    assert not d.is_inside(*d.stranger, to="203.0.113.1"), "strangers keep their address"
    assert d.is_inside(*neighbour(d), to="192.168.7.2")
    assert d.proxyd.call("ListHops")["hops"] == []
    # Now everybody comes as the router.
    d.forward(masquerade=True)
    assert not d.is_inside(*d.stranger, to="203.0.113.1")
    assert d.is_inside(*neighbour(d), to="192.168.7.2"), "the house is where it was"
    hop, = d.proxyd.call("ListHops")["hops"]
    assert hop["address"] == "192.168.7.1" and 0 < hop["firstUSec"] <= hop["lastUSec"]
    assert d.figure("proxy_hidden") >= 4 and d.proxyd.text().count("Visitors come from 192.168.7.1") == 1
    said, = [p for p in status(d)["problems"] if "192.168.7.1" in p]
    assert 'add "192.168.7.1" to lan' in said and "Inside and outside" in said
    # The owner says otherwise, and takes it back.
    d.set_lan(f'{LAN}, "192.168.7.1"')
    assert d.is_inside(*d.stranger, to="203.0.113.1")
    d.set_lan(LAN)
    assert not d.is_inside(*d.stranger, to="203.0.113.1")


@pytest.mark.parametrize("upstream", ["http://203.0.113.1", "https://203.0.113.1", "tcp://203.0.113.1:443", "http://203.0.113.1:8123"])
def test_a_host_that_leads_to_the_public_address(lan, upstream):
    """The router leads back to this gateway, or does not answer: what that looks like is not why."""
    d = lan
    run(*d.router, "nft", "-f", "-", text=f"""
        table ip nat {{
            chain in {{ type nat hook prerouting priority dstnat; ip daddr 203.0.113.1 tcp dport 443 dnat to 192.168.7.2:{d.port}; }}
            chain out {{ type nat hook postrouting priority srcnat; ip saddr 192.168.7.0/24 ip daddr 192.168.7.2 masquerade; }}
        }}""")
    files = d.files(LAN)
    files["main"] += 'proxy: { probe_interval = "1s"; }; public_address: { ipv4 = "static:203.0.113.1"; ipv6 = "none"; }; documentation_networks = true;'
    files["main"] = files["main"].replace('proxy: { workers = 2; };', '', 1)
    files["ha"] = f'name = "{HOST}"; upstream = "{upstream}"; access: {{ login = "none"; }};' + (' tls: { verify = "insecure"; };' if "https" in upstream else "")
    d.house.configure(**files)
    d.netd.reload()
    d.proxyd.reload()
    found = lambda: next(h for h in d.proxyd.call("ListHosts")["hosts"] if h["name"] == HOST)  # noqa: E731
    d.wait(lambda: found().get("finding") == "public_address")
    why = "the router is asked there, and not the service" if "8123" in upstream else "the router leads back to this gateway"
    assert f" is this house's public address: {why}. hagw-ctl host set {HOST} http://ADDRESS:PORT gives it the address" in found()["error"], found()
    assert [p for p in status(d)["problems"] if "this house's public address" in p]
    assert d.proxyd.call("Probe", name=HOST)["advice"] == found()["error"]


# Sends, and waits until the other side closes.
SEND = """import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
s.sendall(bytes.fromhex(sys.argv[3]))
s.shutdown(socket.SHUT_WR)
try:
    while s.recv(65536):
        pass
except ConnectionResetError:
    pass
"""


def outside(d):
    told = d.proxyd.call("DescribeOutside")
    assert all((w["lastUSec"] >= told["sinceUSec"] > 0) == (w["visits"] > 0) for w in told["outside"]), told
    return {f"{w['family']} {w['door']}": w["visits"] for w in told["outside"]}


def test_who_came_from_the_internet(lan):
    """A sign that the doors are open: the house, its router and what hides behind it are none."""
    d = lan
    nobody = {f"{family} {door}": 0 for family in ("ipv4", "ipv6") for door in ("https", "http", "relay")}
    d.house.configure(**d.files(LAN) | {"main": "documentation_networks = true; " + d.files(LAN)["main"]})
    d.proxyd.reload()
    d.forward(masquerade=False)
    d.knows("192.168.7.1")
    run(*d.router, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    for words in (("far", "2001:db8:7::1/64"), ("wan", "2001:db8:9::1/64")):
        run(*d.router, "ip", "address", "add", words[1], "dev", words[0], "nodad")
    ip("address", "add", "2001:db8:7::2/64", "dev", "eth0", "nodad")
    ip("route", "add", "default", "via", "2001:db8:7::1")
    run(*d.stranger, "ip", "address", "add", "2001:db8:9::9/64", "dev", "net0", "nodad")
    run(*d.stranger, "ip", "route", "add", "2001:db8:7::/64", "via", "2001:db8:9::1")
    d.knows("192.168.7.1", "2001:db8:7::1")
    assert outside(d) == nobody
    assert d.look(*neighbour(d), to="192.168.7.2") == 200
    assert d.look(to="192.168.7.2") == 200 and d.look(to="[2001:db8:7::2]", path="/") == 200
    run(*d.router, "ip", "address", "add", "2001:db8:7::50/64", "dev", "far", "nodad")
    assert d.look(*d.router, "sh", "-c", 'exec "$0" --interface 2001:db8:7::50 "$@"', to="[2001:db8:7::2]", path="/") == 200
    assert outside(d) == nobody
    assert d.look(*d.stranger, to="203.0.113.1", path="/") == 200
    assert outside(d) == nobody | {"ipv4 https": 1}
    assert d.look(*d.stranger, to="[2001:db8:7::2]", path="/") == 200
    assert outside(d) == nobody | {"ipv4 https": 1, "ipv6 https": 1}
    d.forward(masquerade=True)
    assert d.look(*d.stranger, to="203.0.113.1", path="/") == 200
    assert outside(d) == nobody | {"ipv4 https": 1, "ipv6 https": 1}
    # A relay's houses, and the channels that they open, are no visitors; who says nothing is one.
    d.forward(masquerade=False)
    d.knows("192.168.7.1", "2001:db8:7::1")
    files = d.files(LAN)
    d.house.configure(**files | {"main": 'documentation_networks = true; zones = ( { name = "relay.example.com"; } ); tenants: { zone = "relay.example.com"; '
                                         'name = "connect.relay.example.com"; };' + files["main"]})
    d.proxyd.reload()
    send = lambda to, data: run(*d.stranger, sys.executable, "-c", SEND, to, d.port, data.hex())  # noqa: E731
    agent = client_hello("connect.relay.example.com", "hagw-relay/1")
    send("203.0.113.1", agent)
    assert outside(d) == nobody | {"ipv4 https": 1, "ipv6 https": 1, "ipv4 relay": 1}
    send("2001:db8:7::2", agent)
    send("203.0.113.1", b"hagw-ch1" + bytes(56))
    assert outside(d) == nobody | {"ipv4 https": 1, "ipv6 https": 1, "ipv4 relay": 2, "ipv6 relay": 1}
    for data in (b"", b"GET / HTTP/1.0\r\n\r\n", client_hello("connect.relay.example.com")):
        send("203.0.113.1", data)
    assert outside(d) == nobody | {"ipv4 https": 4, "ipv6 https": 1, "ipv4 relay": 2, "ipv6 relay": 1}
    seen = outside(d)
    # A restart forgets nobody; what cannot be read of before is begun anew, and no more.
    since = d.proxyd.call("DescribeOutside")["sinceUSec"]
    assert d.proxyd.stop() == 0
    d.proxyd.start()
    assert outside(d) == seen
    assert abs(d.proxyd.call("DescribeOutside")["sinceUSec"] - since) < 1_000_000
    assert d.proxyd.stop() == 0
    os.ftruncate(d.proxyd.kept["past"], 8)
    d.proxyd.start()
    assert outside(d) == nobody and list(d.proxyd.kept) == ["past"]


def test_router_that_becomes_one(lan):
    """It is followed live, also for what is open: the neighbour's address becomes the router's."""
    d = lan
    d.knows("192.168.7.1")
    assert d.is_inside(*neighbour(d), to="192.168.7.2")
    ip("route", "replace", "default", "via", "192.168.7.50")
    d.wait(lambda: not d.look(*neighbour(d), to="192.168.7.2", name=LAN_ONLY, path="/"))
    assert not d.is_inside(*neighbour(d), to="192.168.7.2")
    # hagw-netd goes: what it said last stays.
    d.netd.kill()
    assert not d.is_inside(*neighbour(d), to="192.168.7.2")
    assert d.is_inside(*d.router, "sh", "-c", 'exec "$0" --interface 192.168.7.1 "$@"', to="192.168.7.2")
    # Without any word of it nobody is inside by a network, but this machine.
    assert d.proxyd.stop() == 0
    d.proxyd.start()
    d.wait(lambda: d.proxyd_certificates() == {HOST, LAN_ONLY})
    assert not d.is_inside(*d.router, "sh", "-c", 'exec "$0" --interface 192.168.7.1 "$@"', to="192.168.7.2")
    assert d.is_inside(to="127.0.0.1")
    d.netd.start()
    d.wait(lambda: d.look(*d.router, "sh", "-c", 'exec "$0" --interface 192.168.7.1 "$@"', to="192.168.7.2") == 200)


def test_userland_proxy(house, net):  # noqa: F811
    """Docker's: every IPv6 visitor becomes the bridge's IPv4 address. This machine's own address elsewhere is its owner's."""
    ip("link", "add", "docker0", "type", "bridge")
    ip("address", "add", "172.17.0.1/16", "dev", "docker0")
    ip("link", "set", "docker0", "up")
    ip("address", "add", "192.168.7.2/24", "dev", "eth0")
    d = NetworkDoor(house)
    d.knows("172.17.0.1")
    proxy = None
    try:
        ip("address", "add", "fd00:7::2/64", "dev", "eth0", "nodad")
        listener = d.port + 1 if d.port < 65000 else d.port - 1
        proxy = subprocess.Popen(["socat", f"TCP6-LISTEN:{listener},ipv6only=1,reuseaddr,fork",
                                  f"TCP4:172.17.0.1:{d.port},bind=172.17.0.1"])
        how = ("sh", "-c", f'exec "$0" --connect-to "::[fd00:7::2]:{listener}" "$@"')
        d.wait(lambda: d.look(*how, to="172.17.0.1", path="/") == 200)
        assert not d.is_inside(*how, to="172.17.0.1")
        assert [h["address"] for h in d.proxyd.call("ListHops")["hops"]] == ["172.17.0.1"]
        assert d.is_inside(to="192.168.7.2") and d.is_inside(to="127.0.0.1")
        d.set_lan(f'{LAN}, "172.17.0.1/32"')
        assert d.is_inside(*how, to="172.17.0.1")
    finally:
        if proxy:
            proxy.kill()
            proxy.wait()
        d.close()
        d.service.close()

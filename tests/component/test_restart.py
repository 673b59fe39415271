# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nobody is refused because hagw-proxyd comes anew: a gateway's, a relay's, a house's behind it, or another machine in its place."""

import collections
import contextlib
import http.client
import itertools
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from conftest import BUILD, ROOT
from proxyhouse import Head, ProxyHouse, Upstream, echo
from relayhouse import NAME, ZONE, Agent
from test_front_door import Door
from test_relay import parts, relay, visitor  # noqa: F401
from test_relay_house import HOST, get_from, make  # noqa: F401

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import crowd as crowds  # noqa: E402

PER_SECOND = 20
OWN = "ha.home.example.com"  # a gateway's
EXPECTED = 5  # seconds: STOP_EXPECTED_USEC


class Crowd(crowds.Crowd):
    """Of visitors to one host."""

    def __init__(self, connect, host):
        super().__init__(PER_SECOND)
        self.connect, self.host = connect, host

    def visit(self):
        with self.connect() as s:
            return self.ask(s)

    def ask(self, s):
        return get_from(s, self.host)[0]


def restart_often(daemon, crowd):
    """One after the other, as soon as some were served; and then in quick succession."""
    crowd.served(10)
    for served in (20, 20, 1, 1, 1):
        assert daemon.stop() == 0
        daemon.start()
        crowd.served(served)


@pytest.mark.parametrize("end", ["relay", "home"])
def test_who_comes_after_a_kill_is_served(make, end):  # noqa: F811
    """The connections of a killed process end with it; whoever comes then finds the door as it was."""
    p = make(channels=200)
    daemon = getattr(p, end).proxyd
    daemon.kill()
    with Crowd(p.tls, HOST) as crowd:
        daemon.start()
        crowd.served(20)
    assert set(crowd.results) == {200}, crowd.results


@pytest.mark.parametrize("end", ["relay", "home"])
def test_restarts_refuse_nobody(make, end):  # noqa: F811
    p = make(channels=200)
    with Crowd(p.tls, HOST) as crowd:
        restart_often(getattr(p, end).proxyd, crowd)
    assert set(crowd.results) == {200}, crowd.results


def test_restarts_refuse_nobody_who_is_opened(make):  # noqa: F811
    """By the relay."""
    p = make(channels=200, terminate=True, more='opened = "accept";')
    p.relay.certify(f"*.anna.{ZONE}")
    p.relay.wait(lambda: p.relay.serves(HOST))
    with Crowd(lambda: p.relay.tls(HOST), HOST) as crowd:
        restart_often(p.relay.proxyd, crowd)
    assert set(crowd.results) == {200}, crowd.results


class Hubs(crowds.Crowd):
    """Each visits another one of many houses, of bench/agents: they answer with one byte and have no service."""

    def __init__(self, relay, names):
        super().__init__(PER_SECOND)
        self.relay, self.names, self.due = relay, itertools.cycle(names), float("inf")

    def restart(self):
        """Houses have so long to be back. A machine that is slow enough, as the sanitizers make it, has some that take longer."""
        self.due = float("inf")
        assert self.relay.proxyd.stop() == 0
        self.due = time.monotonic() + EXPECTED
        self.relay.proxyd.start()

    def visit(self):
        name = f"{next(self.names)}.{ZONE}"
        while True:
            with visitor(self.relay, name) as v:
                v.settimeout(60)
                if v.recv(1):
                    return 200
            if time.monotonic() < self.due:
                return "closed"
            time.sleep(0.1)


def test_a_restart_with_500_houses_refuses_nobody(relay, tmp_path):  # noqa: F811
    """All of them are back, and each visitor who comes meanwhile is held until his is."""
    with relay.tenantd.varlink(timeout=60) as link:
        tokens = [t["credential"] for m in link.stream("io.hagw.Tenant.AddMany", prefix="hub-", count=500, credential="token")
                  for t in m["tenants"]]
    (tmp_path / "tokens").write_text("\n".join(tokens) + "\n")
    agents = subprocess.Popen([BUILD / "bench" / "agents", "127.0.0.1", str(relay.port), NAME, tmp_path / "tokens"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    everybody = lambda: relay.figure("proxy_relay_attached") == 500  # noqa: E731
    try:
        relay.wait(everybody, 120)
        with Hubs(relay, [t.split("_")[1] for t in tokens[::7]]) as crowd:
            crowd.served(10)
            for _ in range(2):
                crowd.restart()
                relay.wait(everybody, 120)
                crowd.served(20)
        assert set(crowd.results) == {200}, crowd.results
    finally:
        agents.kill()
        agents.wait()


@contextlib.contextmanager
def gateway_before(house, serve, main=""):
    service = Upstream(serve)
    gateway = ProxyHouse(house, main, ha=f'name = "{OWN}"; upstream = "{service.url}"; access: {{ login = "none"; }};')
    gateway.certify("home.example.com", "*.home.example.com")
    gateway.start()
    yield gateway
    gateway.close()
    service.close()


def test_restarts_of_a_gateway_refuse_nobody(house):
    with gateway_before(house, echo) as gateway:
        with Crowd(lambda: gateway.tls(OWN), OWN) as crowd:
            restart_often(gateway.proxyd, crowd)
        assert set(crowd.results) == {200}, crowd.results


def test_there_is_no_good_moment(house):
    """Somebody has always just begun something: after a while the door is shut all the same, and who came last is served."""
    came = [threading.Event()]

    def serve(upstream, s, f):
        while Head(f):
            came[-1].set()
            came.append(threading.Event())
            came[-1].wait(0.3)  # until the next one has come
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with gateway_before(house, serve) as gateway:
        with Crowd(lambda: gateway.tls(OWN), OWN) as crowd:
            crowd.served(20)
            assert gateway.proxyd.stop() == 0
            gateway.proxyd.start()
            crowd.served(20)
        assert set(crowd.results) == {200}, crowd.results


def test_who_comes_while_the_last_are_waited_for(house):
    """The stop has time for a request that began just before; the door is open for so long."""
    go = collections.defaultdict(threading.Event)

    def serve(upstream, s, f):
        while True:
            target = Head(f).target
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
            assert target == "/" or go[target].wait(60)
            s.sendall(b"cd")

    def begin(gateway, path):
        c = gateway.connect(OWN)
        c.request("GET", path)
        r = c.getresponse()
        assert r.read(2) == b"ab"
        return c, r

    with gateway_before(house, serve, 'proxy: { drain = "1h"; };') as gateway:
        old, old_answer = begin(gateway, "/old")
        gateway.proxyd.process.send_signal(signal.SIGTERM)
        assert gateway.proxyd.stopping.acquire(timeout=60)
        young, young_answer = begin(gateway, "/young")
        go["/old"].set()
        assert old_answer.read() == b"cd"
        for _ in range(4):
            assert gateway.visit(name=OWN).body == b"abcd"
        go["/young"].set()
        assert young_answer.read() == b"cd"
        old.close()
        young.close()
        assert gateway.proxyd.process.wait(60) == 0


def test_many_who_want_nothing(house):
    """They are let go of in slices (STOP_SLICE) beside who comes, and each sees an orderly end."""
    n = int(re.search(r"#define STOP_SLICE (\d+)U", (ROOT / "libhagw/crew/stop.h").read_text())[1]) * 2 + 10

    with gateway_before(house, echo, "proxy: { workers = 1; connections_per_address = 2000; };") as gateway:
        idle = [gateway.tls(OWN, context) for context in [gateway.context()] * n]
        for s in idle:
            s.settimeout(60)
            assert get_from(s, OWN)[0] == 200
        with Crowd(lambda: gateway.tls(OWN), OWN) as crowd:
            crowd.served(10)
            assert gateway.proxyd.stop() == 0
            gateway.proxyd.start()
            crowd.served(10)
        assert set(crowd.results) == {200}, crowd.results
        for s in idle:
            assert s.recv(1) == b""
            s.close()


def test_a_second_signal_is_in_a_hurry(house):
    """Whoever does not want to wait for what is open asks again."""
    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        f.read()

    with gateway_before(house, serve, 'proxy: { drain = "1h"; };') as gateway:
        c = gateway.connect(OWN)
        c.request("GET", "/")
        r = c.getresponse()
        assert r.read(2) == b"ab"
        for _ in range(2):
            gateway.proxyd.process.send_signal(signal.SIGTERM)
            assert gateway.proxyd.stopping.acquire(timeout=60)
        assert gateway.proxyd.process.wait(60) == 0
        with pytest.raises(http.client.IncompleteRead):
            r.read()
        c.close()


class Stream(threading.Thread):
    """Goes on and on through the proxy, a word each 50 ms; counts those that have come to the other end."""

    def __init__(self, gateway, kind):
        super().__init__()
        self.gateway, self.kind, self.words = gateway, kind, 0
        self.began = threading.Event()
        self.start()

    def serve(self, upstream, s, f):
        while (head := Head(f)).target == "/":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if self.kind == "upload":
            while f.read(4):
                self.words += 1
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                  if head.get("Upgrade") else b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            s.sendall(b"word")
            time.sleep(0.05)

    def run(self):
        fields = {"upload": "Content-Length: 1000000\r\n", "download": "", "websocket":
                  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"}[self.kind]
        method = "POST" if self.kind == "upload" else "GET"
        with self.gateway.tls(OWN) as s, contextlib.suppress(OSError):
            s.sendall(f"{method} /{self.kind} HTTP/1.1\r\nHost: {OWN}\r\n{fields}\r\n".encode())
            while self.kind == "upload":
                s.sendall(b"word")
                time.sleep(0.05)
            while s.recv(100):
                self.words += 1


@pytest.mark.parametrize("kind", ["download", "upload", "websocket"])
@pytest.mark.parametrize("how", ["restart", "reload"])
def test_nobody_waits_beside_an_open_stream(house, kind, how):
    """Whoever comes is served while it goes on, up to the moment when its time is over: the door is not shut first."""
    streams, waited = [], []

    def serve(upstream, s, f):
        while not streams:
            time.sleep(0.01)
        streams[0].serve(upstream, s, f)

    def come():
        words = streams[0].words
        s = gateway.tls(OWN)
        waited.append(streams[0].words - words)  # in words of its: slow machines are slow for it, too
        return s

    with gateway_before(house, serve, 'proxy: { drain = "2s"; };') as gateway:
        streams.append(Stream(gateway, kind))
        gateway.wait(lambda: streams[0].words > 20)
        with Crowd(come, OWN) as crowd:
            crowd.served(10)
            if how == "restart":
                assert gateway.proxyd.stop() == 0
                streams[0].join(60)
                assert not streams[0].is_alive()
                gateway.proxyd.start()
            else:
                gateway.proxyd.reload()
            crowd.served(20)
        assert set(crowd.results) == {200}, crowd.results
        assert max(waited) < 40, waited
        assert streams[0].is_alive() == (how == "reload")
        assert gateway.proxyd.stop() == 0
        streams[0].join(60)


class Signed(Crowd):
    """Each needs a signature of hagw-keyd's."""
    daemon = "keyd"


class Unknown(Crowd):
    """Each says a session that nobody knows, so that hagw-webd is asked."""
    daemon, good = "webd", 401

    def ask(self, s):
        s.sendall(f"GET / HTTP/1.1\r\nHost: {self.host}\r\nCookie: __Host-hagw={os.urandom(16).hex()}\r\n\r\n".encode())
        return int(s.makefile("rb").readline().split()[1])


class Readers(Crowd):
    """Each reads the login page, which is hagw-webd's."""
    daemon = "webd"

    def ask(self, s):
        s.sendall(f"GET /.hagw/auth/login HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
        answer = s.makefile("rb").read()
        return int(answer.split()[1]) if b"</html>" in answer else "cut short"


@pytest.mark.parametrize("crowd", [Signed, Unknown, Readers])
def test_restarts_of_what_stands_behind_the_door(house, crowd):
    """Whoever comes while it is away waits for it."""
    name = "ha.home.example.com"
    service = Upstream(echo)
    login = "none" if crowd is Signed else "required"
    door = Door(house, ha=f'name = "{name}"; upstream = "{service.url}"; access: {{ login = "{login}"; }};')
    door.open_web()
    door.certify("home.example.com", "*.home.example.com")
    door.start()
    door.wait(lambda: door.proxyd_certificates() == {name})
    daemon = getattr(door, crowd.daemon)
    with crowd(lambda: door.tls(name), name) as c:
        for _ in range(8):
            c.served(5)
            assert daemon.stop() == 0
            c.came(6)
            daemon.start()
        c.served(10)
    assert set(c.results) == {c.good}, c.results
    door.close()
    service.close()


def reset(channel):
    """As the kernel does for a process that is gone, or that has not read what lies there."""
    channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    channel.close()


def carries(channel, v):
    """The visitor's ClientHello comes by it, whole, and the house's answer goes back."""
    channel.header()
    assert channel.exactly(len(v.hello)) == v.hello
    channel.socket.sendall(b"from the house")
    assert v.recv(100) == b"from the house"


def test_a_channel_that_dies_unheard(relay):  # noqa: F811
    """Its visitor goes by another one."""
    a = Agent(relay, relay.tenant("anna", channels=9))
    channel, = a.open()
    v = visitor(relay)
    channel.header()
    reset(channel)
    carries(a.channel(), v)


def test_a_channel_that_had_ended(relay):  # noqa: F811
    """The house closed it before it knew of the visitor."""
    a = Agent(relay, relay.tenant("anna", channels=9))
    channel, = a.open()
    relay.proxyd.process.send_signal(signal.SIGSTOP)  # so that both are there when it looks
    v = visitor(relay)
    channel.close()
    relay.proxyd.process.send_signal(signal.SIGCONT)
    carries(a.channel(), v)


def test_a_house_that_dies_again_and_again(relay):  # noqa: F811
    """Three channels a visitor, and no more."""
    a = Agent(relay, relay.tenant("anna", channels=9))
    v = visitor(relay)
    for _ in range(3):
        channel = a.channel()
        channel.header()
        reset(channel)
    with pytest.raises((AssertionError, ConnectionResetError)):
        assert v.recv(1), "closed"


def test_a_house_that_turns_away(relay):  # noqa: F811
    """It has read who comes, and is asked once."""
    a = Agent(relay, relay.tenant("anna", channels=9))
    (first,), (second,) = a.open(), a.open()  # one after the other
    v = visitor(relay)
    taken = second  # the newest is used first
    taken.header()
    assert taken.exactly(len(v.hello)) == v.hello
    taken.close()
    assert v.recv(1) == b""
    first.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        first.socket.recv(1)


def test_a_house_that_has_spoken(relay):  # noqa: F811
    """What it began nobody else can go on with."""
    a = Agent(relay, relay.tenant("anna", channels=9))
    (first,), (second,) = a.open(), a.open()  # one after the other
    v = visitor(relay)
    carries(second, v)
    reset(second)
    with pytest.raises((AssertionError, ConnectionResetError)):
        assert v.recv(1), "closed"
    first.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        first.socket.recv(1)


def test_a_house_by_another_way(relay):  # noqa: F811
    """The machine attaches anew, and what came by its old channels without an answer comes by the new ones."""
    token = relay.tenant("anna", channels=9)
    a = Agent(relay, token)
    channel, = a.open()
    v = visitor(relay)
    channel.header()
    carries(Agent(relay, token).channel(), v)
    assert channel.exactly(len(v.hello)) == v.hello and channel.closed()


def test_another_machine_in_its_place(relay):  # noqa: F811
    token = relay.tenant("anna", channels=9)
    a = Agent(relay, token)
    v = visitor(relay)
    b = Agent(relay, token, machine="machine-2")
    assert a.receive()["parameters"]
    carries(b.channel(), v)


def test_a_house_that_went(relay):  # noqa: F811
    """Its visitors wait, for five seconds at most; who comes later finds nobody at once."""
    token = relay.tenant("anna", channels=9)
    a = Agent(relay, token)
    relay.wait(lambda: relay.figure("proxy_relay_attached") == 1)
    a.close()
    relay.wait(lambda: relay.figure("proxy_relay_attached") == 0)
    waits = visitor(relay)
    carries(Agent(relay, token).channel(), waits)


def test_a_house_that_stays_away(relay):  # noqa: F811
    """Nobody is held for it any more, once it has been away for long."""
    relay.tenant("anna", channels=9)
    waited = []

    def turned_away():
        assert visitor(relay).recv(1) == b""
        waited.extend(map(float, re.findall(r"passage, away, .* ([\d.]+) ms, ", relay.proxyd.text())))
        return waited and min(waited) < 4000  # who is held is so for five seconds
    relay.wait(turned_away, seconds=60)
    assert max(waited) > 4000, "the first one was held"


def test_a_network_that_changes_while_the_house_leaves(make):  # noqa: F811
    """It has let go of its relay already, and does not look for another way there."""
    p = make()
    netd, = (d for d in p.home.house.daemons if d.name == "netd")
    proxyd, over, here = p.home.proxyd, threading.Event(), []

    def come():
        while not over.wait(0.03):  # so that somebody is always there who has just come, also when the door is shut
            here.append(socket.create_connection(("127.0.0.1", p.home.port)))
    comers = threading.Thread(target=come)
    comers.start()
    try:
        for _ in range(4):
            proxyd.process.send_signal(signal.SIGTERM)
            while proxyd.process.poll() is None:
                netd.kill()
                netd.start()
            assert proxyd.process.returncode == 0, proxyd.text()[-4000:]
            proxyd.start()
    finally:
        over.set()
        comers.join()
        for s in here:
            s.close()


def test_an_agent_is_told_that_the_relay_stops(relay):  # noqa: F811
    """And that it may come again at once."""
    a = Agent(relay, relay.tenant("anna", channels=9))
    assert relay.proxyd.stop() == 0
    said = []
    while m := a.receive():
        said.append(m["parameters"])
    assert said[-1] == {"leaving": True}

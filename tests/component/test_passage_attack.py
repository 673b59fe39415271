# SPDX-License-Identifier: LGPL-2.1-or-later
"""Passages among people and services that do not behave, in crowds, and when hagw-proxyd reloads or stops. After each test
nothing is held that was not held before."""

import contextlib
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from proxyhouse import HOST, ProxyHouse, listen, silent
from test_passage import client_hello
from test_proxyd_attack import in_records

HELLO = client_hello()


class Service(threading.Thread):
    """Takes connections and lets the test do with them what it likes; at(n) is the n-th that came."""

    def __init__(self, receive_buffer=None):
        super().__init__(daemon=True)
        self.listener = listen()
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port, self.open = self.listener.getsockname()[1], []
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.settimeout(20)
            self.open.append(s)

    def at(self, n=0):
        ProxyHouse.wait(lambda: len(self.open) > n)
        return self.open[n]

    def hear(self, n=0, size=len(HELLO)):
        """What came first, so that it is there."""
        s = self.at(n)
        return s, receive(s, size)

    def leave(self):
        for s in self.open:
            s.close()
        self.open.clear()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.leave()


def receive(s, size):
    got = b""
    while len(got) < size:
        more = s.recv(size - len(got))
        assert more, f"{len(got)} of {size} bytes came"
        got += more
    return got


class Passing(ProxyHouse):
    def __init__(self, house, main="", more="", receive_buffer=None):
        self.service = Service(receive_buffer)
        self.host = (f'name = "{HOST}"; upstream = "tcp://127.0.0.1:{self.service.port}"; access: {{ login = "none"; }};'
                     + more)
        super().__init__(house, main, ha=self.host)
        self.acme.set([])
        self.start()
        # Warms up what is made once.
        with self.visit():
            self.service.hear()
        self.service.leave()
        self.settle()
        self.fds_before = self.fds()

    def connect(self, first=b"", receive_buffer=None):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(20)
        s.connect(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(first)
        return s

    def visit(self, **keys):
        return self.connect(HELLO, **keys)

    def fds(self):
        """(pipes' ends, all others)"""
        folder, links = f"/proc/{self.proxyd.process.pid}/fd", []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(f"{folder}/{name}"))
        pipes = sum(link.startswith("pipe:") for link in links)
        return pipes, len(links) - pipes

    def tcp(self, *options):
        """What the kernel tells of hagw-proxyd's established connections, a line each (ss(8))."""
        lines = subprocess.run(["ss", "-HtnpO", *options, "state", "established"], capture_output=True, text=True, check=True).stdout
        return [line for line in lines.splitlines() if f"pid={self.proxyd.process.pid}," in line]

    def settle(self):
        self.wait(lambda: self.figure("proxy_connections") == 0, 20)

    def assert_well(self):
        self.service.leave()
        self.settle()
        assert self.figure("proxy_passages_open") == 0
        pipes, others = self.fds()
        assert others <= self.fds_before[1] + 4
        # That wait for the next, two descriptors each: all the large ones (PIPES_LARGE_BYTES) and a small one per worker.
        assert pipes <= self.fds_before[0] + 2 * (32 + 2)

    def verdicts(self):
        return re.findall(r"passage, ([a-z ]+),", self.proxyd.text())

    def close(self):
        super().close()
        self.service.close()


@pytest.fixture
def make(house):
    made = []

    def make(*args, **keys):
        made.append(Passing(house, *args, **keys))
        return made[-1]
    yield make
    for p in made:
        p.close()


def flood(s, most=64 << 20):
    """Sends until nobody takes any more for a second; returns how much went."""
    s.settimeout(1)
    sent, block = 0, b"x" * 65536
    try:
        while sent < most:
            sent += s.send(block)
    except TimeoutError:
        pass
    s.settimeout(20)
    return sent


# --- the ClientHello --------------------------------------------------------------------------------------

def padded(hello, size):
    """The hello with so much padding (RFC 7685) that it is size bytes long, in records of 16 KiB at most."""
    body = hello[9:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + struct.unpack_from(">H", body, at)[0]
    at += 1 + body[at]
    extensions = body[at + 2:]
    n = size - len(hello) - 4
    extensions += struct.pack(">HH", 21, n) + bytes(n)
    body = body[:at] + struct.pack(">H", len(extensions)) + extensions
    return in_records(hello[:5] + b"\x01" + len(body).to_bytes(3, "big") + body, 16384)


def name_in(hello, wanted):
    """The same hello with another name of the same length."""
    assert len(wanted) == len(HOST) and hello.count(HOST.encode()) == 1
    return hello.replace(HOST.encode(), wanted.encode())


# Records of one byte are six bytes each: a large hello would be larger than any may be.
@pytest.mark.parametrize("size,how", [
    (size, how) for size in (0, 1700, 16300, 40000)
    for how in ("whole", "bytes", "segments", "records of 1", "records of 7", "records and segments")
    if how != "records of 1" or size < 2000])
def test_hello_in_pieces(make, size, how):
    """As large as post-quantum keys make it, and larger: the service gets the visitor's bytes as they were."""
    home = make()
    hello = padded(HELLO, size) if size else HELLO
    if "records" in how:
        message = b"".join(hello[i + 5:i + 5 + n] for i, n in record_places(hello))
        hello = in_records(hello[:5] + message, {"records of 1": 1, "records of 7": 7}.get(how, 500))
    step = {"bytes": 1 if size < 2000 else 97, "segments": 536, "records and segments": 333}.get(how, len(hello))
    with home.connect() as s:
        for i in range(0, len(hello), step):
            s.sendall(hello[i:i + step])
            if i < 20 * step:
                time.sleep(0.002)
        service, got = home.service.hear(size=len(hello))
        assert got == hello
        service.sendall(b"answer")
        assert receive(s, 6) == b"answer"
    home.assert_well()


def record_places(data):
    at = 0
    while at < len(data):
        n = struct.unpack_from(">H", data, at + 3)[0]
        yield at, n
        at += 5 + n


@pytest.mark.parametrize("name", [HOST.upper(), HOST.title(), HOST[:-1] + "M"])
def test_name_in_any_case(make, name):
    home = make()
    with home.connect(name_in(HELLO, name)):
        assert home.service.hear()[1] == name_in(HELLO, name)


def test_name_with_trailing_dot(make):
    home = make()
    hello = client_hello(HOST + "x").replace(HOST.encode() + b"x", HOST.encode() + b".")
    with home.connect(hello):
        assert home.service.hear(size=len(hello))[1] == hello
    for wrong in (HOST[:-2] + "..", "." + HOST[1:]):
        with home.connect(name_in(HELLO, wrong)) as s:
            assert silent(s)


def test_slow_hellos(make):
    """Two hundred who never come to the end of theirs are gone with the deadline, and hold nobody up."""
    home = make("proxy: { hello_timeout = \"2s\"; };")
    began = time.monotonic()
    slow = [home.connect(HELLO[:5]) for _ in range(200)]
    for i in range(5, 15):
        for s in slow:
            try:
                s.sendall(HELLO[i:i + 1])
            except (ConnectionResetError, BrokenPipeError):
                pass
        time.sleep(0.05)
    with home.visit() as s:
        home.service.hear()[0].sendall(b"x")
        assert s.recv(1) == b"x"
    for s in slow:
        assert silent(s, 10)
        s.close()
    assert time.monotonic() - began < 8
    home.assert_well()


# --- who does not read, or does not send ------------------------------------------------------------------

@pytest.mark.parametrize("who", ["visitor", "service"])
def test_one_who_never_reads(make, who):
    """The other is not read from any more, little waits to be sent, and after a while it is over."""
    home = make(more='timeouts: { idle = "4s"; };', receive_buffer=4096)
    before = home.rss()
    s = home.visit(receive_buffer=4096)
    service, _ = home.service.hear()
    talker = service if who == "visitor" else s
    sent = flood(talker)
    waiting = [int(n) for line in home.tcp("-i") for n in re.findall(r" notsent:(\d+)", line)]
    # PUMP_UNSENT_BYTES, and what one splice(2) brought on top.
    assert waiting and max(waiting) <= 192 * 1024
    # What lies in sockets (at most 4 MiB for sending, 6 MiB for receiving: tcp(7)) and in one pipe.
    assert sent < 32 << 20
    assert home.rss() - before < 1024
    home.wait(lambda: home.figure("proxy_passages_open") == 0, 10)
    home.wait(lambda: home.verdicts()[-1:] == ["stuck"])
    s.close()
    home.assert_well()


def test_silence_ends_it_and_a_byte_now_and_then_does_not(make):
    home = make(more='timeouts: { idle = "4s"; };')
    talker, quiet, half = home.visit(), home.visit(), home.visit()
    half.shutdown(socket.SHUT_WR)
    for n in range(3):
        home.service.hear(n)

    def alone():
        talker.sendall(b".")
        return home.figure("proxy_passages_open") == 1
    home.wait(alone, 60)
    assert silent(quiet) and silent(half)
    for _ in range(10):
        talker.sendall(b".")
        time.sleep(0.5)
    assert home.figure("proxy_passages_open") == 1
    talker.close()
    home.assert_well()
    home.wait(lambda: home.verdicts().count("idle") == 2)


def test_half_close_stays_open_for_the_answer(make):
    home = make()
    with home.visit() as s:
        s.shutdown(socket.SHUT_WR)
        service, _ = home.service.hear()
        assert service.recv(1) == b""
        for _ in range(20):
            service.sendall(b"y" * 100000)
            assert receive(s, 100000) == b"y" * 100000
        service.close()
        assert s.recv(1) == b""
    home.assert_well()


@pytest.mark.parametrize("who", ["visitor", "service"])
def test_reset_ends_both(make, who):
    home = make()
    s = home.visit()
    service, _ = home.service.hear()
    one, other = (s, service) if who == "visitor" else (service, s)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()
    assert silent(other, 10)
    other.close()
    home.assert_well()


def test_vanished_peers_are_looked_for(make):
    """Both sockets have keepalive; the kernel does the rest."""
    home = make()
    with home.visit() as s:
        home.service.hear()
        ports = {home.port, home.service.port}
        lines = home.tcp("-o")
        watched = {p for line in lines if re.search(r"timer:\(keepalive,(1min|59)", line)
                   for p in ports if f":{p} " in line}
        assert watched == ports, lines
        s.sendall(b"x")


# --- crowds -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("stuck", [False, True])
def test_a_thousand_at_once(make, stuck):
    """Bounded memory for each: what waits lies in the kernel."""
    home = make("proxy: { connections_per_address = 0; workers = 2; };")
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    resource.prlimit(home.proxyd.process.pid, resource.RLIMIT_NOFILE, (16384, 16384))
    n = 1000
    before = home.rss()
    visitors = [home.visit(receive_buffer=4096) for _ in range(n)]
    home.wait(lambda: home.figure("proxy_passages_open") == n and len(home.service.open) == n)
    for s in home.service.open:
        assert receive(s, len(HELLO)) == HELLO
        if stuck:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            s.setblocking(False)
    for _ in range(4 if stuck else 0):
        for s in home.service.open:
            try:
                s.send(bytes(1 << 20))
            except BlockingIOError:
                pass
    time.sleep(0.3)
    grown = home.rss() - before
    print(f"{grown / n:.1f} KiB for each")
    # A connection, a passage and a pipe's few words, all of it less than 4 KiB; AddressSanitizer adds to each.
    assert grown < n * 24
    # The others go on.
    with home.visit() as s:
        home.service.hear(n)[0].sendall(b"x")
        assert s.recv(1) == b"x"
    for s in visitors:
        s.close()
    home.assert_well()


def test_out_of_descriptors(make):
    """Who is there goes on, more slowly at worst; who comes waits at the door."""
    home = make()
    pid = home.proxyd.process.pid
    s = home.visit()
    service, _ = home.service.hear()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (sum(home.fds()), before[1]))
    late = home.connect()
    late.settimeout(1)
    data = os.urandom(4 << 20)
    for one, other in ((s, service), (service, s)):
        t = threading.Thread(target=one.sendall, args=(data,))
        t.start()
        assert receive(other, len(data)) == data
        t.join()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    late.sendall(HELLO)
    assert home.service.hear(1)[1] == HELLO
    for x in (s, late):
        x.close()
    home.assert_well()


# --- reload and stop --------------------------------------------------------------------------------------

def test_reload_keeps_passages(make, house):
    """But those of a host which is gone; who comes then finds nobody."""
    home = make()
    with home.visit() as s:
        service, _ = home.service.hear()
        house.configure("", ha=home.host + 'timeouts: { connect = "1s"; };')
        home.proxyd.reload()
        s.sendall(b"up")
        assert receive(service, 2) == b"up"
        service.sendall(b"down")
        assert receive(s, 4) == b"down"
        house.configure("")
        home.proxyd.reload()
        assert silent(s) and silent(service)
        with home.visit() as other:
            assert silent(other)
        home.proxyd.reload()
    home.assert_well()
    home.wait(lambda: home.verdicts() == ["pass", "not admitted any more"])


def echo_while(s, service, seconds):
    """True where all of it came through."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            s.sendall(b"x")
            if service.recv(1) != b"x":
                return False
            service.sendall(b"y")
            if s.recv(1) != b"y":
                return False
        except OSError:
            return False
        time.sleep(0.2)
    return True


def test_stop_lets_passages_go_on(make):
    """For as long as bytes pass; one that is quiet is over in a few seconds, and one that comes to its end, at once."""
    home = make()
    (busy, quiet, ending), sides = zip(*((home.visit(), home.service.hear(n)[0]) for n in range(3)))
    home.proxyd.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    sides[2].sendall(b"the rest")
    sides[2].close()
    assert receive(ending, 8) == b"the rest" and ending.recv(1) == b""
    ending.close()
    home.wait(lambda: not echo_while(busy, sides[0], 0.1) or select.select([quiet], [], [], 0)[0], 60)
    assert silent(quiet) and echo_while(busy, sides[0], 0.1)
    busy.close()
    sides[0].close()
    assert home.proxyd.process.wait(30) == 0
    home.wait(lambda: sorted(home.verdicts()[-3:]) == ["pass", "pass", "stopped"])


def test_stop_is_over_after_the_drain(make):
    home = make('proxy: { drain = "2s"; };')
    s = home.visit()
    service, _ = home.service.hear()
    began = time.monotonic()
    home.proxyd.process.send_signal(signal.SIGTERM)
    assert not echo_while(s, service, 60)
    assert time.monotonic() - began >= 2
    assert home.proxyd.process.wait(30) == 0

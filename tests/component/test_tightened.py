# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is open and would not be let in now is cut: after a reload, at a session's end, and when a right is taken away. Judged
at the service, which gets no byte after that."""

import json
import re
import select
import socket
import ssl
import threading
import time

import pytest
from conftest import ROOT
from proxyhouse import HOST, Head, Upstream
from test_front_door import PASSWORD, Browser, Door
from test_passage import client_hello

OTHER = "other.home.example.com"
TCP = "tcp.home.example.com"
OUTSIDE = 'lan = ( "192.168.255.0/24" );'  # where the tests' visitors are not
UPGRADE = (b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


class Service(Upstream):
    """Takes what comes on each connection, and notes when the last byte of it came and when it ended."""

    def __init__(self):
        self.seen = []
        super().__init__(type(self).wire)

    def wire(self, s, f):
        one = {"bytes": 0, "last": 0, "ended": None, "socket": s}
        first = f.peek(1)[:1]
        if first != b"\x16":
            one["head"] = head = Head(f)
            if head.get("Upgrade"):
                s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            elif head.method == "GET":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        self.seen.append(one)
        try:
            while data := f.read1(65536):
                one["bytes"] += len(data)
                one["last"] = time.monotonic()
                s.sendall(data)
        except OSError:
            pass
        one["ended"] = time.monotonic()


class Visitor:
    """One connection on which something goes on and on, until it is cut."""

    def __init__(self, door, kind, name=HOST, path="/", cookie=None, fields=b""):
        self.service = door.service
        before = len(door.service.seen)
        cookie = f"Cookie: {cookie}\r\n".encode() if cookie else b""
        method, more = {"websocket": (b"GET", UPGRADE), "download": (b"GET", b""),
                        "upload": (b"POST", b"Content-Length: 1000000000\r\n"), "passage": (None, None)}[kind]
        if kind == "passage":
            self.socket = socket.create_connection(("127.0.0.1", door.port), 20)
            self.socket.sendall(client_hello(name))
        else:
            # What is readable shall be bytes, so not TLS 1.3, which has tickets on their way.
            self.socket = door.tls(name, context=door.context(maximum_version=ssl.TLSVersion.TLSv1_2))
            self.socket.sendall(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: " + name.encode() + b"\r\n" + cookie + more + fields +
                                b"\r\n")
        door.wait(lambda: len(door.service.seen) > before)
        self.here = door.service.seen[-1]
        self.kind, self.cut, self.received = kind, threading.Event(), 0
        threading.Thread(target=self.run, daemon=True).start()
        door.wait(self.moves)

    def run(self):
        """Says something now and then, and hears what comes; in one thread, because OpenSSL's connections are not for two. A
        visitor who downloads says nothing; there the service does."""
        try:
            while not self.cut.is_set():
                if select.select([self.socket], [], [], 0.01)[0]:
                    data = self.socket.recv(65536)
                    if not data:
                        break
                    self.received += len(data)
                else:
                    (self.here["socket"] if self.kind == "download" else self.socket).sendall(b"x")
        except OSError:
            pass
        self.cut.set()

    def progress(self):
        return self.received if self.kind == "download" else self.here["bytes"]

    def moves(self):
        """Something still passes."""
        before = self.progress()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if self.progress() > before:
                return True
            time.sleep(0.005)
        return False

    def is_cut(self, since):
        """Both ends are, and the service got nothing later than a second after."""
        assert self.cut.wait(20)
        end = time.monotonic() + 20
        while self.kind != "download" and self.here["ended"] is None and time.monotonic() < end:
            time.sleep(0.005)
        assert self.here["last"] < since + 1
        return self.kind == "download" or self.here["ended"] is not None

    def close(self):
        self.cut.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # a close() would not wake the thread that reads
        except OSError:
            pass


@pytest.fixture
def door(house):
    service = Service()
    d = Door(house)
    d.service = service
    d.certify("*.home.example.com")
    d.set = lambda main="", **access: configure(d, main, **access)
    d.set(ha='login = "none";')
    d.open_web()
    d.start()
    d.wait(lambda: d.proxyd_certificates() >= {HOST, OTHER})
    yield d
    d.close()
    service.close()


def configure(d, main="", ha=None, tcp='login = "none";', upstream=None, reload=True):
    """other is there for those who are to stay. ha, tcp: None: removed."""
    url = upstream or d.service.url
    hosts = {"other": f'name = "{OTHER}"; upstream = "{d.service.url}"; access: {{ login = "none"; }};'}
    if ha is not None:
        hosts["ha"] = f'name = "{HOST}"; upstream = "{url}"; access: {{ {ha} }};'
    if tcp is not None:
        hosts["tcp"] = f'name = "{TCP}"; upstream = "tcp://127.0.0.1:{d.service.port}"; access: {{ {tcp} }};'
    d.house.configure(main, **hosts)
    if hasattr(d, "proxyd"):
        d.proxyd.reload()
        d.webd.reload()


@pytest.mark.parametrize("kind", ["websocket", "upload", "download"])
@pytest.mark.parametrize("before, after", [
    ({"ha": 'login = "none";'}, {"ha": 'login = "required";'}),
    ({"ha": 'login = "none";'}, {"ha": None}),
    ({"ha": 'login = "none";', "main": OUTSIDE}, {"ha": 'login = "none"; from = "lan";', "main": OUTSIDE}),
    ({"ha": 'login = "none"; from = "lan";'}, {"ha": 'login = "none"; from = "lan";', "main": OUTSIDE}),
    ({"ha": 'login = "required"; open_paths = ( "/api/webhook/" );'}, {"ha": 'login = "required";'}),
    ({"ha": 'login = "required"; open_paths = ( "/api/webhook/" );'}, {"ha": 'login = "required"; open_paths = ( "/api/webhook/b" );'}),
    ({"ha": 'login = "none";'}, {"ha": 'login = "none";', "upstream": "tcp"}),
], ids=["login", "removed", "from", "lan", "open_paths", "narrower open_paths", "tcp"])
def test_configuration(door, kind, before, after):
    if after.get("upstream"):
        after = {**after, "upstream": f"tcp://127.0.0.1:{door.service.port}"}
    door.set(**before)
    other = Visitor(door, kind, OTHER)
    ha = Visitor(door, kind, path="/api/webhook/abc")
    door.set(**before)
    assert ha.moves() and other.moves(), "a reload without a change is none"
    door.set(**after)
    assert ha.is_cut(time.monotonic())
    assert other.moves()
    other.close()


@pytest.mark.parametrize("before, after", [
    ({"ha": 'login = "required"; open_paths = ( "/api/webhook/" );'}, {"ha": 'login = "required"; open_paths = ( "/api" );'}),
    ({"ha": 'login = "required"; open_paths = ( "/api" );'}, {"ha": 'login = "none";'}),
    ({"ha": 'login = "none"; from = "lan";'}, {"ha": 'login = "none";', "main": OUTSIDE}),
    ({"ha": 'login = "none";'}, {"ha": 'login = "none";', "upstream": "http://127.0.0.1:1"}),
], ids=["open_paths", "login", "from", "upstream"])
def test_configuration_that_lets_in_as_before(door, before, after):
    """Another way to a service is no reason to end what goes the old way."""
    door.set(**before)
    ha = Visitor(door, "websocket", path="/api/webhook/abc")
    door.set(**after)
    new = Visitor(door, "websocket", OTHER)  # comes after the review has begun
    assert ha.moves() and ha.moves() and not ha.cut.is_set()
    ha.close()
    new.close()


@pytest.mark.parametrize("before, after", [
    ({}, {"tcp": None}),
    ({"main": OUTSIDE}, {"main": OUTSIDE, "tcp": 'login = "none"; from = "lan";'}),
    ({"tcp": 'login = "none"; from = "lan";'}, {"tcp": 'login = "none"; from = "lan";', "main": OUTSIDE}),
], ids=["removed", "from", "lan"])
def test_passages(door, before, after):
    door.set(**{"ha": 'login = "none";', **before})
    other = Visitor(door, "websocket", OTHER)
    passed = Visitor(door, "passage", TCP)
    door.set(**{"ha": 'login = "none";', **before})
    assert passed.moves()
    door.set(**{"ha": 'login = "none";', **after})
    assert passed.is_cut(time.monotonic())
    assert other.moves()
    other.close()


SHOWN = (b"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\nReferer: https://" +
         OTHER.encode() + b"/\r\n")
FOREIGN = b"Origin: https://" + OTHER.encode() + b"\r\n"


def test_page_that_may_show_it_no_more(door):
    """The picture of a camera, on the page of another host, is an answer without an end."""
    lan = 'login = "none"; from = "lan"; '
    door.set(ha=lan + f'embedded_by = ( "{OTHER}", "third.home.example.com" );')
    shown, own = Visitor(door, "download", fields=SHOWN), Visitor(door, "download")
    door.set(ha=lan + f'embedded_by = ( "third.home.example.com", "{OTHER}" );')
    assert shown.moves()
    door.set(ha=lan + 'embedded_by = ( "third.home.example.com" );')
    assert shown.is_cut(time.monotonic())
    assert own.moves()
    own.close()


def test_foreign_page_at_a_host_that_becomes_the_houses_own(door):
    """Where nothing hung on who asks nobody looked; so all have to come again."""
    foreign = Visitor(door, "websocket", fields=FOREIGN)
    door.set(ha='login = "none"; from = "lan";')
    assert foreign.is_cut(time.monotonic())


def test_hello_that_began_before(door):
    """Who had said half his name when the host was closed to him is led by what holds now."""
    hello = client_hello(TCP)
    with socket.create_connection(("127.0.0.1", door.port), 20) as s:
        s.sendall(hello[:20])
        door.wait(lambda: door.figure("proxy_connections") == 1)
        door.set(OUTSIDE, ha='login = "none";', tcp='login = "none"; from = "lan";')
        s.sendall(hello[20:])
        assert s.recv(1) == b""
    assert not door.service.seen


# --- by a session --------------------------------------------------------------------------------------------

FAMILY = 'login = "required"; groups = ( "family" );'


def log_in(door, user="anna"):
    b = Browser(door)
    assert b.login("/.hagw/auth/login", user).status == 303
    return f"__Host-hagw={b.cookies['__Host-hagw']}"


@pytest.mark.parametrize("kind", ["websocket", "upload", "download"])
@pytest.mark.parametrize("change", [
    lambda d: d.set(ha='login = "required"; groups = ( "admins" );'),
    lambda d: d.set(ha='login = "required"; users = ( "carl" );'),
    lambda d: d.webd.call("SetUser", name="anna", groups=["others"]),
    lambda d: d.webd.call("SetUser", name="anna", hosts=[OTHER]),
    lambda d: d.webd.call("SetPassword", name="anna", password="another one entirely"),
    lambda d: d.webd.call("RemoveUser", name="anna"),
    lambda d: d.webd.call("RevokeSession", user="anna"),
], ids=["groups", "users", "out of the group", "hosts", "password", "user removed", "revoked"])
def test_session(door, kind, change):
    door.webd.call("AddUser", name="carl", password=PASSWORD, hosts=["*"], groups=["family", "admins"])
    door.set(ha=FAMILY)
    anna, carl = Visitor(door, kind, cookie=log_in(door)), Visitor(door, kind, cookie=log_in(door, "carl"))
    guest = Visitor(door, kind, OTHER)
    door.set(ha=FAMILY)
    assert anna.moves()
    change(door)
    assert anna.is_cut(time.monotonic())
    assert carl.moves() and guest.moves()
    carl.close()
    guest.close()


def restart_with_session(door, **times):
    """hagw-webd stops, its one session becomes another one in its file, and it starts again."""
    assert door.webd.stop() == 0
    file = door.house.root / "state" / "webd" / "sessions.json"
    session, = json.loads(file.read_text())
    now = int(time.time() * 1e6)
    session.update({k: now + int(v * 1e6) for k, v in times.items()})
    file.write_text(json.dumps([session]))
    door.webd.start()


@pytest.mark.parametrize("used", [0, -200], ids=["absolute", "idle"])
def test_session_that_ends_by_itself(door, used):
    """At its end, and not when somebody happens to look."""
    ends_in = 4
    lifetimes = 'login: { idle = "%ds"; absolute = "%ds"; };'
    main = lifetimes % (3600, 600) if used == 0 else lifetimes % (200 - 30, 3600)
    door.set(main, ha=FAMILY)
    cookie = log_in(door)
    restart_with_session(door, createdUSec=ends_in - 600 if used == 0 else -1000, lastUsedUSec=used + (ends_in if used else 0))
    if used == 0:
        anna = Visitor(door, "websocket", cookie=cookie)
        end, = [s["expiresUSec"] / 1e6 for s in door.webd.call("ListSessions")["sessions"]]
        assert anna.is_cut(time.monotonic() + max(0, end - time.time()))
    door.wait(lambda: door.webd.call("ListSessions")["sessions"] == [])


def test_shorter_lifetime(door):
    door.set('login: { absolute = "2h"; };', ha=FAMILY)
    cookie = log_in(door)
    restart_with_session(door, createdUSec=-3600, lastUsedUSec=0)
    anna = Visitor(door, "websocket", cookie=cookie)
    door.set('login: { absolute = "30min"; };', ha=FAMILY)
    assert anna.is_cut(time.monotonic())


def test_traffic_on_a_websocket_is_use(door):
    """A tablet on a wall asks for nothing any more, and is there all the same."""
    door.set(ha=FAMILY)
    anna = Visitor(door, "websocket", cookie=log_in(door))

    def used():
        session, = door.webd.call("ListSessions")["sessions"]
        return session["lastUsedUSec"]
    before = used()
    door.wait(lambda: used() > before, seconds=60)
    first = used()
    door.wait(lambda: used() > first, seconds=60)
    anna.close()


def test_more_than_one_turn_looks_at(door):
    """A review goes through the connections in slices (REVIEW_SLICE); none is left out, and a second review that begins
    in the middle of the first leaves none out either."""
    n = int(re.search(r"#define REVIEW_SLICE (\d+)U", (ROOT / "hagw-proxyd/visit/review.h").read_text())[1]) * 2 + 10
    door.set("proxy: { workers = 1; };", ha='login = "none";')
    context = door.context()

    def open_one(name):
        s = door.tls(name, context)
        s.sendall(b"GET / HTTP/1.1\r\nHost: " + name.encode() + b"\r\n" + UPGRADE + b"\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 101")
        return s
    sockets = [open_one(HOST if i % 2 else OTHER) for i in range(n)]
    door.set("proxy: { workers = 1; };", ha='login = "required";')
    door.set("proxy: { workers = 1; };", ha='login = "required"; users = ( "carl" );')
    for i, s in enumerate(sockets):
        if i % 2:
            assert s.recv(1) == b""
        else:
            s.sendall(b"y")
            assert s.recv(1) == b"y"
        s.close()

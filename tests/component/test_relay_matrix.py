# SPDX-License-Identifier: LGPL-2.1-or-later
"""What visitors of a house behind a relay may rely on, by each way there is: passed on unopened, opened at the relay, and opened there
with a login at both ends. Relay and house are whole, nothing is played: all their daemons run, and certificates come from the authority
that judges CAA records. A pair for each way, which each test leaves as it was."""

import contextlib
import hashlib
import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import types
import urllib.parse

import pytest
from acme_tools import dns_sockets, leaf
from authority_tools import Authority
from conftest import BUILD, running
from cryptography import x509
from OpenSSL import SSL
from proxyhouse import Head, ProxyHouse, Upstream, listen, silent
from relayhouse import NAME, ZONE, Control
from test_relay_house import HOST, WEBSOCKET
from test_restart import Crowd
from test_walls import INNER, OUTER, Client, is_through, people

TENANT = f"anna.{ZONE}"
MIB = 1 << 20
BIG = int(os.environ.get("HAGW_BIG_BYTES", 200 * MIB)) // MIB
HELD = 4  # MiB, of which the last waits until the test lets it go
GREETING = b"the house speaks first"
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
MAIN = '''acme: {{ directory = "{0.directory}"; ca_file = "{0.root}"; }}; lan = ( "192.168.255.0/24" );
    public_address: {{ ipv4 = "static:127.0.0.1"; ipv6 = "none"; }};'''
RELAY = f'zones = ( {{ name = "{ZONE}"; ttl = "1s"; }} ); dns: {{ rate_limit = 0; }}; tenants: {{ zone = "{ZONE}"; name = "{NAME}"; }};'
HOUSE = f'''zones = ( {{ name = "{TENANT}"; via = "relay"; }} );
    relay: {{ address = "{NAME}:%d"; tenant = "anna"; private = "accept"; opened = "accept"; }};'''


def pieces(n):
    """So many MiB, of which no two are the same."""
    rest = bytes(range(256)) * (MIB // 256)
    for i in range(n):
        yield i.to_bytes(8) + rest[8:]


def taken(f, n):
    """What comes, in parts."""
    while n > 0:
        data = f.read1(min(n, MIB))
        if not data:
            raise ConnectionError(f"{n} bytes are missing")
        n -= len(data)
        yield data


def fingerprint(parts):
    digest, n = hashlib.sha256(), 0
    for p in parts:
        digest.update(p)
        n += len(p)
    return [n, digest.hexdigest()]


class Service(Upstream):
    """The house's. /ws greets and then echoes, /up says what came, /down and /held give; everything else says what was asked."""

    def __init__(self):
        self.let_go = threading.Event()
        super().__init__(type(self).talk)

    def talk(self, s, f):
        while True:
            head = Head(f)
            self.requests.append(head)
            if head.target == "/ws":
                s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" + GREETING)
                while data := f.read1(MIB):
                    s.sendall(data)
                return
            if head.target in ("/down", "/held"):
                n = BIG if head.target == "/down" else HELD
                s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {n * MIB}\r\n\r\n".encode())
                for i, p in enumerate(pieces(n)):
                    if head.target == "/held" and i == HELD - 1:
                        self.let_go.wait(60)
                    s.sendall(p)
                continue
            seen = fingerprint(taken(f, int(head.get("Content-Length") or 0)))
            body = json.dumps({"target": head.target, "fields": head.fields, "seen": seen}).encode()
            s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


class End(ProxyHouse):
    """A relay or a house: its daemons, its doors, and what its hagw-acmed has."""

    def __init__(self, house, authority=None, port=0):
        self.house, self.root, self.authority = house, house.root, authority
        self.https, self.http = listen(), listen()
        self.port = self.https.getsockname()[1]
        house.quiet = True
        # Memory that AddressSanitizer keeps back would look like the proxy's.
        self.env = {"ASAN_OPTIONS": f'{os.environ.get("ASAN_OPTIONS", "")}:quarantine_size_mb=1'.lstrip(":")}

    def trust(self, authority):
        self.authority = types.SimpleNamespace(file=authority.root)

    def open_door(self, wrapper=()):
        self.proxyd = self.house.daemon("proxyd", "io.hagw.Proxy", sockets={"https": [self.https], "http": [self.http]},
                                        env=self.env, wrapper=wrapper)

    def certificate(self, name):
        return next((c for c in self.acmed.call("Watch")["certificates"] if c["name"] == name), {})

    def certified(self, name, other_than=None):
        """A certificate for the name, obtained at the first try."""
        def is_there():
            c = self.certificate(name)
            assert not c.get("failures") and "error" not in c, f"{c}\n{self.acmed.text()[-4000:]}"
            return c.get("state") == "valid" and not c["ordering"] and c["keyId"] != other_than
        self.wait(is_there, 90)
        return self.certificate(name)

    def serves(self, name, certificate):
        """Whether who comes now gets this one."""
        with contextlib.suppress(OSError), self.tls(name) as s:
            return x509.load_der_x509_certificate(s.getpeercert(binary_form=True)) == leaf(certificate)
        return False

    def meets_agents_with(self, certificate):
        """The relay's own name is for agents alone."""
        with contextlib.suppress(OSError, SSL.Error):
            c = Control(self)
            found = c.tls.get_peer_certificate().to_cryptography()
            c.close()
            return found == leaf(certificate)
        return False

    def close(self):
        pass


class Pair:
    """The relay, the house and who may come in; how it is passed on is what differs."""

    def __init__(self, way, relay_root, house_root, folder):
        self.way, self.stack = way, contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self.service = stack.enter_context(contextlib.closing(Service()))
            # The relay ends first: it would wait for its house.
            home = stack.enter_context(running(house_root))
            self.build_relay(stack.enter_context(running(relay_root)), stack, folder)
            self.build_house(home)
            self.stack = stack.pop_all()
        self.walls = [(self.relay, OUTER)] * (way == "both") + [(self.home, INNER)]
        self.log_in()

    def build_relay(self, house, stack, folder):
        login = {"passed": None, "opened": 'access: { login = "none"; };', "both": ""}[self.way]
        hosts = {} if login is None else {"anna": f'name = "{HOST}"; upstream = "tenant:anna"; {login}'}
        r = self.relay = End(house)
        udp, tcp = dns_sockets()
        authority = self.authority = Authority(folder, servers={ZONE: ("127.0.0.1", udp.getsockname()[1])}, dns_cache=True)
        stack.callback(authority.stop)
        r.trust(authority)
        house.configure(RELAY + MAIN.format(authority), **hosts)
        r.keyd, r.netd = house.daemon("keyd", "io.hagw.Key"), house.daemon("netd", "io.hagw.Net")
        r.tenantd = house.daemon("tenantd", "io.hagw.Tenant")
        r.tenantd.call("Add", name="anna", channels=200)
        r.dnsd = house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [udp], "dns-tcp": [tcp]})
        people(r, OUTER)
        r.acmed = house.daemon("acmed", "io.hagw.Acme")
        r.open_door()
        own = r.certified(ZONE)
        r.wait(lambda: r.meets_agents_with(own))
        if hosts:
            opens = r.certified(HOST)
            r.wait(lambda: r.serves(HOST, opens))

    def build_house(self, house):
        h = self.home = End(house)
        h.trust(self.authority)
        (h.root / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n")
        (h.root / "hosts").write_text(f"127.0.0.1 {NAME}\n")
        text = HOUSE % self.relay.port + MAIN.format(self.authority)
        house.configure("")
        h.netd = house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(h.root / "resolv.conf"),
                                                          "HAGW_HOSTS": str(h.root / "hosts")})
        h.keyd = house.daemon("keyd", "io.hagw.Key")
        people(h, INNER)
        # It knows the relay by the system's roots, as houses do.
        h.open_door(wrapper=["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
                             f'mount --bind {self.authority.root} {ROOTS} && exec "$0" "$@"'])
        self.attach()
        house.configure(text, ha=f'name = "{HOST}"; upstream = "{self.service.url}"; access: {{ login = "required"; }};')
        for d in house.daemons:
            d.reload()
        h.acmed = house.daemon("acmed", "io.hagw.Acme")
        own = h.certified(TENANT)
        h.wait(lambda: h.serves(HOST, own))
        h.wait(self.attached)

    def attach(self):
        """As hagw-ctl attach does it."""
        code = self.relay.tenantd.call("IssueCode", name="anna")["code"]
        stored_key = self.home.keyd.call("PrepareToken")["storedKey"]
        answer = self.home.proxyd.call("Enrol", address=f"{NAME}:{self.relay.port}", code=code, storedKey=stored_key)
        self.home.keyd.call("AdoptToken", tenant="anna", tokenId=answer["tokenId"])

    def attached(self):
        return self.home.proxyd.call("DescribeRelay")["state"] == "attached" and self.relay.figure("proxy_relay_channels") > 0

    @property
    def opens(self):
        """The end whose certificate visitors see."""
        return self.home if self.way == "passed" else self.relay

    def daemons(self):
        return [d for end in (self.relay, self.home) for d in end.house.daemons]

    # --- visitors ---

    def new_client(self):
        return Client(self.relay)

    def enter(self, client, path="/"):
        r = client.go(path)
        for _, who in self.walls:
            r = client.fill_in(r, who)
        return r

    def log_in(self):
        """One who is in; the tests' visitors are his connections."""
        self.client = self.new_client()
        assert is_through(self.enter(self.client))

    @property
    def cookie(self):
        return "; ".join(f"{k}={v}" for k, v in self.client.cookies.items())

    def ask(self, s, method, path, fields=""):
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {self.cookie}\r\n{fields}\r\n".encode())

    @staticmethod
    def answer(f):
        """Status and length."""
        status, length = int(f.readline().split()[1]), None
        while (line := f.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, length

    def tls(self):
        return self.relay.tls(HOST, timeout=60)

    @contextlib.contextmanager
    def websocket(self):
        with self.tls() as s:
            s.sendall(WEBSOCKET[:-2] + f"Origin: https://{HOST}\r\nCookie: {self.cookie}\r\n\r\n".encode())
            got = b""
            while not got.endswith(GREETING):
                data = s.recv(4096)
                assert data, got
                got += data
            assert got.startswith(b"HTTP/1.1 101")
            self.chat(s)
            yield s

    @staticmethod
    def chat(s, n=1000):
        """To the house and back."""
        data, got = os.urandom(n), b""
        s.sendall(data)
        while len(got) < n and (more := s.recv(65536)):
            got += more
        assert got == data

    def is_refused(self):
        """A newcomer with the cookies of one who was let in, where the house is away."""
        try:
            with self.tls() as s:
                self.ask(s, "GET", "/")
                return self.way != "passed" and self.answer(s.makefile("rb"))[0] == 503
        except OSError:
            return self.way == "passed"


class Visitors(Crowd):
    """Who all were in before."""

    def __init__(self, pair):
        self.pair = pair
        super().__init__(pair.tls, HOST)

    def visit(self):
        with self.connect() as s:
            self.pair.ask(s, "GET", "/crowd")
            f = s.makefile("rb")
            status, length = self.pair.answer(f)
            assert len(f.read(length)) == length
            return status


class Held:
    """A download that is under way, and goes on when the service lets it."""

    def __init__(self, pair):
        pair.service.let_go.clear()
        self.pair, self.socket = pair, pair.tls()
        pair.ask(self.socket, "GET", "/held")
        self.file = self.socket.makefile("rb")
        status, length = pair.answer(self.file)
        assert (status, length) == (200, HELD * MIB)
        self.parts = list(taken(self.file, (HELD - 1) * MIB))

    def is_whole(self):
        self.pair.service.let_go.set()
        return fingerprint([*self.parts, *taken(self.file, MIB)]) == fingerprint(pieces(HELD))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pair.service.let_go.set()
        self.socket.close()


WAYS = ["passed", "opened", "both"]


@pytest.fixture(scope="module", params=WAYS)
def pair(request, tmp_path_factory):
    p = Pair(request.param, tmp_path_factory.mktemp("r"), tmp_path_factory.mktemp("o"), tmp_path_factory.mktemp("a"))
    with p.stack:
        yield p


def test_visit(pair):
    c = pair.new_client()
    first = c.go("/x?a=b%20c")
    before = len(pair.service.requests)
    assert 'name="password"' in first.text
    r = pair.enter(c, "/x?a=b%20c")
    assert is_through(r, "/x?a=b%20c") and len(pair.service.requests) == before + 1, "and not before"
    fields = dict(json.loads(r.text)["fields"])
    assert (fields["X-Forwarded-For"], fields["X-Forwarded-Proto"], fields["Host"]) == ("127.0.0.1", "https", HOST)
    assert "hag" not in fields.get("Cookie", "")
    name = {"passed": TENANT}.get(pair.way, HOST)
    assert pair.relay.serves(HOST, pair.opens.certificate(name)), "whose certificate it is"
    with socket.create_connection(("127.0.0.1", pair.relay.port), 20) as s, pytest.raises(OSError):
        pair.relay.context().wrap_socket(s, server_hostname="nobody.example.com")


def test_curl(pair):
    """The look from anywhere else that docs/relay.md advises: somebody answers, and it is not let in."""
    r = subprocess.run(["curl", "-sI", "--cacert", pair.authority.root, "--resolve", f"{HOST}:{pair.relay.port}:127.0.0.1",
                        f"https://{HOST}:{pair.relay.port}/"], text=True, capture_output=True, check=True)
    assert r.stdout.splitlines()[0].split()[1] == "401", r.stdout


def curl(pair, jar, path, *words):
    """Status, body, and where it ended; with cookies, and with nothing of a browser but what words say."""
    r = subprocess.run(["curl", "-s", "--cacert", pair.authority.root, "--resolve", f"{HOST}:{pair.relay.port}:127.0.0.1", "-b", jar, "-c", jar,
                        "-w", "\n%{http_code} %{url_effective}", *words, f"https://{HOST}:{pair.relay.port}{path}"],
                       text=True, capture_output=True, check=True)
    body, _, last = r.stdout.rpartition("\n")
    return int(last.split()[0]), body, urllib.parse.urlsplit(last.split()[1]).path


def test_curl_logs_in(pair, tmp_path):
    """Through each wall that there is, by its form; until it has passed them all it hears 401 and nothing else."""
    jar = tmp_path / "jar"
    logins = ["/.hagw/auth/login"] if pair.way != "both" else ["/.hagw/auth/login", "/.hag2/auth/login"]
    for login, (_, (user, password)) in zip(logins, pair.walls):
        status, body, _ = curl(pair, jar, "/x")
        assert status == 401 and body.startswith(f"401 Unauthorized\nNobody is signed in at {HOST}"), body
        status, body, at = curl(pair, jar, "/x", "-L", "-H", "Accept: text/html")
        assert status == 200 and at == login, "as a browser is led"
        form = re.search(r'<form method="post" action="([^"]*)"', body)[1]
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', body)) | {"user": user, "password": password}
        status, body, _ = curl(pair, jar, urllib.parse.urljoin(at, form), "-H", f"Origin: https://{HOST}:{pair.relay.port}",
                               *(w for k, v in hidden.items() for w in ("--data-urlencode", f"{k}={html.unescape(v)}")))
        assert status == 303, body
    status, body, _ = curl(pair, jar, "/x")
    assert status == 200 and json.loads(body)["target"] == "/x"


def test_websocket(pair):
    """Both directions, and the first word is the service's."""
    with pair.websocket() as s:
        for n in (1, 100000, 1):
            pair.chat(s, n)


def test_big(pair):
    """As many bytes each way, and each of them the right one."""
    with pair.tls() as s:
        f = s.makefile("rb")
        pair.ask(s, "POST", "/up", f"Origin: https://{HOST}\r\nContent-Length: {BIG * MIB}\r\n")
        sent = hashlib.sha256()
        for p in pieces(BIG):
            sent.update(p)
            s.sendall(p)
        status, length = pair.answer(f)
        assert status == 200 and json.loads(f.read(length))["seen"] == [BIG * MIB, sent.hexdigest()]
        pair.ask(s, "GET", "/down")
        assert pair.answer(f) == (200, BIG * MIB) and fingerprint(taken(f, BIG * MIB)) == [BIG * MIB, sent.hexdigest()]


def test_revoked_token(pair):
    with pair.websocket() as s:
        pair.relay.tenantd.call("RevokeToken", name="anna")
        assert silent(s, 30)
    pair.relay.wait(pair.is_refused)
    pair.attach()
    pair.home.proxyd.reload()
    pair.home.wait(pair.attached, 60)
    with pair.websocket():
        pass


@pytest.mark.parametrize("what", ["session", "user"])
def test_revoked(pair, what):
    """At each end that asks: what is open ends, and whoever it was is asked again."""
    for end, (user, password) in pair.walls:
        with pair.websocket() as s:
            if what == "session":
                end.webd.call("RevokeSession", user=user)
            else:
                end.webd.call("RemoveUser", name=user)
            assert silent(s, 30)
        r = pair.client.go("/y")
        assert 'name="password"' in r.text
        if what == "user":
            assert pair.client.fill_in(r, (user, password)).status == 403
            end.webd.call("AddUser", name=user, password=password, hosts=["*"], groups=[])
        pair.log_in()


def begin_stop(daemon):
    """It is told once, as systemd does, and has heard it."""
    assert daemon.process.poll() is None
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.stopping.acquire(timeout=60)


def end_stop(daemon):
    assert daemon.process.wait(60) == 0, daemon.text()[-4000:]
    daemon.stop()


@pytest.mark.parametrize("end", ["relay", "home"])
def test_restart(pair, end):
    """Who comes is served, and what is under way goes on to its end."""
    daemon = getattr(pair, end).proxyd
    with Visitors(pair) as crowd:
        crowd.served(10)
        with Held(pair) as download:
            begin_stop(daemon)
            assert download.is_whole()
        end_stop(daemon)
        daemon.start()
        crowd.served(30)
    assert set(crowd.results) == {200}, crowd.results


def test_upgrade(pair, tmp_path):
    """All daemons of both ends end, and others come in their places."""
    for d in pair.daemons():
        name = f"hagw-{d.name}"
        (tmp_path / name).mkdir(exist_ok=True)
        shutil.copy2(BUILD / name / name, tmp_path / name / name)
    with Visitors(pair) as crowd:
        crowd.served(10)
        for end in (pair.relay, pair.home):
            with Held(pair) as download:
                for d in end.house.daemons:
                    begin_stop(d)
                assert download.is_whole()
            # What visitors wait for comes first: systemd starts all of them at once.
            for d in sorted(end.house.daemons, key=lambda d: d.name not in ("keyd", "webd")):
                end_stop(d)
                d.build = tmp_path
                d.start()
            crowd.served(20)
    assert set(crowd.results) == {200}, crowd.results
    for d in pair.daemons():
        assert os.path.samefile(f"/proc/{d.process.pid}/exe", tmp_path / f"hagw-{d.name}" / f"hagw-{d.name}")
    with pair.websocket():
        pass


@pytest.mark.parametrize("end", ["home", "relay"])
def test_renewal(pair, end):
    """The other end's CAA records allow it, visitors get the new one, and who is there stays."""
    h = getattr(pair, end)
    name = TENANT if end == "home" else ZONE if pair.way == "passed" else HOST
    before = h.certificate(name)
    with pair.websocket() as s:
        h.acmed.call("Renew", name=name)
        after = h.certified(name, other_than=before["keyId"])
        if name == ZONE:
            h.wait(lambda: h.meets_agents_with(after))
        else:
            h.wait(lambda: h.serves(HOST, after))
        pair.chat(s)
    if h is pair.opens:
        assert pair.relay.serves(HOST, after), "visitors, too"
    # The house knows the relay by its new certificate.
    pair.home.proxyd.stop()
    pair.home.proxyd.start()
    with pair.websocket():
        pass

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two gateways in a row, each with its login or without: a relay and a house whose TLS it opens, a gateway in front of a
gateway. Visitors are programs that follow redirects, keep cookies and fill in forms, and nothing else."""

import http.client
import json
import re
import socket
import urllib.parse

import pytest
from ctl_tools import Ctl
from proxyhouse import HOST as PLAIN
from proxyhouse import Head, ProxyHouse, Upstream, echo, silent
from relayhouse import ZONE
from test_front_door import PAGE, Door
from test_relay_house import HOST, WEBSOCKET, Pair

OUTER, INNER = ("olga", "outer long passphrase"), ("ines", "inner long passphrase")


def people(house, who):
    """A hagw-webd with that user, and one who may pass nowhere."""
    Door.open_web(house)
    house.webd.call("AddUser", name=who[0], password=who[1], hosts=["*"], groups=[])
    house.webd.call("AddUser", name="nobody", password=who[1], hosts=[], groups=[])


class Client:
    """Goes where it is sent, ten times at most."""

    def __init__(self, house, name=HOST):
        self.house, self.name, self.cookies, self.path, self.sent = house, name, {}, "/", []

    def ask(self, method, path, fields=None, page=True):
        headers = dict(PAGE) if page else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if fields is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{self.name}",
                        "Sec-Fetch-Site": "same-origin"}
        body = None if fields is None else urllib.parse.urlencode(fields)
        r = self.house.visit(method, path, name=self.name, body=body, headers=headers)
        for c in r.headers.get_all("Set-Cookie", []):
            k, v = c.split(";")[0].split("=", 1)
            self.cookies[k] = v
            if not v:
                del self.cookies[k]
        r.connection.close()
        r.text = r.body.decode(errors="replace")
        return r

    def go(self, path, method="GET", fields=None):
        for _ in range(10):
            self.path = path
            r = self.ask(method, path, fields)
            self.sent.append((method, path, r.status))
            if r.status != 303:
                return r
            method, fields, path = "GET", None, urllib.parse.urljoin(path, r.headers["Location"])
        raise AssertionError(f"sent in a circle: {self.sent}")

    def fill_in(self, page, who):
        """The form of the login page that came last, sent to where it says."""
        assert page.status == 200 and 'name="password"' in page.text, (page.status, page.text)
        return self.submit(page, user=who[0], password=who[1])

    def submit(self, page, **fields):
        form = re.search(r'<form method="post" action="([^"]*)"', page.text)
        fields |= dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
        return self.go(urllib.parse.urljoin(self.path, form[1]), "POST", fields)


def is_through(r, target="/"):
    return r.status == 200 and r.headers["Content-Type"] == "application/json" and json.loads(r.text)["target"] == target


class Relayed:
    """A relay with a host of its own for the house's."""

    def __init__(self, house, other_house, outer, inner, serve=echo, name=HOST):
        access = f'access: {{ login = "{outer}"; }};' if outer else ""  # None: the default
        self.pair = Pair(house, other_house, more='opened = "accept";', login=inner, serve=serve,
                         relay_more='lan = ( "192.168.255.0/24" );',
                         relay_hosts={"anna": f'name = "{name}"; upstream = "tenant:anna"; {access}'})
        self.outer, self.inner, self.service = self.pair.relay, self.pair.home, self.pair.service
        people(self.outer, OUTER)
        people(self.inner, INNER)
        self.outer.certify(f"*.anna.{ZONE}")
        self.outer.wait(lambda: self.outer.serves(HOST))

    def close(self):
        self.pair.close()


class Behind:
    """A gateway whose service is a gateway, in one house with it or not."""

    def __init__(self, house, other_house, outer, inner, serve=echo, near=True):
        self.service = Upstream(serve)
        lan = 'lan = ( "192.168.255.0/24" );'
        self.inner = ProxyHouse(other_house, "" if near else lan,
                                ha=f'name = "{HOST}"; upstream = "{self.service.url}"; access: {{ login = "{inner}"; }};')
        self.inner.certify(HOST)
        self.inner.start()
        access = f'access: {{ login = "{outer}"; }};' if outer else ""
        self.outer = ProxyHouse(house, lan, ha=f'''name = "{HOST}"; upstream = "https://127.0.0.1:{self.inner.port}";
            tls: {{ verify = "insecure"; server_name = "{HOST}"; }}; {access}''')
        self.outer.certify(HOST)
        self.outer.start()
        for h, who in ((self.inner, INNER), (self.outer, OUTER)):
            people(h, who)
            h.wait(lambda h=h: h.proxyd_certificates() == {HOST})

    def close(self):
        self.outer.close()
        self.inner.close()
        self.service.close()


@pytest.fixture(params=[Relayed, Behind], ids=["relay and house", "gateway and gateway"])
def make(request, house, other_house):
    made = []

    def make(*settings, **keys):
        made.append(request.param(house, other_house, *settings, **keys))
        return made[-1]
    yield make
    for m in made:
        m.close()


@pytest.mark.parametrize("outer", [None, "none"], ids=["asks", "does not ask"])
@pytest.mark.parametrize("inner", ["required", "none"], ids=["asked behind", "not asked behind"])
def test_walls(make, outer, inner):
    """Each wall asks once, then everything comes through; where none does, at once."""
    w = make(outer, inner)
    c = Client(w.outer)
    r = c.go("/x?a=b%20c")
    for who in ([OUTER] if outer is None else []) + ([INNER] if inner == "required" else []):
        assert not w.service.requests and r.status == 200
        r = c.fill_in(r, who)
    assert is_through(r, "/x?a=b%20c"), (r.text, c.sent)
    host, = w.outer.proxyd.call("ListHosts")["hosts"]
    assert host["innerLogin"] == (inner == "required") and host["innerUSec"] > 0
    behind, = w.inner.proxyd.call("ListHosts")["hosts"]
    assert (behind["outer"], behind["outerLogin"]) == ("relay" if isinstance(w, Relayed) else "gateway", outer is None)
    assert behind["outerUSec"] > 0 and "outer" not in host
    for _ in range(3):
        assert is_through(c.go("/y"), "/y")
    # The service sees nothing that opens one of the walls.
    assert not any("hag" in f[1] for h in w.service.requests for f in h.fields if f[0].lower() == "cookie")


def enter(w):
    c = Client(w.outer)
    assert is_through(c.fill_in(c.fill_in(c.go("/"), OUTER), INNER))
    return c


def test_who_asks_is_told_the_same_whatever_was_before(make):
    """A wall that is taken away leaves the other one, which has one name: the house's, or the gateway's behind."""
    w = make(None, "required")
    enter(w)
    ctl = Ctl(w.outer.house)
    assert "yes, twice" in ctl.run("host", "list").stdout
    ctl.ok("host", "set", HOST, "--login=none", "--no-reload", "--force")
    w.outer.proxyd.reload()
    who, words = ("the house", "The house asks.") if isinstance(w, Relayed) else ("behind", "The gateway behind asks.")
    assert who in ctl.run("host", "list").stdout and words in ctl.run("host", "show", HOST).stdout


def set_login(end, word):
    Ctl(end.house).ok("host", "set", HOST, f"--login={word}", "--no-reload", "--force")
    end.proxyd.reload()


def test_who_does_not_ask_any_more_says_so_with_the_next_answer(make):
    """The one in front tells its owner what is so now, at last that nobody asks."""
    w = make(None, "required")
    c, ctl, relayed = enter(w), Ctl(w.outer.house), isinstance(w, Relayed)
    assert "yes, twice" in ctl.run("host", "list").stdout
    assert f"The {'house' if relayed else 'gateway behind'} asks as well" in ctl.run("host", "show", HOST).stdout
    set_login(w.inner, "none")
    assert is_through(c.go("/y"), "/y")
    listed, shown = ctl.run("host", "list").stdout, ctl.run("host", "show", HOST).stdout
    assert " yes " in listed and "twice" not in listed and "asks as well" not in shown
    assert ("The house does not ask." in shown) == relayed
    set_login(w.outer, "none")
    listed, shown = ctl.run("host", "list").stdout, ctl.run("host", "show", HOST).stdout
    status = " ".join(ctl.run("status").stdout.split())
    assert " no " in listed
    for said in (shown, status):
        assert (f"Nobody asks for a login at {HOST}, neither this relay nor the house" in said) == relayed, said
    set_login(w.inner, "required")
    Client(w.outer).ask("GET", "/")  # an answer of the house's own
    assert (" the house " if relayed else " behind ") in ctl.run("host", "list").stdout
    assert "Nobody asks" not in ctl.run("status").stdout + ctl.run("host", "show", HOST).stdout


def test_of_hosts_behind_a_wildcard_none_speaks_for_the_others(house, other_house):
    w = Relayed(house, other_house, "none", "none", name=f"*.anna.{ZONE}")
    assert is_through(Client(w.outer).go("/"))
    assert "up to the house" in Ctl(w.outer.house).run("host", "list").stdout
    assert "Nobody asks" not in Ctl(w.outer.house).run("status").stdout
    w.close()


def over(h, raw):
    """A visitor's connection of a socket that comes from where a test wants."""
    c = http.client.HTTPSConnection(HOST, h.port)
    c.sock = h.context().wrap_socket(raw, server_hostname=HOST)
    return c


def test_behind_a_wildcard_each_name_counts_as_it_was_told_last(house, other_house):
    w = Relayed(house, other_house, None, "required", name=f"*.anna.{ZONE}")
    login = lambda: json.loads(Ctl(w.outer.house).run("--json", "host", "list").stdout)["hosts"][0].get("innerLogin")
    listed = lambda: Ctl(w.outer.house).run("host", "list").stdout
    c = Client(w.outer)
    r = c.go("/")
    assert wall_on(r) == "This is the login of the relay. The house may have its own, which comes next."
    assert is_through(c.fill_in(c.fill_in(r, OUTER), INNER))
    assert "yes, twice" in listed() and login()
    assert wall_on(Client(w.outer).go("/")).endswith("The house has its own, which comes next.")
    # Of another name nothing is known by that.
    other = Client(w.outer, f"other.anna.{ZONE}")
    assert wall_on(other.go("/")).endswith("The house may have its own, which comes next.")
    set_login(w.inner, "none")
    assert is_through(c.go("/z"), "/z")
    assert "twice" not in listed() and login() is None
    assert wall_on(Client(w.outer).go("/")) is None
    set_login(w.inner, "required")
    c.ask("GET", "/")
    assert "yes, twice" in listed()
    w.close()


def wall_on(page):
    found = re.search(r'<p class="intro" id="wall">([^<]*)</p>', page.text)
    return found and found[1]


def test_of_two_login_pages_each_says_whose_it_is(make):
    w = make(None, "required")
    first, second = ("the relay.", "of the house") if isinstance(w, Relayed) else ("the first ", "of the second")
    c = Client(w.outer)
    r = c.go("/")
    # Nobody has told yet that there is another: a house has one most often, a service seldom.
    assert wall_on(r) == ("This is the login of the relay. The house may have its own, which comes next." if isinstance(w, Relayed) else None)
    r = c.fill_in(r, OUTER)
    assert wall_on(r).startswith(f"You have passed the login of {first}") and second in wall_on(r)
    assert wall_on(c.submit(r, user=INNER[0], password="wrong")) == wall_on(r)
    assert is_through(c.fill_in(c.go("/"), INNER))
    assert wall_on(Client(w.outer).go("/")).startswith(f"This is the login of {first}")
    set_login(w.outer, "none")
    assert wall_on(Client(w.outer).go("/")) is None
    set_login(w.outer, "required")
    set_login(w.inner, "none")
    assert is_through(c.go("/z"), "/z")
    assert wall_on(Client(w.outer).go("/")) is None


def move(end, upstream, more=""):
    """Another service behind the host, which asks for no login."""
    path = end.house.config / "hosts.d" / "ha.conf"
    path.write_text(f'name = "{HOST}"; upstream = "{upstream}"; access: {{ login = "none"; }}; {more}')
    end.proxyd.reload()


def test_what_was_behind_says_nothing_of_what_is_there_now(house, other_house):
    """A gateway that asked for the login is gone from behind the host: so is its word, and nobody is told that somebody asks."""
    w = Behind(house, other_house, "none", "required")
    c = Client(w.outer)
    assert is_through(c.fill_in(c.go("/"), INNER))
    ctl = Ctl(w.outer.house)
    assert " behind " in ctl.run("host", "list").stdout and "The gateway behind asks" in ctl.run("host", "show", HOST).stdout
    w.outer.proxyd.reload()
    assert " behind " in ctl.run("host", "list").stdout  # the same service as before
    gateway, tls = f"https://127.0.0.1:{w.inner.port}", f'tls: {{ verify = "insecure"; server_name = "{HOST}"; }};'
    move(w.outer, gateway, f'upstream_host = "other.example.com"; {tls}')  # another host of the gateway behind
    assert not {"innerLogin", "innerUSec"} & set(w.outer.proxyd.call("ListHosts")["hosts"][0])
    move(w.outer, gateway, tls)
    Client(w.outer).ask("GET", "/")
    assert w.outer.proxyd.call("ListHosts")["hosts"][0]["innerLogin"] is True
    requests = w.outer.proxyd.call("ListHosts")["hosts"][0]["requests"]
    plain = Upstream(echo)
    move(w.outer, plain.url)
    host, = w.outer.proxyd.call("ListHosts")["hosts"]
    assert not {"innerLogin", "innerUSec", "error", "finding"} & set(host), host
    assert host["lastOkUSec"] == host["triedUSec"] == host["lastErrorUSec"] == 0 and host["health"] == "unknown"
    assert host["requests"] == requests, "visitors are the host's"
    assert " no " in ctl.run("host", "list").stdout and "behind asks" not in ctl.run("host", "show", HOST).stdout
    assert is_through(Client(w.outer).go("/y"), "/y")
    assert w.outer.proxyd.call("ListHosts")["hosts"][0]["requests"] == requests + 1
    plain.close()
    w.close()


def test_who_is_no_longer_believed_has_said_nothing(house, other_house):
    """The gateway in front was one of the house's networks; then it is not."""
    w = Behind(house, other_house, None, "none")
    c = Client(w.outer)
    assert is_through(c.fill_in(c.go("/"), OUTER))
    assert told(w.inner)["outerLogin"] is True and " in front " in Ctl(w.inner.house).run("host", "list").stdout
    w.inner.house.configure('lan = ( "192.168.255.0/24" );', ha=(w.inner.house.config / "hosts.d" / "ha.conf").read_text())
    w.inner.proxyd.reload()
    assert told(w.inner) == {} and " no " in Ctl(w.inner.house).run("host", "list").stdout
    w.close()


def test_who_comes_past_the_gateway_in_front_is_asked_by_nobody(house, other_house):
    """Straight from outside, or not through it any more: that it asks is of no use then, and not said."""
    w = Behind(house, other_house, None, "none")
    w.inner.house.configure('lan = ( "127.0.0.1" );', ha=(w.inner.house.config / "hosts.d" / "ha.conf").read_text())
    w.inner.proxyd.reload()
    c, ctl = Client(w.outer), Ctl(w.inner.house)

    def straight(source, **headers):
        raw = socket.create_connection(("127.0.0.1", w.inner.port), 20, (source, 0))
        r = w.inner.visit(path="/x", name=HOST, headers=headers, connection=over(w.inner, raw))
        r.connection.close()
        assert r.status == 200
    assert is_through(c.fill_in(c.go("/"), OUTER)) and " in front " in ctl.run("host", "list").stdout
    straight("127.0.0.1")  # one of the house
    assert told(w.inner)["outerLogin"] is True
    for headers in ({}, FORGED_OUTER):
        straight("127.0.0.2", **headers)
        assert told(w.inner) == {} and " no " in ctl.run("host", "list").stdout
        assert is_through(c.go("/y"), "/y") and told(w.inner)["outerLogin"] is True
    w.close()


def boast(service, s, f):
    """A service that says in every spelling that it is a gateway which asks."""
    while head := Head(f):
        service.requests.append(head)
        body = json.dumps({"target": head.target})
        s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Hagw-Inner: login=required\r\n"
                  f"x_hagw_inner: login=required\r\nConnection: X-Hagw-Inner\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def test_a_service_does_not_speak_for_its_gateway(make):
    w = make("none", "none", boast)
    r = Client(w.outer).ask("GET", "/")
    assert is_through(r) and not any("inner" in k.lower() for k in r.headers)
    # It is noted behind the answer.
    w.outer.wait(lambda: w.outer.proxyd.call("ListHosts")["hosts"][0].get("innerLogin") is False)


def test_who_asks_is_told_to_no_visitor(house):
    """But to one who says that he is a gateway, and in every answer then."""
    service = Upstream(echo)
    h = ProxyHouse(house, ha=f'name = "{PLAIN}"; upstream = "{service.url}";')
    h.certify(PLAIN)
    h.start()
    people(h, OUTER)
    h.wait(lambda: h.proxyd_certificates() == {PLAIN})

    def said(path, **headers):
        r = h.visit(path=path, name=PLAIN, headers=headers)
        r.connection.close()
        return r.headers.get_all("X-Hagw-Inner")
    for path in ("/", "/.hagw/auth/login"):  # a page of hagw-proxyd's, and one of hagw-webd's
        assert said(path) is None
        assert said(path, **{"X-Hagw-Outer": "login=none; depth=2"}) == ["login=required"]
        assert said(path, **{"X-Hagw-Outer": "login=perhaps; depth=2"}) is None
    h.close()
    service.close()


def test_each_wall_has_its_own_pages(make):
    """Wrong passwords, who may not pass, and logging out: at the gateway whose page it is."""
    w = make(None, "required")
    c = Client(w.outer)
    r = c.fill_in(c.go("/x"), ("nobody", OUTER[1]))  # the outer one's page that says no
    r = c.submit(r)
    r = c.fill_in(r, OUTER)
    assert c.submit(r, user=INNER[0], password="wrong").status == 403 and c.path == "/.hag2/auth/login"
    r = c.fill_in(c.go("/x"), ("nobody", INNER[1]))
    assert c.path.startswith("/.hag2/auth/denied") and r.status == 403, c.sent
    r = c.submit(r)
    assert c.path.startswith("/.hag2/auth/login"), c.sent
    assert is_through(c.fill_in(r, INNER), "/x")
    # Out at the inner one: the outer one still knows who it is.
    r = c.submit(c.go("/.hag2/auth/logout"))
    assert r.status == 200 and [s["user"] for s in w.inner.webd.call("ListSessions")["sessions"]] == []
    assert len(w.outer.webd.call("ListSessions")["sessions"]) == 1
    link = re.search(r'<a href="([^"]*)"', r.text)[1]
    r = c.go(urllib.parse.urljoin(c.path, link))
    assert is_through(c.fill_in(r, INNER))
    # Out at the outer one: everything is shut, the inner one's pages as well.
    assert c.submit(c.go("/.hagw/auth/logout")).status == 200
    c.go("/.hag2/auth/login")
    assert c.path.startswith("/.hagw/auth/login"), c.sent


def login_of(r):
    """Where a page that says no leads to, as a browser and as a program reads it."""
    challenge = re.fullmatch(r'Cookie realm="hagw", form-action="([^"]*)", cookie-name="([^"]*)"', r.headers["WWW-Authenticate"])
    link = re.search(r'<a [^>]*href="([^"]*login[^"]*)"', r.text)
    assert not link or link[1].split("?")[0] == challenge[1]
    return challenge.groups()


def test_a_page_that_says_no_names_its_own_login(make):
    """401 at the inner wall: the address and the cookie are those that this visitor has to use."""
    w = make(None, "required")
    c = Client(w.outer)
    assert login_of(c.ask("POST", "/x", {"a": "b"})) == ("/.hagw/auth/login", "__Host-hagw")
    c.fill_in(c.go("/"), OUTER)
    r = c.ask("POST", "/x", {"a": "b"})
    assert (r.status, login_of(r)) == (401, ("/.hag2/auth/login", "__Host-hag2"))
    link = re.search(r'<a [^>]*href="([^"]*login[^"]*)"', r.text)[1]
    assert is_through(c.fill_in(c.go(link), INNER))
    assert "__Host-hag2" in c.cookies and c.ask("POST", "/x", {"a": "b"}).status == 200
    # A program without a browser's fields.
    r = Client(w.outer).ask("GET", "/x", page=False)
    assert (r.status, login_of(r)) == (401, ("/.hagw/auth/login", "__Host-hagw"))


def test_only_one_wall_behind_is_named_as_it_is(make):
    """Where the outer one does not ask: a relay's house has its own names, a gateway's service has others."""
    w = make("none", "required")
    r = Client(w.outer).ask("GET", "/x", page=False)
    depth = "w" if isinstance(w, Relayed) else "2"
    assert (r.status, login_of(r)) == (401, (f"/.hag{depth}/auth/login", f"__Host-hag{depth}"))


@pytest.mark.parametrize("outer", [None, "none"], ids=["asks", "does not ask"])
@pytest.mark.parametrize("inner", ["required", "none"], ids=["asked behind", "not asked behind"])
def test_who_asks_is_told_behind_as_well(make, outer, inner):
    w = make(outer, inner)
    Client(w.outer).ask("GET", "/.hag2/auth/login")
    if outer is None:
        c = Client(w.outer)
        c.fill_in(c.go("/"), OUTER)
    ctl = Ctl(w.inner.house)
    relayed = isinstance(w, Relayed)
    listed, shown = ctl.run("host", "list").stdout, ctl.run("host", "show", HOST).stdout
    words = {(None, "required"): "yes, twice", (None, "none"): "the relay" if relayed else "in front",
             ("none", "required"): "yes", ("none", "none"): "no"}
    assert words[outer, inner] in listed, listed
    front = "The relay asks" if relayed else "A gateway in front asks"
    assert (front in shown) == (outer is None) and ("asks as well" in shown) == ((outer, inner) == (None, "required")), shown
    if relayed:
        said = {(None, "required"): f"Visitors of {HOST} log in twice", (None, "none"): f"It asks for the login at {HOST},",
                ("none", "required"): f"The login at {HOST} is asked for here, and not there.",
                ("none", "none"): f"Nobody asks for a login at {HOST}, neither the relay nor this house"}
        status = " ".join(ctl.run("status").stdout.split())
        assert said[outer, inner] in status, status


FORGED_OUTER = {"X-Hagw-Outer": "login=required; depth=9", "X_Hagw_Outer": "login=required; depth=9"}


def told(house):
    """What the gateway in front has said, as its owner is shown."""
    host, = house.proxyd.call("ListHosts")["hosts"]
    return {k: v for k, v in host.items() if k.startswith("outer")}


def forge(house):
    r = house.visit(path="/x", name=HOST, headers=FORGED_OUTER)
    r.text = r.body.decode()
    r.connection.close()
    return r


def test_who_forges_a_gateway_in_front_is_not_heard_through_one(make):
    w = make("none", "required")
    r = forge(w.outer)
    assert r.status == 401 and "hag9" not in r.text and "hag9" not in str(r.headers)
    assert told(w.inner)["outerLogin"] is False
    c = Client(w.outer)
    assert is_through(c.fill_in(c.go("/"), INNER))
    c.ask("GET", "/again")
    assert {tuple(f) for h in w.service.requests for f in h.fields if "outer" in f[0].lower()} == {
        ("X-Hagw-Outer", "login=required; depth=" + ("2" if isinstance(w, Relayed) else "3"))}


def test_who_forges_a_gateway_in_front_tells_nobody_but_himself(house, other_house):
    """Straight to a gateway: the wall stands, its owner is told nothing, and the page that says no is the forger's own."""
    w = Behind(house, other_house, None, "required", near=False)
    r = forge(w.inner)
    assert r.status == 401 and not w.service.requests and login_of(r) == ("/.hag9/auth/login", "__Host-hag9")
    assert told(w.inner) == {}
    # Nor what the login page says of whose it is.
    r = w.inner.visit(path="/.hagw/auth/login", name=HOST, headers=FORGED_OUTER)
    r.text = r.body.decode()
    r.connection.close()
    assert r.status == 200 and 'name="password"' in r.text and wall_on(r) is None
    # The gateway in front is as much a stranger: its word is good for its visitors' pages, and for no more.
    c = enter(w)
    assert told(w.inner) == {}
    del c.cookies["__Host-hag2"]
    assert login_of(c.ask("POST", "/x", {"a": "b"})) == ("/.hag2/auth/login", "__Host-hag2")
    w.close()


def test_who_forges_a_gateway_in_front_unopened_through_a_relay(house, other_house):
    """The relay carries his bytes: they are no word of the relay's."""
    p = Pair(house, other_house, login="required", more='opened = "accept";')
    people(p.home, INNER)
    with p.tls() as s:
        s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Hagw-Outer: login=required; depth=2\r\n\r\n".encode())
        assert s.recv(4096).startswith(b"HTTP/1.1 401")
    host, = p.home.proxyd.call("ListHosts")["hosts"]
    assert host["requests"] == 1 and told(p.home) == {}
    p.close()


def test_nothing_of_the_inner_one_is_open(make):
    """Before the outer login nobody gets a byte of what is behind, whatever he says; behind it, only what a login needs."""
    w = make(None, "required")
    before = w.inner.figure("proxy_requests")
    for path in ("/", "/.hag2/auth/login", "/.hag2/auth/denied", "/.hag3/auth/login"):
        r = w.outer.visit(path=path, name=HOST, headers={**PAGE, "Cookie": "__Host-hag2=x", "X-Hagw-Own": "1"})
        assert r.status == 303 and r.headers["Location"].startswith("/.hagw/auth/login")
        r.connection.close()
    assert w.inner.figure("proxy_requests") == before
    c = enter(w)
    for path in ("/.hag2/metrics", "/.hag2/auth/status", "/.hag2/status"):
        assert is_through(c.ask("GET", path), path)  # the service's, like any other path


FORGED = (b"HTTP/1.1 303 See Other\r\nX-Hagw-Own: 1\r\nLocation: /.hagw/auth/login\r\nSet-Cookie: __Host-hagw=forged; Path=/; "
          b"Secure\r\nSet-Cookie: =__Host-hagw=forged\r\nContent-Length: 0\r\n\r\n")


def test_a_service_that_plays_a_gateway(house):
    """It has a page and a cookie of its own by that, and nothing of the login in front of it."""
    def serve(service, s, f):
        while True:
            service.requests.append(Head(f))
            s.sendall(FORGED)
    service = Upstream(serve)
    h = ProxyHouse(house, ha=f'name = "{PLAIN}"; upstream = "{service.url}";')
    h.certify(PLAIN)
    h.start()
    people(h, OUTER)
    h.wait(lambda: h.proxyd_certificates() == {PLAIN})
    c = Client(h, PLAIN)
    hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', c.go("/").text))
    assert c.ask("POST", "/.hagw/auth/login", {**hidden, "user": OUTER[0], "password": OUTER[1]}).status == 303
    session = c.cookies["__Host-hagw"]
    r = c.ask("GET", "/")
    assert r.headers["Location"] == "/.hag2/auth/login" and c.cookies["__Host-hagw"] == session
    assert c.cookies["__Host-hag2"] == "forged"
    # An older gateway's word is that it sends to its login, and so it is told.
    host, = h.proxyd.call("ListHosts")["hosts"]
    assert "innerLogin" not in host and host["innerUSec"] > 0
    assert "yes, twice" in Ctl(house).run("host", "list").stdout
    c.ask("GET", "/again")
    assert service.requests[-1].get("Cookie") == "__Host-hagw=forged"
    h.close()
    service.close()


def chat(service, s, f):
    """A WebSocket that echoes, or an answer."""
    head = Head(f)
    service.requests.append(head)
    if head.get("Upgrade"):
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        while data := f.read1(100):
            s.sendall(data)
    else:
        body = json.dumps({"target": head.target})
        s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n{body}".encode())


@pytest.mark.parametrize("end", ["outer", "inner"])
def test_streams_end_with_either_session(make, end):
    w = make(None, "required", chat)
    c = enter(w)
    with w.outer.tls(HOST) as s:
        cookies = "; ".join(f"{k}={v}" for k, v in c.cookies.items())
        s.sendall(WEBSOCKET.replace(b"\r\n\r\n", f"\r\nOrigin: https://{HOST}\r\nCookie: {cookies}\r\n\r\n".encode()))
        assert s.recv(4096).startswith(b"HTTP/1.1 101")
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        getattr(w, end).webd.call("RevokeSession", user=(OUTER if end == "outer" else INNER)[0])
        assert silent(s, 30)

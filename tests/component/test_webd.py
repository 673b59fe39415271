# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-webd behind its AF_UNIX listener, spoken to as hagw-proxyd does, and over varlink."""

import base64
import hashlib
import html
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

from clock_tools import Clock
from conftest import VarlinkError

WEB = "io.hagw.Web"
HOST = "ha.home.example.com"
PASSWORD = "correct horse battery"
HOSTS = {
    "ha": f'name = "{HOST}"; upstream = "http://192.0.2.1:8123";',
    "cam": 'name = "cam.home.example.com"; upstream = "http://192.0.2.2"; access: { groups = ( "family" ); };',
    "dav": 'name = "dav.home.example.com"; upstream = "http://192.0.2.3"; access: { users = ( "anna" ); };',
    "lab": 'name = "*.lab.example.com"; upstream = "http://192.0.2.4";',
}


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        # Without a timeout, so that it waits where the queue is full instead of failing.
        self.sock.connect(self.path)
        self.sock.settimeout(self.timeout)


class Answer:
    def __init__(self, response):
        self.status, self.body = response.status, response.read()
        self.headers, self.text = response.headers, self.body.decode()

    def cookies(self):
        return dict(c.split(";")[0].split("=", 1) for c in self.headers.get_all("Set-Cookie", []))

    def field(self, name):
        m = re.search(rf'name="{name}"[^>]* value="([^"]*)"', self.text)
        return html.unescape(m[1]) if m else None

    def error(self):
        m = re.search(r'<p class="error">([^<]*)</p>', self.text)
        return html.unescape(m[1]) if m else None


class Visitor:
    """One browser: cookies, an address, a language."""

    def __init__(self, path, host=HOST, address="203.0.113.7", lan=False):
        self.path, self.host, self.address, self.lan = path, host, address, lan
        self.cookies, self.headers = {}, {}

    def request(self, method, path, body=None, headers=None):
        c = Unix(self.path)
        all_headers = {
            "X-Hagw-Host": self.host, "X-Forwarded-For": self.address, "X-Hagw-Lan": "1" if self.lan else "0",
            "X-Forwarded-Proto": "https", **self.headers, **(headers or {}),
        }
        if self.cookies:
            all_headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        c.request(method, path, body, {k: v for k, v in all_headers.items() if v is not None})
        answer = Answer(c.getresponse())
        c.close()
        for k, v in answer.cookies().items():
            if v:
                self.cookies[k] = v
            else:
                self.cookies.pop(k, None)
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, headers=None, **fields):
        return self.request("POST", path, urllib.parse.urlencode(fields),
                            {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})

    def login(self, user="anna", password=PASSWORD, target="/"):
        page = self.get("/.hagw/auth/login?return=" + urllib.parse.quote(target, safe=""))
        return self.post("/.hagw/auth/login", user=user, password=password, token=page.field("token"),
                         **{"return": page.field("return")})


def start(house, main="", env=None):
    path = house.root / "web"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    os.chmod(path, 0o777)
    listener.listen(256)
    house.configure(main, **HOSTS)
    d = house.daemon("webd", WEB, sockets={"web": [listener]}, env=env)
    d.web = path
    d.visitor = lambda **keys: Visitor(path, **keys)
    return d


@pytest.fixture
def webd(house):
    d = start(house)
    d.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=["family"])
    return d


@pytest.fixture
def still(house):
    """One whose clock stands still: its waits are as long as its rules say, however busy the machine is. still.clock.forward(seconds)."""
    clock = Clock(house.root, still=True)
    d = start(house, env=clock.env)
    d.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=["family"])
    d.clock = clock
    return d


def figure(webd, name):
    return sum(m["value"] for m in webd.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == name)


def check(webd, secret, host=HOST, address="203.0.113.7", kind="cookie"):
    return webd.call("CheckSession", secret=secret, kind=kind, host=host, address=address)


# --- login ---------------------------------------------------------------------------------------------------


def test_login(webd):
    v = webd.visitor()
    page = v.get("/.hagw/auth/login?return=/lovelace%3Fx%3D1")
    assert page.status == 200 and page.field("return") == "/lovelace?x=1"
    answer = v.login(target="/lovelace?x=1&y=ä".replace("ä", "%C3%A4"))
    assert answer.status == 303 and answer.headers["Location"] == "/lovelace?x=1&y=%C3%A4"
    cookie = [c for c in answer.headers.get_all("Set-Cookie") if c.startswith("__Host-hagw=")][0]
    assert re.fullmatch(r"__Host-hagw=[A-Za-z0-9_-]{22}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=15552000", cookie)
    reply = check(webd, v.cookies["__Host-hagw"])
    assert reply["user"] == "anna" and reply["allowed"] and 0 < reply["validUSec"] <= 60_000_000
    assert len(reply["sessionId"]) == 8
    # Logged in, the page leads on.
    assert v.get("/.hagw/auth/login?return=/x").field("token") is None


def test_wrong_password_keeps_the_target(webd):
    v = webd.visitor()
    answer = v.login(password="wrong password", target="/lovelace/2")
    assert answer.status == 403 and "not right" in answer.error()
    assert answer.field("return") == "/lovelace/2" and answer.field("user") == "anna"
    assert 'role="alert"' in answer.text and "__Host-hagw" not in v.cookies
    again = v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=answer.field("token"),
                   **{"return": answer.field("return")})
    assert again.status == 303 and again.headers["Location"] == "/lovelace/2"


def test_typed_names(webd):
    assert webd.visitor().login(user=" Anna ").status == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "/a\r\nSet-Cookie: a=b",
                                    "/.hagw/auth/login", "javascript:alert(1)", "\x00/", "x" * 5000])
def test_open_redirect(webd, target):
    v = webd.visitor()
    assert v.get("/.hagw/auth/login?return=" + urllib.parse.quote(target)).field("return") == "/"
    page = v.get("/.hagw/auth/login")
    answer = v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=page.field("token"), **{"return": target})
    assert (answer.status, answer.headers["Location"]) in [(303, "/"), (400, None)]
    assert "evil" not in str(answer.headers)


def test_new_session_at_each_login(webd):
    v = webd.visitor()
    v.cookies["__Host-hagw"] = planted = "A" * 22
    v.login()
    first = v.cookies["__Host-hagw"]
    assert first != planted
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, planted)
    # A second login ends the session that it was made with.
    page = webd.visitor().get("/.hagw/auth/login")
    w = webd.visitor()
    token = w.get("/.hagw/auth/login").field("token")
    w.cookies["__Host-hagw"] = first
    assert w.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=token).status == 303
    assert w.cookies["__Host-hagw"] != first and page.status == 200
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, first)


def test_page_headers(webd):
    answer = webd.visitor().get("/.hagw/auth/login")
    h = answer.headers
    assert h["Cache-Control"] == "no-store" and h["X-Frame-Options"] == "DENY"
    assert h["Referrer-Policy"] == "same-origin" and h["X-Content-Type-Options"] == "nosniff"
    csp = h["Content-Security-Policy"]
    assert "default-src 'none'" in csp and "frame-ancestors 'none'" in csp and "unsafe" not in csp
    # The policy names the style sheet and the script that are in the page.
    for tag in ("style", "script"):
        text, = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.S)
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}';" in csp
    assert not re.search(r"<script |\son\w+=|\sstyle=", answer.text)
    assert "http:" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert 'autocomplete="current-password"' in answer.text and 'autocomplete="username"' in answer.text
    assert '<label for="user">' in answer.text and '<label for="password">' in answer.text


@pytest.mark.parametrize("accept,lang,title", [("de-AT,en;q=0.5", "de", "Willkommen"), ("fr", "fr", "Bienvenue"),
                                               ("xx", "en", "Welcome"), (None, "en", "Welcome")])
def test_language(webd, accept, lang, title):
    answer = webd.visitor().get("/.hagw/auth/login", **{"Accept-Language": accept})
    assert f'<html lang="{lang}">' in answer.text and title in answer.text and answer.headers["Content-Language"] == lang


def test_language_setting(webd):
    webd.house.configure('login: { language = "fr"; };', **HOSTS)
    webd.reload()
    assert "Bienvenue" in webd.visitor().get("/.hagw/auth/login", **{"Accept-Language": "de"}).text


def test_escaping(webd):
    answer = webd.visitor().login(user='"><script>alert(1)</script>')
    assert answer.status == 403 and "<script>alert" not in answer.text and answer.field("user") == '"><script>alert(1)</script>'


MOVED = {"login", "logout", "denied", "status"}


@pytest.mark.parametrize("name", sorted(MOVED))
def test_pages_stand_where_no_worker_keeps_them(webd, name):
    """The old addresses lead on; where the page goes from there goes along, and is looked at."""
    v = webd.visitor(lan=True)
    answer = v.get(f"/.hagw/{name}")
    assert answer.status == 303 and answer.headers["Location"] == f"/.hagw/auth/{name}"
    assert v.get(f"/.hagw/{name}?return=/a%3Fb%3Dc").headers["Location"] == f"/.hagw/auth/{name}?return=/a%3Fb%3Dc"
    assert v.get(f"/.hagw/{name}?return=//evil.example").headers["Location"] == f"/.hagw/auth/{name}?return=/"
    assert v.get(f"/.hagw/auth/{name}").status in (200, 303)
    assert webd.visitor().get(f"/.hagw/{name}").status == (404 if name == "status" else 303)


def test_forms_of_before_an_update(webd):
    v = webd.visitor()
    token = v.get("/.hagw/auth/login").field("token")
    answer = v.post("/.hagw/login", user="anna", password=PASSWORD, token=token, **{"return": "/x"})
    assert answer.status == 303 and answer.headers["Location"] == "/x" and "__Host-hagw" in v.cookies
    token = v.get("/.hagw/auth/logout").field("token")
    assert "Signed out" in v.post("/.hagw/logout", token=token).text and "__Host-hagw" not in v.cookies


def test_just_logged_in_and_here_again(webd):
    """A worker's old redirect: a page goes on by itself, no redirect that a browser counts. A HEAD is the page's own question."""
    v = webd.visitor()
    v.login()
    answer = v.get("/.hagw/auth/login?return=/x%3Fa%3D%22%3Ey")
    assert answer.status == 200 and '<meta http-equiv="refresh" content="1;url=/x?a=&quot;&gt;y">' in answer.text
    assert 'href="/x?a=&quot;&gt;y"' in answer.text
    assert v.request("HEAD", "/.hagw/auth/login").headers["Location"] == "/"
    assert webd.visitor().request("HEAD", "/.hagw/auth/login").status == 200


# --- cross-site request forgery --------------------------------------------------------------------------------


def test_form_token(webd):
    v = webd.visitor()
    token = v.get("/.hagw/auth/login").field("token")
    before = figure(webd, "password_hashes")
    other = webd.visitor()
    other.get("/.hagw/auth/login")
    for who, fields in [(other, {"token": token}), (other, {"token": ""}), (other, {}), (webd.visitor(), {"token": token}),
                        (v, {"token": token[:-1] + ("A" if token[-1] != "A" else "B")})]:
        answer = who.post("/.hagw/auth/login", user="anna", password=PASSWORD, **fields)
        assert answer.status == 403 and "grown old" in answer.error() and "__Host-hagw" not in who.cookies
    # The token is good at its own host only.
    v.host = "cam.home.example.com"
    assert v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=token).status == 403
    assert figure(webd, "password_hashes") == before


SAID = {"Host": HOST, "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("cookie", [None, "A" * 22, "x"])
@pytest.mark.parametrize("token", [None, "", "A" * 22])
def test_the_browsers_word_is_enough(webd, cookie, token):
    """A copy of the form that a worker kept has another token than the cookie of now, or there is none any more."""
    v = webd.visitor()
    if cookie:
        v.cookies["__Host-hagw-form"] = cookie
    fields = {} if token is None else {"token": token}
    assert v.post("/.hagw/auth/login", headers=SAID, user="anna", password="wrong password", **fields).status == 403
    assert v.post("/.hagw/auth/login", headers=SAID, user="anna", password=PASSWORD, **fields).status == 303
    page = v.get("/.hagw/auth/logout")
    assert page.status == 200 and "Signed out" in v.post("/.hagw/auth/logout", headers=SAID, **fields).text


def test_a_living_session_is_proof_for_a_form(webd):
    v = webd.visitor()
    v.login()
    first = v.cookies["__Host-hagw"]
    assert v.post("/.hagw/auth/login", user="anna", password="wrong password").status == 403
    evil = {"Origin": "https://evil.example"}
    assert "grown old" in v.post("/.hagw/auth/login", headers=evil, user="anna", password=PASSWORD).error()
    assert v.cookies["__Host-hagw"] == first and check(webd, first)["allowed"]
    answer = v.post("/.hagw/auth/login", user="anna", password=PASSWORD, **{"return": "/x"})
    assert answer.status == 303 and answer.headers["Location"] == "/x" and v.cookies["__Host-hagw"] != first
    webd.call("RevokeSession", user="anna")
    assert "grown old" in v.post("/.hagw/auth/login", user="anna", password=PASSWORD).error()


@pytest.mark.parametrize("fields,ok", [
    (["Origin: https://evil.example"], False), (["Origin: null"], False), ([f"Origin: http://{HOST}"], False),
    (["Sec-Fetch-Site: cross-site"], False), (["Sec-Fetch-Site: same-site"], False),
    ([f"Origin: https://{HOST}:8443"], False), ([f"Origin: https://{HOST}"] * 2, False),
    ([f"Origin: https://{HOST}", "Origin: https://evil.example"], False), (["Origin: null", "Sec-Fetch-Site: cross-site"], False),
    ([f"Origin: https://{HOST}", "Sec-Fetch-Site: cross-site"], False), (["Sec-Fetch-Site: same-origin"] * 2, False),
    (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], False),
    ([f"Origin: https://{HOST}", "Sec-Fetch-Site: same-origin"], True), ([f"Origin: https://{HOST}"], True),
    (["Origin: null", "Sec-Fetch-Site: same-origin"], True), ([], True)])
@pytest.mark.parametrize("form", ["login", "logout"])
def test_origin(webd, form, fields, ok):
    v = webd.visitor()
    if form == "logout":
        v.login()
    token = v.get(f"/.hagw/auth/{form}").field("token")
    body = urllib.parse.urlencode({"user": "anna", "password": PASSWORD, "token": token})
    lines = [f"POST /.hagw/auth/{form} HTTP/1.1", f"Host: {HOST}", f"X-Hagw-Host: {HOST}", "X-Forwarded-For: 203.0.113.7",
             "X-Hagw-Lan: 0", "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
             "Cookie: " + "; ".join(f"{k}={c}" for k, c in v.cookies.items()), *fields, "", body]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(webd.web))
        s.sendall("\r\n".join(lines).encode())
        answer = http.client.HTTPResponse(s)
        answer.begin()
        text = answer.read().decode()
    if form == "login":
        assert answer.status == (303 if ok else 403)
    else:
        assert answer.status == 200 and ("Signed out" in text) == ok


def test_origin_with_a_port(webd):
    v = webd.visitor()
    token = v.get("/.hagw/auth/login").field("token")
    there = {"Host": f"{HOST}:8443", "Sec-Fetch-Site": "same-origin"}
    for origin, status in [(f"https://{HOST}", 403), (f"https://{HOST}:8443", 303)]:
        answer = v.post("/.hagw/auth/login", headers={**there, "Origin": origin}, user="anna", password=PASSWORD, token=token)
        assert answer.status == status


@pytest.mark.parametrize("cookies", ["__HOST-hagw-form={c}", "__Host-hagw-form={c}; __Host-hagw-form={c}", "=__Host-hagw-form={c}"])
def test_form_cookie_in_other_spellings(webd, cookies):
    v = webd.visitor()
    token = v.get("/.hagw/auth/login").field("token")
    own = v.cookies.pop("__Host-hagw-form")
    answer = v.post("/.hagw/auth/login", headers={"Cookie": cookies.format(c=own)}, user="anna", password=PASSWORD, token=token)
    assert answer.status == 403
    v.cookies["__Host-hagw-form"] = own
    assert v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=token).status == 303


def test_logout(webd):
    v = webd.visitor()
    v.login()
    cookie = v.cookies["__Host-hagw"]
    page = v.get("/.hagw/auth/logout")
    assert page.status == 200 and "anna" in page.text
    # Without the form's token, or from elsewhere, nothing ends.
    assert v.post("/.hagw/auth/logout").status == 200
    assert v.post("/.hagw/auth/logout", headers={"Origin": "https://evil.example"}, token=page.field("token")).status == 200
    assert check(webd, cookie)["allowed"]
    with webd.varlink() as link:
        stream = link.stream(f"{WEB}.WatchRevocations")
        session = check(webd, cookie)["sessionId"]
        assert next(stream) == {"sessionIds": [], "livingIds": [session]}
        answer = v.post("/.hagw/auth/logout", token=page.field("token"))
        assert answer.status == 200 and "Signed out" in answer.text and "__Host-hagw" not in v.cookies
        assert next(stream) == {"sessionIds": [session], "cut": True}
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, cookie)
    assert webd.visitor().get("/.hagw/auth/logout").headers["Location"] == "/.hagw/auth/login?return=/"


def test_other_pages_take_no_cookie_away(webd):
    """A form of another site's comes without the cookie (SameSite=Lax): its answer must not end the session in the browser either."""
    v = webd.visitor()
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
                    {"Origin": "https://cam.home.example.com", "Sec-Fetch-Site": "same-site"}):
        for form in ({}, {"token": "x" * 43}):
            answer = v.post("/.hagw/auth/logout", headers=headers, **form)
            assert answer.status == 303 and answer.headers["Location"] == "/.hagw/auth/login?return=/"
            assert answer.headers["Set-Cookie"] is None
    # The person's own browser, whose session has ended meanwhile, forgets its cookie.
    answer = v.post("/.hagw/auth/logout", headers={"Host": HOST, "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"})
    assert answer.status == 200 and answer.headers["Set-Cookie"].startswith("__Host-hagw=;")


# --- sessions --------------------------------------------------------------------------------------------------


def test_session_is_bound_to_its_host(webd):
    v = webd.visitor()
    v.login()
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, v.cookies["__Host-hagw"], host="cam.home.example.com")
    for bad in ["", "x", "A" * 22, "../../etc/passwd", v.cookies["__Host-hagw"] + "A"]:
        with pytest.raises(VarlinkError, match="NoSuchSession"):
            check(webd, bad)


def test_neither_secret_is_good_as_the_other(webd):
    v = webd.visitor()
    v.login()
    cookie = v.cookies["__Host-hagw"]
    token = webd.call("AddToken", user="anna", host=HOST, label="x")["token"]
    assert check(webd, cookie)["allowed"] and check(webd, token, kind="token")["allowed"]
    for secret, kind in [(cookie, "token"), (token, "cookie")]:
        with pytest.raises(VarlinkError, match="NoSuchSession"):
            check(webd, secret, kind=kind)
    with pytest.raises(VarlinkError, match="InvalidParameter"):
        check(webd, cookie, kind="password")
    # Nor on hagw-webd's own pages.
    thief = webd.visitor()
    thief.cookies["__Host-hagw"] = token
    assert thief.get("/.hagw/auth/logout").headers["Location"] == "/.hagw/auth/login?return=/"


def test_who_may_reach_what(webd):
    webd.call("AddUser", name="ben", password=PASSWORD, hosts=["ha.home.example.com", "dav.home.example.com", "*.lab.example.com"],
              groups=[])
    rows = [("anna", HOST, True), ("anna", "cam.home.example.com", True), ("anna", "dav.home.example.com", True),
            ("ben", HOST, True), ("ben", "cam.home.example.com", False), ("ben", "dav.home.example.com", False),
            ("ben", "one.lab.example.com", True), ("anna", "nowhere.example.com", False)]
    for user, host, allowed in rows:
        v = webd.visitor(host=host, address=f"203.0.113.{rows.index((user, host, allowed)) + 1}")
        assert v.login(user=user).status == 303
        assert check(webd, v.cookies["__Host-hagw"], host=host)["allowed"] == allowed, (user, host)
        page = v.get("/.hagw/auth/denied?return=/x")
        if allowed:
            assert page.status == 303 and page.headers["Location"] == "/x"
        else:
            assert page.status == 403 and user in page.text and host in page.text
            other = v.post("/.hagw/auth/logout", token=page.field("token"), **{"return": page.field("return")})
            assert other.status == 303 and other.headers["Location"] == "/.hagw/auth/login?return=/x"


def test_denied_without_session(webd):
    answer = webd.visitor().get("/.hagw/auth/denied?return=/a%3Fb%3Dc")
    assert answer.status == 303 and answer.headers["Location"] == "/.hagw/auth/login?return=/a%3Fb%3Dc"


def test_rights_change(webd):
    v = webd.visitor()
    v.login()
    cookie = v.cookies["__Host-hagw"]
    session = check(webd, cookie)["sessionId"]
    with webd.varlink() as link:
        stream = link.stream(f"{WEB}.WatchRevocations")
        next(stream)
        webd.call("SetUser", name="anna", hosts=["cam.home.example.com"], groups=None)
        assert next(stream) == {"sessionIds": [session], "cut": True}
        assert check(webd, cookie)["allowed"] is False
        assert webd.call("ListUsers")["users"][0]["groups"] == ["family"]
        webd.call("SetUser", name="anna", hosts=["*"])
        assert next(stream) == {"sessionIds": [session]}
        assert check(webd, cookie)["allowed"] is True
        hosts = {**HOSTS, "ha": HOSTS["ha"] + ' access: { users = ( "ben" ); };'}
        webd.house.configure("", **hosts)
        webd.reload()
        assert next(stream) == {"sessionIds": [session], "cut": True}
        assert check(webd, cookie)["allowed"] is False


def test_list_and_revoke(webd):
    visitors = [webd.visitor(address=f"203.0.113.{i}") for i in (1, 2, 3)]
    for v in visitors:
        v.headers["User-Agent"] = "Firefox\t/1"
        v.login()
    check(webd, visitors[0].cookies["__Host-hagw"], address="2001:db8::9")
    sessions = webd.call("ListSessions")["sessions"]
    assert {s["address"] for s in sessions} == {"2001:db8::9", "203.0.113.2", "203.0.113.3"}
    assert all(s["user"] == "anna" and s["host"] == HOST and s["userAgent"] == "Firefox/1" for s in sessions)
    assert all(s["createdUSec"] <= s["lastUsedUSec"] < s["expiresUSec"] for s in sessions)
    assert not any(v.cookies["__Host-hagw"] in str(sessions) for v in visitors)
    assert webd.call("RevokeSession", id=sessions[0]["id"], user=None) == {"revoked": 1}
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        webd.call("RevokeSession", id=sessions[0]["id"])
    with pytest.raises(VarlinkError, match="InvalidParameter"):
        webd.call("RevokeSession")
    assert webd.call("RevokeSession", user="anna") == {"revoked": 2}
    assert webd.call("RevokeSession", user="anna") == {"revoked": 0}
    assert webd.call("ListSessions") == {"sessions": []}


def test_lifetimes_follow_the_setting(webd):
    v = webd.visitor()
    v.login()
    assert check(webd, v.cookies["__Host-hagw"])["validUSec"] == 60_000_000
    webd.house.configure('login: { idle = "1min"; absolute = "1min"; };', **HOSTS)
    webd.reload()
    assert check(webd, v.cookies["__Host-hagw"])["validUSec"] < 60_000_000
    session = webd.call("ListSessions")["sessions"][0]
    assert session["expiresUSec"] - session["createdUSec"] == 60_000_000


# --- users -----------------------------------------------------------------------------------------------------


def test_users(webd):
    before = time.time() * 1e6
    webd.call("AddUser", name="ben", password="pässwörd mit ü", hosts=["HA.home.example.com."], groups=["guests"])
    ben = [u for u in webd.call("ListUsers")["users"] if u["name"] == "ben"][0]
    assert ben["hosts"] == [HOST] and ben["groups"] == ["guests"] and before <= ben["createdUSec"]
    assert "lastLoginUSec" not in ben and "hash" not in ben
    assert webd.visitor().login(user="ben", password="pässwörd mit ü").status == 303
    assert [u for u in webd.call("ListUsers")["users"] if u["name"] == "ben"][0]["lastLoginUSec"] >= before


def test_user_errors(webd):
    add = {"name": "ben", "password": PASSWORD, "hosts": [], "groups": []}
    for change, error in [({"name": "anna"}, "UserExists"), ({"name": "Ben"}, "BadUserName"), ({"name": ""}, "BadUserName"),
                          ({"name": "x" * 65}, "BadUserName"), ({"password": "short"}, "BadPassword"),
                          ({"password": "x" * 512}, "BadPassword"), ({"password": "PassWord"}, "BadPassword"),
                          ({"password": "ben.ben!"}, "BadPassword"), ({"hosts": ["two words"]}, "BadList"),
                          ({"groups": ["Upper"]}, "BadList"), ({"groups": ["g"] * 65}, "BadList")]:
        with pytest.raises(VarlinkError, match=f"io.hagw.Web.{error}"):
            webd.call("AddUser", **{**add, **change})
    for method, fields in [("SetPassword", {"password": PASSWORD}), ("SetUser", {}), ("RemoveUser", {})]:
        with pytest.raises(VarlinkError, match="io.hagw.Web.NoSuchUser"):
            webd.call(method, name="nobody", **fields)
    for password in ("short", "sunshine", "Anna2026"):
        with pytest.raises(VarlinkError, match="io.hagw.Web.BadPassword"):
            webd.call("SetPassword", name="anna", password=password)
    with pytest.raises(VarlinkError, match="InvalidParameter"):
        webd.call("AddUser", name="ben")
    assert [u["name"] for u in webd.call("ListUsers")["users"]] == ["anna"]


def test_no_password_without_the_list(house):
    d = start(house, env={"HAGW_DATA_DIR": "/nowhere"})
    with pytest.raises(VarlinkError, match="io.systemd.System"):
        d.call("AddUser", name="anna", password=PASSWORD, hosts=[], groups=[])
    assert d.call("ListUsers") == {"users": []} and "no password is taken" in d.text()


def test_password_change_ends_sessions(webd):
    v = webd.visitor()
    v.login()
    webd.call("SetPassword", name="anna", password="another password")
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, v.cookies["__Host-hagw"])
    assert webd.visitor().login().status == 403
    assert webd.visitor().login(password="another password").status == 303


def test_removed_user(webd):
    v = webd.visitor()
    v.login()
    webd.call("RemoveUser", name="anna")
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, v.cookies["__Host-hagw"])
    assert webd.visitor().login().status == 403
    assert webd.call("ListUsers") == {"users": []}


def test_secrets_stay_in(webd):
    v = webd.visitor()
    v.login()
    webd.visitor().login(user="my secret password", password="another secret")
    state = webd.house.root / "state" / "webd"
    stored = "".join(p.read_text(errors="replace") for p in state.iterdir())
    assert f"login at {HOST}: anna from 203.0.113.7" in webd.text()
    assert f"login-refused at {HOST}: an unknown user from 203.0.113.7" in webd.text()
    for secret in [PASSWORD, v.cookies["__Host-hagw"], "my secret", "another secret"]:
        assert secret not in stored and secret not in webd.text()
    assert '"hash":"$y$' in stored
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in state.iterdir())


# --- guessing --------------------------------------------------------------------------------------------------


def test_unknown_users_cost_and_look_the_same(webd):
    answers = {}
    for user in "anna", "anno":
        v = webd.visitor(address="203.0.113.5" if user == "anna" else "198.51.100.5")
        page = v.get("/.hagw/auth/login")
        before = figure(webd, "password_hashes")
        answer = v.post("/.hagw/auth/login", user=user, password="wrong password", token=page.field("token"))
        assert figure(webd, "password_hashes") == before + 1
        hidden = [page.field("token"), user]
        headers = [(k, v) for k, v in answer.headers.items() if k != "Date"]
        text = answer.text
        for word in hidden:
            text = text.replace(word, "")
        answers[user] = (answer.status, headers, text)
    assert answers["anna"] == answers["anno"]


def test_a_relays_word_makes_nobody_known(still):
    """Where a user was seen last is known from visits that came here by themselves: a relay could name any address."""
    def visitor(address, relay):
        v = still.visitor(address=address)
        v.headers.update({"X-Hagw-Relay": "1"} if relay else {})
        return v
    anna = visitor("203.0.113.7", relay=True)
    assert anna.login().status == 303
    assert still.call("ListSessions")["sessions"][0]["address"] == "203.0.113.7"
    assert [still.visitor(address=f"198.51.{i}.1").login(password="wrong password").status for i in range(5)] == [403] * 5
    for relay in (True, False):
        assert visitor("203.0.113.7", relay).login().status == 429
    still.kill()
    still.start()
    assert [still.visitor(address=f"198.51.{i}.1").login(password="wrong password").status for i in range(5)] == [403] * 5
    assert visitor("203.0.113.7", relay=False).login().status == 429
    check(still, anna.cookies["__Host-hagw"], address="192.0.2.77")
    assert visitor("192.0.2.77", relay=True).login().status == 429
    assert visitor("192.0.2.77", relay=False).login().status == 303


@pytest.mark.parametrize("user", ["anna", "nobody", "not a name!"])
def test_throttle(still, user):
    v = still.visitor()
    token = v.get("/.hagw/auth/login").field("token")

    def attempt(password="wrong password"):
        return v.post("/.hagw/auth/login", user=user, password=password, token=token)

    assert [attempt().status for _ in range(5)] == [403] * 5
    before = figure(still, "password_hashes")
    answer = attempt(PASSWORD)
    assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 2 and "Too many" in answer.error()
    assert figure(still, "password_hashes") == before and figure(still, "login_throttled") == 1
    # Another address of the same /24 may still try another account; the account itself is slowed for strangers …
    assert still.visitor(address="203.0.113.8").login(user="other").status == 403
    assert still.visitor(address="198.51.100.1").login(user=user).status == 429
    # … but not in the house.
    assert still.visitor(address="192.168.1.5", lan=True).login(user=user).status == (303 if user == "anna" else 403)
    # It lasts for a second, and twice as long after each further one.
    for wait in (1, 2, 4):
        still.clock.forward(wait - 1)
        assert attempt().status == 429
        still.clock.forward(1)
        assert attempt().status == 403


def wrong(webd, n, user="anna", network="198.51.{}.1", **keys):
    """Wrong passwords from n networks, as long as they are looked at."""
    return [webd.visitor(address=network.format(i), **keys).login(user=user, password="wrong password").status for i in range(n)]


def shut(still, user="anna", network="198.51.{}.1"):
    """Until the account waits, for strangers."""
    assert wrong(still, 6, user, network) == [403] * 5 + [429]


def refusals(webd):
    return [(r.get("user"), r.get("network"), r["wrong"], r["early"]) for r in webd.call("ListRefusals")["refusals"]]


def test_refusals_are_counted(still):
    """By account and network; what was typed is nobody's business, and somebody who does get in is no refusal."""
    assert refusals(still) == []
    v = still.visitor(address="203.0.113.7")
    assert [v.login(password="wrong password").status for _ in range(7)] == [403] * 5 + [429] * 2
    still.visitor(address="203.0.113.99").login(user="s3cret in the wrong field")
    still.visitor(address="2001:db8:1:2ff::9").login(password="wrong password")
    still.visitor(address="192.168.1.5", lan=True).login()
    assert refusals(still) == [("anna", "203.0.113.0/24", 5, 2), (None, "203.0.113.0/24", 1, 0), ("anna", "2001:db8:1:200::/56", 0, 1)]
    assert figure(still, "login_refused_hour") == 9 and figure(still, "login_refused_sources") == 3
    assert "s3cret" not in still.text()


def test_refusals_do_not_drown_the_journal(still):
    wrong(still, 1)
    for _ in range(40):
        still.visitor(address="198.51.0.77").login(password="wrong password")
    assert still.text().count("login-refused") == 1
    wrong(still, 3, user="ben", network="203.0.{}.1")
    assert still.text().count("login-refused") == 4
    still.stop()
    # What was held back is told at the end at the latest.
    assert re.findall("login-refused 40 times: anna from 198.51.0.0/24 .([0-9]+) wrong, ([0-9]+) too soon", still.text()) == [("4", "36")]


def test_refusals_from_everywhere(still):
    """As many networks as there are places, and more: still counted, in one line."""
    v = still.visitor()
    token = v.get("/.hagw/auth/login").field("token")
    for i in range(260):
        v.address = f"10.{i // 256}.{i % 256}.1"
        v.post("/.hagw/auth/login", user="anna", password="wrong password", token=token)
    found = refusals(still)
    assert len(found) == 257 and found[0] == (None, None, 0, 4)
    assert sum(r[2] + r[3] for r in found) == 260


def test_account_is_slow_inside_too(still):
    """The house's own networks guess at their own pace: not held up by strangers, but not without an end."""
    assert wrong(still, 6) == [403] * 5 + [429]
    assert wrong(still, 6, network="192.168.{}.1", lan=True) == [403] * 5 + [429]
    assert still.visitor(address="192.168.99.1", lan=True).login().status == 429
    assert still.visitor(address="192.168.99.2", lan=True).login(user="other").status == 403


@pytest.mark.parametrize("addresses", [[f"127.0.{i}.{i + 1}" for i in range(6)], [f"169.254.{i}.1" for i in range(6)],
                                       [f"fe80::{i}:1" for i in range(6)], [f"::ffff:127.0.0.{i + 1}" for i in range(5)] + ["::1"]])
def test_one_machine_has_one_budget(still, addresses):
    statuses = [still.visitor(address=a, lan=True).login(user=f"user{i}").status for i, a in enumerate(addresses)]
    assert statuses == [403] * 5 + [429]


DEVICE = "__Host-hagw-device"


def known(webd, user="anna", **keys):
    """A browser in which somebody was logged in, and is no more."""
    v = webd.visitor(**keys)
    assert v.login(user=user).status == 303
    seal = v.get("/.hagw/auth/logout").field("token")
    v.post("/.hagw/auth/logout", token=seal)
    assert list(v.cookies) == [DEVICE]
    return v


def again(v):
    """A login in a browser that may be logged in already."""
    v.cookies.pop("__Host-hagw", None)
    return v.login()


def test_known_browser_has_its_own_budget(still):
    v, second = known(still, address="192.0.2.50"), known(still, address="203.0.114.1")
    flags = [c for c in still.visitor(address="192.0.2.51").login().headers.get_all("Set-Cookie") if c.startswith(DEVICE)][0]
    assert re.fullmatch(DEVICE + r"=[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{22}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=34560000", flags)
    still.call("RevokeSession", id=None, user="anna")
    # Strangers guess at the account, and from its very address.
    wrong(still, 20)
    for _ in range(10):
        still.visitor(address="192.0.2.50").login(password="wrong password")
    assert still.visitor(address="203.0.113.1").login().status == 429
    assert again(v).status == 303 and again(v).status == 303
    # Its own wrong ones do count, for it alone.
    assert [second.login(password="wrong password").status for _ in range(6)] == [403] * 5 + [429]
    assert second.login().status == 429 and again(v).status == 303
    assert still.visitor(address="203.0.114.1").login(user="other").status == 403


def test_device_cookie_is_no_session(webd):
    v = known(webd)
    assert v.get("/.hagw/auth/login").status == 200 and v.get("/.hagw/auth/logout").status == 303
    for value in (v.cookies[DEVICE], *v.cookies[DEVICE].split(".")):
        with pytest.raises(VarlinkError) as e:
            check(webd, value)
        assert e.value.name == f"{WEB}.NoSuchSession"


def test_device_cookie_ends_with_the_password(still, house):
    v, other = known(still, address="192.0.2.50"), known(still, host="cam.home.example.com", address="192.0.2.50")
    still.stop()
    still.start()
    shut(still)
    assert v.login().status == 303, "it outlives a restart"
    # Neither at another host, nor for another user, nor after a change of the password.
    still.call("RevokeSession", id=None, user="anna")
    v.cookies = dict(other.cookies)
    assert still.visitor(address="203.0.113.1").login().status == 429 == v.login().status
    still.call("AddUser", name="ben", password=PASSWORD, hosts=["*"], groups=[])
    v = known(still, user="ben", address="192.0.2.60")
    assert v.login().status == 429
    still.call("SetPassword", name="ben", password=PASSWORD + "!")
    shut(still, user="ben", network="199.51.{}.1")
    assert v.login(user="ben", password=PASSWORD + "!").status == 429


def test_shared_browser_is_known_for_both(still):
    still.call("AddUser", name="ben", password=PASSWORD, hosts=["*"], groups=[])
    v = known(still)
    assert v.login(user="ben").status == 303
    del v.cookies["__Host-hagw"]
    still.call("RevokeSession", id=None, user="ben")
    shut(still, user="ben", network="199.51.{}.1")
    shut(still)  # last, for a stranger is to find it shut
    assert still.visitor(address="192.0.2.1").login().status == 429
    assert v.login().status == 303
    del v.cookies["__Host-hagw"]
    assert v.login(user="ben").status == 303


def test_known_browser_passes_a_queue_of_strangers(webd):
    """While strangers from everywhere fill the queue again and again, whoever is known is never told that it is full."""
    v, stop, seen = known(webd), threading.Event(), []

    def flood(i):
        n = 0
        while not stop.is_set():
            n += 1
            seen.append(webd.visitor(address=f"10.{i}.{n % 250}.1").login(user=f"user{i}-{n}", password="wrong password").status)

    threads = [threading.Thread(target=flood, args=(i,)) for i in range(24)]
    [t.start() for t in threads]
    try:
        end = time.monotonic() + 60
        while 503 not in seen:
            assert time.monotonic() < end, "the queue never filled up"
            time.sleep(0.01)
        assert [again(v).status for _ in range(4)] == [303] * 4
    finally:
        stop.set()
        [t.join() for t in threads]


def test_owner_is_not_locked_out(still):
    v = still.visitor(address="2001:db8:1:2::3")
    assert v.login().status == 303
    for i in range(6):
        still.visitor(address=f"198.51.{i}.1").login(password="wrong password")
    assert still.visitor(address="198.51.99.1").login().status == 429
    assert still.visitor(address="2001:db8:1:2::4").login().status == 303


def test_many_at_once(webd):
    """More tries at once than the queue takes, each by another address: some are told to come back, at most 18 hashes are
    computed, and the loop answers other things meanwhile."""
    tokens = [(v := webd.visitor(address=f"10.{i}.0.1"), v.get("/.hagw/auth/login").field("token")) for i in range(64)]
    before, answers = figure(webd, "password_hashes"), []

    def attempt(v, i, token):
        answers.append(v.post("/.hagw/auth/login", user=f"user{i}", password="wrong password", token=token))

    threads = [threading.Thread(target=attempt, args=(v, i, t)) for i, (v, t) in enumerate(tokens)]
    for t in threads:
        t.start()
    started = time.monotonic()
    assert webd.visitor().get("/.hagw/auth/login").status == 200
    waited = time.monotonic() - started
    for t in threads:
        t.join(60)
    took = time.monotonic() - started
    statuses = [a.status for a in answers]
    assert len(statuses) == 64 and set(statuses) == {403, 503}
    assert all(a.headers["Retry-After"] == "2" for a in answers if a.status == 503)
    assert figure(webd, "password_hashes") - before == statuses.count(403)
    assert waited < max(2, took / 2), "a page waited for the hashes"


# --- the way in ------------------------------------------------------------------------------------------------


def as_nobody(code, *args):
    return subprocess.run([sys.executable, "-c", code, *map(str, args)], user=12345, group=12345, extra_groups=[],
                          capture_output=True, text=True, timeout=60)


def open_to_all(webd):
    for p in [webd.web, webd.path]:
        p.chmod(0o777)
        for parent in p.parents:
            if str(parent).startswith("/tmp/") :
                parent.chmod(parent.stat().st_mode | 0o711)


def test_wrong_uid_http(webd):
    open_to_all(webd)
    r = as_nobody("""
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])
try:
    s.sendall(b"GET /.hagw/auth/login HTTP/1.1\\r\\nHost: a\\r\\nX-Hagw-Host: a.b\\r\\nX-Forwarded-For: 192.0.2.1\\r\\nX-Hagw-Lan: 1\\r\\n\\r\\n")
    print(repr(s.recv(100)))
except (BrokenPipeError, ConnectionResetError):
    print("b''")
""", webd.web)
    assert r.stdout == "b''\n", r
    assert "may not call" in webd.text()


@pytest.mark.parametrize("headers", [
    {"X-Hagw-Host": None}, {"X-Hagw-Host": "two words"}, {"X-Forwarded-For": None}, {"X-Forwarded-For": "unknown"},
    {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}, {"X-Forwarded-For": "[2001:db8::1]:80"}, {"X-Hagw-Lan": None}])
def test_proxy_headers_are_needed(webd, headers):
    assert webd.visitor().get("/.hagw/auth/login", **headers).status == 400


def raw(webd, data, timeout=20):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(str(webd.web))
    received = b""
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while chunk := s.recv(65536):
            received += chunk
    except (BrokenPipeError, ConnectionResetError):
        pass
    s.close()
    return received


HEAD = f"Host: x\r\nX-Hagw-Host: {HOST}\r\nX-Forwarded-For: 192.0.2.1\r\nX-Hagw-Lan: 0\r\n".encode()


def test_header_given_twice(webd):
    for twice in [b"X-Hagw-Lan: 1", b"X-Forwarded-For: 10.0.0.1", b"X-Hagw-Host: other.example.com"]:
        assert raw(webd, b"GET /.hagw/auth/status HTTP/1.1\r\n" + HEAD + twice + b"\r\n\r\n").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("data", [
    b"", b"\0" * 1000, b"\x16\x03\x01\x02\x00" + b"\xff" * 512, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 200_000,
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n",
    b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\nuser=an",
    b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"a" * 4096 + b"\r\n" * 300],
    ids=range(11))
def test_garbage(webd, data):
    answer = raw(webd, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5") or answer.startswith(b"HTTP/1.0 5")
    assert webd.visitor().get("/.hagw/auth/login").status == 200


def test_bodies(webd):
    v = webd.visitor()
    form = "application/x-www-form-urlencoded"
    assert v.request("POST", "/.hagw/auth/login", "x" * 9000, {"Content-Type": form}).status == 413
    assert raw(webd, b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + b"Content-Length: 99999999\r\n\r\n").startswith(b"HTTP/1.1 413")
    chunked = b"Transfer-Encoding: chunked\r\nContent-Type: " + form.encode() + b"\r\n\r\n" + b"2000\r\n" + b"a" * 8192 + b"\r\n10\r\n"
    assert raw(webd, b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + chunked + b"a" * 16 + b"\r\n0\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert v.request("POST", "/.hagw/auth/login", "{}", {"Content-Type": "application/json"}).status == 415
    assert v.request("POST", "/.hagw/auth/login", "user=%zz", {"Content-Type": form}).status == 400
    assert v.request("POST", "/.hagw/auth/login", "", {"Content-Type": form}).status == 400
    assert v.request("PUT", "/.hagw/auth/login", "x").status == 405
    assert v.request("DELETE", "/.hagw/auth/status").status == 404
    head = v.request("HEAD", "/.hagw/auth/login")
    assert head.status == 200 and head.body == b""
    assert v.get("/").status == v.get("/.hagw/").status == v.get("/.hagw/loginx").status == 404


def test_connection_limit(webd):
    """The 257th connection waits; it is served as soon as another goes."""
    idle = []
    for _ in range(256):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(webd.web))
        idle.append(s)
    late = Unix(webd.web)
    late.timeout = 1
    late.request("GET", "/.hagw/auth/login", headers=dict(h.split(": ") for h in HEAD.decode().split("\r\n")[1:-1]))
    with pytest.raises(TimeoutError):
        late.getresponse()
    late.sock.settimeout(20)
    for s in idle:
        s.close()
    assert late.sock.recv(15).startswith(b"HTTP/1.1 200")


def test_slow_bodies_do_not_keep_others_out(webd):
    slow = []
    for _ in range(300):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(webd.web))
        s.sendall(b"POST /.hagw/auth/login HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\nuser=")
        slow.append(s)
    started = time.monotonic()
    for _ in range(5):
        assert webd.visitor().login().status == 303
    assert time.monotonic() - started < 8
    for s in slow:
        s.close()


# --- challenges, status, metrics -------------------------------------------------------------------------------


def test_challenge(webd):
    v = webd.visitor(host="www.elsewhere.example")
    path = "/.well-known/acme-challenge/tok-_1"
    assert v.get(path).status == 404
    webd.call("PublishChallenge", token="tok-_1", keyAuthorization="tok-_1.thumbprint")
    answer = v.get(path)
    assert answer.status == 200 and answer.body == b"tok-_1.thumbprint"
    assert v.get(path + "x").status == 404 and v.get("/.well-known/acme-challenge/").status == 404
    with pytest.raises(VarlinkError, match="BadChallenge"):
        webd.call("PublishChallenge", token="a", keyAuthorization="b.c")
    webd.call("WithdrawChallenge", token="tok-_1")
    webd.call("WithdrawChallenge", token="tok-_1")
    assert v.get(path).status == 404
    for i in range(64):
        webd.call("PublishChallenge", token=f"t{i}", keyAuthorization=f"t{i}.x")
    with pytest.raises(VarlinkError, match="io.hagw.Web.Full"):
        webd.call("PublishChallenge", token="more", keyAuthorization="more.x")


def test_metrics(webd):
    assert webd.visitor().get("/.hagw/metrics").status == 404
    webd.visitor().login(password="wrong password")
    v = webd.visitor(lan=True)
    answer = v.get("/.hagw/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    lines = answer.text.split("\n")
    assert lines[-2:] == ["# EOF", ""]
    assert 'hagw_up{daemon="webd"} 1' in lines and 'hagw_up{daemon="dnsd"} 0' in lines
    assert 'hagw_login_failures_total{daemon="webd"} 1' in lines and "# TYPE hagw_login_failures counter" in lines
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert v.get("/metrics").status == 200


def test_a_relay(webd, house):
    """hagw-tenantd is asked where there is a relay, and nowhere else: asking would start it."""
    v = webd.visitor(lan=True)
    assert "tenantd" not in v.get("/metrics").text and "tenantd" not in v.get("/.hagw/auth/status").text
    main = house.config / "hagw.conf"
    main.write_text(main.read_text() + 'zones = ( { name = "relay.example.com"; } );\ntenants: { zone = "relay.example.com"; };\n')
    webd.reload()
    tenantd = house.daemon("tenantd", "io.hagw.Tenant")
    tenantd.call("Add", name="anna")
    lines = v.get("/metrics").text.split("\n")
    assert 'hagw_up{daemon="tenantd"} 1' in lines and 'hagw_tenants{daemon="tenantd"} 1' in lines
    assert "1 tenant" in v.get("/.hagw/auth/status").text


def test_status(webd):
    assert webd.visitor().get("/.hagw/auth/status").status == 404
    answer = webd.visitor(lan=True).get("/.hagw/auth/status")
    assert answer.status == 200 and "Certificates" in answer.text and "does not answer" in answer.text
    assert "1 user, 0 sessions" in answer.text


@pytest.mark.parametrize("accept,words", [
    ("de", ["Öffentliche Adressen", "Zertifikate", "Dienste", "antwortet nicht", "läuft", "noch 44 d", "vor 3 min bestätigt",
            "gestört", "&lt;b&gt;"]),
    ("fr-CH, en;q=0.5", ["Adresses publiques", "Certificats", "Services", "ne répond pas", "en marche", "encore 44 j",
                         "confirmé il y a 3 min", "en panne", "&lt;b&gt;"]),
    ("en", ["Public addresses", "Certificates", "Daemons", "does not answer", "running", "44 d left",
            "confirmed 3 min ago", "failing", "&lt;b&gt;"])])
def test_status_language(webd, house, accept, words):
    """Everything but what the daemons say in their own words."""
    now = time.time_ns() // 1000
    said = {"Net": {"addresses": [{"family": "ipv4", "source": "static:", "address": "203.0.113.1", "error": None,
                                   "confirmedUSec": now - 200_000_000, "changedUSec": 1}]},
            "Proxy": {"hosts": [{"name": "ha.home.example.com", "health": "failing", "error": "<b>down</b>"}]},
            "Acme": {"certificates": [{"name": "home.example.com", "state": "valid",
                                       "notAfterUSec": now + 44 * 86_400_000_000 + 3_600_000_000}]}}
    listeners = []
    for name, parameters in said.items():
        listeners.append(socket.socket(socket.AF_UNIX))
        listeners[-1].bind(str(house.runtime / f"io.hagw.{name}"))
        listeners[-1].listen(8)
        threading.Thread(target=answer_once_each, args=(listeners[-1], parameters), daemon=True).start()
    answer = webd.visitor(lan=True).get("/.hagw/auth/status", **{"Accept-Language": accept})
    for s in listeners:
        s.close()
    assert answer.status == 200 and answer.headers["Content-Language"] == accept[:2]
    assert [w for w in words if w not in answer.text] == [], answer.text
    others = {"Public addresses", "Öffentliche Adressen", "Adresses publiques"} - set(words)
    assert not [w for w in others if w in answer.text]


def answer_once_each(listener, parameters):
    """In another daemon's place: every call but Describe gets these."""
    while True:
        try:
            s, _ = listener.accept()
        except OSError:
            return
        with s:
            call = b""
            while not call.endswith(b"\0"):
                call += s.recv(4096)
            reply = {"parameters": parameters} if b"Describe" not in call else {"error": "io.hagw.Nothing", "parameters": {}}
            s.sendall(json.dumps(reply).encode() + b"\0")


def test_many_ask_for_metrics(webd):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(webd.visitor(lan=True).get("/metrics"))) for _ in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert [a.status for a in answers] == [200] * 100


# --- what survives ---------------------------------------------------------------------------------------------


def test_kill_keeps_users_and_sessions(webd):
    v = webd.visitor()
    page = v.get("/.hagw/auth/login")
    v.login()
    webd.kill()
    webd.start()
    assert check(webd, v.cookies["__Host-hagw"])["user"] == "anna"
    webd.call("AddUser", name="ben", password=PASSWORD, hosts=["*"], groups=[])
    webd.kill()
    webd.start()
    assert [u["name"] for u in webd.call("ListUsers")["users"]] == ["anna", "ben"]
    # A form that was open meanwhile is still good.
    w = webd.visitor()
    w.cookies = {"__Host-hagw-form": page.cookies()["__Host-hagw-form"]}
    assert w.post("/.hagw/auth/login", user="ben", password=PASSWORD, token=page.field("token")).status == 303
    assert webd.call("RevokeSession", user="anna")["revoked"] == 1
    webd.kill()
    webd.start()
    assert [s["user"] for s in webd.call("ListSessions")["sessions"]] == ["ben"]


def test_use_is_not_written_each_time(webd):
    v = webd.visitor()
    v.login()
    file = webd.house.root / "state" / "webd" / "sessions.json"
    before, text = file.stat().st_ino, file.read_text()
    for _ in range(50):
        check(webd, v.cookies["__Host-hagw"])
    assert file.stat().st_ino == before
    assert webd.stop() == 0
    assert file.read_text() != text
    webd.start()
    assert check(webd, v.cookies["__Host-hagw"])["allowed"]


@pytest.mark.parametrize("name", ["users.json", "sessions.json"])
@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "object"])
def test_broken_state(webd, name, damage):
    v = webd.visitor()
    v.login()
    assert webd.stop() == 0
    file = webd.house.root / "state" / "webd" / name
    text = file.read_bytes()
    file.write_bytes({"cut": text[:len(text) // 2], "empty": b"", "zeros": b"\0" * 100, "object": b'{"users":[]}'}[damage])
    webd.start()
    aside = file.with_name(name + ".broken")
    assert aside.exists() and name in webd.text()
    assert f"{name}: it could not be read, kept as {name}.broken" in webd.call("io.hagw.Service.Describe")["status"]
    assert name in webd.visitor(lan=True).get("/.hagw/auth/status").text
    assert webd.visitor(address="198.51.100.77").login().status == (303 if name == "sessions.json" else 403)


def test_one_broken_entry(webd):
    webd.call("AddUser", name="ben", password=PASSWORD, hosts=["*"], groups=[])
    assert webd.stop() == 0
    file = webd.house.root / "state" / "webd" / "users.json"
    text = file.read_text()
    file.write_text(text.replace('"name":"anna"', '"name":"Not A Name"'))
    webd.start()
    assert [u["name"] for u in webd.call("ListUsers")["users"]] == ["ben"]
    assert "Not A Name" in file.with_name("users.json.broken").read_text()
    assert "1 entry could not be read" in webd.call("io.hagw.Service.Describe")["status"]
    assert webd.visitor().login(user="ben").status == 303


def test_lost_key(webd):
    v = webd.visitor()
    page = v.get("/.hagw/auth/login")
    assert webd.stop() == 0
    (webd.house.root / "state" / "webd" / "form.key").write_bytes(b"short")
    webd.start()
    answer = v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=page.field("token"))
    assert answer.status == 403 and "grown old" in answer.error()
    assert v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=answer.field("token")).status == 303


def test_full_disk_undoes_a_user(webd, house):
    """Where a user cannot be stored, there is no such user."""
    state = house.root / "state" / "webd"
    (state / "users.json.new").mkdir()
    (state / "users.json.new" / "x").touch()
    with pytest.raises(VarlinkError):
        webd.call("AddUser", name="ben", password=PASSWORD, hosts=[], groups=[])
    assert [u["name"] for u in webd.call("ListUsers")["users"]] == ["anna"]
    with pytest.raises(VarlinkError):
        webd.call("SetPassword", name="anna", password="another password")
    with pytest.raises(VarlinkError):
        webd.call("SetUser", name="anna", hosts=[], groups=[])
    assert webd.call("ListUsers")["users"][0]["hosts"] == ["*"]
    assert webd.visitor().login().status == 303
    (state / "users.json.new" / "x").unlink()
    (state / "users.json.new").rmdir()
    webd.call("SetPassword", name="anna", password="another password")


@pytest.mark.parametrize("method,fields", [("SetPassword", {"name": "anna", "password": "another password"}),
                                           ("RemoveUser", {"name": "anna"}), ("RevokeSession", {"user": "anna"})])
def test_full_disk_says_that_sessions_may_come_back(webd, house, method, fields):
    """Whoever takes somebody's access away hears it where a restart could give it back, also when he tries again."""
    v = webd.visitor()
    v.login()
    blocked = house.root / "state" / "webd" / "sessions.json.new"
    blocked.mkdir()
    (blocked / "x").touch()
    for _ in range(2):
        with pytest.raises(VarlinkError, match="io.hagw.Web.NotStored"):
            webd.call(method, **fields)
        with pytest.raises(VarlinkError, match="NoSuchSession"):
            check(webd, v.cookies["__Host-hagw"])
    if method == "RemoveUser":
        with pytest.raises(VarlinkError, match="io.systemd.System"):
            webd.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=["family"])
    (blocked / "x").unlink()
    blocked.rmdir()
    if method == "RemoveUser":
        with pytest.raises(VarlinkError, match="NoSuchUser"):
            webd.call(method, **fields)
    else:
        webd.call(method, **fields)
    if method == "RemoveUser":
        webd.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=["family"])
    webd.kill()
    webd.start()
    with pytest.raises(VarlinkError, match="NoSuchSession"):
        check(webd, v.cookies["__Host-hagw"])


def test_stop_with_requests_under_way(webd):
    """SIGTERM while hashes and questions are under way: a clean end (sanitizers look), nobody waits for ever."""
    tokens = [(v := webd.visitor(address=f"10.{i}.0.1"), v.get("/.hagw/auth/login").field("token")) for i in range(12)]

    def attempt(v, token):
        try:
            v.post("/.hagw/auth/login", user="anna", password=PASSWORD, token=token)
            v.get("/metrics")
        except OSError:
            pass
        except http.client.HTTPException:
            pass

    threads = [threading.Thread(target=attempt, args=t) for t in tokens]
    for t in threads:
        t.start()
    time.sleep(0.05)
    assert webd.stop() == 0
    # The listener is the test's, as it is systemd's: it must go too, or late callers wait in its queue.
    webd.web.unlink()
    for s in [s for n, s in webd.fds if n == "web"]:
        s.close()
    for t in threads:
        t.join(40)
    assert not any(t.is_alive() for t in threads)


def test_a_stop_waits_for_what_is_under_way(webd):
    """Answers are whole; who comes now waits for the next process; nobody who says nothing more is waited for for ever."""
    def half():
        c = Unix(webd.web)
        c.connect()
        c.sock.sendall(f"POST /.hagw/auth/login HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nuser=".encode())
        return c
    ready, silent = half(), half()
    webd.visitor().get("/.hagw/auth/login")  # by now both have been read
    webd.process.send_signal(signal.SIGTERM)
    assert webd.stopping.acquire(timeout=30)
    late = Unix(webd.web)
    late.connect()
    late.sock.sendall(f"GET /.hagw/auth/login HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    ready.sock.sendall(b"anna&")
    r = http.client.HTTPResponse(ready.sock, method="POST")
    r.begin()
    assert r.status < 500 and len(r.read()) == int(r.headers["Content-Length"])
    assert webd.process.poll() is None
    assert webd.process.wait(30) == 0
    assert silent.sock.recv(1) == b""
    webd.start()
    r = http.client.HTTPResponse(late.sock, method="GET")
    r.begin()
    assert r.status == 400  # nobody passes without what hagw-proxyd says of him


def test_a_clock_that_was_ahead(webd):
    """A session that was begun in three years has its life from now on, and not three years more."""
    v = webd.visitor()
    v.login()
    assert webd.stop() == 0
    file = webd.house.root / "state" / "webd" / "sessions.json"
    sessions, ahead = json.loads(file.read_text()), int(3 * 365 * 86400e6)
    right = [(s["createdUSec"], s["lastUsedUSec"]) for s in sessions]
    file.write_text(json.dumps([{**s, "createdUSec": s["createdUSec"] + ahead, "lastUsedUSec": s["lastUsedUSec"] + ahead}
                                for s in sessions]))
    webd.start()
    assert check(webd, v.cookies["__Host-hagw"])["allowed"]
    session, now = webd.call("ListSessions")["sessions"][0], time.time() * 1e6
    assert right[0][0] <= session["createdUSec"] <= now and right[0][1] <= session["lastUsedUSec"] <= now
    assert session["expiresUSec"] < now + 200 * 86400e6

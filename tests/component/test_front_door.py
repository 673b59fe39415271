# SPDX-License-Identifier: LGPL-2.1-or-later
"""The front door as a visitor meets it: hagw-proxyd with the real hagw-webd behind it, over TLS."""

import json
import os
import re
import signal
import socket
import urllib.parse

import pytest
from conftest import VarlinkError
from proxyhouse import HOST, ProxyHouse, Upstream, echo

CAM = "cam.home.example.com"
PASSWORD = "correct horse battery"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Door(ProxyHouse):
    def open_web(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.house.runtime / "web"))
        os.chmod(self.house.runtime / "web", 0o777)
        listener.listen(256)
        self.webd = self.house.daemon("webd", "io.hagw.Web", sockets={"web": [listener]})
        self.webd.call("AddUser", name="anna", password=PASSWORD, hosts=["*"], groups=["family"])
        self.webd.call("AddUser", name="ben", password=PASSWORD, hosts=[CAM], groups=[])


class Browser:
    def __init__(self, door, name=HOST):
        self.door, self.name, self.cookies = door, name, {}

    def visit(self, method, path, fields=None, **headers):
        headers = {**PAGE, **{k.replace("_", "-"): v for k, v in headers.items()}}
        body = None
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{self.name}",
                        "Sec-Fetch-Site": "same-origin"}
        answer = self.door.visit(method, path, name=self.name, body=body, headers=headers)
        for c in answer.headers.get_all("Set-Cookie", []):
            k, v = c.split(";")[0].split("=", 1)
            self.cookies[k] = v
            if not v:
                del self.cookies[k]
        answer.connection.close()
        answer.text = answer.body.decode()
        return answer

    def login(self, path, user, password=PASSWORD):
        page = self.visit("GET", path)
        assert page.status == 200, page.text
        field = {n: re.search(rf'name="{n}" value="([^"]*)"', page.text)[1] for n in ("token", "return")}
        return self.visit("POST", "/.hagw/auth/login", {"user": user, "password": password, **field})


@pytest.fixture
def door(house):
    service = Upstream(echo)
    access = 'access: { groups = ( "family" ); };'
    d = Door(house, ha=f'name = "{HOST}"; upstream = "{service.url}"; {access}',
             cam=f'name = "{CAM}"; upstream = "{service.url}"; access: {{ login = "required"; }};')
    d.open_web()
    d.certify(HOST, CAM)
    d.start()
    d.wait(lambda: d.proxyd_certificates() == {HOST, CAM})
    yield d
    d.close()
    service.close()


def test_login_and_logout(door):
    b = Browser(door)
    first = b.visit("GET", "/lovelace/0?a=b%20c")
    assert first.status == 303
    after = b.login(first.headers["Location"], "anna")
    assert after.status == 303 and after.headers["Location"] == "/lovelace/0?a=b%20c"
    answer = b.visit("GET", after.headers["Location"])
    assert answer.status == 200
    seen = json.loads(answer.text)
    assert seen["target"] == "/lovelace/0?a=b%20c" and b.cookies["__Host-hagw"] not in answer.text
    page = b.visit("GET", "/.hagw/auth/logout")
    cookie = b.cookies["__Host-hagw"]
    token = re.search(r'name="token" value="([^"]*)"', page.text)[1]
    assert b.visit("POST", "/.hagw/auth/logout", {"token": token}).status == 200 and "__Host-hagw" not in b.cookies
    # Over at once, although hagw-proxyd had kept the answer about the session.
    b.cookies["__Host-hagw"] = cookie
    door.wait(lambda: b.visit("GET", "/").status == 303, seconds=2)


def test_a_question_that_hagw_webd_takes_along(door):
    """It ended before it had answered: the one that comes in its place is asked."""
    def ask(s):
        s.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nCookie: __Host-hagw=" + os.urandom(16).hex().encode() + b"\r\n\r\n")

    def answer(s):
        f = s.makefile("rb")
        return int(f.readline().split()[1])
    with door.tls(HOST) as s:
        ask(s)  # from now on they are connected
        assert answer(s) == 401
    door.webd.process.send_signal(signal.SIGSTOP)
    before = door.figure("proxy_requests")
    with door.tls(HOST) as s:
        ask(s)
        door.wait(lambda: door.figure("proxy_requests") > before)
        for _ in range(50):
            door.figure("proxy_requests")  # each is a turn of its loop, in which it asks hagw-webd
        door.webd.kill()
        door.webd.start()
        assert answer(s) == 401


def test_a_reload_while_the_session_is_asked_for(door):
    """What is judged anew goes where the new configuration leads, and not where the connection's requests went before: here the new
    service asks for no login, and the old one does."""
    b, other = Browser(door), Upstream(echo)
    assert b.login(b.visit("GET", "/").headers["Location"], "anna").status == 303
    with door.tls(HOST) as s:
        f = s.makefile("rb")

        def ask(target, cookie):
            s.sendall(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nCookie: __Host-hagw={cookie}\r\n\r\n".encode())

        def answer():
            status = int(f.readline().split()[1])
            size = 0
            while (line := f.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            return status, f.read(size)

        ask("/first", b.cookies["__Host-hagw"])
        assert answer()[0] == 200
        before = door.figure("proxy_requests")
        door.webd.process.send_signal(signal.SIGSTOP)
        ask("/second", os.urandom(16).hex())
        door.wait(lambda: door.figure("proxy_requests") > before)
        door.house.configure("", ha=f'name = "{HOST}"; upstream = "{other.url}"; access: {{ login = "none"; }};')
        door.proxyd.reload()
        door.webd.process.send_signal(signal.SIGCONT)
        status, text = answer()
    assert status == 200 and json.loads(text)["target"] == "/second", text
    assert [r.target for r in other.requests if not r.target.startswith("/.hagw")].count("/second") == 1
    other.close()


def test_questions_while_the_main_thread_is_held_up(house):
    """More questions about sessions than a socket holds answers for, and nobody there to read them for a while: hagw-webd cuts
    who goes on without reading, and that must not be hagw-proxyd."""
    n = 400
    door = Door(house, "proxy: { handshakes_per_address = 0; };",
                ha=f'name = "{HOST}"; upstream = "http://127.0.0.1:9"; access: {{ login = "required"; }};')
    door.open_web()
    door.certify(HOST)
    door.start()
    door.wait(lambda: door.proxyd_certificates() == {HOST})
    context = door.context()
    visitors = [door.tls(HOST, context) for _ in range(n)]
    before = door.figure("proxy_requests")
    door.webd.process.send_signal(signal.SIGSTOP)
    for v in visitors:
        v.sendall(b"GET / HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\nCookie: __Host-hagw=" + os.urandom(16).hex().encode() + b"\r\n\r\n")
    door.wait(lambda: door.figure("proxy_requests") >= before + n)
    door.proxyd.process.send_signal(signal.SIGSTOP)
    door.webd.process.send_signal(signal.SIGCONT)
    with door.webd.varlink() as link:
        for _ in range(n):  # each is a turn of its loop, in which it answers hagw-proxyd, too
            link.call("org.varlink.service.GetInfo")
    door.proxyd.process.send_signal(signal.SIGCONT)
    assert {v.recv(12) for v in visitors} == {b"HTTP/1.1 401"}
    door.close()


def test_wrong_password(door):
    b = Browser(door)
    answer = b.login("/.hagw/auth/login?return=/x", "anna", "wrong password")
    assert answer.status == 403 and 'name="return" value="/x"' in answer.text and "__Host-hagw" not in b.cookies
    assert b.login("/.hagw/auth/login?return=/x", "anna").headers["Location"] == "/x"


def test_denied(door):
    b = Browser(door)
    assert b.login("/.hagw/auth/login", "ben").status == 303
    answer = b.visit("GET", "/energy?x=1")
    assert answer.status == 303 and answer.headers["Location"] == "/.hagw/auth/denied?return=/energy%3Fx%3D1"
    page = b.visit("GET", answer.headers["Location"])
    assert page.status == 403 and "ben" in page.text and HOST in page.text
    token = re.search(r'name="token" value="([^"]*)"', page.text)[1]
    other = b.visit("POST", "/.hagw/auth/logout", {"token": token, "return": "/energy?x=1"})
    assert other.status == 303 and other.headers["Location"] == "/.hagw/auth/login?return=/energy%3Fx%3D1"
    assert b.login(other.headers["Location"], "anna").headers["Location"] == "/energy?x=1"
    assert b.visit("GET", "/energy?x=1").status == 200
    # A program gets the status alone.
    c = Browser(door)
    c.login("/.hagw/auth/login", "ben")
    r = door.visit("GET", "/api/", headers={"Accept": "application/json", "Cookie": f"__Host-hagw={c.cookies['__Host-hagw']}"})
    assert r.status == 403
    r.connection.close()


def test_session_of_another_host(door):
    b = Browser(door)
    b.login("/.hagw/auth/login", "anna")
    c = Browser(door, CAM)
    c.cookies = dict(b.cookies)
    assert c.visit("GET", "/").status == 303
    assert c.login("/.hagw/auth/login", "ben").status == 303 and c.visit("GET", "/").status == 200


def test_forged_headers(door):
    """What hagw-proxyd says about a visitor is not the visitor's to say."""
    b = Browser(door)
    page = b.visit("GET", "/.hagw/auth/login", X_Hagw_Host="evil.example", X_Forwarded_For="1.2.3.4", X_Hagw_Lan="1")
    assert page.status == 200 and "evil" not in page.text and HOST in page.text
    b.login("/.hagw/auth/login", "anna")
    assert door.webd.call("ListSessions")["sessions"][0]["address"] == "127.0.0.1"
    # Loopback counts as the house's own network.
    assert b.visit("GET", "/.hagw/auth/status").status == 200
    assert 'hagw_up{daemon="proxyd"} 1' in b.visit("GET", "/.hagw/metrics").text


# --- programs that keep no cookies ---------------------------------------------------------------------------

def ask(door, token, name=HOST, **headers):
    fields = {**({"X-Hagw-Token": token} if token else {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
    answer = door.visit(name=name, headers=fields)
    answer.connection.close()
    return answer


def test_token(door):
    made = door.webd.call("AddToken", user="anna", host=HOST.upper(), label="backup script")
    assert made["allowed"] and len(made["token"]) == 22
    answer = ask(door, made["token"], Authorization="Bearer home-assistants-own")
    assert answer.status == 200
    fields = [(n.lower(), v) for n, v in json.loads(answer.body)["fields"]]
    assert ("authorization", "Bearer home-assistants-own") in fields, "the service's own login is not touched"
    assert made["token"] not in answer.body.decode() and [n for n, _ in fields if n.startswith("x-hagw")] == ["x-hagw-outer"]
    listed, = door.webd.call("ListSessions")["sessions"]
    assert (listed["id"], listed["user"], listed["host"], listed["userAgent"], listed["address"]) == \
        (made["sessionId"], "anna", HOST, "backup script", "127.0.0.1")
    assert "expiresUSec" not in listed
    # It is good at its host alone, and so is its user's right.
    assert ask(door, made["token"], CAM).status == 401
    other = door.webd.call("AddToken", user="ben", host=HOST, label="x")
    assert not other["allowed"] and ask(door, other["token"]).status == 403
    for wrong in ("A" * 22, made["token"][:-1], "", made["token"] + "=", f"{made['token']}, {made['token']}"):
        assert ask(door, wrong).status == 401
    assert ask(door, None, X_Hagw_Tokens=made["token"]).status == 401
    # It outlives a kill, and its secret is kept by nobody.
    door.webd.kill()
    door.webd.start()
    door.wait(lambda: ask(door, made["token"]).status == 200)
    kept = "".join(p.read_text() for p in (door.root / "state/webd").iterdir() if p.suffix == ".json")
    assert made["sessionId"] in kept and made["token"] not in kept + door.webd.text() + door.proxyd.text()
    door.webd.call("RevokeSession", id=made["sessionId"])
    door.wait(lambda: ask(door, made["token"]).status == 401, seconds=5)


def test_token_given_twice(door):
    token = door.webd.call("AddToken", user="anna", host=HOST, label="x")["token"]
    with door.tls() as s:
        s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Hagw-Token: {token}\r\nX-Hagw-Token: {token}\r\n\r\n".encode())
        assert s.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize("change,error", [({"user": "nobody"}, "NoSuchUser"), ({"host": "no.home.example.com"}, "InvalidParameter"),
                                          ({"host": "a b"}, "InvalidParameter"), ({"label": ""}, "InvalidParameter"),
                                          ({"label": "x" * 161}, "InvalidParameter"), ({"label": "a\nb"}, "InvalidParameter")])
def test_token_refused(door, change, error):
    with pytest.raises(VarlinkError, match=error):
        door.webd.call("AddToken", **{"user": "anna", "host": HOST, "label": "x", **change})


def test_token_ends_with_the_password(door):
    token = door.webd.call("AddToken", user="anna", host=HOST, label="x")["token"]
    assert ask(door, token).status == 200
    door.webd.call("SetPassword", name="anna", password="another one entirely")
    door.wait(lambda: ask(door, token).status == 401, seconds=5)

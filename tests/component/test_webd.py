# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-webd behind its AF_UNIX listener, spoken to as hagw-proxyd does, and over varlink."""

import html
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

from conftest import ROOT, VarlinkError

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
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


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
        page = self.get("/.hagw/login?return=" + urllib.parse.quote(target, safe=""))
        return self.post("/.hagw/login", user=user, password=password, token=page.field("token"),
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


def figure(webd, name):
    return sum(m["value"] for m in webd.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == name)


def check(webd, cookie, host=HOST, address="203.0.113.7"):
    return webd.call("CheckSession", cookie=cookie, host=host, address=address)


# --- login ---------------------------------------------------------------------------------------------------


def test_login(webd):
    v = webd.visitor()
    page = v.get("/.hagw/login?return=/lovelace%3Fx%3D1")
    assert page.status == 200 and page.field("return") == "/lovelace?x=1"
    answer = v.login(target="/lovelace?x=1&y=ä".replace("ä", "%C3%A4"))
    assert answer.status == 303 and answer.headers["Location"] == "/lovelace?x=1&y=%C3%A4"
    cookie = [c for c in answer.headers.get_all("Set-Cookie") if c.startswith("__Host-hagw=")][0]
    assert re.fullmatch(r"__Host-hagw=[A-Za-z0-9_-]{22}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=15552000", cookie)
    reply = check(webd, v.cookies["__Host-hagw"])
    assert reply["user"] == "anna" and reply["allowed"] and 0 < reply["validUSec"] <= 60_000_000
    assert len(reply["sessionId"]) == 8
    # Logged in, the page leads on at once.
    assert v.get("/.hagw/login?return=/x").headers["Location"] == "/x"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages of bad moments: hagw-proxyd's own answers, in the login page's looks and languages, told by who asks."""

import base64
import hashlib
import http.client
import re
import socket

import pytest
from proxyhouse import HOST, listen
from test_front_door import Browser, Door
from test_proxy_protocol import header

DEAD = "dead.home.example.com"
OUTSIDE = "203.0.113.9"


class Pages(Door):
    def __init__(self, house):
        with listen() as closed:
            self.dead_port = closed.getsockname()[1]
        super().__init__(house, **self.files())
        self.open_web()
        self.certify("*.home.example.com")
        self.start()
        self.wait(lambda: self.proxyd_certificates() == {HOST, DEAD})

    def files(self, language="auto"):
        service = f"http://127.0.0.1:{self.dead_port}"
        return {"main": f'login: {{ language = "{language}"; }}; '
                        'proxy: { proxy_protocol_from = ( "127.0.0.2" ); head_timeout = "5s"; };',
                "ha": f'name = "{HOST}"; upstream = "{service}";',
                "dead": f'name = "{DEAD}"; upstream = "{service}"; access: {{ login = "none"; }};'}

    def speak(self, language):
        self.house.configure(**self.files(language))
        self.proxyd.reload()


@pytest.fixture
def door(house):
    d = Pages(house)
    yield d
    d.close()


def test_one_record(door):
    """Head and body of a page go out together."""
    with door.context().wrap_socket(socket.create_connection(("127.0.0.1", door.port), 30), server_hostname=DEAD) as t:
        for accept in ("text/html", "text/plain"):
            t.sendall(f"GET / HTTP/1.1\r\nHost: {DEAD}\r\nAccept: {accept}\r\n\r\n".encode())
            head, _, body = t.recv(65536).partition(b"\r\n\r\n")
            assert f"Content-Length: {len(body)}".encode() in head and body


def raw(d, data, name=DEAD, outside=False):
    """What comes to these bytes."""
    s = socket.create_connection(("127.0.0.1", d.port), 30, ("127.0.0.2" if outside else "127.0.0.1", 0))
    if outside:
        s.sendall(header(OUTSIDE))
    with d.context().wrap_socket(s, server_hostname=name) as t:
        t.sendall(data.encode())
        r = http.client.HTTPResponse(t, method=data.split(" ")[0])
        r.begin()
        r.text = r.read().decode()
    return r


def get(name=DEAD, language="de", method="GET", target="/", more="", end="\r\n"):
    return (f"{method} {target} HTTP/1.1\r\nHost: {name}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n"
            f"Accept-Language: {language}\r\n{more}{end}")


def check_page(r, status, language="de"):
    assert r.status == status and r.headers["Content-Type"].startswith("text/html"), r.text
    assert f'<html lang="{language}">' in r.text and r.headers["Content-Language"] == language
    assert '<svg class="house"' in r.text and r.headers["Cache-Control"] == "no-store"
    # Nothing inline but what the policy names, nothing from elsewhere.
    policy = r.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    for tag in ("style", "script"):
        for text in re.findall(rf"<{tag}>(.*?)</{tag}>", r.text, re.S):
            assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}';" in policy
    assert not re.search(r"<script |\son\w+=|\sstyle=", r.text)


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_a_dead_service(door, language):
    word = {"en": "No answer from inside", "de": "keine Antwort", "fr": "Aucune réponse"}[language]
    r = raw(door, get(language=language))
    check_page(r, 502, language)
    assert word in r.text and DEAD in r.text and r.headers["Retry-After"] == "5" and 'data-seconds="5"' in r.text


def test_what_is_told_inside_alone(door):
    r = raw(door, get())
    assert f"127.0.0.1:{door.dead_port}" in r.text and "hagw-ctl status" in r.text
    r = raw(door, get(), outside=True)
    check_page(r, 502)
    assert "127.0.0.1" not in r.text and "hagw-ctl" not in r.text and "<dd>" not in r.text
    # Being logged in does not make an insider.
    b = Browser(door)
    b.login("/.hagw/auth/login", "anna")
    cookie = f"Cookie: __Host-hagw={b.cookies['__Host-hagw']}\r\n"
    r = raw(door, get(HOST, more=cookie), HOST, outside=True)
    check_page(r, 502)
    assert "127.0.0.1" not in r.text and "hagw-ctl" not in r.text
    assert f"127.0.0.1:{door.dead_port}" in raw(door, get(HOST, more=cookie), HOST).text
    # A program is told the same, in English.
    text = raw(door, f"GET / HTTP/1.1\r\nHost: {DEAD}\r\nAccept-Language: de\r\n\r\n", outside=True)
    assert text.status == 502 and text.headers["Content-Type"].startswith("text/plain") and "does not answer" in text.text
    assert "127.0.0.1" not in text.text


def test_the_language_of_all_pages(door):
    door.speak("fr")
    check_page(raw(door, get(language="de")), 502, "fr")
    check_page(raw(door, get(more="Bad Header: x\r\n")), 400, "fr")
    door.speak("auto")
    check_page(raw(door, get(language="de")), 502, "de")


REFUSED = {
    "another host": (421, get("other.home.example.com")),
    "many fields": (431, get(more="X-A: b\r\n" * 300)),
    "large cookie": (431, get(more="Cookie: a=" + "x" * 70000 + "\r\n")),
    "odd field": (400, get(more="Bad Header: x\r\n")),
    "half a head": (408, get(end="")),
    "odd expectation": (417, get(method="POST", more="Expect: 200-maybe\r\nContent-Length: 1\r\n")),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("outside", [False, True])
def test_refused_heads(door, what, outside):
    """Also where the head is no request: a browser that sends it shows what comes."""
    status, data = REFUSED[what]
    r = raw(door, data, outside=outside)
    check_page(r, status)
    assert not outside or "hagw-ctl" not in r.text
    assert ("data-seconds" in r.text) == (status == 421)


@pytest.mark.parametrize("size", [30_000, 33_000, 70_000, 300_000, 2_000_000])
@pytest.mark.parametrize("outside", [False, True])
def test_an_address_that_is_too_long(door, size, outside):
    """As far as browsers send one: what it asks for is passed over, and who asks is read behind it."""
    r = raw(door, get(target="/" + "x" * size), outside=outside)
    check_page(r, 414 if size > 32_768 else 502)
    if size > 32_768:
        assert r.headers["Connection"] == "close" and "werden hier nicht bedient" in r.text and "xxxx" not in r.text
        r = raw(door, get(target="/" + "x" * size).replace("Accept: text/html", "Accept: */*"))
        assert r.status == 414 and r.headers["Content-Type"].startswith("text/plain")


def test_nothing_is_known_of_who_asks(door):
    """Where even that is too long no field is read; of what comes behind the head nothing is taken for one."""
    r = raw(door, get(target="/" + "x" * 3_000_000))
    assert r.status == 414 and r.headers["Content-Type"].startswith("text/plain")
    r = raw(door, "GET /" + "x" * 70_000 + f" HTTP/1.1\r\nHost: {DEAD}\r\n\r\nAccept: text/html\r\n\r\n")
    assert r.status == 414 and r.headers["Content-Type"].startswith("text/plain")


def test_an_address_that_is_too_long_by_http2(door):
    """Its fields come behind the address, as a browser sends them."""
    from h2visitor import Http2
    fields = [("accept", "text/html"), ("accept-language", "de"), ("sec-fetch-mode", "navigate")]
    for path, more, status in (("/" + "x" * 40_000, fields, 414), ("/", [("x-long", "x" * 40_000), *fields], 431)):
        with Http2(door, DEAD) as v:
            answer = v.visit(path=path, more=more)
            assert answer.status == status and answer.get("content-language") == "de" and b'<html lang="de">' in answer.body
            assert v.visit(path=path, more=[("accept-language", "de")] if status == 414 else more[:1]).get("content-type").startswith("text/plain")
            # The connection is none the worse for it.
            assert v.visit(path="/", more=fields).status == 502


def test_a_form_after_the_end_of_the_session(door):
    form = get(HOST, method="POST", more="Content-Length: 1\r\nContent-Type: application/x-www-form-urlencoded\r\n") + "x"
    r = raw(door, form, HOST)
    check_page(r, 401)
    assert 'href="/.hagw/auth/login?return=/" target="_blank" rel="noopener"' in r.text and "neuen Tab" in r.text
    assert r.headers["WWW-Authenticate"].startswith("Cookie ") and "data-seconds" not in r.text
    # What a script sends gets the status, and a page is led to the login.
    script = form.replace("Accept: text/html", "Accept: */*").replace("navigate", "cors")
    assert raw(door, script, HOST).headers["Content-Type"].startswith("text/plain")
    assert raw(door, get(HOST), HOST).status == 303


def test_no_circle_for_what_may_not_be_sent_twice(door):
    r = raw(door, get(method="POST", more="Content-Length: 1\r\n") + "x")
    check_page(r, 502)
    assert "<script>" not in r.text and "data-seconds" not in r.text and "http-equiv" not in r.text
    assert raw(door, get(method="HEAD")).text == ""

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The wall asks which page a request comes from: hagw-proxyd with the real hagw-webd, byte for byte. test_origin_browser.py
shows the same with a browser."""

import base64
import hashlib
import json

import pytest
from proxyhouse import HOST, Head, Upstream
from test_front_door import CAM, Browser, Door

LAN, SHOWN, DASH = "lan.home.example.com", "shown.home.example.com", "dash.home.example.com"
HEARD = b"\x81\x05heard"  # a frame with a text (RFC 6455 section 5)
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def answer(s, head, body):
    """Takes a WebSocket and says that it hears; answers all else with what it got. True: another request may come."""
    if head.get("Sec-WebSocket-Key"):
        key = (head.get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        s.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while s.recv(4096):
            s.sendall(HEARD)
        return False
    text = json.dumps({"fields": head.fields, "body": body.decode("latin-1")}).encode()
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Frame-Options: SAMEORIGIN\r\n"
              b"Content-Length: %d\r\n\r\n" % len(text) + (b"" if head.method == "HEAD" else text))
    return True


def service(upstream, s, f):
    again = True
    while again:
        head = Head(f)
        upstream.requests.append(head)
        again = answer(s, head, head.body(f))


def open_door(house, serve=service):
    behind = Upstream(serve)
    d = Door(house,
             ha=f'name = "{HOST}"; upstream = "{behind.url}"; access: {{ open_paths = ( "/api/webhook/" ); }};',
             cam=f'name = "{CAM}"; upstream = "{behind.url}";',
             dash=f'name = "{DASH}"; upstream = "{behind.url}";',
             shown=f'name = "{SHOWN}"; upstream = "{behind.url}"; access: {{ embedded_by = ( "{DASH}" ); }};',
             lan=f'name = "{LAN}"; upstream = "{behind.url}"; access: {{ from = "lan"; login = "none"; }};')
    d.service = behind
    d.open_web()
    names = {HOST, CAM, LAN, SHOWN, DASH}
    d.certify(*sorted(names))
    d.start()
    d.wait(lambda: d.proxyd_certificates() == names)
    return d


@pytest.fixture
def door(house):
    d = open_door(house)
    yield d
    d.close()
    d.service.close()


@pytest.fixture
def cookie(door):
    return log_in(door)


def log_in(door, name=HOST):
    b = Browser(door, name)
    assert b.login("/.hagw/auth/login", "anna").status == 303
    return b.cookies["__Host-hagw"]


def ask(door, *fields, name=HOST, method="GET", path="/x", cookie=None, authority=None):
    """The answer, or None where there was none; and whether the service got it."""
    before = len(door.service.requests)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {authority or name}", *fields]
    if cookie:
        lines.append(f"Cookie: __Host-hagw={cookie}")
    if method == "POST":
        lines.append("Content-Length: 0")
    with door.tls(name) as s:
        s.sendall("\r\n".join([*lines, "", ""]).encode())
        data = b""
        while b"\r\n\r\n" not in data and (part := s.recv(65536)):
            data += part
        if b" 101 " in data[:20]:
            s.sendall(b"x")
            assert s.recv(20) == HEARD
    head = data.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n") if data else None
    reached = len(door.service.requests) - before
    return (int(head[0].split()[1]) if head else None), reached, head


def site(site_, mode, dest):
    return [f"Sec-Fetch-Site: {site_}", f"Sec-Fetch-Mode: {mode}", f"Sec-Fetch-Dest: {dest}"]


# fields, method, is it another site's page?
ROWS = {
    "no browser": ([], "GET", False),
    "no browser posts": ([], "POST", False),
    "an app's WebSocket": (UPGRADE, "GET", False),
    "an app's library": ([*UPGRADE, f"Origin: wss://{HOST}"], "GET", False),
    "own fetch": (site("same-origin", "cors", "empty"), "GET", False),
    "own WebSocket": ([*UPGRADE, f"Origin: https://{HOST}"], "GET", False),
    "own form": ([f"Origin: https://{HOST}", *site("same-origin", "navigate", "document")], "POST", False),
    "own form without referrer": (["Origin: null", *site("same-origin", "navigate", "document")], "POST", False),
    "typed": (site("none", "navigate", "document"), "GET", False),
    "link": (site("cross-site", "navigate", "document"), "GET", False),
    "link of the house": (site("same-site", "navigate", "document"), "GET", False),
    "another host's WebSocket": ([*UPGRADE, f"Origin: https://{CAM}"], "GET", True),
    "another port's WebSocket": ([*UPGRADE, f"Origin: https://{HOST}:8443"], "GET", True),
    "a foreign WebSocket": ([*UPGRADE, "Origin: https://evil.example"], "GET", True),
    "a plain page's WebSocket": ([*UPGRADE, f"Origin: http://{HOST}"], "GET", True),
    "another host's post": ([f"Origin: https://{CAM}", *site("same-site", "no-cors", "empty")], "POST", True),
    "another host's form": ([f"Origin: https://{CAM}", *site("same-site", "navigate", "document")], "POST", True),
    "an old browser's form": ([f"Origin: https://{CAM}"], "POST", True),
    "a sandboxed form": (["Origin: null", *site("cross-site", "navigate", "document")], "POST", True),
    "another host's frame": ([*site("same-site", "navigate", "iframe"), "Accept: text/html"], "GET", True),
    "another host's picture": (site("same-site", "no-cors", "image"), "GET", True),
    "another host's script": (site("same-site", "no-cors", "script"), "GET", True),
    "two origins": ([f"Origin: https://{HOST}", f"Origin: https://{HOST}"], "POST", True),
    "own and another": ([f"Origin: https://{HOST}", "Origin: https://evil.example"], "POST", True),
    "a list": ([f"Origin: https://{HOST}, https://{HOST}"], "POST", True),
    "two sites": (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"], "GET", True),
    "preflight": ([f"Origin: https://{CAM}", "Access-Control-Request-Method: PUT",
                   *site("same-site", "cors", "empty")], "OPTIONS", True),
}


@pytest.mark.parametrize("row", ROWS)
def test_walled(door, cookie, row):
    fields, method, foreign = ROWS[row]
    passed = 101 if UPGRADE[0] in fields else 200
    status, reached, head = ask(door, *fields, method=method, cookie=cookie)
    assert (status, reached) == ((401, 0) if foreign else (passed, 1)), head
    token = door.webd.call("AddToken", user="anna", host=HOST, label="x")["token"]
    status, reached, _ = ask(door, *fields, f"X-Hagw-Token: {token}", method=method)
    assert (status, reached) == ((401, 0) if foreign else (passed, 1))
    # Open paths are open to all.
    assert ask(door, *fields, method=method, path="/api/webhook/x")[1] == 1


@pytest.mark.parametrize("row", ROWS)
def test_inside_only(door, row):
    fields, method, foreign = ROWS[row]
    fields = [f.replace(HOST, LAN) for f in fields]
    status, reached, _ = ask(door, *fields, name=LAN, method=method)
    assert (status, reached) == ((None, 0) if foreign else (101 if UPGRADE[0] in fields else 200, 1))


def test_inside_pages_are_not_for_other_pages(door):
    for fields, status in [([], 200), (site("same-origin", "navigate", "document"), 200), (site("cross-site", "no-cors", "image"), 404)]:
        assert ask(door, *fields, path="/.hagw/auth/status")[0] == status


def test_port(door, cookie):
    """A router maps 8443 to 443: what the browser calls the host is the host."""
    there = f"{HOST}:8443"
    for origin, authority, status in [(f"https://{there}", there, 101), (f"https://{HOST}", there, 401),
                                      (f"https://{HOST}:443", HOST, 101), (f"https://{HOST}", f"{HOST}:443", 101)]:
        assert ask(door, *UPGRADE, f"Origin: {origin}", authority=authority, cookie=cookie)[0] == status, (origin, authority)


def test_a_link_without_session_leads_to_the_login(door):
    status, _, head = ask(door, *site("cross-site", "navigate", "document"))
    assert status == 303 and "Location: /.hagw/auth/login?return=/x" in head


def test_neither_secret_is_good_as_the_other(door, cookie):
    token = door.webd.call("AddToken", user="anna", host=HOST, label="x")["token"]
    for _ in range(2):  # the second time from what hagw-proxyd remembers
        assert ask(door, cookie=cookie)[0] == 200
        assert ask(door, f"X-Hagw-Token: {token}")[0] == 200
        assert ask(door, cookie=token)[0] == 401
        assert ask(door, f"X-Hagw-Token: {cookie}")[0] == 401


EMBEDDED = [
    (site("same-site", "navigate", "iframe"), f"https://{DASH}/", True), (site("same-site", "navigate", "iframe"), None, True),
    (site("same-site", "navigate", "iframe"), f"https://{CAM}/", False), (site("cross-site", "navigate", "iframe"), f"https://{DASH}/", False),
    (site("same-site", "no-cors", "image"), f"https://{DASH}/", True), (site("same-site", "no-cors", "video"), f"https://{DASH}/", True),
    (site("same-site", "no-cors", "image"), None, False), (site("same-site", "no-cors", "image"), f"https://{CAM}/", False),
    (site("same-site", "no-cors", "script"), f"https://{DASH}/", False),
    ([f"Origin: https://{DASH}", *site("same-site", "cors", "empty")], f"https://{DASH}/", False),
    ([f"Origin: https://{DASH}", *UPGRADE], f"https://{DASH}/", False),
]


@pytest.mark.parametrize("fields,referer,shown", EMBEDDED)
def test_embedded(door, fields, referer, shown):
    cookie = log_in(door, SHOWN)
    fields = fields + ([f"Referer: {referer}"] if referer else [])
    status, reached, head = ask(door, *fields, name=SHOWN, cookie=cookie)
    assert (status, reached) == ((200, 1) if shown else (401, 0))
    if shown:
        assert f"Content-Security-Policy: frame-ancestors 'self' https://{DASH}:*" in head
    if UPGRADE[0] not in fields:
        assert ask(door, *fields, name=SHOWN, cookie=cookie, method="POST")[:2] == (401, 0)
    # It is one host's setting.
    assert ask(door, *fields, name=CAM, cookie=log_in(door, CAM))[:2] == (401, 0)
    assert not [f for f in ask(door, cookie=log_in(door))[2] if f.startswith("Content-Security-Policy")]


def test_embedded_by_needs_no_restart(door):
    cookie = log_in(door, CAM)
    frame = site("same-site", "navigate", "iframe")
    assert ask(door, *frame, name=CAM, cookie=cookie)[0] == 401
    path = door.house.config / "hosts.d" / "cam.conf"
    path.write_text(path.read_text() + f'\naccess: {{ embedded_by = ( "{DASH}" ); }};\n')
    door.proxyd.reload()
    door.wait(lambda: ask(door, *frame, name=CAM, cookie=cookie)[0] == 200)


def test_services_neither_see_nor_set_our_cookies(house):
    spellings = ["__Host-hagw", "__HOST-HAGW", "__Host-hagw-form", "=__Host-hagw", '"__Host-hagw"', "__Host-hagw ", "__host-Hagw2"]

    def serve(upstream, s, f):
        while True:
            head = Head(f)
            upstream.requests.append(head)
            fields = "".join(f"Set-Cookie: {n}=evil; Path=/; Secure\r\n" for n in spellings)
            s.sendall(f"HTTP/1.1 200 OK\r\n{fields}Set-Cookie: own=1; Path=/\r\nContent-Length: 0\r\n\r\n".encode())
    door = open_door(house, serve)
    cookie = log_in(door)
    status, _, head = ask(door, "Cookie: " + "; ".join(f"{n}=x" for n in spellings[1:]) + "; own=1", cookie=cookie)
    assert status == 200
    # What is named as by a gateway like this one is an inner gateway's, and has another name outside.
    assert [f for f in head if f.startswith("Set-Cookie")] == [
        "Set-Cookie: __Host-hag2=evil; Path=/; Secure", "Set-Cookie: __Host-hag2-form=evil; Path=/; Secure", "Set-Cookie: own=1; Path=/"]
    assert door.service.requests[-1].all("Cookie") == ["own=1"]
    door.close()
    door.service.close()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A visitor of the house: gets pages, fills in the login form it finds, talks to the service behind it.

As a program, for dev/demo:
  visitor.py page|silence URL
  visitor.py login|websocket|cut URL USER PASSWORD SERVICE-USER SERVICE-PASSWORD
  visitor.py address URL USER PASSWORD ADDRESS"""

import asyncio
import html.parser
import json
import socket
import ssl
import sys
import time
import urllib.parse

import aiohttp


class Form(html.parser.HTMLParser):
    """The form with a password field: where it goes, what it wants, what it already holds."""

    def __init__(self, text):
        super().__init__()
        self.title, self.forms, self.in_title = "", [], False
        self.feed(text)
        with_password = [f for f in self.forms if f["password"]]
        self.found = with_password[0] if with_password else None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "title":
            self.in_title = True
        elif tag == "form":
            self.forms.append({"action": attrs.get("action", ""), "method": attrs.get("method", "get").lower(),
                               "fields": {}, "user": None, "password": None})
        elif tag == "input" and self.forms and attrs.get("name"):
            form, kind = self.forms[-1], attrs.get("type", "text")
            if kind == "password":
                form["password"] = attrs["name"]
            elif kind in ("text", "email"):
                form["user"] = form["user"] or attrs["name"]
            elif kind == "hidden":
                form["fields"][attrs["name"]] = attrs.get("value", "")

    def handle_endtag(self, tag):
        if tag == "title":
            self.in_title = False

    def handle_data(self, data):
        if self.in_title:
            self.title += data


class Visitor:
    """A browser's worth of state: cookies, the trust in the lab's authority, one address to come from."""

    def __init__(self, base, address=None, timeout=60):
        self.base = base
        connector = aiohttp.TCPConnector(local_addr=(address, 0) if address else None,
                                         family=socket.AF_INET6 if ":" in (address or "") else socket.AF_INET,
                                         ssl=ssl.create_default_context())
        self.session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=timeout),
                                             headers={"Accept": "text/html,*/*", "Accept-Language": "en"})

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    def url(self, path):
        return urllib.parse.urljoin(self.base, path)

    async def get(self, path="/", **keys):
        async with self.session.get(self.url(path), **keys) as answer:
            return answer, await answer.text()

    async def login(self, user, password, path="/"):
        """Asks for a page, fills in the form that comes instead; returns the answer that follows and its text."""
        answer, text = await self.get(path)
        form = Form(text).found
        assert form, f"no login form at {answer.url} (status {answer.status}): {text[:300]}"
        fields = {**form["fields"], form["user"]: user, form["password"]: password}
        target = urllib.parse.urljoin(str(answer.url), form["action"])
        headers = {"Origin": str(answer.url.origin()), "Referer": str(answer.url)}
        async with self.session.post(target, data=fields, headers=headers) as after:
            return after, await after.text()

    async def service_token(self, user, password):
        """The service's own login, as its frontend does it."""
        client = {"client_id": self.base, "handler": ["homeassistant", None], "redirect_uri": self.base}
        async with self.session.post(self.url("/auth/login_flow"), json=client) as r:
            assert r.status == 200, (r.status, await r.text())
            flow = (await r.json())["flow_id"]
        async with self.session.post(self.url(f"/auth/login_flow/{flow}"), json={
                "client_id": self.base, "username": user, "password": password}) as r:
            code = (await r.json())["result"]
        async with self.session.post(self.url("/auth/token"), data={
                "grant_type": "authorization_code", "code": code, "client_id": self.base}) as r:
            return (await r.json())["access_token"]

    async def websocket(self, token):
        ws = await self.session.ws_connect(self.url("/api/websocket"), compress=15, headers={"Origin": self.base.rstrip("/")})
        assert (await ws.receive_json(timeout=10))["type"] == "auth_required"
        await ws.send_json({"type": "auth", "access_token": token})
        assert (await ws.receive_json(timeout=10))["type"] == "auth_ok"
        return ws


def raw(host, port, send, server_name=None, tls=False, seconds=5, address=None):
    """What a scanner gets: connects, sends, and returns every byte that comes back until the end."""
    with socket.create_connection((host, port), timeout=seconds, source_address=(address, 0) if address else None) as s:
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            handshake = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
            try:
                handshake.do_handshake()
            except ssl.SSLWantReadError:
                send = outgoing.read()
        got, until = b"", time.monotonic() + seconds
        try:
            s.sendall(send)
            while time.monotonic() < until:
                data = s.recv(65536)
                if not data:
                    return got
                got += data
        except ConnectionError:
            return got
        except TimeoutError:
            pass
    raise AssertionError(f"{host}:{port} kept the connection open for {seconds} s (got {got[:80]!r})")


async def main(what, base, *args):
    if what == "silence":
        host = urllib.parse.urlsplit(base).hostname
        for name, got in (("a handshake without a name", raw(host, 443, b"", tls=True)),
                          ("a handshake for another name", raw(host, 443, b"", "bank.example.org", tls=True)),
                          ("plain HTTP on port 443", raw(host, 443, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
                          ("an unknown name on port 80", raw(host, 80, b"GET / HTTP/1.1\r\nHost: x.example.org\r\n\r\n"))):
            assert got == b"", f"{name} was answered with {got[:80]!r}"
            print(f"{name}: closed, 0 bytes")
        return
    async with Visitor(base, args[2] if what == "address" else None) as visitor:
        if what == "page":
            answer, text = await visitor.get()
            form = Form(text)
            assert form.found, f"{answer.url} has no login form: {text[:200]}"
            print(f"{answer.url.host} asks first: \"{form.title.strip()}\"")
            return
        answer, text = await visitor.login(args[0], args[1])
        assert answer.status == 200 and "Home Assistant" in Form(text).title, (answer.status, text[:200])
        if what == "login":
            print(f"signed in as {args[0]}, the service's page is \"{Form(text).title.strip()}\"")
            return
        if what == "address":
            seen = json.loads((await visitor.get("/lab/echo"))[1])
            assert seen["address"] == args[2], seen
            return
        ws = await visitor.websocket(await visitor.service_token(args[2], args[3]))
        if what == "cut":
            print("open", flush=True)
            while (await ws.receive(timeout=30)).type not in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                pass
            print(f"closed {time.time():.6f}")
            return
        started = time.monotonic()
        await ws.send_json({"id": 1, "type": "ping"})
        assert (await ws.receive_json(timeout=15)) == {"id": 1, "type": "pong"}
        print(f"ping, pong in {(time.monotonic() - started) * 1000:.1f} ms")
        await ws.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except AssertionError as e:
        sys.exit(str(e))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/ha, which stands in for Home Assistant in every other test, beside Home Assistant: the same requests, the same answers."""

import http.client
import importlib.util
import ipaddress
import json
import socket
import sys

import pytest
from answerpeers import free_port
from conftest import ROOT
from realha import PASSWORD, USER, Asker, RealHome, python, wait
from test_services import Process

VISITOR = "203.0.113.7"
LONG = "x" * 24570
SAME = ("referrer-policy", "x-content-type-options", "x-frame-options")


def row(name, path="/", method="GET", body=b"", come_from="127.0.0.1", **fields):
    return pytest.param(method, path, [(k.replace("_", "-"), v) for k, vs in fields.items() for v in ([vs] if isinstance(vs, str) else vs)],
                        body, come_from, id=name)


ROWS = [
    row("page"), row("page of a panel", "/lovelace/0"), row("page for anything", Accept="*/*"), row("page, HEAD", method="HEAD"),
    row("page, POST", method="POST"), row("page, OPTIONS", method="OPTIONS"), row("another name", Host="other.example"),
    row("manifest", "/manifest.json"), row("nothing there", "/nothing-there"), row("login page", "/auth/authorize", Accept="*/*"),
    row("providers", "/auth/providers"), row("websocket without upgrade", "/api/websocket"),
    row("api", "/api/"), row("api, wrong token", "/api/", Authorization="Bearer wrong"), row("api, right token", "/api/", Authorization="TOKEN"),
    row("stream", "/api/stream"), row("webhook", "/api/webhook/unknown", "POST"), row("webhook, GET", "/api/webhook/unknown"),
    row("webhook, DELETE", "/api/webhook/unknown", "DELETE"),
    # Whom a proxy brings
    row("one address", X_Forwarded_For=VISITOR), row("a chain", X_Forwarded_For=f"{VISITOR}, 127.0.0.1"),
    row("all trusted", X_Forwarded_For="127.0.0.1"), row("IPv6", X_Forwarded_For="2001:db8::1"), row("a name", X_Forwarded_For="unknown"),
    row("a port", X_Forwarded_For=f"{VISITOR}:80"), row("brackets", X_Forwarded_For="[2001:db8::1]"), row("nobody", X_Forwarded_For=""),
    row("an empty part", X_Forwarded_For=f"{VISITOR},"), row("two fields", X_Forwarded_For=[VISITOR, "198.51.100.9"]),
    row("two fields, one of them bad", X_Forwarded_For=["unknown", VISITOR]),
    row("scheme", X_Forwarded_For=VISITOR, X_Forwarded_Proto="https"), row("no scheme", X_Forwarded_For=VISITOR, X_Forwarded_Proto=""),
    row("two schemes for one", X_Forwarded_For=VISITOR, X_Forwarded_Proto="https, http"),
    row("two schemes for two", X_Forwarded_For=f"{VISITOR}, 198.51.100.9", X_Forwarded_Proto="https, http"),
    row("two fields of schemes for two", X_Forwarded_For=f"{VISITOR}, 198.51.100.9", X_Forwarded_Proto=["https", "http"]),
    row("scheme alone", X_Forwarded_Proto=""),
    row("name", X_Forwarded_For=VISITOR, X_Forwarded_Host="a.example"), row("no name", X_Forwarded_For=VISITOR, X_Forwarded_Host=""),
    row("two names", X_Forwarded_For=VISITOR, X_Forwarded_Host="a.example, b.example"),
    row("two fields of names", X_Forwarded_For=VISITOR, X_Forwarded_Host=["a.example", "b.example"]),
    row("an unknown proxy", come_from="127.0.0.2", X_Forwarded_For=VISITOR), row("from there, without", come_from="127.0.0.2"),
    # Before a login
    row("login, nearly 64 KiB", "/auth/login_flow", "POST", b" " * 65535), row("login, more", "/auth/login_flow", "POST", b" " * 65537),
    row("login, no JSON", "/auth/login_flow", "POST", b"{"), row("login, another's flow", "/auth/login_flow/none", "POST", b"{}"),
    row("token, more", "/auth/token", "POST", b"grant_type=" + b"x" * 65536, Content_Type="application/x-www-form-urlencoded"),
    row("token, nothing", "/auth/token", "POST", b"", Content_Type="application/x-www-form-urlencoded"),
    # What looks like an attack
    row("dots", "/a/../b"), row("dots alone", "/.."), row("dots, encoded", "/a/%2e%2e/b"), row("dots, encoded twice", "/%252e%252e%252fb"),
    row("dots in the query", "/?a=../b"), row("tab", "/a%09b"), row("tab in the query", "/?a=%09"), row("newline", "/a%0ab"),
    row("script", "/?a=%3Cscript%3E"), row("union", "/?a=union+select+(1"), row("concat", "/?a=concat(1"), row("self", "/proc/self/environ"),
    row("path in the query", "/?a=/x/"), row("zero", "/a%00b"),
    row("line too long", "/" + LONG), row("field too long", X_Long=LONG + "x"),
]


def ask(port, token, method, path, fields, body, come_from):
    """The answer's status and some fields."""
    fields = [(k, f"Bearer {token}" if v == "TOKEN" else v) for k, v in fields]
    if "host" not in {k.lower() for k, _ in fields}:
        fields.append(("Host", f"127.0.0.1:{port}"))
    if body or method == "POST":
        fields.append(("Content-Length", str(len(body))))
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields) + "Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 60, (come_from, 0)) as s:
        s.sendall(head.encode())
        try:
            s.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        while b"\r\n\r\n" not in answer and (more := s.recv(65536)):
            answer += more
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), {n: named.get(n) for n in SAME}, named.get("content-type", "").split(";")[0]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(port, token) of Home Assistant and of what stands in for it."""
    folder, port = tmp_path_factory.mktemp("both"), free_port()
    ha = RealHome(folder / "ha")
    stand_in = None
    try:
        ha.onboard().running()
        ha.restarts(lambda: ha.command("http/config/configure", config={
            "use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"], "server_port": ha.port}))
        ha.command("http/config/promote")
        (folder / "ha.json").write_text(json.dumps({
            "listen": ["127.0.0.1"], "port": port, "use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"],
            "users": {USER: PASSWORD}, "login_attempts_threshold": 0}))
        stand_in = Process(port, sys.executable, str(ROOT / "tests/ha/ha.py"), "--config", str(folder / "ha.json"))

        def connects():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait(connects)
        url, other = f"http://127.0.0.1:{port}/", Asker(lambda: http.client.HTTPConnection("127.0.0.1", port))
        other.take_token(other.log_in(url)["result"], url)
        yield (ha.port, ha.token), (port, other.token)
    finally:
        ha.close()
        if stand_in:
            stand_in.close()


@pytest.mark.parametrize("method, path, fields, body, come_from", ROWS)
def test_same(both, method, path, fields, body, come_from):
    real, stand_in = (ask(*one, method, path, fields, body, come_from) for one in both)
    assert stand_in[0] == real[0]
    assert stand_in[1:] == real[1:]


def test_idle_connections_are_ended_by_us_first():
    """Who sends on a connection that the service is about to close loses the request; LINK_IDLE_USEC is 50 s."""
    code = """import inspect
from aiohttp.web_protocol import RequestHandler
print(inspect.signature(RequestHandler).parameters["keepalive_timeout"].default)"""
    assert float(python(code)) > 50


def test_who_is_local():
    """For webhooks that are for the house alone."""
    spec = importlib.util.spec_from_file_location("forwarded", ROOT / "tests/ha/forwarded.py")
    forwarded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(forwarded)
    addresses = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "172.32.0.1", "192.168.1.4", "169.254.1.1", "100.64.0.1", "192.0.2.1", "198.18.0.1",
                 "203.0.113.7", "8.8.8.8", "::1", "fc00::1", "fd00::1", "fe80::1", "2001:db8::1", "2001:4860::1"]
    theirs = python("import ipaddress, json; from homeassistant.util.network import is_local\n"
                    f"print(json.dumps([is_local(ipaddress.ip_address(a)) for a in {addresses}]))")
    assert [forwarded.is_local(ipaddress.ip_address(a)) for a in addresses] == json.loads(theirs)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-acmed against a certificate authority that means harm. The good path is pebble's (test_acmed.py); here one answer in
an otherwise plausible order is poisoned, and the order must end with words, within bounds, and with nothing taken over."""

import base64
import http.server
import json
import re
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from acme_tools import ZONE, Acme, Authority, pem, until

NAMES = [ZONE, f"*.{ZONE}"]
JSON, PROBLEM, CHAIN = "application/json", "application/problem+json", "application/pem-certificate-chain"


class Reply:
    def __init__(self, body=b"", type_=JSON, status=200, **headers):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.type, self.status, self.headers = type_, status, headers


def problem(kind, status=400, detail="no", **headers):
    return Reply({"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}, PROBLEM, status, **headers)


class Hostile:
    """Each path's answer is a method of that name; poison replaces some."""

    def __init__(self, folder):
        self.authority, self.poison, self.seen, self.csr = Authority(), {}, [], None
        self.replay = "bm9uY2U"
        certificate, key, self.root = Authority().write_server(folder, "hostile")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        hostile = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length", 0))
                jws = json.loads(self.rfile.read(size)) if size else {}
                text = jws.get("payload", "")
                payload = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
                what = self.path.strip("/").split("/")[0]
                hostile.seen.append(what)
                poison = hostile.poison.get(what)
                reply = poison(payload) if callable(poison) else poison or getattr(hostile, what)(payload)
                headers = {"Replay-Nonce": hostile.replay, "Content-Type": reply.type, "Content-Length": str(len(reply.body)),
                           **{k.replace("_", "-"): v for k, v in reply.headers.items()}}
                self.send_response(reply.status)
                for k, v in headers.items():
                    if v is not None:
                        self.send_header(k, v)
                self.end_headers()
                try:
                    if self.command != "HEAD":
                        self.wfile.write(reply.body)
                except OSError:
                    pass

            do_GET = do_POST = do_HEAD = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def dir(self, _):
        return Reply({"newNonce": f"{self.url}/nonce", "newAccount": f"{self.url}/account", "newOrder": f"{self.url}/order"})

    def nonce(self, _):
        return Reply()

    def account(self, _):
        return Reply({"status": "valid"}, status=201, Location=f"{self.url}/account/1")

    def fields(self, status="pending", **more):
        return {"status": status, "identifiers": [{"type": "dns", "value": n} for n in NAMES],
                "authorizations": [f"{self.url}/authz/1", f"{self.url}/authz/2"], "finalize": f"{self.url}/finalize", **more}

    def order(self, _):
        return Reply(self.fields(), status=201, Location=f"{self.url}/state")

    def state(self, _):
        return Reply(self.fields("valid", certificate=f"{self.url}/cert") if self.csr else self.fields("ready"))

    def authorization(self, status="pending", value=ZONE, token="dG9rZW4", url=None):
        wildcard = self.seen.count("authz") % 2 == 0
        return {"status": status, "identifier": {"type": "dns", "value": value}, "wildcard": wildcard, "challenges": [
            {"type": "dns-01", "url": url or f"{self.url}/challenge", "status": status, "token": f"{token}{'2' if wildcard else '1'}"}]}

    def authz(self, _):
        return Reply(self.authorization("valid" if "challenge" in self.seen else "pending"))

    def challenge(self, _):
        return Reply({"type": "dns-01", "url": f"{self.url}/challenge", "status": "processing", "token": "dG9rZW4"})

    def finalize(self, payload):
        der = json.loads(payload)["csr"]
        self.csr = x509.load_der_x509_csr(base64.urlsafe_b64decode(der + "=" * (-len(der) % 4)))
        return self.state(payload)

    def sign(self, key=None, names=NAMES, **keys):
        return pem(self.authority.sign(key or self.csr.public_key(), names=names, **keys)).encode()

    def cert(self, _):
        return Reply(self.sign(), CHAIN)


@pytest.fixture
def ca(house):
    a = Acme(house)
    a.ca = Hostile(house.root)
    yield a
    a.ca.close()


def run(acme, **poison):
    acme.ca.poison = poison
    acme.start(f"{acme.ca.url}/dir", acme.ca.root)
    return acme


def test_unpoisoned(ca):
    """Otherwise the other tests would show nothing."""
    assert run(ca).wait()["failures"] == 0
    assert ca.ca.seen[:12] == ["dir", "account", "order", "authz", "authz", "challenge", "challenge", "authz", "authz",
                               "state", "finalize", "cert"]


def other_key(ca):
    return ca.sign(ec.generate_private_key(ec.SECP256R1()).public_key())


HUGE = b'{"x":"' + b"a" * (5 << 20) + b'"}'
CASES = {
    "huge directory": ("dir", lambda ca: Reply(HUGE), "larger than"),
    "huge order": ("order", lambda ca: Reply(HUGE, status=201, Location=f"{ca.url}/state"), "larger than"),
    "html directory": ("dir", lambda ca: Reply(b"<html>", "text/html"), "not JSON"),
    "directory is a list": ("dir", lambda ca: Reply([]), "not a directory"),
    "nested directory": ("dir", lambda ca: Reply(b"[" * 100000), "not a directory"),
    "binary directory": ("dir", lambda ca: Reply(b"{\0\xff}"), "not a directory"),
    "plain http": ("dir", lambda ca: Reply({"newNonce": "http://127.0.0.1/", "newAccount": f"{ca.url}/account",
                                            "newOrder": f"{ca.url}/order"}), "not a directory"),
    "file url": ("dir", lambda ca: Reply({"newNonce": f"{ca.url}/nonce", "newAccount": "file:///etc/passwd",
                                          "newOrder": f"{ca.url}/order"}), "not a directory"),
    "redirect to http": ("dir", lambda ca: Reply(status=302, Location="http://127.0.0.1:1/"), "cannot be reached"),
    "redirect to file": ("dir", lambda ca: Reply(status=302, Location="file:///etc/passwd"), "cannot be reached"),
    "redirect for ever": ("dir", lambda ca: Reply(status=302, Location=f"{ca.url}/dir"), "cannot be reached"),
    "post redirected": ("account", lambda ca: Reply(status=307, Location=f"{ca.url}/order"), "in trouble (HTTP status 307)"),
    "account nowhere": ("account", lambda ca: Reply({"status": "valid"}, status=201), "where"),
    "account elsewhere": ("account", lambda ca: Reply({"status": "valid"}, status=201, Location="file:///x"), "where"),
    "order nowhere": ("order", lambda ca: Reply(ca.fields(), status=201), "where"),
    "other identifiers": ("order", lambda ca: Reply({**ca.fields(), "identifiers": [{"type": "dns", "value": "bank.example"}] * 2},
                                                    status=201, Location=f"{ca.url}/state"), "other names"),
    "thousand authorizations": ("order", lambda ca: Reply({**ca.fields(), "authorizations": [f"{ca.url}/authz/1"] * 1000},
                                                          status=201, Location=f"{ca.url}/state"), "not an order"),
    "three authorizations": ("order", lambda ca: Reply({**ca.fields(), "authorizations": [f"{ca.url}/authz/1"] * 3},
                                                       status=201, Location=f"{ca.url}/state"), "other names"),
    "other authorization": ("authz", lambda ca: Reply(ca.authorization(value="bank.example")), "not asked for"),
    "token with a path": ("authz", lambda ca: Reply(ca.authorization(token="../../../etc/cron.d/x")), "not an authorization"),
    "token with a dot": ("authz", lambda ca: Reply(ca.authorization(token="a.b")), "not an authorization"),
    "endless token": ("authz", lambda ca: Reply(ca.authorization(token="a" * 10000)), "not an authorization"),
    "challenge by file": ("authz", lambda ca: Reply(ca.authorization(url="file:///etc/passwd")), "not an authorization"),
    "done without us": ("state", lambda ca: Reply(ca.fields("valid", certificate=f"{ca.url}/cert")), "nobody finalized"),
    "no chain": ("cert", lambda ca: Reply({"x": 1}), "no certificate chain"),
    "huge chain": ("cert", lambda ca: Reply(b"-----BEGIN CERTIFICATE-----\n" + b"A" * 100000, CHAIN), "no certificate chain"),
    "garbage chain": ("cert", lambda ca: Reply(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", CHAIN), "not a chain"),
    "key of another": ("cert", lambda ca: Reply(other_key(ca), CHAIN), "another key"),
    "a name more": ("cert", lambda ca: Reply(ca.sign(names=NAMES + ["bank.example"]), CHAIN), "also for a name"),
    "a name less": ("cert", lambda ca: Reply(ca.sign(names=[ZONE]), CHAIN), "lacks a name"),
    "expired": ("cert", lambda ca: Reply(ca.sign(days=-0.1), CHAIN), "expired"),
}


@pytest.mark.parametrize("case", CASES)
def test_poisoned(ca, case):
    where, reply, words = CASES[case]
    run(ca, **{where: lambda _: reply(ca.ca)})
    failed = ca.wait(state="failed", seconds=30)
    assert words in failed["error"] and "chain" not in failed and failed["nextUSec"] > time.time() * 1e6
    assert len(ca.ca.seen) < 40
    until(lambda: ca.dnsd.call("ListText")["overlay"] == [], 10, "the withdrawal")


@pytest.mark.parametrize("nonce", [None, "a b;c", "a" * 5000, "../x"])
def test_nonce(ca, nonce):
    ca.ca.replay = nonce
    assert "nonce" in run(ca).wait(state="failed")["error"]
    assert ca.ca.seen == ["dir", "nonce"]


def test_bad_nonce_for_ever(ca):
    run(ca, account=problem("badNonce"))
    assert "badNonce" in ca.wait(state="failed")["error"]
    assert ca.ca.seen.count("account") <= 20


def test_rate_limit(ca):
    run(ca, order=problem("rateLimited", 429, "too many certificates", Retry_After="90000"))
    failed = ca.wait(state="failed")
    assert "too many certificates" in failed["error"]
    assert failed["nextUSec"] >= (time.time() + 89000) * 1e6
    # Neither a restart nor a reload goes round it.
    ca.acmed.kill()
    ca.acmed.start()
    ca.acmed.reload()
    time.sleep(1)
    assert ca.ca.seen.count("order") == 1 and ca.get()["nextUSec"] == failed["nextUSec"]


def test_rate_limit_by_date(ca):
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 90000))
    run(ca, order=problem("rateLimited", 429, Retry_After=date))
    assert ca.wait(state="failed")["nextUSec"] >= (time.time() + 89000) * 1e6


def test_error_text(ca):
    """What is shown is one printable line; subproblems are in it."""
    detail = "evil\x1b[31m\r\n\x9b31m" + "x" * 100000
    body = {"type": "urn:ietf:params:acme:error:compound", "detail": detail, "subproblems": [
        {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids", "identifier": {"type": "dns", "value": ZONE}}, 1, {}]}
    run(ca, order=Reply(body, PROBLEM, 403))
    error = ca.wait(state="failed")["error"]
    assert error.isprintable() and len(error) < 2100 and f"{ZONE}: CAA forbids" in error
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", ca.acmed.text().replace("→", ""))

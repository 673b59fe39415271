# SPDX-License-Identifier: LGPL-2.1-or-later
"""The judging authority (tests/authority) for tests, a plain client of RFC 8555 to try it with, and knot with a reference zone."""

import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from acme_tools import until

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from authority import Authority, Fault, Profile, Settings, pki, validation  # noqa: E402
from authority.jose import Key, encode  # noqa: E402

__all__ = ["Authority", "Client", "Fault", "Key", "Knot", "Profile", "Refused", "Settings", "pki", "validation"]


class Refused(Exception):
    def __init__(self, status, document, headers):
        super().__init__(f"{status} {document}")
        self.status, self.document, self.headers = status, document, headers
        self.type = document["type"].rpartition(":")[2] if document else None


def number(n):
    return encode(n.to_bytes(32, "big"))


class Client:
    """One account."""

    def __init__(self, authority, key=None):
        self.authority, self.key, self.url = authority, key or ec.generate_private_key(ec.SECP256R1()), None
        self.context = ssl.create_default_context(cafile=authority.root)
        self.nonce = None
        self.urls = json.loads(self.fetch(authority.directory)[0])

    def fetch(self, url, data=None, **headers):
        if data:
            headers["Content-Type"] = "application/jose+json"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20, context=self.context) as r:
                self.nonce = r.headers["Replay-Nonce"]
                return r.read(), r.headers
        except urllib.error.HTTPError as e:
            self.nonce = e.headers["Replay-Nonce"]
            body = e.read()
            is_problem = e.headers["Content-Type"].startswith("application/problem+json")
            raise Refused(e.code, json.loads(body) if is_problem else None, e.headers) from None

    @staticmethod
    def jwk(key):
        n = key.public_key().public_numbers()
        return {"crv": "P-256", "kty": "EC", "x": number(n.x), "y": number(n.y)}

    def sign(self, payload, header, key=None):
        protected = encode(json.dumps(header).encode())
        body = payload if isinstance(payload, str) else json.dumps(payload)
        signed = f"{protected}.{encode(body.encode())}"
        r, s = decode_dss_signature((key or self.key).sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return {"protected": protected, "payload": encode(body.encode()), "signature": encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))}

    def post(self, target, payload="", with_key=False, **header):
        """Returns (JSON or text, headers)."""
        for _ in range(20):
            if not self.nonce:
                self.fetch(self.urls["newNonce"])
            who = {"jwk": self.jwk(self.key)} if with_key or not self.url else {"kid": self.url}
            jws = self.sign(payload, {"alg": "ES256", "nonce": self.nonce, "url": target, **who, **header})
            try:
                body, headers = self.fetch(target, json.dumps(jws).encode())
            except Refused as e:
                if e.type != "badNonce" or header:
                    raise
                continue
            return json.loads(body) if headers.get_content_type() == "application/json" else body.decode(), headers
        raise AssertionError("no nonce is good enough")

    def register(self, **request):
        account, headers = self.post(self.urls["newAccount"], {"termsOfServiceAgreed": True, **request}, with_key=True)
        self.url = headers["Location"]
        return account

    def binding(self, kid, secret):
        protected = encode(json.dumps({"alg": "HS256", "kid": kid, "url": self.urls["newAccount"]}).encode())
        payload = encode(json.dumps(self.jwk(self.key)).encode())
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(f"{protected}.{payload}".encode())
        return {"protected": protected, "payload": payload, "signature": encode(mac.finalize())}

    @property
    def thumbprint(self):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(json.dumps(self.jwk(self.key), sort_keys=True, separators=(",", ":")).encode())
        return encode(digest.finalize())

    def order(self, *names, **more):
        order, headers = self.post(self.urls["newOrder"], {"identifiers": [{"type": "dns", "value": n} for n in names], **more})
        return {**order, "url": headers["Location"]}

    def value(self, token):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(f"{token}.{self.thumbprint}".encode())
        return encode(digest.finalize())

    def challenges(self, order, kind):
        """(name, url of the authorization, challenge) of what is to be proved."""
        for url in order["authorizations"]:
            a = self.post(url)[0]
            if a["status"] == "pending":
                yield a["identifier"]["value"], url, next(c for c in a["challenges"] if c["type"] == kind)

    def settled(self, url, states=("pending", "processing")):
        return until(lambda: (o := self.post(url)[0])["status"] not in states and o, 30, f"the end of {url}")

    def prove(self, order, kind, publish):
        """publish(name, token, value). Returns the authorizations as they end."""
        pending = list(self.challenges(order, kind))
        for name, _, c in pending:
            publish(name, c["token"], self.value(c["token"]))
        for _, _, c in pending:
            self.post(c["url"], {})
        return [self.settled(url) for _, url, _ in pending]

    @staticmethod
    def request(names, key=None, common_name=None):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        key = key or ec.generate_private_key(ec.SECP256R1())
        return {"csr": encode(csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))}

    def finish(self, order, key=None):
        """The chain, or the order as it ended otherwise."""
        names = [i["value"] for i in order["identifiers"]]
        self.post(order["finalize"], self.request(names, key))
        order = self.settled(order["url"])
        return x509.load_pem_x509_certificates(self.post(order["certificate"])[0].encode()) if "certificate" in order else order


class Knot:
    """Debian's knotd with one zone, given as text."""

    def __init__(self, folder, zone, text, port=0):
        self.folder, self.zone = folder, zone
        with socket.create_server(("127.0.0.1", port)) as s:
            self.port = s.getsockname()[1]
        (folder / "zone").write_text(f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 86400 1\n@ NS ns\nns A 127.0.0.1\n{text}")
        (folder / "knot.conf").write_text(
            f"server:\n  listen: 127.0.0.1@{self.port}\n  rundir: {folder}\ndatabase:\n  storage: {folder}\n"
            f"zone:\n  - domain: {zone}\n    file: {folder}/zone\n    storage: {folder}\n    journal-content: none\n")
        self.process = subprocess.Popen(["knotd", "-c", str(folder / "knot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers, 20, "knot")

    def answers(self):
        done = subprocess.run(["kdig", "@127.0.0.1", "-p", str(self.port), "+short", "+time=1", self.zone, "SOA"],
                              capture_output=True, text=True, timeout=30)
        time.sleep(0.05)
        return "hostmaster" in done.stdout

    @property
    def servers(self):
        return {self.zone: ("127.0.0.1", self.port)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

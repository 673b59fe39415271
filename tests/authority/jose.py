# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signed requests (RFC 7515, RFC 8555 section 6.2) and keys (RFC 7517, RFC 7638)."""

import base64
import hashlib
import hmac
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from .problem import Problem

CURVES = {"P-256": (ec.SECP256R1, "ES256", hashes.SHA256, 32), "P-384": (ec.SECP384R1, "ES384", hashes.SHA384, 48)}
MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    """Strictly base64url without padding."""
    if not isinstance(text, str) or not text.replace("-", "").replace("_", "").isalnum() and text:
        raise Problem("malformed", "this is not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise Problem("malformed", "this is not the shortest base64url")
    return data


def loads(data, what):
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Problem("malformed", f"{what} is no JSON object")
    return value


class Key:
    """A public key as a JWK."""

    def __init__(self, jwk):
        if not isinstance(jwk, dict) or jwk.get("kty") not in MEMBERS:
            raise Problem("badPublicKey", "this kind of key is not taken")
        self.jwk = {m: jwk.get(m) for m in MEMBERS[jwk["kty"]]}
        if not all(isinstance(v, str) for v in self.jwk.values()):
            raise Problem("badPublicKey", "members of the key are missing")
        number = {k: int.from_bytes(decode(v), "big") for k, v in self.jwk.items() if k in "xyen"}
        try:
            if jwk["kty"] == "EC":
                curve, self.algorithm, self.hash, self.size = CURVES[jwk["crv"]]
                self.public = ec.EllipticCurvePublicNumbers(number["x"], number["y"], curve()).public_key()
            else:
                self.algorithm, self.public = "RS256", rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()
        except (KeyError, ValueError):
            raise Problem("badPublicKey", "this is no such key") from None
        if isinstance(self.public, rsa.RSAPublicKey) and self.public.key_size < 2048:
            raise Problem("badPublicKey", "the key is too short")

    @property
    def thumbprint(self):
        return encode(hashlib.sha256(json.dumps(self.jwk, sort_keys=True, separators=(",", ":")).encode()).digest())

    def verify(self, algorithm, signed, signature):
        if algorithm != self.algorithm:
            raise Problem("badSignatureAlgorithm", f"{algorithm} does not go with the key", algorithms=["ES256", "ES384", "RS256"])
        try:
            if isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            elif len(signature) != 2 * self.size:
                raise InvalidSignature
            else:
                r, s = (int.from_bytes(part, "big") for part in (signature[:self.size], signature[self.size:]))
                self.public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(self.hash()))
        except InvalidSignature:
            raise Problem("unauthorized", "the signature is wrong") from None


class Jws:
    """A flattened JWS, taken apart; nothing about it is believed yet."""

    def __init__(self, data):
        body = loads(data, "the request") if isinstance(data, bytes) else data
        if not isinstance(body, dict) or set(body) != {"protected", "payload", "signature"}:
            raise Problem("malformed", "a flattened JWS without an unprotected header was expected")
        self.header = loads(decode(body["protected"]), "the protected header")
        self.signed = f"{body['protected']}.{body['payload']}".encode()
        self.payload, self.signature = decode(body["payload"]), decode(body["signature"])

    @property
    def json(self):
        return loads(self.payload, "the payload")

    def verify(self, key):
        key.verify(self.header.get("alg"), self.signed, self.signature)

    def verify_hmac(self, secret):
        """An external account's binding (RFC 8555 section 7.3.4)."""
        good = hmac.digest(decode(secret.rstrip("=")), self.signed, "sha256")
        if self.header.get("alg") != "HS256" or "nonce" in self.header or not hmac.compare_digest(good, self.signature):
            raise Problem("unauthorized", "the external account's binding is wrong", 403)

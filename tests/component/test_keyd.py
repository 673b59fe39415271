# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-keyd: it signs handshakes and nothing else, for the right callers, and no key leaves it or is lost."""

import base64
import datetime
import json
import os
import pathlib
import re
import time

import pytest
from conftest import ROOT, VarlinkError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509 import (CertificateBuilder, CertificateSigningRequestBuilder, DNSName, Name, SubjectAlternativeName,
                               load_der_x509_csr)

TLS13 = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + bytes(range(32))
TLS12 = bytes(range(64)) + bytes([3, 0, 23, 65, 4]) + bytes(64)
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


@pytest.fixture
def keyd(house):
    return house.daemon("keyd", "io.hagw.Key")


def b64(data):
    return base64.b64encode(data).decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_key(info):
    return serialization.load_der_public_key(base64.b64decode(info["publicKey"]))


def verify(info, scheme, data, signature):
    key, digest = public_key(info), HASHES[scheme[-3:]]()
    if "ecdsa" in scheme:
        key.verify(signature, data, ec.ECDSA(digest))
    elif "pss" in scheme:
        key.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        key.verify(signature, data, padding.PKCS1v15(), digest)


def refused(error, daemon, method, **parameters):
    with pytest.raises(VarlinkError) as e:
        daemon.call(method, **parameters)
    assert e.value.name.endswith(error), e.value
    return e.value.parameters


@pytest.mark.parametrize("algorithm, scheme, data", [
    ("ecdsa-p256", "ecdsa_secp256r1_sha256", TLS13), ("ecdsa-p256", "ecdsa_secp256r1_sha256", TLS12),
    ("ecdsa-p384", "ecdsa_secp384r1_sha384", TLS13), ("ecdsa-p384", "ecdsa_secp256r1_sha256", TLS12),
    ("rsa-2048", "rsa_pss_rsae_sha256", TLS13), ("rsa-2048", "rsa_pss_rsae_sha512", TLS12),
    ("rsa-2048", "rsa_pkcs1_sha256", TLS12)])
def test_signs_handshakes(keyd, algorithm, scheme, data):
    key = keyd.call("Generate", purpose="tls", algorithm=algorithm)["key"]
    assert key["algorithm"] == algorithm and not key["imported"]
    answer = keyd.call("SignHandshake", id=key["id"], scheme=scheme, data=b64(data))
    signature = base64.b64decode(answer["signature"])
    verify(key, scheme, data, signature)
    with pytest.raises(InvalidSignature):
        verify(key, scheme, data[:-1] + b"\xff", signature)


def test_signs_nothing_else(keyd):
    key = keyd.call("Generate", purpose="tls")["key"]["id"]
    account = keyd.call("Generate", purpose="account")["key"]["id"]
    scheme = "ecdsa_secp256r1_sha256"
    csr = load_der_x509_csr(base64.b64decode(keyd.call("MakeRequest", id=key, names=["a.example.com"])["csr"]))
    jws = b"eyJhbGciOiJFUzI1NiJ9." + b"A" * 112
    for bad in (b"", b"x", csr.tbs_certrequest_bytes, jws, TLS13[:-1], TLS13 + b"0", TLS12 + b"0",
                TLS13.replace(b"server", b"client")):
        refused("NotATlsHandshake", keyd, "SignHandshake", id=key, scheme=scheme, data=b64(bad))
    for bad in ("rsa_pss_rsae_sha256", "ecdsa_secp384r1_sha384", "ed25519", "ecdsa_sha1", ""):
        refused("NotATlsHandshake", keyd, "SignHandshake", id=key, scheme=bad, data=b64(TLS13))
    refused("NotATlsHandshake", keyd, "SignHandshake", id=key, scheme=scheme, data="%%%")
    refused("NotATlsHandshake", keyd, "SignHandshake", id=key, scheme=scheme, data="A" * 4096)
    refused("NoSuchKey", keyd, "SignHandshake", id="../x", scheme=scheme, data=b64(TLS13))
    # One key, one purpose, in both directions.
    assert refused("WrongPurpose", keyd, "SignHandshake", id=account, scheme=scheme, data=b64(TLS13))["purpose"] == "account"
    refused("WrongPurpose", keyd, "MakeRequest", id=account, names=["a.example.com"])
    refused("WrongPurpose", keyd, "SignJws", id=key, protected='{"url":"u","kid":"k"}', payload="", includeKey=False)
    refused("WrongPurpose", keyd, "GetPublicJwk", id=key)


def test_certificate_request(keyd):
    for algorithm in ("ecdsa-p256", "ecdsa-p384", "rsa-2048"):
        key = keyd.call("Generate", purpose="tls", algorithm=algorithm)["key"]
        names = ["home.example.com", "*.home.example.com"]
        csr = load_der_x509_csr(base64.b64decode(keyd.call("MakeRequest", id=key["id"], names=names)["csr"]))
        assert csr.is_signature_valid
        assert csr.public_key() == public_key(key)
        assert list(csr.subject) == []
        san = csr.extensions.get_extension_for_class(SubjectAlternativeName).value
        assert san.get_values_for_type(DNSName) == names
    for bad in ([], ["a b"], ["*.*.example.com"], ["x" * 64 + ".com"], [f"h{i}.example.com" for i in range(101)]):
        refused("BadName", keyd, "MakeRequest", id=key["id"], names=bad)


@pytest.mark.parametrize("algorithm, alg", [("ecdsa-p256", "ES256"), ("ecdsa-p384", "ES384"), ("rsa-2048", "RS256")])
def test_jws(keyd, algorithm, alg):
    key = keyd.call("Generate", purpose="account", algorithm=algorithm)["key"]
    # Often enough that coordinates and integers with leading zeros occur.
    for i in range(50 if alg == "ES256" else 3):
        header = {"url": "https://ca/x", "nonce": str(i)}
        reply = keyd.call("SignJws", id=key["id"], protected=json.dumps(header), payload='{"contact":[]}', includeKey=True)
        jws = json.loads(reply["jws"])
        protected = json.loads(unb64url(jws["protected"]))
        assert {k: protected[k] for k in header} == header and protected["alg"] == alg
        assert unb64url(jws["payload"]) == b'{"contact":[]}'
        signature = unb64url(jws["signature"])
        signed = f"{jws['protected']}.{jws['payload']}".encode()
        if alg == "RS256":
            public_key(key).verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            n = len(signature) // 2
            assert n == {"ES256": 32, "ES384": 48}[alg]
            der = utils.encode_dss_signature(int.from_bytes(signature[:n]), int.from_bytes(signature[n:]))
            public_key(key).verify(der, signed, ec.ECDSA(HASHES[alg[2:]]()))
    public = keyd.call("GetPublicJwk", id=key["id"])
    assert json.loads(public["jwk"]) == protected["jwk"]
    digest = hashes.Hash(hashes.SHA256())
    digest.update(json.dumps(protected["jwk"], sort_keys=True, separators=(",", ":")).encode())
    assert unb64url(public["thumbprint"]) == digest.finalize()
    for bad in ("", "[]", "null", '{"kid":"k"}', '{"url":"u","jwk":{}}', '{"url":"u","alg":"none","kid":"k"}', '{"url":"u"}'):
        refused("BadHeader", keyd, "SignJws", id=key["id"], protected=bad, payload="", includeKey=False)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def finalize(keyd, account, csr, **more):
    payload = json.dumps({"csr": b64url(csr), **more})
    return keyd.call("SignJws", id=account, protected='{"url":"u","kid":"k"}', payload=payload, includeKey=False)["jws"]


def test_finalizes_only_what_it_signed(keyd):
    """hagw-acmed, broken into, gets no certificate for a key of its own: a certificate request is for a tls key of hagw-keyd's, and
    signed with it. What names it is judged in tests/unit/test-keyd-payload.c."""
    account = keyd.call("Generate", purpose="account")["key"]["id"]
    key = keyd.call("Generate", purpose="tls")["key"]["id"]
    own = base64.b64decode(keyd.call("MakeRequest", id=key, names=["a.example.com"])["csr"])

    def foreign(k):
        return CertificateSigningRequestBuilder().subject_name(Name([])).sign(k, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def refuse(reason, csr, **more):
        with pytest.raises(VarlinkError, match=reason) as e:
            finalize(keyd, account, csr, **more)
        assert e.value.name.endswith("BadPayload")

    assert json.loads(unb64url(json.loads(finalize(keyd, account, own))["payload"])) == {"csr": b64url(own)}
    refuse("not held here", foreign(ec.generate_private_key(ec.SECP256R1())))
    refuse("not held here", foreign(rsa.generate_private_key(65537, 2048)))
    for bad in (own + b"\0", own[:-1], b"x", own + own):
        refuse("not one certificate request", bad)
    # The right key, and other names than were signed.
    refuse("not signed", own.replace(b"a.example.com", b"b.example.com"))
    refuse("members", own, CSR=b64url(foreign(ec.generate_private_key(ec.SECP256R1()))))
    # The account's own key never gets a certificate, though it is held here.
    taken = ec.generate_private_key(ec.SECP256R1())
    keyd.call("Import", purpose="account", pem=pem(taken))
    refuse("not held here", foreign(taken))
    # In the middle of an order hagw-keyd may be restarted, the key may be removed.
    keyd.kill()
    keyd.start()
    assert finalize(keyd, account, own)
    keyd.call("Remove", id=key)
    refuse("not held here", own)
    assert [m["value"] for m in keyd.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == "key_refusals"] == [1]


# --- what ends something ---

def unjws(text):
    jws = json.loads(text)
    return json.loads(unb64url(jws["protected"])), unb64url(jws["payload"]), jws


def signed_by(info, jws):
    signature = unb64url(jws["signature"])
    der = utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    public_key(info).verify(der, f"{jws['protected']}.{jws['payload']}".encode(), ec.ECDSA(hashes.SHA256()))


def test_key_change(keyd):
    """RFC 8555 section 7.3.5, for a key that is held here: whoever has broken into hagw-acmed gives the account to nobody."""
    old, new, tls = (keyd.call("Generate", purpose=p)["key"] for p in ("account", "account", "tls"))
    jwk = {k["id"]: json.loads(keyd.call("GetPublicJwk", id=k["id"])["jwk"]) for k in (old, new)}
    words = {"account": "https://ca/account/1", "url": "https://ca/key", "nonce": "n"}
    outer, payload, jws = unjws(keyd.call("SignKeyChange", id=old["id"], newId=new["id"], **words)["jws"])
    assert outer == {"alg": "ES256", "kid": words["account"], "nonce": "n", "url": words["url"]}
    signed_by(old, jws)
    inner, request, jws = unjws(payload)
    assert inner == {"alg": "ES256", "jwk": jwk[new["id"]], "url": words["url"]}
    assert json.loads(request) == {"account": words["account"], "oldKey": jwk[old["id"]]}
    signed_by(new, jws)
    refused("BadPayload", keyd, "SignKeyChange", id=old["id"], newId=old["id"], **words)
    for pair in ((old, tls), (tls, new)):
        refused("WrongPurpose", keyd, "SignKeyChange", id=pair[0]["id"], newId=pair[1]["id"], **words)
    refused("NoSuchKey", keyd, "SignKeyChange", id=old["id"], newId="0" * 32, **words)
    # Not by the way of ordinary requests.
    refused("BadPayload", keyd, "SignJws", id=old["id"], protected='{"url":"u","kid":"k"}', payload=payload.decode(), includeKey=False)


def certificate(info):
    now = datetime.datetime.now(datetime.timezone.utc)
    authority = ec.generate_private_key(ec.SECP256R1())
    c = CertificateBuilder().subject_name(Name([])).issuer_name(Name([])).serial_number(1).public_key(public_key(info))
    c = c.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(authority, hashes.SHA256())
    return c.public_bytes(serialization.Encoding.DER)


def test_revocation(keyd):
    """RFC 8555 section 7.6: by the account, or by the certificate's own key and by no other of ours."""
    account, own, other = (keyd.call("Generate", purpose=p)["key"] for p in ("account", "tls", "tls"))
    der, words = certificate(own), {"url": "https://ca/revoke", "nonce": "n"}
    head, payload, jws = unjws(keyd.call("SignRevocation", id=account["id"], kid="https://ca/1", certificate=b64(der), reason=4, **words)["jws"])
    assert head == {"alg": "ES256", "kid": "https://ca/1", **words} and json.loads(payload) == {"certificate": b64url(der), "reason": 4}
    signed_by(account, jws)
    head, payload, jws = unjws(keyd.call("SignRevocation", id=own["id"], certificate=b64(der), reason=0, **words)["jws"])
    assert set(head) == {"alg", "jwk", "url", "nonce"} and json.loads(payload) == {"certificate": b64url(der)}
    signed_by(own, jws)
    for reason in (-1, 2, 6, 7, 10, 100):
        refused("BadPayload", keyd, "SignRevocation", id=own["id"], certificate=b64(der), reason=reason, **words)
    for bad in (der + b"\0", der[:-1], der + der, b"", b"x"):
        refused("BadPayload", keyd, "SignRevocation", id=account["id"], kid="k", certificate=b64(bad), reason=0, **words)
    refused("BadPayload", keyd, "SignRevocation", id=account["id"], kid="k", certificate="A" * 100000, reason=0, **words)
    refused("BadPayload", keyd, "SignRevocation", id=other["id"], certificate=b64(der), reason=0, **words)
    refused("BadPayload", keyd, "SignRevocation", id=own["id"], kid="k", certificate=b64(der), reason=0, **words)
    refused("BadPayload", keyd, "SignRevocation", id=account["id"], certificate=b64(der), reason=0, **words)
    refused("NoSuchKey", keyd, "SignRevocation", id="0" * 32, certificate=b64(der), reason=0, **words)


def pem(key, form=serialization.PrivateFormat.PKCS8, password=None):
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def test_import(keyd):
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    for key in (ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()),
                rsa.generate_private_key(65537, 2048)):
        info = keyd.call("Import", purpose="tls", pem=pem(key))["key"]
        assert info["imported"] and public_key(info) == key.public_key()
        # PKCS#1 and SEC1 of the same key are the same key.
        assert keyd.call("Import", purpose="tls", pem=pem(key, traditional))["key"] == info
        refused("BadKey", keyd, "Import", purpose="account", pem=pem(key))
    assert len(keyd.call("List")["keys"]) == 3
    good = pem(key)
    for bad in ("", "x", good[:300], pem(ed25519.Ed25519PrivateKey.generate()), pem(ec.generate_private_key(ec.SECP521R1())),
                pem(rsa.generate_private_key(65537, 1024)), good + "A" * 40000):
        refused("BadKey", keyd, "Import", purpose="tls", pem=bad)
    assert "encrypted" in refused("BadKey", keyd, "Import", purpose="tls", pem=pem(key, password=b"secret"))["reason"]
    refused("InvalidParameter", keyd, "Import", purpose="both", pem=good)
    # The secret is in no log, though it runs at debug level.
    assert "BEGIN" not in keyd.text() and good.splitlines()[3] not in keyd.text()


def test_rsa_key_that_does_not_fit_together(keyd):
    key = rsa.generate_private_key(65537, 2048).private_numbers()
    other = rsa.generate_private_key(65537, 2048).private_numbers()
    der = serialization.load_pem_private_key(pem(key.private_key()).encode(), None)
    text = pem(der, serialization.PrivateFormat.TraditionalOpenSSL)
    body = bytearray(base64.b64decode("".join(text.splitlines()[1:-1])))
    at = bytes(body).index(key.p.to_bytes(128)[:32])
    body[at:at + 32] = other.p.to_bytes(128)[:32]
    broken = f"-----BEGIN RSA PRIVATE KEY-----\n{b64(bytes(body))}\n-----END RSA PRIVATE KEY-----\n"
    refused("BadKey", keyd, "Import", purpose="tls", pem=broken)


def test_limit(keyd):
    with keyd.varlink() as v:
        for _ in range(256):
            last = v.call("io.hagw.Key.Generate", purpose="tls")["key"]["id"]
    assert refused("KeysFull", keyd, "Generate", purpose="tls") == {"limit": 256}
    keyd.call("Remove", id=last)
    keyd.call("Generate", purpose="tls")


def test_survives_kill(keyd, house):
    """Keys that were answered are there after kill -9; the file under way is not half a key."""
    known = set()
    for _ in range(5):
        with keyd.varlink() as v:
            for _ in range(4):
                known.add(v.call("io.hagw.Key.Generate", purpose="tls")["key"]["id"])
            v.send("io.hagw.Key.Generate", {"purpose": "tls"})
            keyd.kill()
        keyd.start()
        answer = keyd.call("List")
        assert known <= {k["id"] for k in answer["keys"]} and answer["broken"] == []
    state = house.root / "state" / "keyd"
    assert all((f.stat().st_mode & 0o777) == 0o600 for f in state.iterdir())
    assert not list(state.glob("*.new"))


def test_broken_file_is_set_aside(keyd, house):
    first = keyd.call("Generate", purpose="tls")["key"]["id"]
    second = keyd.call("Generate", purpose="account")["key"]["id"]
    keyd.kill()
    state = house.root / "state" / "keyd"
    text = (state / f"{first}.key").read_bytes()
    (state / f"{first}.key").write_bytes(text[:len(text) // 2])
    keyd.start()
    answer = keyd.call("List")
    assert [k["id"] for k in answer["keys"]] == [second] and answer["broken"] == [f"{first}.key"]
    assert (state / f"{first}.key.broken").read_bytes() == text[:len(text) // 2]
    assert f"{first}.key" in keyd.text()
    assert "broken" in keyd.call("io.hagw.Service.Describe")["status"]


def test_garbage_on_the_socket(keyd):
    for garbage in (b"\0", b"{}\0", b'{"method":1}\0', os.urandom(4096) + b"\0", b'{"method":"io.hagw.Key.List"', b"[" * 100000 + b"\0"):
        with keyd.varlink(timeout=2) as v:
            try:
                v.socket.sendall(garbage)
                v.socket.recv(4096)
            except (TimeoutError, ConnectionError):
                pass
    assert keyd.call("List") == {"keys": [], "broken": []}


def test_connections_of_one_caller(keyd):
    """Each thread of hagw-proxyd has one; beyond that one caller gets none, and the others have theirs."""
    unit = (ROOT / "units/hagw-keyd.service").read_text()
    memory, data = (int(re.search(rf"^{name}=(\d+)M$", unit, re.M)[1]) for name in ("MemoryMax", "LimitDATA"))
    links, served = [], 0
    for _ in range(80):
        links.append(keyd.varlink(timeout=5))
        try:
            served += links[-1].call("io.hagw.Key.List") == {"keys": [], "broken": []}
        except ConnectionError:
            pass
    assert served == 72 and data < memory
    # Those that were let in stay, and a place that is left is taken again.
    assert links[0].call("io.hagw.Key.List")["keys"] == []
    [v.close() for v in links]
    assert keyd.call("List")["keys"] == []


def test_hardened(keyd):
    limits = pathlib.Path(f"/proc/{keyd.process.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    # Not dumpable: /proc belongs to root, and another process of the same user may not trace it.
    assert os.stat(f"/proc/{keyd.process.pid}/environ").st_uid == 0


def test_metrics(keyd):
    key = keyd.call("Generate", purpose="tls")["key"]["id"]
    keyd.call("SignHandshake", id=key, scheme="ecdsa_secp256r1_sha256", data=b64(TLS13))
    refused("NotATlsHandshake", keyd, "SignHandshake", id=key, scheme="ecdsa_secp256r1_sha256", data="")
    metrics = {(m["name"], *m.get("labels", {}).values()): m["value"] for m in keyd.call("io.hagw.Service.GetMetrics")["metrics"]}
    assert metrics[("keys",)] == 1 and metrics[("key_signatures", "handshake")] == 1 and metrics[("key_refusals",)] == 1


def test_signing_is_cheap(keyd):
    """CPU per signature over one connection; the bound is wide, for sanitizers and busy machines."""
    key = keyd.call("Generate", purpose="tls")["key"]["id"]
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu():
        fields = pathlib.Path(f"/proc/{keyd.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    n, before, started = 2000, cpu(), time.monotonic()
    with keyd.varlink() as v:
        for _ in range(n):
            v.call("io.hagw.Key.SignHandshake", id=key, scheme="ecdsa_secp256r1_sha256", data=b64(TLS13))
    used = (cpu() - before) / n
    print(f"keyd: {used * 1e6:.0f} us CPU per P-256 signature, {n / (time.monotonic() - started):.0f} per second")
    assert used < 0.01

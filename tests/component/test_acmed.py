# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-acmed against pebble (strict, rejecting a third of all nonces), with the real keyd, dnsd and webd."""

import json
import os
import re
import shutil
import signal
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from acme_tools import EAB_KEY, EAB_KEY_ID, ZONE, Acme, Authority, Pebble, check_certificate, key_pem, leaf, pem, until
from conftest import VarlinkError

@pytest.fixture
def acme(house):
    a = Acme(house)
    yield a


@pytest.fixture
def pebble(acme):
    p = Pebble(acme.folder, acme.dns_port)
    yield p
    p.stop()


def refused(error, daemon, method, **parameters):
    with pytest.raises(VarlinkError) as e:
        daemon.call(method, **parameters)
    assert e.value.name.endswith(error), e.value
    return e.value.parameters


def test_wildcard_by_dns(acme, pebble):
    """Apex and wildcard in one order, two TXT values at one name; afterwards nothing is left in the zone."""
    acme.start(pebble.directory, pebble.root, contact="mailto:me@example.com")
    certificate = acme.wait()
    chain = check_certificate(certificate, acme.keyd, [ZONE, f"*.{ZONE}"])
    root = x509.load_pem_x509_certificate(pebble.get("/roots/0"))
    chain[-1].verify_directly_issued_by(root)
    assert certificate["source"] == "acme" and certificate["failures"] == 0 and "error" not in certificate
    life = certificate["notAfterUSec"] - certificate["notBeforeUSec"]
    assert certificate["notBeforeUSec"] < certificate["nextUSec"] < certificate["notAfterUSec"] - life / 11
    until(lambda: acme.dnsd.call("ListText")["overlay"] == [], 10, "the withdrawal")
    until(lambda: acme.acmed.status.startswith("1 certificate, 1 valid"), 10, "the status")
    # The account key signs nothing but account things, and no key is left over.
    keys = acme.keyd.call("List")["keys"]
    assert sorted(k["purpose"] for k in keys) == ["account", "tls"]


def test_renewal(acme, pebble):
    """A new certificate has a new key; watchers see the change; the account stays; the old key is kept for a day."""
    acme.start(pebble.directory, pebble.root)
    first = acme.wait()
    with acme.acmed.varlink(timeout=60) as v:
        stream = v.stream("io.hagw.Acme.Watch")
        assert next(stream)["certificates"][0]["keyId"] == first["keyId"]
        acme.acmed.call("Renew", name=ZONE)
        for message in stream:
            second = message["certificates"][0]
            assert second["state"] == "valid"
            if second["keyId"] != first["keyId"]:
                break
    check_certificate(second, acme.keyd, [ZONE, f"*.{ZONE}"])
    assert leaf(second).serial_number != leaf(first).serial_number
    keys = {k["id"]: k for k in acme.keyd.call("List")["keys"]}
    assert len(keys) == 3 and first["keyId"] in keys
    state = acme.house.root / "state" / "acmed"
    assert len(json.loads((state / "accounts.json").read_text())) == 1
    retired = json.loads((state / "retired.json").read_text())
    assert retired[0]["keyId"] == first["keyId"] and retired[0]["fromUSec"] > (time.time() + 80000) * 1e6
    refused("NoSuchCertificate", acme.acmed, "Renew", name="other.example.com")


def test_ari(acme, pebble):
    """The authority's window decides, and replaces goes along (strict pebble refuses a wrong one)."""
    acme.start(pebble.directory, pebble.root)
    acme.wait()
    advised, record = acme.wait_advice(), acme.record()
    assert record["windowStartUSec"] <= record["renewalUSec"] <= record["windowEndUSec"]
    assert advised["nextUSec"] == record["renewalUSec"]
    assert record["adviceUSec"] > time.time() * 1e6


def test_kill_and_restart(acme, pebble):
    """kill -9 at any moment of an order: the next start has the old state or the new one, and comes to a certificate."""
    acme.start(pebble.directory, pebble.root)
    first = acme.wait()
    for delay in (0.0, 0.05, 0.2, 0.5, 1.0):
        acme.acmed.call("Renew", name=ZONE)
        time.sleep(delay)
        acme.acmed.kill()
        acme.acmed.start()
        now = acme.get()
        check_certificate(now, acme.keyd, [ZONE, f"*.{ZONE}"])
        assert not now["ordering"] and acme.acmed.call("Watch")["broken"] == []
        # Interrupted tries wait like failed ones, or a crash in a loop would be a flood.
        assert now["nextUSec"] > time.time() * 1e6 + 60e6
    acme.acmed.call("Renew", name=ZONE)
    acme.changed(first)
    # Interrupted orders left no keys behind beyond the one they share and those that are retired.
    state = acme.house.root / "state" / "acmed"
    retired = {r["keyId"] for r in json.loads((state / "retired.json").read_text())}
    current = acme.wait()["keyId"]
    keys = {k["id"] for k in acme.keyd.call("List")["keys"] if k["purpose"] == "tls"}
    assert len(keys - retired - {current}) <= 1


def test_authority_that_forgot_us(acme, pebble):
    """The authority lost our account (pebble keeps nothing): a new one is made within the same order."""
    acme.start(pebble.directory, pebble.root)
    first = acme.wait()
    pebble.stop()
    pebble.start()
    acme.acmed.call("Renew", name=ZONE)
    acme.changed(first)
    assert acme.get()["failures"] == 0
    # A third of all nonces was refused on the way.
    assert "did not like the nonce" in acme.acmed.text()


def test_keys_accounts_and_revocations(acme, pebble):
    """As pebble has them: another key, another account, and certificates revoked by both."""
    acme.start(pebble.directory, pebble.root, contact="mailto:me@example.com")
    first = acme.wait()
    changed = acme.acmed.call("ChangeAccountKey")
    assert acme.acmed.call("LookAtAccount")["state"] == "valid"
    acme.acmed.call("Renew", name=ZONE)
    second = acme.changed(first)
    made = acme.acmed.call("NewAccount")
    assert made["former"] == changed["accountUri"] and made["deactivated"]
    assert acme.acmed.call("Revoke", name=ZONE, reason=1, renew=True)["revoked"] == 2
    third = acme.changed(second)
    states = [json.loads(pebble.get(f"/cert-status-by-serial/{leaf(c).serial_number:x}"))["Status"] for c in (first, second, third)]
    assert states == ["Revoked", "Revoked", "Valid"] and acme.wait()["failures"] == 0


def test_authority_down_then_up(acme, pebble):
    """Without the authority: the reason in words, a soon next try, and success by itself when it is back."""
    pebble.stop()
    acme.start(pebble.directory, pebble.root)
    failed = acme.wait(state="failed")
    assert "cannot be reached" in failed["error"] and failed["failures"] >= 1
    assert failed["nextUSec"] < (time.time() + 60) * 1e6
    until(lambda: "1 failed at the last try" in acme.acmed.status, 20, "the status")  # not while it tries again
    acme.acmed.kill()
    acme.acmed.start()
    assert acme.get()["failures"] >= 1 and "cannot be reached" in acme.get()["error"]
    pebble.start()
    acme.wait()
    assert acme.get()["failures"] == 0


def test_keyd_cannot_write(acme, pebble):
    """The reason is told in words (a full disk would be one); nothing is said of a limit that was not met."""
    shutil.rmtree(acme.house.root / "state" / "keyd")
    acme.start(pebble.directory, pebble.root)
    assert "hagw-keyd made no account key: No such file or directory" in acme.wait(state="failed")["error"]


def test_keyd_down(acme, pebble):
    acme.keyd.process.send_signal(signal.SIGSTOP)
    acme.keyd.varlink_socket.close()
    acme.keyd.path.unlink()
    acme.start(pebble.directory, pebble.root)
    failed = acme.wait(state="failed")
    assert "hagw-keyd" in failed["error"]
    acme.keyd.process.send_signal(signal.SIGCONT)


def test_reload(acme, pebble):
    """Zones and hosts that come are ordered at once; what goes is kept and no longer renewed."""
    acme.start(pebble.directory, pebble.root)
    first = acme.wait()
    acme.hosts = {"deep": f"a.b.{ZONE}", "covered": f"ha.{ZONE}", "wild": f"*.apps.{ZONE}", "under": f"x.apps.{ZONE}"}
    acme.configure(pebble.directory, pebble.root)
    acme.acmed.reload()
    assert set(acme.list()) == {ZONE, f"a.b.{ZONE}", f"*.apps.{ZONE}"}
    check_certificate(acme.wait(f"a.b.{ZONE}"), acme.keyd, [f"a.b.{ZONE}"])
    check_certificate(acme.wait(f"*.apps.{ZONE}"), acme.keyd, [f"*.apps.{ZONE}"])
    assert acme.get()["keyId"] == first["keyId"]
    refused("BadCertificate", acme.acmed, "Remove", name=f"a.b.{ZONE}")
    acme.hosts = {}
    acme.configure(pebble.directory, pebble.root)
    acme.acmed.reload()
    gone = acme.get(f"a.b.{ZONE}")
    assert gone["state"] == "valid" and "nextUSec" not in gone
    refused("BadCertificate", acme.acmed, "Renew", name=f"a.b.{ZONE}")
    acme.acmed.call("Remove", name=f"a.b.{ZONE}")
    assert set(acme.list()) == {ZONE, f"*.apps.{ZONE}"}
    acme.acmed.kill()
    acme.acmed.start()
    assert set(acme.list()) == {ZONE, f"*.apps.{ZONE}"}


def test_other_directory(acme, pebble, tmp_path):
    """Another authority: another account, and certificates from there at once."""
    acme.start(pebble.directory, pebble.root)
    first = acme.wait()
    other = Pebble(tmp_path, acme.dns_port)
    try:
        acme.configure(other.directory, other.root)
        acme.acmed.reload()
        until(lambda: acme.get()["keyId"] != first["keyId"], 60, "the other's certificate")
        root = x509.load_pem_x509_certificate(other.get("/roots/0"))
        x509.load_pem_x509_certificates(acme.wait()["chain"].encode())[-1].verify_directly_issued_by(root)
    finally:
        other.stop()


@pytest.mark.parametrize("right", [True, False])
def test_external_account(acme, tmp_path, right):
    pebble = Pebble(tmp_path, acme.dns_port, externalAccountBindingRequired=True, externalAccountMACKeys={EAB_KEY_ID: EAB_KEY})
    (tmp_path / "acme.eab_hmac_key").write_text(EAB_KEY + "\n" if right else EAB_KEY[::-1])
    try:
        acme.start(pebble.directory, pebble.root, env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert "acme.eab_key_id" in acme.wait(state="failed")["error"]
        acme.configure(pebble.directory, pebble.root, eab_key_id=EAB_KEY_ID)
        acme.acmed.reload()  # a correction is tried at once
        if right:
            acme.wait()
        else:
            until(lambda: "acme.eab_key_id" not in acme.get().get("error", "acme.eab_key_id"), 30, "the refusal")
            assert acme.get()["state"] == "failed"
    finally:
        pebble.stop()


def test_preferred_chain(acme, tmp_path):
    pebble = Pebble(tmp_path, acme.dns_port, env={"PEBBLE_ALTERNATE_ROOTS": "2", "PEBBLE_CHAIN_LENGTH": "2"})
    try:
        for i in range(3):
            root = x509.load_pem_x509_certificate(pebble.get(f"/roots/{i}"))
            name = root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
            acme.configure(pebble.directory, pebble.root, preferred_chain=name)
            if acme.acmed:
                acme.acmed.reload()
                before = acme.get()["keyId"]
                acme.acmed.call("Renew", name=ZONE)
                until(lambda: acme.get()["keyId"] != before, 60, "renewal")
            else:
                acme.start(pebble.directory, pebble.root, preferred_chain=name)
            chain = x509.load_pem_x509_certificates(acme.wait()["chain"].encode())
            chain[-1].verify_directly_issued_by(root)
    finally:
        pebble.stop()


@pytest.mark.parametrize("algorithm, size", [("ecdsa-p384", 384), ("rsa-2048", 2048)])
def test_key_algorithm(acme, pebble, algorithm, size):
    acme.start(pebble.directory, pebble.root, key_algorithm=algorithm)
    assert leaf(acme.wait()).public_key().key_size == size


def test_wildcard_outside_zones(acme, pebble):
    acme.hosts = {"wild": "*.elsewhere.example.org"}
    acme.start(pebble.directory, pebble.root)
    acme.wait()
    hopeless = acme.get("*.elsewhere.example.org")
    assert hopeless["state"] == "failed" and "wildcard outside all zones" in hopeless["error"] and "nextUSec" not in hopeless


def import_key(acme, key):
    return acme.keyd.call("Import", purpose="tls", pem=key_pem(key))["key"]["id"]


def test_import(acme, pebble):
    acme.start(pebble.directory, pebble.root)
    acme.wait()
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    key_id = import_key(acme, key)
    chain = pem(authority.sign(key.public_key(), names=["a.example.net", "b.example.net"]))
    answer = acme.acmed.call("Import", chain=chain, keyId=key_id)["certificate"]
    assert answer["name"] == "a.example.net" and answer["source"] == "imported" and answer["state"] == "valid"
    check_certificate(acme.get("a.example.net"), acme.keyd, ["a.example.net", "b.example.net"])
    # It takes the place of one that is ordered, and gives it back.
    mine = pem(authority.sign(key.public_key(), names=[ZONE, f"*.{ZONE}"]))
    acme.acmed.call("Import", chain=mine, keyId=key_id)
    assert acme.get()["source"] == "imported"
    refused("BadCertificate", acme.acmed, "Renew", name=ZONE)
    acme.acmed.reload()
    acme.acmed.kill()
    acme.acmed.start()
    assert acme.get()["source"] == "imported" and acme.get("a.example.net")["source"] == "imported"
    acme.acmed.call("Remove", name=ZONE)
    assert acme.wait()["source"] == "acme"
    acme.acmed.call("Remove", name="b.example.net")
    assert set(acme.list()) == {ZONE}


def test_import_refuses(acme, pebble):
    acme.start(pebble.directory, pebble.root)
    authority, key, other = Authority(), ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    key_id = import_key(acme, key)
    good = pem(authority.sign(key.public_key(), names=["a.example.net"]))
    account = next(until(lambda: [k for k in acme.keyd.call("List")["keys"] if k["purpose"] == "account"], 20).__iter__())
    for chain, id_, words in [
            ("", key_id, "not a chain"), ("x" * 100000, key_id, "not a chain"), (good[:200], key_id, "not a chain"),
            (good, "0" * 32, "no such key"), (good, account["id"], "not for TLS"),
            (pem(authority.sign(other.public_key(), names=["a.example.net"])), key_id, "another key"),
            (pem(authority.sign(key.public_key(), names=["a.example.net"], days=-0.1)), key_id, "expired"),
            (pem(authority.sign(key.public_key(), names=["a.example.net"], age=-2)), key_id, "not valid yet"),
            (pem(authority.sign(key.public_key(), names=["a/../b"])), key_id, "no host name"),
            (pem(authority.sign(key.public_key())), key_id, "no DNS name in subjectAltName"),
            (good + pem(Authority("Other").certificate), key_id, "not issued by the next")]:
        assert words in refused("BadCertificate", acme.acmed, "Import", chain=chain, keyId=id_)["reason"]
    assert list((acme.house.root / "state" / "acmed").glob("cert-a*")) == []


def test_expiring_shouts(acme, pebble):
    """An imported certificate near its end: state, status, a line of the highest priority, a metric."""
    acme.start(pebble.directory, pebble.root)
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    key_id = import_key(acme, key)
    acme.acmed.call("Import", chain=pem(authority.sign(key.public_key(), names=["old.example.net"], days=2, age=80)), keyId=key_id)
    assert acme.get("old.example.net")["state"] == "expiring"
    until(lambda: "1 expiring" in acme.acmed.status, 10, "the status")
    assert re.search(r"old.example.net expires in 4[78] hours", acme.acmed.text())
    metrics = {(m["name"], *m.get("labels", {}).values()): m["value"] for m in acme.acmed.call("io.hagw.Service.GetMetrics")["metrics"]}
    assert 170000 < metrics[("certificate_expiry_seconds", "old.example.net")] < 172801
    assert metrics[("certificates", "expiring")] == 1
    acme.acmed.call("Import", chain=pem(authority.sign(key.public_key(), names=["soon.example.net"], days=3 / 86400)), keyId=key_id)
    until(lambda: acme.get("soon.example.net")["state"] == "expired", 20, "expiry")
    assert "soon.example.net has EXPIRED" in acme.acmed.text()


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "wrong type", "other name"])
def test_damaged_state(acme, pebble, damage):
    acme.start(pebble.directory, pebble.root)
    first = acme.wait()
    acme.acmed.kill()
    state = acme.house.root / "state" / "acmed"
    file = state / f"cert-{ZONE}.json"
    text = file.read_text()
    file.write_text({"cut": text[:len(text) // 2], "empty": "", "garbage": "\0\1\2", "wrong type": '["x"]',
                     "other name": text.replace(f'"name":"{ZONE}"', '"name":"../x"')}[damage])
    acme.acmed.start()
    assert acme.acmed.call("Watch")["broken"] == [file.name]
    assert (state / f"{file.name}.broken").exists() and file.name in acme.acmed.text()
    # It goes on: a new certificate; and no key that the damaged file may need is removed.
    assert acme.wait()["keyId"] != first["keyId"]
    assert first["keyId"] in {k["id"] for k in acme.keyd.call("List")["keys"]}


def test_garbage_on_the_socket(house):
    acmed = house.daemon("acmed", "io.hagw.Acme")
    for garbage in (b"\0", b"{}\0", b'{"method":1}\0', os.urandom(4096) + b"\0", b'{"method":"io.hagw.Acme.Watch"', b"[" * 100000 + b"\0"):
        with acmed.varlink(timeout=2) as v:
            try:
                v.socket.sendall(garbage)
                v.socket.recv(4096)
            except (TimeoutError, ConnectionError):
                pass
    assert acmed.call("Watch") == {"certificates": [], "broken": []}

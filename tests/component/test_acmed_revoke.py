# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates are revoked, with those before them, and others with other keys take their place."""

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from acme_tools import ZONE, check_certificate, key_pem, leaf, pem, until
from acme_tools import Authority as Root
from authority_tools import Authority, Fault
from conftest import VarlinkError
from test_acmed_account import refused, renew
from test_acmed_caa import authority, begin, gateway, other_key  # noqa: F401

KEY_COMPROMISE = 1


def revoke(gateway, reason=0, renew=True, name=ZONE):
    return gateway.acmed.call("Revoke", name=name, reason=reason, renew=renew)


def record(gateway):
    return json.loads((gateway.house.root / f"state/acmed/cert-{ZONE}.json").read_text())


@pytest.mark.parametrize("reason", [0, 1, 3, 4, 5])
def test_another_with_another_key(gateway, authority, reason):  # noqa: F811
    """At once. Who says that the key is lost lets the key itself say so, which the authority believes."""
    before = begin(gateway, authority)
    answer = revoke(gateway, reason)
    assert answer == {"revoked": 1, "refused": 0, "pending": 0, "ordered": True}
    old = authority.certificates()[0]
    assert old.revoked == reason and old.revoked_by == ("key" if reason == KEY_COMPROMISE else old.account.url)
    gateway.changed(before)
    after = gateway.wait()
    check_certificate(after, gateway.keyd, [ZONE, f"*.{ZONE}"])
    assert leaf(after).public_key() != leaf(before).public_key() and "revokedUSec" not in after and not after["revoking"]
    assert authority.certificates()[-1].revoked is None and after["failures"] == 0


def test_those_before_it(gateway, authority):  # noqa: F811
    """The disk that is gone had their keys, too, and they are good for weeks yet; none is revoked twice."""
    begin(gateway, authority)
    renew(gateway)
    renew(gateway)
    before = gateway.get()
    assert len(record(gateway)["formers"]) == 2
    gateway.acmed.kill()
    gateway.acmed.start()
    assert revoke(gateway, KEY_COMPROMISE)["revoked"] == 3
    assert [c.revoked for c in authority.certificates()[:3]] == [KEY_COMPROMISE] * 3
    gateway.changed(before)
    until(lambda: not gateway.get()["ordering"], 20, "the end of the order")
    assert "formers" not in record(gateway) and authority.count("revokeCert") == 3


def test_keys_of_before_are_gone(gateway, authority):  # noqa: F811
    """A day later the account revokes what the key cannot any more; so does the next account, which has shown that the names are
    its own."""
    begin(gateway, authority)
    first = gateway.get()["keyId"]
    renew(gateway)
    gateway.acmed.call("NewAccount")
    renew(gateway)
    gateway.keyd.call("Remove", id=first)
    assert revoke(gateway, KEY_COMPROMISE)["revoked"] == 3
    by = [c.revoked_by for c in authority.certificates()[:3]]
    assert by == [authority.accounts()[1].url, "key", "key"]


def test_too_many_formers(gateway, authority):  # noqa: F811
    """The one that ends first is forgotten; all others are revoked by one call."""
    begin(gateway, authority)
    for _ in range(9):
        renew(gateway)
    assert len(record(gateway)["formers"]) == 8
    assert revoke(gateway)["revoked"] == 9
    assert [c.revoked for c in authority.certificates()[:10]] == [None] + [0] * 9


def test_formers_end(gateway, authority):  # noqa: F811
    """What has ended needs nothing."""
    begin(gateway, authority)
    renew(gateway)
    renew(gateway)
    gateway.acmed.stop()
    path = gateway.house.root / f"state/acmed/cert-{ZONE}.json"
    v = record(gateway)
    v["formers"][0]["notAfterUSec"] = int(time.time() * 1e6)
    path.write_text(json.dumps(v))
    gateway.acmed.start()
    assert revoke(gateway)["revoked"] == 2 and authority.certificates()[0].revoked is None


def test_without_another(gateway, authority):  # noqa: F811
    """It is told, and comes to its end when a person says so, or at its time."""
    begin(gateway, authority)
    until(lambda: record(gateway)["renewalUSec"], 20, "advice")
    before = gateway.get()
    assert not revoke(gateway, renew=False)["ordered"]
    gateway.acmed.kill()
    gateway.acmed.start()
    now = gateway.wait()
    assert now["keyId"] == before["keyId"] and now["nextUSec"] == before["nextUSec"]
    assert abs(now["revokedUSec"] / 1e6 - time.time()) < 100 and authority.count("newOrder") == 1
    # Once is enough.
    assert revoke(gateway, renew=False)["revoked"] == 0 and authority.count("revokeCert") == 1
    renew(gateway)
    assert "revokedUSec" not in gateway.get() and "formers" not in record(gateway)


def test_what_is_revoked_already(gateway, authority):  # noqa: F811
    begin(gateway, authority)
    authority.certificates()[0].revoked = 4
    before = gateway.get()
    assert revoke(gateway)["revoked"] == 1
    gateway.changed(before)


def test_an_authority_in_trouble(gateway, authority):  # noqa: F811
    """It is not forgotten, over a renewal and a restart; the new one is another's."""
    begin(gateway, authority)
    before = gateway.get()
    authority.settings.faults = [Fault("revokeCert", 500, detail="out for lunch")]
    answer = revoke(gateway, 4)
    assert (answer["revoked"], answer["refused"], answer["pending"]) == (0, 0, 1) and "out for lunch" in answer["why"]
    gateway.changed(before)
    assert gateway.wait()["revoking"]
    authority.settings.faults = []
    gateway.acmed.kill()
    gateway.acmed.start()
    until(lambda: authority.certificates()[0].revoked == 4, 20, "the revocation")
    until(lambda: not gateway.get()["revoking"], 20, "its note")
    assert [c.revoked for c in authority.certificates()] == [4, None]


def test_the_account_is_gone(gateway, authority):  # noqa: F811
    """Then the certificate's own key is enough."""
    begin(gateway, authority)
    authority.accounts()[0].key = other_key(authority)
    assert revoke(gateway, renew=False)["revoked"] == 1 and authority.certificates()[0].revoked_by == "key"


def test_two_authorities(gateway, authority, tmp_path):  # noqa: F811
    """What another one has issued is revoked there, in one call, for as long as that is needed."""
    begin(gateway, authority)
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b", servers=authority.settings.servers, identities=("other.example",))
    before, roots = gateway.get(), tmp_path / "roots.pem"
    roots.write_text(authority.root.read_text() + other.root.read_text())
    gateway.configure(other.directory, roots)
    gateway.acmed.reload()
    gateway.changed(before)
    authority.settings.faults = [Fault("revokeCert", 500, times=1)]
    answer = revoke(gateway, 4, renew=False)
    assert (answer["revoked"], answer["refused"], answer["pending"]) == (1, 0, 1)
    assert [c.revoked for a in (authority, other) for c in a.certificates()] == [None, 4]
    gateway.acmed.kill()
    gateway.acmed.start()
    until(lambda: authority.certificates()[0].revoked == 4, 30, "the other one")
    known = {a["directory"]: a["configured"] for a in gateway.acmed.call("ListAccounts")["accounts"]}
    assert known == {authority.directory: False, other.directory: True}
    other.stop()


def test_refused(gateway, authority):  # noqa: F811
    """The authority's reason is told, and nobody asks again."""
    begin(gateway, authority)
    authority.settings.faults = [Fault("revokeCert", 403, "unauthorized", "over my dead body")]
    answer = revoke(gateway, renew=False)
    assert (answer["revoked"], answer["refused"], answer["pending"]) == (0, 1, 0) and "over my dead body" in answer["why"]
    assert not gateway.get()["revoking"] and "revokedUSec" not in gateway.get() and authority.count("revokeCert") == 2


def test_an_imported_one(gateway, authority):  # noqa: F811
    """Its key speaks for it, and who has issued it is asked: here somebody who has not."""
    begin(gateway, authority)
    key = ec.generate_private_key(ec.SECP256R1())
    chain = pem(Root().sign(key.public_key(), names=[ZONE]))
    held = gateway.keyd.call("Import", purpose="tls", pem=key_pem(key))["key"]["id"]
    gateway.acmed.call("Import", chain=chain, keyId=held)
    answer = revoke(gateway)
    # The one that it took the place of was revoked.
    assert (answer["revoked"], answer["refused"], answer["ordered"]) == (1, 1, False) and "no certificate of this" in answer["why"]
    assert authority.certificates()[0].revoked == 0


def test_a_key_that_waits_for_its_certificate(gateway, authority):  # noqa: F811
    """It was on the disk as well."""
    authority.settings.faults = [Fault("finalize", 403, "badCSR", "not today")]
    gateway.start(authority.directory, authority.root)
    gateway.wait(state="failed")
    pending = record(gateway)["pendingKeyId"]
    authority.settings.faults = []
    assert revoke(gateway) == {"revoked": 0, "refused": 0, "pending": 0, "ordered": True}
    assert gateway.wait()["keyId"] != pending
    until(lambda: pending not in {k["id"] for k in gateway.keyd.call("List")["keys"]}, 20, "its end")


def test_mistakes(gateway, authority):  # noqa: F811
    begin(gateway, authority)
    assert refused(gateway, "Revoke", name="other.example.com", reason=0, renew=True)[0] == "NoSuchCertificate"
    for reason in (-1, 2, 6, 99):
        with pytest.raises(VarlinkError) as e:
            gateway.acmed.call("Revoke", name=ZONE, reason=reason, renew=True)
        assert e.value.name == "org.varlink.service.InvalidParameter"
    assert authority.count("revokeCert") == 0

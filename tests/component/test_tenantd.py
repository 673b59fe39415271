# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-tenantd: who may attach, under which names, how much; nothing that was acknowledged is lost."""

import os
import re
import time

import pytest
from conftest import VarlinkError, call_as
from tenant_tools import CONFIG, ZONE, Relay, Token, Watcher, b64

HOUR, DAY = 3_600_000_000, 86_400_000_000


@pytest.fixture
def relay(house):
    return Relay(house)


def refused(error, relay, method, **parameters):
    with pytest.raises(VarlinkError) as e:
        relay.call(method, **parameters)
    assert e.value.name.split(".")[-1] == error, e.value
    return e.value.parameters


# --- tenants -----------------------------------------------------------------------------------------------------------------

def test_add_and_get(relay):
    before = time.time() * 1e6
    new = relay.call("Add", name="Anna", note="Anna's house, übrigens", domains=["anna.example.org", "*.Anna.example.net."], terminate=True,
                     agents=2, channels=9, connectionsPerSecond=3, bytesPerSecond=1000, bytesPerMonth=1 << 50)["tenant"]
    assert new["name"] == "anna" and new["zone"] == f"anna.{ZONE}"
    assert re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", new["credential"])
    assert abs(new["expiresUSec"] - before - DAY) < 60_000_000
    t = relay.get("ANNA")
    assert before - 1e6 <= t.pop("createdUSec") <= time.time() * 1e6 and t.pop("codeExpiresUSec") == new["expiresUSec"]
    t["domains"].sort()
    assert t == {"name": "anna", "zone": f"anna.{ZONE}", "domains": ["*.anna.example.net", "anna.example.org"],
                 "note": "Anna's house, übrigens", "suspended": False, "exhausted": False, "terminate": True, "agents": 2, "channels": 9,
                 "connectionsPerSecond": 3, "bytesPerSecond": 1000, "bytesPerMonth": 1 << 50, "tokens": [], "received": 0, "sent": 0}
    assert relay.status() == "1 tenant"
    assert relay.call("Add", name="bob", credential="none")["tenant"] == {"name": "bob", "zone": f"bob.{ZONE}"}
    t = relay.get("bob")
    assert (t["agents"], t["channels"], t["bytesPerMonth"], t["suspended"], t["note"]) == (1, 0, 0, False, "")
    relay.restart()
    assert relay.get("anna")["note"] == "Anna's house, übrigens" and relay.status() == "2 tenants"


@pytest.mark.parametrize("name, reason", [
    ("", "one label"), ("a.b", "one label"), ("-a", "one label"), ("a-", "one label"), ("a_b", "one label"), ("a" * 64, "one label"),
    ("ä", "one label"), ("xn--ls8h", "encodings"), ("ab--c", "encodings"), ("www", "kept for the relay"), ("NS", "kept for the relay"),
    ("shop", "The relay itself"), ("connect", "The relay itself"), ("ns1", "kept for the relay")])
def test_bad_names(relay, name, reason):
    error = refused("BadName", relay, "Add", name=name)
    assert error["name"] == name and reason in error["reason"]
    assert relay.all("List", "tenants") == []


def test_names_are_unique(relay):
    relay.add("anna")
    assert refused("TenantExists", relay, "Add", name="aNNa") == {"name": "anna"}
    relay.call("Remove", name="anna")
    relay.add("anna")


def test_domains(relay):
    relay.add("anna", domains=["a.example.org", "*.example.net"])
    for bad, why in (("one", "two labels"), ("a b.example.org", "host name"), (f"x.{ZONE}", "zone"), (ZONE, "zone"), ("*.*.example.org", "host name"),
                     ("_x.example.org", "host name")):
        error = refused("BadDomain", relay, "Add", name="bob", domains=[bad])
        assert error["domain"] == bad and why in error["reason"]
    assert refused("DomainTaken", relay, "Add", name="bob", domains=["b.example.org", "A.example.org"]) == {
        "domain": "a.example.org", "tenant": "anna"}
    refused("NoSuchTenant", relay, "Get", name="bob")
    relay.add("bob", domains=["b.example.org"])
    assert refused("DomainTaken", relay, "Set", name="bob", domains=["*.example.net"])["tenant"] == "anna"
    assert relay.get("bob")["domains"] == ["b.example.org"]
    relay.call("Set", name="anna", domains=["c.example.org"])
    relay.call("Set", name="bob", domains=["*.example.net"])
    assert relay.get("bob")["domains"] == ["*.example.net"]
    assert refused("Full", relay, "Set", name="bob", domains=[f"{i}.example.org" for i in range(33)]) == {"what": "domains", "limit": 32}
    relay.call("Remove", name="anna")
    relay.call("Set", name="bob", domains=["c.example.org"])


def test_set_changes_what_is_given(relay):
    relay.add("anna", note="one", agents=3, bytesPerMonth=5, domains=["a.example.org"])
    t = relay.call("Set", name="anna", suspended=True)["tenant"]
    assert (t["note"], t["agents"], t["bytesPerMonth"], t["domains"], t["suspended"]) == ("one", 3, 5, ["a.example.org"], True)
    assert relay.status() == "1 tenant, 1 suspended"
    t = relay.call("Set", name="anna", suspended=False, note="", agents=None, bytesPerMonth=0, domains=[])["tenant"]
    assert (t["note"], t["agents"], t["bytesPerMonth"], t["domains"], t["suspended"]) == ("", 3, 0, [], False)
    for field, value in (("agents", 0), ("agents", 65), ("channels", 65537), ("note", "x" * 257), ("note", "a\nb"), ("bytesPerSecond", -1),
                         ("connectionsPerSecond", 1 << 40), ("bytesPerMonth", (1 << 60) + 1)):
        assert refused("InvalidParameter", relay, "Set", name="anna", **{field: value})["parameter"] == field
    assert refused("NoSuchTenant", relay, "Set", name="nobody", note="") == {"name": "nobody"}


def test_list(relay):
    for name in ("anna", "bob", "hub-1", "hub-2", "hubert"):
        relay.call("Add", name=name, credential="none")
    names = lambda **keys: [t["name"] for t in relay.all("List", "tenants", **keys)]
    assert names() == ["anna", "bob", "hub-1", "hub-2", "hubert"]
    assert names(prefix="hub") == ["hub-1", "hub-2", "hubert"] and names(prefix="Hub-") == ["hub-1", "hub-2"]
    assert names(prefix="hub", limit=2) == ["hub-1", "hub-2"] and names(limit=0) == [] and names(prefix="x") == []
    with pytest.raises(VarlinkError, match="ExpectedMore"):
        relay.call("List")


# --- tokens ------------------------------------------------------------------------------------------------------------------

def test_authenticate(relay):
    token = relay.add("anna", domains=["a.example.org"])
    route = relay.call("Authenticate", **token.fields())["tenant"]
    assert route == {"name": "anna", "domains": ["a.example.org"], "suspended": False, "exhausted": False, "terminate": False, "agents": 1,
                     "channels": 77, "connectionsPerSecond": 0, "bytesPerSecond": 0, "tokenIds": [token.id]}
    assert relay.metric("tenant_proofs_accepted") == 1


def test_wrong_proofs(relay):
    anna, bob = relay.add("anna"), relay.add("bob")
    binding, other = os.urandom(32), os.urandom(32)
    wrong = Token(tenant="anna", token_id=anna.id)
    for fields in (
            anna.fields(binding, binding=b64(other)),                       # replayed on another connection
            anna.fields(binding, proof=b64(bob.proof(binding))),            # another tenant's secret
            {**bob.fields(binding), "tenant": "anna"}, {**anna.fields(binding), "tenant": "bob"}, {**anna.fields(binding), "tokenId": bob.id},
            wrong.fields(binding), anna.fields(binding, proof=b64(bytes(32))), anna.fields(binding, proof=b64(anna.stored_key)),
            anna.fields(binding, proof=b64(anna.secret)),
            anna.fields(binding, tenant="nobody"), anna.fields(binding, tenant=""), anna.fields(binding, tenant="a" * 1000),
            anna.fields(binding, tokenId=""), anna.fields(binding, tokenId="AAAAAAAA"), anna.fields(binding, tokenId="a" * 8)):
        assert refused("NotAdmitted", relay, "Authenticate", **fields) == {}
    # What the relay stores does not let anybody in: a zero key's secret is not known, and unknown tokens have no key.
    for field, value in (("proof", "x"), ("proof", b64(bytes(31))), ("binding", b64(bytes(33))), ("binding", "")):
        assert refused("InvalidParameter", relay, "Authenticate", **anna.fields(binding, **{field: value}))["parameter"] == field
    assert relay.metric("tenant_proofs_refused") == 15 and relay.metric("tenant_proofs_accepted") == 0
    relay.call("Authenticate", **anna.fields(binding))


def test_tokens_rotate_with_overlap(relay):
    first = relay.add("anna")
    answer = relay.call("IssueToken", name="anna")
    second = Token(answer["token"])
    assert second.tenant == "anna" and second.id == answer["tokenId"] != first.id
    for token in (first, second):
        assert set(relay.call("Authenticate", **token.fields())["tenant"]["tokenIds"]) == {first.id, second.id}
    assert relay.call("RevokeToken", name="anna", tokenId=first.id) == {"tokens": 1, "codes": 0}
    refused("NotAdmitted", relay, "Authenticate", **first.fields())
    relay.call("Authenticate", **second.fields())
    assert refused("NoSuchToken", relay, "RevokeToken", name="anna", tokenId=first.id) == {"tokenId": first.id}
    relay.call("IssueCode", name="anna")
    assert relay.call("RevokeToken", name="anna") == {"tokens": 1, "codes": 1}
    refused("NotAdmitted", relay, "Authenticate", **second.fields())


def test_tokens_end(relay):
    first = relay.add("anna")
    watcher = Watcher(relay)
    second = Token(relay.call("IssueToken", name="anna", lifetimeUSec=1_500_000, othersLifetimeUSec=700_000)["token"])
    watcher.until(lambda k: len(k["anna"]["tokenIds"]) == 2)
    tokens = {t["tokenId"]: t for t in relay.get("anna")["tokens"]}
    assert tokens[first.id]["expiresUSec"] < tokens[second.id]["expiresUSec"]
    relay.call("Authenticate", **first.fields())
    watcher.until(lambda k: k["anna"]["tokenIds"] == [second.id])
    refused("NotAdmitted", relay, "Authenticate", **first.fields())
    relay.call("Authenticate", **second.fields())
    watcher.until(lambda k: k["anna"]["tokenIds"] == [])
    refused("NotAdmitted", relay, "Authenticate", **second.fields())


def test_tokens_know_when_they_were_used(relay):
    token = relay.add("anna")
    assert "usedUSec" not in relay.get("anna")["tokens"][0]
    relay.call("Authenticate", **token.fields())
    used = relay.get("anna")["tokens"][0]["usedUSec"]
    assert abs(used - time.time() * 1e6) < 10_000_000
    assert relay.daemon.stop() == 0
    relay.daemon.start()
    assert relay.get("anna")["tokens"][0]["usedUSec"] == used


def test_as_many_tokens_as_fit(relay):
    relay.add("anna")
    for _ in range(15):
        relay.call("IssueToken", name="anna")
    assert refused("Full", relay, "IssueToken", name="anna") == {"what": "tokens", "limit": 16}
    code = relay.call("IssueCode", name="anna")["code"]
    assert refused("Full", relay, "Enrol", code=code, storedKey=b64(bytes(32)), address="192.0.2.1")["what"] == "tokens"
    for _ in range(15):
        relay.call("IssueCode", name="anna")
    assert refused("Full", relay, "IssueCode", name="anna") == {"what": "codes", "limit": 16}


def test_suspended(relay):
    token = relay.add("anna")
    code = relay.call("IssueCode", name="anna")["code"]
    relay.call("Set", name="anna", suspended=True)
    refused("Suspended", relay, "Authenticate", **token.fields())
    # Who has no token is not told that the tenant is suspended.
    refused("NotAdmitted", relay, "Authenticate", **Token(tenant="anna", token_id=token.id).fields())
    refused("Suspended", relay, "Enrol", code=code, storedKey=b64(bytes(32)), address="192.0.2.1")
    relay.call("Set", name="anna", suspended=False)
    relay.call("Authenticate", **token.fields())
    relay.call("Enrol", code=code, storedKey=b64(bytes(32)), address="192.0.2.1")


def test_secrets_are_nowhere(relay):
    token = relay.add("anna")
    code = relay.call("IssueCode", name="anna")["code"]
    enrolled = Token()
    relay.call("Enrol", code=code, storedKey=b64(enrolled.stored_key), address="192.0.2.1")
    second = relay.call("IssueCode", name="anna")["code"]
    relay.call("Authenticate", **token.fields())
    assert relay.daemon.stop() == 0
    stored = b"".join(p.read_bytes() for p in relay.database.parent.iterdir())
    log = relay.daemon.text().encode()
    for secret in (token.secret, b64(token.secret).encode(), second.encode(), second.replace("-", "").encode()):
        assert secret not in stored and secret not in log
    assert token.stored_key in stored and relay.database.stat().st_mode & 0o77 == 0


# --- enrolment ---------------------------------------------------------------------------------------------------------------

def test_enrol(relay):
    code = relay.call("Add", name="anna")["tenant"]["credential"]
    token = Token()
    typed = code.lower().replace("-", " ").replace("0", "O").replace("1", "l")
    answer = relay.call("Enrol", code=typed, storedKey=b64(token.stored_key), address="192.0.2.1")
    token.tenant, token.id = answer["tenant"], answer["tokenId"]
    assert token.tenant == "anna"
    relay.call("Authenticate", **token.fields())
    assert [(t["tokenId"], t["enrolled"]) for t in relay.get("anna")["tokens"]] == [(token.id, True)]
    assert "codeExpiresUSec" not in relay.get("anna")
    refused("BadCode", relay, "Enrol", code=code, storedKey=b64(Token().stored_key), address="192.0.2.1")
    relay.restart()
    relay.call("Authenticate", **token.fields())
    refused("BadCode", relay, "Enrol", code=code, storedKey=b64(Token().stored_key), address="192.0.2.1")


def test_codes_end(relay):
    relay.call("Add", name="anna", credential="none")
    for bad in (0, 59_999_999, 367 * DAY):
        assert refused("InvalidParameter", relay, "IssueCode", name="anna", lifetimeUSec=bad)["parameter"] == "lifetimeUSec"
    code = relay.call("IssueCode", name="anna", lifetimeUSec=HOUR)
    assert abs(code["expiresUSec"] - time.time() * 1e6 - HOUR) < 60_000_000
    assert relay.daemon.stop() == 0
    relay.sql("UPDATE code SET expires = ?", time.time() * 1e6 - 1)
    relay.daemon.start()
    refused("BadCode", relay, "Enrol", code=code["code"], storedKey=b64(bytes(32)), address="192.0.2.1")
    assert "codeExpiresUSec" not in relay.get("anna")


def test_guessing_is_slowed_down(relay):
    code = relay.call("Add", name="anna")["tenant"]["credential"]
    enrol = {"storedKey": b64(bytes(32))}
    for guess in ("", "x", "0000-0000-0000-0000", code[:-1], code + "0"):
        refused("BadCode", relay, "Enrol", code=guess, address="192.0.2.1", **enrol)
    wait = refused("Busy", relay, "Enrol", code=code, address="192.0.2.1", **enrol)["retryUSec"]
    assert 0 < wait <= 60_000_000
    # A network of the house's kind is one visitor; another one is not slowed down.
    for i in range(5):
        refused("BadCode", relay, "Enrol", code="x", address=f"2001:db8:0:1::{i}", **enrol)
    refused("Busy", relay, "Enrol", code=code, address="2001:db8:0:1:ffff::", **enrol)
    refused("Busy", relay, "Enrol", code=code, address="::ffff:192.0.2.1", **enrol)
    assert relay.metric("tenant_codes_refused") == 10 and relay.metric("tenant_codes_throttled") == 3
    assert refused("InvalidParameter", relay, "Enrol", code=code, address="here", **enrol)["parameter"] == "address"
    assert relay.call("Enrol", code=code, address="192.0.2.2", **enrol)["tenant"] == "anna"

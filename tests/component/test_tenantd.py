# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-tenantd: who may attach, under which names, how much; nothing that was acknowledged is lost."""

import contextlib
import os
import re
import sqlite3
import threading
import time

import pytest
from conftest import VarlinkError
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
                     "codeWaits": False, "channels": 77, "connectionsPerSecond": 0, "bytesPerSecond": 0, "bytesPerMonth": 0, "tokenIds": [token.id]}
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
    """A code is not handed out where no token has room; one that was before is refused by name, and stays good."""
    relay.add("anna")
    code = relay.call("IssueCode", name="anna")["code"]
    for _ in range(15):
        relay.call("IssueToken", name="anna")
    full = {"name": "anna", "limit": 16}
    assert refused("TokensFull", relay, "IssueToken", name="anna") == full
    assert refused("TokensFull", relay, "IssueCode", name="anna") == full
    enrol = {"code": code, "storedKey": b64(bytes(32)), "address": "192.0.2.1"}
    assert refused("TokensFull", relay, "Enrol", **enrol) == full
    assert "Tenant anna: a code of it came from 192.0.2.1, but it has 16 tokens" in relay.daemon.text()
    relay.call("RevokeToken", name="anna", tokenId=relay.get("anna")["tokens"][0]["tokenId"])
    assert relay.call("Enrol", **enrol)["tenant"] == "anna"


def test_as_many_codes_as_fit(relay):
    relay.add("anna")
    for _ in range(16):
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


def test_a_code_of_another_tenant(relay):
    """Where the house says whose it is: refused before the code is used up."""
    code = relay.call("Add", name="anna")["tenant"]["credential"]
    enrol = {"code": code, "storedKey": b64(Token().stored_key), "address": "192.0.2.1"}
    assert refused("InvalidParameter", relay, "Enrol", **enrol, tenant="a b")["parameter"] == "tenant"
    refused("OtherTenant", relay, "Enrol", **enrol, tenant="bob")
    assert relay.get("anna")["tokens"] == [] and "codeExpiresUSec" in relay.get("anna")
    assert "a code of it came from 192.0.2.1, out of a house that is bob here" in relay.daemon.text()
    for _ in range(16):
        relay.call("IssueToken", name="anna")
    refused("OtherTenant", relay, "Enrol", **enrol, tenant="bob")
    refused("TokensFull", relay, "Enrol", **enrol, tenant="anna")
    relay.call("RevokeToken", name="anna", tokenId=relay.get("anna")["tokens"][0]["tokenId"])
    assert relay.call("Enrol", **enrol, tenant="anna")["tenant"] == "anna"
    # It costs as much as a wrong one: this was the fourth such answer, and one more is free.
    refused("BadCode", relay, "Enrol", **enrol)
    refused("BadCode", relay, "Enrol", **enrol)
    refused("Busy", relay, "Enrol", **enrol)


def test_a_token_that_is_given_back(relay):
    """Ends with its accounts, and none of the others does; also of a tenant that is suspended. Whoever cannot prove it ends nothing."""
    token = relay.add("anna")
    other = Token(relay.call("IssueToken", name="anna")["token"])
    relay.call("SetAccount", **token.fields(), issuer="ca.example", accountUri="https://ca.example/acct/1")
    refused("NotAdmitted", relay, "GiveBack", **Token(tenant="anna", token_id=token.id).fields())
    refused("NotAdmitted", relay, "GiveBack", **token.fields(tenant="bob"))
    refused("InvalidParameter", relay, "GiveBack", **token.fields(proof="x"))
    watcher = Watcher(relay)
    assert sorted(watcher.known["anna"]["tokenIds"]) == sorted([token.id, other.id])
    relay.call("MakeCopy")
    assert relay.call("GiveBack", **token.fields()) == {}
    watcher.until(lambda known: known["anna"]["tokenIds"] == [other.id])
    refused("NotAdmitted", relay, "GiveBack", **token.fields())
    assert f"Tenant anna: its house has given token {token.id} back" in relay.daemon.text()
    assert relay.call("ListCopies")["copies"][0]["taken"] == [f"token anna {token.id}"]
    relay.restart()
    refused("NotAdmitted", relay, "Authenticate", **token.fields())
    relay.call("Authenticate", **other.fields())
    relay.call("Set", name="anna", suspended=True)
    relay.call("GiveBack", **other.fields())
    assert relay.get("anna")["tokens"] == []


def test_a_shared_token_is_not_given_back(relay):
    """Where hagw-proxyd knows another machine with it. Told to nobody who cannot prove the token, and of no matter where it is not so."""
    token = relay.add("anna")
    refused("NotAdmitted", relay, "GiveBack", **Token(tenant="anna", token_id=token.id).fields(), shared=True)
    refused("TokenShared", relay, "GiveBack", **token.fields(), shared=True)
    assert [t["tokenId"] for t in relay.get("anna")["tokens"]] == [token.id]
    relay.call("Set", name="anna", suspended=True)
    refused("TokenShared", relay, "GiveBack", **token.fields(), shared=True)
    relay.call("GiveBack", **token.fields(), shared=False)
    assert relay.get("anna")["tokens"] == []


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


def test_a_code_of_a_clock_that_was_ahead(relay):
    """Good for years, it would be: no code is good for longer than a year."""
    relay.call("Add", name="anna", credential="none")
    code = relay.call("IssueCode", name="anna", lifetimeUSec=HOUR)
    expires = {"good": time.time() * 1e6 + 366 * DAY - HOUR, "ahead": time.time() * 1e6 + 366 * DAY + HOUR}
    assert relay.daemon.stop() == 0
    relay.sql("UPDATE code SET expires = ?", expires["ahead"])
    relay.daemon.start()
    refused("BadCode", relay, "Enrol", code=code["code"], storedKey=b64(Token().stored_key), address="192.0.2.1")
    assert relay.daemon.stop() == 0
    relay.sql("UPDATE code SET expires = ?", expires["good"])
    relay.daemon.start()
    relay.call("Enrol", code=code["code"], storedKey=b64(Token().stored_key), address="192.0.2.1")


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


@pytest.mark.parametrize("error", ["BadCode", "Suspended", "OtherTenant", "TokensFull"])
def test_every_code_that_is_refused_costs_the_same(relay, error):
    """Of the network that it comes from, and no line in the journal each: from everywhere at most one a minute."""
    code = relay.call("Add", name="anna")["tenant"]["credential"]
    enrol = {"code": "x" if error == "BadCode" else code, "storedKey": b64(bytes(32))}
    if error == "Suspended":
        relay.call("Set", name="anna", suspended=True)
    if error == "OtherTenant":
        enrol["tenant"] = "bob"
    for _ in range(16 if error == "TokensFull" else 0):
        relay.call("IssueToken", name="anna")
    before = relay.daemon.text().count("\n")
    for _ in range(5):
        refused(error, relay, "Enrol", **enrol, address="192.0.2.1")
    assert 0 < refused("Busy", relay, "Enrol", **enrol, address="192.0.2.1")["retryUSec"] <= 60_000_000
    for i in range(100):
        refused(error, relay, "Enrol", **enrol, address=f"10.0.{i}.1")
    assert relay.metric("tenant_codes_refused") == 105
    # The hundred may take longer than a minute on a machine that is busy.
    assert 1 <= relay.daemon.text().count("\n") - before <= 3


def test_guesses_from_everywhere_keep_nobody_out(relay):
    """More wrong codes than were once free for all together, each network within its own."""
    code = relay.call("Add", name="anna")["tenant"]["credential"]
    enrol = {"storedKey": b64(bytes(32))}
    with relay.varlink() as v:
        for i in range(1100):
            with pytest.raises(VarlinkError) as e:
                v.call("io.hagw.Tenant.Enrol", code="x", address=f"10.{i // 256}.{i % 256}.1", **enrol)
            assert e.value.name == "io.hagw.Tenant.BadCode", i
    # The journal hears of them once a minute.
    assert relay.daemon.text().count("wrong enrolment code") <= 2
    assert relay.call("Enrol", code=code, address="192.0.2.1", **enrol)["tenant"] == "anna"


def test_an_account_named_again_at_once(relay):
    """Before anybody has heard of the one before."""
    token = relay.add("anna")
    other = Token(relay.call("IssueToken", name="anna")["token"])
    with relay.varlink() as link:
        for i in range(20):
            for t in (token, other):
                link.call("io.hagw.Tenant.SetAccount", **t.fields(), issuer="ca.example", accountUri=f"https://ca.example/{t.id}/{i}")
    w = Watcher(relay, "WatchAccounts")
    assert sorted(a["accountUri"] for a in w.known["anna"]["accounts"]) == sorted(f"https://ca.example/{t.id}/19" for t in (token, other))


def test_trouble_with_the_database_is_told_once_a_minute(relay):
    """However many strangers meet with it, who need no code that is right."""
    relay.call("Add", name="anna")
    with contextlib.closing(sqlite3.connect(relay.database, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        for i in range(3):
            refused("System", relay, "Enrol", code="ABCD-EFGH-JKMN-PQRS", storedKey=b64(bytes(32)), address=f"10.0.{i}.1")
        assert relay.daemon.text().count("Could not read or write the database: Device or resource busy") == 1
        db.execute("ROLLBACK")
    refused("BadCode", relay, "Enrol", code="ABCD-EFGH-JKMN-PQRS", storedKey=b64(bytes(32)), address="10.0.9.1")


# --- what hagw-proxyd hears --------------------------------------------------------------------------------------------------

def test_watch(relay):
    anna = relay.add("anna", domains=["a.example.org"])
    watcher = Watcher(relay)
    assert watcher.messages == 1 and list(watcher.known) == ["anna"]
    assert watcher.known["anna"] == relay.call("Authenticate", **anna.fields())["tenant"]
    bob = relay.add("bob")
    watcher.until(lambda k: "bob" in k and k["bob"]["tokenIds"] == [bob.id])
    second = relay.call("IssueToken", name="anna")["tokenId"]
    watcher.until(lambda k: set(k["anna"]["tokenIds"]) == {anna.id, second})
    # What must be cut is told at once, each by itself.
    for method, fields, told in (
            ("RevokeToken", {"name": "anna", "tokenId": anna.id}, lambda k: k["anna"]["tokenIds"] == [second]),
            ("Set", {"name": "anna", "suspended": True}, lambda k: k["anna"]["suspended"]),
            ("Set", {"name": "anna", "domains": []}, lambda k: k["anna"]["domains"] == []),
            ("Set", {"name": "anna", "channels": 5, "agents": 2, "bytesPerSecond": 7}, lambda k: k["anna"]["channels"] == 5),
            ("Remove", {"name": "anna"}, lambda k: "anna" not in k)):
        messages = watcher.messages
        relay.call(method, **fields)
        watcher.until(told)
        assert watcher.messages == messages + 1
    relay.add("anna")
    watcher.until(lambda k: "anna" in k)
    # One that comes later, and one that comes again, hear the same.
    assert Watcher(relay).known == watcher.known
    relay.restart()
    assert Watcher(relay).known == watcher.known


def test_reload(relay):
    relay.add("anna")
    relay.add("bob", channels=3)
    watcher = Watcher(relay)
    relay.house.configure(CONFIG.replace("channels = 77", "channels = 78"), dave=f'name = "x.dave.{ZONE}"; upstream = "http://127.0.0.1:80";',
                          eve=f'name = "x.eve.{ZONE}"; upstream = "tenant:eve";', anna=f'name = "ha.anna.{ZONE}"; upstream = "http://127.0.0.1:80";',
                          bob=f'name = "ha.bob.{ZONE}"; upstream = "tenant:bob";', ha=f'name = "ha.{ZONE}"; upstream = "tenant:bob";',
                          below=f'name = "x.carl.{ZONE}"; upstream = "tenant:bob";')
    relay.daemon.reload()
    assert f"Host ha.anna.{ZONE} has a name of tenant anna" in relay.daemon.text()
    assert "a name of tenant bob" not in relay.daemon.text()
    # What a host here leads to one tenant is no other's name.
    for name in ("ha", "carl"):
        assert "to another tenant" in refused("BadName", relay, "Add", name=name)["reason"]
    relay.call("Add", name="eve")
    watcher.until(lambda k: k["anna"]["channels"] == 78)
    assert watcher.known["bob"]["channels"] == 3
    refused("BadName", relay, "Add", name="dave")
    relay.add("shop")
    relay.house.configure(CONFIG.replace("; } );", '; answer = "hosts"; } );'))
    relay.daemon.reload()
    assert 'needs answer = "any"' in relay.call("io.hagw.Service.Describe")["configError"]
    relay.house.configure("")
    relay.daemon.reload()
    refused("NoRelay", relay, "Add", name="eve")
    assert "tenants.zone is not set" in relay.status()
    assert relay.get("anna")["zone"] == "anna"


def test_changes_while_nobody_reads(relay):
    """Many changes of one tenant while the watcher sleeps become one, and nothing is lost."""
    watcher = Watcher(relay)
    with relay.varlink() as v:
        for i in range(3000):
            v.call("io.hagw.Tenant.Add", name=f"t{i}", credential="none", note="x" * 200)
        for i in range(3000):
            v.call("io.hagw.Tenant.Set", name="t0", bytesPerSecond=i)
        for i in range(1, 3000, 2):
            v.call("io.hagw.Tenant.Remove", name=f"t{i}")
    before = watcher.messages
    watcher.until(lambda k: len(k) == 1500 and k["t0"]["bytesPerSecond"] == 2999)
    assert watcher.known.keys() == {f"t{i}" for i in range(0, 3000, 2)}
    print(f"{watcher.messages - before} messages for 7500 changes")
    assert Watcher(relay).known == watcher.known


# --- usage -------------------------------------------------------------------------------------------------------------------

def month(back=0):
    now = time.gmtime()
    n = now.tm_year * 12 + now.tm_mon - 1 - back
    return n, f"{n // 12}-{n % 12 + 1:02}"


def report(relay, *rows):
    relay.call("ReportUsage", usage=[dict(zip(("tenant", "received", "sent", "visitors"), row)) for row in rows])


def test_usage(relay):
    relay.add("anna")
    relay.add("bob")
    report(relay, ("anna", 100, 2000, 3), ("bob", 1, 1, 1), ("nobody", 5, 5, 5))
    report(relay, ("anna", 1 << 40, 0, 1), ("anna", 0, 5, 0))
    relay.restart()
    expected = {"tenant": "anna", "month": month()[1], "received": (1 << 40) + 100, "sent": 2005, "visitors": 4}
    assert relay.all("GetUsage", "usage", name="anna") == [expected]
    assert relay.all("GetUsage", "usage") == [expected, {"tenant": "bob", "month": month()[1], "received": 1, "sent": 1, "visitors": 1}]
    t = relay.get("anna")
    assert (t["received"], t["sent"]) == ((1 << 40) + 100, 2005)
    # All or nothing.
    refused("InvalidParameter", relay, "ReportUsage", usage=[
        {"tenant": "bob", "received": 7, "sent": 7, "visitors": 7}, {"tenant": "anna", "received": -1, "sent": 0, "visitors": 0}])
    refused("InvalidParameter", relay, "ReportUsage", usage=[{"tenant": "bob", "received": (1 << 50) + 1, "sent": 0, "visitors": 0}])
    assert relay.get("bob")["received"] == 1
    relay.call("Remove", name="anna")
    assert [u["tenant"] for u in relay.all("GetUsage", "usage")] == ["bob"]


def test_a_month_used_up(relay):
    token = relay.add("anna", bytesPerMonth=1000)
    watcher = Watcher(relay)
    report(relay, ("anna", 500, 499, 1))
    assert not relay.get("anna")["exhausted"]
    report(relay, ("anna", 0, 1, 0))
    watcher.until(lambda k: k["anna"]["exhausted"])
    assert relay.call("Authenticate", **token.fields())["tenant"]["exhausted"], "attached it stays"
    relay.call("Set", name="anna", bytesPerMonth=1001)
    watcher.until(lambda k: not k["anna"]["exhausted"])
    report(relay, ("anna", 10, 0, 0))
    watcher.until(lambda k: k["anna"]["exhausted"])
    # The same in the month before: over.
    assert relay.daemon.stop() == 0
    relay.sql("UPDATE usage SET month = month - 1")
    relay.daemon.start()
    assert not Watcher(relay).known["anna"]["exhausted"]
    report(relay, ("anna", 1, 1, 1))
    assert [u["month"] for u in relay.all("GetUsage", "usage", name="anna")] == [month(1)[1], month()[1]]
    assert [u["month"] for u in relay.all("GetUsage", "usage", months=1)] == [month()[1]]


# --- what happens to databases -----------------------------------------------------------------------------------------------

def test_killed_while_writing(relay):
    """What was answered is there after a kill at any instant, and what was not is there whole or not at all."""
    for turn in range(8):
        answered, failed = [], []

        def write():
            try:
                with relay.varlink() as v:
                    for i in range(100_000):
                        name = f"t{turn}-{i}"
                        v.call("io.hagw.Tenant.Add", name=name, credential="token", domains=[f"{name}.example.org"])
                        answered.append(name)
            except (ConnectionError, OSError):
                failed.append(True)

        thread = threading.Thread(target=write)
        thread.start()
        while len(answered) < 20 + 7 * turn:
            time.sleep(0.001)
        relay.daemon.kill()
        thread.join(30)
        relay.daemon.start()
        assert failed
        tenants = {t["name"]: t for t in relay.all("List", "tenants", prefix=f"t{turn}-")}
        assert set(answered) <= tenants.keys() and len(tenants) <= len(answered) + 1
        assert all(len(t["tokens"]) == 1 and len(t["domains"]) == 1 for t in tenants.values())


def test_killed_while_making_many(relay):
    """All or none, wherever the kill falls."""
    before = 0
    for delay in (0.02, 0.1, 0.3, 0.6, None):
        with relay.varlink() as v:
            v.send("io.hagw.Tenant.AddMany", {"count": 5000, "credential": "code"}, more=True)
            if delay is None:
                assert len(v.receive()["parameters"]["tenants"]) == 1000
            else:
                time.sleep(delay)
            relay.daemon.kill()
        relay.daemon.start()
        after = len(relay.all("List", "tenants"))
        assert after == before + 5000 if delay is None else after in (before, before + 5000)
        before = after


def damaged(relay, how):
    """A relay with 200 tenants, whose database is damaged while nobody looks. Returns it as it was, and as it is."""
    assert relay.daemon.stop() == 0
    whole = relay.database.read_bytes()
    assert len(whole) > 100_000
    broken = {"cut": whole[:len(whole) // 2], "garbage": os.urandom(5000), "header": b"x" * 100 + whole[100:], "empty": b"",
              "middle": whole[:8192] + os.urandom(40960) + whole[49152:], "gone": None,
              # A bit in the page type of every b-tree page but the first.
              "bit": bytes(b ^ 0x40 if i >= 4096 and i % 4096 == 0 else b for i, b in enumerate(whole))}[how]
    if broken is None:
        relay.database.unlink()
    else:
        relay.database.write_bytes(broken)
    relay.daemon.start()
    return whole, broken


def fill(relay, n=200):
    with relay.varlink() as v:
        for i in range(n):
            v.call("io.hagw.Tenant.Add", name=f"t{i}", credential="token", note="x" * 200)


@pytest.mark.parametrize("damage", ["cut", "garbage", "header", "middle", "bit", "empty", "gone"])
def test_damaged_database(relay, damage):
    """It is told at once, no house is told that it is unknown, and a person brings the newest copy back, without what was
    taken since."""
    fill(relay)
    anna, bob = relay.add("anna", domains=["a.example"]), relay.add("bob")
    code = relay.call("IssueCode", name="bob")["code"]
    relay.call("MakeCopy")
    relay.call("RevokeToken", name="anna", tokenId=anna.id)
    late = Token(relay.call("IssueToken", name="anna")["token"])
    relay.call("Remove", name="t7")
    relay.call("Set", name="t8", suspended=True)
    relay.call("Enrol", code=code, storedKey=b64(bytes(32)), address="192.0.2.1")
    _, broken = damaged(relay, damage)
    assert relay.status().startswith("the tenants' database is damaged") and "hagw-ctl tenant restore" in relay.status()
    assert relay.metric("tenants_damaged") == 1 and relay.metric("tenants") == 0
    assert "is damaged" in relay.daemon.text()
    for token in (anna, bob):
        refused("Damaged", relay, "Authenticate", **token.fields())
    refused("Damaged", relay, "Add", name="carl")
    refused("Damaged", relay, "ReportUsage", usage=[{"tenant": "bob", "received": 1, "sent": 1, "visitors": 1}])
    with pytest.raises(VarlinkError, match="Damaged"):
        relay.all("Watch", "tenants")
    listed = relay.call("ListCopies")
    assert listed["trouble"] == "the tenants' database is damaged"
    copy, = listed["copies"]
    assert copy["good"] and copy["complete"] and copy["tenants"] == 202
    assert copy["taken"][:3] == [f"token anna {anna.id}", "tenant t7", "suspended t8 1"] and copy["taken"][3].startswith("code bob ")
    refused("NoSuchCopy", relay, "RestoreCopy", name="2020-01-01")
    # As after a kill, the damage stays.
    relay.restart()
    assert relay.metric("tenants_damaged") == 1
    done = relay.call("RestoreCopy")
    assert done["name"] == copy["name"] and done["tenants"] == 202 and done["taken"] == copy["taken"]
    if broken is not None:
        assert relay.database.with_name("tenants.db.broken").read_bytes() == broken
    for _ in range(2):
        assert relay.status() == "201 tenants, 1 suspended"
        relay.call("Authenticate", **bob.fields())
        for token in (anna, late):
            refused("NotAdmitted", relay, "Authenticate", **token.fields())
        refused("NoSuchTenant", relay, "Get", name="t7")
        refused("BadCode", relay, "Enrol", code=code, storedKey=b64(bytes(32)), address="192.0.2.1")
        assert relay.metric("tenants_damaged") == 0
        assert len(Watcher(relay).known) == 201
        relay.restart()
    refused("NotDamaged", relay, "RestoreCopy")


def test_damage_found_while_it_runs(relay):
    """In pages that it has not in memory. Who listened keeps what it knows, and hears of everybody again afterwards."""
    names = [t["name"] for t in relay.all("AddMany", "tenants", count=20_000, credential="none", note="x" * 250)]
    relay.call("MakeCopy")
    assert relay.daemon.stop() == 0
    relay.daemon.start()
    watcher = Watcher(relay)
    assert len(watcher.known) == 20_000
    size = relay.database.stat().st_size
    assert size > 6_000_000
    with open(relay.database, "r+b") as f:
        f.seek(40960)
        f.write(os.urandom(size - 40960))
    with pytest.raises(VarlinkError, match="Damaged|System"):
        relay.all("List", "tenants")
    relay.until(lambda: relay.metric("tenants_damaged") == 1)
    assert "is damaged" in relay.daemon.text()
    refused("Damaged", relay, "Get", name=names[0])
    with pytest.raises((VarlinkError, StopIteration, ConnectionError)):
        while True:
            watcher.next()
    assert len(watcher.known) == 20_000
    relay.call("RestoreCopy")
    watcher = Watcher(relay)
    relay.call("Remove", name=names[0])
    watcher.until(lambda k: len(k) == 19_999)


def test_begun_anew(relay):
    fill(relay)
    _, broken = damaged(relay, "cut")
    refused("NoSuchCopy", relay, "RestoreCopy") if not relay.call("ListCopies")["copies"] else None
    assert relay.call("RestoreCopy", empty=True)["tenants"] == 0
    assert relay.status() == "0 tenants" and relay.database.with_name("tenants.db.broken").read_bytes() == broken
    relay.add("anna")
    relay.restart()
    assert relay.status() == "1 tenant"


def test_damaged_ledger(relay):
    anna = relay.add("anna")
    assert relay.daemon.stop() == 0
    ledger = relay.database.with_name("ledger")
    ledger.write_bytes(ledger.read_bytes() + b"what is this?\n")
    relay.daemon.start()
    assert relay.status().startswith("the ledger beside the tenants' database is damaged")
    refused("Damaged", relay, "Authenticate", **anna.fields())
    assert relay.call("ListCopies")["trouble"].startswith("the ledger")
    assert relay.daemon.stop() == 0
    ledger.unlink()
    relay.daemon.start()
    relay.call("Authenticate", **anna.fields())


def test_a_copy_a_day(relay):
    """At a start where there is none of today; seven stay."""
    copies = relay.database.with_name("copies")
    relay.add("anna")
    assert relay.call("ListCopies") == {"copies": []} or not copies.exists()
    relay.restart()
    relay.until(lambda: relay.call("ListCopies")["copies"])
    assert [p.stat().st_mode & 0o777 for p in (copies, *copies.iterdir())] == [0o700, 0o600]
    today, = copies.iterdir()
    for i in range(8):
        (copies / f"2026-01-0{i + 1}").write_bytes(today.read_bytes())
    today.unlink()
    relay.restart()
    relay.until(lambda: today.exists())
    relay.until(lambda: len(list(copies.iterdir())) == 7)
    assert [c["name"] for c in relay.call("ListCopies")["copies"]] == [today.name, *(f"2026-01-0{i}" for i in range(8, 2, -1))]


def test_backup_while_it_runs(relay, tmp_path):
    token, bob = relay.add("anna"), relay.add("bob")
    copy = tmp_path / "copy.db"
    with contextlib.closing(sqlite3.connect(relay.database)) as from_, contextlib.closing(sqlite3.connect(copy)) as to:
        from_.backup(to)
    relay.call("Remove", name="bob")
    assert relay.daemon.stop() == 0
    relay.database.write_bytes(copy.read_bytes())
    relay.daemon.start()
    relay.call("Authenticate", **token.fields())
    # What was taken since is taken again, whoever put the older one there.
    refused("NotAdmitted", relay, "Authenticate", **bob.fields())


def test_backup_older_than_the_ledger(relay):
    """The ledger goes back to the oldest copy. What was taken between an older backup and that nobody knows: it is said."""
    relay.add("anna")
    assert relay.daemon.stop() == 0
    older = relay.database.read_bytes()
    relay.daemon.start()
    relay.call("RevokeToken", name="anna")
    relay.call("MakeCopy")
    relay.restart()
    assert "is older than its ledger" not in relay.daemon.text()
    assert relay.daemon.stop() == 0
    relay.database.write_bytes(older)
    relay.daemon.start()
    assert "is older than its ledger" in relay.daemon.text()
    assert relay.status() == "1 tenant"


def test_older_and_later_databases(relay):
    """Version 1 had no accounts, version 2 one of each tenant; what is from a later version is left alone."""
    token = relay.add("anna", note="kept")
    other = Token(relay.call("IssueToken", name="anna")["token"])
    assert relay.daemon.stop() == 0
    relay.sql("DROP TABLE token_account")
    relay.sql("DROP TABLE ledger")
    relay.database.with_name("ledger").unlink()
    relay.sql("PRAGMA user_version = 1")
    relay.daemon.start()
    assert relay.get("anna")["note"] == "kept"
    relay.call("SetAccount", **token.fields(), issuer="ca.example", accountUri="https://ca.example/acct/1")
    assert relay.get("anna")["tokens"][0]["issuer"] == "ca.example"
    # The account was the tenant's, and nobody knows any more which machine's: none is forgotten.
    assert relay.daemon.stop() == 0
    relay.sql("DROP TABLE token_account")
    relay.sql("DROP TABLE ledger")
    relay.database.with_name("ledger").unlink()
    relay.sql("CREATE TABLE account (tenant INTEGER PRIMARY KEY REFERENCES tenant ON DELETE CASCADE, issuer TEXT NOT NULL,"
              " uri TEXT NOT NULL) STRICT")
    relay.sql("INSERT INTO account SELECT id, 'ca.example', 'https://ca.example/acct/1' FROM tenant")
    relay.sql("PRAGMA user_version = 2")
    relay.daemon.start()
    assert [t["accountUri"] for t in relay.get("anna")["tokens"]] == ["https://ca.example/acct/1"] * 2
    assert Watcher(relay, "WatchAccounts").known["anna"]["accounts"] == [
        {"issuer": "ca.example", "accountUri": "https://ca.example/acct/1"}]
    assert "waitUSec" not in relay.call("SetAccount", **other.fields(), issuer="ca.example", accountUri="https://ca.example/acct/1")
    assert relay.daemon.stop() == 0
    relay.sql("PRAGMA user_version = 99")
    with pytest.raises(AssertionError, match="later version of hagw"):
        relay.daemon.ready.clear()
        relay.daemon.start()
    assert relay.daemon.process.wait(20) == 1
    relay.sql("PRAGMA user_version = 4")
    relay.daemon.start()
    assert relay.status() == "1 tenant"


# --- many --------------------------------------------------------------------------------------------------------------------

def test_a_hundred_thousand(relay):
    def timed(what, seconds, f):
        begun = time.monotonic()
        result = f()
        took = time.monotonic() - begun
        print(f"{what}: {took:.2f} s")
        assert took < seconds, what
        return result

    many = timed("made", 120, lambda: relay.all("AddMany", "tenants", prefix="hub-", count=100_000, credential="token", bytesPerMonth=5, note="a batch"))
    assert len({t["name"] for t in many}) == 100_000 and all(re.fullmatch("hub-[a-z2-7]{8}", t["name"]) for t in many)
    assert relay.status() == "100000 tenants"
    timed("copied", 60, lambda: relay.call("MakeCopy"))
    timed("restarted", 20, relay.restart)
    watcher = timed("watched", 120, lambda: Watcher(relay))
    assert watcher.known.keys() == {t["name"] for t in many} and watcher.messages in (100, 101)
    listed = timed("listed", 180, lambda: relay.all("List", "tenants"))
    assert [t["name"] for t in listed] == sorted(t["name"] for t in many) and listed[5]["note"] == "a batch"
    tokens = [Token(t["credential"]) for t in many[::500]]
    with relay.varlink() as v:
        timed("200 admitted", 10, lambda: [v.call("io.hagw.Tenant.Authenticate", **t.fields()) for t in tokens])
    name = many[77]["name"]
    begun = time.monotonic()
    relay.call("Set", name=name, suspended=True)
    watcher.until(lambda k: k[name]["suspended"])
    assert time.monotonic() - begun < 1
    timed("usage of 20,000 stored", 60, lambda: [report(relay, *((t["name"], 1, 1, 1) for t in many[i:i + 5000])) for i in range(0, 20_000, 5000)])
    with pytest.raises(VarlinkError, match="InvalidParameter"):
        report(relay, *((t["name"], 1, 1, 1) for t in many[:5001]))
    assert len(timed("usage told", 60, lambda: relay.all("GetUsage", "usage"))) == 20_000
    status = open(f"/proc/{relay.daemon.process.pid}/status").read()
    print(re.search(r"VmRSS.*", status)[0])


def test_add_many(relay):
    for bad in (0, -1, 100_001):
        with pytest.raises(VarlinkError) as e:
            relay.all("AddMany", "tenants", count=bad)
        assert e.value.parameters == {"parameter": "count"}
    for bad in ("x" * 41, "ab--", "a_", "-a"):
        with pytest.raises(VarlinkError, match="BadName"):
            relay.all("AddMany", "tenants", count=2, prefix=bad)
    codes = relay.all("AddMany", "tenants", count=2500, agents=2, suspended=True)
    assert len(codes) == 2500 and len({c["credential"] for c in codes}) == 2500 and relay.status() == "2500 tenants, 2500 suspended"
    assert relay.get(codes[-1]["name"])["agents"] == 2
    relay.call("Set", name=codes[0]["name"], suspended=False)
    assert relay.call("Enrol", code=codes[0]["credential"], storedKey=b64(bytes(32)), address="192.0.2.1")["tenant"] == codes[0]["name"]


def test_garbage_on_the_socket(relay):
    for garbage in (b"\0", b"{}\0", b'{"method":1}\0', os.urandom(4096) + b"\0", b"[" * 100_000 + b"\0",
                    b'{"method":"io.hagw.Tenant.Add","parameters":{"name":5}}\0', b'{"method":"io.hagw.Tenant.Add","parameters":{"name":"a","x":1}}\0',
                    b'{"method":"io.hagw.Tenant.ReportUsage","parameters":{"usage":[1,[],{"tenant":"a"}]}}\0'):
        with relay.varlink(timeout=2) as v:
            try:
                v.socket.sendall(garbage)
                v.socket.recv(4096)
            except (TimeoutError, ConnectionError):
                pass
    assert relay.all("List", "tenants") == []


def test_whose_a_domain_is(relay):
    """By itself, or by the wildcard one label above."""
    relay.add("anna", domains=["shop.example.net", "*.wild.example.net"])
    relay.add("bob", domains=["own.wild.example.net"])
    for domain, tenant in [("shop.example.net", "anna"), ("x.wild.example.net", "anna"), ("*.wild.example.net", "anna"),
                           ("own.wild.example.net", "bob"), ("wild.example.net", None), ("a.b.wild.example.net", None),
                           ("*.shop.example.net", None), ("*.example.net", None), ("net.", None), ("x" * 63 + "." + "a." * 94 + "bc", None)]:
        assert relay.call("FindDomain", domain=domain).get("tenant") == tenant, domain
    for bad in ("net", "", "a." * 130):
        with pytest.raises(VarlinkError, match="InvalidParameter"):
            relay.call("FindDomain", domain=bad)

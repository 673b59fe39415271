# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts by hand, under an authority that judges CAA: looked at, made anew, given another key, whatever comes in between."""

import json
import socket
import threading

import pytest

from acme_tools import ZONE, until
from authority_tools import Fault
from conftest import VarlinkError
from test_acmed_caa import authority, begin, gateway, line, other_key  # noqa: F401


def accounts(gateway):
    return json.loads((gateway.house.root / "state/acmed/accounts.json").read_text())


def renew(gateway):
    before = gateway.get()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and "No certificate" not in gateway.acmed.text()


def refused(gateway, method, **parameters):
    with pytest.raises(VarlinkError) as e:
        gateway.acmed.call(method, **parameters)
    return e.value.name.rpartition(".")[2], e.value.parameters


def keys(gateway, purpose="account"):
    return {k["id"] for k in gateway.keyd.call("List")["keys"] if k["purpose"] == purpose}


# --- looking ---

@pytest.mark.parametrize("gone, state", [(None, "valid"), ("deactivated", "refused"), ("unknown", "unknown"), ("key changed", "refused")])
def test_it_is_looked_at_now(gateway, authority, gone, state):  # noqa: F811
    """As the authority has it, and not as it was noted here."""
    begin(gateway, authority, contact="mailto:me@example.com")
    account = authority.accounts()[0]
    if gone == "deactivated":
        account.status = gone
    elif gone == "unknown":
        del authority.book.accounts[account.url]
    elif gone:
        account.key = other_key(authority)
    look = gateway.acmed.call("LookAtAccount")
    assert look["state"] == state and ("why" in look) == bool(gone)
    assert look["contacts"] == ([] if gone else ["mailto:me@example.com"])
    if gone == "deactivated":
        assert "deactivated" in look["why"]
    known, = gateway.acmed.call("ListAccounts")["accounts"]
    assert known["accountUri"] == account.url and known["configured"] and known["certificates"] == [ZONE] and known["former"] == []
    assert {known["keyId"]} == keys(gateway) and known["contact"] == "mailto:me@example.com" and not known["keyIsChanging"]


def test_nobody_to_be_asked(gateway, authority):  # noqa: F811
    authority.settings.faults = [Fault("newAccount", 403, "unauthorized", "not you")]
    gateway.start(authority.directory, authority.root)
    gateway.wait(state="failed")
    assert gateway.acmed.call("LookAtAccount")["state"] == "none"
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE)
    gateway.wait()
    authority.stop()
    look = gateway.acmed.call("LookAtAccount")
    assert look["state"] == "unreachable" and "cannot be reached" in look["why"]
    assert refused(gateway, "NewAccount")[0] == refused(gateway, "ChangeAccountKey")[0] == "NotDone"
    assert refused(gateway, "ChangeAccountKey", directory="https://other.example/")[0] == "NoSuchAccount"
    assert refused(gateway, "NewAccount", directory="https://other.example/")[0] == "NoSuchAccount"


# --- another one ---

def test_another_account(gateway, authority):  # noqa: F811
    """It orders from now on, its line stands in the records, the one before is deactivated and its key is gone."""
    begin(gateway, authority)
    old, = authority.accounts()
    old_key, = keys(gateway)
    made = gateway.acmed.call("NewAccount")
    assert made["former"] == old.url and made["deactivated"] and not made["pending"] and "why" not in made
    assert old.status == "deactivated" and authority.book.accounts[made["accountUri"]].status == "valid"
    until(lambda: gateway.lines() == [line(made["accountUri"])], 20, "the record")
    until(lambda: old_key not in keys(gateway), 20, "the end of the old key")
    gateway.acmed.kill()
    gateway.acmed.start()
    renew(gateway)
    assert authority.certificates()[-1].account.url == made["accountUri"] and len(authority.accounts()) == 2
    assert len(keys(gateway)) == 1


def test_the_first_account(gateway, authority):  # noqa: F811
    """Where there is none yet, one is made, and nobody waits for what others may remember."""
    authority.settings.faults = [Fault("newAccount", 403, "unauthorized", "not you", times=1)]
    gateway.start(authority.directory, authority.root)
    gateway.wait(state="failed")
    made = gateway.acmed.call("NewAccount")
    assert "former" not in made and not made["deactivated"] and "sinceUSec" not in accounts(gateway)[0]
    gateway.wait()  # a correction is tried at once
    assert [a.url for a in authority.accounts()] == [made["accountUri"]]


def test_another_external_account(gateway, authority, tmp_path):  # noqa: F811
    (tmp_path / "credentials").mkdir()
    secret = tmp_path / "credentials/acme.eab_hmac_key"
    secret.write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s\n")
    authority.settings.external_accounts = {"kid": secret.read_text().strip()}
    gateway.start(authority.directory, authority.root, env={"CREDENTIALS_DIRECTORY": str(secret.parent)}, eab_key_id="kid")
    gateway.wait()
    made = gateway.acmed.call("NewAccount")
    assert authority.book.accounts[made["accountUri"]].external == "kid"
    secret.unlink()
    name, parameters = refused(gateway, "NewAccount")
    assert name == "NotDone" and "eab_hmac_key" in parameters["reason"] and len(authority.accounts()) == 2


def test_the_old_one_is_somebody_elses(gateway, authority):  # noqa: F811
    """Whoever has the key has changed it: nothing here ends that account, and nobody goes on trying."""
    begin(gateway, authority)
    old, = authority.accounts()
    old.key = other_key(authority)
    made = gateway.acmed.call("NewAccount")
    assert not made["deactivated"] and not made["pending"] and made["why"] and old.status == "valid"
    assert "former" not in accounts(gateway)[0]
    renew(gateway)


def test_the_old_one_waits_for_its_end(gateway, authority):  # noqa: F811
    """The authority is in trouble then: it is asked again, by a restart too, until it has."""
    begin(gateway, authority)
    old, = authority.accounts()
    authority.settings.faults = [Fault("account", 500)]
    made = gateway.acmed.call("NewAccount")
    assert made["pending"] and not made["deactivated"] and made["why"] and old.status == "valid"
    assert gateway.acmed.call("ListAccounts")["accounts"][0]["former"] == [old.url]
    renew(gateway)
    assert len(keys(gateway)) == 2
    authority.settings.faults = []
    gateway.acmed.kill()
    gateway.acmed.start()
    until(lambda: old.status == "deactivated", 20, "its end")
    until(lambda: len(keys(gateway)) == 1, 20, "the end of its key")
    assert "former" not in accounts(gateway)[0]


def test_too_many_former_ones(gateway, authority):  # noqa: F811
    """The oldest of five is forgotten, for one cannot go on for ever."""
    begin(gateway, authority)
    authority.settings.faults = [Fault("account", 500)]
    for _ in range(5):
        gateway.acmed.call("NewAccount")
    former = [a.url for a in authority.accounts()]
    assert gateway.acmed.call("ListAccounts")["accounts"][0]["former"] == former[1:5]
    assert f"{former[0]} could not be deactivated for too long" in gateway.acmed.text()


# --- another key ---

def test_another_key(gateway, authority):  # noqa: F811
    """The account stays, and with it the records and what it got; the key of before is good for nothing."""
    begin(gateway, authority)
    account, = authority.accounts()
    old_key, thumbprint = keys(gateway), account.key.thumbprint
    changed = gateway.acmed.call("ChangeAccountKey")
    assert changed["accountUri"] == account.url and changed["keyId"] not in old_key and account.key.thumbprint != thumbprint
    until(lambda: keys(gateway) == {changed["keyId"]}, 20, "the end of the old key")
    gateway.acmed.kill()
    gateway.acmed.start()
    renew(gateway)
    assert authority.certificates()[-1].account is account and authority.orders()[-1].replaces and len(authority.accounts()) == 1


@pytest.mark.parametrize("done", [True, False], ids=["was changed", "was not changed"])
def test_a_change_that_was_broken_off(gateway, authority, done):  # noqa: F811
    """The answer is lost: before the next order the authority is asked which key counts, and no account is lost."""
    begin(gateway, authority)
    account, = authority.accounts()
    old = account.key.thumbprint
    authority.settings.faults = [Fault("keyChange", 502, body="<h1>Bad Gateway</h1>", afterwards=done, times=1)]
    assert refused(gateway, "ChangeAccountKey")[0] == "NotDone"
    assert (account.key.thumbprint != old) == done and gateway.acmed.call("ListAccounts")["accounts"][0]["keyIsChanging"]
    gateway.acmed.kill()
    gateway.acmed.start()
    assert len(keys(gateway)) == 2
    renew(gateway)
    known, = gateway.acmed.call("ListAccounts")["accounts"]
    assert authority.accounts() == [account] and not known["keyIsChanging"] and (account.key.thumbprint != old) == done
    until(lambda: keys(gateway) == {known["keyId"]}, 20, "the end of the other key")
    gateway.acmed.call("ChangeAccountKey")


def test_nobody_says_which_key_counts(gateway, authority):  # noqa: F811
    """Then there is no order either, and the reason is told."""
    begin(gateway, authority)
    authority.settings.faults = [Fault("keyChange", 500, afterwards=True), Fault("account", 500, detail="out for lunch")]
    assert refused(gateway, "ChangeAccountKey")[0] == "NotDone"
    gateway.acmed.call("Renew", name=ZONE)
    failed = until(lambda: (c := gateway.get())["failures"] and c, 20, "the failure")
    assert "out for lunch" in failed["error"] and authority.count("newOrder") == 1
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(failed)
    assert len(authority.accounts()) == 1


def test_a_key_that_somebody_else_has_changed(gateway, authority):  # noqa: F811
    """It is told; another account is what helps."""
    begin(gateway, authority)
    authority.accounts()[0].key = other_key(authority)
    name, parameters = refused(gateway, "ChangeAccountKey")
    assert name == "NotDone" and parameters["reason"]
    assert not gateway.acmed.call("ListAccounts")["accounts"][0]["keyIsChanging"]
    until(lambda: len(keys(gateway)) == 1, 20, "the end of the new key")
    gateway.acmed.call("NewAccount")
    renew(gateway)


def test_in_the_middle_of_an_order(gateway, authority):  # noqa: F811
    """The order begins anew with the key that counts then."""
    authority.settings.faults = [Fault("finalize", 503, retry_after=3)]
    gateway.start(authority.directory, authority.root)
    until(lambda: authority.count("finalize"), 30, "the order's end")
    changed = gateway.acmed.call("ChangeAccountKey")
    authority.settings.faults = []
    gateway.wait()
    assert authority.accounts()[0].url == changed["accountUri"] and len(authority.accounts()) == 1


# --- limits ---

def test_too_many_wait(gateway, authority, tmp_path):  # noqa: F811
    """At an authority that does not answer."""
    begin(gateway, authority)
    authority.stop()
    silent = socket.create_server(("127.0.0.1", int(authority.directory.split(":")[2].split("/")[0])))
    gateway.acmed.kill()
    gateway.acmed.start()
    answers = []

    def look():
        try:
            answers.append(gateway.acmed.call("LookAtAccount")["state"])
        except (VarlinkError, OSError) as e:
            answers.append(getattr(e, "name", "cut").rpartition(".")[2])

    threads = [threading.Thread(target=look, daemon=True) for _ in range(5)]
    [t.start() for t in threads]
    until(lambda: answers, 20, "the one too many")
    assert answers == ["TooMany"]
    silent.close()
    gateway.acmed.kill()
    [t.join(20) for t in threads]

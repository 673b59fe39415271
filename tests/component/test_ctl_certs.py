# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl cert account and cert revoke, under an authority that judges; and what is to be done when a disk was stolen."""

import json
import re
import time

import pytest
from cryptography.hazmat.primitives import serialization

from acme_tools import ZONE, leaf, until
from authority_tools import Client, Fault, Refused
from ctl_tools import FAILED, UNREACHABLE, USAGE, Ctl
from test_acmed_caa import authority, begin, gateway, line, other_key  # noqa: F401


@pytest.fixture
def ctl(gateway, authority):  # noqa: F811
    begin(gateway, authority, contact="mailto:me@example.com")
    return Ctl(gateway.house)


def problems(ctl):
    return json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"]


# --- any number of names ---

def test_any_number_of_certificates(gateway, authority):  # noqa: F811
    other = f"a.b.{ZONE}"
    gateway.hosts["deep"] = other
    begin(gateway, authority)
    gateway.wait(other)
    ctl, names = Ctl(gateway.house), (ZONE, other)

    def serials():
        return [leaf(gateway.get(n)).serial_number for n in names]
    before = serials()
    for verb in ("show", "renew", "remove"):
        assert "There is no certificate" in ctl.refused(FAILED, "cert", verb, ZONE, "x.example.net")
    assert f"{ZONE} is asked for by the configuration, and would be ordered again" in ctl.refused(FAILED, "cert", "remove", ZONE)
    assert serials() == before and authority.count("newOrder") == 2
    shown = ctl.ok("cert", "show", other, ZONE, other)
    assert shown.startswith(f"{other}\n") and f"\n\n{ZONE}\n" in shown and shown.count("  state") == 2
    ctl.ok("cert", "renew", other, ZONE, other)
    assert authority.count("newOrder") == 4 and not set(serials()) & set(before)


# --- what is told of an order that failed ---

LIMITED = {"at": "newOrder", "status": 429, "type": "rateLimited", "detail": "too many", "retry_after": 7200}
FAILURES = {"refused": (Fault("newOrder", 403, "rejectedIdentifier", "not this one"), ""), "limited": (Fault(**LIMITED), " --now"),
            "trouble": (Fault("newOrder", 502, body="<h1>Bad Gateway</h1>"), ""),
            "trouble that says when": (Fault("newOrder", 503, detail="out for lunch", retry_after=7200), " --now")}


def told(ctl):
    """What status finds, and what cert show shows of the certificate."""
    said = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)
    return [*said["problems"], *said["notices"], " ".join(ctl.run("cert", "show", ZONE).stdout.split())]


def advice(ctl):
    """What these say is to be typed to have it ordered."""
    return {c for text in told(ctl) for c in re.findall(r"hagw-ctl (cert renew [a-z0-9.-]*[a-z0-9](?: --now)?)", text)}


def fails(gateway, authority, failure, first):  # noqa: F811
    """Its first order, or the renewal."""
    if first:
        authority.settings.faults = [FAILURES[failure][0]]
        gateway.start(authority.directory, authority.root)
        return gateway.wait(state="failed")
    begin(gateway, authority)
    authority.settings.faults = [FAILURES[failure][0]]
    gateway.acmed.call("Renew", name=ZONE)
    return until(lambda: (c := gateway.get())["failures"] and not c["ordering"] and c, 30, "the failure")


@pytest.mark.parametrize("first", [True, False], ids=["first", "renewal"])
@pytest.mark.parametrize("failure", FAILURES)
def test_advice_works(gateway, authority, failure, first):  # noqa: F811
    """Word by word; and who is asked to wait reads it in the same place."""
    failed, word = fails(gateway, authority, failure, first), FAILURES[failure][1]
    ctl, orders = Ctl(gateway.house), authority.count("newOrder")
    until_when = time.strftime("%Y-%m-%d %H:%M", time.localtime(failed.get("limitUSec", 0) / 1e6))
    wait = [t for t in told(ctl) if f"The certificate authority asks to wait until {until_when} (in 1 h); hagw-ctl cert renew {ZONE} --now asks" in t]
    assert len(wait) == (2 if word else 0)
    # While there is a certificate nobody has to do anything.
    assert advice(ctl) == ({f"cert renew {ZONE}{word}"} if first or word else set())
    if word:
        assert f"hagw-ctl cert renew {ZONE} --now asks anyway" in ctl.refused(FAILED, "cert", "renew", ZONE) and authority.count("newOrder") == orders
    authority.settings.faults = []
    for command in advice(ctl) or {f"cert renew {ZONE}"}:
        ctl.ok(*command.split())
    assert authority.count("newOrder") == orders + 1 and gateway.wait()["failures"] == 0
    assert not [t for t in told(ctl) if "asks to wait" in t] and advice(ctl) == set()


def test_nobody_waits_in_vain(gateway, authority):  # noqa: F811
    """An order that failed and is not tried again before the end of waiting is the end of it; the reason was told."""
    begin(gateway, authority)
    authority.settings.faults = [Fault(**LIMITED)]
    r = Ctl(gateway.house).run("cert", "renew", ZONE, "--wait=3600")
    assert r.returncode == FAILED and "that did not work: " in r.stdout and "There is no new certificate yet" in r.stderr
    assert "hagw-acmed goes on trying by itself; hagw-ctl cert list shows when" in r.stderr


def test_waiting_is_said(gateway, authority):  # noqa: F811
    """For what, and for how long at most; where no terminal counts, once."""
    begin(gateway, authority)
    authority.settings.faults = [Fault("newOrder", 503, detail="later", retry_after=2)]
    p = Ctl(gateway.house).begin("cert", "renew", ZONE, "--wait=4min")
    said, line = "", " "
    while line and "Waiting" not in line:
        line = p.stdout.readline()
        said += line
    assert line == f"Waiting for the certificate of {ZONE}, for at most 4 min.\n", said
    p.kill()
    p.communicate()


def test_now_is_for_once(gateway, authority):  # noqa: F811
    fails(gateway, authority, "limited", first=True)
    ctl = Ctl(gateway.house)
    ctl.refused(FAILED, "cert", "renew", ZONE, "--now", "--wait=1")
    until(lambda: authority.count("newOrder") == 2 and not gateway.get()["ordering"], 20, "the second refusal")
    ctl.refused(FAILED, "cert", "renew", ZONE)
    assert authority.count("newOrder") == 2


def test_advice_works_for_a_revoked_one(gateway, authority):  # noqa: F811
    fails(gateway, authority, "limited", first=False)
    ctl = Ctl(gateway.house)
    ctl.ok("cert", "revoke", ZONE, "--no-renew")
    assert [t for t in told(ctl) if f"hagw-ctl cert renew {ZONE} --now orders one" in t] and advice(ctl) == {f"cert renew {ZONE} --now"}
    authority.settings.faults = []
    ctl.ok("cert", "renew", ZONE, "--now")
    assert advice(ctl) == set()


def test_who_waits_for_it_is_told(gateway, authority):  # noqa: F811
    """After a correction, too, which is no permission."""
    fails(gateway, authority, "limited", first=True)
    gateway.acmed.call("Retry")
    ctl = Ctl(gateway.house)
    assert [t for t in told(ctl) if f"Certificate {ZONE}: waiting. The certificate authority asks to wait until " in t]
    assert ctl.run("cert", "show", ZONE).returncode == FAILED and advice(ctl) == {f"cert renew {ZONE} --now"}
    authority.settings.faults = []
    ctl.ok("cert", "renew", ZONE, "--now")
    authority.settings.faults = [Fault(**LIMITED)]
    gateway.acmed.call("Renew", name=ZONE)
    until(lambda: gateway.get().get("limitUSec"), 20, "the wish to wait")
    gateway.acmed.call("Retry")
    r = ctl.run("cert", "revoke", ZONE, "--wait=8")
    assert f"{ZONE}: The certificate authority asks to wait until " in r.stdout and "There is no new certificate yet" in r.stderr


# --- accounts ---

def test_show(ctl, gateway, authority):  # noqa: F811
    account = authority.accounts()[0]
    shown = ctl.ok("cert", "account", "show")
    for text in (authority.directory, account.url, "valid", "mailto:me@example.com", ZONE):
        assert text in shown, text
    known, = ctl.json("cert", "account", "show")
    assert known["state"] == "valid" and known["accountUri"] == account.url and known["certificates"] == [ZONE]
    account.status = "deactivated"
    r = ctl.run("cert", "account", "show")
    assert r.returncode == FAILED and "the account is deactivated" in r.stdout
    authority.stop()
    r = ctl.run("cert", "account", "show")
    assert r.returncode == FAILED and "could not be asked" in r.stdout and "cannot be reached" in r.stdout
    gateway.acmed.stop()
    ctl.refused(UNREACHABLE, "cert", "account", "show")


def test_new(ctl, gateway, authority):  # noqa: F811
    old, = authority.accounts()
    said = ctl.ok("cert", "account", "new")
    new = authority.accounts()[1]
    assert new.url in said and f"{old.url}, is deactivated" in said
    until(lambda: gateway.lines() == [line(new.url)], 20, "the record")
    authority.settings.faults = [Fault("account", 500, detail="out for lunch")]
    said = ctl.ok("cert", "account", "new")
    assert "could not be deactivated yet: The certificate authority is in trouble (HTTP status 500): out for lunch" in said and "goes on trying" in said
    assert f"before it    {new.url}" in ctl.run("cert", "account", "show").stdout
    authority.settings.faults = [Fault("newAccount", 403, "unauthorized", "not you")]
    assert "That did not work: not you" in ctl.refused(FAILED, "cert", "account", "new")
    assert "There is no account at https://other.example/dir" in ctl.refused(FAILED, "cert", "account", "new", "https://other.example/dir")


def test_rollover(ctl, gateway, authority):  # noqa: F811
    account, = authority.accounts()
    old = account.key.thumbprint
    assert f"{account.url} has another key" in ctl.ok("cert", "account", "rollover", authority.directory)
    assert account.key.thumbprint != old
    account.key = other_key(authority)
    said = ctl.refused(FAILED, "cert", "account", "rollover")
    assert "That did not work" in said and "hagw-ctl cert account new" in said


def test_words(ctl):
    """Verbs of three words."""
    shown = ctl.refused(USAGE, "cert", "account")
    assert "cert account show" in shown and "cert list" not in shown
    assert "cert account rollover" in ctl.ok("cert", "--help")
    assert 'did you mean "cert account show"' in ctl.refused(USAGE, "cert", "account", "shwo")
    assert "one argument too many" in ctl.refused(USAGE, "cert", "account", "show", "x")
    assert "cert account new [OPTIONS…] [AUTHORITY]" in ctl.ok("cert", "account", "new", "--help")
    assert ctl.ok("complete", "cert", "account", "").split() == ["show", "new", "rollover"]
    assert ctl.ok("complete", "cert", "ac").split() == ["account"]
    assert "--no-renew" in ctl.ok("complete", "--", "cert", "revoke", "--no").split()


# --- revocation ---

def test_revoke(ctl, gateway, authority):  # noqa: F811
    before = gateway.get()
    said = ctl.ok("cert", "revoke", ZONE, "--reason=superseded")
    assert f"{ZONE}: 1 certificate is revoked" in said and f"{ZONE}: valid" in said
    assert authority.certificates()[0].revoked == 4 and gateway.get()["keyId"] != before["keyId"]
    assert problems(ctl) == [p for p in problems(ctl) if "revoked" not in p]


def test_revoke_without_another(ctl, gateway, authority):  # noqa: F811
    """Whoever looks is told, for visitors may be turned away."""
    ctl.ok("cert", "revoke", "--all", "--no-renew")
    assert any(f"The certificate for {ZONE} is revoked" in p and f"hagw-ctl cert renew {ZONE}" in p for p in problems(ctl))
    assert "revoked" in ctl.ok("cert", "show", ZONE) and "valid, revoked" in ctl.ok("cert", "list")
    assert "nothing that could be revoked" in ctl.ok("cert", "revoke", ZONE, "--no-renew")
    ctl.ok("cert", "renew", ZONE)
    assert not [p for p in problems(ctl) if "revoked" in p]


def test_revoke_in_trouble(ctl, gateway, authority):  # noqa: F811
    authority.settings.faults = [Fault("revokeCert", 500, detail="out for lunch")]
    said = ctl.refused(FAILED, "cert", "revoke", ZONE, "--no-renew")
    assert "out for lunch" in said and "goes on trying" in said
    assert "as soon as the authority can be told" in ctl.ok("cert", "show", ZONE)
    notices = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["notices"]
    assert any("are to be revoked" in n for n in notices)


def test_revoke_refused(ctl, gateway, authority):  # noqa: F811
    authority.settings.faults = [Fault("revokeCert", 403, "unauthorized", "over my dead body")]
    r = ctl.run("--json", "cert", "revoke", ZONE, "--wait=0")
    answer, = json.loads(r.stdout)
    assert r.returncode == FAILED and answer["refused"] == 1 and "over my dead body" in answer["why"] and answer["name"] == ZONE


@pytest.mark.parametrize("words, why", [
    (["cert", "revoke"], "Which one?"), (["cert", "revoke", ZONE, "--all"], "Which one?"),
    (["cert", "revoke", ZONE, "--reason=keycompromise"], "did you mean keyCompromise?"),
    (["cert", "revoke", ZONE, "--reason=9"], "expected unspecified"), (["cert", "revoke", ZONE, "--wait=x"], "expected a duration")])
def test_mistakes(ctl, authority, words, why):  # noqa: F811
    assert why in ctl.refused(USAGE, *words)
    assert "did you mean" in ctl.refused(FAILED, "cert", "revoke", ZONE[:-1])
    assert f"the one of {ZONE} is for it, too" in ctl.refused(FAILED, "cert", "revoke", f"ha.{ZONE}")
    assert authority.count("revokeCert") == 0


# --- the whole ---

def stolen(gateway):
    """The keys as they stand on the disk: (of the account, of the certificates)."""
    keys = {}
    for info in gateway.keyd.call("List")["keys"]:
        path, = (gateway.house.root / "state/keyd").rglob(f"*{info['id']}*")
        text = path.read_text()
        if "BEGIN" not in text:
            text = next(v for v in json.loads(text).values() if isinstance(v, str) and "BEGIN" in v)
        keys.setdefault(info["purpose"], []).append(serialization.load_pem_private_key(text.encode(), None))
    return keys["account"], keys["tls"]


def test_a_stolen_disk(ctl, gateway, authority):  # noqa: F811
    """As docs/security.md has it: whoever has the disk neither orders, nor has a certificate that is good."""
    ctl.ok("cert", "renew", ZONE)  # some time before
    (account_key,), tls_keys = stolen(gateway)
    thief = Client(authority, account_key)
    thief.url = authority.accounts()[0].url
    assert thief.post(thief.url)[0]["status"] == "valid" and len(tls_keys) == 2
    ctl.ok("cert", "account", "rollover")
    ctl.ok("cert", "revoke", "--all", "--reason=keyCompromise")
    for f, *words in ((thief.post, thief.url), (thief.order, ZONE)):
        with pytest.raises(Refused):
            f(*words)
    publics = [k.public_key() for k in tls_keys]
    assert [c.revoked for c in authority.certificates() if c.leaf.public_key() in publics] == [1, 1]
    now = gateway.get()
    assert leaf(now).public_key() not in publics and now["failures"] == 0 and gateway.lines() == [line(thief.url)]
    assert authority.certificates()[-1].revoked is None and authority.certificates()[-1].account.url == thief.url


def test_a_stolen_disk_whose_thief_was_faster(ctl, gateway, authority):  # noqa: F811
    """He has changed the account's key: another account, with its own records, and his is listed nowhere."""
    account, = authority.accounts()
    account.key = other_key(authority)
    ctl.refused(FAILED, "cert", "account", "rollover")
    assert "could not be deactivated" in ctl.ok("cert", "account", "new")
    ctl.ok("cert", "revoke", "--all", "--reason=keyCompromise")
    new = authority.accounts()[1]
    assert authority.certificates()[0].revoked == 1 and authority.certificates()[-1].account is new and gateway.lines() == [line(new.url)]

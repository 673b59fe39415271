# SPDX-License-Identifier: LGPL-2.1-or-later
"""CAA records that list our accounts, under an authority that judges them (pebble asks for none): hagw-acmed tells hagw-dnsd its
accounts, and orders when they are served and nobody remembers others."""

import json
import shutil

import pytest

from acme_tools import ZONE, Acme, check_certificate, leaf, until
from authority_tools import Authority, Client, Fault, Key
from clock_tools import Clock

METHOD = "validationmethods=dns-01"


class Gateway(Acme):
    """A house whose zone has CAA records by our accounts."""

    caa, ttl = ("ours",), "1s"

    def text(self, zones, **acme):
        text = Acme.text(zones, **acme)
        return text.replace('"; }', f'"; ttl = "{self.ttl}"; caa = ( {", ".join(json.dumps(c) for c in self.caa)} ); }}', 1)

    def records(self, name=ZONE):
        return self.dnsd.call("Lookup", name=name, type="CAA")

    def lines(self, name=ZONE):
        return self.records(name)["answers"]


def line(account, issuer="authority.example"):
    return f'0 issue "{issuer}; accounturi={account}; {METHOD}"'


@pytest.fixture
def gateway(house):
    house.configure("")
    return Gateway(house)


@pytest.fixture
def authority(gateway, tmp_path):
    a = Authority(tmp_path, servers={ZONE: ("127.0.0.1", gateway.dns_port)}, dns_cache=True, reject_nonces=20)
    yield a
    a.stop()


def begin(gateway, authority, **keys):
    gateway.start(authority.directory, authority.root, **keys)
    return gateway.wait()


def stranger(authority, gateway, name=ZONE, challenge="dns-01"):
    """What becomes of another account's order, whose proof is right (the resolver was poisoned, say)."""
    c = Client(authority)
    c.register()
    order = c.order(name)
    ends = c.prove(order, challenge, lambda n, token, value: gateway.dnsd.call(
        "PublishText", name=f"_acme-challenge.{n}", value=value, owner="stranger", lifetimeUSec=60_000_000))
    errors = [x["error"]["type"].rpartition(":")[2] for x in ends[0]["challenges"] if "error" in x]
    return errors[0] if errors else len(c.finish(order))


def test_first_certificate(gateway, authority):
    """Nobody waits for the first one; from then on nobody else gets any."""
    assert gateway.records()["rcode"] == "SERVFAIL", "before hagw-acmed has spoken nobody is let in"
    check_certificate(begin(gateway, authority), gateway.keyd, [ZONE, f"*.{ZONE}"])
    account = authority.accounts()[0]
    assert gateway.lines() == [line(account.url)] and authority.count("newOrder") == 1
    for name in (ZONE, f"*.{ZONE}", f"a.b.{ZONE}"):
        assert stranger(authority, gateway, name) == "caa"
    gateway.acmed.call("Renew", name=ZONE)
    until(lambda: len(authority.certificates()) == 2, 20, "the renewal")


def test_services_with_certificates_of_their_own(gateway, authority):
    """A service that passes through orders for its own names, and only for those."""
    passes = 'upstream = "tcp://127.0.0.1:1"; access: { login = "none"; };'
    hosts = {"cam": f'name = "cam.{ZONE}"; {passes}', "apps": f'name = "*.apps.{ZONE}"; {passes}',
             "own": f'name = "own.apps.{ZONE}"; upstream = "http://127.0.0.1:1";',
             "listed": f'name = "listed.{ZONE}"; caa = ( "other.example" ); {passes}'}
    begin(gateway, authority)
    gateway.house.configure(gateway.text(gateway.zones, **gateway.settings), **hosts)
    gateway.dnsd.reload()
    for name in (f"cam.{ZONE}", f"x.apps.{ZONE}", f"*.apps.{ZONE}"):
        assert stranger(authority, gateway, name) == 2, name
    for name in (f"x.cam.{ZONE}", f"own.apps.{ZONE}", f"listed.{ZONE}", f"ha.{ZONE}"):
        assert stranger(authority, gateway, name) == "caa", name


def test_a_new_account_waits(gateway, authority):
    """The authority has lost our account and remembers our records for their TTL: the order begins behind that."""
    gateway.ttl = "3s"
    gateway.configure(authority.directory, authority.root)
    gateway.dnsd.reload()
    begin(gateway, authority)
    first = authority.accounts()[0]
    del authority.book.accounts[first.url]
    assert stranger(authority, gateway) == "caa", "and now the authority remembers"
    before = gateway.get()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and "No certificate" not in gateway.acmed.text()
    account = authority.certificates()[-1].account
    assert account is not first and gateway.lines() == [line(account.url)]


def test_another_authority(gateway, authority, tmp_path):
    """The old one's account goes from the records when the configuration does, the new one's comes with its account."""
    begin(gateway, authority)
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b", servers=authority.settings.servers, identities=("other.example",), dns_cache=True)
    before = gateway.get()
    roots = tmp_path / "roots.pem"
    roots.write_text(authority.root.read_text() + other.root.read_text())
    gateway.configure(other.directory, roots)
    gateway.acmed.reload()
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and "No certificate" not in gateway.acmed.text()
    assert gateway.lines() == [line(other.accounts()[0].url, "other.example")]
    other.stop()


def test_an_authority_without_a_name(gateway, authority):
    """One that tells no name for CAA cannot be listed: no record, rather than one that shuts out ourselves."""
    authority.settings.identities = ()
    begin(gateway, authority)
    assert gateway.records() == {"rcode": "NOERROR", "answers": []}


def test_lines_beside_ours(gateway, authority):
    """The list goes on; our first account waits, for the records were there before it."""
    gateway.caa = ("ours", "other.example")
    gateway.configure(authority.directory, authority.root)
    gateway.dnsd.reload()
    begin(gateway, authority)
    assert sorted(gateway.lines()) == sorted([line(authority.accounts()[0].url), '0 issue "other.example"'])
    assert gateway.get()["failures"] == 0


def test_a_list_by_hand(gateway, authority):
    """As before there were accounts in it: nobody looks whether it lets us."""
    gateway.caa = ("authority.example",)
    gateway.configure(authority.directory, authority.root)
    gateway.dnsd.reload()
    begin(gateway, authority)
    assert gateway.lines() == ['0 issue "authority.example"']


def test_restarts(gateway, authority):
    """Each of the two comes back alone, and the records are as before; unknown meanwhile, never wrong."""
    begin(gateway, authority)
    lines = gateway.lines()
    gateway.acmed.kill()
    assert gateway.lines() == lines, "what was told stays true"
    gateway.dnsd.kill()
    gateway.dnsd.start()
    assert gateway.records()["rcode"] == "SERVFAIL"
    gateway.acmed.start()
    until(lambda: gateway.lines() == lines, 20, "the records")
    gateway.dnsd.kill()
    gateway.dnsd.start()
    until(lambda: gateway.lines() == lines, 20, "the records")


def test_dnsd_is_late(gateway, authority):
    """An order waits for its record instead of failing at the authority."""
    gateway.dnsd.kill()
    gateway.start(authority.directory, authority.root)
    until(lambda: authority.accounts(), 20, "the account")
    assert authority.count("newOrder") == 0
    gateway.dnsd.start()
    gateway.wait()
    assert authority.count("newOrder") == 1 and leaf(gateway.get())


def test_errors_are_said(gateway, authority):
    """CAA's refusals reach whoever asks why there is no certificate."""
    authority.settings.faults = [Fault("newOrder", 403, "caa", "CAA says no", times=1)]
    gateway.start(authority.directory, authority.root)
    assert "CAA says no" in gateway.wait(state="failed")["error"]


def test_a_restored_backup(gateway, authority):
    """accounts.json is gone, the certificate is not: it was another account's, and is not named as what is replaced."""
    begin(gateway, authority)
    gateway.acmed.stop()
    (gateway.house.root / "state/acmed/accounts.json").unlink()
    gateway.acmed.start()
    before = gateway.wait()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and authority.orders()[-1].replaces is None and authority.count("newOrder") == 2


def test_an_older_backup(gateway, authority, tmp_path):
    """The account and keys of then, over the certificate of now, whose account has taken the place of that one."""
    begin(gateway, authority)
    state, old = gateway.house.root / "state", authority.accounts()[0]
    shutil.copytree(state / "keyd", tmp_path / "keyd")
    shutil.copy(state / "acmed/accounts.json", tmp_path)
    newer = gateway.acmed.call("NewAccount")
    assert newer["deactivated"] and newer["former"] == old.url
    before = gateway.get()
    gateway.acmed.call("Renew", name=ZONE)
    before = gateway.changed(before)
    for daemon in (gateway.acmed, gateway.keyd):
        daemon.stop()
    shutil.copy(tmp_path / "accounts.json", state / "acmed")
    shutil.copytree(tmp_path / "keyd", state / "keyd", dirs_exist_ok=True)
    for daemon in (gateway.keyd, gateway.acmed):
        daemon.start()
    gateway.acmed.call("Renew", name=ZONE)
    assert gateway.changed(before)["failures"] == 0 and "No certificate" not in gateway.acmed.text()
    account = authority.certificates()[-1].account
    assert account.status == "valid" and account.url not in (old.url, newer["accountUri"]) and gateway.lines() == [line(account.url)]
    assert authority.orders()[-1].replaces is None


@pytest.mark.parametrize("fault", [
    Fault("newOrder", 403, "unauthorized", "requester account did not request the certificate being replaced by this order", times=1),
    Fault("newOrder", 404, "malformed", "could not find an order for the given certificate", times=1),
    Fault("newOrder", 409, "alreadyReplaced", times=1), Fault("newOrder", 400, "somethingElse", times=1)], ids=lambda f: f.type)
def test_replaces_is_refused(gateway, authority, fault):
    """For whatever reason: the same order goes once more without it."""
    begin(gateway, authority)
    before, authority.settings.faults = gateway.get(), [fault]
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and authority.orders()[-1].replaces is None and authority.count("newOrder") == 3


def test_replaces_after_the_end(gateway, authority):
    """What has expired is replaced by nothing."""
    clock = Clock(gateway.folder)
    authority.settings.profiles["classic"].lifetime = 3600.0
    authority.settings.backdate = 0.0
    begin(gateway, authority, env=clock.env)
    gateway.acmed.stop()
    certificate, orders = authority.certificates()[-1], len(authority.orders())
    clock.set(7200)
    authority.settings.profiles["classic"].lifetime = 86400.0
    gateway.acmed.start()
    until(lambda: authority.certificates()[-1] is not certificate, 60, "another")
    assert authority.orders()[orders].replaces is None and len(authority.orders()) == orders + 1


# --- accounts that are gone ---

def other_key(authority):
    c = Client(authority)
    return Key(c.jwk(c.key))


@pytest.mark.parametrize("gone", ["deactivated", "revoked", "unknown", "key changed", "contact"])
def test_an_account_that_is_gone(gateway, authority, gone):
    """In any way: it is looked at, and another one orders, at the first try, with its own line."""
    begin(gateway, authority)
    account = authority.accounts()[0]
    if gone == "unknown":
        del authority.book.accounts[account.url]
    elif gone == "key changed":
        account.key = other_key(authority)
    else:
        account.status = "deactivated" if gone == "contact" else gone
    if gone == "contact":
        gateway.configure(authority.directory, authority.root, contact="mailto:me@example.com")
        gateway.acmed.reload()
    before = gateway.get()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and "No certificate" not in gateway.acmed.text()
    new = authority.certificates()[-1].account
    assert new is not account and new.status == "valid" and gateway.lines() == [line(new.url)]
    before = gateway.get()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert authority.certificates()[-1].account is new


def test_an_account_that_is_there(gateway, authority):
    """Refused for another reason: the account is looked at, stays, and the reason is told."""
    begin(gateway, authority)
    authority.settings.faults = [Fault("newOrder", 403, "unauthorized", "not today", times=2)]
    gateway.acmed.call("Renew", name=ZONE)
    failed = until(lambda: (c := gateway.get())["failures"] and c, 20, "the refusal")
    assert "not today" in failed["error"] and authority.count("account") == 1 and len(authority.accounts()) == 1


def test_a_key_whose_account_is_over(gateway, authority):
    """accounts.json knows the key and no account: the authority does, and it is deactivated."""
    begin(gateway, authority)
    authority.accounts()[0].status = "deactivated"
    gateway.acmed.stop()
    path = gateway.house.root / "state/acmed/accounts.json"
    path.write_text(json.dumps([{k: v for k, v in a.items() if k != "url"} for a in json.loads(path.read_text())]))
    gateway.acmed.start()
    before = gateway.wait()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert gateway.get()["failures"] == 0 and len(authority.accounts()) == 2

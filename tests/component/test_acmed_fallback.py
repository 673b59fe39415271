# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second authority (acme.fallback): asked when the first has failed for long, with an account, a profile and a patience of its own.
And certificates that live for minutes, with which nothing of ours may wait for longer than they live."""

import json
import time

import pytest

from acme_tools import ZONE, check_certificate, until
from authority_tools import Authority, Fault, Profile
from ctl_tools import Ctl
from test_acmed_caa import authority, gateway, line, stranger  # noqa: F401
from test_acmed_relay import NAME, cabin, relay  # noqa: F401

LIMITED = {"at": "newOrder", "status": 429, "type": "rateLimited", "detail": "too many"}


@pytest.fixture
def second(gateway, tmp_path):  # noqa: F811
    (tmp_path / "second").mkdir()
    a = Authority(tmp_path / "second", servers={ZONE: ("127.0.0.1", gateway.dns_port)}, identities=("second.example",), dns_cache=True)
    yield a
    a.stop()


def begin(gateway, authority, second, state="valid", env=None, **fallback):  # noqa: F811
    """With both, and the state's certificate."""
    fallback = {"directory": second.directory, "ca_file": second.root, **fallback}
    gateway.start(authority.directory, authority.root, env=env, fallback=fallback)
    return gateway.wait(state=state)


def change(gateway, name=ZONE, **changed):  # noqa: F811
    """hagw-acmed comes back later, or finds its certificate to be due: how that stands in its state."""
    gateway.acmed.stop()
    record = gateway.record(name)
    for field, value in changed.items():
        (record if field in record else record["tries"][0])[field] = int(value)
    gateway.path(name).write_text(json.dumps(record))
    gateway.acmed.start()


def hours_later(gateway, name=ZONE, hours=2):  # noqa: F811
    change(gateway, name, sinceUSec=(time.time() - hours * 3600) * 1e6)


def limits(gateway):  # noqa: F811
    """{directory: seconds, about}"""
    noted = json.loads((gateway.house.root / "state/acmed/limits.json").read_text())
    return {n["directory"]: round(n["untilUSec"] / 1e6 - time.time(), -3) for n in noted}


def test_the_first_is_enough(gateway, authority, second):  # noqa: F811
    certificate = begin(gateway, authority, second)
    assert certificate["directory"] == authority.directory and "fallback" not in certificate
    assert second.requests == []


def test_first_certificate(gateway, authority, second):  # noqa: F811
    """Not at once, and then for good: with its own account, which the records list beside the first's."""
    authority.settings.faults = [Fault("newOrder")]
    failed = begin(gateway, authority, second, state="failed")
    assert "as the test wants it" in failed["error"] and second.requests == []
    hours_later(gateway)
    certificate = gateway.wait()
    check_certificate(certificate, gateway.keyd, [ZONE, f"*.{ZONE}"])
    assert certificate["directory"] == second.directory and certificate["fallback"]
    assert certificate["failures"] == 0 and "error" not in certificate
    assert sorted(gateway.lines()) == sorted([line(authority.accounts()[0].url), line(second.accounts()[0].url, "second.example")])
    assert stranger(second, gateway) == "caa"
    assert f"{second.directory} (the fallback)" in Ctl(gateway.house).run("cert", "show", ZONE).stdout
    shown = json.loads(Ctl(gateway.house).run("--json", "status", "--no-delegation").stdout)
    assert [n for n in shown["notices"] if f"for {ZONE} is from the fallback, {second.directory}" in n]
    assert shown["certificates"][0]["directory"] == second.directory
    until(lambda: second.count("renewalInfo"), 30, "the question when it is to be renewed")
    for _ in range(2):
        gateway.acmed.reload()
    assert gateway.get()["keyId"] == certificate["keyId"]
    assert len([o for o in second.orders() if o.account is second.accounts()[0]]) == 1


def test_back_to_the_first(gateway, authority, second):  # noqa: F811
    """Each renewal asks the first one first, and promises it no replacement of another's."""
    authority.settings.faults = [Fault("newOrder")]
    begin(gateway, authority, second, state="failed")
    hours_later(gateway)
    before = gateway.wait()
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE)
    assert gateway.changed(before)["directory"] == authority.directory
    assert authority.orders()[-1].replaces is None and len(second.orders()) == 1


def test_renewal(gateway, authority, second):  # noqa: F811
    """When half of the time is gone that was left at the first failure."""
    certificate = begin(gateway, authority, second)
    end, now = certificate["notAfterUSec"], time.time() * 1e6
    authority.settings.faults = [Fault("newOrder", 403, "rejectedIdentifier", "not this one")]
    change(gateway, dueUSec=now)
    until(lambda: gateway.get()["failures"] and not gateway.get()["ordering"], 30, "the refusal")
    # An hour before that time, and behind it.
    change(gateway, sinceUSec=now - (end - now) + 3600e6)
    assert gateway.get()["failures"] == 1 and second.requests == []
    change(gateway, sinceUSec=now - (end - now) - 3600e6)
    assert gateway.changed(certificate)["directory"] == second.directory


def test_each_has_its_patience(gateway, authority, second):  # noqa: F811
    """What one has asked for does not hold for the other, and both are told."""
    authority.settings.faults = [Fault(**LIMITED, retry_after=7200)]
    second.settings.faults = [Fault(**LIMITED, retry_after=3900)]
    begin(gateway, authority, second, state="failed")
    hours_later(gateway)
    failed = until(lambda: (c := gateway.get())["failures"] == 2 and not c["ordering"] and c, 30, "the second refusal")
    assert failed["error"].startswith("too many") and f"of the fallback ({second.directory}): too many" in failed["error"]
    assert limits(gateway) == {authority.directory: 7000, second.directory: 4000}
    assert authority.count("newOrder") == second.count("newOrder") == 1
    assert round(failed["limitUSec"] / 1e6 - time.time(), -3) == 7000 and round(failed["nextUSec"] / 1e6 - time.time(), -3) == 4000
    said, = (p for p in json.loads(Ctl(gateway.house).run("--json", "status", "--no-delegation").stdout)["problems"] if "asks to wait" in p)
    assert f"hagw-ctl cert renew {ZONE} --now asks anyway. The fallback is asked in 1 h." in said
    # Another first one has nothing to wait for; the one that was it still has when it is asked again.
    gateway.configure(second.directory, second.root, fallback={"directory": authority.directory, "ca_file": authority.root})
    gateway.acmed.reload()
    assert authority.count("newOrder") == second.count("newOrder") == 1
    assert limits(gateway) == {authority.directory: 7000, second.directory: 4000}
    assert round(gateway.get()["limitUSec"] / 1e6 - time.time(), -3) == 4000


def test_its_own_account(gateway, authority, second, tmp_path):  # noqa: F811
    """Bound by its own credential, with its own profile, and the first one's contact."""
    (tmp_path / "acme.fallback.eab_hmac_key").write_text("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")
    second.settings.external_accounts = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}
    authority.settings.faults = [Fault("newOrder")]
    fallback = {"directory": second.directory, "ca_file": second.root, "profile": "nothing"}
    gateway.start(authority.directory, authority.root, contact="mailto:me@example.com", fallback=fallback,
                  env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    gateway.wait(state="failed")
    for words, mended in (("Correct acme.fallback.profile", {"profile": "shortlived"}), ("set acme.fallback.eab_key_id", {"eab_key_id": "kid-1"})):
        hours_later(gateway)
        until(lambda: words in gateway.get().get("error", ""), 30, words)
        fallback |= mended
        gateway.configure(authority.directory, authority.root, contact="mailto:me@example.com", fallback=fallback)
        gateway.acmed.reload()
        until(lambda: gateway.get()["failures"] == 1, 30, "the first's refusal")
    hours_later(gateway)
    assert gateway.wait()["directory"] == second.directory
    assert second.orders()[0].profile == "shortlived" and second.accounts()[0].contact == ["mailto:me@example.com"]


def test_certificates_of_minutes(gateway, authority):  # noqa: F811
    """Renewed in time by themselves, also where the authority has been in trouble meanwhile."""
    authority.settings.profiles = {"classic": Profile(60.0)}
    authority.settings.backdate = 1.0
    gateway.start(authority.directory, authority.root)
    first = gateway.wait()
    authority.settings.faults = [Fault("newOrder", 403, "rejectedIdentifier", "not now", times=3)]
    second = gateway.changed(first, seconds=180)
    assert authority.count("newOrder") == 5 and second["failures"] == 0
    assert authority.count("renewalInfo") >= 3, "its advice is asked for more than once in a life"
    gateway.changed(second, seconds=180)
    # Each key goes when its certificate's life is over, not a day later.
    retired = json.loads((gateway.house.root / "state/acmed/retired.json").read_text())
    assert all(r["fromUSec"] < (time.time() + 70) * 1e6 for r in retired)


def test_behind_a_relay(cabin, relay, tmp_path):  # noqa: F811
    """Its records list the account that orders, whichever that is now: each order tells it first."""
    def begun(name):
        (tmp_path / name).mkdir()
        return Authority(tmp_path / name, servers={"relay.example.com": ("127.0.0.1", relay.port)}, identities=(f"{name}.example",))

    first, second = begun("first"), begun("second")
    first.settings.faults = [Fault("newOrder")]
    cabin.start(first.directory, first.root, fallback={"directory": second.directory, "ca_file": second.root})
    cabin.wait(NAME, state="failed")
    hours_later(cabin, NAME)
    before = cabin.wait(NAME)
    assert before["directory"] == second.directory
    assert cabin.proxy.accounts[-1] == ("second.example", second.accounts()[0].url)
    first.settings.faults = []
    cabin.acmed.call("Renew", name=NAME)
    assert cabin.changed(before, NAME)["directory"] == first.directory
    assert [line for line in relay.dnsd.call("Lookup", name=NAME, type="CAA")["answers"] if first.accounts()[0].url in line]
    first.stop()
    second.stop()


@pytest.mark.parametrize("fallback, words", [('contact = "mailto:a@b.example";', 'acme.fallback: a "directory" is missing'),
                                             ('directory = "letsencrypt";', "the same as acme.directory")])
def test_a_fallback_that_is_none(house, fallback, words):
    house.configure(f"acme: {{ fallback: {{ {fallback} }}; }};\n")
    assert words in Ctl(house).run("config", "check").stderr

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clock that was wrong: nothing that was noted by it counts for longer than it could have been noted for by a right one, and
status says so where somebody else's time shows it."""

import contextlib
import json
import sqlite3
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import test_netd
import test_webd
from acme_tools import ZONE, Authority, key_pem, pem, until
from authority_tools import Fault
from clock_tools import Clock
from ctl_tools import FAILED, Ctl, booted, ctl  # noqa: F401
from tenant_tools import Relay
from test_acmed_caa import authority, begin, gateway  # noqa: F401
from test_ctl_export import NAME, chained, exporter, renew  # noqa: F401
from test_ctl_import import files, importer  # noqa: F401

DAY, YEARS = 86400e6, 3 * 365 * 86400e6

# Every absolute time in a state file, and what it counts for at most. Who adds one says so here.
TIMES = {
    "acmed/cert.json": {"dueUSec": "a certificate's own renewal, or now",
                        "adviceUSec": "a day ahead",
                        "windowStartUSec": "shown to nobody; the point chosen in it counts",
                        "windowEndUSec": "likewise",
                        "renewalUSec": "a tenth before the certificate's end",
                        "nextUSec": "15 hours ahead, or a limit",
                        "sinceUSec": "now",
                        "unreachedUSec": "now",
                        "notAfterUSec": "a former certificate's own end, until which it may have to be revoked"},
    "acmed/limits.json": {"untilUSec": "a week ahead"},
    "acmed/accounts.json": {"sinceUSec": "a wait of the CAA records' TTL"},
    "acmed/retired.json": {"fromUSec": "a day ahead"},
    "exports.json": {"exportedUSec": "now", "failingUSec": "now"},
    "notify/told.json": {"sentUSec": "now", "failingUSec": "now", "testUSec": "now"},
    "netd/addresses.json": {"confirmedUSec": "now", "changedUSec": "now"},
    "webd/sessions.json": {"createdUSec": "now", "lastUsedUSec": "now"},
    "webd/users.json": {"createdUSec": "now, where it is shown", "lastLoginUSec": "now, where it is shown"},
}
# keyd's files have the time of their making in a first line; hagw-acmed gives keys that nobody knows, of the future, a day.
TENANTS = {"code.expires": "a year ahead", "token.expires": "a person's date", "token.created": "now, where it is shown",
           "token.used": "now, where it is shown", "tenant.created": "now, where it is shown", "token_account.since": "a wait of the CAA records' TTL"}


def ahead(time_usec, usec=YEARS):
    return int(time_usec + usec)


def later(value):
    """The same, with each time in three years."""
    if isinstance(value, list):
        return [later(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: later(v) if not k.endswith("USec") else [ahead(x) for x in v] if isinstance(v, list) else ahead(v) for k, v in value.items()}


def times(value, found):
    if isinstance(value, dict):
        found |= {k for k in value if k.endswith("USec")}
        value = list(value.values())
    for v in value if isinstance(value, list) else ():
        times(v, found)
    return found


def test_each_time_is_known(house, gateway, authority, tmp_path_factory):  # noqa: F811
    """The table above is whole."""
    before = begin(gateway, authority)
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    gateway.wait_advice()
    authority.settings.faults = [Fault("newOrder", 429, "rateLimited", retry_after=7200)]
    gateway.acmed.call("Renew", name=ZONE)
    until(lambda: gateway.get().get("limitUSec"), 20, "the wish to wait")
    found = {}
    for path in (house.root / "state").glob("*/*.json"):
        name = f"{path.parent.name}/{path.name.replace(f'-{ZONE}', '')}"
        found.setdefault(name, set()).update(times(json.loads(path.read_text()), set()))
    assert not {f"{name} {field}" for name, fields in found.items() for field in fields - set(TIMES.get(name, ()))}
    for name in ("acmed/cert.json", "acmed/limits.json", "acmed/retired.json", "netd/addresses.json"):
        assert found[name] == set(TIMES[name])


def test_each_time_of_exports_is_known(chained):  # noqa: F811
    """And one of the future is now, for whoever looks, and in the file with the next export."""
    path, mark = chained.lists / "exports.json", chained.to / "works"
    mark.touch()
    chained.ok("cert", "export", NAME, f"--to={chained.to}", f"--exec=test -e {mark}")
    mark.unlink()
    renew(chained)
    chained.refused(FAILED, "cert", "export", "--renewed")
    assert times(json.loads(path.read_text()), set()) == set(TIMES["exports.json"])
    path.write_text(json.dumps(later(json.loads(path.read_text()))))
    shown, = chained.json("cert", "list")["exports"]
    assert max(shown["exportedUSec"], shown["failingUSec"]) <= time.time() * 1e6
    said, = (p for p in json.loads(chained.run("--json", "status", "--no-delegation").stdout)["problems"] if "could not be exported" in p)
    assert "for the first time just now: " in said
    chained.refused(FAILED, "cert", "export", "--renewed")
    noted, = json.loads(path.read_text())
    assert max(noted["exportedUSec"], noted["failingUSec"]) <= time.time() * 1e6


def test_each_time_of_messages_is_known(house, booted):  # noqa: F811
    """And one of the future is now, for hagw-ctl at once, and for hagw-notify when it comes."""
    import test_notify  # which is left out where there is no mail server to be had
    with contextlib.closing(test_notify.Notify(house, Ctl(house))) as n:
        booted.env["HAGW_NOTIFY_DIR"] = n.ctl.env["HAGW_NOTIFY_DIR"]

        def start(verb, units):
            if [verb, *units] == ["start", "hagw-notify"]:
                n.run()
        booted.start = start
        n.targets(n.topic.url)
        n.topic.status = 500
        n.run()
        n.run()
        found = times(n.told(), set())
        (n.state / "told.json").write_text(json.dumps(later(n.told())))
        assert [p for p in n.problems() if "cannot be told what needs attention, for the first time just now: " in p]
        n.run()
        assert n.told()["targets"][0]["failingUSec"] <= time.time() * 1e6
        n.topic.status = 200
        n.run()
        booted.ok("notify", "test")
        assert times(n.told(), found) == set(TIMES["notify/told.json"])
        (n.state / "told.json").write_text(json.dumps(later(n.told())))
        n.run()
        told, = n.told()["targets"]
        assert told["sentUSec"] and max(told["testUSec"], *told["sentUSec"]) <= time.time() * 1e6


def test_each_time_of_logins_is_known(house):
    webd = test_webd.start(house)
    webd.call("AddUser", name="anna", password=test_webd.PASSWORD, hosts=["*"], groups=[])
    webd.visitor().login()
    assert webd.stop() == 0
    for name in ("users", "sessions"):
        assert times(json.loads((house.root / f"state/webd/{name}.json").read_text()), set()) == set(TIMES[f"webd/{name}.json"])


def test_logins_of_the_future(house):
    """Somebody logged in by a clock that was three years ahead: he has not logged in "in 1095 days"."""
    webd = test_webd.start(house)
    webd.call("AddUser", name="anna", password=test_webd.PASSWORD, hosts=["*"], groups=[])
    webd.visitor().login()
    assert webd.stop() == 0
    path = house.root / "state/webd/users.json"
    path.write_text(json.dumps([{**u, "createdUSec": ahead(u["createdUSec"]), "lastLoginUSec": ahead(u["lastLoginUSec"])}
                                for u in json.loads(path.read_text())]))
    webd.start()
    user = webd.call("ListUsers")["users"][0]
    assert user["createdUSec"] <= time.time() * 1e6 and user["lastLoginUSec"] <= time.time() * 1e6


def test_tenants_of_the_future(house):
    relay = Relay(house)
    relay.add("anna")
    assert relay.daemon.stop() == 0
    with contextlib.closing(sqlite3.connect(relay.database)) as db, db:
        db.execute("UPDATE tenant SET created = created + ?", (YEARS,))
        db.execute("UPDATE token SET created = created + ?, used = ?", (YEARS, ahead(time.time() * 1e6)))
    relay.daemon.start()
    anna = relay.get("anna")
    assert max(anna["createdUSec"], *(t[k] for t in anna["tokens"] for k in ("createdUSec", "usedUSec"))) <= time.time() * 1e6


def test_each_time_of_tenants_is_known(house):
    relay = Relay(house)
    with contextlib.closing(sqlite3.connect(relay.database)) as db:
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {f"{t}.{c[1]}" for t in tables for c in db.execute(f"PRAGMA table_info({t})")}
    assert {c for c in columns if c.rpartition(".")[2] in ("created", "used", "expires", "since", "until")} == set(TENANTS)


def test_keys_that_were_to_go_in_years(gateway, authority):  # noqa: F811
    """A day is what they have."""
    before = begin(gateway, authority)
    gateway.acmed.call("Renew", name=ZONE)
    before = gateway.changed(before)
    gateway.acmed.stop()
    path = gateway.house.root / "state/acmed/retired.json"
    path.write_text(json.dumps([{**r, "fromUSec": ahead(r["fromUSec"])} for r in json.loads(path.read_text())]))
    gateway.acmed.start()
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    retired = until(lambda: (r := json.loads(path.read_text())) and len(r) == 2 and r, 20, "the second key")
    assert all(r["fromUSec"] < time.time() * 1e6 + 1.1 * DAY for r in retired)


def test_addresses_of_the_future(house):
    """Confirmed in three years: now."""
    folder = house.root / "state" / "netd"
    folder.mkdir(parents=True)
    when = ahead(time.time() * 1e6)
    (folder / "addresses.json").write_text(json.dumps({"addresses": [
        {"source": "resolve:house.example.org", "address": "198.51.100.1", "confirmedUSec": when, "changedUSec": when}]}))
    netd = test_netd.start(house, ipv4="resolve:house.example.org")
    shown = test_netd.state(netd.call("Watch"), "ipv4")
    assert shown["address"] == "198.51.100.1" and max(shown["confirmedUSec"], shown["changedUSec"]) <= time.time() * 1e6


@pytest.mark.parametrize("limited", [False, True])
def test_a_clock_that_is_set(gateway, authority, tmp_path, limited):  # noqa: F811
    """While hagw-acmed runs: what it noted three years ahead is brought back without anybody's doing, to the schedule's own most."""
    clock = Clock(tmp_path)
    clock.set(YEARS / 1e6)
    authority.settings.faults = [Fault("newOrder", 429, "rateLimited", retry_after=7200) if limited else Fault("newOrder", 403, "rejectedIdentifier")]
    gateway.start(authority.directory, authority.root, env={**clock.env, "HAGW_HEARTBEAT_USEC": "100000"})

    def wait():
        return (gateway.get()["nextUSec"] - time.time() * 1e6) / DAY
    gateway.wait(state="failed")
    assert wait() > 1000
    clock.set(0)
    most = 7 if limited else 15 / 24
    until(lambda: wait() < most, 30, "the heartbeat")
    assert wait() > (6.9 if limited else 0.6)
    authority.settings.faults = []
    gateway.acmed.call("Renew", name=ZONE, now=True)
    gateway.wait()


def problems(house):
    shown = json.loads(Ctl(house).run("--json", "status", "--no-delegation").stdout)
    return [p for p in shown["problems"] if "clock" in p]


def test_the_authority_has_another_time(gateway, authority):  # noqa: F811
    """Told with both, and no longer when they agree again."""
    authority.settings.clock = -YEARS / 1e6
    before = begin(gateway, authority)
    there = time.strftime("%Y-%m-%d", time.localtime(time.time() - YEARS / 1e6))
    assert [p for p in problems(gateway.house) if f"the certificate authority's says {there}" in p and "timedatectl" in p]
    authority.settings.clock = 0.0
    gateway.acmed.call("Renew", name=ZONE)
    gateway.changed(before)
    assert problems(gateway.house) == []


def test_an_authority_issues_in_the_future(gateway, authority):  # noqa: F811
    authority.settings.backdate = -2 * 86400.0
    gateway.start(authority.directory, authority.root)
    assert "not valid yet" in gateway.wait(state="failed")["error"]
    assert [p for p in problems(gateway.house) if "the certificate authority's certificate is not valid yet" in p]


@pytest.mark.parametrize("behind", [True, False])
def test_a_clock_that_is_behind(gateway, authority, behind):  # noqa: F811
    """By which a certificate of ours has not begun: what a right clock noted is not judged by it."""
    before = begin(gateway, authority)
    key = ec.generate_private_key(ec.SECP256R1())
    key_id = gateway.keyd.call("Import", purpose="tls", pem=key_pem(key))["key"]["id"]
    chain = pem(Authority().sign(key.public_key(), names=[ZONE, f"*.{ZONE}"], age=-3.0 if behind else 1.0))
    gateway.acmed.stop()
    record, noted = gateway.record(), ahead(time.time() * 1e6)
    record.update({"chain": chain, "keyId": key_id, "dueUSec": 0, "renewalUSec": 0})
    record["tries"][0]["nextUSec"] = noted
    gateway.path().write_text(json.dumps(record))
    gateway.acmed.start()
    now = gateway.get()
    assert now["keyId"] == key_id != before["keyId"]
    assert (now["nextUSec"] == noted) == behind and (behind or now["nextUSec"] < time.time() * 1e6 + DAY)
    assert bool([p for p in problems(gateway.house) if "its own certificate begins at" in p]) == behind

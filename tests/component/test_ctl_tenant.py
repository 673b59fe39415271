# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl's verbs about the tenants of a relay, against a real hagw-tenantd."""

import csv
import io
import json
import os
import re
import subprocess
import time

import pytest

from ctl_tools import CTL, FAILED, OK, UNREACHABLE, USAGE, ctl, terminal, zone  # noqa: F401 (fixtures)
from tenant_tools import ZONE, Relay, Token, b64

NAME = f"connect.{ZONE}"  # what tenant_tools' relay is called
HOUR, DAY = 3_600_000_000, 86_400_000_000


@pytest.fixture
def relay(ctl):
    ctl.relay = Relay(ctl.house)
    return ctl


def listed(relay, *words):
    """hagw-proxyd does not run here, which is told, and costs nothing but the attachments."""
    r = relay.run("--json", "tenant", "list", *words)
    assert r.returncode == UNREACHABLE and "hagw-proxyd is not running" in json.loads(r.stderr)["error"]
    return [t["name"] for t in json.loads(r.stdout)["tenants"]]


# --- add -----------------------------------------------------------------------------------------------------

def test_add_tells_what_to_type(relay):
    said = relay.ok("tenant", "add", "anna", "--note", "Anna, übrigens")
    line = next(line.strip() for line in said.splitlines() if "hagw-ctl attach" in line)
    code = line.split()[-1]
    assert line == f"hagw-ctl attach {NAME} {code}" and f"anna.{ZONE} is a tenant now" in said and "not shown again" in said
    token = Token(tenant="anna")
    relay.relay.call("Enrol", code=code, storedKey=b64(token.stored_key), address="192.0.2.1")
    assert relay.relay.get("anna")["note"] == "Anna, übrigens" and len(relay.relay.get("anna")["tokens"]) == 1


def test_add_json_and_token(relay):
    v = relay.json("tenant", "add", "anna")
    assert v["command"] == f"hagw-ctl attach {NAME} {v['code']}" and v["zone"] == f"anna.{ZONE}" and v["expiresUSec"] > time.time() * 1e6
    v = relay.json("tenant", "add", f"bob.{ZONE}", "--token")
    token = Token(v["token"])
    assert token.tenant == "bob" and v["command"] == f"hagw-ctl attach {NAME} --token" and "expiresUSec" not in v
    assert relay.relay.call("Authenticate", **token.fields())["tenant"]["name"] == "bob"
    said = relay.ok("tenant", "add", "carl", "--token", "--lifetime=30d")
    assert "hagw_carl_" in said and "in 29 days" in said or "in 30 days" in said


def test_limits_with_units(relay):
    relay.ok("tenant", "add", "anna", "--agents=2", "--channels=9", "--connections-per-second=3", "--bytes-per-second=10M",
             "--bytes-per-month=2T", "--terminate=yes", "--domain=a.example.org", "--domain=*.example.net", "--suspend", "--lifetime=1h")
    t = relay.relay.get("anna")
    assert (t["agents"], t["channels"], t["connectionsPerSecond"], t["bytesPerSecond"], t["bytesPerMonth"]) == (2, 9, 3, 10 << 20, 2 << 40)
    assert t["terminate"] and t["suspended"] and sorted(t["domains"]) == ["*.example.net", "a.example.org"]
    assert abs(t["codeExpiresUSec"] - time.time() * 1e6 - HOUR) < 60_000_000
    assert relay.json("tenant", "set", "anna", "--enable", "--domain=", "--bytes-per-month=none", "--terminate=no") == {
        "name": "anna", "change": "changed"}
    t = relay.relay.get("anna")
    assert not t["suspended"] and not t["terminate"] and t["domains"] == [] and t["bytesPerMonth"] == 0 and t["bytesPerSecond"] == 10 << 20


def test_many(relay):
    rows = list(csv.DictReader(io.StringIO(relay.ok("tenant", "add", "hub-", "--count", "2500", "--csv", "--note=batch 7"))))
    assert len(rows) == 2500 == len({r["name"] for r in rows} & set(listed(relay)))
    assert all(r["name"].startswith("hub-") and r["zone"] == f"{r['name']}.{ZONE}" and len(r["code"]) == 19 for r in rows)
    assert all(r["expires"].endswith("Z") for r in rows) and relay.relay.get(rows[9]["name"])["note"] == "batch 7"
    v = relay.json("tenant", "add", "--count", "3", "--token")
    assert len(v["tenants"]) == 3 and all(Token(t["token"]).tenant == t["name"] for t in v["tenants"])
    assert "3 tenants; the codes are not shown again" in relay.ok("tenant", "add", "--count=3")


@pytest.mark.parametrize("words,why", [
    (["add"], "Which name"), (["add", "--count=0"], "1 to 100000"), (["add", "--count=1K"], "1 to 100000"),
    (["add", "x", "--count=2", "--domain=a.b"], "one tenant's"), (["add", "a.b"], "no tenant's name"),
    (["add", "x", "--bytes-per-second=fast"], "a size such as"), (["add", "x", "--agents=1K"], "a number"),
    (["add", "x", "--lifetime=soon"], "a duration"), (["add", "x", "--terminate=maybe"], "yes or no"),
    (["set", "x"], "What is to change"), (["set", "x", "--suspend", "--enable"], "not both"),
    (["set", "x", "--suspend=no"], "--suspend takes no value; its opposite is --enable."),
    (["set", "x", "--enable=no"], "its opposite is --suspend."), (["add", "x", "--suspend=no"], "--suspend takes no value."), (["set", "x", "--suspnd=no"], "did you mean --suspend?"),
    (["add", "x", "--agents=0"], "--agents=0: expected a number from 1 to 64"), (["add", "x", "--agents=none"], "1 to 64"),
    (["add", "x", "--agents=65"], "1 to 64"), (["add", "x", "--channels=0"], "1 to 65536, or none"), (["add", "x", "--channels=65537"], "65536"),
    (["add", "x", "--connections-per-second=0"], "or none"), (["add", "x", "--connections-per-second=1000001"], "1 to 1000000"),
    (["add", "x", "--bytes-per-second=0"], "or none"), (["add", "x", "--bytes-per-month=0"], "or none"),
    (["set", "x", "--bytes-per-month=1048577T"], "1048576T"), (["add", "x", "--note", "a\nb"], "control"),
    (["add", "x", "--note", "x" * 257], "256 bytes"), (["add", "x", "--lifetime=59s"], "1 minute"), (["rotate", "x", "--lifetime=367d"], "1 year"),
    (["rotate", "x", "--token", "--lifetime=36601d"], "100 years"), (["rotate", "x", "--token", "--overlap=36601d"], "100 years"),
    (["rotate", "x", "--overlap=1h"], "--token"), (["usage", "--month=11"], "2026-11"), (["usage", "--month=2999-01"], "not begun"),
])
def test_mistakes_are_named(relay, words, why):
    assert why in relay.refused(USAGE, "tenant", *words)
    assert listed(relay) == []


def test_the_daemons_refusals_are_told(relay):
    relay.ok("tenant", "add", "anna", "--domain=a.example.org")
    assert "tenant rotate anna" in relay.refused(FAILED, "tenant", "add", "anna")
    assert "kept for the relay" in relay.refused(FAILED, "tenant", "add", "www")
    assert "anna's already" in relay.refused(FAILED, "tenant", "add", "bob", "--domain=a.example.org")


def test_the_greatest_values_are_hagw_tenantds(relay):
    """What hagw-ctl lets through is taken there as well."""
    relay.ok("tenant", "add", "anna", "--agents=64", "--channels=65536", "--connections-per-second=1000000", "--bytes-per-second=1048576T",
             "--bytes-per-month=1048576T", "--note", "x" * 256, "--lifetime=366d")
    relay.ok("tenant", "add", "bert", "--agents=1", "--channels=1", "--connections-per-second=1", "--bytes-per-second=1", "--lifetime=60s")
    relay.ok("tenant", "rotate", "anna", "--token", "--lifetime=36600d", "--overlap=36600d")
    relay.ok("tenant", "set", "anna", "--channels=none", "--connections-per-second=none", "--bytes-per-second=none", "--bytes-per-month=none")
    assert [relay.relay.get("anna")[f] for f in ("channels", "connectionsPerSecond", "bytesPerSecond", "bytesPerMonth")] == [0] * 4


@pytest.mark.parametrize("verb", ["show", "rotate", "revoke", "remove", "usage"])
def test_names_that_are_not_there(relay, verb):
    relay.ok("tenant", "add", "anna")
    relay.ok("tenant", "add", "berta")
    for typo in ("ana", "nna"):
        assert 'did you mean "anna"' in relay.refused(FAILED, "tenant", verb, typo)
    assert "tenant list shows them" in relay.refused(FAILED, "tenant", verb, "qqqqqqqqq")
    assert 'did you mean "anna"' in relay.refused(FAILED, "tenant", "remove", "berta", "annna") and len(listed(relay)) == 2


def test_no_relay(zone):
    for words in (["list"], ["add", "x"], ["show", "x"], ["usage"]):
        assert "hagw-ctl setup --relay" in zone.refused(FAILED, "tenant", *words)


def test_nothing_runs(ctl):
    ctl.house.configure(f'zones = ( {{ name = "{ZONE}"; }} );\ntenants: {{ zone = "{ZONE}"; }};\n')
    assert "hagw-tenantd" in ctl.refused(UNREACHABLE, "tenant", "add", "x")
    assert len(json.loads(ctl.run("--json", "status").stdout)["daemons"]) == 7


# --- rotate, revoke, remove ----------------------------------------------------------------------------------

def test_rotate_and_revoke(relay):
    first = Token(relay.json("tenant", "add", "anna", "--token")["token"])
    said = relay.ok("tenant", "rotate", "anna", "--token")
    second = Token(next(w for w in said.split() if w.startswith("hagw_anna_")))
    assert f"hagw-ctl tenant revoke anna {first.id}" in said and second.id not in said.split("stays good")[1]
    for token in (first, second):
        relay.relay.call("Authenticate", **token.fields())
    assert relay.ok("tenant", "revoke", "anna", first.id) == f"The token {first.id} of anna is ended.\n"
    assert [t["tokenId"] for t in relay.relay.get("anna")["tokens"]] == [second.id]
    assert "no such token" in relay.refused(FAILED, "tenant", "revoke", "anna", first.id)
    code = relay.json("tenant", "rotate", "anna")
    assert code["command"].endswith(code["code"]) and code["expiresUSec"]
    third = Token(relay.json("tenant", "rotate", "anna", "--token", "--overlap=1h", "--lifetime=2h")["token"])
    ends = {t["tokenId"]: t["expiresUSec"] - time.time() * 1e6 for t in relay.relay.get("anna")["tokens"]}
    assert abs(ends[second.id] - HOUR) < 60_000_000 and abs(ends[third.id] - 2 * HOUR) < 60_000_000
    fourth = Token(relay.json("tenant", "rotate", "anna", "--token")["token"])
    # Of several each has its line.
    assert relay.ok("tenant", "revoke", "anna", third.id, fourth.id) == "".join(f"The token {t.id} of anna is ended.\n" for t in (third, fourth))
    assert relay.json("tenant", "revoke", "anna") == {"tokens": 1, "codes": 1}


def test_rotate_says_what_becomes_of_the_others(relay):
    """Who ends by itself need not be revoked, and a second machine's house revokes nothing."""
    first = Token(relay.json("tenant", "add", "anna", "--token")["token"])
    said = relay.ok("tenant", "rotate", "anna", "--token", "--overlap=1h")
    second = Token(next(w for w in said.split() if w.startswith("hagw_anna_")))
    assert f"This one before it ends by itself:\n  {first.id} ends in " in said and "revoke anna" not in said and "revoked." not in said
    said = relay.ok("tenant", "rotate", "anna")
    assert f"{first.id} ends in " in said and f"hagw-ctl tenant revoke anna {second.id}" in said and f"revoke anna {first.id}" not in said
    assert "hagw-ctl tenant show anna says that the new one is used" in said
    assert "second machine of the house, revoke nothing" in said and "hagw-ctl tenant set anna --agents=2" in said
    relay.ok("tenant", "set", "anna", "--agents=2")
    said = relay.ok("tenant", "rotate", "anna")
    assert "second machine of the house, revoke nothing" in said and "--agents" not in said
    relay.ok("tenant", "add", "bob")
    assert "before it" not in relay.ok("tenant", "rotate", "bob") and "revoke" not in relay.ok("tenant", "rotate", "bob")


def test_no_code_where_no_token_has_room(relay):
    relay.ok("tenant", "add", "anna", "--token")
    for _ in range(15):
        relay.ok("tenant", "rotate", "anna", "--token")
    for words in ([], ["--token"]):
        why = relay.refused(FAILED, "tenant", "rotate", "anna", *words)
        assert "anna has 16 tokens" in why and "hagw-ctl tenant revoke anna TOKEN ends one" in why, why


def test_remove(relay):
    for name in ("a", "b", "c"):
        relay.ok("tenant", "add", name)
    assert relay.json("tenant", "remove", f"a.{ZONE}") == {"name": "a", "change": "removed"}
    relay.ok("tenant", "remove", "b", "c")
    assert listed(relay) == []


def test_hosts_that_lead_to_a_tenant_that_goes(relay):
    """They are named when it is removed, and by status as long as they are there."""
    relay.ok("tenant", "add", "anna")
    relay.ok("tenant", "add", "bert")
    relay.ok("host", "add", f"ha.anna.{ZONE}", "tenant:anna", "--no-reload")
    relay.ok("host", "add", f"x.anna.{ZONE}", "tenant:anna", "--no-reload")
    def problems():
        return [p for p in json.loads(relay.run("--json", "status", "--no-delegation").stdout)["problems"] if "does not exist" in p]
    assert problems() == []
    assert "leads to" not in relay.ok("tenant", "remove", "bert")
    said = " ".join(relay.ok("tenant", "remove", f"anna.{ZONE}", "--yes").split())
    for label in ("ha", "x"):
        assert f"{label}.anna.{ZONE} leads to anna, and turns visitors away without it: hagw-ctl host remove {label}.anna.{ZONE}" in said
    assert problems() == [f"ha.anna.{ZONE} leads to the tenant anna, which does not exist, so that its visitors are turned away (the same with "
                          f"x.anna.{ZONE}): hagw-ctl host remove ha.anna.{ZONE} x.anna.{ZONE}, or hagw-ctl tenant add anna."]
    for f in (relay.house.config / "hosts.d").iterdir():
        f.unlink()
    assert problems() == []


@pytest.mark.parametrize("loss", ["domain", "host"])
@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_tenant_that_would_be_missed_is_not_removed_unasked(relay, loss, words):
    relay.ok("tenant", "add", "anna")
    if loss == "domain":
        relay.ok("tenant", "domain", "add", "anna", "ha.example.org", "*.example.net")
    else:
        relay.ok("host", "add", f"ha.anna.{ZONE}", "tenant:anna", "--no-reload")
    relay.ok("tenant", "add", "ben")
    r = relay.run(*words, "tenant", "remove", "ben", "anna")
    assert r.returncode == USAGE and "--yes removes them without asking" in r.stderr and listed(relay) == ["anna", "ben"], r
    if not words:
        lost = "What is anna's alone goes with it: " if loss == "domain" else f"ha.anna.{ZONE} leads to anna, and turns visitors away without it"
        assert lost in " ".join(r.stdout.split())
        assert loss == "host" or all(d in r.stdout for d in ("ha.example.org", "*.example.net"))
        shown, status = terminal(relay, ("tenant", "remove", "anna"), [("Remove anna, its tokens", "n")])
        assert status == FAILED and listed(relay) == ["anna", "ben"] and lost in " ".join(shown.split())
    relay.ok(*words, "tenant", "remove", "anna", "--yes")
    relay.ok(*words, "tenant", "remove", "ben")
    assert listed(relay) == []


def test_what_cuts_a_house_asks_first(relay):
    """At a terminal; a program, and who says --yes, is believed."""
    for name in ("anna", "bert", "carl"):
        relay.ok("tenant", "add", name, "--token")
    shown, status = terminal(relay, ("tenant", "revoke", "anna"), [("all tokens and codes of anna", "n")])
    assert status == FAILED and len(relay.relay.get("anna")["tokens"]) == 1
    shown, status = terminal(relay, ("tenant", "revoke", "anna"), [("all tokens and codes of anna", "y")])
    assert status == OK and "until hagw-ctl tenant rotate anna" in shown and relay.relay.get("anna")["tokens"] == []
    token = relay.relay.get("bert")["tokens"][0]["tokenId"]
    shown, status = terminal(relay, ("tenant", "remove", "bert"), [("Remove bert", "")])
    assert status == FAILED and listed(relay) == ["anna", "bert", "carl"]
    shown, status = terminal(relay, ("tenant", "remove", "bert", "annna"), [])
    assert status == FAILED and 'did you mean "anna"' in shown and "Remove" not in shown
    shown, status = terminal(relay, ("tenant", "revoke", "bert", token), [])
    assert status == OK and "until hagw-ctl" not in shown
    shown, status = terminal(relay, ("tenant", "remove", "bert", "carl"), [("Remove 2 tenants", "y")])
    assert status == OK and listed(relay) == ["anna"]
    shown, status = terminal(relay, ("tenant", "remove", "anna", "--yes"), [])
    assert status == OK and listed(relay) == []


def test_any_number_of_names(relay):
    ids = {n: [Token(relay.json("tenant", v, n, "--token")["token"]).id for v in ("add", "rotate", "rotate")] for n in ("anna", "ben")}
    assert "There is no tenant" in relay.refused(FAILED, "tenant", "set", "anna", "bea", "--suspend")
    assert "--domain is one tenant's" in relay.refused(USAGE, "tenant", "set", "anna", "ben", "--domain=x.example.org")
    relay.ok("tenant", "set", "anna", "ben", "--suspend", "--note=away")
    assert [(relay.relay.get(n)["suspended"], relay.relay.get(n)["note"]) for n in ids] == [(True, "away")] * 2
    shown = relay.run("tenant", "show", "anna", f"ben.{ZONE}").stdout
    assert f"anna.{ZONE}" in shown and "\n\nben" in shown
    assert "no such token" in relay.refused(FAILED, "tenant", "revoke", "anna", ids["anna"][0], ids["ben"][0])
    relay.ok("tenant", "revoke", "anna", *ids["anna"][:2])
    assert [t["tokenId"] for t in relay.relay.get("anna")["tokens"]] == ids["anna"][2:]
    assert len(relay.relay.get("ben")["tokens"]) == 3
    assert "There is no tenant" in relay.refused(FAILED, "tenant", "remove", "anna", "bea") and listed(relay) == ["anna", "ben"]


def test_rotate_usage_and_domains_of_several(relay):
    """A slip in one name does nothing, and each slip is told."""
    for name in ("anna", "ben", "carl"):
        relay.ok("tenant", "add", name)
    relay.ok("tenant", "domain", "add", "ben", "b.example.org", "*.c.example.org")
    for words in (("rotate",), ("usage",), ("domain", "list"), ("show",), ("remove", "--yes")):
        why = relay.refused(FAILED, "tenant", *words, "anna", "nobody", "ben", "nemo")
        assert [n for n in ("nobody", "nemo", "anna", "ben") if f'no tenant "{n}"' in why] == ["nobody", "nemo"], why
    assert listed(relay) == ["anna", "ben", "carl"]

    said = relay.ok("tenant", "rotate", "anna", f"ben.{ZONE}", "anna", "--token")
    assert said.count("hagw-ctl attach") == 2 and said.index(f"anna.{ZONE}: In the house") < said.index(f"ben.{ZONE}: In the house")
    assert [len(relay.relay.get(n)["tokens"]) for n in ("anna", "ben", "carl")] == [1, 1, 0]
    codes = [json.loads(v) for v in relay.ok("--json", "tenant", "rotate", "carl", "ben").splitlines()]
    assert [c["name"] for c in codes] == ["carl", "ben"] and all(c["code"] for c in codes)

    relay.relay.call("ReportUsage", usage=[{"tenant": n, "received": i, "sent": 7, "visitors": 3} for i, n in enumerate(("anna", "ben", "carl"), 1)])
    assert [(u["tenant"], u["received"]) for u in relay.json("tenant", "usage", "carl", "anna", "carl")["usage"]] == [("carl", 3), ("anna", 1)]
    assert [line.split(",")[0] for line in relay.ok("tenant", "usage", "ben", "carl", "--csv").splitlines()] == ["tenant", "ben", "carl"]
    assert [line.split()[0] for line in relay.ok("tenant", "usage", "ben", "carl").splitlines()] == ["TENANT", "ben", "carl"]

    assert relay.ok("tenant", "domain", "list", "ben") == "*.c.example.org\nb.example.org\n"
    assert relay.ok("tenant", "domain", "list", "ben", "carl").startswith("ben\n  *.c.example.org\n  b.example.org\n\ncarl has no domain")
    shown = [json.loads(v) for v in relay.ok("--json", "tenant", "domain", "list", "ben", "carl").splitlines()]
    assert shown == [{"name": "ben", "domains": ["*.c.example.org", "b.example.org"]}, {"name": "carl", "domains": []}]


def test_each_name_is_tried(relay):
    """What fails for one is told, and the others are done."""
    relay.ok("tenant", "add", "anna", "--token")
    relay.ok("tenant", "add", "ben")
    while len(relay.relay.get("anna")["tokens"]) < 16:
        relay.relay.call("IssueToken", name="anna")
    why = relay.refused(FAILED, "tenant", "rotate", "anna", "ben", "--token")
    assert "anna has 16 tokens already" in why and len(relay.relay.get("ben")["tokens"]) == 1
    relay.relay.daemon.kill()
    (relay.relay.house.runtime / "io.hagw.Tenant").unlink()
    assert relay.refused(UNREACHABLE, "tenant", "rotate", "anna", "ben").count("hagw-tenantd is not running") == 1  # nobody is there for either


# --- list, show, usage ---------------------------------------------------------------------------------------

def test_list_and_show(relay):
    relay.ok("tenant", "add", "anna", "--token", "--note=my sister", "--bytes-per-month=1G")
    relay.ok("tenant", "add", "bob")
    relay.ok("tenant", "add", "carl", "--suspend")
    relay.relay.call("ReportUsage", usage=[{"tenant": "anna", "received": 1 << 20, "sent": 1 << 20, "visitors": 3}])
    shown = relay.run("tenant", "list").stdout
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert "enabled" in lines["anna"] and "2.0 MiB" in lines["anna"] and "my sister" in lines["anna"]
    assert "code waits" in lines["bob"] and "suspended" in lines["carl"]
    assert listed(relay, "b") == ["bob"]
    shown = relay.run("tenant", "show", "anna").stdout
    assert f"anna.{ZONE}" in shown and "1.0 GiB" in shown and "tokens" in shown and "used never" in shown
    v = json.loads(relay.run("--json", "tenant", "show", "anna").stdout)
    assert v["note"] == "my sister" and v["bytesPerMonth"] == 1 << 30 and "attachments" not in v


def test_usage(relay):
    relay.ok("tenant", "add", "anna")
    relay.ok("tenant", "add", "bob")
    assert "Nothing was moved" in relay.ok("tenant", "usage")
    relay.relay.call("ReportUsage", usage=[{"tenant": "anna", "received": 5, "sent": 7, "visitors": 3},
                                           {"tenant": "bob", "received": 1, "sent": 2, "visitors": 1}])
    month = time.strftime("%Y-%m", time.gmtime())
    assert relay.json("tenant", "usage", "anna")["usage"] == [
        {"tenant": "anna", "month": month, "received": 5, "sent": 7, "visitors": 3}]
    assert relay.ok("tenant", "usage", "--csv").splitlines() == [
        "tenant,month,received,sent,visitors", f"anna,{month},5,7,3", f"bob,{month},1,2,1"]
    assert len(relay.json("tenant", "usage", f"--month={month}")["usage"]) == 2
    assert relay.json("tenant", "usage", "--month=2025-01")["usage"] == []
    assert "7 B" in relay.ok("tenant", "usage", "anna")


def test_completion_of_tenants(relay):
    for name in ("anna", "andy", "bob"):
        relay.ok("tenant", "add", name)
    assert sorted(relay.ok("complete", "tenant", "show", "an").split()) == ["andy", "anna"]
    assert set(relay.ok("complete", "tenant", "").split()) == {"list", "show", "add", "copy", "domain", "restore", "set", "rotate", "revoke", "remove", "usage"}
    assert "--bytes-per-month=" in relay.ok("complete", "--", "tenant", "add", "--b").split()


def test_status_of_a_relay(relay):
    relay.ok("tenant", "add", "anna")
    r = relay.run("--json", "status", "--no-delegation")
    assert json.loads(r.stdout)["tenants"] == {"known": 1}
    assert "1 known, ? attached" in relay.run("status", "--no-delegation").stdout


def test_status_tells_what_befalls_tenants(relay):
    relay.ok("tenant", "add", "waits")
    relay.ok("tenant", "add", "anna", "--token")
    for name in ("bert", "carl", "dora", "emil"):
        relay.ok("tenant", "add", name, "--token")
        relay.ok("tenant", "set", name, "--suspend")
    relay.ok("tenant", "add", "fritz", "--token", "--bytes-per-month=10")
    relay.relay.call("ReportUsage", usage=[{"tenant": "fritz", "received": 20, "sent": 0, "visitors": 1}])
    relay.relay.call("Add", name="gerd", credential="none")
    r = json.loads(relay.run("--json", "status", "--no-delegation").stdout)["tenants"]
    assert r == {"known": 8, "suspended": ["bert", "carl", "dora", "emil"], "usedUp": ["fritz"], "noToken": ["gerd"]}
    shown = relay.run("status", "--no-delegation").stdout
    assert "8 known, ? attached, 4 suspended (bert, carl, dora, …), 1 used up (fritz), 1 without a token (gerd)\n" in shown
    relay.relay.all("AddMany", "tenants", count=992, credential="none")
    assert len(json.loads(relay.run("--json", "status", "--no-delegation").stdout)["tenants"]["noToken"]) == 993
    # It looks at so many and no more.
    relay.relay.call("Add", name="last", credential="none")
    assert json.loads(relay.run("--json", "status", "--no-delegation").stdout)["tenants"] == {"known": 1001}


def peak(relay, *words):
    """The most memory that it ever held, in KiB; freed memory counts as given back."""
    options = relay.env.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    p = subprocess.Popen([CTL, "--config", str(relay.house.config), *words], env={**relay.env, "ASAN_OPTIONS": options},
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    status, usage = os.wait4(p.pid, 0)[1:]
    p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode in (OK, UNREACHABLE)
    return usage.ru_maxrss


def test_long_lists_are_printed_as_they_come(relay):
    """What hagw-ctl holds does not grow with the number of tenants: a message of 1,000 at a time."""
    relay.ok("tenant", "add", "--count=2000")
    few = {words: peak(relay, *words) for words in [("tenant", "list"), ("--json", "tenant", "list")]}
    assert relay.ok("tenant", "add", "--count=38000", "--csv").count("\n") == 38001
    r = relay.run("tenant", "list")
    assert r.stdout.count("\n") == 40001, r.stderr
    for words, before in few.items():
        assert peak(relay, *words) < before + 16 * 1024, words  # 38,000 parsed ones are above 100 MiB


def test_what_opening_needs_is_told(relay):
    relay.ok("tenant", "add", "anna")
    said = " ".join(relay.ok("tenant", "set", "anna", "--terminate=yes").split())
    assert f"The relay opens anna.{ZONE}" in said and 'opened = "accept"' in said and f"hagw-ctl host add ha.anna.{ZONE} tenant:anna" in said
    for words in (["--terminate=yes"], ["--note=x"], ["--terminate=no"]):
        assert "opens" not in relay.ok("tenant", "set", "anna", *words)


def test_a_month_that_is_used_up_is_listed_with_its_limit(relay):
    relay.ok("tenant", "add", "anna", "--bytes-per-month=30K")
    relay.relay.call("ReportUsage", usage=[{"tenant": "anna", "received": 31 << 10, "sent": 0, "visitors": 1}])
    assert "limit 30.0 KiB" in relay.run("tenant", "list").stdout
    assert re.search(r"  machines +1 at most at a time\n", relay.run("tenant", "show", "anna").stdout)


# --- domains, one by one ---------------------------------------------------------------------------------------

def test_domains_come_and_go_one_by_one(relay):
    relay.ok("tenant", "add", "anna", "--domain=a.example.org")
    said = relay.ok("tenant", "domain", "add", "anna", "b.example.org", "*.C.example.org", "a.example.org")
    assert "New for anna: *.c.example.org, b.example.org." in said or "New for anna: b.example.org, *.c.example.org." in said
    assert (f"  b.example.org.  CNAME  anna.{ZONE}.\n  _acme-challenge.b.example.org.  CNAME  _acme-challenge.anna.{ZONE}.\n" in said
            and f"  *.c.example.org.  CNAME  anna.{ZONE}.\n  _acme-challenge.c.example.org.  CNAME  _acme-challenge.anna.{ZONE}.\n" in said
            and "ALIAS" not in said), said
    assert sorted(relay.relay.get("anna")["domains"]) == ["*.c.example.org", "a.example.org", "b.example.org"]
    assert relay.ok("tenant", "domain", "list", "anna").split() == relay.relay.get("anna")["domains"]
    for wrong, told in (("not.example.net", "hagw-ctl tenant domain list anna"), ("bb.example.org", 'did you mean "b.example.org"?')):
        why = relay.refused(FAILED, "tenant", "domain", "remove", "anna", "b.example.org", wrong)
        assert f'anna has no domain "{wrong}"' in why and told in why, why
        assert "b.example.org" in relay.relay.get("anna")["domains"]
    said = relay.ok("tenant", "domain", "remove", f"anna.{ZONE}", "B.example.org.")
    assert "No longer for anna: b.example.org." in said
    assert sorted(relay.json("tenant", "domain", "list", "anna")["domains"]) == ["*.c.example.org", "a.example.org"]
    assert "Nothing has changed" in relay.ok("tenant", "domain", "add", "anna", "a.example.org")
    assert relay.json("tenant", "domain", "remove", "anna", "a.example.org", "*.c.example.org")["domains"] == []


def test_no_cname_is_advised_at_the_top_of_a_domain(relay):
    """None may be there; its challenge and what lies below it are names like others."""
    relay.ok("tenant", "add", "anna")
    said = relay.ok("tenant", "domain", "add", "anna", "Example.org.", "*.example.org", "shop.co.uk", "a.shop.co.uk")
    for line in (f"example.org.  ALIAS  anna.{ZONE}.", f"_acme-challenge.example.org.  CNAME  _acme-challenge.anna.{ZONE}.",
                 f"*.example.org.  CNAME  anna.{ZONE}.", f"shop.co.uk.  ALIAS  anna.{ZONE}.", f"a.shop.co.uk.  CNAME  anna.{ZONE}."):
        assert f"  {line}\n" in said, said
    said = " ".join(said.split())
    assert said.index("hagw-ctl host add NAME SERVICE") < said.index(f"A and AAAA with the addresses of anna.{ZONE}")


def test_domains_that_cannot_be(relay):
    relay.ok("tenant", "add", "anna", "--domain=a.example.org")
    relay.ok("tenant", "add", "bob", "--domain=b.example.org")
    for host in ("shop.example.net", "*.w.example.net"):
        relay.ok("host", "add", host, "http://127.0.0.1:1", "--force", "--no-reload")
    relay.relay.daemon.reload()
    before = relay.relay.get("bob")
    for domain, why in [("shop.example.net", "one of the relay's own hosts"), ("*.w.example.net", "one of the relay's own hosts"),
                        ("a.example.org", "anna's already"), ("192.0.2.7", "an address"), (f"x.{ZONE}", "inside the relay's zone"),
                        (NAME, "inside the relay's zone"), ("*.org", "at least two labels"), ("nothing", "two labels")]:
        assert why in relay.refused(FAILED, "tenant", "domain", "add", "bob", "c.example.org", domain)
    assert "there is no tenant" in relay.refused(FAILED, "tenant", "domain", "add", "nobody", "c.example.org").lower()
    many = [f"n{i}.example.org" for i in range(32)]
    relay.refused(FAILED, "tenant", "domain", "add", "bob", *many)
    assert relay.relay.get("bob") == before, "nothing of it was done"
    relay.ok("tenant", "domain", "add", "bob", *many[1:])


def test_what_a_list_loses_is_said(relay):
    relay.ok("tenant", "add", "anna", "--domain=a.example.org", "--domain=b.example.org")
    assert "No longer for anna: a.example.org." in relay.ok("tenant", "set", "anna", "--domain=b.example.org")
    assert "No longer" not in relay.ok("tenant", "set", "anna", "--agents=2")


def test_a_domain_above_the_relays_zone(relay):
    """It is taken, for its owner may want just that; and it is told, with the way back."""
    relay.ok("tenant", "add", "anna")
    for words in (["domain", "add", "anna", "example.com", "*.example.com"], ["set", "anna", "--domain=*.example.com"]):
        r = relay.run("tenant", *words)
        assert r.returncode == OK and ("tenant domain remove anna '*.example.com'" in r.stderr) == (words[0] == "domain")
    assert "instead of those before" in relay.ok("tenant", "set", "--help")


def test_hosts_of_the_relay_and_tenants(relay):
    """A host takes no tenant's visitors unseen, and leads to no tenant that is not there."""
    relay.ok("tenant", "add", "anna")
    said = relay.refused(FAILED, "host", "add", f"ha.anna.{ZONE}", "http://127.0.0.1:1", "--no-reload")
    assert "the tenant anna" in said and "--force" in said
    relay.refused(FAILED, "host", "add", f"*.anna.{ZONE}", "http://127.0.0.1:1", "--no-reload")
    assert "anna" in relay.refused(FAILED, "host", "add", f"ha.{ZONE}", "tenant:annna", "--no-reload")
    assert "The house asks" in relay.ok("host", "add", f"ha.anna.{ZONE}", "tenant:anna", "--no-reload")
    assert "is up to the house" in relay.run("host", "show", f"ha.anna.{ZONE}").stdout
    for label, wall in (("w", "--login=required"), ("u", "--user=olga")):  # who says that somebody is asked here means it
        relay.ok("host", "add", f"{label}.anna.{ZONE}", "tenant:anna", wall, "--force", "--no-reload")
        assert "required" in relay.run("host", "show", f"{label}.anna.{ZONE}").stdout
    relay.ok("host", "add", f"own.{ZONE}", "http://127.0.0.1:1", "--no-reload")


@pytest.mark.parametrize("name,upstream,why", [
    (f"ha.bert.{ZONE}", "tenant:anna", "the tenant bert"), (f"bert.{ZONE}", "tenant:anna", "the tenant bert"),
    ("shop.meier.net", "http://127.0.0.1:1", "the tenant bert"), ("shop.meier.net", "tenant:anna", "tenant:bert leads"),
    ("a.wild.meier.net", "tenant:anna", "the tenant bert"), ("*.wild.meier.net", "tcp://127.0.0.1:1", "the tenant bert"),
    ("Shop.Meier.Net", "http://127.0.0.1:1", "the tenant bert"),
    ("ha.bert", "tenant:bert", f"did you mean \"ha.bert.{ZONE}\"?"), ("ha.bert", "http://127.0.0.1:1", f"ha.bert.{ZONE}"),
    ("ha.relay", "tenant:bert", f"ha.{ZONE}")])
def test_nobody_else_gets_a_tenants_visitors(relay, name, upstream, why):
    """Whichever of its names it is, and whoever would get them; who means it says so."""
    relay.ok("tenant", "add", "anna")
    relay.ok("tenant", "add", "bert", "--domain=shop.meier.net", "--domain=*.wild.meier.net")
    said = relay.refused(FAILED if "the tenant" in why or "leads" in why else USAGE, "host", "add", name, upstream, "--no-reload")
    assert why in said and "--force" in said
    assert f"{name.lower().replace('*', '_wildcard')}.conf" not in [p.name for p in (relay.house.config / "hosts.d").iterdir()]
    relay.ok("host", "add", name, upstream, "--no-reload", "--force")


def test_what_is_nobodys_or_the_tenants_own(relay):
    relay.ok("tenant", "add", "bert", "--domain=shop.meier.net", "--domain=*.wild.meier.net")
    for name in ("shop.meier.net", "a.wild.meier.net", f"ha.bert.{ZONE}", "other.meier.net"):
        relay.ok("host", "add", name, "tenant:bert", "--no-reload")
    for name in ("a.b.wild.meier.net", "wild.meier.net", f"nobody.{ZONE}"):
        relay.ok("host", "add", name, "http://127.0.0.1:1", "--no-reload", "--login=none")


def test_a_host_that_is_changed_takes_no_visitors_either(relay):
    for name in ("anna", "bert"):
        relay.ok("tenant", "add", name)
    relay.ok("host", "add", f"ha.bert.{ZONE}", "tenant:bert", "--no-reload")
    assert "the tenant bert" in relay.refused(FAILED, "host", "set", f"ha.bert.{ZONE}", "tenant:anna", "--no-reload")
    assert 'did you mean "anna"' in relay.refused(FAILED, "host", "set", f"ha.bert.{ZONE}", "tenant:annna", "--no-reload")
    assert "the tenant bert" in relay.refused(FAILED, "setup", "--yes", "--no-start", f"--host=x.bert.{ZONE}=tenant:anna")
    assert "tenant:bert" in relay.run("host", "show", f"ha.bert.{ZONE}").stdout

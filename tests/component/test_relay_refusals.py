# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom a relay refuses, as its own status tells it: the reason, how many, and what its owner can do. The real hagw-proxyd, hagw-tenantd and
hagw-ctl."""

import json
import os

from ctl_tools import Ctl
from relayhouse import ZONE, Agent, Control, RelayHouse
from tenant_tools import Token
from test_relay import House, page, parts, relay, silent, visitor  # noqa: F401 (fixtures)

REFUSED_MAX = 2000  # rows in an answer
SWAPS_MAX = 100  # the same, of tenants whose machines take turns


def refusals(relay):  # noqa: F811
    """What status says of them: problems, notices."""
    said = json.loads(Ctl(relay.house).run("--json", "status", "--no-delegation").stdout)
    return [[f for f in said[kind] if "Visitors of the tenant" in f] for kind in ("problems", "notices")]


def test_nobody_is_refused(relay):  # noqa: F811
    Agent(relay, relay.tenant("anna"))
    assert refusals(relay) == [[], []]
    # A house that is away is its own matter.
    relay.tenant("bob")
    relay.wait(lambda: silent(visitor(relay, f"bob.{ZONE}"), 30) and relay.figure("proxy_relay_refused", reason="away"))
    assert refusals(relay) == [[], []]


def test_limits_are_told_with_what_changes_them(relay):  # noqa: F811
    for name in ("anna", "bob"):
        [c] = Agent(relay, relay.tenant(name, connectionsPerSecond=1)).open()
        with visitor(relay, f"{name}.{ZONE}"):
            c.header()
            for _ in range(5):
                with visitor(relay, f"{name}.{ZONE}") as other:
                    assert silent(other)
    problems, [notice] = refusals(relay)
    count = int(relay.figure("proxy_relay_refused", reason="connections"))
    assert not problems and notice.startswith(f"Visitors of the tenants anna, bob are refused, {count} since hagw-proxyd started, "), notice
    assert "more visitors in a second than the tenant's connections per second. hagw-ctl tenant set anna bob --connections-per-second=N" in notice
    ctl = Ctl(relay.house)
    ctl.ok("tenant", "set", "anna", "bob", "--connections-per-second=20")
    assert relay.tenantd.call("Get", name="bob")["tenant"]["connectionsPerSecond"] == 20
    relay.wait(lambda: refusals(relay) == [[], []])  # who followed the advice has nothing left to do
    relay.set("anna", suspended=True)
    relay.wait(lambda: silent(visitor(relay)) and len(refusals(relay)[1]) == 1)
    assert "the relay has suspended the tenant. hagw-ctl tenant set anna --enable lets it in again." in refusals(relay)[1][0]
    ctl.run("tenant", "set", "anna", "--enable")
    assert not relay.tenantd.call("Get", name="anna")["tenant"]["suspended"]
    relay.wait(lambda: refusals(relay) == [[], []])  # who was let in again is refused no more


def test_a_limit_of_channels_that_was_lifted(relay):  # noqa: F811
    a = Agent(relay, relay.tenant("anna", terminate=True, channels=1))
    assert page(relay)[0] == 503
    [notice] = refusals(relay)[1]
    assert "hagw-ctl tenant set anna --channels=N allows more" in notice
    Ctl(relay.house).ok("tenant", "set", "anna", "--channels=20")
    relay.wait(lambda: refusals(relay) == [[], []])
    # And a machine that attaches anew may do so with another setting of its own.
    relay.set("anna", channels=1)
    relay.wait(lambda: page(relay)[0] == 503 and refusals(relay)[1], 120)
    b = Agent(relay, Token(relay.tenantd.call("IssueToken", name="anna")["token"]), machine="other")
    relay.wait(lambda: refusals(relay) == [[], []])
    for agent in (a, b):
        agent.close()


def test_ends_that_are_set_against_each_other(relay):  # noqa: F811
    """The relay opens the TLS, and the house takes no such visitors: somebody has to look."""
    a = Agent(relay, relay.tenant("anna", terminate=True))
    House(a.open()[0], secret=os.urandom(32))
    assert page(relay)[0] == 503
    [problem], notices = refusals(relay)
    assert "Visitors of the tenant anna are refused, 1 since" in problem and "hagw-ctl tenant set anna --terminate=no" in problem and not notices
    Ctl(relay.house).run("tenant", "set", "anna", "--terminate=no")
    assert not relay.tenantd.call("Get", name="anna")["tenant"]["terminate"]
    assert refusals(relay) == [[], []], "who followed the advice has nothing left to do"


def test_what_opens_them_is_told_for_each(house, parts):  # noqa: F811
    """The tenant's own setting, a host of the relay's, or both: what is advised ends it."""
    hosts = {label.replace(".", "-"): f'name = "{label}.{ZONE}"; upstream = "tenant:{tenant}"; access: {{ login = "none"; }};'
             for label, tenant in (("own.bob", "bob"), ("one", "carl"), ("two", "carl"), ("both.dora", "dora"))}
    parts.append(RelayHouse(house, **hosts))
    relay = parts[-1].start()  # noqa: F811
    relay.certify(f"own.bob.{ZONE}", f"both.dora.{ZONE}")
    for name, opened in (("anna", True), ("bob", False), ("carl", False), ("dora", True)):
        a = Agent(relay, relay.tenant(name, terminate=opened))
        House(a.open()[0], secret=os.urandom(32))
        asked = {"anna": "anna", "bob": "own.bob", "carl": "one", "dora": "dora"}[name]
        relay.wait(lambda: relay.serves(f"{asked}.{ZONE}"))
        assert relay.visit(name=f"{asked}.{ZONE}", headers={"Accept": "text/html"}).status == 503
    problems, notices = refusals(relay)
    told = {p.removeprefix("Visitors of the tenant ").split(" ")[0]: p for p in problems}
    there = 'opened = "accept"; in the group relay of hagw.conf there, then hagw-ctl reload there, takes them; '
    assert sorted(told) == ["anna", "bob", "carl", "dora"] and not notices
    assert told["anna"].endswith(f"opened. {there}hagw-ctl tenant set anna --terminate=no here has them pass unopened.")
    assert told["bob"].endswith(f"opened. The relay opens them for its own host own.bob.{ZONE}: {there}hagw-ctl host remove own.bob.{ZONE} "
                                "here has them pass unopened.")
    assert told["carl"].endswith(f"opened. The relay opens them for its own hosts one.{ZONE}, two.{ZONE}: {there}hagw-ctl host remove one.{ZONE} "
                                 f"two.{ZONE} here stops leading them there.")
    assert told["dora"].endswith(f"{there}hagw-ctl tenant set dora --terminate=no and hagw-ctl host remove both.dora.{ZONE} "
                                 "here has them pass unopened.")
    ctl = Ctl(house)
    ctl.ok("tenant", "set", "anna", "dora", "--terminate=no")
    ctl.run("host", "remove", f"own.bob.{ZONE}", f"one.{ZONE}", f"two.{ZONE}", f"both.dora.{ZONE}")
    assert not list((house.config / "hosts.d").iterdir())
    assert refusals(relay) == [[], []], "who followed the advice has nothing left to do"


def healths(relay):  # noqa: F811
    """What stands under HEALTH, by host."""
    header, *lines = Ctl(relay.house).run("host", "list").stdout.splitlines()
    return {line.split()[0]: line[header.index("HEALTH"):].strip() for line in lines}


def standings(relay):  # noqa: F811
    said = json.loads(Ctl(relay.house).run("--json", "status", "--no-delegation").stdout)
    return [[f for f in said[kind] if f.startswith("Hosts here lead to") or "fails" in f] for kind in ("problems", "notices")]


def test_what_keeps_visitors_from_a_tenant_is_told_before_they_come(house, parts):  # noqa: F811
    """Of its hosts as they are now, and of the tenant once, however many hosts lead to it."""
    one, two, three = names = [f"{label}.{ZONE}" for label in ("one", "two", "three")]
    parts.append(RelayHouse(house, **{n.split(".")[0]: f'name = "{n}"; upstream = "tenant:{t}"; access: {{ login = "none"; }};'
                                      for n, t in zip(names, ("anna", "anna", "bob"))}))
    relay, ctl = parts[-1].start(), Ctl(house)  # noqa: F811
    a = Agent(relay, relay.tenant("anna"))
    other = Agent(relay, relay.tenant("bob"))
    relay.wait(lambda: relay.serves(one))
    House(a.open()[0])
    assert relay.visit(name=one).status == 200 and healths(relay)[one] == "ok" and standings(relay) == [[], []]
    ctl.ok("tenant", "set", "anna", "--suspend")
    relay.wait(lambda: healths(relay)[one] != "ok")
    assert (healths(relay)[one], healths(relay)[two]) == ("suspended", "suspended") and healths(relay)[three] not in ("suspended", "offline")
    advice = "Hosts here lead to the tenant anna, whose visitors are turned away, for it is suspended: hagw-ctl tenant set anna --enable"
    assert standings(relay) == [[], [advice]]
    shown = ctl.run("host", "show", one)
    assert "The relay has suspended the tenant anna: hagw-ctl tenant set anna --enable lets it in again." in " ".join(shown.stdout.split())
    ctl.ok(*advice.split("hagw-ctl ")[1].split())
    relay.wait(lambda: healths(relay)[one] == "offline", 60)  # it was cut
    b = Agent(relay, Token(relay.tenantd.call("IssueToken", name="anna")["token"]))
    relay.wait(lambda: healths(relay)[one].startswith("ok") and healths(relay)[two] == "unknown")
    assert standings(relay) == [[], []]
    # A house that has left, and so has nobody who could come back.
    ctl.ok("tenant", "revoke", "anna", "--yes")
    relay.wait(lambda: healths(relay)[one] == "detached")
    advice = "Hosts here lead to the tenant anna, whose visitors are turned away, for it has no token, and so no house: hagw-ctl tenant rotate anna"
    assert standings(relay) == [[advice], []]
    b.close()
    other.close()
    ctl.ok(*advice.split("hagw-ctl ")[1].split())
    # Its code waits, until it is used or ends.
    relay.wait(lambda: healths(relay)[one] == "code waits")
    waits = "Hosts here lead to the tenant anna, whose visitors are turned away, for its code waits to be typed in its house."
    assert standings(relay) == [[], [waits]]
    assert "attached yet as the tenant anna: its code waits to be typed in the house" in " ".join(ctl.run("host", "show", one).stdout.split())
    # Several in one state are one finding.
    for name in ("anna", "bob"):
        relay.set(name, suspended=True)
    relay.wait(lambda: healths(relay)[three] == "suspended")
    assert standings(relay)[1] == ["Hosts here lead to the tenants anna, bob, whose visitors are turned away, for they are suspended: "
                                   "hagw-ctl tenant set anna bob --enable"]
    # Who was turned away is the same matter, and told once.
    assert page(relay, name=one)[0] == page(relay, name=three)[0] == 503
    relay.wait(lambda: len(refusals(relay)[1]) == 1)
    assert standings(relay) == [[], []]
    ctl.ok("tenant", "set", "anna", "bob", "--enable")
    relay.wait(lambda: healths(relay)[three] == "offline", 60)
    assert standings(relay)[1] == [waits, "Hosts here lead to the tenant bob, whose visitors are turned away, for no house is attached as it."]


def test_the_newest_are_told_and_how_many_more(relay):  # noqa: F811
    """However many tenants are refused, the answer has its limit."""
    names = [f"t{i}" for i in range(REFUSED_MAX + 5)]
    for name in names:
        relay.tenantd.call("Add", name=name, credential="token", suspended=True)
    relay.wait(lambda: silent(visitor(relay, f"{names[-1]}.{ZONE}"), 30) and relay.figure("proxy_relay_refused", reason="suspended"))
    for name in names:
        with visitor(relay, f"{name}.{ZONE}") as v:
            assert silent(v)
    with relay.proxyd.varlink() as link:
        messages = list(link.stream("io.hagw.Proxy.ListAttachments", refusedOnly=True))
    rows = messages[-1]["refused"]
    told = [r["tenant"] for r in rows]
    assert len(rows) == REFUSED_MAX and messages[-1]["refusedMore"] == len(names) - REFUSED_MAX
    assert told == list(reversed(names))[:REFUSED_MAX]
    assert [r["lastUSec"] for r in rows] == sorted((r["lastUSec"] for r in rows), reverse=True)
    assert not [m for m in messages if m["attachments"]]
    listed = ", ".join(sorted(names[-8:]))
    assert f"Visitors of the tenants {listed} and {REFUSED_MAX - 8} more at least are refused, " in refusals(relay)[1][0]


def test_swaps_have_a_limit(house, parts):  # noqa: F811
    """Two machines of each of many tenants take each other's place: as many are told as the answer has room for."""
    swapping = RelayHouse(house, "proxy: { workers = 1; }; ")  # the limit is each worker's
    parts.append(swapping)
    swapping.start()
    tokens = [swapping.tenant(f"t{i}") for i in range(SWAPS_MAX + 3)]
    agents = []
    for machine in ("one", "other", "one"):
        new = [Control(swapping) for _ in tokens]
        for c, token in zip(new, tokens):
            c.send("Attach", more=True, proof=c.proof(token), machine=machine, software="test")
        assert not [r for c in new if "error" in (r := c.receive(120))]
        agents += new
    with swapping.proxyd.varlink() as link:
        *_, last = link.stream("io.hagw.Proxy.ListAttachments", refusedOnly=True)
    told = [r["tenant"] for r in last["swaps"]]
    assert len(told) == len(set(told)) == SWAPS_MAX and set(told) < {f"t{i}" for i in range(SWAPS_MAX + 3)}
    with swapping.proxyd.varlink() as link:
        *_, last = link.stream("io.hagw.Proxy.ListAttachments", tenant=next(f"t{i}" for i in range(SWAPS_MAX + 3) if f"t{i}" not in told))
    assert len(last["swaps"]) == 1, "each by itself is told all the same"
    for a in agents:
        a.close()

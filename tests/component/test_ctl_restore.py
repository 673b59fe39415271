# SPDX-License-Identifier: LGPL-2.1-or-later
"""A damaged tenants' database, as whoever runs a relay sees it: told by status at once, mended with one verb."""

import json
import os

import pytest

from ctl_tools import FAILED, UNREACHABLE, USAGE, ctl  # noqa: F401 (fixtures)
from tenant_tools import Relay


@pytest.fixture
def relay(ctl):  # noqa: F811
    ctl.relay = Relay(ctl.house)
    return ctl


def damage(ctl):  # noqa: F811
    assert ctl.relay.daemon.stop() == 0
    ctl.relay.database.write_bytes(os.urandom(40960))
    ctl.relay.daemon.start()


def problems(ctl):  # noqa: F811
    return [p for p in json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"] if "database" in p]


def test_damage_is_told_and_mended(relay):
    anna, bob = relay.relay.add("anna"), relay.relay.add("bob")
    assert problems(relay) == []
    relay.ok("tenant", "copy")
    relay.ok("tenant", "revoke", "anna", anna.id)
    assert "in order" in relay.refused(FAILED, "tenant", "restore")
    assert "good" in relay.ok("tenant", "restore", "--list")
    damage(relay)
    problem, = problems(relay)
    assert "is damaged" in problem and "hagw-ctl tenant restore" in problem
    r = relay.run("status", "--no-delegation")
    assert r.returncode in (FAILED, UNREACHABLE) and "The tenants' database is damaged" in r.stdout
    for words in (["list"], ["show", "anna"], ["add", "carl"], ["copy"]):
        assert "tenant restore --list" in relay.refused(FAILED, "tenant", *words)
    copy, = relay.json("tenant", "restore", "--list")["copies"]
    assert "Now the tenants' database is damaged." in relay.ok("tenant", "restore", "--list")
    assert "no good copy" in relay.refused(FAILED, "tenant", "restore", "2020-01-01")
    assert "takes no copy" in relay.refused(USAGE, "tenant", "restore", "--empty", copy["name"])
    said = relay.ok("tenant", "restore")
    assert f"The copy of {copy['name']} is in use" in said and f"  token anna {anna.id}\n" in said and "tenant rotate" in said
    assert problems(relay) == []
    relay.relay.call("Authenticate", **bob.fields())
    assert relay.relay.get("anna")["tokens"] == []


def test_begun_anew(relay):
    relay.relay.add("anna")
    damage(relay)
    assert "new database is begun" in relay.ok("tenant", "restore", "--empty")
    assert problems(relay) == [] and relay.relay.status() == "0 tenants"


def test_a_damaged_copy_is_named(relay):
    relay.relay.add("anna")
    relay.ok("tenant", "copy")
    copy, = relay.relay.database.with_name("copies").iterdir()
    copy.write_bytes(copy.read_bytes()[:5000])
    damage(relay)
    assert "damaged" in relay.ok("tenant", "restore", "--list")
    assert "--empty" in relay.refused(FAILED, "tenant", "restore")

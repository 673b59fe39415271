# SPDX-License-Identifier: LGPL-2.1-or-later
"""A damaged tenants' database, as whoever runs a relay sees it: told by status at once, mended with one verb."""

import json
import os
import re
import shlex
import subprocess

import pytest
from conftest import ROOT, VarlinkError

from ctl_tools import FAILED, UNREACHABLE, USAGE, ctl  # noqa: F401 (fixtures)
from tenant_tools import Relay, Watcher


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
    assert "COPY --force" in relay.refused(FAILED, "tenant", "restore")
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


def test_an_older_one_instead_of_one_in_order(relay):
    """What was revoked since stays so, what was given since is lost, and whoever listens begins again."""
    anna, bob = relay.relay.add("anna"), relay.relay.add("bob")
    watcher = Watcher(relay.relay)
    relay.ok("tenant", "copy")
    day = relay.json("tenant", "restore", "--list")["copies"][0]["name"]
    relay.ok("tenant", "revoke", "anna", anna.id)
    relay.relay.add("carl")
    assert "by its name" in relay.refused(USAGE, "tenant", "restore", "--force")
    assert "no good copy" in relay.refused(FAILED, "tenant", "restore", "2020-01-01", "--force")
    relay.relay.call("Authenticate", **bob.fields())  # as it was
    said = relay.ok("tenant", "restore", day, "--force")
    assert f"The copy of {day} is in use" in said and f"  token anna {anna.id}\n" in said and "tenant add NAME" in said
    with pytest.raises((VarlinkError, StopIteration, ConnectionError)):
        while True:
            watcher.next()
    assert set(Watcher(relay.relay).known) == {"anna", "bob"}
    relay.relay.call("Authenticate", **bob.fields())
    assert relay.relay.get("anna")["tokens"] == []
    assert relay.relay.daemon.stop() == 0
    relay.relay.daemon.start()
    assert relay.relay.get("anna")["tokens"] == [] and problems(relay) == []
    # Another try does not take the place of what the first one has set aside.
    first = relay.relay.database.with_name("tenants.db.broken").read_bytes()
    relay.ok("tenant", "restore", day, "--force")
    assert relay.relay.database.with_name("tenants.db.broken").read_bytes() == first
    assert relay.relay.database.with_name("tenants.db.broken.1").exists()


def test_no_older_one_of_which_too_little_is_known(relay):
    """One in order is not given up for one with which something revoked may come back."""
    anna = relay.relay.add("anna")
    relay.ok("tenant", "copy")
    day = relay.json("tenant", "restore", "--list")["copies"][0]["name"]
    relay.ok("tenant", "revoke", "anna", anna.id)
    assert relay.relay.daemon.stop() == 0
    relay.relay.database.with_name("ledger").unlink()
    relay.relay.daemon.start()
    assert "not all that was taken since is known" in relay.ok("tenant", "restore", "--list")
    assert "no good copy" in relay.refused(FAILED, "tenant", "restore", day, "--force")
    assert relay.relay.get("anna")["tokens"] == []


def test_a_copy_from_elsewhere(relay, tmp_path):
    """The lines of docs/relay.md, but for the user and where the database is."""
    lines = re.search(r"kept on another machine.*?```\n(.*?)\n```", (ROOT / "docs" / "relay.md").read_text(), re.S)[1].splitlines()
    anna = relay.relay.add("anna")
    relay.relay.add("bob")
    relay.ok("tenant", "copy")
    copy, = relay.relay.database.with_name("copies").iterdir()
    kept = tmp_path / "kept"
    kept.write_bytes(copy.read_bytes())
    copy.with_name("2020-01-01").write_bytes(copy.read_bytes())  # how far back the ledger goes
    relay.ok("tenant", "remove", "bob")
    relay.relay.add("carl")
    relay.ok("tenant", "copy")
    for words in (shlex.split(line.replace("2026-11-28", copy.name)) for line in lines):
        if words[0] == "hagw-ctl":
            relay.ok(*words[1:])
            continue
        for before, after in (("hagw-tenantd", None), ("KEPT", str(kept)), (f"/var/lib/hagw-tenantd/copies/{copy.name}", str(copy))):
            assert before in words
            words = [after or str(os.getuid() if words[i - 1] == "-o" else os.getgid()) if w == before else w for i, w in enumerate(words)]
        subprocess.run(words, check=True)
    assert set(Watcher(relay.relay).known) == {"anna"}
    relay.relay.call("Authenticate", **anna.fields())


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

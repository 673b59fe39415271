# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl attach and detach, with all of a house's daemons: what is written, what is undone, what is told."""

import json

import pytest

from ctl_tools import FAILED, OK, PASSWORD, UNREACHABLE, USAGE, booted, ctl, machine, zone  # noqa: F401 (fixtures)
from tenant_tools import Token

RELAY = "relay.example.com"
MINE = """# my house
zones = ( { name = "home.test"; } ); # mine
acme: { contact = "mailto:me@home.test"; }
public_address: { ipv4 = "static:192.0.2.1"; ipv6 = "none"; };
"""
TOKEN = "hagw_anna_abcdefgh_" + "a" * 52


def conf(m):
    return (m.house.config / "hagw.conf").read_text()


def attached(m):
    """A house that is, as far as its configuration and token go."""
    m.house.configure(MINE.replace(' } );', f' }}, {{ name = "anna.{RELAY}"; via = "relay"; }} );')
                      + f'relay: {{ address = "{RELAY}"; tenant = "anna"; channels_min = 2; /* keep */ }};\n',
                      ha=f'name = "ha.anna.{RELAY}"; upstream = "http://127.0.0.1";\n',
                      own='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    m.start_daemons()
    m.keyd.call("ImportToken", token=TOKEN)


# --- attach --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words,why", [
    (["a..b", "CODE"], "cannot be taken"), ([f"{RELAY}:0", "CODE"], "cannot be taken"), ([RELAY, "CODE", "--pin=sha1:x"], "cannot be taken"),
    ([RELAY, "CODE", "--host=ha=ftp://x"], "expected"), ([RELAY, "CODE", "--host=ha"], "NAME=UPSTREAM"), ([RELAY, "hagw_x"], "no token"),
    ([RELAY, "CODE", "--wait=soon"], "a duration"), ([RELAY, "CODE", "--directory=ftp://x"], "cannot be taken"), ([], "is missing"),
])
def test_mistakes_change_nothing(machine, words, why):
    assert why in machine.refused(USAGE, "attach", *words, "--yes")
    assert not (machine.house.config / "hagw.conf").exists() and machine.words == []


def test_a_failure_on_a_fresh_machine_leaves_it_fresh(machine):
    why = machine.refused(FAILED, "attach", "127.0.0.1:1", "CODE", "--yes", "--contact=me@home.test", "--host=ha=http://127.0.0.1")
    assert "Nothing is changed on this machine" in why
    assert not (machine.house.config / "hagw.conf").exists() and list((machine.house.config / "hosts.d").iterdir()) == []
    assert machine.words[-1] == ["disable", "hagw.target"] and not machine.enabled


def test_a_failure_leaves_what_was_there(machine):
    machine.house.configure(MINE)
    machine.start_daemons()
    why = machine.refused(FAILED, "attach", "127.0.0.1:1", "CODE", "--yes", "--contact=other@home.test")
    assert "Nothing is changed on this machine" in why and conf(machine) == MINE
    assert ["disable", "hagw.target"] not in machine.words and machine.keyd.process.poll() is None
    assert machine.acmed.call("io.hagw.Service.Describe").get("configError") is None


def test_without_a_code(machine):
    assert "Which code?" in machine.refused(USAGE, "attach", RELAY, "--yes")
    assert not (machine.house.config / "hagw.conf").exists()


def test_another_relay_is_not_replaced(machine):
    attached(machine)
    before = conf(machine)
    assert "hagw-ctl detach" in machine.refused(FAILED, "attach", "other.example.com", "CODE", "--yes")
    assert conf(machine) == before
    assert machine.keyd.call("GetToken")["tenant"] == "anna"


def test_a_broken_configuration_is_not_touched(machine):
    machine.house.configure("zonse = ();\n")
    assert 'did you mean "zones"' in machine.refused(FAILED, "attach", RELAY, "CODE", "--yes")
    assert conf(machine) == "zonse = ();\n"


def test_no_systemd(ctl):
    assert "systemd" in ctl.refused(UNREACHABLE, "attach", RELAY, "CODE", "--yes")


# --- detach --------------------------------------------------------------------------------------------------

def test_detach(machine):
    attached(machine)
    assert "--yes" in machine.refused(USAGE, "detach")
    assert machine.keyd.call("GetToken")["tenant"] == "anna"
    said = machine.ok("detach", "--yes")
    assert f"lose their name:\n  ha.anna.{RELAY}" in said and "ha.home.test" not in said and f"detached from {RELAY}" in said
    text = conf(machine)
    assert "# mine" in text and "/* keep */" in text and "channels_min = 2" in text and RELAY not in text and "anna" not in text
    assert "1 zone, 2 hosts" in machine.ok("config", "check")
    with pytest.raises(Exception, match="NoToken"):
        machine.keyd.call("GetToken")
    assert "attached to no relay" in machine.refused(FAILED, "detach", "--yes")


def test_detach_json(machine):
    attached(machine)
    assert machine.json("detach", "--yes") == {"name": RELAY, "change": "detached"}


# --- status --------------------------------------------------------------------------------------------------

def test_status_of_a_house_behind_a_relay(machine):
    attached(machine)
    r = machine.run("status", "--no-delegation")
    assert r.returncode == FAILED and f"{RELAY} as anna" in r.stdout and "through the relay" in r.stdout


# --- setup ---------------------------------------------------------------------------------------------------

def test_setup_makes_a_relay(ctl, tmp_path):
    etc = tmp_path / "etc"
    setup = ("setup", "--relay", "--yes", "--no-start", "--ipv4=static:203.0.113.20")
    assert "Which zone" in ctl.refused(USAGE, *setup, config=etc)
    said = ctl.ok(*setup, f"--zone={RELAY}", "--zone=other.test", config=etc)
    assert "tenant add" in said and "trusted_proxies" not in said and "router" not in said
    assert f'zone = "{RELAY}";' in (etc / "hagw.conf").read_text()
    assert "2 zones, 0 hosts" in ctl.ok("config", "check", config=etc)
    assert "hagw-tenantd" in ctl.refused(UNREACHABLE, "tenant", "add", "anna", config=etc)


def test_a_gateway_becomes_a_relay_too(ctl):
    ctl.house.configure(MINE)
    ctl.ok("setup", "--relay", "--yes", "--no-start", f"--zone={RELAY}", "--contact=other@home.test")
    text = conf(ctl)
    assert "# mine" in text and 'contact = "mailto:other@home.test"' in text and f'zone = "{RELAY}"' in text
    assert "2 zones" in ctl.ok("config", "check")
    ctl.ok("setup", "--relay", "--yes", "--no-start", f"--zone={RELAY}")
    assert conf(ctl) == text, "the same once more changes nothing"
    assert "by hand" in ctl.refused(USAGE, "setup", "--relay", "--yes", "--no-start", f"--zone={RELAY}", "--name-server=ns.x.test")

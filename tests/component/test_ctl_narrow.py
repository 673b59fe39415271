# SPDX-License-Identifier: LGPL-2.1-or-later
"""A narrow terminal: what hagw-ctl says is broken between words and nowhere else, and stays one line for everybody but a terminal."""

import json
import re
import subprocess

import pytest

from ctl_tools import CTL, FAILED, OK, PASSWORD, Session, ctl, finds_only, machine  # noqa: F401 (fixtures)

COLUMNS = 60


def lines(text):
    return re.sub("\x1b\\[[0-9;]*[mK]", "", text).replace("\r", "\n").splitlines()


def too_long(text):
    """Lines that could be broken: one of a single word (a path) cannot."""
    return [line for line in lines(text) if len(line) >= COLUMNS and len(line.split()) > 1]


def words(text):
    return " ".join(lines(text)).split()


def both(ctl, *arguments):  # noqa: F811
    """What is shown on a narrow terminal, and what a pipe gets, with the exit status."""
    r = subprocess.run([*ctl.prefix, CTL, "--config", str(ctl.house.config), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=120, env=ctl.env)
    return Session(ctl, *arguments, columns=COLUMNS).end(r.returncode), r.stdout


MISTAKES = [
    ["setup", "--yes", "--zone=192.168.1.4"], ["setup", "--yes", "--no-start", "--zone=home.meier.test", "--ipv4=example.myfritz.net"],
    ["setup", "--yes", "--no-start", "--zone=home.meier.test", "--host=ha"], ["attach", "relay.example.com"], ["attach", "7K3M-Q9XT-2VBN-HD4W", "relay.meier.test"],
    ["user", "add", "Anna K"], ["host", "add", "ha.home.tset", "http://192.168.1.4:8123"], ["tenant", "add", "anna"], ["notify", "test"],
    ["cert", "show", "ha"], ["reload"], ["status", "--nosuch"], ["nosuch"], ["session", "revoke"]]


@pytest.mark.parametrize("arguments", MISTAKES, ids=[" ".join(m[:2]) for m in MISTAKES])
def test_errors(ctl, arguments):  # noqa: F811
    ctl.env["NO_COLOR"] = "1"
    ctl.house.configure('zones = ( { name = "home.test"; } );\n')
    shown, piped = both(ctl, *arguments)
    assert "hagw-ctl: " in shown and words(shown) == words(piped), (shown, piped)
    assert not too_long(shown), too_long(shown)
    assert all(line.startswith("hagw-ctl: ") for line in piped.splitlines()), piped
    assert max(len(line) for line in piped.splitlines()) >= COLUMNS or len(shown.splitlines()) == len(piped.splitlines())


ANSWERS = (("Zone: ", "meier.test"), ("anyway? [no]", ""), ("Zone: ", "home.example.com"), ("is an example", None), ("Zone: ", "home.meier.test"),
           ("Public IPv4 address", "192.168.1.4"), ("anyway? [no]", "yes"), ("Public IPv6 address", "none"), ("Name server", ""), ("Mail address: ", "me"),
           ("Mail address: ", "me@meier.test"), ("Home Assistant: ", "ftp://x"), ("Home Assistant: ", "127.0.0.1:8123/lovelace"), ("User: ", "Anna K"), ("User: ", ""))


def test_setup_that_asks(ctl, tmp_path):  # noqa: F811
    """Word by word the same as on a wide terminal."""
    finds_only(ctl, ctl.house.root)
    ctl.env["NO_COLOR"] = "1"
    seen = []
    for columns in (COLUMNS, 200):
        ctl.house.config = tmp_path / str(columns)
        s = Session(ctl, "setup", "--no-start", columns=columns)
        for question, typed in ANSWERS:
            s.expect(question)
            if typed is not None:
                s.type(typed)
        seen.append(s.end(FAILED).replace(str(ctl.house.config), "DIR"))
        s.close()
    assert words(seen[0]) == words(seen[1]), seen
    assert not too_long(seen[0]), too_long(seen[0])


def test_setup_that_does_it(machine):  # noqa: F811
    machine.env["NO_COLOR"] = "1"
    s = Session(machine, "setup", "--yes", "--wait=0", "--zone=home.meier.test", "--ipv4=192.168.1.4", "--ipv6=none", "--host=ha=http://127.0.0.1:1", columns=COLUMNS)
    shown = s.end(FAILED)
    s.close()
    assert "What is left to do" in shown and not too_long(shown), too_long(shown)


def every_help():
    return json.loads(subprocess.run([CTL, "--json", "help"], capture_output=True, text=True, check=True).stdout)["verbs"]


def test_help(ctl):  # noqa: F811
    """Of each verb, and of all: on a narrow terminal the words of a wide one, and each description whole."""
    ctl.env["NO_COLOR"] = "1"
    verbs = every_help()
    calls = [["help"], ["--help"], *(["help", g] for g in {v["group"] for v in verbs} - {None})]
    calls += [[*filter(None, [*(v["group"] or "").split(), v["name"]]), "--help"] for v in verbs if v["name"] in ("setup", "status", "export", "set", "revoke", "log")]
    for call in calls:
        shown, piped = both(ctl, *call)
        assert words(shown) == words(piped) and not too_long(shown), (call, too_long(shown))


def test_lists(machine):  # noqa: F811
    """Verbs that list, with what makes them wide."""
    machine.env["NO_COLOR"] = "1"
    machine.ok("setup", "--yes", "--no-start", "--zone=home.meier.test", "--ipv4=8.8.8.8", "--ipv6=none", *(
        f"--host=a-name-that-is-rather-long-{i}=http://127.0.0.1:{i}" for i in range(1, 4)))
    machine.start_daemons()
    machine.ok("user", "add", "anna-maria-with-a-long-name", "--host=a-name-that-is-rather-long-1", "--host=a-name-that-is-rather-long-2", "--password-stdin", stdin=PASSWORD)
    for call in (["host", "list"], ["host", "show", "a-name-that-is-rather-long-1"], ["user", "list"], ["session", "list"], ["cert", "list"], ["address"], ["status", "--no-delegation"]):
        shown, _ = both(machine, *call)
        wide = [line for line in lines(shown) if len(line) > COLUMNS and max(map(len, line.split())) < COLUMNS - 15]
        assert not wide, (call, wide)

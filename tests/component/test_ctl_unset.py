# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that hagw was installed on, and nothing else: whatever is asked, the answer is what to do first."""

import json
import os
import re
import shutil
import subprocess

import pytest

from ctl_tools import CTL, DENIED, FAILED, OK, UNREACHABLE, USAGE, ctl  # noqa: F401

UNSET = ("hagw is not set up on this machine yet: hagw-ctl setup does so, or hagw-ctl attach RELAY CODE in a house behind a relay.")

# These set it up, need nothing that is set up, or look at files that are named to them.
OTHERS = {"setup", "attach", "help", "version", "log", "complete", "config check", "config default", "config keep", "notify gather"}
WORDS = {"host add": ["ha", "http://192.168.1.4:8123"], "cert revoke": ["--all", "--no-renew"], "cert export": ["ha", "--to=/root"],
         "session revoke": ["--user=anna"], "session token": ["anna", "ha.home.test"], "tenant add": ["anna"], "tenant set": ["anna", "--suspend"],
         "tenant domain add": ["anna", "anna.example.com"], "tenant domain remove": ["anna", "anna.example.com"], "user add": ["anna", "--password-stdin"],
         "user passwd": ["anna", "--password-stdin"], "user set": ["anna", "--group=family"], "detach": ["--yes"], "status": ["--no-delegation"]}


def verbs(ctl):  # noqa: F811
    for v in ctl.json("help")["verbs"]:
        yield " ".join(filter(None, (v["group"], v["name"]))), v["arguments"]


@pytest.mark.parametrize("there", [True, False])
def test_every_verb_says_what_to_do_first(ctl, there):  # noqa: F811
    """Whether there is an empty hagw.conf or none."""
    (ctl.house.config / "hagw.conf").write_text("") if there else (ctl.house.config / "hagw.conf").unlink()
    asked, wrong = [], []
    for verb, arguments in verbs(ctl):
        if verb in OTHERS or there and verb == "detach" or (
                there and verb.startswith("tenant")):
            continue
        asked.append(verb)
        words = WORDS.get(verb, ["anna"] if arguments and not arguments.startswith("[") else [])
        r = ctl.run(*verb.split(), *words, stdin="correct horse\n")
        said = " ".join((r.stdout + r.stderr).split())
        if UNSET not in said or "systemctl" in said or r.returncode == OK or said.count("hagw-ctl setup") != 1:
            wrong.append((verb, r.returncode, said))
    assert not wrong and len(asked) > 20, wrong


# These are for everybody.
OPEN = {"help", "version", "log", "complete", "config default"}


def test_every_verb_says_that_it_needs_root(ctl, tmp_path):  # noqa: F811
    """Somebody else is told by the same exit status, whatever it is that the verb needs: the files, a daemon, or both."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    ctl.house.configure('zones = ( { name = "home.test"; } );\ntenants: { zone = "home.test"; };\n', ha='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    for folder in [tmp_path, *tmp_path.parents]:
        if folder == folder.parent:
            break
        os.chmod(folder, folder.stat().st_mode | 0o055)
    for folder in (ctl.house.config, ctl.house.runtime):
        folder.chmod(0o700)
    copy, asked, wrong = shutil.copy(CTL, tmp_path), [], []
    for verb, arguments in verbs(ctl):
        if verb in OPEN:
            continue
        asked.append(verb)
        words = {**WORDS, "setup": ["--yes", "--zone=x.test", "--ipv4=none"], "attach": ["relay.test", "7K3M-Q9XT-2VBN-HD4W", "--yes"],
                 "host set": ["ha", "--login=none"], "host remove": ["ha"], "host show": ["ha"]}.get(
                     verb, ["anna"] if arguments and not arguments.startswith("[") else [])
        r = subprocess.run([copy, "--config", ctl.house.config, *verb.split(), *words], input="correct horse\n", env=ctl.env, user=65534, group=65534,
                           extra_groups=[], capture_output=True, text=True, timeout=120)
        said = " ".join((r.stdout + r.stderr).split())
        if r.returncode != DENIED or "sudo" not in said:
            wrong.append((verb, r.returncode, said))
    assert not wrong and len(asked) > 30, wrong


def test_a_program_hears_it_too(ctl):  # noqa: F811
    (ctl.house.config / "hagw.conf").unlink()
    r = ctl.run("--json", "session", "list")
    assert r.returncode == UNREACHABLE and UNSET in json.dumps(json.loads(r.stderr)), r.stderr


def test_a_link_that_leads_nowhere_is_no_new_machine(ctl):  # noqa: F811
    """Its file is missing, and that is another thing to mend."""
    ctl.house.configure('zones = ( { name = "home.test"; } );\n')
    (ctl.house.config / "hosts.d").mkdir(exist_ok=True)
    (ctl.house.config / "hosts.d" / "ha.conf").symlink_to("/nowhere/ha.conf")
    said = ctl.run("status", "--no-delegation").stdout
    assert "not set up" not in said and "ha.conf" in said
    assert "not set up" not in ctl.run("host", "list").stderr


def test_a_machine_that_is_set_up_is_told_of_its_daemon(ctl):  # noqa: F811
    ctl.house.configure('zones = ( { name = "home.test"; } );\n')
    assert "hagw-webd is not running" in ctl.refused(UNREACHABLE, "session", "list")
    assert "not set up" not in ctl.run("status", "--no-delegation").stdout


# --- a draft: a folder that no daemon goes by ---

@pytest.fixture
def draft(ctl):  # noqa: F811
    """As on a machine: its daemons go by /etc/hagw, whatever stands elsewhere."""
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', ha='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    del ctl.env["HAGW_RUNTIME_DIR"]
    return ctl


def said_of(r):
    return re.sub(r"/[a-z/]*/etc/hagw", "/etc/hagw", " ".join((r.stdout + r.stderr).split()))


def test_no_verb_takes_a_draft_for_what_is_in_force(draft):
    """None says that this machine goes by it, and none that a reload would read it."""
    elsewhere = f"hagw goes by /etc/hagw, and not by {draft.house.config}"
    for words in (("reload",), ("status",), ("setup", "--yes"), ("attach", "relay.meier.org", "7K3M-Q9XT-2VBN-HD4W"), ("detach", "--yes"), ("notify", "test")):
        r = draft.run(*words)
        assert r.returncode == USAGE and elsewhere in said_of(r) and "reload" not in said_of(r).removeprefix("hagw-ctl: hagw-ctl reload"), (words, r)
    for words in (("host", "add", "x", "http://127.0.0.1"), ("host", "set", "x", "--compress=false"), ("host", "remove", "x"), ("host", "show", "ha")):
        r = draft.run(*words)
        assert r.returncode == OK and elsewhere in said_of(r) and said_of(r).count("reload") <= 1, (words, r)
        assert "reload" not in said_of(r) or "When it stands there: hagw-ctl reload" in said_of(r), (words, r)
    (draft.house.config / "hosts.d" / "ha.conf").write_text("name = ;\n")
    r = draft.run("host", "list")
    assert r.returncode == FAILED and "Mend what is broken, or remove it" in said_of(r) and "reload" not in said_of(r)
    assert draft.run("config", "check").returncode == FAILED and draft.run("host", "remove", "ha").returncode == OK
    assert draft.run("config", "check").returncode == OK


def test_setup_of_a_draft(draft):
    draft.house.config = draft.house.root / "draft"
    r = draft.run("setup", "--no-start", "--yes", "--zone=home.meier.test", "--ipv4=8.8.8.8", "--ipv6=none", "--host=ha=http://127.0.0.1:1")
    assert r.returncode == OK
    assert f"- hagw goes by /etc/hagw, and not by {draft.house.config}. When it stands there: hagw-ctl reload" in said_of(r), said_of(r)
    assert "systemctl" not in said_of(r) and said_of(r).count("reload") == 1
    own = re.search(r"hagw goes by (\S+), and not by", " ".join(r.stdout.split())).group(1)
    assert "and not by" not in said_of(draft.run("-c", own + "//", "reload"))

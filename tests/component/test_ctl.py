# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl as a person and as a script use it: against files, and against real daemons where they are needed."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from conftest import ROOT
from ctl_tools import CTL, DENIED, FAILED, OK, PASSWORD, UNREACHABLE, USAGE, Session, ctl, finds_only, terminal, webd, zone  # noqa: F401 (fixtures)
from test_webd import Visitor


def table():
    return json.loads(subprocess.run([CTL, "--json", "--help"], check=True, capture_output=True).stdout)


# --- the command line ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("words,meant", [
    (["stauts"], 'did you mean "status"'), (["hots", "list"], 'did you mean "host"'),
    (["host", "ad"], 'did you mean "host add"'), (["--jsn", "status"], "did you mean --json"),
    (["host", "add", "a", "b", "--lgin=x"], "did you mean --login"), (["qqqqqq"], "see hagw-ctl --help"), (["stat"], 'did you mean "status"?'), (["host", "qqqqqq"], "see hagw-ctl host --help."),
    (["start"], "systemctl start hagw.target does that."), (["stop"], "systemctl stop hagw.target 'hagw-*' does that."),
    (["host", "rename", "a", "b"], "a new name is a new one: add it, then remove the old one."), (["host", "add", "--qqqqqq"], "see hagw-ctl host add --help."),
    (["host", "add", "x"], "hagw-ctl host add NAME UPSTREAM"), (["address", "x"], "one argument too many"),
    (["log", "--daemon=proxd"], 'did you mean "proxyd"'), (["setup", "--zone"], "--zone needs a value"),
    (["setup", "--host=ha", "--yes"], "NAME=UPSTREAM"), (["cert", "renew", "x", "--wait=soon"], "expected a duration"),
    (["session", "revoke"], "Which one"), (["uninstall"], "apt remove hagw"), (["stoop"], "systemctl stop hagw.target 'hagw-*' does that."),
    (["reboot"], "systemctl reboot starts this machine anew"), (["enable"], "systemctl enable --now hagw.target does that."),
    (["backup"], "/etc/hagw and /var/lib/hagw*"), (["add"], 'did you mean "host add, user add or tenant add"?'), (["delete"], 'user remove or tenant remove"?'),
    (["renew"], 'did you mean "cert renew"?'), (["check"], 'did you mean "config check"?'), (["users"], 'did you mean "user"?'), (["list"], "host list"),
    (["setup", "--pass=x"], "--password-stdin"), (["host", "add", "a", "b", "--password"], "see hagw-ctl host add --help."), (["user", "set", "anna"], "--host or --group"),
])
def test_mistakes_are_named(ctl, words, meant):
    assert meant in ctl.refused(USAGE, *words)


def test_usage_without_a_verb(ctl):
    assert "Verbs:" in ctl.refused(USAGE)
    assert "host add" in ctl.refused(USAGE, "host")


def test_help_is_the_table(ctl):
    def told(*words):
        text = ctl.ok(*words, "--help")
        assert not [line for line in text.splitlines() if len(line) > 80], text
        # What is told of a verb or an option stands in one column, however long it is itself.
        lines = text.splitlines()
        for line, following in zip(lines, [*lines[1:], ""]):
            assert not line.startswith("  ") or (line[33:34] == " " != line[34:35]) or following.startswith(" " * 34), text
        return re.sub(r"\n {34}", " ", text)  # one line for each
    whole = told()
    for verb in table()["verbs"]:
        words = [w for w in (verb["group"], verb["name"]) if w]
        assert re.search(rf"^  {' '.join(words)} (.* )?{re.escape(verb['help'])}$", whole, re.M), words
        own = told(*words) if words != ["complete"] else ""
        for option in verb["options"]:
            value = f"={option['value']}" if option["value"] else ""
            assert re.search(rf"--{option['name']}{re.escape(value)}\s+{re.escape(option['help'])}$", own, re.M), option
    assert ctl.ok("--version").startswith("hagw ")


def test_man_page_is_the_table():
    """Each verb is an item of the page, each option an item below it and nothing else is."""
    page = (ROOT / "man" / "hagw-ctl.8").read_text()
    sections = re.split(r"^\.It Ic ", page.split(".Sh VERBS")[1].split("\n.Sh ")[0], flags=re.M)[1:]
    documented = {}
    for section in sections:
        head, _, body = section.partition("\n")
        name = re.split(r" (?:Ar|Op) ", head)[0].strip()
        documented[name] = set(re.findall(r"^\.It .*?Fl Fl ([a-z0-9-]+)", body, re.M))
    wanted = {" ".join(w for w in (v["group"], v["name"]) if w): {o["name"] for o in v["options"]} for v in table()["verbs"]}
    assert documented == wanted
    common = page.split(".Sh OPTIONS")[1].split("\n.Sh ")[0]
    assert set(re.findall(r"^\.It .*?Fl Fl ([a-z-]+)", common, re.M)) == {o["name"] for o in table()["common"]}


def test_completion(ctl):
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', a='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    assert ctl.ok("complete", "st").split() == ["status"]
    assert set(ctl.ok("complete", "cert", "").split()) == {"list", "show", "renew", "revoke", "account", "import", "export", "remove"}
    assert ctl.ok("complete", "host", "show", "h").split() == ["ha.home.test"]
    assert "--open-path=" in ctl.ok("complete", "--", "host", "add", "--o").split()
    assert "complete" not in ctl.ok("complete", "").split()
    assert ctl.ok("complete", "--", "help", "ho").split() == ["host"] and "add" in ctl.ok("complete", "--", "help", "host", "").split()
    assert "cert account" not in ctl.ok("complete", "--", "help", "").splitlines()
    assert ctl.ok("complete", "--", "log", "--daemon", "b").split() == ["bind"]


def test_completion_of_an_option_s_value(ctl, webd):
    """Behind "--host " come hosts, and not what the verb would take; who writes a file's name gets the shell's own."""
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', a='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    ctl.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert ctl.ok("complete", "--", "user", "add", "--host", "").split() == ["ha.home.test"]
    assert ctl.ok("complete", "--", "log", "--daemon", "pro").split() == ["proxyd"]
    assert ctl.ok("complete", "--", "session", "revoke", "--user", "").split() == ["anna"]
    assert ctl.ok("complete", "--", "session", "token", "").split() == ["anna"]
    assert ctl.ok("complete", "--", "session", "token", "anna", "").split() == ["ha.home.test"], "a host, and no second user"
    assert ctl.ok("complete", "--", "host", "set", "ha", "").split() == [] and ctl.ok("complete", "--", "host", "show", "ha", "").split() == ["ha.home.test"]
    assert ctl.ok("complete", "--", "setup", "--ca-file", "").split() == []
    assert "show" in ctl.ok("complete", "--", "--config", "/tmp", "host", "").split(), "its value is no verb"
    assert "--open-path=" in ctl.ok("complete", "--", "host", "add", "--login", "none", "--o").split()


def test_completion_within_an_option(ctl, webd):
    """Behind "--host=" as well, in one word as zsh and fish have it."""
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', a='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    ctl.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert ctl.ok("complete", "--", "user", "add", "--host=").split() == ["--host=ha.home.test"]
    assert ctl.ok("complete", "--", "user", "add", "--host=x").split() == []
    assert ctl.ok("complete", "--", "log", "--daemon=pro").split() == ["--daemon=proxyd"]
    assert ctl.ok("complete", "--", "log", "--daemon=no").split() == ["--daemon=notify"]
    assert ctl.ok("complete", "--", "session", "revoke", "--user=").split() == ["--user=anna"]
    assert ctl.ok("complete", "--", "host", "set", "ha", "--login=").split() == ["--login=required", "--login=none"]
    assert ctl.ok("complete", "--", "host", "set", "ha", "--from", "l").split() == ["lan"]
    for word in ("--ca-file=", "--nonsense=", "--force=", "--user=http://x=", "-x="):
        assert ctl.ok("complete", "--", "setup", word).split() == [], word


@pytest.mark.parametrize("words,reply", [
    ("user add --host =", ["ha.home.test"]), ("user add --host = h", ["ha.home.test"]), ("log --daemon = pro", ["proxyd"]),
    ("host set ha --login = ", ["required", "none"]), ("host set ha --fro", ["--from="]), ("host set ha --from l", ["lan"]),
    ("host add x http : //y --login = n", ["none"]), ("host show h", ["ha.home.test"]), ("stat", ["status"]),
])
def test_completion_in_bash(ctl, words, reply):
    """readline has its own idea of words: at = and : they end."""
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', a='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    (ctl.house.root / "hagw-ctl").write_text(f'#!/bin/sh\nexec {CTL} --config {ctl.house.config} "$@"\n')
    (ctl.house.root / "hagw-ctl").chmod(0o755)
    given = words.split()
    script = ('compopt() { :; }; . "$1"; shift; COMP_WORDS=(hagw-ctl "$@"); COMP_CWORD=$(($# + 0)); _hagw_ctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    r = subprocess.run(["bash", "-euc", script, "bash", ROOT / "hagw-ctl" / "completion" / "hagw-ctl.bash", *given], text=True, capture_output=True,
                       env={**ctl.env, "PATH": f"{ctl.house.root}:{ctl.env['PATH']}"})
    assert r.returncode == 0 and r.stdout.split() == reply, r


def test_help_and_version_are_verbs(ctl):
    assert ctl.ok("help") == ctl.ok("--help") and ctl.ok("version") == ctl.ok("--version")
    assert ctl.ok("help", "host", "add") == ctl.ok("host", "add", "--help") and ctl.ok("help", "setup") == ctl.ok("setup", "--help")
    assert "host remove" in ctl.ok("help", "host")
    assert "There is no verb" in ctl.refused(USAGE, "help", "hots")
    assert ctl.json("version")["version"] in ctl.ok("version") and ctl.json("help")["verbs"]


def test_status_fits_the_terminal(ctl, webd):
    """Long cells go on below, and where columns would be too narrow the table goes down instead; in a pipe it stays a line a row."""
    long = "a-rather-long-name-of-some-service.in-a-zone-with-a-long-name.home.test"
    ctl.house.configure('zones = ( { name = "in-a-zone-with-a-long-name.home.test"; } );\n',
                        a=f'name = "{long}"; upstream = "http://another-long-name.of-a-service.test:8123";\n')
    ctl.env["NO_COLOR"] = "1"
    shown = Session(ctl, "status", "--no-delegation").end(UNREACHABLE)
    assert not [line for line in shown.splitlines() if len(line) > 80], shown
    assert "  HOST " in shown and f"  {long}" not in shown and "SERVICE: " not in shown
    narrow = Session(ctl, "status", "--no-delegation", columns=50).end(UNREACHABLE)
    assert f"  {long}\n" in narrow and "SERVICE: http://another-long-name" in narrow
    wide = Session(ctl, "status", "--no-delegation", columns=250).end(UNREACHABLE)
    assert re.search(rf"  {re.escape(long)} +http://another", wide) and "SERVICE:" not in wide
    assert re.search(rf"  {re.escape(long)} +http://another", ctl.run("status", "--no-delegation").stdout)
    assert "nobody is logged in" in shown, shown
    assert not re.search(r"(^| )0 [a-z]", shown, re.M), shown


def test_status_of_a_relay_asks_for_no_host(ctl, webd):
    ctl.house.configure('zones = ( { name = "relay.home.test"; } );\ntenants: { zone = "relay.home.test"; };\n')
    assert "host add" not in ctl.run("status", "--no-delegation").stdout
    (ctl.house.config / "hagw.conf").write_text("")
    said = ctl.run("status", "--no-delegation").stdout
    assert "host add" not in said and "hagw-ctl setup" in said


@pytest.mark.parametrize("there", [True, False])
def test_status_of_a_machine_that_is_not_set_up(ctl, there):
    """Whether the package's file is there or not: one thing to do."""
    (ctl.house.config / "hagw.conf").write_text("") if there else (ctl.house.config / "hagw.conf").unlink()
    r = ctl.run("status")
    assert r.returncode == UNREACHABLE and r.stdout.count("\n  - ") == 1, r.stdout
    assert "hagw is not set up on this machine yet: hagw-ctl setup does so" in r.stdout and "logged in" not in r.stdout


def test_status_of_who_is_not_root(ctl, webd):
    """One thing to do as well; and what was not asked is unknown, not none."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    ctl.house.configure('zones = ( { name = "home.test"; } );\n')
    for folder in [webd.path.parent, *webd.path.parent.parents]:
        if folder == folder.parent:
            break
        os.chmod(folder, folder.stat().st_mode | 0o055)
    (ctl.house.config / "hagw.conf").chmod(0o600)
    os.chmod(webd.path.parent, 0o700)
    copy = shutil.copy(CTL, ctl.house.root)
    r = subprocess.run([copy, "--config", ctl.house.config, "status"], env=ctl.env, user=65534, group=65534, extra_groups=[],
                       capture_output=True, text=True)
    assert r.returncode == DENIED and r.stdout.count("\n  - ") == 1, (r.stdout, r.stderr)
    assert "The daemons and the configuration answer root only; try again with sudo." in r.stdout and "none" not in r.stdout
    webd.stop()
    r = subprocess.run([copy, "--config", ctl.house.config, "status"], env=ctl.env, user=65534, group=65534, extra_groups=[],
                       capture_output=True, text=True)
    assert r.returncode == DENIED and r.stdout.count("\n  - ") == 1 and "try again with sudo" in r.stdout, r.stdout


def test_log_of_who_is_not_root(ctl):
    """journalctl would show an empty one."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    Path("/run/log/journal").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir="/run/log/journal"))
    try:
        folder.chmod(0o755)
        (folder / "system.journal").touch(0o640)
        ctl.house.open_to_all()
        r = subprocess.run([shutil.copy(CTL, ctl.house.root), "--config", ctl.house.config, "log"], env=ctl.env, user=65534, group=65534, extra_groups=[],
                           capture_output=True, text=True)
        assert r.returncode == DENIED and r.stdout == "" and "try again with sudo." in r.stderr, r
    finally:
        shutil.rmtree(folder)


def test_sessions_are_told_by_browser(ctl, webd):
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', ha='name = "ha.home.test"; upstream = "http://192.0.2.1";')
    ctl.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
    visitor = Visitor(ctl.house.root / "web", host="ha.home.test", address="203.0.113.5")
    visitor.headers["User-Agent"] = agent
    visitor.login(user="anna", password=PASSWORD)
    assert "Chrome on Linux" in ctl.ok("session", "list")
    assert ctl.json("session", "list")["sessions"][0]["userAgent"] == agent


@pytest.mark.parametrize("shell,file", [("bash", "hagw-ctl.bash"), ("zsh", "_hagw-ctl"), ("fish", "hagw-ctl.fish")])
def test_completion_scripts_parse(shell, file):
    if subprocess.run(["sh", "-c", f"command -v {shell}"], capture_output=True).returncode != 0:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", ROOT / "hagw-ctl" / "completion" / file], check=True)


# --- configuration -------------------------------------------------------------------------------------------

def setup(ctl, *more, without=None, **keys):
    """without: an option that the test gives itself."""
    words = [w for o, v in (("--zone", "home.test"), ("--ipv4", "static:11.22.33.44")) if o != without for w in (o, v)]
    return ctl.run("setup", *words, "--yes", "--no-start", *more, **keys)


def test_setup_writes_a_valid_configuration(ctl, tmp_path):
    etc = tmp_path / "etc"
    r = setup(ctl, "--contact", "me@home.test", "--host", "ha=http://127.0.0.1:8123", "--staging", "--laboratory", config=etc)
    assert r.returncode == OK, r.stderr
    assert 'add 127.0.0.1 to "Trusted proxies"' in r.stdout and "Before 2026.8" in r.stdout and "https://ha.home.test/" in r.stdout
    text = (etc / "hagw.conf").read_text()
    assert 'ipv4 = "static:11.22.33.44";' in text and 'contact = "mailto:me@home.test";' in text
    assert 'directory = "letsencrypt-staging";' in text and "\ndocumentation_networks = true;" in text
    assert '                caa = ( "ours" );' in text, "nobody else gets certificates for a new zone"
    assert "1 zone, 1 host" in ctl.ok("config", "check", config=etc)
    assert (etc / "hagw.conf").stat().st_mode & 0o777 == 0o640


def test_setup_keeps_what_a_person_wrote(ctl, house):
    mine = '# mine\nzones = ( { name = "other.test"; } );\n'
    house.configure(mine)
    r = setup(ctl)
    assert r.returncode == FAILED and "--force" in r.stderr
    assert (house.config / "hagw.conf").read_text() == mine
    r = setup(ctl, "--force")
    assert r.returncode == OK
    assert (house.config / "hagw.conf.old").read_text() == mine
    before = (house.config / "hagw.conf").read_text()
    assert setup(ctl).returncode == OK, "the same once more changes nothing"
    assert (house.config / "hagw.conf").read_text() == before
    assert ctl.run("setup", "--yes", "--no-start").returncode == OK, "without settings it keeps those there are"
    assert (house.config / "hagw.conf").read_text() == before


@pytest.mark.parametrize("caa", ["", 'caa = ( "pki.example", "ours" ); '])
def test_setup_leaves_the_owners_caa(ctl, house, caa):
    """A zone that is there already keeps its list, and its having none; a further one is new."""
    house.configure(f'zones = ( {{ name = "home.test"; {caa}}} );\n')
    assert setup(ctl, "--force", "--zone", "new.test").returncode == OK
    text = (house.config / "hagw.conf").read_text()
    assert text.count("caa = ( ") - text.count("#caa = ( ") == (2 if caa else 1) and 'caa = ( "ours" );' in text
    assert not caa or 'caa = ( "pki.example", "ours" );' in text


@pytest.mark.parametrize("words,why", [
    (["--zone", "bad..name"], "cannot be taken"), (["--ipv4", "static:no"], "cannot be taken"),
    (["--directory", "ftp://x"], "cannot be taken"), (["--host", "ha=ftp://x"], "does not begin as an address does"),
])
def test_setup_refuses_nonsense(ctl, tmp_path, words, why):
    r = setup(ctl, *words, config=tmp_path / "etc", without=words[0])
    assert r.returncode == USAGE and why in r.stderr, r.stderr


def test_setup_needs_a_zone(ctl, tmp_path):
    assert "--zone" in ctl.refused(USAGE, "setup", "--yes", "--no-start", config=tmp_path / "etc")


def test_every_setting_can_be_uncommented(ctl, tmp_path):
    """The commented file is the schema: with its comment signs taken away it is valid."""
    text = ctl.ok("config", "default")
    # First the zone as a whole, which stands behind comment signs at the beginning of its lines.
    head, zone, rest = re.match(r"(.*?)(^#zones = \($.*?^#\);$)(.*)", text, re.M | re.S).groups()
    open_text = head + re.sub(r"^#", "", zone, flags=re.M) + rest
    lines = []
    for line in open_text.split("\n"):
        setting = re.match(r"^( *)#([a-z0-9_]+ = .*;)$", line)
        # Texts without a default are empty, which is no value.
        lines.append(setting[1] + setting[2] if setting and not setting[2].endswith('= "";') else line)
    (tmp_path / "hagw.conf").write_text("\n".join(lines))
    assert "1 zone" in ctl.ok("config", "check", str(tmp_path))
    settings = ctl.json("config", "default")["settings"]
    for s in settings:
        if s["scope"] != "host":
            assert re.search(rf"^#? *#?{s['name']} = ", text, re.M), s
    assert text == (ROOT / "etc" / "hagw.conf").read_text().split("\n", 1)[1], "etc/hagw.conf is what hagw-ctl config default prints"


def test_manual_of_the_settings(ctl):
    """hagw.conf(5) has each setting, in its section, with the table's help and default, and no other."""
    page = (ROOT / "man" / "hagw.conf.5").read_text().replace("\\&", "").replace("\\e", "\\")
    parts = {"main": page.split(".Sh HAGW.CONF")[1].split(".Ss Zones")[0],
             "zone": page.split(".Ss Zones")[1].split(".Sh HOSTS.D")[0],
             "host": page.split(".Sh HOSTS.D")[1].split(".Sh FILES")[0]}
    found = {(part, name): " ".join(body.split()) for part, text in parts.items()
             for name, body in re.findall(r"^\.It Va (\S+)\n(.*?)(?=^\.It|^\.El)", text, re.M | re.S)}
    settings = {(s["scope"], f"{s['group']}.{s['name']}" if s["group"] else s["name"]): s
                for s in ctl.json("config", "default")["settings"]}
    assert set(found) == set(settings)
    for key, s in settings.items():
        assert s["help"][1:] in found[key], key
        assert all(c in found[key] for c in s["choices"]), key
        assert s["default"] is None or f"default: {s['default']}." in found[key], key


def host_file(ctl, name):
    return ctl.house.config / "hosts.d" / f"{name}.conf"


def test_host_that_passes_unopened(zone):
    """Nobody can be asked for a login there: the file says so, and what would do nothing is refused."""
    assert "nobody here can ask" in zone.ok("host", "add", "cam", "tcp://127.0.0.1:8443", "--from=lan")
    assert 'login = "none";' in host_file(zone, "cam.home.test").read_text()
    listed = zone.run("host", "list").stdout
    assert re.search(r"^cam\.home\.test +tcp://127\.0\.0\.1:8443 +its own +its own", listed, re.M), listed
    before = host_file(zone, "cam.home.test").read_text()
    for option, said in (("--login=required", "nobody here can ask"), ("--open-path=/a", "access.open_paths does nothing"),
                         ("--verify=insecure", "tls.verify does nothing")):
        assert said in zone.refused(USAGE, "host", "set", "cam", option)
        assert said in zone.refused(USAGE, "host", "add", "cam2", "tcp://127.0.0.1:8443", option)
    assert host_file(zone, "cam.home.test").read_text() == before and not host_file(zone, "cam2.home.test").exists()
    # A host with a login does not lose it unnoticed.
    zone.ok("host", "add", "ha", "http://127.0.0.1:8123")
    assert 'write access: { login = "none"; }' in zone.refused(USAGE, "host", "set", "ha", "tcp://127.0.0.1:8443")
    zone.ok("host", "set", "ha", "tcp://127.0.0.1:8443", "--login=none")
    zone.ok("config", "check")


def test_host_add_set_remove(zone):
    zone.ok("host", "add", "ha", "http://127.0.0.1:8123", "--open-path", "/api/webhook/", "--open-path", '/a"b')
    hosts = zone.json("config", "check")
    assert hosts["valid"]
    text = host_file(zone, "ha.home.test").read_text()
    assert 'open_paths = ( "/api/webhook/", "/a\\"b" );' in text
    zone.ok("host", "set", "ha", "https://127.0.0.1", "--verify=insecure", "--idle-timeout=2h")
    text = host_file(zone, "ha.home.test").read_text()
    assert "webhook" in text and 'verify = "insecure";' in text and 'upstream = "https://127.0.0.1";' in text
    zone.ok("host", "set", "ha", "--open-path=")
    assert "webhook" not in host_file(zone, "ha.home.test").read_text()
    zone.ok("host", "set", "ha", "--embedded-by", "Dash.home.test", "--embedded-by=wall.home.test")
    assert 'embedded_by = ( "Dash.home.test", "wall.home.test" );' in host_file(zone, "ha.home.test").read_text()
    assert re.search(r"embedded by +dash\.home\.test, wall\.home\.test", zone.run("host", "show", "ha").stdout)
    assert "no host name with its domain" in zone.refused(USAGE, "host", "set", "ha", "--embedded-by=dash")
    zone.ok("host", "set", "ha", "--embedded-by=")
    assert "embedded_by" not in host_file(zone, "ha.home.test").read_text()
    assert "already" in zone.refused(FAILED, "host", "add", "ha", "http://127.0.0.1")
    assert 'did you mean "ha.home.test"' in zone.refused(FAILED, "host", "remove", "hx")
    zone.ok("host", "add", "*.home.test", "http://127.0.0.1:81")
    assert host_file(zone, "_wildcard.home.test").exists()
    assert zone.json("host", "remove", "ha") == {"name": "ha.home.test", "change": "removed"}
    zone.ok("host", "remove", "*.home.test")
    assert list((zone.house.config / "hosts.d").iterdir()) == []


def test_many_at_once(zone, hagw_users):
    """Nobody sees a file that is only half there, and who reads meanwhile is not disturbed by one that goes."""
    names = [f"h{i}" for i in range(16)]
    reading, seen = threading.Event(), []

    def read():
        while not reading.is_set():
            seen.append(zone.run("config", "check"))
    reader = threading.Thread(target=read)
    reader.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in range(2):
                list(pool.map(lambda n: zone.ok("host", "add", n, "http://127.0.0.1:81", "--no-reload"), names))
                files = list((zone.house.config / "hosts.d").iterdir())
                assert len(files) == 16 and {(f.group(), f.stat().st_mode & 0o777) for f in files} == {("hagw", 0o640)}
                list(pool.map(lambda n: zone.run("host", "remove", n), names))
                assert list((zone.house.config / "hosts.d").iterdir()) == []
    finally:
        reading.set()
        reader.join()
    assert len(seen) > 2 and not [r.stderr for r in seen if r.returncode != OK]


def test_a_link_that_leads_nowhere(zone):
    zone.ok("host", "add", "ha", "http://127.0.0.1:81")
    (zone.house.config / "hosts.d" / "b.conf").symlink_to("nowhere")
    assert "b.conf" in zone.refused(FAILED, "config", "check")


def test_status_does_not_wait_for_one_that_hangs(ctl, webd):
    """Its sockets take the call; status asks it once and shows the others."""
    webd.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        r = ctl.run("status", "--no-delegation")
        took = time.monotonic() - began
    finally:
        webd.process.send_signal(signal.SIGCONT)
    assert r.returncode == UNREACHABLE and re.search("hagw-webd +silent", r.stdout)
    assert "hagw-webd did not answer in time" in r.stdout
    assert took < 20  # it is given 5 s; a call of its own for each part of the screen had 30


@pytest.mark.parametrize("words,why", [
    (["x", "ftp://y"], "does not begin as an address does"), (["x", "http://y", "--from=mars"], "anywhere, lan"), (["a b", "http://y"], "no host name"),
    (["../x.y", "http://y"], "no host name"), (["x", "http://y", "--open-path=api"], "does not start with /"),
    (["x", "https://y", "--verify=ca"], "needs tls.ca_file"),
])
def test_host_add_refuses(zone, words, why):
    assert why in zone.refused(USAGE, "host", "add", *words)
    assert list((zone.house.config / "hosts.d").iterdir()) == []


@pytest.mark.parametrize("typed,meant", [
    ("127.0.0.1:8123", "http://127.0.0.1:8123"), ("127.0.0.1", "http://127.0.0.1:8123"), ("localhost:8123", "http://localhost:8123"),
    ("localhost", "http://localhost:8123"), ("[::1]:81", "http://[::1]:81"), ("::1", "http://[::1]:8123"),
    ("127.0.0.1:443", "https://127.0.0.1:443"), ("HTTP://127.0.0.1:8123/lovelace/0", "http://127.0.0.1:8123"),
    ("unix:/run/x", "unix:/run/x"), ("tcp://127.0.0.1:8443", "tcp://127.0.0.1:8443"),
])
def test_a_service_as_it_is_typed(zone, tmp_path, typed, meant):
    """The same wherever one is typed."""
    more = ["--login=none"] if typed.startswith("tcp:") else []
    zone.ok("host", "add", "one", typed)
    assert f'upstream = "{meant}";' in host_file(zone, "one.home.test").read_text()
    zone.ok("host", "add", "two", "http://127.0.0.1:1")
    zone.ok("host", "set", "two", typed, *more)
    assert f'upstream = "{meant}";' in host_file(zone, "two.home.test").read_text()
    assert setup(zone, f"--host=ha={typed}", config=tmp_path / "etc").returncode == OK
    assert f'upstream = "{meant}";' in (tmp_path / "etc" / "hosts.d" / "ha.home.test.conf").read_text()


@pytest.mark.parametrize("typed,why", [
    ("192.168.1.400:8123", '"192.168.1.400" is neither an address nor a name'), ("http://8123", "neither an address nor a name"),
    ("http//192.168.1.4", 'did you mean "http://192.168.1.4"?'), ("https:/192.168.1.4", 'did you mean "https://192.168.1.4"?'), ("", '"" cannot be taken: expected'),
    ("192.168.1.4:", '"http://192.168.1.4:" cannot be taken: "" is no port'), ("htp://192.168.1.4", 'did you mean "http://192.168.1.4"?'),
])
def test_a_service_that_was_mistyped(zone, typed, why):
    """It is told as it was typed, and no file is spoken of that was never written."""
    said = zone.refused(USAGE, "host", "add", "x", typed)
    assert why in said and "hosts.d" not in said
    zone.ok("host", "add", "ha", "http://127.0.0.1:1")
    assert why in zone.refused(USAGE, "host", "set", "ha", typed)


def test_mistakes_with_hosts(zone):
    zone.ok("host", "add", "https://ha.home.test/lovelace", "127.0.0.1:1")
    assert "changed" in zone.ok("host", "set", "ha.home.test:443", "--from=lan")
    assert "no host name" in zone.refused(USAGE, "host", "add", "nas.home.test:8443", "127.0.0.1:1")
    for words in (["set", "ha", "--login=no"], ["add", "x", "127.0.0.1:1", "--login=no"]):
        said = zone.refused(USAGE, "host", *words)
        assert "--login=no cannot be taken: expected one of: required, none" in said and ".conf" not in said
    for option in ("--force", "--no-reload"):
        assert "What is to change?" in zone.refused(USAGE, "host", "set", "ha", option)
    assert zone.refused(USAGE, "host", "list", "x").strip().endswith("too many: hagw-ctl host list")
    for typed, ours in (("host delete", "host remove"), ("user new", "user add"), ("host ls", "host list"), ("logs", "log"),
                        *((f"tenant {w}", "tenant set TENANT --suspend") for w in ("suspend", "disable")),
                        *((f"tenant {w}", "tenant set TENANT --enable") for w in ("unsuspend", "resume", "enable"))):
        assert f'did you mean "{ours}"' in zone.refused(USAGE, *typed.split(), "x"), typed


def test_a_service_is_not_the_gateway_itself(zone, tmp_path):
    for words in (["add", "x", "ha.home.test"], ["set", "ha", "https://nas.home.test"]):
        if words[0] == "set":
            zone.ok("host", "add", "ha", "http://127.0.0.1:1")
        said = zone.refused(USAGE, "host", *words)
        assert "a name of this gateway itself" in said and "--force" in said
        zone.ok("host", *words, "--force")
    assert 'upstream = "http://ha.home.test:8123";' in host_file(zone, "x.home.test").read_text()
    r = setup(zone, "--host=ha=ha.home.test", config=tmp_path / "etc")
    assert r.returncode == USAGE and "this gateway itself" in r.stderr


def test_host_behind_unopened_tls(zone):
    zone.ok("host", "add", "ha", "tcp://127.0.0.1:8443", "--proxy-protocol=v2")
    text = host_file(zone, "ha.home.test").read_text()
    assert 'upstream = "tcp://127.0.0.1:8443";' in text and 'proxy_protocol = "v2";' in text
    assert "none, v1, v2" in zone.refused(USAGE, "host", "set", "ha", "--proxy-protocol=v3")


def test_host_field(zone):
    zone.ok("host", "add", "sync", "http://127.0.0.1:8384", "--upstream-host=localhost:8384")
    path = host_file(zone, "sync.home.test")
    assert 'upstream_host = "localhost:8384";' in path.read_text()
    assert "localhost:8384" in zone.run("host", "show", "sync").stdout
    assert "neither a host name nor an address" in zone.refused(USAGE, "host", "set", "sync", "--upstream-host=a b")
    zone.ok("host", "set", "sync", "--upstream-host=")
    assert "upstream_host" not in path.read_text()


def test_host_compress(zone):
    zone.ok("host", "add", "sync", "http://127.0.0.1:8384", "--compress=false")
    path = host_file(zone, "sync.home.test")
    assert "compress = false;" in path.read_text()
    assert re.search(r"compression +off", zone.run("host", "show", "sync").stdout)
    assert "true or false" in zone.refused(USAGE, "host", "set", "sync", "--compress=maybe")
    zone.ok("host", "set", "sync", "--compress=true")
    assert "compress = true;" in path.read_text()
    assert "compression" not in zone.run("host", "show", "sync").stdout


def test_host_outside_the_zones(zone):
    assert "HTTP-01" in zone.ok("host", "add", "ha.meier.org", "http://127.0.0.1")
    zone.house.configure('zones = ( { name = "anna.relay.test"; via = "relay"; } );\n'
                         'relay: { address = "relay.test"; tenant = "anna"; };\n')
    said = zone.ok("host", "add", "ha.meier.org", "http://127.0.0.1")
    assert "  ha.meier.org.  CNAME  anna.relay.test.\n" in said and "hagw-ctl tenant domain add anna 'ha.meier.org'" in said
    assert "  _acme-challenge.ha.meier.org.  CNAME  _acme-challenge.anna.relay.test.\n" in said


def test_host_set_keeps_comments(zone):
    file = host_file(zone, "x")
    mine = 'name = "x.home.test"; # my comment\nupstream = "http://127.0.0.1"; \n'
    file.write_text(mine)
    zone.ok("host", "set", "x", "http://127.0.0.1:81", "--login=none", "--open-path=/a")
    text = file.read_text()
    assert text.startswith('name = "x.home.test"; # my comment\nupstream = "http://127.0.0.1:81"; \n')
    assert 'login = "none";' in text and 'open_paths = ( "/a" );' in text
    zone.ok("host", "set", "x", "--open-path=", "--login=")
    assert "open_paths" not in file.read_text() and "login" not in file.read_text()
    file.write_text(mine + "/* not closed")
    assert "close it" in zone.refused(FAILED, "host", "set", "x", "--login=none")


def test_a_broken_configuration_stops_changes(zone):
    (zone.house.config / "hagw.conf").write_text("zonse = ();\n")
    for words in (["host", "add", "x", "http://y"], ["reload"], ["host", "list"], ["host", "show", "x"], ["config", "check"]):
        assert 'did you mean "zones"' in zone.refused(FAILED, *words)
    r = zone.run("--json", "config", "check")
    assert r.returncode == FAILED and json.loads(r.stdout)["valid"] is False


def test_a_broken_host_is_listed_and_removed(zone):
    """By its file's name, for nobody knows what else it was; the others are no worse for it."""
    def broken():
        for name, text in (("bad.home.test", "name = "), ("_wildcard.apps.home.test", 'name = "*.apps.home.test";\nupstraem = "x";\n'),
                           ("mine", "# nothing"), ("nul", "name\0")):
            host_file(zone, name).write_text(text)
        host_file(zone, "link").symlink_to("nowhere")

    zone.ok("host", "add", "good", "http://127.0.0.1:81", "--no-reload")
    broken()
    r = zone.run("host", "list")
    assert r.returncode == FAILED and "hagw-ctl host remove" in r.stderr and "setup" not in r.stdout + r.stderr
    for name in ("bad.home.test", "_wildcard.apps.home.test", "mine", "nul", "link"):
        assert re.search(rf"^{re.escape(name)} .* broken$", r.stdout, re.M), r.stdout
        assert f"{name}: {host_file(zone, name)}:" in r.stdout
    assert re.search(r"^good.home.test .* \?$", r.stdout, re.M)
    r = zone.run("--json", "host", "list")
    assert r.returncode == FAILED and [h["health"] for h in json.loads(r.stdout)["hosts"] if "health" in h] == ["broken"] * 5
    assert "neither a host nor a file" in zone.refused(FAILED, "host", "remove", "bad", "other")
    # One by one; each time what is left is told, and at the end it is in order.
    for typed, name in (("bad", "bad.home.test"), ("*.apps", "_wildcard.apps.home.test"), ("mine.conf", "mine"), ("NUL", "nul")):
        r = zone.run("host", "remove", typed)
        assert r.returncode == FAILED and f"{host_file(zone, name)} is removed; it was broken: " in r.stdout and ".conf" in r.stderr, r
        assert not host_file(zone, name).exists()
    assert "is removed; it was broken" in zone.ok("host", "remove", "link")
    assert "1 host" in zone.ok("config", "check")
    # Several at once; a good one goes, too.
    broken()
    zone.ok("host", "remove", "bad", "*.apps", "good", "mine", "nul", "link")
    assert not list((zone.house.config / "hosts.d").iterdir())


def test_what_only_the_whole_refuses_is_removed(zone):
    for name in ("one", "two"):
        host_file(zone, name).write_text('name = "ha.home.test";\nupstream = "http://127.0.0.1:81";\n')
    r = zone.run("host", "list")
    assert r.returncode == FAILED and "stands in" in r.stderr and r.stdout.count("ha.home.test") == 2
    assert "Several files" in zone.refused(FAILED, "host", "remove", "ha")
    assert f"{host_file(zone, 'two')} is removed." in zone.ok("host", "remove", "two")
    # With hagw.conf broken nothing else is any better, but what was to go is gone.
    (zone.house.config / "hagw.conf").write_text("zonse = ();\n")
    assert 'did you mean "zones"' in zone.refused(FAILED, "host", "remove", "ha.home.test")
    assert not host_file(zone, "one").exists()


# --- daemons -------------------------------------------------------------------------------------------------

def test_nothing_runs(zone):
    assert "hagw.target" in zone.refused(UNREACHABLE, "user", "list")
    r = zone.run("status")
    assert r.returncode == UNREACHABLE and "hagw is not running" in r.stdout
    r = zone.run("--json", "status")
    assert r.returncode == UNREACHABLE and len(json.loads(r.stdout)["daemons"]) == 6


def test_status_tells_refused_logins(ctl, webd):  # noqa: F811
    ctl.house.configure('zones = ( { name = "home.test"; } );\n', ha='name = "ha.home.test"; upstream = "http://192.0.2.1";')
    ctl.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert "refused" not in ctl.run("status", "--no-delegation").stdout
    for i in range(12):
        Visitor(ctl.house.root / "web", host="ha.home.test", address=f"203.0.113.{i}").login(password="wrong password")
    Visitor(ctl.house.root / "web", host="ha.home.test", address="2001:db8::1").login(user="nobody")
    said = ctl.run("status", "--no-delegation").stdout
    assert "  12 refused logins for anna from 203.0.113.0/24 in the last hour\n" in said
    assert "  1 refused login for unknown users from 2001:db8::/56 in the last hour\n" in said
    first = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["refusals"][0]
    assert first["user"] == "anna" and first["wrong"] + first["early"] == 12


def test_users(ctl, webd):
    service = 'upstream = "http://127.0.0.1";\n'
    ctl.house.configure('zones = ( { name = "home.test"; } );\n',
                        **{h: f'name = "{h}.home.test"; {service}' for h in ("ha", "a", "b")})
    assert "no user yet" in ctl.ok("user", "list")
    ctl.ok("user", "add", "anna", "--password-stdin", "--group=family", stdin=PASSWORD + "\n")
    ctl.ok("user", "add", "ben", "--password-stdin", "--host=ha.home.test", stdin=PASSWORD)
    users = {u["name"]: u for u in ctl.json("user", "list")["users"]}
    assert users["anna"]["hosts"] == ["*"] and users["anna"]["groups"] == ["family"]
    assert users["ben"]["hosts"] == ["ha.home.test"] and users["ben"]["groups"] == []
    assert "already" in ctl.refused(FAILED, "user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert "user's name" in ctl.refused(USAGE, "user", "add", "A B", "--password-stdin", stdin=PASSWORD)
    assert "Which name?" in ctl.refused(USAGE, "user", "add", "", "--password-stdin", stdin=PASSWORD)
    assert "groups cannot be taken" in ctl.refused(FAILED, "user", "add", "carl", "--group=a b", "--password-stdin", stdin=PASSWORD)
    assert "carl may log in" in ctl.ok("user", "add", "Carl ", "--password-stdin", stdin=PASSWORD)
    ctl.ok("user", "remove", "carl")
    for password, problem in (("short", "shorter than 8"), ("Sunshine", "commonest"), ("benben26", "little more")):
        assert problem in ctl.refused(USAGE, "user", "passwd", "ben", "--password-stdin", stdin=password + "\n")
    assert "commonest" in ctl.refused(USAGE, "user", "add", "carl", "--password-stdin", stdin="Sunshine")
    # Without the list nothing is taken.
    ctl.env["HAGW_DATA_DIR"] = "/nowhere"
    assert "install hagw again" in ctl.refused(FAILED, "user", "passwd", "ben", "--password-stdin", stdin=PASSWORD)
    ctl.env["HAGW_DATA_DIR"] = str(ROOT / "data")
    assert "at most 511" in ctl.refused(USAGE, "user", "add", "x", "--password-stdin", stdin="x" * 5000)
    assert "no terminal" in ctl.refused(USAGE, "user", "add", "x")
    assert 'did you mean "anna"' in ctl.refused(FAILED, "user", "remove", "ana")
    ctl.ok("user", "set", "anna", "--host=a.home.test", "--host=b.home.test", "--group=")
    users = {u["name"]: u for u in ctl.json("user", "list")["users"]}
    assert users["anna"]["hosts"] == ["a.home.test", "b.home.test"] and users["anna"]["groups"] == []
    ctl.ok("user", "passwd", "ben", "--password-stdin", stdin="another horse")
    assert ctl.json("user", "set", "ben", "--group=guests") == {"name": "ben", "change": "changed"}
    assert "Nobody" in ctl.ok("session", "list")
    assert ctl.json("session", "revoke", "--user=anna") == {"revoked": 0}
    assert ctl.refused(FAILED, "session", "revoke", "12345678")
    assert ctl.ok("complete", "user", "passwd", "").split() == ["anna", "ben"]
    ctl.ok("user", "remove", "anna")
    assert [u["name"] for u in ctl.json("user", "list")["users"]] == ["ben"]


def test_password_is_not_shown(ctl, webd):
    seen, status = terminal(ctl, ["user", "add", "anna"], [("Password for anna", "correct horse"), ("same again", "wrong horse"),
                                                            ("Password for anna", PASSWORD), ("same again", PASSWORD)])
    assert status == OK and "The two differ" in seen and "anna may log in" in seen
    assert "horse" not in seen


def test_setup_asks(ctl, house, tmp_path):
    house.config = tmp_path / "etc"
    finds_only(ctl, house.root, house_dyn_test="8.8.8.8")
    seen, status = terminal(ctl, ["setup", "--no-start"], [
        ("zone that is delegated", "bad..zone"), ("is no name", "home.test"), ("whole domain", "yes"),
        ("public IPv4", "resolve:house.dyn.test"), ("public IPv6", ""), ("[house.dyn.test]", ""), ("mail address", "me@x.test"),
        ("Home Assistant's address", "http://127.0.0.1:8123"), ("first user", "")])
    assert status == OK, seen
    text = (house.config / "hagw.conf").read_text()
    assert 'name_server = "house.dyn.test";' in text and 'contact = "mailto:me@x.test";' in text
    assert (house.config / "hosts.d" / "ha.home.test.conf").exists()
    seen, status = terminal(ctl, ["setup", "--no-start"], [("Keep its settings", "")])
    assert status == OK and (house.config / "hagw.conf").read_text() == text


def test_colours_only_on_a_terminal(ctl, webd):
    assert "\033" not in ctl.run("status").stdout
    assert "\033[" in terminal(ctl, ["status"], [])[0]
    ctl.env["NO_COLOR"] = "1"
    assert "\033[" not in terminal(ctl, ["status"], [])[0]
    del ctl.env["NO_COLOR"]


def test_other_users_are_refused(ctl, webd):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    os.chmod(webd.path, 0o777)
    for folder in [webd.path.parent, *webd.path.parent.parents]:
        if folder == folder.parent:
            break
        os.chmod(folder, folder.stat().st_mode | 0o055)
    # A copy: the checkout may be root's alone.
    copy = shutil.copy(CTL, webd.path.parent)
    r = subprocess.run([copy, "user", "list"], env=ctl.env, user=65534, group=65534, extra_groups=[], capture_output=True, text=True)
    assert r.returncode == DENIED and "sudo" in r.stderr, r


def test_a_file_that_only_root_can_read_is_told(zone, hagw_users):
    """The daemons would find out at their next start."""
    zone.ok("host", "add", "ha", "http://127.0.0.1:8123")
    zone.ok("config", "check")
    path = next((zone.house.config / "hosts.d").iterdir())
    path.chmod(0o600)
    r = zone.run("config", "check")
    assert r.returncode != OK and str(path) in r.stderr and "chgrp hagw" in r.stderr
    path.chmod(0o644)
    zone.ok("config", "check")

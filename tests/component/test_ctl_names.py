# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hagw-ctl does with names that are not there, files that are no good, and secrets that it was given by mistake."""

import json
import re
import subprocess

import pytest

from ctl_tools import FAILED, OK, PASSWORD, UNREACHABLE, USAGE, booted, ctl, webd, zone  # noqa: F401 (fixtures)
from test_webd import Visitor


@pytest.fixture
def hosts(zone):
    zone.house.configure('zones = ( { name = "home.test"; } );\n', ha='name = "ha.home.test"; upstream = "http://127.0.0.1";\n',
                         wild='name = "*.cam.home.test"; upstream = "http://127.0.0.1";\n')
    return zone


def files(ctl):
    return sorted(p.name for p in (ctl.house.config / "hosts.d").iterdir())


def users(ctl):
    return {u["name"]: u for u in ctl.json("user", "list")["users"]}


# --- any number of names ---

def values(ctl, *words):
    """What a call prints with --json: one value a name."""
    text, found, decoder = ctl.run("--json", *words).stdout, [], json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def test_any_number_of_hosts(hosts):
    shown = hosts.run("host", "show", "ha", "*.cam", "ha").stdout
    assert shown.startswith("ha.home.test\n") and shown.count("ha.home.test\n") == 1 and "\n\n*.cam.home.test\n" in shown
    assert "There is no host" in hosts.refused(FAILED, "host", "show", "ha", "hx")
    assert "There is no host" in hosts.refused(FAILED, "host", "remove", "ha", "hx") and len(files(hosts)) == 2
    assert [v["name"] for v in values(hosts, "host", "remove", "ha", "*.cam", "ha")] == ["ha.home.test", "*.cam.home.test"]
    assert files(hosts) == []


def test_any_number_of_users_and_sessions(hosts, webd):
    for name in ("anna", "ben", "carl"):
        hosts.ok("user", "add", name, "--password-stdin", stdin=PASSWORD)
    hosts.ok("user", "set", "anna", "ben", "--group=family")
    assert [u["groups"] for u in users(hosts).values()] == [["family"], ["family"], []]
    assert "There is no user" in hosts.refused(FAILED, "user", "set", "anna", "bob1", "--group=")
    ids = [hosts.json("session", "token", name, "ha")["sessionId"] for name in ("anna", "ben", "carl")]
    assert "There is no session" in hosts.refused(FAILED, "session", "revoke", ids[0], "12345678")
    assert values(hosts, "session", "revoke", *ids[:2]) == [{"revoked": 1}, {"revoked": 1}]
    assert [s["id"] for s in hosts.json("session", "list")["sessions"]] == ids[2:]
    assert "There is no user" in hosts.refused(FAILED, "user", "remove", "anna", "nobody")
    assert [v["name"] for v in values(hosts, "user", "remove", "anna", "ben", "anna")] == ["anna", "ben"]
    assert list(users(hosts)) == ["carl"]


@pytest.mark.parametrize("option,what,before,after", [
    ("--user", "users", ["anna", "ben"], ["ben"]), ("--group", "groups", ["family", "work"], ["work"]),
    ("--open-path", "open paths", ["/a", "/b"], ["/b"]), ("--embedded-by", "hosts that may show it", ["ha.home.test", "x.home.test"], ["x.home.test"])])
def test_what_a_host_list_loses_is_said(hosts, option, what, before, after):
    hosts.ok("host", "set", "ha", *(f"{option}={w}" for w in before), "--force", "--no-reload")
    said = hosts.ok("host", "set", "ha", *(f"{option}={w}" for w in after), "--force", "--no-reload")
    gone = [w for w in before if w not in after]
    assert [line for line in said.splitlines() if line.startswith("No longer")] == [f"No longer among the {what} of ha.home.test: {w}." for w in gone], said


def test_what_a_user_list_loses_is_said(hosts, webd):
    hosts.ok("user", "add", "anna", "--password-stdin", "--host=ha", "--group=family", "--group=work", stdin=PASSWORD)
    said = hosts.ok("user", "set", "anna", "--group=work")
    assert "No longer among the groups: family." in said and "work." not in said
    said = hosts.ok("user", "set", "anna", "--host=*.cam")
    assert "No longer among the hosts: ha.home.test." in said


def test_every_host_is_told_as_it_is_typed(hosts, webd):
    hosts.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert re.search(r"^anna +\* +-", hosts.ok("user", "list"), re.M)
    said = hosts.ok("user", "set", "anna", "--host=ha")
    assert "anna reached every host before; --host='*' is every host." in said and "all" not in said
    assert "hosts" in hosts.ok("user", "set", "anna", "--host=*") and users(hosts)["anna"]["hosts"] == ["*"]
    for verb in ("set", "add"):
        said = hosts.refused(FAILED, "user", verb, "anna" if verb == "set" else "ben", "--host=all", stdin=PASSWORD)
        assert "--host='*' is every host" in said and "--force" not in said, "who follows that shuts the user out"
        assert "'*'" in hosts.ok("user", verb, "--help")
    hosts.house.configure('zones = ( { name = "home.test"; } );\n', ha='name = "all.home.test"; upstream = "http://127.0.0.1";\n')
    hosts.ok("user", "set", "anna", "--host=all")
    assert users(hosts)["anna"]["hosts"] == ["all.home.test"]


@pytest.mark.parametrize("typed,name", [("w", "w.home.test"), ("*.w", "*.w.home.test"), ("*", "*.home.test"), ("*.W.home.test", "*.w.home.test")])
def test_short_names_are_completed(hosts, typed, name):
    hosts.ok("host", "add", typed, "http://127.0.0.1:1")
    assert hosts.json("host", "remove", typed)["name"] == name


@pytest.mark.parametrize("words", [("add", "x", "http://127.0.0.1:1"), ("set", "ha")])
def test_a_host_that_nobody_logs_in_at_is_told(hosts, words):
    name = {"x": "x.home.test", "ha": "ha.home.test"}[words[1]]
    said = " ".join(hosts.ok("host", *words, "--login=none", "--no-reload").split())
    assert f"No login is asked for at {name}: whoever comes is let through to the service." in said
    assert "No login" not in hosts.ok("host", "set", name, "--login=required", "--no-reload")
    assert "No login" not in hosts.ok("host", "set", name, "--compress=false", "--no-reload")
    assert json.loads(hosts.ok("--json", "host", "set", name, "--login=none", "--no-reload"))["change"] == "changed"


def test_the_last_user_that_goes_is_told(hosts, webd):
    for name in ("anna", "ben"):
        hosts.ok("user", "add", name, "--password-stdin", stdin=PASSWORD)
    assert "no user" not in hosts.ok("user", "remove", "anna")
    said = hosts.ok("user", "remove", "ben")
    assert "There is no user any more, so that nobody can log in: hagw-ctl user add NAME makes one." in " ".join(said.split())


# --- people and hosts ----------------------------------------------------------------------------------------

def test_hosts_of_a_user_are_completed_and_known(hosts, webd):
    add = ("user", "add", "anna", "--password-stdin")
    assert 'did you mean "ha.home.test"' in hosts.refused(FAILED, *add, "--host=hx", stdin=PASSWORD)
    assert users(hosts) == {}
    hosts.ok(*add, "--host=ha", "--host=door.cam.home.test", "--host=*.cam.home.test", stdin=PASSWORD)
    assert users(hosts)["anna"]["hosts"] == ["ha.home.test", "door.cam.home.test", "*.cam.home.test"]
    assert "There is no host" in hosts.refused(FAILED, "user", "set", "anna", "--host=later")
    hosts.ok("user", "set", "anna", "--host=later", "--force")
    assert users(hosts)["anna"]["hosts"] == ["later.home.test"]
    hosts.ok("user", "set", "anna", "--host=*")
    assert users(hosts)["anna"]["hosts"] == ["*"]


def test_people_of_a_host_are_known(hosts, webd):
    hosts.ok("user", "add", "anna", "--group=family", "--password-stdin", stdin=PASSWORD)
    assert 'did you mean "anna"' in hosts.refused(FAILED, "host", "set", "ha", "--user=ana")
    assert 'did you mean "family"' in hosts.refused(FAILED, "host", "add", "x", "http://127.0.0.1", "--group=famly")
    assert files(hosts) == ["ha.conf", "wild.conf"]
    hosts.ok("host", "set", "ha", "--user=anna", "--group=family")
    hosts.ok("host", "set", "ha", "--user=ben", "--force")
    assert '"ben"' in (hosts.house.config / "hosts.d" / "ha.conf").read_text()
    hosts.ok("host", "set", "ha", "--user=")


def test_a_slip_in_the_zone_is_no_other_zone(zone):
    zone.house.configure('zones = ( { name = "home.example.com"; } );\n')
    why = zone.refused(USAGE, "host", "add", "ha.hone.example.com", "http://127.0.0.1")
    assert 'did you mean "ha.home.example.com"' in why
    assert files(zone) == []
    zone.ok("host", "add", "ha.hone.example.com", "http://127.0.0.1", "--force")
    zone.ok("host", "add", "ha.work.example.com", "http://127.0.0.1")
    zone.ok("host", "add", "example.com", "http://127.0.0.1")


@pytest.mark.parametrize("name, why", [
    ("*.meier.org", "outside the zones of this gateway"),
    ("nas.local", 'names below "local"'), ("*.nas.home.arpa", 'below "home.arpa"'), ("192.168.1.4", "an address, not a name"),
    ("my_nas", 'did you mean "my-nas.home.example.com"?'), ("*.a_b", 'did you mean "*.a-b.home.example.com"?'), ("_foo", "has an underscore"), ("ha.x_y.co.uk", "some programs refuse them. "), ("x_y.meier.org", "has an underscore")])
def test_names_that_never_have_a_certificate(zone, name, why):
    """They are taken for a person who knows, and a service with a certificate of its own."""
    zone.house.configure('zones = ( { name = "home.example.com"; } );\n')
    said = zone.refused(USAGE, "host", "add", name, "http://127.0.0.1")
    assert why in said and "--force" in said and files(zone) == []
    zone.ok("host", "add", name, "tcp://127.0.0.1:1")
    zone.ok("host", "remove", name)
    zone.ok("host", "add", name, "http://127.0.0.1", "--force")
    assert ("has an underscore" if "_" in name else "can never have a certificate") in zone.refused(USAGE, "setup", "--zone=home.example.com", "--ipv4=none", "--laboratory", "--yes", "--no-start",
                                                          f"--host={name}=http://127.0.0.1", config=zone.house.root / "etc")


def test_names_that_may_have_one(zone):
    """Whatever is in a zone; a wildcard by the relay's alias; what an authority of one's own gives."""
    zone.house.configure('zones = ( { name = "home.arpa"; } );\n')
    zone.ok("host", "add", "*.apps.home.arpa", "http://127.0.0.1")
    zone.ok("host", "add", "ha.meier.org", "http://127.0.0.1")
    zone.house.configure('zones = ( { name = "anna.relay.test"; via = "relay"; } );\nrelay: { address = "relay.test"; tenant = "anna"; };\n')
    zone.ok("host", "add", "*.meier.org", "http://127.0.0.1")
    zone.house.configure('acme: { directory = "https://ca.home.arpa/dir"; };\n')
    zone.ok("host", "add", "nas.home.arpa", "http://127.0.0.1")
    assert "not a full name" in zone.refused(USAGE, "host", "add", "nas", "http://127.0.0.1")


def test_short_names_among_several_zones(hosts):
    hosts.house.configure('zones = ( { name = "home.test"; }, { name = "anna.relay.test"; } );\n',
                          ha='name = "ha.home.test"; upstream = "http://127.0.0.1";\n',
                          cam='name = "cam.anna.relay.test"; upstream = "http://127.0.0.1";\n')
    assert "door.home.test, door.anna.relay.test" in hosts.refused(USAGE, "host", "add", "door", "http://127.0.0.1")
    hosts.ok("host", "set", "Cam", "--login=none")
    assert "none" in (hosts.house.config / "hosts.d" / "cam.conf").read_text()
    assert 'There is no host "cma"; did you mean "cam.anna.relay.test"?' in hosts.refused(FAILED, "host", "set", "cma", "--login=none")
    assert 'There is no host "door"; hagw-ctl host list shows them.' in hosts.refused(FAILED, "host", "show", "door")
    hosts.ok("host", "add", "cam.home.test", "http://127.0.0.1")
    assert "In which zone" in hosts.refused(FAILED, "host", "remove", "cam")
    assert "*.door.home.test, *.door.anna.relay.test" in hosts.refused(USAGE, "host", "add", "*.door", "http://127.0.0.1")


def test_log_of_an_unknown_host(hosts):
    assert 'did you mean "ha.home.test"' in hosts.refused(FAILED, "log", "--host=hx")
    assert "There is no host" not in hosts.run("log", "--host=ha").stderr
    assert "There is no host" not in hosts.run("log", "--host=old.home.test", "--force").stderr


def test_sessions_tell_their_host(hosts, webd):
    hosts.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert Visitor(hosts.house.root / "web", host="ha.home.test").login(password=PASSWORD).status == 303
    assert hosts.json("session", "list")["sessions"][0]["host"] == "ha.home.test"
    shown = hosts.ok("session", "list")
    assert "HOST" in shown and "ha.home.test" in shown


def test_a_token_of_a_host_that_is_gone(hosts, webd):
    """It is good again should the host come back, and is told so long."""
    hosts.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    hosts.ok("session", "token", "anna", "ha")
    assert "(gone)" not in hosts.ok("session", "list")
    hosts.ok("host", "remove", "ha")
    assert re.search(r" ha\.home\.test \(gone\) ", hosts.ok("session", "list"))


def test_token_of_a_program(hosts, webd):
    hosts.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    assert 'did you mean "anna"' in hosts.refused(FAILED, "session", "token", "ana", "ha")
    assert 'did you mean "ha.home.test"' in hosts.refused(FAILED, "session", "token", "anna", "hx")
    said = hosts.ok("session", "token", "anna", "ha", "--label=backup script")
    token, session = re.search(r"X-Hagw-Token: (\S{22})\n", said)[1], re.search(r"session revoke (\S+)", said)[1]
    shown = hosts.ok("session", "list")
    assert session in shown and "backup script" in shown and "when revoked" in shown and token not in shown
    made = hosts.json("session", "token", "anna", "door.cam.home.test")
    assert made["allowed"] and made["token"] != token
    hosts.ok("session", "revoke", session)
    assert [s["id"] for s in hosts.json("session", "list")["sessions"]] == [made["sessionId"]]


def make_root(path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                    "-keyout", path.with_suffix(".key"), "-out", path], check=True, capture_output=True)
    path.chmod(0o644)


# --- files ---------------------------------------------------------------------------------------------------

def test_ca_files_are_looked_into(zone, tmp_path):
    folder = zone.house.root / "ca"
    folder.mkdir()
    zone.house.open_to_all()
    folder.chmod(0o755)
    add = ("host", "add", "x", "https://127.0.0.1", "--verify=ca")
    assert "No such file" in zone.refused(USAGE, *add, f"--ca-file={folder}/none.pem")
    (folder / "empty.pem").write_text("-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n")
    assert "no certificates" in zone.refused(USAGE, *add, f"--ca-file={folder}/empty.pem")
    assert files(zone) == []
    r = zone.run("setup", "--zone=home.test", "--ipv4=none", "--yes", "--no-start", f"--ca-file={folder}/empty.pem", "--force",
                 config=tmp_path / "etc")
    assert r.returncode == USAGE and "no certificates" in r.stderr and not (tmp_path / "etc" / "hagw.conf").exists()
    make_root(folder / "good.pem")
    zone.ok(*add, f"--ca-file={folder}/good.pem")
    zone.ok("config", "check")
    (folder / "good.pem").write_text("")
    assert "no certificates" in zone.refused(FAILED, "config", "check")
    assert "no certificates" in zone.refused(FAILED, "reload")
    assert json.loads(zone.run("--json", "config", "check").stdout)["valid"] is False
    zone.ok("host", "set", "x", "--verify=system")
    zone.ok("config", "check")


def test_a_ca_file_that_the_daemons_cannot_read(zone, hagw_users):
    folder = zone.house.root / "ca"
    folder.mkdir()
    zone.house.open_to_all()
    make_root(folder / "good.pem")
    add = ("host", "add", "x", "https://127.0.0.1", "--verify=ca", f"--ca-file={folder}/good.pem")
    folder.chmod(0o755)
    (folder / "good.pem").chmod(0o600)
    assert "chgrp hagw" in zone.refused(USAGE, *add)
    (folder / "good.pem").chmod(0o644)
    folder.chmod(0o700)
    assert "not let through" in zone.refused(USAGE, *add)
    folder.chmod(0o755)
    zone.ok(*add)


def test_setup_judges_before_it_writes(ctl, tmp_path):
    etc = tmp_path / "etc"
    setup = ("setup", "--zone=home.test", "--ipv4=static:11.22.33.44", "--yes", "--no-start")
    for bad in ("ha=ftp://x", "ha.hone.test=http://127.0.0.1", "a b=http://127.0.0.1"):
        assert ctl.refused(USAGE, *setup, f"--host={bad}", config=etc)
        assert not etc.exists(), bad
    ctl.ok(*setup, "--host=ha=http://127.0.0.1", config=etc)


@pytest.mark.parametrize("path", ["/../x", "/a//b", "/a%2fb"])
def test_open_paths_that_never_match(zone, path):
    why = zone.refused(USAGE, "host", "add", "x", "http://127.0.0.1", f"--open-path={path}")
    assert "never matches" in why and "x.home.test.conf:" in why and files(zone) == []


@pytest.mark.parametrize("url", ["http://me:hush@127.0.0.1:81", "htp://me:hush@127.0.0.1", "http://me:hu/sh@127.0.0.1"])
def test_credentials_are_not_repeated(zone, tmp_path, url):
    for words in (("host", "add", "x", url), ("setup", "--yes", "--no-start", f"--host=x={url}"),
                  ("setup", "--yes", "--no-start", f"--host={url}")):
        r = zone.run(*words)
        assert r.returncode == USAGE and "hu" not in r.stderr + r.stdout, r


# --- programs ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words,status", [
    (["stauts"], USAGE), (["status", "--jsn"], USAGE), ([], USAGE), (["host"], USAGE), (["host", "show", "hx"], FAILED),
    (["user", "list"], UNREACHABLE), (["host", "add", "x", "ftp://\udcff"], USAGE), (["setup", "--zone=a..b"], USAGE),
])
def test_errors_are_json_too(hosts, words, status):
    r = hosts.run(*words, "--json")
    assert r.returncode == status and r.stdout == ""
    lines = [json.loads(line) for line in r.stderr.splitlines()]
    assert lines and all(set(line) == {"error"} and line["error"] for line in lines), r.stderr


def test_reload_names_who_does_not_run(booted, webd):
    booted.house.configure('zones = ( { name = "home.test"; } );\n')
    why = booted.refused(UNREACHABLE, "reload")
    for name in ("dnsd", "netd", "keyd", "acmed", "proxyd"):
        assert f"hagw-{name} does not run" in why and f"systemctl status hagw-{name}" in why
    assert "hagw-webd" not in why and booted.words == [["reload", "hagw-webd"]]
    booted.ok("host", "add", "x", "http://127.0.0.1")
    (booted.house.config / "hagw.conf").write_text("zonse = ();\n")
    assert 'did you mean "zones"' in booted.refused(FAILED, "reload")
    webd.stop()
    booted.house.configure('zones = ( { name = "home.test"; } );\n')
    assert "no daemon runs" in booted.refused(UNREACHABLE, "reload")


# --- a host and the rest of the configuration ---

def test_a_host_that_the_whole_cannot_have_is_not_written(hosts):
    """A house is no relay: nothing leads to a tenant there, and nothing of that kind reaches the disk."""
    before = files(hosts)
    for words in (["host", "add", "x", "tenant:bert", "--no-reload"], ["host", "add", "x", "tenant:bert", "--no-reload", "--force"],
                  ["host", "set", "ha", "tenant:bert", "--no-reload"], ["setup", "--yes", "--no-start", "--host=x=tenant:bert"]):
        r = hosts.run(*words)
        assert r.returncode != OK and "this is no relay" in r.stderr and "is added" not in r.stdout, (words, r)
        assert files(hosts) == before
        assert "2 hosts" in hosts.ok("config", "check")


def test_setup_keeps_what_hosts_need(zone):
    """A hagw.conf that the hosts there could not go on with is not written."""
    zone.house.configure('zones = ( { name = "relay.test"; } );\ntenants: { zone = "relay.test"; };\n',
                         x='name = "x.relay.test"; upstream = "tenant:anna";\n')
    text = (zone.house.config / "hagw.conf").read_text()
    assert "this is no relay" in zone.refused(FAILED, "setup", "--yes", "--no-start", "--force", "--zone=a.test", "--zone=b.test", "--ipv4=none")
    assert (zone.house.config / "hagw.conf").read_text() == text
    assert "1 host" in zone.ok("config", "check")


def test_one_host_more_than_there_can_be(zone):
    zone.house.configure('zones = ( { name = "home.test"; } );\n',
                         **{f"h{i}": f'name = "h{i}.home.test"; upstream = "http://127.0.0.1";\n' for i in range(1024)})
    assert "1024 hosts" in zone.refused(FAILED, "host", "add", "x", "http://127.0.0.1:1", "--no-reload", "--force")
    assert "1024 hosts" in zone.ok("config", "check")
    zone.ok("host", "set", "h7", "--from=lan", "--no-reload")


# --- a house's names and its relay's ---

@pytest.fixture
def behind(ctl):
    ctl.house.configure('zones = ( { name = "bert.relay.example.com"; via = "relay"; } );\n'
                        'relay: { address = "relay.example.com"; tenant = "bert"; };\n',
                        ha='name = "ha.bert.relay.example.com"; upstream = "http://127.0.0.1";\n')
    return ctl


@pytest.mark.parametrize("name,why", [
    ("foo.relay.example.com", "did you mean \"foo.bert.relay.example.com\"?"),
    ("ha.anna.relay.example.com", "did you mean \"ha.bert.relay.example.com\"?"),
    ("*.anna.relay.example.com", "did you mean \"*.bert.relay.example.com\"?"),
    ("relay.example.com", "the relay's own name"), ("nas.bert", "did you mean \"nas.bert.relay.example.com\"?"),
    ("nas.bert.relay", "did you mean \"nas.bert.relay.example.com\"?")])
def test_names_in_the_relays_zone(behind, name, why):
    """A house has names in its own zone, and is told so with the name that was meant."""
    for words in (["host", "add", name, "http://127.0.0.1:1", "--no-reload"], ["setup", "--yes", "--no-start", f"--host={name}=http://127.0.0.1:1"]):
        said = behind.refused(USAGE, *words)
        assert why in said and "--force" in said and "CNAME" not in said
    assert files(behind) == ["ha.conf"]
    said = behind.ok("host", "add", name, "http://127.0.0.1:1", "--no-reload", "--force")
    assert ("tenant:bert" in said) == name.endswith("relay.example.com") and "domain add" not in (said if name.endswith(".com") else "")


def test_a_name_outside_the_relays_zone(behind):
    said = " ".join(behind.ok("host", "add", "shop.example.net", "http://127.0.0.1:1", "--no-reload", "--force").split())
    assert "CNAME bert.relay.example.com" in said and "tenant domain add bert" in said


@pytest.mark.parametrize("verb", [["show"], ["set"], ["remove"]])
def test_a_name_that_was_cut_short(behind, verb):
    extra = ["--from=lan"] if verb == ["set"] else []
    assert "did you mean \"ha.bert.relay.example.com\"?" in behind.refused(FAILED, "host", *verb, "ha.bert", *extra)


# --- nobody can log in ---

def nobody(ctl):
    """What status says of hosts that nobody can enter."""
    return [p for p in json.loads(ctl.run("--json", "status", "--no-delegation").stdout)["problems"] if p.startswith("Nobody can log in")]


def add_user(ctl, name, *words):
    return ctl.ok("user", "add", name, "--password-stdin", *words, stdin=PASSWORD)


def test_the_only_user_of_a_host_is_removed(hosts, webd):
    """And a later one of that name is another person."""
    add_user(hosts, "anna")
    add_user(hosts, "tom")
    hosts.ok("host", "set", "ha", "--user", "tom")
    assert nobody(hosts) == []
    complaint = ("Nobody can log in at ha.home.test: its users (tom) have nobody who is there any more. hagw-ctl host set ha.home.test --user NAME says who "
                 "may pass, --user= --group= that everybody may.")
    said = hosts.ok("user", "remove", "tom")
    assert "The name tom stays on the list of ha.home.test until it is taken out: hagw-ctl host set HOST --user …\n" in said and complaint in said
    assert nobody(hosts) == [complaint]
    assert "The name tom stands on the list of ha.home.test from before. Where that meant somebody else" in add_user(hosts, "tom")
    assert nobody(hosts) == []
    assert "list" not in add_user(hosts, "kim")
    assert values(hosts, "user", "remove", "tom") == [{"name": "tom", "change": "removed"}]
    assert complaint in hosts.ok("host", "set", "ha", "http://127.0.0.2")
    assert complaint not in hosts.ok("host", "set", "ha", "--user=", "--group=") and nobody(hosts) == []


def test_the_last_member_of_a_group_goes(hosts, webd):
    add_user(hosts, "anna", "--group=adults")
    add_user(hosts, "kim", "--group=fam")
    hosts.ok("host", "set", "*.cam", "--group=fam", "--user=anna")
    assert "list of *.cam.home.test" in hosts.ok("user", "remove", "anna") and nobody(hosts) == []
    said = hosts.ok("user", "set", "kim", "--group=kids")
    assert "No longer among the groups: fam." in said
    complaint, = nobody(hosts)
    assert complaint.startswith("Nobody can log in at *.cam.home.test: its users (anna) and groups (fam) have nobody") and complaint in said


def test_who_is_listed_may_reach_other_hosts_only(hosts, webd):
    add_user(hosts, "anna")
    add_user(hosts, "tom", "--host=x.cam.home.test")
    complaint = ("Nobody can log in at ha.home.test: tom may reach other hosts only. hagw-ctl user set tom --host HOST, with a --host for each that is "
                 "meant, mends that.")
    assert complaint in hosts.ok("host", "set", "ha", "--user=tom")
    hosts.ok("host", "set", "*.cam", "--user=tom")
    assert nobody(hosts) == [complaint], "a name below the wildcard is enough there"
    hosts.ok("host", "set", "ha", "--login=none")
    assert nobody(hosts) == []
    hosts.ok("host", "set", "ha", "--login=required", "--user=")
    assert nobody(hosts) == []
    assert "Nobody can log in at ha.home.test: those who could may reach other hosts only. hagw-ctl user set" in hosts.ok("user", "set", "anna", "--host=y.cam.home.test")

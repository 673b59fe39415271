# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl setup as somebody meets it who types what people type: at a terminal, with slips, in a hurry, and on odd machines."""

import collections
import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import termios
import threading

import pytest

from conftest import hagw_users  # noqa: F401 (fixture)
from ctl_tools import (CTL, DENIED, FAILED, OK, PASSWORD, UNREACHABLE, USAGE, Session, booted, ctl, finds_only,  # noqa: F401 (fixtures)
                       machine, webd)
from proxyhouse import Upstream, echo

ANSWERS = (("Zone: ", "home.meier.test"), ("Public IPv4 address", "house.dyn.test"), ("Public IPv6 address", "none"), ("Name server", ""),
           ("Mail address: ", "me@meier.test"), ("Home Assistant: ", "127.0.0.1:8123"), ("User: ", ""))


@pytest.fixture
def fresh(ctl, tmp_path):  # noqa: F811
    ctl.house.config = tmp_path / "etc"
    ctl.env["NO_COLOR"] = "1"
    finds_only(ctl, ctl.house.root, house_dyn_test="8.8.8.8", other_dyn_test="8.8.8.8")
    return ctl


@pytest.fixture
def asked(ctl, webd):  # noqa: F811
    """For a password: hagw-webd has no such user yet."""
    ctl.env["NO_COLOR"] = "1"
    return ctl


def answer(session, pairs):
    for question, typed in pairs:
        session.expect(question)
        if typed is not None:
            session.type(typed)
    return session


def written(ctl):  # noqa: F811
    return (ctl.house.config / "hagw.conf").read_text()


def in_force(text):
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


# --- what is typed -------------------------------------------------------------------------------------------

def test_each_answer_is_judged_when_it_is_given(fresh):
    s = Session(fresh, "setup", "--no-start")
    for typed, why in (("com", "single word"), ("203.0.113.4", "is an address"), ("two words", "is no name")):
        s.expect("Zone: ")
        s.type(typed)
        s.expect(why)
    answer(s, [("Zone: ", "https://Home.Meier.test/")])
    answer(s, [("Public IPv4 address", "192.168.1.4"), ("private use", None), ("[no]", "")])
    answer(s, [("Public IPv4 address", "2a02:8106::1"), ("is an IPv6 address", None), ("Public IPv4 address", "8.8.8.8")])
    answer(s, [("Public IPv6 address", "interface:nowhere9"), ("no interface nowhere9", None), ("[no]", "no"), ("Public IPv6 address", "no")])
    answer(s, [("Name server [ns.home.meier.test]", "8.8.8.8"), ("A record", None), ("Name server", "")])
    answer(s, [("Mail address: ", "me"), ("no mail address", None), ("Mail address: ", "me@meier.test")])
    answer(s, [("Home Assistant: ", "https://ha.home.meier.test"), ("this gateway itself", None), ("Home Assistant: ", "127.0.0.1:8123/lovelace")])
    answer(s, [("User: ", "Anna K"), ("no user's name", None), ("User: ", "")])
    shown = s.end(OK)
    text = written(fresh)
    assert 'name = "home.meier.test";' in text and 'ipv4 = "static:8.8.8.8";' in text and 'ipv6 = "none";' in text
    assert 'contact = "mailto:me@meier.test";' in text
    assert 'upstream = "http://127.0.0.1:8123";' in (fresh.house.config / "hosts.d" / "ha.home.meier.test.conf").read_text()
    assert not [line for line in shown.splitlines() if len(line) > 80 and str(fresh.house.config) not in line], shown


def test_each_question_is_introduced_by_one_sentence(fresh):
    """On a terminal of 80 columns: an empty line, the sentence, and the question below it."""
    def asked(words, answers, status=OK):
        s = answer(Session(fresh, "setup", "--no-start", *words), answers)
        shown = s.end(status)
        s.close()
        assert not [line for line in shown.splitlines() if len(line) >= 80 and " " in line.strip()], shown
        return shown

    def introduction(shown, question):
        before = shown[:shown.index("\n" + question) + 1]
        return " ".join(before.rpartition("\n\n")[2].split())
    shown = asked((), (*ANSWERS[:-1], ("User: ", "anna"), ("Password for anna", PASSWORD), ("again", PASSWORD)))
    questions = [q for q, _ in ANSWERS] + ["Password for anna"]
    for question in questions:
        sentence = introduction(shown, question)
        assert re.fullmatch(r"[A-Z].*\.", sentence) and not re.search(r"[.?!] +[A-Z]", sentence), (question, sentence)
    assert len({introduction(shown, q) for q in questions}) == len(questions)
    shown = asked((), (("Keep its settings?", "no"), ("Zone", "other.meier.test"), ("Replace home.meier.test?", ""), *[(q.rstrip(": "), "") for q, _ in ANSWERS[1:5]], ("User: ", "")))
    for question in ("There is a hagw.conf already. Keep its settings?", "  Replace home.meier.test?"):
        sentence = question.strip().partition(". ")[0] + "." if ". " in question else introduction(shown, question).rpartition("]: other.meier.test ")[2]
        assert re.fullmatch(r"\w.*\.", sentence) and not re.search(r"[.?!] +[A-Z]", sentence), (question, sentence)


def test_a_whole_domain_is_questioned(fresh):
    s = answer(Session(fresh, "setup", "--no-start"), [("Zone: ", "meier.test"), ("home.meier.test", None), ("anyway? [no]", "no"),
                                                       ("Zone: ", "meier.test"), ("anyway? [no]", "yes")])
    answer(s, ANSWERS[1:])
    s.end(OK)
    assert 'name = "meier.test";' in written(fresh)


def test_an_option_is_questioned_as_well(fresh):
    s = answer(Session(fresh, "setup", "--no-start", "--zone=meier.test", "--ipv4=192.168.1.4"), [
        ("whole domain", None), ("anyway? [no]", "no"), ("Zone: ", "home.meier.test"),
        ("private use", None), ("anyway? [no]", "no"), ("Public IPv4 address", "8.8.8.8")])
    answer(s, ANSWERS[2:])
    s.end(OK)
    assert 'name = "home.meier.test";' in written(fresh) and 'ipv4 = "static:8.8.8.8";' in written(fresh)


def test_where_nobody_can_be_asked_it_is_told(fresh):
    words = ("setup", "--no-start", "--yes", "--user=anna", "--password-stdin", "--zone=meier.test", "--ipv4=192.168.1.4")
    r = fresh.run(*words, stdin=PASSWORD)
    assert r.returncode == FAILED and "whole domain" in r.stderr and "private use" in r.stderr
    for option, why in (("--zone=com", "single word"), ("--zone=8.8.8.8", "is an address"), ("--contact=me", "no mail address"),
                        ("--host=ha=ftp://x", '"ftp://x" does not begin as an address does'), ("--host=ha", "expected NAME=UPSTREAM"),
                        ("--user=Anna K", "no user's name"), ("--ipv4=::1", "IPv6 address"), ("--name-server=8.8.8.8", "A record")):
        others = [w for w in words if w.partition("=")[0] not in ("--ipv4", "--user") or not option.startswith(w.partition("=")[0])]
        assert why in fresh.refused(USAGE, *others, option, stdin=PASSWORD), option


@pytest.mark.parametrize("zone, why", [("home.local", "is for inside houses"), ("me.duckdns.org", "--ipv4=me.duckdns.org"), ("co.uk", "names are sold below it"),
                                       ("my_home.meier.org", 'did you mean "my-home.meier.org"?'), ("home.my_domain.org", "some programs refuse them. "), ("_home.meier.test", "has an underscore")])
def test_a_zone_that_can_never_work_needs_force(fresh, zone, why):
    """Where nobody can be asked; at a terminal it is questioned."""
    words = ("setup", "--no-start", "--yes", f"--zone={zone}", "--ipv4=8.8.8.8", "--ipv6=none")
    said = fresh.refused(USAGE, *words)
    assert why in said and "--force takes it anyway." in said and not (fresh.house.config / "hagw.conf").exists()
    fresh.run(*words, "--force")
    assert f'name = "{zone}";' in written(fresh)


LONG = "a" * 64
NAMES = [("küche.meier.test", "xn--kche-0ra.meier.test"), ("KÜCHE.Meier.test", "xn--kche-0ra.meier.test"), (f"{LONG}.meier.test", "has 64 characters, and 63 are the most"),
         (".".join(["a" * 50] * 6), "it has 305 characters, and 253 are the most")]


@pytest.mark.parametrize("name, why", NAMES, ids=["umlaut", "capital", "label", "whole"])
def test_a_name_that_the_dns_writes_otherwise(fresh, name, why):
    """The form that can be typed is told, or what is too long: at each place where a name is typed."""
    words = ["setup", "--no-start", "--yes", "--ipv4=8.8.8.8", "--ipv6=none"]
    for more in ([f"--zone={name}"], ["--zone=home.meier.test", f"--name-server={name}"], ["--zone=home.meier.test", f"--host={name}=http://127.0.0.1:1"]):
        said = fresh.refused(USAGE, *words, *more)
        assert len(name) > 256 or why in said, (more, said)
        assert len(name) <= 256 or why in said or "has more than 256 characters" in said, (more, said)
        assert not (fresh.house.config / "hagw.conf").exists()
    assert why in fresh.refused(USAGE, "setup", "--no-start", "--yes", "--zone=home.meier.test", "--ipv6=none", f"--ipv4={name}") or len(name) > 253
    fresh.ok(*words, "--zone=home.meier.test")
    assert why in fresh.refused(USAGE, "host", "add", name, "http://127.0.0.1:1")
    why = "begins with xn--" if "xn--" in why else why
    (fresh.house.config / "hosts.d" / "x.conf").write_text(f'name = "{name}"; upstream = "http://127.0.0.1:1";')
    assert why in fresh.refused(FAILED, "config", "check")


def test_what_is_given_twice(fresh):
    """Two answers to one question: nobody knows which is meant. The same one twice is one."""
    words = ["setup", "--no-start", "--yes", "--zone=home.meier.test", "--ipv6=none", "--ipv4=8.8.8.8"]
    ha = ["--host=ha=http://127.0.0.1:1", "--host=ha.home.meier.test=http://127.0.0.1:2"]
    for more, said in ((["--ipv4=8.8.4.4"], '--ipv4 is given twice, as "8.8.8.8" and as "8.8.4.4": which is meant?'), (ha, "ha.home.meier.test is given twice, with http://127.0.0.1:1 and with http://127.0.0.1:2"),
                       (["--staging", "--directory=letsencrypt"], "--staging is the same as --directory=letsencrypt-staging; give one of the two.")):
        assert said in fresh.refused(USAGE, *words, *more)
        assert not (fresh.house.config / "hagw.conf").exists()
    fresh.ok(*words, "--ipv4=8.8.8.8", ha[0], ha[0], "--staging", "--directory=letsencrypt-staging")
    assert len(list((fresh.house.config / "hosts.d").iterdir())) == 1 and 'directory = "letsencrypt-staging";' in written(fresh)


def test_nobody_loses_ipv4_without_a_word(fresh):
    """With --yes what the question would offer is taken; where that is nothing, the option is asked for."""
    words, alone = ("setup", "--no-start", "--yes", "--zone=home.meier.test"), list(fresh.prefix)
    if os.geteuid() != 0:
        pytest.skip("only root can make a network of its own")
    fresh.prefix = ["unshare", "--net", *alone]
    for more in ([], ["--ipv4="], ["--relay"], ["--json"]):
        why = fresh.refused(USAGE, *words, *more)
        assert "--ipv4=NAME" in why and "--ipv4=none" in why and not (fresh.house.config / "hagw.conf").exists(), why
    # A house behind a relay had no IPv4 to say.
    fresh.house.config.mkdir()
    (fresh.house.config / "hagw.conf").write_text('zones = ( { name = "anna.relay.test"; via = "relay"; } );\n'
                                                  'relay: { address = "relay.test"; tenant = "anna"; };\n')
    assert "--ipv4=NAME" in fresh.refused(USAGE, *words)
    (fresh.house.config / "hagw.conf").unlink()
    fresh.prefix = ["unshare", "--net", "sh", "-ec", 'ip link set lo up; ip address add 8.8.4.4/32 dev lo; exec "$0" "$@"', *alone]
    assert "is that of the interface lo; --ipv4 gives another" in fresh.ok(*words)
    assert 'ipv4 = "interface:lo";' in written(fresh)
    # What hagw.conf says comes before, and --force does not lose it.
    fresh.ok("setup", "--no-start", "--yes", "--ipv4=8.8.8.8")
    assert "interface" not in fresh.ok("setup", "--no-start", "--yes", "--force", "--zone=other.meier.test")
    assert 'ipv4 = "static:8.8.8.8";' in written(fresh) and 'name = "other.meier.test";' in written(fresh)


def test_examples_are_refused_at_once(fresh):
    words = ("setup", "--no-start", "--yes", "--ipv4=none")
    for zone in ("home.example.com", "example.net", "https://ha.example.org/"):
        assert "is an example; write your own in its place" in fresh.refused(USAGE, *words, f"--zone={zone}")
    for option in ("--contact=me@example.com", "--name-server=ns.home.example.com", "--ipv4=house.example.org"):
        assert "is an example" in fresh.refused(USAGE, *(w for w in words if w.partition("=")[0] not in option), "--zone=home.meier.test", option)
    assert not (fresh.house.config / "hagw.conf").exists()
    s = answer(Session(fresh, "setup", "--no-start"), [("Zone: ", "home.example.com"), ("home.example.com is an example", None), *ANSWERS])
    s.end(OK)
    # Where examples are used in earnest, hagw.conf has it written down.
    fresh.ok(*words, "--force", "--zone=home.example.com", "--contact=me@example.com", "--laboratory")
    fresh.ok("setup", "--no-start", "--yes", "--contact=you@example.com")


def test_the_name_of_a_url_is_said(fresh):
    s = answer(Session(fresh, "setup", "--no-start"), [("Zone: ", "https://home.meier.test/"), ("The name in it is used: home.meier.test.", None),
                                                       ("Public IPv4 address", "http://house.dyn.test:81"), ("used: house.dyn.test.", None), *ANSWERS[2:]])
    assert s.end(OK).count("is used:") == 2
    words = ("setup", "--no-start", "--yes", "--force", "--ipv4=none")
    r = fresh.run(*words, "--zone=https://Haus.meier.test/x", "--name-server=ns.haus.meier.test.")
    assert r.returncode == OK and "The name in https://Haus.meier.test/x is used: haus.meier.test." in r.stderr and r.stderr.count("used:") == 1
    assert "is used:" not in fresh.run(*words, "--zone=Haus.meier.test.").stderr


def test_what_may_be_left_out(fresh):
    """On the command line as well."""
    fresh.ok("setup", "--no-start", "--yes", "--zone=home.meier.test", "--ipv4=house.dyn.test", "--ipv6=none", "--contact=me@meier.test",
             "--host=ha=127.0.0.1:8123")
    assert 'ipv4 = "resolve:house.dyn.test";' in written(fresh)
    assert 'upstream = "http://127.0.0.1:8123";' in (fresh.house.config / "hosts.d" / "ha.home.meier.test.conf").read_text()


# --- names that lead nowhere ---------------------------------------------------------------------------------

def test_names_are_looked_up_when_they_are_given(fresh):
    finds_only(fresh, fresh.house.root, house_dyn_test="8.8.8.8", six_dyn_test="2a02:8106::1", inside_dyn_test="192.168.1.4", nas_house_test="192.168.1.5")
    fresh.env["HAGW_SYSTEM_RUNTIME_DIR"] = str(fresh.house.root / "system")
    s = answer(Session(fresh, "setup", "--no-start"), [("Zone: ", "home.meier.test")])
    for typed, why in (("nosuch.dyn.test", "nosuch.dyn.test is not found in the DNS."), ("six.dyn.test", "has no IPv4 address, only IPv6: 2a02:8106::1."),
                       ("inside.dyn.test", "leads to 192.168.1.4, which is no public address (private use)")):
        answer(s, [("Public IPv4 address", typed), (why, None), ("anyway? [no]", "")])
    answer(s, [("Public IPv4 address", "house.dyn.test"), ("Public IPv6 address", "house.dyn.test"),
               ("has no IPv6 address, only IPv4: 8.8.8.8.", None), ("anyway? [no]", ""), ("Public IPv6 address", "none")])
    answer(s, [("Name server", "ns.nosuch.test"), ("ns.nosuch.test is not found in the DNS", None), ("anyway? [no]", "no"), ("Name server", "")])
    answer(s, [("Mail address: ", "")])
    # Nobody here speaks mDNS.
    answer(s, [("Home Assistant: ", "http://homeassistant.local:8123"), ("avahi-daemon", None), ("anyway? [no]", "")])
    # One that is meant is taken.
    answer(s, [("Home Assistant: ", "http://nosuch.house.test:8123"), ("This machine cannot find the name nosuch.house.test.", None),
               ("anyway? [no]", "yes"), ("User: ", "")])
    shown = s.end(OK)
    assert 'ipv4 = "resolve:house.dyn.test";' in written(fresh)
    assert 'upstream = "http://nosuch.house.test:8123";' in (fresh.house.config / "hosts.d" / "ha.home.meier.test.conf").read_text()
    assert not [line for line in shown.splitlines() if len(line) > 80 and str(fresh.house.config) not in line], shown


def test_names_of_options_are_looked_up(fresh):
    words = ("setup", "--no-start", "--zone=home.meier.test", "--ipv6=none", "--contact=me@meier.test", "--ipv4=nosuch.dyn.test",
             "--name-server=ns.nosuch.test", "--host=ha=http://nosuch.house.test:8123/lovelace")
    r = fresh.run(*words, "--yes")
    assert r.returncode == OK and len(re.findall(r"\S+ is not found |cannot find the name", r.stderr)) == 3, r.stderr
    assert '"/lovelace" is left out: a host leads to the whole of a service' in r.stderr
    said = fresh.run(*words, "--yes", "--force").stderr
    assert "is not found" not in said and "cannot find" not in said
    # At a terminal it is asked for.
    shutil.rmtree(fresh.house.config)
    answer(Session(fresh, *words), [
        ("nosuch.dyn.test is not found", None), ("anyway? [no]", ""), ("Public IPv4 address: ", "8.8.8.8"), ("ns.nosuch.test is not found", None),
        ("anyway? [no]", "y"), ("cannot find the name nosuch.house.test", None), ("anyway? [no]", ""), ("Service: ", "127.0.0.1:1"), ("User: ", "")]).end(OK)
    assert 'ipv4 = "static:8.8.8.8";' in written(fresh) and 'name_server = "ns.nosuch.test";' in written(fresh)
    assert 'upstream = "http://127.0.0.1:1";' in (fresh.house.config / "hosts.d" / "ha.home.meier.test.conf").read_text()


def test_the_line_of_waiting_fits_the_terminal(fresh):
    """What it waits for is shortened, and not how long it does."""
    root, name = fresh.house.root, "a-name-that-is-longer-than-the-line.dyn.test"
    (root / "resolv.conf").write_text("nameserver 127.0.0.78\noptions timeout:30\n")
    finds_only(fresh, root)
    (root / "nsswitch.conf").write_text("hosts: files dns\n")
    fresh.prefix[6] = f"mount --bind {root}/resolv.conf /etc/resolv.conf; {fresh.prefix[6]}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.78", 53))
        s = answer(Session(fresh, "setup", "--no-start", columns=60), [("Zone: ", "home.meier.test"), ("Public IPv4 address", name), ("cannot be told now", None)])
        lines = re.findall(r"Waiting for ([^\r]*)\r", s.seen)
        s.send(b"\x03")
        s.end(-signal.SIGINT)
    assert lines and all(len("Waiting for " + line) < 60 and re.search(r"\.\.\.: \d+ s of at most 10 s$", line) for line in lines), lines


@pytest.mark.parametrize("found", [True, False])
def test_a_local_name_that_hagw_netd_does_not_tell(fresh, found):
    """Its socket is there, and nobody answers: what is waited for shows all the time, and this machine's own look-up has the rest of the limit."""
    root = fresh.house.root
    (root / "resolv.conf").write_text("nameserver 127.0.0.79\noptions timeout:30\n")
    finds_only(fresh, root, **{"homeassistant_local": "192.168.1.5"} if found else {})
    (root / "nsswitch.conf").write_text("hosts: files dns\n")
    fresh.prefix[6] = f"mount --bind {root}/resolv.conf /etc/resolv.conf; {fresh.prefix[6]}"
    fresh.env["HAGW_SYSTEM_RUNTIME_DIR"] = str(root / "system")
    (root / "system" / "avahi-daemon").mkdir(parents=True)
    (root / "system" / "avahi-daemon" / "socket").write_text("")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.socket(socket.AF_UNIX) as netd:
        silent.bind(("127.0.0.79", 53))
        netd.bind(str(fresh.house.runtime / "io.hagw.Net"))
        netd.listen(8)
        s = answer(Session(fresh, "setup", "--no-start", "--zone=home.meier.test", "--ipv4=8.8.8.8", "--ipv6=none", "--name-server=", "--contact="), [
            ("Home Assistant: ", "http://homeassistant.local:8123"), ("Waiting for the service to be found: 1 s of at most 10 s (Ctrl-C ends it)", None),
            ("Waiting for the service to be found: 2 s of at most 10 s", None), ("User: ", "")])
        shown = s.end(OK)
    waited = [int(n) for n in re.findall(r"service to be found: (\d+) s of at most 10 s", shown)]
    # Not once for each of the two.
    assert max(waited) < 15, waited
    assert 'upstream = "http://homeassistant.local:8123";' in (fresh.house.config / "hosts.d" / "ha.home.meier.test.conf").read_text()


def test_a_resolver_that_is_silent_is_waited_for_once(fresh):
    """With what is waited for, and for how long at most; then nobody is kept from going on."""
    root = fresh.house.root
    (root / "resolv.conf").write_text("nameserver 127.0.0.77\noptions timeout:30\n")
    finds_only(fresh, root)
    (root / "nsswitch.conf").write_text("hosts: files dns\n")
    fresh.prefix[6] = f"mount --bind {root}/resolv.conf /etc/resolv.conf; {fresh.prefix[6]}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.77", 53))
        s = answer(Session(fresh, "setup", "--no-start"), [
            ("Zone: ", "home.meier.test"), ("Public IPv4 address", "house.dyn.test"), ("Waiting for house.dyn.test to be found: ", None),
            ("of at most 10 s (Ctrl-C ends it)", None),
            ("Whether there is a name house.dyn.test cannot be told now: this machine's resolver does not answer.", None),
            *ANSWERS[2:3], ("Name server", "ns.other.test"), *ANSWERS[4:5], ("Home Assistant: ", "http://nas:5000"), ("User: ", "")])
        shown = s.end(OK)
    assert shown.count("cannot be told now") == 1 and 'ipv4 = "resolve:house.dyn.test";' in written(fresh)


# --- other slips ---------------------------------------------------------------------------------------------

def test_yes_or_no_is_no_user(fresh):
    s = answer(Session(fresh, "setup", "--no-start"), ANSWERS[:6])
    for typed in ("n", "y", "No"):
        answer(s, [("User: ", typed), ("would be the user's name", None), ("anyway? [no]", "")])
    answer(s, [("User: ", "")]).end(OK)


def test_a_path_is_told_that_is_left_out(fresh):
    s = answer(Session(fresh, "setup", "--no-start"), [*ANSWERS[:5], ("Home Assistant: ", "http://127.0.0.1:8123/lovelace/0"),
                                                       ('"/lovelace/0" is left out: a host leads to the whole of a service', None), ("User: ", "")])
    s.end(OK)
    host = ("host", "set", "ha", "http://127.0.0.1:8124/some/path")
    assert '"/some/path" is left out' in fresh.run(*host).stderr
    assert '"/x?y" is left out' in fresh.run("host", "add", "nas", "http://127.0.0.1/x?y").stderr
    assert "left out" not in fresh.run("host", "set", "ha", "http://127.0.0.1:8125/").stderr


def test_a_service_is_judged_in_its_question(fresh):
    s = answer(Session(fresh, "setup", "--no-start"), ANSWERS[:5])
    for typed, why in (("http://", '"http://" names no service'), (":8123", '":8123" names no service'), ("127.0.0.1:99999", '"99999" is no port'),
                       ("http://127.0.0.1 :1", "is neither a host name nor an address"), ("tcp://127.0.0.1", "expected tcp://HOST:PORT")):
        answer(s, [("Home Assistant: ", typed), (why, None)])
    shown = answer(s, [("Home Assistant: ", ""), ("User: ", "")]).end(OK)
    assert shown.count("Home Assistant's address in your network") == 1 and "hagw-ctl: " not in shown
    assert not [line for line in shown.splitlines() if len(line) > 80 and str(fresh.house.config) not in line], shown


def test_a_user_that_is_there_is_not_asked_for_a_password(asked):
    asked.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
    shown = Session(asked, "user", "add", "Anna").end(FAILED)
    assert 'There is a user "anna" already; hagw-ctl user passwd anna gives a new password.' in " ".join(shown.split()) and "Password" not in shown
    asked.house.daemons[-1].stop()
    shown = Session(asked, "user", "add", "ben").end(UNREACHABLE)
    assert "Password" not in shown, "who would keep it is off"


def test_other_zones_are_named(fresh):
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    before = written(fresh)
    words = ("setup", "--no-start", "--yes", "--zone=other.meier.test")
    why = fresh.refused(FAILED, *words)
    assert "hagw.conf has the zone home.meier.test. --beside adds what --zone says to it; --force writes the file anew" in why
    assert written(fresh) == before
    fresh.ok(*words, "--beside")
    assert "2 zones" in fresh.ok("config", "check") and all(line in written(fresh) for line in before.splitlines())


def test_beside_is_an_answer_that_is_kept(fresh):
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    s = answer(Session(fresh, "setup", "--no-start"), [("Keep its settings", "no"), ("Zone [home.meier.test]", "house.meier.test"),
                                                       ("Replace home.meier.test? [yes]", "no"), ("Public IPv4 address", None)])
    s.send(b"\x03")
    shown = s.end(-signal.SIGINT)
    assert "asks again what was answered by yes or no" in " ".join(shown.split())
    words = shlex.split(re.search(r"^  hagw-ctl (.*)$", shown, re.M).group(1))
    assert words[-1] == "--beside"
    s = answer(Session(fresh, *words[words.index("setup"):]), [*ANSWERS[1:3], ("Name server", ""), ("Mail address", ""), ("User: ", "")])
    assert "Replace " not in s.end(OK)
    assert "2 zones" in fresh.ok("config", "check")


def test_what_runs_needs_a_reload(machine):  # noqa: F811
    words = ("setup", "--no-start", "--yes")
    r = machine.run(*words, "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force")
    assert "Start hagw: systemctl enable --now hagw.target" in last_words(r) and "hagw-ctl reload" not in last_words(r)
    machine.run("setup", "--yes", "--wait=0")
    said = last_words(machine.run(*words, "--host=nas=http://127.0.0.1:1"))
    assert "- When hagw has taken it over, visit https://nas.home.meier.test/" in said
    assert "hagw still runs with the old configuration. This applies the new one: hagw-ctl reload" in said and "Start hagw" not in said
    machine.ok("reload")
    said = last_words(machine.run(*words, "--host=nas=http://127.0.0.1:1"))
    assert "hagw-ctl reload" not in said and "Start hagw" not in said, "nothing was written"


def test_certificates_that_are_not_waited_for_are_told(machine):  # noqa: F811
    r = machine.run("setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--yes")
    said = " ".join(r.stdout.split())
    assert r.returncode == FAILED and "The certificates are not waited for: they come when the authority finds its way here." in said, said
    assert 'hagw-acmed tries again by itself (hagw-ctl cert list shows when); "hagw-ctl setup" once more tries at once' in said


# --- defaults ------------------------------------------------------------------------------------------------

def test_own_public_addresses_are_the_default(fresh):
    if os.geteuid() != 0:
        pytest.skip("only root can make a network of its own")
    fresh.prefix = ["unshare", "--net", "sh", "-ec", "ip link set lo up; ip address add 8.8.4.4/32 dev lo; "
                    'ip address add 2a02:8106::9/128 dev lo; exec "$0" "$@"']
    s = answer(Session(fresh, "setup", "--no-start"), [("Zone: ", "home.meier.test"), ("Public IPv4 address [interface:lo]", ""),
                                                       ("Public IPv6 address [interface]", ""), *ANSWERS[3:]])
    s.end(OK)
    assert 'ipv4 = "interface:lo";' in written(fresh) and 'ipv6 = "interface";' in written(fresh)


def test_the_second_run_knows_the_first(fresh):
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    path = fresh.house.config / "hagw.conf"
    path.write_text(path.read_text().replace("acme: {", "acme: { # mine\n"))
    before = path.read_text()
    known = [("Keep its settings", "no"), ("Zone [home.meier.test]", ""), ("Public IPv4 address [resolve:house.dyn.test]", ""),
             ("Public IPv6 address [none]", ""), ("Name server [house.dyn.test]", "")]
    s = answer(Session(fresh, "setup", "--no-start"), [*known, ("Mail address [mailto:me@meier.test]", ""), ("User: ", "")])
    assert "hagw.conf is written" not in s.end(OK), "nothing changed"
    assert path.read_text() == before
    # One answer changes one line, and asks for nothing more.
    s = answer(Session(fresh, "setup", "--no-start"), [*known, ("Mail address", "you@meier.test"), ("User: ", "")])
    assert "Replace it" not in s.end(OK)
    assert path.read_text() == before.replace("me@meier.test", "you@meier.test")
    fresh.ok("setup", "--no-start", "--yes", "--contact=us@meier.test")
    assert path.read_text() == before.replace("me@meier.test", "us@meier.test"), "an option does as well"


def test_a_zone_s_values_are_changed_in_place(fresh):
    """What was answered differently, and nothing else; no question whether all of it may be replaced."""
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    path = fresh.house.config / "hagw.conf"
    path.write_text(path.read_text().replace("zones = (", "zones = ( # mine { name = \n").replace('#ttl = "60s"', 'ttl = "2m"'))
    before = path.read_text()
    assert 'ttl = "2m";' in before and before.count("house.dyn.test") == 2
    known = [("Keep its settings", "no"), ("Zone [home.meier.test]", "")]
    addresses = [("Public IPv4 address [resolve:house.dyn.test]", ""), ("Public IPv6 address [none]", "")]
    end = [("Mail address [mailto:me@meier.test]", ""), ("User: ", "")]
    s = answer(Session(fresh, "setup", "--no-start"), [*known, *addresses, ("Name server [house.dyn.test]", "other.dyn.test"), *end])
    assert "Replace it" not in s.end(OK)
    before = before.replace('name_server = "house.dyn.test"', 'name_server = "other.dyn.test"')
    assert path.read_text() == before and "other.dyn.test" in before
    # An option alone, which names no zone, is for the one there is.
    fresh.ok("setup", "--no-start", "--yes", "--force", "--name-server=ns.home.meier.test")
    before = before.replace("other.dyn.test", "ns.home.meier.test")
    assert path.read_text() == before
    assert "no zone that name_server" in fresh.refused(USAGE, "setup", "--no-start", "--yes", "--name-server=a.test", "--name-server=b.test")
    assert path.read_text() == before
    # Another name: in its place, with all that stands in it.
    (fresh.house.config / "hosts.d" / "nas.conf").write_text('name = "nas.home.meier.test";\nupstream = "http://127.0.0.1:1";\n')
    known[1] = ("Zone [home.meier.test]", "house.meier.test")
    s = answer(Session(fresh, "setup", "--no-start"), [*known, ("Replace home.meier.test? [yes]", ""), *addresses,
                                                       ("Name server [house.dyn.test]", "ns.home.meier.test"), *end])
    said = s.end(OK)
    assert "nas.home.meier.test lies in no zone of this gateway any more" in said and "host remove nas.home.meier.test" in said
    before = before.replace('name = "home.meier.test"', 'name = "house.meier.test"')
    assert path.read_text() == before
    # Or beside it.
    known[1] = ("Zone [house.meier.test]", "home.meier.test")
    s = answer(Session(fresh, "setup", "--no-start"), [*known, ("Replace house.meier.test?", "no"), *addresses, ("Name server [house.dyn.test]", ""), *end])
    assert "in no zone" not in s.end(OK)
    assert "2 zones" in fresh.ok("config", "check")
    added = path.read_text()
    assert added.count('caa = ( "ours" );') == 2 and added.count('name_server = "house.dyn.test";') == 1
    assert all(line in added for line in before.splitlines())


def test_a_broken_hagw_conf_is_told_before_the_first_question(fresh):
    fresh.house.config.mkdir()
    (fresh.house.config / "hagw.conf").write_text("zonse = ();\n")
    s = Session(fresh, "setup", "--no-start")
    shown = s.end(FAILED)
    assert 'did you mean "zones"' in shown and "--force" in shown and "Zone:" not in shown
    answer(Session(fresh, "setup", "--no-start", "--force"), [("Keep its settings", "no"), *ANSWERS]).end(OK)
    assert (fresh.house.config / "hagw.conf.old").read_text() == "zonse = ();\n"


def test_a_broken_host_is_told_before_the_first_question(fresh):
    """--force does not mend it."""
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    before = written(fresh)
    (fresh.house.config / "hosts.d" / "x.conf").write_text("name = ")
    for words in ([], ["--force", "--yes"], ["--yes", "--zone=other.test", "--force"]):
        shown = Session(fresh, "setup", "--no-start", *words).end(FAILED)
        assert "x.conf:1: syntax error" in " ".join(shown.split()) and "hagw-ctl host remove" in " ".join(shown.split()), shown
        assert "--force" not in shown and "Keep" not in shown and written(fresh) == before


def test_a_hagw_conf_without_a_setting_is_none(fresh):
    fresh.house.config.mkdir()
    (fresh.house.config / "hagw.conf").write_text("# mine\n")
    assert "Which zone is delegated" in fresh.refused(USAGE, "setup", "--no-start", "--yes")
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    assert 'name = "home.meier.test";' in written(fresh) and "# mine" in written(fresh) and 'caa = ( "ours" );' in written(fresh)


# --- given up ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["ctrl-c", "ctrl-d", "at the password"])
def test_answers_outlive_who_gives_up(fresh, how):
    """What was typed comes back as a command line, which asks for the rest."""
    s = answer(Session(fresh, "setup", "--no-start"), ANSWERS[:5])
    if how == "at the password":
        answer(s, [ANSWERS[5], ("User: ", "anna")])
        s.expect("Password for anna")
    else:
        s.expect("Home Assistant: ")
    s.send(b"\x04" if how == "ctrl-d" else b"\x03")
    shown = s.end(FAILED if how == "ctrl-d" else -signal.SIGINT)
    assert s.echoes() and "Nothing is written yet." in shown and not fresh.house.config.exists()
    words = shlex.split(re.search(r"^  hagw-ctl (.*)$", shown, re.M).group(1))
    assert "--zone=home.meier.test" in words and "--ipv4=resolve:house.dyn.test" in words and "--contact=mailto:me@meier.test" in words
    words = words[words.index("setup"):]
    rest = [("Password for anna", "")] if how == "at the password" else ANSWERS[5:]
    again = answer(Session(fresh, *words), rest).end(OK)
    assert "Zone: " not in again and 'name = "home.meier.test";' in written(fresh)


def test_a_password_that_is_not_taken_ends_nothing(fresh):
    tries = [("Password for anna (empty: later): ", "short")] * 3
    s = answer(Session(fresh, "setup", "--no-start"), [*ANSWERS[:6], ("User: ", "Anna"), *tries])
    shown = s.end(OK)
    assert "No password was taken; hagw-ctl user add anna takes one later." in shown and written(fresh)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGINT, signal.SIGABRT])
def test_no_signal_leaves_a_terminal_without_echo(asked, number):
    s = Session(asked, "user", "add", "anna")
    s.expect("Password for anna: ")
    assert not s.echoes()
    os.kill(s.pid, number)
    s.end(-number)
    assert s.echoes()


# A shell of its own: who has no parent in its session cannot be stopped from the terminal.
SHELL = """
import os, signal, sys
if (pid := os.fork()) == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
while os.WIFSTOPPED(how := os.waitpid(pid, os.WUNTRACED)[1]):
    print("stopped", pid, flush=True)
sys.exit(77 if os.WIFSIGNALED(how) else os.WEXITSTATUS(how))
"""


def test_a_stopped_program_leaves_the_terminal_its_echo(asked):
    asked.prefix = [sys.executable, "-c", SHELL]
    s = Session(asked, "user", "add", "anna")
    s.expect("Password for anna: ")
    assert not s.echoes()
    s.send(b"\x1a")
    s.expect("stopped ")
    s.expect("\n")
    assert s.echoes()
    os.kill(int(s.seen.split("stopped ")[1]), signal.SIGCONT)
    s.expect("Password for anna: ")
    assert not s.echoes()
    s.send(b"\x03")
    s.end(77)
    assert s.echoes()


@pytest.mark.parametrize("typed", [b"x" * 2000 + b"\n", b"\x04"])
def test_no_error_leaves_a_terminal_without_echo(asked, typed):
    s = Session(asked, "user", "add", "anna")
    for _ in range(3 if len(typed) > 1 else 1):
        s.expect("Password for anna: ")
        s.send(typed)
    s.end(*((USAGE,) if len(typed) > 1 else (FAILED,)))
    assert s.echoes()


def test_a_password_that_is_not_given(asked):
    s = Session(asked, "user", "add", "anna")
    s.expect("Password for anna: ")
    s.send(b"\x04")
    assert "The password was not given." in s.end(FAILED) and s.echoes()
    s.close()


def test_a_fourth_password_is_not_left_to_the_shell(asked):
    """Who did not see that it gave up types on: what nobody has read is thrown away."""
    s = Session(asked, "user", "add", "anna")
    for typed in (b"short\n", b"short\n", b"short\nfourth-secret\n"):
        s.expect("Password for anna: ")
        s.send(typed)
    shown = s.end(USAGE)
    assert "That was the third try, and the last." in shown and "fourth-secret" not in shown
    assert s.echoes() and fcntl.ioctl(s.kept, termios.FIONREAD, b"\0" * 4) == b"\0" * 4


# --- the machine ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [["setup"], ["attach", "relay.meier.test"]])
def test_who_is_not_root_is_told_first(fresh, tmp_path, words):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    for folder in [tmp_path, *tmp_path.parents]:
        if folder == folder.parent:
            break
        os.chmod(folder, folder.stat().st_mode | 0o055)
    fresh.program = shutil.copy(CTL, tmp_path)
    fresh.prefix = [sys.executable, "-c", "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])"]
    shown = Session(fresh, *words).end(DENIED)
    assert "needs root" in " ".join(shown.split()) and "sudo" in shown and "Zone" not in shown and "Code" not in shown


def test_no_systemd_is_told_before_the_first_question(fresh):
    shown = Session(fresh, "setup").end(UNREACHABLE)
    assert "systemd does not run here" in shown and "Zone" not in shown and not fresh.house.config.exists()


def test_a_failure_does_not_end_the_rest(machine):  # noqa: F811
    """systemctl complains, but the daemons are there: the user is made, the world is asked, and the last words are said."""
    start = machine.start
    machine.start = lambda verb, units: start(verb, units) or 1
    r = machine.run("setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--yes", "--user=anna", "--password-stdin", "--wait=0",
                    "--host=ha=http://127.0.0.1:8123", stdin=PASSWORD)
    assert r.returncode == UNREACHABLE and "hagw.target could not be started" in r.stderr
    assert last_words(r).startswith("- hagw did not come up: hagw-ctl log --errors tells why; then hagw-ctl setup goes on. -")
    assert "anna may log in." in r.stdout and "What is left to do" in r.stdout and "home.meier.test" in r.stderr
    assert [u["name"] for u in machine.json("user", "list")["users"]] == ["anna"]


def test_daemons_that_do_not_come_are_one_sentence(machine):  # noqa: F811
    """They are waited for once, not one after the other."""
    machine.start = lambda verb, units: 1
    r = machine.run("setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--yes", "--wait=0")
    assert r.returncode == UNREACHABLE and r.stderr.count(" not running") == 1, r.stderr
    assert 'hagw-dnsd, hagw-netd, hagw-keyd, hagw-acmed, hagw-proxyd, hagw-webd are not running; "systemctl status" with a name' in r.stderr
    assert r.stdout.count("Waiting for ") == 1, r.stdout


def test_a_host_that_leads_elsewhere_is_told_before_anything_is_written(fresh):
    answer(Session(fresh, "setup", "--no-start"), ANSWERS).end(OK)
    before = written(fresh)
    why = fresh.refused(FAILED, "setup", "--no-start", "--yes", "--contact=you@meier.test", "--host=ha=http://127.0.0.1:1", "--host=nas=http://127.0.0.1:2")
    assert "hagw-ctl host set ha.home.meier.test http://127.0.0.1:1 changes it." in why
    assert written(fresh) == before and len(list((fresh.house.config / "hosts.d").iterdir())) == 1


def last_words(r):
    return " ".join(r.stdout.split("What is left to do")[1].split())


def test_the_last_words_agree_with_what_was_found(machine):  # noqa: F811
    """Nobody is sent where a browser would show an error."""
    words = ("setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--yes", "--wait=0")
    upstream = Upstream(echo)
    try:
        r = machine.run(*words, "--host=ha=http://127.0.0.1:1")
        assert "visitors do not get through" in r.stdout
        assert "- When its service answers (hagw-ctl host show ha.home.meier.test tries it), visit https://ha.home.meier.test/" in last_words(r)
        # One that is nearer to it is spoken of; the delegation does not lead here.
        r = machine.run(*words, f"--host=music={upstream.url}")
        assert "- When the internet finds its way here, visit https://music.home.meier.test/" in last_words(r), r.stdout
        assert "UDP and TCP 53 for the name server." in last_words(r)
    finally:
        upstream.close()
    # With nothing that waits for an answer from outside, the certificate is next.
    upstream = Upstream(echo)
    try:
        machine.house.configure('public_address: { ipv4 = "none"; ipv6 = "none"; };\n')
        machine.ok("host", "add", "nas.meier.test", upstream.url, "--force")
        r = machine.run("setup", "--yes", "--wait=0")
        assert "- When its certificate is there (hagw-ctl cert list), visit https://nas.meier.test/" in last_words(r), r.stdout
        assert "- Visit" not in r.stdout and "Start hagw" not in r.stdout
    finally:
        upstream.close()


def test_who_waits_no_longer_is_told_what_is_left(machine):  # noqa: F811
    """Ctrl-C ends the waiting for certificates, and nothing else."""
    upstream = Upstream(echo)
    machine.env["NO_COLOR"] = "1"
    machine.house.configure('public_address: { ipv4 = "none"; ipv6 = "none"; }; acme: { directory = "https://127.0.0.1:1/dir"; };\n')
    try:
        machine.ok("host", "add", "nas.meier.test", upstream.url, "--force")
        s = Session(machine, "setup", "--wait=10min")
        s.expect("Keep its settings? [yes]")
        s.type("")
        s.expect("Waiting for the certificates, for at most 10 min:")
        s.expect("nas.meier.test: ")
        s.send(b"\x03")
        shown = " ".join(s.end(-signal.SIGINT).split())
        s.close()
    finally:
        upstream.close()
    assert "hagw-acmed goes on by itself; hagw-ctl cert list shows how it gets on." in shown
    assert f"https://nas.meier.test leads to {upstream.url}, which answers." in shown
    left = shown.partition("What is left to do")[2]
    assert "Nobody can log in, since there is no user yet: hagw-ctl user add NAME" in left and "When its certificate is there" in left and "hagw-ctl status shows how everything is." in left


def test_ctrl_c_while_hagw_starts(machine):  # noqa: F811
    """What is written is told, and how to go on."""
    held = threading.Event()
    machine.env["NO_COLOR"] = "1"
    machine.start = lambda verb, units: held.wait(60) and 0
    s = Session(machine, "setup", "--yes", "--wait=0", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force")
    try:
        s.expect("Starting hagw")
        s.send(b"\x03")
        shown = s.end(-signal.SIGINT)
    finally:
        held.set()
        s.close()
    assert 'The configuration is written; "hagw-ctl setup" goes on from here.' in " ".join(shown.split())
    assert 'name = "home.meier.test";' in written(machine)


def test_ctrl_c_while_the_world_is_asked(machine):  # noqa: F811
    machine.env["NO_COLOR"] = "1"
    s = Session(machine, "setup", "--yes", "--wait=0", "--zone=home.meier.test", "--ipv4=interface:nowhere9", "--ipv6=none")
    s.expect("Waiting for the public address")
    s.send(b"\x03")
    shown = s.end(-signal.SIGINT)
    s.close()
    assert "hagw runs and goes on by itself; hagw-ctl status shows how it gets on." in " ".join(shown.split())
    assert "What is left to do" not in shown and machine.run("status", "--no-delegation").returncode == FAILED


def test_every_service_is_tried(machine):  # noqa: F811
    """One that fails is found behind any number that answer; many that fail end it, which is said."""
    upstream = Upstream(echo)
    words = ("setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--yes", "--wait=0")
    try:
        r = machine.run(*words, *(f"--host=h{i}={upstream.url}" for i in range(9)), "--host=i=http://127.0.0.1:1")
        said = " ".join(r.stdout.split())
        assert f"https://h7.home.meier.test leads to {upstream.url}, which answers." in said, said
        assert "https://h8.home.meier.test leads to" not in said and "1 more answers." in said and "not tried" not in said
        assert "https://i.home.meier.test leads to http://127.0.0.1:1, and visitors do not get through:" in said
        assert json.loads(machine.run("--json", "setup", "--yes", "--wait=0").stdout)["failing"] == 1
        r = machine.run("setup", "--yes", "--wait=0", *(f"--host=a{i}=http://127.0.0.1:1" for i in range(8)))
        assert "10 more were not tried." in r.stdout and "https://h0.home.meier.test leads to" not in r.stdout, r.stdout
        assert json.loads(machine.run("--json", "setup", "--yes", "--wait=0").stdout)["failing"] == 8
    finally:
        upstream.close()


def test_exit_status_says_whether_visitors_can_come(machine):  # noqa: F811
    """0: they can, as far as is known; 1: it is written, and something keeps them away."""
    machine.house.config.mkdir(exist_ok=True)
    upstream = Upstream(echo)
    words = ("setup", "--yes", "--wait=0")
    try:
        # No zone that is asked for here: nothing but the service stands between.
        machine.house.configure('public_address: { ipv4 = "none"; ipv6 = "none"; };\n')
        machine.start_daemons()
        machine.ok("host", "add", "ha.meier.test", upstream.url, "--force")
        r = machine.run(*words)
        assert r.returncode == FAILED and "Nobody can log in, since there is no user yet" in last_words(r), (r.stdout, r.stderr)
        machine.ok("user", "add", "anna", "--password-stdin", stdin=PASSWORD)
        assert machine.run(*words).returncode == OK
        assert machine.run("host", "add", "nas.meier.test", "http://127.0.0.1:1", "--force").returncode == OK
        r = machine.run(*words)
        assert r.returncode == FAILED and "visitors do not get through" in r.stdout, (r.stdout, r.stderr)
        r = machine.run("--json", *words)
        assert r.returncode == FAILED and json.loads(r.stdout)["failing"] == 1, (r.stdout, r.stderr)
        assert "error" in json.loads(r.stderr.splitlines()[-1])
        # Nothing that anybody could come to: both say so, and what else there is.
        machine.house.configure('public_address: { ipv4 = "none"; ipv6 = "none"; };\n')
        r = machine.run(*words)
        assert r.returncode == FAILED and "hagw.conf names no zone, so that nobody comes" in r.stderr and "hagw-ctl attach RELAY CODE" in r.stderr, (r.stdout, r.stderr)
        told = machine.run("--json", "status")
        assert told.returncode == FAILED and any("names no zone" in p or "is not set up" in p for p in json.loads(told.stdout)["problems"]), told.stdout
    finally:
        upstream.close()


@pytest.mark.parametrize("start", [True, False])
def test_an_address_of_no_use_keeps_visitors_away(machine, start):  # noqa: F811
    r = machine.run("setup", "--zone=home.meier.test", "--ipv4=192.168.1.4", "--ipv6=none", "--yes", "--wait=0", *([] if start else ["--no-start"]))
    assert r.returncode == FAILED and written(machine), (r.stdout, r.stderr)
    # Once: when it was given.
    assert r.stderr.count("nobody on the internet reaches") == 1 and "192.168.1.4 is no public address (private use)" in r.stderr, r.stderr
    assert "Not every way in is open: what stands above says which" in " ".join(r.stdout.split()) or start
    # One that stands there is told by each.
    r = machine.run("setup", "--yes", "--wait=0", *([] if start else ["--no-start"]))
    assert r.returncode == FAILED and r.stderr.count("nobody on the internet reaches") == 1, (r.stdout, r.stderr)
    assert "The public IPv4 address is 192.168.1.4, which nobody on the internet reaches (private use)." in r.stderr


def test_an_address_that_was_meant_is_told_once(fresh):
    """Also where a person was asked."""
    answers = [("Public IPv4 address", "192.168.1.4"), ("private use", None), ("[no]", "yes"), ("Public IPv6 address", "fd00::1"), ("[no]", "no"),
               ("Public IPv6 address", "none"), *ANSWERS[3:]]
    shown = answer(Session(fresh, "setup", "--no-start", "--zone=home.meier.test"), answers).end(FAILED)
    assert " ".join(shown.split()).count("192.168.1.4 is") == 1 and "Not every way in is open" in " ".join(shown.split()), shown


def test_an_address_that_is_missing_is_told(machine):  # noqa: F811
    """Though the other family has one: a name that was mistyped would show days later."""
    r = machine.run("setup", "--zone=home.meier.test", "--ipv4=interface:lo", "--ipv6=static:2001:db8::1", "--laboratory", "--yes",
                    "--wait=0")
    assert "The house's public address: 2001:db8::1" in r.stdout and r.returncode == FAILED, (r.stdout, r.stderr)
    assert re.search(r"The public IPv4 address could not be confirmed: lo .*public_address.ipv4 = \"none\" in hagw.conf says so.", r.stderr), r.stderr
    assert 'public_address.ipv4 = "none" in hagw.conf says so' in " ".join(machine.run("status", "--no-delegation").stdout.split())
    r = machine.run("setup", "--ipv4=none", "--yes", "--wait=0")
    assert "could not be confirmed" not in machine.run("status", "--no-delegation").stdout


def test_a_relay_is_not_spoken_to_as_a_house(machine):  # noqa: F811
    words = ("setup", "--relay", "--zone=relay.meier.test", "--ipv4=static:203.0.113.10", "--ipv6=none", "--laboratory", "--yes", "--wait=0")
    r = machine.run(*words)
    assert "This relay's public address: 203.0.113.10" in r.stdout, (r.stdout, r.stderr)
    said = " ".join((r.stdout + r.stderr).split())
    assert "house's" not in said and "router" not in said and "let the firewall pass port 53, UDP and TCP" in said
    assert "in the last 0 s" not in said


@pytest.mark.parametrize("more,whom", [((), "nobody from outside finds this house. One that has none of its own is reached through a relay: hagw-ctl attach RELAY CODE"),
                                       (("--relay",), "nobody finds this relay.")])
def test_no_address_at_all(fresh, more, whom):
    """It may be meant, and is no slip then: --force says so."""
    words = ("setup", "--no-start", "--yes", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", *more)
    said = " ".join(fresh.refused(USAGE, *words).split())
    assert f"Without a public address {whom}" in said and said.endswith("--force takes it so."), said
    assert not (fresh.house.config / "hagw.conf").exists()
    r = fresh.run(*words, "--force")
    assert r.returncode == OK and f"Without a public address {whom}" in " ".join(r.stderr.split()), r
    assert 'ipv4 = "none";' in written(fresh) and 'ipv6 = "none";' in written(fresh)
    # That there is one to lose is known by the file.
    fresh.ok("setup", "--no-start", "--yes", "--ipv4=8.8.8.8")
    assert "--force takes it so." in fresh.refused(USAGE, "setup", "--no-start", "--yes", "--ipv4=none")
    # What nobody touches is nobody's question.
    fresh.ok("setup", "--no-start", "--yes", "--ipv4=none", "--force")
    fresh.ok("setup", "--no-start", "--yes", "--contact=me@meier.test")


def test_no_address_at_all_is_asked_about(fresh):
    s = answer(Session(fresh, "setup", "--no-start"), [
        ("Zone: ", "home.meier.test"), ("Public IPv4 address", "none"), ("Public IPv6 address", "none"), ("hagw-ctl attach RELAY CODE", None),
        ("Go on without one? [no]", ""), ("Public IPv4 address", "8.8.8.8"), ("Public IPv6 address", "none"), ("Name server", "")])
    s.expect("Mail address")
    s.send(b"\x03")
    shown = s.end(-signal.SIGINT).partition("This keeps what was answered")[2]
    assert shown.count("--ipv4=") == 1 and shown.count("--ipv6=") == 1 and "--ipv4=static:8.8.8.8" in shown, shown
    s = answer(Session(fresh, "setup", "--no-start", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none"), [("Go on without one? [no]", "no")])
    assert "give --ipv4 or --ipv6 a source" in s.end(USAGE)
    assert not (fresh.house.config / "hagw.conf").exists()
    answer(Session(fresh, "setup", "--no-start", "--zone=home.meier.test", "--ipv4=none", "--name-server="), [
        ("Public IPv6 address", "none"), ("Go on without one? [no]", "yes"), ("Mail address", ""), ("Home Assistant: ", ""), ("User: ", "")]).end(OK)


def test_a_house_behind_a_relay_needs_no_address(machine):  # noqa: F811
    machine.house.configure('zones = ( { name = "anna.relay.meier.test"; via = "relay"; } );\nrelay: { address = "127.0.0.1:1"; tenant = "anna"; };\n')
    r = machine.run("setup", "--yes", "--no-start", "--ipv4=none", "--ipv6=none")
    assert r.returncode == OK and "Without a public address" not in r.stderr, r


def test_nothing_of_a_router_behind_a_relay(machine):  # noqa: F811
    """No port is to be opened, and no address is missed."""
    machine.house.configure('zones = ( { name = "anna.relay.meier.test"; via = "relay"; } );\npublic_address: { ipv4 = "none"; ipv6 = "none"; };\n'
                            'relay: { address = "127.0.0.1:1"; tenant = "anna"; };\n')
    r = machine.run("setup", "--yes", "--wait=0")
    assert "public address" not in r.stdout + r.stderr and "router" not in last_words(r).lower(), (r.stdout, r.stderr)
    shown = machine.run("status", "--no-delegation").stdout
    assert "Addresses\n  none needed: visitors come through the relay\n" in shown and "  off" not in shown


def ended(units, status, starting=False):
    """What systemctl shows of units that end and are started again."""
    return "\n".join(f"Id={u}.service\nSubState={'start' if starting else 'auto-restart'}\nExecMainStatus={0 if starting else status}\n" for u in units)


@pytest.mark.parametrize("verb", ["setup", "attach"])
def test_a_container_that_refuses_user_namespaces(machine, hagw_users, tmp_path, verb):  # noqa: F811
    """The units end with systemd's own status 217 until the drop-in is there, and systemd has read it."""
    folder = tmp_path / "units"
    folder.mkdir()
    machine.env |= {"HAGW_UNIT_DIR": str(folder), "NO_COLOR": "1"}
    drop_in, start, known = folder / "hagw-.service.d" / "90-container.conf", machine.start, []

    def act(verb, units):
        if verb == "daemon-reload":
            known[:] = ["yes"] if drop_in.exists() else []
        elif verb == "show":
            return 0, ended(units, 0 if known else 217)
        elif known:
            return start(verb, units)
        return 0
    machine.start = act
    if verb == "attach":
        words, questions = ["attach", "127.0.0.1:1", "7K3M-Q9XT-2VBN-HD4W"], [("Mail address", ""), ("Home Assistant", ""), ("User: ", "")]
    else:
        words = ["setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--wait=0", "--name-server=ns.home.meier.test"]
        questions = ANSWERS[4:]
    s = answer(Session(machine, *words), [*questions, ("refuses it a user namespace", None), ("Write it? [yes]", "")])
    shown = s.end(FAILED)
    assert "PrivateUsers=no" in drop_in.read_text() and "[Service]" in drop_in.read_text()
    assert "is not running" not in shown.split("Write it?")[1], shown


def test_a_unit_that_cannot_start_is_found_behind_its_socket(machine, hagw_users):  # noqa: F811
    """Once it is switched on, systemd's sockets take each call, and nobody answers: one or two of those are enough to ask why. While
    systemd starts it once more it has forgotten how it ended."""
    calls = collections.defaultdict(list)
    starting = [False, True, True, True]

    def take(name, listener):
        with contextlib.suppress(OSError):
            while True:
                calls[name].append(listener.accept()[0])
    with contextlib.ExitStack() as stack:
        def act(verb, units):
            for name in ("Dns", "Net", "Key", "Acme", "Proxy", "Web") if verb == "enable" else ():
                listener = stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(str(machine.house.runtime / f"io.hagw.{name}"))
                listener.listen(64)
                stack.callback(listener.shutdown, socket.SHUT_RDWR)
                threading.Thread(target=take, args=(name, listener), daemon=True).start()
            return (0, ended(units, 217, starting[0] if len(starting) == 1 else starting.pop())) if verb == "show" else 0
        machine.start = act
        r = machine.run("setup", "--zone=home.meier.test", "--ipv4=none", "--ipv6=none", "--force", "--yes")
    assert r.returncode != 0 and "refuses it a user namespace" in " ".join(r.stderr.split()), r.stderr
    assert 0 < len(calls["Dns"]) < 5, "one try after the other while it is known why"
    assert not any(calls[name] for name in ("Net", "Key", "Acme")), "the others meet the same"


def test_status_knows_a_machine_that_refuses_user_namespaces(booted, hagw_users):  # noqa: F811
    """Once for all daemons, and not as six that are silent, one after the other."""
    booted.house.configure('zones = ( { name = "home.meier.test"; } );\n')
    booted.start = lambda verb, units: (0, ended(units, 217)) if verb == "show" else 0
    with contextlib.ExitStack() as stack:
        listeners = {name: stack.enter_context(socket.socket(socket.AF_UNIX)) for name in ("Dns", "Net", "Key", "Acme", "Proxy", "Web")}
        for name, listener in listeners.items():
            listener.bind(str(booted.house.runtime / f"io.hagw.{name}"))
            listener.listen(64)
            listener.setblocking(False)
        said = booted.run("--json", "status")
        asked = []
        for name, listener in listeners.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    asked.append((name, stack.enter_context(listener.accept()[0]))[0])
    assert asked == ["Dns"], asked
    problems = json.loads(said.stdout)["problems"]
    found = [p for p in problems if "refuses hagw's daemons a user namespace of its own (PrivateUsers=)" in p]
    assert len(found) == 1 and "hagw-ctl setup offers the drop-in" in found[0], problems
    assert said.returncode != 0 and not [p for p in problems if "did not answer" in p], problems


def test_the_last_words_with_a_pattern(fresh):
    words = ("setup", "--no-start", "--yes", "--zone=home.meier.test", "--ipv4=none")
    said = fresh.ok(*words, "--host=*.apps.home.meier.test=http://127.0.0.1:81")
    assert "Visit any name below apps.home.meier.test, such as https://x.apps.home.meier.test/" in said
    assert "hagw-ctl host show '*.apps.home.meier.test'" in said and "https://home.meier.test" not in said
    said = fresh.ok(*words, "--host=ha=unix:/run/ha")
    assert "- Visit https://ha.home.meier.test/" in said, "rather a name than a pattern"
    assert "- Start hagw: systemctl enable --now hagw.target" in said

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Troubles that bring others: status tells the cause, and leaves out what follows from it. In the daemons' place stand sockets that answer
as the daemons do in such houses, so that every combination can be made; each error is worded as the daemon words it."""

import grp
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from conftest import hagw_users  # noqa: F401 (fixture)
from ctl_tools import FAILED, OK, UNREACHABLE, Booted, Ctl, Session, booted, ctl  # noqa: F401

ZONE, OTHER, HOUSE = "home.test", "cabin.test", "8.8.8.8"
CONFIG = f'zones = ( {{ name = "{ZONE}"; }}, {{ name = "{OTHER}"; }} );\n'
RELAYED = 'zones = ( { name = "anna.relay.test"; via = "relay"; } );\nrelay: { address = "relay.test"; tenant = "anna"; };\n'
HOUR = 3600


def usec(seconds):
    return int((time.time() + seconds) * 1e6)


class Stand:
    """A daemon's socket: {method's last word: reply, or a function of the parameters}; one with parameters is an error."""

    def __init__(self, runtime, interface, answers):
        self.interface, self.answers = interface, answers
        self.listener = socket.socket(socket.AF_UNIX)
        self.path = runtime / interface
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()
            except OSError:
                return

    def serve(self, client):
        with client, client.makefile("rb") as f:
            data = b""
            while byte := f.read(1):
                if byte != b"\0":
                    data += byte
                    continue
                message, data = json.loads(data), b""
                answer = self.answers.get(message["method"].rpartition(".")[2])
                if callable(answer):
                    answer = answer(message.get("parameters") or {})
                if answer is None:
                    reply = {"error": "org.varlink.service.MethodNotFound", "parameters": {"method": message["method"]}}
                elif "parameters" in answer:
                    reply = answer
                else:
                    reply = {"parameters": answer}
                client.sendall(json.dumps(reply).encode() + b"\0")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.path.unlink()


def certificate(name, state="valid", **more):
    return {"name": name, "names": [name], "state": state, "ordering": False, "source": "acme", "wanted": True, "notBeforeUSec": usec(-HOUR),
            "notAfterUSec": usec(HOUR * 24 * 60), "failures": 0, **more}


class Place:
    """A healthy house, whose answers a test changes."""

    def __init__(self, ctl):  # noqa: F811
        self.ctl, self.config = ctl, CONFIG
        describe = {"Describe": {"version": "1", "status": "fine", "configUSec": usec(0)}}
        self.certificates = [certificate(ZONE), certificate(OTHER)]
        self.addresses = [{"family": "ipv4", "source": f"static:{HOUSE}", "address": HOUSE, "knowledge": "known", "confirmedUSec": usec(0)},
                          {"family": "ipv6", "source": "none", "knowledge": "none"}]
        self.hosts, self.files, self.relay, self.listeners = [], {}, {}, []
        self.glue = [HOUSE]
        self.since, self.outside, self.trial = HOUR, [], {"inside": False, "ways": [{"family": "ipv4", "transport": t} for t in ("udp", "tcp")], "questions": []}
        self.clock, self.hears, self.visitors = 0, True, {"sinceUSec": usec(-HOUR), "outside": []}
        self.answers = {
            "Dns": {**describe, "ListListeners": lambda _: {"listeners": self.listeners}, "MakeTrial": lambda p: {"name": f"_hagw-x.{p['zone']}", "value": "x"},
                    "ListZones": lambda _: {"zones": [{"name": z, "serial": 1, "outsideSinceUSec": usec(-self.since), "outside": self.outside} for z in (ZONE, OTHER)]},
                    "DescribeTrial": lambda _: {**self.trial, "outsideUdp": self.hears, "outsideTcp": self.hears, **({} if self.hears else {"ways": []})}},
            "Net": {**describe, "Watch": lambda _: {"addresses": self.addresses}, "Query": self.query}, "Key": {**describe},
            "Acme": {**describe, "Watch": lambda _: {"certificates": self.certificates, **({"clockDifferenceUSec": self.clock} if self.clock else {})}},
            "Proxy": {**describe, "ListHosts": lambda _: {"hosts": self.hosts}, "ListHops": {"hops": []}, "DescribeOutside": lambda _: self.visitors,
                      "DescribeRelay": lambda _: self.relay or {"error": "io.hagw.Proxy.NoRelay", "parameters": {}}},
            "Web": {**describe, "ListSessions": {"sessions": []}, "ListRefusals": {"refusals": []}}}
        self.stands = {}

    def query(self, p):
        """The resolver, and the zone above."""
        if p["type"] == "TXT" and not self.hears:
            return {"error": "io.hagw.Net.ResolverFailed", "parameters": {"name": p["name"], "reason": "no answer in time"}}
        answers, authority, glue = {"NS": ["ns.test."], "A": ["9.9.9.9"], "TXT": ['"x"']}.get(p["type"], []), [], []
        if p["type"] == "NS" and "server" in p:
            answers, authority = [], [f"ns.{p['name']}."]
            glue = [{"name": f"ns.{p['name']}", "address": a} for a in self.glue]
        return {"rcode": "NOERROR", "authoritative": False, "truncated": False, "answers": answers, "authority": authority, "glue": glue}

    def describe(self, name, **more):
        self.answers[name] = {**self.answers[name], "Describe": {**self.answers[name]["Describe"], **more}}

    def start(self, *without):
        self.ctl.house.configure(self.config, **self.files)
        for name, answers in self.answers.items():
            if name not in without:
                self.stands[name] = Stand(self.ctl.house.runtime, f"io.hagw.{name}", answers)

    def found(self, status=FAILED, *words, hostless=False):
        r = self.ctl.run("--json", "status", *words)
        said = json.loads(r.stdout)
        assert r.returncode == status, (r.returncode, said["problems"], said["notices"])
        # Most of these houses need no host for what they show.
        return said["problems"], [n for n in said["notices"] if hostless or not n.startswith("There is no host, ")]

    def only(self, begin, *words, status=FAILED, notices=()):
        """The one problem, and nothing but these notices."""
        problems, noticed = self.found(status)
        assert len(problems) == 1 and begin in problems[0] and all(w in problems[0] for w in words), problems
        assert len(noticed) == len(notices) and all(n in m for n, m in zip(notices, noticed)), noticed
        return problems[0]

    def close(self):
        for s in self.stands.values():
            s.close()


@pytest.fixture
def place(ctl):  # noqa: F811
    p = Place(ctl)
    yield p
    p.close()


def fail(error, state="failed", **more):
    return {"state": state, "error": error, "failures": 2, "nextUSec": usec(HOUR), **more}


def test_a_healthy_house(place):
    place.start()
    assert place.found(OK) == ([], [])
    assert "Everything is fine" in place.ctl.ok("status")


NO_HOST = "There is no host, so that visitors find nothing here: hagw-ctl host add ha http://192.168.1.4:8123"
RELAY = CONFIG + f'tenants: {{ zone = "{ZONE}"; }};\n'


@pytest.mark.parametrize("config, hosts, told", [(CONFIG, {}, True), (CONFIG, {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}, False), (RELAY, {}, False)])
def test_a_house_without_a_host(place, config, hosts, told):
    """Nobody needs to do anything: it may answer DNS and have certificates for others. A relay's visitors go to its tenants."""
    place.config, place.files, place.hosts = config, hosts, [{"name": f"ha.{ZONE}", "health": "ok", "certificate": True}] if hosts else []
    if config == RELAY:
        place.answers["Tenant"] = {"Describe": {"version": "1", "status": "fine", "configUSec": usec(0)}}
    place.start()
    assert (NO_HOST in place.found(json.loads(place.ctl.run("--json", "status").stdout)["problems"] and FAILED or OK, hostless=True)[1]) == told


def test_a_folder_of_hosts_that_is_not_there(place):
    """Nothing was kept of it; else test_kept.py has it."""
    place.start()
    (place.ctl.house.config / "hosts.d").rmdir()
    place.only(f"There is no {place.ctl.house.config}/hosts.d, in which hosts have their files: hagw-ctl host add makes it")
    (place.ctl.house.config / "hosts.d").mkdir()
    assert place.found(OK, hostless=True) == ([], [NO_HOST])


def tightened(place):
    """What makes the files as the package does: the daemons still read them."""
    config = place.ctl.house.config
    return f"{f'chgrp -R hagw {config}; ' if any(g.gr_name == 'hagw' for g in grp.getgrall()) else ''}chmod -R g=rX,o= {config}"


@pytest.mark.parametrize("path", [".", "hagw.conf", "hosts.d", "hosts.d/ha.conf"])
def test_files_that_everybody_may_change(place, path):
    """With the remedy that is told it is over."""
    place.files, place.hosts = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}, [{"name": f"ha.{ZONE}", "health": "ok", "certificate": True}]
    place.start()
    file = (place.ctl.house.config / path).resolve()
    assert place.found(OK) == ([], [])
    file.chmod(file.stat().st_mode | 0o002)
    said = place.only(f"{file} can be changed by everybody on this machine, and with it who gets in here: {tightened(place)}")
    subprocess.run(["sh", "-ec", said.rpartition(": ")[2]], check=True)
    assert place.found(OK) == ([], [])
    assert file.stat().st_mode & 0o007 == 0, "nor may everybody read it then"


def test_files_that_everybody_may_read(place):
    """Where everybody comes to them; with the remedy that is told it is over."""
    place.start()
    config = place.ctl.house.config
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        open_to_all = Path(folder) / "etc"
        shutil.move(config, open_to_all)
        config = place.ctl.house.config = open_to_all
        assert place.found(OK) == ([], []), "the folder above is shut"
        Path(folder).chmod(0o755)
        for path, mode in ((".", 0o755), ("hosts.d", 0o755), ("hagw.conf", 0o644)):
            (open_to_all / path).chmod(mode)
        problems, notices = place.found(OK)
        said, = notices
        assert not problems and said == (f"{config}/hagw.conf can be read by everybody on this machine, and with it what hagw knows of this house: "
                                         f"{tightened(place)}")
        subprocess.run(["sh", "-ec", said.rpartition(": ")[2]], check=True)
        assert place.found(OK) == ([], [])


def test_files_that_the_daemons_may_change(place, hagw_users):  # noqa: F811
    place.start()
    file = place.ctl.house.config / "hagw.conf"
    os.chown(file, 0, grp.getgrnam("hagw").gr_gid)
    file.chmod(0o660)
    place.only(f"{file} can be changed by hagw's daemons, and with it who gets in here")
    (place.ctl.house.config / "hosts.d").chmod(0o777)
    place.only(f"{file} (and 1 more) can be changed by hagw's daemons")
    file.chmod(0o640)
    place.only(f"{place.ctl.house.config}/hosts.d can be changed by everybody on this machine")


@pytest.mark.parametrize("path", ["", "hagw.conf", "hosts.d", "hosts.d/ha.conf"])
def test_files_of_somebody_else(place, path):
    """Whose they are takes a login off, whatever the mode is. With the remedy that is told it is over."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    place.files, place.hosts = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}, [{"name": f"ha.{ZONE}", "health": "ok", "certificate": True}]
    place.start()
    file = (place.ctl.house.config / path).resolve()
    for uid, who in ((1, "daemon"), (65000, "the user 65000")):
        os.chown(file, uid, -1)
        said = place.only(f"{file} can be changed by its owner, {who}, and with it who gets in here: chown -R root {place.ctl.house.config}")
        subprocess.run(["sh", "-ec", said.rpartition(": ")[2]], check=True)
        assert place.found(OK) == ([], [])


def test_daemons_that_are_silent_are_asked_once(place):
    """For each there is one call to wait for, and the patience for all is one (test-patience.c)."""
    asked = []
    place.start(*place.answers)
    listeners = []
    for name in place.answers:
        s = socket.socket(socket.AF_UNIX)
        s.bind(str(place.ctl.house.runtime / f"io.hagw.{name}"))
        s.listen(64)
        s.setblocking(False)
        listeners.append((name, s))
    said = json.loads(place.ctl.run("--json", "status").stdout)
    assert all(d["silent"] for d in said["daemons"]) and len(said["daemons"]) == 6
    for name, s in listeners:
        while True:
            try:
                s.accept()[0].close()
            except BlockingIOError:
                break
            asked.append(name)
        s.close()
    assert sorted(asked) == sorted(place.answers)


def test_keyd_is_off(place):
    place.certificates = [certificate(ZONE, **fail("hagw-keyd could not be asked: Connection refused")),
                          certificate(OTHER, **fail("hagw-keyd did not sign: Connection refused", "expiring"))]
    place.start("Key")
    place.only("hagw-keyd is not running", status=UNREACHABLE)


def test_keys_are_gone(place):
    """Visitors are kept away, however long the certificate is good. What nobody asks for keeps nobody away."""
    place.certificates = [certificate(ZONE, "keyless", ordering=True), certificate(OTHER, "keyless", ordering=True),
                          certificate("ha.old.test", "keyless", wanted=False)]
    place.start()
    assert place.only(f"hagw-keyd has no key for the certificate {ZONE} (and 1 more) any more").endswith("a new one is ordered. An order is under way.")
    place.certificates = [certificate(ZONE, **fail("over my dead body", "keyless")), certificate("ha.old.test", "keyless", source="imported")]
    problems, notices = place.found()
    assert len(problems) == 2 and not notices
    assert "over my dead body" in problems[0] and "hagw-ctl cert import CHAIN KEY" in problems[1]


class Systemd(Booted):
    """It says of every unit that it is up, but of those of which a test says more."""

    def __init__(self, house):
        super().__init__(house)
        self.units = {}

    def act(self, words):
        if words[0] != "show":
            return super().act(words)
        up = {"LoadState": "loaded", "ActiveState": "active", "ConditionResult": "yes", "InactiveEnterTimestamp": ""}
        return 0, "\n".join("".join(f"{k}={v}\n" for k, v in {"Id": u, **up, **self.units.get(u, {})}.items()) for u in words[1:])


class Asked(dict):
    """A daemon's answers, and what it was asked."""

    def __init__(self, answers):
        super().__init__(answers)
        self.asked = []

    def get(self, method):
        self.asked.append(method)
        return super().get(method)


@pytest.fixture
def systemd(house):
    s = Systemd(house)
    p = Place(s)
    s.place, s.dns = p, Asked(p.answers["Dns"])
    p.answers["Dns"] = s.dns
    yield s
    p.close()
    s.close()


STOPPED = {"ActiveState": "inactive", "InactiveEnterTimestamp": f"@{int(time.time()) - 8 * 60 - 5}"}


def test_a_daemon_that_somebody_stopped(systemd):
    """Its socket is open still, and whoever asks there starts it."""
    systemd.units = {"hagw-dnsd.service": STOPPED}
    systemd.place.start()
    said = systemd.place.only("hagw-dnsd was stopped ", status=UNREACHABLE)
    assert re.fullmatch(r"hagw-dnsd was stopped \d+ min ago: systemctl start hagw-dnsd\.service starts it\.", said), said
    shown = systemd.run("status").stdout
    assert re.search(r"^ +hagw-dnsd +off ", shown, re.M) and systemd.dns.asked == []


def test_several_that_somebody_stopped(systemd):
    systemd.units = {f"hagw-{n}.service": STOPPED for n in ("dnsd", "webd")}
    systemd.place.start()
    systemd.place.only("hagw-dnsd, hagw-webd are not running", "systemctl start hagw.target", status=UNREACHABLE)
    assert systemd.dns.asked == []


@pytest.mark.parametrize("units", [
    {"hagw-dnsd.service": {**STOPPED, "Job": "17"}},
    {"hagw-dnsd.service": {**STOPPED, "ActiveState": "activating"}},
    {"hagw-dnsd.service": {**STOPPED, "InactiveEnterTimestamp": ""}},
    {"hagw-dnsd.service": STOPPED, "hagw.target": {"ActiveState": "inactive"}},
    {"hagw-tenantd.service": STOPPED}, {"hagw-dnsd.service": STOPPED, "hagw-dnsd.socket": {"ActiveState": "activating"}}],
    ids=["restarts", "starts", "waits for its first caller", "before the target", "no relay", "before its socket"])
def test_a_daemon_that_nobody_stopped(systemd, units):
    systemd.units = units
    systemd.place.start()
    assert systemd.place.found(OK) == ([], []) and systemd.dns.asked


ENDS = {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainCode": "1", "ExecMainStatus": "203"}
ALL = [f"hagw-{n}.service" for n in ("dnsd", "netd", "keyd", "acmed", "proxyd", "webd")]


def test_a_daemon_that_ends_each_time(systemd):
    """systemd listens at its socket, and whoever asks there would wait in vain."""
    systemd.units = {"hagw-dnsd.service": ENDS}
    systemd.place.start()
    assert systemd.place.only("hagw-dnsd does not run", status=UNREACHABLE) == (
        "hagw-dnsd does not run: it ends with exit status 203 each time that systemd starts it; hagw-ctl log --daemon=hagw-dnsd tells why.")
    assert systemd.dns.asked == []
    systemd.units["hagw-dnsd.service"] = {**ENDS, "SubState": "auto-restart-queued", "ExecMainCode": "2", "ExecMainStatus": "6"}
    systemd.place.only("hagw-dnsd does not run: it is ended by signal 6 each time", status=UNREACHABLE)
    systemd.units["hagw-webd.service"] = ENDS
    systemd.place.only("hagw-dnsd and 1 more do not run: they end each time that systemd starts them", status=UNREACHABLE)
    systemd.units["hagw-keyd.service"] = STOPPED
    systemd.place.only("hagw-dnsd, hagw-keyd, hagw-webd are not running", status=UNREACHABLE)
    assert systemd.dns.asked == []


@pytest.mark.parametrize("words", [("host", "list"), ("host", "show", "ha")])
def test_who_shows_hosts_does_not_wait_for_one_that_ends_each_time(systemd, words):
    """It says what status says."""
    systemd.place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}
    systemd.units = {"hagw-proxyd.service": ENDS}
    systemd.place.start()
    r = systemd.run(*words)
    assert r.returncode == UNREACHABLE and "hagw-proxyd does not run: it ends with exit status 203 each time that systemd starts it" in r.stderr, r


def test_all_end_each_time(systemd):
    systemd.units = {unit: ENDS for unit in ALL}
    systemd.place.start()
    systemd.place.only("hagw-dnsd and 5 more do not run", status=UNREACHABLE)
    assert systemd.dns.asked == []


@pytest.mark.parametrize("running", [True, False])
def test_hagw_conf_is_gone(systemd, running):
    """Of a machine that was set up the copy is told, and nobody is waited for."""
    place, house = systemd.place, systemd.house
    kept = house.root / "kept"
    systemd.env["HAGW_KEPT_DIR"] = str(kept)
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1"; access: {{ login = "none"; }};'}
    place.start()
    systemd.ok("config", "keep")
    conf = house.config / "hagw.conf"
    conf.unlink()
    if not running:
        systemd.units = {unit: ENDS for unit in ALL}
    lost = (f"There is no {conf} any more, without which hagw does not start. The last good one comes back by: cp -p {kept}/hagw.conf {house.config}/; "
            "systemctl restart hagw.target")
    problems, _ = place.found(FAILED if running else UNREACHABLE, "--no-delegation")
    assert problems == [lost] and (running or systemd.dns.asked == [])
    for words in (["host", "list"], ["config", "check"], ["reload"], ["host", "add", "x", "http://127.0.0.1:1"]):
        assert lost in systemd.run(*words).stderr, words


def test_a_host_of_a_house_that_is_stopped(ctl):
    """Nobody can try it, and it is told when it counts."""
    (ctl.house.config / "hagw.conf").write_text(CONFIG)
    for words in (["add", "x.home.test", "http://127.0.0.1:1"], ["set", "x.home.test", "--login=none"]):
        assert "It is in force when hagw runs: systemctl start hagw.target\n" in ctl.ok("host", *words), words


def test_hosts_without_hagw_conf_are_unknown(ctl):  # noqa: F811
    """Nobody knows them, whatever their files are; where there is none either, there is none."""
    ctl.house.configure("", ha=f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1";\n')
    (ctl.house.config / "hagw.conf").unlink()
    assert "Hosts\n  unknown\n" in ctl.run("status").stdout
    (ctl.house.config / "hosts.d" / "ha.conf").unlink()
    assert "Hosts\n  none\n" in ctl.run("status").stdout


def test_a_draft_that_is_not_there(systemd):
    systemd.place.start()
    assert systemd.run("config", "check", "/nonexist").stderr == "hagw-ctl: There is no /nonexist/hagw.conf.\n"


def test_on_a_relay_hagw_tenantd_waits_for_who_asks(systemd):
    systemd.units = {"hagw-tenantd.service": STOPPED}
    systemd.place.config = 'zones = ( { name = "relay.test"; } );\ntenants: { zone = "relay.test"; };\n'
    tenantd = systemd.place.answers["Tenant"] = Asked({"Describe": {"version": "1", "status": "fine"}})
    systemd.place.start()
    assert "was stopped" not in systemd.run("status", "--no-delegation").stdout and tenantd.asked


def test_nothing_was_stopped_where_nothing_is_set_up(systemd):
    systemd.units = {"hagw-dnsd.service": STOPPED}
    systemd.place.config = ""
    systemd.place.start()
    assert "was stopped" not in systemd.run("status", "--no-delegation").stdout and systemd.dns.asked


def test_webd_is_off(place):
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}
    place.hosts = [{"name": f"ha.{ZONE}", "health": "failing", "error": "the login service does not answer; see systemctl status hagw-webd"}]
    place.start("Web")
    place.only("hagw-webd is not running", status=UNREACHABLE)


def test_proxyd_is_off(place):
    """No host is loaded, and no relay or port is answered for."""
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}
    place.certificates[0] |= fail("hagw-proxyd cannot be asked for the relay: Connection refused")
    place.start("Proxy")
    place.only("hagw-proxyd is not running", status=UNREACHABLE)


def test_several_are_off(place):
    place.certificates[0] |= fail("hagw-keyd could not be asked: Connection refused")
    place.start("Key", "Web", "Dns")
    place.only("hagw-dnsd, hagw-keyd, hagw-webd are not running", "systemctl start hagw.target", status=UNREACHABLE)


@pytest.mark.parametrize("off", [(), ("Web",), ("Key", "Web"), ("Dns", "Net", "Key", "Acme", "Proxy", "Web")])
def test_a_broken_configuration(place, off):
    """Who keeps the old one, and who could not start, has the same cause."""
    place.config = "zones = 5;\n"
    for name in place.answers:
        place.describe(name, configError="hagw.conf:1: \"zones\" is no list")
    place.start(*off)
    said = place.only("The configuration in ", "hagw.conf:1", "Mend it", status=UNREACHABLE if off else FAILED)
    for words, n in (("so what was in force before stays", 0), ("hagw-webd is not running", 1), ("hagw-keyd, hagw-webd are not running", 2),
                     ("hagw is not running", 6)):
        assert (words in said) == (n == len(off)), said


def test_hosts_that_wait_for_the_configuration_to_be_mended(place):
    place.files = {n: f'name = "{n}.{ZONE}"; upstream = "http://127.0.0.1:1";' for n in ("ha", "cam")}
    place.start()
    place.only(f"hagw-proxyd does not know cam.{ZONE} and 1 more yet, so that visitors are turned away there: hagw-ctl reload")
    place.stands.pop("Proxy").close()
    place.describe("Proxy", configError="/etc/ssl/x.pem: Permission denied")
    place.stands["Proxy"] = Stand(place.ctl.house.runtime, "io.hagw.Proxy", place.answers["Proxy"])
    place.only("hagw-proxyd keeps its old configuration: /etc/ssl/x.pem: Permission denied")


@pytest.mark.parametrize("behind", [True, False])
def test_the_clock(place, behind):
    """By it good certificates are over, or others' have not begun; not both."""
    place.clock = (400 if behind else -400) * 24 * HOUR * 10**6
    place.config = RELAYED
    place.certificates = [certificate("anna.relay.test", "valid" if behind else "expired")]
    place.files = {"ha": 'name = "ha.anna.relay.test"; upstream = "https://127.0.0.1:1";'}
    place.hosts = [{"name": "ha.anna.relay.test", "health": "failing", "error": "127.0.0.1:1 has a certificate that this machine refuses: it "
                    + ("is not valid yet." if behind else "has expired.")}]
    place.relay = {"state": "attached"}
    if behind:
        place.relay = {"state": "unreachable", "error": "The certificate of relay.test is not trusted: not yet valid"}
        place.certificates += [certificate("ha.anna.relay.test", **fail(
            "The server's certificate is not trusted: The certificate chain uses not yet valid certificate"))]
    place.start()
    place.only("This machine's clock says ", "timedatectl")


@pytest.mark.parametrize("behind", [True, False])
def test_what_a_wrong_clock_does_not_explain(place, behind):
    """One that is behind makes nothing look expired."""
    place.clock = (400 if behind else -400) * 24 * HOUR * 10**6
    place.certificates = [certificate(ZONE, "expired" if behind else "valid")]
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "https://127.0.0.1:1";'}
    place.hosts = [{"name": f"ha.{ZONE}", "health": "failing", "error": "127.0.0.1:1 has a certificate that this machine refuses: it "
                    + ("has expired." if behind else "is not valid yet.")}]
    place.start()
    problems, _ = place.found()
    assert len(problems) == (3 if behind else 2) and "clock" in problems[0] and f"The service behind ha.{ZONE} fails" in problems[1], problems


@pytest.mark.parametrize("field,begin", [("stateFaults", "The state of hagw-netd (and 2 more daemons) could not be written"),
                                         ("stateReadOnly", "Nothing can be written to /var/lib/hagw, the state of hagw-netd (and 2 more daemons)")])
def test_a_disk_that_takes_nothing(place, field, begin):
    """One disk, however many daemons; certificates that could not be kept there, and little room."""
    reason = "No space left on device" if field == "stateFaults" else "Read-only file system"
    for name in ("Net", "Acme", "Web"):
        place.describe(name, stateDirectory="/var/lib/hagw", stateLow=True, stateFreeBytes=0, **{
            field: [{"file": "/var/lib/hagw/x.json", "reason": reason, "sinceUSec": usec(-HOUR)}] if field == "stateFaults" else True})
    place.describe("Key", stateDirectory="/var/lib/hagw", stateLow=True, stateFreeBytes=0)
    place.certificates[0] |= fail(f"The certificate could not be stored: {reason}")
    place.start()
    place.only(begin)


def test_the_relay_cannot_be_reached(place):
    """Nor be told of challenges and accounts."""
    place.config = RELAYED
    place.relay = {"state": "unreachable", "error": "connecting to 192.0.2.1: Connection refused"}
    place.certificates = [certificate("anna.relay.test", **fail("The relay could not be told our account: hagw-proxyd says: not attached")),
                          certificate("ha.elsewhere.test", **fail("The certificate authority refuses: rate limited"))]
    place.start()
    problems, notices = place.found()
    assert len(problems) == 2 and not notices, (problems, notices)
    assert problems[0].startswith("This house is not attached to its relay relay.test (unreachable), so that nobody comes in by it: connecting to ")
    assert problems[1].startswith("Certificate ha.elsewhere.test: failed")


def test_the_resolver_does_not_answer(place):
    """Neither for the address, nor for the zones, the certificate authority and the services."""
    place.addresses[0] |= {"source": "resolve:house.example.org", "error": "looking up house.example.org: no answer in time"}
    place.answers["Net"]["Query"] = {"error": "io.hagw.Net.ResolverFailed", "parameters": {"name": "x", "reason": "no answer in time"}}
    place.hears = False
    place.certificates[0] |= fail("looking up acme.example: no answer in time")
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://ha.lan:1";'}
    place.hosts = [{"name": f"ha.{ZONE}", "health": "failing", "error": "looking up ha.lan: no answer in time. Write a name that this machine can look up."}]
    place.start()
    place.only(f"Whether the internet finds {ZONE} is not known, because this machine's resolver gives no answer (no answer in time)")


NO_ADDRESS = "No public address is known, so that visitors do not find this house"


def test_no_address_and_so_no_question(place):
    place.addresses[0] = {"family": "ipv4", "source": "resolve:house.example.org", "knowledge": "none", "error": "house.example.org has no address"}
    place.hears = False
    place.start()
    place.only("No public address is known, so that visitors do not find this house: house.example.org has no address. See public_address in hagw.conf(5).")


@pytest.mark.parametrize("gone", ["hagw.conf", "hosts.d"])
def test_files_that_are_missing_hide_nothing(place, gone):
    """That hagw answers DNS for zones says that it is to be found, whatever the files do not say any more."""
    place.addresses[0] = {"family": "ipv4", "source": "none", "knowledge": "none"}
    place.files, place.hosts = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}, [{"name": f"ha.{ZONE}", "health": "ok", "certificate": True}]
    place.hears = False
    place.start()
    assert [p for p in place.found(FAILED)[0] if NO_ADDRESS in p]
    path = place.ctl.house.config / gone
    path.rename(path.with_suffix(".away"))
    problems, _ = place.found(FAILED)
    assert [p for p in problems if NO_ADDRESS in p] and [p for p in problems if gone in p], problems


@pytest.mark.parametrize("six", [None, "2001:4860::1"])
def test_an_address_that_is_not_known_is_no_wrong_record(place, six):
    """The delegation may work by another way: nobody is told to take the right record away."""
    place.addresses[0] = {"family": "ipv4", "source": "resolve:house.example.org", "knowledge": "none", "error": "house.example.org has no address"}
    if six:
        place.addresses[1] = {"family": "ipv6", "source": "interface", "address": six, "knowledge": "known", "confirmedUSec": usec(0)}
    place.start()
    problems, notices = place.found()
    assert len(problems) == 1 and not [n for n in problems + notices if "Take the" in n], (problems, notices)


def test_daemons_that_run_on_a_machine_that_is_not_set_up(place):
    place.config, place.certificates = "", []
    place.start()
    place.only("hagw is not set up on this machine yet")


def test_a_delegation_that_leads_nowhere(place):
    """The authority finds no more than the world does."""
    place.hears = False
    dns = "The certificate authority could not see that %s is ours: _acme-challenge.%s TXT: no answer [dns]"
    place.certificates = [certificate(z, **fail(dns % (z, z), unreachedPort=53, unreachedUSec=usec(-HOUR))) for z in (ZONE, OTHER)]
    place.start()
    said = place.only(f"Nobody on the internet finds {ZONE} and {OTHER}: questions for them do not come here (nobody answered; ")
    assert f"See that ns.{ZONE} and ns.{OTHER} have the house's public address, and let the router pass port 53" in said


def test_two_zones_that_are_asked_from_inside(place):
    place.hears, place.trial["inside"] = False, True
    place.trial["questions"] = [{"address": "192.168.1.1", "transport": "tcp", "outside": False}]
    place.start()
    assert place.found(OK) == ([], [m for m in place.found(OK)[1] if m.startswith(
        f"Whether the internet finds {ZONE} and {OTHER} cannot be seen from here: this machine's resolver asks from inside the house (192.168.1.1; none came "
        "from the internet in the last ") and m.endswith("let the router pass port 53, UDP and TCP, to this machine.")])
    assert len(place.found(OK)[1]) == 1


DAY = 24 * HOUR


def way(family, transport, age):
    return {"family": family, "transport": transport, "lastUSec": usec(-age)}


@pytest.mark.parametrize("since, outside, silent", [
    (8 * DAY, [way("ipv4", "udp", HOUR)], "IPv6"),
    (8 * DAY, [way("ipv6", "udp", HOUR)], "IPv4"),
    (20 * DAY, [way("ipv4", "udp", HOUR), way("ipv6", "tcp", 9 * DAY)], "IPv6"),
    (6 * DAY, [way("ipv4", "udp", HOUR)], None),  # too early
    (20 * DAY, [way("ipv4", "udp", HOUR), way("ipv6", "tcp", 6 * DAY)], None),
    (20 * DAY, [way("ipv4", "udp", 2 * DAY)], None)])  # hardly anybody asks at all
def test_a_family_that_nobody_asks_by(place, since, outside, silent):
    """A guess, where this machine's resolver shows nothing of it: it asks from inside."""
    place.addresses[1] = {"family": "ipv6", "source": "interface", "address": "2001:4860::1", "knowledge": "known", "confirmedUSec": usec(0)}
    place.since, place.outside, place.hears, place.trial["inside"] = since, outside, False, True
    place.glue.append("2001:4860::1")
    place.start()
    problems, notices = place.found(OK)
    said = [n for n in notices if n.startswith(f"No question for {ZONE} has come from the internet over ")]
    assert not problems and bool(said) == bool(silent) and all(n.split(" over ")[1].startswith(silent) for n in said), notices
    assert all(("2001:4860::1" in n) == (silent == "IPv6") for n in said)


@pytest.mark.parametrize("six", [True, False])
def test_a_name_server_that_has_no_address_of_a_family_is_not_asked_by_it(place, six):
    """A dynamic DNS name, as README has it: it leads here by IPv4, though the house has IPv6 as well."""
    place.addresses[1] = {"family": "ipv6", "source": "interface", "address": "2001:4860::1", "knowledge": "known", "confirmedUSec": usec(0)}
    place.since, place.outside = 20 * DAY, [way("ipv4", "udp", HOUR)]
    place.config = f'zones = ( {{ name = "{ZONE}"; name_server = "ns.test"; }} );\n'
    query = place.query

    def without(p):
        if p["type"] == "AAAA":
            return {"rcode": "NOERROR", "authoritative": False, "truncated": False, "answers": ["2001:4860::1"] if six else [], "authority": [], "glue": []}
        return query(p) | ({"authority": ["ns.test."], "glue": []} if p["type"] == "NS" and "server" in p else {})
    place.answers["Net"]["Query"] = without
    place.start()
    problems, notices = place.found(OK)
    assert [n for n in notices if n.startswith(f"No question for {ZONE} has come from the internet over IPv6")] == (notices if six else []), notices
    assert len(notices) == six and not problems


def test_a_record_that_is_missing_is_told_and_not_that_nobody_comes_by_it(place):
    place.addresses[1] = {"family": "ipv6", "source": "interface", "address": "2001:4860::1", "knowledge": "known", "confirmedUSec": usec(0)}
    place.since, place.outside = 20 * DAY, [way("ipv4", "udp", HOUR)]
    place.start()
    problems, notices = place.found(OK)
    assert not problems and [n.split(" does not have the IPv6 address of ")[0] for n in notices] == [f"The zone above {z}" for z in (ZONE, OTHER)], notices


def test_an_address_that_nobody_is_to_ask_at_is_not_missed(place):
    place.addresses[1] = {"family": "ipv6", "source": "interface", "address": "2001:4860::1", "knowledge": "known", "confirmedUSec": usec(0)}
    place.since, place.outside, place.config = 20 * DAY, [way("ipv4", "udp", HOUR)], CONFIG + "dns: { ipv6_port = 0; };\n"
    place.start()
    assert place.found(OK) == ([], [])


def test_port_53_is_another_s(place):
    place.hears = False
    place.listeners = [{"address": HOUSE, "port": 53, "transport": t, "open": False, "error": "EADDRINUSE"} for t in ("udp", "tcp")]
    place.certificates[0] |= fail("no answer [dns]", unreachedPort=53, unreachedUSec=usec(-HOUR))
    place.start()
    place.only("hagw-dnsd gets no questions at port 53 (UDP and TCP)")


def test_a_port_that_the_kernel_refuses(place):
    """In words, not by an errno's name."""
    place.listeners = [{"address": HOUSE, "port": 53, "transport": "tcp", "open": False, "error": "EMFILE"}]
    place.start()
    assert [p for p in place.found()[0] if "port 53" in p] == [
        f"hagw-dnsd gets no questions at port 53 (TCP) of {HOUSE}, which could not be opened: Too many open files; "
        "hagw-ctl log --daemon=dnsd tells more."]


def test_several_certificates_fail_for_one_reason(place):
    error = "The certificate authority is in trouble: status 503"
    place.certificates = [certificate(n, **fail(error)) for n in (ZONE, OTHER, "ha.elsewhere.test")] + [certificate("x.test", "expiring")]
    place.start()
    problems, notices = place.found()
    assert len(problems) == 2 and f"Certificate {ZONE} (and 2 more): failed" in problems[0] and "Certificate x.test: expiring" in problems[1] and not notices
    place.certificates = [certificate(n, **fail(error, "valid")) for n in (ZONE, OTHER)]
    problems, notices = place.found(OK)
    assert not problems and len(notices) == 1 and f"The certificate for {ZONE} (and 1 more) could not be renewed" in notices[0], notices


def test_health_that_is_old_has_its_age(place):
    place.hosts = [{"name": f"{n}.{ZONE}", "upstream": "http://192.168.1.4:8123", "health": "ok", "certificate": True,
                    "triedUSec": usec(-age), "lastOkUSec": usec(-age)} for n, age in (("new", 0), ("old", HOUR))]
    place.files = {n: f'name = "{n}.{ZONE}"; upstream = "http://192.168.1.4:8123";' for n in ("new", "old")}
    place.start()
    lines = [line for line in place.ctl.run("status").stdout.splitlines() if "http://192.168.1.4:8123" in line]
    assert [re.split("  +", line.strip())[-1] for line in lines] == ["ok", "ok, 1 h ago"], lines


def test_a_proxyd_from_before_the_upgrade(place):
    """It does not know the word by which it is to look."""
    place.hosts = [{"name": f"ha.{ZONE}", "upstream": "http://192.168.1.4:8123", "health": "ok", "certificate": True, "lastOkUSec": usec(0)}]
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://192.168.1.4:8123";'}
    asked = []

    def list_hosts(parameters):
        asked.append(parameters)
        if parameters:
            return {"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "look"}}
        return {"hosts": place.hosts}
    place.answers["Proxy"]["ListHosts"] = list_hosts
    place.start()
    assert place.found(OK) == ([], []) and asked == [{"look": True}, {}]
    assert re.search(r"http://192\.168\.1\.4:8123 .* ok$", place.ctl.ok("host", "list"), re.M)


def test_a_message_is_not_worth_a_look(place):
    """A service that is just restarting is none: hagw-notify hears what is known."""
    asked = []

    def list_hosts(parameters):
        asked.append(parameters)
        return {"hosts": []}
    place.answers["Proxy"]["ListHosts"] = list_hosts
    place.config += 'notify = ( "mailto:me@example.com" );\n'
    place.start()
    place.ctl.ok("notify", "gather")
    assert asked == [{}]


def test_several_hosts_have_one_service(place):
    place.files = {n: f'name = "{n}.{ZONE}"; upstream = "http://192.168.1.4:8123";' for n in ("a", "b", "c")}
    same = "192.168.1.4:8123 refuses connections from this machine (192.168.1.2): the service does not run there."
    place.hosts = [{"name": f"{n}.{ZONE}", "health": "failing", "error": same if n != "b" else "it is another", "foundUSec": usec(-HOUR)} for n in "abc"]
    place.start()
    problems, _ = place.found()
    assert len(problems) == 2 and f"The service behind a.{ZONE} (and 1 more host) fails" in problems[0] and f"behind b.{ZONE} fails" in problems[1]


def test_what_does_not_follow_is_told(place):
    """Two troubles that have nothing to do with each other are two."""
    place.certificates[0] |= fail("The certificate authority refuses: rate limited")
    place.start("Web")
    problems, _ = place.found(UNREACHABLE)
    assert len(problems) == 2 and "hagw-webd is not running" in problems[0] and "rate limited" in problems[1], problems


def test_an_order_under_way_is_no_certificate(place):
    """Each try would make the trouble look over for as long as it lasts."""
    place.certificates[0] = certificate(ZONE, "ordering", ordering=True, failures=3, notAfterUSec=None, error="The certificate authority is in trouble")
    place.start()
    place.only(f"Certificate {ZONE}: ordering: The certificate authority is in trouble.")
    place.certificates[0]["nextUSec"] = usec(330)
    assert place.only(f"Certificate {ZONE}: ordering: ").endswith(" is in trouble. An order is under way."), "one by hand would be refused"
    place.certificates[0] |= {"state": "failed", "ordering": False}
    place.only(f"Certificate {ZONE}: failed: The certificate authority is in trouble. The next try is in 5 min; hagw-ctl cert renew {ZONE} makes it now.")


def test_the_first_order_is_no_trouble(place):
    place.certificates[0] = certificate(ZONE, "ordering", ordering=True, notAfterUSec=None)
    place.start()
    assert place.found(OK) == ([], [])


@pytest.mark.parametrize("login, users, told", [("required", [], True), ("required", [{"name": "anna", "hosts": ["*"], "groups": []}], False), ("none", [], False)])
def test_a_wall_without_a_user(place, login, users, told):
    place.files = {"ha.conf": f'name = "ha.{ZONE}"; upstream = "http://192.168.1.4:8123"; access: {{ login = "{login}"; }};'}
    place.hosts = [{"name": f"ha.{ZONE}", "health": "answers"}]
    place.answers["Web"]["ListUsers"] = {"users": users}
    place.start()
    problems, _ = place.found(FAILED if told else OK)
    assert [p for p in problems if p.startswith("Nobody can log in: there is no user yet")] == problems and bool(problems) == told


@pytest.mark.parametrize("address, name, remedy", [
    ("192.168.1.2", "private", "The router shows the house's public one, for public_address.ipv4 in hagw.conf; where the router itself has a private one, a relay"),
    ("100.64.3.4", "shared", "The provider shares it out to many houses, and a relay brings visitors to such a house: hagw-ctl attach RELAY CODE"),
    ("127.0.0.1", "loopback", "The router shows the house's public one"), ("fe80::1", "link-local", 'public_address.ipv6 = "interface" in hagw.conf takes'),
    ("fd00::1", "unique local", 'public_address.ipv6 = "interface" in hagw.conf takes')])
def test_an_address_that_nobody_reaches(place, address, name, remedy):
    """That no question comes by it follows, and is not told."""
    six = ":" in address
    place.addresses[six] = {**place.addresses[six], "source": f"static:{address}", "address": address, "knowledge": "known"}
    place.hears = six
    place.start()
    said = place.only(f"The public {'IPv6' if six else 'IPv4'} address is {address}, which nobody on the internet reaches (", remedy)
    assert name in said and ("router" in said) == (not six and name != "shared")


@pytest.mark.parametrize("address, remedy", [("100.64.3.4", "The provider shares it out to many houses, and a relay"), ("10.1.2.3", "The router shows the house's")])
@pytest.mark.parametrize("held", [True, False])
def test_a_dynamic_name_that_has_such_an_address(place, address, remedy, held):
    error = f"house.example.org has the address {address}, which cannot be reached from the internet (x)"
    place.addresses[0] = {"family": "ipv4", "source": "resolve:house.example.org", "knowledge": "known" if held else "none", "error": error,
                          **({"address": HOUSE, "confirmedUSec": usec(-3 * HOUR)} if held else {})}
    place.hears = held
    place.start()
    place.only(f"The public IPv4 address could not be confirmed (it last was 3 h ago), so that {HOUSE} stays for now: {error}. {remedy}" if held else
               f"No public address is known, so that visitors do not find this house: {error}. {remedy}")


# What hagw-netd says of a family.
GOOD = {"source": "static:8.8.8.8", "knowledge": "known", "address": HOUSE, "confirmedUSec": usec(0)}
OFF = {"source": "none", "knowledge": "none"}
NO_ROUTE = {"source": "interface", "knowledge": "none", "error": "no network interface has a default route for IPv6"}
MISTYPED = {"source": "resolve:nosuch.dyn.test", "knowledge": "none", "error": "nosuch.dyn.test does not exist"}
AWAITED = {"source": "resolve:slow.dyn.test", "knowledge": "unknown"}
INSIDE = {"source": "static:192.168.1.4", "knowledge": "known", "address": "192.168.1.4"}


@pytest.mark.parametrize("zone", [True, False], ids=["zone", "no zone"])
@pytest.mark.parametrize("four, six, status, said", [
    (GOOD, OFF, OK, None), (GOOD, NO_ROUTE, OK, None), (MISTYPED, OFF, FAILED, "nosuch.dyn.test does not exist"), (INSIDE, OFF, FAILED, "which nobody on the internet reaches"),
    (AWAITED, OFF, OK, None), (OFF, NO_ROUTE, (FAILED, OK), "default route"), (OFF, OFF, (FAILED, OK), "A house that has none is reached through a relay: hagw-ctl attach RELAY CODE")],
    ids=["good", "no route", "mistyped", "inside", "awaited", "no route alone", "off"])
def test_setup_and_status_know_one_truth_of_the_address(booted, four, six, status, said, zone):  # noqa: F811
    """The same sentence in both, once in each. Where the names' DNS is somebody else's no address of this machine need be known."""
    place = Place(booted)
    status = status if isinstance(status, int) else status[not zone]
    place.addresses = [{"family": "ipv4", **four}, {"family": "ipv6", **six}]
    if not zone:
        place.config, place.answers["Dns"]["ListZones"] = "", {"zones": []}
        place.files = {"ha": 'name = "ha.meier.test"; upstream = "http://192.168.1.4:8123";'}
        place.certificates = [certificate("ha.meier.test")]
        place.hosts = [{"name": "ha.meier.test", "upstream": "http://192.168.1.4:8123", "health": "good", "certificate": True}]
    place.glue = [HOUSE] if four is GOOD else []
    place.answers["Proxy"]["Probe"] = lambda p: {"host": {"name": p["name"], "health": "good", "certificate": True}}
    place.config += "public_address: { %s };\n" % " ".join(f'{f} = "{a["source"]}";' for f, a in (("ipv4", four), ("ipv6", six)) if a is not NO_ROUTE)
    place.start()
    try:
        problems = json.loads(booted.run("--json", "status").stdout)["problems"]
        r = booted.run("setup", "--yes", "--wait=0")
        errors = [line.removeprefix("hagw-ctl: ") for line in r.stderr.splitlines() if " address" in line]
        assert [p for p in problems if " address" in p] == errors[:len(problems)] and len(errors) == (status == FAILED or four is AWAITED and zone), (problems, r.stdout, r.stderr)
        assert r.returncode == status and (not problems) == (status == OK), (problems, r.stdout, r.stderr)
        assert not said or status == OK or said in errors[0], errors
    finally:
        place.close()


# --- every cause beside every trouble that has nothing to do with it ------------------------------------------------------------------------------------

RELAY_ZONE = "anna.relay.test"


def lost(place):
    place.hears = False


def clock(ahead):
    def apply(place):
        place.clock = (-400 if ahead else 400) * DAY * 10**6
    return apply


def disk(place):
    place.describe("Net", stateDirectory="/var/lib/hagw", stateFaults=[{"file": "/var/lib/hagw/x.json", "reason": "No space left on device", "sinceUSec": usec(-HOUR)}])


def resolver(place):
    place.answers["Net"]["Query"] = {"error": "io.hagw.Net.ResolverFailed", "parameters": {"name": "x", "reason": "no answer in time"}}
    place.hears = False


def relay(place):
    place.config += 'relay: { address = "relay.test"; tenant = "anna"; };\n'
    place.config = place.config.replace("zones = ( ", f'zones = ( {{ name = "{RELAY_ZONE}"; via = "relay"; }}, ')
    place.relay = {"address": "relay.test", "tenant": "anna", "state": "unreachable", "error": "connecting to 192.0.2.1: Connection refused"}


def off(name):
    def apply(place):
        place.off.append(name)
    return apply


def broken(place):
    place.files["broken"] = "name = ;\n"


def held(place):
    place.listeners = [{"address": HOUSE, "port": 53, "transport": t, "open": False, "error": "EADDRINUSE"} for t in ("udp", "tcp")]
    place.hears = False


def nowhere(place):
    place.addresses[0] = {"family": "ipv4", "source": "resolve:house.example.org", "knowledge": "none", "error": "house.example.org has no address"}
    place.hears = False


CAUSES = {
    "delegation": (lost, "Nobody on the internet finds "), "clock-ahead": (clock(True), "This machine's clock says "),
    "clock-behind": (clock(False), "This machine's clock says "), "disk": (disk, "The state of hagw-netd could not be written"),
    "resolver": (resolver, "Whether the internet finds "), "relay": (relay, "This house is not attached to its relay relay.test"),
    "webd": (off("Web"), "hagw-webd is not running"), "keyd": (off("Key"), "hagw-keyd is not running"), "dnsd": (off("Dns"), "hagw-dnsd is not running"),
    "acmed": (off("Acme"), "hagw-acmed is not running"), "config": (broken, "The configuration in "), "port-53": (held, "hagw-dnsd gets no questions at port 53"),
    "address": (nowhere, "No public address is known")}


def service(name, error):
    def apply(place):
        if name.endswith(RELAY_ZONE) and RELAY_ZONE not in place.config:
            return False
        place.files["ha"] = f'name = "{name}"; upstream = "http://192.168.1.4:8123";'
        place.hosts.append({"name": name, "upstream": "http://192.168.1.4:8123", "health": "failing", "error": error})
    return apply


def order(name, error):
    def apply(place):
        place.certificates.append(certificate(name, **fail(error)))
    return apply


def hop(place):
    place.answers["Proxy"]["ListHops"] = {"hops": [{"address": "192.168.1.1", "firstUSec": usec(-HOUR), "lastUSec": usec(-60)}]}


def special(place):
    place.addresses[1] = {"family": "ipv6", "source": "static:fd00::1", "address": "fd00::1", "knowledge": "known"}


# And of which causes it is the same trouble, or not to be known.
TROUBLES = {
    "refused": (service(f"ha.{ZONE}", "192.168.1.4:8123 refuses connections from this machine (192.168.1.2): the service does not run there."),
                f"The service behind ha.{ZONE} fails", ()),
    "named-dns": (service(f"ha.{ZONE}", "The service answers 403 to the name dns.home.test and not to its own: allow it."), f"The service behind ha.{ZONE} fails", ()),
    "named-relay": (service(f"ha.{RELAY_ZONE}", f"192.168.1.4:8123 speaks TLS and upstream says http: hagw-ctl host set ha.{RELAY_ZONE} https://192.168.1.4:8123"),
                    f"The service behind ha.{RELAY_ZONE} fails", ()),
    "neighbour": (service(f"ha.{ZONE}", "looking up ha.local: nobody has it. Write a name that this machine can look up, or the service's address. Names in .local "
                          "need mDNS on this machine: avahi-daemon, or systemd-resolved with MulticastDNS=yes."), f"The service behind ha.{ZONE} fails", ()),
    "limited": (order(f"x.{ZONE}", f"The certificate authority refuses: too many certificates (5) already issued for x.{ZONE}"), f"Certificate x.{ZONE}: failed", ("acmed",)),
    "policy": (order(f"dns.{ZONE}", f"The certificate authority refuses: rejectedIdentifier: the name dns.{ZONE} is on a list"), f"Certificate dns.{ZONE}: failed", ("acmed",)),
    "stored": (order(RELAY_ZONE, f"The certificate authority refuses: too many certificates (5) already issued for {RELAY_ZONE}"), f"Certificate {RELAY_ZONE}: failed", ("acmed",)),
    # Who is off may be so because of it, and which zones there are to be nobody knows then.
    "file": (broken, "The configuration in ", ("config", "webd", "keyd", "dnsd", "acmed", "delegation", "resolver")),
    "full": (disk, "The state of hagw-netd could not be written", ("disk",)),
    "hop": (hop, "Visitors come from 192.168.1.1", ()),
    "special": (special, "The public IPv6 address is fd00::1", ())}


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_has_a_cause_of_its_own_is_told_besides(place, cause, trouble):
    spoil, begin = CAUSES[cause]
    add, also, same = TROUBLES[trouble]
    place.off = []
    place.hosts = []
    spoil(place)
    if add(place) is False or cause in same:
        return
    place.start(*place.off)
    problems = json.loads(place.ctl.run("--json", "status").stdout)["problems"]
    assert [p for p in problems if p.startswith(begin)] and [p for p in problems if p.startswith(also)], problems


@pytest.mark.parametrize("off, masked, said", [
    (("Web",), ("Web",), ["hagw-webd is masked"]), (("Web", "Key"), ("Web",), ["hagw-webd is masked", "hagw-keyd is not running"]),
    (("Web", "Key", "Dns"), ("Web",), ["hagw-webd is masked", "hagw-dnsd, hagw-keyd are not running"]),
    (("Web", "Key"), (), ["hagw-keyd, hagw-webd are not running"])])
def test_a_masked_daemon_is_told_beside_those_that_can_be_started(booted, off, masked, said):  # noqa: F811
    place = Place(booted)
    units = {f"hagw-{n.lower()}d" for n in masked}
    booted.start = lambda verb, words: (0, "masked\n" if set(words) & units else "enabled\n") if verb == "is-enabled" else 0
    place.start(*off)
    problems, _ = place.found(UNREACHABLE)
    place.close()
    assert len(problems) == len(said) and all(p.startswith(begin) for p, begin in zip(problems, said)), problems


@pytest.mark.parametrize("hears", [True, False])
def test_that_nobody_comes_follows_from_that_nobody_finds_the_house(place, hears):
    place.hears, place.visitors = hears, {"sinceUSec": usec(-3 * DAY), "outside": []}
    place.start()
    problems, notices = place.found(OK if hears else FAILED)
    assert len(problems) == (not hears) and len([n for n in notices if n.startswith("Nobody has come from outside to port ")]) == (2 if hears else 0), notices


def test_a_host_that_waits_is_told_beside_another_daemon_that_is_off(place):
    place.files = {"ha": f'name = "ha.{ZONE}"; upstream = "http://127.0.0.1:1";'}
    place.start("Acme")
    problems, _ = place.found(UNREACHABLE)
    assert len(problems) == 2 and f"hagw-proxyd does not know ha.{ZONE} yet" in problems[1], problems


def test_a_caa_record_of_another_name_explains_nothing(place):
    place.certificates[0] |= fail("The certificate authority refuses: CAA record for home.test prevents issuance")
    place.files = {"x": 'name = "ha.elsewhere.test"; upstream = "http://127.0.0.1:1";'}
    place.start()
    problems, _ = place.found()
    assert [p for p in problems if p.startswith(f"Certificate {ZONE}: failed")], problems


# --- tables that are wider than the terminal ----------------------------------------------------------------------------------------------------------------

LONG = f"a-name-that-nobody-would-want-to-type.{ZONE}"


def hosts_of_two(place, n=2):
    for name, service in (("ha", "http://192.168.1.4:8123"), (LONG.split(".")[0], "https://homeassistant.fritz.box:8123"))[:n]:
        place.files[name] = f'name = "{name}.{ZONE}"; upstream = "{service}";'
        place.hosts.append({"name": f"{name}.{ZONE}", "upstream": service, "health": "ok", "certificate": True, "login": True})
    place.start()


def test_short_names_and_addresses_are_not_cut(place):
    """What has 24 characters at most stays whole: else the table has a line a cell."""
    hosts_of_two(place, 1)
    wide, narrow = (re.sub("\x1b\\[[0-9;]*m", "", Session(place.ctl, "host", "list", columns=n).end(OK)) for n in (80, 52))
    name, service = place.hosts[0]["name"], place.hosts[0].get("upstream", "http://192.168.1.4:8123")
    assert re.search(rf"^{re.escape(name)} +{re.escape(service)} ", wide, re.M), wide
    assert f"{name}\n" in narrow and f"SERVICE: {service}\n" in narrow, narrow


def test_why_a_host_fails_is_broken_between_words(place):
    hosts_of_two(place, 1)
    place.hosts[0] |= {"health": "failing", "error": "192.168.1.4:8123 refuses connections from this machine: does the service run, and does it listen at that address? " * 2}
    for columns in (60, 80):
        shown = re.sub("\x1b\\[[0-9;]*m", "", Session(place.ctl, "host", "list", columns=columns).end(FAILED))
        assert not [line for line in shown.splitlines() if len(line) >= columns + (line.startswith("HOST"))], shown


def test_a_long_row_takes_two_lines_and_the_others_one(place):
    """The long cells go on below; nothing is cut, and no line is longer than the terminal."""
    hosts_of_two(place)
    lines = Session(place.ctl, "host", "list", columns=80).end(OK).replace("\x1b", "").splitlines()
    lines = [re.sub(r"\[[0-9;]*m", "", line) for line in lines]
    assert all(len(line) <= 80 for line in lines) and len(lines) == 4, lines
    assert re.fullmatch(rf"ha\.{ZONE} +http://192\.168\.1\.4:8123 +yes +yes +ok", next(line for line in lines if line.startswith("ha."))), lines
    columns = [lines[0].index(t) for t in ("HOST", "SERVICE", "LOGIN")]
    long = [line for line in lines[1:] if not line.startswith("ha.")]
    parts = ["".join(line[a:b].strip() for line in long) for a, b in zip(columns, columns[1:])]
    assert parts == [LONG, "https://homeassistant.fritz.box:8123"], lines
    assert "SERVICE: " in Session(place.ctl, "host", "list", columns=50).end(OK)  # a line a cell where columns would be too narrow
    assert re.search(rf"{re.escape(LONG)} +https://homeassistant.fritz.box:8123 +yes +yes +ok", place.ctl.ok("host", "list"))  # never elsewhere


def test_why_a_certificate_failed_has_a_line_of_its_own(place):
    place.certificates[1] |= fail("The certificate authority refuses: too many certificates (5) already issued for this set of names in the last 168 hours")
    place.start()
    lines = place.ctl.ok("cert", "list").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(OTHER))
    assert re.fullmatch(rf"{OTHER} +failed +in \S+ days +in \d+ min +{OTHER}", lines[at]), lines
    assert lines[at + 1].startswith("  last try: The certificate authority refuses: ") and lines[at + 1].endswith("168 hours")
    shown = Session(place.ctl, "cert", "list", columns=80).end(OK)
    assert "STATE: " not in shown and all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 80 for line in shown.splitlines()), shown


OURS = f'zones = ( {{ name = "{ZONE}"; caa = ( "ours" ); }}, {{ name = "{OTHER}"; }}, {{ name = "third.test"; caa = ( "ours", "ca.test" ); }} );\n'


TWO = 'acme: { fallback: { directory = "https://ca.test/dir"; }; };\n'


@pytest.mark.parametrize("config, unnamed, told", [(OURS + TWO, True, f"{ZONE} (and 1 more) has no CAA records"), (OURS, True, None), (OURS + TWO, False, None),
                                                   (CONFIG + TWO, True, None)])
def test_a_list_that_cannot_be_served_is_told(place, config, unnamed, told):
    """An authority that has no name in CAA records opens the zone to all others. Of the only one nobody has to know: nothing can be done."""
    place.config = config
    place.answers["Acme"]["WatchAccounts"] = {"accounts": [{"issuer": "", "accountUri": "https://ca.test/1"}] if unnamed else [], "unnamed": unnamed}
    place.start()
    problems, notices = place.found(OK)
    assert not problems and len(notices) == bool(told) and all(n.startswith(told) for n in notices), notices


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_name_elsewhere_without_a_record_of_ours(place, unnamed):
    """A title has something below it."""
    place.files, place.hosts = {"x": 'name = "x.elsewhere.test"; upstream = "http://127.0.0.1:1";'}, [{"name": "x.elsewhere.test", "health": "ok", "certificate": True}]
    place.answers["Acme"]["WatchAccounts"] = {"accounts": [{"issuer": "", "accountUri": "https://ca.test/1"}] if unnamed else [], "unnamed": unnamed}
    place.start()
    shown = place.ctl.run("status").stdout
    assert ("Domains whose DNS is kept elsewhere" in shown) == ("which record it needs is not known yet" in shown) == (not unnamed), shown


@pytest.mark.parametrize("set_", [True, False])
@pytest.mark.parametrize("where", ["relay", "authority", "own"])
def test_a_clock_that_is_ahead_and_no_authority_that_says_so(place, set_, where):
    """Others' certificates are over by it, or only the own one: then nobody knows, and that is said."""
    place.ctl.env["HAGW_CLOCK_SET"] = "1" if set_ else "0"
    error = "The certificate is NOT trusted. The certificate chain uses expired certificate"
    place.config = RELAYED
    place.relay = {"state": "unreachable", "error": error} if where == "relay" else {"state": "attached"}
    place.certificates = [certificate("anna.relay.test", "expired", notAfterUSec=usec(-HOUR), **({"error": error, "failures": 1} if where == "authority" else {}))]
    place.start()
    problems, _ = place.found()
    if where == "own":
        asked = f". That is by this machine's clock, which no time server has set: is it {time.strftime('%Y-')}"
        assert len(problems) == 1 and problems[0].startswith("Certificate anna.relay.test: expired, ended 1 h ago") and (asked in problems[0]) != set_, problems
    elif set_:
        assert not [p for p in problems if "clock" in p] and [p for p in problems if "Certificate anna.relay.test: expired" in p], problems
    else:
        whose = "the relay's" if where == "relay" else "the certificate authority's"
        assert len(problems) == 1 and f"and {whose} certificate has expired by it, while no time server has set the clock. Set it: " in problems[0], problems


@pytest.mark.parametrize("first, last, proper, told", [
    (HOUR, 60, None, True), (HOUR, 60, 2 * HOUR, True),  # never one, or none since it was set otherwise
    (HOUR, 60, 1800, False),                             # its own looks at a service
    (HOUR, 1800, None, False)])                          # over
def test_a_balancer_that_says_nothing_of_who_comes(place, first, last, proper, told):
    def hops(*ages):
        return [{"address": "192.168.1.9", "firstUSec": usec(-ages[0]), "lastUSec": usec(-ages[-1])}]
    place.answers["Proxy"]["ListHops"] = {"hops": [], "version1Balancers": [], "headerlessBalancers": hops(first, last),
                                          "balancers": hops(3 * HOUR, proper) if proper else []}
    place.start()
    if told:
        place.only("192.168.1.9, which is in proxy.proxy_protocol_from, sends visitors without a PROXY protocol header, the last one 1 min ago, ")
    else:
        assert place.found(OK) == ([], [])


def test_a_record_that_cannot_follow_a_dynamic_name(place):
    """The remedy is another record, and not the same one again after each night."""
    place.config += 'public_address: { ipv4 = "resolve:house.example.org"; ipv6 = "none"; };\n'
    place.config = place.config.replace(f', {{ name = "{OTHER}"; }}', "")
    place.addresses[0] |= {"source": "resolve:house.example.org", "address": "9.9.9.10"}
    place.start()
    place.only(f"The zone above {ZONE} says that ns.{ZONE} has the IPv4 address {HOUSE}, but house.example.org now has 9.9.9.10: ",
               f'{ZONE}. NS house.example.org. and remove the A record, and here set name_server = "house.example.org" for the zone')


SEEN, SEEN_FROM_HERE = "\nEverything is fine.\n", "\nEverything is fine as far as can be seen from here.\n"


def somebody(door, ago=60):
    return [(door, ago)]


ELSEWHERE = {"ha": 'name = "ha.example.com"; upstream = "http://127.0.0.1:1";'}  # a name whose DNS is kept elsewhere


@pytest.mark.parametrize("config,files,since,outside,line,last", [
    (CONFIG, {}, 20, [], "no visitor from outside yet, since hagw-proxyd began to count 2", SEEN_FROM_HERE),
    (CONFIG, {}, 2 * HOUR, [], "no visitor from outside yet, since hagw-proxyd began to count 2 h ago", SEEN_FROM_HERE),
    (CONFIG, {}, 2 * HOUR, somebody("https"), "last visitor from outside ", SEEN),
    (CONFIG, {}, 8 * HOUR, somebody("https", 600), "last visitor from outside 1", SEEN),
    # The router may have been changed since.
    (CONFIG, {}, 8 * HOUR, somebody("https", 6 * HOUR + 60), "last visitor from outside 6 h ago",
     SEEN_FROM_HERE.replace(".\n", ": nobody has come from outside to port 443 for 6 h.\n")),
    (CONFIG, {}, 8 * HOUR, somebody("https", 6 * HOUR + 60) + somebody("http"), "last visitor from outside ",
     SEEN_FROM_HERE.replace(".\n", ": nobody has come from outside to port 443 for 6 h.\n")),
    (CONFIG, {}, 2 * HOUR, somebody("http"), "no visitor from outside at port 443 yet, since hagw-proxyd began to count 2 h ago", SEEN_FROM_HERE),
    # Whose visitors do not come here, or who has nothing to visit yet.
    (RELAYED, {}, 2 * HOUR, [], None, SEEN),
    (RELAYED, ELSEWHERE, 2 * HOUR, [], None, SEEN),
    ("", {}, 2 * HOUR, [], None, None)])
def test_nobody_has_come_from_outside_yet(place, config, files, since, outside, line, last):
    """Whether the router passes the ports only a visitor shows: before the first one nobody here knows that all is fine."""
    place.config, place.files = config, files
    place.visitors = {"sinceUSec": usec(-since),
                      "outside": [{"family": "ipv4", "door": door, "visits": 1, "lastUSec": usec(-ago)} for door, ago in outside]}
    place.hosts = [{"name": "ha.example.com", "health": "ok"}] if files else []
    place.certificates = [certificate("ha.example.com")] if files else [certificate("anna.relay.test")] if config == RELAYED else place.certificates
    if config == RELAYED:
        place.relay = {"state": "attached", "sinceUSec": usec(-HOUR)}
        place.addresses = [{"family": f, "source": "none", "knowledge": "none"} for f in ("ipv4", "ipv6")]
    place.start()
    shown = place.ctl.run("status", "--no-delegation").stdout
    shown = re.sub(r"Worth knowing:\n  - There is no host, .*\n$", "", shown)
    assert shown.endswith(last) if last else "is fine" not in shown, shown
    assert (line in shown) if line else ("from outside" not in shown), shown

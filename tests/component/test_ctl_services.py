# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl tries services: what host add, host set, config check and status say of them."""

import json
import re
import socket
import threading
import time

import pytest
from answerpeers import free_port
from ctl_tools import FAILED, OK, Session, booted, ctl, finds_only  # noqa: F401 (fixtures)
from proxyhouse import Upstream, echo
from test_netd_mdns import NAME, avahi
from test_proxyd import host, open_house, parts  # noqa: F401 (a fixture)
from test_services import answers, checks_host

ZONE = 'zones = ( { name = "home.example.com"; } );\n'


@pytest.fixture
def running(house, parts, booted):  # noqa: F811
    """hagw-proxyd runs, and a reload reaches it."""
    parts.append(Upstream(echo))
    booted.open = open_house(house, parts, ZONE, ha=host(parts[0].url))
    booted.service = parts[0]
    return booted


def test_host_add_tries_and_tells_the_url(running, parts):  # noqa: F811
    url = running.service.url
    out = running.ok("host", "add", "notes", url)
    assert f"https://notes.home.example.com leads to {url}, which answers." in out
    dead = running.run("host", "add", "dead", "http://127.0.0.1:1")
    assert dead.returncode == 0
    assert "https://dead.home.example.com leads to http://127.0.0.1:1, and visitors do not get through:" in dead.stdout
    assert "127.0.0.1:1 refuses connections from this machine (127.0.0.1)" in dead.stderr
    out = running.ok("host", "add", "*.w.home.example.com", url)
    assert "*.w.home.example.com leads to" in out and "https://*" not in out
    assert running.json("host", "add", "quiet", url) == {"name": "quiet.home.example.com", "change": "added"}
    assert "leads to" not in running.ok("host", "add", "later", url, "--no-reload")


def test_the_remedy_that_is_told_is_one(running, parts):  # noqa: F811
    """What status says is what host set takes, and then it is over."""
    parts.append(Upstream(checks_host(403, b"Host check error")))
    added = running.run("host", "add", "sync", parts[-1].url)
    remedy = f"hagw-ctl host set sync.home.example.com --upstream-host 127.0.0.1:{parts[-1].port}"
    assert remedy in added.stderr
    problems = running.run("--json", "status", "--no-delegation").stdout
    assert re.search(r"The service behind sync.home.example.com fails \(found [^)]*\): The service answers 403", problems)
    listed = running.run("host", "list")
    assert listed.returncode == FAILED and "sync.home.example.com: The service answers 403" in listed.stdout
    assert running.run("--json", "host", "list").returncode == FAILED
    assert "ha.home.example.com fails" not in problems
    assert "which answers." in running.ok(*remedy.split()[1:])
    assert "sync.home.example.com fails" not in running.run("--json", "status", "--no-delegation").stdout
    running.ok("host", "list")


def test_a_host_that_leads_back_here(running):  # noqa: F811
    """It is added, and cannot have been meant so."""
    port = running.open.http_port
    added = running.run("host", "add", "self", f"http://127.0.0.1:{port}")
    assert added.returncode == FAILED and "visitors do not get through:" in added.stdout
    assert f"127.0.0.1:{port} is this gateway itself, and not the service: hagw-ctl host set self.home.example.com" in added.stderr
    assert "The service behind self.home.example.com fails" in running.run("status", "--no-delegation").stdout
    assert running.run("host", "set", "self", "http://127.0.0.1:1").returncode == 0


def test_a_service_that_is_silent_is_waited_for_aloud(running, parts):  # noqa: F811
    """A line says for what, and for how long at most, until it has answered."""
    go = threading.Event()

    def silent(service, s, f):
        go.wait(60)
        answers("200 OK")(service, s, f)
    parts.append(Upstream(silent))
    for session in (True, False):
        go.clear()
        words = ("host", "add" if session else "set", "slow", parts[-1].url, *(() if session else ("--compress=false",)))
        if session:
            s = Session(running, *words)
            s.expect(f"Waiting for {parts[-1].url} to answer: ")
            s.expect("of at most 30 s")
            go.set()
            assert "which answers." in s.end(OK)
            s.close()
        else:
            p = running.begin(*words)
            said = ""
            while "Waiting for" not in said:
                said = p.stdout.readline()
                assert said
            assert said == f"Waiting for {parts[-1].url} to answer, for at most 30 s.\n"
            go.set()
            p.communicate(timeout=60)
            assert p.returncode == OK


def test_an_error_of_the_services_own_is_a_notice(running, parts):  # noqa: F811
    parts.append(Upstream(answers("503 Service Unavailable")))
    said = running.ok("host", "add", "sick", parts[-1].url)
    assert f"https://sick.home.example.com leads to {parts[-1].url}, which answers with an error of its own (HTTP 503)." in said
    told = json.loads(running.run("--json", "status", "--no-delegation").stdout)
    assert [n for n in told["notices"] if n.startswith("The service behind sick.home.example.com answers with an error of its own (HTTP 503)")]
    assert not [p for p in told["problems"] if "sick" in p]
    parts[-1].serve = answers("200 OK")
    running.ok("host", "set", "sick", parts[-1].url)
    assert "error of its own" not in running.run("status", "--no-delegation").stdout


def test_status_looks_now(house, parts, booted):  # noqa: F811
    """A service that stopped is found by who looks, and not once an hour."""
    service = Upstream(echo)
    parts.append(service)
    port = free_port()
    h = open_house(house, parts, ZONE + 'proxy: { probe_interval = "1h"; };', ha=host(service.url))
    table = booted.run("status", "--no-delegation").stdout
    assert re.search(r"ha\.home\.example\.com .* ok$", table, re.M), table
    house.configure(ZONE + 'proxy: { probe_interval = "1h"; };', b=host(f"http://127.0.0.1:{port}", "b.home.example.com"))
    h.proxyd.reload()
    problems = booted.run("--json", "status", "--no-delegation").stdout
    assert f"127.0.0.1:{port} refuses connections from this machine" in problems


def test_without_a_daemon(ctl):  # noqa: F811
    ctl.house.configure(ZONE)
    assert "https://ha.home.example.com leads to http://127.0.0.1:1." in ctl.ok("host", "add", "ha", "http://127.0.0.1:1")
    # Whether there is a certificate hagw-proxyd would know.
    table = ctl.run("host", "list").stdout
    assert re.search(r"^ha\.home\.example\.com +http://127\.0\.0\.1:1 +yes +\? +\?$", table, re.M), table
    assert json.loads(ctl.run("--json", "host", "list").stdout)["hosts"][0]["loaded"] is None


def test_a_certificate_that_is_not_there(running):  # noqa: F811
    running.ok("host", "add", "x.elsewhere.example.org", running.service.url, "--force")
    table = running.run("host", "list").stdout
    assert re.search(r"^x\.elsewhere\.example\.org .* yes +no +ok$", table, re.M) and re.search(r"^ha\.home\.example\.com .* no +yes +\S+$", table, re.M), table


def files(ctl):  # noqa: F811
    return sorted(p.name for p in (ctl.house.config / "hosts.d").iterdir())


def test_mdns_name_that_nobody_can_look_up(ctl, house):  # noqa: F811
    ctl.env["HAGW_SYSTEM_RUNTIME_DIR"] = str(house.root / "system")
    ctl.house.configure(ZONE)
    why = ctl.refused(FAILED, "host", "add", "ha", f"http://{NAME}:8123")
    assert f"{NAME} is a name of mDNS, which nobody speaks on this machine" in why and "avahi-daemon" in why
    assert files(ctl) == []
    # setup is the same, where nobody can be asked.
    setup = ("setup", "--yes", "--no-start", f"--host=ha=http://{NAME}:8123")
    assert f"{NAME} is a name of mDNS" in ctl.refused(FAILED, *setup) and files(ctl) == []
    ctl.ok(*setup, "--force")
    assert files(ctl) == ["ha.home.example.com.conf"]
    ctl.ok("host", "remove", "ha")
    ctl.ok("host", "add", "ha", f"http://{NAME}:8123", "--force")
    why = ctl.refused(FAILED, "config", "check")
    assert "ha.home.example.com.conf: " in why and "avahi-daemon" in why
    assert "avahi-daemon" in ctl.run("--json", "config", "check").stdout
    assert "write the service's address" in ctl.refused(FAILED, "host", "set", "ha", "https://Other.LOCAL")
    ctl.ok("host", "set", "ha", "http://192.168.1.4:8123", "--login", "none")
    ctl.ok("config", "check")


def test_mdns_name_before_anything_runs(ctl, house):  # noqa: F811
    """Avahi is there; hagw-netd's socket is, too, and nobody behind it, as before the first setup."""
    ctl.env["HAGW_SYSTEM_RUNTIME_DIR"] = str(house.root / "system")
    ctl.house.configure(ZONE)
    finds_only(ctl, house.root)
    avahi(house)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(house.runtime / "io.hagw.Net"))
        s.listen(8)
        why = ctl.refused(FAILED, "host", "add", "ha", f"http://{NAME}:8123")
    assert f"No device in this network is called {NAME} right now." in why
    assert files(ctl) == []


def test_mdns_name_that_is_asked_for(ctl, house):  # noqa: F811
    """Avahi is there, and knows the name or does not; hagw-netd asks it."""
    ctl.env["HAGW_SYSTEM_RUNTIME_DIR"] = str(house.root / "system")
    ctl.house.configure(ZONE)
    known = {"ipv4": None}
    a = avahi(house)
    a.answer = lambda request: f"+ 2 IPv4 {NAME} {known['ipv4']}\n".encode() if known["ipv4"] else b"-15 Timeout reached\n"
    (house.root / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n")
    house.daemon("netd", "io.hagw.Net", env={"HAGW_SYSTEM_RUNTIME_DIR": str(house.root / "system"),
                                             "HAGW_RESOLV_CONF": str(house.root / "resolv.conf")})
    why = ctl.refused(FAILED, "host", "add", "ha", f"http://{NAME}:8123")
    assert f"No device in this network is called {NAME} right now." in why and "--force takes it" in why
    known["ipv4"] = "192.168.1.4"
    # That nobody has it is kept for a few seconds.
    deadline = time.monotonic() + 60
    while ctl.run("host", "add", "ha", f"http://{NAME}:8123").returncode:
        assert time.monotonic() < deadline
    assert files(ctl) == ["ha.home.example.com.conf"]
    # One that is off now is no mistake in a file.
    known["ipv4"] = None
    ctl.ok("config", "check")

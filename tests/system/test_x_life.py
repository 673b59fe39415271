# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens to a house in the course of years: other addresses, crashes, power cuts, upgrades. Near the end of the
alphabet, because the house is not as new afterwards."""

import asyncio
import json
import re
import time

import pytest

from conftest import DAEMONS, PASSWORD, SERVICE_PASSWORD, SERVICE_USER, URL, USER, ZONE, Machine, dev_lab, until
from test_proxy import with_visitor
from upgrade import Visiting, knocking, newer_package  # noqa: F401
from visitor import Visitor

OLD, NEW = "203.0.113.10", "203.0.113.11"


def everything_works(house, address=OLD):
    assert house.dig(f"ha.{ZONE}", "A", address) == [address]

    async def test(v):
        assert (await v.get("/lab/echo"))[0].status == 200
    with_visitor(test)
    return True


def test_another_address(house):
    """The provider renumbers: the zone follows within the dynamic name's TTL and the few seconds of asking."""
    house.renumber(NEW)
    try:
        started = time.monotonic()
        until("the house knows its address", lambda: house.dig(f"ha.{ZONE}", "A", NEW) == [NEW], 30)
        print(f"after {time.monotonic() - started:.1f} s")
        # The resolver may keep the old one for the zone's TTL, and not longer.
        until("everybody knows it", lambda: house.dig(f"fresh-{time.time():.0f}.{ZONE}") == [NEW], 75)
        until("known names follow", lambda: house.dig(f"ha.{ZONE}") == [NEW], 100)
    except AssertionError:
        print(house.answer(f"ha.{ZONE}"), house.answer(f"ha.{ZONE}", "A", NEW))
        for command in ("lookup", f"ha.{ZONE}"), ("dump_infra",), ("dump_requestlist",):
            print(house.run("net", "unbound-control", "-c", "/etc/unbound/lab.conf", *command))
        raise
    finally:
        house.renumber(OLD)
        until("and back", lambda: house.dig(f"ha.{ZONE}", "A", OLD) == [OLD], 30)
        until("everybody knows it", lambda: house.dig(f"ha.{ZONE}") == [OLD], 75)


def test_a_mistyped_name_takes_nobody_off_the_dns(house):
    """The address that works stays until the new source has given one; reload and status say so."""
    home, file = Machine("home"), "/etc/hagw/hagw.conf"
    home.run("cp", "-a", file, "/tmp/hagw.conf")
    try:
        home.run("sed", "-i", "s/resolve:house.dyn/resolve:huose.dyn/", file)
        said = home.run("sh", "-c", "hagw-ctl reload 2>&1")
        assert "resolve:huose.dyn.example.com has given no address: looking up huose.dyn.example.com" in said, said
        assert f"it stays {OLD}, the one of resolve:house.dyn.example.com" in said, said
        status = json.loads(home.run("sh", "-c", "hagw-ctl --json status || :"))
        assert [p for p in status["problems"] if f"is still {OLD}" in p and "huose" in p], status["problems"]
        assert house.dig(f"ha.{ZONE}", "A", OLD) == [OLD]
        # Nor does a restart.
        home.run("systemctl", "restart", "hagw-netd.service", "hagw-dnsd.service")
        until("it is answered", lambda: house.dig(f"ha.{ZONE}", "A", OLD) == [OLD])
    finally:
        home.run("cp", "-a", "/tmp/hagw.conf", file)
        said = home.run("sh", "-c", "hagw-ctl reload 2>&1")
    assert "huose" not in said
    until("status has forgotten it", lambda: "huose" not in home.run("sh", "-c", "hagw-ctl status || :"))
    assert house.dig(f"ha.{ZONE}", "A", OLD) == [OLD]


def router_sends_to(house, old, new):
    rules = Machine("router").wire("nft", "list", "ruleset")
    assert f"dnat to {old}" in rules or f"dnat ip to {old}" in rules, rules
    Machine("router").wire("nft", "-f", "-", text="flush ruleset\n" + rules.replace(f"to {old}", f"to {new}"))


def test_another_address_of_the_machine_itself(house):
    """The router's DHCP gives the machine another address, beside systemd-resolved: who asks from the internet is answered there,
    over UDP and TCP, and nobody at the old one; hagw is told by nobody but the kernel."""
    home, link = Machine("home"), "lan"
    before, pid = "192.168.1.2", house.pid("dnsd")

    def move(old, new):
        home.run("sh", "-ec", f"""
            ip address add {new}/24 dev {link}; ip address del {old}/24 dev {link}
            ip address replace {new}/24 dev {link}; ip route replace default via 192.168.1.1""")
        router_sends_to(house, old, new)

    def listening():
        rows = [line.split() for line in home.run("ss", "-Hltun").splitlines()]
        return {(r[0], r[4]) for r in rows if r[4].endswith(":53") and not r[4].startswith("127.0.0.5")}

    def expected(address):
        return {(p, f"{a}:53") for p in ("udp", "tcp") for a in (address, "[2001:db8:1::2]")}

    def answered(*options):
        return house.dig(f"ha.{ZONE}", "A", OLD, *options) == [OLD]
    assert home.show("systemd-resolved.service", "ActiveState")["ActiveState"] == "active"
    assert listening() == expected(before) and answered() and answered("+tcp")
    move(before, "192.168.1.77")
    try:
        until("it listens at the new address and nowhere else", lambda: listening() == expected("192.168.1.77"), 60)
        until("UDP is answered there", answered)
        until("TCP is answered there", lambda: answered("+tcp"))
        assert house.pid("dnsd") == pid
        # And after a restart of everything that holds the port.
        home.run("systemctl", "restart", "systemd-resolved.service", "hagw-dnsd.service")
        until("TCP is answered again", lambda: answered("+tcp"))
        assert "203.0.113.55" in home.run("resolvectl", "query", "acme.example.com")
    finally:
        move("192.168.1.77", before)
        until("and back", lambda: listening() == expected(before) and answered() and answered("+tcp"), 60)


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_daemon_is_killed_and_the_others_carry_on(house, daemon):
    async def test():
        async with Visitor(URL) as v:
            await v.login(USER, PASSWORD)
            ws = await v.websocket(await v.service_token(SERVICE_USER, SERVICE_PASSWORD))
            before = {d: house.pid(d) for d in DAEMONS}
            house.run("home", "kill", "-9", before[daemon])
            if daemon != "proxyd":
                await ws.send_json({"id": 1, "type": "ping"})
                assert (await ws.receive_json(timeout=15))["type"] == "pong"
            if daemon != "dnsd":
                assert house.dig(f"ha.{ZONE}", "A", OLD) == [OLD]
            until(f"{daemon} is there again", lambda: house.pid(daemon) not in (0, before[daemon]), 30)
            after = {d: house.pid(d) for d in DAEMONS}
            assert {d: p for d, p in after.items() if d != daemon} == {d: p for d, p in before.items() if d != daemon}
            if daemon != "proxyd":
                await ws.send_json({"id": 2, "type": "ping"})
                assert (await ws.receive_json(timeout=15))["type"] == "pong"
        async with Visitor(URL) as v:
            answer, _ = await v.login(USER, PASSWORD)
            assert answer.status == 200
    asyncio.run(test())
    until("everything works", lambda: everything_works(house), 60)


def test_sessions_outlive_a_restart(house):
    async def test():
        async with Visitor(URL) as v:
            await v.login(USER, PASSWORD)
            await asyncio.to_thread(house.run, "home", "systemctl", "restart", "hagw-webd.service", "hagw-proxyd.service")
            await asyncio.to_thread(until, "the house answers", house.certificate, 20)
            answer, text = await v.get("/")
            assert answer.status == 200 and "The house is fine" in text
    asyncio.run(test())


def test_everything_restarts_at_once(house):
    """Every port is listened on again, also while sockets beside it are given their owners."""
    since = house.run("home", "date", "+%s.%N").strip()
    for _ in range(10):
        house.run("home", "systemctl", "restart", "hagw.target", "hagw-*.service")
    journal = house.run("home", "journalctl", "--no-pager", f"--since=@{since}", "_PID=1")
    assert journal.count("Listening on hagw-proxyd-https.socket") == 10
    assert "Failed to listen" not in journal and "Dependency failed" not in journal
    until("the house answers", lambda: everything_works(house), 60)


def test_power_cut(house):
    serial = house.certificate()["serialNumber"]
    house.run("home", "systemctl", "reboot", "--force", check=False)
    time.sleep(1)
    until("the house has booted", lambda: house.run("home", "systemctl", "is-system-running").strip() == "running", 60)
    until("the house answers", lambda: everything_works(house), 60)
    assert house.certificate()["serialNumber"] == serial


def test_reboot(house):
    house.run("home", "systemctl", "reboot", check=False)
    time.sleep(2)
    until("the house has booted", lambda: house.run("home", "systemctl", "is-system-running").strip() == "running", 60)
    until("the house answers", lambda: everything_works(house), 60)


BROKEN = "/etc/hagw/hosts.d/other.conf"


def is_served(house, name):
    try:
        return bool(house.certificate(name, OLD))
    except OSError:
        return False


def test_boot_with_a_broken_file(house):
    """The house is to be reached, and what is broken is closed; who mends the file reloads."""
    other, text = f"other.{ZONE}", f'name = "other.{ZONE}";\nupstream = "http://192.168.1.4:8123";\naccess: {{ login = "none"; }};\n'
    house.run("home", "sh", "-c", f"cat >{BROKEN}", text=text)
    house.ctl("reload")
    try:
        until("the other host is served", lambda: is_served(house, other))
        kept = house.run("home", "find", "/var/lib/hagw", "-printf", "%M %u:%g %P\\n")
        assert "-rw-r----- root:hagw config/hosts.d/other.conf" in kept and "drwxr-x--- root:hagw config\n" in kept, kept
        house.run("home", "sh", "-c", f"printf 'upstream = ' >>{BROKEN}")
        house.run("home", "systemctl", "reboot", check=False)
        time.sleep(2)
        until("the house has booted", lambda: house.run("home", "systemctl", "is-system-running").strip() == "running", 60)
        until("the house answers", lambda: everything_works(house), 60)
        assert not is_served(house, other)
        for daemon in DAEMONS:
            assert f"configuration refused: {BROKEN}:4: " in house.show(f"hagw-{daemon}.service", "StatusText")["StatusText"]
        said = dev_lab("run", "home", "hagw-ctl", "status", "--no-delegation", check=False).stdout
        assert f"{BROKEN}:4: " in said and f"Closed: {other}: {BROKEN} was changed since." in said, said
        assert "config/hosts.d/other.conf" in house.run("home", "find", "/var/lib/hagw", "-printf", "%P\\n")
    finally:
        house.run("home", "rm", BROKEN)
        house.ctl("reload")
    assert "other.conf" not in house.run("home", "find", "/var/lib/hagw", "-printf", "%P\\n")
    assert "last good" not in dev_lab("run", "home", "hagw-ctl", "status", "--no-delegation", check=False).stdout


TELL = "/bin/sh -c '{ echo $HAGW_SUBJECT; cat; } >>$STATE_DIRECTORY/heard; cat /proc/self/status >$STATE_DIRECTORY/status'"


def test_people_are_told(house):
    """By a unit of its own, which setuid mail programs would work in; what happens is told once, and when it is over."""
    before = house.run("home", "cat", "/etc/hagw/hagw.conf")
    house.run("home", "sh", "-c", "cat >>/etc/hagw/hagw.conf", text=f'notify = ( "command:{TELL}", "https://192.0.2.1:1/topic" );\n')
    house.ctl("reload")
    told = lambda: house.run("home", "cat", "/var/lib/hagw-notify/heard")  # noqa: E731
    try:
        assert house.show("hagw-notify.timer", "ActiveState")["ActiveState"] == "active"
        done = dev_lab("run", "home", "hagw-ctl", "notify", "test", check=False, timeout=120)
        assert f"command:{TELL}: sent\n" in done.stdout and "https://192.0.2.1:1/topic: " in done.stdout and done.returncode == 1
        assert "a test" in told()
        status = house.run("home", "cat", "/var/lib/hagw-notify/status")
        uid = house.run("home", "id", "-u", "hagw-notify").strip()
        assert re.search(rf"^Uid:\t{uid}\t{uid}\t", status, re.M) and re.search(r"^Groups:\s*$|^Groups:\s+\d+ *$", status, re.M), status
        assert re.search(r"^NoNewPrivs:\s+0$", status, re.M) and re.search(r"^CapEff:\s+0+$", status, re.M)
        assert "192.0.2.1" in dev_lab("run", "home", "hagw-ctl", "status", "--no-delegation", check=False).stdout
        house.run("home", "systemctl", "stop", "hagw-netd.socket", "hagw-netd.service")
        for _ in range(2):
            house.run("home", "systemctl", "start", "hagw-notify.service", timeout=120)
        assert re.search("^- hagw-netd", told(), re.M) and "Over:" not in told(), told()
        house.run("home", "systemctl", "start", "hagw-netd.socket", "hagw-netd.service")
        for _ in range(2):
            house.run("home", "systemctl", "start", "hagw-notify.service", timeout=120)
        assert re.search("^Over:\n(- .*\n)*- hagw-netd", told(), re.M), told()
    finally:
        house.run("home", "sh", "-c", "cat >/etc/hagw/hagw.conf", text=before)
        house.run("home", "systemctl", "start", "hagw.target")
        house.ctl("reload")
    # Nobody is to be told: nothing fails, and nothing is said.
    house.run("home", "systemctl", "start", "hagw-notify.service")
    assert house.show("hagw-notify.service", "Result")["Result"] in ("success", "exec-condition")
    assert house.run("home", "systemctl", "is-system-running").strip() == "running"


def test_upgrade_refuses_nobody_and_loses_nothing(house, newer_package):
    serial = house.certificate()["serialNumber"]

    async def test():
        async with Visitor(URL) as v:
            await v.login(USER, PASSWORD)
            before = {d: house.pid(d) for d in DAEMONS}
            cookie = "; ".join(f"{c.key}={c.value}" for c in v.session.cookie_jar)
            with Visiting(f"ha.{ZONE}", OLD, "/lab/echo", cookie) as visitors, knocking(OLD, 53) as dns:
                await asyncio.to_thread(visitors.served, 10)
                said = await asyncio.to_thread(house.run, "home", "apt-get", "install", "-y", newer_package, timeout=120)
                await asyncio.to_thread(visitors.served, 20)
            assert set(visitors.results) == {200} and dns == [], (visitors.results, dns)
            assert said.count("Restarting hagw: ") == 1
            assert not [d for d in DAEMONS if house.pid(d) in (0, before[d])], "an upgrade restarts what runs"
            answer, text = await v.get("/")
            assert answer.status == 200 and "The house is fine" in text, "the session is still known"
    asyncio.run(test())
    assert house.certificate()["serialNumber"] == serial


def test_z_purge_takes_everything_away(house):
    house.run("home", "apt-get", "purge", "-y", "hagw", timeout=120)
    assert house.run("home", "sh", "-c", "ls -d /etc/hagw* /var/lib/hagw* /run/hagw* /usr/lib/hagw* 2>/dev/null || :") == ""
    assert house.run("home", "sh", "-c", "getent passwd | grep hagw || getent group | grep hagw || :") == ""
    listening = [line.split()[4] for line in house.run("home", "ss", "-Hltun").splitlines()]
    # The stub of systemd-resolved stays.
    assert not [a for a in listening if a.endswith((":443", ":80")) or a.endswith(":53") and not a.startswith("127.0.0.5")]

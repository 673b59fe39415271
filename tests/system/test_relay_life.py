# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens to a relay and its houses in the course of years. Nothing here ever needs anybody's hand."""

import asyncio
import contextlib
import json
import threading
import time

import aiohttp
import pytest

from conftest import until
from tenants import CABIN, RELAY, RELAY4, ZONE, cut_off
from upgrade import Visiting, newer_package  # noqa: F401
from visitor import raw

MACHINES = ["relay", "cabin", "flat"]
MIB = 1 << 20


def back(house, seconds):
    """Attached and serving again; how long that took."""
    started = time.monotonic()
    until(f"{house.name} serves again", house.serves, seconds)
    print(f"{house.name} serves again after {time.monotonic() - started:.1f} s")


class Download:
    """A visitor's download that goes on for some seconds, and how it ended."""

    def __init__(self, house, size=24 * MIB, rate=4 * MIB):
        self.house, self.size, self.rate = house, size, rate
        self.got, self.ended = 0, None
        self.flows = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        async def test(v):
            async with v.session.get(v.url(f"/api/backup/download?bytes={self.size}")) as r:
                async for chunk in r.content.iter_chunked(self.rate // 10):
                    self.got += len(chunk)
                    self.flows.set()
                    await asyncio.sleep(0.1)
        try:
            self.house.visit(test, timeout=90)
            self.ended = "whole" if self.got == self.size else "short"
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as e:
            self.ended = repr(e)
        finally:
            self.flows.set()

    def __enter__(self):
        self.thread.start()
        assert self.flows.wait(20)
        return self

    def __exit__(self, *_):
        self.thread.join(60)


class WebSocket:
    """A visitor's WebSocket, open until it is cut, and when that was; else asked at the end whether it still works."""

    def __init__(self, house):
        self.house, self.opened, self.leave = house, threading.Event(), threading.Event()
        self.cut, self.works = None, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        async def test(v):
            ws = await v.websocket(v.token)
            self.opened.set()
            while not self.leave.is_set():
                with contextlib.suppress(asyncio.TimeoutError):
                    if (await ws.receive(timeout=0.2)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                        self.cut = time.monotonic()
                        return
            await ws.send_json({"id": 1, "type": "ping"})
            self.works = (await ws.receive_json(timeout=10)) == {"id": 1, "type": "pong"}
            await ws.close()
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, OSError, TypeError):
            self.house.visit(test)

    def __enter__(self):
        self.thread.start()
        assert self.opened.wait(20)
        return self

    def __exit__(self, *_):
        self.leave.set()
        self.thread.join(20)

    def cut_after(self, since):
        """Seconds until it was cut."""
        self.thread.join(5)
        assert self.cut is not None, "it is still open"
        return self.cut - since


# --- restarts ------------------------------------------------------------------------------------------------

def test_established_visitors_outlive_a_restart_of_the_house(cabin):
    """Drained: who is there goes on, who comes meets the new one."""
    before = cabin.pid("proxyd")
    with Download(cabin) as download:
        cabin.run("systemctl", "restart", "hagw-proxyd.service")
        back(cabin, 10)
    assert download.ended == "whole"
    assert cabin.pid("proxyd") not in (0, before)


def test_established_visitors_outlive_a_reload_of_the_relay(cabin):
    pid = RELAY.pid("proxyd")
    with WebSocket(cabin) as ws:
        RELAY.ctl("reload")
        cabin.ctl("reload")
        assert cabin.echo()["host"] == cabin.host
        assert RELAY.pid("proxyd") == pid and len(RELAY.attachments("cabin")) == 1
    assert ws.works


def test_houses_are_back_after_the_relay_was_killed(cabin, flat):
    """And the one whose IPv6 has died in the meantime comes by IPv4."""
    before = RELAY.pid("proxyd")
    with cut_off("flatrouter", "ip6", "tcp flags & (syn | ack) == syn drop"):
        RELAY.run("kill", "-9", before)
        for house in (cabin, flat):
            back(house, 30)
        assert RELAY.attachments("flat")[0]["address"].startswith("203.0.113.40:")
    assert RELAY.pid("proxyd") not in (0, before)


@pytest.mark.parametrize("daemon", ["tenantd", "dnsd", "keyd"])
def test_a_daemon_of_the_relay_is_killed_and_nobody_is_cut(cabin, daemon):
    before = RELAY.pid(daemon)
    with WebSocket(cabin) as ws:
        RELAY.run("kill", "-9", before)
        until(f"{daemon} is there again", lambda: RELAY.pid(daemon) not in (0, before), 20)
        assert cabin.echo()["host"] == cabin.host
    assert ws.works


def cookie(house):
    """Of a visitor who has logged in."""
    async def test(v):
        return "; ".join(f"{c.key}={c.value}" for c in v.session.cookie_jar)
    return house.visit(test)


def test_upgrade_of_relay_and_house_refuses_nobody(cabin, flat, newer_package):  # noqa: F811
    """By apt, one after the other, while visitors of both houses come: each is served."""
    with Visiting(cabin.host, RELAY4, "/lab/echo", cookie(cabin)) as ours, Visiting(flat.host, RELAY4, "/lab/echo", cookie(flat)) as theirs:
        for machine in (RELAY, cabin):
            before = {d: machine.pid(d) for d in ("proxyd", "keyd", "acmed")}
            ours.served(10)
            theirs.served(10)
            with Download(cabin) as download:
                machine.run("apt-get", "install", "-y", newer_package, timeout=120)
                ours.served(20)
                theirs.served(20)
            assert download.ended == "whole", "drained"
            assert not [d for d in before if machine.pid(d) in (0, before[d])], "an upgrade restarts what runs"
    assert set(ours.results) == set(theirs.results) == {200}, (ours.results, theirs.results)


# --- networks ------------------------------------------------------------------------------------------------

def test_another_address_of_the_house(cabin):
    """The router gives it another one. A download breaks; the house sees the change and is back at once."""
    old, new = sorted(("10.1.0.2", "10.1.0.3"), key=lambda a: a not in cabin.wire("ip", "-4", "address", "show"))
    with Download(cabin, 512 * MIB) as download:
        cabin.wire("ip", "address", "del", f"{old}/24", "dev", "cabinlan")
        cabin.wire("ip", "address", "add", f"{new}/24", "dev", "cabinlan")
        cabin.wire("ip", "route", "replace", "default", "via", "10.1.0.1")
        back(cabin, 10)
        download.thread.join(45)
    assert download.ended not in (None, "whole"), "the visitor is not left waiting"


def test_a_dead_way_is_found_on_both_ends(cabin):
    with cut_off("carrier"):
        started = time.monotonic()
        gone = {}
        while time.monotonic() - started < 31 and len(gone) < 2:
            if "relay" not in gone and RELAY.attachments("cabin") == []:
                gone["relay"] = time.monotonic() - started
            if "house" not in gone and not CABIN.attached():
                gone["house"] = time.monotonic() - started
            time.sleep(0.5)
        print(f"found after {gone}")
        assert len(gone) == 2 and max(gone.values()) <= 30, gone
        assert raw(RELAY4, 443, b"", server_name=cabin.host, tls=True, seconds=10) == b""
    back(cabin, 40)


# --- the owner's will ----------------------------------------------------------------------------------------

def test_a_revoked_tenant_is_cut_within_a_second(flat):
    with WebSocket(flat) as ws:
        RELAY.ctl("tenant", "revoke", "flat")
        done = time.monotonic()
        assert until("it is gone", lambda: RELAY.attachments("flat") == [], 1, every=0.05)
        assert ws.cut_after(done) < 1
    assert raw(RELAY4, 443, b"", server_name=flat.host, tls=True, seconds=10) == b""
    time.sleep(2)
    assert not flat.attached(), "its token is good no more"
    code = RELAY.verb("tenant", "rotate", "flat")["code"]
    flat.ctl("attach", ZONE, code, "--yes", timeout=120)
    back(flat, 20)


def test_a_suspended_tenant_is_cut_and_comes_back(flat):
    with WebSocket(flat) as ws:
        RELAY.ctl("tenant", "set", "flat", "--suspend")
        done = time.monotonic()
        assert ws.cut_after(done) < 1
    assert raw(RELAY4, 443, b"", server_name=flat.host, tls=True, seconds=10) == b""
    RELAY.ctl("tenant", "set", "flat", "--enable")
    back(flat, 65)


# --- the database --------------------------------------------------------------------------------------------

def database_problems():
    """status exits with 1 where there is something."""
    return [p for p in json.loads(RELAY.run("sh", "-c", "hagw-ctl status --json || :"))["problems"] if "database" in p]


def test_a_damaged_tenants_database(cabin, flat):
    """Nobody who is there notices; who runs the relay hears of it at once, and one verb mends it, within the sandbox."""
    database = "/var/lib/hagw-tenantd/tenants.db"
    RELAY.ctl("tenant", "copy")
    token = RELAY.verb("tenant", "rotate", "flat", "--token")["token"]
    RELAY.ctl("tenant", "revoke", "flat", token.split("_")[2])
    with WebSocket(cabin) as ws:
        RELAY.run("sh", "-ec", f"systemctl stop hagw-tenantd.service; truncate -s 8192 {database}; systemctl start hagw-tenantd.service")
        problem, = database_problems()
        assert "hagw-ctl tenant restore" in problem
        assert cabin.echo()["host"] == cabin.host and flat.echo()["host"] == flat.host
        said = RELAY.ctl("tenant", "restore")
        assert f"token flat {token.split('_')[2]}" in said
        assert database_problems() == []
    assert ws.works
    RELAY.run("test", "-e", f"{database}.broken")
    flat.run("systemctl", "restart", "hagw-proxyd.service")
    back(flat, 30)


# --- power ---------------------------------------------------------------------------------------------------

def test_reboots(cabin, flat):
    """A house, then the relay: nobody has to do anything."""
    serial = cabin.certificate()["serialNumber"]
    for machine, timeout in ((cabin, 60), (RELAY, 90)):
        machine.run("systemctl", "reboot", check=False)
        time.sleep(2)
        until(f"{machine.name} has booted", lambda m=machine: m.run("systemctl", "is-system-running").strip() == "running", 60)
        for house in (cabin, flat):
            back(house, timeout)
    assert cabin.certificate()["serialNumber"] == serial

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Houses that nobody can connect to, reached through a relay that can read nothing. test_relay_life.py has the outages."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import time

import aiohttp
import pytest
from selenium.webdriver.common.by import By

from chromium import chromium, fill_in, wait
from conftest import certificate, until
from tenants import A4, A6, B4, CABIN, RELAY, RELAY4, RELAY6, ZONE, capture, public_keys, served_key
from visitor import Visitor, raw

MACHINES = ["relay", "cabin", "flat"]


# --- attached ------------------------------------------------------------------------------------------------

def test_both_ends_know_each_other(cabin, flat):
    there = RELAY.attachments("cabin")
    assert [a["address"].rsplit(":", 1)[0] for a in there] == ["203.0.113.30"], "the carrier's address, as the relay sees it"
    assert there[0]["waiting"] >= 1
    here = cabin.relay()
    assert here["state"] == "attached" and here["tenant"] == "cabin" and here["rejected"] == 0
    # The flat has an IPv6 address of its own, and IPv4 behind its router's.
    assert RELAY.attachments("flat")[0]["address"].rsplit(":", 1)[0] in ("[2001:db8:2::2]", "203.0.113.40")


@pytest.mark.parametrize("name", [ZONE, CABIN.zone, CABIN.host, f"anything.at.all.{CABIN.zone}"])
def test_names_of_tenants_are_the_relay(lab, houses, name):
    until("the A record through the parent's delegation", lambda: lab.dig(name) == [RELAY4])
    assert lab.dig(name, "AAAA") == [RELAY6]


def test_certificate_is_the_houses_own(cabin, flat):
    for house in (cabin, flat):
        shown = {value for kind, value in house.certificate()["subjectAltName"] if kind == "DNS"}
        assert shown == {house.zone, f"*.{house.zone}"}
        assert house.serves(RELAY6)


def test_nothing_of_the_challenge_is_left(lab, cabin):
    assert lab.dig(f"_acme-challenge.{CABIN.zone}", "TXT") == []


def test_keys_never_left_the_house(cabin, flat):
    at_relay = public_keys(RELAY)
    assert at_relay, "the relay has keys of its own"
    for house in (cabin, flat):
        key = served_key(house.host)
        assert key in public_keys(house) and key not in at_relay
    assert served_key(ZONE, "-alpn", "hagw-relay/1") in at_relay


# --- visitors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("address", [A4, B4, A6])
def test_the_service_sees_the_visitor(cabin, flat, address):
    for house in (cabin, flat):
        seen = house.echo(address)
        assert seen["address"] == address and seen["scheme"] == "https" and seen["host"] == house.host
        assert f"{address} GET /lab/echo 200" in house.service_log()
        until("the house's own log has it", lambda h=house: h.run(
            "journalctl", "-b", "-n", "1", "-o", "cat", f"HAGW_ADDRESS={address}", "HAGW_PATH=/lab/echo"))


def test_browser_logs_in(cabin):
    with chromium() as browser:
        browser.get(cabin.url)
        assert "The house is fine" not in browser.page_source
        fill_in(browser, cabin.user, cabin.password)
        wait(browser, lambda: browser.title == "Home Assistant")
        assert browser.find_element(By.ID, "house").text == "Home Assistant" and browser.current_url == cabin.url


def test_websocket_stays_open_through_a_renewal(cabin):
    async def test(v):
        async with cabin.open_websocket(v) as ws:
            assert json.loads(await ws.recv())["type"] == "auth_required"
            await ws.send(json.dumps({"type": "auth", "access_token": v.token}))
            assert json.loads(await ws.recv())["type"] == "auth_ok"
            before = (await asyncio.to_thread(cabin.certificate))["serialNumber"]
            await asyncio.to_thread(cabin.ctl, "cert", "renew", cabin.zone, timeout=120)
            await asyncio.to_thread(until, "the new certificate is served",
                                    lambda: cabin.certificate()["serialNumber"] != before, 60)
            for number in range(1, 4):
                await ws.send(json.dumps({"id": number, "type": "ping"}))
                assert json.loads(await asyncio.wait_for(ws.recv(), 15)) == {"id": number, "type": "pong"}
            sent = os.urandom(500_000)
            await ws.send(sent)
            assert await asyncio.wait_for(ws.recv(), 15) == sent
    cabin.visit(test)


def test_bulk_passes_whole_and_the_relay_does_not_grow(cabin):
    size = 256 << 20

    async def test(v):
        before, got = await asyncio.to_thread(RELAY.rss, "proxyd"), 0
        started = time.monotonic()
        async with v.session.get(v.url(f"/api/backup/download?bytes={size}")) as r:
            async for chunk in r.content.iter_any():
                got += len(chunk)
        async with v.session.post(v.url("/api/backup/upload"), data=b"\xa5" * (16 << 20)) as r:
            assert (await r.json())["bytes"] == 16 << 20
        print(f"{size >> 20} MiB in {time.monotonic() - started:.1f} s")
        assert got == size
        assert await asyncio.to_thread(RELAY.rss, "proxyd") - before < 4 << 20
    cabin.visit(test, timeout=120)

    def counted():
        (month,) = RELAY.verb("tenant", "usage", "cabin")["usage"]
        return month["sent"] >= size and month["received"] >= 16 << 20
    until("the bytes are counted", counted, 30)


def test_the_months_bytes_are_used_up(flat):
    RELAY.ctl("tenant", "set", "flat", "--bytes-per-month", "1")
    try:
        until("visitors are closed", lambda: raw(RELAY4, 443, b"", server_name=flat.host, tls=True, seconds=10) == b"", 10)
        assert flat.attached(), "control stays"
    finally:
        RELAY.ctl("tenant", "set", "flat", "--bytes-per-month", "none")
    until("visitors come again", flat.serves, 10)


def test_many_visitors_at_once(cabin):
    """More than channels wait."""
    async def test(v):
        async def one():
            async with Visitor(cabin.url) as other:
                return (await other.get("/"))[0].status
        assert set(await asyncio.gather(*(one() for _ in range(60)))) == {200}
    cabin.visit(test)


# --- who can read it -----------------------------------------------------------------------------------------

def test_relay_sees_no_plaintext(cabin, tmp_path):
    at_relay, in_house = tmp_path / "relay.pcap", tmp_path / "house.pcap"
    marker = os.urandom(16).hex()

    async def test(v):
        async with v.session.post(v.url("/lab/echo"), data=marker) as answer:
            assert marker in await answer.text()
        ws = await v.websocket(v.token)
        await ws.close()
        return [v.token, *(c.value for c in v.session.cookie_jar)]
    with capture("relay", "internet", "tcp port 443", at_relay), capture("cabinha", "cabinlan", "tcp port 8123", in_house):
        secrets = cabin.visit(test)
    passed, control = at_relay.read_bytes(), in_house.read_bytes()
    assert cabin.host.encode() in passed, "the hello names the host, so the search works"
    for word in (marker, "HTTP/1.1", "X-Forwarded-For", cabin.service_password):
        assert word.encode() in control, f"{word}: what passes inside of the house can be read there"
        assert word.encode() not in passed, word
    for word in (*secrets, "__Host-", cabin.password, cabin.password.replace(" ", "+"), "Cookie:"):
        assert word.encode() not in passed, word


# --- strangers -----------------------------------------------------------------------------------------------

HELLO = b"hagw-ch1" + bytes(16) + b"\0\0\0\0\0\0\0\1" + bytes(32)
PROXY = b"\r\n\r\n\0\r\nQUIT\n" + bytes.fromhex("21110033") + bytes([198, 51, 100, 7, 203, 0, 113, 20, 4, 0, 1, 187])


@pytest.mark.parametrize("name,port,tls,send", [
    (None, 443, True, b""), ("bank.example.org", 443, True, b""), (f"nobody.{ZONE}", 443, True, b""),
    (f"ha.nobody.{ZONE}", 443, True, b""), (None, 443, False, b"GET / HTTP/1.1\r\nHost: ha.cabin.relay.example.com\r\n\r\n"),
    (None, 443, False, bytes(range(256)) * 8), (None, 443, False, HELLO),
    (None, 443, False, PROXY), (None, 80, False, b"GET / HTTP/1.1\r\nHost: bank.example.org\r\n\r\n")],
    ids=["no name", "other name", "no tenant", "below no tenant", "plain HTTP", "garbage", "forged channel",
         "header of a proxy", "other host"])
def test_scanners_get_not_one_byte(cabin, name, port, tls, send):
    assert raw(RELAY4, port, send, server_name=name, tls=tls, seconds=20) == b""


def test_a_name_that_the_house_does_not_have_gets_not_one_byte(cabin):
    assert raw(RELAY4, 443, b"", server_name=f"nothing.here.{CABIN.zone}", tls=True, seconds=20) == b""


@pytest.mark.parametrize("name", [CABIN.host.upper(), CABIN.host + "."])
def test_names_are_understood_however_they_are_written(cabin, name):
    out = subprocess.run(["openssl", "s_client", "-connect", f"{RELAY4}:443", "-servername", name, "-verify_return_error"],
                         input="", capture_output=True, text=True, timeout=20)
    assert "Verification: OK" in out.stdout, out.stdout[-500:] + out.stderr[-500:]


# --- two tenants ---------------------------------------------------------------------------------------------

def test_a_hello_for_one_with_the_other_in_the_head_is_misdirected(cabin, flat):
    out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {flat.host}", cabin.url],
                         capture_output=True, text=True, timeout=20, check=False)
    assert out.stdout == "421"


def test_a_login_at_one_is_none_at_the_other(cabin, flat):
    async def test(v):
        cookies = "; ".join(f"{c.key}={c.value}" for c in v.session.cookie_jar)
        async with aiohttp.ClientSession() as other, \
                other.get(flat.url + "lab/echo", headers={"Cookie": cookies}, allow_redirects=False) as answer:
            assert answer.status in (302, 303, 401, 403)
    cabin.visit(test)


def test_a_house_that_serves_the_others_name_gets_neither_visitors_nor_certificate(cabin, flat):
    key = served_key(flat.host)
    cabin.ctl("host", "add", flat.host, "http://10.1.0.4:8123", "--login", "none", "--force", check=False)
    try:
        assert flat.echo()["host"] == flat.host and served_key(flat.host) == key
        mine = cabin.verb("cert", "list")["certificates"]
        assert not [c for c in mine if flat.host in c["names"] and c["state"] == "valid"]
    finally:
        cabin.ctl("host", "remove", flat.host, check=False)


# --- not attached --------------------------------------------------------------------------------------------

@contextlib.contextmanager
def away(house):
    house.run("systemctl", "stop", "hagw-proxyd.service", "hagw-proxyd-https.socket", "hagw-proxyd-http.socket",
              "hagw-proxyd.socket")
    try:
        until(f"{house.name} is gone", lambda: RELAY.attachments(house.name) == [], 5)
        yield
    finally:
        house.run("systemctl", "start", "hagw.target")
        until(f"{house.name} is back", house.attached, 20)


def test_visitors_of_a_house_that_is_away_get_not_one_byte(flat):
    with away(flat):
        assert raw(RELAY4, 443, b"", server_name=flat.host, tls=True, seconds=10) == b""
    assert flat.serves()


def test_detach_and_attach(flat):
    """Without its relay a house is away for good; a code is good once."""
    flat.ctl("detach", "--yes")
    until("the flat is gone", lambda: RELAY.attachments("flat") == [], 5)
    assert raw(RELAY4, 443, b"", server_name=flat.host, tls=True, seconds=10) == b""
    code = RELAY.verb("tenant", "rotate", "flat")["code"]
    flat.ctl("attach", ZONE, code, "--yes", timeout=120)
    until("the flat is attached", flat.attached, 20)
    assert flat.echo()["host"] == flat.host
    again = CABIN.ctl("attach", ZONE, code, "--yes", check=False, timeout=120)
    assert again.returncode != 0 and CABIN.attached()


# --- opened at the relay -------------------------------------------------------------------------------------

@pytest.fixture
def opened(flat):
    """The relay has the flat's host among its own: it opens the visitors' TLS."""
    RELAY.ctl("host", "add", flat.host, "tenant:flat", "--login", "none")
    try:
        # The relay's account stands in that name's CAA record for a TTL before it orders.
        until("the relay's own certificate is shown", lambda: served_key(flat.host) in public_keys(RELAY), 120)
        yield flat
    finally:
        RELAY.ctl("host", "remove", flat.host)
        until("the flat's own certificate is shown", lambda: served_key(flat.host) in public_keys(flat), 30)


@pytest.fixture
def agreed(flat):
    """The flat takes visitors whose TLS the relay has opened."""
    configuration = flat.run("cat", "/etc/hagw/hagw.conf")
    accept = re.sub(r'#?opened = "[a-z]+"', 'opened = "accept"', configuration)
    assert 'opened = "accept"' in accept
    flat.run("sh", "-c", "cat >/etc/hagw/hagw.conf", text=accept)
    flat.ctl("reload")
    try:
        yield
    finally:
        flat.run("sh", "-c", "cat >/etc/hagw/hagw.conf", text=configuration)
        flat.ctl("reload")


def page(url):
    async def get():
        async with aiohttp.ClientSession() as s, s.get(url) as answer:
            return answer.status, await answer.text()
    return asyncio.run(get())


def test_a_house_that_does_not_agree_is_not_opened(opened):
    status, text = page(opened.url)
    assert status in (502, 503) and "Welcome home" not in text


def websocket_works(house):
    async def test(v):
        ws = await v.websocket(v.token)
        await ws.send_json({"id": 1, "type": "ping"})
        assert (await ws.receive_json(timeout=15))["type"] == "pong"
        await ws.close()
    house.visit(test)


def test_a_house_opened_at_the_relay(agreed, opened):
    for address in (A4, A6):
        seen = opened.echo(address)
        assert seen["address"] == address and seen["host"] == opened.host and seen["scheme"] == "https"
    websocket_works(opened)
    with away(opened):
        status, text = page(opened.url)
        assert status == 503 and "offline" in text
    assert opened.echo()["host"] == opened.host


def test_a_tenant_opened_at_the_relay(agreed, flat):
    """Its first name, for which the relay has a certificate; further names need hosts there, as above."""
    url = f"https://{flat.zone}/"
    flat.ctl("host", "add", flat.zone, "http://10.2.0.4:8123", "--login", "none")
    RELAY.ctl("tenant", "set", "flat", "--terminate", "yes")
    try:
        until("the relay's own certificate is shown", lambda: served_key(flat.zone) in public_keys(RELAY), 20)
        until("the house's page", lambda: "The house is fine" in page(url)[1], 10)
        with away(flat):
            assert page(url)[0] == 503
    finally:
        RELAY.ctl("tenant", "set", "flat", "--terminate", "no")
        flat.ctl("host", "remove", flat.zone)
    until("the flat's own certificate is shown", lambda: served_key(flat.host) in public_keys(flat), 30)


def test_a_login_at_the_relay(agreed, opened):
    """In the place of the house's."""
    RELAY.ctl("host", "set", opened.host, "--login", "required")
    RELAY.ctl("user", "add", opened.user, "--password-stdin", text=opened.password)
    opened.ctl("host", "set", opened.host, "--login", "none")
    try:
        assert page(opened.url)[0] == 401
        assert opened.echo()["address"] == A4
        websocket_works(opened)
    finally:
        opened.ctl("host", "set", opened.host, "--login", "required")
        RELAY.ctl("user", "remove", opened.user)


# --- a name besides ------------------------------------------------------------------------------------------

def test_custom_domain(lab, cabin):
    """cabin.example.com is the owner's, who leads it to the relay; its certificate is the house's too."""
    assert lab.dig("cabin.example.com") == [RELAY4]
    RELAY.ctl("tenant", "set", "cabin", "--domain", "cabin.example.com")
    cabin.ctl("host", "add", "cabin.example.com", "http://10.1.0.4:8123", "--login", "none")
    try:
        shown = until("a certificate for it", lambda: certificate("cabin.example.com", RELAY4), 60)
        assert ("DNS", "cabin.example.com") in shown["subjectAltName"]

        async def page():
            async with aiohttp.ClientSession() as s, s.get("https://cabin.example.com/lab/echo") as answer:
                return await answer.json()
        assert asyncio.run(page())["host"] == "cabin.example.com"
        assert served_key("cabin.example.com") in public_keys(cabin)
    finally:
        cabin.ctl("host", "remove", "cabin.example.com")
        RELAY.ctl("tenant", "set", "cabin", "--domain", "")

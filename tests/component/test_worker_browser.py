# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services' workers keep pages of the whole host, hagw-webd's too, whatever they say of caching: the login has to work all
the same, in Chromium. tests/real/ does it with Home Assistant's own worker."""

import pathlib
import sys

import pytest
from workers import (URL, Service, end_sessions, has_login, is_in, log_in, open_door, reload_until_login, rules, submit)

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from chromium import chromium, wait  # noqa: E402

START = """
self.addEventListener("install", e => self.skipWaiting());
self.addEventListener("activate", e => e.waitUntil(clients.claim()));
"""
# Whatever came once, redirects too, is shown again, and asked for anew behind the scenes.
STALE = START + """
self.addEventListener("fetch", e => {
    if (e.request.method != "GET")
        return;
    e.respondWith((async () => {
        const cache = await caches.open("all"), old = await cache.match(e.request);
        const fresh = fetch(e.request).then(async r => { await cache.put(e.request, r.clone()); return r; });
        e.waitUntil(fresh.catch(() => 0));
        return old || fresh;
    })());
});
"""
# A page that came once is shown for ever.
KEPT = START + """
self.addEventListener("fetch", e => {
    if (e.request.method != "GET" || e.request.url.includes("/api/"))
        return;
    e.respondWith((async () => {
        const cache = await caches.open("all"), old = await cache.match(e.request);
        if (old)
            return old;
        const r = await fetch(e.request);
        if (r.ok)
            await cache.put(e.request, r.clone());
        return r;
    })());
});
"""
# Home Assistant's until 2025, in short: as STALE, but paths of /api/ and /auth/ are left alone.
SPARED = STALE.replace('"GET"', '"GET" || /\\/(api|auth)\\//.test(e.request.url)')


def start(house, worker):
    service = Service(worker.encode())
    return service, open_door(house, service)


@pytest.fixture
def place(request, house):
    service, door = start(house, request.param)
    with chromium(*rules(door)) as driver:
        yield door, service, driver
    door.close()
    service.close()


@pytest.mark.parametrize("place", [STALE, SPARED], ids=["stale", "spared"], indirect=True)
def test_one_submit_whatever_the_worker_keeps(place):
    door, _, driver = place
    log_in(driver, wait)
    for _ in range(4):
        end_sessions(door)
        reload_until_login(driver, wait)
        submit(driver, wait)
        wait(driver, lambda: is_in(driver))
    figures = door.webd.call("io.hagw.Service.GetMetrics")["metrics"]
    assert sum(m["value"] for m in figures if m["name"] == "logins") == 5


@pytest.mark.parametrize("place", [SPARED], ids=["spared"], indirect=True)
def test_a_slow_service(place):
    """Until the worker has the page anew it goes on sending the visitor to the login: not in a circle that the browser ends."""
    door, service, driver = place
    log_in(driver, wait)
    end_sessions(door)
    reload_until_login(driver, wait)
    service.slow = 3
    submit(driver, wait)
    wait(driver, lambda: is_in(driver))


@pytest.mark.parametrize("place", [KEPT], ids=["kept"], indirect=True)
def test_a_login_page_that_is_kept_for_ever(place):
    door, _, driver = place
    log_in(driver, wait)
    for n in range(3):
        end_sessions(door)
        # The first one brings the form's cookie, the next ones are old; each target is new, but its login page is not.
        driver.get(URL + ".hagw/auth/login?return=/page")
        assert has_login(driver)
        submit(driver, wait, password="wrong password")
        assert has_login(driver) and "not right" in driver.page_source
        submit(driver, wait)
        wait(driver, lambda: is_in(driver))


@pytest.mark.parametrize("place", [START], ids=["none"], indirect=True)
def test_two_tabs_at_the_login_page(place):
    door, _, driver = place
    driver.get(URL + "one")
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    driver.get(URL + "two")
    submit(driver, wait)
    wait(driver, lambda: is_in(driver) and driver.current_url == URL + "two")
    driver.switch_to.window(first)
    submit(driver, wait)
    wait(driver, lambda: is_in(driver) and driver.current_url == URL + "one")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Home Assistant's own service worker in Chromium, in front of the login: the right password brings the visitor in at once."""

import mimetypes
import zipfile

import pytest
from chromium import chromium, wait
from conftest import part
from workers import URL, Service, end_sessions, is_in, log_in, open_door, reload_until_login, rules, submit

ROUNDS = 8


class Frontend:
    def __init__(self, wheel):
        self.zip = zipfile.ZipFile(wheel)
        self.names = set(self.zip.namelist())

    def worker(self):
        return self.zip.read("hass_frontend/service_worker.js")

    def file(self, path):
        name = "hass_frontend" + path
        if path == "/" or name not in self.names:
            return None
        return mimetypes.guess_type(path)[0] or "application/octet-stream", self.zip.read(name)


@pytest.fixture(params=["frontend-new", "frontend-old"])
def place(request, house):
    frontend = Frontend(part(request.param, "home_assistant_frontend-*.whl"))
    service = Service(frontend.worker(), frontend.file)
    door = open_door(house, service)
    with chromium(*rules(door)) as driver:
        yield door, service, driver
    door.close()
    service.close()


def logins(door):
    return sum(m["value"] for m in door.webd.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == "logins")


def test_one_submit(place):
    door, _, driver = place
    log_in(driver, wait)
    for n in range(ROUNDS):
        end_sessions(door)
        path = ("", "lovelace/0", "history")[n % 3]
        reload_until_login(driver, wait, path)
        assert driver.current_url.startswith(URL + ".hagw/auth/login")
        submit(driver, wait)
        wait(driver, lambda: is_in(driver))
    assert logins(door) == 1 + ROUNDS


def test_a_service_that_is_slow_to_come(place):
    door, service, driver = place
    log_in(driver, wait)
    end_sessions(door)
    reload_until_login(driver, wait)
    service.slow = 2
    submit(driver, wait)
    wait(driver, lambda: is_in(driver))
    assert logins(door) == 2


def test_logout_and_a_login_page_of_yesterday(place):
    """The way that a person goes: out, and in again by the page that the browser shows."""
    door, _, driver = place
    log_in(driver, wait)
    driver.get(URL + ".hagw/logout")
    driver.find_element("css selector", "form button").click()
    wait(driver, lambda: "Signed out" in driver.title)
    driver.find_element("css selector", ".link a").click()
    wait(driver, lambda: driver.find_elements("css selector", "input[name=password]"))
    submit(driver, wait)
    wait(driver, lambda: is_in(driver))
    assert logins(door) == 2

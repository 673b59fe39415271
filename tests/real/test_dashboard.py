# SPDX-License-Identifier: LGPL-2.1-or-later
"""Home Assistant's frontend in Chromium, behind both logins: hagw's first, then its own, then the dashboard."""

import pytest
from chromium import chromium, wait
from realha import PASSWORD, USER, RealHome
from selenium.webdriver.common.keys import Keys
from test_homeassistant import TRUST, open_front
from workers import URL, has_login, rules, submit

# Its elements stand in shadow trees.
FIND = """
const find = (selector, root) => {
        const found = root.querySelector(selector);
        if (found)
                return found;
        for (const e of root.querySelectorAll("*")) {
                const below = e.shadowRoot && find(selector, e.shadowRoot);
                if (below)
                        return below;
        }
        return null;
};
"""
TRAFFIC = """
const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
return {requests: all.length, bytes: all.reduce((sum, e) => sum + e.transferSize, 0), protocols: [...new Set(all.map(e => e.nextHopProtocol))],
        failed: all.filter(e => e.responseStatus >= 400).map(e => e.name)};
"""


def find(driver, selector):
    return driver.execute_script(FIND + "return find(arguments[0], document)", selector)


@pytest.fixture
def front(house, tmp_path):
    ha = RealHome(tmp_path / "ha")
    try:
        ha.onboard().running()
        ha.restarts(lambda: ha.command("http/config/configure", config={**TRUST, "server_port": ha.port}))
        ha.command("http/config/promote")
        door = open_front(house, ha, login="required")
        with chromium(*rules(door)) as driver:
            yield ha, door, driver
        door.close()
    finally:
        ha.close()


def shows_dashboard(driver):
    return find(driver, "home-assistant-main") and find(driver, "hui-root, ha-panel-home, ha-panel-lovelace")


def test_both_logins_and_the_dashboard(front, record_property):
    ha, door, driver = front
    driver.get(URL)
    assert has_login(driver) and "/.hagw/auth/login" in driver.current_url
    submit(driver, wait)

    name = wait(driver, lambda: find(driver, "input[name=username]"))
    assert "/auth/authorize" in driver.current_url
    name.send_keys(USER)
    find(driver, "input[name=password]").send_keys(PASSWORD + Keys.ENTER)
    wait(driver, lambda: shows_dashboard(driver))

    # Once more, as somebody comes whose browser has nothing of it but the logins.
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.execute_cdp_cmd("Network.setBypassServiceWorker", {"bypass": True})
    driver.get(URL)
    wait(driver, lambda: shows_dashboard(driver))
    traffic = driver.execute_script(TRAFFIC)
    assert traffic["failed"] == [] and traffic["requests"] > 10
    for k, v in traffic.items():
        record_property(k, str(v))
    print("the dashboard, cold:", traffic)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two gateways in a row that both ask for a login, with a real browser."""

import pathlib
import sys

import pytest
from test_walls import HOST, INNER, OUTER, Behind, Relayed

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from chromium import chromium, fill_in, wait  # noqa: E402


@pytest.mark.parametrize("kind", [Relayed, Behind], ids=["relay and house", "gateway and gateway"])
def test_both_logins(house, other_house, kind):
    w = kind(house, other_house, None, "required")
    with chromium("--ignore-certificate-errors", f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{w.outer.port}") as driver:
        url = f"https://{HOST}/x?a=b"
        driver.get(url)
        fill_in(driver, *OUTER)
        wait(driver, lambda: "/.hag2/auth/login" in driver.current_url)
        assert not w.service.requests
        # A form that comes without the inner one's session: the page leads to the login that is missing.
        driver.execute_script("""const f = document.createElement('form'); f.method = 'post'; f.action = '/x';
            document.body.append(f); f.submit();""")
        wait(driver, lambda: driver.find_elements("css selector", "a[href*='auth/login']"))
        link = driver.find_element("css selector", "a[href*='auth/login']").get_attribute("href")
        assert link == f"https://{HOST}/.hag2/auth/login?return=/"
        driver.get(f"https://{HOST}/.hag2/auth/login?return=%2Fx%3Fa%3Db")
        fill_in(driver, *INNER)
        wait(driver, lambda: driver.current_url == url and '"target"' in driver.page_source)
        assert {c["name"] for c in driver.get_cookies()} >= {"__Host-hagw", "__Host-hag2"}
        driver.get(f"https://{HOST}/.hag2/auth/logout")
        driver.find_element("css selector", "form button").click()
        wait(driver, lambda: "Signed out" in driver.title)
        driver.find_element("css selector", "p.link a").click()
        wait(driver, lambda: "/.hag2/auth/login" in driver.current_url and driver.find_elements("name", "password"))
        fill_in(driver, *INNER)
        wait(driver, lambda: driver.current_url == f"https://{HOST}/" and '"target"' in driver.page_source)
    w.close()

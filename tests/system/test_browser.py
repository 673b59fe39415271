# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person with a browser: Chromium fills in the login page; Home Assistant's own frontend library talks through it."""

import pathlib

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of

from chromium import chromium, fill_in, wait
from conftest import PASSWORD, SERVICE_PASSWORD, SERVICE_USER, URL, USER

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / ".cache/npm/package/dist/haws.umd.js"
ERROR = "#error .error"


@pytest.fixture
def browser(house):
    with chromium() as driver:
        yield driver


def sign_in(driver, path=""):
    driver.get(URL + path)
    fill_in(driver, USER, PASSWORD)
    wait(driver, lambda: driver.title == "Home Assistant")


def test_wrong_password_right_one_first_page_logout(browser):
    browser.get(URL + "lovelace/kitchen?edit=1&x=%20y")
    assert browser.find_elements(By.CSS_SELECTOR, "input[type=password]")
    fill_in(browser, USER, "wrong")
    wait(browser, lambda: browser.find_element(By.CSS_SELECTOR, ERROR).text)
    assert "The house is fine" not in browser.page_source
    fill_in(browser, USER, PASSWORD)
    wait(browser, lambda: browser.title == "Home Assistant")
    assert browser.current_url == URL + "lovelace/kitchen?edit=1&x=%20y"
    cookie = next(c for c in browser.get_cookies() if c["name"].startswith("__Host-"))
    assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/"
    browser.get(URL + ".hagw/auth/logout")
    asked = browser.find_element(By.CSS_SELECTOR, "form")
    asked.find_element(By.TAG_NAME, "button").click()
    wait(browser, lambda: staleness_of(asked)(browser))  # the next page would be asked for before the form is sent
    browser.get(URL)
    assert browser.find_elements(By.CSS_SELECTOR, "input[type=password]")


def test_unknown_user_is_told_the_same(browser):
    said = []
    for user in (USER, "nobody-here"):
        browser.get(URL)
        fill_in(browser, user, "wrong")
        said.append(wait(browser, lambda: browser.find_element(By.CSS_SELECTOR, ERROR).text))
    assert said[0] == said[1]


@pytest.mark.parametrize("language,word", [("de", "Passwort"), ("fr", "Mot de passe"), ("en", "Password")])
def test_the_page_speaks(browser, language, word):
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": language}})
    browser.get(URL)
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == language
    assert word in browser.find_element(By.TAG_NAME, "form").text


@pytest.mark.parametrize("width", [360, 1400])
def test_the_page_fits_phone_and_desk_and_its_fields_have_labels(browser, width):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": 740, "deviceScaleFactor": 1, "mobile": width < 800})
    browser.get(URL)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    for field in browser.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])"):
        assert browser.find_elements(By.CSS_SELECTOR, f"label[for={field.get_attribute('id')}]")


def test_it_works_without_javascript(browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    sign_in(browser)


def test_home_assistants_own_library_talks_through_the_login(browser):
    if not LIBRARY.exists():
        pytest.skip("home-assistant-js-websocket could not be fetched (npm is missing, or its registry)")
    sign_in(browser)
    browser.execute_script(LIBRARY.read_text(encoding="utf-8") + "\nwindow.HAWS = globalThis.HAWS;")
    result = browser.execute_async_script("""
        const [user, password, done] = arguments;
        const post = (path, body) => fetch(path, {method: "POST", body: JSON.stringify(body)}).then(r => r.json());
        (async () => {
            const client_id = location.origin + "/";
            let flow = await post("/auth/login_flow", {client_id, handler: ["homeassistant", null], redirect_uri: client_id});
            flow = await post("/auth/login_flow/" + flow.flow_id, {client_id, username: user, password});
            const form = new URLSearchParams({grant_type: "authorization_code", code: flow.result, client_id});
            const token = (await fetch("/auth/token", {method: "POST", body: form}).then(r => r.json())).access_token;
            const connection = await HAWS.createConnection({auth: HAWS.createLongLivedTokenAuth(location.origin, token)});
            const states = await HAWS.getStates(connection);
            await connection.ping();
            const event = await new Promise(resolve => connection.subscribeEvents(resolve, "state_changed"));
            const answer = {version: connection.haVersion, states: states.length, event: event.event_type,
                            user: (await HAWS.getUser(connection)).name};
            connection.close();
            return answer;
        })().then(done, e => done({error: String(e && e.message || e)}));
    """, SERVICE_USER, SERVICE_PASSWORD)
    assert result == {"version": "2026.11.0", "states": 1, "event": "state_changed", "user": "anna"}

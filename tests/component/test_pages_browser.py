# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages of bad moments in front of a person, in Chromium: they come back by themselves, ever later; what was sent is not
lost; the password can be looked at."""

import json
import pathlib
import sys

import pytest
from proxyhouse import HOST, Head, Upstream
from test_front_door import PASSWORD
from test_pages import DEAD, Pages
from workers import end_sessions, submit

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from chromium import chromium, wait  # noqa: E402

URL, DEAD_URL = f"https://{HOST}/", f"https://{DEAD}/"
ROUNDS = 9
# Waits are noted and cut short; the last one is for ever.
CLOCK = """
const real = window.setTimeout, waits = () => JSON.parse(sessionStorage.getItem("waits") || "[]");
window.setTimeout = (f, ms) => {
    sessionStorage.setItem("waits", JSON.stringify([...waits(), ms]));
    return waits().length < %d ? real(f, 1) : 0;
};
""" % ROUNDS
FORM = """<!doctype html><title>a form</title><form method=post action=/save><input name=text><button>Save</button></form>"""


def serve(upstream, s, f):
    while True:
        head = Head(f)
        head.text = head.body(f).decode()
        upstream.requests.append(head)
        page = FORM if head.method == "GET" else "<!doctype html><title>saved</title>"
        s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n{page}".encode())


@pytest.fixture
def door(house):
    d = Pages(house)
    yield d
    d.close()


@pytest.fixture
def browser(door):
    with chromium("--ignore-certificate-errors", f"--host-resolver-rules=MAP *.home.example.com 127.0.0.1:{door.port}") as driver:
        yield driver


@pytest.fixture
def service(door):
    """Comes back when a test says so."""
    started = []

    def start():
        started.append(Upstream(serve, at=("127.0.0.1", door.dead_port)))
        return started[-1]
    yield start
    for u in started:
        u.close()


def waits(driver):
    return json.loads(driver.execute_script("return sessionStorage.getItem('waits') || '[]'"))


def test_it_comes_back_by_itself_and_ever_later(browser, service):
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CLOCK})
    browser.get(DEAD_URL + "some/page?x=1")
    wait(browser, lambda: len(waits(browser)) == ROUNDS, 60)
    for n, ms in enumerate(waits(browser)):
        seconds = min(5 * 2 ** n, 300)
        assert seconds * 750 <= ms <= seconds * 1250, waits(browser)
    assert browser.current_url == DEAD_URL + "some/page?x=1"
    assert browser.find_element("css selector", "h1").text == "No answer from inside"
    # It is there again: the next try shows it.
    service()
    browser.execute_script("sessionStorage.setItem('waits', '[]'); location.reload()")
    wait(browser, lambda: browser.title == "a form", 60)


def test_it_comes_back_without_scripts(browser, service):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(DEAD_URL)
    assert "502" in browser.find_element("css selector", ".code").text
    service()
    wait(browser, lambda: browser.title == "a form", 60)


def test_what_was_typed_is_not_lost(door, browser, service):
    """A form that is sent after the session's end: log in in another tab, reload, and it arrives."""
    u = service()
    browser.get(URL)
    submit(browser, wait)
    wait(browser, lambda: browser.title == "a form")
    browser.find_element("css selector", "input").send_keys("a long letter")
    end_sessions(door)
    browser.find_element("css selector", "button").click()
    wait(browser, lambda: "not signed in any more" in browser.find_element("css selector", "h1").text)
    assert not [h for h in u.requests if h.method == "POST"]
    first = browser.current_window_handle
    browser.find_element("css selector", ".link a").click()
    wait(browser, lambda: len(browser.window_handles) == 2)
    browser.switch_to.window(next(w for w in browser.window_handles if w != first))
    wait(browser, lambda: browser.find_elements("css selector", "input[name=password]"))
    submit(browser, wait)
    wait(browser, lambda: browser.title == "a form")
    browser.switch_to.window(first)
    browser.refresh()
    wait(browser, lambda: browser.title == "saved")
    assert [h.text for h in u.requests if h.method == "POST"] == ["text=a+long+letter"]


def test_the_password_can_be_shown(browser, service):
    service()
    browser.get(URL)
    field, show = (browser.find_element("id", name) for name in ("password", "show"))
    field.send_keys(PASSWORD)
    assert show.is_displayed() and show.text == "Show" and field.get_attribute("type") == "password"
    show.click()
    assert field.get_attribute("type") == "text" and show.text == "Hide" and field.get_attribute("value") == PASSWORD
    assert browser.switch_to.active_element == field
    show.click()
    assert field.get_attribute("type") == "password" and show.text == "Show"
    show.click()
    # Its keys are the keyboard's too, and Enter in the field still logs in.
    browser.find_element("id", "user").send_keys("anna")
    field.send_keys("\n")
    wait(browser, lambda: browser.title == "a form")


def test_who_forgot_is_told_whom_to_ask(browser):
    browser.get(URL)
    hint = browser.find_element("css selector", "details p")
    assert not hint.is_displayed()
    browser.find_element("css selector", "summary").click()
    assert "looks after this house" in hint.text and "hagw-ctl user passwd" in hint.text

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service whose page brings a service worker, and a person in front of it whose session ends."""

import time

from proxyhouse import HOST, Head, Upstream
from test_front_door import PASSWORD, Door

URL = f"https://{HOST}/"
PAGE = """<!doctype html><title>the service</title><h1>the service</h1>
<script>navigator.serviceWorker.register("/service_worker.js")</script>"""


class Service(Upstream):
    """Its page, a worker (JavaScript), and what files(path) has: (type, bytes) or None. slow: seconds that the page takes."""

    def __init__(self, worker, files=lambda path: None):
        self.worker, self.files, self.slow = worker, files, 0
        super().__init__(Service.answer)

    def find(self, path):
        if path == "/service_worker.js":
            return "text/javascript", self.worker
        found = self.files(path)
        if not found and path.startswith("/api/"):
            found = "application/json", b"{}"
        if not found:
            time.sleep(self.slow)
            found = "text/html", PAGE.encode()
        return found

    def answer(self, s, f):
        while True:
            head = Head(f)
            head.body(f)
            self.requests.append(head)
            kind, body = self.find(head.target.split("?")[0])
            s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def open_door(house, service):
    d = Door(house, ha=f'name = "{HOST}"; upstream = "{service.url}";')
    d.open_web()
    d.certify(HOST)
    d.start()
    d.wait(lambda: d.proxyd_certificates() == {HOST})
    return d


def has_login(driver):
    return bool(driver.find_elements("css selector", "input[type=password]"))


def submit(driver, wait, password=PASSWORD):
    """Fills in the login page that is shown; returns when another page is."""
    driver.execute_script("window.before = true")
    field = driver.find_element("css selector", "input[name=password]")
    name = driver.find_element("css selector", "input[name=user]")
    name.clear()
    name.send_keys("anna")
    field.send_keys(password)
    driver.find_element("css selector", "form [type=submit]").click()
    wait(driver, lambda: driver.execute_script("return !window.before && document.readyState == 'complete'"))


def log_in(driver, wait):
    """The first time, with no worker yet; until the worker has the page."""
    driver.get(URL)
    submit(driver, wait)
    wait(driver, lambda: driver.title == "the service")
    wait(driver, lambda: driver.execute_async_script(
        "navigator.serviceWorker.ready.then(r => arguments[0](r.active.state == 'activated'))"))
    driver.get(URL)
    wait(driver, lambda: driver.title == "the service" and driver.execute_script("return !!navigator.serviceWorker.controller"))


def end_sessions(door):
    for s in door.webd.call("ListSessions")["sessions"]:
        door.webd.call("RevokeSession", id=s["id"])


def reload_until_login(driver, wait, path=""):
    """A worker shows the page that it has first, and only then what became of it."""
    def probe():
        driver.get(URL + path)
        return has_login(driver)
    wait(driver, probe)


def is_in(driver):
    """The service's page is shown, and what it asks for passes."""
    return driver.title == "the service" and driver.execute_async_script(
        "fetch('/api/x').then(r => arguments[0](r.status), () => arguments[0](0))") == 200


def rules(door):
    return "--ignore-certificate-errors", f"--host-resolver-rules=MAP {HOST} 127.0.0.1:{door.port}"

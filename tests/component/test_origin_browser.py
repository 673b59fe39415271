# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which page a request comes from, with a real browser: hosts of a house, another site, tenants of a relay, a dashboard that
shows another service, a router's port. The daemons are real; only the names' addresses are the browser's own."""

import json
import pathlib
import ssl
import sys
import threading

import pytest
from proxyhouse import HOST, Authority, Head, Upstream
from relayhouse import ZONE, Agent
from test_front_door import CAM, PASSWORD, Door
from test_origin import DASH, LAN, SHOWN, answer, open_door
from test_relay_house import HOST as TENANT_HOST
from test_relay_house import Pair

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from chromium import chromium, fill_in, wait  # noqa: E402

EVIL, BEN = "evil.example.org", f"ha.ben.{ZONE}"


def pages(upstream, s, f):
    """Pages with nothing in them, a service worker, server-sent events; all else as test_origin.py's service has it."""
    again = True
    while again:
        head = Head(f)
        body = head.body(f)
        upstream.requests.append(head)
        name = head.target.split("?")[0].rsplit("/", 1)[-1]
        policy = head.target.split("policy=")[1] if "policy=" in head.target else "strict-origin-when-cross-origin"
        page = f"<!doctype html><title>page</title><meta name=referrer content={policy}><p id=here>{head.get('Host')}</p>"
        kind, text = {"worker": ("text/javascript", "self.addEventListener('fetch', () => {});"), "page": ("text/html", page),
                      "events": ("text/event-stream", "data: x\n\n")}.get(name, (None, None))
        if kind:
            s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nX-Frame-Options: SAMEORIGIN\r\n"
                      f"Content-Length: {len(text)}\r\n\r\n{text}".encode())
        else:
            again = answer(s, head, body)


# Everything that a page can do to an address, in a few lines each. Each promise ends when the browser has done it.
ATTACKS = """
const base = arguments[0], mark = arguments[1], done = arguments[arguments.length - 1];
const url = name => `${base}/try/${mark}/${name}`;
const element = (tag, name, attributes) => new Promise(resolve => {
    const e = document.createElement(tag);
    e.onload = e.onloadeddata = () => resolve("loaded");
    e.onerror = () => resolve("failed");
    Object.assign(e, attributes(url(name)));
    document.body.append(e);
});
const form = name => new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.name = name;
    document.body.append(frame);
    frame.onload = () => resolve("loaded");
    const f = document.createElement("form");
    Object.assign(f, {method: "POST", action: url(name), target: name});
    document.body.append(f);
    f.submit();
});
const ask = (name, options) => fetch(url(name), {credentials: "include", ...options}).then(r => r.status, () => "failed");
Promise.all([
    new Promise(resolve => {
        const s = new WebSocket(url("socket").replace("https:", "wss:"));
        s.onopen = () => s.send("x");
        s.onmessage = m => { s.close(); resolve("heard"); };
        s.onerror = () => resolve("failed");
    }),
    ask("fetch", {}),
    ask("post", {method: "POST", mode: "no-cors", body: "x"}),
    ask("cors", {method: "POST", body: "x"}),
    ask("preflight", {method: "PUT", headers: {"X-Other": "x"}}),
    element("img", "image", src => ({src})),
    element("script", "script", src => ({src})),
    element("script", "module", src => ({type: "module", src})),
    element("link", "style", href => ({rel: "stylesheet", href})),
    element("link", "prefetch", href => ({rel: "prefetch", href})),
    new FontFace("x", `url(${url("font")})`).load().then(() => "loaded", () => "failed"),
    element("iframe", "frame", src => ({src})),
    element("video", "video", src => ({src})),
    element("object", "object", data => ({data})),
    form("form"),
    new Promise(resolve => {
        const e = new EventSource(url("events"), {withCredentials: true});
        e.onmessage = () => { e.close(); resolve("heard"); };
        e.onerror = () => { e.close(); resolve("failed"); };
    }),
    new Promise(resolve => {
        navigator.sendBeacon(url("beacon"), "x");
        const a = document.createElement("a");
        Object.assign(a, {href: "#ping", ping: url("ping")});
        document.body.append(a);
        a.click();
        resolve("sent");
    }),
]).then(results => done(results), e => done(String(e)));
"""
NAMES = {"socket", "fetch", "post", "cors", "preflight", "image", "script", "module", "style", "prefetch", "font", "frame",
         "video", "object", "form", "events", "beacon", "ping"}


def reached(service, mark):
    return {h.target.split("/")[3] for h in service.requests if h.target.startswith(f"/try/{mark}/")}


def in_log(proxyd, mark):
    """Which of the page's requests the gateway has answered, or ended."""
    text = proxyd.text()
    return {n for n in NAMES if f"/try/{mark}/{n} " in text}


def attack(driver, base, mark):
    return driver.execute_async_script(ATTACKS, base, mark)


def comes_through(driver, service, base):
    """A host's own page does all of it."""
    results = attack(driver, base, "own")
    wait(driver, lambda: reached(service, "own") == NAMES)
    assert results.count("heard") == 2 and not {401, 403} & {r for r in results if isinstance(r, int)}, results


def refused(driver, service, proxyd, base, mark):
    """All of it was tried, and nothing of it reached the service."""
    results = attack(driver, base, mark)
    wait(driver, lambda: in_log(proxyd, mark) == NAMES)
    assert reached(service, mark) == set(), results
    assert "heard" not in results


def rules(*pairs):
    return "--host-resolver-rules=" + ", ".join(f"MAP {name} 127.0.0.1:{port}" for name, port in pairs)


def server_context(folder, name):
    folder.mkdir()
    chain, key = Authority(folder).issue(name)
    (folder / "chain.pem").write_text(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    return context


class Site:
    """Another site: pages over TLS, with nobody before them."""

    def __init__(self, folder, name):
        self.service = Upstream(pages, context=server_context(folder, name))
        self.port = self.service.port


class Neighbour:
    """A house of another tenant, with pages of his own: its agent keeps some channels waiting and serves each visitor."""

    def __init__(self, relay, folder, tenant, name):
        self.agent, self.requests = Agent(relay, relay.tenant(tenant)), []
        self.context, self.lock = server_context(folder, name), threading.Lock()
        for _ in range(8):
            threading.Thread(target=self.serve, daemon=True).start()
        relay.wait(lambda: relay.figure("proxy_relay_channels") >= 8)

    def serve(self):
        while True:
            try:
                with self.lock:
                    channel = self.agent.channel()
                channel.header(timeout=None)
                with self.context.wrap_socket(channel.socket, server_side=True) as s:
                    pages(self, s, s.makefile("rb"))
            except (OSError, AssertionError):
                if self.agent.raw.fileno() < 0:
                    return


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path / "site", EVIL)
    yield s
    s.service.close()


@pytest.fixture
def door(house):
    d = open_door(house, pages)
    yield d
    d.close()
    d.service.close()


@pytest.fixture
def browser(door, site):
    with chromium("--ignore-certificate-errors", rules(("*.home.example.com", door.port), (EVIL, site.port))) as driver:
        yield driver


def log_in(driver, name, port=""):
    url = f"https://{name}{port}/page"
    driver.get(url)
    fill_in(driver, "anna", PASSWORD)
    wait(driver, lambda: driver.title == "page")
    assert driver.current_url == url


def test_two_hosts_of_a_house(browser, door, site):
    log_in(browser, HOST)
    comes_through(browser, door.service, f"https://{HOST}")
    assert browser.execute_async_script("""const done = arguments[0];
        navigator.serviceWorker.register("/worker").then(r => r.unregister()).then(done, e => done(String(e)))""") is True
    # A page of another host has the browser send the login's cookie along, and that is all.
    log_in(browser, CAM)
    refused(browser, door.service, door.proxyd, f"https://{HOST}", "other")
    browser.get(f"https://{EVIL}/page")
    refused(browser, door.service, door.proxyd, f"https://{HOST}", "foreign")
    # Links are followed, from everywhere; a form that changes something is none.
    for origin in (EVIL, CAM):
        for way, script in LINKS.items():
            browser.get(f"https://{origin}/page")
            browser.execute_script(script, f"https://{HOST}/page?by={origin}-{way}")
            wait(browser, lambda: browser.current_url.startswith(f"https://{HOST}/page?by=") and browser.title == "page")
        browser.get(f"https://{origin}/page")
        browser.execute_script(FORM, f"https://{HOST}/try/{origin}/form")
        wait(browser, lambda: "another site asked" in browser.page_source)
        assert reached(door.service, origin) == set()


def test_a_form_without_referrer(browser, door):
    """Services with Referrer-Policy: no-referrer send their own forms with Origin: null."""
    log_in(browser, HOST)
    browser.get(f"https://{HOST}/page?policy=no-referrer")
    comes_through(browser, door.service, f"https://{HOST}")
    form = next(h for h in door.service.requests if h.target == "/try/own/form")
    assert (form.method, form.get("Origin"), form.get("Sec-Fetch-Site")) == ("POST", "null", "same-origin")


def test_inside_only(browser, door):
    """The browser is inside; the page is not."""
    browser.get(f"https://{LAN}/page")
    comes_through(browser, door.service, f"https://{LAN}")
    browser.get(f"https://{EVIL}/page")
    refused(browser, door.service, door.proxyd, f"https://{LAN}", "foreign")
    browser.execute_script("location = arguments[0]", f"https://{LAN}/page?by=link")
    wait(browser, lambda: browser.current_url == f"https://{LAN}/page?by=link" and browser.title == "page")


def test_a_port_of_the_router(browser, door):
    log_in(browser, HOST, ":8443")
    comes_through(browser, door.service, f"https://{HOST}:8443")
    # Cookies know no ports: the login goes along to the other port, whose page is another one all the same.
    browser.get(f"https://{HOST}/page")
    assert browser.title == "page"
    refused(browser, door.service, door.proxyd, f"https://{HOST}:8443", "other")
    browser.get(f"https://{HOST}:8443/.hagw/auth/logout")
    browser.find_element("css selector", "form button").click()
    wait(browser, lambda: "Signed out" in browser.title)


LINKS = {
    "location": "location = arguments[0]",
    "link": "document.body.innerHTML = '<a id=a rel=\"noopener noreferrer\">x</a>'; a.href = arguments[0]; a.click()",
    "form": "document.body.innerHTML = '<form id=f><input name=by></form>'; f.action = arguments[0]; f.submit()",
}
FORM = "document.body.innerHTML = '<form id=f method=post></form>'; f.action = arguments[0]; f.submit()"
FRAME = """
const [src, done] = arguments;
const frame = document.createElement("iframe");
frame.onload = () => done(true);
frame.src = src;
document.body.append(frame);
"""
SOCKET = """
const [url, done] = arguments;
const s = new WebSocket(url);
s.onopen = () => s.send("x");
s.onmessage = () => done("heard");
s.onerror = () => done("failed");
"""


def shown_in_frame(driver, src):
    """What a frame shows: its host, as the page in it says, or None."""
    driver.execute_async_script(FRAME, src)
    driver.switch_to.frame(driver.find_elements("css selector", "iframe")[-1])
    here = driver.find_elements("id", "here")
    return here[0].text if here else None


@pytest.mark.parametrize("policy", ["", "?policy=no-referrer", "?policy=same-origin"])
def test_embedded_dashboard(browser, door, policy):
    for name in (SHOWN, DASH, CAM):
        log_in(browser, name)
    browser.get(f"https://{DASH}/page{policy}")
    assert shown_in_frame(browser, f"https://{SHOWN}/page?in=frame") == SHOWN
    # In its frame the service is itself: its own requests, pages, WebSocket.
    assert browser.execute_async_script(SOCKET, f"wss://{SHOWN}/try/{DASH}/socket") == "heard"
    assert browser.execute_async_script(
        "fetch('/try/frame/post', {method: 'POST'}).then(r => arguments[0](r.status))") == 200
    browser.execute_script("location = '/page?in=frame&next'")
    wait(browser, lambda: browser.execute_script("return location.search") == "?in=frame&next")
    assert browser.find_element("id", "here").text == SHOWN
    browser.switch_to.default_content()
    # The dashboard itself shows, and does not read or command.
    attack(browser, f"https://{SHOWN}", "dash")
    wait(browser, lambda: in_log(door.proxyd, "dash") == NAMES)
    assert reached(door.service, "dash") == ({"frame", "image", "video", "object"} if not policy else {"frame"})
    # A host that is not named shows nothing, whatever it hides: at the worst the request is made, and not shown.
    browser.get(f"https://{CAM}/page{policy}")
    assert shown_in_frame(browser, f"https://{SHOWN}/page?in=other") is None
    browser.switch_to.default_content()
    attack(browser, f"https://{SHOWN}", "cam")
    wait(browser, lambda: in_log(door.proxyd, "cam") == NAMES)
    assert reached(door.service, "cam") == ({"frame"} if policy else set())


def test_an_extension_that_may_reach_the_host(door, tmp_path):
    """What the person installed, and allowed to reach this host, is no page: a password manager's, say."""
    folder = tmp_path / "extension"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({
        "manifest_version": 3, "name": "x", "version": "1", "background": {"service_worker": "worker.js"},
        "host_permissions": [f"https://{LAN}/*"]}))
    (folder / "worker.js").write_text(f"""
        fetch("https://{LAN}/try/extension/fetch");
        fetch("https://{LAN}/try/extension/post", {{method: "POST", body: "x"}});""")
    with chromium("--ignore-certificate-errors", rules(("*.home.example.com", door.port)), f"--load-extension={folder}",
                  "--disable-features=DisableLoadExtensionCommandLineSwitch") as driver:
        wait(driver, lambda: reached(door.service, "extension") == {"fetch", "post"})
    post = next(h for h in door.service.requests if h.method == "POST")
    assert post.get("Origin").startswith("chrome-extension://") and post.get("Sec-Fetch-Site") == "none"


def test_two_tenants_of_a_relay(house, other_house, tmp_path):
    """Their names are of one site, and the relay passes both unopened: each house has its own wall."""
    p = Pair(house, other_house, serve=pages, login="required")
    Door.open_web(p.home)
    ben = Neighbour(p.relay, tmp_path / "ben", "ben", BEN)
    with chromium("--ignore-certificate-errors", rules((f"*.{ZONE}", p.relay.port))) as driver:
        log_in(driver, TENANT_HOST)
        comes_through(driver, p.service, f"https://{TENANT_HOST}")
        driver.get(f"https://{BEN}/page")
        assert driver.title == "page" and ben.requests[0].get("Host") == BEN
        refused(driver, p.service, p.home.proxyd, f"https://{TENANT_HOST}", "ben")
    ben.agent.close()
    p.close()

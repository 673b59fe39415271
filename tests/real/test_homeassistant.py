# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hagw tells people about Home Assistant, tried with Home Assistant: README step 4 line by line, and what stands behind it."""

import datetime
import http.client
import json
import os
import re
import socket

import pytest
from conftest import ROOT
from ctl_tools import booted  # noqa: F401 (a fixture)
from proxyhouse import HOST
from realha import USER, Asker, RealHome, Socket, packages, python, wait
from test_front_door import Browser, Door

VISITOR = "127.0.0.77"
URL = f"https://{HOST}/"
TRUST = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
YAML = "http:\n  use_x_forwarded_for: true\n  trusted_proxies:\n    - {}\n  server_port: {}\n"
# A person has five minutes; who has the time to wait for them sets this.
WHOLE = bool(os.environ.get("HAGW_REAL_FIVE_MINUTES"))


@pytest.fixture(scope="module")
def owned(tmp_path_factory):
    """One that has its owner; it has stopped, and others begin as it ended."""
    ha = RealHome(tmp_path_factory.mktemp("owned"))
    try:
        ha.onboard().running()
        # What it has in memory is written a second later.
        wait(lambda: ha.refresh[0] in str(ha.stored("auth")) and USER in str(ha.stored("auth_provider.homeassistant")))
        wait(lambda: len(ha.stored("onboarding").get("done", [])) == 4)
        wait(lambda: ha.stored("http").get("yaml_migration_done"))
    finally:
        ha.close()
    return ha


@pytest.fixture
def homes():
    started = []
    yield started
    for ha in started:
        ha.close()


def again(homes, owned, folder, **keys):
    homes.append(RealHome(folder, template=owned, port=owned.port, **keys))
    return homes[-1].running()


def open_front(house, ha, login="none"):
    d = Door(house, 'zones = ( { name = "home.example.com"; } );\nproxy: { probe_interval = "1h"; };\n',
             ha=f'name = "{HOST}"; upstream = "http://127.0.0.1:{ha.port}"; access: {{ login = "{login}"; }};')
    d.open_web()
    d.certify(HOST)
    d.start()
    d.wait(lambda: d.proxyd_certificates() == {HOST})
    return d


def visitor(door, address=VISITOR):
    """HTTP from an address that is not the gateway's own."""
    def connect():
        c = http.client.HTTPSConnection(HOST, 443, timeout=60)
        raw = socket.create_connection(("127.0.0.1", door.port), 60, (address, 0))
        c.sock = door.context().wrap_socket(raw, server_hostname=HOST)
        return c
    return Asker(connect)


def trust(ha):
    """What the page's "Save and restart" does."""
    config = {**TRUST, "server_port": ha.port}
    assert ha.restarts(lambda: ha.command("http/config/configure", config=config)) == {"restart": True}


def restart(ha):
    ha.restarts(lambda: ha.ask("POST", "/api/services/homeassistant/restart", {}))


def step_4():
    text = (ROOT / "README.md").read_text()
    return re.search(r"^4\. (.*?)^5\. ", text, re.M | re.S)[1]


# --- README, step 4 -------------------------------------------------------------------------------------

def translations():
    """The frontend's English words, all its files together."""
    folder, words = packages() / "hass_frontend/static/translations", {}

    def add(tree, path=()):
        for k, v in tree.items():
            if isinstance(v, dict):
                add(v, (*path, k))
            else:
                words[".".join((*path, k))] = v
    for f in sorted(folder.rglob("en-*.json")):
        if not f.name.startswith("en-GB"):
            add(json.loads(f.read_text()))
    return words


def test_the_words_on_the_page(owned):
    words = translations()
    page, dialog = "ui.panel.config.network.http.", "ui.dialogs.http_pending_config."
    path = ["panel.config", "ui.panel.config.dashboard.system.main", "ui.panel.config.network.caption", page + "caption",
            page + "sections.reverse_proxy"]
    assert f"*{' > '.join(words[p] for p in path)}*" in step_4()
    for word in ("fields.use_x_forwarded_for", "fields.trusted_proxies", "save_confirm.confirm"):
        assert f"*{words[page + word]}*" in step_4(), word
    assert f"*{words[dialog + 'confirm']}*" in step_4()
    where = " > ".join(words[p] for p in path[:4])
    switches = [f'"{words[page + "fields." + f]}"' for f in ("use_x_forwarded_for", "trusted_proxies")]
    for file in ("hagw-proxyd/wire/finding.c", "hagw-ctl/setup-say.c"):
        text = re.sub(r'"\s*\n\s*"', "", (ROOT / file).read_text()).replace("\\n", "").replace('\\"', '"')
        text = re.sub(r"\s+", " ", text)
        assert where in text, file
        assert all(s in text for s in switches), file


def test_trust_by_the_page(owned, homes, house, booted, tmp_path):  # noqa: F811
    ha = again(homes, owned, tmp_path)
    door = open_front(house, ha)
    outside = visitor(door)

    # Not before: 400, and everybody who asks hagw hears why, with the address that Home Assistant sees.
    assert outside.ask("GET", "/").status == 400
    assert "A request from a reverse proxy was received from 127.0.0.1" in ha.log()
    found = door.proxyd.call("Probe", name=HOST)["host"]
    assert found["finding"] == "home_assistant"
    text = re.sub(r"\s+", " ", booted.run("--json", "status", "--no-delegation").stdout)
    assert "Home Assistant answers 400 because it does not know this machine (127.0.0.1) as a proxy" in text
    remedy = 'add 127.0.0.1 to "Trusted proxies"'
    assert "Home Assistant answers 400" in booted.ok("host", "list")
    added = booted.run("host", "add", "second", f"http://127.0.0.1:{ha.port}", "--login", "none")
    assert remedy in re.sub(r"\s+", " ", added.stderr), added.stderr

    # Saved, it restarts by itself and trusts the gateway at once; it will take it back unless somebody confirms.
    trust(ha)
    config = ha.command("http/config")
    assert config["active_config_type"] == "pending" and config["pending"]["trusted_proxies"] == ["127.0.0.1/32"]
    left = datetime.datetime.fromisoformat(config["revert_at"]) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(0) < left <= datetime.timedelta(minutes=5)
    assert outside.ask("GET", "/").status == 200
    ha.command("http/config/promote")
    config = ha.command("http/config")
    assert config["pending"] is None and config["revert_at"] is None and config["active_config_type"] == "stable"

    # And hagw has nothing left to say of it.
    assert "finding" not in door.proxyd.call("Probe", name=HOST)["host"]
    assert "Home Assistant" not in booted.run("--json", "status", "--no-delegation").stdout

    # It lasts.
    restart(ha)
    assert outside.ask("GET", "/").status == 200
    assert ha.command("http/config")["stable"]["trusted_proxies"] == ["127.0.0.1/32"]


def test_five_minutes():
    code = "from homeassistant.components.http.config import AUTO_REVERT_DELAY as d; print(d.total_seconds())"
    assert python(code) == "300.0"
    assert "five minutes" in step_4()


def test_what_nobody_confirms_is_undone(owned, homes, house, tmp_path):
    """It restarts once more, and is as it was."""
    ha = again(homes, owned, tmp_path, patience=None if WHOLE else 20)
    door = open_front(house, ha)
    before = ha.starts()
    trust(ha)
    # Both may be over before anybody looks.
    wait(lambda: ha.starts() >= before + 2, 400)
    ha.running()
    config = ha.command("http/config")
    assert config["active_config_type"] == "stable" and config["pending"]["error"] == "not_promoted"
    assert visitor(door).ask("GET", "/").status == 400


def issues(ha):
    return {i["issue_id"] for i in ha.command("repairs/list_issues")["issues"] if i["domain"] == "http"}


def test_yaml_is_imported_once_and_that_is_a_trial(owned, homes, house, tmp_path):
    """Who came from before 2026.8, or wrote it before the first start."""
    yaml = "frontend:\n" + YAML
    ha = again(homes, owned, tmp_path, configuration=yaml.format("127.0.0.1", owned.port), forget=["http"])
    door = open_front(house, ha)
    assert visitor(door).ask("GET", "/").status == 200
    assert issues(ha) == {"deprecated_yaml"}
    config = ha.command("http/config")
    assert config["active_config_type"] == "pending" and config["revert_at"]
    ha.command("http/config/promote")

    # From now on nobody reads it.
    (tmp_path / "configuration.yaml").write_text(yaml.format("192.0.2.1", owned.port))
    restart(ha)
    assert visitor(door).ask("GET", "/").status == 200
    assert "yaml_still_present_after_migration" in issues(ha)


def test_yaml_that_comes_later_is_ignored(owned, homes, house, tmp_path):
    ha = again(homes, owned, tmp_path, configuration="frontend:\n" + YAML.format("127.0.0.1", owned.port))
    assert visitor(open_front(house, ha)).ask("GET", "/").status == 400
    assert issues(ha) == {"yaml_still_present_after_migration"}


def test_default_port():
    code = "from homeassistant.components.http.config import default_server_port as p; print(p())"
    assert python(code) == "8123"
    assert python(code, "SUPERVISOR=192.0.2.1") == "80"
    assert "port 8123" in step_4() and "port 80" in step_4()


# --- behind hagw ----------------------------------------------------------------------------------------

@pytest.fixture
def trusting(owned, homes, tmp_path):
    """One that trusts this machine for good."""
    folder = tmp_path / "trusting"
    ha = again(homes, owned, folder)
    trust(ha)
    ha.command("http/config/promote")
    return ha


def test_own_login_and_websocket(trusting, house):
    ha, door = trusting, open_front(house, trusting)
    outside = visitor(door)
    page = outside.ask("GET", "/")
    assert page.status == 200 and b"<title>Home Assistant</title>" in page.body
    assert outside.ask("GET", "/api/").status == 401

    wrong = outside.log_in(URL, "wrong")
    assert wrong["errors"] == {"base": "invalid_auth"}
    # It knows who that was, and not only who brought it.
    wait(lambda: re.search(rf"invalid authentication from .*\({VISITOR}\)", ha.log()))
    done = outside.log_in(URL)
    assert done["type"] == "create_entry", done
    outside.take_token(done["result"], URL)
    assert outside.json("GET", "/api/") == {"message": "API running."}

    raw = socket.create_connection(("127.0.0.1", door.port), 60, (VISITOR, 0))
    with Socket(f"wss://{HOST}/api/websocket", outside.token, sock=raw, ssl=door.context(), server_hostname=HOST,
                origin=URL.rstrip("/")) as s:
        assert (s.first["type"], s.second["type"]) == ("auth_required", "auth_ok")
        assert s.command("auth/current_user")["name"] == "Owner"
        mine = [t for t in s.command("auth/refresh_tokens") if t["is_current"]]
    assert [t["last_used_ip"] for t in mine] == [VISITOR]


def test_the_wall_comes_first(trusting, house):
    """Nothing reaches Home Assistant before hagw's login, its own login's pages neither."""
    door = open_front(house, trusting, login="required")
    for path in ("/", "/api/", "/auth/authorize", "/auth/providers", "/api/webhook/x", "/manifest.json", "/static/robots.txt"):
        assert visitor(door).ask("GET", path).status in (303, 401), path
    browser = Browser(door)
    after = browser.login(browser.visit("GET", "/").headers["Location"], "anna")
    assert after.status in (200, 303)
    page = browser.visit("GET", "/")
    assert page.status == 200 and "<title>Home Assistant</title>" in page.text
    providers = browser.visit("GET", "/auth/providers")
    assert [p["type"] for p in json.loads(providers.text)["providers"]] == ["homeassistant"]


def test_bans_meet_the_visitor_and_not_the_gateway(owned, homes, house, tmp_path):
    ha = again(homes, owned, tmp_path)
    config = {**TRUST, "server_port": ha.port, "login_attempts_threshold": 2}
    ha.restarts(lambda: ha.command("http/config/configure", config=config))
    door = open_front(house, ha)
    for _ in range(2):
        visitor(door).log_in(URL, "wrong")
    wait(lambda: f"Banned IP {VISITOR}" in ha.log())
    assert visitor(door).ask("GET", "/").status == 403
    assert visitor(door, "127.0.0.78").ask("GET", "/").status == 200
    assert VISITOR in (tmp_path / "ip_bans.yaml").read_text()


# --- before it has an owner -----------------------------------------------------------------------------

def test_before_its_first_owner(homes, house, tmp_path):
    """Its first page is another then; what keeps visitors away is the same, and is known for what it is."""
    ha = RealHome(tmp_path)
    homes.append(ha)
    wait(ha.answers)
    door = open_front(house, ha)
    assert visitor(door).ask("GET", "/").status == 400
    assert door.proxyd.call("Probe", name=HOST)["host"]["finding"] == "home_assistant"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-acmed in a house behind a relay: DNS-01 values are published there, the relay learns of the account, and an outage of
it costs minutes. Of the relay, hagw-tenantd and hagw-dnsd are there; the two hagw-proxyds between house and relay are played."""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from acme_tools import Acme, Authority, Pebble, check_certificate, dns_sockets, until
from conftest import BUILD, House, VarlinkError

ZONE, NAME, ELSEWHERE = "relay.example.com", "anna.relay.example.com", "ha.elsewhere.example.org"


class Relay:
    """A relay's hagw-tenantd and name server (and netd for its address)."""

    def __init__(self, root):
        root.mkdir()
        self.house = House(root)
        self.house.configure(f'zones = ( {{ name = "{ZONE}"; }} );\ndns: {{ rate_limit = 0; }};\ntenants: {{ zone = "{ZONE}"; }};\n'
                             'public_address: { ipv4 = "static:127.0.0.1"; ipv6 = "none"; };\n')
        self.tenantd = self.house.daemon("tenantd", "io.hagw.Tenant")
        self.netd = self.house.daemon("netd", "io.hagw.Net")
        udp, tcp = dns_sockets()
        self.port = udp.getsockname()[1]
        self.dnsd = self.house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [udp], "dns-tcp": [tcp]})
        until(lambda: "127.0.0.1" in self.dnsd.call("Lookup", name=NAME, type="A")["answers"], 20, "an address")

    def values(self):
        return {(t["name"], t["value"]) for t in self.dnsd.call("ListText")["overlay"]}

    def close(self):
        for d in reversed(self.house.daemons):
            assert d.stop() == 0, d.text()[-4000:]
            d.close()


class Proxy:
    """io.hagw.Proxy as the house's hagw-proxyd speaks it while it is attached to that relay, or is not. In place of two
    hagw-proxyds and the TLS between them: the house's keyd proves the token to the relay's tenantd."""

    def __init__(self, runtime, relay, keyd):
        self.relay, self.keyd, self.calls, self.accounts = relay, keyd, [], []
        self.state, self.error = "attached", None  # error: (name, parameters) of the next calls
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(runtime / "io.hagw.Proxy"))
        self.listener.listen(16)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        data = b""
        # The last withdrawal may come when the relay has ended already.
        with client, contextlib.suppress(ConnectionError):
            while chunk := client.recv(65536):
                data += chunk
                while b"\0" in data:
                    message, data = data.split(b"\0", 1)
                    client.sendall(json.dumps(self.answer(json.loads(message))).encode() + b"\0")

    def answer(self, call):
        method, p = call["method"].removeprefix("io.hagw.Proxy."), call.get("parameters", {})
        self.calls.append((method, p))
        if method == "DescribeRelay":
            if self.state == "none":
                return {"error": "io.hagw.Proxy.NoRelay", "parameters": {}}
            error = {} if self.state == "attached" else {"error": "no connection to relay.example.com:443"}
            return {"parameters": {"address": "relay.example.com", "tenant": "anna", "state": self.state, "rejected": 0, **error}}
        if self.error:
            return {"error": f"io.hagw.Proxy.{self.error[0]}", "parameters": self.error[1]}
        binding = base64.b64encode(os.urandom(32)).decode()
        try:
            self.relay.tenantd.call(method, **self.keyd.call("ProveToken", binding=binding), binding=binding, **p)
        except VarlinkError as e:
            return {"error": "io.hagw.Proxy.RelayRefused", "parameters": {"error": e.name.rpartition(".")[2]}}
        if method == "SetAccount":
            self.accounts.append((p["issuer"], p["accountUri"]))
        return {"parameters": {}}

    def names(self, method):
        return {p["name"] for m, p in self.calls if m == method}

    def close(self):
        self.listener.close()


class Cabin(Acme):
    """A house behind the relay: it has no name server of its own to ask."""

    def __init__(self, house, relay, **hosts):
        self.house, self.hosts, self.zones, self.folder, self.acmed = house, hosts, (NAME,), house.root, None
        house.configure("")
        self.keyd = house.daemon("keyd", "io.hagw.Key")
        self.proxy = Proxy(house.runtime, relay, self.keyd)
        # As hagw-ctl attach does it.
        code = relay.tenantd.call("Add", name="anna", credential="code")["tenant"]["credential"]
        stored_key = self.keyd.call("PrepareToken")["storedKey"]
        answer = relay.tenantd.call("Enrol", code=code, storedKey=stored_key, address="192.0.2.9")
        self.keyd.call("AdoptToken", tenant=answer["tenant"], tokenId=answer["tokenId"])

    def text(self, zones, **acme):
        lines = Acme.group(acme)
        names = ", ".join(f'{{ name = "{z}"; via = "relay"; }}' for z in zones)
        return f'zones = ( {names} );\nacme: {{ {lines} }};\nrelay: {{ address = "relay.example.com"; tenant = "anna"; }};\n'


@pytest.fixture
def relay(house, tmp_path_factory):
    r = Relay(tmp_path_factory.mktemp("r") / "r")
    yield r
    r.close()


@pytest.fixture
def cabin(house, relay):
    c = Cabin(house, relay)
    yield c
    c.proxy.close()


@pytest.fixture
def pebble(cabin, relay):
    p = Pebble(cabin.folder, relay.port)
    yield p
    p.stop()


class Directory:
    """Pebble's directory with caaIdentities, which pebble does not give: all other addresses in it are pebble's own."""

    def __init__(self, pebble, folder, identities):
        content = json.loads(pebble.fetch("/dir"))
        content["meta"]["caaIdentities"] = identities
        body = json.dumps(content).encode()
        certificate, key, root = Authority().write_server(folder, "directory")
        self.roots = folder / "both.pem"
        self.roots.write_text(pathlib.Path(pebble.root).read_text() + pathlib.Path(root).read_text())

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}/dir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_wildcard_through_the_relay(cabin, relay, pebble):
    """Apex and wildcard; nothing is left at the relay, which knows the account; hagw-dnsd is not even there."""
    directory = Directory(pebble, cabin.folder, ["Pebble.example", "other.example"])
    cabin.start(directory.url, directory.roots)
    check_certificate(cabin.wait(NAME), cabin.keyd, [NAME, f"*.{NAME}"])
    assert cabin.proxy.names("PublishChallenge") == {f"_acme-challenge.{NAME}"}
    until(lambda: relay.values() == set(), 10, "the withdrawal")
    account = json.loads((cabin.house.root / "state" / "acmed" / "accounts.json").read_text())[0]
    until(lambda: cabin.proxy.accounts, 10, "the account")
    assert cabin.proxy.accounts == [("pebble.example", account["url"])]
    assert {m for m, _ in cabin.proxy.calls} == {"DescribeRelay", "PublishChallenge", "WithdrawChallenge", "SetAccount"}
    directory.stop()


@pytest.mark.parametrize("identities", [[7], ["no name"], "pebble.example"])
def test_odd_identities(cabin, relay, pebble, identities):
    directory = Directory(pebble, cabin.folder, identities)
    cabin.start(directory.url, directory.roots)
    cabin.wait(NAME)
    until(lambda: cabin.proxy.accounts, 10, "the account")
    assert [issuer for issuer, _ in cabin.proxy.accounts] == [""]
    directory.stop()


def test_revoked_token(cabin, relay, pebble):
    """The relay's word for it, in the house's words."""
    relay.tenantd.call("RevokeToken", name="anna", tokenId=cabin.keyd.call("GetToken")["tokenId"])
    cabin.start(pebble.directory, pebble.root)
    assert "the relay does not admit this house" in cabin.wait(NAME, state="failed")["error"]


def test_name_of_another_tenant(cabin, relay, pebble):
    cabin.zones = (f"berta.{ZONE}",)
    cabin.start(pebble.directory, pebble.root)
    assert "not below this house's name" in cabin.wait(f"berta.{ZONE}", state="failed")["error"]


def test_deeper_name_and_host_elsewhere_share_nothing(cabin, relay, pebble):
    """A host two labels below our name has its own challenge's name; one covered by the wildcard has none."""
    cabin.hosts = {"deep": f"a.b.{NAME}", "covered": f"ha.{NAME}"}
    cabin.start(pebble.directory, pebble.root)
    check_certificate(cabin.wait(f"a.b.{NAME}"), cabin.keyd, [f"a.b.{NAME}"])
    cabin.wait(NAME)
    assert set(cabin.list()) == {NAME, f"a.b.{NAME}"}
    assert cabin.proxy.names("PublishChallenge") == {f"_acme-challenge.{NAME}", f"_acme-challenge.a.b.{NAME}"}


def test_relay_away(cabin, relay, pebble):
    """While there is no way to the relay the authority hears nothing; afterwards it takes seconds, not hours."""
    cabin.proxy.state = "waiting"
    cabin.start(pebble.directory, pebble.root)
    failed = cabin.wait(NAME, state="failed")
    assert failed["error"] == "The relay is not attached: no connection to relay.example.com:443"
    shown = subprocess.run([BUILD / "hagw-ctl" / "hagw-ctl", "cert", "show", NAME], capture_output=True, text=True,
                           env={**os.environ, "HAGW_RUNTIME_DIR": str(cabin.house.runtime)})
    assert failed["error"] in shown.stdout, shown
    until(lambda: cabin.get(NAME)["failures"] >= 2, 30, "another try")
    assert cabin.get(NAME)["nextUSec"] < (time.time() + 60) * 1e6
    assert "GET /dir ->" not in pebble.text()
    cabin.proxy.state = "attached"
    cabin.wait(NAME)
    assert "GET /dir ->" in pebble.text()


def change_tries(cabin, **changed):
    record = cabin.record(NAME)
    record["tries"][0].update(changed)
    cabin.path(NAME).write_text(json.dumps(record))


def test_relay_is_back_after_days(cabin, relay, pebble):
    """The next try would be minutes away: it follows at once when the relay is attached, whoever was started anew meanwhile."""
    cabin.proxy.state = "waiting"
    cabin.start(pebble.directory, pebble.root)
    cabin.wait(NAME, state="failed")
    cabin.acmed.kill()
    change_tries(cabin, failures=800, nextUSec=int((time.time() + 6 * 60) * 1e6))
    cabin.acmed.start()
    until(lambda: len([m for m, _ in cabin.proxy.calls if m == "DescribeRelay"]) >= 4, 60, "questions for the relay")
    assert cabin.get(NAME)["failures"] == 800 and "GET /dir ->" not in pebble.text()
    cabin.proxy.state = "attached"
    cabin.wait(NAME)


def test_relay_is_not_to_blame(cabin, relay, pebble):
    """What failed for another reason keeps its patience while the relay is attached."""
    cabin.proxy.error = ("RelayRefused", {"error": "Busy"})
    cabin.start(pebble.directory, pebble.root)
    cabin.wait(NAME, state="failed")
    cabin.acmed.kill()
    change_tries(cabin, failures=800, nextUSec=int((time.time() + 6 * 60) * 1e6))
    cabin.proxy.error = None
    cabin.acmed.start()
    assert cabin.get(NAME)["failures"] == 800 and not cabin.get(NAME)["ordering"]
    assert cabin.record(NAME)["tries"][0]["unready"] is False


def test_relay_is_being_attached(cabin, relay, pebble):
    """A moment, not a failure: after a start, and after each attach."""
    cabin.proxy.state = "connecting"
    cabin.start(pebble.directory, pebble.root)
    until(lambda: len([m for m, _ in cabin.proxy.calls if m == "DescribeRelay"]) >= 3, 10, "further questions")
    assert cabin.get(NAME)["ordering"] and cabin.get(NAME)["failures"] == 0 and "GET /dir ->" not in pebble.text()
    cabin.proxy.state = "attached"
    assert cabin.wait(NAME)["failures"] == 0 and "No certificate" not in cabin.acmed.text()


def test_refusals_after_a_long_outage_begin_anew(cabin, relay, pebble):
    """Days without the relay are no reason to wait for half a day when something is wrong once afterwards."""
    cabin.proxy.state = "waiting"
    cabin.start(pebble.directory, pebble.root)
    cabin.wait(NAME, state="failed")
    cabin.acmed.kill()
    change_tries(cabin, failures=800)
    cabin.proxy.state, cabin.proxy.error = "attached", ("RelayRefused", {"error": "NameNotYours"})
    cabin.acmed.start()
    cabin.acmed.call("Renew", name=NAME)
    failed = until(lambda: (c := cabin.get(NAME))["failures"] == 801 and c, 30, "the refusal")
    assert "the name is not below this house's name at the relay" in failed["error"]
    assert 80 < failed["nextUSec"] / 1e6 - time.time() < 160


@pytest.mark.parametrize("error, parameters, words, soon", [
    ("NoRelay", {}, "hagw-ctl attach", True), ("RelayUnreachable", {"reason": "no route to host"}, "cannot be reached: no route", True),
    ("RelayRefused", {"error": "NotAdmitted"}, "does not admit this house", False),
    ("RelayRefused", {"error": "io.hagw.Relay.Suspended"}, "suspended at the relay", False),
    ("RelayRefused", {"error": "Busy"}, "the relay is busy", True),
    ("RelayRefused", {"error": "x.SomethingNew"}, "the relay refused: x.SomethingNew", False)])
def test_errors_are_words(cabin, relay, pebble, error, parameters, words, soon):
    cabin.proxy.error = (error, parameters)
    cabin.start(pebble.directory, pebble.root)
    failed = cabin.wait(NAME, state="failed")
    assert "The relay could not be told our account: hagw-proxyd says: " in failed["error"] and words in failed["error"]
    assert (failed["nextUSec"] / 1e6 - time.time() < 60) == soon
    cabin.proxy.error = None
    if soon:
        cabin.wait(NAME)
        until(lambda: cabin.proxy.accounts, 30, "the account")


def test_proxyd_knows_no_relay_yet(cabin, relay, pebble):
    """Its configuration is read after ours: nothing was begun until it is."""
    cabin.proxy.state = "none"
    cabin.start(pebble.directory, pebble.root)
    assert "hagw-ctl attach" in cabin.wait(NAME, state="failed")["error"]
    assert "GET /dir ->" not in pebble.text()
    cabin.proxy.state = "attached"
    cabin.wait(NAME)


def test_proxyd_is_not_there(cabin, relay, pebble):
    cabin.proxy.close()
    (cabin.house.runtime / "io.hagw.Proxy").unlink()
    cabin.start(pebble.directory, pebble.root)
    assert cabin.wait(NAME, state="failed")["error"] == "hagw-proxyd cannot be asked for the relay: it does not answer"
    assert "GET /dir ->" not in pebble.text()
    cabin.proxy = Proxy(cabin.house.runtime, relay, cabin.keyd)
    cabin.wait(NAME)


def test_account_is_told_again(cabin, relay, pebble):
    """Before each order and after a restart, for the relay may have lost it; and another one before its first order."""
    cabin.start(pebble.directory, pebble.root)
    first = cabin.wait(NAME)
    assert len(cabin.proxy.accounts) == 1
    cabin.acmed.call("Renew", name=NAME)
    second = cabin.changed(first, NAME)
    assert len(cabin.proxy.accounts) == 2
    cabin.acmed.kill()
    cabin.acmed.start()
    until(lambda: len(cabin.proxy.accounts) == 3, 10, "the account")
    pebble.stop()
    pebble.start()
    cabin.acmed.call("Renew", name=NAME)
    cabin.changed(second, NAME)
    assert len(cabin.proxy.accounts) == 5, "the old one, which pebble has forgotten, and the new one"


def test_another_account_is_told(cabin, relay, pebble):
    """Made by hand, too: the relay hears of it at once, and not with its first order."""
    directory = Directory(pebble, cabin.folder, ["ca.test"])
    cabin.start(directory.url, directory.roots)
    cabin.wait(NAME)
    made = cabin.acmed.call("NewAccount")
    assert made["deactivated"]
    until(lambda: cabin.proxy.accounts[-1] == ("ca.test", made["accountUri"]), 20, "the account")
    assert [t["accountUri"] for t in relay.tenantd.call("Get", name="anna")["tenant"]["tokens"]] == [made["accountUri"]]
    directory.stop()


class Resolver:
    """unbound, as an authority's: it follows CNAMEs from a zone of the owner's to the relay's name server."""

    def __init__(self, folder, relay_port, records):
        udp, tcp = dns_sockets()
        self.port = udp.getsockname()[1]
        udp.close(), tcp.close()
        zone = folder / "elsewhere.zone"
        zone.write_text("$ORIGIN elsewhere.example.org.\n$TTL 1\n@ SOA ns hostmaster 1 60 60 60 1\n@ NS ns\nns A 127.0.0.1\n" + records)
        conf = folder / "unbound.conf"
        conf.write_text(f"""server:
    interface: 127.0.0.1@{self.port}
    use-syslog: no
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{folder}"
    do-not-query-localhost: no
    module-config: "iterator"
    qname-minimisation: no
    cache-max-ttl: 0
    local-zone: "example.org." nodefault
remote-control:
    control-enable: no
auth-zone:
    name: elsewhere.example.org
    zonefile: "{zone}"
    for-downstream: no
    for-upstream: yes
stub-zone:
    name: {ZONE}
    stub-addr: 127.0.0.1@{relay_port}
""")
        self.log = open(folder / "unbound.log", "wb")
        self.process = subprocess.Popen(["/usr/sbin/unbound", "-d", "-c", str(conf)], stdout=self.log, stderr=self.log)
        until(self.answers, 20, "unbound")

    def answers(self):
        assert self.process.poll() is None, open(self.log.name).read()
        r = subprocess.run(["kdig", "+short", "+time=1", "+retry=0", "@127.0.0.1", "-p", str(self.port), "ns.elsewhere.example.org"],
                           capture_output=True, text=True)
        return r.stdout.strip() == "127.0.0.1"

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.mark.parametrize("name", [ELSEWHERE, "*.elsewhere.example.org"])
def test_host_elsewhere_by_alias(cabin, relay, tmp_path, name):
    """Its owner leads the authority's question to our name at the relay, once and for all."""
    plain = name.removeprefix("*.")
    resolver = Resolver(tmp_path, relay.port, f"_acme-challenge.{plain}. CNAME _acme-challenge.{NAME}.\n")
    pebble = Pebble(tmp_path, resolver.port)
    cabin.hosts = {"far": name}
    try:
        cabin.start(pebble.directory, pebble.root)
        check_certificate(cabin.wait(name), cabin.keyd, [name])
        cabin.wait(NAME)
        assert cabin.proxy.names("PublishChallenge") == {f"_acme-challenge.{NAME}"}
        until(lambda: relay.values() == set(), 10, "the withdrawal")
    finally:
        pebble.stop()
        resolver.stop()


def test_missing_alias_is_said(cabin, relay, tmp_path):
    resolver = Resolver(tmp_path, relay.port, "")
    pebble = Pebble(tmp_path, resolver.port)
    cabin.hosts = {"far": ELSEWHERE}
    try:
        cabin.start(pebble.directory, pebble.root)
        failed = cabin.wait(ELSEWHERE, state="failed")
        assert f"could not see that {ELSEWHERE} is ours" in failed["error"]
        assert failed["error"].endswith(f"there has to be: _acme-challenge.{ELSEWHERE} CNAME _acme-challenge.{NAME}")
        assert failed["nextUSec"] / 1e6 - time.time() > 60
        # Our own name fails for no reason of that.
        assert "CNAME" not in cabin.wait(NAME).get("error", "")
    finally:
        pebble.stop()
        resolver.stop()

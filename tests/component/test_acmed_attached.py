# SPDX-License-Identifier: LGPL-2.1-or-later
"""A house's certificate through its relay, with nothing played: hagw-acmed, keyd, netd and proxyd of the house, hagw-proxyd,
tenantd, keyd and dnsd of the relay, and pebble, which asks the relay's name server."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import re
import sqlite3
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

from acme_tools import Acme, Pebble, check_certificate, dns_sockets, until
from authority_tools import Authority as Judge
from authority_tools import validation
from conftest import House
from ctl_tools import Ctl
from proxyhouse import ProxyHouse, listen
from relayhouse import ZONE, Control
from test_acmed_relay import Directory

# What every machine finds at 127.0.0.1, and a server name that TLS can carry.
RELAY, NAME = "localhost", f"anna.{ZONE}"


class Relay(ProxyHouse):
    def __init__(self, root):
        root.mkdir()
        super().__init__(House(root), f'zones = ( {{ name = "{ZONE}"; ttl = "2s"; }} ); tenants: {{ zone = "{ZONE}"; name = "{RELAY}"; }};'
                         'dns: { rate_limit = 0; }; public_address: { ipv4 = "static:127.0.0.1"; ipv6 = "none"; };')
        self.netd = self.house.daemon("netd", "io.hagw.Net")
        udp, tcp = dns_sockets()
        self.dns_port = udp.getsockname()[1]
        self.tenantd = self.house.daemon("tenantd", "io.hagw.Tenant")
        self.dnsd = self.house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [udp], "dns-tcp": [tcp]})
        chain = self.certify(RELAY)["chain"]
        key = x509.load_pem_x509_certificate(chain.encode()).public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.pin = "sha256:" + base64.b64encode(hashlib.sha256(key).digest()).decode()
        self.start()
        until(self.lets_in, 20, "the relay's certificate")
        until(lambda: self.lookup(f"ha.{NAME}", "A") == ["127.0.0.1"], 20, "an address")

    def lets_in(self):
        try:
            Control(self, name=RELAY).close()
            return True
        except (SSL.Error, OSError):
            return False

    def lookup(self, name, type_):
        return self.dnsd.call("Lookup", name=name, type=type_)["answers"]

    def values(self):
        return self.dnsd.call("ListText")["overlay"]

    def close(self):
        super().close()
        for d in reversed(self.house.daemons):
            assert d.stop() == 0, d.text()[-4000:]
            d.close()


class Cabin(Acme):
    """A house that was attached as hagw-ctl attach does it."""

    def __init__(self, house, relay, code=None, env=None):
        """code: of a further machine of the house's; None: of the first. env: of its hagw-netd."""
        self.house, self.relay, self.hosts, self.zones, self.folder, self.acmed = house, relay, {}, (NAME,), house.root, None
        self.address = f"{RELAY}:{relay.port}"
        house.configure("")
        self.netd = house.daemon("netd", "io.hagw.Net", env=env)
        self.keyd = house.daemon("keyd", "io.hagw.Key")
        self.https = listen()
        # A further machine is another one by its machine-id, which is the test machine's.
        identity = house.root / "machine-id"
        identity.write_text(f"{os.urandom(16).hex()}\n")
        wrapper = ["unshare", "-m", "--propagation", "unchanged", "sh", "-c", f'mount --bind {identity} /etc/machine-id && exec "$0" "$@"'] if code else []
        self.proxyd = house.daemon("proxyd", "io.hagw.Proxy", sockets={"https": [self.https], "http": [listen()]}, wrapper=wrapper)
        code = code or relay.tenantd.call("Add", name="anna", credential="code")["tenant"]["credential"]
        stored_key = self.keyd.call("PrepareToken")["storedKey"]
        answer = self.proxyd.call("Enrol", address=self.address, pin=relay.pin, code=code, storedKey=stored_key)
        assert (answer["tenant"], answer["zone"]) == ("anna", NAME)
        self.token_id = answer["tokenId"]
        self.keyd.call("AdoptToken", tenant="anna", tokenId=self.token_id)

    def text(self, zones, **acme):
        lines = "".join(f'{k} = "{v}"; ' for k, v in acme.items())
        names = ", ".join(f'{{ name = "{z}"; via = "relay"; }}' for z in zones)
        # The test's visitors come from 127.0.0.1, which must not be the house's own network and is nobody's on the internet.
        return (f'zones = ( {names} );\nlan = ( "192.168.255.0/24" );\nacme: {{ {lines} }};\npublic_address: {{ ipv6 = "none"; }};\n'
                f'relay: {{ address = "{self.address}"; tenant = "anna"; pin = "{self.relay.pin}"; private = "accept"; }};\n')

    def start(self, directory, root):
        self.configure(directory, root)
        self.proxyd.reload()
        super().start(directory, root)


@pytest.fixture
def relay(house, tmp_path_factory):
    r = Relay(tmp_path_factory.mktemp("r") / "r")
    yield r
    r.close()


@pytest.fixture
def cabin(house, relay):
    return Cabin(house, relay)


@pytest.fixture
def pebble(cabin, relay):
    p = Pebble(cabin.folder, relay.dns_port)
    yield p
    p.stop()


def test_certificate_through_the_relay(cabin, relay, pebble):
    """Enrolled, attached, ordered: at the first try. The relay's CAA record lets nobody else have one afterwards."""
    directory = Directory(pebble, cabin.folder, ["pebble.example"])
    cabin.hosts = {"ha": f"ha.{NAME}"}
    cabin.start(directory.url, directory.roots)
    certificate = cabin.wait(NAME)
    check_certificate(certificate, cabin.keyd, [NAME, f"*.{NAME}"])
    assert certificate["failures"] == 0 and "No certificate" not in cabin.acmed.text()
    until(lambda: relay.values() == [], 10, "the withdrawal")
    caa = until(lambda: relay.lookup(NAME, "CAA"), 20, "the CAA record")
    account = re.search(r'"url":"([^"]+)"', (cabin.house.root / "state/acmed/accounts.json").read_text())[1]
    assert len(caa) == 1 and caa[0].startswith(f'0 issue "pebble.example; accounturi={account}')
    directory.stop()
    # A visitor at the relay sees the house's certificate, which the relay has no key of.
    roots = cabin.folder / "issuers.pem"
    roots.write_bytes(pebble.get("/roots/0") + pebble.get("/intermediates/0"))
    context = ssl.create_default_context(cafile=roots)
    until(lambda: f"Serving a new certificate for {NAME}" in cabin.proxyd.text(), 20, "the new certificate")
    with relay.tls(f"ha.{NAME}", context) as s:
        leaf = x509.load_der_x509_certificate(s.getpeercert(binary_form=True))
    assert leaf == x509.load_pem_x509_certificates(certificate["chain"].encode())[0]


def test_relay_away_and_back(cabin, relay, pebble):
    """The authority hears nothing meanwhile, and the reason is said."""
    relay.proxyd.kill()
    cabin.start(pebble.directory, pebble.root)
    failed = cabin.wait(NAME, state="failed", seconds=100)
    assert failed["error"].startswith("The relay is not attached: ") and "GET /dir ->" not in pebble.text()
    relay.proxyd.start()
    cabin.wait(NAME, seconds=120)


def test_revoked(cabin, relay, pebble):
    relay.tenantd.call("RevokeToken", name="anna")
    cabin.start(pebble.directory, pebble.root)
    until(lambda: "token" in cabin.get(NAME).get("error", ""), 60, "the reason")
    assert cabin.get(NAME)["error"].startswith("The relay is not attached: ") and "GET /dir ->" not in pebble.text()


@pytest.fixture
def authority(cabin, relay, tmp_path):
    a = Judge(tmp_path, servers={ZONE: ("127.0.0.1", relay.dns_port)}, dns_cache=True)
    yield a
    a.stop()


def test_two_machines_of_a_house(cabin, relay, authority, other_house):
    """Each has its own account and its own line: both renew, whoever spoke last; the line of one that is revoked is gone."""
    cabin.start(authority.directory, authority.root)
    cabin.wait(NAME)
    relay.tenantd.call("Set", name="anna", agents=2)
    second = Cabin(other_house, relay, relay.tenantd.call("IssueCode", name="anna")["code"])
    second.start(authority.directory, authority.root)
    second.wait(NAME)
    first, other = (a.url for a in authority.accounts())
    lines = {u: f'0 issue "authority.example; accounturi={u}; validationmethods=dns-01"' for u in (first, other)}
    assert sorted(relay.lookup(NAME, "CAA")) == sorted(lines.values())
    for machine in (cabin, second, cabin):
        before = machine.get(NAME)
        machine.acmed.call("Renew", name=NAME)
        assert machine.changed(before, NAME)["failures"] == 0 and "No certificate" not in machine.acmed.text()
    assert len(relay.lookup(NAME, "CAA")) == 2 and len(authority.accounts()) == 2
    relay.tenantd.call("RevokeToken", name="anna", tokenId=cabin.token_id)
    until(lambda: relay.lookup(NAME, "CAA") == [lines[other]], 20, "the record")
    before = second.get(NAME)
    second.acmed.call("Renew", name=NAME)
    second.changed(before, NAME)
    # The relay has lost what it knew of the account, and the house says it before it orders.
    relay.tenantd.stop()
    with contextlib.closing(sqlite3.connect(relay.house.root / "state/tenantd/tenants.db")) as db, db:
        db.execute("UPDATE token_account SET uri = 'https://elsewhere.example/1'")
    relay.tenantd.start()
    until(lambda: "elsewhere" in relay.lookup(NAME, "CAA")[0], 20, "the other record")
    before = second.get(NAME)
    second.acmed.call("Renew", name=NAME)
    assert second.changed(before, NAME)["failures"] == 0 and relay.lookup(NAME, "CAA") == [lines[other]]


def test_both_machines_of_a_house_renew_at_once(cabin, relay, authority, other_house, monkeypatch):
    """Their values stand beside each other at one name, and each takes back its own."""
    cabin.start(authority.directory, authority.root)
    cabin.wait(NAME)
    relay.tenantd.call("Set", name="anna", agents=2)
    second = Cabin(other_house, relay, relay.tenantd.call("IssueCode", name="anna")["code"])
    second.start(authority.directory, authority.root)
    second.wait(NAME)
    came, found, check = set(), [], validation.METHODS["dns-01"]

    async def together(view, name, token, thumbprint):
        """The authority looks only when both wait for it."""
        came.add(thumbprint)
        while len(came) < 2:
            await asyncio.sleep(0.05)
        if not found:
            found.append(relay.values())
        return await check(view, name, token, thumbprint)
    monkeypatch.setitem(validation.METHODS, "dns-01", together)
    machines = (cabin, second)
    before = [m.get(NAME) for m in machines]
    for m in machines:
        m.acmed.call("Renew", name=NAME)
    for m, b in zip(machines, before):
        assert m.changed(b, NAME)["failures"] == 0 and "No certificate" not in m.acmed.text()
    assert len(came) == 2 and {v["name"] for v in found[0]} == {f"_acme-challenge.{NAME}"} and len(found[0]) >= 2, found
    assert len(relay.lookup(NAME, "CAA")) == 2
    until(lambda: relay.values() == [], 20, "the withdrawals")


def test_status_tells_the_caa_line_at_both_ends(house, relay, tmp_path):
    """What hagw-ctl sees is what the relay's name server serves, and what the authority goes by; its advice mends what is wrong."""
    (tmp_path / "resolv.conf").write_text(f"nameserver [127.0.0.1]:{relay.dns_port}\n")
    cabin = Cabin(house, relay, env={"HAGW_RESOLV_CONF": str(tmp_path / "resolv.conf")})
    authority = Judge(tmp_path, servers={ZONE: ("127.0.0.1", relay.dns_port)}, dns_cache=True)
    cabin.start(authority.directory, authority.root)
    cabin.wait(NAME)
    here, there = Ctl(house), Ctl(relay.house)
    url, = (a.url for a in authority.accounts())

    def seen():
        said = json.loads(here.run("--json", "status").stdout)
        found, = (c for c in said["caa"] if c["name"] == NAME)
        return found, [p for p in said["problems"] if "CAA" in p]
    until(lambda: seen()[0]["caa"] == "stands", 30, "the line")
    found, problems = seen()
    assert f"accounturi={url};" in found["record"] and "others" not in found and not problems
    assert url in there.ok("tenant", "show", "anna")
    # The relay knows another account of this house's: nobody but its owner would get certificates, until the next order tells.
    relay.tenantd.stop()
    with contextlib.closing(sqlite3.connect(relay.house.root / "state/tenantd/tenants.db")) as db, db:
        db.execute("UPDATE token_account SET uri = 'https://elsewhere.example/1'")
    relay.tenantd.start()
    until(lambda: seen()[0]["caa"] == "forbids", 30, "the other line")
    found, problems = seen()
    assert "https://elsewhere.example/1" in found["machines"] and "others" not in found
    assert "another machine of this house (" in problems[0] and problems[0].endswith(f"hagw-ctl cert renew {NAME}"), problems
    before = cabin.get(NAME)
    here.run("cert", "renew", NAME, "--wait=0")
    assert cabin.changed(before, NAME)["failures"] == 0
    until(lambda: seen()[0]["caa"] == "stands" and not seen()[1], 30, "the line again")
    authority.stop()

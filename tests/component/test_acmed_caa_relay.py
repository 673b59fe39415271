# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay that opens visitors' TLS at a tenant's name orders for it with its own account, while the tenant's CAA records list the
tenant's: both may, each at exactly its names. Under an authority that judges."""

import json
import re
import socket

import pytest

from acme_tools import Acme, free_port, until
from authority_tools import Authority, Client, Knot
from ctl_tools import Ctl
from tenant_tools import Token

ZONE, HOST = "relay.example.com", "ha.anna.relay.example.com"


class Relay(Acme):
    """A relay with hagw-tenantd, and hagw-acmed beside it."""

    def __init__(self, house, caa=()):
        self.caa = caa
        self.tenantd = house.daemon("tenantd", "io.hagw.Tenant")
        super().__init__(house, zones=(ZONE,), ha=HOST)

    def text(self, zones, **acme):
        text = Acme.text(zones, **acme) + f'tenants: {{ zone = "{ZONE}"; name = "connect.{ZONE}"; }};\n'
        return text.replace('"; }', f'"; ttl = "1s"; caa = ( {", ".join(json.dumps(c) for c in self.caa)} ); }}', 1)

    def configure(self, directory, root, hosts=(HOST,)):
        self.settings = {"directory": directory, "ca_file": root}
        files = {f"h{i}": f'name = "{h}"; upstream = "tenant:anna";' for i, h in enumerate(hosts)}
        self.house.configure(self.text(self.zones, **self.settings), **files)

    def start(self, authority, hosts=(HOST,)):
        self.configure(authority.directory, authority.root, hosts)
        self.dnsd.reload()
        self.acmed = self.house.daemon("acmed", "io.hagw.Acme")

    def lines(self, name):
        return sorted(self.dnsd.call("Lookup", name=name, type="CAA")["answers"])

    def set_account(self, token, url):
        self.tenantd.call("SetAccount", **token.fields(), issuer="authority.example", accountUri=url)


def unix_listener(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.listen(16)
    return s


def line(account, tag="issue"):
    return f'0 {tag} "authority.example; accounturi={account.url}; validationmethods=dns-01"'


@pytest.fixture
def relay(house):
    house.configure(f'zones = ( {{ name = "{ZONE}"; }} ); tenants: {{ zone = "{ZONE}"; }};')
    return Relay(house)


@pytest.fixture
def authority(relay, tmp_path):
    a = Authority(tmp_path, servers={ZONE: ("127.0.0.1", relay.dns_port)}, dns_cache=True)
    yield a
    a.stop()


@pytest.fixture
def anna(relay, authority):
    """The tenant's account, told to the relay."""
    c = Client(authority)
    c.register()
    c.token = Token(relay.tenantd.call("Add", name="anna", credential="token")["tenant"]["credential"])
    relay.set_account(c.token, c.url)
    return c


def certificate(relay, client, name):
    """The tenant's own order, through the relay; False: CAA forbids it."""
    order = client.order(name)
    ends = client.prove(order, "dns-01", lambda n, token, value: relay.tenantd.call(
        "PublishChallenge", **client.token.fields(), name=f"_acme-challenge.{n}", value=value))
    return ends[0]["status"] == "valid" and len(client.finish(order)) == 2


def test_opened_at_the_relay(relay, authority, anna):
    house, ours = authority.accounts()[0], lambda: authority.accounts()[1]
    assert certificate(relay, anna, HOST), "before the relay opens it"
    relay.start(authority)
    relay.wait(HOST)
    relay.wait(ZONE)
    assert "No certificate" not in relay.acmed.text() and relay.get(HOST)["failures"] == 0
    assert relay.lines(HOST) == sorted([line(house), line(ours())])
    for name in (f"anna.{ZONE}", f"x.{HOST}", f"other.anna.{ZONE}"):
        assert relay.lines(name) == [line(house)], name
    assert certificate(relay, anna, HOST) and certificate(relay, anna, f"*.anna.{ZONE}"), "the tenant goes on"
    # Gone with the host.
    relay.configure(authority.directory, authority.root, hosts=())
    relay.dnsd.reload()
    assert relay.lines(HOST) == [line(house)]


def test_a_wildcard_opened_at_the_relay(relay, authority, anna):
    relay.start(authority, hosts=(f"*.anna.{ZONE}",))
    relay.wait(f"*.anna.{ZONE}")
    house, ours = authority.accounts()
    assert relay.lines(f"anna.{ZONE}") == sorted([line(house), line(house, "issuewild"), line(ours, "issuewild")])
    assert certificate(relay, anna, f"anna.{ZONE}") and certificate(relay, anna, f"*.anna.{ZONE}")


def test_a_relay_with_records_of_its_own(relay, authority, anna):
    """They keep out no tenant that has not said whose certificates it has."""
    relay.caa = ("ours",)
    relay.start(authority)
    relay.wait(ZONE)
    ours = authority.accounts()[1]
    until(lambda: relay.lines(ZONE) == [line(ours)], 20, "the record")
    bob = Client(authority)
    bob.register()
    bob.token = Token(relay.tenantd.call("Add", name="bob", credential="token")["tenant"]["credential"])
    assert certificate(relay, bob, f"*.bob.{ZONE}") and certificate(relay, bob, f"x.bob.{ZONE}")
    relay.set_account(bob.token, bob.url)
    until(lambda: bob.url in str(relay.lines(f"bob.{ZONE}")), 20, "the record")
    bob.url, url = anna.url, bob.url
    bob.key, key = anna.key, bob.key
    authority.view.kept.clear()
    assert not certificate(relay, bob, f"bob.{ZONE}"), "another tenant's account"
    bob.url, bob.key = url, key
    assert certificate(relay, bob, f"bob.{ZONE}")


def test_a_domain_elsewhere(relay, authority, anna, tmp_path):
    """Opened at the relay, which proves it over HTTP: the house's own CAA record keeps the relay out, and what `host add` prints lets it in."""
    alone, both = "alone.example.net", "both.example.net"
    authority.settings.http_port = free_port()
    relay.house.daemon("webd", "io.hagw.Web", sockets={"web": [unix_listener(relay.house.runtime / "web")]})
    door = relay.house.daemon("proxyd", "io.hagw.Proxy", sockets={"http": [socket.create_server(("127.0.0.1", authority.settings.http_port))],
                                                                 "https": [socket.create_server(("127.0.0.1", 0))]})
    relay.configure(authority.directory, authority.root, hosts=())
    relay.acmed = relay.house.daemon("acmed", "io.hagw.Acme", env={"HAGW_HTTP_PORT": str(authority.settings.http_port)})
    relay.wait(ZONE)
    ctl, lines = Ctl(relay.house), {}
    for name in (alone, both):
        said = ctl.run("host", "add", name, "tenant:anna", "--force", "--no-reload").stdout
        lines[name], = re.findall(rf"^  {re.escape(name)}\.  CAA  (0 issue .*)$", said, re.M)
    folder = tmp_path / "knot"
    folder.mkdir()
    knot = Knot(folder, "example.net", f"alone A 127.0.0.1\nboth A 127.0.0.1\nalone CAA {line(anna)}\nboth CAA {line(anna)}\nboth CAA {lines[both]}\n")
    try:
        authority.settings.servers.update(knot.servers)
        door.reload()
        relay.acmed.reload()
        relay.wait(both)
        refused = relay.wait(alone, state="failed")
        assert "CAA" in refused["error"] or "caa" in refused["error"], refused
        assert certificate(relay, anna, f"anna.{ZONE}"), "the tenant goes on"
    finally:
        knot.stop()

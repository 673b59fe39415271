# SPDX-License-Identifier: LGPL-2.1-or-later
"""At a relay: what hagw-tenantd has hagw-dnsd answer for its tenants. Both are the real ones."""

import base64
import os
import subprocess
import time

import pytest
from conftest import VarlinkError, call_as
from dns_tools import IPV4, IPV6, Accounts, NameServer, public, rcode, values
from tenant_tools import CONFIG, HOSTS, ZONE, Relay, Token

CHALLENGE = f"_acme-challenge.anna.{ZONE}"
ISSUER, URI = "letsencrypt.org", "https://acme-v02.api.letsencrypt.org/acme/acct/1234567"


def line(issuer=ISSUER, uri=URI):
    return f'0 issue "{issuer}; accounturi={uri}; validationmethods=dns-01"'


CAA, FREE = line(), '0 unrestricted "certificates of its own"'


def value():
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class Both:
    def __init__(self, house):
        config = CONFIG.replace("} );", '}, { name = "home.example.com"; caa = ( "pki.example" ); } );', 1) + "dns: { rate_limit = 0; };\n"
        self.dns = NameServer(house, config, HOSTS)
        self.relay = Relay(house, config=None)
        self.call = self.relay.call
        self.anna = self.relay.add("anna")

    def publish(self, token, name, text):
        self.call("PublishChallenge", **token.fields(), name=name, value=text)

    def withdraw(self, token, name, text):
        self.call("WithdrawChallenge", **token.fields(), name=name, value=text)

    def account(self, token, issuer=ISSUER, uri=URI):
        """Returns for how many seconds an order should wait."""
        return self.call("SetAccount", **token.fields(), issuer=issuer, accountUri=uri).get("waitUSec", 0) / 1e6

    def texts(self, name=CHALLENGE):
        return sorted(v.strip('"') for v in values(self.dns.ask(name, "TXT", tcp=True)))

    def caa(self, name=f"anna.{ZONE}"):
        return values(self.dns.ask(name, "CAA", tcp=True))

    def until(self, condition):
        self.dns.until(condition)


@pytest.fixture
def both(house):
    return Both(house)


def refused(error, f, *args, **keys):
    with pytest.raises(VarlinkError) as e:
        f(*args, **keys)
    assert e.value.name == f"io.hagw.Tenant.{error}" or e.value.name.endswith(f".{error}"), e.value
    return e.value.parameters


def test_names_have_the_relays_address(both):
    for name in (f"anna.{ZONE}", f"ha.anna.{ZONE}", f"a.b.c.anna.{ZONE}", ZONE, f"connect.{ZONE}"):
        assert values(both.dns.ask(name, "A")) == [IPV4] and values(both.dns.ask(name, "AAAA")) == [IPV6]


def test_challenges(both):
    bob, first, second = both.relay.add("bob"), value(), value()
    both.publish(both.anna, CHALLENGE, first)
    assert both.texts() == [first], "at once"
    both.publish(both.anna, CHALLENGE.upper() + ".", second)
    both.publish(both.anna, CHALLENGE, second)
    both.publish(both.anna, f"_acme-challenge.ha.anna.{ZONE}", first)
    both.publish(bob, f"_acme-challenge.bob.{ZONE}", first)
    assert both.texts() == sorted([first, second]) and both.texts(f"_acme-challenge.ha.anna.{ZONE}") == [first]
    assert both.relay.metric("tenant_challenges") == 4
    for name in (f"_acme-challenge.bob.{ZONE}", f"_acme-challenge.{ZONE}", f"anna.{ZONE}", "_acme-challenge.home.example.com",
                 f"_dmarc.anna.{ZONE}", "_acme-challenge.anna.example.org", f"_acme-challenge.joanna.{ZONE}", "nonsense..", ""):
        assert refused("NameNotYours", both.publish, both.anna, name, first) == {"name": name}
        assert refused("NameNotYours", both.withdraw, both.anna, name, first) == {"name": name}
    for bad in ("", first[:-1], first + "x", first[:-1] + " ", first[:-1] + "="):
        assert refused("InvalidParameter", both.publish, both.anna, CHALLENGE, bad)["parameter"] == "value"
    both.withdraw(both.anna, CHALLENGE, first)
    both.withdraw(both.anna, CHALLENGE, first)
    assert both.texts() == [second] and both.texts(f"_acme-challenge.bob.{ZONE}") == [first]
    refused("NotAdmitted", both.call, "PublishChallenge", **bob.fields(tenant="anna"), name=CHALLENGE, value=first)
    both.call("Set", name="anna", suspended=True)
    refused("Suspended", both.publish, both.anna, CHALLENGE, first)
    both.call("Remove", name="anna")
    both.until(lambda: both.texts() == [])
    assert both.texts(f"_acme-challenge.bob.{ZONE}") == [first]


def test_as_many_as_fit(both):
    for _ in range(16):
        both.publish(both.anna, CHALLENGE, value())
    last = value()
    assert refused("Busy", both.publish, both.anna, f"_acme-challenge.x.anna.{ZONE}", last)["retryUSec"] > 0
    both.publish(both.relay.add("bob"), f"_acme-challenge.bob.{ZONE}", last)


def test_challenges_survive_both(both):
    """Either daemon restarts in the middle of an order."""
    text = value()
    both.publish(both.anna, CHALLENGE, text)
    both.dns.daemon.kill()
    assert 0 < refused("Busy", both.publish, both.anna, CHALLENGE, value())["retryUSec"] < 60_000_000
    both.dns.daemon.start()
    # The other one was still in the socket's queue.
    both.until(lambda: text in both.texts())
    both.relay.restart()
    assert text in both.texts()
    both.withdraw(both.anna, CHALLENGE, text)
    assert text not in both.texts()


def test_account(both):
    assert both.caa() == [] and rcode(both.dns.ask(f"anna.{ZONE}", "CAA")) == "NOERROR"
    both.relay.add("bob")
    both.account(both.anna)
    both.until(lambda: both.caa() == [CAA])
    short = both.dns.ask(f"anna.{ZONE}", "CAA", use_edns=0, payload=1232)
    assert values(short) == [CAA], "four times the question by UDP, cookie or not"
    reply = both.dns.ask(f"ANNA.{ZONE}", "CAA", tcp=True)
    assert reply.answer[0].ttl == 60 and values(reply) == [CAA]
    assert both.caa(f"ha.anna.{ZONE}") == [CAA] and both.caa(f"a.b.anna.{ZONE}") == [CAA]
    # Nobody else is touched.
    for name in (f"bob.{ZONE}", ZONE, f"joanna.{ZONE}", f"_acme-challenge.anna.{ZONE}"):
        assert both.caa(name) == [], name
    assert both.caa("home.example.com") == ['0 issue "pki.example"']
    assert values(both.dns.ask(f"anna.{ZONE}", "A")) == [IPV4]
    both.account(both.anna, "Other.Example.", "https://other.example/1")
    both.until(lambda: both.caa() == [line("other.example", "https://other.example/1")])
    token = both.relay.get("anna")["tokens"][0]
    assert token["issuer"] == "other.example" and token["accountUri"] == "https://other.example/1"
    both.account(both.anna, "", "")
    both.until(lambda: both.caa() == [])
    assert "issuer" not in both.relay.get("anna")["tokens"][0]
    both.account(both.anna, uri="https://" + "x" * 192)
    both.until(lambda: "x" * 192 in "".join(both.caa()))
    both.call("Remove", name="anna")
    both.until(lambda: both.caa() == [])
    both.relay.add("anna")
    time.sleep(0.3)
    assert both.caa() == []


def test_an_account_of_each_machine(both):
    """A line of each living token, whoever spoke last; one that is revoked or has ended is gone with its line."""
    two = Token(both.call("IssueToken", name="anna")["token"])
    three = Token(both.call("IssueToken", name="anna", lifetimeUSec=3_600_000_000)["token"])
    uris = {t.id: f"https://ca.example/{t.id}" for t in (both.anna, two, three)}
    assert both.account(both.anna, uri=uris[both.anna.id]) == 0, "nobody remembers a record without it"
    assert 50 < both.account(two, uri=uris[two.id]) <= 60 and 50 < both.account(three, uri=uris[three.id]) <= 60
    assert 50 < both.account(two, uri=uris[two.id]) <= 60, "said again, it is no younger"
    assert both.account(both.anna, uri=uris[both.anna.id]) == 0
    both.until(lambda: both.caa() == sorted(line(uri=u) for u in uris.values()))
    both.account(two, uri=uris[both.anna.id])
    both.until(lambda: both.caa() == sorted(line(uri=uris[t.id]) for t in (both.anna, three)))
    both.account(two, uri=uris[two.id])
    both.call("RevokeToken", name="anna", tokenId=both.anna.id)
    both.until(lambda: both.caa() == sorted(line(uri=uris[t.id]) for t in (two, three)))
    both.relay.daemon.stop()
    both.relay.sql("UPDATE token SET expires = 1 WHERE id = ?", three.id)
    both.relay.daemon.start()
    both.until(lambda: both.caa() == [line(uri=uris[two.id])])
    both.call("Remove", name="anna")
    both.until(lambda: both.caa() == [])


def test_the_relays_own_account(house):
    """At exactly the names of a tenant's that the relay opens, and gone with the host. hagw-acmed is played."""
    acme = Accounts(house.runtime, [("relays.example", "https://relays.example/9")])
    own, opened = line("relays.example", "https://relays.example/9"), {"opened": f'name = "ha.anna.{ZONE}"; upstream = "tenant:anna";'}
    b = Both(house)
    b.account(b.anna)
    b.until(lambda: b.caa() == [CAA])
    house.configure(b.dns.config + public(), **opened)
    b.dns.daemon.reload()
    b.until(lambda: b.caa(f"ha.anna.{ZONE}") == sorted([CAA, own]))
    for name in (f"anna.{ZONE}", f"x.anna.{ZONE}", f"x.ha.anna.{ZONE}"):
        assert b.caa(name) == [CAA], name
    house.configure(b.dns.config + public(), opened=f'name = "*.anna.{ZONE}"; upstream = "tenant:anna";')
    b.dns.daemon.reload()
    b.until(lambda: b.caa() == sorted([CAA, CAA.replace("issue ", "issuewild "), own.replace("issue ", "issuewild ")]))
    assert b.caa(f"ha.anna.{ZONE}") == [CAA]
    # The relay's own zone has records, too: they keep out no tenant that has not said.
    zone = b.dns.config.replace('name_server = "ns1', 'caa = ( "ours" ); name_server = "ns1', 1)
    house.configure(zone + public(), **HOSTS)
    b.dns.daemon.reload()
    b.until(lambda: b.caa(ZONE) == [own])
    assert b.caa(f"bob.{ZONE}") == [FREE] and b.caa() == [CAA] and b.caa(f"shop.{ZONE}") == []
    acme.close()


def test_accounts_that_are_refused(both):
    for field, keys in (("issuer", {"issuer": "a b"}), ("issuer", {"issuer": "a.example; x=y"}), ("accountUri", {"uri": ""}),
                        ("accountUri", {"uri": "https://a.example/;x"}), ("accountUri", {"uri": "https://" + "x" * 193}),
                        ("accountUri", {"uri": "http://a.example/1"}), ("accountUri", {"uri": "https://a.example/\"1"})):
        assert refused("InvalidParameter", both.account, both.anna, **keys)["parameter"] == field
    refused("NotAdmitted", both.call, "SetAccount", **both.anna.fields(tenant="bob"), issuer=ISSUER, accountUri=URI)
    assert both.caa() == []


def test_accounts_survive_both(both):
    both.account(both.anna)
    both.until(lambda: both.caa() == [CAA])
    both.relay.daemon.kill()
    assert both.caa() == [CAA], "what is known stays true"
    both.dns.daemon.kill()
    both.relay.daemon.start()
    both.dns.daemon.start()
    both.until(lambda: both.caa() == [CAA])
    bob = both.relay.add("bob")
    both.account(bob)
    both.until(lambda: both.caa(f"bob.{ZONE}") == [CAA])
    both.relay.restart()
    both.call("SetAccount", **both.anna.fields(), issuer="", accountUri="")
    both.until(lambda: both.caa() == [])
    assert both.caa(f"bob.{ZONE}") == [CAA]


def test_many_accounts(both):
    """More than a message, and another tool than ours to read them."""
    names = [t["name"] for t in both.relay.all("AddMany", "tenants", count=3000, credential="none")]
    assert both.relay.daemon.stop() == 0
    both.relay.sql("INSERT INTO token SELECT id, 'x', zeroblob(32), 1, 0, NULL, NULL FROM tenant")
    both.relay.sql("INSERT INTO token_account SELECT id, 'x', 'ca.example', 'https://ca.example/' || name, 0 FROM tenant")
    both.relay.daemon.start()
    both.until(lambda: both.caa(f"{names[-1]}.{ZONE}") != [])
    assert both.dns.metric("dns_accounts") == 3001
    shown = subprocess.run(["kdig", "@127.0.0.1", "-p", str(both.dns.port), "+short", "+tcp", f"{names[7]}.{ZONE}", "CAA"],
                           capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    assert shown == f'0 issue "ca.example; accounturi=https://ca.example/{names[7]}; validationmethods=dns-01"'


def test_a_house_is_no_relay(both, house):
    both.account(both.anna)
    both.until(lambda: both.caa() == [CAA])
    house.configure(f'zones = ( {{ name = "{ZONE}"; }} );\npublic_address: {{ ipv4 = "static:{IPV4}"; ipv6 = "none"; }};\n')
    both.dns.daemon.reload()
    assert both.caa() == []
    house.configure(CONFIG)
    both.dns.daemon.reload()
    both.until(lambda: both.caa() == [CAA])


@pytest.mark.parametrize("user, name, taken", [
    ("acmed", f"_acme-challenge.{ZONE}", True),
    ("acmed", f"_acme-challenge.connect.{ZONE}", True),
    ("acmed", f"_acme-challenge.shop.{ZONE}", True),
    ("acmed", "_acme-challenge.ha.home.example.com", True),
    ("acmed", f"_acme-challenge.anna.{ZONE}", False),
    ("acmed", f"_ACME-challenge.ha.anna.{ZONE}.", False),
    ("acmed", "home.example.com", False),
    ("acmed", "_dmarc.home.example.com", False),
    ("tenantd", f"_acme-challenge.anna.{ZONE}", True),
    ("tenantd", f"_acme-challenge.ha.anna.{ZONE}", True),
    ("tenantd", f"_acme-challenge.{ZONE}", False),
    ("tenantd", f"_acme-challenge.connect.{ZONE}", False),
    ("tenantd", f"_acme-challenge.x.shop.{ZONE}", False),
    ("tenantd", "_acme-challenge.home.example.com", False),
    ("tenantd", f"anna.{ZONE}", False),
    ("proxyd", f"_acme-challenge.anna.{ZONE}", False),
    ("webd", f"_acme-challenge.{ZONE}", False),
])
def test_text_of_each_publisher(both, house, hagw_users, user, name, taken):
    """By wrong owner's name or not: what counts is who calls, and where."""
    house.open_to_all()
    both.dns.daemon.path.chmod(0o666)
    for owner in ("acmed", "tenantd"):
        text = {"name": name, "value": "v", "owner": owner}
        answer = call_as(hagw_users[user], both.dns.daemon.path, "io.hagw.Dns.PublishText", {**text, "lifetimeUSec": 60_000_000})
        assert answer == ("ok" if taken else "org.varlink.service.PermissionDenied")
        assert both.texts(name) == (["v"] if taken else [])
        both.dns.publish(name, "v", owner=owner)
        answer = call_as(hagw_users[user], both.dns.daemon.path, "io.hagw.Dns.WithdrawText", text)
        assert both.texts(name) == ([] if taken else ["v"]), answer
        both.dns.daemon.call("WithdrawText", **text)

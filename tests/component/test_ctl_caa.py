# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hagw-ctl status says of names whose DNS is kept elsewhere, and of ours at the relay: hagw-netd asks knot, and hagw-acmed,
which only tells the account, is played."""

import json

import pytest

from acme_tools import until
from authority_tools import Knot
from ctl_tools import Ctl
from dns_tools import Accounts
from test_netd import net  # noqa: F401

ISSUER, URI = "authority.example", "https://authority.example/account/1"
LINE = f'0 issue "{ISSUER}; accounturi={URI}; validationmethods=dns-01"'
ALIAS = "_acme-challenge.anna.relay.example.org."
ZONE_TEXT = f"""
good CAA {LINE}
good A 203.0.113.20
_acme-challenge.good CNAME {ALIAS}
issuer CAA 0 issue "{ISSUER}"
_acme-challenge.issuer CNAME {ALIAS}
open A 127.0.0.1
led CNAME anna.relay
_acme-challenge.led CNAME {ALIAS}
_acme-challenge.open CNAME {ALIAS}
lost CAA 0 issue "{ISSUER}; accounturi={URI}0; validationmethods=dns-01"
_acme-challenge.lost CNAME {ALIAS}
other CAA 0 issue "other.example"
_acme-challenge.x.other CNAME {ALIAS}
wild CAA {LINE}
wild CAA 0 issuewild ";"
_acme-challenge.wild CNAME {ALIAS}
noalias CAA {LINE}
noalias A 203.0.113.20
strange CAA {LINE}
_acme-challenge.strange CNAME _acme-challenge.berta.relay.example.org.
anna.relay CAA {LINE}
anna.relay A 203.0.113.20
anna.relay AAAA 2001:db8::20
same A 203.0.113.20
same AAAA 2001:db8::20
astray A 203.0.113.200
half A 203.0.113.20
half AAAA 2001:db8::200
inside A 192.168.1.9
stale A 203.0.113.5
stale AAAA 2001:db8::200
moved A 203.0.113.200
dns CAA 0 issue "{ISSUER}; validationmethods=dns-01"
http CAA 0 issue "{ISSUER}; validationmethods=dns-01,http-01"
ha.anna.relay CAA {LINE.replace("account/1", "account/2")}
hagw-machines.anna.relay CAA {LINE}
hagw-machines.anna.relay CAA {LINE.replace("account/1", "account/2")}
ha.anna.relay CAA {LINE}
ha.anna.relay CAA 0 issue "relays.example; accounturi=https://relays.example/9; validationmethods=dns-01"
"""
RELAY = ('zones = ( { name = "anna.relay.example.org"; via = "relay"; } );\npublic_address: { ipv6 = "none"; };\n'
         'relay: { address = "relay.example.org"; tenant = "anna"; };\n')


@pytest.fixture
def ctl(net, house, tmp_path):  # noqa: F811
    knot = Knot(tmp_path, "example.org", ZONE_TEXT, port=53)
    acme = Accounts(house.runtime, [(ISSUER, URI)])
    c = Ctl(house)
    c.acme = acme
    c.until_addresses = lambda ours="203.0.113.5": until(lambda: ours in ctl_addresses(c), 30, "the address")
    yield c
    acme.close()
    knot.stop()


def ctl_addresses(ctl):
    return str(json.loads(ctl.run("--json", "status").stdout)["addresses"])


def status(ctl, *names, main=RELAY, upstream="http://127.0.0.1:1"):
    """(problems about names, the list by name)."""
    ctl.house.configure(main, **{f"h{i}": f'name = "{n}"; upstream = "{upstream}";' for i, n in enumerate(names)})
    if not ctl.house.daemons:
        (ctl.house.root / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n")
        ctl.house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(ctl.house.root / "resolv.conf")})
    shown = json.loads(ctl.run("--json", "status").stdout)
    return [p for p in shown["problems"] if "certificate" in p], {c["name"]: c for c in shown["caa"]}


def test_names_elsewhere(ctl):
    """Both lines are told for each, and what is missing is a finding with the line to enter."""
    names = [f"{n}.example.org" for n in ("good", "issuer", "open", "lost", "x.other", "noalias", "strange", "led")] + ["*.wild.example.org"]
    problems, found = status(ctl, *names)
    assert {n: (found[n]["caa"], found[n]["aliasStands"]) for n in names} == {
        "good.example.org": ("stands", True), "issuer.example.org": ("stands", True), "open.example.org": ("open", True),
        "lost.example.org": ("forbids", True), "x.other.example.org": ("forbids", True), "noalias.example.org": ("stands", False),
        "strange.example.org": ("stands", False), "*.wild.example.org": ("forbids", True),
        "led.example.org": ("stands", True)}
    assert all(found[n]["record"] == LINE and found[n]["target"] + "." == ALIAS for n in names)
    assert sorted(p.split()[0] for p in problems) == ["*.wild.example.org", "lost.example.org", "noalias.example.org",
                                                      "strange.example.org", "x.other.example.org"]
    lost = next(p for p in problems if p.startswith("lost"))
    assert f"{URI}0" in lost and lost.endswith(f"there has to be lost.example.org. CAA {LINE}")
    assert next(p for p in problems if p.startswith("noalias")).endswith(f"_acme-challenge.noalias.example.org. CNAME {ALIAS}")
    text = ctl.run("status").stdout
    assert "Domains whose DNS is kept elsewhere" in text
    assert "  led.example.org.  CNAME  anna.relay.example.org.  (stands)\n" in text
    assert "  good.example.org.  CNAME  anna.relay.example.org.  (stands)\n" in text
    assert f"  _acme-challenge.good.example.org.  CNAME  {ALIAS}  (stands)\n  good.example.org.  CAA  {LINE}  (stands)\n" in text
    assert f"  open.example.org.  CAA  {LINE}  (missing: anybody" in text


def test_where_a_name_leads(ctl):
    """The relay's addresses are as good as a CNAME; a stranger's, and none at all, are findings."""
    names = {n: f"{n}.example.org" for n in ("led", "same", "astray", "half", "inside", "nothing")}
    status(ctl, *names.values(), "*.nothing.example.org", main=RELAY + "documentation_networks = true;\n")
    problems = [p for p in json.loads(ctl.run("--json", "status").stdout)["problems"] if "certificate" not in p]
    end = "where its DNS is kept, there has to be {}. CNAME anna.relay.example.org."
    for n, where in (("astray", "203.0.113.200"), ("half", "2001:db8::200")):
        assert f"{names[n]} leads to {where}, which is not the relay, so that its visitors do not come here: {end.format(names[n])} " \
            "(or the relay's addresses)." in problems
    assert f"{names['nothing']} has no address, so that nobody finds it: {end.format(names['nothing'])}" in problems
    assert not any(names[n] in p.split("leads")[0].split("has no")[0] for n in ("led", "same", "inside") for p in problems), problems
    text = ctl.run("status").stdout
    for n, note in (("led", "stands"), ("same", "stands"), ("astray", "LEADS ELSEWHERE"), ("half", "LEADS ELSEWHERE"), ("nothing", "MISSING"),
                    ("inside", "not seen: its addresses have to be the relay's")):
        assert f"  {names[n]}.  CNAME  anna.relay.example.org.  ({note})\n" in text, (n, text)


def test_a_missing_record_is_told_once(ctl):
    """Not by the order that it made fail as well; once it stands, what tries at once is told."""
    def failed(name):
        plain = name.removeprefix("*.")
        return {"name": name, "state": "failed", "wanted": True, "notAfterUSec": 0,
                "error": f"No TXT record. Where the DNS of that name is kept, there has to be: _acme-challenge.{plain} CNAME {ALIAS[:-1]}"}

    names = ["good.example.org", "noalias.example.org"]
    ctl.acme.certificates = [failed(n) for n in names]
    status(ctl, *names)
    problems = json.loads(ctl.run("--json", "status").stdout)["problems"]
    noalias, = (p for p in problems if "noalias" in p)
    assert noalias.startswith("noalias.example.org gets no new certificate: where its DNS is kept, there has to be "), problems
    good, = (p for p in problems if "good" in p)
    assert good.startswith("Certificate good.example.org: failed: ") and good.endswith("to try at once: hagw-ctl cert renew good.example.org")


def test_the_relays_own_account(ctl):
    """Who else gets certificates for our names at the relay is said, and who it is; that is no fault."""
    name, other = "ha.anna.relay.example.org", f"{ISSUER}; accounturi={URI[:-1]}2; validationmethods=dns-01"
    relays = "relays.example; accounturi=https://relays.example/9; validationmethods=dns-01"
    problems, found = status(ctl, name)
    assert problems == [] and found[name]["others"] == relays and found[name]["machines"] == other
    assert "others" not in found["anna.relay.example.org"]
    text = ctl.run("status").stdout
    assert f"  for {name} certificates are given to the relay, too, which opens its visitors: {relays}\n" in text
    assert f"  for {name} certificates are given to this house's other machine, too: {other}\n" in text
    assert text.count("certificates are given") == 2
    ctl.acme.accounts = [(ISSUER, f"{URI}7")]
    problems, found = status(ctl, name)
    assert found["anna.relay.example.org"]["caa"] == "forbids" and "hagw-ctl cert renew anna.relay.example.org" in problems[0]
    assert f"list another machine of this house ({ISSUER}; accounturi={URI};" in problems[0], problems


GATEWAY = ('zones = ( { name = "home.example.com"; } );\npublic_address: { ipv4 = "static:203.0.113.5"; ipv6 = "none"; };\n'
           'documentation_networks = true;\n')


def test_where_the_authority_asks(ctl):
    """An order over HTTP that failed, since the name leads to somebody else: told instead of the order."""
    def failed(name):
        return {"name": name, "state": "failed", "wanted": True, "notAfterUSec": 0, "failures": 1, "unreachedPort": 80, "unreachedUSec": 1,
                "error": "no answer at port 80"}

    names = {n: f"{n}.example.org" for n in ("stale", "moved", "nothing", "same", "half")}
    ctl.acme.certificates = [failed(names[n]) for n in ("stale", "moved", "nothing")]
    status(ctl, *names.values(), main=GATEWAY)
    ctl.until_addresses()
    shown = json.loads(ctl.run("--json", "status").stdout)["problems"]
    told = {n: [p for p in shown if names[n] in p] for n in names}
    assert told["same"] == told["half"] == [], "nothing has failed there"
    assert told["stale"] == [
        f"{names['stale']} has the IPv6 address 2001:db8::200, which is not this machine's, so that the certificate authority asked somebody else, "
        "for IPv6 comes first (no answer at port 80). Where its DNS is kept, take its AAAA record out (this machine has no such address that is "
        f"public); then: hagw-ctl cert renew {names['stale']}"]
    assert told["moved"] == [
        f"{names['moved']} has the IPv4 address 203.0.113.200, which is not this machine's, so that the certificate authority asked somebody else "
        f"(no answer at port 80). Where its DNS is kept, there has to be {names['moved']}. A 203.0.113.5; then: hagw-ctl cert renew {names['moved']}"]
    assert len(told["nothing"]) == 1 and told["nothing"][0].startswith(f"{names['nothing']} has no address, so that the certificate authority")
    # With that address it is somebody else's fault again.
    status(ctl, *names.values(), main=GATEWAY.replace('ipv6 = "none"', 'ipv6 = "static:2001:db8::200"'))
    next(d for d in ctl.house.daemons if d.name == "netd").reload()
    ctl.until_addresses("2001:db8::200")
    shown = [p for p in json.loads(ctl.run("--json", "status").stdout)["problems"] if names["stale"] in p]
    assert len(shown) == 1 and "did not reach this machine" in shown[0], shown


def test_opened_for_a_tenant(ctl):
    """The relay's line beside the house's; without it the relay's own order is forbidden, and that is told at the relay."""
    main = 'zones = ( { name = "relay.example.com"; } );\npublic_address: { ipv6 = "none"; };\ntenants: { zone = "relay.example.com"; };\n'
    line = LINE.replace("dns-01", "http-01")
    problems, found = status(ctl, "lost.example.org", "good.example.org", "dns.example.org", "http.example.org", "*.wild.example.org", main=main,
                             upstream="tenant:anna")
    assert {n: f["caa"] for n, f in found.items()} == {"lost.example.org": "forbids", "good.example.org": "forbids", "dns.example.org": "forbids",
                                                      "http.example.org": "stands"}
    good, = (p for p in problems if p.startswith("good"))
    assert "and not this machine, which orders by itself what it opens for a tenant. Where its DNS is kept, there has to be beside the " \
        f"house's record good.example.org. CAA {line}" in good
    said = " ".join(ctl.ok("host", "add", "shop.example.org", "tenant:anna", "--force", "--no-reload").split())
    assert "It lies outside the zones of this relay: its DNS must point here, and its certificate is obtained over port 80 (HTTP-01), which has " \
        f"to be open here. Where its DNS has CAA records, beside the house's, there has to be, as this relay's: shop.example.org. CAA {line} " \
        "Until then visitors pass unopened, unless they have to log in here first." in said
    said = " ".join(ctl.ok("host", "add", "*.shop.example.org", "tenant:anna", "--force", "--no-reload").split())
    assert "has to be imported (hagw-ctl cert import): a wildcard cannot be proven over port 80. Until then" in said and "CAA" not in said
    ctl.acme.accounts = []
    said = " ".join(ctl.ok("host", "add", "x.example.org", "tenant:anna", "--force", "--no-reload").split())
    assert "this relay's account has to be among them, which it has not yet; then hagw-ctl status says the line." in said


def test_names_elsewhere_at_a_gateway(ctl):
    """Proved over HTTP: no alias, and another method in the line."""
    main = 'zones = ( { name = "home.example.com"; } );\npublic_address: { ipv6 = "none"; };\n'
    problems, found = status(ctl, "other.example.org", "open.example.org", "a.home.example.com", main=main)
    assert set(found) == {"other.example.org", "open.example.org"} and "alias" not in found["open.example.org"]
    assert found["open.example.org"]["record"].endswith('; validationmethods=http-01"')
    assert [p.split()[0] for p in problems] == ["other.example.org"]


def test_nobody_can_be_asked(ctl):
    """Nothing is claimed, and nothing is blamed."""
    ctl.acme.accounts = []
    problems, found = status(ctl, "good.example.org", "lost.example.org", "gone.example.net")
    assert problems == [p for p in problems if not p.startswith(("good", "lost", "gone"))]
    assert found["lost.example.org"]["caa"] == "unknown" and "record" not in found["good.example.org"]
    assert found["gone.example.net"]["caa"] == "unknown" and "aliasStands" not in found["gone.example.net"]

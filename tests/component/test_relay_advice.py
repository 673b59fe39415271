# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one end prints for the other is typed there, by a shell, letter by letter, and what it was printed for is gone. The relay's and the
house's daemons are whole; in the folder that is typed in lie files by which a name that is not quoted would become another one."""

import json
import re
import subprocess

import pytest
from ctl_tools import Booted, machine  # noqa: F401 (fixture)
from proxyhouse import Upstream, echo
from relayhouse import ZONE, Agent
from tenant_tools import Token
from test_ctl_attach import attach, code, relay  # noqa: F401 (fixture)
from test_relay import silent, visitor

WORD = r" +('[^']*'|[^\s']+)"


def advised(said, verb, words=0):
    """The command that stands there, with so many words behind its verb, as it would be copied."""
    found = re.search(rf"hagw-ctl {verb}" + WORD * words + r"(?=[\s.,;:)]|$)", " ".join(said.split()))
    assert found, f"no hagw-ctl {verb} in: {said}"
    return found[0].rstrip(".,;:)")


def told(at, *words):
    return json.loads(at.run("--json", *words).stdout)


class Ends:
    def __init__(self, house, relay, folder):  # noqa: F811
        self.house, self.relay, self.there, self.folder = house, relay, Booted(relay.house), folder
        self.service = Upstream(echo)
        # What a name with a star would become.
        for name in ("x.example.org", "x.shop." + ZONE):
            (folder / name).touch()

    def types(self, at, command, *more, wrong=False, **places):
        """places: what a person puts in the place of a word that is none, such as SERVICE; more: what only a test needs."""
        for name, text in places.items():
            assert name in command.split(), command
            command = re.sub(rf"(?<= ){name}(?= |$)", text, command)
        r = subprocess.run(["sh", "-c", f"typed() {{ printf '%s\\0' \"$@\"; }}; typed {command.removeprefix('hagw-ctl ')}"], cwd=self.folder, capture_output=True, text=True, check=True)
        r = at.run(*r.stdout.split("\0")[:-1], *more)
        assert wrong or r.returncode == 0, (command, r.stdout, r.stderr)
        return r.stdout + r.stderr

    def status(self, at):
        said = told(at, "status", "--no-delegation")
        return said["problems"], said["notices"]

    def attach(self, **tenant):
        self.house.ok(*attach(self.relay, code(self.relay, **tenant)), "--contact=me@home.test")

    def attached(self):
        return self.house.proxyd.call("DescribeRelay")["state"] == "attached"

    def gone(self, at, words):
        """No finding says so any more."""
        self.relay.wait(lambda: not any(words in f for kind in self.status(at) for f in kind), 60)

    def told(self, at, words):
        """The finding that says so, once it does."""
        found = []
        self.relay.wait(lambda: found.extend(f for kind in self.status(at) for f in kind if words in f) or found, 60)
        return found[0]


@pytest.fixture
def ends(machine, relay, tmp_path):  # noqa: F811
    e = Ends(machine, relay, tmp_path)
    yield e
    e.there.close()
    e.service.close()


@pytest.mark.parametrize("printed", ["host add", "status", "setup"])
@pytest.mark.parametrize("name", ["*.example.org", "ha.example.org"])
def test_a_domain_that_the_relay_does_not_lead(ends, name, printed):
    ends.attach()
    words = "The relay does not lead"
    if printed == "setup":
        said = ends.house.run("setup", "--yes", "--wait=0", f"--host={name}=tcp://127.0.0.1:1", "--force").stdout
    else:
        said = ends.house.ok("host", "add", name, ends.service.url, "--force")
    finding = ends.told(ends.house, words)
    ends.types(ends.there, advised(finding if printed == "status" else said, "tenant domain add", 2))
    assert ends.relay.tenantd.call("Get", name="anna")["tenant"]["domains"] == [name]
    ends.gone(ends.house, words)


@pytest.mark.parametrize("name", ["*.shop." + ZONE, "shop." + ZONE])
def test_a_name_of_the_relays(ends, name):
    ends.attach()
    said = ends.house.ok("host", "add", name, ends.service.url, "--force")
    ends.types(ends.there, advised(said, "host add", 2), wrong=True)  # it says that the house has to agree
    assert [(h["name"], h["upstream"]) for h in told(ends.there, "host", "list")["hosts"]] == [(name, "tenant:anna")]
    ends.gone(ends.house, "The relay does not lead")


def test_a_domain_that_the_house_has_no_host_for(ends):
    ends.attach()
    said = ends.there.ok("tenant", "domain", "add", "anna", "ha.example.org")
    ends.types(ends.house, advised(said, "host add", 2), "--force", NAME="ha.example.org", SERVICE=ends.service.url)
    assert [h["name"] for h in told(ends.house, "host", "list")["hosts"]] == ["ha.example.org"]
    ends.gone(ends.house, "The relay does not lead")


def test_a_house_that_lost_its_token(ends):
    """The relay's operator is told to make a code, and what that prints is typed in the house."""
    ends.attach()
    ends.there.run("host", "add", f"one.{ZONE}", "tenant:anna", "--login=none")
    ends.there.ok("tenant", "revoke", "anna", "--yes")
    finding = ends.told(ends.there, "Hosts here lead to the tenant anna")
    said = ends.types(ends.there, advised(finding, "tenant rotate", 1))
    command = advised(said, "attach", 2)
    assert command.startswith("hagw-ctl attach localhost ")
    # The test's relay is found by another name, which a pin has to vouch for.
    ends.types(ends.house, command.replace("localhost", ends.relay.address), "--pin", ends.relay.pin, "--yes", "--wait=0")
    ends.relay.wait(ends.attached)
    ends.gone(ends.there, "Hosts here lead to the tenant anna")


def test_a_host_that_the_house_has_not(ends):
    """A visitor has asked for it: the relay names it, with what makes one in the house."""
    name = f"one.{ZONE}"
    ends.attach()
    conf = ends.house.house.config / "hagw.conf"
    conf.write_text('lan = ( "192.168.255.0/24" );\n' + conf.read_text().replace("relay: {", 'relay: {\n  private = "accept"; opened = "accept";'))
    ends.house.ok("reload")
    ends.relay.wait(ends.attached)
    ends.there.run("host", "add", name, "tenant:anna", "--login=none")
    ends.relay.certify(name)
    ends.relay.wait(lambda: ends.relay.serves(name))
    assert ends.relay.visit(name=name, headers={"Accept": "text/html"}).status == 503
    finding = ends.told(ends.there, "The last one asked for")
    ends.types(ends.house, advised(finding, "host add", 3), SERVICE=ends.service.url)
    ends.gone(ends.there, "The last one asked for")
    ends.relay.wait(lambda: ends.relay.visit(name=name).status == 401)  # the house asks who it is


def test_a_house_that_does_not_agree(ends):
    ends.attach(terminate=True)
    name = f"anna.{ZONE}"
    ends.relay.certify(name)
    ends.relay.wait(lambda: ends.relay.serves(name))
    assert ends.relay.visit(name=name, headers={"Accept": "text/html"}).status == 503
    finding = ends.told(ends.there, "Visitors of the tenant anna are refused")
    ends.types(ends.there, advised(finding, "tenant set", 2))
    assert not ends.relay.tenantd.call("Get", name="anna")["tenant"]["terminate"]
    ends.gone(ends.there, "Visitors of the tenant anna are refused")


def test_a_limit_of_visitors_a_second(ends):
    ends.attach(connectionsPerSecond=1)

    def crowd():
        with visitor(ends.relay), visitor(ends.relay), visitor(ends.relay) as last:
            silent(last)
        return ends.relay.figure("proxy_relay_refused", reason="connections")
    ends.relay.wait(crowd)
    finding = ends.told(ends.there, "Visitors of the tenant anna are refused")
    ends.types(ends.there, advised(finding, "tenant set", 2).replace("=N", "=50"))
    assert ends.relay.tenantd.call("Get", name="anna")["tenant"]["connectionsPerSecond"] == 50
    ends.gone(ends.there, "Visitors of the tenant anna are refused")


def test_a_token_that_stays(ends):
    ends.attach()
    said = ends.house.ok("detach", "--yes", "--keep-token")
    assert len(ends.relay.tenantd.call("Get", name="anna")["tenant"]["tokens"]) == 1
    ends.types(ends.there, advised(said, "tenant revoke", 2))
    assert ends.relay.tenantd.call("Get", name="anna")["tenant"]["tokens"] == []


@pytest.mark.parametrize("domain", ["ha.example.org", "*.example.org"])
def test_a_domain_that_is_another_tenants(ends, domain):
    """The house has moved from one tenant to the other, and its domain stayed."""
    ends.there.ok("tenant", "add", "bob")
    ends.there.ok("tenant", "domain", "add", "bob", domain)
    ends.attach()
    ends.house.ok("host", "add", domain, ends.service.url, "--force")
    finding = ends.told(ends.house, "The relay does not lead")
    said = ends.types(ends.there, advised(finding, "tenant domain add", 2), wrong=True)
    ends.types(ends.there, advised(said, "tenant domain remove", 2))
    ends.types(ends.there, advised(finding, "tenant domain add", 2))
    # It is told at once, and not with the next ping: who asks may come right after.
    ends.gone(ends.house, "The relay does not lead")


def test_a_tenant_that_is_suspended(ends):
    ends.attach()
    ends.there.ok("tenant", "set", "anna", "--suspend")
    finding = ends.told(ends.house, "it has suspended this tenant")
    assert "comes back by itself within half a minute" in " ".join(ends.types(ends.there, advised(finding, "tenant set", 2)).split())
    ends.relay.wait(ends.attached, 60)


def test_a_wrong_code_where_the_token_is_no_more(ends):
    """What is said of the code does not lead to the token, which is revoked."""
    ends.attach()
    ends.there.ok("tenant", "revoke", "anna", "--yes")
    ends.told(ends.house, "it does not admit this house")
    wrong = attach(ends.relay, "AAAA-BBBB-CCCC-DDDD")
    said = ends.house.run(*wrong, "--yes").stderr
    assert "does not know this code" in said and "without a code" not in said, said
    other = code(ends.relay, "bob")
    said = ends.house.run(*attach(ends.relay, other), "--yes").stderr
    assert "The code stays good, but is another tenant's" in said and "without a code" not in said, said
    # Which is the way where it is good.
    code_ = ends.types(ends.there, advised(ends.told(ends.house, "it does not admit this house"), "tenant rotate", 1))
    command = advised(code_, "attach", 2).replace("localhost", ends.relay.address)
    ends.types(ends.house, command, "--pin", ends.relay.pin, "--yes", "--wait=0")
    ends.relay.wait(ends.attached)
    assert "without a code, goes on with that" in ends.house.run(*wrong, "--yes").stderr


def test_a_tenant_whose_house_is_attached_is_not_removed_unasked(ends):
    ends.attach()
    r = ends.there.run("tenant", "remove", "anna")
    assert r.returncode != 0 and "The house of anna is attached" in r.stdout and "--yes removes anna without asking" in r.stderr, (r.stdout, r.stderr)
    assert ends.attached()
    ends.types(ends.there, "hagw-ctl tenant remove anna", "--yes")
    ends.relay.wait(lambda: not ends.attached())


def test_a_host_that_has_no_certificate_yet(ends):
    """Its visitors pass unopened, and are let in: nobody has to do anything at once, and what will keep them away is told."""
    name = f"ha.anna.{ZONE}"
    ends.attach()
    ends.house.ok("host", "add", "ha", ends.service.url)
    r = ends.there.run("host", "add", name, "tenant:anna")
    said = " ".join((r.stdout + r.stderr).split())
    assert "Until it has its certificate visitors pass unopened, and get through." in said and "opened = \"accept\"" in said, said
    assert "visitors do not get through" not in said
    finding = ends.told(ends.there, f"Visitors of {name} pass unopened until")
    assert finding in ends.status(ends.there)[1] and not [p for p in ends.status(ends.there)[0] if "The service behind" in p]
    ends.relay.certify(name)
    ends.relay.wait(lambda: ends.relay.serves(name))
    ends.told(ends.there, f"The service behind {name} fails")


@pytest.mark.parametrize("domain", ["ha.example.org", "*.example.org"])
@pytest.mark.parametrize("where", ["house", "relay"])
def test_a_domain_that_is_led_in_vain(ends, domain, where):
    """Either there is a host for it, or it is led there no more; both ends know."""
    ends.attach()
    ends.there.ok("tenant", "domain", "add", "anna", domain)
    finding = ends.told(ends.house, f"The relay leads {domain} here, for which there is no host")
    assert finding in ends.status(ends.house)[0]
    words = f"The house of the tenant anna has no host for {domain}"
    there = ends.told(ends.there, words)
    assert there in ends.status(ends.there)[1]
    if where == "house":
        ends.types(ends.house, advised(finding, "host add", 2), "--force", SERVICE=ends.service.url)
        assert advised(there, "host add", 2) == advised(finding, "host add", 2)
    else:
        ends.types(ends.there, advised(finding, "tenant domain remove", 2))
        assert advised(there, "tenant domain remove", 2) == advised(finding, "tenant domain remove", 2)
    ends.gone(ends.house, "The relay leads")
    ends.gone(ends.there, words)


def test_a_host_on_one_of_two_machines(ends):
    ends.attach(agents=2)
    ends.there.ok("tenant", "domain", "add", "anna", "ha.example.org")
    other = Agent(ends.relay, Token(ends.relay.tenantd.call("IssueToken", name="anna")["token"]), name="localhost", machine="other")
    finding = ends.told(ends.there, "One of the machines of the tenant anna has no host for ha.example.org")
    assert finding in ends.status(ends.there)[1]
    ends.types(ends.house, advised(finding, "host add", 2), "--force", SERVICE=ends.service.url)
    ends.gone(ends.there, "has no host for")
    other.close()


def test_a_machine_that_does_not_take_whom_the_relay_opens(ends):
    """It is told so when it attaches, and as long as it is so; its visitors go to the other one."""
    token = ends.relay.tenant("anna", agents=2, terminate=True)
    other = Agent(ends.relay, token, name="localhost", machine="other", says={"opened": True})
    said = " ".join(ends.house.ok(*attach(ends.relay, ends.relay.tenantd.call("IssueCode", name="anna")["code"]), "--contact=me@home.test").split())
    words = f"The relay opens visitors' TLS of anna.{ZONE} and leads them to"
    assert words in said and 'opened = "accept"; in the group relay of hagw.conf, then hagw-ctl reload' in said, said
    finding = ends.told(ends.house, words)
    assert finding in ends.status(ends.house)[1]
    there = ends.told(ends.there, "One of the machines of the tenant anna does not take visitors whose TLS this relay opens")
    assert there in ends.status(ends.there)[1], there
    conf = ends.house.house.config / "hagw.conf"
    conf.write_text(conf.read_text().replace("relay: {", 'relay: { opened = "accept";'))
    ends.types(ends.house, advised(finding, "reload"))
    ends.gone(ends.house, words)
    ends.gone(ends.there, "One of the machines")
    other.close()


def test_a_name_of_the_relays_that_is_another_tenants(ends):
    """The host came along when the house attached as another tenant, and the relay leads the name elsewhere."""
    name = "shop." + ZONE
    ends.there.ok("tenant", "add", "bob")
    ends.attach()
    ends.house.ok("host", "add", name, ends.service.url, "--force")
    ends.there.run("host", "add", name, "tenant:bob")
    finding = ends.told(ends.house, f"The relay does not lead {name} here")
    said = ends.types(ends.there, advised(finding, "host add", 2), wrong=True)
    assert "hagw-ctl host set changes it" in " ".join(said.split()), said
    ends.there.run("host", "set", name, "tenant:anna")
    ends.gone(ends.house, "The relay does not lead")
    # And the other way round, without a word from here.
    ends.there.run("host", "remove", name)
    ends.told(ends.house, f"The relay does not lead {name} here")


def test_what_the_relay_opens_is_told_as_long_as_it_is_so(ends):
    name = f"anna.{ZONE}"
    ends.attach(terminate=True)
    conf = ends.house.house.config / "hagw.conf"
    conf.write_text('lan = ( "192.168.255.0/24" );\n' + conf.read_text().replace("relay: {", 'relay: {\n  private = "accept"; opened = "accept";'))
    ends.house.ok("reload")
    ends.relay.wait(ends.attached)
    ends.house.ok("host", "add", name, ends.service.url)
    ends.relay.certify(name)
    ends.relay.wait(lambda: ends.relay.serves(name))
    ends.relay.wait(lambda: ends.relay.visit(name=name).status == 401)
    opened = lambda: "The relay opens visitors' TLS, the last time" in " ".join(ends.house.run("status", "--no-delegation").stdout.split())  # noqa: E731
    ends.relay.wait(opened)
    conf.write_text(conf.read_text().replace('opened = "accept";', ""))
    ends.house.ok("reload")
    ends.relay.wait(lambda: not opened())
    conf.write_text(conf.read_text().replace("relay: {", 'relay: { opened = "accept";'))
    ends.house.ok("reload")
    ends.relay.wait(ends.attached)
    assert not opened(), "that was before"

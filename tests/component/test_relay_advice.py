# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one end prints for the other is typed there, by a shell, letter by letter, and what it was printed for is gone. The relay's and the
house's daemons are whole; in the folder that is typed in lie files by which a name that is not quoted would become another one."""

import json
import re
import subprocess

import pytest
from ctl_tools import Booted, machine  # noqa: F401 (fixture)
from proxyhouse import Upstream, echo
from relayhouse import ZONE
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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl attach and detach, with all of a house's daemons: what is written, what is undone, what is told."""

import base64
import fcntl
import hashlib
import json
import re
import signal
import socket
import subprocess
import threading

import pytest
from OpenSSL import SSL
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from acme_tools import until
from conftest import House, VarlinkError
from ctl_tools import CTL, FAILED, OK, PASSWORD, UNREACHABLE, USAGE, Session, booted, ctl, machine, terminal, zone, Ctl  # noqa: F401 (fixtures)
from proxyhouse import silent
from relayhouse import CONFIG, NAME, ZONE, Agent, Control, RelayHouse
from relay_tools import Relay
from tenant_tools import Token
from test_passage import client_hello

RELAY = "relay.meier.test"
MINE = """# my house
zones = ( { name = "home.test"; } ); # mine
acme: { contact = "mailto:me@home.test"; }
public_address: { ipv4 = "static:11.22.33.44"; ipv6 = "none"; };
"""
TOKEN = "hagw_anna_abcdefgh_" + "a" * 52
CODE = "7K3M-Q9XT-2VBN-HD4W"  # which no relay gave


def conf(m):
    return (m.house.config / "hagw.conf").read_text()


def attached(m):
    """A house that is, as far as its configuration and token go."""
    m.house.configure(MINE.replace(' } );', f' }}, {{ name = "anna.{RELAY}"; via = "relay"; }} );')
                      + f'relay: {{ address = "{RELAY}"; tenant = "anna"; channels_min = 2; /* keep */ }};\n',
                      ha=f'name = "ha.anna.{RELAY}"; upstream = "http://127.0.0.1";\n',
                      own='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    m.start_daemons()
    m.keyd.call("ImportToken", token=TOKEN)


# --- attach --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words,why", [
    (["a..b", CODE], "cannot be taken"), ([f"{RELAY}:0", CODE], "cannot be taken"), ([RELAY, CODE, "--pin=sha1:x"], "cannot be taken"),
    ([RELAY, CODE, "--host=ha=ftp://x"], "does not begin as an address does"), ([RELAY, CODE, "--host=ha"], "NAME=UPSTREAM"), ([RELAY, "hagw_x"], "no token"),
    ([RELAY, CODE, "--wait=soon"], "a duration"),
    ([RELAY, "CODE"], "no code: one has 16"), ([RELAY, CODE + "X"], "no code"), ([RELAY, CODE.replace("K", "U")], "no U"),
    ([RELAY, CODE.replace("-", ".")], "no code"), ([RELAY, ""], "no code"), ([RELAY, CODE, "--user=Anna K"], "no user's name"),
    ([CODE, RELAY], f"address comes first, then the code: hagw-ctl attach {RELAY} CODE"),
    ([RELAY, CODE, "--directory=ftp://x"], "cannot be taken"), ([], "Too few arguments"),
])
def test_mistakes_change_nothing(machine, words, why):
    assert why in machine.refused(USAGE, "attach", *words, "--yes")
    assert not (machine.house.config / "hagw.conf").exists() and machine.words == []


@pytest.mark.parametrize("relay", ["relay.example.com", "https://relay.example.com/", "relay.example.org:8443", "example.myfritz.net"])
def test_an_example_is_refused_at_once(machine, relay):
    assert "is an example; write your own in its place" in machine.refused(USAGE, "attach", relay, CODE, "--yes")
    assert machine.words == [] and not (machine.house.config / "hagw.conf").exists()
    # In a laboratory it is one like others, by the option or by what hagw.conf says.
    assert "is an example" not in machine.run("attach", relay, "CODE", "--yes", "--laboratory").stderr
    machine.house.configure("documentation_networks = true;\n")
    assert "is an example" not in machine.run("attach", relay, "CODE", "--yes").stderr


def test_a_host_that_is_an_example_is_refused(machine):
    """Outside the house's own zones, with the way round it."""
    machine.house.configure(MINE)
    for words in (["host", "add", "ha.example.com", "http://127.0.0.1:1"], ["setup", "--yes", "--no-start", "--host=ha.example.com=http://127.0.0.1:1"]):
        assert "ha.example.com is an example; write your own in its place. --force takes it as it is." in machine.refused(USAGE, *words)
    machine.ok("host", "add", "ha.example.com", "http://127.0.0.1:1", "--force")
    machine.house.configure("documentation_networks = true;\n" + MINE)
    machine.ok("host", "add", "nas.example.com", "http://127.0.0.1:1")


def test_a_failure_on_a_fresh_machine_leaves_it_fresh(machine):
    why = machine.refused(FAILED, "attach", "127.0.0.1:1", CODE, "--yes", "--contact=me@home.test", "--host=ha=http://127.0.0.1")
    assert "Nothing is changed on this machine" in why
    assert not (machine.house.config / "hagw.conf").exists() and list((machine.house.config / "hosts.d").iterdir()) == []
    assert machine.words[-1] == ["disable", "hagw.target"] and not machine.enabled


def test_a_failure_leaves_what_was_there(machine):
    machine.house.configure(MINE)
    machine.start_daemons()
    why = machine.refused(FAILED, "attach", "127.0.0.1:1", CODE, "--yes", "--contact=other@home.test")
    assert "Nothing is changed on this machine" in why and conf(machine) == MINE
    assert ["disable", "hagw.target"] not in machine.words and machine.keyd.process.poll() is None
    assert machine.acmed.call("io.hagw.Service.Describe").get("configError") is None


@pytest.mark.parametrize("fresh", [True, False], ids=["hagw.conf made", "hagw.conf changed"])
def test_a_failure_leaves_what_somebody_else_wrote_meanwhile(machine, fresh):
    """While the relay is asked the configuration is free for others."""
    if not fresh:
        machine.house.configure(MINE)
        machine.start_daemons()
    with socket.create_server(("127.0.0.1", 0)) as relay:
        p = machine.begin("attach", f"127.0.0.1:{relay.getsockname()[1]}", CODE, "--yes", "--contact=other@home.test")
        visitor, _ = relay.accept()
        text = conf(machine)
        assert 'contact = "mailto:other@home.test"' in text
        (machine.house.config / "hagw.conf").write_text(text + "# theirs\n")
        visitor.close()
        why = p.communicate(timeout=60)[1]
    assert p.returncode == FAILED and "hagw.conf has been changed meanwhile, and is left as it is" in why, why
    assert "Nothing else is changed on this machine" in why and conf(machine) == text + "# theirs\n"
    assert (machine.words[-1] == ["disable", "hagw.target"]) == fresh


def test_without_a_code(machine):
    assert "Which code?" in machine.refused(USAGE, "attach", RELAY, "--yes")
    assert not (machine.house.config / "hagw.conf").exists()


def test_another_relay_is_not_replaced(machine):
    attached(machine)
    before = conf(machine)
    assert "hagw-ctl detach" in machine.refused(FAILED, "attach", "other.meier.test", CODE, "--yes")
    assert conf(machine) == before
    assert machine.keyd.call("GetToken")["tenant"] == "anna"


def test_a_broken_configuration_is_not_touched(machine):
    machine.house.configure("zonse = ();\n")
    assert 'did you mean "zones"' in machine.refused(FAILED, "attach", RELAY, CODE, "--yes")
    assert conf(machine) == "zonse = ();\n"


@pytest.mark.parametrize("verb", ["setup", "attach", "detach"])
def test_one_at_a_time(machine, verb):
    """Nothing is read or written while another hagw-ctl changes the configuration; what that wrote is there afterwards."""
    words = {"setup": ["setup", "--yes", "--no-start", "--name-server=ns.other.test", "--host=nas=127.0.0.1:1"],
             "attach": ["attach", "127.0.0.1:1", CODE, "--yes", "--contact=other@home.test"], "detach": ["detach", "--yes"]}[verb]
    if verb == "detach":
        attached(machine)
    else:
        machine.house.configure(MINE)
    before = conf(machine)
    with (machine.house.runtime / "hosts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = subprocess.Popen([*machine.prefix, CTL, "--config", machine.house.config, *words], env=machine.env, stderr=subprocess.PIPE, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            seen = []
            for line in p.stderr:
                seen.append(line)
                if "changes the configuration; waiting for it" in line:
                    break
            assert "waiting for it" in seen[-1], seen
            assert conf(machine) == before and not list((machine.house.config / "hosts.d").glob("nas*"))
            machine.house.config.joinpath("hagw.conf").write_text(before + "# theirs\n")
            fcntl.flock(lock, fcntl.LOCK_UN)
            p.stderr.read()
            p.wait(60)
        finally:
            p.kill()
            p.wait()
    assert "# theirs" in conf(machine)
    if verb == "setup":
        assert 'name_server = "ns.other.test"' in conf(machine) and (machine.house.config / "hosts.d" / "nas.home.test.conf").exists()


def test_no_systemd(ctl):
    assert "systemd" in ctl.refused(UNREACHABLE, "attach", RELAY, CODE, "--yes")


# --- attach to a real relay ----------------------------------------------------------------------------------

def pin_of(chain):
    key = x509.load_pem_x509_certificate(chain.encode()).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class NamedRelay(RelayHouse):
    """One whose name every house can resolve."""

    def __init__(self, house):
        super().__init__(house)
        house.configure((CONFIG % "").replace(NAME, "localhost"))
        self.pin = pin_of(self.certify("localhost")["chain"])
        self.address = f"localhost:{self.port}"

    def knows_certificate(self):
        try:
            Control(self, name="localhost").close()
            return True
        except (SSL.Error, OSError):
            return False


@pytest.fixture
def relay(tmp_path_factory):
    """Another machine: hagw-proxyd, hagw-tenantd and hagw-keyd of a relay."""
    house = House(tmp_path_factory.mktemp("r"))
    r = NamedRelay(house).start()
    yield r
    for d in reversed(house.daemons):
        assert d.stop() == 0, d.text()[-4000:]
        d.close()
    r.acme.close()


def attach(relay, *words):
    """As a person types it, where the certificate is not waited for: there is no authority here."""
    return ("attach", relay.address, *words, "--pin", relay.pin, "--yes", "--wait=0")


def code(relay, name="anna", **keys):
    return relay.tenantd.call("Add", name=name, **keys)["tenant"]["credential"]


def status(m):
    return json.loads(m.run("--json", "status", "--no-delegation").stdout)


def test_a_fresh_machine_attaches(machine, relay):
    """The whole story: apt install hagw; hagw-ctl attach RELAY CODE …"""
    said = machine.ok(*attach(relay, code(relay)), "--contact=me@home.test", "--host=ha=http://127.0.0.1:8123", "--user=me",
                      "--password-stdin", stdin=PASSWORD + "\n")
    own = f"anna.{ZONE}"
    assert f"Attached to {relay.address} as anna: this house is {own}." in said
    assert f"https://ha.{own}/" in said and "router" not in said
    assert f"https://ha.{own} leads to http://127.0.0.1:8123, and visitors do not get through:" in said
    assert machine.words[0][0] == "enable" and machine.enabled
    assert "1 zone, 1 host" in machine.ok("config", "check")
    assert 'contact = "mailto:me@home.test";' in conf(machine) and 'ipv6 = "none";' in conf(machine)
    assert [u["name"] for u in machine.json("user", "list")["users"]] == ["me"]
    tokens = relay.tenantd.call("Get", name="anna")["tenant"]["tokens"]
    assert [t["tokenId"] for t in tokens] == [machine.keyd.call("GetToken")["tokenId"]] and tokens[0]["enrolled"]
    s = status(machine)
    assert s["relay"]["state"] == "attached" and s["relay"]["zone"] == own
    assert not any("not attached" in p or "address" in p for p in s["problems"]), s["problems"]
    relay.wait(lambda: "12 channels waiting" in machine.run("status", "--no-delegation").stdout)
    assert f"{relay.address} as anna: attached for" in machine.run("status", "--no-delegation").stdout
    assert "Attached" in machine.ok("attach", relay.address, "--yes", "--wait=0"), "the same once more, with the token that is there"


def test_a_host_with_another_tenants_name(machine, relay):
    """It is not taken, and told with the name that was meant; the house is attached with the others all the same."""
    said = machine.run(*attach(relay, code(relay)), "--contact=me@home.test", f"--host=ha.bert.{ZONE}=http://127.0.0.1:1",
                       "--host=nas=http://127.0.0.1:1")
    assert said.returncode == FAILED and f'did you mean "ha.anna.{ZONE}"?' in said.stderr
    assert "Attached" in said.stdout and "The token is kept" not in said.stderr
    assert [h["name"] for h in machine.proxyd.call("ListHosts")["hosts"]] == [f"nas.anna.{ZONE}"]


def test_names_that_the_relay_does_not_lead(machine, relay):
    """Nobody is sent to one, but told what is missing; and rather to another that is led."""
    said = machine.run(*attach(relay, code(relay, domains=["led.example.org"])), "--host=cabin.example.com=tcp://127.0.0.1:1", "--force").stdout
    assert "When the relay leads cabin.example.com here (hagw-ctl tenant domain add anna cabin.example.com" in " ".join(said.split())
    assert "- Visit https://cabin" not in said
    said = machine.run("setup", "--yes", "--wait=0", "--host=led.example.org=tcp://127.0.0.1:1", "--force").stdout
    assert "https://led.example.org/" in said and "https://cabin.example.com/" not in said, said


@pytest.mark.parametrize("when", ["it starts", "it waits for the relay"])
def test_ctrl_c(machine, relay, when):
    """What goes on without hagw-ctl, and what brings it to its end."""
    held, start = threading.Event(), machine.start
    machine.env["NO_COLOR"] = "1"
    words = attach(relay, code(relay, credential="token"))
    if when == "it starts":
        machine.start = lambda verb, units: held.wait(60) and start(verb, units)
    else:
        relay.tenantd.call("RevokeToken", name="anna")
    s = Session(machine, *words)
    try:
        s.expect("Starting hagw" if when == "it starts" else "not yet: it does not admit this house")
        s.send(b"\x03")
        shown = " ".join(s.end(-signal.SIGINT).split())
    finally:
        held.set()
        s.close()
    if when == "it starts":
        assert 'Not attached yet: "hagw-ctl attach" with the same words begins again.' in shown
    else:
        assert "hagw goes on by itself; \"hagw-ctl attach\" with the relay's address, without a code, goes on from here." in shown


def test_a_house_that_is_not_admitted(machine, relay):
    token = code(relay, credential="token")
    relay.tenantd.call("RevokeToken", name="anna")
    r = machine.run(*attach(relay, token), f"--host=ha.anna.{ZONE}=tcp://127.0.0.1:1")
    assert r.returncode == FAILED
    # What it waits for comes before what it is told meanwhile, and that once.
    lines = r.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Waiting for the relay to take this house, for at most 30 s"))
    assert lines[at + 1].startswith("  not yet: it does not admit this house") and r.stdout.count("it does not admit") == 1, r.stdout
    assert "not attached yet: it does not admit this house" in r.stderr and "Waiting" not in r.stdout.partition(lines[at])[2]
    assert "not attached: it does not admit this house" in " ".join(machine.run("status", "--no-delegation").stdout.split())
    r = machine.run("setup", "--yes", "--wait=0", "--host=ha=tcp://127.0.0.1:1")
    assert "internet finds its way" not in r.stdout, r.stdout


def test_setup_in_such_a_house(machine, relay):
    """Nothing is asked of a router, or of an address that nobody needs."""
    machine.ok(*attach(relay, code(relay)), "--contact=me@home.test")
    r = machine.run("setup", "--yes", "--wait=0")
    assert "public address" not in r.stdout + r.stderr and "router" not in r.stdout.lower(), r.stdout + r.stderr


def test_once_more_tries_at_once(machine, relay):
    """attach and setup say that a person was there, though nothing they ask for has changed: what failed is tried anew."""
    machine.ok(*attach(relay, code(relay)), "--contact=me@home.test", "--directory=https://127.0.0.1:1/directory", "--user=me",
               "--password-stdin", stdin=PASSWORD + "\n")
    for again in (("attach", relay.address), ("setup",)):
        seen = until(lambda: len(machine.acmed.text()) if "at try 2:" in machine.acmed.text() else 0, 60, "patience")
        before = conf(machine)
        machine.run(*again, "--yes", "--wait=0")
        assert conf(machine) == before
        until(lambda: "at try 1:" in machine.acmed.text()[seen:], 60, "a first try")
        assert "A person asks for what failed (1 certificate): it is tried at once, and counted anew." in machine.acmed.text()[seen:].partition("at try 1:")[0]
        until(lambda: "at try 2:" in machine.acmed.text()[seen:], 60, "another")


def test_on_a_terminal(machine, relay):
    """It asks for what the options do not say, and for the code's tenant nothing; where there is a hagw.conf it asks nothing."""
    words = ["attach", relay.address, code(relay), "--pin", relay.pin, "--wait=0"]
    seen, how = terminal(machine, words, [("mail address", "me@home.test"), ("Home Assistant's address", "http://127.0.0.1:8123"),
                                          ("first user", "")], timeout=60)
    assert how == OK and "zone that is delegated" not in seen and "public IPv4" not in seen, seen
    assert 'contact = "mailto:me@home.test";' in conf(machine)
    assert (machine.house.config / "hosts.d" / f"ha.anna.{ZONE}.conf").exists()
    seen, how = terminal(machine, ["attach", relay.address, "--wait=0"], [], timeout=60)
    assert how == OK and "Attached to" in seen, seen
    seen, how = terminal(machine, ["detach"], [("Detach this house", "no")], timeout=60)
    assert how == FAILED and machine.keyd.call("GetToken")["tenant"] == "anna"
    seen, how = terminal(machine, ["detach"], [("Detach this house", "yes")], timeout=60)
    assert how == OK and "is detached" in seen


def test_the_code_is_asked_for_first(machine, relay):
    """Before any other question, and what is none is told at once."""
    secret = code(relay)
    words = ["attach", relay.address, "--pin", relay.pin, "--wait=0"]
    seen, how = terminal(machine, words, [("code for this house", "WRNG"), ("no code", secret), ("mail address", ""),
                                          ("Home Assistant's address", ""), ("first user", "")], timeout=60)
    assert how == OK and "Attached to" in seen and seen.index("no code") < seen.index("mail address"), seen


def test_a_wrong_code_costs_no_answers(machine, relay):
    words = ["attach", relay.address, "WRNG-WRNG-WRNG-WRNG", "--pin", relay.pin, "--wait=0"]
    seen, how = terminal(machine, words, [("mail address", "me@home.test"), ("Home Assistant's address", "http://127.0.0.1:8123"),
                                          ("first user", ""), ("Another code", code(relay))], timeout=60)
    assert how == OK and "does not know this code" in seen and "Attached to" in seen, seen
    assert 'contact = "mailto:me@home.test";' in conf(machine)
    assert (machine.house.config / "hosts.d" / f"ha.anna.{ZONE}.conf").exists()


def test_a_used_code_in_a_house_that_is_attached(machine, relay):
    secret = code(relay)
    machine.ok(*attach(relay, secret))
    why = machine.refused(FAILED, *attach(relay, secret))
    assert f'This house has a token already, as anna: "hagw-ctl attach {relay.address}", without a code' in why
    assert "attached" in machine.proxyd.call("DescribeRelay")["state"]


def test_a_right_code_where_no_token_has_room(machine, relay):
    """The reason and the remedy, at both ends; the same code is good afterwards."""
    secret = code(relay)
    for _ in range(16):
        relay.tenantd.call("IssueToken", name="anna")
    machine.house.configure(MINE)
    machine.start_daemons()
    why = machine.refused(FAILED, *attach(relay, secret))
    assert "the most tokens at the relay that it may have" in why and "hagw-ctl tenant revoke" in why and "wrong code" not in why, why
    assert "Tenant anna: a code of it came from 127.0.0.1, but it has 16 tokens" in relay.tenantd.text()
    relay.tenantd.call("RevokeToken", name="anna", tokenId=relay.tenantd.call("Get", name="anna")["tenant"]["tokens"][0]["tokenId"])
    assert "Attached to" in machine.ok(*attach(relay, secret))


def test_too_many_wrong_codes(machine, relay):
    machine.house.configure(MINE)
    machine.start_daemons()
    machine.refused(FAILED, *attach(relay, "WRNG-WRNG-WRNG-WRNG"))
    for _ in range(4):  # each costs a minute
        with pytest.raises(VarlinkError, match="BadCode"):
            relay.tenantd.call("Enrol", code="WRNG-WRNG-WRNG-WRNG", storedKey=base64.b64encode(bytes(32)).decode(), address="127.0.0.1")
    assert "Try again in a minute" in machine.refused(FAILED, *attach(relay, code(relay)))


@pytest.mark.parametrize("typed", ["https://{}", "http://{}/", "https://{}/login"])
def test_the_address_of_a_browser(machine, relay, typed):
    machine.ok("attach", typed.format(relay.address), code(relay), "--pin", relay.pin, "--yes", "--wait=0")
    assert f'address = "{relay.address}"' in conf(machine)


def test_no_relay_of_that_name(machine, relay):
    """What is there closes the door to the name: that is the reason, and not TLS."""
    why = machine.refused(FAILED, "attach", f"other.localhost:{relay.port}", CODE, "--yes", "--pin", relay.pin)
    assert "is it a relay of the name other.localhost?" in why and "TLS" not in why
    relay.house.configure((CONFIG % "").replace(NAME, "localhost"), web='name = "web.localhost"; upstream = "http://127.0.0.1:1";\n')
    relay.certify("web.localhost")
    relay.proxyd.reload()
    relay.wait(lambda: relay.serves("web.localhost"))
    why = machine.refused(FAILED, "attach", f"web.localhost:{relay.port}", CODE, "--yes", "--pin", relay.pin)
    assert "what answers there is no relay of the name web.localhost" in why and "TLS" not in why


def test_json(machine, relay):
    v = machine.json(*attach(relay, code(relay)))
    assert v == {"relay": relay.address, "tenant": "anna", "zone": f"anna.{ZONE}", "attached": True, "certified": False}


def test_a_gateway_attaches_as_well(machine, relay):
    machine.house.configure(MINE, own='name = "ha.home.test"; upstream = "http://127.0.0.1";\n')
    machine.start_daemons()
    machine.ok(*attach(relay, code(relay)), "--host=cam=http://127.0.0.1:81")
    assert (machine.house.config / "hosts.d" / f"cam.anna.{ZONE}.conf").exists()
    text = conf(machine)
    assert text.startswith("# my house\n") and "# mine" in text and f'name = "anna.{ZONE}";' in text
    assert "2 zones, 2 hosts" in machine.ok("config", "check")
    assert "enable" not in {w[0] for w in machine.words if w[1:] != ["hagw.target"]}
    machine.ok("detach", "--yes")
    assert "1 zone, 1 host" in machine.ok("config", "check") and "# mine" in conf(machine)


@pytest.mark.parametrize("how", ["stdin", "argument"])
def test_with_a_token(machine, relay, how):
    """Nobody told the zone: it is learnt from the relay, and only then are the hosts written."""
    token = code(relay, credential="token")
    words = ("--token",) if how == "stdin" else (token,)
    machine.ok(*attach(relay, *words), "--host=ha=http://127.0.0.1:8123", stdin=token + "\n")
    assert (machine.house.config / "hosts.d" / f"ha.anna.{ZONE}.conf").exists()
    assert status(machine)["relay"]["state"] == "attached"


def test_rotation(machine, relay):
    """A second code gives the attached house another token; then the first is revoked at the relay."""
    machine.ok(*attach(relay, code(relay)))
    first = machine.keyd.call("GetToken")["tokenId"]
    machine.ok(*attach(relay, relay.tenantd.call("IssueCode", name="anna")["code"]))
    second = machine.keyd.call("GetToken")["tokenId"]
    assert first != second and conf(machine).count(f'"anna.{ZONE}"') == 1
    assert machine.proxyd.call("DescribeRelay")["attachment"]["tokenId"] == second, "it says so when the relay has let it in"
    assert [a["tokenId"] for a in Ctl(relay.house).json("tenant", "show", "anna")["attachments"]] == [second]
    relay.tenantd.call("RevokeToken", name="anna", tokenId=first)
    relay.wait(lambda: status(machine)["relay"]["state"] == "attached")
    assert [t["tokenId"] for t in relay.tenantd.call("Get", name="anna")["tenant"]["tokens"]] == [second]


def test_a_wrong_code(machine, relay):
    why = machine.refused(FAILED, *attach(relay, "WRNG-WRNG-WRNG-WRNG"))
    assert "hagw-ctl tenant rotate" in why and "Nothing is changed" in why and not machine.enabled
    assert not (machine.house.config / "hagw.conf").exists()


def test_a_wrong_pin(machine, relay):
    secret = code(relay)
    why = machine.refused(FAILED, "attach", relay.address, secret, "--pin", "sha256:" + "A" * 43 + "=", "--yes", "--wait=0")
    assert "could not be reached" in why and "Nothing is changed" in why
    machine.ok(*attach(relay, secret))  # the code is still good


def test_a_code_of_another_tenant(machine, relay):
    machine.ok(*attach(relay, code(relay)))
    token, text, secret = machine.keyd.call("GetToken"), conf(machine), code(relay, "bob")
    why = machine.refused(FAILED, *attach(relay, secret))
    assert "The code stays good, but is another tenant's: first hagw-ctl detach." in why and "has a token already, as anna" in why, why
    assert machine.keyd.call("GetToken") == token and conf(machine) == text
    assert relay.tenantd.call("Get", name="bob")["tenant"]["tokens"] == []
    machine.ok("detach", "--yes")
    assert "as bob" in machine.ok(*attach(relay, secret)), "it was not used up"


def test_a_relay_is_not_attached_to_itself(machine, relay):
    """tenant add prints the line in that very terminal: nothing is changed there, and the house can use the code."""
    there, secret = Ctl(relay.house), code(relay)
    before = {p: p.read_text() for p in relay.house.config.rglob("*") if p.is_file()}
    for words in (attach(relay, secret), ("attach", f"{NAME}:{relay.port}", secret, "--yes"), ("attach", RELAY, secret, "--yes"), ("attach", NAME)):
        why = there.refused(FAILED, *words)
        assert "This machine is a relay itself, localhost: hagw-ctl attach is typed in the house that is to be reached through one." in why, why
        assert "the code stays good" in why
    assert {p: p.read_text() for p in relay.house.config.rglob("*") if p.is_file()} == before
    assert relay.tenantd.call("Get", name="anna")["tenant"]["tokens"] == []
    assert "as anna" in machine.ok(*attach(relay, secret))


def test_a_revoked_house_is_told_why(machine, relay):
    machine.ok(*attach(relay, code(relay)))
    relay.tenantd.call("RevokeToken", name="anna")
    relay.wait(lambda: status(machine)["relay"]["state"] != "attached")
    relay.wait(lambda: any("not attached to its relay" in p for p in status(machine)["problems"]))


def test_refusals_are_told_at_both_ends(machine, relay):
    machine.ok(*attach(relay, code(relay)))
    there = Ctl(relay.house)
    assert "refused" not in there.ok("tenant", "show", "anna") and "refused" not in there.json("tenant", "show", "anna")
    relay.tenantd.call("Set", name="anna", bytesPerMonth=1)
    relay.tenantd.call("ReportUsage", usage=[{"tenant": "anna", "received": 1, "sent": 1, "visitors": 1}])

    def refused():
        with socket.create_connection(("127.0.0.1", relay.port), 20) as s:
            s.sendall(client_hello(f"anna.{ZONE}"))
            silent(s, 20)
        return there.json("tenant", "show", "anna").get("refused")

    relay.wait(refused)
    assert [r["reason"] for r in refused()] == ["exhausted"]
    assert "bytes of this month are used up" in there.ok("tenant", "show", "anna")
    relay.wait(lambda: any("refuses visitors of this house" in p and "bytes of this month" in p for p in status(machine)["problems"]))


def test_a_month_that_is_used_up_is_told_at_both_ends(machine, relay):
    """Before anybody has come, until when, and with what ends it; who follows the advice has nothing left to do."""
    machine.ok(*attach(relay, code(relay)))
    there = Ctl(relay.house)

    def said(ctl):
        r = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)
        return [p for p in r["problems"] if "used up" in p], [n for n in r["notices"] if "used up" in n]
    assert said(machine) == said(there) == ([], [])
    there.ok("tenant", "set", "anna", "--bytes-per-month=1")
    relay.tenantd.call("ReportUsage", usage=[{"tenant": "anna", "received": 1, "sent": 1, "visitors": 1}])
    relay.wait(lambda: said(there)[0])
    [problem], notices = said(there)
    assert problem.startswith("The bytes of this month of the tenant anna are used up, so that visitors are turned away until the month ends, "), problem
    assert re.search(r" ends, \d{4}-\d\d-\d\d \d\d:\d\d: hagw-ctl tenant set anna --bytes-per-month=SIZE gives more\.$", problem) and not notices
    relay.wait(lambda: said(machine)[0])
    assert "The relay refuses visitors of this house: the tenant's bytes of this month are used up." in said(machine)[0][0]

    def refused():
        with socket.create_connection(("127.0.0.1", relay.port), 20) as s:
            s.sendall(client_hello(f"anna.{ZONE}"))
            silent(s, 20)
        return relay.figure("proxy_relay_refused", reason="exhausted")
    relay.wait(refused)
    # At the relay it stays one finding; here it says how many.
    assert len(said(there)[0]) == 1 and not said(there)[1]
    relay.wait(lambda: "so far, the last one" in said(machine)[0][0])
    since = status(machine)["relay"]["attachment"]["sinceUSec"]
    there.ok("tenant", "set", "anna", "--bytes-per-month=none")
    relay.wait(lambda: said(there) == ([], []))
    relay.wait(lambda: not said(machine)[0])
    [notice] = said(machine)[1]
    assert "The relay refused visitors of this house, " in notice and ", until " in notice
    assert status(machine)["relay"]["attachment"]["sinceUSec"] == since, "it stayed attached"
    # Who attaches hears of it at once.
    there.ok("tenant", "set", "anna", "--bytes-per-month=1")
    relay.wait(lambda: relay.tenantd.call("Get", name="anna")["tenant"]["exhausted"])
    proxyd = next(d for d in machine.house.daemons if d.name == "proxyd")
    proxyd.kill()
    proxyd.start()
    relay.wait(lambda: said(machine)[0])


def test_attached_houses_are_seen_at_the_relay(machine, relay):
    machine.ok(*attach(relay, code(relay)))
    there = Ctl(relay.house)
    shown = there.ok("tenant", "list")
    assert "127.0.0.1:" in shown and "enabled" in shown
    v = there.json("tenant", "show", "anna")["attachments"]
    assert len(v) == 1 and v[0]["tenant"] == "anna" and v[0]["waiting"] >= 1
    assert "Nobody is attached" not in there.ok("tenant", "list", "--attached")
    s = json.loads(there.run("--json", "status", "--no-delegation").stdout)
    assert s["tenants"] == {"known": 1, "attached": 1, "machines": 1}
    assert "1 known, 1 attached\n" in there.run("status", "--no-delegation").stdout
    relay.set("anna", agents=2)
    other = Agent(relay, Token(relay.tenantd.call("IssueToken", name="anna")["token"]), name="localhost", machine="other")
    relay.wait(lambda: len(there.json("tenant", "show", "anna")["attachments"]) == 2)
    assert json.loads(there.run("--json", "status", "--no-delegation").stdout)["tenants"] == {"known": 1, "attached": 1, "machines": 2}
    assert "1 known, 1 attached by 2 machines\n" in there.run("status", "--no-delegation").stdout
    other.close()
    machine.ok("detach", "--yes")
    relay.wait(lambda: "Nobody is attached" in there.ok("tenant", "list", "--attached"))


def test_two_machines_that_take_turns(machine, relay):
    """Told at both ends once the place was taken back, with what ends it; a place that was taken once is no such thing."""
    machine.ok(*attach(relay, code(relay)))
    there = Ctl(relay.house)
    told = lambda s, words: any(words in p for p in s["problems"])
    at_relay = lambda: json.loads(there.run("--json", "status", "--no-delegation").stdout)
    other = Agent(relay, Token(relay.tenantd.call("IssueToken", name="anna")["token"]), name="localhost", machine="other")
    assert other.first["parameters"]["zone"] == f"anna.{ZONE}"
    relay.wait(lambda: "hagw-ctl detach on one of the two" in machine.proxyd.call("DescribeRelay").get("error", ""))
    assert not told(at_relay(), "take turns")
    relay.wait(lambda: machine.proxyd.call("DescribeRelay")["state"] == "attached", 120)
    assert told(status(machine), "Another machine attaches to") and told(status(machine), "hagw-ctl tenant set anna --agents=2")
    assert told(at_relay(), "Two machines attach as the tenant anna and take turns")
    there.ok("tenant", "set", "anna", "--agents=2")
    assert not told(at_relay(), "take turns"), "who followed the advice has nothing left to do"
    there.ok("tenant", "set", "anna", "--agents=1")
    # A refusal of before, which ended, is none of now because the place was taken.
    relay.set("anna", suspended=True)
    relay.wait(lambda: machine.proxyd.call("DescribeRelay")["state"] == "waiting")
    with socket.create_connection(("127.0.0.1", relay.port)) as v:
        v.sendall(client_hello(f"ha.anna.{ZONE}"))
        assert silent(v, 30)
    relay.set("anna", suspended=False)
    relay.wait(lambda: any(r["reason"] == "suspended" for r in machine.proxyd.call("DescribeRelay").get("refused", [])), 120)
    other = Agent(relay, other.token, name="localhost", machine="other")
    relay.wait(lambda: "another machine" in machine.proxyd.call("DescribeRelay").get("error", ""))
    assert told(status(machine), "another machine has attached") and not told(status(machine), "refuses visitors of this house")
    relay.wait(lambda: machine.proxyd.call("DescribeRelay")["state"] == "attached", 120)
    other.close()
    # One of the two leaves the place to the other: that was what the advice asked for.
    token = machine.keyd.call("GetToken")["tokenId"]
    said = machine.ok("detach", "--yes")
    relay.wait(lambda: not told(at_relay(), "take turns"))
    # The other might be a copy, with the same token.
    assert f"hagw-ctl tenant revoke anna {token} ends it. Another machine has attached as this tenant" in said
    assert token in [t["tokenId"] for t in relay.tenantd.call("Get", name="anna")["tenant"]["tokens"]]


def test_a_machine_that_leaves_while_another_has_its_place(machine, relay):
    """It is not attached, and the relay hears of it all the same: nobody is told to detach once more."""
    machine.ok(*attach(relay, code(relay)))
    there = Ctl(relay.house)
    told = lambda: "take turns" in there.run("status", "--no-delegation").stdout
    displaced = lambda: "another machine" in machine.proxyd.call("DescribeRelay").get("error", "")
    token = Token(relay.tenantd.call("IssueToken", name="anna")["token"])
    kept = [Agent(relay, token, name="localhost", machine="other")]
    relay.wait(displaced)
    relay.wait(lambda: machine.proxyd.call("DescribeRelay")["state"] == "attached", 120)
    kept.append(Agent(relay, token, name="localhost", machine="other"))
    relay.wait(displaced)
    assert told()
    said = machine.ok("detach", "--yes", "--keep-token")
    assert not told() and "At the relay the token is still good" in said
    for a in kept:
        a.close()


# --- detach --------------------------------------------------------------------------------------------------

def test_detach(machine):
    attached(machine)
    assert "--yes" in machine.refused(USAGE, "detach")
    assert machine.keyd.call("GetToken")["tenant"] == "anna"
    said, status = terminal(machine, ["detach"], [("Detach this house from", "no")])
    assert status == FAILED and f"Nothing is changed: this house stays attached to {RELAY}." in said and RELAY in conf(machine)
    said = machine.ok("detach", "--yes")
    assert f"go with it:\n  ha.anna.{RELAY}" in said and "ha.home.test" not in said and f"detached from {RELAY}" in said
    assert "is removed here.\nAt the relay the token is still good: there, hagw-ctl tenant revoke anna abcdefgh ends it. The relay could not be" in said
    text = conf(machine)
    assert "# mine" in text and "/* keep */" in text and "channels_min = 2" in text and RELAY not in text and "anna" not in text
    assert "1 zone, 1 host" in machine.ok("config", "check")
    with pytest.raises(Exception, match="NoToken"):
        machine.keyd.call("GetToken")
    assert "attached to no relay" in machine.refused(FAILED, "detach", "--yes")


def wanted(m):
    return sorted(c["name"] for c in m.acmed.call("Watch")["certificates"] if c["wanted"])


def hosts(m):
    return sorted(p.name for p in (m.house.config / "hosts.d").iterdir())


def test_there_and_back_is_the_same_to_the_byte(machine, relay):
    machine.house.configure(text := MINE.rstrip("\n"))
    machine.ok(*attach(relay, code(relay)))
    assert f'address = "{relay.address}";' in conf(machine) and f"anna.{ZONE}" in conf(machine)
    machine.ok("detach", "--yes")
    assert conf(machine) == text


def test_what_a_relay_was_trusted_with_goes_with_it(machine, relay):
    """That one may read what visitors say, and no other is meant; who writes it before is reminded."""
    machine.house.configure(MINE)
    said = machine.ok(*attach(relay, code(relay)))
    assert "opened" not in said
    (machine.house.config / "hagw.conf").write_text(conf(machine).replace("relay: {", 'relay: { opened = "accept"; private = "accept";'))
    said = machine.ok("detach", "--yes")
    assert 'Gone from hagw.conf as well, for no other relay was trusted so: opened = "accept"; private = "accept";\n' in said
    assert "accept" not in conf(machine) and RELAY not in conf(machine)
    assert json.loads(machine.ok("--json", "config", "check"))
    machine.house.configure(MINE + 'relay: { opened = "accept"; };\n')
    said = " ".join(machine.ok(*attach(relay, code(relay, "bob"))).split())
    assert 'hagw.conf has opened = "accept"; in the group relay: where' in said
    said = machine.ok("detach", "--yes")
    assert 'trusted so: opened = "accept";\n' in said and "accept" not in conf(machine)


def test_a_laboratory_is_a_switch(machine, relay):
    machine.house.configure(MINE)
    machine.ok(*attach(relay, code(relay)), "--laboratory")
    assert "\ndocumentation_networks = true;\n" in conf(machine)


@pytest.mark.parametrize("zone,why", [
    ("ha.home.test", "which is no name of anna"), ("test", "which is no name of anna"), ("anna", "which is no name of anna"),
    ("annab.relay.test", "which is no name of anna"), ("anna.relay.test\\n}", "which is no name of anna"),
    ("anna.home.test", "anna.home.test is its own already"), ("anna.test", "door.anna.test is its own already")])
def test_a_relay_that_says_whose_name_this_house_is(machine, tmp_path, zone, why):
    """Its word does not take a name from the house that it has by an address of its own."""
    relay = Relay(tmp_path)
    zone = zone.encode().decode("unicode_escape")

    def answer(c, call):
        if call["method"].endswith(".Enrol"):
            c.send({"parameters": {"tenant": "anna", "tokenId": "abcdefgh", "zone": zone}})
        else:
            c.admit()
    relay.on_call = answer
    machine.house.configure('zones = ( { name = "home.test"; }, { name = "door.anna.test"; } );\nacme: { contact = "mailto:me@home.test"; };\n',
                            ha='name = "ha.home.test"; upstream = "http://127.0.0.1";\n', anna='name = "*.anna.home.test"; upstream = "http://127.0.0.1";\n')
    machine.start_daemons()
    before = wanted(machine)
    r = machine.run("attach", f"127.0.0.1:{relay.port}", "ABCD-EFGH-JKMN-PQRS", "--pin", relay.pin, "--yes", "--wait=0", "--laboratory")
    assert r.returncode != OK and why in " ".join(r.stderr.split()), r.stderr
    assert 'via = "relay"' not in conf(machine) and wanted(machine) == before
    assert "hagw-ctl detach leaves the relay" in " ".join(r.stderr.split())
    machine.ok("detach", "--yes")
    assert wanted(machine) == before
    relay.close()


def test_detach_ends_orders(machine):
    """For the names that went: nobody could prove them any more. The file is kept, and what had it before is forgotten."""
    attached(machine)
    (machine.house.config / "hosts.d" / "ha.conf.detached").write_text("of another time")
    assert wanted(machine) == [f"anna.{RELAY}", "home.test"]
    machine.ok("detach", "--yes")
    assert wanted(machine) == ["home.test"] and hosts(machine) == ["ha.conf.detached", "own.conf"]
    assert f"ha.anna.{RELAY}" in (machine.house.config / "hosts.d" / "ha.conf.detached").read_text()
    assert json.loads(machine.run("--json", "host", "list").stdout)["hosts"][0]["name"] == "ha.home.test"
    assert not any(RELAY in p for p in status(machine)["problems"]), status(machine)["problems"]


@pytest.mark.parametrize("gateway", [False, True], ids=["relay only", "gateway, too"])
def test_detach_and_names_elsewhere(machine, gateway):
    """Where nothing but the relay leads here, they go with it."""
    elsewhere = 'name = "door.example.org"; upstream = "http://127.0.0.1";\n'
    zones = [f'{{ name = "anna.{RELAY}"; via = "relay"; }}'] + ['{ name = "home.test"; }'] * gateway
    machine.house.configure(f'zones = ( {", ".join(zones)} );\nrelay: {{ address = "{RELAY}"; tenant = "anna"; }};\n', door=elsewhere)
    machine.start_daemons()
    machine.keyd.call("ImportToken", token=TOKEN)
    assert "door.example.org" in wanted(machine)
    said = machine.ok("detach", "--yes")
    assert ("door.example.org" in said) == (not gateway)
    assert wanted(machine) == (["door.example.org", "home.test"] if gateway else [])
    assert hosts(machine) == ["door.conf" if gateway else "door.conf.detached-elsewhere"]


def test_hosts_come_back(machine, relay):
    """Attached again to the same relay the house has its hosts as they were, and nobody else's."""
    machine.ok(*attach(relay, code(relay)), "--contact=me@home.test", "--host=ha=http://127.0.0.1:8123")
    folder = machine.house.config / "hosts.d"
    ha, = folder.iterdir()
    ha.write_text(ha.read_text() + "# mine\n")
    (folder / "door.conf").write_text('name = "door.example.org"; upstream = "http://127.0.0.1";\n')
    (folder / "bad.conf.detached").write_text("name = ;")
    (folder / "other.conf.detached").write_text('name = "ha.berta.relay.test"; upstream = "http://127.0.0.1";\n')
    left = machine.ok("detach", "--yes")
    others = ["bad.conf.detached", "other.conf.detached"]
    assert hosts(machine) == sorted([f"{ha.name}.detached", "door.conf.detached-elsewhere", *others])
    assert "*.conf.detached and, of names in no zone, *.conf.detached-elsewhere;" in left
    said = machine.ok(*attach(relay, relay.tenantd.call("IssueCode", name="anna")["code"]))
    assert "2 hosts that went with the relay are back" in said and ha.read_text().endswith("# mine\n")
    assert hosts(machine) == sorted([ha.name, "door.conf", *others])


def test_detach_json(machine):
    attached(machine)
    said = machine.json("detach", "--yes")
    assert said.pop("why").startswith("The relay could not be reached: ")
    assert said == {"name": RELAY, "change": "detached", "tokenGivenBack": False, "tenant": "anna", "tokenId": "abcdefgh"}


def tokens(relay, name="anna"):
    return [t["tokenId"] for t in relay.tenantd.call("Get", name=name)["tenant"]["tokens"]]


def test_detach_gives_the_token_back(machine, relay):
    """A house that comes and goes leaves nothing good behind, and never runs out of tokens."""
    relay.tenantd.call("Add", name="anna", credential="none")
    for _ in range(15):
        relay.tenantd.call("IssueToken", name="anna")
    others = tokens(relay)
    for _ in range(3):
        machine.ok(*attach(relay, relay.tenantd.call("IssueCode", name="anna")["code"]))
        assert len(tokens(relay)) == 16
        assert "its token is good nowhere any more" in machine.ok("detach", "--yes")
        assert tokens(relay) == others
    machine.ok(*attach(relay, relay.tenantd.call("IssueCode", name="anna")["code"]))
    assert machine.json("detach", "--yes") == {"name": relay.address, "change": "detached", "tokenGivenBack": True}
    assert tokens(relay) == others


def test_detach_of_a_token_that_is_not_admitted(machine, relay):
    """It has ended there, or is another relay's: nothing is claimed that is not known."""
    machine.ok(*attach(relay, code(relay)))
    token = machine.keyd.call("GetToken")["tokenId"]
    relay.tenantd.call("RevokeToken", name="anna")
    said = " ".join(machine.ok("detach", "--yes").split())
    assert "and its token is removed here. " in said and "good nowhere" not in said and "tenant revoke" not in said
    assert f"The relay did not admit the token {token} of anna. It was ended there before, or another relay gave it, where it may be good still. " \
           "There, hagw-ctl tenant show anna says whether it is." in said


def test_detach_of_a_token_that_is_not_admitted_json(machine, relay):
    machine.ok(*attach(relay, code(relay)))
    token = machine.keyd.call("GetToken")["tokenId"]
    relay.tenantd.call("RevokeToken", name="anna")
    said = machine.json("detach", "--yes")
    assert said.pop("why").startswith("It was ended there before, or another relay")
    assert said == {"name": relay.address, "change": "detached", "tokenGivenBack": False, "tenant": "anna", "tokenId": token}


@pytest.mark.parametrize("words", [(), ("--force",)], ids=["left", "forced"])
@pytest.mark.parametrize("agents", [2, 1], ids=["both attached", "in turns"])
def test_detach_of_a_token_that_a_copy_has(machine, relay, agents, words):
    """The other machine is not cut off, unless somebody wants it. Of one place it was pushed off by this one, which has heard nothing."""
    relay.tenantd.call("Add", name="anna", credential="none", agents=agents)
    text = relay.tenantd.call("IssueToken", name="anna")["token"]
    token = Token(text)
    copy = Agent(relay, token, name="localhost", machine="copy")
    machine.ok(*attach(relay, text))
    said = " ".join(machine.ok("detach", "--yes", *words).split())
    if words:
        assert "its token is good nowhere any more" in said and tokens(relay) == []
        assert Agent(relay, token, name="localhost", machine="copy").first["error"] == "io.hagw.Relay.NotAdmitted"
    else:
        assert f"there, hagw-ctl tenant revoke anna {token.id} ends it. Another machine is attached with the same token, or was just now; " \
               "--force would have ended it for both." in said
        assert tokens(relay) == [token.id] and "error" not in Agent(relay, token, name="localhost", machine="copy").first
    copy.close()


def test_detach_with_two_wishes(machine):
    attached(machine)
    assert "--keep-token or --force, not both." in machine.refused(USAGE, "detach", "--yes", "--keep-token", "--force")
    assert 'via = "relay"' in conf(machine)


def test_detach_keeps_the_token_of_a_copy(machine, relay):
    machine.ok(*attach(relay, code(relay)))
    token = machine.keyd.call("GetToken")["tokenId"]
    said = machine.ok("detach", "--yes", "--keep-token")
    assert f"there, hagw-ctl tenant revoke anna {token} ends it.\n" in said
    assert tokens(relay) == [token]


@pytest.mark.parametrize("kind", ["of before", "silent"])
def test_detach_from_a_relay_that_does_not_know_how(machine, tmp_path, kind):
    """It is told, and waited for no longer than a moment."""
    relay = Relay(tmp_path)
    relay.on_call = lambda c, call: c.admit() if call["method"].endswith(".Attach") else (
        c.error("org.varlink.service.MethodNotFound", method=call["method"]) if kind == "of before" else None)
    machine.house.configure(MINE + f'relay: {{ address = "127.0.0.1:{relay.port}"; tenant = "anna"; pin = "{relay.pin}"; }};\n')
    machine.start_daemons()
    machine.keyd.call("ImportToken", token=TOKEN)
    said = machine.ok("detach", "--yes")
    assert relay.calls.get(timeout=30)[1]["method"] == "io.hagw.Relay.GiveBack"
    assert "tenant revoke anna abcdefgh ends it. The relay" in said
    assert ("The relay's hagw is older than this one" if kind == "of before" else "The relay did not answer in time.") in said
    with pytest.raises(Exception, match="NoToken"):
        machine.keyd.call("GetToken")
    relay.close()


def test_detach_and_a_credential(machine, relay, tmp_path):
    """It stays, so that it is not given back either."""
    token = code(relay, credential="token")
    (tmp_path / "hagw.relay-token").write_text(token + "\n")
    machine.ok(*attach(relay, token))
    assert machine.keyd.stop() == 0
    machine.keyd.close()
    machine.keyd.path.unlink()
    machine.house.daemons.remove(machine.keyd)
    machine.keyd = machine.house.daemon("keyd", "io.hagw.Key", env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    said = machine.ok("detach", "--yes")
    assert "its token is a credential of hagw-keyd's, and stays" in said and "At the relay the token is still good" in said
    assert tokens(relay) == [token.split("_")[2]] and machine.keyd.call("GetToken")["tenant"] == "anna"


# --- status --------------------------------------------------------------------------------------------------

def test_status_of_a_house_behind_a_relay(machine):
    attached(machine)
    r = machine.run("status", "--no-delegation")
    assert r.returncode == FAILED and f"{RELAY} as anna" in r.stdout and "through the relay" in r.stdout


def test_status_of_such_a_house_whose_configuration_is_broken(machine):
    """It needs no public address, whatever stands in its files."""
    machine.house.configure(f'zones = ( {{ name = "anna.{RELAY}"; via = "relay"; }} );\nrelay: {{ address = "{RELAY}"; tenant = "anna"; }};\n'
                            'public_address: { ipv4 = "none"; ipv6 = "none"; };\n')
    machine.start_daemons()
    machine.house.config.joinpath("hosts.d/x.conf").write_text('name = "x.test"; upstream = "tenant:bert";\n')
    said = machine.run("status", "--no-delegation").stdout
    assert "this is no relay" in said and "No public" not in said


# --- setup ---------------------------------------------------------------------------------------------------

def test_setup_makes_a_relay(ctl, tmp_path):
    etc = tmp_path / "etc"
    setup = ("setup", "--relay", "--yes", "--no-start", "--laboratory", "--ipv4=static:11.22.33.44")
    assert "Which zone" in ctl.refused(USAGE, *setup, config=etc)
    said = ctl.ok(*setup, f"--zone={RELAY}", "--zone=other.test", config=etc)
    assert "tenant add" in said and "Trusted proxies" not in said and "router" not in said
    assert "Let the firewall pass to this machine: TCP 443 for visitors, UDP and TCP 53" in " ".join(said.split())
    assert f'zone = "{RELAY}";' in (etc / "hagw.conf").read_text()
    assert "2 zones, 0 hosts" in ctl.ok("config", "check", config=etc)
    assert "hagw-tenantd" in ctl.refused(UNREACHABLE, "tenant", "add", "anna", config=etc)


def test_a_gateway_becomes_a_relay_too(ctl):
    ctl.house.configure(MINE + "documentation_networks = true;\n")
    ctl.ok("setup", "--relay", "--yes", "--no-start", f"--zone={RELAY}", "--contact=other@home.test")
    text = conf(ctl)
    assert "# mine" in text and 'contact = "mailto:other@home.test"' in text and f'zone = "{RELAY}"' in text
    assert "2 zones" in ctl.ok("config", "check")
    ctl.ok("setup", "--relay", "--yes", "--no-start", f"--zone={RELAY}")
    assert conf(ctl) == text, "the same once more changes nothing"
    ctl.ok("setup", "--relay", "--yes", "--no-start")
    assert conf(ctl) == text, "nor without its zone, which is known"
    ctl.ok("setup", "--relay", "--yes", "--no-start", f"--zone={RELAY}", "--name-server=ns.x.test")
    assert 'name_server = "ns.x.test";' in conf(ctl) and conf(ctl).replace('name_server = "ns.x.test";', "").split() == text.split()

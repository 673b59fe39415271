# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/relay.md as somebody works through it: each command that stands there is typed here, at the machine that it is for, with no more
changed than what the guide's reader would (the code, the service's address) and what a test cannot have (the relay's name in the DNS, an
authority). A command that is new in the guide has to be typed here, too."""

import json
import re
import shlex
import subprocess
import uuid

import pytest
from conftest import ROOT, running
from ctl_tools import CTL, PASSWORD, Booted, Machine, machine  # noqa: F401 (fixtures)
from proxyhouse import Upstream, echo
from test_ctl_attach import relay  # noqa: F401 (fixture)

GUIDE = (ROOT / "docs" / "relay.md").read_text()
PROGRAMS = {"hagw-ctl", "apt", "install", "varlinkctl", "curl"}
# What needs a package, an authority or a user of the system is typed by others: (file, what stands there).
ELSEWHERE = {
    "hagw-ctl cert import": ("tests/component/test_ctl_import.py", '"cert", "import"'),
    "apt install ./hagw_*.deb": ("dev/deb-test", "apt-get"),
    "curl -sI https://ha.anna.relay.example.com/": ("tests/component/test_relay_matrix.py", "curl"),
    "install -o hagw-tenantd -g hagw-tenantd -m 600 KEPT /var/lib/hagw-tenantd/copies/2026-11-28": ("tests/component/test_ctl_restore.py", "docs/relay.md"),
}


def commands():
    """As they stand in the guide, in its order; what is only named (`hagw-ctl attach`) is the beginning of one."""
    verbs = json.loads(subprocess.run([CTL, "--json", "--help"], check=True, capture_output=True).stdout)["verbs"]
    first, found = {(v["group"] or v["name"]).split()[0] for v in verbs}, []
    for block, inline in re.findall(r"^ *```\n(.*?)^ *```|`([^`\n]+)`", GUIDE, re.S | re.M):
        for line in block.splitlines() or [inline]:
            words = re.sub(r" {3,}.*", "", line.strip()).split()
            if words and words[0] in first and len(words) > 1:
                words.insert(0, "hagw-ctl")
            if words and words[0] in PROGRAMS:
                found.append(" ".join(words))
    return found


class Reader:
    """Types the guide's commands, and remembers which."""

    def __init__(self):
        self.typed = []

    def types(self, at, text, *more, code=None, wrong=False, stdin="", **other):
        """text: as it stands there; code and other: what the reader puts in the place of CODE, NAME, …; more: what only a test needs."""
        self.typed.append(text)
        words = shlex.split(text)
        assert words.pop(0) == "hagw-ctl"
        words = [code if w == "CODE" else other.get(w, w) for w in words]
        for before, after in other.items():
            words = [w.replace(before, after) for w in words]
        r = at.run(*words, *more, stdin=stdin)
        assert wrong or r.returncode == 0, (words, r.stdout, r.stderr)
        return r.stdout


@pytest.fixture
def second(other_house):
    """Another machine of the house's, by an id of its own."""
    (other_house.root / "machine-id").write_text(uuid.uuid4().hex + "\n")
    start = other_house.daemon

    def start_there(name, interface, **keys):
        keys["wrapper"] = ["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
                           f'mount --bind {other_house.root}/machine-id /etc/machine-id && exec "$0" "$@"']
        return start(name, interface, **keys)
    other_house.daemon = start_there
    m = Machine(other_house)
    yield m
    m.close()


@pytest.fixture
def operator(relay):  # noqa: F811
    o = Booted(relay.house)
    yield o
    o.close()


def code_in(said):
    return re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", said)[0]


def test_every_command_is_typed(machine, second, operator, relay, tmp_path_factory):  # noqa: F811
    reader, service = Reader(), Upstream(echo)
    name, zone, ours = "ha.anna.relay.example.com", "anna.relay.example.com", "192.168.1.4:8123"
    at_test = ("--pin", relay.pin, "--yes", "--wait=0")
    tenant = lambda: relay.tenantd.call("Get", name="anna")["tenant"]
    attached = lambda: [a["machine"] for a in operator.json("tenant", "show", "anna")["attachments"]]

    # A relay for the family: on a machine of its own, since the one that houses can find is there already.
    with running(tmp_path_factory.mktemp("f")) as h:
        fresh = Machine(h)
        reader.types(fresh, "hagw-ctl setup --relay --zone relay.example.com --ipv4 static:203.0.113.10 --ipv6 none --contact mailto:me@example.com",
                     "--laboratory", "--yes", "--wait=0", wrong=True)  # nobody delegates example.com here
        text = (h.config / "hagw.conf").read_text()
        assert 'zone = "relay.example.com"' in text and '"static:203.0.113.10"' in text and '"mailto:me@example.com"' in text
        fresh.close()
    said = reader.types(operator, "hagw-ctl tenant add anna")
    assert f"{zone} is a tenant now" in said
    said = reader.types(machine, "hagw-ctl attach relay.example.com CODE --contact mailto:anna@example.org --host ha=http://192.168.1.4:8123 --user anna",
                        *at_test, "--password-stdin", code=code_in(said), stdin=PASSWORD + "\n",
                        **{"relay.example.com": relay.address, ours: f"127.0.0.1:{service.port}", "example.org": "home.test"})
    assert f"this house is {zone}" in said and machine.json("user", "list")["users"][0]["name"] == "anna"

    # Does it work?
    assert "1 known, 1 attached" in reader.types(operator, "hagw-ctl status", "--no-delegation", wrong=True)
    assert "anna" in reader.types(operator, "hagw-ctl tenant list") and len(attached()) == 1
    assert "machines" in reader.types(operator, "hagw-ctl tenant show anna")
    assert "as anna: attached for" in reader.types(machine, "hagw-ctl status", "--no-delegation", wrong=True)
    assert re.search(r"answer +HTTP status 200", reader.types(machine, "hagw-ctl host show ha.anna.relay.example.com"))
    text = "varlinkctl call /run/hagw/io.hagw.Proxy io.hagw.Service.GetMetrics {}"
    reader.typed.append(text)
    r = subprocess.run(text.replace("/run/hagw", str(relay.house.runtime)).split(), capture_output=True, text=True, check=True)
    assert "proxy_relay_attached" in r.stdout
    r = subprocess.run(text.replace("/run/hagw", str(relay.house.runtime)).replace("Proxy", "Tenant").split(), capture_output=True, text=True, check=True)
    assert "tenants" in r.stdout

    # Names, tokens, machines.
    said = " ".join(reader.types(operator, "hagw-ctl tenant domain add anna ha.anna.example").split())
    assert tenant()["domains"] == ["ha.anna.example"]
    for record in ("ha.anna.example. CNAME anna.relay.example.com.", "_acme-challenge.ha.anna.example. CNAME _acme-challenge.anna.relay.example.com."):
        assert f"`{record}`" in GUIDE.replace("\n", " ") and re.search(r"\s+".join(re.escape(w) for w in record.split()), said), said
    assert "ha.anna.example" in reader.types(operator, "hagw-ctl tenant domain list anna")
    reader.types(machine, "hagw-ctl host add ha.anna.example http://192.168.1.4:8123", "--force", **{ours: f"127.0.0.1:{service.port}"})
    reader.types(operator, "hagw-ctl tenant set anna --agents=2")
    said = reader.types(operator, "hagw-ctl tenant rotate anna")
    reader.types(second, "hagw-ctl attach relay.example.com CODE --contact mailto:anna@example.org --host ha=http://192.168.1.4:8123", *at_test, code=code_in(said),
                 **{"relay.example.com": relay.address, ours: f"127.0.0.1:{service.port}", "example.org": "home.test"})
    for m in (machine, second):
        reader.types(m, "hagw-ctl host set ha --login none")
    relay.wait(lambda: len(set(attached())) == 2)
    reader.types(second, "hagw-ctl user add anna", "--password-stdin", stdin=PASSWORD + "\n")
    tokens = [t["tokenId"] for t in tenant()["tokens"]]
    assert len(tokens) == 2
    one = machine.keyd.call("GetToken")["tokenId"]
    reader.types(operator, "hagw-ctl tenant revoke anna TOKEN", TOKEN=next(t for t in tokens if t != one))
    assert [t["tokenId"] for t in tenant()["tokens"]] == [one]
    relay.wait(lambda: len(attached()) == 1)  # the other one is cut

    # Who can read what.
    said = reader.types(operator, "hagw-ctl tenant set anna --terminate yes")
    assert tenant()["terminate"] and "host add" in said
    for host in ("ha.relay.example.com", name):
        reader.types(operator, f"hagw-ctl host add {host} tenant:anna", wrong=True)  # it says whom the house refuses
        assert host in [h["name"] for h in json.loads(operator.run("--json", "host", "list").stdout)["hosts"]]
    assert 'opened = "accept";' in GUIDE
    conf = machine.house.config / "hagw.conf"
    # A visitor of this test comes from the house's own network, of which no relay's word is taken.
    conf.write_text('lan = ( "192.168.255.0/24" );\n' + conf.read_text().replace("relay: {", 'relay: {\n  private = "accept"; opened = "accept";'))
    reader.types(machine, "hagw-ctl reload")
    relay.certify("ha.relay.example.com", name)
    relay.wait(lambda: relay.serves(name))
    reader.types(machine, "hagw-ctl host add ha.relay.example.com http://192.168.1.4:8123 --force", **{ours: f"127.0.0.1:{service.port}"})
    assert "HEALTH" in reader.types(operator, "hagw-ctl host list", wrong=True)
    reader.types(operator, "hagw-ctl host set NAME --login none", NAME=name)
    assert [h["login"] for h in json.loads(operator.run("--json", "host", "list").stdout)["hosts"] if h["name"] == name] == [False]
    relay.wait(lambda: relay.visit(name=name).status == 200)
    r = relay.visit(name=name)
    assert r.status == 200 and json.loads(r.body)["target"] == "/", r.body
    relay.wait(lambda: "anna" in operator.ok("tenant", "usage"), 60)  # it is told every ten seconds
    assert "MONTH" in reader.types(operator, "hagw-ctl tenant usage")

    # When things break.
    reader.types(operator, "hagw-ctl tenant copy")
    assert "good" in reader.types(operator, "hagw-ctl tenant restore --list")
    day = operator.json("tenant", "restore", "--list")["copies"][0]["name"]
    reader.types(operator, "hagw-ctl tenant restore 2026-11-28 --force", **{"2026-11-28": day})
    tenants = next(d for d in relay.house.daemons if d.name == "tenantd")
    assert tenants.stop() == 0
    database = next(p for p in relay.house.root.rglob("tenants.db"))
    database.write_bytes(b"x" * 8192)
    tenants.start()
    assert f"The copy of {day} is in use" in reader.types(operator, "hagw-ctl tenant restore")
    assert code_in(reader.types(operator, "hagw-ctl tenant rotate NAME", NAME="anna"))

    # Ten thousand hubs.
    lines = reader.types(operator, "hagw-ctl tenant add hub- --count 500 --csv").splitlines()
    assert len(lines) == 501 and all(code_in(line) and line.startswith("hub-") for line in lines[1:])
    for word, suspended in (("suspend", True), ("enable", False)):
        reader.types(operator, f"hagw-ctl tenant set NAME --{word}", NAME="anna")
        assert tenant()["suspended"] == suspended

    reader.types(operator, "hagw-ctl tenant set anna --bytes-per-month=100G")
    assert tenant()["bytesPerMonth"] == 100 << 30

    # A house that leaves.
    reader.types(operator, "hagw-ctl tenant domain remove", "anna", "ha.anna.example")
    relay.wait(attached, 60)
    said = reader.types(machine, "hagw-ctl detach", "--yes", "--keep-token")
    assert f"hagw-ctl tenant revoke anna {one} ends it" in " ".join(said.split()) and 'opened = "accept"' not in conf.read_text()
    reader.types(operator, "hagw-ctl tenant revoke NAME TOKEN", NAME="anna", TOKEN=one)
    said = reader.types(operator, "hagw-ctl tenant remove NAME", "--yes", NAME="anna")
    assert f"{name} leads to anna" in said
    service.close()

    # Nothing in the guide that was not typed.
    begins = lambda whole, part: whole == part or whole.startswith(part + " ")
    typed = [*reader.typed, *ELSEWHERE]
    assert not [c for c in commands() if not any(begins(t, c) for t in typed)]
    assert not [t for t in reader.typed if not any(begins(t, c) for c in commands())], "what is typed stands in the guide"


def test_what_is_typed_elsewhere():
    for command, (path, words) in ELSEWHERE.items():
        assert command in commands() and words in (ROOT / path).read_text(), command

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts in no zone of this gateway: who leads here by records elsewhere is as well as any, and of a zone that was taken out hosts are told.
The real hagw-dnsd and hagw-netd, and unbound as everybody's resolver."""

import json

import dns.message
import dns.query
from acme_tools import until
from ctl_tools import FAILED, Booted
from test_ctl_import import Files
from test_netd import net  # noqa: F401 (fixture)
from test_reach import CONFIG, DELEGATION, HOUSE, INSIDE, PARENT, ZONE, setup, whole, world  # noqa: F401 (fixture)

ADDRESS = f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "none"; }};\n'
HOSTS = {n: f'name = "{n}"; upstream = "http://127.0.0.1:1";' for n in (f"ha.{ZONE}", "here.example.com", "none.example.com")}
HOSTS["lan"] = 'name = "lan.example.com"; upstream = "http://127.0.0.1:1"; access: { from = "lan"; };'
SERVICE = 'upstream = "http://127.0.0.1:1";'


def lost(world):  # noqa: F811
    return [p for p in json.loads(world.ctl.run("--json", "status").stdout)["problems"] if p.startswith("Nobody finds")]


def test_a_zone_is_taken_out_and_its_host_stays(world):  # noqa: F811
    world.ctl = Booted(world.house)
    world.internet.delegate(DELEGATION + f"here A {HOUSE}\n")
    world.house.configure(CONFIG + ADDRESS, **HOSTS)
    r = world.ctl.run("reload")
    assert "lies in no zone" not in r.stderr, "those were never in one"
    until(lambda: world.status()[1]["delegation"] == "works", 30, "the delegation")
    none, = lost(world)
    assert none.startswith("Nobody finds none.example.com: it has no address, and it lies in no zone of this gateway."), none
    world.house.configure("zones = ( );\ndocumentation_networks = true;\n" + ADDRESS, **HOSTS)
    r = world.ctl.run("reload")
    said = " ".join(r.stderr.split())
    assert f"ha.{ZONE} lies in no zone of this gateway any more: nobody finds it, unless its DNS leads here from elsewhere." in said, r
    # The resolver remembers it for a while.
    until(lambda: len(lost(world)) == 2, 120, "the end of what the resolver remembers")
    ha = next(p for p in lost(world) if ZONE in p)
    assert f"Nobody finds ha.{ZONE}: the name servers that it is delegated to do not answer, and it lies in no zone of this gateway." in ha
    assert ha.endswith(f"hagw-ctl host remove ha.{ZONE} takes it away.")
    assert "lies in no zone" not in world.ctl.run("reload").stderr, "that was told"
    # Neither a wildcard nor a service that is passed on unopened is found any better.
    world.house.configure("zones = ( );\ndocumentation_networks = true;\n" + ADDRESS, wild=f'name = "*.w.{ZONE}"; upstream = "tcp://127.0.0.1:1"; access: {{ login = "none"; }};')
    world.ctl.run("reload")
    wild, = lost(world)
    assert wild.startswith(f"Nobody finds *.w.{ZONE}: ") and wild.endswith(f"hagw-ctl host remove '*.w.{ZONE}' takes it away."), wild
    # Whom nobody answers is no name's fault.
    world.use("203.0.113.77")
    world.netd.reload()
    until(lambda: not lost(world), 60, "silence about what nobody knows")


TOP_IS_SILENT = f"""  cache-min-ttl: 3600
stub-zone:
  name: "com"
  stub-addr: 203.0.113.99
stub-zone:
  name: "example.com"
  stub-addr: {PARENT}
"""


def test_a_network_whose_top_does_not_answer(world):  # noqa: F811
    """Somebody who answers for any ancestor shows that the resolver is asked, which remembers the address for an hour here.
    What it remembers of one that is led here by somebody who answers is as good as ever."""
    whole(world, f'ipv4 = "static:{HOUSE}"; ipv6 = "none";')
    world.internet.resolver(INSIDE, TOP_IS_SILENT)
    world.use(INSIDE)
    world.ctl = Booted(world.house)
    world.internet.delegate(DELEGATION + f"here A {HOUSE}\n")
    main = f'documentation_networks = true;\n{ADDRESS}acme: {{ directory = "https://127.0.0.1:1/"; }};\n'
    ha, near, far = f"ha.{ZONE}", f"e.d.c.b.{ZONE}", f"g.f.e.d.c.b.{ZONE}"
    hosts = {n: f'name = "{n}"; {SERVICE}' for n in (ha, near, far, "here.example.com")}
    world.house.configure(f'zones = ( {{ name = "{ZONE}"; }} );\n' + main, **hosts)
    world.ctl.ok("reload")

    def remembered():
        return [r.to_text() for s in dns.query.udp(dns.message.make_query(ha, "A"), INSIDE, timeout=20).answer for r in s] == [HOUSE]
    until(remembered, 30, "the address of a host")
    assert not lost(world)
    world.house.configure("zones = ( );\n" + main, **hosts)
    world.ctl.run("reload")
    until(lambda: lost(world), 30, "the host that nobody finds any more")
    assert remembered()
    # An ancestor beyond the limit (LEADS_ANCESTORS_MAX) is not asked about.
    assert [p.split()[2] for p in sorted(lost(world))] == [f"{near}:", f"{ha}:"], lost(world)
    assert all("the name servers that it is delegated to do not answer" in p for p in lost(world))
    r = world.ctl.run("setup", "--yes", "--wait=0")
    said = " ".join((r.stdout + r.stderr).split())
    assert r.returncode == FAILED and f"Nobody finds {ha}: the name servers" in said and "- Visit" not in said, said


def test_a_house_that_is_inside_only(world, tmp_path):  # noqa: F811
    """Names that no public DNS can have, and one whose certificate has other ways than the internet's: nobody outside misses them."""
    whole(world, f'ipv4 = "static:{HOUSE}"; ipv6 = "none";')
    names = ("ha.lan", "nas.fritz.box", "nas.home.arpa", "nas.internal", "nas.example.com", "*.apps.example.com")
    # One behind it is looked at as well, so that silence is no accident.
    hosts = {f"h{i}": f'name = "{n}"; {SERVICE}' for i, n in enumerate((*names, "none.example.com"))}
    files = Files(tmp_path)
    for n in names:
        files.certify("nas", "middle", n, f"subjectAltName=DNS:{n}")
        world.ctl.ok("cert", "import", files.join("chain.pem", "nas.pem", "middle.pem"), files["nas.key"])
    world.house.configure(f"zones = ( );\ndocumentation_networks = true;\n{ADDRESS}", **hosts)
    world.ctl = Booted(world.house)
    world.ctl.ok("reload")
    said = json.loads(world.ctl.run("--json", "status").stdout)
    # With an order that has failed by now it is told of that.
    about = [p for p in said["problems"] if "no address" in p or "no zone" in p]
    assert len(about) == 1 and "none.example.com" in about[0], about
    apps, nas = sorted(n for n in said["notices"] if "lies in no zone of this gateway" in n)
    assert nas.startswith("nas.example.com has no address on the internet, ") and "hagw-ctl host set nas.example.com --from lan says so" in nas, nas
    assert "hagw-ctl host set '*.apps.example.com' --from lan says so" in apps
    world.ctl.ok("host", "set", "nas.example.com", "--from", "lan")
    world.ctl.ok("host", "set", "*.apps.example.com", "--from", "lan")
    said = json.loads(world.ctl.run("--json", "status").stdout)
    assert not [f for f in said["problems"] + said["notices"] if "nas." in f and "zone" in f or "apps" in f and "zone" in f], said


def test_setup_sees_that_nobody_finds_the_host(world):  # noqa: F811
    whole(world, f'ipv4 = "static:{HOUSE}"; ipv6 = "none";')
    main = f'zones = ( );\ndocumentation_networks = true;\n{ADDRESS}acme: {{ directory = "https://127.0.0.1:1/"; }};\n'
    world.house.configure(main, ha=HOSTS[f"ha.{ZONE}"])
    world.internet.delegate(f"here A {HOUSE}\n")
    r = setup(world, "--wait=0")
    said = " ".join((r.stdout + r.stderr).split())
    assert r.returncode == FAILED and f"Nobody finds ha.{ZONE}: it has no address" in said, said
    assert f"When its service answers (hagw-ctl host show ha.{ZONE} tries it), visit" in said or "When the internet finds its way here, visit" in said

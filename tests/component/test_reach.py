# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is this machine found by the internet? hagw-ctl asks, with the real hagw-dnsd and hagw-netd, unbound as everybody's resolver,
knot as the parent zone, and a router between them that lets through what a test wants."""

import json
import re
import socket
import subprocess
import threading
import time

import dns.message
import dns.query
import pytest
from conftest import VarlinkError
from ctl_tools import FAILED, OK, Booted, Ctl, listeners
from proxyhouse import Upstream, echo
from test_netd import ip, net  # noqa: F401 (fixture)

ZONE, NS, HOUSE = "home.example.com", "ns.home.example.com", "203.0.113.10"
PARENT, RESOLVER, INSIDE = "203.0.113.54", "203.0.113.53", "192.168.1.1"
HOUSE6, RESOLVER6 = "2001:db8:10::10", "2001:db8:53::53"
ROOT_ZONE = f"""$ORIGIN .
$TTL 5
. SOA ns.root. host.root. 1 3600 600 86400 1
. NS ns.root.
ns.root. A {PARENT}
com. NS ns.root.
"""
COM_ZONE = """$ORIGIN com.
$TTL 5
@ SOA ns.root. host.root. 1 3600 600 86400 1
@ NS ns.root.
example NS ns.root.
"""
EXAMPLE_ZONE = """$ORIGIN example.com.
$TTL 5
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 203.0.113.54
"""
DELEGATION = f"home NS {NS}.\n{NS}. A {HOUSE}\n"
CONFIG = f'zones = ( {{ name = "{ZONE}"; }} ); documentation_networks = true;\n'


class Internet:
    """Everything on one machine's loopback, told apart by addresses; who may reach the house's port 53 is nftables' business."""

    def __init__(self, root, six=False):
        self.root, self.processes = root, []
        root.mkdir()
        for address in (HOUSE, PARENT, RESOLVER, INSIDE, "203.0.113.11"):
            ip("address", "add", f"{address}/32", "dev", "lo")
        for address in (HOUSE6, RESOLVER6) if six else ():
            ip("address", "add", f"{address}/128", "dev", "lo", "nodad")
        self.delegate(DELEGATION + (f"{NS}. AAAA {HOUSE6}\n" if six else ""), start=False)
        (root / "root.zone").write_text(ROOT_ZONE)
        (root / "com.zone").write_text(COM_ZONE)
        zones = "".join(f"  - domain: {d}\n    storage: {root}\n    file: {f}.zone\n" for d, f in ((".", "root"), ("com", "com"), ("example.com", "example.com")))
        (root / "knot.conf").write_text(
            f"server:\n  rundir: {root}\n  listen: {PARENT}@53\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
            f"database:\n  storage: {root}\nzone:\n{zones}")
        self.run("knotd", "-c", root / "knot.conf")
        self.wait(PARENT, "example.com")
        self.resolver(RESOLVER, "  prefer-ip6: yes\n" if six else "", RESOLVER6 if six else None)

    def run(self, *words):
        out = open(self.root / f"{words[0]}.log", "ab")
        self.processes.append(subprocess.Popen(words, stdout=out, stderr=out))
        return self.processes[-1]

    @staticmethod
    def wait(address, name, kind="SOA"):
        deadline = time.monotonic() + 30
        while True:
            try:
                if dns.query.udp(dns.message.make_query(name, kind), address, timeout=1).answer:
                    return
            except (OSError, dns.exception.Timeout):
                pass
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(0.05)

    def resolver(self, address, extra="", six=None):
        """unbound, which asks from the address that it answers at, and by IPv6 from that one."""
        folder = self.root / address
        folder.mkdir()
        (folder / "hints").write_text(f". 3600 NS ns.root.\nns.root. 3600 A {PARENT}\n")
        (folder / "unbound.conf").write_text(
            f"server:\n  interface: {address}\n  outgoing-interface: {address}\n  do-ip6: {'yes' if six else 'no'}\n"
            + (f"  outgoing-interface: {six}\n" if six else "") + f"  access-control: 0.0.0.0/0 allow\n"
            f"  chroot: \"\"\n  username: \"\"\n  directory: {folder}\n  pidfile: {folder}/pid\n  root-hints: {folder}/hints\n  num-threads: 1\n"
            f"  do-not-query-localhost: no\n  module-config: iterator\n  cache-max-negative-ttl: 1\n  infra-cache-min-rtt: 50\n{extra}"
            "remote-control:\n  control-enable: no\n")
        self.run("unbound", "-d", "-c", folder / "unbound.conf")
        self.wait(address, "example.com")

    def delegate(self, records, start=True):
        (self.root / "example.com.zone").write_text(EXAMPLE_ZONE.replace("hostmaster 1", f"hostmaster {time.time_ns() // 10**6 % 2**31}") + records)
        if start:
            subprocess.run(["knotc", "-c", self.root / "knot.conf", "-s", self.root / "knot.sock", "-b", "zone-reload", "example.com"], check=True,
                           capture_output=True)

    @staticmethod
    def block(*rules, house=f"ip daddr {HOUSE}"):
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        text = "".join(f"{house} {r} drop\n" for r in rules)
        subprocess.run(["nft", "-f", "-"], input="table inet router { chain input { type filter hook input priority 0;\n" + text + "}\n}\n", text=True,
                       check=True)

    def close(self):
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            p.wait(30)


class World:
    def __init__(self, house, internet, six="none"):
        self.house, self.internet, self.ctl = house, internet, Ctl(house)
        house.configure(CONFIG + f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "{six}"; }};\n')
        (house.root / "hosts").write_text("")
        self.use(RESOLVER)
        self.netd = house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                                             "HAGW_HOSTS": str(house.root / "hosts")})
        doors = [self.sockets(a) for a in (HOUSE, *([HOUSE6] if six != "none" else []))]
        self.dnsd = house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [d[0] for d in doors], "dns-tcp": [d[1] for d in doors]})
        # It has heard of its addresses, too: by what it has none of nobody can ask it.
        for kind in ("A", *(["AAAA"] if six != "none" else [])):
            internet.wait(HOUSE, ZONE, kind)

    @staticmethod
    def sockets(address):
        """What systemd hands to hagw-dnsd."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (udp, tcp):
            s.bind((address, 53))
        tcp.listen(64)
        return udp, tcp

    def use(self, resolver):
        (self.house.root / "resolv.conf").write_text(f"nameserver {resolver}\noptions attempts:1\n")

    def status(self):
        said = json.loads(self.ctl.run("--json", "status").stdout)
        return said, said["zones"][0]

    def verdict(self):
        said, zone = self.status()
        about = [f for f in said["problems"] + said["notices"] if ZONE in f]
        return zone["delegation"], (about or [None])[0], any(ZONE in p for p in said["problems"])


@pytest.fixture
def world(house, net, tmp_path):  # noqa: F811
    internet = Internet(tmp_path / "internet")
    yield World(house, internet)
    internet.close()


@pytest.fixture
def dual(house, net, tmp_path):  # noqa: F811
    """A house that is asked over both, by a resolver that prefers IPv6."""
    internet = Internet(tmp_path / "internet", six=True)
    yield World(house, internet, f"static:{HOUSE6}")
    internet.close()


class Proxy:
    """In hagw-proxyd's place: says when who came from outside."""

    def __init__(self, runtime, **outside):
        self.outside = outside
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(runtime / "io.hagw.Proxy"))
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            with client:
                data = b""
                while not data.endswith(b"\0"):
                    data += client.recv(4096)
                known = json.loads(data[:-1])["method"].endswith("DescribeOutside")
                reply = {"parameters": self.outside} if known else {"error": "org.varlink.service.MethodNotFound", "parameters": {}}
                client.sendall(json.dumps(reply).encode() + b"\0")


def questions(world):
    return {(o["family"], o["transport"]) for z in world.dnsd.call("ListZones")["zones"] for o in z["outside"]}


def test_a_question_that_comes_from_the_internet(world):
    start = time.time()
    said, zone = world.status()
    assert zone["delegation"] == "works" and start - 2 <= zone["lastQuestionUSec"] / 1e6 <= time.time()
    assert questions(world) == {("ipv4", "udp"), ("ipv4", "tcp")}
    shown = world.ctl.run("status").stdout
    assert re.search(r"  delegation works  last question from the internet (just now|\d+ s ago)\n", shown)
    assert not [p for p in said["problems"] + said["notices"] if ZONE in p]


def test_a_name_is_asked_for_once_and_by_tcp(world):
    made = world.dnsd.call("MakeTrial", zone=ZONE)
    assert made["name"].endswith("." + ZONE) and made["name"] != world.dnsd.call("MakeTrial", zone=ZONE)["name"]
    reply = world.netd.call("Query", name=made["name"], type="TXT")
    assert reply["answers"] == [f'"{made["value"]}"']
    seen = world.dnsd.call("DescribeTrial", name=made["name"])
    assert seen == {"inside": False, "outsideUdp": True, "outsideTcp": True,
                    "ways": [{"family": "ipv4", "transport": "udp"}, {"family": "ipv4", "transport": "tcp"}], "questions": [
        {"address": RESOLVER, "transport": "udp", "outside": True}, {"address": RESOLVER, "transport": "tcp", "outside": True}]}
    with pytest.raises(VarlinkError, match="NoSuchTrial"):
        world.dnsd.call("DescribeTrial", name=f"_hagw-other.{ZONE}")
    with pytest.raises(VarlinkError, match="NotInZone"):
        world.dnsd.call("MakeTrial", zone="example.org")


def whole(world, addresses):
    """With the daemons that setup waits for; the authority is out of reach."""
    house = world.house
    house.configure(CONFIG + f'public_address: {{ {addresses} }};\nacme: {{ directory = "https://127.0.0.1:1/"; }};\n')
    web = socket.socket(socket.AF_UNIX)
    web.bind(str(house.root / "web"))
    web.listen(16)
    for name, interface, sockets in (("keyd", "io.hagw.Key", {}), ("acmed", "io.hagw.Acme", {}), ("webd", "io.hagw.Web", {"web": [web]}),
                                     ("proxyd", "io.hagw.Proxy", {"https": listeners(socket.SOCK_STREAM), "http": listeners(socket.SOCK_STREAM)})):
        house.daemon(name, interface, sockets=sockets)


def setup(world, *words):
    booted = Booted(world.house)
    try:
        return booted.run("setup", "--yes", *words)
    finally:
        booted.close()


@pytest.mark.parametrize("blocked", [False, True])
def test_setup_says_what_the_router_has_to_pass(world, blocked):
    """Port 53 is seen; where it is shut, what is not done is said, and each thing once with its remedy."""
    whole(world, f'ipv4 = "static:{HOUSE}"; ipv6 = "none";')
    if blocked:
        world.internet.block("udp dport 53", "tcp dport 53")
    r = setup(world, "--wait=5")
    said, last = " ".join(r.stdout.split()), " ".join(r.stdout.split("What is left to do")[1].split())
    if not blocked:
        # The authority is out of reach, however often it is tried within these seconds.
        assert r.returncode == FAILED and f"The delegation of {ZONE} works." in said, (r.stdout, r.stderr)
        assert r.stdout.count(f"{ZONE}: that did not work: ") == 1 and f"There is no certificate yet: {ZONE}." in r.stderr
        assert not re.search(r"after \d+ m", said), "how long a try took is no reason, and would make another one of it"
        assert last.startswith("- Not every certificate is there: hagw-ctl cert list shows what keeps it. -")
        assert "- Let the router pass to this machine: TCP 443 and 80 for visitors (whether it does is not seen from here). Port 53 comes through. -" in last
        return
    assert r.returncode == FAILED and f"Nobody on the internet finds {ZONE}: questions for it do not come here" in r.stderr, (r.stdout, r.stderr)
    assert "The certificates are not waited for: they come when the authority finds its way here." in said
    assert last.startswith("- The internet has to find its way here: what stands above, at the DNS provider and at the router.")
    assert "UDP and TCP 53 for the name server." in last


@pytest.mark.parametrize("source", ["resolve:nosuch.example.com", "nosuch.example.com", "interface:eth0"])
def test_a_source_that_gives_nothing_over_one_that_did(world, source):
    """The address of the source before is in use still, and no sign of the new one."""
    whole(world, f'ipv4 = "static:{HOUSE}"; ipv6 = "none";')
    r = setup(world, f"--ipv4={source}", "--force", "--wait=0")
    said = " ".join((r.stdout + r.stderr).split())
    assert r.returncode == FAILED, said
    assert f"The public IPv4 address is still {HOUSE}, the one of static:{HOUSE}: {source if ':' in source else 'resolve:' + source} has given none" in said
    assert "The house's public address" not in said and "- Visit" not in said, said


def test_the_sample_of_the_delegation_has_both_addresses(world):
    """As it is entered at the DNS provider, in columns."""
    whole(world, f'ipv4 = "static:{HOUSE}"; ipv6 = "static:2001:db8::1";')
    world.internet.delegate("")
    out = setup(world, "--wait=0").stdout
    pad = " " * (len(NS) - len(ZONE))
    assert f"\n    {ZONE}.{pad}  NS    {NS}.\n    {NS}.  A     {HOUSE}\n    {NS}.  AAAA  2001:db8::1\n" in out, out


def test_with_53_blocked_it_is_a_problem_within_two_minutes(world):
    """Though the resolver still remembers everything of the zone."""
    assert world.verdict()[0] == "works"
    world.internet.block("udp dport 53", "tcp dport 53")
    start = time.monotonic()
    while (found := world.verdict())[0] == "works":
        assert time.monotonic() < start + 120
        time.sleep(1)
    assert found[0] == "silent" and found[2], found
    assert "router pass port 53, UDP and TCP" in found[1] and "the last one from the internet came " in found[1]
    assert found[1].startswith(f"Nobody on the internet finds {ZONE}: ") and f"See that {NS} has the house's public address" in found[1]
    assert "?" not in found[1] and ".." not in found[1] and ".," not in found[1]
    assert world.ctl.run("status").returncode != 0


def test_silence_beside_nobody(world):
    """Port 5300 was taken beside another program, which is gone: both that the router may do are one sentence."""
    ip("address", "add", "192.168.7.2/24", "dev", "eth0")
    ip("route", "add", "default", "via", "192.168.7.1")
    world.house.configure(CONFIG + f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "none"; }};\ndns: {{ ipv4_port = 5300; }};\n')
    world.internet.delegate("")
    world.internet.delegate(DELEGATION.replace(HOUSE, "203.0.113.11"))
    deadline = time.monotonic() + 120
    while True:
        said = json.loads(world.ctl.run("--json", "status").stdout)
        about = [p for p in said["problems"] if p.startswith("Nobody on the internet finds")]
        if about:
            break
        assert time.monotonic() < deadline, said
        time.sleep(0.5)
    assert about[0].endswith("to port 5300 of this machine. Or, where the router passes port 53 as it is: nobody else has that port of this machine any more, "
                             "and hagw-ctl setup takes it back."), about
    assert not [n for n in said["notices"] if "port 53" in n], said


def test_with_tcp_blocked(world):
    world.internet.block("tcp dport 53")
    found = world.verdict()
    assert found[0] == "udp-only" and found[2] and "TCP port 53" in found[1], found


def test_a_resolver_in_the_house_shows_nothing_of_the_internet(world):
    world.internet.resolver(INSIDE)
    world.use(INSIDE)
    found = world.verdict()
    assert found[0] == "inside-only" and not found[2] and INSIDE in found[1] and "none came from the internet in" in found[1], found
    # Somebody's question on the internet does.
    assert dns.query.udp(dns.message.make_query(f"ha.{ZONE}", "A"), RESOLVER, timeout=10).answer
    assert world.verdict()[:2] == ("works", None)
    # By what was seen then.
    assert world.status()[1]["delegationRemembered"] and re.search(r"  delegation works, seen (just now|\d+ s ago) *\n", world.ctl.run("status").stdout)


def test_the_houses_own_address_is_a_router_in_somebodys_place(world):
    """A router that masquerades what comes back to the house."""
    world.internet.resolver("203.0.113.11")
    subprocess.run(["nft", "-f", "-"], input="table ip nat { chain post { type nat hook postrouting priority srcnat;\n"
                   f"ip saddr 203.0.113.11 ip daddr {HOUSE} snat to {HOUSE}\n}}\n}}\n", text=True, check=True)
    world.use("203.0.113.11")
    found = world.verdict()
    assert found[0] == "inside-only" and HOUSE in found[1], found


def test_another_gateway_with_the_same_names(world, other_house):
    """The router still passes port 53 to the old machine."""
    other = "203.0.113.11"
    other_house.configure(CONFIG + f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "none"; }};\n')
    other_house.daemon("netd", "io.hagw.Net")
    udp, tcp = world.sockets(other)
    other_house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [udp], "dns-tcp": [tcp]})
    world.internet.wait(other, ZONE)
    world.internet.delegate(DELEGATION.replace(HOUSE, other))
    deadline = time.monotonic() + 60
    while (found := world.verdict())[0] == "works":  # until the old delegation's time is up
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert found[0] == "elsewhere" and found[2] and found[1].startswith(f"Another machine answers for {ZONE}, "), found


def test_another_name_server(world):
    world.internet.delegate("home NS ns\n")
    (world.internet.root / "knot.conf").write_text((world.internet.root / "knot.conf").read_text()
                                                   + f"  - domain: {ZONE}\n    storage: {world.internet.root}\n    file: home.zone\n")
    (world.internet.root / "home.zone").write_text(f"$ORIGIN {ZONE}.\n$TTL 5\n@ SOA ns.elsewhere.example.com. h 1 1 1 1 1\n@ NS ns.example.com.\n")
    subprocess.run(["knotc", "-s", world.internet.root / "knot.sock", "-b", "reload"], check=True, capture_output=True)
    deadline = time.monotonic() + 60
    while (found := world.verdict())[0] == "works":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert found[0] == "elsewhere" and found[2] and found[1].startswith(f"The internet asks ns.elsewhere.example.com for {ZONE}, "), found
    assert f"leave it one record, {ZONE}. NS {NS}., and" in found[1]


def test_no_delegation(world):
    world.internet.delegate("")
    found = world.verdict()
    assert found[0] == "missing" and found[2] and found[1].startswith(f"The internet does not know of {ZONE}: "), found
    assert f"{ZONE}. NS {NS}., " in found[1]


def test_a_resolver_that_answers_for_the_zone_itself(world):
    """Split DNS, such as a Pi-hole's: nothing can be asked of the world, and nothing is wrong."""
    world.internet.resolver(INSIDE, f'  local-zone: "{ZONE}" redirect\n  local-data: "{ZONE} A 192.168.1.2"\n')
    world.use(INSIDE)
    found = world.verdict()
    assert found[0] == "unseen" and not found[2] and "answers for it by itself" in found[1], found


def test_nobody_answers(world):
    world.use("203.0.113.99")
    found = world.verdict()  # which is given up after a minute
    assert found[0] == "unknown" and found[2] and "is not known, because this machine's resolver gives no answer (" in found[1], found


def test_nobody_but_the_resolver_may_be_asked(world):
    """A network that lets no question out to the parent's server: that nothing comes here is known all the same."""
    world.internet.block("udp dport 53", "tcp dport 53")
    subprocess.run(["nft", "-f", "-"], input=f"table ip network {{ chain output {{ type filter hook output priority 0;\n"
                   f"ip saddr != {RESOLVER} ip daddr {PARENT} udp dport 53 drop\n}}\n}}\n", text=True, check=True)
    found = world.verdict()
    assert found[0] == "silent" and found[2] and f"See that the zone above delegates to {NS}, that this name has the house's" in found[1], found


BY4, BY6 = {"house": f"ip daddr {HOUSE}"}, {"house": f"ip6 daddr {HOUSE6}"}


def test_both_families_are_asked(dual):
    said, zone = dual.status()
    assert zone["delegation"] == "works" and not [p for p in said["problems"] + said["notices"] if ZONE in p], said
    # The resolver prefers IPv6, and was sent on by it for the other one.
    assert questions(dual) == {(f, t) for f in ("ipv4", "ipv6") for t in ("udp", "tcp")}


@pytest.mark.parametrize("family,server", [("ipv4", HOUSE), ("ipv6", HOUSE6)])
def test_a_name_that_one_family_is_asked_for(dual, family, server):
    made = dual.dnsd.call("MakeTrial", zone=ZONE, family=family)
    assert dual.netd.call("Query", name=made["name"], type="TXT")["answers"] == [f'"{made["value"]}"']
    ways = {(w["family"], w["transport"]) for w in dual.dnsd.call("DescribeTrial", name=made["name"])["ways"]}
    assert {(family, "udp"), (family, "tcp")} <= ways
    other = "::1" if family == "ipv4" else "127.0.0.1"
    with pytest.raises(VarlinkError, match="InvalidParameter"):
        dual.dnsd.call("MakeTrial", zone=ZONE, family=other)


def test_a_family_that_has_no_address_is_not_asked_by(world):
    with pytest.raises(VarlinkError, match="NotAskedBy"):
        world.dnsd.call("MakeTrial", zone=ZONE, family="ipv6")


def until(world, begin, where):
    """Resolvers remember a while, and so does the check: a question of the last minute shows more than one that was lost now."""
    deadline = time.monotonic() + 180
    while True:
        said, zone = world.status()
        found = [f for f in said["problems"] + said["notices"] if ZONE in f]
        if [f for f in found if f.startswith(begin)]:
            assert len(found) == 1 and found[0] in said[where], said
            assert zone["delegation"] == "works"
            return found[0]
        assert time.monotonic() < deadline, said
        time.sleep(1)


def test_53_is_shut_for_ipv4_alone(dual):
    dual.internet.block("udp dport 53", "tcp dport 53", **BY4)
    found = until(dual, f"Questions for {ZONE} come over IPv6 alone, so that resolvers without IPv6 do not find it (none has come over IPv4 yet): ", "problems")
    assert found.endswith("let the router pass port 53, UDP and TCP, to this machine.")


def test_53_is_shut_for_ipv4_and_the_parent_knows_ipv4_alone(dual):
    """What a resolver remembers of the zone's own answers makes it come over IPv6 for a while: until that is over all looks well, also just
    after a restart, when nothing of before is known."""
    assert dns.query.udp(dns.message.make_query(NS, "AAAA"), RESOLVER, timeout=10).answer
    dual.internet.delegate(DELEGATION)
    dual.internet.block("udp dport 53", "tcp dport 53", **BY4)
    dual.dnsd.stop()
    dual.dnsd.start()
    dual.internet.wait(HOUSE6, ZONE, "A")
    said, zone = dual.status()
    shut = f"Questions for {ZONE} come over IPv6 alone, so that resolvers without IPv6 do not find it (none has come over IPv4 yet): "
    lost = f"Nobody on the internet finds {ZONE}: "
    assert [p for p in said["problems"] if p.startswith((shut, lost))], (zone, said["problems"], said["notices"])


@pytest.mark.parametrize("by,family,where", [(BY4, "IPv4", "problems"), (BY6, "IPv6", "notices")])
def test_tcp_53_is_shut_for_one_family(dual, by, family, where):
    dual.internet.block("tcp dport 53", **by)
    found = until(dual, f"Questions for {ZONE} come over {family} by UDP, but not by TCP", where)
    assert (HOUSE6 in found) == (family == "IPv6")


def test_setup_sees_both_families(dual):
    whole(dual, f'ipv4 = "static:{HOUSE}"; ipv6 = "static:{HOUSE6}";')
    r = setup(dual, "--wait=0")
    assert r.returncode == OK and "Port 53 comes through." in r.stdout, (r.stdout, r.stderr)
    assert "come over" not in r.stderr, r.stderr


def test_setup_sees_that_nobody_can_log_in(dual):
    """As status does, and that is left to do."""
    service = Upstream(echo)
    whole(dual, f'ipv4 = "static:{HOUSE}"; ipv6 = "static:{HOUSE6}";')
    booted = Booted(dual.house)
    run = lambda *words, **keys: booted.run("setup", "--yes", "--wait=0", *words, **keys)  # noqa: E731
    r = run(f"--host=ha={service.url}")
    last = " ".join(r.stdout.split("What is left to do")[1].split())
    assert r.returncode == FAILED and "- Nobody can log in, since there is no user yet: hagw-ctl user add NAME -" in last, (r.stdout, r.stderr)
    assert [p for p in dual.status()[0]["problems"] if p.startswith("Nobody can log in: there is no user yet.")]
    r = run("--user=anna", "--password-stdin", stdin="rather long and secret\n")
    assert r.returncode == OK and "log in," not in r.stdout, (r.stdout, r.stderr)
    # Who asks for no login needs nobody.
    dual.ctl.ok("user", "remove", "anna")
    dual.ctl.ok("host", "set", f"ha.{ZONE}", "--login", "none")
    r = run()
    assert r.returncode == OK and "- A user who may log in: hagw-ctl user add NAME -" in " ".join(r.stdout.split()), (r.stdout, r.stderr)
    booted.close()
    service.close()


@pytest.mark.parametrize("by,shut,other,status", [(BY4, "IPv4", "IPv6", FAILED), (BY6, "IPv6", "IPv4", OK)])
def test_setup_names_the_family_that_is_shut(dual, by, shut, other, status):
    """Whoever has IPv4 alone is kept away; whether somebody would have asked over IPv6 nobody knows."""
    whole(dual, f'ipv4 = "static:{HOUSE}"; ipv6 = "static:{HOUSE6}";')
    dual.internet.block("udp dport 53", "tcp dport 53", **by)
    r = setup(dual, "--wait=0")
    assert r.returncode == status, (r.stdout, r.stderr)
    said, last = " ".join((r.stdout + r.stderr).split()), " ".join(r.stdout.split("What is left to do")[1].split())
    assert f"The delegation of {ZONE} works." in said and f"Port 53 comes through over {other}; for {shut} see above." in last, said
    if shut == "IPv4":
        assert f"Questions for {ZONE} come over IPv6 alone" in said and "let the router pass port 53, UDP and TCP, to this machine." in said
    else:
        assert re.search(f"come from the internet over IPv4; none has come over IPv6 yet|No question for {ZONE} has come from the internet over IPv6", said), said
        assert f"let the router's firewall pass port 53, UDP and TCP, to {HOUSE6}" in said


def test_a_resolver_without_ipv6_shows_nothing_of_it(dual):
    """Nor does one that asks from inside."""
    dual.internet.block("udp dport 53", "tcp dport 53", **BY6)
    said, zone = dual.status()
    assert zone["delegation"] == "works" and not [f for f in said["problems"] + said["notices"] if ZONE in f], said


def test_a_name_server_that_is_off_is_no_delegation_s_fault(world):
    world.dnsd.stop()
    said, zone = world.status()
    assert zone["delegation"] == "unknown" and not [p for p in said["problems"] if ZONE in p]


SIX_GLUE, OLD_GLUE = f"{NS}. AAAA 2001:db8::1\n", f"{NS}. AAAA 2001:db8:ffff::1\n"


@pytest.mark.parametrize("ipv6,dns_,extra,told,problem", [
    ("none", "", "", None, False),
    ("static:2001:db8::1", "", SIX_GLUE, None, False),
    ("static:2001:db8::1", "", "", f"enter: {NS}. AAAA 2001:db8::1", False),
    ("static:2001:db8::1", "", OLD_GLUE, "has the IPv6 address 2001:db8:ffff::1, and public_address here says 2001:db8::1", True),
    ("static:2001:db8::1", "", SIX_GLUE + OLD_GLUE, "2001:db8:ffff::1, and public_address here says 2001:db8::1", True),
    ("none", "", OLD_GLUE, "hagw-ctl setup --ipv6=static:2001:db8:ffff::1. If not, remove the AAAA record", True),
    # Nobody asks there over IPv6, whatever the house's address.
    ("static:2001:db8::1", "dns: { ipv6_port = 0; };", "", None, False),
    ("static:2001:db8::1", "dns: { ipv6_port = 5300; };", SIX_GLUE, "Remove the AAAA record", True),
    ("none", "", f"{NS}. A 203.0.113.99\n", "has the IPv4 address 203.0.113.99, and public_address here says 203.0.113.10", True)])
def test_the_addresses_that_the_parent_gives(world, ipv6, dns_, extra, told, problem):
    """The question comes here by IPv4; what resolvers find behind the other address is the owner's to correct."""
    world.house.configure(CONFIG + dns_ + f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "{ipv6}"; }};\n')
    world.netd.reload()
    world.dnsd.reload()
    world.internet.delegate(DELEGATION + extra)
    deadline = time.monotonic() + 60
    while True:
        said, zone = world.status()
        found = [f for f in said["problems"] + said["notices"] if f"The zone above {ZONE} " in f]
        if zone["delegation"] == "works" and (told is None) == (found == []):
            break
        assert time.monotonic() < deadline, said  # resolvers remember for a while
        time.sleep(0.5)
    assert not found or (told in found[0] and len(found) == 1 and (found[0] in said["problems"]) == problem), found


OTHER = f"home NS other\nother A {HOUSE}\n"
NAMED = CONFIG.replace('";', '"; name_server = "ns.example.com";', 1)


@pytest.mark.parametrize("config,records,told,problem", [
    (CONFIG, DELEGATION.replace("home NS ns.home.example.com", "home NS Ns.Home.Example.COM"), None, False),
    # Another name that leads here as well: most resolvers never notice, and either side can be corrected.
    (CONFIG, OTHER, 'name_server = "other.example.com" for that zone in hagw.conf, then hagw-ctl reload; or at your DNS provider, enter: '
     'home.example.com. NS ns.home.example.com.', False),
    # What this machine says of itself leads elsewhere.
    (NAMED, OTHER, "its name server is ns.example.com, which does not lead here: resolvers that use it find nobody", True),
    (NAMED, DELEGATION, 'name_server = "ns.home.example.com" for that zone', True),
    (NAMED.replace("ns.example.com", "nobody.example.com"), DELEGATION, "nobody.example.com, which does not lead here", True),
    # One more beside the right one.
    (CONFIG, DELEGATION + "home NS ns\n", "delegates it to ns.example.com, too, which leads to another machine", True),
    (CONFIG, DELEGATION + "home NS nobody\n", "delegates it to nobody.example.com, too, which has no address", False),
    (CONFIG, DELEGATION + OTHER, None, False)])
def test_the_name_server_that_the_parent_names(world, config, records, told, problem):
    """Against the one that hagw-dnsd names, by which resolvers go on."""
    world.house.configure(config + f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "none"; }};\n')
    world.netd.reload()
    world.dnsd.reload()
    world.internet.delegate(records)
    deadline = time.monotonic() + 60
    while True:
        said, zone = world.status()
        found = [f for f in said["problems"] + said["notices"] if ZONE in f]
        if zone["delegation"] == "works" and (told is None) == (found == []):
            break
        assert time.monotonic() < deadline, said  # resolvers remember for a while
        time.sleep(0.5)
    assert not found or (told in found[0] and len(found) == 1 and (found[0] in said["problems"]) == problem), found


def ago(seconds):
    return int((time.time() - seconds) * 1e6)


HOUR, DAY = 3600, 86400


@pytest.mark.parametrize("since,last,line,ports", [
    (60, {}, "no visitor from outside yet, since hagw-proxyd began to count 1 min ago", set()),
    (2 * DAY, {("ipv4", "https"): 7200, ("ipv6", "http"): 60}, "last visitor from outside 1 min ago", set()),
    (2 * DAY, {("ipv4", "http"): 7260}, "last visitor from outside 2 h ago", {443}),
    (9 * DAY, {("ipv4", "https"): 60, ("ipv6", "http"): 3 * DAY + 5}, "last visitor from outside 1 min ago", {80}),
    # At a relay its houses are no visitors, and show that the port is open.
    (2 * DAY, {("ipv4", "relay"): 60}, "last connection of a house from outside 1 min ago", {80}),
    (2 * DAY, {("ipv4", "relay"): 60, ("ipv4", "https"): 7260}, "last visitor from outside 2 h ago", {80}),
    (2 * DAY + 5, {}, "no visitor from outside yet, since hagw-proxyd began to count 2 days ago", {443, 80})])
def test_whether_visitors_come_is_told(house, since, last, line, ports):  # noqa: F811
    """A notice, because a house that nobody wants to visit looks the same."""
    house.configure(CONFIG)
    outside = [{"family": f, "door": d, "visits": 1, "lastUSec": ago(s)} for (f, d), s in last.items()]
    proxy = Proxy(house.runtime, sinceUSec=ago(since), outside=outside)
    ctl = Ctl(house)
    assert line in ctl.run("status", "--no-delegation").stdout
    said = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)
    proxy.listener.close()
    assert {p for p in (443, 80) if any(f"to port {p} in the last" in n for n in said["notices"])} == ports
    assert not [p for p in said["problems"] if "from outside" in p]


ADDRESSES = 'public_address: { ipv4 = "%s"; ipv6 = "%s"; };'
FOUR, SIX = "static:203.0.113.10", "static:2001:db8::1"


@pytest.mark.parametrize("since,visits,addresses,told", [
    (4 * DAY, {"ipv4": 5, "ipv6": 0}, (FOUR, SIX), True),
    (4 * DAY, {"ipv4": 5, "ipv6": 1}, (FOUR, SIX), False),    # somebody came
    (4 * DAY, {"ipv4": 0, "ipv6": 0}, (FOUR, SIX), False),    # nobody comes at all: that is told otherwise
    (2 * DAY, {"ipv4": 5, "ipv6": 0}, (FOUR, SIX), False),    # too early to say
    (4 * DAY, {"ipv4": 5, "ipv6": 0}, (FOUR, "none"), False),  # it is not published
    (4 * DAY, {"ipv4": 5, "ipv6": 0}, ("none", SIX), False)])  # an only family
def test_an_ipv6_address_that_nobody_reaches_is_told(house, since, visits, addresses, told):  # noqa: F811
    """As a notice: it is the owner's to take back."""
    house.configure(CONFIG + ADDRESSES % addresses)
    netd = house.daemon("netd", "io.hagw.Net")
    assert netd.call("Refresh")["addresses"]
    outside = [{"family": f, "door": "https", "visits": n, "lastUSec": ago(60) if n else 0} for f, n in visits.items()]
    proxy = Proxy(house.runtime, sinceUSec=ago(since), outside=outside)
    said = json.loads(Ctl(house).run("--json", "status", "--no-delegation").stdout)
    proxy.listener.close()
    found = [n for n in said["notices"] if "over IPv6" in n]
    assert bool(found) == told and all("2001:db8::1" in n and 'ipv6 = "none"' in n and "last 4 days" in n for n in found), said
    assert not [p for p in said["problems"] if "over IPv6" in p]


def test_an_address_that_is_not_known_yet_is_no_problem(house):  # noqa: F811
    """Nor is it "none": its source has just been asked, and in time it will be one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(("127.0.0.1", 0))
        house.configure(CONFIG + ADDRESSES % ("resolve:house.example.org", "none"))
        (house.root / "resolv.conf").write_text(f"nameserver [127.0.0.1]:{resolver.getsockname()[1]}\n")
        house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf")})
        said = json.loads(Ctl(house).run("--json", "status", "--no-delegation").stdout)
        assert [n for n in said["notices"] if "not known yet: its source is being asked" in n]
        assert not [p for p in said["problems"] if "public" in p], said
        deadline = time.monotonic() + 60
        while not [p for p in said["problems"] if "No public address is known, so that visitors do not find this house: looking up house.example.org" in p]:
            assert time.monotonic() < deadline, said
            said = json.loads(Ctl(house).run("--json", "status", "--no-delegation").stdout)
            time.sleep(0.5)


def test_behind_a_relay_nobody_comes_directly(house):  # noqa: F811
    house.configure('zones = ( { name = "anna.relay.example.com"; via = "relay"; } ); relay: { address = "relay.example.com"; tenant = "anna"; };')
    proxy = Proxy(house.runtime, sinceUSec=ago(2 * DAY), outside=[])
    shown = Ctl(house).run("status", "--no-delegation").stdout
    proxy.listener.close()
    assert "from outside" not in shown


def test_an_address_given_by_hand_is_not_confirmed(house, net):  # noqa: F811
    house.configure(f'public_address: {{ ipv4 = "static:{HOUSE}"; ipv6 = "none"; }};')
    house.daemon("netd", "io.hagw.Net")
    shown = Ctl(house).run("address").stdout
    assert "as configured" in shown and "confirmed" not in shown

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay: agents attach, their channels wait, visitors pass."""

import contextlib
import hmac
import http.client
import os
import re
import resource
import select
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest
from conftest import BUILD, ROOT
from OpenSSL import SSL
from proxyhouse import Head, Upstream, silent
from relayhouse import NAME, ZONE, Agent, Control, RelayHouse
from tenant_tools import Token, b64
from test_passage import client_hello


@pytest.fixture
def parts():
    opened = []
    yield opened
    for p in reversed(opened):
        p.close()


@pytest.fixture
def relay(house, parts):
    parts.append(RelayHouse(house))
    return parts[-1].start()


class Visitor(socket.socket):
    hello = b""


def visitor(relay, name="anna." + ZONE, hello=None):
    s = Visitor()
    s.settimeout(20)
    s.connect(("127.0.0.1", relay.port))
    s.hello = hello or client_hello(name)
    s.sendall(s.hello)
    return s


def test_attach_says_what_the_agent_needs(relay):
    a = Agent(relay, relay.tenant("anna", channels=9))
    p = a.first["parameters"]
    assert a.first["continues"] and p["zone"] == f"anna.{ZONE}" and p["address"] == "127.0.0.1"
    assert p["channels"] == 9 and p["waiting"] == 4 and len(a.session) == 16  # half of what it may have
    p = Agent(relay, relay.tenant("bea")).first["parameters"]
    assert p["waiting"] == 12  # RESERVE_MAX


def test_channels_wait_as_far_as_descriptors_reach(house, parts):
    """They take a fourth of what a worker may have; what a house has too many goes, as others come."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (160, hard))  # of two workers: twenty channels each
    try:
        relay = RelayHouse(house)
        parts.append(relay)
        relay.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    agents = {}
    while len(agents) < 3:
        name = f"house{len(agents)}"
        agents[name] = Agent(relay, relay.tenant(name))
    for worker in {a.session[:2] for a in agents.values()}:
        waiting = [a.first["parameters"]["waiting"] for a in agents.values() if a.session[:2] == worker]
        assert waiting == [min(12, 20 // n) for n in range(1, len(waiting) + 1)]
    crowded = max({a.session[:2] for a in agents.values()}, key=lambda w: sum(a.session[:2] == w for a in agents.values()))
    first = next(a for a in agents.values() if a.session[:2] == crowded)
    wish, n = 12, sum(a.session[:2] == crowded for a in agents.values())
    kept = first.open(12)
    for _ in range(6):  # pings
        wish = first.receive(60)["parameters"].get("waiting", wish)
        if wish <= 20 // n:
            break
    assert wish == 20 // n and len(kept) == 12


@pytest.mark.parametrize("name", [f"anna.{ZONE}", f"ha.anna.{ZONE}", f"A.B.ANNA.{ZONE}"])
def test_visitor_passes_unopened(relay, name):
    a = Agent(relay, relay.tenant("anna"))
    [c] = a.open()
    with visitor(relay, name) as v:
        assert c.header() == ("127.0.0.1", v.getsockname()[1], 0)
        assert c.exactly(len(v.hello)) == v.hello
        c.socket.sendall(b"from the house")
        assert v.recv(100) == b"from the house"
        v.sendall(b"to the house")
        assert c.exactly(12) == b"to the house"
        v.shutdown(socket.SHUT_WR)
        assert c.closed()
        c.socket.sendall(b"after the end")
        c.close()
        assert v.makefile("rb").read() == b"after the end"


def test_bulk_both_ways(relay):
    a = Agent(relay, relay.tenant("anna"))
    [c] = a.open()
    data = os.urandom(32 << 20)
    with visitor(relay) as v:
        c.header()
        c.exactly(len(v.hello))
        t = threading.Thread(target=lambda: (v.sendall(data), v.shutdown(socket.SHUT_WR)))
        t.start()
        got = c.socket.makefile("rb").read()
        t.join()
        assert got == data
        t = threading.Thread(target=lambda: (c.socket.sendall(data), c.close()))
        t.start()
        assert v.makefile("rb").read() == data
        t.join()


def test_visitor_waits_for_a_channel(relay):
    """None waits: the agent is asked for more, and the visitor gets the first that comes."""
    a = Agent(relay, relay.tenant("anna"))
    with visitor(relay) as v:
        wish = a.receive()
        assert wish["continues"] and wish["parameters"]["waiting"] >= 2
        c = a.channel()
        c.header()
        assert c.exactly(len(v.hello)) == v.hello


def test_a_crowd_is_asked_for_at_once(relay):
    """Many visitors of a house where nothing waits: channels for all are asked for before the first has come."""
    a = Agent(relay, relay.tenant("anna"))
    visitors = [visitor(relay) for _ in range(20)]
    wish = 0
    while wish < 20:
        wish = a.receive(5)["parameters"].get("waiting", wish)
    for c in [a.channel() for _ in visitors]:
        c.header()
        c.close()
    for v in visitors:
        v.close()


def test_not_attached_is_silence(relay):
    """Some seconds later where it may be on its way, as behind a start."""
    relay.tenant("anna")
    with visitor(relay) as v:
        assert silent(v, 30)
    with visitor(relay, f"nobody.{ZONE}") as v:
        assert silent(v)


def test_domains(relay):
    a = Agent(relay, relay.tenant("anna", domains=["ha.example.org", "*.anna.example.net"]))
    for name in ("ha.example.org", "x.anna.example.net"):
        [c] = a.open()
        with visitor(relay, name):
            c.header()
    with visitor(relay, "y.x.anna.example.net") as v:
        assert silent(v)


def test_exact_beats_wildcard(house, parts):
    """Whoever has it: a wildcard host of the relay hides no tenant's domain, and a tenant's wildcard no host of the relay."""
    service = Upstream(lambda s: s.close())
    parts.append(service)
    hosts = {n: f'name = "{name}"; upstream = "{service.url}"; access: {{ login = "none"; }};'
             for n, name in (("wild", "*.example.org"), ("exact", "own.example.net"))}
    r = RelayHouse(house, **hosts)
    parts.append(r)
    r.certify("*.example.org")
    r.certify("own.example.net")
    r.start()
    a = Agent(r, r.tenant("anna", domains=["ha.example.org", "*.example.net"], channels=50))
    for name in ("ha.example.org", "x.example.net"):
        [c] = a.open()
        with visitor(r, name):
            c.header()
    for name in ("x.example.org", "own.example.net"):
        r.tls(name).close()  # the relay has the certificate, and opens it


def test_domain_goes_to_another_tenant_unseen(relay):
    """While nobody listens to hagw-tenantd: who has it now is told before who had it."""
    bob, anna = relay.tenant("bob"), relay.tenant("anna", domains=["ha.example.org"])
    [c] = Agent(relay, anna).open()
    with visitor(relay, "ha.example.org"):
        c.header()
    relay.proxyd.process.send_signal(signal.SIGSTOP)
    relay.tenantd.stop()
    relay.tenantd.start()
    relay.set("anna", domains=[])
    relay.set("bob", domains=["ha.example.org"])
    relay.proxyd.process.send_signal(signal.SIGCONT)
    relay.wait(lambda: "error" not in Agent(relay, bob).first)
    [c] = Agent(relay, bob).open()

    def comes_to_bob():
        with visitor(relay, "ha.example.org"):
            try:
                return c.header(timeout=1)
            except TimeoutError:
                return None
    relay.wait(comes_to_bob)


@pytest.mark.parametrize("move", ["taken away", "given to another", "another has it exactly"])
def test_streams_end_when_their_domain_moves(relay, move):
    """Whoever has the name now is whom its visitors mean: nothing of theirs goes on to the house before. Others do not notice."""
    had = "*.example.org" if move == "another has it exactly" else "ha.example.org"
    bob, anna = relay.tenant("bob"), relay.tenant("anna", channels=9, domains=[had, "stays.example.net"])
    a = Agent(relay, anna)
    streams = []
    for name in ("ha.example.org", "stays.example.net", f"ha.anna.{ZONE}"):
        [c] = a.open()
        v = visitor(relay, name)
        c.header()
        c.exactly(len(v.hello))
        c.socket.sendall(b"here")
        assert v.recv(10) == b"here"
        streams.append((v, c))
    if move != "another has it exactly":
        relay.set("anna", domains=["stays.example.net"])
    if move != "taken away":
        relay.set("bob", domains=["ha.example.org"])
    (moved, _), *others = streams
    assert moved.recv(10) == b""
    for v, c in others:
        c.socket.sendall(b"still")
        assert v.recv(10) == b"still"
    if move != "taken away":
        [c] = Agent(relay, bob).open()
        with visitor(relay, "ha.example.org"):
            c.header()


def test_a_month_ends_where_it_ends(relay):
    """And not when the next report is due: a limit is told in five hundred steps."""
    rate, month = 512 << 10, 2 << 20
    a = Agent(relay, relay.tenant("anna", bytesPerSecond=rate, bytesPerMonth=month))
    [c] = a.open()
    v = visitor(relay)
    c.header()
    c.exactly(len(v.hello))

    def send():
        try:
            while True:
                c.socket.sendall(bytes(1 << 16))
        except OSError:
            pass
    threading.Thread(target=send, daemon=True).start()
    passed = 0
    try:
        while data := v.recv(1 << 16):
            passed += len(data)
    except ConnectionResetError:
        pass
    told = relay.tenantd.call("Get", name="anna")["tenant"]
    assert told["exhausted"] and passed < 2 * month, passed


# --- who is not admitted -----------------------------------------------------------------------------------------------------

def test_wrong_proofs(relay):
    anna, bob = relay.tenant("anna"), relay.tenant("bob")
    wrong = [Token(tenant="anna", token_id=anna.id), Token(tenant="nobody", token_id=anna.id, secret=anna.secret),
             Token(tenant="anna", token_id=bob.id, secret=bob.secret), Token(tenant="bob", token_id=anna.id, secret=anna.secret)]
    for token in wrong:
        a = Agent(relay, token)
        assert a.first["error"] == "io.hagw.Relay.NotAdmitted" and a.receive() is None
    c = Control(relay)
    c.send("Attach", more=True, proof=c.proof(anna, binding=os.urandom(32)), machine="m", software="s")
    assert c.receive()["error"] == "io.hagw.Relay.NotAdmitted"
    assert "error" not in Agent(relay, anna).first


def test_proof_of_another_connection_is_nothing(relay):
    token = relay.tenant("anna")
    first, second = Control(relay), Control(relay)
    second.send("Attach", more=True, proof=first.proof(token), machine="m", software="s")
    assert second.receive()["error"] == "io.hagw.Relay.NotAdmitted"


@pytest.mark.parametrize("change", [
    {"proof": None}, {"proof": {}}, {"machine": ""}, {"machine": "x" * 65}, {"machine": "a\nb"}, {"software": None}])
def test_malformed_attach(relay, change):
    token = relay.tenant("anna")
    c = Control(relay)
    call = {"proof": c.proof(token), "machine": "m", "software": "s"} | change
    c.send("Attach", more=True, **{k: v for k, v in call.items() if v is not None})
    assert c.receive()["error"] == "io.hagw.Relay.NotAdmitted"


@pytest.mark.parametrize("text", [b"\0", b"{}\0", b"[]\0", b"x\0", b'{"method":1}\0', b"{" * 70000, b'{"method":"org.varlink.service.GetInfo"}\0'])
def test_noise_on_control(relay, text):
    c = Control(relay)
    c.tls.sendall(text)
    answer = c.receive()
    assert answer is None or answer["error"] == "org.varlink.service.MethodNotFound"
    assert relay.proxyd.call("ListHosts") == {"hosts": []}


def test_nobody_is_listened_to_after_the_last_word(relay):
    """Whoever sends on while his connection ends would keep a worker's thread from everybody else."""
    c = Control(relay)
    assert "error" not in c.call("Describe")
    deadline = time.monotonic() + 8
    message = b'{"a":[' + b"0," * 30000 + b"0]}\0"
    with pytest.raises((SSL.Error, OSError)):
        while time.monotonic() < deadline:
            c.tls.sendall(message)


def test_only_agents_are_let_in_by_the_relays_name(relay):
    with pytest.raises((SSL.Error, OSError)):
        Control(relay, alpn=None)
    with pytest.raises((SSL.Error, OSError)):
        Control(relay, name=ZONE)
    with pytest.raises((SSL.Error, OSError)):
        c = Control(relay, version=SSL.TLS1_2_VERSION)
        assert c.call("Describe") is None
        raise OSError


def test_describe(relay):
    assert Control(relay).call("Describe")["parameters"]["zone"] == ZONE


# --- channels ----------------------------------------------------------------------------------------------------------------

def test_forged_hellos(relay):
    token = relay.tenant("anna")
    a = Agent(relay, token)
    bob = Agent(relay, relay.tenant("bob"))
    good = a.hello()
    forged = [good[:i] + bytes([good[i] ^ 1]) + good[i + 1:] for i in (0, 7, 8, 9, 10, 13, 23, 24, 31, 32, 63)]
    forged += [a.hello(key=bob.channel_key), a.hello(session=bob.session), a.hello(number=0), bytes(64), good + b"x"]
    for hello in forged:
        assert a.channel(hello).closed()
    [c] = a.open()
    with visitor(relay):
        c.header()


def test_hello_is_good_once(relay):
    a = Agent(relay, relay.tenant("anna"))
    hello = a.hello()
    first = a.channel(hello)
    relay.wait(lambda: relay.figure("proxy_relay_channels") == 1)
    assert a.channel(hello).closed()
    with visitor(relay):
        first.header()


def test_cut_hello_is_closed_in_time(house, parts):
    parts.append(RelayHouse(house, 'proxy: { hello_timeout = "2s"; }; '))
    relay = parts[-1].start()
    a = Agent(relay, relay.tenant("anna"))
    hello = a.hello()
    c = a.channel(hello[:40])
    began = time.monotonic()
    assert c.closed(timeout=20) and time.monotonic() - began > 0.5


def test_hello_in_pieces(relay):
    a = Agent(relay, relay.tenant("anna"))
    hello = a.hello()
    c = a.channel(hello[:1])
    for i in range(1, 64):
        time.sleep(0.005)
        c.socket.sendall(hello[i:i + 1])
    with visitor(relay):
        c.header()


QUEUE_MAX = int(re.search(r"#define TENANT_QUEUE_MAX (\d+)U", (ROOT / "hagw-proxyd/relay/tenants.h").read_text())[1])


@pytest.mark.parametrize("state", ["attached", "away"])
def test_visitors_who_wait_are_limited(relay, state):
    """For a channel, and for a house that was there just now. One more is closed at once, and those who wait go on waiting."""
    token, hello = relay.tenant("anna"), client_hello("anna." + ZONE)
    waiting = lambda: relay.figure("proxy_relay_waiting")  # noqa: E731
    agents = []

    def fills_up():
        """The wait has an end, by which a slow machine may not be done: then once more."""
        agents.append(Agent(relay, token))
        if state == "away":
            agents.pop().close()
            relay.wait(lambda: relay.figure("proxy_relay_attached") == 0)
        begin = refused(relay)
        visitors = [visitor(relay, hello=hello) for _ in range(QUEUE_MAX)]
        relay.wait(lambda: waiting() == QUEUE_MAX or refused(relay) != begin)
        with visitor(relay, hello=hello) as more:
            assert silent(more)
        # The house is there in time, and whoever waits is served.
        agent = agents[-1] if agents else Agent(relay, token)
        channels = [agent.channel() for _ in range(40)]
        full = waiting() + 40 >= QUEUE_MAX and sum(refused(relay).values()) == sum(begin.values()) + 1
        if full:
            for c in channels:
                c.header()
        for s in [*visitors, *channels]:
            s.close()
        relay.wait(lambda: waiting() == 0)
        agent.close()
        relay.wait(lambda: relay.figure("proxy_relay_attached") == 0)
        agents.clear()
        return full
    relay.wait(fills_up, 120)


def test_channels_are_limited(relay):
    a = Agent(relay, relay.tenant("anna", channels=3))
    kept = a.open(3)
    assert a.channel().closed()
    kept.pop().close()
    relay.wait(lambda: relay.figure("proxy_relay_channels") == 2)
    kept += a.open()


def test_a_lower_limit_of_channels_holds_for_those_that_wait(relay):
    """Whoever is served stays; no channel waits above the limit, and the house hears of it, as it does when there may be more again."""
    a = Agent(relay, relay.tenant("anna", channels=20))
    channels = [a.open()[0] for _ in range(7)]  # one after the other, so that it is known which is the newest
    with visitor(relay) as v:
        served = channels.pop()  # the newest is taken first
        served.header()

        def heard():
            while "channels" not in (p := a.receive(60)["parameters"]):
                pass
            return p["channels"], p["waiting"]
        relay.set("anna", channels=3)
        assert heard() == (3, 1)
        assert all(c.closed() for c in channels[:4])
        relay.wait(lambda: relay.figure("proxy_relay_channels") == 2)  # with the one that is in use these are three
        assert served.exactly(len(v.hello)) == v.hello
        assert a.channel().closed()
        # Fewer than are in use.
        with visitor(relay):
            channels[5].header()
            relay.set("anna", channels=1)
            assert heard() == (1, 1) and channels[4].closed()
            served.socket.sendall(b"x")
            assert v.recv(1) == b"x"
        relay.set("anna", channels=20)
        allowed, waiting = heard()
        assert allowed == 20 and waiting > 1
        a.open(2)


def test_channel_that_talks_first_is_closed(relay):
    a = Agent(relay, relay.tenant("anna"))
    [c] = a.open()
    c.socket.sendall(b"x")
    assert c.closed()


def test_dead_channel_is_not_handed_out(relay):
    a = Agent(relay, relay.tenant("anna"))
    dead, alive = a.open(2)
    dead.close()
    with visitor(relay) as v:
        alive.header()
        assert alive.exactly(len(v.hello)) == v.hello


def test_ten_thousand_hellos_from_one_address(relay):
    """They are closed one by one, and an agent is served all the same."""
    a = Agent(relay, relay.tenant("anna"))
    before = relay.rss()
    for _ in range(20):
        sockets = []
        for _ in range(500):
            s = socket.create_connection(("127.0.0.1", relay.port), 20)
            s.sendall(b"hagw-ch1" + os.urandom(56))
            sockets.append(s)
        for s in sockets:
            assert silent(s, 20)
            s.close()
    [c] = a.open()
    with visitor(relay):
        c.header()
    assert relay.rss() - before < 24 * 1024


# --- taken over, revoked, suspended ------------------------------------------------------------------------------------------

def test_same_machine_takes_its_own_place(relay):
    token = relay.tenant("anna")
    old, new = Agent(relay, token), Agent(relay, token)
    assert "error" not in new.first and old.receive() is None


def test_another_machine_takes_over(relay):
    token = relay.tenant("anna")
    old, new = Agent(relay, token, machine="old"), Agent(relay, token, machine="new")
    assert "error" not in new.first
    said = []
    while said[-1:] != [None]:
        said.append(old.receive())
    assert "ping" in said[0]["parameters"] and said[-2]["error"] == "io.hagw.Relay.TakenOver"
    assert "takes the place of machine old, which is alive" in relay.proxyd.text()


def test_two_places(relay):
    token = relay.tenant("anna", agents=2)
    a, b = Agent(relay, token, machine="a"), Agent(relay, token, machine="b")
    channels = a.open(2) + b.open(2)
    visitors = [visitor(relay) for _ in range(4)]
    for c in channels:
        c.header()
    for v in visitors:
        v.close()


def gaps(relay):
    with relay.proxyd.varlink() as link:
        *_, last = link.stream("io.hagw.Proxy.ListAttachments", refusedOnly=True)
    return sorted(last.get("gaps") or [], key=lambda g: g["machine"])


@pytest.mark.parametrize("domain", ["ha.example.org", "*.example.org"])
def test_visitors_go_to_a_machine_that_has_the_host(relay, domain):
    """In turn where both have it; and where none has, the house's word is what they get."""
    token = relay.tenant("anna", agents=2, domains=["ha.example.org", "*.example.org"])
    a = Agent(relay, token, machine="a", says={"lacking": [domain]})
    b = Agent(relay, token, machine="b")
    channels, [lacking] = b.open(3), a.open()
    visitors = [visitor(relay, "ha.example.org") for _ in channels]
    for c in channels:
        assert c.header(60)[2] == 0
    # Whoever asks for something else goes there as well.
    [other] = b.open()
    visitors += [visitor(relay) for _ in range(2)]
    lacking.header(60)
    other.header(60)
    assert gaps(relay) == [{"tenant": "anna", "machine": "a", "machines": 2, "refusesOpened": False, "lacking": [domain]}]
    # Who waits for the one that can serve him stands in nobody's way.
    visitors.append(visitor(relay, "ha.example.org"))
    relay.wait(lambda: relay.figure("proxy_relay_waiting") == 1)
    [more] = a.open()
    visitors.append(visitor(relay))
    more.header(60)
    assert relay.figure("proxy_relay_waiting") == 1
    last = b.channel()
    last.header(60)
    b.close()
    relay.wait(lambda: len(gaps(relay)) == 1 and gaps(relay)[0]["machines"] == 1)
    visitors.append(visitor(relay, "ha.example.org"))
    a.channel().header(60)
    for v in visitors:
        v.close()


def test_who_was_opened_goes_to_a_machine_that_takes_him(relay):
    token = relay.tenant("anna", agents=2, terminate=True)
    a = Agent(relay, token, machine="a", says={"opened": False})
    b = Agent(relay, token, machine="b", says={"opened": True})
    assert a.first["parameters"]["opens"] == b.first["parameters"]["opens"] == [f"anna.{ZONE}"]
    waiting = a.open(3)
    houses = [House(c) for c in b.open(3)]
    for _ in houses:
        assert relay.visit(name=f"anna.{ZONE}").status == 200
    assert [h.get()[0][2] for h in houses] == [1, 1, 1]
    assert not select.select([c.socket for c in waiting], [], [], 0)[0]
    assert gaps(relay) == [{"tenant": "anna", "machine": "a", "machines": 2, "refusesOpened": True, "lacking": []}]
    # Nothing is opened for it any more, and both hear that at once.
    relay.set("anna", terminate=False)
    for agent in (a, b):
        while "opens" not in (p := agent.receive(60)["parameters"]):
            pass
        assert p["opens"] == []
    assert gaps(relay) == []


def test_a_copy_of_a_machine_is_another_one(relay):
    """One image, one id, one token: they are told apart by their boots, and what is done about it is told as of any two."""
    token = relay.tenant("anna")
    one, two = ({"boot": x * 32} for x in "12")
    a = Agent(relay, token, says=one)
    again = Agent(relay, token, says=one)  # the same one: at once, and nothing is said of it
    while a.receive():
        pass
    assert "takes the place" not in relay.proxyd.text()
    b = Agent(relay, token, says=two)
    said = []
    while said[-1:] != [None]:
        said.append(again.receive())
    assert said[-2]["error"] == "io.hagw.Relay.TakenOver"
    # One that does not answer any more is taken for it before it booted.
    relay.set("anna", agents=2)
    c = Agent(relay, token, says=one)
    assert "error" not in b.receive(60) and c.first["continues"]
    with relay.proxyd.varlink() as link:
        assert len([x for m in link.stream("io.hagw.Proxy.ListAttachments") for x in m["attachments"]]) == 2


@pytest.mark.parametrize("how", ["revoke", "suspend", "remove"])
def test_cut_within_a_second(relay, how):
    a = Agent(relay, relay.tenant("anna"))
    [waiting] = a.open()
    [used] = a.open()  # the newest is taken first
    with visitor(relay) as v:
        used.header()
        used.exactly(len(v.hello))
        began = time.monotonic()
        if how == "revoke":
            relay.tenantd.call("RevokeToken", name="anna", tokenId=a.token.id)
        elif how == "suspend":
            relay.set("anna", suspended=True)
        else:
            relay.tenantd.call("Remove", name="anna")
        said = a.receive()
        assert said["error"].split(".")[-1] == ("Suspended" if how == "suspend" else "NotAdmitted")
        assert silent(v) and used.closed() and waiting.closed()
        assert time.monotonic() - began < 5
    assert "error" in Agent(relay, a.token).first


def test_usage_is_reported(relay):
    a = Agent(relay, relay.tenant("anna"))
    [c] = a.open()
    with visitor(relay) as v:
        c.header()
        c.exactly(len(v.hello))
        c.socket.sendall(bytes(1000))
        assert len(v.makefile("rb").read(1000)) == 1000
        c.close()
    relay.wait(lambda: relay.tenantd.call("Get", name="anna")["tenant"]["sent"] == 1000)
    assert relay.tenantd.call("Get", name="anna")["tenant"]["received"] == len(v.hello)


def test_usage_of_two_machines(relay):
    """What came by either is the tenant's, and counted once."""
    token = relay.tenant("anna", agents=2)
    machines, visitors = [Agent(relay, token, machine=m) for m in ("one", "other")], []
    for rounds, sent in ((2, 1000), (3, 20)):
        for _ in range(rounds):
            channels = [a.open()[0] for a in machines]
            for _ in channels:
                visitors.append(visitor(relay))
            for c in channels:
                c.header()
                c.exactly(len(visitors[-1].hello))
                c.socket.sendall(bytes(sent))
                c.close()
            for v in visitors[-2:]:
                assert len(v.makefile("rb").read()) == sent
                v.close()
    usage = lambda: [u for m in relay.tenantd.varlink().stream("io.hagw.Tenant.GetUsage", name="anna") for u in m["usage"]]  # noqa: E731
    relay.wait(lambda: sum(u["visitors"] for u in usage()) == 10 and sum(u["sent"] for u in usage()) == 2 * (2 * 1000 + 3 * 20))
    assert sum(u["received"] for u in usage()) == sum(len(v.hello) for v in visitors)
    relay.proxyd.stop()  # what is told at the end is not told twice
    assert (sum(u["visitors"] for u in usage()), sum(u["received"] for u in usage())) == (10, sum(len(v.hello) for v in visitors))


def test_usage_is_reported_at_the_end(relay):
    a = Agent(relay, relay.tenant("anna"))
    [c] = a.open()
    with visitor(relay) as v:
        c.header()
        c.exactly(len(v.hello))
        c.close()
        assert silent(v)
    relay.proxyd.stop()
    relay.wait(lambda: relay.tenantd.call("Get", name="anna")["tenant"]["received"] == len(v.hello))


def test_bytes_per_second(relay):
    a = Agent(relay, relay.tenant("anna", bytesPerSecond=2_000_000))
    [c] = a.open()
    with visitor(relay) as v:
        c.header()
        c.exactly(len(v.hello))
        t = threading.Thread(target=lambda: (c.socket.sendall(bytes(6_000_000)), c.close()))
        began = time.monotonic()
        t.start()
        assert len(v.makefile("rb").read()) == 6_000_000
        t.join()
        assert time.monotonic() - began > 1.5


def test_connections_per_second(relay):
    a = Agent(relay, relay.tenant("anna", connectionsPerSecond=2))
    channels = a.open(2)
    with visitor(relay), visitor(relay), visitor(relay) as third:
        for c in channels:
            c.header()
        assert silent(third)


# --- the rest of control -----------------------------------------------------------------------------------------------------

def test_enrol(relay):
    code = relay.tenantd.call("Add", name="anna", credential="code")["tenant"]["credential"]
    token = Token(tenant="anna", token_id="")
    answer = Control(relay).call("Enrol", code=code, storedKey=b64(token.stored_key))["parameters"]
    assert answer["tenant"] == "anna" and answer["zone"] == f"anna.{ZONE}"
    token.id = answer["tokenId"]
    assert "error" not in Agent(relay, token).first
    assert Control(relay).call("Enrol", code=code, storedKey=b64(token.stored_key))["error"] == "io.hagw.Relay.BadCode"


def test_enrol_in_a_house_of_another_tenant(relay):
    code = relay.tenantd.call("Add", name="anna", credential="code")["tenant"]["credential"]
    enrol = {"code": code, "storedKey": b64(Token(tenant="anna", token_id="").stored_key)}
    assert Control(relay).call("Enrol", **enrol, tenant="bob")["error"] == "io.hagw.Relay.OtherTenant"
    assert Control(relay).call("Enrol", **enrol, tenant="a b")["error"] == "io.hagw.Relay.BadCode"
    assert Control(relay).call("Enrol", **enrol, tenant="anna")["parameters"]["tenant"] == "anna"


def test_give_back(relay):
    """What came in by the token is cut; another machine of the tenant stays."""
    a = Agent(relay, relay.tenant("anna", agents=2))
    other = Agent(relay, Token(relay.tenantd.call("IssueToken", name="anna")["token"]), machine="other")
    stranger = Token(tenant="anna", token_id=a.token.id)
    c = Control(relay)
    assert c.call("GiveBack", proof=c.proof(stranger))["error"] == "io.hagw.Relay.NotAdmitted"
    assert Control(relay).call("GiveBack")["error"] == "io.hagw.Relay.NotAdmitted"
    c = Control(relay)
    assert c.call("GiveBack", proof=c.proof(a.token)) == {"parameters": {}}
    with relay.proxyd.varlink() as link:
        relay.wait(lambda: [x["machine"] for m in link.stream("io.hagw.Proxy.ListAttachments") for x in m["attachments"]] == ["other"])
    assert Agent(relay, a.token).first["error"] == "io.hagw.Relay.NotAdmitted"
    assert "error" not in Agent(relay, other.token, machine="other").first


def give_back(relay, token, **keys):
    c = Control(relay)
    return c.call("GiveBack", proof=c.proof(token), **keys)


def test_a_token_of_two_machines_is_not_given_back(relay):
    """One of them would cut the other. Each says by which session it is attached; one that is of before says nothing."""
    token = relay.tenant("anna", agents=2)
    a, b = Agent(relay, token), Agent(relay, token, machine="copy")
    for keys in ({"session": b64(a.session)}, {"session": b64(b.session)}, {}, {"session": "x"}, {"session": b64(bytes(16))}, {"force": False}):
        assert give_back(relay, token, **keys)["error"] == "io.hagw.Relay.TokenShared", keys
    # Who cannot prove it learns nothing.
    assert give_back(relay, Token(tenant="anna", token_id=token.id))["error"] == "io.hagw.Relay.NotAdmitted"
    assert give_back(relay, token, force=True) == {"parameters": {}}
    assert Agent(relay, token).first["error"] == "io.hagw.Relay.NotAdmitted"


def test_a_token_of_two_machines_that_take_turns(relay):
    """As with places for one alone: which of them is attached is chance."""
    token = relay.tenant("anna")
    a = Agent(relay, token)
    b = Agent(relay, token, machine="copy")
    while "error" not in (last := a.receive()):
        pass  # it is asked whether it is there
    assert last["error"] == "io.hagw.Relay.TakenOver"
    assert give_back(relay, token, session=b64(b.session))["error"] == "io.hagw.Relay.TokenShared"
    assert give_back(relay, token)["error"] == "io.hagw.Relay.TokenShared"
    # With a token of its own each may go.
    own = Token(relay.tenantd.call("IssueToken", name="anna")["token"])
    c = Agent(relay, own, machine="third")
    assert give_back(relay, own, session=b64(c.session)) == {"parameters": {}}
    assert give_back(relay, token, force=True) == {"parameters": {}}


def swapping(relay):
    with relay.proxyd.varlink() as link:
        *_, last = link.stream("io.hagw.Proxy.ListAttachments", refusedOnly=True)
    return [s["tenant"] for s in last.get("swaps", [])]


def test_a_machine_that_does_not_want_its_place_back(relay):
    """Then nobody takes turns any more, and the one that is left hears it."""
    token = relay.tenant("anna")
    one, other = Agent(relay, token), Agent(relay, token, machine="other")
    assert one.first["parameters"]["alone"] is True and other.first["parameters"]["alone"] is False
    again = Agent(relay, token)
    assert again.first["parameters"]["alone"] is False and swapping(relay) == ["anna"]
    stranger = Token(tenant="anna", token_id=token.id)
    c = Control(relay)
    assert c.call("Leave", proof=c.proof(stranger))["error"] == "io.hagw.Relay.NotAdmitted"
    assert Control(relay).call("Leave")["error"] == "io.hagw.Relay.NotAdmitted" and swapping(relay) == ["anna"]
    c = Control(relay)
    assert c.call("Leave", proof=c.proof(token)) == {"parameters": {}}
    assert swapping(relay) == []
    while (said := again.receive()) and "alone" not in said["parameters"]:
        pass
    assert said["parameters"] == {"alone": True}
    # Its token is still good, and it may change its mind.
    assert "error" not in Agent(relay, token, machine="other").first
    c = Control(relay)
    relay.set("anna", suspended=True)
    assert c.call("Leave", proof=c.proof(token))["error"] == "io.hagw.Relay.Suspended"


def test_enrol_where_no_token_has_room(relay):
    """The house hears which limit it is, and not of wrong codes."""
    relay.tenant("anna")
    code = relay.tenantd.call("IssueCode", name="anna")["code"]
    for _ in range(15):
        relay.tenantd.call("IssueToken", name="anna")
    answer = Control(relay).call("Enrol", code=code, storedKey=b64(Token(tenant="anna", token_id="").stored_key))
    assert answer["error"] == "io.hagw.Relay.TokensFull"


def test_tenantd_away(relay):
    """What is attached stays, who comes is told to come again."""
    token = relay.tenant("anna")
    a = Agent(relay, token)
    [c] = a.open()
    relay.tenantd.stop()
    with visitor(relay):
        c.header()
    assert Agent(relay, token, machine="other").first["error"] == "io.hagw.Relay.Busy"
    relay.tenantd.start()
    relay.wait(lambda: "error" not in Agent(relay, token).first)


def test_tenants_database_damaged(relay):
    """As while hagw-tenantd is away: nobody is told that a tenant is gone. Then a copy comes back."""
    token = relay.tenant("anna")
    a = Agent(relay, token)
    [c] = a.open()
    relay.tenantd.call("MakeCopy")
    assert relay.tenantd.stop() == 0
    database = relay.house.root / "state" / "tenantd" / "tenants.db"
    database.write_bytes(database.read_bytes()[:8192])
    relay.tenantd.start()
    # It is asked, and says so, before a visitor comes.
    assert Agent(relay, token, machine="other").first["error"] == "io.hagw.Relay.Busy"
    with visitor(relay):
        c.header()
    relay.tenantd.call("RestoreCopy")
    relay.wait(lambda: "error" not in Agent(relay, token).first)


def test_pings(relay):
    a = Agent(relay, relay.tenant("anna"))
    assert a.receive(timeout=15)["parameters"]["ping"] == 1


def test_tls_to_the_house_is_the_houses(relay, tmp_path):
    """The visitor's handshake is with the house, by a certificate that the relay does not have."""
    chain, key = relay.authority.issue(f"anna.{ZONE}")
    (tmp_path / "c").write_text(chain)
    (tmp_path / "k").write_text(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    a = Agent(relay, relay.tenant("anna"))
    [c] = a.open()

    def house():
        c.header()
        with context.wrap_socket(c.socket, server_side=True) as s:
            s.sendall(s.recv(100).upper())
    t = threading.Thread(target=house)
    t.start()
    with relay.tls(f"anna.{ZONE}") as s:
        s.sendall(b"hello")
        assert s.recv(100) == b"HELLO"
    t.join()


# --- opened by the relay -----------------------------------------------------------------------------------------------------

def house_within(c, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", times=1, secret=None):
    """Serves requests in a channel as the house does: TLS 1.3 with the pre-shared key of the channel. Returns (header, heads)."""
    header = c.header()
    key = secret or hmac.digest(c.agent.visitor_key, struct.pack(">Q", c.number) + b"opened", "sha256")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_psk_server_callback(lambda identity: key)
    context.set_alpn_protocols(["http/1.1"])
    heads = []
    with context.wrap_socket(c.socket, server_side=True) as s:
        f = s.makefile("rb")
        for _ in range(times):
            heads.append(Head(f))
            f.read(int(heads[-1].get("content-length") or 0))
            s.sendall(answer)
    return header, heads


class House(threading.Thread):
    def __init__(self, c, **keys):
        super().__init__(daemon=True)
        self.c, self.keys, self.result = c, keys, None
        self.start()

    def run(self):
        try:
            self.result = house_within(self.c, **self.keys)
        except (OSError, AssertionError) as e:
            self.result = e

    def get(self):
        self.join(20)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_terminated(relay):
    a = Agent(relay, relay.tenant("anna", terminate=True))
    house = House(a.open()[0], times=2)
    r = relay.visit(name=f"anna.{ZONE}")
    assert r.status == 200 and r.body == b"hello"
    assert relay.visit(name=f"anna.{ZONE}", connection=r.connection, path="/2").body == b"hello"
    (address, port, kind), heads = house.get()
    assert (address, kind) == ("127.0.0.1", 1) and port == r.connection.sock.getsockname()[1]
    assert [h.target for h in heads] == ["/", "/2"] and heads[0].get("host") == f"anna.{ZONE}"


def test_channels_of_the_opened_are_not_shared(relay):
    """A channel carries one visitor's address: the next visitor gets another."""
    a = Agent(relay, relay.tenant("anna", terminate=True))
    houses = [House(c, times=2) for c in a.open(2)]
    first, second = relay.visit(name=f"anna.{ZONE}"), relay.visit(name=f"anna.{ZONE}")
    for r in (first, second):
        assert relay.visit(name=f"anna.{ZONE}", connection=r.connection).status == 200
    assert {h.get()[0][1] for h in houses} == {r.connection.sock.getsockname()[1] for r in (first, second)}


@pytest.mark.parametrize("rate,up,down", [(1_000_000, 0, 3_000_000), (300_000, 900_000, 5)])
def test_bytes_per_second_of_the_opened(relay, rate, up, down):
    a = Agent(relay, relay.tenant("anna", terminate=True, bytesPerSecond=rate))
    House(a.open()[0], answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % down + bytes(down))
    began = time.monotonic()
    r = relay.visit(name=f"anna.{ZONE}", method="POST", body=bytes(up))
    assert r.status == 200 and len(r.body) == down
    assert time.monotonic() - began > 1.5


def beside(work):
    """In a thread that ends with its connection."""
    def run():
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while work():
                pass
    threading.Thread(target=run, daemon=True).start()


def test_bytes_per_second_are_shared(relay):
    """Who takes all there is leaves others of the same tenant their share."""
    a = Agent(relay, relay.tenant("anna", bytesPerSecond=300_000))
    [big] = a.open()
    with visitor(relay) as greedy:
        big.header()
        beside(lambda: big.socket.sendall(bytes(1_000_000)) or True)
        assert greedy.recv(400_000)
        beside(lambda: greedy.recv(65536))
        [small] = a.open()
        with visitor(relay) as other:
            small.header()
            small.socket.sendall(bytes(40_000))
            got = 0
            while got < 40_000:
                got += len(other.recv(65536))


def test_bytes_per_second_of_the_opened_are_shared(relay):
    a = Agent(relay, relay.tenant("anna", terminate=True, bytesPerSecond=300_000))
    House(a.open()[0], answer=b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + bytes(20_000_000))
    greedy = relay.connect(f"anna.{ZONE}")
    greedy.request("GET", "/")
    r = greedy.getresponse()
    assert r.read(400_000)
    beside(lambda: r.read(65536))
    House(a.open()[0], answer=b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + bytes(40_000))
    assert len(relay.visit(name=f"anna.{ZONE}").body) == 40_000
    greedy.sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("language,offline", [("en", "is offline"), ("de", "ist offline"), ("fr", "est hors ligne")])
def test_terminated_offline_is_a_page(relay, language, offline):
    relay.tenant("anna", terminate=True)
    status, text, later = page(relay, language)
    assert status == 503 and offline in text and later


def refused(relay, tenant="anna"):
    """How many by each reason, as the relay tells."""
    with relay.proxyd.varlink() as link:
        [m] = link.stream("io.hagw.Proxy.ListAttachments", tenant=tenant)
    return {r["reason"]: r["count"] for r in m.get("refused") or []}


def page(relay, language="en", name=f"anna.{ZONE}"):
    r = relay.visit(name=name, headers={"Accept": "text/html", "Accept-Language": language})
    return r.status, r.body.decode(), r.getheader("retry-after")


@pytest.mark.parametrize("language,refuses,offline", [
    ("en", "does not take visitors", "offline"), ("de", "nimmt aber keine", "offline"), ("fr", "accepte pas", "hors ligne")])
def test_terminated_house_without_the_secret(relay, language, refuses, offline):
    a = Agent(relay, relay.tenant("anna", terminate=True))
    house = House(a.open()[0], secret=os.urandom(32))
    status, text, later = page(relay, language)
    assert status == 503 and refuses in text and offline not in text and not later
    with pytest.raises((OSError, AssertionError)):
        house.get()
    assert refused(relay) == {"house": 1}


@pytest.mark.parametrize("reason,english,german,french", [
    ("suspended", "is suspended", "ist gesperrt", "est suspendu"), ("exhausted", "used up", "aufgebraucht", "épuisé")])
def test_terminated_says_why(relay, reason, english, german, french):
    """Counted, logged once a minute at most, and on the page in the visitor's language."""
    token = relay.tenant("anna", terminate=True, **({"bytesPerMonth": 1} if reason == "exhausted" else {}))
    a = Agent(relay, token)
    assert a.first["parameters"]["zone"] == f"anna.{ZONE}"
    if reason == "exhausted":
        relay.tenantd.call("ReportUsage", usage=[{"tenant": "anna", "received": 1, "sent": 1, "visitors": 1}])
    else:
        relay.set("anna", suspended=True)
    relay.wait(lambda: english in page(relay)[1])
    before = refused(relay)[reason]
    for n, (language, words) in enumerate((("de", german), ("fr", french)), 1):
        status, text, later = page(relay, language)
        assert status == 503 and words in text and "offline" not in text and "hors ligne" not in text and not later
        assert refused(relay)[reason] == before + n
    assert relay.proxyd.text().count("Tenant anna: a visitor is refused: ") >= 1


@pytest.mark.parametrize("language,crowded", [("en", "as many visitors"), ("de", "so viele Besucher"), ("fr", "autant de visiteurs")])
def test_all_channels_in_use_is_said(relay, language, crowded):
    a = Agent(relay, relay.tenant("anna", terminate=True, channels=1))
    status, text, later = page(relay, language)
    assert status == 503 and crowded in text and later
    assert a and refused(relay) == {"channels": 1}


def test_reasons_of_the_unopened(relay):
    """Nobody can be told on a page, so the relay's log, figures and list tell."""
    token = relay.tenant("anna", connectionsPerSecond=1)
    a = Agent(relay, token)
    [c] = a.open()
    with visitor(relay) as first:
        c.header()
        # One is let in each second, and waits for a channel.
        others = []
        relay.wait(lambda: others.append(visitor(relay)) or refused(relay).get("connections", 0) >= 10)
        for other in others:
            other.close()
        assert first
    relay.wait(lambda: relay.figure("proxy_relay_refused", reason="connections") == refused(relay)["connections"] >= 10)
    assert relay.proxyd.text().count("Tenant anna: a visitor is refused: more visitors in a second") == 1
    relay.set("anna", suspended=True)
    relay.wait(lambda: silent(visitor(relay)) and refused(relay).get("suspended"))


def test_who_knows_many_tenants_does_not_fill_the_journal(house, parts):
    """Each of them refuses him, and all of them together write no more than so many lines a minute."""
    parts.append(RelayHouse(house, 'proxy: { workers = 1; }; '))
    r = parts[-1].start()
    names, begin = [f"t{i}" for i in range(50)], time.monotonic()
    for name in names:
        r.tenantd.call("Add", name=name, credential="none", suspended=True)
    for name in names:
        r.wait(lambda name=name: silent(visitor(r, f"{name}.{ZONE}")) and "suspended" in refused(r, name))
    lines = r.proxyd.text().count(": a visitor is refused: ")
    assert 30 <= lines <= 30 * (1 + (time.monotonic() - begin) // 60)


def test_who_has_a_token_does_not_fill_the_journal(relay):
    """However often it comes, goes, takes a place, publishes a value or names an authority: so many lines a minute of each kind."""
    token, begin = relay.tenant("anna"), time.monotonic()
    for i in range(60):
        a = Agent(relay, token)
        a.close()
        relay.wait(lambda: relay.figure("proxy_relay_attached") == 0)
    with relay.tenantd.varlink() as link:
        for i in range(200):
            link.call("io.hagw.Tenant.SetAccount", **token.fields(), issuer="ca.example", accountUri=f"https://ca.example/{i}")
    minutes = 1 + (time.monotonic() - begin) // 60
    for text, most in ((": machine machine-1 (test) is attached", 16), (": machine machine-1 is detached", 16)):
        assert most <= relay.proxyd.text().count(text) <= most * minutes, text
    assert 64 <= next(d for d in relay.house.daemons if d.name == "tenantd").text().count("the certificate authority is ca.example now") <= 64 * minutes


def test_the_house_hears_of_refusals(relay):
    """With the relay's pings; in the first word where there were some before."""
    token = relay.tenant("anna", connectionsPerSecond=1)
    a = Agent(relay, token)
    assert "refused" not in a.first["parameters"]
    for _ in range(5):
        visitor(relay).close()
    said = None
    while not said:
        said = a.receive(30)["parameters"].get("refused")
    assert any(r["reason"] == "connections" and r["count"] >= 1 and r["lastUSec"] > 0 for r in said)
    assert "refused" in Agent(relay, token).first["parameters"]


def test_host_with_a_tenant_behind(house, parts):
    """A host of the relay's own, with its policy, whose service is in a tenant's house."""
    parts.append(RelayHouse(house, ha=f'name = "ha.{ZONE}"; upstream = "tenant:anna"; access: {{ login = "none"; }};'))
    relay = parts[-1].start()
    a = Agent(relay, relay.tenant("anna"))
    h = House(a.open()[0])
    assert relay.visit(name=f"ha.{ZONE}").body == b"hello"
    assert h.get()[1][0].get("host") == f"ha.{ZONE}"


@pytest.mark.parametrize("name", [f"ha.anna.{ZONE}", "ha.example.org", "x.example.net"])
def test_host_of_a_tenants_name_passes_until_it_is_certified(relay, house, name):
    """Nobody is kept out while the certificate is on its way: as before the host was added."""
    host = name.replace("x.", "*.")
    a = Agent(relay, relay.tenant("anna", domains=["ha.example.org", "*.example.net"]))
    house.configure((house.config / "hagw.conf").read_text(), ha=f'name = "{host}"; upstream = "tenant:anna"; access: {{ login = "none"; }};')
    relay.proxyd.reload()
    relay.wait(lambda: relay.proxyd.call("ListHosts")["hosts"])
    [c] = a.open()
    with visitor(relay, name):
        assert c.header()[2] == 0
    relay.certify(host)
    relay.wait(lambda: relay.serves(name))
    h = House(a.open()[0])
    assert relay.visit(name=name).body == b"hello"
    assert h.get()[0][2] == 1


def test_a_wall_that_is_raised_cuts_who_passed(relay, house):
    """The relay's own host had no wall and no certificate when the visitor came."""
    name, main = f"ha.anna.{ZONE}", (house.config / "hagw.conf").read_text()

    def set_host(access):
        house.configure(main, ha=f'name = "{name}"; upstream = "tenant:anna"; access: {{ {access}; }};')
        relay.proxyd.reload()
    a = Agent(relay, relay.tenant("anna"))
    set_host('login = "none"')
    [c] = a.open()
    with visitor(relay, name) as v:
        c.header()
        c.exactly(len(v.hello))
        c.socket.sendall(b"from the house")
        assert v.recv(100) == b"from the house"
        set_host('login = "none"; from = "anywhere"')
        c.socket.sendall(b"and more")
        assert v.recv(100) == b"and more"
        set_host('login = "required"')
        assert silent(v, 30)


@pytest.mark.parametrize("name,access", [
    (f"ha.anna.{ZONE}", 'login = "required"'),
    (f"ha.anna.{ZONE}", 'from = "lan"; login = "none"'),
    (f"*.anna.{ZONE}", 'from = "lan"; login = "none"'),
    (f"ha.bob.{ZONE}", 'login = "none"')])
def test_no_certificate_is_no_way_round(house, parts, name, access):
    """Where the relay has a wall of its own, or leads the name to another than the tenant whose it is."""
    parts.append(RelayHouse(house, more='lan = ( "192.168.255.0/24" );'))
    relay = parts[-1].start()
    agents = [Agent(relay, relay.tenant(tenant)) for tenant in ("anna", "bob")]
    house.configure((house.config / "hagw.conf").read_text(), ha=f'name = "{name}"; upstream = "tenant:anna"; access: {{ {access}; }};')
    relay.proxyd.reload()
    channels = [c for a in agents for c in a.open()]
    with visitor(relay, name.replace("*", "ha")) as v:
        assert silent(v, 30)
    assert relay.figure("proxy_relay_channels") == len(channels) and relay.figure("proxy_passages") == 0


def test_probe_of_a_tenant(house, parts):
    """It has no visitor's address: the house gets its own, and takes it for a visitor from outside."""
    parts.append(RelayHouse(house, ha=f'name = "ha.{ZONE}"; upstream = "tenant:anna"; access: {{ login = "none"; }};'))
    relay = parts[-1].start()
    h = House(Agent(relay, relay.tenant("anna")).open()[0])
    assert relay.proxyd.call("Probe", name=f"ha.{ZONE}")["status"] == 200
    assert h.get()[0] == ("127.0.0.1", 0, 1)


def test_terminated_is_cut(relay):
    a = Agent(relay, relay.tenant("anna", terminate=True))
    House(a.open()[0], answer=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
    c = relay.connect(f"anna.{ZONE}")
    c.request("GET", "/")
    r = c.getresponse()
    assert r.read(3) == b"hel"
    relay.set("anna", suspended=True)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        if not r.read():
            raise ConnectionError


def test_sni_of_one_tenant_host_of_another(relay):
    a = Agent(relay, relay.tenant("anna", terminate=True))
    b = Agent(relay, relay.tenant("bob", terminate=True))
    a.open(), b.open()
    assert relay.visit(name=f"anna.{ZONE}", headers={"Host": f"bob.{ZONE}"}).status == 421


def test_list_attachments(relay):
    """From all workers, in one list."""
    agents = {n: Agent(relay, relay.tenant(n), machine=f"machine of {n}") for n in ("anna", "bob", "cleo", "dora")}
    [c] = agents["anna"].open()
    with visitor(relay) as v:
        c.header()
        c.exactly(len(v.hello))
        waiting = agents["anna"].open(2)
        with relay.proxyd.varlink() as link:
            rows = {a["tenant"]: a for m in link.stream("io.hagw.Proxy.ListAttachments") for a in m["attachments"]}
        assert set(rows) == set(agents)
        a = rows["anna"]
        assert (a["machine"], a["software"], a["waiting"], a["visitors"]) == ("machine of anna", "test", len(waiting), 1)
        assert a["address"] == "127.0.0.1:%d" % agents["anna"].raw.getsockname()[1] and a["received"] == len(v.hello)
        with relay.proxyd.varlink() as link:
            [m] = link.stream("io.hagw.Proxy.ListAttachments", tenant="bob")
        assert [a["tenant"] for a in m["attachments"]] == ["bob"]


# --- many --------------------------------------------------------------------------------------------------------------------

def test_ten_thousand_channels_of_one_agent(house, parts):
    """Its tenant's limit and a bound on those that wait hold, memory stays flat, others are served."""
    parts.append(RelayHouse(house, settings="channels = 65536;"))
    relay = parts[-1].start()
    greedy, other = Agent(relay, relay.tenant("greedy")), Agent(relay, relay.tenant("other"))
    kept, before = [], relay.rss()
    for _ in range(200):
        kept.append(greedy.channel())
    # What the relay keeps is among these, once all of them were looked at.
    relay.wait(lambda: relay.figure("proxy_relay_channels") + relay.figure("proxy_relay_channels_refused") >= 200)
    for _ in range(9_800):
        c = greedy.channel()
        assert c.closed(20)
        c.close()
    relay.wait(lambda: relay.figure("proxy_connections") == 0)
    assert relay.figure("proxy_relay_channels") <= 128 and relay.figure("proxy_relay_channels_refused") >= 9_800
    [c] = other.open()
    with visitor(relay, f"other.{ZONE}"):
        c.header()
    assert relay.rss() - before < 24 * 1024  # of AddressSanitizer's, mostly: a channel that waits has a hundred bytes
    for c in kept:
        c.close()


def test_relay_killed_with_500_agents(relay, tmp_path):
    """All are back by themselves."""
    with relay.tenantd.varlink(timeout=60) as link:
        tokens = [t["credential"] for m in link.stream("io.hagw.Tenant.AddMany", prefix="hub-", count=500, credential="token")
                  for t in m["tenants"]]
    (tmp_path / "tokens").write_text("\n".join(tokens) + "\n")
    agents = subprocess.Popen([BUILD / "bench" / "agents", "127.0.0.1", str(relay.port), NAME, tmp_path / "tokens"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        relay.wait(lambda: relay.figure("proxy_relay_attached") == 500, seconds=120)
        relay.proxyd.kill()
        relay.proxyd.start()
        relay.wait(lambda: relay.figure("proxy_relay_attached") == 500, seconds=120)
        relay.wait(lambda: relay.figure("proxy_relay_channels") >= 500, seconds=60)
    finally:
        agents.kill()
        agents.wait()
    relay.wait(lambda: relay.figure("proxy_relay_attached") == 0)

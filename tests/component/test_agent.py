# SPDX-License-Identifier: LGPL-2.1-or-later
"""A house behind a relay: hagw-proxyd and hagw-keyd as they are, against a relay of ours that may be anything."""

import json
import os
import queue
import socket
import time

import pytest
from conftest import VarlinkError
from ctl_tools import Ctl
from proxyhouse import HOST, Head, ProxyHouse, Upstream, echo
from relay_tools import TENANT, TOKEN, TOKEN_ID, ZONE, Relay, admits
from tenant_tools import b64
from test_passage import client_hello

LAN = 'lan = ( "192.168.255.0/24" ); documentation_networks = true;'


class AgentHouse(ProxyHouse):
    """A house that is attached to a relay of ours."""

    def __init__(self, house, relay, upstream, more="", token=TOKEN, address=None, pin=None, proxy="", tcp=False):
        self.relay, self.upstream, self.proxy, self.tcp = relay, upstream, proxy, tcp
        super().__init__(house, self.main(more, address, pin), ha=self.host())
        if token:
            self.keyd.call("ImportToken", token=token)
        self.certify(HOST)

    def main(self, more="", address=None, pin=None):
        pin = self.relay.pin if pin is None else pin
        return (f'{LAN} proxy: {{ workers = 2; {self.proxy} }}; relay: {{ address = "{address or f"127.0.0.1:{self.relay.port}"}"; '
                f'tenant = "{TENANT}"; {f"pin = \"{pin}\";" if pin else ""} {more} }};')

    def host(self):
        if self.tcp:
            return f'name = "{HOST}"; upstream = "tcp://127.0.0.1:{self.upstream.port}"; proxy_protocol = "v1"; access: {{ login = "none"; }};'
        return f'name = "{HOST}"; upstream = "{self.upstream.url}"; access: {{ login = "none"; }};'

    def describe(self):
        return self.proxyd.call("DescribeRelay")

    def attach(self):
        self.control = self.relay.attached()
        self.wait(lambda: self.describe()["state"] == "attached")
        return self.control

    def visitor(self, channel=None, control=None, **keys):
        """A visitor's TLS connection through a channel."""
        c = channel or self.relay.channel()
        c.socket.sendall(c.header(control or self.control, **keys))
        c.socket.settimeout(20)
        return self.context().wrap_socket(c.socket, server_hostname=HOST)


def get(s, path="/"):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    f = s.makefile("rb")
    status = int(f.readline().split()[1])
    length = 0
    while (line := f.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, f.read(length)


@pytest.fixture
def make(house, tmp_path_factory):
    things = []

    def make(relay=None, serve=echo, start=True, **keys):
        relay = relay or Relay(tmp_path_factory.mktemp("r"))
        upstream = Upstream(serve)
        h = AgentHouse(house, relay, upstream, **keys)
        things.extend([relay, upstream, h])
        return h.start() if start else h

    make.folder = lambda: tmp_path_factory.mktemp("r")
    yield make
    for t in reversed(things):
        t.close()


def test_attach(make):
    h = make()
    control = h.attach()
    p = control.call["parameters"]
    assert control.call["method"] == "io.hagw.Relay.Attach" and admits(p["proof"], control.binding)
    assert (p["proof"]["tenant"], p["proof"]["tokenId"]) == (TENANT, TOKEN_ID)
    assert 1 <= len(p["machine"]) <= 64 and p["software"].startswith("hagw ")
    assert h.relay.server_names == [None], "an address is no server name"
    channel = h.relay.channel()
    assert channel.is_signed(control) and channel.session_id == control.session_id and channel.number == 1
    h.wait(lambda: h.describe()["attachment"]["waiting"] == 1)
    d = h.describe()
    assert d["address"] == f"127.0.0.1:{h.relay.port}" == d["attachment"]["address"]
    assert d["zone"] == ZONE and d["tenant"] == TENANT and d["rejected"] == 0 and "error" not in d
    assert abs(d["attachment"]["sinceUSec"] / 1e6 - time.time()) < 60
    assert h.figure("proxy_agent_attached") == 1 and h.figure("proxy_agent_attempts") == 1


@pytest.mark.parametrize("source", ["198.51.100.7", "2001:db8:77::7"])
def test_visitor(make, source):
    h = make()
    h.attach()
    s = h.visitor(source=source)
    status, body = get(s)
    fields = dict(json.loads(body)["fields"])
    assert status == 200 and fields["X-Forwarded-For"] == source and fields["X-Forwarded-Proto"] == "https"
    # The channel is replaced at once, and the visitor counts.
    second = h.relay.channel()
    assert second.number == 2
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 1)
    d = h.describe()["attachment"]
    assert d["received"] > 300 and d["sent"] > len(body)
    s.close()
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 0)
    assert h.figure("proxy_agent_visits") == 1 == h.figure("proxy_agent_visits_ended")


def test_websocket_and_half_close(make):
    """What a visitor upgrades to goes both ways, and each way ends by itself."""
    def serve(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        total = 0
        while data := f.read1(65536):
            total += len(data)
            s.sendall(data)
        s.sendall(b"total %d" % total)
    h = make(serve=serve)
    h.attach()
    s = h.visitor()
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % HOST.encode())
    f = s.makefile("rb")
    assert b" 101 " in f.readline()
    while f.readline() != b"\r\n":
        pass
    for size in (1, 1000, 300000):
        s.sendall(b"x" * size)
        assert f.read(size) == b"x" * size
    # A new certificate, a reload and the loss of control change nothing for those inside.
    h.certify(HOST, replace=True)
    h.proxyd.reload()
    h.control.close()
    h.attach()
    s.sendall(b"still here")
    assert f.read(10) == b"still here"


def test_on_to_a_service_that_opens_tls_itself(make):
    got, answer = queue.Queue(), os.urandom(300_000)

    def serve(upstream, s, f):
        got.put((f.readline(), f.read(500)))
        s.sendall(answer)
    h = make(serve=serve, tcp=True)
    h.attach()
    c = h.relay.channel()
    hello = client_hello(HOST)
    text = hello + b"x" * (500 - len(hello) % 500)
    c.socket.sendall(c.header(h.control) + text)
    line, data = got.get(timeout=10)
    assert line == b"PROXY TCP4 198.51.100.7 203.0.113.20 4711 443\r\n" and data == text[:500]
    back = c.socket.recv(len(answer), socket.MSG_WAITALL)
    assert back == answer
    c.socket.close()
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 0)
    d = h.describe()["attachment"]
    assert (d["received"], d["sent"]) == (len(text), len(answer))


def test_control_lost(make):
    """Waiting channels go, visitors stay, and the house attaches anew with a session of its own."""
    h = make()
    first = h.attach()
    s = h.visitor()
    assert get(s)[0] == 200
    waiting = h.relay.channel()
    first.close()
    assert waiting.ended()
    second = h.attach()
    assert second.binding != first.binding
    channel = h.relay.channel()
    assert channel.is_signed(second) and not channel.is_signed(first)
    assert get(s)[0] == 200
    s2 = h.visitor(channel)
    assert get(s2)[0] == 200
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 2)
    assert "error" not in h.describe() and h.figure("proxy_agent_attempts") == 2


@pytest.mark.parametrize("ours, theirs, bound", [(20, 100, 20), (100, 7, 7)], ids=["ours", "the relay's"])
def test_wish_is_bounded(make, ours, theirs, bound):
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: c.admit(channels=theirs, waiting=10_000)
    h = make(relay, more=f"channels_max = {ours};")
    h.attach()
    channels = [relay.channel() for _ in range(bound)]
    h.control.say(waiting=1_000_000_000)
    time.sleep(1)
    assert relay.n_hellos == bound and h.describe()["attachment"]["waiting"] == bound
    assert sorted(c.number for c in channels) == list(range(1, bound + 1))
    # Visitors count: none is opened while there are so many.
    visitors = [h.visitor(c) for c in channels]
    assert all(get(s)[0] == 200 for s in visitors)
    time.sleep(1.5)
    assert relay.n_hellos == bound and h.describe()["attachment"]["waiting"] == 0
    # One goes, and one more waits soon.
    visitors[0].close()
    assert relay.channel(5).number == bound + 1
    for s in visitors:
        s.close()


def test_another_limit_of_channels_is_heard(make):
    """Those that wait above it go, as many come as there may be; visitors stay."""
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: c.admit(channels=20, waiting=6)
    h = make(relay)
    h.attach()
    waits = lambda n: h.wait(lambda: h.describe()["attachment"]["waiting"] == n)  # noqa: E731
    s = h.visitor()
    assert get(s)[0] == 200
    waits(6)
    h.control.say(channels=3, waiting=4)
    waits(2)  # with the visitor that is three
    h.control.say(channels="x", waiting=4)
    h.control.say(channels=0, waiting=4)
    waits(0)
    assert get(s)[0] == 200
    h.control.say(channels=20, waiting=5)
    waits(5)


def test_what_is_led_here_in_vain_is_told(make):
    """A domain without a host: by attaching anew, once, and again when there is one, or when the relay leads another here."""
    relay = Relay(make.folder())
    domains = ["ha.example.org", "*.example.net"]
    relay.on_call = lambda c, call: c.admit(domains=domains)
    h = make(relay)
    first = h.attach()
    assert "lacking" not in first.call["parameters"] and first.call["parameters"]["opened"] is False
    assert len(first.call["parameters"]["boot"]) == 32
    second = relay.attached()
    assert second.call["parameters"]["lacking"] == domains
    h.wait(lambda: h.describe()["state"] == "attached" and h.describe().get("domains") == domains)
    second.say(ping=1, domains=domains[:1])
    third = relay.attached()
    assert third.call["parameters"]["lacking"] == domains[:1]
    domains = domains[:1]
    (h.house.config / "hosts.d" / "late.conf").write_text(f'name = "ha.example.org"; upstream = "{h.upstream.url}";\n')
    h.proxyd.reload()
    fourth = relay.attached()
    assert "lacking" not in fourth.call["parameters"]
    h.wait(lambda: h.describe()["state"] == "attached")


def test_refusals_are_heard(make):
    """What the relay says of them is told as it is; what makes no sense is left out, and the attachment stays."""
    h = make()
    h.attach()
    assert "refused" not in h.describe()
    rows = [{"reason": "exhausted", "count": 3, "lastUSec": 1_700_000_000_000_000}, {"reason": "of tomorrow", "count": 1, "lastUSec": 1},
            {"reason": "house", "count": -1, "lastUSec": "x"}, 7, {}]
    h.control.say(ping=1, refused=rows + [{"reason": "away", "count": 9, "lastUSec": 1}] * 1000)
    h.wait(lambda: h.describe().get("refused"))
    h.control.say(ping=2, refused="x")
    h.control.say(ping=3, refused=rows[:1])
    rows = {r["reason"]: (r["count"], r["lastUSec"]) for r in h.describe()["refused"]}
    assert rows["exhausted"] == (3, 1_700_000_000_000_000) and "house" not in rows and "month" in h.describe()["refused"][0]["text"]
    assert h.describe()["state"] == "attached" and h.proxyd.text().count("Attached to the relay") == 1


def test_a_host_that_was_missed_and_is_there_is_told(make):
    """By attaching anew, without an end in between: before the reload or after it, the relay had told of the name."""
    h, (one, two, other) = make(), ("one.example.org", "two.example.org", "other.example.org")
    first = h.attach()

    def refuse(control, count, name):
        control.say(ping=1, refused=[{"reason": "host", "count": count, "lastUSec": 1, "name": name}])
        h.wait(lambda: any(r["count"] == count and r["name"] == name for r in h.describe().get("refused", ())))

    def reload(*names):
        h.house.configure(h.main(), ha=h.host(), **{n.split(".")[0]: f'name = "{n}"; upstream = "{h.upstream.url}";' for n in names})
        h.proxyd.reload()
    refuse(first, 1, one)
    reload(other)
    assert h.describe()["state"] == "attached" and h.figure("proxy_agent_attempts") == 1, "nothing is there of it yet"
    reload(other, one)
    second = h.relay.attached()
    assert first.wait_closed(30)
    # It is told once, and with the next reload nothing of it is new.
    h.wait(lambda: h.describe()["state"] == "attached")
    second.say(ping=1, refused=[{"reason": "host", "count": 2, "lastUSec": 1, "name": two}])
    reload(one, two)
    third = h.relay.attached()
    assert second.wait_closed(30)
    # What the relay tells a moment after the reload is of before it.
    h.wait(lambda: h.describe()["state"] == "attached")
    reload(one, two, other)
    third.say(ping=1, refused=[{"reason": "host", "count": 3, "lastUSec": 1, "name": other}])
    h.relay.attached()
    assert third.wait_closed(30) and h.figure("proxy_agent_attempts") == 4


def test_that_nobody_takes_turns_any_more_is_heard(make):
    h = make()
    first = h.attach()
    first.error("TakenOver")
    second = h.relay.attached(60)
    h.wait(lambda: h.describe()["state"] == "attached")
    assert h.describe()["takenOverUSec"] > 0
    second.say(alone=False)
    second.say(alone="x")
    second.say(alone=True)
    h.wait(lambda: "takenOverUSec" not in h.describe())
    assert h.describe()["state"] == "attached"


@pytest.mark.parametrize("reason,kind,remedy", [
    ("exhausted", "problems", "It opens again with the next month"),
    ("channels", "problems", "relay.channels_max in hagw.conf here"),
    ("house", "problems", 'opened = "accept"; in the group relay of hagw.conf here, then hagw-ctl reload'),
    ("connections", "notices", "Whoever runs the relay can let in more."),
    ("host", "notices", "hagw-ctl host add NAME SERVICE here")])  # an older relay does not tell it
def test_refusals_in_the_status(make, reason, kind, remedy):
    """What to do here; and what was refused before this machine attached, which it does anew when its settings change, wants nothing."""
    h = make()
    h.attach()

    def told(last):
        h.control.say(ping=1, refused=[{"reason": reason, "count": 3, "lastUSec": last}])
        h.wait(lambda: any(r["lastUSec"] == last for r in h.describe().get("refused", [])))
        said = json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)
        return {k: [f for f in said[k] if f.startswith("The relay refuse")] for k in ("problems", "notices")}
    other = {"problems": "notices", "notices": "problems"}[kind]
    since = h.describe()["attachment"]["sinceUSec"]
    said = told(max(since, time.time_ns() // 1000) + 30_000_000)
    assert said[kind] and "The relay refuses visitors of this house, 3 so far, the last one " in said[kind][0] and remedy in said[kind][0], said
    assert not said[other]
    # Who is attached is not suspended any more.
    h.control.say(ping=1, refused=[{"reason": "suspended", "count": 3, "lastUSec": since + 1}])
    h.wait(lambda: any(r["reason"] == "suspended" for r in h.describe().get("refused", [])))
    said = json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)
    assert not [p for p in said["problems"] if "suspended" in p] and [n for n in said["notices"] if "suspended" in n and ", until " in n], said
    said = told(since - 1)
    assert not said["problems"] and "The relay refused visitors of this house, 3 so far, until " in said["notices"][0], said


def test_a_month_that_is_used_up_is_told_before_anybody_comes(make):
    """As long as it lasts, and not longer; of visitors that it cost, how many. What makes no sense says nothing."""
    h = make()
    h.attach()
    assert "exhausted" not in h.describe(), "an older relay does not say"

    def told():
        said = json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)
        return [[f for f in said[k] if f.startswith("The relay refuse")] for k in ("problems", "notices")]
    h.control.say(ping=1, exhausted="x")
    h.control.say(ping=2, exhausted=True)
    h.wait(lambda: h.describe().get("exhausted"))
    [problem], notices = told()
    assert problem.startswith("The relay refuses visitors of this house: the tenant's bytes of this month are used up. It opens again with the next month, ")
    assert problem.endswith("or when whoever runs the relay allows more: hagw-ctl tenant set anna --bytes-per-month=SIZE there.") and not notices
    row = {"reason": "exhausted", "count": 3, "lastUSec": time.time_ns() // 1000 + 30_000_000}
    h.control.say(ping=3, refused=[row])
    h.wait(lambda: h.describe().get("refused"))
    [problem], notices = told()
    assert "visitors of this house, 3 so far, the last one " in problem and not notices
    h.control.say(ping=4, exhausted=False)
    h.wait(lambda: h.describe()["exhausted"] is False)
    problems, [notice] = told()
    assert not problems and notice.startswith("The relay refused visitors of this house, 3 so far, until ")


@pytest.mark.parametrize("reason", ["exhausted", "channels", "connections", "house", "host"])
def test_a_reason_that_the_relay_says_has_ended_is_past(make, reason):
    h = make()
    h.attach()
    row = {"reason": reason, "count": 3, "lastUSec": time.time_ns() // 1000 + 30_000_000}

    def told(**more):
        h.control.say(ping=1, refused=[row | more])
        h.wait(lambda: [r.get("over", False) for r in h.describe().get("refused", ())] == [more.get("over", False)])
        said = json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)
        return [f.split(",")[0] for k in ("problems", "notices") for f in said[k] if f.startswith("The relay refuse")]
    assert told() == ["The relay refuses visitors of this house"]
    assert told(over=True) == ["The relay refused visitors of this house"]
    assert told() == ["The relay refuses visitors of this house"]


@pytest.mark.parametrize("name,ours", [("shop.{zone}", True), ("shop.example.org", True), ("x.example.net", True), ("x.y.example.net", False),
                                       ("bank.example.com", False), ("{zone}.example.com", False)])
def test_a_name_that_is_not_the_houses_is_no_advice(make, name, ours):
    """Whoever scans the relay chooses it, or the relay itself."""
    h = make()
    h.attach()
    name = name.format(zone=h.describe()["zone"])
    domains = ["shop.example.org", "*.example.net"]
    h.relay.on_call = lambda c, call: c.admit(domains=domains)
    h.control.say(ping=1, domains=domains)
    h.control = h.relay.attached()  # to say that there is no host for them
    h.wait(lambda: h.describe()["state"] == "attached" and h.describe().get("domains") == domains)
    h.control.say(ping=2, refused=[{"reason": "host", "count": 3, "lastUSec": time.time_ns() // 1000 + 30_000_000, "name": name}])
    h.wait(lambda: any(r.get("name") == name for r in h.describe().get("refused", [])))
    said, = [n for n in json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)["notices"] if n.startswith("The relay refuses")]
    assert said.endswith(f"The last one asked for {name}: hagw-ctl host add {name} SERVICE here makes one." if ours else
                         "hagw-ctl host add NAME SERVICE here makes one.") and (name in said) == ours, said


def test_what_was_refused_is_past_while_the_house_is_away(make):
    h = make()
    h.attach()
    h.control.say(ping=1, refused=[{"reason": "house", "count": 3, "lastUSec": time.time_ns() // 1000 + 30_000_000}])
    h.wait(lambda: h.describe().get("refused"))
    h.relay.close()
    h.control.close()
    h.wait(lambda: h.describe()["state"] != "attached" and h.describe().get("refused"))
    said = json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)
    assert not [p for p in said["problems"] if "refuses visitors" in p], said
    assert [n for n in said["notices"] if n.startswith("The relay refused visitors of this house, 3 so far, until ")], said


def test_an_edited_setting_is_not_in_force_before_the_reload(make):
    """Status judges by what runs, and says where the files are newer than that."""
    h = make()
    h.attach()
    ctl = Ctl(h.house)
    # So far ahead that what is said of it, in hours, stays the same.
    half_a_day = time.time_ns() // 1000 + int(12.5 * 3600 * 1e6)
    h.control.say(ping=1, refused=[{"reason": "house", "count": 3, "lastUSec": half_a_day}])
    h.wait(lambda: h.describe().get("refused"))

    def said():
        s = json.loads(ctl.run("--json", "status", "--no-delegation").stdout)
        return [p for p in s["problems"] if p.startswith("The relay refuses visitors")], [p for p in s["problems"] if "newer than" in p]
    refused, newer = said()
    assert refused and not newer
    files = {f.stem: f.read_text() for f in (h.house.config / "hosts.d").glob("*.conf")}
    h.house.configure("# which wants no reload\n" + h.main(), **files)
    assert said() == (refused, [])
    h.house.configure(h.main('opened = "accept";'), **files)
    refused, newer = said()
    assert refused and newer == ["hagw.conf is newer than what hagw-proxyd goes by: hagw-ctl reload."]
    h.house.configure(h.main('opened = "accept";') + 'log: { level = "debug"; };', **files, more=h.host().replace(HOST, f"more.{HOST}"))
    assert said()[1] == ["hagw.conf and hosts.d are newer than what hagw-keyd and 1 more go by: hagw-ctl reload."]
    h.proxyd.reload()
    assert said() == ([], ["hagw.conf is newer than what hagw-keyd goes by: hagw-ctl reload."])
    h.keyd.reload()
    assert said() == ([], [])


def test_domains_that_the_relay_does_not_lead_here(make):
    """Known as soon as it says which it leads, and over as soon as it leads this one. What makes no sense is left out."""
    h = make()
    h.attach()
    plain, lacking = HOST.partition(".")[2], []

    def told(*domains):
        h.relay.on_call = lambda c, call: c.admit(domains=[*domains])
        h.control.say(ping=1, domains=[*domains])
        known = [d.lower() for d in domains if isinstance(d, str) and " " not in d]
        if (now := [d for d in known if d not in (HOST, f"*.{plain}")]) != lacking:  # which the relay is to know
            h.control = h.relay.attached()
            assert h.control.call["parameters"].get("lacking", []) == now
            lacking[:] = now
        h.wait(lambda: h.describe().get("domains") == known)
        return [p for p in json.loads(Ctl(h.house).run("--json", "status", "--no-delegation").stdout)["problems"] if "does not lead" in p]
    assert "domains" not in h.describe()
    said = [f"The relay does not lead {HOST} here, so that its visitors are turned away: at the relay, hagw-ctl tenant domain add {TENANT} {HOST}"]
    assert told() == said and told(7, "a b", "X.Example.NET", f"*.{HOST}") == said
    assert told(HOST) == [] and told(f"*.{plain}") == [] and told() == said
    most = [f"d{i}.example.net" for i in range(31)]
    assert told(*most, HOST) == []
    # More than there are is nothing that can be told.
    h.control.say(ping=2, domains=[*most, "a.example.net", "b.example.net"])
    h.wait(lambda: "domains" not in h.describe())
    assert h.describe()["state"] == "attached"


def test_pool_follows_the_wish(make):
    h = make(more="channels_min = 2;")
    h.attach()
    channels = [h.relay.channel() for _ in range(2)]
    h.control.say(waiting=5)
    channels += [h.relay.channel() for _ in range(3)]
    h.wait(lambda: h.describe()["attachment"]["waiting"] == 5)
    # The oldest go when the relay wants fewer, though never below what the house wants itself.
    h.control.say(waiting=0)
    h.wait(lambda: h.describe()["attachment"]["waiting"] == 2)
    channels.sort(key=lambda c: c.number)
    assert all(c.ended() for c in channels[:3]) and h.relay.n_hellos == 5
    assert get(h.visitor(channels[3]))[0] == get(h.visitor(channels[4]))[0] == 200


def test_reload(make):
    h = make()
    first = h.attach()
    h.relay.channel()
    h.proxyd.reload()
    time.sleep(0.5)
    assert h.relay.n_connections == 2 and h.describe()["state"] == "attached", "what is unchanged is left alone"
    h.house.configure(h.main("channels_min = 3;"), ha=h.host())
    h.proxyd.reload()
    assert first.wait_closed(30)
    h.attach()
    assert {h.relay.channel().number for _ in range(3)} == {1, 2, 3}
    h.house.configure(LAN, ha=h.host())
    h.proxyd.reload()
    assert h.control.wait_closed(30)
    with pytest.raises(VarlinkError) as e:
        h.describe()
    assert e.value.name == "io.hagw.Proxy.NoRelay"
    for method, p in (("PublishChallenge", {"name": "a", "value": "b"}), ("WithdrawChallenge", {"name": "a", "value": "b"}),
                      ("SetAccount", {"issuer": "a", "accountUri": "b"}), ("GiveBack", {}), ("Leave", {})):
        with pytest.raises(VarlinkError) as e:
            h.proxyd.call(method, **p)
        assert e.value.name == "io.hagw.Proxy.NoRelay"
    h.house.configure(h.main(), ha=h.host())
    h.proxyd.reload()
    h.attach()


def test_stop(make):
    """Control and what waits end at once, a visitor's answer comes to its end."""
    def slow(upstream, s, f):
        Head(f)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin")
        time.sleep(1)
        s.sendall(b"ended")
    h = make(serve=slow)
    control = h.attach()
    s = h.visitor()
    s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    f = s.makefile("rb")
    while f.readline() != b"\r\n":
        pass
    waiting = h.relay.channel()
    h.proxyd.process.terminate()
    assert control.wait_closed(30) and waiting.ended()
    assert f.read(10) == b"beginended"
    assert h.proxyd.process.wait(20) == 0


# --- calls at the relay ----------------------------------------------------------------------------------------

def answering(relay, answer):
    """The relay answers calls other than Attach by answer(control, call)."""
    def on_call(c, call):
        if call["method"] == "io.hagw.Relay.Attach":
            c.admit()
        else:
            answer(c, call)
    relay.on_call = on_call


@pytest.mark.parametrize("method, parameters", [
    ("PublishChallenge", {"name": f"_acme-challenge.{ZONE}", "value": "v" * 43}),
    ("WithdrawChallenge", {"name": f"_acme-challenge.{ZONE}", "value": "v" * 43}),
    ("SetAccount", {"issuer": "ca.example", "accountUri": "https://ca.example/1"}),
    ("SetAccount", {"issuer": "", "accountUri": ""}),
    ("GiveBack", {}), ("GiveBack", {"force": True}), ("Leave", {})])
def test_call(make, method, parameters):
    h = make()
    h.attach()
    answering(h.relay, lambda c, call: c.send({"parameters": {}}))
    assert h.proxyd.call(method, **parameters) == {}
    c, call = h.relay.calls.get(timeout=30)
    assert call["method"] == f"io.hagw.Relay.{method}" and not call.get("more")
    proof = call["parameters"].pop("proof")
    assert admits(proof, c.binding) and c.binding != h.control.binding
    # By its session the relay tells this house from another with the same token.
    assert call["parameters"] == parameters | ({"session": b64(h.control.session_id)} if method == "GiveBack" else {})
    assert c.wait_closed(30), "one call, one connection"
    for error in ("NameNotYours", "NotAdmitted", "Busy", "org.varlink.service.InvalidParameter"):
        answering(h.relay, lambda c, call: c.error(error, name="x"))
        with pytest.raises(VarlinkError) as e:
            h.proxyd.call(method, **parameters)
        assert (e.value.name, e.value.parameters) == ("io.hagw.Proxy.RelayRefused", {"error": error})
    for answer in (lambda c, call: c.close(), lambda c, call: c.connection.sendall(b"nonsense\0"),
                   lambda c, call: c.connection.sendall(b'{"parameters": ' + b"x" * 70000)):
        answering(h.relay, answer)
        with pytest.raises(VarlinkError) as e:
            h.proxyd.call(method, **parameters)
        assert e.value.name == "io.hagw.Proxy.RelayUnreachable" and e.value.parameters["reason"]
    assert h.describe()["state"] == "attached"


def test_enrol(make):
    """Before any relay is configured, with a pin or by the roots, without any proof."""
    relay = Relay(make.folder())
    h = make(relay, token=None)
    h.house.configure(LAN, ha=h.host())
    h.proxyd.reload()
    answering(relay, lambda c, call: c.send({"parameters": {"tenant": "ben", "tokenId": "aaaaaaac", "zone": "ben.relay.example.com"}}))
    where = {"address": f"127.0.0.1:{relay.port}", "code": "abcd-efgh", "storedKey": "A" * 43 + "="}
    assert h.proxyd.call("Enrol", pin=relay.pin, **where) == {"tenant": "ben", "tokenId": "aaaaaaac", "zone": "ben.relay.example.com"}
    c, call = relay.calls.get(timeout=30)
    assert call["method"] == "io.hagw.Relay.Enrol" and call["parameters"] == {"code": "abcd-efgh", "storedKey": "A" * 43 + "="}
    assert h.proxyd.call("Enrol", pin=relay.pin, tenant="ben", **where)["tenant"] == "ben"
    assert relay.calls.get(timeout=30)[1]["parameters"] == {"code": "abcd-efgh", "storedKey": "A" * 43 + "=", "tenant": "ben"}
    assert "abcd-efgh" not in h.proxyd.text(), "the code is in no log"
    with pytest.raises(VarlinkError) as e:
        h.proxyd.call("Enrol", **where)
    assert e.value.name.endswith("RelayUnreachable") and "certificate is refused" in e.value.parameters["reason"]
    answering(relay, lambda c, call: c.error("BadCode"))
    with pytest.raises(VarlinkError) as e:
        h.proxyd.call("Enrol", pin=relay.pin, **where)
    assert (e.value.name, e.value.parameters) == ("io.hagw.Proxy.RelayRefused", {"error": "BadCode"})
    for bad in ({**where, "address": "a b"}, {**where, "address": "127.0.0.1:99999"}, {**where, "pin": "sha256:abc"},
                {**where, "pin": "md5:abc"}):
        with pytest.raises(VarlinkError) as e:
            h.proxyd.call("Enrol", **bad)
        assert e.value.name == "org.varlink.service.InvalidParameter"


OTHER_ID, OTHER = "aaaaaaac", TOKEN.replace(TOKEN_ID, "aaaaaaac")


def renew(h):
    h.keyd.call("ImportToken", token=OTHER)
    h.proxyd.reload()


def test_a_new_token(make):
    """First it attaches with the new one, on another connection; only when it is let in does the old one go, and with it what waits."""
    h = make()
    old = h.attach()
    assert h.describe()["attachment"]["tokenId"] == TOKEN_ID
    waiting = h.relay.channel()
    h.relay.on_call = lambda c, call: None
    renew(h)
    new = h.relay.attached()
    assert new.call["parameters"]["proof"]["tokenId"] == OTHER_ID
    assert h.describe()["state"] == "attached" and get(h.visitor(waiting))[0] == 200, "nothing is interrupted"
    new.admit(session_id=bytes(range(16, 32)))
    h.wait(lambda: h.describe().get("attachment", {}).get("tokenId") == OTHER_ID)
    assert old.wait_closed(30) and "error" not in h.describe()
    while (c := h.relay.channel()).session_id != new.session_id:
        pass
    assert c.is_signed(new) and get(h.visitor(c, new))[0] == 200


@pytest.mark.parametrize("error", [None, "NotAdmitted"])
def test_the_relay_may_end_the_old_first(make, error):
    """As it does when the same machine attaches, with or without a word: that is no failure."""
    h = make()
    old = h.attach()
    h.relay.on_call = lambda c, call: None
    renew(h)
    new = h.relay.attached()
    if error:
        old.error(error)
    old.close()
    h.wait(lambda: h.describe()["state"] == "proving")
    new.admit()
    h.wait(lambda: h.describe()["state"] == "attached")
    assert "error" not in h.describe() and h.figure("proxy_agent_attempts") == 2


def test_cut_while_there_is_a_new_token(make):
    """It comes back at once, and with the new one; who is not let in then is patient."""
    h = make()
    old = h.attach()
    h.keyd.call("ImportToken", token=OTHER)
    old.error("NotAdmitted")
    seen = []

    def back():
        seen.append((h.describe(), time.time()))
        return seen[-1][0]["state"] == "attached" and seen[-1][0]["attachment"]["tokenId"] == OTHER_ID
    h.wait(back)
    assert all(d["retryUSec"] / 1e6 - now < 3 for d, now in seen if d["state"] == "waiting")


def test_a_new_token_that_is_none(make):
    """The one that is let in stays, and what is wrong with the other one is told."""
    h = make()
    old = h.attach()
    h.relay.on_call = lambda c, call: c.error("NotAdmitted")
    renew(h)
    h.wait(lambda: "does not admit this house" in h.describe().get("error", ""))
    d = h.describe()
    assert d["state"] == "attached" and d["attachment"]["tokenId"] == TOKEN_ID
    assert f"hagw-ctl tenant rotate {TENANT}" in d["error"] and f"hagw-ctl attach 127.0.0.1:{h.relay.port} CODE" in d["error"]
    old.say(ping=1)
    assert get(h.visitor())[0] == 200 and "error" in h.describe()
    # The one that is let in is put back: nothing is wrong any more, and nothing was cut for it.
    h.keyd.call("ImportToken", token=TOKEN)
    h.proxyd.reload()
    h.wait(lambda: "error" not in h.describe())
    assert h.describe()["attachment"]["sinceUSec"] == d["attachment"]["sinceUSec"] and not old.wait_closed(0)
    h.relay.on_call = None
    renew(h)
    h.wait(lambda: h.describe().get("attachment", {}).get("tokenId") == OTHER_ID)
    assert "error" not in h.describe()

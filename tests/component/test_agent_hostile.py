# SPDX-License-Identifier: LGPL-2.1-or-later
"""A house behind a relay: what is not its relay, a relay that means no good, and networks that fail."""

import base64
import contextlib
import os
import select
import socket
import ssl
import threading
import time

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from proxyhouse import HOST, listen
from relay_tools import NAME, TENANT, TOKEN, ZONE, Relay
from test_agent import LAN, AgentHouse, get, make  # noqa: F401 (fixture)
from test_netd import ip, net  # noqa: F401 (fixture)


def refuses(h, *words, seconds=10):
    """It does not attach, and says why."""
    seen = []  # one look says it all: it tries again soon

    def waits():
        seen.append(h.describe())
        return seen[-1]["state"] == "waiting" and seen[-1].get("error")
    h.wait(waits, seconds)
    d = seen[-1]
    assert all(w in d["error"] for w in words), d["error"]
    assert d["retryUSec"] / 1e6 > time.time() - 2 and "attachment" not in d
    assert h.figure("proxy_agent_attached") == 0
    return d


def log_lines(h, text):
    return [line for line in h.proxyd.text().splitlines() if text in line and " -> " not in line]


# --- what is not its relay -------------------------------------------------------------------------------------

def test_wrong_pin(make):  # noqa: F811
    relay = Relay(make.folder())
    h = make(relay, pin="sha256:" + base64.b64encode(bytes(32)).decode())
    refuses(h, "public key", relay.pin)
    assert relay.controls.empty() and relay.n_hellos == 0


def test_unknown_authority(make):  # noqa: F811
    h = make(pin="")
    refuses(h, "certificate is refused")
    assert h.relay.controls.empty()


SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@pytest.mark.parametrize("names, keys, why", [
    ([NAME], {}, None), ([NAME], {"usage": [SERVER, CLIENT]}, None), (["other.example.com"], {}, "name"),
    ([NAME], {"usage": [CLIENT]}, "purpose"), ([NAME], {"kind": "weak"}, "algorithm"),
], ids=["right", "for-servers", "wrong", "for-clients", "weak"])
def test_name(make, house, names, keys, why):  # noqa: F811
    """By the system's roots, in a mount namespace where they are ours."""
    relay = Relay(make.folder(), names=names, **keys)
    (house.root / "hosts").write_text(f"127.0.0.1 {NAME}\n")
    (house.root / "resolv.conf").write_text("nameserver 127.0.0.9\noptions attempts:1\n")
    house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                             "HAGW_HOSTS": str(house.root / "hosts")})
    roots = house.root / "with-roots"
    roots.write_text(f"#!/bin/sh\nmount --bind {relay.authority.file} /etc/ssl/certs/ca-certificates.crt && exec \"$@\"\n")
    roots.chmod(0o755)
    h = make(relay, pin="", address=f"{NAME}:{relay.port}", start=False)
    h.start(wrapper=["unshare", "--mount", "--propagation", "unchanged", roots])
    if not why:
        h.attach()
        assert relay.server_names == [NAME.encode()]
        s = h.visitor()
        assert get(s)[0] == 200
    else:
        refuses(h, "certificate is refused", why)
        assert relay.controls.empty()


def test_tls_1_2(make):  # noqa: F811
    h = make(Relay(make.folder(), version=SSL.TLS1_2_VERSION))
    refuses(h, "TLS failed")
    assert h.relay.controls.empty()


def test_no_alpn(make):  # noqa: F811
    """Any web server with the right certificate."""
    relay = Relay(make.folder(), alpn=())
    h = make(relay)
    refuses(h, "no relay of hagw's")


def test_nobody_there(make):  # noqa: F811
    relay = Relay(make.folder())
    h = make(relay, start=False)
    relay.close()
    h.start()
    refuses(h, "refused")
    # It comes up, and is found without anybody's help.
    h.relay = Relay(make.folder(), port=relay.port)
    h.house.configure(h.main(), ha=h.host())
    h.proxyd.reload()
    h.attach()


def test_no_token(make):  # noqa: F811
    h = make(token=None)
    refuses(h, "no token", "hagw-ctl attach")
    # Once there is one, a reload is enough.
    h.keyd.call("ImportToken", token=TOKEN)
    h.proxyd.reload()
    h.attach()


def test_token_of_another(make):  # noqa: F811
    h = make(token=TOKEN.replace(TENANT, "ben"))
    refuses(h, '"ben"', f'"{TENANT}"')
    assert h.relay.controls.empty()


# --- a relay that says no --------------------------------------------------------------------------------------

def test_leaves_again_and_again(make):  # noqa: F811
    """Believed a few times in a row; then it is asked as rarely as any that fails."""
    relay = Relay(make.folder())

    def on_call(control, call):
        control.admit()
        control.say(leaving=True)
    relay.on_call = on_call
    h = make(relay)
    h.wait(lambda: "again and again" in h.describe().get("error", ""), 60)
    assert len(relay.server_names) >= 9
    relay.on_call = None
    h.wait(lambda: h.describe()["state"] == "attached", 120)


@pytest.mark.parametrize("error, words", [
    ("NotAdmitted", "does not admit this house"), ("Suspended", "suspended"), ("x.y.Strange", "x.y.Strange")])
def test_refused(make, error, words):  # noqa: F811
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: c.error(error)
    h = make(relay)
    d = refuses(h, words)
    # It is patient, and says it once.
    assert d["retryUSec"] / 1e6 - time.time() > 8
    h.proxyd.reload()
    h.wait(lambda: h.figure("proxy_agent_attempts") == 2)
    refuses(h, words)
    assert len(log_lines(h, words)) == 1


def test_taken_over(make):  # noqa: F811
    h = make()
    control = h.attach()
    s = h.visitor()
    waiting = h.relay.channel()
    control.error("TakenOver")
    d = refuses(h, "another machine")
    assert waiting.ended() and get(s)[0] == 200
    assert d["retryUSec"] / 1e6 - time.time() > 8 and len(log_lines(h, "another machine")) == 1


def test_busy(make):  # noqa: F811
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: c.error("Busy", retryUSec=5_000_000)
    h = make(relay)
    d = refuses(h, "too much to do")
    assert 3 < d["retryUSec"] / 1e6 - time.time() < 10.5


@pytest.mark.parametrize("say", [
    lambda c: c.connection.sendall(b"nonsense\0"), lambda c: c.connection.sendall(b"{" * 70000),
    lambda c: c.connection.sendall(b"[]\0"), lambda c: c.say(zone=ZONE), lambda c: c.say(sessionId="AAAA", zone=ZONE),
    lambda c: c.say(sessionId=base64.b64encode(bytes(16)).decode()),
    lambda c: c.say(sessionId=base64.b64encode(bytes(16)).decode(), zone="a" * 300),
    lambda c: c.send({"parameters": {}}), lambda c: c.send({"method": "io.hagw.Relay.Attach", "parameters": {}}),
    lambda c: c.say(sessionId=base64.b64encode(bytes(16)).decode(), zone="\x1b]0;evil\x07.example.com"),
    lambda c: c.send({"error": 7}), lambda c: c.send({"error": "io.hagw.Relay.\x1b[2J"}), lambda c: c.close()])
def test_nonsense(make, say):  # noqa: F811
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: say(c)
    h = make(relay)
    refuses(h)
    assert relay.n_hellos == 0
    relay.on_call = None
    h.attach()


def test_numbers_without_sense(make):  # noqa: F811
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: c.say(sessionId=base64.b64encode(bytes(16)).decode(), zone=ZONE, channels=-5, waiting=-1)
    h = make(relay)
    h.attach()
    for more in ({"waiting": -1}, {"waiting": "many"}, {"waiting": 1.5}, {"waiting": 2**63 - 1}, {"ping": None}, {}):
        h.control.say(**more)
    time.sleep(0.5)
    assert relay.n_hellos == 0 and h.describe()["state"] == "attached"


def test_flood_of_messages(make):  # noqa: F811
    """The worker has other visitors, too."""
    h = make()
    h.attach()
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            h.control.say(ping=1, waiting=1)
    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    s = h.visitor()
    for _ in range(20):
        assert get(s)[0] == 200
    stop.set()
    thread.join()


# --- channels --------------------------------------------------------------------------------------------------

def many(make, n, **keys):  # noqa: F811
    relay = Relay(make.folder())
    relay.on_call = lambda c, call: c.admit(channels=1000, waiting=n)
    h = make(relay, **keys)
    h.attach().stay()
    return h, [relay.channel() for _ in range(n)]


def hello():
    """A ClientHello for HOST, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        o.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("source", ["198.51.100.7", "2001:db8::7"])
def test_header_altered(make, source):  # noqa: F811
    """Each byte of it, with a ClientHello behind that would be answered."""
    size, begin = 67 if "." in source else 91, time.monotonic()
    h, channels = many(make, size + 1)
    for i, c in enumerate(channels[:size]):
        header = bytearray(c.header(h.control, source))
        assert len(header) == size
        header[i] ^= 1 << (i % 8)
        c.socket.sendall(bytes(header) + hello())
    for c in channels[:size]:
        assert c.ended(30)
    assert h.describe()["rejected"] == size == h.figure("proxy_agent_rejected")
    assert h.figure("proxy_agent_visits") == 0 and h.figure("proxy_handshakes") == 0
    assert 1 <= len(log_lines(h, "was closed: ")) <= 1 + (time.monotonic() - begin) // 60, "said once a minute"
    assert get(h.visitor(channels[size], source=source))[0] == 200


@pytest.mark.parametrize("extra", [b"", b"\0"], ids=["", "and another TLV"])
def test_header_of_another_length(make, extra):  # noqa: F811
    """Signed by the relay, and yet not what the protocol says."""
    from relay_tools import SIGNATURE, mac
    h, channels = many(make, 2)
    for c, kind in zip(channels, (bytes([0xE0, 0, 1, 2]), bytes([0xE0, 0, 2, 0, 0]))):
        body = socket.inet_aton("198.51.100.7") + socket.inet_aton("203.0.113.20") + bytes([1, 1, 1, 187]) + kind + extra
        head = SIGNATURE + b"\x21\x11" + (len(body) + 35).to_bytes(2) + body + bytes([0xE1, 0, 32])
        c.socket.sendall(head + mac(h.control.visitor_key, c.number.to_bytes(8), head))
        assert c.ended()
    assert h.describe()["rejected"] == 2


def test_header_replayed(make):  # noqa: F811
    """On another channel, on the same number of another session, and with a key of another session."""
    h, channels = many(make, 3)
    first, control = channels[0], h.control
    channels[1].socket.sendall(first.header(control) + hello())
    assert channels[1].ended()
    s = h.visitor(first)
    assert get(s)[0] == 200
    control.close()
    second = h.attach()
    again = next(c for c in iter(h.relay.channel, None) if c.session_id == second.session_id and c.number == 1)
    again.socket.sendall(again.header(control) + hello())
    assert again.ended() and h.describe()["rejected"] == 2
    assert h.figure("proxy_agent_visits") == 1


def trickle(channel, h, cut):
    """So slowly that its last byte is too late, on however slow a machine."""
    with contextlib.suppress(ConnectionError):
        for byte in channel.header(h.control):
            channel.socket.sendall(bytes([byte]))
            if select.select([channel.socket], [], [], 0.25)[0]:
                break
        else:
            return
    cut.append(channel.ended())


def test_header_cut(make):  # noqa: F811
    h, channels = many(make, 69)
    for i, c in enumerate(channels[:66]):
        c.socket.sendall(c.header(h.control)[:i + 1])
        c.socket.shutdown(socket.SHUT_WR)
    for c in channels[:66]:
        assert c.ended()
    assert h.describe()["rejected"] == 66
    # One that comes byte by byte, one that does not come to its end, and one that would after 25 seconds.
    begin = time.monotonic()
    channels[66].socket.sendall(channels[66].header(h.control)[:30])
    late = threading.Thread(target=trickle, args=(channels[68], h, cut := []))
    late.start()
    c = channels[67]
    for byte in c.header(h.control):
        c.socket.sendall(bytes([byte]))
        time.sleep(0.01)
    c.socket.settimeout(20)
    assert get(h.context().wrap_socket(c.socket, server_hostname=HOST))[0] == 200
    assert channels[66].ended(60) and 8 < time.monotonic() - begin
    late.join(60)
    assert cut == [True]
    assert h.describe()["rejected"] == 68


def test_no_header(make):  # noqa: F811
    """A channel that waits costs no more than that, and one that is closed is replaced; not in a hurry when it happens again."""
    h, channels = many(make, 1)
    time.sleep(1)
    assert h.describe()["attachment"]["waiting"] == 1
    begin, n = time.monotonic(), 0
    channels[0].socket.close()
    while time.monotonic() - begin < 5:
        try:
            h.relay.channel(timeout=0.2).socket.close()
            n += 1
        except Exception:
            pass
    assert 1 <= n <= 40, n


def test_claims_to_be_of_the_house(make):  # noqa: F811
    """A relay's word must not open what is for the house's own networks."""
    h, channels = many(make, 3)
    for c, source in zip(channels, ("192.168.255.7", "::ffff:192.168.255.9")):
        c.socket.sendall(c.header(h.control, source) + hello())
        assert c.ended()
    assert h.describe()["rejected"] == 2 and len(log_lines(h, "own networks")) == 1
    assert get(h.visitor(channels[2], source="8.8.8.8"))[0] == 200


# What services take for near, in every way to write it; the end of every DS-Lite tunnel; and a laboratory's, unless this is one.
NOT_GLOBAL = ["127.0.0.1", "::1", "10.1.2.3", "172.16.5.4", "192.168.1.9", "169.254.7.7", "fe80::7", "fd00::7", "100.64.1.1", "0.0.0.0",
              "192.0.0.2", "198.18.0.1", "224.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:c0a8:101::1",
              "2001:0:808:808::3f57:fefe"]
LABORATORY = ["203.0.113.9", "2001:db8::9"]


@pytest.mark.parametrize("laboratory, relay, refused, taken", [
    (False, "", NOT_GLOBAL + LABORATORY, ["8.8.8.8", "2003::9", "2002:808:808::1"]),
    (True, "", NOT_GLOBAL, LABORATORY),
    (False, 'private = "accept";', ["192.168.255.7"], ["10.1.2.3", "fd00::7"])], ids=["default", "laboratory", "private"])
def test_names_an_address_that_nobody_on_the_internet_has(make, laboratory, relay, refused, taken):  # noqa: F811
    """Home Assistant, too, has a notion of what is near."""
    h = make(start=False)
    n = len(refused) + len(taken)  # all wait before the first is closed: what is lost is opened anew ever more slowly
    h.house.configure(h.main(relay + f"channels_min = {n};").replace("documentation_networks = true;", "documentation_networks = true;" * laboratory), ha=h.host())
    h.start()
    h.attach()
    channels = [h.relay.channel() for _ in range(n)]
    for source in refused:
        c = channels.pop()
        c.socket.sendall(c.header(h.control, source) + hello())
        assert c.ended(), source
    assert h.describe()["rejected"] == len(refused) and len(log_lines(h, "was closed")) == 1
    for source in taken:
        s = h.visitor(channels.pop(), source=source)
        assert get(s)[0] == 200, source
        s.close()


def test_private_relay_no_more(make):  # noqa: F811
    """Who is in by that setting goes with it, also between two requests."""
    h = make(more='private = "accept";')
    h.attach()
    near, far = h.visitor(source="10.1.2.3"), h.visitor(source="8.8.8.8")
    assert get(near)[0] == get(far)[0] == 200
    h.house.configure(h.main(), ha=h.host())
    h.proxyd.reload()
    near.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert near.recv(1) == b""
    assert get(far)[0] == 200
    h.house.configure("lan = ( \"127.0.0.0/8\" );", ha=h.host())
    h.proxyd.reload()
    far.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert far.recv(1) == b"", "there is no relay any more"


def test_opened_is_refused(make):  # noqa: F811
    h, channels = many(make, 1)
    channels[0].socket.sendall(channels[0].header(h.control, kind=1) + hello())
    assert channels[0].ended() and h.describe()["rejected"] == 1
    assert len(log_lines(h, "relay.opened")) == 1


def test_visitors_are_counted_by_address(make):  # noqa: F811
    h, channels = many(make, 8, proxy="connections_per_address = 4;")
    inside = [h.visitor(c) for c in channels[:4]]
    assert all(get(s)[0] == 200 for s in inside)
    c = channels[4]
    c.socket.sendall(c.header(h.control) + hello())
    assert c.ended() and h.figure("proxy_crowded") == 1
    other = h.visitor(channels[5], source="198.51.100.8")
    assert get(other)[0] == 200
    inside[0].close()
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 4)
    assert get(h.visitor(channels[6]))[0] == 200


def test_visitor_who_says_nothing(make):  # noqa: F811
    h, channels = many(make, 2, proxy='hello_timeout = "1s";')
    channels[0].socket.sendall(channels[0].header(h.control))
    assert channels[0].ended()
    channels[1].socket.sendall(channels[1].header(h.control) + b"GET / HTTP/1.1\r\n\r\n")
    assert channels[1].ended()
    assert h.describe()["rejected"] == 0
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 0)


# --- networks that fail ----------------------------------------------------------------------------------------

def test_silent_relay(make):  # noqa: F811
    """It is there, answers TCP, and says nothing: found within 30 s."""
    h = make()
    h.attach()
    begin = time.monotonic()
    h.relay.attached(60)
    assert time.monotonic() - begin > 20
    h.wait(lambda: h.describe()["state"] == "attached")
    assert len(log_lines(h, "it has said nothing for 25 seconds")) == 1


def netd_with_hosts(house, *addresses):
    (house.root / "hosts").write_text("".join(f"{a} {NAME}\n" for a in addresses))
    (house.root / "resolv.conf").write_text("nameserver 127.0.0.9\noptions attempts:1\n")
    if not any(d.name == "netd" for d in house.daemons):
        house.daemon("netd", "io.hagw.Net", env={"HAGW_RESOLV_CONF": str(house.root / "resolv.conf"),
                                                 "HAGW_HOSTS": str(house.root / "hosts")})


def test_several_addresses(make, house):  # noqa: F811
    """One refuses, one is silent (its backlog is full), one is the relay: its channels go where control goes."""
    relay = Relay(make.folder())
    silent, fillers = listen("127.0.0.8", port=relay.port), []
    silent.listen(0)
    for _ in range(3):
        fillers.append(socket.socket())
        fillers[-1].setblocking(False)
        fillers[-1].connect_ex(("127.0.0.8", relay.port))
    netd_with_hosts(house, "127.0.0.9", "127.0.0.8", "127.0.0.1")
    begin = time.monotonic()
    h = make(relay, address=f"{NAME}:{relay.port}")
    h.attach()
    assert time.monotonic() - begin < 10 and h.figure("proxy_agent_attempts") == 1
    assert h.describe()["attachment"]["address"] == f"127.0.0.1:{relay.port}"
    assert get(h.visitor())[0] == 200
    for s in (silent, *fillers):
        s.close()


def test_relay_moves(make, house):  # noqa: F811
    """Its name is looked up each time."""
    relay = Relay(make.folder())
    netd_with_hosts(house, "127.0.0.1")
    h = make(relay, address=f"{NAME}:{relay.port}")
    h.attach()
    elsewhere = Relay(make.folder(), address="127.0.0.7", port=relay.port, like=relay)
    netd_with_hosts(house, "127.0.0.7")
    relay.close()
    h.control = elsewhere.attached(40)
    assert get(h.visitor(elsewhere.channel()))[0] == 200
    elsewhere.close()


def test_relay_that_is_never_done(make):  # noqa: F811
    """Takes connections and nothing more; then it does."""
    relay = Relay(make.folder())
    relay.mute = True
    h = make(relay)
    refuses(h, "TLS handshake took too long", seconds=25)
    relay.mute = False
    h.attach()


class Beyond(threading.Thread):
    """A relay in a network namespace of its own, at the other end of a cable."""

    def __init__(self, folder, cable):
        super().__init__(daemon=True)
        self.folder, self.cable, self.todo, self.done = folder, cable, threading.Event(), threading.Event()
        self.unshared = threading.Event()
        self.start()
        self.unshared.wait()
        ip("link", "set", cable, "netns", str(self.native_id))
        self.todo.set()
        self.done.wait()

    def run(self):
        os.unshare(os.CLONE_NEWNET)
        self.unshared.set()
        self.todo.wait()
        ip("link", "set", "lo", "up")
        ip("link", "set", self.cable, "up")
        ip("address", "add", "203.0.113.20/24", "dev", self.cable)
        ip("address", "add", "2001:db8::20/64", "dev", self.cable, "nodad")
        self.relay = Relay(self.folder, address="203.0.113.20")
        self.done.set()


def test_address_changes(net, make, house):  # noqa: F811
    """The house gets another address: control and channels are made anew at once, not when their time is over."""
    ip("address", "add", "203.0.113.30/24", "dev", "eth0")
    house.daemon("netd", "io.hagw.Net")
    relay = Beyond(make.folder(), "far").relay
    h = make(relay, address=f"203.0.113.20:{relay.port}")
    first = h.attach()
    assert first.peer[0] == "203.0.113.30"
    # Nothing that concerns the way to the relay: a second address, a second interface.
    ip("address", "add", "203.0.113.31/24", "dev", "eth0")
    ip("route", "add", "default", "via", "203.0.113.1", "dev", "eth0")
    time.sleep(0.5)
    assert h.describe()["state"] == "attached" and h.figure("proxy_agent_attempts") == 1
    old = h.visitor()
    assert get(old)[0] == 200 and h.describe()["attachment"]["visitors"] == 1
    begin = time.monotonic()
    ip("address", "del", "203.0.113.30/24", "dev", "eth0")
    ip("address", "add", "203.0.113.32/24", "dev", "eth0")
    ip("route", "replace", "default", "via", "203.0.113.1", "dev", "eth0")
    second = relay.attached(10)
    assert time.monotonic() - begin < 4 and second.peer[0] in ("203.0.113.31", "203.0.113.32")
    # The visitor of the old way is given up, though TCP would have tried for minutes; who comes by the new one is not.
    new = h.visitor(next(c for c in iter(relay.channel, None) if c.is_signed(second)), second)
    assert get(new)[0] == 200
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 1, 20)
    assert get(new)[0] == 200


def test_cable_pulled(net, make, house):  # noqa: F811
    """No way out: it waits, and is back soon after there is one, however long it was away."""
    ip("address", "add", "203.0.113.30/24", "dev", "eth0")
    ip("route", "add", "default", "via", "203.0.113.20", "dev", "eth0")
    house.daemon("netd", "io.hagw.Net")
    relay = Beyond(make.folder(), "far").relay
    h = make(relay, address=f"203.0.113.20:{relay.port}")
    h.attach()
    ip("link", "set", "eth0", "down")
    h.wait(lambda: h.describe()["state"] == "waiting", 5)
    h.wait(lambda: h.figure("proxy_agent_attempts") >= 6, 60)
    begin = time.monotonic()
    ip("link", "set", "eth0", "up")
    ip("route", "replace", "default", "via", "203.0.113.20", "dev", "eth0")
    relay.attached(10)
    assert time.monotonic() - begin < 4

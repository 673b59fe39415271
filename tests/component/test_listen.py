# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where hagw-dnsd listens: at this machine's addresses, followed as they change, shared with nobody. The real hagw-netd tells
them, the real hagw-bind opens the sockets, and hagw-dnsd itself has no network."""

import contextlib
import os
import socket
import subprocess
import threading

import dns.message
import dns.query
import pytest

from conftest import BUILD
from dns_tools import ZONE, NameServer, rcode
from proxyhouse import ProxyHouse
from test_netd import LABORATORY, ip, net  # noqa: F401 (fixture)

CONFIG = f'zones = ( {{ name = "{ZONE}"; }} ); {LABORATORY} public_address: {{ ipv4 = "static:203.0.113.7"; ipv6 = "none"; }};'
V4, V6 = "192.168.7.2", "2001:db8:7::2"


class Helper:
    """Starts a hagw-bind for each connection, as hagw-bind.socket does."""

    def __init__(self, runtime):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.path = runtime / "bind"
        self.listener.bind(str(self.path))
        self.listener.listen(8)
        self.started, self.processes = 0, []
        # A thread is in the network that its maker is in.
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.processes.append(subprocess.Popen([BUILD / "hagw-bind" / "hagw-bind"], stdin=connection.fileno()))
                self.started += 1
                connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for p in self.processes:
            assert p.wait(30) == 0


class Machine:
    def __init__(self, house, config=CONFIG):
        self.house = house
        house.configure(config)
        self.helper = Helper(house.runtime)
        self.netd = house.daemon("netd", "io.hagw.Net")
        self.dnsd = house.daemon("dnsd", "io.hagw.Dns", wrapper=("unshare", "-n"))

    def listeners(self):
        found = self.dnsd.call("ListListeners")["listeners"]
        assert all((i["sinceUSec"] > 0) == (i["open"] or "error" in i) for i in found), found
        return {(i["address"], i["port"], i["transport"]): i.get("error") or (None if i["open"] else "closed") for i in found}

    def wait(self, *places, **failing):
        """Open at all of these (ADDRESS or ADDRESS#PORT) and nowhere else; failing: {place: error}."""
        def rows(place, error=None):
            address, _, port = place.partition("#")
            return {(address, int(port or 53), protocol): error for protocol in ("udp", "tcp")}
        wanted = {k: v for p in places for k, v in rows(p).items()}
        for place, error in failing.items():
            wanted |= rows(place, error)
        NameServer.until(lambda: self.listeners() == wanted, 60)

    def close(self):
        self.helper.close()


@pytest.fixture
def machine(house, net):  # noqa: F811
    made = []

    def make(config=CONFIG):
        made.append(Machine(house, config))
        return made[-1]
    yield make
    for m in made:
        m.close()


def ask(address, port=53, tcp=False, timeout=20):
    query = dns.message.make_query(ZONE, "SOA")
    return rcode((dns.query.tcp if tcp else dns.query.udp)(query, address, port=port, timeout=timeout))


def answers(*addresses, port=53):
    return all(ask(a, port, tcp) == "NOERROR" for a in addresses for tcp in (False, True))


def silent(address, port=53):
    """Nobody has the port there: UDP's error comes back, too."""
    with pytest.raises(OSError):
        ask(address, port, tcp=True)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((address, port))
        s.send(b"x" * 12)
        with pytest.raises(ConnectionRefusedError):
            s.recv(100)
    return True


def stranger(address, port=53, tcp=False, reuse=True):
    """Another program's socket there."""
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    if reuse:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, port))
    if tcp:
        s.listen(8)
    return s


def test_it_follows_the_addresses(machine):
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m = machine()
    m.wait(V4)
    assert answers(V4)
    assert silent("127.0.0.1"), "only where strangers come"
    ip("address", "add", f"{V6}/64", "dev", "eth0", "nodad")
    m.wait(V4, V6)
    assert answers(V4, V6)
    # The router gives another address: the old one goes, the new one comes.
    ip("address", "del", f"{V4}/24", "dev", "eth0")
    ip("address", "add", "192.168.7.77/24", "dev", "eth0")
    m.wait("192.168.7.77", V6)
    assert answers("192.168.7.77", V6)
    ip("address", "flush", "dev", "eth0")
    m.wait()
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m.wait(V4)
    assert answers(V4)


def test_beside_the_stub_of_systemd_resolved(machine):
    """127.0.0.53 on the loopback alone and 127.0.0.54 without that, UDP and TCP, open before and opened again after."""
    def stub():
        made = []
        for address in ("127.0.0.53", "127.0.0.54"):
            for tcp in (False, True):
                s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if address.endswith("53"):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
                s.bind((address, 53))
                if tcp:
                    s.listen(8)
                made.append(s)
        return made
    before = stub()
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m = machine()
    m.wait(V4)
    assert answers(V4)
    for s in before:
        s.close()
    for s in stub():
        s.close()


def test_networks_of_containers_keep_their_port(machine):
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    ip("link", "add", "virbr0", "type", "bridge")
    ip("address", "add", "192.168.122.1/24", "dev", "virbr0")
    ip("address", "add", "fd00:7::2/64", "dev", "eth0", "nodad")
    m = machine()
    m.wait(V4)
    for tcp in (False, True):
        for address in ("192.168.122.1", "127.0.0.1", "fd00:7::2"):
            stranger(address, tcp=tcp, reuse=False).close()


@pytest.mark.parametrize("address", [V4, "0.0.0.0"])
def test_another_program_keeps_all_that_is_its_own(machine, address):
    """Whether it stands at the address or at all, and shares or not: every question goes to it; IPv6 is not concerned."""
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    ip("address", "add", f"{V6}/64", "dev", "eth0", "nodad")
    others = [stranger(address), stranger(address, tcp=True)]
    m = machine()
    m.wait(V6, **{V4: "EADDRINUSE"})
    assert answers(V6)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"a question", (V4, 53))
        others[0].settimeout(20)
        assert others[0].recv(100) == b"a question"
    assert m.dnsd.text().count(f"Nothing is answered at {V4}, port 53, UDP: another program has the port") == 1
    figures = {f["name"]: f["value"] for f in m.dnsd.call("io.hagw.Service.GetMetrics")["metrics"]}
    assert figures["dns_listeners"] == 2 and figures["dns_listeners_failed"] == 2
    # It goes, and the port is taken.
    for s in others:
        s.close()
    m.wait(V4, V6)
    assert answers(V4, V6)
    with pytest.raises(OSError):
        stranger(address)


def test_another_port_beside_a_resolver(machine, house):
    """The router sends its port 53 to 5300; what is asked at 53 is the resolver's."""
    others = [stranger(a, tcp=tcp) for a in ("0.0.0.0", "::") for tcp in (False, True)]
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    ip("address", "add", f"{V6}/64", "dev", "eth0", "nodad")
    m = machine(CONFIG + "dns: { ipv4_port = 5300; ipv6_port = 0; };")
    m.wait(f"{V4}#5300")
    assert answers(V4, port=5300) and silent(V6, 5300)
    # The owner says otherwise.
    house.configure(CONFIG + 'dns: { ipv4_port = 5300; ipv6_port = 5301; listen = ( "127.0.0.0/8", "::1" ); };')
    m.dnsd.reload()
    m.wait("127.0.0.1#5300", "::1#5301")
    assert answers("127.0.0.1", port=5300) and answers("::1", port=5301) and silent(V4, 5300)
    for s in others:
        s.close()


@pytest.mark.parametrize("port", [1, 52, 54, 443, 1023])
def test_other_services_ports_are_refused(machine, house, port):
    m = machine()
    house.configure(CONFIG + f"dns: {{ ipv6_port = {port}; }};")
    m.dnsd.reload()
    assert "53, 1024 to 65535, or 0" in m.dnsd.call("io.hagw.Service.Describe")["configError"]


def test_nothing_is_lost_in_a_restart(machine):
    """systemd keeps the sockets: what is asked while hagw-dnsd is away waits for it."""
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m = machine()
    m.wait(V4)
    started = m.helper.started
    m.dnsd.kill()
    query = dns.message.make_query(ZONE, "SOA")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_connection((V4, 53), 20) as tcp:
        udp.settimeout(20)
        udp.connect((V4, 53))
        udp.send(query.to_wire())
        dns.query.send_tcp(tcp, query.to_wire())
        # And it needs nobody to go on.
        m.netd.kill()
        m.dnsd.start()
        assert dns.message.from_wire(udp.recv(4096)).id == query.id
        assert dns.query.receive_tcp(tcp)[0].id == query.id
    m.wait(V4)
    assert m.helper.started == started
    m.netd.start()
    ip("address", "flush", "dev", "eth0")
    m.wait()
    assert m.dnsd.kept == {}


def test_what_was_kept_and_is_of_no_use(machine):
    """It is closed, and systemd is told to let go of it, too; what is good beside it stays."""
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m = machine()
    m.wait(V4)
    m.dnsd.kill()
    good = set(m.dnsd.kept)
    with socket.socketpair()[0] as strange, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as silent:
        inodes = {os.fstat(s.fileno()).st_ino for s in (strange, silent)}
        m.dnsd.kept |= {"dns-udp-53-strange": os.dup(strange.fileno()), "dns-tcp-53-silent": os.dup(silent.fileno())}
        m.dnsd.start()
        m.wait(V4)
        ProxyHouse.wait(lambda: set(m.dnsd.kept) == good)
        folder = f"/proc/{m.dnsd.process.pid}/fd"
        assert not inodes & {os.stat(f"{folder}/{fd}").st_ino for fd in os.listdir(folder)}
    assert rcode(dns.query.udp(dns.message.make_query(ZONE, "SOA"), V4, timeout=20)) == "NOERROR"


def test_no_zone_no_port(machine, house):
    """Where nobody asks (a house behind a relay), the port is left to others."""
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m = machine(LABORATORY)
    assert m.listeners() == {}
    for tcp in (False, True):
        stranger(V4, tcp=tcp, reuse=False).close()
    house.configure(CONFIG)
    m.dnsd.reload()
    m.wait(V4)
    house.configure(LABORATORY)
    m.dnsd.reload()
    m.wait()
    assert silent(V4)


def test_without_a_helper(machine):
    """It comes later, or goes in the middle: it is asked again."""
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    m = machine(LABORATORY)
    m.helper.path.rename(m.helper.path.with_name("away"))
    m.house.configure(CONFIG)
    m.dnsd.reload()
    m.wait(**{V4: "ENOENT"})
    # Nonsense, and silence that ends.
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(str(m.helper.path))
        s.listen(8)
        s.settimeout(60)
        connection, _ = s.accept()
        with connection:
            assert len(connection.recv(100)) > 20
            connection.send(b"nonsense")
            m.wait(**{V4: "EBADMSG"})
        connection, _ = s.accept()
        assert len(connection.recv(100)) > 20
        connection.close()
        m.wait(**{V4: "ECONNRESET"})
    m.helper.path.unlink()
    m.helper.path.with_name("away").rename(m.helper.path)
    m.wait(V4)
    assert answers(V4)


def test_the_helper_is_strict(house):
    """What is no request ends the connection."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    p = subprocess.Popen([BUILD / "hagw-bind" / "hagw-bind"], stdin=its.fileno(), stderr=subprocess.PIPE)
    its.close()
    ours.send(os.urandom(5))
    with ours:
        assert ours.recv(100) == b""
    assert p.wait(30) == 1 and b"broke" in p.stderr.read()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of hagw-dnsd share: its sockets, hagw-netd beside it, and questions."""

import json
import socket
import threading

import dns.flags
import dns.message
import dns.query
import dns.rcode

ZONE = "home.example.com"
CONFIG = f"""
zones = ( {{ name = "{ZONE}"; ttl = "90s"; caa = ( "letsencrypt.org", "pki.example" ); }},
          {{ name = "only.example.org"; answer = "hosts"; name_server = "ns.{ZONE}"; }} );
dns: {{ rate_limit = 0; tcp_idle = "2s"; tcp_clients = 8; }};
"""
IPV4, IPV6 = "203.0.113.10", "2001:db8::1"
HOSTS = {
    "ha": 'name = "ha.only.example.org"; upstream = "http://127.0.0.1:8123";',
    "deep": 'name = "a.b.only.example.org"; upstream = "http://127.0.0.1:8123";',
    "wild": 'name = "*.apps.only.example.org"; upstream = "http://127.0.0.1:8123";',
}


def public(ipv4=IPV4, ipv6=IPV6):
    """The setting for hagw-netd."""
    source = {a: f"static:{a}" if a else "none" for a in (ipv4, ipv6)}
    return f'public_address: {{ ipv4 = "{source[ipv4]}"; ipv6 = "{source[ipv6]}"; }};\n'


class Nonsense:
    """In hagw-netd's place: says the house's IPv4 address as that would, and then whatever a test wants."""

    def __init__(self, runtime):
        self.path = runtime / "io.hagw.Net"
        self.clients, self.silent, self.lock = [], [], threading.Condition()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(8)
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def serve(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.settimeout(20)
            data = b""
            while not data.endswith(b"\0"):
                data += client.recv(4096)
            call = json.loads(data[:-1])
            method = call["method"].removeprefix("io.hagw.Net.")
            assert method in ("Watch", "WatchNetwork", "WatchLocal") and call["more"]
            if method != "Watch":
                self.silent.append(client)
                continue
            with self.lock:
                client.sendall(self.message())
                self.clients.append(client)
                self.lock.notify_all()

    @staticmethod
    def message():
        address = {"family": "ipv4", "source": "static:", "address": IPV4, "confirmedUSec": 1, "changedUSec": 1, "error": None}
        return json.dumps({"parameters": {"addresses": [address]}, "continues": True}).encode() + b"\0"

    def wait_client(self):
        with self.lock:
            assert self.lock.wait_for(lambda: self.clients, 20)

    def send_raw(self, data):
        with self.lock:
            for c in self.clients:
                c.sendall(data)

    def close(self):
        self.listener.close()
        self.path.unlink(missing_ok=True)
        with self.lock:
            for c in self.clients:
                c.close()


class Accounts:
    """In hagw-acmed's place: tells accounts, and others when a test wants; certificates, where it has some."""

    certificates = None

    def __init__(self, runtime, accounts=(), unnamed=False):
        self.accounts, self.unnamed, self.clients, self.lock = accounts, unnamed, [], threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.path = runtime / "io.hagw.Acme"
        self.listener.bind(str(self.path))
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            data = b""
            while not data.endswith(b"\0"):
                data += client.recv(4096)
            call = json.loads(data[:-1])
            if call["method"] == "io.hagw.Acme.Watch" and self.certificates is not None and not call.get("more"):
                client.sendall(json.dumps({"parameters": {"certificates": self.certificates}}).encode() + b"\0")
            if call["method"] != "io.hagw.Acme.WatchAccounts":
                client.close()
                continue
            with self.lock:
                self.clients.append(client)
                client.sendall(self.message(call.get("more", False)))

    def message(self, more=True):
        accounts = [{"issuer": issuer, "accountUri": uri} for issuer, uri in self.accounts]
        parameters = {"accounts": accounts, "unnamed": self.unnamed}
        return json.dumps({"parameters": parameters, **({"continues": True} if more else {})}).encode() + b"\0"

    def tell(self, accounts=(), unnamed=False):
        with self.lock:
            self.accounts, self.unnamed = accounts, unnamed
            for c in self.clients:
                c.sendall(self.message())

    def close(self):
        self.listener.close()
        self.path.unlink()
        for c in self.clients:
            c.close()


class NameServer:
    """A running hagw-dnsd and the ways to ask it."""

    def __init__(self, house, config=CONFIG, hosts=None, bind="127.0.0.1", netd=True, family=socket.AF_INET, dual=False,
                 env=None):
        self.house, self.config, self.hosts = house, config, HOSTS if hosts is None else hosts
        self.configure()
        self.netd = house.daemon("netd", "io.hagw.Net") if netd else None
        self.udp, self.tcp = self.sockets(family, bind, dual)
        self.port = self.udp.getsockname()[1]
        self.host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self.daemon = house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [self.udp], "dns-tcp": [self.tcp]},
                                   env=env)
        if netd:
            self.until(lambda: "waiting" not in self.status())

    def configure(self, ipv4=IPV4, ipv6=IPV6):
        self.house.configure(self.config + public(ipv4, ipv6), **self.hosts)

    @staticmethod
    def sockets(family, bind, dual=False):
        for _ in range(50):
            tcp = socket.socket(family, socket.SOCK_STREAM)
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            for s in (tcp, udp):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
            tcp.bind((bind, 0))
            try:
                udp.bind((bind, tcp.getsockname()[1]))
            except OSError:
                continue
            tcp.listen(64)
            return udp, tcp
        raise AssertionError("no free port")

    def status(self):
        return self.daemon.call("io.hagw.Service.Describe")["status"]

    @staticmethod
    def until(condition, seconds=30):
        import time
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError("it did not come about in time")

    def ask(self, name, rdtype="A", tcp=False, **keys):
        return self.send(dns.message.make_query(name, rdtype, **{"use_edns": False, **keys}), tcp)

    def send(self, query, tcp=False, host=None):
        how = dns.query.tcp if tcp else dns.query.udp
        return how(query, host or self.host, port=self.port, timeout=30)

    def raw(self, data, timeout=30):
        """One datagram out, one in; None: silence."""
        with socket.socket(self.udp.family, socket.SOCK_DGRAM) as s:
            s.settimeout(timeout)
            s.connect((self.host, self.port))
            s.send(data)
            try:
                return s.recv(65536)
            except TimeoutError:
                return None

    def connect(self, source=""):
        return socket.create_connection((self.host, self.port), timeout=10, source_address=(source, 0) if source else None)

    def publish(self, name, value, owner="test", lifetime=60_000_000):
        return self.daemon.call("PublishText", name=name, value=value, owner=owner, lifetimeUSec=lifetime)

    def metric(self, name, **labels):
        figures = self.daemon.call("io.hagw.Service.GetMetrics")["metrics"]
        return sum(m["value"] for m in figures
                   if m["name"] == name and labels.items() <= (m.get("labels") or {}).items())


def values(reply, section="answer"):
    return sorted(r.to_text() for rrset in getattr(reply, section) for r in rrset)


def rcode(reply):
    return dns.rcode.to_text(reply.rcode())


def is_authoritative(reply):
    return bool(reply.flags & dns.flags.AA)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay (the real hagw-proxyd, hagw-tenantd and hagw-keyd) and agents that are written after docs/relay-protocol.md alone.

Python's ssl has no exporter (RFC 8446 section 7.5), so the agents' TLS is pyOpenSSL's."""

import base64
import hmac
import json
import select
import socket
import struct
import time

from OpenSSL import SSL
from proxyhouse import ProxyHouse
from tenant_tools import Token, b64

ZONE = "relay.example.com"
NAME = f"connect.{ZONE}"
CONFIG = f'zones = ( {{ name = "{ZONE}"; }} ); tenants: {{ zone = "{ZONE}"; name = "{NAME}"; %s }};'


class RelayHouse(ProxyHouse):
    def __init__(self, house, more="", settings="", **hosts):
        super().__init__(house, more + CONFIG % settings, **hosts)
        self.tenantd = house.daemon("tenantd", "io.hagw.Tenant")
        self.certify(ZONE, f"*.{ZONE}")

    def start(self):
        super().start()
        self.wait(self.knows_certificate)
        return self

    def knows_certificate(self):
        """Nobody is let in by the relay's name but agents: so one asks."""
        try:
            Control(self).close()
            return True
        except (SSL.Error, OSError):
            return False

    def serves(self, name):
        try:
            with self.tls(name):
                return True
        except OSError:
            return False

    def tenant(self, name, **keys):
        token = Token(self.tenantd.call("Add", name=name, credential="token", **keys)["tenant"]["credential"])
        return token

    def set(self, name, **keys):
        self.tenantd.call("Set", name=name, **keys)


class Control:
    """A control connection, TLS done."""

    def __init__(self, relay, name=NAME, version=SSL.TLS1_3_VERSION, alpn=b"hagw-relay/1", address="127.0.0.1", port=None):
        self.relay, self.raw = relay, socket.create_connection((address, port or relay.port), 20)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(version)
        if alpn:
            context.set_alpn_protos([alpn])
        self.tls = SSL.Connection(context, self.raw)
        self.tls.set_tlsext_host_name(name.encode())
        self.tls.set_connect_state()
        self.raw.setblocking(True)
        self.raw.settimeout(None)
        self.tls.do_handshake()
        keys = self.tls.export_keying_material(b"EXPORTER-hagw-relay-1", 96, None)
        self.binding, self.channel_key, self.visitor_key = keys[:32], keys[32:64], keys[64:]
        self.text = b""

    def send(self, method, more=False, **parameters):
        self.tls.sendall(json.dumps({"method": f"io.hagw.Relay.{method}", "parameters": parameters, "more": more}).encode() + b"\0")

    def receive(self, timeout=20):
        """The next message; None: the other side ended."""
        deadline = time.monotonic() + timeout
        while b"\0" not in self.text:
            if not self.tls.pending() and not select.select([self.raw], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            try:
                data = self.tls.recv(65536)
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return None
            self.text += data
        text, self.text = self.text.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.send(method, **parameters)
        return self.receive()

    def proof(self, token, binding=None):
        return {"tenant": token.tenant, "tokenId": token.id, "proof": b64(token.proof(binding or self.binding))}

    def close(self):
        self.raw.close()


class Agent(Control):
    """Attached; channels by hand."""

    def __init__(self, relay, token, machine="machine-1", says=None, **keys):
        super().__init__(relay, **keys)
        self.token, self.number, self.waiting = token, 0, []
        self.send("Attach", more=True, proof=self.proof(token), machine=machine, software="test", **says or {})
        self.first = self.receive()
        if self.first and "error" not in self.first:
            self.session = base64.b64decode(self.first["parameters"]["sessionId"])

    def hello(self, number=None, session=None, key=None):
        if number is None:
            self.number += 1
            number = self.number
        text = b"hagw-ch1" + (session or self.session) + struct.pack(">Q", number)
        return text + hmac.digest(key or self.channel_key, text, "sha256")

    def channel(self, hello=None):
        """Opens one and waits until the relay has it: a socket with .number."""
        s = Channel(self, hello or self.hello(), self.number)
        return s

    def open(self, n=1):
        """Waiting channels, that the relay has for sure."""
        before = self.relay.figure("proxy_relay_channels")
        channels = [self.channel() for _ in range(n)]
        self.relay.wait(lambda: self.relay.figure("proxy_relay_channels") >= before + n)
        return channels


class Channel:
    def __init__(self, agent, hello, number):
        self.agent, self.number = agent, number
        self.socket = socket.create_connection(("127.0.0.1", agent.relay.port), 20)
        self.socket.sendall(hello)

    def header(self, timeout=20):
        """(address, port, kind) of the visitor, MAC checked."""
        self.socket.settimeout(timeout)
        head = self.exactly(16)
        assert head[:13] == b"\r\n\r\n\0\r\nQUIT\n\x21"
        rest = self.exactly(struct.unpack(">H", head[14:])[0])
        size = 4 if head[13] == 0x11 else 16
        family = socket.AF_INET if size == 4 else socket.AF_INET6
        assert rest[2 * size + 4:2 * size + 7] == b"\xe0\0\1" and rest[2 * size + 8:2 * size + 11] == b"\xe1\0\x20"
        mac = hmac.digest(self.agent.visitor_key, struct.pack(">Q", self.number) + (head + rest)[:-32], "sha256")
        assert rest[-32:] == mac
        return socket.inet_ntop(family, rest[:size]), struct.unpack(">H", rest[2 * size:2 * size + 2])[0], rest[2 * size + 7]

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            assert more, f"ended after {data!r}"
            data += more
        return data

    def closed(self, timeout=30):
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

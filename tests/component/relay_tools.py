# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay that is as honest or as hostile as a test wants: docs/relay-protocol.md from the other end. pyOpenSSL, because Python's
own ssl has no exporter (RFC 8446 section 7.5) before 3.15."""

import base64
import contextlib
import hashlib
import hmac
import json
import queue
import select
import socket
import struct
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from proxyhouse import Authority, listen

# A secret of the bytes 0 to 31.
SECRET = bytes(range(32))
TENANT, TOKEN_ID = "anna", "aaaaaaab"
TOKEN = f"hagw_{TENANT}_{TOKEN_ID}_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
ZONE = f"{TENANT}.relay.example.com"
NAME = "relay.example.com"
ALPN = b"hagw-relay/1"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def mac(key, *data):
    return hmac.new(key, b"".join(data), hashlib.sha256).digest()


def admits(proof, binding, secret=SECRET):
    stored_key = hashlib.sha256(secret).digest()
    message = b"\0".join([b"hagw-relay-1 proof", proof["tenant"].encode(), proof["tokenId"].encode(), binding])
    got = bytes(a ^ b for a, b in zip(base64.b64decode(proof["proof"]), mac(stored_key, message)))
    return hashlib.sha256(got).digest() == stored_key


class Control:
    """One control connection, after TLS."""

    def __init__(self, relay, connection, peer):
        self.relay, self.connection, self.peer = relay, connection, peer
        keys = connection.export_keying_material(b"EXPORTER-hagw-relay-1", 96, None)
        self.binding, self.channel_key, self.visitor_key = keys[:32], keys[32:64], keys[64:]
        self.session_id = b""
        self.closed, self.lock = threading.Event(), threading.Lock()

    def receive(self):
        data = b""
        while not data.endswith(b"\0"):
            data += self.connection.recv(65536)
        return json.loads(data[:-1])

    def send(self, message):
        with self.lock:
            self.connection.sendall(json.dumps(message).encode() + b"\0")

    def stay(self):
        """Says something every few seconds, as a relay does; else the house takes it for dead."""
        def run():
            with contextlib.suppress(OSError, SSL.Error):
                while not self.closed.wait(5):
                    with self.lock:
                        if not self.closed.is_set():  # else its socket's number may be another's by now
                            self.connection.sendall(b'{"parameters":{"ping":1},"continues":true}\0')
        threading.Thread(target=run, daemon=True).start()

    def say(self, **parameters):
        self.send({"parameters": parameters, "continues": True})

    def error(self, error, **parameters):
        self.send({"error": error if "." in error else f"io.hagw.Relay.{error}", "parameters": parameters})

    def admit(self, session_id=bytes(range(16)), channels=100, waiting=1, **more):
        self.session_id = session_id
        self.say(sessionId=base64.b64encode(session_id).decode(), zone=ZONE, address="192.0.2.1:1", channels=channels,
                 waiting=waiting, **more)

    def close(self):
        self.closed.set()
        try:
            with self.lock:
                self.connection.shutdown()
        except SSL.Error:
            pass
        try:
            self.connection.sock_shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def wait_closed(self, timeout):
        """The house ends it."""
        deadline = time.monotonic() + timeout
        while select.select([self.connection], [], [], max(0, deadline - time.monotonic()))[0]:
            try:
                with self.lock:
                    data = self.connection.recv(65536)
                if data == b"":
                    return True
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return True
        return False


class Channel:
    def __init__(self, relay, sock, hello):
        self.relay, self.socket, self.hello = relay, sock, hello
        self.session_id, self.number = hello[8:24], int.from_bytes(hello[24:32])

    def is_signed(self, control):
        return hmac.compare_digest(mac(control.channel_key, self.hello[:32]), self.hello[32:])

    def header(self, control, source="198.51.100.7", port=4711, kind=0, number=None):
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        here = "2001:db8::20" if family == socket.AF_INET6 else "203.0.113.20"
        body = socket.inet_pton(family, source) + socket.inet_pton(family, here) + struct.pack(">HH", port, 443)
        head = (SIGNATURE + bytes([0x21, 0x21 if family == socket.AF_INET6 else 0x11]) + struct.pack(">H", len(body) + 39) + body +
                bytes([0xE0, 0, 1, kind, 0xE1, 0, 32]))
        return head + mac(control.visitor_key, (number or self.number).to_bytes(8), head)

    def ended(self, timeout=30):
        """The house closes it without a byte."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class Relay(threading.Thread):
    """Says yes to whoever has the token, unless on_call is set: on_call(control, call) is then told of each call."""

    def __init__(self, folder, names=(NAME,), address="127.0.0.1", port=0, alpn=(ALPN,), version=SSL.TLS1_3_VERSION,
                 like=None, kind="ecdsa", usage=None):
        super().__init__(daemon=True)
        self.authority = like.authority if like else Authority(folder)
        self.issued = chain, key = like.issued if like else self.authority.issue(*names, kind=kind, usage=usage)
        self.certificate = x509.load_pem_x509_certificate(chain.encode())
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self.context.set_max_proto_version(version)
        self.context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")  # weak keys are the house's to refuse
        self.context.use_certificate(self.certificate)
        self.context.use_privatekey(serialization.load_pem_private_key(key.encode(), None))
        self.context.set_alpn_select_callback(
            lambda c, offered: next((p for p in offered if p in alpn), SSL.NO_OVERLAPPING_PROTOCOLS))
        self.listener = listen(address, port=port)
        self.port = self.listener.getsockname()[1]
        self.on_call, self.server_names = None, []
        self.controls, self.channels, self.calls, self.failures = (queue.Queue() for _ in range(4))
        self.n_connections, self.n_hellos, self.open, self.mute = 0, 0, [], False
        self.spoken = []
        self.start()

    @property
    def pin(self):
        key = self.certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return "sha256:" + base64.b64encode(hashlib.sha256(key).digest()).decode()

    def run(self):
        while True:
            try:
                s, peer = self.listener.accept()
            except OSError:
                return
            self.n_connections += 1
            self.open.append(s)
            threading.Thread(target=self.serve, args=(s, peer), daemon=True).start()

    def serve(self, s, peer):
        try:
            if self.mute:
                return
            if s.recv(1, socket.MSG_PEEK) == b"\x16":
                self.serve_control(s, peer)
            elif len(hello := s.recv(64, socket.MSG_WAITALL)) == 64:
                self.n_hellos += 1
                self.channels.put(Channel(self, s, hello))
        except (OSError, SSL.Error) as e:
            self.failures.put(e)

    def serve_control(self, s, peer):
        connection = SSL.Connection(self.context, s)
        connection.set_accept_state()
        connection.do_handshake()
        self.server_names.append(connection.get_servername())
        c = Control(self, connection, peer)
        self.spoken.append(c)
        call = c.receive()
        c.call = call
        if self.on_call:
            self.on_call(c, call)
        elif call["method"] == "io.hagw.Relay.Attach":
            assert call["more"] is True
            if admits(call["parameters"]["proof"], c.binding):
                c.admit()
            else:
                c.error("NotAdmitted")
        if call["method"] == "io.hagw.Relay.Attach":
            self.controls.put(c)
        else:
            self.calls.put((c, call))

    def attached(self, timeout=20):
        return self.controls.get(timeout=timeout)

    def channel(self, timeout=20):
        return self.channels.get(timeout=timeout)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for c in self.spoken:
            with c.lock:
                c.closed.set()
        for s in self.open:
            s.close()

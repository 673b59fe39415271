# SPDX-License-Identifier: LGPL-2.1-or-later
"""A house with hagw-proxyd and the real hagw-keyd, certificates of a CA of its own, and visitors.

What hagw-acmed would say is said by Acme, a varlink server that tells whatever list a test sets; everything else is real."""

import datetime
import fcntl
import functools
import hashlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

HOST = "ha.home.example.com"


def new_name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@functools.cache
def rsa_key(bits):
    """The same for all tests: to find one takes a busy machine many seconds."""
    folder = pathlib.Path(tempfile.gettempdir()) / "hagw-test-keys"
    folder.mkdir(exist_ok=True)
    with open(folder / f"rsa-{bits}.pem", "a+b") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.seek(0)
        if not (text := f.read()):
            text = pem_of(rsa.generate_private_key(65537, bits))
            f.write(text)
    return serialization.load_pem_private_key(text, None)


def pem_of(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """Issues certificates; its own stands in a file for visitors to trust."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        self.now = now
        self.certificate = self.sign(new_name("test CA"), self.key.public_key(), new_name("test CA"),
                                     [(x509.BasicConstraints(ca=True, path_length=0), True),
                                      (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)])
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, public_key, issuer, extensions, days=90):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(self.now - datetime.timedelta(days=1))
                   .not_valid_after(self.now + datetime.timedelta(days=days)))
        extensions = extensions + [
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)]
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, *names, kind="ecdsa", days=90, usage=None):
        """Returns (PEM chain, PEM key). usage: what it says that it is for, by ExtendedKeyUsageOID; None: nothing."""
        bits = {"rsa": 2048, "rsa4096": 4096, "weak": 1024}.get(kind)
        key = rsa_key(bits) if bits else ec.generate_private_key(
            ec.SECP384R1() if kind == "p384" else ec.SECP256R1())
        extensions = [(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)]
        if usage:
            extensions.append((x509.ExtendedKeyUsage(usage), False))
        c = self.sign(new_name(names[0]), key.public_key(), self.certificate.subject, extensions, days)
        return c.public_bytes(serialization.Encoding.PEM).decode(), pem_of(key).decode()


class Acme(threading.Thread):
    """Answers io.hagw.Acme.Watch with the list that was set last."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.certificates, self.watchers, self.lock = [], [], threading.Lock()
        self.start()

    def message(self):
        return json.dumps({"parameters": {"certificates": self.certificates}, "continues": True}).encode() + b"\0"

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
                request = b""
                while not request.endswith(b"\0"):
                    request += s.recv(4096)
            except OSError:
                return
            with self.lock:
                self.watchers.append(s)
                s.sendall(self.message())

    def set(self, certificates):
        with self.lock:
            self.certificates = certificates
            for s in [*self.watchers]:
                try:
                    s.sendall(self.message())
                except OSError:  # who looked once and went
                    self.watchers.remove(s)
                    s.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in self.watchers:
            s.close()


def listen(address="127.0.0.1", family=socket.AF_INET, port=0):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(512)
    return s


class ProxyHouse:
    def __init__(self, house, main="", env=None, **hosts):
        self.house, self.root = house, house.root
        self.authority = Authority(house.root)
        self.keyd = house.daemon("keyd", "io.hagw.Key")
        self.acme = Acme(house.runtime / "io.hagw.Acme")
        self.certificates = []
        self.https, self.http = listen(), listen()
        self.https6 = listen("::1", socket.AF_INET6)
        self.port, self.http_port = self.https.getsockname()[1], self.http.getsockname()[1]
        self.port6 = self.https6.getsockname()[1]
        house.quiet = True
        house.configure(main, **hosts)
        # Memory that AddressSanitizer keeps back would look like the proxy's.
        options = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"ASAN_OPTIONS": f"{options}:quarantine_size_mb=1".lstrip(":"), **(env or {})}

    def start(self, **keys):
        self.proxyd = self.house.daemon("proxyd", "io.hagw.Proxy", sockets={
            "https": [self.https, self.https6], "http": [self.http]}, env=self.env, **keys)
        self.wait(lambda: self.proxyd_certificates() == {n for c in self.certificates for n in c["names"]} or True)
        return self

    def proxyd_certificates(self):
        return {h["name"] for h in self.proxyd.call("ListHosts")["hosts"] if h["certificate"]}

    def certify(self, *names, kind="ecdsa", days=90, replace=False):
        chain, key = self.authority.issue(*names, kind=kind, days=days)
        key_id = self.keyd.call("Import", purpose="tls", pem=key)["key"]["id"]
        row = {"name": names[0], "names": list(names), "state": "valid", "source": "acme", "keyId": key_id,
               "chain": chain, "failures": 0}
        if replace:
            self.certificates = [c for c in self.certificates if c["name"] != names[0]]
        self.certificates = self.certificates + [row]
        self.acme.set(self.certificates)
        return row

    @staticmethod
    def wait(condition, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError("it did not come to pass")

    def context(self, **options):
        c = ssl.create_default_context(cafile=str(self.authority.file))
        for name, value in options.items():
            setattr(c, name, value)
        return c

    def tls(self, name=HOST, context=None, session=None, timeout=20):
        """A TLS connection to the proxy, name checked."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return (context or self.context()).wrap_socket(raw, server_hostname=name, session=session)

    def visit(self, method="GET", path="/", name=HOST, body=None, headers=None, connection=None, **keys):
        """One request; the connection stays open in answer.connection."""
        c = connection or self.connect(name, **keys)
        c.request(method, path, body=body, headers=headers or {})
        r = c.getresponse()
        r.connection, r.body = c, r.read()
        return r

    def connect(self, name=HOST, **keys):
        c = http.client.HTTPSConnection(name, self.port)
        c.sock = self.tls(name, **keys)
        c.connect = lambda: (_ for _ in ()).throw(ConnectionError("the proxy closed the connection"))
        # Host without the port, as a visitor on 443 sends it.
        c.host, c.port = name, 443
        return c

    def rss(self):
        """KiB of the proxy's memory."""
        with open(f"/proc/{self.proxyd.process.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def figure(self, name, **labels):
        return sum(m["value"] for m in self.proxyd.call("io.hagw.Service.GetMetrics")["metrics"]
                   if m["name"] == name and all(m.get("labels", {}).get(k) == v for k, v in labels.items()))

    def close(self):
        self.acme.close()


def silent(s, timeout=9):
    """Nothing comes but the end, and that before proxy.hello_timeout is over."""
    s.settimeout(timeout)
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


class Upstream(threading.Thread):
    """A service. serve(connection, file) is called for each connection in a thread of its own."""

    def __init__(self, serve, family=socket.AF_INET, path=None, context=None, at=None):
        super().__init__(daemon=True)
        self.context = context
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(64)
        else:
            address, port = at or ("127.0.0.1" if family == socket.AF_INET else "::1", 0)
            self.listener = listen(address, family, port)
            self.port = self.listener.getsockname()[1]
        self.serve, self.connections, self.requests = serve, 0, []
        self.open = []
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(s)
            threading.Thread(target=self.handle, args=(s,), daemon=True).start()

    def handle(self, s):
        try:
            if self.context:
                s = self.context.wrap_socket(s, server_side=True)
                self.open.append(s)
            self.serve(self, s, s.makefile("rb"))
        except (OSError, ValueError):
            pass
        finally:
            s.close()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for s in self.open:
            s.close()


class Head:
    def __init__(self, f):
        line = f.readline()
        if not line:
            raise ConnectionError
        self.raw = line
        self.method, self.target, self.version = line.decode("latin-1").split(" ", 2)
        self.fields = []
        while True:
            line = f.readline()
            self.raw += line
            if line in (b"\r\n", b""):
                break
            name, value = line.decode("latin-1").split(":", 1)
            self.fields.append((name, value.strip()))

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def digest(self, f):
        """Of a body of any size: how many bytes, and their SHA-256."""
        digest, n = hashlib.sha256(), 0

        def take(size):
            nonlocal n
            while size:
                data = f.read(min(size, 1 << 20))
                if not data:
                    raise ConnectionError
                digest.update(data)
                n, size = n + len(data), size - len(data)
        if self.get("Transfer-Encoding") == "chunked":
            while size := int(f.readline(), 16):
                take(size)
                f.readline()
            f.readline()
        else:
            take(int(self.get("Content-Length")))
        return f"{n} {digest.hexdigest()}".encode()

    def body(self, f):
        if self.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(f.readline().split(b";")[0], 16):
                data += f.read(size)
                f.readline()
            while f.readline() not in (b"\r\n", b""):
                pass
            return data
        return f.read(int(self.get("Content-Length") or 0))


def echo(upstream, s, f):
    """Answers each request with what it got, as JSON."""
    while True:
        head = Head(f)
        body = head.body(f)
        upstream.requests.append(head)
        text = json.dumps({"method": head.method, "target": head.target, "fields": head.fields,
                           "body": body.decode("latin-1")}).encode()
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text) +
                  (b"" if head.method == "HEAD" else text))

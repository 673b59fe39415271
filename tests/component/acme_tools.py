# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of hagw-acmed share: pebble, a house with keyd, dnsd and acmed, and ways to look at certificates."""

import base64
import datetime
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ZONE = "home.example.com"
EAB_KEY_ID, EAB_KEY = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def until(condition, seconds=60, what="it"):
    """How long something may take is no test's business here: a busy machine gets a minute, whatever it has been given."""
    seconds = max(seconds, 60)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about in {seconds} s")


def pem(data):
    return data.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


class Authority:
    """A root that signs what the tests need: servers' certificates, and chains to import."""

    def __init__(self, name="Test Root"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.key.public_key(), self.name, [], ca=True)

    def sign(self, public_key, subject=None, names=(), days=30.0, ca=False, age=1.0):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject or x509.Name([])).issuer_name(self.name)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=age))
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca, None), True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        if ca:
            usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
                                   "key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
            builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, **usage), True)
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        if names:
            names = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n)
                     for n in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), not subject)
        return builder.sign(self.key, hashes.SHA256())

    def write_server(self, folder, name="server"):
        """Files for a TLS server at 127.0.0.1, and the root to trust it by."""
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{name}.key").write_text(key_pem(key))
        (folder / f"{name}.pem").write_text(pem(self.sign(key.public_key(), names=["127.0.0.1", "localhost"])))
        (folder / f"{name}-root.pem").write_text(pem(self.certificate))
        return folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}-root.pem"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def dns_sockets():
    """A UDP and a TCP socket on the same free port."""
    for _ in range(50):
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        return udp, tcp
    raise AssertionError("no free port")


class Pebble:
    """The ACME server Debian has, strict and rejecting a third of all nonces."""

    def __init__(self, folder, dns_port, env=None, **settings):
        if not shutil.which("pebble"):
            pytest.skip("pebble is not installed")
        self.folder, self.dns_port, self.env = folder, dns_port, env or {}
        self.port, self.management, self.http_port = free_port(), free_port(), free_port()
        certificate, key, self.root = Authority().write_server(folder, "pebble")
        (folder / "pebble.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(certificate), "privateKey": str(key), "httpPort": self.http_port, "tlsPort": 1,
            "ocspResponderURL": "", "retryAfter": {"authz": 1, "order": 1}, **settings}}))
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        self.process = None
        self.start()

    def start(self):
        self.log = open(self.folder / "pebble.log", "ab")
        self.process = subprocess.Popen(
            ["pebble", "-config", str(self.folder / "pebble.json"), "-strict", "-dnsserver", f"127.0.0.1:{self.dns_port}"],
            env={**os.environ, "PEBBLE_WFE_NONCEREJECT": "30", "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", **self.env},
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        until(self.answers, 20, "pebble")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "pebble.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()  # it opens one port after the other
            return self.get("/roots/0")
        except OSError:
            return None

    def fetch(self, path, port=None, data=None):
        context = ssl.create_default_context(cafile=self.root)
        with urllib.request.urlopen(f"https://127.0.0.1:{port or self.port}{path}", data, timeout=5, context=context) as r:
            return r.read()

    def get(self, path, data=None):
        """From the management interface."""
        return self.fetch(path, self.management, data)

    def text(self):
        return (self.folder / "pebble.log").read_text(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


class Acme:
    """A house whose acmed asks the given directory, with dnsd and keyd beside it."""

    def __init__(self, house, zones=(ZONE,), served_zones=None, keyd=True, **hosts):
        self.house, self.zones, self.hosts = house, zones, hosts
        self.folder = house.root
        house.configure(self.text(served_zones or zones))
        self.netd = house.daemon("netd", "io.hagw.Net")
        self.dns_udp, self.dns_tcp = dns_sockets()
        self.dns_port = self.dns_udp.getsockname()[1]
        self.dnsd = house.daemon("dnsd", "io.hagw.Dns", sockets={"dns-udp": [self.dns_udp], "dns-tcp": [self.dns_tcp]})
        for zone in served_zones or zones:
            until(lambda: "127.0.0.1" in self.dnsd.call("Lookup", name=f"a.{zone}", type="A")["answers"], 20, "an address")
        self.keyd = house.daemon("keyd", "io.hagw.Key") if keyd else None
        self.acmed = None

    @staticmethod
    def group(values):
        return "".join(f"{k}: {{ {Acme.group(v)} }}; " if isinstance(v, dict) else f'{k} = "{v}"; ' for k, v in values.items())

    @staticmethod
    def text(zones, **acme):
        lines = Acme.group(acme)
        return (f'zones = ( {", ".join(f"{{ name = {json.dumps(z)}; }}" for z in zones)} );\n'
                f"acme: {{ {lines} }};\ndns: {{ rate_limit = 0; }};\n"
                'public_address: { ipv4 = "static:127.0.0.1"; ipv6 = "none"; };\n')

    def configure(self, directory, root, **acme):
        self.settings = {"directory": directory, "ca_file": root, **acme}
        hosts = {k: f'name = "{v}"; upstream = "http://127.0.0.1:1";' for k, v in self.hosts.items()}
        self.house.configure(self.text(self.zones, **self.settings), **hosts)

    def start(self, directory, root, env=None, **acme):
        self.configure(directory, root, **acme)
        self.acmed = self.house.daemon("acmed", "io.hagw.Acme", env=env)
        return self.acmed

    def list(self):
        return {c["name"]: c for c in self.acmed.call("Watch")["certificates"]}

    def get(self, name=ZONE):
        return self.list().get(name, {})

    def wait(self, name=ZONE, state="valid", seconds=60):
        try:
            return until(lambda: (c := self.get(name)).get("state") == state and not c["ordering"] and c, seconds, state)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.list()}\n{self.acmed.text()[-6000:]}") from None

    def path(self, name=ZONE):
        return self.house.root / f"state/acmed/cert-{name}.json"

    def record(self, name=ZONE):
        """As it stands on disk."""
        return json.loads(self.path(name).read_text())

    def wait_advice(self, name=ZONE, seconds=60):
        """A certificate is valid a moment before the authority's advice moves its renewal (RFC 9773): waits for that."""
        self.wait(name, seconds=seconds)
        until(lambda: self.record(name)["renewalUSec"], seconds, "advice")
        return self.get(name)

    def changed(self, before, name=ZONE, seconds=60):
        """Waits until the certificate is another one than before."""
        try:
            return until(lambda: (c := self.get(name))["keyId"] != before["keyId"] and c, seconds, "another certificate")
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.list()}\n{self.acmed.text()[-6000:]}") from None


def leaf(certificate):
    return x509.load_pem_x509_certificates(certificate["chain"].encode())[0]


def check_certificate(certificate, keyd, names):
    """The chain is for these names and for the key that keyd holds under the given id."""
    chain = x509.load_pem_x509_certificates(certificate["chain"].encode())
    san = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(san.get_values_for_type(x509.DNSName)) == sorted(names) == sorted(certificate["names"])
    info = keyd.call("Get", id=certificate["keyId"])["key"]
    held = serialization.load_der_public_key(base64.b64decode(info["publicKey"]))
    assert chain[0].public_key() == held
    for below, above in zip(chain, chain[1:]):
        below.verify_directly_issued_by(above)
    return chain

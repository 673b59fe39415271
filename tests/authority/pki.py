# SPDX-License-Identifier: LGPL-2.1-or-later
"""The authority's keys: two roots, an intermediate that both have signed, and what it issues."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .jose import encode
from .problem import Problem

KEY_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
              "crl_sign", "encipher_only", "decipher_only")
RSA_MIN = 2048


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def seconds(n):
    return datetime.timedelta(seconds=n)


def common_name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(*certificates):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates).decode()


def key_usage(*on):
    return x509.KeyUsage(**{u: u in on for u in KEY_USAGES})


class Signer:
    """A name with a key that signs certificates."""

    def __init__(self, name):
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), common_name(name)
        self.identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())

    def builder(self, subject, public_key, lifetime, backdate=60.0):
        start = now() - seconds(backdate)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + seconds(lifetime))
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.identifier), False))

    def sign_authority(self, other):
        return (self.builder(other.name, other.key.public_key(), 3650 * 86400)
                .add_extension(x509.BasicConstraints(True, None), True).add_extension(other.identifier, False)
                .add_extension(key_usage("key_cert_sign", "crl_sign"), True).sign(self.key, hashes.SHA256()))

    def sign_leaf(self, public_key, names, lifetime, backdate=60.0):
        names = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() and n.replace(".", "").isdigit() else x509.DNSName(n)
                 for n in names]
        return (self.builder(x509.Name([]), public_key, lifetime, backdate)
                .add_extension(x509.SubjectAlternativeName(names), True).add_extension(x509.BasicConstraints(False, None), True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
                .add_extension(key_usage("digital_signature"), True).sign(self.key, hashes.SHA256()))


class Pki:
    def __init__(self):
        self.roots, self.intermediate = [Signer("Authority Root 1"), Signer("Authority Root 2")], Signer("Authority Intermediate")
        self.root_certificates = [r.sign_authority(r) for r in self.roots]
        self.crossed = [r.sign_authority(self.intermediate) for r in self.roots]

    def issue(self, public_key, names, lifetime, backdate):
        return self.intermediate.sign_leaf(public_key, names, lifetime, backdate)

    def chain(self, leaf, alternate=0):
        return pem(leaf, self.crossed[alternate])

    def write_server(self, folder, names):
        """Files for the authority's own door: (certificate, key, root to trust)."""
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / "authority.pem").write_text(self.chain(self.intermediate.sign_leaf(key.public_key(), names, 30 * 86400)))
        (folder / "authority.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (folder / "authority-root.pem").write_text(pem(self.root_certificates[0]))
        return folder / "authority.pem", folder / "authority.key", folder / "authority-root.pem"


def certificate_id(certificate):
    """RFC 9773 section 4.1."""
    authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = certificate.serial_number
    return f"{encode(authority)}.{encode(serial.to_bytes(serial.bit_length() // 8 + 1, 'big'))}"


def spki(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def check_request(der, names, account_key):
    """A CSR that asks for exactly these names with a key of its own; returns the key."""
    try:
        csr = x509.load_der_x509_csr(der)
        key = csr.public_key()
        good = csr.is_signature_valid
    except ValueError:
        raise Problem("badCSR", "this is no certificate request") from None
    if not good:
        raise Problem("badCSR", "the request's signature is wrong")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_MIN or isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(
            key.curve, (ec.SECP256R1, ec.SECP384R1)):
        raise Problem("badPublicKey", "the key is not taken")
    if spki(key) == spki(account_key):
        raise Problem("badPublicKey", "the certificate's key is the account's")
    try:
        san = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        asked = [n.value.lower() for n in san if isinstance(n, x509.DNSName)]
        others = [n for n in san if not isinstance(n, x509.DNSName)]
    except x509.ExtensionNotFound:
        asked, others = [], []
    asked += [a.value.lower() for a in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if others or set(asked) != set(names):
        raise Problem("badCSR", f"the request is for {sorted(set(asked))} and not for {sorted(names)}")
    return key

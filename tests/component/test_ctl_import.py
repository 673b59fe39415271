# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl cert import: what people have on their disks, made by OpenSSL, and what is said where it is not enough."""

import subprocess

import pytest

from ctl_tools import FAILED, USAGE, ctl, terminal  # noqa: F401

NAME = "mail.example.net"
PASSWORD = "pä ss wörd"
CA = "basicConstraints=critical,CA:TRUE"


class Files:
    """A root, an intermediate and a leaf, as OpenSSL makes them."""

    def __init__(self, folder):
        self.folder = folder
        self.certify("root", None, "Some Root", CA)
        self.certify("middle", "root", "Some Intermediate", CA)
        self.certify("leaf", "middle", NAME, f"subjectAltName=DNS:{NAME}")
        self.join("chain.pem", "leaf.pem", "middle.pem")

    def openssl(self, *words, **keys):
        return subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True, **keys).stdout

    def certify(self, file, issuer, name, *extensions, key="EC:P-256"):
        kind, detail = key.split(":")
        option = {"EC": f"ec_paramgen_curve:{detail}", "RSA": f"rsa_keygen_bits:{detail}"}[kind]
        self.openssl("genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", f"{file}.key")
        signed = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"] if issuer else []
        self.openssl("req", "-x509", "-new", "-key", f"{file}.key", "-subj", f"/CN={name}", "-days", "90", "-out", f"{file}.pem", *signed,
                     *(w for e in extensions for w in ("-addext", e)))

    def join(self, to, *files):
        (self.folder / to).write_text("".join((self.folder / f).read_text() for f in files))
        return str(self.folder / to)

    def __getitem__(self, name):
        return str(self.folder / name)

    def pkcs12(self, *words, password=PASSWORD, key="leaf.key", leaf="leaf.pem", more="middle.pem"):
        self.openssl("pkcs12", "-export", "-inkey", key, "-in", leaf, "-certfile", more, "-out", "it.p12", "-passout", "stdin", *words,
                     input=f"{password}\n".encode())
        return self["it.p12"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def importer(ctl):  # noqa: F811
    """The two daemons that have to do with it."""
    ctl.house.configure('zones = ( { name = "home.test"; } );\n')
    ctl.keyd = ctl.house.daemon("keyd", "io.hagw.Key")
    ctl.acmed = ctl.house.daemon("acmed", "io.hagw.Acme")
    return ctl


def imported(ctl, name=NAME):
    """The subjects of what was taken, leaf first."""
    c = next(c for c in ctl.acmed.call("Watch")["certificates"] if c["name"] == name)
    assert c["source"] == "imported" and c["keyId"] in [k["id"] for k in ctl.keyd.call("List")["keys"] if k["imported"]]
    pem = subprocess.run(["openssl", "storeutl", "-noout", "-text", "-certs", "/dev/stdin"], input=c["chain"], text=True, check=True, capture_output=True)
    return [line.split("CN=")[1] for line in pem.stdout.splitlines() if "Subject:" in line]


def untouched(ctl):
    return not [c for c in ctl.acmed.call("Watch")["certificates"] if c["source"] == "imported"] and not [
        k for k in ctl.keyd.call("List")["keys"] if k["imported"]]


WHOLE = [NAME, "Some Intermediate"]

# What OpenSSL 3 writes today, what it and Windows wrote before, and what few do.
ALGORITHMS = {
    "today": [],
    "old": ["-legacy"],
    "3des": ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    "aes128-sha512": ["-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512"],
    "certificates in the open": ["-keypbe", "AES-256-CBC", "-certpbe", "NONE"],
    "pbmac1": ["-pbmac1_pbkdf2"],
    "no mac": ["-nomac"],
}


@pytest.mark.parametrize("how", ALGORITHMS)
def test_pkcs12(importer, files, how):
    p12 = files.pkcs12(*ALGORITHMS[how])
    assert NAME in importer.ok("cert", "import", "--password-stdin", p12, stdin=PASSWORD + "\n")
    assert imported(importer) == WHOLE


@pytest.mark.parametrize("how", ALGORITHMS)
def test_wrong_password(importer, files, how):
    p12 = files.pkcs12(*ALGORITHMS[how])
    for wrong in ("wrong", "", PASSWORD.strip("d")):
        assert "it.p12 is encrypted, and not with that password" in importer.refused(FAILED, "cert", "import", "--password-stdin", p12, stdin=wrong + "\n")
    assert "--password-stdin" in importer.refused(FAILED, "cert", "import", p12)
    assert untouched(importer)


@pytest.mark.parametrize("words", [[], ["-keypbe", "NONE", "-certpbe", "NONE"], ["-legacy"]])
def test_empty_password(importer, files, words):
    importer.ok("cert", "import", files.pkcs12(*words, password=""))
    assert imported(importer) == WHOLE


def test_password_is_asked_for(importer, files):
    shown, status = terminal(importer, ["cert", "import", files.pkcs12()], [("Password of ", PASSWORD)])
    assert status == 0 and NAME in shown and PASSWORD not in shown
    assert imported(importer) == WHOLE


def test_pkcs12_with_root_and_strangers(importer, files):
    """Browsers have the root, and what belongs to another chain helps nobody."""
    files.certify("stranger", None, "A Stranger", CA)
    r = importer.run("cert", "import", "--password-stdin",
                     files.pkcs12(more=files.join("more.pem", "stranger.pem", "root.pem", "middle.pem")), stdin=PASSWORD)
    assert r.returncode == 0 and '"A Stranger" is no part of the chain' in r.stderr and "Some Root" not in r.stderr
    assert imported(importer) == WHOLE


@pytest.mark.parametrize("key", ["RSA:2048", "EC:P-384"])
def test_other_keys(importer, files, key):
    files.certify("other", "middle", "other.example.net", "subjectAltName=DNS:other.example.net", key=key)
    importer.ok("cert", "import", "--password-stdin", files.pkcs12("-legacy", key="other.key", leaf="other.pem"), stdin=PASSWORD)
    assert imported(importer, "other.example.net") == ["other.example.net", "Some Intermediate"]


KEYS = {
    "pkcs8": ["pkey"], "traditional": ["pkey", "-traditional"], "pkcs8 der": ["pkey", "-outform", "DER"],
    "traditional der": ["pkey", "-traditional", "-outform", "DER"], "with parameters": ["ec", "-param_enc", "named_curve"],
}
ENCRYPTED = {
    "pkcs8": ["pkcs8", "-topk8"], "pkcs8 der": ["pkcs8", "-topk8", "-outform", "DER"], "old": ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"],
    "traditional": ["pkey", "-traditional", "-aes256"],
}


@pytest.mark.parametrize("form", KEYS)
def test_keys(importer, files, form):
    files.openssl(*KEYS[form], "-in", "leaf.key", "-out", "a.key")
    importer.ok("cert", "import", files["chain.pem"], files["a.key"])
    assert imported(importer) == WHOLE


@pytest.mark.parametrize("form", ENCRYPTED)
def test_encrypted_keys(importer, files, form):
    files.openssl(*ENCRYPTED[form], "-in", "leaf.key", "-out", "a.key", "-passout", "stdin", input=b"secret")
    assert "a.key is encrypted; give its password" in importer.refused(FAILED, "cert", "import", files["chain.pem"], files["a.key"])
    assert "not with that password" in importer.refused(FAILED, "cert", "import", "--password-stdin", files["chain.pem"], files["a.key"], stdin="x\n")
    assert untouched(importer)
    importer.ok("cert", "import", "--password-stdin", files["chain.pem"], files["a.key"], stdin="secret\n")
    assert imported(importer) == WHOLE


def test_der_and_any_order(importer, files):
    for name in ("leaf", "middle"):
        files.openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
    files.openssl("pkey", "-in", "leaf.key", "-outform", "DER", "-out", "leaf.key.der")
    r = importer.run("cert", "import", files["leaf.key.der"], files["middle.der"], files["leaf.der"])
    assert r.returncode == 0 and r.stderr == "" and imported(importer) == WHOLE
    everything = files.join("all.pem", "root.pem", "leaf.key", "middle.pem", "leaf.pem", "middle.pem")
    r = importer.run("cert", "import", everything)
    assert r.returncode == 0 and r.stderr == "" and imported(importer) == WHOLE


def test_without_intermediate(importer, files):
    r = importer.run("cert", "import", files["leaf.pem"], files["leaf.key"])
    assert r.returncode == 0 and 'came alone, and its issuer "Some Intermediate"' in r.stderr and imported(importer) == [NAME]
    # With it nothing is said, with the root or without; nor of one that stands for itself, or right below its root.
    assert importer.run("cert", "import", files["chain.pem"], files["leaf.key"]).stderr == ""
    assert importer.run("cert", "import", files["chain.pem"], files["root.pem"], files["leaf.key"]).stderr == ""
    files.certify("direct", "root", "direct.test", "subjectAltName=DNS:direct.test")
    assert importer.run("cert", "import", files["direct.pem"], files["root.pem"], files["direct.key"]).stderr == ""
    files.certify("alone", None, "alone.test", "subjectAltName=DNS:alone.test")
    assert importer.run("cert", "import", files["alone.pem"], files["alone.key"]).stderr == ""
    assert imported(importer, "direct.test") == ["direct.test"] and imported(importer, "alone.test") == ["alone.test"]
    everything = files.pkcs12(more="root.pem", leaf="alone.pem", key="alone.key")
    importer.ok("cert", "import", "--password-stdin", everything, stdin=PASSWORD)
    assert imported(importer, "alone.test") == ["alone.test"]


def test_what_is_not_enough(importer, files):
    (files.folder / "empty.pem").write_bytes(b"")
    (files.folder / "text.pem").write_text("this is no certificate\n")
    (files.folder / "half.p12").write_bytes(open(files.pkcs12(), "rb").read()[:300])
    (files.folder / "half.pem").write_text(open(files["leaf.pem"]).read()[:200])
    files.certify("nameless", "middle", "only.a.common.name")
    files.certify("address", "middle", "192.0.2.1", "subjectAltName=IP:192.0.2.1")
    files.openssl("genpkey", "-algorithm", "ed25519", "-out", "ed.key")
    files.openssl("req", "-x509", "-new", "-key", "ed.key", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:x.test", "-out", "ed.pem")
    for words, said in [
            (["empty.pem", "leaf.key"], "empty.pem is empty"), (["leaf.pem", "empty.pem"], "empty.pem is empty"),
            ([".", "leaf.key"], "is a folder"), (["leaf.pem", "."], "is a folder"), (["nowhere.pem"], "No such file"),
            (["text.pem", "leaf.key"], "neither a certificate nor a private key"), (["half.p12"], "neither"), (["half.pem", "leaf.key"], "neither"),
            (["leaf.pem"], "no private key"), (["leaf.key"], "no certificate"), (["leaf.pem", "middle.key"], "not the one of the certificate"),
            (["leaf.pem", "leaf.key", "middle.key"], "another private key"), (["ed.pem", "ed.key"], "Only ECDSA"),
            (["nameless.pem", "nameless.key"], "no DNS name in subjectAltName"), (["address.pem", "address.key"], "no DNS name in subjectAltName")]:
        assert said in importer.refused(FAILED, "cert", "import", *(files[w] for w in words)), words
    assert untouched(importer)
    importer.refused(USAGE, "cert", "import")
    many = files.join("many.pem", "leaf.key", *(["leaf.pem"] * 70))
    importer.ok("cert", "import", many)  # the same one is one
    for i in range(64):
        files.openssl("req", "-x509", "-new", "-key", "root.key", "-subj", f"/CN={i}", "-out", f"n{i}.pem")
    many = files.join("many.pem", "leaf.key", "leaf.pem", *(f"n{i}.pem" for i in range(64)))
    assert "too many certificates" in importer.refused(FAILED, "cert", "import", many)

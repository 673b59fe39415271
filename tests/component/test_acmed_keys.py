# SPDX-License-Identifier: LGPL-2.1-or-later
"""Private keys that are gone: hagw-acmed finds out, no visitor is shown a certificate that nobody can sign for, and another one comes
by itself. Nothing is played but the authority."""

import json
import os
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from acme_tools import Authority as Issuer
from acme_tools import ZONE, check_certificate, key_pem, leaf, pem, until
from authority_tools import Fault
from ctl_tools import Ctl
from proxyhouse import listen
from test_acmed_caa import authority, gateway  # noqa: F401 (fixtures)

OFTEN = {"HAGW_KEYLOOK_USEC": "300000"}
NAMES = [ZONE, f"*.{ZONE}"]
HOST = f"ha.{ZONE}"


def begin(gateway, authority, env=None):  # noqa: F811
    gateway.hosts = gateway.hosts or {"ha": HOST}
    gateway.start(authority.directory, authority.root, env=env)
    gateway.https = listen()
    gateway.proxyd = gateway.house.daemon("proxyd", "io.hagw.Proxy", sockets={"https": [gateway.https], "http": [listen()]})
    return gateway.wait()


def visit(gateway, name=HOST):  # noqa: F811
    """The certificate that a visitor is served with; None: he is not."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(gateway.https.getsockname(), 20) as s, context.wrap_socket(s, server_hostname=name) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True))
    except OSError:
        return None


def is_served(gateway, certificate, name=HOST):  # noqa: F811
    until(lambda: visit(gateway, name) == leaf(gateway.get(certificate)), 60, f"{certificate} for {name}")


def key_files(gateway):  # noqa: F811
    return sorted((gateway.house.root / "state/keyd").rglob("*.key"))


def lose_keys(gateway, *daemons):  # noqa: F811
    """As somebody who removes them and starts these again. Returns what was in the files."""
    for d in daemons:
        assert d.stop() == 0
    lost = {path: path.read_bytes() for path in key_files(gateway)}
    assert lost
    for path in lost:
        path.unlink()
    for d in daemons:
        d.start()
    return lost


def problems(gateway):  # noqa: F811
    r = Ctl(gateway.house).run("--json", "status", "--no-delegation")
    found = [p for p in json.loads(r.stdout)["problems"] if "has no key" in p]
    assert r.returncode != 0 or not found
    return found


def test_all_keys_are_gone(gateway, authority):  # noqa: F811
    """And everything is started again: the account, the key and the certificate are made anew, and visitors come in."""
    before = begin(gateway, authority)
    is_served(gateway, ZONE)
    lose_keys(gateway, gateway.keyd, gateway.acmed, gateway.proxyd)
    gateway.changed(before)
    check_certificate(gateway.wait(), gateway.keyd, NAMES)
    is_served(gateway, ZONE)
    assert not problems(gateway) and f"hagw-keyd has no key for the certificate for {ZONE} any more" in gateway.acmed.text()


def test_a_leftover_beside_a_wildcard(gateway, authority):  # noqa: F811
    """One that is for exactly the name, but not asked for any more, stands back: while its key is there, and when it is gone."""
    name, wildcard = f"a.b.{ZONE}", f"*.b.{ZONE}"
    gateway.hosts = {"deep": name}
    begin(gateway, authority)
    gateway.wait(name)
    is_served(gateway, name, name)
    gateway.hosts = {"deep": wildcard}
    gateway.configure(authority.directory, authority.root)
    gateway.acmed.reload()
    gateway.proxyd.reload()
    before = gateway.wait(wildcard)
    assert not gateway.get(name)["wanted"]
    is_served(gateway, wildcard, name)
    lose_keys(gateway, gateway.keyd, gateway.acmed, gateway.proxyd)
    gateway.changed(before, wildcard)
    gateway.wait(wildcard)
    is_served(gateway, wildcard, name)
    gateway.wait()
    assert gateway.get(name)["state"] == "keyless" and not problems(gateway)
    shown = Ctl(gateway.house).run("cert", "list").stdout
    assert "keyless" in shown and f"no longer asked for; hagw-ctl cert remove {name} takes it away" in " ".join(shown.split()), shown


def test_orders_fail(gateway, authority):  # noqa: F811
    """While hagw-keyd is away nothing is concluded. When it comes back without them one order is tried, as patiently as ever; what is
    to be typed is told, and works."""
    before = begin(gateway, authority, env=OFTEN)
    is_served(gateway, ZONE)
    authority.settings.faults = [Fault("newOrder", 403, "rejectedIdentifier", "not today")]
    away = gateway.keyd.path.with_name("away")
    os.rename(gateway.keyd.path, away)
    assert gateway.keyd.stop() == 0
    until(lambda: "did not say which keys it has" in gateway.acmed.text(), 60, "a vain look")
    assert gateway.get()["state"] == "valid" and not problems(gateway)
    for path in key_files(gateway):
        path.unlink()
    os.rename(away, gateway.keyd.path)
    gateway.keyd.start()
    found = until(lambda: (c := gateway.get())["failures"] == 1 and not c["ordering"] and c, 60, "the order")
    assert found["state"] == "keyless" and found["keyId"] == before["keyId"] and found["nextUSec"] > (time.time() + 30) * 1e6
    until(lambda: visit(gateway) is None, 60, "the end of it")
    said, = problems(gateway)
    assert said.startswith(f"hagw-keyd has no key for the certificate {ZONE} any more, and nobody is served with it: a new one is ordered")
    assert "not today" in said and said.endswith(f"; hagw-ctl cert renew {ZONE} makes it now.")
    ctl = Ctl(gateway.house)
    assert "keyless" in ctl.ok("cert", "list")
    shown = ctl.run("cert", "show", ZONE)
    assert shown.returncode == 1 and "(hagw-keyd does not have it)" in shown.stdout
    assert [h["certificate"] for h in gateway.proxyd.call("ListHosts")["hosts"]] == [False]
    assert gateway.get()["failures"] == 1
    authority.settings.faults = []
    ctl.ok("cert", "renew", ZONE)
    check_certificate(gateway.wait(), gateway.keyd, NAMES)
    is_served(gateway, ZONE)
    assert not problems(gateway)


def test_keys_are_put_back(gateway, authority):  # noqa: F811
    before = begin(gateway, authority, env=OFTEN)
    authority.settings.faults = [Fault("newOrder", 403, "rejectedIdentifier", "not today")]
    lost = lose_keys(gateway, gateway.keyd)
    gateway.wait(state="keyless")
    assert gateway.keyd.stop() == 0
    for path, data in lost.items():
        path.write_bytes(data)
        path.chmod(0o600)
    gateway.keyd.start()
    assert gateway.wait()["keyId"] == before["keyId"]
    is_served(gateway, ZONE)
    assert not problems(gateway)


def test_an_imported_one(gateway, authority, tmp_path):  # noqa: F811
    """Nobody can order it; who reads the remedy and types it is done."""
    begin(gateway, authority, env=OFTEN)
    key = ec.generate_private_key(ec.SECP256R1())
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_text(pem(Issuer().sign(key.public_key(), names=["a.example.net"])))
    private.write_text(key_pem(key))
    ctl = Ctl(gateway.house)
    ctl.ok("cert", "import", chain, private)
    lose_keys(gateway, gateway.keyd)
    gateway.wait("a.example.net", state="keyless")
    said, = (p for p in problems(gateway) if "a.example.net" in p)
    assert "import it again with its key (hagw-ctl cert import CHAIN KEY)" in said
    ctl.ok("cert", "import", chain, private)
    assert gateway.get("a.example.net")["state"] == "valid"
    gateway.wait()
    assert not problems(gateway)


class Late(threading.Thread):
    """In front of hagw-keyd: its answers to List wait for a word."""

    def __init__(self, keyd):
        super().__init__(daemon=True)
        self.real, self.lists, self.word = keyd.path.with_name("key"), 0, threading.Event()
        os.rename(keyd.path, self.real)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(keyd.path))
        self.listener.listen(64)
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    @staticmethod
    def message(s):
        data = b""
        while not data.endswith(b"\0"):
            more = s.recv(65536)
            if not more:
                raise ConnectionError
            data += more
        return data

    def serve(self, s):
        with s, socket.socket(socket.AF_UNIX) as real:
            real.connect(str(self.real))
            try:
                while True:
                    call = self.message(s)
                    real.sendall(call)
                    answer = self.message(real)
                    if b"io.hagw.Key.List" in call:
                        self.word.wait(600)
                        self.lists += 1
                    s.sendall(answer)
            except OSError:
                pass

    def close(self):
        self.word.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_a_list_from_before(gateway, authority):  # noqa: F811
    """A key that is younger than the list is not missed: the answer was on its way while the certificate came."""
    late = Late(gateway.keyd)
    gateway.start(authority.directory, authority.root, env=OFTEN)
    first = gateway.wait()
    late.word.set()
    done = late.lists
    until(lambda: late.lists >= done + 3, 60, "looks")
    assert gateway.get()["keyId"] == first["keyId"] and "has no key" not in gateway.acmed.text()
    late.close()


@pytest.mark.parametrize("damaged", ["keyd", "acmed"])
def test_a_damaged_file(gateway, authority, damaged):  # noqa: F811
    """It says nothing of a key that is there."""
    before = begin(gateway, authority)
    d = getattr(gateway, damaged)
    assert d.stop() == 0
    (gateway.house.root / "state" / damaged / {"keyd": "0123.key", "acmed": "limits.json"}[damaged]).write_text("?")
    d.start()
    gateway.acmed.kill()
    gateway.acmed.env = OFTEN
    gateway.acmed.start()
    is_served(gateway, ZONE)
    assert gateway.wait()["keyId"] == before["keyId"] and "has no key" not in gateway.acmed.text()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay and its tenants as tests see them: two houses that nobody can connect to, and their visitors."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import ssl
import subprocess
import threading

import pytest
import websockets

from conftest import ROOT, Machine, certificate, dev_lab, until
from visitor import Visitor

ZONE = "relay.example.com"
RELAY4, RELAY6 = "203.0.113.20", "2001:db8::20"
A4, B4, A6 = "203.0.113.200", "203.0.113.201", "2001:db8::200"


class Relay(Machine):
    def tenant(self, name):
        return self.verb("tenant", "show", name)

    def attachments(self, name):
        return self.tenant(name)["attachments"]


class House(Machine):
    """A tenant's house: who lives there, and the service behind it (its machine, its address)."""

    def __init__(self, name, service, user, password, service_password):
        super().__init__(name)
        self.zone, self.host = f"{name}.{ZONE}", f"ha.{name}.{ZONE}"
        self.url = f"https://{self.host}/"
        self.address = RELAY4
        self.ha, self.service = Machine(f"{name}ha"), service
        self.user, self.password, self.service_password = user, password, service_password

    def certificate(self, address=RELAY4):
        return certificate(self.host, address)

    def serves(self, address=RELAY4):
        """Tried with little patience: who comes again and again wants to know when it works."""
        return bool(certificate(self.host, address, timeout=3))

    def relay(self):
        """What the house says about its relay."""
        # Whatever else may need attention, which its status would say; nobody else is asked, who may be out of reach.
        return json.loads(self.ctl("status", "--no-delegation", "--json", check=False).stdout)["relay"]

    def attached(self):
        return self.relay()["state"] == "attached"

    def service_log(self):
        return self.ha.run("journalctl", "-b", "-u", "lab-ha", "-o", "cat", "--no-pager")

    def visit(self, test, address=A4, timeout=60):
        """Runs the coroutine with a visitor who is signed in at the house and at the service."""
        async def run():
            async with Visitor(self.url, address, timeout) as v:
                await v.login(self.user, self.password)
                v.token = await v.service_token(self.user, self.service_password)
                v.bearer = {"Authorization": f"Bearer {v.token}"}
                return await test(v)
        return asyncio.run(run())

    def echo(self, address=A4):
        """What the service saw of a visitor who comes now."""
        async def test(v):
            async with v.session.get(v.url("/lab/echo")) as answer:
                assert answer.status == 200, answer.status
                return await answer.json()
        return self.visit(test, address)

    def open_websocket(self, v):
        """A connection of another library, with the visitor's cookies."""
        return websockets.connect(
            self.url.replace("https:", "wss:") + "api/websocket", ssl=ssl.create_default_context(),
            origin=self.url.rstrip("/"), local_addr=(A4, 0), host=self.address, ping_interval=None,
            additional_headers={"Cookie": "; ".join(f"{c.key}={c.value}" for c in v.session.cookie_jar)})


RELAY = Relay("relay")
CABIN = House("cabin", "10.1.0.4", "anna", "correct horse", "holz und heu")
FLAT = House("flat", "10.2.0.4", "bert", "battery staple", "tee und toast")


def set_up(machine):
    if machine.show("hagw.target", "ActiveState")["ActiveState"] != "active":
        done = subprocess.run([ROOT / "dev/lab", "setup", machine.name], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"dev/lab setup {machine.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}"


@pytest.fixture(scope="session")
def relay(lab):
    """A relay, whose certificate is there."""
    lab.need("relay")
    set_up(RELAY)
    until("the relay's certificate", lambda: RELAY.verb("status")["certificates"][0]["state"] == "valid", 60)
    return RELAY


@pytest.fixture(scope="session")
def houses(relay):
    """Both tenants, attached, with certificates."""
    threads = [threading.Thread(target=set_up, args=(h,)) for h in (CABIN, FLAT)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for h in (CABIN, FLAT):
        until(f"a certificate of {h.name} that visitors trust", h.certificate, 60)
    return relay


@pytest.fixture
def cabin(houses):
    """Attached: a test that leaves it otherwise does not bring down the next."""
    until("the cabin is attached", CABIN.attached, 45)
    return CABIN


@pytest.fixture
def flat(houses):
    until("the flat is attached", FLAT.attached, 45)
    return FLAT


@contextlib.contextmanager
def capture(machine, link, expression, path):
    """All that passes a link meanwhile, into a file."""
    with open(path, "wb") as out, subprocess.Popen(
            [ROOT / "dev/lab", "wire", machine, "tcpdump", "-i", link, "-s", "0", "-B", "65536", "--immediate-mode", "-U",
             "-w", "-", expression], stdout=out, stderr=subprocess.PIPE, start_new_session=True) as tcpdump:
        assert any(b"listening on" in line for line in iter(tcpdump.stderr.readline, b""))
        threading.Thread(target=tcpdump.stderr.read, daemon=True).start()
        try:
            yield
        finally:
            threading.Event().wait(0.3)
            os.killpg(tcpdump.pid, signal.SIGTERM)


def public_keys(machine):
    """Hashes of the public keys of all private keys that lie on a machine."""
    found = machine.run("sh", "-c", "grep -rl -- 'PRIVATE KEY' /etc /var /run /root /home /srv 2>/dev/null | "
                        "while read -r f; do cat \"$f\"; echo; done")
    keys = set()
    for pem in found.split("-----END")[:-1]:
        kind = pem.rsplit("-----BEGIN ", 1)[1].split("-----")[0]
        key = f"-----BEGIN {pem.rsplit('-----BEGIN ', 1)[1]}-----END {kind}-----\n"
        done = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=key.encode(), capture_output=True,
                              check=True)
        keys.add(hashlib.sha256(done.stdout).hexdigest())
    return keys


def served_key(host, *options):
    """The hash of the public key that visitors of a host see."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"{RELAY4}:443", "-servername", host, *options], input=b"",
                           capture_output=True, timeout=20).stdout
    pem = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=shown, capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


@contextlib.contextmanager
def cut_off(router, family="inet", rule="drop"):
    """Nothing passes a router any more (or what the rule says, of ip or ip6), and nobody is told."""
    dev_lab("wire", router, "nft", "-f", "-",
            text=f"table {family} dead {{ chain forward {{ type filter hook forward priority -200; {rule}; }}; }}")
    try:
        yield
    finally:
        dev_lab("wire", router, "nft", "delete", "table", family, "dead")

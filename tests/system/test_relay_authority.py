# SPDX-License-Identifier: LGPL-2.1-or-later
"""Relay and house behind an authority that judges CAA (RFC 8659, RFC 8657), which the lab's own does not: tests/authority, in its place."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from conftest import ROOT, dev_lab, until
from tenants import CABIN, RELAY, RELAY4, ZONE

MACHINES = ["relay", "cabin"]
ADDRESS, PORT, IDENTITY = "203.0.113.55", 14444, "judge.example"
DIRECTORY = f"https://acme.example.com:{PORT}/directory"
OPENED = f"app.{CABIN.zone}"


@pytest.fixture(scope="module")
def judge(lab, tmp_path_factory):
    """Its root certificate, a path."""
    folder = tmp_path_factory.mktemp("judge")
    (folder / "settings.json").write_text(json.dumps({
        "listen": [ADDRESS, PORT], "names": ["acme.example.com", ADDRESS], "identities": [IDENTITY], "servers": {".": ["203.0.113.53", 53]}}))
    with subprocess.Popen([ROOT / "dev/lab", "wire", "net", "env", f"PYTHONPATH={ROOT}/tests", "PYTHONDONTWRITEBYTECODE=1",
                           "python3", "-m", "authority", folder, folder / "settings.json"],
                          stdout=subprocess.PIPE, text=True, start_new_session=True) as p:
        try:
            assert str(PORT) in p.stdout.readline()
            yield folder / "authority-root.pem"
        finally:
            os.killpg(p.pid, signal.SIGTERM)


@contextlib.contextmanager
def orders_at(machine, root):
    """The judge is its authority, and trusted as the system's are."""
    before = machine.run("cat", "/etc/hagw/hagw.conf")
    after, n = re.subn(r"https://acme\.example\.com:14000/dir", DIRECTORY, before)
    assert n == 1
    # What may be remembered of the records for so long is waited for before an order.
    after = after.replace(f'name = "{ZONE}";\n', f'name = "{ZONE}"; ttl = "2s";\n', 1) if machine is RELAY else after
    # A house verifies its relay with the roots that were there when hagw-proxyd started.
    machine.run("sh", "-c", "cat >/usr/local/share/ca-certificates/judge.crt && update-ca-certificates && systemctl restart hagw-proxyd.service",
                text=pathlib.Path(root).read_text())
    try:
        machine.run("sh", "-c", "cat >/etc/hagw/hagw.conf", text=after)
        machine.ctl("reload")
        yield
    finally:
        machine.run("sh", "-c", "cat >/etc/hagw/hagw.conf", text=before)
        machine.ctl("reload")


def issued(name, root):
    """The serial number of what visitors get for the name; None: nothing, or nothing of the judge's."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"{RELAY4}:443", "-servername", name, "-verify_return_error",
                            "-verify_hostname", name, "-CAfile", root], input="", text=True, capture_output=True, timeout=20).stdout
    if "Verify return code: 0 (ok)" not in shown or "BEGIN CERTIFICATE" not in shown:
        return None
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, text=True, capture_output=True, check=True).stdout


def renew(machine, name):
    """Where an order is under way by itself, behind a correction of the settings, another one waits for it."""
    until(f"an order for {name} at {machine.name}",
          lambda: machine.ctl("cert", "renew", name, "--now", "--wait=60", check=False, timeout=90).returncode == 0, 90)


def accounts(lab, name):
    """Of the judge's, in the name's CAA records: what stands between an order and its certificate."""
    records = "\n".join(lab.dig(name, "CAA", RELAY4))
    return set(re.findall(rf'issue "{re.escape(IDENTITY)}; *accounturi=([^;"]+)', records))


def test_both_ends_have_certificates_where_caa_is_judged(lab, cabin, judge):
    """The house's account at its name, the relay's as well at the one name that it opens there; each end orders, and renews."""
    with orders_at(cabin, judge), orders_at(RELAY, judge):
        renew(cabin, cabin.zone)
        until("the house's certificate", lambda: issued(cabin.host, judge), 60)
        house = accounts(lab, cabin.zone)
        assert len(house) == 1 and accounts(lab, OPENED) == house
        RELAY.ctl("host", "add", OPENED, "tenant:cabin", check=False, timeout=90)
        try:
            until("the relay's certificate", lambda: issued(OPENED, judge), 90)
            both = accounts(lab, OPENED)
            assert both > house and len(both) == 2 and accounts(lab, cabin.zone) == house
            # Neither keeps the other out, whoever came last.
            for machine, certificate, name in ((cabin, cabin.zone, cabin.host), (RELAY, OPENED, OPENED), (cabin, cabin.zone, cabin.host)):
                before = issued(name, judge)
                renew(machine, certificate)
                until(f"a new certificate for {name}", lambda: issued(name, judge) not in (None, before), 60)  # noqa: B023
        finally:
            RELAY.ctl("host", "remove", OPENED)
        until("the relay's account is gone", lambda: accounts(lab, OPENED) == house, 60)
    for machine, name in ((RELAY, ZONE), (cabin, cabin.zone)):
        renew(machine, name)
    until("the lab's authority again", cabin.certificate, 90)
    assert dev_lab("run", "relay", "hagw-ctl", "host", "list", "--json").count(OPENED) == 0

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate that another program of the machine has as well: handed over once by root's word, and by systemd after each renewal."""

import pytest

from conftest import ZONE, Machine, until

HOME, TO, TIMER = Machine("home"), "/srv/mail", "hagw-export.timer"
DROPIN = f"/run/systemd/system/{TIMER}.d/soon.conf"


@pytest.fixture
def soon(house):
    """The timer as it is, but for its times."""
    HOME.run("sh", "-ec", f"mkdir -p {TO} $(dirname {DROPIN}); cat >{DROPIN}; systemctl daemon-reload",
             text="[Timer]\nOnActiveSec=\nOnActiveSec=2s\nOnUnitInactiveSec=2s\nAccuracySec=100ms\n")
    yield house
    HOME.ctl("cert", "export", "--stop", f"--to={TO}", check=False)
    HOME.run("sh", "-ec", f"rm -rf {TO} $(dirname {DROPIN}); systemctl daemon-reload")


def state(unit):
    return HOME.show(unit, "ActiveState")["ActiveState"]


def serial(name="fullchain.pem"):
    return HOME.wire("openssl", "x509", "-noout", "-serial", text=HOME.run("cat", f"{TO}/{name}")).strip().removeprefix("serial=")


def served(house):
    return house.certificate()["serialNumber"]


def test_an_exported_certificate_follows_each_renewal(soon):
    house = soon
    assert state(TIMER) == "inactive", "nothing is exported"
    HOME.ctl("cert", "export", ZONE, f"--to={TO}", f"--exec=id -un >>{TO}/log; systemctl is-system-running >>{TO}/log || :")
    assert state(TIMER) == "active" and serial() == served(house)
    assert HOME.run("stat", "-c", "%U:%G %a", f"{TO}/privkey.pem").strip() == "root:root 600"
    # What it is for runs as whoever exported it, and reaches the system.
    assert HOME.run("cat", f"{TO}/log") == "root\nrunning\n"
    before = served(house)
    HOME.ctl("cert", "renew", ZONE)
    until("a new certificate is served", lambda: served(house) != before, 60)
    until("the timer has handed it over", lambda: serial() == served(house), 60)
    until("and told the other program", lambda: HOME.run("cat", f"{TO}/log") == "root\nrunning\n" * 2, 60)
    key, chain = (HOME.wire("openssl", *how, text=HOME.run("cat", f"{TO}/{name}")) for how, name in (
        (("pkey", "-pubout"), "privkey.pem"), (("x509", "-noout", "-pubkey"), "fullchain.pem")))
    assert key == chain
    assert TO in HOME.ctl("cert", "list")
    # A machine that starts anew goes on with it.
    HOME.run("systemctl", "restart", "hagw.target")
    until("the timer runs again", lambda: state(TIMER) == "active", 60)
    until("the house serves again", lambda: served(house), 60)
    # Until root says otherwise.
    HOME.ctl("cert", "export", "--stop", f"--to={TO}")
    assert state(TIMER) == "inactive" and serial() == served(house)
    HOME.run("systemctl", "restart", "hagw.target")
    until("the house serves again", lambda: served(house), 60)
    assert state(TIMER) == "inactive"
    assert HOME.run("systemctl", "is-system-running").strip() == "running"

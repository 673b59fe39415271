# SPDX-License-Identifier: LGPL-2.1-or-later
"""The doors of a real house: another program has a port, somebody shuts one, the router forwards nothing."""

import contextlib
import json
import socket

import pytest

from conftest import ZONE, dev_lab, until

SQUATTER = "squatter.service"
HOUSE = "203.0.113.10"
SILENCE_SECONDS = 60


def status(house):
    """What it says, and its exit status."""
    done = dev_lab("run", "home", "hagw-ctl", "status", "--json", check=False)
    return json.loads(done.stdout), done.returncode


def problems(house, word):
    return [p for p in status(house)[0]["problems"] if word in p]


def fine(house):
    until("everything is fine", lambda: status(house)[1] == 0, seconds=120, every=1)


def restart(house):
    house.run("home", "systemctl", "restart", "hagw.target")


@contextlib.contextmanager
def squatter(house, port):
    """Another program of this machine takes the port, as a web server does that was installed later."""
    house.run("home", "systemctl", "stop", "hagw.target")
    house.run("home", "systemd-run", "--quiet", f"--unit={SQUATTER}", "systemd-socket-activate", f"--listen={port}", "/bin/cat")
    until(f"it has port {port}", lambda: f":{port} " in house.run("home", "ss", "-Hltn"))
    try:
        yield
    finally:
        house.run("home", "systemctl", "stop", SQUATTER)
        restart(house)


@contextlib.contextmanager
def blocked(*rules):
    """The router lets none of these through."""
    text = "".join(f"iifname internet {r} drop\n" for r in rules)
    dev_lab("wire", "router", "nft", "-f", "-", text=f"table inet shut {{ chain p {{ type filter hook prerouting priority -300;\n{text}}}\n}}\n")
    try:
        yield
    finally:
        dev_lab("wire", "router", "nft", "delete", "table", "inet", "shut")
        # The resolver remembers for a while who did not answer.
        dev_lab("run", "net", "systemctl", "restart", "lab-unbound.service")


@pytest.mark.parametrize("port,kind", [(443, "https"), (80, "http")])
def test_a_port_that_another_program_has(house, port, kind):
    with squatter(house, port):
        house.run("home", "systemctl", "start", "hagw.target", check=False)
        until("the others run", lambda: house.show("hagw-proxyd.service", "ActiveState")["ActiveState"] == "active")
        found = until("it is named", lambda: problems(house, f"hagw-proxyd-{kind}.socket"))
        assert len(found) == 1 and SQUATTER in found[0] and f"TCP port {port}" in found[0], found
        assert status(house)[1] == 1
        shown = dev_lab("run", "home", "hagw-ctl", "status", check=False).stdout
        line = next(line for line in shown.splitlines() if line.startswith("  hagw-proxyd"))
        assert "door shut" in line and "running" not in line
        # Who sets it up now is told before anything is written.
        before = house.run("home", "cat", "/etc/hagw/hagw.conf")
        done = dev_lab("run", "home", "hagw-ctl", "setup", "--yes", f"--zone={ZONE}", "--ipv4=none", check=False)
        assert done.returncode == 1 and f"{SQUATTER}) has port {port}" in done.stderr, done.stderr
        assert house.run("home", "cat", "/etc/hagw/hagw.conf") == before
    fine(house)


def test_a_door_that_somebody_shut(house):
    house.run("home", "systemctl", "stop", "hagw-proxyd-http.socket")
    found = problems(house, "hagw-proxyd-http.socket")
    assert found and "is shut (inactive)" in found[0] and "systemctl restart hagw.target" in found[0], found
    restart(house)
    fine(house)


def test_a_daemon_that_somebody_stopped(house):
    """Its socket is open still: who looks does not start it."""
    house.run("home", "systemctl", "stop", "hagw-dnsd.service")
    for _ in range(2):
        said, code = status(house)
        found = [p for p in said["problems"] if p.startswith("hagw-dnsd was stopped")]
        assert code == 3 and found and found[0].endswith("systemctl start hagw-dnsd.service starts it."), said["problems"]
    house.run("home", "systemctl", "restart", "hagw-dnsd.service")
    fine(house)


def test_questions_and_visitors_from_outside_are_told(house):
    until("the delegation works", lambda: status(house)[0]["zones"][0]["delegation"] == "works", seconds=120, every=1)
    house.certificate()
    shown = dev_lab("run", "home", "hagw-ctl", "status", check=False).stdout
    assert "last question from the internet" in shown and "last visitor from outside" in shown, shown


@pytest.mark.parametrize("rules,verdict,words", [
    (("udp dport 53", "tcp dport 53"), "silent", "port 53, UDP and TCP"),
    (("tcp dport 53",), "udp-only", "TCP port 53")])
def test_what_the_router_does_not_forward(house, rules, verdict, words):
    fine(house)
    with blocked(*rules):
        def seen():
            said, code = status(house)
            return said["zones"][0]["delegation"] == verdict and code == 1 and said
        said = until("status ends with 1 within two minutes", seen, seconds=120, every=1)
        assert [p for p in said["problems"] if words in p and ZONE in p], said["problems"]
    fine(house)


def visit(host, port):
    """Somebody on the internet comes, or tries to."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=3):
        return True
    return False


@pytest.mark.parametrize("port,other", [(443, 80), (80, 443)])
def test_a_port_of_visitors_that_the_router_does_not_forward(house, port, other):
    """For a day nobody comes to it: the notice names it, and no other, and is over with the next visitor."""
    # Instead of a day; long enough for a busy machine to come to both ports in it.
    environment = f"HAGW_SILENCE_USEC={SILENCE_SECONDS * 1000000}"

    def noticed():
        assert visit(HOUSE, other)
        done = dev_lab("run", "home", "env", environment, "hagw-ctl", "status", "--json", "--no-delegation", check=False)
        return [n for n in json.loads(done.stdout)["notices"] if "Nobody has come from outside" in n]
    fine(house)
    assert visit(HOUSE, port) and noticed() == []
    with blocked(f"tcp dport {port}"):
        assert not visit(HOUSE, port)
        found = until("it is noticed", noticed, seconds=SILENCE_SECONDS + 120, every=1)
        assert len(found) == 1 and f"to port {port} in the last" in found[0] and f"router pass TCP port {port}" in found[0], found
        # It needs nobody yet: a quiet house looks the same.
        assert status(house)[1] == 0
    assert visit(HOUSE, port) and noticed() == []

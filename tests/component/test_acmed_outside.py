# SPDX-License-Identifier: LGPL-2.1-or-later
"""An order is a look from outside: where the authority's question did not come here, status says which port that is, also while the
certificate of before is good, and until another order was served."""

import json
import socket

import pytest

from acme_tools import ZONE, free_port, until
from authority_tools import Authority, Fault
from ctl_tools import Ctl
from test_acmed_http import OUTSIDE, House

SENTENCE = "from the internet and did not reach this machine"


@pytest.fixture
def acme(house, tmp_path):
    a = House(house, tmp_path)
    yield a
    a.pebble.stop()


@pytest.fixture
def authority(acme, tmp_path):
    (tmp_path / "authority").mkdir()
    a = Authority(tmp_path / "authority", servers={z: ("127.0.0.1", acme.dns_port) for z in (ZONE, "elsewhere.example.org")},
                  http_port=acme.pebble.http_port, dns_timeout=1.0)
    yield a
    a.stop()


def begin(acme, authority):
    super(House, acme).start(authority.directory, authority.root, env={"HAGW_HTTP_PORT": str(acme.pebble.http_port)})


def status(acme):
    done = Ctl(acme.house).run("--json", "status", "--no-delegation")
    said = json.loads(done.stdout)
    return [p for p in said["problems"] if SENTENCE in p], [n for n in said["notices"] if "could not be renewed" in n], done.returncode


def refused(acme, name):
    """The end of an order that failed."""
    return until(lambda: (c := acme.get(name))["failures"] and not c["ordering"] and c, 60, "the refusal")


def silent():
    """A name server behind a router that forwards nothing."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    return s


def test_port_53(acme, authority):
    acme.open_door()
    begin(acme, authority)
    acme.wait(ZONE)
    acme.wait(OUTSIDE)
    assert status(acme)[0] == []
    with silent() as nobody:
        authority.settings.servers[ZONE] = ("127.0.0.1", nobody.getsockname()[1])
        acme.acmed.call("Renew", name=ZONE)
        certificate = refused(acme, ZONE)
    assert certificate["state"] == "valid" and certificate["unreachedPort"] == 53 and certificate["unreachedUSec"] > 0
    problems, notices, code = status(acme)
    assert len(problems) == 1 and code == 1 and not notices, (problems, notices)
    assert f"asked for {ZONE} {SENTENCE}" in problems[0] and "no answer" in problems[0]
    assert "router pass port 53, UDP and TCP, to this machine" in problems[0] and f"hagw-ctl cert renew {ZONE}" in problems[0]
    # It is known over a restart, and over as soon as an order was served.
    acme.acmed.kill()
    acme.acmed.start()
    assert acme.get(ZONE)["unreachedPort"] == 53
    authority.settings.servers[ZONE] = ("127.0.0.1", acme.dns_port)
    acme.acmed.call("Renew", name=ZONE)
    until(lambda: acme.get(ZONE)["failures"] == 0, 60, "the certificate")
    assert "unreachedPort" not in acme.get(ZONE) and status(acme)[0] == []


def test_port_80(acme, authority):
    """From inside all is in order, which hagw-acmed sees before it asks the authority."""
    acme.open_door()
    authority.settings.http_port = free_port()
    begin(acme, authority)
    acme.wait(ZONE)
    certificate = refused(acme, OUTSIDE)
    assert certificate["unreachedPort"] == 80 and certificate["state"] == "failed"
    problems, _, code = status(acme)
    assert len(problems) == 1 and code == 1 and "pass TCP port 80 to this machine" in problems[0], problems


def test_what_the_authority_refuses_otherwise_is_none(acme, authority):
    """It saw the house, or did not look."""
    acme.open_door()
    authority.settings.faults = [Fault("newOrder", 403, "rejectedIdentifier", "not this one")]
    begin(acme, authority)
    for name in (ZONE, OUTSIDE):
        assert "unreachedPort" not in refused(acme, name)
    assert status(acme)[0] == []

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab itself: if these fail, nothing the others say counts. First in the alphabet, before hagw is set up."""

import subprocess

import pytest

pytestmark = pytest.mark.usefixtures("gateway")


def test_parent_zone_answers(lab):
    assert lab.dig("house.dyn.example.com") == ["203.0.113.10"]
    assert "ns.home.example.com." in lab.answer("home.example.com", "NS", "203.0.113.54", "+norecurse")


@pytest.mark.parametrize("machine", ["home", "ha"])
def test_the_lan_is_not_reachable_from_the_internet(lab, machine):
    address = {"home": "192.168.1.2", "ha": "192.168.1.4"}[machine]
    assert subprocess.run(["curl", "-s", "-m", "2", f"http://{address}:8123/"], check=False).returncode != 0


def test_router_masquerades_the_way_out(lab):
    out = lab.run("home", "getent", "hosts", "acme.example.com")
    assert out.startswith("203.0.113.55")


def test_service_refuses_a_proxy_it_does_not_trust(lab):
    def status(*headers):
        return lab.run("ha", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *sum((["-H", h] for h in headers), []),
                       "http://192.168.1.4:8123/")
    assert status() == "200"
    assert status("X-Forwarded-For: 203.0.113.200") == "400"


def test_installing_enables_nothing(lab):
    if lab.show("hagw.target", "ActiveState")["ActiveState"] == "active":
        pytest.skip("hagw was set up before the tests started")
    units = lab.run("home", "systemctl", "list-units", "--all", "--plain", "--no-legend", "hagw*", "--state=active")
    assert units == ""
    listening = lab.run("home", "ss", "-Hltun")
    assert not [line for line in listening.splitlines() if line.split()[4].endswith((":443", ":80"))]

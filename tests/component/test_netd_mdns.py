# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-netd and names in .local: systemd-resolved's and Avahi's ends are stood in for, in their own words, where the real ones
are not installed; a real avahi-daemon answers the last test."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time

import pytest
from conftest import VarlinkError
from test_netd import knot, net, start  # noqa: F401 (fixtures)

NAME = "homeassistant.local"


class Listener(threading.Thread):
    """A socket below the run folder; answer(request) is called once a connection. None: silence."""

    def __init__(self, house, path, end, answer):
        super().__init__(daemon=True)
        self.path, self.end, self.answer, self.asked = house.root / "system" / path, end, answer, []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(8)
        self.open = []
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(s)
            request = b""
            while not request.endswith(self.end) and (more := s.recv(4096)):
                request += more
            self.asked.append(request.removesuffix(self.end).decode())
            if (answer := self.answer(self.asked[-1])) is not None:
                s.sendall(answer)


def resolved(house, addresses, error=None):
    def answer(request):
        assert json.loads(request) == {"method": "io.systemd.Resolve.ResolveHostname", "parameters": {"name": NAME}}
        if error:
            return json.dumps({"error": error, "parameters": {}}).encode() + b"\0"
        return json.dumps({"parameters": {"name": NAME, "flags": 8, "addresses": [
            {"ifindex": 2, "family": family, "address": list(socket.inet_pton(family, a))} for family, a in addresses]}}
        ).encode() + b"\0"
    return Listener(house, "systemd/resolve/io.systemd.Resolve", b"\0", answer)


def avahi(house, ipv4=None, ipv6=None):
    def answer(request):
        command, name = request.split(" ")
        assert name == NAME
        kind, address = ("IPv4", ipv4) if command == "RESOLVE-HOSTNAME-IPV4" else ("IPv6", ipv6)
        return f"+ 2 {kind} {NAME} {address}\n".encode() if address else b"-15 Timeout reached\n"
    return Listener(house, "avahi-daemon/socket", b"\n", answer)


def netd(house):
    return start(house, env={"HAGW_SYSTEM_RUNTIME_DIR": str(house.root / "system")})


def resolve(d):
    answer = d.call("Resolve", name=NAME)
    assert answer["ttlUSec"] <= 60e6
    return answer["addresses"]


def test_resolved(house, net):  # noqa: F811
    """Link-local addresses need a link, for which a service's address has no place."""
    r = resolved(house, [(socket.AF_INET6, "fe80::1"), (socket.AF_INET6, "fd00::4"), (socket.AF_INET, "192.168.1.4")])
    d = netd(house)
    assert resolve(d) == ["fd00::4", "192.168.1.4"]
    assert resolve(d) == ["fd00::4", "192.168.1.4"] and len(r.asked) == 1


@pytest.mark.parametrize("error", ["io.systemd.Resolve.NoNameServers", None])
def test_avahi_after_resolved(house, net, error):  # noqa: F811
    """A resolved without mDNS says no, one with only a link-local address says nothing of use."""
    resolved(house, [(socket.AF_INET6, "fe80::1")], error)
    a = avahi(house, "192.168.1.4", "fd00::4")
    assert resolve(netd(house)) == ["192.168.1.4"]
    assert a.asked == [f"RESOLVE-HOSTNAME-IPV4 {NAME}"]


def test_avahi_ipv6(house, net):  # noqa: F811
    a = avahi(house, ipv6="fd00::4")
    assert resolve(netd(house)) == ["fd00::4"]
    assert [q.split()[0] for q in a.asked] == ["RESOLVE-HOSTNAME-IPV4", "RESOLVE-HOSTNAME-IPV6"]


def test_both_silent(house, net):  # noqa: F811
    """Each has its time; then it is DNS's turn, and there is none here."""
    r = Listener(house, "systemd/resolve/io.systemd.Resolve", b"\0", lambda request: None)
    a = Listener(house, "avahi-daemon/socket", b"\n", lambda request: b"no end" * 200 if "IPV6" in request else None)
    with pytest.raises(VarlinkError, match="NoSuchName|ResolverFailed"):
        resolve(netd(house))
    assert len(r.asked) == 1 and len(a.asked) == 2


def test_nobody_but_dns(house, knot):  # noqa: F811
    """Unicast .local, as some houses have it, and the hosts file go on to work."""
    d = netd(house)
    with open(house.root / "hosts", "a") as f:
        f.write(f"192.168.7.8 {NAME}\n")
    assert d.call("Resolve", name=NAME)["addresses"] == ["192.168.7.8"]


def test_stopped_while_asking(house, net):  # noqa: F811
    r = Listener(house, "systemd/resolve/io.systemd.Resolve", b"\0", lambda request: None)
    d = netd(house)
    caught = []

    def ask():
        with pytest.raises((VarlinkError, OSError)) as e:
            d.call("Resolve", name=NAME)
        caught.append(e)
    t = threading.Thread(target=ask)
    t.start()
    deadline = time.monotonic() + 30
    while not r.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    assert d.stop() == 0
    t.join(30)
    assert caught


def test_real_avahi(house, net):  # noqa: F811
    """Two ends of a cable: one says its name, the other's Avahi is asked for it."""
    if not shutil.which("avahi-daemon") or "avahi" not in {p.pw_name for p in pwd.getpwall()}:
        pytest.skip("avahi-daemon is not installed")
    subprocess.run(["ip", "addr", "add", "192.168.77.2/24", "dev", "eth0"], check=True)
    folder = house.root / "avahi"
    folder.mkdir()
    (folder / "avahi.conf").write_text("[server]\nhost-name=homeassistant\nenable-dbus=no\nallow-interfaces=eth0\n"
                                       "[rlimits]\n")
    os.makedirs("/run/avahi-daemon", exist_ok=True)
    p = subprocess.Popen(["avahi-daemon", "-f", folder / "avahi.conf", "--no-drop-root", "--no-chroot", "--no-rlimits"])
    try:
        d = start(house, env={"HAGW_SYSTEM_RUNTIME_DIR": "/run"})
        deadline, found = time.monotonic() + 30, []
        while not found and time.monotonic() < deadline:
            try:
                found = resolve(d)
            except VarlinkError:
                time.sleep(0.2)
        assert found == ["192.168.77.2"]
    finally:
        p.terminate()
        p.wait(20)

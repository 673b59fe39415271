# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ports that visitors come to, and who else has them: hagw-ctl with real programs in a network of their own."""

import json
import socket
import subprocess
import sys
import time

import pytest
from ctl_tools import Booted, Ctl
from test_netd import net  # noqa: F401 (fixture)

CONFIG = 'zones = ( { name = "home.test"; } );\n'
SHOW = """Id={unit}
LoadState=loaded
ActiveState={state}
ConditionResult={condition}

"""


class Units(Booted):
    """What systemd says of the sockets: all are open, but those of which a test says something else."""

    def __init__(self, house, conditions=None, **states):
        super().__init__(house)
        self.states, self.conditions = {f"hagw-proxyd-{k}.socket": v for k, v in states.items()}, conditions or {}

    def act(self, words):
        if words[0] != "show":
            return super().act(words)
        assert "--property=Id,LoadState,ActiveState,ConditionResult" not in words
        return 0, "".join(SHOW.format(unit=u, state=self.states.get(u, "active"), condition=self.conditions.get(u, "yes")) for u in words[1:])


class Peer:
    """A program that has ports of this machine."""

    def __init__(self, *words):
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self, port):
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return self
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def nginx(root, *ports):
    listen = "".join(f"listen {p}; listen [::]:{p};" for p in ports)
    (root / "nginx.conf").write_text(f"daemon off; pid {root}/nginx.pid; error_log {root}/nginx.log; worker_processes 1;\n"
                                     f"events {{}}\nhttp {{ access_log off; server {{ {listen} return 204; }} }}\n")
    return Peer("nginx", "-c", root / "nginx.conf").wait(ports[0])


def status(ctl):
    r = ctl.run("--json", "status", "--no-delegation")
    said = json.loads(r.stdout)
    return r.returncode, said, [p for p in said["problems"] if "port" in p or ".socket" in p]


@pytest.fixture
def machine(house):
    house.configure(CONFIG)
    return house


@pytest.fixture
def proxyd(net, machine):  # noqa: F811
    """It runs, and does not know whether it was given all of its sockets."""
    return machine.daemon("proxyd", "io.hagw.Proxy", sockets={"https": [socket.create_server(("127.0.0.1", 0))]})


def test_another_program_has_the_ports(net, machine, tmp_path):  # noqa: F811
    with nginx(tmp_path, 443, 80):
        found = status(Ctl(machine))[2]
    assert len(found) == 2 and all(p.startswith("nginx (process ") for p in found), found
    assert "has port 443, which hagw-proxyd needs" in found[0] and "has port 80, which" in found[1]
    assert "hagw-ctl host add NAME http://127.0.0.1:PORT" in found[0]
    assert status(Ctl(machine))[2] == []


def test_another_program_shares_a_port(net, machine, proxyd, tmp_path):  # noqa: F811
    """Its sockets have SO_REUSEPORT, as systemd's have."""
    script = "import socket, time; s = socket.create_server(('', 443), reuse_port=True); time.sleep(600)"
    with Peer(sys.executable, "-c", script).wait(443):
        code, _, found = status(Ctl(machine))
    assert len(found) == 1 and "has port 443, too, and gets visitors of yours" in found[0] and found[0].startswith("python3"), found
    assert code != 0


def test_a_door_that_is_shut_is_never_running(net, machine, proxyd, tmp_path):  # noqa: F811
    units = Units(machine, https="failed")
    with nginx(tmp_path, 443):
        _, said, found = status(units)
        shown = units.run("status", "--no-delegation").stdout
    units.close()
    assert len(found) == 1 and found[0].startswith("hagw-proxyd-https.socket (TCP port 443) is failed, since nginx (process "), found
    assert "systemctl restart hagw.target" in found[0]
    row = next(d for d in said["daemons"] if d["name"] == "hagw-proxyd")
    assert row["running"] and row["shut"]
    line = next(line for line in shown.splitlines() if line.strip().startswith("hagw-proxyd ") and "door" in line)
    assert "door shut" in line and "running" not in line


def test_a_door_that_somebody_closed(net, machine, proxyd):  # noqa: F811
    units = Units(machine, http="inactive")
    found = status(units)[2]
    units.close()
    assert found == ["hagw-proxyd-http.socket is inactive, so that nobody comes to hagw-proxyd by it: systemctl restart hagw.target opens it, "
                     "systemctl status hagw-proxyd-http.socket tells why it is shut."]


def test_doors_that_are_open_or_not_wanted(net, machine, proxyd):  # noqa: F811
    units = Units(machine, conditions={"hagw-proxyd-http.socket": "no"}, http="inactive")
    found = status(units)[2]
    units.close()
    assert found == []


def test_hagw_s_own_sockets_are_no_strangers(net, machine):  # noqa: F811
    """Of the port's sockets those are hagw's that one of its daemons has open, as after systemd handed them over."""
    https = socket.create_server(("", 443), reuse_port=True)
    machine.daemon("proxyd", "io.hagw.Proxy", sockets={"https": [https]})
    found = status(Ctl(machine))[2]
    https.close()
    assert found == []

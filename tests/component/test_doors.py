# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ports that visitors come to, and who else has them: hagw-ctl with real programs in a network of their own."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from ctl_tools import CTL, DENIED, FAILED, OK, UNREACHABLE, Booted, Ctl, Session, terminal
from test_beside import Resolver
from test_listen import V4, V6
from test_netd import ip, net  # noqa: F401 (fixture)

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
        self.states, self.conditions = {f"hagw-{k if k == 'bind' else f'proxyd-{k}'}.socket": v for k, v in states.items()}, conditions or {}

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


def test_who_is_not_root_is_told_of_no_other_program(net, machine, proxyd, tmp_path):  # noqa: F811
    """Whose a port is he cannot see: mostly it is hagw's own."""
    folder = tmp_path
    while folder != folder.parent:
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    for folder in [proxyd.path.parent, *proxyd.path.parent.parents][:-1]:
        folder.chmod(folder.stat().st_mode | 0o055)
    proxyd.path.parent.chmod(0o700)
    (machine.config / "hagw.conf").chmod(0o600)
    copy = shutil.copy(CTL, machine.root)
    with nginx(tmp_path, 443, 80):
        r = subprocess.run([copy, "--config", machine.config, "status"], env=Ctl(machine).env, user=65534, group=65534,
                           extra_groups=[], capture_output=True, text=True)
    assert r.returncode == DENIED and "has port" not in r.stdout and r.stdout.count("\n  - ") == 1, r.stdout


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
    assert len(found) == 1 and found[0].startswith("hagw-proxyd-https.socket (TCP port 443) is shut (failed), since nginx (process "), found
    assert "systemctl restart hagw.target" in found[0]
    row = next(d for d in said["daemons"] if d["name"] == "hagw-proxyd")
    assert row["running"] and row["shut"]
    line = next(line for line in shown.splitlines() if line.strip().startswith("hagw-proxyd ") and "door" in line)
    assert "door shut" in line and "running" not in line


def test_a_door_that_somebody_closed(net, machine, proxyd):  # noqa: F811
    units = Units(machine, http="inactive")
    found = status(units)[2]
    units.close()
    assert found == ["hagw-proxyd-http.socket is shut (inactive), so that nobody comes to hagw-proxyd by it: systemctl restart hagw.target opens it, "
                     "systemctl status hagw-proxyd-http.socket tells why it is shut."]


@pytest.fixture
def dnsd(net, machine):  # noqa: F811
    """Nobody opens a port for it: it is told to listen where it is published, and asks in vain."""
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    machine.configure(f'{CONFIG}public_address: {{ ipv4 = "static:{V4}"; ipv6 = "none"; }};\n')
    machine.daemon("netd", "io.hagw.Net")
    d = machine.daemon("dnsd", "io.hagw.Dns")
    deadline = time.monotonic() + 30
    while not any(i.get("error") == "ENOENT" for i in d.call("ListListeners")["listeners"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return d


def test_who_opens_port_53_is_off(net, machine, dnsd):  # noqa: F811
    """One trouble, and one sentence, which says whose socket it is and not an errno's name."""
    units = Units(machine, bind="inactive")
    found = status(units)[2]
    assert found == ["hagw-bind.socket is shut (inactive), so that hagw-dnsd can open no port 53: systemctl restart hagw.target opens it, "
                     "systemctl status hagw-bind.socket tells why it is shut."]
    units.states.clear()
    found = status(units)[2]
    units.close()
    assert found == [f"hagw-dnsd gets no questions at port 53 (UDP and TCP) of {V4}, which could not be opened: hagw-bind.socket, which opens it, "
                     "does not answer; hagw-ctl log --daemon=dnsd tells more."]


def test_doors_that_are_open_or_not_wanted(net, machine, proxyd):  # noqa: F811
    units = Units(machine, conditions={"hagw-proxyd-http.socket": "no"}, http="inactive", https="activating")
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


SETUP = ("setup", "--yes", "--zone=home.house.test", "--ipv4=static:8.8.8.8", "--ipv6=none")


@pytest.fixture
def fresh(house, net):  # noqa: F811
    """Installed, and not set up."""
    (house.config / "hagw.conf").unlink()
    ip("address", "add", f"{V4}/24", "dev", "eth0")
    ip("address", "add", f"{V6}/64", "dev", "eth0", "nodad")
    ip("route", "add", "default", "via", "192.168.7.1")
    ip("-6", "route", "add", "default", "via", "2001:db8:7::1", "dev", "eth0")
    return house


def written(house):
    path = house.config / "hagw.conf"
    return path.read_text() if path.exists() else None


def test_setup_names_who_has_the_web_s_ports_and_writes_nothing(fresh, tmp_path):
    ctl = Ctl(fresh)
    with nginx(tmp_path, 443, 80):
        r = ctl.run(*SETUP)
        assert r.returncode == FAILED and written(fresh) is None
        for port in (443, 80):
            assert f"has port {port}, which hagw needs for visitors" in r.stderr
        assert r.stderr.count("nginx (process ") == 2 and "Nothing is changed on this machine; --force goes on anyway." in r.stderr
        # Who only wants the file is told, too, and has it.
        r = ctl.run(*SETUP, "--no-start")
        assert r.returncode == OK and "nginx (process " in r.stderr and written(fresh)
    (fresh.config / "hagw.conf").unlink()
    with nginx(tmp_path, 80):
        assert "systemd does not run here" in ctl.refused(UNREACHABLE, *SETUP, "--force")  # it went on


@pytest.mark.parametrize("answer", ["n", ""])
def test_setup_asks_whether_to_go_on(fresh, tmp_path, answer):
    with nginx(tmp_path, 443):
        shown, code = terminal(Ctl(fresh), ["setup", "--zone=home.test"], [("Go on anyway?", answer)])
    assert code == FAILED and written(fresh) is None and "Nothing is changed on this machine." in shown


@pytest.mark.parametrize("kind", ["dnsmasq", "unbound"])
def test_setup_puts_hagw_beside_a_resolver(fresh, tmp_path, kind):
    r = Resolver(tmp_path, kind).wait(V4, V6)
    done = Ctl(fresh).run(*SETUP, "--no-start")
    r.close()
    text = written(fresh)
    assert done.returncode == OK and f"{kind} (process " in done.stderr and "is asked at port 53 of this machine." in done.stderr
    assert re.search(r"^\s*ipv4_port = 5300;", text, re.M) and re.search(r"^\s*ipv6_port = 0;", text, re.M), text
    assert "dns.ipv4_port = 5300" in done.stdout


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_who_gives_up_at_a_door_is_told_that_nothing_is_written(fresh, tmp_path, key):
    r = Resolver(tmp_path, "dnsmasq", "--bind-interfaces", f"--listen-address={V4}").wait(V4)
    s = Session(Ctl(fresh), "setup", "--no-start")
    s.expect("Take port 5300")
    s.send(key)
    shown = s.end(-signal.SIGINT if key == b"\x03" else FAILED)
    r.close()
    assert "Nothing is written yet." in shown and written(fresh) is None


def test_setup_asks_before_it_takes_another_port(fresh, tmp_path):
    r = Resolver(tmp_path, "dnsmasq", "--bind-interfaces", f"--listen-address={V4}").wait(V4)
    answers = [("Take port 5300", "n"), ("Home Assistant's address", ""), ("The first user", "")]
    terminal(Ctl(fresh), ["setup", "--no-start", *SETUP[2:], "--name-server=ns.home.test", "--contact=me@home.test"], answers)
    r.close()
    assert not re.search(r"^\s*ipv[46]_port", written(fresh), re.M)


def test_setup_puts_hagw_beside_a_resolver_that_came_later(fresh, tmp_path):
    """Two lines more in a file that is its owner's; nothing where he says no."""
    fresh.configure(CONFIG)
    r = Resolver(tmp_path, "dnsmasq").wait(V4)
    answers = [("Take port 5300", "n"), ("Keep its settings", "")]
    shown, code = terminal(Ctl(fresh), ["setup", "--no-start"], answers)
    assert code == OK and written(fresh) == CONFIG, shown
    assert "To run both, set dns.ipv4_port = 5300 and dns.ipv6_port = 0 in hagw.conf, then: hagw-ctl reload" in " ".join(shown.split())
    done = Ctl(fresh).run("setup", "--yes", "--no-start")
    r.close()
    assert done.returncode == OK and "hagw.conf will say so: dns.ipv4_port = 5300 and dns.ipv6_port = 0." in done.stdout
    assert all(line in written(fresh) for line in CONFIG.splitlines())
    assert re.search(r"^\s*ipv4_port = 5300;", written(fresh), re.M) and re.search(r"^\s*ipv6_port = 0;", written(fresh), re.M), written(fresh)


def test_setup_knows_the_package_s_file_from_an_owner_s(fresh, tmp_path):
    """It is there before the first setup, and says nothing."""
    fresh.configure("# Everything is commented out.\n")
    r = Resolver(tmp_path, "dnsmasq").wait(V4)
    done = Ctl(fresh).run(*SETUP, "--no-start")
    r.close()
    assert done.returncode == OK and re.search(r"^\s*ipv4_port = 5300;", written(fresh), re.M), (done.stdout, written(fresh))


def test_setup_is_content_beside_a_resolver(fresh, tmp_path):
    fresh.configure(CONFIG + "dns: { ipv4_port = 5300; ipv6_port = 0; };")
    r = Resolver(tmp_path, "dnsmasq").wait(V4)
    done = Ctl(fresh).run("setup", "--yes", "--no-start")
    r.close()
    assert done.returncode == OK and done.stderr == ""
    assert "UDP and TCP 53 for the name server (which goes to port 5300)" in done.stdout


def test_setup_takes_port_53_back(fresh, tmp_path):
    """Whom it stood beside is gone. Who cannot be asked has a router that knows the other port, perhaps."""
    fresh.configure(CONFIG + "dns: { ipv4_port = 5300; ipv6_port = 0; };\n")
    done = Ctl(fresh).run("setup", "--yes", "--no-start")
    assert done.returncode == OK and "Nobody else has port 53 of this machine any more, and hagw is asked at port 5300" in " ".join(done.stderr.split()), done
    assert "ipv4_port = 5300; ipv6_port = 0;" in written(fresh)
    terminal(Ctl(fresh), ["setup", "--no-start"], [("Take port 53, over IPv6, too", "n"), ("Keep its settings", "")])
    assert "ipv4_port = 5300; ipv6_port = 0;" in written(fresh)
    shown, code = terminal(Ctl(fresh), ["setup", "--no-start"], [("Take port 53, over IPv6, too", ""), ("Keep its settings", "")])
    assert code == OK and "hagw.conf will say so: dns.ipv4_port = 53 and dns.ipv6_port = 53." in " ".join(shown.split()), shown
    assert "ipv4_port = 53; ipv6_port = 53;" in written(fresh) and all(line in written(fresh) for line in CONFIG.splitlines())
    # A port of the owner's own choice is his.
    fresh.configure(CONFIG + "dns: { ipv4_port = 5353; };\n")
    assert Ctl(fresh).run("setup", "--yes", "--no-start").stderr == ""


def test_setup_says_nothing_where_all_is_free(fresh, tmp_path):
    """A resolver of virtual machines, or systemd-resolved's, is in nobody's way."""
    ip("link", "add", "virbr0", "type", "bridge")
    ip("address", "add", "192.168.122.1/24", "dev", "virbr0")
    r = Resolver(tmp_path, "unbound", "interface: 192.168.122.1", "interface: 127.0.0.53").wait("192.168.122.1")
    done = Ctl(fresh).run(*SETUP, "--no-start")
    r.close()
    assert done.returncode == OK and done.stderr == "" and not re.search(r"^\s*ipv[46]_port", written(fresh), re.M)


def test_attach_tells_and_goes_on(fresh, tmp_path):
    """Visitors by the relay need no port."""
    with nginx(tmp_path, 443):
        r = Ctl(fresh).run("attach", "relay.meier.test", "7K3M-Q9XT-2VBN-HD4W", "--yes")
    assert "inside the house; those who come by the relay do not need it" in r.stderr and "nginx (process " in r.stderr
    assert "Nothing is changed" not in r.stderr and r.returncode == UNREACHABLE  # systemd does not run here

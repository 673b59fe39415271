# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab as tests see it. They stand where the visitor stands, and run commands on every machine.

`lab` is up before pytest starts (dev/lab up; dev/lab test). `house` has hagw set up as the guide says."""

import json
import pathlib
import socket
import ssl
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZONE, HOST = "home.example.com", "ha.home.example.com"
URL = f"https://{HOST}/"
USER, PASSWORD = "anna", "correct horse"
SERVICE_USER, SERVICE_PASSWORD = "anna", "kaffee und kuchen"
DAEMONS = ("dnsd", "netd", "keyd", "acmed", "proxyd", "webd")


def until(what, probe, seconds=30, every=0.2):
    """Asks again and again until the probe's answer is true; what it last said is in the failure."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            last = probe()
            if last:
                return last
        except (AssertionError, OSError, subprocess.SubprocessError) as e:
            last = e
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what} (last: {last!r})")


def dev_lab(verb, machine, *command, check=True, timeout=60, text=None):
    done = subprocess.run([ROOT / "dev/lab", verb, machine, *map(str, command)], input=text or "", text=True,
                          capture_output=True, timeout=timeout)
    assert not check or done.returncode == 0, \
        f"{machine}: {' '.join(map(str, command))}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done if not check else done.stdout


def certificate(name, address, timeout=15):
    context = ssl.create_default_context()
    with socket.create_connection((address, 443), timeout=timeout) as s, context.wrap_socket(s, server_hostname=name) as t:
        return t.getpeercert()


class Machine:
    """One of the machines on which hagw is installed."""

    def __init__(self, name):
        self.name = name

    def run(self, *command, **keys):
        return dev_lab("run", self.name, *command, **keys)

    def wire(self, *command, **keys):
        """A tool of the box in the machine's network."""
        return dev_lab("wire", self.name, *command, **keys)

    def ctl(self, *arguments, **keys):
        return self.run("hagw-ctl", *arguments, **keys)

    def verb(self, *arguments):
        """What a verb says with --json."""
        return json.loads(self.ctl(*arguments, "--json"))

    def show(self, unit, *properties):
        out = self.run("systemctl", "show", unit, "-p", ",".join(properties))
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def pid(self, daemon):
        return int(self.show(f"hagw-{daemon}.service", "MainPID")["MainPID"])

    def rss(self, daemon):
        """Resident bytes of a daemon."""
        status = self.run("cat", f"/proc/{self.pid(daemon)}/status")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


class Lab:
    """The gateway's house is meant where no machine is named."""

    def __init__(self):
        self.sets = (ROOT / ".cache/lab/sets").read_text(encoding="ascii").split()
        home = Machine("home")
        self.ctl, self.verb, self.show, self.pid, self.rss = home.ctl, home.verb, home.show, home.pid, home.rss

    def run(self, machine, *command, **keys):
        return dev_lab("run", machine, *command, **keys)

    def need(self, name):
        if name not in self.sets:
            pytest.skip(f"the lab is up without its {name} (dev/lab up gateway relay container)")

    def renumber(self, address):
        done = subprocess.run([ROOT / "dev/lab", "renumber", address], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == "", done.stderr

    def dig(self, name, kind="A", server="203.0.113.53", *options):
        """The answer's data, a list; through everybody's resolver unless told otherwise."""
        out = subprocess.run(["kdig", f"@{server}", "+short", "+timeout=2", *options, name, kind], capture_output=True,
                             text=True, timeout=20).stdout
        return [line for line in out.splitlines() if not line.startswith(";")]

    def answer(self, name, kind="A", server="203.0.113.53", *options):
        """The whole answer, as kdig prints it."""
        return subprocess.run(["kdig", f"@{server}", "+timeout=2", *options, name, kind], capture_output=True, text=True,
                              timeout=20).stdout

    def counters(self):
        """What the service counted; asked on its own machine."""
        return json.loads(self.run("ha", "curl", "-sf", "http://192.168.1.4:8123/lab/state"))

    def certificate(self, name=HOST, address="203.0.113.10"):
        """The certificate that visitors get for a name, verified, as a dict."""
        return certificate(name, address)


@pytest.fixture(scope="session")
def lab():
    return Lab()


@pytest.fixture
def gateway(lab):
    lab.need("gateway")


@pytest.fixture(scope="session")
def house(lab):
    """hagw set up, its certificate there."""
    lab.need("gateway")
    if lab.show("hagw.target", "ActiveState")["ActiveState"] != "active":
        done = subprocess.run([ROOT / "dev/lab", "setup"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"dev/lab setup: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    until("a certificate that visitors trust", lab.certificate, seconds=90)
    return lab


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What is about the gateway and what is about the relay has machines of its own, so they can run side by side."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group("relay" if "relay" in item.path.name else "gateway"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails brings the last words of the machines it is about."""
    report = (yield).get_result()
    if report.when == "call" and report.failed and "lab" in item.fixturenames:
        for machine in getattr(item.module, "MACHINES", ["home"]):
            journal = dev_lab("run", machine, "journalctl", "-b", "-n", "60", "--no-pager", "-o", "short-precise",
                              "-u", "hagw*", check=False)
            report.sections.append((f"the journal of {machine}", journal.stdout))


# Their fixtures, for all tests.
from tenants import cabin, flat, houses, relay  # noqa: E402, F401  pylint: disable=wrong-import-position

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container whose host gives no user namespaces away (tests/lab/container): the units cannot start as they are, setup says so and
offers the drop-in with which they do."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from conftest import DAEMONS, ROOT, Machine, certificate, until

ZONE, ADDRESS = "container.example.com", "203.0.113.60"
DROP_IN = "/etc/systemd/system/hagw-.service.d/90-container.conf"
MACHINES = ["container"]
SETUP = ["hagw-ctl", "setup", f"--zone={ZONE}", f"--ipv4=static:{ADDRESS}", "--ipv6=none",
         "--directory=https://acme.example.com:14000/dir", "--contact=mailto:me@example.com", "--laboratory"]


class Terminal:
    """A command on a terminal in the machine, which somebody reads and answers."""

    def __init__(self, machine, *command):
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen([ROOT / "dev/lab", "run", machine, "env", "COLUMNS=80", *command], stdin=theirs, stdout=theirs,
                                        stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.seen = ""

    def read(self):
        """False: nothing more will come."""
        if not select.select([self.fd], [], [], 1)[0]:
            return True
        try:
            more = os.read(self.fd, 4096)
        except OSError:
            return False
        self.seen += more.decode(errors="replace").replace("\r\n", "\n")
        return bool(more)

    def answer(self, questions, seconds=240):
        """Each question that ends what is shown gets its answer, which is removed: [pattern, answer]. Returns the exit status."""
        deadline, at = time.monotonic() + seconds, 0
        while self.read():
            assert time.monotonic() < deadline, self.seen
            for question in questions:
                if found := re.search(question[0], self.seen[at:]):
                    at += found.end()
                    os.write(self.fd, question[1].encode() + b"\n")
                    questions.remove(question)
                    break
        return self.process.wait(30)


@pytest.fixture
def container(lab):
    lab.need("container")
    return Machine("container")


def words(text):
    """Wherever its lines are broken."""
    return " ".join(text.split())


def test_a_container_without_user_namespaces(container):
    # As its own process 1 starts it: what dev/lab runs in a machine comes from outside.
    unit = ["systemd-run", "--quiet", "--pipe", "--wait", "unshare"]
    refused = container.run(*unit, "--user", "true", check=False)
    assert refused.returncode != 0 and "Operation not permitted" in refused.stderr, refused
    assert container.run(*unit, "--mount", "true", check=False).returncode == 0, "and all other kinds it may have"

    # Nobody is there who could say yes: it is said, and nothing is written.
    done = container.run(*SETUP, "--yes", check=False, timeout=240)
    said = words(done.stderr)
    assert done.returncode != 0 and "refuses it a user namespace of its own (PrivateUsers=)" in said, done
    assert f'A file {DROP_IN} with "[Service]" and "PrivateUsers=no" does without it' in said
    assert container.run("test", "-e", DROP_IN, check=False).returncode != 0
    assert container.show("hagw-keyd.service", "ExecMainStatus")["ExecMainStatus"] == "217"

    found = [p for p in json.loads(container.ctl("status", "--json", check=False, timeout=120).stdout)["problems"] if "PrivateUsers=" in p]
    assert len(found) == 1 and "hagw-ctl setup offers the drop-in" in found[0], found

    terminal = Terminal("container", *SETUP)
    status = terminal.answer([[r"Write it\?.*\[yes\]", "yes"], *([r"\]: ?$|\? ?$|: ?$", ""] for _ in range(12))])
    shown = words(terminal.seen)
    assert "this machine, probably a container, refuses it a user namespace" in shown, terminal.seen
    assert "PrivateUsers=no" in container.run("cat", DROP_IN)
    assert status == 0, terminal.seen
    for daemon in DAEMONS:
        assert container.show(f"hagw-{daemon}.service", "ActiveState")["ActiveState"] == "active", daemon
    until("everything is fine", lambda: container.ctl("status", check=False).returncode == 0, seconds=120, every=1)
    container.ctl("host", "add", "--force", f"ha.{ZONE}", "http://127.0.0.1:8123")
    until("a certificate that visitors trust", lambda: certificate(f"ha.{ZONE}", ADDRESS), seconds=120)

    # All the rest of the sandbox stays.
    shown = container.show("hagw-proxyd.service", "PrivateUsers", "NoNewPrivileges", "ProtectSystem", "User", "RestrictNamespaces")
    assert shown == {"PrivateUsers": "no", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "User": "hagw-proxyd",
                     "RestrictNamespaces": "yes"}, shown

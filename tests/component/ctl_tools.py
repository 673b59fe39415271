# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-ctl in a test: run as a program, with the test's daemons in the place of systemd's."""

import fcntl
import json
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest

from conftest import BUILD, ROOT

CTL = BUILD / "hagw-ctl" / "hagw-ctl"
OK, FAILED, USAGE, UNREACHABLE, DENIED = range(5)
PASSWORD = "correct horse"


class Ctl:
    def __init__(self, house):
        self.house, self.prefix = house, []
        self.env = {"PATH": os.environ["PATH"], "HAGW_RUNTIME_DIR": str(house.runtime), "HAGW_DATA_DIR": str(ROOT / "data"), "LC_ALL": "C.UTF-8",
                    **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}

    def run(self, *words, stdin="", config=None, env=None):
        r = subprocess.run([*self.prefix, CTL, "--config", str(config or self.house.config), *words], input=stdin, text=True,
                           timeout=300, capture_output=True, env={**self.env, **(env or {})})
        assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
        return r

    def begin(self, *words):
        """One that is still at work: a process."""
        return subprocess.Popen([*self.prefix, CTL, "--config", str(self.house.config), *words], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)

    def ok(self, *words, **keys):
        r = self.run(*words, **keys)
        assert r.returncode == OK, (words, r.stdout, r.stderr)
        return r.stdout

    def json(self, *words, **keys):
        return json.loads(self.ok("--json", *words, **keys))

    def refused(self, status, *words, **keys):
        r = self.run(*words, **keys)
        assert r.returncode == status, (words, r.returncode, r.stdout, r.stderr)
        return r.stderr


def terminal(ctl, words, answers, timeout=20):
    """Runs hagw-ctl on a terminal; answers: (what it must have asked, what is typed). Returns what was shown, and its status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(ctl.env)
        os.environ["TERM"] = "xterm"
        words = [*ctl.prefix, str(CTL), "--config", str(ctl.house.config), *words]
        os.execvp(words[0], words)
    seen, at = b"", 0
    answers = list(answers)
    while select.select([fd], [], [], timeout)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
        while answers and answers[0][0].encode() in seen[at:]:
            at = len(seen)
            os.write(fd, answers.pop(0)[1].encode() + b"\n")
    os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert not answers, (answers, seen)
    return seen.decode(), status


class Session:
    """hagw-ctl on a terminal of its own, word by word. Each wait has an end, after which the test fails."""

    def __init__(self, ctl, *words, columns=80):
        self.seen, self.at = "", 0
        environment = {**os.environ, **ctl.env, "TERM": "xterm"}
        argv = [*ctl.prefix, str(getattr(ctl, "program", CTL)), "--config", str(ctl.house.config), *words]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execvpe(argv[0], argv, environment)
        # One end that stays, so that the terminal is still there when the program has gone.
        self.kept = os.open(os.ptsname(self.fd), os.O_RDWR | os.O_NOCTTY)

    def read(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        self.seen += os.read(self.fd, 4096).decode(errors="replace").replace("\r\n", "\n")
        return True

    def expect(self, text, timeout=30):
        """Wherever its lines are broken."""
        wanted, end = re.compile(r"\s+".join(re.escape(w) for w in text.split(" "))), time.monotonic() + timeout
        while not (found := wanted.search(self.seen, self.at)):
            assert self.read(max(end - time.monotonic(), 0)), (text, self.seen)
        self.at = found.end()

    def send(self, data):
        os.write(self.fd, data)

    def type(self, line):
        self.send(line.encode() + b"\n")

    def echoes(self):
        return bool(termios.tcgetattr(self.kept)[3] & termios.ECHO)

    def end(self, status, timeout=120):
        """Waits for its end; returns all that was shown."""
        end = time.monotonic() + timeout
        while (got := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            self.read(0.1)
            assert time.monotonic() < end, self.seen
        while self.read(0):
            pass
        assert os.waitstatus_to_exitcode(got[1]) == status, (got, self.seen)
        return self.seen

    def close(self):
        os.close(self.kept)
        os.close(self.fd)


SYSTEMCTL = f"""#!{sys.executable}
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["HAGW_TEST_SYSTEMD"])
s.sendall(json.dumps([w for w in sys.argv[1:] if not w.startswith("-")]).encode() + b"\\n")
status, text = json.loads(s.makefile().readline())
sys.stdout.write(text)
sys.exit(status)
"""


class Booted(Ctl):
    """The same on a machine that systemd booted: systemctl's words reach the daemons that the test started."""

    def __init__(self, house, start=None):
        super().__init__(house)
        if os.getuid() != 0:
            pytest.skip("only root can mount a /run of its own")
        self.start, self.words = start, []
        folder = house.root / "bin"
        folder.mkdir()
        (folder / "systemctl").write_text(SYSTEMCTL)
        (folder / "systemctl").chmod(0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(house.root / "systemd"))
        self.listener.listen(8)
        self.env |= {"PATH": f"{folder}:{os.environ['PATH']}", "HAGW_TEST_SYSTEMD": str(house.root / "systemd")}
        # In a chroot / is no mount, but /run is.
        self.prefix = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-ec",
                       '{ mount --make-rprivate / 2>/dev/null || mount --make-private /run; }; mount -t tmpfs tmpfs /run; '
                       'mkdir -p /run/systemd/system; exec "$0" "$@"']
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            with peer:
                words = json.loads(peer.makefile().readline())
                done = self.act(words)
                peer.sendall(json.dumps(done if isinstance(done, tuple) else [done, ""]).encode() + b"\n")

    def act(self, words):
        """What systemctl's exit status is (and what it says); like it, a reload returns when the daemons are done."""
        verb, units = words[0], [w.removesuffix(".service") for w in words[1:]]
        running = {f"hagw-{d.name}": d for d in self.house.daemons if d.process.poll() is None}
        if verb == "is-active":
            return 0 if all(u in running or u == "hagw.target" and running for u in units) else 3
        self.words.append([verb, *units])
        if verb == "reload":
            for u in units:
                running[u].reload()
        elif self.start:
            return self.start(verb, units) or 0
        return 0

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def finds_only(ctl, root, **names):
    """hagw-ctl finds these names and no others: a hosts file of its own, and nobody to ask. NAME_TLD=ADDRESS."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a hosts file of its own")
    (root / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{a} {n.replace('_', '.')}\n" for n, a in names.items()))
    (root / "nsswitch.conf").write_text("hosts: files\n")
    # In a chroot / is no mount; who made that has made its mounts private.
    ctl.prefix = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-ec",
                  f"mount --make-rprivate / 2>/dev/null || :; mount --bind {root}/hosts /etc/hosts; "
                  f'mount --bind {root}/nsswitch.conf /etc/nsswitch.conf; exec "$0" "$@"']


@pytest.fixture
def ctl(house):
    return Ctl(house)


@pytest.fixture
def booted(house):
    b = Booted(house)
    yield b
    b.close()


@pytest.fixture
def webd(house):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(house.root / "web"))
    listener.listen(16)
    return house.daemon("webd", "io.hagw.Web", sockets={"web": [listener]})


@pytest.fixture
def zone(ctl):
    ctl.house.configure('zones = ( { name = "home.test"; } );\n')
    return ctl


def listeners(*kinds):
    """Sockets of those kinds on one port that is free."""
    for _ in range(50):
        sockets = [socket.socket(socket.AF_INET, kind) for kind in kinds]
        try:
            sockets[0].bind(("127.0.0.1", 0))
            for s in sockets[1:]:
                s.bind(sockets[0].getsockname())
        except OSError:
            continue
        for s in sockets:
            if s.type == socket.SOCK_STREAM:
                s.listen(64)
        return sockets
    raise AssertionError("no free port")


class Machine(Booted):
    """A machine that hagw was just installed on: systemctl enable --now hagw.target starts its daemons, disable ends them."""

    def __init__(self, house):
        super().__init__(house, self.act_on_target)
        (house.config / "hagw.conf").unlink()
        self.enabled = False

    def act_on_target(self, verb, units):
        if units != ["hagw.target"]:
            return 0
        if verb == "disable":
            for d in self.house.daemons:
                d.stop()
            self.enabled = False
        elif not [d for d in self.house.daemons if d.process.poll() is None]:
            self.enabled = True
            self.start_daemons()
        return 0

    def start_daemons(self):
        for old in self.house.daemons:
            old.close()
            old.path.unlink()
        self.house.daemons.clear()
        udp, tcp = listeners(socket.SOCK_DGRAM, socket.SOCK_STREAM)
        web = socket.socket(socket.AF_UNIX)
        (self.house.root / "web").unlink(missing_ok=True)
        web.bind(str(self.house.root / "web"))
        web.listen(16)
        self.https, = listeners(socket.SOCK_STREAM)
        for name, interface, sockets in (
                ("netd", "io.hagw.Net", {}), ("keyd", "io.hagw.Key", {}), ("dnsd", "io.hagw.Dns", {"dns-udp": [udp], "dns-tcp": [tcp]}),
                ("acmed", "io.hagw.Acme", {}), ("webd", "io.hagw.Web", {"web": [web]}),
                ("proxyd", "io.hagw.Proxy", {"https": [self.https], "http": listeners(socket.SOCK_STREAM)})):
            setattr(self, name, self.house.daemon(name, interface, sockets=sockets))


@pytest.fixture
def machine(house):
    m = Machine(house)
    yield m
    m.close()

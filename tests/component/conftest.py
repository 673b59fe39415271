# SPDX-License-Identifier: LGPL-2.1-or-later
"""One real daemon at a time, with sockets handed in as systemd would, and varlink to it.

$HAGW_BUILD is the build folder (default: build/ of the checkout). Daemons find each other's sockets in a folder of their
own per test ($HAGW_RUNTIME_DIR), so that several can run together."""

import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HAGW_BUILD", ROOT / "build"))


def pytest_configure():
    """Where several processes run the tests at once (pytest -n), each has a network of its own: no port is another's."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.unshare(os.CLONE_NEWNET)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class VarlinkError(Exception):
    def __init__(self, name, parameters):
        super().__init__(f"{name} {parameters}")
        self.name, self.parameters = name, parameters


class Varlink:
    """A connection; call() returns the reply's parameters, stream() yields those of a `more` call."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = b""

    def send(self, method, parameters, **flags):
        message = {"method": method, "parameters": parameters, **flags}
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the daemon closed the connection")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        if "error" in message:
            raise VarlinkError(message["error"], message.get("parameters"))
        return message

    def call(self, method, **parameters):
        self.send(method, parameters)
        return self.receive().get("parameters", {})

    def stream(self, method, **parameters):
        self.send(method, parameters, more=True)
        while True:
            message = self.receive()
            yield message.get("parameters", {})
            if not message.get("continues"):
                return

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Daemon:
    """hagw-NAME, with its varlink socket at RUNTIME/INTERFACE and any other sockets: {fd name: [sockets]}."""

    def __init__(self, house, name, interface, sockets=None, env=None, wrapper=()):
        self.wrapper = [str(w) for w in wrapper]  # a command that becomes the daemon, with the same pid
        self.house, self.name, self.interface, self.build = house, name, interface, BUILD
        self.path = house.runtime / interface
        self.varlink_socket = socket.socket(socket.AF_UNIX)
        self.varlink_socket.bind(str(self.path))
        self.varlink_socket.listen(4096)
        self.fds = [("varlink", self.varlink_socket)]
        for fd_name, several in (sockets or {}).items():
            self.fds += [(fd_name, s) for s in several]
        self.env = env or {}
        self.kept = {}  # what it gave systemd to keep (FDSTORE=1), by name
        self.process, self.signs_of_life = None, 0
        self.start()

    def start(self):
        state = self.house.root / "state" / self.name
        state.mkdir(parents=True, exist_ok=True)
        self.log = open(self.house.root / f"{self.name}.log", "ab")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify = notify
        notify_path = self.house.root / f"{self.name}.notify"
        notify_path.unlink(missing_ok=True)
        notify.bind(str(notify_path))
        env = {
            "PATH": os.environ["PATH"],
            "HAGW_RUNTIME_DIR": str(self.house.runtime),
            "HAGW_DATA_DIR": str(ROOT / "data"),
            "STATE_DIRECTORY": str(state),
            "NOTIFY_SOCKET": str(notify_path),
            "LISTEN_FDS": str(len(self.fds) + len(self.kept)),
            "LISTEN_FDNAMES": ":".join([*(n for n, _ in self.fds), *self.kept]),
            "HAGW_LOG_LEVEL": "debug",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
            **self.env,
        }
        sources = [*(s.fileno() for _, s in self.fds), *self.kept.values()]
        # sh sets LISTEN_PID to its own pid and then becomes the daemon.
        binary = self.build / f"hagw-{self.name}" / f"hagw-{self.name}"

        def hand_in():
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3 + len(sources)) for fd in sources]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)

        # Not pass_fds: it wants them open here already, and others may stand at these numbers. Python's own close on exec.
        self.process = subprocess.Popen(
            ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *self.wrapper, str(binary), "--config", str(self.house.config)],
            env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=hand_in,
            close_fds=False)
        self.ready, self.status, self.extended = threading.Event(), "", None
        self.reloads, self.begun_usec, self.ended_usec = threading.Condition(), 0, 0  # CLOCK_MONOTONIC of the last begin
        self.stopping = threading.Semaphore(0)  # one for each STOPPING=1: a drain has begun, the loop has ended
        threading.Thread(target=self.listen, args=(notify,), daemon=True).start()
        end = time.monotonic() + 30
        while not self.ready.wait(0.2):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"hagw-{self.name} did not become ready:\n{self.text()}")

    def listen(self, notify):
        """Takes what the daemon notifies at once: the socket's queue is short, and a full one would block it."""
        while (message := socket.recv_fds(notify, 4096, 8)) and (data := message[0]):
            lines = data.decode(errors="replace").split("\n")
            self.keep(lines, message[1])
            for line in data.split(b"\n"):
                if line.startswith(b"STATUS="):
                    self.status = line[7:].decode()
                elif line.startswith(b"EXTEND_TIMEOUT_USEC="):
                    self.extended = int(line[20:]) / 1e6
                elif line.startswith(b"MONOTONIC_USEC="):
                    self.begun_usec = int(line[15:])
                elif line == b"READY=1":
                    self.ready.set()
                    with self.reloads:
                        self.ended_usec = self.begun_usec
                        self.reloads.notify_all()
                elif line == b"STOPPING=1":
                    self.stopping.release()
                elif line == b"WATCHDOG=1":
                    self.signs_of_life += 1
        notify.close()

    def keep(self, lines, fds):
        fields = dict(line.split("=", 1) for line in lines if "=" in line)
        name = fields.get("FDNAME", "stored")
        if "FDSTOREREMOVE" in fields and name in self.kept:
            os.close(self.kept.pop(name))
        for fd in fds:
            assert "FDSTORE" in fields and name not in self.kept, lines
            self.kept[name] = fd

    def text(self):
        return (self.house.root / f"{self.name}.log").read_text(errors="replace")

    def varlink(self, timeout=20):
        return Varlink(self.path, timeout)

    def call(self, method, **parameters):
        with self.varlink() as v:
            return v.call(method if method.startswith(("io.", "org.")) else f"{self.interface}.{method}", **parameters)

    def reload(self):
        """The end of this one: that of another, which was refused, may just be on its way here."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.process.send_signal(signal.SIGHUP)
        with self.reloads:
            if not self.reloads.wait_for(lambda: self.ended_usec >= now, 30):
                raise AssertionError("no READY=1 after SIGHUP")

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        """SIGTERM; the exit status must be 0 (a sanitizer's report makes it something else)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(120)
        self.log.close()
        return status

    def close(self):
        """Lets go of what was kept for another start()."""
        self.notify.shutdown(socket.SHUT_RDWR)
        for _, s in self.fds:
            s.close()
        for fd in self.kept.values():
            os.close(fd)
        self.kept = {}


class House:
    """A folder with configuration, runtime sockets and state, and the daemons started in it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.runtime, self.config = self.root / "run", self.root / "etc"
        self.runtime.mkdir()
        (self.config / "hosts.d").mkdir(parents=True)
        self.daemons, self.quiet = [], False
        self.configure("")

    def configure(self, main, **hosts):
        """Unless a test says otherwise, services are tried by visitors only, so that it knows who came."""
        if self.quiet and "probe_interval" not in main:
            quiet = 'probe_interval = "0s";'
            main, n = re.subn(r"(\bproxy\s*[:=]\s*\{)", rf"\1 {quiet}", main)
            main += "" if n else f"\nproxy: {{ {quiet} }};\n"
        (self.config / "hagw.conf").write_text(main)
        for old in (self.config / "hosts.d").iterdir():
            old.unlink()
        for name, text in hosts.items():
            (self.config / "hosts.d" / f"{name}.conf").write_text(text)

    def open_to_all(self):
        """Lets other users reach the sockets (their own modes still count)."""
        for folder in (self.runtime, *self.runtime.parents):
            if folder.stat().st_mode & 0o011 != 0o011:
                folder.chmod(folder.stat().st_mode | 0o011)

    def daemon(self, name, interface, **keys):
        d = Daemon(self, name, interface, **keys)
        self.daemons.append(d)
        return d


@contextlib.contextmanager
def running(root):
    """A house whose daemons must all end well."""
    h = House(root)
    yield h
    failed = []
    for d in reversed(h.daemons):
        killed = d.process.poll() == -signal.SIGKILL
        status = d.stop()
        if status != 0 and not killed:
            failed.append(f"hagw-{d.name} ended with {status}:\n{d.text()[-4000:]}")
        d.close()
    assert not failed, "\n".join(failed)


@pytest.fixture
def house(tmp_path_factory):
    # Short, because socket paths are limited to 107 bytes.
    with running(tmp_path_factory.mktemp("h")) as h:
        yield h


@pytest.fixture
def other_house(tmp_path_factory):
    with running(tmp_path_factory.mktemp("o")) as h:
        yield h


# Who it then is may not be let into the checkout, so this is read before.
CALLS_AS = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from conftest import Varlink, VarlinkError
os.setgroups([])
os.setgid(65534)
os.setuid(int(sys.argv[2]))
answers = []
for method, parameters, more in json.load(sys.stdin):
    with Varlink(sys.argv[3], timeout=280) as link:
        try:
            next(link.stream(method, **parameters)) if more else link.call(method, **parameters)
            answers.append("ok")
        except VarlinkError as e:
            answers.append(e.name)
json.dump(answers, sys.stdout)
"""


def calls_as(uid, path, calls):
    """Calls (method, parameters, more) from a process with that uid, one after the other: each one's error's name, or "ok". more: only
    until the first reply."""
    done = subprocess.run([sys.executable, "-B", "-c", CALLS_AS, pathlib.Path(__file__).parent, str(uid), path], timeout=300,
                          input=json.dumps(calls), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def call_as(uid, path, method, parameters):
    answer, = calls_as(uid, path, [(method, parameters, False)])
    return answer


@pytest.fixture(scope="session")
def hagw_users():
    """The uids of the daemons' users (made where this is the box) and of nobody."""
    if os.getuid() != 0:
        pytest.skip("only root can become other users")
    names = ["dnsd", "netd", "keyd", "acmed", "proxyd", "webd", "tenantd"]
    with open(ROOT / "units/hagw.sysusers.conf") as f:
        # Others may do the same now (pytest -n).
        fcntl.flock(f, fcntl.LOCK_EX)
        try:
            [pwd.getpwnam(f"hagw-{n}") for n in names]
        except KeyError:
            if ROOT != pathlib.Path("/hagw"):
                pytest.skip("this machine has no hagw-* users")
            subprocess.run(["systemd-sysusers", f.name], check=True)
    return {"nobody": pwd.getpwnam("nobody").pw_uid, **{n: pwd.getpwnam(f"hagw-{n}").pw_uid for n in names}}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One real daemon at a time, with sockets handed in as systemd would, and varlink to it.

$HAGW_BUILD is the build folder (default: build/ of the checkout). Daemons find each other's sockets in a folder of their
own per test ($HAGW_RUNTIME_DIR), so that several can run together."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HAGW_BUILD", ROOT / "build"))


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

    def __init__(self, house, name, interface, sockets=None, env=None):
        self.house, self.name, self.interface = house, name, interface
        self.path = house.runtime / interface
        self.varlink_socket = socket.socket(socket.AF_UNIX)
        self.varlink_socket.bind(str(self.path))
        self.varlink_socket.listen(64)
        self.fds = [("varlink", self.varlink_socket)]
        for fd_name, several in (sockets or {}).items():
            self.fds += [(fd_name, s) for s in several]
        self.env = env or {}
        self.process = None
        self.start()

    def start(self):
        state = self.house.root / "state" / self.name
        state.mkdir(parents=True, exist_ok=True)
        self.log = open(self.house.root / f"{self.name}.log", "ab")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = self.house.root / f"{self.name}.notify"
        notify_path.unlink(missing_ok=True)
        notify.bind(str(notify_path))
        env = {
            "PATH": os.environ["PATH"],
            "HAGW_RUNTIME_DIR": str(self.house.runtime),
            "STATE_DIRECTORY": str(state),
            "NOTIFY_SOCKET": str(notify_path),
            "LISTEN_FDS": str(len(self.fds)),
            "LISTEN_FDNAMES": ":".join(n for n, _ in self.fds),
            "HAGW_LOG_LEVEL": "debug",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
            **self.env,
        }
        sources = [s.fileno() for _, s in self.fds]
        # sh sets LISTEN_PID to its own pid and then becomes the daemon.
        binary = BUILD / f"hagw-{self.name}" / f"hagw-{self.name}"

        def hand_in():
            high = [os.dup(fd) for fd in sources]
            high = [os.dup2(fd, 500 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)

        self.process = subprocess.Popen(
            ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', str(binary), "--config", str(self.house.config)],
            env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=hand_in,
            pass_fds=range(3, 3 + len(sources)))
        notify.settimeout(30)
        try:
            while True:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    break
        except TimeoutError:
            raise AssertionError(f"hagw-{self.name} did not become ready:\n{self.text()}") from None
        finally:
            self.notify = notify

    def text(self):
        return (self.house.root / f"{self.name}.log").read_text(errors="replace")

    def varlink(self, timeout=20):
        return Varlink(self.path, timeout)

    def call(self, method, **parameters):
        with self.varlink() as v:
            return v.call(method if method.startswith("io.") else f"{self.interface}.{method}", **parameters)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        self.notify.settimeout(20)
        while time.monotonic() < deadline:
            if b"READY=1" in self.notify.recv(4096).split(b"\n"):
                return
        raise AssertionError("no READY=1 after SIGHUP")

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        """SIGTERM; the exit status must be 0 (a sanitizer's report makes it something else)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.log.close()
        return status


class House:
    """A folder with configuration, runtime sockets and state, and the daemons started in it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.runtime, self.config = self.root / "run", self.root / "etc"
        self.runtime.mkdir()
        (self.config / "hosts.d").mkdir(parents=True)
        self.daemons = []
        self.configure("")

    def configure(self, main, **hosts):
        (self.config / "hagw.conf").write_text(main)
        for old in (self.config / "hosts.d").iterdir():
            old.unlink()
        for name, text in hosts.items():
            (self.config / "hosts.d" / f"{name}.conf").write_text(text)

    def daemon(self, name, interface, **keys):
        d = Daemon(self, name, interface, **keys)
        self.daemons.append(d)
        return d


@pytest.fixture
def house(tmp_path_factory):
    # Short, because socket paths are limited to 107 bytes.
    h = House(tmp_path_factory.mktemp("h"))
    yield h
    failed = []
    for d in reversed(h.daemons):
        killed = d.process.poll() == -signal.SIGKILL
        status = d.stop()
        if status != 0 and not killed:
            failed.append(f"hagw-{d.name} ended with {status}:\n{d.text()[-4000:]}")
    assert not failed, "\n".join(failed)

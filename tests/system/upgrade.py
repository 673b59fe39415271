# SPDX-License-Identifier: LGPL-2.1-or-later
"""A newer package, and visitors who come while it is installed."""

import contextlib
import http.client
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from conftest import ROOT

sys.path.append(str(ROOT / "tests"))
from crowd import Crowd  # noqa: E402


@contextlib.contextmanager
def knocking(host, port):
    """Connects again and again; what was refused is listed."""
    refused, count, stop = [], [0], threading.Event()

    def knock():
        while not stop.is_set():
            try:
                socket.create_connection((host, port), timeout=10).close()
                count[0] += 1
            except OSError as e:
                refused.append((time.monotonic(), repr(e)))
            time.sleep(0.01)
    thread = threading.Thread(target=knock)
    thread.start()
    try:
        yield refused
    finally:
        stop.set()
        thread.join(20)
    assert count[0] > 10


class Visiting(Crowd):
    """Visitors from outside, with a session."""

    def __init__(self, host, address, path, cookie, per_second=10):
        super().__init__(per_second)
        self.host, self.address, self.path, self.headers = host, address, path, {"Cookie": cookie}
        self.context = ssl.create_default_context()

    def visit(self):
        c = http.client.HTTPSConnection(self.host, 443)
        raw = socket.create_connection((self.address, 443), timeout=30)
        c.sock = self.context.wrap_socket(raw, server_hostname=self.host)
        with contextlib.closing(c):
            c.request("GET", self.path, headers=self.headers)
            r = c.getresponse()
            r.read()
        return r.status


@pytest.fixture
def newer_package(tmp_path):
    """The same package with a version higher than any before, as the machines see it."""
    debs = ROOT / ".cache/debs"
    (old,) = debs.glob("hagw_*.deb")
    tree, new = tmp_path / "newer", debs / f"newer-{os.getpid()}.deb"
    subprocess.run(["dpkg-deb", "-R", old, tree], check=True)
    control = (tree / "DEBIAN/control").read_text()
    (tree / "DEBIAN/control").write_text(control.replace("\nVersion: ", f"\nVersion: {time.time():.0f}:"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, new], check=True, capture_output=True)
    yield f"/srv/debs/{new.name}"
    new.unlink()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A newer package, and visitors who come while it is installed."""

import collections
import contextlib
import http.client
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import ROOT


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


class Visiting:
    """Visitors, so many a second, each with a connection and a request of his own; what became of them is counted."""

    def __init__(self, host, address, path, cookie, per_second=10):
        self.host, self.address, self.path, self.headers = host, address, path, {"Cookie": cookie}
        self.pause, self.context = 1 / per_second, ssl.create_default_context()
        self.results, self.threads, self.over = collections.Counter(), [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def visit(self):
        try:
            c = http.client.HTTPSConnection(self.host, 443)
            raw = socket.create_connection((self.address, 443), timeout=30)
            c.sock = self.context.wrap_socket(raw, server_hostname=self.host)
            with contextlib.closing(c):
                c.request("GET", self.path, headers=self.headers)
                r = c.getresponse()
                r.read()
            self.results[r.status] += 1
        except (OSError, http.client.HTTPException) as e:
            self.results[repr(e)] += 1

    def run(self):
        while not self.over.wait(self.pause):
            self.threads.append(threading.Thread(target=self.visit))
            self.threads[-1].start()

    def served(self, more):
        """Waits until so many more were served."""
        end, wanted = time.monotonic() + 60, self.results[200] + more
        while self.results[200] < wanted:
            assert time.monotonic() < end, self.results
            time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for t in self.threads:
            t.join(60)


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

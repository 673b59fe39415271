# SPDX-License-Identifier: LGPL-2.1-or-later
"""A newer package, and visitors who come while it is installed."""

import contextlib
import os
import socket
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


@pytest.fixture
def newer_package(tmp_path):
    """The same package with a higher version, as the machines see it."""
    debs = ROOT / ".cache/debs"
    (old,) = debs.glob("hagw_*.deb")
    tree, new = tmp_path / "newer", debs / f"newer-{os.getpid()}.deb"
    subprocess.run(["dpkg-deb", "-R", old, tree], check=True)
    control = (tree / "DEBIAN/control").read_text()
    (tree / "DEBIAN/control").write_text(control.replace("\nVersion: ", "\nVersion: 1:"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, new], check=True, capture_output=True)
    yield f"/srv/debs/{new.name}"
    new.unlink()

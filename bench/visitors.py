# SPDX-License-Identifier: LGPL-2.1-or-later
"""Visitors of a tunnel. The cheapest sends a ClientHello and waits for the house's first byte: what the tunnel takes, and next to
nothing else."""

import gc
import math
import os
import selectors
import socket
import ssl
import subprocess
import threading
import time

from tls import NAME, connect, get

GIB = 1 << 30


def hello(name):
    """A ClientHello that asks for name."""
    outgoing = ssl.MemoryBIO()
    visitor = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        visitor.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def first_byte(port, client_hello, timeout):
    """Seconds from connect() to the house's first byte; None where none came."""
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
            s.sendall(client_hello)
            return time.monotonic() - began if s.recv(1) else None
    except OSError:
        return None


def first_bytes(doors, timeout):
    """All at once, one per (port, ClientHello): seconds each, None where no byte came in time."""
    selector, results, waiting = selectors.DefaultSelector(), [None] * len(doors), 0
    sockets = []
    for i, (port, client_hello) in enumerate(doors):
        s = socket.socket()
        sockets.append(s)
        began = time.monotonic()
        try:
            s.connect(("127.0.0.1", port))
            s.sendall(client_hello)
        except OSError:
            continue
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ, (i, began))
        waiting += 1
    deadline = time.monotonic() + timeout
    while waiting and time.monotonic() < deadline:
        for key, _ in selector.select(max(0, deadline - time.monotonic())):
            i, began = key.data
            try:
                if key.fileobj.recv(1):
                    results[i] = time.monotonic() - began
            except OSError:
                pass
            selector.unregister(key.fileobj)
            waiting -= 1
    for s in sockets:
        s.close()
    selector.close()
    return results


class Comers:
    """New visitors, so many a second, each to the next of the doors (port, ClientHello): how long each waits for the house's first
    byte, and who is closed without one. One thread; whoever waits at the end is waited for."""

    def __init__(self, doors, rate, patience=60):
        self.doors, self.rate, self.patience = doors, rate, patience
        self.waits, self.closed, self.over = [], [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def come(self, selector, n):
        port, client_hello = self.doors[n % len(self.doors)]
        began, s = time.monotonic(), socket.socket()
        s.settimeout(self.patience)
        try:
            s.connect(("127.0.0.1", port))
            s.sendall(client_hello)
        except OSError as e:
            self.closed.append((n, time.monotonic() - began, str(e)))
            s.close()
            return
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ, (n, began))

    def hear(self, key):
        n, began = key.data
        waited = time.monotonic() - began
        try:
            if key.fileobj.recv(1):
                self.waits.append(waited)
            else:
                self.closed.append((n, waited, "closed"))
        except OSError as e:
            self.closed.append((n, waited, str(e)))

    def run(self):
        began, n, deadline = time.monotonic(), 0, None
        with selectors.DefaultSelector() as selector:
            while not self.over.is_set() or selector.get_map():
                if self.over.is_set():
                    deadline = deadline or time.monotonic() + self.patience
                    if time.monotonic() > deadline:
                        break
                else:
                    while time.monotonic() - began >= n / self.rate:
                        self.come(selector, n)
                        n += 1
                for key, _ in selector.select(0.01):
                    self.hear(key)
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
            for key in list(selector.get_map().values()):
                self.closed.append((key.data[0], time.monotonic() - key.data[1], "no byte"))
                key.fileobj.close()


def download(port, folder, connections):
    """1 GiB in all by curl; returns GiB."""
    path, size = ("/big", GIB) if connections == 1 else (f"/part{connections}", GIB // connections)
    command = ["curl", "-sS", "--fail", "--http1.1", "--cacert", folder / "chain.pem", "--resolve", f"{NAME}:{port}:127.0.0.1",
               "-w", "%{size_download}\n"]
    if connections > 1:
        # SniTun's relay closes some of more than 30 that come at once.
        command += ["--retry", "5", "--retry-delay", "1", "--retry-all-errors"]
        command += ["--parallel", "--parallel-immediate", "--parallel-max", str(connections)]
    for _ in range(connections):
        command += ["-o", "/dev/null", f"https://{NAME}:{port}{path}"]
    sizes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if [int(s) for s in sizes] != [size] * connections:
        raise RuntimeError(f"{connections} downloads of {size} bytes gave {sizes}")
    return size * connections / GIB


class Bulk:
    """Somebody who downloads from the same house all the while, behind a Line or, without, as fast as it goes.

    His program lets the others go first: it stands for another machine, and what it needs here is none of a tunnel's business."""

    def __init__(self, port, folder, line=None):
        command = ["nice", "-n", "19", "curl", "-sS", "--fail", "--http1.1", "--cacert", folder / "chain.pem", "--output", "/dev/null",
                   "--resolve", f"{NAME}:{port}:{line.host if line else '127.0.0.1'}", f"https://{NAME}:{port}/endless"]
        self.process = subprocess.Popen(line.beyond(*command) if line else command, stderr=subprocess.PIPE)

    def __enter__(self):
        time.sleep(1)
        return self

    def __exit__(self, *_):
        ended = self.process.poll()
        self.process.kill()
        self.process.wait()
        if ended is not None:
            raise RuntimeError("the download beside ended too early: " + self.process.stderr.read().decode())


def latencies(ctx, port, seconds, pause=0.004):
    """Small requests on one connection, one after the other: sorted seconds each.

    This process goes first: where both cores are busy, how long it waits for one says nothing about a tunnel."""
    found = []
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    with connect(ctx, port) as tls:
        for _ in range(50):
            get(tls)
        gc.disable()
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            get(tls)
            found.append(time.monotonic() - began)
            time.sleep(pause)
        gc.enable()
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    return sorted(found)


def percentile(ordered, share):
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

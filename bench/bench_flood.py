#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What others feel while somebody floods hagw-proxyd: how long a bystander waits for his answers on a connection that he has, and
for a new one, in milliseconds. At a gateway he asks a service; at a relay he passes unopened to a house. Use bench/run flood."""

import argparse
import contextlib
import multiprocessing
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from machine import Machine
from proxies import UPSTREAM_PORT, upstream
from tls import NAME, context, get, make_certificate, resolved
from tunnel_hagw import pin
from visitors import hello

PORT, HTTP_PORT, FLOODER = 8443, 8081, "127.0.0.9"
ZONE, WALLED, TENANT = "bench.example", "walled.bench.example", "anna"
MBITS, SECONDS = 14, 5
KEYS = {"P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA-2048": ["rsa:2048"], "RSA-4096": ["rsa:4096"]}


class Gateway(Machine):
    def __init__(self, folder, keys, workers, more=""):
        super().__init__(
            folder, f'zones = ( {{ name = "{ZONE}"; }} );\nacme: {{ directory = "https://127.0.0.1:9/none"; }};\n'
            f'public_address: {{ ipv4 = "static:192.0.2.1"; ipv6 = "none"; }};\nproxy: {{ workers = {workers}; }};\n{more}',
            {"walled": f'name = "{WALLED}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}";',
             "ha": f'name = "{NAME}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}"; access: {{ login = "none"; }};'}, PORT)
        self.start("keyd", "netd", "dnsd", "webd", "acmed", *(["tenantd"] if more else []))
        self.import_certificate(keys)
        self.start("proxyd")
        self.wait_certificate()

    def sockets(self, name):
        found = super().sockets(name)
        if name == "proxyd":
            found["http"] = [socket.create_server(("", HTTP_PORT), backlog=4096)]
        return found


class Relay(Gateway):
    """With a house whose service says back what it hears."""

    def __init__(self, folder, keys, workers):
        super().__init__(folder, keys, workers, f'tenants: {{ zone = "{ZONE}"; }};')
        token = self["tenantd"].call("Add", name=TENANT, credential="token")["tenant"]["credential"]
        self.origin = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self.serve, daemon=True).start()
        self.home = Machine(
            folder.parent / f"{folder.name}-house",
            f'zones = ( {{ name = "{TENANT}.{ZONE}"; via = "relay"; }} ); public_address: {{ ipv6 = "none"; }}; lan = ( "192.0.2.0/24" );\n'
            f'relay: {{ address = "{ZONE}:{PORT}"; tenant = "{TENANT}"; pin = "{pin(keys)}"; private = "accept"; }};\nproxy: {{ workers = 1; }};',
            {"all": f'name = "{TENANT}.{ZONE}"; upstream = "tcp://127.0.0.1:{self.origin.getsockname()[1]}"; access: {{ login = "none"; }};'})
        self.home.start("keyd", "netd")
        self.home["keyd"].call("ImportToken", token=token)
        self.home.start("proxyd")
        for _ in range(100):
            with contextlib.suppress(OSError), Passing() as p:
                p.ping()
                return
            time.sleep(0.1)
        raise RuntimeError("the house is not attached: " + self.home.said())

    def serve(self):
        def echo(s):
            with contextlib.suppress(OSError):
                while data := s.recv(65536):
                    s.sendall(data)
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.origin.accept()
                threading.Thread(target=echo, args=(s,), daemon=True).start()

    def stop(self):
        self.home.stop()
        super().stop()
        self.origin.close()


def come(port=PORT, address="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", port), 30, source_address=(address, 0))


class Asking:
    """Somebody at a gateway."""

    def __init__(self, ctx):
        self.tls = ctx.wrap_socket(come(), server_hostname=NAME)

    def ping(self):
        get(self.tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tls.close()


class Passing:
    """Somebody who passes a relay: what comes behind his hello is as good as TLS."""

    def __init__(self, ctx=None):
        self.s = come()
        self.hello = hello(f"{TENANT}.{ZONE}")
        self.s.sendall(self.hello)
        self.wait(len(self.hello))

    def wait(self, n):
        while n > 0:
            got = len(self.s.recv(n))
            if not got:
                raise ConnectionError("closed")
            n -= got

    def ping(self):
        self.s.sendall(b"ping")
        self.wait(4)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()


def repeat(ctx, name, port, until):
    """Requests that hagw answers itself, at MBITS, their answers thrown away."""
    s = come(port, FLOODER)
    if ctx:
        s = ctx.wrap_socket(s, server_hostname=name)
    text = f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
    piece = text * (MBITS * 1_000_000 // 8 // 100 // len(text))

    def read():
        with contextlib.suppress(OSError, ssl.SSLError):
            while s.recv(1 << 18):
                pass

    threading.Thread(target=read, daemon=True).start()
    due = time.monotonic()
    with contextlib.suppress(OSError, ssl.SSLError):
        while time.monotonic() < until:
            s.sendall(piece)
            due += 0.01
            time.sleep(max(0, due - time.monotonic()))


def replay(name, until):
    """One hello on four hundred connections, again and again."""
    text, held = hello(name), []
    with contextlib.suppress(OSError):
        while time.monotonic() < until:
            while len(held) < 400:
                s = come(address=FLOODER)
                s.sendall(text)
                s.setblocking(False)
                held.append(s)
            for s in held[:100]:
                s.close()
            del held[:100]
            time.sleep(0.05)


FLOODS = {
    "nobody": None,
    "308s in clear": (2, lambda folder, until: repeat(None, WALLED, HTTP_PORT, until)),
    "401s over TLS": (2, lambda folder, until: repeat(context(folder), WALLED, PORT, until)),
    "400 hellos": (1, lambda folder, until: replay(WALLED, until)),
}


def feel(folder, visitor):
    """(median, 99th percentile, most) of answers, most of new connections, ms."""
    ctx = context(folder)
    held, fresh, until = [], [], time.monotonic() + SECONDS - 1
    with visitor(ctx) as known:
        while time.monotonic() < until:
            began = time.monotonic()
            known.ping()
            held.append(time.monotonic() - began)
            if len(held) % 25 == 0:
                began = time.monotonic()
                with contextlib.suppress(OSError), visitor(ctx) as other:
                    other.ping()
                fresh.append(time.monotonic() - began)
            time.sleep(0.01)
    held = sorted(held) or [float("inf")]  # the bystander did not even get in
    return [1000 * x for x in (held[len(held) // 2], held[len(held) * 99 // 100], held[-1], max(fresh, default=0))]


def measure(folder, flood, visitor):
    processes = []
    if flood:
        n, run = flood
        until = time.monotonic() + SECONDS
        processes = [multiprocessing.get_context("fork").Process(target=run, args=(folder, until), daemon=True) for _ in range(n)]
    for p in processes:
        p.start()
    if processes:
        time.sleep(0.5)
    try:
        return feel(folder, visitor)
    finally:
        for p in processes:
            p.join(20)
            p.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roles", default="gateway,relay")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--keys", default=",".join(KEYS), help="of the certificate; the other floods are with the first alone")
    arguments = parser.parse_args()
    print("role     workers key       flood           p50     p99    most  new connection (ms)")
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        with resolved(root, NAME, WALLED, ZONE, f"{TENANT}.{ZONE}"):
            first = arguments.keys.split(",")[0]
            for key in arguments.keys.split(","):
                folder = root / key
                folder.mkdir()
                make_certificate(folder)
                if key != "P-256":
                    subprocess.run(["openssl", "req", "-x509", "-newkey", *KEYS[key], "-nodes", "-days", "30", "-keyout", folder / "key.pem",
                                    "-out", folder / "chain.pem", "-subj", f"/CN={NAME}", "-addext",
                                    f"subjectAltName=DNS:{NAME},DNS:*.{ZONE},DNS:{ZONE}", "-addext",
                                    "basicConstraints=critical,CA:FALSE"], check=True, capture_output=True)
                service = upstream(folder)
                try:
                    for role in arguments.roles.split(","):
                        for workers in arguments.workers.split(","):
                            machine = (Gateway if role == "gateway" else Relay)(folder / f"{role}{workers}", folder, workers)
                            try:
                                for text, flood in FLOODS.items():
                                    if key != first and "hellos" not in text:
                                        continue
                                    figures = measure(folder, flood, Asking if role == "gateway" else Passing)
                                    print(f"{role:8} {workers:7} {key:9} {text:13}" + "".join(f"{x:8.1f}" for x in figures), flush=True)
                            finally:
                                machine.stop()
                finally:
                    service.stop()


if __name__ == "__main__":
    sys.exit(main())

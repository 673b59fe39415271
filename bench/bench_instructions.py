#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instructions that hagw-proxyd needs for a unit of work, counted by callgrind: the same for the same binary, whatever else the
machine does. Each figure is the difference between two runs that differ in nothing but how often the work is done.
Use bench/run instructions, which prepares all it needs."""

import argparse
import pathlib
import re
import socket
import sys
import tempfile

from machine import INTERFACES, Machine
from proxies import UPSTREAM_PORT, upstream
from tls import NAME, connect, context, get, make_certificate, resolved, restart_with_one_cipher

PORT, HTTP_PORT = 8443, 8081
RAW = "raw.bench.example"


class Counted(Machine):
    """hagw with its hagw-proxyd under callgrind, one worker."""

    def __init__(self, folder, keys):
        super().__init__(
            folder, 'zones = ( { name = "bench.example"; } );\nacme: { directory = "https://127.0.0.1:9/none"; };\n'
            'public_address: { ipv4 = "static:192.0.2.1"; ipv6 = "none"; };\nproxy: { workers = 1; };',
            {"ha": f'name = "{NAME}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}"; access: {{ login = "none"; }};',
             "walled": f'name = "walled.bench.example"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}";',
             "raw": f'name = "{RAW}"; upstream = "tcp://127.0.0.1:{UPSTREAM_PORT}"; access: {{ login = "none"; }};'}, PORT)
        self.start("keyd", "netd", "dnsd", "webd", "acmed")
        self.import_certificate(keys)
        out = folder / "callgrind"
        self.daemons["proxyd"] = self.house.daemon(
            "proxyd", INTERFACES["proxyd"], sockets={"https": [self.listen()], "http": [socket.create_server(("", HTTP_PORT))]},
            env={"HAGW_LOG_LEVEL": "info"},
            wrapper=["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "-q"])
        self.wait_certificate()
        self.out = out

    def total(self):
        self.stop()
        return int(re.search(r"^(?:summary|totals): (\d+)", self.out.read_text(), re.M)[1])


def keepalive(ctx, n):
    with connect(ctx, PORT) as tls:
        for _ in range(n):
            get(tls)


def answered_here(ctx, n):
    """A program without a session at a host with a wall: 401."""
    with socket.create_connection(("127.0.0.1", PORT)) as raw, ctx.wrap_socket(raw, server_hostname="walled.bench.example") as tls:
        for _ in range(n):
            tls.sendall(b"GET / HTTP/1.1\r\nHost: walled.bench.example\r\n\r\n")
            data = b""
            while not re.search(rb"\r\n\r\n", data):
                data += tls.recv(16384)
            assert data.startswith(b"HTTP/1.1 401"), data


def handshakes(ctx, n):
    for _ in range(n):
        connect(ctx, PORT).close()


def resumed(ctx, n):
    with connect(ctx, PORT) as tls:
        get(tls)
        session = tls.session
    for _ in range(n):
        with connect(ctx, PORT, session) as tls:
            assert tls.session_reused


def redirects(ctx, n):
    with socket.create_connection(("127.0.0.1", HTTP_PORT)) as s:
        for _ in range(n):
            s.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
            assert s.recv(4096).startswith(b"HTTP/1.1 308")


# What is done, and how often in the two runs.
ROWS = {"keep-alive request, 1 KiB": (keepalive, 200, 1200), "request answered here": (answered_here, 200, 1200),
        "redirect on port 80": (redirects, 200, 1200), "full handshake": (handshakes, 20, 120), "resumed handshake": (resumed, 20, 120)}


def measure(folder, keys, ctx, work, few, many):
    totals = []
    for n in (few, many):
        machine = Counted(folder / f"{work.__name__}-{n}", keys)
        try:
            work(ctx, n)
        finally:
            totals.append(machine.total())
    return (totals[1] - totals[0]) / (many - few)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"only these: {', '.join(ROWS)}")
    rows = parser.parse_args().rows or list(ROWS)
    restart_with_one_cipher()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        with resolved(folder, NAME, "walled.bench.example", RAW):
            service = upstream(folder)
            try:
                for row in rows:
                    print(f"{row}: {measure(folder, folder, context(folder), *ROWS[row]):,.0f} instructions", flush=True)
            finally:
                service.stop()


if __name__ == "__main__":
    sys.exit(main())

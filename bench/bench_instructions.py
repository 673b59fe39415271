#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instructions that hagw needs for a unit of work, counted by callgrind: the same for the same binary, whatever else the machine
does. The kernel's are not among them. Use bench/run instructions, which prepares all it needs.

--against FILE compares with the figures that are written there: what needs 5 % more, or has no figure, fails (dev/check does
this with bench/instructions.json). --write FILE writes them anew, which belongs into the commit that changes them, with the
reason in its message."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import dns.message

from http2 import Http2
from machine import INTERFACES, Machine
from proxies import UPSTREAM_PORT, upstream
from tls import NAME, connect, context, get, make_certificate, resolved, restart_with_one_cipher

PORT, HTTP_PORT, RAW_PORT = 8443, 8081, 8002
WALLED, RAW = "walled.bench.example", "raw.bench.example"
MORE_THAN = 1.05
TRIES = 3
STREAMS = 32


class Counted(Machine):
    """hagw with its hagw-proxyd and hagw-dnsd under callgrind, one worker; nothing is tried that no visitor asked for."""

    def __init__(self, folder, keys):
        super().__init__(
            folder, 'zones = ( { name = "bench.example"; } );\ndns: { rate_limit = 1000000; };\nacme: { directory = "https://127.0.0.1:9/none"; };\n'
            'public_address: { ipv4 = "static:192.0.2.1"; ipv6 = "none"; };\nproxy: { workers = 1; probe_interval = "0s"; };',
            {"ha": f'name = "{NAME}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}"; access: {{ login = "none"; }};',
             "walled": f'name = "{WALLED}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}";',
             "raw": f'name = "{RAW}"; upstream = "tcp://127.0.0.1:{RAW_PORT}"; access: {{ login = "none"; }};'}, PORT)
        self.folder = folder / "dumps"
        self.folder.mkdir()
        self.start("keyd", "netd", "webd", "acmed")
        self.import_certificate(keys)
        self.count("dnsd", self.sockets("dnsd"))
        self.count("proxyd", {"https": [self.listen()], "http": [socket.create_server(("", HTTP_PORT))]})
        self.wait_certificate()

    def count(self, name, sockets):
        # By $USER valgrind and vgdb find each other.
        self.daemons[name] = self.house.daemon(
            name, INTERFACES[name], sockets=sockets, env={"HAGW_LOG_LEVEL": "info", "USER": "counted"},
            wrapper=["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder}/{name}", f"--vgdb-prefix={self.folder}/vgdb", "-q"])

    def dns_port(self):
        return next(s for name, s in self["dnsd"].fds if name == "dns-udp").getsockname()[1]

    def taken(self, name):
        """Instructions since this was asked last."""
        subprocess.run(["vgdb", f"--pid={self[name].process.pid}", f"--vgdb-prefix={self.folder}/vgdb", "dump"], check=True,
                       capture_output=True, env={**os.environ, "USER": "counted"}, timeout=60)
        [dump] = self.folder.glob(f"{name}.*")
        text = dump.read_text()
        dump.unlink()
        return int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1])


def keepalive(m, ctx, n):
    with connect(ctx, PORT) as tls:
        for _ in range(n):
            get(tls)


def answered_here(m, ctx, n):
    """A program without a session at a host with a wall: 401."""
    with socket.create_connection(("127.0.0.1", PORT)) as raw, ctx.wrap_socket(raw, server_hostname=WALLED) as tls:
        for _ in range(n):
            tls.sendall(f"GET / HTTP/1.1\r\nHost: {WALLED}\r\n\r\n".encode())
            data = b""
            while not re.search(rb"\r\n\r\n", data):
                data += tls.recv(16384)
            assert data.startswith(b"HTTP/1.1 401"), data


def handshakes(m, ctx, n):
    for _ in range(n):
        connect(ctx, PORT).close()


def resumed(m, ctx, n):
    with connect(ctx, PORT) as tls:
        get(tls)
        session = tls.session
    for _ in range(n):
        with connect(ctx, PORT, session) as tls:
            assert tls.session_reused


def http2(m, ctx, n, at_once=1):
    with contextlib.closing(Http2(ctx, PORT)) as v:
        for _ in range(0, n, at_once):
            assert v.ask(at_once) == ["200"] * at_once


def http2_at_once(m, ctx, n):
    http2(m, ctx, n, at_once=STREAMS)


def http2_connections(m, ctx, n):
    """With its settings, and no request: so much more than a handshake."""
    for _ in range(n):
        Http2(ctx, PORT).close()


def redirects(m, ctx, n):
    with socket.create_connection(("127.0.0.1", HTTP_PORT)) as s:
        for _ in range(n):
            s.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
            assert s.recv(4096).startswith(b"HTTP/1.1 308")


def queries(m, ctx, n):
    """A host's address over UDP, one at a time."""
    wire = dns.message.make_query(NAME, "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect(("127.0.0.1", m.dns_port()))
        for _ in range(n):
            s.send(wire)
            answer = dns.message.from_wire(s.recv(4096))
            assert answer.answer, answer


def spliced(m, ctx, n):
    """MiB that a service sends through the passage for names that are passed unopened: what it says is no TLS, who cares?"""
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ctx.wrap_bio(ssl.MemoryBIO(), hello, server_hostname=RAW).do_handshake()

    def serve():
        s, _ = listener.accept()
        with s:
            s.recv(65536)
            for _ in range(n):
                s.sendall(bytes(1 << 20))

    with socket.create_server(("127.0.0.1", RAW_PORT)) as listener, socket.create_connection(("127.0.0.1", PORT)) as s:
        thread = threading.Thread(target=serve)
        thread.start()
        s.sendall(hello.read())
        left = n << 20
        while left:
            left -= len(s.recv(1 << 20))
        thread.join()


# What is done by whom, and how often: a few, which makes all that is made once, and many.
ROWS = {"keep-alive request, 1 KiB": ("proxyd", keepalive, 100, 1100),
        "HTTP/2 request, 1 KiB": ("proxyd", http2, 100, 1100),
        "HTTP/2 request, one of 32 at once": ("proxyd", http2_at_once, STREAMS, 40 * STREAMS),
        "HTTP/2 connection": ("proxyd", http2_connections, 10, 60),
        "request answered here (401)": ("proxyd", answered_here, 100, 1100),
        "redirect on port 80": ("proxyd", redirects, 100, 1100),
        "full handshake": ("proxyd", handshakes, 10, 60),
        "resumed handshake": ("proxyd", resumed, 10, 60),
        "spliced MiB": ("proxyd", spliced, 10, 110),
        "DNS query": ("dnsd", queries, 100, 2100)}
# How many pieces a MiB comes in is the scheduler's choice: shown, and compared with nothing.
NEVER_THE_SAME = {"spliced MiB"}


def measure(m, ctx, daemon, work, few, many):
    work(m, ctx, few)
    m.taken(daemon)
    work(m, ctx, few)
    once = m.taken(daemon)
    work(m, ctx, many)
    return (m.taken(daemon) - once) / (many - few)


def is_worse(n, row, known):
    return known and row not in NEVER_THE_SAME and n > known.get(row, 0) * MORE_THAN


def tell(row, n, known):
    change = f" ({n / known[row] - 1:+.1%})" if row in known else ""
    print(f"{row}: {n:,.0f} instructions{change}{' TOO MANY' if is_worse(n, row, known) else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help=f"only these: {', '.join(ROWS)}")
    parser.add_argument("--against", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE")
    asked = parser.parse_args()
    restart_with_one_cipher()
    known = json.loads(asked.against.read_text()) if asked.against else {}
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        with resolved(folder, NAME, WALLED, RAW):
            service = upstream(folder)
            m = Counted(folder / "machine", folder)
            try:
                for row in asked.rows or ROWS:
                    figures[row] = measure(m, context(folder), *ROWS[row])
                    # On a busy machine an answer may come in two pieces now and then: what is not our doing goes away again.
                    for _ in range(TRIES - 1):
                        if is_worse(figures[row], row, known):
                            figures[row] = min(figures[row], measure(m, context(folder), *ROWS[row]))
                    tell(row, figures[row], known)
            finally:
                m.stop()
                service.stop()
    if asked.write:
        asked.write.write_text(json.dumps({row: round(n) for row, n in figures.items() if row not in NEVER_THE_SAME}, indent=4) + "\n")
    return any(is_worse(n, row, known) for row, n in figures.items())


if __name__ == "__main__":
    sys.exit(main())

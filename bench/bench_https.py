#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTPS: hagw beside nginx, haproxy and caddy in front of one upstream. Use bench/run, which prepares all it needs."""

import argparse
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

from http2 import Http2
from measure import Table, cost
from proxies import PROXIES, SCRIPT_SIZE, upstream, versions, service
from tls import NAME, connect, context, get, make_certificate, resolved, restart_with_one_cipher

IDLE_CONNECTIONS = 1000
KEEPALIVE_CONNECTIONS = 32
HTTP2_CONNECTIONS, HTTP2_STREAMS = 16, 32


def keepalive(proxy, seconds):
    url = f"https://{NAME}:{proxy.port}/"
    command = ["wrk", "-t1", f"-c{KEEPALIVE_CONNECTIONS}", "--timeout", "10s"]
    subprocess.run([*command, "-d1s", url], check=True, capture_output=True)
    rate = {}

    def work():
        out = subprocess.run([*command, f"-d{seconds}s", url], check=True, capture_output=True, text=True).stdout
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
        if bad:
            raise RuntimeError(f"{proxy.name}: {bad[0]}")
        rate["per second"] = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
        return int(re.search(r"(\d+) requests in", out)[1])

    return {**cost(proxy.processes, work), **rate}


def http2(proxy, count):
    command = ["h2load", "-t1", f"-c{HTTP2_CONNECTIONS}", f"-m{HTTP2_STREAMS}"]
    url = f"https://{NAME}:{proxy.port}/"
    subprocess.run([*command, "-n2000", url], check=True, capture_output=True)
    rate = {}

    def work():
        out = subprocess.run([*command, f"-n{count}", url], check=True, capture_output=True, text=True).stdout
        if "Application protocol: h2" not in out or f"status codes: {count} 2xx" not in out:
            raise RuntimeError(f"{proxy.name}: {out}")
        rate["per second"] = float(re.search(r"finished in .*, ([\d.]+) req/s", out)[1])
        return count

    return {**cost(proxy.processes, work), **rate}


def handshakes(proxy, ctx, count, resume):
    """Each connection: handshake, wait for the server's ticket (it has seen our Finished then), close."""
    session = None
    if resume:
        with connect(ctx, proxy.port) as tls:
            get(tls)
            session = tls.session
            if not session:
                raise RuntimeError(f"{proxy.name} gives no session ticket")

    def work():
        for _ in range(count):
            tls = connect(ctx, proxy.port, session)
            if resume and not tls.session_reused:
                raise RuntimeError(f"{proxy.name} does not resume")
            select.select([tls], [], [], 1)
            tls.close()
        return count

    for _ in range(20):
        connect(ctx, proxy.port, session).close()
    began = time.monotonic()
    result = cost(proxy.processes, work)
    return {**result, "per second": count / (time.monotonic() - began)}


def download(proxy, folder):
    """1 GiB by curl."""
    began = time.monotonic()

    def work():
        size = subprocess.run(
            ["curl", "-sS", "--fail", "--http1.1", "-o", "/dev/null", "-w", "%{size_download}", "--cacert", folder / "chain.pem",
             f"https://{NAME}:{proxy.port}/big"], check=True, capture_output=True, text=True).stdout
        assert int(size) == 1 << 30, f"{proxy.name} gave {size} bytes"
        return 1

    result = cost(proxy.processes, work)
    return {**result, "MB/s": (1 << 30) / 1e6 / (time.monotonic() - began)}


def upload(proxy, folder):
    """1 GiB by curl."""
    hole = folder / "hole"
    with open(hole, "wb") as f:
        f.truncate(1 << 30)
    began = time.monotonic()

    def work():
        size = subprocess.run(
            ["curl", "-sS", "--fail", "--http1.1", "-o", "/dev/null", "-w", "%{size_upload}", "--cacert", folder / "chain.pem",
             "-T", hole, f"https://{NAME}:{proxy.port}/up"], check=True, capture_output=True, text=True).stdout
        assert int(size) == 1 << 30, f"{proxy.name} took {size} bytes"
        return 1

    result = cost(proxy.processes, work)
    return {**result, "MB/s": (1 << 30) / 1e6 / (time.monotonic() - began)}


def compressed(proxy, ctx, takes):
    """A large script, as the visitor takes it. What comes uncompressed counts for nothing."""
    def work():
        with connect(ctx, proxy.port) as tls:
            tls.sendall(f"GET /app.js HTTP/1.1\r\nHost: {NAME}\r\nAccept-Encoding: {takes}\r\nConnection: close\r\n\r\n".encode())
            got, head = 0, b""
            while data := tls.recv(1 << 18):
                head = head if b"\r\n\r\n" in head else head + data
                got += len(data)
        if f"content-encoding: {takes}\r\n".encode() not in head.lower():
            raise RuntimeError(f"{proxy.name} does not speak {takes}")
        size["of it"] = got / SCRIPT_SIZE
        return SCRIPT_SIZE / (1 << 20)
    size = {}
    return {**cost(proxy.processes, work), **size}


def idle_memory(proxy, ctx):
    """What a thousand visitors cost who have asked once and are silent now."""
    held = []
    for _ in range(20):
        with connect(ctx, proxy.port) as tls:
            get(tls)
    time.sleep(1)
    before = proxy.processes.pss()
    for _ in range(IDLE_CONNECTIONS):
        held.append(connect(ctx, proxy.port))
        get(held[-1])
    time.sleep(2)
    after = proxy.processes.pss()
    # They must still be there, or the figure means nothing.
    for tls in held[::50]:
        get(tls)
    for tls in held:
        tls.close()
    time.sleep(0.5)
    return {"memory": (after - before) / IDLE_CONNECTIONS}


def open_websocket(ctx, port):
    tls = connect(ctx, port)
    tls.sendall(f"GET /ws HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    if not tls.recv(4096).startswith(b"HTTP/1.1 101"):
        raise RuntimeError("no WebSocket")
    return tls


def idle_websocket_memory(proxy, ctx):
    """The same with a WebSocket on each, on which nobody says anything."""
    for _ in range(20):
        open_websocket(ctx, proxy.port).close()
    time.sleep(1)
    before, held = proxy.processes.pss(), []
    for _ in range(IDLE_CONNECTIONS):
        held.append(open_websocket(ctx, proxy.port))
    time.sleep(2)
    after = proxy.processes.pss()
    poll = select.poll()
    for tls in held:
        poll.register(tls, select.POLLIN)
    if poll.poll(0):
        raise RuntimeError("a WebSocket has ended")
    for v in held:
        v.close()
    time.sleep(0.5)
    return {"memory": (after - before) / IDLE_CONNECTIONS}


def idle_http2_memory(proxy, ctx):
    """The same with HTTP/2."""
    for _ in range(20):
        Http2(ctx, proxy.port).close()
    time.sleep(1)
    before, held = proxy.processes.pss(), []
    for _ in range(IDLE_CONNECTIONS):
        held.append(Http2(ctx, proxy.port))
        held[-1].ask(1)
    time.sleep(2)
    after = proxy.processes.pss()
    for v in held[::50]:
        v.ask(1)
    for v in held:
        v.close()
    time.sleep(0.5)
    return {"memory": (after - before) / IDLE_CONNECTIONS}


def check_equal(proxy, ctx):
    """All must do the same work: same version, same cipher."""
    with connect(ctx, proxy.port) as tls:
        get(tls)
        found = tls.version(), tls.cipher()[0]
    if found != ("TLSv1.3", "TLS_AES_128_GCM_SHA256"):
        raise RuntimeError(f"{proxy.name} speaks {found}")


def start_proxies(names, folder, ctx, table):
    proxies = []
    for i, name in enumerate(names):
        missing, start = PROXIES[name]
        reason = missing()
        if reason:
            table.note(f"{name} was left out: {reason}")
            continue
        proxy = None
        try:
            proxy = start(folder, 8443 + i)
            check_equal(proxy, ctx)
            proxies.append(proxy)
        except (RuntimeError, AssertionError, OSError) as e:
            table.note(f"{name} was left out: {str(e).splitlines()[0]}")
            print(e, file=sys.stderr)
            if proxy:
                print(proxy.said(), file=sys.stderr)
                proxy.stop()
    return proxies


def start_anew(proxies, folder, ctx, table):
    """Memory that a program keeps from an earlier test would count for nothing in the next."""
    for p in reversed(proxies):
        p.stop()
    folder.mkdir()
    for name in "chain.pem", "key.pem":
        shutil.copy(folder.parent / name, folder)
    return start_proxies([p.name for p in proxies], folder, ctx, table)


def tests(arguments, ctx, folder):
    """One row per test."""
    third = ("user", "system", "total")
    return [
        ("keepalive", "HTTPS requests of 1 KiB over kept connections", "microseconds of CPU each", 1e6, third,
         {"total": 0.95, "user": 1.5}, ("per second",), lambda p: keepalive(p, arguments.seconds)),
        ("http2", f"HTTP/2 requests of 1 KiB, {HTTP2_STREAMS} at once on each of {HTTP2_CONNECTIONS} connections",
         "microseconds of CPU each", 1e6, third, {"total": 1.3}, ("per second",), lambda p: http2(p, arguments.requests)),
        ("handshake", "New TLS 1.3 handshakes (P-256)", "microseconds of CPU each", 1e6, third, {"total": 0.7}, (),
         lambda p: handshakes(p, ctx, arguments.handshakes, resume=False)),
        ("resumed", "Resumed TLS 1.3 handshakes (P-256)", "microseconds of CPU each", 1e6, third, {}, (),
         lambda p: handshakes(p, ctx, arguments.handshakes, resume=True)),
        ("download", "Download of 1 GiB", "seconds of CPU each", 1, third, {}, ("MB/s",), lambda p: download(p, folder)),
        ("gzip", "A script of 11.6 MB, compressed with gzip", "milliseconds of CPU each MiB", 1e3, third, {}, ("of it",),
         lambda p: compressed(p, ctx, "gzip")),
        ("brotli", "The same with brotli", "milliseconds of CPU each MiB", 1e3, third, {}, ("of it",),
         lambda p: compressed(p, ctx, "br")),
        ("upload", "Upload of 1 GiB", "seconds of CPU each", 1, third, {}, ("MB/s",), lambda p: upload(p, folder)),
        ("idle", f"Memory of one of {IDLE_CONNECTIONS} idle TLS connections", "KiB PSS", 1 / 1024, ("memory",),
         {"memory": 1.0}, (), lambda p: idle_memory(p, ctx)),
        ("idle-http2", f"Memory of one of {IDLE_CONNECTIONS} idle HTTP/2 connections", "KiB PSS", 1 / 1024, ("memory",),
         {"memory": 2.0}, (), lambda p: idle_http2_memory(p, context(folder))),
        ("idle-websocket", f"Memory of one of {IDLE_CONNECTIONS} idle WebSockets", "KiB PSS", 1 / 1024, ("memory",),
         {"memory": 2.0}, (), lambda p: idle_websocket_memory(p, ctx)),
    ]


def measure(arguments, folder, table):
    ctx = context(folder)
    origin = upstream(folder)
    proxies = start_proxies(arguments.programs, folder, ctx, table)
    try:
        house = next((p for p in proxies if p.name == "hagw"), None)
        if house:
            time.sleep(3)
            table.test("set", "The whole hagw set, idle after its start", "MiB PSS", 1 / 2**20, ("memory",),
                       limit={"memory": 30})
            table.add("set", "hagw", {"memory": house.everything.pss()})
        for test, what, unit, factor, keys, target, info, run in tests(arguments, ctx, folder):
            if test not in arguments.tests:
                continue
            table.test(test, what, unit, factor, keys, target, info=info)
            if test.startswith("idle"):
                proxies = start_anew(proxies, folder / test, ctx, table)
            if test in ("upload", "idle-websocket"):
                origin.stop()
                origin = service(folder)
            for n in range(arguments.rounds if not test.startswith("idle") else 1):
                # Each round begins with another program, so that none always comes first.
                for p in proxies[n % len(proxies):] + proxies[:n % len(proxies)]:
                    try:
                        table.add(test, p.name, run(p))
                    except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
                        table.note(f"{p.name}, {test}: {e}")
            print(f"  {test}: done", file=sys.stderr)
    finally:
        for p in reversed(proxies):
            p.stop()
        origin.stop()


def main():
    names = ["keepalive", "http2", "handshake", "resumed", "download", "gzip", "brotli", "upload", "idle", "idle-http2", "idle-websocket"]
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=5, help="measurements of each kind; the median counts (default: %(default)s)")
    p.add_argument("--seconds", type=int, default=4, help="length of a keep-alive measurement (default: %(default)s)")
    p.add_argument("--handshakes", type=int, default=1200, help="per measurement (default: %(default)s)")
    p.add_argument("--requests", type=int, default=60000, help="of HTTP/2, per measurement (default: %(default)s)")
    p.add_argument("--tests", nargs="+", choices=names, default=names)
    p.add_argument("--programs", nargs="+", choices=list(PROXIES), default=list(PROXIES))
    p.add_argument("--no-save", action="store_true", help="only show the table")
    arguments = p.parse_args()
    restart_with_one_cipher()
    for program in "wrk", "h2load", "curl", "openssl", "nginx":
        if not shutil.which(program):
            print(f"bench_https: skipped, {program} is not installed")
            return 0
    table = Table("https")
    with tempfile.TemporaryDirectory(prefix="b") as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        with resolved(folder, NAME):
            measure(arguments, folder, table)
    print(table.text())
    if not arguments.no_save:
        print(f"saved as {table.save(versions()).relative_to(pathlib.Path.cwd())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A gateway and a relay with a house, at four fifths of what their visitors can ask, while all that happens in a year happens every
ten seconds: reloads, new certificates, a service that restarts, logins that are taken back. Visitors come by HTTP/1.1, by HTTP/2,
and through the relay. It fails where a visitor's request failed that his service did not fail, where memory grows after the first
minute (or third, of a short run), and where descriptors are left. Use bench/run soak."""

import argparse
import contextlib
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

import bench_flood
from bench_flood import Passing, Relay
from http2 import Http2
from measure import save
from proxies import UPSTREAM_PORT, Program, nginx_conf
from tls import NAME, context, make_certificate, resolved

PORT, WALLED, USER, PASSWORD = bench_flood.PORT, bench_flood.WALLED, "anna", "correct horse battery staple"
MEASURED_SECONDS = 4
STEP_SECONDS = 10
DOWN_SECONDS = 1
LOAD = 0.8
# A year's worth of caches and pools does not fit into the first minute; whoever leaks shows more in ten.
GROWTH, GROWTH_KIB = 1.05, 2048
AT_ONCE = 8


class Service:
    """1 KiB, by nginx, and the times in which it was not there."""

    def __init__(self, folder):
        self.folder, self.away, self.gone = folder, [], None
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_bytes(b"x" * 1024)
        self.start()

    def start(self):
        command = nginx_conf(self.folder, "upstream", f"server {{ listen 127.0.0.1:{UPSTREAM_PORT}; root {self.folder}/www; }}")
        self.program = Program("upstream", self.folder, command, UPSTREAM_PORT)
        if self.gone:
            self.away.append((self.gone, time.monotonic()))
            self.gone = None

    def stop(self):
        self.gone = time.monotonic()
        self.program.stop()

    def restart(self):
        self.stop()
        time.sleep(DOWN_SECONDS)
        self.start()

    def failed(self, begin, end):
        gone = self.gone
        return any(begin < back and end > away for away, back in [*self.away, *([(gone, end + 1)] if gone else [])])


class Visitor(threading.Thread):
    """Asks again and again. every: seconds from one request to the next; 0: as fast as it goes."""

    units = 1

    def __init__(self, service, ctx):
        super().__init__(daemon=True)
        self.service, self.ctx = service, ctx
        self.every, self.done, self.bad, self.excused, self.over = 0, 0, [], 0, threading.Event()
        self.connection = None

    def run(self):
        due = time.monotonic()
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                if not self.connection:
                    self.connection = self.connect()
                why = self.ask(self.connection)
            except (OSError, AssertionError, RuntimeError) as e:
                why = repr(e)
                self.leave()
            self.done += self.units
            if why and self.service.failed(begin, time.monotonic()):
                self.excused += 1
            elif why:
                self.bad.append(f"{type(self).__name__} at {begin:.1f}: {why}")
            due = max(due + self.every, time.monotonic() - 1)
            self.over.wait(max(0, due - time.monotonic()) if self.every else 0)
        self.leave()

    def leave(self):
        if self.connection:
            with contextlib.suppress(OSError):
                self.connection.close()
        self.connection = None


def exchange(tls, text):
    """One request of HTTP/1.1: status, head and body."""
    tls.sendall(text)
    data = b""
    while b"\r\n\r\n" not in data:
        more = tls.recv(16384)
        if not more:
            raise ConnectionError("closed without an answer")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
    while length and len(body) < int(length[1]):
        more = tls.recv(16384)
        if not more:
            raise ConnectionError("the answer was cut short")
        body += more
    return int(head.split()[1]), head, body


def dial(ctx, name):
    return ctx.wrap_socket(socket.create_connection(("127.0.0.1", PORT), 30), server_hostname=name)


class ByHttp1(Visitor):
    def connect(self):
        return dial(self.ctx, NAME)

    def ask(self, tls):
        status, head, _ = exchange(tls, f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        if b"connection: close" in head.lower():
            self.leave()
        return None if status == 200 else f"status {status}"


class ByHttp2(Visitor):
    units = AT_ONCE

    def connect(self):
        return Http2(self.ctx, PORT)

    def ask(self, v):
        statuses = v.ask(AT_ONCE)
        return None if statuses == ["200"] * AT_ONCE else f"statuses {statuses}"


class ThroughRelay(Visitor):
    def connect(self):
        return Passing()

    def ask(self, p):
        p.ping()
        return None

    def leave(self):
        if self.connection:
            self.connection.s.close()
        self.connection = None


class Session(Visitor):
    """Logs in, comes in, is thrown out, and stays out."""

    def __init__(self, service, ctx, webd):
        super().__init__(service, ctx)
        self.webd, self.every = webd, 1

    def connect(self):
        return socket.socket()  # each of its requests has one of its own

    def visit(self, method, path, cookie="", body=""):
        with dial(self.ctx, WALLED) as tls:
            more = f"Cookie: {cookie}\r\n" if cookie else ""
            if body:
                more += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\nOrigin: https://{WALLED}\r\n" \
                        "Sec-Fetch-Site: same-origin\r\n"
            return exchange(tls, (f"{method} {path} HTTP/1.1\r\nHost: {WALLED}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n"
                                  f"Sec-Fetch-Dest: document\r\n{more}Connection: close\r\n\r\n{body}").encode())

    def ask(self, _):
        _, head, page = self.visit("GET", "/.hagw/auth/login")
        jar = {k: v for k, v in re.findall(r"set-cookie: ([^=]+)=([^;\r]*)", head.decode(), re.I)}
        fields = {n: re.search(rf'name="{n}" value="([^"]*)"', page.decode())[1] for n in ("token", "return")}
        status, head, _ = self.visit("POST", "/.hagw/auth/login", "; ".join(f"{k}={v}" for k, v in jar.items()),
                                     urllib.parse.urlencode({"user": USER, "password": PASSWORD, **fields}))
        found = re.search(r"set-cookie: (__Host-hagw=[^;\r]+)", head.decode(), re.I)
        if status != 303 or not found:
            return f"login: {status}"
        status, _, _ = self.visit("GET", "/", found[1])
        if status != 200:
            return f"with a session: {status}"
        for s in self.webd.call("ListSessions")["sessions"]:
            self.webd.call("RevokeSession", id=s["id"])
        deadline = time.monotonic() + 10
        # Who is under way when the word of it comes is cut.
        with contextlib.suppress(ConnectionError):
            while self.visit("GET", "/", found[1])[0] == 200:
                if time.monotonic() > deadline:
                    return "a session that was taken back still opens the door"
        return None


def figure(pid, name):
    return int(re.search(rf"^{name}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


class Soak:
    def __init__(self, folder, seconds):
        self.seconds, self.folder, self.problems, self.events, self.told = seconds, folder, [], 0, None
        make_certificate(folder)
        self.ctx, self.http2_ctx = self.trusting(), self.trusting()
        self.service = Service(folder)
        self.relay = Relay(folder / "relay", folder, 2)
        self.daemons = {**self.relay.daemons, **{f"house's {n}": d for n, d in self.relay.home.daemons.items()}}
        self.relay["webd"].call("AddUser", name=USER, password=PASSWORD, hosts=["*"], groups=[])

    def trusting(self):
        """Each certificate of this run signs itself."""
        ctx = context(self.folder)
        ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
        return ctx

    def memory(self):
        return {n: figure(d.process.pid, "VmRSS") for n, d in self.daemons.items()}

    def descriptors(self):
        return {n: len(list(pathlib.Path(f"/proc/{d.process.pid}/fd").iterdir())) for n, d in self.daemons.items()}

    def renew(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        make_certificate(folder)
        self.relay.import_certificate(folder)

    def happen(self):
        """What comes each ten seconds."""
        for n in ("proxyd", "keyd", "dnsd", "netd", "webd", "acmed", "tenantd"):
            self.relay[n].reload()
        self.relay.home["proxyd"].reload()
        if self.events % 2 == 0:
            self.renew()
        else:
            self.service.restart()
        self.events += 1

    def load(self):
        visitors = [kind(self.service, self.http2_ctx if kind is ByHttp2 else self.ctx) for kind in (ByHttp1, ByHttp2, ThroughRelay) for _ in range(4)]
        for v in visitors:
            v.start()
        time.sleep(MEASURED_SECONDS)
        for v in visitors:
            v.every = MEASURED_SECONDS / max(1, v.done / v.units) / LOAD
        guest = Session(self.service, self.ctx, self.relay["webd"])
        guest.start()
        return [*visitors, guest]

    def end(self, visitors):
        for v in visitors:
            v.over.set()
        for v in visitors:
            v.join(60)

    def warm(self):
        """What is opened once, for the first who needs it, is no leak: by both workers, and for what is written down each ten seconds."""
        visitors = self.load()
        self.happen()
        time.sleep(STEP_SECONDS)
        self.end(visitors)

    def run(self):
        self.warm()
        before = self.descriptors()
        visitors = self.load()
        began, settled = time.monotonic(), None
        while (now := time.monotonic() - began) < self.seconds:
            if not settled and now >= min(60, self.seconds / 3):
                settled = self.memory()
            self.happen()
            time.sleep(max(0, STEP_SECONDS - (time.monotonic() - began - now)))
        after = self.memory()
        self.end(visitors)
        self.tell(visitors, settled, after)
        self.wait_descriptors(before)

    def tell(self, visitors, settled, after):
        self.told = {"seconds": self.seconds, "memory": {n: [settled[n], after[n]] for n in after}}
        for kind in (ByHttp1, ByHttp2, ThroughRelay, Session):
            mine = [v for v in visitors if isinstance(v, kind)]
            bad = [b for v in mine for b in v.bad]
            print(f"{kind.__name__}: {sum(v.done for v in mine):,} asked, {sum(v.excused for v in mine)} times the service was away, "
                  f"{len(bad)} failed", flush=True)
            self.problems += bad
            self.told[kind.__name__] = {"asked": sum(v.done for v in mine), "away": sum(v.excused for v in mine), "failed": len(bad)}
            print(*bad[:3], sep="\n", flush=True)
            if not any(v.done for v in mine):
                self.problems.append(f"{kind.__name__}: nothing was asked")
        for n, kib in after.items():
            print(f"{n}: {settled[n]:,} KiB, at the end {kib:,}", flush=True)
            if kib > settled[n] * GROWTH + GROWTH_KIB:
                self.problems.append(f"hagw-{n} has grown from {settled[n]} to {kib} KiB")

    def wait_descriptors(self, before):
        deadline = time.monotonic() + 180
        while left := {n: k - before[n] for n, k in self.descriptors().items() if k > before[n]}:
            if time.monotonic() > deadline:
                self.problems.append(f"descriptors are left: {left}")
                return
            time.sleep(1)

    def stop(self):
        self.relay.stop()
        self.service.program.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600, help="default: %(default)s")
    parser.add_argument("--no-save", action="store_true", help="only say what came of it")
    arguments = parser.parse_args()
    seconds = arguments.seconds
    with tempfile.TemporaryDirectory() as name, resolved(pathlib.Path(name), NAME, WALLED, bench_flood.ZONE):
        soak = Soak(pathlib.Path(name), seconds)
        try:
            soak.run()
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError):
            soak.problems.append(traceback.format_exc())
        for p in soak.problems[:20]:
            print(f"FAILED: {p}")
        if soak.told and not arguments.no_save:
            save("soak", {**soak.told, "problems": soak.problems})
        print(f"{len(soak.problems)} problems in {seconds} s, {soak.events} times all of it", flush=True)
        if soak.problems:
            print(soak.relay.said()[-6000:], file=sys.stderr)
        soak.stop()
    return bool(soak.problems)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a unit of work costs hagw while there is more and more beside it: connections, hosts, tenants, published texts.
CPU of the daemon's threads as the scheduler counts it, the least of several rounds: whatever else the machine does makes them
dearer, never cheaper. Use bench/run growth, which prepares all it needs, and then bench/plot."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import socket
import sys
import tempfile
import threading
import time

import measure
from machine import Machine
from proxies import UPSTREAM_PORT, upstream
from tls import NAME, connect, context, get, make_certificate, restart_with_one_cipher

PORT = 8443
ROUNDS = 7
GATEWAY = ('zones = ( { name = "bench.example"; } );\nacme: { directory = "https://127.0.0.1:9/none"; };\n'
           'public_address: { ipv4 = "static:192.0.2.1"; ipv6 = "none"; };\n'
           'proxy: { workers = 1; connections_per_address = 0; handshakes_per_address = 0; connections = 20000; probe_interval = "0"; idle_timeout = "1h"; };\n')


def cpu(daemon):
    """Seconds, of all threads."""
    folder = pathlib.Path(f"/proc/{daemon.process.pid}/task")
    return sum(int((t / "schedstat").read_text().split()[0]) for t in folder.iterdir()) / 1e9


def rest(daemon, quiet=0.0005):
    """Until it does nothing more."""
    before = cpu(daemon)
    while True:
        time.sleep(0.2)
        now = cpu(daemon)
        if now - before < quiet:
            return now
        before = now


def cost(daemon, work, n):
    """Of each of n times."""
    before = rest(daemon)
    work()
    return (rest(daemon) - before) / n


def pss(daemon):
    """Bytes."""
    text = pathlib.Path(f"/proc/{daemon.process.pid}/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) * 1024


@contextlib.contextmanager
def gateway(folder, hosts):
    """hosts of them, one of which serves."""
    files = {"ha": f'name = "{NAME}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}"; access: {{ login = "none"; }};'}
    for i in range(hosts - 1):
        files[f"h{i}"] = f'name = "h{i}.bench.example"; upstream = "http://127.0.0.1:{1 + i}"; access: {{ login = "none"; }};'
    machine = Machine(folder, GATEWAY, files, PORT)
    try:
        machine.start("keyd", "netd", "acmed", "webd")
        machine.import_certificate(folder.parent)
        machine.start("proxyd")
        machine.wait_certificate()
        yield machine
    finally:
        machine.stop()


def requests(ctx, n):
    with connect(ctx, PORT) as tls:
        for _ in range(n):
            get(tls)


def connections(folder, points, add):
    """One gateway; more and more visitors who have asked once and are silent."""
    ctx, open_ = context(folder), []
    with gateway(folder / "connections", 1) as machine:
        proxyd = machine["proxyd"]
        requests(ctx, 200)
        empty = pss(proxyd)
        for n in points:
            while len(open_) < n:
                open_.append(connect(ctx, PORT))
                get(open_[-1])
            rest(proxyd)
            if n >= 100:
                add("idle connection", "KiB of PSS", n, (pss(proxyd) - empty) / n / 1024)
            for _ in range(ROUNDS):
                add("request beside idle connections", "µs of CPU", n, 1e6 * cost(proxyd, lambda: requests(ctx, 1000), 1000))
            there = sum(m["value"] for m in proxyd.call("io.hagw.Service.GetMetrics")["metrics"] if m["name"] == "proxy_connections")
            if there < n:
                raise RuntimeError(f"only {there} of {n} connections are still there")
        for s in open_:
            s.close()


def hosts(folder, points, add):
    ctx = context(folder)
    for n in points:
        with gateway(folder / f"hosts-{n}", n) as machine:
            proxyd = machine["proxyd"]
            requests(ctx, 200)
            for _ in range(ROUNDS):
                add("request, by hosts", "µs of CPU", n, 1e6 * cost(proxyd, lambda: requests(ctx, 1000), 1000))
                add("reload, by hosts", "ms of CPU", n, 1e3 * cost(proxyd, lambda: [proxyd.reload() for _ in range(5)], 5))


class Tenantd:
    """hagw-tenantd's side of io.hagw.Tenant.Watch."""

    def __init__(self, path):
        self.socket, self.feed = socket.socket(socket.AF_UNIX), None
        self.watched = threading.Event()
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.socket.accept()
            if b'.Watch"' in client.recv(65536):
                self.feed = client
                self.watched.set()

    def tell(self, numbers, reset, complete):
        tenants = [{"name": f"t{i}", "domains": [f"d{i}.example"], "tokenIds": ["abcdefghijkl"], "suspended": False, "exhausted": False,
                    "terminate": False, "agents": 1, "channels": 10, "connectionsPerSecond": 100, "bytesPerSecond": 0,
                    "bytesPerMonth": 0} for i in numbers]
        message = {"parameters": {"reset": reset, "complete": complete, "tenants": tenants, "removed": []}, "continues": True}
        self.feed.sendall(json.dumps(message).encode() + b"\0")


def tenants(folder, points, add):
    """A relay whose tenants' settings change one by one."""
    for n in points:
        machine = Machine(folder / f"tenants-{n}", GATEWAY + 'tenants: { zone = "bench.example"; };', port=PORT)
        tenantd = Tenantd(machine.house.runtime / "io.hagw.Tenant")
        try:
            machine.start("proxyd")
            if not tenantd.watched.wait(20):
                raise RuntimeError("hagw-proxyd does not ask for tenants")
            for i in range(0, n, 500):
                tenantd.tell(range(i, min(n, i + 500)), reset=i == 0, complete=i + 500 >= n)

            def change(n=n, tenantd=tenantd):
                for i in range(100):
                    tenantd.tell([i % n], reset=False, complete=True)
                    time.sleep(0.002)

            rest(machine["proxyd"])
            for _ in range(ROUNDS):
                add("a tenant's change", "µs of CPU", n, 1e6 * cost(machine["proxyd"], change, 100))
        finally:
            machine.stop()


def texts(folder, points, add):
    """A name server asked for names that do not exist, beside more and more published texts."""
    machine = Machine(folder / "texts", 'zones = ( { name = "bench.example"; } );\ndns: { rate_limit = 1000000; };\n')
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(20)
    try:
        machine.start("dnsd")
        dnsd, published = machine["dnsd"], 0
        udp.connect(next(s for name, s in dnsd.fds if name == "dns-udp").getsockname())

        def ask():
            for i in range(3000):
                labels = b"".join(bytes([len(x)]) + x for x in (b"n%d" % i, b"_x", b"bench", b"example"))
                udp.send(b"\x12\x34\0\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1")
                udp.recv(512)

        for n in points:
            with dnsd.varlink(timeout=60) as v:
                for i in range(published, n):
                    v.call("io.hagw.Dns.PublishText", name=f"_acme-challenge.h{i}.bench.example", value="v", owner="bench",
                           lifetimeUSec=10**9)
            published = n
            for _ in range(ROUNDS):
                add("question for a name that is not there, by texts", "µs of CPU", n, 1e6 * cost(dnsd, ask, 3000))
    finally:
        machine.stop()


PARTS = {"connections": (connections, (1, 10, 100, 1000, 10000)), "hosts": (hosts, (1, 10, 100, 1000)),
         "tenants": (tenants, (1, 10, 100, 1000, 10000, 100000)), "texts": (texts, (1, 10, 100, 1000, 4000))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"only these, the others stay as the day's result has them: {', '.join(PARTS)}")
    parser.add_argument("--most", type=int, default=10**9, help="no more of anything than this")
    arguments = parser.parse_args()
    restart_with_one_cipher()
    rows = {}

    def add(name, unit, n, value):
        rows.setdefault(name, {"unit": unit, "samples": {}})["samples"].setdefault(n, []).append(value)
        print(f"{name}, {n}: {value:.3g} {unit}", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        service = upstream(folder)
        try:
            for part in arguments.parts or PARTS:
                work, points = PARTS[part]
                work(folder, [n for n in points if n <= arguments.most], add)
        finally:
            service.stop()
    for row in rows.values():
        row["least"] = {n: min(s) for n, s in row["samples"].items()}
    date = datetime.datetime.now(datetime.timezone.utc)
    measure.RESULTS.mkdir(exist_ok=True)
    path = measure.RESULTS / f"growth-{date:%Y-%m-%d}.json"
    if arguments.parts and path.exists():
        rows = {**json.loads(path.read_text())["rows"], **rows}
    path.write_text(json.dumps({
        "date": date.isoformat(timespec="seconds"), "commit": measure.commit(),
        "machine": {"cpu": measure.cpu_model(), "cores": len(os.sched_getaffinity(0)), "kernel": platform.release()},
        "rows": rows}, indent=1) + "\n")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""DNS over UDP beside knot and nsd: CPU seconds per query, the same zone, the same questions, one worker each.

Two loads: as much as goes (dnsperf keeps 100 queries outstanding), and a steady rate far below that, where waking up costs
most. Runs of the programs take turns, so that a busy machine is busy for all of them. hagw-dnsd runs as it is shipped: cookies,
the amplification cap and the rate limiter are on (the limit is set too high to be reached)."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import measure

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("HAGW_BUILD", ROOT / "build-bench"))
ZONE = "home.example.com"
IPV4, IPV6 = "203.0.113.10", "2001:db8::1"
HOSTS = [f"{word}{n}" for word in ("ha", "camera", "music", "files", "grafana") for n in range(20)]
NAMES = [f"{h}.{ZONE}" for h in HOSTS]
READY_SECONDS = 20
LOADS = {"dns-full": ("DNS queries, as many as go", None), "dns-steady": ("DNS queries, 10,000 per second", 10000)}
KEYS = ("user", "system", "total")


def questions():
    """What resolvers ask a house: addresses mostly, HTTPS records beside them, now and then the rest."""
    for name in NAMES:
        yield from ((name, "A"), (name, "AAAA"), (name, "A"), (name, "HTTPS"))
    for _ in range(4):
        yield from ((ZONE, "SOA"), (ZONE, "NS"), (ZONE, "A"), (f"_acme-challenge.{ZONE}", "TXT"))


def zone_file():
    """The same content for the peers: every name stands in the file, so that they need not look for a wildcard."""
    lines = [f"$ORIGIN {ZONE}.", "$TTL 60", f"@ 3600 SOA ns.{ZONE}. hostmaster.{ZONE}. 1 7200 900 1209600 60", "@ 3600 NS ns",
             "_acme-challenge CAA 0 issue \"none\""]
    for name in ("@", "ns", "*", *HOSTS):
        lines += [f"{name} A {IPV4}", f"{name} AAAA {IPV6}"]
    return "\n".join(lines) + "\n"


class FineProcesses(measure.Processes):
    """The scheduler's nanoseconds instead of ticks, which are too coarse for a run of a tenth of a second of CPU; user and system
    share them as the ticks say."""

    def cpu(self):
        user, system = super().cpu()
        nanoseconds = sum(int(task.read_text().split()[0]) for pid in self.pids()
                          for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return user, nanoseconds / 1e9 - user


class Server:
    """A name server in a session of its own; cpu() counts all of its processes."""

    program = None

    def __init__(self, root):
        self.root = pathlib.Path(root) / self.name
        self.root.mkdir()
        self.port = free_port()
        self.prepare()
        self.log = open(self.root / "log", "wb")

    def start(self):
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        start_new_session=True, **self.keys())
        self.processes = FineProcesses(self.process.pid)
        end = time.monotonic() + READY_SECONDS
        while not answers(self.port):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} does not answer: {self.said()}")
            time.sleep(0.05)

    def said(self):
        return "".join(p.read_text(errors="replace")[-2000:] for p in self.root.glob("*log"))

    def keys(self):
        return {}

    def prepare(self):
        (self.root / "zone").write_text(zone_file())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Hagw(Server):
    name, program = "hagw", str(BUILD / "hagw-dnsd" / "hagw-dnsd")

    def prepare(self):
        (self.root / "etc" / "hosts.d").mkdir(parents=True)
        (self.root / "etc" / "hagw.conf").write_text(
            f'zones = ( {{ name = "{ZONE}"; }} );\ndns: {{ rate_limit = 1000000; }};\n')
        self.varlink = socket.socket(socket.AF_UNIX)
        self.varlink.bind(str(self.root / "io.hagw.Dns"))
        self.varlink.listen(8)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.netd = socket.socket(socket.AF_UNIX)
        self.netd.bind(str(self.root / "io.hagw.Net"))
        self.netd.listen(8)
        threading.Thread(target=self.tell_addresses, daemon=True).start()

    def tell_addresses(self):
        """netd's side of io.hagw.Net.Watch."""
        state = [{"family": f, "source": "static:", "address": a, "confirmedUSec": 1, "changedUSec": 1, "error": None}
                 for f, a in (("ipv4", IPV4), ("ipv6", IPV6))]
        self.clients = []
        while True:
            client, _ = self.netd.accept()
            client.recv(4096)
            client.sendall(json.dumps({"parameters": {"addresses": state}, "continues": True}).encode() + b"\0")
            self.clients.append(client)

    def keys(self):
        fds = [self.varlink, self.udp, self.tcp]

        def hand_in():
            high = [os.dup2(s.fileno(), 500 + i) for i, s in enumerate(fds)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)

        env = {"PATH": os.environ["PATH"], "HAGW_RUNTIME_DIR": str(self.root), "LISTEN_FDS": "3",
               "LISTEN_FDNAMES": "varlink:dns-udp:dns-tcp"}
        return {"env": env, "preexec_fn": hand_in, "pass_fds": range(3, 3 + len(fds))}

    def command(self):
        return ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', self.program, "--config", str(self.root / "etc")]


class Knot(Server):
    name, program = "knot", "knotd"

    def prepare(self):
        super().prepare()
        (self.root / "knot.conf").write_text(f"""
server:
    rundir: {self.root}
    user: root
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: {self.root}
zone:
  - domain: {ZONE}
    file: {self.root}/zone
    zonefile-sync: -1
    journal-content: none
""")

    def command(self):
        return ["knotd", "-c", str(self.root / "knot.conf")]


class Nsd(Server):
    name, program = "nsd", "nsd"

    def prepare(self):
        super().prepare()
        (self.root / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    username: root
    zonesdir: "{self.root}"
    logfile: "{self.root}/nsd.log"
    pidfile: "{self.root}/nsd.pid"
    xfrdfile: "{self.root}/xfrd.state"
    xfrdir: "{self.root}"
    zonelistfile: "{self.root}/zone.list"
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: {ZONE}
    zonefile: zone
""")

    def command(self):
        return ["nsd", "-d", "-c", str(self.root / "nsd.conf")]


SERVERS = (Hagw, Knot, Nsd)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    """Whether the house's address comes back."""
    wire = b"\x12\x34\0\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(x)]) + x.encode() for x in NAMES[0].split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.connect(("127.0.0.1", port))
        try:
            s.send(wire)
            return socket.inet_aton(IPV4) in s.recv(512)
        except OSError:
            return False


def dnsperf(server, data, seconds, rate):
    """Returns how many queries were answered."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(data), "-l", str(seconds), "-c", "4", "-e"]
    out = subprocess.run([*command, *(["-Q", str(rate)] if rate else [])], capture_output=True, text=True, check=True).stdout
    figures = dict(line.strip().split(":", 1) for line in out.splitlines() if ":" in line)
    completed, lost = (int(figures[k].split()[0]) for k in ("Queries completed", "Queries lost"))
    if lost > completed / 100:
        raise RuntimeError(f"{server.name} lost {lost} of {completed} queries")
    if "NOERROR" not in figures["Response codes"] or "," in figures["Response codes"]:
        raise RuntimeError(f"{server.name} answered otherwise than asked: {figures['Response codes']}")
    return completed


def version(program):
    for option in ("--version", "-v"):
        with contextlib.suppress(OSError):
            out = subprocess.run([program, option], capture_output=True, text=True)
            lines = (out.stdout + out.stderr).strip().splitlines()
            if out.returncode == 0 and lines:
                return lines[0]
    return "?"


def available(table):
    for server in SERVERS:
        if shutil.which(server.program):
            yield server
        else:
            table.note(f"{server.name} is left out: {server.program} is not installed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program and load (default: 5)")
    parser.add_argument("--seconds", type=float, default=4, help="length of a run (default: 4)")
    parser.add_argument("--json", type=pathlib.Path, help="also write the result to this file")
    arguments = parser.parse_args()
    if not shutil.which("dnsperf"):
        print("bench_dns: skipped, dnsperf is not installed (apt-get install dnsperf)")
        return 0
    if not shutil.which(Hagw.program):
        print(f"bench_dns: {Hagw.program} is not built", file=sys.stderr)
        return 1

    table = measure.Table("dns")
    for load, (what, _) in LOADS.items():
        table.test(load, what, "microseconds of CPU per query", 1e6, KEYS, {"total": 0.95})
    with tempfile.TemporaryDirectory() as root, contextlib.ExitStack() as stack:
        data = pathlib.Path(root) / "queries"
        data.write_text("".join(f"{name} {rdtype}\n" for name, rdtype in questions()))
        servers = [server(root) for server in available(table)]
        for server in servers:
            server.start()
            stack.callback(server.stop)
        for _ in range(arguments.rounds):
            for load, (_, rate) in LOADS.items():
                for server in servers:
                    table.add(load, server.name, measure.cost(
                        server.processes, lambda s=server, r=rate: dnsperf(s, data, arguments.seconds, r)))
        versions = {s.name: version(s.program) for s in servers}
        path = table.save(versions)
    print(table.text())
    if arguments.json and arguments.json.resolve() != path.resolve():
        shutil.copyfile(path, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

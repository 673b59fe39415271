#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tunnels: hagw's relay and agents beside rathole, frp, SniTun and, as the bound for splicing, haproxy. Use bench/tunnel, which
prepares all it needs."""

import argparse
import contextlib
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from line import Line
from measure import Table
from proxies import Program, nginx_conf
from tls import NAME, context, make_certificate, resolved, restart_with_one_cipher
from tunnel_hagw import Hagw, HagwFleet
from tunnels import HERE, LINE_PORT, ORIGIN_PORT, TUNNELS, VISITOR_PORT, ZONE, versions
from visitors import GIB, Bulk, Comers, download, first_byte, first_bytes, hello, latencies, percentile

PROGRAMS = {"hagw": Hagw, **TUNNELS}
# Where the agents of idle houses are others.
IDLE = {"hagw": HagwFleet}
CONNECTIONS = 50
LINE_RATE = 1_000_000_000
LINE_MS = 10
MONTH_BYTES = 2 * GIB
AT_ONCE = 16
FLEET_TESTS = {"idle", "comeback", "restart"}
# The first at rest, then as soon as hagw-proxyd is there again.
RESTART_PAUSES = (10, 10, 10, 0, 0, 0, 0, 20)
RESTART_RATE = 30
DOWN_SECONDS = 5
IDLE_SECONDS = 20
BACK_SHARE = 0.95


def origin(folder):
    """The same TLS server in every house: 1 KiB at /, holes in files (read without a disk) for the rest."""
    www = folder / "www"
    www.mkdir()
    for name, size in {"big": GIB, f"part{CONNECTIONS}": GIB // CONNECTIONS, "endless": 1024 * GIB}.items():
        with open(www / name, "wb") as f:
            f.truncate(size)
    (www / "index.html").write_bytes(b"x" * 1024)
    return Program("origin", folder, nginx_conf(
        folder, "origin", "open_file_cache max=16; aio threads; sendfile_max_chunk 64k;\n"
        f"server {{ listen {ORIGIN_PORT} ssl reuseport; root {www};\n"
        f"ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3; }}"), ORIGIN_PORT)


def cpu(processes):
    return tuple(sum(each) for each in zip((0, 0), *(p.cpu() for p in processes)))


def pss(processes):
    return sum(p.pss() for p in processes)


def bulk(tunnel, folder, connections):
    """CPU seconds per GiB: the relay's, and the agent's on top."""
    relay, agent, began = cpu(tunnel.relay_processes()), cpu(tunnel.agent_processes()), time.monotonic()
    size = download(VISITOR_PORT, folder, connections)
    seconds = time.monotonic() - began
    user, system = ((after - before) / size for before, after in zip(relay, cpu(tunnel.relay_processes())))
    agents = (sum(cpu(tunnel.agent_processes())) - sum(agent)) / size
    return {"user": user, "system": system, "relay": user + system, "with agent": user + system + agents,
            "MB/s": size * GIB / 1e6 / seconds}


def latency(port, folder, ctx, seconds):
    """Small requests alone, beside somebody who downloads as fast as his line is, and beside one who takes all there is."""
    found = {}
    with Line(LINE_RATE) as line:
        for key, beside in ("alone", None), ("beside", (line,)), ("full", ()):
            with contextlib.nullcontext() if beside is None else Bulk(port, folder, *beside):
                began, sent = time.monotonic(), line.sent()
                times = latencies(ctx, port, seconds)
                if beside:
                    found["line MB/s"] = (line.sent() - sent) / 1e6 / (time.monotonic() - began)
            found.update({f"{key} p50": percentile(times, 0.5), f"{key} p99": percentile(times, 0.99)})
    return {**found, "beside/alone": found["beside p99"] / found["alone p99"]}


def month(tunnel, folder):
    """A download over a gigabit line comes to the month's limit: what passes beyond it, in percent."""
    limit = tunnel.month()[0] + MONTH_BYTES
    tunnel.limit_month(limit)
    with Line(LINE_RATE) as line:
        command = ["curl", "-sS", "--fail", "--http1.1", "--cacert", folder / "chain.pem", "--output", "/dev/null", "--resolve",
                   f"{NAME}:{VISITOR_PORT}:{line.host}", f"https://{NAME}:{VISITOR_PORT}/endless"]
        began = time.monotonic()
        if subprocess.run(line.beyond(*command), stderr=subprocess.DEVNULL, timeout=300).returncode == 0:
            raise RuntimeError("the download came to its end")
        seconds = time.monotonic() - began
    deadline = time.monotonic() + 30
    while (last := tunnel.month()) != (time.sleep(3), tunnel.month())[1] or not last[1]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the month is not over: {last}")
    return {"beyond": 100 * (last[0] - limit) / MONTH_BYTES, "MB/s": MONTH_BYTES / 1e6 / seconds}


def first_byte_on_line(tunnel, visits):
    """Visitors of a house 10 ms away from the relay: 16 at once as the first that it gets (cold), then one after the other."""
    client_hello = hello(tunnel.door("ha")[1])
    time.sleep(2)  # the house has been attached for a while
    cold = first_bytes([(VISITOR_PORT, client_hello)] * AT_ONCE, 5)
    warm = []
    for _ in range(visits):
        time.sleep(0.5)
        warm.append(first_byte(VISITOR_PORT, client_hello, 5))
    if None in cold or None in warm:
        raise RuntimeError("a visitor was not answered")
    return {"warm": statistics.median(warm), "cold": statistics.median(cold), "last": max(cold)}


def idle_memory(tunnel):
    """What an attached house that nobody visits costs at the relay."""
    count = len(tunnel.houses)
    time.sleep(2)
    before = pss(tunnel.relay_processes())
    tunnel.start_agents()
    tunnel.wait_attached(60 + count / 20)
    time.sleep(5)
    after = pss(tunnel.relay_processes())
    busy, began = sum(cpu(tunnel.relay_processes())), time.monotonic()
    time.sleep(IDLE_SECONDS)
    busy = (sum(cpu(tunnel.relay_processes())) - busy) / (time.monotonic() - began)
    # They must be there, or the figure means nothing.
    tunnel.wait_answering(tunnel.houses[::max(1, count // 20)])
    return {"memory": (after - before) / count, "houses": count, "core %": 100 * busy}


def comeback(tunnel):
    """The relay is killed, and is there again 5 s later: seconds from the kill until 95 % of the houses answer a visitor."""
    missing, count = set(tunnel.houses), len(tunnel.houses)
    tunnel.start_agents()
    tunnel.wait_answering(seconds=60 + count / 5)
    tunnel.kill_relay()
    killed = time.monotonic()
    time.sleep(DOWN_SECONDS)
    tunnel.revive_relay()
    while len(missing) > (1 - BACK_SHARE) * count:
        if time.monotonic() - killed > 300:
            raise RuntimeError(f"after 300 s {len(missing)} houses of {count} do not answer")
        missing -= tunnel.answering(list(missing), timeout=1)
    return {"seconds": time.monotonic() - killed, "houses": count}


def restart(tunnel):
    """The relay's hagw-proxyd is restarted while visitors come to all the houses by turns: who was closed, and who waited longest."""
    tunnel.start_agents()
    tunnel.wait_answering(seconds=60 + len(tunnel.houses) / 5)
    with Comers([(port, hello(name)) for port, name in map(tunnel.door, tunnel.houses)], RESTART_RATE) as comers:
        time.sleep(2)
        for pause in RESTART_PAUSES:
            tunnel.restart_relay()
            time.sleep(pause)
    for n, seconds, reason in comers.closed[:20]:
        print(f"  visitor {n} was closed after {seconds:.2f} s: {reason}", file=sys.stderr)
    waits = sorted(comers.waits)
    return {"closed": len(comers.closed), "visitors": len(waits) + len(comers.closed), "p50 ms": 1e3 * percentile(waits, 0.5),
            "longest ms": 1e3 * waits[-1]}


@contextlib.contextmanager
def running(program, folder, houses=("ha",), line=False, agents=True, kind=None):
    """A tunnel that runs alone, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="t", dir=folder) as name, contextlib.ExitStack() as stack:
        kind = kind or PROGRAMS[program]
        tunnel = kind(pathlib.Path(name), houses, LINE_PORT if line else None)
        stack.callback(tunnel.stop)
        try:
            if line:
                delay = [sys.executable, str(HERE / "delay.py"), str(LINE_PORT), str(kind.control), str(LINE_MS)]
                stack.callback(Program("delay", tunnel.folder, delay, LINE_PORT).stop)
            if agents:
                tunnel.start_agents()
                tunnel.wait_answering(seconds=30)
                time.sleep(1)
            yield tunnel
        except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError):
            print(f"{program} said:\n{tunnel.said()}", file=sys.stderr)
            raise


def many(program, wanted, table):
    """Names of as many houses as fit; the relay needs two descriptors for each, and a few."""
    most = min(wanted, PROGRAMS[program].most, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 400) // 2)
    if most < wanted:
        table.note(f"{program}: {most} houses instead of {wanted}")
    return [f"h{i:05}" for i in range(most)]


def house_tests(program, arguments, folder, table):
    """What is measured with one house."""
    ctx, wanted = context(folder), arguments.tests
    if {"single", "several", "latency"} & set(wanted):
        with running(program, folder) as tunnel:
            for test, connections in ("single", 1), ("several", CONNECTIONS):
                if test in wanted and tunnel.relay_processes():
                    sample = bulk(tunnel, folder, connections)
                    table.add(test, program, sample)
                    if program in ("hagw", "haproxy"):
                        table.add(f"{test}-splice", program, sample)
            if "latency" in wanted:
                sample = latency(tunnel.visitor_port, folder, ctx, arguments.seconds)
                table.add("latency", program, sample)
                table.add("beside", program, sample)
    if "month" in wanted and program == "hagw":
        with running(program, folder) as tunnel:
            table.add("month", program, month(tunnel, folder))
    if "first" in wanted and PROGRAMS[program].most:
        with running(program, folder, line=True) as tunnel:
            table.add("first", program, first_byte_on_line(tunnel, arguments.visits))


def fleet_tests(program, arguments, folder, table):
    """What is measured with many houses, once."""
    if not PROGRAMS[program].most:
        return
    measured = {}
    for wanted in arguments.houses if "idle" in arguments.tests else []:
        houses = many(program, wanted, table)
        if len(houses) not in measured:
            with running(program, folder, houses, agents=False, kind=IDLE.get(program)) as tunnel:
                measured[len(houses)] = idle_memory(tunnel)
        table.add(f"idle-{wanted}", program, measured[len(houses)])
    if "comeback" in arguments.tests:
        if PROGRAMS[program].returns:
            with running(program, folder, many(program, arguments.fleet, table), agents=False) as tunnel:
                table.add("comeback", program, comeback(tunnel))
        else:
            table.note(f"{program}: a library that leaves coming back to its user")
    if "restart" in arguments.tests and program == "hagw":
        with running(program, folder, many(program, arguments.fleet, table), agents=False) as tunnel:
            table.add("restart", program, restart(tunnel))


def declare(table, arguments):
    relay = ("user", "system", "relay", "with agent")
    bound = ("haproxy", "haproxy-twice", "direct")
    for test, what in ("single", "1 connection"), ("several", f"{CONNECTIONS} connections"):
        table.test(test, f"1 GiB to visitors on {what}", "seconds of CPU", 1, relay, {"relay": 1 / 0.6}, info=("MB/s",), apart=bound)
        table.test(f"{test}-splice", f"The same ({what}) beside haproxy's splice(2)", "seconds of CPU at the relay", 1,
                   ("user", "system", "relay"), {"relay": 1.0}, info=("MB/s",))
    table.test("latency", "Small requests, alone, beside a download over a gigabit line, beside one at full speed", "milliseconds", 1e3,
               ("alone p50", "alone p99", "beside p50", "beside p99", "full p50", "full p99"), info=("line MB/s",), apart=bound)
    table.test("beside", "The same, beside a download over a gigabit line", "p99 of alone", 1, ("beside/alone",),
               limit={"beside/alone": 1.5}, apart=bound)
    table.test("first", f"A new visitor's first byte, the agent {LINE_MS} ms away from the relay", "milliseconds", 1e3,
               ("warm", "cold", "last"))
    table.test("month", f"A month's limit of {MONTH_BYTES / GIB:.0f} GiB, met by a download over a gigabit line", "percent of the limit beyond it", 1,
               ("beyond",), limit={"beyond": 1}, info=("MB/s",))
    for n in arguments.houses:
        table.test(f"idle-{n}", f"Memory of the relay for one of {n} idle houses", "KiB PSS", 1 / 1024, ("memory",),
                   limit={"memory": 24}, info=("houses", "core %"))
    table.test("comeback", f"{BACK_SHARE:.0%} of {arguments.fleet} houses are back after the relay was killed for {DOWN_SECONDS} s",
               "seconds", 1, ("seconds",), limit={"seconds": 30}, info=("houses",))
    table.test("restart", f"{len(RESTART_PAUSES)} restarts of the relay's hagw-proxyd, {RESTART_RATE} visitors a second to {arguments.fleet} houses",
               "visitors", 1, ("closed",), limit={"closed": 0}, info=("visitors", "p50 ms", "longest ms"))


def measure(arguments, folder, table):
    declare(table, arguments)
    programs = []
    for name in arguments.programs:
        reason = PROGRAMS[name].missing()
        if reason:
            table.note(f"{name} was left out: {reason}")
        else:
            programs.append(name)
    house = origin(folder)
    try:
        wanted = set(arguments.tests)
        for part, rounds in ((house_tests, arguments.rounds if wanted - FLEET_TESTS else 0),
                             (fleet_tests, 1 if wanted & FLEET_TESTS else 0)):
            for n in range(rounds):
                # Each round begins with another program, so that none always comes first.
                turn = n % max(1, len(programs))
                for name in programs[turn:] + programs[:turn]:
                    print(f"  {name}", file=sys.stderr)
                    try:
                        part(name, arguments, folder, table)
                    except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError) as e:
                        table.note(f"{name}: {str(e).splitlines()[0]}")
    finally:
        house.stop()


def main():
    tests = ["single", "several", "latency", "month", "first", "idle", "comeback", "restart"]
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=3, help="measurements with one house; the median counts (default: %(default)s)")
    p.add_argument("--seconds", type=int, default=6, help="length of a latency measurement (default: %(default)s)")
    p.add_argument("--visits", type=int, default=10, help="new visitors, one after the other (default: %(default)s)")
    p.add_argument("--houses", type=int, nargs="+", default=[1000, 10000], help="idle ones (default: %(default)s)")
    p.add_argument("--fleet", type=int, default=500, help="houses that have to come back (default: %(default)s)")
    p.add_argument("--tests", nargs="+", choices=tests, default=tests)
    p.add_argument("--programs", nargs="+", choices=list(PROGRAMS), default=list(PROGRAMS))
    p.add_argument("--quick", action="store_true", help="once and small, to see that it works; not saved")
    p.add_argument("--no-save", action="store_true", help="only show the table")
    arguments = p.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.visits, arguments.houses, arguments.fleet = 1, 2, 4, [50], 20
    restart_with_one_cipher()
    for program in "curl", "openssl", "nginx":
        if not shutil.which(program):
            print(f"bench_tunnel: skipped, {program} is not installed")
            return 0
    table = Table("tunnel" if arguments.tests == tests else "-".join(["tunnel", *arguments.tests]))
    with tempfile.TemporaryDirectory(prefix="b") as name:
        folder = pathlib.Path(name)
        make_certificate(folder)
        with resolved(folder, ZONE):
            measure(arguments, folder, table)
    print(table.text())
    if not arguments.no_save and not arguments.quick:
        print(f"saved as {table.save(versions()).relative_to(pathlib.Path.cwd())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

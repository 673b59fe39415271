#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A page's cold load over HTTP/2, as the visitor waits for it: 150 files of 1.6 MiB, in the order in which a page finds out about them, on a
connection of its own, over a line with a delay. Use bench/run, which prepares all it needs."""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import h2.settings
from http2 import Http2
from measure import Table
from proxies import PROXIES, upstream, versions, wait_port
from tls import NAME, context, make_certificate, resolved, restart_with_one_cipher

# What each knows of when the one before is there: the page, its scripts, what those import, and what is shown then. Sizes as those of
# Home Assistant's frontend: a few large ones, many small.
LEVELS = ([20_000], [180_000, 120_000, 90_000, 40_000, 12_000], [25_000] * 12 + [9_000] * 32, [16_000] * 12 + [3_500] * 88)


class Visitor(Http2):
    """With a browser's windows."""

    settings = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 6 << 20, h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.HEADER_TABLE_SIZE: 65536}
    window = 15 << 20

    def load(self):
        for i, level in enumerate(LEVELS):
            self.ask_for([f"/load/{i}/{n}" for n in range(len(level))])


def make_files(folder):
    r = random.Random(2)
    for i, level in enumerate(LEVELS):
        (folder / "www" / "load" / str(i)).mkdir(parents=True)
        for n, size in enumerate(level):
            (folder / "www" / "load" / str(i) / str(n)).write_bytes(r.randbytes(size))


def load(ctx, port):
    begin = time.monotonic()
    v = Visitor(ctx, port, wait=False)
    v.load()
    took = time.monotonic() - begin
    v.close()
    if v.statuses != ["200"] * sum(map(len, LEVELS)):
        raise RuntimeError(f"{v.statuses}")
    return {"time": took}


def lines(proxies, milliseconds):
    """A line of its own for each, with half of the delay each way. Returns the processes and the ports."""
    script, processes, ports = pathlib.Path(__file__).parent / "delay.py", [], {}
    for i, p in enumerate(proxies):
        ports[p.name] = 9000 + int(milliseconds) * 10 + i
        processes.append(subprocess.Popen([sys.executable, script, str(ports[p.name]), str(p.port), str(milliseconds / 2)]))
    for port in ports.values():
        wait_port(port)
    return processes, ports


def measure(arguments, folder, table):
    ctx = context(folder)
    origin, processes = upstream(folder), []
    make_files(folder)
    proxies = []
    for i, name in enumerate(arguments.programs):
        missing, start = PROXIES[name]
        if missing():
            table.note(f"{name} was left out: {missing()}")
        else:
            proxies.append(start(folder, 8443 + i))
    try:
        for ms in arguments.delays:
            test = f"{ms} ms"
            table.test(test, f"{sum(map(len, LEVELS))} files of {sum(map(sum, LEVELS)) / (1 << 20):.1f} MiB, {ms} ms of round trip", "ms",
                       1e3, ("time",), {"time": 1.0})
            started, ports = lines(proxies, ms)
            processes += started
            for n in range(arguments.rounds):
                for p in proxies[n % len(proxies):] + proxies[:n % len(proxies)]:
                    table.add(test, p.name, load(ctx, ports[p.name]))
    finally:
        for p in processes:
            p.kill()
            p.wait()
        for p in reversed(proxies):
            p.stop()
        origin.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=9, help="loads of each kind; the median counts (default: %(default)s)")
    p.add_argument("--delays", type=int, nargs="+", default=[0, 20, 100], help="milliseconds of round trip (default: %(default)s)")
    p.add_argument("--programs", nargs="+", choices=list(PROXIES), default=list(PROXIES))
    p.add_argument("--no-save", action="store_true", help="only show the table")
    arguments = p.parse_args()
    restart_with_one_cipher()
    table = Table("load")
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

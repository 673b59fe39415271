#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures of hagw-keyd: how many a second, CPU seconds for one, how long one caller waits; over one and over four connections.
With --binary several programs are compared; their runs take turns, so that a busy machine is busy for all of them."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import machine

BUILD = pathlib.Path(os.environ.get("HAGW_BUILD", machine.ROOT / "build-bench"))
ALGORITHMS = {"ecdsa-p256": "ecdsa_secp256r1_sha256", "ecdsa-p384": "ecdsa_secp384r1_sha384", "rsa-2048": "rsa_pss_rsae_sha256",
              "rsa-4096": "rsa_pss_rsae_sha256"}
CONNECTIONS = (1, 4)


def cpu(pid):
    """The scheduler's nanoseconds: ticks are too coarse for short runs."""
    return sum(int(t.read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def run(daemon, key, scheme, connections, seconds):
    before = cpu(daemon.process.pid)
    r = subprocess.run([BUILD / "bench" / "signing", daemon.path, key, scheme, str(connections), str(seconds)], check=True,
                       capture_output=True, text=True)
    result = json.loads(r.stdout)
    return {"per_second": result["signatures"] / result["seconds"], "p50": result["p50"] * 1e6, "p99": result["p99"] * 1e6,
            "cpu": (cpu(daemon.process.pid) - before) / result["signatures"] * 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", action="append", type=pathlib.Path, help="a folder with hagw-keyd/hagw-keyd (default: the build)")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    frame = machine.load_frame()
    daemons = {}
    with tempfile.TemporaryDirectory() as folder:
        for i, build in enumerate(options.binary or [BUILD]):
            root = pathlib.Path(folder, str(i))
            root.mkdir()
            frame.BUILD = build
            daemons[str(build)] = frame.House(root).daemon("keyd", "io.hagw.Key")
        print(f"{'':10} {'':>5}  {'program':24} {'signatures/s':>12} {'CPU µs':>8} {'p50 µs':>8} {'p99 µs':>8}")
        for algorithm, scheme in ALGORITHMS.items():
            keys = {name: d.call("Generate", purpose="tls", algorithm=algorithm)["key"]["id"] for name, d in daemons.items()}
            for connections in CONNECTIONS:
                results = {name: [] for name in daemons}
                for _ in range(options.runs):
                    for name, d in daemons.items():
                        results[name].append(run(d, keys[name], scheme, connections, options.seconds))
                for name, rows in results.items():
                    m = {k: statistics.median(r[k] for r in rows) for k in rows[0]}
                    print(f"{algorithm:10} {connections:>5}  {name[-24:]:24} {m['per_second']:12.0f} {m['cpu']:8.1f} "
                          f"{m['p50']:8.1f} {m['p99']:8.1f}", flush=True)
        for d in daemons.values():
            d.stop()
            d.close()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every benchmark here is made of: the CPU time and the memory of a set of processes, and rows that are compared.

A unit of work costs user and system CPU seconds. On a machine that also runs the load generator and the upstream, this is the
figure that says what a program costs; requests per second say how the scheduler shared the cores."""

import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

TICK = os.sysconf("SC_CLK_TCK")
RESULTS = pathlib.Path(__file__).parent / "results"


def session_pids(session):
    """All processes of a session (setsid), threads included in each."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.append(int(path.parent.name))
    return found


class Processes:
    """The processes of one or more sessions, seen as one program."""

    def __init__(self, *leaders):
        self.leaders = leaders

    def pids(self):
        return [p for leader in self.leaders for p in session_pids(leader)]

    def cpu(self):
        """(user, system) seconds since the start, of living and of waited-for processes."""
        user = system = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
        return user / TICK, system / TICK

    def pss(self):
        """Proportional set size in bytes: shared pages counted once over all who share them."""
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) * 1024
        return total


def cost(processes, work):
    """Runs work(), which returns how many units it did. Returns {user, system, total} CPU seconds per unit."""
    before = processes.cpu()
    units = work()
    after = processes.cpu()
    assert units > 0, "no work was done"
    user, system = (after[i] - before[i] for i in (0, 1))
    return {"user": user / units, "system": system / units, "total": (user + system) / units, "units": units}


class Table:
    """Measurements by test and program. The ratio is the best peer's figure divided by ours: above 1 hagw is cheaper."""

    def __init__(self, name, ours="hagw"):
        self.name, self.ours = name, ours
        self.tests, self.samples, self.notes = {}, {}, []

    def test(self, test, what, unit, factor, keys, target=None, limit=None, info=(), apart=()):
        """unit is what one figure times factor is counted in; target: least ratio, limit: most of ours in that unit; by key.
        info: figures that are shown, but say how the cores were shared rather than what a program costs.
        apart: programs that are shown, but are no peers, since they do less."""
        self.tests[test] = {"what": what, "unit": unit, "factor": factor, "keys": keys, "target": target or {},
                            "limit": limit or {}, "info": info, "apart": apart}

    def add(self, test, program, sample):
        self.samples.setdefault(test, {}).setdefault(program, []).append(sample)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def medians(self, test):
        keys = (*self.tests[test]["keys"], *self.tests[test]["info"])
        return {program: {k: statistics.median(s[k] for s in samples) for k in keys}
                for program, samples in self.samples.get(test, {}).items()}

    def ratios(self, test):
        m = self.medians(test)
        peers = [p for p in m if p != self.ours and p not in self.tests[test]["apart"]]
        if self.ours not in m or not peers:
            return {}
        return {k: min(m[p][k] for p in peers) / m[self.ours][k] if m[self.ours][k] > 0 else float("inf")
                for k in self.tests[test]["keys"]}

    def text(self):
        lines = []
        for test, spec in self.tests.items():
            m, ratios = self.medians(test), self.ratios(test)
            if not m:
                continue
            lines += ["", f"{spec['what']}: {spec['unit']}", " " * 16 + "".join(f"{k:>12}" for k in (*spec["keys"], *spec["info"]))]
            for program, values in sorted(m.items(), key=lambda item: item[1][spec["keys"][-1]]):
                lines.append(f"  {program:14}" + "".join(f"{values[k] * spec['factor']:12.3f}" for k in spec["keys"]) +
                             "".join(f"{values[k]:12.{0 if values[k] >= 10 else 1}f}" for k in spec["info"]))
            if ratios:
                lines.append(f"  {'best/' + self.ours:14}" + "".join(f"{ratios[k]:12.2f}" for k in spec["keys"]))
            for k, target in spec["target"].items():
                if k in ratios:
                    said = "reached" if ratios[k] >= target else "MISSED"
                    lines.append(f"  target: {k} >= {target:.2f}: {said}")
            for k, limit in spec["limit"].items():
                if self.ours in m:
                    said = "kept" if m[self.ours][k] * spec["factor"] <= limit else "MISSED"
                    lines.append(f"  limit: {k} <= {limit}: {said}")
        return "\n".join(lines + [""] + [f"note: {n}" for n in self.notes])

    def save(self, versions):
        return save(self.name, {"versions": versions, "notes": self.notes,
                                "tests": {t: {**spec, "medians": self.medians(t), "ratios": self.ratios(t),
                                              "samples": self.samples.get(t, {})} for t, spec in self.tests.items()}})


def save(name, result):
    """With what is to be known of this run. Returns the path."""
    machine = {"cpu": cpu_model(), "cores": len(os.sched_getaffinity(0)), "kernel": platform.release()}
    date = datetime.datetime.now(datetime.timezone.utc)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{date:%Y-%m-%d}.json"
    path.write_text(json.dumps({"date": date.isoformat(timespec="seconds"), "commit": commit(), "machine": machine, **result}, indent=1) + "\n")
    return path


def cpu_model():
    found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def commit():
    """Of the checkout, where git is at hand."""
    try:
        return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("HAGW_COMMIT")

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""coverage.py BUILD FLOOR: lines of the programs that ran, by folder, from what a --coverage build left in BUILD. Below FLOOR per
cent of all it fails. A line counts once, however many objects it is compiled into, and as run where one of them ran it."""

import collections
import json
import pathlib
import subprocess
import sys

NEVER_RAN_SHOWN = 10


def objects(build):
    """What was compiled, whether it ran or not."""
    return sorted(p for p in build.rglob("*.gcno") if not p.relative_to(build).parts[0] in ("tests", "bench"))


def lines_of(build, some):
    """(file, line number, how often) of these objects, of our sources alone."""
    said = subprocess.run(["gcov", "--json-format", "--stdout", *some], cwd=build, capture_output=True, text=True)
    if said.returncode != 0:
        sys.exit(f"gcov ended with {said.returncode}: {said.stderr}")
    for report in map(json.loads, said.stdout.splitlines()):
        for file in report["files"]:
            path = pathlib.PurePath(file["file"])
            parts = [p for p in path.parts if p not in ("..", ".")]
            if not path.is_absolute() and parts[0].startswith(("hagw-", "libhagw")):
                for line in file["lines"]:
                    yield "/".join(parts), line["line_number"], line["count"]


def main():
    build, floor = pathlib.Path(sys.argv[1]).resolve(), float(sys.argv[2])
    ran = collections.defaultdict(int)
    found = objects(build)
    for i in range(0, len(found), 100):
        for file, line, count in lines_of(build, found[i:i + 100]):
            ran[file, line] = max(ran[file, line], count)
    if not ran:
        sys.exit(f"{build} holds nothing that was built with --coverage")
    rooms, files = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0])
    for (file, _), count in ran.items():
        for tally in (rooms[str(pathlib.PurePath(file).parent)], files[file], rooms["all"]):
            tally[0] += count > 0
            tally[1] += 1
    print("Most lines that never ran:")
    for file, (yes, of) in sorted(files.items(), key=lambda f: f[1][0] - f[1][1])[:NEVER_RAN_SHOWN]:
        print(f"{file:44} {of - yes:4} of {of}")
    print()
    for room, (yes, of) in sorted(rooms.items(), key=lambda r: (r[0] == "all", r[0])):
        print(f"{room:24} {yes:6} of {of:6} lines  {100 * yes / of:5.1f} %")
    yes, of = rooms["all"]
    return 100 * yes / of < floor


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proves the rooms and floors that dev/rooms.txt draws.
  dev/rooms.py includes         no file includes what a higher room, or one beside it, has, nor of a room with a front anything else
  dev/rooms.py objects FOLDER   nor does any object that was built there call it; and how many call each other in a circle
Says what is wrong, one line each, and ends with 1 where there is any. What is excused stands in dev/rooms-excused.txt,
which may only shrink: an excuse that nobody needs is wrong, too."""

import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CIRCLE_MAX = 4  # objects that may call each other in a circle


def lines(name):
    for line in (ROOT / "dev" / name).read_text().splitlines():
        if words := line.split("#")[0].split():
            yield words


class Room:
    def __init__(self, floor, name, *patterns):
        self.floor, self.name = int(floor), name
        self.patterns = [p for p in patterns if not p.startswith("front=")]
        self.front = next((p.removeprefix("front=") for p in patterns if p.startswith("front=")), None)

    def may_use(self, other):
        return self is other or other.floor < self.floor


def read_rooms():
    return [Room(*words) for words in lines("rooms.txt")]


def room_of(rooms, path):
    """The longest pattern knows best. None: the file is in none of the rooms."""
    found = [(len(p), r) for r in rooms for p in r.patterns if fnmatch.fnmatchcase(path, p)]
    return max(found, key=lambda f: f[0])[1] if found else None


def sources():
    return [p.relative_to(ROOT).as_posix() for folder in ["libhagw", *sorted(d.name for d in ROOT.glob("hagw-*"))]
            for p in sorted((ROOT / folder).glob("**/*.[ch]"))]


def compare(kind, found, wrong):
    """What was found against what is excused."""
    excused = {tuple(words[1:]) for words in lines("rooms-excused.txt") if words[0] == kind}
    wrong += [f"{kind} {' '.join(f)}: an arrow that points up or sideways, or past a front" for f in sorted(found - excused)]
    wrong += [f"{kind} {' '.join(f)}: excused, and not so any more: take the line out of dev/rooms-excused.txt"
              for f in sorted(excused - found)]


def check_includes():
    rooms, found, wrong = read_rooms(), set(), []
    for path in sources():
        room = room_of(rooms, path)
        if not room:
            if path.startswith("hagw-proxyd/"):
                wrong.append(f"{path}: in no room of dev/rooms.txt")
            continue
        for header in re.findall(r'^#include "([^"]+)"', (ROOT / path).read_text(), re.M):
            other = room_of(rooms, header)
            if (ROOT / header).exists() and (not other or not room.may_use(other) or
                                             (other is not room and other.front not in (None, header))):
                found.add((path, header))
    compare("include", found, wrong)
    return wrong


def read_objects(folder):
    """Each source's object: what it defines and what it wants. One that several programs have is taken once."""
    objects, known = {}, {re.sub(r"\.c$", "", p) for p in sources() if p.endswith(".c")}
    built = sorted(p for p in pathlib.Path(folder).glob("**/*.o") if p.relative_to(folder).parts[0].startswith(("hagw-", "libhagw")))
    listing = subprocess.run(["nm", "-A", *built], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        path, _, rest = line.partition(":")
        path = pathlib.Path(path).relative_to(folder)
        name = path.with_suffix("").as_posix()
        if name not in known:
            name = (path.parent / re.sub(r"^[A-Za-z0-9_]+?-", "", path.stem)).as_posix()
        if name not in known:
            continue  # generated
        kind, symbol = rest.split()[-2:]
        defined, wanted = objects.setdefault(name, (set(), set()))
        if kind in "Uw":
            wanted.add(symbol)
        elif kind in "TDBRCV":
            defined.add(symbol)
    return objects


def calls(objects):
    home = {}
    for name, (defined, _) in objects.items():
        for symbol in defined:
            home.setdefault(symbol, []).append(name)
    graph = {}
    for name, (defined, wanted) in objects.items():
        graph[name] = {h[0] for s in wanted - defined if len(h := home.get(s, [])) == 1} - {name}
    return graph


def circles(graph):
    """Its strongly connected components, by Tarjan."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(graph[v]):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            found.append(sorted(stack[stack.index(v):]))
            del stack[stack.index(v):]

    sys.setrecursionlimit(10000)
    for v in sorted(graph):
        if v not in index:
            visit(v)
    return found


def check_objects(folder):
    rooms, found, wrong = read_rooms(), set(), []
    objects = read_objects(folder)
    if len(objects) < 100:
        return [f"{folder}: {len(objects)} objects only: is it built?"]
    graph = calls(objects)
    for name, others in graph.items():
        for other in others:
            a, b = room_of(rooms, f"{name}.c"), room_of(rooms, f"{other}.c")
            if a and b and not a.may_use(b):
                found.add((name, other))
    compare("call", found, wrong)
    excused = {words[1]: int(words[2]) for words in lines("rooms-excused.txt") if words[0] == "circle"}
    largest = {}
    for circle in circles(graph):
        program = circle[0].split("/")[0]
        if len(circle) > max(CIRCLE_MAX, len(largest.get(program, []))):
            largest[program] = circle
    for program in sorted(excused.keys() | largest.keys()):
        n, most = len(largest.get(program, [])), excused.get(program, CIRCLE_MAX)
        if n > most:
            wrong.append(f"circle {program} {n}: so many objects call each other in a circle, where {most} may: "
                         + " ".join(pathlib.Path(o).name for o in largest[program]))
        elif n < most and program in excused:
            wrong.append(f"circle {program} {most}: there are but {n or CIRCLE_MAX}: write the smaller number")
    return wrong


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["includes"]:
            wrong = check_includes()
        case ["objects", folder]:
            wrong = check_objects(folder)
        case _:
            sys.exit(__doc__)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)

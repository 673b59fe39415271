# SPDX-License-Identifier: LGPL-2.1-or-later
"""dev/rooms.py finds an arrow that points up or sideways, a circle, and an excuse that nobody needs."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "dev"))
import rooms  # noqa: E402

ROOMS = ("1 pure libhagw/pure/*\n2 wire hagw-proxyd/wire/*\n2 net libhagw/net/*\n3 crew hagw-proxyd/crew/*\n"
         "4 relay hagw-proxyd/relay/* front=hagw-proxyd/relay/relay.h\n5 main hagw-proxyd/main/*\n")
TREE = {"libhagw/pure/a.h": [], "libhagw/net/b.h": ["libhagw/pure/a.h"], "hagw-proxyd/wire/c.h": ["libhagw/pure/a.h"],
        "hagw-proxyd/crew/d.c": ["hagw-proxyd/wire/c.h", "libhagw/net/b.h"]}


def run(folder, more, excused=""):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dev").mkdir(parents=True)
    shutil.copy(ROOT / "dev/rooms.py", folder / "dev")
    (folder / "dev/rooms.txt").write_text(ROOMS)
    (folder / "dev/rooms-excused.txt").write_text(excused)
    for name, headers in {**TREE, **more}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(f'#include "{h}"\n' for h in headers))
    done = subprocess.run([sys.executable, folder / "dev/rooms.py", "includes"], capture_output=True, text=True)
    assert done.stderr == "" and done.returncode == (done.stdout != "")
    return done.stdout


UP = {"hagw-proxyd/wire/c.h": ["hagw-proxyd/crew/e.h"], "hagw-proxyd/crew/e.h": []}


def test_as_drawn(tmp_path):
    assert run(tmp_path / "t", {}) == ""
    assert run(tmp_path / "t", {"hagw-proxyd/main/m.c": ["hagw-proxyd/relay/relay.h"], "hagw-proxyd/relay/relay.h": ["hagw-proxyd/relay/inner.h"],
                                "hagw-proxyd/relay/inner.h": []}) == ""


@pytest.mark.parametrize("more,found", [
    (UP, "include hagw-proxyd/wire/c.h hagw-proxyd/crew/e.h: an arrow that points up or sideways, or past a front\n"),
    ({"libhagw/net/b.h": ["hagw-proxyd/wire/c.h"]}, "include libhagw/net/b.h hagw-proxyd/wire/c.h: an arrow that points up or sideways, or past a front\n"),
    ({"hagw-proxyd/main/m.c": ["hagw-proxyd/relay/inner.h"], "hagw-proxyd/relay/inner.h": []},
     "include hagw-proxyd/main/m.c hagw-proxyd/relay/inner.h: an arrow that points up or sideways, or past a front\n"),
    ({"hagw-proxyd/new.c": []}, "hagw-proxyd/new.c: in no room of dev/rooms.txt\n"),
])
def test_not_as_drawn(tmp_path, more, found):
    assert run(tmp_path / "t", more) == found


def test_excuses(tmp_path):
    excuse = "include hagw-proxyd/wire/c.h hagw-proxyd/crew/e.h\n"
    assert run(tmp_path / "t", UP, excuse) == ""
    assert "take the line out" in run(tmp_path / "t", {}, excuse)


def test_circles():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(rooms.circles(graph)) == [["a", "b", "c"], ["d", "e"], ["f"]]

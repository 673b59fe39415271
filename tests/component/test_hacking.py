# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the papers for the next person say is so: the recipe runs, the tests that are named exist, the versions are one."""

import contextlib
import fnmatch
import json
import os
import re
import signal
import subprocess

import pytest
from conftest import BUILD, ROOT

TESTS = re.findall(r"(?:system/)?test_\w+\.py(?:::test_\w+)?", (ROOT / "SECURITY.md").read_text())


def test_one_daemon_by_hand(tmp_path):
    recipe = re.search(r"## One daemon by hand\n.*?```sh\n(.*?)```", (ROOT / "HACKING.md").read_text(), re.S)[1]
    assert "/tmp/hagw" in recipe and ".cache/check/build-gcc/" in recipe
    recipe = recipe.replace("/tmp/hagw", str(tmp_path)).replace(".cache/check/build-gcc", str(BUILD))
    person = subprocess.Popen(["sh", "-ec", recipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = person.communicate(timeout=120)
        assert person.returncode == 0, err
        assert "203.0.113.10" in json.dumps(json.loads(out))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(person.pid, signal.SIGTERM)  # a recipe that broke off left its daemon


@pytest.mark.parametrize("name", sorted(set(TESTS)))
def test_what_shows_it_exists(name):
    path, _, function = name.partition("::")
    text = (ROOT / "tests" / (path if "/" in path else f"component/{path}")).read_text()
    assert not function or re.search(rf"^def {function}\(", text, re.M)


def test_each_row_is_shown():
    rows = [r for r in (ROOT / "SECURITY.md").read_text().split("\n") if r.startswith("|")][2:]
    assert len(rows) > 20
    assert len([r for r in rows if "test_" not in r]) == 1  # what nothing stops, and is said


ROOMS = sorted(str(p.parent.relative_to(ROOT)) for f in ("hagw-*", "libhagw") for p in ROOT.glob(f"{f}/**/README.md"))


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_have_what_their_readme_names(room):
    names = re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", (ROOT / room / "README.md").read_text(), re.M)))
    there = {p.stem for p in (ROOT / room).glob("**/*.[ch]")} | {f"{p.name}/" for p in (ROOT / room).iterdir() if p.is_dir()}
    assert names and not [n for n in names if not fnmatch.filter(there, n)]


def test_each_room_has_one():
    rooms = {p.parent.name for p in ROOT.glob("hagw-*/Makefile.inc")} | {"libhagw"}
    assert len(rooms) == 11 and all((ROOT / r / "README.md").exists() for r in rooms)
    table = [w for line in (ROOT / "dev/rooms.txt").read_text().splitlines() if not line.startswith("#") for w in line.split()[2:]]
    table, fronts = [w for w in table if "=" not in w], [w.partition("=") for w in table if "=" in w]
    assert all(key == "front" and (ROOT / header).exists() for key, _, header in fronts)
    assert len(table) > 10 and {w.removesuffix("/*") for w in table} - {"libhagw/pure"} <= set(ROOMS)


def test_versions():
    said = {"configure.ac": r"AC_INIT\(\[hagw\], \[([^]]*)\]", "debian/changelog": r"^hagw \(([^)]*)\)", "rpm/hagw.spec": r"^Version: *(\S+)",
            "NEWS": r"^hagw (\S+)"}
    found = {path: re.search(pattern, (ROOT / path).read_text(), re.M)[1] for path, pattern in said.items()}
    assert len(set(found.values())) == 1, found

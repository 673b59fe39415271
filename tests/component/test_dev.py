# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scripts in dev/, as far as they go without making anything."""

import fcntl
import os
import subprocess

import pytest

from conftest import ROOT


@pytest.mark.parametrize("words,known", [
    (["box", "rnu"], "run shell make remove"), (["lab", "ups"], "up down status"), (["deb-build", "--froce"], "--force"),
    (["demo", "--kepe"], "--keep"), (["check", "unti"], "unit"),
])
def test_mistyped_words_are_named(words, known):
    r = subprocess.run([ROOT / "dev" / words[0], words[1]], capture_output=True, text=True, timeout=60)
    assert r.returncode != 0 and f"'{words[1]}'" in r.stderr
    assert all(w in r.stderr for w in known.split()), r.stderr


@pytest.mark.parametrize("script", ["box", "lab", "deb-build", "demo", "check"])
def test_help(script):
    r = subprocess.run([ROOT / "dev" / script, "--help"], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0 and f"dev/{script}" in r.stdout and "set -" not in r.stdout


def test_two_deb_builds_do_not_meet():
    (ROOT / ".cache").mkdir(exist_ok=True)
    with open(ROOT / ".cache" / "debs.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = subprocess.Popen([ROOT / "dev" / "deb-build"], stderr=subprocess.PIPE, text=True)
        assert "waiting" in p.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            p.wait(0.5)
        p.kill()
        p.wait()
        p.stderr.close()


def test_coverage_counts_each_line_once_and_has_a_floor(tmp_path):
    (tmp_path / "hagw-x").mkdir()
    (tmp_path / "hagw-x" / "x.c").write_text("int half(int n) {\n        if (n > 1)\n                return n / 2;\n        return 0;\n}\n\n"
                                             "int main(void) {\n        return half(1);\n}\n")
    build = tmp_path / "build"
    build.mkdir()
    for program in ("one", "two"):  # the same source in two objects, of which one is never run
        subprocess.run(["gcc", "--coverage", "-O0", "-c", "../hagw-x/x.c", "-o", f"{program}.o"], cwd=build, check=True)
        subprocess.run(["gcc", "--coverage", f"{program}.o", "-o", program], cwd=build, check=True)
    subprocess.run([build / "one"], check=True)
    for floor, status in (("83", 0), ("84", 1)):
        r = subprocess.run(["python3", ROOT / "dev" / "coverage.py", build, floor], capture_output=True, text=True, timeout=60)
        assert r.returncode == status and r.stdout.splitlines()[-1].split() == "all 5 of 6 lines 83.3 %".split(), r.stdout + r.stderr
    r = subprocess.run(["python3", ROOT / "dev" / "coverage.py", tmp_path / "hagw-x", "1"], capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and "--coverage" in r.stderr


def test_what_is_next_is_the_last_line_of_a_first_installation():
    """Nothing is enabled by it; an upgrade, and a root elsewhere, say nothing."""
    def said(*words, **env):
        r = subprocess.run(["sh", ROOT / "debian" / "hagw.postinst", *words], text=True, capture_output=True, env={"PATH": os.environ["PATH"], **env})
        assert r.returncode == 0 and not r.stderr, r
        return r.stdout
    line = said("configure").splitlines()[-1]
    assert "hagw-ctl setup" in line and f"echo '{line}'" in (ROOT / "rpm" / "hagw.spec").read_text()
    assert said("configure", DPKG_ROOT="/x") == said("configure", "0.0.1", DPKG_ROOT="/x") == said("abort-remove") == ""

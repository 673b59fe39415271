# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench/plot: the picture of docs/performance.md shows what was measured, and nothing else."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

from conftest import ROOT

SVG = "{http://www.w3.org/2000/svg}"


def plot(*arguments):
    return subprocess.run([sys.executable, ROOT / "bench" / "plot", *arguments], capture_output=True, text=True, timeout=60)


def draw(tmp_path, rows):
    result, picture = tmp_path / "result.json", tmp_path / "picture.svg"
    result.write_text(json.dumps({"rows": rows}))
    r = plot(result, picture)
    assert r.returncode == 0, r.stderr
    return ET.parse(picture).getroot()


def points(line):
    return [tuple(float(v) for v in p.split(",")) for p in line.get("points").split()]


def test_both_axes_are_logarithmic(tmp_path):
    """What grows linearly lies on the dashed line, what does not grow is level, and each point stands there in figures."""
    svg = draw(tmp_path, {"work, by hosts": {"unit": "µs", "least": {"1": 3.0, "10": 30.0, "100": 300.0}},
                          "other work, by hosts": {"unit": "ms", "least": {"1": 5.0, "1000": 5.0}},
                          "measured once": {"unit": "ms", "least": {"1": 7.0}}})
    linear, level = (points(line) for line in svg.findall(f"{SVG}polyline"))
    guide = next(line for line in svg.findall(f"{SVG}line") if line.get("class") == "linear")
    a, b = (float(guide.get("x1")), float(guide.get("y1"))), (float(guide.get("x2")), float(guide.get("y2")))
    for x, y in linear:
        assert abs((y - a[1]) * (b[0] - a[0]) - (x - a[0]) * (b[1] - a[1])) < 0.5 * (b[0] - a[0])
    assert level[0][1] == level[1][1] and level[0][0] < level[1][0]
    texts = [t.text for t in svg.findall(f"{SVG}text")]
    assert {"3", "30", "300", "5"} <= set(texts) and "7" not in texts
    assert "work, by hosts: µs" in texts


def test_the_picture_is_of_the_newest_result(tmp_path):
    newest = sorted((ROOT / "bench" / "results").glob("growth-*.json"))[-1]
    r = plot(newest, tmp_path / "growth.svg")
    assert r.returncode == 0, r.stderr
    assert (tmp_path / "growth.svg").read_text() == (ROOT / "docs" / "growth.svg").read_text(), "bench/plot draws it anew"

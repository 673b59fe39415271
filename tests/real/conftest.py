# SPDX-License-Identifier: LGPL-2.1-or-later
"""The component tests' houses and daemons, here too."""

import importlib.util
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
PARTS = TESTS.parent / ".cache/real"
sys.path += [str(TESTS / "component"), str(TESTS / "system")]

# Both files are called conftest; what tests import from there is that of the component tests.
spec = importlib.util.spec_from_file_location("conftest_of_component", TESTS / "component/conftest.py")
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
globals().update({k: v for k, v in vars(shared).items() if not k.startswith("__")})


def part(name, pattern):
    """The file that tests/real/run fetched, or the test is skipped."""
    found = sorted((PARTS / name).glob(pattern))
    if not found:
        missing = PARTS / name / "missing"
        pytest.skip(missing.read_text().strip() if missing.exists() else f"{name} is not there: tests/real/run fetches it")
    return found[-1]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes docs/login.png of the real page, in Chromium: docs/make-login-picture runs it."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests" / "component"), str(ROOT / "tests" / "system")]
from chromium import chromium  # noqa: E402
from conftest import house  # noqa: E402, F401 (fixture)
from proxyhouse import HOST  # noqa: E402
from test_pages import Pages  # noqa: E402


@pytest.fixture
def door(house):  # noqa: F811
    d = Pages(house)
    yield d
    d.close()


def test_picture(door):
    flags = ("--ignore-certificate-errors", "--hide-scrollbars", f"--host-resolver-rules=MAP *.home.example.com 127.0.0.1:{door.port}")
    with chromium(*flags) as driver:
        driver.set_window_size(560, 860)
        driver.get(f"https://{HOST}/")
        assert "login" in driver.current_url
        (ROOT / "docs" / "login.png").write_bytes(driver.get_screenshot_as_png())

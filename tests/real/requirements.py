#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what Home Assistant would install when it starts: what its default integrations and those named, with all they depend
on, and its login ask for. Runs where the package homeassistant is installed.

requirements.py [INTEGRATION…]"""

import json
import pathlib
import sys

import homeassistant
from homeassistant.auth.mfa_modules import totp
from homeassistant.bootstrap import CORE_INTEGRATIONS, DEFAULT_INTEGRATIONS, LOGGING_AND_HTTP_DEPS_INTEGRATIONS

# What the first owner gets with the house.
FIRST = ("google_translate", "met", "radio_browser", "shopping_list")
COMPONENTS = pathlib.Path(homeassistant.__file__).parent / "components"


def main(names):
    wanted, seen = set(totp.REQUIREMENTS), set()
    left = [*CORE_INTEGRATIONS, *DEFAULT_INTEGRATIONS, *LOGGING_AND_HTTP_DEPS_INTEGRATIONS - {"sentry"}, *FIRST, *names]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            manifest = json.loads((COMPONENTS / name / "manifest.json").read_text())
            # Modules import those, too, after which they only start.
            left += manifest.get("dependencies", []) + manifest.get("after_dependencies", [])
            wanted |= set(manifest.get("requirements", []))
    print("\n".join(sorted(wanted)))


if __name__ == "__main__":
    main(sys.argv[1:])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate authority for the tests: RFC 8555 with RFC 8657, 8659 (CAA), 9773 (ARI) and profiles, judging as the public ones do.

    authority = Authority(folder, servers={"home.example.com": ("127.0.0.1", 5353)})
    ... authority.directory, authority.root ...
    authority.settings.faults.append(Fault("newOrder", 429, "rateLimited", retry_after=3600))
    authority.stop()

Modules are nouns: settings, problem, jose, view (of DNS), caa, validation, pki, model (accounts, orders), server (the HTTP around it).
`python3 -m authority FOLDER SETTINGS.json` runs one by itself."""

from .server import Authority
from .settings import Fault, Profile, Settings

__all__ = ["Authority", "Fault", "Profile", "Settings"]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3 -m authority FOLDER SETTINGS.json: runs until it is ended; its root is FOLDER/authority-root.pem. SIGHUP reads the
settings anew, so that a test can switch faults on."""

import json
import pathlib
import signal
import sys

from . import Authority
from .settings import from_json


def main():
    folder, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    signals = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    authority = Authority(folder, from_json(json.loads(path.read_text())))
    print(authority.directory, flush=True)
    while signal.sigwait(signals) == signal.SIGHUP:
        authority.settings.__dict__.update(from_json(json.loads(path.read_text())).__dict__)
    authority.stop()


main()

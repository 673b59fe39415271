# SPDX-License-Identifier: LGPL-2.1-or-later
"""A visitor's line: a network of his own behind a cable of a given rate. Bytes come to him evenly, as on a real one. A program that
only pauses when it has read too much takes them in bursts at full speed, and whoever measures beside it measures those."""

import contextlib
import json
import subprocess
import time

HERE, THERE = "198.51.100.1", "198.51.100.2"


def sh(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Line:
    """rate: bits per second towards the visitor, with all headers. Needs a network namespace that is ours."""

    host = HERE  # where the visitor finds the relay

    def __init__(self, rate):
        self.rate = rate

    def __enter__(self):
        # A namespace lives as long as a process in it; cat ends with us.
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self.wait_namespace()
            sh("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(self.holder.pid))
            sh("ip", "addr", "add", f"{HERE}/24", "dev", "near")
            sh("ip", "link", "set", "near", "up")
            sh("tc", "qdisc", "add", "dev", "near", "root", "tbf", "rate", f"{self.rate}bit", "burst", "128kb", "latency", "20ms")
            for command in (["addr", "add", f"{THERE}/24", "dev", "far"], ["link", "set", "far", "up"]):
                sh(*self.beyond("ip", *command))
            stack.pop_all()
        return self

    def wait_namespace(self):
        """unshare(1) has to have become cat first, or it would be our own network."""
        deadline = time.monotonic() + 10
        while open(f"/proc/{self.holder.pid}/comm").read().strip() != "cat":
            if time.monotonic() > deadline or self.holder.poll() is not None:
                raise RuntimeError("no network namespace for the visitor's line")
            time.sleep(0.01)

    def beyond(self, *command):
        """The command, at the visitor's end."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *command]

    def sent(self):
        """Bytes to the visitor so far, with all headers."""
        shown = sh("ip", "-json", "-stats", "link", "show", "dev", "near")
        return json.loads(shown)[0]["stats64"]["tx"]["bytes"]

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(10)

    def __exit__(self, *_):
        self.close()  # and with its namespace goes the cable

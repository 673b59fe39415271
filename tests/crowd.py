# SPDX-License-Identifier: LGPL-2.1-or-later
"""New visitors, so many a second, while something happens to who serves them."""

import collections
import http.client
import ssl
import threading
import time


class Crowd:
    """Each with one request on a connection of his own, which visit() makes; what became of them is counted."""

    good = 200

    def __init__(self, per_second):
        self.pause = 1 / per_second
        self.results, self.threads, self.over = collections.Counter(), [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def visit(self):
        """Returns the status."""
        raise NotImplementedError

    def come(self):
        try:
            result = self.visit()
        except (OSError, ssl.SSLError, http.client.HTTPException, ValueError, IndexError, AssertionError) as e:
            result = f"{type(e).__name__}: {e}"
        self.results[result] += 1

    def run(self):
        while not self.over.wait(self.pause):
            self.threads.append(threading.Thread(target=self.come))
            self.threads[-1].start()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for t in self.threads:
            t.join(60)

    def served(self, more):
        """Waits until so many more were served, or one was not."""
        end, wanted = time.monotonic() + 60, self.results[self.good] + more
        while self.results[self.good] < wanted and set(self.results) <= {self.good}:
            assert time.monotonic() < end, self.results
            time.sleep(0.02)

    def came(self, more):
        """Waits until so many more are there, served or not."""
        end, wanted = time.monotonic() + 60, len(self.threads) + more
        while len(self.threads) < wanted:
            assert time.monotonic() < end
            time.sleep(0.02)

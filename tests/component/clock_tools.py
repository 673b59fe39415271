# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clock of a daemon's own, which a test sets while the daemon runs: CLOCK_REALTIME as its libraries read it. What the kernel waits for
(timers of the wall clock) goes by the machine's, as it does for a while on a machine whose clock was set."""

import mmap
import os
import shutil
import struct
import subprocess

import pytest

SOURCE = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile long long *ahead;

__attribute__((constructor)) static void begin(void) {
        int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);

        ahead = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *t) {
        int r = syscall(SYS_clock_gettime, clock, t);

        if (r == 0 && clock == CLOCK_REALTIME && ahead && ahead != MAP_FAILED)
                t->tv_sec += *ahead;
        return r;
}
"""


class Clock:
    """env is what the daemon starts with."""

    def __init__(self, folder):
        if not shutil.which("gcc"):
            pytest.skip("gcc is not installed")
        library, path = folder / "clock.so", folder / "ahead"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", library], input=SOURCE, text=True, check=True)
        path.write_bytes(bytes(8))
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 8)
        sanitizers = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(path), "ASAN_OPTIONS": sanitizers}

    def set(self, ahead):
        """Seconds that it is ahead of the machine's."""
        self.memory[:] = struct.pack("=q", int(ahead))

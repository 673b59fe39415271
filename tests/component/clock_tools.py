# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clocks of a daemon's own, which a test sets while the daemon runs: CLOCK_REALTIME as its libraries read it, and CLOCK_MONOTONIC as its
own code does, which stands still until the test moves it, however long the machine takes for what the test does. What the kernel waits
for (timers) goes by the machine's, as it does for a while on a machine whose clock was set."""

import atexit
import functools
import mmap
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import pytest

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile long long *ahead; /* of CLOCK_REALTIME, of CLOCK_MONOTONIC */
static uintptr_t first, end;      /* the program itself */
static struct timespec stopped;   /* when it first asked; 0: its clock goes on */

static int find_program(struct dl_phdr_info *i, size_t size, void *userdata) {
        for (int n = 0; n < i->dlpi_phnum; n++)
                if (i->dlpi_phdr[n].p_type == PT_LOAD && i->dlpi_phdr[n].p_flags & PF_X) {
                        first = i->dlpi_addr + i->dlpi_phdr[n].p_vaddr;
                        end = first + i->dlpi_phdr[n].p_memsz;
                }
        return 1; /* the first is the program */
}

__attribute__((constructor)) static void begin(void) {
        int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);

        ahead = mmap(NULL, 2 * sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        if (getenv("CLOCK_STILL")) {
                syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &stopped);
                dl_iterate_phdr(find_program, NULL);
        }
}

int clock_gettime(clockid_t clock, struct timespec *t) {
        const uintptr_t caller = (uintptr_t) __builtin_return_address(0);
        int r = syscall(SYS_clock_gettime, clock, t);

        if (r < 0 || !ahead || ahead == MAP_FAILED)
                return r;
        if (clock == CLOCK_REALTIME)
                t->tv_sec += ahead[0];
        else if (clock == CLOCK_MONOTONIC && caller >= first && caller < end) {
                *t = stopped;
                t->tv_sec += ahead[1];
        }
        return r;
}
"""


@functools.cache
def library():
    """Made once for all tests."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    path = pathlib.Path(tempfile.mkdtemp(prefix="hagw-clock-")) / "clock.so"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    path.parent.chmod(0o755)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", path], input=SOURCE, text=True, check=True)
    return path


class Clock:
    """env is what the daemon starts with. still: CLOCK_MONOTONIC stands still for its own code."""

    def __init__(self, folder, still=False):
        path = folder / "ahead"
        path.write_bytes(bytes(16))
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 16)
        sanitizers = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": str(library()), "CLOCK_AHEAD": str(path), "ASAN_OPTIONS": sanitizers,
                    **({"CLOCK_STILL": "1"} if still else {})}

    def set(self, ahead):
        """Seconds that CLOCK_REALTIME is ahead of the machine's."""
        self.memory[:8] = struct.pack("=q", int(ahead))

    def forward(self, seconds):
        """Moves CLOCK_MONOTONIC, where it stands still."""
        now, = struct.unpack("=q", self.memory[8:])
        self.memory[8:] = struct.pack("=q", now + int(seconds))

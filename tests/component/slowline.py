# SPDX-License-Identifier: LGPL-2.1-or-later
"""A line with a rate and a delay, for kernels without netem: two TUN devices, one here and one in a network of its own, and
between them a thread that lets packets wait. Needs root."""

import collections
import contextlib
import fcntl
import multiprocessing
import os
import select
import struct
import subprocess
import threading
import time
from multiprocessing.reduction import recv_handle, send_handle

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
HERE, THERE, MTU = "10.254.7.1", "10.254.7.2", 9000


def open_tun(name, own, other):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    for command in (f"ip address add {own} peer {other} dev {name}", f"ip link set {name} mtu {MTU} txqueuelen 5000 up"):
        subprocess.run(command.split(), check=True)
    return fd


class Way:
    """One direction. A packet leaves when those before it have left at the line's rate, and arrives a delay later."""

    def __init__(self, source, target, delay, rate):
        self.source, self.target, self.delay, self.rate = source, target, delay, rate
        self.packets, self.free = collections.deque(), 0.0

    def take(self, now):
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(self.source, MTU + 64)
                self.free = max(self.free, now) + len(packet) * 8 / self.rate
                self.packets.append((self.free + self.delay, packet))

    def give(self, now):
        while self.packets and self.packets[0][0] <= now:
            with contextlib.suppress(OSError):
                os.write(self.target, self.packets.popleft()[1])

    def due(self):
        return self.packets[0][0] if self.packets else float("inf")


class SlowLine(threading.Thread):
    """run(function, *arguments) calls a function at the far end, in a process of its own; the near end is HERE."""

    def __init__(self, delay=0.05, rate=100e6):
        super().__init__(daemon=True)
        self.near, child = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=self.far, args=(child,), daemon=True)
        self.process.start()
        there = recv_handle(self.near)
        here = open_tun("slow-here", HERE, THERE)
        self.ends = [here, there]
        self.ways = [Way(here, there, delay, rate), Way(there, here, delay, rate)]
        self.stopping = False
        self.start()

    @staticmethod
    def far(pipe):
        os.unshare(os.CLONE_NEWNET)
        subprocess.run("ip link set lo up".split(), check=True)
        send_handle(pipe, open_tun("slow-there", THERE, HERE), os.getppid())
        while True:
            function, arguments = pipe.recv()
            pipe.send(function(*arguments))

    def call(self, function, *arguments):
        self.near.send((function, arguments))

    def result(self, timeout=60):
        assert self.near.poll(timeout), "the far end does not come to an end"
        return self.near.recv()

    def run(self):
        while not self.stopping:
            now = time.monotonic()
            wait = min(way.due() for way in self.ways) - now
            ready, _, _ = select.select(self.ends, [], [], min(max(wait, 0), 0.2))
            now = time.monotonic()
            for way in self.ways:
                if way.source in ready:
                    way.take(now)
                way.give(now)

    def close(self):
        self.stopping = True
        self.process.kill()
        self.join(5)
        for fd in self.ends:
            os.close(fd)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that does not answer, or a thread that has no turn: the daemon's fsync(2), or another system call, waits in the kernel until the
test lets it go (seccomp's user notification, seccomp_unotify(2)). Run as a program it is a wrapper: it hands the listener to the test
and becomes the command behind it."""

import array
import contextlib
import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import threading

SECCOMP, NUMBERS = {"x86_64": (317, {"fsync": 74, "recvfrom": 45}), "aarch64": (277, {"fsync": 82, "recvfrom": 207})}[platform.machine()]
NOTIF_RECV, NOTIF_SEND, CONTINUE = 0xC0502100, 0xC0182101, 1


class Hold:
    """Wrapper and listener: start a daemon with wrapper=hold.wrapper, then hold() it. thread: the name of the only one that is held."""

    def __init__(self, folder, call="fsync", thread=None):
        path = folder / "seccomp"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.wrapper = [sys.executable, "-B", __file__, path, str(NUMBERS[call])]
        self.thread = thread
        self.fd, self.open = None, threading.Event()
        self.open.set()  # until it is told to hold, everything passes
        self.held = threading.Semaphore(0)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            _, messages, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4))
            fds = array.array("i")
            fds.frombytes(messages[0][2][:4])
            threading.Thread(target=self.listen, args=(fds[0],), daemon=True).start()

    def listen(self, fd):
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not poll.poll()[0][1] & select.POLLHUP:
            request = bytearray(80)
            try:
                fcntl.ioctl(fd, NOTIF_RECV, request)
                number, caller = struct.unpack_from("=QI", request)
                if self.is_held(caller):
                    self.held.release()
                    threading.Thread(target=self.answer, args=(fd, number), daemon=True).start()
                else:
                    self.answer(fd, number, at_once=True)
            except OSError:
                pass  # whoever called was killed
        os.close(fd)

    def is_held(self, caller):
        if self.open.is_set() or not self.thread:
            return not self.open.is_set()
        with open(f"/proc/{caller}/comm") as f:
            return f.read().strip() == self.thread

    def answer(self, fd, number, at_once=False):
        if not at_once:
            self.open.wait()
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, NOTIF_SEND, bytearray(struct.pack("=QqiI", number, 0, 0, CONTINUE)))

    def hold(self):
        self.open.clear()

    def wait_until_held(self):
        assert self.held.acquire(timeout=30), "nothing was written"

    def release(self):
        self.open.set()

    def close(self):
        self.release()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def main():
    path, number, *command = sys.argv[1:]

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    # Load the system call's number; that one: ask the listener; all others: allow.
    lines = struct.pack("=" + "HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, int(number), 0x06, 0, 0, 0x7FC00000, 0x06, 0, 0, 0x7FFF0000)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SECCOMP, 1, 8, ctypes.byref(Program(4, lines)))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    os.close(fd)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()

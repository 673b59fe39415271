# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that does not answer: the daemon's fsync(2) waits in the kernel until the test lets it go (seccomp's user notification,
seccomp_unotify(2)). Run as a program it is a wrapper: it hands the listener to the test and becomes the command behind it."""

import array
import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import threading

SECCOMP, FSYNC = {"x86_64": (317, 74), "aarch64": (277, 82)}[platform.machine()]
NOTIF_RECV, NOTIF_SEND, CONTINUE = 0xC0502100, 0xC0182101, 1


class Hold:
    """Wrapper and listener: start a daemon with wrapper=hold.wrapper, then take() it."""

    def __init__(self, folder):
        path = folder / "seccomp"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.wrapper = [sys.executable, "-B", __file__, path]
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
                if not self.open.is_set():
                    self.held.release()
                    self.open.wait()
                fcntl.ioctl(fd, NOTIF_SEND, bytearray(struct.pack("=QqiI", struct.unpack_from("=Q", request)[0], 0, 0, CONTINUE)))
            except OSError:
                pass  # whoever called was killed
        os.close(fd)

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
    path, *command = sys.argv[1:]

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    # Load the system call's number; fsync: ask the listener; all others: allow.
    lines = struct.pack("=" + "HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, FSYNC, 0x06, 0, 0, 0x7FC00000, 0x06, 0, 0, 0x7FFF0000)
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

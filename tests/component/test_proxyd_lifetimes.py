# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd when things end earlier, later or more often than they should; most of it shows under AddressSanitizer."""

import ctypes
import os
import pathlib
import signal
import socket
import threading
import time

import pytest
from proxyhouse import HOST, Head, ProxyHouse
from test_proxyd_attack import make, opened, status  # noqa: F401 (fixtures)


def test_failure_after_the_head_is_let_go(make):  # noqa: F811
    """The head's buffer is given back as soon as a request with a body is on its way; the page that tells of the failure
    still knows what the visitor reads."""
    def serve(upstream, s, f):
        Head(f)
        s.shutdown(socket.SHUT_RDWR)

    home = make(serve, main='proxy: { head_size = "256K"; header_count = 1000; };')
    large = b"".join(b"X-Pad-%d: " % i + b"x" * 1000 + b"\r\n" for i in range(100))
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nContent-Length: 5\r\n".encode()
    for pad in (b"", large):
        got, _ = home.ask(head + pad + b"\r\n", pause=5)
        assert status(got) == 502 and got.endswith(b"</html>\n"), got[:300]
    home.assert_well()


def test_more_workers_than_keyd_takes_connections(make):  # noqa: F811
    """Each visitor is another worker's, for those before are waiting for their signature."""
    home = make(main="proxy: { workers = 24; };")
    served = []

    def visit():
        with home.tls() as s:
            served.append(s.version())

    visitors = [threading.Thread(target=visit, daemon=True) for _ in range(24)]
    home.keyd.process.send_signal(signal.SIGSTOP)
    try:
        for v in visitors:
            v.start()
            time.sleep(0.05)
    finally:
        home.keyd.process.send_signal(signal.SIGCONT)
    for v in visitors:
        v.join(20)
    assert len(served) == 24
    home.settle()


class Alerter:
    """A TLS client that can send warnings, which Python's cannot."""

    def __init__(self, port, version):
        self.tls = ctypes.CDLL("libgnutls.so.30")
        self.credentials, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        self.tls.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials))
        self.tls.gnutls_init(ctypes.byref(self.session), 2)  # GNUTLS_CLIENT
        priority = f"NORMAL:-VERS-ALL:+VERS-{version}".encode()
        self.tls.gnutls_priority_set_direct(self.session, priority, None)
        self.tls.gnutls_credentials_set(self.session, 1, self.credentials)  # GNUTLS_CRD_CERTIFICATE
        self.tls.gnutls_server_name_set(self.session, 1, HOST.encode(), ctypes.c_size_t(len(HOST)))
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.tls.gnutls_transport_set_int2(self.session, self.socket.fileno(), self.socket.fileno())
        self.socket.settimeout(None)
        assert self.tls.gnutls_handshake(self.session) == 0

    def warn(self):
        return self.tls.gnutls_alert_send(self.session, 1, 90)  # GNUTLS_AL_WARNING, user_canceled

    def close(self):
        self.socket.close()
        self.tls.gnutls_deinit(self.session)
        self.tls.gnutls_certificate_free_credentials(self.credentials)


@pytest.mark.parametrize("version", ["TLS1.2", "TLS1.3"])
def test_flood_of_warnings(make, version):  # noqa: F811
    """Warnings mean nothing and cost something: a visitor may send a few, not as many as he likes."""
    home = make(main="proxy: { workers = 1; };")
    a = Alerter(home.port, version)
    sent = 0
    deadline = time.monotonic() + 5
    while a.warn() == 0 and sent < 20000 and time.monotonic() < deadline:
        sent += 1
    assert sent < 20000 and time.monotonic() < deadline
    a.close()
    home.assert_well()


class HeldThread:
    """One thread of a process, stopped by ptrace(2) while the others run, as if it were caught in a loop."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, pid, name):
        self.tid = next(int(t.name) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()
                        if (t / "comm").read_text().strip() == name)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(self, request):
        if self.libc.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        try:
            self.ptrace(self.SEIZE)
        except PermissionError:
            pytest.skip("this machine lets nobody trace")
        self.ptrace(self.INTERRUPT)
        os.waitpid(self.tid, self.WALL)

    def __exit__(self, *_):
        self.ptrace(self.DETACH)


def test_watchdog_looks_at_the_workers(house, opened):  # noqa: F811
    """systemd hears signs of life only while every worker gives one: of a worker that hangs nothing else would tell, and
    its visitors would wait for ever."""
    h = ProxyHouse(house, "proxy: { workers = 2; };", env={"WATCHDOG_USEC": "1000000"})
    opened.append(h)
    h.start()

    def signs(seconds):
        before = h.proxyd.signs_of_life
        time.sleep(seconds)
        return h.proxyd.signs_of_life - before

    h.wait(lambda: signs(2) >= 2)
    with HeldThread(h.proxyd.process.pid, "worker-1"):
        h.wait(lambda: "worker 1 gives no sign of life" in h.proxyd.text().lower())
        h.wait(lambda: signs(2) == 0)  # one may have been on its way
        assert h.proxyd.call("ListHosts")["hosts"] == [], "the main thread is well"
    h.wait(lambda: signs(1) >= 1)
    h.wait(lambda: signs(2) >= 2)

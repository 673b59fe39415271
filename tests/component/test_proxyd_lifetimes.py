# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd when things end earlier, later or more often than they should; most of it shows under AddressSanitizer."""

import signal
import socket
import threading
import time

from proxyhouse import HOST, Head
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

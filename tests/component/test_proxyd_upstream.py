# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd on its way to the services: connections that waited, and names with several addresses."""

import signal
import socket
import ssl
import threading
import time

import pytest
from proxyhouse import HOST, Acme, Head, Upstream, listen
from test_proxyd_attack import EVIL, OK, Home, host, make, opened, status  # noqa: F401 (fixtures)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_surplus_bytes_behind_the_next_request(make, house, opened, secure):  # noqa: F811
    """A visitor's next request and bytes that nobody asked for reach one sleeping worker, in this order: the request is
    served first, and must not take those for its answer."""
    links, evil = [], threading.Event()

    def serve(upstream, s, f):
        links.append(s)
        while True:
            Head(f)
            s.sendall(OK)

    home = make(serve, main="proxy: { workers = 1; };")
    if secure:
        chain, key = home.authority.issue("127.0.0.1")
        (home.root / "service.pem").write_text(chain + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home.root / "service.pem")
        opened.append(Upstream(serve, context=context))
        house.configure("proxy: { workers = 1; };", ha=host(f"https://127.0.0.1:{opened[-1].port}",
                                                            more='tls: { verify = "insecure"; };'))
        home.proxyd.reload()
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with home.tls() as s:
        for i in range(3):
            s.sendall(request)
            got = s.recv(65536)
            assert got.startswith(b"HTTP/1.1 200") and b"EVIL" not in got
            assert len(links) == 1 + i, "the connection that had bytes left over is not used again"
            time.sleep(0.1)
            home.proxyd.process.send_signal(signal.SIGSTOP)
            try:
                s.sendall(request)
                time.sleep(0.1)
                links[-1].sendall(EVIL)
                time.sleep(0.1)
            finally:
                home.proxyd.process.send_signal(signal.SIGCONT)
            got = s.recv(65536)
            assert got.startswith(b"HTTP/1.1 200") and b"EVIL" not in got
    home.assert_well()

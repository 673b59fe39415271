# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service behind a passthrough: the PROXY protocol's header first (or none), then TLS of its own, then one answer that says
who came. Afterwards it sends back what it gets, until the other side has ended; then it says "bye" and ends too.

opaque.py ADDRESS PORT none|v1|v2 NAME"""

import json
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def exactly(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise EOFError(f"ended after {data!r}")
        data += more
    return data


def read_v1(s):
    """PROXY TCP4 SOURCE DESTINATION PORT PORT; not one byte more is taken."""
    line = b""
    while not line.endswith(b"\r\n"):
        line += exactly(s, 1)
    word, family, source, _, port, _ = line.decode("ascii").split()
    assert word == "PROXY" and family == ("TCP6" if ":" in source else "TCP4"), line
    return source, int(port)


def read_v2(s):
    head = exactly(s, 16)
    assert head[:13] == SIGNATURE + b"\x21", head
    body = exactly(s, struct.unpack("!H", head[14:])[0])
    family, size = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}[head[13]]
    return socket.inet_ntop(family, body[:size]), struct.unpack("!H", body[2 * size:2 * size + 2])[0]


def answer(s, context, kind):
    with s:
        try:
            visitor = {"none": lambda _: s.getpeername(), "v1": read_v1, "v2": read_v2}[kind](s)
            with context.wrap_socket(s, server_side=True) as tls:
                tls.sendall(json.dumps({"address": visitor[0], "port": visitor[1]}).encode() + b"\n")
                while data := tls.recv(65536):
                    tls.sendall(data)
                tls.sendall(b"bye\n")
        except (OSError, EOFError, AssertionError, ValueError) as e:
            print("refused:", e, flush=True)


def main(address, port, kind, name):
    with tempfile.TemporaryDirectory() as d:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={name}", "-keyout", f"{d}/key", "-out", f"{d}/chain"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{d}/chain", f"{d}/key")
    with socket.create_server((address, int(port))) as server:
        print("listening", flush=True)
        while True:
            s, _ = server.accept()
            threading.Thread(target=answer, args=(s, context, kind), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])

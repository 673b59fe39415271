# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all visitors of the benchmarks have in common: one certificate, one TLS version, one cipher, whatever each side would
prefer by itself."""

import contextlib
import os
import socket
import ssl
import subprocess
import sys

NAME = "ha.bench.example"
OPENSSL_CONF = ("openssl_conf = c\n[c]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nMinProtocol = TLSv1.3\nGroups = P-256\n"
                "Ciphersuites = TLS_AES_128_GCM_SHA256\n")


def restart_with_one_cipher():
    """OpenSSL reads its configuration once, when the process starts; the children inherit it."""
    if "HAGW_BENCH_TLS" not in os.environ:
        conf = os.memfd_create("openssl.cnf", 0)
        os.write(conf, OPENSSL_CONF.encode())
        os.environ.update(OPENSSL_CONF=f"/proc/{os.getpid()}/fd/{conf}", HAGW_BENCH_TLS="1")
        os.execv(sys.executable, [sys.executable, *sys.argv])


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-keyout", folder / "key.pem", "-out", folder / "chain.pem", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME},DNS:*.bench.example,DNS:bench.example",
                    "-addext", "basicConstraints=critical,CA:FALSE"],
                   check=True, capture_output=True)


@contextlib.contextmanager
def resolved(folder, *names):
    """The names are this machine's, in the mount namespace that the box made for us."""
    (folder / "hosts").write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
    subprocess.run(["mount", "--bind", folder / "hosts", "/etc/hosts"], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "/etc/hosts"], check=False)


def context(folder):
    c = ssl.create_default_context(cafile=str(folder / "chain.pem"))
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    return c


def connect(ctx, port, session=None):
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ctx.wrap_socket(raw, server_hostname=NAME, session=session)


def get(tls, path="/", close=False):
    """1 KiB."""
    tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n{'Connection: close' if close else 'X: y'}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        more = tls.recv(16384)
        if not more:
            raise RuntimeError(f"no answer: {data!r}")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode(errors="replace"))
    while len(body) < 1024:
        more = tls.recv(16384)
        if not more:
            raise RuntimeError("the answer was cut short")
        body += more
    return body

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Those who read services' answers beside us: aiohttp's client (Home Assistant's own), nginx and Apache as reverse proxies.

Each is asked for /NUMBER, which a service of rows answers with the bytes of that row, and says what it made of them."""

import asyncio
import contextlib
import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import time

MODULES = pathlib.Path("/usr/lib/apache2/modules")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class RowService(threading.Thread):
    """Answers GET /NUMBER with rows[NUMBER], and ends the connection as the row says: "close", "eof" (the answer
    ends so), "reset", or "stay" (until the other side closes)."""

    def __init__(self, rows):
        super().__init__(daemon=True)
        self.rows, self.connections = rows, 0
        self.used_again = set()  # numbers of rows behind whose answer another request came on the same connection
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        last = None
        with s, s.makefile("rb") as f, contextlib.suppress(OSError):
            while line := f.readline():
                while f.readline() not in (b"\r\n", b""):
                    pass
                if last is not None:
                    self.used_again.add(last)
                last = int(line.split()[1].rpartition(b"/")[2])
                text, end = self.rows[last]
                s.sendall(text)
                if end == "reset":
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if end in ("close", "eof"):
                    s.shutdown(socket.SHUT_WR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Reading:
    """What a reader made of an answer: refused before its head was passed on, cut (its body breaks off, and that shows), or
    taken as status and body."""

    def __init__(self, kind, status=0, body=b"", raw=b""):
        self.kind, self.status, self.body, self.raw = kind, status, body, raw

    def __str__(self):
        if self.kind == "refused":
            return "refused"
        text = self.body.decode("latin-1")
        text = text if len(text) < 40 else f"{text[:20]}…{len(text)}"
        return f"{self.status} {text!r}" + (" cut" if self.kind == "cut" else "")


def read_visitor(s, method="GET"):
    """Reads one final answer off a socket as a strict HTTP/1.1 client: what a proxy writes has to be clean."""
    got = b""
    s.settimeout(20)
    with contextlib.suppress(ConnectionResetError, OSError):
        while chunk := s.recv(65536):
            got += chunk
    return parse_answer(got, method)


def parse_answer(got, method="GET"):
    rest = got
    while True:
        head, found, rest = rest.partition(b"\r\n\r\n")
        if not found:
            return Reading("refused", raw=got)
        lines = head.split(b"\r\n")
        status = int(lines[0].split(b" ")[1])
        if not 100 <= status < 200 or status == 101:
            break
    fields = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(b":") for line in lines[1:])]
    lengths = [v for n, v in fields if n == b"content-length"]
    codings = [v for n, v in fields if n == b"transfer-encoding"]
    assert len(lengths) + len(codings) <= 1, f"two framings: {got!r}"
    if method == "HEAD" or status in (204, 304) or status == 101:
        return Reading("taken", status, rest, raw=got)
    if codings:
        assert codings == [b"chunked"], got
        body = b""
        while True:
            size, found, rest = rest.partition(b"\r\n")
            if not found:
                return Reading("cut", status, body, raw=got)
            n = int(size, 16)
            if n == 0:
                return Reading("taken" if rest == b"\r\n" else "cut", status, body, raw=got)
            body += rest[:n]
            if len(rest) < n + 2:
                return Reading("cut", status, body, raw=got)
            assert rest[n:n + 2] == b"\r\n", got
            rest = rest[n + 2:]
    if lengths:
        n = int(lengths[0])
        assert len(rest) <= n, f"more than was said: {got!r}"
        return Reading("taken" if len(rest) == n else "cut", status, rest, raw=got)
    return Reading("taken", status, rest, raw=got)


class Proxy:
    """A reverse proxy in front of the service of rows. Each row has a connection of its own: one that was kept may have ended
    just now, which would be a 502 for that reason."""

    def __init__(self, folder, port, service_port):
        self.folder, self.port, self.service_port = folder, port, service_port
        folder.mkdir(parents=True, exist_ok=True)
        self.log = open(folder / "log", "ab")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.02)

    def read(self, number, method="GET"):
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            s.sendall(f"{method} /{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            try:
                reading = read_visitor(s, method)
            except (AssertionError, IndexError, ValueError):
                return Reading("taken")  # passed on as something that is no answer
        if reading.status in (500, 502, 503, 504):
            return Reading("refused", raw=reading.raw)
        return reading

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Nginx(Proxy):
    name = "nginx"

    @staticmethod
    def missing():
        return None if shutil.which("nginx") else "nginx is not installed"

    def command(self):
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(f"""
            daemon off; master_process off; pid {self.folder}/pid; error_log stderr info;
            events {{ worker_connections 64; }}
            http {{
                access_log off; {temporary}
                upstream rows {{ server 127.0.0.1:{self.service_port} max_fails=0; }}
                server {{
                    listen 127.0.0.1:{self.port};
                    location / {{ proxy_pass http://rows; proxy_http_version 1.1; proxy_next_upstream off; }}
                }}
            }}""")
        return ["nginx", "-e", "stderr", "-c", str(self.folder / "nginx.conf")]


class Apache(Proxy):
    name = "apache"

    @staticmethod
    def missing():
        return None if shutil.which("apache2") and MODULES.is_dir() else "apache2 is not installed"

    def command(self):
        modules = "".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so\n" for m in
                          ("mpm_event", "authz_core", "proxy", "proxy_http"))
        (self.folder / "apache.conf").write_text(
            f"{modules}ServerRoot {self.folder}\nServerName a\nPidFile {self.folder}/pid\nListen 127.0.0.1:{self.port}\n"
            f"ErrorLog {self.folder}/error\nUser nobody\nGroup nogroup\nStartServers 1\n"
            f"ProxyPass / http://127.0.0.1:{self.service_port}/ retry=0 disablereuse=on\n")
        return ["apache2", "-X", "-f", str(self.folder / "apache.conf")]


class Aiohttp:
    """Home Assistant's own client, which is what its integrations and its ingress read services with."""
    name = "aiohttp"

    @staticmethod
    def missing():
        try:
            from aiohttp import http_parser  # noqa: F401, PLC0415
        except ImportError:
            return "aiohttp is not installed"
        return None

    def __init__(self, folder, port, service_port):
        self.service_port = service_port

    def read(self, number, method="GET"):
        return asyncio.run(self.ask(number, method))

    async def ask(self, number, method):
        import aiohttp  # noqa: PLC0415

        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
            try:
                async with session.request(method, f"http://127.0.0.1:{self.service_port}/{number}",
                                           allow_redirects=False) as answer:
                    body = b""
                    try:
                        async for chunk in answer.content.iter_any():
                            body += chunk
                    except aiohttp.ClientError:
                        return Reading("cut", answer.status, body)
                    return Reading("taken", answer.status, body)
            except aiohttp.ClientError:
                return Reading("refused")

    def close(self):
        pass


PEERS = [Aiohttp, Nginx, Apache]

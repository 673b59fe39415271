# SPDX-License-Identifier: LGPL-2.1-or-later
"""The proxies under test, each made to do the same job: TLS 1.2 and 1.3 with one P-256 certificate, HTTP/2 and 1.1, HTTP/1.1 to one upstream
over kept connections, the visitor's address and scheme told to it, bodies streamed, two workers, no access log."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

from machine import Machine
from measure import Processes
from tls import NAME

UPSTREAM_PORT = 8000


def wait_port(port, process=None, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process and process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


class Program:
    """A program in a session of its own; port: None where it listens on none."""

    def __init__(self, name, folder, command, port, env=None):
        self.name, self.port = name, port
        self.log = open(folder / f"{name}.log", "ab")
        env = {**os.environ, "HOME": str(folder), **(env or {})}
        env.pop("OPENSSL_CONF", None)  # the clients'
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True, env=env)
        self.processes = Processes(self.process.pid)
        if port:
            try:
                wait_port(port, self.process)
            except RuntimeError as e:
                self.stop()
                raise RuntimeError(f"{e}: {self.said()}") from None

    def said(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")[-2000:]

    def wait_said(self, text, seconds):
        deadline = time.monotonic() + seconds
        while text not in self.said():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} did not say {text!r}: {self.said()}")
            time.sleep(0.1)

    def kill(self):
        """All of its processes at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(15)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
        self.log.close()


def nginx_conf(folder, name, http):
    path = folder / f"{name}.conf"
    path.write_text(
        f"daemon off; worker_processes 2; pid {folder}/{name}.pid; error_log stderr crit; user root;\n"
        "worker_rlimit_nofile 16384;\nevents { worker_connections 8192; multi_accept off; }\n"
        "http { access_log off; server_tokens off; sendfile on; tcp_nopush on; tcp_nodelay on;\n"
        "keepalive_requests 1000000000; keepalive_timeout 120s;\n"
        f"client_body_temp_path {folder}/{name}-b; proxy_temp_path {folder}/{name}-p; fastcgi_temp_path {folder}/{name}-f;\n"
        f"uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;\n{http} }}\n")
    return ["nginx", "-e", "stderr", "-c", str(path)]


def upstream(folder):
    """1 KiB at /, 1 GiB (a hole in a file: read without a disk) at /big, a script that compresses as large ones do at /app.js."""
    (folder / "www").mkdir()
    (folder / "www" / "app.js").write_bytes(script(SCRIPT_SIZE))
    with open(folder / "www" / "big", "wb") as f:
        f.truncate(1 << 30)
    (folder / "www" / "index.html").write_bytes(b"x" * 1024)
    command = nginx_conf(folder, "upstream",
                         "types { text/javascript js; } default_type text/plain;\n"
                         f"open_file_cache max=16; server {{ listen 127.0.0.1:{UPSTREAM_PORT} reuseport; root {folder}/www; }}")
    return Program("upstream", folder, command, UPSTREAM_PORT)


def service(folder):
    script = pathlib.Path(__file__).parent / "service.py"
    return Program("service", folder, [sys.executable, str(script), str(UPSTREAM_PORT)], UPSTREAM_PORT)


SCRIPT_SIZE = 11_600_000  # Node-RED's editor
WORDS = ("function", "return", "const", "this.", "(", ")", "{", "}", ";", "=>", "e", "t", ".prototype", "=", '"use strict"', ",")


def script(size):
    """Something like one: words, names that come again, numbers that do not."""
    r = random.Random(1)
    names = ["".join(r.choices("abcdefghijklmnopqrstuvwxyz", k=r.randrange(3, 14))) for _ in range(4000)]
    text, n = [], 0
    while n < size:
        what = r.random()
        text.append(r.choice(WORDS) if what < 0.6 else names[int(r.random() ** 3 * len(names))] if what < 0.97 else str(r.randrange(1 << 30)))
        n += len(text[-1])
    return "".join(text).encode()[:size]


def nginx(folder, port):
    return Program("nginx", folder, nginx_conf(
        folder, "nginx",
        "map $http_upgrade $upgrade { default upgrade; '' ''; }\n"
        f"upstream u {{ server 127.0.0.1:{UPSTREAM_PORT}; keepalive 512; keepalive_requests 1000000000; }}\n"
        f"server {{ listen 127.0.0.1:{port} ssl reuseport; http2 on; server_name {NAME};\n"
        f"ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;\n"
        "gzip on; gzip_types text/javascript; gzip_proxied any; gzip_comp_level 5;\n"
        "location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection $upgrade;\n"
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host;\n"
        "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; proxy_max_temp_file_size 0; proxy_request_buffering off; client_max_body_size 0;\n"
        "} }"), port)


def haproxy(folder, port):
    (folder / "both.pem").write_bytes((folder / "chain.pem").read_bytes() + (folder / "key.pem").read_bytes())
    path = folder / "haproxy.cfg"
    path.write_text(
        "global\n  nbthread 2\n  maxconn 8000\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 120s\n  timeout server 120s\n"
        "  timeout http-keep-alive 120s\n  http-reuse always\n  option forwardfor\n"
        f"frontend f\n  bind 127.0.0.1:{port} ssl crt {folder}/both.pem alpn h2,http/1.1\n"
        "  http-request set-header X-Forwarded-Proto https\n  default_backend b\n"
        "  compression algo gzip\n  compression type text/javascript\n"
        f"backend b\n  server u 127.0.0.1:{UPSTREAM_PORT}\n")
    return Program("haproxy", folder, ["haproxy", "-db", "-q", "-f", str(path)], port)


def caddy(folder, port):
    path = folder / "Caddyfile"
    path.write_text(
        "{\n admin off\n auto_https off\n servers {\n  protocols h1 h2\n }\n}\n"
        f"https://{NAME}:{port} {{\n bind 127.0.0.1\n encode gzip\n tls {folder}/chain.pem {folder}/key.pem\n"
        f" reverse_proxy 127.0.0.1:{UPSTREAM_PORT} {{\n  flush_interval -1\n }}\n}}\n")
    return Program("caddy", folder, ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)], port,
                   env={"GOMAXPROCS": "2", "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)})


class Hagw(Machine):
    name = "hagw"

    def __init__(self, folder, port):
        super().__init__(
            folder / "hagw",
            'zones = ( { name = "bench.example"; } );\nacme: { directory = "https://127.0.0.1:9/none"; };\n'
            'public_address: { ipv4 = "static:192.0.2.1"; ipv6 = "none"; };\n'
            'proxy: { workers = 2; connections_per_address = 0; handshakes_per_address = 0; };',
            {"ha": f'name = "{NAME}"; upstream = "http://127.0.0.1:{UPSTREAM_PORT}"; access: {{ login = "none"; }};'}, port)
        self.start("keyd", "netd", "dnsd", "webd", "acmed")
        self.import_certificate(folder)
        self.start("proxyd")
        self.wait_certificate()
        self.everything = self.processes_of()

    @property
    def processes(self):
        return self.processes_of("proxyd", "keyd")


# One row per program: what is needed, and how it starts.
PROXIES = {
    "hagw": (lambda: None, Hagw),
    "nginx": (lambda: None if shutil.which("nginx") else "nginx is not installed", nginx),
    "haproxy": (lambda: None if shutil.which("haproxy") else "haproxy is not installed", haproxy),
    "caddy": (lambda: None if shutil.which("caddy") else "caddy is not installed", caddy),
}


def versions():
    commands = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "caddy": ["caddy", "version"],
                "openssl": ["openssl", "version"], "wrk": ["wrk", "-v"], "h2load": ["h2load", "--version"]}
    found = {}
    for name, command in commands.items():
        if shutil.which(command[0]):
            r = subprocess.run(command, capture_output=True, text=True)
            found[name] = (r.stdout + r.stderr).strip().splitlines()[0]
    return found

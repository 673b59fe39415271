# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public conformance suite of HTTP/2, against hagw-proxyd with nginx behind it."""

import os
import socket
import subprocess
import xml.etree.ElementTree

import pytest
from answerpeers import free_port
from conftest import part
from test_proxyd import host, open_house, parts  # noqa: F401 (fixture)

CASES = 146
# It was written for RFC 7540. What RFC 9113 wants otherwise, with its sentences: docs/decisions.md.
OTHERWISE_IN_RFC_9113 = {"Sends PRIORITY frame that depend on itself", "closed: Sends a DATA frame after sending RST_STREAM frame",
                         "closed: Sends a DATA frame"}
PATIENCE = 10  # seconds that it waits for an answer
NGINX = """daemon off; worker_processes 1; user root; pid {0}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{ access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u;
scgi_temp_path {0}/s; server {{ listen 127.0.0.1:{1}; root {0}; error_page 405 =200 $uri; }} }}
"""


@pytest.fixture
def nginx(tmp_path):
    """A service that has an answer of 4 KiB for whatever it is asked."""
    port = free_port()
    (tmp_path / "index.html").write_bytes(b"x" * 4096)
    (tmp_path / "nginx.conf").write_text(NGINX.format(tmp_path, port))
    process = subprocess.Popen(["nginx", "-e", "stderr", "-c", tmp_path / "nginx.conf"])
    yield process, port
    process.terminate()
    process.wait(60)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_all_cases(house, parts, nginx, tmp_path):
    process, port = nginx
    h = open_house(house, parts, certificates=(("localhost",),), ha=host(f"http://127.0.0.1:{port}", "localhost"))
    h.wait(lambda: process.poll() is not None or listens(port))
    report = tmp_path / "report.xml"
    done = subprocess.run([part("h2spec", "h2spec"), "--strict", "--tls", "--host", "localhost", "--port", str(h.port),
                           "--timeout", str(PATIENCE), "--junit-report", report],
                          env={**os.environ, "SSL_CERT_FILE": str(h.authority.file)}, capture_output=True, text=True, timeout=3600)
    cases = [*xml.etree.ElementTree.parse(report).getroot().iter("testcase")]
    bad = {c.get("classname") for c in cases if any(c.find(k) is not None for k in ("failure", "error", "skipped"))}
    assert (len(cases), bad) == (CASES, OTHERWISE_IN_RFC_9113), done.stdout

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates and the front door: what visitors, and what scanners get."""

import asyncio
import socket
import ssl
import subprocess

import pytest

from conftest import HOST, PASSWORD, SERVICE_PASSWORD, SERVICE_USER, URL, USER, ZONE, until
from visitor import Visitor, raw


def names(certificate):
    return {value for kind, value in certificate["subjectAltName"] if kind == "DNS"}


def test_apex_and_wildcard_are_in_one_certificate(house):
    assert names(house.certificate()) >= {ZONE, f"*.{ZONE}"}


@pytest.mark.parametrize("http", [("--http2", "2"), ("--http1.1", "1.1")], ids=["2", "1.1"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_trusts_it_over_all_protocols(house, version, http):
    out = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{ssl_verify_result} %{http_version}", http[0],
                          f"--tlsv{version}", "--tls-max", version, URL], capture_output=True, text=True, timeout=20)
    assert out.stdout == f"0 {http[1]}", (out.stdout, out.stderr)


def test_old_tls_is_refused(house):
    out = subprocess.run(["gnutls-cli", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT", HOST], input="",
                         capture_output=True, text=True, timeout=20, check=False)
    assert out.returncode != 0


@pytest.mark.parametrize("name,port,tls,send", [
    (None, 443, True, b""), ("bank.example.org", 443, True, b""), (f"nothing.here.{ZONE}", 443, True, b""),
    (None, 443, False, b"GET / HTTP/1.1\r\nHost: ha.home.example.com\r\n\r\n"),
    (None, 443, False, bytes(range(256)) * 8), (None, 443, False, b"SSH-2.0-scanner\r\n"),
    (None, 80, False, b"GET / HTTP/1.1\r\nHost: bank.example.org\r\n\r\n"),
    (None, 80, False, b"GET / HTTP/1.0\r\n\r\n"), (None, 80, False, b"\x16\x03\x01\x02\x00garbage" * 40)])
def test_scanners_get_not_one_byte(house, name, port, tls, send):
    assert raw("203.0.113.10", port, send, server_name=name, tls=tls, seconds=15) == b""


def test_port_80_sends_known_names_to_https(house):
    answer = raw("203.0.113.10", 80, b"POST /a?b=%20c HTTP/1.1\r\nHost: ha.home.example.com\r\nContent-Length: 0\r\n"
                 b"Connection: close\r\n\r\n", seconds=15)
    head = answer.split(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 308 ")
    assert "location: https://ha.home.example.com/a?b=%20c" in head.lower()


def test_a_foreign_host_header_is_misdirected(house):
    out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: other.example.org", URL],
                         capture_output=True, text=True, timeout=20, check=False)
    assert out.stdout == "421"


def test_a_hello_in_pieces_is_understood(house):
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with socket.create_connection((HOST, 443), timeout=10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(hello), 97):
            s.sendall(hello[i:i + 97])
        for _ in range(50):
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                s.sendall(outgoing.read())
                incoming.write(s.recv(65536))
        assert tls.getpeercert()


def test_renewal_while_a_websocket_stays_open(house):
    async def renew():
        async with Visitor(URL) as v:
            await v.login(USER, PASSWORD)
            ws = await v.websocket(await v.service_token(SERVICE_USER, SERVICE_PASSWORD))
            before = house.certificate()["serialNumber"]
            await asyncio.to_thread(house.ctl, "cert", "renew", ZONE, timeout=200)
            await asyncio.to_thread(until, "the new certificate is served",
                                    lambda: house.certificate()["serialNumber"] != before, 60)
            for number in range(1, 4):
                await ws.send_json({"id": number, "type": "ping"})
                assert (await ws.receive_json(timeout=15))["type"] == "pong"
            await ws.close()
    asyncio.run(renew())


def test_the_key_is_nobodys_but_keyds(house):
    assert house.run("home", "sh", "-c", "grep -rlI -- 'PRIVATE KEY' /var/lib /etc/hagw /run/hagw 2>/dev/null | "
                     "grep -v '^/var/lib/\\(private/\\)\\?hagw-keyd/\\|^/var/lib/hagw/keyd/' || :").strip() == ""
    for line in house.run("home", "find", "/var/lib", "-path", "*keyd*", "-printf", "%m %u %p\n").splitlines():
        mode, owner, _ = line.split(" ", 2)
        assert owner == "hagw-keyd" and int(mode, 8) & 0o077 == 0, line

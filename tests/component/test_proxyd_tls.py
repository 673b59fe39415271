# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd's TLS: what it agrees on with a visitor, and for how long it knows one again."""

import ssl
import time

import pytest
from proxyhouse import HOST
from test_proxyd import home, host, open_house, parts, service  # noqa: F401 (fixtures)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_protocols_of_others_get_their_alert(home, version):  # noqa: F811
    """RFC 7301 section 3.2: who offers protocols, and none of ours, is told so; who offers none speaks HTTP."""
    def connect(*protocols):
        context = home.context(minimum_version=version, maximum_version=version)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        with home.tls(context=context) as s:
            s.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert s.recv(15) == b"HTTP/1.1 200 OK"
            return s.selected_alpn_protocol()

    assert connect() is None
    assert connect("http/1.1") == "http/1.1" and connect("x-other", "http/1.1") == "http/1.1"
    for others in (("x-other",), ("acme-tls/1",), ("http/1.0", "HTTP/1.1")):
        with pytest.raises(ssl.SSLError) as e:
            connect(*others)
        assert e.value.reason == "TLSV1_ALERT_NO_APPLICATION_PROTOCOL", e.value
    home.wait(lambda: home.figure("proxy_failed_handshakes") == 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_tickets_end(house, parts, service, version):  # noqa: F811
    """A ticket resumes for proxy.ticket_lifetime at most, and the one that comes after resumes again."""
    h = open_house(house, parts, 'proxy: { ticket_lifetime = "3s"; };', ha=host(service.url))
    context = h.context(minimum_version=version, maximum_version=version)

    def ticket():
        c = h.visit(context=context).connection
        session = c.sock.session
        c.close()
        return session

    def resumes(session):
        with h.tls(context=context, session=session) as s:
            return s.session_reused

    def fresh():
        """A ticket that has just been seen to resume, and when it was asked for; a change may come in between, once."""
        for _ in range(2):
            begin, session = time.monotonic(), ticket()
            if resumes(session):
                return begin, session
        raise AssertionError("no ticket resumes")

    for _ in range(2):
        begin, session = fresh()
        h.wait(lambda session=session: not resumes(session), 10)
        assert time.monotonic() - begin < 4.5
    # It is a setting like others: a reload sets it, and what was issued before is void.
    _, session = fresh()
    house.configure('proxy: { ticket_lifetime = "12h"; };', ha=host(service.url))
    h.proxyd.reload()
    assert not resumes(session)
    begin, session = fresh()
    time.sleep(4)
    assert resumes(session)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-proxyd's TLS: what it agrees on with a visitor, and for how long it knows one again."""

import ssl
import subprocess
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


def test_tls_12_can_be_switched_off(house, parts, service):  # noqa: F811
    def configure(main):
        text = (house.config / "hagw.conf").read_text()
        (house.config / "hagw.conf").write_text(text[:text.find("proxy:")] + main if "proxy:" in text else text + main)
        h.proxyd.reload()

    def openssl(version):
        """What OpenSSL's own client makes of it, its last word."""
        r = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{h.port}", "-servername", HOST, version, "-brief"],
                           input="", capture_output=True, text=True, timeout=30)
        return r.stdout + r.stderr

    h = open_house(house, parts, ha=host(service.url))
    old, new = (h.context(minimum_version=v, maximum_version=v) for v in VERSIONS)
    session = h.visit(context=old).connection.sock.session
    assert "Protocol version: TLSv1.2" in openssl("-tls1_2")
    configure('proxy: { tls = "1.3"; };')
    for resumed in (None, session):
        with pytest.raises(ssl.SSLError) as e:
            h.tls(context=old, session=resumed)
        assert e.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION", e.value
    assert "alert protocol version" in openssl("-tls1_2") and "Protocol version: TLSv1.3" in openssl("-tls1_3")
    # Who can speak both gets through, in the newer one.
    for context in (new, h.context()):
        answer = h.visit(context=context)
        assert answer.status == 200 and answer.connection.sock.version() == "TLSv1.3"
    configure('proxy: { tls = "1.2"; };')
    assert h.visit(context=old).status == 200


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
        """A ticket that has just been seen to resume, and when it was there; a change may come in between, or many seconds."""
        for _ in range(20):
            session, here = ticket(), time.monotonic()
            if resumes(session):
                return here, session
        raise AssertionError("no ticket resumes")

    for _ in range(2):
        here, session = fresh()
        asked = time.monotonic()
        while resumes(session):
            assert asked - here < 4.5, "it resumed when it was older than that"
            time.sleep(0.05)
            asked = time.monotonic()
    # It is a setting like others: a reload sets it, and what was issued before is void.
    _, session = fresh()
    house.configure('proxy: { ticket_lifetime = "12h"; };', ha=host(service.url))
    h.proxyd.reload()
    assert not resumes(session)
    _, session = fresh()
    time.sleep(4)
    assert resumes(session)


def test_which_certificate_serves(house, parts, service):  # noqa: F811
    """One for exactly the name comes first, unless it has expired, nobody asks for it any more, or its key is gone, and a wildcard's
    is better."""
    h = open_house(house, parts, ha=host(service.url))
    wildcard = f"*.{HOST.partition('.')[2]}"

    def serves(row):
        def seen():
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                with h.tls(context=context) as s:
                    return ssl.DER_cert_to_PEM_cert(s.getpeercert(True))
            except OSError:
                return None
        h.wait(lambda: seen() == (row and row["chain"]))

    def exact(days=90, **more):
        row = h.certify(HOST, days=days, replace=True)
        row.update(more)
        h.acme.set(h.certificates)
        return row

    serves(exact())
    covers = h.certify(wildcard)
    serves(exact(days=60))
    for worse in ({"days": -0.5}, {"wanted": False}, {"state": "keyless"}):
        exact(**worse)
        serves(covers)
    serves(exact(wanted=False, source="imported"))
    # What stands back is better than nothing, and than what has expired.
    over = h.certify(wildcard, days=-0.25, replace=True)
    serves(exact(wanted=False))
    serves(exact(days=-0.5))
    h.certificates = [c for c in h.certificates if c is not over]
    serves(exact(wanted=False))
    exact(state="keyless")
    serves(None)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is told is in force, in every thread: the end of a reload, and that a host has a certificate."""

import signal

import pytest
from proxyhouse import HOST, Head, ProxyHouse, Upstream
from seccomp_hold import Hold

MAIN = "proxy: { workers = 1; };"
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def says(word):
    def serve(service, s, f):
        while True:
            Head(f)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + word)
    return Upstream(serve)


def heard(f):
    while f.readline() not in (b"\r\n", b""):
        pass
    return f.read(3)


def open_house(house, hold, main, hosts):
    """With one worker, and a certificate for HOST."""
    h = ProxyHouse(house, main, **hosts)
    h.certify(HOST)
    h.start(wrapper=hold.wrapper)
    h.wait(lambda: h.proxyd_certificates() == {HOST})
    return h


def hold_worker(hold, s, f, word):
    """In the middle of a turn: a request has come, and its answer has not gone."""
    s.sendall(REQUEST)
    assert heard(f) == word
    hold.hold()
    s.sendall(REQUEST)
    hold.wait_until_held()


@pytest.fixture
def hold(tmp_path):
    h = Hold(tmp_path, "recvfrom", "worker-0")
    yield h
    h.close()


def test_a_worker_in_the_middle_of_a_turn(house, hold):
    """It judges what it has by the configuration that it has. Whoever hears that the reload is over meets the new one."""
    old, new = says(b"old"), says(b"new")
    config = lambda service: {"ha": f'name = "{HOST}"; upstream = "{service.url}"; access: {{ login = "none"; }};'}  # noqa: E731
    h = open_house(house, hold, MAIN, config(old))
    with h.tls() as s, s.makefile("rb") as f:
        hold_worker(hold, s, f, b"old")
        house.configure(MAIN, **config(new))
        h.proxyd.ready.clear()
        h.proxyd.process.send_signal(signal.SIGHUP)
        h.wait(lambda: "Configuration reloaded." in h.proxyd.text())
        for _ in range(3):
            h.proxyd.call("io.hagw.Service.Describe")
        assert not h.proxyd.ready.is_set()
        hold.release()
        assert heard(f) == b"old"
        assert h.proxyd.ready.wait(60)
        s.sendall(REQUEST)
        assert heard(f) == b"new"
    h.close()
    for service in (old, new):
        service.close()


def test_a_certificate_that_is_told_is_served(house, hold):
    """ListHosts says of each host whether it has one: not before every worker has it."""
    other, service = "b.home.example.com", says(b"yes")
    hosts = {n[0]: f'name = "{n}"; upstream = "{service.url}"; access: {{ login = "none"; }};' for n in (HOST, other)}
    h = open_house(house, hold, MAIN, hosts)
    with h.tls() as s, s.makefile("rb") as f:
        hold_worker(hold, s, f, b"yes")
        h.certify(other)
        h.wait(lambda: f"Serving a new certificate for {other}." in h.proxyd.text())
        for _ in range(3):
            assert h.proxyd_certificates() == {HOST}
        hold.release()
        assert heard(f) == b"yes"
    h.wait(lambda: h.proxyd_certificates() == {HOST, other})
    assert h.visit(name=other).body == b"yes"
    h.close()
    service.close()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A house behind a relay: hagw-proxyd and hagw-keyd as they are, against a relay of ours that may be anything."""

import json
import socket
import time

import pytest
from conftest import VarlinkError
from proxyhouse import HOST, Head, ProxyHouse, Upstream, echo
from relay_tools import NAME, TENANT, TOKEN, TOKEN_ID, ZONE, Relay, admits

LAN = 'lan = ( "192.168.255.0/24" );'


class AgentHouse(ProxyHouse):
    """A house that is attached to a relay of ours."""

    def __init__(self, house, relay, upstream, more="", token=TOKEN, address=None, pin=None):
        self.relay, self.upstream = relay, upstream
        super().__init__(house, self.main(more, address, pin), ha=self.host())
        if token:
            self.keyd.call("ImportToken", token=token)
        self.certify(HOST)

    def main(self, more="", address=None, pin=None, rest=""):
        pin = self.relay.pin if pin is None else pin
        return (f'{LAN} proxy: {{ workers = 2; }}; {rest} relay: {{ address = "{address or f"127.0.0.1:{self.relay.port}"}"; '
                f'tenant = "{TENANT}"; {f"pin = \"{pin}\";" if pin else ""} {more} }};')

    def host(self):
        return f'name = "{HOST}"; upstream = "{self.upstream.url}"; access: {{ login = "none"; }};'

    def describe(self):
        return self.proxyd.call("DescribeRelay")

    def attach(self):
        self.control = self.relay.attached()
        self.wait(lambda: self.describe()["state"] == "attached")
        return self.control

    def visitor(self, channel=None, control=None, **keys):
        """A visitor's TLS connection through a channel."""
        c = channel or self.relay.channel()
        c.socket.sendall(c.header(control or self.control, **keys))
        c.socket.settimeout(20)
        return self.context().wrap_socket(c.socket, server_hostname=HOST)


def get(s, path="/"):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    f = s.makefile("rb")
    status = int(f.readline().split()[1])
    length = 0
    while (line := f.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, f.read(length)


@pytest.fixture
def make(house, tmp_path_factory):
    things = []

    def make(relay=None, serve=echo, start=True, **keys):
        relay = relay or Relay(tmp_path_factory.mktemp("r"))
        upstream = Upstream(serve)
        h = AgentHouse(house, relay, upstream, **keys)
        things.extend([relay, upstream, h])
        return h.start() if start else h

    yield make
    for t in reversed(things):
        t.close()


def test_attach(make):
    h = make()
    control = h.attach()
    p = control.call["parameters"]
    assert control.call["method"] == "io.hagw.Relay.Attach" and admits(p["proof"], control.binding)
    assert (p["proof"]["tenant"], p["proof"]["tokenId"]) == (TENANT, TOKEN_ID)
    assert 1 <= len(p["machine"]) <= 64 and p["software"].startswith("hagw ")
    assert h.relay.server_names == [None], "an address is no server name"
    channel = h.relay.channel()
    assert channel.is_signed(control) and channel.session_id == control.session_id and channel.number == 1
    h.wait(lambda: h.describe()["attachment"]["waiting"] == 1)
    d = h.describe()
    assert d["address"] == f"127.0.0.1:{h.relay.port}" == d["attachment"]["address"]
    assert d["zone"] == ZONE and d["tenant"] == TENANT and d["rejected"] == 0 and "error" not in d
    assert abs(d["attachment"]["sinceUSec"] / 1e6 - time.time()) < 60
    assert h.figure("proxy_agent_attached") == 1 and h.figure("proxy_agent_attempts") == 1


@pytest.mark.parametrize("source", ["198.51.100.7", "2001:db8:77::7"])
def test_visitor(make, source):
    h = make()
    h.attach()
    s = h.visitor(source=source)
    status, body = get(s)
    fields = dict(json.loads(body)["fields"])
    assert status == 200 and fields["X-Forwarded-For"] == source and fields["X-Forwarded-Proto"] == "https"
    # The channel is replaced at once, and the visitor counts.
    second = h.relay.channel()
    assert second.number == 2
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 1)
    d = h.describe()["attachment"]
    assert d["received"] > 300 and d["sent"] > len(body)
    s.close()
    h.wait(lambda: h.describe()["attachment"]["visitors"] == 0)
    assert h.figure("proxy_agent_visits") == 1 == h.figure("proxy_agent_visits_ended")

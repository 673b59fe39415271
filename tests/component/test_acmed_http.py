# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP-01 for hosts outside all zones: hagw-acmed, hagw-webd and hagw-proxyd's port 80, and pebble as the authority that asks
there. acmed looks at that port itself before it tells the authority."""

import http.server
import socket
import threading

import pytest

from acme_tools import ZONE, Acme, Pebble, check_certificate, until

OUTSIDE = "ha.elsewhere.example.org"


class House(Acme):
    def __init__(self, house, folder):
        super().__init__(house, served_zones=(ZONE, "elsewhere.example.org"), far=OUTSIDE)
        self.pebble = Pebble(folder, self.dns_port)
        self.configure(self.pebble.directory, self.pebble.root)
        web = socket.socket(socket.AF_UNIX)
        web.bind(str(house.runtime / "web"))
        web.listen(16)
        house.daemon("webd", "io.hagw.Web", sockets={"web": [web]})

    def listen(self, port):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen(64)
        return s

    def open_door(self):
        return self.house.daemon("proxyd", "io.hagw.Proxy", sockets={"http": [self.listen(self.pebble.http_port)], "https": [self.listen(0)]})

    def start(self):
        return super().start(self.pebble.directory, self.pebble.root, env={"HAGW_HTTP_PORT": str(self.pebble.http_port)})

    def told(self):
        """The authority was told to look."""
        return "POST /chalZ/" in self.pebble.text()


@pytest.fixture
def acme(house, tmp_path):
    a = House(house, tmp_path)
    yield a
    a.pebble.stop()


def test_through_the_door(acme):
    door = acme.open_door()
    acme.start()
    check_certificate(acme.wait(OUTSIDE), acme.keyd, [OUTSIDE])
    acme.wait(ZONE)
    # Asked twice: by ourselves, and then by the authority (which may look more than once).
    paths = [line for line in door.text().splitlines() if "acme-challenge" in line]
    assert len(paths) >= 2 and acme.told()


def test_another_server_has_the_port(acme):
    """Seen before the authority is: a refused validation counts there, and five an hour are all that it grants."""
    class Other(http.server.BaseHTTPRequestHandler):
        seen = []

        def do_GET(self):
            Other.seen.append((self.headers["Host"], self.path))
            self.send_response(*([404] if len(Other.seen) % 2 else [200]))
            self.end_headers()
            self.wfile.write(b"It works!")

        def log_message(self, *_):
            pass

    other = http.server.ThreadingHTTPServer(("127.0.0.1", acme.pebble.http_port), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    acme.zones = ()
    acme.start()
    until(lambda: len(Other.seen) >= 4, 40, "looks")
    assert {h for h, _ in Other.seen} == {OUTSIDE} and all(p.startswith("/.well-known/acme-challenge/") for _, p in Other.seen)
    assert not acme.told() and acme.get(OUTSIDE)["ordering"]
    other.shutdown()
    other.server_close()
    acme.open_door()
    check_certificate(acme.wait(OUTSIDE), acme.keyd, [OUTSIDE])


def test_nothing_answers_here(acme):
    """The door may stand at another address than ours: the authority decides."""
    acme.zones = ()
    acme.start()
    failed = acme.wait(OUTSIDE, state="failed")
    assert f"could not see that {OUTSIDE} is ours" in failed["error"] and acme.told()
    assert f". From here port 80 of {OUTSIDE} cannot be asked either: " in failed["error"], failed["error"]

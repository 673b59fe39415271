# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second Home Assistant in the house that nobody told about the gateway, on a machine of its own."""

import contextlib
import json
import subprocess

from conftest import ROOT, ZONE, until

NAME, PORT = f"second.{ZONE}", 8199
CONFIG = "/tmp/second.json"


def lab(*words, **keys):
    return subprocess.run([ROOT / "dev/lab", "run", "ha", *words], check=True, text=True, **keys)


@contextlib.contextmanager
def home_assistant(trusted):
    config = {"listen": ["192.168.1.4"], "port": PORT, "use_x_forwarded_for": bool(trusted), "trusted_proxies": trusted,
              "login_attempts_threshold": 3, "users": {}}
    lab("sh", "-c", f"cat >{CONFIG}", input=json.dumps(config))
    with subprocess.Popen([ROOT / "dev/lab", "run", "ha", "python3", "/hagw/tests/ha/ha.py", "--config", CONFIG]):
        try:
            until("the second Home Assistant", lambda: not subprocess.run(
                [ROOT / "dev/lab", "run", "ha", "python3", "-c",
                 f"import socket; socket.create_connection(('192.168.1.4', {PORT}), 2)"], capture_output=True).returncode, 60)
            yield
        finally:
            lab("pkill", "-f", CONFIG)


def health(house):
    """Its exit status is 1 where that is bad."""
    listed = json.loads(house.ctl("--json", "host", "list", check=False).stdout)
    return next(h for h in listed["hosts"] if h["name"] == NAME)


def test_a_home_assistant_that_does_not_know_the_gateway(house):
    """host add says it at once, with the address that Home Assistant sees; status and the trials go on saying it until it
    is told, and then nobody has to come for the all-clear."""
    with home_assistant([]):
        said = house.run("home", "sh", "-c", f"hagw-ctl host add second http://192.168.1.4:{PORT} 2>&1")
        try:
            assert f"https://{NAME} leads to" in said
            assert 'does not know this machine (192.168.1.2) as a proxy' in said
            assert 'add 192.168.1.2 to "Trusted proxies"' in said
            status = house.run("home", "sh", "-c", "hagw-ctl status --no-delegation; echo exit $?")
            assert f"The service behind {NAME} fails" in status and "exit 1" in status
        except BaseException:
            house.ctl("host", "remove", NAME)
            raise
    try:
        until("that nobody is there", lambda: health(house)["health"] == "failing" and "refuses connections" in
              health(house)["error"], 150)
        with home_assistant(["192.168.1.2"]):
            until("the all-clear", lambda: health(house)["health"] == "ok", 150)
    finally:
        house.ctl("host", "remove", NAME)


RESPONDER = """
import socket, struct
name = b"\\x0dhomeassistant\\x05local\\x00"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.251") + socket.inet_aton("192.168.1.4"))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.1.4"))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
answer = b"\\0\\0\\x84\\0\\0\\0\\0\\x01\\0\\0\\0\\0" + name + struct.pack("!HHIH", 1, 0x8001, 120, 4) + socket.inet_aton("192.168.1.4")
print("listening", flush=True)
while True:
    data, _ = s.recvfrom(9000)
    if not data[2] & 0x80 and name in data:
        s.sendto(answer, ("224.0.0.251", 5353))
"""


@contextlib.contextmanager
def mdns(house):
    """Home Assistant says its name in the network, and the gateway's systemd-resolved speaks mDNS there."""
    lab("sh", "-c", "cat >/tmp/responder.py", input=RESPONDER)
    house.run("home", "sh", "-ec", "mkdir -p /run/systemd/resolved.conf.d; printf '[Resolve]\\nMulticastDNS=yes\\n' "
              ">/run/systemd/resolved.conf.d/mdns.conf; systemctl restart systemd-resolved")
    link = house.run("home", "sh", "-c", "ip -4 -o address show to 192.168.1.0/24").split()[1].split("@")[0]
    house.run("home", "resolvectl", "mdns", link, "yes")
    with subprocess.Popen([ROOT / "dev/lab", "run", "ha", "python3", "/tmp/responder.py"], stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline() == "listening\n"
        try:
            yield
        finally:
            lab("pkill", "-f", "/tmp/responder.py")
            house.run("home", "sh", "-ec", "rm /run/systemd/resolved.conf.d/mdns.conf; systemctl restart systemd-resolved")


def test_a_name_in_local(house):
    """In hagw-netd's sandbox, as it is installed: what systemd-resolved finds in the network is found."""
    name = f"local.{ZONE}"
    with mdns(house):
        said = house.ctl("host", "add", "local", "http://homeassistant.local:8123")
        house.ctl("host", "remove", name)
    assert f"https://{name} leads to http://homeassistant.local:8123, which answers." in said

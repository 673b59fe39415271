# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tunnels under test: a relay that visitors come to, and agents in houses that dial out to it. All do the same job: the
visitor's TLS goes unopened through the relay to the house whose name it asks for, two threads or workers, no access log.

haproxy is no tunnel: it connects to the house. With `option splice-auto` it is the bound for what a relay can cost."""

import pathlib
import shutil
import subprocess
import sys
import time

from proxies import Program
from visitors import first_bytes, hello

ZONE = "bench.example"
# Below those that connections leave from. One tunnel runs at a time.
VISITOR_PORT, CONTROL_PORT, LINE_PORT, HOUSE_PORTS = 2000, 2001, 2002, 2100
ORIGIN_PORT = 9443
PEERS = pathlib.Path(__file__).resolve().parents[1] / ".cache" / "peers"
HERE = pathlib.Path(__file__).resolve().parent


def have(name):
    """None, or why the peer is left out."""
    if (PEERS / name / "version").exists():
        return None
    missing = PEERS / f"{name}.missing"
    return missing.read_text().strip() if missing.exists() else f"bench/peers did not build {name}"


class Tunnel:
    """One relay, started, and the agents of some houses, not yet. via: the port at which agents are to dial, where it is not the
    relay's own but that of a line to it."""

    label = None
    control, visitor_port = CONTROL_PORT, VISITOR_PORT
    most = 10_000  # houses that fit
    returns = True  # by itself after the relay was away

    def __init__(self, folder, houses=("ha",), via=None):
        self.folder, self.houses, self.via = folder, list(houses), via or self.control
        self.agents = []
        self.prepare()
        self.start_relay()

    @staticmethod
    def missing():
        return None

    def prepare(self):
        """Writes what is the same for all starts."""

    def start_relay(self):
        self.relay = Program(f"{self.label}-relay", self.folder, self.relay_command(), self.control)

    def start_agents(self):
        self.agents = [Program(f"{self.label}-agents{i}", self.folder, command, None)
                       for i, command in enumerate(self.agent_commands())]

    def relay_processes(self):
        return [self.relay.processes]

    def agent_processes(self):
        return [a.processes for a in self.agents]

    def door(self, house):
        """(port, name) for its visitors."""
        return self.visitor_port, f"{house}.{ZONE}"

    def answering(self, houses, timeout=2):
        """Those of which a visitor hears."""
        doors = [self.door(h) for h in houses]
        found = first_bytes([(port, hello(name)) for port, name in doors], timeout)
        return {h for h, seconds in zip(houses, found) if seconds is not None}

    def wait_answering(self, houses=None, seconds=60):
        deadline, missing = time.monotonic() + seconds, list(houses or self.houses)
        while missing:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(missing)} houses of {len(self.houses)} do not answer, {missing[0]} for one")
            batch = missing[:500]
            there = self.answering(batch)
            missing = [h for h in missing if h not in there]
            if len(there) < len(batch):
                time.sleep(0.2)

    def wait_attached(self, seconds=60):
        """All houses; without a visit where the tunnel has other means to tell."""
        self.wait_answering(seconds=seconds)

    def kill_relay(self):
        self.relay.kill()

    def revive_relay(self):
        self.start_relay()

    def said(self):
        return self.relay.said() + "".join(a.said() for a in self.agents[:2])

    def stop(self):
        for a in self.agents:
            a.process.terminate()
        for a in self.agents:
            a.stop()
        self.relay.stop()


class Direct(Tunnel):
    """No tunnel at all, the house's own server: what its visitors feel is this machine's doing."""

    label, most, visitor_port = "direct", 0, ORIGIN_PORT

    def start_relay(self):
        pass

    def start_agents(self):
        pass

    def relay_processes(self):
        return []

    def said(self):
        return ""

    def stop(self):
        pass


class Haproxy(Tunnel):
    label, control, most = "haproxy", VISITOR_PORT, 0

    @staticmethod
    def missing():
        return None if shutil.which("haproxy") else "haproxy is not installed"

    def prepare(self):
        (self.folder / "haproxy.cfg").write_text(
            "global\n  nbthread 2\n  maxconn 2000\n"
            "defaults\n  mode tcp\n  option splice-auto\n  timeout connect 5s\n  timeout client 120s\n  timeout server 120s\n"
            f"frontend f\n  bind :{VISITOR_PORT}\n  tcp-request inspect-delay 5s\n"
            "  tcp-request content accept if { req.ssl_hello_type 1 }\n"
            + "".join(f"  use_backend b if {{ req.ssl_sni {h}.{ZONE} }}\n" for h in self.houses) +
            f"backend b\n  server s 127.0.0.1:{ORIGIN_PORT}\n")

    def relay_command(self):
        return ["haproxy", "-db", "-q", "-f", str(self.folder / "haproxy.cfg")]

    def agent_commands(self):
        return []


class HaproxyTwice(Haproxy):
    """The bound for a tunnel: two machines, each of which splices."""

    label = "haproxy-twice"

    def prepare(self):
        super().prepare()
        first = self.folder / "haproxy.cfg"
        text = first.read_text()
        (self.folder / "second.cfg").write_text(text.replace(f":{VISITOR_PORT}", f":{CONTROL_PORT}"))
        first.write_text(text.replace(f":{ORIGIN_PORT}", f":{CONTROL_PORT}"))

    def agent_commands(self):
        return [["haproxy", "-db", "-q", "-f", str(self.folder / "second.cfg")]]


class Frp(Tunnel):
    """As it comes: TLS between the two, all visitors of a house in one connection (tcpMux)."""

    label, options = "frp", ""
    most = 500  # each its own process, as in its houses

    @staticmethod
    def missing():
        return have("frp")

    def prepare(self):
        (self.folder / "frps.toml").write_text(
            f'bindAddr = "127.0.0.1"\nproxyBindAddr = "0.0.0.0"\nbindPort = {self.control}\nvhostHTTPSPort = {VISITOR_PORT}\n'
            f'auth.token = "bench"\nlog.level = "error"\n{self.server_options()}')
        for house in self.houses:
            (self.folder / f"{house}.toml").write_text(
                f'serverAddr = "127.0.0.1"\nserverPort = {self.via}\nauth.token = "bench"\nuser = "{house}"\n'
                f'loginFailExit = false\nlog.level = "error"\n{self.options}'
                f'[[proxies]]\nname = "{house}"\ntype = "https"\nlocalIP = "127.0.0.1"\nlocalPort = {ORIGIN_PORT}\n'
                f'customDomains = ["{house}.{ZONE}"]\n')

    def server_options(self):
        # That both ends must agree on.
        return "".join(line for line in self.options.splitlines(True) if "tcpMux" in line)

    def relay_command(self):
        return [str(PEERS / "frp" / "frps"), "-c", str(self.folder / "frps.toml")]

    def agent_commands(self):
        return [[str(PEERS / "frp" / "frpc"), "-c", str(self.folder / f"{house}.toml")] for house in self.houses]


class FrpPlain(Frp):
    """As cheap as it can be made: no TLS of its own, a connection per visitor, some of them waiting."""

    label = "frp-plain"
    options = "transport.tls.enable = false\ntransport.tcpMux = false\ntransport.poolCount = 5\n"


class Rathole(Tunnel):
    """As it comes: plain TCP. It knows no names: each house has a port of its own at the relay."""

    label = "rathole"
    most = 1000

    @staticmethod
    def missing():
        return have("rathole")

    def prepare(self):
        server, client = self.transport()
        (self.folder / "server.toml").write_text(
            f'[server]\nbind_addr = "127.0.0.1:{self.control}"\ndefault_token = "bench"\n{server}' +
            "".join(f'[server.services.{h}]\nbind_addr = "0.0.0.0:{self.door(h)[0]}"\n' for h in self.houses))
        (self.folder / "client.toml").write_text(
            f'[client]\nremote_addr = "127.0.0.1:{self.via}"\ndefault_token = "bench"\n{client}' +
            "".join(f'[client.services.{h}]\nlocal_addr = "127.0.0.1:{ORIGIN_PORT}"\n' for h in self.houses))

    def transport(self):
        return "", ""

    def door(self, house):
        return HOUSE_PORTS + self.houses.index(house) if len(self.houses) > 1 else VISITOR_PORT, f"{house}.{ZONE}"

    def relay_command(self):
        return [str(PEERS / "rathole" / "rathole"), "--server", str(self.folder / "server.toml")]

    def agent_commands(self):
        """A process may speak for several houses: each has a control connection and channels of its own all the same."""
        return [[str(PEERS / "rathole" / "rathole"), "--client", str(self.folder / "client.toml")]]


class RatholeNoise(Rathole):
    label = "rathole-noise"
    most = 50  # its relay takes up one connection at a time, and more do not get through

    def transport(self):
        keys = subprocess.run([str(PEERS / "rathole" / "rathole"), "--genkey"], capture_output=True, text=True, check=True).stdout
        lines = [line.strip() for line in keys.splitlines() if line.strip()]
        private, public = lines[lines.index("Private Key:") + 1], lines[lines.index("Public Key:") + 1]
        one = "[{0}.transport]\ntype = \"noise\"\n[{0}.transport.noise]\n{1}\n"
        return (one.format("server", f'local_private_key = "{private}"'), one.format("client", f'remote_public_key = "{public}"'))


class Snitun(Tunnel):
    """As it comes: what it adds of its own is encrypted, all visitors of a house in one connection."""

    label, control, returns = "snitun", VISITOR_PORT, False

    @staticmethod
    def missing():
        return have("snitun")

    def prepare(self):
        (self.folder / "houses").write_text("\n".join(self.houses))

    def command(self, *arguments):
        return ["env", f"PYTHONPATH={PEERS / 'snitun'}", sys.executable, str(HERE / "snitun_ends.py"), *map(str, arguments)]

    def relay_command(self):
        return self.command("relay", VISITOR_PORT)

    def agent_commands(self):
        return [self.command("agents", self.via, ORIGIN_PORT, ZONE, self.folder / "houses")]

    def wait_attached(self, seconds=60):
        self.agents[0].wait_said("attached", seconds)


# One row per program.
TUNNELS = {t.label: t for t in (FrpPlain, Frp, Rathole, RatholeNoise, Snitun, Haproxy, HaproxyTwice, Direct)}


def versions():
    found = {n: (PEERS / n / "version").read_text().strip() for n in ("rathole", "frp", "snitun") if have(n) is None}
    if shutil.which("haproxy"):
        found["haproxy"] = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout.splitlines()[0]
    found["python"] = sys.version.split()[0]
    return found

# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw as a tunnel: a relay with tenants, and houses that are attached to it."""

import base64
import hashlib
import subprocess

from machine import ROOT, Machine
from proxies import Program
from tunnels import ORIGIN_PORT, VISITOR_PORT, ZONE, Tunnel


def pin(folder):
    """Of the certificate's public key (RFC 7469)."""
    public = subprocess.run(["openssl", "x509", "-in", folder / "chain.pem", "-pubkey", "-noout"], capture_output=True, check=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public.stdout, capture_output=True, check=True)
    return "sha256:" + base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


class Hagw(Tunnel):
    """Agents are whole: hagw-proxyd with its hagw-keyd and hagw-netd, for each house."""

    label, control = "hagw", VISITOR_PORT

    def start_relay(self):
        self.relay = Machine(
            self.folder / "relay",
            f'zones = ( {{ name = "{ZONE}"; }} );\nacme: {{ directory = "https://127.0.0.1:9/none"; }};\n'
            f'tenants: {{ zone = "{ZONE}"; }};\nproxy: {{ workers = 2; connections_per_address = 0; handshakes_per_address = 0; }};', port=VISITOR_PORT)
        self.relay.start("keyd", "acmed", "tenantd")
        self.relay.import_certificate(self.folder.parent)
        self.relay.start("proxyd")
        self.tokens = self.add_tenants()

    def add_tenants(self):
        """{house: token}; where there are many, the relay names them."""
        tenantd = self.relay["tenantd"]
        if len(self.houses) == 1:
            new = [tenantd.call("Add", name=self.houses[0], credential="token")["tenant"]]
        else:
            with tenantd.varlink(timeout=120) as v:
                new = [t for m in v.stream("io.hagw.Tenant.AddMany", prefix="h-", count=len(self.houses), credential="token")
                       for t in m["tenants"]]
        self.houses = [t["name"] for t in new]
        return {t["name"]: t["credential"] for t in new}

    def start_agents(self):
        self.agents = [self.start_house(h) for h in self.houses]

    def start_house(self, house):
        machine = Machine(
            self.folder / house,
            f'zones = ( {{ name = "{house}.{ZONE}"; via = "relay"; }} ); public_address: {{ ipv6 = "none"; }}; lan = ( "192.0.2.0/24" );\n'
            f'relay: {{ address = "{ZONE}:{self.via}"; tenant = "{house}"; pin = "{pin(self.folder.parent)}"; private = "accept"; }};\n'
            f'proxy: {{ workers = {2 if len(self.houses) == 1 else 1}; connections_per_address = 0; handshakes_per_address = 0; }};',
            {"all": f'name = "{house}.{ZONE}"; upstream = "tcp://127.0.0.1:{ORIGIN_PORT}"; access: {{ login = "none"; }};'})
        machine.start("keyd", "netd")
        machine["keyd"].call("ImportToken", token=self.tokens[house])
        machine.start("proxyd")
        return machine

    def relay_processes(self):
        return [self.relay.processes_of("proxyd", "keyd", "tenantd")]

    def agent_processes(self):
        return [m.processes_of() for m in self.agents]

    def limit_month(self, size):
        """Of the one house, from now on."""
        self.relay["tenantd"].call("Set", name=self.houses[0], bytesPerMonth=size)

    def month(self):
        """The bytes of the one house's month, and whether they are used up."""
        t = self.relay["tenantd"].call("Get", name=self.houses[0])["tenant"]
        return t["received"] + t["sent"], t["exhausted"]

    def kill_relay(self):
        self.relay.kill()

    def revive_relay(self):
        self.relay.revive()

    def restart_relay(self):
        """hagw-proxyd ends as systemd ends it, and is there again: its sockets, and what it gave away to keep, stayed."""
        status = self.relay["proxyd"].stop()
        if status != 0:
            raise RuntimeError(f"hagw-proxyd ended with {status}")
        self.relay["proxyd"].start()

    def said(self):
        return self.relay.said() + "".join(m.said() for m in self.agents[:2])

    def stop(self):
        for m in [*self.agents, self.relay]:
            m.stop()


class HagwFleet(Hagw):
    """Agents are simulated by bench/agents: a house that nobody visits, as the relay sees it."""

    def start_agents(self):
        (self.folder / "tokens").write_text("".join(f"{t}\n" for t in self.tokens.values()))
        self.agents = [Program("agents", self.folder, [str(ROOT / "build-bench" / "bench" / "agents"), "127.0.0.1", str(self.via), ZONE,
                                                       str(self.folder / "tokens")], None)]

    def wait_attached(self, seconds=60):
        self.agents[0].wait_said(f"attached {len(self.houses)} of", seconds)

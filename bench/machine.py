# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw's daemons on one machine as systemd would start them, by the component tests' own frame."""

import importlib.util
import pathlib
import socket
import sys
import time

from measure import Processes

ROOT = pathlib.Path(__file__).resolve().parents[1]
# In the order in which they start.
INTERFACES = {"keyd": "io.hagw.Key", "netd": "io.hagw.Net", "dnsd": "io.hagw.Dns", "webd": "io.hagw.Web", "acmed": "io.hagw.Acme",
              "tenantd": "io.hagw.Tenant", "proxyd": "io.hagw.Proxy"}


def load_frame():
    if "conftest" not in sys.modules:
        path = ROOT / "tests" / "component" / "conftest.py"
        spec = importlib.util.spec_from_file_location("conftest", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["conftest"] = module
        spec.loader.exec_module(module)
    return sys.modules["conftest"]


class Pids(Processes):
    """Daemons of the tests' frame: they share our session, so each counts by its own pid."""

    def __init__(self, *daemons):
        super().__init__()
        self.daemons = daemons

    def pids(self):
        return [d.process.pid for d in self.daemons]


class Machine:
    """folder: to be made. port: where hagw-proxyd listens, or none. start() the daemons in any order that the caller needs."""

    def __init__(self, folder, conf, hosts=None, port=None):
        folder.mkdir()
        self.house, self.port, self.daemons = load_frame().House(folder), port, {}
        self.house.configure(f"log: {{ access = false; }};\n{conf}", **(hosts or {}))

    def listen(self):
        return socket.create_server(("", self.port), backlog=4096)

    def sockets(self, name):
        if name == "dnsd":
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            return {"dns-udp": [udp], "dns-tcp": [socket.create_server(("127.0.0.1", 0))]}
        if name == "webd":
            unix = socket.socket(socket.AF_UNIX)
            unix.bind(str(self.house.runtime / "web"))
            unix.listen(64)
            return {"web": [unix]}
        return {"https": [self.listen()]} if name == "proxyd" and self.port else {}

    def start(self, *names):
        for name in names:
            self.daemons[name] = self.house.daemon(name, INTERFACES[name], sockets=self.sockets(name), env={"HAGW_LOG_LEVEL": "info"})

    def __getitem__(self, name):
        return self.daemons[name]

    def processes_of(self, *names):
        """All where none are named."""
        return Pids(*(self.daemons[n] for n in names or self.daemons))

    def import_certificate(self, folder):
        """key.pem and chain.pem of the folder; keyd and acmed run."""
        key = self["keyd"].call("Import", purpose="tls", pem=(folder / "key.pem").read_text())["key"]["id"]
        self["acmed"].call("Import", chain=(folder / "chain.pem").read_text(), keyId=key)

    def wait_certificate(self):
        for _ in range(100):
            if all(h["certificate"] for h in self["proxyd"].call("ListHosts")["hosts"]):
                time.sleep(0.2)  # on its way to the workers
                return
            time.sleep(0.1)
        raise RuntimeError("proxyd got no certificate from acmed")

    def kill(self):
        """All at once, and the port is nobody's."""
        for d in self.daemons.values():
            d.process.kill()
        for d in self.daemons.values():
            d.process.wait(20)
            for name, s in d.fds:
                if name == "https":
                    s.close()

    def revive(self):
        for d in self.daemons.values():
            d.fds = [(name, self.listen() if name == "https" else s) for name, s in d.fds]
            d.start()

    def said(self):
        return "".join(d.text()[-2000:] for d in self.daemons.values())

    def stop(self):
        for d in reversed(self.daemons.values()):
            d.stop()
            d.close()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay's hagw-tenantd, and tokens and proofs as docs/relay-protocol.md says, computed without any of hagw's code."""

import base64
import contextlib
import hashlib
import hmac
import os
import sqlite3
import time

ZONE = "relay.example.com"
CONFIG = f"""
zones = ( {{ name = "{ZONE}"; name_server = "ns1.{ZONE}"; }} );
tenants: {{ zone = "{ZONE}"; name = "connect.{ZONE}"; channels = 77; }};
"""
HOSTS = {"web": f'name = "shop.{ZONE}"; upstream = "http://127.0.0.1:80";'}


def b64(data):
    return base64.b64encode(data).decode()


class Token:
    def __init__(self, text=None, tenant=None, token_id=None, secret=None):
        if text:
            label, tenant, token_id, encoded = text.split("_")
            assert label == "hagw" and encoded == encoded.lower()
            secret = base64.b32decode(encoded.upper() + "=" * (-len(encoded) % 8))
        self.tenant, self.id, self.secret = tenant, token_id, secret or os.urandom(32)
        assert len(self.secret) == 32

    @property
    def stored_key(self):
        return hashlib.sha256(self.secret).digest()

    def proof(self, binding):
        message = b"\0".join([b"hagw-relay-1 proof", self.tenant.encode(), self.id.encode(), binding])
        mac = hmac.digest(self.stored_key, message, "sha256")
        return bytes(a ^ b for a, b in zip(self.secret, mac))

    def fields(self, bound=None, **changed):
        """What methods with a proof are called with."""
        bound = bound or os.urandom(32)
        return {"tenant": self.tenant, "tokenId": self.id, "proof": b64(self.proof(bound)), "binding": b64(bound), **changed}


class Relay:
    """A running hagw-tenantd."""

    def __init__(self, house, config=CONFIG):
        """config: None where the house is configured already."""
        self.house = house
        if config is not None:
            house.configure(config, **HOSTS)
        self.daemon = house.daemon("tenantd", "io.hagw.Tenant")
        self.call, self.varlink = self.daemon.call, self.daemon.varlink

    @property
    def database(self):
        return self.house.root / "state" / "tenantd" / "tenants.db"

    def add(self, name, **keys):
        """A tenant with a token."""
        return Token(self.call("Add", name=name, credential="token", **keys)["tenant"]["credential"])

    def get(self, name):
        return self.call("Get", name=name)["tenant"]

    def all(self, method, key, **parameters):
        with self.varlink(timeout=120) as v:
            return [x for m in v.stream(f"io.hagw.Tenant.{method}", **parameters) for x in m[key]]

    def status(self):
        return self.call("io.hagw.Service.Describe")["status"]

    def metric(self, name):
        return {m["name"]: m["value"] for m in self.call("io.hagw.Service.GetMetrics")["metrics"]}[name]

    @staticmethod
    def until(condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come about in time"
            time.sleep(0.02)

    def sql(self, statement, *values):
        """Changes the database of a daemon that does not run."""
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            db.execute(statement, [int(v) if isinstance(v, float) else v for v in values])

    def restart(self):
        """As after a kill: nothing is left but what was acknowledged."""
        self.daemon.kill()
        self.daemon.start()


class Watcher:
    """Follows Watch or WatchAccounts and holds what they said."""

    def __init__(self, relay, method="Watch"):
        self.link, self.key = relay.varlink(timeout=60), {"Watch": "tenants", "WatchAccounts": "accounts"}[method]
        self.stream = self.link.stream(f"io.hagw.Tenant.{method}")
        self.known, self.complete, self.messages = {}, False, 0
        while not self.complete:
            self.next()

    def next(self):
        m = next(self.stream)
        assert m["reset"] == (self.messages == 0)
        assert len(m[self.key]) <= 1000
        self.messages += 1
        self.complete = m["complete"]
        self.known |= {t["name"]: t for t in m[self.key]}
        for name in m.get("removed", ()):
            self.known.pop(name, None)  # one that came and went between two messages was never told
        return m

    def until(self, condition):
        while not condition(self.known):
            self.next()

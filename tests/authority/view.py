# SPDX-License-Identifier: LGPL-2.1-or-later
"""DNS as an authority asks it: always anew or with the TTL, by UDP and TCP, following aliases."""

import dataclasses
import random
import time

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

ALIASES_MAX = 8
TRIES = 2


class Failure(Exception):
    """There was no answer that says yes or no."""


@dataclasses.dataclass
class Found:
    name: str  # where the records stand, behind all aliases
    records: list
    ttl: float
    aliases: list[str]


def text(name):
    return name.to_text(omit_final_dot=True).lower()


class View:
    """The names of the world: each zone has a server, "." for all others; no server: the name does not exist."""

    def __init__(self, settings):
        self.settings, self.kept = settings, {}

    def server(self, name):
        zones = [z for z in self.settings.servers if z == "." or name.is_subdomain(dns.name.from_text(z))]
        return self.settings.servers[max(zones, key=lambda z: 0 if z == "." else z.count(".") + 1)] if zones else None

    async def exchange(self, name, kind, server):
        mixed = dns.name.from_text("".join(random.choice((c.lower(), c.upper())) for c in name.to_text()))
        query = dns.message.make_query(mixed, kind, use_edns=0, payload=1232)
        for _ in range(TRIES):
            try:
                reply, _ = await dns.asyncquery.udp_with_fallback(query, server[0], self.settings.dns_timeout, server[1])
                return reply
            except (dns.exception.DNSException, OSError) as e:
                reason = e
        raise Failure(f"{text(name)} {kind}: no answer: {type(reason).__name__} {reason}")

    async def once(self, name, kind):
        """The answer's records at the name, or its alias' target, with a TTL: (records, target, ttl)."""
        server = self.server(name)
        if not server:
            return [], None, 0
        reply = await self.exchange(name, kind, server)
        if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise Failure(f"{text(name)} {kind}: {dns.rcode.to_text(reply.rcode())}")
        for wanted in (dns.rdatatype.from_text(kind), dns.rdatatype.CNAME):
            for rrset in reply.answer:
                if rrset.name == name and rrset.rdtype == wanted:
                    return (list(rrset), None, rrset.ttl) if wanted != dns.rdatatype.CNAME else ([], rrset[0].target, rrset.ttl)
        minimum = [min(s.ttl, s[0].minimum) for s in reply.authority if s.rdtype == dns.rdatatype.SOA]
        return [], None, minimum[0] if minimum else 0

    async def ask(self, name, kind):
        """Found; the records may be none. Raises Failure."""
        at, aliases, ttl = dns.name.from_text(name), [], float("inf")
        while True:
            key = (at, kind)
            kept = self.kept.get(key)
            if not (self.settings.dns_cache and kind == "CAA" and kept and kept[1] > time.monotonic()):
                kept = self.kept[key] = (answer := await self.once(at, kind), time.monotonic() + answer[2])
            (records, target, part), _ = kept
            ttl = min(ttl, part)
            if target is None:
                return Found(text(at), records, ttl, aliases)
            aliases.append(text(at))
            if len(aliases) > ALIASES_MAX or text(target) in aliases:
                raise Failure(f"{name} {kind}: aliases without an end")
            at = target

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a name is the account's: DNS-01 and HTTP-01 (RFC 8555 section 8)."""

import asyncio
import hashlib
import socket

import aiohttp
import aiohttp.abc

from .view import Failure
from .jose import encode
from .problem import Problem

BODY_MAX = 8192
HTTP_TIMEOUT = 10.0
REDIRECTS_MAX = 10


async def check_dns(view, name, token, thumbprint):
    wanted = encode(hashlib.sha256(f"{token}.{thumbprint}".encode()).digest())
    try:
        found = await view.ask(f"_acme-challenge.{name}", "TXT")
    except Failure as e:
        raise Problem("dns", str(e), identifier=name) from None
    values = [b"".join(r.strings).decode("ascii", "replace") for r in found.records]
    if not values:
        raise Problem("unauthorized", f"no TXT record at {found.name}", 403, name)
    if wanted not in values:
        raise Problem("unauthorized", f"other TXT values than the right one at {found.name}: {values}", 403, name)


class Resolver(aiohttp.abc.AbstractResolver):
    def __init__(self, view):
        self.view = view

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        found = [(r.address, f) for kind, f in (("AAAA", socket.AF_INET6), ("A", socket.AF_INET))
                 for r in (await self.view.ask(host, kind)).records]
        if not found:
            raise OSError(f"{host} has no address")
        return [{"hostname": host, "host": address, "port": port, "family": f, "proto": 0, "flags": socket.AI_NUMERICHOST}
                for address, f in found]

    async def close(self):
        pass


async def check_http(view, name, token, thumbprint):
    wanted, port = f"{token}.{thumbprint}", view.settings.http_port
    url = f"http://{name}{'' if port == 80 else f':{port}'}/.well-known/acme-challenge/{token}"
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Resolver(view), ssl=False, use_dns_cache=False),
                                         timeout=aiohttp.ClientTimeout(total=HTTP_TIMEOUT)) as session:
            async with session.get(url, max_redirects=REDIRECTS_MAX) as reply:
                body = await reply.content.read(BODY_MAX)
                if reply.status != 200:
                    raise Problem("unauthorized", f"{url}: status {reply.status}", 403, name)
    except Failure as e:
        raise Problem("dns", str(e), identifier=name) from None
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as e:
        raise Problem("connection", f"{url}: {e}", identifier=name) from None
    if body.decode("ascii", "replace").rstrip() != wanted:
        raise Problem("unauthorized", f"{url} answers something else: {body[:80]!r}", 403, name)


METHODS = {"dns-01": check_dns, "http-01": check_http}

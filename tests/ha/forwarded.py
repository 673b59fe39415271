# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who asks? Home Assistant's rules for a reverse proxy's headers: what is odd is refused with 400."""

import ipaddress
import logging

from aiohttp import hdrs, web

log = logging.getLogger("ha.forwarded")


def is_trusted(address, networks):
    return any(address in n for n in networks)


# The networks that Home Assistant calls its own; Python's is_private has more, the documentation's among them.
LOCAL = [ipaddress.ip_network(n) for n in (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")]


def is_local(address):
    return is_trusted(address, LOCAL)


def parts(request, name):
    """What the header's fields say, one after the other; [] when there is none."""
    return [p.strip() for value in request.headers.getall(name, []) for p in value.split(",")]


def visitor_of(chain, networks):
    """The last address that is no proxy of ours; when all are, the first."""
    for i, address in enumerate(reversed(chain)):
        if not is_trusted(address, networks):
            return len(chain) - 1 - i
    return 0


def parse_chain(values, peer):
    try:
        # A bare address only: a port, brackets or "unknown" are no address.
        return [ipaddress.ip_address(v) for v in values]
    except ValueError:
        log.error("%s: X-Forwarded-For is no list of addresses: %s", peer, values)
        raise web.HTTPBadRequest from None


def middleware(use_forwarded, trusted):
    networks = [ipaddress.ip_network(n) for n in trusted]

    @web.middleware
    async def forwarded(request, handler):
        peer = ipaddress.ip_address(request.transport.get_extra_info("peername")[0].split("%")[0])
        values = parts(request, hdrs.X_FORWARDED_FOR)
        if not values:
            request["address"] = peer
            return await handler(request)
        if not use_forwarded or not is_trusted(peer, networks):
            log.error("a request from the reverse proxy %s was received, which is not in trusted_proxies", peer)
            raise web.HTTPBadRequest
        chain = parse_chain(values, peer)
        index = visitor_of(chain, networks)
        request["address"] = chain[index]
        overrides = {"remote": str(chain[index])}
        protos = parts(request, hdrs.X_FORWARDED_PROTO)
        if protos:
            if "" in protos or len(protos) not in (1, len(chain)):
                log.error("%s: X-Forwarded-Proto does not fit: %s", peer, protos)
                raise web.HTTPBadRequest
            overrides["scheme"] = protos[index] if len(protos) > 1 else protos[0]
        hosts = parts(request, hdrs.X_FORWARDED_HOST)
        if hosts:
            if not hosts[-1]:
                raise web.HTTPBadRequest
            overrides["host"] = hosts[-1]
        request = request.clone(**overrides)
        request["address"] = chain[index]
        return await handler(request)

    return forwarded

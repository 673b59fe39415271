# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Home Assistant refuses before it asks who that is, and what it says with each answer."""

import re
from urllib.parse import unquote

from aiohttp import web

ATTACKS = re.compile(
    r"\.\./|proc/self/environ|\w=/([a-z0-9_.]/)+|<.*script.*>|concat.*\(|union.*(select.*\(|all.*select)", re.IGNORECASE)
HEADERS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Server": ""}
# Before a login nobody has more to say.
STRANGERS_BYTES = 64 * 1024


def unwrap(text):
    while (bare := unquote(text)) != text:
        text = bare
    return text


@web.middleware
async def refuse_attacks(request, handler):
    asked = f"{request.path}?{request.query_string}" if request.query_string else request.path
    # Below /lab/ tests look at what else arrives.
    if not asked.startswith("/lab/") and (set("\t\r\n") & set(asked) or ATTACKS.search(unwrap(asked))):
        raise web.HTTPBadRequest
    return await handler(request)


@web.middleware
async def add_headers(request, handler):
    try:
        response = await handler(request)
    except web.HTTPException as e:
        e.headers.update(HEADERS)
        raise
    response.headers.update(HEADERS)
    return response


def strangers(handler):
    """A handler that takes no more than a login needs."""
    async def limited(request):
        request._client_max_size = STRANGERS_BYTES  # aiohttp has no other place for it
        return await handler(request)
    return limited

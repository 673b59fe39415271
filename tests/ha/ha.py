# SPDX-License-Identifier: LGPL-2.1-or-later
"""Home Assistant as far as a gateway can tell: the same server (aiohttp), the same rules, no house behind it.

Everything below /lab/ and each parameter or command named so is ours, for tests to look inside."""

import argparse
import asyncio
import collections
import json
import logging
import signal

from aiohttp import WSMsgType, web

import bulk
import forwarded
import guard
import live
import login

log = logging.getLogger("ha")
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Home Assistant</title></head>
<body><h1 id="house">Home Assistant</h1><p>The house is fine.</p></body></html>"""


class HomeAssistant:
    def __init__(self, config):
        self.config = config
        self.counters = collections.Counter()
        self.webhooks = []
        self.login = login.Login(config["users"], config["login_attempts_threshold"])
        self.parts = [self.login, live.Live(self.login, self.counters), bulk.Bulk(self.counters)]

    def app(self):
        app = web.Application(client_max_size=16 * 1024 * 1024, middlewares=[
            self.log, guard.refuse_attacks,
            forwarded.middleware(self.config["use_x_forwarded_for"], self.config["trusted_proxies"]), self.login.ban,
            guard.add_headers])
        for part in self.parts:
            app.router.add_routes(part.routes())
        app.router.add_routes([
            *(web.get(p, self.page, allow_head=False) for p in ("/", "/lovelace{path:(/.*)?}", "/auth/authorize")),
            web.get("/manifest.json", self.manifest, allow_head=False), web.get("/api/", self.api, allow_head=False), web.post("/api/alexa/smart_home", self.api),
            *(web.route(m, "/api/webhook/{webhook_id}", self.webhook) for m in ("GET", "POST", "PUT")),
            web.route("*", "/api/hassio_ingress/{token}/{path:.*}", self.ingress),
            web.get("/lab/state", self.state), web.route("*", "/lab/echo{path:.*}", self.echo)])
        return app

    @web.middleware
    async def log(self, request, handler):
        status = 500
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as e:
            status = e.status
            raise
        finally:
            log.info("%s %s %s %s", request.get("address", request.remote), request.method, request.path, status)

    async def page(self, request):
        return web.Response(text=PAGE, content_type="text/html")

    async def manifest(self, request):
        return web.json_response({"name": "Home Assistant", "start_url": "/?homescreen=1", "display": "standalone"},
                                 content_type="application/manifest+json")

    async def api(self, request):
        self.login.require(request)
        return web.json_response({"message": "API running."})

    async def webhook(self, request):
        """?local_only=1: Home Assistant then answers 200 to everybody, and acts for the house's own network only."""
        local = forwarded.is_local(request["address"])
        if not (request.query.get("local_only") and not local):
            self.webhooks.append([request.match_info["webhook_id"], str(request["address"])])
        else:
            log.warning("received remote request for local webhook %s", request.match_info["webhook_id"])
        return web.Response()

    def seen(self, request):
        """The request as it arrived, byte for byte as far as aiohttp shows it."""
        return {"method": request.method, "target": request.raw_path, "scheme": request.scheme, "host": request.host,
                "address": str(request["address"]), "peer": request.transport.get_extra_info("peername")[0],
                "headers": [[n.decode("latin-1"), v.decode("latin-1")] for n, v in request.raw_headers]}

    async def echo(self, request):
        body = await request.read()
        return web.json_response({**self.seen(request), "body": body.decode("latin-1")})

    async def ingress(self, request):
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self.echo(request)
        asked = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if p.strip()]
        ws = web.WebSocketResponse(protocols=asked[-1:])
        await ws.prepare(request)
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                await ws.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await ws.send_bytes(message.data)
        return ws

    async def state(self, request):
        return web.json_response({**self.counters, "webhooks": self.webhooks,
                                  "banned": [str(a) for a in self.login.banned]})


async def serve(config):
    ha = HomeAssistant(config)
    # Home Assistant's own limits for the request line and a header line.
    runner = web.AppRunner(ha.app(), max_line_size=24570, max_field_size=24570, access_log=None, handler_cancellation=True)
    await runner.setup()
    for address in config["listen"]:
        await web.TCPSite(runner, address, config["port"]).start()
    log.info("listening on %s port %d", " ".join(config["listen"]), config["port"])
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await asyncio.wait_for(runner.cleanup(), 5)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    with open(parser.parse_args().config, encoding="utf-8") as f:
        config = json.load(f)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(config))


if __name__ == "__main__":
    main()

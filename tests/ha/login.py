# SPDX-License-Identifier: LGPL-2.1-or-later
"""Home Assistant's own login: a flow bound to one address, codes, tokens, and bans for who guesses."""

import json
import logging
import secrets

from aiohttp import web
from guard import strangers

log = logging.getLogger("ha.login")


class Login:
    def __init__(self, users, threshold):
        self.users, self.threshold = users, threshold
        self.flows, self.codes, self.tokens = {}, {}, {}
        self.wrong, self.banned = {}, set()

    # --- bans ---

    @web.middleware
    async def ban(self, request, handler):
        if request["address"] in self.banned:
            log.warning("%s is banned", request["address"])
            raise web.HTTPForbidden
        return await handler(request)

    def wrong_login(self, request):
        address = request["address"]
        self.wrong[address] = self.wrong.get(address, 0) + 1
        log.warning("login attempt or request with invalid authentication from %s", address)
        if self.threshold and self.wrong[address] >= self.threshold:
            self.banned.add(address)
            log.warning("banned %s for too many login attempts", address)

    # --- tokens ---

    def user_of(self, token):
        return self.tokens.get(token)

    def require(self, request):
        """The user of the request's bearer token or signed-path-like parameter; otherwise 401, counted."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token if kind == "Bearer" else request.query.get("authSig", "")
        if self.user_of(token):
            return self.user_of(token)
        if token:
            self.wrong_login(request)
        raise web.HTTPUnauthorized

    # --- the flow ---

    async def read(self, request, *names):
        """The request's JSON object, which must have these."""
        try:
            data = await request.json()
        except ValueError:
            data = None
        if not isinstance(data, dict) or not all(n in data for n in names):
            raise web.HTTPBadRequest(text=json.dumps({"message": "Invalid JSON."}), content_type="application/json")
        return data

    async def start(self, request):
        data = await self.read(request, "client_id", "handler", "redirect_uri")
        flow_id = secrets.token_hex(16)
        self.flows[flow_id] = (request["address"], data["client_id"])
        return web.json_response({
            "type": "form", "flow_id": flow_id, "handler": data.get("handler"), "step_id": "init",
            "data_schema": [{"type": "string", "name": "username", "required": True},
                            {"type": "string", "name": "password", "required": True}],
            "errors": {}, "description_placeholders": None, "last_step": None})

    async def step(self, request):
        data = await self.read(request, "client_id")
        flow_id = request.match_info["flow_id"]
        if flow_id not in self.flows:
            return web.json_response({"message": "Invalid flow specified"}, status=404)
        address, client_id = self.flows[flow_id]
        if address != request["address"]:
            log.error("the flow of %s was continued by %s", address, request["address"])
            return web.json_response({"message": "IP address changed"}, status=400)
        if data.get("client_id") != client_id:
            return web.json_response({"message": "Invalid client id"}, status=400)
        user = data.get("username")
        if user not in self.users or not secrets.compare_digest(self.users[user].encode(), data.get("password", "").encode()):
            self.wrong_login(request)
            return web.json_response({"type": "form", "flow_id": flow_id, "step_id": "init",
                                      "errors": {"base": "invalid_auth"}})
        del self.flows[flow_id]
        self.wrong.pop(request["address"], None)
        code = secrets.token_hex(16)
        self.codes[code] = user
        return web.json_response({"type": "create_entry", "flow_id": flow_id, "result": code, "version": 1})

    async def token(self, request):
        data = await request.post()
        grant = data.get("grant_type")
        if grant == "authorization_code":
            user = self.codes.pop(data.get("code", ""), None)
        else:
            user = self.tokens.get(data.get("refresh_token", "")) if grant == "refresh_token" else None
        if user is None:
            return web.json_response({"error": "invalid_request"}, status=400)
        access, refresh = secrets.token_urlsafe(48), secrets.token_hex(64)
        self.tokens[access] = self.tokens[refresh] = user
        return web.json_response({"access_token": access, "token_type": "Bearer", "refresh_token": refresh,
                                  "expires_in": 1800, "ha_auth_provider": "homeassistant"})

    async def providers(self, request):
        return web.json_response({"providers": [{"name": "Home Assistant Local", "id": None, "type": "homeassistant"}],
                                  "preselect_remember_me": False})

    def routes(self):
        return [web.get("/auth/providers", self.providers), web.post("/auth/login_flow", strangers(self.start)),
                web.post("/auth/login_flow/{flow_id}", strangers(self.step)), web.post("/auth/token", strangers(self.token))]

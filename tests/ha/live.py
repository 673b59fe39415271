# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stays open: the WebSocket, server-sent events, the camera, held requests."""

import asyncio
import json
import time

from aiohttp import WSMsgType, web

VERSION = "2026.11.0"
# A frame that a browser shows: the smallest GIF.
FRAME = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


class Live:
    def __init__(self, login, counters):
        self.login, self.counters = login, counters
        self.started = time.time()

    def state(self):
        return {"entity_id": "sensor.uptime", "state": str(int(time.time() - self.started)), "attributes": {},
                "last_changed": "2026-01-01T00:00:00+00:00", "last_updated": "2026-01-01T00:00:00+00:00",
                "context": {"id": "lab", "parent_id": None, "user_id": None}}

    # --- the WebSocket ---

    async def websocket(self, request):
        ws = web.WebSocketResponse(heartbeat=55)
        await ws.prepare(request)
        self.counters["websockets"] += 1
        subscriptions = {}
        try:
            await ws.send_json({"type": "auth_required", "ha_version": VERSION})
            message = await ws.receive_json(timeout=10)
            if message.get("type") != "auth" or not self.login.user_of(message.get("access_token")):
                self.login.wrong_login(request)
                await ws.send_json({"type": "auth_invalid", "message": "Invalid access token or password"})
                return ws
            await ws.send_json({"type": "auth_ok", "ha_version": VERSION})
            async for message in ws:
                if message.type == WSMsgType.BINARY:
                    await ws.send_bytes(message.data)
                elif message.type == WSMsgType.TEXT:
                    commands = json.loads(message.data)
                    # Several in one message are the client's "coalesce_messages".
                    for command in commands if isinstance(commands, list) else [commands]:
                        await self.command(ws, command, subscriptions)
        finally:
            self.counters["websockets"] -= 1
            for task in subscriptions.values():
                task.cancel()
        return ws

    async def command(self, ws, command, subscriptions):
        number, kind = command.get("id"), command.get("type")
        answers = {"get_states": [self.state()], "supported_features": None,
                   "get_config": {"version": VERSION, "components": [], "state": "RUNNING"},
                   "get_services": {}, "auth/current_user": {"name": "anna", "is_owner": True}}
        if kind == "ping":
            await ws.send_json({"id": number, "type": "pong"})
        elif kind == "subscribe_events":
            await ws.send_json({"id": number, "type": "result", "success": True, "result": None})
            subscriptions[number] = asyncio.create_task(self.events(ws, number, command.get("lab_interval", 1)))
        elif kind == "unsubscribe_events":
            subscriptions.pop(command.get("subscription")).cancel()
            await ws.send_json({"id": number, "type": "result", "success": True, "result": None})
        elif kind == "lab/close":
            await ws.close(code=command["code"], message=command.get("reason", "").encode())
        elif kind == "lab/echo":
            await ws.send_json({"id": number, "type": "result", "success": True, "result": command.get("payload")})
        elif kind in answers:
            await ws.send_json({"id": number, "type": "result", "success": True, "result": answers[kind]})
        else:
            await ws.send_json({"id": number, "type": "result", "success": False,
                                "error": {"code": "unknown_command", "message": "Unknown command."}})

    async def events(self, ws, number, interval):
        while True:
            await asyncio.sleep(interval)
            await ws.send_json({"id": number, "type": "event", "event": {
                "event_type": "state_changed", "data": {"entity_id": "sensor.uptime", "new_state": self.state()},
                "origin": "LOCAL", "time_fired": "2026-01-01T00:00:00+00:00",
                "context": {"id": "lab", "parent_id": None, "user_id": None}}})

    # --- streams ---

    async def stream(self, request):
        """Server-sent events: one at once, then every `interval` seconds."""
        self.login.require(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.counters["streams"] += 1
        try:
            await response.write(b"data: ping\n\n")
            while True:
                await asyncio.sleep(float(request.query.get("interval", "1")))
                await response.write(f"data: {json.dumps({'event_type': 'tick', 'time': time.time()})}\n\n".encode())
        finally:
            self.counters["streams"] -= 1

    async def camera(self, request):
        """Endless frames, as fast as `interval` says, until the visitor goes."""
        self.login.require(request)
        response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=--frameboundary"})
        await response.prepare(request)
        self.counters["cameras"] += 1
        size = int(request.query.get("bytes", len(FRAME)))
        frame = FRAME + bytes(size - len(FRAME))
        try:
            while True:
                await response.write(b"--frameboundary\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n\r\n" % size
                                     + frame + b"\r\n")
                self.counters["frames"] += 1
                await asyncio.sleep(float(request.query.get("interval", "0.5")))
        finally:
            self.counters["cameras"] -= 1

    async def held(self, request):
        """A playlist that is not ready yet, as low-latency HLS asks for it."""
        await asyncio.sleep(float(request.query.get("hold", "2")))
        return web.Response(text="#EXTM3U\n", content_type="application/vnd.apple.mpegurl")

    def routes(self):
        return [web.get("/api/websocket", self.websocket), web.get("/api/stream", self.stream),
                web.get("/api/camera_proxy_stream/{entity}", self.camera), web.get("/api/hls/{path:.*}", self.held)]

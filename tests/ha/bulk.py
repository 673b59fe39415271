# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is large: uploads that are counted and forgotten, downloads made of nothing, both with flat memory."""

import re

from aiohttp import web

CHUNK = bytes(256 * 1024)


class Bulk:
    def __init__(self, counters):
        self.counters = counters

    async def upload(self, request):
        """Counts the body. With ?limit=BYTES says 413 as soon as that is passed, while the body still flows."""
        limit, got = int(request.query.get("limit", 1 << 62)), 0
        async for chunk in request.content.iter_chunked(len(CHUNK)):
            got += len(chunk)
            self.counters["uploaded"] += len(chunk)
            if got > limit:
                response = web.json_response({"message": "too large", "bytes": got}, status=413)
                response.force_close()
                return response
        return web.json_response({"bytes": got})

    async def download(self, request):
        """?bytes=N zero bytes, or the part of them that Range asks for."""
        size = int(request.query.get("bytes", "1024"))
        first, last, status = 0, size - 1, 200
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
        if match and match.group(0) != "bytes=-":
            if match.group(1):
                first, last = int(match.group(1)), min(last, int(match.group(2) or last))
            else:
                first = max(0, size - int(match.group(2)))
            if first > last:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
            status, headers["Content-Range"] = 206, f"bytes {first}-{last}/{size}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = last - first + 1
        await response.prepare(request)
        left = last - first + 1
        while left > 0 and request.method != "HEAD":
            await response.write(CHUNK if left >= len(CHUNK) else CHUNK[:left])
            self.counters["downloaded"] += min(left, len(CHUNK))
            left -= len(CHUNK)
        return response

    def routes(self):
        return [web.post("/api/backup/upload", self.upload), web.put("/api/backup/upload", self.upload),
                web.get("/api/backup/download", self.download)]

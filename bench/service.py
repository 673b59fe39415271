# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service for what the other one, a file server, does not do: it opens WebSockets and says nothing on them, takes what is uploaded and
drops it, and answers all else with 1 KiB: service.py PORT"""

import asyncio
import base64
import hashlib
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Visit(asyncio.Protocol):
    def __init__(self):
        self.head, self.left, self.upgraded, self.transport = b"", 0, False, None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        while data and not self.upgraded:
            if self.left:
                n = min(self.left, len(data))
                self.left -= n
                data = data[n:]
                if not self.left:
                    self.answer()
                continue
            self.head += data
            data = b""
            if b"\r\n\r\n" in self.head:
                head, data = self.head.split(b"\r\n\r\n", 1)
                self.head = b""
                self.begin(head)

    def begin(self, head):
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        fields = {name.lower(): value for name, value in fields.items()}
        self.left = int(fields.get(b"content-length", 0))
        if b"upgrade" in fields:
            self.upgraded = True
            accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + GUID).digest())
            self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        elif not self.left:
            self.answer()

    def answer(self):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024)


async def main(port):
    server = await asyncio.get_running_loop().create_server(Visit, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A line with a delay, for kernels without netem: delay.py PORT TO_PORT MILLISECONDS

Whoever connects to PORT speaks with TO_PORT, and all they say arrives that much later, each way. As on a real line a connection
is opened a round trip before its first byte leaves, and the other end hears of it after half a round trip."""

import asyncio
import contextlib
import sys


class End(asyncio.Protocol):
    """One of two; bytes that come here leave at the other. not_before: when the first may leave."""

    def __init__(self, delay, not_before=0.0):
        self.delay, self.not_before, self.other, self.transport, self.early = delay, not_before, None, None, []
        self.last = 0.0

    def connection_made(self, transport):
        self.transport = transport
        for what in self.early:
            what()
        self.early.clear()

    def at(self, action):
        """At the other end after the delay, in order."""
        loop = asyncio.get_running_loop()
        # Never twice the same time, between which asyncio would not keep the order.
        self.last = max(max(loop.time(), self.not_before) + self.delay, self.last + 1e-6)
        loop.call_at(self.last, self.other.do, action)

    def do(self, action):
        if self.transport:
            with contextlib.suppress(OSError):  # the other end is gone
                action(self.transport)
        else:
            self.early.append(lambda: action(self.transport))

    def data_received(self, data):
        self.at(lambda t: t.write(data))

    def eof_received(self):
        self.at(lambda t: t.write_eof() if t.can_write_eof() and not t.is_closing() else None)
        return True

    def connection_lost(self, _):
        self.at(lambda t: t.close())


class Near(End):
    def __init__(self, delay, port):
        super().__init__(delay)
        self.port = port

    def connection_made(self, transport):
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.not_before = loop.time() + 2 * self.delay
        self.other = End(self.delay)
        self.other.other = self
        loop.call_later(self.delay, lambda: loop.create_task(self.dial()))

    async def dial(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.other, "127.0.0.1", self.port)
        except OSError:
            self.transport.abort()


async def main(port, to_port, delay):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Near(delay, to_port), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))

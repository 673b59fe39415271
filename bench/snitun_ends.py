# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both ends of SniTun, which is a library: snitun_ends.py relay PORT | agents PORT ORIGIN_PORT ZONE FILE_OF_HOUSES"""

import asyncio
import datetime
import pathlib
import signal
import sys

from snitun.client.client_peer import ClientPeer
from snitun.client.connector import EndpointConnector
from snitun.server.run import SniTunServerWorker
from snitun.utils.server import PROTOCOL_VERSION, generate_client_token

# Not a secret: who knows it may attach to this relay on this machine's loopback.
FERNET_KEY = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtMTI="
# Its relay closes some of more than 30 connections that come at once.
AT_ONCE = 8


def relay(port):
    server = SniTunServerWorker([FERNET_KEY], host="0.0.0.0", port=port, worker_size=2)
    server.start()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop()


async def agents(port, origin, zone, houses):
    slots = asyncio.Semaphore(AT_ONCE)

    async def attach(number, house):
        key, iv = number.to_bytes(32), number.to_bytes(16)
        token = generate_client_token([FERNET_KEY], datetime.timedelta(days=1), f"{house}.{zone}", key, iv)
        async with slots:
            peer = ClientPeer("127.0.0.1", port)
            await peer.start(EndpointConnector("127.0.0.1", origin), token, key, iv, protocol_version=PROTOCOL_VERSION)
        return peer

    peers = await asyncio.gather(*(attach(n + 1, h) for n, h in enumerate(houses)))
    print("attached", flush=True)
    await asyncio.gather(*(p.wait() for p in peers))


if __name__ == "__main__":
    if sys.argv[1] == "relay":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
        relay(int(sys.argv[2]))
    else:
        asyncio.run(agents(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], pathlib.Path(sys.argv[5]).read_text().split()))

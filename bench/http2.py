# SPDX-License-Identifier: LGPL-2.1-or-later
"""A visitor who speaks HTTP/2, for what is not a matter of speed: h2load is for that."""

import h2.config
import h2.connection
import h2.events
import h2.settings

from tls import NAME, connect


class Http2:
    """A visitor who speaks HTTP/2. settings: what it says of itself beside the library's; window: of the connection."""

    settings, window = {}, 65535

    def __init__(self, ctx, port, wait=True):
        ctx.set_alpn_protocols(["h2"])
        self.tls = connect(ctx, port)
        assert self.tls.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        if self.settings:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=self.settings)
        self.h2.initiate_connection()
        if self.window > 65535:
            self.h2.increment_flow_control_window(self.window - 65535)
        self.flush()
        self.settled, self.statuses = False, []
        while wait and not self.settled:
            self.take()

    def flush(self):
        if data := self.h2.data_to_send():
            self.tls.sendall(data)

    def take(self):
        """Returns how many answers came to their end."""
        data = self.tls.recv(65536)
        if not data:
            raise ConnectionError("the connection is over")
        ended = 0
        for e in self.h2.receive_data(data):
            self.settled |= isinstance(e, h2.events.SettingsAcknowledged)
            if isinstance(e, h2.events.ResponseReceived):
                self.statuses.append(dict(e.headers)[":status"])
            elif isinstance(e, h2.events.DataReceived):
                self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
            elif isinstance(e, h2.events.StreamReset):
                self.statuses.append("reset")
            elif isinstance(e, h2.events.ConnectionTerminated):
                raise ConnectionError("GOAWAY")
            ended += isinstance(e, h2.events.StreamEnded | h2.events.StreamReset)
        self.flush()
        return ended

    def ask(self, at_once):
        """Returns the answers' statuses."""
        self.statuses.clear()
        self.ask_for(["/"] * at_once)
        return self.statuses

    def ask_for(self, paths):
        """All of them, as many at once as the other side takes."""
        waiting, under_way = list(paths), 0
        while waiting or under_way:
            asked = False
            while waiting and under_way < self.h2.remote_settings.max_concurrent_streams:
                self.h2.send_headers(self.h2.get_next_available_stream_id(), [
                    (":method", "GET"), (":scheme", "https"), (":authority", NAME), (":path", waiting.pop(0)), ("x", "y")], end_stream=True)
                under_way, asked = under_way + 1, True
            if asked:
                self.flush()
            under_way -= self.take()

    def close(self):
        self.tls.close()

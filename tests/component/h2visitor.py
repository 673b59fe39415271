# SPDX-License-Identifier: LGPL-2.1-or-later
"""A visitor who speaks HTTP/2, by python3-h2: many requests on one TLS connection, all in the test's thread."""

import select
import ssl
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
from proxyhouse import HOST


# What is under way goes on behind GOAWAY (RFC 9113 section 6.8), which this library takes for the end.
h2.connection.H2ConnectionStateMachine._transitions[
    h2.connection.ConnectionState.CLIENT_OPEN, h2.connection.ConnectionInputs.RECV_GOAWAY] = (
        None, h2.connection.ConnectionState.CLIENT_OPEN)


class Answer:
    def __init__(self):
        self.interim, self.fields, self.body, self.trailers = [], None, bytearray(), None
        self.ended, self.reset = False, None

    @property
    def status(self):
        return int(dict(self.fields)[":status"]) if self.fields else None

    def get(self, name):
        return dict(self.fields or []).get(name)

    @property
    def over(self):
        return self.ended or self.reset is not None


class Http2:
    """settings: h2.settings.SettingCodes to what the visitor says at first. acknowledge: windows are opened as bytes come."""

    def __init__(self, house, name=HOST, context=None, settings=None, acknowledge=True, raw=None, **keys):
        context = context or house.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.name, self.acknowledge = name, acknowledge
        self.sock = raw or house.tls(name, context=context, **keys)
        self.poll = select.poll()
        self.poll.register(self.sock, select.POLLIN)
        assert raw or self.sock.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False,
            validate_inbound_headers=True))
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values={
            h2.settings.SettingCodes.ENABLE_PUSH: 0, h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20, **(settings or {})})
        self.h2.initiate_connection()
        if acknowledge:
            self.h2.increment_flow_control_window(16 << 20)
        self.answers, self.goaways, self.ended, self.pings = {}, [], False, 0
        self.settings = None
        self.flush()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def send_raw(self, data):
        """Bytes that the library would not say."""
        self.flush()
        self.sock.sendall(data)

    def fields(self, method="GET", path="/", authority=None, more=()):
        return [(":method", method), (":scheme", "https"), (":authority", authority or self.name), (":path", path), *more]

    def begin(self, method="GET", path="/", more=(), body=None, fields=None, end=None):
        """Sends the head, and the body as far as the windows allow. Returns the stream's number."""
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, fields or self.fields(method, path, more=more), end_stream=body is None if end is None else end)
        self.flush()
        if body is not None:
            self.send_body(stream, body)
        return stream

    def send_body(self, stream, body, end=True):
        view = memoryview(body)
        while not self.answers[stream].over:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(view))
            if len(view) == 0:
                if end and not self.answers[stream].over:
                    self.h2.end_stream(stream)
                    self.flush()
                return
            if room <= 0:
                self.run(lambda: self.answers[stream].over or self.h2.local_flow_control_window(stream) > 0)
                if self.answers[stream].over:
                    return
                continue
            last = end and room == len(view)
            self.h2.send_data(stream, bytes(view[:room]), end_stream=last)
            self.flush()
            view = view[room:]
            if last:
                return
            self.run(lambda: True)

    def readable(self, timeout):
        return self.sock.pending() > 0 or bool(self.poll.poll(timeout * 1000))

    def run(self, condition, seconds=30):
        """Takes what comes until the condition holds: first what is here already."""
        deadline = time.monotonic() + seconds
        while not self.ended and self.readable(0):
            self.take()
        while not condition():
            if self.ended or time.monotonic() > deadline:
                raise AssertionError(f"it did not come to pass: {self.goaways} {self.ended} "
                                     f"{[(s, a.fields, len(a.body), a.ended, a.reset) for s, a in self.answers.items()][-3:]}")
            if self.readable(0.2):
                self.take()

    def take(self):
        try:
            data = self.sock.recv(65536)
        except ssl.SSLWantReadError:
            return
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        if not data:
            self.ended = True
            return
        for event in self.h2.receive_data(data):
            self.on(event)
        try:
            self.flush()
        except OSError:
            self.ended = True

    def on(self, e):
        answer = self.answers.get(getattr(e, "stream_id", None))
        if isinstance(e, h2.events.InformationalResponseReceived):
            answer.interim.append([(str(n), str(v)) for n, v in e.headers])
        elif isinstance(e, h2.events.ResponseReceived):
            answer.fields = [(str(n), str(v)) for n, v in e.headers]
        elif isinstance(e, h2.events.TrailersReceived):
            answer.trailers = e.headers
        elif isinstance(e, h2.events.DataReceived):
            answer.body += e.data
            if self.acknowledge:
                self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
        elif isinstance(e, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(e, h2.events.StreamReset):
            answer.reset = int(e.error_code)
        elif isinstance(e, h2.events.ConnectionTerminated):
            self.goaways.append((int(e.error_code), e.last_stream_id))
        elif isinstance(e, h2.events.PingAckReceived):
            self.pings += 1
        elif isinstance(e, h2.events.RemoteSettingsChanged):
            self.settings = e.changed_settings

    def finish(self, stream, seconds=30):
        self.run(lambda: self.answers[stream].over, seconds)
        return self.answers[stream]

    def visit(self, *args, **keys):
        return self.finish(self.begin(*args, **keys))

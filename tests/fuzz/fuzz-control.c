/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes on a control connection, in pieces that begin anywhere: messages, calls and answers. */

#include "libhagw/net/controlstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        BufferPool pool = {};
        Loop loop = { .turn = SIZE_MAX };
        ControlStream s = {};
        Transport t;
        int r = 1;

        transport_init(&t, &loop, &pool, -EBADF);
        t.readable = false; /* nothing comes but from its buffer */
        while (size > 0 && (r == 1 || r == -EAGAIN)) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                size_t n = MIN(size, (size_t) 1 + data[0]);
                ControlReply reply;
                ControlCall call;

                if (!t.in)
                        t.in = buffer_get(&pool, 0);
                if (t.in && buffer_room(t.in) >= n) {
                        buffer_append(t.in, data, n);
                        data += n;
                        size -= n;
                }
                r = control_stream_read(&s, &t, &v);
                assert(s.allocated <= CONTROL_MESSAGE_MAX && s.used <= s.allocated);
                if (r == 1 && control_read_call(v, &call) >= 0)
                        (void) control_integer(call.parameters, "retryUSec", 0);
                if (r == 1 && control_read_reply(v, &reply) >= 0)
                        (void) control_bytes(reply.parameters, "sessionId", (uint8_t[16]) {}, 16);
        }
        control_stream_done(&s);
        transport_done(&t);
        buffer_pool_done(&pool);
        return 0;
}

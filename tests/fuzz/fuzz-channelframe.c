/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Headers in front of a connection: what is read can be written and is read the same again. */

#include "libhagw/pure/channelframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ uint8_t *copy = malloc(size ?: 1);
        uint8_t out[CHANNEL_HEADER_SIZE_MAX];
        size_t tlv, n, again;
        ChannelVisitor kind;
        ProxyPair p, q;

        memcpy(copy, data, size);
        if (channel_header_read(copy, size, &p, &kind, &n) == PROXY_OK)
                assert(n <= size && n <= CHANNEL_HEADER_SIZE_MAX);
        if (proxy_v2_read(copy, size, &p, &tlv, &n) != PROXY_OK)
                return 0;
        assert(tlv <= n && n <= size);
        again = proxy_v2_write(&p, 0, out);
        assert(proxy_v2_read(out, again, &q, &tlv, &n) == PROXY_OK && n == again);
        assert(ip_equal(&p.source, &q.source) && ip_equal(&p.destination, &q.destination));
        assert(p.source_port == q.source_port && p.destination_port == q.destination_port);
        return 0;
}

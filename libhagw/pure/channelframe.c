/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes of a channel's hello and header. */

#include "libhagw/pure/channelframe.h"

enum {
        TLV_KIND = 0xe0,
        TLV_CODE = 0xe1,
        KIND_SIZE = 4, /* type, length, value */
};

void channel_hello_write(const ChannelHello *h, uint8_t out[static CHANNEL_HELLO_SIZE]) {
        uint64_t number = htobe64(h->number);

        memcpy(out, CHANNEL_HELLO_MAGIC, CHANNEL_HELLO_MAGIC_SIZE);
        memcpy(out + 8, h->session_id, CHANNEL_SESSION_ID_SIZE);
        memcpy(out + 24, &number, sizeof(number));
}

bool channel_hello_read(const uint8_t *data, ChannelHello *ret) {
        uint64_t number;

        if (memcmp(data, CHANNEL_HELLO_MAGIC, CHANNEL_HELLO_MAGIC_SIZE) != 0)
                return false;
        memcpy(&number, data + 24, sizeof(number));
        memcpy(ret->session_id, data + 8, CHANNEL_SESSION_ID_SIZE);
        ret->number = be64toh(number);
        return true;
}

static uint64_t *window_word(ChannelWindow *w, uint64_t number) {
        return &w->used[number % CHANNEL_WINDOW / 64];
}

bool channel_window_take(ChannelWindow *w, uint64_t number) {
        uint64_t bit = UINT64_C(1) << (number % 64);

        if (number == 0 || (number <= w->greatest && w->greatest - number >= CHANNEL_WINDOW))
                return false;
        if (number > w->greatest) {
                /* What slides in is not used yet. */
                if (number - w->greatest >= CHANNEL_WINDOW)
                        memset(w->used, 0, sizeof(w->used));
                else
                        /* Downwards: number may be the last that there is. */
                        for (uint64_t i = number; i > w->greatest; i--)
                                *window_word(w, i) &= ~(UINT64_C(1) << (i % 64));
                w->greatest = number;
        }
        if (*window_word(w, number) & bit)
                return false;
        *window_word(w, number) |= bit;
        return true;
}

size_t channel_header_write(const ProxyPair *p, ChannelVisitor kind,
                            uint8_t out[static CHANNEL_HEADER_SIZE_MAX]) {
        size_t n = proxy_v2_write(p, CHANNEL_HEADER_TLVS, out);
        const uint8_t tlvs[] = { TLV_KIND, 0, 1, (uint8_t) kind, TLV_CODE, 0, CHANNEL_MAC_SIZE };

        memcpy(out + n, tlvs, sizeof(tlvs));
        return n + sizeof(tlvs);
}

ProxyResult channel_header_read(const uint8_t *data, size_t size, ProxyPair *ret, ChannelVisitor *ret_kind,
                                size_t *ret_size) {
        size_t tlv, n;
        ProxyPair pair;
        ProxyResult r;

        r = proxy_v2_read(data, size, &pair, &tlv, &n);
        if (r == PROXY_MORE)
                return r;
        /* These two, in this order, and nothing else. */
        if (r != PROXY_OK || n - tlv != CHANNEL_HEADER_TLVS || data[tlv] != TLV_KIND || data[tlv + 1] != 0 ||
            data[tlv + 2] != 1 || data[tlv + 3] >= _CHANNEL_VISITOR_MAX ||
            data[tlv + KIND_SIZE] != TLV_CODE || data[tlv + KIND_SIZE + 1] != 0 ||
            data[tlv + KIND_SIZE + 2] != CHANNEL_MAC_SIZE)
                return PROXY_BAD;
        *ret = pair;
        *ret_kind = (ChannelVisitor) data[tlv + 3];
        *ret_size = n;
        return PROXY_OK;
}

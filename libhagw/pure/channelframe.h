/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/proxyprotocol.h"

/* What is said on a channel before its bytes belong to the visitor: docs/relay-protocol.md, "Channels".
 * Authentication codes are made and compared by the caller, who is told over which bytes. Pure. */

#define CHANNEL_MAC_SIZE 32U /* HMAC-SHA-256 */

/* The agent's hello. */
#define CHANNEL_HELLO_MAGIC "hagw-ch1"
#define CHANNEL_HELLO_MAGIC_SIZE 8U
#define CHANNEL_SESSION_ID_SIZE 16U
#define CHANNEL_HELLO_SIZE 64U
#define CHANNEL_HELLO_SIGNED 32U /* the code stands behind these bytes, and covers them */

typedef struct ChannelHello {
        uint8_t session_id[CHANNEL_SESSION_ID_SIZE];
        uint64_t number;
} ChannelHello;

/* Writes the first CHANNEL_HELLO_SIGNED bytes. */
void channel_hello_write(const ChannelHello *h, uint8_t out[static CHANNEL_HELLO_SIZE]);
/* data: CHANNEL_HELLO_SIZE bytes. False: no hello. */
bool channel_hello_read(const uint8_t *data, ChannelHello *ret);

/* The worker that holds the session. */
static inline unsigned channel_session_worker(const uint8_t session_id[static 2]) {
        return (unsigned) session_id[0] << 8 | session_id[1];
}

/* Numbers that were used, as a sliding window: {} before the first. */
#define CHANNEL_WINDOW 1024U
typedef struct ChannelWindow {
        uint64_t greatest;
        uint64_t used[CHANNEL_WINDOW / 64];
} ChannelWindow;
/* False: 0, used before, or too old to tell. True: used from now on. */
bool channel_window_take(ChannelWindow *w, uint64_t number);

/* The relay's header in front of a visitor. */
#define CHANNEL_HEADER_TLVS 39U /* bytes: the kind's and the code's */
#define CHANNEL_HEADER_SIZE_MAX (PROXY_V2_SIZE_MAX + CHANNEL_HEADER_TLVS)

typedef enum ChannelVisitor {
        CHANNEL_VISITOR_PASSED, /* his TLS is untouched */
        CHANNEL_VISITOR_OPENED, /* the relay has opened it, and is TLS's client here */
        _CHANNEL_VISITOR_MAX,
} ChannelVisitor;

#define CHANNEL_SECRET_SIZE 32U /* of the TLS in a channel whose visitor the relay has opened */

/* The signed part; the code follows it. Returns its size. */
size_t channel_header_write(const ProxyPair *p, ChannelVisitor kind,
                            uint8_t out[static CHANNEL_HEADER_SIZE_MAX]);
/* PROXY_OK: *ret_size is the whole header's, the code is its last CHANNEL_MAC_SIZE bytes. Never PROXY_LOCAL.
 */
ProxyResult channel_header_read(const uint8_t *data, size_t size, ProxyPair *ret, ChannelVisitor *ret_kind,
                                size_t *ret_size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/loop.h"
#include "libhagw/net/relaykeys.h"
#include "libhagw/net/relaytarget.h"
#include "libhagw/pure/backoff.h"
#include "libhagw/pure/channelframe.h"

/* The channels of one session with the relay: connections that wait there until a visitor comes on one, who
 * is then served as if he had been accepted here. docs/relay-protocol.md, "Channels". */

#define AGENT_CHANNELS_CONNECTING_MAX 16U /* at once */
#define AGENT_CHANNEL_CONNECT_USEC (10 * USEC_PER_SEC)
#define AGENT_CHANNEL_HEADER_USEC (10 * USEC_PER_SEC) /* from a header's first byte to its last */
#define AGENT_CHANNEL_RETRY_MIN_USEC (250 * USEC_PER_MSEC)
#define AGENT_CHANNEL_RETRY_MAX_USEC (30 * USEC_PER_SEC)
#define AGENT_CHANNEL_PROVEN_USEC (10 * USEC_PER_SEC) /* one that waited so long was no failure */
#define AGENT_CHANNEL_FULL_USEC USEC_PER_SEC /* how often to look whether a visitor has gone */

typedef struct Worker Worker;
typedef struct AgentChannel AgentChannel;

typedef enum AgentChannelState {
        AGENT_CHANNEL_CONNECTING,
        AGENT_CHANNEL_WAITING, /* for a visitor, or for the rest of his header */
        AGENT_CHANNEL_CLOSED,
        _AGENT_CHANNEL_STATE_MAX,
        _AGENT_CHANNEL_STATE_INVALID = -EINVAL,
} AgentChannelState;

typedef struct ChannelPool {
        Worker *worker;
        RelayTarget *target;
        bool open; /* there is a session */
        uint8_t session_id[CHANNEL_SESSION_ID_SIZE];
        RelayKeys keys;
        IpAddress address;      /* the relay's */
        uint64_t number;        /* the last channel's */
        unsigned limit;         /* at all: the relay's, and ours */
        unsigned wish;          /* of the relay: so many wait */
        unsigned n_connecting, n_waiting;
        AgentChannel *channels; /* of both kinds */
        Backoff backoff;
        uint64_t retry_usec;
        Timer timer;
} ChannelPool;

void channel_pool_init(ChannelPool *p, Worker *w);
/* A session begins: channels are opened. */
void channel_pool_open(ChannelPool *p, RelayTarget *target, const uint8_t *session_id, const RelayKeys *keys,
                       const IpAddress *address, uint64_t limit, uint64_t wish);
/* The relay allows another number of channels; what is open above it is served to its end. */
void channel_pool_set_limit(ChannelPool *p, uint64_t limit);
/* The relay's wish, kept within the bounds of both ends. */
void channel_pool_set_wish(ChannelPool *p, uint64_t wish);
/* The session is over: what waits is closed, visitors stay. */
void channel_pool_close(ChannelPool *p);

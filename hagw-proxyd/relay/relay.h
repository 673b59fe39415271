/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/attached.h"
#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/relay/tenantstanding.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/message.h"
#include "libhagw/crew/room.h"
#include "libhagw/net/pump.h"
#include "libhagw/net/transport.h"
#include "libhagw/pure/channelframe.h"
#include "libhagw/pure/linkfault.h"
#include "libhagw/pure/proxyprotocol.h"
#include "libhagw/pure/refusal.h"

/* A relay's end of the tunnel, as the rest of the program sees it, which includes nothing else of it: what
 * it hangs on a worker, what the main thread tells it, who comes to it, and the channels that it has for
 * visitors. Of visitors' connections it knows nothing: far/ stands between. */

extern const Room relay_room;
int tenants_global_init(void);

/* To a worker: what hagw-tenantd says. */
typedef enum TenantOp {
        TENANT_RESET,    /* what is not said again until complete is gone */
        TENANT_PUT,      /* info */
        TENANT_REMOVE,   /* name */
        TENANT_COMPLETE,
} TenantOp;

typedef struct TenantMessage {
        Message message;
        TenantOp op;
        TenantInfo *info; /* given away */
        char name[HOSTNAME_LABEL_MAX + 1];
} TenantMessage;
extern const MessageKind tenant_message;

/* --- who comes to it ----------------------------------------------------------------------------------- */

/* An agent, whose handshake is done: his transport and his place in the crowd are taken over. Negative
 * errno: they stay the caller's, and nobody is attached. */
int control_begin(Worker *w, Transport *t, const IpAddress *address, uint16_t port, CrowdPlace *crowd);
/* A channel, by its hello, at the worker that its session id names. Takes the fd over; closes it where
 * anything is wrong. Its place in the crowd is given back. */
void channel_arrive(Worker *w, int fd, const uint8_t hello[static CHANNEL_HELLO_SIZE], CrowdPlace *crowd);

/* --- tenants, whom visitors want ----------------------------------------------------------------------- */

typedef struct Tenant Tenant;

/* What a name leads to, or who may be opened here, is another than before: called in each worker. */
void tenants_follow(Worker *w, void (*on_change)(Worker *w));

/* The worker that is the tenant's home. label: normalized. */
Worker *tenants_home(Worker *w, const char *label);
/* The tenant that a name belongs to: below tenants.zone, else by domain. NULL: none. */
const char *tenants_label(Worker *w, const char *name, char out[static HOSTNAME_LABEL_MAX + 1]);
/* By one of its domains, the name itself and not a wildcard. */
const char *tenant_domains_find_exact(const Worker *w, const char *name);

/* NULL: no such one, or its home is elsewhere. */
Tenant *tenants_find(Worker *w, const char *label);
/* Valid until the loop goes on. */
const TenantInfo *tenant_info(const Tenant *t);

#define TENANT_WAIT_USEC (10 * USEC_PER_SEC) /* at most so long */

/* A channel that was handed out: its socket, and what goes over it first. */
typedef struct ChannelGift {
        int fd; /* the client's from now on */
        uint8_t header[CHANNEL_HEADER_SIZE_MAX];
        size_t header_size;
        uint8_t secret[CHANNEL_SECRET_SIZE]; /* of TLS within, CHANNEL_VISITOR_OPENED only */
        RateLimit *limit; /* the tenant's; valid until the client is let go or cut */
} ChannelGift;

/* Who wants a channel, waits for it, and then has it: part of a passage or of a link. */
typedef struct ChannelClient ChannelClient;
typedef struct ChannelClientOps {
        void (*on_channel)(ChannelClient *c, ChannelGift *gift);
        /* The machine that the channel came from has attached anew, so that it is gone or its way is: c may
         * want another one, where the house has said nothing yet. c still has its channel. NULL: no use. */
        void (*on_stale)(ChannelClient *c);
        /* There will be none, or what there was is taken away: the tenant was suspended, say. c is let go
         * already. */
        void (*on_cut)(ChannelClient *c, const char *why);
        /* Bytes since the last time, from and to the visitor. */
        void (*collect)(ChannelClient *c, uint64_t *received, uint64_t *sent);
} ChannelClientOps;

struct ChannelClient {
        const ChannelClientOps *ops;
        ChannelVisitor kind;
        const char *name; /* that the visitor asks for; NULL: not known. Stays as long as it waits */
        ProxyPair pair;
        /* private: */
        Tenant *tenant; /* NULL: of none */
        char token_id[RELAY_TOKEN_ID_LENGTH + 1]; /* that the channel came with */
        uint8_t session_id[CHANNEL_SESSION_ID_SIZE]; /* by which it came */
        ChannelClient *next, **place; /* in tenant->queue or tenant->users */
        bool has; /* a channel */
};

/* It is attached, or was just before and may come again. */
bool tenant_is_expected(const Worker *w, const Tenant *t);
/* How long a new visitor of it waits at most. */
uint64_t tenant_patience(const Tenant *t);
/* Whether one more visitor may come now; counts him where he may. */
Refusal tenant_admit(Worker *w, Tenant *t);

/* Wants a channel: calls back at once or later, or -ENOTCONN (nobody is attached, nor expected), -EBUSY (too
 * many wait). */
int tenant_want(Worker *w, Tenant *t, ChannelClient *c);
/* No longer wants it, or has no more use for it. Not from within a callback of c. */
void channel_client_done(ChannelClient *c);

/* --- visitors who are refused -------------------------------------------------------------------------- */

/* Why the tenant's next visitor would get no channel; where nothing else is known, none came free. t may be
 * NULL: it is gone. */
Refusal tenant_refusal(const Worker *w, const Tenant *t);
/* Counts one, and logs it where it is time. t may be NULL: not a tenant's any more. */
void tenant_refuse(Worker *w, Tenant *t, Refusal r);
/* The link for a visitor of this name has failed: why, counted or not. */
Refusal tenant_refuse_link(Worker *w, const char *label, const char *name, LinkFault fault, bool count);

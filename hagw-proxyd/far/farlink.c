/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To a house through its channel. Runs in the worker's thread. */

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "hagw-proxyd/far/farlink.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/upstream/link.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/tls-psk.h"

/* What such a link has. */
typedef struct FarLink {
        Link *link;
        ChannelClient channel;
        uint8_t secret[CHANNEL_SECRET_SIZE];
        uint64_t reported[2]; /* bytes */
        TransportPace pace;
} FarLink;


/* The tenant's bytes per second let more pass. */
static void on_pace(Timer *t) {
        Link *k = CONTAINER_OF(t, FarLink, pace.timer)->link;

        if (k->state == LINK_BUSY)
                k->client->ops->on_event(k->client);
}

static void on_channel(ChannelClient *c, ChannelGift *g) {
        FarLink *f = CONTAINER_OF(c, FarLink, channel);
        Link *k = f->link;
        struct iovec header = { g->header, g->header_size };
        Upstream *u = k->upstream;
        gnutls_session_t tls;

        transport_init(&k->transport, &u->worker->loop, &u->worker->pool, TAKE_FD(g->fd));
        memcpy(f->secret, g->secret, sizeof(f->secret));
        f->pace = (TransportPace) { g->limit, &u->worker->loop, .timer = { .fire = on_pace } };
        if (transport_write(&k->transport, &header, 1) < 0 ||
            tls_psk_client_new(f->secret, u->server_name, &tls) < 0)
                link_failed(k, "the channel broke");
        else
                link_start_tls(k, tls);
}

static void on_cut(ChannelClient *c, const char *why) {
        FarLink *f = CONTAINER_OF(c, FarLink, channel);
        Link *k = f->link;

        f->pace.limit = NULL;
        if (k->state == LINK_CONNECTING || k->state == LINK_HANDSHAKE)
                link_failed(k, why);
        else if (k->state == LINK_IDLE)
                link_close(k);
        else /* whom it serves sees its end */
                (void) shutdown(k->transport.handle.fd, SHUT_RDWR);
}

/* What went over the socket, TLS's own bytes included; its first, the header's, too. */
static void collect(ChannelClient *c, uint64_t *received, uint64_t *sent) {
        FarLink *f = CONTAINER_OF(c, FarLink, channel);
        Link *k = f->link;
        struct tcp_info info = {};
        socklen_t size = sizeof(info);

        if (getsockopt(k->transport.handle.fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return;
        /* From the visitor is what goes to the house. */
        *received = info.tcpi_bytes_acked - MIN((uint64_t) info.tcpi_bytes_acked, f->reported[0]);
        *sent = info.tcpi_bytes_received - MIN((uint64_t) info.tcpi_bytes_received, f->reported[1]);
        f->reported[0] += *received;
        f->reported[1] += *sent;
}

static const ChannelClientOps ops = {
        .on_channel = on_channel,
        .on_cut = on_cut,
        .collect = collect,
};

static void far_connect(Upstream *u, LinkClient *l) {
        Worker *w = u->worker;
        Tenant *t = tenants_find(w, u->host);
        FarLink *f;
        Link *k;

        if (!t || tenant_info(t)->suspended || tenant_info(t)->exhausted || !tenant_is_expected(w, t)) {
                l->fault = LINK_FAULT_OTHER;
                l->ops->on_failed(l, refusal_text(tenant_refusal(w, t)));
                return;
        }
        f = calloc(1, sizeof(*f));
        k = f ? link_new(u, l) : NULL;
        if (!k) {
                free(f);
                l->ops->on_failed(l, "out of memory");
                return;
        }
        k->far = f;
        k->pace = &f->pace;
        f->link = k;
        f->channel.ops = &ops;
        f->channel.kind = CHANNEL_VISITOR_OPENED;
        f->channel.name = u->server_name;
        f->channel.pair = l->ops->pair(l);
        loop_arm(&w->loop, &k->timer, w->loop.now_usec + u->connect_usec);
        if (tenant_want(w, t, &f->channel) < 0)
                link_failed(k, refusal_text(tenant_refusal(w, t)));
}

static void far_end(Link *k) {
        FarLink *f = k->far;

        channel_client_done(&f->channel);
        loop_disarm(&k->upstream->worker->loop, &f->pace.timer);
}

static bool far_is_opened(Worker *w, const char *name) {
        char buffer[HOSTNAME_LABEL_MAX + 1];
        const char *label = tenants_label(w, name, buffer);
        const Tenant *t = label ? tenants_find(w, label) : NULL;

        return t && tenant_info(t)->terminate;
}

const FarSide tenants_far_side = {
        .find = tenants_label,
        .is_opened = far_is_opened,
        .connect = far_connect,
        .refuse = tenant_refuse_link,
        .end = far_end,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To a house through its channel. Runs in the worker's thread. */

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/relay/link-tenant.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "libhagw/net/tls-psk.h"

/* The tenant's bytes per second let more pass. */
static void on_pace(Timer *t) {
        Link *k = CONTAINER_OF(t, Link, pace.timer);

        if (k->state == LINK_BUSY)
                k->client->ops->on_event(k->client);
}

static void on_channel(ChannelClient *c, ChannelGift *g) {
        Link *k = CONTAINER_OF(c, Link, channel);
        struct iovec header = { g->header, g->header_size };
        Upstream *u = k->upstream;
        gnutls_session_t tls;

        transport_init(&k->transport, &u->worker->loop, &u->worker->pool, TAKE_FD(g->fd));
        memcpy(k->secret, g->secret, sizeof(k->secret));
        k->pace = (TransportPace) { g->limit, &u->worker->loop, .timer = { .fire = on_pace } };
        if (transport_write(&k->transport, &header, 1) < 0 ||
            tls_psk_client_new(k->secret, u->server_name, &tls) < 0)
                link_failed(k, "the channel broke");
        else
                link_start_tls(k, tls);
}

static void on_cut(ChannelClient *c, const char *why) {
        Link *k = CONTAINER_OF(c, Link, channel);

        k->pace.limit = NULL;
        if (k->state == LINK_CONNECTING || k->state == LINK_HANDSHAKE)
                link_failed(k, why);
        else if (k->state == LINK_IDLE)
                link_close(k);
        else /* whom it serves sees its end */
                (void) shutdown(k->transport.handle.fd, SHUT_RDWR);
}

/* What went over the socket, TLS's own bytes included; its first, the header's, too. */
static void collect(ChannelClient *c, uint64_t *received, uint64_t *sent) {
        Link *k = CONTAINER_OF(c, Link, channel);
        struct tcp_info info = {};
        socklen_t size = sizeof(info);

        if (getsockopt(k->transport.handle.fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return;
        /* From the visitor is what goes to the house. */
        *received = info.tcpi_bytes_acked - MIN((uint64_t) info.tcpi_bytes_acked, k->reported[0]);
        *sent = info.tcpi_bytes_received - MIN((uint64_t) info.tcpi_bytes_received, k->reported[1]);
        k->reported[0] += *received;
        k->reported[1] += *sent;
}

static const ChannelClientOps ops = {
        .on_channel = on_channel,
        .on_cut = on_cut,
        .collect = collect,
};

void link_to_tenant(Upstream *u, LinkClient *l) {
        Worker *w = u->worker;
        Tenant *t = tenants_find(w, u->host);
        Link *k;

        if (!t || t->info->suspended || t->info->exhausted || !tenant_is_expected(w, t)) {
                l->fault = LINK_FAULT_OTHER;
                l->ops->on_failed(l, refusal_text(tenant_refusal(w, t)));
                return;
        }
        k = link_new(u, l);
        if (!k) {
                l->ops->on_failed(l, "out of memory");
                return;
        }
        k->channel.ops = &ops;
        k->channel.kind = CHANNEL_VISITOR_OPENED;
        k->channel.pair = l->ops->pair(l);
        loop_arm(&w->loop, &k->timer, w->loop.now_usec + u->connect_usec);
        if (tenant_want(w, t, &k->channel) < 0)
                link_failed(k, refusal_text(tenant_refusal(w, t)));
}

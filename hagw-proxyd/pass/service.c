/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors who pass unopened to a tcp:// service. Runs in the worker's thread. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/pass/passage.h"
#include "hagw-proxyd/pass/service.h"
#include "hagw-proxyd/upstream/link.h"

typedef struct ServicePassage {
        Passage passage;
        LinkClient client;
        Upstream *upstream;
        HostStats *stats;
} ServicePassage;

static HostCounters *counters_of(const ServicePassage *s) {
        return &s->stats->workers[s->passage.conn->worker->index];
}

static VisitCounters *visits_of(const ServicePassage *s) {
        return &s->stats->visits->workers[s->passage.conn->worker->index];
}

/* What the service expects in front of the first byte; of an unknown pair, that nobody is meant. */
static size_t write_header(const Passage *p, const ProxyPair *pair, char out[static PROXY_V1_SIZE_MAX]) {
        switch (p->conn->route->host.proxy_protocol) {
        case CONF_PROXY_V1:
                return proxy_v1_write(pair, out);
        case CONF_PROXY_V2:
                return proxy_v2_write(pair, 0, (uint8_t *) out);
        default:
                return 0;
        }
}

/* It connects: that is all we wanted. Silence would be an error in its log at each trial. */
static void end_trial(Passage *p, const Link *k) {
        char head[PROXY_V1_SIZE_MAX];
        size_t size = write_header(p, &(ProxyPair) {}, head);

        if (size > 0)
                (void) send(k->transport.handle.fd, head, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        p->conn->visit.probe->result.connected = true;
        passage_abort(p, "probe");
}

static void on_link(LinkClient *l) {
        ServicePassage *s = CONTAINER_OF(l, ServicePassage, client);
        Passage *p = &s->passage;
        char head[PROXY_V1_SIZE_MAX];
        ProxyPair pair;
        size_t size;

        atomic_store_explicit(&counters_of(s)->ok_usec, p->conn->worker->loop.now_usec,
                              memory_order_relaxed);
        l->fault = LINK_FAULT_NONE;
        if (p->conn->visit.probe) {
                end_trial(p, l->link);
                return;
        }
        atomic_store_explicit(&counters_of(s)->good_usec, p->conn->worker->loop.now_usec,
                              memory_order_relaxed);
        pair = conn_pair(p->conn);
        size = write_header(p, &pair, head);
        passage_join(p, link_take(l->link), head, size, /* limit= */ NULL);
}

static void on_link_failed(LinkClient *l, const char *why) {
        ServicePassage *s = CONTAINER_OF(l, ServicePassage, client);
        Passage *p = &s->passage;

        if (p->conn->visit.probe)
                (void) snprintf(p->conn->visit.probe->result.text,
                                sizeof(p->conn->visit.probe->result.text), "%s", why);
        else
                upstream_report(s->upstream, s->stats, why);
        passage_abort(p, "upstream failed");
}

/* Events of the link come to the passage's own handle. */
static void on_link_event(LinkClient *l) {
}

static const LinkClientOps link_ops = {
        .on_link = on_link,
        .on_failed = on_link_failed,
        .on_event = on_link_event,
};

static void late(Passage *p) {
        passage_abort(p, "nobody there");
}

static const char *review(const Passage *p, const Snapshot *s) {
        const Route *route = review_route(p->conn, s);

        return route && route->host.upstream_kind == CONF_UPSTREAM_TCP ? NULL : "not admitted any more";
}

static void end(Passage *p) {
        ServicePassage *s = CONTAINER_OF(p, ServicePassage, passage);
        ProbeMessage *probe = p->conn->visit.probe;

        if (probe) {
                probe->result.asked = true;
                probe->result.fault = s->client.fault;
                if (s->upstream)
                        probe->result.peer = upstream_peer(s->upstream);
        }
        if (s->upstream) {
                upstream_forget(&s->client);
                s->upstream->n_clients--;
        }
        if (s->client.link)
                link_close(s->client.link);
        if (!probe)
                counter_sub(&visits_of(s)->active, 1);
        host_stats_unref(s->stats);
}

static const PassageFar far = { .size = sizeof(ServicePassage), .late = late, .review = review, .end = end };

static Claim service_claims(const Conn *c, const Knock *k) {
        return c->route && c->route->host.upstream_kind == CONF_UPSTREAM_TCP ? CLAIM_MINE : CLAIM_NONE;
}

static void passage_begin(Conn *c) {
        const SnapshotHost *host = snapshot_host(c->snapshot, c->route);
        Passage *p = passage_new(c, &far, c->route->host.timeouts.connect_usec * 2);
        ServicePassage *s = p ? CONTAINER_OF(p, ServicePassage, passage) : NULL;

        if (!p) {
                conn_close(c);
                return;
        }
        s->client.ops = &link_ops;
        s->stats = host_stats_ref(host->stats);
        if (!c->visit.probe) {
                counter_add(&visits_of(s)->requests, 1);
                counter_add(&visits_of(s)->active, 1);
        }
        s->upstream = upstream_get(c->worker, &c->route->host, host->trust);
        if (!s->upstream) {
                passage_abort(p, "out of memory");
                return;
        }
        s->upstream->n_clients++;
        p->idle_usec = s->upstream->idle_usec;
        p->to = s->upstream->authority;
        if (upstream_acquire(s->upstream, &s->client, UPSTREAM_FRESH) < 0)
                passage_abort(p, "out of memory");
}

static bool service_enter(Conn *c, const Knock *k) {
        passage_begin(c);
        return true;
}

const Entrance service_entrance = { "service", KNOCK_HELLO | KNOCK_PROBE, service_claims, service_enter };

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors who pass unopened to a tcp:// service. Runs in the worker's thread. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/pass/service.h"
#include "hagw-proxyd/upstream/link.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/passage.h"

typedef struct ServicePassage {
        Passage passage;
        LinkClient client;
        Upstream *upstream;
        HostStats *stats;
        int protocol; /* ConfProxyProtocol */
        Visit visit; /* by which he is judged anew, and the probe that he is */
} ServicePassage;

static HostCounters *counters_of(const ServicePassage *s) {
        return &s->stats->workers[s->passage.worker->index];
}

static VisitCounters *visits_of(const ServicePassage *s) {
        return &s->stats->visits->workers[s->passage.worker->index];
}

/* What the service expects in front of the first byte; of an unknown pair, that nobody is meant. */
static size_t write_header(const ServicePassage *s, const ProxyPair *pair,
                           char out[static PROXY_V1_SIZE_MAX]) {
        switch (s->protocol) {
        case CONF_PROXY_V1:
                return proxy_v1_write(pair, out);
        case CONF_PROXY_V2:
                return proxy_v2_write(pair, 0, (uint8_t *) out);
        default:
                return 0;
        }
}

/* It connects: that is all we wanted. Silence would be an error in its log at each trial. */
static void end_trial(ServicePassage *s, const Link *k) {
        char head[PROXY_V1_SIZE_MAX];
        size_t size = write_header(s, &(ProxyPair) {}, head);

        if (size > 0)
                (void) send(k->transport.handle.fd, head, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        s->visit.probe->result.connected = true;
        passage_abort(&s->passage, "probe");
}

static void on_link(LinkClient *l) {
        ServicePassage *s = CONTAINER_OF(l, ServicePassage, client);
        Passage *p = &s->passage;
        char head[PROXY_V1_SIZE_MAX];
        ProxyPair pair;
        size_t size;

        atomic_store_explicit(&counters_of(s)->ok_usec, p->worker->loop.now_usec,
                              memory_order_relaxed);
        l->fault = LINK_FAULT_NONE;
        if (s->visit.probe) {
                end_trial(s, l->link);
                return;
        }
        atomic_store_explicit(&counters_of(s)->good_usec, p->worker->loop.now_usec,
                              memory_order_relaxed);
        pair = passage_pair(p);
        size = write_header(s, &pair, head);
        passage_join(p, link_take(l->link), head, size, /* limit= */ NULL);
}

static void on_link_failed(LinkClient *l, const char *why) {
        ServicePassage *s = CONTAINER_OF(l, ServicePassage, client);
        Passage *p = &s->passage;

        if (s->visit.probe)
                (void) snprintf(s->visit.probe->result.text, sizeof(s->visit.probe->result.text), "%s",
                                why);
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

static const char *review(const Passage *p) {
        const ServicePassage *s = CONTAINER_OF(p, ServicePassage, passage);
        const Route *route;

        (void) admit_name(&s->visit, p->worker->snapshot, p->name, &route);


        return route && route->host.upstream_kind == CONF_UPSTREAM_TCP ? NULL : "not admitted any more";
}

static void end(Passage *p) {
        ServicePassage *s = CONTAINER_OF(p, ServicePassage, passage);
        ProbeMessage *probe = TAKE_PTR(s->visit.probe);

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
        if (probe)
                queue_push(p->worker->main_queue, &probe->message);
        else
                counter_sub(&visits_of(s)->active, 1);
        if (arrival_is_relayed(p->visitor.arrival))
                counter_add(&p->worker->figures->agent_visits_ended, 1);
        host_stats_unref(s->stats);
}

static const PassageFar far = { .size = sizeof(ServicePassage), .late = late, .review = review, .end = end };

static Claim service_claims(const Conn *c, const Knock *k) {
        return c->route && c->route->host.upstream_kind == CONF_UPSTREAM_TCP ? CLAIM_MINE : CLAIM_NONE;
}

/* c ends; its visitor goes on as a passage. NULL: no memory, and he is gone. */
static ServicePassage *passage_begin(Conn *c) {
        const Route *route = c->route;
        Worker *w = c->worker;
        Visit visit = c->visit;
        Visitor v;
        Passage *p;
        ServicePassage *s;

        visit.probe = TAKE_PTR(c->visit.probe);
        visit.secret = NULL; /* who comes opened is no passage's */
        v = conn_leave(c);
        p = passage_new(w, &far, &v, visit.name, route->host.timeouts.connect_usec * 2);
        if (!p) {
                visitor_done(w, &v);
                if (visit.probe)
                        queue_push(w->main_queue, &visit.probe->message);
                return NULL;
        }
        s = CONTAINER_OF(p, ServicePassage, passage);
        s->visit = visit;
        s->protocol = route->host.proxy_protocol;
        if (arrival_is_relayed(v.arrival))
                p->meter = &w->figures->agent_bytes;
        return s;
}

static void service_reach(ServicePassage *s, const Route *route, const SnapshotHost *host) {
        Passage *p = &s->passage;

        s->client.ops = &link_ops;
        s->stats = host_stats_ref(host->stats);
        if (!s->visit.probe) {
                counter_add(&visits_of(s)->requests, 1);
                counter_add(&visits_of(s)->active, 1);
        }
        s->upstream = upstream_get(p->worker, &route->host, host->trust);
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
        _cleanup_(snapshot_unrefp) Snapshot *snapshot = snapshot_ref(c->snapshot);
        const Route *route = c->route;
        ServicePassage *s = passage_begin(c);

        if (s)
                service_reach(s, route, snapshot_host(snapshot, route));
        return true;
}

const Entrance service_entrance = { "service", KNOCK_HELLO | KNOCK_PROBE, service_claims, service_enter };

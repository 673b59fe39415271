/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors who pass unopened to a tenant's house. Runs in the worker's thread. */

#include "hagw-proxyd/far/tenantpassage.h"
#include "hagw-proxyd/relay/relay.h"
#include "libhagw/crew/passage.h"

typedef struct TenantPassage {
        Passage passage;
        ChannelClient channel;
        uint64_t reported[2]; /* of sides[].received */
        Visit visit; /* by which he is judged anew */
} TenantPassage;

/* Its tenant has no channel for it: counted, with the reason for a verdict. t: NULL: it is gone. */
static void refuse(Passage *p, Tenant *t) {
        Worker *w = p->worker;
        Refusal r = tenant_refusal(w, t);

        tenant_refuse(w, t, r);
        passage_abort(p, refusal_name(r));
}

static void late(Passage *p) {
        TenantPassage *s = CONTAINER_OF(p, TenantPassage, passage);

        if (s->channel.tenant)
                refuse(p, s->channel.tenant);
        else
                passage_abort(p, "nobody there");
}

static void again(Passage *p) {
        TenantPassage *s = CONTAINER_OF(p, TenantPassage, passage);
        Worker *w = p->worker;
        Tenant *t = s->channel.tenant;

        channel_client_done(&s->channel);
        passage_wait(p, p->begin_usec + TENANT_WAIT_USEC);
        if (tenant_want(w, t, &s->channel) < 0)
                refuse(p, t);
}

/* By a host of the relay's own that has come to stand in his way since. */
static bool is_walled_off(const Visit *v, const Snapshot *s) {
        const Route *r = route_find(s->routes, v->name);

        return r && (!r->wildcard || r->host.upstream_kind == CONF_UPSTREAM_TENANT) &&
               (!route_has_own_login(r) || admit_route(v, s, r) != ADMISSION_GRANTED);
}

static const char *review(const Passage *p) {
        const TenantPassage *t = CONTAINER_OF(p, TenantPassage, passage);
        const Snapshot *s = p->worker->snapshot;
        char buffer[HOSTNAME_LABEL_MAX + 1];

        return s->routes->tenants_zone && t->channel.tenant &&
                               streq_ptr(tenants_label(p->worker, p->name, buffer),
                                         tenant_info(t->channel.tenant)->name) &&
                               !is_walled_off(&t->visit, s) ?
                       NULL :
                       "not admitted any more";
}

static void end(Passage *p) {
        channel_client_done(&CONTAINER_OF(p, TenantPassage, passage)->channel);
}

static const PassageFar far = {
        .size = sizeof(TenantPassage), .late = late, .again = again, .review = review, .end = end,
};

static void on_channel(ChannelClient *l, ChannelGift *g) {
        Passage *p = &CONTAINER_OF(l, TenantPassage, channel)->passage;

        passage_join(p, TAKE_FD(g->fd), g->header, g->header_size, g->limit);
}

static void on_cut(ChannelClient *l, const char *why) {
        passage_abort(&CONTAINER_OF(l, TenantPassage, channel)->passage, why);
}

static void on_stale(ChannelClient *l) {
        (void) passage_again(&CONTAINER_OF(l, TenantPassage, channel)->passage);
}

static void collect(ChannelClient *l, uint64_t *received, uint64_t *sent) {
        TenantPassage *s = CONTAINER_OF(l, TenantPassage, channel);
        const Pump *pump = &s->passage.pump;

        *received = pump->sides[0].received - s->reported[0];
        *sent = pump->sides[1].received - s->reported[1];
        s->reported[0] += *received;
        s->reported[1] += *sent;
}

static const ChannelClientOps channel_ops = {
        .on_channel = on_channel,
        .on_stale = on_stale,
        .on_cut = on_cut,
        .collect = collect,
};

void passage_to_tenant(Conn *c, Tenant *t) {
        Worker *w = c->worker;
        Visit visit = c->visit;
        Visitor v = conn_leave(c);
        Passage *p = passage_new(w, &far, &v, visit.name, tenant_patience(t));
        TenantPassage *s = p ? CONTAINER_OF(p, TenantPassage, passage) : NULL;

        if (!p) {
                visitor_done(w, &v);
                return;
        }
        visit.secret = NULL; /* went with the connection */
        s->visit = visit;
        s->channel.ops = &channel_ops;
        s->channel.kind = CHANNEL_VISITOR_PASSED;
        s->channel.name = s->visit.name;
        s->channel.pair = passage_pair(p);
        if (tenant_want(w, t, &s->channel) < 0)
                refuse(p, t);
}

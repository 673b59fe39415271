/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a request may know and ask of the connection that it came by. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"

static const Conn *conn_of(const Visit *v) {
        return CONTAINER_OF(v, Conn, visit);
}

const Route *visit_route(const Visit *v, const Snapshot *s) {
        return review_route(conn_of(v), s);
}

bool visit_leads_elsewhere(const Visit *v) {
        return review_leads_elsewhere(conn_of(v));
}

ProxyPair visit_pair(const Visit *v) {
        return conn_pair(conn_of(v));
}

bool visit_is_one_of_many(const Visit *v) {
        return worker_is_shared(v->worker, conn_of(v));
}

/* NULL: no memory. Nobody's yet. */
static Upstream *make_upstream(Visit *v, const Snapshot *s, const Route *route) {
        const ConfHost *host = &route->host;
        char label[HOSTNAME_LABEL_MAX + 1];
        const char *house;

        if (v->probe && v->probe->kind == PROBE_OTHER_SCHEME)
                return upstream_new_other(v->worker, host);
        if (host->upstream_kind != CONF_UPSTREAM_TENANT)
                return upstream_get(v->worker, host, snapshot_host(s, route)->trust);
        house = *host->upstream_host ? host->upstream_host :
                                       v->worker->upstreams->far->find(v->worker, v->name, label);
        return upstream_new_single(v->worker, host, strempty(house), v->name);
}

Upstream *visit_hold_upstream(Visit *v, const Snapshot *s, const Route *route) {
        Conn *c = CONTAINER_OF(v, Conn, visit);

        /* A request that is judged anew has its own: the connection's is of what was configured before. */
        if (s != c->snapshot)
                return upstream_hold(make_upstream(v, s, route));
        if (!c->upstream)
                c->upstream = upstream_hold(make_upstream(v, s, route)); /* for the next request */
        return upstream_hold(c->upstream);
}

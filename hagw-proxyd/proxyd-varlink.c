/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of io.hagw.Proxy. Main thread only. */

#include <stdio.h>
#include <time.h>

#include "attachments.h"
#include "proxyd-varlink.h"
#include "relay-varlink.h"
#include "usec.h"

/* 0 stays 0: never. */
static uint64_t to_realtime(uint64_t monotonic_usec) {
        return monotonic_usec == 0 ?
                       0 :
                       monotonic_usec + clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_MONOTONIC);
}

static int build_host(const Manager *m, const Route *route, sd_json_variant **ret) {
        const HostStats *s = snapshot_host(m->snapshot, route)->stats;
        const TlsCertificate *c = snapshot_find_certificate(m->snapshot, route->host.name);
        HostReading now = host_stats_read(s);
        /* A head that came, and its body that broke, may be of one turn of the loop. */
        bool failing = s->error && s->error_usec >= now.ok_usec;
        bool valid = c && (uint64_t) c->not_after * USEC_PER_SEC > clock_usec(CLOCK_REALTIME);

        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(route->host.name)),
                SD_JSON_BUILD_PAIR("upstream", SD_JSON_BUILD_STRING(route->host.upstream)),
                SD_JSON_BUILD_PAIR("health", SD_JSON_BUILD_STRING(failing         ? "failing" :
                                                                  now.ok_usec > 0 ? "ok" :
                                                                                    "unknown")),
                SD_JSON_BUILD_PAIR_CONDITION(failing, "error", SD_JSON_BUILD_STRING(s->error)),
                SD_JSON_BUILD_PAIR("lastOkUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(now.ok_usec))),
                SD_JSON_BUILD_PAIR("lastErrorUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(s->error_usec))),
                SD_JSON_BUILD_PAIR("requests", SD_JSON_BUILD_UNSIGNED(now.requests)),
                SD_JSON_BUILD_PAIR("active", SD_JSON_BUILD_UNSIGNED(now.active)),
                SD_JSON_BUILD_PAIR("certificate", SD_JSON_BUILD_BOOLEAN(valid)));
}

static int vl_method_list_hosts(sd_varlink *link, sd_json_variant *parameters,
                                sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_WEBD);
        if (r != 0)
                return r;
        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < m->snapshot->routes->n_routes; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

                if (&m->snapshot->routes->routes[i] == m->snapshot->routes->opened)
                        continue;
                r = build_host(m, &m->snapshot->routes->routes[i], &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&list, v);
        }
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_VARIANT(list)));
}

/* A probe under way and who asked for it. */
typedef struct ProbeCall {
        Manager *manager;
        sd_varlink *link;
        uint64_t begin_usec;
        char name[HOSTNAME_MAX + 3];
} ProbeCall;

static const Route *find_host(const Manager *m, const char *name) {
        for (size_t i = 0; i < m->snapshot->routes->n_routes; i++)
                if (streq(m->snapshot->routes->routes[i].host.name, name))
                        return &m->snapshot->routes->routes[i];
        return NULL;
}

/* What is known about an answer, by what it looks like. */
static const char *advice_for(unsigned status, const char *answer, const ConfHost *host) {
        if (status == 400 && strstr(answer, "400: Bad Request"))
                return "Home Assistant refuses this gateway as a proxy. Add its address to "
                       "configuration.yaml: "
                       "http: { use_x_forwarded_for: true, trusted_proxies: [ADDRESS OF THIS MACHINE] }, "
                       "and restart it.";
        if (status == 400 && strstr(answer, "HTTPS") && host->upstream_kind == CONF_UPSTREAM_HTTP)
                return "The service speaks HTTPS on this port: write https:// in upstream.";
        if (status >= 500)
                return "The service answers, but with an error of its own: look at its log.";
        return NULL;
}

static void on_probed(unsigned status, const char *answer, void *userdata) {
        ProbeCall *call = userdata;
        const Route *route = find_host(call->manager, call->name);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *host = NULL;

        if (!route || build_host(call->manager, route, &host) < 0)
                (void) sd_varlink_errorbo(call->link, "io.hagw.Proxy.NoSuchHost",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(call->name)));
        else {
                /* Otherwise the answer was our own. */
                bool theirs =
                        host_stats_read(snapshot_host(call->manager->snapshot, route)->stats).ok_usec >=
                        call->begin_usec;
                const char *advice =
                        theirs ?
                                advice_for(status, answer, &route->host) :
                                "Nothing answers there: check the address and port in upstream, and whether "
                                "the service runs.";

                (void) sd_varlink_replybo(
                        call->link, SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_VARIANT(host)),
                        SD_JSON_BUILD_PAIR_CONDITION(theirs && status > 0, "status",
                                                     SD_JSON_BUILD_UNSIGNED(status)),
                        SD_JSON_BUILD_PAIR_CONDITION(!!advice, "advice", SD_JSON_BUILD_STRING(advice)));
        }
        sd_varlink_unref(call->link);
        free(call);
}

/* A tenant's channels are at its home only. */
static Worker *home_of(const Manager *m, const Route *route) {
        return route->host.upstream_kind == CONF_UPSTREAM_TENANT ?
                       tenants_home(m->workers[0], route->host.upstream_host) :
                       m->workers[0];
}

static int vl_method_probe(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "name", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_MANDATORY },
                {},
        };
        Manager *m = userdata;
        const char *name = NULL;
        ProbeCall *call;
        int r;

        r = vl_check_peer(link, 0);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &name);
        if (r != 0)
                return r;
        if (!find_host(m, name))
                return sd_varlink_errorbo(link, "io.hagw.Proxy.NoSuchHost",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)));
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        call->manager = m;
        call->link = sd_varlink_ref(link);
        call->begin_usec = clock_usec(CLOCK_MONOTONIC);
        (void) snprintf(call->name, sizeof(call->name), "%s", name);
        r = probe_new(&m->probes, m->event, home_of(m, find_host(m, name)), call->name, on_probed, call);
        if (r < 0) {
                sd_varlink_unref(call->link);
                free(call);
                return sd_varlink_error_errno(link, r);
        }
        return 0;
}

static int vl_method_list_hops(sd_varlink *link, sd_json_variant *parameters,
                               sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = hidden_build(&m->hidden, &v);
        return r < 0 ? sd_varlink_error_errno(link, r) : sd_varlink_reply(link, v);
}

static int append_outside(const Manager *m, OutsideWay way, sd_json_variant **list) {
        uint64_t visits = 0, last_usec = 0;

        for (unsigned i = 0; i < m->n_workers; i++) {
                const WorkerCounters *c = &m->workers[i]->counters;

                visits += atomic_load_explicit(&c->outside[way], memory_order_relaxed);
                last_usec = MAX(last_usec,
                                atomic_load_explicit(&c->outside_usec[way], memory_order_relaxed));
        }
        return sd_json_variant_append_arraybo(
                list, SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(outside_family(way))),
                SD_JSON_BUILD_PAIR("door", SD_JSON_BUILD_STRING(outside_door(way))),
                SD_JSON_BUILD_PAIR("visits", SD_JSON_BUILD_UNSIGNED(visits)),
                SD_JSON_BUILD_PAIR("lastUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(last_usec))));
}

static int vl_method_describe_outside(sd_varlink *link, sd_json_variant *parameters,
                                      sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        const Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        for (OutsideWay way = 0; way < _OUTSIDE_WAY_MAX && r >= 0; way++)
                r = append_outside(m, way, &list);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("sinceUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(m->since_usec))),
                SD_JSON_BUILD_PAIR("outside", SD_JSON_BUILD_VARIANT(list)));
}

const VlMethod proxyd_methods[] = {
        { "io.hagw.Proxy.ListHosts", vl_method_list_hosts },
        { "io.hagw.Proxy.Probe", vl_method_probe },
        { "io.hagw.Proxy.ListHops", vl_method_list_hops },
        { "io.hagw.Proxy.DescribeOutside", vl_method_describe_outside },
        { "io.hagw.Proxy.DescribeRelay", vl_method_describe_relay },
        { "io.hagw.Proxy.PublishChallenge", vl_method_publish_challenge },
        { "io.hagw.Proxy.WithdrawChallenge", vl_method_withdraw_challenge },
        { "io.hagw.Proxy.SetAccount", vl_method_set_account },
        { "io.hagw.Proxy.Enrol", vl_method_enrol },
        { "io.hagw.Proxy.ListAttachments", vl_method_list_attachments },
        {},
};

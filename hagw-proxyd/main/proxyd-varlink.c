/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of io.hagw.Proxy. Main thread only. */

#include <stdio.h>
#include <time.h>

#include "hagw-proxyd/main/proxyd-varlink.h"
#include "hagw-proxyd/main/standings.h"
#include "libhagw/usec.h"

static uint64_t realtime_offset(void) {
        return clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_MONOTONIC);
}

/* What of CLOCK_MONOTONIC is in CLOCK_REALTIME; 0 stays 0: never. */
static uint64_t to_realtime(uint64_t offset_usec, uint64_t monotonic_usec) {
        return monotonic_usec == 0 ? 0 : monotonic_usec + offset_usec;
}

static const char *const outer_kinds[_OUTER_KIND_MAX] = {
        [OUTER_RELAY] = "relay",
        [OUTER_GATEWAY] = "gateway",
};

static int build_host(const Manager *m, const Route *route, sd_json_variant **ret) {
        const HostStats *s = snapshot_host(m->snapshot, route)->stats;
        /* Whoever hears of it may come at once. */
        const TlsCertificate *c = snapshot_find_certificate(m->in_force ?: m->snapshot, route->host.name);
        HostReading now = host_stats_read(s);
        /* Once for all of them: what is at the same time stays so. */
        uint64_t offset = realtime_offset();
        bool valid = c && (uint64_t) c->not_after * USEC_PER_SEC > clock_usec(CLOCK_REALTIME);
        const TenantState tenant = standings_of(m, route);
        char text[TENANT_STATE_TEXT_MAX];
        const char *out = tenant_state_text(tenant, strempty(route->host.upstream_host), text);

        /* Whatever its house answered before, nobody gets there now. */
        if (out)
                now.found = false;
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(route->host.name)),
                SD_JSON_BUILD_PAIR("upstream", SD_JSON_BUILD_STRING(route->host.upstream)),
                SD_JSON_BUILD_PAIR("health", SD_JSON_BUILD_STRING(now.failing || out ? "failing" :
                                                                  now.ok_usec > 0    ? "ok" :
                                                                                       "unknown")),
                SD_JSON_BUILD_PAIR_CONDITION(now.failing || out, "error",
                                             SD_JSON_BUILD_STRING(out       ? out :
                                                                  now.found ? s->finding_text :
                                                                              s->error)),
                SD_JSON_BUILD_PAIR_CONDITION(tenant >= 0, "tenantState",
                                             SD_JSON_BUILD_STRING(tenant_state_name(tenant))),
                SD_JSON_BUILD_PAIR_CONDITION(now.found, "finding",
                                             SD_JSON_BUILD_STRING(finding_word(s->finding))),
                SD_JSON_BUILD_PAIR_CONDITION(now.found, "foundUSec",
                                             SD_JSON_BUILD_UNSIGNED(to_realtime(offset, s->found_usec))),
                SD_JSON_BUILD_PAIR_CONDITION(now.status > 0, "answerStatus",
                                             SD_JSON_BUILD_UNSIGNED(now.status)),
                SD_JSON_BUILD_PAIR("triedUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(offset, s->tried_usec))),
                SD_JSON_BUILD_PAIR("lastOkUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(offset, now.ok_usec))),
                SD_JSON_BUILD_PAIR("lastErrorUSec",
                                   SD_JSON_BUILD_UNSIGNED(to_realtime(offset, s->error_usec))),
                SD_JSON_BUILD_PAIR_CONDITION(now.inner >= 0 && now.inner != INNER_LOGIN_SEEN, "innerLogin",
                                             SD_JSON_BUILD_BOOLEAN(now.inner == INNER_LOGIN_REQUIRED)),
                SD_JSON_BUILD_PAIR_CONDITION(now.inner_usec > 0, "innerUSec",
                                             SD_JSON_BUILD_UNSIGNED(to_realtime(offset, now.inner_usec))),
                SD_JSON_BUILD_PAIR_CONDITION(now.outer.usec > 0, "outer",
                                             SD_JSON_BUILD_STRING(outer_kinds[now.outer.kind])),
                SD_JSON_BUILD_PAIR_CONDITION(now.outer.usec > 0, "outerLogin",
                                             SD_JSON_BUILD_BOOLEAN(now.outer.asks)),
                SD_JSON_BUILD_PAIR_CONDITION(now.outer.usec > 0, "outerUSec",
                                             SD_JSON_BUILD_UNSIGNED(to_realtime(offset, now.outer.usec))),
                SD_JSON_BUILD_PAIR("requests", SD_JSON_BUILD_UNSIGNED(now.requests)),
                SD_JSON_BUILD_PAIR("active", SD_JSON_BUILD_UNSIGNED(now.active)),
                SD_JSON_BUILD_PAIR("certificate", SD_JSON_BUILD_BOOLEAN(valid)));
}

static int reply_hosts(const Manager *m, sd_varlink *link) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r;

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

/* Who asked for a trial, or for all that are due. */
typedef struct ProbeCall {
        const Manager *manager;
        sd_varlink *link;
        char *name;      /* of the one host that was tried; NULL: of all */
        unsigned status; /* that its service has answered; 0: it has not */
} ProbeCall;

static ProbeCall *probe_call_free(ProbeCall *call) {
        if (!call)
                return NULL;
        sd_varlink_unref(call->link);
        free(call->name);
        free(call);
        return NULL;
}

/* NULL: no memory. */
static ProbeCall *probe_call_new(const Manager *m, sd_varlink *link, const char *name) {
        ProbeCall *call = malloc(sizeof(*call));

        if (!call)
                return NULL;
        *call = (ProbeCall) { m, sd_varlink_ref(link), name ? strdup(name) : NULL, 0 };
        return name && !call->name ? probe_call_free(call) : call;
}

static void reply_looked(void *userdata) {
        ProbeCall *call = userdata;
        int r = reply_hosts(call->manager, call->link);

        if (r < 0)
                (void) sd_varlink_error_errno(call->link, r);
        probe_call_free(call);
}

static void look_at_tenants(ProbeCall *call, StandingsHandler handler) {
        if (standings_look(call->manager, handler, call) >= 0)
                return;
        (void) sd_varlink_error_errno(call->link, -ENOMEM);
        probe_call_free(call);
}

static void on_looked(void *userdata) {
        look_at_tenants(userdata, reply_looked);
}

typedef struct ListHostsParameters {
        bool look;
} ListHostsParameters;

static int vl_method_list_hosts(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const bool look = ((const ListHostsParameters *) parameters)->look;
        Manager *m = userdata;
        ProbeCall *call = probe_call_new(m, link, NULL);

        if (!call)
                return -ENOMEM;
        if (!look || !rounds_ask(&m->rounds, on_looked, call))
                on_looked(call);
        return 0;
}

/* What is no finding, and yet worth a word to who asks. */
static const char *advice_for(unsigned status) {
        if (status >= 500)
                return "The service answers, but with an error of its own: look at its log.";
        if (status == 400 || status == 403)
                return "The service refuses this page, whoever asks.";
        return NULL;
}

static void reply_tried(void *userdata) {
        ProbeCall *call = userdata;
        const Manager *m = call->manager;
        const Route *route = route_find_host(m->snapshot->routes, call->name);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *host = NULL;

        if (!route || build_host(m, route, &host) < 0)
                (void) sd_varlink_errorbo(call->link, "io.hagw.Proxy.NoSuchHost",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(call->name)));
        else {
                const HostStats *s = snapshot_host(m->snapshot, route)->stats;
                const char *advice = standings_of(m, route) > TENANT_STATE_ATTACHED ? NULL :
                                     s->finding != FINDING_NONE ? s->finding_text :
                                                                  advice_for(call->status);

                (void) sd_varlink_replybo(
                        call->link, SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_VARIANT(host)),
                        SD_JSON_BUILD_PAIR_CONDITION(call->status > 0, "status",
                                                     SD_JSON_BUILD_UNSIGNED(call->status)),
                        SD_JSON_BUILD_PAIR_CONDITION(!!advice, "advice", SD_JSON_BUILD_STRING(advice)));
        }
        probe_call_free(call);
}

static void on_tried(const char *name, const ProbeResult *visitor, void *userdata) {
        ProbeCall *call = userdata;

        call->status = visitor && visitor->answered ? visitor->status : 0;
        look_at_tenants(call, reply_tried);
}

typedef struct ProbeParameters {
        const char *name;
} ProbeParameters;

static int vl_method_probe(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        const char *name = ((const ProbeParameters *) parameters)->name;
        ProbeCall *call;
        int r;

        call = probe_call_new(m, link, name);
        if (!call)
                return -ENOMEM;
        r = trial_new(m, name, on_tried, call);
        if (r >= 0)
                return 0;
        probe_call_free(call);
        if (r == -ENOENT)
                return sd_varlink_errorbo(link, "io.hagw.Proxy.NoSuchHost",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)));
        return sd_varlink_error_errno(link, r);
}

static int vl_method_list_hops(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *hops = NULL, *proper = NULL, *old = NULL,
                                                          *missing = NULL;
        const Manager *m = userdata;
        int r;

        r = hidden_build(&m->hidden, &hops);
        if (r >= 0)
                r = hidden_build(&m->balancers[BALANCER_HEADER_PROPER], &proper);
        if (r >= 0)
                r = hidden_build(&m->balancers[BALANCER_HEADER_VERSION_1], &old);
        if (r >= 0)
                r = hidden_build(&m->balancers[BALANCER_HEADER_MISSING], &missing);
        return r < 0 ? sd_varlink_error_errno(link, r) :
                       sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("hops", SD_JSON_BUILD_VARIANT(hops)),
                                          SD_JSON_BUILD_PAIR("version1Balancers",
                                                             SD_JSON_BUILD_VARIANT(old)),
                                          SD_JSON_BUILD_PAIR("headerlessBalancers",
                                                             SD_JSON_BUILD_VARIANT(missing)),
                                          SD_JSON_BUILD_PAIR("balancers", SD_JSON_BUILD_VARIANT(proper)));
}

static int append_outside(const Past *p, OutsideWay way, sd_json_variant **list) {
        return sd_json_variant_append_arraybo(
                list, SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(outside_family(way))),
                SD_JSON_BUILD_PAIR("door", SD_JSON_BUILD_STRING(outside_door(way))),
                SD_JSON_BUILD_PAIR("visits", SD_JSON_BUILD_UNSIGNED(p->visits[way])),
                SD_JSON_BUILD_PAIR("lastUSec", SD_JSON_BUILD_UNSIGNED(to_realtime(realtime_offset(),
                                                                                  p->last_usec[way]))));
}

static int vl_method_describe_outside(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        const Manager *m = userdata;
        Past sum;
        int r = 0;

        sum = manager_outside(m);
        for (OutsideWay way = 0; way < _OUTSIDE_WAY_MAX && r >= 0; way++)
                r = append_outside(&sum, way, &list);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(
                link,
                SD_JSON_BUILD_PAIR("sinceUSec",
                                   SD_JSON_BUILD_UNSIGNED(to_realtime(realtime_offset(), sum.since_usec))),
                SD_JSON_BUILD_PAIR("outside", SD_JSON_BUILD_VARIANT(list)));
}

const VlMethod proxyd_methods[] = {
        { "io.hagw.Proxy.ListHosts", VL_PEER_WEBD, vl_method_list_hosts,
          VL_PARAMETERS(ListHostsParameters,
                        FIELD_BOOL("look", ListHostsParameters, look, SD_JSON_NULLABLE)) },
        { "io.hagw.Proxy.Probe", VL_PEER_ROOT, vl_method_probe,
          VL_PARAMETERS(ProbeParameters, FIELD_STRING("name", ProbeParameters, name)) },
        { "io.hagw.Proxy.ListHops", VL_PEER_ROOT, vl_method_list_hops },
        { "io.hagw.Proxy.DescribeOutside", VL_PEER_ROOT, vl_method_describe_outside },
        {},
};

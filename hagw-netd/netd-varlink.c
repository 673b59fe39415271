/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The methods of io.hagw.Net: who may call, what comes back. Main thread only. */

#include "hagw-netd/netd-varlink.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"

/* An address does not change: as long as a name may be kept at most. */
#define LITERAL_TTL_USEC USEC_PER_HOUR

static int append_address(sd_json_variant **list, const AddressSource *s) {
        AddressState state = address_source_state(s);
        bool known = state.address.family != AF_UNSPEC;
        char text[IP_TEXT_MAX];

        return sd_json_variant_append_arraybo(
                list,
                SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(
                                                     address_source_family(s) == AF_INET ? "ipv4" : "ipv6")),
                SD_JSON_BUILD_PAIR("source", SD_JSON_BUILD_STRING(address_source_spec(s))),
                SD_JSON_BUILD_PAIR_CONDITION(known, "address",
                                             SD_JSON_BUILD_STRING(ip_format(&state.address, text))),
                SD_JSON_BUILD_PAIR("knowledge",
                                   SD_JSON_BUILD_STRING(address_knowledge_text(state.knowledge))),
                JSON_PAIR_IF_SET("held", state.held),
                SD_JSON_BUILD_PAIR("confirmedUSec", SD_JSON_BUILD_UNSIGNED(state.confirmed_usec)),
                SD_JSON_BUILD_PAIR("changedUSec", SD_JSON_BUILD_UNSIGNED(state.changed_usec)),
                JSON_PAIR_IF_SET("error", state.error));
}

static int build_addresses(const Manager *m, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(m->sources); i++) {
                r = append_address(&list, m->sources[i]);
                if (r < 0)
                        return r;
        }
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("addresses", SD_JSON_BUILD_VARIANT(list)));
}

void netd_varlink_tell_watchers(Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        if (build_addresses(m, &v) < 0)
                (void) log_oom();
        else
                vl_stream_send(&m->watchers, v);
}

static int vl_method_watch(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = build_addresses(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return vl_stream_answer(&m->watchers, link, flags, v);
}

static int build_network(const Manager *m, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *hops = NULL, *published = NULL;
        char text[IP_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(&published, NULL, 0);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(m->sources); i++) {
                const IpAddress a = address_source_state(m->sources[i]).address;

                if (a.family != AF_UNSPEC)
                        r = sd_json_variant_append_arrayb(&published,
                                                          SD_JSON_BUILD_STRING(ip_format(&a, text)));
        }
        if (r >= 0)
                r = sd_json_variant_new_array(&hops, NULL, 0);
        for (size_t i = 0; r >= 0 && i < MIN(m->n_hops, (size_t) NET_HOPS_MAX); i++)
                r = sd_json_variant_append_arrayb(&hops, SD_JSON_BUILD_STRING(ip_format(&m->hops[i], text)));
        if (r < 0)
                return r;
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("changes", SD_JSON_BUILD_UNSIGNED(m->n_changes)),
                              SD_JSON_BUILD_PAIR("hops", SD_JSON_BUILD_VARIANT(hops)),
                              SD_JSON_BUILD_PAIR("published", SD_JSON_BUILD_VARIANT(published)),
                              SD_JSON_BUILD_PAIR("complete",
                                                 SD_JSON_BUILD_BOOLEAN(m->n_hops <= NET_HOPS_MAX)));
}

void netd_varlink_tell_network(Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        if (build_network(m, &v) < 0)
                (void) log_oom();
        else
                vl_stream_send(&m->network_watchers, v);
}

static int vl_method_watch_network(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = build_network(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return vl_stream_answer(&m->network_watchers, link, flags, v);
}

static int build_locals(const Manager *m, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        char text[IP_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < MIN(m->n_locals, (size_t) NET_LOCALS_MAX); i++)
                r = sd_json_variant_append_arraybo(
                        &list,
                        SD_JSON_BUILD_PAIR("address",
                                           SD_JSON_BUILD_STRING(ip_format(&m->locals[i].address, text))),
                        SD_JSON_BUILD_PAIR("world", SD_JSON_BUILD_BOOLEAN(m->locals[i].world)));
        if (r < 0)
                return r;
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR("locals", SD_JSON_BUILD_VARIANT(list)),
                              SD_JSON_BUILD_PAIR("complete",
                                                 SD_JSON_BUILD_BOOLEAN(m->n_locals <= NET_LOCALS_MAX)));
}

void netd_varlink_tell_locals(Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        if (build_locals(m, &v) < 0)
                (void) log_oom();
        else
                vl_stream_send(&m->local_watchers, v);
}

static int vl_method_watch_local(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = build_locals(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return vl_stream_answer(&m->local_watchers, link, flags, v);
}

static void answer_refresh(Manager *m, sd_varlink *link) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = build_addresses(m, &v);
        /* The caller may be gone; nobody misses the answer then. */
        (void) (r < 0 ? sd_varlink_error_errno(link, r) : sd_varlink_reply(link, v));
}

void netd_varlink_answer_refreshes(Manager *m) {
        while (m->n_refreshes > 0) {
                sd_varlink *link = m->refreshes[--m->n_refreshes];

                answer_refresh(m, link);
                sd_varlink_unref(link);
        }
}

static int vl_method_refresh(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;

        if (m->n_refreshes == MANAGER_REFRESHES_MAX)
                return sd_varlink_error_errno(link, -EBUSY);
        if (!manager_refresh(m)) {
                answer_refresh(m, link);
                return 0;
        }
        m->refreshes[m->n_refreshes++] = sd_varlink_ref(link);
        return 0;
}

static int reply_resolved(sd_varlink *link, const IpAddress *addresses, size_t n, uint64_t ttl_usec) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        char text[IP_TEXT_MAX];
        int r;

        for (size_t i = 0; i < n; i++) {
                r = sd_json_variant_append_arrayb(&list,
                                                  SD_JSON_BUILD_STRING(ip_format(&addresses[i], text)));
                if (r < 0)
                        return sd_varlink_error_errno(link, r);
        }
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("addresses", SD_JSON_BUILD_VARIANT(list)),
                                  SD_JSON_BUILD_PAIR("ttlUSec", SD_JSON_BUILD_UNSIGNED(ttl_usec)));
}

/* What a caller asked, for the time of the lookup. */
typedef struct ResolveCall {
        sd_varlink *link;
        char name[HOSTNAME_MAX + 1];
} ResolveCall;

static void on_resolved(const ResolverAnswer *answer, void *userdata) {
        ResolveCall *c = userdata;

        if (answer->status == LOOKUP_OK)
                (void) reply_resolved(c->link, answer->addresses, answer->n, answer->ttl_usec);
        else if (answer->status == LOOKUP_NO_SUCH_NAME)
                (void) sd_varlink_errorbo(c->link, "io.hagw.Net.NoSuchName",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)));
        else
                (void) sd_varlink_errorbo(
                        c->link, "io.hagw.Net.ResolverFailed",
                        SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)),
                        SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(answer->reason)));
        sd_varlink_unref(c->link);
        free(c);
}

typedef struct ResolveParameters {
        const char *name;
} ResolveParameters;

static int vl_method_resolve(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const char *name = ((const ResolveParameters *) parameters)->name;
        Manager *m = userdata;
        ResolveCall *c;
        IpAddress a;
        int r;

        if (ip_parse(name, &a) >= 0)
                return reply_resolved(link, &a, 1, LITERAL_TTL_USEC);
        c = calloc(1, sizeof(*c));
        if (!c)
                return sd_varlink_error_errno(link, -ENOMEM);
        if (hostname_normalize(name, strlen(name), c->name) < 0) {
                free(c);
                return sd_varlink_error_invalid_parameter_name(link, "name");
        }
        c->link = sd_varlink_ref(link);
        r = resolver_ask(m->resolver, c->name, on_resolved, c);
        if (r < 0) {
                on_resolved(&(ResolverAnswer) { .status = LOOKUP_FAILED, .reason = strerror(-r) }, c);
                return 0;
        }
        return 0;
}

void netd_varlink_done(Manager *m) {
        netd_varlink_answer_refreshes(m);
        queries_done(m);
        vl_stream_done(&m->watchers);
        vl_stream_done(&m->network_watchers);
        vl_stream_done(&m->local_watchers);
}

const VlMethod netd_methods[] = {
        { "io.hagw.Net.Watch", VL_PEER_DNSD | VL_PEER_WEBD | VL_PEER_ACMED, vl_method_watch },
        { "io.hagw.Net.WatchNetwork", VL_PEER_PROXYD | VL_PEER_DNSD, vl_method_watch_network },
        { "io.hagw.Net.WatchLocal", VL_PEER_DNSD, vl_method_watch_local },
        { "io.hagw.Net.Refresh", VL_PEER_ROOT, vl_method_refresh },
        { "io.hagw.Net.Resolve", VL_PEER_PROXYD | VL_PEER_ACMED | VL_PEER_WEBD, vl_method_resolve,
          VL_PARAMETERS(ResolveParameters, FIELD_STRING("name", ResolveParameters, name)) },
        {},
};

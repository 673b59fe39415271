/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An agent's place: taken, kept, given back. Runs in the worker's thread. */

#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "hagw-proxyd/relay/control-attach.h"
#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"
#include "libhagw/pure/list.h"
#include "libhagw/pure/reserve.h"
#include "libhagw/usec.h"

/* A free place in the table: searched from where the last one was found. */
static int take_slot(Control *k) {
        Tenants *t = k->worker->tenants;
        size_t n = t->n_controls;
        Control **grown;

        for (size_t i = 0; i < n; i++) {
                size_t slot = (t->next_slot + i) % n;

                if (!t->controls[slot]) {
                        k->slot = (unsigned) slot;
                        t->controls[slot] = k;
                        t->next_slot = slot + 1;
                        return 0;
                }
        }
        grown = reallocarray(t->controls, MAX(2 * n, (size_t) 64), sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        t->controls = grown;
        t->n_controls = MAX(2 * n, (size_t) 64);
        memset(grown + n, 0, (t->n_controls - n) * sizeof(*grown));
        k->slot = (unsigned) n;
        t->controls[n] = k;
        t->next_slot = n + 1;
        return 0;
}

static int make_session_id(Control *k) {
        uint16_t worker = htobe16((uint16_t) k->worker->index);
        uint32_t slot = htobe32(k->slot);

        if (gnutls_rnd(GNUTLS_RND_RANDOM, k->session_id, sizeof(k->session_id)) < 0)
                return -EIO;
        memcpy(k->session_id, &worker, sizeof(worker));
        memcpy(k->session_id + 2, &slot, sizeof(slot));
        return 0;
}

/* NULL: it knows. */
static int take_refused(Control *k, sd_json_variant **ret) {
        uint64_t n = tenant_refusals_version(k->tenant);

        if (n == k->told_refusals)
                return 0;
        k->told_refusals = n;
        return tenant_refusals_append(k->tenant, ret);
}

/* NULL: it knows. */
static int take_domains(Control *k, bool first, sd_json_variant **ret) {
        char **domains = k->tenant->info->domains;
        int r = 0;

        if (!first && k->told_domains == k->tenant->domains_version)
                return 0;
        k->told_domains = k->tenant->domains_version;
        r = sd_json_variant_new_array(ret, NULL, 0);
        for (size_t i = 0; r >= 0 && domains && domains[i]; i++)
                r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(domains[i]));
        return r;
}

/* NULL: they are too many to be told. */
static int list_opens(const Control *k, sd_json_variant **ret) {
        const RouteTable *routes = k->worker->snapshot->routes;
        char name[HOSTNAME_LABEL_MAX + HOSTNAME_MAX + 2];
        int r = sd_json_variant_new_array(ret, NULL, 0);

        for (size_t i = 0; r >= 0 && i < routes->n_routes; i++) {
                const ConfHost *h = &routes->routes[i].host;

                if (h->upstream_kind == CONF_UPSTREAM_TENANT && &routes->routes[i] != routes->opened &&
                    streq(h->upstream_host, k->tenant_name))
                        r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(h->name));
        }
        (void) snprintf(name, sizeof(name), "%s.%s", k->tenant_name, strempty(routes->tenants_zone));
        if (r >= 0 && k->tenant->info->terminate)
                r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(name));
        if (r >= 0 && sd_json_variant_elements(*ret) > CONTROL_OPENS_MAX)
                *ret = sd_json_variant_unref(*ret);
        return r;
}

/* NULL: it knows. */
static int take_opens(Control *k, bool first, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *opens = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        if (!first && !k->opens_stale)
                return 0;
        r = list_opens(k, &opens);
        if (r < 0)
                return r;
        if (sd_json_variant_elements(opens) > 0)
                r = sd_json_variant_format(opens, /* flags= */ 0, &text);
        if (r < 0)
                return r;
        k->opens_stale = false;
        if (!first && streq_ptr(text, k->told_opens))
                return 0;
        free(k->told_opens);
        k->told_opens = TAKE_PTR(text);
        *ret = TAKE_PTR(opens);
        return 0;
}

/* Whether that its month is used up, or is not, is to be told. */
static bool take_exhausted(Control *k, bool first) {
        const bool exhausted = k->tenant->info->exhausted;

        if (!first && k->told_exhausted == exhausted)
                return false;
        k->told_exhausted = exhausted;
        return true;
}

static unsigned wish_max(const Control *k) {
        return MIN(CONTROL_WAITING_MAX, MAX(k->tenant->info->channels / 2, 1U));
}

/* How many wait where nobody comes. */
static unsigned wish_min(const Control *k) {
        const Worker *w = k->worker;

        return MIN(wish_max(k), reserve_of_house(w->tenants->descriptors,
                                                 atomic_load_explicit(&w->figures->attached,
                                                                      memory_order_relaxed)));
}

/* Whether how many channels there may be is to be told, and so how many are to wait. */
static bool take_channels(Control *k) {
        if (k->told_channels == k->tenant->info->channels)
                return false;
        k->told_channels = k->tenant->info->channels;
        k->wish = MIN(MAX(k->wish, wish_min(k)), wish_max(k));
        return true;
}

static int send_first(Control *k) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *refused = NULL, *domains = NULL,
                                                          *opens = NULL;
        const RouteTable *routes = k->worker->snapshot->routes;
        char zone[HOSTNAME_LABEL_MAX + HOSTNAME_MAX + 2], address[IP_TEXT_MAX];
        int r;

        (void) snprintf(zone, sizeof(zone), "%s.%s", k->tenant_name, strempty(routes->tenants_zone));
        r = take_refused(k, &refused);
        if (r >= 0)
                r = take_domains(k, /* first= */ true, &domains);
        if (r >= 0)
                r = take_opens(k, /* first= */ true, &opens);
        if (r < 0)
                return r;
        (void) take_exhausted(k, /* first= */ true);
        k->told_channels = k->tenant->info->channels;
        r = sd_json_buildo(
                &v,
                SD_JSON_BUILD_PAIR("sessionId", SD_JSON_BUILD_BASE64(k->session_id, sizeof(k->session_id))),
                SD_JSON_BUILD_PAIR("zone", SD_JSON_BUILD_STRING(zone)),
                SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(ip_format(&k->address, address))),
                SD_JSON_BUILD_PAIR("channels", SD_JSON_BUILD_UNSIGNED(k->told_channels)),
                SD_JSON_BUILD_PAIR("waiting", SD_JSON_BUILD_UNSIGNED(k->wish)),
                SD_JSON_BUILD_PAIR_VARIANT("domains", domains),
                SD_JSON_BUILD_PAIR_CONDITION(!!opens, "opens", SD_JSON_BUILD_VARIANT(opens)),
                SD_JSON_BUILD_PAIR_BOOLEAN("alone", k->tenant->taken_usec[0] == 0),
                SD_JSON_BUILD_PAIR_BOOLEAN("exhausted", k->told_exhausted),
                SD_JSON_BUILD_PAIR_CONDITION(!!refused, "refused", SD_JSON_BUILD_VARIANT(refused)));
        return r < 0 ? r : control_send_reply(&k->transport, v, /* continues= */ true);
}

/* What it is asked for from time to time, and what has changed; what is not said stays as it was. That
 * somebody was refused goes with the ping, however many come. */
static int send_news(Control *k, bool ping, bool wish) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *refused = NULL, *domains = NULL,
                                                          *opens = NULL;
        int r = ping ? take_refused(k, &refused) : 0;
        bool exhausted, channels;

        if (r >= 0)
                r = take_domains(k, /* first= */ false, &domains);
        if (r >= 0)
                r = take_opens(k, /* first= */ false, &opens);
        if (r < 0)
                return r;
        exhausted = take_exhausted(k, /* first= */ false);
        channels = take_channels(k);
        r = sd_json_buildo(&v,
                           SD_JSON_BUILD_PAIR_CONDITION(ping, "ping", SD_JSON_BUILD_UNSIGNED(++k->ping)),
                           SD_JSON_BUILD_PAIR_CONDITION(channels, "channels",
                                                        SD_JSON_BUILD_UNSIGNED(k->told_channels)),
                           SD_JSON_BUILD_PAIR_CONDITION(wish || channels, "waiting",
                                                        SD_JSON_BUILD_UNSIGNED(k->wish)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!domains, "domains",
                                                        SD_JSON_BUILD_VARIANT(domains)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!opens, "opens", SD_JSON_BUILD_VARIANT(opens)),
                           SD_JSON_BUILD_PAIR_CONDITION(exhausted, "exhausted",
                                                        SD_JSON_BUILD_BOOLEAN(k->told_exhausted)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!refused, "refused",
                                                        SD_JSON_BUILD_VARIANT(refused)));
        return r < 0 ? r : control_send_reply(&k->transport, v, /* continues= */ true);
}

void control_tell(Control *k) {
        const Tenant *t = k->tenant;

        if (k->told_channels != t->info->channels || k->told_domains != t->domains_version ||
            k->told_exhausted != t->info->exhausted || k->opens_stale)
                (void) send_news(k, /* ping= */ false, /* wish= */ false);
}

/* Those that something is opened for now, and those that something was opened for. */
void controls_snapshot(Worker *w) {
        const RouteTable *routes = w->snapshot->routes;

        for (size_t i = 0; i < w->tenants->n_controls; i++)
                if (w->tenants->controls[i])
                        w->tenants->controls[i]->opens_stale = w->tenants->controls[i]->told_opens;
        for (size_t i = 0; i < routes->n_routes; i++) {
                const ConfHost *h = &routes->routes[i].host;
                Tenant *t;

                if (h->upstream_kind != CONF_UPSTREAM_TENANT || !(t = tenants_find(w, h->upstream_host)))
                        continue;
                for (Control *k = t->controls; k; k = k->next)
                        k->opens_stale = true;
        }
        for (size_t i = 0; i < w->tenants->n_controls; i++)
                if (w->tenants->controls[i])
                        control_tell(w->tenants->controls[i]);
}

void control_dismiss(Control *k) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        if (k->state < CONTROL_ASKED || k->state > CONTROL_ATTACHED)
                control_end(k, NULL);
        else if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR_BOOLEAN("leaving", true)) < 0 ||
                 control_send_reply(&k->transport, v, /* continues= */ true) < 0)
                control_close(k);
        else
                control_leave(k);
}

/* Whether it is written, and what of those before it that were not. */
static bool take_line(Tenant *t, TenantLine line, char others[static SELDOM_TEXT_MAX]) {
        return seldom_take_of(&t->lines[line], TENANT_LINES_MAX, t->worker->loop.now_usec, others);
}

static void attach(Control *k, Tenant *t) {
        static const unsigned silent_msec = (unsigned) (CONTROL_SILENT_USEC / USEC_PER_MSEC);
        char others[SELDOM_TEXT_MAX];
        Worker *w = k->worker;

        if (take_slot(k) < 0) {
                control_end(k, "Busy");
                return;
        }
        LIST_REMOVE(k);
        LIST_ADD(&t->controls, k);
        k->tenant = t;
        t->n_controls++;
        counter_add(&w->figures->attached, 1);
        tenant_refusals_attached(t);
        crowd_leave(&k->crowd);
        k->wish = MIN(MAX(t->n_queue, wish_min(k)), wish_max(k)); /* visitors may wait for it already */
        k->since_usec = clock_usec(CLOCK_REALTIME);
        control_set_state(k, CONTROL_ATTACHED);
        (void) setsockopt(k->transport.handle.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_msec,
                          sizeof(silent_msec));
        if (make_session_id(k) < 0 || send_first(k) < 0) {
                control_close(k);
                return;
        }
        if (take_line(t, TENANT_LINE_ATTACHED, others))
                log_info("Tenant %s: machine %s (%s) is attached%s.", t->info->name, k->machine, k->software,
                         others);
        loop_arm(&w->loop, &k->timer, w->loop.now_usec + CONTROL_PING_USEC);
}

void control_detach(Control *k) {
        char others[SELDOM_TEXT_MAX];
        Worker *w = k->worker;
        Tenant *t = k->tenant;

        if (!t)
                return;
        while (k->channels)
                channel_close(k->channels);
        w->tenants->controls[k->slot] = NULL;
        LIST_REMOVE(k);
        t->n_controls--;
        t->left_usec = w->loop.now_usec;
        counter_sub(&w->figures->attached, 1);
        k->tenant = NULL;
        if (take_line(t, TENANT_LINE_DETACHED, others))
                log_info("Tenant %s: machine %s is detached%s.", t->info->name, k->machine, others);
}

void control_settle(Tenant *t) {
        memset(t->taken_usec, 0, sizeof(t->taken_usec));
        for (Control *k = t->controls; k; k = k->next) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

                if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR_BOOLEAN("alone", true)) >= 0)
                        (void) control_send_reply(&k->transport, v, /* continues= */ true);
        }
}

/* Who takes turns does not go: a machine that gives its place up leaves it to the other. */
void control_gone(Control *k) {
        if (k->tenant)
                memset(k->tenant->taken_usec, 0, sizeof(k->tenant->taken_usec));
}

/* The same as k, or, where copy says so, another one of the same id. */
static Control *find_machine(const Tenant *t, const Control *k, bool copy) {
        for (Control *i = t->controls; i; i = i->next)
                if (streq(i->machine, k->machine) && machine_is_copy(&i->says, &k->says) == copy)
                        return i;
        return NULL;
}

static Control *find_oldest(const Tenant *t) {
        Control *oldest = t->controls;

        assert(oldest);
        for (Control *k = oldest->next; k; k = k->next)
                if (k->since_usec < oldest->since_usec)
                        oldest = k;
        return oldest;
}

static uint64_t count_attached(const Worker *w) {
        uint64_t n = 0;

        for (unsigned i = 0; i < w->n_crew; i++)
                n += atomic_load_explicit(&w->crew[i]->figures->attached, memory_order_relaxed);
        return n;
}

void control_admit(Control *k, TenantInfo *info) {
        Worker *w = k->worker;
        Tenant *t = tenants_put(w, info);
        uint8_t before[CHANNEL_SESSION_ID_SIZE];
        Control *same, *copy;

        /* Who takes a place that is his tenant's already needs none of those that are left. */
        same = t ? find_machine(t, k, /* copy= */ false) : NULL;
        if (same) {
                memcpy(before, same->session_id, sizeof(before));
                control_end(same, NULL);
                tenant_stale(t, before);
        }
        if (!t || (t->n_controls < MAX(t->info->agents, 1U) &&
                   count_attached(w) >= w->snapshot->attachments)) {
                control_end(k, "Busy");
                return;
        }
        copy = find_machine(t, k, /* copy= */ true);
        if (t->n_controls < MAX(t->info->agents, 1U) && !copy) {
                attach(k, t);
                return;
        }
        /* All places are taken, or one by what may be this machine before it booted: is anybody still there?
         * Either way the newest wins, and it is logged. */
        (void) send_news(copy ?: find_oldest(t), /* ping= */ true, /* wish= */ false);
        control_set_state(k, CONTROL_PROBING);
        loop_arm(&w->loop, &k->timer, w->loop.now_usec + CONTROL_PROBE_USEC);
}

/* The kernel knows when the other end acknowledged last. */
static bool is_alive(const Control *k) {
        struct tcp_info info = {};
        socklen_t size = sizeof(info);

        return getsockopt(k->transport.handle.fd, IPPROTO_TCP, TCP_INFO, &info, &size) >= 0 &&
               info.tcpi_unacked == 0;
}

/* The one that has to go has the token, too. */
static void note_shared(Tenant *t, const char *id, const Control *k) {
        if (!streq(id, k->token_id))
                return;
        memcpy(t->shared_id, k->token_id, sizeof(t->shared_id));
        t->shared_usec = k->worker->loop.now_usec;
}

bool control_token_is_shared(const Control *k, sd_json_variant *parameters) {
        const Tenant *t = tenants_find(k->worker, k->tenant_name);
        uint8_t own[CHANNEL_SESSION_ID_SIZE];
        const bool told = sd_json_variant_by_key(parameters, "session"),
                   attached = control_bytes(parameters, "session", own, sizeof(own));
        /* A house of before does not say which it is: of those that are attached it counts as one. */
        size_t others = 0, own_ones = told ? 0 : 1;

        if (!t)
                return false;
        if (streq(t->shared_id, k->token_id) &&
            k->worker->loop.now_usec < t->shared_usec + TENANT_SHARED_USEC)
                return true;
        for (const Control *i = t->controls; i; i = i->next)
                if (streq(i->token_id, k->token_id) &&
                    !(attached && memcmp(i->session_id, own, sizeof(own)) == 0) && is_alive(i))
                        others++;
        return others > own_ones;
}

static void take_place(Control *k) {
        Tenant *t = tenants_find(k->worker, k->tenant_name);
        char others[SELDOM_TEXT_MAX];
        Control *old;

        if (!t || t->info->suspended || !tenant_info_has_token(t->info, k->token_id)) {
                control_end(k, "NotAdmitted");
                return;
        }
        old = find_machine(t, k, /* copy= */ true);
        if (old && !is_alive(old))
                control_end(old, NULL);
        if (t->n_controls >= MAX(t->info->agents, 1U)) {
                old = find_oldest(t);
                if (is_alive(old)) {
                        t->taken_usec[1] = t->taken_usec[0];
                        t->taken_usec[0] = k->worker->loop.now_usec;
                        note_shared(t, old->token_id, k);
                }
                if (take_line(t, TENANT_LINE_REPLACED, others))
                        log_notice("Tenant %s: machine %s takes the place of machine %s, which %s%s.",
                                   t->info->name, k->machine, old->machine,
                                   is_alive(old) ? "is alive" : "does not answer", others);
                control_end(old, "TakenOver");
        }
        attach(k, t);
}

void control_wish_more(Control *k) {
        unsigned wish = MIN(MAX(2 * k->wish, 2U), wish_max(k));

        if (wish == k->wish)
                return;
        k->wish = wish;
        (void) send_news(k, /* ping= */ false, /* wish= */ true);
}

/* What lay unused all the time since the last ping is too much, and half of it goes; what is to wait in any
 * case changes with how many houses there are. */
static bool wish_anew(Control *k) {
        unsigned before = k->wish, least = wish_min(k);

        k->wish -= MIN((k->least_waiting + 1) / 2, k->wish > least ? k->wish - least : 0);
        k->wish = MAX(k->wish, least);
        k->least_waiting = k->n_waiting;
        return k->wish != before;
}

void control_on_place_timer(Control *k) {
        Worker *w = k->worker;

        if (k->state == CONTROL_PROBING) {
                take_place(k);
                return;
        }
        if (send_news(k, /* ping= */ true, wish_anew(k)) < 0) {
                control_close(k); /* it does not read */
                return;
        }
        loop_arm(&w->loop, &k->timer, w->loop.now_usec + CONTROL_PING_USEC);
}

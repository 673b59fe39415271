/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker's part of the list of those who are attached. Runs in its thread. */

#include <stdio.h>
#include <time.h>

#include "hagw-proxyd/relay/attached.h"
#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantusage.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/nametable.h"
#include "libhagw/usec.h"

#define SWAPS_MAX 100U /* rows of each worker's */
#define GAPS_MAX 100U  /* likewise */

static unsigned count_visitors(Tenant *t, const Control *k) {
        unsigned n = 0;

        for (ChannelClient *c = t->users; c; c = c->next) {
                tenant_usage_collect(t, c);
                n += memcmp(c->session_id, k->session_id, sizeof(c->session_id)) == 0;
        }
        return n;
}

static int append_row(sd_json_variant **rows, const Control *k) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *row = NULL;
        char address[IP_TEXT_MAX], text[IP_TEXT_MAX + 10];
        unsigned visitors = count_visitors(k->tenant, k);
        int r;

        (void) snprintf(text, sizeof(text), k->address.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
                        ip_format(&k->address, address), k->port);
        r = sd_json_buildo(&row, SD_JSON_BUILD_PAIR_STRING("tenant", k->tenant_name),
                           SD_JSON_BUILD_PAIR_STRING("tokenId", k->token_id),
                           SD_JSON_BUILD_PAIR_STRING("machine", k->machine),
                           SD_JSON_BUILD_PAIR_STRING("software", k->software),
                           SD_JSON_BUILD_PAIR_STRING("address", text),
                           SD_JSON_BUILD_PAIR_UNSIGNED("sinceUSec", k->since_usec),
                           SD_JSON_BUILD_PAIR_UNSIGNED("waiting", k->n_waiting),
                           SD_JSON_BUILD_PAIR_UNSIGNED("visitors", visitors),
                           SD_JSON_BUILD_PAIR_UNSIGNED("received", k->received),
                           SD_JSON_BUILD_PAIR_UNSIGNED("sent", k->sent));
        return r < 0 ? r : sd_json_variant_append_array(rows, row);
}

static void add_refusals(NameEntry *e, void *userdata) {
        RefusalRows *f = userdata;

        tenant_refusals_add(CONTAINER_OF(e, Tenant, entry), f);
}

/* The newest ones; *ret_more: how many there was no room for. */
static int collect_refused(Worker *w, const char *tenant, sd_json_variant **ret, size_t *ret_more) {
        _cleanup_(refusal_rows_done) RefusalRows f = {};
        Tenant *t;

        if (!*tenant)
                name_table_foreach(&w->tenants->table, add_refusals, &f);
        else if ((t = tenants_find(w, tenant)))
                add_refusals(&t->entry, &f);
        *ret_more = f.n > ATTACHED_REFUSED_MAX ? f.n - ATTACHED_REFUSED_MAX : 0;
        return refusal_rows_to_json(&f, ATTACHED_REFUSED_MAX, ret);
}

typedef struct Swaps {
        uint64_t now_usec, shift_usec;
        size_t n;
        sd_json_variant *rows;
} Swaps;

static void add_swap(NameEntry *e, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *row = NULL;
        const Tenant *t = CONTAINER_OF(e, Tenant, entry);
        Swaps *s = userdata;

        if (t->taken_usec[1] == 0 || t->taken_usec[1] + TENANT_SWAP_USEC < s->now_usec || s->n >= SWAPS_MAX)
                return;
        s->n++;
        if (sd_json_buildo(&row, SD_JSON_BUILD_PAIR_STRING("tenant", t->info->name),
                           SD_JSON_BUILD_PAIR_UNSIGNED("lastUSec", t->taken_usec[0] + s->shift_usec)) >= 0)
                (void) sd_json_variant_append_array(&s->rows, row);
}

/* NULL: none. */
static sd_json_variant *collect_swaps(Worker *w, const char *tenant) {
        Swaps s = { .now_usec = w->loop.now_usec,
                    .shift_usec = clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_MONOTONIC) };
        Tenant *t;

        if (!*tenant)
                name_table_foreach(&w->tenants->table, add_swap, &s);
        else if ((t = tenants_find(w, tenant)))
                add_swap(&t->entry, &s);
        return s.rows;
}

static int append_gap(sd_json_variant **rows, const Control *k) {
        const bool refuses = *strempty(k->told_opens) && k->says.opened_known && !k->says.opened;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *row = NULL;
        int r;

        if ((!refuses && !k->says.lacking) || sd_json_variant_elements(*rows) >= GAPS_MAX)
                return 0;
        r = sd_json_buildo(&row, SD_JSON_BUILD_PAIR_STRING("tenant", k->tenant_name),
                           SD_JSON_BUILD_PAIR_STRING("machine", k->machine),
                           SD_JSON_BUILD_PAIR_UNSIGNED("machines", k->tenant->n_controls),
                           SD_JSON_BUILD_PAIR_BOOLEAN("refusesOpened", refuses),
                           SD_JSON_BUILD_PAIR_CONDITION(!!k->says.lacking, "lacking",
                                                        SD_JSON_BUILD_VARIANT(k->says.lacking)),
                           SD_JSON_BUILD_PAIR_CONDITION(!k->says.lacking, "lacking",
                                                        SD_JSON_BUILD_EMPTY_ARRAY));
        return r < 0 ? r : sd_json_variant_append_array(rows, row);
}

static bool is_asked_for(const AttachmentsMessage *m, const Control *k) {
        return k && (!*m->tenant || streq(m->tenant, k->tenant_name));
}

static void deliver_attachments(Message *message, Worker *w) {
        AttachmentsMessage *m = (AttachmentsMessage *) message;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *rows = NULL, *refused = NULL, *v = NULL,
                                                          *gaps = NULL, *swaps = collect_swaps(w, m->tenant);
        int r = sd_json_variant_new_array(&rows, NULL, 0);
        size_t more = 0;

        for (size_t i = 0; r >= 0 && i < w->tenants->n_controls; i++) {
                const Control *k = w->tenants->controls[i];

                if (is_asked_for(m, k) && !m->refused_only)
                        r = append_row(&rows, k);
                if (r >= 0 && is_asked_for(m, k))
                        r = append_gap(&gaps, k);
        }
        if (r >= 0)
                r = collect_refused(w, m->tenant, &refused, &more);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("attachments", rows),
                                   SD_JSON_BUILD_PAIR_VARIANT("refused", refused),
                                   SD_JSON_BUILD_PAIR_UNSIGNED("refusedMore", more),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!swaps, "swaps",
                                                                SD_JSON_BUILD_VARIANT(swaps)),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!gaps, "gaps",
                                                                SD_JSON_BUILD_VARIANT(gaps)));
        if (r >= 0)
                (void) sd_json_variant_format(v, /* flags= */ 0, &m->rows);
        queue_push(w->main_queue, &m->message);
}

static void free_message(Message *m) {
        free(((AttachmentsMessage *) m)->rows);
}

const MessageKind attachments_message = {
        .size = sizeof(AttachmentsMessage), .deliver = deliver_attachments, .free = free_message,
};

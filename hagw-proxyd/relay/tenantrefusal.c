/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Refusals, in the worker's thread that is the tenant's home. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hagw-proxyd/relay/tenantrefusal.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantusage.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

Refusal tenant_refusal(const Worker *w, const Tenant *t) {
        if (t && t->info->suspended)
                return REFUSAL_SUSPENDED;
        if (t && t->info->exhausted)
                return REFUSAL_EXHAUSTED;
        return t && t->controls ? REFUSAL_CHANNELS : REFUSAL_AWAY;
}

static void log_when_due(Tenant *t, Refusal r) {
        uint64_t n = refusal_take(&t->refused[r], &t->worker->tenants->refusal_lines,
                                  t->worker->loop.now_usec);

        if (n == 1)
                log_info("Tenant %s: a visitor is refused: %s.", t->info->name, refusal_text(r));
        else if (n > 1)
                log_info("Tenant %s: %" PRIu64 " more %s refused: %s.", t->info->name, n,
                         plural(n, "visitor was", "visitors were"), refusal_text(r));
}

void tenant_refuse(Worker *w, Tenant *t, Refusal r) {
        counter_add(&w->figures->refusals[r], 1);
        if (!t)
                return;
        refusal_count(&t->refused[r], w->loop.now_usec);
        tenant_usage_note(t);
        log_when_due(t, r);
}

static void take_name(Tenant *t, const char *name) {
        if (streq_ptr(t->asked, name))
                return;
        free(t->asked);
        t->asked = strdup(name);
}

Refusal tenant_refuse_link(Worker *w, const char *label, const char *name, LinkFault fault, bool count) {
        Tenant *t = tenants_find(w, label);
        Refusal r = tenant_refusal(w, t);

        /* There was a channel. */
        if (r == REFUSAL_CHANNELS && fault == LINK_FAULT_TLS)
                r = REFUSAL_HOUSE;
        if (r == REFUSAL_CHANNELS && fault == LINK_FAULT_HOST)
                r = REFUSAL_HOST;
        if (r == REFUSAL_CHANNELS && fault == LINK_FAULT_SILENT)
                r = REFUSAL_AWAY;
        if (count && t && r == REFUSAL_HOST)
                take_name(t, name);
        if (count)
                tenant_refuse(w, t, r);
        return r;
}

/* Limits: 0 is none. */
static bool is_more(uint64_t now, uint64_t before) {
        return before > 0 && (now == 0 || now > before);
}

void tenant_refusals_review(Tenant *t, const TenantInfo *info) {
        const TenantInfo *before = t->info;
        const bool ended[_REFUSAL_MAX] = {
                [REFUSAL_SUSPENDED] = !info->suspended,
                [REFUSAL_EXHAUSTED] = !info->exhausted,
                [REFUSAL_CONNECTIONS] = is_more(info->connections_per_second,
                                                before->connections_per_second),
                [REFUSAL_CHANNELS] = is_more(info->channels, before->channels),
        };

        for (Refusal r = REFUSAL_NONE + 1; r < _REFUSAL_MAX; r++)
                if (ended[r])
                        refusal_end(&t->refused[r]);
}

void tenant_refusals_attached(Tenant *t) {
        refusal_end(&t->refused[REFUSAL_HOUSE]);
        refusal_end(&t->refused[REFUSAL_HOST]);
        refusal_end(&t->refused[REFUSAL_CHANNELS]);
}

bool tenant_refusals_flush(Tenant *t) {
        bool left = false;

        for (Refusal r = REFUSAL_NONE + 1; r < _REFUSAL_MAX; r++) {
                log_when_due(t, r);
                left |= t->refused[r].n != t->refused[r].logged;
        }
        return left;
}

/* A reason that is over is so until one more comes. */
uint64_t tenant_refusals_version(const Tenant *t) {
        uint64_t n = 0;

        for (Refusal r = REFUSAL_NONE + 1; r < _REFUSAL_MAX; r++)
                n += 2 * t->refused[r].n + t->refused[r].over;
        return n;
}

static int append_row(const Tenant *t, Refusal reason, uint64_t shift_usec, sd_json_variant **rows) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *row = NULL;
        const RefusalCount *c = &t->refused[reason];
        int r;

        if (c->n == 0)
                return 0;
        r = sd_json_buildo(&row, SD_JSON_BUILD_PAIR_STRING("tenant", t->info->name),
                           SD_JSON_BUILD_PAIR_STRING("reason", refusal_name(reason)),
                           SD_JSON_BUILD_PAIR_STRING("text", refusal_text(reason)),
                           SD_JSON_BUILD_PAIR_UNSIGNED("count", c->n),
                           SD_JSON_BUILD_PAIR_UNSIGNED("lastUSec", c->last_usec + shift_usec),
                           SD_JSON_BUILD_PAIR_CONDITION(reason == REFUSAL_HOST && t->asked, "name",
                                                        SD_JSON_BUILD_STRING(t->asked)),
                           SD_JSON_BUILD_PAIR_CONDITION(c->over, "over", SD_JSON_BUILD_BOOLEAN(true)));
        return r < 0 ? r : sd_json_variant_append_array(rows, row);
}

int tenant_refusals_append(const Tenant *t, sd_json_variant **rows) {
        uint64_t shift = clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_MONOTONIC);
        int r = 0;

        for (Refusal reason = REFUSAL_NONE + 1; r >= 0 && reason < _REFUSAL_MAX; reason++)
                r = append_row(t, reason, shift, rows);
        return r;
}

void refusal_rows_done(RefusalRows *f) {
        free(f->items);
        *f = (RefusalRows) {};
}

void tenant_refusals_add(const Tenant *t, RefusalRows *f) {
        for (Refusal r = REFUSAL_NONE + 1; !f->failed && r < _REFUSAL_MAX; r++) {
                if (t->refused[r].n == 0)
                        continue;
                if (!GREEDY_REALLOC(f->items, f->allocated, f->n + 1))
                        f->failed = true;
                else
                        f->items[f->n++] = (RefusalRow) { t, r };
        }
}

static int compare_newest_first(const void *x, const void *y) {
        const RefusalRow *a = x, *b = y;
        const uint64_t one = a->tenant->refused[a->reason].last_usec,
                       other = b->tenant->refused[b->reason].last_usec;

        return other > one ? 1 : other < one ? -1 : 0;
}

int refusal_rows_to_json(RefusalRows *f, size_t max, sd_json_variant **ret) {
        const uint64_t shift = clock_usec(CLOCK_REALTIME) - clock_usec(CLOCK_MONOTONIC);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *rows = NULL;
        int r = f->failed ? -ENOMEM : sd_json_variant_new_array(&rows, NULL, 0);

        if (f->n > 1)
                qsort(f->items, f->n, sizeof(*f->items), compare_newest_first);
        for (size_t i = 0; r >= 0 && i < f->n && i < max; i++)
                r = append_row(f->items[i].tenant, f->items[i].reason, shift, &rows);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rows);
        return 0;
}

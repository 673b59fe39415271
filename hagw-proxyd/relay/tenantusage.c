/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Usage, from the tenants' homes to hagw-tenantd. What it does not take stays counted. Runs in the worker's
 * thread. */

#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantusage.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/nametable.h"

#define USAGE_ROWS_MAX 500U /* tenants in one call */

void tenant_usage_note(Tenant *t) {
        if (!t->busy.listed)
                fresh_tell(&t->worker->tenants->busy, &t->busy);
}

void tenant_usage_collect(Tenant *t, ChannelClient *c) {
        uint64_t received = 0, sent = 0;

        c->ops->collect(c, &received, &sent);
        t->received += received;
        t->sent += sent;
        for (Control *k = t->controls; k; k = k->next)
                if (memcmp(k->session_id, c->session_id, sizeof(k->session_id)) == 0) {
                        k->received += received;
                        k->sent += sent;
                }
}

/* Back to the account, for the next report. */
static void take_back(Worker *w, const char *text) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *rows;

        if (sd_json_parse(text, /* flags= */ 0, &v, NULL, NULL) < 0)
                return;
        rows = sd_json_variant_by_key(v, "usage");
        for (size_t i = 0; i < sd_json_variant_elements(rows); i++) {
                sd_json_variant *row = sd_json_variant_by_index(rows, i);
                Tenant *t = tenants_find(w, control_string(row, "tenant"));

                if (!t)
                        continue;
                t->received += (uint64_t) control_integer(row, "received", 0);
                t->sent += (uint64_t) control_integer(row, "sent", 0);
                t->visitors += (uint64_t) control_integer(row, "visitors", 0);
                tenant_usage_note(t);
        }
}

static void on_answer(CallMessage *m) {
        if (m->failed)
                take_back(m->worker, m->parameters);
}

static void send_report(Worker *w) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *rows = TAKE_PTR(w->tenants->rows);
        CallMessage *m = w->tenants->n_rows > 0 ? message_new(&call_message) : NULL;

        w->tenants->n_rows = 0;
        if (m && sd_json_buildo(&v, SD_JSON_BUILD_PAIR("usage", SD_JSON_BUILD_VARIANT(rows))) >= 0 &&
            sd_json_variant_format(v, /* flags= */ 0, &m->parameters) >= 0) {
                m->worker = m->asker = w;
                m->on_answer = on_answer;
                m->peer = CALL_TENANTD_SLOWLY;
                m->method = "io.hagw.Tenant.ReportUsage";
                queue_push(w->main_queue, &m->message);
        } else if (m)
                message_free(&m->message);
}

static void add_row(Tenant *t) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *row = NULL;
        Tenants *all = t->worker->tenants;

        if (t->received == 0 && t->sent == 0 && t->visitors == 0)
                return;
        loop_spend(&t->worker->loop, LOOP_WORK_CALL);
        if (sd_json_buildo(&row, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(t->info->name)),
                           SD_JSON_BUILD_PAIR("received", SD_JSON_BUILD_UNSIGNED(t->received)),
                           SD_JSON_BUILD_PAIR("sent", SD_JSON_BUILD_UNSIGNED(t->sent)),
                           SD_JSON_BUILD_PAIR("visitors", SD_JSON_BUILD_UNSIGNED(t->visitors))) < 0 ||
            sd_json_variant_append_array(&all->rows, row) < 0)
                return;
        t->received = t->sent = t->visitors = 0;
        if (++all->n_rows >= USAGE_ROWS_MAX)
                send_report(t->worker);
}

/* It stays busy while something may still come of what there is. */
static void report_tenant(Tenant *t) {
        const bool untold = tenant_refusals_flush(t);

        fresh_remove(&t->worker->tenants->busy, &t->busy);
        for (ChannelClient *c = t->users; c; c = c->next) {
                loop_spend(&t->worker->loop, LOOP_WORK_LETTER);
                tenant_usage_collect(t, c);
        }
        add_row(t);
        if (untold || t->users || t->received > 0 || t->sent > 0 || t->visitors > 0)
                tenant_usage_note(t);
}

/* Returns whether all of the round are told. */
static bool report_some(Worker *w, bool all) {
        FreshEntry *e;

        while ((e = fresh_stale(&w->tenants->busy))) {
                if (!all && loop_turn_is_over(&w->loop))
                        return false;
                loop_spend(&w->loop, LOOP_WORK_LETTER);
                report_tenant(CONTAINER_OF(e, Tenant, busy));
        }
        send_report(w);
        return true;
}

static void on_reporting(Again *a) {
        Worker *w = CONTAINER_OF(a, Tenants, reporting)->worker;

        if (!report_some(w, /* all= */ false))
                loop_again(&w->loop, a);
}

/* Whoever has become busy until now is in it. */
static void begin_report(Worker *w) {
        fresh_begin(&w->tenants->busy);
        fresh_end(&w->tenants->busy);
}

void tenant_usage_report(Worker *w) {
        begin_report(w);
        (void) report_some(w, /* all= */ true);
}

static void on_step_due(Timer *timer) {
        Tenant *t = CONTAINER_OF(timer, Tenant, step);

        t->step_usec = t->worker->loop.now_usec;
        report_tenant(t);
        send_report(t->worker);
        tenant_usage_watch(t);
}

/* In the middle of moving bytes. */
static void on_step(RateLimit *l) {
        Tenant *t = CONTAINER_OF(l, Tenant, limit);
        Loop *loop = &t->worker->loop;

        loop_arm(loop, &t->step, MAX(loop->now_usec, t->step_usec + TENANT_STEP_USEC));
}

void tenant_usage_watch(Tenant *t) {
        const uint64_t month = t->info->bytes_per_month;

        t->step.fire = on_step_due;
        t->limit.on_step = on_step;
        t->limit.until_step = month > 0 ? MAX(month / TENANT_STEPS, UINT64_C(1)) : 0;
}

static void on_timer(Timer *t) {
        Worker *w = CONTAINER_OF(t, Tenants, report)->worker;

        begin_report(w);
        loop_again(&w->loop, &w->tenants->reporting);
        loop_arm(&w->loop, t, w->loop.now_usec + TENANT_REPORT_USEC);
}

void tenant_usage_begin(Worker *w) {
        if (w->tenants->report.fire)
                return;
        w->tenants->report.fire = on_timer;
        w->tenants->reporting.run = on_reporting;
        loop_arm(&w->loop, &w->tenants->report, w->loop.now_usec + TENANT_REPORT_USEC);
}

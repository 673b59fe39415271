/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Usage, from the tenants' homes to hagw-tenantd. What it does not take stays counted. Runs in the worker's
 * thread. */

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "hagw-proxyd/relay/tenantusage.h"

#define USAGE_ROWS_MAX 500U /* tenants in one call */

typedef struct Report {
        Worker *worker;
        sd_json_variant *rows;
        size_t n;
} Report;

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
        }
}

static void on_answer(CallMessage *m) {
        if (m->failed)
                take_back(m->worker, m->parameters);
}

static void send_report(Report *r) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        CallMessage *m = r->n > 0 ? message_new(MESSAGE_CALL) : NULL;

        if (m && sd_json_buildo(&v, SD_JSON_BUILD_PAIR("usage", SD_JSON_BUILD_VARIANT(r->rows))) >= 0 &&
            sd_json_variant_format(v, /* flags= */ 0, &m->parameters) >= 0) {
                m->worker = m->asker = r->worker;
                m->on_answer = on_answer;
                m->peer = CALL_TENANTD_SLOWLY;
                m->method = "io.hagw.Tenant.ReportUsage";
                queue_push(r->worker->main_queue, &m->message);
        } else if (m)
                message_free(&m->message);
        r->rows = sd_json_variant_unref(r->rows);
        r->n = 0;
}

static void report_tenant(NameEntry *e, void *userdata) {
        Tenant *t = CONTAINER_OF(e, Tenant, entry);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *row = NULL;
        Report *r = userdata;

        tenant_refusals_flush(t);
        for (ChannelClient *c = t->users; c; c = c->next)
                tenant_usage_collect(t, c);
        if (t->received == 0 && t->sent == 0 && t->visitors == 0)
                return;
        if (sd_json_buildo(&row, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(t->info->name)),
                           SD_JSON_BUILD_PAIR("received", SD_JSON_BUILD_UNSIGNED(t->received)),
                           SD_JSON_BUILD_PAIR("sent", SD_JSON_BUILD_UNSIGNED(t->sent)),
                           SD_JSON_BUILD_PAIR("visitors", SD_JSON_BUILD_UNSIGNED(t->visitors))) < 0 ||
            sd_json_variant_append_array(&r->rows, row) < 0)
                return;
        t->received = t->sent = t->visitors = 0;
        if (++r->n >= USAGE_ROWS_MAX)
                send_report(r);
}

void tenant_usage_report(Worker *w) {
        Report r = { .worker = w };

        name_table_foreach(&w->tenants.table, report_tenant, &r);
        send_report(&r);
}

static void on_step_due(Timer *timer) {
        Tenant *t = CONTAINER_OF(timer, Tenant, step);
        Report r = { .worker = t->worker };

        t->step_usec = t->worker->loop.now_usec;
        report_tenant(&t->entry, &r);
        send_report(&r);
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
        Worker *w = CONTAINER_OF(t, Worker, tenants.report);

        tenant_usage_report(w);
        loop_arm(&w->loop, t, w->loop.now_usec + TENANT_REPORT_USEC);
}

void tenant_usage_begin(Worker *w) {
        if (w->tenants.report.fire)
                return;
        w->tenants.report.fire = on_timer;
        loop_arm(&w->loop, &w->tenants.report, w->loop.now_usec + TENANT_REPORT_USEC);
}

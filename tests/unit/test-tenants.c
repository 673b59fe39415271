/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the relay's many tenants cost the loop that visitors wait for: a change what changed, and all of them
 * at once never more than a turn. */

#include <stdio.h>

#include "hagw-proxyd/relay/tenantdomains.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantusage.h"
#include "tests/unit/steps.h"
#include "tests/unit/turns.h"

#define TURN LOOP_TURN_MIN
#define BEYOND (2 * LOOP_WORK_REQUEST) /* the last piece of a turn */
#define MANY 3000U

static void tell(Worker *w, TenantOp op, unsigned i) {
        TenantMessage *m = message_new(&tenant_message);
        char text[64];

        assert_non_null(m);
        m->op = op;
        if (op == TENANT_PUT) {
                m->info = calloc(1, sizeof(*m->info));
                assert_non_null(m->info);
                (void) snprintf(m->info->name, sizeof(m->info->name), "t%u", i);
                (void) snprintf(text, sizeof(text), "d%u.test", i);
                m->info->domains = calloc(2, sizeof(char *));
                m->info->token_ids = calloc(1, sizeof(char *));
                assert_true(m->info->domains && m->info->token_ids);
                m->info->domains[0] = strdup(text);
                m->info->connections_per_second = 1000;
        }
        tenant_message.deliver(&m->message, w);
}

static void tell_all(Worker *w, unsigned n) {
        tell(w, TENANT_RESET, 0);
        for (unsigned i = 0; i < n; i++)
                tell(w, TENANT_PUT, i);
        tell(w, TENANT_COMPLETE, 0);
}

/* As hagw-tenantd tells it: each change ends in "complete". */
static void change_one(void *argument) {
        Turns *t = argument;

        tell(t->worker, TENANT_PUT, 7);
        tell(t->worker, TENANT_COMPLETE, 0);
        (void) loop_run(&t->worker->loop, 0);
}

static uint64_t steps_to_change(unsigned n) {
        uint64_t steps;
        Turns t;

        turns_begin(&t);
        tell_all(t.worker, n);
        turns_run(&t, 3);
        steps = steps_count(change_one, &t);
        turns_end(&t);
        return steps;
}

static void test_change_growth(void **state) {
        const uint64_t few = steps_to_change(100), many = steps_to_change(1000);

        if (few == 0)
                skip();
        if (many > few + few / 2)
                fail_msg("%llu steps, then %llu", (unsigned long long) few, (unsigned long long) many);
}

/* A second round without most of the first's: who is gone goes in turns, and nobody else. */
static void test_round(void **state) {
        unsigned rounds = 0;
        Turns t;

        turns_begin(&t);
        t.worker->loop.turn_max = TURN;
        tell_all(t.worker, MANY);
        turns_run(&t, 3);
        assert_int_equal(t.worker->tenants->table.n, MANY);
        assert_non_null(tenant_domains_find(t.worker, "d2999.test"));
        t.worker->loop.most = 0;
        tell_all(t.worker, 10);
        for (; t.worker->tenants->table.n > 10 || t.worker->tenants->owners.n > 10; rounds++) {
                assert_true(rounds < MANY);
                turns_run(&t, 1);
        }
        assert_true(rounds > 10);
        assert_true(t.worker->loop.most <= TURN + BEYOND);
        assert_non_null(tenants_find(t.worker, "t9"));
        assert_string_equal(tenant_domains_find(t.worker, "d9.test"), "t9");
        assert_null(tenants_find(t.worker, "t10"));
        assert_null(tenant_domains_find(t.worker, "d10.test"));
        turns_end(&t);
}

/* A round begins while the one before is still being cleared up: nobody who may yet be told goes. */
static void test_round_in_round(void **state) {
        Turns t;

        turns_begin(&t);
        t.worker->loop.turn_max = TURN;
        tell_all(t.worker, MANY);
        tell_all(t.worker, 1);
        turns_run(&t, 1);
        tell(t.worker, TENANT_RESET, 0);
        const size_t left = t.worker->tenants->table.n;
        assert_true(left > 1 && left < MANY);
        turns_run(&t, 50);
        assert_int_equal(t.worker->tenants->table.n, left);
        tell(t.worker, TENANT_PUT, MANY - 1);
        tell(t.worker, TENANT_COMPLETE, 0);
        turns_run(&t, MANY);
        assert_int_equal(t.worker->tenants->table.n, 1);
        assert_non_null(tenants_find(t.worker, "t2999"));
        turns_end(&t);
}

/* --- what passed --------------------------------------------------------------------------------------- */

static void visit(Worker *w, unsigned i) {
        char name[16];

        (void) snprintf(name, sizeof(name), "t%u", i);
        assert_int_equal(tenant_admit(w, tenants_find(w, name)), REFUSAL_NONE);
}

static unsigned take_reports(Turns *t, unsigned *ret_rows) {
        unsigned n = 0;

        *ret_rows = 0;
        for (Message *m = queue_take(&t->main_queue), *next; m; m = next) {
                next = m->next;
                assert_ptr_equal(m->kind, &call_message);
                for (const char *p = ((CallMessage *) m)->parameters; (p = strstr(p, "\"visitors\"")); p++)
                        (*ret_rows)++;
                message_free(m);
                n++;
        }
        return n;
}

static void report(Worker *w) {
        w->tenants->report.fire(&w->tenants->report);
}

/* All of many tenants had a visitor: each is told once, in turns, as many as go into a message. */
static void test_report(void **state) {
        unsigned rows, rounds = 0;
        Turns t;

        turns_begin(&t);
        t.worker->loop.turn_max = TURN;
        tell_all(t.worker, MANY);
        for (unsigned i = 0; i < MANY; i++)
                visit(t.worker, i);
        t.worker->loop.most = 0;
        report(t.worker);
        for (; t.worker->tenants->busy.first; rounds++) {
                assert_true(rounds < MANY);
                turns_run(&t, 1);
        }
        turns_run(&t, 1);
        assert_true(rounds > 10);
        assert_true(t.worker->loop.most <= TURN + BEYOND);
        assert_int_equal(take_reports(&t, &rows), MANY / 500);
        assert_int_equal(rows, MANY);
        /* And then only who has had another. */
        visit(t.worker, 3);
        report(t.worker);
        turns_run(&t, 2);
        assert_int_equal(take_reports(&t, &rows), 1);
        assert_int_equal(rows, 1);
        report(t.worker);
        turns_run(&t, 2);
        assert_int_equal(take_reports(&t, &rows), 0);
        turns_end(&t);
}

static void report_one(void *argument) {
        Turns *t = argument;

        visit(t->worker, 5);
        tenant_usage_report(t->worker);
}

static uint64_t steps_to_report(unsigned n) {
        uint64_t steps;
        Turns t;

        turns_begin(&t);
        tell_all(t.worker, n);
        steps = steps_count(report_one, &t);
        turns_end(&t);
        return steps;
}

static void test_report_growth(void **state) {
        const uint64_t few = steps_to_report(100), many = steps_to_report(1000);

        if (few == 0)
                skip();
        if (many > few + few / 2)
                fail_msg("%llu steps, then %llu", (unsigned long long) few, (unsigned long long) many);
}

TEST_MAIN(cmocka_unit_test(test_change_growth), cmocka_unit_test(test_round),
          cmocka_unit_test(test_round_in_round), cmocka_unit_test(test_report),
          cmocka_unit_test(test_report_growth))

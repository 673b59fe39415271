/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-webd/refusals.h"
#include "tests/unit/test.h"

#define T0 USEC_PER_DAY
#define HOST "ha.home.test"

static void refuse(Refusals *t, const char *account, const char *address, bool early, uint64_t now) {
        IpAddress a;

        assert_int_equal(ip_parse(address, &a), 0);
        assert_int_equal(refusals_add(t, account, &a, HOST, early, now), 0);
}

static unsigned hour(const Refusals *t, uint64_t now) {
        const Refusal *list[REFUSALS_MAX + 1];
        unsigned n = 0;

        for (size_t i = 0, k = refusals_list(t, now, list); i < k; i++)
                n += refusal_hour(list[i], now).wrong + refusal_hour(list[i], now).early;
        return n;
}

/* How many lines the journal gets now, and how many refusals they stand for. */
static unsigned tell(Refusals *t, uint64_t now, unsigned *ret) {
        unsigned lines = 0;
        Refusal *f;

        *ret = 0;
        while ((f = refusals_next(t, now))) {
                *ret += f->untold.wrong + f->untold.early;
                refusal_told(f, now);
                lines++;
        }
        return lines;
}

static void test_once_a_minute(void **state) {
        Refusals t = {};
        unsigned n;

        assert_int_equal(refusals_due_usec(&t), USEC_INFINITY);
        assert_null(refusals_next(&t, T0));
        refuse(&t, "anna", "192.0.2.1", false, T0);
        assert_true(refusals_due_usec(&t) <= T0);
        assert_int_equal(tell(&t, T0, &n), 1); /* the first at once */
        assert_int_equal(refusals_due_usec(&t), USEC_INFINITY);
        for (unsigned i = 0; i < 1000; i++) {
                refuse(&t, "anna", "192.0.2.200", i % 2, T0 + i * USEC_PER_MSEC);
                assert_int_equal(tell(&t, T0 + i * USEC_PER_MSEC, &n), 0);
        }
        assert_int_equal(refusals_due_usec(&t), T0 + REFUSALS_QUIET_USEC);
        /* Another account, another network: lines of their own. */
        refuse(&t, "ben", "192.0.2.1", false, T0);
        refuse(&t, NULL, "192.0.2.1", false, T0);
        refuse(&t, "anna", "192.0.3.1", false, T0);
        assert_int_equal(tell(&t, T0, &n), 3);
        assert_int_equal(tell(&t, T0 + REFUSALS_QUIET_USEC, &n), 1);
        assert_int_equal(n, 1000);
        assert_int_equal(hour(&t, T0), 1004);
        refusals_done(&t);
}

static void test_hour(void **state) {
        Refusals t = {};

        for (unsigned i = 0; i < 120; i++)
                refuse(&t, "anna", "192.0.2.1", false, T0 + i * USEC_PER_MINUTE);
        assert_in_range(hour(&t, T0 + 119 * USEC_PER_MINUTE), 55, 60);
        assert_in_range(hour(&t, T0 + 149 * USEC_PER_MINUTE), 25, 30);
        assert_int_equal(hour(&t, T0 + 179 * USEC_PER_MINUTE), 0);
        refuse(&t, "anna", "192.0.2.1", true, T0 + USEC_PER_DAY);
        assert_int_equal(hour(&t, T0 + USEC_PER_DAY), 1);
        refusals_done(&t);
}

/* From everywhere: lines and memory have an end, the sum is still right, and the worst stands first. */
static void test_full(void **state) {
        const Refusal *list[REFUSALS_MAX + 1];
        char address[IP_TEXT_MAX];
        Refusals t = {};
        unsigned n;

        refuse(&t, "anna", "192.0.2.1", true, T0);
        refuse(&t, "anna", "192.0.2.2", true, T0);
        for (unsigned i = 0; i < 3 * REFUSALS_MAX; i++) {
                (void) snprintf(address, sizeof(address), "10.%u.%u.1", i / 256, i % 256);
                refuse(&t, "anna", address, false, T0);
        }
        assert_int_equal(t.n, REFUSALS_MAX);
        assert_int_equal(hour(&t, T0), 3 * REFUSALS_MAX + 2);
        assert_int_equal(refusals_list(&t, T0, list), REFUSALS_MAX + 1);
        assert_int_equal(list[0]->network.address.family, AF_UNSPEC);
        assert_int_equal(list[0]->slots[list[0]->slot % REFUSALS_SLOTS].wrong, 2 * REFUSALS_MAX + 1);
        assert_int_equal(refusal_hour(list[1], T0).early, 2);
        assert_int_equal(tell(&t, T0, &n), REFUSALS_MAX + 1);
        assert_int_equal(n, 3 * REFUSALS_MAX + 2);
        /* An hour later its places are free. */
        refuse(&t, "ben", "203.0.113.1", false, T0 + USEC_PER_HOUR + 1);
        assert_int_equal(refusals_list(&t, T0 + USEC_PER_HOUR + 1, list), 1);
        assert_string_equal(list[0]->account, "ben");
        refusals_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_once_a_minute), cmocka_unit_test(test_hour), cmocka_unit_test(test_full))

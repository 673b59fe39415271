/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-acmed/schedule.h"
#include "tests/unit/test.h"

#define DAY USEC_PER_DAY
#define LIFE (90 * DAY)

static void test_renewal(void **state) {
        assert_int_equal(schedule_renewal(0, 90 * DAY), 60 * DAY);
        assert_int_equal(schedule_renewal(0, 6 * DAY), 3 * DAY);
        assert_int_equal(schedule_renewal(5 * DAY, 5 * DAY), 5 * DAY);
        assert_int_equal(schedule_renewal(9 * DAY, 5 * DAY), 5 * DAY);
}

static void test_window(void **state) {
        uint64_t low = UINT64_MAX, high = 0;

        for (uint64_t i = 0; i < 1000; i++) {
                uint64_t t = schedule_in_window(50 * DAY, 52 * DAY, 0, 90 * DAY, i * 0x9e3779b97f4a7c15);

                assert_true(t >= 50 * DAY && t < 52 * DAY);
                low = MIN(low, t);
                high = MAX(high, t);
        }
        assert_true(low < 50 * DAY + DAY / 10 && high > 52 * DAY - DAY / 10);
        /* Whatever the authority suggests, it is renewed before its end. */
        assert_int_equal(schedule_in_window(500 * DAY, 502 * DAY, 0, 90 * DAY, 7), 81 * DAY);
        /* A window in the past means now: the past. */
        assert_true(schedule_in_window(1, 2, 0, 90 * DAY, 7) < DAY);
}

static void test_advice(void **state) {
        assert_int_equal(schedule_advice(DAY, 0, LIFE), DAY + 6 * USEC_PER_HOUR);
        assert_int_equal(schedule_advice(DAY, 1, LIFE), DAY + USEC_PER_MINUTE);
        assert_int_equal(schedule_advice(DAY, 2 * USEC_PER_HOUR, LIFE), DAY + 2 * USEC_PER_HOUR);
        assert_int_equal(schedule_advice(DAY, 400 * DAY, LIFE), 2 * DAY);
}

static void test_retry(void **state) {
        static const struct {
                uint64_t first, most;
        } delays[_RETRY_KIND_MAX] = {
                [RETRY_LOCAL] = { 5 * USEC_PER_SEC, 5 * USEC_PER_MINUTE },
                [RETRY_TROUBLE] = { 30 * USEC_PER_SEC, 30 * USEC_PER_MINUTE },
                [RETRY_REFUSED] = { 2 * USEC_PER_MINUTE, 12 * USEC_PER_HOUR },
        };

        for (RetryKind kind = 0; kind < _RETRY_KIND_MAX; kind++) {
                const uint64_t first = delays[kind].first, most = delays[kind].most;
                uint64_t previous = 0;

                for (unsigned n = 0; n < 100; n++) {
                        uint64_t least = schedule_retry(0, n, kind, 0, LIFE, 0);

                        assert_true(least >= first - first / 4 && least >= previous);
                        assert_true(schedule_retry(0, n, kind, 0, LIFE, UINT64_MAX) <= most + most / 4);
                        previous = least;
                }
                assert_int_equal(previous, most - most / 4);
                assert_true(schedule_retry(0, 1, kind, 0, LIFE, UINT64_MAX) <= first + first / 4);
                assert_int_equal(schedule_retry(0, UINT32_MAX, kind, 0, LIFE, 0), most - most / 4);
                assert_true(most + most / 4 <= SCHEDULE_RETRY_MAX_USEC);
                /* The authority's word is kept, but not for ever. */
                assert_int_equal(schedule_retry(DAY, 1, kind, 3 * DAY, LIFE, 0), 4 * DAY);
                assert_int_equal(schedule_retry(DAY, 1, kind, 1000 * DAY, LIFE, 0),
                                 DAY + SCHEDULE_LIMIT_MAX_USEC);
        }
}

/* Whatever a certificate's life, nothing of ours waits for more than a twentieth of it, and there is time
 * for several tries between renewal and alarm, and between alarm and end. */
static void test_short_lives(void **state) {
        static const uint64_t lives[] = { 2 * USEC_PER_MINUTE, USEC_PER_HOUR, DAY, 160 * USEC_PER_HOUR,
                                          45 * DAY };

        for (size_t i = 0; i < ELEMENTSOF(lives); i++) {
                const uint64_t life = lives[i], renewal = schedule_renewal(0, life),
                               alarm = schedule_alarm(renewal, life);

                assert_true(renewal < alarm && alarm < life);
                assert_true(schedule_advice(0, 0, life) <= life / 20);
                assert_true(schedule_advice(0, 400 * DAY, life) <= MIN(DAY, life / 20));
                for (RetryKind kind = 0; kind < _RETRY_KIND_MAX; kind++)
                        for (unsigned n = 1; n < 40; n++) {
                                uint64_t wait = schedule_retry(0, n, kind, 0, life, UINT64_MAX);

                                assert_true(wait <= life / 20 * 5 / 4);
                                assert_true(3 * wait <= alarm - renewal);
                                assert_true(wait > 0 && 2 * wait <= life - alarm);
                        }
        }
        /* Six days are long enough for Let's Encrypt's own six hours, and nothing becomes a flood. */
        assert_int_equal(schedule_advice(0, 6 * USEC_PER_HOUR, 160 * USEC_PER_HOUR), 6 * USEC_PER_HOUR);
        assert_true(schedule_retry(0, 1, RETRY_LOCAL, 0, 1, 0) >= USEC_PER_SEC * 3 / 4);
}

static void test_fallback(void **state) {
        assert_int_equal(schedule_fallback(60 * DAY, 90 * DAY), 75 * DAY);
        assert_int_equal(schedule_fallback(DAY, 0), DAY + USEC_PER_HOUR);
        assert_int_equal(schedule_fallback(91 * DAY, 90 * DAY), 91 * DAY);
}

static void test_alarm(void **state) {
        assert_int_equal(schedule_alarm(60 * DAY, 90 * DAY), 80 * DAY);
        assert_int_equal(schedule_alarm(95 * DAY, 90 * DAY), 90 * DAY);
        assert_int_equal(schedule_alarm_imported(0, 365 * DAY), 351 * DAY);
        assert_int_equal(schedule_alarm_imported(0, 9 * DAY), 6 * DAY);
}

TEST_MAIN(cmocka_unit_test(test_renewal), cmocka_unit_test(test_window), cmocka_unit_test(test_advice),
          cmocka_unit_test(test_retry), cmocka_unit_test(test_short_lives),
          cmocka_unit_test(test_fallback), cmocka_unit_test(test_alarm))

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-notify/told.h"
#include "hagw-notify/words.h"
#include "tests/unit/test.h"

#define NOW (1000 * USEC_PER_DAY)

static void look(Told *t, const char *const *ids) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;

        assert_int_equal(sd_json_variant_new_array(&list, NULL, 0), 0);
        for (; *ids; ids++)
                assert_true(sd_json_variant_append_arraybo(
                                    &list, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(*ids)),
                                    SD_JSON_BUILD_PAIR("text", SD_JSON_BUILD_STRING(*ids))) >= 0);
        assert_int_equal(told_look(t, list), 0);
}

#define LOOK(t, ...) look(t, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void targets(Told *t, const char *a, const char *b) {
        const char *names[] = { a, b };

        assert_int_equal(told_set_targets(t, names, b ? 2 : 1), 0);
}

static void assert_news(const Told *t, size_t target, size_t begun, size_t over, size_t left) {
        News n;

        assert_int_equal(told_news(t, &t->targets[target], NOW, &n), begun + over > 0);
        assert_int_equal(n.n_begun, begun);
        assert_int_equal(n.n_over, over);
        assert_int_equal(n.n_left, left);
}

static void tell(Told *t, size_t target) {
        News n;

        assert_true(told_news(t, &t->targets[target], NOW, &n));
        assert_int_equal(told_sent(&t->targets[target], &n, NOW), 0);
}

/* Once, however long it lasts, and once when it is over; what shows for one look alone is no news. */
static void test_once(void **state) {
        Told t = {};

        targets(&t, "x", NULL);
        LOOK(&t, "a");
        assert_news(&t, 0, 0, 0, 0);
        LOOK(&t);
        LOOK(&t, "a");
        assert_news(&t, 0, 0, 0, 0);
        LOOK(&t, "a");
        assert_news(&t, 0, 1, 0, 0);
        tell(&t, 0);
        LOOK(&t, "a");
        assert_news(&t, 0, 0, 0, 1);
        LOOK(&t);
        assert_news(&t, 0, 0, 0, 1);
        LOOK(&t, "a", "b");
        LOOK(&t, "a", "b");
        assert_news(&t, 0, 1, 0, 1);
        tell(&t, 0);
        LOOK(&t, "b");
        LOOK(&t, "b");
        assert_news(&t, 0, 0, 1, 1);
        tell(&t, 0);
        assert_news(&t, 0, 0, 0, 1);
        LOOK(&t);
        LOOK(&t);
        tell(&t, 0);
        assert_news(&t, 0, 0, 0, 0);
        LOOK(&t);
        assert_int_equal(t.n_findings, 0);
        told_done(&t);
}

/* Each has a memory of its own: who could not be told is told later, and a new one everything. */
static void test_targets(void **state) {
        Told t = {};

        targets(&t, "x", "y");
        LOOK(&t, "a");
        LOOK(&t, "a");
        tell(&t, 0);
        assert_int_equal(told_result(&t.targets[1], "away", NOW), 0);
        assert_int_equal(told_result(&t.targets[1], "still away", NOW + 5), 0);
        assert_int_equal(t.targets[1].failing_usec, NOW);
        assert_string_equal(t.targets[1].error, "still away");
        assert_news(&t, 0, 0, 0, 1);
        assert_news(&t, 1, 1, 0, 0);
        /* In another order, and one that is new. */
        targets(&t, "y", "z");
        assert_int_equal(t.targets[0].failing_usec, NOW);
        assert_news(&t, 0, 1, 0, 0);
        assert_news(&t, 1, 1, 0, 0);
        assert_int_equal(told_result(&t.targets[0], NULL, NOW), 0);
        assert_int_equal(t.targets[0].failing_usec, 0);
        /* It was over before they could be told: nothing is left to say. */
        LOOK(&t);
        LOOK(&t);
        assert_news(&t, 0, 0, 0, 0);
        told_done(&t);
}

/* A target is not told that it could not be told. */
static void test_itself(void **state) {
        Told t = {};

        targets(&t, "x", "y");
        LOOK(&t, "%s cannot be told|x");
        LOOK(&t, "%s cannot be told|x");
        assert_news(&t, 0, 0, 0, 0);
        assert_news(&t, 1, 1, 0, 0);
        told_done(&t);
}

static void test_limits(void **state) {
        char ids[TOLD_FINDINGS_MAX + 1][8];
        const char *list[TOLD_FINDINGS_MAX + 2] = {};
        Told t = {};
        News n;

        targets(&t, "x", NULL);
        for (size_t i = 0; i <= TOLD_FINDINGS_MAX; i++) {
                (void) snprintf(ids[i], sizeof(ids[i]), "f%zu", i);
                list[i] = ids[i];
        }
        look(&t, list);
        look(&t, list);
        assert_news(&t, 0, TOLD_FINDINGS_MAX, 0, 0);
        tell(&t, 0);
        /* One that appears and goes all the time: so many messages in a day; what is missed comes later. */
        for (size_t i = 1; i < TOLD_MESSAGES_MAX; i++) {
                if (i % 2) {
                        LOOK(&t);
                        LOOK(&t);
                } else {
                        LOOK(&t, "f0");
                        LOOK(&t, "f0");
                }
                tell(&t, 0);
        }
        LOOK(&t, "g");
        LOOK(&t, "g");
        assert_false(told_news(&t, &t.targets[0], NOW, &n));
        assert_false(told_news(&t, &t.targets[0], NOW + USEC_PER_DAY - 1, &n));
        assert_true(told_news(&t, &t.targets[0], NOW + USEC_PER_DAY, &n));
        assert_int_equal(n.n_begun, 1);
        assert_int_equal(told_sent(&t.targets[0], &n, NOW + USEC_PER_DAY), 0);
        assert_int_equal(t.targets[0].n_sent, TOLD_MESSAGES_MAX);
        told_done(&t);
}

static void test_file(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *again = NULL;
        Told t = {}, u;

        targets(&t, "x", "y");
        LOOK(&t, "a");
        LOOK(&t, "a", "b");
        tell(&t, 0);
        assert_int_equal(told_result(&t.targets[1], "away", NOW), 0);
        t.targets[1].test_usec = NOW;
        assert_int_equal(told_to_json(&t, &v), 0);
        assert_int_equal(told_from_json(v, NOW, &u), 0);
        assert_int_equal(told_to_json(&u, &again), 0);
        assert_true(sd_json_variant_equal(v, again));
        told_done(&u);
        /* The clock was ahead when it was written. */
        assert_int_equal(told_from_json(v, NOW - USEC_PER_DAY, &u), 0);
        assert_int_equal(u.targets[0].sent_usec[0], NOW - USEC_PER_DAY);
        assert_int_equal(u.targets[1].failing_usec, NOW - USEC_PER_DAY);
        told_done(&u);
        told_done(&t);
        assert_int_equal(told_from_json(NULL, NOW, &u), 0);
        assert_int_equal(u.n_findings + u.n_targets, 0);
}

static void test_nonsense(void **state) {
        static const char *const texts[] = {
                "[]", "3", "{\"findings\":3,\"targets\":{}}",
                "{\"findings\":[1,{\"id\":3}],\"targets\":[[],{}]}",
                "{\"targets\":[{\"target\":3},{\"target\":\"x\",\"told\":\"y\",\"sentUSec\":[\"z\",-1]}]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                Told t;

                assert_int_equal(sd_json_parse(texts[i], 0, &v, NULL, NULL), 0);
                assert_int_equal(told_from_json(v, NOW, &t), 0);
                assert_int_equal(t.n_findings, 0);
                told_done(&t);
        }
}

static void assert_words(const Told *t, const char *subject, const char *text) {
        _cleanup_(words_done) Words w = {};
        News n;

        assert_true(told_news(t, &t->targets[0], NOW, &n));
        assert_int_equal(words_of_news("home", &n, &w), 0);
        assert_string_equal(w.subject, subject);
        assert_string_equal(w.text, text);
}

static void test_words(void **state) {
        Told t = {};

        targets(&t, "x", NULL);
        LOOK(&t, "A.", "B.");
        LOOK(&t, "A.", "B.");
        assert_words(&t, "hagw at home needs attention",
                     "Needs attention:\n- A.\n- B.\n\n\"hagw-ctl status\" at home shows it all.\n");
        tell(&t, 0);
        LOOK(&t, "B.", "C.");
        LOOK(&t, "B.", "C.");
        assert_words(&t, "hagw at home needs attention: one more thing",
                     "Needs attention:\n- C.\n\nOver:\n- A.\n\n\"hagw-ctl status\" at home shows it all.\n");
        tell(&t, 0);
        LOOK(&t, "C.");
        LOOK(&t, "C.");
        assert_words(&t, "hagw at home: 1 over, 1 left",
                     "Over:\n- B.\n\n\"hagw-ctl status\" at home shows it all.\n");
        tell(&t, 0);
        LOOK(&t);
        LOOK(&t);
        assert_words(&t, "hagw at home: all is well again",
                     "Over:\n- C.\n\n\"hagw-ctl status\" at home shows it all.\n");
        told_done(&t);
}

static void assert_kept(const Told *t) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Told again = {};

        assert_int_equal(told_to_json(t, &v), 0);
        assert_int_equal(told_from_json(v, NOW, &again), 0);
        assert_int_equal(again.n_findings, t->n_findings);
        assert_int_equal(again.n_targets, t->n_targets);
        told_done(&again);
}

/* A text that is too long ends between two characters, wherever its limit falls: half of one is no JSON, and
 * nobody would be told anything any more. */
static void test_cut(void **state) {
        for (size_t before = TOLD_TEXT_MAX - 6; before <= TOLD_TEXT_MAX; before++) {
                char text[TOLD_TEXT_MAX + 64] = {};
                Told t = {};

                memset(text, 'a', before);
                (void) strcpy(text + before, "\u00e9\u20ac\U0001f3e0");
                targets(&t, "x", NULL);
                LOOK(&t, text);
                LOOK(&t, text);
                assert_int_equal(t.n_findings, 1);
                assert_int_equal(t.findings[0].looks, TOLD_LOOKS);
                tell(&t, 0);
                assert_int_equal(told_result(&t.targets[0], text, NOW), 0);
                assert_true(strlen(t.targets[0].error) <= TOLD_TEXT_MAX);
                assert_kept(&t);
                told_done(&t);
        }
}

/* Whatever stands in it, one who is to be told is known again: or everything would be told anew each time.
 */
static void test_odd_target(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *name = "command:/bin/say \u200b\u202e";
        Told t = {}, again = {};

        targets(&t, name, NULL);
        LOOK(&t, "a");
        LOOK(&t, "a");
        tell(&t, 0);
        assert_int_equal(told_to_json(&t, &v), 0);
        assert_int_equal(told_from_json(v, NOW, &again), 0);
        targets(&again, name, NULL);
        assert_news(&again, 0, 0, 0, 1);
        told_done(&t);
        told_done(&again);
}

/* What failed may be told in a stranger's words, such as the names in his certificate. */
static void test_foreign_words(void **state) {
        Told t = {};

        targets(&t, "x", NULL);
        assert_int_equal(told_result(&t.targets[0], "no alternative name is \xff\xc3\n", NOW), 0);
        assert_string_equal(t.targets[0].error, "no alternative name is \\xff\\xc3\\x0a");
        assert_kept(&t);
        told_done(&t);
}

TEST_MAIN(cmocka_unit_test(test_once), cmocka_unit_test(test_targets), cmocka_unit_test(test_itself),
          cmocka_unit_test(test_limits), cmocka_unit_test(test_file), cmocka_unit_test(test_nonsense),
          cmocka_unit_test(test_cut), cmocka_unit_test(test_odd_target),
          cmocka_unit_test(test_foreign_words), cmocka_unit_test(test_words))

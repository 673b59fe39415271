/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <signal.h>

#include "libhagw/child.h"
#include "tests/unit/test.h"

static int run(const char *command, const char *text, uint64_t timeout_usec, char **ret_error) {
        const char *argv[] = { "/bin/sh", "-c", command, NULL };

        *ret_error = NULL;
        return child_run(argv, "WORD=hello", text, timeout_usec, ret_error);
}

static void assert_run(const char *command, const char *text, int result, const char *error) {
        _cleanup_free_ char *said = NULL;

        assert_int_equal(run(command, text, CHILD_TIMEOUT_USEC, &said), result);
        if (error)
                assert_string_equal(said, error);
        else
                assert_null(said);
}

static void test_results(void **state) {
        assert_run("[ \"$(cat)\" = text ] && [ $WORD = hello ]", "text", 0, NULL);
        assert_run("echo something; echo is wrong >&2; exit 3", "text", -EIO,
                   "/bin/sh ended with status 3: something is wrong");
        assert_run("kill -9 $$", "", -EIO, "/bin/sh was ended by signal 9");
        assert_run("exit 1", "", -EIO, "/bin/sh ended with status 1");
}

static void test_missing(void **state) {
        const char *argv[] = { "/nowhere/program", NULL };
        _cleanup_free_ char *said = NULL;

        assert_int_equal(child_run(argv, "A=b", "", CHILD_TIMEOUT_USEC, &said), -EIO);
        assert_string_equal(said, "/nowhere/program ended with status 127: /nowhere/program: "
                                  "No such file or directory");
}

/* Neither waits for the other, whatever it reads or says; the end of what it says is kept. */
static void test_much(void **state) {
        _cleanup_free_ char *text = malloc(1 << 20), *said = NULL;

        memset(text, 'x', (1 << 20) - 1);
        text[(1 << 20) - 1] = '\0';
        assert_run("[ $(wc -c) = 1048575 ]", text, 0, NULL);
        assert_run("true", text, 0, NULL);
        assert_run("exec <&-; true", text, 0, NULL);
        assert_int_equal(run("yes | head -c 300000; echo the end; cat >/dev/null; exit 1", text,
                             CHILD_TIMEOUT_USEC, &said),
                         -EIO);
        assert_non_null(strstr(said, "the end"));
        assert_true(strlen(said) < CHILD_WORDS_MAX + 64);
}

/* With all its children; also one that lets go of its output and stays. */
static void test_timeout(void **state) {
        _cleanup_free_ char *a = NULL, *b = NULL;

        assert_int_equal(run("sleep 600 & sleep 600", "", 100 * USEC_PER_MSEC, &a), -ETIMEDOUT);
        assert_string_equal(a, "/bin/sh did not end in time");
        assert_int_equal(run("exec >&- 2>&-; sleep 600", "", 100 * USEC_PER_MSEC, &b), -ETIMEDOUT);
        assert_string_equal(b, "/bin/sh did not end in time");
}

/* It has done its work, and what it started goes on and has the other end of its output. */
static void test_background(void **state) {
        assert_run("sleep 600 & echo \"$!\" >/dev/null", "text", 0, NULL);
        assert_run("sleep 600 & echo wrong; exit 2", "text", -EIO, "/bin/sh ended with status 2: wrong");
        assert_run("while :; do echo more; sleep 0.01; done & exit 0", "", 0, NULL);
}

static int ignore(void **state) {
        return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

TEST_MAIN(cmocka_unit_test_setup(test_results, ignore), cmocka_unit_test_setup(test_missing, ignore),
          cmocka_unit_test_setup(test_background, ignore),
          cmocka_unit_test_setup(test_much, ignore), cmocka_unit_test_setup(test_timeout, ignore))

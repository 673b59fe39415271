/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "libhagw/password.h"
#include "libhagw/state.h"
#include "tests/unit/test.h"

static bool taken(const char *user, const char *password) {
        const char *problem = "unset";

        assert_int_equal(password_check(user, password, &problem), 0);
        return !problem;
}

static int use_list(void **state) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/data", getenv("srcdir") ?: ".");
        return setenv("HAGW_DATA_DIR", path, 1);
}

static void test_shape(void **state) {
        char p[PASSWORD_MAX + 2];

        assert_false(taken("anna", "1x3y5z7"));
        assert_true(taken("anna", "1x3y5z7w"));
        assert_true(taken("anna", "pässwörd mit ü"));
        assert_false(taken("anna", "1x3y5z7w\n"));
        memset(p, 'x', sizeof(p));
        p[PASSWORD_MAX] = '\0';
        assert_true(taken("anna", p));
        p[PASSWORD_MAX] = 'x';
        p[PASSWORD_MAX + 1] = '\0';
        assert_false(taken("anna", p));
}

static void test_common(void **state) {
        static const char *const refused[] = { "password", "PassWord", "12345678", "Sunshine", "qwertyuiop",
                                               "iloveyou", "1Q2W3E4R5T" };
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                assert_false(taken("anna", refused[i]));
        assert_true(taken("anna", "password of mine"));
        assert_true(taken("anna", "correct horse"));
        /* The list is what its head says: so many, each once, none too short to be taken anyway. */
        (void) snprintf(path, sizeof(path), "%s/" PASSWORD_LIST, getenv("HAGW_DATA_DIR"));
        assert_int_equal(state_read(AT_FDCWD, path, &text, &(size_t) {}), 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                if (line[0] == '#')
                        continue;
                n++;
                assert_true(strlen(line) >= PASSWORD_MIN);
                for (const char *p = line; *p; p++)
                        assert_true(*p > ' ' && *p < 0x7f && !(*p >= 'A' && *p <= 'Z'));
        }
        assert_int_equal(n, PASSWORDS_COMMON);
}

static void test_name(void **state) {
        assert_false(taken("maximilian", "Maximilian"));
        assert_false(taken("maximilian", "maximilian!"));
        assert_false(taken("anna", "annaanna"));
        assert_false(taken("anna", "2026Anna"));
        assert_true(taken("anna", "anna geht einkaufen"));
        assert_true(taken("anna", "anna.12345"));
        assert_false(taken("maximilian@example.com", "maximilian1"));
        assert_false(taken("maximilian@example.com", "maximilian@example.com"));
        assert_true(taken("a", "aabaacaa")); /* too short to be somebody's in there */
}

/* Nobody is let off because the list is not there, or not whole. */
static void test_no_list(void **state) {
        char dir[] = "/tmp/hagw-password-XXXXXX", path[PATH_MAX];
        const char *problem;

        assert_non_null(mkdtemp(dir));
        (void) snprintf(path, sizeof(path), "%s/" PASSWORD_LIST, dir);
        assert_int_equal(setenv("HAGW_DATA_DIR", dir, 1), 0);
        assert_int_equal(password_check("anna", "correct horse", &problem), -ENOENT);
        assert_int_equal(state_write(AT_FDCWD, path, "", 0, 0600), 0);
        assert_int_equal(password_check("anna", "correct horse", &problem), -EBADMSG);
        assert_int_equal(state_write(AT_FDCWD, path, "password\n", 9, 0600), 0);
        assert_int_equal(password_check("anna", "correct horse", &problem), -EBADMSG);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(dir), 0);
}

TEST_MAIN(cmocka_unit_test_setup(test_shape, use_list), cmocka_unit_test_setup(test_common, use_list),
          cmocka_unit_test_setup(test_name, use_list), cmocka_unit_test(test_no_list))

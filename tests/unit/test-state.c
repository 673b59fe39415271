/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <sys/stat.h>

#include "libhagw/state.h"
#include "tests/unit/test.h"

static int directory(void) {
        char path[] = "/tmp/test-state-XXXXXX";
        int fd;

        assert_non_null(mkdtemp(path));
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void test_write_read(void **state) {
        _cleanup_close_ int dir = directory();
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t n;

        assert_int_equal(state_write(dir, "a", "old", 3, 0600), 0);
        assert_int_equal(state_write(dir, "a", "newer", 5, 0600), 0);
        assert_int_equal(state_read(dir, "a", &data, &n), 0);
        assert_int_equal(n, 5);
        assert_string_equal(data, "newer");
        assert_int_equal(fstatat(dir, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        /* A rest of a killed write is in nobody's way. */
        assert_int_equal(fstatat(dir, "a.new", &st, 0), -1);
        assert_int_equal(state_write(dir, "a.new", "rest", 4, 0600), 0);
        assert_int_equal(state_write(dir, "a", "third", 5, 0600), 0);
}

static void test_json(void **state) {
        _cleanup_close_ int dir = directory();
        sd_json_variant *v = NULL;

        assert_int_equal(state_read_json(dir, "none", &v), -ENOENT);
        assert_int_equal(state_write(dir, "cut", "{\"a\":", 5, 0600), 0);
        assert_int_equal(state_read_json(dir, "cut", &v), -EBADMSG);
        assert_int_equal(state_set_aside(dir, "cut"), 0);
        assert_int_equal(state_read_json(dir, "cut", &v), -ENOENT);
        assert_int_equal(state_read_json(dir, "cut.broken", &v), -EBADMSG);
        assert_int_equal(state_remove(dir, "cut.broken"), 0);
        assert_int_equal(state_remove(dir, "cut.broken"), 0);
}

TEST_MAIN(cmocka_unit_test(test_write_read), cmocka_unit_test(test_json))

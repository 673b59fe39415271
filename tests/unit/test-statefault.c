/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "libhagw/state.h"
#include "libhagw/statefault.h"
#include "tests/unit/test.h"

#define DIR "/var/lib/x"

static size_t count(sd_json_variant **ret) {
        sd_json_variant_unref(*ret);
        *ret = NULL;
        assert_int_equal(state_fault_to_json(DIR, ret), 0);
        return sd_json_variant_elements(*ret);
}

static const char *text_of(sd_json_variant *v, size_t i, const char *field) {
        return sd_json_variant_string(sd_json_variant_by_key(sd_json_variant_by_index(v, i), field));
}

static uint64_t since_of(sd_json_variant *v) {
        return sd_json_variant_unsigned(
                sd_json_variant_by_key(sd_json_variant_by_index(v, 0), "sinceUSec"));
}

static void test_table(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_free_ char *text = NULL;
        uint64_t since;

        assert_int_equal(count(&v), 0);
        assert_null(state_fault_text(DIR));
        state_fault_note("a", 10, 0);
        assert_false(state_fault_any());
        state_fault_note("a", 10, -ENOSPC);
        state_fault_note("/etc/b", 70, -EROFS);
        state_fault_note("c", 1, -ENOMEM);
        assert_int_equal(count(&v), 2);
        assert_string_equal(text_of(v, 0, "file"), DIR "/a");
        assert_string_equal(text_of(v, 0, "reason"), "No space left on device");
        assert_string_equal(text_of(v, 1, "file"), "/etc/b");
        since = since_of(v);
        assert_true(since > 0);
        assert_int_equal(state_fault_size(), 70);

        /* The time is the first one's, the reason the last one's. */
        state_fault_note("a", 10, -EROFS);
        assert_int_equal(count(&v), 2);
        assert_string_equal(text_of(v, 0, "reason"), "Read-only file system");
        assert_int_equal(since_of(v), since);
        assert_int_equal(state_fault_total(), 3);
        text = state_fault_text(DIR);
        assert_string_equal(text, DIR "/a could not be written: Read-only file system");

        state_fault_note("a", 10, 0);
        assert_int_equal(count(&v), 1);
        assert_string_equal(text_of(v, 0, "file"), "/etc/b");
        state_fault_clear();
        assert_false(state_fault_any());
        assert_int_equal(state_fault_size(), 0);
        assert_int_equal(state_fault_total(), 3);
}

static void test_full(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char name[16];

        for (unsigned i = 0; i <= STATE_FAULTS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "f%u", i);
                state_fault_note(name, i, -EIO);
        }
        assert_int_equal(count(&v), STATE_FAULTS_MAX);
        /* What found no place is counted all the same. */
        assert_int_equal(state_fault_size(), STATE_FAULTS_MAX);
        state_fault_note(name, 1, 0);
        assert_int_equal(count(&v), STATE_FAULTS_MAX);
        state_fault_clear();
}

/* The writer notes what it could not write, the probe does not. */
static void test_writer(void **state) {
        char path[] = "/tmp/test-statefault-XXXXXX";
        struct rlimit before;
        int dir;

        assert_non_null(mkdtemp(path));
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir >= 0);
        assert_int_equal(state_write(dir, "a", "1", 1, 0600), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit) { 0, before.rlim_max }), 0);
        assert_int_equal(state_write(dir, "a", "22", 2, 0600), -EFBIG);
        assert_true(state_fault_any());
        assert_int_equal(state_probe(path, 2), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(state_probe(path, 2), 0);
        assert_true(state_fault_any());
        assert_int_equal(state_write(dir, "a", "22", 2, 0600), 0);
        assert_false(state_fault_any());
        assert_int_equal(state_remove(dir, "a"), 0);
        assert_int_equal(close(dir), 0);
        assert_int_equal(rmdir(path), 0); /* the probe left nothing */
}

static void test_space(void **state) {
        StateSpace s;

        assert_int_equal(state_space("/proc", &s), 0);
        assert_int_equal(s.free_bytes, 0);
        assert_false(s.low || s.full); /* it has no size */
        assert_int_equal(state_space("/nowhere", &s), -ENOENT);
}

TEST_MAIN(cmocka_unit_test(test_table), cmocka_unit_test(test_full), cmocka_unit_test(test_writer),
          cmocka_unit_test(test_space))

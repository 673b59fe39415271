/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "hagw-ctl/mount.h"
#include "tests/unit/test.h"

#define LIST \
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n" \
        "23 22 8:2 / /var rw shared:2 master:3 - ext4 /dev/sda2 ro,errors=remount-ro\n" \
        "24 22 8:1 /conf /etc/hagw ro,noexec - ext4 /dev/sda1 rw\n" \
        "25 22 0:30 / /mnt/a\\040-\\040b ro - tmpfs tmp\\040fs ro\n" \
        "26 22 0:31 / /rom rw - fuse x rootfs\n" \
        "27 22 0:32 / /cut rw\n" \
        "28 22 0:33 / /cut rw - ext4"

static bool is_read_only(uint64_t id) {
        FILE *f = fmemopen((char *) LIST, strlen(LIST), "r");
        bool is;

        assert_non_null(f);
        is = mount_is_read_only(f, id);
        assert_int_equal(fclose(f), 0);
        return is;
}

static void test_list(void **state) {
        assert_false(is_read_only(22));
        assert_true(is_read_only(23));  /* though its mount may be written */
        assert_false(is_read_only(24)); /* somebody mounted it so */
        assert_true(is_read_only(25));
        assert_false(is_read_only(26));
        assert_false(is_read_only(27));
        assert_false(is_read_only(28));
        assert_false(is_read_only(29)); /* none of the list */
}

static void test_path(void **state) {
        assert_false(mount_of_is_read_only("/tmp"));
        assert_false(mount_of_is_read_only("/nowhere"));
}

TEST_MAIN(cmocka_unit_test(test_list), cmocka_unit_test(test_path))

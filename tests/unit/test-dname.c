/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/dname.h"
#include "tests/unit/test.h"

static void test_read(void **state) {
        uint8_t out[DNAME_MAX], longest[300];
        size_t n = 0;

        assert_int_equal(dname_read((const uint8_t *) "\2Ha\3COM", 8, out), 8);
        assert_memory_equal(out, "\2ha\3com", 8);
        assert_int_equal(dname_read((const uint8_t *) "", 1, out), 1);
        assert_int_equal(dname_read((const uint8_t *) "\2ha\3com", 7, out), -EBADMSG);
        assert_int_equal(dname_read((const uint8_t *) "\2ha\5com", 8, out), -EBADMSG);
        assert_int_equal(dname_read((const uint8_t *) "\300\0", 2, out), -EBADMSG);
        assert_int_equal(dname_read((const uint8_t *) "\2ha\300\0", 5, out), -EBADMSG);
        /* 255 octets are the most: three labels of 63, one of 61, the root. */
        for (int i = 0; i < 4; i++) {
                uint8_t length = i < 3 ? 63 : 61;
                longest[n++] = length;
                memset(longest + n, 'x', length);
                n += length;
        }
        longest[n++] = 0;
        assert_int_equal(n, DNAME_MAX);
        assert_int_equal(dname_read(longest, n, out), DNAME_MAX);
        longest[192] = 62;
        longest[254] = 'x';
        longest[255] = 0;
        assert_int_equal(dname_read(longest, 256, out), -EBADMSG);
}

static void test_unpack(void **state) {
        /* 0: com; 5: home.com; 12: points at 5; 14: points at itself; 16: points ahead; 18: a pointer cut
         * short */
        static const uint8_t m[] = "\3com\0\4Home\300\0\300\5\300\16\300\22\300";
        uint8_t out[DNAME_MAX];
        size_t n;

        assert_int_equal(dname_unpack(m, 19, 12, out, &n), 14);
        assert_int_equal(n, 10);
        assert_memory_equal(out, "\4home\3com", 10);
        assert_int_equal(dname_unpack(m, 19, 14, out, &n), -EBADMSG);
        assert_int_equal(dname_unpack(m, 19, 16, out, &n), -EBADMSG);
        assert_int_equal(dname_unpack(m, 19, 18, out, &n), -EBADMSG);
        assert_int_equal(dname_unpack(m, 19, 19, out, &n), -EBADMSG);
}

static void test_unpack_grows(void **state) {
        /* Each name is a label and a pointer to the one before: together they would be longer than a name
         * may be. */
        uint8_t m[400] = {}, out[DNAME_MAX];
        size_t n, offset = 1;
        int r = 0;

        for (unsigned i = 0; i < 130 && r >= 0; i++, offset += 4) {
                uint16_t previous = i == 0 ? 0 : (uint16_t) (offset - 4);
                if (offset + 4 > sizeof(m))
                        break;
                memcpy(m + offset,
                       (const uint8_t[]) { 1, 'x', (uint8_t) (0xc0 | previous >> 8), (uint8_t) previous },
                       4);
                r = dname_unpack(m, sizeof(m), offset, out, &n);
                if (r >= 0)
                        assert_int_equal(n, 2 * (i + 1) + 1);
        }
        assert_int_equal(r, -EBADMSG); /* too many pointers */
}

static void test_text(void **state) {
        static const char *const bad[] = { "a..b", ".a", "..", "a.." };
        uint8_t out[DNAME_MAX];
        char text[DNAME_TEXT_MAX], long_label[65] = {};

        assert_int_equal(dname_from_text("HA.Home.", out), 9);
        assert_memory_equal(out, "\2ha\4home", 9);
        assert_int_equal(dname_from_text(".", out), 1);
        assert_int_equal(dname_from_text("", out), 1);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(dname_from_text(bad[i], out), -EINVAL);
        memset(long_label, 'a', 64);
        assert_int_equal(dname_from_text(long_label, out), -EINVAL);
        assert_int_equal(dname_from_text(long_label + 1, out), 65);
        assert_string_equal(dname_to_text((const uint8_t *) "\4a.\"\1\1b", text), "a\\.\\\"\\001.b");
        assert_string_equal(dname_to_text((const uint8_t *) "", text), ".");
}

static void test_zone(void **state) {
        assert_true(dname_in_zone((const uint8_t *) "\1a\1b", 5, (const uint8_t *) "\1b", 3));
        assert_true(dname_in_zone((const uint8_t *) "\1b", 3, (const uint8_t *) "\1b", 3));
        assert_true(dname_in_zone((const uint8_t *) "\1b", 3, (const uint8_t *) "", 1));
        assert_false(dname_in_zone((const uint8_t *) "\1b", 3, (const uint8_t *) "\1a\1b", 5));
        /* The octets of the zone's name stand there, but inside a label. */
        assert_false(dname_in_zone((const uint8_t *) "\3x\1b", 5, (const uint8_t *) "\1b", 3));
        assert_int_equal(dname_labels((const uint8_t *) "\1a\1b"), 2);
}

static void test_reverse(void **state) {
        static const uint8_t name[] = "\2ha\1a\4test";
        uint8_t out[DNAME_MAX], deep[DNAME_MAX] = {};

        assert_int_equal(dname_reverse(name, sizeof(name), out), sizeof(name) - 1);
        assert_memory_equal(out, "\4test\1a\2ha", sizeof(name) - 1);
        assert_int_equal(dname_reverse((const uint8_t *) "", 1, out), 0);
        for (size_t i = 0; i < DNAME_MAX - 1; i += 2)
                memcpy(deep + i, (const uint8_t[]) { 1, (uint8_t) ('a' + i % 26) }, 2);
        assert_int_equal(dname_reverse(deep, DNAME_MAX, out), DNAME_MAX - 1);
        assert_int_equal(out[1], deep[DNAME_MAX - 2]);
        assert_int_equal(out[DNAME_MAX - 2], deep[1]);
}

TEST_MAIN(cmocka_unit_test(test_read), cmocka_unit_test(test_unpack), cmocka_unit_test(test_unpack_grows),
          cmocka_unit_test(test_text), cmocka_unit_test(test_zone), cmocka_unit_test(test_reverse))

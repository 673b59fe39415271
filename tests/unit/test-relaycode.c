/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/relaycode.h"
#include "tests/unit/test.h"

static const uint8_t bytes[RELAY_CODE_BYTES] = { 0x01, 0x23, 0x45, 0x67, 0x89,
                                                 0xab, 0xcd, 0xef, 0xff, 0x00 };
#define TEXT "04HM-ASW9-NF6Y-ZZR0"

static void test_text(void **state) {
        char text[RELAY_CODE_TEXT_SIZE];
        uint8_t all[RELAY_CODE_BYTES], read[RELAY_CODE_BYTES];

        relay_code_format(bytes, text);
        assert_string_equal(text, TEXT);
        for (unsigned i = 0; i < 256; i++) {
                memset(all, (int) i, sizeof(all));
                relay_code_format(all, text);
                assert_int_equal(relay_code_parse(text, read), 0);
                assert_memory_equal(read, all, sizeof(all));
        }
}

static void test_as_people_type(void **state) {
        static const char *const same[] = { TEXT, "04hm asw9 nf6y zzr0", "04HMASW9NF6YZZR0",
                                            "O4hm-ASW9-nf6y-zzro", " 0-4-H-M ASW9NF6YZZR0 " };
        static const char *const one[] = { "1111111111111111", "IiLl-IiLl-IiLl-IiLl" };
        static const char *const bad[] = { "",
                                           "04HM-ASW9-NF6Y-ZZR",
                                           "04HM-ASW9-NF6Y-ZZR00",
                                           "04HM-ASW9-NF6Y-ZZRU",
                                           "04HM-ASW9-NF6Y-ZZR_",
                                           "04HM-ASW9-NF6Y-ZZR\xc3",
                                           "04HM\nASW9-NF6Y-ZZR0",
                                           "04HM-ASW9-NF6Y-ZZR0                       "
                                           "                       " };
        uint8_t read[RELAY_CODE_BYTES], first[RELAY_CODE_BYTES];

        for (size_t i = 0; i < ELEMENTSOF(same); i++) {
                assert_int_equal(relay_code_parse(same[i], read), 0);
                assert_memory_equal(read, bytes, sizeof(bytes));
        }
        assert_int_equal(relay_code_parse(one[0], first), 0);
        assert_int_equal(relay_code_parse(one[1], read), 0);
        assert_memory_equal(read, first, sizeof(first));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(relay_code_parse(bad[i], read), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(test_text), cmocka_unit_test(test_as_people_type))

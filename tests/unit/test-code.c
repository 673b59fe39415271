/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-tenantd/code.h"
#include "test.h"

static const uint8_t bytes[CODE_BYTES] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xff, 0x00 };
#define TEXT "04HM-ASW9-NF6Y-ZZR0"

static void test_text(void **state) {
        char text[CODE_TEXT_SIZE];
        uint8_t all[CODE_BYTES], read[CODE_BYTES];

        code_format(bytes, text);
        assert_string_equal(text, TEXT);
        for (unsigned i = 0; i < 256; i++) {
                memset(all, (int) i, sizeof(all));
                code_format(all, text);
                assert_int_equal(code_parse(text, read), 0);
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
        uint8_t read[CODE_BYTES], first[CODE_BYTES];

        for (size_t i = 0; i < ELEMENTSOF(same); i++) {
                assert_int_equal(code_parse(same[i], read), 0);
                assert_memory_equal(read, bytes, sizeof(bytes));
        }
        assert_int_equal(code_parse(one[0], first), 0);
        assert_int_equal(code_parse(one[1], read), 0);
        assert_memory_equal(read, first, sizeof(first));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(code_parse(bad[i], read), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(test_text), cmocka_unit_test(test_as_people_type))

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/siphash.h"
#include "tests/unit/test.h"

/* Vectors of the reference implementation: key 00 01 … 0f, input 00 01 … of the length, output as
 * little-endian octets. */
static void test_vectors(void **state) {
        static const struct {
                size_t size;
                uint64_t hash;
        } vectors[] = {
                { 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 7, 0xab0200f58b01d137 },
                { 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 }, { 63, 0x958a324ceb064572 },
        };
        uint8_t key[SIPHASH_KEY_SIZE], input[64];

        for (unsigned i = 0; i < sizeof(input); i++)
                input[i] = (uint8_t) i;
        memcpy(key, input, sizeof(key));
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++)
                assert_true(siphash24(input, vectors[i].size, key) == vectors[i].hash);
}

TEST_MAIN(cmocka_unit_test(test_vectors))

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/socket.h>

#include "libhagw/pure/handover.h"
#include "tests/unit/test.h"

static const Handover visitor = {
        .kind = HANDOVER_VISITOR,
        .pair = { .source = { .family = AF_INET, .bytes = { 192, 0, 2, 7 } },
                  .destination = { .family = AF_INET6, .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
                  .source_port = 50000, .destination_port = 443 },
};

static void assert_same(const Handover *a, const Handover *b) {
        assert_int_equal(a->kind, b->kind);
        assert_true(a->pair.source.family == b->pair.source.family &&
                    a->pair.destination.family == b->pair.destination.family);
        assert_memory_equal(a->pair.source.bytes, b->pair.source.bytes, sizeof(a->pair.source.bytes));
        assert_memory_equal(a->pair.destination.bytes, b->pair.destination.bytes,
                            sizeof(a->pair.destination.bytes));
        assert_int_equal(a->pair.source_port, b->pair.source_port);
        assert_int_equal(a->pair.destination_port, b->pair.destination_port);
        assert_memory_equal(a->secret, b->secret, sizeof(a->secret));
}

static void test_there_and_back(void **state) {
        uint8_t out[HANDOVER_HEAD_SIZE + 5];
        Handover h = visitor, back;

        memcpy(out + HANDOVER_HEAD_SIZE, "hello", 5);
        for (HandoverKind k = 0; k < HANDOVER_COUNT; k++) {
                h.kind = k;
                memset(h.secret, k == HANDOVER_OPENED ? 0xaa : 0, sizeof(h.secret));
                handover_write(&h, out);
                assert_int_equal(out[0], HANDOVER_VERSION);
                assert_int_equal(handover_kind(out, sizeof(out)), k);
                assert_int_equal(handover_read(out, sizeof(out), &back), 0);
                assert_same(&h, &back);
                assert_true(slice_equal(back.read, SLICE("hello")));
        }
}

/* As it stands on the wire, once: another version is another first byte. */
static void test_bytes(void **state) {
        uint8_t out[HANDOVER_HEAD_SIZE];

        handover_write(&visitor, out);
        assert_memory_equal(out, "\x01\x00\x01\x02\xc0\x00\x02\x07\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\x20\x01\x0d\xb8",
                            24);
        assert_memory_equal(out + 35, "\x01\xc3\x50\x01\xbb\0", 6);
}

static void test_unknown_addresses(void **state) {
        Handover h = { .kind = HANDOVER_LINK }, back;
        uint8_t out[HANDOVER_HEAD_SIZE];

        handover_write(&h, out);
        assert_int_equal(handover_read(out, sizeof(out), &back), 0);
        assert_int_equal(back.pair.source.family, AF_UNSPEC);
        assert_int_equal(back.read.n, 0);
}

static void test_what_is_none(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
        } rows[] = {
                { 0, 0 },  { 0, HANDOVER_VERSION + 1 },     /* the version */
                { 1, HANDOVER_COUNT },     { 1, 0xff },     /* the kind */
                { 2, 3 },  { 3, 0xff },                     /* a family */
                { 2, 0 },                                   /* an address of no family */
                { 8, 1 },                                   /* more of an address than there is */
                { 40, 1 }, { HANDOVER_HEAD_SIZE - 1, 1 },   /* a secret that nobody has */
        };
        uint8_t out[HANDOVER_HEAD_SIZE];
        Handover back;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                handover_write(&visitor, out);
                out[rows[i].at] = rows[i].value;
                assert_int_equal(handover_read(out, sizeof(out), &back), -EBADMSG);
        }
        handover_write(&visitor, out);
        for (size_t n = 0; n < sizeof(out); n++)
                assert_int_equal(handover_read(out, n, &back), -EBADMSG);
}

static void test_limit(void **state) {
        _cleanup_free_ uint8_t *out = calloc(1, HANDOVER_SIZE_MAX + 1);
        Handover back;

        handover_write(&visitor, out);
        assert_int_equal(handover_read(out, HANDOVER_SIZE_MAX, &back), 0);
        assert_int_equal(back.read.n, HANDOVER_READ_MAX);
        assert_int_equal(handover_read(out, HANDOVER_SIZE_MAX + 1, &back), -EBADMSG);
}

static void test_count(void **state) {
        const HandoverCount c = { 1, UINT64_MAX, 0x0102030405060708, 9 };
        uint8_t out[HANDOVER_COUNT_SIZE + 1] = {};
        HandoverCount back;
        Handover h;

        handover_count_write(&c, out);
        assert_int_equal(handover_count_read(out, HANDOVER_COUNT_SIZE, &back), 0);
        assert_memory_equal(&c, &back, sizeof(c));
        assert_int_equal(handover_count_read(out, HANDOVER_COUNT_SIZE - 1, &back), -EBADMSG);
        assert_int_equal(handover_count_read(out, HANDOVER_COUNT_SIZE + 1, &back), -EBADMSG);
        assert_int_equal(handover_read(out, HANDOVER_COUNT_SIZE, &h), -EBADMSG);
        out[0]++;
        assert_int_equal(handover_count_read(out, HANDOVER_COUNT_SIZE, &back), -EBADMSG);
}

TEST_MAIN(cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_bytes),
          cmocka_unit_test(test_unknown_addresses), cmocka_unit_test(test_what_is_none),
          cmocka_unit_test(test_limit), cmocka_unit_test(test_count))

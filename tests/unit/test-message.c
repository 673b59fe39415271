/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-dnsd/message.h"
#include "hagw-dnsd/rr.h"
#include "tests/unit/test.h"

static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\1"
                               "\2Ha\1b\0\0\1\0\1"
                               "\0\0\x29\4\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08"
                               "8octets!";
#define QUERY_SIZE (sizeof(query) - 1)

static void test_query(void **state) {
        DnsQuery q;

        assert_int_equal(message_parse_query(query, QUERY_SIZE, &q), 0);
        assert_int_equal(q.id, 0x1234);
        assert_true(q.has_question && q.has_edns && q.edns_do);
        assert_int_equal(q.name_size, 6);
        assert_memory_equal(q.name, "\2ha\1b", 6);
        assert_int_equal(q.type, DNS_TYPE_A);
        assert_int_equal(q.class, DNS_CLASS_IN);
        assert_int_equal(q.edns_size, 1232);
        assert_int_equal(q.cookie_size, 8);
        assert_memory_equal(q.cookie, "8octets!", 8);
}

/* However it is cut, it is an error and nothing is read behind its end (the sanitizer sees to that). */
static void test_cut(void **state) {
        for (size_t n = 0; n < QUERY_SIZE; n++) {
                _cleanup_free_ uint8_t *copy = malloc(n + !n);
                DnsQuery q;

                memcpy(copy, query, n);
                assert_int_equal(message_parse_query(copy, n, &q),
                                 n < MESSAGE_HEADER_SIZE ? -EBADMSG : DNS_RCODE_FORMERR);
        }
}

static void test_answer_is_no_query(void **state) {
        uint8_t copy[QUERY_SIZE];
        DnsQuery q;

        memcpy(copy, query, QUERY_SIZE);
        copy[2] |= 0x80;
        assert_int_equal(message_parse_query(copy, QUERY_SIZE, &q), -EBADMSG);
        copy[2] = 0x20;
        assert_int_equal(message_parse_query(copy, QUERY_SIZE, &q), DNS_RCODE_NOTIMP);
}

static void test_reply(void **state) {
        uint8_t out[512];
        DnsQuery q;
        DnsReply r;
        size_t n;

        assert_int_equal(message_parse_query(query, QUERY_SIZE, &q), 0);
        message_begin(&r, &q, out, 30);
        assert_int_equal(r.size, 22);
        assert_memory_equal(out + 12, query + 12, 10); /* the letters' case too */
        assert_non_null(message_extend(&r, 8));
        assert_null(message_extend(&r, 1));
        message_truncate(&r, &q);
        r.flags |= DNS_FLAG_TC;
        const DnsOptions options = { (const uint8_t *) "cookie", .cookie_size = 6, .keepalive = 100 };
        n = message_finish(&r, &q, DNS_RCODE_BADVERS, &options);
        assert_int_equal(n, 22 + message_opt_size(&q, &options));
        assert_memory_equal(out, "\x12\x34\x83\0\0\1\0\0\0\0\0\1", 12);
        assert_memory_equal(out + 22, "\0\0\x29\4\xd0\1\0\x80\0\0\x10\0\x0a\0\6cookie\0\x0b\0\2\0\x64", 27);
}

static void test_make_and_read(void **state) {
        uint8_t out[MESSAGE_UDP_MIN];
        DnsRecord record;
        DnsQuery q;
        size_t n = message_make_query((const uint8_t *) "\2ha\1b", 6, DNS_TYPE_TXT, out);

        assert_int_equal(message_parse_query(out, n, &q), 0);
        assert_int_equal(q.type, DNS_TYPE_TXT);
        memcpy(out + n, "\300\x0c\0\1\0\1\0\0\0\x3c\0\4\300\0\2\1", 16);
        assert_int_equal(message_read_record(out, n + 16, n, &record), n + 16);
        assert_int_equal(record.type, DNS_TYPE_A);
        assert_int_equal(record.ttl, 60);
        assert_int_equal(record.name_size, 6);
        for (size_t cut = 0; cut < 16; cut++)
                assert_int_equal(message_read_record(out, n + cut, n, &record), -EBADMSG);
}

TEST_MAIN(cmocka_unit_test(test_query), cmocka_unit_test(test_cut),
          cmocka_unit_test(test_answer_is_no_query), cmocka_unit_test(test_reply),
          cmocka_unit_test(test_make_and_read))

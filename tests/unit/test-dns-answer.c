/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <arpa/inet.h>
#include <stdio.h>

#include "hagw-netd/dns-answer.h"
#include "libhagw/pure/strv.h"
#include "tests/unit/test.h"

static void record_done(ares_dns_record_t **r) {
        ares_dns_record_destroy(*r);
}

static ares_dns_record_t *answer(void) {
        ares_dns_record_t *r;

        assert_int_equal(ares_dns_record_create(&r, 1, ARES_FLAG_QR, ARES_OPCODE_QUERY, ARES_RCODE_NOERROR),
                         ARES_SUCCESS);
        assert_int_equal(ares_dns_record_query_add(r, "a.example", ARES_REC_TYPE_A, ARES_CLASS_IN),
                         ARES_SUCCESS);
        return r;
}

static ares_dns_rr_t *add(ares_dns_record_t *r, const char *name, ares_dns_rec_type_t type, unsigned ttl) {
        ares_dns_rr_t *rr;

        assert_int_equal(ares_dns_record_rr_add(&rr, r, ARES_SECTION_ANSWER, name, type, ARES_CLASS_IN, ttl),
                         ARES_SUCCESS);
        return rr;
}

static void add_a(ares_dns_record_t *r, const char *name, const char *address, unsigned ttl) {
        struct in_addr a;

        assert_int_equal(inet_pton(AF_INET, address, &a), 1);
        assert_int_equal(ares_dns_rr_set_addr(add(r, name, ARES_REC_TYPE_A, ttl), ARES_RR_A_ADDR, &a),
                         ARES_SUCCESS);
}

static void add_cname(ares_dns_record_t *r, const char *name, const char *target, unsigned ttl) {
        assert_int_equal(
                ares_dns_rr_set_str(add(r, name, ARES_REC_TYPE_CNAME, ttl), ARES_RR_CNAME_CNAME, target),
                ARES_SUCCESS);
}

static void test_addresses(void **state) {
        _cleanup_(record_done) ares_dns_record_t *r = answer();
        char text[IP_TEXT_MAX];
        IpAddress list[2];
        uint32_t ttl;

        assert_int_equal(dns_answer_addresses(r, "a.example", AF_INET, list, 2, &ttl), 0);
        add_a(r, "other.example", "192.0.2.99", 1);
        add_cname(r, "A.EXAMPLE", "b.example.", 60);
        add_cname(r, "b.example", "c.example", 30);
        add_a(r, "C.example", "192.0.2.1", 300);
        add_a(r, "c.example", "192.0.2.2", 40);
        add_a(r, "c.example", "192.0.2.3", 300);
        assert_int_equal(dns_answer_addresses(r, "a.example", AF_INET, list, 2, &ttl), 2);
        assert_string_equal(ip_format(&list[0], text), "192.0.2.1");
        assert_int_equal(ttl, 30);
        assert_int_equal(dns_answer_addresses(r, "c.example", AF_INET, list, 2, &ttl), 2);
        assert_int_equal(ttl, 40);
        assert_int_equal(dns_answer_addresses(r, "a.example", AF_INET6, list, 2, &ttl), 0);
}

static void test_cname_circle(void **state) {
        _cleanup_(record_done) ares_dns_record_t *r = answer();
        IpAddress a;
        uint32_t ttl;

        add_cname(r, "a.example", "a.example", 60);
        add_a(r, "a.example", "192.0.2.1", 60);
        assert_int_equal(dns_answer_addresses(r, "a.example", AF_INET, &a, 1, &ttl), -ELOOP);
}

static void test_cname_limit(void **state) {
        for (unsigned n = DNS_ANSWER_CNAMES_MAX; n <= DNS_ANSWER_CNAMES_MAX + 1; n++) {
                _cleanup_(record_done) ares_dns_record_t *r = answer();
                char from[32], to[32];
                IpAddress a;
                uint32_t ttl;

                for (unsigned i = 0; i < n; i++) {
                        (void) snprintf(from, sizeof(from), "c%u.example", i);
                        (void) snprintf(to, sizeof(to), "c%u.example", i + 1);
                        add_cname(r, from, to, 60);
                }
                add_a(r, to, "192.0.2.1", 60);
                assert_int_equal(dns_answer_addresses(r, "c0.example", AF_INET, &a, 1, &ttl),
                                 n <= DNS_ANSWER_CNAMES_MAX ? 1 : -ELOOP);
        }
}

static void assert_text(const ares_dns_rr_t *rr, const char *expected) {
        _cleanup_free_ char *text = NULL;

        assert_int_equal(dns_rdata_format(rr, &text), 0);
        assert_string_equal(text, expected);
}

static void test_presentation(void **state) {
        _cleanup_(record_done) ares_dns_record_t *r = answer();
        const unsigned char odd[] = "say \"hi\\\"\n\xff", empty[] = "";
        ares_dns_rr_t *rr;

        rr = add(r, "a.example", ARES_REC_TYPE_TXT, 60);
        assert_int_equal(ares_dns_rr_add_abin(rr, ARES_RR_TXT_DATA, odd, sizeof(odd) - 1), ARES_SUCCESS);
        assert_int_equal(ares_dns_rr_add_abin(rr, ARES_RR_TXT_DATA, empty, 0), ARES_SUCCESS);
        assert_text(rr, "\"say \\\"hi\\\\\\\"\\010\\255\" \"\"");

        rr = add(r, "a.example", ARES_REC_TYPE_CAA, 60);
        assert_int_equal(ares_dns_rr_set_u8(rr, ARES_RR_CAA_CRITICAL, 128), ARES_SUCCESS);
        assert_int_equal(ares_dns_rr_set_str(rr, ARES_RR_CAA_TAG, "issue"), ARES_SUCCESS);
        assert_int_equal(
                ares_dns_rr_set_bin(rr, ARES_RR_CAA_VALUE, (const unsigned char *) "ca.example", 10),
                ARES_SUCCESS);
        assert_text(rr, "128 issue \"ca.example\"");

        rr = add(r, "a.example", ARES_REC_TYPE_MX, 60);
        assert_int_equal(ares_dns_rr_set_u16(rr, ARES_RR_MX_PREFERENCE, 10), ARES_SUCCESS);
        assert_int_equal(ares_dns_rr_set_str(rr, ARES_RR_MX_EXCHANGE, "."), ARES_SUCCESS);
        assert_text(rr, "10 .");

        rr = add(r, "a.example", ARES_REC_TYPE_RAW_RR, 60);
        assert_int_equal(ares_dns_rr_set_u16(rr, ARES_RR_RAW_RR_TYPE, 65400), ARES_SUCCESS);
        assert_int_equal(ares_dns_rr_set_bin(rr, ARES_RR_RAW_RR_DATA, (const unsigned char *) "\1\xab", 2),
                         ARES_SUCCESS);
        assert_text(rr, "\\# 2 01AB");
}

static void test_list(void **state) {
        _cleanup_(record_done) ares_dns_record_t *r = answer();
        _cleanup_(strv_freep) char **list = NULL, **all = NULL;

        add_cname(r, "a.example", "b.example", 60);
        add_a(r, "b.example", "192.0.2.1", 60);
        (void) add(r, "b.example", ARES_REC_TYPE_TXT, 60);
        assert_int_equal(dns_answer_list(r, ARES_SECTION_ANSWER, ARES_REC_TYPE_A, &list), 0);
        assert_string_equal(list[0], "b.example.");
        assert_string_equal(list[1], "192.0.2.1");
        assert_null(list[2]);
        assert_int_equal(dns_answer_list(r, ARES_SECTION_ANSWER, ARES_REC_TYPE_ANY, &all), 0);
        assert_non_null(all[2]);
        assert_null(all[3]);
}

static void test_types(void **state) {
        ares_dns_rec_type_t t;

        assert_int_equal(dns_type_parse("a", &t), 0);
        assert_int_equal(t, ARES_REC_TYPE_A);
        assert_int_equal(dns_type_parse("CAA", &t), 0);
        assert_int_equal(dns_type_parse("type65400", &t), 0);
        assert_int_equal(t, 65400);
        assert_int_equal(dns_type_parse("TYPE0", &t), -EINVAL);
        assert_int_equal(dns_type_parse("TYPE65536", &t), -EINVAL);
        assert_int_equal(dns_type_parse("TYPE1x", &t), -EINVAL);
        assert_int_equal(dns_type_parse("", &t), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(test_addresses), cmocka_unit_test(test_cname_circle),
          cmocka_unit_test(test_cname_limit), cmocka_unit_test(test_presentation),
          cmocka_unit_test(test_list), cmocka_unit_test(test_types))

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/answer-fixture.h"
#include "tests/unit/test.h"

static uint16_t ask(AnswerSource *s, const char *text, uint16_t type, bool tcp, uint8_t *out,
                    size_t *ret_size) {
        uint8_t name[DNAME_MAX], query[MESSAGE_UDP_MIN];
        const AnswerClient client = { .address = { AF_INET, { 192, 0, 2, 77 } }, .tcp = tcp };
        size_t n;

        n = message_make_query(name, (size_t) dname_from_text(text, name), type, query);
        *ret_size = answer_query(s, query, n, &client, &(AnswerTime) { 1000, 1000, 7 }, out);
        if (!tcp)
                assert_true(*ret_size <= ANSWER_AMPLIFICATION_MAX * n);
        return *ret_size > 0 ? read_u16(out + 2) : 0;
}

static uint16_t ask_by_ipv6(AnswerSource *s, const char *text, uint16_t type, bool tcp, uint8_t *out,
                            size_t *ret_size) {
        uint8_t name[DNAME_MAX], query[MESSAGE_UDP_MIN];
        const AnswerClient client = { .address = { AF_INET6, { 0x20, 0x01, 0x0d, 0xb9 } }, .tcp = tcp };
        size_t n = message_make_query(name, (size_t) dname_from_text(text, name), type, query);

        *ret_size = answer_query(s, query, n, &client, &(AnswerTime) { 1000, 1000, 7 }, out);
        assert_true(tcp || *ret_size <= ANSWER_AMPLIFICATION_MAX * n);
        return read_u16(out + 2);
}

static void test_rcodes(void **state) {
        static const struct {
                const char *name;
                uint16_t type, flags, answers, authority;
                bool long_; /* too much for a datagram to who has not shown a cookie */
        } cases[] = {
                { "ha.home.test", DNS_TYPE_A, 0x8400, 1, 0 },
                { "ha.home.test", DNS_TYPE_AAAA, 0x8002, 0,
                  0 }, /* SERVFAIL without AA: nobody told the address yet */
                { "home.test", DNS_TYPE_SOA, 0x8400, 1, 0 },
                { "home.test", DNS_TYPE_ANY, 0x8400, 1, 0 },
                { "ha.home.test", DNS_TYPE_HTTPS, 0x8400, 0, 1 },
                { "_acme-challenge.home.test", DNS_TYPE_TXT, 0x8400, 2, 0 },
                { "anna.home.test", DNS_TYPE_CAA, 0x8400, 2, 0, true },
                { "x.anna.home.test", DNS_TYPE_CAA, 0x8400, 2, 0, true },
                { "bob.home.test", DNS_TYPE_CAA, 0x8400, 1, 0 },
                { "passes.home.test", DNS_TYPE_CAA, 0x8400, 1, 0 },
                { "home.test", DNS_TYPE_CAA, 0x8400, 2, 0, true },
                { "hosts.test", DNS_TYPE_CAA, 0x8400, 0, 1 },
                { "elsewhere.test", DNS_TYPE_A, 0x8005, 0, 0 },
                { "home.test", DNS_TYPE_AXFR, 0x8005, 0, 0 },
                { "home.test", DNS_TYPE_MAILA, 0x8004, 0, 0 },
                { "home.test", DNS_TYPE_OPT, 0x8001, 0, 0 },
        };
        _cleanup_(fixture_done) AnswerSource s = {};
        uint8_t out[ANSWER_MAX];
        size_t n;

        fixture_init(&s);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (int tcp = 0; tcp < 2; tcp++) {
                        const bool truncated = cases[i].long_ && !tcp;

                        assert_int_equal(ask(&s, cases[i].name, cases[i].type, tcp, out, &n),
                                         cases[i].flags | (truncated ? DNS_FLAG_TC : 0));
                        assert_int_equal(read_u16(out + 6), truncated ? 0 : cases[i].answers);
                        assert_int_equal(read_u16(out + 8), cases[i].authority);
                }
        assert_int_equal(s.stats.queries[0], ELEMENTSOF(cases));
        assert_int_equal(s.stats.queries[1], ELEMENTSOF(cases));
}

/* Every record of every answer can be read back, and compression points where it should. */
static void test_records(void **state) {
        _cleanup_(fixture_done) AnswerSource s = {};
        uint8_t out[ANSWER_MAX];
        DnsRecord record;
        size_t n;
        int offset;

        fixture_init(&s);
        assert_int_equal(ask(&s, "x.y.home.test", DNS_TYPE_TXT, true, out, &n), 0x8400);
        offset = message_read_record(out, n, 12 + 15 + 4, &record);
        assert_int_equal(offset, n);
        assert_int_equal(record.type, DNS_TYPE_SOA);
        assert_memory_equal(record.name, "\4home\4test", 11);
        _cleanup_free_ char *text = NULL;
        assert_int_equal(rr_format(record.type, out, n, record.rdata, record.rdata_size, &text), 0);
        assert_string_equal(text, "ns.home.test. hostmaster.home.test. 42 7200 900 1209600 60");
}

/* "None" is remembered, and "there seems to be none, but nobody has said so" hardly. */
static void test_doubt(void **state) {
        static const struct {
                AddressKnowledge knowledge;
                uint16_t flags;
                uint32_t ttl_sec; /* 0: there is no SOA */
        } cases[] = {
                { ADDRESS_UNKNOWN, 0x8002, 0 },
                { ADDRESS_DOUBTFUL, 0x8400, ZONE_OVERLAY_TTL_SEC },
                { ADDRESS_NONE, 0x8400, ZONE_NEGATIVE_TTL_SEC },
        };
        _cleanup_(fixture_done) AnswerSource s = {};
        uint8_t out[ANSWER_MAX];

        fixture_init(&s);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DnsRecord soa;
                size_t n;

                for (size_t k = 0; k < s.n_zones; k++)
                        s.zones[k]->knowledge[ZONE_AAAA] = cases[i].knowledge;
                assert_int_equal(ask(&s, "x.y.home.test", DNS_TYPE_AAAA, true, out, &n), cases[i].flags);
                assert_int_equal(read_u16(out + 8), cases[i].ttl_sec > 0);
                if (cases[i].ttl_sec == 0)
                        continue;
                assert_int_equal(message_read_record(out, n, 12 + 15 + 4, &soa), n);
                assert_int_equal(soa.ttl, cases[i].ttl_sec);
                /* Of another type nothing is in doubt. */
                assert_int_equal(ask(&s, "x.y.home.test", DNS_TYPE_HTTPS, true, out, &n), 0x8400);
                assert_int_equal(message_read_record(out, n, 12 + 15 + 4, &soa), n);
                assert_int_equal(soa.ttl, ZONE_NEGATIVE_TTL_SEC);
        }
}

static void test_caa(void **state) {
        _cleanup_(fixture_done) AnswerSource s = {};
        _cleanup_free_ char *text = NULL;
        uint8_t out[ANSWER_MAX];
        DnsRecord record;
        size_t n;

        fixture_init(&s);
        assert_int_equal(ask(&s, "anna.home.test", DNS_TYPE_CAA, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 2);
        assert_true(message_read_record(out, n, 12 + 16 + 4, &record) > 0);
        assert_int_equal(record.type, DNS_TYPE_CAA);
        assert_int_equal(rr_format(record.type, out, n, record.rdata, record.rdata_size, &text), 0);
        assert_string_equal(text, "0 issue \"ca.test; accounturi=https://ca.test/1; "
                                  "validationmethods=dns-01\"");
        assert_int_equal(ask(&s, "ha.anna.home.test", DNS_TYPE_CAA, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 3);
        /* Attributes are no names of certificates. */
        assert_int_equal(ask(&s, "_x.anna.home.test", DNS_TYPE_CAA, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 0);
        /* Unknown is SERVFAIL, which every authority takes for a no, and nobody remembers for long. */
        s.ours.knowledge = CAA_UNKNOWN;
        assert_int_equal(ask(&s, "ha.anna.home.test", DNS_TYPE_CAA, true, out, &n), 0x8002);
        assert_int_equal(read_u16(out + 6), 0);
        assert_int_equal(ask(&s, "home.test", DNS_TYPE_CAA, true, out, &n), 0x8002);
        assert_int_equal(ask(&s, "home.test", DNS_TYPE_SOA, true, out, &n), 0x8400);
}

static void test_rate(void **state) {
        _cleanup_(fixture_done) AnswerSource s = {};
        unsigned silent = 0, short_ = 0, full = 0;
        uint8_t out[ANSWER_MAX];
        size_t n;

        fixture_init(&s);
        s.rrl->rate = 10;
        for (unsigned i = 0; i < 110; i++) {
                uint16_t flags = ask(&s, "ha.home.test", DNS_TYPE_A, false, out, &n);
                silent += n == 0;
                short_ += n > 0 && (flags & DNS_FLAG_TC);
                full += n > 0 && !(flags & DNS_FLAG_TC);
        }
        assert_int_equal(full, 10);
        assert_int_equal(silent, 50);
        assert_int_equal(short_, 50);
        assert_int_equal(ask(&s, "ha.home.test", DNS_TYPE_A, true, out, &n), 0x8400);
}

/* The largest answer fits ANSWER_MAX: nothing is truncated by TCP. */
static void test_largest(void **state) {
        _cleanup_(fixture_done) AnswerSource s = {};
        uint8_t out[ANSWER_MAX], name[DNAME_MAX];
        char value[OVERLAY_VALUE_MAX + 1] = "";
        size_t n, size = (size_t) dname_from_text("big.home.test", name);

        fixture_init(&s);
        memset(value, 'x', OVERLAY_VALUE_MAX);
        for (unsigned i = 0; i < OVERLAY_PER_NAME_MAX; i++) {
                value[0] = (char) ('a' + i);
                assert_int_equal(overlay_publish(s.overlay, name, size, value, "test", UINT64_MAX), 1);
        }
        assert_int_equal(ask(&s, "big.home.test", DNS_TYPE_TXT, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), OVERLAY_PER_NAME_MAX);
        assert_true(n <= ANSWER_MAX);
        assert_int_equal(ask(&s, "big.home.test", DNS_TYPE_TXT, false, out, &n), 0x8600);
        assert_int_equal(read_u16(out + 6), 0);
}

/* A name that was made up: by UDP only that TCP is wanted, by TCP its value; who asked is noted. */
static void test_trial(void **state) {
        static const uint8_t zone[] = "\5hosts\4test", random[2 * TRIAL_SECRET_SIZE];
        Hops hops = { .known = true };
        _cleanup_(fixture_done) AnswerSource s = {};
        char name[DNAME_TEXT_MAX];
        uint8_t out[ANSWER_MAX];
        const Trial *t;
        size_t n;

        fixture_init(&s);
        s.outside = (OutsideRules) { .hops = &hops, .documentation = true };
        assert_int_equal(trial_make(&s.trials, zone, sizeof(zone), NULL, random, 1000, &t), 0);
        (void) dname_to_text(t->name, name);
        for (size_t i = 0; i < 3; i++) {
                const uint16_t types[] = { DNS_TYPE_TXT, DNS_TYPE_A, DNS_TYPE_ANY };

                assert_int_equal(ask(&s, name, types[i], false, out, &n), 0x8600);
                assert_int_equal(read_u16(out + 6), 0);
        }
        assert_true(t->came[1][0][0]);
        assert_false(t->came[1][0][1] || t->came[0][0][0]);
        assert_int_equal(ask(&s, name, DNS_TYPE_A, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 0);
        assert_int_equal(read_u16(out + 8), 1);
        assert_int_equal(ask(&s, name, DNS_TYPE_TXT, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 1);
        assert_memory_equal(out + n - TRIAL_TEXT_SIZE, t->value, TRIAL_TEXT_SIZE);
        assert_true(t->came[1][0][1]);
        assert_int_equal(zone_find_for(s.zones, 2, zone, sizeof(zone), false)->seen->last_sec[0][1], 7);
        hops.known = false;
        assert_int_equal(ask(&s, name, DNS_TYPE_TXT, true, out, &n), 0x8400);
        assert_true(t->came[0][0][1]);
        assert_int_equal(t->n_questions, 2);
}

/* One that is to be asked for by IPv4: who comes by IPv6 is sent on to a server that has IPv4 alone. */
static void test_trial_of_a_family(void **state) {
        static const uint8_t zone[] = "\4home\4test", random[2 * TRIAL_SECRET_SIZE];
        const IpAddress server = { AF_INET, { 192, 0, 2, 1 } };
        _cleanup_(fixture_done) AnswerSource s = {};
        char name[DNAME_TEXT_MAX], below[DNAME_TEXT_MAX + 3];
        uint8_t out[ANSWER_MAX];
        DnsRecord record;
        const Trial *t;
        size_t n;
        int at;

        fixture_init(&s);
        s.outside = (OutsideRules) { .hops = &(Hops) { .known = true }, .documentation = true };
        assert_int_equal(trial_make(&s.trials, zone, sizeof(zone), &server, random, 1000, &t), 0);
        (void) dname_to_text(t->name, name);
        (void) snprintf(below, sizeof(below), "ns.%s", name);
        for (size_t i = 0; i < 4; i++) {
                const char *asked = i < 2 ? name : below;

                assert_int_equal(ask_by_ipv6(&s, asked, DNS_TYPE_TXT, i % 2, out, &n), 0x8000);
                assert_int_equal(read_u16(out + 6), 0);
                assert_int_equal(read_u16(out + 8), 1);
                assert_int_equal(read_u16(out + 10), 1);
                at = message_read_record(out, n, MESSAGE_HEADER_SIZE + strlen(asked) + 2 + 4, &record);
                assert_true(at > 0 && record.type == DNS_TYPE_NS && record.name_size == t->name_size);
                assert_memory_equal(record.name, t->name, t->name_size);
                assert_int_equal(message_read_record(out, n, (size_t) at, &record), n);
                assert_true(record.type == DNS_TYPE_A && record.rdata_size == 4 &&
                            record.name_size == t->name_size + TRIAL_SERVER_SIZE);
                assert_memory_equal(record.name, TRIAL_SERVER, TRIAL_SERVER_SIZE);
                assert_memory_equal(record.name + TRIAL_SERVER_SIZE, t->name, t->name_size);
                assert_memory_equal(out + record.rdata, server.bytes, 4);
        }
        assert_true(t->came[1][1][0] && t->came[1][1][1] && !t->came[1][0][0] && !t->came[1][0][1]);
        /* There it is answered like any, and its server has no other address. */
        assert_int_equal(ask(&s, name, DNS_TYPE_TXT, false, out, &n), 0x8600);
        assert_int_equal(ask(&s, name, DNS_TYPE_TXT, true, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 1);
        assert_int_equal(ask(&s, below, DNS_TYPE_A, false, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 1);
        assert_int_equal(ask(&s, below, DNS_TYPE_AAAA, false, out, &n), 0x8400);
        assert_int_equal(read_u16(out + 6), 0);
        assert_true(t->came[1][0][0] && t->came[1][0][1]);
}

TEST_MAIN(cmocka_unit_test(test_rcodes), cmocka_unit_test(test_records),
          cmocka_unit_test(test_doubt), cmocka_unit_test(test_caa), cmocka_unit_test(test_rate),
          cmocka_unit_test(test_largest), cmocka_unit_test(test_trial),
          cmocka_unit_test(test_trial_of_a_family))

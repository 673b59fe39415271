/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ClientHellos, built byte by byte and cut in every way. */

#include "libhagw/pure/clienthello.h"
#include "tests/unit/test.h"

typedef struct Bytes {
        uint8_t b[512 * 1024];
        size_t n;
} Bytes;

static Bytes message, extensions, wire;

static void put(Bytes *b, const void *p, size_t n) {
        assert_true(b->n + n <= sizeof(b->b));
        memcpy(b->b + b->n, p, n);
        b->n += n;
}

static void put8(Bytes *b, unsigned v) {
        put(b, &(uint8_t) { (uint8_t) v }, 1);
}

static void put16(Bytes *b, size_t v) {
        put8(b, (unsigned) v >> 8 & 255);
        put8(b, (unsigned) v & 255);
}

static void put_extension(unsigned type, const void *p, size_t n) {
        put16(&extensions, type);
        put16(&extensions, n);
        put(&extensions, p, n);
}

static void put_name_n(const char *name, size_t n) {
        put16(&extensions, 0);
        put16(&extensions, n + 5);
        put16(&extensions, n + 3);
        put8(&extensions, 0);
        put16(&extensions, n);
        put(&extensions, name, n);
}

static void put_name(const char *name) {
        put_name_n(name, strlen(name));
}

/* The message around the extensions gathered so far. */
static void make_message(void) {
        static const uint8_t random[32];

        message.n = 0;
        put8(&message, 1);
        put8(&message, 0);
        put16(&message, 0);
        put16(&message, 0x0303);
        put(&message, random, 32);
        put8(&message, 32);
        put(&message, random, 32);
        put16(&message, 4);
        put(&message, "\x13\x01\xc0\x2b", 4);
        put8(&message, 1);
        put8(&message, 0);
        put16(&message, extensions.n);
        put(&message, extensions.b, extensions.n);
        message.b[1] = (uint8_t) ((message.n - 4) >> 16);
        message.b[2] = (uint8_t) ((message.n - 4) >> 8);
        message.b[3] = (uint8_t) (message.n - 4);
}

/* In records of at most n bytes. */
static void make_wire(size_t n) {
        wire.n = 0;
        for (size_t at = 0; at < message.n; at += n) {
                size_t k = MIN(n, message.n - at);

                put8(&wire, 22);
                put16(&wire, 0x0301);
                put16(&wire, k);
                put(&wire, message.b + at, k);
        }
}

static ClientHelloResult read_all(ClientHello *h) {
        *h = (ClientHello) {};
        return clienthello_read(h, wire.b, wire.n);
}

static ClientHelloResult read_made(ClientHello *h) {
        make_message();
        make_wire(16384);
        extensions.n = 0;
        return read_all(h);
}

static void make_usual(void) {
        extensions.n = 0;
        put_extension(0x0a0a, "", 0); /* GREASE */
        put_name("HA.Home.Example.COM.");
        put_extension(16, "\0\x0c\x02h2\x08http/1.1", 14);
        put_extension(43, "\x06\x0a\x0a\x03\x04\x03\x03", 7);
        put_extension(35, "", 0);
        put_extension(41, "psk", 3);
        make_message();
        extensions.n = 0;
}

static void test_usual(void **state) {
        ClientHello h;

        make_usual();
        make_wire(16384);
        assert_int_equal(read_all(&h), CLIENTHELLO_OK);
        assert_string_equal(h.name, "ha.home.example.com");
        assert_int_equal(h.alpn, CLIENTHELLO_ALPN_OFFERED | CLIENTHELLO_ALPN_H2 | CLIENTHELLO_ALPN_HTTP1);
        assert_int_equal(h.versions, CLIENTHELLO_TLS13 | CLIENTHELLO_TLS12);
        assert_true(h.resumes);
        /* What follows the message is nobody's business here. */
        put(&wire, "\x14\x03\x03\0\x01\x01", 6);
        assert_int_equal(read_all(&h), CLIENTHELLO_OK);
}

/* Records of every size, segments of every size: the same, and MORE until the last byte. */
static void test_cut(void **state) {
        make_usual();
        for (size_t record = 1; record <= message.n; record++) {
                size_t steps[] = { 1, 2, 3, 5, 64, 4096 };

                make_wire(record);
                for (size_t s = 0; s < ELEMENTSOF(steps); s++) {
                        ClientHello h = {};

                        for (size_t n = 0; n < wire.n; n += steps[s])
                                assert_int_equal(clienthello_read(&h, wire.b, n), CLIENTHELLO_MORE);
                        assert_int_equal(clienthello_read(&h, wire.b, wire.n - 1), CLIENTHELLO_MORE);
                        assert_int_equal(clienthello_read(&h, wire.b, wire.n), CLIENTHELLO_OK);
                        assert_string_equal(h.name, "ha.home.example.com");
                        assert_true(h.alpn & CLIENTHELLO_ALPN_HTTP1);
                }
        }
}

static void test_no_name(void **state) {
        ClientHello h;

        extensions.n = 0;
        put_extension(16, "\0\x03\x02h2", 5);
        assert_int_equal(read_made(&h), CLIENTHELLO_OK);
        assert_string_equal(h.name, "");
        assert_int_equal(h.versions, CLIENTHELLO_TLS12 | CLIENTHELLO_TLS11 | CLIENTHELLO_TLS10);
        assert_false(h.resumes);
        /* No extensions at all, as TLS 1.0 had it. */
        make_message();
        message.n -= 2;
        message.b[3] = (uint8_t) (message.n - 4);
        message.b[5] = 1;
        make_wire(16384);
        assert_int_equal(read_all(&h), CLIENTHELLO_OK);
        assert_int_equal(h.versions, CLIENTHELLO_TLS10);
}

static void test_bad_names(void **state) {
        static const char *const names[] = { "",           ".",           "a..b",
                                             "-a.example", "a b.example", "a\xc3\xa4.example",
                                             "a/b",        "[::1]",       "a:443" };
        char long_name[300];
        ClientHello h;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                put_name(names[i]);
                assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        }
        put_name_n("ha.example\0.evil", 16);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        memset(long_name, 'a', sizeof(long_name));
        for (size_t i = 50; i < sizeof(long_name); i += 50)
                long_name[i] = '.';
        put_name_n(long_name, 253);
        assert_int_equal(read_made(&h), CLIENTHELLO_OK);
        put_name_n(long_name, 255);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        /* Two names in the list, two lists, another type of name, a list longer than its contents. */
        put_extension(0, "\0\x08\0\0\x01" "a\0\0\x01" "b", 10);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_name("a.example");
        put_name("b.example");
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(0, "\0\x04\x01\0\x01" "a", 6);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(0, "\0\x05\0\0\x01" "a", 6);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(0, "\0\x04\0\0\x01" "ab", 7);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(0, "", 0);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
}

static void test_not_tls(void **state) {
        static const struct {
                const char *bytes;
                size_t n;
                ClientHelloResult result;
        } rows[] = {
                { "", 0, CLIENTHELLO_MORE },
                { "\x16", 1, CLIENTHELLO_MORE },
                { "G", 1, CLIENTHELLO_NOT_TLS },
                { "GET / HTTP/1.1\r\n\r\n", 18, CLIENTHELLO_NOT_TLS },
                { "SSH-2.0-x\r\n", 11, CLIENTHELLO_NOT_TLS },
                { "\0", 1, CLIENTHELLO_NOT_TLS },
                { "\x80\x2e\x01\x03\x01", 5, CLIENTHELLO_NOT_TLS }, /* SSLv2 */
                { "\x15\x03\x01\0\x02\x02\x28", 7, CLIENTHELLO_NOT_TLS }, /* an alert */
                { "\x16\x02", 2, CLIENTHELLO_NOT_TLS },
                { "\x16\x03\x09", 3, CLIENTHELLO_NOT_TLS },
                { "\x16\x03\x01\0\0", 5, CLIENTHELLO_MALFORMED },
                { "\x16\x03\x01\x40\x01", 5, CLIENTHELLO_MALFORMED },
                { "\x16\x03\x01\x40\0\x02", 6, CLIENTHELLO_MALFORMED }, /* a ServerHello */
                { "\x16\x03\x01\x40\0\x01", 6, CLIENTHELLO_MORE },
                { "\x16\x03\x01\0\x04\x01\xff\xff\xff", 9, CLIENTHELLO_TOO_LONG },
                { "\x16\x03\x01\0\x04\x01\0\xff\xff\x15", 10, CLIENTHELLO_MALFORMED },
                { "\x16\x03\x01\0\x04\x01\0\0\0", 9, CLIENTHELLO_MALFORMED },
        };
        ClientHello h;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                h = (ClientHello) {};
                if (clienthello_read(&h, (const uint8_t *) rows[i].bytes, rows[i].n) != rows[i].result)
                        fail_msg("row %zu", i);
        }
}

/* Each length in the message, one too large and one too small; each truncation. */
static void test_lengths(void **state) {
        ClientHello h;
        size_t whole;

        make_usual();
        whole = message.n;
        for (size_t n = 4; n < whole; n++) {
                make_usual();
                message.n = n;
                message.b[2] = (uint8_t) ((n - 4) >> 8);
                message.b[3] = (uint8_t) (n - 4);
                make_wire(16384);
                if (n != 4 + 2 + 32 + 33 + 6 + 2) /* there, only the extensions are missing */
                        assert_int_equal(read_all(&h), CLIENTHELLO_MALFORMED);
        }
        for (int delta = -1; delta <= 1; delta += 2) {
                static const size_t at[] = { 38 /* session id */, 72 /* ciphers */, 77 /* compression */,
                                             80 /* extensions */ };

                for (size_t i = 0; i < ELEMENTSOF(at); i++) {
                        make_usual();
                        message.b[at[i]] = (uint8_t) (message.b[at[i]] + delta);
                        make_wire(16384);
                        assert_int_equal(read_all(&h), CLIENTHELLO_MALFORMED);
                }
        }
        put_extension(16, "\0\x04\x02h2", 5);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(16, "\0\x03\x03h2", 5);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(16, "\0\x01\0", 3);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(16, "\0\0", 2);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(43, "\x03\x03\x04\x03", 4);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
        put_extension(16, "\0\x03\x02h2", 5);
        put_extension(16, "\0\x03\x02h2", 5);
        assert_int_equal(read_made(&h), CLIENTHELLO_MALFORMED);
}

static void test_large(void **state) {
        static uint8_t padding[60 * 1024];
        ClientHello h;

        put_extension(21, padding, sizeof(padding));
        put_name("a.example");
        make_message();
        extensions.n = 0;
        make_wire(16384);
        assert_int_equal(read_all(&h), CLIENTHELLO_OK);
        assert_string_equal(h.name, "a.example");
        /* The same in tiny records is more than anybody needs; it is read once, byte for byte, and refused
         * at the limit. */
        make_wire(1);
        h = (ClientHello) {};
        for (size_t n = 0; n < CLIENTHELLO_SIZE_MAX; n++)
                assert_int_equal(clienthello_read(&h, wire.b, n), CLIENTHELLO_MORE);
        assert_int_equal(clienthello_read(&h, wire.b, CLIENTHELLO_SIZE_MAX), CLIENTHELLO_TOO_LONG);
}

static void test_alpn(void **state) {
        ClientHello h;

        put_extension(16, "\0\x26\x0chagw-relay/1\x0a" "acme-tls/1\x0dhagw-relay/12", 40);
        assert_int_equal(read_made(&h), CLIENTHELLO_OK);
        assert_int_equal(h.alpn, CLIENTHELLO_ALPN_OFFERED | CLIENTHELLO_ALPN_RELAY | CLIENTHELLO_ALPN_ACME);
        for (unsigned r = 0; r < _CLIENTHELLO_RESULT_MAX; r++)
                assert_non_null(clienthello_result_text((ClientHelloResult) r));
}

TEST_MAIN(cmocka_unit_test(test_usual), cmocka_unit_test(test_cut), cmocka_unit_test(test_no_name),
          cmocka_unit_test(test_bad_names), cmocka_unit_test(test_not_tls), cmocka_unit_test(test_lengths),
          cmocka_unit_test(test_large), cmocka_unit_test(test_alpn))

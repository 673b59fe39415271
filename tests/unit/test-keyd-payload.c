/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-keyd/payload.h"
#include "tests/unit/test.h"

static void test_takes(void **state) {
        static const struct {
                const char *text, *signed_text; /* NULL: as it came */
                size_t csr_size;
        } rows[] = {
                { "", NULL, 0 },
                { "{}", NULL, 0 },
                { " { } ", "{}", 0 },
                { "{\"contact\":[\"mailto:a@example.com\"]}", NULL, 0 },
                { "{\"termsOfServiceAgreed\":true,\"contact\":[],\"externalAccountBinding\":{}}", NULL, 0 },
                { "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a\"}],\"replaces\":\"x.y\"}", NULL, 0 },
                { "{\"identifiers\":[],\"profile\":\"tlsserver\",\"replaces\":\"x.y\"}", NULL, 0 },
                { "{\"csr\":\"AAAA\"}", NULL, 3 },
                { "{\"status\":\"deactivated\"}", NULL, 0 },
                /* What is signed is what was understood. */
                { "{ \"\\u0063sr\" :\t\"\\u0041AAA\"}", "{\"csr\":\"AAAA\"}", 3 },
                { "{\"identifiers\":[{\"csr\":\"AAAA\"}]}", NULL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_payload_ Payload p = {};
                const char *reason;

                assert_int_equal(payload_parse(rows[i].text, &p, &reason), 0);
                assert_string_equal(p.text, rows[i].signed_text ?: rows[i].text);
                assert_int_equal(p.csr_size, rows[i].csr_size);
                assert_int_equal(!!p.csr, rows[i].csr_size > 0);
        }
}

/* An authority may read names without regard to case, as encoding/json of Go does, take the last of two, or
 * stop at a NUL: no such payload is signed. */
static void test_refuses(void **state) {
        static const char *const rows[] = {
                "x",
                "[]",
                "null",
                "\"csr\"",
                "1",
                "{",
                "{}{}",
                "{} x",
                "[{\"csr\":\"AAAA\"}]",
                "{\"CSR\":\"AAAA\"}",
                "{\"Csr\":\"AAAA\"}",
                "{\"c\xc5\xbfr\":\"AAAA\"}", /* U+017F, which folds to s */
                "{\"\\u0063\\u017fr\":\"AAAA\"}",
                "{\"csr \":\"AAAA\"}",
                "{\"csr\\u0000\":\"AAAA\"}",
                "{\"\":\"AAAA\"}",
                "{\"csr\":\"AAAA\",\"csr\":\"BBBB\"}",
                "{\"csr\":\"AAAA\",\"\\u0063sr\":\"BBBB\"}",
                "{\"contact\":[],\"csr\":\"AAAA\"}",
                "{\"contact\":[],\"contact\":[]}",
                "{\"identifiers\":[],\"csr\":\"AAAA\"}",
                "{\"csr\":null}",
                "{\"csr\":[\"AAAA\"]}",
                "{\"csr\":{\"csr\":\"AAAA\"}}",
                "{\"csr\":\"\"}",
                "{\"csr\":\"A\"}",
                "{\"csr\":\"AA==\"}",
                "{\"csr\":\"AA+/\"}",
                "{\"csr\":\"AA\\nAA\"}",
                /* What else an account could say, and hagw-acmed does not, or by methods of its own. */
                "{\"certificate\":\"AAAA\",\"reason\":1}",
                "{\"account\":\"u\",\"oldKey\":{}}",
                "{\"protected\":\"AAAA\",\"payload\":\"AAAA\",\"signature\":\"AAAA\"}",
                "{\"status\":\"valid\"}",
                "{\"status\":\"Deactivated\"}",
                "{\"status\":\"deactivated\\u0000\"}",
                "{\"status\":true}",
                "{\"Status\":\"deactivated\"}",
                "{\"status\":\"deactivated\",\"contact\":[]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Payload p;
                const char *reason = NULL;

                if (payload_parse(rows[i], &p, &reason) != -EINVAL)
                        fail_msg("%s was taken", rows[i]);
                assert_non_null(reason);
        }
}

static void test_limit(void **state) {
        _cleanup_free_ char *text = malloc(PAYLOAD_MAX + 2);
        _cleanup_payload_ Payload p = {};
        const char *reason;

        memset(text, ' ', PAYLOAD_MAX + 1);
        memcpy(text, "{}", 2);
        text[PAYLOAD_MAX + 1] = '\0';
        assert_int_equal(payload_parse(text, &p, &reason), -EINVAL);
        text[PAYLOAD_MAX] = '\0';
        assert_int_equal(payload_parse(text, &p, &reason), 0);
}

TEST_MAIN(cmocka_unit_test(test_takes), cmocka_unit_test(test_refuses), cmocka_unit_test(test_limit))

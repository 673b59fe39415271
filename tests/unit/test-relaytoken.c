/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/relaytoken.h"
#include "tests/unit/test.h"

/* The bytes 0 to 31, by RFC 4648's own arithmetic. */
#define SECRET "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
#define TENANT_63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static void test_base32(void **state) {
        /* RFC 4648 section 10. */
        static const struct {
                const char *plain, *encoded;
        } vectors[] = {
                { "", "" },         { "f", "my" },         { "fo", "mzxq" },         { "foo", "mzxw6" },
                { "foob", "mzxw6yq" }, { "fooba", "mzxw6ytb" }, { "foobar", "mzxw6ytboi" },
        };
        static const char *const bad[] = { "m",  "mz", "MY", "my======", "m1", "m\xff", "my a" };
        char text[32], plain[32];

        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                size_t n = strlen(vectors[i].plain);

                base32_encode(vectors[i].plain, n, text);
                assert_string_equal(text, vectors[i].encoded);
                assert_int_equal(strlen(text), BASE32_LENGTH(n));
                assert_int_equal(base32_decode(text, strlen(text), plain, n), 0);
                assert_memory_equal(plain, vectors[i].plain, n);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(base32_decode(bad[i], strlen(bad[i]), plain, 1), -EINVAL);
}

static void test_round_trip(void **state) {
        static const char *const good[] = {
                "hagw_anna_aaaaaaab_" SECRET,
                "hagw_7_77777777_" SECRET,
                "hagw_" TENANT_63 "_aaaqeaye_" SECRET,
        };
        char text[RELAY_TOKEN_TEXT_SIZE];
        RelayToken t;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(relay_token_parse(good[i], strlen(good[i]), &t), 0);
                assert_true(relay_tenant_is_valid(t.tenant) && relay_token_id_is_valid(t.id));
                for (size_t k = 0; k < sizeof(t.secret); k++)
                        assert_int_equal(t.secret[k], k);
                relay_token_format(&t, text);
                assert_string_equal(text, good[i]);
        }
        assert_string_equal(t.tenant, TENANT_63);
        assert_string_equal(t.id, "aaaqeaye");
        assert_int_equal(strlen(text) + 1, RELAY_TOKEN_TEXT_SIZE);
}

static void test_refuses(void **state) {
        static const char *const bad[] = {
                "",
                "hagw_",
                "hagw__aaaaaaab_" SECRET,
                "hagw_anna_aaaaaaab_" SECRET "a",
                "hagw_anna_aaaaaaab_" SECRET "\n",
                "hagw_anna_aaaaaaab_aaaq",
                "hagw_anna_aaaaaaa1_" SECRET,
                "hagw_anna_aaaaaab_a" SECRET,
                "hagw-anna_aaaaaaab_" SECRET,
                "hagw_anna-aaaaaaab_" SECRET,
                "HAGW_anna_aaaaaaab_" SECRET,
                "hagw_Anna_aaaaaaab_" SECRET,
                "hagw_an.na_aaaaaaab_" SECRET,
                "hagw_an_na_aaaaaaab_" SECRET,
                "hagw_-anna_aaaaaaab_" SECRET,
                "hagw_anna-_aaaaaaab_" SECRET,
                "hagw_" TENANT_63 "4_aaaaaaab_" SECRET,
                /* A stray bit behind the 256th. */
                "hagw_anna_aaaaaaab_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypr",
        };
        RelayToken t = { .tenant = "untouched" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(relay_token_parse(bad[i], strlen(bad[i]), &t), -EINVAL);
        assert_string_equal(t.tenant, "untouched");
        assert_false(relay_tenant_is_valid(""));
        assert_false(relay_token_id_is_valid("aaaaaaa"));
        assert_false(relay_token_id_is_valid("aaaaaaaaa"));
}

static void test_proof(void **state) {
        static const char expected[] = "hagw-relay-1 proof\0anna\0aaaaaaab\0"
                                       "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
                                       "\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f";
        uint8_t binding[RELAY_BINDING_SIZE], message[RELAY_PROOF_MESSAGE_MAX];
        uint8_t secret[RELAY_SECRET_SIZE], mac[RELAY_SECRET_SIZE], proof[RELAY_SECRET_SIZE];

        for (size_t i = 0; i < sizeof(binding); i++)
                binding[i] = (uint8_t) (0x80 + i);
        assert_int_equal(relay_proof_message("anna", "aaaaaaab", binding, message), sizeof(expected) - 1);
        assert_memory_equal(message, expected, sizeof(expected) - 1);
        assert_int_equal(relay_proof_message(TENANT_63, "aaaaaaab", binding, message), sizeof(message));

        for (size_t i = 0; i < sizeof(secret); i++) {
                secret[i] = (uint8_t) i;
                mac[i] = 0x5a;
        }
        relay_proof_xor(secret, mac, proof);
        assert_int_equal(proof[0], 0x5a);
        assert_int_equal(proof[31], 0x45);
        relay_proof_xor(proof, mac, proof);
        assert_memory_equal(proof, secret, sizeof(secret));
}

TEST_MAIN(cmocka_unit_test(test_base32), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refuses),
          cmocka_unit_test(test_proof))

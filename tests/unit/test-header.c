/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>

#include "hagw-proxyd/wire/families.h"
#include "hagw-proxyd/wire/header.h"
#include "tests/unit/test.h"

static HeaderId id(const char *name) {
        return header_id(name, strlen(name));
}

static HeaderId folded(const char *name) {
        Header h = { .name = name, .name_size = (uint16_t) strlen(name) };

        header_classify(&h);
        return (HeaderId) h.folded;
}

static void test_every_name(void **state) {
        static const char *const names[] = {
#define X(id, name) name,
                HEADER_NAMES(X)
#undef X
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char text[64];
                size_t n = strlen(names[i]);

                assert_true(n < 64); /* header_classify() folds that many */
                assert_int_equal(id(names[i]), i + 1);
                assert_string_equal(header_name((HeaderId) (i + 1)), names[i]);
                for (size_t k = 0; k <= n; k++)
                        text[k] = (char) toupper(names[i][k]);
                assert_int_equal(id(text), i + 1);
                /* Nearly the same name is another one: at each place, but for the case of letters. */
                for (size_t k = 0; k < n; k++)
                        for (unsigned bit = 1; bit < 256; bit <<= 1) {
                                memcpy(text, names[i], n + 1);
                                text[k] = (char) (text[k] ^ (char) bit);
                                if (bit == 0x20 && isalpha(names[i][k]))
                                        assert_int_equal(header_id(text, n), i + 1);
                                else
                                        assert_int_not_equal(header_id(text, n), i + 1);
                        }
                memcpy(text, names[i], n + 1);
                assert_int_not_equal(header_id(names[i], n - 1), i + 1);
                text[n] = 'x';
                assert_int_not_equal(header_id(text, n + 1), i + 1);
                text[0] ^= 1;
                assert_int_not_equal(header_id(text, n), i + 1);
        }
}

static void test_families(void **state) {
        assert_int_equal(id("X-Forwarded-For"), HEADER_X_FORWARDED_ANY);
        assert_int_equal(id("x-forwarded"), HEADER_X_FORWARDED_ANY);
        assert_int_equal(id("X-FORWARDED-"), HEADER_X_FORWARDED_ANY);
        assert_int_equal(id("X-Forwardedfor"), HEADER_OTHER);
        assert_int_equal(id("X-Remote-User-Display-Name"), HEADER_IDENTITY_ANY);
        assert_int_equal(id("X-Remote-User"), HEADER_IDENTITY_ANY);
        assert_int_equal(id("Proxy-Connection"), HEADER_PROXY_ANY);
        assert_int_equal(id("Proxy"), HEADER_PROXY_ANY);
        assert_int_equal(id("X-Hagw-User"), HEADER_X_HAGW_ANY);
        assert_int_equal(id("X"), HEADER_OTHER);
        assert_int_equal(id("-"), HEADER_OTHER);
        assert_int_equal(id(""), HEADER_OTHER);
}

/* Each row, in its spellings; and its neighbours are other names. */
static void test_every_family(void **state) {
        static const struct {
                const char *text;
                HeaderId id;
                bool any;
        } rows[] = {
#define ANY true
#define SELF false
#define F(text, id, match) { text, HEADER_##id, match },
                HEADER_FAMILIES(F)
#undef F
#undef SELF
#undef ANY
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char name[64], upper[64], folds[64];
                size_t n = strlen(rows[i].text);

                assert_true(n >= 3 && n < sizeof(name) - 2);
                for (size_t k = 0; k <= n; k++) {
                        assert_true(k == n || rows[i].text[k] == '-' || islower(rows[i].text[k]) ||
                                    isdigit(rows[i].text[k]));
                        name[k] = rows[i].text[k];
                        upper[k] = (char) toupper(rows[i].text[k]);
                        folds[k] = rows[i].text[k] == '-' ? '_' : upper[k];
                }
                assert_int_equal(id(name), rows[i].id);
                assert_int_equal(id(upper), rows[i].id);
                assert_int_equal(folded(folds), rows[i].id);
                strcat(name, "zz");
                strcat(folds, "_z");
                if (rows[i].any) {
                        assert_int_equal(id(name), rows[i].id);
                        assert_int_equal(folded(folds), rows[i].id);
                } else
                        assert_int_equal(id(name), HEADER_OTHER);
                assert_int_not_equal(header_id(name, n - 2), rows[i].id);
        }
}

static void test_folded(void **state) {
        Header h = { .name = "X_Forwarded-For", .name_size = 15 };

        header_classify(&h);
        assert_int_equal(h.id, HEADER_OTHER);
        assert_int_equal(h.folded, HEADER_X_FORWARDED_ANY);
        assert_int_equal(folded("X-Forwarded_For"), HEADER_X_FORWARDED_ANY);
        assert_int_equal(folded("X_REAL_IP"), HEADER_X_REAL_IP);
        assert_int_equal(folded("x.real.ip"), HEADER_X_REAL_IP);
        assert_int_equal(folded("Content_Length"), HEADER_CONTENT_LENGTH);
        assert_int_equal(folded("x_remote_user_id"), HEADER_IDENTITY_ANY);
        assert_int_equal(folded("my_own_field"), HEADER_OTHER);
        assert_int_equal(folded("Host"), HEADER_HOST);
}

static void test_list(void **state) {
        Header items[3];
        HeaderList l = { .items = items, .max = 3 };

        assert_int_equal(header_list_add(&l, "Connection", SLICE("a, Upgrade")), 0);
        assert_int_equal(header_list_add(&l, "X", SLICE("1")), 0);
        assert_int_equal(header_list_add(&l, "connection", SLICE("close ,,")), 0);
        assert_int_equal(header_list_add(&l, "Y", SLICE("1")), -ENOBUFS);
        assert_ptr_equal(header_list_find(&l, HEADER_CONNECTION), &items[0]);
        assert_null(header_list_find(&l, HEADER_HOST));
        assert_true(header_list_has_token(&l, HEADER_CONNECTION, "upgrade"));
        assert_true(header_list_has_token(&l, HEADER_CONNECTION, "close"));
        assert_false(header_list_has_token(&l, HEADER_CONNECTION, "clos"));
        assert_false(header_list_has_token(&l, HEADER_UPGRADE, "close"));
}

TEST_MAIN(cmocka_unit_test(test_every_name), cmocka_unit_test(test_families),
          cmocka_unit_test(test_every_family), cmocka_unit_test(test_folded), cmocka_unit_test(test_list))

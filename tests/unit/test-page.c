/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-webd/templates.h"
#include "libhagw/pure/page.h"
#include "tests/unit/test.h"

#define EVIL "<script>\"'&"
#define EVIL_ESCAPED "&lt;script&gt;&quot;&#39;&amp;"

static const PageValue values[] = {
        { "evil", EVIL }, { "host", EVIL }, { "empty", "" }, { "none", NULL }, {}
};

static void expect(const char *template, const char *expected) {
        _cleanup_free_ char *s = NULL;

        assert_int_equal(page_expand(template, languages, values, &s), 0);
        assert_string_equal(s, expected);
}

static void test_values(void **state) {
        expect("", "");
        expect("<b>{{evil}}</b>", "<b>" EVIL_ESCAPED "</b>");
        expect("{{{evil}}}", EVIL);
        expect("[{{none}}{{empty}}]", "[]");
        expect("{{@login_intro}}", "Sign in to open " EVIL_ESCAPED ".");
}

static void test_sections(void **state) {
        expect("a{{?evil}}b{{evil}}{{/evil}}c", "ab" EVIL_ESCAPED "c");
        expect("a{{?none}}b{{/none}}c{{?empty}}d{{/empty}}", "ac");
        expect("a{{^none}}b{{/none}}c{{^evil}}d{{/evil}}", "abc");
        expect("{{?evil}}{{^none}}x{{/none}}{{/evil}}", "x");
}

static void test_mistakes(void **state) {
        static const struct {
                const char *template;
                int error;
        } rows[] = {
                { "{{unknown}}", -ENOKEY },
                { "{{@unknown}}", -ENOKEY },
                { "{{?unknown}}{{/unknown}}", -ENOKEY },
                { "{{evil", -EBADMSG },
                { "{{?evil}}never", -EBADMSG },
                { "{{{evil}}", -EBADMSG },
                { "{{", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *s = NULL;
                assert_int_equal(page_expand(rows[i].template, languages, values, &s), rows[i].error);
                assert_null(s);
        }
}

static void test_limit(void **state) {
        char *big = malloc(PAGE_MAX + 2), *s = NULL;

        memset(big, 'x', PAGE_MAX + 1);
        big[PAGE_MAX + 1] = '\0';
        const PageValue v[] = { { "big", big }, {} };
        assert_int_equal(page_expand("{{big}}", languages, v, &s), -EFBIG);
        free(big);
}

/* Every template, in every language: each key it names exists, and nothing that a visitor types comes out as
 * HTML. */
static void test_templates(void **state) {
        static const char *const templates[] = {
                page_heading, page_layout, page_login,  page_logout,
                page_message, page_row,    page_status, page_trouble,
        };
        const PageValue all[] = {
                { "host", EVIL },  { "user", EVIL },     { "token", EVIL },   { "return", EVIL },
                { "error", "e" },  { "language", EVIL }, { "title", "t" },    { "style", "s" },
                { "body", "b" },   { "wide", "w" },      { "text", "x" },     { "button", "b" },
                { "href", EVIL },  { "link", "l" },      { "version", EVIL }, { "notes", EVIL },
                { "rows", "r" },   { "name", EVIL },     { "class", EVIL },   { "mark", EVIL },
                { "state", EVIL }, { "detail", EVIL },   { "seconds", EVIL },
                { "span", EVIL },  { "n", EVIL },        { "refresh", EVIL }, { "script", "s" },
                { "inside", "i" }, { "retry", EVIL },    { "hint", EVIL },
                { "service", EVIL }, { "login", EVIL },  { "form", "f" },     { "code", EVIL },
                { "reason", EVIL },  { "wall", EVIL },   {},
        };

        for (const Language *l = languages; l->code; l++) {
                for (size_t i = 0; i < ELEMENTSOF(templates); i++) {
                        _cleanup_free_ char *s = NULL;
                        assert_int_equal(page_expand(templates[i], l, all, &s), 0);
                        assert_null(strstr(s, EVIL));
                }
                for (Text t = 0; t < _TEXT_MAX; t++) {
                        _cleanup_free_ char *s = NULL;
                        assert_int_equal(page_text(t, l, all, &s), 0);
                        assert_null(strpbrk(s, "<>\""));
                }
        }
        assert_null(strstr(page_style, "</"));
        assert_null(strstr(page_script, "</"));
        assert_null(strstr(page_again, "</"));
        /* Nothing is fetched from anywhere. */
        assert_null(strstr(page_style, "url("));
        assert_null(strstr(page_style, "@import"));
}

/* Into room of the caller's: all of it or nothing, at each size. */
static void test_into(void **state) {
        const char *template = "<b>{{evil}}</b>", *expected = "<b>" EVIL_ESCAPED "</b>";
        const int n = (int) strlen(expected);
        char out[64];

        for (size_t size = 1; size < sizeof(out); size++) {
                memset(out, 'x', sizeof(out));
                if (size <= (size_t) n) {
                        assert_int_equal(page_expand_into(template, languages, values, out, size),
                                         -ENOBUFS);
                        assert_int_equal(out[size], 'x');
                } else {
                        assert_int_equal(page_expand_into(template, languages, values, out, size), n);
                        assert_string_equal(out, expected);
                }
        }
        assert_int_equal(page_expand_into("{{unknown}}", languages, values, out, sizeof(out)), -ENOKEY);
        assert_true(page_text_into(TEXT_LOGIN_INTRO, languages, values, out, sizeof(out)) > 0);
        assert_string_equal(out, "Sign in to open " EVIL_ESCAPED ".");
}

TEST_MAIN(cmocka_unit_test(test_values), cmocka_unit_test(test_sections), cmocka_unit_test(test_mistakes),
          cmocka_unit_test(test_limit), cmocka_unit_test(test_templates), cmocka_unit_test(test_into))

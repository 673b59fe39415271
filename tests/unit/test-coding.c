/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/coding.h"
#include "tests/unit/test.h"

static CodingWish wish(const char *first, const char *second) {
        Header items[4];
        HeaderList l = { .items = items, .max = ELEMENTSOF(items) };

        assert_return_code(header_list_add(&l, "Accept", SLICE("br")), 0);
        if (first)
                assert_return_code(header_list_add(&l, "Accept-Encoding", slice_from(first)), 0);
        if (second)
                assert_return_code(header_list_add(&l, "accept-encoding", slice_from(second)), 0);
        return coding_wish(&l);
}

static void test_wish(void **state) {
        static const struct {
                const char *first, *second;
                const char *best;
                bool no_identity;
        } rows[] = {
                { NULL, NULL, "" },
                { "", NULL, "" },
                /* Browsers, curl, Python. */
                { "gzip, deflate, br, zstd", NULL, "br" },
                { "gzip, deflate, br", NULL, "br" },
                { "gzip, deflate", NULL, "gzip" },
                { "identity", NULL, "" },
                { "deflate", NULL, "" },
                { "x-gzip", NULL, "gzip" },
                { "GZip", NULL, "gzip" },
                { "BR", NULL, "br" },
                { "brotli", NULL, "" },
                { "gzip", "br", "br" },
                /* Weights. */
                { "br;q=0.5, gzip", NULL, "gzip" },
                { "br;q=0.5, gzip;q=0.5", NULL, "br" },
                { "br;q=0.499, gzip;q=0.5", NULL, "gzip" },
                { "br;q=0.001", NULL, "br" },
                { "br;q=0", NULL, "" },
                { "br;q=0.000, gzip", NULL, "gzip" },
                { "br ; q=1.000 , gzip;Q=0.9", NULL, "br" },
                { "gzip;q=1., br;q=0.", NULL, "gzip" },
                { "identity;q=1, br;q=0.5", NULL, "" },
                { "identity;q=0.5, br;q=0.5", NULL, "br" },
                { "gzip;q=0, gzip", NULL, "gzip" },
                /* Anything. */
                { "*", NULL, "br" },
                { "*;q=0", NULL, "" },
                { "br;q=0, *", NULL, "gzip" },
                { "*;q=0.2, gzip;q=0.3", NULL, "gzip" },
                { "*;q=0, gzip", NULL, "gzip", true },
                { "*;q=0, gzip, identity", NULL, "gzip" },
                { "identity;q=0, gzip", NULL, "gzip", true },
                { "identity;q=0, br;q=0.1", NULL, "br", true },
                { "identity;q=0", NULL, "" },
                { "identity;q=0, *;q=0", NULL, "" },
                /* What is no weight is no wish. */
                { "br;q=2, gzip", NULL, "gzip" },
                { "br;q=1.1, gzip", NULL, "gzip" },
                { "br;q=0.1234, gzip", NULL, "gzip" },
                { "br;q=-1, gzip", NULL, "gzip" },
                { "br;q=, gzip", NULL, "gzip" },
                { "br;q, gzip", NULL, "gzip" },
                { "br;q=1e0, gzip", NULL, "gzip" },
                { "br;q=0,5", NULL, "" },
                { "br;q=1;q=x", NULL, "" },
                { "br;level=5", NULL, "" },
                { ";q=1", NULL, "" },
                { ",,, ;;, br ,", NULL, "br" },
                { "br gzip", NULL, "" },
                { "xbr, gzipx", NULL, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CodingWish w = wish(rows[i].first, rows[i].second);

                if (!slice_equal(coding_name(w.best), slice_from(rows[i].best)) ||
                    w.no_identity != rows[i].no_identity)
                        fail_msg("%s: %.*s, %i", strempty(rows[i].first), (int) coding_name(w.best).n,
                                 strempty(coding_name(w.best).p), w.no_identity);
        }
}

TEST_MAIN(cmocka_unit_test(test_wish))

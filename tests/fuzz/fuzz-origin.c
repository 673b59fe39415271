/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Origins: who is this host's own says so in every byte; a field that comes twice helps nobody. */

#include "libhagw/pure/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Slice rest = { (const char *) data, size }, value, origin, site;
        OriginClaim c = {};
        Origin o;

        for (unsigned i = 0; i < _ORIGIN_FIELD_MAX && slice_next(&rest, '\n', &value); i++)
                if (value.n > 0)
                        origin_claim_add(&c, (OriginField) i, value);
        origin = c.values[ORIGIN_FIELD_ORIGIN];
        site = c.values[ORIGIN_FIELD_SITE];
        o = origin_judge(&c, SLICE("a.b:8443"), size % 2);
        assert(o < _ORIGIN_MAX && (o <= ORIGIN_OWN || o == ORIGIN_FOREIGN || size % 2));
        assert((o == ORIGIN_PROGRAM) == (origin.n == 0 && site.n == 0));
        if (o == ORIGIN_OWN && origin.n > 0 && !slice_equal(origin, SLICE("null")) &&
            !memmem(origin.p, origin.n, "-", 1))
                assert(origin.n >= 14 && strncasecmp(origin.p + origin.n - 8, "a.b:8443", 8) == 0);
        if (origin_is_listed(&c, (char *[]) { (char *) "d.e", NULL }))
                assert(strncasecmp(c.values[ORIGIN_FIELD_REFERER].p, "https://d.e", 11) == 0);
        origin_claim_add(&c, ORIGIN_FIELD_ORIGIN, origin);
        origin_claim_add(&c, ORIGIN_FIELD_ORIGIN, origin);
        assert(origin_judge(&c, SLICE("a.b:8443"), size % 2) == ORIGIN_FOREIGN);
        return 0;
}

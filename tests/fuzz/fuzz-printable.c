/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is made printable has nothing left to escape. */

#include "libhagw/pure/printable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size), *once = printable(s, false),
                            *twice = printable(once, false);

        assert(streq(once, twice) && strlen(once) >= strlen(s));
        for (const char *p = once; *p; p++)
                assert((uint8_t) *p >= ' ' && *p != 0x7f);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Return targets: what is accepted never leaves the host and never breaks a header. */

#include "hagw-webd/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size), *encoded = target_encode(s);

        assert(strlen(encoded) <= 3 * strlen(s));
        if (target_is_valid(s)) {
                assert(s[0] == '/' && s[1] != '/' && s[1] != '\\' && strlen(s) <= TARGET_MAX);
                assert(!strpbrk(s, "\\\r\n\t "));
        }
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Accept-Language. */

#include "libhagw/pure/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size);

        assert(language_choose("auto", s)->code);
        return 0;
}

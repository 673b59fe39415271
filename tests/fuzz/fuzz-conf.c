/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Configuration text; the first byte chooses main file or host file. */

#include "libhagw/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_freep) Config *c = config_new();
        _cleanup_free_ char *text = NULL, *error = NULL;

        if (size < 1)
                return 0;
        text = strndup((const char *) data + 1, size - 1);
        if (config_parse_text(text, "fuzz", data[0] & 1, c, &error) < 0)
                assert(error);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-keyd takes for an account's statement: what it signs is read again as the same, and has a csr
 * exactly where one was found. */

#include "hagw-keyd/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        _cleanup_payload_ Payload p = {}, again = {};
        const char *reason;

        if (payload_parse(text, &p, &reason) < 0)
                return 0;
        assert(payload_parse(p.text, &again, &reason) == 0);
        assert(streq(p.text, again.text));
        assert(p.csr_size == again.csr_size && (!p.csr || memcmp(p.csr, again.csr, p.csr_size) == 0));
        assert(!!p.csr == (strncmp(p.text, "{\"csr\":", 7) == 0));
        return 0;
}

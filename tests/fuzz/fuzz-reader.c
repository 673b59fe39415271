/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes that are no head, or half of one: there is a language whatever they hold, and nothing is read beyond
 * them. */

#include "hagw-proxyd/wire/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *head = malloc(size ?: 1);
        Reader r;

        memcpy(head, data, size);
        reader_of_bytes((Slice) { head, size }, NULL, &r);
        assert(r.language && r.language->code && !r.form);
        assert(!r.again || (size >= 4 && memcmp(head, "GET ", 4) == 0));
        return 0;
}

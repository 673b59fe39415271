/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages between hagw-proxyd and hagw-relayd: what is read is what would have been written. */

#include "libhagw/pure/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ uint8_t *copy = malloc(size ?: 1);
        uint8_t out[HANDOVER_HEAD_SIZE];
        HandoverCount c;
        Handover h;

        memcpy(copy, data, size);
        if (handover_read(copy, size, &h) >= 0) {
                assert(h.kind == handover_kind(copy, size) && h.read.n == size - HANDOVER_HEAD_SIZE);
                handover_write(&h, out);
                assert(memcmp(out, copy, sizeof(out)) == 0);
        }
        if (handover_count_read(copy, size, &c) >= 0) {
                handover_count_write(&c, out);
                assert(memcmp(out, copy, HANDOVER_COUNT_SIZE) == 0);
        }
        return 0;
}

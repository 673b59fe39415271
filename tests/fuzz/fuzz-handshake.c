/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-keyd would sign as a TLS handshake: its length is one of the few there are, whatever the bytes.
 */

#include "hagw-keyd/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        switch (policy_classify(data, size)) {
        case HANDSHAKE_TLS13:
                assert(size == 98 + 32 || size == 98 + 48);
                break;
        case HANDSHAKE_TLS12:
                assert(size >= 100 && size <= 201 && data[64] == 3);
                break;
        case HANDSHAKE_NONE:
                break;
        }
        return 0;
}

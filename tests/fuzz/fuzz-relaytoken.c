/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text of a relay's token: there is one text for each token, and what is read is valid. */

#include "libhagw/pure/relaytoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t message[RELAY_PROOF_MESSAGE_MAX];
        char text[RELAY_TOKEN_TEXT_SIZE];
        RelayToken t;

        if (relay_token_parse((const char *) data, size, &t) < 0)
                return 0;
        assert(relay_tenant_is_valid(t.tenant) && relay_token_id_is_valid(t.id));
        relay_token_format(&t, text);
        assert(strlen(text) == size && memcmp(text, data, size) == 0);
        assert(relay_proof_message(t.tenant, t.id, t.secret, message) <= sizeof(message));
        return 0;
}

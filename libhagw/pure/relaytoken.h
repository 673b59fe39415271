/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/base32.h"
#include "libhagw/pure/hostname.h"

/* The token that admits a house to its relay, and the proof that stands for it on the wire
 * (docs/relay-protocol.md). Pure: SHA-256 and HMAC are the caller's.
 *
 *     token     = hagw_TENANT_ID_SECRET
 *     StoredKey = SHA-256(secret)
 *     proof     = secret XOR HMAC-SHA-256(StoredKey, message)
 */

#define RELAY_SECRET_SIZE 32U    /* bytes; of StoredKey, the MAC and the proof as well */
#define RELAY_BINDING_SIZE 32U   /* bytes, from the TLS exporter */
#define RELAY_TOKEN_ID_BYTES 5U  /* random ones that make an id */
#define RELAY_TOKEN_ID_LENGTH 8U /* characters of base32 */

/* What stands between tenant and end: "_ID_SECRET". */
#define RELAY_TOKEN_TAIL_LENGTH (1 + RELAY_TOKEN_ID_LENGTH + 1 + BASE32_LENGTH(RELAY_SECRET_SIZE))
#define RELAY_TOKEN_TEXT_SIZE (sizeof("hagw_") + HOSTNAME_LABEL_MAX + RELAY_TOKEN_TAIL_LENGTH) /* with NUL */

#define RELAY_PROOF_LABEL "hagw-relay-1 proof"
#define RELAY_PROOF_MESSAGE_MAX                                              \
        (sizeof(RELAY_PROOF_LABEL) + HOSTNAME_LABEL_MAX + 1 +                \
         RELAY_TOKEN_ID_LENGTH + 1 + RELAY_BINDING_SIZE)

typedef struct RelayToken {
        char tenant[HOSTNAME_LABEL_MAX + 1];
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        uint8_t secret[RELAY_SECRET_SIZE]; /* wipe it: relay_token_wipe() */
} RelayToken;

static inline _unused_ void relay_token_wipe(RelayToken *t) {
        explicit_bzero(t, sizeof(*t));
}
#define _cleanup_relay_token_ _cleanup_(relay_token_wipe)

/* A label of lower-case letters, digits and inner hyphens. */
bool relay_tenant_is_valid(const char *tenant);
/* RELAY_TOKEN_ID_LENGTH characters of base32. */
bool relay_token_id_is_valid(const char *id);

/* Strict; white space around it is the caller's to drop. -EINVAL. */
int relay_token_parse(const char *s, size_t length, RelayToken *ret);
/* out has room for RELAY_TOKEN_TEXT_SIZE; the caller wipes it. */
void relay_token_format(const RelayToken *t, char *out);

/* What is MACed with StoredKey. tenant and id are valid ones; out has room for RELAY_PROOF_MESSAGE_MAX.
 * Returns the bytes. */
size_t relay_proof_message(const char *tenant, const char *id, const uint8_t *binding, uint8_t *out);

/* The secret and the MAC make the proof; the proof and the MAC make the secret. out may be one of them. */
void relay_proof_xor(const uint8_t *a, const uint8_t *mac, uint8_t *out);

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay's tokens and proofs. */

#include "libhagw/pure/relaytoken.h"

#define PREFIX "hagw_"
#define SECRET_LENGTH BASE32_LENGTH(RELAY_SECRET_SIZE)

static bool tenant_is_valid(const char *s, size_t n) {
        if (n == 0 || n > HOSTNAME_LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-')
                        return false;
        return true;
}

static bool id_is_valid(const char *s, size_t n) {
        uint8_t bytes[RELAY_TOKEN_ID_BYTES];

        return base32_decode(s, n, bytes, sizeof(bytes)) >= 0;
}

bool relay_tenant_is_valid(const char *tenant) {
        return tenant_is_valid(tenant, strlen(tenant));
}

bool relay_token_id_is_valid(const char *id) {
        return id_is_valid(id, strlen(id));
}

int relay_token_parse(const char *s, size_t length, RelayToken *ret) {
        _cleanup_relay_token_ RelayToken t = {};
        const size_t prefix = strlen(PREFIX);
        const char *id, *secret;
        size_t n;

        if (length <= prefix + RELAY_TOKEN_TAIL_LENGTH || memcmp(s, PREFIX, prefix) != 0)
                return -EINVAL;
        n = length - prefix - RELAY_TOKEN_TAIL_LENGTH;
        id = s + prefix + n + 1;
        secret = id + RELAY_TOKEN_ID_LENGTH + 1;
        if (id[-1] != '_' || secret[-1] != '_' || !tenant_is_valid(s + prefix, n) ||
            !id_is_valid(id, RELAY_TOKEN_ID_LENGTH))
                return -EINVAL;
        if (base32_decode(secret, SECRET_LENGTH, t.secret, sizeof(t.secret)) < 0)
                return -EINVAL;
        memcpy(t.tenant, s + prefix, n);
        memcpy(t.id, id, RELAY_TOKEN_ID_LENGTH);
        *ret = t;
        return 0;
}

void relay_token_format(const RelayToken *t, char *out) {
        char *p = stpcpy(stpcpy(out, PREFIX), t->tenant);

        *p++ = '_';
        p = stpcpy(p, t->id);
        *p++ = '_';
        base32_encode(t->secret, sizeof(t->secret), p);
}

size_t relay_proof_message(const char *tenant, const char *id, const uint8_t *binding, uint8_t *out) {
        const char *const parts[] = { RELAY_PROOF_LABEL, tenant, id };
        uint8_t *p = out;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                p = (uint8_t *) stpcpy((char *) p, parts[i]) + 1; /* each with its NUL */
        memcpy(p, binding, RELAY_BINDING_SIZE);
        return (size_t) (p - out) + RELAY_BINDING_SIZE;
}

void relay_proof_xor(const uint8_t *a, const uint8_t *mac, uint8_t *out) {
        for (size_t i = 0; i < RELAY_SECRET_SIZE; i++)
                out[i] = a[i] ^ mac[i];
}

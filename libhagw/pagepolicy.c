/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* No state; any thread. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

#include "libhagw/pagepolicy.h"

#define HASH_SIZE 32U
#define SOURCE_MAX 64U /* "'sha256-", 44 characters, "'" */

static int source(const char *text, char out[static SOURCE_MAX]) {
        uint8_t hash[HASH_SIZE];
        gnutls_datum_t bytes = { hash, sizeof(hash) }, encoded;

        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash) < 0 ||
            gnutls_base64_encode2(&bytes, &encoded) < 0)
                return -EIO;
        (void) snprintf(out, SOURCE_MAX, "'sha256-%s'", (const char *) encoded.data);
        gnutls_free(encoded.data);
        return 0;
}

int page_policy(const char *style, const char *script, bool asks, char out[static PAGE_POLICY_MAX]) {
        char style_source[SOURCE_MAX], script_source[SOURCE_MAX] = "'none'";
        int r;

        r = source(style, style_source);
        if (r >= 0 && script)
                r = source(script, script_source);
        if (r < 0)
                return r;
        (void) snprintf(out, PAGE_POLICY_MAX,
                        "default-src 'none'; style-src %s; script-src %s; connect-src %s; img-src data:; "
                        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
                        style_source, script_source, asks ? "'self'" : "'none'");
        return 0;
}

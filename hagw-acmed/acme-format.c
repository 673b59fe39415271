/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What we say to the certificate authority, as JSON. No I/O. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <systemd/sd-json.h>

#include "hagw-acmed/acme-api.h"
#include "libhagw/json.h"
#include "libhagw/pure/base64url.h"

int acme_format_account(const char *contact, const char *binding, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *b = NULL;
        sd_json_variant *v;
        int r;

        if (binding) {
                r = sd_json_parse(binding, /* flags= */ 0, &b, NULL, NULL);
                if (r < 0)
                        return r;
        }
        r = sd_json_buildo(
                &v, SD_JSON_BUILD_PAIR("termsOfServiceAgreed", SD_JSON_BUILD_BOOLEAN(true)),
                SD_JSON_BUILD_PAIR_CONDITION(!!contact, "contact",
                                             SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_STRING(contact))),
                SD_JSON_BUILD_PAIR_CONDITION(!!b, "externalAccountBinding", SD_JSON_BUILD_VARIANT(b)));
        return r < 0 ? r : json_format_and_free(v, ret);
}

int acme_format_contact(const char *contact, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        sd_json_variant *v;
        int r;

        r = contact ? sd_json_build(&list, SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_STRING(contact)))
                    : sd_json_variant_new_array(&list, NULL, 0);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("contact", SD_JSON_BUILD_VARIANT(list)));
        return r < 0 ? r : json_format_and_free(v, ret);
}

int acme_format_order(char *const *names, const char *profile, const char *replaces, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        sd_json_variant *v;
        int r;

        for (; *names; names++) {
                r = sd_json_variant_append_arraybo(
                        &list, SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING("dns")),
                        SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(*names)));
                if (r < 0)
                        return r;
        }
        r = sd_json_buildo(
                &v, SD_JSON_BUILD_PAIR("identifiers", SD_JSON_BUILD_VARIANT(list)),
                JSON_PAIR_IF_SET("profile", profile),
                JSON_PAIR_IF_SET("replaces", replaces));
        return r < 0 ? r : json_format_and_free(v, ret);
}

int acme_format_finalize(const char *csr_base64, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *text = NULL;
        _cleanup_free_ char *csr = NULL;
        _cleanup_free_ void *der = NULL;
        sd_json_variant *v;
        size_t size;
        int r;

        r = sd_json_variant_new_string(&text, csr_base64);
        if (r < 0)
                return r;
        r = sd_json_variant_unbase64(text, &der, &size);
        if (r < 0)
                return r;
        csr = base64url_encode(der, size);
        if (!csr)
                return -ENOMEM;
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("csr", SD_JSON_BUILD_STRING(csr)));
        return r < 0 ? r : json_format_and_free(v, ret);
}

int acme_format_binding(const char *key_id, const void *hmac_key, size_t hmac_key_size, const char *url,
                        const char *jwk, char **ret) {
        _cleanup_free_ char *header = NULL, *header64 = NULL, *payload64 = NULL, *input = NULL,
                            *signature = NULL;
        sd_json_variant *v;
        uint8_t hmac[32];
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("alg", SD_JSON_BUILD_STRING("HS256")),
                           SD_JSON_BUILD_PAIR("kid", SD_JSON_BUILD_STRING(key_id)),
                           SD_JSON_BUILD_PAIR("url", SD_JSON_BUILD_STRING(url)));
        if (r >= 0)
                r = json_format_and_free(v, &header);
        if (r < 0)
                return r;
        header64 = base64url_encode(header, strlen(header));
        payload64 = base64url_encode(jwk, strlen(jwk));
        if (!header64 || !payload64 || asprintf(&input, "%s.%s", header64, payload64) < 0)
                return -ENOMEM;
        if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, hmac_key, hmac_key_size, input, strlen(input), hmac) < 0)
                return -EIO;
        signature = base64url_encode(hmac, sizeof(hmac));
        if (!signature)
                return -ENOMEM;
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("protected", SD_JSON_BUILD_STRING(header64)),
                           SD_JSON_BUILD_PAIR("payload", SD_JSON_BUILD_STRING(payload64)),
                           SD_JSON_BUILD_PAIR("signature", SD_JSON_BUILD_STRING(signature)));
        return r < 0 ? r : json_format_and_free(v, ret);
}

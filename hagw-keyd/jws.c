/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JWS and JWK. jws_sign() on any thread. */

#include <gnutls/crypto.h>
#include <stdio.h>

#include "hagw-keyd/jws.h"
#include "hagw-keyd/payload.h"
#include "libhagw/pure/base64url.h"

#define COORDINATE_MAX 48U /* bytes, P-384 */

/* RFC 7518 section 3.1; RSA keys sign RS256 whatever their size. */
static const struct {
        const char *alg, *crv;
        gnutls_sign_algorithm_t sign;
        size_t coordinate; /* bytes */
} kinds[_KEY_ALGORITHM_MAX] = {
        [KEY_ECDSA_P256] = { "ES256", "P-256", GNUTLS_SIGN_ECDSA_SHA256, 32 },
        [KEY_ECDSA_P384] = { "ES384", "P-384", GNUTLS_SIGN_ECDSA_SHA384, 48 },
        [KEY_RSA_2048] = { "RS256", NULL, GNUTLS_SIGN_RSA_SHA256, 0 },
        [KEY_RSA_3072] = { "RS256", NULL, GNUTLS_SIGN_RSA_SHA256, 0 },
        [KEY_RSA_4096] = { "RS256", NULL, GNUTLS_SIGN_RSA_SHA256, 0 },
};

/* An unsigned integer at exactly that many bytes, leading zeros added or dropped. */
static int integer_pad(const gnutls_datum_t *d, uint8_t *out, size_t size) {
        const uint8_t *p = d->data;
        size_t n = d->size;

        while (n > 0 && *p == 0)
                p++, n--;
        if (n > size)
                return -EIO;
        memset(out, 0, size - n);
        memcpy(out + size - n, p, n);
        return 0;
}

static int jwk_format_ec(Key *k, char **ret) {
        _cleanup_datum_ gnutls_datum_t x = {}, y = {};
        _cleanup_free_ char *x64 = NULL, *y64 = NULL;
        uint8_t buffer[COORDINATE_MAX];
        size_t n = kinds[k->algorithm].coordinate;
        gnutls_ecc_curve_t curve;

        if (gnutls_pubkey_export_ecc_raw2(k->public_key, &curve, &x, &y, /* flags= */ 0) < 0)
                return -EIO;
        if (integer_pad(&x, buffer, n) < 0)
                return -EIO;
        x64 = base64url_encode(buffer, n);
        if (integer_pad(&y, buffer, n) < 0)
                return -EIO;
        y64 = base64url_encode(buffer, n);
        if (!x64 || !y64)
                return -ENOMEM;
        return asprintf(ret, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                        kinds[k->algorithm].crv, x64, y64) < 0
                       ? -ENOMEM
                       : 0;
}

static int jwk_format_rsa(Key *k, char **ret) {
        _cleanup_datum_ gnutls_datum_t m = {}, e = {};
        _cleanup_free_ char *n64 = NULL, *e64 = NULL;

        if (gnutls_pubkey_export_rsa_raw2(k->public_key, &m, &e, GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
                return -EIO;
        n64 = base64url_encode(m.data, m.size);
        e64 = base64url_encode(e.data, e.size);
        if (!n64 || !e64)
                return -ENOMEM;
        return asprintf(ret, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", e64, n64) < 0 ? -ENOMEM : 0;
}

int jwk_format(Key *k, char **ret) {
        char *s;
        int r;

        r = key_algorithm_is_rsa(k->algorithm) ? jwk_format_rsa(k, &s) : jwk_format_ec(k, &s);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

int jwk_thumbprint(Key *k, char **ret) {
        _cleanup_free_ char *jwk = NULL;
        uint8_t hash[32];
        char *s;
        int r;

        r = jwk_format(k, &jwk);
        if (r < 0)
                return r;
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, jwk, strlen(jwk), hash) < 0)
                return -EIO;
        s = base64url_encode(hash, sizeof(hash));
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

/* The signature in JOSE form: R and S at full length (RFC 7518 section 3.4), or RSA's own. */
static int jose_sign(Key *k, const char *input, char **ret) {
        _cleanup_datum_ gnutls_datum_t signature = {}, r_value = {}, s_value = {};
        uint8_t raw[2 * COORDINATE_MAX];
        size_t n = kinds[k->algorithm].coordinate;
        int r;

        r = key_sign(k, kinds[k->algorithm].sign, input, strlen(input), &signature);
        if (r < 0)
                return r;
        if (n > 0) {
                if (gnutls_decode_rs_value(&signature, &r_value, &s_value) < 0 ||
                    integer_pad(&r_value, raw, n) < 0 || integer_pad(&s_value, raw + n, n) < 0)
                        return -EIO;
                *ret = base64url_encode(raw, 2 * n);
        } else
                *ret = base64url_encode(signature.data, signature.size);
        return *ret ? 0 : -ENOMEM;
}

/* NULL where the header may be signed, else why not. RFC 8555 section 6.2: url always, and exactly one of
 * jwk and kid. */
static const char *header_complaint(sd_json_variant *header, bool include_key) {
        static const char *const members[] = { "kid", "nonce", "url", NULL };

        if (!sd_json_variant_is_object(header))
                return "The header is not a JSON object.";
        if (sd_json_variant_by_key(header, "alg") || sd_json_variant_by_key(header, "jwk"))
                return "alg and jwk are not the caller's to give.";
        if (!payload_has_only(header, members))
                return "The header has members besides url, nonce and kid, or one twice.";
        for (size_t i = 0; members[i]; i++) {
                sd_json_variant *v = sd_json_variant_by_key(header, members[i]);

                if (v && !sd_json_variant_is_string(v))
                        return "The header's members must be strings.";
        }
        if (!sd_json_variant_by_key(header, "url"))
                return "The header has no url.";
        if (include_key == !!sd_json_variant_by_key(header, "kid"))
                return "The header must have kid where the key is not included, and only there.";
        return NULL;
}

static int header_complete(Key *k, sd_json_variant **header, bool include_key) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *jwk = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = sd_json_variant_set_field_string(header, "alg", kinds[k->algorithm].alg);
        if (r < 0 || !include_key)
                return r;
        r = jwk_format(k, &text);
        if (r < 0)
                return r;
        r = sd_json_parse(text, /* flags= */ 0, &jwk, NULL, NULL);
        if (r < 0)
                return r;
        return sd_json_variant_set_field(header, "jwk", jwk);
}

int jws_compose(Key *k, const char *protected, const char *payload, bool include_key, Jws *ret,
                const char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *header = NULL;
        _cleanup_(jws_done) Jws jws = {};
        _cleanup_free_ char *text = NULL;
        int r;

        r = sd_json_parse(protected, /* flags= */ 0, &header, NULL, NULL);
        if (r == -ENOMEM)
                return r;
        *ret_reason = r < 0 ? "The header is not JSON." : header_complaint(header, include_key);
        if (*ret_reason)
                return -EINVAL;
        r = header_complete(k, &header, include_key);
        if (r < 0)
                return r;
        r = sd_json_variant_format(header, /* flags= */ 0, &text);
        if (r < 0)
                return r;
        jws.head = base64url_encode(text, strlen(text));
        jws.payload = base64url_encode(payload, strlen(payload));
        if (!jws.head || !jws.payload)
                return -ENOMEM;
        *ret = TAKE_GENERIC(jws, (Jws) {});
        return 0;
}

int jws_sign(Key *k, const Jws *jws, char **ret) {
        _cleanup_free_ char *input = NULL, *signature = NULL;
        int r;

        if (asprintf(&input, "%s.%s", jws->head, jws->payload) < 0)
                return -ENOMEM;
        r = jose_sign(k, input, &signature);
        if (r < 0)
                return r;
        return asprintf(ret, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", jws->head,
                        jws->payload, signature) < 0
                       ? -ENOMEM
                       : 0;
}

void jws_done(Jws *jws) {
        free(jws->head);
        free(jws->payload);
}

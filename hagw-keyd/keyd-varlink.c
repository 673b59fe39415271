/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key: who may ask for what, and the answers. Main thread only. */

#include <time.h>

#include "hostname.h"
#include "jws.h"
#include "keyd.h"
#include "log.h"
#include "token-varlink.h"
#include "usec.h"
#include "vl-io.hagw.Key.h"

#define HANDSHAKE_BASE64_MAX 512U /* characters; the longest handshake has 201 bytes */

static int key_to_json(const Key *k, sd_json_variant **ret) {
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(k->id)),
                SD_JSON_BUILD_PAIR("purpose", SD_JSON_BUILD_STRING(key_purpose_to_string(k->purpose))),
                SD_JSON_BUILD_PAIR("algorithm", SD_JSON_BUILD_STRING(key_algorithm_to_string(k->algorithm))),
                SD_JSON_BUILD_PAIR("createdUSec", SD_JSON_BUILD_UNSIGNED(k->created_usec)),
                SD_JSON_BUILD_PAIR("publicKey", SD_JSON_BUILD_BASE64(k->spki.data, k->spki.size)),
                SD_JSON_BUILD_PAIR("imported", SD_JSON_BUILD_BOOLEAN(k->imported)));
}

static int reply_key(sd_varlink *link, const Key *k) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = key_to_json(k, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("key", SD_JSON_BUILD_VARIANT(v)));
}

static int refuse_key(sd_varlink *link, const char *reason) {
        return sd_varlink_errorbo(link, KEY_ERROR_BAD_KEY,
                                  SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
}

/* Takes the key over, writes it, answers with it. */
static int add_key(sd_varlink *link, Keyd *keyd, Key *key) {
        Key *k;
        int r;

        r = keys_add(keyd->keys, key, &k);
        if (r == -EXFULL)
                return sd_varlink_errorbo(link, KEY_ERROR_KEYS_FULL,
                                          SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(KEYS_MAX)));
        if (r == -EEXIST)
                return refuse_key(link, "This key is already held for another purpose.");
        if (r < 0) {
                (void) log_error_errno(r, "Could not store a key: %m");
                return sd_varlink_error_errno(link, r);
        }
        keyd_update_status(keyd);
        return reply_key(link, k);
}

/* The key, or NULL with *ret_answer set to what the handler returns. purpose may be _KEY_PURPOSE_INVALID:
 * any. */
static Key *find_key(sd_varlink *link, Keyd *keyd, const char *id, KeyPurpose purpose, int *ret_answer) {
        Key *k = keys_find(keyd->keys, id);

        if (!k) {
                *ret_answer = sd_varlink_errorbo(link, KEY_ERROR_NO_SUCH_KEY,
                                                 SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(id)));
                return NULL;
        }
        if (purpose >= 0 && k->purpose != purpose) {
                keyd->refusals++;
                *ret_answer = sd_varlink_errorbo(
                        link, KEY_ERROR_WRONG_PURPOSE, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(id)),
                        SD_JSON_BUILD_PAIR("purpose",
                                           SD_JSON_BUILD_STRING(key_purpose_to_string(k->purpose))));
                return NULL;
        }
        return k;
}

typedef struct Parameters {
        const char *purpose, *algorithm, *pem, *id, *scheme, *protected, *payload;
        sd_json_variant *data;
        char **names;
        int include_key;
} Parameters;

static void parameters_done(Parameters *p) {
        for (char **n = p->names; n && *n; n++)
                free(*n);
        free(p->names);
}
#define _cleanup_parameters_ _cleanup_(parameters_done)

#define FIELD(name, type, dispatch, member, flags)                                                          \
        { name, type, dispatch, offsetof(Parameters, member), flags }
#define STRING_FIELD(name, member, flags)                                                                   \
        FIELD(name, SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, member, flags)

static int vl_method_generate(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                              void *userdata) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("purpose", purpose, SD_JSON_MANDATORY),
                STRING_FIELD("algorithm", algorithm, SD_JSON_NULLABLE),
                {},
        };
        Parameters p = {};
        KeyAlgorithm algorithm;
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        if (key_purpose_from_string(p.purpose) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "purpose");
        algorithm = p.algorithm ? key_algorithm_from_string(p.algorithm) : KEY_ECDSA_P256;
        if (algorithm < 0)
                return sd_varlink_error_invalid_parameter_name(link, "algorithm");
        r = key_generate(algorithm, &k);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        k->purpose = key_purpose_from_string(p.purpose);
        k->created_usec = clock_usec(CLOCK_REALTIME);
        return add_key(link, userdata, k);
}

static const char *import_complaint(int error) {
        switch (error) {
        case -EKEYREJECTED:
                return "The key is encrypted; decrypt it first (openssl pkey -in FILE -out FILE).";
        case -EOPNOTSUPP:
                return "Only ECDSA P-256 and P-384 and RSA with 2048, 3072 or 4096 bits are taken.";
        default:
                return "This is not a PEM private key, or its parts do not fit together.";
        }
}

static int vl_method_import(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                            void *userdata) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("purpose", purpose, SD_JSON_MANDATORY),
                STRING_FIELD("pem", pem, SD_JSON_MANDATORY),
                {},
        };
        Parameters p = {};
        Key *k;
        int r;

        /* From here on the text is wiped with the message, and kept out of the debug log. */
        (void) sd_varlink_set_input_sensitive(link);
        sd_json_variant_sensitive(parameters);
        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        if (key_purpose_from_string(p.purpose) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "purpose");
        if (strlen(p.pem) > KEY_PEM_MAX)
                return refuse_key(link, "The text is too long for a private key.");
        r = key_import(p.pem, strlen(p.pem), &k);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return refuse_key(link, import_complaint(r));
        k->purpose = key_purpose_from_string(p.purpose);
        k->created_usec = clock_usec(CLOCK_REALTIME);
        k->imported = true;
        return add_key(link, userdata, k);
}

static int vl_method_list(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                          void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        Keyd *keyd = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED | VL_PEER_WEBD);
        if (r != 0)
                return r;
        r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < keys_count(keyd->keys); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

                r = key_to_json(keys_get(keyd->keys, i), &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("keys", SD_JSON_BUILD_VARIANT(array)),
                SD_JSON_BUILD_PAIR("broken", SD_JSON_BUILD_STRV((char **) keys_get_broken(keyd->keys))));
}

static const sd_json_dispatch_field id_table[] = { STRING_FIELD("id", id, SD_JSON_MANDATORY), {} };

static int vl_method_get(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                         void *userdata) {
        Parameters p = {};
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED | VL_PEER_PROXYD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, id_table, &p);
        if (r != 0)
                return r;
        k = find_key(link, userdata, p.id, _KEY_PURPOSE_INVALID, &r);
        return k ? reply_key(link, k) : r;
}

static int vl_method_remove(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                            void *userdata) {
        Keyd *keyd = userdata;
        Parameters p = {};
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, id_table, &p);
        if (r != 0)
                return r;
        k = find_key(link, keyd, p.id, _KEY_PURPOSE_INVALID, &r);
        if (!k)
                return r;
        r = keys_remove(keyd->keys, k);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        keyd_update_status(keyd);
        return sd_varlink_reply(link, NULL);
}

static int refuse_handshake(sd_varlink *link, Keyd *keyd) {
        keyd->refusals++;
        return sd_varlink_error(link, KEY_ERROR_NOT_A_TLS_HANDSHAKE, NULL);
}

static int vl_method_sign_handshake(sd_varlink *link, sd_json_variant *parameters,
                                    sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("id", id, SD_JSON_MANDATORY),
                STRING_FIELD("scheme", scheme, SD_JSON_MANDATORY),
                FIELD("data", SD_JSON_VARIANT_STRING, sd_json_dispatch_variant_noref, data,
                      SD_JSON_MANDATORY),
                {},
        };
        _cleanup_datum_ gnutls_datum_t signature = {};
        _cleanup_free_ void *data = NULL;
        Keyd *keyd = userdata;
        SignatureScheme scheme;
        Handshake handshake;
        Parameters p = {};
        size_t size;
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        k = find_key(link, keyd, p.id, KEY_PURPOSE_TLS, &r);
        if (!k)
                return r;
        if (strlen(sd_json_variant_string(p.data)) > HANDSHAKE_BASE64_MAX ||
            sd_json_variant_unbase64(p.data, &data, &size) < 0)
                return refuse_handshake(link, keyd);
        scheme = signature_scheme_from_string(p.scheme);
        handshake = policy_classify(data, size);
        if (!policy_scheme_fits(scheme, k->algorithm, handshake))
                return refuse_handshake(link, keyd);
        r = key_sign(k, signature_scheme_to_gnutls(scheme, handshake), data, size, &signature);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        keyd->signatures[SIGNATURE_HANDSHAKE]++;
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("signature", SD_JSON_BUILD_BASE64(signature.data, signature.size)));
}

static int vl_method_sign_jws(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                              void *userdata) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("id", id, SD_JSON_MANDATORY),
                STRING_FIELD("protected", protected, SD_JSON_MANDATORY),
                STRING_FIELD("payload", payload, SD_JSON_MANDATORY),
                FIELD("includeKey", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_intbool, include_key,
                      SD_JSON_MANDATORY),
                {},
        };
        _cleanup_free_ char *jws = NULL;
        const char *reason = NULL;
        Keyd *keyd = userdata;
        Parameters p = {};
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        k = find_key(link, keyd, p.id, KEY_PURPOSE_ACCOUNT, &r);
        if (!k)
                return r;
        r = jws_sign(k, p.protected, p.payload, p.include_key, &jws, &reason);
        if (r == -EINVAL) {
                keyd->refusals++;
                return sd_varlink_errorbo(link, KEY_ERROR_BAD_HEADER,
                                          SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
        }
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        keyd->signatures[SIGNATURE_JWS]++;
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("jws", SD_JSON_BUILD_STRING(jws)));
}

static int vl_method_get_public_jwk(sd_varlink *link, sd_json_variant *parameters,
                                    sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_free_ char *jwk = NULL, *thumbprint = NULL;
        Parameters p = {};
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, id_table, &p);
        if (r != 0)
                return r;
        k = find_key(link, userdata, p.id, KEY_PURPOSE_ACCOUNT, &r);
        if (!k)
                return r;
        r = jwk_format(k, &jwk);
        if (r >= 0)
                r = jwk_thumbprint(k, &thumbprint);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("jwk", SD_JSON_BUILD_STRING(jwk)),
                                  SD_JSON_BUILD_PAIR("thumbprint", SD_JSON_BUILD_STRING(thumbprint)));
}

/* Normalizes in place; NULL where all are host names, perhaps behind "*.", else the first that is not. */
static const char *find_bad_name(char **names) {
        char normalized[HOSTNAME_MAX + 1];
        size_t n = 0;

        for (char **p = names; p && *p; p++, n++) {
                const char *plain = startswith(*p, "*.") ?: *p;

                if (n >= KEY_REQUEST_NAMES_MAX || hostname_normalize(plain, strlen(plain), normalized) < 0)
                        return *p;
                /* Never longer than what it was made from. */
                memcpy(*p + (plain - *p), normalized, strlen(normalized) + 1);
        }
        return n == 0 ? "" : NULL;
}

static int vl_method_make_request(sd_varlink *link, sd_json_variant *parameters,
                                  sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("id", id, SD_JSON_MANDATORY),
                FIELD("names", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_strv, names, SD_JSON_MANDATORY),
                {},
        };
        _cleanup_parameters_ Parameters p = {};
        _cleanup_datum_ gnutls_datum_t csr = {};
        Keyd *keyd = userdata;
        const char *bad;
        Key *k;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        k = find_key(link, keyd, p.id, KEY_PURPOSE_TLS, &r);
        if (!k)
                return r;
        bad = find_bad_name(p.names);
        if (bad)
                return sd_varlink_errorbo(link, KEY_ERROR_BAD_NAME,
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(bad)));
        r = key_make_request(k, p.names, &csr);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        keyd->signatures[SIGNATURE_REQUEST]++;
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("csr", SD_JSON_BUILD_BASE64(csr.data, csr.size)));
}

const VlMethod keyd_methods[] = {
        { "io.hagw.Key.Generate", vl_method_generate },
        { "io.hagw.Key.Import", vl_method_import },
        { "io.hagw.Key.List", vl_method_list },
        { "io.hagw.Key.Get", vl_method_get },
        { "io.hagw.Key.Remove", vl_method_remove },
        { "io.hagw.Key.SignHandshake", vl_method_sign_handshake },
        { "io.hagw.Key.SignJws", vl_method_sign_jws },
        { "io.hagw.Key.GetPublicJwk", vl_method_get_public_jwk },
        { "io.hagw.Key.MakeRequest", vl_method_make_request },
        { "io.hagw.Key.PrepareToken", vl_method_prepare_token },
        { "io.hagw.Key.AdoptToken", vl_method_adopt_token },
        { "io.hagw.Key.ImportToken", vl_method_import_token },
        { "io.hagw.Key.RemoveToken", vl_method_remove_token },
        { "io.hagw.Key.GetToken", vl_method_get_token },
        { "io.hagw.Key.ProveToken", vl_method_prove_token },
        {},
};

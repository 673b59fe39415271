/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key: what is answered from memory, and what its files share. Main thread only. */

#include "hagw-keyd/jws.h"
#include "hagw-keyd/keyd-varlink.h"
#include "libhagw/vl-io.hagw.Key.h"

static int key_to_json(const Key *k, sd_json_variant **ret) {
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(k->id)),
                SD_JSON_BUILD_PAIR("purpose", SD_JSON_BUILD_STRING(key_purpose_to_string(k->purpose))),
                SD_JSON_BUILD_PAIR("algorithm", SD_JSON_BUILD_STRING(key_algorithm_to_string(k->algorithm))),
                SD_JSON_BUILD_PAIR("createdUSec", SD_JSON_BUILD_UNSIGNED(k->created_usec)),
                SD_JSON_BUILD_PAIR("publicKey", SD_JSON_BUILD_BASE64(k->spki.data, k->spki.size)),
                SD_JSON_BUILD_PAIR("imported", SD_JSON_BUILD_BOOLEAN(k->imported)));
}

int reply_key(sd_varlink *link, const Key *k) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = key_to_json(k, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("key", SD_JSON_BUILD_VARIANT(v)));
}

int keyd_refuse(sd_varlink *link, Keyd *keyd, const char *error, const char *reason) {
        keyd->refusals++;
        return sd_varlink_errorbo(link, error, SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
}

Key *find_key(sd_varlink *link, Keyd *keyd, const char *id, KeyPurpose purpose, int *ret_answer) {
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

static int vl_method_list(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        Keyd *keyd = userdata;
        int r;

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

typedef struct Parameters {
        const char *id;
} Parameters;

static int vl_method_get(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Parameters *p = parameters;
        Key *k;
        int r;

        k = find_key(link, userdata, p->id, _KEY_PURPOSE_INVALID, &r);
        return k ? reply_key(link, k) : r;
}

static int vl_method_get_public_jwk(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_free_ char *jwk = NULL, *thumbprint = NULL;
        const Parameters *p = parameters;
        Key *k;
        int r;

        k = find_key(link, userdata, p->id, KEY_PURPOSE_ACCOUNT, &r);
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

#define ID VL_PARAMETERS(Parameters, FIELD_STRING("id", Parameters, id))

const VlMethod keyd_methods[] = {
        { "io.hagw.Key.List", VL_PEER_ACMED | VL_PEER_WEBD, vl_method_list },
        { "io.hagw.Key.Get", VL_PEER_ACMED | VL_PEER_PROXYD, vl_method_get, ID },
        { "io.hagw.Key.GetPublicJwk", VL_PEER_ACMED, vl_method_get_public_jwk, ID },
        {},
};

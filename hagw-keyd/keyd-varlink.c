/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key: its table, and what is answered from memory. Main thread only. */

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

int keyd_take_call(sd_varlink *link, unsigned peers, sd_json_variant *parameters,
                   const sd_json_dispatch_field table[], void *ret) {
        int r = vl_check_peer(link, peers);

        return r != 0 ? r : sd_varlink_dispatch(link, parameters, table, ret);
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

typedef struct Parameters {
        const char *id;
} Parameters;

static const sd_json_dispatch_field id_table[] = {
        { "id", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, offsetof(Parameters, id),
          SD_JSON_MANDATORY },
        {},
};

static int vl_method_get(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                         void *userdata) {
        Parameters p = {};
        Key *k;
        int r;

        r = keyd_take_call(link, VL_PEER_ACMED | VL_PEER_PROXYD, parameters, id_table, &p);
        if (r != 0)
                return r;
        k = find_key(link, userdata, p.id, _KEY_PURPOSE_INVALID, &r);
        return k ? reply_key(link, k) : r;
}

static int vl_method_get_public_jwk(sd_varlink *link, sd_json_variant *parameters,
                                    sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_free_ char *jwk = NULL, *thumbprint = NULL;
        Parameters p = {};
        Key *k;
        int r;

        r = keyd_take_call(link, VL_PEER_ACMED, parameters, id_table, &p);
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

const VlMethod keyd_methods[] = {
        { "io.hagw.Key.Generate", vl_method_generate },
        { "io.hagw.Key.Import", vl_method_import },
        { "io.hagw.Key.List", vl_method_list },
        { "io.hagw.Key.Get", vl_method_get },
        { "io.hagw.Key.Remove", vl_method_remove },
        { "io.hagw.Key.SignHandshake", vl_method_sign_handshake },
        { "io.hagw.Key.SignJws", vl_method_sign_jws },
        { "io.hagw.Key.SignKeyChange", vl_method_sign_key_change },
        { "io.hagw.Key.SignRevocation", vl_method_sign_revocation },
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

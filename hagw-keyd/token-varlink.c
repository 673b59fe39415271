/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key's methods about the relay's token. Main thread only. */

#include <time.h>

#include "keyd.h"
#include "log.h"
#include "token-varlink.h"
#include "token.h"
#include "usec.h"
#include "vl-io.hagw.Key.h"

#define BINDING_BASE64_LENGTH ((RELAY_BINDING_SIZE + 2) / 3 * 4) /* characters */

typedef struct Parameters {
        const char *tenant, *token_id, *token;
        sd_json_variant *binding;
} Parameters;

#define STRING_FIELD(name, member)                                                                      \
        { name, SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, offsetof(Parameters, member),    \
          SD_JSON_MANDATORY }

/* A file that is broken or missing is no token to the caller; which it is, is in the log. */
static int answer_failure(sd_varlink *link, int error) {
        if (error == -ENOENT || error == -EBADMSG)
                return sd_varlink_error(link, KEY_ERROR_NO_TOKEN, NULL);
        (void) log_error_errno(error, "Could not use the relay token: %m");
        return sd_varlink_error_errno(link, error);
}

/* The answer to what changed the token. */
static int answer_change(sd_varlink *link, Keyd *keyd, int r) {
        _cleanup_token_file_ TokenFile f = {};

        keyd_update_status(keyd);
        if (r >= 0 && token_load(keyd->state_fd, &f) >= 0 && f.created_usec == 0)
                log_warning("The credential " TOKEN_CREDENTIAL " is there, too, and is used in place of the "
                            "token in the state.");
        return r < 0 ? answer_failure(link, r) : sd_varlink_reply(link, NULL);
}

int vl_method_prepare_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                            void *userdata) {
        uint8_t stored_key[RELAY_SECRET_SIZE];
        Keyd *keyd = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = token_prepare(keyd->state_fd, stored_key);
        if (r < 0)
                return answer_failure(link, r);
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("storedKey", SD_JSON_BUILD_BASE64(stored_key, sizeof(stored_key))));
}

int vl_method_adopt_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                          void *userdata) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("tenant", tenant),
                STRING_FIELD("tokenId", token_id),
                {},
        };
        Keyd *keyd = userdata;
        Parameters p = {};
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        if (!relay_tenant_is_valid(p.tenant))
                return sd_varlink_error_invalid_parameter_name(link, "tenant");
        if (!relay_token_id_is_valid(p.token_id))
                return sd_varlink_error_invalid_parameter_name(link, "tokenId");
        return answer_change(
                link, keyd, token_adopt(keyd->state_fd, p.tenant, p.token_id, clock_usec(CLOCK_REALTIME)));
}

int vl_method_import_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata) {
        static const sd_json_dispatch_field table[] = { STRING_FIELD("token", token), {} };
        _cleanup_relay_token_ RelayToken t = {};
        Keyd *keyd = userdata;
        Parameters p = {};
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
        if (relay_token_parse(p.token, strlen(p.token), &t) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "token");
        return answer_change(link, keyd, token_store(keyd->state_fd, &t, clock_usec(CLOCK_REALTIME)));
}

int vl_method_remove_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata) {
        Keyd *keyd = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        return answer_change(link, keyd, token_remove(keyd->state_fd));
}

int vl_method_get_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                        void *userdata) {
        _cleanup_token_file_ TokenFile f = {};
        Keyd *keyd = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD);
        if (r != 0)
                return r;
        r = token_load(keyd->state_fd, &f);
        if (r < 0)
                return answer_failure(link, r);
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(f.token.tenant)),
                SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(f.token.id)),
                SD_JSON_BUILD_PAIR_CONDITION(f.created_usec > 0, "createdUSec",
                                             SD_JSON_BUILD_UNSIGNED(f.created_usec)));
}

int vl_method_prove_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                          void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "binding", SD_JSON_VARIANT_STRING, sd_json_dispatch_variant_noref,
                  offsetof(Parameters, binding), SD_JSON_MANDATORY },
                {},
        };
        _cleanup_token_file_ TokenFile f = {};
        _cleanup_free_ void *binding = NULL;
        uint8_t proof[RELAY_SECRET_SIZE];
        Keyd *keyd = userdata;
        Parameters p = {};
        size_t size;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        if (strlen(sd_json_variant_string(p.binding)) != BINDING_BASE64_LENGTH ||
            sd_json_variant_unbase64(p.binding, &binding, &size) < 0 || size != RELAY_BINDING_SIZE)
                return sd_varlink_error_invalid_parameter_name(link, "binding");
        r = token_load(keyd->state_fd, &f);
        if (r >= 0)
                r = token_prove(&f.token, binding, proof);
        if (r < 0)
                return answer_failure(link, r);
        keyd->signatures[SIGNATURE_PROOF]++;
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(f.token.tenant)),
                                  SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(f.token.id)),
                                  SD_JSON_BUILD_PAIR("proof", SD_JSON_BUILD_BASE64(proof, sizeof(proof))));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an order needs of hagw-keyd: the account's key, the certificate's key, its request. Main thread only.
 */

#include <stdio.h>

#include "hagw-acmed/explain.h"
#include "hagw-acmed/issuance-internal.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Key.h"

#define KEY_TIMEOUT_USEC (60 * USEC_PER_SEC) /* making an RSA key of 4096 bits takes its time */

/* A reply's string field, "" where it is missing. */
static int key_request(Issuance *i, const char *method, sd_json_variant *parameters,
                       VlReplyHandler handler) {
        char name[64];

        (void) snprintf(name, sizeof(name), "io.hagw.Key.%s", method);
        return vl_request(i->event, "io.hagw.Key", name, parameters, KEY_TIMEOUT_USEC, handler, i,
                          &i->request);
}

static int key_request_id(Issuance *i, const char *method, const char *id, VlReplyHandler handler) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(id)));
        return r < 0 ? r : key_request(i, method, v, handler);
}

static int key_request_new(Issuance *i, const char *purpose, const char *algorithm, VlReplyHandler handler) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("purpose", SD_JSON_BUILD_STRING(purpose)),
                           SD_JSON_BUILD_PAIR("algorithm", SD_JSON_BUILD_STRING(algorithm)));
        return r < 0 ? r : key_request(i, "Generate", v, handler);
}

/* hagw-keyd did not do something. */
static void key_request_failed(Issuance *i, const char *what, const char *error,
                               sd_json_variant *parameters) {
        char words[EXPLAIN_MAX + 1];

        (void) explain_error(strempty(error), parameters, words);
        issuance_fail(i, FAILURE_LOCAL, "hagw-keyd %s: %s", what, words);
}

static void on_account_jwk(sd_json_variant *reply, const char *error, void *userdata);

static void on_account_key(sd_json_variant *reply, const char *error, void *userdata) {
        sd_json_variant *key = reply && !error ? sd_json_variant_by_key(reply, "key") : NULL;
        Issuance *i = userdata;
        int r;

        i->request = NULL;
        if (!key) {
                key_request_failed(i, "made no account key", error, reply);
                return;
        }
        r = string_replace(&i->account->key_id, strempty(json_string(key, "id")));
        i->order->new_key = false;
        i->order->key_is_new = true;
        if (r >= 0)
                r = i->handlers->on_account(i->userdata);
        if (r >= 0)
                r = key_request_id(i, "GetPublicJwk", i->account->key_id, on_account_jwk);
        if (r < 0)
                issuance_fail_errno(i, r, "The account key could not be used");
}

static int issuance_make_account_key(Issuance *i) {
        int r;

        r = string_replace(&i->account->url, NULL);
        if (r >= 0)
                r = string_replace(&i->order->account_url, NULL);
        return r < 0 ? r : key_request_new(i, "account", "ecdsa-p256", on_account_key);
}

static void on_account_jwk(sd_json_variant *reply, const char *error, void *userdata) {
        Issuance *i = userdata;
        int r;

        i->request = NULL;
        if (error && streq(error, KEY_ERROR_NO_SUCH_KEY)) {
                log_warning("hagw-keyd no longer has the key of the account at %s; a new account is made.",
                            i->account->directory);
                r = issuance_make_account_key(i);
                if (r < 0)
                        issuance_fail_errno(i, r, "hagw-keyd could not be asked");
                return;
        }
        if (error) {
                key_request_failed(i, "could not give the account key", error, reply);
                return;
        }
        if (string_replace(&i->jwk, strempty(json_string(reply, "jwk"))) < 0 ||
            string_replace(&i->thumbprint, strempty(json_string(reply, "thumbprint"))) < 0) {
                issuance_fail_errno(i, ENOMEM, "The account key could not be used");
                return;
        }
        order_take_done(i->order, true, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

int issuance_account_key(Issuance *i) {
        if (i->order->new_key)
                log_warning("The account at %s is gone (deactivated, revoked, or its key was changed); "
                            "another one is made.",
                            i->account->directory);
        if (!i->account->key_id || i->order->new_key)
                return issuance_make_account_key(i);
        return key_request_id(i, "GetPublicJwk", i->account->key_id, on_account_jwk);
}

static void on_key(sd_json_variant *reply, const char *error, void *userdata) {
        sd_json_variant *key = reply && !error ? sd_json_variant_by_key(reply, "key") : NULL, *spki;
        Issuance *i = userdata;
        int r;

        i->request = NULL;
        /* The key of an earlier try is gone, or the setting has changed since: another one. */
        if (i->key_id &&
            (error || !key || !streq(strempty(json_string(key, "algorithm")), i->settings->key_algorithm)) &&
            !(error && streq(error, VL_ERROR_UNREACHABLE))) {
                (void) string_replace(&i->key_id, NULL);
                r = key_request_new(i, "tls", i->settings->key_algorithm, on_key);
                if (r < 0)
                        issuance_fail_errno(i, r, "hagw-keyd could not be asked");
                return;
        }
        spki = key ? sd_json_variant_by_key(key, "publicKey") : NULL;
        if (!spki) {
                key_request_failed(i, "made no key", error, reply);
                return;
        }
        i->spki = (free(i->spki), NULL);
        r = sd_json_variant_unbase64(spki, &i->spki, &i->spki_size);
        if (r >= 0)
                r = string_replace(&i->key_id, strempty(json_string(key, "id")));
        if (r >= 0)
                r = i->handlers->on_key(i->key_id, i->userdata);
        if (r < 0) {
                issuance_fail_errno(i, r, "The new key could not be noted");
                return;
        }
        order_take_done(i->order, true, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

int issuance_key(Issuance *i) {
        if (i->key_id)
                return key_request_id(i, "Get", i->key_id, on_key);
        return key_request_new(i, "tls", i->settings->key_algorithm, on_key);
}

static void on_csr(sd_json_variant *reply, const char *error, void *userdata) {
        Issuance *i = userdata;

        i->request = NULL;
        if (error || string_replace(&i->csr, strempty(json_string(reply, "csr"))) < 0) {
                key_request_failed(i, "made no certificate request", error, reply);
                return;
        }
        order_take_done(i->order, true, clock_usec(CLOCK_REALTIME));
        issuance_step(i);
}

int issuance_csr(Issuance *i) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(i->key_id)),
                           SD_JSON_BUILD_PAIR("names", SD_JSON_BUILD_STRV(i->order->names)));
        return r < 0 ? r : key_request(i, "MakeRequest", v, on_csr);
}

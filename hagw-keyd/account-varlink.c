/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key's methods for what ends something at a certificate authority: an account's key, a certificate.
 * What is signed is composed here and not the caller's text, so that nothing else can be made of it: the new
 * key is one that is held here, a key for TLS ends its own certificate alone. */

#include "hagw-keyd/jws.h"
#include "hagw-keyd/keyd-varlink.h"
#include "hagw-keyd/leaf.h"
#include "hagw-keyd/task.h"
#include "libhagw/json.h"
#include "libhagw/pure/base64url.h"
#include "libhagw/vl-io.hagw.Key.h"

#define CERTIFICATE_BASE64_MAX (LEAF_MAX / 3 * 4 + 4) /* characters */

typedef struct Parameters {
        const char *id, *new_id, *account, *url, *nonce, *kid;
        sd_json_variant *certificate;
        int64_t reason;
} Parameters;

/* One signature, or two where the first is what the second signs. */
typedef struct EndTask {
        Task task;
        Key *inner_key; /* with a reference; NULL: one signature */
        Jws inner, outer;
        char *text;
} EndTask;

static int end_run(Task *task) {
        EndTask *t = (EndTask *) task;
        _cleanup_free_ char *text = NULL;
        int r;

        if (t->inner_key) {
                r = jws_sign(t->inner_key, &t->inner, &text);
                if (r < 0)
                        return r;
                free(t->outer.payload);
                t->outer.payload = base64url_encode(text, strlen(text));
                if (!t->outer.payload)
                        return -ENOMEM;
        }
        return jws_sign(task->key, &t->outer, &t->text);
}

static int end_answer(Task *task) {
        EndTask *t = (EndTask *) task;

        if (task->result < 0)
                return sd_varlink_error_errno(task->link, task->result);
        task->keyd->signatures[SIGNATURE_JWS] += t->inner_key ? 2 : 1;
        return sd_varlink_replybo(task->link, SD_JSON_BUILD_PAIR("jws", SD_JSON_BUILD_STRING(t->text)));
}

static void end_release(Task *task) {
        EndTask *t = (EndTask *) task;

        key_unref(t->inner_key);
        jws_done(&t->inner);
        jws_done(&t->outer);
        free(t->text);
}

static const TaskKind end_kind = { sizeof(EndTask), end_run, end_answer, end_release };

/* kid NULL: the key goes along; nonce NULL: an inner JWS has none. */
static int end_compose(Key *k, const Parameters *p, const char *kid, const char *nonce, const char *payload,
                       Jws *ret) {
        _cleanup_free_ char *header = NULL;
        const char *reason;
        sd_json_variant *v;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("url", SD_JSON_BUILD_STRING(p->url)),
                           JSON_PAIR_IF_SET("nonce", nonce),
                           JSON_PAIR_IF_SET("kid", kid));
        if (r >= 0)
                r = json_format_and_free(v, &header);
        return r < 0 ? r : jws_compose(k, header, payload, /* include_key= */ !kid, ret, &reason);
}

/* --- RFC 8555 section 7.3.5 ---------------------------------------------------------------------------- */

static int key_change_payload(Key *old, const char *account, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *jwk = NULL;
        _cleanup_free_ char *text = NULL;
        sd_json_variant *v;
        int r;

        r = jwk_format(old, &text);
        if (r >= 0)
                r = sd_json_parse(text, /* flags= */ 0, &jwk, NULL, NULL);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("account", SD_JSON_BUILD_STRING(account)),
                                   SD_JSON_BUILD_PAIR("oldKey", SD_JSON_BUILD_VARIANT(jwk)));
        return r < 0 ? r : json_format_and_free(v, ret);
}

static int vl_method_sign_key_change(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(task_freep) Task *task = NULL;
        _cleanup_free_ char *payload = NULL;
        const Parameters *p = parameters;
        Keyd *keyd = userdata;
        Key *old, *new;
        EndTask *t;
        int r;

        old = find_key(link, keyd, p->id, KEY_PURPOSE_ACCOUNT, &r);
        if (!old)
                return r;
        new = find_key(link, keyd, p->new_id, KEY_PURPOSE_ACCOUNT, &r);
        if (!new)
                return r;
        if (new == old)
                return keyd_refuse(link, keyd, KEY_ERROR_BAD_PAYLOAD, "It is the same key.");
        t = task_new(&end_kind, keyd, link, old);
        if (!t)
                return -ENOMEM;
        task = &t->task;
        t->inner_key = key_ref(new);
        if ((r = key_change_payload(old, p->account, &payload)) < 0 ||
            (r = end_compose(new, p, /* kid= */ NULL, /* nonce= */ NULL, payload, &t->inner)) < 0 ||
            (r = end_compose(old, p, p->account, p->nonce, "", &t->outer)) < 0)
                return r;
        return task_start(TAKE_PTR(task), keyd->signers, JOB_ORDINARY);
}

/* --- RFC 8555 section 7.6 ------------------------------------------------------------------------------ */

/* The CRLReasons (RFC 5280 section 5.3.1) that are the certificate's owner's to give. */
static bool reason_is_valid(int64_t reason) {
        static const int64_t reasons[] = { 0, 1, 3, 4, 5 };

        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (reasons[i] == reason)
                        return true;
        return false;
}

static int revocation_payload(const void *der, size_t size, int64_t reason, char **ret) {
        _cleanup_free_ char *text = base64url_encode(der, size);
        sd_json_variant *v;
        int r;

        if (!text)
                return -ENOMEM;
        /* Unspecified is said by saying nothing (RFC 5280 section 5.3.1). */
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("certificate", SD_JSON_BUILD_STRING(text)),
                           SD_JSON_BUILD_PAIR_CONDITION(reason > 0, "reason",
                                                        SD_JSON_BUILD_INTEGER(reason)));
        return r < 0 ? r : json_format_and_free(v, ret);
}

/* NULL where that key may end that certificate. An account may end any: the authority knows which are its.
 */
static const char *revocation_complaint(const Key *k, const Parameters *p, const char *leaf_key_id) {
        if (!reason_is_valid(p->reason))
                return "There is no such reason.";
        if (k->purpose == KEY_PURPOSE_ACCOUNT)
                return p->kid ? NULL : "An account says which it is.";
        if (p->kid)
                return "A key for TLS has no account.";
        return streq(k->id, leaf_key_id) ? NULL : "The certificate is another key's.";
}

static int vl_method_sign_revocation(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(task_freep) Task *task = NULL;
        _cleanup_free_ char *payload = NULL;
        char leaf_key_id[KEY_ID_SIZE + 1];
        _cleanup_free_ void *der = NULL;
        const char *complaint;
        const Parameters *p = parameters;
        Keyd *keyd = userdata;
        EndTask *t;
        size_t size;
        Key *k;
        int r;

        k = find_key(link, keyd, p->id, _KEY_PURPOSE_INVALID, &r);
        if (!k)
                return r;
        if (strlen(sd_json_variant_string(p->certificate)) > CERTIFICATE_BASE64_MAX ||
            sd_json_variant_unbase64(p->certificate, &der, &size) < 0 ||
            (r = leaf_parse(der, size, leaf_key_id)) == -EBADMSG)
                return keyd_refuse(link, keyd, KEY_ERROR_BAD_PAYLOAD, "It is not one certificate.");
        if (r < 0)
                return r;
        complaint = revocation_complaint(k, p, leaf_key_id);
        if (complaint)
                return keyd_refuse(link, keyd, KEY_ERROR_BAD_PAYLOAD, complaint);
        t = task_new(&end_kind, keyd, link, k);
        if (!t)
                return -ENOMEM;
        task = &t->task;
        if ((r = revocation_payload(der, size, p->reason, &payload)) < 0 ||
            (r = end_compose(k, p, p->kid, p->nonce, payload, &t->outer)) < 0)
                return r;
        return task_start(TAKE_PTR(task), keyd->signers, JOB_ORDINARY);
}

const VlMethod account_methods[] = {
        { "io.hagw.Key.SignKeyChange", VL_PEER_ACMED, vl_method_sign_key_change,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("id", Parameters, id),
                        FIELD_STRING("newId", Parameters, new_id),
                        FIELD_STRING("url", Parameters, url),
                        FIELD_STRING("account", Parameters, account),
                        FIELD_STRING("nonce", Parameters, nonce)) },
        { "io.hagw.Key.SignRevocation", VL_PEER_ACMED, vl_method_sign_revocation,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("id", Parameters, id),
                        FIELD_STRING("url", Parameters, url),
                        FIELD_STRING("nonce", Parameters, nonce),
                        FIELD_VARIANT("certificate", STRING, Parameters, certificate),
                        FIELD_INT64("reason", Parameters, reason),
                        FIELD_STRING("kid", Parameters, kid, SD_JSON_NULLABLE)) },
        {},
};

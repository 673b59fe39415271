/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key's methods that sign. What is asked is judged on the main thread; the arithmetic is that of the
 * signers' threads. */

#include "hagw-keyd/csr.h"
#include "hagw-keyd/jws.h"
#include "hagw-keyd/keyd-varlink.h"
#include "hagw-keyd/payload.h"
#include "hagw-keyd/task.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/strv.h"
#include "libhagw/vl-io.hagw.Key.h"

#define HANDSHAKE_BASE64_MAX 512U /* characters; the longest handshake has 201 bytes */

typedef struct Parameters {
        const char *id, *scheme, *protected, *payload;
        sd_json_variant *data;
        char **names;
        bool include_key;
} Parameters;

typedef struct HandshakeTask {
        Task task;
        gnutls_sign_algorithm_t algorithm;
        void *data;
        size_t size;
        gnutls_datum_t signature;
} HandshakeTask;

static int handshake_run(Task *task) {
        HandshakeTask *t = (HandshakeTask *) task;

        return key_sign(task->key, t->algorithm, t->data, t->size, &t->signature);
}

static int handshake_answer(Task *task) {
        HandshakeTask *t = (HandshakeTask *) task;

        if (task->result < 0)
                return sd_varlink_error_errno(task->link, task->result);
        task->keyd->signatures[SIGNATURE_HANDSHAKE]++;
        return sd_varlink_replybo(
                task->link,
                SD_JSON_BUILD_PAIR("signature", SD_JSON_BUILD_BASE64(t->signature.data, t->signature.size)));
}

static void handshake_release(Task *task) {
        HandshakeTask *t = (HandshakeTask *) task;

        free(t->data);
        datum_done(&t->signature);
}

static int refuse_handshake(sd_varlink *link, Keyd *keyd) {
        keyd->refusals++;
        return sd_varlink_error(link, KEY_ERROR_NOT_A_TLS_HANDSHAKE, NULL);
}

static int vl_method_sign_handshake(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        static const TaskKind kind = { sizeof(HandshakeTask), handshake_run, handshake_answer,
                                       handshake_release };
        _cleanup_free_ void *data = NULL;
        Keyd *keyd = userdata;
        SignatureScheme scheme;
        Handshake handshake;
        const Parameters *p = parameters;
        HandshakeTask *t;
        size_t size;
        Key *k;
        int r;

        k = find_key(link, keyd, p->id, KEY_PURPOSE_TLS, &r);
        if (!k)
                return r;
        if (strlen(sd_json_variant_string(p->data)) > HANDSHAKE_BASE64_MAX ||
            sd_json_variant_unbase64(p->data, &data, &size) < 0)
                return refuse_handshake(link, keyd);
        scheme = signature_scheme_from_string(p->scheme);
        handshake = policy_classify(data, size);
        if (!policy_scheme_fits(scheme, k->algorithm, handshake))
                return refuse_handshake(link, keyd);
        t = task_new(&kind, keyd, link, k);
        if (!t)
                return -ENOMEM;
        t->algorithm = signature_scheme_to_gnutls(scheme, handshake);
        t->data = TAKE_PTR(data);
        t->size = size;
        /* Handing it over costs as much as such a signature (bench/bench_keyd.py). */
        if (!key_algorithm_is_rsa(k->algorithm))
                return task_run_here(&t->task);
        return task_start(&t->task, keyd->signers, JOB_URGENT);
}

typedef struct JwsTask {
        Task task;
        Jws jws;
        gnutls_x509_crq_t csr; /* NULL: the payload has none */
        char *text;
} JwsTask;

static int jws_run(Task *task) {
        JwsTask *t = (JwsTask *) task;
        int r = t->csr ? csr_verify(t->csr) : 0;

        return r < 0 ? r : jws_sign(task->key, &t->jws, &t->text);
}

static int refuse_payload(sd_varlink *link, Keyd *keyd, const char *reason) {
        return keyd_refuse(link, keyd, KEY_ERROR_BAD_PAYLOAD, reason);
}

static int jws_answer(Task *task) {
        JwsTask *t = (JwsTask *) task;

        if (task->result == -EBADMSG)
                return refuse_payload(task->link, task->keyd, "The certificate request is not signed.");
        if (task->result < 0)
                return sd_varlink_error_errno(task->link, task->result);
        task->keyd->signatures[SIGNATURE_JWS]++;
        return sd_varlink_replybo(task->link, SD_JSON_BUILD_PAIR("jws", SD_JSON_BUILD_STRING(t->text)));
}

static void jws_release(Task *task) {
        JwsTask *t = (JwsTask *) task;

        jws_done(&t->jws);
        csr_done(&t->csr);
        free(t->text);
}

/* A certificate is asked for only where its key is held here, for TLS: then only keyd can have signed the
 * request, and whoever finalizes cannot have the key. 0, or the reason was answered. */
static int judge_request(sd_varlink *link, Keyd *keyd, const Payload *payload, gnutls_x509_crq_t *ret) {
        char id[KEY_ID_SIZE + 1];
        Key *k;
        int r;

        *ret = NULL;
        if (!payload->csr)
                return 0;
        r = csr_parse(payload->csr, payload->csr_size, ret, id);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return refuse_payload(link, keyd, "The csr is not one certificate request.");
        k = keys_find(keyd->keys, id);
        if (!k || k->purpose != KEY_PURPOSE_TLS)
                return refuse_payload(link, keyd, "The certificate request's key is not held here.");
        return 0;
}

static int vl_method_sign_jws(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        static const TaskKind kind = { sizeof(JwsTask), jws_run, jws_answer, jws_release };
        _cleanup_(task_freep) Task *task = NULL;
        _cleanup_payload_ Payload payload = {};
        const char *reason = NULL;
        const Parameters *p = parameters;
        Keyd *keyd = userdata;
        JwsTask *t;
        Key *k;
        int r;

        k = find_key(link, keyd, p->id, KEY_PURPOSE_ACCOUNT, &r);
        if (!k)
                return r;
        t = task_new(&kind, keyd, link, k);
        if (!t)
                return -ENOMEM;
        task = &t->task;
        r = payload_parse(p->payload, &payload, &reason);
        if (r == -EINVAL)
                return refuse_payload(link, keyd, reason);
        if (r < 0)
                return r;
        r = judge_request(link, keyd, &payload, &t->csr);
        if (r != 0)
                return r;
        r = jws_compose(k, p->protected, payload.text, p->include_key, &t->jws, &reason);
        if (r == -EINVAL)
                return keyd_refuse(link, keyd, KEY_ERROR_BAD_HEADER, reason);
        if (r < 0)
                return r;
        return task_start(TAKE_PTR(task), keyd->signers, JOB_ORDINARY);
}

/* Normalizes in place; NULL where all are host names, perhaps behind "*.", else the first that is not. */
static const char *find_bad_name(char **names) {
        char normalized[HOSTNAME_MAX + 1];
        size_t n = 0;

        for (char **p = names; p && *p; p++, n++) {
                const char *plain = startswith(*p, "*.") ?: *p;

                if (n >= CSR_NAMES_MAX || hostname_normalize(plain, strlen(plain), normalized) < 0)
                        return *p;
                /* Never longer than what it was made from. */
                memcpy(*p + (plain - *p), normalized, strlen(normalized) + 1);
        }
        return n == 0 ? "" : NULL;
}

typedef struct RequestTask {
        Task task;
        char **names;
        gnutls_datum_t der;
} RequestTask;

static int request_run(Task *task) {
        RequestTask *t = (RequestTask *) task;

        return csr_make(task->key, t->names, &t->der);
}

static int request_answer(Task *task) {
        RequestTask *t = (RequestTask *) task;

        if (task->result < 0)
                return sd_varlink_error_errno(task->link, task->result);
        task->keyd->signatures[SIGNATURE_REQUEST]++;
        return sd_varlink_replybo(task->link,
                                  SD_JSON_BUILD_PAIR("csr", SD_JSON_BUILD_BASE64(t->der.data, t->der.size)));
}

static void request_release(Task *task) {
        RequestTask *t = (RequestTask *) task;

        strv_free(t->names);
        datum_done(&t->der);
}

static int vl_method_make_request(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        static const TaskKind kind = { sizeof(RequestTask), request_run, request_answer, request_release };
        Parameters *p = parameters;
        Keyd *keyd = userdata;
        RequestTask *t;
        const char *bad;
        Key *k;
        int r;

        k = find_key(link, keyd, p->id, KEY_PURPOSE_TLS, &r);
        if (!k)
                return r;
        bad = find_bad_name(p->names);
        if (bad)
                return sd_varlink_errorbo(link, KEY_ERROR_BAD_NAME,
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(bad)));
        t = task_new(&kind, keyd, link, k);
        if (!t)
                return -ENOMEM;
        t->names = TAKE_PTR(p->names);
        return task_start(&t->task, keyd->signers, JOB_ORDINARY);
}

const VlMethod sign_methods[] = {
        { "io.hagw.Key.SignHandshake", VL_PEER_PROXYD, vl_method_sign_handshake,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("id", Parameters, id),
                        FIELD_STRING("scheme", Parameters, scheme),
                        FIELD_VARIANT("data", STRING, Parameters, data)) },
        { "io.hagw.Key.SignJws", VL_PEER_ACMED, vl_method_sign_jws,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("id", Parameters, id),
                        FIELD_STRING("protected", Parameters, protected),
                        FIELD_STRING("payload", Parameters, payload),
                        FIELD_BOOL("includeKey", Parameters, include_key)) },
        { "io.hagw.Key.MakeRequest", VL_PEER_ACMED, vl_method_make_request,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("id", Parameters, id),
                        FIELD_STRV("names", Parameters, names)) },
        {},
};

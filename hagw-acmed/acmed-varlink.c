/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Acme: who may ask for what, and the answers. Main thread only. */

#include "hagw-acmed/acmed-varlink.h"
#include "hagw-acmed/chain.h"
#include "hagw-acmed/manager.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Acme.h"
#include "libhagw/vl-io.hagw.Key.h"

#define KEY_TIMEOUT_USEC (20 * USEC_PER_SEC)

typedef struct Parameters {
        const char *name, *chain, *key_id;
        bool now;
} Parameters;

static int refuse(sd_varlink *link, const char *reason) {
        return sd_varlink_errorbo(link, ACME_ERROR_BAD_CERTIFICATE,
                                  SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
}

static int vl_method_watch(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = manager_to_json(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return vl_stream_answer(&m->watchers, link, flags, v);
}

static int vl_method_watch_accounts(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = manager_accounts_to_json(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return vl_stream_answer(&m->account_watchers, link, flags, v);
}

/* The certificate a caller named, or NULL with *ret_answer set. */
static Certificate *find_certificate(sd_varlink *link, Manager *m, const Parameters *p, int *ret_answer) {
        Certificate *c = store_find_any(&m->store, p->name);

        if (!c)
                *ret_answer = sd_varlink_errorbo(link, ACME_ERROR_NO_SUCH_CERTIFICATE,
                                                 SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)));
        return c;
}

static int vl_method_renew(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Parameters *p = parameters;
        Manager *m = userdata;
        Certificate *c;
        int r;

        c = find_certificate(link, m, p, &r);
        if (!c)
                return r;
        r = manager_renew(m, c, p->now);
        if (r == -EAGAIN)
                return sd_varlink_errorbo(
                        link, ACME_ERROR_LIMITED, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)),
                        SD_JSON_BUILD_PAIR("untilUSec",
                                           SD_JSON_BUILD_UNSIGNED(manager_get_limit(
                                                   m, c, AUTHORITY_FIRST, /* now_usec= */ 0))));
        if (r == -EBUSY)
                return sd_varlink_errorbo(link, ACME_ERROR_BUSY,
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)));
        if (r == -EOPNOTSUPP)
                return refuse(link, c->imported ? "It was imported: import its successor."
                                    : c->wanted ? c->error ?: "It cannot be ordered."
                                                : "The configuration no longer asks for it.");
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_reply(link, NULL);
}

static int vl_method_retry(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        manager_retry(userdata);
        return sd_varlink_reply(link, NULL);
}

static int vl_method_remove(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Manager *m = userdata;
        Certificate *c;
        int r;

        c = find_certificate(link, m, parameters, &r);
        if (!c)
                return r;
        r = manager_remove(m, c);
        if (r == -EBUSY)
                return refuse(link, "The configuration asks for it: remove the zone or host there first.");
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        manager_run(m);
        return sd_varlink_reply(link, NULL);
}

/* An import that waits for hagw-keyd's word about the key. The caller's link is kept until then. */
typedef struct Import {
        Manager *manager;
        sd_varlink *link;
        char *chain, *key_id;
} Import;

static Import *import_free(Import *i) {
        if (!i)
                return NULL;
        sd_varlink_unref(i->link);
        free(i->chain);
        free(i->key_id);
        free(i);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Import *, import_free)

static const char *names_complaint(const Chain *chain) {
        char normalized[HOSTNAME_MAX + 1];

        for (char **p = chain->names; *p; p++) {
                const char *plain = startswith(*p, "*.") ?: *p;

                if (hostname_normalize(plain, strlen(plain), normalized) < 0)
                        return "The certificate is for something that is no host name.";
        }
        return NULL;
}

/* NULL where chain and key fit together. */
static const char *import_complaint(const Import *i, sd_json_variant *key) {
        sd_json_variant *spki = sd_json_variant_by_key(key, "publicKey"),
                        *purpose = sd_json_variant_by_key(key, "purpose");
        _cleanup_free_ void *der = NULL;
        _cleanup_chain_ Chain chain = {};
        const char *reason;
        size_t size;

        if (chain_parse(i->chain, &chain, &reason) < 0)
                return reason;
        if (!purpose || !sd_json_variant_is_string(purpose) ||
            !streq(sd_json_variant_string(purpose), "tls"))
                return "The key is not for TLS.";
        if (!spki || sd_json_variant_unbase64(spki, &der, &size) < 0)
                return "The key cannot be read.";
        return names_complaint(&chain) ?:
                       chain_complaint(&chain, NULL, der, size, clock_usec(CLOCK_REALTIME));
}

static void on_import_key(sd_json_variant *reply, const char *error, void *userdata) {
        _cleanup_(import_freep) Import *i = userdata;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *key = reply && !error ? sd_json_variant_by_key(reply, "key") : NULL;
        const char *reason;
        Certificate *c;
        int r;

        if (!key) {
                (void) refuse(i->link, error && streq(error, KEY_ERROR_NO_SUCH_KEY)
                                               ? "hagw-keyd holds no such key: import it first."
                                               : "hagw-keyd cannot be asked about the key.");
                return;
        }
        reason = import_complaint(i, key);
        if (reason) {
                (void) refuse(i->link, reason);
                return;
        }
        r = manager_import(i->manager, i->chain, i->key_id, &c);
        if (r >= 0)
                r = manager_certificate_to_json(i->manager, c, &v);
        if (r < 0) {
                (void) sd_varlink_error_errno(i->link, r);
                return;
        }
        (void) sd_varlink_replybo(i->link, SD_JSON_BUILD_PAIR("certificate", SD_JSON_BUILD_VARIANT(v)));
}

static int import_new(Manager *m, sd_varlink *link, const Parameters *p, Import **ret) {
        _cleanup_(import_freep) Import *i = calloc(1, sizeof(*i));

        if (!i)
                return -ENOMEM;
        i->manager = m;
        i->link = sd_varlink_ref(link);
        i->chain = strdup(p->chain);
        i->key_id = strdup(p->key_id);
        if (!i->chain || !i->key_id)
                return -ENOMEM;
        *ret = TAKE_PTR(i);
        return 0;
}

static int vl_method_import(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_(import_freep) Import *i = NULL;
        const Parameters *p = parameters;
        Manager *m = userdata;
        int r;

        r = import_new(m, link, p, &i);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(p->key_id)));
        if (r >= 0)
                r = vl_request(m->event, "io.hagw.Key", "io.hagw.Key.Get", v, KEY_TIMEOUT_USEC,
                               on_import_key, i, /* ret= */ NULL);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        TAKE_PTR(i);
        return 0;
}

const VlMethod acmed_methods[] = {
        { "io.hagw.Acme.Watch", VL_PEER_PROXYD | VL_PEER_WEBD, vl_method_watch },
        { "io.hagw.Acme.WatchAccounts", VL_PEER_DNSD, vl_method_watch_accounts },
        { "io.hagw.Acme.Renew", VL_PEER_ROOT, vl_method_renew,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("name", Parameters, name),
                        FIELD_BOOL("now", Parameters, now, SD_JSON_NULLABLE)) },
        { "io.hagw.Acme.Retry", VL_PEER_ROOT, vl_method_retry },
        { "io.hagw.Acme.Import", VL_PEER_ROOT, vl_method_import,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("chain", Parameters, chain),
                        FIELD_STRING("keyId", Parameters, key_id)) },
        { "io.hagw.Acme.Remove", VL_PEER_ROOT, vl_method_remove,
          VL_PARAMETERS(Parameters, FIELD_STRING("name", Parameters, name)) },
        {},
};

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
        int now;
} Parameters;

#define STRING_FIELD(name, member)                                                                          \
        { name, SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, offsetof(Parameters, member),        \
          SD_JSON_MANDATORY }

static int refuse(sd_varlink *link, const char *reason) {
        return sd_varlink_errorbo(link, ACME_ERROR_BAD_CERTIFICATE,
                                  SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
}

static int vl_method_watch(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD | VL_PEER_WEBD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, (const sd_json_dispatch_field[]) { {} }, NULL);
        if (r != 0)
                return r;
        r = manager_to_json(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return flags & SD_VARLINK_METHOD_MORE ? vl_stream_add(&m->watchers, link, v)
                                              : sd_varlink_reply(link, v);
}

static int vl_method_watch_accounts(sd_varlink *link, sd_json_variant *parameters,
                                    sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_DNSD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, (const sd_json_dispatch_field[]) { {} }, NULL);
        if (r != 0)
                return r;
        r = manager_accounts_to_json(m, &v);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return flags & SD_VARLINK_METHOD_MORE ? vl_stream_add(&m->account_watchers, link, v)
                                              : sd_varlink_reply(link, v);
}

/* The certificate a caller named, or NULL with *ret_answer set. */
static Certificate *find_certificate(sd_varlink *link, sd_json_variant *parameters, Manager *m,
                                     Parameters *p, int *ret_answer) {
        static const sd_json_dispatch_field table[] = {
                STRING_FIELD("name", name),
                { "now", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_intbool, offsetof(Parameters, now),
                  SD_JSON_NULLABLE },
                {},
        };
        Certificate *c;

        *ret_answer = vl_check_peer(link, VL_PEER_ROOT);
        if (*ret_answer != 0)
                return NULL;
        *ret_answer = sd_varlink_dispatch(link, parameters, table, p);
        if (*ret_answer != 0)
                return NULL;
        c = store_find_any(&m->store, p->name);
        if (!c)
                *ret_answer = sd_varlink_errorbo(link, ACME_ERROR_NO_SUCH_CERTIFICATE,
                                                 SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->name)));
        return c;
}

static int vl_method_renew(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata) {
        Manager *m = userdata;
        Parameters p = {};
        const Tries *first;
        Certificate *c;
        int r;

        c = find_certificate(link, parameters, m, &p, &r);
        if (!c)
                return r;
        r = manager_renew(m, c, p.now);
        first = tries_list_find(&c->tries, AUTHORITY_FIRST);
        if (r == -EAGAIN)
                return sd_varlink_errorbo(
                        link, ACME_ERROR_LIMITED, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)),
                        SD_JSON_BUILD_PAIR("untilUSec", SD_JSON_BUILD_UNSIGNED(first->limit_usec)));
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

static int vl_method_retry(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata) {
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, (const sd_json_dispatch_field[]) { {} }, NULL);
        if (r != 0)
                return r;
        manager_retry(userdata);
        return sd_varlink_reply(link, NULL);
}

static int vl_method_remove(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                            void *userdata) {
        Manager *m = userdata;
        Parameters p = {};
        Certificate *c;
        int r;

        c = find_certificate(link, parameters, m, &p, &r);
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
                r = certificate_to_json(c, &v);
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

static int vl_method_import(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                            void *userdata) {
        static const sd_json_dispatch_field table[] = { STRING_FIELD("chain", chain),
                                                        STRING_FIELD("keyId", key_id),
                                                        {} };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_(import_freep) Import *i = NULL;
        Manager *m = userdata;
        Parameters p = {};
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        r = import_new(m, link, &p, &i);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(p.key_id)));
        if (r >= 0)
                r = vl_request(m->event, "io.hagw.Key", "io.hagw.Key.Get", v, KEY_TIMEOUT_USEC,
                               on_import_key, i, /* ret= */ NULL);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        TAKE_PTR(i);
        return 0;
}

const VlMethod acmed_methods[] = {
        { "io.hagw.Acme.Watch", vl_method_watch },
        { "io.hagw.Acme.WatchAccounts", vl_method_watch_accounts },
        { "io.hagw.Acme.Renew", vl_method_renew },
        { "io.hagw.Acme.Retry", vl_method_retry },
        { "io.hagw.Acme.Revoke", vl_method_revoke },
        { "io.hagw.Acme.Import", vl_method_import },
        { "io.hagw.Acme.Remove", vl_method_remove },
        { "io.hagw.Acme.ListAccounts", vl_method_list_accounts },
        { "io.hagw.Acme.LookAtAccount", vl_method_look_at_account },
        { "io.hagw.Acme.NewAccount", vl_method_new_account },
        { "io.hagw.Acme.ChangeAccountKey", vl_method_change_account_key },
        {},
};

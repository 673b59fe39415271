/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant: what root asks, mostly through hagw-ctl tenant. A change is stored before it is answered.
 * Main thread only. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/root-internal.h"
#include "hagw-tenantd/tenant-json.h"
#include "hagw-tenantd/token.h"
#include "libhagw/log.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Tenant.h"

/* --- one tenant ---------------------------------------------------------------------------------------- */

void label_lower(const char *name, char out[static LABEL_SIZE]) {
        size_t i;

        for (i = 0; name[i] && i < HOSTNAME_LABEL_MAX + 1; i++)
                out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char) (name[i] - 'A' + 'a') : name[i];
        out[i] = '\0';
}

int find_tenant(Manager *m, sd_varlink *link, const char *name, Found *ret) {
        _cleanup_query_ sqlite3_stmt *q = NULL;
        Tenant t;
        int r;

        label_lower(name, ret->name);
        r = tenant_query_name(&m->db, ret->name, clock_usec(CLOCK_REALTIME), &q);
        if (r >= 0)
                r = tenant_next(q, &t);
        if (r < 0)
                return error_store(link, r);
        if (r == 0)
                return error_text(link, TENANT_ERROR_NO_SUCH_TENANT, "name", name);
        ret->id = t.id;
        ret->settings = t.settings;
        (void) stpncpy(ret->note, t.settings.note, TENANT_NOTE_MAX);
        ret->note[TENANT_NOTE_MAX] = '\0';
        ret->settings.note = ret->note;
        return 1;
}

int reply_tenant(Manager *m, sd_varlink *link, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = tenant_by_name(m, name, &v);
        if (r < 0)
                return error_store(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_VARIANT(v)));
}

int set_domains(Manager *m, sd_varlink *link, int64_t id, char **domains) {
        char owner[HOSTNAME_LABEL_MAX + 1];
        const char *taken = NULL;
        int r;

        r = tenant_set_domains(&m->db, id, domains, &taken);
        if (r >= 0)
                return 1;
        if (r != -EEXIST || tenant_domain_owner(&m->db, taken, owner) < 0)
                return error_store(link, r);
        return sd_varlink_errorbo(link, TENANT_ERROR_DOMAIN_TAKEN,
                                  SD_JSON_BUILD_PAIR("domain", SD_JSON_BUILD_STRING(taken)),
                                  SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(owner)));
}

static int vl_method_get(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Given *g = parameters;
        Found t;
        int r;

        r = find_tenant(userdata, link, g->name, &t);
        return r <= 0 ? r : reply_tenant(userdata, link, t.name);
}

static int vl_method_set(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_transaction_ DbTransaction transaction = {};
        _cleanup_(strv_freep) char **domains = NULL;
        const Given *g = parameters;
        Manager *m = userdata;
        Found t;
        int r;

        r = find_tenant(m, link, g->name, &t);
        if (r > 0 && g->domains && !m->config->tenants.zone)
                return sd_varlink_error(link, TENANT_ERROR_NO_RELAY, NULL);
        if (r > 0)
                r = given_apply(link, g, &t.settings);
        if (r > 0)
                r = given_domains(m, link, g->domains, &domains);
        if (r <= 0)
                return r;
        r = db_begin(&m->db, &transaction);
        if (r >= 0)
                r = tenant_set(&m->db, t.id, &t.settings);
        if (r < 0)
                return error_store(link, r);
        r = domains ? set_domains(m, link, t.id, domains) : 1;
        if (r <= 0)
                return r;
        r = db_commit(&transaction);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("Tenant %s was changed%s.", t.name, g->suspended > 0    ? " and is suspended"
                                                     : g->suspended == 0 ? " and is not suspended"
                                                                        : "");
        return reply_tenant(m, link, t.name);
}

static int vl_method_remove(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const Given *g = parameters;
        Manager *m = userdata;
        Found t;
        int r;

        r = find_tenant(m, link, g->name, &t);
        if (r <= 0)
                return r;
        r = tenant_remove(&m->db, t.id);
        if (r < 0)
                return error_store(link, r);
        publisher_forget(m->publisher, t.name);
        manager_changed(m);
        log_info("Tenant %s was removed.", t.name);
        return sd_varlink_reply(link, NULL);
}

/* --- tokens and codes ---------------------------------------------------------------------------------- */

static int vl_method_issue_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_transaction_ DbTransaction transaction = {};
        char id[RELAY_TOKEN_ID_LENGTH + 1], text[RELAY_TOKEN_TEXT_SIZE];
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        uint64_t expires, others;
        const Given *g = parameters;
        Manager *m = userdata;
        Found t;
        int r;

        r = find_tenant(m, link, g->name, &t);
        if (r > 0)
                r = given_token_expiry(link, g->lifetime_usec, "lifetimeUSec", now, &expires);
        if (r > 0)
                r = given_token_expiry(link, g->others_lifetime_usec, "othersLifetimeUSec", now, &others);
        if (r <= 0)
                return r;
        r = db_begin(&m->db, &transaction);
        if (r >= 0 && others != USEC_INFINITY)
                r = token_shorten(&m->db, t.id, others);
        if (r >= 0)
                r = token_issue(&m->db, t.id, t.name, now, expires, id, text);
        if (r == -E2BIG)
                return error_tokens_full(link, t.name);
        if (r >= 0)
                r = db_commit(&transaction);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("Tenant %s has a new token, %s.", t.name, id);
        r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(id)),
                               SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(text)));
        explicit_bzero(text, sizeof(text));
        return r;
}

static int vl_method_issue_code(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char text[RELAY_CODE_TEXT_SIZE];
        const Given *g = parameters;
        Manager *m = userdata;
        uint64_t expires;
        Found t;
        int r;

        r = find_tenant(m, link, g->name, &t);
        if (r > 0)
                r = given_code_expiry(link, g->lifetime_usec, now, &expires);
        if (r <= 0)
                return r;
        /* A code that cannot be used is none. */
        r = token_check_room(&m->db, t.id, now);
        if (r == -E2BIG)
                return error_tokens_full(link, t.name);
        if (r >= 0)
                r = code_issue(&m->db, t.id, now, expires, text);
        if (r == -E2BIG)
                return error_full(link, "codes", TENANT_CODES_MAX);
        if (r < 0)
                return error_store(link, r);
        log_info("Tenant %s has a new enrolment code.", t.name);
        r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("code", SD_JSON_BUILD_STRING(text)),
                               SD_JSON_BUILD_PAIR("expiresUSec", SD_JSON_BUILD_UNSIGNED(expires)));
        explicit_bzero(text, sizeof(text));
        return r;
}

static int vl_method_revoke_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_transaction_ DbTransaction transaction = {};
        const Given *g = parameters;
        Manager *m = userdata;
        int r, tokens = 0, codes = 0;
        Found t;

        r = find_tenant(m, link, g->name, &t);
        if (r <= 0)
                return r;
        r = db_begin(&m->db, &transaction);
        if (r >= 0)
                r = tokens = token_revoke(&m->db, t.id, g->token_id);
        if (r == 0 && g->token_id)
                return error_text(link, TENANT_ERROR_NO_SUCH_TOKEN, "tokenId", g->token_id);
        if (r >= 0 && !g->token_id)
                r = codes = code_revoke_all(&m->db, t.id);
        if (r >= 0)
                r = db_commit(&transaction);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("Tenant %s: %s revoked.", t.name, g->token_id ?: "all tokens and codes");
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tokens", SD_JSON_BUILD_INTEGER(tokens)),
                                  SD_JSON_BUILD_PAIR("codes", SD_JSON_BUILD_INTEGER(codes)));
}

const VlMethod root_methods[] = {
        { "io.hagw.Tenant.Get", VL_PEER_ROOT, vl_method_get, GIVEN },
        { "io.hagw.Tenant.Set", VL_PEER_ROOT, vl_method_set, GIVEN },
        { "io.hagw.Tenant.Remove", VL_PEER_ROOT, vl_method_remove, GIVEN },
        { "io.hagw.Tenant.IssueToken", VL_PEER_ROOT, vl_method_issue_token, GIVEN },
        { "io.hagw.Tenant.IssueCode", VL_PEER_ROOT, vl_method_issue_code, GIVEN },
        { "io.hagw.Tenant.RevokeToken", VL_PEER_ROOT, vl_method_revoke_token, GIVEN },
        {},
};

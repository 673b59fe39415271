/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Tenant: one new tenant, or many at once. Main thread only. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/root-internal.h"
#include "hagw-tenantd/tenant-json.h"
#include "hagw-tenantd/token.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Tenant.h"

#define ADD_MANY_MAX 100000U
#define NAME_RANDOM_BYTES 5U /* 8 characters */
#define NAME_RANDOM_LENGTH BASE32_LENGTH(NAME_RANDOM_BYTES)
#define PREFIX_MAX 40U
#define NAME_TRIES_MAX 8U

/* What is told of each, once. */
typedef struct New {
        char name[LABEL_SIZE];
        char credential[RELAY_TOKEN_TEXT_SIZE]; /* token or code; empty: none */
} New;

/* What they have in common. */
typedef struct Batch {
        Manager *manager;
        TenantSettings settings;
        Credential credential;
        uint64_t now_usec, expires_usec;
        size_t n, told;
        New news[];
} Batch;

static void batch_free(void *data) {
        Batch *b = data;

        if (!b)
                return;
        explicit_bzero(b->news, b->n * sizeof(New));
        free(b);
}

static void batch_freep(Batch **b) {
        batch_free(*b);
}

/* 1, or the handler's result. */
static int batch_new(Manager *m, sd_varlink *link, const Given *g, size_t n, Batch **ret) {
        TenantCounts counts;
        Batch *b;
        int r;

        if (!m->config->tenants.zone)
                return sd_varlink_error(link, TENANT_ERROR_NO_RELAY, NULL);
        r = tenant_count(&m->db, &counts);
        if (r < 0)
                return error_store(link, r);
        if (counts.tenants + n > TENANTS_MAX)
                return error_full(link, "tenants", TENANTS_MAX);
        b = calloc(1, sizeof(*b) + n * sizeof(New));
        if (!b)
                return sd_varlink_error_errno(link, -ENOMEM);
        b->manager = m;
        b->settings = (TenantSettings) { .note = "", .agents = 1 };
        b->now_usec = clock_usec(CLOCK_REALTIME);
        b->n = n;
        r = given_apply(link, g, &b->settings);
        if (r > 0)
                r = given_credential(link, g, b->now_usec, &b->credential, &b->expires_usec);
        if (r <= 0) {
                batch_free(b);
                return r;
        }
        *ret = b;
        return 1;
}

/* In the caller's transaction. -EEXIST: the name is taken. */
static int batch_store(Batch *b, New *new, int64_t *ret_id) {
        char id[RELAY_TOKEN_ID_LENGTH + 1];
        Db *db = &b->manager->db;
        int r;

        r = tenant_add(db, new->name, &b->settings, b->now_usec, ret_id);
        if (r >= 0 && b->credential == CREDENTIAL_TOKEN)
                r = token_issue(db, *ret_id, new->name, b->now_usec, b->expires_usec, id, new->credential);
        if (r >= 0 && b->credential == CREDENTIAL_CODE)
                r = code_issue(db, *ret_id, b->now_usec, b->expires_usec, new->credential);
        return r;
}

static int new_to_json(const Batch *b, const New *new, sd_json_variant **ret) {
        _cleanup_free_ char *zone = tenant_zone_name(b->manager, new->name);

        if (!zone)
                return -ENOMEM;
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(new->name)),
                SD_JSON_BUILD_PAIR("zone", SD_JSON_BUILD_STRING(zone)),
                SD_JSON_BUILD_PAIR_CONDITION(!!*new->credential, "credential",
                                             SD_JSON_BUILD_STRING(new->credential)),
                SD_JSON_BUILD_PAIR_CONDITION(b->expires_usec != USEC_INFINITY, "expiresUSec",
                                             SD_JSON_BUILD_UNSIGNED(b->expires_usec)));
}

static int vl_method_add(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_transaction_ DbTransaction transaction = {};
        _cleanup_(strv_freep) char **domains = NULL;
        _cleanup_(batch_freep) Batch *b = NULL;
        const Given *g = parameters;
        Manager *m = userdata;
        const char *problem;
        int64_t id;
        int r;

        r = batch_new(m, link, g, 1, &b);
        if (r > 0)
                r = given_domains(m, link, g->domains, &domains);
        if (r <= 0)
                return r;
        assert(b);
        label_lower(g->name, b->news[0].name);
        problem = manager_name_problem(m, b->news[0].name);
        if (problem)
                return error_bad(link, TENANT_ERROR_BAD_NAME, "name", g->name, problem);
        r = db_begin(&m->db, &transaction);
        if (r >= 0)
                r = batch_store(b, b->news, &id);
        if (r == -EEXIST)
                return error_text(link, TENANT_ERROR_TENANT_EXISTS, "name", b->news[0].name);
        if (r < 0)
                return error_store(link, r);
        r = set_domains(m, link, id, domains);
        if (r <= 0)
                return r;
        r = db_commit(&transaction);
        if (r >= 0)
                r = new_to_json(b, b->news, &v);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("Tenant %s was added.", b->news[0].name);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_VARIANT(v)));
}

/* --- many new tenants ---------------------------------------------------------------------------------- */

static int add_random(Batch *b, const char *prefix, New *new) {
        uint8_t bytes[NAME_RANDOM_BYTES];
        int64_t id;
        int r = -EEXIST;

        for (unsigned i = 0; i < NAME_TRIES_MAX && r == -EEXIST; i++) {
                r = random_bytes(bytes, sizeof(bytes));
                if (r < 0)
                        return r;
                base32_encode(bytes, sizeof(bytes), stpcpy(new->name, prefix));
                r = batch_store(b, new, &id);
        }
        return r;
}

static int add_many_page(void *cursor, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        Batch *b = cursor;
        size_t end = MIN(b->told + TENANT_PAGE_MAX, b->n);
        sd_json_variant *v;
        int r = 0;

        for (; r >= 0 && b->told < end; b->told++) {
                r = new_to_json(b, &b->news[b->told], &v);
                if (r >= 0)
                        r = array_take(&array, v);
        }
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_VARIANT(array)));
        if (r < 0)
                return r;
        return b->told == b->n ? VL_PAGE_LAST : VL_PAGE_CONTINUE;
}

static const VlPagesType add_many_type = { .page = add_many_page, .free = batch_free };

/* 1, or the handler's result. */
static int check_prefix(const Manager *m, sd_varlink *link, const char *prefix) {
        char name[PREFIX_MAX + NAME_RANDOM_LENGTH + 1];
        const char *problem = "A prefix has at most 40 characters.";

        if (strlen(prefix) <= PREFIX_MAX) {
                (void) stpcpy(stpcpy(name, prefix), "aaaaaaaa");
                problem = manager_name_problem(m, name);
        }
        if (!problem)
                return 1;
        return error_bad(link, TENANT_ERROR_BAD_NAME, "name", prefix, problem);
}

static int vl_method_add_many(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_transaction_ DbTransaction transaction = {};
        _cleanup_(batch_freep) Batch *b = NULL;
        const Given *g = parameters;
        Manager *m = userdata;
        int r;

        if (g->count < 1 || g->count > ADD_MANY_MAX)
                return sd_varlink_error_invalid_parameter_name(link, "count");
        r = batch_new(m, link, g, g->count, &b);
        if (r > 0)
                r = check_prefix(m, link, strempty(g->prefix));
        if (r <= 0)
                return r;
        assert(b);
        r = db_begin(&m->db, &transaction);
        for (size_t i = 0; r >= 0 && i < b->n; i++)
                r = add_random(b, strempty(g->prefix), &b->news[i]);
        if (r >= 0)
                r = db_commit(&transaction);
        if (r < 0)
                return error_store(link, r);
        manager_changed(m);
        log_info("%zu %s added.", b->n, plural(b->n, "tenant was", "tenants were"));
        b->settings.note = ""; /* the call's own goes with it */
        return vl_pages_add(m->pages, link, &add_many_type, TAKE_PTR(b));
}

const VlMethod add_methods[] = {
        { "io.hagw.Tenant.Add", VL_PEER_ROOT, vl_method_add, GIVEN },
        { "io.hagw.Tenant.AddMany", VL_PEER_ROOT, vl_method_add_many, GIVEN },
        {},
};

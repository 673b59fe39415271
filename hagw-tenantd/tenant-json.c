/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants, tokens, accounts and usage as JSON. */

#include <stdio.h>

#include "hagw-tenantd/tenant-json.h"
#include "hagw-tenantd/token.h"
#include "libhagw/json.h"
#include "libhagw/usec.h"

int array_take(sd_json_variant **array, sd_json_variant *v) {
        const int r = sd_json_variant_append_array(array, v);

        sd_json_variant_unref(v);
        return r;
}

char *tenant_zone_name(const Manager *m, const char *name) {
        char *text;

        if (!m->config->tenants.zone)
                return strdup(name);
        return asprintf(&text, "%s.%s", name, m->config->tenants.zone) < 0 ? NULL : text;
}

/* "a b c" or NULL. */
static int words_to_json(const char *words, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        int r;

        r = sd_json_variant_new_array(&array, NULL, 0);
        while (r >= 0 && words && *words) {
                const size_t n = strcspn(words, " ");
                sd_json_variant *v;

                r = sd_json_variant_new_stringn(&v, words, n);
                if (r >= 0)
                        r = array_take(&array, v);
                words += n + (words[n] == ' ');
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

#define UNSIGNED(name, value) SD_JSON_BUILD_PAIR(name, SD_JSON_BUILD_UNSIGNED(value))
#define BOOLEAN(name, value) SD_JSON_BUILD_PAIR(name, SD_JSON_BUILD_BOOLEAN(value))
#define STRING(name, value) SD_JSON_BUILD_PAIR(name, SD_JSON_BUILD_STRING(value))
#define VARIANT(name, value) SD_JSON_BUILD_PAIR(name, SD_JSON_BUILD_VARIANT(value))
/* A time that may be never. */
#define USEC(name, value) \
        SD_JSON_BUILD_PAIR_CONDITION((value) != USEC_INFINITY, name, SD_JSON_BUILD_UNSIGNED(value))

int route_to_json(const Manager *m, const Tenant *t, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *domains = NULL, *ids = NULL;
        int r;

        r = words_to_json(t->domains, &domains);
        if (r >= 0)
                r = words_to_json(t->token_ids, &ids);
        if (r < 0)
                return r;
        return sd_json_buildo(ret, STRING("name", t->name), VARIANT("domains", domains),
                              BOOLEAN("suspended", t->settings.suspended),
                              BOOLEAN("exhausted", t->exhausted),
                              BOOLEAN("terminate", t->settings.terminate),
                              UNSIGNED("agents", t->settings.agents),
                              UNSIGNED("channels", t->settings.channels ?: m->config->tenants.channels),
                              UNSIGNED("connectionsPerSecond", t->settings.connections_per_second),
                              UNSIGNED("bytesPerSecond", t->settings.bytes_per_second),
                              UNSIGNED("bytesPerMonth", t->settings.bytes_per_month),
                              BOOLEAN("codeWaits", t->code_waits), VARIANT("tokenIds", ids));
}

/* What a clock has noted that was ahead is no later than now. Never stays never. */
static uint64_t not_later(uint64_t usec, uint64_t now_usec) {
        return usec == USEC_INFINITY ? usec : MIN(usec, now_usec);
}

static int tokens_to_json(Db *db, int64_t tenant, uint64_t now_usec, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        _cleanup_query_ sqlite3_stmt *q = NULL;
        Token t;
        int r;

        r = sd_json_variant_new_array(&array, NULL, 0);
        if (r >= 0)
                r = token_query(db, tenant, now_usec, &q);
        while (r >= 0 && (r = token_next(q, &t)) > 0)
                r = sd_json_variant_append_arraybo(
                        &array, STRING("tokenId", t.id),
                        UNSIGNED("createdUSec", not_later(t.created_usec, now_usec)),
                        BOOLEAN("enrolled", t.enrolled), USEC("expiresUSec", t.expires_usec),
                        USEC("usedUSec", not_later(t.used_usec, now_usec)),
                        JSON_PAIR_IF_SET("issuer", t.issuer),
                        JSON_PAIR_IF_SET("accountUri", t.uri));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

int tenant_to_json(Manager *m, const Tenant *t, uint64_t now_usec, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *domains = NULL, *tokens = NULL, *v = NULL;
        _cleanup_free_ char *zone = tenant_zone_name(m, t->name);
        uint64_t code_expires;
        int r;

        if (!zone)
                return -ENOMEM;
        r = words_to_json(t->domains, &domains);
        if (r >= 0)
                r = tokens_to_json(&m->db, t->id, now_usec, &tokens);
        if (r >= 0)
                r = code_last_expiry(&m->db, t->id, now_usec, &code_expires);
        if (r >= 0)
                r = sd_json_buildo(
                        &v, STRING("name", t->name), STRING("zone", zone), VARIANT("domains", domains),
                        STRING("note", t->settings.note),
                        UNSIGNED("createdUSec", not_later(t->created_usec, now_usec)),
                        BOOLEAN("suspended", t->settings.suspended), BOOLEAN("exhausted", t->exhausted),
                        BOOLEAN("terminate", t->settings.terminate), UNSIGNED("agents", t->settings.agents),
                        UNSIGNED("channels", t->settings.channels),
                        UNSIGNED("connectionsPerSecond", t->settings.connections_per_second),
                        UNSIGNED("bytesPerSecond", t->settings.bytes_per_second),
                        UNSIGNED("bytesPerMonth", t->settings.bytes_per_month), VARIANT("tokens", tokens),
                        USEC("codeExpiresUSec", code_expires), UNSIGNED("received", t->received),
                        UNSIGNED("sent", t->sent));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

static int by_name(Manager *m, const char *name, bool whole, sd_json_variant **ret) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        _cleanup_query_ sqlite3_stmt *q = NULL;
        Tenant t;
        int r;

        r = tenant_query_name(&m->db, name, now, &q);
        if (r >= 0)
                r = tenant_next(q, &t);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        return whole ? tenant_to_json(m, &t, now, ret) : route_to_json(m, &t, ret);
}

int route_by_name(Manager *m, const char *name, sd_json_variant **ret) {
        return by_name(m, name, /* whole= */ false, ret);
}

int tenant_by_name(Manager *m, const char *name, sd_json_variant **ret) {
        return by_name(m, name, /* whole= */ true, ret);
}

int account_to_json(const Account *a, sd_json_variant **ret) {
        return sd_json_buildo(ret, STRING("issuer", a->issuer), STRING("accountUri", a->uri));
}

int accounts_to_json(const char *name, sd_json_variant *list, sd_json_variant **ret) {
        return sd_json_buildo(ret, STRING("name", name), VARIANT("accounts", list));
}

int usage_to_json(const Usage *u, sd_json_variant **ret) {
        char month[MONTH_TEXT_SIZE];

        return sd_json_buildo(ret, STRING("tenant", u->tenant),
                              STRING("month", month_format(u->month, month)),
                              UNSIGNED("received", u->received), UNSIGNED("sent", u->sent),
                              UNSIGNED("visitors", u->visitors));
}

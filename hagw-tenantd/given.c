/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading and checking what root gives. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/given.h"
#include "hagw-tenantd/name.h"
#include "hagw-tenantd/token.h"
#include "libhagw/pure/strv.h"
#include "libhagw/vl-io.hagw.Tenant.h"

#define CONNECTIONS_MAX 1000000U
#define BYTES_MAX (UINT64_C(1) << 60)
#define LIFETIME_MAX_USEC (100 * 366 * USEC_PER_DAY)

/* null is as good as missing: the field keeps what says so. */
static int dispatch_number(const char *name, sd_json_variant *v, sd_json_dispatch_flags_t flags,
                           void *userdata) {
        return sd_json_variant_is_null(v) ? 0 : sd_json_dispatch_uint64(name, v, flags, userdata);
}

static int dispatch_bool(const char *name, sd_json_variant *v, sd_json_dispatch_flags_t flags,
                         void *userdata) {
        return sd_json_variant_is_null(v) ? 0 : sd_json_dispatch_intbool(name, v, flags, userdata);
}

static int dispatch_list(const char *name, sd_json_variant *v, sd_json_dispatch_flags_t flags,
                         void *userdata) {
        return sd_json_variant_is_null(v) ? 0 : sd_json_dispatch_variant_noref(name, v, flags, userdata);
}

const Given given_nothing = {
        .suspended = -1,
        .terminate = -1,
        .agents = NUMBER_NOT_GIVEN,
        .channels = NUMBER_NOT_GIVEN,
        .connections = NUMBER_NOT_GIVEN,
        .bytes = NUMBER_NOT_GIVEN,
        .month_bytes = NUMBER_NOT_GIVEN,
        .count = NUMBER_NOT_GIVEN,
        .limit = NUMBER_NOT_GIVEN,
        .months = NUMBER_NOT_GIVEN,
        .lifetime_usec = NUMBER_NOT_GIVEN,
        .others_lifetime_usec = NUMBER_NOT_GIVEN,
};

#define TEXT(name, member) FIELD_STRING(name, Given, member, SD_JSON_NULLABLE)
#define LIST(name, member) \
        FIELD(name, SD_JSON_VARIANT_ARRAY, dispatch_list, Given, member, sd_json_variant *, SD_JSON_NULLABLE)
#define BOOL(name, member) \
        FIELD(name, SD_JSON_VARIANT_BOOLEAN, dispatch_bool, Given, member, int, SD_JSON_NULLABLE)
#define UINT(name, member)                                                                                  \
        FIELD(name, _SD_JSON_VARIANT_TYPE_INVALID, dispatch_number, Given, member, uint64_t,                \
              SD_JSON_NULLABLE)

const sd_json_dispatch_field given_fields[] = {
        TEXT("name", name),
        TEXT("prefix", prefix),
        TEXT("note", note),
        TEXT("credential", credential),
        TEXT("tokenId", token_id),
        TEXT("domain", domain),
        LIST("domains", domains),
        LIST("add", add),
        LIST("remove", remove),
        BOOL("suspended", suspended),
        BOOL("terminate", terminate),
        UINT("agents", agents),
        UINT("channels", channels),
        UINT("connectionsPerSecond", connections),
        UINT("bytesPerSecond", bytes),
        UINT("bytesPerMonth", month_bytes),
        UINT("count", count),
        UINT("limit", limit),
        UINT("months", months),
        UINT("lifetimeUSec", lifetime_usec),
        UINT("othersLifetimeUSec", others_lifetime_usec),
        {},
};

/* --- settings ------------------------------------------------------------------------------------------ */

static bool note_is_valid(const char *note) {
        if (strlen(note) > TENANT_NOTE_MAX)
                return false;
        for (; *note; note++)
                if ((unsigned char) *note < ' ' || *note == 0x7f)
                        return false;
        return true;
}

int given_apply(sd_varlink *link, const Given *g, TenantSettings *settings) {
        const struct {
                const char *field;
                uint64_t given, min, max;
                uint64_t *to;
        } numbers[] = {
                { "agents", g->agents, 1, TENANT_AGENTS_MAX, &settings->agents },
                { "channels", g->channels, 0, TENANT_CHANNELS_MAX, &settings->channels },
                { "connectionsPerSecond", g->connections, 0, CONNECTIONS_MAX,
                  &settings->connections_per_second },
                { "bytesPerSecond", g->bytes, 0, BYTES_MAX, &settings->bytes_per_second },
                { "bytesPerMonth", g->month_bytes, 0, BYTES_MAX, &settings->bytes_per_month },
        };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                if (numbers[i].given == NUMBER_NOT_GIVEN)
                        continue;
                if (numbers[i].given < numbers[i].min || numbers[i].given > numbers[i].max)
                        return sd_varlink_error_invalid_parameter_name(link, numbers[i].field);
                *numbers[i].to = numbers[i].given;
        }
        if (g->note && !note_is_valid(g->note))
                return sd_varlink_error_invalid_parameter_name(link, "note");
        if (g->note)
                settings->note = g->note;
        if (g->suspended >= 0)
                settings->suspended = g->suspended;
        if (g->terminate >= 0)
                settings->terminate = g->terminate;
        return 1;
}

int given_domains(const Manager *m, sd_varlink *link, sd_json_variant *given, char ***ret) {
        _cleanup_(strv_freep) char **domains = NULL;
        const size_t n = given ? sd_json_variant_elements(given) : 0;
        char normalized[TENANT_DOMAIN_MAX + 1];

        if (!given) {
                *ret = NULL;
                return 1;
        }
        if (n > TENANT_DOMAINS_MAX)
                return error_full(link, "domains", TENANT_DOMAINS_MAX);
        domains = calloc(n + 1, sizeof(char *));
        if (!domains)
                return sd_varlink_error_errno(link, -ENOMEM);
        for (size_t i = 0; i < n; i++) {
                const char *text = sd_json_variant_string(sd_json_variant_by_index(given, i));
                const char *problem;

                if (!text)
                        return sd_varlink_error_invalid_parameter_name(link, "domains");
                problem = tenant_domain_problem(text, m->config->tenants.zone, normalized);
                if (!problem && manager_is_own_name(m, normalized))
                        problem = "This is one of the relay's own hosts.";
                if (problem)
                        return error_bad(link, TENANT_ERROR_BAD_DOMAIN, "domain", text, problem);
                domains[i] = strdup(normalized);
                if (!domains[i])
                        return sd_varlink_error_errno(link, -ENOMEM);
        }
        *ret = TAKE_PTR(domains);
        return 1;
}

/* --- credentials --------------------------------------------------------------------------------------- */

int given_token_expiry(sd_varlink *link, uint64_t lifetime_usec, const char *field, uint64_t now_usec,
                       uint64_t *ret) {
        if (lifetime_usec != NUMBER_NOT_GIVEN && lifetime_usec > LIFETIME_MAX_USEC)
                return sd_varlink_error_invalid_parameter_name(link, field);
        *ret = lifetime_usec == NUMBER_NOT_GIVEN ? USEC_INFINITY : now_usec + lifetime_usec;
        return 1;
}

int given_code_expiry(sd_varlink *link, uint64_t lifetime_usec, uint64_t now_usec, uint64_t *ret) {
        if (lifetime_usec == NUMBER_NOT_GIVEN)
                lifetime_usec = CODE_LIFETIME_USEC;
        if (lifetime_usec < CODE_LIFETIME_MIN_USEC || lifetime_usec > CODE_LIFETIME_MAX_USEC)
                return sd_varlink_error_invalid_parameter_name(link, "lifetimeUSec");
        *ret = now_usec + lifetime_usec;
        return 1;
}

int given_credential(sd_varlink *link, const Given *g, uint64_t now_usec, Credential *ret,
                     uint64_t *ret_expires_usec) {
        static const char *const names[] = {
                [CREDENTIAL_NONE] = "none",
                [CREDENTIAL_TOKEN] = "token",
                [CREDENTIAL_CODE] = "code",
        };

        *ret_expires_usec = USEC_INFINITY;
        for (Credential c = 0; c < ELEMENTSOF(names); c++) {
                if (!streq(g->credential ?: names[CREDENTIAL_CODE], names[c]))
                        continue;
                *ret = c;
                if (c == CREDENTIAL_CODE)
                        return given_code_expiry(link, g->lifetime_usec, now_usec, ret_expires_usec);
                return given_token_expiry(link, g->lifetime_usec, "lifetimeUSec", now_usec,
                                          ret_expires_usec);
        }
        return sd_varlink_error_invalid_parameter_name(link, "credential");
}

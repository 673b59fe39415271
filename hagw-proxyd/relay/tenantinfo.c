/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Routes of hagw-tenantd. Any thread. */

#include "hagw-proxyd/relay/tenantinfo.h"
#include "libhagw/pure/strv.h"

TenantInfo *tenant_info_free(TenantInfo *i) {
        if (!i)
                return NULL;
        strv_free(i->domains);
        strv_free(i->token_ids);
        free(i);
        return NULL;
}

static int take_strings(sd_json_variant *list, char ***ret) {
        char **copy = calloc(sd_json_variant_elements(list) + 1, sizeof(char *));

        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < sd_json_variant_elements(list); i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                copy[i] = sd_json_variant_is_string(v) ? strdup(sd_json_variant_string(v)) : NULL;
                if (!copy[i]) {
                        strv_free(copy);
                        return -EBADMSG;
                }
        }
        *ret = copy;
        return 0;
}

typedef struct Fields {
        const char *name;
        sd_json_variant *domains, *token_ids;
        bool suspended, exhausted, terminate, code_waits;
        unsigned agents, channels;
        uint64_t connections_per_second, bytes_per_second, bytes_per_month;
} Fields;

static int take_fields(const Fields *f, TenantInfo *i) {
        char name[HOSTNAME_MAX + 1];
        int r;

        if (strchr(f->name, '.') || hostname_normalize(f->name, strlen(f->name), name) < 0)
                return -EBADMSG;
        memcpy(i->name, name, strlen(name) + 1);
        i->suspended = f->suspended;
        i->exhausted = f->exhausted;
        i->terminate = f->terminate;
        i->code_waits = f->code_waits;
        i->agents = f->agents;
        i->channels = f->channels;
        i->connections_per_second = f->connections_per_second;
        i->bytes_per_second = f->bytes_per_second;
        i->bytes_per_month = f->bytes_per_month;
        r = take_strings(f->domains, &i->domains);
        return r < 0 ? r : take_strings(f->token_ids, &i->token_ids);
}

int tenant_info_parse(sd_json_variant *route, TenantInfo **ret) {
        static const sd_json_dispatch_field table[] = {
                { "name", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, offsetof(Fields, name),
                  SD_JSON_MANDATORY },
                { "domains", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_variant_noref,
                  offsetof(Fields, domains), SD_JSON_MANDATORY },
                { "tokenIds", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_variant_noref,
                  offsetof(Fields, token_ids), SD_JSON_MANDATORY },
                { "suspended", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
                  offsetof(Fields, suspended), SD_JSON_MANDATORY },
                { "exhausted", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
                  offsetof(Fields, exhausted), SD_JSON_MANDATORY },
                { "terminate", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
                  offsetof(Fields, terminate), SD_JSON_MANDATORY },
                { "codeWaits", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
                  offsetof(Fields, code_waits), 0 },
                { "agents", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint, offsetof(Fields, agents),
                  SD_JSON_MANDATORY },
                { "channels", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint,
                  offsetof(Fields, channels), SD_JSON_MANDATORY },
                { "connectionsPerSecond", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint64,
                  offsetof(Fields, connections_per_second), SD_JSON_MANDATORY },
                { "bytesPerSecond", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint64,
                  offsetof(Fields, bytes_per_second), SD_JSON_MANDATORY },
                { "bytesPerMonth", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint64,
                  offsetof(Fields, bytes_per_month), 0 },
                {},
        };
        _cleanup_(tenant_info_freep) TenantInfo *i = NULL;
        Fields f = {};
        int r;

        r = sd_json_dispatch(route, table, SD_JSON_ALLOW_EXTENSIONS, &f);
        if (r < 0)
                return -EBADMSG;
        i = calloc(1, sizeof(*i));
        if (!i)
                return -ENOMEM;
        r = take_fields(&f, i);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

TenantInfo *tenant_info_copy(const TenantInfo *i) {
        TenantInfo *copy = malloc(sizeof(*copy));

        if (!copy)
                return NULL;
        *copy = *i;
        copy->domains = strv_copy(i->domains);
        copy->token_ids = strv_copy(i->token_ids);
        return copy->domains && copy->token_ids ? copy : tenant_info_free(copy);
}

bool tenant_info_is_open(const TenantInfo *i) {
        return !i->suspended && i->token_ids && i->token_ids[0];
}

bool tenant_info_has_token(const TenantInfo *i, const char *token_id) {
        return strv_contains(i->token_ids, token_id);
}

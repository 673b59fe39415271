/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants of this relay: names, options, and who is attached. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/tenant.h"
#include "libhagw/conf-value.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/suggest.h"

#define NEAR_MAX 1000U /* names that a mistyped one is compared with */

int tenant_load_config(const Call *call, Config **ret) {
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = load_config(call->config_dir, &config);
        if (r < 0)
                return r;
        if (!config->tenants.zone) {
                log_error("This machine is no relay, for tenants.zone is not set in hagw.conf: hagw-ctl "
                          "setup --relay --zone=NAME");
                return -EREMOTEIO;
        }
        *ret = TAKE_PTR(config);
        return 0;
}

int tenant_short_name(const Config *config, const char *typed, char **ret) {
        char name[HOSTNAME_MAX + 1];
        int r;

        r = hostname_normalize(typed, strlen(typed), name);
        if (r >= 0 && strchr(name, '.')) {
                const char *zone = config->tenants.zone;
                size_t n = strlen(name), k = strlen(zone);

                if (n > k && hostname_in_zone(name, zone))
                        name[n - k - 1] = '\0';
        }
        if (r < 0 || strchr(name, '.')) {
                log_error("\"%s\" is no tenant's name: one label, such as \"anna\" of anna.%s.", typed,
                          config->tenants.zone);
                return -EINVAL;
        }
        *ret = strdup(name);
        return *ret ? 0 : log_oom();
}

static int append_names(sd_json_variant *reply, void *userdata) {
        sd_json_variant **array = userdata;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < field_count(reply, "tenants"); i++)
                r = sd_json_variant_append_arrayb(
                        array, SD_JSON_BUILD_STRING(field_text(field_element(reply, "tenants", i), "name")));
        return r;
}

int tenant_names(const char *begun, unsigned limit, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(begun && *begun, "prefix",
                                                        SD_JSON_BUILD_STRING(begun)),
                           SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(limit)));
        if (r >= 0 && !*ret)
                r = sd_json_variant_new_array(ret, NULL, 0);
        if (r < 0)
                return r;
        r = client_try_stream("io.hagw.Tenant.List", parameters, append_names, ret, &reason);
        return r == -ENOMEM ? r : 0;
}

/* The nearest of those with the same first letter, or else of the first ones there are. */
static char *nearest(const char *name) {
        const char begins[][2] = { { *name }, "" };

        for (size_t i = 0; i < ELEMENTSOF(begins); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
                const char *names[NEAR_MAX + 1], *near;
                size_t n = 0;

                if (tenant_names(begins[i], NEAR_MAX, &array) < 0)
                        return NULL;
                for (; n < NEAR_MAX && n < sd_json_variant_elements(array); n++)
                        names[n] = sd_json_variant_string(sd_json_variant_by_index(array, n));
                names[n] = NULL;
                near = suggest(name, names);
                if (near)
                        return strdup(near);
        }
        return NULL;
}

int tenant_get(const char *name, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        _cleanup_free_ char *reason = NULL, *near = NULL;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return log_oom();
        r = client_try("io.hagw.Tenant.Get", parameters, &reply, &reason);
        if (r >= 0) {
                if (ret)
                        *ret = sd_json_variant_ref(sd_json_variant_by_key(reply, "tenant"));
                return 0;
        }
        if (r == -EREMOTEIO)
                near = nearest(name);
        if (near)
                log_error("There is no tenant \"%s\"; did you mean \"%s\"?", name, near);
        else
                log_error("%s", reason ?: "Out of memory.");
        return r;
}

int tenant_check_known(_unused_ const Call *call, const char *typed, void *userdata) {
        _cleanup_free_ char *name = NULL;
        int r = tenant_short_name(userdata, typed, &name);

        return r < 0 ? r : tenant_get(name, NULL);
}

int tenant_find(const Call *call, Config **ret_config, char **ret_name, sd_json_variant **ret) {
        int r;

        r = tenant_load_config(call, ret_config);
        if (r < 0)
                return r;
        r = tenant_short_name(*ret_config, call->arguments[0], ret_name);
        return r < 0 ? r : tenant_get(*ret_name, ret);
}

bool tenant_has_token(sd_json_variant *tenant, const char *id) {
        for (size_t i = 0; i < field_count(tenant, "tokens"); i++)
                if (streq_ptr(field_text(field_element(tenant, "tokens", i), "tokenId"), id))
                        return true;
        return false;
}

/* The tenant whose names end so; to be freed, NULL: none. */
static char *label_above(const Config *config, const char *name) {
        const size_t n = strlen(name), m = strlen(config->tenants.zone);
        const char *begin, *end;

        if (n <= m || !hostname_in_zone(name, config->tenants.zone))
                return NULL;
        end = name + n - m - 1;
        for (begin = end; begin > name && begin[-1] != '.';)
                begin--;
        return strndup(begin, (size_t) (end - begin));
}

/* 0 and *ret: what hagw-tenantd says of the value; else it says no, or does not answer. Quiet. */
static int ask_about(const char *method, const char *field, const char *value, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *reason = NULL;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR(field, SD_JSON_BUILD_STRING(value))) < 0)
                return -ENOMEM;
        return client_try(method, parameters, ret, &reason);
}

static bool is_tenant(const char *label) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;

        return ask_about("io.hagw.Tenant.Get", "name", label, &reply) >= 0;
}

int tenant_exists(const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return -ENOMEM;
        r = client_try("io.hagw.Tenant.Get", parameters, &reply, &reason);
        return r >= 0 ? 1 : r == -EREMOTEIO ? 0 : r;
}

char *tenant_of_name(const Config *config, const char *name) {
        _cleanup_free_ char *label = label_above(config, startswith(name, "*.") ?: name);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        const char *owner;

        if (label)
                return is_tenant(label) ? TAKE_PTR(label) : NULL;
        if (!strchr(name, '.') ||
            ask_about("io.hagw.Tenant.FindDomain", "domain", name, &reply) < 0)
                return NULL;
        owner = field_text(reply, "tenant");
        return owner ? strdup(owner) : NULL;
}

/* "ha.anna", which is written for ha.anna.relay.example.com. Told. */
static int check_whole_name(const Config *config, const char *name) {
        const char *dot = strrchr(name, '.');

        if (!dot || config_find_zone(config, startswith(name, "*.") ?: name) || !is_tenant(dot + 1))
                return 0;
        log_error("\"%s\" lies outside the zones of this relay; did you mean \"%s.%s\"?", name, name,
                  config->tenants.zone);
        return -EINVAL;
}

int tenant_check_host(const Config *config, const char *name, const char *upstream) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        const char *wanted = startswith(upstream, "tenant:");
        _cleanup_free_ char *owner = NULL;

        if (!config->tenants.zone)
                return 0;
        if (wanted && ask_about("io.hagw.Tenant.Get", "name", wanted, &reply) == -EREMOTEIO)
                return tenant_get(wanted, NULL); /* says which one is meant */
        owner = tenant_of_name(config, name);
        if (!owner)
                return check_whole_name(config, name);
        if (streq_ptr(owner, wanted))
                return 0;
        log_error("%s is a name of the tenant %s: %s would take its visitors. tenant:%s leads to the "
                  "tenant.",
                  name, owner, wanted ? upstream : "a host of the relay's own", owner);
        return -EEXIST;
}

/* Nothing below the relay's own zone is anybody else's; but whoever owns the zone above may have meant less.
 */
static void warn_above(const Config *config, const char *name, sd_json_variant *before,
                       sd_json_variant *after) {
        for (size_t i = 0; i < field_count(after, "domains"); i++) {
                const char *d = strempty(sd_json_variant_string(field_element(after, "domains", i)));
                bool is_new = true;

                for (size_t k = 0; k < field_count(before, "domains"); k++)
                        is_new = is_new &&
                                 !streq(d, strempty(sd_json_variant_string(
                                                   field_element(before, "domains", k))));
                if (is_new && hostname_in_zone(config->tenants.zone, startswith(d, "*.") ?: d))
                        log_warning("%s is above this relay's own zone %s: whoever asks here for it comes "
                                    "to %s's house now. hagw-ctl tenant domain remove %s '%s' takes it "
                                    "back.",
                                    d, config->tenants.zone, name, name, d);
        }
}

int tenant_say_domains(const Config *config, const char *name, sd_json_variant *before,
                       sd_json_variant *after) {
        _cleanup_free_ char *came = field_missing(after, before, "domains"),
                            *went = field_missing(before, after, "domains");

        if (!came || !went)
                return log_oom();
        if (*came)
                output("New for %s: %s.\n", name, came);
        if (*went)
                output("No longer for %s: %s.\n", name, went);
        warn_above(config, name, before, after);
        return *came || *went;
}

/* --- options ------------------------------------------------------------------------------------------- */

typedef enum Kind { KIND_TEXT, KIND_LIST, KIND_TRUE, KIND_FALSE, KIND_YES_NO, KIND_NUMBER, KIND_BYTES } Kind;

/* The greatest numbers are hagw-tenantd's. */
static const struct {
        const char *option, *field;
        Kind kind;
        uint64_t max;
        const char *expected;
        bool always; /* "none" is no value of it */
} rows[] = {
        { "domain", "domains", KIND_LIST },
        { "note", "note", KIND_TEXT, 256, "at most 256 bytes, and no control characters" },
        { "suspend", "suspended", KIND_TRUE },
        { "enable", "suspended", KIND_FALSE },
        { "terminate", "terminate", KIND_YES_NO },
        { "agents", "agents", KIND_NUMBER, 64, "a number from 1 to 64", .always = true },
        { "channels", "channels", KIND_NUMBER, 65536, "a number from 1 to 65536, or none" },
        { "connections-per-second", "connectionsPerSecond", KIND_NUMBER, 1000000,
          "a number from 1 to 1000000, or none" },
        { "bytes-per-second", "bytesPerSecond", KIND_BYTES, UINT64_C(1) << 60,
          "a size such as 500K, 10M or 1G, up to 1048576T, or none" },
        { "bytes-per-month", "bytesPerMonth", KIND_BYTES, UINT64_C(1) << 60,
          "a size such as 500K, 10M or 1G, up to 1048576T, or none" },
};

static int read_list(const Call *call, const char *option, sd_json_variant **ret) {
        const char *value;
        int r = sd_json_variant_new_array(ret, NULL, 0);

        for (unsigned n = 0; r >= 0 && (value = call_option_nth(call, option, n)); n++)
                if (*value)
                        r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(value));
        return r;
}

/* 0 is taken for none by hagw-tenantd, and is what nobody means who limits something. */
static int read_number(size_t row, const char *value, sd_json_variant **ret) {
        const bool none = streq(value, "none"), bytes = rows[row].kind == KIND_BYTES;
        uint64_t n = 0;
        int r;

        /* Without a unit that means many bytes, a plain number is read the same way. */
        r = none ? 0 : conf_parse_bytes(value, &n);
        if (r < 0 || n > rows[row].max || (none ? rows[row].always : n == 0) ||
            (!bytes && !none && strspn(value, "0123456789") != strlen(value))) {
                log_error("--%s=%s: expected %s.", rows[row].option, value, rows[row].expected);
                return -EINVAL;
        }
        return sd_json_variant_new_unsigned(ret, n) < 0 ? log_oom() : 0;
}

static int read_text(size_t row, const char *value, sd_json_variant **ret) {
        bool valid = strlen(value) <= rows[row].max;

        for (const char *p = value; *p; p++)
                valid = valid && (unsigned char) *p >= ' ' && *p != 0x7f;
        if (!valid) {
                log_error("--%s: expected %s.", rows[row].option, rows[row].expected);
                return -EINVAL;
        }
        if (sd_json_variant_new_string(ret, value) < 0) {
                log_error("--%s: not valid UTF-8.", rows[row].option);
                return -EINVAL;
        }
        return 0;
}

static int read_option(const Call *call, size_t row, sd_json_variant **ret) {
        const char *option = rows[row].option, *value = call_option(call, option);
        bool yes = streq(value, "yes");

        switch (rows[row].kind) {
        case KIND_TEXT:
                return read_text(row, value, ret);
        case KIND_LIST:
                return read_list(call, option, ret) < 0 ? log_oom() : 0;
        case KIND_TRUE:
        case KIND_FALSE:
                return sd_json_variant_new_boolean(ret, rows[row].kind == KIND_TRUE) < 0 ? log_oom() : 0;
        case KIND_YES_NO:
                if (!yes && !streq(value, "no")) {
                        log_error("--%s=%s: expected yes or no.", option, value);
                        return -EINVAL;
                }
                return sd_json_variant_new_boolean(ret, yes) < 0 ? log_oom() : 0;
        default:
                return read_number(row, value, ret);
        }
}

int tenant_take_options(const Call *call, sd_json_variant **parameters) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                int r;

                if (!call_option(call, rows[i].option))
                        continue;
                r = read_option(call, i, &v);
                if (r < 0)
                        return r;
                if (sd_json_variant_set_field(parameters, rows[i].field, v) < 0)
                        return log_oom();
        }
        return 0;
}

int tenant_take_lifetime(const Call *call, sd_json_variant **parameters) {
        const char *text = call_option(call, "lifetime");
        const bool token = call_option(call, "token");
        uint64_t usec;

        if (!text)
                return 0;
        if (conf_parse_usec(text, &usec) < 0 || usec < (token ? 1 : CODE_LIFETIME_MIN_USEC) ||
            usec > (token ? TOKEN_LIFETIME_MAX_USEC : CODE_LIFETIME_MAX_USEC)) {
                log_error("--lifetime=%s: expected a duration such as 2h or 30d%s.", text,
                          token ? ", at most 100 years" : "; a code may have 1 minute to 1 year");
                return -EINVAL;
        }
        return sd_json_variant_set_field_unsigned(parameters, "lifetimeUSec", usec) < 0 ? log_oom() : 0;
}

/* --- who is attached ----------------------------------------------------------------------------------- */

static int take_attachments(sd_json_variant *reply, void *userdata) {
        Attachments *a = userdata;
        size_t n = field_count(reply, "attachments");

        if (!GREEDY_REALLOC(a->items, a->allocated, a->n + n))
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                a->items[a->n++] = sd_json_variant_ref(field_element(reply, "attachments", i));
        for (size_t i = 0; i < field_count(reply, "refused"); i++)
                if (sd_json_variant_append_array(&a->refused, field_element(reply, "refused", i)) < 0)
                        return -ENOMEM;
        return 0;
}

static int compare_attachments(const void *x, const void *y) {
        sd_json_variant *const *a = x, *const *b = y;

        return strcmp(strempty(field_text(*a, "tenant")), strempty(field_text(*b, "tenant")));
}

int attachments_load(Attachments *a, const char *tenant) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(!!tenant, "tenant",
                                                        SD_JSON_BUILD_STRING(tenant))) < 0)
                return log_oom();
        r = client_try_stream("io.hagw.Proxy.ListAttachments", parameters, take_attachments, a, &a->reason);
        if (r == -ENOMEM)
                return log_oom();
        if (a->n > 1)
                qsort(a->items, a->n, sizeof(*a->items), compare_attachments);
        return 0;
}

sd_json_variant **attachments_of(const Attachments *a, const char *tenant, size_t *ret_n) {
        size_t low = 0, high = a->n, n = 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(strempty(field_text(a->items[middle], "tenant")), tenant) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low + n < a->n && streq(strempty(field_text(a->items[low + n], "tenant")), tenant))
                n++;
        *ret_n = n;
        return a->items + low;
}

void attachments_done(Attachments *a) {
        for (size_t i = 0; i < a->n; i++)
                sd_json_variant_unref(a->items[i]);
        free(a->items);
        sd_json_variant_unref(a->refused);
        free(a->reason);
        *a = (Attachments) {};
}

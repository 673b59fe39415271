/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that show tenants. A relay may have 100,000: they are printed as they come. */

#include <stdio.h>
#include <time.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/tenant.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

typedef struct Listing {
        const Call *call;
        Attachments attachments;
        Table *table;
        size_t n;
} Listing;

static void listing_done(Listing *l) {
        attachments_done(&l->attachments);
        table_free(l->table);
}

/* Its own rows of a->refused, where there are any. */
static int set_refused(const Attachments *a, const char *name, sd_json_variant **v) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        size_t n = a->refused ? sd_json_variant_elements(a->refused) : 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                sd_json_variant *row = sd_json_variant_by_index(a->refused, i);

                if (streq(strempty(field_text(row, "tenant")), strempty(name)))
                        r = sd_json_variant_append_array(&array, row);
        }
        return r < 0 || !array ? r : sd_json_variant_set_field(v, "refused", array);
}

/* The tenant with its attachments, as JSON says it. */
static int with_attachments(const Attachments *a, sd_json_variant *tenant, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = sd_json_variant_ref(tenant), *array = NULL;
        sd_json_variant **own;
        size_t n;
        int r = 0;

        if (!a->reason) {
                own = attachments_of(a, strempty(field_text(tenant, "name")), &n);
                r = sd_json_variant_new_array(&array, own, n);
                if (r >= 0)
                        r = sd_json_variant_set_field(&v, "attachments", array);
                if (r >= 0)
                        r = set_refused(a, field_text(tenant, "name"), &v);
        }
        if (r >= 0)
                *ret = TAKE_PTR(v);
        return r;
}

static const char *state_of(sd_json_variant *t, Tone *ret) {
        *ret = TONE_WARN;
        if (field_bool(t, "suspended"))
                return "suspended";
        if (field_bool(t, "exhausted"))
                return "used up";
        if (field_count(t, "tokens") > 0) {
                *ret = TONE_GOOD;
                return "enabled";
        }
        *ret = TONE_DIM;
        return field_number(t, "codeExpiresUSec") > clock_usec(CLOCK_REALTIME) ? "code waits" : "no token";
}

static const char *for_how_long(sd_json_variant *attachment, char out[static TIME_TEXT_MAX]) {
        uint64_t now = clock_usec(CLOCK_REALTIME);

        return format_span(now - MIN(now, field_number(attachment, "sinceUSec")), out);
}

static void add_row(Listing *l, sd_json_variant *t) {
        const char *name = strempty(field_text(t, "name")), *state, *note = field_text(t, "note");
        char since[TIME_TEXT_MAX], bytes[TIME_TEXT_MAX], limit[TIME_TEXT_MAX];
        const bool exhausted = field_bool(t, "exhausted");
        sd_json_variant **own;
        size_t n;
        Tone tone;

        own = attachments_of(&l->attachments, name, &n);
        state = state_of(t, &tone);
        table_add(l->table, TONE_BOLD, "%s", name);
        table_add(l->table, tone, "%s", state);
        if (l->attachments.reason)
                table_add(l->table, TONE_DIM, "?");
        else if (n == 0)
                table_add(l->table, TONE_DIM, "-");
        else
                table_add(l->table, TONE_PLAIN, n > 1 ? "%s, %s; %zu machines" : "%s, %s",
                          field_text(own[0], "address"),
                          for_how_long(own[0], since), n);
        table_add(l->table, TONE_PLAIN, "%s%s%s",
                  format_bytes(field_number(t, "received") + field_number(t, "sent"), bytes),
                  exhausted ? ", limit " : "",
                  exhausted ? format_bytes(field_number(t, "bytesPerMonth"), limit) : "");
        table_add(l->table, TONE_DIM, "%.60s", strempty(note));
}

static int put_tenants(sd_json_variant *reply, void *userdata) {
        Listing *l = userdata;

        for (size_t i = 0; i < field_count(reply, "tenants"); i++) {
                sd_json_variant *t = field_element(reply, "tenants", i);
                size_t n;

                if (call_option(l->call, "attached")) {
                        (void) attachments_of(&l->attachments, strempty(field_text(t, "name")), &n);
                        if (n == 0)
                                continue;
                }
                if (l->table)
                        add_row(l, t);
                else {
                        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                        int r = with_attachments(&l->attachments, t, &v);

                        if (r < 0)
                                return r;
                        output_exact(l->n > 0 ? ",\n" : "");
                        output_json_element(v);
                }
                l->n++;
        }
        return l->table && l->n > 0 ? table_print(l->table, 0) : 0;
}

int verb_tenant_list(const Call *call) {
        static const char *const titles[] = { "TENANT", "STATE", "ATTACHED", "THIS MONTH", "NOTE", NULL };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        const char *prefix = call->n_arguments > 0 ? call->arguments[0] : NULL;
        _cleanup_(listing_done) Listing l = { .call = call };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = tenant_load_config(call, &config);
        if (r >= 0)
                r = attachments_load(&l.attachments, NULL);
        if (r < 0)
                return r;
        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(!!prefix, "prefix",
                                                        SD_JSON_BUILD_STRING(prefix))) < 0)
                return log_oom();
        if (call->json)
                output_exact("{\"tenants\":[\n");
        else
                l.table = table_new(titles, 0);
        r = client_stream("io.hagw.Tenant.List", parameters, put_tenants, &l);
        if (call->json)
                output_exact("\n]}\n");
        if (r < 0)
                return r;
        if (l.table && l.n == 0)
                output("%s\n", call_option(call, "attached") ? "Nobody is attached." :
                               prefix ? "No tenant's name begins so." :
                                        "There is no tenant yet: hagw-ctl tenant add NAME");
        if (l.attachments.reason)
                log_error("%s", l.attachments.reason);
        return l.attachments.reason ? CTL_UNREACHABLE : CTL_OK;
}

/* --- show ---------------------------------------------------------------------------------------------- */

static void print_limit(const char *name, uint64_t n, const char *unit) {
        char text[TIME_TEXT_MAX];

        if (n > 0 && unit)
                output("  %-14s %s%s\n", name, format_bytes(n, text), unit);
        else if (n > 0)
                output("  %-14s %lu\n", name, (unsigned long) n);
}

/* After a restore hagw-tenantd has not heard of it yet. */
static bool is_in_use(sd_json_variant *t, const char *id) {
        for (size_t i = 0; i < field_count(t, "attachments"); i++)
                if (streq_ptr(field_text(field_element(t, "attachments", i), "tokenId"), id))
                        return true;
        return false;
}

static void print_tokens(sd_json_variant *t, uint64_t now) {
        char made[TIME_TEXT_MAX], used[TIME_TEXT_MAX], ends[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(t, "tokens"); i++) {
                sd_json_variant *k = field_element(t, "tokens", i);
                uint64_t end = field_number(k, "expiresUSec");

                output("  %-14s %s, made %s, %s%s%s%s\n", i == 0 ? "tokens" : "",
                       field_text(k, "tokenId"),
                       format_when(field_number(k, "createdUSec"), now, made),
                       is_in_use(t, field_text(k, "tokenId")) ? "in use" : "used ",
                       is_in_use(t, field_text(k, "tokenId")) ? "" :
                                       format_when(field_number(k, "usedUSec"), now, used),
                       end ? ", ends " : "",
                       end ? format_when(end + END_SLACK_USEC, now, ends) : "");
                if (field_text(k, "accountUri"))
                        output("  %-14s   certificates by %s\n", "", field_text(k, "accountUri"));
        }
        if (field_number(t, "codeExpiresUSec") > now)
                output("  %-14s waits to be used, ends %s\n", "code",
                       format_when(field_number(t, "codeExpiresUSec") + END_SLACK_USEC, now, ends));
}

static void print_attachments(const Attachments *a) {
        char since[TIME_TEXT_MAX];

        if (a->n == 0 && !a->reason)
                output("  %-14s no\n", "attached");
        for (size_t i = 0; i < a->n; i++)
                output("  %-14s from %s for %s (%s, %s); %lu %s, %lu %s\n",
                       i == 0 ? "attached" : "", field_text(a->items[i], "address"),
                       for_how_long(a->items[i], since),
                       field_text(a->items[i], "machine"), field_text(a->items[i], "software"),
                       (unsigned long) field_number(a->items[i], "waiting"),
                       plural(field_number(a->items[i], "waiting"), "channel waits", "channels wait"),
                       (unsigned long) field_number(a->items[i], "visitors"),
                       PLURAL(field_number(a->items[i], "visitors"), "visitor"));
}

static void print_refused(const Attachments *a, uint64_t now) {
        char last[TIME_TEXT_MAX];

        for (size_t i = 0; a->refused && i < sd_json_variant_elements(a->refused); i++) {
                sd_json_variant *r = sd_json_variant_by_index(a->refused, i);

                output("  %-14s %lu %s, last %s: %s%s%s%s\n", i == 0 ? "refused" : "",
                       (unsigned long) field_number(r, "count"), PLURAL(field_number(r, "count"), "visitor"),
                       format_when(field_number(r, "lastUSec"), now, last), field_text(r, "text"),
                       field_text(r, "name") ? " (" : "", strempty(field_text(r, "name")),
                       field_text(r, "name") ? ")" : "");
        }
}

static void print_tenant(sd_json_variant *t, const Attachments *a) {
        _cleanup_free_ char *domains = field_joined(t, "domains");
        char created[TIME_TEXT_MAX], in[TIME_TEXT_MAX], out[TIME_TEXT_MAX];
        const char *state, *note = field_text(t, "note");
        uint64_t now = clock_usec(CLOCK_REALTIME);
        Tone tone;

        state = state_of(t, &tone);
        output_tone(TONE_BOLD, "%s", field_text(t, "zone"));
        output("\n");
        output("  %-14s ", "state");
        output_tone(tone, "%s", state);
        output(", made %s\n", format_when(field_number(t, "createdUSec"), now, created));
        if (note && *note)
                output("  %-14s %s\n", "note", note);
        if (domains && *domains)
                output("  %-14s %s\n", "domains", domains);
        if (field_bool(t, "terminate"))
                output("  %-14s the relay opens its visitors' TLS where it has a certificate for the name\n",
                       "terminate");
        output("  %-14s %lu at most at a time\n", "machines", (unsigned long) field_number(t, "agents"));
        print_limit("channels", field_number(t, "channels"), NULL);
        print_limit("visitors/s", field_number(t, "connectionsPerSecond"), NULL);
        print_limit("bytes/s", field_number(t, "bytesPerSecond"), "");
        print_limit("bytes/month", field_number(t, "bytesPerMonth"), "");
        output("  %-14s %s from visitors, %s to them\n", "this month",
               format_bytes(field_number(t, "received"), in), format_bytes(field_number(t, "sent"), out));
        print_tokens(t, now);
        print_attachments(a);
        print_refused(a, now);
}

static int show_one(const Call *call, const char *argument, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = NULL, *v = NULL;
        _cleanup_(attachments_done) Attachments a = {};
        _cleanup_free_ char *name = NULL;
        int r;

        r = tenant_short_name(userdata, argument, &name);
        if (r >= 0)
                r = tenant_get(name, &tenant);
        if (r >= 0)
                r = attachments_load(&a, name);
        if (r < 0)
                return r;
        call_part(call, argument, 0);
        if (!call->json)
                print_tenant(tenant, &a);
        else if (with_attachments(&a, tenant, &v) < 0 || output_json(v) < 0)
                return log_oom();
        if (a.reason)
                log_error("%s", a.reason);
        return a.reason ? CTL_UNREACHABLE : CTL_OK;
}

int verb_tenant_show(const Call *call) {
        _cleanup_(config_freep) Config *config = NULL;
        int r = tenant_load_config(call, &config);

        return r < 0 ? r : call_each(call, 0, tenant_check_known, show_one, config);
}

/* --- usage --------------------------------------------------------------------------------------------- */

typedef struct UsageListing {
        const Call *call;
        const Config *config;
        const char *month; /* NULL: all that come */
        Table *table;
        size_t n;
} UsageListing;

static int put_usage(sd_json_variant *reply, void *userdata) {
        UsageListing *l = userdata;
        char in[TIME_TEXT_MAX], out[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(reply, "usage"); i++) {
                sd_json_variant *u = field_element(reply, "usage", i);
                const char *month = strempty(field_text(u, "month"));

                if (l->month && !streq(month, l->month))
                        continue;
                if (call_option(l->call, "csv"))
                        output("%s,%s,%lu,%lu,%lu\n", field_text(u, "tenant"), month,
                               (unsigned long) field_number(u, "received"),
                               (unsigned long) field_number(u, "sent"),
                               (unsigned long) field_number(u, "visitors"));
                else if (l->call->json) {
                        output_exact(l->n > 0 ? ",\n" : "");
                        output_json_element(u);
                } else {
                        table_add(l->table, TONE_BOLD, "%s", field_text(u, "tenant"));
                        table_add(l->table, TONE_PLAIN, "%s", month);
                        table_add(l->table, TONE_PLAIN, "%s", format_bytes(field_number(u, "received"), in));
                        table_add(l->table, TONE_PLAIN, "%s", format_bytes(field_number(u, "sent"), out));
                        table_add(l->table, TONE_PLAIN, "%lu", (unsigned long) field_number(u, "visitors"));
                }
                l->n++;
        }
        return l->table && l->n > 0 ? table_print(l->table, 0) : 0;
}

/* How many months back "2026-11" lies, this one counted; told. */
static int count_months(const char *month, unsigned *ret) {
        time_t now = (time_t) (clock_usec(CLOCK_REALTIME) / USEC_PER_SEC);
        struct tm tm = {}, then = {};
        const char *end;
        int n;

        end = strptime(month, "%Y-%m", &then);
        if (!end || *end || strlen(month) != 7) {
                log_error("--month=%s: expected a month such as 2026-11.", month);
                return -EINVAL;
        }
        (void) gmtime_r(&now, &tm);
        n = (tm.tm_year - then.tm_year) * 12 + tm.tm_mon - then.tm_mon + 1;
        if (n < 1) {
                log_error("--month=%s has not begun yet.", month);
                return -EINVAL;
        }
        *ret = (unsigned) n;
        return 0;
}

/* name: NULL for all tenants. */
static int usage_of(const Call *call, const char *name, UsageListing *l) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        const char *month = call_option(call, "month");
        unsigned months = name ? 0 : 1; /* of one tenant all that is kept, of all this month */
        int r;

        if (month) {
                r = count_months(month, &months);
                if (r < 0)
                        return r;
        }
        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(!!name, "name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR_CONDITION(months > 0, "months",
                                                        SD_JSON_BUILD_UNSIGNED(months))) < 0)
                return log_oom();
        return client_stream("io.hagw.Tenant.GetUsage", parameters, put_usage, l);
}

static int usage_of_one(const Call *call, const char *argument, void *userdata) {
        UsageListing *l = userdata;
        _cleanup_free_ char *name = NULL;
        int r = tenant_short_name(l->config, argument, &name);

        return r < 0 ? r : usage_of(call, name, l);
}

int verb_tenant_usage(const Call *call) {
        static const char *const titles[] = { "TENANT", "MONTH", "FROM VISITORS", "TO VISITORS",
                                              "VISITORS", NULL };
        UsageListing l = { .call = call, .month = call_option(call, "month") };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(table_freep) Table *t = NULL;
        bool csv = call_option(call, "csv");
        unsigned months;
        int r;

        r = l.month ? count_months(l.month, &months) : 0;
        if (r >= 0)
                r = tenant_load_config(call, &config);
        if (r >= 0)
                r = call_try_each(call, 0, tenant_check_known, config);
        if (r != CTL_OK)
                return r;
        l.config = config;
        if (csv)
                output("tenant,month,received,sent,visitors\n");
        else if (call->json)
                output_exact("{\"usage\":[\n");
        else
                l.table = t = table_new(titles, 0);
        r = call->n_arguments > 0 ? call_try_each(call, 0, usage_of_one, &l) : usage_of(call, NULL, &l);
        if (call->json && !csv)
                output_exact("\n]}\n");
        if (r == CTL_OK && t && l.n == 0)
                output("Nothing was moved.\n");
        return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the machines of a relay's tenants: whom this relay leads to them and they cannot
 * serve. The houses hear of it, too, and have to do something; here it is worth knowing. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/status.h"

#define MORE_TEXT_MAX 40U

static sd_json_variant *gap_at(const Status *s, size_t i) {
        return field_element(s->tenants_refused, "tenantsGaps", i);
}

static bool has_gap(sd_json_variant *gap, const char *tenant, const char *domain) {
        if (!streq(strempty(field_text(gap, "tenant")), tenant))
                return false;
        for (size_t i = 0; domain && i < field_count(gap, "lacking"); i++)
                if (streq(sd_json_variant_string(field_element(gap, "lacking", i)), domain))
                        return true;
        return !domain && field_bool(gap, "refusesOpened");
}

/* Of the tenant's machines that are attached; domain: NULL: those that take nobody who was opened. */
static uint64_t count_gaps(const Status *s, const char *tenant, const char *domain) {
        uint64_t n = 0;

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsGaps"); i++)
                n += has_gap(gap_at(s, i), tenant, domain);
        return n;
}

static bool was_told(const Status *s, size_t at, const char *tenant, const char *domain) {
        for (size_t i = 0; i < at; i++)
                if (has_gap(gap_at(s, i), tenant, domain))
                        return true;
        return false;
}

/* Of some machines, or of all that there are; of several the first, and how many more. */
typedef struct Finding {
        const char *tenant, *domain;
        size_t more;
} Finding;

static void add(Finding *f, const char *tenant, const char *domain) {
        f->more += !!f->tenant;
        if (!f->tenant)
                *f = (Finding) { .tenant = tenant, .domain = domain };
}

static const char *more_text(const Finding *f, char out[static MORE_TEXT_MAX]) {
        *out = '\0';
        if (f->more > 0)
                (void) snprintf(out, MORE_TEXT_MAX, " (and %zu more)", f->more);
        return out;
}

static void say_lacking(Status *s, const Finding *f, bool all) {
        const char *quote = f->domain && *f->domain == '*' ? "'" : "";
        char more[MORE_TEXT_MAX];

        if (f->tenant && !all)
                status_notice(s,
                              "One of the machines of the tenant %s has no host for %s%s, whose visitors go "
                              "to the other alone: hagw-ctl host add %s%s%s SERVICE there makes one.",
                              f->tenant, f->domain, more_text(f, more), quote, f->domain, quote);
        else if (f->tenant)
                status_notice(s,
                              "The house of the tenant %s has no host for %s%s, so that its visitors are "
                              "turned away: hagw-ctl host add %s%s%s SERVICE there makes one; or here, "
                              "hagw-ctl tenant domain remove %s %s%s%s",
                              f->tenant, f->domain, more_text(f, more), quote, f->domain, quote, f->tenant,
                              quote, f->domain, quote);
}

/* Where none takes them that is told of the hosts here. */
static void say_refuses(Status *s, const Finding *f) {
        char more[MORE_TEXT_MAX];

        if (f->tenant)
                status_notice(s,
                              "One of the machines of the tenant %s%s does not take visitors whose TLS this "
                              "relay opens, who go to the other alone: opened = \"accept\"; in the group "
                              "relay of its hagw.conf, then hagw-ctl reload there, takes them.",
                              f->tenant, more_text(f, more));
}

int judge_gaps(Status *s) {
        Finding lacking[2] = {}, refuses = {};

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsGaps"); i++) {
                sd_json_variant *gap = gap_at(s, i);
                const char *tenant = strempty(field_text(gap, "tenant"));
                const uint64_t machines = field_number(gap, "machines");

                for (size_t k = 0; k < field_count(gap, "lacking"); k++) {
                        const char *domain = sd_json_variant_string(field_element(gap, "lacking", k));

                        if (!was_told(s, i, tenant, domain))
                                add(&lacking[count_gaps(s, tenant, domain) >= machines], tenant, domain);
                }
                if (field_bool(gap, "refusesOpened") && !was_told(s, i, tenant, NULL) &&
                    count_gaps(s, tenant, NULL) < machines)
                        add(&refuses, tenant, NULL);
        }
        say_lacking(s, &lacking[false], /* all= */ false);
        say_lacking(s, &lacking[true], /* all= */ true);
        say_refuses(s, &refuses);
        return 0;
}

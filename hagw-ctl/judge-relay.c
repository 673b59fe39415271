/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about both ends of a tunnel: this house at its relay, and a relay's tenants. */

#include <stdio.h>
#include <time.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/tenant.h"
#include "hagw-ctl/view.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

/* As hagw-proxyd has it, which may be what the files said before. */
static const char *relay_address(const Status *s) {
        return field_text(sd_json_variant_by_key(s->relay, "relay"), "address") ?: s->config->relay.address;
}

static const char *relay_tenant(const Status *s) {
        return field_text(sd_json_variant_by_key(s->relay, "relay"), "tenant") ?: s->config->relay.tenant;
}

#define REFUSED_RECENT_USEC (10 * USEC_PER_MINUTE)
#define TAKEN_RECENT_USEC (5 * USEC_PER_MINUTE) /* who swaps does so in less */

/* What its owner can do about it, here or by a word to who runs the relay. */
static const struct {
        const char *reason;
        bool problem; /* a person is needed */
        const char *remedy;
} house_refusals[] = {
        { "suspended", true, "Only who runs the relay can open it again." },
        { "exhausted", true, "It opens again with the next month, or when who runs the relay allows more." },
        /* A scanner alone may bring more visitors a second than are let in, or try names. */
        { "connections", false, "Who runs the relay can let in more." },
        { "channels", true, "Who runs the relay can allow more, and relay.channels_max in hagw.conf here." },
        { "house", true, "If the relay may read what they say: opened = \"accept\"; in the group relay "
                         "of hagw.conf here, then hagw-ctl reload, takes them; otherwise ask who runs it to "
                         "let them pass unopened." },
        { "host", false, "hagw-ctl host add NAME SERVICE here makes one." },
};

/* Since then this machine attached (anew, which it does when its settings for the relay change), took such a
 * visitor, or has one who would not be in; or it was a moment's crowd. */
static bool refusal_is_over(const Status *s, sd_json_variant *relay, const char *reason,
                            uint64_t last_usec) {
        sd_json_variant *attachment = sd_json_variant_by_key(relay, "attachment");
        const bool house = streq(reason, "house");
        const char *error = strempty(field_text(relay, "error"));

        /* Who is away sends it nobody. */
        return (!relay_is_attached(relay) && !streq(reason, "suspended")) ||
               field_number(attachment, "sinceUSec") > last_usec ||
               (house && field_number(relay, "openedUSec") > last_usec) ||
               (house && status_goes_by_files(s, "hagw-proxyd") &&
                s->config->relay.opened == CONF_OPENED_ACCEPT) ||
               /* Who is suspended is told so at each try to attach. */
               (streq(reason, "suspended") && !strstr(error, "has suspended this tenant")) ||
               (streq(reason, "exhausted") && field_number(attachment, "visitors") > 0) ||
               (streq(reason, "channels") && last_usec + USEC_PER_MINUTE < clock_usec(CLOCK_REALTIME));
}

/* What the relay refused just now for another reason than that this house was away: it is back. */
static void judge_refused(Status *s, sd_json_variant *relay, sd_json_variant *r) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), last = field_number(r, "lastUSec");
        const char *reason = strempty(field_text(r, "reason"));
        char when[TIME_TEXT_MAX];

        if (last + REFUSED_RECENT_USEC < now)
                return;
        (void) format_when(last, now, when);
        for (size_t i = 0; i < ELEMENTSOF(house_refusals); i++) {
                if (!streq(reason, house_refusals[i].reason))
                        continue;
                if (refusal_is_over(s, relay, reason, last))
                        status_notice(s,
                                      "The relay refused visitors of this house, %lu so far, until %s: %s.",
                                      (unsigned long) field_number(r, "count"), when,
                                      strempty(field_text(r, "text")));
                else
                        (house_refusals[i].problem ? status_problem : status_notice)(
                                s,
                                "The relay refuses visitors of this house, %lu so far, the last one %s: "
                                "%s. %s",
                                (unsigned long) field_number(r, "count"), when,
                                strempty(field_text(r, "text")), house_refusals[i].remedy);
        }
}

static bool is_led(sd_json_variant *relay, const char *name) {
        const char *dot = strchr(name, '.');

        for (size_t i = 0; i < field_count(relay, "domains"); i++) {
                const char *domain = sd_json_variant_string(field_element(relay, "domains", i));
                const char *wild = startswith(domain, "*");

                if (streq(domain, name) || (wild && *name != '*' && streq_ptr(wild, dot)))
                        return true;
        }
        return false;
}

/* Outside the tenant's zone the relay leads what it was told to. Not in a house that has a way in of its
 * own, and a host for the LAN alone wants no visitors from there. */
static bool wants_domain(const Config *c, sd_json_variant *relay, const ConfHost *h) {
        const char *plain = startswith(h->name, "*.") ?: h->name;

        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return false;
        return h->access.from != CONF_FROM_LAN && !config_is_the_relays(c, plain) &&
               !hostname_in_zone(plain, strempty(field_text(relay, "zone")));
}

static void judge_domains(Status *s, sd_json_variant *relay) {
        const char *first = NULL;
        char also[64] = "";
        size_t n = 0;

        if (!sd_json_variant_by_key(relay, "domains"))
                return;
        for (size_t i = 0; s->config && i < s->config->n_hosts; i++) {
                const ConfHost *h = &s->config->hosts[i];

                if (!wants_domain(s->config, relay, h) || is_led(relay, h->name))
                        continue;
                first = first ?: h->name;
                n++;
        }
        if (n > 1)
                (void) snprintf(also, sizeof(also), " (and %zu more)", n - 1);
        if (first)
                status_problem(s,
                               "The relay does not lead %s%s here, so that its visitors are turned away: at "
                               "the relay, hagw-ctl tenant domain add %s %s",
                               first, also, field_text(relay, "tenant"), first);
}

/* It took the place back, and the other one will do the same. */
static void judge_taken_over(Status *s, sd_json_variant *relay) {
        uint64_t now = clock_usec(CLOCK_REALTIME), last = field_number(relay, "takenOverUSec");
        char when[TIME_TEXT_MAX];

        if (relay_is_attached(relay) && last + TAKEN_RECENT_USEC >= now)
                status_problem(s,
                               "Another machine attaches to %s as this house, too, and the two take "
                               "turns: it took this one's place %s. hagw-ctl detach on one of them ends "
                               "that, or at the relay hagw-ctl tenant set %s --agents=2 lets both be "
                               "attached.",
                               relay_address(s), format_when(last, now, when), relay_tenant(s));
}

int judge_relay(Status *s) {
        sd_json_variant *relay = sd_json_variant_by_key(s->relay, "relay");
        const char *error = field_text(relay, "error");

        if (relay && !relay_is_attached(relay)) {
                if (!cause_explains(s, EFFECT_RELAY, NULL, error))
                        status_problem(s,
                                       "This house is not attached to its relay %s (%s), so that nobody "
                                       "comes in by it%s%s",
                                       relay_address(s), field_text(relay, "state"),
                                       error ? ": " : ".", strempty(error));
                cause_note(s, CAUSE_RELAY);
        } else if (relay && error)
                status_problem(s,
                               "This house is still attached to its relay %s with the token of before, for "
                               "with the new one it fails: %s",
                               relay_address(s), error);
        judge_domains(s, relay);
        for (size_t i = 0; i < field_count(relay, "refused"); i++)
                judge_refused(s, relay, field_element(relay, "refused", i));
        judge_taken_over(s, relay);
        return 0;
}

/* What its owner can do about it. That a house was away is the house's matter, and is not told here. */
static const struct {
        const char *reason;
        bool problem; /* nobody wanted it so */
        const char *remedy; /* behind "hagw-ctl tenant set NAME " */
        const char *there;  /* or in the house */
} tenant_refusals[] = {
        { "suspended", false, "--enable lets it in again" },
        { "exhausted", false, "--bytes-per-month=SIZE gives it more" },
        { "connections", false, "--connections-per-second=N lets in more" },
        { "channels", false, "--channels=N allows more, where its relay.channels_max "
                             "does" },
        { "house", true, "--terminate=no has them pass unopened, or opened = \"accept\"; in the "
                         "group relay of hagw.conf there, then hagw-ctl reload there, takes them" },
        /* Also who tries names comes here. */
        { "host", false, .there = "hagw-ctl host add NAME SERVICE there makes one" },
};

static bool is_recent(sd_json_variant *row, const char *reason) {
        return streq(strempty(field_text(row, "reason")), reason) &&
               field_number(row, "lastUSec") + REFUSED_RECENT_USEC >= clock_usec(CLOCK_REALTIME);
}

/* NULL where it is not known. To be unreferenced. */
static sd_json_variant *ask_tenant(const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0 ||
            client_look("io.hagw.Tenant.Get", parameters, &reply, &reason) < 0)
                return NULL;
        return sd_json_variant_ref(sd_json_variant_by_key(reply, "tenant"));
}

/* Nothing of the tenant's is opened here any more, so that the house has nothing to refuse. */
static bool passes_unopened(const Status *s, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = NULL;

        for (size_t i = 0; s->config && i < s->config->n_hosts; i++)
                if (streq_ptr(startswith(s->config->hosts[i].upstream, "tenant:"), name))
                        return false;
        tenant = ask_tenant(name);
        return tenant && !field_bool(tenant, "terminate");
}

/* It has been let in again since, as far as it is known of each tenant. */
static bool is_let_in(const Status *s, sd_json_variant *row) {
        sd_json_variant *tenants = sd_json_variant_by_key(s->tenants, "tenants");
        const char *reason = strempty(field_text(row, "reason"));
        const char *name = strempty(field_text(row, "tenant"));
        const char *list = streq(reason, "suspended") ? "suspended" :
                           streq(reason, "exhausted") ? "usedUp" :
                                                        NULL;

        if (streq(reason, "house"))
                return passes_unopened(s, name);
        if (!list || !sd_json_variant_by_key(tenants, "known") ||
            field_number(tenants, "known") > VIEW_PLIGHTS_TENANTS_MAX)
                return false;
        for (size_t i = 0; i < field_count(tenants, list); i++)
                if (streq(strempty(sd_json_variant_string(field_element(tenants, list, i))), name))
                        return false;
        return true;
}

/* All tenants that are refused for one reason are one finding: the last one, and how many more. */
static int judge_tenants_refused(Status *s, size_t at) {
        sd_json_variant *last = NULL;
        char when[TIME_TEXT_MAX], also[64] = "";
        uint64_t count = 0;
        size_t n = 0;

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsRefused"); i++) {
                sd_json_variant *row = field_element(s->tenants_refused, "tenantsRefused", i);

                if (!is_recent(row, tenant_refusals[at].reason) || is_let_in(s, row))
                        continue;
                last = last ?: row; /* the newest is the first */
                count += field_number(row, "count");
                n++;
        }
        if (!last)
                return 0;
        if (n > 1)
                (void) snprintf(also, sizeof(also), " and %zu more tenant%s%s", n - 1,
                                n > 2 ? "s" : "",
                                field_number(s->tenants_refused, "tenantsRefusedMore") > 0 ? " at least" :
                                                                                             "");
        (tenant_refusals[at].problem ? status_problem : status_notice)(
                s,
                "Visitors of the tenant %s%s are refused, %lu since hagw-proxyd started, the last one %s: "
                "%s. %s%s%s%s.",
                field_text(last, "tenant"), also, (unsigned long) count,
                format_when(field_number(last, "lastUSec"), clock_usec(CLOCK_REALTIME), when),
                field_text(last, "text"), tenant_refusals[at].there ? "" : "hagw-ctl tenant set ",
                tenant_refusals[at].there ? "" : field_text(last, "tenant"),
                tenant_refusals[at].there ? "" : " ",
                tenant_refusals[at].there ?: tenant_refusals[at].remedy);
        return 0;
}

/* Since then it was told to be several machines. */
static bool may_be_several(const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = ask_tenant(name);

        return field_number(tenant, "agents") > 1;
}

static void judge_swaps(Status *s) {
        sd_json_variant *row = NULL;
        const char *name;
        char when[TIME_TEXT_MAX], also[64] = "";
        size_t n = 0;

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsSwapping"); i++) {
                sd_json_variant *swap = field_element(s->tenants_refused, "tenantsSwapping", i);

                if (may_be_several(strempty(field_text(swap, "tenant"))))
                        continue;
                row = row ?: swap;
                n++;
        }
        if (n == 0)
                return;
        name = field_text(row, "tenant");
        if (n > 1)
                (void) snprintf(also, sizeof(also), " (the same with %zu more %s)", n - 1,
                                PLURAL(n - 1, "tenant"));
        status_problem(s,
                       "Two machines attach as the tenant %s and take turns, the last time %s%s. hagw-ctl "
                       "detach on one of them ends that, hagw-ctl tenant set %s --agents=2 lets both be "
                       "attached.",
                       name, format_when(field_number(row, "lastUSec"), clock_usec(CLOCK_REALTIME), when),
                       also, name);
}

/* Hosts of the relay's own that lead to a tenant which is not there (any more). */
static int judge_lost_hosts(Status *s) {
        const ConfHost *first = NULL;
        char also[64] = "";
        size_t n = 0;

        if (!s->config || !s->config->tenants.zone)
                return 0;
        for (size_t i = 0; i < s->config->n_hosts; i++) {
                const char *tenant = startswith(s->config->hosts[i].upstream, "tenant:");
                int r = tenant ? tenant_exists(tenant) : 1;

                if (r < 0) /* a daemon that is off was told */
                        return r == -ENOMEM ? r : 0;
                if (r > 0)
                        continue;
                first = first ?: &s->config->hosts[i];
                n++;
        }
        if (n > 1)
                (void) snprintf(also, sizeof(also), " (the same with %zu more %s)", n - 1,
                                PLURAL(n - 1, "host"));
        if (first)
                status_problem(s,
                               "%s leads to the tenant %s, which does not exist, so that its visitors are "
                               "closed%s: hagw-ctl host remove %s, or hagw-ctl tenant add %s.",
                               first->name, startswith(first->upstream, "tenant:"), also, first->name,
                               startswith(first->upstream, "tenant:"));
        return 0;
}

int judge_tenants(Status *s) {
        const bool damaged = field_bool(sd_json_variant_by_key(s->tenants, "tenants"), "damaged");
        int r = 0;

        if (damaged)
                status_problem(s,
                               "The tenants' database is damaged: houses that are attached stay, and no "
                               "other gets in. hagw-ctl tenant restore --list shows the copies that there "
                               "are, hagw-ctl tenant restore puts the newest one back.");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tenant_refusals); i++)
                r = judge_tenants_refused(s, i);
        judge_swaps(s);
        return r < 0 || damaged ? r : judge_lost_hosts(s);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about a relay's tenants. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/status.h"
#include "hagw-ctl/tenant.h"
#include "hagw-ctl/view.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

#define REFUSED_RECENT_USEC (10 * USEC_PER_MINUTE)
#define NAMED_MAX 8U  /* tenants, or hosts, in one finding */
#define ASKED_MAX 64U /* tenants of a finding that hagw-tenantd is asked about */

/* What its owner can do about it. That a house was away is the house's matter, and is not told here. */
static const struct {
        const char *reason;
        bool problem; /* nobody wanted it so */
        const char *remedy; /* behind "hagw-ctl tenant set NAMES "; NULL: a function says it */
} tenant_refusals[] = {
        { "suspended", false, "--enable lets it in again" },
        { "exhausted", true, "--bytes-per-month=SIZE gives it more" },
        { "connections", false, "--connections-per-second=N lets in more" },
        { "channels", false, "--channels=N allows more, where its relay.channels_max "
                             "does" },
        { "house", true, NULL }, /* see say_opened() */
        /* Also who tries names comes here. */
        { "host", false, NULL }, /* see say_hosts() */
};

/* So many at most, and how many there are. The strings are somebody else's. */
typedef struct NameList {
        const char *items[NAMED_MAX];
        size_t n;
} NameList;

static void names_add(NameList *names, const char *name) {
        if (names->n < NAMED_MAX)
                names->items[names->n] = name;
        names->n++;
}

static int compare_names(const void *x, const void *y) {
        return strcmp(*(const char *const *) x, *(const char *const *) y);
}

/* A finding keeps its name while others of the same are refused. */
static void names_sort(NameList *names) {
        if (names->n > 1)
                qsort(names->items, MIN(names->n, (size_t) NAMED_MAX), sizeof(*names->items),
                      compare_names);
}

/* "anna, bob", without those that there was no room for; to be freed. NULL: no memory. */
static char *names_text(const NameList *names, const char *between) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < MIN(names->n, (size_t) NAMED_MAX); i++)
                fprintf(f, "%s%s", i > 0 ? between : "", names->items[i]);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* " (the same with bob, carl and 2 more)" behind the first one's sentence; to be freed. NULL: no memory. */
static char *others_text(const NameList *names) {
        NameList others = *names;
        _cleanup_free_ char *listed = NULL;
        char *text, more[32] = "";

        if (names->n < 2)
                return strdup("");
        others.n = MIN(names->n, (size_t) NAMED_MAX) - 1;
        memmove(others.items, others.items + 1, others.n * sizeof(*others.items));
        if (names->n > NAMED_MAX)
                (void) snprintf(more, sizeof(more), " and %zu more", names->n - NAMED_MAX);
        listed = names_text(&others, ", ");
        return listed && asprintf(&text, " (the same with %s%s)", listed, more) >= 0 ? text : NULL;
}

/* Tenants for whom the same helps. */
typedef struct Refused {
        NameList tenants, hosts;
        sd_json_variant *last; /* the newest is the first */
        uint64_t count;
} Refused;

static void refused_add(Refused *f, sd_json_variant *row) {
        names_add(&f->tenants, strempty(field_text(row, "tenant")));
        f->last = f->last ?: row;
        f->count += field_number(row, "count");
}

/* Told by judge_used_up(), whoever has come and whatever leads there. */
static bool is_used_up(const Status *s, const char *tenant, const char *state) {
        sd_json_variant *tenants = sd_json_variant_by_key(s->tenants, "tenants");

        for (size_t i = 0; streq(state, "exhausted") && i < field_count(tenants, "usedUp"); i++)
                if (streq(sd_json_variant_string(field_element(tenants, "usedUp", i)), tenant))
                        return true;
        return false;
}

static bool is_recent(sd_json_variant *row, const char *reason) {
        return streq(strempty(field_text(row, "reason")), reason) && !field_bool(row, "over") &&
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

/* "the tenants anna, bob and 3 more": to be freed. NULL: no memory. */
static char *who(const Status *s, const NameList *tenants) {
        const bool cut = field_number(s->tenants_refused, "tenantsRefusedMore") > 0;
        const size_t more = tenants->n - MIN(tenants->n, (size_t) NAMED_MAX);
        _cleanup_free_ char *names = names_text(tenants, ", ");
        char *text, also[64] = "";

        if (more > 0 || cut)
                (void) snprintf(also, sizeof(also), " and %zu more%s", more, cut ? " at least" : "");
        if (!names || asprintf(&text, "the %s %s%s", PLURAL(tenants->n, "tenant"), names, also) < 0)
                return NULL;
        return text;
}

/* remedy: what helps, a sentence. */
static int say_refused(Status *s, const Refused *f, bool problem, const char *remedy) {
        _cleanup_free_ char *tenants = who(s, &f->tenants);
        char when[TIME_TEXT_MAX];

        if (!tenants)
                return -ENOMEM;
        (problem ? status_problem : status_notice)(
                s, "Visitors of %s are refused, %lu since hagw-proxyd started, the last one %s: %s. %s.",
                tenants, (unsigned long) f->count,
                format_when(field_number(f->last, "lastUSec"), clock_usec(CLOCK_REALTIME), when),
                field_text(f->last, "text"), remedy);
        return 0;
}

/* What opens a tenant's visitors here: its setting, hosts of the relay that lead to it, or both. */
enum {
        OPENED_BY_SETTING = 1U << 0,
        OPENED_BY_HOST = 1U << 1,
        OPENED_FOREIGN = 1U << 2, /* one of the hosts has a name that is not the tenant's own */
        _OPENED_MAX = 1U << 3,
};

static bool leads_to(const ConfHost *h, const char *tenant) {
        return streq_ptr(startswith(h->upstream, "tenant:"), tenant);
}

/* The hosts go into the group that they make. 0: nothing does any more. */
static unsigned opened_by(const Status *s, const char *name, bool ask, Refused groups[static _OPENED_MAX]) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = ask ? ask_tenant(name) : NULL;
        unsigned by = !tenant || field_bool(tenant, "terminate") ? OPENED_BY_SETTING : 0;

        for (size_t i = 0; s->config && i < s->config->n_hosts; i++) {
                const ConfHost *h = &s->config->hosts[i];
                _cleanup_free_ char *owner = NULL;

                if (!leads_to(h, name))
                        continue;
                by |= OPENED_BY_HOST;
                if (ask && !(by & OPENED_FOREIGN))
                        owner = tenant_of_name(s->config, h->name);
                if (!streq_ptr(owner, name))
                        by |= OPENED_FOREIGN;
        }
        for (size_t i = 0; by & OPENED_BY_HOST && i < s->config->n_hosts; i++)
                if (leads_to(&s->config->hosts[i], name))
                        names_add(&groups[by].hosts, s->config->hosts[i].name);
        return by;
}

static int say_opened(Status *s, const Refused *f, unsigned by) {
        _cleanup_free_ char *tenants = names_text(&f->tenants, " "), *hosts = names_text(&f->hosts, " "),
                            *listed = names_text(&f->hosts, ", "), *set = NULL, *remove = NULL,
                            *opened = NULL, *remedy = NULL;
        const bool setting = by & OPENED_BY_SETTING, host = by & OPENED_BY_HOST;

        if (!tenants || !hosts || !listed ||
            asprintf(&set, "hagw-ctl tenant set %s --terminate=no", tenants) < 0 ||
            asprintf(&remove, "hagw-ctl host remove %s", hosts) < 0 ||
            asprintf(&opened, "The relay opens them for its own %s %s: ", PLURAL(f->hosts.n, "host"),
                     listed) < 0 ||
            asprintf(&remedy,
                     "%sopened = \"accept\"; in the group relay of hagw.conf there, then hagw-ctl reload "
                     "there, takes them; %s%s%s here %s",
                     host ? opened : "", setting ? set : "", setting && host ? " and " : "",
                     host ? remove : "",
                     by & OPENED_FOREIGN ? "stops leading them there" : "has them pass unopened") < 0)
                return -ENOMEM;
        return say_refused(s, f, /* problem= */ true, remedy);
}

static int judge_opened(Status *s, const char *reason) {
        Refused groups[_OPENED_MAX] = {};
        size_t asked = 0;
        int r = 0;

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsRefused"); i++) {
                sd_json_variant *row = field_element(s->tenants_refused, "tenantsRefused", i);

                if (is_recent(row, reason))
                        refused_add(&groups[opened_by(s, strempty(field_text(row, "tenant")),
                                                      asked++ < ASKED_MAX, groups)], row);
        }
        for (unsigned by = 1; r >= 0 && by < _OPENED_MAX; by++) {
                names_sort(&groups[by].tenants);
                if (groups[by].last)
                        r = say_opened(s, &groups[by], by);
        }
        return r;
}

/* The house has none for a name that the relay opens. */
static int say_hosts(Status *s, const Refused *f) {
        _cleanup_free_ char *listed = names_text(&f->hosts, ", "), *remedy = NULL;
        const char *name = f->hosts.n == 1 ? f->hosts.items[0] : NULL;
        _cleanup_free_ char *owner = name ? tenant_of_name(s->config, name) : NULL;
        const bool ours = name && !owner && hostname_in_zone(name, s->config->tenants.zone);

        if (!listed ||
            asprintf(&remedy, "%s%s%shagw-ctl host add %s SERVICE%s there makes one",
                     !*listed ? "" : name ? "The last one asked for " : "The last ones asked for ", listed,
                     *listed ? ": " : "", name ?: "NAME", ours ? " --force" : "") < 0)
                return -ENOMEM;
        return say_refused(s, f, /* problem= */ false, remedy);
}

/* Of a host behind a wildcard the name may be a scanner's choice. */
static bool is_known_name(const Status *s, const char *name) {
        _cleanup_free_ char *owner = NULL;

        if (config_find_host(s->config, name))
                return true;
        owner = tenant_of_name(s->config, name);
        return owner;
}

/* All tenants that are refused for one reason are one finding. */
static int judge_tenants_refused(Status *s, size_t at) {
        _cleanup_free_ char *names = NULL, *remedy = NULL;
        unsigned asked = 0;
        Refused f = {};

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsRefused"); i++) {
                sd_json_variant *row = field_element(s->tenants_refused, "tenantsRefused", i);
                const char *name = field_text(row, "name");

                if (!is_recent(row, tenant_refusals[at].reason) ||
                    is_used_up(s, strempty(field_text(row, "tenant")), tenant_refusals[at].reason))
                        continue;
                refused_add(&f, row);
                if (name && s->config && asked++ < ASKED_MAX && is_known_name(s, name))
                        names_add(&f.hosts, name);
        }
        if (!f.last || !s->config)
                return 0;
        names_sort(&f.tenants);
        if (!tenant_refusals[at].remedy)
                return say_hosts(s, &f);
        names = names_text(&f.tenants, " ");
        if (!names || asprintf(&remedy, "hagw-ctl tenant set %s %s", names, tenant_refusals[at].remedy) < 0)
                return -ENOMEM;
        return say_refused(s, &f, tenant_refusals[at].problem, remedy);
}

/* What keeps visitors of a tenant's hosts here from its house now, whether any have come or not. */
static const struct {
        const char *state;
        bool problem; /* somebody has to do something */
        const char *why[2]; /* of one, and of several */
        const char *remedy; /* behind "hagw-ctl "; %s: their names; NULL: nothing here */
} tenant_states[] = {
        { "suspended", false, { "it is suspended", "they are suspended" }, "tenant set %s --enable" },
        { "exhausted",
          true,
          { "its bytes of this month are used up", "their bytes of this month are used up" },
          "tenant set %s --bytes-per-month=SIZE" },
        { "detached", true, { "it has no token, and so no house", "they have no token, and so no house" },
          "tenant rotate %s" },
        { "invited", false, { "its code waits to be typed in its house", "their codes wait to be typed in "
                                                                      "their houses" }, NULL },
        { "away", false, { "no house is attached as it", "no house is attached as them" }, NULL },
};

/* With the same remedy. */
static bool was_refused(const Status *s, const char *tenant, const char *state) {
        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsRefused"); i++) {
                sd_json_variant *row = field_element(s->tenants_refused, "tenantsRefused", i);

                if (is_recent(row, state) && streq(strempty(field_text(row, "tenant")), tenant))
                        return true;
        }
        return false;
}

/* NULL: it leads to no tenant, or to one that is in another state. */
static const char *tenant_in(const Status *s, size_t host, const char *state) {
        sd_json_variant *h = field_element(s->hosts, "hosts", host);

        return streq_ptr(field_text(h, "tenantState"), state) ?
                       startswith(strempty(field_text(h, "upstream")), "tenant:") :
                       NULL;
}

/* Each once, however many hosts lead to it. One that does not exist is told by its hosts. */
static void collect_state(const Status *s, const char *state, NameList *tenants) {
        for (size_t i = 0; i < field_count(s->hosts, "hosts"); i++) {
                const char *tenant = tenant_in(s, i, state);
                size_t first = 0;

                if (!tenant)
                        continue;
                while (first < i && !streq_ptr(tenant_in(s, first, state), tenant))
                        first++;
                if (first == i && !was_refused(s, tenant, state) && !is_used_up(s, tenant, state) &&
                    tenant_exists(tenant) != 0)
                        names_add(tenants, tenant);
        }
}

static char *state_remedy(const char *command, const NameList *tenants) {
        _cleanup_free_ char *names = names_text(tenants, " ");
        const char *hole = strstr(command, "%s");
        char *text;

        return names && asprintf(&text, ": hagw-ctl %.*s%s%s", (int) (hole - command), command, names,
                                 hole + 2) >= 0 ?
                       text :
                       NULL;
}

static int judge_states(Status *s) {
        for (size_t i = 0; i < ELEMENTSOF(tenant_states); i++) {
                _cleanup_free_ char *tenants = NULL, *remedy = NULL;
                NameList names = {};

                collect_state(s, tenant_states[i].state, &names);
                if (names.n == 0)
                        continue;
                names_sort(&names);
                tenants = who(s, &names);
                remedy = tenant_states[i].remedy ? state_remedy(tenant_states[i].remedy, &names) :
                                                   strdup(".");
                if (!tenants || !remedy)
                        return -ENOMEM;
                (tenant_states[i].problem ? status_problem : status_notice)(
                        s, "Hosts here lead to %s, whose visitors are turned away, for %s%s", tenants,
                        tenant_states[i].why[names.n > 1], remedy);
        }
        return 0;
}

/* Nobody chose the moment, and until the month ends nobody gets in. */
static int judge_used_up(Status *s) {
        sd_json_variant *tenants = sd_json_variant_by_key(s->tenants, "tenants");
        _cleanup_free_ char *listed = NULL, *named = NULL;
        NameList names = {};
        char end[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(tenants, "usedUp"); i++)
                names_add(&names, sd_json_variant_string(field_element(tenants, "usedUp", i)));
        if (names.n == 0)
                return 0;
        names_sort(&names);
        listed = who(s, &names);
        named = names_text(&names, " ");
        if (!listed || !named)
                return -ENOMEM;
        status_problem(s,
                       "The bytes of this month of %s are used up, so that visitors are turned away until "
                       "the month ends, %s: hagw-ctl tenant set %s --bytes-per-month=SIZE gives more.",
                       listed, format_month_end(end), named);
        return 0;
}

/* Since then it was told to be several machines. */
static bool may_be_several(const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tenant = ask_tenant(name);

        return field_number(tenant, "agents") > 1;
}

static int judge_swaps(Status *s) {
        _cleanup_free_ char *others = NULL, *names = NULL;
        sd_json_variant *row = NULL;
        char when[TIME_TEXT_MAX];
        NameList tenants = {};

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsSwapping"); i++) {
                sd_json_variant *swap = field_element(s->tenants_refused, "tenantsSwapping", i);
                const char *name = strempty(field_text(swap, "tenant"));

                if (i < ASKED_MAX && may_be_several(name))
                        continue;
                row = row ?: swap;
                names_add(&tenants, name);
        }
        if (tenants.n == 0)
                return 0;
        others = others_text(&tenants);
        names = names_text(&tenants, " ");
        if (!others || !names)
                return -ENOMEM;
        status_problem(s,
                       "Two machines attach as the tenant %s and take turns, the last time %s%s. hagw-ctl "
                       "detach on one of them ends that, hagw-ctl tenant set %s --agents=2 lets both be "
                       "attached.",
                       tenants.items[0],
                       format_when(field_number(row, "lastUSec"), clock_usec(CLOCK_REALTIME), when), others,
                       names);
        return 0;
}

/* Hosts of the relay's own that lead to a tenant which is not there (any more). */
static int judge_lost_hosts(Status *s) {
        _cleanup_free_ char *others = NULL, *names = NULL;
        const ConfHost *first = NULL;
        NameList hosts = {};

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
                names_add(&hosts, s->config->hosts[i].name);
        }
        if (!first)
                return 0;
        others = others_text(&hosts);
        names = names_text(&hosts, " ");
        if (!others || !names)
                return -ENOMEM;
        status_problem(s,
                       "%s leads to the tenant %s, which does not exist, so that its visitors are turned "
                       "away%s: hagw-ctl host remove %s, or hagw-ctl tenant add %s.",
                       first->name, startswith(first->upstream, "tenant:"), others, names,
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
                r = streq(tenant_refusals[i].reason, "house") ?
                            judge_opened(s, tenant_refusals[i].reason) :
                            judge_tenants_refused(s, i);
        if (r >= 0)
                r = judge_used_up(s);
        if (r >= 0)
                r = judge_swaps(s);
        if (r >= 0)
                r = judge_states(s);
        return r < 0 || damaged ? r : judge_lost_hosts(s);
}

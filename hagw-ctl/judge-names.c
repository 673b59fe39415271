/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about names: zones, hosts, certificates and who may order them. */

#include <stdio.h>

#include "hagw-ctl/caa.h"
#include "hagw-ctl/cause.h"
#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/view.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

/* A screen is waited for: where nobody answers, zones after this time are not asked for. */
#define ZONES_ASK_USEC (10 * USEC_PER_SEC)

/* Hosts with one service fail for one reason. */
static bool host_was_told(const Status *s, size_t at, size_t *ret_more) {
        sd_json_variant *h = field_element(s->hosts, "hosts", at);
        const char *error = field_text(h, "error");

        *ret_more = 0;
        for (size_t i = 0; error && i < field_count(s->hosts, "hosts"); i++) {
                sd_json_variant *other = field_element(s->hosts, "hosts", i);

                if (i == at || !streq(strempty(field_text(other, "health")), "failing") ||
                    !streq_ptr(error, field_text(other, "error")))
                        continue;
                if (i < at)
                        return true;
                (*ret_more)++;
        }
        return false;
}

static void judge_service(Status *s, size_t at) {
        sd_json_variant *h = field_element(s->hosts, "hosts", at);
        const uint64_t found = field_number(h, "foundUSec"),
                       since = found > 0 ? found : field_number(h, "lastErrorUSec");
        char when[TIME_TEXT_MAX], also[64] = "";
        size_t more;

        if (cause_explains(s, EFFECT_SERVICE, field_text(h, "name"), field_text(h, "error")) ||
            host_was_told(s, at, &more))
                return;
        if (more > 0)
                (void) snprintf(also, sizeof(also), " (and %zu more %s)", more, PLURAL(more, "host"));
        if (view_passes_unopened(s->config, h)) {
                status_notice(s,
                              "Visitors of %s%s pass unopened until it has its certificate, and get "
                              "through. Then they will not: %s",
                              field_text(h, "name"), also, strempty(field_text(h, "error")));
                return;
        }
        status_problem(s, "The service behind %s%s fails%s%s%s: %s", field_text(h, "name"), also,
                       !since     ? "" :
                       found > 0 ? " (found " :
                                   " (a visitor met it ",
                       since ? format_when(since, clock_usec(CLOCK_REALTIME), when) : "", since ? ")" : "",
                       field_text(h, "error") ?: "see hagw-ctl host show");
}

/* One reload is what all of them want. */
static void judge_unloaded(Status *s) {
        const char *first = NULL;
        size_t more = 0;

        for (size_t i = 0; i < field_count(s->hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(s->hosts, "hosts", i);

                if (field_bool(h, "loaded") || streq(strempty(field_text(h, "health")), "failing"))
                        continue;
                more += !!first;
                first = first ?: field_text(h, "name");
        }
        if (!first || !status_runs(s, "hagw-proxyd") || s->told[CAUSE_CONFIG])
                return;
        if (more > 0)
                status_problem(s,
                               "hagw-proxyd does not know %s and %zu more yet, so that visitors are turned "
                               "away there: hagw-ctl reload",
                               first, more);
        else
                status_problem(s,
                               "hagw-proxyd does not know %s yet, so that visitors are turned away there: "
                               "hagw-ctl reload",
                               first);
}

/* Visitors get it as it is, and who runs the service can tell more. */
static void judge_answer(Status *s, sd_json_variant *h) {
        const uint64_t status = field_number(h, "answerStatus");

        if (streq(strempty(field_text(h, "health")), "ok") && status >= 500)
                status_notice(s, "The service behind %s answers with an error of its own (HTTP %u): its log "
                                 "tells more.",
                              field_text(h, "name"), (unsigned) status);
}

int judge_hosts(Status *s) {
        for (size_t i = 0; i < field_count(s->hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(s->hosts, "hosts", i);

                /* What ails a tenant is told of the tenant, whatever leads to it: judge_tenants(). */
                if (streq(strempty(field_text(h, "health")), "failing") && !view_house_is_away(h))
                        judge_service(s, i);
                else
                        judge_answer(s, h);
        }
        judge_unloaded(s);
        return 0;
}

/* A question came here, by one address and one name: what the others lead to is not seen by that. */
static int zone_judge_glue(Status *s, const ConfZone *zone) {
        const char *addresses[_GLUE_FAMILIES_MAX];
        _cleanup_(glue_done) Glue g = {};
        int r;

        glue_addresses(s->addresses, addresses);
        r = glue_check(s->config, zone, addresses, &g);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(g.details); i++)
                if (g.details[i] && !glue_is_open(s->addresses, i) &&
                    (i >= _GLUE_FAMILIES_MAX || status_address_is_usable(s, addresses[i]))) {
                        (g.problems[i] ? status_problem : status_notice)(s, "%s", g.details[i]);
                        if (i < _GLUE_FAMILIES_MAX)
                                s->glue_told[i] = true;
                }
        return r;
}

/* By an order, which looked from outside. */
static bool was_looked_at(const Status *s, const ConfZone *zone) {
        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(s->certificates, "certificates", i);
                const char *name = strempty(field_text(c, "name"));

                if (field_number(c, "unreachedPort") == 53 && config_find_zone(s->config, name) == zone)
                        return true;
        }
        return false;
}

/* A question that did not come, where nothing could come. */
static bool zone_is_explained(const Status *s, const ConfZone *zone, DelegationVerdict verdict) {
        switch (verdict) {
        case DELEGATION_UNKNOWN:
                return s->told[CAUSE_RESOLVER];
        case DELEGATION_SILENT:
        case DELEGATION_UDP_ONLY:
                return s->told[CAUSE_PORT_53] || status_has_no_address(s);
        case DELEGATION_INSIDE:
                return was_looked_at(s, zone);
        default:
                return false;
        }
}

/* What zones have for one reason is told once. done: which ones were. */
static int zones_tell(Status *s, const Delegation *all, size_t at, bool *done) {
        const Delegation *same[CONF_ZONES_MAX] = { &all[at] };
        const DelegationVerdict verdict = all[at].verdict;
        const bool beside = verdict == DELEGATION_SILENT && status_is_beside_nobody(s);
        _cleanup_free_ char *text = NULL;
        size_t n = 1;
        int r = 0;

        for (size_t i = at + 1; i < s->config->n_zones && delegation_is_shared(verdict); i++)
                if (all[i].verdict == verdict && !done[i] &&
                    !zone_is_explained(s, &s->config->zones[i], verdict)) {
                        same[n++] = &all[i];
                        done[i] = true;
                }
        if (n > 1)
                r = delegation_say(same, n, s->config, &text);
        if (r < 0)
                return r;
        (delegation_is_problem(verdict) ? status_problem : status_notice)(
                s, "%s%s", text ?: all[at].detail,
                beside ? " Or, where the router passes port 53 as it is: nobody else has that port of this "
                         "machine any more, and hagw-ctl setup takes it back." :
                         "");
        s->beside_told = s->beside_told || beside;
        if (delegation_is_problem(verdict) && (verdict != DELEGATION_UNKNOWN || all[at].seen))
                cause_note(s, verdict == DELEGATION_UNKNOWN ? CAUSE_RESOLVER : CAUSE_DELEGATION);
        return 0;
}

/* The doors are one, however many zones there are: the first one that is found shows them. */
static int zones_judge_ways(Status *s, const Delegation *all) {
        for (size_t i = 0; i < s->config->n_zones; i++)
                if (all[i].zone &&
                    (all[i].verdict == DELEGATION_WORKS || all[i].verdict == DELEGATION_INSIDE))
                        return judge_ways(s, &all[i]);
        return 0;
}

static int zones_judge(Status *s, const Delegation *all) {
        bool done[CONF_ZONES_MAX] = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->config->n_zones; i++) {
                const ConfZone *zone = &s->config->zones[i];

                if (all[i].detail && !done[i] && !zone_is_explained(s, zone, all[i].verdict))
                        r = zones_tell(s, all, i, done);
                if (r >= 0 && all[i].zone &&
                    (all[i].verdict == DELEGATION_WORKS || all[i].verdict == DELEGATION_INSIDE))
                        r = zone_judge_glue(s, zone);
        }
        return r < 0 ? r : zones_judge_ways(s, all);
}

static sd_json_variant *zone_live(sd_json_variant *known, const char *name) {
        for (size_t i = 0; i < field_count(known, "zones"); i++)
                if (streq(strempty(field_text(field_element(known, "zones", i), "name")), name))
                        return field_element(known, "zones", i);
        return NULL;
}

/* Each zone of the configuration with what hagw-dnsd says of it and what the world sees. */
static int zone_append(const ConfZone *zone, const Delegation *d, sd_json_variant *live,
                       sd_json_variant **array) {
        const char *verdict = zone->via == CONF_VIA_RELAY ? "relay" :
                              d->zone                     ? delegation_verdict_text(d->verdict) :
                                                            NULL;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(zone->name)),
                           SD_JSON_BUILD_PAIR("delegation", SD_JSON_BUILD_STRING(verdict)),
                           SD_JSON_BUILD_PAIR_CONDITION(d->remembered, "delegationRemembered",
                                                        SD_JSON_BUILD_BOOLEAN(true)),
                           SD_JSON_BUILD_PAIR_CONDITION(d->last_usec > 0, "lastQuestionUSec",
                                                        SD_JSON_BUILD_UNSIGNED(d->last_usec)));
        if (r >= 0 && live)
                r = sd_json_variant_merge_object(&v, live);
        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

static int zones_look(const Status *s, Delegation *all) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + ZONES_ASK_USEC;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->config->n_zones; i++) {
                const ConfZone *zone = &s->config->zones[i];

                if (s->ask && zone->via != CONF_VIA_RELAY && clock_usec(CLOCK_MONOTONIC) < end)
                        r = delegation_check(zone->name, zone->name_server, s->config, &all[i]);
        }
        return r;
}

static void free_delegations(Delegation **all) {
        for (size_t i = 0; *all && i < CONF_ZONES_MAX; i++)
                delegation_done(&(*all)[i]);
        free(*all);
}

int judge_zones(Status *s) {
        _cleanup_(free_delegations) Delegation *all = calloc(CONF_ZONES_MAX, sizeof(*all));
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL,
                                                          *known = sd_json_variant_ref(s->zones);
        int r = all ? 0 : -ENOMEM;

        if (r >= 0)
                r = sd_json_variant_new_array(&array, NULL, 0);
        if (r >= 0 && s->config)
                r = zones_look(s, all);
        if (r >= 0 && s->config)
                r = zones_judge(s, all);
        for (size_t i = 0; r >= 0 && s->config && i < s->config->n_zones; i++)
                r = zone_append(&s->config->zones[i], &all[i],
                                zone_live(known, s->config->zones[i].name), &array);
        /* Hosts may have their names where others answer for them. */
        if (s->config && s->config->n_zones + s->config->n_hosts == 0 && !s->unset) {
                if (unset_judge(s->config, s->config_dir))
                        status_problem(s, "%s", unset_text(s->config_dir));
                else
                        status_problem(s, "hagw.conf names no zone; hagw-ctl setup writes one, or hagw-ctl "
                                          "attach.");
        }
        s->zones = sd_json_variant_unref(s->zones);
        return r < 0 ? r :
                       sd_json_buildo(&s->zones, SD_JSON_BUILD_PAIR("zones", SD_JSON_BUILD_VARIANT(array)));
}

/* "ours" is what keeps others out, and the owner counts on it. */
static void judge_unnamed(Status *s) {
        const char *first = NULL;
        char more[40] = ""; /* " (and 18446744073709551615 more)" */
        size_t n = 0;

        for (size_t i = 0; s->names.unnamed && i < s->config->n_zones; i++) {
                const ConfZone *zone = &s->config->zones[i];

                if (zone->via == CONF_VIA_RELAY || !conf_zone_has_ours(zone))
                        continue;
                first = first ?: zone->name;
                n++;
        }
        if (n > 1)
                (void) snprintf(more, sizeof(more), " (and %zu more)", n - 1);
        /* Where one authority is asked, and has no name, nobody can do anything. */
        if (first && s->config->acme.fallback.directory)
                status_notice(s,
                              "%s%s has no CAA records, and any authority may issue certificates for it: "
                              "\"ours\" in caa needs a name for such a record, and the authority of "
                              "acme.directory, or that of acme.fallback, tells none. Without that one there "
                              "are such records.",
                              first, more);
}

/* A host for the LAN alone need not be found by the world. */
static bool host_wants_visitors(const Config *c, const char *name) {
        for (size_t i = 0; i < c->n_hosts; i++)
                if (streq(c->hosts[i].name, name))
                        return c->hosts[i].access.from != CONF_FROM_LAN;
        return false;
}

/* An order by hand takes another word then. */
static bool name_is_limited(const Status *s, const char *name) {
        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(s->certificates, "certificates", i);

                if (streq(strempty(field_text(c, "name")), name))
                        return certlimit_get(c, clock_usec(CLOCK_REALTIME)) > 0;
        }
        return false;
}

/* Names whose DNS is kept elsewhere, and ours at the relay. */
int judge_caa(Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        int r;

        if (!s->config || s->denied)
                return 0;
        r = caa_look(s->config, s->ask, &s->names);
        if (r >= 0)
                judge_unnamed(s);
        if (r >= 0)
                r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < s->names.n; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                _cleanup_free_ char *complaint = NULL, *astray = NULL;

                s->names.items[i].limited = name_is_limited(s, s->names.items[i].name);
                r = caa_name_complaint(&s->names.items[i], &complaint);
                if (r > 0) {
                        status_problem(s, "%s", complaint);
                        cause_note(s, CAUSE_CAA);
                }
                if (r >= 0 && host_wants_visitors(s->config, s->names.items[i].name))
                        r = caa_name_astray(&s->names.items[i], &astray);
                if (astray)
                        status_problem(s, "%s", astray);
                if (r >= 0)
                        r = caa_name_to_json(&s->names.items[i], &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        return r < 0 ? r : sd_json_buildo(&s->caa, SD_JSON_BUILD_PAIR("caa", SD_JSON_BUILD_VARIANT(array)));
}

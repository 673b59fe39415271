/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about names: zones, hosts, certificates and who may order them. */

#include <stdio.h>

#include "hagw-ctl/caa.h"
#include "hagw-ctl/cause.h"
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
        uint64_t since = field_number(h, "foundUSec");
        char when[TIME_TEXT_MAX], also[64] = "";
        size_t more;

        if (cause_explains(s, field_text(h, "name"), field_text(h, "error")) || host_was_told(s, at, &more))
                return;
        if (more > 0)
                (void) snprintf(also, sizeof(also), " (and %zu more %s)", more, PLURAL(more, "host"));
        status_problem(s, "The service behind %s%s fails%s%s%s: %s", field_text(h, "name"), also,
                       since ? " (found " : "",
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
        if (!first || s->unreachable || s->denied || s->told[CAUSE_CONFIG])
                return;
        if (more > 0)
                status_problem(s, "hagw-proxyd does not know %s and %zu more yet: hagw-ctl reload", first,
                               more);
        else
                status_problem(s, "hagw-proxyd does not know %s yet: hagw-ctl reload", first);
}

int judge_hosts(Status *s) {
        for (size_t i = 0; i < field_count(s->hosts, "hosts"); i++)
                if (streq(strempty(field_text(field_element(s->hosts, "hosts", i), "health")), "failing"))
                        judge_service(s, i);
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
                if (g.details[i] && !glue_is_open(s->addresses, i))
                        (g.problems[i] ? status_problem : status_notice)(s, "%s", g.details[i]);
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

bool status_zone_is_lost(const Status *s, const char *zone) {
        for (size_t i = 0; i < field_count(s->zones, "zones"); i++) {
                sd_json_variant *z = field_element(s->zones, "zones", i);

                if (streq(strempty(field_text(z, "name")), zone))
                        return delegation_is_lost(strempty(field_text(z, "delegation")));
        }
        return false;
}

/* The resolver of this machine is one, however many zones there are. */
static void zone_tell(Status *s, const ConfZone *zone, const Delegation *d) {
        if (!d->detail || zone_is_explained(s, zone, d->verdict))
                return;
        (delegation_is_problem(d->verdict) ? status_problem : status_notice)(s, "%s", d->detail);
        if (delegation_is_problem(d->verdict))
                cause_note(s, d->verdict == DELEGATION_UNKNOWN ? CAUSE_RESOLVER : CAUSE_DELEGATION);
}

/* Each zone of the configuration with what hagw-dnsd says of it and what the world sees. */
static int zone_judge(Status *s, const ConfZone *zone, sd_json_variant *live, bool ask,
                      sd_json_variant **array) {
        _cleanup_(delegation_done) Delegation d = { .verdict = DELEGATION_UNKNOWN };
        bool via_relay = zone->via == CONF_VIA_RELAY;
        const char *verdict;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (ask && !via_relay) {
                r = delegation_check(zone->name, zone->name_server, s->config, &d);
                if (r < 0)
                        return r;
                zone_tell(s, zone, &d);
        }
        if (ask && !via_relay && (d.verdict == DELEGATION_WORKS || d.verdict == DELEGATION_INSIDE)) {
                r = zone_judge_glue(s, zone);
                if (r < 0)
                        return r;
        }
        verdict = via_relay ? "relay" : ask ? delegation_verdict_text(d.verdict) : NULL;
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(zone->name)),
                           SD_JSON_BUILD_PAIR("delegation", SD_JSON_BUILD_STRING(verdict)),
                           SD_JSON_BUILD_PAIR_CONDITION(d.last_usec > 0, "lastQuestionUSec",
                                                        SD_JSON_BUILD_UNSIGNED(d.last_usec)));
        if (r >= 0 && live)
                r = sd_json_variant_merge_object(&v, live);
        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

int judge_zones(Status *s) {
        const uint64_t start = clock_usec(CLOCK_MONOTONIC);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL, *known = s->zones;
        int r;

        s->zones = NULL;
        r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && s->config && i < s->config->n_zones; i++) {
                const ConfZone *zone = &s->config->zones[i];
                sd_json_variant *live = NULL;

                for (size_t k = 0; k < field_count(known, "zones"); k++)
                        if (streq(strempty(field_text(field_element(known, "zones", k), "name")),
                                  zone->name))
                                live = field_element(known, "zones", k);
                r = zone_judge(s, zone, live,
                               s->ask && clock_usec(CLOCK_MONOTONIC) < start + ZONES_ASK_USEC, &array);
        }
        if (s->config && s->config->n_zones == 0 && !s->unset) {
                if (unset_judge(s->config, s->config_dir))
                        status_problem(s, "%s", unset_text);
                else
                        status_problem(s, "hagw.conf names no zone; hagw-ctl setup writes one, or hagw-ctl "
                                          "attach.");
        }
        return r < 0 ? r :
                       sd_json_buildo(&s->zones, SD_JSON_BUILD_PAIR("zones", SD_JSON_BUILD_VARIANT(array)));
}

/* Names whose DNS is kept elsewhere, and ours at the relay. */
int judge_caa(Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        int r;

        if (!s->config || s->denied)
                return 0;
        r = caa_look(s->config, s->ask, &s->names);
        if (r >= 0)
                r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < s->names.n; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                _cleanup_free_ char *complaint = NULL;

                r = caa_name_complaint(&s->names.items[i], &complaint);
                if (r > 0) {
                        status_problem(s, "%s", complaint);
                        cause_note(s, CAUSE_CAA);
                }
                if (r >= 0)
                        r = caa_name_to_json(&s->names.items[i], &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        return r < 0 ? r : sd_json_buildo(&s->caa, SD_JSON_BUILD_PAIR("caa", SD_JSON_BUILD_VARIANT(array)));
}

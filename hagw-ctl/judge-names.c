/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about names: zones, hosts, certificates and who may order them. */

#include "caa.h"
#include "client.h"
#include "delegation.h"
#include "glue.h"
#include "output.h"
#include "status.h"
#include "usec.h"
#include "view.h"

/* A screen is waited for: where nobody answers, zones after this time are not asked for. */
#define ZONES_ASK_USEC (10 * USEC_PER_SEC)

static void judge_service(Status *s, sd_json_variant *h) {
        uint64_t since = field_number(h, "foundUSec");
        char when[TIME_TEXT_MAX];

        status_problem(s, "The service behind %s fails%s%s%s: %s", field_text(h, "name"),
                       since ? " (found " : "",
                       since ? format_when(since, clock_usec(CLOCK_REALTIME), when) : "", since ? ")" : "",
                       field_text(h, "error") ?: "see hagw-ctl host show");
}

int judge_hosts(Status *s) {
        for (size_t i = 0; i < field_count(s->hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(s->hosts, "hosts", i);

                if (streq(strempty(field_text(h, "health")), "failing"))
                        judge_service(s, h);
                else if (!field_bool(h, "loaded") && !s->unreachable && !s->denied)
                        status_problem(s, "hagw-proxyd does not know %s yet: hagw-ctl reload",
                                       field_text(h, "name"));
        }
        return 0;
}

/* Said for as long as it is so: nothing else tells that the first authority needs a look. */
static void judge_fallback(Status *s, sd_json_variant *c) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), at = field_number(c, "nextUSec");
        char next[TIME_TEXT_MAX];

        if (field_bool(c, "fallback"))
                status_notice(s, "The certificate for %s is from the fallback, %s: the first authority "
                                 "could not be had. The next order, %s, asks that one first.",
                              field_text(c, "name"), field_text(c, "directory"),
                              at ? format_when(MAX(at, now + 1), now, next) : "when it is asked for");
}

/* Nobody needs to do anything yet; who looks may know the reason. */
static void judge_renewal(Status *s, sd_json_variant *c) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), tries = field_number(c, "failures");
        char end[TIME_TEXT_MAX], next[TIME_TEXT_MAX];

        if (tries == 0 || !streq(strempty(field_text(c, "state")), "valid"))
                return;
        status_notice(s, "The certificate for %s could not be renewed (%lu tr%s): %s. It ends %s; the next "
                         "try is %s.",
                      field_text(c, "name"), (unsigned long) tries, tries > 1 ? "ies" : "y",
                      field_text(c, "error") ?: "hagw-ctl log tells why",
                      format_when(field_number(c, "notAfterUSec"), now, end),
                      format_when(MAX(field_number(c, "nextUSec"), now + 1), now, next));
}

/* Somebody wanted it ended, and it is still what visitors see. */
static void judge_revocation(Status *s, sd_json_variant *c) {
        const bool imported = streq(strempty(field_text(c, "source")), "imported");
        const char *name = field_text(c, "name");
        char when[TIME_TEXT_MAX];

        if (field_bool(c, "revoking"))
                status_notice(s, "Certificates of %s are to be revoked, and the certificate authority could "
                                 "not be told yet; hagw-acmed goes on trying.", name);
        if (!field_number(c, "revokedUSec") || field_bool(c, "ordering") ||
            !(imported || field_bool(c, "wanted")))
                return;
        status_problem(s, "The certificate for %s is revoked (%s), and no other has taken its place: "
                          "browsers may refuse it. %s%s%s.",
                       name,
                       format_when(field_number(c, "revokedUSec"), clock_usec(CLOCK_REALTIME), when),
                       imported ? "Import its successor: hagw-ctl cert import CHAIN KEY"
                                : "hagw-ctl cert renew ",
                       imported ? "" : name, imported ? "" : " orders one");
}

/* An order is a look from outside, the only one there is: this is no guess. */
static void judge_unreached(Status *s, sd_json_variant *c) {
        const uint64_t end = field_number(c, "notAfterUSec"), now = clock_usec(CLOCK_REALTIME);
        const char *name = field_text(c, "name"), *error = strempty(field_text(c, "error"));
        char found[TIME_TEXT_MAX], ends[TIME_TEXT_MAX], text[ROUTER_TEXT_MAX];
        const bool dns = field_number(c, "unreachedPort") == 53;
        const char *router = dns ? delegation_router_text(s->config ? s->config->dns.ipv4_port : 0, text) :
                                   "pass TCP port 80 to this machine";

        status_problem(s,
                       "The certificate authority asked for %s from the internet and did not reach this "
                       "house (%s): %s%s%s%s%s Does the router %s, and does that name%s have the house's "
                       "address of today? \"hagw-ctl cert renew %s\" tries again.",
                       name, format_when(field_number(c, "unreachedUSec"), now, found), error,
                       endswith(error, ".") ? "" : ".", end ? " The certificate that is there ends " : "",
                       end ? format_when(end, now, ends) : "", end ? "." : "", router,
                       dns ? "'s name server" : "", name);
}

int judge_certificates(Status *s) {
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(s->certificates, "certificates", i);
                uint64_t end = field_number(c, "notAfterUSec");

                judge_fallback(s, c);
                judge_revocation(s, c);
                if (field_number(c, "unreachedPort") > 0) {
                        judge_unreached(s, c);
                        continue;
                }
                if (!view_certificate_is_bad(c)) {
                        judge_renewal(s, c);
                        continue;
                }
                status_problem(s,
                               "Certificate %s: %s%s%s%s%s", field_text(c, "name"), field_text(c, "state"),
                               end ? ", ends " : "",
                               end ? format_when(end, clock_usec(CLOCK_REALTIME), when) : "",
                               field_text(c, "error") ? ": " : "", strempty(field_text(c, "error")));
        }
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
                if (g.details[i])
                        (g.problems[i] ? status_problem : status_notice)(s, "%s", g.details[i]);
        return r;
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
                r = delegation_check(zone->name, zone->name_server, s->config->dns.ipv4_port, &d);
                if (r < 0)
                        return r;
                if (d.detail)
                        (delegation_is_problem(d.verdict) ? status_problem :
                                                            status_notice)(s, "%s", d.detail);
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
        if (s->config && s->config->n_zones == 0 && !s->unset)
                status_problem(s, "hagw.conf names no zone; hagw-ctl setup writes one, or hagw-ctl attach.");
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
                if (r > 0)
                        status_problem(s, "%s", complaint);
                if (r >= 0)
                        r = caa_name_to_json(&s->names.items[i], &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        return r < 0 ? r : sd_json_buildo(&s->caa, SD_JSON_BUILD_PAIR("caa", SD_JSON_BUILD_VARIANT(array)));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl status, as a screen and as JSON. */

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/status.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/view.h"
#include "hagw-ctl/walls.h"
#include "libhagw/conf-files.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

#define PLIGHT_NAMES_MAX 3U /* of tenants behind a figure */

static Tone delegation_tone(const char *delegation) {
        static const struct {
                const char *text;
                Tone tone;
        } rows[] = {
                { "works", TONE_GOOD },
                { "relay", TONE_GOOD },
                { "inside-only", TONE_WARN },
                { "unseen", TONE_WARN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq_ptr(delegation, rows[i].text))
                        return rows[i].tone;
        return delegation ? TONE_BAD : TONE_DIM;
}

static int print_zones(sd_json_variant *v) {
        _cleanup_(table_freep) Table *t = table_new(NULL, 4);
        const uint64_t now = clock_usec(CLOCK_REALTIME);

        for (size_t i = 0; i < field_count(v, "zones"); i++) {
                sd_json_variant *z = field_element(v, "zones", i);
                const char *delegation = field_text(z, "delegation");
                const uint64_t last = field_number(z, "lastQuestionUSec");
                const bool remembered = field_bool(z, "delegationRemembered");
                char when[TIME_TEXT_MAX];

                table_add(t, TONE_BOLD, "%s", field_text(z, "name"));
                if (field_number(z, "serial"))
                        table_add(t, TONE_DIM, "serial %lu", (unsigned long) field_number(z, "serial"));
                else
                        table_add(t, TONE_DIM, "-");
                table_add(t, delegation_tone(delegation), "%s%s%s%s",
                          streq_ptr(delegation, "relay") ? "through the " : "delegation ",
                          delegation ?: "not asked", remembered ? ", seen " : "",
                          remembered ? format_when(last, now, when) : "");
                table_add(t, TONE_PLAIN, "%s%s",
                          last > 0 && !remembered ? "last question from the internet " : "",
                          last > 0 && !remembered ? format_when(last, now, when) : "");
        }
        return table_print(t, 2);
}

/* Whether the router passes the port is seen when somebody comes. At port 80 there is nothing but the way to
 * 443. */
static bool is_awaited(const Status *s) {
        return status_visitors_since(s) > 0 && status_last_at(s, "https") == 0;
}

/* What was seen longer ago shows nothing of now: who has changed something at the router looks within
 * minutes whether all is fine. No shorter, for a page that its owner opens by mobile data is to count when
 * he is back at his desk. */
#define SEEN_USEC (15 * USEC_PER_MINUTE)

static bool is_long_ago(const Status *s, uint64_t now) {
        return status_visitors_since(s) > 0 && status_last_at(s, "https") + SEEN_USEC < now;
}

/* Who comes through a relay is not counted. */
static void print_visitors(const Status *s) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        const uint64_t since = status_visitors_since(s), last = status_last_visitor(s),
                       house = status_last_house(s);
        char when[TIME_TEXT_MAX];

        if (since == 0)
                return;
        if (last > 0)
                output_paragraph("  ", "last visitor from outside %s", format_when(last, now, when));
        if (house > 0)
                output_paragraph("  ", "last connection of a house from outside %s",
                                 format_when(house, now, when));
        if (is_awaited(s))
                output_paragraph("  ", "no visitor from outside%s yet, since hagw-proxyd began to count %s",
                                 last > 0 ? " at port 443" : "", format_when(since, now, when));
}

static int section(const char *title, sd_json_variant *v, const char *list, const char *none,
                   int (*print)(sd_json_variant *v)) {
        output_tone(TONE_BOLD, "%s", title);
        output("\n");
        if (field_count(v, list) == 0) {
                output("  %s\n", none);
                return 0;
        }
        return print(v);
}

static int print_addresses(sd_json_variant *v) { return view_print_addresses(v, 2, /* told= */ true); }
static int print_hosts(sd_json_variant *v) {
        _cleanup_free_ char *walls = NULL;
        int r;

        r = view_print_hosts(v, 2);
        if (r >= 0)
                r = walls_of_tenants(v, &walls);
        if (r >= 0 && walls)
                output_paragraph("  ", "%s", walls);
        return r;
}

static int print_certificates(sd_json_variant *v) { return view_print_certificates(v, 2, /* told= */ true); }
static int print_daemons(sd_json_variant *v) { return view_print_daemons(v, 2); }

/* Who reads along, and who asks for the login. */
static int print_opened(const Status *s, uint64_t last_usec) {
        _cleanup_free_ char *walls = NULL;
        char when[TIME_TEXT_MAX];

        if (last_usec == 0)
                return 0;
        if (walls_of_relay(s->hosts, &walls) < 0)
                return -ENOMEM;
        output_paragraph("  ",
                         "The relay opens visitors' TLS, the last time %s, and can read what passes.%s%s",
                         format_when(last_usec, clock_usec(CLOCK_REALTIME), when), *walls ? " " : "", walls);
        return 0;
}

static int print_relay(const Status *s) {
        sd_json_variant *relay = sd_json_variant_by_key(s->relay, "relay");
        _cleanup_free_ char *state = relay ? relay_state_text(relay) : NULL;
        Tone tone = relay_is_attached(relay) ? TONE_GOOD : TONE_BAD;

        if (!s->config || !s->config->relay.address)
                return 0;
        if (relay && !state)
                return -ENOMEM;
        output_tone(TONE_BOLD, "Relay");
        output("\n  %s as %s: ", s->config->relay.address, s->config->relay.tenant);
        output_tone(tone, "%s", state ?: "unknown");
        output("\n");
        return print_opened(s, field_number(relay, "openedUSec"));
}

static void print_elsewhere(const Status *s) {
        bool title = false;

        caa_names_print_others(&s->names, "  ");
        for (size_t i = 0; i < s->names.n; i++) {
                const CaaName *n = &s->names.items[i];

                /* Of an authority that has no name in CAA records there is none to enter. */
                if (!caa_name_is_elsewhere(n) || (s->names.unnamed && !n->line && !n->alias))
                        continue;
                if (!title) {
                        output_tone(TONE_BOLD, "Domains whose DNS is kept elsewhere");
                        output("\n");
                }
                title = true;
                caa_name_print(n, "  ");
        }
}

static void print_figure(sd_json_variant *tenants, const char *name, const char *text) {
        if (sd_json_variant_by_key(tenants, name))
                output("%lu %s", (unsigned long) field_number(tenants, name), text);
        else
                output("? %s", text);
}

/* "1 attached by 2 machines"; of very many tenants only the machines are counted. */
static void print_attached(sd_json_variant *tenants) {
        const uint64_t machines = field_number(tenants, "machines");
        const bool counted = sd_json_variant_by_key(tenants, "attached");

        if (counted || machines == 0)
                print_figure(tenants, "attached", "attached");
        if (machines != field_number(tenants, "attached"))
                output("%s%lu %s%s", counted ? " by " : "", (unsigned long) machines,
                       PLURAL(machines, "machine"), counted ? "" : " attached");
}

/* ", 2 suspended (anna, bert)" */
static void print_plight(sd_json_variant *tenants, const char *field, const char *text) {
        const size_t n = field_count(tenants, field);

        if (n == 0)
                return;
        output(", ");
        output_tone(TONE_WARN, "%zu %s", n, text);
        for (size_t i = 0; i < MIN(n, (size_t) PLIGHT_NAMES_MAX); i++)
                output("%s%s", i > 0 ? ", " : " (",
                       sd_json_variant_string(field_element(tenants, field, i)));
        output(n > PLIGHT_NAMES_MAX ? ", …)" : ")");
}

static void print_tenants(const Status *s) {
        sd_json_variant *tenants = sd_json_variant_by_key(s->tenants, "tenants");

        if (!tenants)
                return;
        output_tone(TONE_BOLD, "Tenants");
        output("\n  ");
        print_figure(tenants, "known", "known, ");
        print_attached(tenants);
        print_plight(tenants, "suspended", "suspended");
        print_plight(tenants, "usedUp", "used up");
        print_plight(tenants, "noToken", "without a token");
        output("\n");
}

static void print_findings(Tone tone, const char *title, sd_json_variant *findings) {
        output_tone(tone, "%s", title);
        output("\n");
        for (size_t i = 0; i < sd_json_variant_elements(findings); i++)
                output_paragraph("  - ", "%s",
                                 sd_json_variant_string(sd_json_variant_by_index(findings, i)));
}

/* What an empty list means depends on whether its daemon was asked. */
static const char *none_of(const Status *s, const char *daemon) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (streq(strempty(field_text(d, "name")), daemon))
                        return field_bool(d, "running") ? "none" : "unknown";
        }
        return "unknown";
}

static int note_any(_unused_ const char *path, _unused_ const char *name, void *userdata) {
        *(bool *) userdata = true;
        return 0;
}

/* Without hagw.conf nobody reads what there may still be. */
static bool config_is_unknown(const Status *s) {
        bool any = false;

        if (s->config)
                return false;
        return !s->unset || unset_is_lost(s->config_dir) ||
               conf_each_host_file(s->config_dir, note_any, &any) < 0 || any;
}

/* A relay needs none, and who has no zone yet has another thing to do first. */
static const char *no_hosts(const Status *s) {
        if (config_is_unknown(s))
                return "unknown";
        if (!s->config || s->config->n_zones == 0)
                return "none";
        return s->config->tenants.zone ? "none of this machine's own" :
                                         "none yet: hagw-ctl host add ha http://192.168.1.4:8123";
}

static void print_fine(const Status *s) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char span[TIME_TEXT_MAX];

        output_tone(TONE_GOOD, "Everything is fine%s",
                    is_long_ago(s, now) ? " as far as can be seen from here" : ".");
        if (is_awaited(s))
                output(".");
        else if (is_long_ago(s, now))
                output(": nobody has come from outside to port 443 for %s.",
                       format_span(now - status_last_at(s, "https"), span));
        output("\n");
}

int status_print(const Status *s) {
        size_t sessions = field_count(s->sessions, "sessions");

        if (section("Addresses", status_needs_no_address(s) ? NULL : s->addresses, "addresses",
                    status_needs_no_address(s) ? "none needed: visitors come through the relay" : "unknown",
                    print_addresses) < 0)
                return -ENOMEM;
        print_visitors(s);
        if (section("Zones", s->zones, "zones", config_is_unknown(s) ? "unknown" : "none",
                    print_zones) < 0 ||
            print_relay(s) < 0)
                return -ENOMEM;
        print_elsewhere(s);
        if (section("Hosts", s->hosts, "hosts", no_hosts(s), print_hosts) < 0 ||
            section("Certificates", s->certificates, "certificates", none_of(s, "hagw-acmed"),
                    print_certificates) < 0 ||
            section("Daemons", s->daemons, "daemons", "none", print_daemons) < 0)
                return -ENOMEM;
        print_tenants(s);
        output_tone(TONE_BOLD, "Sessions");
        if (sessions > 0)
                output("\n  %zu logged in\n", sessions);
        else if (streq(none_of(s, "hagw-webd"), "none"))
                output("\n  nobody is logged in\n");
        else
                output("\n  unknown\n");
        view_print_refusals(s->refusals, 2);
        output("\n");
        if (s->n_problems > 0)
                print_findings(TONE_BAD, "Needs attention:", s->problems);
        else
                print_fine(s);
        if (s->n_notices > 0)
                print_findings(TONE_BOLD, "Worth knowing:", s->notices);
        return 0;
}

int status_print_json(const Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *empty = NULL;
        sd_json_variant *parts[] = { s->addresses,    s->zones,    s->hosts,
                                     s->certificates, s->sessions, s->daemons,
                                     s->relay,        s->tenants,  s->refusals,
                                     s->caa,          s->hops,     s->visitors,
                                     s->tenants_refused };
        int r;

        r = sd_json_variant_new_array(&empty, NULL, 0);
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_VARIANT("problems", s->problems ?: empty),
                                   SD_JSON_BUILD_PAIR_VARIANT("notices", s->notices ?: empty));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++)
                if (parts[i])
                        r = sd_json_variant_merge_object(&v, parts[i]);
        return r < 0 ? r : output_json(v);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl status: one screen, and an exit status for scripts. */

#include <stdarg.h>
#include <stdio.h>

#include "caa.h"
#include "client.h"
#include "delegation.h"
#include "hostfile.h"
#include "listeners.h"
#include "log.h"
#include "output.h"
#include "relay.h"
#include "usec.h"
#include "view.h"

typedef struct Status {
        sd_json_variant *addresses, *zones, *hosts, *certificates, *sessions, *daemons;
        sd_json_variant *relay, *tenants, *refusals, *caa, *hops;
        CaaNames names;
        sd_json_variant *problems; /* strings */
        size_t n_problems;
        bool unreachable, denied, lost;
        Config *config; /* NULL: broken */
} Status;

static void status_done(Status *s) {
        sd_json_variant **all[] = { &s->addresses, &s->zones,    &s->hosts,    &s->certificates,
                                    &s->sessions,  &s->daemons,  &s->problems, &s->relay,
                                    &s->tenants,   &s->refusals, &s->caa,  &s->hops };

        caa_names_done(&s->names);
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                *all[i] = sd_json_variant_unref(*all[i]);
        s->config = config_free(s->config);
}

static void problem(Status *s, const char *format, ...) _printf_(2, 3);
static void problem(Status *s, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        s->n_problems++;
        if (n < 0 || sd_json_variant_append_arrayb(&s->problems, SD_JSON_BUILD_STRING(text)) < 0)
                s->lost = true;
}

static bool all_are_off(sd_json_variant *daemons) {
        for (size_t i = 0; i < field_count(daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(daemons, "daemons", i);

                if (field_bool(d, "running") || field_bool(d, "denied") || field_bool(d, "silent"))
                        return false;
        }
        return true;
}

static void judge_daemons(Status *s) {
        if (all_are_off(s->daemons)) {
                s->unreachable = true;
                problem(s, "hagw is not running; \"systemctl enable --now hagw.target\" (or hagw-ctl setup) "
                           "starts it.");
                return;
        }
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (field_bool(d, "denied"))
                        s->denied = true;
                else if (!field_bool(d, "running")) {
                        s->unreachable = true;
                        problem(s, "%s", field_text(d, "error"));
                } else if (field_text(d, "configError"))
                        problem(s, "%s keeps its old configuration: %s", field_text(d, "name"),
                                field_text(d, "configError"));
        }
        if (s->denied)
                problem(s, "The daemons answer root only; try again with sudo.");
}

/* What comes through a relay needs no address here. */
static bool any_zone_is_direct(const Config *c) {
        for (size_t i = 0; c && i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return !c;
}

static void judge_addresses(Status *s) {
        size_t n = field_count(s->addresses, "addresses"), known = 0;

        for (size_t i = 0; i < n; i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);
                const char *family = field_text(a, "family"), *error = field_text(a, "error");

                known += !!field_text(a, "address");
                if (error)
                        problem(s, "The public %s address could not be confirmed: %s",
                                streq(strempty(family), "ipv4") ? "IPv4" : "IPv6", error);
        }
        if (n > 0 && known == 0 && any_zone_is_direct(s->config))
                problem(s, "No public address is known: visitors cannot find this house. See public_address "
                           "in hagw.conf(5).");
}

/* The port sockets have ReusePort=: another program of root's that asks for the same gets a part of the
 * visitors, and neither is told. */
static void judge_ports(Status *s) {
        static const unsigned ports[] = { 443, 80 };

        for (size_t i = 0; i < ELEMENTSOF(ports); i++)
                if (count_listeners(ports[i]) > 1)
                        problem(s, "Several sockets listen on port %u, so that another program gets "
                                   "visitors of yours: ss -ltnp 'sport = %u' shows which.",
                                ports[i], ports[i]);
}

/* Behind such an address may be one telephone of the house, or everybody. */
static void judge_hops(Status *s) {
        uint64_t now = clock_usec(CLOCK_REALTIME);

        for (size_t i = 0; i < field_count(s->hops, "hops"); i++) {
                sd_json_variant *h = field_element(s->hops, "hops", i);
                const char *address = field_text(h, "address");

                if (field_number(h, "lastUSec") + USEC_PER_DAY <= now)
                        continue;
                problem(s, "Visitors come from %s, the router or a bridge of this machine, and may be "
                           "anybody, so they do not count as inside. Let the router (or the container's "
                           "proxy) show visitors' own addresses; or, if strangers keep theirs and only "
                           "devices of the house come so, add \"%s\" to lan. \"Inside and outside\" in "
                           "hagw.conf(5) tells how to find out.",
                        address, address);
        }
}

static void judge_relay(Status *s) {
        sd_json_variant *relay = sd_json_variant_by_key(s->relay, "relay");
        const char *error = field_text(relay, "error");

        if (relay && !relay_is_attached(relay))
                problem(s, "This house is not attached to its relay %s (%s)%s%s", s->config->relay.address,
                        field_text(relay, "state"), error ? ": " : ".", strempty(error));
}

static void judge_tenants(Status *s) {
        if (field_bool(sd_json_variant_by_key(s->tenants, "tenants"), "damaged"))
                problem(s, "The tenants' database is damaged: houses that are attached stay, and no other "
                           "gets in. hagw-ctl tenant restore --list shows the copies that there are, "
                           "hagw-ctl tenant restore puts the newest one back.");
}

static void judge_hosts(Status *s) {
        for (size_t i = 0; i < field_count(s->hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(s->hosts, "hosts", i);

                if (streq(strempty(field_text(h, "health")), "failing"))
                        problem(s, "The service behind %s fails: %s", field_text(h, "name"),
                                field_text(h, "error") ?: "see hagw-ctl host show");
                else if (!field_bool(h, "loaded") && !s->unreachable && !s->denied)
                        problem(s, "hagw-proxyd does not know %s yet: hagw-ctl reload",
                                field_text(h, "name"));
        }
}

static void judge_certificates(Status *s) {
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(s->certificates, "certificates", i);
                uint64_t end = field_number(c, "notAfterUSec");

                if (!view_certificate_is_bad(c))
                        continue;
                problem(s, "Certificate %s: %s%s%s%s%s", field_text(c, "name"), field_text(c, "state"),
                        end ? ", ends " : "", end ? format_when(end, clock_usec(CLOCK_REALTIME), when) : "",
                        field_text(c, "error") ? ": " : "", strempty(field_text(c, "error")));
        }
}

/* Each zone of the configuration with what hagw-dnsd says of it and what the world sees. */
static int judge_zone(Status *s, const ConfZone *zone, sd_json_variant *live, bool ask,
                      sd_json_variant **array) {
        _cleanup_(delegation_done) Delegation d = { .verdict = DELEGATION_UNKNOWN };
        bool via_relay = zone->via == CONF_VIA_RELAY;
        const char *verdict;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (ask && !via_relay) {
                r = delegation_check(zone->name, zone->name_server, &d);
                if (r < 0)
                        return r;
                if (d.verdict != DELEGATION_WORKS)
                        problem(s, "%s", d.detail);
        }
        verdict = via_relay ? "relay" : ask ? delegation_verdict_text(d.verdict) : NULL;
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(zone->name)),
                           SD_JSON_BUILD_PAIR("delegation", SD_JSON_BUILD_STRING(verdict)));
        if (r >= 0 && live)
                r = sd_json_variant_merge_object(&v, live);
        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

static int judge_zones(Status *s, bool ask) {
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
                r = judge_zone(s, zone, live, ask, &array);
        }
        if (s->config && s->config->n_zones == 0)
                problem(s, "hagw.conf names no zone; hagw-ctl setup writes one, or hagw-ctl attach.");
        return r < 0 ? r :
                       sd_json_buildo(&s->zones, SD_JSON_BUILD_PAIR("zones", SD_JSON_BUILD_VARIANT(array)));
}

/* Names whose DNS is kept elsewhere, and ours at the relay. */
static int judge_caa(Status *s, bool ask) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        int r;

        if (!s->config || s->denied)
                return 0;
        r = caa_look(s->config, ask, &s->names);
        if (r >= 0)
                r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < s->names.n; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                _cleanup_free_ char *complaint = NULL;

                r = caa_name_complaint(&s->names.items[i], &complaint);
                if (r > 0)
                        problem(s, "%s", complaint);
                if (r >= 0)
                        r = caa_name_to_json(&s->names.items[i], &v);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        return r < 0 ? r : sd_json_buildo(&s->caa, SD_JSON_BUILD_PAIR("caa", SD_JSON_BUILD_VARIANT(array)));
}

static int collect(Status *s, const Call *call) {
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL, *g = NULL;
        bool ask;
        int r;

        r = load_config(call->config_dir, &s->config);
        if (r == -ENOMEM)
                return r;
        /* What a daemon that is off cannot tell is told once, by view_daemons(). */
        r = view_daemons(s->config, &s->daemons);
        if (r >= 0)
                r = view_addresses(/* refresh= */ false, &s->addresses, &a);
        if (r >= 0)
                r = view_zones(&s->zones, &b);
        if (r >= 0)
                r = view_certificates(&s->certificates, &c);
        if (r >= 0)
                r = view_sessions(NULL, &s->sessions, &d);
        if (r >= 0)
                r = view_refusals(&s->refusals, &g);
        if (r >= 0)
                r = view_relay(s->config, &s->relay, &f);
        if (r >= 0)
                r = view_tenants(s->config, &s->tenants);
        if (r >= 0)
                r = view_hops(&s->hops);
        if (r < 0)
                return r;
        judge_daemons(s);
        if (!s->config)
                problem(s, "The configuration in %s is not valid: hagw-ctl config check", call->config_dir);
        else {
                r = view_hosts(call->config_dir, &s->hosts, &e);
                if (r < 0)
                        return r;
        }
        judge_addresses(s);
        judge_ports(s);
        judge_hops(s);
        judge_relay(s);
        judge_tenants(s);
        judge_hosts(s);
        judge_certificates(s);
        ask = !a && !call_option(call, "no-delegation");
        r = judge_zones(s, ask);
        if (r >= 0)
                r = judge_caa(s, ask);
        return r < 0 ? log_oom() : 0;
}

static int print_zones(sd_json_variant *v) {
        _cleanup_(table_freep) Table *t = table_new(NULL, 3);

        for (size_t i = 0; i < field_count(v, "zones"); i++) {
                sd_json_variant *z = field_element(v, "zones", i);
                const char *delegation = field_text(z, "delegation");

                table_add(t, TONE_BOLD, "%s", field_text(z, "name"));
                if (field_number(z, "serial"))
                        table_add(t, TONE_DIM, "serial %lu", (unsigned long) field_number(z, "serial"));
                else
                        table_add(t, TONE_DIM, "-");
                table_add(t,
                          !delegation                                             ? TONE_DIM :
                          streq(delegation, "works") || streq(delegation, "relay") ? TONE_GOOD :
                                                                                    TONE_BAD,
                          streq_ptr(delegation, "relay") ? "through the %s" : "delegation %s",
                          delegation ?: "not asked");
        }
        return table_print(t, 2);
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

static int print_addresses(sd_json_variant *v) { return view_print_addresses(v, 2); }
static int print_hosts(sd_json_variant *v) { return view_print_hosts(v, 2); }
static int print_certificates(sd_json_variant *v) { return view_print_certificates(v, 2); }
static int print_daemons(sd_json_variant *v) { return view_print_daemons(v, 2); }

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
        return 0;
}

static void print_elsewhere(const Status *s) {
        bool title = false;

        for (size_t i = 0; i < s->names.n; i++)
                if (!caa_name_is_elsewhere(&s->names.items[i]) && s->names.items[i].others)
                        output("  for %s certificates are given to %s, too\n", s->names.items[i].name,
                               s->names.items[i].others);
        for (size_t i = 0; i < s->names.n; i++) {
                if (!caa_name_is_elsewhere(&s->names.items[i]))
                        continue;
                if (!title) {
                        output_tone(TONE_BOLD, "Domains whose DNS is kept elsewhere");
                        output("\n");
                }
                title = true;
                caa_name_print(&s->names.items[i], "  ");
        }
}

static void print_figure(sd_json_variant *tenants, const char *name, const char *text) {
        if (sd_json_variant_by_key(tenants, name))
                output("%lu %s", (unsigned long) field_number(tenants, name), text);
        else
                output("? %s", text);
}

static void print_tenants(const Status *s) {
        sd_json_variant *tenants = sd_json_variant_by_key(s->tenants, "tenants");

        if (!tenants)
                return;
        output_tone(TONE_BOLD, "Tenants");
        output("\n  ");
        print_figure(tenants, "known", "known, ");
        print_figure(tenants, "attached", "attached");
        output("\n");
}

static int print_status(const Status *s) {
        size_t sessions = field_count(s->sessions, "sessions");

        if (section("Addresses", s->addresses, "addresses", "unknown", print_addresses) < 0 ||
            section("Zones", s->zones, "zones", "none", print_zones) < 0 ||
            print_relay(s) < 0)
                return -ENOMEM;
        print_elsewhere(s);
        if (section("Hosts", s->hosts, "hosts", "none yet: hagw-ctl host add ha http://192.168.1.4:8123",
                    print_hosts) < 0 ||
            section("Certificates", s->certificates, "certificates", "none", print_certificates) < 0 ||
            section("Daemons", s->daemons, "daemons", "none", print_daemons) < 0)
                return -ENOMEM;
        print_tenants(s);
        output_tone(TONE_BOLD, "Sessions");
        output("\n  %zu logged in\n", sessions);
        view_print_refusals(s->refusals, 2);
        if (s->n_problems == 0) {
                output("\n");
                output_tone(TONE_GOOD, "Everything is fine.");
        output("\n");
                return 0;
        }
        output("\n");
        output_tone(TONE_BAD, "Needs attention:");
        output("\n");
        for (size_t i = 0; i < sd_json_variant_elements(s->problems); i++)
                output("  - %s\n", sd_json_variant_string(sd_json_variant_by_index(s->problems, i)));
        return 0;
}

static int print_json(const Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *parts[] = { s->addresses,    s->zones,    s->hosts,
                                     s->certificates, s->sessions, s->daemons,
                                     s->relay,        s->tenants,  s->refusals,
                                     s->caa,         s->hops };
        int r;

        r = s->problems ? sd_json_buildo(&v, SD_JSON_BUILD_PAIR("problems",
                                                                SD_JSON_BUILD_VARIANT(s->problems))) :
                          sd_json_buildo(&v, SD_JSON_BUILD_PAIR("problems", SD_JSON_BUILD_EMPTY_ARRAY));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++)
                if (parts[i])
                        r = sd_json_variant_merge_object(&v, parts[i]);
        return r < 0 ? r : output_json(v);
}

int verb_status(const Call *call) {
        _cleanup_(status_done) Status s = {};
        int r;

        r = collect(&s, call);
        if (r < 0)
                return r;
        r = call->json ? print_json(&s) : print_status(&s);
        if (r < 0 || s.lost)
                return log_oom();
        if (s.denied)
                return CTL_DENIED;
        return s.unreachable ? CTL_UNREACHABLE : s.n_problems > 0 ? CTL_FAILED : CTL_OK;
}

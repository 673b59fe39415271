/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings, and what more than one judge asks about the status. */

#include <stdarg.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/findname.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/status.h"
#include "libhagw/pure/special.h"

static void name_problem(Status *s, const char *format, va_list ap) {
        sd_json_variant *text = sd_json_variant_by_index(s->problems,
                                                         sd_json_variant_elements(s->problems) - 1);
        _cleanup_free_ char *name = NULL;

        if (!text || finding_name(format, ap, sd_json_variant_string(text), &name) < 0 ||
            sd_json_variant_append_arrayb(&s->problem_names, SD_JSON_BUILD_STRING(name)) < 0)
                s->lost = true;
}

static void finding_add(Status *s, sd_json_variant **list, size_t *n_list, const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;
        int n;

        n = vasprintf(&text, format, ap);
        if (n < 0)
                text = NULL;
        (*n_list)++;
        if (n < 0 || sd_json_variant_append_arrayb(list, SD_JSON_BUILD_STRING(text)) < 0)
                s->lost = true;
}

void status_problem(Status *s, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        finding_add(s, &s->problems, &s->n_problems, format, ap);
        va_end(ap);
        va_start(ap, format);
        name_problem(s, format, ap);
        va_end(ap);
}

void status_notice(Status *s, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        finding_add(s, &s->notices, &s->n_notices, format, ap);
        va_end(ap);
}

bool status_runs(const Status *s, const char *daemon) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (streq(strempty(field_text(d, "name")), daemon))
                        return field_bool(d, "running");
        }
        return false;
}

/* --- names --------------------------------------------------------------------------------------------- */

bool status_is_lost(const Status *s) {
        bool any = false;

        for (size_t i = 0; s->config && i < s->config->n_zones; i++) {
                if (s->config->zones[i].via == CONF_VIA_RELAY)
                        continue;
                any = true;
                if (!status_zone_is_lost(s, s->config->zones[i].name))
                        return false;
        }
        return any;
}

bool status_zone_is_lost(const Status *s, const char *zone) {
        for (size_t i = 0; i < field_count(s->zones, "zones"); i++) {
                sd_json_variant *z = field_element(s->zones, "zones", i);

                if (streq(strempty(field_text(z, "name")), zone))
                        return delegation_is_lost(strempty(field_text(z, "delegation")));
        }
        return false;
}

/* --- addresses ----------------------------------------------------------------------------------------- */

/* What comes through a relay needs no address here. */
static bool any_zone_is_direct(const Config *c) {
        for (size_t i = 0; c && i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return !c;
}

/* One that the world can come to: not of a special range, whether the owner says so or an interface. */
bool status_address_is_usable(const Status *s, const char *text) {
        IpAddress address;

        return !text || ip_parse(text, &address) < 0 ||
               special_is_public(&address, !s->config || s->config->documentation_networks);
}

static bool is_known(const Status *s) {
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++) {
                const char *text = field_text(field_element(s->addresses, "addresses", i), "address");

                if (text && status_address_is_usable(s, text))
                        return true;
        }
        return false;
}

/* Who is told to look for none is behind a relay, or has none on purpose. */
static bool any_is_looked_for(const Status *s) {
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++)
                if (!streq(strempty(field_text(field_element(s->addresses, "addresses", i), "source")),
                           "none"))
                        return true;
        return false;
}

bool status_has_no_address(const Status *s) {
        return field_count(s->addresses, "addresses") > 0 && !is_known(s) &&
               (s->config ? any_zone_is_direct(s->config) : any_is_looked_for(s) || s->answers);
}

bool status_needs_no_address(const Status *s) {
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);

                if (!streq(strempty(field_text(a, "source")), "none"))
                        return false;
        }
        return s->config && relay_is_only_way(s->config);
}

/* --- visitors ------------------------------------------------------------------------------------------ */

uint64_t status_visitors_since(const Status *s) {
        sd_json_variant *visitors = sd_json_variant_by_key(s->visitors, "visitors");

        return any_zone_is_direct(s->config) ? field_number(visitors, "sinceUSec") : 0;
}

static uint64_t last_by(const Status *s, const char *door) {
        sd_json_variant *visitors = sd_json_variant_by_key(s->visitors, "visitors");
        uint64_t last = 0;

        for (size_t i = 0; i < field_count(visitors, "outside"); i++) {
                sd_json_variant *o = field_element(visitors, "outside", i);

                if (streq(strempty(field_text(o, "door")), door))
                        last = MAX(last, field_number(o, "lastUSec"));
        }
        return last;
}

uint64_t status_last_visitor(const Status *s) {
        return MAX(last_by(s, "https"), last_by(s, "http"));
}

uint64_t status_last_house(const Status *s) {
        return last_by(s, "relay");
}

uint64_t status_last_at(const Status *s, const char *port) {
        return streq(port, "https") ? MAX(last_by(s, "https"), last_by(s, "relay")) : last_by(s, port);
}

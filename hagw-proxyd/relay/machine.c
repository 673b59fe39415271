/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A machine's word. */

#include <string.h>

#include "hagw-proxyd/relay/machine.h"
#include "libhagw/net/controlstream.h"
#include "libhagw/pure/hostname.h"

static bool is_domain(const char *s) {
        const char *plain = startswith(s, "*.") ?: s;
        char name[HOSTNAME_MAX + 1];

        return hostname_normalize(plain, strlen(plain), name) >= 0 && streq(name, plain);
}

static void hear_lacking(Machine *m, sd_json_variant *list) {
        for (size_t i = 0; i < sd_json_variant_elements(list) && i < MACHINE_LACKING_MAX; i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                if (sd_json_variant_is_string(v) && is_domain(sd_json_variant_string(v)))
                        (void) sd_json_variant_append_arrayb(
                                &m->lacking, SD_JSON_BUILD_STRING(sd_json_variant_string(v)));
        }
}

void machine_hear(Machine *m, sd_json_variant *parameters) {
        sd_json_variant *opened = sd_json_variant_by_key(parameters, "opened"),
                        *lacking = sd_json_variant_by_key(parameters, "lacking");
        const char *boot = strempty(control_string(parameters, "boot"));
        sd_id128_t id;

        machine_done(m);
        if (sd_id128_from_string(boot, &id) >= 0)
                (void) sd_id128_to_string(id, m->boot);
        m->opened_known = opened && sd_json_variant_is_boolean(opened);
        m->opened = m->opened_known && sd_json_variant_boolean(opened);
        if (lacking && sd_json_variant_is_array(lacking))
                hear_lacking(m, lacking);
}

void machine_done(Machine *m) {
        sd_json_variant_unref(m->lacking);
        *m = (Machine) {};
}

/* One that lacks a wildcard has no host at all below it. */
static bool covers(const char *domain, const char *name) {
        const char *suffix = startswith(domain, "*");

        return suffix ? !!endswith(name, suffix) : streq(domain, name);
}

bool machine_suits(const Machine *m, ChannelVisitor kind, const char *name) {
        if (kind == CHANNEL_VISITOR_OPENED && m->opened_known && !m->opened)
                return false;
        for (size_t i = 0; name && m->lacking && i < sd_json_variant_elements(m->lacking); i++)
                if (covers(sd_json_variant_string(sd_json_variant_by_index(m->lacking, i)), name))
                        return false;
        return true;
}

bool machine_is_copy(const Machine *m, const Machine *other) {
        return *m->boot && *other->boot && !streq(m->boot, other->boot);
}

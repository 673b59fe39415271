/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What follows from what. */

#include <string.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "libhagw/pure/hostname.h"

#define WORDS_MAX 8U

#define FAR_AWAY (1U << EFFECT_CERTIFICATE | 1U << EFFECT_RELAY | 1U << EFFECT_ADDRESS)
#define OVER_TLS (1U << EFFECT_CERTIFICATE | 1U << EFFECT_RELAY | 1U << EFFECT_SERVICE)

/* In whose errors which words mean that it follows: words of ours, or of authorities, that no name has which
 * an error is about. */
static const struct {
        Cause cause;
        unsigned effects;
        const char *words[WORDS_MAX];
} rows[] = {
        { CAUSE_CLOCK_BEHIND, OVER_TLS, { "not yet valid", "not valid yet", "not activated" } },
        { CAUSE_CLOCK_AHEAD, OVER_TLS, { "expired", "has ended" } },
        { CAUSE_DISK, 1U << EFFECT_CERTIFICATE | 1U << EFFECT_EXPORT,
          { "No space left on device", "Read-only file system", "Disk quota exceeded",
            "Input/output error" } },
        { CAUSE_RESOLVER, FAR_AWAY, { "looking up ", "could not be looked up", "resolver" } },
        { CAUSE_RESOLVER, 1U << EFFECT_SERVICE, { "looking up ", "the resolver (" } },
        { CAUSE_RELAY, 1U << EFFECT_CERTIFICATE, { "the relay", "not attached" } },
        { CAUSE_DELEGATION, 1U << EFFECT_CERTIFICATE,
          { "[dns]", "DNS problem", "NXDOMAIN", "SERVFAIL", "TXT record", "did not reach" } },
        { CAUSE_CAA, 1U << EFFECT_CERTIFICATE, { "CAA" } },
};

void cause_note(Status *s, Cause c) { s->told[c] = true; }

static bool caa_was_told(const Status *s, const char *plain) {
        for (size_t i = 0; i < s->names.n; i++) {
                _cleanup_free_ char *complaint = NULL;

                if (hostname_in_zone(plain, s->names.items[i].owner) &&
                    caa_name_complaint(&s->names.items[i], &complaint) > 0)
                        return true;
        }
        return false;
}

/* Some causes are one zone's or name's, and not the others'. */
static bool is_about(const Status *s, Cause c, const char *name) {
        const char *plain = name ? startswith(name, "*.") ?: name : NULL;
        const ConfZone *zone = s->config && plain ? config_find_zone(s->config, plain) : NULL;

        switch (c) {
        case CAUSE_RELAY:
                return zone && zone->via == CONF_VIA_RELAY;
        case CAUSE_DELEGATION:
                return zone && status_zone_is_lost(s, zone->name);
        case CAUSE_CAA:
                return plain && caa_was_told(s, plain);
        default:
                return true;
        }
}

/* Names in .local are asked of the neighbours, and not of the resolver. */
static bool is_excepted(Cause c, const char *error) {
        return c == CAUSE_RESOLVER && strstr(error, " .local ");
}

static bool names_one_that_is_off(const Status *s, const char *error) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (!field_bool(d, "running") && !field_bool(d, "denied") &&
                    strstr(error, strempty(field_text(d, "name"))))
                        return true;
        }
        return false;
}

bool cause_explains(const Status *s, Effect effect, const char *name, const char *error) {
        if (!error)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Cause c = rows[i].cause;

                if (!s->told[c] || !(rows[i].effects & 1U << effect) || is_excepted(c, error))
                        continue;
                for (size_t k = 0; k < WORDS_MAX && rows[i].words[k]; k++)
                        if (strcasestr(error, rows[i].words[k]) && is_about(s, c, name))
                                return true;
        }
        return names_one_that_is_off(s, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What follows from what. */

#include <string.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"

#define WORDS_MAX 6U

static const struct {
        const char *words[WORDS_MAX]; /* of the errors that follow */
} causes[_CAUSE_MAX] = {
        [CAUSE_CLOCK] = { { "not yet valid", "not valid yet", "expired", "has ended", "not activated" } },
        [CAUSE_DISK] = { { "No space left on device", "Read-only file system", "Disk quota exceeded",
                           "Input/output error" } },
        [CAUSE_RESOLVER] = { { "looking up ", "resolver", "resolve", "no answer in time" } },
        [CAUSE_RELAY] = { { "relay" } },
        [CAUSE_DELEGATION] = { { "DNS", "NXDOMAIN", "SERVFAIL", "TXT record", "did not reach" } },
        [CAUSE_CAA] = { { "CAA" } },
};

void cause_note(Status *s, Cause c) { s->told[c] = true; }

/* Some causes are one zone's, and not the others'. */
static bool is_about(const Status *s, Cause c, const char *name) {
        const ConfZone *zone;

        if (c != CAUSE_RELAY && c != CAUSE_DELEGATION)
                return true;
        zone = s->config && name ? config_find_zone(s->config, startswith(name, "*.") ?: name) : NULL;
        if (!zone)
                return false;
        return c == CAUSE_RELAY ? zone->via == CONF_VIA_RELAY : status_zone_is_lost(s, zone->name);
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

bool cause_explains(const Status *s, const char *name, const char *error) {
        if (!error)
                return false;
        for (Cause c = 0; c < _CAUSE_MAX; c++)
                for (size_t i = 0; s->told[c] && i < WORDS_MAX && causes[c].words[i]; i++)
                        if (strcasestr(error, causes[c].words[i]) && is_about(s, c, name))
                                return true;
        return names_one_that_is_off(s, error);
}

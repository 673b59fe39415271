/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of hosts. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/view.h"
#include "hagw-ctl/walls.h"
#include "libhagw/usec.h"

#define HEALTH_FRESH_USEC (30 * USEC_PER_SEC) /* an age is not worth a word */

/* ", 8 min ago" where health is of then: nobody has come since, and it could not be tried now. */
static const char *health_age(sd_json_variant *h, uint64_t now, char out[static TIME_TEXT_MAX]) {
        const uint64_t last = MAX(MAX(field_number(h, "triedUSec"), field_number(h, "lastOkUSec")),
                                  field_number(h, "lastErrorUSec"));
        char when[TIME_TEXT_MAX];

        if (last == 0 || last + HEALTH_FRESH_USEC > now)
                return "";
        (void) snprintf(out, TIME_TEXT_MAX, ", %.50s", format_when(last, now, when));
        return out;
}

bool view_house_is_away(sd_json_variant *host) {
        const char *state = field_text(host, "tenantState");

        return state && !streq(state, "attached");
}

/* Where this relay is to ask who comes, or from where, nobody passes by. */
bool view_passes_unopened(const Config *config, sd_json_variant *host) {
        const char *name = field_text(host, "name");
        const ConfHost *h = NULL;

        for (size_t i = 0; config && name && i < config->n_hosts; i++)
                if (streq(config->hosts[i].name, name))
                        h = &config->hosts[i];
        return h && h->upstream_kind == CONF_UPSTREAM_TENANT && h->access.login == CONF_LOGIN_NONE &&
               h->access.from == CONF_FROM_ANYWHERE && !field_bool(host, "certificate") &&
               streq(strempty(field_text(host, "finding")), "house_refuses");
}

/* In a word or some: why one fails is a sentence, and no place for it is in a table. */
static const char *health_word(sd_json_variant *h) {
        static const struct {
                const char *field, *value, *word;
        } rows[] = {
                { "tenantState", "suspended", "suspended" },
                { "tenantState", "exhausted", "used up" },
                { "tenantState", "detached", "detached" },
                { "tenantState", "invited", "code waits" },
                { "tenantState", "away", "offline" },
                { "finding", "house_refuses", "refused by the house" },
                { "finding", "house_no_host", "no host in the house" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq_ptr(field_text(h, rows[i].field), rows[i].value))
                        return rows[i].word;
        return field_text(h, "health") ?: sd_json_variant_is_null(sd_json_variant_by_key(h, "loaded")) ?
                       "?" : /* hagw-proxyd could not be asked */
                       "not loaded";
}

int view_print_hosts(sd_json_variant *v, int indent) {
        static const char *const titles[] = { "HOST", "SERVICE", "LOGIN", "CERT", "HEALTH", NULL };
        _cleanup_(table_freep) Table *t = table_new(titles, 0);
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char age[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(v, "hosts"); i++) {
                sd_json_variant *h = field_element(v, "hosts", i);
                const char *health = field_text(h, "health") ?: "not loaded";
                bool ok = streq(health, "ok"), broken = streq(health, "broken"),
                     failing = broken || streq(health, "failing"),
                     certificate = field_bool(h, "certificate"), loaded = field_bool(h, "loaded"), open,
                     own = startswith(strempty(field_text(h, "upstream")), "tcp://");
                const char *login = walls_word(h, &open);

                table_add(t, TONE_BOLD, "%s", field_text(h, "name"));
                table_add(t, TONE_PLAIN, "%s", field_text(h, "upstream") ?: "?");
                table_add(t, open ? TONE_WARN : TONE_PLAIN, "%s", login);
                table_add(t, certificate || own || !loaded ? TONE_PLAIN : TONE_WARN, "%s",
                          own         ? "its own" :
                          !loaded     ? "?" : /* hagw-proxyd knows, and was not asked or has no such host */
                          certificate ? "yes" :
                                        "no");
                table_add(t,
                          ok      ? TONE_GOOD :
                          failing ? TONE_BAD :
                                    TONE_DIM,
                          "%s%s", health_word(h),
                          view_house_is_away(h) ? "" : health_age(h, now, age));
        }
        return table_print(t, indent);
}

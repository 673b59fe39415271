/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about both ends of a tunnel: this house at its relay, and a relay's tenants. */

#include <time.h>

#include "cause.h"
#include "client.h"
#include "output.h"
#include "relay.h"
#include "usec.h"

#define REFUSED_RECENT_USEC (10 * USEC_PER_MINUTE)

/* What the relay refused just now for another reason than that this house was away: it is back. */
static void judge_refused(Status *s, sd_json_variant *relay) {
        uint64_t now = clock_usec(CLOCK_REALTIME);

        for (size_t i = 0; i < field_count(relay, "refused"); i++) {
                sd_json_variant *r = field_element(relay, "refused", i);
                const char *reason = strempty(field_text(r, "reason"));
                char when[TIME_TEXT_MAX];

                if (streq(reason, "away") || field_number(r, "lastUSec") + REFUSED_RECENT_USEC < now)
                        continue;
                /* A scanner alone may bring more visitors a second than are let in. */
                (streq(reason, "connections") ? status_notice : status_problem)(
                        s, "The relay refuses visitors of this house, %lu so far, the last one %s: %s.",
                        (unsigned long) field_number(r, "count"),
                        format_when(field_number(r, "lastUSec"), now, when),
                        strempty(field_text(r, "text")));
        }
}

int judge_relay(Status *s) {
        sd_json_variant *relay = sd_json_variant_by_key(s->relay, "relay");
        const char *error = field_text(relay, "error");

        if (relay && !relay_is_attached(relay)) {
                if (!cause_explains(s, NULL, error))
                        status_problem(s, "This house is not attached to its relay %s (%s)%s%s",
                                       s->config->relay.address, field_text(relay, "state"),
                                       error ? ": " : ".", strempty(error));
                cause_note(s, CAUSE_RELAY);
        }
        judge_refused(s, relay);
        return 0;
}

int judge_tenants(Status *s) {
        if (field_bool(sd_json_variant_by_key(s->tenants, "tenants"), "damaged"))
                status_problem(s,
                               "The tenants' database is damaged: houses that are attached stay, and no "
                               "other gets in. hagw-ctl tenant restore --list shows the copies that there "
                               "are, hagw-ctl tenant restore puts the newest one back.");
        return 0;
}

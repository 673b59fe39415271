/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about both ends of a tunnel: this house at its relay, and a relay's tenants. */

#include <stdio.h>
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
        } else if (relay && error)
                status_problem(s,
                               "This house is still attached to its relay %s with the token of before, for "
                               "with the new one it fails: %s",
                               s->config->relay.address, error);
        judge_refused(s, relay);
        return 0;
}

/* What its owner can do about it. That a house was away is the house's matter, and is not told here. */
static const struct {
        const char *reason;
        bool problem; /* nobody wanted it so */
        const char *remedy; /* behind "hagw-ctl tenant set NAME " */
} tenant_refusals[] = {
        { "suspended", false, "--enable lets it in again" },
        { "exhausted", false, "--bytes-per-month=SIZE gives it more" },
        { "connections", false, "--connections-per-second=N lets in more" },
        { "channels", false, "--channels=N allows more, where its relay.channels_max "
                             "does" },
        { "house", true, "--terminate=no has them pass unopened, or relay.opened = "
                         "\"accept\" there takes them" },
};

static bool is_recent(sd_json_variant *row, const char *reason) {
        return streq(strempty(field_text(row, "reason")), reason) &&
               field_number(row, "lastUSec") + REFUSED_RECENT_USEC >= clock_usec(CLOCK_REALTIME);
}

/* All tenants that are refused for one reason are one finding: the last one, and how many more. */
static int judge_tenants_refused(Status *s, size_t at) {
        sd_json_variant *last = NULL;
        char when[TIME_TEXT_MAX], also[64] = "";
        uint64_t count = 0;
        size_t n = 0;

        for (size_t i = 0; i < field_count(s->tenants_refused, "tenantsRefused"); i++) {
                sd_json_variant *row = field_element(s->tenants_refused, "tenantsRefused", i);

                if (!is_recent(row, tenant_refusals[at].reason))
                        continue;
                last = last ?: row; /* the newest is the first */
                count += field_number(row, "count");
                n++;
        }
        if (!last)
                return 0;
        if (n > 1)
                (void) snprintf(also, sizeof(also), " and %zu more tenant%s%s", n - 1,
                                n > 2 ? "s" : "",
                                field_number(s->tenants_refused, "tenantsRefusedMore") > 0 ? " at least" :
                                                                                             "");
        (tenant_refusals[at].problem ? status_problem : status_notice)(
                s,
                "Visitors of the tenant %s%s are refused, %lu since hagw-proxyd started, the last one %s: "
                "%s. hagw-ctl tenant set %s %s.",
                field_text(last, "tenant"), also, (unsigned long) count,
                format_when(field_number(last, "lastUSec"), clock_usec(CLOCK_REALTIME), when),
                field_text(last, "text"), field_text(last, "tenant"), tenant_refusals[at].remedy);
        return 0;
}

int judge_tenants(Status *s) {
        int r = 0;

        if (field_bool(sd_json_variant_by_key(s->tenants, "tenants"), "damaged"))
                status_problem(s,
                               "The tenants' database is damaged: houses that are attached stay, and no "
                               "other gets in. hagw-ctl tenant restore --list shows the copies that there "
                               "are, hagw-ctl tenant restore puts the newest one back.");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(tenant_refusals); i++)
                r = judge_tenants_refused(s, i);
        return r;
}

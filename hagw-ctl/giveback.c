/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asking the relay to end a token. */

#include "hagw-ctl/client.h"
#include "hagw-ctl/giveback.h"
#include "libhagw/log.h"
#include "libhagw/vl.h"

#define INTERFACE "io.hagw.Proxy"
#define GIVE_BACK_USEC (10 * USEC_PER_SEC) /* a relay that is there answers in a moment */

/* NULL: no memory. */
static char *explain(int r, const char *error, sd_json_variant *reply) {
        static const struct {
                const char *error, *text;
        } rows[] = {
                { "Busy", "The relay is busy." },
                { "MethodNotFound", "The relay's hagw is older than this one, and does not know how." },
                { "TokenShared", "Another machine is attached with the same token, or was just now; --force "
                                 "would have ended it for both." },
                { "NotAdmitted", "It was ended there before, or another relay gave it, where it may be good "
                                 "still." },
        };
        const char *relays = strempty(field_text(reply, "error"));

        if (!error)
                return strdup(r == -ETIMEDOUT || r == -ETIME ? "The relay did not answer in time." :
                                                               "hagw-proxyd could not be asked.");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (endswith(relays, rows[i].error))
                        return strdup(rows[i].text);
        return client_explain(INTERFACE, error, reply);
}

static int ask(bool force, char **ret_why) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL, *parameters = NULL;
        _cleanup_free_ char *error = NULL;
        int r;

        /* An older hagw-proxyd takes no fields. */
        if (force && sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_BOOLEAN("force", true)) < 0)
                return log_oom();
        r = vl_call(INTERFACE, INTERFACE ".GiveBack", parameters, GIVE_BACK_USEC, /* tick= */ NULL, &reply,
                    &error);
        if (r >= 0 && !error)
                return GIVEN_BACK_TOKEN;
        *ret_why = explain(r, error, reply);
        if (!*ret_why)
                return log_oom();
        return streq_ptr(field_text(reply, "error"), "NotAdmitted") ? GIVEN_BACK_UNKNOWN : GIVEN_BACK_NOT;
}

/* Another machine came as the same tenant. A copy of this one's disk has the same token, and would be shut
 * out by it. A relay of before does not look whether it has. */
static bool may_be_shared(sd_json_variant *relay) {
        return field_number(relay, "takenOverUSec") > 0;
}

/* The other one hears that nobody takes turns with it any more, where the relay knows how to say it. */
static void leave(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *error = NULL;

        (void) vl_call(INTERFACE, INTERFACE ".Leave", NULL, GIVE_BACK_USEC, /* tick= */ NULL, &reply,
                       &error);
}

static int refuse(const char *why, char **ret_why) {
        *ret_why = strdup(why);
        return *ret_why ? GIVEN_BACK_NOT : log_oom();
}

int give_back(bool keep, bool force, sd_json_variant **ret_token, char **ret_why) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *relay = NULL;
        _cleanup_free_ char *reason = NULL, *unknown = NULL;
        int r;

        *ret_token = NULL;
        *ret_why = NULL;
        if (client_look("io.hagw.Key.GetToken", NULL, ret_token, &reason) < 0)
                return GIVEN_BACK_NOTHING;
        r = client_look(INTERFACE ".DescribeRelay", NULL, &relay, &unknown);
        if (may_be_shared(relay))
                leave();
        if (field_number(*ret_token, "createdUSec") == 0)
                return GIVEN_BACK_CREDENTIAL;
        if (keep)
                return GIVEN_BACK_NOT;
        *ret_why = TAKE_PTR(unknown);
        if (r < 0)
                return *ret_why ? GIVEN_BACK_NOT : log_oom();
        if (!force && may_be_shared(relay))
                return refuse("Another machine has attached as this tenant, perhaps with the same token; "
                              "--force would have ended it anyway.",
                              ret_why);
        return ask(force, ret_why);
}

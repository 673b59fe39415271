/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of a gateway behind was seen in its answers, of one in front in its requests. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/walls.h"

static bool asks_in_front(sd_json_variant *h, const char *who) {
        return field_bool(h, "outerLogin") && (!who || streq(strempty(field_text(h, "outer")), who));
}

const char *walls_word(sd_json_variant *h, bool *ret_open) {
        const char *upstream = strempty(field_text(h, "upstream"));
        bool inner = field_number(h, "innerLoginUSec") > 0, outer = asks_in_front(h, NULL);

        *ret_open = false;
        if (field_bool(h, "login"))
                return inner || outer ? "yes, twice" : "yes";
        /* What passes unopened is the service's business. */
        if (startswith(upstream, "tcp://"))
                return "its own";
        if (!sd_json_variant_by_key(h, "login"))
                return "?";
        if (startswith(upstream, "tenant:"))
                return "the house";
        if (inner)
                return "behind";
        if (outer)
                return asks_in_front(h, "relay") ? "the relay" : "in front";
        *ret_open = true;
        return "no";
}

static const char *front_line(sd_json_variant *live, bool walled) {
        if (asks_in_front(live, "relay"))
                return walled ? "The relay asks as well: a login there, and one here. Who runs it can leave "
                                "it to this house (--login=none there)." :
                                "The relay asks.";
        if (asks_in_front(live, NULL))
                return walled ? "A gateway in front asks as well: a login there, and one here. --login=none "
                                "there leaves it to this one." :
                                "A gateway in front asks.";
        return NULL;
}

void walls_explain(sd_json_variant *live, bool walled, bool tenant, void (*print)(const char *line)) {
        const char *front = front_line(live, walled);

        if (front)
                print(front);
        /* What was seen behind the relay's own login was the house's, and is told as that afterwards. */
        if (!walled && tenant)
                print("The house asks, where its host says so.");
        else if (field_number(live, "innerLoginUSec"))
                print(walled ? "The gateway behind asks as well: a login here, and one there. --login=none "
                               "leaves it to that one." :
                               "The gateway behind asks.");
}

int walls_of_relay(sd_json_variant *hosts, char **ret) {
        /* Where the relay is not known to ask: has it said that it does not, and does this house ask? */
        static const char *const quiet[2][2] = {
                { "No host here asks for a login: the relay may.",
                  "The login is asked for here; where the relay asks as well, its owner can leave it to the "
                  "house (hagw-ctl host set HOST --login none there)." },
                { "Nobody asks for a login, neither the relay nor a host here.",
                  "The login is asked for here, and not there." },
        };
        const char *twice = NULL, *there = NULL;
        bool here = false, told = false;
        int n;

        for (size_t i = 0; i < field_count(hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(hosts, "hosts", i);

                here = here || field_bool(h, "login");
                told = told || streq(strempty(field_text(h, "outer")), "relay");
                if (asks_in_front(h, "relay") && field_bool(h, "login"))
                        twice = twice ?: field_text(h, "name");
                else if (asks_in_front(h, "relay"))
                        there = there ?: field_text(h, "name");
        }
        if (twice)
                n = asprintf(ret,
                             "Visitors of %s log in twice, there and here: its owner can leave it to the "
                             "house (hagw-ctl host set %s --login none there).",
                             twice, twice);
        else if (there)
                n = asprintf(ret, "It asks for the login at %s, and this house does not.", there);
        else
                n = asprintf(ret, "%s", quiet[told][here]);
        return n < 0 ? -ENOMEM : 0;
}

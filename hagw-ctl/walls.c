/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of a gateway behind was seen in its answers, of one in front in its requests. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/walls.h"
#include "libhagw/pure/hostname.h"

static bool asks_in_front(sd_json_variant *h, const char *who) {
        return field_bool(h, "outerLogin") && (!who || streq(strempty(field_text(h, "outer")), who));
}

/* As it says itself, or as it was seen where it says nothing. */
static bool asks_behind(sd_json_variant *h) {
        return sd_json_variant_by_key(h, "innerLogin") ? field_bool(h, "innerLogin") :
                                                         field_number(h, "innerUSec") > 0;
}

/* A house has said whether it asks. What was seen behind a login here says nothing of when there is none,
 * and of the hosts behind a wildcard each is as it is. */
static bool house_has_said(sd_json_variant *h) {
        return sd_json_variant_by_key(h, "innerLogin") && !startswith(strempty(field_text(h, "name")), "*.");
}

const char *walls_word(sd_json_variant *h, bool *ret_open) {
        const char *upstream = strempty(field_text(h, "upstream"));
        bool tenant = startswith(upstream, "tenant:"), inner = asks_behind(h),
             outer = asks_in_front(h, NULL);

        *ret_open = false;
        if (field_bool(h, "login"))
                return inner || outer ? "yes, twice" : "yes";
        /* What passes unopened is the service's business. */
        if (startswith(upstream, "tcp://"))
                return "its own";
        if (!sd_json_variant_by_key(h, "login"))
                return "?";
        if (tenant && !house_has_said(h))
                return "up to the house";
        if (inner)
                return tenant ? "the house" : "behind";
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

#define NOBODY "Nobody asks for a login at "
#define NOBODY_AT_RELAY ", neither this relay nor the house"

static const char *house_line(sd_json_variant *live, bool walled) {
        const bool asks = asks_behind(live);

        if (walled && asks)
                return "The house asks as well: a login here, and one there. --login=none leaves it to the "
                       "house.";
        if (walled)
                return house_has_said(live) ? "The house does not ask." : NULL;
        if (!house_has_said(live))
                return "Whether anybody is asked is up to the house: its hagw-ctl status says so.";
        return asks ? "The house asks." : NULL;
}

static const char *behind_line(sd_json_variant *live, bool walled) {
        if (!asks_behind(live))
                return NULL;
        return walled ? "The gateway behind asks as well: a login here, and one there. --login=none leaves "
                        "it to that one." :
                        "The gateway behind asks.";
}

static bool is_open_at_relay(sd_json_variant *h, bool walled, bool tenant) {
        return tenant && !walled && house_has_said(h) && !asks_behind(h) && !asks_in_front(h, NULL);
}

void walls_explain(sd_json_variant *live, bool walled, bool tenant, void (*print)(const char *line)) {
        const char *const lines[] = { front_line(live, walled), tenant ? house_line(live, walled) :
                                                                         behind_line(live, walled) };
        char nobody[sizeof(NOBODY NOBODY_AT_RELAY ".") + HOSTNAME_MAX];

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i])
                        print(lines[i]);
        if (!is_open_at_relay(live, walled, tenant))
                return;
        (void) snprintf(nobody, sizeof(nobody), NOBODY "%s" NOBODY_AT_RELAY ".",
                        strempty(field_text(live, "name")));
        print(nobody);
}

int walls_of_tenants(sd_json_variant *hosts, char **ret) {
        const char *first = NULL;
        char more[40] = "";
        size_t n = 0;

        for (size_t i = 0; i < field_count(hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(hosts, "hosts", i);

                if (!sd_json_variant_by_key(h, "login") ||
                    !is_open_at_relay(h, field_bool(h, "login"),
                                      startswith(strempty(field_text(h, "upstream")), "tenant:")))
                        continue;
                first = first ?: field_text(h, "name");
                n++;
        }
        *ret = NULL;
        if (n == 0)
                return 0;
        if (n > 1)
                (void) snprintf(more, sizeof(more), " (and %zu more)", n - 1);
        if (asprintf(ret, NOBODY "%s%s" NOBODY_AT_RELAY ": hagw-ctl host set %s --login required asks here.",
                     first, more, first) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* Who asks at a host where the relay has opened visitors' TLS and has said whether it asks. */
typedef enum Asks {
        ASKS_NOBODY,
        ASKS_HERE,
        ASKS_THERE,
        ASKS_TWICE,
        _ASKS_MAX,
        _ASKS_INVALID = -EINVAL,
} Asks;

static Asks asks_at(sd_json_variant *h) {
        if (!streq(strempty(field_text(h, "outer")), "relay") || !sd_json_variant_by_key(h, "login"))
                return _ASKS_INVALID;
        return (field_bool(h, "login") ? ASKS_HERE : ASKS_NOBODY) +
               (field_bool(h, "outerLogin") ? ASKS_THERE : ASKS_NOBODY);
}

int walls_of_relay(sd_json_variant *hosts, char **ret) {
        static const struct {
                const char *before, *after; /* the name */
                const char *again;          /* and what follows it there; NULL: it is not said again */
        } texts[_ASKS_MAX] = {
                [ASKS_NOBODY] = { NOBODY,
                                  ", neither the relay nor this house: hagw-ctl host set ",
                                  " --login required asks here." },
                [ASKS_HERE] = { "The login at ", " is asked for here, and not there.", NULL },
                [ASKS_THERE] = { "It asks for the login at ", ", and this house does not.", NULL },
                [ASKS_TWICE] = { "Visitors of ",
                                 " log in twice, there and here: its owner can leave it to the house "
                                 "(hagw-ctl host set ",
                                 " --login none there)." },
        };
        const char *first[_ASKS_MAX] = {};
        size_t n[_ASKS_MAX] = {}, size;
        char *text = NULL;
        FILE *f;

        for (size_t i = 0; i < field_count(hosts, "hosts"); i++) {
                sd_json_variant *h = field_element(hosts, "hosts", i);
                const Asks asks = asks_at(h);

                if (asks < 0)
                        continue;
                first[asks] = first[asks] ?: field_text(h, "name");
                n[asks]++;
        }
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (Asks i = 0; i < _ASKS_MAX; i++) {
                if (n[i] == 0)
                        continue;
                fprintf(f, "%s%s%s", ftell(f) > 0 ? " " : "", texts[i].before, first[i]);
                if (n[i] > 1)
                        fprintf(f, " (and %zu more)", n[i] - 1);
                fprintf(f, "%s%s%s", texts[i].after, texts[i].again ? first[i] : "",
                        strempty(texts[i].again));
        }
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

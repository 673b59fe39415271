/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about this machine. */

#include "client.h"
#include "output.h"
#include "status.h"
#include "unset.h"
#include "usec.h"

static bool all_are_off(sd_json_variant *daemons) {
        for (size_t i = 0; i < field_count(daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(daemons, "daemons", i);

                if (field_bool(d, "running") || field_bool(d, "denied") || field_bool(d, "silent"))
                        return false;
        }
        return true;
}

int judge_daemons(Status *s) {
        if (all_are_off(s->daemons)) {
                s->unreachable = true;
                s->unset = unset_judge(s->config, s->config_dir);
                if (s->config_errno == -EACCES) {
                        s->denied = true;
                        status_problem(s,
                                       "hagw is not running, and why only root sees; try again with sudo.");
                } else if (s->unset)
                        status_problem(s, "%s", unset_text);
                else
                        status_problem(s,
                                       "hagw is not running; \"systemctl enable --now hagw.target\" "
                                       "starts it.");
                return 0;
        }
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (field_bool(d, "denied"))
                        s->denied = true;
                else if (!field_bool(d, "running")) {
                        s->unreachable = true;
                        status_problem(s, "%s", field_text(d, "error"));
                }
        }
        if (s->denied)
                status_problem(s, "The daemons%s answer root only; try again with sudo.",
                               s->config_errno == -EACCES ? " and the configuration" : "");
        return 0;
}

/* The first daemon with that field; ret_more: how many others have it. */
static sd_json_variant *first_with(const Status *s, const char *field, size_t *ret_more) {
        sd_json_variant *first = NULL;

        *ret_more = 0;
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (!sd_json_variant_by_key(d, field))
                        continue;
                *ret_more += !!first;
                first = first ?: d;
        }
        return first;
}

/* Each daemon that started with broken files says the same. */
static int judge_kept(Status *s) {
        size_t more;
        sd_json_variant *d = first_with(s, "configKeptUSec", &more);
        _cleanup_free_ char *closed = d ? field_joined(d, "configClosed") : NULL;
        char when[TIME_TEXT_MAX];

        if (!d)
                return 0;
        if (!closed)
                return -ENOMEM;
        status_problem(s,
                       "hagw started with broken files and serves what it kept of the last good "
                       "configuration, made %s.%s%s%s \"hagw-ctl reload\" ends that when the files are in "
                       "order.",
                       format_when(field_number(d, "configKeptUSec"), clock_usec(CLOCK_REALTIME), when),
                       *closed ? " Closed is " : "", closed, *closed ? "." : "");
        return 0;
}

int judge_config(Status *s) {
        size_t more;
        sd_json_variant *d = first_with(s, "configError", &more);
        const char *name = d ? field_text(d, "name") : NULL,
                   *why = s->config_error ?: "hagw-ctl config check tells why";

        if (s->unset || (s->denied && s->config_errno == -EACCES))
                return judge_kept(s); /* that was told */
        if (!s->config)
                status_problem(s,
                               "The configuration in %s is not valid, so what was in force before stays: "
                               "%s%s Mend it, then: hagw-ctl reload.",
                               s->config_dir, why, endswith(why, "?") || endswith(why, ".") ? "" : ".");
        else if (d && more > 0)
                status_problem(s, "%s and %zu more keep their old configuration: %s. hagw-ctl reload", name,
                               more, field_text(d, "configError"));
        else if (d)
                status_problem(s, "%s keeps its old configuration: %s", name,
                               field_text(d, "configError"));
        return judge_kept(s);
}

/* What comes through a relay needs no address here. */
static bool any_zone_is_direct(const Config *c) {
        for (size_t i = 0; c && i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return !c;
}

static const char *family_text(sd_json_variant *a) {
        return streq(strempty(field_text(a, "family")), "ipv4") ? "IPv4" : "IPv6";
}

int judge_addresses(Status *s) {
        size_t n = field_count(s->addresses, "addresses"), known = 0, awaited = 0;

        for (size_t i = 0; i < n; i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);
                const char *error = field_text(a, "error"), *held = field_text(a, "held");

                known += !!field_text(a, "address");
                awaited += streq(strempty(field_text(a, "knowledge")), "unknown");
                if (held)
                        (error ? status_problem : status_notice)(
                                s,
                                "The public %s address is still %s, the one of %s: %s has given none%s%s. "
                                "See public_address in hagw.conf(5).",
                                family_text(a), field_text(a, "address"), held, field_text(a, "source"),
                                error ? ": " : " yet", strempty(error));
                else if (error)
                        status_problem(s, "The public %s address could not be confirmed: %s", family_text(a),
                                       error);
        }
        if (n == 0 || known > 0 || !any_zone_is_direct(s->config))
                return 0;
        if (awaited > 0)
                status_notice(s, "The public address is not known yet: its source is being asked.");
        else
                status_problem(s,
                               "No public address is known: visitors cannot find this house. See "
                               "public_address in hagw.conf(5).");
        return 0;
}

/* hagw-proxyd counts connections from the internet, whatever comes of them: scanners come to every public
 * address many times a day. Behind a relay there are none. */
#define VISITORS_SILENCE_USEC USEC_PER_DAY

/* For tests, which have no day. */
static uint64_t visitors_silence_usec(void) {
        const char *e = secure_getenv("HAGW_SILENCE_USEC");

        return e ? strtoull(e, NULL, 10) : VISITORS_SILENCE_USEC;
}

uint64_t status_visitors_since(const Status *s) {
        sd_json_variant *visitors = sd_json_variant_by_key(s->visitors, "visitors");

        return any_zone_is_direct(s->config) ? field_number(visitors, "sinceUSec") : 0;
}

uint64_t status_last_visitor(const Status *s, const char *door) {
        sd_json_variant *visitors = sd_json_variant_by_key(s->visitors, "visitors");
        uint64_t last = 0;

        for (size_t i = 0; i < field_count(visitors, "outside"); i++) {
                sd_json_variant *o = field_element(visitors, "outside", i);

                if (!door || streq(strempty(field_text(o, "door")), door))
                        last = MAX(last, field_number(o, "lastUSec"));
        }
        return last;
}

int judge_visitors(Status *s) {
        static const struct {
                const char *door;
                unsigned port;
        } doors[] = { { "https", 443 }, { "http", 80 } };
        const uint64_t now = clock_usec(CLOCK_REALTIME), since = status_visitors_since(s);
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; since > 0 && i < ELEMENTSOF(doors); i++) {
                const uint64_t last = MAX(status_last_visitor(s, doors[i].door), since);

                if (last + visitors_silence_usec() > now)
                        continue;
                status_notice(s,
                              "Nobody has come from outside to port %u in the last %s. Usually somebody "
                              "does, if only a scanner: does the router pass TCP port %u to this machine?",
                              doors[i].port, format_span(now - last, when), doors[i].port);
        }
        return 0;
}

/* Who has no happy eyeballs waits for half a minute before he tries the other address. Nobody is sure, and
 * scanners do not find IPv6 addresses: so it takes long, and the owner decides. An only family stays. */
#define FAMILY_SILENCE_USEC (3 * USEC_PER_DAY)

int judge_families(Status *s) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), since = status_visitors_since(s);
        sd_json_variant *visitors = sd_json_variant_by_key(s->visitors, "visitors");
        uint64_t visits[2] = {};
        const char *address[2] = {};
        char span[TIME_TEXT_MAX];

        if (since == 0 || since + FAMILY_SILENCE_USEC > now)
                return 0;
        for (size_t i = 0; i < field_count(visitors, "outside"); i++) {
                sd_json_variant *o = field_element(visitors, "outside", i);

                visits[streq(family_text(o), "IPv6")] += field_number(o, "visits");
        }
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);

                address[streq(family_text(a), "IPv6")] = field_text(a, "address");
        }
        if (address[0] && address[1] && visits[0] > 0 && visits[1] == 0)
                status_notice(s,
                              "No visitor from outside has come over IPv6 in the last %s, though %s is "
                              "published: some devices would try it first, and wait. Does the router's "
                              "firewall let TCP 443 and 80 through to it? Otherwise public_address.ipv6 = "
                              "\"none\" takes it back.",
                              format_span(now - since, span), address[1]);
        return 0;
}

/* Behind such an address may be one telephone of the house, or everybody. */
int judge_hops(Status *s) {
        uint64_t now = clock_usec(CLOCK_REALTIME);

        for (size_t i = 0; i < field_count(s->hops, "hops"); i++) {
                sd_json_variant *h = field_element(s->hops, "hops", i);
                const char *address = field_text(h, "address");

                if (field_number(h, "lastUSec") + USEC_PER_DAY <= now)
                        continue;
                status_problem(s,
                               "Visitors come from %s, the router or a bridge of this machine, and may be "
                           "anybody, so they do not count as inside. Let the router (or the container's "
                           "proxy) show visitors' own addresses; or, if strangers keep theirs and only "
                           "devices of the house come so, add \"%s\" to lan. \"Inside and outside\" in "
                           "hagw.conf(5) tells how to find out.",
                               address, address);
        }
        return 0;
}

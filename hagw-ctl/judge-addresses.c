/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the house's addresses, and about who comes to them. */

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/remedy.h"
#include "libhagw/pure/special.h"
#include "libhagw/usec.h"

static const char *family_text(sd_json_variant *a) {
        return streq(strempty(field_text(a, "family")), "ipv4") ? "IPv4" : "IPv6";
}

/* What was told before is not told again. */
static bool is_told(const Status *s, sd_json_variant *a) {
        return s->address_told[streq(family_text(a), "IPv6")];
}

static bool is_usable(const Status *s, sd_json_variant *a) {
        const char *text = field_text(a, "address");

        return text && status_address_is_usable(s, text);
}

static RemedyPlace place_of(const Status *s) {
        return s->config && s->config->tenants.zone ? REMEDY_RELAY : REMEDY_HOUSE;
}

/* For the address that hagw-netd did not take, as its error says ("NAME has the address ADDRESS, which …");
 * NULL: that is not why. */
static const char *remedy_of_error(const Status *s, const char *error) {
        static const char before[] = " has the address ";
        const char *at = error ? strstr(error, before) : NULL;
        char text[IP_TEXT_MAX];
        IpAddress address;

        if (!at)
                return NULL;
        at += strlen(before);
        (void) snprintf(text, sizeof(text), "%.*s", (int) strcspn(at, ","), at);
        return ip_parse(text, &address) >= 0 ? remedy_of_setting(&address, place_of(s)) : NULL;
}

/* The owner's word that was taken all the same, or an interface's. */
static bool judge_special(Status *s, sd_json_variant *a) {
        const char *text = field_text(a, "address"), *name = NULL;
        IpAddress address;

        if (!text || is_usable(s, a) || is_told(s, a) || ip_parse(text, &address) < 0)
                return false;
        (void) special_reach(&address, &name);
        status_problem(s,
                       "The public %s address is %s, which nobody on the internet reaches (%s). %s",
                       family_text(a), text, name ?: "special use",
                       remedy_of_setting(&address, place_of(s)));
        return true;
}

/* "interface" takes a public one where there is one; a house with another family's lacks nothing then. */
static bool is_absent(const Status *s, sd_json_variant *a) {
        return !field_text(a, "address") && streq(strempty(field_text(a, "source")), "interface") &&
               !status_has_no_address(s);
}

static void judge_address(Status *s, sd_json_variant *a) {
        const char *error = field_text(a, "error"), *held = field_text(a, "held"),
                   *remedy = remedy_of_error(s, error);
        char when[TIME_TEXT_MAX];

        if ((field_text(a, "address") && !is_usable(s, a)) || is_told(s, a) ||
            cause_explains(s, EFFECT_ADDRESS, NULL, error) || is_absent(s, a))
                return;
        if (held)
                (error ? status_problem : status_notice)(
                        s,
                        "The public %s address is still %s, the one of %s: %s has given none%s%s. See "
                        "public_address in hagw.conf(5).",
                        family_text(a), field_text(a, "address"), held, field_text(a, "source"),
                        error ? ": " : " yet", strempty(error));
        else if (error && field_text(a, "address"))
                status_problem(s,
                               "The public %s address could not be confirmed (it last was %s), so that %s "
                               "stays for now: %s. %s",
                               family_text(a),
                               format_when(field_number(a, "confirmedUSec"), clock_usec(CLOCK_REALTIME),
                                           when),
                               field_text(a, "address"), error,
                               remedy ?: "hagw-ctl address --refresh asks its source again.");
        else if (error && remedy)
                status_problem(s, "The public %s address could not be confirmed: %s. %s", family_text(a),
                               error, remedy);
        else if (error)
                status_problem(s,
                               "The public %s address could not be confirmed: %s. If this machine is to "
                               "have none, public_address.%s = \"none\" in hagw.conf says so.",
                               family_text(a), error, strempty(field_text(a, "family")));
}

/* There are some, of special ranges all of them; or why there is none was told. */
static bool any_is_told(const Status *s) {
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);

                if (field_text(a, "address") || is_told(s, a))
                        return true;
        }
        return false;
}

/* Who looks for none may have none. */
static const char *remedy_of_none(const Status *s, const char *error, size_t n_set) {
        const char *remedy = remedy_of_error(s, error);

        if (remedy)
                return remedy;
        return n_set > 0 || place_of(s) == REMEDY_RELAY ?
                       "See public_address in hagw.conf(5)." :
                       "public_address in hagw.conf says where it comes from. A house that has none is "
                       "reached through a relay: hagw-ctl attach RELAY CODE";
}

/* A source that is silent, and that there is no address by it, are one thing. */
static void judge_no_address(Status *s) {
        size_t awaited = 0, n_errors = 0, n_set = 0, n_missing = 0;
        const char *error = NULL;

        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);

                n_set += !streq(strempty(field_text(a, "source")), "none");
                /* What judge_special() has told is not missed. */
                n_missing += !field_text(a, "address") && !is_told(s, a) &&
                             !streq(strempty(field_text(a, "source")), "none");
                awaited += streq(strempty(field_text(a, "knowledge")), "unknown");
                error = error ?: field_text(a, "error");
                n_errors += !!field_text(a, "error");
        }
        if (cause_explains(s, EFFECT_ADDRESS, NULL, error) || (n_missing == 0 && any_is_told(s)))
                return;
        if (awaited > 0 && n_errors == 0)
                status_notice(s, "The public address is not known yet: its source is being asked.");
        else
                status_problem(s,
                               "No public address is known, so that visitors do not find this %s%s%s. %s",
                               place_of(s) == REMEDY_RELAY ? "relay" : "house", error ? ": " : "",
                               strempty(error), remedy_of_none(s, error, n_set));
}

int judge_addresses(Status *s) {
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++)
                (void) judge_special(s, field_element(s->addresses, "addresses", i));
        if (status_has_no_address(s))
                judge_no_address(s);
        else
                for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++)
                        judge_address(s, field_element(s->addresses, "addresses", i));
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

int judge_visitors(Status *s) {
        static const struct {
                const char *door;
                unsigned port;
                Cause cause;
        } doors[] = { { "https", 443, CAUSE_PORT_443 }, { "http", 80, CAUSE_PORT_80 } };
        const uint64_t now = clock_usec(CLOCK_REALTIME), since = status_visitors_since(s);
        char when[TIME_TEXT_MAX];

        if (status_is_lost(s) || status_has_no_address(s))
                return 0;
        for (size_t i = 0; since > 0 && i < ELEMENTSOF(doors); i++) {
                const uint64_t last = MAX(status_last_at(s, doors[i].door), since);

                if (last + visitors_silence_usec() > now || s->told[doors[i].cause])
                        continue;
                status_notice(s,
                              "Nobody has come from outside to port %u in the last %s. Usually somebody "
                              "does, if only a scanner: does the %s pass TCP port %u to this machine?",
                              doors[i].port, format_span(now - last, when), delegation_door(s->config),
                              doors[i].port);
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

/* It comes with each visitor, and with each health check. */
#define BALANCER_RECENT_USEC (10 * USEC_PER_MINUTE)

static void judge_balancers(Status *s) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(s->hops, "version1Balancers"); i++) {
                sd_json_variant *b = field_element(s->hops, "version1Balancers", i);

                if (field_number(b, "lastUSec") + BALANCER_RECENT_USEC > now)
                        status_problem(s,
                                       "%s, which is in proxy.proxy_protocol_from, sends a PROXY protocol "
                                       "header of version 1, the last one %s, and its visitors are turned "
                                       "away. Set it to version 2, in HAProxy send-proxy-v2; one that only "
                                       "knows version 1 has to connect without a header, and be taken out "
                                       "of that list.",
                                       field_text(b, "address"),
                                       format_when(field_number(b, "lastUSec"), now, when));
        }
}

/* When a balancer last sent a header as it has to be. */
static uint64_t last_proper(const Status *s, const char *address) {
        for (size_t i = 0; i < field_count(s->hops, "balancers"); i++) {
                sd_json_variant *b = field_element(s->hops, "balancers", i);

                if (streq_ptr(field_text(b, "address"), address))
                        return field_number(b, "lastUSec");
        }
        return 0;
}

/* One that brings some visitors with a header brings all: the others are its own looks at the service. */
static void judge_headerless(Status *s) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(s->hops, "headerlessBalancers"); i++) {
                sd_json_variant *b = field_element(s->hops, "headerlessBalancers", i);
                const char *address = field_text(b, "address");

                if (field_number(b, "lastUSec") + BALANCER_RECENT_USEC > now &&
                    last_proper(s, address) < field_number(b, "firstUSec"))
                        status_problem(s,
                                       "%s, which is in proxy.proxy_protocol_from, sends visitors without a "
                                       "PROXY protocol header, the last one %s, and they are turned away. "
                                       "Have it send one of version 2, in HAProxy send-proxy-v2; or take it "
                                       "out of that list, and all visitors have its address.",
                                       address, format_when(field_number(b, "lastUSec"), now, when));
        }
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
        judge_balancers(s);
        judge_headerless(s);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a look at delegations found, in words: one sentence for all zones that have it for one reason. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/output.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/reason.h"
#include "libhagw/usec.h"

#define LAST_TEXT_MAX (TIME_TEXT_MAX + 64U)

bool delegation_is_shared(DelegationVerdict v) {
        return v == DELEGATION_SILENT || v == DELEGATION_UDP_ONLY || v == DELEGATION_INSIDE;
}

const char *delegation_door(const Config *c) {
        return c && c->tenants.zone ? "firewall" : "router";
}

/* Whose public address it is: a house's is its router's. */
static const char *whose(const Config *c) {
        return c->tenants.zone ? "this relay's" : "the house's";
}

const char *delegation_router_text(const Config *c, char out[static ROUTER_TEXT_MAX]) {
        const unsigned port = c ? c->dns.ipv4_port : 0;

        if (port == 0 || port == 53)
                (void) snprintf(out, ROUTER_TEXT_MAX, "%s pass port 53, UDP and TCP, to this machine",
                                delegation_door(c));
        else
                (void) snprintf(out, ROUTER_TEXT_MAX,
                                "%s send its port 53, UDP and TCP, to port %u of this machine",
                                delegation_door(c), port);
        return out;
}

/* "the last one from the internet came 3 min ago", of all of them. */
static const char *say_last(const Delegation *const *all, size_t n, char out[static LAST_TEXT_MAX]) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        uint64_t last = 0, since = 0;
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < n; i++) {
                last = MAX(last, all[i]->last_usec);
                since = MAX(since, all[i]->since_usec);
        }
        if (last > 0)
                (void) snprintf(out, LAST_TEXT_MAX, "the last one from the internet came %s",
                                format_when(last, now, when));
        else if (now < since + USEC_PER_SEC)
                (void) snprintf(out, LAST_TEXT_MAX, "none has come from the internet yet");
        else
                (void) snprintf(out, LAST_TEXT_MAX, "none came from the internet in the last %s",
                                format_span(now - since, when));
        return out;
}

static const char *server_of(const Delegation *d) {
        return d->delegated ?: d->name_server;
}

/* "a, b and c", of the zones or of their name servers, each once; to be freed, NULL: no memory. */
static char *join(const Delegation *const *all, size_t n, bool servers, size_t *ret_n) {
        _cleanup_free_ const char **texts = calloc(n, sizeof(*texts));
        size_t size, k = 0;
        char *text = NULL;
        FILE *f;

        for (size_t i = 0; texts && i < n; i++) {
                const char *name = servers ? server_of(all[i]) : all[i]->zone;
                bool known = false;

                for (size_t j = 0; j < k; j++)
                        known = known || streq(texts[j], name);
                if (!known)
                        texts[k++] = name;
        }
        f = texts ? open_memstream(&text, &size) : NULL;
        if (!f)
                return NULL;
        for (size_t i = 0; i < k; i++)
                fprintf(f, "%s%s", i == 0 ? "" : i + 1 < k ? ", " : " and ", texts[i]);
        *ret_n = k;
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* Every one of them: where the zone above could not be asked, that it delegates is to be seen to as well. */
static int say_silent(const Delegation *const *all, size_t n, const char *zones, const Config *c,
                      char **ret) {
        char last[LAST_TEXT_MAX], router[ROUTER_TEXT_MAX];
        _cleanup_free_ char *servers = NULL;
        size_t n_servers;

        servers = join(all, n, /* servers= */ true, &n_servers);
        if (!servers)
                return -ENOMEM;
        return reason_give(ret, 0,
                           "Nobody on the internet finds %s: questions for %s do not come here (%s; %s). "
                           "See that %s%s%s %s %s public address, and let the %s.",
                           zones, n > 1 ? "them" : "it", all[0]->seen ?: "nobody answered",
                           say_last(all, n, last), all[0]->delegated ? "" : "the zone above delegates to ",
                           servers, all[0]->delegated ? "" : ", that this name",
                           plural(n_servers, "has", "have"), whose(c), delegation_router_text(c, router));
}

static int say_inside(const Delegation *const *all, size_t n, const char *zones, const Config *c,
                      char **ret) {
        char last[LAST_TEXT_MAX], router[ROUTER_TEXT_MAX];

        return reason_give(ret, 0,
                           "Whether the internet finds %s cannot be seen from here: this machine's "
                           "resolver asks from inside%s (%s; %s). If visitors do not get in, let the %s.",
                           zones, c->tenants.zone ? "" : " the house", strempty(all[0]->seen),
                           say_last(all, n, last), delegation_router_text(c, router));
}

static int say_elsewhere(const Delegation *d, const Config *c, char **ret) {
        char last[LAST_TEXT_MAX], router[ROUTER_TEXT_MAX];

        if (d->seen)
                return reason_give(ret, 0,
                                   "The internet asks %s for %s, which is not this machine. At your DNS "
                                   "provider, leave it one record, %s. NS %s., and remove whatever else "
                                   "there is of that name.",
                                   d->seen, d->zone, d->zone, d->name_server);
        return reason_give(ret, 0,
                           "Another machine answers for %s, with the names of this one: the questions do "
                           "not come here (%s). See that %s has %s public address, and let the %s, not to "
                           "an old gateway.",
                           d->zone, say_last(&d, 1, last), server_of(d), whose(c),
                           delegation_router_text(c, router));
}

int delegation_say(const Delegation *const *all, size_t n, const Config *c, char **ret) {
        const Delegation *d = all[0];
        _cleanup_free_ char *zones = NULL;
        char last[LAST_TEXT_MAX];
        size_t n_zones;

        *ret = NULL;
        zones = join(all, n, /* servers= */ false, &n_zones);
        if (!zones)
                return -ENOMEM;
        switch (d->verdict) {
        case DELEGATION_UDP_ONLY:
                return reason_give(ret, 0,
                                   "Questions for %s come from the internet by UDP, but not by TCP, which "
                                   "some resolvers need: let the %s pass TCP port 53, too.",
                                   zones,
                                   c->tenants.zone ? "firewall" : "router (and a firewall of this machine)");
        case DELEGATION_INSIDE:
                return say_inside(all, n, zones, c, ret);
        case DELEGATION_UNSEEN:
                return reason_give(ret, 0,
                                   "Whether the internet finds %s cannot be seen from here: %s%s, but this "
                                   "machine's resolver answers for it by itself, or remembers the time "
                                   "before (%s). Another resolver tells: dig @9.9.9.9 SOA %s",
                                   zones, d->delegated ? "it is delegated to " : "it may be delegated",
                                   strempty(d->delegated), say_last(all, n, last), zones);
        case DELEGATION_SILENT:
                return say_silent(all, n, zones, c, ret);
        case DELEGATION_ELSEWHERE:
                return say_elsewhere(d, c, ret);
        case DELEGATION_MISSING:
                return reason_give(ret, 0,
                                   "The internet does not know of %s: the server of the zone above (%s) "
                                   "has no NS record for it. At your DNS provider, enter: %s. NS %s., and "
                                   "where that name lies in %s, its address.",
                                   zones, strempty(d->seen), zones, d->name_server, zones);
        case DELEGATION_UNKNOWN:
                return reason_give(ret, 0,
                                   "Whether the internet finds %s is not known, because this machine's "
                                   "resolver gives no answer%s%s%s; \"resolvectl query example.com\" shows "
                                   "whether it ever does.",
                                   zones, d->seen && *d->seen ? " (" : "", strempty(d->seen),
                                   d->seen && *d->seen ? ")" : "");
        default:
                return 0;
        }
}

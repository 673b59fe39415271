/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does the world find this gateway when it asks for the zone? */

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/output.h"
#include "libhagw/usec.h"

static const struct {
        const char *text;
        bool problem;
} verdicts[_DELEGATION_MAX] = {
        [DELEGATION_WORKS] = { "works" },
        [DELEGATION_INSIDE] = { "inside-only" },
        [DELEGATION_UNSEEN] = { "unseen" },
        [DELEGATION_UDP_ONLY] = { "udp-only", true },
        [DELEGATION_MISSING] = { "missing", true },
        [DELEGATION_SILENT] = { "silent", true },
        [DELEGATION_ELSEWHERE] = { "elsewhere", true },
        [DELEGATION_UNKNOWN] = { "unknown", true },
};

const char *delegation_verdict_text(DelegationVerdict v) { return verdicts[v].text; }
bool delegation_is_problem(DelegationVerdict v) { return verdicts[v].problem; }

bool delegation_is_lost(const char *text) {
        for (DelegationVerdict v = 0; v < _DELEGATION_MAX; v++)
                if (streq(verdicts[v].text, text))
                        return verdicts[v].problem && v != DELEGATION_UNKNOWN;
        return false;
}

void delegation_done(Delegation *d) {
        free(d->detail);
        *d = (Delegation) {};
}

static _printf_(3, 4) int conclude(Delegation *d, DelegationVerdict verdict, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&d->detail, format, ap);
        va_end(ap);
        if (n < 0) {
                d->detail = NULL;
                return -ENOMEM;
        }
        d->verdict = verdict;
        return 0;
}

/* --- questions to the world ---------------------------------------------------------------------------- */

int delegation_query(const char *name, const char *type, const char *server, sd_json_variant **ret,
                     char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        *ret_reason = NULL;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING(type)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!server, "server", SD_JSON_BUILD_STRING(server))) <
                        0)
                return -ENOMEM;
        r = client_try_within("io.hagw.Net.Query", parameters, DELEGATION_QUERY_USEC, ret, ret_reason);
        if (r == -ETIMEDOUT) { /* the resolver's silence, not hagw-netd's */
                free(*ret_reason);
                *ret_reason = strdup("no answer in time");
        }
        return r;
}

static const char *first_answer(sd_json_variant *reply, const char *section) {
        return field_count(reply, section) > 0 ? sd_json_variant_string(field_element(reply, section, 0)) :
                                                 NULL;
}

/* The first word of RDATA in presentation form, a domain name, is that name? */
static bool rdata_names(const char *rdata, const char *name) {
        size_t n = strcspn(rdata, " \t");

        if (n > 0 && rdata[n - 1] == '.')
                n--;
        return n == strlen(name) && strncasecmp(rdata, name, n) == 0;
}

/* The address of a server of the zone that the given one lies in: where a delegation would stand. 0: none
 * found. */
static int find_parent_server(const char *zone, char **ret) {
        const char *parent = strchr(zone, '.');

        for (; parent; parent = strchr(parent + 1, '.')) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *names = NULL, *addresses = NULL;
                _cleanup_free_ char *reason = NULL, *again = NULL;
                const char *server, *address;

                /* Who does not answer now does not answer about the parent's parent either. */
                if (delegation_query(parent + 1, "NS", NULL, &names, &reason) < 0)
                        return 0;
                server = first_answer(names, "answers");
                if (!server)
                        continue;
                if (delegation_query(server, "A", NULL, &addresses, &again) < 0)
                        return 0;
                address = first_answer(addresses, "answers");
                if (!address)
                        continue;
                *ret = strdup(address);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}

int delegation_ask_parent(const char *zone, sd_json_variant **ret) {
        _cleanup_free_ char *server = NULL, *reason = NULL;
        int r;

        r = find_parent_server(zone, &server);
        if (r > 0)
                r = delegation_query(zone, "NS", server, ret, &reason);
        return r == -ENOMEM ? r : *ret != NULL;
}

/* What the parent zone says: 1 and to whom it delegates, or that it does not (then 0 and the verdict is
 * there). why: what the resolver said. */
static int ask_parent(const char *zone, const char *why, Delegation *d, char **ret_delegated) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *server = NULL, *reason = NULL;
        const char *delegated;
        int r;

        r = find_parent_server(zone, &server);
        if (r < 0)
                return r;
        if (r == 0 || delegation_query(zone, "NS", server, &reply, &reason) < 0)
                return conclude(d, DELEGATION_UNKNOWN, "The question for %s could not be asked: %s", zone,
                                why);
        delegated = first_answer(reply, "authority") ?: first_answer(reply, "answers");
        if (!delegated || field_bool(reply, "authoritative"))
                return conclude(d, DELEGATION_MISSING,
                                "The parent zone's server %s knows no delegation of %s.", server, zone);
        /* Names of the answer may have the dot at their end. */
        *ret_delegated = strndup(delegated, strlen(delegated) - !!endswith(delegated, "."));
        return *ret_delegated ? 1 : -ENOMEM;
}

/* --- what came here ------------------------------------------------------------------------------------ */

typedef struct Trial {
        sd_json_variant *made, *reply, *seen;
        char *reason; /* why there is no reply */
} Trial;

static void trial_done(Trial *t) {
        sd_json_variant_unref(t->made);
        sd_json_variant_unref(t->reply);
        sd_json_variant_unref(t->seen);
        free(t->reason);
}

static int ask_dnsd(const char *method, const char *field, const char *value, sd_json_variant **ret,
                    char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        *ret_reason = NULL;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR(field, SD_JSON_BUILD_STRING(value))) < 0)
                return -ENOMEM;
        return client_look(method, parameters, ret, ret_reason);
}

/* Returns 0 where the name was asked for, whatever became of it; else the verdict is in d, and 1. */
static int try_name(const char *zone, Trial *t, Delegation *d) {
        _cleanup_free_ char *reason = NULL, *again = NULL;
        int r;

        r = ask_dnsd("io.hagw.Dns.MakeTrial", "zone", zone, &t->made, &reason);
        if (r >= 0) {
                r = delegation_query(field_text(t->made, "name"), "TXT", NULL, &t->reply, &t->reason);
                if (r == -ENOMEM)
                        return r;
                r = ask_dnsd("io.hagw.Dns.DescribeTrial", "name", field_text(t->made, "name"), &t->seen,
                             &again);
        }
        if (r >= 0 || r == -ENOMEM)
                return MIN(r, 0);
        /* A daemon that is off is told elsewhere. */
        d->verdict = DELEGATION_UNKNOWN;
        if (r == -EREMOTEIO)
                d->detail = TAKE_PTR(*(reason ? &reason : &again));
        return 1;
}

/* Of the questions that came from the internet, as hagw-dnsd remembers them, the last; by TCP only, or by
 * either. */
static uint64_t last_question(sd_json_variant *zone, bool tcp) {
        uint64_t last = 0;

        for (size_t i = 0; i < field_count(zone, "outside"); i++) {
                sd_json_variant *o = field_element(zone, "outside", i);

                if (!tcp || streq(strempty(field_text(o, "transport")), "tcp"))
                        last = MAX(last, field_number(o, "lastUSec"));
        }
        return last;
}

static int find_zone(const char *name, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = client_look("io.hagw.Dns.ListZones", NULL, &reply, &reason);
        for (size_t i = 0; r >= 0 && i < field_count(reply, "zones"); i++) {
                sd_json_variant *z = field_element(reply, "zones", i);

                if (streq(strempty(field_text(z, "name")), name)) {
                        *ret = sd_json_variant_ref(z);
                        return 0;
                }
        }
        return r == -ENOMEM ? r : 0;
}

/* --- the verdict --------------------------------------------------------------------------------------- */

/* "The last question from the internet came 3 min ago." */
static const char *say_last(const Delegation *d, char out[static 2 * TIME_TEXT_MAX]) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        if (d->last_usec > 0)
                (void) snprintf(out, 2 * TIME_TEXT_MAX, "The last question from the internet came %s.",
                                format_when(d->last_usec, now, when));
        else
                (void) snprintf(out, 2 * TIME_TEXT_MAX, "No question came from the internet %s%s.",
                                now < d->since_usec + USEC_PER_SEC ? "yet" : "in the last ",
                                now < d->since_usec + USEC_PER_SEC ?
                                        "" :
                                        format_span(now - d->since_usec, when));
        return out;
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

/* The resolver has an answer, which is not ours: the question did not come here. */
static int judge_other(const char *zone, const char *name_server, const Config *c, Delegation *d) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL, *delegated = NULL;
        char last[2 * TIME_TEXT_MAX], router[ROUTER_TEXT_MAX];
        const char *soa;
        int r;

        r = delegation_query(zone, "SOA", NULL, &reply, &reason);
        if (r == -ENOMEM)
                return r;
        soa = r < 0 ? NULL : first_answer(reply, "answers");
        if (soa && !rdata_names(soa, name_server))
                return conclude(d, DELEGATION_ELSEWHERE, "Another name server answers for %s: \"%s\".", zone,
                                soa);
        r = ask_parent(zone, strempty(reason), d, &delegated);
        if (r <= 0)
                return r;
        if (soa)
                return conclude(d, DELEGATION_ELSEWHERE,
                                "Questions for %s go to another machine, which answers with the names of "
                                "this one. Does %s have %s public address, and does the %s, not to an old "
                                "gateway? %s",
                                zone, delegated, whose(c), delegation_router_text(c, router),
                                say_last(d, last));
        return conclude(d, DELEGATION_UNSEEN,
                        "%s is delegated to %s, but this machine's resolver does not know of it: it answers "
                        "for the zone by itself, or the delegation is younger than its memory. Whether it "
                        "leads here cannot be seen from here. %s",
                        zone, delegated, say_last(d, last));
}

/* The resolver found nobody who answers; rcode: what it says of that, NULL: nothing. */
static int judge_silence(const char *zone, const char *why, const char *rcode, const Config *c,
                         Delegation *d) {
        _cleanup_free_ char *delegated = NULL;
        char last[2 * TIME_TEXT_MAX], router[ROUTER_TEXT_MAX];
        int r;

        r = ask_parent(zone, why, d, &delegated);
        if (r <= 0)
                return r;
        return conclude(d, DELEGATION_SILENT,
                        "%s is delegated to %s, but a question for it did not come here (%s). Does that "
                        "name have %s public address, and does the %s? %s",
                        zone, delegated, rcode ?: "nobody answered", whose(c),
                        delegation_router_text(c, router), say_last(d, last));
}

static int judge_inside(const char *zone, const Trial *t, const Config *c, Delegation *d) {
        char last[2 * TIME_TEXT_MAX], router[ROUTER_TEXT_MAX];

        if (d->last_usec + DELEGATION_GOOD_USEC > clock_usec(CLOCK_REALTIME))
                return 0;
        return conclude(d, DELEGATION_INSIDE,
                        "Whether the internet finds %s cannot be seen from here, because this machine's "
                        "resolver asks from inside %s(%s). %s If visitors do not get in: does the %s?",
                        zone, c->tenants.zone ? "" : "the house ",
                        field_text(field_element(t->seen, "questions", 0), "address"), say_last(d, last),
                        delegation_router_text(c, router));
}

static int judge_trial(const char *zone, const char *name_server, const Config *c, const Trial *t,
                       Delegation *d, uint64_t last_tcp_usec) {
        const uint64_t recent = clock_usec(CLOCK_REALTIME) - DELEGATION_RECENT_USEC;
        const char *rcode = strempty(field_text(t->reply, "rcode"));

        d->verdict = DELEGATION_WORKS;
        if (field_bool(t->seen, "outsideTcp"))
                return 0;
        if (field_bool(t->seen, "outsideUdp")) {
                if (last_tcp_usec > recent)
                        return 0;
                return conclude(d, DELEGATION_UDP_ONLY,
                                "Questions for %s come from the internet by UDP, but not by TCP: let the "
                                "%s pass TCP port 53, too.",
                                zone,
                                c->tenants.zone ? "firewall" : "router (and a firewall of this machine)");
        }
        if (field_bool(t->seen, "inside"))
                return judge_inside(zone, t, c, d);
        if (streq(rcode, "NXDOMAIN") || streq(rcode, "NOERROR"))
                return judge_other(zone, name_server, c, d);
        if (d->last_usec > recent) /* a resolver may remember for a while that nobody answered */
                return 0;
        return judge_silence(zone, t->reply ? rcode : strempty(t->reason), t->reply ? rcode : NULL, c, d);
}

int delegation_check(const char *zone, const char *name_server, const Config *c, Delegation *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *live = NULL;
        _cleanup_(delegation_done) Delegation d = {};
        _cleanup_(trial_done) Trial t = {};
        int r;

        r = try_name(zone, &t, &d);
        if (r == 0) {
                r = find_zone(zone, &live);
                d.last_usec = last_question(live, /* tcp= */ false);
                d.since_usec = field_number(live, "outsideSinceUSec");
        }
        if (r == 0)
                r = judge_trial(zone, name_server, c, &t, &d, last_question(live, /* tcp= */ true));
        if (r < 0)
                return r;
        *ret = d;
        d = (Delegation) {};
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does the world find this gateway when it asks for the zone? */

#include <strings.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
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
        char *texts[] = { d->zone, d->name_server, d->delegated, d->seen, d->detail };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        *d = (Delegation) {};
}

/* seen may be NULL. */
static int conclude(Delegation *d, DelegationVerdict verdict, const char *seen) {
        free(d->seen);
        d->seen = NULL;
        d->verdict = verdict;
        if (!seen)
                return 0;
        d->seen = strdup(seen);
        return d->seen ? 0 : -ENOMEM;
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

/* The name was made up. */
static const char *without_name(const char *why) {
        const char *reason = strstr(why, ": ");

        return reason ? reason + 2 : why;
}

/* What the zone above says: 1: d->delegated is to whom it delegates, or nobody could be asked that; 0: the
 * verdict is there, it does not delegate, or this machine looks up nothing. why: what the resolver said. */
static int ask_parent(const char *why, Delegation *d) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *server = NULL, *reason = NULL;
        const char *delegated;
        int r;

        r = find_parent_server(d->zone, &server);
        if (r < 0)
                return r;
        if (r == 0)
                return conclude(d, DELEGATION_UNKNOWN, without_name(why));
        /* Some networks let no question out but to their own resolver. */
        r = delegation_query(d->zone, "NS", server, &reply, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : 1;
        delegated = first_answer(reply, "authority") ?: first_answer(reply, "answers");
        if (!delegated || field_bool(reply, "authoritative"))
                return conclude(d, DELEGATION_MISSING, server);
        /* Names of the answer may have the dot at their end. */
        d->delegated = strndup(delegated, strlen(delegated) - !!endswith(delegated, "."));
        return d->delegated ? 1 : -ENOMEM;
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

static int make_trial(const char *zone, const char *family, sd_json_variant **ret, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        *ret_reason = NULL;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("zone", SD_JSON_BUILD_STRING(zone)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!family, "family", SD_JSON_BUILD_STRING(family))) <
            0)
                return -ENOMEM;
        return client_look("io.hagw.Dns.MakeTrial", parameters, ret, ret_reason);
}

/* Returns 0 where the name was asked for, whatever became of it; else why not. */
static int try_name(const char *zone, const char *family, Trial *t, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        r = make_trial(zone, family, &t->made, ret_reason);
        if (r < 0)
                return r;
        r = delegation_query(field_text(t->made, "name"), "TXT", NULL, &t->reply, &t->reason);
        if (r == -ENOMEM)
                return r;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(
                                                                   field_text(t->made, "name")))) < 0)
                return -ENOMEM;
        r = client_look("io.hagw.Dns.DescribeTrial", parameters, &t->seen, ret_reason);
        return MIN(r, 0);
}

static bool is_six(sd_json_variant *way) { return streq(strempty(field_text(way, "family")), "ipv6"); }
static bool is_tcp(sd_json_variant *way) { return streq(strempty(field_text(way, "transport")), "tcp"); }

static void read_came(const Trial *t, bool came[static 2][2]) {
        for (size_t i = 0; i < field_count(t->seen, "ways"); i++) {
                sd_json_variant *way = field_element(t->seen, "ways", i);

                came[is_six(way)][is_tcp(way)] = true;
        }
}

int delegation_try_family(const char *zone, const char *family, bool came[static 2][2]) {
        _cleanup_(trial_done) Trial t = {};
        _cleanup_free_ char *reason = NULL;
        int r = try_name(zone, family, &t, &reason);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        /* A router in the resolver's place, or one in the house. */
        if (field_bool(t.seen, "inside"))
                return 0;
        read_came(&t, came);
        return 1;
}

/* Of the questions that came from the internet, as hagw-dnsd remembers them, the last ones. */
static void read_last(sd_json_variant *zone, Delegation *d) {
        d->since_usec = field_number(zone, "outsideSinceUSec");
        for (size_t i = 0; i < field_count(zone, "outside"); i++) {
                sd_json_variant *o = field_element(zone, "outside", i);

                d->ways_usec[is_six(o)][is_tcp(o)] = field_number(o, "lastUSec");
                d->last_usec = MAX(d->last_usec, field_number(o, "lastUSec"));
        }
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

/* The resolver has an answer, which is not ours: the question did not come here. */
static int judge_other(Delegation *d) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL, *other = NULL;
        const char *soa;
        int r;

        r = delegation_query(d->zone, "SOA", NULL, &reply, &reason);
        if (r == -ENOMEM)
                return r;
        soa = r < 0 ? NULL : first_answer(reply, "answers");
        if (soa && !rdata_names(soa, d->name_server)) {
                const size_t n = strcspn(soa, " \t");

                other = strndup(soa, n - (n > 0 && soa[n - 1] == '.'));
                return other ? conclude(d, DELEGATION_ELSEWHERE, other) : -ENOMEM;
        }
        r = ask_parent(strempty(reason), d);
        if (r <= 0)
                return r;
        return conclude(d, soa ? DELEGATION_ELSEWHERE : DELEGATION_UNSEEN, NULL);
}

/* The resolver found nobody who answers; rcode: what it says of that, NULL: nothing. */
static int judge_silence(const char *why, const char *rcode, Delegation *d) {
        int r = ask_parent(why, d);

        return r <= 0 ? r : conclude(d, DELEGATION_SILENT, rcode);
}

static int judge_inside(const Trial *t, Delegation *d) {
        d->remembered = d->last_usec + DELEGATION_GOOD_USEC > clock_usec(CLOCK_REALTIME);
        return d->remembered ? 0 :
                               conclude(d, DELEGATION_INSIDE,
                                        field_text(field_element(t->seen, "questions", 0), "address"));
}

static int judge_trial(const Trial *t, Delegation *d) {
        const uint64_t recent = clock_usec(CLOCK_REALTIME) - DELEGATION_RECENT_USEC;
        const char *rcode = strempty(field_text(t->reply, "rcode"));

        d->verdict = DELEGATION_WORKS;
        if (field_bool(t->seen, "outsideTcp"))
                return 0;
        if (field_bool(t->seen, "outsideUdp"))
                return MAX(d->ways_usec[0][1], d->ways_usec[1][1]) > recent ?
                               0 :
                               conclude(d, DELEGATION_UDP_ONLY, NULL);
        if (field_bool(t->seen, "inside"))
                return judge_inside(t, d);
        if (streq(rcode, "NXDOMAIN") || streq(rcode, "NOERROR"))
                return judge_other(d);
        d->remembered = d->last_usec > recent; /* a resolver may remember for a while that nobody answered */
        return d->remembered ? 0 :
                               judge_silence(t->reply ? rcode : strempty(t->reason), t->reply ? rcode : NULL,
                                             d);
}

/* 1: there is no verdict, since the daemon is off, which is told elsewhere, or refuses. */
static int delegation_try(Delegation *d, Trial *t) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *live = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = try_name(d->zone, /* family= */ NULL, t, &reason);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                d->verdict = DELEGATION_UNKNOWN;
                d->detail = r == -EREMOTEIO ? TAKE_PTR(reason) : NULL;
                return 1;
        }
        read_came(t, d->came);
        r = find_zone(d->zone, &live);
        if (r >= 0)
                read_last(live, d);
        return r;
}

int delegation_check(const char *zone, const char *name_server, const Config *c, Delegation *ret) {
        _cleanup_(delegation_done) Delegation d = { .zone = strdup(zone),
                                                    .name_server = strdup(name_server) };
        _cleanup_(trial_done) Trial t = {};
        int r;

        r = d.zone && d.name_server ? delegation_try(&d, &t) : -ENOMEM;
        if (r == 0)
                r = judge_trial(&t, &d);
        if (r == 0)
                r = delegation_say((const Delegation *[]) { &d }, 1, c, &d.detail);
        if (r < 0)
                return r;
        *ret = d;
        d = (Delegation) {};
        return 0;
}

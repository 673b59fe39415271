/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does the world find this gateway when it asks for the zone? */

#include <stdio.h>
#include <strings.h>

#include "client.h"
#include "delegation.h"

const char *delegation_verdict_text(DelegationVerdict v) {
        static const char *const texts[_DELEGATION_MAX] = {
                [DELEGATION_WORKS] = "works",
                [DELEGATION_MISSING] = "missing",
                [DELEGATION_SILENT] = "silent",
                [DELEGATION_ELSEWHERE] = "elsewhere",
                [DELEGATION_UNKNOWN] = "unknown",
        };
        return texts[v];
}

void delegation_done(Delegation *d) {
        free(d->detail);
        *d = (Delegation) {};
}

static int query(const char *name, const char *type, const char *server, sd_json_variant **ret,
                 char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        *ret_reason = NULL;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING(type)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!server, "server", SD_JSON_BUILD_STRING(server))) <
                        0)
                return -ENOMEM;
        return client_try("io.hagw.Net.Query", parameters, ret, ret_reason);
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

                if (query(parent + 1, "NS", NULL, &names, &reason) < 0)
                        continue;
                server = first_answer(names, "answers");
                if (!server || query(server, "A", NULL, &addresses, &again) < 0)
                        continue;
                address = first_answer(addresses, "answers");
                if (!address)
                        continue;
                *ret = strdup(address);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}

static int conclude(Delegation *ret, DelegationVerdict verdict, char **detail) {
        *ret = (Delegation) { .verdict = verdict, .detail = TAKE_PTR(*detail) };
        return 0;
}

/* The resolver could not reach anybody who answers for the zone. Is it delegated at all? */
static int check_parent(const char *zone, const char *why, Delegation *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *server = NULL, *reason = NULL, *detail = NULL;
        const char *delegated;
        int r, n;

        r = find_parent_server(zone, &server);
        if (r < 0)
                return r;
        if (r == 0 || query(zone, "NS", server, &reply, &reason) < 0) {
                n = asprintf(&detail, "The question for %s could not be asked: %s", zone, why);
                return n < 0 ? -ENOMEM : conclude(ret, DELEGATION_UNKNOWN, &detail);
        }
        delegated = first_answer(reply, "authority") ?: first_answer(reply, "answers");
        if (!delegated || field_bool(reply, "authoritative")) {
                n = asprintf(&detail, "The parent zone's server %s knows no delegation of %s.", server,
                             zone);
                return n < 0 ? -ENOMEM : conclude(ret, DELEGATION_MISSING, &detail);
        }
        n = asprintf(&detail,
                     "%s is delegated to %s, but nobody answers there (%s). Does that name have the house's "
                     "public address, and does the router pass port 53, UDP and TCP, to this machine?",
                     zone, delegated, why);
        return n < 0 ? -ENOMEM : conclude(ret, DELEGATION_SILENT, &detail);
}

int delegation_check(const char *zone, const char *name_server, Delegation *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL, *detail = NULL;
        const char *rcode, *soa;
        int r;

        r = query(zone, "SOA", /* server= */ NULL, &reply, &reason);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return check_parent(zone, strempty(reason), ret);
        rcode = strempty(field_text(reply, "rcode"));
        soa = first_answer(reply, "answers");
        if (soa && rdata_names(soa, name_server))
                return conclude(ret, DELEGATION_WORKS, &detail);
        if (soa) {
                r = asprintf(&detail, "Another name server answers for %s: \"%s\".", zone, soa);
                return r < 0 ? -ENOMEM : conclude(ret, DELEGATION_ELSEWHERE, &detail);
        }
        if (streq(rcode, "NXDOMAIN") || streq(rcode, "NOERROR")) {
                r = asprintf(&detail,
                             "The world knows no zone %s: its delegation is missing, or was made a "
                             "moment ago.",
                             zone);
                return r < 0 ? -ENOMEM : conclude(ret, DELEGATION_MISSING, &detail);
        }
        return check_parent(zone, rcode, ret);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether visitors can come to what setup has set up: the public addresses, and the internet's questions for
 * the zones. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/lost.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/status.h"
#include "hagw-ctl/view.h"
#include "hagw-ctl/waiting.h"
#include "hagw-ctl/ways.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

#define ADDRESS_USEC (5 * USEC_PER_SEC)
#define ADDRESS_PAUSE_USEC (100 * USEC_PER_MSEC)
#define DELEGATION_TRIES 5U /* a second each, besides what a question takes */
#define DELEGATION_USEC USEC_PER_MINUTE

/* The address of the source before, since the one that is set now has given none. */
static bool is_held(sd_json_variant *a) { return field_text(a, "held") != NULL; }

static bool any_is_held(sd_json_variant *reply, size_t family) {
        for (size_t i = 0; i < field_count(reply, "addresses"); i++) {
                sd_json_variant *a = field_element(reply, "addresses", i);

                if (is_held(a) && streq(strempty(field_text(a, "family")), "ipv4") == (family == GLUE_IPV4))
                        return true;
        }
        return false;
}

/* What was doubted gives no address that is of use. */
static bool is_doubted_rightly(const Setup *s, const Status *look) {
        for (size_t i = 0; i < field_count(look->addresses, "addresses"); i++) {
                sd_json_variant *a = field_element(look->addresses, "addresses", i);
                const char *address = field_text(a, "address");
                bool four = streq(strempty(field_text(a, "family")), "ipv4");

                if (s->doubted[four ? GLUE_IPV4 : GLUE_IPV6] &&
                    (!address || !status_address_is_usable(look, address)))
                        return true;
        }
        return false;
}

/* What status would say of them, so that both know one truth; reply: hagw-netd's. What was doubted when it
 * was given is not told again. -ENOMEM. */
static int judge_public(Setup *s, sd_json_variant *reply) {
        _cleanup_(status_done) Status look = { .addresses = sd_json_variant_ref(reply) };
        int r;

        for (size_t f = 0; f < ELEMENTSOF(look.address_told); f++) {
                bool held = any_is_held(reply, f);

                look.address_told[f] = s->doubted[f] && !held;
                s->shut |= held; /* who comes by it comes no more, perhaps, and nobody by the new one */
        }
        look.config = s->config;
        r = judge_addresses(&look);
        s->shut |= look.n_problems > 0 || is_doubted_rightly(s, &look);
        look.config = NULL; /* it stays ours */
        if (r < 0 || look.lost)
                return log_oom();
        for (size_t i = 0; i < look.n_problems; i++)
                log_error("%s", sd_json_variant_string(sd_json_variant_by_index(look.problems, i)));
        for (size_t i = 0; i < look.n_notices; i++)
                log_warning("%s", sd_json_variant_string(sd_json_variant_by_index(look.notices, i)));
        return 0;
}

int setup_check_static(Setup *s) {
        static const char *const families[_GLUE_FAMILIES_MAX] = { [GLUE_IPV4] = "ipv4",
                                                                  [GLUE_IPV6] = "ipv6" };
        const char *const sources[_GLUE_FAMILIES_MAX] = { [GLUE_IPV4] = s->config->public_address.ipv4,
                                                          [GLUE_IPV6] = s->config->public_address.ipv6 };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL, *reply = NULL;
        int r;

        if (relay_is_only_way(s->config) || !setup_direct_zone(s->config))
                return 0;
        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t f = 0; r >= 0 && f < ELEMENTSOF(sources); f++) {
                const char *address = sources[f] ? startswith(sources[f], "static:") : NULL;

                if (address)
                        r = sd_json_variant_append_arraybo(
                                &list, SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(families[f])),
                                SD_JSON_BUILD_PAIR("source", SD_JSON_BUILD_STRING(sources[f])),
                                SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(address)));
        }
        if (r >= 0)
                r = sd_json_buildo(&reply, SD_JSON_BUILD_PAIR("addresses", SD_JSON_BUILD_VARIANT(list)));
        if (r < 0)
                return log_oom();
        return judge_public(s, reply);
}

/* The public addresses, as soon as each is known or known to be missing. The texts live as long as *ret. */
static int wait_for_address(Setup *s, sd_json_variant **ret, const char **ret_ipv4,
                            const char **ret_ipv6) {
        const char *known[_GLUE_FAMILIES_MAX] = {};
        bool awaited = true;
        int r = 0;

        *ret_ipv4 = *ret_ipv6 = NULL;
        waiting_begin("the public address", ADDRESS_USEC, s->call->json);
        for (uint64_t waited = 0; waited < ADDRESS_USEC &&
                                (awaited || (!known[GLUE_IPV4] && !known[GLUE_IPV6]));
             waited += ADDRESS_PAUSE_USEC) {
                if (waited > 0)
                        setup_pause(ADDRESS_PAUSE_USEC);
                waiting_tick();
                awaited = false;
                known[GLUE_IPV4] = known[GLUE_IPV6] = NULL;
                *ret = sd_json_variant_unref(*ret);
                r = client_call("io.hagw.Net.Watch", NULL, ret);
                if (r < 0)
                        break;
                for (size_t k = 0; k < field_count(*ret, "addresses"); k++) {
                        sd_json_variant *a = field_element(*ret, "addresses", k);
                        bool four = streq(strempty(field_text(a, "family")), "ipv4");

                        *(four ? ret_ipv4 : ret_ipv6) = field_text(a, "address");
                        if (!is_held(a))
                                known[four ? GLUE_IPV4 : GLUE_IPV6] = field_text(a, "address");
                        awaited = awaited || streq(strempty(field_text(a, "knowledge")), "unknown") ||
                                  (is_held(a) && !field_text(a, "error"));
                }
        }
        waiting_end();
        if (r < 0)
                return r;
        if (known[GLUE_IPV4] || known[GLUE_IPV6])
                setup_say(s, "%s public address: %s%s%s\n",
                          s->config->tenants.zone ? "This relay's" : "The house's",
                          strempty(known[GLUE_IPV4]), known[GLUE_IPV4] && known[GLUE_IPV6] ? " and " : "",
                          strempty(known[GLUE_IPV6]));
        return judge_public(s, *ret);
}

static int check_delegation(const Setup *s, const ConfZone *zone, Delegation *d) {
        /* The last try takes its time, too. */
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + DELEGATION_USEC / 2;
        _cleanup_free_ char *what = NULL;
        int r = 0;

        if (asprintf(&what, "%s to be found here", zone->name) < 0) {
                what = NULL;
                return log_oom();
        }
        waiting_begin(what, DELEGATION_USEC, s->call->json);
        for (unsigned n = 0; r >= 0 && n < DELEGATION_TRIES; n++) {
                if (n > 0 && (!delegation_is_problem(d->verdict) || clock_usec(CLOCK_MONOTONIC) >= end))
                        break;
                if (n > 0) {
                        waiting_show();
                        setup_pause(USEC_PER_SEC);
                }
                delegation_done(d);
                r = delegation_check(zone->name, zone->name_server, s->config, d);
        }
        waiting_end();
        return r < 0 ? log_oom() : 0;
}

/* The delegation works, by one address at least. */
static int say_glue(const Setup *s, const ConfZone *zone, sd_json_variant *reply,
                    const char *const addresses[_GLUE_FAMILIES_MAX]) {
        _cleanup_(glue_done) Glue g = {};
        int r;

        setup_say(s, "The delegation of %s works.\n", zone->name);
        r = glue_check(s->config, zone, addresses, &g);
        for (size_t i = 0; i < ELEMENTSOF(g.details); i++)
                if (g.details[i] && !glue_is_open(reply, i))
                        log_warning("%s", g.details[i]);
        return r;
}

/* The address at which the internet is to ask by that family, or NULL. */
static const char *asked_at(const Setup *s, unsigned family, const char *address) {
        const Status look = { .config = s->config };

        return status_address_is_usable(&look, address) ? glue_address(s->config, family, address) : NULL;
}

/* While one family works nothing else tells that the other is shut. */
static int check_ways(Setup *s, const Delegation *d, const char *const addresses[_GLUE_FAMILIES_MAX]) {
        const char *asked[] = { asked_at(s, GLUE_IPV4, addresses[GLUE_IPV4]),
                                asked_at(s, GLUE_IPV6, addresses[GLUE_IPV6]) };

        for (unsigned f = 0; asked[GLUE_IPV4] && asked[GLUE_IPV6] && f < _GLUE_FAMILIES_MAX; f++) {
                _cleanup_free_ char *text = NULL;
                Way way;
                int r;

                r = way_look(d, f, &way);
                /* A resolver need not use both each time. */
                if (r >= 0 && way == WAY_QUIET && way_last(d, f) > 0)
                        way = WAY_OPEN;
                if (r >= 0)
                        r = way_say(s->config, d, f, way, asked[f], &text);
                if (r < 0)
                        return r;
                if (!text)
                        continue;
                s->unseen[f] = true;
                s->shut |= way_is_problem(f, way);
                if (way_is_problem(f, way))
                        log_error("%s", text);
                else
                        log_warning("%s", text);
        }
        return 0;
}

static int say_working(Setup *s, const ConfZone *zone, const Delegation *d, sd_json_variant *reply,
                       const char *const addresses[_GLUE_FAMILIES_MAX]) {
        int r = say_glue(s, zone, reply, addresses);

        return r < 0 ? r : check_ways(s, d, addresses);
}

/* Hosts whose names lie in no zone, which somebody else has to lead here. -ENOMEM; else whether nobody finds
 * one. */
static int check_outside(const Setup *s, sd_json_variant *addresses) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + LOST_LOOK_USEC;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *certificates = NULL;
        _cleanup_free_ char *reason = NULL;
        const Config *c = s->config;
        bool lost = false;
        int r = 0;

        if (view_certificates(&certificates, &reason) == -ENOMEM)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < c->n_hosts && clock_usec(CLOCK_MONOTONIC) < end; i++) {
                const ConfHost *h = &c->hosts[i];
                _cleanup_free_ char *text = NULL;
                IpAddress stranger;
                bool sure = false;
                Leads leads;

                if (!lost_is_outside(c, h) || !lost_wants_visitors(h))
                        continue;
                r = lost_look(c, h, addresses, &leads, &stranger);
                if (r >= 0)
                        r = lost_complaint(h, leads, certificates, &sure, &text);
                lost = lost || sure;
                if (sure)
                        log_error("%s", text);
                else if (text)
                        log_warning("%s", text);
        }
        return r < 0 ? r : lost;
}

int setup_check_reach(Setup *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *addresses = NULL;
        const char *ipv4, *ipv6;
        int r, bad = 0, other = 0;

        if (relay_is_only_way(s->config))
                return 0; /* the world asks the relay */
        r = wait_for_address(s, &addresses, &ipv4, &ipv6);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->config->n_zones; i++) {
                const ConfZone *zone = &s->config->zones[i];
                _cleanup_(delegation_done) Delegation d = {};

                if (zone->via == CONF_VIA_RELAY)
                        continue;
                r = check_delegation(s, zone, &d);
                if (r < 0)
                        return r;
                if (d.verdict == DELEGATION_WORKS)
                        r = say_working(s, zone, &d, addresses, (const char *const[]) { ipv4, ipv6 });
                else if (!delegation_is_problem(d.verdict)) {
                        other++;
                        setup_say(s, "%s\n", strempty(d.detail));
                } else {
                        bad++;
                        log_error("%s", strempty(d.detail));
                        setup_say_records(s, zone, ipv4, ipv6);
                }
                if (r < 0)
                        return log_oom();
        }
        r = check_outside(s, addresses);
        if (r < 0)
                return log_oom();
        if (s->config->n_zones == 0)
                bad += r; /* nobody comes at all */
        s->shut |= r > 0;
        s->asked = bad + other == 0 && setup_direct_zone(s->config);
        s->unreached = bad > 0;
        return bad;
}

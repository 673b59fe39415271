/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* This house at its relay: the text of hagw.conf, and how hagw-proxyd gets on. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/verbs.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"

#define POLL_USEC (200 * USEC_PER_MSEC)

static bool says(const Config *c, const char *address, const char *tenant, const char *zone) {
        const ConfZone *z = zone ? config_find_zone(c, zone) : NULL;

        if (!streq_ptr(c->relay.address, address) || !streq_ptr(c->relay.tenant, tenant))
                return false;
        return !zone || (z && streq(z->name, zone) && z->via == CONF_VIA_RELAY);
}

static int judge(const char *text, const char *path, const char *address, const char *tenant,
                 const char *zone) {
        _cleanup_(config_freep) Config *c = config_new();
        _cleanup_free_ char *error = NULL;
        int r;

        if (!c)
                return log_oom();
        r = config_parse_text(text, path, /* host= */ false, c, &error);
        if (r == -ENOMEM)
                return log_oom();
        if (r >= 0 && says(c, address, tenant, zone))
                return 0;
        log_error("%s is written in a way that hagw-ctl cannot change. By hand, it needs: relay: { address "
                  "= \"%s\"; tenant = \"%s\"; } and in zones { name = \"%s\"; via = \"relay\"; }.%s%s",
                  path, strempty(address), strempty(tenant), strempty(zone), error ? " " : "",
                  strempty(error));
        return -EBADMSG;
}

int relay_write_config(const char *dir, const char *text, const char *address, const char *tenant,
                       const char *zone, Config **ret) {
        _cleanup_free_ char *path = NULL, *before = NULL;
        int r;

        if (asprintf(&path, "%s/hagw.conf", dir) < 0) {
                path = NULL;
                return log_oom();
        }
        r = state_read(AT_FDCWD, path, &before, NULL);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", path);
        r = judge(text, path, address, tenant, zone);
        if (r >= 0 && !streq(before, text))
                r = write_config_file(path, text);
        if (r < 0)
                return r;
        r = load_config(dir, ret);
        if (r < 0)
                (void) write_config_file(path, before);
        return r;
}

bool relay_is_only_way(const Config *c) {
        return c->relay.address && !setup_direct_zone(c);
}

bool relay_is_attached(sd_json_variant *relay) {
        return streq(strempty(field_text(relay, "state")), "attached");
}

bool relay_does_not_admit(sd_json_variant *relay) {
        return !relay_is_attached(relay) &&
               strstr(strempty(field_text(relay, "error")), "it does not admit this house");
}

static bool is_told(sd_json_variant *relay, const char *field, const char *name) {
        const char *dot = strchr(name, '.');

        for (size_t i = 0; i < field_count(relay, field); i++) {
                const char *domain = sd_json_variant_string(field_element(relay, field, i));
                const char *wild = startswith(domain, "*");

                if (streq(domain, name) || (wild && *name != '*' && streq_ptr(wild, dot)))
                        return true;
        }
        return false;
}

static bool is_led(sd_json_variant *relay, const char *name) {
        return is_told(relay, "domains", name);
}

bool relay_name_is_ours(const Config *c, sd_json_variant *relay, const char *name) {
        return config_find_zone(c, name) || hostname_in_zone(name, strempty(field_text(relay, "zone"))) ||
               is_led(relay, name);
}

/* Outside the tenant's zone the relay leads what it was told to. Not in a house that has a way in of its
 * own, and a host for the LAN alone wants no visitors from there. */
static bool wants_domain(const Config *c, sd_json_variant *relay, const ConfHost *h) {
        const char *plain = startswith(h->name, "*.") ?: h->name;

        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return false;
        return h->access.from != CONF_FROM_LAN && !config_is_the_relays(c, plain) &&
               !hostname_in_zone(plain, strempty(field_text(relay, "zone")));
}

bool relay_leads(const Config *c, sd_json_variant *relay, const ConfHost *h) {
        /* A name of the relay's own is led by a host there. */
        if (config_is_the_relays(c, startswith(h->name, "*.") ?: h->name))
                return h->access.from == CONF_FROM_LAN || !sd_json_variant_by_key(relay, "opens") ||
                       is_told(relay, "opens", h->name);
        return !sd_json_variant_by_key(relay, "domains") || !wants_domain(c, relay, h) ||
               is_led(relay, h->name);
}

/* Of a wildcard any host below it will do. */
static bool has_host(const Config *c, const char *domain) {
        const char *suffix = startswith(domain, "*");

        if (!suffix)
                return config_find_host(c, domain);
        for (size_t i = 0; i < c->n_hosts; i++)
                if (endswith(c->hosts[i].name, suffix))
                        return true;
        return false;
}

const char *relay_leads_in_vain(const Config *c, sd_json_variant *relay, size_t *ret_more) {
        const char *first = NULL;

        *ret_more = 0;
        for (size_t i = 0; i < field_count(relay, "domains"); i++) {
                const char *domain = sd_json_variant_string(field_element(relay, "domains", i));

                if (has_host(c, domain))
                        continue;
                *ret_more += !!first;
                first = first ?: domain;
        }
        return first;
}

char *relay_opens_in_vain(const Config *c, sd_json_variant *relay) {
        return field_count(relay, "opens") == 0 || c->relay.opened == CONF_OPENED_ACCEPT ?
                       NULL :
                       field_joined(relay, "opens");
}

/* Why it is not attached, without the period that a sentence may bring along; what it is at where nothing
 * has failed yet. */
static char *reason_text(sd_json_variant *relay) {
        const char *reason = field_text(relay, "error") ?: field_text(relay, "state") ?: "unknown";
        const size_t n = strlen(reason);

        return strndup(reason, n > 0 && reason[n - 1] == '.' ? n - 1 : n);
}

char *relay_state_text(sd_json_variant *relay) {
        sd_json_variant *a = sd_json_variant_by_key(relay, "attachment");
        _cleanup_free_ char *reason = reason_text(relay);
        char since[TIME_TEXT_MAX], retry[TIME_TEXT_MAX];
        uint64_t now = clock_usec(CLOCK_REALTIME), again = field_number(relay, "retryUSec");
        unsigned long waiting = (unsigned long) field_number(a, "waiting"),
                      visitors = (unsigned long) field_number(a, "visitors");
        char *text;
        int n;

        if (!reason)
                return NULL;
        if (relay_is_attached(relay))
                n = asprintf(&text, "attached for %s, %lu %s waiting, %lu %s",
                             format_span(now - MIN(now, field_number(a, "sinceUSec")), since), waiting,
                             PLURAL(waiting, "channel"), visitors, PLURAL(visitors, "visitor"));
        else
                n = asprintf(&text, "not attached: %s%s%s", reason, again > now ? "; next try " : "",
                             again > now ? format_when(again, now, retry) : "");
        return n < 0 ? NULL : text;
}

/* By the token that hagw-keyd has now. What is not known does not keep anybody waiting. */
static bool is_attached_with(sd_json_variant *relay, sd_json_variant *token) {
        const char *now = field_text(sd_json_variant_by_key(relay, "attachment"), "tokenId"),
                   *wanted = field_text(token, "tokenId");

        return relay_is_attached(relay) && (!now || !wanted || streq(now, wanted));
}

int relay_wait(uint64_t timeout_usec, bool quiet, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *relay = NULL, *token = NULL;
        _cleanup_free_ char *told = NULL;
        int r;

        r = client_call("io.hagw.Key.GetToken", NULL, &token);
        if (r < 0)
                return r;

        waiting_begin("the relay to take this house", timeout_usec, quiet);
        for (uint64_t waited = 0;; waited += POLL_USEC) {
                _cleanup_free_ char *now = NULL;

                relay = sd_json_variant_unref(relay);
                r = client_call("io.hagw.Proxy.DescribeRelay", NULL, &relay);
                if (r < 0 || is_attached_with(relay, token))
                        waiting_end();
                if (r < 0)
                        return r;
                if (is_attached_with(relay, token)) {
                        *ret = TAKE_PTR(relay);
                        return CTL_OK;
                }
                now = reason_text(relay);
                if (!now)
                        return log_oom();
                waiting_tick();
                if (!quiet && field_text(relay, "error") && !streq_ptr(told, now)) {
                        waiting_head();
                        output("  not yet: %s\n", now);
                }
                free(told);
                told = TAKE_PTR(now);
                if (waited >= timeout_usec)
                        break;
                setup_pause(POLL_USEC);
        }
        waiting_end();
        log_error("This house is not attached%s yet: %s. hagw-proxyd goes on trying; hagw-ctl status shows "
                  "how it gets on.",
                  relay_is_attached(relay) ? " with the new token" : "", told);
        *ret = TAKE_PTR(relay);
        return CTL_FAILED;
}

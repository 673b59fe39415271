/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CAA and CNAME of names elsewhere, asked through io.hagw.Net as the world sees them. */

#include <stdio.h>

#include "hagw-ctl/caa.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/records.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"

#define CHALLENGE "_acme-challenge."

static const char *const verdicts[_CAA_MAX] = {
        [CAA_STANDS] = "stands",
        [CAA_OPEN] = "open",
        [CAA_FORBIDS] = "forbids",
        [CAA_UNKNOWN] = "unknown",
};

void caa_names_done(CaaNames *n) {
        for (size_t i = 0; i < n->n; i++) {
                free(n->items[i].alias);
                free(n->items[i].target);
                free(n->items[i].owner);
                free(n->items[i].line);
                free(n->items[i].others);
                free(n->items[i].machines);
        }
        free(n->items);
        sd_json_variant_unref(n->machines);
        *n = (CaaNames) {};
}

/* --- what is known here -------------------------------------------------------------------------------- */

static const ConfZone *relay_zone(const Config *c) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_RELAY)
                        return &c->zones[i];
        return NULL;
}

static bool has_direct_zone(const Config *c) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return false;
}

/* Our account at the authority that is asked first, and its name in records; "": none is known yet, or the
 * authority has no name. */
static void find_account(sd_json_variant *accounts, const char **ret_issuer, const char **ret_uri) {
        sd_json_variant *a = field_count(accounts, "accounts") > 0 ? field_element(accounts, "accounts", 0)
                                                                   : NULL;

        *ret_issuer = a ? strempty(field_text(a, "issuer")) : "";
        *ret_uri = a ? strempty(field_text(a, "accountUri")) : "";
}

static int make_line(const char *issuer, const char *uri, const char *method, char **ret) {
        return asprintf(ret, "0 issue \"%s; accounturi=%s; validationmethods=%s\"", issuer, uri, method) < 0
                       ? -ENOMEM
                       : 0;
}

static int add_name(CaaNames *names, const char *name, const char *target, const char *issuer,
                    const char *uri) {
        const char *plain = startswith(name, "*.") ?: name;
        CaaName *n;

        if (!GREEDY_REALLOC(names->items, names->allocated, names->n + 1))
                return -ENOMEM;
        n = &names->items[names->n++];
        *n = (CaaName) { .name = name, .verdict = CAA_UNKNOWN, .owner = strdup(plain) };
        if (!n->owner)
                return -ENOMEM;
        if (target && (asprintf(&n->alias, CHALLENGE "%s", plain) < 0 ||
                       asprintf(&n->target, CHALLENGE "%s", target) < 0))
                return -ENOMEM;
        return *issuer ? make_line(issuer, uri, target ? "dns-01" : "http-01", &n->line) : 0;
}

/* As hagw-acmed plans its orders: behind a relay names elsewhere are proved by an alias, else over HTTP. */
static int collect(const Config *c, const char *issuer, const char *uri, CaaNames *ret) {
        const ConfZone *ours = relay_zone(c);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->n_hosts; i++) {
                const ConfHost *h = &c->hosts[i];
                const ConfZone *zone = config_find_zone(c, startswith(h->name, "*.") ?: h->name);
                const bool alias = ours && !has_direct_zone(c);

                if (config_is_the_relays(c, startswith(h->name, "*.") ?: h->name))
                        continue;
                if (h->upstream_kind == CONF_UPSTREAM_TCP || zone || (!alias && *h->name == '*'))
                        continue;
                r = add_name(ret, h->name, alias ? ours->name : NULL, issuer, uri);
                if (r >= 0)
                        ret->items[ret->n - 1].tenants = h->upstream_kind == CONF_UPSTREAM_TENANT;
        }
        return r;
}

/* --- what stands in DNS -------------------------------------------------------------------------------- */

static int look_at_alias(CaaName *n) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        int r;

        if (!n->alias)
                return 0;
        r = leads_query(n->alias, "CNAME", &reply);
        n->alias_known = r > 0;
        n->alias_stands = r > 0 && leads_names(reply, n->target);
        return MIN(r, 0);
}

static int look_at_name(const Config *c, CaaName *n) {
        if (!n->alias)
                return 0; /* at a gateway: where an order failed, see judge-proofs.c */
        return leads_look(n->name, n->target + strlen(CHALLENGE), c->documentation_networks, &n->leads,
                          &n->stranger);
}

/* An issue or issuewild record's value without its quotes; NULL: it is another record. */
static const char *issue_value(const char *record, bool wildcard) {
        const char *p = strchr(record, ' ');
        const char *value = p ? startswith(p + 1, wildcard ? "issuewild \"" : "issue \"") : NULL;

        return value;
}

static bool is_record(const char *record) {
        return record[strspn(record, "0123456789")] == ' ';
}

#define METHODS "validationmethods="
/* Both ways are open to who names none. */
static bool value_admits_method(const char *value, const char *method) {
        const char *p = strstr(value, METHODS);

        for (size_t n = p ? strlen(METHODS) : 0; p; n++) {
                p += n;
                n = strcspn(p, ",;\" ");
                if (n == strlen(method) && strncmp(p, method, n) == 0)
                        return true;
                if (p[n] != ',')
                        return false;
        }
        return true;
}

/* "ISSUER; accounturi=URI; …" lets the account of line order: another parameter than ours is somebody
 * else's. */
static bool value_admits(const char *value, const char *line) {
        const char *ours = issue_value(line, /* wildcard= */ false), *uri, *ours_uri;
        const size_t issuer = strcspn(ours, ";\"");
        size_t n;

        if (strncasecmp(value, ours, issuer) != 0 || !strchr("; \"", value[issuer]))
                return false;
        uri = strstr(value, "accounturi=");
        ours_uri = strstr(ours, "accounturi=");
        n = strcspn(ours_uri, ";\"");
        return !uri || (strncmp(uri, ours_uri, n) == 0 && strchr("; \"", uri[n]));
}

static int list_value(char **list, const char *value) {
        char *longer;

        if (asprintf(&longer, "%s%s%.*s", strempty(*list), *list ? ", " : "",
                     (int) MIN(strcspn(value, "\""), (size_t) 300), value) < 0)
                return -ENOMEM;
        free(*list);
        *list = longer;
        return 0;
}

static bool lists_value(sd_json_variant *reply, const char *value) {
        for (size_t i = 0; i < field_count(reply, "answers"); i++) {
                const char *other = issue_value(sd_json_variant_string(field_element(reply, "answers", i)),
                                                /* wildcard= */ false);

                if (streq_ptr(other, value))
                        return true;
        }
        return false;
}

/* RFC 8659 section 3: the closest name upwards that has records. */
static int find_records(const char *name, sd_json_variant **ret) {
        for (const char *p = name; p && strchr(p, '.'); p = strchr(p, '.') + 1) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
                int r = leads_query(p, "CAA", &reply);

                if (r <= 0)
                        return r;
                for (size_t i = 0; i < field_count(reply, "answers"); i++)
                        if (is_record(sd_json_variant_string(field_element(reply, "answers", i)))) {
                                *ret = TAKE_PTR(reply);
                                return 1;
                        }
        }
        *ret = NULL;
        return 1;
}

static bool has_issue(sd_json_variant *reply, bool wildcard) {
        for (size_t i = 0; i < field_count(reply, "answers"); i++)
                if (issue_value(sd_json_variant_string(field_element(reply, "answers", i)), wildcard))
                        return true;
        return false;
}

/* The relay lists one account of a house, the one that ordered last: with a fallback, any of ours. */
static int line_of_account(sd_json_variant *account, char **ret) {
        return asprintf(ret, "0 issue \"%s; accounturi=%s;\"", strempty(field_text(account, "issuer")),
                        strempty(field_text(account, "accountUri"))) < 0
                       ? -ENOMEM
                       : 0;
}

static int note_value(CaaName *n, const char *value, sd_json_variant *accounts, sd_json_variant *machines) {
        bool admits = n->line && value_admits(value, n->line) &&
                      (n->at_relay || value_admits_method(value, n->alias ? "dns-01" : "http-01"));

        for (size_t i = 1; n->at_relay && !admits && i < field_count(accounts, "accounts"); i++) {
                _cleanup_free_ char *line = NULL;

                if (line_of_account(field_element(accounts, "accounts", i), &line) < 0)
                        return -ENOMEM;
                admits = value_admits(value, line);
        }
        if (!admits)
                return list_value(n->at_relay && lists_value(machines, value) ? &n->machines : &n->others,
                                  value);
        n->verdict = CAA_STANDS;
        return 0;
}

static int look_at_records(CaaName *n, sd_json_variant *accounts, sd_json_variant *machines) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        bool wildcard;
        int r;

        r = find_records(n->owner, &reply);
        if (r <= 0)
                return r;
        wildcard = startswith(n->name, "*.") && has_issue(reply, /* wildcard= */ true);
        if (!has_issue(reply, wildcard)) {
                n->verdict = CAA_OPEN;
                return 0;
        }
        n->verdict = n->line ? CAA_FORBIDS : CAA_UNKNOWN;
        n->machines_known = !!machines;
        for (size_t i = 0; i < field_count(reply, "answers"); i++) {
                const char *value = issue_value(sd_json_variant_string(field_element(reply, "answers", i)),
                                                wildcard);

                if (value && note_value(n, value, accounts, machines) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* A name of ours that no host has: the relay's account stands at exactly those that it opens, so that there
 * are this house's machines and nobody else. */
#define NOBODYS "hagw-machines."
static int look_at_machines(const Config *c, CaaNames *ret) {
        const ConfZone *ours = relay_zone(c);
        _cleanup_free_ char *name = NULL;

        if (!ours)
                return 0;
        if (asprintf(&name, NOBODYS "%s", ours->name) < 0)
                return -ENOMEM;
        return find_records(name, &ret->machines);
}

/* Our names at the relay: its records list our account, and the relay's where it opens visitors there. */
static int collect_at_relay(const Config *c, const char *issuer, const char *uri, CaaNames *ret) {
        const ConfZone *ours = relay_zone(c);
        const size_t first = ret->n;
        int r;

        if (!ours || !*issuer)
                return 0;
        r = add_name(ret, ours->name, NULL, issuer, uri);
        for (size_t i = 0; r >= 0 && i < c->n_hosts; i++)
                if (c->hosts[i].upstream_kind != CONF_UPSTREAM_TCP &&
                    hostname_in_zone(c->hosts[i].name, ours->name))
                        r = add_name(ret, c->hosts[i].name, NULL, issuer, uri);
        for (size_t i = first; i < ret->n; i++)
                ret->items[i].at_relay = true;
        return r;
}

/* Where hagw-acmed does not answer there is no account. The texts live as long as *ret. -ENOMEM. */
static int ask_accounts(sd_json_variant **ret, const char **ret_issuer, const char **ret_uri) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = client_look("io.hagw.Acme.WatchAccounts", NULL, ret, &reason);
        if (r == -ENOMEM)
                return r;
        find_account(r < 0 ? NULL : *ret, ret_issuer, ret_uri);
        return 0;
}

int caa_look(const Config *c, bool ask, CaaNames *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *accounts = NULL;
        _cleanup_(caa_names_done) CaaNames names = {};
        const char *issuer, *uri;
        int r;

        r = ask_accounts(&accounts, &issuer, &uri);
        if (r < 0)
                return r;
        names.unnamed = field_bool(accounts, "unnamed");
        r = collect(c, issuer, uri, &names);
        if (r >= 0 && ask)
                r = collect_at_relay(c, issuer, uri, &names);
        if (r >= 0 && ask)
                r = look_at_machines(c, &names);
        for (size_t i = 0; r >= 0 && ask && i < names.n; i++) {
                r = look_at_alias(&names.items[i]);
                if (r >= 0)
                        r = look_at_name(c, &names.items[i]);
                if (r >= 0)
                        r = look_at_records(&names.items[i], accounts, names.machines);
        }
        if (r < 0)
                return r;
        *ret = names;
        names = (CaaNames) {};
        return 0;
}

int caa_line_over_http(char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *accounts = NULL;
        const char *issuer, *uri;
        int r;

        *ret = NULL;
        r = ask_accounts(&accounts, &issuer, &uri);
        if (r < 0)
                return r;
        return *issuer ? make_line(issuer, uri, "http-01", ret) : 0;
}

bool caa_name_is_elsewhere(const CaaName *n) {
        return !n->at_relay;
}

int caa_name_complaint(const CaaName *n, char **ret) {
        if (n->alias_known && !n->alias_stands)
                return asprintf(ret,
                                "%s gets no new certificate: where its DNS is kept, there has to be "
                                "%s. CNAME %s.",
                                n->name, n->alias, n->target) < 0
                               ? -ENOMEM
                               : 1;
        if (n->verdict != CAA_FORBIDS)
                return 0;
        if (n->at_relay)
                return asprintf(ret,
                                "The relay's CAA records for %s list %s (%s) and not this %s: it "
                                "gets no new certificate. The next order tells the relay again: "
                                "hagw-ctl cert renew %s%s",
                                n->name, n->others ? "others" : "another machine of this house",
                                strempty(n->others ?: n->machines), n->others ? "house" : "one", n->name,
                                n->limited ? " --now" : "") < 0
                               ? -ENOMEM
                               : 1;
        return asprintf(ret,
                        "%s gets no new certificate: its CAA records list others (%s) and not this "
                        "machine%s. Where its DNS is kept, there has to be %s%s. CAA %s",
                        n->name, strempty(n->others),
                        n->tenants ? ", which orders by itself what it opens for a tenant" : "",
                        n->tenants ? "beside the house's record " : "", n->owner, n->line) < 0
                       ? -ENOMEM
                       : 1;
}

int caa_name_astray(const CaaName *n, char **ret) {
        char address[IP_TEXT_MAX];

        if (n->leads == LEADS_NOWHERE && *n->name != '*')
                return asprintf(ret,
                                "%s has no address, so that nobody finds it: where its DNS is kept, there "
                                "has to be %s. CNAME %s.",
                                n->name, n->name, n->target + strlen(CHALLENGE)) < 0
                               ? -ENOMEM
                               : 1;
        if (n->leads == LEADS_ASTRAY)
                return asprintf(ret,
                                "%s leads to %s, which is not the relay, so that its visitors do not come "
                                "here: where its DNS is kept, there has to be %s. CNAME %s. (or the relay's "
                                "addresses).",
                                n->name, ip_format(&n->stranger, address), n->name,
                                n->target + strlen(CHALLENGE)) < 0
                               ? -ENOMEM
                               : 1;
        return 0;
}

void caa_name_print(const CaaName *n, const char *prefix) {
        static const char *const texts[_CAA_MAX] = {
                [CAA_STANDS] = "stands",
                [CAA_OPEN] = "missing: anybody who may prove the name gets certificates",
                [CAA_FORBIDS] = "MISSING: others are listed",
                [CAA_UNKNOWN] = "not known",
        };

        static const char *const leads_texts[_LEADS_MAX] = {
                [LEADS_UNKNOWN] = "  (not seen: its addresses have to be the relay's)",
                [LEADS_THERE] = "  (stands)",
                [LEADS_ASTRAY] = "  (LEADS ELSEWHERE)",
                [LEADS_NOWHERE] = "  (MISSING)",
                [LEADS_SILENT] = "  (MISSING)",
        };

        if (n->alias)
                (void) records_print_name(
                        prefix, n->name, n->target + strlen(CHALLENGE),
                        leads_texts[n->leads]);
        if (n->alias)
                output("%s%s.  CNAME  %s.  (%s)\n", prefix, n->alias, n->target,
                       n->alias_stands  ? "stands"
                       : n->alias_known ? "MISSING"
                                        : "not known");
        if (n->line)
                output("%s%s.  CAA  %s  (%s)\n", prefix, n->owner, n->line, texts[n->verdict]);
        else if (!n->alias)
                output("%s%s: which record it needs is not known yet\n", prefix, n->name);
}

void caa_names_print_others(const CaaNames *n, const char *prefix) {
        bool told = false;

        for (size_t i = 0; i < n->n; i++) {
                const CaaName *name = &n->items[i];

                if (caa_name_is_elsewhere(name))
                        continue;
                /* They may order for all names of the house. */
                if (name->machines && !told)
                        output("%sfor %s certificates are given to this house's other machine, too: %s\n",
                               prefix, name->name, name->machines);
                told = told || name->machines;
                if (name->others)
                        output("%sfor %s certificates are given to %s%s\n", prefix, name->name,
                               name->machines_known ? "the relay, too, which opens its visitors: " : "",
                               name->others);
        }
}

int caa_name_to_json(const CaaName *n, sd_json_variant **ret) {
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(n->name)),
                SD_JSON_BUILD_PAIR_CONDITION(!!n->alias, "alias", SD_JSON_BUILD_STRING(n->alias)),
                SD_JSON_BUILD_PAIR_CONDITION(!!n->alias, "target", SD_JSON_BUILD_STRING(n->target)),
                SD_JSON_BUILD_PAIR_CONDITION(n->alias_known, "aliasStands",
                                             SD_JSON_BUILD_BOOLEAN(n->alias_stands)),
                SD_JSON_BUILD_PAIR_CONDITION(!!n->line, "record", SD_JSON_BUILD_STRING(n->line)),
                SD_JSON_BUILD_PAIR("caa", SD_JSON_BUILD_STRING(verdicts[n->verdict])),
                SD_JSON_BUILD_PAIR_CONDITION(!!n->others, "others", SD_JSON_BUILD_STRING(n->others)),
                SD_JSON_BUILD_PAIR_CONDITION(!!n->machines, "machines", SD_JSON_BUILD_STRING(n->machines)));
}

int caa_print_elsewhere(const Config *c) {
        _cleanup_(caa_names_done) CaaNames names = {};
        bool title = false;

        if (caa_look(c, /* ask= */ true, &names) < 0)
                return log_oom();
        for (size_t i = 0; i < names.n; i++) {
                if (!caa_name_is_elsewhere(&names.items[i]))
                        continue;
                if (!title)
                        output_sentences("Where the DNS of these names is kept, there has to be:\n");
                title = true;
                caa_name_print(&names.items[i], "  ");
        }
        return 0;
}

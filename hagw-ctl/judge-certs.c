/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about certificates. What has its cause elsewhere (cause.h) is told there, and several
 * that fail for one reason are told together. */

#include <stdio.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/view.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

#define MORE_TEXT_MAX 64U

typedef bool (*Same)(sd_json_variant *a, sd_json_variant *b);

/* For one reason, in one state; and what is to be done is the same. */
static bool fail_alike(sd_json_variant *a, sd_json_variant *b) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        const bool limited = certlimit_get(a, now) > 0;

        return (field_text(a, "error") || limited) && limited == (certlimit_get(b, now) > 0) &&
               streq_ptr(field_text(a, "error"), field_text(b, "error")) &&
               streq_ptr(field_text(a, "state"), field_text(b, "state")) &&
               !field_number(a, "unreachedPort") && !field_number(b, "unreachedPort");
}

static bool unreached_alike(sd_json_variant *a, sd_json_variant *b) {
        return field_number(a, "unreachedPort") > 0 &&
               field_number(a, "unreachedPort") == field_number(b, "unreachedPort");
}

/* Whether an earlier one was told that is the same; else " (and 2 more)" of those behind it. */
static bool was_told(const Status *s, size_t at, Same same, char more[static MORE_TEXT_MAX]) {
        sd_json_variant *c = field_element(s->certificates, "certificates", at);
        size_t n = 0;

        for (size_t i = 0; i < at; i++)
                if (same(field_element(s->certificates, "certificates", i), c))
                        return true;
        for (size_t i = at + 1; i < field_count(s->certificates, "certificates"); i++)
                n += same(field_element(s->certificates, "certificates", i), c);
        more[0] = '\0';
        if (n > 0)
                (void) snprintf(more, MORE_TEXT_MAX, " (and %zu more)", n);
        return false;
}

/* Said for as long as it is so: nothing else tells that the first authority needs a look. */
static void judge_fallback(Status *s, sd_json_variant *c) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), at = field_number(c, "nextUSec");
        char next[TIME_TEXT_MAX];

        if (field_bool(c, "fallback"))
                status_notice(s, "The certificate for %s is from the fallback, %s: the first authority "
                                 "could not be had. The next order, %s, asks that one first.",
                              field_text(c, "name"), field_text(c, "directory"),
                              at ? format_when(MAX(at, now + 1), now, next) : "when it is asked for");
}

/* Nobody needs to do anything yet; who looks may know the reason. */
static void judge_renewal(Status *s, sd_json_variant *c, const char *more) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), tries = field_number(c, "failures");
        char end[TIME_TEXT_MAX], next[TIME_TEXT_MAX];
        _cleanup_free_ char *limit = NULL;

        if (tries == 0 || !streq(strempty(field_text(c, "state")), "valid") ||
            certlimit_text(c, now, &limit) < 0)
                return;
        status_notice(s, "The certificate for %s%s could not be renewed (%lu %s): %s. It ends %s%s%s%s%s",
                      field_text(c, "name"), more, (unsigned long) tries, plural(tries, "try", "tries"),
                      field_text(c, "error") ?: "hagw-ctl log tells why",
                      format_when(field_number(c, "notAfterUSec"), now, end),
                      limit ? ". " : "; the next try is ", strempty(limit),
                      limit ? "" : format_when(MAX(field_number(c, "nextUSec"), now + 1), now, next),
                      limit ? "" : ".");
}

/* Somebody wanted it ended, and it is still what visitors see. */
static void judge_revocation(Status *s, sd_json_variant *c) {
        const bool imported = streq(strempty(field_text(c, "source")), "imported");
        const char *name = field_text(c, "name");
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        if (field_bool(c, "revoking"))
                status_notice(s, "Certificates of %s are to be revoked, and the certificate authority could "
                                 "not be told yet; hagw-acmed goes on trying.", name);
        if (!field_number(c, "revokedUSec") || field_bool(c, "ordering") ||
            !(imported || field_bool(c, "wanted")))
                return;
        status_problem(s, "The certificate for %s is revoked (%s), and no other has taken its place: "
                          "browsers may refuse it. %s%s%s%s.",
                       name, format_when(field_number(c, "revokedUSec"), now, when),
                       imported ? "Import its successor: hagw-ctl cert import CHAIN KEY"
                                : "hagw-ctl cert renew ",
                       imported ? "" : name, imported ? "" : certlimit_option(c, now),
                       imported ? "" : " orders one");
}

/* An order is a look from outside, the only one there is: this is no guess. */
static void judge_unreached(Status *s, sd_json_variant *c, const char *more) {
        const uint64_t end = field_number(c, "notAfterUSec"), now = clock_usec(CLOCK_REALTIME);
        const char *name = field_text(c, "name"), *error = strempty(field_text(c, "error"));
        char found[TIME_TEXT_MAX], ends[TIME_TEXT_MAX], text[ROUTER_TEXT_MAX];
        const bool dns = field_number(c, "unreachedPort") == 53;
        const char *router = dns ? delegation_router_text(s->config, text) :
                                   (s->config && s->config->tenants.zone ?
                                            "firewall pass TCP port 80 to this machine" :
                                            "router pass TCP port 80 to this machine");

        status_problem(s,
                       "The certificate authority asked for %s%s from the internet and did not reach this "
                       "machine (%s): %s%s%s%s%s Let the %s, see that this name%s has today's public "
                       "address, and try again: hagw-ctl cert renew %s%s",
                       name, more, format_when(field_number(c, "unreachedUSec"), now, found), error,
                       endswith(error, ".") ? "" : ".", end ? " The certificate that is there ends " : "",
                       end ? format_when(end, now, ends) : "", end ? "." : "", router,
                       dns ? "'s name server" : "", name, certlimit_option(c, now));
}

/* By what keeps everybody out of that port. */
static bool unreached_is_explained(const Status *s, sd_json_variant *c, unsigned port) {
        const ConfZone *zone = s->config ? config_find_zone(s->config, field_text(c, "name")) : NULL;

        return port == 53 ? s->told[CAUSE_PORT_53] || (zone && status_zone_is_lost(s, zone->name)) :
                            s->told[CAUSE_PORT_80];
}

/* What has to stand for a name elsewhere, where the last order failed because it did not; else NULL. */
static const CaaName *alias_of(const Status *s, sd_json_variant *c) {
        for (size_t i = 0; i < s->names.n; i++) {
                const CaaName *n = &s->names.items[i];

                if (n->alias && n->alias_known && streq(n->name, strempty(field_text(c, "name"))) &&
                    strstr(strempty(field_text(c, "error")), n->alias))
                        return n;
        }
        return NULL;
}

/* By judge_proofs(): the authority asked somebody else. */
static bool leads_astray(const Status *s, sd_json_variant *c) {
        for (size_t i = 0; i < s->names.n; i++) {
                const CaaName *n = &s->names.items[i];

                if (!n->alias && !n->at_relay && streq(n->name, strempty(field_text(c, "name"))))
                        return n->leads == LEADS_ASTRAY || n->leads == LEADS_NOWHERE ||
                               n->leads == LEADS_SILENT;
        }
        return false;
}

/* With a wrong clock what is over and what is due means nothing. */
static bool is_explained(const Status *s, sd_json_variant *c) {
        const char *state = strempty(field_text(c, "state"));

        const CaaName *alias = alias_of(s, c);

        return cause_explains(s, EFFECT_CERTIFICATE, field_text(c, "name"), field_text(c, "error")) ||
               (alias && !alias->alias_stands) || /* told by judge_caa() */
               (s->told[CAUSE_CLOCK_AHEAD] && (streq(state, "expired") || streq(state, "expiring")));
}

/* When it goes on by itself, and how at once; to be freed. */
static char *trying_text(const Status *s, sd_json_variant *c) {
        const uint64_t next = field_number(c, "nextUSec"), now = clock_usec(CLOCK_REALTIME);
        const CaaName *alias = alias_of(s, c);
        char then[TIME_TEXT_MAX];
        char *text = NULL;
        int r = 0;

        if (field_bool(c, "ordering"))
                text = strdup("An order is under way.");
        else if (alias)
                r = asprintf(&text, "The record stands by now; to try at once: hagw-ctl cert renew %s%s",
                             alias->name, certlimit_option(c, now));
        else if (certlimit_get(c, now) > 0)
                r = certlimit_text(c, now, &text);
        else if (next > 0)
                r = asprintf(&text, "The next try is %s; hagw-ctl cert renew %s makes it now.",
                             format_when(MAX(next, now + 1), now, then), field_text(c, "name"));
        return r < 0 ? NULL : text;
}

static void judge_bad(Status *s, sd_json_variant *c, const char *more) {
        const uint64_t end = field_number(c, "notAfterUSec");
        const bool doubt = streq(strempty(field_text(c, "state")), "expired") && !status_clock_is_set();
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        const char *name = field_text(c, "name"), *error = field_text(c, "error");
        char when[TIME_TEXT_MAX], clock[TIME_TEXT_MAX];
        _cleanup_free_ char *asked = NULL, *tried = trying_text(s, c);

        if (doubt && asprintf(&asked,
                              " That is by this machine's clock, which no time server has set: is it %s?",
                              status_clock_text(clock)) < 0)
                asked = NULL;
        status_problem(s, "Certificate %s%s: %s%s%s%s%s%s%s%s%s", name, more, field_text(c, "state"),
                       end ? end > now ? ", ends " : ", ended " : "",
                       end ? format_when(end, now, when) : "", error ? ": " : "", strempty(error),
                       error && endswith(error, ".") ? "" : ".", strempty(asked), tried ? " " : "",
                       strempty(tried));
}

/* Nobody asks for it any more: it keeps nobody away. */
static bool is_keyless(sd_json_variant *c) {
        return streq(strempty(field_text(c, "state")), "keyless") && view_certificate_is_bad(c);
}

static bool keyless_alike(sd_json_variant *a, sd_json_variant *b) {
        return is_keyless(a) && is_keyless(b) &&
               streq_ptr(field_text(a, "source"), field_text(b, "source")) &&
               streq_ptr(field_text(a, "error"), field_text(b, "error"));
}

/* Visitors see no certificate at all, however long the one that is there has. */
static void judge_keyless(Status *s, sd_json_variant *c, const char *more) {
        const bool imported = streq(strempty(field_text(c, "source")), "imported");
        const char *name = field_text(c, "name"), *error = strempty(field_text(c, "error"));
        _cleanup_free_ char *tried = imported ? NULL : trying_text(s, c);

        if (imported)
                status_problem(s, "hagw-keyd has no key for the certificate %s%s any more, and nobody is "
                                  "served with it: it was imported, so import it again with its key "
                                  "(hagw-ctl cert import CHAIN KEY).",
                               name, more);
        else
                status_problem(s, "hagw-keyd has no key for the certificate %s%s any more, and nobody is "
                                  "served with it: a new one is ordered%s%s%s%s%s",
                               name, more, *error ? ", and the last order failed: " : "", error,
                               *error && endswith(error, ".") ? "" : ".", tried ? " " : "",
                               strempty(tried));
}

int judge_certificates(Status *s) {
        char more[MORE_TEXT_MAX];

        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(s->certificates, "certificates", i);
                const unsigned port = (unsigned) field_number(c, "unreachedPort");

                judge_fallback(s, c);
                judge_revocation(s, c);
                if (is_keyless(c) && !was_told(s, i, keyless_alike, more))
                        judge_keyless(s, c, more);
                if (leads_astray(s, c))
                        continue;
                if (port > 0) {
                        if (!unreached_is_explained(s, c, port) && !was_told(s, i, unreached_alike, more))
                                judge_unreached(s, c, more);
                } else if (!is_keyless(c) && !is_explained(s, c) && !was_told(s, i, fail_alike, more)) {
                        if (view_certificate_is_bad(c))
                                judge_bad(s, c, more);
                        else
                                judge_renewal(s, c, more);
                }
        }
        return 0;
}

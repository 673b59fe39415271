/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about this house at its relay. */

#include <stdio.h>
#include <time.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/view.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/usec.h"

/* As hagw-proxyd has it, which may be what the files said before. */
static const char *relay_address(const Status *s) {
        return field_text(sd_json_variant_by_key(s->relay, "relay"), "address") ?: s->config->relay.address;
}

static const char *relay_tenant(const Status *s) {
        return field_text(sd_json_variant_by_key(s->relay, "relay"), "tenant") ?: s->config->relay.tenant;
}

#define REFUSED_RECENT_USEC (10 * USEC_PER_MINUTE)
#define TAKEN_RECENT_USEC (5 * USEC_PER_MINUTE) /* who swaps does so in less */

/* What its owner can do about it, here or by a word to who runs the relay. */
static const struct {
        const char *reason;
        bool problem; /* a person is needed */
        const char *remedy;
} house_refusals[] = {
        { "suspended", true, "Only whoever runs the relay can open it again." },
        /* Of a relay that does not say whether they still are; see judge_exhausted(). */
        { "exhausted", true, "It opens again with the next month, or when whoever runs the relay allows "
                             "more." },
        /* A scanner alone may bring more visitors a second than are let in, or try names. */
        { "connections", false, "Whoever runs the relay can let in more." },
        { "channels", true, "Whoever runs the relay can allow more, and relay.channels_max in hagw.conf "
                            "here." },
        { "house", true, "If the relay may read what they say: opened = \"accept\"; in the group relay of "
                         "hagw.conf here, then hagw-ctl reload, takes them; otherwise ask whoever runs it "
                         "to let them pass unopened." },
        { "host", false, NULL }, /* see host_remedy() */
};

/* The name is the relay's word, made of a name's characters, and may be a scanner's choice: nobody is to be
 * led to make a host of a name that is not this house's. */
static const char *host_remedy(const Status *s, sd_json_variant *relay, sd_json_variant *row, char *out,
                               size_t size) {
        const char *name = field_text(row, "name");

        if (!name || !s->config || !relay_name_is_ours(s->config, relay, name))
                return "hagw-ctl host add NAME SERVICE here makes one.";
        (void) snprintf(out, size, "The last one asked for %s: hagw-ctl host add %s SERVICE here makes one.",
                        name, name);
        return out;
}

/* Whether any has come or not. so_far: of those who have, or "". */
static void say_exhausted(Status *s, const char *so_far) {
        char end[TIME_TEXT_MAX];

        status_problem(s,
                       "The relay refuses visitors of this house%s: the tenant's bytes of this month are "
                       "used up. It opens again with the next month, %s, or when whoever runs the relay "
                       "allows more: hagw-ctl tenant set %s --bytes-per-month=SIZE there.",
                       so_far, format_month_end(end), relay_tenant(s));
}

static void judge_exhausted(Status *s, sd_json_variant *relay) {
        char so_far[TIME_TEXT_MAX + 64] = "", when[TIME_TEXT_MAX];

        if (!field_bool(relay, "exhausted"))
                return;
        for (size_t i = 0; i < field_count(relay, "refused"); i++) {
                sd_json_variant *r = field_element(relay, "refused", i);

                if (streq(strempty(field_text(r, "reason")), "exhausted") && !field_bool(r, "over"))
                        (void) snprintf(so_far, sizeof(so_far), ", %lu so far, the last one %s",
                                        (unsigned long) field_number(r, "count"),
                                        format_when(field_number(r, "lastUSec"),
                                                    clock_usec(CLOCK_REALTIME), when));
        }
        say_exhausted(s, so_far);
}

/* The relay says so; or since then this machine attached (anew, which it does when its settings for the
 * relay change), took such a visitor, or has one who would not be in; or it was a moment's crowd. */
static bool refusal_is_over(const Status *s, sd_json_variant *relay, sd_json_variant *row) {
        const char *reason = strempty(field_text(row, "reason")), *name = field_text(row, "name");
        const uint64_t last_usec = field_number(row, "lastUSec");
        sd_json_variant *attachment = sd_json_variant_by_key(relay, "attachment");
        const bool house = streq(reason, "house");
        const char *error = strempty(field_text(relay, "error"));

        /* Who is away sends it nobody. */
        return field_bool(row, "over") || (!relay_is_attached(relay) && !streq(reason, "suspended")) ||
               field_number(attachment, "sinceUSec") > last_usec ||
               (house && field_number(relay, "openedUSec") > last_usec) ||
               (name && s->config && config_find_host(s->config, name)) ||
               (house && status_goes_by_files(s, "hagw-proxyd") &&
                s->config->relay.opened == CONF_OPENED_ACCEPT) ||
               /* Who is suspended is told so at each try to attach. */
               (streq(reason, "suspended") && !strstr(error, "has suspended this tenant")) ||
               (streq(reason, "exhausted") && (sd_json_variant_by_key(relay, "exhausted") ||
                                               field_number(attachment, "visitors") > 0)) ||
               (streq(reason, "channels") && last_usec + USEC_PER_MINUTE < clock_usec(CLOCK_REALTIME));
}

/* What the relay refused just now for another reason than that this house was away: it is back. */
static void judge_refused(Status *s, sd_json_variant *relay, sd_json_variant *r) {
        const uint64_t now = clock_usec(CLOCK_REALTIME), last = field_number(r, "lastUSec");
        const char *reason = strempty(field_text(r, "reason"));
        char when[TIME_TEXT_MAX], remedy[2 * HOSTNAME_MAX + 100];

        if (last + REFUSED_RECENT_USEC < now ||
            (streq(reason, "exhausted") && field_bool(relay, "exhausted") && !field_bool(r, "over")))
                return;
        (void) format_when(last, now, when);
        for (size_t i = 0; i < ELEMENTSOF(house_refusals); i++) {
                if (!streq(reason, house_refusals[i].reason))
                        continue;
                if (refusal_is_over(s, relay, r))
                        status_notice(s,
                                      "The relay refused visitors of this house, %lu so far, until %s: %s.",
                                      (unsigned long) field_number(r, "count"), when,
                                      strempty(field_text(r, "text")));
                else
                        (house_refusals[i].problem ? status_problem : status_notice)(
                                s,
                                "The relay refuses visitors of this house, %lu so far, the last one %s: "
                                "%s. %s",
                                (unsigned long) field_number(r, "count"), when,
                                strempty(field_text(r, "text")),
                                house_refusals[i].remedy ?:
                                        host_remedy(s, relay, r, remedy, sizeof(remedy)));
        }
}

/* A name of the relay's own is led here by a host there, and any other by the tenant. */
static void say_not_led(Status *s, sd_json_variant *relay, const char *name, size_t more, bool own) {
        const char *quote = *name == '*' ? "'" : "", *tenant = strempty(field_text(relay, "tenant"));
        _cleanup_free_ char *command = NULL;
        char also[64] = "";

        if (more > 0)
                (void) snprintf(also, sizeof(also), " (and %zu more)", more);
        if ((own ? asprintf(&command, "host add %s%s%s tenant:%s", quote, name, quote, tenant) :
                   asprintf(&command, "tenant domain add %s %s%s%s", tenant, quote, name, quote)) < 0) {
                command = NULL;
                return;
        }
        status_problem(s,
                       "The relay does not lead %s%s here, so that its visitors are turned away: at the "
                       "relay, hagw-ctl %s",
                       name, also, command);
}

static void judge_domains(Status *s, sd_json_variant *relay) {
        const char *first[2] = {};
        size_t more[2] = {};

        for (size_t i = 0; s->config && i < s->config->n_hosts; i++) {
                const ConfHost *h = &s->config->hosts[i];
                const bool own = config_is_the_relays(s->config, startswith(h->name, "*.") ?: h->name);

                if (relay_leads(s->config, relay, h))
                        continue;
                more[own] += !!first[own];
                first[own] = first[own] ?: h->name;
        }
        for (size_t own = 0; own < ELEMENTSOF(first); own++)
                if (first[own])
                        say_not_led(s, relay, first[own], more[own], own);
}

/* The other way round. */
static void judge_led_in_vain(Status *s, sd_json_variant *relay) {
        size_t more = 0;
        const char *name = s->config ? relay_leads_in_vain(s->config, relay, &more) : NULL,
                   *quote = name && *name == '*' ? "'" : "";
        char also[64] = "";

        if (!name)
                return;
        if (more > 0)
                (void) snprintf(also, sizeof(also), " (and %zu more)", more);
        status_problem(s,
                       "The relay leads %s%s here, for which there is no host, so that its visitors are "
                       "turned away: hagw-ctl host add %s%s%s SERVICE makes one; or at the relay, hagw-ctl "
                       "tenant domain remove %s %s%s%s",
                       name, also, quote, name, quote, strempty(field_text(relay, "tenant")), quote, name,
                       quote);
}

/* Where one was refused lately that is told, with the same remedy. */
static void judge_opens(Status *s, sd_json_variant *relay) {
        _cleanup_free_ char *names = s->config ? relay_opens_in_vain(s->config, relay) : NULL;

        for (size_t i = 0; names && i < field_count(relay, "refused"); i++) {
                sd_json_variant *r = field_element(relay, "refused", i);

                if (streq(strempty(field_text(r, "reason")), "house") && !refusal_is_over(s, relay, r) &&
                    field_number(r, "lastUSec") + REFUSED_RECENT_USEC >= clock_usec(CLOCK_REALTIME))
                        return;
        }
        if (names)
                status_notice(s,
                              "The relay opens visitors' TLS of %s and leads them to this house, and this "
                              "machine does not take them. If the relay may read what they say: opened = "
                              "\"accept\"; in the group relay of hagw.conf here, then hagw-ctl reload. "
                              "Where another machine of the house takes them, they go there.",
                              names);
}

/* It took the place back, and the other one will do the same. */
static void judge_taken_over(Status *s, sd_json_variant *relay) {
        uint64_t now = clock_usec(CLOCK_REALTIME), last = field_number(relay, "takenOverUSec");
        char when[TIME_TEXT_MAX];

        if (relay_is_attached(relay) && last + TAKEN_RECENT_USEC >= now)
                status_problem(s,
                               "Another machine attaches to %s as this house, too, and the two take "
                               "turns: it took this one's place %s. hagw-ctl detach on one of them ends "
                               "that, or at the relay hagw-ctl tenant set %s --agents=2 lets both be "
                               "attached.",
                               relay_address(s), format_when(last, now, when), relay_tenant(s));
}

int judge_relay(Status *s) {
        sd_json_variant *relay = sd_json_variant_by_key(s->relay, "relay");
        const char *error = field_text(relay, "error");

        if (relay && !relay_is_attached(relay)) {
                if (!cause_explains(s, EFFECT_RELAY, NULL, error))
                        status_problem(s,
                                       "This house is not attached to its relay %s (%s), so that nobody "
                                       "comes in by it%s%s",
                                       relay_address(s), field_text(relay, "state"),
                                       error ? ": " : ".", strempty(error));
                cause_note(s, CAUSE_RELAY);
        } else if (relay && error)
                status_problem(s,
                               "This house is still attached to its relay %s with its former token, "
                               "because the new one fails: %s",
                               relay_address(s), error);
        judge_domains(s, relay);
        judge_led_in_vain(s, relay);
        judge_opens(s, relay);
        judge_exhausted(s, relay);
        for (size_t i = 0; i < field_count(relay, "refused"); i++)
                judge_refused(s, relay, field_element(relay, "refused", i));
        judge_taken_over(s, relay);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of address sources, and what they have in common: the last good address, the newest error, when
 * to ask again. Main thread only. */

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "hagw-netd/address-source.h"
#include "hagw-netd/dns-answer.h"
#include "libhagw/log.h"
#include "libhagw/pure/special.h"

typedef struct AddressKind {
        const char *name;
        bool live;  /* is told of changes, so that what stands is always confirmed */
        bool given; /* by the owner, whom nobody confirms */
        int (*ask)(AddressSource *s);
        int (*network_changed)(AddressSource *s); /* NULL: does not matter */
} AddressKind;

struct AddressSource {
        const AddressKind *kind;
        int family;
        char *spec;
        const char *argument; /* in spec, behind the colon; NULL: none */
        bool documentation; /* as in Config */
        sd_event *event;
        const Netlink *netlink;
        sd_event_source *timer;
        sd_event_source *doubt; /* while the source may be waited for */
        bool answered;          /* with an address, or with a no */
        Lookup *lookup;
        unsigned failures; /* in a row */
        AddressState state;
        AddressSourceCounters counters;
        AddressSourceHandler handler;
        void *userdata;
};

static uint64_t realtime(const AddressSource *s) {
        uint64_t usec = 0;

        (void) sd_event_now(s->event, CLOCK_REALTIME, &usec);
        return usec;
}

static const char *family_text(const AddressSource *s) {
        return s->family == AF_INET ? "IPv4" : "IPv6";
}

static void source_settle(AddressSource *s, const IpAddress *a) {
        bool moved = !ip_equal(&s->state.address, a);
        bool changed = moved || s->state.error || s->state.held;
        char text[IP_TEXT_MAX];

        s->state.confirmed_usec = s->kind->given ? 0 : realtime(s);
        s->failures = 0;
        s->answered = true;
        s->state.error = (free(s->state.error), NULL);
        s->state.held = (free(s->state.held), NULL);
        if (moved) {
                s->state.address = *a;
                s->state.changed_usec = realtime(s);
                s->counters.changes++;
                log_notice("Public %s address is now %s (%s).", family_text(s), ip_format(a, text), s->spec);
        }
        s->handler(s, changed, s->userdata);
}

/* answer: the source says that there is no address; else it says nothing. */
static _printf_(3, 4) void source_fail(AddressSource *s, bool answer, const char *format, ...) {
        char *error = NULL;
        bool changed;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&error, format, ap);
        va_end(ap);
        s->failures++;
        s->counters.failures++;
        if (n < 0) {
                s->handler(s, /* changed= */ false, s->userdata);
                return;
        }
        changed = !streq_ptr(error, s->state.error) || (answer && !s->answered);
        s->answered = s->answered || answer;
        if (changed)
                log_warning("No public %s address from %s: %s%s%s", family_text(s), s->spec, error,
                            s->state.held                         ? "; it stays the one of " :
                            s->state.address.family != AF_UNSPEC ? "; the last good one stays" :
                                                                   "",
                            strempty(s->state.held));
        free(s->state.error);
        s->state.error = error;
        s->handler(s, changed, s->userdata);
}

/* --- none, static -------------------------------------------------------------------------------------- */

static int none_ask(AddressSource *s) {
        s->answered = true;
        s->handler(s, /* changed= */ false, s->userdata);
        return 0;
}

static int static_ask(AddressSource *s) {
        IpAddress a;
        int r;

        r = ip_parse(s->argument, &a);
        if (r < 0)
                return r;
        source_settle(s, &a);
        return 0;
}

/* --- interface ----------------------------------------------------------------------------------------- */

static int interface_ask(AddressSource *s) {
        const NetTable *t = netlink_table(s->netlink);
        char name[IF_NAMESIZE] = "";
        const NetAddress *a;
        int ifindex;

        ifindex = s->argument ? (int) if_nametoindex(s->argument)
                              : net_table_default_interface(t, s->family);
        if (ifindex <= 0) {
                if (s->argument)
                        source_fail(s, /* answer= */ true, "there is no network interface %s", s->argument);
                else
                        source_fail(s, /* answer= */ true, "no network interface has a default route for %s",
                                    family_text(s));
                return 0;
        }
        a = net_table_pick(t, s->family, ifindex, &s->state.address, s->documentation);
        if (a)
                source_settle(s, &a->address);
        else
                source_fail(s, !net_table_is_tentative(t, s->family, ifindex, s->documentation),
                            "%s has no stable public %s address: %s",
                            strempty(if_indextoname((unsigned) ifindex, name)), family_text(s),
                            net_table_why_none(t, s->family, ifindex, s->documentation));
        return 0;
}

/* --- resolve ------------------------------------------------------------------------------------------- */

/* Up to a quarter off, so that many houses do not ask in step. */
static uint64_t jitter(uint64_t usec) {
        uint64_t random = 0;

        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                return usec;
        return usec - random % (usec / 4 + 1);
}

static int resolve_again_in(AddressSource *s, uint64_t usec) {
        int r;

        r = sd_event_source_set_time_relative(s->timer, usec);
        return r < 0 ? r : sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

/* The one we have, if it is still among them; else the first that strangers can reach. */
static const IpAddress *choose(const AddressSource *s, const IpAddress *list, size_t n) {
        const IpAddress *first = NULL;

        for (size_t i = 0; i < n; i++) {
                if (!special_is_public(&list[i], s->documentation))
                        continue;
                if (ip_equal(&list[i], &s->state.address))
                        return &list[i];
                if (!first)
                        first = &list[i];
        }
        return first;
}

/* Returns true and for how many seconds it holds. */
static bool resolve_take(AddressSource *s, const LookupResult *result, uint32_t *ret_ttl) {
        IpAddress list[LOOKUP_ADDRESSES_MAX];
        char text[IP_TEXT_MAX];
        const char *special;
        const IpAddress *a;
        int n;

        if (result->status != LOOKUP_OK) {
                source_fail(s, result->status == LOOKUP_NO_SUCH_NAME, "looking up %s: %s", s->argument,
                            result->reason);
                return false;
        }
        n = dns_answer_addresses(result->record, s->argument, s->family, list, ELEMENTSOF(list), ret_ttl);
        if (n <= 0) {
                source_fail(s, /* answer= */ true, "%s has no %s address", s->argument, family_text(s));
                return false;
        }
        a = choose(s, list, (size_t) n);
        if (!a) {
                (void) special_reach(&list[0], &special);
                source_fail(s, /* answer= */ true,
                            "%s has the address %s, which cannot be reached from the internet (%s)",
                            s->argument, ip_format(&list[0], text), strempty(special));
                return false;
        }
        source_settle(s, a);
        return true;
}

static void on_resolved(Lookup *lookup, const LookupResult *result, void *userdata) {
        AddressSource *s = userdata;
        uint64_t usec;
        uint32_t ttl;

        s->lookup = NULL; /* before the handler, which may want to know whether we still ask */
        if (resolve_take(s, result, &ttl))
                usec = MIN(MAX((uint64_t) ttl * USEC_PER_SEC, SOURCE_POLL_MIN_USEC), SOURCE_POLL_MAX_USEC);
        else
                usec = jitter(
                        MIN(SOURCE_RETRY_MIN_USEC << MIN(s->failures - 1, 10U), SOURCE_RETRY_MAX_USEC));
        lookup_free(lookup);
        if (resolve_again_in(s, usec) < 0)
                log_warning("Could not set the timer of %s; it is not followed any more.", s->spec);
}

static int resolve_ask(AddressSource *s) {
        ares_dns_rec_type_t type = s->family == AF_INET ? ARES_REC_TYPE_A : ARES_REC_TYPE_AAAA;
        int r;

        if (s->lookup)
                return 0;
        s->counters.lookups++;
        r = lookup_records_new(&s->lookup, s->event, s->argument, type, /* server= */ NULL, on_resolved, s);
        if (r < 0) {
                source_fail(s, /* answer= */ false, "looking up %s: %s", s->argument, strerror(-r));
                return resolve_again_in(s, SOURCE_RETRY_MAX_USEC);
        }
        return 0;
}

static int on_resolve_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        return resolve_ask(userdata);
}

/* A line that has come back: do not wait for the back-off. */
static int resolve_network_changed(AddressSource *s) {
        if (!s->state.error || s->lookup)
                return 0;
        return resolve_again_in(s, jitter(USEC_PER_SEC));
}

/* --- an answer that does not come ---------------------------------------------------------------------- */

/* For tests, which have no five minutes. */
static uint64_t answer_usec(void) {
        const char *e = secure_getenv("HAGW_ANSWER_USEC");

        return e ? strtoull(e, NULL, 10) : SOURCE_ANSWER_USEC;
}

static int on_doubt(sd_event_source *timer, uint64_t usec, void *userdata) {
        AddressSource *s = userdata;

        if (s->answered || s->state.address.family != AF_UNSPEC)
                return 0;
        log_warning("%s has not answered; this house counts as one without a public %s address until it "
                    "does.",
                    s->spec, family_text(s));
        s->handler(s, /* changed= */ true, s->userdata);
        return 0;
}

static AddressKnowledge knowledge_of(const AddressSource *s) {
        if (s->state.address.family != AF_UNSPEC)
                return ADDRESS_KNOWLEDGE_KNOWN;
        if (s->answered)
                return ADDRESS_KNOWLEDGE_NONE;
        return sd_event_source_get_enabled(s->doubt, NULL) > 0 ? ADDRESS_KNOWLEDGE_UNKNOWN :
                                                                  ADDRESS_KNOWLEDGE_DOUBTFUL;
}

const char *address_knowledge_text(AddressKnowledge k) {
        static const char *const texts[_ADDRESS_KNOWLEDGE_MAX] = {
                [ADDRESS_KNOWLEDGE_UNKNOWN] = "unknown",
                [ADDRESS_KNOWLEDGE_DOUBTFUL] = "doubtful",
                [ADDRESS_KNOWLEDGE_NONE] = "none",
                [ADDRESS_KNOWLEDGE_KNOWN] = "known",
        };

        return texts[k];
}

/* --- the table ----------------------------------------------------------------------------------------- */

static const AddressKind address_kinds[] = {
        { "none", true, false, none_ask, NULL },
        { "static", false, true, static_ask, NULL },
        { "interface", true, false, interface_ask, interface_ask },
        { "resolve", false, false, resolve_ask, resolve_network_changed },
};

static const AddressKind *find_kind(const char *spec, const char **ret_argument) {
        size_t n = strcspn(spec, ":");

        *ret_argument = spec[n] ? spec + n + 1 : NULL;
        for (size_t i = 0; i < ELEMENTSOF(address_kinds); i++)
                if (strlen(address_kinds[i].name) == n && memcmp(address_kinds[i].name, spec, n) == 0)
                        return &address_kinds[i];
        return NULL;
}

int address_source_new(AddressSource **ret, sd_event *event, const Netlink *netlink, int family,
                       const char *spec, bool documentation, AddressSourceHandler handler,
                       void *userdata) {
        _cleanup_(address_source_freep) AddressSource *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->spec = strdup(spec);
        if (!s->spec)
                return -ENOMEM;
        s->kind = find_kind(s->spec, &s->argument);
        if (!s->kind)
                return -EINVAL;
        s->event = sd_event_ref(event);
        s->netlink = netlink;
        s->family = family;
        s->documentation = documentation;
        s->handler = handler;
        s->userdata = userdata;
        r = sd_event_add_time_relative(event, &s->timer, CLOCK_BOOTTIME, 0, USEC_PER_SEC / 4,
                                       on_resolve_timer, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->doubt, CLOCK_BOOTTIME, answer_usec(),
                                               USEC_PER_SEC / 4, on_doubt, s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

AddressSource *address_source_free(AddressSource *s) {
        if (!s)
                return NULL;
        lookup_free(s->lookup);
        sd_event_source_disable_unref(s->timer);
        sd_event_source_disable_unref(s->doubt);
        sd_event_unref(s->event);
        free(s->state.held);
        free(s->state.error);
        free(s->spec);
        free(s);
        return NULL;
}

void address_source_restore(AddressSource *s, const char *spec, const IpAddress *address,
                            uint64_t confirmed_usec, uint64_t changed_usec) {
        bool own = streq(spec, s->spec);
        char *held = NULL;

        if (!own && (s->kind->given || s->kind->ask == none_ask))
                return;
        /* What was taken for public once is not published again. */
        if (!s->kind->given && !special_is_public(address, s->documentation))
                return;
        if (!own) {
                held = strdup(spec);
                if (!held)
                        return;
                log_notice("The public %s address stays the one of %s until %s gives one.", family_text(s),
                           spec, s->spec);
        }
        free(s->state.held);
        s->state.held = held;
        s->state.address = *address;
        s->state.confirmed_usec = confirmed_usec;
        s->state.changed_usec = changed_usec;
}

int address_source_refresh(AddressSource *s) {
        return s->kind->ask(s);
}

int address_source_network_changed(AddressSource *s) {
        return s->kind->network_changed ? s->kind->network_changed(s) : 0;
}

int address_source_family(const AddressSource *s) {
        return s->family;
}

const char *address_source_spec(const AddressSource *s) {
        return s->spec;
}

bool address_source_is_same(const AddressSource *a, const AddressSource *b) {
        return streq(a->spec, b->spec) && a->documentation == b->documentation;
}

bool address_source_is_asking(const AddressSource *s) {
        return s->lookup;
}

AddressState address_source_state(const AddressSource *s) {
        AddressState state = s->state;

        state.knowledge = knowledge_of(s);
        /* Noted by a clock that was ahead, or read by one that is behind. */
        state.confirmed_usec = MIN(state.confirmed_usec, realtime(s));
        state.changed_usec = MIN(state.changed_usec, realtime(s));
        if (s->kind->live && !state.error && state.address.family != AF_UNSPEC)
                state.confirmed_usec = realtime(s);
        return state;
}

AddressSourceCounters address_source_counters(const AddressSource *s) {
        return s->counters;
}

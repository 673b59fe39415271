/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager: owns everything, follows netd's addresses, lets overlay values end in time, takes over
 * configurations. */

#include <sys/random.h>
#include <time.h>

#include "hagw-dnsd/manager.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

#define NET_INTERFACE "io.hagw.Net"
#define NET_WATCH "io.hagw.Net.Watch"

/* --- the house's addresses ----------------------------------------------------------------------------- */

typedef struct NetAddress {
        const char *family, *address, *source, *knowledge;
} NetAddress;

static bool address_same(const ZoneAddress *a, const ZoneAddress *b) {
        return a->knowledge == b->knowledge &&
               (a->knowledge != ADDRESS_KNOWN || ip_equal(&a->address, &b->address));
}

/* Of one that has no address. */
static AddressKnowledge knowledge_from_text(const char *text) {
        return streq(text, "unknown")  ? ADDRESS_UNKNOWN :
               streq(text, "doubtful") ? ADDRESS_DOUBTFUL :
                                         ADDRESS_NONE;
}

/* hagw-netd may have lost what it knew: what works stays until its source has answered. And one that dies
 * again and again does not begin the waiting anew each time. */
static bool knows_less(AddressKnowledge told, AddressKnowledge known) {
        return (known == ADDRESS_KNOWN || known == ADDRESS_DOUBTFUL) && told < known &&
               told != ADDRESS_NONE;
}

/* For tests, which have no five minutes. */
static uint64_t answer_usec(void) {
        const char *e = secure_getenv("HAGW_ANSWER_USEC");

        return e ? strtoull(e, NULL, 10) : MANAGER_ANSWER_USEC;
}

/* From when on a family is not known its time runs, whatever hagw-netd says or does not say meanwhile. */
static void manager_watch_doubt(Manager *m) {
        const ZoneAddress *const families[] = { &m->ipv4, &m->ipv6 };

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                const bool runs = sd_event_source_get_enabled(m->doubt[i], NULL) > 0,
                           unknown = families[i]->knowledge == ADDRESS_UNKNOWN;

                if (runs == unknown)
                        continue;
                if (unknown)
                        (void) sd_event_source_set_time_relative(m->doubt[i], answer_usec());
                (void) sd_event_source_set_enabled(m->doubt[i], unknown ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        }
}

static int on_doubt(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        ZoneAddress *family = source == m->doubt[0] ? &m->ipv4 : &m->ipv6;
        int r;

        family->knowledge = ADDRESS_DOUBTFUL;
        r = manager_make_zones(m, m->config);
        if (r < 0) {
                family->knowledge = ADDRESS_UNKNOWN;
                (void) log_error_errno(r, "Could not make the zones without an address; later again: %m");
                manager_watch_doubt(m);
                return 0;
        }
        log_warning("hagw-netd has told no public %s address; this house counts as one without until it "
                    "does.",
                    family == &m->ipv4 ? "IPv4" : "IPv6");
        return 0;
}

/* Reads one element of netd's addresses into its family's slot. */
static int take_address(Manager *m, sd_json_variant *v) {
        static const sd_json_dispatch_field fields[] = {
                FIELD_STRING("family", NetAddress, family),
                FIELD_STRING("address", NetAddress, address, SD_JSON_NULLABLE),
                FIELD_STRING("source", NetAddress, source, SD_JSON_NULLABLE),
                FIELD_STRING("knowledge", NetAddress, knowledge, SD_JSON_NULLABLE),
                {},
        };
        NetAddress n = {};
        ZoneAddress a = {}, *known;
        bool v4;
        int r;

        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &n);
        if (r < 0)
                return r;
        a.knowledge = knowledge_from_text(strempty(n.knowledge));
        v4 = streq(n.family, "ipv4");
        if (!v4 && !streq(n.family, "ipv6"))
                return 0;
        if (n.address) {
                r = ip_parse(n.address, &a.address);
                if (r < 0)
                        return r;
                if ((a.address.family == AF_INET) != v4)
                        return -EINVAL;
                a.knowledge = ADDRESS_KNOWN;
        }
        known = (v4 ? &m->ipv4 : &m->ipv6);
        if (!knows_less(a.knowledge, known->knowledge))
                *known = a;
        if (!v4)
                m->ipv6_is_ours = n.source && startswith(n.source, "interface");
        return 0;
}

/* A word for each knowledge, so that no two states are told by the same line. */
static const char *address_text(const ZoneAddress *a, char out[static IP_TEXT_MAX]) {
        switch (a->knowledge) {
        case ADDRESS_UNKNOWN:
                return "not known yet";
        case ADDRESS_DOUBTFUL:
                return "not known";
        case ADDRESS_NONE:
                return "none";
        case ADDRESS_KNOWN:
                break;
        }
        return ip_format(&a->address, out);
}

static void on_addresses(sd_json_variant *message, void *userdata) {
        Manager *m = userdata;
        const ZoneAddress old4 = m->ipv4, old6 = m->ipv6;
        char v4[IP_TEXT_MAX], v6[IP_TEXT_MAX];
        sd_json_variant *addresses;
        int r = 0;

        /* Lost: netd restarts, or is gone. What it told last stays true until it says otherwise. */
        if (!message)
                return;
        addresses = sd_json_variant_by_key(message, "addresses");
        if (!addresses || !sd_json_variant_is_array(addresses))
                r = -EBADMSG;
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(addresses); i++)
                r = take_address(m, sd_json_variant_by_index(addresses, i));
        if (r < 0) {
                m->ipv4 = old4;
                m->ipv6 = old6;
                (void) log_warning_errno(
                        r, "hagw-netd told addresses that make no sense, the old ones stay: %m");
                return;
        }
        if (address_same(&m->ipv4, &old4) && address_same(&m->ipv6, &old6)) {
                if (m->config)
                        manager_renew_outside(m); /* by another source, maybe */
                return;
        }
        r = manager_make_zones(m, m->config);
        if (r < 0) {
                m->ipv4 = old4;
                m->ipv6 = old6;
                (void) log_error_errno(r, "Could not take over the new addresses, the old ones stay: %m");
                return;
        }
        manager_watch_doubt(m);
        log_info("The house's addresses are now: IPv4 %s, IPv6 %s.", address_text(&m->ipv4, v4),
                 address_text(&m->ipv6, v6));
}

/* --- the overlay --------------------------------------------------------------------------------------- */

static void arm_expiry(Manager *m) {
        const uint64_t next = overlay_next_expiry(m->source.overlay);

        (void) sd_event_source_set_time(m->expiry, next);
        (void) sd_event_source_set_enabled(m->expiry,
                                           next == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void log_text(Manager *m, const char *what, const uint8_t *name, const char *owner) {
        char text[DNAME_TEXT_MAX], others[SELDOM_TEXT_MAX];

        if (seldom_take_of(&m->texts, MANAGER_TEXT_LINES_MAX, clock_usec(CLOCK_MONOTONIC), others))
                log_info("TXT at %s %s by %s%s.", dname_to_text(name, text), what, owner, others);
}

static void on_dropped(const OverlayText *t, void *userdata) {
        log_text(userdata, "ended, published", t->name, t->owner);
        (void) manager_bump_serial(userdata, t->name, t->name_size);
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        (void) overlay_expire(m->source.overlay, clock_usec(CLOCK_REALTIME), on_dropped, m);
        arm_expiry(m);
        return 0;
}

int manager_publish(Manager *m, const char *name, const char *value, const char *owner,
                    uint64_t lifetime_usec, uint32_t *ret_serial) {
        uint8_t wire[DNAME_MAX];
        const Zone *z;
        int size, r;

        size = dname_from_text(name, wire);
        if (size < 0)
                return size;
        z = zone_find_for(m->source.zones, m->source.n_zones, wire, (size_t) size, /* parent= */ false);
        if (!z)
                return -EHOSTUNREACH;
        r = overlay_publish(m->source.overlay, wire, (size_t) size, value, owner,
                            clock_usec(CLOCK_REALTIME) + lifetime_usec);
        if (r < 0)
                return r;
        if (r > 0) {
                (void) manager_bump_serial(m, wire, (size_t) size);
                log_text(m, "published", wire, owner);
        }
        arm_expiry(m);
        *ret_serial = z->serial;
        return 0;
}

int manager_withdraw(Manager *m, const char *name, const char *value, const char *owner) {
        uint8_t wire[DNAME_MAX];
        unsigned n;
        int size;

        size = dname_from_text(name, wire);
        if (size < 0)
                return size;
        n = overlay_withdraw(m->source.overlay, wire, (size_t) size, value, owner);
        if (n > 0) {
                (void) manager_bump_serial(m, wire, (size_t) size);
                log_text(m, "withdrawn", wire, owner);
        }
        arm_expiry(m);
        return (int) n;
}

/* --- life ---------------------------------------------------------------------------------------------- */

static int on_minute(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        const uint64_t limited = m->source.stats.limited[0] + m->source.stats.limited[1];

        if (limited > m->limited_told)
                log_notice("%llu %s over the rate limit in the last minute.",
                           (unsigned long long) (limited - m->limited_told),
                           plural(limited - m->limited_told, "query was", "queries were"));
        m->limited_told = limited;
        (void) sd_event_source_set_time(source, usec + USEC_PER_MINUTE);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static TcpLimits tcp_limits(const Config *c) {
        return (TcpLimits) { .clients = c->dns.tcp_clients, .idle_usec = c->dns.tcp_idle_usec };
}

static int manager_setup_source(Manager *m, const Config *config) {
        uint8_t seed[SIPHASH_KEY_SIZE];

        /* Both are new at each start: a client whose cookie became invalid is answered all the same, and
         * gets a new one. */
        if (getrandom(seed, sizeof(seed), 0) != sizeof(seed) ||
            getrandom(m->source.cookie_secret, sizeof(m->source.cookie_secret), 0) !=
                    sizeof(m->source.cookie_secret))
                return -EIO;
        m->source.overlay = overlay_new();
        m->source.rrl = rrl_new(config->dns.rate_limit, seed);
        return m->source.overlay && m->source.rrl ? 0 : -ENOMEM;
}

static int manager_setup_timers(Manager *m) {
        uint64_t now;
        int r;

        /* The wall clock: a value ends when its owner said, also where the clock was set meanwhile. */
        r = sd_event_add_time(m->event, &m->expiry, CLOCK_REALTIME, USEC_INFINITY, /* accuracy= */ 1,
                              on_expiry, m);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(m->expiry, SD_EVENT_OFF);
        for (size_t i = 0; i < ELEMENTSOF(m->doubt); i++) {
                r = sd_event_add_time(m->event, &m->doubt[i], CLOCK_MONOTONIC, USEC_INFINITY,
                                      /* accuracy= */ 0, on_doubt, m);
                if (r < 0)
                        return r;
                (void) sd_event_source_set_enabled(m->doubt[i], SD_EVENT_OFF);
        }
        manager_watch_doubt(m);
        r = sd_event_now(m->event, CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;
        return sd_event_add_time(m->event, &m->minute, CLOCK_MONOTONIC, now + USEC_PER_MINUTE,
                                 10 * USEC_PER_SEC, on_minute, m);
}

/* Sockets that somebody's own socket units hand in, beside those that are opened by hagw-bind. */
static int manager_take_sockets(Manager *m) {
        int fds[MANAGER_SOCKETS_MAX], n, r = 0;

        n = daemon_listen_fds("dns-udp", fds, ELEMENTSOF(fds));
        for (int i = 0; r >= 0 && i < MIN(n, (int) ELEMENTSOF(fds)); i++)
                r = udp_server_add(m->udp, fds[i]);
        if (r < 0)
                return log_error_errno(r, "Could not use the UDP sockets: %m");
        n = daemon_listen_fds("dns-tcp", fds, ELEMENTSOF(fds));
        for (int i = 0; r >= 0 && i < MIN(n, (int) ELEMENTSOF(fds)); i++)
                r = tcp_server_add(m->tcp, fds[i]);
        return r < 0 ? log_error_errno(r, "Could not use the TCP sockets: %m") : 0;
}

static int manager_setup_sockets(Manager *m, const Config *config) {
        const TcpLimits limits = tcp_limits(config);
        int r;

        r = udp_server_new(m->event, &m->source, &m->udp);
        if (r >= 0)
                r = tcp_server_new(m->event, &limits, &m->source, &m->tcp);
        if (r >= 0)
                r = manager_take_sockets(m);
        return r < 0 ? r : listeners_new(m->event, m->udp, m->tcp, &m->listeners);
}

int manager_new(Daemon *daemon, const Config *config, void **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->daemon = daemon;
        m->event = sd_event_ref(daemon_event(daemon));
        r = manager_setup_source(m, config);
        if (r < 0)
                return r;
        r = manager_make_zones(m, config);
        if (r < 0)
                return r;
        r = manager_setup_timers(m);
        if (r < 0)
                return r;
        r = manager_setup_sockets(m, config);
        if (r < 0)
                return r;
        r = vl_watch_new(&m->watch, m->event, NET_INTERFACE, NET_WATCH, on_addresses, m);
        if (r >= 0)
                r = manager_follow_network(m);
        if (r < 0)
                return r;
        r = manager_follow_locals(m);
        if (r >= 0)
                r = manager_follow_tenants(m, config->tenants.zone);
        if (r >= 0)
                r = manager_follow_acme(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

void *manager_free(void *userdata) {
        Manager *m = userdata;

        if (!m)
                return NULL;
        vl_watch_free(m->watch);
        vl_watch_free(m->network);
        vl_watch_free(m->acme);
        vl_watch_free(m->locals_watch);
        manager_leave_tenants(m);
        listeners_free(m->listeners);
        free(m->locals);
        udp_server_free(m->udp);
        tcp_server_free(m->tcp);
        sd_event_source_disable_unref(m->expiry);
        sd_event_source_disable_unref(m->minute);
        for (size_t i = 0; i < ELEMENTSOF(m->doubt); i++)
                sd_event_source_disable_unref(m->doubt[i]);
        for (size_t i = 0; i < m->source.n_zones; i++)
                zone_free(m->source.zones[i]);
        free(m->source.zones);
        names_free(m->source.names);
        overlay_free(m->source.overlay);
        rrl_free(m->source.rrl);
        sd_event_unref(m->event);
        explicit_bzero(m->source.cookie_secret, sizeof(m->source.cookie_secret));
        free(m);
        return NULL;
}

int manager_reload(const Config *config, void *userdata) {
        const TcpLimits limits = tcp_limits(config);
        Manager *m = userdata;
        int r;

        r = manager_make_zones(m, config);
        if (r < 0)
                return r;
        m->source.rrl->rate = config->dns.rate_limit;
        tcp_server_set_limits(m->tcp, &limits);
        manager_listen(m);
        r = manager_follow_tenants(m, config->tenants.zone);
        return r < 0 ? r : manager_follow_acme(m);
}

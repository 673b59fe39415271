/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the sockets that systemd opens for hagw: whether they are open, and who else has
 * their ports. A daemon runs on behind a door that is shut, and nobody comes. */

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/holders.h"
#include "hagw-ctl/port53.h"
#include "hagw-ctl/units.h"
#include "libhagw/usec.h"

#define DOORS_MAX UNITS_MAX
#define ERRNO_MAX 256 /* none of the kernel's is as high */

typedef struct Door {
        char unit[UNIT_TEXT_MAX];
        const char *daemon;
        uint16_t port; /* TCP; 0: it has no port */
        bool opens;    /* hagw-dnsd gets its own doors through it */
} Door;

static size_t list_doors(const Config *config, Door doors[static DOORS_MAX]) {
        size_t n = 0;

        doors[n++] = (Door) { "hagw-proxyd-https.socket", "hagw-proxyd", 443 };
        doors[n++] = (Door) { "hagw-proxyd-http.socket", "hagw-proxyd", 80 };
        for (const DaemonRow *d = daemon_rows; d->name && n < DOORS_MAX - 1; d++) {
                if (!daemon_is_needed(d, config))
                        continue;
                if (streq(d->name, "hagw-dnsd"))
                        doors[n++] = (Door) { "hagw-bind.socket", d->name, .opens = true };
                (void) snprintf(doors[n].unit, UNIT_TEXT_MAX, "%s.socket", d->name);
                doors[n].daemon = d->name;
                doors[n++].port = 0;
        }
        return n;
}

static char *ask_systemd(const Door *doors, size_t n) {
        const char *units[DOORS_MAX];

        for (size_t i = 0; i < n; i++)
                units[i] = doors[i].unit;
        return units_show("Id,LoadState,ActiveState,ConditionResult", units, n);
}

/* Whether it should be open and is not; state has room for UNIT_TEXT_MAX. */
static bool is_shut(const char *shown, const char *unit, char *state) {
        char value[UNIT_TEXT_MAX];

        if (!unit_has(shown, unit, "LoadState", "loaded") ||
            !unit_property(shown, unit, "ActiveState", state))
                return false;
        if (streq(state, "failed"))
                return true;
        /* What is about to open or to close is neither. */
        return streq(state, "inactive") &&
               (!unit_property(shown, unit, "ConditionResult", value) || streq(value, "yes"));
}

static bool daemon_runs(const Status *s, const char *name) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (streq(strempty(field_text(d, "name")), name))
                        return field_bool(d, "running");
        }
        return false;
}

int status_mark_shut(Status *s, const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL, *shut = NULL;
        int r;

        r = sd_json_variant_new_boolean(&shut, true);
        for (size_t i = 0; r >= 0 && i < field_count(s->daemons, "daemons"); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *d =
                        sd_json_variant_ref(field_element(s->daemons, "daemons", i));

                if (streq(strempty(field_text(d, "name")), name))
                        r = sd_json_variant_set_field(&d, "shut", shut);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, d);
        }
        return r < 0 ? r : sd_json_variant_set_field(&s->daemons, "daemons", array);
}

static void tell_shut(Status *s, const Door *d, const char *unit_state, const Holder *other) {
        char who[HOLDER_TEXT_MAX], state[UNIT_TEXT_MAX + sizeof("shut ()")];

        (void) snprintf(state, sizeof(state), "shut (%s)", unit_state);
        if (d->opens) {
                s->opener_told = true;
                status_problem(s,
                               "%s is %s, so that %s can open no port 53: systemctl restart hagw.target "
                               "opens it, systemctl status %s tells why it is shut.",
                               d->unit, state, d->daemon, d->unit);
        } else if (other)
                status_problem(s,
                               "%s (TCP port %u) is %s, since %s has the port, so that nobody comes to %s "
                               "by it. %s Then: systemctl restart hagw.target",
                               d->unit, d->port, state, holder_text(other, who), d->daemon,
                               holder_remedy(other));
        else
                status_problem(s,
                               "%s is %s, so that nobody comes to %s by it: systemctl restart hagw.target "
                               "opens it, systemctl status %s tells why it is shut.",
                               d->unit, state, d->daemon, d->unit);
}

/* --- port 53 ------------------------------------------------------------------------------------------- */

/* The places of one family where hagw-dnsd should be asked and is not. */
typedef struct Deaf {
        char addresses[256]; /* the first ones, in words */
        bool udp, tcp;
        unsigned port, n;
        const char *error;
        const Holder *other;
} Deaf;

static bool is_listed(const char *list, const char *item) {
        const size_t n = strlen(item);

        for (const char *p = list; *p; p += strspn(p, ", ")) {
                const size_t size = strcspn(p, ",");

                if (size == n && memcmp(p, item, n) == 0)
                        return true;
                p += size;
        }
        return false;
}

static void deaf_add(Deaf *d, sd_json_variant *listener, const Holders *holders, const IpAddress *a) {
        const char *text = field_text(listener, "address");
        const bool tcp = streq(strempty(field_text(listener, "transport")), "tcp");
        const size_t used = strlen(d->addresses);

        d->port = (unsigned) field_number(listener, "port");
        d->error = field_text(listener, "error");
        d->other = d->other ?: holders_find_at(holders, a, (uint16_t) d->port, tcp);
        *(tcp ? &d->tcp : &d->udp) = true;
        if (is_listed(d->addresses, text)) /* by the other transport */
                return;
        if (used + strlen(text) + 3 < sizeof(d->addresses))
                (void) snprintf(d->addresses + used, sizeof(d->addresses) - used, "%s%s", used ? ", " : "",
                                text);
        d->n++;
}

static bool is_published(const Status *s, const char *family) {
        for (size_t i = 0; i < field_count(s->addresses, "addresses"); i++) {
                sd_json_variant *a = field_element(s->addresses, "addresses", i);

                if (streq(strempty(field_text(a, "family")), family))
                        return field_text(a, "address") != NULL;
        }
        return false;
}

static const char *deaf_remedy(int family) {
        return family == AF_INET ?
                       "Beside a resolver of the house: dns.ipv4_port = 5300 in hagw.conf, hagw-ctl reload, "
                       "and let the router send its port 53, UDP and TCP, to port 5300 of this machine" :
                       "Beside a resolver of the house: let that leave this machine's public IPv6 address "
                       "alone, or set dns.ipv6_port = 0 in hagw.conf, hagw-ctl reload, and the world asks "
                       "over IPv4 only";
}

/* The words for an errno's name. */
static const char *error_text(const char *name) {
        for (int e = 1; e < ERRNO_MAX; e++)
                if (streq(strempty(strerrorname_np(e)), name))
                        return strerror(e);
        return name;
}

/* hagw-bind was not there to be asked. */
static bool is_unopened(const char *error) {
        return streq(error, "ENOENT") || streq(error, "ECONNREFUSED");
}

static void tell_deaf(Status *s, const Deaf *d, int family) {
        const char *transports = d->udp && d->tcp ? "UDP and TCP" : d->udp ? "UDP" : "TCP";
        char who[HOLDER_TEXT_MAX] = "another program";

        if (d->other)
                (void) holder_text(d->other, who);
        if (streq(d->error, "EADDRINUSE"))
                status_problem(s,
                               "hagw-dnsd gets no questions at port %u (%s) of %s, since %s has it. %s "
                               "(\"Beside a resolver of the house\" in hagw-dnsd(8)).",
                               d->port, transports, d->addresses, who, deaf_remedy(family));
        else
                status_problem(s,
                               "hagw-dnsd gets no questions at port %u (%s) of %s, which could not be "
                               "opened: %s; hagw-ctl log --daemon=dnsd tells more.",
                               d->port, transports, d->addresses,
                               is_unopened(d->error) ? "hagw-bind.socket, which opens it, does not answer" :
                                                       error_text(d->error));
}

/* Where it is not asked, and the world is told to ask there: the listener's address, or false. */
static bool is_deaf(const Status *s, sd_json_variant *listener, IpAddress *ret) {
        return !field_bool(listener, "open") && field_text(listener, "error") &&
               ip_parse(strempty(field_text(listener, "address")), ret) >= 0 &&
               is_published(s, ret->family == AF_INET ? "ipv4" : "ipv6");
}

int judge_listeners(Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ Holders *holders = malloc(sizeof(*holders));
        _cleanup_free_ char *reason = NULL; /* that hagw-dnsd is off is told elsewhere */
        uint16_t ports[2] = {}; /* each family has one */
        Deaf deaf[2] = {};
        IpAddress a;
        int r;

        if (!holders)
                return -ENOMEM;
        r = client_look("io.hagw.Dns.ListListeners", NULL, &reply, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; i < field_count(reply, "listeners"); i++)
                if (is_deaf(s, field_element(reply, "listeners", i), &a))
                        ports[a.family == AF_INET6] =
                                (uint16_t) field_number(field_element(reply, "listeners", i), "port");
        holders_look(ports, ELEMENTSOF(ports), holders);
        for (size_t i = 0; i < field_count(reply, "listeners"); i++)
                if (is_deaf(s, field_element(reply, "listeners", i), &a))
                        deaf_add(&deaf[a.family == AF_INET6], field_element(reply, "listeners", i), holders,
                                 &a);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(deaf); i++) {
                if (deaf[i].n == 0)
                        continue;
                if (streq(deaf[i].error, "EADDRINUSE"))
                        cause_note(s, CAUSE_PORT_53);
                if (!s->opener_told || !is_unopened(deaf[i].error))
                        tell_deaf(s, &deaf[i], i == 0 ? AF_INET : AF_INET6);
                r = status_mark_shut(s, "hagw-dnsd");
        }
        return r;
}

/* Where no question has come over IPv4 for so long, one would have. */
#define QUESTION_USEC USEC_PER_DAY

static uint64_t last_question(const Status *s, const char *family) {
        uint64_t last = 0;

        for (size_t i = 0; i < field_count(s->zones, "zones"); i++) {
                sd_json_variant *z = field_element(s->zones, "zones", i);

                for (size_t k = 0; k < field_count(z, "outside"); k++)
                        if (streq(strempty(field_text(field_element(z, "outside", k), "family")), family))
                                last = MAX(last, field_number(field_element(z, "outside", k), "lastUSec"));
        }
        return last;
}

/* Where questions come the router knows of it. */
bool status_is_beside_nobody(const Status *s) {
        return s->config && s->config->dns.ipv4_port == PORT_BESIDE && s->config->n_zones > 0 &&
               status_runs(s, "hagw-dnsd") && !s->told[CAUSE_PORT_53] &&
               last_question(s, "ipv4") + QUESTION_USEC <= clock_usec(CLOCK_REALTIME) &&
               port53_is_taken(AF_INET) == 0;
}

int judge_beside(Status *s) {
        if (s->beside_told || !status_is_beside_nobody(s))
                return 0;
        status_notice(s,
                      "Nobody else has port 53 of this machine any more, and hagw-dnsd is asked at port %u "
                      "(dns.ipv4_port), where no question has come from the internet over IPv4 lately. If "
                      "the router passes port 53 as it is: hagw-ctl setup takes that back.",
                      PORT_BESIDE);
        return 0;
}

/* --- sockets of systemd's ------------------------------------------------------------------------------ */

int judge_doors(Status *s) {
        static const uint16_t ports[] = { 443, 80 };
        _cleanup_free_ Holders *holders = malloc(sizeof(*holders));
        _cleanup_free_ char *shown = NULL;
        char state[UNIT_TEXT_MAX], who[HOLDER_TEXT_MAX];
        Door doors[DOORS_MAX];
        const size_t n = list_doors(s->config, doors);
        int r = 0;

        if (!holders)
                return -ENOMEM;
        holders_look(ports, ELEMENTSOF(ports), holders);
        shown = ask_systemd(doors, n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const Door *d = &doors[i];
                const Holder *other = d->port > 0 ? holders_find_other(holders, d->port, true) : NULL;
                const bool runs = daemon_runs(s, d->daemon);

                if (d->port > 0 && runs && (other || is_shut(shown, d->unit, state)))
                        cause_note(s, d->port == 443 ? CAUSE_PORT_443 : CAUSE_PORT_80);
                if (runs && is_shut(shown, d->unit, state)) {
                        tell_shut(s, d, state, other);
                        r = status_mark_shut(s, d->daemon);
                } else if (other && !s->denied) /* whose it is, only root sees: hagw's own it may be */
                        status_problem(s, runs ? "%s has port %u, too, and gets visitors of yours. %s" :
                                                 "%s has port %u, which hagw-proxyd needs. %s",
                                       holder_text(other, who), d->port, holder_remedy(other));
        }
        return r;
}

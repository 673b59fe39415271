/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-ctl setup says: records for the DNS provider, and what is left to do. */

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/delegation.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/tryhost.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/view.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"

void setup_say(const Setup *s, const char *format, ...) {
        va_list ap;

        if (s->call->json)
                return;
        va_start(ap, format);
        output_sentences_valist(format, ap);
        va_end(ap);
        (void) fflush(stdout);
}

/* One thing of a list. */
static void say_item(const Setup *s, const char *format, ...) _printf_(2, 3);
static void say_item(const Setup *s, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (s->call->json)
                return;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        output_paragraph("- ", "%s", strempty(text));
}

/* In columns. */
static void say_record(const ConfZone *zone, const char *name, const char *type, const char *value,
                       const char *end) {
        const size_t width = MAX(strlen(zone->name), strlen(zone->name_server));

        output("    %s.%*s  %-4s  %s%s\n", name, (int) (width - strlen(name)), "", type, value, end);
}

void setup_say_records(const Setup *s, const ConfZone *zone, const char *ipv4, const char *ipv6) {
        bool inside = glue_is_used(zone);
        char router[ROUTER_TEXT_MAX];

        ipv4 = glue_address(s->config, GLUE_IPV4, ipv4);
        ipv6 = glue_address(s->config, GLUE_IPV6, ipv6);

        if (s->call->json)
                return;
        output_paragraph("  ", "At your DNS provider, in the zone above %s, enter:", zone->name);
        say_record(zone, zone->name, "NS", zone->name_server, ".");
        if (inside && (ipv4 || !ipv6))
                say_record(zone, zone->name_server, "A", ipv4 ?: "(the public IPv4 address)", "");
        if (inside && ipv6)
                say_record(zone, zone->name_server, "AAAA", ipv6, "");
        output_paragraph("  ", "and let the %s.", delegation_router_text(s->config, router));
        (void) fflush(stdout);
}

/* Our own address on the way to the service: the one it sees us come from. */
static bool own_address_towards(const ConfHost *h, char *ret) {
        struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct sockaddr_storage own;
        socklen_t size = sizeof(own);
        IpAddress a;
        bool found;

        if (h->upstream_kind == CONF_UPSTREAM_UNIX || getaddrinfo(h->upstream_host, "9", &hints, &list) != 0)
                return false;
        fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        found = fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) >= 0 &&
                getsockname(fd, (struct sockaddr *) &own, &size) >= 0 &&
                ip_from_sockaddr((const struct sockaddr *) &own, &a) >= 0;
        freeaddrinfo(list);
        if (found)
                (void) ip_format(&a, ret);
        return found;
}

/* The one that is spoken of: rather a name than a pattern, which nobody can visit as it stands. trusting:
 * one that has to trust this gateway, because it sees addresses. */
static const ConfHost *first_host(const Config *c, bool trusting) {
        const ConfHost *pattern = NULL;

        for (size_t i = 0; i < c->n_hosts; i++) {
                const ConfHost *h = &c->hosts[i];

                if (trusting && h->upstream_kind != CONF_UPSTREAM_HTTP &&
                    h->upstream_kind != CONF_UPSTREAM_HTTPS)
                        continue;
                if (*h->name != '*')
                        return h;
                pattern = pattern ?: h;
        }
        return pattern;
}

static void say_trust(const Setup *s, const ConfHost *h) {
        char address[IP_TEXT_MAX] = "(this machine's address)";
        const char *quote = *h->name == '*' ? "'" : "";

        (void) own_address_towards(h, address);
        say_item(s,
                 "Home Assistant has to trust this gateway (others may need something like it): Settings > "
                 "System > Network > HTTP server, switch on \"Trust X-Forwarded-For\" and add %s to "
                 "\"Trusted proxies\". It restarts; confirm within five minutes. (Before 2026.8: http: in "
                 "configuration.yaml.) hagw-ctl host show %s%s%s tries it.",
                 address, quote, h->name, quote);
}

/* --- whom somebody can visit now --------------------------------------------------------------------- */

typedef enum Readiness {
        HOST_READY,
        HOST_UNKNOWN, /* nobody runs who could know */
        HOST_WITHOUT_CERTIFICATE,
        HOST_FAILING,
        HOST_NOT_LED, /* by the relay to here */
} Readiness;

static Readiness host_readiness(const Config *c, const ConfHost *h, sd_json_variant *live,
                                sd_json_variant *relay) {
        if (!relay_leads(c, relay, h))
                return HOST_NOT_LED;
        for (size_t i = 0; i < field_count(live, "hosts"); i++) {
                sd_json_variant *v = field_element(live, "hosts", i);

                if (!streq(strempty(field_text(v, "name")), h->name))
                        continue;
                if (streq(strempty(field_text(v, "health")), "failing"))
                        return HOST_FAILING;
                return h->upstream_kind == CONF_UPSTREAM_TCP || field_bool(v, "certificate") ?
                               HOST_READY :
                               HOST_WITHOUT_CERTIFICATE;
        }
        return HOST_UNKNOWN;
}

/* The one that is nearest to being visited, and rather a name than a pattern. */
static const ConfHost *find_visitable(const Config *c, sd_json_variant *relay, Readiness *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *live = NULL;
        _cleanup_free_ char *reason = NULL;
        const ConfHost *best = first_host(c, /* trusting= */ false);

        if (best)
                (void) client_look("io.hagw.Proxy.ListHosts", NULL, &live, &reason);
        *ret = best ? host_readiness(c, best, live, relay) : HOST_UNKNOWN;
        for (size_t i = 0; i < c->n_hosts; i++) {
                const ConfHost *h = &c->hosts[i];
                Readiness r = host_readiness(c, h, live, relay);

                if (r < *ret || (r == *ret && *best->name == '*' && *h->name != '*')) {
                        best = h;
                        *ret = r;
                }
        }
        return best;
}

static bool somebody_runs(void) {
        for (const DaemonRow *d = daemon_rows; d->name; d++) {
                _cleanup_free_ char *reason = NULL;

                if (client_describe(d, NULL, &reason) >= 0)
                        return true;
        }
        return false;
}

static void say_visit(const Setup *s, const ConfHost *h, Readiness readiness) {
        const char *below = startswith(h->name, "*."), *quote = below ? "'" : "";
        _cleanup_free_ char *when = NULL, *what = NULL;
        int n;

        /* What stands above is mended first; then what a browser would meet first. */
        if (readiness == HOST_NOT_LED)
                n = config_is_the_relays(s->config, startswith(h->name, "*.") ?: h->name) ?
                            asprintf(&when,
                             "When the relay leads %s%s%s here (hagw-ctl host add %s%s%s tenant:%s, typed "
                             "there), visit ",
                             quote, h->name, quote, quote, h->name, quote, s->config->relay.tenant) :
                            asprintf(&when,
                             "When the relay leads %s%s%s here (hagw-ctl tenant domain add %s %s%s%s, typed "
                             "there), visit ",
                             quote, h->name, quote, s->config->relay.tenant, quote, h->name, quote);
        else if (readiness == HOST_FAILING)
                n = asprintf(&when, "When its service answers (hagw-ctl host show %s%s%s tries it), visit ",
                             quote, h->name, quote);
        else if (s->unreached && relay_is_only_way(s->config))
                n = asprintf(&when, "When this house is attached, visit ");
        else if (s->unreached)
                n = asprintf(&when, "When the internet finds its way here, visit ");
        else if (readiness == HOST_UNKNOWN && s->written && somebody_runs())
                n = asprintf(&when, "When hagw has taken it over, visit ");
        else if (readiness == HOST_WITHOUT_CERTIFICATE)
                n = asprintf(&when, "When its certificate is there (hagw-ctl cert list), visit ");
        else if (readiness == HOST_UNKNOWN && !call_option(s->call, "no-start"))
                n = asprintf(&when, "When hagw runs, visit ");
        else if (s->userless && h->access.login == CONF_LOGIN_REQUIRED)
                n = asprintf(&when, "When there is a user, visit ");
        else
                n = asprintf(&when, "Visit ");
        if (n < 0) {
                when = NULL;
                return;
        }
        if (below)
                n = asprintf(&what, "any name below %s, such as https://x.%s/", below, below);
        else
                n = asprintf(&what, "https://%s/", h->name);
        if (n < 0) {
                what = NULL;
                return;
        }
        say_item(s, "%s%s", when, what);
}

/* Nobody has looked from outside. */
#define UNSEEN "whether it does is not seen from here"

/* What was seen to come through needs no router any more. */
static void say_router(const Setup *s) {
        const Config *c = s->config;
        const bool beside = c->dns.ipv4_port != 0 && c->dns.ipv4_port != 53;
        const char *who = c->tenants.zone ? "Let the firewall pass" : "Let the router pass";
        /* Who comes to a tenant by http:// is nobody's visitor there. */
        const char *doors = c->tenants.zone && c->n_hosts == 0 ? "443" : "443 and 80";
        char port[sizeof(" (which goes to port 65535)")];

        (void) snprintf(port, sizeof(port), " (which goes to port %u)", c->dns.ipv4_port);
        if (s->asked && (s->unseen[GLUE_IPV4] || s->unseen[GLUE_IPV6]))
                say_item(s,
                         "%s to this machine: TCP %s for visitors (" UNSEEN "). Port 53 comes through over "
                         "%s; for %s see above.",
                         who, doors, s->unseen[GLUE_IPV6] ? "IPv4" : "IPv6",
                         s->unseen[GLUE_IPV6] ? "IPv6" : "IPv4");
        else if (s->asked)
                say_item(s, "%s to this machine: TCP %s for visitors (" UNSEEN "). Port 53 comes through.",
                         who, doors);
        else
                say_item(s,
                         "%s to this machine: TCP %s for visitors, UDP and TCP 53 for the name server%s.",
                         who, doors, beside ? port : "");
}

static bool has_tenants(const Config *c) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        return view_tenants(c, &v) >= 0 && field_number(sd_json_variant_by_key(v, "tenants"), "known") > 0;
}

/* What did not work was told where it happened: each once, with what mends it. */
static void say_failed(const Setup *s) {
        if (s->down)
                say_item(s,
                         "hagw did not come up: hagw-ctl log --errors tells why; then hagw-ctl %s goes on.",
                         s->call->verb->name);
        if (s->hostless)
                say_item(s, "A host could not be added as asked; the reason stands above.");
        if (s->unreached && s->attach)
                say_item(s, "This house is not attached yet; hagw-proxyd goes on by itself, and hagw-ctl "
                            "status shows what keeps it.");
        else if (s->unreached)
                say_item(s,
                         "The internet has to find its way here: what stands above, at the DNS provider and "
                         "at the %s. hagw-ctl status sees when that is done.",
                         delegation_door(s->config));
        if (s->shut && !s->unreached)
                say_item(s, "Not every way in is open: what stands above says which, and what opens it.");
        if (s->uncertified)
                say_item(s, "Not every certificate is there: hagw-ctl cert list shows what keeps it.");
}

unsigned setup_say_next(const Setup *s) {
        const Config *c = s->config;
        const ConfHost *h, *trusting = first_host(c, /* trusting= */ true);
        const bool stopped = call_option(s->call, "no-start");
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *relay = NULL;
        _cleanup_free_ char *reason = NULL;
        unsigned failing = 0;
        int tried = stopped ? 0 : try_hosts(c, s->call->json, &failing);
        Readiness readiness;

        if (s->call->json)
                return failing;
        if (c->relay.address)
                (void) client_look("io.hagw.Proxy.DescribeRelay", NULL, &relay, &reason);
        h = find_visitable(c, relay, &readiness);
        output("\n");
        output_tone(TONE_BOLD, "What is left to do");
        output("\n");
        say_failed(s);
        if (unset_is_draft(s->call->config_dir))
                say_item(s, "%s. When it stands there: hagw-ctl reload",
                         unset_draft_text(s->call->config_dir));
        else if (stopped && !somebody_runs())
                say_item(s, "Start hagw: systemctl enable --now hagw.target");
        else if (stopped && s->written)
                say_item(s, "hagw still runs with the old configuration. This applies the new one: "
                            "hagw-ctl reload");
        if (!relay_is_only_way(c))
                say_router(s);
        if (c->tenants.zone) {
                if (!has_tenants(c))
                        say_item(s, "A first tenant: hagw-ctl tenant add NAME");
        } else if (!h)
                say_item(s, "A first host: hagw-ctl host add ha.%s http://192.168.1.4:8123",
                         c->n_zones > 0 ? c->zones[0].name : "home.example.com");
        /* What was tried has told by itself what it needs. */
        if (trusting && tried <= 0)
                say_trust(s, trusting);
        if (s->userless)
                say_item(s, "Nobody can log in, since there is no user yet: hagw-ctl user add %s",
                         s->user && *s->user ? s->user : "NAME");
        else if ((!c->tenants.zone || h) && !setup_has_user(NULL, NULL))
                say_item(s, "A user who may log in: hagw-ctl user add %s",
                         s->user && *s->user ? s->user : "NAME");
        if (h)
                say_visit(s, h, readiness);
        say_item(s, "hagw-ctl status shows how everything is.");
        return failing;
}

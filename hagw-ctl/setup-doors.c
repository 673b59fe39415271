/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Before setup writes anything: which programs have the ports that hagw needs, and what to do. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/holders.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/terminal.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

#define DNS_PORT 53U
#define PORT_BESIDE "5300" /* what dns.ipv4_port becomes beside a resolver of the house */

static bool may_ask(const Call *call) {
        return prompt_possible() && !call_option(call, "yes") && !call_option(call, "password-stdin") &&
               !call->json;
}

/* This machine's address on the way to the internet; nothing is sent. */
static bool own_address(int family, IpAddress *ret) {
        const char *somewhere = family == AF_INET ? "192.0.2.1" : "2001:db8::1";
        struct sockaddr_storage a;
        _cleanup_close_ int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(a);
        IpAddress to;

        return fd >= 0 && ip_parse(somewhere, &to) >= 0 &&
               connect(fd, (struct sockaddr *) &a, ip_to_sockaddr(&to, DNS_PORT, &a)) >= 0 &&
               getsockname(fd, (struct sockaddr *) &a, &size) >= 0 &&
               ip_from_sockaddr((const struct sockaddr *) &a, ret) >= 0;
}

/* Whether the kernel gives the port away at that address: only it knows whether a socket at :: has IPv4. */
static bool is_taken(const IpAddress *a, bool tcp) {
        _cleanup_close_ int fd = socket(a->family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        struct sockaddr_storage sa;
        socklen_t size = ip_to_sockaddr(a, DNS_PORT, &sa);
        int one = 1;

        if (fd < 0)
                return false;
        /* TCP: connections that have ended are not in the way. */
        if (tcp)
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        return bind(fd, (struct sockaddr *) &sa, size) < 0 && errno == EADDRINUSE;
}

/* Who else is asked at this machine's address, or NULL. */
static const Holder *find_resolver(const Holders *holders, int family) {
        const Holder *found = NULL;
        IpAddress a;

        if (!own_address(family, &a))
                return NULL;
        for (int tcp = 0; tcp < 2 && !found; tcp++)
                if (is_taken(&a, tcp))
                        found = holders_find_at(holders, &a, DNS_PORT, tcp);
        return found;
}

/* What hagw.conf says already, as far as it can be read. */
static void read_present(const Setup *s, Config *config) {
        _cleanup_free_ char *path = NULL, *text = NULL, *error = NULL;

        if (asprintf(&path, "%s/hagw.conf", s->call->config_dir) < 0) {
                path = NULL;
                return;
        }
        if (state_read(AT_FDCWD, path, &text, NULL) >= 0)
                (void) config_parse_text(text, path, /* host= */ false, config, &error);
}

/* Both live beside each other, unless their owner wants something else. */
static int stand_beside(Setup *s, const Holder *four, const Holder *six) {
        const char *settings = four && six ? "dns.ipv4_port = " PORT_BESIDE " and dns.ipv6_port = 0" :
                               four        ? "dns.ipv4_port = " PORT_BESIDE :
                                             "dns.ipv6_port = 0";
        char who[HOLDER_TEXT_MAX];
        int r = 1;

        (void) holder_text(four ?: six, who);
        log_notice("%s is asked at port 53 of this machine%s. hagw leaves that as it is.", who,
                   four && six ? "" : four ? " over IPv4" : " over IPv6");
        if (may_ask(s->call)) {
                output_paragraph("", "%s",
                                 four ? "It can be asked at port " PORT_BESIDE " instead, to which the "
                                        "router then sends its port 53, UDP and TCP." :
                                        "The internet can ask it over IPv4 only.");
                r = prompt_yes(four ? "Take port " PORT_BESIDE : "Do so", true);
        }
        if (r == -ECANCELED)
                setup_tell_answers(s);
        if (r == 0)
                log_notice("Then nobody asks hagw%s. To run both, set %s in hagw.conf, then: hagw-ctl "
                           "reload (\"Beside a resolver of the house\" in hagw-dnsd(8)).",
                           four && six ? "" : four ? " over IPv4" : " over IPv6", settings);
        if (r <= 0)
                return r;
        if (four && choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "dns", "ipv4_port", PORT_BESIDE) < 0)
                return log_oom();
        if (six && choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "dns", "ipv6_port", "0") < 0)
                return log_oom();
        s->beside_resolver = true;
        setup_say(s, "hagw.conf will say so: %s.\n", settings);
        return 0;
}

/* Returns how many ports others have. */
static unsigned tell_web_ports(const Setup *s, const Holders *holders) {
        static const uint16_t ports[] = { 443, 80 };
        char who[HOLDER_TEXT_MAX];
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(ports); i++) {
                const Holder *other = holders_find_other(holders, ports[i], /* tcp= */ true);

                if (!other)
                        continue;
                log_error("%s has port %u, which hagw needs for visitors%s. %s", holder_text(other, who),
                          ports[i],
                          s->attach ? " inside the house; those who come by the relay do not need it" : "",
                          holder_remedy(other));
                n++;
        }
        return n;
}

int setup_check_doors(Setup *s) {
        static const uint16_t ports[] = { 443, 80, DNS_PORT };
        _cleanup_free_ Holders *holders = malloc(sizeof(*holders));
        _cleanup_(config_freep) Config *config = config_new();
        const Holder *four = NULL, *six = NULL;
        int r = 0;

        if (!holders || !config)
                return log_oom();
        if (may_ask(s->call))
                output_on_interrupt("Nothing is written yet.");
        holders_look(ports, ELEMENTSOF(ports), holders);
        if (tell_web_ports(s, holders) > 0 && !s->attach && !call_option(s->call, "no-start") &&
            !call_option(s->call, "force")) {
                if (may_ask(s->call))
                        r = prompt_yes("Go on anyway? Ports that are taken stay closed", false);
                if (r <= 0) {
                        log_error("Nothing is changed on this machine%s.",
                                  may_ask(s->call) ? "" : "; --force goes on anyway");
                        return r < 0 ? r : -EADDRINUSE;
                }
        }
        if (r < 0 || s->attach)
                return r;
        read_present(s, config);
        if (config->dns.ipv4_port == DNS_PORT)
                four = find_resolver(holders, AF_INET);
        if (config->dns.ipv6_port == DNS_PORT)
                six = find_resolver(holders, AF_INET6);
        return four || six ? stand_beside(s, four, six) : 0;
}

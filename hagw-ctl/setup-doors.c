/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Before setup writes anything: which programs have the ports that hagw needs, and what to do. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/holders.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/port53.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/terminal.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

#define BESIDE "5300" /* PORT_BESIDE, in texts */

static bool may_ask(const Call *call) {
        return prompt_possible() && !call_option(call, "yes") && !call_option(call, "password-stdin") &&
               !call->json;
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
        const char *settings = four && six ? "dns.ipv4_port = " BESIDE " and dns.ipv6_port = 0" :
                               four        ? "dns.ipv4_port = " BESIDE :
                                             "dns.ipv6_port = 0";
        char who[HOLDER_TEXT_MAX];
        int r = 1;

        (void) holder_text(four ?: six, who);
        log_notice("%s is asked at port 53 of this machine%s. hagw leaves that as it is.", who,
                   four && six ? "" : four ? " over IPv4" : " over IPv6");
        if (may_ask(s->call)) {
                output_paragraph("", "%s",
                                 four ? "It can be asked at port " BESIDE " instead, to which the "
                                        "router then sends its port 53, UDP and TCP." :
                                        "The internet can ask it over IPv4 only.");
                r = prompt_yes(four ? "Take port " BESIDE : "Do so", true);
        }
        if (r == -ECANCELED)
                setup_tell_answers(s);
        if (r == 0)
                log_notice("Then nobody asks hagw%s. To run both, set %s in hagw.conf, then: hagw-ctl "
                           "reload (\"Beside a resolver of the house\" in hagw-dnsd(8)).",
                           four && six ? "" : four ? " over IPv4" : " over IPv6", settings);
        if (r <= 0)
                return r;
        if (four && choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "dns", "ipv4_port", BESIDE) < 0)
                return log_oom();
        if (six && choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "dns", "ipv6_port", "0") < 0)
                return log_oom();
        s->beside_resolver = true;
        setup_say(s, "hagw.conf will say so: %s.\n", settings);
        return 0;
}

/* Where that is over, the setting is in the way of a router that passes port 53 as it is. Whoever cannot be
 * asked has a router that sends it to the other port, perhaps. */
static int offer_back(Setup *s, const Config *config) {
        const bool six = config->dns.ipv6_port == 0 && port53_is_taken(AF_INET6) == 0;
        int r;

        if (config->dns.ipv4_port != PORT_BESIDE || port53_is_taken(AF_INET) != 0)
                return 0;
        log_notice("Nobody else has port 53 of this machine any more, and hagw is asked at port " BESIDE
                   " (dns.ipv4_port in hagw.conf).%s",
                   may_ask(s->call) ? "" :
                                      " hagw-ctl setup at a terminal offers to take that back; the router "
                                      "then passes port 53 as it is.");
        if (!may_ask(s->call))
                return 0;
        output_paragraph("", "hagw can take port 53 again; the router then passes it as it is.");
        r = prompt_yes(six ? "Take port 53, over IPv6, too" : "Take port 53", true);
        if (r == -ECANCELED)
                setup_tell_answers(s);
        if (r <= 0)
                return r;
        if (choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "dns", "ipv4_port", "53") < 0 ||
            (six && choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "dns", "ipv6_port", "53") < 0))
                return log_oom();
        s->beside_resolver = true;
        setup_say(s, "hagw.conf will say so: dns.ipv4_port = 53%s.\n", six ? " and dns.ipv6_port = 53" : "");
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
                four = port53_find_resolver(holders, AF_INET);
        if (config->dns.ipv6_port == DNS_PORT)
                six = port53_find_resolver(holders, AF_INET6);
        return four || six ? stand_beside(s, four, six) : offer_back(s, config);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A house without a public address of its own: nobody comes to it, unless it is attached to a relay. */

#include <stdio.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/setup.h"
#include "libhagw/log.h"

/* What hagw.conf will say. */
static const char *source_of(const Setup *s, const char *name, const char *present, const char *fallback) {
        const char *chosen = setup_chosen(s, CONF_SCOPE_MAIN, name);

        return chosen                            ? chosen :
               s->present && setup_is_edit(s) ? present :
                                                fallback;
}

static bool is_sourceless(const Setup *s) {
        const Config *c = s->present;

        if (s->attach || (c && c->relay.address) ||
            !(setup_chosen(s, CONF_SCOPE_MAIN, "ipv4") || setup_chosen(s, CONF_SCOPE_MAIN, "ipv6")))
                return false;
        return streq_ptr(source_of(s, "ipv4", c ? c->public_address.ipv4 : NULL, "none"), "none") &&
               streq_ptr(source_of(s, "ipv6", c ? c->public_address.ipv6 : NULL, "interface"), "none");
}

static const char *reason(const Setup *s) {
        return s->relay ? "Without a public address nobody finds this relay." :
                          "Without a public address nobody from outside finds this house. One that has none "
                          "of its own is reached through a relay: hagw-ctl attach RELAY CODE";
}

/* The questions may be asked anew: neither came as an option. */
static bool was_asked(const Setup *s) {
        return !call_option(s->call, "ipv4") && !call_option(s->call, "ipv6");
}

int setup_ask_sources(Setup *s, int (*again)(Setup *s)) {
        int r = 0;

        while (r >= 0 && is_sourceless(s) && !call_option(s->call, "force")) {
                output_paragraph("  ", "%s", reason(s));
                r = prompt_yes("  Go on without one?", false);
                if (r != 0)
                        return MIN(r, 0);
                if (!was_asked(s)) {
                        log_error("Nothing is written: give --ipv4 or --ipv6 a source.");
                        return -EINVAL;
                }
                r = again(s);
        }
        return MIN(r, 0);
}

int setup_check_sources(const Setup *s) {
        if (s->ask || !is_sourceless(s))
                return 0;
        if (call_option(s->call, "force")) {
                log_warning("%s", reason(s));
                return 0;
        }
        log_error("%s%s --force takes it so.", reason(s), s->relay ? "" : ".");
        return -EINVAL;
}

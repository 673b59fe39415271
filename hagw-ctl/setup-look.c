/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does a name that was typed lead somewhere? Looked up when it is given, so that nobody learns of a slip at
 * the end only. */

#include <stdio.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/resolve.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/tryhost.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/reason.h"
#include "libhagw/pure/special.h"
#include "libhagw/usec.h"

static bool silent; /* nobody answers here: the next name is not waited for as well */

/* Who is asked at a terminal reads it there. */
static void tell_silence(const Setup *s, const char *name) {
        static const char text[] = "cannot be told now: this machine's resolver does not answer.";

        if (s->ask)
                output_paragraph("  ", "Whether there is a name %s %s", name, text);
        else
                log_notice("Whether there is a name %s %s", name, text);
}

/* What resolve_name() returns, with its time shown. Who cannot know is no reason to doubt. */
static int look_up(const Setup *s, const char *name, Resolved *ret) {
        _cleanup_free_ char *what = NULL;
        int r;

        if (silent)
                return -EAGAIN;
        if (asprintf(&what, "%s to be found", name) < 0) {
                what = NULL;
                return -ENOMEM;
        }
        waiting_begin(what, RESOLVE_USEC, s->call->json);
        r = resolve_name(name, RESOLVE_USEC, ret);
        waiting_end();
        if (r == -EAGAIN) {
                silent = true;
                tell_silence(s, name);
        }
        return r;
}

/* A dynamic name has to lead to an address of the family, which others reach. */
static int look_at_source(const Setup *s, const char *value, int family, char **ret_reason) {
        const char *name = startswith(value, "resolve:"), *reach = NULL;
        const char four = family == AF_INET ? '4' : '6', other = family == AF_INET ? '6' : '4';
        char text[IP_TEXT_MAX];
        const IpAddress *a;
        Resolved resolved;
        int r;

        r = name ? look_up(s, name, &resolved) : -EAGAIN;
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (r == 0)
                return reason_give(ret_reason, 1,
                                   "%s is not found in the DNS. Give the name that the router (or its "
                                   "provider) keeps at this house's address.",
                                   name);
        a = resolved_find(&resolved, family);
        if (!a)
                return reason_give(ret_reason, 1, "%s has no IPv%c address, only IPv%c: %s.", name, four,
                                   other, ip_format(&resolved.addresses[0], text));
        if (special_is_public(a, setup_context(s).laboratory))
                return 0;
        (void) special_reach(a, &reach);
        return reason_give(ret_reason, 1,
                           "%s leads to %s, which is no public address (%s): nobody on the internet "
                           "reaches it.",
                           name, ip_format(a, text), reach ?: "special use");
}

/* Those in the zone itself have their addresses at the delegation, and nowhere before it. */
static bool is_own(const Setup *s, const char *name) {
        const char *zone = setup_context(s).zone;

        return (zone && hostname_in_zone(name, zone)) || (s->present && config_find_zone(s->present, name));
}

static int look_at_name_server(const Setup *s, const char *name, char **ret_reason) {
        Resolved resolved;
        int r;

        if (is_own(s, name))
                return 0;
        r = look_up(s, name, &resolved);
        if (r != 0)
                return r == -ENOMEM ? r : 0;
        return reason_give(ret_reason, 1,
                           "%s is not found in the DNS, so nobody finds this machine by it. Give a name "
                           "that leads to this machine, such as the dynamic one.",
                           name);
}

static int look_at_local_service(const Setup *s, const char *value, char **ret_reason) {
        int r = try_name(value, s->call->json, ret_reason);

        return r == -ENOMEM ? r : r < 0 ? TYPED_VAIN : 0;
}

/* "http://NAME:PORT": an address needs nobody to be found. */
static int look_at_service(const Setup *s, const char *value, char **ret_reason) {
        const char *scheme = strstr(value, "://"), *p = scheme ? scheme + 3 : "";
        const size_t n = strcspn(p, ":/");
        char name[HOSTNAME_MAX + 1];
        Resolved resolved;
        IpAddress a;
        int r;

        if (hostname_normalize(p, n, name) <= 0 || ip_parse(name, &a) >= 0)
                return 0;
        if (endswith(name, ".local"))
                return look_at_local_service(s, value, ret_reason);
        r = look_up(s, name, &resolved);
        if (r != 0)
                return r == -ENOMEM ? r : 0;
        return reason_give(ret_reason, 1,
                           "This machine cannot find the name %s. Use the service's IP address; most "
                           "routers can be told to keep it.",
                           name);
}

static int look(const Setup *s, TypedKind kind, const char *value, char **ret_reason) {
        switch (kind) {
        case TYPED_IPV4:
                return look_at_source(s, value, AF_INET, ret_reason);
        case TYPED_IPV6:
                return look_at_source(s, value, AF_INET6, ret_reason);
        case TYPED_NAME_SERVER:
                return look_at_name_server(s, value, ret_reason);
        case TYPED_UPSTREAM:
                return look_at_service(s, value, ret_reason);
        default:
                return 0;
        }
}

int setup_look(const Setup *s, TypedKind kind, const char *value, char **ret_reason) {
        int r;

        *ret_reason = NULL;
        r = call_option(s->call, "force") ? 0 : look(s, kind, value, ret_reason);
        return r == -ENOMEM ? log_oom() : r;
}

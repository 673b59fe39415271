/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What setup knows without asking: what hagw.conf says already, which public addresses this machine has, who
 * may log in. */

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>

#include "hagw-ctl/admitted.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/setup.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/special.h"

bool setup_is_interface(const char *name) {
        return strlen(name) < IF_NAMESIZE && if_nametoindex(name) > 0;
}

const char *setup_chosen(const Setup *s, ConfScope scope, const char *name) {
        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *c = &s->choices.items[i];

                if (c->setting->scope == scope && c->zone == 0 && streq(c->setting->name, name))
                        return c->values[0];
        }
        return NULL;
}

TypedContext setup_context(const Setup *s) {
        const char *zone = setup_chosen(s, CONF_SCOPE_ZONE, "name");

        if (!zone && s->present && s->present->n_zones > 0)
                zone = s->present->zones[0].name;
        return (TypedContext) {
                .zone = zone,
                .relay = s->relay,
                /* Before hagw.conf is read nobody knows whether this machine is in one. */
                .laboratory = call_option(s->call, "laboratory") || !s->loaded ||
                              (s->present && s->present->documentation_networks),
                .is_interface = setup_is_interface,
        };
}

/* Every setting that is asked for is a text. */
static const char *field_of(const Question *q, const void *object) {
        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (s->scope == q->scope && streq_ptr(s->group, q->group) && streq(s->name, q->name))
                        return *(char *const *) ((const char *) object + s->offset);
        return NULL;
}

/* The zone whose settings the answers are for: where another one was named, nothing is known of it. */
static const ConfZone *present_zone(const Setup *s) {
        const char *chosen = setup_chosen(s, CONF_SCOPE_ZONE, "name");

        for (size_t i = 0; i < s->present->n_zones; i++) {
                const ConfZone *z = &s->present->zones[i];

                if (z->via == CONF_VIA_DIRECT && (!chosen || streq(z->name, chosen)))
                        return z;
        }
        return NULL;
}

static const char *present_value(const Setup *s, const Question *q) {
        const ConfZone *zone;

        if (!s->present)
                return NULL;
        if (q->scope == CONF_SCOPE_MAIN)
                return field_of(q, s->present);
        zone = present_zone(s);
        return zone ? field_of(q, zone) : NULL;
}

/* The first interface with a public address of the family. */
static bool find_public(int family, bool documentation, char ret[static IF_NAMESIZE]) {
        struct ifaddrs *list = NULL;
        bool found = false;

        if (getifaddrs(&list) < 0)
                return false;
        for (struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
                IpAddress a;

                if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
                    ip_from_sockaddr(i->ifa_addr, &a) < 0 || !special_is_public(&a, documentation))
                        continue;
                found = true;
                (void) snprintf(ret, IF_NAMESIZE, "%s", i->ifa_name);
        }
        freeifaddrs(list);
        return found;
}

static char *guess_source(const Setup *s, int family) {
        char name[IF_NAMESIZE], *text;
        bool found = find_public(family, setup_context(s).laboratory, name);

        if (family == AF_INET6)
                return strdup(found ? "interface" : "none");
        return found && asprintf(&text, "interface:%s", name) >= 0 ? text : NULL;
}

/* What is likely: a delegation to the dynamic DNS name follows the address by itself, glue does not. */
static char *guess_name_server(const Setup *s) {
        const char *ipv4 = setup_chosen(s, CONF_SCOPE_MAIN, "ipv4"),
                   *resolve = ipv4 ? startswith(ipv4, "resolve:") : NULL;
        char *text;

        if (resolve)
                return strdup(resolve);
        return asprintf(&text, "ns.%s", strempty(setup_chosen(s, CONF_SCOPE_ZONE, "name"))) < 0 ? NULL :
                                                                                                text;
}

/* Without a zone that the internet asks here nobody has said it: it is what a hagw.conf without it means. */
static bool is_silence(const Setup *s, const Question *q, const char *present) {
        return q->kind == TYPED_IPV4 && streq(present, "none") && !setup_direct_zone(s->present);
}

char *setup_known_value(const Setup *s, const Question *q) {
        const char *present = present_value(s, q);

        if (present && *present && !is_silence(s, q, present))
                return strdup(present);
        switch (q->kind) {
        case TYPED_IPV4:
                return guess_source(s, AF_INET);
        case TYPED_IPV6:
                return guess_source(s, AF_INET6);
        case TYPED_NAME_SERVER:
                return guess_name_server(s);
        default:
                return q->fallback ? strdup(q->fallback) : NULL;
        }
}

/* hagw-webd has them at hand; where it does not run, systemd's socket takes the call and keeps it. */
#define USERS_USEC (5 * USEC_PER_SEC)

bool setup_lacks_user(const Setup *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;

        return admitted_is_asked(s->config) &&
               client_try_within("io.hagw.Web.ListUsers", NULL, USERS_USEC, &reply, &reason) >= 0 &&
               sd_json_variant_by_key(reply, "users") && field_count(reply, "users") == 0;
}

bool setup_has_user(const char *name, char **ret_names) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL, *names = NULL;
        bool found = false;

        if (client_try_within("io.hagw.Web.ListUsers", NULL, USERS_USEC, &reply, &reason) < 0)
                return false;
        for (size_t i = 0; i < field_count(reply, "users"); i++) {
                const char *user = strempty(field_text(field_element(reply, "users", i), "name"));
                char *more;

                found = found || !name || streq(user, name);
                if (asprintf(&more, "%s%s%s", strempty(names), names ? ", " : "", user) < 0)
                        return found;
                free(names);
                names = more;
        }
        if (ret_names)
                *ret_names = TAKE_PTR(names);
        return found;
}

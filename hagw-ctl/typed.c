/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a person types. People paste whole URLs, leave schemes out and write the examples down: what can only
 * mean one thing is taken for that. */

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "hagw-ctl/domains.h"
#include "hagw-ctl/idn.h"
#include "hagw-ctl/remedy.h"
#include "hagw-ctl/typed.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/reason.h"
#include "libhagw/pure/relaycode.h"
#include "libhagw/pure/special.h"
#include "libhagw/pure/suggest.h"
#include "libhagw/pure/username.h"

#define HOME_ASSISTANT_PORT "8123"

static int give(char **ret, const char *value) {
        *ret = strdup(value);
        return *ret ? 0 : -ENOMEM;
}

static int give_with(char **ret, const char *prefix, const char *value) {
        if (asprintf(ret, "%s%s", prefix, value) >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

/* The host of what may have been pasted from a browser, without scheme, path and port. */
static void cut_host(const char *typed, char out[static TYPED_MAX + 1]) {
        const char *scheme = strstr(typed, "://"), *host = scheme ? scheme + 3 : typed;
        size_t n = strcspn(host, "/?#");
        const char *colon = memchr(host, ':', n);

        /* More than one colon: an IPv6 address. */
        if (colon && !memchr(colon + 1, ':', n - (size_t) (colon + 1 - host)))
                n = (size_t) (colon - host);
        (void) snprintf(out, TYPED_MAX + 1, "%.*s", (int) n, host);
}

/* No name does: an address that was mistyped. */
static bool ends_in_digits(const char *host) {
        const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;

        return *last && strspn(last, "0123456789") == strlen(last);
}

static int judge_example(const char *name, const char *what, bool laboratory, char **ret_reason) {
        if (laboratory || !domain_is_example(name))
                return 0;
        return reason_give(ret_reason, -EINVAL, "%s is an example; write your own in its place.", what);
}

int typed_judge_example(const char *name, bool laboratory, char **ret_reason) {
        char normal[HOSTNAME_MAX + 1];
        const char *bare = startswith(name, "*.") ?: name;

        *ret_reason = NULL;
        if (hostname_normalize(bare, strcspn(bare, ":"), normal) <= 0)
                return 0; /* which is told elsewhere */
        return judge_example(normal, normal, laboratory, ret_reason);
}

/* --- names ------------------------------------------------------------------------------------------ */

static int read_zone(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        char host[TYPED_MAX + 1], zone[HOSTNAME_MAX + 1];
        const char *bare;
        IpAddress a;
        int r;

        cut_host(typed, host);
        bare = startswith(host, "*.") ?: host;
        if (ip_parse(bare, &a) >= 0)
                return reason_give(ret_reason, -EINVAL,
                                   "%s is an address. A zone is a name, such as home.example.com.",
                                   bare);
        if (hostname_normalize(bare, strlen(bare), zone) <= 0 || ends_in_digits(zone))
                return idn_refuse(bare, ret_reason) ?:
                               reason_give(ret_reason, -EINVAL,
                                           "\"%s\" is no name: labels of letters, digits and hyphens with "
                                           "dots between them make one, such as home.example.com.",
                                           typed);
        if (!strchr(zone, '.'))
                return reason_give(ret_reason, -EINVAL,
                                   "\"%s\" is a single word. A zone lies below a domain of yours, such as "
                                   "home.example.com.",
                                   zone);
        r = judge_example(zone, zone, c->laboratory, ret_reason);
        if (r >= 0)
                r = give(ret, zone);
        if (r < 0)
                return r;
        if (hostname_is_local(zone))
                return reason_give(ret_reason, TYPED_VAIN,
                                   "Nobody on the internet finds %s: that name is for inside houses.",
                                   zone);
        if (domain_is_dynamic(zone))
                return reason_give(ret_reason, TYPED_VAIN,
                                   "%s is a dynamic DNS name, below which nothing can be delegated. The "
                                   "zone lies below a domain of yours; this name is for the public address: "
                                   "--ipv4=%s, or the next question.",
                                   zone, zone);
        if (domain_is_sold_below(zone))
                return reason_give(ret_reason, TYPED_VAIN,
                                   "%s is nobody's own: names are sold below it. A zone lies below a "
                                   "domain of yours, such as home.my-domain.%s.",
                                   zone, zone);
        r = idn_judge_underscore(zone, ret_reason);
        if (r != 0)
                return r < 0 ? r : TYPED_VAIN;
        if (domain_is_whole(zone))
                return reason_give(ret_reason, 1,
                                   "%s is a whole domain: this machine would answer for all of it, its web "
                                   "site and its mail, too. Usually only one name below it is delegated, "
                                   "such as home.%s.",
                                   zone, zone);
        return 0;
}

static int read_name_server(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        char host[TYPED_MAX + 1], name[HOSTNAME_MAX + 1];
        IpAddress a;
        int r;

        cut_host(typed, host);
        if (ip_parse(host, &a) >= 0)
                return reason_give(ret_reason, -EINVAL,
                                   "%s is an address. A name server is a name; its address stands in its A "
                                   "record.",
                                   host);
        if (hostname_normalize(host, strlen(host), name) <= 0 || !strchr(name, '.') || ends_in_digits(name))
                return idn_refuse(host, ret_reason) ?:
                               reason_give(ret_reason, -EINVAL, "\"%s\" is no whole name, such as ns.%s.",
                                           typed, c->zone ?: "home.example.com");
        r = judge_example(name, name, c->laboratory, ret_reason);
        return r < 0 ? r : give(ret, name);
}

static int read_user(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        static const char *const answers[] = { "y", "n", "yes", "no", "none", "-" };
        char name[USER_NAME_MAX + 1];
        int r;

        if (!*typed)
                return give(ret, "");
        user_name_from_typed(typed, name);
        if (!*name)
                return reason_give(ret_reason, -EINVAL,
                                   "\"%s\" is no user's name: up to %u of a-z, 0-9, \".\", \"-\", \"_\" "
                                   "and \"@\" make one.",
                                   typed, USER_NAME_MAX);
        r = give(ret, name);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(answers); i++)
                if (streq(name, answers[i]))
                        return reason_give(ret_reason, 1,
                                           "\"%s\" would be the user's name. A name is asked for, such as "
                                           "anna; an empty answer is none.",
                                           name);
        return r;
}

static int read_contact(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        const char *mail = startswith(typed, "mailto:") ?: typed, *at = strrchr(mail, '@');
        char domain[HOSTNAME_MAX + 1];
        int r;

        if (!*mail)
                return give(ret, "");
        if (!at || at == mail || strpbrk(mail, " \t<>,;\"") || strchr(mail, '@') != at ||
            hostname_normalize(at + 1, strlen(at + 1), domain) <= 0 || !strchr(domain, '.'))
                return reason_give(ret_reason, -EINVAL,
                                   "\"%s\" is no mail address, such as me@my-domain.org.",
                                   mail);
        r = judge_example(domain, mail, c->laboratory, ret_reason);
        return r < 0 ? r : give_with(ret, "mailto:", mail);
}

static int read_code(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        uint8_t bytes[RELAY_CODE_BYTES];

        if (startswith(typed, "hagw_"))
                return give(ret, typed);
        if (relay_code_parse(typed, bytes) < 0)
                return reason_give(ret_reason, -EINVAL,
                                   "That is no code: one has %u letters and digits (no U), such as "
                                   "7K3M-Q9XT-2VBN-HD4W.",
                                   RELAY_CODE_LENGTH);
        return give(ret, typed);
}

/* --- where the public address comes from ------------------------------------------------------------ */

/* A fixed address is the owner's word; who says one of these mostly looked at the wrong place. */
static int judge_static(const IpAddress *a, const TypedContext *c, char **ret_reason) {
        const char *name = NULL;
        char text[IP_TEXT_MAX];

        if (special_is_public(a, c->laboratory))
                return 0;
        (void) special_reach(a, &name);
        return reason_give(ret_reason, 1,
                           "%s is no public address (%s): nobody on the internet reaches it. %s",
                           ip_format(a, text), name ?: "special use",
                           remedy_of_answer(a, c->relay ? REMEDY_RELAY : REMEDY_HOUSE));
}

static int read_address(const char *text, int family, const TypedContext *c, char **ret, char **ret_reason) {
        char normal[IP_TEXT_MAX];
        IpAddress a;
        int r;

        if (ip_parse(text, &a) < 0)
                return reason_give(ret_reason, -EINVAL, "\"%s\" is no address.", text);
        if (a.family != family)
                return reason_give(ret_reason, -EINVAL,
                                   "%s is an IPv%c address, and the IPv%c address is asked for.",
                                   ip_format(&a, normal), family == AF_INET ? '6' : '4',
                                   family == AF_INET ? '4' : '6');
        r = give_with(ret, "static:", ip_format(&a, normal));
        return r < 0 ? r : judge_static(&a, c, ret_reason);
}

static int read_resolve(const char *text, const TypedContext *c, char **ret, char **ret_reason) {
        char host[TYPED_MAX + 1], name[HOSTNAME_MAX + 1];
        int r;

        cut_host(text, host);
        if (hostname_normalize(host, strlen(host), name) <= 0 || !strchr(name, '.') || ends_in_digits(name))
                return idn_refuse(host, ret_reason) ?:
                               reason_give(ret_reason, -EINVAL,
                                           "\"%s\" is neither an address nor a dynamic DNS name, such as "
                                           "example.myfritz.net, nor an interface of this machine.",
                                           text);
        r = judge_example(name, name, c->laboratory, ret_reason);
        if (r < 0)
                return r;
        if (c->zone && hostname_in_zone(name, c->zone))
                return reason_give(ret_reason, -EINVAL,
                                   "%s lies in the zone itself, so that this machine would ask itself. "
                                   "Give a dynamic DNS name that the router keeps.",
                                   name);
        r = give_with(ret, "resolve:", name);
        if (r >= 0 && hostname_is_local(name))
                r = reason_give(ret_reason, 1,
                                "%s is a name for inside houses: it leads to an address that nobody on the "
                                "internet reaches. Give a dynamic DNS name that the router keeps.",
                                name);
        return r;
}

static int read_interface(const char *name, const TypedContext *c, char **ret, char **ret_reason) {
        int r = give_with(ret, "interface:", name);

        if (r < 0 || !c->is_interface || c->is_interface(name))
                return r;
        return reason_give(ret_reason, 1, "This machine has no interface %s now.", name);
}

static int read_source(const char *typed, int family, const TypedContext *c, char **ret, char **ret_reason) {
        const char *rest;
        IpAddress a;

        if (streq(typed, "none") || streq(typed, "no") || streq(typed, "-"))
                return give(ret, "none");
        if (streq(typed, "interface"))
                return give(ret, "interface");
        if ((rest = startswith(typed, "static:")))
                return read_address(rest, family, c, ret, ret_reason);
        if ((rest = startswith(typed, "resolve:")))
                return read_resolve(rest, c, ret, ret_reason);
        if ((rest = startswith(typed, "interface:")))
                return read_interface(rest, c, ret, ret_reason);
        if (ip_parse(typed, &a) >= 0)
                return read_address(typed, family, c, ret, ret_reason);
        if (c->is_interface && c->is_interface(typed))
                return give_with(ret, "interface:", typed);
        return read_resolve(typed, c, ret, ret_reason);
}

static int read_ipv4(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        return read_source(typed, AF_INET, c, ret, ret_reason);
}

static int read_ipv6(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        return read_source(typed, AF_INET6, c, ret, ret_reason);
}

/* --- a service -------------------------------------------------------------------------------------- */

/* The port that follows HOST in an authority, with its colon, or "". */
static const char *port_of(const char *authority) {
        const char *behind = *authority == '[' ? strchr(authority, ']') : NULL, *colon;

        colon = strrchr(behind ?: authority, ':');
        return colon ?: "";
}

/* Letters that are no host before its port, as typed before an address: "htp://", "http:/", "https//",
 * "tenat:". 0: it begins with none. *ret_rest is what follows. */
static size_t length_of_scheme(const char *typed, const char **ret_rest) {
        const size_t n = strspn(typed, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        const char *rest = typed + n;
        const bool colon = *rest == ':';

        if (n == 0 || n > TYPED_MAX || (!colon && !startswith(rest, "//")))
                return 0;
        rest += colon;
        /* HOST:PORT, with a path or without. */
        if (colon && *rest != '/' && strspn(rest, "0123456789") == strcspn(rest, "/?#"))
                return 0;
        *ret_rest = rest + strspn(rest, ":/");
        return n;
}

static const struct {
        const char *word, *prefix; /* as it stands before the address */
        bool colon;                /* which is enough behind it */
} schemes[] = {
        { "http", "http://" },        { "https", "https://" },        { "tcp", "tcp://" },
        { "unix", "unix:/", true }, { "tenant", "tenant:", true },
};

/* One wording for each slip, with the nearest that is right. What may hold a password is not repeated. */
static int judge_scheme(const char *typed, char **ret_reason) {
        const char *words[ELEMENTSOF(schemes) + 1] = {}, *rest = "", *near, *prefix = NULL;
        const size_t n = length_of_scheme(typed, &rest);
        const bool secret = strchr(typed, '@');
        char word[TYPED_MAX + 1];
        IpAddress a;

        if (n == 0 || ip_parse(typed, &a) >= 0)
                return 0;
        for (size_t i = 0; i <= n; i++)
                word[i] = i < n ? (char) tolower((unsigned char) typed[i]) : '\0';
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++) {
                words[i] = schemes[i].word;
                if (streq(word, schemes[i].word) &&
                    startswith(typed + n, schemes[i].colon ? ":" : "://"))
                        return 0;
        }
        near = suggest(word, words);
        for (size_t i = 0; near && i < ELEMENTSOF(schemes); i++)
                if (streq(near, schemes[i].word))
                        prefix = schemes[i].prefix;
        prefix = secret || !*rest ? NULL : prefix;
        return reason_give(ret_reason, -EINVAL,
                           "%s%s%s does not begin as an address does: with http://, https:// or tcp://, or "
                           "with unix: and a path%s%s%s%s",
                           secret ? "" : "\"", secret ? "That" : typed, secret ? "" : "\"",
                           prefix ? "; did you mean \"" : ".", strempty(prefix), prefix ? rest : "",
                           prefix ? "\"?" : "");
}

/* What stands behind the address of a service and is no part of it. */
static size_t length_of_authority(const char *rest) {
        return strcspn(rest, "/?#");
}

bool typed_path(const char *typed, char out[static TYPED_MAX + 1]) {
        const char *scheme = strstr(typed, "://"), *rest = scheme ? scheme + 3 : typed;
        size_t n;

        if (startswith(typed, "unix:") || startswith(typed, "tenant:") || strchr(typed, '@'))
                return false;
        rest += length_of_authority(rest);
        n = strcspn(rest, " \t\r\n");
        (void) snprintf(out, TYPED_MAX + 1, "%.*s", (int) MIN(n, TYPED_MAX), rest);
        return n > 1;
}

static int read_upstream(const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        char authority[TYPED_MAX + 3], host[TYPED_MAX + 1], name[HOSTNAME_MAX + 1];
        const char *scheme = strstr(typed, "://"), *rest = scheme ? scheme + 3 : typed, *port;
        IpAddress a;
        bool tls;
        int r;

        r = judge_scheme(typed, ret_reason);
        if (r < 0)
                return r;
        if (!*typed || startswith(typed, "unix:") || startswith(typed, "tenant:") || strchr(typed, '@'))
                return give(ret, typed);
        (void) snprintf(authority, sizeof(authority), "%.*s", (int) length_of_authority(rest), rest);
        if (ip_parse(authority, &a) >= 0 && a.family == AF_INET6)
                (void) snprintf(authority, sizeof(authority), "[%.*s]", (int) length_of_authority(rest),
                                rest);
        port = port_of(authority);
        cut_host(authority, host);
        if (!*host)
                return reason_give(ret_reason, -EINVAL,
                                   "\"%s\" names no service, as http://192.168.1.4:8123 does.",
                                   typed);
        if (ends_in_digits(host) && ip_parse(host, &a) < 0)
                return reason_give(ret_reason, -EINVAL, "\"%s\" is neither an address nor a name.", host);
        if (c->zone && hostname_normalize(host, strlen(host), name) > 0 && hostname_in_zone(name, c->zone))
                return reason_give(ret_reason, -EINVAL,
                                   "%s is a name of this gateway itself. Give the service's address in "
                                   "your network.",
                                   name);
        if (scheme) {
                if (asprintf(ret, "%.*s://%s", (int) (scheme - typed), typed, authority) < 0) {
                        *ret = NULL;
                        return -ENOMEM;
                }
                for (char *p = *ret; *p != ':'; p++)
                        *p = (char) tolower((unsigned char) *p);
                return 0;
        }
        tls = streq(port, ":443") || streq(port, ":8443");
        if (asprintf(ret, "http%s://%s%s", tls ? "s" : "", authority,
                     *port ? "" : ":" HOME_ASSISTANT_PORT) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

int typed_read(TypedKind kind, const char *typed, const TypedContext *c, char **ret, char **ret_reason) {
        static int (*const readers[_TYPED_MAX])(const char *, const TypedContext *, char **, char **) = {
                [TYPED_ZONE] = read_zone,       [TYPED_IPV4] = read_ipv4,
                [TYPED_IPV6] = read_ipv6,       [TYPED_NAME_SERVER] = read_name_server,
                [TYPED_CONTACT] = read_contact, [TYPED_UPSTREAM] = read_upstream,
                [TYPED_USER] = read_user,       [TYPED_CODE] = read_code,
        };
        _cleanup_free_ char *value = NULL, *reason = NULL;
        char trimmed[TYPED_MAX + 1];
        size_t n;
        int r;

        typed += strspn(typed, " \t\r\n");
        n = strlen(typed);
        while (n > 0 && strchr(" \t\r\n", typed[n - 1]))
                n--;
        *ret = *ret_reason = NULL;
        if (n > TYPED_MAX)
                return reason_give(ret_reason, -EINVAL, "That has more than %u characters.", TYPED_MAX);
        (void) snprintf(trimmed, sizeof(trimmed), "%.*s", (int) n, typed);
        r = readers[kind](trimmed, c, &value, &reason);
        if (r >= 0)
                *ret = TAKE_PTR(value);
        if (r > 0 || r == -EINVAL)
                *ret_reason = TAKE_PTR(reason);
        return r;
}

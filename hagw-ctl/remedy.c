/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Remedies, by what kind of address it is. */

#include "hagw-ctl/remedy.h"
#include "libhagw/pure/special.h"

typedef enum Kind {
        KIND_SHARED,  /* one of a provider's for many houses: nobody can come by it */
        KIND_PRIVATE, /* of a network such as a house's */
        KIND_EXAMPLE,
        KIND_OTHER,
        KIND_IPV6, /* whichever: the machine itself has the right one, or none */
        _KIND_MAX,
} Kind;

#define A_RELAY "a relay brings visitors to such a house: hagw-ctl attach RELAY CODE"

static const struct {
        const char *setting, *answer;
} rows[_KIND_MAX][_REMEDY_PLACE_MAX] = {
        [KIND_SHARED] = {
                { "The provider shares it out to many houses, and " A_RELAY,
                  "The provider shares it out to many houses, and " A_RELAY },
                { "A relay needs an address of its own: put it at another provider, or ask this one.",
                  "A relay needs an address of its own: put it at another provider, or ask this one." },
        },
        [KIND_PRIVATE] = {
                { "The router shows the house's public one, for public_address.ipv4 in hagw.conf; where the "
                  "router itself has a private one, " A_RELAY,
                  "The router shows the house's public one; where that changes, give a dynamic DNS name. "
                  "Where the router itself has a private one, " A_RELAY },
                { "The provider shows this machine's public one, for public_address.ipv4 in hagw.conf.",
                  "The provider shows this machine's public one." },
        },
        [KIND_EXAMPLE] = {
                { "It stands in examples: the router shows the house's own, for public_address.ipv4 in "
                  "hagw.conf.",
                  "It stands in examples: the router shows the house's own." },
                { "It stands in examples: the provider shows this machine's own, for public_address.ipv4 in "
                  "hagw.conf.",
                  "It stands in examples: the provider shows this machine's own." },
        },
        [KIND_OTHER] = {
                { "The router shows the house's public one, for public_address.ipv4 in hagw.conf.",
                  "The router shows the house's public one; where that changes, give a dynamic DNS name." },
                { "The provider shows this machine's public one, for public_address.ipv4 in hagw.conf.",
                  "The provider shows this machine's public one." },
        },
        [KIND_IPV6] = {
                { "public_address.ipv6 = \"interface\" in hagw.conf takes this machine's public one, "
                  "\"none\" says that there is none.",
                  "\"interface\" takes this machine's public one, \"none\" says that there is none." },
                { "public_address.ipv6 = \"interface\" in hagw.conf takes this machine's public one, "
                  "\"none\" says that there is none.",
                  "\"interface\" takes this machine's public one, \"none\" says that there is none." },
        },
};

static bool is_in(const IpAddress *a, const char *range) {
        Cidr cidr;

        return cidr_parse(range, &cidr) >= 0 && cidr_contains(&cidr, a);
}

static Kind kind_of(const IpAddress *a) {
        static const struct {
                const char *range;
                Kind kind;
        } kinds[] = {
                { "100.64.0.0/10", KIND_SHARED },    { "192.0.0.0/29", KIND_SHARED },
                { "10.0.0.0/8", KIND_PRIVATE },      { "172.16.0.0/12", KIND_PRIVATE },
                { "192.168.0.0/16", KIND_PRIVATE },
        };

        if (a->family == AF_INET6)
                return KIND_IPV6;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (is_in(a, kinds[i].range))
                        return kinds[i].kind;
        return special_reach(a, NULL) == SPECIAL_DOCUMENTATION ? KIND_EXAMPLE : KIND_OTHER;
}

const char *remedy_of_setting(const IpAddress *a, RemedyPlace place) {
        return rows[kind_of(a)][place].setting;
}

const char *remedy_of_answer(const IpAddress *a, RemedyPlace place) {
        return rows[kind_of(a)][place].answer;
}

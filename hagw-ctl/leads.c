/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A name and the relay are asked for with the same resolver, and their addresses compared. */

#include <stdio.h>
#include <sys/random.h>
#include <string.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/leads.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/special.h"
#include "libhagw/usec.h"

#define ADDRESSES_MAX 32U /* of a name, both families; what is more is not looked at */
#define MADE_UP_MAX (sizeof("hagw-.") - 1 + 16)
#define ANCESTORS_USEC (10 * USEC_PER_SEC) /* after which no other one is asked about */

int leads_query(const char *name, const char *type, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *reason = NULL;
        const char *rcode;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING(type))) < 0)
                return -ENOMEM;
        r = client_try("io.hagw.Net.Query", parameters, ret, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        rcode = strempty(field_text(*ret, "rcode"));
        return streq(rcode, "NOERROR") || streq(rcode, "NXDOMAIN");
}

static bool names_equal(const char *a, const char *b) {
        const size_t n = strlen(b);

        return strncasecmp(a, b, n) == 0 && (a[n] == '\0' || streq(a + n, "."));
}

bool leads_names(sd_json_variant *reply, const char *target) {
        for (size_t i = 0; i < field_count(reply, "answers"); i++)
                if (names_equal(sd_json_variant_string(field_element(reply, "answers", i)), target))
                        return true;
        return false;
}

typedef struct Found {
        IpAddress items[ADDRESSES_MAX];
        size_t n;
} Found;

/* 1: *ret has all; 0: nobody could say. */
static int find_addresses(const char *name, Found *ret) {
        static const char *const types[] = { "A", "AAAA" };

        *ret = (Found) {};
        for (size_t t = 0; t < ELEMENTSOF(types); t++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
                int r = leads_query(name, types[t], &reply);

                if (r <= 0)
                        return r;
                /* Names that a CNAME leads by stand there as well. */
                for (size_t i = 0; i < field_count(reply, "answers") && ret->n < ADDRESSES_MAX; i++)
                        if (ip_parse(sd_json_variant_string(field_element(reply, "answers", i)),
                                     &ret->items[ret->n]) >= 0)
                                ret->n++;
        }
        return 1;
}

static bool has(const Found *f, const IpAddress *a) {
        for (size_t i = 0; i < f->n; i++)
                if (ip_equal(&f->items[i], a))
                        return true;
        return false;
}

static Leads judge(const Found *of_name, const Found *of_relay, bool documentation,
                   IpAddress *ret_stranger) {
        if (of_relay->n == 0)
                return LEADS_UNKNOWN;
        if (of_name->n == 0)
                return LEADS_NOWHERE;
        for (size_t i = 0; i < of_name->n; i++) {
                if (has(of_relay, &of_name->items[i]))
                        continue;
                /* A resolver inside the house may have answers of its own. */
                if (!special_is_public(&of_name->items[i], documentation))
                        return LEADS_UNKNOWN;
                *ret_stranger = of_name->items[i];
                return LEADS_ASTRAY;
        }
        return LEADS_THERE;
}

int leads_look(const char *name, const char *target, bool documentation, Leads *ret,
               IpAddress *ret_stranger) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        Found of_name, of_relay;
        int r;

        *ret = LEADS_UNKNOWN;
        r = leads_query(name, "CNAME", &reply);
        if (r > 0 && leads_names(reply, target)) {
                *ret = LEADS_THERE;
                return 0;
        }
        if (r > 0)
                r = find_addresses(name, &of_name);
        if (r > 0)
                r = find_addresses(target, &of_relay);
        if (r > 0)
                *ret = judge(&of_name, &of_relay, documentation, ret_stranger);
        return MIN(r, 0);
}

/* A family whose address is not known now has no strangers. */
static bool is_ours(const IpAddress *a, sd_json_variant *addresses) {
        const size_t family = a->family == AF_INET6 ? GLUE_IPV6 : GLUE_IPV4;
        const char *texts[_GLUE_FAMILIES_MAX];
        IpAddress ours;

        glue_addresses(addresses, texts);
        return texts[family] ? ip_parse(texts[family], &ours) >= 0 && ip_equal(a, &ours) :
                               glue_is_open(addresses, family);
}

/* Asked for is a name that is made up, since what a resolver remembers shows nothing of who answers now. */
static int ask_below(const char *name) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        char other[MADE_UP_MAX + HOSTNAME_MAX + 1];
        uint64_t chance = 0;

        (void) !getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
        (void) snprintf(other, sizeof(other), "hagw-%016lx.%s", (unsigned long) chance, name);
        return leads_query(other, "A", &reply);
}

/* 1: somebody answers for one of its ancestors, so that the resolver and the internet are there. The nearest
 * one that is not in the silent zone itself says so; many a resolver is not answered at the top. */
static int is_answered_above(const char *name) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + ANCESTORS_USEC;
        int r = 0;

        for (unsigned n = 0; r == 0 && n < LEADS_ANCESTORS_MAX && clock_usec(CLOCK_MONOTONIC) < end; n++) {
                name = strchr(name, '.');
                if (!name || *++name == '\0')
                        break;
                r = ask_below(name);
        }
        return r;
}

/* Whether nobody answers for it, whatever its resolver remembers. Names below it are in its own zone. Asked
 * twice, since a question may be lost. */
static int judge_remembered(const char *name, Leads *ret) {
        int r;

        if (strlen(name) + MADE_UP_MAX > HOSTNAME_MAX)
                return 0;
        r = ask_below(name);
        if (r != 0)
                return MIN(r, 0);
        r = is_answered_above(name);
        if (r <= 0)
                return r;
        r = ask_below(name);
        if (r == 0)
                *ret = LEADS_SILENT;
        return MIN(r, 0);
}

int leads_look_here(const char *name, sd_json_variant *addresses, bool documentation, Leads *ret,
                    IpAddress *ret_stranger) {
        Found found;
        int r = find_addresses(name, &found);

        *ret = LEADS_UNKNOWN;
        if (r == 0) {
                r = is_answered_above(name);
                *ret = r > 0 ? LEADS_SILENT : LEADS_UNKNOWN;
                return MIN(r, 0);
        }
        if (r < 0)
                return r;
        *ret = found.n > 0 ? LEADS_THERE : LEADS_NOWHERE;
        for (size_t i = found.n; i-- > 0;) { /* AAAA were asked for last */
                if (is_ours(&found.items[i], addresses))
                        continue;
                /* A resolver inside the house may have answers of its own. */
                *ret = special_is_public(&found.items[i], documentation) ? LEADS_ASTRAY : LEADS_UNKNOWN;
                *ret_stranger = found.items[i];
                return 0;
        }
        return *ret == LEADS_THERE ? judge_remembered(name, ret) : 0;
}

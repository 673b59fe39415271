/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of domains without asking anybody. */

#include "hagw-ctl/domains.h"
#include "libhagw/pure/hostname.h"

static bool lies_below(const char *name, const char *const *domains) {
        for (; *domains; domains++)
                if (hostname_in_zone(name, *domains))
                        return true;
        return false;
}

static const char *const dynamic_domains[] = { "myfritz.net", "duckdns.org", "ddns.net", "dyndns.org",
                                               "no-ip.org",   "hopto.org",   "spdns.de", NULL };

bool domain_is_dynamic(const char *name) { return lies_below(name, dynamic_domains); }

/* RFC 2606's, and what our own questions show. */
bool domain_is_example(const char *name) {
        static const char *const domains[] = { "example", "example.com", "example.net", "example.org",
                                               NULL };
        const char *dynamic = startswith(name, "example.");

        return lies_below(name, domains) || (dynamic && lies_below(dynamic, dynamic_domains));
}

/* What names are sold below, beside top-level domains. Not all of them are known to us: a domain below
 * another is taken without a question, as each zone could be. */
bool domain_is_sold_below(const char *name) {
        static const char *const everywhere[] = { "ac",  "asn", "co",  "com", "edu", "gen", "go",
                                                  "gob", "gov", "gv",  "id",  "ltd", "me",  "mil",
                                                  "ne",  "net", "nom", "or",  "org", "plc", NULL };
        static const char *const others[] = { "eu.org", "uk.com", "us.com", "eu.com", "de.com",
                                              "gb.net", "uk.net", "se.net", "jpn.com", NULL };
        const char *dot = strchr(name, '.');

        if (!dot || strchr(dot + 1, '.'))
                return false;
        for (const char *const *p = others; *p; p++)
                if (streq(name, *p))
                        return true;
        /* Two letters are a country's. */
        for (const char *const *p = everywhere; *p && strlen(dot + 1) == 2; p++)
                if (strlen(*p) == (size_t) (dot - name) && startswith(name, *p))
                        return true;
        return false;
}

bool domain_is_whole(const char *name) {
        const char *dot = strchr(name, '.');

        return dot && (!strchr(dot + 1, '.') || domain_is_sold_below(dot + 1));
}

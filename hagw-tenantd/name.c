/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants' names, further domains, and the names at which they may publish. */

#include "hagw-tenantd/name.h"

#define CHALLENGE_LABEL "_acme-challenge."

/* Labels that people and programs take for the relay's own, or that mean something everywhere (RFC 2142,
 * RFC 6761, mail and browser auto-configuration). */
static const char *const reserved[] = {
        "abuse",    "acme",  "admin",     "administrator", "api",        "auth",     "autoconfig",
        "autodiscover", "dns", "example", "ftp",           "hagw",       "hostmaster", "imap",
        "info",     "invalid", "isatap",  "local",         "localhost",  "login",    "mail",
        "mx",       "ns",    "ns0",       "ns1",           "ns2",        "ns3",      "ns4",
        "pop",      "pop3",  "postmaster", "relay",        "root",       "security", "smtp",
        "ssl",      "status", "support",  "sysadmin",      "test",       "webmaster", "wpad",
        "www",
};

static bool is_label(const char *s) {
        const size_t n = strlen(s);

        if (n < 1 || n > HOSTNAME_LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
                return false;
        for (; *s; s++)
                if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') && *s != '-')
                        return false;
        return true;
}

const char *tenant_name_problem(const char *name, const char *zone) {
        if (!is_label(name))
                return "A tenant's name is one label: 1 to 63 letters, digits and hyphens, "
                       "and no hyphen at its ends.";
        /* RFC 5891 section 4.2.3.1: these are for encodings, such as xn--; what they show is not what is
         * read. */
        if (strlen(name) >= 4 && name[2] == '-' && name[3] == '-')
                return "Names with hyphens in the third and fourth place are kept for encodings.";
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (streq(name, reserved[i]))
                        return "This name is kept for the relay itself.";
        if (strlen(CHALLENGE_LABEL) + strlen(name) + 1 + strlen(zone) > HOSTNAME_MAX)
                return "With the relay's zone behind it the name is too long.";
        return NULL;
}

bool tenant_name_covers(const char *name, const char *zone, const char *own) {
        char full[HOSTNAME_LABEL_MAX + 1 + HOSTNAME_MAX + 1];
        char *p = full;

        if (strlen(name) > HOSTNAME_LABEL_MAX || strlen(zone) > HOSTNAME_MAX)
                return false;
        p = stpcpy(stpcpy(p, name), ".");
        (void) stpcpy(p, zone);
        return hostname_in_zone(startswith(own, "*.") ?: own, full);
}

const char *tenant_domain_problem(const char *domain, const char *zone, char *out) {
        const char *plain = startswith(domain, "*.") ?: domain;
        char normalized[HOSTNAME_MAX + 1];
        const char *last;

        if (hostname_normalize(plain, strlen(plain), normalized) < 0 || strchr(normalized, '_'))
                return "This is neither a host name nor \"*.DOMAIN\".";
        if (!strchr(normalized, '.'))
                return "A domain has at least two labels.";
        last = strrchr(normalized, '.') + 1;
        if (strspn(last, "0123456789") == strlen(last))
                return "This is an address or a part of one, and visitors ask for names.";
        if (hostname_in_zone(normalized, zone))
                return "Names inside the relay's zone belong to the tenant whose label they end in.";
        if (plain != domain)
                out = stpcpy(out, "*.");
        (void) stpcpy(out, normalized);
        return NULL;
}

bool challenge_name_is_tenants(const char *name, const char *tenant, const char *zone, char *out) {
        char normalized[HOSTNAME_MAX + 1];
        const char *rest;
        int n;

        n = hostname_normalize(name, strlen(name), normalized);
        if (n < 0)
                return false;
        rest = startswith(normalized, CHALLENGE_LABEL);
        if (!rest || strchr(rest, '_') || !tenant_name_covers(tenant, zone, rest))
                return false;
        memcpy(out, normalized, (size_t) n + 1);
        return true;
}

bool challenge_value_is_valid(const char *value) {
        if (strlen(value) != CHALLENGE_VALUE_LENGTH)
                return false;
        for (; *value; value++)
                if (!(*value >= 'a' && *value <= 'z') && !(*value >= 'A' && *value <= 'Z') &&
                    !(*value >= '0' && *value <= '9') && *value != '-' && *value != '_')
                        return false;
        return true;
}

bool account_issuer_normalize(const char *issuer, char *out) {
        const int n = hostname_normalize(issuer, strlen(issuer), out);

        return n >= 0 && !strchr(out, '_');
}

bool account_uri_is_valid(const char *uri) {
        const size_t n = strlen(uri);

        if (n > ACCOUNT_URI_MAX || !startswith(uri, "https://") || n == strlen("https://"))
                return false;
        /* RFC 8657 section 3, value: printable, no blank, no semicolon. Quotes and backslashes would have to
         * be escaped in zone files. */
        for (; *uri; uri++)
                if (*uri <= ' ' || *uri > '~' || strchr(";\"\\", *uri))
                        return false;
        return true;
}

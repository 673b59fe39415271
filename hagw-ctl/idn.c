/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names with letters of one's own, names that are too long, and names with an underscore. */

#include <gnutls/gnutls.h>

#include "hagw-ctl/domains.h"
#include "hagw-ctl/idn.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/reason.h"

int idn_refuse(const char *name, char **ret_reason) {
        char why[HOSTNAME_WHY_MAX], normal[HOSTNAME_MAX + 1];
        gnutls_datum_t form = {};
        int r;

        if (!hostname_why(name, strlen(name), why))
                return 0;
        if (gnutls_idna_map(name, (unsigned) strlen(name), &form, 0) < 0 ||
            hostname_normalize((const char *) form.data, form.size, normal) <= 0 || streq(normal, name))
                r = reason_give(ret_reason, -EINVAL, "\"%s\" cannot be a name: %s.", name, why);
        else
                r = reason_give(ret_reason, -EINVAL, "\"%s\" cannot be a name as it stands: %s. Write: %s",
                                name, why, normal);
        gnutls_free(form.data);
        return r;
}

/* That it has one in what was bought of it, so that without it it would be somebody else's. */
static bool is_somebody_elses(const char *name) {
        const char *bare = startswith(name, "*.") ?: name;

        for (; bare; bare = strchr(bare, '.') ? strchr(bare, '.') + 1 : NULL)
                if (domain_is_whole(bare))
                        return strchr(bare, '_') != NULL;
        return false;
}

int idn_judge_underscore(const char *name, char **ret_reason) {
        char hyphens[HOSTNAME_MAX + 3], normal[HOSTNAME_MAX + 1];
        const char *bare;

        if (!strchr(name, '_') || strlen(name) >= sizeof(hyphens))
                return 0;
        (void) stpcpy(hyphens, name);
        for (char *p = hyphens; (p = strchr(p, '_'));)
                *p = '-';
        bare = startswith(hyphens, "*.") ?: hyphens;
        /* A label does not begin or end with a hyphen. */
        if (hostname_normalize(bare, strlen(bare), normal) <= 0 || is_somebody_elses(name))
                *hyphens = '\0';
        return reason_give(ret_reason, 1,
                           "%s has an underscore: no public authority gives certificates for such names, "
                           "and some programs refuse them%s%s%s",
                           name, *hyphens ? "; did you mean \"" : ".", hyphens, *hyphens ? "\"?" : "");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a name is the top of a zone is known to its DNS alone; one that was bought as it is certainly is
 * one. */

#include <ctype.h>
#include <stdio.h>

#include "hagw-ctl/domains.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/records.h"
#include "libhagw/pure/hostname.h"

/* As zone files have it, without the final dot. */
static const char *plain(const char *name, char out[static HOSTNAME_MAX + 1]) {
        size_t n = strnlen(name, HOSTNAME_MAX);

        if (n > 0 && name[n - 1] == '.')
                n--;
        for (size_t i = 0; i < n; i++)
                out[i] = (char) tolower((unsigned char) name[i]);
        out[n] = '\0';
        return out;
}

bool records_print_name(const char *prefix, const char *name, const char *target, const char *note) {
        char text[HOSTNAME_MAX + 1];
        bool top = domain_is_whole(plain(name, text)) && *text != '*';

        output("%s%s.  %s  %s.%s\n", prefix, text, top ? "ALIAS" : "CNAME", target, strempty(note));
        return top;
}

void records_print_challenge(const char *prefix, const char *name, const char *target) {
        char text[HOSTNAME_MAX + 1];

        output("%s_acme-challenge.%s.  CNAME  _acme-challenge.%s.\n", prefix,
               plain(startswith(name, "*.") ?: name, text), target);
}

void records_explain_alias(const char *target) {
        output_paragraph("",
                         "ALIAS stands for what many providers have at the top of a domain, where no CNAME "
                         "may be: ALIAS, ANAME or a flattened CNAME. Where there is none, A and AAAA with "
                         "the addresses of %s do the same, and have to be changed when those change.",
                         target);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wait that an authority asked for, in words. No I/O. */

#include <stdio.h>

#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"

uint64_t certlimit_get(sd_json_variant *c, uint64_t now) {
        const uint64_t until = field_number(c, "limitUSec");

        return until > now ? until : 0;
}

const char *certlimit_option(sd_json_variant *c, uint64_t now) {
        return certlimit_get(c, now) > 0 ? " --now" : "";
}

int certlimit_text(sd_json_variant *c, uint64_t now, char **ret) {
        const uint64_t until = certlimit_get(c, now), next = field_number(c, "nextUSec");
        char date[TIME_TEXT_MAX], when[TIME_TEXT_MAX], then[TIME_TEXT_MAX];
        const bool fallback = next > 0 && next < until;

        *ret = NULL;
        if (until == 0)
                return 0;
        if (asprintf(ret,
                     "The certificate authority asks to wait until %s (%s); hagw-ctl cert renew %s --now "
                     "asks anyway.%s%s%s",
                     format_date(until, date), format_when(until, now, when), field_text(c, "name"),
                     fallback ? " The fallback is asked " : "",
                     fallback ? format_when(MAX(next, now + 1), now, then) : "", fallback ? "." : "") < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

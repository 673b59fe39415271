/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf.h"

/* Which certificates a configuration asks for. No I/O. */

typedef struct Want {
        char *names[3];             /* NULL-terminated, the first is the certificate's name */
        const char *challenge_type; /* static; NULL: nothing can prove it (a wildcard outside all zones) */
} Want;

/* One per zone (apex and wildcard, DNS-01), one per host that no wildcard of a zone covers (DNS-01 inside a
 * zone, HTTP-01 outside of all). */
int plan_make(const Config *config, Want **ret, size_t *ret_n);
void plan_free(Want *wants, size_t n);

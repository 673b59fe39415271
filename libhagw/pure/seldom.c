/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>

#include "libhagw/pure/plural.h"
#include "libhagw/pure/seldom.h"

bool seldom_take_of(Seldom *s, unsigned max, uint64_t now_usec, char out[static SELDOM_TEXT_MAX]) {
        const bool same = s->told_usec > 0 && now_usec < s->told_usec + SELDOM_USEC;

        if (same && s->told >= max) {
                s->untold++;
                return false;
        }
        *out = '\0';
        if (s->untold > 0)
                (void) snprintf(out, SELDOM_TEXT_MAX, ", and %" PRIu64 " %s before it", s->untold,
                                PLURAL(s->untold, "other"));
        *s = (Seldom) { .told_usec = same ? s->told_usec : now_usec, .told = same ? s->told + 1 : 1 };
        return true;
}

bool seldom_take(Seldom *s, uint64_t now_usec, char out[static SELDOM_TEXT_MAX]) {
        return seldom_take_of(s, 1, now_usec, out);
}

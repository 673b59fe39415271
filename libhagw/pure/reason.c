/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stdio.h>

#include "libhagw/pure/reason.h"

int reason_give(char **ret, int r, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(ret, format, ap);
        va_end(ap);
        if (n >= 0)
                return r;
        *ret = NULL;
        return -ENOMEM;
}

/* " after 3 ms" or " after 3 milliseconds" at the beginning; what follows it, or NULL. */
static char *skip_duration(char *text) {
        static const char begin[] = " after ";
        size_t digits;
        const char *rest;

        if (!startswith(text, begin))
                return NULL;
        text += strlen(begin);
        digits = strspn(text, "0123456789");
        rest = startswith(text + digits, " milliseconds") ?: startswith(text + digits, " ms");
        return digits > 0 && rest ? text + (rest - text) : NULL;
}

void reason_drop_measures(char *reason) {
        for (char *at = strchr(reason, ' '); at; at = strchr(at + 1, ' ')) {
                char *rest = skip_duration(at);

                if (!rest)
                        continue;
                if (startswith(rest, " with ") && endswith(rest, " bytes received"))
                        rest += strlen(rest);
                memmove(at, rest, strlen(rest) + 1);
                return;
        }
}

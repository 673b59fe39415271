/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Alarms. Main thread only. */

#include <stdio.h>

#include "hagw-acmed/shout.h"
#include "libhagw/log.h"

const char *span_format(uint64_t usec, char out[static SPAN_TEXT_MAX]) {
        static const struct {
                uint64_t usec;
                const char *name;
        } units[] = { { USEC_PER_DAY, "days" }, { USEC_PER_HOUR, "hours" }, { USEC_PER_MINUTE, "minutes" },
                      { USEC_PER_SEC, "seconds" } };
        size_t i = 0;

        while (i + 1 < ELEMENTSOF(units) && usec < 3 * units[i].usec)
                i++;
        (void) snprintf(out, SPAN_TEXT_MAX, "%llu %s", (unsigned long long) (usec / units[i].usec),
                        units[i].name);
        return out;
}

void certificate_shout(const Certificate *c, uint64_t now_usec) {
        _cleanup_free_ char *error = NULL;
        char left[SPAN_TEXT_MAX];

        (void) certificate_describe_error(c, &error);
        if (c->state == CERTIFICATE_EXPIRED)
                log_full(LOG_CRIT, 0, "The certificate for %s has EXPIRED: visitors see an error. %s%s",
                         c->name, error ? "The last try to renew it failed: " : "", strempty(error));
        else
                log_full(LOG_CRIT, 0,
                         "The certificate for %s expires in %s and was not renewed. %s%s", c->name,
                         span_format(c->not_after_usec - now_usec, left),
                         c->imported ? "It was imported: import its successor."
                         : error     ? "The last try failed: "
                                     : "",
                         c->imported ? "" : strempty(error));
}

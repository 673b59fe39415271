/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Months. The arithmetic is that of timegm(3), which knows a time zone's rules no more than UTC needs. */

#include <stdio.h>
#include <time.h>

#include "hagw-tenantd/month.h"

#define MONTH_MAX (9999U * 12 + 11)

Month month_of(uint64_t realtime_usec) {
        const time_t t = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm))
                return MONTH_MAX;
        return MIN((Month) (tm.tm_year + 1900) * 12 + (Month) tm.tm_mon, MONTH_MAX);
}

uint64_t month_start_usec(Month m) {
        struct tm tm = { .tm_year = (int) (m / 12) - 1900, .tm_mon = (int) (m % 12), .tm_mday = 1 };
        const time_t t = timegm(&tm);

        return t > 0 ? (uint64_t) t * USEC_PER_SEC : 0;
}

const char *month_format(Month m, char *out) {
        m = MIN(m, MONTH_MAX);
        (void) snprintf(out, MONTH_TEXT_SIZE, "%04u-%02u", m / 12, m % 12 + 1);
        return out;
}

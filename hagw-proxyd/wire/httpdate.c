/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clock in words. In English, whatever the locale. */

#include <stdio.h>

#include "hagw-proxyd/wire/httpdate.h"

#define LAST_SEC INT64_C(253402300799) /* 9999-12-31 23:59:59 */

static void write_date(HttpDate *d, time_t sec) {
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        struct tm t;

        d->sec = sec;
        d->text[0] = '\0';
        if (sec < 0 || sec > LAST_SEC || !gmtime_r(&sec, &t))
                return;
        (void) snprintf(d->text, sizeof(d->text), "%s, %02u %s %04u %02u:%02u:%02u GMT", days[t.tm_wday % 7],
                        (unsigned) t.tm_mday % 100, months[t.tm_mon % 12],
                        ((unsigned) t.tm_year + 1900) % 10000, (unsigned) t.tm_hour % 100,
                        (unsigned) t.tm_min % 100, (unsigned) t.tm_sec % 100);
}

const char *http_date(HttpDate *d, time_t sec) {
        if (!d->text[0] || d->sec != sec)
                write_date(d, sec);
        return d->text;
}

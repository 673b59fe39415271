/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes and times in words. */

#include <stdio.h>
#include <time.h>

#include "hagw-ctl/output.h"
#include "libhagw/usec.h"

const char *format_bytes(uint64_t bytes, char *out) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
        double n = (double) bytes;
        size_t i = 0;

        for (; n >= 1024 && i + 1 < ELEMENTSOF(units); i++)
                n /= 1024;
        (void) snprintf(out, TIME_TEXT_MAX, i == 0 || n >= 100 ? "%.0f %s" : "%.1f %s", n, units[i]);
        return out;
}

const char *format_span(uint64_t usec, char *out) {
        static const struct {
                uint64_t usec;
                const char *one, *many;
        } units[] = {
                { USEC_PER_DAY, "day", "days" },
                { USEC_PER_HOUR, "h", "h" },
                { USEC_PER_MINUTE, "min", "min" },
                { USEC_PER_SEC, "s", "s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                uint64_t n = usec / units[i].usec;

                /* Below two days hours tell more. */
                if (n < (units[i].usec == USEC_PER_DAY ? 2 : 1))
                        continue;
                (void)snprintf(out, TIME_TEXT_MAX, "%lu %s", (unsigned long)n,
                               n == 1 ? units[i].one : units[i].many);
                return out;
        }
        (void) snprintf(out, TIME_TEXT_MAX, "0 s");
        return out;
}

const char *format_date(uint64_t usec, char *out) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&t, &tm) || strftime(out, TIME_TEXT_MAX, "%Y-%m-%d %H:%M", &tm) == 0)
                (void) stpcpy(out, "an odd time");
        return out;
}

const char *format_month_end(char *out) {
        const time_t now = (time_t) (clock_usec(CLOCK_REALTIME) / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&now, &tm))
                return format_date(USEC_INFINITY, out);
        tm = (struct tm) { .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1 };
        return format_date((uint64_t) timegm(&tm) * USEC_PER_SEC, out);
}

const char *format_when(uint64_t usec, uint64_t now, char *out) {
        char span[TIME_TEXT_MAX];

        if (usec == 0)
                (void) snprintf(out, TIME_TEXT_MAX, "never");
        else if (usec > now && usec - now < USEC_PER_SEC)
                (void) snprintf(out, TIME_TEXT_MAX, "now");
        else if (usec > now)
                (void) snprintf(out, TIME_TEXT_MAX, "in %s", format_span(usec - now, span));
        else if (now - usec < USEC_PER_SEC)
                (void) snprintf(out, TIME_TEXT_MAX, "just now");
        else
                (void) snprintf(out, TIME_TEXT_MAX, "%s ago", format_span(now - usec, span));
        return out;
}

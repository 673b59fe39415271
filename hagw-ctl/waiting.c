/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The line that shows for what we wait. */

#include <stdio.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/usec.h"

static struct {
        const char *what; /* NULL: nothing is waited for */
        uint64_t begin_usec, limit_usec, shown_sec;
        bool stands; /* the line is there */
        bool said;   /* it was, where it can be once only */
        bool headed; /* what is told meanwhile stands below a line of its own */
} now;

static bool counts(void) {
        const char *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(term && streq(term, "dumb"));
}

void waiting_begin(const char *what, uint64_t limit_usec, bool quiet) {
        waiting_end();
        if (quiet)
                return;
        now.what = what;
        now.begin_usec = clock_usec(CLOCK_MONOTONIC);
        now.limit_usec = limit_usec;
        now.said = now.headed = false;
}

/* No longer than the terminal is wide: of two lines only one would go away. First goes what can be guessed,
 * then the end of what is waited for. */
static void show_line(const char *waited, const char *limit) {
        static const char *const ends[] = { " (Ctrl-C ends it)", "" };
        const int width = (int) terminal_columns(STDOUT_FILENO) - 1;
        int n = 0;

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                n = snprintf(NULL, 0, "Waiting for %s: %s of at most %s%s", now.what, waited, limit,
                             ends[i]);
                if (n <= width) {
                        output("Waiting for %s: %s of at most %s%s", now.what, waited, limit, ends[i]);
                        return;
                }
        }
        n = MAX((int) strlen(now.what) - (n - width) - 3, 0);
        output("Waiting for %.*s...: %s of at most %s", n, now.what, waited, limit);
}

/* By seconds: what stands still for a minute looks stuck. */
static const char *format_waited(uint64_t usec, char out[static TIME_TEXT_MAX]) {
        const uint64_t sec = usec / USEC_PER_SEC;

        if (sec < 60)
                return format_span(usec, out);
        (void) snprintf(out, TIME_TEXT_MAX, "%u min %u s", (unsigned) (sec / 60), (unsigned) (sec % 60));
        return out;
}

void waiting_show(void) {
        char span[TIME_TEXT_MAX], limit[TIME_TEXT_MAX];
        uint64_t waited;

        if (!now.what)
                return;
        waited = clock_usec(CLOCK_MONOTONIC) - now.begin_usec;
        (void) format_span(now.limit_usec, limit);
        if (!counts()) {
                if (!now.said)
                        output("Waiting for %s, for at most %s.\n", now.what, limit);
        } else {
                output_exact("\r\033[K");
                show_line(format_waited(waited, span), limit);
                now.stands = true;
        }
        now.said = true;
        now.shown_sec = waited / USEC_PER_SEC;
        (void) fflush(stdout);
}

void waiting_head(void) {
        char limit[TIME_TEXT_MAX];

        if (!now.what)
                return;
        waiting_clear();
        if (!now.headed && !now.said)
                output("Waiting for %s, for at most %s:\n", now.what, format_span(now.limit_usec, limit));
        now.headed = now.said = true;
}

void waiting_tick(void) {
        uint64_t sec;

        if (!now.what)
                return;
        sec = (clock_usec(CLOCK_MONOTONIC) - now.begin_usec) / USEC_PER_SEC;
        if (sec > 0 && (!now.said || (counts() && (sec != now.shown_sec || !now.stands))))
                waiting_show();
}

void waiting_clear(void) {
        if (now.stands)
                output_exact("\r\033[K");
        now.stands = false;
        (void) fflush(stdout);
}

void waiting_end(void) {
        waiting_clear();
        now.what = NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about this machine's clock: with a wrong one no certificate is valid. */

#include <sys/timex.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/view.h"
#include "libhagw/usec.h"

#define TOLERANCE_USEC USEC_PER_DAY

/* Older than this program no clock is right: 2026-11-01. */
#define PROGRAM_USEC (1793491200 * USEC_PER_SEC)

#define REMEDY "Set it: timedatectl set-ntp true has it done by itself, timedatectl set-time does it by hand"

/* Of those that authorities issued: each has begun. */
static uint64_t newest_beginning(const Status *s) {
        uint64_t newest = 0;

        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++)
                newest = MAX(newest, field_number(field_element(s->certificates, "certificates", i),
                                                  "notBeforeUSec"));
        return newest;
}

static bool has_word(const char *error, const char *const *words) {
        for (; error && *words; words++)
                if (strstr(error, *words))
                        return true;
        return false;
}

/* Who speaks TLS with us, and whose certificate is none by this clock. */
static const char *find_witness(const Status *s, const char *const *words) {
        const char *error = field_text(sd_json_variant_by_key(s->relay, "relay"), "error");

        if (has_word(error, words))
                return "the relay's";
        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++)
                if (has_word(field_text(field_element(s->certificates, "certificates", i), "error"), words))
                        return "the certificate authority's";
        return NULL;
}

bool status_clock_is_set(void) {
        const char *e = secure_getenv("HAGW_CLOCK_SET"); /* for tests: the kernel has one state only */
        struct timex t = {};

        if (e)
                return streq(e, "1");
        return adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
}

const char *status_clock_text(char *out) {
        return format_date(clock_usec(CLOCK_REALTIME), out);
}

int judge_clock(Status *s) {
        sd_json_variant *v = sd_json_variant_by_key(s->certificates, "clockDifferenceUSec");
        const int64_t difference = v && sd_json_variant_is_integer(v) ? sd_json_variant_integer(v) : 0;
        const uint64_t now = clock_usec(CLOCK_REALTIME), beginning = newest_beginning(s);
        static const char *const early[] = { "not yet valid", "not valid yet", NULL };
        static const char *const late[] = { "expired certificate", "certificate has expired", NULL };
        const char *witness = find_witness(s, early);
        char says[TIME_TEXT_MAX], right[TIME_TEXT_MAX];
        bool ahead = difference < 0;

        format_date(now, says);
        if (difference != 0)
                status_problem(s, "This machine's clock says %s, the certificate authority's says %s. "
                                  REMEDY ".", says, format_date(now + (uint64_t) difference, right));
        else if (beginning > now + TOLERANCE_USEC)
                status_problem(s, "This machine's clock says %s, but its own certificate begins at %s. "
                                  REMEDY ".", says, format_date(beginning, right));
        else if (now < PROGRAM_USEC)
                status_problem(s, "This machine's clock says %s, which is long past. " REMEDY ".", says);
        else if (witness)
                status_problem(s, "This machine's clock says %s, and %s certificate is not valid yet by it. "
                                  REMEDY ".", says, witness);
        else if (!status_clock_is_set() && (witness = find_witness(s, late))) {
                ahead = true;
                status_problem(s, "This machine's clock says %s, and %s certificate has expired by it, "
                                  "while no time server has set the clock. " REMEDY ".", says, witness);
        }
        if (s->n_problems > 0)
                cause_note(s, ahead ? CAUSE_CLOCK_AHEAD : CAUSE_CLOCK_BEHIND);
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about certificates that other programs get. */

#include <time.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/exports.h"
#include "hagw-ctl/output.h"
#include "libhagw/usec.h"

/* Nothing failed yet: the timer finds it within ten minutes, and a folder that somebody wanted gone is asked
 * for then. */
static void judge_standing(Status *s, const Export *e) {
        const int r = export_stands(e);

        if (r > 0)
                return;
        status_problem(s,
                       "The certificate %s is exported to %s, and %s there any more: %s"
                       "\"hagw-ctl cert export --renewed\" writes it again, and \"hagw-ctl cert export "
                       "--stop --to=%s\" ends it.",
                       e->certificate, e->directory, r < 0 ? "that folder is not" : "its files are not",
                       r < 0 ? "when the folder is made again, " : "", e->directory);
}

int judge_exports(Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        char when[TIME_TEXT_MAX];
        int r;

        r = exports_read(&array);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; i < sd_json_variant_elements(array); i++) {
                Export e;

                export_read(sd_json_variant_by_index(array, i), &e);
                if (!e.error)
                        judge_standing(s, &e);
                if (!e.error || cause_explains(s, EFFECT_EXPORT, NULL, e.error))
                        continue;
                (void) format_when(e.failing_usec, clock_usec(CLOCK_REALTIME), when);
                status_problem(s,
                               "The certificate %s could not be exported to %s, for the first time %s: %s. "
                               "It is tried again every ten minutes; \"hagw-ctl cert export --renewed\" "
                               "tries it now, and one with --stop ends it.",
                               e.certificate, e.directory, when, e.error);
        }
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about who is to be told. */

#include "hagw-ctl/client.h"
#include "hagw-ctl/notify.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/status.h"
#include "libhagw/usec.h"

int judge_notify(Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *told = NULL;
        char when[TIME_TEXT_MAX];
        int r;

        if (!s->config || !s->config->notify || !s->config->notify[0])
                return 0;
        r = notify_read_told(&told);
        for (char **t = s->config->notify; r >= 0 && *t; t++) {
                sd_json_variant *v = notify_find_target(told, *t);
                /* hagw-notify comes later to what a clock that was ahead has noted. */
                const uint64_t now = clock_usec(CLOCK_REALTIME),
                               since = MIN(field_number(v, "failingUSec"), now);

                if (since > 0)
                        status_problem(s,
                                       "%s cannot be told what needs attention, for the first time %s: "
                                       "%s. \"hagw-ctl notify test\" tries it.",
                                       *t, format_when(since, now, when),
                                       field_text(v, "error") ?: "hagw-ctl log tells why");
        }
        return r;
}

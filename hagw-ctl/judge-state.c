/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the daemons' files: what could not be written, and whether there is room. */

#include <stdio.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

static bool has_faults(sd_json_variant *d) {
        return field_count(d, "stateFaults") > 0;
}

static bool is_read_only(sd_json_variant *d) {
        return !has_faults(d) && field_bool(d, "stateReadOnly");
}

static bool is_low(sd_json_variant *d) {
        return !has_faults(d) && !field_bool(d, "stateReadOnly") && field_bool(d, "stateLow");
}

/* The first daemon that it is true of; ret_more: how many others. A disk is full once, for all of them. */
static sd_json_variant *find(const Status *s, bool (*is)(sd_json_variant *d), size_t *ret_more) {
        sd_json_variant *first = NULL;

        *ret_more = 0;
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);

                if (!is(d))
                        continue;
                *ret_more += !!first;
                first = first ?: d;
        }
        return first;
}

static const char *others(size_t more, char *out, size_t size) {
        if (more == 0)
                return "";
        (void) snprintf(out, size, " (and %zu more %s)", more, PLURAL(more, "daemon"));
        return out;
}

static const char *remedy(sd_json_variant *d) {
        return field_bool(d, "stateReadOnly") ?
                       "the file system can only be read; \"journalctl -k -p err\" may tell why" :
                       "\"df -h\" and \"df -i\" show where there is no room";
}

static void judge_faults(Status *s) {
        size_t more;
        sd_json_variant *d = find(s, has_faults, &more), *f;
        char when[TIME_TEXT_MAX], also[64];

        if (!d)
                return;
        cause_note(s, CAUSE_DISK);
        f = field_element(d, "stateFaults", 0);
        status_problem(s,
                       "The state of %s%s could not be written, for the first time %s: %s: %s; %s. Until "
                       "that works again changes are refused, but for who is shut out, and what comes by "
                       "itself is kept in memory only.",
                       field_text(d, "name"), others(more, also, sizeof(also)),
                       format_when(field_number(f, "sinceUSec"), clock_usec(CLOCK_REALTIME), when),
                       field_text(f, "file"), field_text(f, "reason"), remedy(d));
}

int judge_state(Status *s) {
        size_t more;
        sd_json_variant *d;
        char also[64];

        judge_faults(s);
        d = find(s, is_read_only, &more);
        if (d && !s->told[CAUSE_DISK]) {
                cause_note(s, CAUSE_DISK);
                status_problem(s, "Nothing can be written to %s, the state of %s%s: %s.",
                               field_text(d, "stateDirectory"), field_text(d, "name"),
                               others(more, also, sizeof(also)), remedy(d));
        }
        d = find(s, is_low, &more);
        if (d && !s->told[CAUSE_DISK] && field_number(d, "stateFreeBytes") < STATUS_NO_ROOM_BYTES)
                status_problem(s, "There is no room left for the state of %s%s in %s; %s.",
                               field_text(d, "name"), others(more, also, sizeof(also)),
                               field_text(d, "stateDirectory"), remedy(d));
        else if (d && !s->told[CAUSE_DISK])
                status_problem(s, "There is little room for the state of %s%s: %.1f MiB in %s; %s.",
                               field_text(d, "name"), others(more, also, sizeof(also)),
                               (double) field_number(d, "stateFreeBytes") / (1024 * 1024),
                               field_text(d, "stateDirectory"), remedy(d));
        return 0;
}

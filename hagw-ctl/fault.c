/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What io.hagw.Service.Describe says of the state. */

#include <stdio.h>

#include "hagw-ctl/fault.h"

/* The oldest stand first; what was asked for just now met the last one. */
static sd_json_variant *last_fault(sd_json_variant *describe) {
        const size_t n = field_count(describe, "stateFaults");

        return n > 0 ? field_element(describe, "stateFaults", n - 1) : NULL;
}

static int describe(const DaemonRow *d, sd_json_variant **ret) {
        _cleanup_free_ char *reason = NULL;

        return client_describe(d, ret, &reason);
}

char *fault_text(const DaemonRow *d) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *f;
        char *text;

        f = describe(d, &v) >= 0 ? last_fault(v) : NULL;
        if (!f || asprintf(&text, "%s: %s", strempty(field_text(f, "file")),
                           strempty(field_text(f, "reason"))) < 0)
                return NULL;
        return text;
}

char *fault_explain(const DaemonRow *d) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *f;
        char *text;

        f = describe(d, &v) >= 0 ? last_fault(v) : NULL;
        if (!f || asprintf(&text,
                           "%s could not write %s: %s; %s. What was asked for is not done, and all is as "
                           "before.",
                           d->name, strempty(field_text(f, "file")), strempty(field_text(f, "reason")),
                           field_bool(v, "stateReadOnly") ?
                                   "the file system can only be read" :
                                   "\"df -h\" and \"df -i\" show where there is no room") < 0)
                return NULL;
        return text;
}

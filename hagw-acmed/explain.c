/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors of varlink in words: one row each. No I/O. */

#include <limits.h>
#include <stdio.h>

#include "hagw-acmed/explain.h"
#include "libhagw/json.h"
#include "libhagw/vl-io.hagw.Key.h"
#include "libhagw/vl.h"

typedef struct Explanation {
        const char *error;
        const char *words;
        const char *parameter; /* whose text follows the words; NULL: none */
        OrderFailure failure;
} Explanation;

/* Each ends with the row for all others. */
static const Explanation explanations[] = {
        { VL_ERROR_UNREACHABLE, "it does not answer", NULL, FAILURE_LOCAL },
        { KEY_ERROR_KEYS_FULL, "it holds as many keys as it takes; remove some", NULL, FAILURE_LOCAL },
        { KEY_ERROR_BUSY, "it is busy", NULL, FAILURE_LOCAL },
        { KEY_ERROR_BAD_PAYLOAD, "it does not sign this: ", "reason", FAILURE_LOCAL },
        { "io.hagw.Proxy.NoRelay", "it knows of no relay; see hagw-ctl attach", NULL, FAILURE_LOCAL },
        { "io.hagw.Proxy.RelayUnreachable", "the relay cannot be reached: ", "reason", FAILURE_LOCAL },
        { NULL, "", NULL, FAILURE_LOCAL },
};

/* The relay's own errors, which io.hagw.Proxy.RelayRefused carries. */
#define REFUSED "io.hagw.Proxy.RelayRefused"
static const Explanation refusals[] = {
        { "NotAdmitted", "the relay does not admit this house; was its token revoked? See hagw-ctl attach",
          NULL, FAILURE_AUTHORITY },
        { "Suspended", "this house is suspended at the relay", NULL, FAILURE_AUTHORITY },
        { "NameNotYours", "the name is not below this house's name at the relay", NULL, FAILURE_AUTHORITY },
        { "Busy", "the relay is busy", NULL, FAILURE_LOCAL },
        { NULL, "the relay refused: ", "error", FAILURE_AUTHORITY },
};

static const Explanation *find(const Explanation *e, const char *error) {
        while (e->error && !streq(e->error, error))
                e++;
        return e;
}

/* Without an interface before it. */
static const char *last_part(const char *error) {
        const char *dot = strrchr(error, '.');

        return dot ? dot + 1 : error;
}

/* The daemon could not do what it should, and says with which errno. */
#define SYSTEM_ERROR "io.systemd.System"
static const char *system_words(sd_json_variant *v) {
        sd_json_variant *e = v && sd_json_variant_is_object(v) ? sd_json_variant_by_key(v, "errno") : NULL;

        if (!e || !sd_json_variant_is_integer(e) || sd_json_variant_integer(e) > INT_MAX)
                return SYSTEM_ERROR;
        return strerror((int) sd_json_variant_integer(e));
}

OrderFailure explain_error(const char *error, sd_json_variant *parameters, char *out) {
        const char *refusal = strempty(json_string(parameters, "error"));
        const Explanation *e = streq(error, REFUSED) ? find(refusals, last_part(refusal))
                                                     : find(explanations, error);

        if (streq(error, SYSTEM_ERROR))
                error = system_words(parameters);
        (void) snprintf(out, EXPLAIN_MAX + 1, "%s%.400s", *e->words ? e->words : error,
                        e->parameter ? strempty(json_string(parameters, e->parameter)) : "");
        return e->failure;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"
#include "hagw-proxyd/wire/route.h"
#include "libhagw/pure/ownpath.h"

/* Who may pass: judged once from the route and the request, and settled by what hagw-webd says of the
 * session where that is asked. Pure. */

#define POLICY_COOKIE "__Host-hagw"
#define POLICY_RETURN_PARAMETER "return"
#define POLICY_LOCATION_MAX 4096U /* bytes of the redirect's target with NUL */
#define POLICY_TOKEN_FIELD "X-Hagw-Token" /* the same from programs that keep no cookies */
#define POLICY_SECRET_MAX 256U    /* bytes of a cookie's value or a token; longer ones are none */

typedef enum PolicySession {
        POLICY_SESSION_NONE,    /* no live session, or not asked (yet) */
        POLICY_SESSION_ALLOWED,
        POLICY_SESSION_DENIED,  /* live, but its user may not reach this host */
        _POLICY_SESSION_MAX,
} PolicySession;

typedef enum PolicyVerdict {
        POLICY_PASS,         /* to the upstream */
        POLICY_OWN,          /* to hagw-webd */
        POLICY_ASK,          /* ask hagw-webd about the secret, then settle */
        POLICY_LOGIN,        /* redirect (303) to the login page */
        POLICY_UNAUTHORIZED, /* 401: not a page, so a redirect would only confuse */
        POLICY_FOREIGN,      /* 401: another site's page has no session; a login would not change that */
        POLICY_FORBIDDEN,    /* 403 */
        POLICY_CLOSE,        /* without a byte */
        _POLICY_VERDICT_MAX,
} PolicyVerdict;

/* What the judge found out on its way. */
typedef struct PolicyFinding {
        bool foreign; /* another site's page asks (origin.h): nobody is logged in or inside */
        bool embedded; /* so it does, but access.embedded_by admits it */
        bool token;   /* secret is a token, from its own field; else a cookie's value */
        Slice secret; /* for POLICY_ASK, else empty */
} PolicyFinding;

/* inside: the visitor's address is, as inside.h has it. */
PolicyVerdict policy_judge(const Route *route, const Request *request, bool inside, PolicyFinding *ret);
/* After POLICY_ASK: what follows from the answer. */
PolicyVerdict policy_settle(const Request *request, PolicySession session);
const char *policy_verdict_text(PolicyVerdict v);

/* The Location for POLICY_LOGIN: the login page, with the target to return to. A target that does not fit,
 * or is no plain path on this host, is left out. */
void policy_login_location(const Request *request, char out[static POLICY_LOCATION_MAX]);
/* The same for POLICY_FORBIDDEN: the page that tells whom to ask, and lets somebody else log in. */
void policy_denied_location(const Request *request, char out[static POLICY_LOCATION_MAX]);

/* The one of the prefixes (NULL-ended) that the target is below, however a service might read it, or NULL.
 * Only a path that every reader understands in the same way counts: no dot segments, empty segments,
 * backslashes, parameters, encoded separators, dots, percent signs or controls, no bytes above 0x7f. A
 * prefix without final "/" matches itself and what lies below it. */
const char *policy_find_open_path(Slice target, char *const *prefixes);
static inline bool policy_path_is_open(Slice target, char *const *prefixes) {
        return policy_find_open_path(target, prefixes);
}
/* Is all that is below the prefix below one of the others, too? */
bool policy_prefix_is_open(const char *prefix, char *const *prefixes);

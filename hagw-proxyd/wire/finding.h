/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/linkfault.h"
#include "libhagw/pure/slice.h"

/* What keeps visitors from a service, found by asking it in several ways: what only one of them cures is the
 * cause, in whatever words the service refuses. Pure. */

typedef enum ProbeKind {
        PROBE_VISITOR,      /* as a visitor's request comes */
        PROBE_BARE,         /* the same without a word about who visits */
        PROBE_OWN_NAME,     /* as a visitor's, with the service's own name in Host */
        PROBE_OTHER_SCHEME, /* https where upstream says http, and the reverse */
        _PROBE_KIND_MAX,
} ProbeKind;

typedef enum Finding {
        FINDING_NONE, /* visitors get through, as far as can be told */
        FINDING_NAME,
        FINDING_REFUSED,
        FINDING_SILENT,
        FINDING_NO_ROUTE,
        FINDING_UNREACHABLE,
        FINDING_TLS,
        FINDING_CERTIFICATE,
        FINDING_SPEAKS_TLS,
        FINDING_SPEAKS_HTTP,
        FINDING_NO_ANSWER,
        FINDING_HOME_ASSISTANT, /* it does not know this machine as a proxy */
        FINDING_PROXY,          /* the same of another service */
        FINDING_HOST,           /* it wants its own name in Host */
        FINDING_HOUSE_REFUSES,  /* a tenant's: it does not take what the relay has opened */
        FINDING_HOUSE_NO_HOST,  /* the same: it has no host of this name */
        _FINDING_MAX,
        _FINDING_INVALID = -EINVAL,
} Finding;

/* One probe's result. */
typedef struct ProbeResult {
        bool asked;
        LinkFault fault;
        bool connected; /* with TLS, where that was wanted */
        bool answered;  /* the service has, and not we for it */
        bool home_assistant; /* it is Home Assistant's page that came */
        unsigned status;
        IpAddress peer; /* where it was looked for; AF_UNSPEC: not known, or no address */
        char text[256]; /* why there was no answer */
} ProbeResult;

/* The finding, or -EAGAIN: ask in this way, too (*ret_kind). results: by ProbeKind. */
int finding_judge(const ProbeResult *results, const ConfHost *host, ProbeKind *ret_kind);

/* It is over as soon as the service has answered anybody (true), or a visitor well (false). */
bool finding_ends_with_answer(Finding f);
/* An answer that nobody gets whom a Host or proxy check refuses. */
static inline bool status_is_good(unsigned status) {
        return status < 500 && status != 400 && status != 403 && status != 421;
}
/* The word of io.hagw.Proxy.Finding; NULL: nothing is found. */
const char *finding_word(Finding f);

typedef struct FindingFacts {
        const ConfHost *host;
        const char *tenants_zone; /* of this relay; NULL: it is none */
        Slice authority;       /* the service's name, as a Host field has it */
        IpAddress own;         /* this machine's, as the service sees it; AF_UNSPEC: not known */
        const ProbeResult *visitor; /* of PROBE_VISITOR */
} FindingFacts;

/* What is wrong and what mends it, as one sentence or two. *ret is to be freed. -ENOMEM. */
int finding_text(Finding f, const FindingFacts *facts, char **ret);

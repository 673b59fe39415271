/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/redirect.h"
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
        PROBE_BROWSER,      /* as a visitor's, with the words of a browser about itself */
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
        FINDING_ITSELF,         /* upstream leads to this gateway */
        FINDING_PUBLIC_ADDRESS, /* upstream is where the house's router is asked */
        FINDING_SENDS_BACK,     /* it sends visitors to where they are, without end */
        FINDING_SENDS_ROUND,    /* the same in a circle */
        FINDING_SENDS_INSIDE,   /* it sends visitors to a place that only the house has */
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
        bool itself;         /* the peer is a door of this gateway */
        bool published;      /* the peer is an address of the house's that is its router's */
        Led led;             /* where its redirects led, and in words: */
        char led_text[REDIRECT_TEXT_MAX];
        unsigned status;
        IpAddress peer; /* where it was looked for; AF_UNSPEC: not known, or no address */
        char text[256]; /* why there was no answer */
} ProbeResult;

/* The finding, or -EAGAIN: ask in this way, too (*ret_kind). results: by ProbeKind. */
int finding_judge(const ProbeResult *results, const ConfHost *host, ProbeKind *ret_kind);

/* It is over as soon as the service has answered anybody, or a visitor well, or not before the next trial:
 * to a visitor the answer looks well. */
typedef enum FindingEnd {
        FINDING_ENDS_WITH_ANSWER,
        FINDING_ENDS_WITH_GOOD,
        FINDING_ENDS_WITH_TRIAL,
} FindingEnd;
FindingEnd finding_end(Finding f);
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
        const char *led;            /* where redirects lead, in words */
} FindingFacts;

/* What is wrong and what mends it, as one sentence or two. *ret is to be freed. -ENOMEM. */
int finding_text(Finding f, const FindingFacts *facts, char **ret);

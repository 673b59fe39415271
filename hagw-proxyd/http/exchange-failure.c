/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How exchanges end that the service, or a tenant's house, has failed. Runs in the worker's thread. */

#include <stdio.h>

#include "hagw-proxyd/http/exchange.h"
#include "libhagw/pure/refusal.h"

/* That a tenant's house is away is nothing that ails the relay; what a probe meets with goes to who sent
 * it. */
static void note_failure(Exchange *x, const char *why) {
        ProbeMessage *p = x->visit->probe;

        if (p)
                (void) snprintf(p->result.text, sizeof(p->result.text), "%s", why);
        else if (x->stats && !x->internal && !x->upstream->single)
                upstream_report(x->upstream, x->stats, why);
}

void exchange_fail(Exchange *x, PageKind kind, const char *why) {
        note_failure(x, why);
        x->verdict = kind == PAGE_GATEWAY_TIMEOUT ? "upstream timeout" : "upstream failed";
        exchange_answer(x, kind, why);
}

void exchange_break(Exchange *x, const char *verdict, const char *why) {
        note_failure(x, why);
        x->broken = true;
        exchange_abort(x, verdict);
}

/* A house behind the relay did not let him in. */
static void refuse(Exchange *x, const char *why) {
        Worker *w = x->worker;
        Refusal r = w->upstreams->far->refuse(w, x->upstream->host, x->name, x->client.fault,
                                              /* count= */ !x->visit->probe);

        note_failure(x, why);
        x->verdict = refusal_name(r);
        exchange_answer(x, page_from_refusal(r), refusal_text(r));
}

void exchange_fail_link(Exchange *x, const char *why) {
        if (x->upstream->kind == CONF_UPSTREAM_TENANT)
                refuse(x, why);
        else
                exchange_fail(x, PAGE_BAD_GATEWAY, why);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/admission.h"
#include "hagw-proxyd/visit/visitor.h"
#include "hagw-proxyd/wire/finding.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/proxyprotocol.h"

/* What is true of a visitor's connection and does not change, whoever serves it and however many requests
 * are under way on it. Part of a Conn, which a request needs to know nothing else of. */

/* To a worker and back: serve this socket as a visitor of that host. */
typedef struct ProbeMessage {
        Message message;
        uint64_t id; /* the main thread's own */
        int fd;      /* given away; the worker reads a request there and writes the answer */
        char name[HOSTNAME_MAX + 1];
        ProbeKind kind;
        /* The answer, once fd's other end is closed: */
        ProbeResult result;
} ProbeMessage;
extern const MessageKind probe_message;

typedef struct Visit {
        Worker *worker;
        ConnKind kind;
        Arrival arrival;
        IpAddress address;
        uint16_t port; /* the visitor's; 0: not known */
        uint16_t here_port;
        IpAddress here; /* where he came to, as a load balancer said; AF_UNSPEC: the socket knows */
        char address_text[IP_TEXT_MAX];
        char name[HOSTNAME_MAX + 1]; /* asked for in the ClientHello, normalized */
        ProbeMessage *probe; /* ARRIVAL_PROBE: what is to be told at the end */
        uint8_t *secret; /* of the TLS that the relay speaks, which has opened the visitor's; or NULL */
} Visit;

/* Is the visitor inside the house, as s has it? Whose address is the relay's word alone is nobody's
 * neighbour. */
static inline bool visit_is_inside(const Visit *v, const Snapshot *s) {
        return !arrival_is_relayed(v->arrival) &&
               inside_judge(&s->routes->lan, &s->hops, &v->address) == INSIDE_YES;
}
/* Where s leads him, who has been let in before; NULL: nowhere (any more). */
const Route *visit_route(const Visit *v, const Snapshot *s);
/* What his requests to route's service use, all of them the same: held for the caller, who lets it go. NULL:
 * no memory. */
Upstream *visit_hold_upstream(Visit *v, const Snapshot *s, const Route *route);
/* His requests went to a house whose his name is no more. */
bool visit_leads_elsewhere(const Visit *v);
/* Where he comes from, and to. */
ProxyPair visit_pair(const Visit *v);
/* Whom the worker serves now. True where it has had others to serve just before. */
bool visit_is_one_of_many(const Visit *v);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/route.h"
#include "libhagw/crew/crowd.h"

/* Who may come in. Four questions, each asked where its answer is known first:
 *  1 the address, at accept(), or once a balancer or a channel has said it: is there room, and has it not
 *    more here than may;
 *  2 the name, in the ClientHello (at port 80 in each request): is it a host of ours that admits him;
 *  3 the handshake: has the address not had more signatures lately than may (libhagw/crew/handshake.h). A
 *    client's certificate would be asked for here;
 *  4 the request: policy.h.
 * Who is in is asked the second and what is left of the fourth again when the rules have changed
 * (review.h). */

typedef struct Snapshot Snapshot;
typedef struct Visit Visit;
typedef struct Worker Worker;

typedef enum Admission {
        ADMISSION_GRANTED,
        ADMISSION_FULL,       /* 1: as many are here as may, whoever they are */
        ADMISSION_CROWDED,    /* 1: as many of his address */
        ADMISSION_UNKNOWN,    /* 2: no host has this name */
        ADMISSION_OUTSIDE,    /* 2: the host is for who is inside (access.from) */
        ADMISSION_UNBELIEVED, /* 2: he is the relay's word alone, which does not count (any more) */
        _ADMISSION_MAX,
        _ADMISSION_INVALID = -EINVAL,
} Admission;

/* Behind "is turned away: "; static. */
const char *admission_text(Admission a);
/* One who was not granted it is counted with those who were turned away for the like. */
void admission_count(Worker *w, Admission a);

/* 1: is there room for one more at that worker, who may be another than w, which asks; and a place for one
 * of this address, which *ret then is? */
Admission admit_more(const Worker *w, const Worker *at);
Admission admit_address(const Worker *w, const IpAddress *address, CrowdPlace *ret);
/* A connection brings one more request, while others of it are under way: is there a place for that of this
 * address? False: it waits. */
bool admit_request(const Worker *w, const IpAddress *address, CrowdPlace *ret);
/* 2: by the rules of s. *ret: the host, where it is granted, else NULL. */
Admission admit_name(const Visit *v, const Snapshot *s, const char *name, const Route **ret);
/* The same where it is known already whose the name is. route: of s; NULL: nobody's. */
Admission admit_route(const Visit *v, const Snapshot *s, const Route *route);

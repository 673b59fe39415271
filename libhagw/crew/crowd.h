/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* How many connections each visitor's address has open, and how many requests under way beyond the first of
 * each: an IPv6 visitor has a /56 to choose addresses from, so that is what counts there. */

#define CROWD_ROWS 2U
#define CROWD_SLOTS_LOG2 14U /* addresses told apart, in each row */

/* Once, before the first worker starts. Negative errno: no random bytes. */
int crowd_init(void);
typedef enum CrowdKind {
        CROWD_CONNECTIONS,
        CROWD_REQUESTS, /* over HTTP/2, but for one of each connection */
        _CROWD_KIND_MAX,
} CrowdKind;

/* One's place among those of its address. {}: it has none. Whoever has it gives it back; it is handed on
 * with crowd_move(). */
typedef struct CrowdPlace {
        uint64_t network; /* as crowd_network() says */
        CrowdKind kind;
        bool taken;
} CrowdPlace;

/* limit 0: none. False: there are limit already, and p has no place. */
bool crowd_enter(CrowdPlace *p, CrowdKind kind, const IpAddress *address, unsigned limit);
/* Nothing where it has none. */
void crowd_leave(CrowdPlace *p);
static inline CrowdPlace crowd_move(CrowdPlace *p) {
        return TAKE_GENERIC(*p, (CrowdPlace) {});
}

/* The same addresses' handshakes that wanted a signature, at rate a second (0: no limit), of which burst
 * seconds' worth may come at once: when the next may begin (CLOCK_MONOTONIC), and that one has. */
uint64_t crowd_due(const IpAddress *address, unsigned rate, unsigned burst);
void crowd_note(const IpAddress *address, uint64_t now_usec, unsigned rate);

/* What is counted as one address, and a hash of it, which nobody can know from outside. */
uint64_t crowd_network(const IpAddress *address);
uint32_t crowd_hash(const IpAddress *address);

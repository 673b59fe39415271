/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cidr.h"
#include "macro.h"

/* Slows down who tries enrolment codes: each wrong one costs its network a minute and everybody together a
 * moment, after a few that are free. At 80 bits nobody gets anywhere; this keeps the relay's log and time
 * from being spent on it. Times are CLOCK_MONOTONIC in usec. Pure. */

#define GUESS_FREE 5U /* wrong ones that a network may have at once */
#define GUESS_INTERVAL_USEC USEC_PER_MINUTE
#define GUESS_TOTAL_FREE 1000U
#define GUESS_TOTAL_INTERVAL_USEC (100 * USEC_PER_MSEC)
#define GUESS_NETWORKS_MAX 4096U /* the total does not let so many owe something at once */

typedef struct GuessNetwork {
        uint8_t key[1 + 7]; /* family, then IPv4 /32 or IPv6 /56 */
        uint64_t paid_usec; /* until then its wrong codes are not paid for; the past: it owes nothing */
} GuessNetwork;

typedef struct Guesses {
        uint64_t total_paid_usec;
        size_t n;
        GuessNetwork networks[GUESS_NETWORKS_MAX];
} Guesses;

/* How long who comes from there must wait before a code of theirs is looked at; 0: not at all. */
uint64_t guess_wait_usec(const Guesses *g, const IpAddress *from, uint64_t now_usec);
/* It was a wrong one. Only after guess_wait_usec() said 0 at the same time. */
void guess_charge(Guesses *g, const IpAddress *from, uint64_t now_usec);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"
#include "libhagw/pure/macro.h"

/* Slows down who tries enrolment codes: each wrong one costs its network a minute, after a few that are
 * free. Nobody pays for others: a limit for all together would be a switch with which anybody keeps every
 * new house out. Against guesses from everywhere stand the code's 80 random bits: 2^22 codes at once
 * (250,000 tenants with 16 each) and 10,000 guesses a second, more handshakes than a relay makes, hit one in
 * 900,000 years. Times are CLOCK_MONOTONIC in usec. Pure. */

#define GUESS_FREE 5U /* wrong ones that a network may have at once */
#define GUESS_INTERVAL_USEC USEC_PER_MINUTE
#define GUESS_NETWORKS_MAX 4096U /* full, the network that has paid first gives way */

typedef struct GuessNetwork {
        uint8_t key[1 + 7]; /* family, then IPv4 /32 or IPv6 /56 */
        uint64_t paid_usec; /* until then its wrong codes are not paid for; the past: it owes nothing */
} GuessNetwork;

typedef struct Guesses {
        size_t n;
        GuessNetwork networks[GUESS_NETWORKS_MAX];
} Guesses;

/* How long who comes from there must wait before a code of theirs is looked at; 0: not at all. */
uint64_t guess_wait_usec(const Guesses *g, const IpAddress *from, uint64_t now_usec);
/* It was a wrong one. Only after guess_wait_usec() said 0 at the same time. */
void guess_charge(Guesses *g, const IpAddress *from, uint64_t now_usec);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"
#include "libhagw/pure/macro.h"

/* Slows down guessing: per account, and per address and the network around it. A browser that its user has
 * logged in with before has a budget of its own instead of all three, so that nobody else's guesses keep it
 * out. Every try is charged before its password is looked at, so that many tries at once count too; a right
 * password takes the charge back. Times are CLOCK_MONOTONIC in usec, given by the caller. Pure. */

#define THROTTLE_ENTRIES_MAX 2048U
#define THROTTLE_NAME_MAX 64U /* bytes of an account's name that count */
#define THROTTLE_FORGET_USEC USEC_PER_HOUR /* an entry without a try for so long is as new */

typedef enum ThrottleKind {
        THROTTLE_ACCOUNT, /* tries at it from anywhere else than near */
        THROTTLE_NEAR,    /* tries at it from near */
        THROTTLE_DEVICE,
        THROTTLE_ADDRESS, /* IPv4 /32, IPv6 /64; loopback and each link is one */
        THROTTLE_NETWORK, /* IPv4 /24, IPv6 /56, likewise */
        _THROTTLE_KIND_MAX,
} ThrottleKind;

typedef struct ThrottleEntry {
        ThrottleKind kind;
        uint8_t key[THROTTLE_NAME_MAX];
        unsigned tries;
        uint64_t last_usec, until_usec; /* of the newest try; when the next one may be */
} ThrottleEntry;

/* What a full table gave up: no key that is not in it has had more tries than that. */
typedef struct ThrottleLost {
        unsigned tries;
        uint64_t last_usec;
} ThrottleLost;

typedef struct Throttle {
        ThrottleEntry *entries; /* room for THROTTLE_ENTRIES_MAX, or NULL before the first try */
        size_t n;
        ThrottleLost lost[_THROTTLE_KIND_MAX];
        unsigned attempts; /* free tries per account and per address; a network has four times as many */
} Throttle;

typedef struct ThrottleTry {
        const char *account;
        IpAddress address;
        /* From the house, or from where the account's owner is logged in: strangers' tries at the account
         * do not count here, and those from here do not elsewhere. */
        bool near;
        const char *device; /* what tells the browser that was logged in from others; NULL: a stranger's */
} ThrottleTry;

/* The network that is held to account for an address. narrow: what one machine has; else what its
 * surroundings have. Whoever can choose among the addresses of a range by itself has the whole range. */
Cidr throttle_network(const IpAddress *a, bool narrow);

/* How long this try must wait; 0: it may go on. */
uint64_t throttle_wait_usec(const Throttle *t, const ThrottleTry *try, uint64_t now_usec);
/* Counts the try. -ENOMEM. */
int throttle_charge(Throttle *t, const ThrottleTry *try, uint64_t now_usec);
/* The password was right: what was charged starts afresh, but the network, which gets its one try back. */
void throttle_forgive(Throttle *t, const ThrottleTry *try);
void throttle_done(Throttle *t);

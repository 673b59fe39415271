/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cidr.h"
#include "macro.h"

/* Slows down guessing: per account, and per address and the network around it. Every try is charged before
 * its password is looked at, so that many tries at once count too; a right password takes the charge back.
 * Times are CLOCK_MONOTONIC in usec, given by the caller. Pure. */

#define THROTTLE_ENTRIES_MAX 2048U
#define THROTTLE_NAME_MAX 64U /* bytes of an account's name that count */
#define THROTTLE_FORGET_USEC USEC_PER_HOUR /* an entry without a try for so long is as new */

typedef enum ThrottleKind {
        THROTTLE_ACCOUNT,
        THROTTLE_ADDRESS, /* IPv4 /32, IPv6 /64 */
        THROTTLE_NETWORK, /* IPv4 /24, IPv6 /56 */
        _THROTTLE_KIND_MAX,
} ThrottleKind;

typedef struct ThrottleEntry {
        ThrottleKind kind;
        uint8_t key[THROTTLE_NAME_MAX];
        unsigned tries;
        uint64_t last_usec, until_usec; /* of the newest try; when the next one may be */
} ThrottleEntry;

typedef struct Throttle {
        ThrottleEntry *entries; /* room for THROTTLE_ENTRIES_MAX, or NULL before the first try */
        size_t n;
        unsigned attempts; /* free tries per account and per address; a network has four times as many */
} Throttle;

typedef struct ThrottleTry {
        const char *account;
        IpAddress address;
        /* The account's owner is known to come from this address: strangers' tries at the account do not
         * slow them. */
        bool trusted;
} ThrottleTry;

/* How long this try must wait; 0: it may go on. */
uint64_t throttle_wait_usec(const Throttle *t, const ThrottleTry *try, uint64_t now_usec);
/* Counts the try. -ENOMEM. */
int throttle_charge(Throttle *t, const ThrottleTry *try, uint64_t now_usec);
/* The password was right: the account and the address start afresh, the network gets its one try back. */
void throttle_forgive(Throttle *t, const ThrottleTry *try);
void throttle_done(Throttle *t);

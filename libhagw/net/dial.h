/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/loop.h"
#include "libhagw/pure/cidr.h"

/* Connecting to a service that has several addresses: happy eyeballs (RFC 8305). Both families take turns,
 * each address gets a short head start, the first that answers wins, the others are closed. One thread. */

#define DIAL_ADDRESSES_MAX 8U
#define DIAL_STAGGER_USEC (250 * USEC_PER_MSEC) /* head start (RFC 8305 section 5) */

typedef struct DialTarget {
        const char *path; /* of an AF_UNIX socket; NULL: the addresses */
        const IpAddress *addresses; /* at most DIAL_ADDRESSES_MAX */
        size_t n_addresses;
        size_t preferred; /* the first to be tried; it and those behind it first */
        uint16_t port;
        uint64_t timeout_usec; /* for each address */
} DialTarget;

typedef struct Dial Dial;

/* Told exactly once, from the loop: fd, which is the handler's and on no loop, and the address's index in
 * the target; or negative errno (-ETIMEDOUT: too long), with which the last one failed. */
typedef void (*DialHandler)(int fd, size_t index, void *userdata);

/* What the target points to is copied. n_begun, if not NULL, counts connections begun. -ENOMEM. */
int dial_new(Loop *loop, const DialTarget *target, _Atomic uint64_t *n_begun, DialHandler handler,
             void *userdata, Dial **ret);
/* Gives up without a word; also what the handler may call. Freed from the loop. Returns NULL. */
Dial *dial_free(Dial *d);

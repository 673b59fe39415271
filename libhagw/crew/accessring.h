/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdatomic.h>

#include "libhagw/pure/accesslog.h"

/* Access log entries on their way from a worker to the logging thread: a ring of bytes with one writer and
 * one reader. A full ring drops and counts. */

#define ACCESS_RING_SIZE (256U * 1024) /* bytes, a power of two */
#define ACCESS_TARGET_MAX 1024U        /* bytes of a target that are kept */

/* The fixed part of an entry in the ring; the texts follow, each with its length here. */
typedef struct AccessRecord {
        uint32_t size; /* of all of it, a multiple of 8; UINT32_MAX: go on at the start */
        uint16_t status;
        uint8_t query_strings, passage, broken;
        uint16_t address, host, method, target, upstream, user; /* lengths */
        const char *verdict, *protocol; /* constants */
        uint64_t received, sent, duration_usec, upstream_usec;
} AccessRecord;

typedef struct AccessRing {
        _Alignas(64) _Atomic uint64_t written; /* bytes, ever */
        _Alignas(64) _Atomic uint64_t read;
        int event_fd; /* the logging thread's */
        _Alignas(64) char data[ACCESS_RING_SIZE];
} AccessRing;

/* False: dropped. */
bool access_ring_put(AccessRing *r, const AccessEntry *e);
/* The next entry, whose slices stay valid until access_ring_next() is called again. False: none. */
bool access_ring_next(AccessRing *r, AccessEntry *ret);
/* Gives back what access_ring_next() returned last. */
void access_ring_done(AccessRing *r);

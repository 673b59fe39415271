/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/dname.h"

/* TXT values published on top of the zones, each with an owner and an end: ACME's DNS-01 answers (RFC 8555
 * section 8.4). Pure: time comes in. Strangers choose which names are looked for, so a look costs the
 * logarithm of what is published, whether the name is here or not. */

#define OVERLAY_TOTAL_MAX 4096U
#define OVERLAY_PER_NAME_MAX 16U
#define OVERLAY_VALUE_MAX 255U /* octets: one character-string (RFC 1035 section 3.3) */
#define OVERLAY_OWNER_MAX 64U  /* characters */
#define OVERLAY_LIFETIME_MIN_USEC USEC_PER_SEC
#define OVERLAY_LIFETIME_MAX_USEC (7 * USEC_PER_DAY)

typedef struct OverlayText {
        uint8_t name[DNAME_MAX]; /* lower case */
        uint8_t key[DNAME_MAX];  /* the name by dname_reverse() */
        uint8_t name_size, key_size;
        uint8_t value_size;
        char value[OVERLAY_VALUE_MAX + 1]; /* NUL-terminated behind value_size */
        char owner[OVERLAY_OWNER_MAX + 1];
        uint64_t expires_usec; /* CLOCK_REALTIME */
        size_t end;            /* its place in ends */
} OverlayText;

typedef struct Overlay {
        OverlayText **items; /* sorted by key; those of one name in the order in which they came */
        OverlayText **ends;  /* a heap: none ends before the one at (i - 1) / 2 */
        size_t n, items_allocated, ends_allocated;
} Overlay;

Overlay *overlay_new(void);
Overlay *overlay_free(Overlay *o);
DEFINE_TRIVIAL_CLEANUP_FUNC(Overlay *, overlay_free)

/* A value or an owner: 1 to max printable ASCII characters. */
bool overlay_text_is_valid(const char *s, size_t max);

/* Returns 1 where what is answered changed, 0 where only the end moved. -EINVAL: value or owner is empty,
 * too long, or not text; -EDQUOT: the name is full; -ENOSPC: the overlay is full; -ENOMEM. */
int overlay_publish(Overlay *o, const uint8_t *name, size_t name_size, const char *value, const char *owner,
                    uint64_t expires_usec);

/* Takes back one value, or all of the owner's at the name where value is NULL. Returns how many. */
unsigned overlay_withdraw(Overlay *o, const uint8_t *name, size_t name_size, const char *value,
                          const char *owner);

/* Drops what has ended, calling dropped (may be NULL) for each before it goes. Returns how many. */
unsigned overlay_expire(Overlay *o, uint64_t now_usec, void (*dropped)(const OverlayText *t, void *userdata),
                        void *userdata);

/* When the first one ends; USEC_INFINITY: there is none. */
uint64_t overlay_next_expiry(const Overlay *o);

/* The distinct values at a name, one after the other; NULL: there are no more. */
typedef struct OverlayValues {
        size_t first, next; /* of items */
} OverlayValues;
OverlayValues overlay_find(const Overlay *o, const uint8_t *name, size_t name_size);
const OverlayText *overlay_next(const Overlay *o, OverlayValues *values);

/* Whether some name in the overlay is this one or lies below it. */
bool overlay_has_below(const Overlay *o, const uint8_t *name, size_t name_size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdatomic.h>

#include "libhagw/pure/macro.h"

/* What a worker serves by, at one moment: immutable, counted, swapped whole. Each program has a struct
 * Snapshot of its own, made by its main thread, which begins with these Terms: all that the crew itself
 * wants of it. */

typedef struct Snapshot Snapshot;

typedef struct Terms {
        atomic_uint n_refs;
        void (*free)(Snapshot *s); /* the last reference is gone */
        size_t buffer_max; /* bytes; of all buffers of a worker */
        uint64_t drain_usec;
        unsigned handshakes_per_address; /* a second; 0: no limit */
        bool log_access;
} Terms;

/* s may be NULL. */
Snapshot *snapshot_ref(Snapshot *s);
/* The same. Returns NULL. */
Snapshot *snapshot_unref(Snapshot *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(Snapshot *, snapshot_unref)

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* References to any program's snapshot. Any thread. */

#include "libhagw/crew/terms.h"

static Terms *terms_of(Snapshot *s) {
        return (Terms *) (void *) s;
}

Snapshot *snapshot_ref(Snapshot *s) {
        if (s)
                atomic_fetch_add_explicit(&terms_of(s)->n_refs, 1, memory_order_relaxed);
        return s;
}

Snapshot *snapshot_unref(Snapshot *s) {
        if (s && atomic_fetch_sub_explicit(&terms_of(s)->n_refs, 1, memory_order_acq_rel) == 1)
                terms_of(s)->free(s);
        return NULL;
}

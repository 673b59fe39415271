/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/accessring.h"

/* The logging thread: takes entries out of the workers' rings and writes them to the journal, in batches, so
 * that no visitor waits for the journal. */

typedef struct AccessWriter AccessWriter;

int access_writer_new(unsigned n_rings, AccessWriter **ret);
AccessRing *access_writer_ring(AccessWriter *a, unsigned i);
/* Writes what is left, then ends. The workers must have ended before. */
AccessWriter *access_writer_free(AccessWriter *a);

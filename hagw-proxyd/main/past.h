/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/outsideway.h"
#include "libhagw/pure/macro.h"

/* Who came from the internet, remembered over restarts: hagw-proxyd may write no file, so it lies in memory
 * that systemd keeps for the next process (sd_notify(3), FDSTORE=1), until the machine or the unit is
 * stopped. Main thread only. */

#define PAST_SAVE_USEC USEC_PER_MINUTE /* so much is lost with a process that is killed */

typedef struct Past {
        uint64_t since_usec; /* counted since then; CLOCK_MONOTONIC, as the others */
        uint64_t visits[_OUTSIDE_WAY_MAX];
        uint64_t last_usec[_OUTSIDE_WAY_MAX]; /* 0: never */
} Past;

typedef struct PastFile PastFile;

/* *ret is what was remembered, or begins now. NULL: nothing can be (no memory); all works without it. */
PastFile *past_open(uint64_t now_usec, Past *ret);
void past_save(PastFile *f, const Past *p);
PastFile *past_close(PastFile *f);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* A machine that refuses what the units' sandbox asks for, as containers do: then systemd ends the unit
 * before its program begins, with an exit status of its own (systemd.exec(5), "Process Exit Codes"). */

typedef struct SandboxRefusal {
        int status;          /* the exit status */
        const char *what;    /* what is refused */
        const char *advice;  /* where there is no drop-in: what helps */
        const char *content; /* of a drop-in that does without; NULL: none can */
} SandboxRefusal;

/* What is refused to this daemon's unit; NULL: nothing that is known. */
const SandboxRefusal *sandbox_refusal(const char *daemon);

/* Says it, and offers the drop-in; ask: there is somebody who may take it. Returns 1 where it is written and
 * systemd knows it. Told. */
int sandbox_mend(const SandboxRefusal *f, const char *daemon, bool ask);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink.h>

#include "hagw-keyd/keyd.h"

/* A varlink call that a crew works on. The connection waits: sd-varlink takes its next message after the
 * answer. First member of what a method makes of it. */

typedef struct Task Task;

typedef struct TaskKind {
        size_t size; /* bytes of the whole object */
        /* On the crew's thread; what it returns is in task->result. */
        int (*run)(Task *task);
        /* Main thread, after it; also where nobody listens any more. What run() brought about stands now,
         * and the call is answered: returns what a handler would. */
        int (*answer)(Task *task);
        /* Releases what is the kind's own, wiping what is secret. May be NULL. */
        void (*release)(Task *task);
} TaskKind;

struct Task {
        Job job;
        const TaskKind *kind;
        Keyd *keyd;
        sd_varlink *link;
        Key *key; /* with a reference; or NULL */
        int result;
};

/* key may be NULL. NULL: out of memory. */
void *task_new(const TaskKind *kind, Keyd *keyd, sd_varlink *link, Key *key);
Task *task_free(Task *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(Task *, task_free)

/* Hands it to the crew, or answers that too many wait. Takes the task in any case; returns what the handler
 * returns. */
int task_start(Task *t, Crew *crew, JobClass class);

/* The answer to who finds that too many wait already. */
int refuse_busy(sd_varlink *link, Keyd *keyd);

/* The same on this thread and at once, for what takes no longer than waking another. */
int task_run_here(Task *t);

/* For answer(): a further task of the same call, also while keyd stops. */
int task_go_on(Task *t, Crew *crew);

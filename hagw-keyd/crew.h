/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/pure/macro.h"

/* Threads that do what would hold up the main thread, and the queue of what they are to do. */

#define CREW_THREADS_MAX 4U

typedef enum JobClass {
        JOB_URGENT, /* before all others, but for one turn in CREW_SHARE while both wait */
        JOB_ORDINARY,
        _JOB_CLASS_MAX,
} JobClass;

#define CREW_SHARE 16U

/* Part of whatever is to be done. */
typedef struct Job Job;
struct Job {
        /* On a thread of the crew: may change only what belongs to the job. */
        void (*run)(Job *job);
        /* On the main thread, exactly once: done, or never begun because the crew ended. Frees the job. */
        void (*finish)(Job *job, bool done);
        Job *next;
};

typedef struct Crew Crew;

typedef struct CrewSpec {
        const char *name; /* of the threads, at most 15 characters */
        size_t n_threads;
        size_t limits[_JOB_CLASS_MAX]; /* jobs that may wait */
} CrewSpec;

/* Main thread, as all that follows. Signals must be blocked. */
int crew_new(const CrewSpec *spec, sd_event *event, Crew **ret);

/* First come, first served within a class. -EBUSY: as many wait as may; the job stays the caller's. */
int crew_add(Crew *crew, Job *job, JobClass class);

/* True where nothing waits, runs or comes back. */
bool crew_is_idle(const Crew *crew);

/* Lets end what runs, finishes what waits undone. */
Crew *crew_free(Crew *crew);
DEFINE_TRIVIAL_CLEANUP_FUNC(Crew *, crew_free)

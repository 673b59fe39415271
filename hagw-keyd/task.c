/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls that are answered later. Main thread only, but for what run() does. */

#include "hagw-keyd/task.h"
#include "libhagw/vl-io.hagw.Key.h"

void *task_new(const TaskKind *kind, Keyd *keyd, sd_varlink *link, Key *key) {
        Task *t = calloc(1, kind->size);

        if (!t)
                return NULL;
        t->kind = kind;
        t->keyd = keyd;
        t->link = sd_varlink_ref(link);
        t->key = key ? key_ref(key) : NULL;
        return t;
}

Task *task_free(Task *t) {
        if (!t)
                return NULL;
        if (t->kind->release)
                t->kind->release(t);
        key_unref(t->key);
        sd_varlink_unref(t->link);
        free(t);
        return NULL;
}

static void task_run(Job *j) {
        Task *t = CONTAINER_OF(j, Task, job);

        t->result = t->kind->run(t);
}

/* An answer that could not be made leaves nobody waiting. */
static void task_answer(Task *t) {
        int r = t->kind->answer(t);

        if (r < 0 && sd_varlink_error_errno(t->link, r) == -ENOMEM)
                (void) sd_varlink_close(t->link);
        if (t->keyd->draining)
                (void) sd_varlink_flush(t->link);
}

static void task_finish(Job *j, bool done) {
        Task *t = CONTAINER_OF(j, Task, job);
        Keyd *keyd = t->keyd;

        if (!done)
                t->result = -ECANCELED;
        task_answer(t);
        task_free(t);
        keyd_continue_stop(keyd);
}

int refuse_busy(sd_varlink *link, Keyd *keyd) {
        keyd->busy++;
        return sd_varlink_error(link, KEY_ERROR_BUSY, NULL);
}

static int task_add(Task *t, Crew *crew, JobClass class) {
        t->job = (Job) { .run = task_run, .finish = task_finish };
        return crew_add(crew, &t->job, class);
}

int task_start(Task *t, Crew *crew, JobClass class) {
        int r = 0;

        if ((t->keyd->draining && crew != t->keyd->signers) || task_add(t, crew, class) < 0) {
                r = refuse_busy(t->link, t->keyd);
                task_free(t);
        }
        return r;
}

int task_go_on(Task *t, Crew *crew) {
        int r = task_add(t, crew, JOB_ORDINARY);

        if (r < 0) {
                t->result = r;
                r = t->kind->answer(t);
                task_free(t);
        }
        return r;
}

int task_run_here(Task *t) {
        int r;

        t->result = t->kind->run(t);
        r = t->kind->answer(t);
        task_free(t);
        return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Threads and their queue. Jobs cross between threads under one lock; what a job is made of belongs to the
 * thread that has the job. */

#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "hagw-keyd/crew.h"

/* Arithmetic of 4096 bits needs a tenth of it. All memory is locked, and stacks count whole. */
#define STACK_SIZE (512U * 1024) /* bytes */

typedef struct JobQueue {
        Job *first, *last;
        size_t n;
} JobQueue;

struct Crew {
        CrewSpec spec;
        pthread_t threads[CREW_THREADS_MAX];
        size_t n_threads, n_jobs; /* the main thread's: jobs that were added and are not finished */
        sd_event_source *source;
        int event_fd; /* readable: done has jobs */

        pthread_mutex_t lock; /* for all that follows */
        pthread_cond_t wake;
        JobQueue waiting[_JOB_CLASS_MAX], done;
        unsigned turn;
        bool ending;
};

static void queue_push(JobQueue *q, Job *j) {
        j->next = NULL;
        if (q->last)
                q->last->next = j;
        else
                q->first = j;
        q->last = j;
        q->n++;
}

static Job *queue_pop(JobQueue *q) {
        Job *j = q->first;

        if (!j)
                return NULL;
        q->first = j->next;
        if (!q->first)
                q->last = NULL;
        q->n--;
        return j;
}

/* Under the lock. */
static Job *crew_next(Crew *c) {
        JobQueue *urgent = c->waiting + JOB_URGENT, *ordinary = c->waiting + JOB_ORDINARY;

        if (urgent->n > 0 && ordinary->n > 0)
                return queue_pop(++c->turn % CREW_SHARE == 0 ? ordinary : urgent);
        return queue_pop(urgent) ?: queue_pop(ordinary);
}

static void *crew_run(void *userdata) {
        Crew *c = userdata;

        (void) pthread_setname_np(pthread_self(), c->spec.name);
        (void) pthread_mutex_lock(&c->lock);
        while (!c->ending) {
                Job *j = crew_next(c);
                bool first;

                if (!j) {
                        (void) pthread_cond_wait(&c->wake, &c->lock);
                        continue;
                }
                (void) pthread_mutex_unlock(&c->lock);
                j->run(j);
                (void) pthread_mutex_lock(&c->lock);
                first = c->done.n == 0;
                queue_push(&c->done, j);
                if (first) {
                        (void) pthread_mutex_unlock(&c->lock);
                        (void) eventfd_write(c->event_fd, 1);
                        (void) pthread_mutex_lock(&c->lock);
                }
        }
        (void) pthread_mutex_unlock(&c->lock);
        return NULL;
}

static void crew_finish(Crew *c, Job *j, bool done) {
        for (Job *next; j; j = next) {
                next = j->next;
                c->n_jobs--; /* what finish() asks about this crew is true then */
                j->finish(j, done);
        }
}

static int on_done(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Crew *c = userdata;
        eventfd_t value;
        JobQueue done;

        (void) eventfd_read(fd, &value);
        (void) pthread_mutex_lock(&c->lock);
        done = TAKE_GENERIC(c->done, (JobQueue) {});
        (void) pthread_mutex_unlock(&c->lock);
        crew_finish(c, done.first, /* done= */ true);
        return 0;
}

static int crew_start_threads(Crew *c) {
        pthread_attr_t attributes;
        int r;

        r = pthread_attr_init(&attributes);
        if (r != 0)
                return -r;
        r = pthread_attr_setstacksize(&attributes, STACK_SIZE);
        while (r == 0 && c->n_threads < c->spec.n_threads) {
                r = pthread_create(c->threads + c->n_threads, &attributes, crew_run, c);
                if (r == 0)
                        c->n_threads++;
        }
        (void) pthread_attr_destroy(&attributes);
        return -r;
}

int crew_new(const CrewSpec *spec, sd_event *event, Crew **ret) {
        _cleanup_(crew_freep) Crew *c = NULL;
        int r;

        assert(spec->n_threads > 0 && spec->n_threads <= CREW_THREADS_MAX);
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->spec = *spec;
        (void) pthread_mutex_init(&c->lock, NULL);
        (void) pthread_cond_init(&c->wake, NULL);
        c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->event_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &c->source, c->event_fd, EPOLLIN, on_done, c);
        if (r >= 0) /* What is done is answered before more is taken on. */
                r = sd_event_source_set_priority(c->source, SD_EVENT_PRIORITY_NORMAL - 1);
        if (r >= 0)
                r = crew_start_threads(c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int crew_add(Crew *c, Job *j, JobClass class) {
        JobQueue *q = c->waiting + class;
        bool full;

        (void) pthread_mutex_lock(&c->lock);
        full = q->n >= c->spec.limits[class];
        if (!full)
                queue_push(q, j);
        (void) pthread_mutex_unlock(&c->lock);
        if (full)
                return -EBUSY;
        (void) pthread_cond_signal(&c->wake);
        c->n_jobs++;
        return 0;
}

bool crew_is_idle(const Crew *c) {
        return c->n_jobs == 0;
}

Crew *crew_free(Crew *c) {
        if (!c)
                return NULL;
        (void) pthread_mutex_lock(&c->lock);
        c->ending = true;
        (void) pthread_cond_broadcast(&c->wake);
        (void) pthread_mutex_unlock(&c->lock);
        for (size_t i = 0; i < c->n_threads; i++)
                (void) pthread_join(c->threads[i], NULL);
        crew_finish(c, c->done.first, /* done= */ true);
        for (size_t i = 0; i < ELEMENTSOF(c->waiting); i++)
                crew_finish(c, c->waiting[i].first, /* done= */ false);
        sd_event_source_unref(c->source);
        safe_close(c->event_fd);
        (void) pthread_cond_destroy(&c->wake);
        (void) pthread_mutex_destroy(&c->lock);
        free(c);
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pool of hashing threads. The loop's thread owns the pool and its jobs; a worker has one job at a time,
 * and hands it back through the list of finished ones and an eventfd. What both touch is guarded by one
 * mutex; a worker holds it only to take and give. */

#include <crypt.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "hagw-webd/hash.h"

#define STACK_SIZE (1024U * 1024) /* bytes; crypt(3)'s own memory is on the heap */

typedef struct HashJob HashJob;
struct HashJob {
        HashJob *next;
        bool make;
        char *password;
        char *expected; /* NULL: nobody's */
        HashDone done;
        void *userdata;
        int result;
        char *output;
};

typedef struct HashQueue {
        HashJob *first, **last; /* in order */
        size_t n;
} HashQueue;

static const size_t queue_max[_HASH_RANK_MAX] = {
        [HASH_STRANGER] = HASH_STRANGERS_MAX,
        [HASH_KNOWN] = HASH_KNOWN_MAX,
        [HASH_ROOT] = HASH_ROOT_MAX,
};

struct HashPool {
        sd_event_source *source;
        int event_fd;
        char *nobody; /* a setting like that of every hash we make */
        pthread_t threads[HASH_THREADS];
        size_t n_threads;
        pthread_mutex_t lock;
        pthread_cond_t work;
        /* Guarded by the lock: */
        HashQueue queues[_HASH_RANK_MAX]; /* that wait */
        HashJob *finished, **last_finished;
        uint64_t count;
        bool stop;
};

static char *wipe_free(char *s) {
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
        return NULL;
}

static HashJob *job_free(HashJob *j) {
        if (!j)
                return NULL;
        wipe_free(j->password);
        wipe_free(j->expected);
        wipe_free(j->output);
        free(j);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(HashJob *, job_free)

/* Without an early end: how long it takes says nothing about where two hashes differ. */
static bool hash_equal(const char *a, const char *b) {
        size_t n = strlen(a);
        volatile unsigned char differ = 0;

        if (strlen(b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                differ |= (unsigned char) (a[i] ^ b[i]);
        return differ == 0;
}

static int job_run(HashJob *j, const char *nobody) {
        _cleanup_free_ char *fresh = NULL;
        void *data = NULL;
        int size = 0, r;

        if (j->make) {
                fresh = crypt_gensalt_ra(HASH_PREFIX, 0, NULL, 0);
                if (!fresh)
                        return -errno;
        }
        const char *out = crypt_ra(j->password, fresh ?: j->expected ?: nobody, &data, &size);
        if (!out || out[0] == '*')
                r = j->make ? -errno : 0;
        else if (j->make)
                r = (j->output = strdup(out)) ? 0 : -ENOMEM;
        else
                r = hash_equal(out, j->expected ?: nobody);
        if (data)
                explicit_bzero(data, (size_t) size);
        free(data);
        return r;
}

/* NULL: nobody waits. */
static HashJob *take(HashPool *p) {
        for (size_t i = _HASH_RANK_MAX; i > 0; i--) {
                HashQueue *q = &p->queues[i - 1];
                HashJob *j = q->first;
                if (!j)
                        continue;
                q->first = j->next;
                if (!q->first)
                        q->last = &q->first;
                q->n--;
                return j;
        }
        return NULL;
}

static void *worker(void *userdata) {
        HashPool *p = userdata;

        (void) pthread_mutex_lock(&p->lock);
        while (!p->stop) {
                HashJob *j = take(p);
                if (!j) {
                        (void) pthread_cond_wait(&p->work, &p->lock);
                        continue;
                }
                (void) pthread_mutex_unlock(&p->lock);
                int r = job_run(j, p->nobody);
                (void) pthread_mutex_lock(&p->lock);
                j->result = r;
                j->next = NULL;
                *p->last_finished = j;
                p->last_finished = &j->next;
                p->count++;
                (void) eventfd_write(p->event_fd, 1);
        }
        (void) pthread_mutex_unlock(&p->lock);
        return NULL;
}

static void tell(HashJob *list) {
        while (list) {
                HashJob *j = list;
                list = j->next;
                j->done(j->result, j->output, j->userdata);
                job_free(j);
        }
}

static int on_finished(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        HashPool *p = userdata;
        eventfd_t n;

        (void) eventfd_read(fd, &n);
        (void) pthread_mutex_lock(&p->lock);
        HashJob *list = TAKE_PTR(p->finished);
        p->last_finished = &p->finished;
        (void) pthread_mutex_unlock(&p->lock);
        tell(list);
        return 0;
}

static int start_threads(HashPool *p) {
        pthread_attr_t attr;
        int r;

        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        r = pthread_attr_setstacksize(&attr, STACK_SIZE);
        while (r == 0 && p->n_threads < HASH_THREADS) {
                r = pthread_create(&p->threads[p->n_threads], &attr, worker, p);
                if (r == 0)
                        p->n_threads++;
        }
        (void) pthread_attr_destroy(&attr);
        return -r;
}

int hash_pool_new(HashPool **ret, sd_event *event) {
        _cleanup_(hash_pool_freep) HashPool *p = NULL;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->last_finished = &p->finished;
        for (size_t i = 0; i < _HASH_RANK_MAX; i++)
                p->queues[i].last = &p->queues[i].first;
        (void) pthread_mutex_init(&p->lock, NULL);
        (void) pthread_cond_init(&p->work, NULL);
        p->nobody = crypt_gensalt_ra(HASH_PREFIX, 0, NULL, 0);
        p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!p->nobody || p->event_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &p->source, p->event_fd, EPOLLIN, on_finished, p);
        if (r < 0)
                return r;
        r = start_threads(p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

HashPool *hash_pool_free(HashPool *p) {
        if (!p)
                return NULL;
        (void) pthread_mutex_lock(&p->lock);
        p->stop = true;
        (void) pthread_cond_broadcast(&p->work);
        (void) pthread_mutex_unlock(&p->lock);
        for (size_t i = 0; i < p->n_threads; i++)
                (void) pthread_join(p->threads[i], NULL);
        for (size_t i = 0; i < _HASH_RANK_MAX; i++) {
                for (HashJob *j = p->queues[i].first; j; j = j->next)
                        j->result = -ECANCELED;
                tell(p->queues[i].first);
        }
        tell(p->finished);
        sd_event_source_disable_unref(p->source);
        (void) safe_close(p->event_fd);
        (void) pthread_cond_destroy(&p->work);
        (void) pthread_mutex_destroy(&p->lock);
        free(p->nobody);
        free(p);
        return NULL;
}

static int submit(HashPool *p, HashJob *j, HashRank rank) {
        HashQueue *q = &p->queues[rank];
        int r = 0;

        (void) pthread_mutex_lock(&p->lock);
        if (q->n >= queue_max[rank])
                r = -EAGAIN;
        else {
                *q->last = j;
                q->last = &j->next;
                q->n++;
                (void) pthread_cond_signal(&p->work);
        }
        (void) pthread_mutex_unlock(&p->lock);
        return r;
}

static int job_new(const char *password, HashDone done, void *userdata, HashJob **ret) {
        _cleanup_(job_freep) HashJob *j = NULL;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->password = strdup(password);
        if (!j->password)
                return -ENOMEM;
        j->done = done;
        j->userdata = userdata;
        *ret = TAKE_PTR(j);
        return 0;
}

int hash_verify(HashPool *p, HashRank rank, const char *password, const char *hash, HashDone done,
                void *userdata) {
        _cleanup_(job_freep) HashJob *j = NULL;
        int r;

        r = job_new(password, done, userdata, &j);
        if (r < 0)
                return r;
        if (hash) {
                j->expected = strdup(hash);
                if (!j->expected)
                        return -ENOMEM;
        }
        r = submit(p, j, rank);
        if (r < 0)
                return r;
        TAKE_PTR(j);
        return 0;
}

int hash_make(HashPool *p, const char *password, HashDone done, void *userdata) {
        _cleanup_(job_freep) HashJob *j = NULL;
        int r;

        r = job_new(password, done, userdata, &j);
        if (r < 0)
                return r;
        j->make = true;
        r = submit(p, j, HASH_ROOT);
        if (r < 0)
                return r;
        TAKE_PTR(j);
        return 0;
}

uint64_t hash_pool_count(const HashPool *p) {
        HashPool *q = (HashPool *) p;

        (void) pthread_mutex_lock(&q->lock);
        uint64_t n = q->count;
        (void) pthread_mutex_unlock(&q->lock);
        return n;
}

size_t hash_pool_waiting(const HashPool *p) {
        HashPool *q = (HashPool *) p;
        size_t n = 0;

        (void) pthread_mutex_lock(&q->lock);
        for (size_t i = 0; i < _HASH_RANK_MAX; i++)
                n += q->queues[i].n;
        (void) pthread_mutex_unlock(&q->lock);
        return n;
}

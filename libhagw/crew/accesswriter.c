/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The logging thread. It sleeps a little after it was woken, so that a busy worker wakes it fifty times a
 * second and not for each request. */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

#include "libhagw/crew/accesswriter.h"
#include "libhagw/log.h"

#define BATCH_NSEC 20000000L

struct AccessWriter {
        pthread_t thread;
        bool started;
        atomic_bool stop;
        int event_fd;
        unsigned n_rings;
        AccessRing *rings;
};

static void write_entry(const AccessEntry *e) {
        char text[ACCESSLOG_TEXT_MAX];
        struct iovec iov[ACCESSLOG_FIELDS_MAX];

        log_iov(LOG_INFO, iov, accesslog_format(e, text, iov));
}

static void drain(AccessWriter *a) {
        AccessEntry e;

        for (unsigned i = 0; i < a->n_rings; i++)
                while (access_ring_next(&a->rings[i], &e)) {
                        write_entry(&e);
                        access_ring_done(&a->rings[i]);
                }
}

static void *writer_main(void *userdata) {
        AccessWriter *a = userdata;

        (void) pthread_setname_np(pthread_self(), "access-log");
        for (;;) {
                struct pollfd p = { .fd = a->event_fd, .events = POLLIN };
                eventfd_t n;

                drain(a);
                if (atomic_load(&a->stop)) {
                        drain(a);
                        return NULL;
                }
                (void) poll(&p, 1, -1);
                (void) eventfd_read(a->event_fd, &n);
                if (!atomic_load(&a->stop))
                        (void) nanosleep(&(struct timespec) { .tv_nsec = BATCH_NSEC }, NULL);
        }
}

DEFINE_TRIVIAL_CLEANUP_FUNC(AccessWriter *, access_writer_free)

int access_writer_new(unsigned n_rings, AccessWriter **ret) {
        _cleanup_(access_writer_freep) AccessWriter *a = NULL;
        sigset_t ours, before;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (a->event_fd < 0)
                return -errno;
        a->rings = aligned_alloc(_Alignof(AccessRing), n_rings * sizeof(AccessRing));
        if (!a->rings)
                return -ENOMEM;
        a->n_rings = n_rings;
        for (unsigned i = 0; i < n_rings; i++) {
                atomic_init(&a->rings[i].written, 0);
                atomic_init(&a->rings[i].read, 0);
                a->rings[i].event_fd = a->event_fd;
        }
        (void) sigemptyset(&ours);
        (void) sigaddset(&ours, SIGTERM);
        (void) sigaddset(&ours, SIGINT);
        (void) sigaddset(&ours, SIGHUP);
        (void) pthread_sigmask(SIG_BLOCK, &ours, &before);
        r = pthread_create(&a->thread, NULL, writer_main, a);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        a->started = true;
        *ret = TAKE_PTR(a);
        return 0;
}

AccessRing *access_writer_ring(AccessWriter *a, unsigned i) {
        return &a->rings[i];
}

AccessWriter *access_writer_free(AccessWriter *a) {
        if (!a)
                return NULL;
        if (a->started) {
                atomic_store(&a->stop, true);
                (void) eventfd_write(a->event_fd, 1);
                (void) pthread_join(a->thread, NULL);
        }
        safe_close(a->event_fd);
        free(a->rings);
        free(a);
        return NULL;
}

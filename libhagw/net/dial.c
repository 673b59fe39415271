/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Happy eyeballs. Also what connects or fails at once is told by the loop, so that nobody is called back
 * from within his own call. Runs in a worker's thread. */

#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libhagw/net/dial.h"

typedef struct Attempt {
        Handle handle;
        Dial *dial;
} Attempt;

struct Dial {
        Garbage garbage;
        Again again; /* tells that all have failed */
        Timer timer;
        Loop *loop;
        DialHandler handler;
        void *userdata;
        _Atomic uint64_t *n_begun; /* written by this thread only */
        struct sockaddr_un *path;
        IpAddress addresses[DIAL_ADDRESSES_MAX];
        uint8_t order[DIAL_ADDRESSES_MAX]; /* indices in the order of their turns */
        size_t n, n_tried, n_open;
        uint16_t port;
        uint64_t timeout_usec, give_up_usec;
        int error;  /* the last one that says most */
        bool failed; /* an attempt has */
        bool done;
        Attempt attempts[DIAL_ADDRESSES_MAX]; /* by turn */
};

static void free_dial(Garbage *g) {
        Dial *d = CONTAINER_OF(g, Dial, garbage);

        free(d->path);
        free(d);
}

static void close_attempt(Attempt *a) {
        if (a->handle.fd < 0)
                return;
        a->handle.fd = safe_close(a->handle.fd);
        a->dial->n_open--;
}

Dial *dial_free(Dial *d) {
        if (!d || d->done)
                return NULL;
        d->done = true;
        loop_disarm(d->loop, &d->timer);
        loop_not_again(d->loop, &d->again);
        for (size_t i = 0; i < d->n_tried; i++)
                close_attempt(&d->attempts[i]);
        loop_defer_free(d->loop, &d->garbage);
        return NULL;
}

static void finish(Dial *d, int fd, size_t index) {
        DialHandler handler = d->handler;
        void *userdata = d->userdata;

        dial_free(d);
        handler(fd, index, userdata);
}

/* Turns: the preferred one, then the first of the other family, and so on; within a family as they come. */
static void set_order(Dial *d, size_t preferred) {
        bool used[DIAL_ADDRESSES_MAX] = {};
        int family = AF_UNSPEC;

        for (size_t turn = 0; turn < d->n; turn++) {
                size_t best = d->n;

                for (size_t k = 0; k < d->n; k++) {
                        size_t i = (preferred + k) % d->n;

                        if (used[i])
                                continue;
                        if (best == d->n)
                                best = i;
                        if (d->addresses[i].family != family) {
                                best = i;
                                break;
                        }
                }
                used[best] = true;
                d->order[turn] = (uint8_t) best;
                family = d->addresses[best].family;
        }
}

static socklen_t make_address(const Dial *d, size_t turn, struct sockaddr_storage *ret) {
        if (!d->path)
                return ip_to_sockaddr(&d->addresses[d->order[turn]], d->port, ret);
        memcpy(ret, d->path, sizeof(*d->path));
        return sizeof(*d->path);
}

static void on_event(Handle *h, uint32_t events);

/* Also an instant success is told by epoll. */
static int start_attempt(Dial *d, size_t turn) {
        struct sockaddr_storage address;
        socklen_t size = make_address(d, turn, &address);
        Attempt *a = &d->attempts[turn];
        int r;

        *a = (Attempt) { .handle = { .on_event = on_event }, .dial = d };
        a->handle.fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (a->handle.fd < 0)
                return -errno;
        d->n_open++;
        if (address.ss_family != AF_UNIX)
                (void) setsockopt(a->handle.fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
        if (d->n_begun)
                atomic_store_explicit(d->n_begun,
                                      atomic_load_explicit(d->n_begun, memory_order_relaxed) + 1,
                                      memory_order_relaxed);
        if (connect(a->handle.fd, (struct sockaddr *) &address, size) < 0 && errno != EINPROGRESS)
                r = -errno;
        else
                r = loop_add(d->loop, &a->handle, EPOLLOUT | EPOLLET);
        if (r < 0)
                close_attempt(a);
        return r;
}

/* That this machine has nothing of a family says less than what became of the others. */
static void note_error(Dial *d, int error) {
        static const int ours[] = { -ENETUNREACH, -EADDRNOTAVAIL, -EAFNOSUPPORT };

        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                if (error == ours[i] && d->failed)
                        return;
        d->error = error;
        d->failed = true;
}

/* The next one that can begin; when all have failed, it is over. */
static void start_next(Dial *d) {
        while (d->n_tried < d->n) {
                int r = start_attempt(d, d->n_tried++);

                if (r < 0) {
                        note_error(d, r);
                        continue;
                }
                d->give_up_usec = d->loop->now_usec + d->timeout_usec;
                loop_arm(d->loop, &d->timer,
                         d->n_tried < d->n ?
                                 d->loop->now_usec + MIN(DIAL_STAGGER_USEC, d->timeout_usec) :
                                 d->give_up_usec);
                return;
        }
        if (d->n_open == 0)
                loop_again(d->loop, &d->again);
        else
                loop_arm(d->loop, &d->timer, d->give_up_usec);
}

static void on_event(Handle *h, uint32_t events) {
        Attempt *a = CONTAINER_OF(h, Attempt, handle);
        Dial *d = a->dial;
        socklen_t size = sizeof(int);
        int error = 0;

        if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
                return;
        (void) getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
                note_error(d, -error);
                close_attempt(a);
                start_next(d);
                return;
        }
        loop_remove(d->loop, h);
        d->n_open--;
        finish(d, TAKE_FD(h->fd), d->order[a - d->attempts]);
}

static void on_timer(Timer *t) {
        Dial *d = CONTAINER_OF(t, Dial, timer);

        if (d->n_tried < d->n)
                start_next(d);
        else
                finish(d, -ETIMEDOUT, 0);
}

static void on_again(Again *a) {
        Dial *d = CONTAINER_OF(a, Dial, again);

        finish(d, d->error, 0);
}

static int set_target(Dial *d, const DialTarget *t) {
        d->port = t->port;
        d->timeout_usec = t->timeout_usec;
        if (!t->path) {
                d->n = MIN(t->n_addresses, (size_t) DIAL_ADDRESSES_MAX);
                if (d->n > 0)
                        memcpy(d->addresses, t->addresses, d->n * sizeof(IpAddress));
                set_order(d, t->preferred);
                d->error = -EDESTADDRREQ;
                return 0;
        }
        d->path = calloc(1, sizeof(*d->path));
        if (!d->path)
                return -ENOMEM;
        d->path->sun_family = AF_UNIX;
        d->error = -ENAMETOOLONG;
        d->n = (size_t) snprintf(d->path->sun_path, sizeof(d->path->sun_path), "%s", t->path) <
               sizeof(d->path->sun_path);
        return 0;
}

int dial_new(Loop *loop, const DialTarget *target, _Atomic uint64_t *n_begun, DialHandler handler,
             void *userdata, Dial **ret) {
        Dial *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        d->garbage.free = free_dial;
        d->again.run = on_again;
        d->timer.fire = on_timer;
        d->loop = loop;
        d->handler = handler;
        d->userdata = userdata;
        d->n_begun = n_begun;
        if (set_target(d, target) < 0) {
                free(d);
                return -ENOMEM;
        }
        start_next(d);
        *ret = d;
        return 0;
}

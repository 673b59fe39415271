/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels that wait at the relay. Runs in the worker's thread. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/list.h"

static void free_channel(Garbage *g) {
        free(CONTAINER_OF(g, Channel, garbage));
}

static void channel_unlink(Channel *c) {
        LIST_REMOVE(c);
        c->control->n_waiting--;
        c->control->least_waiting = MIN(c->control->least_waiting, c->control->n_waiting);
}

void channel_close(Channel *c) {
        Worker *w = c->control->worker;

        channel_unlink(c);
        c->control->tenant->n_channels--;
        c->handle.fd = safe_close(c->handle.fd);
        counter_sub(&w->figures->channels, 1);
        loop_defer_free(&w->loop, &c->garbage);
}

int channel_take(Channel *c) {
        Worker *w = c->control->worker;
        char byte;
        int fd;

        /* It waits in silence: whatever is there, or its end, makes it useless. */
        if (recv(c->handle.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
                channel_close(c);
                return -ENOTCONN;
        }
        channel_unlink(c);
        loop_remove(&w->loop, &c->handle);
        fd = TAKE_FD(c->handle.fd);
        counter_sub(&w->figures->channels, 1);
        loop_defer_free(&w->loop, &c->garbage);
        return fd;
}

/* Nothing is expected but its end. */
static void on_event(Handle *h, uint32_t events) {
        Channel *c = CONTAINER_OF(h, Channel, handle);

        if (events & ~(uint32_t) EPOLLOUT)
                channel_close(c);
}

/* Found dead within a minute, also while nobody uses it; with the whole of the way it is the control
 * connection that notices, and sooner. */
static void watch_peer(int fd) {
        static const struct {
                int level, name, value;
        } options[] = {
                { SOL_SOCKET, SO_KEEPALIVE, 1 },
                { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
                { IPPROTO_TCP, TCP_KEEPINTVL, 5 },
                { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                (void) setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

int channel_new(Control *k, uint64_t number, int fd) {
        Worker *w = k->worker;
        Channel *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        watch_peer(fd);
        c->handle = (Handle) { .fd = fd, .on_event = on_event };
        c->garbage.free = free_channel;
        c->control = k;
        c->number = number;
        if (loop_add(&w->loop, &c->handle, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0) {
                free(c);
                return -ENOMEM;
        }
        LIST_ADD(&k->channels, c);
        k->n_waiting++;
        k->tenant->n_channels++;
        counter_add(&w->figures->channels, 1);
        return 0;
}

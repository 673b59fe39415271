/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels that wait at the relay. Runs in the worker's thread. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/relay/control.h"

static void free_channel(Garbage *g) {
        free(CONTAINER_OF(g, Channel, garbage));
}

static void channel_unlink(Channel *c) {
        *c->link = c->next;
        if (c->next)
                c->next->link = c->link;
        c->control->n_waiting--;
        c->control->least_waiting = MIN(c->control->least_waiting, c->control->n_waiting);
}

void channel_close(Channel *c) {
        Worker *w = c->control->worker;

        channel_unlink(c);
        c->control->tenant->n_channels--;
        c->handle.fd = safe_close(c->handle.fd);
        counter_sub(&w->counters.channels, 1);
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
        counter_sub(&w->counters.channels, 1);
        loop_defer_free(&w->loop, &c->garbage);
        return fd;
}

/* Nothing is expected but its end. */
static void on_event(Handle *h, uint32_t events) {
        Channel *c = CONTAINER_OF(h, Channel, handle);

        if (events & ~(uint32_t) EPOLLOUT)
                channel_close(c);
}

/* Found dead within half a minute, also while nobody uses it. */
static void watch_peer(int fd) {
        static const struct {
                int level, name, value;
        } options[] = {
                { SOL_SOCKET, SO_KEEPALIVE, 1 },
                { IPPROTO_TCP, TCP_KEEPIDLE, 12 },
                { IPPROTO_TCP, TCP_KEEPINTVL, 5 },
                { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                (void) setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* The control connection it belongs to, or NULL: not to be told why. */
static Control *judge(Worker *w, const uint8_t *bytes, ChannelHello *ret) {
        uint8_t mac[CHANNEL_MAC_SIZE];
        Control *k;

        if (!channel_hello_read(bytes, ret))
                return NULL;
        k = control_find(w, ret->session_id);
        if (!k || relay_keys_sign_hello(&k->keys, bytes, mac) < 0 ||
            !relay_mac_equal(mac, bytes + CHANNEL_HELLO_SIGNED) ||
            !channel_window_take(&k->window, ret->number))
                return NULL;
        if (k->tenant->n_channels >= k->tenant->info->channels || k->n_waiting >= 2 * CONTROL_WAITING_MAX)
                return NULL;
        return k;
}

void channel_arrive(Worker *w, int fd, const uint8_t bytes[static CHANNEL_HELLO_SIZE],
                    const IpAddress *address) {
        ChannelHello hello;
        Control *k = judge(w, bytes, &hello);
        Channel *c = k ? calloc(1, sizeof(*c)) : NULL;

        /* From here on the tenant's own limit counts; a whole town of houses may share an address. */
        if (address)
                crowd_leave(address);
        if (!c) {
                counter_add(&w->counters.channels_refused, 1);
                safe_close(fd);
                return;
        }
        watch_peer(fd);
        c->handle = (Handle) { .fd = fd, .on_event = on_event };
        c->garbage.free = free_channel;
        c->control = k;
        c->number = hello.number;
        if (loop_add(&w->loop, &c->handle, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0) {
                safe_close(fd);
                free(c);
                return;
        }
        c->next = k->channels;
        c->link = &k->channels;
        if (c->next)
                c->next->link = &c->next;
        k->channels = c;
        k->n_waiting++;
        k->tenant->n_channels++;
        counter_add(&w->counters.channels, 1);
        tenant_serve(w, k->tenant);
}

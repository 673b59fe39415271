/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Visitors as values, and how many of them are here. Runs in the worker's thread. */

#include <sys/socket.h>

#include "libhagw/crew/visitor.h"
#include "libhagw/crew/worker.h"

void visitor_let_go(Visitor *v) {
        v->fd = safe_close(v->fd);
        free(v->in);
        v->in = NULL;
        crowd_leave(&v->crowd);
}

ProxyPair visitor_pair(const Visitor *v) {
        struct sockaddr_storage here = {};
        socklen_t size = sizeof(here);
        ProxyPair pair = { v->address, v->here, v->port, v->here_port };

        if (v->here.family == AF_UNSPEC && getsockname(v->fd, (struct sockaddr *) &here, &size) >= 0)
                (void) proxy_endpoint_from_sockaddr((struct sockaddr *) &here, &pair.destination,
                                                    &pair.destination_port);
        return pair;
}

void visitor_give(Worker *w, Visitor *v) {
        for (const Room *const *room = w->rooms; *room; room++)
                if ((*room)->visitor) {
                        (*room)->visitor(w, v);
                        return;
                }
        assert(false);
}

const MessageKind crowd_left_message = { .size = sizeof(Message) };

void visitors_came(Worker *w) {
        counter_add(&w->counters.connections, 1);
        w->most = MAX(w->most, atomic_load_explicit(&w->counters.connections, memory_order_relaxed));
}

void visitors_left(Worker *w) {
        uint64_t n;

        counter_sub(&w->counters.connections, 1);
        if (w->on_room)
                w->on_room(w);
        n = atomic_load_explicit(&w->counters.connections, memory_order_relaxed);
        if (w->most < VISITORS_CROWD || n > w->most / 4)
                return;
        w->most = n;
        worker_say(w, &crowd_left_message);
}

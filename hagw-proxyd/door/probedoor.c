/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Probes come in. Runs in the worker's thread. */

#include <sys/socket.h>

#include "hagw-proxyd/door/probedoor.h"

int probe_enter(Worker *w, ProbeMessage *probe) {
        Visitor v = {
                .fd = TAKE_FD(probe->fd),
                .kind = CONN_PLAIN,
                .arrival = ARRIVAL_PROBE,
                .address = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
        };
        const Route *route = route_find(w->snapshot->routes, probe->name);
        Conn *c = route ? conn_make(w, &v) : NULL;

        if (!c) {
                visitor_done(w, &v);
                queue_push(w->main_queue, &probe->message);
                return -ENOENT;
        }
        c->visit.probe = probe;
        c->route = route;
        memcpy(c->visit.name, probe->name, sizeof(c->visit.name));
        conn_start(c);
        if (c->state != CONN_CLOSED)
                (void) entrance_serve(c, &(Knock) { .kind = KNOCK_PROBE });
        return 0;
}

static void init_probe(Message *m) {
        ((ProbeMessage *) m)->fd = -EBADF;
}

static void deliver_probe(Message *m, Worker *w) {
        (void) probe_enter(w, (ProbeMessage *) m);
}

static void free_probe(Message *m) {
        safe_close(((ProbeMessage *) m)->fd);
}

const MessageKind probe_message = {
        .size = sizeof(ProbeMessage), .init = init_probe, .deliver = deliver_probe, .free = free_probe,
};

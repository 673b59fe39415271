/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which states of a connection are the door's, and its sockets. */

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/door/hello.h"
#include "hagw-proxyd/door/opening.h"
#include "hagw-proxyd/visit/conn.h"

void door_listen(Worker *w, ListenKind kind, const int *fds, size_t n) {
        Door *d = w->door;

        for (size_t i = 0; i < n && d->n_listeners < LISTEN_MAX; i++)
                listener_init(&d->listeners[d->n_listeners++], w, kind, fds[i]);
}

static void resume(Worker *w) {
        for (size_t i = 0; i < w->door->n_listeners; i++)
                listener_resume(&w->door->listeners[i]);
}

static void on_timer(Conn *c) {
        conn_refuse(c);
}

static void end_handshake(Conn *c) {
        handshake_end(&c->handshake);
}

static const ConnServer proxy_server = { .serve = hello_serve_proxy, .on_timer = on_timer };
static const ConnServer hello_server = { .serve = hello_serve, .on_timer = on_timer };
static const ConnServer handshake_server = {
        .serve = opening_serve, .on_timer = on_timer, .end = end_handshake,
};

static int init(Worker *w) {
        w->door = calloc(1, sizeof(*w->door));
        if (!w->door)
                return -ENOMEM;
        if (handshakes_init(w) < 0)
                return -ENOMEM;
        w->visits->servers[CONN_PROXY] = &proxy_server;
        w->visits->servers[CONN_HELLO] = &hello_server;
        w->visits->servers[CONN_HANDSHAKE] = &handshake_server;
        w->on_room = resume;
        return 0;
}

static void shut(Worker *w) {
        for (size_t i = 0; i < w->door->n_listeners; i++)
                listener_pause(&w->door->listeners[i]);
}

static void free_room(Worker *w) {
        handshakes_done(w);
        free(w->door);
        w->door = NULL;
}

const Room door_room = { .init = init, .open = resume, .shut = shut, .free = free_room };

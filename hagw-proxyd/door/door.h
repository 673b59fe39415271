/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/door/listen.h"
#include "hagw-proxyd/wire/balancer.h"
#include "libhagw/crew/room.h"

/* What the door hangs on a worker. */
typedef struct Door {
        Listener listeners[LISTEN_MAX];
        size_t n_listeners;
        uint64_t hidden_usec; /* when it was told last that somebody came by a hop; 0: never */
        BalancersTold balancers;
} Door;

extern const Room door_room;

/* The sockets that a worker accepts at; the fds stay the caller's. Before it is started. */
void door_listen(Worker *w, ListenKind kind, const int *fds, size_t n);

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A transport goes on as another one, or in another thread. */

#include "libhagw/net/transport.h"

void transport_move(Transport *from, Transport *to) {
        bool again = from->again.queued;

        loop_not_again(from->loop, &from->again);
        *to = *from;
        if (again)
                loop_again(to->loop, &to->again);
        if (to->tls)
                gnutls_transport_set_ptr(to->tls, to);
        from->handle.fd = -EBADF;
        from->tls = NULL;
        from->in = from->out = NULL;
}

void transport_leave(Transport *t, Loop *loop, BufferPool *pool) {
        loop_not_again(t->loop, &t->again);
        buffer_leave(t->pool, t->in);
        buffer_leave(t->pool, t->out);
        t->loop = loop;
        t->pool = pool;
}

void transport_arrive(Transport *t) {
        buffer_arrive(t->pool, t->in);
        buffer_arrive(t->pool, t->out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The door. Runs in each worker's thread; the sockets belong to systemd and stay open when we go. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hagw-proxyd/door/listen.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/pure/proxyprotocol.h"

static void on_retry(Timer *t) {
        listener_resume(CONTAINER_OF(t, Listener, retry));
}

void listener_pause(Listener *l) {
        if (!l->watched)
                return;
        loop_remove(&l->worker->loop, &l->handle);
        l->watched = false;
}

void listener_resume(Listener *l) {
        Worker *w = l->worker;

        if (l->watched || w->stage >= WORKER_SHUT || !w->open)
                return;
        loop_disarm(&w->loop, &l->retry);
        if (admit_more(w, w) != ADMISSION_GRANTED)
                return; /* the next connection that ends comes here again */
        if (loop_add(&w->loop, &l->handle, EPOLLIN | EPOLLEXCLUSIVE) < 0)
                loop_arm(&w->loop, &l->retry, w->loop.now_usec + LISTEN_PAUSE_USEC);
        else
                l->watched = true;
}

static void on_accept(Handle *h, uint32_t events) {
        Listener *l = CONTAINER_OF(h, Listener, handle);
        Worker *w = l->worker;
        const ConfCidrs *balancers = &w->snapshot->routes->balancers;

        for (unsigned i = 0; i < LISTEN_BATCH; i++) {
                struct sockaddr_storage address;
                socklen_t size = sizeof(address);
                Visitor v = { .kind = l->kind == LISTEN_HTTPS ? CONN_HTTPS : CONN_HTTP };

                bool full = admit_more(w, w) != ADMISSION_GRANTED;

                if (full && w->visits->unfinished.n == 0) {
                        listener_pause(l);
                        return;
                }
                v.fd = accept4(h->fd, (struct sockaddr *) &address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (v.fd < 0) {
                        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
                                return;
                        /* EMFILE, ENOBUFS: it stays readable, so look away for a while. */
                        listener_pause(l);
                        loop_arm(&w->loop, &l->retry, w->loop.now_usec + LISTEN_PAUSE_USEC);
                        return;
                }
                if (full)
                        (void) unfinished_evict(w);
                if (proxy_endpoint_from_sockaddr((struct sockaddr *) &address, &v.address, &v.port) < 0)
                        v.address = (IpAddress) { .family = AF_UNSPEC };
                if (cidr_list_contains(balancers->items, balancers->n, &v.address))
                        v.arrival = ARRIVAL_BALANCER;
                else if (admit_address(w, &v.address, &v.crowd) != ADMISSION_GRANTED) {
                        admission_count(w, ADMISSION_CROWDED);
                        safe_close(v.fd);
                        continue;
                }
                (void) setsockopt(v.fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
                counter_add(&w->figures->accepted, 1);
                visitor_place(w, &v);
        }
}

void listener_init(Listener *l, Worker *w, ListenKind kind, int fd) {
        *l = (Listener) {
                .handle = { .fd = fd, .on_event = on_accept },
                .worker = w,
                .kind = kind,
                .retry = { .fire = on_retry },
        };
}

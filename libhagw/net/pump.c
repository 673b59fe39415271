/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splicing. A socket is read until it says EAGAIN: a short splice(2) may as well mean that the pipe ran out
 * of slots. Runs in the worker's thread. */

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "libhagw/net/pump.h"

static bool pipe_is_large(const Pipe *p) {
        return p->size >= PIPE_SIZE;
}

static Pipe *pipe_free(PipePool *pool, Pipe *p) {
        pool->n_large -= pipe_is_large(p);
        safe_close(p->fds[0]);
        safe_close(p->fds[1]);
        free(p);
        return NULL;
}

void pipe_pool_done(PipePool *p) {
        while (p->free) {
                Pipe *pipe = p->free;

                p->free = pipe->next;
                pipe_free(p, pipe);
        }
        p->n_free = 0;
}

static Pipe *pipe_get(PipePool *pool) {
        Pipe *p = pool->free;
        int n;

        if (p) {
                pool->free = p->next;
                pool->n_free--;
                return p;
        }
        p = calloc(1, sizeof(*p));
        if (!p)
                return NULL;
        if (pipe2(p->fds, O_CLOEXEC | O_NONBLOCK) < 0) {
                free(p);
                return NULL;
        }
        if (pool->n_large < pool->large_max)
                (void) fcntl(p->fds[1], F_SETPIPE_SZ, (int) PIPE_SIZE);
        n = fcntl(p->fds[1], F_GETPIPE_SZ);
        p->size = n > 0 ? (size_t) n : 4096;
        pool->n_large += pipe_is_large(p);
        return p;
}

/* An empty pipe goes back to the pool, one with bytes in it to nobody. A small one is kept where there is no
 * other: the next is held for no longer than this one was. */
static Pipe *pipe_put(PipePool *pool, Pipe *p) {
        if (!p)
                return NULL;
        if (p->used > 0 || pool->n_free >= (pipe_is_large(p) ? PIPES_FREE_MAX : 1))
                return pipe_free(pool, p);
        p->next = pool->free;
        pool->free = p;
        pool->n_free++;
        return NULL;
}

static void bound_unsent(int fd) {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int) { PUMP_UNSENT_BYTES }, sizeof(int));
}

void pump_init(Pump *p, PipePool *pipes, BufferPool *buffers, int a, int b, RateLimit *limit) {
        bound_unsent(a);
        bound_unsent(b);
        *p = (Pump) {
                .sides = { { .fd = a, .readable = true, .writable = true },
                           { .fd = b, .readable = true, .writable = true } },
                .pipes = pipes,
                .buffers = buffers,
                .limit = limit,
                .turn = PUMP_ALONE_BYTES,
        };
}

void pump_done(Pump *p) {
        for (unsigned i = 0; i < 2; i++) {
                p->sides[i].pipe = pipe_put(p->pipes, p->sides[i].pipe);
                p->sides[i].head = buffer_put(p->buffers, p->sides[i].head);
        }
}

void pump_note(Pump *p, unsigned side, uint32_t events) {
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                p->sides[side].readable = true;
        if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
                p->sides[side].writable = true;
}

bool pump_is_stuck(const Pump *p) {
        for (unsigned i = 0; i < 2; i++)
                if (p->sides[i].head || p->sides[i].pipe)
                        return true;
        return false;
}

/* 1: all of it has gone; 0: the socket takes no more now; negative errno. */
static int send_head(Pump *p, PumpSide *to) {
        ssize_t n;

        while (to->head) {
                do
                        n = send(to->fd, buffer_at(to->head), buffer_used(to->head),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
                while (n < 0 && errno == EINTR);
                if (n < 0 && errno == EAGAIN) {
                        to->writable = false;
                        return 0;
                }
                if (n < 0)
                        return -errno;
                to->head->begin += (size_t) n;
                p->moved += (uint64_t) n;
                if (buffer_used(to->head) == 0)
                        to->head = buffer_put(p->buffers, to->head);
        }
        return 1;
}

static ssize_t move(int from, int to, size_t n) {
        ssize_t r;

        do
                r = splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r;
}

/* From the socket into the pipe. n > 0; 0: nothing now, or its end; negative errno. */
static ssize_t fill(Pump *p, PumpSide *from, uint64_t now_usec) {
        ssize_t n;

        if (from->ended || !from->readable)
                return 0;
        if (!from->pipe)
                from->pipe = pipe_get(p->pipes);
        if (!from->pipe) {
                /* Descriptors have run out: others give theirs back. */
                p->resume_usec = now_usec + PIPE_RETRY_USEC;
                return 0;
        }
        n = (ssize_t) rate_limit_allow(p->limit, now_usec, MIN(from->pipe->size, p->turn), p->waited);
        if (n == 0)
                p->resume_usec = now_usec + RATE_LIMIT_RETRY_USEC;
        else {
                n = move(from->fd, from->pipe->fds[1], (size_t) n);
                if (n == 0)
                        from->ended = true;
                else if (n == -EAGAIN) {
                        from->readable = false;
                        n = 0;
                }
        }
        if (n <= 0) {
                from->pipe = pipe_put(p->pipes, from->pipe);
                return n;
        }
        from->pipe->used = (size_t) n;
        from->received += (uint64_t) n;
        rate_limit_spend(p->limit, (size_t) n);
        return n;
}

/* From the pipe to the other socket. 1: it is empty; 0: the socket takes no more now; negative errno. */
static int drain(Pump *p, PumpSide *from, PumpSide *to) {
        while (from->pipe) {
                ssize_t n;

                if (!to->writable)
                        return 0;
                n = move(from->pipe->fds[0], to->fd, from->pipe->used);
                if (n == -EAGAIN) {
                        to->writable = false;
                        return 0;
                }
                if (n <= 0)
                        return n < 0 ? (int) n : -EPIPE;
                from->pipe->used -= (size_t) n;
                p->moved += (uint64_t) n;
                if (from->pipe->used == 0)
                        from->pipe = pipe_put(p->pipes, from->pipe);
        }
        return 1;
}

/* One direction. 0: it waits, 1: it has more to do, negative errno: broken. */
static int pump_one(Pump *p, PumpSide *from, PumpSide *to, uint64_t now_usec) {
        size_t moved = 0;

        while (moved < p->turn) {
                ssize_t n;
                int r;

                if (to->shut)
                        return 0;
                r = to->writable ? send_head(p, to) : !to->head;
                if (r <= 0)
                        return r;
                r = drain(p, from, to);
                if (r <= 0)
                        return r;
                n = fill(p, from, now_usec);
                if (n < 0)
                        return (int) n;
                if (n == 0) {
                        if (from->ended) {
                                to->shut = true;
                                (void) shutdown(to->fd, SHUT_WR);
                        }
                        return 0;
                }
                moved += MAX((size_t) n, (size_t) PUMP_MOVE_BYTES);
        }
        return 1;
}

PumpResult pump_run(Pump *p, uint64_t now_usec) {
        int a, b;

        p->waited = p->resume_usec > 0;
        p->resume_usec = 0;
        a = pump_one(p, &p->sides[0], &p->sides[1], now_usec);
        b = pump_one(p, &p->sides[1], &p->sides[0], now_usec);
        if (a < 0 || b < 0)
                return PUMP_BROKEN;
        if (p->sides[0].shut && p->sides[1].shut)
                return PUMP_DONE;
        return a > 0 || b > 0 ? PUMP_AGAIN : PUMP_WAIT;
}

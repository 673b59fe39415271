/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets and GnuTLS through its push and pull functions: one recv() brings many records, and what GnuTLS
 * pushes is always accepted, so that a half-written record never needs resuming. Runs in the worker's
 * thread. */

#include <linux/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "libhagw/net/transport.h"

#define RECORD_MAX 16384U /* plain bytes (RFC 8446 section 5.1) */
#define WARNINGS_MAX 16U  /* in a connection's life; TLS 1.2 lets a visitor send them without end */
#define RECORD_OVERHEAD 256U /* generously: header, nonce, padding, tag (RFC 5246 section 6.2.3) */

static void on_again(Again *a) {
        Transport *t = CONTAINER_OF(a, Transport, again);

        t->handle.on_event(&t->handle, /* events= */ 0);
}

void transport_init(Transport *t, Loop *loop, BufferPool *pool, int fd) {
        t->again = (Again) { .run = on_again };
        t->loop = loop;
        t->pool = pool;
        t->handle.fd = fd;
        t->meter = NULL;
        t->pace = NULL;
        t->tls = NULL;
        t->in = t->out = NULL;
        t->readable = true;
        t->held = t->hung_up = t->ended = t->open = t->lean = t->batching = t->shut = false;
        t->n_unchecked = 0;
        t->locks = 0;
        t->error = t->tls_error = 0;
        t->n_warnings = 0;
        if (fd >= 0)
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int) { TRANSPORT_UNSENT_BYTES },
                                  sizeof(int));
}

void transport_done(Transport *t) {
        t->handle.fd = safe_close(t->handle.fd);
        loop_not_again(t->loop, &t->again);
        if (t->tls)
                gnutls_deinit(t->tls);
        t->tls = NULL;
        t->in = buffer_put(t->pool, t->in);
        t->out = buffer_put(t->pool, t->out);
}

void transport_note(Transport *t, uint32_t events) {
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                t->readable = true;
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                t->hung_up = true;
}

static int fail(Transport *t, int error) {
        if (t->error == 0)
                t->error = error;
        return t->error;
}

static void count(_Atomic uint64_t *bytes, ssize_t n) {
        atomic_store_explicit(bytes, atomic_load_explicit(bytes, memory_order_relaxed) + (uint64_t) n,
                              memory_order_relaxed);
}

/* How many of so many bytes may pass now. 0: none, and the owner is told when to try again. */
static size_t paced(const Transport *t, size_t wanted) {
        TransportPace *p = t->pace;
        size_t n = wanted;

        if (!p)
                return n;
        n = rate_limit_allow(p->limit, p->loop->now_usec, wanted, p->waited);
        p->waited = n == 0;
        if (p->waited)
                loop_arm(p->loop, &p->timer, p->loop->now_usec + RATE_LIMIT_RETRY_USEC);
        return n;
}

static void spend(const Transport *t, ssize_t n) {
        if (t->pace)
                rate_limit_spend(t->pace->limit, (size_t) n);
}

/* False: the turn is over, and the owner will have another. */
static bool may_go_on(Transport *t) {
        if (!loop_turn_is_over(t->loop))
                return true;
        loop_again(t->loop, &t->again);
        return false;
}

static bool is_grown(const Transport *t, int option, unsigned limit) {
        socklen_t size = sizeof(int);
        int bytes = 0;

        return getsockopt(t->handle.fd, SOL_SOCKET, option, &bytes, &size) >= 0 && bytes >= (int) limit;
}

/* The kernel's buffers grow with what passes. Once they are large enough they keep their size, which needs
 * no more right than to a socket of one's own, and leaves the growth until then as it is. */
static void bound_kernel(Transport *t) {
        int locks = t->locks;

        t->n_unchecked = 0;
        if (is_grown(t, SO_RCVBUF, TRANSPORT_UNREAD_BYTES))
                locks |= SOCK_RCVBUF_LOCK;
        if (is_grown(t, SO_SNDBUF, TRANSPORT_UNACKNOWLEDGED_BYTES))
                locks |= SOCK_SNDBUF_LOCK;
        if (locks != t->locks)
                (void) setsockopt(t->handle.fd, SOL_SOCKET, SO_BUF_LOCK, &locks, sizeof(locks));
        t->locks = locks;
}

static inline void moved(Transport *t, size_t n) {
        t->n_unchecked += n;
        if (t->n_unchecked >= TRANSPORT_CHECK_BYTES)
                bound_kernel(t);
}

/* n > 0; 0: end; -EAGAIN. A short read means that the socket is drained: the next edge will tell of more. */
static ssize_t receive(Transport *t, void *data, size_t size) {
        ssize_t n;

        /* What could not be sent says nothing about what has arrived: an early answer, say. */
        if (t->ended)
                return 0;
        if (!t->readable || !may_go_on(t))
                return -EAGAIN;
        size = paced(t, size);
        t->held = size == 0;
        if (t->held)
                return -EAGAIN;
        do
                n = recv(t->handle.fd, data, size, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        loop_spend(t->loop, LOOP_WORK_CALL + (n > 0 ? (size_t) n : 0));
        if (n < 0) {
                if (errno != EAGAIN)
                        return fail(t, -errno);
                t->readable = false;
                return -EAGAIN;
        }
        if (t->meter)
                count(&t->meter->received, n);
        spend(t, n);
        moved(t, (size_t) n);
        if (n == 0)
                t->ended = true;
        else if ((size_t) n < size)
                t->readable = t->hung_up;
        return n;
}

/* Where the kernel takes no more, what is left may lie there for long, in as much as it needs. */
static Buffer *make_out(const Transport *t, size_t need) {
        if (need > BUFFER_SIZE)
                return buffer_get(t->pool, need + 4 * RECORD_OVERHEAD);
        if (t->batching || need > BUFFER_SIZE / 2)
                return buffer_get(t->pool, BUFFER_SIZE);
        return need <= BUFFER_SIZE_SMALL ? buffer_get(t->pool, BUFFER_SIZE_SMALL) :
                                           buffer_get_exact(t->pool, (need + 1023) / 1024 * 1024);
}

/* Appends to out. The kernel gets it by transport_flush(). */
static int keep(Transport *t, const struct iovec *iov, size_t n, size_t skip) {
        size_t total = 0;

        for (size_t i = 0; i < n; i++)
                total += iov[i].iov_len;
        if (total == skip)
                return 0;
        total -= skip;
        if (!t->out || buffer_room(t->out) < total) {
                size_t used = buffer_used(t->out);
                Buffer *b = make_out(t, used + total);
                if (!b)
                        return -ENOMEM;
                if (t->out)
                        buffer_append(b, buffer_at(t->out), used);
                buffer_put(t->pool, t->out);
                t->out = b;
        }
        for (size_t i = 0; i < n; i++) {
                size_t s = MIN(skip, iov[i].iov_len);

                buffer_append(t->out, (const char *) iov[i].iov_base + s, iov[i].iov_len - s);
                skip -= s;
        }
        return 0;
}

static ssize_t send_now(Transport *t, const struct iovec *iov, size_t n) {
        struct msghdr m = { .msg_iov = (struct iovec *) iov, .msg_iovlen = n };
        ssize_t r;

        do
                r = sendmsg(t->handle.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (r < 0 && errno == EINTR);
        loop_spend(t->loop, LOOP_WORK_CALL + (r > 0 ? (size_t) r : 0));
        if (r < 0)
                return errno == EAGAIN ? 0 : fail(t, -errno);
        if (t->meter)
                count(&t->meter->sent, r);
        moved(t, (size_t) r);
        return r;
}

/* Sends what the kernel takes and keeps the rest. */
static int send_or_keep(Transport *t, const struct iovec *iov, size_t n) {
        ssize_t sent = 0;

        if (t->error < 0)
                return t->error;
        if (!t->out && !t->batching) {
                sent = send_now(t, iov, n);
                if (sent < 0)
                        return (int) sent;
        }
        return keep(t, iov, n, (size_t) sent);
}

static void shrink_out(Transport *t) {
        size_t used = buffer_used(t->out);
        Buffer *b = t->out->size == BUFFER_SIZE && used <= BUFFER_SIZE / 2 ? make_out(t, used) : NULL;

        if (!b)
                return;
        buffer_append(b, buffer_at(t->out), used);
        buffer_put(t->pool, t->out);
        t->out = b;
}

int transport_flush(Transport *t) {
        while (t->out) {
                struct iovec iov = { buffer_at(t->out), buffer_used(t->out) };
                ssize_t n;

                if (t->error < 0)
                        return t->error;
                if (iov.iov_len > 0)
                        iov.iov_len = paced(t, iov.iov_len);
                n = iov.iov_len > 0 ? send_now(t, &iov, 1) : 0;
                if (n < 0)
                        return (int) n;
                spend(t, n);
                t->out->begin += (size_t) n;
                if (buffer_used(t->out) > 0) {
                        if (n > 0 && (size_t) n == iov.iov_len)
                                continue; /* it was the pace that allowed no more: it says when to go on */
                        shrink_out(t);
                        return -EAGAIN;
                }
                t->out = buffer_put(t->pool, t->out);
                if (t->shut)
                        (void) shutdown(t->handle.fd, SHUT_WR);
        }
        return t->error;
}

/* GnuTLS asks for ciphertext: from the read-ahead buffer, which one recv() fills. */
static ssize_t tls_pull(gnutls_transport_ptr_t userdata, void *data, size_t size) {
        Transport *t = userdata;

        if (buffer_used(t->in) == 0) {
                ssize_t n;

                size_t size_wanted = t->open && !t->lean ? BUFFER_SIZE : BUFFER_SIZE_SMALL;

                if (t->in && t->open && t->in->size != size_wanted)
                        t->in = buffer_put(t->pool, t->in);
                if (!t->in)
                        t->in = buffer_get(t->pool, size_wanted);
                if (!t->in) {
                        gnutls_transport_set_errno(t->tls, ENOMEM);
                        return -1;
                }
                t->in->begin = t->in->end = 0;
                n = receive(t, t->in->data, t->in->size);
                if (n <= 0) {
                        t->in = buffer_put(t->pool, t->in);
                        if (n < 0)
                                gnutls_transport_set_errno(t->tls, (int) -n);
                        return n < 0 ? -1 : 0;
                }
                t->in->end = (size_t) n;
        }
        size = MIN(size, buffer_used(t->in));
        memcpy(data, buffer_at(t->in), size);
        t->in->begin += size;
        return (ssize_t) size;
}

static ssize_t tls_push(gnutls_transport_ptr_t userdata, const giovec_t *iov, int n) {
        Transport *t = userdata;
        size_t total = 0;
        int r;

        for (int i = 0; i < n; i++)
                total += iov[i].iov_len;
        r = send_or_keep(t, iov, (size_t) n);
        if (r < 0) {
                gnutls_transport_set_errno(t->tls, -r);
                return -1;
        }
        return (ssize_t) total;
}

void transport_start_tls(Transport *t, gnutls_session_t tls) {
        t->tls = tls;
        gnutls_transport_set_ptr(tls, t);
        gnutls_transport_set_pull_function(tls, tls_pull);
        gnutls_transport_set_vec_push_function(tls, tls_push);
}

/* GnuTLS takes one record a call and says AGAIN where the message goes on in the next one, which may be here
 * already; so it does after what was no data, such as a ticket. */
static bool has_ciphertext(const Transport *t) {
        return buffer_used(t->in) > 0 || (t->readable && !t->held && !t->ended);
}

/* Worth another call at once: GnuTLS was interrupted, or took an alert that means nothing. */
static bool is_nothing(Transport *t, ssize_t r) {
        return r == GNUTLS_E_INTERRUPTED ||
               (r == GNUTLS_E_WARNING_ALERT_RECEIVED && ++t->n_warnings <= WARNINGS_MAX);
}

int transport_handshake(Transport *t) {
        int r;

        do {
                r = gnutls_handshake(t->tls);
                loop_spend(t->loop, LOOP_WORK_RECORD);
        } while (is_nothing(t, r) || (r == GNUTLS_E_AGAIN && has_ciphertext(t) && may_go_on(t)));
        if (r == GNUTLS_E_AGAIN)
                return -EAGAIN;
        t->tls_error = r;
        t->open = r >= 0;
        return r < 0 ? fail(t, -EPROTO) : 0;
}

ssize_t transport_peek(Transport *t) {
        ssize_t n;

        if (!t->in)
                t->in = buffer_get(t->pool, BUFFER_SIZE_SMALL);
        if (!t->in)
                return -ENOMEM;
        if (buffer_room(t->in) == 0) {
                Buffer *larger = t->in->size < BUFFER_SIZE ? buffer_grow(t->pool, t->in, 0) : NULL;

                if (!larger)
                        return -EMSGSIZE;
                t->in = larger;
        }
        n = receive(t, t->in->data + t->in->end, buffer_room(t->in));
        if (n <= 0)
                return n;
        t->in->end += (size_t) n;
        return (ssize_t) buffer_used(t->in);
}

static ssize_t read_record(Transport *t, void *data, size_t size) {
        ssize_t n;

        do {
                n = gnutls_record_recv(t->tls, data, size);
                loop_spend(t->loop, LOOP_WORK_RECORD);
        } while (is_nothing(t, n) || (n == GNUTLS_E_AGAIN && has_ciphertext(t) && may_go_on(t)));
        return n;
}

/* Records that have come already are read together, so that they go on in one piece. What is wrong behind
 * them is said at the next call again. */
static ssize_t read_tls(Transport *t, char *data, size_t size) {
        ssize_t n = read_record(t, data, size), more = n;

        while (more > 0 && size - (size_t) n >= RECORD_MAX && buffer_used(t->in) > 0 && may_go_on(t)) {
                more = read_record(t, data + n, size - (size_t) n);
                n += MAX(more, (ssize_t) 0);
        }
        if (t->in && buffer_used(t->in) == 0)
                t->in = buffer_put(t->pool, t->in);
        if (n >= 0)
                return n;
        if (n == GNUTLS_E_AGAIN)
                return -EAGAIN;
        /* No close_notify: where the framing tells the end, that is harmless, and it decides. */
        if (n == GNUTLS_E_PREMATURE_TERMINATION)
                return fail(t, -ECONNRESET);
        return fail(t, -EPROTO);
}

ssize_t transport_read(Transport *t, void *data, size_t size) {
        ssize_t n;

        if (t->tls)
                n = read_tls(t, data, size);
        else if (buffer_used(t->in) > 0) {
                n = (ssize_t) MIN(size, buffer_used(t->in));
                memcpy(data, buffer_at(t->in), (size_t) n);
                t->in->begin += (size_t) n;
                if (buffer_used(t->in) == 0)
                        t->in = buffer_put(t->pool, t->in);
        } else
                n = receive(t, data, size);
        return n;
}

bool transport_is_silent(Transport *t) {
        size_t spent = t->loop->spent;
        bool silent;
        char byte;

        t->readable = true;
        t->loop->spent = 0;
        silent = transport_read(t, &byte, 1) == -EAGAIN && !loop_turn_is_over(t->loop);
        t->loop->spent += spent;
        return silent;
}

bool transport_may_read(const Transport *t) {
        return t->readable || t->ended || t->error < 0 || buffer_used(t->in) > 0 ||
               (t->tls && gnutls_record_check_pending(t->tls) > 0);
}

static int write_tls(Transport *t, const struct iovec *iov, size_t n) {
        size_t total = 0;
        int r = 0;

        for (size_t i = 0; i < n; i++)
                total += iov[i].iov_len;
        /* One record goes straight to the kernel; several go together. */
        t->batching = total > RECORD_MAX || n > 1 || t->pace;
        for (size_t i = 0; i < n && r >= 0; i++)
                for (size_t done = 0; done < iov[i].iov_len && r >= 0;) {
                        ssize_t k;

                        do
                                k = gnutls_record_send(t->tls, (const char *) iov[i].iov_base + done,
                                                       MIN(iov[i].iov_len - done, (size_t) RECORD_MAX));
                        while (k == GNUTLS_E_INTERRUPTED || k == GNUTLS_E_AGAIN);
                        if (k < 0)
                                r = fail(t, -EPROTO);
                        else
                                done += (size_t) k;
                }
        if (t->batching) {
                t->batching = false;
                if (r >= 0)
                        r = transport_flush(t);
        }
        return r == -EAGAIN ? 0 : r;
}

int transport_write(Transport *t, const struct iovec *iov, size_t n) {
        int r;

        if (t->error < 0)
                return t->error;
        if (t->shut)
                return -EPIPE;
        if (t->out)
                return -EAGAIN;
        r = t->tls ? write_tls(t, iov, n) : send_or_keep(t, iov, n);
        return MIN(r, 0);
}

void transport_shutdown(Transport *t) {
        if (t->shut || t->error < 0)
                return;
        if (t->tls)
                (void) gnutls_bye(t->tls, GNUTLS_SHUT_WR);
        t->shut = true;
        if (!t->out)
                (void) shutdown(t->handle.fd, SHUT_WR);
}

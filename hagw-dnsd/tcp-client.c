/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Frames of two length octets and a message, both ways (RFC 7766 section 8). What is kept for a client is
 * bounded: one frame in, and the answers to the queries that one read brought. A client that does not read
 * its answers is not read from either, and its idle time runs. */

#include <sys/epoll.h>
#include <sys/socket.h>

#include "hagw-dnsd/clock.h"
#include "hagw-dnsd/tcp-client.h"

#define OUT_SIZE (64U * 1024) /* of the common buffer in which one wake-up's answers are gathered */

#define KEEPALIVE_UNIT_USEC (100 * USEC_PER_MSEC) /* RFC 7828 section 3.1 */

static uint8_t out[OUT_SIZE]; /* used only within one callback */

static void consume(TcpClient *c, size_t n) {
        memmove(c->in, c->in + n, c->in_size - n);
        c->in_size -= n;
}

/* Answers the first frame in the buffer. Returns the octets written at p (0: that query gets no answer), or
 * -EAGAIN where the frame is not whole. */
static int answer_frame(TcpClient *c, uint8_t *p) {
        const AnswerClient client = {
                .address = c->address,
                .tcp = true,
                .keepalive = (uint16_t) MIN(tcp_server_idle_usec(c->server) / KEEPALIVE_UNIT_USEC,
                                            (uint64_t) UINT16_MAX),
        };
        const AnswerTime now = clock_now();
        size_t length, whole, n;

        if (c->in_size < 2)
                return -EAGAIN;
        length = read_u16(c->in);
        whole = 2 + MIN(length, (size_t) TCP_QUERY_MAX);
        if (c->in_size < whole)
                return -EAGAIN;
        /* A frame that was cut does not parse, and so gets its FORMERR; the rest of it is not read as
         * frames. */
        if (length > TCP_QUERY_MAX)
                c->skip = length - TCP_QUERY_MAX;
        n = answer_query(tcp_server_answers(c->server), c->in + 2, whole - 2, &client, &now, p + 2);
        consume(c, whole);
        if (n == 0)
                return 0;
        write_u16(p, (uint16_t) n);
        return (int) n + 2;
}

static void skip_rest(TcpClient *c) {
        const size_t n = MIN(c->skip, c->in_size);

        c->skip -= n;
        consume(c, n);
}

/* Sends what is in data, keeps what is not taken. */
static int client_send(TcpClient *c, const uint8_t *data, size_t size) {
        ssize_t n;

        n = send(c->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                return -errno;
        if (n < 0)
                n = 0;
        if ((size_t) n == size) {
                tcp_server_touch(c->server, c);
                return 0;
        }
        c->unsent = malloc(size - (size_t) n);
        if (!c->unsent)
                return -ENOMEM;
        memcpy(c->unsent, data + n, size - (size_t) n);
        c->unsent_size = size - (size_t) n;
        c->unsent_offset = 0;
        return sd_event_source_set_io_events(c->source, EPOLLOUT);
}

static int client_send_rest(TcpClient *c) {
        ssize_t n;

        n = send(c->fd, c->unsent + c->unsent_offset, c->unsent_size - c->unsent_offset,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->unsent_offset += (size_t) n;
        if (c->unsent_offset < c->unsent_size)
                return 0;
        free(TAKE_PTR(c->unsent));
        tcp_server_touch(c->server, c);
        return sd_event_source_set_io_events(c->source, EPOLLIN);
}

/* Answers the whole frames that are there, as far as the common buffer goes. */
static int client_answer(TcpClient *c) {
        size_t n = 0;

        while (OUT_SIZE - n >= 2 + ANSWER_MAX) {
                int k;

                skip_rest(c);
                k = answer_frame(c, out + n);
                if (k < 0)
                        break;
                n += (size_t) k;
        }
        return n > 0 ? client_send(c, out, n) : 0;
}

static bool has_whole_frame(const TcpClient *c) {
        return c->in_size >= 2 && c->in_size >= 2 + MIN((size_t) read_u16(c->in), (size_t) TCP_QUERY_MAX);
}

static int client_read(TcpClient *c) {
        ssize_t n;

        if (c->in_size == sizeof(c->in)) /* full of frames that wait for their turn */
                return 0;
        n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                c->finished = true;
        c->in_size += (size_t) n;
        return 0;
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        TcpClient *c = userdata;
        int r = 0;

        if (c->unsent) {
                r = revents & EPOLLERR ? -ECONNRESET : client_send_rest(c);
                if (r >= 0 && c->unsent)
                        return 0;
        } else
                r = client_read(c);
        /* Also after the rest went out: frames may be waiting that no EPOLLIN will tell of. */
        do {
                if (r >= 0)
                        r = client_answer(c);
        } while (r >= 0 && !c->unsent && has_whole_frame(c));
        if (r < 0 || (c->finished && !c->unsent))
                tcp_server_drop(c->server, c);
        return 0;
}

int tcp_client_new(TcpServer *t, sd_event *event, int fd, const IpAddress *address, TcpClient **ret) {
        TcpClient *c;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->fd = -EBADF;
        c->server = t;
        c->address = *address;
        r = sd_event_add_io(event, &c->source, fd, EPOLLIN, on_client, c);
        if (r < 0) {
                tcp_client_free(c);
                return r;
        }
        c->fd = fd;
        *ret = c;
        return 0;
}

void tcp_client_hang_up(TcpClient *c) {
        c->source = sd_event_source_disable_unref(c->source);
        c->fd = safe_close(c->fd);
}

TcpClient *tcp_client_free(TcpClient *c) {
        if (!c)
                return NULL;
        tcp_client_hang_up(c);
        free(c->unsent);
        free(c);
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/1.1 as a stream. Runs in the worker's thread. */

#include "hagw-proxyd/h1/h1stream.h"

static H1 *h1_of(const Stream *s) {
        return CONTAINER_OF(s, H1, stream);
}

/* Once all of it is taken, the buffer is free for others. */
static void put_empty(const H1 *s) {
        Conn *c = s->conn;

        if (s->request.ready.n == 0 && buffer_used(c->in) == 0)
                c->in = buffer_put(&c->worker->pool, c->in);
}

static int peek(Stream *stream, Slice *ret) {
        H1 *s = h1_of(stream);
        Conn *c = s->conn;
        Flow *f = &s->request;
        int r = flow_is_done(f);

        /* Framing alone is not worth a word: only where nothing more has come does an event follow. */
        while (f->ready.n == 0 && r == 0) {
                ssize_t n = buffer_used(c->in) > 0 ? 1 : conn_fill(c);

                if (n == -EAGAIN)
                        break;
                if (n == 0 && s->upgraded)
                        r = h1_body_eof(&f->body);
                else if (n <= 0)
                        return n < 0 && n != -EBADMSG ? (int) n : -EPIPE;
                else
                        r = flow_read(f, c->in);
                put_empty(s);
        }
        *ret = f->ready;
        return r;
}

static void consume(Stream *stream, size_t n) {
        H1 *s = h1_of(stream);

        flow_take(&s->request, n);
        put_empty(s);
}

static ssize_t ready(Stream *stream) {
        Transport *t = &h1_of(stream)->conn->transport;
        int r = transport_flush(t);

        return r == -EAGAIN ? 0 : r < 0 ? r : (ssize_t) TRANSPORT_WRITE_MAX;
}

static bool is_left(const Stream *stream) {
        return h1_of(stream)->conn->transport.hung_up;
}

/* What follows a head. */
static void begin_body(H1 *s, const Response *head) {
        s->out = head->body == BODY_UNTIL_EOF ? BODY_CHUNKED : head->body;
        s->upgraded = head->flags & RESPONSE_UPGRADED;
        if (!s->upgraded)
                return;
        s->out = BODY_UNTIL_EOF;
        flow_init(&s->request, BODY_UNTIL_EOF, 0, H1_STRICT);
}

/* A page lies in scratch, with room for its head in front: nothing is moved. */
static int send_page(Transport *t, const Response *head, Slice body, size_t n) {
        struct iovec iov = { (char *) body.p - n, n + body.n };

        if (h1_write_response(head, iov.iov_base, n, &n) < 0)
                return -ENOBUFS;
        return transport_write(t, &iov, 1);
}

static ssize_t send_head(H1 *s, const Response *head, Slice data, bool last) {
        Worker *w = s->conn->worker;
        Transport *t = &s->conn->transport;
        size_t n = h1_response_size(head), room = sizeof(w->scratch) - FLOW_SPACE;
        int r;

        if (n > room)
                return -ENOBUFS;
        begin_body(s, head);
        if (data.p >= w->scratch + n && data.p < w->scratch + sizeof(w->scratch)) {
                r = send_page(t, head, data, n);
                return r < 0 ? r : (ssize_t) data.n;
        }
        if (h1_write_response(head, w->scratch, room, &n) < 0)
                return -ENOBUFS;
        return flow_write(t, w->scratch, n, s->out, data, last && s->out == BODY_CHUNKED);
}

static ssize_t send_part(Stream *stream, const Response *head, Slice data, bool last) {
        H1 *s = h1_of(stream);
        ssize_t n;

        if (head)
                return send_head(s, head, data, last);
        n = flow_write(&s->conn->transport, s->conn->worker->scratch, 0, s->out, data, last);
        if (n == (ssize_t) data.n && last && s->upgraded)
                transport_shutdown(&s->conn->transport);
        return n;
}

static void end(Stream *stream, StreamEnd how) {
        H1 *s = h1_of(stream);
        Conn *c = s->conn;
        H1Streams *all = c->worker->h1;

        c->h1 = NULL;
        s->next_free = all->spare;
        all->spare = s;
        if (how == STREAM_END_CLEAN)
                conn_next(c);
        else if (how == STREAM_END_LAST)
                conn_linger(c);
        else
                conn_close(c);
}

static const StreamOps ops = {
        .protocol = "http/1.1",
        .http1 = true,
        .peek = peek,
        .consume = consume,
        .ready = ready,
        .send = send_part,
        .is_left = is_left,
        .end = end,
};

H1 *h1_new(Conn *c, Exchange *x, const Request *r) {
        H1Streams *all = c->worker->h1;
        H1 *s = all->spare;

        if (s)
                all->spare = s->next_free;
        else
                s = malloc(sizeof(*s));
        if (!s)
                return NULL;
        *s = (H1) { .stream = { .ops = &ops, .exchange = x }, .conn = c };
        flow_init(&s->request, r ? r->body : BODY_NONE, r ? r->body_size : 0, H1_STRICT);
        c->h1 = s;
        return s;
}

static void serve(Conn *c) {
        exchange_run(c->h1->stream.exchange);
}

/* The exchange has a timer of its own. */
static void on_timer(Conn *c) {
}

static void cut(Conn *c, const char *why) {
        exchange_abort(c->h1->stream.exchange, why);
}

static void drain(Conn *c) {
        exchange_drain(c->h1->stream.exchange);
}

static const char *review(Conn *c, const Snapshot *s) {
        return exchange_review(c->h1->stream.exchange, s);
}

static bool is_busy(const Conn *c, uint64_t young_usec, uint64_t request_usec) {
        return exchange_is_busy(c->h1->stream.exchange, young_usec, request_usec);
}

static size_t held(const Conn *c) {
        return exchange_held(c->h1->stream.exchange);
}

static uint64_t due_usec(const Conn *c) {
        return c->h1->stream.exchange->timer.due_usec;
}

static void drop_stranded(Conn *c, IpAddress *known) {
        exchange_drop_stranded(c->h1->stream.exchange, known);
}

const ConnServer h1_server = {
        .serve = serve,
        .on_timer = on_timer,
        .cut = cut,
        .drain = drain,
        .review = review,
        .is_busy = is_busy,
        .held = held,
        .due_usec = due_usec,
        .drop_stranded = drop_stranded,
};

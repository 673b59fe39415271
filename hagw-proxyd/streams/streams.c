/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/2 on a connection: the codec (h2/) below, exchanges above. Runs in the worker's thread.
 *
 * No exchange runs while the codec reads: a request waits in line until that has come back, and an exchange
 * hears of what has come in a turn of its own. One that is aborted because its stream is gone is never one
 * that runs above: the codec is called from the connection's turns alone. */

#include <gnutls/crypto.h>

#include "hagw-proxyd/http/unborn.h"
#include "hagw-proxyd/streams/h2request.h"
#include "hagw-proxyd/streams/places.h"
#include "hagw-proxyd/streams/streams.h"

/* Four frames of H2_FRAME_OUT, and room for any in the place of the last. */
#define PULL_MAX (TRANSPORT_WRITE_MAX + H2_PULL_MIN - H2_FRAME_OUT - 9U)

static void on_request(H2Stream *s, H1Verdict verdict) {
        Streams *v = h2_owner(s->h2);

        if (v->n >= STREAMS_REQUESTS_MAX || !h2_request_new(v, s, verdict))
                h2_cut(s, H2_CUT_REFUSED);
}

static void on_body(H2Stream *s) {
        if (s->owner)
                h2_request_wake(s->owner);
}

static void on_closed(H2Stream *s) {
        if (s->owner)
                h2_request_lose(s->owner);
}

static void note(const Streams *v, const Request *r, const char *verdict, uint64_t since_usec) {
        unborn_note(&v->conn->visit, v->conn->snapshot, "h2", r, verdict, since_usec);
}

static void on_malformed(H2 *h, const char *why) {
        const Streams *v = h2_owner(h);

        note(v, NULL, why, v->conn->worker->loop.now_usec);
}

static void note_error(Streams *v) {
        if (!v->told)
                note(v, NULL, "no HTTP/2", v->conn->worker->loop.now_usec);
        v->told = true;
}

static void on_error(H2 *h) {
        note_error(h2_owner(h));
}

static void on_trouble(H2 *h, H2Trouble t) {
        static_assert(FIGURES_TROUBLES == _H2_TROUBLE_MAX, "each has a figure");
        const Streams *v = h2_owner(h);

        counter_add(&v->conn->worker->figures->http2_troubles[t], 1);
}

static void on_calmed(H2 *h) {
        const Streams *v = h2_owner(h);

        counter_add(&v->conn->worker->figures->http2_calmed, 1);
}

static const H2Ops h2_ops = {
        .on_request = on_request,
        .on_body = on_body,
        .on_closed = on_closed,
        .on_malformed = on_malformed,
        .on_error = on_error,
        .on_trouble = on_trouble,
        .on_calmed = on_calmed,
};

static void abort_all(Streams *v, const char *why) {
        while (v->first)
                if (v->first->stream.exchange)
                        exchange_abort(v->first->stream.exchange, why);
                else
                        h2_request_free(v->first);
}

static void free_streams(Conn *c) {
        Streams *v = c->streams;

        c->streams = NULL;
        h2_free(v->h2);
        free(v);
}

/* For whom whatever he asked for has ended. Where he is gone already it closes, and end() frees them. */
static void linger(Conn *c) {
        conn_linger(c);
        if (c->streams)
                free_streams(c);
}

/* No more requests are taken; those that there are go on. First he is told, then it is so. */
static void leave(Streams *v) {
        if (v->shut)
                return;
        v->shut = v->leaving;
        v->leaving = true;
        h2_drain(v->h2);
}

/* What there is to be said, as much as the kernel takes. 0, or negative: it is over. */
static int send_all(Conn *c) {
        Worker *w = c->worker;

        while (!transport_pending(&c->transport)) {
                ssize_t n = h2_pull(c->streams->h2, w->scratch, PULL_MAX);
                struct iovec iov = { w->scratch, n > 0 ? (size_t) n : 0 };

                if (n <= 0)
                        return (int) n;
                if (transport_write(&c->transport, &iov, 1) < 0)
                        return -EPIPE;
                if (loop_turn_is_over(&w->loop)) {
                        loop_again(&w->loop, &c->again);
                        return 0;
                }
        }
        return 0;
}

static int receive(Conn *c) {
        Streams *v = c->streams;
        Worker *w = c->worker;
        uint64_t work;
        ssize_t n;
        int r;

        n = conn_fill(c);
        if (n <= 0)
                return n == -EAGAIN ? 0 : -EPIPE;
        r = h2_receive(v->h2, buffer_at(c->in), buffer_used(c->in), w->loop.now_usec);
        c->in = buffer_put(&w->pool, c->in);
        work = h2_work(v->h2);
        loop_spend(&w->loop, work - v->work);
        v->work = work;
        return r < 0 ? r : 1;
}

/* Each request is served by what is configured when it comes. */
static void begin(Streams *v) {
        Conn *c = v->conn;

        loop_spend(&c->worker->loop, LOOP_WORK_REQUEST);
        if (!v->shut && conn_refresh(c) < 0) {
                leave(v);
                leave(v);
        }
        if (v->shut) {
                h2_cut(v->fresh->h2, H2_CUT_REFUSED);
                h2_request_free(v->fresh);
                return;
        }
        c->answered = true;
        (void) h2_request_begin(v->fresh);
}

/* Reads, and begins what was asked for, while the turn lasts. 0: nothing more is here; 1: there is more to
 * do; negative: it is over. */
static int serve_requests(Conn *c) {
        Streams *v = c->streams;
        int r = 1;

        while (r > 0 && !loop_turn_is_over(&c->worker->loop)) {
                if (v->fresh && (v->shut || places_enter(v)))
                        begin(v);
                else if (h2_is_behind(v->h2) && transport_pending(&c->transport))
                        return 0; /* an event follows when the kernel takes something */
                else
                        r = receive(c);
                if (h2_is_behind(v->h2) && send_all(c) < 0)
                        return -EPIPE;
        }
        return r;
}

/* Who waited for room. */
static void tell_ready(Streams *v) {
        if (transport_pending(&v->conn->transport))
                return;
        for (H2Request *r = v->first; r != v->fresh; r = r->next)
                if (r->waits && r->h2 && h2_room(r->h2) > 0)
                        h2_request_wake(r);
}

static bool is_quiet(const Streams *v) {
        return v->n == 0 && h2_n_streams(v->h2) == 0;
}

/* His address has had too many under way for too long. */
static void refuse_waiting(Streams *v) {
        while (v->fresh && places_due_usec(v) <= v->conn->worker->loop.now_usec) {
                H2Request *r = v->fresh;

                counter_add(&v->conn->worker->figures->http2_crowded, 1);
                note(v, &r->h2->request, "crowded", r->since_usec);
                h2_cut(r->h2, H2_CUT_REFUSED);
                h2_request_free(r);
        }
}

/* When he is given up: within a head, between requests, and where he does not take the rest of an answer. */
static uint64_t due_usec(Conn *c) {
        Streams *v = c->streams;
        uint64_t sent = h2_n_sent(v->h2), now = c->worker->loop.now_usec;

        if (sent != v->n_sent)
                v->quiet_usec = now;
        v->n_sent = sent;
        if (!h2_has_half_head(v->h2))
                c->since_usec = 0;
        else {
                /* It is not waited for longer because something else moves. */
                c->since_usec = c->since_usec ?: now;
                return c->since_usec + c->snapshot->head_usec;
        }
        /* Exchanges have deadlines of their own. */
        return v->n > 0 ? USEC_INFINITY : v->quiet_usec + c->snapshot->idle_usec;
}

static void wait_more(Conn *c) {
        Streams *v = c->streams;
        Worker *w = c->worker;
        uint64_t due = MIN(due_usec(c), places_due_usec(v));

        if (v->leaving && !v->shut)
                due = MIN(due, w->draining_usec + STREAMS_LEAVE_USEC);
        if (due == USEC_INFINITY)
                loop_disarm(&w->loop, &c->timer);
        else
                loop_arm(&w->loop, &c->timer, due);
        if (!is_quiet(v))
                unfinished_remove(c);
        else if (!c->unfinished)
                unfinished_add(c);
}

/* It has come to its end; whether he hears why, depends. */
static void finish(Conn *c, int r) {
        Streams *v = c->streams;

        if (r == -EPROTO)
                note_error(v);
        abort_all(v, r == -EPROTO ? "no HTTP/2" : "gone");
        if (r == -EPROTO && send_all(c) >= 0)
                linger(c);
        else
                conn_close(c);
}

static void serve(Conn *c) {
        Streams *v = c->streams;
        int r = serve_requests(c);

        if (r >= 0 && send_all(c) < 0)
                r = -EPIPE;
        if (r < 0) {
                finish(c, r);
                return;
        }
        if (h2_is_over(v->h2) && !transport_pending(&c->transport)) {
                abort_all(v, "gone");
                linger(c);
                return;
        }
        tell_ready(v);
        if (r > 0)
                loop_again(&c->worker->loop, &c->again);
        wait_more(c);
}

/* Whoever is left is cut, and told so. */
static void close_with(Conn *c, const char *why) {
        Streams *v = c->streams;

        abort_all(v, why);
        leave(v);
        leave(v);
        (void) send_all(c);
        linger(c);
}

static void part(Conn *c) {
        close_with(c, "stopped");
}

static void on_timer(Conn *c) {
        Streams *v = c->streams;
        uint64_t now = c->worker->loop.now_usec;

        if (v->leaving && !v->shut && now >= c->worker->draining_usec + STREAMS_LEAVE_USEC) {
                leave(v);
                serve(c);
        } else if (places_due_usec(v) <= now) {
                refuse_waiting(v);
                serve(c);
        } else if (now < due_usec(c))
                wait_more(c);
        else if (h2_has_half_head(v->h2)) {
                note(v, NULL, "head timeout", c->since_usec);
                close_with(c, "head timeout");
        }
        else
                part(c);
}

static void cut(Conn *c, const char *why) {
        abort_all(c->streams, why);
        conn_close(c);
}

static void end(Conn *c) {
        abort_all(c->streams, "gone");
        free_streams(c);
}

static void drain(Conn *c) {
        Streams *v = c->streams;

        leave(v);
        for (H2Request *r = v->first, *next; r; r = next) {
                next = r->next;
                r->old = true;
                v->n_old++;
                if (r->stream.exchange)
                        exchange_drain(r->stream.exchange);
        }
        if (v->n == 0)
                conn_not_old(c);
        loop_again(&c->worker->loop, &c->again);
}

/* Each by itself: the others go on. */
static const char *review(Conn *c, const Snapshot *s) {
        for (H2Request *r = c->streams->first, *next; r; r = next) {
                Exchange *x = r->stream.exchange;
                const char *why = x ? exchange_review(x, s) : NULL;

                next = r->next;
                if (why)
                        exchange_abort(x, why);
        }
        return NULL;
}

static bool is_busy(const Conn *c, uint64_t young_usec, uint64_t request_usec) {
        const Streams *v = c->streams;
        uint64_t now = c->worker->loop.now_usec;

        for (const H2Request *r = v->first; r; r = r->next)
                if (!r->stream.exchange || exchange_is_busy(r->stream.exchange, young_usec, request_usec))
                        return true;
        if (h2_has_half_head(v->h2) && now < c->since_usec + young_usec)
                return true;
        if (!c->answered && now < c->born_usec + young_usec)
                return true;
        return (transport_pending(&c->transport) || h2_n_streams(v->h2) > v->n) && request_usec > 0;
}

static size_t held(const Conn *c) {
        size_t n = h2_held(c->streams->h2);

        for (const H2Request *r = c->streams->first; r; r = r->next)
                n += r->charged + (r->rest ? r->rest->size : 0) +
                     (r->stream.exchange ? exchange_held(r->stream.exchange) : 0);
        return n;
}

static uint64_t first_due_usec(const Conn *c) {
        uint64_t due = c->timer.place ? c->timer.due_usec : USEC_INFINITY;

        for (const H2Request *r = c->streams->first; r; r = r->next)
                if (r->stream.exchange && r->stream.exchange->timer.place)
                        due = MIN(due, r->stream.exchange->timer.due_usec);
        return due;
}

static void drop_stranded(Conn *c, IpAddress *known) {
        for (H2Request *r = c->streams->first; r; r = r->next)
                if (r->stream.exchange)
                        exchange_drop_stranded(r->stream.exchange, known);
}

static int make_key(Streams *v) {
        unsigned char bytes[16];
        gnutls_datum_t key = { bytes, sizeof(bytes) }, text;

        if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0 || gnutls_base64_encode2(&key, &text) < 0)
                return -ENOMEM;
        assert(text.size == sizeof(v->websocket_key) - 1);
        memcpy(v->websocket_key, text.data, text.size);
        gnutls_free(text.data);
        return 0;
}

static int make(Conn *c) {
        Streams *v = calloc(1, sizeof(*v));
        H2Setup setup = {
                .ops = &h2_ops,
                .owner = v,
                .pool = &c->worker->pool,
                .limits = { c->snapshot->head_size, c->snapshot->header_count },
        };

        if (!v)
                return -ENOMEM;
        v->conn = c;
        v->end = &v->first;
        v->quiet_usec = c->worker->loop.now_usec;
        setup.websocket_key = v->websocket_key;
        if (make_key(v) >= 0)
                v->h2 = h2_new(&setup, c->worker->loop.now_usec);
        c->streams = v;
        if (v->h2)
                return 0;
        free_streams(c);
        return -ENOMEM;
}

void streams_begin(Conn *c) {
        if (make(c) < 0) {
                conn_close(c);
                return;
        }
        conn_set_state(c, CONN_STREAMS);
        counter_add(&c->worker->figures->http2, 1);
        c->since_usec = 0;
        serve(c);
}

static const ConnServer streams_server = {
        .serve = serve,
        .on_timer = on_timer,
        .part = part,
        .cut = cut,
        .end = end,
        .drain = drain,
        .review = review,
        .is_busy = is_busy,
        .held = held,
        .due_usec = first_due_usec,
        .drop_stranded = drop_stranded,
};

static int init(Worker *w) {
        w->visits->servers[CONN_STREAMS] = &streams_server;
        return places_init(w);
}

static void free_room(Worker *w) {
        free(w->places);
        w->places = NULL;
}

const Room streams_room = { .init = init, .free = free_room };

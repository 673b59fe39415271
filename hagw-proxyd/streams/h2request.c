/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A stream of HTTP/2 as exchanges see it. What they say is put down in the codec, and goes out in a turn of
 * the connection's own. Runs in the worker's thread. */

#include "hagw-proxyd/streams/h2request.h"
#include "hagw-proxyd/streams/places.h"

static H2Request *request_of(const Stream *s) {
        return CONTAINER_OF(s, H2Request, stream);
}

/* There is something to be said to the visitor. */
static void wake_conn(const H2Request *r) {
        loop_again(&r->streams->conn->worker->loop, &r->streams->conn->again);
}

/* What waits for the service's kernel is still here: his window opens again when that has taken it. */
static void grant(H2Request *r) {
        const Link *k = r->stream.exchange->client.link;

        if (!r->h2 || r->h2->taken == 0 || (k && transport_pending(&k->transport)))
                return;
        h2_grant(r->h2, r->h2->taken);
        wake_conn(r);
}

static int peek(Stream *stream, Slice *ret) {
        H2Request *r = request_of(stream);

        *ret = r->rest ? (Slice) { buffer_at(r->rest), buffer_used(r->rest) } : (Slice) {};
        if (!r->h2)
                return r->said ? 1 : -EPIPE;
        grant(r);
        return h2_peek(r->h2, ret);
}

static void consume(Stream *stream, size_t n) {
        H2Request *r = request_of(stream);

        if (r->h2)
                h2_take(r->h2, n);
        else
                r->rest->begin += n;
        grant(r);
}

/* Where the kernel takes nothing nothing is put down, nor where much is already: a service may have many a
 * 1xx to say. */
static ssize_t ready(Stream *stream) {
        H2Request *r = request_of(stream);
        size_t n;

        if (!r->h2)
                return r->said ? (ssize_t) TRANSPORT_WRITE_MAX : -EPIPE;
        n = transport_pending(&r->streams->conn->transport) || h2_is_behind(r->streams->h2) ? 0 :
                                                                                             h2_room(r->h2);
        r->waits = n == 0;
        return (ssize_t) n;
}

static ssize_t send_part(Stream *stream, const Response *head, Slice data, bool last) {
        H2Request *r = request_of(stream);
        ssize_t n = 0;

        if (!r->h2)
                return -EPIPE;
        if (head && h2_answer(r->h2, head, last && data.n == 0) < 0)
                return -ENOBUFS;
        if (data.n > 0 || (!head && last))
                n = h2_write(r->h2, data.p, data.n, last);
        wake_conn(r);
        return n;
}

static bool is_left(const Stream *stream) {
        return request_of(stream)->streams->conn->transport.hung_up;
}

static void end(Stream *stream, StreamEnd how) {
        static const H2Cut cuts[_STREAM_END_MAX] = {
                [STREAM_END_LAST] = H2_CUT_ENOUGH,
                [STREAM_END_CUT] = H2_CUT_BROKEN,
        };
        H2Request *r = request_of(stream);

        if (r->h2 && how != STREAM_END_CLEAN && (how == STREAM_END_CUT || !r->h2->in_ended))
                h2_cut(r->h2, cuts[how]);
        wake_conn(r);
        h2_request_free(r);
}

static const StreamOps ops = {
        .protocol = "h2",
        .peek = peek,
        .consume = consume,
        .ready = ready,
        .send = send_part,
        .is_left = is_left,
        .end = end,
};

H2Request *h2_request_new(Streams *v, H2Stream *s, H1Verdict verdict) {
        H2Request *r = malloc(sizeof(*r));

        if (!r)
                return NULL;
        *r = (H2Request) {
                .stream.ops = &ops,
                .streams = v,
                .h2 = s,
                .verdict = verdict,
                .place = v->end,
                .since_usec = v->conn->worker->loop.now_usec,
        };
        *v->end = r;
        v->end = &r->next;
        v->n++;
        if (!v->fresh)
                v->fresh = r;
        s->owner = r;
        return r;
}

void h2_request_free(H2Request *r) {
        Streams *v = r->streams;
        Worker *w = v->conn->worker;

        if (r->h2)
                r->h2->owner = NULL;
        if (v->fresh == r)
                v->fresh = r->next;
        if (!v->fresh)
                places_stop_waiting(v);
        places_leave(r);
        if (v->end == &r->next)
                v->end = r->place;
        *r->place = r->next;
        if (r->next)
                r->next->place = r->place;
        v->n--;
        v->n_old -= r->old;
        if (r->old && v->n_old == 0)
                conn_not_old(v->conn);
        if (v->n == 0)
                v->quiet_usec = w->loop.now_usec;
        r->rest = buffer_put(&w->pool, r->rest);
        buffer_pool_discharge(&w->pool, r->charged);
        free(r);
}

/* The visitor has his answer, and has said all that he had to say: the service is still to hear the rest. */
void h2_request_lose(H2Request *r) {
        H2Stream *s = r->h2;
        Exchange *x = r->stream.exchange;

        r->h2 = NULL;
        r->said = s->whole && s->in_ended;
        if (!x)
                h2_request_free(r);
        else if (r->said)
                r->rest = h2_leave_body(s);
        else
                exchange_abort(x, s->broken ? "malformed" : "gone");
}

/* An exchange is not small, and there may be a hundred on a connection. NULL: no memory. */
static Exchange *make_exchange(H2Request *r) {
        Conn *c = r->streams->conn;
        size_t size = exchange_size(c->snapshot);
        Exchange *x;

        if (buffer_pool_charge(&c->worker->pool, size) < 0)
                return NULL;
        r->charged = size;
        x = exchange_new(&c->visit, c->snapshot, c->route, c->inside);
        r->stream.exchange = x;
        return x;
}

bool h2_request_begin(H2Request *r) {
        Exchange *x = make_exchange(r);
        Reader reader;

        places_stop_waiting(r->streams);
        r->streams->fresh = r->next;
        if (!x) {
                h2_cut(r->h2, H2_CUT_REFUSED);
                h2_request_free(r);
                return false;
        }
        x->begin_usec = r->since_usec;
        if (r->verdict != H1_OK) {
                reader_of_request(&r->h2->request, x->snapshot->language, &reader);
                exchange_refuse(x, &r->stream, r->verdict, &reader);
                return true;
        }
        x->request = r->h2->request;
        exchange_begin(x, &r->stream, /* head= */ NULL);
        return true;
}

void h2_request_wake(H2Request *r) {
        Exchange *x = r->stream.exchange;

        r->waits = false;
        if (x)
                loop_again(&x->worker->loop, &x->again);
}

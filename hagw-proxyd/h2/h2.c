/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/2 by nghttp2, with the bounds that it leaves to us. What goes out is h2-send.c. */

#include "hagw-proxyd/h2/h2-internal.h"
#include "libhagw/usec.h"

static void give_credit(H2 *h, unsigned n) {
        h->credit = MIN(h->credit + n, H2_CREDIT_MAX);
}

static void give_time(H2 *h, uint64_t now_usec) {
        uint64_t n = (now_usec - h->credit_usec) * H2_CREDIT_PER_SEC / USEC_PER_SEC;

        if (now_usec <= h->credit_usec || n == 0)
                return;
        h->credit_usec = now_usec;
        give_credit(h, (unsigned) MIN(n, (uint64_t) H2_CREDIT_MAX));
}

void h2_calm(H2 *h) {
        h->credit = 0;
        if (!h->calmed)
                h->setup.ops->on_calmed(h);
        h->calmed = true;
        (void) nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

void h2_trouble_add(H2 *h, H2Trouble t) {
        h->troubles[t]++;
        h->setup.ops->on_trouble(h, t);
        if (h->credit > 0 && --h->credit == 0)
                h2_calm(h);
}

static H2Stream *find(H2 *h, int32_t id) {
        return nghttp2_session_get_stream_user_data(h->session, id);
}

/* With the request that has been received, in as little memory as it needs. */
static H2Stream *stream_new(H2 *h, int32_t id) {
        size_t max = h->request.headers.n + HEADER_SPARE,
               size = sizeof(H2Stream) + max * sizeof(Header) + h->request.head_size;
        H2Stream *s;

        if (h->heads + size > H2_HEADS_MAX || buffer_pool_charge(h->setup.pool, size) < 0)
                return NULL;
        s = calloc(1, size);
        if (!s) {
                buffer_pool_discharge(h->setup.pool, size);
                return NULL;
        }
        h->heads += s->size = size;
        s->h2 = h;
        s->id = id;
        h2_head_settle(&h->head, &s->request, s->fields, (char *) (s->fields + max));
        s->next = h->streams;
        s->link = &h->streams;
        if (s->next)
                s->next->link = &s->next;
        h->streams = s;
        h->n_streams++;
        return s;
}

static void stream_free(H2Stream *s) {
        H2 *h = s->h2;

        h2_drop(h, &s->in);
        h2_drop(h, &s->out);
        buffer_pool_discharge(h->setup.pool, s->size);
        h->heads -= s->size;
        *s->link = s->next;
        if (s->next)
                s->next->link = s->link;
        h->n_streams--;
        free(s);
}

/* One block comes at a time, and whole (RFC 9113 section 4.3): all requests of the connection share the room
 * that it may take. */
static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *userdata) {
        H2 *h = userdata;
        const H1Limits *limits = &h->setup.limits;
        size_t max = limits->header_count + HEADER_SPARE, arena = h2_head_arena_size(limits);

        h->head_bytes = 0;
        h->in_block = true;
        h->unseen = false;
        h->block = buffer_put(h->setup.pool, h->block);
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
                return 0;
        h->block = buffer_get(h->setup.pool, max * sizeof(Header) + arena);
        if (!h->block)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
        h->request.headers = (HeaderList) { .items = (Header *) h->block->data, .max = (uint16_t) max };
        h2_head_begin(&h->head, &h->request, limits, h->block->data + max * sizeof(Header), arena);
        return 0;
}

/* Small bytes may unpack to large fields (HPACK): whoever goes on behind the limit is no visitor. */
static int count_head(H2 *h, size_t n) {
        h->head_bytes += n + 32;
        h->work += H2_WORK_FIELD;
        if (h->head_bytes <= H2_HEAD_FLOOD)
                return 0;
        h2_calm(h);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *userdata) {
        nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
        H2 *h = userdata;

        if (h->block) /* else these are trailers, which are dropped */
                (void) h2_head_field(&h->head, (Slice) { (const char *) n.base, n.len },
                                     (Slice) { (const char *) v.base, v.len });
        return count_head(h, n.len + v.len);
}

/* A request's head that is none. Its stream is reset, and nothing more of it is waited for. */
static void reject_head(H2 *h, const char *why) {
        h->in_block = false;
        if (!h->block)
                return;
        h->block = buffer_put(h->setup.pool, h->block);
        h->setup.ops->on_malformed(h, why);
}

/* Which nghttp2 would leave out without a word. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *userdata) {
        reject_head(userdata, h1_verdict_text(H1_BAD_HEADER));
        (void) nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_PROTOCOL_ERROR);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* What is wrong as a whole. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *userdata) {
        reject_head(userdata, "malformed head");
        return 0;
}

/* What is malformed is no request (RFC 9113 section 8.1.1); what we do not want is answered. */
static int take_request(H2 *h, int32_t id, bool bodiless) {
        H1Verdict v = h2_head_end(&h->head, bodiless, h->setup.websocket_key);
        H2Stream *s;

        if (h1_verdict_status(v) == 400) {
                reject_head(h, h1_verdict_text(v));
                return nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
        }
        s = stream_new(h, id);
        h->block = buffer_put(h->setup.pool, h->block);
        if (!s)
                return nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        (void) nghttp2_session_set_stream_user_data(h->session, id, s);
        s->in_ended = bodiless;
        h->setup.ops->on_request(s, v);
        return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *userdata) {
        bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
        H2 *h = userdata;
        H2Stream *s;

        if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
                return 0;
        h->in_block = false;
        /* The other way to say nothing. */
        if (frame->hd.type == NGHTTP2_DATA && frame->data.padlen > 0 && !ends &&
            frame->hd.length == frame->data.padlen)
                h2_trouble_add(h, H2_TROUBLE_EMPTY);
        if (frame->hd.type == NGHTTP2_HEADERS && h->block)
                return take_request(h, frame->hd.stream_id, ends);
        s = find(h, frame->hd.stream_id);
        if (s && ends && !s->in_ended) {
                s->in_ended = true;
                h->setup.ops->on_body(s);
        }
        return 0;
}

static void fail(H2 *h, uint32_t code) {
        (void) nghttp2_session_terminate_session(h->session, code);
}

/* A head that comes on a stream that is no more: nghttp2 passes over it, and a request would never be
 * answered. Payload that comes there it discards before we hear of it, as RFC 9113 section 5.1 lets it. */
static void judge_past(H2 *h, const nghttp2_frame_hd *hd) {
        H2Past past = h2_ids_past(&h->ids, hd->stream_id);

        if (nghttp2_session_find_stream(h->session, hd->stream_id))
                return;
        if (past != H2_PAST_OURS)
                fail(h, past == H2_PAST_SKIPPED ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_STREAM_CLOSED);
        else if (!(hd->flags & NGHTTP2_FLAG_END_HEADERS))
                h2_calm(h); /* what it goes on with would not be shown, and no trailers are so large */
}

static void note_stream(H2 *h, const nghttp2_frame_hd *hd) {
        if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0)
                fail(h, NGHTTP2_PROTOCOL_ERROR); /* RFC 9113 section 6.3 */
        if (hd->type == NGHTTP2_RST_STREAM)
                h2_ids_end(&h->ids, hd->stream_id);
        if (hd->type != NGHTTP2_HEADERS && hd->type != NGHTTP2_DATA)
                return;
        if (hd->type == NGHTTP2_HEADERS && !h2_ids_open(&h->ids, hd->stream_id))
                judge_past(h, hd);
        if (hd->flags & NGHTTP2_FLAG_END_STREAM)
                h2_ids_end(&h->ids, hd->stream_id);
}

/* Each frame's head, also of those that nghttp2 passes over. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *userdata) {
        static const uint8_t kinds[] = {
                [NGHTTP2_PRIORITY] = H2_TROUBLE_PRIORITY + 1, [NGHTTP2_RST_STREAM] = H2_TROUBLE_RESET + 1,
                [NGHTTP2_SETTINGS] = H2_TROUBLE_SETTINGS + 1, [NGHTTP2_PING] = H2_TROUBLE_PING + 1,
        };
        H2 *h = userdata;

        h->work += H2_WORK_FRAME;
        h->greeted = true;
        h->in_block = h->in_block && hd->type == NGHTTP2_CONTINUATION;
        note_stream(h, hd);
        /* nghttp2 has unpacked it, because later ones build on it, and passed it over: trailers that crossed
         * our RST_STREAM, or a request that crossed our GOAWAY. */
        if (h->unseen)
                h2_trouble_add(h, H2_TROUBLE_LATE);
        h->unseen = hd->type == NGHTTP2_HEADERS;
        /* He reads nothing of it, or it has all come at once. */
        if (nghttp2_session_get_outbound_queue_size(session) > H2_QUEUE_END)
                h2_calm(h);
        else if (hd->type == NGHTTP2_DATA && hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM))
                h2_trouble_add(userdata, H2_TROUBLE_EMPTY);
        else if (hd->type == NGHTTP2_PRIORITY_UPDATE)
                h2_trouble_add(userdata, H2_TROUBLE_PRIORITY);
        else if (hd->type < ELEMENTSOF(kinds) && kinds[hd->type] > 0)
                h2_trouble_add(userdata, kinds[hd->type] - 1);
        return 0;
}

/* Of a body that nobody reads any more the windows stay open, so that what crossed our answer does not hold
 * up the others. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n,
                   void *userdata) {
        H2Stream *s = find(userdata, id);
        H2 *h = userdata;

        if (!s && nghttp2_session_consume(session, id, n) == NGHTTP2_ERR_NOMEM)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
        if (!s)
                return 0;
        if (h2_make_room(h, &s->in, n) < 0)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
        buffer_append(s->in, data, n);
        h->setup.ops->on_body(s);
        return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *userdata) {
        H2Stream *s = find(userdata, id);
        H2 *h = userdata;

        if (!s)
                return 0;
        s->broken = error == NGHTTP2_PROTOCOL_ERROR && !s->in_ended;
        s->whole = s->out_last && buffer_used(s->out) == 0 && error == NGHTTP2_NO_ERROR;
        if (buffer_used(s->in) + s->taken > 0)
                (void) nghttp2_session_consume_connection(session, buffer_used(s->in) + s->taken);
        s->taken = 0;
        if (s->whole)
                give_credit(h, 1);
        h->setup.ops->on_closed(s);
        stream_free(s);
        return 0;
}

static nghttp2_session_callbacks *make_callbacks(void) {
        nghttp2_session_callbacks *c;

        if (nghttp2_session_callbacks_new(&c) != 0)
                return NULL;
        nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
        nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
        nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
        nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
        nghttp2_session_callbacks_set_on_frame_send_callback(c, h2_on_frame_sent);
        nghttp2_session_callbacks_set_send_data_callback(c, h2_on_send_data);
        return c;
}

static nghttp2_option *make_option(void) {
        nghttp2_option *o;

        if (nghttp2_option_new(&o) != 0)
                return NULL;
        nghttp2_option_set_no_auto_window_update(o, 1);
        nghttp2_option_set_max_outbound_ack(o, H2_ACKS_MAX);
        nghttp2_option_set_no_closed_streams(o, 1);
        nghttp2_option_set_max_settings(o, 32);
        nghttp2_option_set_max_send_header_block_length(o, H2_ANSWER_HEAD_MAX);
        nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
        /* Ours counts them all, and gives credit for work. */
        nghttp2_option_set_stream_reset_rate_limit(o, UINT32_MAX, UINT32_MAX);
        return o;
}

static int submit_settings(H2 *h) {
        const nghttp2_settings_entry settings[] = {
                { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX },
                { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW },
                { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t) h->setup.limits.head_size },
                { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },      /* RFC 8441 */
                { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },        /* RFC 9218 */
        };

        if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ELEMENTSOF(settings)) != 0)
                return -ENOMEM;
        if (nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, H2_CONNECTION_WINDOW) !=
            0)
                return -ENOMEM;
        return 0;
}

static int new_session(H2 *h, const nghttp2_session_callbacks *callbacks, const nghttp2_option *option) {
        nghttp2_mem library = h2_library(h);

        return nghttp2_session_server_new3(&h->session, callbacks, h, option, &library);
}

H2 *h2_new(const H2Setup *setup, uint64_t now_usec) {
        nghttp2_session_callbacks *callbacks = make_callbacks();
        nghttp2_option *option = make_option();
        H2 *h = calloc(1, sizeof(*h));

        if (h) {
                h->setup = *setup;
                h->credit = H2_CREDIT_MAX;
                h->credit_usec = now_usec;
        }
        if (!h || !callbacks || !option ||
            new_session(h, callbacks, option) != 0 || submit_settings(h) < 0)
                h = h2_free(h);
        nghttp2_session_callbacks_del(callbacks);
        nghttp2_option_del(option);
        return h;
}

H2 *h2_free(H2 *h) {
        if (!h)
                return NULL;
        while (h->streams)
                stream_free(h->streams);
        h->block = buffer_put(h->setup.pool, h->block);
        nghttp2_session_del(h->session);
        free(h);
        return NULL;
}

void *h2_owner(const H2 *h) {
        return h->setup.owner;
}

size_t h2_n_streams(const H2 *h) {
        return h->n_streams;
}

bool h2_is_behind(const H2 *h) {
        return nghttp2_session_get_outbound_queue_size(h->session) > H2_QUEUE_MAX;
}

bool h2_has_half_head(const H2 *h) {
        return !h->greeted || h->in_block;
}

uint64_t h2_work(const H2 *h) {
        return h->work;
}

uint64_t h2_n_sent(const H2 *h) {
        return h->sent;
}

bool h2_is_calmed(const H2 *h) {
        return h->calmed;
}

const char *h2_trouble_name(H2Trouble t) {
        static const char *const names[_H2_TROUBLE_MAX] = {
                [H2_TROUBLE_RESET] = "reset",       [H2_TROUBLE_PROVOKED] = "provoked reset",
                [H2_TROUBLE_PING] = "ping",         [H2_TROUBLE_SETTINGS] = "settings",
                [H2_TROUBLE_PRIORITY] = "priority", [H2_TROUBLE_EMPTY] = "empty data",
                [H2_TROUBLE_LATE] = "late head",
        };
        return names[t];
}

uint64_t h2_trouble(const H2 *h, H2Trouble t) {
        return h->troubles[t];
}

bool h2_is_over(const H2 *h) {
        return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

static int from_nghttp2(nghttp2_ssize r) {
        return r == NGHTTP2_ERR_NOMEM || r == NGHTTP2_ERR_CALLBACK_FAILURE ? -ENOMEM : -EPROTO;
}

int h2_receive(H2 *h, const void *data, size_t size, uint64_t now_usec) {
        nghttp2_ssize n;

        give_time(h, now_usec);
        n = nghttp2_session_mem_recv2(h->session, data, size);
        if (n == NGHTTP2_ERR_FLOODED)
                h2_calm(h);
        return n < 0 ? from_nghttp2(n) : 0;
}

ssize_t h2_pull(H2 *h, char *out, size_t size) {
        nghttp2_ssize n = 1;
        size_t longest = 0;

        h->pull = out;
        h->pull_size = size;
        h->pull_used = 0;
        /* With room for any frame, so that none is left half done in what all share. */
        while (n > 0 && size - h->pull_used >= H2_PULL_MIN) {
                const uint8_t *frame;
                size_t before = h->pull_used;

                n = nghttp2_session_mem_send2(h->session, &frame);
                if (n > 0) {
                        memcpy(h->pull + h->pull_used, frame, (size_t) n);
                        h->pull_used += (size_t) n;
                } else if (n == 0 && h->pull_used > before)
                        n = 1; /* on_send_data() has put it down itself */
                longest = MAX(longest, (size_t) MAX(n, (nghttp2_ssize) 0));
        }
        h->pull_size = 0;
        h2_library_wipe(longest);
        return n < 0 ? from_nghttp2(n) : (ssize_t) h->pull_used;
}

void h2_drain(H2 *h) {
        if (!h->draining)
                (void) nghttp2_submit_shutdown_notice(h->session);
        else
                (void) nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                                             nghttp2_session_get_last_proc_stream_id(h->session),
                                             NGHTTP2_NO_ERROR, NULL, 0);
        h->draining = true;
}

int h2_peek(H2Stream *s, Slice *ret) {
        *ret = s->in ? (Slice) { buffer_at(s->in), buffer_used(s->in) } : (Slice) {};
        return s->in_ended;
}

void h2_take(H2Stream *s, size_t n) {
        if (n == 0)
                return;
        s->in->begin += n;
        s->taken += n;
        if (buffer_used(s->in) == 0)
                h2_drop(s->h2, &s->in);
}

void h2_grant(H2Stream *s, size_t n) {
        s->taken -= n;
        (void) nghttp2_session_consume(s->h2->session, s->id, n);
}

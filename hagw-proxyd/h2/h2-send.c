/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers on their way to the visitor. */

#include "hagw-proxyd/h2/h2-internal.h"

#define ANSWER_FIELDS 32U /* of a head that is put together without memory of its own */

static nghttp2_ssize on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t size,
                             uint32_t *flags, nghttp2_data_source *source, void *userdata) {
        H2Stream *s = source->ptr;
        size_t n = MIN(buffer_used(s->out), MIN(size, (size_t) H2_FRAME_OUT));

        if (n == 0 && !s->out_last) {
                s->deferred = true;
                return NGHTTP2_ERR_DEFERRED;
        }
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        if (s->out_last && n == buffer_used(s->out))
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (nghttp2_ssize) n;
}

int h2_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                    nghttp2_data_source *source, void *userdata) {
        H2Stream *s = source->ptr;
        H2 *h = userdata;

        assert(h->pull_size - h->pull_used >= n + 9); /* h2_pull() asks for each frame where any has room */
        memcpy(h->pull + h->pull_used, head, 9);
        if (n > 0)
                memcpy(h->pull + h->pull_used + 9, buffer_at(s->out), n);
        h->pull_used += n + 9;
        h->sent += n;
        if (n > 0)
                s->out->begin += n;
        if (buffer_used(s->out) == 0)
                h2_drop(h, &s->out);
        return NGHTTP2_ERR_PAUSE; /* back to h2_pull(), behind this frame */
}

/* Fields of HTTP/1.1's connection have no place here, nor has what an upgrade is answered with (RFC 8441).
 */
static bool is_said(const Header *i) {
        return i->id != HEADER_CONNECTION && i->id != HEADER_KEEP_ALIVE && i->id != HEADER_UPGRADE &&
               i->id != HEADER_TRANSFER_ENCODING && i->id != HEADER_SEC_WEBSOCKET_ACCEPT;
}

/* A name that is known is here as it is to be said; of others nghttp2 makes a copy, in lower case. */
static nghttp2_nv field_of(const Header *f) {
        const char *known = header_name(f->id);
        nghttp2_nv nv = { (uint8_t *) f->name, (uint8_t *) f->value, f->name_size, f->value_size,
                          NGHTTP2_NV_FLAG_NONE };

        if (*known) {
                nv.name = (uint8_t *) known;
                nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
        }
        return nv;
}

int h2_answer(H2Stream *s, const Response *r, bool last) {
        nghttp2_data_provider2 body = { .source.ptr = s, .read_callback = on_read };
        bool interim = r->flags & RESPONSE_INTERIM;
        unsigned code = r->flags & RESPONSE_UPGRADED ? 200 : r->status;
        char status[3] = { (char) ('0' + code / 100), (char) ('0' + code / 10 % 10),
                           (char) ('0' + code % 10) };
        nghttp2_nv some[ANSWER_FIELDS], *more = NULL, *nv = some;
        size_t n = 0;
        int k;

        if (r->headers.n + 1U > ELEMENTSOF(some))
                nv = more = malloc((r->headers.n + 1U) * sizeof(*nv));
        if (!nv)
                return -ENOMEM;
        nv[n++] = (nghttp2_nv) { (uint8_t *) ":status", (uint8_t *) status, 7, sizeof(status),
                                 NGHTTP2_NV_FLAG_NO_COPY_NAME };
        for (size_t i = 0; i < r->headers.n; i++)
                if (is_said(&r->headers.items[i]))
                        nv[n++] = field_of(&r->headers.items[i]);
        if (interim)
                k = nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n, NULL);
        else
                k = nghttp2_submit_response2(s->h2->session, s->id, nv, n, last ? NULL : &body);
        free(more);
        if (!interim) {
                s->answered = true;
                s->out_last = last;
        }
        return k == 0 ? 0 : k == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EINVAL;
}

ssize_t h2_write(H2Stream *s, const void *data, size_t size, bool last) {
        size_t n = MIN(size, h2_most(s));

        if (n > 0 && h2_make_room(s->h2, &s->out, n) < 0)
                return -ENOMEM;
        if (n > 0)
                buffer_append(s->out, data, n);
        s->out_last = s->out_last || (last && n == size);
        if (s->deferred && (n > 0 || s->out_last)) {
                s->deferred = false;
                (void) nghttp2_session_resume_data(s->h2->session, s->id);
        }
        return (ssize_t) n;
}

static void reset(H2Stream *s, uint32_t code) {
        (void) nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, code);
}

void h2_cut(H2Stream *s, H2Cut how) {
        static const uint32_t codes[_H2_CUT_MAX] = {
                [H2_CUT_BROKEN] = NGHTTP2_INTERNAL_ERROR,
                [H2_CUT_REFUSED] = NGHTTP2_REFUSED_STREAM,
                [H2_CUT_ENOUGH] = NGHTTP2_NO_ERROR,
        };

        /* RST_STREAM overtakes what waits of the answer. */
        if (how == H2_CUT_ENOUGH && !s->said)
                s->enough = true;
        else
                reset(s, codes[how]);
}

int h2_on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *userdata) {
        H2 *h = userdata;
        H2Stream *s;

        /* Those with another code are our own wish: h2_cut(). */
        if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
            frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR)
                h2_trouble_add(h, H2_TROUBLE_PROVOKED);
        if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && !h->calmed)
                h->setup.ops->on_error(h);
        if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
            !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
                return 0;
        s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (!s)
                return 0;
        s->said = true;
        if (s->enough && !s->in_ended)
                reset(s, NGHTTP2_NO_ERROR);
        return 0;
}

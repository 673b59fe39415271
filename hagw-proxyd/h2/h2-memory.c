/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection's streams hold, and how much of it there may be. */

#include "hagw-proxyd/h2/h2-internal.h"

#define PIECE 1024U /* buffers of no usual size are multiples of it */

/* Each stream may have a small one in each direction. */
static size_t weight(const Buffer *b) {
        return b && b->size > BUFFER_SIZE_SMALL ? b->size : 0;
}

static bool has_plenty(const H2 *h) {
        return h->held + BUFFER_SIZE <= H2_CONNECTION_PLENTY;
}

static Buffer *make(H2 *h, size_t size) {
        if (size <= BUFFER_SIZE_SMALL)
                return buffer_get(h->setup.pool, BUFFER_SIZE_SMALL);
        /* Many streams with few bytes in large buffers would be far beyond what the windows allow. */
        if (!has_plenty(h) && size < BUFFER_SIZE)
                return buffer_get_exact(h->setup.pool, (size + PIECE - 1) / PIECE * PIECE);
        return buffer_get(h->setup.pool, size);
}

int h2_make_room(H2 *h, Buffer **b, size_t n) {
        Buffer *larger;

        if (*b && buffer_room(*b) < n)
                buffer_compact(*b);
        if (*b && buffer_room(*b) >= n)
                return 0;
        larger = make(h, buffer_used(*b) + n);
        if (!larger)
                return -ENOMEM;
        if (*b)
                buffer_append(larger, buffer_at(*b), buffer_used(*b));
        h2_drop(h, b);
        h->held += weight(larger);
        *b = larger;
        return 0;
}

void h2_drop(H2 *h, Buffer **b) {
        h->held -= weight(*b);
        *b = buffer_put(h->setup.pool, *b);
}

Buffer *h2_leave_body(H2Stream *s) {
        s->h2->held -= weight(s->in);
        return TAKE_PTR(s->in);
}

size_t h2_room(const H2Stream *s) {
        nghttp2_session *session = s->h2->session;
        int32_t window = MIN(nghttp2_session_get_stream_remote_window_size(session, s->id),
                             nghttp2_session_get_remote_window_size(session));
        size_t most = has_plenty(s->h2) ? H2_STREAM_OUT : BUFFER_SIZE_SMALL;

        if (buffer_used(s->out) > 0)
                return 0;
        /* Between a head and its answer others have their turns: what is read with it is not much. */
        if (!s->answered)
                return BUFFER_SIZE_SMALL;
        /* The end of an answer needs no window, and is found by reading on. */
        return MAX(MIN(most, window > 0 ? (size_t) window : 0), (size_t) BUFFER_SIZE_SMALL);
}

size_t h2_most(const H2Stream *s) {
        size_t used = buffer_used(s->out);
        size_t max = s->h2->held < H2_CONNECTION_OUT ? H2_STREAM_OUT : BUFFER_SIZE_SMALL;

        return used < max ? max - used : 0;
}

size_t h2_held(const H2 *h) {
        size_t n = h->heads + (h->block ? h->block->size : 0);

        for (const H2Stream *s = h->streams; s; s = s->next)
                n += (s->in ? s->in->size : 0) + (s->out ? s->out->size : 0);
        return n;
}

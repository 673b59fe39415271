/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a connection holds, its streams and nghttp2, and how much of it there may be. */

#include <malloc.h>

#include "hagw-proxyd/h2/h2-internal.h"

#define PIECE 1024U /* buffers of no usual size are multiples of it */
#define FRAME_ROOM 16384U /* and its head: what nghttp2 puts a frame together in, and asks for at once */

/* Of each session this would be the largest part by far, and it is empty between two pulls: they end with a
 * whole frame (h2_pull()). So all sessions of a thread share it, and it is wiped behind each pull. */
static _Thread_local char frame[FRAME_ROOM + 64];

static size_t cost_of(void *p) {
        return malloc_usable_size(p) + sizeof(size_t);
}

static int charge(H2 *h, size_t n) {
        if (h->library + n > H2_LIBRARY_MAX || buffer_pool_charge(h->setup.pool, n) < 0)
                return -ENOMEM;
        h->library += n;
        return 0;
}

static void discharge(H2 *h, size_t n) {
        h->library -= n;
        buffer_pool_discharge(h->setup.pool, n);
}

static bool may_lend(const H2 *h, size_t size) {
        return !h->session && !h->lent && size > FRAME_ROOM && size <= sizeof(frame);
}

/* What is asked for here is small: it is looked at behind malloc(), which alone knows what it takes. */
static void *counted(H2 *h, void *p) {
        if (p && charge(h, cost_of(p)) < 0) {
                free(p);
                return NULL;
        }
        return p;
}

static void *library_malloc(size_t size, void *userdata) {
        H2 *h = userdata;

        if (may_lend(h, size)) {
                h->lent = true;
                return frame;
        }
        return h->library + size > H2_LIBRARY_MAX ? NULL : counted(h, malloc(size));
}

static void *library_calloc(size_t n, size_t size, void *userdata) {
        H2 *h = userdata;

        return size > 0 && n > H2_LIBRARY_MAX / size ? NULL : counted(h, calloc(n, size));
}

static void library_free(void *p, void *userdata) {
        if (!p || p == frame)
                return;
        discharge(userdata, cost_of(p));
        free(p);
}

static void *library_realloc(void *old, size_t size, void *userdata) {
        void *p = library_malloc(size, userdata);

        if (p && old)
                memcpy(p, old, MIN(size, old == frame ? sizeof(frame) : malloc_usable_size(old)));
        if (p)
                library_free(old, userdata);
        return p;
}

nghttp2_mem h2_library(H2 *h) {
        return (nghttp2_mem) { h, library_malloc, library_free, library_calloc, library_realloc };
}

void h2_library_wipe(size_t n) {
        memset(frame, 0, MIN(n + 32, sizeof(frame)));
}

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

        if (buffer_used(s->out) > 0 || (!s->answered && s->h2->library > H2_LIBRARY_PLENTY))
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
        size_t n = h->library + h->heads + (h->block ? h->block->size : 0);

        for (const H2Stream *s = h->streams; s; s = s->next)
                n += (s->in ? s->in->size : 0) + (s->out ? s->out->size : 0);
        return n;
}

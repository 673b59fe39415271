/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* Byte buffers and the pool each worker keeps them in. A connection holds one only while it has bytes in it,
 * so that a thousand idle connections hold none. */

#define BUFFER_SIZE (68U * 1024) /* bytes, of those from the pool: 64K and what TLS adds */
#define BUFFER_POOL_MAX 32U      /* kept when nobody needs them */

typedef struct Buffer {
        struct Buffer *next; /* in the pool */
        size_t size;
        size_t begin, end;   /* what is in it */
        char data[];
} Buffer;

typedef struct BufferPool {
        Buffer *free;
        size_t n_free;
} BufferPool;

/* An empty buffer of at least size bytes (0: BUFFER_SIZE). NULL: no memory. */
Buffer *buffer_get(BufferPool *p, size_t size);
/* Returns NULL. */
Buffer *buffer_put(BufferPool *p, Buffer *b);
void buffer_pool_done(BufferPool *p);

static inline size_t buffer_used(const Buffer *b) {
        return b ? b->end - b->begin : 0;
}

static inline char *buffer_at(Buffer *b) {
        return b->data + b->begin;
}

static inline size_t buffer_room(const Buffer *b) {
        return b->size - b->end;
}

/* Makes room behind the content by moving it to the front. */
void buffer_compact(Buffer *b);
void buffer_append(Buffer *b, const void *data, size_t size);

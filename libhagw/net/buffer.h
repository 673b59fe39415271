/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Byte buffers and the pool each worker keeps them in. A connection holds one only while it has bytes in it,
 * so that a thousand idle connections hold none; and a small one while little is expected of it, so that a
 * thousand who have said half a word hold little. */

#define BUFFER_SIZE (68U * 1024)      /* bytes: 64K and what TLS adds */
#define BUFFER_SIZE_SMALL (4U * 1024) /* most ClientHellos, most heads */
#define BUFFER_POOL_MAX 32U           /* of each of the two, kept when nobody needs them */

typedef struct Buffer {
        struct Buffer *next; /* in the pool */
        size_t size;
        size_t begin, end;   /* what is in it */
        char data[];
} Buffer;

typedef struct BufferList {
        Buffer *first;
        unsigned n;
} BufferList;

typedef struct BufferPool {
        BufferList free[2]; /* of BUFFER_SIZE, of BUFFER_SIZE_SMALL */
        size_t used;        /* bytes of all that are out */
        size_t wanted_max;  /* beyond this on_full is called, with each buffer */
        size_t max;         /* beyond this there is none; 0: no limit */
        void (*on_full)(struct BufferPool *p);
} BufferPool;

/* An empty buffer of at least size bytes (0: BUFFER_SIZE). NULL: no memory. */
Buffer *buffer_get(BufferPool *p, size_t size);
/* The same of exactly that size, which goes back to the system and not to the pool: for bytes that may stay
 * for long, where many small pieces would make large ones. */
Buffer *buffer_get_exact(BufferPool *p, size_t size);
/* Bytes that are held beside buffers, and for as long: they count with them. -ENOMEM: there are none. */
int buffer_pool_charge(BufferPool *p, size_t size);
void buffer_pool_discharge(BufferPool *p, size_t size);
/* Returns NULL. */
Buffer *buffer_put(BufferPool *p, Buffer *b);
void buffer_pool_done(BufferPool *p);
/* On its way to another thread's pool: out of the one it came from, and into the one where it arrives. b may
 * be NULL. */
void buffer_leave(BufferPool *p, const Buffer *b);
void buffer_arrive(BufferPool *p, const Buffer *b);

/* Bytes that stand elsewhere and count as well. Only while there is room: false, and nobody gives way. */
bool buffer_reserve(BufferPool *p, size_t size);
void buffer_release(BufferPool *p, size_t size);

/* The same content in one of at least size bytes; b is given back. NULL: no memory, and b is as it was. */
Buffer *buffer_grow(BufferPool *p, Buffer *b, size_t size);

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

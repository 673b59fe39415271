/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Buffers, last used first, because that one is still in the cache. Owned and used by one worker. */

#include "buffer.h"

Buffer *buffer_get(BufferPool *p, size_t size) {
        Buffer *b = p->free;

        if (size > BUFFER_SIZE)
                b = NULL;
        else if (b) {
                p->free = b->next;
                p->n_free--;
        }
        if (!b) {
                size = MAX(size, (size_t) BUFFER_SIZE);
                b = malloc(offsetof(Buffer, data) + size);
                if (!b)
                        return NULL;
                b->size = size;
        }
        b->begin = b->end = 0;
        return b;
}

Buffer *buffer_put(BufferPool *p, Buffer *b) {
        if (!b)
                return NULL;
        if (b->size != BUFFER_SIZE || p->n_free >= BUFFER_POOL_MAX) {
                free(b);
                return NULL;
        }
        b->next = p->free;
        p->free = b;
        p->n_free++;
        return NULL;
}

void buffer_pool_done(BufferPool *p) {
        while (p->free) {
                Buffer *b = p->free;
                p->free = b->next;
                free(b);
        }
        p->n_free = 0;
}

void buffer_compact(Buffer *b) {
        if (b->begin == 0)
                return;
        memmove(b->data, b->data + b->begin, b->end - b->begin);
        b->end -= b->begin;
        b->begin = 0;
}

void buffer_append(Buffer *b, const void *data, size_t size) {
        assert(size <= buffer_room(b));
        memcpy(b->data + b->end, data, size);
        b->end += size;
}

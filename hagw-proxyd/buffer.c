/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Buffers, last used first, because that one is still in the cache. Owned and used by one worker. */

#include "buffer.h"

Buffer *buffer_get(BufferPool *p, size_t size) {
        Buffer *b = NULL;

        size = size == 0 ? BUFFER_SIZE : MAX(size, (size_t) BUFFER_SIZE_SMALL);
        if (size > BUFFER_SIZE_SMALL && size < BUFFER_SIZE)
                size = BUFFER_SIZE;
        if (p->max > 0 && p->used + size > p->max)
                return NULL;
        if (size == BUFFER_SIZE && p->free) {
                b = p->free;
                p->free = b->next;
                p->n_free--;
        } else if (size == BUFFER_SIZE_SMALL && p->free_small) {
                b = p->free_small;
                p->free_small = b->next;
                p->n_free_small--;
        } else
                b = malloc(offsetof(Buffer, data) + size);
        if (!b)
                return NULL;
        b->size = size;
        b->begin = b->end = 0;
        p->used += size;
        if (p->wanted_max > 0 && p->used > p->wanted_max)
                p->on_full(p);
        return b;
}

Buffer *buffer_put(BufferPool *p, Buffer *b) {
        if (!b)
                return NULL;
        p->used -= b->size;
        if (b->size == BUFFER_SIZE && p->n_free < BUFFER_POOL_MAX) {
                b->next = p->free;
                p->free = b;
                p->n_free++;
        } else if (b->size == BUFFER_SIZE_SMALL && p->n_free_small < BUFFER_POOL_MAX) {
                b->next = p->free_small;
                p->free_small = b;
                p->n_free_small++;
        } else
                free(b);
        return NULL;
}

static void free_list(Buffer *list) {
        while (list) {
                Buffer *b = list;
                list = b->next;
                free(b);
        }
}

void buffer_pool_done(BufferPool *p) {
        free_list(TAKE_PTR(p->free));
        free_list(TAKE_PTR(p->free_small));
        p->n_free = p->n_free_small = 0;
}

void buffer_leave(BufferPool *p, const Buffer *b) {
        p->used -= b ? b->size : 0;
}

void buffer_arrive(BufferPool *p, const Buffer *b) {
        p->used += b ? b->size : 0;
}

Buffer *buffer_grow(BufferPool *p, Buffer *b, size_t size) {
        Buffer *larger = buffer_get(p, size);

        if (!larger)
                return NULL;
        buffer_append(larger, buffer_at(b), buffer_used(b));
        buffer_put(p, b);
        return larger;
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

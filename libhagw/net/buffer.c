/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Buffers, last used first, because that one is still in the cache. Owned and used by one worker. */

#include "libhagw/net/buffer.h"

static Buffer *buffer_take(BufferPool *p, Buffer *b) {
        b->begin = b->end = 0;
        p->used += b->size;
        return b;
}

static bool is_pooled(size_t size) {
        return size == BUFFER_SIZE || size == BUFFER_SIZE_SMALL;
}

/* There is none of that size, or not much room. */
static Buffer *buffer_make(BufferPool *p, size_t size) {
        Buffer *b = NULL;

        if (p->max > 0 && p->used + size > p->max)
                return NULL;
        if (is_pooled(size)) {
                BufferList *l = &p->free[size == BUFFER_SIZE_SMALL];

                b = l->first;
                if (b) {
                        l->first = b->next;
                        l->n--;
                }
        }
        if (!b)
                b = malloc(offsetof(Buffer, data) + size);
        if (!b)
                return NULL;
        b->size = size;
        (void) buffer_take(p, b);
        if (p->max > 0 && p->used > p->wanted_max)
                p->on_full(p);
        return b;
}

Buffer *buffer_get(BufferPool *p, size_t size) {
        BufferList *l = &p->free[size == BUFFER_SIZE_SMALL];
        Buffer *b = l->first;

        size = size ?: BUFFER_SIZE;
        if (!b || b->size != size || p->used + size > p->wanted_max)
                return buffer_make(p, size > BUFFER_SIZE_SMALL ? MAX(size, (size_t) BUFFER_SIZE) :
                                                                 BUFFER_SIZE_SMALL);
        l->first = b->next;
        l->n--;
        return buffer_take(p, b);
}

Buffer *buffer_get_exact(BufferPool *p, size_t size) {
        return buffer_make(p, size);
}

int buffer_pool_charge(BufferPool *p, size_t size) {
        if (p->max > 0 && p->used + size > p->max)
                return -ENOMEM;
        p->used += size;
        if (p->max > 0 && p->used > p->wanted_max)
                p->on_full(p);
        return 0;
}

void buffer_pool_discharge(BufferPool *p, size_t size) {
        p->used -= size;
}

Buffer *buffer_put(BufferPool *p, Buffer *b) {
        BufferList *l;

        if (!b)
                return NULL;
        p->used -= b->size;
        l = &p->free[b->size == BUFFER_SIZE_SMALL];
        if (!is_pooled(b->size) || l->n >= BUFFER_POOL_MAX) {
                free(b);
                return NULL;
        }
        b->next = l->first;
        l->first = b;
        l->n++;
        return NULL;
}

void buffer_pool_done(BufferPool *p) {
        for (size_t i = 0; i < ELEMENTSOF(p->free); i++)
                while (p->free[i].first) {
                        Buffer *b = p->free[i].first;

                        p->free[i].first = b->next;
                        free(b);
                }
        p->free[0].n = p->free[1].n = 0;
}

void buffer_leave(BufferPool *p, const Buffer *b) {
        p->used -= b ? b->size : 0;
}

void buffer_arrive(BufferPool *p, const Buffer *b) {
        p->used += b ? b->size : 0;
}

bool buffer_reserve(BufferPool *p, size_t size) {
        if (p->max > 0 && p->used + size > p->wanted_max)
                return false;
        p->used += size;
        return true;
}

void buffer_release(BufferPool *p, size_t size) {
        assert(p->used >= size);
        p->used -= size;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ring between one worker and the logging thread. */

#include <sys/eventfd.h>

#include "libhagw/crew/accessring.h"

static char *put_text(char *p, Slice s, uint16_t n) {
        if (n > 0)
                memcpy(p, s.p, n);
        return p + n;
}

static void fill(AccessRecord *a, const AccessEntry *e) {
        char *p = (char *) (a + 1);

        p = put_text(p, e->address, a->address);
        p = put_text(p, e->host, a->host);
        p = put_text(p, e->method, a->method);
        p = put_text(p, e->target, a->target);
        p = put_text(p, e->upstream, a->upstream);
        (void) put_text(p, e->user, a->user);
}

bool access_ring_put(AccessRing *r, const AccessEntry *e) {
        AccessRecord a = {
                .status = (uint16_t) e->status,
                .query_strings = e->query_strings,
                .passage = e->passage,
                .broken = e->broken,
                .verdict = e->verdict,
                .protocol = e->protocol,
                .address = (uint16_t) MIN(e->address.n, (size_t) 64),
                .host = (uint16_t) MIN(e->host.n, (size_t) 255),
                .method = (uint16_t) MIN(e->method.n, (size_t) 32),
                .target = (uint16_t) MIN(e->target.n, (size_t) ACCESS_TARGET_MAX),
                .upstream = (uint16_t) MIN(e->upstream.n, (size_t) 300),
                .user = (uint16_t) MIN(e->user.n, (size_t) 64),
                .received = e->received,
                .sent = e->sent,
                .duration_usec = e->duration_usec,
                .upstream_usec = e->upstream_usec,
        };
        uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
        uint64_t read = atomic_load_explicit(&r->read, memory_order_acquire);
        size_t at = written % ACCESS_RING_SIZE, left = ACCESS_RING_SIZE - at, skip;

        a.size = (uint32_t) ((sizeof(a) + a.address + a.host + a.method + a.target + a.upstream + a.user +
                              7) &
                             ~7U);
        /* An entry lies in one piece; what is too short at the end is skipped. */
        skip = left < a.size ? left : 0;
        if (written + skip + a.size - read > ACCESS_RING_SIZE)
                return false;
        if (skip > 0) {
                *(uint32_t *) (void *) (r->data + at) = UINT32_MAX;
                at = 0;
        }
        AccessRecord *p = (AccessRecord *) (void *) (r->data + at);
        *p = a;
        fill(p, e);
        atomic_store(&r->written, written + skip + a.size);
        /* The reader empties the ring before it waits, so only the first of many wakes it. Sequentially
         * consistent here and in access_ring_next(): either it sees this entry, or this sees that it had
         * read all before. */
        if (atomic_load(&r->read) == written)
                (void) eventfd_write(r->event_fd, 1);
        return true;
}

bool access_ring_next(AccessRing *r, AccessEntry *ret) {
        uint64_t read = atomic_load_explicit(&r->read, memory_order_relaxed);
        const AccessRecord *a;
        const char *p;

        if (read == atomic_load(&r->written))
                return false;
        a = (const AccessRecord *) (const void *) (r->data + read % ACCESS_RING_SIZE);
        if (a->size == UINT32_MAX) {
                read += ACCESS_RING_SIZE - read % ACCESS_RING_SIZE;
                atomic_store_explicit(&r->read, read, memory_order_release);
                a = (const AccessRecord *) (const void *) r->data;
        }
        p = (const char *) (a + 1);
        *ret = (AccessEntry) {
                .status = a->status,
                .query_strings = a->query_strings,
                .passage = a->passage,
                .broken = a->broken,
                .verdict = a->verdict,
                .protocol = a->protocol,
                .received = a->received,
                .sent = a->sent,
                .duration_usec = a->duration_usec,
                .upstream_usec = a->upstream_usec,
        };
        ret->address = (Slice) { p, a->address }, p += a->address;
        ret->host = (Slice) { p, a->host }, p += a->host;
        ret->method = (Slice) { p, a->method }, p += a->method;
        ret->target = (Slice) { p, a->target }, p += a->target;
        ret->upstream = (Slice) { p, a->upstream }, p += a->upstream;
        ret->user = (Slice) { p, a->user };
        return true;
}

void access_ring_done(AccessRing *r) {
        uint64_t read = atomic_load_explicit(&r->read, memory_order_relaxed);
        const AccessRecord *a = (const AccessRecord *) (const void *) (r->data + read % ACCESS_RING_SIZE);

        atomic_store(&r->read, read + a->size);
}

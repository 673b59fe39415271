/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <strings.h>

#include "libhagw/pure/macro.h"

/* A run of bytes in somebody else's buffer; not NUL-terminated. Valid as long as that buffer stays where it
 * is. Pure. */

typedef struct Slice {
        const char *p;
        size_t n;
} Slice;

#define SLICE(literal) ((Slice) { (literal), sizeof(literal) - 1 })

static inline _unused_ Slice slice_from(const char *s) {
        return (Slice) { s, s ? strlen(s) : 0 };
}

static inline _unused_ bool slice_equal(Slice a, Slice b) {
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case is ignored (the C locale's strncasecmp()). */
static inline _unused_ bool slice_equal_nocase(Slice a, Slice b) {
        return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline _unused_ bool slice_starts_with(Slice s, Slice prefix) {
        return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

/* Without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3). */
static inline _unused_ Slice slice_trim(Slice s) {
        while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
                s.p++, s.n--;
        while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
                s.n--;
        return s;
}

/* Cuts what stands before the first separator off the front of *rest and returns it trimmed; false: nothing
 * left. */
static inline _unused_ bool slice_next(Slice *rest, char separator, Slice *ret) {
        const char *end;
        size_t n;

        if (!rest->p || rest->n == 0)
                return false;
        end = memchr(rest->p, separator, rest->n);
        n = end ? (size_t) (end - rest->p) : rest->n;
        *ret = slice_trim((Slice) { rest->p, n });
        n += !!end;
        rest->p += n;
        rest->n -= n;
        return true;
}

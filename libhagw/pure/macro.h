/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words every file speaks: cleanup, ownership, small arithmetic. Pure: libc only. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _noreturn_ __attribute__((noreturn))
#define _likely_(x) __builtin_expect(!!(x), 1)
#define _unlikely_(x) __builtin_expect(!!(x), 0)

/* Around what gcc -fanalyzer calls a fault and is none; the reason stands beside it. */
#define PRAGMA_(x) _Pragma(#x)
#ifdef __clang__
#define ANALYZER_WRONG(warning)
#define ANALYZER_RIGHT
#else
#define ANALYZER_WRONG(warning) PRAGMA_(GCC diagnostic push) PRAGMA_(GCC diagnostic ignored warning)
#define ANALYZER_RIGHT PRAGMA_(GCC diagnostic pop)
#endif

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *) ((char *) (ptr) - offsetof(type, member)))
/* Each argument is evaluated once; the counter keeps nested uses from shadowing each other. */
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define MINMAX_(op, a, b, x, y) ({ __typeof__(a) x = (a); __typeof__(b) y = (b); x op y ? x : y; })
#define MIN(a, b) MINMAX_(<, a, b, CONCAT(x_, __COUNTER__), CONCAT(y_, __COUNTER__))
#define MAX(a, b) MINMAX_(>, a, b, CONCAT(x_, __COUNTER__), CONCAT(y_, __COUNTER__))

/* The steps of a state machine: a table says for each state from which ones it is come to. */
#define STEPS_FROM(...) STEPS_FROM_(__VA_ARGS__, 31, 31, 31, 31, 31, 31, 31, 31)
#define STEPS_FROM_(a, b, c, d, e, f, g, h, ...)                                                            \
        ((1U << (a) | 1U << (b) | 1U << (c) | 1U << (d) | 1U << (e) | 1U << (f) | 1U << (g) | 1U << (h)) &  \
         ~(1U << 31))
#define assert_step(table, from, to) assert((table)[to] & 1U << (from))

#define TAKE_GENERIC(var, nullvalue)          \
        ({                                    \
                __typeof__(var) *_p = &(var); \
                __typeof__(var) _v = *_p;     \
                *_p = (nullvalue);            \
                _v;                           \
        })
#define TAKE_PTR(ptr) TAKE_GENERIC(ptr, NULL)
#define TAKE_FD(fd) TAKE_GENERIC(fd, -EBADF)

#define USEC_INFINITY UINT64_MAX
#define USEC_PER_MSEC ((uint64_t) 1000)
#define USEC_PER_SEC ((uint64_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* Declares a cleanup helper foo_freep() for foo_free(), which takes NULL and returns NULL. */
#define DEFINE_TRIVIAL_CLEANUP_FUNC(type, func)                 \
        static inline _unused_ void func##p(type *p) {          \
                if (*p)                                         \
                        *p = func(*p);                          \
        }

/* The same for a library's function that returns nothing. */
#define DEFINE_VOID_CLEANUP_FUNC(type, func)                    \
        static inline _unused_ void func##p(type *p) {          \
                if (*p)                                         \
                        func(*p);                               \
        }

static inline _unused_ void freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ _cleanup_(freep)

static inline _unused_ int safe_close(int fd) {
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline _unused_ void closep(int *fd) {
        (void) safe_close(*fd);
}
#define _cleanup_close_ _cleanup_(closep)

static inline _unused_ bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline _unused_ bool streq_ptr(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

/* Returns what follows prefix in s, or NULL where s does not start with it. */
static inline _unused_ const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);
        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static inline _unused_ const char *endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);
        return n >= m && streq(s + n - m, suffix) ? s + n - m : NULL;
}

static inline _unused_ const char *strempty(const char *s) {
        return s ?: "";
}

/* realloc() for arrays, with an overflow check; grows by half so that appending is O(1). */
static inline _unused_ void *greedy_realloc(void **p, size_t *allocated, size_t need, size_t size) {
        if (*allocated >= need && *p)
                return *p;
        size_t n = MAX(need + need / 2, (size_t) 8);
        void *q = reallocarray(*p, n, size);
        if (!q)
                return NULL;
        *allocated = n;
        return *p = q;
}
#define GREEDY_REALLOC(array, allocated, need) \
        greedy_realloc((void **) &(array), &(allocated), (need), sizeof((array)[0]))

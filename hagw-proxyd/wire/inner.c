/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One character tells how deep a gateway lies: 'w' of the one that is spoken to, then '2' to '9'. */

#include "hagw-proxyd/wire/inner.h"
#include "hagw-proxyd/wire/policy.h"
#include "libhagw/pure/ownpath.h"

#define COOKIE_DEPTH (sizeof(POLICY_COOKIE) - 2) /* where that character is */
#define PATH_DEPTH (sizeof(OWN_PREFIX) - 3)

static_assert(sizeof(POLICY_COOKIE) == INNER_NAME_SIZE && sizeof(OWN_LOGIN) == INNER_PATH_SIZE,
              "names at a depth have the length of ours");

bool inner_is_depth(char c) {
        return c == INNER_DEPTH_OWN || (c >= '2' && c <= '9');
}

char inner_further_out(char depth) {
        return depth == INNER_DEPTH_OWN ? '2' : depth >= '2' && depth < '9' ? (char) (depth + 1) : 0;
}

/* 0: it cannot be seen from there. */
static char further_in(char depth) {
        return depth == '2' ? INNER_DEPTH_OWN : depth > '2' && depth <= '9' ? (char) (depth - 1) : 0;
}

/* The depth of a cookie in its plain spelling, or 0. */
static char cookie_depth(Slice pair) {
        if (pair.n <= COOKIE_DEPTH + 1 || memcmp(pair.p, POLICY_COOKIE, COOKIE_DEPTH) != 0)
                return 0;
        return pair.p[COOKIE_DEPTH + 1] == '=' || pair.p[COOKIE_DEPTH + 1] == '-' ? pair.p[COOKIE_DEPTH] : 0;
}

bool inner_take_set_cookie(char *value, size_t size) {
        char depth = inner_further_out(cookie_depth((Slice) { value, size }));

        if (!depth)
                return false;
        value[COOKIE_DEPTH] = depth;
        return true;
}

void inner_give_cookies(char *value, size_t size) {
        Slice rest = { value, size }, pair;

        while (slice_next(&rest, ';', &pair)) {
                char depth = further_in(cookie_depth(pair));

                if (depth)
                        value[(size_t) (pair.p - value) + COOKIE_DEPTH] = depth;
        }
}

/* Is it one of these pages, at whatever depth, with or without a query? */
static bool is_page(const char *s, size_t size, const char *const *pages) {
        for (; *pages; pages++) {
                size_t n = strlen(*pages);

                if (size >= n && memcmp(s, *pages, PATH_DEPTH) == 0 &&
                    memcmp(s + PATH_DEPTH + 1, *pages + PATH_DEPTH + 1, n - PATH_DEPTH - 1) == 0 &&
                    (size == n || s[n] == '?'))
                        return true;
        }
        return false;
}

static bool change(char *s, size_t size, const char *const *pages, char (*further)(char)) {
        char depth = is_page(s, size, pages) ? further(s[PATH_DEPTH]) : 0;

        if (!depth)
                return false;
        s[PATH_DEPTH] = depth;
        return true;
}

bool inner_take_location(char *value, size_t size) {
        return change(value, size, (const char *const[]) { OWN_LOGIN, OWN_DENIED, NULL },
                      inner_further_out);
}

bool inner_give_target(char *target, size_t size) {
        return change(target, size, (const char *const[]) { OWN_LOGIN, OWN_LOGOUT, OWN_DENIED, NULL },
                      further_in);
}

void inner_name(char depth, char cookie[static INNER_NAME_SIZE], char login[static INNER_PATH_SIZE]) {
        memcpy(cookie, POLICY_COOKIE, INNER_NAME_SIZE);
        cookie[COOKIE_DEPTH] = depth;
        memcpy(login, OWN_LOGIN, INNER_PATH_SIZE);
        login[PATH_DEPTH] = depth;
}

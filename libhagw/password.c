/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Passwords are set rarely, so the list is read each time, from its beginning to its end. */

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "libhagw/password.h"
#include "libhagw/state.h"

static const char *shape_problem(const char *password) {
        size_t n = strlen(password);

        if (n < PASSWORD_MIN)
                return "it is shorter than 8 characters";
        if (n > PASSWORD_MAX)
                return "it is longer than 511 bytes";
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) password[i] < 0x20 || password[i] == 0x7f)
                        return "it contains a control character";
        return NULL;
}

/* The list is ASCII; other letters are compared as they are. */
static bool is_same(const char *a, const char *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (tolower((unsigned char) a[i]) != tolower((unsigned char) b[i]))
                        return false;
        return true;
}

#define NAME_MIN 3U /* shorter ones stand in many words */
#define REST_MIN 5U

/* The name, once or more, and hardly anything besides. */
static bool is_name(const char *password, const char *name, size_t n) {
        const size_t size = strlen(password);
        size_t rest = 0;

        if (n < NAME_MIN)
                return false;
        for (size_t i = 0; i < size;)
                if (size - i >= n && is_same(password + i, name, n))
                        i += n;
                else {
                        rest++;
                        i++;
                }
        return rest < size && rest < REST_MIN;
}

/* 1: it is there. */
static int is_common(const char *password) {
        _cleanup_free_ char *text = NULL;
        const size_t size = strlen(password);
        char path[PATH_MAX];
        unsigned n = 0;
        int r, found = 0;

        if ((size_t) snprintf(path, sizeof(path), "%s/" PASSWORD_LIST,
                              secure_getenv("HAGW_DATA_DIR") ?: HAGW_DATA_DIR) >= sizeof(path))
                return -ENAMETOOLONG;
        r = state_read(AT_FDCWD, path, &text, /* ret_size= */ &(size_t) {});
        if (r < 0)
                return r;
        for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
                n += line[0] != '#';
                if ((size_t) (end - line) == size && is_same(line, password, size))
                        found = 1;
        }
        return n < PASSWORDS_COMMON ? -EBADMSG : found;
}

int password_check(const char *user, const char *password, const char **ret_problem) {
        int r;

        *ret_problem = shape_problem(password);
        if (*ret_problem)
                return 0;
        if (is_name(password, user, strlen(user)) || is_name(password, user, strcspn(user, "@"))) {
                *ret_problem = "it is the user's name, or little more than that";
                return 0;
        }
        r = is_common(password);
        if (r < 0)
                return r;
        if (r > 0)
                *ret_problem = "it is one of the 10,000 commonest passwords";
        return 0;
}

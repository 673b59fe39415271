/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of users: hagw-webd stores and compares them, hagw-ctl says at once what is none. */

#include <ctype.h>

#include "libhagw/pure/username.h"

bool user_name_is_valid(const char *name) {
        size_t n = strlen(name);

        return n >= 1 && n <= USER_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_@") == n;
}

void user_name_from_typed(const char *typed, char *out) {
        size_t n;

        typed += strspn(typed, " \t");
        n = strcspn(typed, " \t");
        if (n > USER_NAME_MAX || typed[n + strspn(typed + n, " \t")] != '\0')
                n = 0;
        for (size_t i = 0; i < n; i++)
                out[i] = (char) tolower((unsigned char) typed[i]);
        out[n] = '\0';
        if (!user_name_is_valid(out))
                out[0] = '\0';
}

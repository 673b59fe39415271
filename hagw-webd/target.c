/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Open redirects end here. Pure. */

#include <ctype.h>
#include <stdio.h>

#include "hagw-webd/target.h"
#include "libhagw/pure/ownpath.h"

/* Pages that make no sense as the next one. */
static const char *const refused[] = { OWN_LOGIN,     OWN_LOGOUT,     OWN_DENIED,
                                       OWN_OLD_LOGIN, OWN_OLD_LOGOUT, OWN_OLD_DENIED };

static bool is_page(const char *s, const char *page) {
        const char *rest = startswith(s, page);

        return rest && (*rest == '\0' || strchr("/?#;", *rest));
}

bool target_is_valid(const char *s) {
        size_t n = strlen(s);

        if (n > TARGET_MAX || s[0] != '/' || s[1] == '/')
                return false;
        for (size_t i = 0; i < n; i++)
                /* Browsers take a backslash for a slash, and drop tabs and newlines inside URLs. */
                if (s[i] <= 0x20 || s[i] >= 0x7f || s[i] == '\\')
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (is_page(s, refused[i]))
                        return false;
        return true;
}

const char *target_or_root(const char *s) {
        return s && target_is_valid(s) ? s : "/";
}

char *target_encode(const char *s) {
        char *out = malloc(strlen(s) * 3 + 1), *p = out;

        if (!out)
                return NULL;
        for (; *s; s++)
                if (isalnum((unsigned char) *s) || strchr("-._~/", *s))
                        *p++ = *s;
                else
                        p += sprintf(p, "%%%02X", (unsigned char) *s);
        *p = '\0';
        return out;
}

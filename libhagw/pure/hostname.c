/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Host names in text form. */

#include "libhagw/pure/hostname.h"

static char ascii_lower(char c) {
        return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static bool is_label_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int hostname_normalize(const char *name, size_t size, char *out) {
        size_t label = 0;

        if (size > 0 && name[size - 1] == '.')
                size--;
        if (size == 0 || size > HOSTNAME_MAX)
                return -EINVAL;
        for (size_t i = 0; i < size; i++) {
                char c = ascii_lower(name[i]);

                if (c == '.') {
                        if (label == 0 || out[i - 1] == '-')
                                return -EINVAL;
                        label = 0;
                } else {
                        if (!is_label_char(c) || (c == '-' && label == 0) || ++label > HOSTNAME_LABEL_MAX)
                                return -EINVAL;
                }
                out[i] = c;
        }
        if (label == 0 || out[size - 1] == '-')
                return -EINVAL;
        out[size] = '\0';
        return (int) size;
}

bool hostname_in_zone(const char *name, const char *zone) {
        const char *tail = endswith(name, zone);

        return tail && (tail == name || tail[-1] == '.');
}

bool hostname_matches(const char *name, const char *pattern) {
        const char *rest = startswith(pattern, "*.");
        const char *dot;

        if (!rest)
                return streq(name, pattern);
        dot = strchr(name, '.');
        return dot && dot > name && streq(dot + 1, rest);
}

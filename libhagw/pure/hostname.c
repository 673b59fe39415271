/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Host names in text form. */

#include <stdio.h>

#include "libhagw/pure/hostname.h"

#define WHY_LABEL_SHOWN 20 /* characters of one that is too long */

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

static bool is_foreign(const char *name, size_t size) {
        for (size_t i = 0; i < size; i++)
                if ((uint8_t) name[i] >= 0x80)
                        return true;
        return false;
}

bool hostname_why(const char *name, size_t size, char out[static HOSTNAME_WHY_MAX]) {
        if (is_foreign(name, size)) {
                (void) snprintf(out, HOSTNAME_WHY_MAX,
                                "the DNS knows letters other than a to z in another form, which begins with "
                                "xn--");
                return true;
        }
        if (size > 0 && name[size - 1] == '.')
                size--;
        for (size_t at = 0, n; at < size; at += n + 1) {
                const char *dot = memchr(name + at, '.', size - at);

                n = dot ? (size_t) (dot - name) - at : size - at;
                if (n <= HOSTNAME_LABEL_MAX)
                        continue;
                (void) snprintf(out, HOSTNAME_WHY_MAX,
                                "its part \"%.*s…\" has %zu characters, and %u are the most between two "
                                "dots",
                                WHY_LABEL_SHOWN, name + at, n, HOSTNAME_LABEL_MAX);
                return true;
        }
        if (size > HOSTNAME_MAX)
                (void) snprintf(out, HOSTNAME_WHY_MAX, "it has %zu characters, and %u are the most", size,
                                HOSTNAME_MAX);
        return size > HOSTNAME_MAX;
}

bool hostname_in_zone(const char *name, const char *zone) {
        const char *tail = endswith(name, zone);

        return tail && (tail == name || tail[-1] == '.');
}

/* A single label is somebody's search list, or a device of the network. Nobody on the internet is asked for
 * these (RFC 6762, RFC 6761, RFC 8375), nor delegates those. */
bool hostname_is_local(const char *name) {
        static const char *const local[] = { "local",     "lan",     "internal",  "home.arpa", "home",
                                             "localhost", "invalid", "fritz.box" };

        for (size_t i = 0; i < ELEMENTSOF(local); i++)
                if (hostname_in_zone(name, local[i]))
                        return true;
        return !strchr(name, '.');
}

bool hostname_matches(const char *name, const char *pattern) {
        const char *rest = startswith(pattern, "*.");
        const char *dot;

        if (!rest)
                return streq(name, pattern);
        dot = strchr(name, '.');
        return dot && dot > name && streq(dot + 1, rest);
}

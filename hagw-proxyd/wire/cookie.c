/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookies, where they lie. */

#include "hagw-proxyd/wire/cookie.h"

/* "name=value"; false: another cookie. */
static bool read_pair(Slice pair, Slice name, Slice *ret_value) {
        if (pair.n <= name.n || pair.p[name.n] != '=' || memcmp(pair.p, name.p, name.n) != 0)
                return false;
        *ret_value = (Slice) { pair.p + name.n + 1, pair.n - name.n - 1 };
        return true;
}

size_t cookie_find(Slice value, Slice name, Slice *ret_value) {
        Slice pair;
        size_t n = 0;

        while (slice_next(&value, ';', &pair))
                n += read_pair(pair, name, ret_value);
        return n;
}

bool cookie_is_called(Slice pair, Slice prefix) {
        while (pair.n > 0 && ((uint8_t) pair.p[0] <= ' ' || pair.p[0] == '=' || pair.p[0] == '"'))
                pair = (Slice) { pair.p + 1, pair.n - 1 };
        return pair.n >= prefix.n && slice_equal_nocase((Slice) { pair.p, prefix.n }, prefix);
}

size_t cookie_cut(char *value, size_t size, Slice prefix) {
        Slice rest = { value, size }, pair;
        size_t out = 0;

        for (;;) {
                const char *start = rest.p;
                size_t n;

                if (!slice_next(&rest, ';', &pair))
                        break;
                if (cookie_is_called(pair, prefix))
                        continue;
                n = (size_t) (rest.p - start); /* with its ";" and the space after the one before */
                memmove(value + out, start, n);
                out += n;
        }
        if (out == size)
                return out;
        /* The last one may have gone and left its separator, the first one its space. */
        while (out > 0 && (value[out - 1] == ';' || value[out - 1] == ' ' || value[out - 1] == '\t'))
                out--;
        pair = slice_trim((Slice) { value, out });
        memmove(value, pair.p, pair.n);
        return pair.n;
}

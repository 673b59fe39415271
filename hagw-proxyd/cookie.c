/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookies, where they lie. */

#include "cookie.h"

/* "name=value"; false: another cookie. */
static bool read_pair(Slice pair, Slice name, Slice *ret_value) {
        if (pair.n <= name.n || pair.p[name.n] != '=' || memcmp(pair.p, name.p, name.n) != 0)
                return false;
        *ret_value = (Slice) { pair.p + name.n + 1, pair.n - name.n - 1 };
        return true;
}

size_t cookie_find(const HeaderList *l, Slice name, Slice *ret_value) {
        Slice rest, pair, value;
        size_t n = 0;

        for (size_t i = 0; i < l->n; i++) {
                if (l->items[i].id != HEADER_COOKIE)
                        continue;
                rest = header_value(&l->items[i]);
                while (slice_next(&rest, ';', &pair))
                        if (read_pair(pair, name, &value) && n++ == 0)
                                *ret_value = value;
        }
        return n;
}

/* The name as lax readers might see it: white space before the "=" too. */
static bool pair_is(Slice pair, Slice name) {
        Slice key;

        return slice_next(&pair, '=', &key) && slice_equal(key, name);
}

size_t cookie_cut(char *value, size_t size, Slice name) {
        Slice rest = { value, size }, pair;
        size_t out = 0;

        for (;;) {
                const char *start = rest.p;
                size_t n;

                if (!slice_next(&rest, ';', &pair))
                        break;
                if (pair_is(pair, name))
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

Slice cookie_set_name(Slice value) {
        Slice key = {};

        (void) slice_next(&value, '=', &key);
        return key;
}

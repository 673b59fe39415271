/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/wire/coding.h"
#include "hagw-proxyd/wire/judge.h"

#define WEIGHT_MAX 1000U
#define WEIGHT_DIGITS 3U

static const struct {
        const char *name;
        Coding coding;
} names[] = {
        { "br", CODING_BROTLI },
        { "gzip", CODING_GZIP },
        { "x-gzip", CODING_GZIP }, /* RFC 9110 section 8.4.1.3 */
        { "identity", CODING_IDENTITY },
};

/* What one said of each; the last is "*". */
typedef struct Weights {
        unsigned weight[_CODING_MAX + 1];
        bool said[_CODING_MAX + 1];
} Weights;

#define ANY _CODING_MAX

/* RFC 9110 section 12.4.2, in thousandths. */
static bool read_weight(Slice s, unsigned *ret) {
        unsigned w = 0;

        if (s.n == 0 || s.n > 2 + WEIGHT_DIGITS || (s.n > 1 && s.p[1] != '.'))
                return false;
        for (size_t i = 0; i < 1 + WEIGHT_DIGITS; i++) {
                size_t at = i == 0 ? 0 : i + 1;

                if (at < s.n && !judge_is_digit(s.p[at]))
                        return false;
                w = w * 10 + (at < s.n ? (unsigned) (s.p[at] - '0') : 0);
        }
        *ret = w;
        return w <= WEIGHT_MAX;
}

static bool read_member(Slice member, Slice *ret_name, unsigned *ret_weight) {
        Slice parameter;

        *ret_weight = WEIGHT_MAX;
        if (!slice_next(&member, ';', ret_name))
                return false;
        while (slice_next(&member, ';', &parameter)) {
                Slice name;

                if (!slice_next(&parameter, '=', &name) || !slice_equal_nocase(name, SLICE("q")) ||
                    !read_weight(slice_trim(parameter), ret_weight))
                        return false;
        }
        return true;
}

static void take(Weights *w, unsigned i, unsigned weight) {
        w->weight[i] = w->said[i] ? MAX(w->weight[i], weight) : weight;
        w->said[i] = true;
}

static void read_field(Weights *w, Slice value) {
        Slice member, name;
        unsigned weight;

        while (slice_next(&value, ',', &member)) {
                if (!read_member(member, &name, &weight))
                        continue;
                if (slice_equal(name, SLICE("*")))
                        take(w, ANY, weight);
                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if (slice_equal_nocase(name, slice_from(names[i].name)))
                                take(w, names[i].coding, weight);
        }
}

CodingWish coding_wish(const HeaderList *l) {
        CodingWish wish = { CODING_IDENTITY };
        Weights w = {};
        unsigned most = 0;

        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].id == HEADER_ACCEPT_ENCODING)
                        read_field(&w, header_value(&l->items[i]));
        for (unsigned c = CODING_GZIP; c < _CODING_MAX; c++) {
                unsigned weight = w.said[c] ? w.weight[c] : w.weight[ANY];

                if (weight > 0 && weight >= most) {
                        most = weight;
                        wish.best = c;
                }
        }
        if (w.said[CODING_IDENTITY] && w.weight[CODING_IDENTITY] > most)
                wish.best = CODING_IDENTITY;
        wish.no_identity = wish.best != CODING_IDENTITY &&
                           (w.said[CODING_IDENTITY] ? w.weight[CODING_IDENTITY] == 0 :
                                                      w.said[ANY] && w.weight[ANY] == 0);
        return wish;
}

Slice coding_name(Coding c) {
        switch (c) {
        case CODING_GZIP:
                return SLICE("gzip");
        case CODING_BROTLI:
                return SLICE("br");
        default:
                return (Slice) {};
        }
}

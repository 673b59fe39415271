/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A value has one spelling. */

#include <stdio.h>

#include "hagw-proxyd/wire/inner.h"
#include "hagw-proxyd/wire/outer.h"

static const char *const logins[] = { [false] = "none", [true] = "required" };

#define BEGIN "login="
#define MIDDLE "; depth="

static bool parse(Slice value, Outer *ret) {
        for (unsigned asks = 0; asks < ELEMENTSOF(logins); asks++) {
                char expected[OUTER_SIZE_MAX];
                int n = snprintf(expected, sizeof(expected), BEGIN "%s" MIDDLE, logins[asks]);
                char depth = value.n > 0 ? value.p[value.n - 1] : '\0';

                if (value.n != (size_t) n + 1 || memcmp(value.p, expected, (size_t) n) != 0 ||
                    !inner_is_depth(depth))
                        continue;
                *ret = (Outer) { .told = true, .asks = asks, .depth = depth };
                return true;
        }
        return false;
}

static bool is_called(const Header *h, Slice name) {
        return h->id == HEADER_X_HAGW_ANY && slice_equal_nocase((Slice) { h->name, h->name_size }, name);
}

Outer outer_read(const HeaderList *l) {
        Outer outer = { .depth = INNER_DEPTH_OWN };
        unsigned n = 0;

        for (size_t i = 0; i < l->n; i++) {
                const Header *h = &l->items[i];

                if (is_called(h, SLICE(OUTER_FIELD)) && (n++ > 0 || !parse(header_value(h), &outer)))
                        return (Outer) { .depth = INNER_DEPTH_OWN };
        }
        return outer;
}

static const Slice answers[] = { [INNER_LOGIN_NONE] = { "login=none", 10 },
                                 [INNER_LOGIN_REQUIRED] = { "login=required", 14 } };

InnerLogin outer_read_answer(const HeaderList *l) {
        InnerLogin said = _INNER_LOGIN_INVALID;
        unsigned n = 0;

        for (size_t i = 0; i < l->n; i++) {
                if (!is_called(&l->items[i], SLICE(INNER_FIELD)))
                        continue;
                if (n++ > 0)
                        return _INNER_LOGIN_INVALID;
                for (unsigned k = 0; k < ELEMENTSOF(answers); k++)
                        if (slice_equal(header_value(&l->items[i]), answers[k]))
                                said = (InnerLogin) k;
        }
        return said;
}

Slice outer_answer(bool asks) {
        return answers[asks ? INNER_LOGIN_REQUIRED : INNER_LOGIN_NONE];
}

static char *put(char *p, Slice s) {
        memcpy(p, s.p, s.n);
        return p + s.n;
}

/* With each request that goes to a service, so without stdio. */
size_t outer_write(const Outer *before, bool asks, bool aside, char out[static OUTER_SIZE_MAX]) {
        char own = before->told ? before->depth : INNER_DEPTH_OWN,
             depth = aside ? own : inner_further_out(own), *p = out;

        p = put(p, SLICE(BEGIN));
        p = put(p, slice_from(logins[asks || (before->told && before->asks)]));
        p = put(p, SLICE(MIDDLE));
        /* Deeper than there are names for: its own are as good as any. */
        *p++ = depth ?: INNER_DEPTH_OWN;
        *p = '\0';
        return (size_t) (p - out);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reasons of refusals. */

#include "libhagw/pure/refusal.h"

static const struct {
        const char *name, *text;
} rows[_REFUSAL_MAX] = {
        [REFUSAL_SUSPENDED] = { "suspended", "the relay has suspended the tenant" },
        [REFUSAL_EXHAUSTED] = { "exhausted", "the tenant's bytes of this month are used up" },
        [REFUSAL_CONNECTIONS] = { "connections",
                                  "more visitors in a second than the tenant's connections per second" },
        [REFUSAL_AWAY] = { "away", "the house is not attached, or does not answer" },
        [REFUSAL_CHANNELS] = { "channels", "none of the tenant's channels came free in time" },
        [REFUSAL_HOUSE] = { "house",
                            "the house does not take visitors whose TLS the relay has opened" },
        [REFUSAL_HOST] = { "host", "the house has no host of the name that they ask for" },
};

const char *refusal_name(Refusal r) {
        return r > REFUSAL_NONE && r < _REFUSAL_MAX ? rows[r].name : NULL;
}

Refusal refusal_from_name(const char *name) {
        for (Refusal r = REFUSAL_NONE + 1; r < _REFUSAL_MAX; r++)
                if (streq(rows[r].name, name))
                        return r;
        return _REFUSAL_INVALID;
}

const char *refusal_text(Refusal r) {
        return r > REFUSAL_NONE && r < _REFUSAL_MAX ? rows[r].text : NULL;
}

void refusal_count(RefusalCount *c, uint64_t now_usec) {
        c->n++;
        c->last_usec = now_usec;
        c->over = false;
}

void refusal_end(RefusalCount *c) {
        c->over = c->n > 0;
}

static bool take_line(RefusalLines *l, uint64_t now_usec) {
        if (now_usec >= l->begin_usec + REFUSAL_LOG_USEC)
                *l = (RefusalLines) { .begin_usec = now_usec };
        if (l->n >= REFUSAL_LINES_MAX)
                return false;
        l->n++;
        return true;
}

uint64_t refusal_take(RefusalCount *c, RefusalLines *lines, uint64_t now_usec) {
        uint64_t n = c->n - c->logged;

        if (n == 0 || (c->logged_usec > 0 && now_usec < c->logged_usec + REFUSAL_LOG_USEC) ||
            !take_line(lines, now_usec))
                return 0;
        c->logged = c->n;
        c->logged_usec = now_usec;
        return n;
}

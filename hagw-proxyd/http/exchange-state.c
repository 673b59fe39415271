/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The steps of an exchange, and its memory. */

#include "hagw-proxyd/http/exchange.h"

void exchange_set_state(Exchange *x, ExchangeState s) {
        static const unsigned from[_EXCHANGE_STATE_MAX] = {
                [EXCHANGE_JUDGE] = STEPS_FROM(EXCHANGE_SESSION),
                [EXCHANGE_SESSION] = STEPS_FROM(EXCHANGE_JUDGE),
                [EXCHANGE_LINK] = STEPS_FROM(EXCHANGE_JUDGE, EXCHANGE_HEAD),
                [EXCHANGE_HEAD] = STEPS_FROM(EXCHANGE_LINK),
                [EXCHANGE_BODY] = STEPS_FROM(EXCHANGE_HEAD),
                [EXCHANGE_UPGRADE] = STEPS_FROM(EXCHANGE_HEAD),
        };

        assert_step(from, x->state, s);
        x->state = s;
}

static size_t headers_max(const Snapshot *s) {
        return s->header_count + HEADER_SPARE;
}

size_t exchange_size(const Snapshot *s) {
        return sizeof(Exchange) + 2 * headers_max(s) * sizeof(Header);
}

static void put(Worker *w, Exchange *x) {
        x->next_free = w->exchanges->spare;
        w->exchanges->spare = x;
}

Exchange *exchange_get(Worker *w, const Snapshot *s) {
        Exchange *x = w->exchanges->spare ?: calloc(1, sizeof(*x));
        size_t max = headers_max(s);
        Header *larger;

        if (!x)
                return NULL;
        w->exchanges->spare = x->next_free;
        if (x->headers_max >= max)
                return x;
        larger = reallocarray(x->headers, 2 * max, sizeof(Header));
        if (!larger) {
                put(w, x);
                return NULL;
        }
        x->headers = larger;
        x->headers_max = max;
        return x;
}

void exchange_free(Exchange *x) {
        Worker *w = x->worker;

        x->snapshot = snapshot_unref(x->snapshot);
        x->head = buffer_put(&w->pool, x->head);
        x->pack = pack_free(x->pack);
        put(w, x);
}

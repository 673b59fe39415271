/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The steps of an exchange. */

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who comes for the relay itself, and what hangs on a worker. Runs in the worker's thread. */

#include "hagw-proxyd/far/far.h"
#include "hagw-proxyd/far/farlink.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/passage.h"

void agent_begin(Conn *c) {
        (void) control_begin(c->worker, &c->transport, &c->visit.address, c->visit.port, &c->crowd);
        conn_close(c);
}

/* Nothing may follow it before the relay has spoken; and a relay puts visitors on a house's channels, and no
 * channels. */
static Claim channel_claims(const Conn *c, const Knock *k) {
        if (!c->snapshot->routes->tenants_zone || arrival_is_relayed(c->visit.arrival) ||
            k->size > CHANNEL_HELLO_SIZE ||
            memcmp(k->bytes, CHANNEL_HELLO_MAGIC, MIN(k->size, CHANNEL_HELLO_MAGIC_SIZE)) != 0)
                return CLAIM_NONE;
        if (k->size < CHANNEL_HELLO_SIZE)
                return CLAIM_MAYBE;
        return channel_session_worker(k->bytes + CHANNEL_HELLO_MAGIC_SIZE) < c->worker->n_crew ? CLAIM_MINE :
                                                                                                 CLAIM_NONE;
}

static bool channel_enter(Conn *c, const Knock *k) {
        Worker *w = c->worker, *at = w->crew[channel_session_worker(k->bytes + CHANNEL_HELLO_MAGIC_SIZE)];
        uint8_t bytes[CHANNEL_HELLO_SIZE];
        Visitor v;

        if (at != w) {
                conn_hand_over(c, at);
                return true;
        }
        memcpy(bytes, k->bytes, sizeof(bytes));
        c->transport.in = buffer_put(&w->pool, c->transport.in);
        v = conn_leave(c);
        channel_arrive(w, v.fd, bytes, &v.crowd);
        return true;
}

const Entrance channel_entrance = { "channel", KNOCK_BYTES, channel_claims, channel_enter,
                                     OUTSIDE_RELAY };

static void review_all(Worker *w) {
        review_start(w);
        passages_review(w);
}

static int far_init(Worker *w) {
        w->upstreams->far = &tenants_far_side;
        tenants_follow(w, review_all);
        return 0;
}

const Room far_room = { .init = far_init };

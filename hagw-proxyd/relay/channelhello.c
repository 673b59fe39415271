/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels that arrive at the relay. Runs in the worker's thread. */

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/relay/channel.h"
#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/visit/conn.h"

/* The control connection it belongs to, or NULL: not to be told why. */
static Control *judge(Worker *w, const uint8_t *bytes, ChannelHello *ret) {
        uint8_t mac[CHANNEL_MAC_SIZE];
        Control *k;

        if (!channel_hello_read(bytes, ret))
                return NULL;
        k = control_find(w, ret->session_id);
        if (!k || relay_keys_sign_hello(&k->keys, bytes, mac) < 0 ||
            !relay_mac_equal(mac, bytes + CHANNEL_HELLO_SIGNED) ||
            !channel_window_take(&k->window, ret->number))
                return NULL;
        if (k->tenant->n_channels >= k->tenant->info->channels || k->n_waiting >= 2 * CONTROL_WAITING_MAX)
                return NULL;
        return k;
}

/* At the worker that its session id names. Takes the fd over; closes it where anything is wrong. */
static void channel_arrive(Worker *w, int fd, const uint8_t bytes[static CHANNEL_HELLO_SIZE],
                    CrowdPlace *place) {
        ChannelHello hello;
        Control *k = judge(w, bytes, &hello);

        /* From here on the tenant's own limit counts; a whole town of houses may share an address. */
        crowd_leave(place);
        if (!k || channel_new(k, hello.number, fd) < 0) {
                counter_add(&w->counters.channels_refused, 1);
                safe_close(fd);
                return;
        }
        tenant_serve(w, k->tenant);
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

const Entrance channel_entrance = { "channel", KNOCK_BYTES, channel_claims, channel_enter };

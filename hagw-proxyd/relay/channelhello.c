/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels that arrive at the relay. Runs in the worker's thread. */

#include "hagw-proxyd/relay/channel.h"
#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/worker.h"

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

void channel_arrive(Worker *w, int fd, const uint8_t bytes[static CHANNEL_HELLO_SIZE],
                    CrowdPlace *crowd) {
        ChannelHello hello;
        Control *k = judge(w, bytes, &hello);

        /* From here on the tenant's own limit counts; a whole town of houses may share an address. */
        crowd_leave(crowd);
        if (!k || channel_new(k, hello.number, fd) < 0) {
                counter_add(&w->figures->channels_refused, 1);
                safe_close(fd);
                return;
        }
        tenant_serve(w, k->tenant);
}

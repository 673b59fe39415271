/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's rooms, from the lowest to the highest, and the ways into them. */

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/door/opening.h"
#include "hagw-proxyd/far/far.h"
#include "hagw-proxyd/h1/requests.h"
#include "hagw-proxyd/house/house.h"
#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/main/rooms.h"
#include "hagw-proxyd/pass/service.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/streams/streams.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/passage.h"
#include "libhagw/net/relaykeys.h"

/* In this order. Who is nobody's is refused without a byte. */
static const Entrance *const entrances[] = {
        &channel_entrance,                    /* by the first bytes */
        &nameless_entrance, &opened_entrance, /* who came by a channel, opened, is not asked for more */
        &agent_entrance,
        &tenant_entrance, /* in front of what the relay opens, for which it says the route */
        &service_entrance, &host_entrance, NULL,
};

static const Voice voices[] = {
        { RELAY_ALPN, agent_begin },
        { TLS_ALPN_HTTP2, streams_begin },
        {},
};

static int ways_init(Worker *w) {
        w->visits->entrances = entrances;
        w->visits->voices = voices;
        return 0;
}

static const Room ways = { .init = ways_init };

/* The two ends of the tunnel know nothing of visitors (dev/rooms.txt), and stand above them nevertheless:
 * what visitors have of them is let go of before. */
static const Room *const rooms[] = {
        &upstream_room, &visit_room, &http_room, &pass_room, &h1_room, &streams_room,
        &relay_room,    &house_room, &far_room,  &door_room, &ways,    NULL,
};

const CrewPlan crew_plan = { .rooms = rooms, .figures_size = sizeof(Figures) };

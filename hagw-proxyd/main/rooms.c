/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The worker's rooms, from the lowest to the highest. */

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/h1/requests.h"
#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/main/rooms.h"
#include "hagw-proxyd/pass/passage.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/streams/streams.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "hagw-proxyd/visit/conn.h"

const Room *const worker_rooms[] = {
        &upstream_room, &visit_room, &http_room,  &pass_room, &h1_room,
        &streams_room,  &relay_room, &house_room, &door_room, NULL,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/room.h"
#include "hagw-proxyd/visit/entrance.h"

/* A relay's end of the tunnel, as the rest of the program sees it: what it hangs on a worker, and who comes
 * to it. */

extern const Room relay_room;

/* A channel of an agent's, by its first bytes. */
extern const Entrance channel_entrance;
/* Visitors of tenants, by their names. */
extern const Entrance tenant_entrance;
/* An agent's control connection: its handshake is done. c ends. */
void control_begin(Conn *c);

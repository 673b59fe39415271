/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/entrance.h"
#include "libhagw/crew/room.h"

/* Between visitors' connections and a relay's end of the tunnel (relay/relay.h). */

extern const Room far_room;

/* A channel of an agent's, by its first bytes. */
extern const Entrance channel_entrance;
/* Visitors of tenants, by their names. */
extern const Entrance tenant_entrance;
/* An agent's control connection: its handshake is done. c ends. */
void agent_begin(Conn *c);

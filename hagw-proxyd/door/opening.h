/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/entrance.h"

/* Visitors whose TLS is opened here, from their ClientHello to the first byte within. */

/* By a channel, the relay has opened his TLS already: for a name that is no host of ours, and for one that
 * is. */
extern const Entrance nameless_entrance, opened_entrance;
/* Somebody who wants to speak hagw-relay/1 with the relay. */
extern const Entrance agent_entrance;
/* For a host of ours, whoever serves it. */
extern const Entrance host_entrance;

/* For CONN_HANDSHAKE. */
void opening_serve(Conn *c);
/* What transport_handshake() said at last. */
void opening_on_handshake(Conn *c, int r);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/h2/h2.h"
#include "hagw-proxyd/visit/conn.h"

/* HTTP/2 on a visitor's connection: many requests at once, each an exchange on a stream of its own. */

#define STREAMS_LEAVE_USEC USEC_PER_SEC /* between the two GOAWAY: what was on its way is served */

/* Requests of a connection: on its streams, and those whose answer is through while the service still has to
 * hear the rest of them, which are on none. */
#define STREAMS_REQUESTS_MAX (2U * H2_STREAMS_MAX)

extern const Room streams_room;

/* The handshake is over, and h2 was agreed upon. May end c. */
void streams_begin(Conn *c);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/conn.h"

/* HTTP/2 on a visitor's connection: many requests at once, each an exchange on a stream of its own. */

#define STREAMS_LEAVE_USEC USEC_PER_SEC /* between the two GOAWAY: what was on its way is served */

extern const Room streams_room;

/* The handshake is over, and h2 was agreed upon. May end c. */
void streams_begin(Conn *c);

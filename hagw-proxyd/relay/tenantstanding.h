/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/message.h"

/* How the tenants are to whom the relay's own hosts lead, at the moment: asked of all workers, each of which
 * writes it into the figures of those hosts whose tenant is at home with it. */

typedef struct StandingsCall StandingsCall;
/* To a worker and back. */
typedef struct StandingMessage {
        Message message;
        StandingsCall *call; /* main's */
} StandingMessage;
extern const MessageKind standing_message;

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/loop.h"
#include "libhagw/pure/channelframe.h"

/* A channel that waits at the relay for a visitor. It costs a socket and these few bytes. */

typedef struct Channel Channel;
typedef struct Control Control;
typedef struct Worker Worker;

struct Channel {
        Handle handle;
        Garbage garbage;
        Control *control;
        Channel *next, **link; /* in control->channels */
        uint64_t number;
};

/* A connection that began with a hello, at the worker that its session id names. Takes the fd over; closes
 * it where anything is wrong. address: counted by crowd_enter(); it is let go. NULL: it was not
 * counted. */
void channel_arrive(Worker *w, int fd, const uint8_t hello[static CHANNEL_HELLO_SIZE],
                    const IpAddress *address);
/* Closes it. */
void channel_close(Channel *c);
/* Hands out its socket, which nobody watches any more. -ENOTCONN: the other end has gone; it was closed. */
int channel_take(Channel *c);

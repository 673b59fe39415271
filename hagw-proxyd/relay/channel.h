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
        Channel *next, **place; /* in control->channels */
        uint64_t number;
};

/* One that its hello has proved to be of k's; takes the fd over. Negative errno: the fd stays the
 * caller's. */
int channel_new(Control *k, uint64_t number, int fd);
/* Closes it. */
void channel_close(Channel *c);
/* Hands out its socket, which nobody watches any more. -ENOTCONN: the other end has gone; it was closed. */
int channel_take(Channel *c);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/crowd.h"
#include "hagw-proxyd/crew/message.h"
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

/* To a worker, from another: a channel of a session of yours. */
typedef struct ChannelMessage {
        Message message;
        int fd; /* given away */
        CrowdPlace place;
        uint8_t hello[CHANNEL_HELLO_SIZE];
} ChannelMessage;
extern const MessageKind channel_message;

/* A connection that began with a hello, at the worker that its session id names. Takes the fd over; closes
 * it where anything is wrong. Its place in the crowd is given back. */
void channel_arrive(Worker *w, int fd, const uint8_t hello[static CHANNEL_HELLO_SIZE],
                    CrowdPlace *place);
/* One that its hello has proved to be of k's; takes the fd over. Negative errno: the fd stays the
 * caller's. */
int channel_new(Control *k, uint64_t number, int fd);
/* Closes it. */
void channel_close(Channel *c);
/* Hands out its socket, which nobody watches any more. -ENOTCONN: the other end has gone; it was closed. */
int channel_take(Channel *c);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdatomic.h>

#include "libhagw/pure/macro.h"

/* Messages from any thread to one thread, without a lock: senders push onto a stack, the receiver takes all
 * of it and turns it round. The receiver waits on the eventfd. */

typedef struct Message {
        struct Message *next;
        const struct MessageKind *kind; /* what else it is; the queue does not look */
} Message;

typedef struct Queue {
        _Atomic(Message *) head;
        int event_fd;
} Queue;

int queue_init(Queue *q);
/* Closes; what is still in it belongs to the caller, who takes it first. */
void queue_done(Queue *q);
void queue_push(Queue *q, Message *m);
/* Wakes the receiver without a message. */
void queue_wake(Queue *q);
/* All messages in the order they were sent, as a list; NULL: none. Clears the eventfd. */
Message *queue_take(Queue *q);

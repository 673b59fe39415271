/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/handover.h"

/* Visitors' descriptors on their way to another program: messages (pure/handover.h) on a SOCK_SEQPACKET
 * socket. Nothing here waits. Who has received a message has the visitor, and there is no answer. */

#define HANDSOCKET_BUFFER_BYTES (1024U * 1024) /* asked for; the kernel gives what it lets others have */

/* Connects to the path. The socket is non-blocking, and its listener may be one that nobody serves yet.
 * -EAGAIN: too many wait there. */
int handsocket_connect(const char *path);

/* Returns 0 when it is on its way, with a duplicate of fd (-EBADF: none); the caller closes his own.
 * -EAGAIN: the socket is full. -EPIPE, -ECONNRESET and the like: nobody receives any more, and nothing was
 * sent. */
int handsocket_send(int s, const Handover *h, int fd);
int handsocket_send_count(int s, const HandoverCount *c);

/* The next message's bytes, which *ret_size are: in data. ret_fd: its descriptor, which is close-on-exec and
 * the caller's; -EBADF: it has none. -EAGAIN: there is no message. -ENODATA: the other end has gone.
 * -EBADMSG: it is longer than any may be, or brings more than one descriptor; they are closed. */
int handsocket_receive(int s, uint8_t data[static HANDOVER_SIZE_MAX], size_t *ret_size, int *ret_fd);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-dnsd/answer.h"

/* DNS over TCP (RFC 7766) on handed-in sockets. Main loop only. A client may send queries one after the
 * other without waiting; they are answered in order. */

#define TCP_QUERY_MAX 4096U /* octets; longer frames are skipped and answered FORMERR */

typedef struct TcpServer TcpServer;

typedef struct TcpLimits {
        unsigned clients;   /* at once; one more makes one go of the network that has most */
        uint64_t idle_usec; /* from the last whole query that was answered */
} TcpLimits;

typedef struct TcpStats {
        uint64_t accepted, evicted, timed_out;
        unsigned clients; /* now */
} TcpStats;

int tcp_server_new(sd_event *event, const TcpLimits *limits, AnswerSource *source, TcpServer **ret);
TcpServer *tcp_server_free(TcpServer *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(TcpServer *, tcp_server_free)

/* From now on clients are taken in from there. fd stays the caller's, who removes it before he closes it, or
 * frees the server; clients who have come stay. */
int tcp_server_add(TcpServer *t, int fd);
void tcp_server_remove(TcpServer *t, int fd);

void tcp_server_set_limits(TcpServer *t, const TcpLimits *limits);
TcpStats tcp_server_stats(const TcpServer *t);

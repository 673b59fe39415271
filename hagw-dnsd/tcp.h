/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "answer.h"

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

/* fds stay the caller's, and must outlive the server. */
int tcp_server_new(sd_event *event, const int *fds, size_t n_fds, const TcpLimits *limits,
                   AnswerSource *source, TcpServer **ret);
TcpServer *tcp_server_free(TcpServer *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(TcpServer *, tcp_server_free)

void tcp_server_set_limits(TcpServer *t, const TcpLimits *limits);
TcpStats tcp_server_stats(const TcpServer *t);

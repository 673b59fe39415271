/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-dnsd/answer.h"

/* DNS over UDP on handed-in sockets: batches in, batches out. Main loop only. */

#define UDP_BATCH 64U          /* datagrams per system call */
#define UDP_BATCHES_MAX 8U     /* per wake-up, so that varlink and TCP get their turn */
#define UDP_QUERY_MAX 4096U    /* octets; longer ones are ignored */

typedef struct UdpServer UdpServer;

int udp_server_new(sd_event *event, AnswerSource *source, UdpServer **ret);
UdpServer *udp_server_free(UdpServer *u);
DEFINE_TRIVIAL_CLEANUP_FUNC(UdpServer *, udp_server_free)

/* From now on what comes there is answered. fd stays the caller's, who removes it before he closes it, or
 * frees the server. Not from within an answer. */
int udp_server_add(UdpServer *u, int fd);
void udp_server_remove(UdpServer *u, int fd);

/* Answers that the kernel did not take, and queries that it threw away because we were too slow. */
uint64_t udp_server_unsent(const UdpServer *u);
uint64_t udp_server_dropped(const UdpServer *u);

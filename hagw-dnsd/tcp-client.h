/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/tcp.h"

/* One TCP client: its half-read frame and its unsent answers. Between tcp.c and tcp-client.c. */

typedef struct TcpClient {
        TcpServer *server;
        struct TcpClient *previous, *next;
        int fd;
        sd_event_source *source;
        IpAddress address;
        uint16_t crowd;       /* tcp.c's */
        uint64_t active_usec; /* CLOCK_MONOTONIC, of the last answer that was sent whole */
        bool finished;        /* sent its last query; goes when all answers are out */
        size_t skip;          /* octets of a too long frame still to be thrown away */
        uint8_t *unsent; /* answers that the socket did not take; while there are any, nothing is read */
        size_t unsent_size, unsent_offset;
        size_t in_size;
        uint8_t in[2 + TCP_QUERY_MAX];
} TcpClient;

/* Takes the fd over on success. */
int tcp_client_new(TcpServer *t, sd_event *event, int fd, const IpAddress *address, TcpClient **ret);
TcpClient *tcp_client_free(TcpClient *c);

/* Closes the connection; the object stays until tcp_client_free(). */
void tcp_client_hang_up(TcpClient *c);

/* tcp.c's, for tcp-client.c. */
void tcp_server_touch(TcpServer *t, TcpClient *c);
void tcp_server_drop(TcpServer *t, TcpClient *c);
AnswerSource *tcp_server_answers(TcpServer *t);
uint64_t tcp_server_idle_usec(const TcpServer *t);

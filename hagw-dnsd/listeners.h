/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-dnsd/listenplace.h"
#include "hagw-dnsd/tcp.h"
#include "hagw-dnsd/udp.h"

/* The sockets that hagw-dnsd answers on: one of UDP and one of TCP at each place where it is to listen, for
 * nobody else to share. hagw-bind opens them, since there is no network here; systemd keeps them while
 * hagw-dnsd restarts, with all that is asked meanwhile (sd_notify(3), FDSTORE=1). Main loop only. */

#define LISTENERS_MAX (2U * LISTEN_PLACES_MAX)
#define LISTENERS_RETRY_MIN_USEC (250 * USEC_PER_MSEC) /* after one could not be opened, doubling */
#define LISTENERS_RETRY_MAX_USEC (10 * USEC_PER_SEC)
#define LISTENERS_ANSWER_USEC (30 * USEC_PER_SEC) /* hagw-bind is started for it */

typedef struct Listeners Listeners;

/* Takes back at once what systemd has kept. udp and tcp must outlive it. */
int listeners_new(sd_event *event, UdpServer *udp, TcpServer *tcp, Listeners **ret);
Listeners *listeners_free(Listeners *l);
DEFINE_TRIVIAL_CLEANUP_FUNC(Listeners *, listeners_free)

/* From now on there, and nowhere else; what is open already stays as it is. */
void listeners_set(Listeners *l, const ListenPlace *places, size_t n);

typedef struct ListenersCount {
        unsigned open, failed;
        int error; /* of one that failed; negative errno */
} ListenersCount;
ListenersCount listeners_count(const Listeners *l);
int listeners_build(const Listeners *l, sd_json_variant **ret); /* as io.hagw.Dns.ListListeners has it */

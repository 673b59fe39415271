/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink.h>

#include "libhagw/pure/macro.h"

/* What a caller may take of a daemon, for all interfaces. sd-varlink itself reads messages of up to 16 MiB,
 * which may need fifty times as much when they are parsed, serves all that a caller has sent before others
 * have their turn, and keeps 16 MiB of answers for who does not read them. Here a call is read when the one
 * before it is answered and others had their turn; and who goes on calling while answers wait for him to
 * read them is cut. */

#define VL_MESSAGE_MAX (512U * 1024) /* bytes of a call; a chain to import has 80 KiB at most */
#define VL_TURN_BYTES (16U * 1024)   /* of a call that are read before others have their turn */

/* Of what a daemon asked for: the whole list of certificates is one answer, so as many bytes as libsystemd
 * takes. But what makes a message a hundred times as large in memory is how many values it has. */
#define VL_ANSWER_VALUES_MAX (256U * 1024) /* commas and opening brackets, wherever they stand */

/* Connections at once, of one user. hagw-ctl opens them as root. */
#define VL_CONNECTIONS_PER_UID_MAX 16U
#define KEY_CONNECTIONS_PER_UID_MAX 72U   /* each thread of hagw-proxyd has one, its main thread some more */
#define TENANT_CONNECTIONS_PER_UID_MAX 8U /* hagw-proxyd has one to listen and two to ask */
#define VL_CONNECTIONS_MAX 64U            /* of all users, beside those of one who may have more */

/* From here on answers on this connection have so many values at most; one with more ends it. Any thread, of
 * which the connection is. -EXFULL as below. */
int vl_limit_add_answers(sd_varlink *link);

/* From here to vl_limit_remove() the connection's socket is read within these limits; a longer message ends
 * the connection. -EXFULL: there are as many as there may ever be. Main thread only. */
int vl_limit_add(sd_varlink *link);
void vl_limit_remove(sd_varlink *link);

/* Before the loop ends: sd-varlink would wait then until each caller has read his answers. */
void vl_limit_cut_unread(void);

/* A call has come: says in the log, once, where it was not read within the limits. */
void vl_limit_check(sd_varlink *link);

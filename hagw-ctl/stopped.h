/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/client.h"

/* Daemons that do not run though systemd listens at their sockets, so that who only wants to see how things
 * are leaves them alone (client_leave()): those that somebody stopped, which a question would start, and
 * those that end each time they are started, which would not answer it. */

/* Finds them. config may be NULL: broken, or there is none. */
void stopped_find(const Config *config);
/* It is one that ends each time. */
bool stopped_ends_always(const DaemonRow *d);

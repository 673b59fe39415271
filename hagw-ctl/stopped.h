/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* Daemons that somebody stopped. systemd still listens at their sockets, and who asks one there starts it:
 * who only wants to see how things are leaves those alone (client_leave()). */

/* Finds them, among those that run as long as hagw does. config may be NULL: broken, or there is none. */
void stopped_find(const Config *config);

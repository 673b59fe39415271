/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "macro.h"

/* How many TCP sockets of this machine listen on the port, at whatever address (/proc/net/tcp, proc(5)); 0
 * also where that cannot be read. */
unsigned count_listeners(unsigned port);

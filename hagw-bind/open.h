/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/bind.h"

/* Opens what is asked for, for nobody else to share: a TCP socket that listens, or a UDP socket. Returns the
 * descriptor. -EPERM: a port that is nobody's business here; -EINVAL: no address that one machine has;
 * -EADDRINUSE: somebody has the port there, or everywhere. */
int bind_open(const BindRequest *q);

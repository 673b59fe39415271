/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/conn.h"

/* Our own look at a service comes in as a visitor of that host, before anything is read. The message goes
 * back to the main thread when the connection ends, or at once where there is none. -ENOENT: no such
 * host. */
int probe_enter(Worker *w, ProbeMessage *probe);

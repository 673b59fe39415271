/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/client.h"

/* A file that a daemon could not write, behind a failure that names none. */

/* "/var/lib/hagw/keyd/x: No space left on device", of the last file; to be freed. NULL: there is none. */
char *fault_text(const DaemonRow *d);

/* For the person who asked for what needed it: a sentence or two, to be freed. NULL: there is none. */
char *fault_explain(const DaemonRow *d);

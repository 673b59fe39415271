/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/room.h"

/* What worker_new() hangs on each worker; NULL-ended. */
extern const Room *const worker_rooms[];

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/db.h"

/* The database where its disk takes nothing: read whole into memory, from where houses are admitted, and
 * nothing in it can be changed. */

/* Needs neither room beside the file nor a disk that can be written. What stands in SQLite's log counts. */
int frozen_load(const char *path, Db *ret);
/* From now on a change ends with why, a negative errno; one of what is temporary does not. */
void frozen_begin(Db *db, int why);

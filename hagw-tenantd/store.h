/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "db.h"

/* The file with everything in it. A damaged one is set aside and a new one begun: the relay of those who are
 * added again is better than no relay, and the file is there to be looked at. */

#define STORE_FILE "tenants.db"
#define STORE_FILE_BROKEN "tenants.db.broken"

/* ret_set_aside: a damaged file was found and renamed. -EPROTONOSUPPORT: a later version's file, which is
 * left alone. */
int store_open(const char *dir, Db *ret, bool *ret_set_aside);

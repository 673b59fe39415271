/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/ledger.h"

/* The file with everything in it, and its opening. */

#define STORE_FILE "tenants.db"
#define STORE_FILE_BROKEN "tenants.db.broken" /* the next ones with a number behind it, */
#define STORE_BROKEN_MAX 10U /* so many in all; then the last one is taken the place of */

/* Opens it with its ledger, which stays attached, or makes both. -EUCLEAN: it is damaged; or it is gone or
 * empty, though the ledger says that it was there, and anew does not say that this is meant. Nothing is open
 * and nothing was changed then. -EBADMSG: the ledger is damaged. -EPROTONOSUPPORT: a later version's file,
 * which is left alone. Where the disk takes nothing, it is read and ret->frozen says why. */
int store_open(const char *dir, bool anew, Ledger *ledger, Db *ret);
/* Renames it, with SQLite's log beside it, which may hold what is newest. */
int store_set_aside(const char *dir);

/* Whether it is whole. Quickly: its structure alone. -EUCLEAN. */
int store_check(Db *db, bool quickly);

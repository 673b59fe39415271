/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/store.h"

/* Copies of the database, one a day, each found whole when it was made. Main thread only. */

#define COPIES_DIR "copies"
#define COPIES_MAX 7U
#define COPY_NAME_LENGTH 10U /* "2026-11-29" */

typedef struct Copy {
        char name[COPY_NAME_LENGTH + 1];
        uint64_t made_usec; /* CLOCK_REALTIME */
        bool dated;         /* it says so itself; else by its file and its name */
        int64_t stamp;      /* what it knows of the ledger */
        uint64_t tenants;
        bool good;          /* found whole now */
        bool complete;      /* the ledger knows everything that was taken since */
} Copy;

/* Makes today's, in the place of an older one of today, and lets go of those above COPIES_MAX and of what
 * the oldest one that stays knows of the ledger. -EUCLEAN: the database is damaged. */
int copies_make(const char *dir, Db *db, Ledger *ledger, uint64_t now_usec);
/* Whether there is none of today yet. */
bool copies_are_due(const char *dir, uint64_t now_usec);
/* The newest first; returns how many, at most COPIES_MAX. */
int copies_list(const char *dir, const Ledger *ledger, Copy ret[static COPIES_MAX]);
/* Puts a copy in the database's place, which is set aside; the caller opens it. */
int copies_restore(const char *dir, const char *name);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-tenantd/db.h"

/* What was taken from tenants, beside the database: tokens and codes that ended, tenants that were removed
 * or suspended, domains that moved. Each line is on disk before its transaction is committed, and is cut off
 * again where the commit fails; the database holds the number of the last one that it knows. So a database
 * that comes back from a copy is made to know the others before anybody is admitted by it, and who was told
 * that nothing was done finds nothing done later. Main thread only. */

#define LEDGER_FILE "ledger"
#define LEDGER_LONG (1024U * 1024)    /* bytes; then what the newest copy knows is dropped */
#define LEDGER_MAX (4U * 1024 * 1024) /* bytes; then nothing can be taken any more (-ENOSPC) */

typedef struct Ledger {
        char *path;
        int fd;         /* -EBADF: there is none yet */
        int64_t begins; /* everything after this number stands in it */
        int64_t stamp;  /* the last number that was given */
        bool gap;       /* the database knew less than that: what was taken between is not known any more */
        size_t size;    /* of what counts in the file */
        bool read;      /* ledger_read() */
        bool uncut;     /* there may be more in it, which has to go before anything is written */
        unsigned again; /* lines that the database had not heard of when it was attached */
        char *pending;  /* of the transaction */
        size_t n_pending, allocated;
        size_t n_written; /* of the transaction that is being committed, bytes at the end of the file */
} Ledger;
#define LEDGER_NONE ((Ledger) { .fd = -EBADF })

/* Reads the file, if it is there. -EBADMSG: it is damaged. */
int ledger_open(Ledger *l, const char *dir);
/* The same for who changes nothing: neither the file, nor the database that it is attached to. */
int ledger_read(Ledger *l, const char *dir);
void ledger_close(Ledger *l);
bool ledger_exists(const Ledger *l);

/* Has the database catch up and, from then on, notes what is taken from it: l must stay where it is. Makes
 * the file where there is none. In the database's own transaction. */
int ledger_attach(Ledger *l, Db *db);
/* How many lines a database that knows the first `stamp` has not heard of; their texts, as "token anna abc",
 * into ret (may be NULL; NULL-ended, to be freed with each text). */
int ledger_count_after(const Ledger *l, int64_t stamp, char ***ret);
/* Forgets all up to that number. */
int ledger_prune(Ledger *l, int64_t stamp);
/* Tries again to take out what was not committed, where that failed. */
int ledger_cut(Ledger *l);

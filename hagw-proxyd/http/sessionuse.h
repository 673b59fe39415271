/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The sessions by which something is under way in a worker, or was lately: whether they have ended, and
 * whether they were used since hagw-webd was told. Touches nothing but itself. */

#define SESSION_USES_BUCKETS 256U /* a power of two */
#define SESSION_USES_MAX 4096U    /* more than hagw-webd has sessions and tokens */

#define MESSAGE_SESSION_ID_MAX 33U

typedef char SessionId[MESSAGE_SESSION_ID_MAX];

typedef struct SessionUse {
        struct SessionUse *next;
        unsigned n;  /* requests under way */
        bool ended;  /* they are to be cut */
        bool used;   /* since it was told last */
        SessionId id;
} SessionUse;

typedef struct SessionUses {
        SessionUse *buckets[SESSION_USES_BUCKETS];
        size_t n;
} SessionUses;

/* A request begins. NULL: no memory, or there are too many. */
SessionUse *session_use_begin(SessionUses *t, const char *id);
/* It has come to its end. */
void session_use_end(SessionUses *t, SessionUse *u);

/* Ends those in the list, or (others) all but those; the list is sorted. True: one of them has something
 * under way. */
bool session_uses_revoke(SessionUses *t, const SessionId *ids, size_t n, bool others);

/* Writes the ids of those that were used since the last time; returns how many, at most SESSION_USES_MAX.
 * Forgets who has nothing under way. */
size_t session_uses_take(SessionUses *t, SessionId ids[static SESSION_USES_MAX]);
void session_uses_done(SessionUses *t);

/* For bsearch() and qsort() of lists of ids. */
int session_id_compare(const void *a, const void *b);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Login sessions: who is in, since when, for how long. Of a session's secret only the SHA-256 is known here.
 * A lasting one was made by hand for a program that cannot log in: nothing but its end ends it.
 * Times are CLOCK_REALTIME in usec, given by the caller. Pure. */

#define SESSION_HASH_SIZE 32U
#define SESSION_ID_LENGTH 8U
#define SESSIONS_MAX 1024U          /* in all; the least recently used gives way */
#define SESSIONS_PER_USER_MAX 32U   /* the same */
#define SESSIONS_LASTING_MAX 256U   /* in all; more are refused */
#define SESSION_AGENT_MAX 160U      /* bytes kept of a User-Agent */
#define SESSION_VALID_USEC (60 * USEC_PER_SEC) /* how long an answer about a session may be kept */
/* hagw-proxyd tells of a session's use so much later at most, and what is not told yet ends no session: a
 * session's idle time is longer by this. */
#define SESSION_USE_LAG_USEC (30 * USEC_PER_SEC)

typedef struct Session {
        uint8_t hash[SESSION_HASH_SIZE];
        char id[SESSION_ID_LENGTH + 1]; /* public: the hash's first hexadecimal digits */
        char *user, *host, *address, *agent; /* agent: of a lasting one, what it was called */
        uint64_t created_usec, used_usec;
        bool lasting;
        bool relayed; /* the address is a relay's word */
} Session;

typedef struct SessionTable {
        Session **items;
        size_t n, allocated;
        uint64_t idle_usec, absolute_usec; /* lifetimes since the last use and since the login */
        void (*on_end)(const Session *s, void *userdata); /* told of each session that ends; may be NULL */
        void *userdata;
} SessionTable;

/* Adds a session and makes room for it where a limit is reached. -EEXIST: one with this public id is there
 * already (make a new secret); -E2BIG: too many lasting ones; -ENOMEM. The session stays the table's. */
int session_add(SessionTable *t, const uint8_t hash[static SESSION_HASH_SIZE], const char *user,
                const char *host, const char *address, const char *agent, uint64_t created_usec,
                uint64_t used_usec, bool lasting, Session **ret);

/* The live session with this hash, or NULL; an expired one ends. */
Session *session_find(SessionTable *t, const uint8_t hash[static SESSION_HASH_SIZE], uint64_t now_usec);

/* By its public id; NULL: there is none. */
Session *session_find_id(const SessionTable *t, const char *id);

void session_touch(Session *s, uint64_t now_usec);
/* Nothing was made or used after now: a clock that was ahead makes no session live longer. */
void session_clamp(SessionTable *t, uint64_t now_usec);
/* The clock was set by so much: sessions are as old as before, and end neither early nor late. */
void session_shift(SessionTable *t, int64_t jump_usec);
/* USEC_INFINITY: it lasts. */
uint64_t session_expires_usec(const SessionTable *t, const Session *s);
/* How long an answer about the session may be kept, from now. */
uint64_t session_valid_usec(const SessionTable *t, const Session *s, uint64_t now_usec);

void session_end(SessionTable *t, Session *s);
/* Ends those that match: id NULL stands for any, user NULL for any. Returns how many. */
size_t session_end_matching(SessionTable *t, const char *id, const char *user);
/* When the next one of them expires; USEC_INFINITY: none does. */
uint64_t session_next_end_usec(const SessionTable *t);
/* Ends what has expired. Returns how many. */
size_t session_prune(SessionTable *t, uint64_t now_usec);
void session_table_done(SessionTable *t);
